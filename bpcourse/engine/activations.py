"""Activations: what a unit does with its pre-activation z, and how fast that changes.

A unit adds up its inputs to z and passes on a = f(z). Backpropagation needs one more thing from it,
the slope f′(z). It turns the gradient of the output, da = ∂L/∂a, into dz = ∂L/∂z.

| name          | f(z)                 | f′(z)                    |
|---------------|----------------------|--------------------------|
| identity      | z                    | 1                        |
| sigmoid       | 1 / (1 + e⁻ᶻ)        | σ(z) (1 − σ(z))          |
| tanh          | tanh z               | 1 − tanh² z              |
| relu          | max(0, z)            | 1 if z > 0, else 0       |
| leaky_relu(s) | z if z > 0, else s·z | 1 if z > 0, else s       |
| softmax       | eᶻⁱ / Σⱼ eᶻʲ         | a matrix: aᵢ (δᵢⱼ − aⱼ)  |

The slope is a function of z, not of a: `df` needs what went *into* the unit. `"leaky_relu"` without
a number is `"leaky_relu(0.01)"`. NaN and infinity pass through, as in the mathematics: σ(∞) = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np

from bpcourse.engine.records import FamilyRegistry, Registered
from bpcourse.engine.validation import Array, ArrayLike, floats, real, require

ActivationName = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax"]
AnyActivation: TypeAlias = "Activation | ActivationName | str"  # a str may also be "leaky_relu(0.2)"


@dataclass(frozen=True, repr=False)
class Activation(Registered, registry="ACTIVATIONS"):
    """One activation: its function and its slope.

    Two activations are equal if they have the same name and the same functions. The activations of
    this course can be pickled; your own can be if their functions are defined with `def` at the top
    level of a module.

    Parameters
    ----------
    name : str
        Its name.
    function : callable
        z ↦ a, for a float array of any shape. It must not change z.
    slope : callable, optional
        z ↦ ∂a/∂z of each unit. None if a unit's output depends on the z of other units too.
    coupled_jacobian : callable, optional
        z ↦ ∂aᵢ/∂zⱼ over the last axis. Needed only if `slope` is None.
    rectifier : bool
        Whether it cuts off negative z, as relu does. Then it has a kink at 0 and needs He's initial
        weights.

    Examples
    --------
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
        """Compute the outputs a for the pre-activations z. The result has the shape of z."""
        z = floats(z, "z")
        return self.computed(self.function, (z,), z.shape, "one output for each z")

    def df(self, z: ArrayLike) -> Array:
        """Compute the slope f′(z), with the shape of z.

        Raises
        ------
        ValueError
            For softmax, whose slope is a matrix.

        """
        z = floats(z, "z")
        if self.slope is None:
            advice = "each output depends on all z of its row. Use .jacobian(z)."
            raise ValueError(f"{self.name} has no slope unit by unit: {advice}")
        return self.computed(self.slope, (z,), z.shape, "one slope for each z")

    def jacobian(self, z: ArrayLike) -> Array:
        """Compute ∂aᵢ/∂zⱼ for each row of z.

        Parameters
        ----------
        z : (…, k) array

        Returns
        -------
        (…, k, k) array
            Diagonal, unless each output depends on all z of its row.

        Examples
        --------
        >>> ACTIVATIONS["relu"].jacobian([-1.0, 2.0])
        array([[0., 0.],
               [0., 1.]])

        """
        z = _row(floats(z, "z"))
        if self.coupled_jacobian is None:
            return self.df(z)[..., np.newaxis] * np.eye(z.shape[-1], dtype=z.dtype)
        return self.computed(self.coupled_jacobian, (z,), (*z.shape, z.shape[-1]), "one square matrix for each row")

    def backward(self, z: ArrayLike, da: ArrayLike) -> Array:
        """Compute dz = ∂L/∂z from z and da = ∂L/∂a of one shape: the chain rule in the unit."""
        z, da = floats(z, "z"), floats(da, "da")
        require(z.shape == da.shape, f"z and da must have the same shape; got {z.shape} and {da.shape}.")
        with np.errstate(invalid="ignore"):  # 0 · ∞ is NaN
            if self.slope is not None:
                return da * self.df(z)
            return np.einsum("...i,...ij->...j", da, self.jacobian(z))


def _row(z: Array) -> Array:
    require(z.ndim, "z must be a row of numbers, shape (…, k); got a single number. Use [z].")
    return z


# e^(−|z|) lies between 0 and 1. It never overflows, and no 1 − σ(z) loses a small slope.


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
    largest = _row(z).max(axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(z - largest)  # the same ratios as e^z, and none above 1
    return e / e.sum(axis=-1, keepdims=True)


def _softmax_jacobian(z: Array) -> Array:
    a, same = _softmax(z), np.eye(z.shape[-1], dtype=z.dtype)
    rest = a @ (1 - same)  # 1 − aᵢ, without its rounding where aᵢ is almost 1
    return a[..., :, np.newaxis] * (same * rest[..., :, np.newaxis] - (1 - same) * a[..., np.newaxis, :])


def leaky_relu(slope: float = 0.01) -> Activation:
    """Make the leaky ReLU with a given slope for negative z.

    Wherever an activation is named, ``"leaky_relu(0.2)"`` is this activation with the slope 0.2.

    Parameters
    ----------
    slope : float
        Between 0 and 1. The default is that of Maas et al. 2013.

    Examples
    --------
    >>> leaky_relu(0.2).f([-1.0, 3.0])
    array([-0.2,  3. ])

    """
    return _leaky_relu(real(slope, "slope", "above 0 and below 1, as in leaky_relu(0.2)", lambda slope: 0 < slope < 1))


@cache  # one record for each slope, so that equal names are equal records
def _leaky_relu(slope: float) -> Activation:
    leaky_slope = lambda z: np.maximum(_relu_slope(z), slope)  # noqa: E731
    return Activation(f"leaky_relu({slope})", lambda z: np.maximum(z, slope * z), leaky_slope, rectifier=True)


ACTIVATIONS = FamilyRegistry(
    "activation",
    {
        "identity": Activation("identity", np.positive, np.ones_like),
        "sigmoid": Activation("sigmoid", _sigmoid, _sigmoid_slope),
        "tanh": Activation("tanh", np.tanh, _tanh_slope),
        "relu": Activation("relu", lambda z: np.maximum(z, 0), _relu_slope, rectifier=True),
        "leaky_relu": leaky_relu(),
        "softmax": Activation("softmax", _softmax, coupled_jacobian=_softmax_jacobian),
    },
    family="leaky_relu",
    member=leaky_relu,
)
"""The activations by name."""
