"""Verdicts: what is said about an answer, in fields for programs and in text for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from types import MappingProxyType
from typing import Any, Literal

from bpcourse.numbers import WIDTH, Reading, format_given, format_number
from bpcourse.palette import STATUS_COLORS
from bpcourse.render import render
from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Step
from bpcourse.tutor.matching import CLOSE, DIGITS_NEAR, NEAR, Judgment, Match, Right
from bpcourse.tutor.mistakes import Mistake
from bpcourse.tutor.slips import Slip

ONE_KIND = (
    {"forgot_bias_forward", "forgot_hidden_bias", "forgot_output_bias"},
    {"weights_read_columnwise", "output_weights_columnwise"},
    {"drop_sigma_prime_all", "drop_sigma_prime_hidden", "drop_sigma_prime_out"},
    {"updated_output_weights_first", "in_place_alias"},
    {"sign_slip", "bce_sign", "ce_sign", "lost_sign"},
)
"""Mistakes of one kind. If several of them give the same number, only the likeliest is named."""

Status = Literal["correct", "mistake", "could be", "wrong", "not answered", "unreadable"]
TEXTS = read_toml("tutor/marking.toml")
STATUS: dict[Status, tuple[str, str]] = {status: (sign, words) for status, (sign, words) in TEXTS["status"].items()}
"""The sign and the words of each status. Its color is in `bpcourse.palette.STATUS_COLORS`."""

ROUND_ONCE = "Did you round intermediate values? Keep all digits in the calculator, and round once, at the end."


@dataclass(frozen=True, repr=False)
class Verdict:
    """The verdict on one answer, on an array or on a chain of answers. It is true only if the answer is right.

    Parameters
    ----------
    status : str
        "correct", "mistake" (a mistake is named), "could be", "wrong", "not answered" or "unreadable".
    message, hint : str
        The words for people. Nothing parses them.
    mistakes : tuple of str
        Ids of the mistakes that give this number, the likeliest first.
    steps : mapping of str to Verdict
        For a chain or an array, the verdict on each answer, by name. Read-only.
    first : str
        For a chain or an array, the name of the first wrong answer, or "".
    carried : bool
        Whether the answer is right only given the learner's own earlier numbers.
    rounded : bool
        Whether the answer is right, but rounding in between changed its last digits.
    note : str
        What there is to say about a right answer besides that it is right, or "".
    code : str
        For a function, lines of NumPy that would be right, or "".
    """

    status: Status
    message: str
    hint: str = ""
    mistakes: tuple[str, ...] = ()
    steps: Mapping[str, Verdict] = field(default_factory=dict)
    first: str = ""
    carried: bool = field(default=False, kw_only=True)
    rounded: bool = field(default=False, kw_only=True)
    note: str = field(default="", kw_only=True)
    code: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))

    def __bool__(self) -> bool:
        return self.status == "correct"

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "steps": dict(self.steps)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, steps=MappingProxyType(state["steps"]))

    def __repr__(self) -> str:
        sign, words = STATUS[self.status]
        paragraphs = [*f"{sign} {words}: {self.message}".splitlines(), *self.hint.splitlines()]
        paragraphs += ["A correct line is in .code."] if self.code else []
        return "\n  ".join(line for paragraph in paragraphs for line in wrap(paragraph, WIDTH))

    def _repr_html_(self) -> str:
        sign, words = STATUS[self.status]
        return str(render("verdict.html", verdict=self, sign=sign, words=words, color=STATUS_COLORS[self.status]))


def in_words(step: Step, reading: Reading, judgment: Judgment, matches: list[Match], *, start: str = "") -> Verdict:
    """Put the judgment on one answer into words.

    Parameters
    ----------
    step : Step
        What was asked for.
    reading : Reading
        The answer.
    judgment : Judgment
        The judgment on it.
    matches : list of Match
        What it fits, possibly reduced in view of other answers.
    start : str
        Where to look first if nothing fits.
    """
    said, size = answer_in_words(step, reading), judgment.size
    if judgment.right is Right.ROUNDED:
        exactly = format_number(judgment.value, min(max(reading.digits, 4), 6))
        note = f"with all digits in between it is {exactly}"
        return Verdict("correct", f"{said}; {note}.", carried=judgment.carried, rounded=True, note=note)
    if judgment.carried:
        note = "it follows from your own earlier numbers"
        return Verdict("correct", f"{said}; {note}.", carried=True, note=note)
    if judgment.right is Right.EXACTLY:
        return Verdict("correct", f"{said}.")
    if judgment.right is Right.SHORT:
        asked = "Write at least three significant digits, so that there is enough to compare."
        return Verdict("could be", f"{said} agrees as far as it goes.", asked)
    if math.isinf(size):
        return Verdict("wrong", f"{said}; but the right value is too large for a float. Ask for another one.")
    if judgment.right is Right.NEARLY and not matches:
        asked = "Did you round intermediate values? Keep at least four digits at each step."
        return Verdict("could be", f"{said} is near the right value.", asked)
    if not matches:
        return _without_a_match(step, said, judgment, start)
    likeliest, ids = matches[0], tuple(dict.fromkeys(id for match in matches for id in match.ids))
    words = likeliest.mistakes[0].words_for(step)
    if len(matches) == 1 and likeliest.stated:
        message = f"{said} is what comes out if {clause(likeliest, step)}.{_belief(likeliest, step)}"
        return Verdict("mistake", message, words.hint, ids)
    guesses = "; or if ".join(dict.fromkeys(clause(match, step) for match in matches[:3]))
    if judgment.right is Right.NEARLY or (reading.digits >= DIGITS_NEAR and judgment.off <= NEAR * size):
        asked = f"{said} is close. Did you round intermediate values? If not, it could come out if {guesses}."
        return Verdict("could be", asked, words.hint, ids)
    if likeliest.rounded:
        guesses += ", with rounded intermediate values"
        more = "Keep more digits at each step"
    else:
        more = "Write more digits" if reading.digits < DIGITS_NEAR and reading.value else "Check a second value as well"
    return Verdict("could be", f"{said} could come out if {guesses}.", f"{words.hint}\n{more} to be sure.", ids)


def _without_a_match(step: Step, said: str, judgment: Judgment, start: str) -> Verdict:
    if judgment.off <= CLOSE * judgment.size:
        return Verdict("wrong", f"{said} is close to the right value, but not right.", ROUND_ONCE)
    if judgment.nearest is not None:
        name = clause(judgment.nearest, step)
        return Verdict("wrong", f"{said} is very near what comes out if {name}. {ROUND_ONCE}", start)
    return Verdict("wrong", f"{said}. I don't recognize this number.", start)


def _belief(match: Match, step: Step) -> str:
    """Return the sentence about what the student may have thought, if the mistakes of a match share one belief."""
    beliefs = {mistake.words_for(step).believes for mistake in _named(match)} - {""}
    return f"\nYou may have thought: {beliefs.pop()}" if len(beliefs) == 1 and not match.pair else ""


def _named(match: Match) -> list[Mistake | Slip]:
    """Return the mistakes of a match that are named: of each kind only the likeliest."""
    named: list[Mistake | Slip] = []
    for mistake in match.mistakes:
        if match.pair or not any({mistake.id, other.id} <= kind for other in named for kind in ONE_KIND):
            named.append(mistake)
    return named


def clause(match: Match, step: Step) -> str:
    """Return the description of a match, as it follows "what comes out if …"."""
    names = (mistake.words_for(step).name for mistake in _named(match)[:2])
    return "two mistakes are made: " + ", and ".join(names) if match.pair else ", or if ".join(names)


def tally(verdicts: Mapping[str, Verdict]) -> str:
    """Return how many answers are right, and how many are not answered yet; "" if none is answered."""
    blank = sum(verdict.status == "not answered" for verdict in verdicts.values())
    count = f"{sum(map(bool, verdicts.values()))} of {len(verdicts)} right"
    return "" if blank == len(verdicts) else count + f", {blank} not answered yet" * bool(blank)


def answer_in_words(step: Step, reading: Reading) -> str:
    """Return an answer as an equation."""
    digits = min(reading.digits, 6)
    shown = format_number(reading.value, digits) if reading.written else format_given(reading.value + 0.0)  # no −0
    return f"{step.name} = {shown}"
