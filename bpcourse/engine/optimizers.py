"""Optimizers: what a step of training makes of a gradient.

Each is a record of its settings; `start` gives the function that changes the parameters in place, one step at a time.

| name     | one step                                                                    |
|----------|-----------------------------------------------------------------------------|
| SGD      | w ← w − η·g                                                                 |
| Momentum | v ← μ·v + g, w ← w − η·v       (convention "pytorch")                       |
|          | v ← μ·v − η·g, w ← w + v       (convention "keras": the same while η stays) |
| Adam     | m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², both divided by 1 − βᵗ,      |
|          | w ← w − η·m / (√v + ε)         (Kingma & Ba 2015, algorithm 1)              |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bpcourse.engine.validation import Array, real, require

Rate: TypeAlias = float | Callable[[int], float]
"""A learning rate: a number, or a function of the epoch, counted from 1."""

Update: TypeAlias = Callable[[Array, Array, float], None]
"""Change parameters in place, by their gradient and the learning rate; both are (size,) arrays."""


def rate_at(rate: Rate, epoch: int) -> float:
    """Return the learning rate of an epoch: finite and above 0; a function of the epoch may also return 0."""
    if callable(rate):
        return real(
            rate(epoch), f"learning_rate({epoch})", "0 or a positive finite number", lambda v: 0 <= v < math.inf
        )
    return real(rate, "learning_rate", "a positive finite number, such as 0.1", lambda value: 0 < value < math.inf)


@dataclass(frozen=True)
class SGD:
    """Gradient descent.

    >>> w = np.array([1.0, 2.0])
    >>> SGD().start(w)(w, np.array([4.0, 0.0]), 0.25)
    >>> w
    array([0., 2.])
    """

    learning_rate: Rate = 0.5

    def __post_init__(self) -> None:
        rate_at(self.learning_rate, 1)

    def start(self, parameters: Array) -> Update:
        """Return the update for parameters of this size."""
        step = np.empty_like(parameters)

        def update(w: Array, g: Array, rate: float) -> None:
            np.multiply(g, rate, step)
            np.subtract(w, step, w)

        return update


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with a velocity that remembers earlier gradients.

    momentum : the share of the velocity that is kept, at least 0 and below 1
    convention : "pytorch" or "keras"; they differ when the learning rate changes on the way
    """

    learning_rate: Rate = 0.1
    momentum: float = 0.9
    convention: str = "pytorch"

    def __post_init__(self) -> None:
        rate_at(self.learning_rate, 1)
        _share(self.momentum, "momentum")
        known = ("pytorch", "keras")
        require(self.convention in known, f"convention must be one of {', '.join(known)}; got {self.convention!r}.")

    def start(self, parameters: Array) -> Update:
        """Return the update for parameters of this size, with a velocity of 0."""
        velocity, step, momentum = np.zeros_like(parameters), np.empty_like(parameters), self.momentum

        def pytorch(w: Array, g: Array, rate: float) -> None:
            np.multiply(velocity, momentum, velocity)
            np.add(velocity, g, velocity)
            np.multiply(velocity, rate, step)
            np.subtract(w, step, w)

        def keras(w: Array, g: Array, rate: float) -> None:
            np.multiply(velocity, momentum, velocity)
            np.multiply(g, rate, step)
            np.subtract(velocity, step, velocity)
            np.add(w, velocity, w)

        return pytorch if self.convention == "pytorch" else keras


@dataclass(frozen=True)
class Adam:
    """Gradient descent with a step size for each parameter, from running means of its gradient and its square.

    beta1, beta2 : the shares of the means that are kept, at least 0 and below 1
    epsilon : added to the root, so that nothing is divided by 0
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        rate_at(self.learning_rate, 1)
        _share(self.beta1, "beta1")
        _share(self.beta2, "beta2")
        real(self.epsilon, "epsilon", "a positive finite number, such as 1e-8", lambda value: 0 < value < math.inf)

    def start(self, parameters: Array) -> Update:
        """Return the update for parameters of this size, with means of 0."""
        # The sums are those of the means without the factors 1 − β, which are put back in `size` and `rate`: two
        # passes over the parameters less.
        sums, squares, step = np.zeros_like(parameters), np.zeros_like(parameters), np.empty_like(parameters)
        beta1, beta2, epsilon = self.beta1, self.beta2, self.epsilon
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
    real(value, name, "at least 0 and below 1, such as 0.9", lambda value: 0 <= value < 1)
