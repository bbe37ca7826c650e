"""The pass as scalar equations: one `Step` for each number, in the order in which a person computes them.

This is a second computation of what `backprop` does, without matrices and in Python's own arithmetic. Each step
can be computed again from other values, and that is what the whole tutor is made of: a worked solution is the
steps that a number depends on, an error carried forward is a step computed from the learner's own values, and a
mistake is a step with another rule.

| kind    | names          | equation                                      | label                      |
|---------|----------------|-----------------------------------------------|----------------------------|
| z       | z1[2]          | z = Σ a·w + b                                 | FORWARD                    |
| a       | a1[2]          | a = f(z)                                      | FORWARD                    |
| y_hat   | y_hat[1]       | another name for the last a                   | FORWARD                    |
| loss    | loss           | how wrong ŷ is                                | ERROR                      |
| error   | da2[1]         | ∂L/∂ŷ, the slope of the loss                  | ERROR                      |
| slope   | slope2[1]      | f′(z); of softmax slope2[1,3] = ∂a₁/∂z₃       | OUTPUT DELTA, HIDDEN DELTA |
| delta   | dz2[1]         | δ = ∂L/∂a · f′(z)                             | OUTPUT DELTA, HIDDEN DELTA |
| back    | da1[2], dx[1]  | ∂L/∂a = Σ δ·w over all units it leads to      | SEND BACK                  |
| dW, db  | dW2[1,3]       | what came in, times δ; of a bias δ            | GRADIENT                   |
| mean    | loss, dW2[1,3] | in a batch: the mean over the examples' own   | as of one example          |
| new     | W2_new[1,3]    | w − η·∂L/∂w                                   | UPDATE                     |

Names count from one: `W2[1,3]` is the weight of layer 2 from unit 1 to unit 3. In a batch `z1[2]@3` and
`dW1[1,2]@3` belong to the third example and its own loss, `loss@3`; `loss` and `dW1[1,2]` are the means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.validation import real, require_kind
from bpcourse.names import Name
from bpcourse.numbers import format_number
from bpcourse.registry import UnknownNameError

Rule = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Facts:
    """What the equations of a pass depend on, besides its numbers."""

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

    name : what it computes, such as ``dW2[1,3]``
    kind : which equation it is, see the table above
    inputs : the values that it needs, by name
    template : its formula, with each name in braces
    rule : computes it from values by name
    value : what it is in this pass
    short : the template of a shorter formula for the same value, or ""
    facts, layer, index, at, new : where it stands; `at` is "@3" for example 3 of a batch and `new` is "_new" after
        the update, else both are ""
    """

    name: str
    kind: str
    inputs: Mapping[str, float]
    template: str
    rule: Rule
    value: float
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
    def formula(self) -> str:
        """The right-hand side in names."""
        return re.sub(r"[{}]", "", self.template)

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
            return "ERROR" if self.name.startswith("loss") else "GRADIENT"
        return LABELS[self.kind]

    @property
    def activation(self) -> str:
        """The name of its layer's activation."""
        return self.facts.activations[self.layer - 1].name

    def recompute(self, values: Mapping[str, float]) -> float:
        """Return the value with some of its inputs replaced by `values`.

        >>> from bpcourse import EXAMPLES
        >>> step = next(step for step in steps(EXAMPLES["lecture"].backprop()) if step.name == "z1[1]")
        >>> step.formula
        'x[1]·W1[1,1] + x[2]·W1[2,1] + b1[1]'
        >>> round(step.value, 10), round(step.recompute({"b1[1]": 0.0}), 10)
        (0.905, 0.805)
        """
        return self.rule({**self.inputs, **values})

    def terms(self, values: Mapping[str, float]) -> list[float]:
        """Return the products of which its formula is the sum, as in z and in ∂L/∂a; [] for other formulas."""
        pairs = re.findall(r"\{([^{}]*)\}·\{([^{}]*)\}", self.template)
        return [values[one] * values[other] for one, other in pairs]

    def near(self, quantity: str, *index: int, up: int = 0) -> str:
        """Return the name of a quantity of the same unit, example and layer, or of another unit, or `up` layers."""
        return name_of(quantity, self.layer + up, index or self.index, self.at, self.new)

    def __repr__(self) -> str:
        return f"{self.name} = {self.formula} = {self.numbers} = {format_number(self.value)}"


