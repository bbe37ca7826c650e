"""Predict first: what a learner says before anything moves, and what came of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from bpcourse.names import Name, Notation
from bpcourse.numbers import format_number, parse_number

NAME = r"(?<![A-Za-z_])[A-Za-z_]+\d*\[[\d, ]+\](?:@\d+)?|\bloss\b|\blearning_rate\b"


@dataclass(frozen=True)
class Prediction:
    """A learner's answer to a question, given before anything moves.

    name : the value that the question is about, or ""
    said : the answer: words, a sign or a number
    start : the value at that moment, or None if the question names no value
    end : the value after the first move, or None before it
    """

    name: str
    said: str
    start: float | None
    end: float | None = None

    @staticmethod
    def about(question: str, asked: Iterable[str] = ()) -> str:
        """Return the name of the value that a question is about, or "".

        It is the last value in the question that is not a weight, bias, input, target or learning
        rate. If an explorer can be asked about the plain words in `asked`, it is the first of these
        that occurs.

        >>> Prediction.about("What does dW2[1,2] do when b1[1] grows?"), Prediction.about("Who knows?")
        ('dW2[1,2]', '')
        """
        if asked:
            return next((name for name in asked if re.search(rf"\b{name}\b", question)), "")
        named, given = _named(question), ("W", "b", "x", "y", "learning_rate")
        return ([name for name in named if Name.read(name).quantity not in given] or named or [""])[-1]

    def beside(self, notation: Notation = "standard") -> str:
        """Return the prediction next to the result of the first move.

        >>> Prediction("z1[2]", "down", 0.25, 0.125).beside()
        '✓ You predicted: down. z1₂ was 0.2500 and became 0.1250: it went down.'
        >>> Prediction("loss", "0.3", 0.25, 0.125).beside()
        '✗ You predicted: 0.3. loss was 0.2500 and became 0.1250: it went down.'
        """
        words = f"You predicted: {self.said.rstrip('.')}."
        if self.start is None:
            return words
        symbol = in_symbols(self.name, notation)
        if self.end is None:
            return f"{words} {symbol} is {format_number(self.start)} now. Move something once, and see."
        change = self.end - self.start
        went = "it stayed the same" if not change else f"it went {'up' if change > 0 else 'down'}"
        result = f"{symbol} was {format_number(self.start)} and became {format_number(self.end)}: {went}."
        return f"{self._sign(self.start, self.end)} {words} {result}".strip()

    def _sign(self, start: float, end: float) -> str:
        """Return ✓ or ✗, or "" if what was said is neither a direction, a sign of change nor a number."""
        for direction, way in DIRECTIONS.items():
            if re.search(rf"\b(?:{way})\b", self.said.lower()):
                return "✓" if direction == (end > start) - (end < start) else "✗"
        try:
            number = parse_number(self.said)
        except ValueError:
            return ""
        return "✓" if math.isclose(number, end, rel_tol=CLOSE_ENOUGH) else "✗"


CLOSE_ENOUGH = 0.02  # relative: a predicted number this close to the result is right
DIRECTIONS = {
    0: "same|unchanged|not change|constant|stays?",
    1: "up|rises?|grows?|larger|increases?|more|higher",
    -1: "down|falls?|shrinks?|smaller|decreases?|less|lower",
}
"""What people say of a value: that it stays, goes up or goes down."""


def _named(text: str) -> list[str]:
    """Return the names of values in a text."""
    found = []
    for word in re.findall(NAME, text):
        with suppress(ValueError):
            found.append(str(Name.read(word)))
    return found


def in_symbols(text: str, notation: Notation) -> str:
    """Return a text with symbols in place of the names of values.

    Examples
    --------
    >>> in_symbols("Raise W2[1,2]: what does dW1[1,1] do?", "standard")
    'Raise w2₁₂: what does ∂L/∂w1₁₁ do?'
    """

    def symbol(found: re.Match[str]) -> str:
        if found[0] == "loss" or not _named(found[0]):
            return found[0]
        return Name.read(found[0]).symbol(notation)

    return re.sub(NAME, symbol, text)
