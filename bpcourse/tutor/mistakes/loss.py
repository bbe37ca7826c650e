"""Mistakes in the squared error and its slope, some of which are made with every loss."""

from __future__ import annotations

import math

from bpcourse.tutor.mistakes.record import Mistake, Rule
from bpcourse.tutor.mistakes.view import At, loss_is, output, squared, squared_nonlinear

MOST_OUTPUTS = 4  # up to this many, the slope of each output by itself is tried


def _over_outputs(at: At) -> float:
    return at.right / at.outputs


def _mean_for_half_sum(at: At) -> float:
    return at.right * 2 / at.outputs


def _half_sum_for_mean(at: At) -> float:
    return at.right * at.outputs / 2


def _sum_for_mean(at: At) -> float:
    return at.right * at.outputs


def _one_over(at: At) -> float:
    """Return the factor in front of ŷ − y in the slope of the loss."""
    return (2 if loss_is("mse")(at.step.facts) else 1) / (at.outputs if loss_is("mse")(at.step.facts) else 1)


def _root(at: At) -> float:
    return math.sqrt(at.right) if at.examples == 1 else at.right


def _root_of_mean(at: At) -> float:
    return math.sqrt(at.right) if at.step.parts.quantity == "loss" else at.right


def _slope_of_root(at: At) -> float:
    return at.right / (2 * at.v["loss"])  # which is the root already


def _distances(at: At) -> float:
    return sum(abs(p - y) for y, p in at.pairs) / at.divisor


def _of_output(k: int) -> Rule:
    """Return the rule that starts with 1 at output k and 0 at the others: the slope of that output, not of the loss."""
    return lambda at: float(at.unit == k)


LOSS = (
    Mistake("sign_slip", rules={"error": lambda at: -at.right}, applies=squared),
    Mistake("kept_half", rules={"error": lambda at: at.right / 2}),
    Mistake("extra_two", rules={"error": lambda at: at.right * 2}),
    Mistake(
        "mean_over_outputs_of_half",
        rules={"loss": _over_outputs, "error": _over_outputs},
        applies=loss_is("half_sse", 2),
    ),
    Mistake("mse_mean", rules={"loss": _mean_for_half_sum, "error": _mean_for_half_sum}, applies=loss_is("half_sse")),
    Mistake(
        "half_sse_for_mse", rules={"loss": _half_sum_for_mean, "error": _half_sum_for_mean}, applies=loss_is("mse")
    ),
    Mistake("sum_not_mean_outputs", rules={"loss": _sum_for_mean, "error": _sum_for_mean}, applies=loss_is("mse", 2)),
    Mistake(
        "nothing_divided",
        rules={"loss": _sum_for_mean, "error": _sum_for_mean, "mean": lambda at: at.right * at.examples},
        applies=lambda facts: (
            facts.loss.name in ("mse", "binary_cross_entropy") and facts.sizes[-1] > 1 and facts.examples > 1
        ),
    ),
    Mistake(
        "rmse_for_mse",
        rules={"loss": _root, "mean": _root_of_mean, "error": _slope_of_root},
        also=({"loss": lambda at: math.sqrt(at.right)},),  # of each example by itself
        applies=loss_is("mse"),
    ),
    Mistake("loss_value_as_error", rules={"error": lambda at: at.error**2 / at.divisor}, applies=squared),
    Mistake("total_loss_as_error", rules={"error": lambda at: at.loss}, applies=squared),
    Mistake("abs_error", rules={"error": lambda at: abs(at.right)}, applies=squared),
    Mistake(
        "error_is_one_term",
        rules={"error": lambda at: _one_over(at) * at.y_hat},
        also=({"error": lambda at: -_one_over(at) * at.y},),
        applies=squared,
    ),
    Mistake(
        "output_slope_for_loss_slope",
        rules={"error": lambda at: 1.0},
        also=tuple({"error": _of_output(k)} for k in range(1, MOST_OUTPUTS + 1)),
        applies=squared,
    ),
    Mistake(
        "errors_not_squared",
        rules={"loss": _distances, "error": lambda at: math.copysign(1 / at.divisor, at.error)},
        applies=squared,
    ),
    Mistake("squared_error_not_diff", rules={"error": lambda at: at.error**2}, applies=squared),
    Mistake(
        "delta_without_sigma_with_mse", rules={"delta": lambda at: at.error}, where=output, applies=squared_nonlinear
    ),
)
