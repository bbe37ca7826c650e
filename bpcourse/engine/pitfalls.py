"""What goes wrong in training, made on purpose: networks that hardly learn, and steps that lead uphill.

Each pitfall takes a network and what it is trained on, and returns a network and a learning rate that fall into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.training import sgd_step
from bpcourse.notation import Register


@dataclass(frozen=True)
class Pitfall:
    """One way to fail.

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
    """Make the hidden layers' weights and biases so large that the first sums lie 8 from 0, in the mean."""
    factor = 8 / max(float(abs(trace["z1"]).mean()), 1e-3)

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
    """Give all units of a hidden layer the same weights, those that come in and those that go out."""
    layers = []
    for number, layer in enumerate(trace.network.layers, start=1):
        W = np.broadcast_to(layer.W.mean(axis=0), layer.W.shape) if number > 1 else layer.W
        b = layer.b
        if number < len(trace.network.layers):
            W = np.broadcast_to(W.mean(axis=1, keepdims=True), W.shape)
            b = None if b is None else np.full_like(b, b.mean())
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


PITFALLS = Register(
    "pitfall",
    {
        "saturation": Pitfall(
            "saturation",
            "The hidden units' sums are far from 0. There the activation is flat: its slope is nearly 0, and hardly "
            "any gradient gets through to the weights before it. Press Run: they barely move. Which weight brings a "
            "sum nearer to 0?",
            _squashes,
            _saturate,
        ),
        "dead_relu": Pitfall(
            "dead ReLU",
            "The hidden units are ReLUs now, and all their sums are below 0. They put out 0, their slope is 0, and "
            "every gradient before them is 0: no step will ever move them. Which bias brings a unit back to life?",
            lambda trace: len(trace.network.layers) > 1 and trace.network.layers[0].b is not None,
            _die,
        ),
        "large_rate": Pitfall(
            "learning rate too large",
            "The step is so long that it leads past the valley. Press Update: the loss rises, although each weight "
            "moves in the right direction. How small must the learning rate be for the loss to fall?",
            lambda trace: _rate_uphill(trace, 1.0) is not None,
            _overshoot,
        ),
        "symmetry": Pitfall(
            "symmetric start",
            "All units of a hidden layer start with the same weights. They compute the same and get the same gradient, "
            "so they stay twins: the layer acts as one unit. Press Run, then move one weight a little and run again.",
            lambda trace: any(size > 1 for size in trace.network.sizes[1:-1]),
            _mirror,
        ),
    },
)
"""The pitfalls by name."""
