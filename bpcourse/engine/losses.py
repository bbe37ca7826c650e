"""Losses: how wrong a prediction is, and in which direction it should move.

Each loss is a number for one example; the loss of a batch is the mean over its examples.

| name                      | one example's loss              | its slope ∂/∂ŷ                |
|---------------------------|---------------------------------|-------------------------------|
| mse                       | mean over outputs of (ŷ − y)²   | 2 (ŷ − y) / outputs           |
| half_sse                  | ½ Σ (ŷ − y)²                    | ŷ − y                         |
| binary_cross_entropy      | mean of −y ln ŷ − (1−y) ln(1−ŷ) | ((1−y)/(1−ŷ) − y/ŷ) / outputs |
| categorical_cross_entropy | −Σ y ln ŷ                       | −y/ŷ                          |

With two outputs, mse and half_sse are the same function: ½ is then also one over the number of outputs.

A cross-entropy goes with one output activation only, and is best computed from that layer's
pre-activation z (its *logits*): from a ŷ that was rounded to 0 or 1 the loss cannot be recovered.
Cross-entropies are in nats (natural logarithm); `value` takes another base.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.validation import Array, ArrayLike
from bpcourse.registry import Registry

Formula = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class FromLogits:
    """A cross-entropy written in z, the pre-activation of the one output layer that it goes with."""

    output: Activation
    value: Formula  # (y, z) ↦ one loss for each example, (n,)
    da: Formula  # (y, z) ↦ ∂(example's loss)/∂ŷ, (n, units)
    dz: Formula  # (y, z) ↦ ∂(example's loss)/∂z, (n, units)


@dataclass(frozen=True)
class Loss:
    """One loss: its value and its gradient, for `y` and `y_hat` of one shape, `(n, units)` or one row.

    name : how `backprop` names it
    of_examples : (y, y_hat) ↦ one loss for each example, (n,)
    slope : (y, y_hat) ↦ ∂(example's loss)/∂ŷ, (n, units)
    from_logits : the same from z, for a cross-entropy; None for the others

    Its methods raise ValueError for two shapes, NaN or infinity, and in a cross-entropy for a value outside
    [0, 1] or a single class.
    """

    name: str
    of_examples: Formula
    slope: Formula
    from_logits: FromLogits | None = None

    def value(self, y: ArrayLike, y_hat: ArrayLike, base: float = math.e) -> float:
        """Return the loss of the batch, for a cross-entropy in nats or in logarithms to `base`.

        A prediction that is certain and wrong costs inf.

        >>> LOSSES["mse"].value([0.3, 0.7], [0.5, 0.6])  # ½ (0.2² + 0.1²)
        0.025
        >>> round(LOSSES["categorical_cross_entropy"].value([0, 1], [0.3, 0.7], base=10), 4)  # −log₁₀ 0.7
        0.1549
        """
        rule = "positive and not 1, such as 10 or 2"
        base = validation.real(base, "base", rule, lambda base: 0 < base != 1 and base < math.inf)
        if base != math.e:
            self.logits()  # only a cross-entropy has a logarithm
        return float(self.shares(self.of_examples, y, y_hat, "y_hat").sum()) / math.log(base)

    def gradient(self, y: ArrayLike, y_hat: ArrayLike) -> Array:
        """Return ∂L/∂ŷ of the batch's loss, with the shape of `y_hat`.

        >>> LOSSES["mse"].gradient([0.3, 0.7], [0.5, 0.6])  # with two outputs the 2 and the ½ cancel
        array([ 0.2, -0.1])
        """
        return self.shares(self.slope, y, y_hat, "y_hat").reshape(np.shape(y_hat))

    def value_from_logits(self, y: ArrayLike, z: ArrayLike) -> float:
        """Return the loss of the batch in nats, from the output layer's z: right also where ŷ is rounded to 0 or 1.

        >>> LOSSES["binary_cross_entropy"].value_from_logits([0.0], [1000.0])
        1000.0
        """
        return float(self.shares(self.logits().value, y, z, "z").sum())

    def gradient_from_logits(self, y: ArrayLike, z: ArrayLike) -> Array:
        """Return ∂L/∂z of the batch's loss, with the shape of `z`: for one example ŷ − y (if y sums to 1).

        >>> LOSSES["categorical_cross_entropy"].gradient_from_logits([0, 1], [0.0, 0.0])
        array([ 0.5, -0.5])
        """
        return self.shares(self.logits().dz, y, z, "z").reshape(np.shape(z))

    def output_gradient_from_logits(self, y: ArrayLike, z: ArrayLike) -> Array:
        """Return ∂L/∂ŷ of the batch's loss, from z; ±inf where the true value is too large for a float."""
        return self.shares(self.logits().da, y, z, "z").reshape(np.shape(z))

    def logits(self) -> FromLogits:
        """Return `from_logits`, and raise ValueError where there is none."""
        if self.from_logits is None:
            raise ValueError(f"{self.name} has no logarithm and no logits: use .value(y, y_hat), .gradient(y, y_hat).")
        return self.from_logits

    def shares(self, formula: Formula, y: ArrayLike, other: ArrayLike, name: str) -> Array:
        """Return what each example adds to the batch's mean. The 1/n of a batch stands here and nowhere else."""
        y, other = validation.alike(y, other, name)
        if self.from_logits is not None:
            validation.require_probabilities(y, "y", classes=2 if self.from_logits.output.slope is None else 1)
            if name == "y_hat":
                validation.require_probabilities(other, name)
        with np.errstate(divide="ignore", over="ignore"):  # ln 0 is −inf: certain and wrong costs inf
            return formula(y, other) / len(y)


def _times(weight: Array, value: Array) -> Array:
    """Return weight · value, where 0 · ∞ is 0: what has no weight costs nothing."""
    return np.multiply(weight, value, where=weight != 0, out=np.zeros_like(value))


def _log_softmax(z: Array) -> Array:
    below_largest = z - z.max(axis=1, keepdims=True)
    return below_largest - np.log(np.exp(below_largest).sum(axis=1, keepdims=True))


def _softmax_dz(y: Array, z: Array) -> Array:
    p, others = ACTIVATIONS["softmax"].f(z), 1 - np.eye(z.shape[1], dtype=z.dtype)
    return p * (y @ others) - y * (p @ others)  # p·Σy − y, without its rounding where p is almost 1


_sigmoid, _softmax = ACTIVATIONS["sigmoid"], ACTIVATIONS["softmax"]

LOSSES = Registry(
    "loss",
    {
        "mse": Loss(
            "mse",
            of_examples=lambda y, y_hat: ((y_hat - y) ** 2).mean(axis=1),
            slope=lambda y, y_hat: 2 * (y_hat - y) / y.shape[1],
        ),
        "half_sse": Loss(
            "half_sse",
            of_examples=lambda y, y_hat: ((y_hat - y) ** 2).sum(axis=1) / 2,
            slope=lambda y, y_hat: y_hat - y,
        ),
        "binary_cross_entropy": Loss(
            "binary_cross_entropy",
            of_examples=lambda y, p: -(_times(y, np.log(p)) + _times(1 - y, np.log1p(-p))).mean(axis=1),
            slope=lambda y, p: (_times(1 - y, 1 / (1 - p)) - _times(y, 1 / p)) / y.shape[1],
            from_logits=FromLogits(
                _sigmoid,  # −ln σ(z) = ln(1 + e⁻ᶻ), and −ln(1 − σ(z)) = ln(1 + eᶻ)
                value=lambda y, z: (_times(y, np.logaddexp(0, -z)) + _times(1 - y, np.logaddexp(0, z))).mean(axis=1),
                da=lambda y, z: (_times(1 - y, 1 + np.exp(z)) - _times(y, 1 + np.exp(-z))) / y.shape[1],
                dz=lambda y, z: ((1 - y) * _sigmoid.f(z) - y * _sigmoid.f(-z)) / y.shape[1],  # σ(z) − y, unrounded
            ),
        ),
        "categorical_cross_entropy": Loss(
            "categorical_cross_entropy",
            of_examples=lambda y, p: -_times(y, np.log(p)).sum(axis=1),
            slope=lambda y, p: -_times(y, 1 / p),
            from_logits=FromLogits(
                _softmax,
                value=lambda y, z: -_times(y, _log_softmax(z)).sum(axis=1),
                da=lambda y, z: -_times(y, np.exp(-_log_softmax(z))),
                dz=_softmax_dz,
            ),
        ),
    },
)
"""The losses by name."""


def one_hot(labels: ArrayLike, classes: int) -> Array:
    """Return class labels 0 … classes−1, shape (n,), as rows with a single 1, shape (n, classes).

    Raises TypeError if labels are not whole numbers, ValueError if one is out of range.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    one = np.equal.outer(validation.class_labels(labels, classes), np.arange(classes))
    return validation.frozen(one, "labels")
