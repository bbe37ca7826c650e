"""Marking: what a learner's number tells about how it was computed.

`check` compares an answer with the right value and with the value that each mistake gives. In the rule, h is half a
unit of the last digit that was written, and o is the value if nothing had been done (the old weight for a new weight,
the old loss for the new loss, otherwise 0).

1. An answer is right if it has at least three significant digits and is within 2h of the right value, or if it equals
   the right value, with any number of digits. (A number that Python computed from rounded numbers has digits that
   nobody claimed. Three of them must be right.)
2. A mistake matches if its value is within h. If that value is within 0.2 % of |right − o| of the right one, the match
   counts only from six digits on, and only as a possibility, because honest rounding can end there too.
3. With many wrong values, a match by accident is likely. So go through the values, the most common mistakes first, and
   add up the share of numbers that match by accident. There are two sums. For all values, the share is that of the
   numbers within a factor of ten, 2h / (|value − o|·2 ln 10), with h for the digits of the answer. For values within
   30 % of the right one, it is the share of the numbers there, 2h / (0.6·|right − o|). A mistake is named for certain
   while its sum is at most 0.022: the second sum for a value within 30 %, the first for others. After that it is a
   possibility ("could be").
4. Mistakes that give the same value (to 1e-9) are named together.
5. In a chain, h grows by as much as the last digits of the learner's earlier answers can change the value, and the
   mistakes that explain most answers come first.

The rule and its numbers were found with a prototype. benchmarks/diagnosis.py measures how well they work.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from textwrap import wrap
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import Array
from bpcourse.names import Name
from bpcourse.numbers import WIDTH, Reading, format_number
from bpcourse.palette import STATUS_COLORS
from bpcourse.render import render
from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Step, Values, entries, look_up, needed_for, table
from bpcourse.tutor.matching import Right, judge
from bpcourse.tutor.mistakes import MISTAKES, Candidate, Mistake, candidates, wrong_values
from bpcourse.tutor.reading import FEWEST_DIGITS, TIE, is_nothing, read_answer, with_its_zeros
from bpcourse.tutor.slips import Slip, fitting, slips
from bpcourse.tutor.solutions import Hand

SAME = 1e-9  # relative: two values that differ by less are the same
NEAR = 0.002  # of |right − o|: closer to the right value, rounding explains as much as a mistake
DIGITS_NEAR = 6
DIGITS_SLIP = 5  # with fewer digits, too many slips give the same number
THREE_DIGITS = 0.0005  # of |right − o|: closer than this, three digits are right
CLOSE = 0.01  # of |right − o|: an answer this close may come from rounding in between
AROUND = 0.3  # of |right − o|: most numbers that are slightly wrong are within this distance
MOST_ACCIDENTS = 0.022
LARGEST = 1e300  # nothing larger is compared
NOTHING = 1e-12  # relative to the right value: what should be 0, except for rounding in the machine
SINGLE_PRECISION = 3e-6  # relative error that a number computed in float32 may have

Wrong = tuple[tuple[Mistake, ...], float]
"""A mistake or a pair of mistakes, and the value that it gives."""

Status = Literal["correct", "mistake", "could be", "wrong", "not answered", "unreadable"]
TEXTS = read_toml("tutor/marking.toml")
STATUS: dict[Status, tuple[str, str]] = {status: (sign, words) for status, (sign, words) in TEXTS["status"].items()}
"""The sign and the words of each status. Its color is in `bpcourse.palette.STATUS_COLORS`."""

LOOK: dict[str, str] = TEXTS["look"]
"""Where to look first, for each kind of step."""


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
        Whether the answer is right to three digits, but something was rounded in between.
    note : str
        What there is to say about a right answer besides that it is right, or "".
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
        return "\n  ".join(line for paragraph in paragraphs for line in wrap(paragraph, WIDTH))

    def _repr_html_(self) -> str:
        sign, words = STATUS[self.status]
        return str(render("verdict.html", verdict=self, sign=sign, words=words, color=STATUS_COLORS[self.status]))


def check(
    trace: Trace, name: str | Mapping[str, object], answer: object = ..., *, learning_rate: float | None = None
) -> Verdict:
    """Check an answer: it is right, or a mistake gives exactly this number.

    Parameters
    ----------
    trace : Trace
        The pass.
    name : str or mapping
        The name of a value, such as ``"dW1[1,2]"``, or of an array, ``"dW1"``; or a chain of answers by name,
        ``{"z1[1]": 0.4, …}``.
    answer : number, text or array
        A number, or text as a person writes or pastes it: `0.0822`, `-0,08`, `8.2e-2`, `1/3`, `17.8 %`,
        `np.float64(0.0822)`, `0.45*-0.02`. Text keeps its digits, except the results of arithmetic. A float
        counts as written with at least three digits. If it has more than six it was computed, and three of them must
        be right. `...`, None and "" are not answered yet.
    learning_rate : float, optional
        The learning rate, if values after the update are asked for, or may have been used too early.

    Returns
    -------
    Verdict
        True only if the answer is right. In a chain, an answer that follows correctly from the learner's own earlier
        answers counts as right.

    Raises
    ------
    ValueError
        If this pass does not have the name. An answer never raises.

    See Also
    --------
    gradcheck.check : Checks the gradients of a trace numerically.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> trace = EXAMPLES["mazur"].backprop()
    >>> check(trace, "dW2[1,1]", "0.0822").status
    'correct'
    >>> check(trace, "dW2[1,1]", "0.1385")
    ✗ Not right, and this is why: dW2[1,1] = 0.1385 is what comes out if the chain stops at δ,
      without the slope ∂z/∂w.
      You may have thought: δ is the gradient of the weight.
      You have ∂L/∂z. How does z change when this one weight does?
    >>> check(trace, {"z1[1]": "0.3775", "a1[1]": "0.5933"}).status
    'correct'
    """
    steps = table(trace, learning_rate)
    if isinstance(name, Mapping):
        if answer is not ...:
            raise ValueError("if `name` is a mapping with the answers, do not pass an answer as well.")
        return _check_chain(trace, steps, name)
    names = entries(steps, name)
    if names is not None:
        return _check_array(trace, steps, name, names, answer)
    return _check_one(trace, steps, look_up(steps, name), answer)


def check_each(
    trace: Trace, name: str, answers: Iterable[object], *, learning_rate: float | None = None
) -> Iterator[Verdict]:
    """Yield the verdicts of `check` on many answers to the same question. The mistakes are computed only once.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> trace = EXAMPLES["mazur"].backprop()
    >>> [verdict.status for verdict in check_each(trace, "dW2[1,1]", ("0.0822", "0.1385", "7"))]
    ['correct', 'mistake', 'wrong']
    """
    steps = table(trace, learning_rate)
    step = look_up(steps, name)
    wrong = list(candidates(steps, step.name))
    for answer in answers:
        yield _check_one(trace, steps, step, answer, wrong)


# One number


def _check_one(
    trace: Trace, steps: Mapping[str, Step], step: Step, answer: object, wrong: Iterable[Candidate] | None = None
) -> Verdict:
    """Check one number. `wrong` has the values that mistakes give, if they are already known."""
    reading = _read(step, answer, trace)
    if isinstance(reading, Verdict):
        return reading
    marked = _Marked(trace, step, reading, steps, wrong=wrong)
    return marked.verdict(marked.slip_matches())


def _read(step: Step, answer: object, trace: Trace) -> Reading | Verdict:
    """Read an answer, or return the verdict that there is nothing to compare.

    In single precision a sum is only as exact as its largest term.
    """
    name = step.name
    try:
        reading = read_answer(answer)
    except ValueError as error:
        return Verdict("unreadable", f"{name}: {error}.")
    except OverflowError:
        return Verdict("unreadable", f"{name}: needed one number; this one is too large for a float.")
    except Exception:  # a time span, or an object that fails to be a float
        return Verdict("unreadable", f"{name}: needed one number; got a {type(answer).__name__}.")
    if reading is None:
        return Verdict("not answered", f"{name} = ?", "Put your number in place of the dots.")
    single = np.float32 in (trace["x"].dtype, getattr(answer, "dtype", None))
    terms = step.terms({needed: abs(value) for needed, value in step.inputs.items()}) if single else []
    exact = SINGLE_PRECISION * max([abs(reading.value), *terms]) if single else SAME * abs(reading.value)
    return replace(reading, half_unit=max(reading.half_unit * TIE, exact / 2))


@dataclass(frozen=True)
class _Match:
    """One wrong value that an answer matches: mistakes that give it, singly or as a pair, and whether it is certain."""

    mistakes: tuple[Mistake | Slip, ...]
    pair: bool
    stated: bool

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(mistake.id for mistake in self.mistakes)

    def after(self, ids: Set[str]) -> _Match:
        """Return the same with the mistakes of these ids at the end."""
        return replace(self, mistakes=tuple(sorted(self.mistakes, key=lambda mistake: mistake.id in ids)))

    @property
    def clause(self) -> str:
        names = (", and " if self.pair else ", or if ").join(mistake.name for mistake in self.mistakes[:2])
        return "two mistakes are made: " + names if self.pair else names


class _Marked:
    """One readable answer, compared with the right value, given what else the learner has computed.

    known : the learner's own earlier values, which are used unchanged
    slack : how far their last digits can move this value
    wrong : the values that mistakes give, if they are already known
    """

    def __init__(
        self,
        trace: Trace,
        step: Step,
        reading: Reading,
        steps: Mapping[str, Step],
        known: Mapping[str, float] | None = None,
        slack: float = 0.0,
        wrong: Iterable[Candidate] | None = None,
    ) -> None:
        full = with_its_zeros(replace(reading, written=reading.written and step.kind != "given"))
        self.step, self.reading = step, full
        self.judgment = found = judge(step, reading, full, steps, known, slack, wrong)
        self.size, self.off = found.size, min(abs(reading.value - found.value), abs(reading.value - step.value))
        self.rounded = found.right is Right.ROUNDED
        self.right = found.right in (Right.EXACTLY, Right.ROUNDED)
        self.too_short, self.carried = found.right is Right.SHORT, found.carried
        self.matches = [_Match(match.mistakes, match.pair, match.stated) for match in found.matches]
        self.wrong = not self.right and not self.too_short
        self._slips = partial(slips, trace, steps, step.name, known)
        self._half = full.half_unit + slack

    def slip_matches(self) -> list[_Match]:
        """Search for a single slip that gives the answer, if no known mistake does."""
        far = self.judgment.right is Right.NO and self.off > CLOSE * self.size
        if not far or self.matches or self.reading.digits < DIGITS_SLIP:
            return self.matches
        return [_Match((slip,), False, False) for slip in fitting(self._slips(), self.reading.value, self._half)]

    def verdict(self, matches: list[_Match]) -> Verdict:
        """Put the verdict into words. `matches` are its own, possibly reduced in view of other answers."""
        said, ids = self.said, tuple(dict.fromkeys(id for match in matches for id in match.ids))
        near = self.judgment.right is Right.NEARLY or (
            self.reading.digits >= DIGITS_NEAR and self.off <= NEAR * self.size
        )
        if self.rounded:
            note = "right to three digits; something was rounded on the way"
            return Verdict("correct", f"{said}, {note}.", carried=self.carried, rounded=True, note=note)
        if self.carried:
            note = "given your own earlier numbers"
            return Verdict("correct", f"{said}, {note}.", carried=True, note=note)
        if self.right:
            return Verdict("correct", f"{said}.")
        if self.too_short:
            asked = "Write it with three significant digits or more; then there is something to compare."
            return Verdict("could be", f"{said} agrees as far as it goes.", asked)
        if math.isinf(self.size):
            return Verdict("wrong", f"{said}; but the right value is too large for a float. Ask for another one.")
        if self.judgment.right is Right.NEARLY and not matches:
            asked = "Did you round intermediate values? Keep four digits at each step."
            return Verdict("could be", f"{said} is near the right value.", asked)
        if not matches and self.off <= CLOSE * self.size:
            advice = "Was something rounded on the way? Keep all digits in the calculator, and round once, at the end."
            far = "right to three digits" if self.off <= THREE_DIGITS * self.size else "close"
            return Verdict("wrong", f"{said} is {far}, but not to the last that you wrote.", advice)
        if not matches:
            return Verdict("wrong", f"{said}; no mistake that is known here makes that number.", LOOK[self.step.kind])
        if len(matches) == 1 and matches[0].stated:
            match, likeliest = matches[0], matches[0].mistakes[0]
            thought = f"\nYou may have thought: {likeliest.believes}" if likeliest.believes and not match.pair else ""
            return Verdict("mistake", f"{said} is what comes out if {match.clause}.{thought}", likeliest.hint, ids)
        guesses = "; or if ".join(match.clause for match in matches[:3])
        if near:
            rounded = "was something rounded on the way? If not, it could come out if"
            return Verdict("could be", f"{said} is close: {rounded} {guesses}.", "", ids)
        more = "Write one more digit" if self.reading.digits < DIGITS_NEAR else "Answer for another layer too"
        return Verdict("could be", f"{said} could come out if {guesses}.", f"{more}: chance is not ruled out yet.", ids)

    @property
    def said(self) -> str:
        """The learner's answer as an equation."""
        return f"{self.step.name} = {format_number(self.reading.value, min(self.reading.digits, 6))}"


