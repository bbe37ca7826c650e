"""Problems without end: networks with numbers fit for hand work, and a question about each.

The same seed gives the same problem on every machine and for good: the only source of chance is
`random.Random(text).random()`, which Python keeps from version to version. (Only a new mistake that lands on an answer
can change a problem, and a test says so.) Numbers are drawn until they are well-posed:

* one or two decimals, no two weights of a layer alike, no layer square, so that nothing is right by symmetry;
* no unit saturated, no z near a kink, and on the way to the answer no error, δ or gradient that vanishes, but behind a
  ReLU that is off;
* what every mistake makes of the answer (but rounding) told from it by three digits, and at least 2 % away from it if
  it is one value, not an array;
* an answer of 0 only where a ReLU that is off makes it 0: then every mistake leaves it 0 or makes 0.001 of it;
* where one value is asked for, no mistake that is often made (prior 2 or 3) right by chance, as where two examples are
  alike; and no two of them that four digits do not tell apart, unless they give the same in every network of this kind;
* a step of gradient descent of at least a tenth of the weight, so that it shows in the new one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from textwrap import wrap
from typing import Any, TypeVar

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, is_count
from bpcourse.names import Name
from bpcourse.numbers import WIDTH, format_given, format_number
from bpcourse.registry import Registry
from bpcourse.tutor.equations import Step, entries, needed_for, table
from bpcourse.tutor.marking import SAME, Hints, Verdict, check, half_unit, hint, nothing_done
from bpcourse.tutor.mistakes import MISTAKES, Mistake, wrong_values
from bpcourse.tutor.solutions import Hand, Section, Solution
from bpcourse.tutor.worked import loss_in_words, question, solve

T = TypeVar("T")
Wrong = tuple[tuple[Mistake, ...], float]  # one mistake or two together, and what comes out

SHAPES = ((2, 1), (3, 2, 1), (2, 3, 2), (3, 2, 3), (3, 4, 3))
"""The sizes of the network at each level, from 1: one unit, one path, two paths, three, and three among many."""

APART = 0.02  # of |right − o|
SMALLEST_Z, LARGEST_Z = 0.05, 2.5  # between a kink and saturation
SMALLEST = 0.001  # of an error, a δ, a gradient
DIGITS = 4  # are asked for, and tell often made mistakes apart
NEARBY = 1e-5  # by such a part numbers are moved, to see what was equal by chance
SMALLEST_STEP = 0.1  # of the weight that is moved
FAR = 0.2  # of the right value: so far away at least a colleague's number is


@dataclass(frozen=True)
class Topic:
    """What a problem is about.

    words : what is asked for
    quantity : the name of what is asked for, without layer and index
    output : whether it is asked of the output layer, else of layer 1
    hidden, outputs : activations to choose from
    losses : losses to choose from
    from_level : the smallest level that has what is asked for
    examples : how many
    rate : whether there is a learning rate
    whole : whether the whole array is asked for
    gated : where some hidden units are to be off and others on, the names to choose from
    claimed : whether a colleague's wrong number is given, whose mistake is to be found
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


SMOOTH, ALL = ("sigmoid", "tanh"), ("sigmoid", "tanh", "relu", "leaky_relu")
GATED = (*2 * ("dW1[{input},{on}]", "da1[{off}]"), "dW1[{input},{off}]", "dW2[{off},{output}]")
"""Gradients that who forgets what a unit that is off does gets wrong; one in three is 0.

Of a weight into a unit that is on: the prediction would be another if the other unit had passed on its z. Of what a
unit that is off puts out: not 0, as the gate comes only after it. Of weights into it and out of it: 0.
"""
CLASSES: dict[str, Any] = {"outputs": ("softmax",), "losses": ("categorical_cross_entropy",), "from_level": 3}


class Topics(Registry[Topic]):
    """The topics by name. Printed, it lists them with what each asks for."""

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{name:{width}}  {topic.words}" for name, topic in self.items())


