"""One training step as a list of NumPy calls, each with its buffers: what makes small networks train fast.

`backprop` is the form to read; this is the same mathematics in the form to run a million times, and a test holds the
two equal. Four things differ, all for speed:

* All parameters are one vector, changed in place. A layer's part of it is `[W.T | b]`, (units, inputs + 1): the bias
  is the weight of an input that is always 1, so that a layer is one product and its gradient another.
* Batches are columns, z is (units, n), so that the rows of ones below every layer's outputs lie in the same buffer.
* A slope is taken from a unit's output, such as a − a², which is 0 where a has been rounded to 1.
* Nothing is allocated: a step goes through a list of calls that write into the same arrays again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array

Call = Callable[[], object]


@dataclass(frozen=True, eq=False)
class Parameters:
    """All weights and biases of a network, and their gradient, in two vectors.

    like : a network of the same shape
    vector, gradient : (size,) arrays, changed in place
    """

    like: Network
    vector: Array
    gradient: Array

    @classmethod
    def of(cls, network: Network) -> Parameters:
        """Return a copy of a network's parameters."""
        parts = [part.ravel() for layer in network.layers for part in [_block(layer)]]
        vector = np.concatenate(parts)
        return cls(network, vector, np.zeros_like(vector))

    def blocks(self, vector: Array) -> Iterator[Array]:
        """Yield each layer's part of a vector, (units, inputs + 1), or (units, inputs) without biases: views."""
        start = 0
        for layer in self.like.layers:
            n_in, units = layer.W.shape
            columns = n_in + (layer.b is not None)
            yield vector[start : start + units * columns].reshape(units, columns)
            start += units * columns

    def network(self) -> Network:
        """Return the network with a copy of the present parameters."""
        layers = []
        for layer, block in zip(self.like.layers, self.blocks(self.vector), strict=True):
            n_in, b = len(layer.W), None if layer.b is None else block[:, -1]
            layers.append(Dense(block[:, :n_in].T, b, layer.activation, layer.W.dtype))
        return Network(layers)

    def evaluate(self, loss: Loss, x: Array, y: Array) -> tuple[float, float | None]:
        """Return the loss of a batch, and the share of its examples that are right, or None without classes.

        Where the output's z is no finite number, the loss is NaN.
        """
        a = x
        for layer, W in zip(self.like.layers, self.blocks(self.vector), strict=True):
            z = a @ W[:, : a.shape[1]].T
            z = z + W[:, -1] if layer.b is not None else z
            a = layer.activation.f(z)
        if not np.isfinite(z).all():
            return math.nan, None if loss.from_logits is None else 0.0
        if loss.from_logits is None:
            return loss.value(y, a), None
        if loss.from_logits.output == ACTIVATIONS["softmax"]:
            right = a.argmax(axis=1) == y.argmax(axis=1)
        else:
            right = ((a > 0.5) == (y > 0.5)).all(axis=1)
        return loss.value_from_logits(y, z), np.count_nonzero(right) / right.size


def _block(layer: Dense) -> Array:
    return layer.W.T if layer.b is None else np.column_stack([layer.W.T, layer.b])


@dataclass(frozen=True, eq=False)
class Tape:
    """A training step for batches of one size.

    x : (n, inputs + 1) buffer for a batch, whose last column is 1
    y : (n, outputs) buffer for its targets
    calls : the step: afterwards the gradient is in `Parameters.gradient`
    loss : returns the loss of the batch that was computed last
    """

    x: Array
    y: Array
    calls: tuple[Call, ...]
    loss: Callable[[], float]

    @classmethod
    def write(cls, parameters: Parameters, loss: Loss, n: int, sum_to_one: bool, whole: bool = False) -> Tape:
        """Return the step for batches of n examples.

        sum_to_one : whether each example's targets do
        whole : the batch is all examples, and stays; then each input lies in one piece, which products read faster
        """
        network, dtype = parameters.like, parameters.vector.dtype
        sizes = network.sizes
        x, y = np.ones((n, sizes[0] + 1), dtype, "F" if whole else "C"), np.empty((n, sizes[-1]), dtype)
        # What comes into each layer, (units + 1, n), with ones in the last row; what goes out; and its gradient.
        incoming = [x.T, *(np.ones((units + 1, n), dtype) for units in sizes[1:-1])]
        outgoing = [*(rows[:-1] for rows in incoming[1:]), np.empty((sizes[-1], n), dtype)]
        gradient = [np.empty_like(a) for a in outgoing]
        # A layer without biases does not see the row of ones.
        seen = [
            rows if layer.b is not None else rows[:-1] for rows, layer in zip(incoming, network.layers, strict=True)
        ]
        Ws, dWs = (list(parameters.blocks(vector)) for vector in (parameters.vector, parameters.gradient))

        there: list[Call] = []
        back: list[Call] = []
        for k, layer in enumerate(network.layers):
            there.append(partial(np.dot, Ws[k], seen[k], outgoing[k]))
            dW = partial(np.dot, gradient[k], seen[k].T, dWs[k])
            if k == len(network.layers) - 1:
                through, error, value = _output(loss, layer.activation, outgoing[k], y.T, gradient[k], sum_to_one)
                there += [*through, *error]
                back = [dW, *back]
            else:
                through, slope = _activation(layer.activation, outgoing[k], gradient[k])
                there += through
                da = partial(np.dot, Ws[k + 1][:, : sizes[k + 1]].T, gradient[k + 1], gradient[k])
                back = [da, *slope, dW, *back]
        return cls(x, y, (*there, *back), value)

    def run(self) -> float:
        """Compute the gradient of the batch in `x` and `y`, and return its loss."""
        for call in self.calls:
            call()
        return self.loss()