def nothing_done(step: Step, values: Mapping[str, float]) -> float:
    """Return o: for a new parameter the old one, for the new loss the old loss, otherwise 0."""
    if step.kind == "new":
        return values[step.needs[0]]
    return values[f"loss{step.at}"] if step.new and step.parts.quantity == "loss" else 0.0


def usual_first(wrong: Wrong) -> tuple[int, int]:
    """Return a sort key that puts the likeliest wrong values first and pairs last."""
    mistakes, _ = wrong
    return len(mistakes), -mistakes[0].prior


# A chain of numbers


def _check_chain(trace: Trace, steps: Mapping[str, Step], answers: Mapping[str, object]) -> Verdict:
    """Mark each answer given the learner's earlier ones, and name the mistake that explains most of the wrong ones."""
    asked: dict[str, object] = {}
    for name, answer in answers.items():
        own = look_up(steps, name).name
        if own in asked:
            raise ValueError(f"{own} has two answers here; give only one.")
        asked[own] = answer
    if not asked:
        raise ValueError("needed at least one answer, such as {'z1[1]': 0.5}; got an empty chain.")
    known: dict[str, float] = {}
    halves: dict[str, float] = {}
    marked: dict[str, _Marked | Verdict] = {}
    for step in steps.values():
        if step.name in asked:
            reading = _read(step, asked[step.name], trace)
            if isinstance(reading, Verdict):
                marked[step.name] = reading
                continue
            slack = _carried(steps, step.name, known, halves)
            marked[step.name] = _Marked(trace, step, reading, steps, known, slack)
            also = step.needs if step.kind == "y_hat" else ()  # the last a is ŷ by another name
            for name in {step.name, *also} - known.keys():
                known[name], halves[name] = reading.value, reading.half_unit
    return _summary(marked)


