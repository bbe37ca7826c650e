"""The pass many times at once, each time with one scalar value replaced.

To find out which single slip leads to an answer, the answer is needed for some thousand slips. Each is the pass with
one value replaced and everything that follows computed from there. All of them together are one batch of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.losses import Loss
from bpcourse.engine.validation import Array
from bpcourse.names import Name


class Variants:
    """Passes of one network, each with one value replaced.

    All arrays have one more axis in front, for the variants; its length is 1 where all variants agree.

    Parameters
    ----------
    trace : Trace
        The pass.
    edits : sequence of (str, sequence of float)
        A name, and the values that take its place, one in each variant.
    rate : float or None
        The learning rate, if values after the update are asked for.
    """

    def __init__(self, trace: Trace, edits: Sequence[tuple[str, Sequence[float]]], rate: float | None) -> None:
        self.trace, self.count = trace, sum(len(values) for _, values in edits)
        self.n, self.last = len(trace["x"]), len(trace.network.layers)
        self._replaced: dict[str, list[tuple[slice, Name, Sequence[float]]]] = {}
        start = 0
        for text, values in edits:
            name, where = Name.read(text), slice(start, start + len(values))
            self._replaced.setdefault(self._key(name), []).append((where, name, values))
            start = where.stop
        self.arrays: dict[str, Array] = {}
        with np.errstate(all="ignore"):  # what becomes infinite or undefined fits no answer
            self._forward()
            self._backward()
            if rate is not None:
                self._update(rate)
                self._forward(new=True)

    def answers(self, text: str) -> Array:
        """Return the value of a name in each variant, (variants,)."""
        name = Name.read(text)
        array = self.arrays[self._key(name)]
        place: Any = (slice(None), *_place(name, array.ndim))
        return np.broadcast_to(array[place], (self.count,))

    def _key(self, name: Name) -> str:
        """Return the key of the array that has a value."""
        mean = self.n > 1 and name.quantity in ("dW", "db", "loss") and not name.example
        return f"{'mean ' if mean else ''}{name.quantity}{name.layer or ''}{'_new' if name.new else ''}"

    def _put(self, key: str, array: Array, new: bool = False) -> Array:
        """Store an array with the values that are replaced in it."""
        key += "_new" if new else ""
        if replaced := self._replaced.get(key):
            array = np.repeat(array, self.count, axis=0) if len(array) == 1 else np.array(array)
            for where, name, values in replaced:
                place: Any = (where, *_place(name, array.ndim))
                array[place] = values
        self.arrays[key] = array
        return array

    def _forward(self, new: bool = False) -> None:
        trace = self.trace
        a = self.arrays["x"] if new else self._put("x", trace["x"][np.newaxis])
        y = self.arrays["y"] if new else self._put("y", trace["y"][np.newaxis])
        for number, layer in enumerate(trace.network.layers, start=1):
            W = self.arrays[f"W{number}_new"] if new else self._put(f"W{number}", layer.W[np.newaxis])
            z: Array = a @ W
            if layer.b is not None:
                b = self.arrays[f"b{number}_new"] if new else self._put(f"b{number}", layer.b[np.newaxis])
                z = z + b[:, np.newaxis]
            z = self._put(f"z{number}", z, new)
            a = self._put(f"a{number}", layer.activation.f(z.reshape(-1, z.shape[-1])).reshape(z.shape), new)
        y_hat = self._put("y_hat", a, new)
        own = self._put("loss", _losses(trace.loss_function, *np.broadcast_arrays(y, y_hat)), new)
        if self.n > 1:
            self._put("mean loss", own.mean(axis=1, keepdims=True), new)

    def _backward(self) -> None:
        loss, layers = self.trace.loss_function, self.trace.network.layers
        y, y_hat = np.broadcast_arrays(self.arrays["y"], self.arrays["y_hat"])
        rows = loss.slope(y.reshape(-1, y.shape[-1]), y_hat.reshape(-1, y.shape[-1]))
        da = rows.reshape(y.shape)
        for number in range(self.last, 0, -1):
            activation = layers[number - 1].activation
            da = self._put(f"da{number}", da)
            slope = self._put(
                f"slope{number}", _slope(activation, self.arrays[f"z{number}"], self.arrays[f"a{number}"])
            )
            dz = np.einsum("...i,...ik->...k", da, slope) if activation.slope is None else da * slope
            dz = self._put(f"dz{number}", dz)
            below = self.arrays[f"a{number - 1}"] if number > 1 else self.arrays["x"]
            dW = self._put(f"dW{number}", below[..., :, np.newaxis] * dz[..., np.newaxis, :])
            if self.n > 1:
                self._put(f"mean dW{number}", dW.mean(axis=1))
            if layers[number - 1].b is not None:
                db = self._put(f"db{number}", dz)
                if self.n > 1:
                    self._put(f"mean db{number}", db.mean(axis=1))
            da = dz @ np.swapaxes(self.arrays[f"W{number}"], -1, -2)
        self._put("dx", da)

    def _update(self, rate: float) -> None:
        eta = self._put("learning_rate", np.full((1, 1), rate))
        for number, layer in enumerate(self.trace.network.layers, start=1):
            for kind in ("W", "b") if layer.b is not None else ("W",):
                old = self.arrays[f"{kind}{number}"]
                gradient = self.arrays[f"mean d{kind}{number}"] if self.n > 1 else self.arrays[f"d{kind}{number}"][:, 0]
                step = eta.reshape(-1, *[1] * (gradient.ndim - 1)) * gradient
                self._put(f"{kind}{number}", old - step, new=True)


def _place(name: Name, ndim: int) -> tuple[int, ...]:
    """Return where a value is in its array, behind the axis of the variants."""
    index = tuple(each - 1 for each in name.index)
    return (max(name.example - 1, 0),) * (ndim - 1 - len(index)) + index


def _losses(loss: Loss, y: Array, y_hat: Array) -> Array:
    return loss.of_examples(y.reshape(-1, y.shape[-1]), y_hat.reshape(-1, y.shape[-1])).reshape(y.shape[:2])


def _slope(activation: Activation, z: Array, a: Array) -> Array:
    """Return the slope, from the unit's output where a person computes it from that."""
    if activation == ACTIVATIONS["sigmoid"]:
        return a * (1 - a)
    if activation == ACTIVATIONS["tanh"]:
        return 1 - a * a
    if activation == ACTIVATIONS["softmax"]:
        return a[..., np.newaxis] * (np.eye(a.shape[-1]) - a[..., np.newaxis, :])
    return activation.df(z) if activation.slope else activation.jacobian(z)
