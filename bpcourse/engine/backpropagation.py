"""Backpropagation: how much the loss changes if any one number in the network changes.

The forward pass goes from x to the loss. The backward pass goes the other way and carries one
thing along, the gradient of the loss with respect to what it has reached: first the prediction,
then the last layer's z, its weights, the layer below … Each step is the chain rule once.

`dq` is ∂L/∂q and has the shape of `q`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Forward, Network, forward
from bpcourse.engine.validation import ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Forward):
    """Everything one forward and one backward pass computed, under its name; training on never changes it.

    `trace["z1"]`, `trace["W2"]`, `trace["dW1"]` … After the forward pass come `y` and `loss`, then the
    gradients from the last layer down: `da2`, `dz2`, `dW2`, `db2`, `da1` … and at last `dx`.
    Each has the shape of the array that it belongs to: `dW2` is `(n_in, n_out)` like `W2`.

    loss_function : the `Loss` that compared `y_hat` with `y`
    loss : its value, a float; cross-entropies in nats
    """

    loss_function: Loss
    loss: float

    def __repr__(self) -> str:
        examples = "1 example" if len(self["y"]) == 1 else f"{len(self['y'])} examples"
        return f"Trace({self.network!r}, {examples}, {self.loss_function.name})"


def backprop(network: Network, x: ArrayLike, y: ArrayLike, loss: Loss | str = "mse") -> Trace:
    """Send the batch forward, compare it with the targets, and send the gradient back.

    x : (n, n_in) array, or one row
    y : (n, outputs) array, or one row
    loss : a `Loss` or its name; a cross-entropy only with the output activation that it goes with

    Raises ValueError, in words, for what does not fit: shapes, NaN, infinity, an unknown name,
    a cross-entropy on another output.

    >>> from bpcourse import Dense, Network
    >>> network = Network([Dense([[3.0]], [1.0])])  # ŷ = 3·2 + 1 = 7, and the target is 9
    >>> trace = backprop(network, [2.0], [9.0], loss="mse")
    >>> trace.loss, trace["dW1"], trace["db1"]  # (7 − 9)²; 2·(7 − 9)·2; 2·(7 − 9)
    (4.0, array([[-8.]]), array([-4.]))
    """
    loss = LOSSES.pick(loss)
    values = dict(forward(network, x).values)
    last, output = len(network.layers), network.layers[-1].activation
    if loss.from_logits is not None:
        validation.require_output(output, loss.from_logits.output, loss.name)

    y_hat, z = values["y_hat"], values[f"z{last}"]
    y = values["y"] = validation.targets(y, y_hat)

    # At the output: the loss, its slope ∂L/∂ŷ, and that slope taken through the last activation, ∂L/∂z.
    if loss.from_logits is None:
        value, da = loss.value(y, y_hat), loss.gradient(y, y_hat)
        dz = output.backward(z, da)
    else:  # a cross-entropy is computed from z, where nothing has been rounded to 0 or 1
        value, da = loss.value_from_logits(y, z), loss.output_gradient_from_logits(y, z)
        dz = loss.gradient_from_logits(y, z)
    values["loss"] = np.array(value, dtype=y.dtype)

    # Back, from the last layer to the first.
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is named below
        for number, layer in reversed(list(enumerate(network.layers, start=1))):
            if number < last:
                dz = layer.activation.backward(values[f"z{number}"], da)  # through the activation
            values[f"da{number}"], values[f"dz{number}"] = da, dz
            values[f"dW{number}"] = values[f"a{number - 1}"].T @ dz  # what came in, times what comes back
            if layer.b is not None:
                values[f"db{number}"] = dz.sum(axis=0)  # a bias is a weight whose input is always 1
            da = dz @ layer.W.T  # to the layer below: every path adds its part
        values["dx"] = da
    validation.require_finite_results(values, last=f"da{last}")

    return Trace(network, validation.freeze(values), loss, value)
