"""The view of a mistake: one step of a pass, and the values around it. Also the tests for where a mistake applies."""

from __future__ import annotations

from collections.abc import Callable

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.losses import LOSSES
from bpcourse.tutor.equations import Facts, Step, Values


class At:
    """A step and the values around it, under the mistake: `at.a` is the output of the step's unit, and so on.

    For a weight, the step's unit is the one that the weight leads to. Values are computed when they are asked for;
    one that the pass does not have raises KeyError, and then the mistake does not apply.
    """

    __slots__ = ("step", "v")

    def __init__(self, step: Step, v: Values) -> None:
        self.step, self.v = step, v

    def value(self, quantity: str, *index: int, up: int = 0) -> float:
        """Return a quantity of the same example: of this unit, of other units, or `up` layers further."""
        return self.v[self.step.near(quantity, *(index or (self.unit,)), up=up)]

    def given(self, quantity: str, *index: int) -> float:
        """Return a given number as it is printed."""
        return self.v.table[self.step.near(quantity, *index)].value

    # The step

    @property
    def unit(self) -> int:
        """The unit of the step; for a weight, the one that it leads to."""
        return self.step.index[-1]

    @property
    def source(self) -> int:
        """Where the weight of the step begins."""
        return self.step.index[0]

    @property
    def right(self) -> float:
        """The value that the right rule gives from these values."""
        return self.step.rule(self.v)

    @property
    def needs(self) -> list[float]:
        """The values that the right rule needs."""
        return [self.v[name] for name in self.step.needs]

    @property
    def terms(self) -> list[float]:
        """The products of which the right rule is the sum."""
        return self.step.terms(self.v)

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return self.step.facts.sizes[-1]

    @property
    def examples(self) -> int:
        """How many examples the batch has."""
        return self.step.facts.examples

    @property
    def units(self) -> int:
        """How many units the layer has."""
        return self.step.facts.sizes[self.step.layer]

    @property
    def above(self) -> int:
        """How many units the next layer has."""
        return self.step.facts.sizes[self.step.layer + 1]

    # The values of its unit

    @property
    def z(self) -> float:
        """Z of the unit."""
        return self.value("z")

    @property
    def a(self) -> float:
        """The output of the unit."""
        return self.value("a")

    @property
    def da(self) -> float:
        """∂L/∂a of the unit."""
        return self.value("da")

    @property
    def slope(self) -> float:
        """The slope of the unit's activation."""
        return self.value("slope")

    @property
    def delta(self) -> float:
        """δ of the unit."""
        return self.value("dz")

    @property
    def bias(self) -> float:
        """The bias of the unit, 0 if its layer has none."""
        name = self.step.near("b", self.unit)
        return self.v[name] if name in self.v.table else 0.0

    @property
    def signal(self) -> float:
        """The signal that comes in on the step's weight."""
        return self.value("a", self.source, up=-1)

    @property
    def weight(self) -> float:
        """The step's weight itself."""
        return self.value("W", *self.step.index)

    # Errors and losses

    @property
    def y(self) -> float:
        """The target of the output."""
        return self.value("y")

    @property
    def y_hat(self) -> float:
        """The prediction of the output."""
        return self.value("y_hat")

    @property
    def error(self) -> float:
        """The difference ŷ − y of the step's output."""
        return self.y_hat - self.y

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """Target and prediction of each output of the example."""
        return [(self.value("y", k), self.value("y_hat", k)) for k in range(1, self.outputs + 1)]

    @property
    def loss(self) -> float:
        """The loss of the example."""
        return self.v[f"loss{self.step.at}"]

    @property
    def divisor(self) -> int:
        """By what a squared loss divides the sum of the squares."""
        return self.outputs if self.step.facts.loss == LOSSES["mse"] else 2

    # The way back

    @property
    def deltas(self) -> list[float]:
        """δ of each unit of the next layer."""
        return [self.value("dz", k, up=1) for k in range(1, self.above + 1)]

    @property
    def paths(self) -> list[float]:
        """The contribution of each path to ∂L/∂a of the unit."""
        return self.paths_over(lambda k: self.step.near("W", self.unit, k, up=1))

    def paths_over(self, weight: Callable[[int], str]) -> list[float]:
        """Return the contributions if the path from unit k of the next layer had the weight of this name."""
        return [delta * self.v[weight(k)] for k, delta in enumerate(self.deltas, start=1)]

    def renamed(self, **changes: object) -> str:
        """Return the step's name with some parts replaced."""
        return str(self.step.parts.at(**changes))