def _carried(steps: Mapping[str, Step], name: str, known: Mapping[str, float], halves: Mapping[str, float]) -> float:
    """Return how far the last digits of the learner's earlier answers can move a value."""
    value = Values(steps, known)[name]
    leaves = {needed for step in needed_for(steps, name, known) for needed in step.needs} & known.keys()
    moved = ({**known, leaf: known[leaf] + halves[leaf]} for leaf in leaves)
    return sum(abs(Values(steps, each)[name] - value) for each in moved)


def _summary(marked: Mapping[str, _Marked | Verdict], elsewhere: Set[str] = frozenset()) -> Verdict:
    """Return the verdict on several answers: on each, and the mistake that explains most of the wrong ones.

    elsewhere : ids of mistakes that would have changed answers that are right; they come last
    """
    wrong = {name: each for name, each in marked.items() if isinstance(each, _Marked) and each.wrong}
    explained = Counter(id for each in wrong.values() for match in each.matches for id in match.ids)
    named: set[str] = set()
    first = next(iter(wrong), "")
    verdicts = {}
    for name, each in marked.items():
        if isinstance(each, _Marked):
            own = each.slip_matches() if name == first else each.matches
            matches = [match.after(elsewhere) for match in _by_what_they_explain(own, explained)]
            verdicts[name] = each.verdict(matches)
            again = tuple(id for id in verdicts[name].mistakes if id in named)
            if again:
                verdicts[name] = Verdict("mistake", f"{each.said}: the same mistake once more.", "", again)
            if verdicts[name].status == "mistake":
                named.update(verdicts[name].mistakes)
        else:
            verdicts[name] = each
    good = sum(verdict.status == "correct" for verdict in verdicts.values())
    count = f"{good} of {len(verdicts)} right"
    if carried := sum(isinstance(each, _Marked) and each.carried for each in marked.values()):
        count += f", {carried} of them given your own earlier numbers"
    if 1 < len(wrong) < len(verdicts):
        count += f"; not right: {', '.join(wrong)}"
    left = next((name for name, verdict in verdicts.items() if verdict.status != "correct"), "")
    if not left:
        return Verdict("correct", f"{count}.", steps=verdicts)
    found = verdicts[first or left]
    return Verdict(found.status, f"{count}. {found.message}", found.hint, found.mistakes, verdicts, first)