TOPICS = Topics(
    "topic",
    {
        "weighted_sum": Topic("what a unit adds up", "z"),
        "activation": Topic("what a unit puts out", "a", output=False, hidden=SMOOTH, outputs=SMOOTH),
        "slope": Topic("how steep an activation is", "slope", output=False, hidden=SMOOTH, outputs=SMOOTH),
        "forward": Topic(
            "what the network predicts: the whole forward pass", "y_hat", hidden=ALL, outputs=("sigmoid", "identity")
        ),
        "loss": Topic("how large a squared error is", "loss", outputs=("sigmoid", "identity")),
        "cross_entropy": Topic("how large a binary cross-entropy is", "loss", losses=("binary_cross_entropy",)),
        "loss_slope": Topic("the slope of the loss at a prediction", "da", outputs=("sigmoid", "identity")),
        "output_delta": Topic("δ of an output", "dz", outputs=SMOOTH),
        "output_weight": Topic("the gradient of a weight of the last layer", "dW", outputs=SMOOTH),
        "hidden_delta": Topic("δ of a hidden unit", "dz", output=False, from_level=2),
        "hidden_weight": Topic(
            "the gradient of a hidden weight, along every path",
            "dW",
            output=False,
            hidden=("sigmoid",),
            losses=("mse",),
            from_level=2,
        ),
        "relu": Topic(
            "the gradient of a hidden weight, with ReLU or leaky ReLU",
            "dW",
            output=False,
            hidden=("relu", "leaky_relu"),
            from_level=2,
        ),
        "dead_relu": Topic(
            "a gradient where some ReLU units are off", "dW", hidden=("relu",), from_level=2, gated=GATED
        ),
        "bias": Topic("the gradient of a bias", "db", output=False),
        "matrix": Topic(
            "the gradient of all weights of layer 1, as a matrix", "dW", output=False, from_level=2, whole=True
        ),
        "batch": Topic("the gradient of a weight for a batch of two examples", "dW", output=False, examples=2),
        "update": Topic("a weight after one step of gradient descent", "W", losses=("half_sse",), rate=True),
        "softmax": Topic("a probability by softmax", "y_hat", **CLASSES),
        "softmax_slope": Topic("how a probability by softmax changes with one z", "slope", **CLASSES),
        "class_loss": Topic("how large a cross-entropy of classes is", "loss", **CLASSES),
        "yes_or_no": Topic(
            "the gradient of a weight with sigmoid and binary cross-entropy", "dW", losses=("binary_cross_entropy",)
        ),
        "classes": Topic("the gradient of a weight with softmax and cross-entropy", "dW", **CLASSES),
        "hidden_classes": Topic(
            "the gradient of a hidden weight with softmax and cross-entropy", "dW", output=False, **CLASSES
        ),
        "find_the_mistake": Topic(
            "a colleague's wrong gradient: find the mistake, and the right value",
            "dW",
            output=False,
            hidden=SMOOTH,
            outputs=SMOOTH,
            claimed=True,
        ),
    },
)
"""The topics, in the order of the lessons."""


