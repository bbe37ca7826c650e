"""Mistakes with the softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

from bpcourse.tutor.equations import Step
from bpcourse.tutor.formulas import s_times_one_minus_s, sigmoid, softmax
from bpcourse.tutor.mistakes.cross_entropy import (
    forgotten_minus,
    log_base,
    log_likelihood,
    minus_sum,
    stopped_at_output,
)
from bpcourse.tutor.mistakes.record import Mistake, Rules
from bpcourse.tutor.mistakes.view import At, any_unit, cross_entropy, loss_is, output, softmax_output

CATEGORICAL = loss_is("categorical_cross_entropy")


def _slope_from_z(at: At) -> float:
    z, other = (at.value("z", unit) for unit in at.step.index)
    return s_times_one_minus_s(z) if at.step.index[0] == at.step.index[1] else -z * other


def _off_diagonal(rule: Callable[[float, float], float]) -> Rules:
    """Return the wrong rule for ∂aᵢ/∂zₖ from aᵢ and aₖ, for i ≠ k."""

    def slope(at: At) -> float:
        i, k = at.step.index
        return at.right if i == k else rule(at.value("a", i), at.value("a", k))

    return {"slope": slope}


def _minus_product(at: At) -> float:
    """Return −aᵢ·aₖ for every ∂aᵢ/∂zₖ, also for i = k."""
    i, k = at.step.index
    return -at.value("a", i) * at.value("a", k)


def _softmax_again(at: At) -> list[float]:
    return softmax([y_hat for _, y_hat in at.pairs])


def _scores(at: At) -> list[float]:
    return [at.value("z", k) for k in range(1, at.units + 1)]


def _true_class(at: At) -> int:
    """Return which target is the 1, counted from 1; ValueError unless the targets are one-hot."""
    y = [at.given("y", k) for k in range(1, at.outputs + 1)]
    if sorted(y) != [0.0] * (len(y) - 1) + [1.0]:
        raise ValueError("the targets are not one-hot")
    return y.index(1.0) + 1


def _class_number(at: At) -> float:
    """Return a target as the number of the class, counted from 0."""
    return _true_class(at) - 1 if at.step.name[0] == "y" else at.step.value


def _class_before(at: At) -> float:
    """Return a target as if the 1 were one place earlier; before the first comes the last."""
    if at.step.name[0] != "y":
        return at.step.value
    return float(at.unit == (_true_class(at) - 2) % at.outputs + 1)


def _delta(at: At) -> float:
    """Return δ: with a cross-entropy ŷ − y, whatever ŷ has become."""
    return at.error if cross_entropy(at.step.facts) else at.right


def _given_or_output(step: Step) -> bool:
    return step.kind == "given" or output(step)


SOFTMAX = (
    Mistake(
        "softmax_diagonal_jacobian",
        rules={"slope": lambda at: at.right if at.step.index[0] == at.step.index[1] else 0.0},
        where=any_unit("softmax"),
    ),
    Mistake(
        "softmax_one_formula",
        rules=_off_diagonal(lambda one, other: one * (1 - other)),
        also=(_off_diagonal(lambda one, other: other * (1 - one)), _off_diagonal(lambda one, other: one * (1 - one))),
        where=any_unit("softmax"),
    ),
    Mistake("softmax_no_diagonal", rules={"slope": _minus_product}, where=any_unit("softmax")),
    Mistake(
        "softmax_output_squared",
        rules=_off_diagonal(lambda one, other: -one * one),
        also=(_off_diagonal(lambda one, other: -other * other),),
        where=any_unit("softmax"),
    ),
    Mistake(
        "softmax_ce_double",
        rules={"delta": lambda at: at.right * s_times_one_minus_s(at.a)},
        where=output,
        applies=CATEGORICAL,
    ),
    Mistake("softmax_jacobian_of_z", rules={"slope": _slope_from_z}, where=any_unit("softmax")),
    Mistake(
        "double_softmax",
        rules={
            "loss": lambda at: -sum(y * math.log(q) for (y, _), q in zip(at.pairs, _softmax_again(at), strict=True)),
            "error": lambda at: _softmax_again(at)[at.unit - 1] - at.y,
        },
        applies=CATEGORICAL,
    ),
    Mistake(
        "class_index_as_number",
        rules={"given": _class_number, "delta": lambda at: at.error},
        where=_given_or_output,
        applies=CATEGORICAL,
    ),
    Mistake("one_hot_off_by_one", rules={"given": _class_before}, applies=CATEGORICAL),
    Mistake(
        "softmax_mean_over_classes",
        rules=dict.fromkeys(("loss", "error"), lambda at: at.right / at.outputs),
        applies=CATEGORICAL,
    ),
    log_base("ce", "categorical_cross_entropy", 10),
    log_base("ce", "categorical_cross_entropy", 2),
    forgotten_minus("ce", "categorical_cross_entropy"),
    stopped_at_output("ce", "categorical_cross_entropy"),
    Mistake(
        "mse_for_ce",
        rules={
            "loss": lambda at: sum((p - y) ** 2 for y, p in at.pairs) / at.outputs,
            "error": lambda at: 2 * at.error / at.outputs,
        },
        applies=CATEGORICAL,
    ),
    Mistake(
        "all_classes_counted",
        rules={"loss": lambda at: minus_sum(at, lambda y, p: math.log(p)), "error": lambda at: -1 / at.y_hat},
        applies=CATEGORICAL,
    ),
    Mistake(
        "softmax_without_exp",
        rules={"a": lambda at: at.z / sum(_scores(at)), "delta": _delta},
        where=output,
        applies=softmax_output,
    ),
    Mistake(
        "softmax_without_sum",
        rules={"a": lambda at: math.exp(at.z), "delta": _delta},
        where=output,
        applies=softmax_output,
    ),
    Mistake(
        "sigmoid_for_softmax",
        rules={"a": lambda at: sigmoid(at.z), "delta": _delta},
        where=output,
        applies=softmax_output,
    ),
    Mistake(
        "softmax_error_as_delta",
        rules={"delta": lambda at: at.da},
        where=output,
        applies=lambda facts: softmax_output(facts) and not cross_entropy(facts),
    ),
    Mistake(
        "bce_for_ce",
        rules={
            "loss": lambda at: minus_sum(at, log_likelihood),
            "error": lambda at: at.error / s_times_one_minus_s(at.y_hat),
        },
        applies=CATEGORICAL,
    ),
)
