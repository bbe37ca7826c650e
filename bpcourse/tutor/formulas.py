"""The formulas of a pass for single numbers, as a person writes them.

A formula is a template, such as ``"{x[1]}·{W1[1,2]} + {b1[2]}"``, with a rule that computes it from values by name.
⟨ ⟩ enclose an exponent. The formulas of activations and losses are in two tables, `UNITS` and `LOSS_FORMULAS`. Those
that are not in a table are written with their name, as in ``elu(z)``, and computed by their own record.

Rules are objects of this module and not closures, so that steps can be copied and pickled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, pairwise
from string import Formatter
from typing import Any, NamedTuple

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.numbers import MINUS

Rule = Callable[[Mapping[str, float]], float]
Pairs = Sequence[tuple[str, str]]

LAST_BITS = 256 * 2.0**-52  # relative to the terms of a sum: what rounding in the machine may leave of a 0
SMALL = 1e-3  # larger sums are not tested for it
SATURATED = 1e-6  # closer than this to 0 or 1, the output of a unit has lost digits of its distance from there


class Formula(NamedTuple):
    """A formula.

    Parameters
    ----------
    template : str
        What is written, with names in braces.
    rule : callable
        Computes it from values by name.
    products : sequence of (str, str)
        The products that it adds up, if it is such a sum.
    also : sequence of str
        Names that the rule may need besides those in the template.
    """

    template: str
    rule: Rule
    products: Pairs = ()
    also: Sequence[str] = ()


# Templates

PLAIN = {ord("⟨"): "(", ord("⟩"): ")"}
"""How plain text encloses an exponent."""


class Piece(NamedTuple):
    """One name of a template, and what is before it.

    Parameters
    ----------
    before : str
        The text between the previous name and this one. The last piece of a template may have only this.
    name : str
        The name, or "".
    first : bool
        Whether it begins the formula or a bracket, so that a minus needs no brackets.
    raised : bool
        Whether an exponent follows.
    """

    before: str
    name: str
    first: bool
    raised: bool


@cache  # a network whose numbers change has the same templates again
def pieces(template: str) -> tuple[Piece, ...]:
    """Take a template apart."""
    parts = [(before, name or "") for before, name, _, _ in Formatter().parse(template)]
    return tuple(
        Piece(before, name, before[-1:] in ("", "(", "[", "⟨"), following[:1] in ("²", "^"))
        for (before, name), (following, _) in pairwise([*parts, ("", "")])
    )


@cache
def names_in(template: str) -> tuple[str, ...]:
    """Return the names in a template.

    Examples
    --------
    >>> names_in("{x[1]}·{W1[1,2]} + {b1[2]}")
    ('x[1]', 'W1[1,2]', 'b1[2]')
    """
    return tuple(piece.name for piece in pieces(template) if piece.name)


def filled(template: str, shown: Callable[[str], str], literal: Mapping[int, str] = PLAIN) -> str:
    """Fill a template with what `shown` returns for each name, in brackets where it would be misread.

    That is a negative number after a sign, and a negative number or a power of ten with an exponent.

    Parameters
    ----------
    template : str
        The template.
    shown : callable
        Name ↦ text.
    literal : mapping
        A translation, as in `str.translate`, of what is between the names.

    Examples
    --------
    >>> filled("{a}·{b} + {a}²", lambda name: {"a": "−2", "b": "−3"}[name])
    '−2·(−3) + (−2)²'
    """
    written = []
    for before, name, first, raised in pieces(template):
        text = shown(name) if name else ""
        unclear = text.startswith(MINUS) and (raised or not first)
        unclear = unclear or (raised and text[:1].isdigit() and "e" in text)
        written.append(before.translate(literal) + (f"({text})" if unclear else text))
    return "".join(written)


# Sums, copies and steps


def _apply(f: Callable[..., float], names: Sequence[str], v: Mapping[str, float]) -> float:
    """Call `f` with the values of the names."""
    return f(*[v[name] for name in names])


def _sum(terms: Sequence[float]) -> float:
    """Add up. Terms that cancel except for their last bits give 0, as they do for a person."""
    total = sum(terms)
    cancels = -SMALL < total < SMALL and abs(total) <= LAST_BITS * sum(map(abs, terms))
    return 0.0 if cancels else total


def _add_up(products: Pairs, bias: str | None, v: Mapping[str, float]) -> float:
    terms = [v[one] * v[other] for one, other in products]
    return _sum(terms if bias is None else [*terms, v[bias]])


def _average(*values: float) -> float:
    return _sum(values) / len(values)


def _descend(old: float, learning_rate: float, gradient: float) -> float:
    return old - learning_rate * gradient


def given(value: Any) -> Formula:
    """Return the formula of a given value, which has nothing to compute."""
    return Formula("", partial(_apply, partial(float, value), ()))


def copy(name: str) -> Formula:
    """Return the formula of a value that only gets a different name."""
    return Formula(f"{{{name}}}", partial(_apply, float, (name,)))


def weighted_sum(products: Pairs, bias: str | None = None) -> Formula:
    """Return a sum of products, and of a bias if there is one."""
    template = " + ".join(f"{{{one}}}·{{{other}}}" for one, other in products) + (f" + {{{bias}}}" if bias else "")
    return Formula(template, partial(_add_up, products, bias), products)


def mean(names: Sequence[str]) -> Formula:
    """Return the mean of the examples' own values."""
    return Formula(f"({' + '.join(f'{{{name}}}' for name in names)}) / {len(names)}", partial(_apply, _average, names))