LABELS = {
    "z": "FORWARD", "a": "FORWARD", "y_hat": "FORWARD", "loss": "ERROR", "error": "ERROR", "back": "SEND BACK",
    "dW": "GRADIENT", "db": "GRADIENT", "new": "UPDATE", "given": "GIVEN",
}  # fmt: skip


class Values(dict[str, float]):
    """Values by name, each computed when it is first asked for; what is in it from the start is taken as it is.

    `rules` replaces the rule of every step of a kind: a mistake, carried through all that follows.
    """

    def __init__(
        self,
        table: Mapping[str, Step],
        known: Mapping[str, float] | None = None,
        rules: Mapping[str, Callable[[Step, Values], float]] | None = None,
    ) -> None:
        super().__init__(known or {})
        self.table, self.rules = table, rules or {}

    def __missing__(self, name: str) -> float:
        step = self.table[name]
        rule = self.rules.get(step.kind)
        value = self[name] = step.rule(self) if rule is None else rule(step, self)
        return value


@cache  # a network that moves has the same templates again
def names_in(template: str) -> tuple[str, ...]:
    """Return the names in a template.

    >>> names_in("{x[1]}·{W1[1,2]} + {b1[2]}")
    ('x[1]', 'W1[1,2]', 'b1[2]')
    """
    return tuple(re.findall(r"\{([^{}]*)\}", template))


def filled(template: str, shown: Callable[[str], str]) -> str:
    """Return a template with what `shown` gives for each name, in brackets where it would be misread.

    That is a negative number after a sign, and a negative number or a power of ten that is squared.

    >>> filled("{a}·{b} + {a}²", lambda name: {"a": "−2", "b": "−3"}[name])
    '−2·(−3) + (−2)²'
    """
    pieces, end = _pieces(template)
    written = []
    for before, name, first, raised in pieces:
        text = shown(name)
        clear = (text[0] != "−" or (first and not raised)) and not (raised and re.search(r"\de", text))
        written.append(f"{before}{text}" if clear else f"{before}({text})")
    return "".join(written) + end


@cache
def _pieces(template: str) -> tuple[tuple[tuple[str, str, bool, bool], ...], str]:
    """Return for each name in a template what stands before it, whether it begins a part, and whether it is raised.

    At last comes what stands behind the last name.
    """
    pieces, place = [], 0
    for found in re.finditer(r"\{([^{}]*)\}", template):
        first = found.start() == 0 or template[found.start() - 1] in "(["
        raised = template[found.end() : found.end() + 1] in ("²", "^")
        pieces.append((template[place : found.start()], found[1], first, raised))
        place = found.end()
    return tuple(pieces), template[place:]


def name_of(quantity: str, layer: int, index: tuple[int, ...], at: str = "", new: str = "") -> str:
    """Return a name; a0 is x, parameters belong to no example, and what is given has no value after the step."""
    if layer == 0 and quantity in ("a", "da"):
        quantity = "x" if quantity == "a" else "dx"
    number = str(layer) if quantity[-1] in "Wbza" or quantity == "slope" else ""
    at = "" if quantity in ("W", "b") else at
    new = "" if quantity in ("x", "y") else new
    return f"{quantity}{number}{new}[{','.join(map(str, index))}]{at}"


def steps(trace: Trace, learning_rate: float | None = None) -> tuple[Step, ...]:
    """Return the equations of a pass in order: forward, backward and, with a learning rate, update and new loss.

    Raises TypeError if `trace` is no trace, ValueError if the learning rate is not a positive finite number.

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
    """Return the steps of a pass by name, and before them what is given: x, y, W, b and the learning rate.

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
    names = [name for name in board.steps if name[0] in "Wb"]
    for name in names:
        board.mean(f"d{name}")
    if learning_rate is not None:
        for name in names:
            board.update(Name.read(name))
        for at in board.examples:
            board.forward(at, "_new")
        board.mean("loss_new")
    return board.steps


