"""Other versions of a network: with some numbers replaced, or led into one of the ways to fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.training import sgd_step
from bpcourse.engine.validation import Array, place, real
from bpcourse.registry import Registry


def replaced(network: Network, values: Mapping[str, float]) -> Network:
    """Return the network with some of its numbers replaced, by name: layer, from-unit and to-unit, from 1.

    Raises ValueError for a name that no weight or bias has, and for a value that is not a finite number.

    >>> network = Network([Dense([[0.1], [0.2]], [0.0], "sigmoid")])
    >>> replaced(network, {"W1[2,1]": 0.5}).layers[0].W.tolist()
    [[0.1], [0.5]]
    """
    arrays = {name: array.copy() for name, array in _arrays(network).items()}
    for name, value in values.items():
        array, index = place(name, arrays, "weight or bias")
        arrays[array][index] = real(value, name, "a finite number", math.isfinite)
    return Network(
        Dense(arrays[f"W{number}"], arrays.get(f"b{number}"), layer.activation, layer.W.dtype)
        for number, layer in enumerate(network.layers, start=1)
    )


def value_of(network: Network, name: str) -> float:
    """Return one of a network's numbers by name, as `replaced` takes it.

    >>> value_of(Network([Dense([[0.1], [0.2]])]), "W1[2,1]")
    0.2
    """
    arrays = _arrays(network)
    array, index = place(name, arrays, "weight or bias")
    return float(arrays[array][index])


def _arrays(network: Network) -> dict[str, Array]:
    """Return the weights and biases of each layer by name."""
    arrays = {f"W{number}": layer.W for number, layer in enumerate(network.layers, start=1)}
    return arrays | {f"b{n}": layer.b for n, layer in enumerate(network.layers, start=1) if layer.b is not None}


@dataclass(frozen=True)
class Pitfall:
    """A way to fail: a network that hardly learns, or a step that leads uphill.

    title : its name, as a person reads it
    words : what happens, and what to try
    applies : whether a trace can be led into it
    make : from a trace and a learning rate to a network and a learning rate
    """

    title: str
    words: str
    applies: Callable[[Trace], bool]
    make: Callable[[Trace, float], tuple[Network, float]]


def _with_hidden(network: Network, change: Callable[[Dense], Dense]) -> Network:
    """Return the network with every layer but the last changed."""
    *hidden, last = network.layers
    return Network([*(change(layer) for layer in hidden), last])


def _saturate(trace: Trace, rate: float) -> tuple[Network, float]:
    """Make the hidden layers' weights and biases so large that half of the first sums lie beyond ±8."""
    factor = 8 / max(float(np.median(abs(trace["z1"]))), 1e-3)

    def change(layer: Dense) -> Dense:
        b = None if layer.b is None else factor * layer.b
        return Dense(factor * layer.W, b, layer.activation, layer.W.dtype)

    return _with_hidden(trace.network, change), rate


def _die(trace: Trace, rate: float) -> tuple[Network, float]:
    """Make the hidden units ReLUs, with biases in the first layer that hold z below −1 for every example."""
    first, *others = _with_hidden(trace.network, lambda layer: Dense(layer.W, layer.b, "relu", layer.W.dtype)).layers
    b = -(trace["x"] @ first.W).max(axis=0) - 1
    return Network([Dense(first.W, b, "relu", first.W.dtype), *others]), rate


def _mirror(trace: Trace, rate: float) -> tuple[Network, float]:
    """Give all units of a hidden layer the first one's weights, those that come in and those that go out."""
    layers = []
    for number, layer in enumerate(trace.network.layers, start=1):
        W, b = layer.W, layer.b
        if number > 1:
            W = np.broadcast_to(W[:1], W.shape)
        if number < len(trace.network.layers):
            W, b = np.broadcast_to(W[:, :1], W.shape), None if b is None else np.broadcast_to(b[:1], b.shape)
        layers.append(Dense(W, b, layer.activation, layer.W.dtype))
    return Network(layers), rate


def _rate_uphill(trace: Trace, rate: float) -> float | None:
    """Return the first of rate, 2·rate, 4·rate … whose step makes the loss larger, or None."""
    for doubled in range(20):
        try:
            after = backprop(sgd_step(trace, rate * 2**doubled), trace["x"], trace["y"], trace.loss_function)
        except ValueError:  # it overflowed, which is no smaller
            return rate * 2**doubled
        if after.loss > trace.loss:
            return rate * 2**doubled
    return None


def _overshoot(trace: Trace, rate: float) -> tuple[Network, float]:
    return trace.network, _rate_uphill(trace, rate) or rate


def _squashes(trace: Trace) -> bool:
    return any(layer.activation.name in ("sigmoid", "tanh") for layer in trace.network.layers[:-1])


PITFALLS = Registry(
    "pitfall",
    {
        "saturation": Pitfall(
            "saturation",
            "The sums of the hidden units are far from 0. There the activation is flat: its slope is nearly 0, and "
            "hardly any gradient gets through to the weights of layer 1. Press Run: the last layer learns what it can, "
            "layer 1 barely moves. Which of its weights brings a sum nearer to 0?",
            _squashes,
            _saturate,
        ),
        "dead_relu": Pitfall(
            "dead ReLU",
            "The hidden units are ReLUs now, and all sums of layer 1 are below 0. They put out 0, their slope is 0, "
            "and every gradient before them is 0. Press Run: the last biases still learn, but no step will ever move "
            "layer 1. Which bias brings a unit back to life?",
            lambda trace: len(trace.network.layers) > 1 and trace.network.layers[0].b is not None,
            _die,
        ),
        "large_rate": Pitfall(
            "learning rate too large",
            "The step is so long that it leads past the valley. Press Update: the loss rises, although each weight "
            "moves in the right direction. Undo, and try again: how small must the learning rate be for the loss to "
            "fall?",
            lambda trace: _rate_uphill(trace, 1.0) is not None,
            _overshoot,
        ),
        "symmetry": Pitfall(
            "symmetric start",
            "All units of a hidden layer start with the same weights, those that come in and those that go out. They "
            "compute the same and get the same gradients: press Run, and they stay twins; the layer acts as one unit. "
            "Undo, move one weight a little, and run again.",
            lambda trace: any(size > 1 for size in trace.network.sizes[1:-1]),
            _mirror,
        ),
    },
)
"""The pitfalls by name."""