def _by_what_they_explain(matches: list[_Match], explained: Mapping[str, int]) -> list[_Match]:
    """Return the matches that explain most answers. A single one that explains several answers is certain."""
    most = max((explained[id] for match in matches for id in match.ids), default=0)
    if most < 2:
        return matches
    best = []
    for match in matches:
        likeliest = tuple(mistake for mistake in match.mistakes if explained[mistake.id] == most)
        if likeliest:
            best.append(match if match.pair else replace(match, mistakes=likeliest))
    return [replace(best[0], stated=True)] if len(best) == 1 else best


# A whole array


def _check_array(trace: Trace, steps: Mapping[str, Step], name: str, names: NDArray[Any], answer: object) -> Verdict:
    """Check an array: which entries are wrong, or what happened to its shape."""
    if is_nothing(answer):
        return Verdict("not answered", f"{name} = ?", "Put your array in place of the dots.")
    needed = f"{name}: needed an array of shape {names.shape}"
    if np.ma.isMaskedArray(answer):
        return Verdict("unreadable", f"{needed} without a mask.")
    try:
        array = np.array(answer, dtype=object)
    except Exception:  # any answer becomes a verdict
        return Verdict("unreadable", f"{needed}; what came is no table of numbers.")
    single = getattr(answer, "dtype", None) == np.float32
    any_entry = steps[names.flat[0]]
    own = [steps[each] for each in names.flat] if array.size == names.size else [any_entry] * array.size
    cast = np.float32 if single else lambda each: each
    readings = [_read(step, cast(each), trace) for step, each in zip(own, array.ravel(), strict=True)]
    bad = next((each for each in readings if isinstance(each, Verdict) and each.status == "unreadable"), None)
    if array.size == 0:
        return Verdict("unreadable", f"{needed}; got an empty one.")
    if bad is not None:
        return bad
    if names.shape[0] == 1 and array.shape == names.shape[1:]:
        names = names[0]  # of one example a row is as good as a batch of one
    asked, scale = Name.read(name), 1
    if asked.quantity in ("da", "dz", "dx") and not asked.example:
        scale = len(trace["x"])  # these arrays of a trace contain the 1/n, which an example's own step does not
    right = np.array([steps[each].value / scale for each in names.flat]).reshape(names.shape)
    if not _same(right, array.shape, readings):
        for mistake, wrong in _wrong_arrays(trace, asked, right):
            if _same(wrong, array.shape, readings):
                shape = f" of shape {array.shape}, not {right.shape}," if array.shape != right.shape else ""
                clause = TRANSPOSED if mistake.id == "index_swap" else mistake.name
                said = f"{name}{shape} is what comes out if {clause}."
                return Verdict("mistake", said, mistake.hint, (mistake.id,))
    if array.shape != names.shape:
        message = f"{name} must have shape {right.shape}; got {array.shape}."
        return Verdict("wrong", message, "It has the shape of what it belongs to: which is that?")
    marked: dict[str, _Marked | Verdict] = {}
    for each, reading in zip(names.flat, readings, strict=True):
        if isinstance(reading, Reading):
            scaled = replace(reading, value=reading.value * scale, half_unit=reading.half_unit * scale)
            marked[each] = _Marked(trace, steps[each], scaled, steps)
        else:
            marked[each] = reading
    good = [each for each, mark in marked.items() if isinstance(mark, _Marked) and mark.right]
    elsewhere = set()
    if 0 < len(good) < len(marked):
        found = (mistakes for each in good for mistakes, _ in wrong_values(steps, each))
        elsewhere = {mistake.id for mistakes in found for mistake in mistakes if mistake.answers is None}
    return _summary(marked, elsewhere)