def needed_for(table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None) -> list[Step]:
    """Return the step of a name and all that it needs, in the order of the table, stopping at what is `known`.

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
    """Return the step of a name as a person writes it: with spaces, `a2` for `y_hat`, `@1` for a single example.

    Raises ValueError if it is not built like a name, UnknownNameError (a ValueError) if this pass has no such value.

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
    """Return a name as this pass has it: ∂L/∂ŷ belongs to the last layer, and a single example is not numbered."""
    asked = Name.read(name)
    if asked.quantity == "dy_hat":
        asked = asked.at(quantity="da", layer=facts.last)
    return asked.at(example=0) if facts.examples == 1 and asked.example == 1 else asked


def entries(steps: Mapping[str, Step], name: str) -> NDArray[Any] | None:
    """Return the names of an array's entries, in the shape of the array, or None if `name` is that of a single value.

    Of one example a row is (1, units), of a batch (n, units), as in the trace.

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
    """Where the equations are written down, one below the other."""

    def __init__(self, trace: Trace) -> None:
        layers, n = trace.network.layers, len(trace["x"])
        self.facts = Facts(trace.network.sizes, tuple(layer.activation for layer in layers), trace.loss_function, n)
        self.biased = [layer.b is not None for layer in layers]
        self.examples = [""] if n == 1 else [f"@{example}" for example in range(1, n + 1)]
        self.steps: dict[str, Step] = {}
        self.values: dict[str, float] = {}

    def units(self, layer: int) -> range:
        return range(1, self.facts.sizes[layer] + 1)

    def write(
        self,
        kind: str,
        name: str,
        template: str,
        rule: Rule,
        place: tuple[int, tuple[int, ...]],
        short: str = "",
        also: Iterable[str] = (),
    ) -> None:
        """Write one equation. What it needs are the names in its formula, and those that it falls back to."""
        names = dict.fromkeys([*names_in(template + short), *also])
        inputs = {needed: self.values[needed] for needed in names}
        self.values[name] = value = rule(self.values)
        at, new = name[name.find("@") :] if "@" in name else "", "_new" if "_new" in name else ""
        self.steps[name] = Step(name, kind, inputs, template, rule, value, short, self.facts, *place, at, new)

    def give(self, trace: Trace, learning_rate: float | None) -> None:
        """Write down what is given."""
        for row, at in enumerate(self.examples):
            for i in self.units(0):
                self._given(f"x[{i}]{at}", trace["x"][row, i - 1], 0, i)
        for layer in range(1, self.facts.last + 1):
            for i in self.units(layer - 1):
                for j in self.units(layer):
                    self._given(f"W{layer}[{i},{j}]", trace[f"W{layer}"][i - 1, j - 1], layer, i, j)
            for j in self.units(layer) if self.biased[layer - 1] else ():
                self._given(f"b{layer}[{j}]", trace[f"b{layer}"][j - 1], layer, j)
        for row, at in enumerate(self.examples):
            for k in self.units(self.facts.last):
                self._given(f"y[{k}]{at}", trace["y"][row, k - 1], self.facts.last, k)
        if learning_rate is not None:
            rule = "a positive finite number, such as 0.1"
            rate = real(learning_rate, "learning_rate", rule, lambda rate: 0 < rate < math.inf)
            self._given("learning_rate", rate, 0)

    def _given(self, name: str, value: float, layer: int, *index: int) -> None:
        constant = float(value)
        self.write("given", name, "", lambda v: constant, (layer, index))

    def forward(self, at: str, new: str = "") -> None:
        """Write the forward pass of one example, and its loss."""
        last = self.facts.last
        for layer, activation in enumerate(self.facts.activations, start=1):
            below = [(i, name_of("a", layer - 1, (i,), at, new)) for i in self.units(layer - 1)]
            for j in self.units(layer):
                pairs = [(a, name_of("W", layer, (i, j), new=new)) for i, a in below]
                b = name_of("b", layer, (j,), new=new) if self.biased[layer - 1] else None
                template = _sum_of(pairs) + (f" + {{{b}}}" if b else "")
                rule = _weighted(pairs, b)
                self.write("z", name_of("z", layer, (j,), at, new), template, rule, (layer, (j,)))
            zs = [name_of("z", layer, (j,), at, new) for j in self.units(layer)]
            for j in self.units(layer):
                template, rule = _activation(activation, zs, j)
                self.write("a", name_of("a", layer, (j,), at, new), template, rule, (layer, (j,)))
        for k in self.units(last):
            a = name_of("a", last, (k,), at, new)
            self.write("y_hat", f"y_hat{new}[{k}]{at}", f"{{{a}}}", _copy(a), (last, (k,)))
        pairs = [(f"y[{k}]{at}", f"y_hat{new}[{k}]{at}") for k in self.units(last)]
        zs = [name_of("z", last, (k,), at, new) for k in self.units(last)]
        template, rule = _loss(self.facts.loss, pairs)
        rule, also = _unless_saturated(rule, self.facts.loss, pairs, zs, "value_from_logits")
        self.write("loss", f"loss{new}{at}", template, rule, (last, ()), also=also)

    def backward(self, at: str) -> None:
        """Write the backward pass of one example, from its own loss."""
        last = self.facts.last
        pairs = [(f"y[{k}]{at}", f"y_hat[{k}]{at}") for k in self.units(last)]
        zs = [name_of("z", last, (k,), at) for k in self.units(last)]
        for k in self.units(last):
            template, rule = _error(self.facts.loss, pairs, k)
            rule, also = _unless_saturated(rule, self.facts.loss, pairs, zs, "output_gradient_from_logits", k)
            self.write("error", name_of("da", last, (k,), at), template, rule, (last, (k,)), also=also)
        for layer in range(last, 0, -1):
            self._slopes(layer, at)
            for j in self.units(layer):
                self._delta(layer, j, at, pairs if layer == last else [])
            for i in self.units(layer - 1):
                a = name_of("a", layer - 1, (i,), at)
                for j in self.units(layer):
                    factors = [(a, name_of("dz", layer, (j,), at))]
                    name = name_of("dW", layer, (i, j), at)
                    self.write("dW", name, _sum_of(factors), _weighted(factors), (layer, (i, j)))
            for j in self.units(layer) if self.biased[layer - 1] else ():
                dz = name_of("dz", layer, (j,), at)
                self.write("db", name_of("db", layer, (j,), at), f"{{{dz}}}", _copy(dz), (layer, (j,)))
            for i in self.units(layer - 1):
                paths = [(name_of("dz", layer, (j,), at), name_of("W", layer, (i, j))) for j in self.units(layer)]
                name = name_of("da", layer - 1, (i,), at)
                self.write("back", name, _sum_of(paths), _weighted(paths), (layer - 1, (i,)))

    def _slopes(self, layer: int, at: str) -> None:
        activation = self.facts.activations[layer - 1]
        for j in self.units(layer):
            columns: Iterator[tuple[int, ...]] = (
                ((j, k) for k in self.units(layer)) if _is_coupled(activation) else iter([(j,)])
            )
            for index in columns:
                template, rule = _slope(activation, layer, index, at, self.facts.sizes[layer])
                name, z = name_of("slope", layer, index, at), name_of("z", layer, index[:1], at)
                smooth = activation in (ACTIVATIONS["sigmoid"], ACTIVATIONS["tanh"])
                self.write("slope", name, template, rule, (layer, index), also=[z] if smooth else [])

    def _delta(self, layer: int, j: int, at: str, pairs: list[tuple[str, str]]) -> None:
        """Write ∂L/∂z: through the unit's slope, or for softmax through every output, as each depends on each z.

        pairs : at the output the names of targets and predictions
        """
        coupled, loss = _is_coupled(self.facts.activations[layer - 1]), self.facts.loss
        indices = [(i, j) for i in self.units(layer)] if coupled else [(j,)]
        factors = [(name_of("da", layer, index[:1], at), name_of("slope", layer, index, at)) for index in indices]
        zs = [name_of("z", layer, (unit,), at) for unit in self.units(layer)] if pairs else []
        rule, also = _unless_saturated(_weighted(factors), loss, pairs, zs, "gradient_from_logits", j)
        short = _short_delta(loss, pairs, j, self.values) if pairs else ""
        self.write("delta", name_of("dz", layer, (j,), at), _sum_of(factors), rule, (layer, (j,)), short, also)

    def mean(self, name: str) -> None:
        """Write the mean over the examples; with one example there is nothing to do."""
        if self.facts.examples == 1:
            return
        own = [name + at for at in self.examples]
        template = f"({' + '.join(f'{{{each}}}' for each in own)}) / {len(own)}"
        one = self.steps[own[0]]
        self.write("mean", name, template, lambda v: sum(v[each] for each in own) / len(own), (one.layer, one.index))

    def update(self, name: Name) -> None:
        """Write one step of gradient descent for one parameter."""
        old, gradient, new = str(name), f"d{name}", str(name.at(new=True))
        template = f"{{{old}}} − {{learning_rate}}·{{{gradient}}}"
        rule = _descent(old, gradient)
        self.write("new", new, template, rule, (name.layer, name.index))


# The equations themselves: each function returns a formula, with the names in braces, and the rule that computes it.

Formula = tuple[str, Rule]


def _sum_of(pairs: list[tuple[str, str]]) -> str:
    return " + ".join(f"{{{one}}}·{{{other}}}" for one, other in pairs)


def _weighted(pairs: list[tuple[str, str]], b: str | None = None) -> Rule:
    if b is None:
        return lambda v: sum([v[one] * v[other] for one, other in pairs])
    return lambda v: sum([v[one] * v[other] for one, other in pairs]) + v[b]


def _copy(name: str) -> Rule:
    return lambda v: v[name]


def _descent(old: str, gradient: str) -> Rule:
    return lambda v: v[old] - v["learning_rate"] * v[gradient]


SATURATED = 1e-6  # nearer to 0 or 1 a unit's output has lost digits of its distance from there


def _unless_saturated(
    rule: Rule, loss: Loss, pairs: list[tuple[str, str]], zs: list[str], method: str, k: int = 0
) -> tuple[Rule, list[str]]:
    """Return a rule in ŷ that goes back to z where ŷ has lost digits, and what it needs for that.

    method : which of the loss's formulas in z it is; of several outputs the k-th
    """
    if loss.from_logits is None or not pairs:
        return rule, []
    output, from_z = loss.from_logits.output, getattr(loss, method)

    def both(v: Mapping[str, float]) -> float:
        if all(SATURATED < v[p] < 1 - SATURATED for _, p in pairs):
            return rule(v)
        z = [v[each] for each in zs]
        if any(abs(v[p] - own) > SATURATED for (_, p), own in zip(pairs, output.f(z), strict=True)):
            return rule(v)  # this 0 or 1 is a learner's own, perhaps rounded
        value = from_z([v[y] for y, _ in pairs], z)
        return float(value[k - 1] if k else value)

    return both, [*zs, *(name for pair in pairs for name in pair)]


def _smooth_slope(activation: Activation, z: str, a: str, from_a: Callable[[float], float]) -> Rule:
    """Return the slope from the unit's output, and from z where the output has lost the digits for it."""

    def slope(v: Mapping[str, float]) -> float:
        if abs(v[a]) < 1 - SATURATED or abs(v[a] - activation.f(v[z]).item()) > SATURATED:
            return from_a(v[a])
        return activation.df(v[z]).item()

    return slope


