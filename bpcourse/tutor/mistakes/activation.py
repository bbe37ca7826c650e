"""Mistakes in the slope of an activation."""

from __future__ import annotations

from collections.abc import Callable

from bpcourse.tutor.equations import Step
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, unit_formula
from bpcourse.tutor.mistakes.record import Mistake, Rule
from bpcourse.tutor.mistakes.view import (
    At,
    any_unit,
    hidden,
    output,
    output_has_slope,
    rectifier,
    single,
    single_hidden,
    squared,
    uncoupled,
    unit_is,
)


def _from_z(at: At) -> float:
    """Return the formula for the slope from the output, with z put in."""
    return unit_formula(at.step.activation).slope_of(at.z)


def _at_output(at: At) -> float:
    """Return f′ of the unit's output, where f′ of its z is meant."""
    unit = unit_formula(at.step.activation)
    return unit.slope_of(unit.f(at.a))


def _slope_of_error(at: At) -> float:
    return s_times_one_minus_s(at.error)


def _squared_in(layer: Callable[[Step], bool]) -> Rule:
    """Return the rule that uses the slope twice in some layers only."""
    return lambda at: at.right**2 if layer(at.step) else at.right


def of_units(id: str, *activations: str, **rules: Rule) -> Mistake:
    """Return a mistake of units with one of these activations."""
    return Mistake(id, rules=rules, where=unit_is(*activations), long_way=any_unit(*activations))


ACTIVATION = (
    Mistake(
        "drop_sigma_prime_out",
        rules={"slope": lambda at: 1.0},
        where=output,
        applies=lambda facts: squared(facts) and output_has_slope(facts),
    ),
    Mistake("drop_sigma_prime_hidden", rules={"slope": lambda at: 1.0}, where=single_hidden),
    Mistake("drop_sigma_prime_all", rules={"slope": lambda at: 1.0}, where=single, long_way=uncoupled),
    of_units("net_for_out_in_sigma_prime", "sigmoid", "tanh", slope=_from_z),
    of_units("sigma_prime_of_out", "sigmoid", "tanh", slope=_at_output),
    of_units("sigma_prime_is_s", "sigmoid", slope=lambda at: at.a),
    of_units("tanh_prime_is_output", "tanh", slope=lambda at: at.a),
    of_units("sigma_prime_is_one_minus_s", "sigmoid", slope=lambda at: 1 - at.a),
    of_units("tanh_slope_not_squared", "tanh", slope=lambda at: 1 - at.a),
    of_units("tanh_slope_plus", "tanh", slope=lambda at: 1 + at.a**2),
    Mistake(
        "slope_applied_twice",
        rules={"slope": lambda at: at.right**2},
        also=({"slope": _squared_in(output)}, {"slope": _squared_in(hidden)}),
        where=single,
        long_way=uncoupled,
    ),
    Mistake(
        "sigma_prime_of_error",
        rules={"delta": lambda at: s_times_one_minus_s(at.da)},
        where=lambda step: output(step) and any_unit("sigmoid")(step),
        applies=squared,
    ),
    Mistake(
        "slope_of_error",
        rules={"slope": _slope_of_error},
        where=lambda step: output(step) and any_unit("sigmoid")(step),
    ),
    of_units("tanh_prime_for_sigmoid", "sigmoid", slope=lambda at: one_minus_square(at.a)),
    of_units("sigmoid_prime_for_tanh", "tanh", slope=lambda at: s_times_one_minus_s(at.a)),
    Mistake(
        "hidden_uses_output_slope",
        rules={"slope": lambda at: at.value("slope", 1, up=at.step.facts.last - at.step.layer)},
        where=single_hidden,
        applies=lambda facts: facts.activations[-1].slope is not None,
    ),
    Mistake(
        "one_slope_for_all_outputs",
        rules={"slope": lambda at: at.right if at.unit == 1 else at.value("slope", 1)},
        where=lambda step: output(step) and single(step),
        long_way=lambda step: output(step) and uncoupled(step),
        applies=lambda facts: facts.sizes[-1] > 1,
    ),
    Mistake("relu_slope_is_output", rules={"slope": lambda at: at.a}, where=unit_is("relu")),
    Mistake("relu_is_its_slope", rules={"a": lambda at: float(at.z > 0)}, where=any_unit("relu")),
    Mistake("leaky_slope_for_relu", rules={"slope": lambda at: 1.0 if at.z > 0 else 0.01}, where=unit_is("relu")),
    Mistake("relu_uses_sigmoid_slope", rules={"slope": lambda at: s_times_one_minus_s(at.a)}, where=unit_is("relu")),
    Mistake("relu_prime_zero_is_one", rules={"slope": lambda at: 1.0 if at.z == 0 else at.right}, where=rectifier),
    Mistake(
        "leaky_cut_off",
        rules={"a": lambda at: max(0.0, at.z), "slope": lambda at: float(at.z > 0)},
        where=lambda step: step.activation.name.startswith("leaky_relu"),
    ),
)
