"""An endless supply of problems: networks with numbers that suit hand work, and a question about each.

The same topic, level and seed always give the same problem, on every machine: the only source of chance is
`random.Random(text).random()`, which Python keeps from version to version, and the last bits of a number, which differ
between machines, decide nothing. (A problem can only change if a new mistake happens to give its answer; a test notices
that.) Numbers are drawn until the problem is well-posed:

* Numbers have one or two decimals, no two weights of a layer have the same size, and no layer is square, so that
  nothing is right by symmetry.
* No unit is saturated and no z is near a kink. No error, δ or gradient that leads to the answer vanishes, except behind
  a ReLU that is off.
* What each mistake gives differs from the right answer within three digits, and by at least 2 % if the answer is one
  value and not an array. Rounding may differ less, and so may weight decay, whose factor can be as small as you like.
* The answer is 0 only where a ReLU that is off makes it 0. Then each mistake leaves it 0 or makes it at least 0.001.
* If one value is asked for, no common mistake (prior 2 or 3) is right by chance, as it would be if two examples were
  alike. No two common mistakes agree within four digits, unless they agree in every network of this kind.
* Four digits at each step are enough.
* A step of gradient descent is at least a tenth of the weight, so that it shows in the new weight.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from textwrap import wrap
from typing import Any, TypeVar

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, is_count
from bpcourse.names import Name
from bpcourse.numbers import WIDTH, format_given, format_number
from bpcourse.registry import Registry, brief
from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Step, Values, entries, name_of, needed_for, table
from bpcourse.tutor.failures import failures as failures
from bpcourse.tutor.hints import Hints, hint
from bpcourse.tutor.marker import Marker
from bpcourse.tutor.marking import check
from bpcourse.tutor.matching import SAME, nothing_done
from bpcourse.tutor.mistakes import CATALOGUE, MISTAKES, Candidate, Memo, Mistake, search
from bpcourse.tutor.reading import half_unit
from bpcourse.tutor.rounding import Keep
from bpcourse.tutor.solutions import Hand, Section, Solution
from bpcourse.tutor.verdicts import Verdict
from bpcourse.tutor.worked import loss_in_words, question, solve

T = TypeVar("T")

SHAPES = ((2, 1), (3, 2, 1), (2, 3, 2), (3, 2, 3), (3, 4, 3))
"""The sizes of the network at each level, from 1: one unit, one path, two paths, three, and three among many."""

APART = 0.02  # of |right − o|: how far a mistake must be from the right answer
SMALLEST_Z, LARGEST_Z = 0.05, 2.5  # between a kink and saturation
SMALLEST = 0.001  # size of an error, a δ or a gradient
DIGITS = 4  # the digits that are asked for; they distinguish common mistakes
NEARBY = 1e-5  # relative size of a small change that shows what was equal by chance
SMALLEST_STEP = 0.1  # of the weight that is updated
FAR = 0.2  # of the right value: how far away a colleague's number must be


@dataclass(frozen=True)
class Topic:
    """The subject of a problem. The topics are in ``topics.toml``.

    Parameters
    ----------
    words : str
        What is asked for.
    quantity : str
        The quantity that is asked for, without layer and index.
    output : bool
        Whether it belongs to the output layer; otherwise to layer 1.
    hidden, outputs : tuple of str
        Activations to choose from.
    losses : tuple of str
        Losses to choose from.
    from_level : int
        The lowest level that has what is asked for.
    examples : int
        The number of examples.
    rate : bool
        Whether there is a learning rate.
    whole : bool
        Whether the whole array is asked for.
    gated : tuple of str
        If some hidden units are to be off and others on, the names to choose from.
    claimed : bool
        Whether a colleague's wrong number is given, and the mistake is to be found.
    """

    words: str
    quantity: str
    output: bool = True
    hidden: tuple[str, ...] = ("sigmoid", "tanh")
    outputs: tuple[str, ...] = ("sigmoid",)
    losses: tuple[str, ...] = ("mse", "half_sse")
    from_level: int = 1
    examples: int = 1
    rate: bool = False
    whole: bool = False
    gated: tuple[str, ...] = ()
    claimed: bool = False


class Topics(Registry[Topic]):
    """The topics by name. Printed, it lists them with what each asks for."""

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{name:{width}}  {topic.words}" for name, topic in self.items())


def _topic(settings: dict[str, Any]) -> Topic:
    choices = {key: tuple(value) for key, value in settings.items() if isinstance(value, list)}
    return Topic(**(settings | choices))


TOPICS = Topics("topic", {name: _topic(settings) for name, settings in read_toml("tutor/topics.toml").items()})
"""The topics, in the order of the lessons."""


def topics() -> Topics:
    """Return the topics by name, in the order of the lessons.

    Examples
    --------
    >>> topics()["weighted_sum"].words
    'the weighted sum of a unit'
    """
    return TOPICS


@dataclass(frozen=True, eq=False)
class Given:
    """Given numbers under one name: "x", "W1", "b1" …, "y", or "learning rate" with a single number."""

    name: str
    values: Array

    def lines(self) -> list[str]:
        """Return the numbers as text, one line for each row, with the name in front of the first."""
        if self.values.ndim == 0:
            return [f"  {self.name} = {format_given(float(self.values))}"]
        rows = [" ".join(format_given(float(entry)).rjust(6) for entry in row) for row in np.atleast_2d(self.values)]
        return [f"{f'{self.name} =' if number == 0 else '':>6}{row}" for number, row in enumerate(rows)]


@dataclass(frozen=True, repr=False)
class Problem:
    """A question about a network.

    Parameters
    ----------
    seed, topic, level
        As in `problem`.
    name : str
        What is asked for: a value such as ``dW1[2,1]``, or an array such as ``dW1``.
    trace : Trace
        The pass, with the answer.
    learning_rate : float or None
        The learning rate, if there is a step of gradient descent.
    claimed : str or None
        A colleague's wrong number as it is written, if a mistake is to be found.
    mistakes : tuple of str
        Ids of the mistakes that give that number, the most common first. The colleague made one of them.
    """

    seed: int | str
    topic: str
    level: int
    name: str
    trace: Trace
    learning_rate: float | None
    claimed: str | None = None
    mistakes: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> dict[str, Step]:
        """All values of the pass, by name."""
        return table(self.trace, self.learning_rate)

    @property
    def setting(self) -> tuple[str, ...]:
        """The sentences about the network, the loss, the layout of the numbers and the batch."""
        layers, batch = self.trace.network.layers, len(self.trace["x"])
        sizes = " → ".join(map(str, self.trace.network.sizes))
        units = ", ".join(f"layer {number}: {layer.activation.name}" for number, layer in enumerate(layers, start=1))
        sentences = [
            f"A network {sizes} ({units}).",
            f"The loss is {loss_in_words(self.steps, Hand.of(self.steps))}.",
            "A matrix of weights has a row for each input and a column for each unit.",
        ]
        if batch > 1:
            sentences.append(
                f"Each of the {batch} rows of x and y is one example. The loss is the mean over the batch."
            )
        return tuple(sentences)

    @property
    def given(self) -> tuple[Given, ...]:
        """The given numbers: x, the parameters of each layer, y and, where there is one, the learning rate."""
        numbers = range(1, len(self.trace.network.layers) + 1)
        names = ["x", *(f"{kind}{number}" for number in numbers for kind in "Wb"), "y"]
        given = [Given(name, self.trace[name]) for name in names]
        if self.learning_rate is not None:
            given.append(Given("learning rate", np.array(self.learning_rate)))
        return tuple(given)

    @property
    def task(self) -> str:
        """The sentences that say what to compute."""
        one = self.steps.get(self.name)
        asked = question(one, Hand.of(self.steps)) if one else "All entries are asked for."
        if self.claimed is None:
            what = "the loss" if self.name == "loss" else self.name
            return f"Compute {what}, with four significant digits. {asked}"
        claim = f"A colleague computed {self.name} = {self.claimed} (four digits). One step is wrong."
        return f"{claim} Find it, and give the right value, with four significant digits. {asked}"

    @property
    def question(self) -> str:
        """The whole question as text: setting, given numbers and task."""
        setting = [line for sentence in self.setting for line in wrap(sentence, WIDTH)]
        given = [line for each in self.given for line in each.lines()]
        return "\n".join([*setting, *given, *wrap(self.task, WIDTH)])

    def check(self, answer: object) -> Verdict:
        """Return the verdict on an answer."""
        return check(self.trace, self.name, answer, learning_rate=self.learning_rate)

    def hint(self, notation: str = "standard") -> Hints:
        """Return three hints."""
        return hint(self.trace, self.name, learning_rate=self.learning_rate, notation=notation)

    def solution(self, notation: str = "standard", digits: int = 4) -> Solution:
        """Return the worked solution. If a colleague's number is given, it ends with the mistake."""
        worked = solve(self.trace, self.name, notation=notation, digits=digits, learning_rate=self.learning_rate)
        if self.claimed is None:
            return worked
        *result, remark = worked.result
        names = ", or if ".join(MISTAKES[each].name for each in self.mistakes)
        symbol = worked.hand.symbol(self.name)
        said = f"The colleague's number, {symbol} = {self.claimed}, is what comes out if {names}."
        return replace(worked, result=(*result, Section("THE MISTAKE", (said,)), remark))

    def faded(self, notation: str = "standard", digits: int = 4) -> Solution:
        """Return the worked solution with gaps to fill."""
        return self.solution(notation, digits).faded

    def __repr__(self) -> str:
        return self.question


