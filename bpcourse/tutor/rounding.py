"""How a number was rounded before it was written: every step to four digits, the last digit cut off, and so on.

A person does not compute exactly and round once. She rounds every step, cuts digits off, or goes on in Python from
numbers that a lesson printed. `Keep` is one such habit. `spread` is how far it can move a value, so that an answer can
be compared with what a method gives in the hands of a person, and not only with its exact value.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bpcourse.numbers import Reading
from bpcourse.tutor.equations import Finish, Step

COPIED = ("given", "y_hat", "db")
"""Kinds of steps in which nothing is computed, so nothing is rounded."""

PATTERNS = 6
_SIGNS = tuple(tuple(random.Random(seed).choices((-1.0, 1.0), k=256)) for seed in range(PATTERNS))  # noqa: S311
"""In which direction each step is moved; a few fixed patterns stand for all."""


@dataclass(frozen=True)
class Keep:
    """A habit of rounding: every step is kept with this many significant digits, or this many decimals."""

    count: int
    decimals: bool = False

    def half_unit(self, value: float) -> float:
        """Return half a unit of the last digit that is kept of a value; 0 for a 0."""
        if value == 0:
            return 0.0
        exponent = -self.count if self.decimals else math.floor(math.log10(abs(value))) + 1 - self.count
        return 0.5 * 10.0**exponent

    def rounded(self, value: float) -> float:
        """Return the rounded value."""
        return round(value, self.count) if self.decimals else float(f"{value:.{self.count - 1}e}")

    def error(self, value: float) -> float:
        """Return how far rounding can move a value like this one; 0 if it has no digits to lose."""
        return 0.0 if math.isclose(self.rounded(value), value) else self.half_unit(value)


def habits(reading: Reading) -> Iterator[Keep]:
    """Yield the habits that may have led to a number, the most careful first.

    A number of few digits comes from steps of few digits. One of many may come from a calculator or from Python, and
    then the steps before it may have been rounded to four digits all the same.
    """
    digits = min(reading.digits, 6)
    yield from (Keep(count) for count in range(digits, min(digits, 4) - 1, -1) if count >= 3)
    decimals = round(-math.log10(2 * reading.half_unit)) if reading.half_unit > 0 else 0
    if reading.written and 4 <= decimals <= 6:
        yield Keep(decimals, decimals=True)


def spread(again: Callable[[Finish], float], value: float, keep: Keep) -> float:
    """Return the standard deviation that a habit of rounding gives a value.

    Parameters
    ----------
    again : callable
        Computes the value again, and hands each step's value to a `Finish`.
    value : float
        The exact value.
    keep : Keep
        The habit.
    """
    total = 0.0
    for signs in _SIGNS:
        count = 0

        def moved(step: Step, exact: float, signs: tuple[float, ...] = signs) -> float:
            nonlocal count
            if step.kind in COPIED or exact == 0:
                return exact
            count += 1
            terms = step.terms(step.inputs) if step.kind in ("z", "back", "delta") else []
            size = math.hypot(keep.error(exact), *map(keep.error, terms))
            return exact + signs[count % len(signs)] * size / math.sqrt(3)

        off = again(moved) - value
        total += off * off  # of huge numbers infinity, where ** would raise
    return math.sqrt(total / PATTERNS)
