"""The pass as scalar equations: one `Step` for each number, in the order in which a person computes them.

This is a second computation of what `backprop` does, without matrices and with Python's own arithmetic. Each step can
be computed again from other values. The tutor is built on that: a worked solution consists of the steps that a number
depends on, an error carried forward is a step computed from the learner's own values, and a mistake is a step with a
different rule.

| kind    | names          | equation                                      | label                      |
|---------|----------------|-----------------------------------------------|----------------------------|
| z       | z1[2]          | z = Σ a·w + b                                 | FORWARD                    |
| a       | a1[2]          | a = f(z)                                      | FORWARD                    |
| y_hat   | y_hat[1]       | another name for the last a                   | FORWARD                    |
| loss    | loss           | how wrong ŷ is                                | ERROR                      |
| error   | da2[1]         | ∂L/∂ŷ, the slope of the loss                  | ERROR                      |
| slope   | slope2[1]      | f′(z); for softmax slope2[1,3] = ∂a₁/∂z₃      | OUTPUT DELTA, HIDDEN DELTA |
| delta   | dz2[1]         | δ = ∂L/∂a · f′(z)                             | OUTPUT DELTA, HIDDEN DELTA |
| back    | da1[2], dx[1]  | ∂L/∂a = Σ δ·w over all units it leads to      | SEND BACK                  |
| dW, db  | dW2[1,3]       | the signal that comes in, times δ; for b just δ | GRADIENT                 |
| mean    | loss, dW2[1,3] | in a batch: the mean over the examples        | as for one example         |
| new     | W2_new[1,3]    | w − η·∂L/∂w                                   | UPDATE                     |

Names count from one: `W2[1,3]` is the weight of layer 2 from unit 1 to unit 3. In a batch `z1[2]@3` and
`dW1[1,2]@3` belong to the third example and its own loss, `loss@3`; `loss` and `dW1[1,2]` are the means.

The formula of a step is a template with each name in braces, such as ``"{x[1]}·{W1[1,2]} + {b1[2]}"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.activations import Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.losses import Loss
from bpcourse.engine.validation import Array, positive, require_kind
from bpcourse.names import Name
from bpcourse.numbers import format_number
from bpcourse.registry import UnknownNameError
from bpcourse.tutor import formulas
from bpcourse.tutor.formulas import Formula, Pairs, Rule, filled, is_coupled, names_in


@dataclass(frozen=True)
class Facts:
    """The facts that the equations of a pass depend on, besides its numbers."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    examples: int

    @property
    def last(self) -> int:
        """The number of the output layer."""
        return len(self.activations)