def problem(topic: str, *, level: int | None = None, seed: int | str = 0) -> Problem:
    """Return a problem: for the same topic, level and seed always the same one, on every machine.

    Parameters
    ----------
    topic : str
        One of `topics()`.
    level : int, optional
        The size of the network, 1 to 5 (see `SHAPES`). Topics that need a hidden layer begin at 2, topics that need
        two outputs at 3. The default is the lowest level of the topic.
    seed : int or str
        Any whole number or text. Each seed gives different numbers.

    Raises
    ------
    ValueError
        If the topic is unknown, or does not have this level.
    TypeError
        If the seed is neither a whole number nor text.

    Examples
    --------
    >>> one = problem("output_weight", level=2, seed=7)
    >>> one.name, one.trace.network.sizes
    ('dW2[2,1]', (3, 2, 1))
    >>> one.check(one.trace["dW2"][1, 0]).status
    'correct'
    """
    plan = TOPICS[topic]
    level = plan.from_level if level is None else level
    if not isinstance(seed, (int, str)) or isinstance(seed, bool):
        raise TypeError(f"seed must be a whole number or text; got {brief(seed)}.")
    if not (is_count(level) and plan.from_level <= level <= len(SHAPES)):
        rule = f"a whole number from {plan.from_level} to {len(SHAPES)}"
        raise ValueError(f"level of {topic} must be {rule}; got {brief(level)}.")
    draw = _Draw(f"{topic}, level {level}, {seed}")
    gated = draw.choice(plan.gated) if plan.gated else ""  # once, as a 0 is well-posed more often than the others
    while True:  # about one draw in ten is well-posed
        found = draw.problem(plan, (seed, topic, level), gated)
        if found is not None:
            return found


