"""One training step as a list of NumPy calls, which makes the training of small networks fast.

`backprop` is the version to read. This is the same mathematics in the version to run a million times,
and a test checks that the two agree. Four things are different, all for speed:

* All parameters are in one vector, which is changed in place. A layer's part of it is `[W.T | b]`, with
  shape (units, inputs + 1): a bias is the weight of an input that is always 1. So a layer is one matrix
  product, and its gradient is one as well.
* Batches are columns: z is (units, n). The row of ones for the biases is below each layer's outputs in
  the same buffer.
* The slope of an activation is computed from its output, such as a − a². It is 0 where a is rounded to 1.
* No memory is allocated during training: each call writes into the same buffers again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, cast

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array

Call: TypeAlias = Callable[[], object]
InPlace: TypeAlias = Callable[..., None]


@dataclass(frozen=True, eq=False)
class Parameters:
    """All weights and biases of a network, and their gradient, in two vectors.

    Parameters
    ----------
    like : Network
        A network of the same shape.
    vector, gradient : (size,) array
        The parameters and their gradient. Training changes both in place.
    """

    like: Network
    vector: Array
    gradient: Array

    @classmethod
    def of(cls, network: Network) -> Parameters:
        """Copy the parameters of a network."""
        vector = np.concatenate([_block(layer).ravel() for layer in network.layers])
        return cls(network, vector, np.zeros_like(vector))

    def blocks(self, vector: Array) -> Iterator[Array]:
        """Yield each layer's part of a vector as a view: (units, inputs + 1), or (units, inputs) without biases."""
        start = 0
        for layer in self.like.layers:
            n_in, units = layer.W.shape
            columns = n_in + (layer.b is not None)
            yield vector[start : start + units * columns].reshape(units, columns)
            start += units * columns

    def network(self) -> Network:
        """Make a network with a copy of the current parameters."""
        return Network(
            replace(layer, W=block[:, : len(layer.W)].T, b=None if layer.b is None else block[:, -1])
            for layer, block in zip(self.like.layers, self.blocks(self.vector), strict=True)
        )

    def evaluate(self, loss: Loss, x: Array, y: Array) -> tuple[float, float | None]:
        """Compute the loss of a batch, and the share of its examples that are classified correctly.

        Parameters
        ----------
        loss : Loss
            Compares the predictions with the targets.
        x, y : (n, inputs), (n, outputs) array
            The batch.

        Returns
        -------
        loss : float
            NaN if the output layer's z is not finite.
        accuracy : float or None
            None if the loss is not a cross-entropy: then there are no classes.
        """
        a = x
        for layer, W in zip(self.like.layers, self.blocks(self.vector), strict=True):
            z = a @ W[:, : a.shape[1]].T
            z = z + W[:, -1] if layer.b is not None else z
            a = layer.activation.f(z)
        value = loss.of_pass(y, z, a) if np.isfinite(z).all() else math.nan
        if loss.from_logits is None:
            return value, None
        if loss.from_logits.output == ACTIVATIONS["softmax"]:
            right = a.argmax(axis=1) == y.argmax(axis=1)
        else:
            right = ((a > 0.5) == (y > 0.5)).all(axis=1)
        return value, np.count_nonzero(right) / right.size


def _block(layer: Dense) -> Array:
    """Put the weights and biases of a layer side by side."""
    return layer.W.T if layer.b is None else np.column_stack([layer.W.T, layer.b])