def sigmoid(z: float) -> float:
    """Return σ(z) without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def softmax(zs: list[float]) -> list[float]:
    """Return the softmax of a row, without overflow."""
    powers = [math.exp(z - max(zs)) for z in zs]
    return [power / sum(powers) for power in powers]


def _is_coupled(activation: Activation) -> bool:
    return activation.slope is None


def _leak(activation: Activation) -> float | None:
    """Return the slope of a ReLU, leaky or not, below 0; None for other activations."""
    if not activation.rectifier or activation.slope is None:
        return None
    leak = float(activation.df(-1.0))
    straight = activation.f([-2.0, -1.0, 1.0, 2.0]).tolist() == [-2 * leak, -leak, 1.0, 2.0]
    return leak if straight else None


def _activation(activation: Activation, zs: list[str], j: int) -> Formula:
    """Return a = f(z)."""
    z, name, leak = zs[j - 1], activation.name, _leak(activation)
    if activation == ACTIVATIONS["identity"]:
        return f"{{{z}}}", _copy(z)
    if activation == ACTIVATIONS["sigmoid"]:
        return f"1 / (1 + e^(−{{{z}}}))", lambda v: sigmoid(v[z])
    if activation == ACTIVATIONS["tanh"]:
        return f"tanh({{{z}}})", lambda v: math.tanh(v[z])
    if leak is not None:
        below = f"{leak:g}·{{{z}}}" if leak else "0"
        return f"max({below}, {{{z}}})", lambda v: max(leak * v[z], v[z])
    if activation == ACTIVATIONS["softmax"]:
        total = " + ".join(f"e^({{{other}}})" for other in zs)
        return f"e^({{{z}}}) / ({total})", lambda v: softmax([v[other] for other in zs])[j - 1]
    row = ", ".join(f"{{{other}}}" for other in zs) if _is_coupled(activation) else f"{{{z}}}"
    if _is_coupled(activation):
        return f"{name}({row})", lambda v: activation.f([v[other] for other in zs])[j - 1].item()
    return f"{name}({row})", lambda v: activation.f(v[z]).item()


def _slope(activation: Activation, layer: int, index: tuple[int, ...], at: str, units: int) -> Formula:
    """Return f′(z), or ∂aᵢ/∂zₖ where the units are coupled; from the unit's output where that is the shortest way."""
    a, z = name_of("a", layer, index[:1], at), name_of("z", layer, index[:1], at)
    leak = _leak(activation)
    rule: Rule
    if activation == ACTIVATIONS["identity"]:
        return "1", lambda v: 1.0
    if activation == ACTIVATIONS["sigmoid"]:
        return f"{{{a}}}·(1 − {{{a}}})", _smooth_slope(activation, z, a, lambda a: a * (1 - a))
    if activation == ACTIVATIONS["tanh"]:
        return f"1 − {{{a}}}²", _smooth_slope(activation, z, a, lambda a: 1 - a * a)
    if leak is not None:
        return f"1 if {{{z}}} > 0, else {leak:g}", lambda v: 1.0 if v[z] > 0 else leak
    if activation == ACTIVATIONS["softmax"]:
        other = name_of("a", layer, index[1:], at)
        if a == other:
            return f"{{{a}}}·(1 − {{{a}}})", lambda v: v[a] * (1 - v[a])
        return f"−{{{a}}}·{{{other}}}", lambda v: -v[a] * v[other]
    if _is_coupled(activation):
        zs, (i, k) = [name_of("z", layer, (unit,), at) for unit in range(1, units + 1)], index
        row = ", ".join(f"{{{each}}}" for each in zs)
        rule = lambda v: activation.jacobian([v[each] for each in zs])[i - 1, k - 1].item()  # noqa: E731
        return f"{activation.name}′({row})", rule
    return f"{activation.name}′({{{z}}})", lambda v: activation.df(v[z]).item()


