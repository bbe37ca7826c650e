"""Training: changing the weights so that the loss falls."""

from __future__ import annotations

import math

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import real, require_finite, require_kind


def sgd_step(trace: Trace, learning_rate: float) -> Network:
    """Return the network after one step of gradient descent: each parameter minus learning_rate · its gradient.

    All gradients are those of the old network, which the trace keeps; nothing is changed in place.
    Raises ValueError if the learning rate is not a positive finite number, or the step overflows.

    >>> from bpcourse import backprop
    >>> network = Network([Dense([[3.0]], [1.0])])
    >>> after = sgd_step(backprop(network, [2.0], [9.0], loss="mse"), learning_rate=0.25)
    >>> after.layers[0].W, after.layers[0].b  # 3 − 0.25·(−8) and 1 − 0.25·(−4)
    (array([[5.]]), array([2.]))
    """
    require_kind(trace, Trace, "backprop(network, x, y)")
    rule = "a positive finite number, such as 0.1"
    learning_rate = real(learning_rate, "learning_rate", rule, lambda rate: 0 < rate < math.inf)
    layers = []
    for number, layer in enumerate(trace.network.layers, start=1):
        with np.errstate(over="ignore", invalid="ignore"):  # named by require_finite
            W = layer.W - learning_rate * trace[f"dW{number}"]
            b = None if layer.b is None else layer.b - learning_rate * trace[f"db{number}"]
        for name, new in ((f"W{number}", W), (f"b{number}", b)):
            if new is not None:
                require_finite(new, f"the new {name}", "this overflowed: use a smaller learning_rate")
        layers.append(Dense(W, b, layer.activation, dtype=layer.W.dtype))
    return Network(layers)
