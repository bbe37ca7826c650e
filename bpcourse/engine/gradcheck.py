"""Checking gradients: nudge a number, see how far the loss moves, and compare.

A central difference needs only the forward pass, so it cannot share a mistake with backpropagation:

    ∂L/∂w ≈ D(h) = (L(w + h) − L(w − h)) / 2h        with an error that shrinks as h²

Two of them, at h and h/2, leave an error that shrinks as h⁴ (Richardson 1911):

    ∂L/∂w ≈ (4 D(h/2) − D(h)) / 3

The method has three limits. If a nudge carries a ReLU across its kink at 0, there is no single slope
to find: such entries are named and not compared. A difference of two nearly equal losses has an
accuracy of only about L · 10⁻¹⁶ / h. So an array of gradients that are all below about 10⁻⁶ · L, as
behind saturated units, does not agree even if it is right. Nor does one if a nudge changes a z by more
than about 0.02, as with inputs in the hundreds: scale the inputs, or give a smaller `step`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Forward, Network, forward
from bpcourse.engine.validation import Array, ArrayLike, real, require_kind
from bpcourse.names import Name
from bpcourse.registry import Registry, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 2e-4  # near the fifth root of the rounding error, where h⁴ and rounding together do least harm
TOLERANCE = 1e-6  # right gradients are usually within 1e-8, and wrong ones rarely within 1e-3


@dataclass(frozen=True)
class Comparison:
    """How far a gradient is from central differences.

    Parameters
    ----------
    absolute : float
        The largest difference between two entries, without kinks.
    relative : float
        The same, divided by the largest entry of the two arrays. It is 0 if both are zero
        throughout, and NaN, like `absolute`, if every entry is a kink and nothing could be
        compared.
    kinks : tuple of tuple of int
        The index, from 0, of each entry whose nudge carries a rectifier across 0.

    """

    absolute: float
    relative: float
    kinks: tuple[tuple[int, ...], ...]

    @property
    def ok(self) -> bool:
        """Whether `relative` is at most 1e-6 (`TOLERANCE`). False if nothing was compared, or all entries are tiny."""
        return self.relative <= TOLERANCE


class GradientCheck(Registry[Comparison]):
    """The result of `check`: a mapping from the name of each gradient to its `Comparison`."""

    @property
    def ok(self) -> bool:
        """Whether every gradient agrees. One of which nothing could be compared does not."""
        return all(found.ok for found in self.values())

    def __repr__(self) -> str:
        lines = ["gradient  difference  relative  kinks  ok"]
        for name, found in self.items():
            numbers = f"{found.absolute:>10.1e}  {found.relative:>8.1e}  {len(found.kinks):>5}"
            lines.append(f"{name:8}  {numbers}  {'yes' if found.ok else 'no'}")
        return "\n".join(lines)


def check(trace: Trace, *, step: float = STEP) -> GradientCheck:
    """Compare the gradients of a trace with central differences: `dW1`, `db1` … and `dx`.

    Each single number takes four forward passes, so this is for small networks.

    Parameters
    ----------
    trace : Trace
        A trace in float64.
    step : float
        h, the larger nudge. It is scaled up for an entry beyond ±1.

    Returns
    -------
    GradientCheck
        Its `ok` is True if every gradient agrees to a relative difference of 1e-6.

    Raises
    ------
    TypeError
        In float32, which is too coarse to tell a wrong gradient from a right one.

    Examples
    --------
    >>> from bpcourse import Dense, backprop
    >>> found = check(backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], loss="mse"))
    >>> found.ok, list(found), found["dW1"].relative < 1e-8
    (True, ['dW1', 'db1', 'dx'], True)

    """
    names = _checkable(trace)
    gradients = [name for name in trace if Name.read(name).is_gradient and name.removeprefix("d") in names]
    found = {name: _compared(trace[name], *differences(trace, name.removeprefix("d"), step)) for name in gradients}
    return GradientCheck("gradient", found)


def differences(trace: Trace, name: str, step: float = STEP) -> tuple[Array, NDArray[np.bool_]]:
    """Compute the loss's central difference for each entry of an input or parameter.

    Parameters
    ----------
    trace : Trace
        A trace in float64.
    name : str
        "W1", "b1" … or "x".
    step : float
        h, the larger nudge. It is scaled up for an entry beyond ±1.

    Returns
    -------
    slopes : array
        The differences, in the shape of `trace[name]`. That of a kink is NaN.
    kinks : array of bool
        Which entries are kinks, in the same shape.

    Raises
    ------
    TypeError
        In float32.
    UnknownNameError
        If `name` is neither the input nor a parameter.

    """
    names = _checkable(trace)
    if not isinstance(name, str) or name not in names:
        raise UnknownNameError("input or parameter", name, names)
    step = real(step, "step", "between 1e-8 and 0.1, such as 1e-4", lambda step: 1e-8 <= step <= 0.1)
    values = trace[name]
    if values.dtype != np.float64:
        came = f"got a trace in {values.dtype}. Use network.astype(np.float64)."
        raise TypeError(f"a gradient check needs float64; {came}")
    slopes, kinks = np.empty(values.shape), np.zeros(values.shape, dtype=bool)
    center = _active(trace)
    for index in np.ndindex(values.shape):
        h = step * max(1.0, abs(float(values[index])))
        quotients = []
        for nudge in (h, h / 2):
            below, above = values.copy(), values.copy()
            below[index] -= nudge
            above[index] += nudge
            passes = [forward(*_with(trace, name, moved)) for moved in (below, above)]
            kinks[index] |= any(not np.array_equal(_active(passed), center) for passed in passes)
            low, high = (_loss(trace, passed) for passed in passes)
            quotients.append((high - low) / (above[index] - below[index]))
        slopes[index] = np.nan if kinks[index] else (4 * quotients[1] - quotients[0]) / 3
    return slopes, kinks


def _checkable(trace: Trace) -> list[str]:
    """List the names of the input and of all parameters."""
    require_kind(trace, Trace, "backprop(network, x, y)")
    return [name for name in trace if name == "x" or Name.read(name).is_parameter]


def _compared(gradient: Array, numeric: Array, kinks: NDArray[np.bool_]) -> Comparison:
    indices = tuple(tuple(int(i) for i in index) for index in np.argwhere(kinks))
    if kinks.all():
        return Comparison(np.nan, np.nan, indices)
    gradient, numeric = gradient[~kinks], numeric[~kinks]
    absolute = float(np.abs(gradient - numeric).max())
    largest = float(max(np.abs(gradient).max(), np.abs(numeric).max()))
    return Comparison(absolute, absolute / largest if largest else 0.0, indices)


def _with(trace: Trace, name: str, array: Array) -> tuple[Network, ArrayLike]:
    """Give the trace's network and input with one array replaced."""
    if name == "x":
        return trace.network, array
    part, layers = Name.read(name), list(trace.network.layers)
    changes: Any = {part.quantity: array}
    layers[part.layer - 1] = replace(layers[part.layer - 1], **changes)
    return Network(layers), trace["x"]


def _active(passed: Forward) -> NDArray[np.bool_]:
    """Tell which rectifiers are on. A change between two passes means a kink in between."""
    layers = enumerate(passed.network.layers, start=1)
    on = [(passed[f"z{number}"] > 0).ravel() for number, layer in layers if layer.activation.rectifier]
    return np.concatenate([np.zeros(0, dtype=bool), *on])


def _loss(trace: Trace, passed: Forward) -> float:
    """Compute the trace's loss for a different forward pass."""
    return trace.loss_function.of_pass(trace["y"], passed[f"z{len(passed.network.layers)}"], passed.y_hat)