def _same(values: Array, shape: tuple[int, ...], readings: list[Reading | Verdict]) -> bool:
    """Return whether an answer is this array: the same shape, and each entry right to its last digit."""
    if values.shape != shape or not all(isinstance(reading, Reading) for reading in readings):
        return False
    meant = [with_its_zeros(reading) for reading in readings if isinstance(reading, Reading)]
    return all(
        reading.digits >= FEWEST_DIGITS and abs(reading.value - value) <= 2 * reading.half_unit
        for value, reading in zip(values.flat, meant, strict=True)
    )


def _wrong_arrays(trace: Trace, name: Name, right: Array) -> Iterator[tuple[Mistake, Array]]:
    """Yield the arrays that mistakes with shapes and axes give."""
    if right.ndim == 2:
        yield MISTAKES["index_swap"], right.T
        for axis in (0, 1, None):
            yield MISTAKES["summed_over_wrong_axis"], np.array(right.sum(axis=axis))
    if name.quantity == "db" and not name.example:
        dz = trace[f"dz{name.layer}"]
        yield MISTAKES["bias_grad_not_summed"], dz
        yield MISTAKES["summed_over_wrong_axis"], dz.sum(axis=1)
        yield MISTAKES["bias_grad_summed_all_axes"], np.array(dz.sum())
    if name.quantity == "z" and not name.new and len(trace["x"]) == 1:
        W, row = trace[f"W{name.layer}"], trace[f"a{name.layer - 1}"]
        b = trace.get(f"b{name.layer}", np.zeros(W.shape[1]))
        yield MISTAKES["star_for_matmul"], W * row.T + b
        yield MISTAKES["star_for_matmul"], W.T * row + b[:, np.newaxis]


