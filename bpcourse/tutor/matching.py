"""Matching: the ways of computing a value that fit an answer, and how certain each is.

`judge` compares an answer with the right value and with the value under each mistake, in two stages.

*As if computed exactly.* h is half a unit of the last digit that was written, and o what the value would be if nothing
had been done (the old weight for a new one, the old loss for the new one, else 0).

1. Right: at least three significant digits, and not further than 2h from the right value; or equal to it, with any
   number of digits.
2. A mistake fits if its value is not further than 2h, so that a digit may also have been cut off. Within 0.2 % of
   |right − o| it counts from six digits on only, and only as a possibility: honest rounding leads there too.
3. Many wrong values make an accident likely. Go through them, the most usual first. Each costs the share of numbers
   that match it by accident. A match is stated while its budget lasts (`Budget`). After that it is a possibility.
4. Mistakes that give the same value (to 1e-9) are named together.

*As people compute.* If nothing fits so, every step may have been rounded, see `rounding`. The right way wins if it
fits. Otherwise the mistakes that fit are possibilities, the nearest and most usual first.

The rule and its numbers were found with a prototype. benchmarks/diagnosis.py measures what they give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from bpcourse.numbers import Reading
from bpcourse.tutor.equations import Step, Values
from bpcourse.tutor.mistakes import Candidate, Mistake, right_way
from bpcourse.tutor.reading import FEWEST_DIGITS, half_unit
from bpcourse.tutor.rounding import Keep, habits, spread
from bpcourse.tutor.slips import Slip

SAME = 1e-9  # relative: two values that differ by less are one
NEAR = 0.002  # of |right − o|: nearer to the right value, rounding explains as much as a mistake
DIGITS_NEAR = 6
DIGITS_CUT = 5  # with fewer digits, a number whose last digit was cut off fits too many values
THREE_DIGITS = 0.0005  # of |right − o|: nearer than that, three digits are right
CLOSE = 0.01  # of |right − o|: an answer this close may come from rounding in between
SHORT = 0.1  # of |right − o|: further away, a float is not the right value with too few digits
NEAREST = 0.003  # relative: an answer this close to a wrong value is worth a remark
AROUND = 0.3  # of |right − o|: where most numbers are that are a little wrong
MOST_ACCIDENTS = {3: 0.014, 4: 0.005, 5: 0.0008, 6: 0.0003}
"""By the digits of an answer: the share of random numbers that may be stated to be a mistake."""
ROUNDED_STEPS = ("rounded_too_early", "rounded_to_three")
"""Mistakes that are the right way, with rounded steps. Where their number is nearly right, it is right."""
TOPICS = {"mean": "batch", "slope": "activation", "z": "forward", "a": "forward", "y_hat": "forward", "loss": "loss"}
"""By kind of step: the topic of a question about it."""
LARGEST = 1e300  # beyond, nothing is compared
NOTHING = 1e-12  # relative to the right value: what should be 0 and is not, for rounding in the machine
NOTHING_LEFT = 1e-9  # what should be 0 is never larger
SURE = 2.0  # within this many standard deviations the right way wins over any mistake
DEVIATIONS = 4.0  # an answer fits a value if it is not more standard deviations away
REACH = 0.03  # relative: further away, no habit of rounding is tried
HIT = 2.0  # standard deviations that an exact hit is worth: it is nearly a proof
PRIOR = 0.7  # standard deviations that one step of `Mistake.prior` is worth


class Right(Enum):
    """In which way an answer is right, or not."""

    EXACTLY = "to the last digit"
    ROUNDED = "right way, rounded in between"
    NEARLY = "perhaps the right way, rounded in between, perhaps a mistake"
    SHORT = "agrees, with too few digits"
    NO = "not right"


@dataclass(frozen=True)
class Match:
    """A wrong value that an answer fits.

    Parameters
    ----------
    mistakes : tuple of Mistake or Slip
        What gives it, each or as a pair.
    pair : bool
        Whether it takes two of them together.
    stated : bool
        Whether an accident is unlikely enough to state it.
    rounded : bool
        Whether it fits only if steps were rounded.
    """

    mistakes: tuple[Mistake | Slip, ...]
    pair: bool = False
    stated: bool = False
    rounded: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the mistakes."""
        return tuple(mistake.id for mistake in self.mistakes)