class Tape:
    """A training step for batches of one size.

    Parameters
    ----------
    parameters : Parameters
        The weights and biases to be trained. The step writes their gradient.
    loss : Loss
        The loss to be minimized.
    n : int
        Number of examples in a batch.
    sum_to_one : bool
        Whether the targets of each example add up to 1.
    whole : bool
        Whether the batch always contains all examples. Then each input is stored in one piece, which
        makes the products faster.

    Attributes
    ----------
    x : (n, inputs + 1) array
        Buffer for the inputs of a batch. Its last column is 1.
    y : (n, outputs) array
        Buffer for the targets of the batch.
    """

    def __init__(self, parameters: Parameters, loss: Loss, n: int, *, sum_to_one: bool, whole: bool) -> None:
        sizes, dtype = parameters.like.sizes, parameters.vector.dtype
        self.x = np.ones((n, sizes[0] + 1), dtype, "F" if whole else "C")
        self.y = np.empty((n, sizes[-1]), dtype)
        activations = [layer.activation for layer in parameters.like.layers]
        if loss.from_logits is not None:  # then the activation of the output layer is part of the loss
            activations[-1] = ACTIVATIONS["identity"]
        all_W, all_dW = parameters.blocks(parameters.vector), parameters.blocks(parameters.gradient)
        forward, backward = list[Call](), list[Call]()
        inputs, d_inputs = self.x.T, cast("Array", None)  # ∂L/∂x is not needed
        for layer, activation, W, dW in zip(parameters.like.layers, activations, all_W, all_dW, strict=True):
            there, back, inputs, d_inputs = _layer(layer, activation, W, dW, inputs, d_inputs)
            forward, backward = [*forward, *there], [*back, *backward]
        step, self._value = _loss(loss, inputs[:-1], self.y.T, d_inputs, sum_to_one)
        self._calls = [*forward, step, *backward]

    def run(self) -> float:
        """Compute the gradient and the loss of the batch in `x` and `y`."""
        for call in self._calls:
            call()
        return self._value()


def _layer(
    layer: Dense, activation: Activation, W: Array, dW: Array, inputs: Array, d_inputs: Array | None
) -> tuple[list[Call], list[Call], Array, Array]:
    """Write the calls of a layer, forward and backward. Make its buffers: outputs, with a last row of ones, and d.

    d has a row for each unit. It contains ∂L/∂a before the backward calls, and ∂L/∂z after the first of them.
    """
    outputs = np.ones((len(W) + 1, inputs.shape[1]), W.dtype)
    a, one = outputs[:-1], np.array(1, W.dtype)
    d, spare, zeros = np.empty_like(a), np.empty_like(a), np.zeros_like(a)
    inputs = inputs if layer.b is not None else inputs[:-1]
    activate, through = _in_place(activation)
    forward: list[Call] = [
        partial(W.dot, inputs, a),  # z = W · inputs, in the buffer of a
        partial(activate, a, spare, zeros, one),  # a = f(z)
    ]
    backward: list[Call] = [
        partial(through, d, a, spare, one),  # ∂L/∂z = ∂L/∂a · f′(z)
        partial(d.dot, inputs.T, dW),  # ∂L/∂W = ∂L/∂z · inputsᵀ
    ]
    if d_inputs is not None:  # ∂L/∂inputs = Wᵀ · ∂L/∂z, where W is without the biases
        backward.append(partial(W[:, : len(d_inputs)].T.dot, d, d_inputs))
    return forward, backward, outputs, d


# Activations in place: forward, z becomes a; backward, ∂L/∂a becomes ∂L/∂z in d. `spare` is a buffer. `one` is
# an array, because NumPy would convert a Python number in every call.


def _sigmoid(a: Array, spare: Array, zeros: Array, one: Array) -> None:
    np.negative(a, a)  # 1 / (1 + e⁻ᶻ)
    np.exp(a, a)
    np.add(a, one, a)
    np.reciprocal(a, a)


def _through_sigmoid(d: Array, a: Array, spare: Array, one: Array) -> None:
    np.square(a, spare)  # the slope is a − a²
    np.subtract(a, spare, spare)
    np.multiply(d, spare, d)


def _tanh(a: Array, spare: Array, zeros: Array, one: Array) -> None:
    np.tanh(a, a)


def _through_tanh(d: Array, a: Array, spare: Array, one: Array) -> None:
    np.square(a, spare)  # the slope is 1 − a²
    np.subtract(one, spare, spare)
    np.multiply(d, spare, d)


def _relu(a: Array, spare: Array, zeros: Array, one: Array) -> None:
    np.maximum(a, zeros, out=a)


def _through_relu(d: Array, a: Array, spare: Array, one: Array) -> None:
    np.sign(a, spare)  # the slope is 1 where a > 0, and 0 elsewhere
    np.multiply(d, spare, d)


def _nothing(*buffers: Array) -> None:
    """Leave z and ∂L/∂a unchanged, as the identity does."""


IN_PLACE: dict[str, tuple[InPlace, InPlace]] = {
    "identity": (_nothing, _nothing),
    "sigmoid": (_sigmoid, _through_sigmoid),
    "tanh": (_tanh, _through_tanh),
    "relu": (_relu, _through_relu),
}


