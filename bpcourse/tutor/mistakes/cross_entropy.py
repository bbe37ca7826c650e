"""Mistakes with the cross-entropies."""

from __future__ import annotations

import math
from collections.abc import Callable

from bpcourse.tutor.mistakes.record import Mistake
from bpcourse.tutor.mistakes.view import At, coupled, cross_entropy, loss_is, output

BINARY = loss_is("binary_cross_entropy")


def minus_sum(at: At, of: Callable[[float, float], float]) -> float:
    """Return −Σ of something of each (y, ŷ) of the example."""
    return -sum(of(y, y_hat) for y, y_hat in at.pairs)


def log_likelihood(y: float, p: float) -> float:
    """Return y ln p + (1 − y) ln(1 − p), where what has no weight costs nothing."""
    return sum(weight * math.log(share) for weight, share in ((y, p), (1 - y, 1 - p)) if weight)


def log_base(short: str, loss: str, base: int) -> Mistake:
    """Return the mistake of another logarithm."""
    return Mistake(
        f"{short}_log{base}",
        rules=dict.fromkeys(("loss", "error"), lambda at: at.right / math.log(base)),
        applies=loss_is(loss),
    )


def forgotten_minus(short: str, loss: str) -> Mistake:
    """Return the mistake of a missing minus."""
    return Mistake(f"{short}_sign", rules=dict.fromkeys(("loss", "error"), lambda at: -at.right), applies=loss_is(loss))


def stopped_at_output(short: str, loss: str) -> Mistake:
    """Return the mistake of a chain that takes ∂L/∂ŷ for δ."""
    return Mistake(f"{short}_stopped_at_output", rules={"delta": lambda at: at.da}, where=output, applies=loss_is(loss))


def _squared_slope(at: At) -> float:
    return 2 * at.error / at.outputs


CROSS_ENTROPY = (
    Mistake("bce_times_sigma_prime", rules={"delta": lambda at: at.right * at.slope}, where=output, applies=BINARY),
    stopped_at_output("bce", "binary_cross_entropy"),
    Mistake(
        "bce_missing_one_minus_y",
        rules={
            "loss": lambda at: minus_sum(at, lambda y, p: y and y * math.log(p)) / at.outputs,
            "error": lambda at: -at.y / at.y_hat / at.outputs,
        },
        applies=BINARY,
    ),
    Mistake(
        "bce_other_term",
        rules={
            "loss": lambda at: minus_sum(at, lambda y, p: log_likelihood(1 - y, p)) / at.outputs,
            "error": lambda at: (at.y / (1 - at.y_hat) - (1 - at.y) / at.y_hat) / at.outputs,
        },
        applies=BINARY,
    ),
    Mistake(
        "squared_for_bce",
        rules={"loss": lambda at: sum((p - y) ** 2 for y, p in at.pairs) / at.outputs, "error": _squared_slope},
        applies=BINARY,
    ),
    log_base("bce", "binary_cross_entropy", 10),
    log_base("bce", "binary_cross_entropy", 2),
    Mistake(
        "bce_swapped",
        rules={
            "loss": lambda at: minus_sum(at, lambda y, p: log_likelihood(p, y)) / at.outputs,
            "error": lambda at: math.log(1 / at.y - 1) / at.outputs,
        },
        applies=BINARY,
    ),
    forgotten_minus("bce", "binary_cross_entropy"),
    Mistake(
        "bce_sum_outputs",
        rules=dict.fromkeys(("loss", "error"), lambda at: at.right * at.outputs),
        applies=loss_is("binary_cross_entropy", 2),
    ),
    Mistake(
        "target_not_subtracted",
        rules={"delta": lambda at: at.y_hat / (1 if coupled(at.step) else at.outputs)},
        where=output,
        applies=cross_entropy,
    ),
    Mistake("loss_as_delta", rules={"delta": lambda at: at.loss}, where=output, applies=cross_entropy),
    Mistake(
        "tanh_for_output",
        rules={"a": lambda at: math.tanh(at.z), "delta": lambda at: at.error / at.outputs},
        where=output,
        applies=BINARY,
    ),
)