@dataclass(frozen=True)
class Judgment:
    """The judgment on one answer.

    right : in which way it is right
    matches : which mistakes it fits, the likeliest first
    value : the right value, given what else the learner computed
    size : |right − o|
    off : how far the answer is from the right value
    carried : right only given the learner's own earlier numbers
    nearest : the nearest wrong value if the answer fits none, but is very near
    """

    right: Right
    matches: tuple[Match, ...]
    value: float
    size: float
    off: float
    carried: bool = False
    nearest: Match | None = None


class Budget:
    """How much accident is allowed before a match is only a possibility.

    Values within 30 % of the right one pay from one purse, by the share of numbers there that match them; the others
    from another, by the share of numbers within a factor of ten of them.
    """

    def __init__(self, right: float, nothing: float, digits: int) -> None:
        self.right, self.nothing, self.size = right, nothing, abs(right - nothing)
        self.most = MOST_ACCIDENTS[min(max(digits, 3), 6)]
        self.near = self.far = 0.0

    def allows(self, wrong: float, reach: float) -> bool:
        """Pay for a wrong value that everything within `reach` matches, and return whether its purse lasts."""
        self.far += reach / ((abs(wrong - self.nothing) or self.size) * math.log(10))
        if abs(wrong - self.right) > AROUND * self.size:
            return self.far <= self.most
        self.near += reach / (AROUND * self.size)
        return self.near <= self.most


def judge(
    step: Step,
    plain: Reading,
    reading: Reading,
    steps: Mapping[str, Step],
    wrong: Callable[[], list[Candidate]],
    known: Mapping[str, float] | None = None,
    slack: float = 0.0,
) -> Judgment:
    """Judge an answer: in which way it is right, and which mistakes it fits.

    Parameters
    ----------
    step : Step
        The step that was asked for.
    plain, reading : Reading
        The answer as it was written, and with the zeros that Python does not write.
    steps : mapping of str to Step
        The steps of the pass.
    wrong : callable
        Returns what mistakes make of the value. It is called only if the answer is not right.
    known : mapping of str to float, optional
        Values that are not in doubt: the learner's own earlier ones, and what the exercise printed.
    slack : float
        How far the last digits of the earlier values can move this one.
    """
    known = known or {}
    values = Values(steps, known)
    value, nothing = values[step.name], nothing_done(step, values)
    size, enough = abs(value - nothing), reading.digits >= FEWEST_DIGITS
    off_own, off_true = abs(reading.value - value), abs(reading.value - step.value)
    judgment = Judgment(Right.NO, (), value, size, min(off_own, off_true))
    # The true value is right whatever was before. Around it, only its own size counts.
    off = min(off_true, off_own - slack)
    near_own, near_true = (SAME * min(abs(right), LARGEST) or _last_bits(steps) for right in (value, step.value))
    exact = off_own <= near_own or off_true <= near_true
    if exact or (enough and off <= 2 * reading.half_unit):
        carried = off_true > max(2 * reading.half_unit, THREE_DIGITS * abs(step.value), near_true)
        return replace(judgment, right=Right.EXACTLY, carried=carried)
    if not math.isfinite(value):
        return judgment
    found = wrong()
    if plain.digits < FEWEST_DIGITS and off <= plain.half_unit:
        return _short(judgment, step, plain, found, nothing)
    matches = tuple(exact_matches(step, reading, found, Budget(value, nothing, reading.digits), slack))
    if step.kind == "given":
        return replace(judgment, matches=matches)
    fit = _fit_if_rounded(reading, right_way(steps, step.name, known), slack)
    true_size = abs(step.value - nothing_done(step, {each.name: each.value for each in steps.values()}))
    three = enough and (off_own <= half_unit(size, FEWEST_DIGITS) or off_true <= half_unit(true_size, FEWEST_DIGITS))
    if fit <= DEVIATIONS or three:
        few = reading.digits < DIGITS_NEAR
        matches = tuple(match for match in matches if not _rounding(match, few or fit <= SURE))
        unsure = reading.digits == FEWEST_DIGITS and fit > SURE and not three
        if not unsure and (not matches or (fit <= SURE and few)):
            carried = bool(known) and off_true > THREE_DIGITS * abs(step.value)
            return replace(judgment, right=Right.ROUNDED, matches=(), carried=carried)
        if few or three:
            matches = matches or tuple(rounded_matches(step, reading, found, slack))
            doubtful = tuple(replace(match, stated=False) for match in matches)
            return replace(judgment, right=Right.NEARLY, matches=doubtful)
    matches = matches or tuple(rounded_matches(step, reading, found, slack))
    return replace(judgment, matches=matches, nearest=None if matches else _nearest(reading, found))