# Where a mistake applies: at which networks


def squared(facts: Facts) -> bool:
    """Return whether the loss is a squared error."""
    return facts.loss in (LOSSES["mse"], LOSSES["half_sse"])


def cross_entropy(facts: Facts) -> bool:
    """Return whether the loss is a cross-entropy."""
    return facts.loss.from_logits is not None


def loss_is(name: str, outputs: int = 1) -> Callable[[Facts], bool]:
    """Return the test for a loss, on at least this many outputs."""
    return lambda facts: facts.loss == LOSSES[name] and facts.sizes[-1] >= outputs


def nonlinear_output(facts: Facts) -> bool:
    """Return whether the output has an activation other than the identity."""
    return facts.activations[-1] != ACTIVATIONS["identity"]


def squared_nonlinear(facts: Facts) -> bool:
    """Return whether it is a squared error behind an activation other than the identity."""
    return squared(facts) and nonlinear_output(facts)


def output_has_slope(facts: Facts) -> bool:
    """Return whether each output unit has its own slope that can be forgotten."""
    return nonlinear_output(facts) and facts.activations[-1].slope is not None


def softmax_output(facts: Facts) -> bool:
    """Return whether the output is a softmax."""
    return facts.activations[-1] == ACTIVATIONS["softmax"]


# … and at which steps


def output(step: Step) -> bool:
    """Return whether the step belongs to the last layer."""
    return step.layer == step.facts.last


def hidden(step: Step) -> bool:
    """Return whether the step belongs to a hidden layer."""
    return 0 < step.layer < step.facts.last


def coupled(step: Step) -> bool:
    """Return whether each output of the layer depends on every z of it, as in a softmax."""
    return step.facts.activations[step.layer - 1].slope is None


def uncoupled(step: Step) -> bool:
    """Return whether each unit of the layer has its own slope."""
    return not coupled(step)


def single(step: Step) -> bool:
    """Return whether each unit of the layer has its own slope, and ∂L/∂a is multiplied by it.

    With a cross-entropy, ∂L/∂z of the output is ŷ − y directly, unless it is computed the long way.
    """
    return uncoupled(step) and (hidden(step) or squared(step.facts))


def single_hidden(step: Step) -> bool:
    """Return whether the step belongs to a hidden layer whose units have their own slopes."""
    return hidden(step) and single(step)


def any_unit(*activations: str) -> Callable[[Step], bool]:
    """Return the test for the activation of a step's layer."""
    records = tuple(ACTIVATIONS[name] for name in activations)
    return lambda step: step.facts.activations[step.layer - 1] in records


def unit_is(*activations: str) -> Callable[[Step], bool]:
    """Return the test for the activation of a step's layer, where its slope is multiplied by."""
    return lambda step: any_unit(*activations)(step) and single(step)


def rectifier(step: Step) -> bool:
    """Return whether the layer's activation is a ReLU, leaky or not."""
    return step.facts.activations[step.layer - 1].rectifier


def fan_out(at_least: int) -> Callable[[Step], bool]:
    """Return the test for a hidden unit that leads to at least this many units."""
    return lambda step: hidden(step) and step.facts.sizes[step.layer + 1] >= at_least


def later_layer(step: Step) -> bool:
    """Return whether there is a layer before the step's layer."""
    return step.layer > 1


def square(step: Step) -> bool:
    """Return whether the step's layer has as many inputs as units, and more than one."""
    return step.facts.sizes[step.layer - 1] == step.facts.sizes[step.layer] > 1


def square_above(step: Step) -> bool:
    """Return whether the layer after a hidden unit is square."""
    return hidden(step) and step.facts.sizes[step.layer] == step.facts.sizes[step.layer + 1] > 1


def same_shape_above(step: Step) -> bool:
    """Return whether a hidden layer's own weights and those of the next layer have the same shape."""
    sizes = step.facts.sizes
    return hidden(step) and sizes[step.layer - 1] == sizes[step.layer] == sizes[step.layer + 1]