def descent(old: str, gradient: str) -> Formula:
    """Return one step of gradient descent."""
    names = (old, "learning_rate", gradient)
    return Formula(f"{{{old}}} − {{learning_rate}}·{{{gradient}}}", partial(_apply, _descend, names), [names[1:]])


# Where a unit is saturated


def _slope_from_output(
    activation: Activation, from_a: Callable[[float], float], zs: Sequence[str], i: int, a: str, v: Mapping[str, float]
) -> float:
    """Compute the slope of a unit from its output a, and from the z of its layer where a has lost the digits for it.

    If a is close to ±1 but is not what the z give, it is a learner's own number. Then the slope follows from it.
    """
    if abs(v[a]) < 1 - SATURATED:
        return from_a(v[a])
    z = [v[name] for name in zs]
    own = abs(v[a] - activation.f(z)[i]) > SATURATED
    return from_a(v[a]) if own else activation.jacobian(z)[i, i].item()


def _exactly(
    rule: Rule, loss: Loss, method: str, pairs: Pairs, zs: Sequence[str], k: int | None, v: Mapping[str, float]
) -> float:
    """Compute a value of a cross-entropy by a rule in ŷ, or from z where ŷ has lost digits.

    There are three cases. If no prediction is close to 0 or 1, the rule in ŷ is exact enough. If one is, but it is not
    what z gives, it is a learner's own number, perhaps rounded, and the rule in ŷ is the one to follow. Otherwise the
    value is computed from z.
    """
    predictions, z = [v[p] for _, p in pairs], [v[name] for name in zs]
    if all(SATURATED < p < 1 - SATURATED for p in predictions):
        return rule(v)
    if any(abs(p - own) > SATURATED for p, own in zip(predictions, loss.logits().output.f(z), strict=True)):
        return rule(v)
    value = getattr(loss, method)([v[y] for y, _ in pairs], z)
    return float(value if k is None else value[k - 1])


def exact(formula: Formula, loss: Loss, method: str, pairs: Pairs, zs: Sequence[str], k: int | None = None) -> Formula:
    """Return a formula in ŷ that for a cross-entropy goes back to z where ŷ has lost digits.

    Parameters
    ----------
    formula : Formula
        The formula in ŷ.
    loss : Loss
        The loss.
    method : str
        The method of `Loss` that computes the same from z.
    pairs : sequence of (str, str)
        The names of targets and predictions.
    zs : sequence of str
        The names of the z of the output layer.
    k : int, optional
        The output that is asked for, counted from 1. None if the formula gives one value.
    """
    if loss.from_logits is None:
        return formula
    rule = partial(_exactly, formula.rule, loss, method, pairs, zs, k)
    return formula._replace(rule=rule, also=[*zs, *(name for pair in pairs for name in pair)])


