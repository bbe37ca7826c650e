"""Mistakes in the forward pass, and in reading what is given."""

from __future__ import annotations

import math

from bpcourse.engine.losses import LOSSES
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, sigmoid
from bpcourse.tutor.mistakes.activation import of_units
from bpcourse.tutor.mistakes.record import Mistake, Rule
from bpcourse.tutor.mistakes.view import (
    At,
    any_unit,
    coupled,
    cross_entropy,
    hidden,
    later_layer,
    nonlinear_output,
    output,
    single_hidden,
    square,
    uncoupled,
)


def _without_bias(at: At) -> float:
    return at.right - at.bias


def _weighted_inputs(at: At) -> float:
    """Return z of a later layer, computed from the inputs of the network."""
    units = range(1, at.step.facts.sizes[at.step.layer - 1] + 1)
    inputs = (at.v[f"x[{i}]{at.step.at}"] for i in units)
    return sum(x * at.value("W", i, at.unit) for i, x in zip(units, inputs, strict=True)) + at.bias


def _transposed(at: At) -> float:
    """Return a weight with its two units exchanged."""
    is_weight = at.step.name[0] == "W"
    return at.given("W", *reversed(at.step.index)) if is_weight and square(at.step) else at.step.value


def _first_bias(at: At) -> float:
    return at.given("b", 1) if at.step.name[0] == "b" else at.step.value


def _other_end(quantity: str) -> Rule:
    """Return the rule that reads the entries of a row in reverse order."""

    def rule(at: At) -> float:
        return at.given(quantity, at.units + 1 - at.unit) if at.step.name[0] == quantity else at.step.value

    return rule


def _delta_directly(at: At) -> float:
    """Return δ; at the output of a binary cross-entropy (ŷ − y) over the number of outputs, whatever ŷ has become."""
    directly = output(at.step) and at.step.facts.loss == LOSSES["binary_cross_entropy"]
    return at.error / at.outputs if directly else at.right


def _linear_slope(at: At) -> float:
    """Return the slope of a unit that passes its z on; between the units of a softmax there is none."""
    return float(at.step.index[0] == at.unit)


def _delta_as_usual(at: At) -> float:
    """Return δ, with a cross-entropy as ŷ − y, whatever ŷ has become."""
    if not cross_entropy(at.step.facts):
        return at.right
    return at.error / (1 if coupled(at.step) else at.outputs)


def _slope_at_z(at: At) -> float:
    """Return f′(z), not computed from the output."""
    return float(at.step.facts.activations[at.step.layer - 1].df(at.z))


FORWARD = (
    Mistake("sigmoid_exponent_sign", rules={"a": lambda at: sigmoid(-at.z)}, where=any_unit("sigmoid")),
    Mistake("forgot_bias_forward", rules={"z": _without_bias}),
    Mistake("forgot_output_bias", rules={"z": _without_bias}, where=output, applies=lambda facts: facts.last > 1),
    Mistake("forgot_hidden_bias", rules={"z": _without_bias}, where=hidden),
    Mistake("bias_subtracted", rules={"z": lambda at: at.right - 2 * at.bias}),
    Mistake("weights_read_columnwise", rules={"given": _transposed}),
    Mistake(
        "output_weights_columnwise", rules={"given": _transposed}, where=lambda step: output(step) and step.layer > 1
    ),
    Mistake(
        "inputs_for_hidden_outputs",
        rules={"z": _weighted_inputs},
        where=later_layer,
        applies=lambda facts: max(facts.sizes[1:-1], default=0) <= facts.sizes[0],
    ),
    Mistake(
        "no_output_activation",
        rules={"a": lambda at: at.z, "slope": _linear_slope, "delta": _delta_as_usual},
        where=output,
        applies=nonlinear_output,
    ),
    Mistake("no_hidden_activation", rules={"a": lambda at: at.z, "slope": lambda at: 1.0}, where=single_hidden),
    Mistake(
        "bias_after_activation",
        rules={"z": _without_bias, "a": lambda at: at.right + at.bias, "slope": _slope_at_z, "delta": _delta_directly},
        where=uncoupled,
    ),
    Mistake("shared_bias", rules={"given": _first_bias}),
    Mistake("inputs_swapped", rules={"given": _other_end("x")}),
    Mistake("targets_swapped", rules={"given": _other_end("y")}),
    of_units("tanh_for_sigmoid", "sigmoid", a=lambda at: math.tanh(at.z), slope=lambda at: one_minus_square(at.a)),
    of_units("sigmoid_for_tanh", "tanh", a=lambda at: sigmoid(at.z), slope=lambda at: s_times_one_minus_s(at.a)),
)
