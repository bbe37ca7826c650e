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
from bpcourse.engine.losses import LOSSES, Loss, LossName
from bpcourse.engine.network import Forward, Network, forward
from bpcourse.engine.records import sealed
from bpcourse.engine.validation import ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Forward):
    """The results of a forward and a backward pass: a mapping from names to read-only arrays.

    `trace["z1"]`, `trace["W2"]`, `trace["dW1"]` … After the arrays of the forward pass come `y` and
    `loss`, then the gradients from the last layer down: `da2`, `dz2`, `dW2`, `db2`, `da1` …, and
    finally `dx`. Each gradient has the shape of its array: `dW2` is `(n_in, n_out)` like `W2`.
    Training never changes a trace. Two traces are equal if their networks, their losses and all
    their arrays are.

    Parameters
    ----------
    network, arrays
        As in `Forward`.
    loss_function : Loss
        The loss that compared `y_hat` with `y`.
    loss : float
        Its value. Cross-entropies are in nats.

    """

    loss_function: Loss
    loss: float


def backprop(network: Network, x: ArrayLike, y: ArrayLike, loss: Loss | LossName | str = "mse") -> Trace:
    """Send a batch forward, compare the prediction with the targets, and send the gradient back.

    Parameters
    ----------
    network : Network
        The network.
    x : (n, n_in) or (n_in,) array
        Inputs. One dimension is one row.
    y : (n, outputs) or (outputs,) array
        Targets.
    loss : {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"} or Loss
        A loss or its name. A cross-entropy needs the output activation that it goes with.

    Returns
    -------
    Trace
        All arrays that were computed, by name.

    Raises
    ------
    ValueError
        If shapes do not fit, for NaN, infinity or an unknown name, or for a cross-entropy of a
        different output.

    Examples
    --------
    >>> from bpcourse import Dense, Network
    >>> network = Network([Dense([[3.0]], [1.0])])  # ŷ = 3·2 + 1 = 7, and the target is 9
    >>> trace = backprop(network, [2.0], [9.0], loss="mse")
    >>> trace.loss, trace["dW1"], trace["db1"]  # (7 − 9)²; 2·(7 − 9)·2; 2·(7 − 9)
    (4.0, array([[-8.]]), array([-4.]))
    >>> trace
    Trace of Network(1 → 1, identity), 1 example, mse = 4.000
      x (1, 1), a0 (1, 1), W1 (1, 1), b1 (1,), z1 (1, 1), a1 (1, 1), y_hat (1, 1), y (1, 1),
      loss (), da1 (1, 1), dz1 (1, 1), dW1 (1, 1), db1 (1,), dx (1, 1)

    """
    loss = LOSSES.pick(loss)
    arrays = dict(forward(network, x).arrays)
    last, output = len(network.layers), network.layers[-1].activation
    if loss.from_logits is not None:
        validation.require_output(output, loss.from_logits.output, loss.name)

    y_hat, z = arrays["y_hat"], arrays[f"z{last}"]
    y = arrays["y"] = validation.targets(y, y_hat)
    value = loss.of_pass(y, z, y_hat)
    results = {"loss": np.array(value, dtype=y.dtype)}

    # At the output: the slope of the loss, ∂L/∂ŷ, then through the last activation, ∂L/∂z.
    if loss.from_logits is None:
        da = loss.gradient(y, y_hat)
        dz = output.backward(z, da)
    else:  # a cross-entropy is computed from z, where nothing has been rounded to 0 or 1
        da = loss.output_gradient_from_logits(y, z)
        dz = loss.gradient_from_logits(y, z)

    # Back, from the last layer to the first.
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported below
        for number, layer in reversed(list(enumerate(network.layers, start=1))):
            if number < last:
                dz = layer.activation.backward(arrays[f"z{number}"], da)  # through the activation
            results[f"da{number}"], results[f"dz{number}"] = da, dz
            results[f"dW{number}"] = arrays[f"a{number - 1}"].T @ dz  # what came in, times what comes back
            if layer.b is not None:
                results[f"db{number}"] = dz.sum(axis=0)  # a bias is a weight whose input is always 1
            da = dz @ layer.W.T  # to the layer below: every path adds its part
        results["dx"] = da
    for name, array in results.items():
        if name != f"da{last}":  # ∂L/∂ŷ is infinite where a prediction is certain and wrong
            validation.require_no_overflow(array, name)

    return Trace(network, sealed(arrays | results), loss, value)
