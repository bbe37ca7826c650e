"""Mistakes in the chain rule and its paths."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bpcourse.tutor.equations import Values
from bpcourse.tutor.mistakes.record import Mistake, and_the_step
from bpcourse.tutor.mistakes.view import (
    At,
    fan_out,
    hidden,
    later_layer,
    same_shape_above,
    single,
    square,
    square_above,
)


def _sum_of_factors(at: At) -> float:
    signal = [at.signal] if at.step.kind == "dW" else []
    return at.da + at.slope + sum(signal)


def _over_updated_weights(at: At) -> float:
    layer, i = at.step.layer + 1, at.unit
    return sum(at.paths_over(lambda k: f"W{layer}_new[{i},{k}]"))


def _over_reshaped_weights(at: At) -> float:
    """Return ∂L/∂a if W of the next layer is reshaped and not transposed: the numbers keep their order."""

    def weight(k: int) -> str:
        row, column = divmod((k - 1) * at.units + at.unit - 1, at.above)
        return at.step.near("W", row + 1, column + 1, up=1)

    return sum(at.paths_over(weight))


def _split_by_weights(at: At) -> float:
    """Return ∂L/∂a if each error is divided among the weights that lead to it."""
    layer, i = at.step.layer + 1, at.unit
    total = 0.0
    for k, delta in enumerate(at.deltas, start=1):
        weights = [at.v[f"W{layer}[{other},{k}]"] for other in range(1, at.units + 1)]
        total += delta * weights[i - 1] / sum(weights)
    return total


def _layer_sum(at: At) -> float:
    return sum(at.value("dz", j) for j in range(1, at.units + 1))


def _dot(at: At) -> float:
    """Return the sum of input times δ over a square layer."""
    return sum(at.value("a", i, up=-1) * at.value("dz", i) for i in range(1, at.units + 1))


def neighbors(at: At) -> Iterator[float]:
    """Yield the entries with the two indices exchanged, and those in the same row and column."""
    step = at.step
    if len(step.index) == 2 and step.kind != "slope":
        i, j = step.index
        row = [(i, other) for other in range(1, step.facts.sizes[step.layer] + 1)]
        column = [(other, j) for other in range(1, step.facts.sizes[step.layer - 1] + 1)]
        for index in dict.fromkeys([(j, i), *row, *column]):
            other = at.renamed(index=index)
            if index != (i, j) and other in at.v.table:
                yield at.v[other]


def _other_units(at: At) -> Iterator[float]:
    if len(at.step.index) == 1:
        for unit in range(1, at.units + 1):
            if unit != at.unit:
                yield at.v[at.renamed(index=(unit,))]


def _already_multiplied(at: At) -> list[float]:
    return [at.delta] if at.step.kind in ("error", "back") else []


def _forward_difference(at: At) -> Iterator[float]:
    """Yield (L(w + 0.1) − L(w)) / 0.1 for the parameter whose gradient is asked."""
    name = at.step.parts
    if name.quantity in ("dW", "db"):
        parameter, loss = str(name.at(quantity=name.quantity[1:], example=0)), f"loss{at.step.at}"
        moved = Values(at.v.table, {parameter: at.v[parameter] + 0.1})
        yield (moved[loss] - at.v[loss]) / 0.1


def _only_path(k: int) -> Mistake:
    return Mistake(
        f"only_path_o{k}",
        rules={"back": lambda at: at.paths[k - 1]},
        where=lambda step: fan_out(2)(step) and k <= step.facts.sizes[step.layer + 1],
    )


def _missing_path(k: int) -> Mistake:
    return Mistake(
        f"missing_path_{k}",
        rules={"back": lambda at: sum(at.paths) - at.paths[k - 1]},
        where=lambda step: fan_out(3)(step) and k <= step.facts.sizes[step.layer + 1],
    )


CHAIN = (
    Mistake("summed_instead_of_multiplied", rules={"dW": _sum_of_factors, "db": _sum_of_factors}, where=single),
    *(_only_path(k) for k in (1, 2, 3)),
    *(_missing_path(k) for k in (1, 2, 3)),
    Mistake("averaged_paths", rules={"back": lambda at: sum(at.paths) / at.above}, where=fan_out(2)),
    Mistake("subtracted_paths", rules={"back": lambda at: 2 * at.paths[0] - sum(at.paths)}, where=fan_out(2)),
    Mistake("first_path_for_all", rules={"back": lambda at: at.above * at.paths[0]}, where=fan_out(2)),
    Mistake(
        "same_weight_on_every_path",
        rules={"back": lambda at: sum(at.paths_over(lambda k: at.step.near("W", at.unit, 1, up=1)))},
        where=fan_out(2),
    ),
    Mistake("multiplied_paths", rules={"back": lambda at: math.prod(at.paths)}, where=fan_out(2)),
    Mistake("error_split_by_weights", rules={"back": _split_by_weights}, where=hidden),
    Mistake(
        "transposed_W2",
        rules={"back": lambda at: sum(at.paths_over(lambda k: at.step.near("W", k, at.unit, up=1)))},
        where=square_above,
    ),
    Mistake(
        "reshaped_W2",
        rules={"back": _over_reshaped_weights},
        where=lambda step: fan_out(2)(step) and step.facts.sizes[step.layer] > 1 and not square_above(step),
    ),
    Mistake("updated_output_weights_first", rules={"back": _over_updated_weights}, where=hidden),
    Mistake("in_place_alias", rules={"back": _over_updated_weights}, where=hidden),
    Mistake(
        "wrong_layer_weights",
        rules={"back": lambda at: sum(at.paths_over(lambda k: at.step.near("W", at.unit, k)))},
        where=same_shape_above,
    ),
    Mistake("no_weight_on_path", rules={"back": lambda at: sum(at.deltas)}),
    Mistake("no_input_factor", rules={"dW": lambda at: at.delta}),
    Mistake("wrong_activation_factor", rules={"dW": lambda at: at.delta * at.a}),
    Mistake(
        "net_h_instead_of_out_h", rules={"dW": lambda at: at.delta * at.value("z", at.source, up=-1)}, where=later_layer
    ),
    Mistake("input_for_w5", rules={"dW": lambda at: at.delta * at.v[f"x[{at.source}]{at.step.at}"]}, where=later_layer),
    Mistake("differentiated_wrt_signal", rules={"dW": lambda at: at.delta * at.weight}),
    Mistake("bias_in_weight_slope", rules={"dW": lambda at: at.right + at.delta * at.bias}),
    Mistake("hidden_has_target", rules={"back": lambda at: at.a - at.y}, where=hidden),
    Mistake("dot_instead_of_outer", rules={"dW": _dot}, where=square),
    Mistake("index_swap", answers=and_the_step(neighbors)),
    Mistake("neighbor_unit", answers=_other_units),
    Mistake("slope_multiplied_already", answers=_already_multiplied),
    # Biases
    Mistake("bias_times_bias", rules={"db": lambda at: at.delta * at.bias}),
    Mistake(
        "bias_times_input",
        rules={"db": lambda at: at.delta * at.value("a", 1, up=-1)},
        also=({"db": lambda at: at.delta * at.value("a", 2, up=-1)},),
    ),
    Mistake("bias_times_output", rules={"db": lambda at: at.delta * at.a}),
    Mistake("bias_gradient_zero", rules={"db": lambda at: 0.0}),
    Mistake("bias_grad_summed_all_axes", rules={"db": _layer_sum}, where=lambda step: step.facts.sizes[step.layer] > 1),
    Mistake("coarse_one_sided_difference", answers=and_the_step(_forward_difference)),
)
