"""Data to train on: small classics, drawn from a random source, and real images of handwritten digits.

Nothing is downloaded: the digits travel in the wheel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from bpcourse.engine.losses import one_hot
from bpcourse.engine.validation import Array, frozen, is_count, real, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples to learn from.

    name : what it is
    x : (n, inputs) array
    y : (n, outputs) array: numbers, or classes as 0 and 1 in one output, or one-hot in several
    """

    name: str
    x: Array
    y: Array

    def split(self, rng: np.random.Generator, share: float = 0.8) -> tuple[Dataset, Dataset]:
        """Return a training and a test set, the examples shuffled: `share` of them to learn, the others held out.

        >>> [part.x.shape for part in digits().split(np.random.default_rng(0))]
        [(1438, 64), (359, 64)]
        """
        share = real(share, "share", "between 0 and 1, such as 0.8", lambda share: 0 < share < 1)
        order, first = rng.permutation(len(self.x)), round(share * len(self.x))
        require(0 < first < len(self.x), f"a share of {share:g} of {len(self.x)} examples leaves one part empty.")
        return self._part(order[:first]), self._part(order[first:])

    def _part(self, rows: NDArray[np.integer]) -> Dataset:
        return Dataset(self.name, frozen(self.x[rows], "x"), frozen(self.y[rows], "y"))

    def __repr__(self) -> str:
        return f"Dataset({self.name}: {len(self.x)} examples, {self.x.shape[1]} → {self.y.shape[1]})"


def xor() -> Dataset:
    """Return the four corners, of which those with one 1 are to be told from the others.

    >>> xor().y.ravel()
    array([0., 1., 1., 0.])
    """
    return _dataset("xor", np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0]))


def moons(n: int = 200, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Return two half circles that reach into each other, with normal noise."""
    rng, angle, label = _draw(n, noise, rng)
    angle = math.pi * angle
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    x = np.where(label[:, np.newaxis] == 1, [1, 0.5] - x, x)
    return _dataset("moons", x + noise * rng.normal(size=x.shape), label)


def spirals(n: int = 200, noise: float = 0.03, turns: float = 1.0, rng: np.random.Generator | None = None) -> Dataset:
    """Return two spirals around each other, with normal noise."""
    rng, along, label = _draw(n, noise, rng)
    along = 0.1 + 0.9 * along
    angle = 2 * math.pi * turns * along + math.pi * label
    x = np.column_stack([along * np.cos(angle), along * np.sin(angle)])
    return _dataset("spirals", x + noise * rng.normal(size=x.shape), label)


def rings(n: int = 200, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Return a ring and a disc in it, with normal noise."""
    rng, angle, label = _draw(n, noise, rng)
    radius = np.where(label == 1, 0.4 * np.sqrt(rng.uniform(size=n)), 1.0)
    x = radius[:, np.newaxis] * np.column_stack([np.cos(2 * math.pi * angle), np.sin(2 * math.pi * angle)])
    return _dataset("rings", x + noise * rng.normal(size=x.shape), label)


def wave(n: int = 100, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Return points on y = sin(π·x), x from −1 to 1, with normal noise: a regression of one number on one number."""
    rng, along, _ = _draw(n, noise, rng)
    x = math.pi * (2 * along - 1)
    return _dataset("wave", x[:, np.newaxis] / math.pi, np.sin(x) + noise * rng.normal(size=n))


def digits() -> Dataset:
    """Return the 1,797 images of handwritten digits, 8 × 8 grey values from 0 to 1, row by row, and their classes.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test set), UCI Machine Learning
    Repository 1998, doi.org/10.24432/C50P49, licence CC BY 4.0.

    >>> digits(), digits().y[0].argmax().item()
    (Dataset(digits: 1797 examples, 64 → 10), 0)
    """
    with (files("bpcourse") / "data" / "digits.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        images, labels = stored["images"], stored["labels"]
    return Dataset("digits", frozen(images / 16, "x"), one_hot(labels.astype(int), 10))


def _draw(n: int, noise: float, rng: np.random.Generator | None) -> tuple[np.random.Generator, Array, Array]:
    """Return the random source, a place between 0 and 1 for each point, and classes 0 and 1 in turn."""
    require(is_count(n), f"n must be a positive whole number; got {n!r}.")
    real(noise, "noise", "0 or more", lambda noise: 0 <= noise < math.inf)
    source = rng is None or isinstance(rng, np.random.Generator)
    require(source, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {rng!r}.")
    rng = np.random.default_rng(0) if rng is None else rng
    return rng, rng.uniform(size=n), np.arange(n) % 2.0


def _dataset(name: str, x: Array, y: Array) -> Dataset:
    return Dataset(name, frozen(x, "x"), frozen(y[:, np.newaxis], "y"))
