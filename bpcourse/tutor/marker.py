"""The marker: judges one answer or several, and says what there is to say about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.numbers import Reading
from bpcourse.tutor.equations import Step, needed_for
from bpcourse.tutor.matching import CLOSE, DIGITS_NEAR, SAME, Judgment, Match, Right, judge
from bpcourse.tutor.mistakes import Candidate, Memo, candidates
from bpcourse.tutor.reading import TIE, read_answer, with_its_zeros
from bpcourse.tutor.slips import slips
from bpcourse.tutor.verdicts import Verdict, answer_in_words, in_words, tally
from bpcourse.tutor.words import look_for

DIGITS_SLIP = 5  # with fewer digits, too many slips give the same number
MOST_SLIPS_BY_CHANCE = {5: 0.0003, 6: 0.00015}
SINGLE_PRECISION = 3e-6  # relative error that a number computed in float32 may have


@dataclass(frozen=True)
class Marked:
    """One readable answer and the judgment on it, which compared it `scale` times as large."""

    step: Step
    reading: Reading
    judgment: Judgment
    slack: float = 0.0
    scale: int = 1

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.judgment.right in (Right.EXACTLY, Right.ROUNDED)

    @property
    def wrong(self) -> bool:
        """Whether the answer is wrong, or may be."""
        return not self.right and self.judgment.right is not Right.SHORT


@dataclass(frozen=True)
class Marker:
    """Marks the answers to one pass.

    Parameters
    ----------
    trace : Trace
        The pass.
    steps : mapping of str to Step
        Its steps.
    given : mapping of str to float
        What the exercise printed.
    memo, found : dict
        What mistakes make of the values, as far as it was computed.
    """

    trace: Trace
    steps: Mapping[str, Step]
    given: Mapping[str, float] = field(default_factory=dict)
    memo: Memo = field(default_factory=dict)
    found: dict[str, list[Candidate]] = field(default_factory=dict)

    def check(self, step: Step, answer: object) -> Verdict:
        """Return the verdict on one number."""
        reading = self.read(step, answer)
        if isinstance(reading, Verdict):
            return reading
        marked = self.mark(step, reading)
        return self.verdict(marked, self.with_slips(marked))

    def read(self, step: Step, answer: object) -> Reading | Verdict:
        """Read an answer, or return the verdict that there is nothing to compare.

        In single precision a sum is only as exact as its largest term.
        """
        try:
            reading = read_answer(answer)
        except ValueError as error:
            return Verdict("unreadable", f"{step.name}: {error}.")
        if reading is None:
            return Verdict("not answered", f"{step.name} = ?", "Put your number in place of the dots.")
        single = self.trace["x"].dtype == np.float32 or issubclass(type(answer), np.float32)
        terms = step.terms({needed: abs(value) for needed, value in step.inputs.items()}) if single else []
        exact = SINGLE_PRECISION * max([abs(reading.value), *terms]) if single else SAME * abs(reading.value)
        return replace(reading, half_unit=max(reading.half_unit * TIE, exact / 2))

    def mark(
        self, step: Step, reading: Reading, own: Mapping[str, float] | None = None, slack: float = 0.0, scale: int = 1
    ) -> Marked:
        """Judge a number, given the learner's `own` earlier ones, whose last digits can move it by `slack`.

        A number that is right by itself is right whatever came before. One that contains the 1/n of a batch is compared
        with the step of an example `scale` = n times as large.
        """
        full = with_its_zeros(replace(reading, written=reading.written and step.kind != "given"))
        known = {name: value for name, value in {**self.given, **(own or {})}.items() if name != step.name}
        wrong = partial(self.wrong_values, step, known, shared=not own)
        judgment = judge(step, times(reading, scale), times(full, scale), self.steps, wrong, known, slack)
        marked = Marked(step, full, judgment, slack, scale)
        alone = marked if marked.right or not own else self.mark(step, reading, scale=scale)
        return alone if alone.right else marked

    def wrong_values(self, step: Step, known: Mapping[str, float], shared: bool) -> list[Candidate]:
        """Return the values that mistakes give, computed only once if they are `shared` by several answers."""
        if not shared:
            return list(candidates(self.steps, step.name, known))
        if step.name not in self.found:
            self.found[step.name] = list(candidates(self.steps, step.name, known, self.memo))
        return self.found[step.name]

    def with_slips(self, marked: Marked, own: Mapping[str, float] | None = None) -> list[Match]:
        """Return the matches of an answer. If no mistake gives exactly this number, a single slip may."""
        judgment, reading = marked.judgment, marked.reading
        matches = list(judgment.matches)
        explained = matches and (not matches[0].rounded or reading.digits < DIGITS_NEAR)
        far = judgment.right is Right.NO and judgment.off > CLOSE * judgment.size
        if explained or not far or reading.digits < DIGITS_SLIP or marked.step.kind == "given":
            return matches
        found = slips(self.trace, self.steps, marked.step.name, {**self.given, **(own or {})})
        compared = times(reading, marked.scale)
        half = compared.half_unit + marked.slack
        stated = found.chance(compared.value, half) <= MOST_SLIPS_BY_CHANCE[min(reading.digits, 6)]
        fits = found.fitting(compared.value, half)
        if stated and fits:
            return [Match(fits, stated=True)]
        return [*(Match((slip,)) for slip in fits), *matches]

    def verdict(self, marked: Marked, matches: list[Match]) -> Verdict:
        """Put the judgment on one answer into words."""
        start = look_for(marked.step)
        if not matches and marked.wrong:
            way = [step.name for step in needed_for(self.steps, marked.step.name, self.given) if step.kind != "given"]
            if len(way) > 1:
                start += f"\nIf that does not help, check your value of {way[0]}, where the computation begins."
        judgment = replace(marked.judgment, value=marked.judgment.value / marked.scale)
        return in_words(marked.step, marked.reading, judgment, matches, start=start)


def times(reading: Reading, scale: int) -> Reading:
    """Return a number `scale` times as large, with the same digits."""
    return replace(reading, value=reading.value * scale, half_unit=reading.half_unit * scale)


def summary(
    marker: Marker,
    marked: Mapping[str, Marked | Verdict],
    *,
    elsewhere: Set[str] = frozenset(),
    own: Mapping[str, float] | None = None,
    where: str = "",
) -> Verdict:
    """Return the verdict on several answers: on each, and the first mistake that is named.

    Parameters
    ----------
    marker : Marker
    marked : mapping of str to Marked or Verdict
        The answers.
    elsewhere : set of str
        Ids of mistakes that would have changed answers that are right. They come last.
    own : mapping of str to float, optional
        What the learner answered before the first wrong answer.
    where : str, optional
        Which answers are wrong, if there is a shorter way to say it than a list of names.
    """
    wrong = {name: each for name, each in marked.items() if isinstance(each, Marked) and each.wrong}
    explained = Counter(id for each in wrong.values() for match in each.judgment.matches for id in match.ids)
    named: set[str] = set()
    first = next(iter(wrong), "")
    verdicts = {}
    for name, each in marked.items():
        if not isinstance(each, Marked):
            verdicts[name] = each
            continue
        found = marker.with_slips(each, own) if name == first else list(each.judgment.matches)
        verdict = marker.verdict(each, _by_what_they_explain(found, explained, elsewhere))
        again = tuple(id for id in verdict.mistakes if id in named)
        if again:
            said = answer_in_words(each.step, each.reading)
            verdict = Verdict("mistake", f"{said}: the same mistake once more.", "", again)
        if verdict.status == "mistake":
            named.update(verdict.mistakes)
        verdicts[name] = verdict
    count = tally(verdicts)
    if carried := sum(isinstance(each, Marked) and each.judgment.carried for each in marked.values()):
        count += f"; {carried} of them follow{'s' * (carried == 1)} correctly from your own earlier numbers"
    if 1 < len(wrong) < len(verdicts):
        count += f"; not right: {where or ', '.join(wrong)}"
    left = next((name for name, verdict in verdicts.items() if verdict.status != "correct"), "")
    if not left:
        return Verdict("correct", f"{count}.", steps=verdicts)
    headline = next((verdict for verdict in verdicts.values() if verdict.status == "mistake"), verdicts[first or left])
    message = f"{count}. {headline.message}" if count else headline.message
    return Verdict(headline.status, message, headline.hint, headline.mistakes, verdicts, first)


def _by_what_they_explain(matches: list[Match], explained: Mapping[str, int], elsewhere: Set[str]) -> list[Match]:
    """Return the matches that explain most answers. A single one that explains several answers is certain."""
    matches = [
        replace(match, mistakes=tuple(sorted(match.mistakes, key=lambda mistake: mistake.id in elsewhere)))
        for match in matches
    ]
    most = max((explained[id] for match in matches for id in match.ids), default=0)
    if most < 2:
        return matches
    best = []
    for match in matches:
        likeliest = tuple(mistake for mistake in match.mistakes if explained[mistake.id] == most)
        if likeliest:
            best.append(match if match.pair else replace(match, mistakes=likeliest))
    return [replace(best[0], stated=True)] if len(best) == 1 else best
