"""Slips of the pen: rounding too early, a decimal point, a sign."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bpcourse.tutor.mistakes.record import Mistake, Rules
from bpcourse.tutor.mistakes.view import At, output


def _without_one_minus(at: At) -> Iterable[float]:
    """Return a sum over arrows in which one of the negative terms is taken for positive."""
    terms = at.terms if at.step.kind in ("z", "back") else []
    terms = [*terms, at.bias] if at.step.kind == "z" else terms
    return [at.v[at.step.name] - 2 * term for term in terms if term < 0]


def _rounded(decimals: int) -> Rules:
    """Return the rules that round outputs, slopes, every ∂L/∂a and the output's δ."""

    def rounded(at: At) -> float:
        unit = 10.0**-decimals
        return math.copysign(math.floor(abs(at.right) / unit + 0.5 + 1e-9) * unit, at.right)  # half a unit goes up

    def at_output(at: At) -> float:
        return rounded(at) if output(at.step) else at.right

    return {"a": rounded, "slope": rounded, "error": rounded, "back": rounded, "delta": at_output}


PEN = (
    Mistake("rounded_too_early", rules=_rounded(2)),
    Mistake("rounded_to_three", rules=_rounded(3)),
    Mistake("decimal_point", answers=lambda at: [at.v[at.step.name] * 10, at.v[at.step.name] / 10]),
    Mistake("minus_lost_in_sum", answers=_without_one_minus),
    Mistake("lost_sign", answers=lambda at: [-at.v[at.step.name]]),
)
