"""Losses: how wrong a prediction is, and in which direction it should move.

Each loss is a number for one example; the loss of a batch is the mean over its examples.

| name                      | one example's loss              | its slope ∂/∂ŷ                |
|---------------------------|---------------------------------|-------------------------------|
| mse                       | mean over outputs of (ŷ − y)²   | 2 (ŷ − y) / outputs           |
| half_sse                  | ½ Σ (ŷ − y)²                    | ŷ − y                         |
| binary_cross_entropy      | mean of −y ln ŷ − (1−y) ln(1−ŷ) | ((1−y)/(1−ŷ) − y/ŷ) / outputs |
| categorical_cross_entropy | −Σ y ln ŷ                       | −y/ŷ                          |

With two outputs, mse and half_sse are the same function, as ½ is one over the number of outputs.

A cross-entropy goes with one output activation only. It is computed from that layer's
pre-activation z (its *logits*), because the loss cannot be recovered from a ŷ that was rounded to 0
or 1. Cross-entropies are in nats (natural logarithm). `Loss.value` can use a different base.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.records import Record, Registered
from bpcourse.engine.validation import Array, ArrayLike
from bpcourse.registry import Registry

Formula = Callable[[Array, Array], Array]
LossName = Literal["mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"]


@dataclass(frozen=True)
class FromLogits(Record):
    """A cross-entropy written in z, the pre-activation of the output layer it goes with."""

    output: Activation
    value: Formula = field(repr=False)  # (y, z) ↦ one loss for each example, (n,)
    da: Formula = field(repr=False)  # (y, z) ↦ ∂(example's loss)/∂ŷ, (n, units)
    dz: Formula = field(repr=False)  # (y, z) ↦ ∂(example's loss)/∂z, (n, units)


@dataclass(frozen=True, repr=False)
class Loss(Registered, registry="LOSSES"):
    """One loss: its value and its gradient.

    Two losses are equal if they have the same name and the same functions. The losses of this
    course can be pickled; your own can be if their functions are defined with `def` at the top
    level of a module.

    Parameters
    ----------
    name : str
        Its name.
    of_examples : callable
        (y, y_hat) ↦ one loss for each example, (n,).
    slope : callable
        (y, y_hat) ↦ ∂(example's loss)/∂ŷ, (n, units).
    from_logits : FromLogits, optional
        The same written in z, for a cross-entropy.

    Notes
    -----
    The methods take `y` and `y_hat` of one shape, `(n, units)` or one row. They raise ValueError
    for two different shapes, and for NaN or infinity. Those of a cross-entropy also raise it for a
    value that is not between 0 and 1, and for a single class.

    """

    name: str
    of_examples: Formula
    slope: Formula
    from_logits: FromLogits | None = None

    def value(self, y: ArrayLike, y_hat: ArrayLike, base: float = math.e) -> float:
        """Compute the loss of a batch. A prediction that is certain and wrong costs inf.

        Parameters
        ----------
        y, y_hat : (n, units) or (units,) array
            Targets and predictions.
        base : float
            Base of the logarithm in a cross-entropy. The default gives nats.

        Examples
        --------
        >>> LOSSES["mse"].value([0.3, 0.7], [0.5, 0.6])  # ½ (0.2² + 0.1²)
        0.025
        >>> LOSSES["categorical_cross_entropy"].value([0, 1], [0.75, 0.25], base=2)  # −log₂ ¼
        2.0

        """
        rule = "positive and not 1, such as 10 or 2"
        base = validation.real(base, "base", rule, lambda base: 0 < base != 1 and base < math.inf)
        if base != math.e:
            self.logits()  # only a cross-entropy has a logarithm
        return float(self.shares(self.of_examples, y, y_hat, "y_hat").sum()) / math.log(base)

    def gradient(self, y: ArrayLike, y_hat: ArrayLike) -> Array:
        """Compute ∂L/∂ŷ of the batch's loss, with the shape of `y_hat`.

        Examples
        --------
        >>> LOSSES["mse"].gradient([0.3, 0.7], [0.5, 0.6])  # with two outputs 2 and ½ cancel
        array([ 0.2, -0.1])

        """
        return self.shares(self.slope, y, y_hat, "y_hat", units=True).reshape(np.shape(y_hat))

    def value_from_logits(self, y: ArrayLike, z: ArrayLike) -> float:
        """Compute the loss of a batch in nats, from z. It is exact even where ŷ rounds to 0 or 1.

        Examples
        --------
        >>> LOSSES["binary_cross_entropy"].value_from_logits([0.0], [1000.0])
        1000.0

        """
        return float(self.shares(self.logits().value, y, z, "z").sum())

    def gradient_from_logits(self, y: ArrayLike, z: ArrayLike) -> Array:
        """Compute ∂L/∂z of the batch's loss. For one example it is ŷ − y, if y sums to 1.

        Examples
        --------
        >>> LOSSES["categorical_cross_entropy"].gradient_from_logits([0, 1], [0.0, 0.0])
        array([ 0.5, -0.5])

        """
        return self.shares(self.logits().dz, y, z, "z", units=True).reshape(np.shape(z))

    def output_gradient_from_logits(self, y: ArrayLike, z: ArrayLike) -> Array:
        """Compute ∂L/∂ŷ of the batch's loss, from z. It is ±inf if too large for a float."""
        return self.shares(self.logits().da, y, z, "z", units=True).reshape(np.shape(z))

    def of_pass(self, y: ArrayLike, z: ArrayLike, y_hat: ArrayLike) -> float:
        """Compute the loss of a forward pass, for which a cross-entropy uses z."""
        return self.value(y, y_hat) if self.from_logits is None else self.value_from_logits(y, z)

    def logits(self) -> FromLogits:
        """Give `from_logits`, or raise ValueError if there is none."""
        if self.from_logits is None:
            raise ValueError(f"{self.name} has no logarithm and no logits: use .value(y, y_hat), .gradient(y, y_hat).")
        return self.from_logits

    def shares(self, formula: Formula, y: ArrayLike, other: ArrayLike, name: str, *, units: bool = False) -> Array:
        """Compute what each example, or each of its units, adds to the mean over the batch.

        `backprop` divides by n only here. `tape`, its fast form, repeats it, and a test holds the
        two equal.
        """
        y, other = validation.alike(y, other, name)
        if self.from_logits is not None:
            classes = 2 if self.from_logits.output.slope is None else 1
            validation.require_probabilities(y, other if name == "y_hat" else None, classes)
        shape, each = (y.shape, "slope for each output") if units else (y.shape[:1], "number for each example")
        with np.errstate(divide="ignore", over="ignore"):  # ln 0 is −inf: certain and wrong costs inf
            return self.computed(formula, (y, other), shape, f"one {each}") / len(y)


def _times(weight: Array, value: Array) -> Array:
    """Multiply, where 0 · ∞ is 0: what has no weight costs nothing."""
    return np.multiply(weight, value, where=weight != 0, out=np.zeros_like(value))


def _log_softmax(z: Array) -> Array:
    below_largest = z - z.max(axis=1, keepdims=True)
    others = np.sort(np.exp(below_largest))[:, :-1]  # all but one e⁰ = 1, so that 1 + others keeps its digits
    return below_largest - np.log1p(others.sum(axis=1, keepdims=True))


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
    """Turn class labels into rows with a single 1.

    Parameters
    ----------
    labels : (n,) array of int
        A class from 0 to classes − 1 for each example.
    classes : int
        How many classes there are.

    Returns
    -------
    (n, classes) array

    Raises
    ------
    TypeError
        If the labels are not whole numbers.
    ValueError
        If a label is out of range.

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])

    """
    one = np.equal.outer(validation.class_labels(labels, classes), np.arange(classes))
    return validation.frozen(one, "labels")
