"""Activations: what a unit does with its pre-activation z, and how fast that changes.

A unit adds up its inputs to z and passes on a = f(z). Backpropagation needs one more thing from it:
the slope f′(z), which turns the gradient of the output, da = ∂L/∂a, into that of the input, dz = ∂L/∂z.

| name         | f(z)               | f′(z)                    |
|--------------|--------------------|--------------------------|
| identity     | z                  | 1                        |
| sigmoid      | 1 / (1 + e⁻ᶻ)      | σ(z) (1 − σ(z))          |
| tanh         | tanh z             | 1 − tanh² z              |
| relu         | max(0, z)          | 1 if z > 0, else 0       |
| leaky_relu   | z if z > 0, else s·z | 1 if z > 0, else s     |
| softmax      | eᶻⁱ / Σⱼ eᶻʲ       | a matrix: aᵢ (δᵢⱼ − aⱼ)  |

The slope is a function of z, not of a: `df` wants what went *into* the unit.
NaN and infinity pass through, as in the mathematics: σ(∞) = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpcourse.engine.validation import Array, ArrayLike, floats, real, require
from bpcourse.registry import Registry


@dataclass(frozen=True)
class Activation:
    """One activation: its function and its slope.

    name : how a network names it
    function : z ↦ a, on a float array of any shape
    slope : z ↦ ∂a/∂z for each unit by itself; None if one unit's output depends on the others' z
    coupled_jacobian : z ↦ ∂aᵢ/∂zⱼ over the last axis, only where `slope` is None
    rectifier : True if it cuts off negative z: it has a kink at 0 and wants He's initial weights

    >>> square = Activation("square", lambda z: z**2, lambda z: 2 * z)
    >>> square.f([3.0]), square.df([3.0]), square.backward([3.0], [10.0])
    (array([9.]), array([6.]), array([60.]))
    """

    name: str
    function: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None = None
    coupled_jacobian: Callable[[Array], Array] | None = None
    rectifier: bool = False

    def f(self, z: ArrayLike) -> Array:
        """Return the outputs a for the pre-activations z, in the shape of z."""
        return self.function(floats(z, "z"))

    def df(self, z: ArrayLike) -> Array:
        """Return the slope f′(z), with the shape of z. Raises ValueError for softmax, whose slope is a matrix."""
        if self.slope is None:
            raise ValueError(
                f"{self.name} has no slope unit by unit: each output depends on its row's every z. Use .jacobian(z)."
            )
        return self.slope(floats(z, "z"))

    def jacobian(self, z: ArrayLike) -> Array:
        """Return ∂aᵢ/∂zⱼ for each row of z: shape (…, k) gives (…, k, k), diagonal unless units are coupled.

        >>> ACTIVATIONS["relu"].jacobian([-1.0, 2.0])
        array([[0., 0.],
               [0., 1.]])
        """
        z = floats(z, "z")
        require(z.ndim, "z must be a row of numbers, shape (…, k); got a single number. Use [z].")
        if self.coupled_jacobian is not None:
            return self.coupled_jacobian(z)
        return self.df(z)[..., np.newaxis] * np.eye(z.shape[-1], dtype=z.dtype)

    def backward(self, z: ArrayLike, da: ArrayLike) -> Array:
        """Return dz = ∂L/∂z from z and da = ∂L/∂a, all of one shape: the chain rule through the unit."""
        z, da = floats(z, "z"), floats(da, "da")
        require(z.shape == da.shape, f"z and da must have the same shape; got {z.shape} and {da.shape}.")
        if self.slope is not None:
            return da * self.slope(z)
        return np.einsum("...i,...ij->...j", da, self.jacobian(z))


# e^(−|z|) lies between 0 and 1: it never overflows, and no 1 − σ(z) loses the small slope of a saturated unit.


def _sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _sigmoid_slope(z: Array) -> Array:
    e = np.exp(-np.abs(z))  # σ(z)(1 − σ(z)) with both written in e
    return e / (1 + e) ** 2


def _tanh_slope(z: Array) -> Array:
    e = np.exp(-np.abs(z))  # 1 − tanh² z = (2 / (eᶻ + e⁻ᶻ))²
    return (2 * e / (1 + e**2)) ** 2


def _relu_slope(z: Array) -> Array:
    return np.heaviside(z, 0)  # the 0 is our choice at the kink: ReLU′(0) = 0


def _softmax(z: Array) -> Array:
    require(z.ndim, "z must be a row of numbers for softmax, shape (…, k); got a single number. Use [z].")
    largest = z.max(axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(z - largest)  # the same ratios as e^z, and none above 1
    return e / e.sum(axis=-1, keepdims=True)


def _softmax_jacobian(z: Array) -> Array:
    a, same = _softmax(z), np.eye(z.shape[-1], dtype=z.dtype)
    rest = a @ (1 - same)  # 1 − aᵢ, without its rounding where aᵢ is almost 1
    return a[..., :, np.newaxis] * (same * rest[..., :, np.newaxis] - (1 - same) * a[..., np.newaxis, :])


def leaky_relu(slope: float = 0.01) -> Activation:
    """Return the leaky ReLU that keeps the share `slope` of a negative z (0.01 in Maas et al. 2013).

    >>> leaky_relu(0.2).f([-1.0, 3.0])
    array([-0.2,  3. ])
    """
    slope = real(slope, "slope", "greater than 0 (there it is relu) and less than 1", lambda slope: 0 < slope < 1)
    return Activation(
        f"leaky_relu({slope})",
        lambda z: np.maximum(z, slope * z),
        lambda z: np.maximum(_relu_slope(z), slope),
        rectifier=True,
    )


ACTIVATIONS = Registry(
    "activation",
    {
        "identity": Activation("identity", np.positive, np.ones_like),
        "sigmoid": Activation("sigmoid", _sigmoid, _sigmoid_slope),
        "tanh": Activation("tanh", np.tanh, _tanh_slope),
        "relu": Activation("relu", lambda z: np.maximum(z, 0), _relu_slope, rectifier=True),
        "leaky_relu": leaky_relu(),
        "softmax": Activation("softmax", _softmax, coupled_jacobian=_softmax_jacobian),
    },
)
"""The activations by name."""