class _Draw:
    """Numbers by chance, from one text on."""

    def __init__(self, text: str) -> None:
        self.random = random.Random(text.encode(errors="surrogatepass")).random  # noqa: S311 (nothing is kept secret)

    def problem(self, plan: Topic, about: tuple[int | str, str, int], gated: str) -> Problem | None:
        """Draw one problem, or None if it is not well-posed."""
        trace = self.trace(plan, about[2])
        if not suits_hand_work(trace):
            return None
        if gated and not trace["z1"].min() < 0 < trace["z1"].max():
            return None
        name = self.gated_name(gated, trace) if gated else self.name(plan, trace)
        rate = self.choice((0.6, 0.8, 1.5, 2.0, 2.5)) if plan.rate else None
        found, memo = Problem(*about, name, trace, rate), Memo()
        if not (is_well_posed(found, zero=bool(gated), memo=memo) and four_digits_are_enough(found, memo=memo)):
            return None
        if not plan.claimed:
            return found
        claimed, mistakes = self.claim(found)
        return replace(found, claimed=claimed, mistakes=mistakes) if mistakes else None

    def choice(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def numbers(self, count: int, decimals: int, signed: bool = True) -> list[float]:
        """Draw numbers of size 0.1 to 0.99. Among nine in a row (ninety for two decimals) all sizes differ."""
        unit = 10**decimals
        smallest = unit // 10
        sizes: list[int] = []
        found: list[float] = []
        while len(found) < count:
            size = 1 + int(self.random() * (unit - 1))
            different = unit - smallest - 1  # this many sizes before it must be different
            if size >= smallest and size not in sizes[-different:]:
                sizes.append(size)
                found.append((-size if signed and self.random() < 0.4 else size) / unit)
        return found

    def trace(self, plan: Topic, level: int) -> Trace:
        """Draw a pass with the sizes of the level, and with activations and a loss of the topic."""
        sizes, decimals = SHAPES[level - 1], 1 if level <= 2 else 2
        hidden, output, loss = self.choice(plan.hidden), self.choice(plan.outputs), self.choice(plan.losses)
        layers = []
        for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
            W = np.reshape(self.numbers(n_in * n_out, decimals), (n_in, n_out))
            activation = output if layer == len(sizes) - 1 else hidden
            layers.append(Dense(W, self.numbers(n_out, decimals), activation))
        x = [self.numbers(sizes[0], decimals, signed=False) for _ in range(plan.examples)]
        y = [self._targets(sizes[-1], loss, decimals) for _ in range(plan.examples)]
        return backprop(Network(layers), x, y, loss)

    def _targets(self, count: int, loss: str, decimals: int) -> list[float]:
        if loss == "categorical_cross_entropy":
            true = int(self.random() * count)
            return [float(unit == true) for unit in range(count)]
        if loss == "binary_cross_entropy":
            return [float(self.random() < 0.5) for _ in range(count)]
        return self.numbers(count, decimals, signed=False)

    def name(self, plan: Topic, trace: Trace) -> str:
        """Draw the name of one value that the topic asks for, or return that of the array."""
        sizes = trace.network.sizes
        layer = len(sizes) - 1 if plan.output else 1
        if plan.quantity == "loss":
            return "loss"
        if plan.whole:
            return f"{plan.quantity}{layer}"
        ends = [1 + int(self.random() * size) for size in sizes[layer - 1 : layer + 1]]
        index = ends if plan.quantity in ("W", "dW") else ends[1:]
        if plan.quantity == "slope" and plan.outputs == ("softmax",):
            index = [1, 1 + index[0] % sizes[layer]]
        return name_of(plan.quantity, layer, tuple(index), new="_new" if plan.rate else "")

    def gated_name(self, gated: str, trace: Trace) -> str:
        """Put units of this pass into one of the names of `Topic.gated`."""
        z = trace["z1"][0]
        units = {"off": np.flatnonzero(z < 0) + 1, "on": np.flatnonzero(z > 0) + 1}
        units |= {"input": np.arange(trace.network.sizes[0]) + 1, "output": np.arange(trace.network.sizes[-1]) + 1}
        return gated.format(**{which: self.choice(each.tolist()) for which, each in units.items()})

    def claim(self, one: Problem) -> tuple[str, tuple[str, ...]]:
        """Draw a wrong number as it is written, with the ids of the mistakes that give it.

        There are no ids if the number does not tell the mistake. The wrong step is an intermediate one, so that it is
        not just a slip in the answer.
        """
        right = one.steps[one.name].value
        common = _common(search.candidates(COMMON.values(), one.steps, one.name))
        mistake, value = self.choice([each for each in common if each[0].answers is None])
        verdict = one.check(claimed := format_number(value, DIGITS))
        far = not (_below(abs(value), SMALLEST) or _below(abs(value - right), FAR * abs(right)))
        stated = far and verdict.status == "mistake" and mistake.id in verdict.mistakes
        return claimed, verdict.mistakes if stated else ()


def suits_hand_work(trace: Trace) -> bool:
    """Return whether no unit of a pass is near a kink or saturated."""
    sums = [float(abs(z)) for layer in range(1, len(trace.network.sizes)) for z in trace[f"z{layer}"].flat]
    return not (_below(min(sums), SMALLEST_Z) or _below(LARGEST_Z, max(sums)))


def is_well_posed(one: Problem, *, zero: bool = False, memo: Memo | None = None) -> bool:
    """Return whether a problem suits hand work, and its answer differs from what every mistake gives.

    Parameters
    ----------
    one : Problem
        The problem.
    zero : bool
        Whether the answer may be 0.
    memo : dict, optional
        What mistakes make of its values; see `mistakes.candidates`. It is used and extended.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> is_well_posed(Problem(1, "", 3, "dW1[1,1]", EXAMPLES["mazur"].backprop(), None))  # its gradient is 0.0004
    False
    """
    if not suits_hand_work(one.trace):
        return False
    if one.learning_rate is not None and _is_small_step(one.trace, Name.read(one.name), one.learning_rate):
        return False
    steps, memo = one.steps, Memo() if memo is None else memo
    array = entries(steps, one.name)
    names = [one.name] if array is None else list(array.flat)
    way = (step for each in names for step in needed_for(steps, each))
    if any(step.kind in SLOPES and step.value and _below(abs(step.value), SMALLEST) for step in way):
        return False
    if array is not None:
        return all(_apart(steps, steps[each], 0.0, zero, memo) is not None for each in names)
    here = _apart(steps, steps[one.name], APART, zero, memo)
    return here is not None and not _is_by_chance(here, table(_moved(one.trace), one.learning_rate), one.name)


def four_digits_are_enough(one: Problem, *, memo: Memo | None = None) -> bool:
    """Return whether someone who keeps four digits at each step, or follows the third hint, is right.

    Where two numbers nearly cancel, four digits are not enough. For `memo` see `is_well_posed`.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> four_digits_are_enough(Problem(1, "", 3, "dW1[1,1]", EXAMPLES["mazur"].backprop(), None))
    True
    """
    steps, keep = one.steps, Keep(DIGITS)
    marker = Marker(one.trace, steps, memo=Memo() if memo is None else memo)
    by_hand = Values(steps, finish=lambda step, value: value if step.kind == "given" else keep.rounded(value))
    array = entries(steps, one.name)
    for each in [one.name] if array is None else array.flat:
        step = steps[each]
        shown = {needed: keep.rounded(value) for needed, value in step.inputs.items() if steps[needed].kind != "given"}
        for answer in (format_number(by_hand[each], DIGITS), by_hand[each], step.recompute(shown)):
            if marker.check(step, answer).status != "correct":
                return False
    return True


SLOPES = ("error", "delta", "back", "dW")
"""Kinds of steps that must not vanish."""

COMMON = {each.id: each for each in CATALOGUE if each.prior >= 2 and each.topic != "rounding"}
"""The common mistakes by id, without rounding."""

OFTEN_RIGHT = [
    MISTAKES[id]
    for id in (
        "inputs_swapped",
        "sigma_prime_of_out",
        "shared_bias",
        "no_hidden_activation",
        "one_slope_for_all_outputs",
    )
]
"""The mistakes that most often give the right value by chance. They are tried first, to save time."""


def _is_small_step(trace: Trace, new: Name, learning_rate: float) -> bool:
    """Return whether a new parameter hardly differs from the old one."""
    old, place = new.at(new=False, index=()), tuple(each - 1 for each in new.index)
    before, gradient = (trace[str(each)][place] for each in (old, old.at(quantity=f"d{old.quantity}")))
    return _below(abs(learning_rate * gradient), SMALLEST_STEP * abs(before))


def _apart(steps: Mapping[str, Step], step: Step, part: float, zero: bool, memo: Memo) -> list[Candidate] | None:
    """Return the results of all mistakes that are not slight, or None if one is right within three digits.

    part : how far away the result of a mistake must be, as a part of |right − o|
    """
    size = abs(step.value - nothing_done(step, {each.name: each.value for each in steps.values()}))
    if (size and not _below(SMALLEST, size)) or (size == 0 and not zero):
        return None
    apart = part * size if size else SMALLEST
    for mistakes in (OFTEN_RIGHT, CATALOGUE):
        found = []
        for each in search.candidates(mistakes, steps, step.name, memo=memo):
            if not each.mistakes[0].slight:
                if not _below(apart, abs(each.value - step.value)) or _is_one(each.value, step.value, 3):
                    return None
                found.append(each)
    return found


def _moved(trace: Trace) -> Trace:
    """Return the pass with weights and inputs that are changed a little, each by a different factor."""
    by = np.random.default_rng(0)

    def moved(array: Array) -> Array:
        return array * (1 + NEARBY * by.random(array.shape))

    layers = [replace(layer, W=moved(layer.W)) for layer in trace.network.layers]
    return backprop(Network(layers), moved(trace["x"]), trace["y"], trace.loss_function)


def _common(found: Iterable[Candidate]) -> list[tuple[Mistake, float]]:
    """Return the common mistakes among these, each with its value; what is left of a number minus itself is 0."""
    return [
        (one, round(each.value, 12))
        for each in found
        for one, *more in [each.mistakes]
        if not more and one.id in COMMON
    ]


def _is_by_chance(found: list[Candidate], nearby: Mapping[str, Step], name: str) -> bool:
    """Return whether mistakes give the right value, or the same value, only by chance.

    They do so by chance if they do not when the numbers are changed a little.

    found : what the mistakes give here
    nearby : the steps of the pass with changed numbers
    """
    here, there = _common(found), _common(search.candidates(COMMON.values(), nearby, name))
    if [mistake.id for mistake, _ in here] != [mistake.id for mistake, _ in there]:
        return True
    values = sorted(zip((value for _, value in here), (value for _, value in there), strict=True))
    return any(
        _is_one(before, after, DIGITS) and not math.isclose(moved, moved_after, rel_tol=SAME)
        for (before, moved), (after, moved_after) in pairwise(values)
    )


def _is_one(value: float, other: float, digits: int) -> bool:
    """Return whether two numbers can look the same with this many digits."""
    return not _below(2 * max(half_unit(value, digits), half_unit(other, digits)), abs(value - other))


def _below(one: float, other: float) -> bool:
    """Return whether a number is less than another, and not only in the last bits."""
    return one < other and not math.isclose(one, other, rel_tol=SAME)