@dataclass(frozen=True, slots=True)
class Step:
    """One scalar equation of a pass.

    Parameters
    ----------
    name : str
        What it computes, such as ``dW2[1,3]``.
    kind : str
        Which equation it is; see the table at the top of this module.
    inputs : mapping of str to float
        The values that it needs, by name.
    template : str
        Its formula, with each name in braces.
    rule : callable
        Computes it from values by name.
    value : float
        Its value in this pass.
    products : tuple of (str, str)
        The products that its formula adds up, as in z and in ∂L/∂a. Empty for other formulas.
    short : str
        The template of a shorter formula for the same value, or "".
    facts : Facts
        The network and the loss of the pass.
    layer : int
        Its layer, 0 for the inputs.
    index : tuple of int
        Its unit, or from-unit and to-unit.
    at : str
        "@3" for example 3 of a batch, otherwise "".
    new : str
        "_new" after the update, otherwise "".
    """

    name: str
    kind: str
    inputs: Mapping[str, float]
    template: str
    rule: Rule
    value: float
    products: Pairs
    short: str
    facts: Facts
    layer: int
    index: tuple[int, ...]
    at: str
    new: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The names that it is computed from."""
        return tuple(self.inputs)

    @property
    def parts(self) -> Name:
        """Its name, taken apart."""
        return Name.read(self.name)

    @property
    def formula(self) -> str:
        """The right-hand side in names."""
        return filled(self.template, str)

    @property
    def numbers(self) -> str:
        """The right-hand side in numbers."""
        return filled(self.template, lambda name: format_number(self.inputs[name]))

    @property
    def label(self) -> str:
        """Which of the seven parts of the computation it belongs to."""
        if self.kind in ("slope", "delta"):
            return "OUTPUT DELTA" if self.layer == self.facts.last else "HIDDEN DELTA"
        if self.kind == "mean":
            return "GRADIENT" if self.parts.is_gradient else "ERROR"
        return LABELS[self.kind]

    @property
    def activation(self) -> Activation:
        """The activation of its layer."""
        return self.facts.activations[self.layer - 1]

    def units(self, up: int = 0) -> range:
        """Return the numbers of the units of its layer, or of the layer `up` layers above."""
        return range(1, self.facts.sizes[self.layer + up] + 1)

    def recompute(self, values: Mapping[str, float]) -> float:
        """Compute the value with some of its inputs replaced.

        Examples
        --------
        >>> from bpcourse import EXAMPLES
        >>> step = next(step for step in steps(EXAMPLES["lecture"].backprop()) if step.name == "z1[1]")
        >>> step.formula
        'x[1]·W1[1,1] + x[2]·W1[2,1] + b1[1]'
        >>> round(step.value, 10), round(step.recompute({"b1[1]": 0.0}), 10)
        (0.905, 0.805)
        """
        return self.rule({**self.inputs, **values})

    def terms(self, values: Mapping[str, float]) -> list[float]:
        """Compute the products that its formula adds up."""
        return [values[one] * values[other] for one, other in self.products]

    def near(self, quantity: str, *index: int, up: int = 0) -> str:
        """Return the name of a quantity of the same unit, example and layer, or of another unit, or `up` layers."""
        return name_of(quantity, self.layer + up, index or self.index, self.at, self.new)

    def __repr__(self) -> str:
        return f"{self.name} = {self.formula} = {self.numbers} = {format_number(self.value)}"


# The parts of a computation are the same everywhere in the course (Margulieux et al. 2020).
LABELS = {
    "z": "FORWARD", "a": "FORWARD", "y_hat": "FORWARD", "loss": "ERROR", "error": "ERROR", "back": "SEND BACK",
    "dW": "GRADIENT", "db": "GRADIENT", "new": "UPDATE", "given": "GIVEN",
}  # fmt: skip


Finish = Callable[["Step", float], float]
"""Gets each step with its value as it is computed, and may round it or move it a little."""


class Values(dict[str, float]):
    """Values by name, each computed when it is first asked for.

    Parameters
    ----------
    table : mapping of str to Step
        The steps of the pass.
    known : mapping of str to float, optional
        Values that are used unchanged.
    rules : mapping, optional
        For a kind of step, a rule that replaces its own: a mistake, carried through all that follows.
    finish : callable, optional
        Gets each step with its value as it is computed, and may round it or move it a little.
    """

    def __init__(
        self,
        table: Mapping[str, Step],
        known: Mapping[str, float] | None = None,
        rules: Mapping[str, Callable[[Step, Values], float]] | None = None,
        finish: Finish | None = None,
    ) -> None:
        super().__init__(known or {})
        self.table, self.rules, self.finish = table, rules or {}, finish

    def __missing__(self, name: str) -> float:
        step = self.table[name]
        rule = self.rules.get(step.kind)
        value = step.rule(self) if rule is None else rule(step, self)
        if self.finish is not None:
            value = self.finish(step, value)
        self[name] = value
        return value


LAYERED = {"W", "b", "z", "a", "dW", "db", "dz", "da", "slope"}
"""Quantities that exist in every layer."""


@cache  # the same few names are made again and again
def name_of(quantity: str, layer: int, index: tuple[int, ...], at: str = "", new: str = "") -> str:
    """Return a name. a0 is x; a parameter belongs to no example, and what is given has no value after the update."""
    if layer == 0 and quantity in ("a", "da"):
        quantity = "x" if quantity == "a" else "dx"
    number = str(layer) if quantity in LAYERED else ""
    at = "" if quantity in ("W", "b") else at
    new = "" if quantity in ("x", "y") else new
    return f"{quantity}{number}{new}[{','.join(map(str, index))}]{at}"


def steps(trace: Trace, learning_rate: float | None = None) -> tuple[Step, ...]:
    """Return the equations of a pass in order: forward, backward and, with a learning rate, update and new loss.

    Parameters
    ----------
    trace : Trace
        The pass.
    learning_rate : float, optional
        The learning rate of the update.

    Returns
    -------
    tuple of Step

    Raises
    ------
    TypeError
        If `trace` is not a trace.
    ValueError
        If the learning rate is not a positive finite number.

    Examples
    --------
    >>> from bpcourse import Dense, Network, backprop
    >>> trace = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], loss="mse")
    >>> for step in steps(trace):
    ...     if step.name in ("z1[1]", "loss", "da1[1]", "dW1[1,1]"):
    ...         print(step)
    z1[1] = x[1]·W1[1,1] + b1[1] = 2.000·3.000 + 1.000 = 7.000
    loss = (y_hat[1] − y[1])² = (7.000 − 9.000)² = 4.000
    da1[1] = 2·(y_hat[1] − y[1]) = 2·(7.000 − 9.000) = −4.000
    dW1[1,1] = x[1]·dz1[1] = 2.000·(−4.000) = −8.000
    """
    return tuple(step for step in table(trace, learning_rate).values() if step.kind != "given")


def table(trace: Trace, learning_rate: float | None = None) -> dict[str, Step]:
    """Return the steps of a pass by name. The given values come first: x, y, W, b and the learning rate.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> list(table(EXAMPLES["lecture"].backprop()))[13:19]
    ['b2[2]', 'y[1]', 'y[2]', 'z1[1]', 'z1[2]', 'a1[1]']
    """
    require_kind(trace, Trace, "backprop(network, x, y)")
    board = _Board(trace)
    board.give(trace, learning_rate)
    for at in board.examples:
        board.forward(at)
    board.mean("loss")
    for at in board.examples:
        board.backward(at)
    for name in board.parameters:
        board.mean(f"d{name}")
    if learning_rate is not None:
        for name in board.parameters:
            board.update(Name.read(name))
        for at in board.examples:
            board.forward(at, "_new")
        board.mean("loss_new")
    return board.steps


def needed_for(table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None) -> list[Step]:
    """Return the step of a name and all steps that it needs, in the order of the table, stopping at what is `known`.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> [step.name for step in needed_for(steps, "dW2[1,2]", known={"dz2[2]": -0.06})][-3:]
    ['z1[1]', 'a1[1]', 'dW2[1,2]']
    """
    found, ahead = {name}, [name]
    while ahead:
        for needed in table[ahead.pop()].needs:
            if needed not in found and needed not in (known or {}):
                found.add(needed)
                ahead.append(needed)
    return [step for step in table.values() if step.name in found]


def look_up(steps: Mapping[str, Step], name: str) -> Step:
    """Find the step of a name as a person writes it: with spaces, `dy_hat` for the last `da`, `@1` for one example.

    Raises
    ------
    ValueError
        If the text does not have the form of a name, or does not say which example of a batch.
    UnknownNameError
        A ValueError: if this pass does not have such a value.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> look_up(table(EXAMPLES["lecture"].backprop()), "net1[ 2 ]").name
    'z1[2]'
    """
    facts = next(iter(steps.values())).facts
    asked = _as_in(facts, name)
    if str(asked) in steps:
        return steps[str(asked)]
    if asked.new and "learning_rate" not in steps:
        raise ValueError(f"{name} is a value after the update; pass the learning_rate, such as learning_rate=0.5.")
    one = asked.at(example=1)
    if facts.examples > 1 and not asked.example and str(one) in steps:
        raise ValueError(f"{name} differs from example to example in a batch; say which, such as {one}.")
    alike = [each for each in steps if Name.read(each).at(index=(), example=0) == asked.at(index=(), example=0)]
    whole = list(dict.fromkeys(str(Name.read(each).at(index=(), example=0)) for each in steps))
    raise UnknownNameError("value", name, alike or whole)


def _as_in(facts: Facts, name: str) -> Name:
    """Return a name as this pass has it: ∂L/∂ŷ belongs to the last layer, and a single example has no number."""
    asked = Name.read(name)
    if asked.quantity == "dy_hat":
        asked = asked.at(quantity="da", layer=facts.last)
    return asked.at(example=0) if facts.examples == 1 and asked.example == 1 else asked


def entries(steps: Mapping[str, Step], name: str) -> NDArray[Any] | None:
    """Return the names of the entries of an array, in its shape, or None if `name` names a single value.

    The rows of one example have shape (1, units), those of a batch (n, units), as in the trace.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> entries(table(EXAMPLES["mazur"].backprop()), "dW2")
    array([['dW2[1,1]', 'dW2[1,2]'],
           ['dW2[2,1]', 'dW2[2,2]']], dtype=object)
    """
    asked = _as_in(next(iter(steps.values())).facts, name)
    if asked.index or asked.quantity in ("loss", "learning_rate"):
        return None
    parts = {each: Name.read(each) for each in steps}
    found = [each for each, part in parts.items() if part.at(index=()) == asked]
    if not found:
        found = [each for each, part in parts.items() if part.at(index=(), example=0) == asked]
    if not found:
        return None
    shape = (-1,) if asked.quantity in ("b", "db") else (-1, *parts[found[-1]].index[-1:])
    if asked.quantity == "slope" and len(parts[found[0]].index) == 2:
        shape = (len(found) // shape[-1] ** 2, shape[-1], shape[-1])
    return np.array(found, dtype=object).reshape(shape)


class _Board:
    """The board on which the equations of a pass are written, one below the other."""

    def __init__(self, trace: Trace) -> None:
        layers, n = trace.network.layers, len(trace["x"])
        self.facts = Facts(trace.network.sizes, tuple(layer.activation for layer in layers), trace.loss_function, n)
        self.biased = [layer.b is not None for layer in layers]
        self.examples = [""] if n == 1 else [f"@{example}" for example in range(1, n + 1)]
        self.parameters: list[str] = []
        self.steps: dict[str, Step] = {}
        self.values: dict[str, float] = {}

    def names(self, quantity: str, layer: int, at: str = "", new: str = "") -> list[str]:
        """Return the names of a quantity for all units of a layer."""
        return [name_of(quantity, layer, (unit,), at, new) for unit in range(1, self.facts.sizes[layer] + 1)]

    def pairs(self, at: str, new: str = "") -> list[tuple[str, str]]:
        """Return the names of the targets and predictions of an example."""
        last = self.facts.last
        return list(zip(self.names("y", last, at), self.names("y_hat", last, at, new), strict=True))

    def write(self, kind: str, name: str, formula: Formula, layer: int, *index: int, short: str = "") -> None:
        """Write one equation. It needs the names in its formula, and those that its rule may go back to."""
        template, rule, products, also = formula
        needed = dict.fromkeys([*names_in(template), *names_in(short), *also])
        inputs = {each: self.values[each] for each in needed}
        self.values[name] = value = rule(self.values)
        part = Name.read(name)
        place = layer, index, f"@{part.example}" if part.example else "", "_new" if part.new else ""
        self.steps[name] = Step(name, kind, inputs, template, rule, value, products, short, self.facts, *place)

    def give(self, trace: Trace, learning_rate: float | None) -> None:
        """Write down what is given."""
        self._give_rows("x", trace["x"], 0)
        for layer, biased in enumerate(self.biased, start=1):
            for quantity in ("W", "b") if biased else ("W",):
                for place, value in np.ndenumerate(trace[f"{quantity}{layer}"]):
                    index = tuple(each + 1 for each in place)
                    self.parameters.append(name_of(quantity, layer, index))
                    self.write("given", self.parameters[-1], formulas.given(value), layer, *index)
        self._give_rows("y", trace["y"], self.facts.last)
        if learning_rate is not None:
            self.write("given", "learning_rate", formulas.given(positive(learning_rate, "learning_rate")), 0)

    def _give_rows(self, quantity: str, rows: Array, layer: int) -> None:
        for at, row in zip(self.examples, rows, strict=True):
            for unit, value in enumerate(row, start=1):
                self.write("given", name_of(quantity, layer, (unit,), at), formulas.given(value), layer, unit)

    def forward(self, at: str, new: str = "") -> None:
        """Write the forward pass of one example, and its loss."""
        for layer, activation in enumerate(self.facts.activations, start=1):
            inputs, zs = self.names("a", layer - 1, at, new), self.names("z", layer, at, new)
            biases = self.names("b", layer, new=new) if self.biased[layer - 1] else [None] * len(zs)
            for j, (z, b) in enumerate(zip(zs, biases, strict=True), start=1):
                products = [(a, name_of("W", layer, (i, j), new=new)) for i, a in enumerate(inputs, start=1)]
                self.write("z", z, formulas.weighted_sum(products, b), layer, j)
            for j, a in enumerate(self.names("a", layer, at, new), start=1):
                self.write("a", a, formulas.output(activation, zs, j), layer, j)
        pairs = self.pairs(at, new)
        for k, (_, y_hat) in enumerate(pairs, start=1):
            a = name_of("a", self.facts.last, (k,), at, new)
            self.write("y_hat", y_hat, formulas.copy(a), self.facts.last, k)
        formula = formulas.loss(self.facts.loss, pairs)
        formula = formulas.exact(formula, self.facts.loss, "value_from_logits", pairs, zs)
        self.write("loss", f"loss{new}{at}", formula, self.facts.last)

    def backward(self, at: str) -> None:
        """Write the backward pass of one example, from its own loss."""
        loss, last, pairs = self.facts.loss, self.facts.last, self.pairs(at)
        zs = self.names("z", last, at)
        for k, da in enumerate(self.names("da", last, at), start=1):
            formula = formulas.loss_slope(loss, pairs, k)
            formula = formulas.exact(formula, loss, "output_gradient_from_logits", pairs, zs, k)
            self.write("error", da, formula, last, k)
        for layer in range(last, 0, -1):
            self._slopes(layer, at)
            self._deltas(layer, at)
            deltas = list(enumerate(self.names("dz", layer, at), start=1))
            for i, a in enumerate(self.names("a", layer - 1, at), start=1):
                for j, dz in deltas:
                    self.write("dW", name_of("dW", layer, (i, j), at), formulas.weighted_sum([(a, dz)]), layer, i, j)
            for j, dz in deltas if self.biased[layer - 1] else ():
                self.write("db", name_of("db", layer, (j,), at), formulas.copy(dz), layer, j)
            for i, da in enumerate(self.names("da", layer - 1, at), start=1):
                paths = [(dz, name_of("W", layer, (i, j))) for j, dz in deltas]
                self.write("back", da, formulas.weighted_sum(paths), layer - 1, i)

    def _slopes(self, layer: int, at: str) -> None:
        """Write f′(z) of each unit; for softmax, of each output with respect to each z."""
        activation = self.facts.activations[layer - 1]
        zs, outputs = self.names("z", layer, at), self.names("a", layer, at)
        for i in range(1, len(zs) + 1):
            for index in [(i, k) for k in range(1, len(zs) + 1)] if is_coupled(activation) else [(i,)]:
                formula = formulas.slope(activation, zs, outputs, index)
                self.write("slope", name_of("slope", layer, index, at), formula, layer, *index)

    def _deltas(self, layer: int, at: str) -> None:
        """Write ∂L/∂z: through the unit's slope; for softmax through every output, as each depends on each z."""
        loss, outputs = self.facts.loss, list(enumerate(self.names("da", layer, at), start=1))
        for j, dz in enumerate(self.names("dz", layer, at), start=1):
            if is_coupled(self.facts.activations[layer - 1]):
                products = [(da, name_of("slope", layer, (i, j), at)) for i, da in outputs]
            else:
                products = [(outputs[j - 1][1], name_of("slope", layer, (j,), at))]
            formula, short = formulas.weighted_sum(products), ""
            if layer == self.facts.last:
                pairs, zs = self.pairs(at), self.names("z", layer, at)
                short = formulas.short_delta(loss, pairs, j, sum(self.values[y] for y, _ in pairs))
                formula = formulas.exact(formula, loss, "gradient_from_logits", pairs, zs, j)
            self.write("delta", dz, formula, layer, j, short=short)

    def mean(self, name: str) -> None:
        """Write the mean over the examples; with one example there is nothing to do."""
        if self.facts.examples > 1:
            own = [name + at for at in self.examples]
            self.write("mean", name, formulas.mean(own), self.steps[own[0]].layer, *self.steps[own[0]].index)

    def update(self, name: Name) -> None:
        """Write one step of gradient descent for one parameter."""
        formula = formulas.descent(str(name), f"d{name}")
        self.write("new", str(name.at(new=True)), formula, name.layer, *name.index)
