"""One slip that nobody catalogued: a single local edit of a single step on the way to an answer.

Each step that an answer needs is edited in every way that happens to people: a term used twice or skipped, a
neighbor's value, a sign, a decimal point, a factor too many or too few, a square forgotten, a sum for a product, a
given number misread, a bracket forgotten. `variants` computes what comes out of all of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bpcourse.engine.backpropagation import Trace
from bpcourse.names import Name
from bpcourse.numbers import format_given
from bpcourse.tutor.equations import Step, needed_for
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, sigmoid
from bpcourse.tutor.variants import Variants

Edit = tuple[str, str, float]
"""Its id without "slip_", what was done in words, and what the step becomes."""


@dataclass(frozen=True)
class Slip:
    """One slip that leads to an answer.

    id : what a verdict calls it; begins with "slip_"
    step : the name of the step that was edited
    words : what was done there, after "a number that comes out if …"
    value : what the answer becomes
    """

    id: str
    step: str
    words: str
    value: float


def slips(trace: Trace, steps: Mapping[str, Step], name: str, known: Mapping[str, float]) -> list[Slip]:
    """Return the single slips on the way to a value, with what each makes of it, the simplest first."""
    edits: list[tuple[Step, Edit]] = []
    for step in needed_for(steps, name, known):
        if step.name not in known:
            edits += [
                (step, edit) for edit in _edits(step, steps) if not math.isclose(edit[2], step.value, rel_tol=1e-9)
            ]
    rate = steps["learning_rate"].value if "learning_rate" in steps else None
    answers = Variants(trace, [step.name for step, _ in edits], [edit[2] for _, edit in edits], rate).answers(name)
    found = [
        Slip(f"slip_{kind}", step.name, words, float(answer))
        for (step, (kind, words, _)), answer in zip(edits, answers, strict=True)
        if math.isfinite(answer)
    ]
    asked = steps[name]
    for other in steps.values():
        if other.name != name and other.value != asked.value:
            found.append(
                Slip("slip_other_quantity", name, f"{other.name} is given in the place of {name}", other.value)
            )
    return found


def _edits(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    if step.kind == "given":
        yield from _misread(step, steps)
        return
    if step.kind == "y_hat":
        return
    yield from _of_kind(step, steps)
    yield from _factors(step)


def _factors(step: Step) -> Iterator[Edit]:
    value, outputs, n = step.value, step.facts.sizes[-1], step.facts.examples
    yield "sign", f"the sign of {step.name} is turned round", -value
    yield "factor", f"{step.name} is doubled", 2 * value
    yield "factor", f"{step.name} is halved", value / 2
    yield "decimal_point", f"the decimal point of {step.name} slips to the right", 10 * value
    yield "decimal_point", f"the decimal point of {step.name} slips to the left", value / 10
    for count, of in ((outputs, "outputs"), (n, "examples")):
        if count > 2:
            yield "factor", f"{step.name} is multiplied by the number of {of}", count * value
            yield "factor", f"{step.name} is divided by the number of {of}", value / count


def _of_kind(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    kind, v = step.kind, step.inputs
    products = list(step.products)
    if kind in ("z", "back") or (kind == "delta" and len(products) > 1):
        yield from _of_sum(step, steps, products)
    elif kind in ("dW", "delta"):
        yield from _of_product(step, steps, *products[0])
    elif kind == "a":
        yield from _of_activation(step, v)
    elif kind == "slope":
        yield from _of_slope(step, steps)
    elif kind == "loss":
        yield from _of_loss(step, steps)
    elif kind == "error":
        yield from _of_error(step, steps)
    elif kind == "new":
        old, rate, gradient = (v[each] for each in step.needs)
        yield "sign", f"the step of {step.needs[0]} is added", old + rate * gradient
        yield "factor", f"the learning rate is missing in {step.name}", old - gradient
        yield "factor", f"the learning rate is used twice in {step.name}", old - rate**2 * gradient
        yield "sum_for_product", f"η + gradient is taken for η · gradient in {step.name}", old - (rate + gradient)
        yield "decimal_point", f"the decimal point of the step slips in {step.name}", old - rate * gradient / 10
        yield "decimal_point", f"the decimal point of the step slips in {step.name}", old - rate * gradient * 10
    elif kind == "mean":
        total = step.value * step.facts.examples
        for each in step.needs:
            own = v[each]
            yield "term_skipped", f"{each} is missing in the mean {step.name}", (total - own) / step.facts.examples
            yield "term_twice", f"{each} is used twice in the mean {step.name}", (total + own) / step.facts.examples
            yield "sign", f"the sign of {each} is turned round in {step.name}", (total - 2 * own) / step.facts.examples


def _of_sum(step: Step, steps: Mapping[str, Step], products: Sequence[tuple[str, str]]) -> Iterator[Edit]:
    v, total, where = step.inputs, step.value, f"in {step.name}"
    for one, other in products:
        p, q = v[one], v[other]
        t, term = p * q, f"{one}·{other}"
        yield "term_skipped", f"the term {term} is missing {where}", total - t
        yield "term_twice", f"the term {term} is added twice {where}", total + t
        yield "sign", f"the sign of {term} is turned round {where}", total - 2 * t
        yield "sum_for_product", f"{one} + {other} is taken for {term} {where}", total - t + p + q
        yield "decimal_point", f"the decimal point of {term} slips {where}", total + 9 * t
        yield "decimal_point", f"the decimal point of {term} slips {where}", total - 0.9 * t
        yield "factor", f"the term {term} is halved {where}", total - t / 2
        yield "factor", f"only {one} is taken for {term} {where}", total - t + p
        yield "factor", f"only {other} is taken for {term} {where}", total - t + q
        for wrong in _neighbors(one, steps):
            yield "neighbor", f"{wrong} is taken for {one} {where}", total - t + steps[wrong].value * q
        for wrong in _neighbors(other, steps):
            yield "neighbor", f"{wrong} is taken for {other} {where}", total - t + p * steps[wrong].value
    bias = step.near("b", step.index[-1]) if step.kind == "z" else ""
    if bias in v:
        b = v[bias]
        yield "term_skipped", f"{bias} is missing {where}", total - b
        yield "term_twice", f"{bias} is added twice {where}", total + b
        yield "sign", f"{bias} is subtracted {where}", total - 2 * b
        yield "decimal_point", f"the decimal point of {bias} slips {where}", total + 9 * b
        yield "decimal_point", f"the decimal point of {bias} slips {where}", total - 0.9 * b
        for wrong in _neighbors(bias, steps):
            yield "neighbor", f"{wrong} is taken for {bias} {where}", total - b + steps[wrong].value


def _of_product(step: Step, steps: Mapping[str, Step], one: str, other: str) -> Iterator[Edit]:
    v, where = step.inputs, f"in {step.name}"
    p, q = v[one], v[other]
    yield "sum_for_product", f"{one} + {other} is taken for {one}·{other} {where}", p + q
    yield "sum_for_product", f"{one} − {other} is taken for {one}·{other} {where}", p - q
    yield "factor", f"only {one} is taken {where}", p
    yield "factor", f"only {other} is taken {where}", q
    yield "square", f"{one} is squared {where}", p * p * q
    yield "square", f"{other} is squared {where}", p * q * q
    if q:
        yield "factor", f"{one} is divided by {other} {where}", p / q
    if p:
        yield "factor", f"{other} is divided by {one} {where}", q / p
    for wrong in _neighbors(one, steps):
        yield "neighbor", f"{wrong} is taken for {one} {where}", steps[wrong].value * q
    for wrong in _neighbors(other, steps):
        yield "neighbor", f"{wrong} is taken for {other} {where}", p * steps[wrong].value
    z = str(Name.read(one).at(quantity="z"))
    if z in steps:
        yield "argument", f"{z} is taken for {one} {where}", steps[z].value * q


def _of_activation(step: Step, v: Mapping[str, float]) -> Iterator[Edit]:
    z, where = v[step.near("z")], f"in {step.name}"
    try:
        power = math.exp(-z)
    except OverflowError:
        return
    if step.activation.name == "sigmoid":
        yield "sign", f"e^z is taken for e^(−z) {where}", sigmoid(-z)
        yield "bracket", f"the bracket under the fraction is missing {where}: 1/1 + e^(−z)", 1 + power
        yield "factor", f"the fraction is missing {where}: 1 + e^(−z)", 1 + power
        yield "factor", f"the 1 under the fraction is missing {where}", 1 / power
        yield "function", f"only e^(−z) is taken {where}", power
        yield "sign", f"1 − e^(−z) is under the fraction {where}", 1 / (1 - power) if power != 1 else math.inf
    yield "function", f"the activation is missing {where}", z
    for name, wrong in (("tanh", math.tanh(z)), ("σ", sigmoid(z)), ("ReLU", max(0.0, z)), ("|z|", abs(z)), ("0", 0.0)):
        yield "function", f"{name} is taken {where}", wrong
    if step.activation.name == "softmax":
        powers = [math.exp(v[step.near("z", unit)]) for unit in range(1, step.facts.sizes[step.layer] + 1)]
        own, total = powers[step.index[0] - 1], sum(powers)
        yield "factor", f"the power is not divided by the sum {where}", own
        yield (
            "term_skipped",
            f"its own power is missing in the sum {where}",
            own / (total - own) if total > own else math.inf,
        )
        for unit, each in enumerate(powers, start=1):
            yield (
                "term_skipped",
                f"e^z{step.layer}[{unit}] is missing in the sum {where}",
                own / (total - each) if total > each else math.inf,
            )
            yield "term_twice", f"e^z{step.layer}[{unit}] is added twice in the sum {where}", own / (total + each)


def _of_slope(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    where = f"in {step.name}"
    a, z = steps[step.near("a", step.index[0])].value, steps[step.near("z", step.index[-1])].value
    yield "factor", f"the slope is left out {where}", 1.0
    yield "argument", f"the output is taken for the slope {where}", a
    if step.activation.name in ("sigmoid", "tanh"):
        formulas = {"a·(1 − a)": s_times_one_minus_s, "1 − a²": one_minus_square}
        for text, formula in formulas.items():
            for what, s in (
                ("a", a),
                ("z", z),
                ("σ(a)", sigmoid(a)),
                ("tanh(a)", math.tanh(a)),
                ("σ(z)", sigmoid(z)),
                ("tanh(z)", math.tanh(z)),
            ):
                yield "argument", f"{text} of {what} is taken {where}", formula(s)
        yield "square", f"1 − a is taken {where}", 1 - a
        yield "sign", f"1 + a² is taken {where}", 1 + a * a
        yield "sign", f"a·(1 + a) is taken {where}", a * (1 + a)
        yield "square", f"a² is taken {where}", a * a
        yield "square", f"a − a is taken {where}: a bracket is missing", 0.0
        for wrong in _neighbors(step.near("a", step.index[0]), steps):
            other = steps[wrong].value
            yield (
                "neighbor",
                f"{wrong} is taken {where}",
                1 - other**2 if step.activation.name == "tanh" else other * (1 - other),
            )
    elif step.activation.name != "softmax":
        yield "argument", f"the unit is taken for switched off {where}", 0.0
        yield "argument", f"z is taken for the slope {where}", z


def _of_loss(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    where, facts, count = f"in {step.name}", step.facts, step.facts.sizes[-1]
    squared = facts.loss.from_logits is None
    divisor = {"mse": count, "half_sse": 2, "binary_cross_entropy": count}.get(facts.loss.name, 1)
    for k in range(1, count + 1):
        y, p = (
            steps[step.near(each, k)].value if not (step.new and each == "y") else steps[f"y[{k}]{step.at}"].value
            for each in ("y", "y_hat")
        )
        if squared:
            share, own = (p - y) ** 2 / divisor, f"output {k}"
            yield "square", f"the square of {own} is missing {where}", step.value - share + (p - y) / divisor
            yield "square", f"the square of {own} is missing {where}", step.value - share + abs(p - y) / divisor
            yield (
                "sign",
                f"target and prediction of {own} are added {where}",
                step.value - share + (p + y) ** 2 / divisor,
            )
            yield "square", f"ŷ² − y² is taken for {own} {where}", step.value - share + (p * p - y * y) / divisor
            others = [
                steps[step.near("y", other) if not step.new else f"y[{other}]{step.at}"].value
                for other in range(1, count + 1)
                if other != k
            ]
            for other in others:
                yield (
                    "neighbor",
                    f"another target is taken for {own} {where}",
                    step.value - share + (p - other) ** 2 / divisor,
                )
            for other in range(1, count + 1):
                if other != k:
                    wrong = steps[step.near("y_hat", other)].value
                    yield (
                        "neighbor",
                        f"another prediction is taken for {own} {where}",
                        step.value - share + (wrong - y) ** 2 / divisor,
                    )
        else:
            terms = [(y, p)] if facts.loss.name == "categorical_cross_entropy" else [(y, p), (1 - y, 1 - p)]
            share, own = sum(-w * math.log(q) for w, q in terms if w and q > 0) / divisor, f"output {k}"
        yield "term_skipped", f"{own} is missing {where}", step.value - share
        yield "term_twice", f"{own} is used twice {where}", step.value + share
        yield "sign", f"the sign of {own} is turned round {where}", step.value - 2 * share
        yield "factor", f"{own} is not divided {where}", step.value + (divisor - 1) * share
    if squared and step.value >= 0:
        yield "square", f"the root is taken {where}", math.sqrt(step.value)


def _of_error(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    where = f"in {step.name}"
    y, p = steps[step.near("y")].value, steps[step.near("y_hat")].value
    if step.facts.loss.from_logits is None and p != y:
        factor = step.value / (p - y)
        yield "term_skipped", f"the target is missing {where}", factor * p
        yield "term_skipped", f"the prediction is missing {where}", -factor * y
        yield "sign", f"ŷ + y is taken for ŷ − y {where}", factor * (p + y)
        yield "square", f"the difference is squared {where}", factor * (p - y) ** 2
        for unit in range(1, step.facts.sizes[-1] + 1):
            if unit != step.index[0]:
                yield "neighbor", f"y[{unit}] is taken {where}", factor * (p - steps[step.near("y", unit)].value)
                yield (
                    "neighbor",
                    f"y_hat[{unit}] is taken {where}",
                    factor * (steps[step.near("y_hat", unit)].value - y),
                )


def _neighbors(text: str, steps: Mapping[str, Step]) -> list[str]:
    """Return the names of the same quantity in the same layer, in other places of the same row or column."""
    name = Name.read(text)
    if not name.index:
        return []
    found = []
    sizes = next(iter(steps.values())).facts.sizes
    for place, entry in enumerate(name.index):
        if len(name.index) == 2:
            count = sizes[name.layer - 1 + place]
        else:
            count = sizes[name.layer or (0 if name.quantity == "x" else -1)]
        for other in range(1, count + 1):
            if other != entry:
                index = (*name.index[:place], other, *name.index[place + 1 :])
                found.append(str(name.at(index=index)))
    return [each for each in found if each in steps]


def _misread(step: Step, steps: Mapping[str, Step]) -> Iterator[Edit]:
    """Yield misreadings of a given number: another given number in its place, its sign, its point, one digit."""
    value, name = step.value, step.name
    if name == "learning_rate":
        for wrong in (0.01, 0.1, 1.0, 2 * value, value / 2, 10 * value, value / 10):
            yield "misread", f"{name} is taken to be {format_given(wrong)}", wrong
        return
    yield "sign", f"the sign of {name} is lost", -value
    yield "decimal_point", f"the decimal point of {name} slips", value * 10
    yield "decimal_point", f"the decimal point of {name} slips", value / 10
    for other in steps.values():
        if other.kind == "given" and other.name != name and other.name != "learning_rate" and other.value != value:
            yield "misread", f"{other.name} is read in the place of {name}", other.value
    text = format_given(abs(value)).replace("−", "-")
    if len(text) > 5 or "e" in text:
        return
    for place, digit in enumerate(text):
        for read in "0123456789" if digit.isdigit() else "":
            if read != digit:
                wrong = math.copysign(float(text[:place] + read + text[place + 1 :]), value)
                yield "digit", f"{name} is read as {format_given(wrong)}", wrong
    digits = [place for place, each in enumerate(text) if each.isdigit()]
    for one, two in pairwise(digits):
        swapped = list(text)
        swapped[one], swapped[two] = swapped[two], swapped[one]
        yield "digit", f"two digits of {name} have changed places", math.copysign(float("".join(swapped)), value)