def _in_place(activation: Activation) -> tuple[InPlace, InPlace]:
    """Choose the forward and the backward call of an activation. Any not in the table allocates memory."""
    if activation.name in IN_PLACE and activation == ACTIVATIONS[activation.name]:
        return IN_PLACE[activation.name]

    def forward(a: Array, spare: Array, zeros: Array, one: Array) -> None:
        spare[...] = a
        a[...] = activation.f(spare.T).T

    def backward(d: Array, a: Array, spare: Array, one: Array) -> None:
        d[...] = activation.backward(spare.T, d.T).T

    return forward, backward


# Losses. For each, there is a step that writes the gradient into d, and the value. The arrays are (outputs, n).
# `share` is the factor of one term in the sum over all outputs and examples.


def _loss(loss: Loss, a: Array, y: Array, d: Array, sum_to_one: bool) -> tuple[Call, Callable[[], float]]:
    """Choose the two calls for a loss. In a cross-entropy, a contains z."""
    outputs, n = a.shape
    # The 1/n of the batch, as in `Loss.shares`, with the constant of one example.
    share = 1 / (n * {"mse": outputs, "half_sse": 2, "binary_cross_entropy": outputs}.get(loss.name, 1))
    fast = {"mse": _squares, "half_sse": _squares, "binary_cross_entropy": _binary}
    fast |= {"categorical_cross_entropy": _categorical} if sum_to_one else {}
    if loss.name in fast and loss == LOSSES[loss.name]:
        return fast[loss.name](a, y, d, share)
    if loss.from_logits is None:
        return lambda: np.copyto(d, loss.gradient(y.T, a.T).T), lambda: loss.value(y.T, a.T)
    gradient, value = loss.gradient_from_logits, loss.value_from_logits
    return lambda: np.copyto(d, gradient(y.T, a.T).T), lambda: value(y.T, a.T)


def _squares(a: Array, y: Array, d: Array, share: float) -> tuple[Call, Callable[[], float]]:
    """L = share · Σ (a − y)², so ∂L/∂a = 2 · share · (a − y)."""
    error, factor = np.empty_like(a), np.array(2 * share, a.dtype)

    def step() -> None:
        np.subtract(a, y, error)
        np.multiply(error, factor, d)

    return step, lambda: share * float(np.vdot(error, error))


def _binary(z: Array, y: Array, d: Array, share: float) -> tuple[Call, Callable[[], float]]:
    """L = share · Σ (z − y·z − ln p) with p = 1 / (1 + e⁻ᶻ), so ∂L/∂z = share · (p − y)."""
    p, one, factor, ones = np.empty_like(z), np.array(1, z.dtype), np.array(share, z.dtype), np.ones_like(z)

    def step() -> None:
        np.copyto(p, z)
        _sigmoid(p, p, p, one)
        np.subtract(p, y, d)
        np.multiply(d, factor, d)

    def value() -> float:
        np.log(p, p)
        np.subtract(z, p, p)
        np.subtract(p, np.multiply(z, y, z), p)
        return share * float(np.vdot(ones, p))

    return step, value


def _categorical(z: Array, y: Array, d: Array, share: float) -> tuple[Call, Callable[[], float]]:
    """L = share · Σ (ln Σ eᶻ − Σ y·z) with targets that add up to 1, so ∂L/∂z = share · (eᶻ / Σ eᶻ − y)."""
    p, factor, ones = np.empty_like(z), np.array(share, z.dtype), np.ones_like(z)
    largest, total, row = np.empty_like(z[:1]), np.empty_like(z[:1]), np.ones((1, len(z)), z.dtype)

    def step() -> None:
        np.maximum.reduce(z, axis=0, out=largest, keepdims=True)
        np.subtract(z, largest, z)  # now the largest z is 0, and no eᶻ overflows
        np.exp(z, p)
        row.dot(p, total)  # faster than .sum()
        np.divide(p, total, p)
        np.subtract(p, y, d)
        np.multiply(d, factor, d)

    def value() -> float:
        scores = np.vdot(ones, np.multiply(z, y, z))
        return share * float(np.vdot(ones[0], np.log(total, total)) - scores)

    return step, value
