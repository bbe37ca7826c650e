"""Mistakes in the step of gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from bpcourse.tutor.equations import Values
from bpcourse.tutor.mistakes.record import Mistake, Rule, Rules
from bpcourse.tutor.mistakes.view import At

RATES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.5, 2.0)
"""Learning rates that exercises use, and that are taken by habit."""
KEPT = (0.9, 0.5, 0.99)
"""Usual shares of a velocity that momentum keeps."""
DECAY = (0.1, 0.01, 0.001)
"""Usual factors of weight decay."""


def descent(f: Callable[[float, float, float], float]) -> Rule:
    """Return the rule for a new parameter from the old one, the learning rate and the gradient."""
    return lambda at: f(*at.needs)


def _parameter(at: At) -> tuple[float, float, list[float]] | None:
    """Return, for a gradient, its parameter, its value, and learning rates: the one that is given, and 1."""
    name = at.step.parts
    if name.quantity not in ("dW", "db"):
        return None
    rates = [at.v["learning_rate"]] if "learning_rate" in at.v.table else []
    old = at.v[str(name.at(quantity=name.quantity[1:], example=0))]
    return old, at.v[at.step.name], [*rates, 1.0]


def _new_value(at: At) -> Iterator[float]:
    if found := _parameter(at):
        old, gradient, rates = found
        yield from (old - rate * gradient for rate in rates)


def _step(at: At) -> Iterator[float]:
    if found := _parameter(at):
        _, gradient, rates = found
        yield from (sign * rate * gradient for rate in rates[:-1] for sign in (-1, 1))


def _gradient(at: At) -> Iterator[float]:
    if at.step.kind == "new":
        yield at.v[at.step.needs[2]]


def _old(at: At) -> Iterator[float]:
    if at.step.kind == "new":
        yield at.v[at.step.needs[0]]
    elif at.step.new and at.step.parts.quantity == "loss":
        yield at.loss


def _other_rates(at: At) -> Iterator[float]:
    if at.step.kind == "new":
        old, rate, gradient = at.needs
        yield from (old - other * gradient for other in RATES if other != rate)
    elif at.step.new:
        rate = at.v["learning_rate"]
        yield from (Values(at.v.table, {"learning_rate": other})[at.step.name] for other in RATES if other != rate)


def _size_of_step(at: At) -> Iterator[float]:
    if at.step.kind == "new":
        _, rate, gradient = at.needs
        yield rate * gradient


def _averaged(kept: float) -> Rules:
    """Return the rule of a first step with momentum in which the gradient is multiplied by 1 − μ."""
    return {"new": descent(lambda w, rate, g: w - rate * (1 - kept) * g)}


def _decayed(decay: float) -> Rules:
    """Return the rule of a step with weight decay."""
    return {"new": descent(lambda w, rate, g: w - rate * (g + decay * w))}


UPDATE = (
    Mistake("ascent", rules={"new": descent(lambda w, rate, g: w + rate * g)}),
    Mistake("no_learning_rate", rules={"new": descent(lambda w, rate, g: w - g)}),
    Mistake("lr_twice", rules={"new": descent(lambda w, rate, g: w - rate**2 * g)}),
    Mistake("other_learning_rate", answers=_other_rates),
    Mistake("replaced_weight", rules={"new": descent(lambda w, rate, g: -rate * g)}),
    Mistake("gradient_times_learning_rate", answers=_size_of_step),
    Mistake("gradient_for_new_value", answers=_gradient),
    Mistake("old_value_for_new", answers=_old),
    Mistake("new_value_for_gradient", answers=_new_value),
    Mistake("step_for_gradient", answers=_step),
    Mistake("multiplied_by_weight", rules={"new": descent(lambda w, rate, g: w - rate * g * w)}),
    Mistake("difference_scaled", rules={"new": descent(lambda w, rate, g: rate * (w - g))}),
    Mistake("divided_by_rate", rules={"new": descent(lambda w, rate, g: w - g / rate)}),
    Mistake("momentum_as_average", rules=_averaged(KEPT[0]), also=tuple(map(_averaged, KEPT[1:]))),
    Mistake("weight_decay_added", rules=_decayed(DECAY[0]), also=tuple(map(_decayed, DECAY[1:]))),
    Mistake("sign_of_gradient", rules={"new": descent(lambda w, rate, g: w - math.copysign(rate, g) if g else w)}),
    Mistake("bias_never_updated", rules={"new": lambda at: at.needs[0]}, where=lambda step: step.name[0] == "b"),
    Mistake("integer_weights", rules={"new": lambda at: float(math.trunc(at.right))}),
)
