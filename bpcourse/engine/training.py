"""Training: changing the weights so that the loss falls."""

from __future__ import annotations

import math
from numbers import Real

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Dense, Network


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
    if not isinstance(learning_rate, Real) or not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be a positive finite number; got {learning_rate!r}. Try 0.1.")
    layers = []
    for number, layer in enumerate(trace.network.layers, start=1):
        W = layer.W - learning_rate * trace[f"dW{number}"]
        b = None if layer.b is None else layer.b - learning_rate * trace[f"db{number}"]
        layers.append(Dense(W, b, layer.activation, dtype=layer.W.dtype))
    return Network(layers)