def _last_bits(steps: Mapping[str, Step]) -> float:
    """Return how large a value can be that should be 0, for rounding in the machine."""
    return min(NOTHING * max(abs(step.value) for step in steps.values()), NOTHING_LEFT)


def _short(judgment: Judgment, step: Step, plain: Reading, found: list[Candidate], nothing: float) -> Judgment:
    """Return the judgment on a number of one or two digits that the right value may have been rounded to."""
    if plain.written and plain.digits == 2 and plain.half_unit < 1e-4 and step.kind != "given":
        return replace(judgment, right=Right.EXACTLY)  # 0.0091: right to four decimals
    if any(math.isclose(each.value, plain.value, rel_tol=SAME) for each in found):
        budget = Budget(judgment.value, nothing, plain.digits)
        matches = tuple(replace(match, stated=False) for match in exact_matches(step, plain, found, budget, 0.0))
        return replace(judgment, right=Right.NEARLY, matches=matches)
    if not plain.written and judgment.off > SHORT * judgment.size:
        return judgment  # Python's 1.0 is not 0.7744 that was rounded
    return replace(judgment, right=Right.SHORT)


def _rounding(match: Match, inexact: bool) -> bool:
    """Return whether a match is what rounding did to the right way or, if the answer is `inexact`, an inexact way."""
    likeliest = match.mistakes[0]
    return likeliest.id in ROUNDED_STEPS or (inexact and likeliest.topic == "rounding")


def nothing_done(step: Step, values: Mapping[str, float]) -> float:
    """Return o: for a new parameter the old one, for the new loss the old one, else 0."""
    if step.kind == "new":
        return values[step.needs[0]]
    return values[f"loss{step.at}"] if step.new and step.parts.quantity == "loss" else 0.0


def usual_first(candidate: Candidate, step: Step) -> tuple[int, float]:
    """Return the key by which candidates are sorted, so that the likeliest come first and pairs last."""
    return len(candidate.mistakes), -weight(candidate, step)


def weight(candidate: Candidate, step: Step) -> float:
    """Return how likely a candidate is before the answer is known. Mistakes with what was asked for come first."""
    about = "update" if step.new else TOPICS.get(step.kind)
    return candidate.prior + (candidate.mistakes[0].topic == about)


def _nearest(reading: Reading, found: Iterable[Candidate]) -> Match | None:
    """Return the nearest value of a single mistake, if it is very near."""
    near = [
        (abs(each.value - reading.value), each)
        for each in found
        if len(each.mistakes) == 1 and abs(each.value - reading.value) <= NEAREST * abs(each.value)
    ]
    return Match(min(near, key=lambda pair: pair[0])[1].mistakes) if near else None


def _grouped(found: Iterable[Candidate], step: Step) -> list[tuple[float, list[Mistake], bool]]:
    groups: list[tuple[float, list[Mistake], bool]] = []
    for each in sorted(found, key=lambda each: usual_first(each, step)):
        pair = len(each.mistakes) > 1
        same = next((group for group in groups if math.isclose(group[0], each.value, rel_tol=SAME)), None)
        if same is None:
            groups.append((each.value, list(each.mistakes), pair))
        elif not pair and each.mistakes[0] not in same[1]:
            same[1].append(each.mistakes[0])
    return groups


