"""Reading answers."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from numbers import Real

import numpy as np

from bpcourse.numbers import Reading, parse_digits

FEWEST_DIGITS = 3
TIE = 1 + 1e-6


def read_answer(answer: object) -> Reading | None:
    """Read a learner's answer; None if there is none yet.

    Raises
    ------
    ValueError
        If the answer is not one finite number.

    Examples
    --------
    >>> read_answer("0.0820").digits, read_answer(0.0820).digits, read_answer(...) is None
    (3, 2, True)
    """
    if is_nothing(answer):
        return None
    if isinstance(answer, np.ndarray) and answer.ndim == 0 and not np.ma.isMaskedArray(answer):
        answer = answer.item()
    if isinstance(answer, (str, Decimal)):
        return _a_plain_zero_is_zero(parse_digits(str(answer)))
    if isinstance(answer, tuple) and len(answer) == 2:
        raise ValueError("needed one number; got two: use a decimal point, or quotes around a decimal comma, '0,25'")
    if not isinstance(answer, Real) or isinstance(answer, (bool, np.bool_)):
        raise ValueError(f"needed one number, such as 0.0822; got {_shown(answer)}")
    if not math.isfinite(answer):
        raise ValueError(f"needed one finite number; got {float(answer)}")
    text = str(answer) if isinstance(answer, np.float32) else str(float(answer)).removesuffix(".0")
    return _a_plain_zero_is_zero(replace(parse_digits(text), written=False))


def _a_plain_zero_is_zero(reading: Reading) -> Reading:
    """Return a plain 0 as an exact number; 0.00 may be a small number that was rounded."""
    plain = reading.value == 0 and reading.half_unit >= 0.5
    return replace(reading, digits=FEWEST_DIGITS, half_unit=0.0) if plain else reading


def half_unit(value: float, digits: int) -> float:
    """Return half a unit of the last digit of a number with this many significant digits; 0 for 0.

    Examples
    --------
    >>> half_unit(0.0822, 3), half_unit(123.0, 2)
    (5e-05, 5.0)
    """
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else 0.0


def with_its_zeros(reading: Reading) -> Reading:
    """Return a number that Python wrote with at least three digits: 0.5 may have been 0.500."""
    if reading.written or reading.digits >= FEWEST_DIGITS:
        return reading
    half = min(reading.half_unit, half_unit(reading.value, FEWEST_DIGITS) * TIE)
    return replace(reading, digits=FEWEST_DIGITS, half_unit=half)


def is_nothing(answer: object) -> bool:
    return answer is None or answer is ... or (isinstance(answer, str) and not answer.strip())


def _shown(answer: object) -> str:
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    return f"a {type(answer).__name__}"  # its repr may hold an address, which differs from run to run


def read_array(answer):
    try:
        return np.array(answer, dtype=object)
    except Exception:
        raise ValueError("not a table") from None
