"""Data to train on: small classic problems with random points, and real images of handwritten digits.

Nothing is downloaded: the digits are part of the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from bpcourse.engine.losses import one_hot
from bpcourse.engine.records import Record
from bpcourse.engine.validation import MOST, Array, frozen, generator, is_count, real, require
from bpcourse.registry import brief


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Record):
    """Examples to learn from.

    Two data sets are equal if their names are equal and their arrays have the same entries.

    Parameters
    ----------
    name : str
        Its name.
    x : (n, inputs) array
        Inputs, stored as a read-only copy in float64.
    y : (n, outputs) array
        Targets, stored in the same way: numbers, or classes as 0 and 1 in one output, or one-hot in several.
    """

    name: str
    x: Array
    y: Array

    def __post_init__(self) -> None:
        vars(self).update(x=frozen(self.x, "x"), y=frozen(self.y, "y"))

    def split(self, rng: np.random.Generator, share: float = 0.8) -> tuple[Dataset, Dataset]:
        """Shuffle the examples, and divide them into a training set and a test set.

        Parameters
        ----------
        rng : numpy.random.Generator
            Shuffles the examples.
        share : float
            Share of the examples in the training set.

        Raises
        ------
        ValueError
            If a part would be empty.

        Examples
        --------
        >>> [part.x.shape for part in digits().split(np.random.default_rng(0))]
        [(1438, 64), (359, 64)]
        """
        share = real(share, "share", "between 0 and 1, such as 0.8", lambda share: 0 < share < 1)
        order, first = generator(rng).permutation(len(self.x)), round(share * len(self.x))
        require(0 < first < len(self.x), f"a share of {share:g} of {len(self.x)} examples leaves one part empty.")
        learn, test = (Dataset(self.name, self.x[rows], self.y[rows]) for rows in (order[:first], order[first:]))
        return learn, test

    def __repr__(self) -> str:
        return f"Dataset({self.name}: {len(self.x)} examples, {self.x.shape[1]} → {self.y.shape[1]})"


def xor() -> Dataset:
    """Make the four corners of a square. The class is 1 where exactly one input is 1.

    Examples
    --------
    >>> xor().y.ravel()
    array([0., 1., 1., 0.])
    """
    return Dataset("xor", np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]]))


def moons(n: int = 200, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Make two interleaving half circles with normal noise: n points in two classes.

    Parameters
    ----------
    n : int
        Number of points. The classes alternate.
    noise : float
        Standard deviation of the noise.
    rng : numpy.random.Generator, optional
        Draws the points. By default one with seed 0.
    """
    rng, angle, y = _draw(n, noise, rng)
    angle = math.pi * angle
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    x = np.where(y == 1, [1, 0.5] - x, x)
    return Dataset("moons", x + noise * rng.normal(size=x.shape), y)


def spirals(n: int = 200, noise: float = 0.03, turns: float = 1.0, rng: np.random.Generator | None = None) -> Dataset:
    """Make two spirals around each other with normal noise: n points in two classes.

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    turns : float
        How often each spiral goes around the center.
    """
    turns = real(turns, "turns", "a number from −1000 to 1000", lambda turns: abs(turns) <= 1000)
    rng, along, y = _draw(n, noise, rng)
    along = 0.1 + 0.9 * along
    angle = 2 * math.pi * turns * along + math.pi * y[:, 0]
    x = np.column_stack([along * np.cos(angle), along * np.sin(angle)])
    return Dataset("spirals", x + noise * rng.normal(size=x.shape), y)


def rings(n: int = 200, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Make a ring and a disc inside it with normal noise: n points in two classes.

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    """
    rng, angle, y = _draw(n, noise, rng)
    radius = np.where(y == 1, 0.4 * np.sqrt(rng.uniform(size=(n, 1))), 1.0)
    x = radius * np.column_stack([np.cos(2 * math.pi * angle), np.sin(2 * math.pi * angle)])
    return Dataset("rings", x + noise * rng.normal(size=x.shape), y)


def wave(n: int = 100, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Make points on y = sin(π·x), with x from −1 to 1 and normal noise: one number is predicted from one number.

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    """
    rng, along, _ = _draw(n, noise, rng)
    x = math.pi * (2 * along[:, np.newaxis] - 1)
    return Dataset("wave", x / math.pi, np.sin(x) + noise * rng.normal(size=x.shape))


def digits() -> Dataset:
    """Load 1,797 images of handwritten digits: 8 × 8 gray values from 0 to 1, row by row, and their classes.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test set), UCI Machine
    Learning Repository 1998, doi.org/10.24432/C50P49, license CC BY 4.0.

    Examples
    --------
    >>> digits(), digits().y[0].argmax().item()
    (Dataset(digits: 1797 examples, 64 → 10), 0)
    """
    with (files("bpcourse") / "data" / "digits.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        images, labels = stored["images"], stored["labels"]
    return Dataset("digits", images / 16, one_hot(labels.astype(int), 10))


def _draw(n: int, noise: float, rng: np.random.Generator | None) -> tuple[np.random.Generator, Array, Array]:
    """Check the settings. Draw a number between 0 and 1 for each point, (n,), and alternate the classes, (n, 1)."""
    require(is_count(n) and n <= MOST, f"n must be a whole number from 1 to {MOST:,}; got {brief(n)}.")
    real(noise, "noise", "a number from 0 to 1e100", lambda noise: 0 <= noise <= 1e100)
    rng = generator(rng)
    return rng, rng.uniform(size=n), np.arange(n)[:, np.newaxis] % 2.0
