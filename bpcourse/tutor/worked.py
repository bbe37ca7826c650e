"""Worked solutions of any value of a pass, written as a good teacher writes on a board.

A solution has what is asked, what is given, the chain with every path, each factor with its formula, its numbers and
its value, the paths multiplied out and added up, and a check that anyone can repeat. `bpcourse.tutor.solutions` says
how it looks in a terminal, in a notebook and on a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise, product
from typing import Any, NamedTuple

from numpy.typing import NDArray

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import is_count
from bpcourse.names import Name
from bpcourse.numbers import format_number
from bpcourse.registry import brief
from bpcourse.tutor.equations import Step, Values, entries, look_up, name_of, table
from bpcourse.tutor.formulas import is_coupled, names_in
from bpcourse.tutor.solutions import Equation, Hand, Section, Side, Solution

MOST_PATHS = 6  # with more paths, the chain is written with δ only
NUDGE = 0.00001


def solve(
    trace: Trace,
    name: str | None = None,
    *,
    notation: str = "standard",
    digits: int = 4,
    learning_rate: float | None = None,
) -> Solution:
    """Write the worked solution of a value, of all entries of an array, or of the whole pass.

    Parameters
    ----------
    trace : Trace
        The pass.
    name : str, optional
        A value such as ``"dW1[1,2]"``, an array such as ``"dW1"`` or, with a learning rate, ``"W1_new[1,2]"``. None
        stands for the whole pass.
    notation : str
        "standard" (z, a, δ) or "lecture" (net, O, ∂L/∂net).
    digits : int
        Significant digits that are shown, 2 to 15.
    learning_rate : float, optional
        The learning rate, if the update is part of the solution.

    Raises
    ------
    ValueError
        If this pass does not have the name, or if the notation or the number of digits does not exist.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> print(solve(EXAMPLES["mazur"].backprop(), "z1[1]"))
    z1₁, step by step
    =================
    What does unit 1 of layer 1 add up? The network is 2 → 2 → 2 (sigmoid, sigmoid), the loss half_sse:
    L = [(ŷ₁ − y₁)² + (ŷ₂ − y₂)²] / 2.
    <BLANKLINE>
    GIVEN
    x₁ = 0.05, x₂ = 0.1
    w1₁₁ = 0.15, w1₂₁ = 0.2
    b1₁ = 0.35
    <BLANKLINE>
    FORWARD
      z1₁ = x₁·w1₁₁ + x₂·w1₂₁ + b1₁ = 0.05·0.15 + 0.1·0.2 + 0.35 = 0.3775
    <BLANKLINE>
    Values are rounded to 4 digits for display only. If you continue from the rounded values, your last
    digits may differ slightly.
    """
    return solution(table(trace, learning_rate), name, notation=notation, digits=digits)


def solution(steps: Mapping[str, Step], name: str | None, *, notation: str = "standard", digits: int = 4) -> Solution:
    """Write the worked solution from the steps of a pass, as `solve` does."""
    if not (is_count(digits) and 2 <= digits <= 15):
        raise ValueError(f"digits must be a whole number from 2 to 15; got {brief(digits)}.")
    return _Writer(steps, notation, digits).solution(name)


def question(step: Step, hand: Hand) -> str:
    """Return the question whose answer is the value of a step.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> question(steps["dW1[1,2]"], Hand.of(steps))
    'How does the loss change with w1₁₂, the weight from input 1 to unit 2 of layer 1?'
    """
    part, unit = step.parts, ""
    if step.index:
        is_output = step.layer == step.facts.last
        unit = f"output {step.index[-1]}" if is_output else f"unit {step.index[-1]} of layer {step.layer}"
    if part.is_gradient:
        symbol, weight = hand.symbol(_without_d(part)), ""
        if part.quantity == "dW":
            weight = f", the weight from {'input' if step.layer == 1 else 'unit'} {step.index[0]} to {unit}"
        return f"How does the loss change with {symbol}{weight}?"
    if step.kind == "slope" and len(step.index) == 2:
        a = hand.symbol(name_of("a", step.layer, step.index[:1], step.at))
        z = hand.symbol(name_of("z", step.layer, step.index[1:], step.at))
        return f"How does {a} change with {z}?"
    if step.kind == "given":
        return "It is given."
    asked = {
        "z": f"What does {unit} add up",
        "a": f"What does {unit} put out",
        "y_hat": f"What does {unit} predict",
        "slope": f"How steep is the activation of {unit}",
        "new": f"What is {hand.symbol(str(part.at(new=False)))}",
    }.get(step.kind, "How large is the loss")
    return f"{asked} after one step of gradient descent?" if step.new else f"{asked}?"


def _without_d(gradient: Name) -> str:
    """Return the name of what a gradient belongs to."""
    return str(gradient.at(quantity=gradient.quantity.removeprefix("d")))


def loss_in_words(steps: Mapping[str, Step], hand: Hand) -> str:
    """Return the name of the loss and its formula for one example.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> loss_in_words(steps, Hand.of(steps))
    'mse: L = [(ŷ₁ − y₁)² + (ŷ₂ − y₂)²] / 2'
    """
    one = steps["loss@1" if "loss@1" in steps else "loss"]
    return f"{one.facts.loss.name}: L = {hand.side((one.template, 'symbols'), own=True)}"


class _Unit(NamedTuple):
    """One unit of the network."""

    layer: int
    number: int

    def name(self, quantity: str, at: str = "") -> str:
        """Return the name of one of its quantities."""
        return name_of(quantity, self.layer, (self.number,), at)


@dataclass(frozen=True)
class _Path:
    """One path back from the loss: what it leads through, and the names of its factors."""

    through: str
    factors: tuple[str, ...]

    def side(self, how: str) -> Side:
        """Return the product of its factors."""
        return "·".join(f"{{{factor}}}" for factor in self.factors), how


class _Writer:
    """Writes the sections of one solution."""

    def __init__(self, steps: Mapping[str, Step], notation: str, digits: int) -> None:
        self.steps, self.facts, self.digits = steps, next(iter(steps.values())).facts, digits
        self.hand = Hand.of(steps, notation, digits)
        # for a cross-entropy, and for units that depend on each other, the chain begins with the δ of the output
        self.from_delta = self.facts.loss.from_logits is not None or is_coupled(self.facts.activations[-1])

    def solution(self, name: str | None) -> Solution:
        """Write the solution of a value, an array, or None: the whole pass."""
        sizes = " → ".join(map(str, self.facts.sizes))
        units = ", ".join(activation.name for activation in self.facts.activations)
        network = f"The network is {sizes} ({units}), the loss {loss_in_words(self.steps, self.hand)}"
        network += ", and the loss of the batch is the mean over its examples." if self.facts.examples > 1 else "."
        remark = (
            f"Values are rounded to {self.digits} digits for display only. If you continue from the rounded values, "
            "your last digits may differ slightly."
        )
        chain: list[Section] = []
        result: list[Section] = []
        if name is None:
            title, intro, needed = "The whole pass", network, set(self.steps)
        elif (names := entries(self.steps, name)) is not None:
            title, intro = self.hand.symbol(str(Name.read(name))), f"{network} All entries are asked for."
            needed = self._needed(names.flat)
            result = [self._entries(names)]
        else:
            step = look_up(self.steps, name)
            title, intro = self.hand.symbol(step.name), f"{question(step, self.hand)} {network}"
            needed = self._needed([step.name])
            chain, result = self._chain(step)
            result += self._check(step)
        sections = [Section("", (intro,)), self._given(needed), *chain, *self._steps(needed)]
        return Solution(f"{title}, step by step", tuple(sections), (*result, Section("", (remark,))), self.hand)

    def _needed(self, asked: Iterable[str]) -> set[str]:
        """Return all names that are needed, by the shorter formula where there is one."""
        ahead = list(asked)
        found = set(ahead)
        while ahead:
            step = self.steps[ahead.pop()]
            new = set(names_in(step.short or step.template)) - found
            found |= new
            ahead += new
        return found

    def _given(self, needed: set[str]) -> Section:
        given = [name for name in self.steps if name in needed and name in self.hand.given]
        lines = [
            ", ".join(f"{self.hand.symbol(name)} = {self.hand.number(name)}" for name in group)
            for _, group in groupby(given, key=lambda name: Name.read(name).at(index=()))
        ]
        return Section("GIVEN", tuple(lines))

    def _steps(self, needed: set[str]) -> Iterator[Section]:
        """Yield the equations in order, in a section for each part."""
        written = [s for s in self.steps.values() if s.name in needed and s.kind not in ("given", "y_hat")]
        first_short = next((step for step in written if step.short), None)
        for heading, group in groupby(written, key=_heading):
            blocks: list[str | Equation] = []
            for step in group:
                if step is first_short:
                    blocks.append("When you multiply the two slopes, everything cancels except ŷ and y.")
                blocks.append(self.hand.equation(step))
            yield Section(heading, tuple(blocks))

    # The chain with its paths

    def _chain(self, step: Step) -> tuple[list[Section], list[Section]]:
        """Return the section with the chain of a gradient, and the one with the same chain in numbers."""
        part, is_mean = step.parts, step.kind == "mean"
        is_parameter = part.quantity in ("dW", "db")
        if not (part.is_gradient and (is_parameter or step.layer < self.facts.last)):
            return [], []  # only one factor leads there
        if why := self._no_path(step):
            return [Section("THE CHAIN", (why,))], []
        paths = list(self._paths(step))
        left, value = (f"{{{step.name}}}", "symbols"), (f"{{{step.name}}}", "value")
        if len(paths) == 1:
            each = ["In each example, for its own loss:"] * is_mean
            chain: list[str | Equation] = [*each, Equation((left, paths[0].side("symbols")), own=True)]
            numbers = [Equation((left, paths[0].side("numbers"), value), own=True)]
        else:
            count = (
                f"{len(paths)} paths lead there{' in each example' * is_mean}. Along one path, slopes multiply; the "
                "products of all paths add up. The slope of a weighted sum with respect to an input is the weight. "
                "With respect to the weight it is the input."
            )
            chain = [count, *(Equation((path.side("symbols"),), note=path.through, own=True) for path in paths)]
            numbers = []
            for path in paths:
                self.hand.values[path.through] = math.prod(self.hand.values[factor] for factor in path.factors)
                self.hand.signed.add(path.through)
                result = f"{{{path.through}}}", "value"
                numbers.append(Equation((path.side("numbers"), result), note=path.through))
            total = " + ".join(f"{{{path.through}}}" for path in paths), "numbers"
            numbers.append(Equation((left, total, value), own=True))
        in_numbers = [] if is_mean else [Section("THE CHAIN IN NUMBERS", tuple(numbers))]
        return [Section("THE CHAIN", tuple(chain))], in_numbers

    def _no_path(self, step: Step) -> str:
        """Return why the paths to a gradient are not written out, or "" if they are."""
        own_unit = step.parts.quantity in ("dz", "dW", "db")  # then the path passes the activation of the unit
        for activation in self.facts.activations[step.layer - own_unit : -1]:
            if is_coupled(activation):
                return f"Units of {activation.name} depend on each other: HIDDEN DELTA adds up the paths through them."
        count = math.prod(self.facts.sizes[step.layer + 1 :])
        if count > MOST_PATHS:
            return f"There are {count} paths, too many to list. Each SEND BACK step adds up the paths that meet there."
        return ""

    def _paths(self, step: Step) -> Iterator[_Path]:
        """Yield each path from the loss back to the value of a step."""
        at = step.at or ("@1" if self.facts.examples > 1 else "")
        layers_above = range(step.layer + 1, self.facts.last + 1)
        choices = [[_Unit(layer, k + 1) for k in range(self.facts.sizes[layer])] for layer in layers_above]
        bottom = _Unit(step.layer, step.index[-1])
        for units_above in product(*choices):
            units = (bottom, *units_above)
            through = " and ".join(self.hand.symbol(unit.name("a", at), own=True) for unit in units_above)
            yield _Path(f"through {through}", tuple(self._factors(step, units, at)))

    def _factors(self, step: Step, units: tuple[_Unit, ...], at: str) -> Iterator[str]:
        """Yield the factors along some units, from the output down to the value of a step."""
        output, bottom, quantity = units[-1], units[0], step.parts.quantity
        if self.from_delta:
            yield output.name("dz", at)
        else:
            yield output.name("da", at)
            yield output.name("slope", at)
        for below, above in reversed(list(pairwise(units))):
            weight = name_of("W", above.layer, (below.number, above.number))
            yield self._ratio(above.name("z", at), below.name("a", at), weight)
            if below != bottom or quantity in ("dz", "dW", "db"):
                yield below.name("slope", at)
        if quantity in ("dW", "db"):
            signal = name_of("a", step.layer - 1, step.index[:1], at) if quantity == "dW" else ""
            yield self._ratio(bottom.name("z", at), _without_d(step.parts.at(example=0)), signal)

    def _ratio(self, above: str, below: str, value: str) -> str:
        """Return the name of ∂above/∂below. It has the value of another name, or is 1."""
        name = f"{above}/{below}"
        self.hand.ratios[name] = above, below
        self.hand.values[name] = self.hand.values[value] if value else 1.0
        if not value or value in self.hand.given:
            self.hand.given.add(name)
        return name

    # What anyone can repeat

    def _check(self, step: Step) -> list[Section]:
        """Return the central difference for a gradient: change the number a little, and see what the loss does."""
        part = step.parts
        if not part.is_gradient:
            return []
        nudged, loss = _without_d(part.at(example=0) if part.quantity in ("dW", "db") else part), f"loss{step.at}"
        start = self.steps[nudged].value
        up, down = (Values(self.steps, {nudged: start + by})[loss] for by in (NUDGE, -NUDGE))
        if not (math.isfinite(up) and math.isfinite(down)):
            return []
        slope, symbol = (up - down) / (2 * NUDGE), self.hand.symbol(nudged)
        if math.isclose(slope, step.value, rel_tol=1e-4):
            outcome = "as it should be"
        elif math.isclose(slope, step.value, abs_tol=1e-9 * max(1, abs(up))):  # this much comes from rounding L
            outcome = "too small to measure this way"
        else:
            outcome = "which differs: there is a kink within this distance, or a sharp bend"
        measured = format_number(slope, min(self.digits, 4), signed=True)
        text = (
            f"Raise {symbol} by {NUDGE:.5f} and run the rest forward: L = {format_number(up, 12)}. "
            f"Lower it by the same amount: L = {format_number(down, 12)}. "
            f"The difference, divided by {2 * NUDGE:.5f}, is {measured}, {outcome}."
        )
        return [Section("CHECK", (text,))]

    def _entries(self, names: NDArray[Any]) -> Section:
        """Return the rows of an array."""
        rows = names.reshape(-1, names.shape[-1])
        written = ["  ".join(self.hand.number(name, signed=True) for name in row) for row in rows]
        return Section("ALL ENTRIES", tuple(f"row {row}: {text}" for row, text in enumerate(written, start=1)))


def _heading(step: Step) -> str:
    """Return the heading of the section that a step belongs to."""
    after = ", after the update" if step.new and step.label != "UPDATE" else ""
    example = ", mean of the examples" if step.kind == "mean" else f", example {step.at[1:]}" if step.at else ""
    return f"{step.label}{after}{example}"
