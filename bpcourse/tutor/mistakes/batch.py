"""Mistakes with a batch, and mistakes that show in the shape of an array."""

from __future__ import annotations

from bpcourse.tutor.equations import Facts, name_of
from bpcourse.tutor.mistakes.record import Mistake
from bpcourse.tutor.mistakes.view import At, squared


def _all_targets(at: At) -> list[float]:
    return [at.v[f"y[{at.unit}]@{example}"] for example in range(1, at.examples + 1)]


def _every_pair(at: At) -> float:
    """Return ∂L/∂ŷ of one example if its prediction is compared with every target of the batch."""
    factor = at.right / at.error
    return factor * sum(at.y_hat - y for y in _all_targets(at)) / at.examples


def _loss_of_every_pair(at: At) -> float:
    """Return one example's share of the loss if its prediction is compared with every target of the batch."""
    y_hat, divisor = at.value("y_hat", 1), at.divisor
    targets = [at.v[f"y[1]@{example}"] for example in range(1, at.examples + 1)]
    return sum((y_hat - y) ** 2 for y in targets) / len(targets) / divisor


def _product_of_sums(at: At) -> float:
    """Return (Σa)(Σδ)/n, where the right gradient is Σaδ/n."""
    name, (i, j), examples = at.step.parts, at.step.index, range(1, at.examples + 1)
    inputs = (at.v[name_of("a", name.layer - 1, (i,), f"@{each}")] for each in examples)
    deltas = (at.v[name_of("dz", name.layer, (j,), f"@{each}")] for each in examples)
    return sum(inputs) * sum(deltas) / at.examples


def _one_output(facts: Facts) -> bool:
    return squared(facts) and facts.sizes[-1] == 1 and facts.examples > 1


BATCH = (
    Mistake("batch_sum_not_mean", rules={"mean": lambda at: at.right * at.examples}),
    Mistake("batch_divided_twice", rules={"mean": lambda at: at.right / at.examples}),
    Mistake("batch_first_sample_only", rules={"mean": lambda at: at.needs[0]}),
    Mistake(
        "batch_last_sample_only",
        rules={"mean": lambda at: at.needs[-1]},
        also=({"mean": lambda at: at.needs[-1] / at.examples},),
    ),
    Mistake(
        "product_of_sums",
        rules={"mean": _product_of_sums},
        also=({"mean": lambda at: _product_of_sums(at) / at.examples},),
        where=lambda step: step.parts.quantity == "dW",
    ),
    Mistake("broadcast_n_vs_n1", rules={"error": _every_pair, "loss": _loss_of_every_pair}, applies=_one_output),
)

OF_SHAPES = (
    Mistake("bias_grad_not_summed"),
    Mistake("summed_over_wrong_axis"),
    Mistake("star_for_matmul"),
    Mistake("flattened_by_columns"),
)
"""Mistakes that show in the shape of an array, and not in any one number: `marking` makes the arrays."""
