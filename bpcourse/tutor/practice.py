"""Problems without end: networks with numbers fit for hand work, and a question about each.

The same seed gives the same problem on every machine and for good: the only source of chance is
`random.Random(text).random()`, which Python keeps from version to version. (Only a new mistake that lands on an answer
can change a problem, and a test says so.) Numbers are drawn until they are well-posed:

* one or two decimals, no two weights of a layer alike, no layer square, so that nothing is right by symmetry;
* no unit saturated, no z near a kink, no error, δ or gradient that vanishes, but behind a ReLU that is off;
* the answer at least 2 % away from what every mistake makes of it (but rounding), so that three digits tell them apart.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Any, TypeVar

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, is_count
from bpcourse.notation import Register, given
from bpcourse.tutor.equations import Step, table
from bpcourse.tutor.marking import Hints, Verdict, check, hint, nothing_done
from bpcourse.tutor.mistakes import wrong_values
from bpcourse.tutor.worked import Hand, Solution, loss_in_words, question, solve

T = TypeVar("T")

SHAPES = ((2, 1), (3, 2, 1), (2, 3, 2), (3, 2, 3), (3, 4, 3))
"""The sizes of the network at each level, from 1: one unit, one path, two paths, three, and three among many."""

APART = 0.02  # of |right − o|
THREE_DIGITS = 0.006  # of the answer: nearer than that, two numbers may be one at three digits
SMALLEST_Z, LARGEST_Z = 0.05, 2.5  # between a kink and saturation
SMALLEST = 0.002  # of an error, a δ, a gradient
WIDTH = 92  # of a line, in letters: a notebook breaks longer ones in the middle of a word


@dataclass(frozen=True)
class Topic:
    """What a problem is about.

    quantity : the name of what is asked for, without layer and index
    output : whether it is asked of the output layer, else of layer 1
    hidden, outputs : activations to choose from
    losses : losses to choose from
    from_level : the smallest level that has what is asked for
    examples : how many
    rate : whether there is a learning rate
    whole : whether the whole array is asked for
    """

    quantity: str
    output: bool = True
    hidden: tuple[str, ...] = ("sigmoid", "tanh")
    outputs: tuple[str, ...] = ("sigmoid",)
    losses: tuple[str, ...] = ("mse", "half_sse")
    from_level: int = 1
    examples: int = 1
    rate: bool = False
    whole: bool = False


SMOOTH, ALL = ("sigmoid", "tanh"), ("sigmoid", "tanh", "relu", "leaky_relu")
CLASSES: dict[str, Any] = {"outputs": ("softmax",), "losses": ("categorical_cross_entropy",), "from_level": 3}

TOPICS = Register(
    "topic",
    {
        "weighted_sum": Topic("z"),
        "activation": Topic("a", output=False, hidden=SMOOTH, outputs=SMOOTH),
        "slope": Topic("slope", output=False, hidden=SMOOTH, outputs=SMOOTH),
        "forward": Topic("y_hat", hidden=ALL, outputs=("sigmoid", "identity")),
        "loss": Topic("loss", outputs=("sigmoid", "identity")),
        "cross_entropy": Topic("loss", losses=("binary_cross_entropy",)),
        "loss_slope": Topic("da", outputs=("sigmoid", "identity")),
        "output_delta": Topic("dz", outputs=SMOOTH),
        "output_weight": Topic("dW", outputs=SMOOTH),
        "hidden_delta": Topic("dz", output=False, from_level=2),
        "hidden_weight": Topic("dW", output=False, hidden=("sigmoid",), losses=("mse",), from_level=2),
        "relu": Topic("dW", output=False, hidden=("relu", "leaky_relu"), from_level=2),
        "bias": Topic("db", output=False),
        "matrix": Topic("dW", output=False, from_level=2, whole=True),
        "batch": Topic("dW", output=False, examples=2),
        "update": Topic("W", losses=("half_sse",), rate=True),
        "softmax": Topic("y_hat", **CLASSES),
        "softmax_slope": Topic("slope", **CLASSES),
        "yes_or_no": Topic("dW", losses=("binary_cross_entropy",)),
        "classes": Topic("dW", **CLASSES),
        "hidden_classes": Topic("dW", output=False, **CLASSES),
    },
)
"""The topics, in the order of the lessons."""


@dataclass(frozen=True, repr=False)
class Problem:
    """A question about a network.

    name : of the value that is asked for, such as ``dW1[2,1]``, or of an array, ``dW1``
    trace : the pass, with the answer
    learning_rate : where there is a step of gradient descent
    """

    seed: int | str
    topic: str
    level: int
    name: str
    trace: Trace
    learning_rate: float | None

    @property
    def question(self) -> str:
        """The network, its numbers, and what to compute."""
        layers, batch = self.trace.network.layers, len(self.trace["x"])
        sizes = " → ".join(map(str, self.trace.network.sizes))
        units = ", ".join(f"layer {number}: {layer.activation.name}" for number, layer in enumerate(layers, start=1))
        names = ["x", *(f"{kind}{number}" for number in range(1, len(layers) + 1) for kind in "Wb"), "y"]
        steps = table(self.trace, self.learning_rate)
        hand = Hand.of(steps)
        lines = [f"A network {sizes} ({units}).", *wrap(f"The loss is {loss_in_words(steps, hand)}.", WIDTH)]
        lines.append("A matrix of weights has a row for each input and a column for each unit.")
        if batch > 1:
            lines.append(f"A batch of {batch} examples, one in each row of x and y; the loss is the mean of theirs.")
        lines += [line for name in names for line in _matrix(name, self.trace[name])]
        if self.learning_rate is not None:
            lines.append(f"  learning rate = {given(self.learning_rate)}")
        asked = question(steps[self.name], hand) if self.name in steps else "All entries are asked for."
        return "\n".join([*lines, *wrap(f"Compute {self.name}, with four significant digits. {asked}", WIDTH)])

    def check(self, answer: object) -> Verdict:
        """Return the verdict on an answer."""
        return check(self.trace, self.name, answer, self.learning_rate)

    def hint(self, notation: str = "standard") -> Hints:
        """Return three hints."""
        return hint(self.trace, self.name, self.learning_rate, notation)

    def solution(self, notation: str = "standard", digits: int = 4) -> Solution:
        """Return the worked solution."""
        return solve(self.trace, self.name, notation, digits, self.learning_rate)

    def faded(self, notation: str = "standard", digits: int = 4) -> Solution:
        """Return the worked solution with gaps to fill."""
        return self.solution(notation, digits).faded

    def __repr__(self) -> str:
        return self.question


def _matrix(name: str, array: Array) -> list[str]:
    """Return the lines of an array of given numbers, its name in front of the first."""
    rows = [" ".join(given(float(entry)).rjust(6) for entry in row) for row in np.atleast_2d(array)]
    return [f"{f'{name} =' if number == 0 else '':>6}{row}" for number, row in enumerate(rows)]


def problem(seed: int | str, topic: str, level: int) -> Problem:
    """Return the problem of a seed: the same one everywhere and for good.

    seed : any whole number or text
    topic : one of `TOPICS`
    level : 1 to 5, the sizes of `SHAPES`; what needs a hidden layer begins at 2, what needs two outputs at 3

    Raises ValueError for an unknown topic or a level that the topic does not have, TypeError for another seed.

    >>> one = problem(7, "output_weight", 2)
    >>> one.name, one.trace.network.sizes
    ('dW2[1,1]', (3, 2, 1))
    >>> one.check(one.trace["dW2"][0, 0]).status
    'correct'
    """
    plan = TOPICS[topic]
    if not isinstance(seed, (int, str)) or isinstance(seed, bool):
        raise TypeError(f"seed must be a whole number or a text; got {seed!r}.")
    if not (is_count(level) and plan.from_level <= level <= len(SHAPES)):
        raise ValueError(
            f"level of {topic} must be a whole number from {plan.from_level} to {len(SHAPES)}; got {level!r}."
        )
    draw = _Draw(f"{topic}, level {level}, {seed}")
    while True:  # about one draw in three is well-posed
        trace = draw.trace(plan, level)
        name = draw.name(plan, trace)
        rate = draw.choice((0.6, 0.8, 1.5, 2.0, 2.5)) if plan.rate else None
        if is_well_posed(trace, name, rate):
            return Problem(seed, topic, level, name, trace, rate)


class _Draw:
    """Numbers by chance, from one text on."""

    def __init__(self, text: str) -> None:
        self.random = random.Random(text).random  # noqa: S311 (nothing is kept secret)

    def choice(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def numbers(self, count: int, decimals: int, signed: bool = True) -> list[float]:
        """Return numbers of size 0.1 to 0.99; of eight in a row no two have one size."""
        unit = 10**decimals
        found: list[int] = []
        while len(found) < count:
            size = 1 + int(self.random() * (unit - 1))
            if size >= unit // 10 and size not in map(abs, found[-8:]):
                found.append(-size if signed and self.random() < 0.4 else size)
        return [each / unit for each in found]

    def trace(self, plan: Topic, level: int) -> Trace:
        """Return a pass with sizes of the level, and activations and a loss of the topic."""
        sizes, decimals = SHAPES[level - 1], 1 if level <= 2 else 2
        hidden, output, loss = self.choice(plan.hidden), self.choice(plan.outputs), self.choice(plan.losses)
        layers = []
        for number, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
            W = np.reshape(self.numbers(n_in * n_out, decimals), (n_in, n_out))
            activation = output if number == len(sizes) - 1 else hidden
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
        number = "" if plan.quantity == "y_hat" else layer
        return f"{plan.quantity}{number}{'_new' if plan.rate else ''}[{','.join(map(str, index))}]"


def is_well_posed(trace: Trace, name: str, learning_rate: float | None = None) -> bool:
    """Return whether the pass is fit for hand work and the answer apart from every mistake's.

    >>> from bpcourse import EXAMPLES
    >>> is_well_posed(EXAMPLES["mazur"].backprop(), "dW1[1,1]")  # its gradient is 0.0004
    False
    """
    steps = table(trace, learning_rate)
    for step in steps.values():
        if step.kind == "z" and not SMALLEST_Z <= abs(step.value) <= LARGEST_Z:
            return False
        if step.kind in ("error", "delta", "back", "dW") and 0 < abs(step.value) < SMALLEST:
            return False
    asked = [step for step in steps.values() if step.name == name or step.name.startswith(f"{name}[")]
    return all(_is_apart(steps, step) for step in asked)


def _is_apart(steps: Mapping[str, Step], step: Step) -> bool:
    """Return whether the value is no zero, and three digits tell it from what every mistake but rounding gives."""
    size = abs(step.value - nothing_done(step, {each.name: each.value for each in steps.values()}))
    apart = max(APART * size, THREE_DIGITS * abs(step.value))
    wrong = [value for (mistake, *_), value in wrong_values(steps, step.name) if mistake.topic != "rounding"]
    return size > SMALLEST and all(abs(value - step.value) > apart for value in wrong)
