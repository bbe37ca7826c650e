"""Mistakes as code makes them, where it does not do what a person with a pen does.

Nearly all belong to a mistake of the catalogue and have its id. They are tried only by `diagnose`. In an answer that
was computed by hand they would make accidents more likely.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bpcourse.tutor.formulas import sigmoid
from bpcourse.tutor.mistakes.record import Mistake, Rule
from bpcourse.tutor.mistakes.update import RATES, descent
from bpcourse.tutor.mistakes.view import (
    At,
    any_unit,
    coupled,
    cross_entropy,
    hidden,
    loss_is,
    nonlinear_output,
    output,
    softmax_output,
    square,
)


def _softmax_over(everything: bool) -> Rule:
    """Return the rule of a softmax whose sum runs over the examples, or over everything."""

    def rule(at: At) -> float:
        name = at.step.parts.at(quantity="z")
        units = range(1, at.units + 1) if everything else [at.unit]
        examples = range(1, at.examples + 1) if at.examples > 1 else [0]
        total = sum(math.exp(at.v[str(name.at(index=(unit,), example=each))]) for unit in units for each in examples)
        return math.exp(at.z) / total

    return rule


def _direct(at: At) -> float:
    """Return δ of an output; with a cross-entropy ŷ − y, whatever ŷ has become."""
    return at.error / _share(at) if cross_entropy(at.step.facts) and output(at.step) else at.right


def _share(at: At) -> int:
    """Return by what a cross-entropy divides ŷ − y."""
    return 1 if coupled(at.step) else at.outputs


def _slope_of_z(at: At) -> float:
    return float(at.step.activation.df(at.z))


def _output_slope(at: At) -> float:
    return at.value("slope", at.unit, up=at.step.facts.last - at.step.layer)


def _without_bias(at: At) -> float:
    return at.right - at.bias


def _mean_over_units(at: At) -> float:
    return sum(at.value("dz", unit) for unit in range(1, at.units + 1)) / at.units


def _all_targets(at: At) -> float:
    """Return the mean of all targets of an output."""
    name = at.step.parts.at(quantity="y")
    return sum(at.v[str(name.at(layer=0, example=each))] for each in range(1, at.examples + 1)) / at.examples


def _transposed(at: At) -> float:
    i, j = at.step.index
    return at.value("a", j, up=-1) * at.value("dz", i)


def _with(f: Callable[[float], float]) -> dict[str, Rule]:
    """Return the rules of a different activation whose slope is still computed from the output."""
    return {"a": lambda at: f(at.z), "delta": _direct}


def _at_rate(other: float) -> dict[str, Rule]:
    """Return the rule of a step with a learning rate that is written in the code."""
    return {"new": descent(lambda w, rate, g: w - other * g)}


IN_CODE = (
    # Activations and their slopes
    Mistake("relu_prime_zero_is_one", rules={"slope": lambda at: 1.0}, where=any_unit("relu")),
    Mistake("drop_sigma_prime_out", rules={"db": lambda at: at.da}, where=output),
    Mistake("drop_sigma_prime_out", rules={"dW": lambda at: at.signal * at.da}, where=output),
    Mistake("drop_sigma_prime_hidden", rules={"db": lambda at: at.da}, where=hidden),
    Mistake("drop_sigma_prime_hidden", rules={"dW": lambda at: at.signal * at.da}, where=hidden),
    Mistake("leaky_cut_off", rules={"slope": lambda at: float(at.z > 0)}, where=any_unit("leaky_relu")),
    Mistake("hidden_uses_output_slope", rules={"slope": _output_slope}, where=hidden),
    Mistake(
        "slope_of_other_layer",
        rules={"slope": lambda at: at.value("slope", at.unit, up=-1)},
        also=({"slope": lambda at: at.value("slope", at.unit, up=1)},),
        where=hidden,
    ),
    Mistake("no_output_activation", rules=_with(lambda z: z), where=output, applies=nonlinear_output),
    Mistake(
        "no_output_activation",
        rules={"a": lambda at: at.z, "slope": _slope_of_z, "delta": _direct},
        where=output,
        applies=lambda facts: nonlinear_output(facts) and not softmax_output(facts),
    ),
    Mistake("no_hidden_activation", rules={"a": lambda at: at.z}, where=hidden),
    Mistake("no_hidden_activation", rules={"a": lambda at: at.z, "slope": _slope_of_z}, where=hidden),
    Mistake("tanh_for_sigmoid", rules=_with(math.tanh), where=any_unit("sigmoid")),
    Mistake("sigmoid_for_tanh", rules=_with(sigmoid), where=any_unit("tanh")),
    Mistake("bias_after_activation", rules={"z": _without_bias, "a": lambda at: at.right + at.bias, "delta": _direct}),
    Mistake(
        "summed_over_wrong_axis",
        rules={"a": _softmax_over(everything=False), "delta": _direct},
        also=({"a": _softmax_over(everything=True), "delta": _direct},),
        where=any_unit("softmax"),
    ),
    # Losses
    Mistake("rmse_for_mse", rules={"error": lambda at: at.right / (2 * math.sqrt(at.loss))}, applies=loss_is("mse")),
    Mistake("abs_error", rules={"delta": lambda at: abs(at.right)}, where=output, applies=cross_entropy),
    Mistake("error_is_one_term", rules={"delta": lambda at: -at.y / _share(at)}, where=output, applies=cross_entropy),
    Mistake(
        "all_classes_counted",
        rules={"delta": lambda at: at.outputs * at.y_hat - 1},
        where=output,
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "broadcast_n_vs_n1",
        rules={"delta": lambda at: at.y_hat - _all_targets(at)},
        where=output,
        applies=lambda facts: cross_entropy(facts) and facts.sizes[-1] == 1 and facts.examples > 1,
    ),
    # Gradients
    Mistake("wrong_activation_factor", rules={"dW": lambda at: at.value("a", at.source) * at.delta}, where=square),
    Mistake("index_swap", rules={"dW": _transposed}, where=square),
    Mistake(
        "bias_grad_summed_all_axes", rules={"db": _mean_over_units}, where=lambda step: step.facts.sizes[step.layer] > 1
    ),
    # Updates
    Mistake("old_value_for_new", rules={"new": descent(lambda w, rate, g: w)}),
    Mistake("gradient_times_learning_rate", rules={"new": descent(lambda w, rate, g: rate * g)}),
    Mistake("gradient_for_new_value", rules={"new": descent(lambda w, rate, g: g)}),
    *(Mistake("other_learning_rate", rules=_at_rate(rate)) for rate in RATES),
)
