"""The mistakes: each replaces one rule of the computation, and explains the misconception behind it.

A mistake has no answers. Its number for any question about any network comes out when its rules replace the right
ones and everything that follows is computed from there. Most were seen in questions, courses and code that people
published: tests/data/mistakes.json says where, and has their numbers on one network. The ids are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bpcourse.registry import Registry
from bpcourse.tutor.equations import Step
from bpcourse.tutor.mistakes import search
from bpcourse.tutor.mistakes.activation import ACTIVATION
from bpcourse.tutor.mistakes.batch import BATCH, OF_SHAPES
from bpcourse.tutor.mistakes.chain import CHAIN
from bpcourse.tutor.mistakes.cross_entropy import CROSS_ENTROPY
from bpcourse.tutor.mistakes.forward import FORWARD
from bpcourse.tutor.mistakes.in_code import IN_CODE
from bpcourse.tutor.mistakes.loss import LOSS
from bpcourse.tutor.mistakes.pen import PEN
from bpcourse.tutor.mistakes.record import Mistake
from bpcourse.tutor.mistakes.search import Candidate, Memo, right_way
from bpcourse.tutor.mistakes.softmax import SOFTMAX
from bpcourse.tutor.mistakes.update import UPDATE

CATALOGUE = (*ACTIVATION, *FORWARD, *LOSS, *CHAIN, *UPDATE, *PEN, *CROSS_ENTROPY, *SOFTMAX, *BATCH)

_KNOWN = {mistake.id: mistake for mistake in (*CATALOGUE, *OF_SHAPES)}
MISTAKES = Registry("mistake", {**_KNOWN, **{each.id: each for each in IN_CODE if each.id not in _KNOWN}})
"""The mistakes by id, in the order in which the chapters of a course come to them."""

__all__ = ["CATALOGUE", "MISTAKES", "Candidate", "Memo", "Mistake", "candidates", "right_way", "wrong_values"]


def candidates(
    table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None, memo: Memo | None = None
) -> Iterator[Candidate]:
    """Yield what each mistake of the catalogue makes of a value; see `search.candidates`."""
    return search.candidates(CATALOGUE, table, name, known, memo)


def wrong_values(
    table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None, memo: Memo | None = None
) -> Iterator[tuple[tuple[Mistake, ...], float]]:
    """Yield each mistake, then each pair, with what it makes of a value, unless it leaves it right.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> from bpcourse.tutor.equations import table
    >>> found = wrong_values(table(EXAMPLES["mazur"].backprop()), "dW2[1,1]")
    >>> next((mistakes[0].id, round(value, 9)) for mistakes, value in found)
    ('drop_sigma_prime_out', 0.439829649)
    """
    return ((each.mistakes, each.value) for each in candidates(table, name, known, memo))