def _activation(activation: Activation, a: Array, d: Array) -> tuple[list[Call], list[Call]]:
    """Return the calls that turn z into a, in the same buffer, and those that turn da into dz, in d, from a."""
    slope = np.empty_like(a)
    times_slope = partial(np.multiply, d, slope, d)
    one, zeros = np.array(1, a.dtype), np.zeros_like(a)  # arrays: a Python number would be converted at every call
    if activation == ACTIVATIONS["identity"]:
        return [], []
    if activation == ACTIVATIONS["sigmoid"]:  # a = 1 / (1 + e^−z); the slope is a − a²
        through: list[Call] = [partial(np.negative, a, a), partial(np.exp, a, a)]
        through += [partial(np.add, a, one, a), partial(np.reciprocal, a, a)]
        return through, [partial(np.square, a, slope), partial(np.subtract, a, slope, slope), times_slope]
    if activation == ACTIVATIONS["tanh"]:  # the slope is 1 − a²
        squares = [partial(np.square, a, slope), partial(np.subtract, one, slope, slope)]
        return [partial(np.tanh, a, a)], [*squares, times_slope]
    if activation == ACTIVATIONS["relu"]:  # the slope is the sign of a, which is 0 or 1
        return [partial(np.maximum, a, zeros, out=a)], [partial(np.sign, a, slope), times_slope]
    z = np.empty_like(a)  # any other is asked for by its own formulas, which allocate

    def forward() -> None:
        z[...] = a
        a[...] = activation.f(z.T).T

    def backward() -> None:
        d[...] = activation.backward(z.T, d.T).T

    return [forward], [backward]


def _output(
    loss: Loss, activation: Activation, a: Array, y: Array, dz: Array, sum_to_one: bool
) -> tuple[list[Call], list[Call], Callable[[], float]]:
    """Return the calls that turn the output's z into a, those that put ∂L/∂z into dz, and the loss; all (units, n)."""
    units, n = a.shape
    work, one = np.empty_like(a), np.array(1, a.dtype)
    if loss in (LOSSES["mse"], LOSSES["half_sse"]):
        factor = 1 / (n * units) if loss == LOSSES["mse"] else 1 / (2 * n)
        through, slope = _activation(activation, a, dz)
        error: list[Call] = [
            partial(np.subtract, a, y, work),
            partial(np.multiply, work, np.array(2 * factor, a.dtype), dz),
            *slope,
        ]
        return through, error, lambda: factor * float(np.vdot(work, work))
    p = np.empty_like(a)
    if loss == LOSSES["binary_cross_entropy"]:  # p = 1 / (1 + e^−z), dz = (p − y) / (outputs · examples)
        factor = 1 / (n * units)
        through = [partial(np.negative, a, work), partial(np.exp, work, work), partial(np.add, work, one, work)]
        through.append(partial(np.reciprocal, work, p))
        error = [partial(np.subtract, p, y, dz), partial(np.multiply, dz, np.array(factor, a.dtype), dz)]
        # Its loss is ln(1 + e^z) − y·z = ln(1 + e^−z) + (1 − y)·z, in each output.
        ones = np.ones(a.size, a.dtype)  # a product with ones adds up, and is quicker than .sum()

        def binary() -> float:
            np.log(work, work)
            np.add(work, a, work)
            np.subtract(work, np.multiply(a, y, p), work)
            return factor * float(np.dot(ones, work.reshape(-1)))

        return through, error, binary
    if loss == LOSSES["categorical_cross_entropy"] and sum_to_one:  # p = e^z / Σ e^z, dz = (p − y) / examples
        largest, total, ones = np.empty((1, n), a.dtype), np.empty(n, a.dtype), np.ones(units, a.dtype)
        through = [
            partial(np.maximum.reduce, a, 0, None, largest, True),
            partial(np.subtract, a, largest, a),
            partial(np.exp, a, p),
        ]
        through += [partial(np.dot, ones, p, total), partial(np.divide, p, total, p)]
        error = [partial(np.subtract, p, y, dz), partial(np.multiply, dz, np.array(1 / n, a.dtype), dz)]
        # Its loss is ln Σ e^z − Σ y·z, in each example, where the largest z is 0.
        all_ones = np.ones(a.size, a.dtype)

        def categorical() -> float:
            scores = np.dot(all_ones, np.multiply(a, y, work).reshape(-1))
            return float(np.dot(all_ones[:n], np.log(total, total)) - scores) / n

        return through, error, categorical

    def by_its_own_formulas() -> None:
        if loss.from_logits is None:
            dz[...] = activation.backward(a.T, loss.gradient(y.T, activation.f(a.T))).T
        else:
            dz[...] = loss.gradient_from_logits(y.T, a.T).T

    def value() -> float:
        return loss.value(y.T, activation.f(a.T)) if loss.from_logits is None else loss.value_from_logits(y.T, a.T)

    return [], [by_its_own_formulas], value