def topics() -> Topics:
    """Return the topics by name, in the order of the lessons.

    Examples
    --------
    >>> topics()["weighted_sum"].words
    'what a unit adds up'
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

    name : of the value that is asked for, such as ``dW1[2,1]``, or of an array, ``dW1``
    trace : the pass, with the answer
    learning_rate : where there is a step of gradient descent
    claimed : a colleague's wrong number as it is written, where a mistake is to be found
    mistakes : ids of the mistakes that make that number, the most usual first; the colleague made one of them
    """

    seed: int | str
    topic: str
    level: int
    name: str
    trace: Trace
    learning_rate: float | None
    claimed: str | None = None
    mistakes: tuple[str, ...] = ()

    @property
    def setting(self) -> tuple[str, ...]:
        """The sentences on the network, the loss, the layout of the numbers and the batch."""
        layers, batch = self.trace.network.layers, len(self.trace["x"])
        sizes = " → ".join(map(str, self.trace.network.sizes))
        units = ", ".join(f"layer {number}: {layer.activation.name}" for number, layer in enumerate(layers, start=1))
        steps = table(self.trace, self.learning_rate)
        sentences = [
            f"A network {sizes} ({units}).",
            f"The loss is {loss_in_words(steps, Hand.of(steps))}.",
            "A matrix of weights has a row for each input and a column for each unit.",
        ]
        if batch > 1:
            sentences.append(
                f"A batch of {batch} examples, one in each row of x and y; the loss is the mean of theirs."
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
        steps = table(self.trace, self.learning_rate)
        asked = question(steps[self.name], Hand.of(steps)) if self.name in steps else "All entries are asked for."
        if self.claimed is None:
            return f"Compute {self.name}, with four significant digits. {asked}"
        wrong = f"A colleague computed {self.name} = {self.claimed} (four digits). One step is wrong."
        return f"{wrong} Find it, and give the right value, with four significant digits. {asked}"

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
        """Return the worked solution, and at its end what a colleague did wrong."""
        worked = solve(self.trace, self.name, notation=notation, digits=digits, learning_rate=self.learning_rate)
        if self.claimed is None:
            return worked
        *result, remark = worked.result
        names = ", or if ".join(MISTAKES[each].name for each in self.mistakes)
        said = (
            f"{worked.hand.symbol(self.name)} = {self.claimed}, the colleague's number, is what comes out if {names}."
        )
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
    ('dW2[1,1]', (3, 2, 1))
    >>> one.check(one.trace["dW2"][0, 0]).status
    'correct'
    """
    plan = TOPICS[topic]
    level = plan.from_level if level is None else level
    if not isinstance(seed, (int, str)) or isinstance(seed, bool):
        raise TypeError(f"seed must be a whole number or a text; got {seed!r}.")
    if not (is_count(level) and plan.from_level <= level <= len(SHAPES)):
        raise ValueError(
            f"level of {topic} must be a whole number from {plan.from_level} to {len(SHAPES)}; got {level!r}."
        )
    draw = _Draw(f"{topic}, level {level}, {seed}")
    gated = draw.choice(plan.gated) if plan.gated else ""  # once, as a 0 is well-posed more often than the others
    while True:  # about one draw in ten is well-posed
        trace = draw.trace(plan, level)
        if gated and not trace["z1"].min() < 0 < trace["z1"].max():
            continue
        name = draw.gated_name(gated, trace) if gated else draw.name(plan, trace)
        rate = draw.choice((0.6, 0.8, 1.5, 2.0, 2.5)) if plan.rate else None
        posed = is_well_posed(trace, name, rate, zero=bool(gated))
        claimed, mistakes = draw.claim(trace, name) if posed and plan.claimed else (None, ())
        if posed and bool(mistakes) == plan.claimed:
            return Problem(seed, topic, level, name, trace, rate, claimed, mistakes)


class _Draw:
    """Numbers by chance, from one text on."""

    def __init__(self, text: str) -> None:
        self.random = random.Random(text).random  # noqa: S311 (nothing is kept secret)

    def choice(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def numbers(self, count: int, decimals: int, signed: bool = True) -> list[float]:
        """Return numbers of size 0.1 to 0.99; of nine in a row, with two decimals of ninety, no two have one size."""
        unit = 10**decimals
        found: list[int] = []
        while len(found) < count:
            size = 1 + int(self.random() * (unit - 1))
            if size >= unit // 10 and size not in map(abs, found[1 - 9 * unit // 10 :]):
                found.append(-size if signed and self.random() < 0.4 else size)
        return [each / unit for each in found]

    def trace(self, plan: Topic, level: int) -> Trace:
        """Return a pass with sizes of the level, and activations and a loss of the topic."""
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
        """Return the name of one value of what the topic asks for, or of the array."""
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
        place = "" if plan.quantity == "y_hat" else layer
        return f"{plan.quantity}{place}{'_new' if plan.rate else ''}[{','.join(map(str, index))}]"

    def gated_name(self, gated: str, trace: Trace) -> str:
        """Return a name of `GATED` with units of this pass in it."""
        z = trace["z1"][0]
        units = {"off": np.flatnonzero(z < 0) + 1, "on": np.flatnonzero(z > 0) + 1}
        units |= {"input": np.arange(trace.network.sizes[0]) + 1, "output": np.arange(trace.network.sizes[-1]) + 1}
        return gated.format(**{which: self.choice(each.tolist()) for which, each in units.items()})

    def claim(self, trace: Trace, name: str) -> tuple[str, tuple[str, ...]]:
        """Return a wrong number as it is written, and ids of the mistakes that make it; none if it does not say which.

        The step that is wrong is one on the way, so that no slip of the answer alone is taken.
        """
        steps = table(trace)
        right = steps[name].value
        often = _often_made(wrong_values(steps, name))
        mistake, value = self.choice([each for each in often if each[0].answers is None])
        verdict = check(trace, name, claimed := format_number(value, DIGITS))
        far = abs(value) >= SMALLEST and abs(value - right) >= FAR * abs(right)
        stated = far and verdict.status == "mistake" and mistake.id in verdict.mistakes
        return claimed, verdict.mistakes if stated else ()


def is_well_posed(trace: Trace, name: str, learning_rate: float | None = None, zero: bool = False) -> bool:
    """Return whether the pass is fit for hand work and the answer apart from every mistake's.

    zero : whether the answer may be 0

    >>> from bpcourse import EXAMPLES
    >>> is_well_posed(EXAMPLES["mazur"].backprop(), "dW1[1,1]")  # its gradient is 0.0004
    False
    """
    sums = [abs(z) for layer in range(1, len(trace.network.sizes)) for z in trace[f"z{layer}"].flat]
    if not SMALLEST_Z <= min(sums) <= max(sums) <= LARGEST_Z:
        return False
    if learning_rate is not None and _is_small_step(trace, Name.read(name), learning_rate):
        return False
    steps = table(trace, learning_rate)
    array = entries(steps, name)
    names = [name] if array is None else list(array.flat)
    way = (step for each in names for step in needed_for(steps, each))
    if any(step.kind in SLOPES and 0 < abs(step.value) < SMALLEST for step in way):
        return False
    if array is not None:
        return all(_apart(steps, steps[each], 0.0, zero) is not None for each in names)
    here = _apart(steps, steps[name], APART, zero)
    return here is not None and not _is_by_chance(here, table(_moved(trace), learning_rate), name)


SLOPES = ("error", "delta", "back", "dW")
"""Kinds of step that must not vanish."""


def _is_small_step(trace: Trace, new: Name, learning_rate: float) -> bool:
    """Return whether a new parameter is hardly another than the old one."""
    old, place = new.at(new=False, index=()), tuple(each - 1 for each in new.index)
    before, gradient = (trace[str(each)][place] for each in (old, old.at(quantity=f"d{old.quantity}")))
    return bool(abs(learning_rate * gradient) < SMALLEST_STEP * abs(before))


def _apart(steps: Mapping[str, Step], step: Step, part: float, zero: bool) -> list[Wrong] | None:
    """Return what every mistake but rounding makes of a value, or None if three digits do not tell it from the right.

    part : of |right − o|, so far away is what a mistake gives
    """
    size = abs(step.value - nothing_done(step, {each.name: each.value for each in steps.values()}))
    if 0 < size <= SMALLEST or (size == 0 and not zero):
        return None
    found, apart = [], part * size if size else SMALLEST
    for mistakes, value in wrong_values(steps, step.name):
        if mistakes[0].topic != "rounding":
            if abs(value - step.value) <= apart or _is_one(value, step.value, 3):
                return None
            found.append((mistakes, value))
    return found


def _moved(trace: Trace) -> Trace:
    """Return the pass with weights and inputs moved a little, each by a part of its own."""
    by = np.random.default_rng(0)

    def moved(array: Array) -> Array:
        return array * (1 + NEARBY * by.random(array.shape))

    layers = [replace(layer, W=moved(layer.W)) for layer in trace.network.layers]
    return backprop(Network(layers), moved(trace["x"]), trace["y"], trace.loss_function)


def _often_made(found: Iterable[Wrong]) -> list[tuple[Mistake, float]]:
    """Return the mistakes among these that are often made, each with its value, but for rounding."""
    return [(one, its) for (one, *more), its in found if not more and one.prior >= 2 and one.topic != "rounding"]


def _is_by_chance(found: list[Wrong], nearby: Mapping[str, Step], name: str) -> bool:
    """Return whether mistakes make the right value, or one and the same, that do not where numbers are moved a little.

    found : what mistakes make of the value here
    """
    here, there = _often_made(found), _often_made(wrong_values(nearby, name))
    if [mistake.id for mistake, _ in here] != [mistake.id for mistake, _ in there]:
        return True
    values = sorted(zip((value for _, value in here), (value for _, value in there), strict=True))
    return any(
        _is_one(before, after, DIGITS) and not math.isclose(moved, moved_after, rel_tol=SAME)
        for (before, moved), (after, moved_after) in pairwise(values)
    )


def _is_one(value: float, other: float, digits: int) -> bool:
    """Return whether two numbers can look alike with so many digits."""
    return abs(value - other) <= 2 * max(half_unit(value, digits), half_unit(other, digits))