def _cost(weight: float, p: float) -> float:
    """Return −weight · ln p, where what has no weight costs nothing."""
    return 0.0 if weight == 0 else -weight * math.log(p) if p > 0 else math.inf


def _squared(difference: float) -> float:
    return difference * difference  # ** would raise OverflowError where this is inf


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.copysign(math.inf, part) if part else 0.0


def _loss(loss: Loss, pairs: list[tuple[str, str]]) -> Formula:
    """Return one example's loss, from its targets and predictions."""
    count = len(pairs)
    squares = " + ".join(f"({{{p}}} − {{{y}}})²" for y, p in pairs)
    mean = f" / {count}" if count > 1 else ""
    if loss == LOSSES["mse"]:
        template = f"[{squares}]{mean}" if count > 1 else squares
        return template, lambda v: sum(_squared(v[p] - v[y]) for y, p in pairs) / count
    if loss == LOSSES["half_sse"]:
        return f"[{squares}] / 2", lambda v: sum(_squared(v[p] - v[y]) for y, p in pairs) / 2
    if loss == LOSSES["binary_cross_entropy"]:
        terms = " + ".join(f"{{{y}}}·ln {{{p}}} + (1 − {{{y}}})·ln(1 − {{{p}}})" for y, p in pairs)
        rule: Rule = lambda v: sum(_cost(v[y], v[p]) + _cost(1 - v[y], 1 - v[p]) for y, p in pairs) / count  # noqa: E731
        return f"−[{terms}]{mean}", rule
    if loss == LOSSES["categorical_cross_entropy"]:
        terms = " + ".join(f"{{{y}}}·ln {{{p}}}" for y, p in pairs)
        return f"−[{terms}]", lambda v: sum(_cost(v[y], v[p]) for y, p in pairs)
    row = ", ".join(f"{{{y}}}, {{{p}}}" for y, p in pairs)
    return f"{loss.name}({row})", lambda v: loss.value([v[y] for y, _ in pairs], [v[p] for _, p in pairs])