TRANSPOSED = "rows and columns have changed places: it is transposed"
"""The words for an `index_swap` of a whole array."""


# Hints


@dataclass(frozen=True, repr=False)
class Hints:
    """Three hints for one value: `.where` to look, the `.rule`, and the rule with its `.numbers`."""

    where: str
    rule: str
    numbers: str

    def __repr__(self) -> str:
        return f"Hint 1 of 3: {self.where}\n  The next ones: .rule and .numbers"

    def _repr_html_(self) -> str:
        return str(render("hints.html", hints=self))


def hint(trace: Trace, name: str, *, learning_rate: float | None = None, notation: str = "standard") -> Hints:
    """Return three hints for a value, or for the first entry of an array. The last one is just short of the answer.

    Parameters
    ----------
    trace : Trace
        The pass.
    name : str
        The value or the array.
    learning_rate : float, optional
        The learning rate, if a value after the update is asked for.
    notation : str
        "standard" or "lecture".

    Raises
    ------
    ValueError
        If this pass does not have the name.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> hint(EXAMPLES["mazur"].backprop(), "dW2[1,1]").numbers
    '∂L/∂w2₁₁ = 0.5933·0.1385'
    """
    steps = table(trace, learning_rate)
    names = entries(steps, name)
    step = look_up(steps, name if names is None else names.flat[0])
    if step.kind == "y_hat":  # it is the output of the last layer, whose rule helps
        step = steps[step.needs[0]]
    if step.kind == "given":
        return Hints(LOOK["given"], "It needs no rule.", f"{step.name} = {format_number(step.value)}")
    hand, template = Hand.of(steps, notation), step.short or step.template
    symbol = hand.symbol(step.name)
    rule, numbers = (hand.side((template, how)) for how in ("symbols", "numbers"))
    return Hints(LOOK[step.kind], f"{symbol} = {rule}", f"{symbol} = {numbers}")
