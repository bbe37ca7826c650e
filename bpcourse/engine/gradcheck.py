"""Checking gradients: nudge a number, look how far the loss moves, and compare.

A central difference needs the forward pass alone, so it cannot share a mistake with backpropagation:

    ∂L/∂w ≈ D(h) = (L(w + h) − L(w − h)) / 2h        with an error that shrinks as h²

Two of them, at h and h/2, leave an error that shrinks as h⁴: (4 D(h/2) − D(h)) / 3 (Richardson 1911).

Two things this cannot do. Where a nudge carries a ReLU across its kink at 0, there is no one slope to
find: such entries are named and left out. And a difference of two nearly equal losses has only about
L · 10⁻¹⁶ / h of accuracy: a gradient far below that cannot be checked in this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Dense, Forward, Network, forward
from bpcourse.engine.validation import Array, ArrayLike, real, require_kind
from bpcourse.registry import UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 2e-4  # near the fifth root of the rounding error, where h⁴ and rounding together do least harm


@dataclass(frozen=True)
class Comparison:
    """How far a gradient is from central differences.

    absolute : the largest difference between two entries, kinks left out
    relative : that, divided by the largest entry of the two arrays; 0 where both are zero throughout;
        NaN, like `absolute`, where every entry is a kink and nothing could be checked
    kinks : index from 0 of each entry whose nudge carries a rectifier across 0
    """

    absolute: float
    relative: float
    kinks: tuple[tuple[int, ...], ...]


def compare(trace: Trace, step: float = STEP) -> dict[str, Comparison]:
    """Compare every gradient of a trace, `dW1`, `db1` … and `dx`, with central differences.

    Four forward passes for each single number, so for small networks. Raises TypeError in float32,
    which is too coarse to tell a wrong gradient from a right one.

    >>> from bpcourse import backprop
    >>> trace = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], loss="mse")
    >>> {name: found.relative < 1e-8 for name, found in compare(trace).items()}
    {'dW1': True, 'db1': True, 'dx': True}
    """
    names = _checkable(trace)
    gradients = [name for name in trace if name.removeprefix("d") in names and name not in names]
    return {name: _compared(trace[name], *differences(trace, name[1:], step)) for name in gradients}


def differences(trace: Trace, name: str, step: float = STEP) -> tuple[Array, NDArray[np.bool_]]:
    """Return the loss's central difference for each entry of `trace[name]`, and whether it is a kink.

    name : "W1", "b1" … or "x"
    step : h, the larger nudge; scaled up for an entry beyond ±1

    Both arrays have the shape of `trace[name]`. The entry of a kink is NaN. Raises as `compare` does, and
    UnknownNameError, a ValueError, if `name` is neither the input nor a parameter.
    """
    names = _checkable(trace)
    if name not in names:
        raise UnknownNameError("input or parameter", name, names)
    step = real(step, "step", "between 1e-8 and 0.1, such as 1e-4", lambda step: 1e-8 <= step <= 0.1)
    values = trace[name]
    if values.dtype != np.float64:
        raise TypeError(
            f"a gradient check needs float64; got a trace in {values.dtype}. Use network.astype(np.float64)."
        )
    slopes, kinks = np.empty(values.shape), np.zeros(values.shape, dtype=bool)
    centre = _active(trace)
    for index in np.ndindex(values.shape):
        h = step * max(1.0, abs(float(values[index])))
        quotients = []
        for nudge in (h, h / 2):
            below, above = values.copy(), values.copy()
            below[index] -= nudge
            above[index] += nudge
            passes = [forward(*_with(trace, name, moved)) for moved in (below, above)]
            kinks[index] |= any(not np.array_equal(_active(passed), centre) for passed in passes)
            low, high = (_value(trace, passed) for passed in passes)
            quotients.append((high - low) / (above[index] - below[index]))
        slopes[index] = np.nan if kinks[index] else (4 * quotients[1] - quotients[0]) / 3
    return slopes, kinks


def _checkable(trace: Trace) -> list[str]:
    """Return the names of the input and of all parameters."""
    require_kind(trace, Trace, "backprop(network, x, y)")
    return [name for name in trace if name == "x" or name[0] in "Wb"]


def _compared(gradient: Array, numeric: Array, kinks: NDArray[np.bool_]) -> Comparison:
    indices = tuple(tuple(int(i) for i in index) for index in np.argwhere(kinks))
    if kinks.all():
        return Comparison(np.nan, np.nan, indices)
    gradient, numeric = gradient[~kinks], numeric[~kinks]
    absolute = float(np.abs(gradient - numeric).max())
    largest = float(max(np.abs(gradient).max(), np.abs(numeric).max()))
    return Comparison(absolute, absolute / largest if largest else 0.0, indices)


def _with(trace: Trace, name: str, array: Array) -> tuple[Network, ArrayLike]:
    """Return the trace's network and input with one array replaced."""
    if name == "x":
        return trace.network, array
    layers = list(trace.network.layers)
    number = int(name[1:]) - 1
    layer = layers[number]
    W, b = (array, layer.b) if name[0] == "W" else (layer.W, array)
    layers[number] = Dense(W, b, layer.activation)
    return Network(layers), trace["x"]


def _active(passed: Forward) -> NDArray[np.bool_]:
    """Return which rectifiers are on, over all examples and units: a change means a kink in between."""
    layers = enumerate(passed.network.layers, start=1)
    on = [(passed[f"z{number}"] > 0).ravel() for number, layer in layers if layer.activation.rectifier]
    return np.concatenate([np.zeros(0, dtype=bool), *on])


def _value(trace: Trace, passed: Forward) -> float:
    """Return the trace's loss for another forward pass."""
    loss, last = trace.loss_function, len(trace.network.layers)
    if loss.from_logits is None:
        return loss.value(trace["y"], passed["y_hat"])
    return loss.value_from_logits(trace["y"], passed[f"z{last}"])