def _error(loss: Loss, pairs: list[tuple[str, str]], k: int) -> Formula:
    """Return ∂L/∂ŷ, how fast one example's loss changes with one prediction."""
    count, (y, p) = len(pairs), pairs[k - 1]
    if loss == LOSSES["mse"]:
        mean = f" / {count}" if count > 1 else ""
        return f"2·({{{p}}} − {{{y}}}){mean}", lambda v: 2 * (v[p] - v[y]) / count
    if loss == LOSSES["half_sse"]:
        return f"{{{p}}} − {{{y}}}", lambda v: v[p] - v[y]
    if loss == LOSSES["binary_cross_entropy"]:
        mean = f"{count}·" if count > 1 else ""
        template = f"({{{p}}} − {{{y}}}) / ({mean}{{{p}}}·(1 − {{{p}}}))"
        return template, lambda v: (_over(1 - v[y], 1 - v[p]) - _over(v[y], v[p])) / count
    if loss == LOSSES["categorical_cross_entropy"]:
        return f"−{{{y}}} / {{{p}}}", lambda v: -_over(v[y], v[p])
    row = ", ".join(f"{{{y}}}, {{{p}}}" for y, p in pairs)
    rule: Rule = lambda v: loss.gradient([v[y] for y, _ in pairs], [v[p] for _, p in pairs])[k - 1].item()  # noqa: E731
    return f"{loss.name}′({row})", rule


def _short_delta(loss: Loss, pairs: list[tuple[str, str]], k: int, values: Mapping[str, float]) -> str:
    """Return ∂L/∂z of a cross-entropy, where the slope of the logarithm and that of the activation cancel, or ""."""
    y, p = pairs[k - 1]
    if loss == LOSSES["binary_cross_entropy"]:
        return f"({{{p}}} − {{{y}}}) / {len(pairs)}" if len(pairs) > 1 else f"{{{p}}} − {{{y}}}"
    if loss != LOSSES["categorical_cross_entropy"]:
        return ""
    if math.isclose(sum(values[target] for target, _ in pairs), 1, rel_tol=1e-12):
        return f"{{{p}}} − {{{y}}}"
    total = " + ".join(f"{{{target}}}" for target, _ in pairs)
    return f"{{{p}}}·({total}) − {{{y}}}"
