"""Pitfalls: ways in which training fails, to be tried out in the explorer of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Network
from bpcourse.engine.training import sgd_step
from bpcourse.registry import Registry
from bpcourse.texts import read_toml

Applies = Callable[[Trace], bool]
Make = Callable[[Trace, float], tuple[Network, float]]


@dataclass(frozen=True)
class Pitfall:
    """A way to fail: a network that hardly learns, or a step that makes the loss larger.

    Parameters
    ----------
    title : str
        Its name for people.
    words : str
        What happens, and what to try.
    applies : callable
        Tells whether a trace can be led into it.
    make : callable
        Makes a network and a learning rate that fail from a trace and a learning rate.
    """

    title: str
    words: str
    applies: Applies
    make: Make


def _has_flat_units(trace: Trace) -> bool:
    """Tell whether a hidden activation has regions where its slope is nearly 0."""
    return any(layer.activation.name in ("sigmoid", "tanh") for layer in trace.network.layers[:-1])


def _saturate(trace: Trace, rate: float) -> tuple[Network, float]:
    """Make the hidden layers' weights and biases so large that half of the sums in layer 1 are beyond ±8."""
    factor = 8 / max(float(np.median(abs(trace["z1"]))), 1e-3)
    *hidden, last = trace.network.layers
    larger = [replace(layer, W=factor * layer.W, b=None if layer.b is None else factor * layer.b) for layer in hidden]
    return Network([*larger, last]), rate


def _has_hidden_biases(trace: Trace) -> bool:
    """Tell whether there is a hidden layer with biases to move."""
    return len(trace.network.layers) > 1 and trace.network.layers[0].b is not None


def _die(trace: Trace, rate: float) -> tuple[Network, float]:
    """Make the hidden units ReLUs, with biases in layer 1 that keep z below −1 for every example."""
    *hidden, last = trace.network.layers
    first, *others = [replace(layer, activation=ACTIVATIONS["relu"]) for layer in hidden]
    b = -(trace["x"] @ first.W).max(axis=0) - 1
    return Network([replace(first, b=b), *others, last]), rate


def _has_wide_layer(trace: Trace) -> bool:
    """Tell whether a hidden layer has at least two units."""
    return any(size > 1 for size in trace.network.sizes[1:-1])


def _mirror(trace: Trace, rate: float) -> tuple[Network, float]:
    """Give all units of a hidden layer the incoming and outgoing weights of the first."""
    layers = []
    for k, layer in enumerate(trace.network.layers, start=1):
        W, b = layer.W, layer.b
        if k > 1:
            W = np.broadcast_to(W[:1], W.shape)
        if k < len(trace.network.layers):
            W, b = np.broadcast_to(W[:, :1], W.shape), None if b is None else np.broadcast_to(b[:1], b.shape)
        layers.append(replace(layer, W=W, b=b))
    return Network(layers), rate


def _rate_uphill(trace: Trace, rate: float) -> float | None:
    """Find the first of rate, 2·rate, 4·rate … whose step makes the loss larger, or None."""
    for doubled in range(20):
        try:
            after = backprop(sgd_step(trace, rate * 2**doubled), trace["x"], trace["y"], trace.loss_function)
        except ValueError:  # it overflowed, so the loss is not smaller
            return rate * 2**doubled
        if after.loss > trace.loss:
            return rate * 2**doubled
    return None


_WORDS = read_toml("explorers/pitfalls.toml")
_RULES: dict[str, tuple[Applies, Make]] = {
    "saturation": (_has_flat_units, _saturate),
    "dead_relu": (_has_hidden_biases, _die),
    "large_rate": (
        lambda trace: _rate_uphill(trace, 1.0) is not None,
        lambda trace, rate: (trace.network, _rate_uphill(trace, rate) or rate),
    ),
    "symmetry": (_has_wide_layer, _mirror),
}

PITFALLS = Registry(
    "pitfall", {name: Pitfall(**_WORDS[name], applies=applies, make=make) for name, (applies, make) in _RULES.items()}
)
"""The pitfalls by name. Their titles and words are in ``pitfalls.toml``."""
