"""Single slips that are in no catalogue: one local edit of one step that an answer needs.

Each step is edited in every way that happens to people. One of its inputs gets a different sign, decimal point or
digit, is omitted, used twice or squared, or a neighbor is taken in its place. Its result gets a factor too many or
too few. A sum is taken for a product, or a bracket is forgotten. `variants` computes the answer after each of these
edits, all of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import Array
from bpcourse.numbers import format_given
from bpcourse.tutor.equations import Step, needed_for
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, sigmoid
from bpcourse.tutor.mistakes.record import Words
from bpcourse.tutor.variants import Variants

Edit = tuple[str, str, float]
"""The id of a slip without "slip_", its description, and the value of the step after it."""

MOST_STEPS = 400  # beyond, the search takes too long, and too many slips give the same number
MOST_VALUES = 20_000_000  # that are computed at once
AROUND = 0.3  # relative: the numbers that are a little wrong
RATES = (0.01, 0.1, 1.0)
SIMPLEST = (
    "sign", "term_skipped", "factor_lost", "factor", "decimal_point", "neighbor", "digit", "misread", "bracket",
    "square", "twice", "term_twice", "half", "sum_for_product", "function", "argument", "other_quantity",
)  # fmt: skip
"""The kinds of slips, the likeliest first."""


@dataclass(frozen=True)
class Slip:
    """One slip that leads to an answer.

    Parameters
    ----------
    id : str
        Its name in verdicts. It begins with "slip_".
    step : str
        The name of the step that was edited.
    name : str
        What was done there, as it follows "a number that comes out if …".
    value : float
        The answer after the slip.
    """

    id: str
    step: str
    name: str
    value: float
    topic = "slip"

    def words_for(self, step: Step) -> Words:
        """Return the words for it. They do not depend on what was asked for."""
        return Words("slip", self.name, f"Compute {self.step} once more.")


@dataclass(frozen=True)
class Slips:
    """The single slips in the steps of one value, with the answer after each.

    Parameters
    ----------
    edits : list of (str, Edit)
        The step in which each slip happens, and what happens there.
    answers : (slips,) array
        The answer after each.
    way : list of Step
        The steps of the value.
    """

    edits: list[tuple[str, Edit]]
    answers: Array
    way: list[Step]

    def fitting(self, answer: float, half: float) -> tuple[Slip, ...]:
        """Return the slips after which an answer comes out, each step and id once, the simplest first."""
        fits: dict[tuple[str, str], Slip] = {}
        for place in np.flatnonzero(np.abs(self.answers - answer) <= half):  # NaN fits nothing
            step, (kind, words, wrong) = self.edits[place]
            user = next((f" in {later.name}" for later in self.way if step in later.needs), "")
            name = words.format(format_given(wrong)) + (user if kind in ("misread", "digit") else "")
            fits.setdefault((step, kind), Slip(f"slip_{kind}", step, name, float(self.answers[place])))
        return tuple(sorted(fits.values(), key=lambda slip: SIMPLEST.index(slip.id.removeprefix("slip_"))))

    def chance(self, answer: float, half: float) -> float:
        """Return the share of the numbers within 30 % of an answer that fit some slip by accident."""
        near = np.count_nonzero(np.abs(self.answers - answer) <= AROUND * abs(answer))
        return float(near * half / (AROUND * abs(answer))) if answer else 1.0


def slips(trace: Trace, steps: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None) -> Slips:
    """Return the single slips in the steps of a value, with the answer after each.

    Parameters
    ----------
    trace : Trace
        The pass.
    steps : mapping of str to Step
        Its steps.
    name : str
        The value that is asked for.
    known : mapping of str to float, optional
        Values that are used unchanged, such as the learner's own earlier ones.
    """
    known, asked = known or {}, steps[name]
    way = [step for step in needed_for(steps, name, known) if step.name not in known and step.kind != "y_hat"]
    if asked.new and asked.kind != "new":  # a value after the update has too few digits of the gradients
        way = [step for step in way if step.new or step.name == "learning_rate"]
    by_step = {}
    if len(way) <= MOST_STEPS:
        by_step = {step.name: list((_misread if step.kind == "given" else _edits)(step, steps)) for step in way}
    edits = [(step, edit) for step, found in by_step.items() for edit in found]
    answers: Array = np.empty(0)
    if 0 < len(edits) * len(steps) <= MOST_VALUES:
        rate = steps["learning_rate"].value if asked.new else None
        answers = Variants(
            trace, [(step, [edit[-1] for edit in found]) for step, found in by_step.items()], rate
        ).answers(name)
    others = [each for each in steps.values() if each.name != name]
    edits = edits[: len(answers)] + [
        (each.name, ("other_quantity", f"{each.name} is given in place of {name}", each.value)) for each in others
    ]
    return Slips(edits, np.append(answers, [each.value for each in others]), way)


def _edits(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    """Yield the edits of a step: of its inputs, of its products, of its formula and of its result."""
    where = f"in {step.name}"
    for name, value in step.inputs.items():
        for kind, words, wrong in _of_input(name, value, step, steps):
            try:
                yield kind, f"{words} {where}", step.rule({**step.inputs, name: wrong})
            except (ArithmeticError, ValueError):
                continue
    for one, other in step.products or _product(step):
        p, q = step.inputs[one], step.inputs[other]
        yield "sum_for_product", f"{one} + {other} is taken for {one}·{other} {where}", step.value - p * q + p + q
    yield from _of_formula(step, steps)
    count, examples, value = step.facts.sizes[-1], step.facts.examples, step.value
    yield "sign", f"the sign of {step.name} is turned around", -value
    yield "square", f"{step.name} is squared", value * value
    yield "decimal_point", f"the decimal point of {step.name} slips", value * 10
    yield "decimal_point", f"the decimal point of {step.name} slips", value / 10
    rate = steps["learning_rate"].value if "learning_rate" in steps else 1.0
    for factor, words in (
        (2, "2"),
        (count, "the number of outputs"),
        (examples, "the number of examples"),
        (rate, "η"),
    ):
        yield "factor", f"{step.name} is multiplied by {words} once too often", value * factor
        yield "factor", f"{step.name} is divided by {words} once too often", value / factor


def _product(step: Step) -> list[tuple[str, str]]:
    """Return the two factors of a step that is a single product."""
    return [(step.needs[0], step.needs[1])] if step.kind in ("dW", "delta") and len(step.needs) == 2 else []


def _of_input(name: str, value: float, step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    """Yield what may be used in a step in place of one of its inputs."""
    yield "term_skipped", f"{name} is omitted", 0.0
    yield "factor_lost", f"the factor {name} is omitted", 1.0
    yield "sign", f"the sign of {name} is turned around", -value
    yield "twice", f"{name} is used twice", 2 * value
    yield "half", f"{name} is halved", value / 2
    yield "square", f"{name} is squared", value * value
    yield "decimal_point", f"the decimal point of {name} slips", value * 10
    yield "decimal_point", f"the decimal point of {name} slips", value / 10
    for other in step.inputs:
        if other != name and step.kind in ("loss", "error"):
            yield "neighbor", f"{other} is taken for {name}", step.inputs[other]
    for other in _neighbors(steps[name], steps):
        yield "neighbor", f"{other} is taken for {name}", steps[other].value


def _neighbors(step: Step, steps: Mapping[str, Step]) -> list[str]:
    """Return the names of the values that are easily taken for one: next to it, or z for a."""
    index, quantity = step.index, step.parts.quantity
    others: list[tuple[int, ...]] = [(i,) for i in step.units()] if len(index) == 1 else []
    if len(index) == 2:
        others = [(index[0], j) for j in step.units()] + [(i, index[1]) for i in step.units(-1)] + [index[::-1]]
    found = [step.near(quantity, *other) for other in others if other != index]
    found += [step.near("z", *index)] if quantity == "a" else []
    return [name for name in found if name in steps]


def _of_formula(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    """Yield what comes out of a formula that is not the right one, for an activation, a slope or an error."""
    where, kind, name = f"in {step.name}", step.kind, step.activation.name if step.layer else ""
    if kind == "a":
        z = steps[step.near("z")].value
        power = math.exp(-z) if z > -700 else math.inf
        yield "function", f"the activation is omitted {where}", z
        yield "bracket", f"a bracket is forgotten {where}: 1/1 + e^(−z)", 1 + power
        yield "function", f"only e^(−z) is taken {where}", power
        yield "function", f"tanh is taken {where}", math.tanh(z)
        yield "function", f"σ is taken {where}", sigmoid(z)
        yield "function", f"max(0, z) is taken {where}", max(0.0, z)
    elif kind == "slope" and len(step.index) == 1:
        a, z = steps[step.near("a")].value, steps[step.near("z")].value
        yield "factor", f"the slope is omitted {where}", 1.0
        yield "bracket", f"a bracket is forgotten {where}: a − a", 0.0
        yield "argument", f"the output is taken for the slope {where}", a
        yield "square", f"1 − a is taken {where}", 1 - a
        yield "sign", f"1 + a² is taken {where}", 1 + a * a
        f = math.tanh if name == "tanh" else sigmoid
        for text, formula in (("a·(1 − a)", s_times_one_minus_s), ("1 − a²", one_minus_square)):
            for put, s in (("a", a), ("z", z), ("f(a)", f(a))):
                yield "argument", f"{text} with {put} in the place of a is taken {where}", formula(s)
        for other in step.units():
            yield (
                "neighbor",
                f"{step.near('slope', other)} is taken for {step.name}",
                steps[step.near("slope", other)].value,
            )
    elif kind == "error" and step.facts.loss.from_logits is None:
        y, y_hat = (steps[step.near(each)].value for each in ("y", "y_hat"))
        factor = step.value / (y_hat - y) if y_hat != y else 0.0
        yield (
            "bracket",
            f"a bracket is forgotten {where}: the factor belongs to only ŷ",
            factor * y_hat - y / step.facts.sizes[-1],
        )
    elif kind == "loss" and step.facts.loss.from_logits is None:
        divisor = 2 if step.facts.loss.name == "half_sse" else step.facts.sizes[-1]
        for unit in range(1, step.facts.sizes[-1] + 1):
            y, y_hat = (value for name, value in step.inputs.items() if name.split("[")[1].startswith(f"{unit}]"))
            share = (y_hat - y) * (y_hat - y) / divisor
            yield "square", f"a square is forgotten {where}", step.value - share + abs(y_hat - y) / divisor
            yield "term_skipped", f"output {unit} is omitted {where}", step.value - share
            yield "term_twice", f"output {unit} is counted twice {where}", step.value + share


def _misread(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    """Yield misreadings of a given number: its sign, its point, one digit, or another given number in its place."""
    value, name = step.value, step.name
    yield "sign", f"the sign of {name} is lost", -value
    for wrong in (10 * value, value / 10, *(RATES if name == "learning_rate" else ())):
        yield "misread", f"{name} is taken to be {{}}", wrong
    for other in steps.values():
        if other.kind == "given" and other.name != name and other.name != "learning_rate":
            yield "misread", f"{other.name} is read in place of {name}", other.value
    text = format_given(abs(value))
    if len(text) > 6 or "e" in text:
        return
    for place, digit in enumerate(text):
        for read in "0123456789" if digit.isdigit() else "":
            if read != digit:
                wrong = math.copysign(float(text[:place] + read + text[place + 1 :]), value)
                yield "digit", f"{name} is read as {{}}", wrong
    for one, two in pairwise(place for place, each in enumerate(text) if each.isdigit()):
        swapped = list(text)
        swapped[one], swapped[two] = swapped[two], swapped[one]
        yield "digit", f"two digits of {name} change places", math.copysign(float("".join(swapped)), value)