def exact_matches(
    step: Step, reading: Reading, found: Iterable[Candidate], budget: Budget, slack: float
) -> list[Match]:
    """Return the wrong values that an answer fits if it was computed exactly, the likeliest first."""
    groups = _grouped(found, step)
    exact = [group for group in groups if math.isclose(group[0], reading.value, rel_tol=SAME)]
    if exact and reading.digits < FEWEST_DIGITS:
        groups = exact  # a short number such as 0 or 2 is itself before it is a rounded one
    matches, cut = [], []
    stated_if_cut = reading.written and reading.digits >= DIGITS_CUT
    for wrong, mistakes, pair in groups:
        near = abs(wrong - budget.right) <= NEAR * budget.size
        allowed = budget.allows(wrong, (2 if stated_if_cut else 1) * half_unit(wrong, reading.digits))
        off = abs(reading.value - wrong)
        if near and reading.digits < DIGITS_NEAR:
            continue
        if off <= max(reading.half_unit + slack, NOTHING * abs(budget.right)):
            matches.append(Match(tuple(mistakes), pair, allowed and not near))
        elif reading.digits >= FEWEST_DIGITS and reading.written and off <= 2 * reading.half_unit + slack:
            cut.append(Match(tuple(mistakes), pair, allowed and not near and stated_if_cut))
    return matches or cut


def _fit_if_rounded(reading: Reading, right: Candidate, slack: float) -> float:
    """Return how many standard deviations of rounding an answer is away from the right value; infinity if too far."""
    off = abs(reading.value - right.value)
    if not reading.written and reading.digits > DIGITS_NEAR and off <= THREE_DIGITS * abs(right.value):
        return 0.0  # Python's digits are claimed by nobody
    if off > _reach(reading, right.value) + slack:
        return math.inf
    room = max(off - reading.half_unit - slack, 0.0)
    widths = (spread(right.again, right.value, keep) for keep in habits(reading))
    return min((room / width for width in widths if width), default=math.inf)


def hits(candidate: Candidate, step: Step, reading: Reading, keep: Keep, slack: float) -> bool:
    """Return whether an answer comes out to its last digit if every step before it is rounded in this way."""

    def rounded(each: Step, value: float) -> float:
        return value if each.kind == "given" or each.name == step.name else keep.rounded(value)

    return abs(candidate.again(rounded) - reading.value) <= 2 * reading.half_unit + slack


def _reach(reading: Reading, value: float) -> float:
    return max(REACH * abs(value), 20 * reading.half_unit) * (3 if reading.digits <= 3 else 1)


def rounded_matches(step: Step, reading: Reading, found: Iterable[Candidate], slack: float) -> list[Match]:
    """Return the wrong values that an answer fits if every step was rounded, the likeliest first."""
    scored = []
    for each in found:
        off = abs(reading.value - each.value)
        if off > _reach(reading, each.value) + slack:
            continue
        if any(hits(each, step, reading, keep, slack) for keep in habits(reading)):
            scored.append((-HIT - PRIOR * weight(each, step), each))
            continue
        for rank, keep in enumerate(habits(reading)):
            width = spread(each.again, each.value, keep)
            if off <= DEVIATIONS * width + reading.half_unit + slack:
                score = off / (width + reading.half_unit) + rank - PRIOR * weight(each, step)
                scored.append((score, each))
                break
    scored.sort(key=lambda pair: pair[0])
    matches: list[Match] = []
    values: list[float] = []
    for _, each in scored:
        same = next(
            (place for place, value in enumerate(values) if math.isclose(value, each.value, rel_tol=SAME)), None
        )
        if same is None:
            matches.append(Match(each.mistakes, len(each.mistakes) > 1, rounded=True))
            values.append(each.value)
        elif len(each.mistakes) == 1 and not matches[same].pair:
            matches[same] = replace(matches[same], mistakes=(*matches[same].mistakes, *each.mistakes))
    return matches
