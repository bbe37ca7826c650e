"""Networks of dense layers, and the forward pass.

A batch is rows: `x` is `(n, n_in)`, and a layer with weights `W`, `(n_in, n_out)` as in Keras, computes

    z = x @ W + b        the pre-activation
    a = f(z)             the unit's output, which is the next layer's input

Records are frozen and their arrays read-only: a step of training makes a new network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.validation import Array, ArrayLike, DTypeLike
from bpcourse.registry import UnknownNameError


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Dense:
    """A dense layer: every input goes to every unit.

    W : (n_in, n_out) array; W[i, j] leads from input i to unit j
    b : (n_out,) array, or None for a layer without biases
    activation : an `Activation`, or its name
    dtype : float64 or float32, of `W` and `b`

    >>> Dense([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [0.0, 1.0], "relu")
    Dense(3 → 2, relu)
    """

    W: Array
    b: Array | None
    activation: Activation

    def __init__(
        self,
        W: ArrayLike,
        b: ArrayLike | None = None,
        activation: Activation | str = "identity",
        dtype: DTypeLike = float,
    ) -> None:
        W, b = validation.weights(W, b, dtype)
        for name, value in (("W", W), ("b", b), ("activation", ACTIVATIONS.pick(activation))):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        without = "" if self.b is not None else ", no bias"
        return f"Dense({self.W.shape[0]} → {self.W.shape[1]}, {self.activation.name}{without})"


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Network:
    """Dense layers, one after the other.

    layers : the layer next to the input first; each takes as many inputs as the one before has units

    >>> Network([Dense([[0.1], [0.2]], [0.0], "sigmoid")])
    Network(2 → 1, sigmoid)
    """

    layers: tuple[Dense, ...]

    def __init__(self, layers: Iterable[Dense]) -> None:
        layers = validation.each_of(layers, Dense, "layers")
        validation.require_chain([layer.W for layer in layers])
        object.__setattr__(self, "layers", layers)

    @classmethod
    def initialize(
        cls, sizes: Sequence[int], activations: Sequence[Activation | str], rng: np.random.Generator
    ) -> Network:
        """Return a network with random weights and zero biases, ready to be trained.

        Weights are uniform in ±limit, which keeps the size of signals from layer to layer:
        limit = √(6 / (n_in + n_out)) after Glorot & Bengio 2010, eq. 16;
        limit = √(6 / n_in) before a rectifier, after He et al. 2015, eq. 10 (a variance of 2 / n_in).

        sizes : number of inputs, then of units in each layer
        activations : one for each layer
        rng : a NumPy `Generator`; the same state gives the same network

        >>> Network.initialize([2, 16, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
        Network(2 → 16 → 1, tanh, sigmoid)
        """
        validation.require_plan(sizes, activations, rng)
        layers = []
        for (n_in, n_out), activation in zip(pairwise(sizes), map(ACTIVATIONS.pick, activations), strict=True):
            limit = np.sqrt(6 / n_in if activation.rectifier else 6 / (n_in + n_out))
            layers.append(Dense(rng.uniform(-limit, limit, (n_in, n_out)), np.zeros(n_out), activation))
        return cls(layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of inputs, then of units in each layer."""
        return (self.layers[0].W.shape[0], *(layer.W.shape[1] for layer in self.layers))

    def astype(self, dtype: DTypeLike) -> Network:
        """Return the same network in float64 or float32; what is computed with it follows."""
        return Network(Dense(layer.W, layer.b, layer.activation, dtype) for layer in self.layers)

    def __repr__(self) -> str:
        return (
            f"Network({' → '.join(map(str, self.sizes))}, {', '.join(layer.activation.name for layer in self.layers)})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Forward:
    """What a forward pass computed, under its name: `x`, then `W1`, `b1`, `z1`, `a1`, `W2` …, at last `y_hat`.

    The number is the layer's; the first is 1. `a0` is another name for `x`, and `y_hat` for the last `a`.
    `x`, `z` and `a` are `(n, units)`. All arrays are read-only.
    """

    network: Network
    values: Mapping[str, Array]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order of computation."""
        return tuple(self.values)

    @property
    def y_hat(self) -> Array:
        """The prediction, (n, outputs)."""
        return self["y_hat"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __getitem__(self, name: str) -> Array:
        if name in self.values:
            return self.values[name]
        unbiased = [f"b{number}" for number, layer in enumerate(self.network.layers, start=1) if layer.b is None]
        kind = "bias in this layer, so no" if str(name).removeprefix("d") in unbiased else "value"
        raise UnknownNameError(kind, name, self.names)


def forward(network: Network, x: ArrayLike) -> Forward:
    """Send the batch `x`, `(n, n_in)`, through the network; one dimension is one row.

    Raises ValueError if x does not fit the first layer, holds NaN or infinity, or overflows on the way.

    >>> network = Network([Dense([[0.5], [-1.0]], [0.25], "relu")])
    >>> forward(network, [2.0, 1.0])["y_hat"]  # max(0, 2·0.5 − 1·1 + 0.25)
    array([[0.25]])
    """
    validation.require_kind(network, Network, "Network([Dense(W, b)])")
    a = validation.inputs(x, network.sizes[0], network.layers[0].W.dtype)
    values = {"x": a, "a0": a}
    for number, layer in enumerate(network.layers, start=1):
        values[f"W{number}"] = layer.W
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is named by require_finite
            z = a @ layer.W
            if layer.b is not None:
                values[f"b{number}"] = layer.b
                z = z + layer.b
        validation.require_finite(z, f"z{number}", "this overflowed: use smaller inputs or weights")
        a = layer.activation.f(z)
        values[f"z{number}"], values[f"a{number}"] = z, a
    values["y_hat"] = a
    return Forward(network, validation.freeze(values))
