"""Optimizers: the rules that turn a gradient into a training step.

Each optimizer is a record of its settings. `start` returns a function that changes the parameters in
place, one step at a time.

| name     | one step                                                                       |
|----------|--------------------------------------------------------------------------------|
| SGD      | w ← w − η·g                                                                    |
| Momentum | v ← μ·v + g, w ← w − η·v       (convention "pytorch")                          |
|          | v ← μ·v − η·g, w ← w + v       (convention "keras": the same if η is constant) |
| Adam     | m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², both divided by 1 − βᵗ,         |
|          | w ← w − η·m / (√v + ε)         (Kingma & Ba 2015, algorithm 1)                 |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from bpcourse.engine.validation import Array, one_of, positive, real

Rate: TypeAlias = float | Callable[[int], float]
"""A learning rate: a number, or a function of the epoch, which is counted from 1."""

Update: TypeAlias = Callable[[Array, Array, float], None]
"""Change the parameters in place, given their gradient and the learning rate. Both arrays are (size,)."""

Convention: TypeAlias = Literal["pytorch", "keras"]
"""Where the learning rate enters the velocity of `Momentum`."""


def rate_at(rate: Rate, epoch: int) -> float:
    """Get the learning rate of one epoch.

    Parameters
    ----------
    rate : float or callable
        A positive finite number, or a function of the epoch. The function may also return 0.
    epoch : int
        Number of the epoch, from 1.

    Raises
    ------
    ValueError
        If the learning rate is negative, not finite or not a number.

    Examples
    --------
    >>> rate_at(lambda epoch: 0.5 / epoch, epoch=2)
    0.25
    """
    if not callable(rate):
        return positive(rate, "learning_rate")
    name, rule = f"learning_rate({epoch})", "0 or a positive finite number"
    return real(rate(epoch), name, rule, lambda value: 0 <= value < math.inf)


class _Optimizer:
    """Base class of the optimizers. It checks a learning rate that is a number; a function is checked when called."""

    learning_rate: Rate

    def __post_init__(self) -> None:
        if not callable(self.learning_rate):
            positive(self.learning_rate, "learning_rate")


@dataclass(frozen=True)
class SGD(_Optimizer):
    """Gradient descent: each parameter minus the learning rate times its gradient.

    Parameters
    ----------
    learning_rate : float or callable, default 0.5
        A number, or a function of the epoch that is called once at the start of each epoch.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> SGD().start(w)(w, np.array([4.0, 0.0]), 0.25)
    >>> w
    array([0., 2.])
    """

    learning_rate: Rate = 0.5

    def start(self, parameters: Array) -> Update:
        """Get the update for parameters of this size."""
        step = np.empty_like(parameters)

        def update(w: Array, g: Array, rate: float) -> None:
            np.multiply(g, rate, step)
            np.subtract(w, step, w)

        return update


@dataclass(frozen=True)
class Momentum(_Optimizer):
    """Gradient descent with a velocity that remembers earlier gradients.

    Parameters
    ----------
    learning_rate : float or callable, default 0.1
        A number, or a function of the epoch that is called once at the start of each epoch.
    momentum : float, default 0.9
        Share of the velocity that is kept in each step: at least 0 and below 1.
    convention : {"pytorch", "keras"}
        The two give different results only if the learning rate changes during training.
    """

    learning_rate: Rate = 0.1
    momentum: float = 0.9
    convention: Convention = "pytorch"

    def __post_init__(self) -> None:
        super().__post_init__()
        _share(self.momentum, "momentum")
        one_of(get_args(Convention), self.convention, "convention")

    def start(self, parameters: Array) -> Update:
        """Get the update for parameters of this size. The velocity starts at 0."""
        velocity, step, momentum = np.zeros_like(parameters), np.empty_like(parameters), float(self.momentum)
        keras = self.convention == "keras"

        def update(w: Array, g: Array, rate: float) -> None:
            np.multiply(velocity, momentum, velocity)
            if keras:
                np.multiply(g, rate, step)
                np.subtract(velocity, step, velocity)
                np.add(w, velocity, w)
            else:
                np.add(velocity, g, velocity)
                np.multiply(velocity, rate, step)
                np.subtract(w, step, w)

        return update


@dataclass(frozen=True)
class Adam(_Optimizer):
    """Gradient descent with a separate step size for each parameter.

    The step size comes from running means of the parameter's gradient and of its square.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        A number, or a function of the epoch that is called once at the start of each epoch.
    beta1, beta2 : float
        Shares of the two running means that are kept in each step: at least 0 and below 1.
    epsilon : float, default 1e-8
        Added to the square root to avoid a division by 0.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _share(self.beta1, "beta1")
        _share(self.beta2, "beta2")
        positive(self.epsilon, "epsilon")

    def start(self, parameters: Array) -> Update:
        """Get the update for parameters of this size. The running means start at 0."""
        # `sums` and `squares` are the two means without their factors 1 − β. Putting these factors into
        # the two multiplications of `step` below saves two passes over the parameters.
        sums, squares, step = np.zeros_like(parameters), np.zeros_like(parameters), np.empty_like(parameters)
        beta1, beta2, epsilon = map(float, (self.beta1, self.beta2, self.epsilon))
        kept1 = kept2 = 1.0

        def update(w: Array, g: Array, rate: float) -> None:
            nonlocal kept1, kept2
            kept1, kept2 = kept1 * beta1, kept2 * beta2
            np.multiply(sums, beta1, sums)
            np.add(sums, g, sums)
            np.multiply(squares, beta2, squares)
            np.multiply(g, g, step)
            np.add(squares, step, squares)
            np.sqrt(squares, step)
            np.multiply(step, math.sqrt((1 - beta2) / (1 - kept2)), step)
            np.add(step, epsilon, step)
            np.divide(sums, step, step)
            np.multiply(step, rate * (1 - beta1) / (1 - kept1), step)
            np.subtract(w, step, w)

        return update


Optimizer: TypeAlias = SGD | Momentum | Adam


def _share(value: float, name: str) -> None:
    """Raise ValueError unless `value` is at least 0 and below 1."""
    real(value, name, "at least 0 and below 1, such as 0.9", lambda share: 0 <= share < 1)
