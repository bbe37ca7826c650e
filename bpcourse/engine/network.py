"""Networks of dense layers, and the forward pass.

A batch is rows: `x` is `(n, n_in)`. The weights `W` of a layer are `(n_in, n_out)`, as in Keras.
The layer computes

    z = x @ W + b        the pre-activation
    a = f(z)             the unit's output, which is the next layer's input

Records are frozen and their arrays are read-only. A step of training makes a new network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.activations import ACTIVATIONS, Activation, AnyActivation
from bpcourse.engine.records import PassRecord, Record, sealed
from bpcourse.engine.validation import Array, ArrayLike, DTypeLike


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Dense(Record):
    """A dense layer: every input goes to every unit.

    Two layers are equal if their activations and dtypes are equal and their arrays have the same
    entries.

    Parameters
    ----------
    W : (n_in, n_out) array
        Weights. `W[i, j]` leads from input i to unit j.
    b : (n_out,) array, optional
        Biases. None for a layer without biases.
    activation : {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax"} or Activation
        The slope of a leaky ReLU below 0 can be given, as in "leaky_relu(0.2)".
    dtype : float64 or float32
        Of `W` and `b`, whatever the given arrays have. It is a separate field, so that
        `dataclasses.replace(layer, W=...)` keeps it.

    Examples
    --------
    >>> Dense([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [0.0, 1.0], "relu")
    Dense(3 → 2, relu)

    """

    W: Array
    b: Array | None
    activation: Activation
    dtype: np.dtype[np.floating]

    def __init__(
        self, W: ArrayLike, b: ArrayLike | None = None, activation: AnyActivation = "identity", dtype: DTypeLike = float
    ) -> None:
        W, b = validation.weights(W, b, dtype)
        vars(self).update(W=W, b=b, activation=ACTIVATIONS.pick(activation), dtype=W.dtype)

    def __repr__(self) -> str:
        without = "" if self.b is not None else ", no bias"
        return f"Dense({self.W.shape[0]} → {self.W.shape[1]}, {self.activation.name}{without})"


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Network(Record):
    """Dense layers, one after the other.

    Two networks are equal if their layers are.

    Parameters
    ----------
    layers : iterable of Dense
        The layer next to the input comes first. Each layer takes as many inputs as the one before
        has units.

    Examples
    --------
    >>> Network([Dense([[0.1], [0.2]], [0.0], "sigmoid")])
    Network(2 → 1, sigmoid)

    """

    layers: tuple[Dense, ...]

    def __init__(self, layers: Iterable[Dense]) -> None:
        layers = validation.each_of(layers, Dense, "layers")
        validation.require_chain([layer.W for layer in layers])
        vars(self).update(layers=layers)

    @classmethod
    def initialize(
        cls, sizes: Sequence[int], activations: Sequence[AnyActivation], rng: np.random.Generator | None = None
    ) -> Network:
        """Make a network with random weights and zero biases, ready to be trained.

        Weights are uniform in ±limit, which keeps signals at the same size from layer to layer:
        limit = √(6 / (n_in + n_out)) after Glorot & Bengio 2010, eq. 16;
        limit = √(6 / n_in) before a rectifier, after He et al. 2015, eq. 10 (variance 2 / n_in).

        Parameters
        ----------
        sizes : sequence of int
            The number of inputs, then the number of units in each layer.
        activations : sequence of {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "softmax"} or Activation
            One for each layer.
        rng : numpy.random.Generator, optional
            The source of the weights. The same state gives the same network. None is
            `np.random.default_rng(0)`.

        Examples
        --------
        >>> Network.initialize([2, 16, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
        Network(2 → 16 → 1, tanh, sigmoid)

        """
        validation.require_plan(sizes, activations)
        rng, layers = validation.generator(rng), []
        for (n_in, n_out), activation in zip(pairwise(sizes), map(ACTIVATIONS.pick, activations), strict=True):
            limit = np.sqrt(6 / n_in if activation.rectifier else 6 / (n_in + n_out))
            layers.append(Dense(rng.uniform(-limit, limit, (n_in, n_out)), np.zeros(n_out), activation))
        return cls(layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of inputs, then of units in each layer."""
        return (self.layers[0].W.shape[0], *(layer.W.shape[1] for layer in self.layers))

    def astype(self, dtype: DTypeLike) -> Network:
        """Convert the network to float64 or float32. What is computed with it has this dtype."""
        return Network(replace(layer, dtype=validation.precision(dtype)) for layer in self.layers)

    def __repr__(self) -> str:
        names = ", ".join(layer.activation.name for layer in self.layers)
        return f"Network({' → '.join(map(str, self.sizes))}, {names})"


@dataclass(frozen=True, repr=False, eq=False)
class Forward(PassRecord):
    """The results of a forward pass: a mapping from names to read-only arrays.

    The names are `x`, then `W1`, `b1`, `z1`, `a1`, `W2` …, and finally `y_hat`. The number is the
    layer, from 1. `a0` is a second name for `x`, and `y_hat` for the last `a`. `x`, `z` and `a`
    have shape `(n, units)`. Two passes are equal if their networks and all their arrays are.

    Parameters
    ----------
    network : Network
        The network.
    arrays : mapping
        The arrays by name, in order of computation.

    """

    network: Network
    arrays: Mapping[str, Array]

    @property
    def y_hat(self) -> Array:
        """The prediction, (n, outputs)."""
        return self["y_hat"]


def forward(network: Network, x: ArrayLike) -> Forward:
    """Send a batch through the network.

    Parameters
    ----------
    network : Network
        The network.
    x : (n, n_in) or (n_in,) array
        Inputs. One dimension is one row.

    Returns
    -------
    Forward
        All arrays that were computed, by name.

    Raises
    ------
    ValueError
        If x does not fit the first layer or holds NaN or infinity, or if a z overflows.

    Examples
    --------
    >>> network = Network([Dense([[0.5], [-1.0]], [0.25], "relu")])
    >>> forward(network, [2.0, 1.0])["y_hat"]  # max(0, 2·0.5 − 1·1 + 0.25)
    array([[0.25]])

    """
    validation.require_kind(network, Network, "Network([Dense(W, b)])")
    a = validation.inputs(x, network.sizes[0], network.layers[0].dtype)
    arrays = {"x": a, "a0": a}
    for number, layer in enumerate(network.layers, start=1):
        arrays[f"W{number}"] = layer.W
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported below
            z = a @ layer.W
            if layer.b is not None:
                arrays[f"b{number}"] = layer.b
                z = z + layer.b
        validation.require_no_overflow(z, f"z{number}")
        a = layer.activation.f(z)
        arrays[f"z{number}"], arrays[f"a{number}"] = z, a
    arrays["y_hat"] = a
    return Forward(network, sealed(arrays))