# Activations


def sigmoid(z: float) -> float:
    """Compute σ(z) without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def softmax(zs: Sequence[float]) -> list[float]:
    """Compute the softmax of a row without overflow."""
    powers = [math.exp(z - max(zs)) for z in zs]
    return [power / sum(powers) for power in powers]


def s_times_one_minus_s(s: float) -> float:
    """Compute s(1 − s), the slope of the sigmoid from its output."""
    return s * (1 - s)


def one_minus_square(t: float) -> float:
    """Compute 1 − t², the slope of tanh from its output."""
    return 1 - t * t


def _entry_of_row(f: Callable[[list[float]], Any], names: Sequence[str], k: Any, v: Mapping[str, float]) -> float:
    """Call `f` with the row of values, and take entry `k` of the result."""
    return float(f([v[name] for name in names])[k])


def _minus_product(one: float, other: float) -> float:
    return -one * other


def _leaky(leak: float, z: float) -> float:
    return max(leak * z, z)


def _leaky_slope(leak: float, z: float) -> float:
    return 1.0 if z > 0 else leak


def _number(f: Callable[[float], Any], z: float) -> float:
    return float(f(z))


@dataclass(frozen=True)
class UnitFormula:
    """How a unit that depends only on its own z computes its output and its slope.

    Parameters
    ----------
    output, slope : str
        Templates in {z} and {a}.
    f : callable
        Computes the output from z.
    slope_of : callable
        Computes the slope from what its template contains: nothing, z or a.
    smooth : bool
        Whether the slope is computed from a, which loses digits where the unit saturates.
    """

    output: str
    f: Callable[[float], float]
    slope: str
    slope_of: Callable[..., float]
    smooth: bool = False


UNITS = {
    ACTIVATIONS["identity"]: UnitFormula("{z}", float, "1", partial(float, 1)),
    ACTIVATIONS["sigmoid"]: UnitFormula(
        "1 / (1 + e^⟨−{z}⟩)", sigmoid, "{a}·(1 − {a})", s_times_one_minus_s, smooth=True
    ),
    ACTIVATIONS["tanh"]: UnitFormula("tanh({z})", math.tanh, "1 − {a}²", one_minus_square, smooth=True),
}


@cache
def unit_formula(activation: Activation) -> UnitFormula:
    """Return the formula of an activation whose units do not depend on each other."""
    if activation in UNITS:
        return UNITS[activation]
    leak = _leak(activation)
    if leak is not None:
        below = f"{leak:g}·{{z}}" if leak else "0"
        slope = f"1 if {{z}} > 0, else {leak:g}"
        return UnitFormula(f"max({below}, {{z}})", partial(_leaky, leak), slope, partial(_leaky_slope, leak))
    name = _literal(_literal(activation.name))  # `output` and `pieces` each take away one pair of braces
    f, df = partial(_number, activation.f), partial(_number, activation.df)
    return UnitFormula(f"{name}({{z}})", f, f"{name}′({{z}})", df)


def _leak(activation: Activation) -> float | None:
    """Return the slope of a ReLU, leaky or not, below 0; None for other activations."""
    if not activation.rectifier:
        return None
    leak = float(activation.df(-1.0))
    straight = activation.f([-2.0, -1.0, 1.0, 2.0]).tolist() == [-2 * leak, -leak, 1.0, 2.0]
    return leak if straight else None


def is_coupled(activation: Activation) -> bool:
    """Return whether each output of a layer depends on every z of it, as in a softmax."""
    return activation.slope is None


def output(activation: Activation, zs: Sequence[str], j: int) -> Formula:
    """Return a = f(z) for unit `j` of a layer, counted from 1.

    Examples
    --------
    >>> output(ACTIVATIONS["tanh"], ["z1[1]", "z1[2]"], 2).template
    'tanh({z1[2]})'
    """
    z = f"{{{zs[j - 1]}}}"
    if not is_coupled(activation):
        formula = unit_formula(activation)
        return Formula(formula.output.format(z=z), partial(_apply, formula.f, (zs[j - 1],)))
    if activation == ACTIVATIONS["softmax"]:
        total = " + ".join(f"e^⟨{{{each}}}⟩" for each in zs)
        return Formula(f"e^⟨{z}⟩ / ({total})", partial(_entry_of_row, softmax, zs, j - 1))
    return Formula(_called(activation.name, zs), partial(_entry_of_row, activation.f, zs, j - 1))


def slope(activation: Activation, zs: Sequence[str], outputs: Sequence[str], index: tuple[int, ...]) -> Formula:
    """Return f′(z) of a unit, or with two units in `index`, counted from 1, ∂aᵢ/∂zₖ."""
    i, k = index[0] - 1, index[-1] - 1
    z, a, other = zs[i], outputs[i], outputs[k]
    if not is_coupled(activation):
        formula = unit_formula(activation)
        template = formula.slope.format(z=f"{{{z}}}", a=f"{{{a}}}")
        if formula.smooth:
            rule = partial(_slope_from_output, activation, formula.slope_of, [z], 0, a)
            return Formula(template, rule, also=(z,))
        return Formula(template, partial(_apply, formula.slope_of, names_in(template)))
    if activation != ACTIVATIONS["softmax"]:
        return Formula(_called(f"{activation.name}′", zs), partial(_entry_of_row, activation.jacobian, zs, (i, k)))
    if i == k:
        rule = partial(_slope_from_output, activation, s_times_one_minus_s, zs, i, a)
        return Formula(f"{{{a}}}·(1 − {{{a}}})", rule, also=zs)
    return Formula(f"−{{{a}}}·{{{other}}}", partial(_apply, _minus_product, (a, other)))


def _literal(name: str) -> str:
    """Return a name that can be part of a template, whatever characters it contains."""
    return name.replace("{", "{{").replace("}", "}}")


def _called(function: str, names: Iterable[str]) -> str:
    """Return the template of a call."""
    return f"{_literal(function)}({', '.join(f'{{{name}}}' for name in names)})"


# Losses: y and p are the target and the prediction of one output.


def _of_example(f: Callable[..., Any], pairs: Pairs, k: int | None, v: Mapping[str, float]) -> float:
    """Call `f` with all targets and predictions; take the entry of output `k`, counted from 1, if `k` is given."""
    result = f([v[y] for y, _ in pairs], [v[p] for _, p in pairs])
    return float(result if k is None else result[k - 1])


def _add_up_costs(cost: Callable[[float, float], float], pairs: Pairs, divisor: int, v: Mapping[str, float]) -> float:
    return sum([cost(v[y], v[p]) for y, p in pairs]) / divisor


def _square(y: float, p: float) -> float:
    return _error(y, p) * _error(y, p)  # ** would raise OverflowError where this is inf


def _error(y: float, p: float) -> float:
    return _sum((p, -y))


def _twice_error(y: float, p: float) -> float:
    return 2 * _error(y, p)


def _cost(y: float, p: float) -> float:
    """Compute −y · ln p, which is 0 if y is 0."""
    return 0.0 if y == 0 else -y * math.log(p) if p > 0 else math.inf


def _binary_cost(y: float, p: float) -> float:
    return _cost(y, p) + _cost(1 - y, 1 - p)


def _cost_slope(y: float, p: float) -> float:
    """Compute −y / p, which is 0 if y is 0."""
    return -y / p if p else math.copysign(math.inf, -y) if y else 0.0


def _binary_slope(y: float, p: float) -> float:
    return _cost_slope(y, p) - _cost_slope(1 - y, 1 - p)


@dataclass(frozen=True)
class LossFormula:
    """How the loss of one example and its slope are written and computed.

    Parameters
    ----------
    term : str
        Template of what one output adds, in {y} and {p}.
    cost : callable
        Computes it from y and p.
    slope : str
        Template of ∂L/∂ŷ for one output. Besides {y} and {p} it may contain {over_n} or {n_times}, which divide by the
        number of outputs and are empty for one output.
    slope_of : callable
        Computes it from y and p, without the division.
    sign : str
        What is before the sum: "−" or "".
    divisor : int
        What the sum is divided by; 0 stands for the number of outputs.
    """

    term: str
    cost: Callable[[float, float], float]
    slope: str
    slope_of: Callable[[float, float], float]
    sign: str
    divisor: int


LOSS_FORMULAS = {
    LOSSES["mse"]: LossFormula("({p} − {y})²", _square, "2·({p} − {y}){over_n}", _twice_error, "", 0),
    LOSSES["half_sse"]: LossFormula("({p} − {y})²", _square, "{p} − {y}", _error, "", 2),
    LOSSES["binary_cross_entropy"]: LossFormula(
        "{y}·ln {p} + (1 − {y})·ln(1 − {p})",
        _binary_cost,
        "({p} − {y}) / ({n_times}{p}·(1 − {p}))",
        _binary_slope,
        "−",
        0,
    ),
    LOSSES["categorical_cross_entropy"]: LossFormula("{y}·ln {p}", _cost, "−{y} / {p}", _cost_slope, "−", 1),
}


def loss(record: Loss, pairs: Pairs) -> Formula:
    """Return the loss of one example, from the names of its targets and predictions.

    Examples
    --------
    >>> loss(LOSSES["half_sse"], [("y[1]", "y_hat[1]")]).template
    '[({y_hat[1]} − {y[1]})²] / 2'
    """
    if record not in LOSS_FORMULAS:
        return Formula(_called(record.name, chain(*pairs)), partial(_of_example, record.value, pairs, None))
    formula = LOSS_FORMULAS[record]
    total = " + ".join(formula.term.format(y=f"{{{y}}}", p=f"{{{p}}}") for y, p in pairs)
    divisor = formula.divisor or len(pairs)
    template = f"{formula.sign}[{total}]" if formula.sign or divisor > 1 else total
    template += f" / {divisor}" if divisor > 1 else ""
    return Formula(template, partial(_add_up_costs, formula.cost, pairs, divisor))


def loss_slope(record: Loss, pairs: Pairs, k: int) -> Formula:
    """Return ∂L/∂ŷ of one example for output `k`, counted from 1."""
    if record not in LOSS_FORMULAS:
        return Formula(_called(f"{record.name}′", chain(*pairs)), partial(_of_example, record.gradient, pairs, k))
    formula, (y, p), n = LOSS_FORMULAS[record], pairs[k - 1], len(pairs)
    over_n, n_times = (f" / {n}", f"{n}·") if n > 1 else ("", "")
    template = formula.slope.format(y=f"{{{y}}}", p=f"{{{p}}}", over_n=over_n, n_times=n_times)
    return Formula(template, partial(_add_up_costs, formula.slope_of, [(y, p)], 1 if formula.divisor else n))


def short_delta(record: Loss, pairs: Pairs, k: int, total: float) -> str:
    """Return ∂L/∂z of a cross-entropy as a template, or "" for other losses.

    The slope of the logarithm and that of the activation cancel, and ŷ − y is left. `total` is the sum of the targets.
    """
    y, p = (f"{{{name}}}" for name in pairs[k - 1])
    if record == LOSSES["binary_cross_entropy"]:
        return f"({p} − {y}) / {len(pairs)}" if len(pairs) > 1 else f"{p} − {y}"
    if record != LOSSES["categorical_cross_entropy"]:
        return ""
    if math.isclose(total, 1, rel_tol=1e-12):
        return f"{p} − {y}"
    return f"{p}·({' + '.join(f'{{{target}}}' for target, _ in pairs)}) − {y}"
