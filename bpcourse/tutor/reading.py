"""Reading a learner's answer: one number, or an array of numbers. Whatever it is, nothing but ValueError is raised."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bpcourse.numbers import Reading, parse_digits, plain_text

T = TypeVar("T")

FEWEST_DIGITS = 3
TIE = 1 + 1e-6  # a value that ends in 5 is half a unit from both its neighbors, except for rounding in the machine
DEEPEST = 3  # levels of an array
LONGEST = 100_000  # characters of an array that was pasted as text


def _only_value_errors(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Return a function that raises only ValueError, even if an object fails to be printed or compared."""

    @wraps(read)
    def safely(answer: Any) -> T:
        try:
            return read(answer)
        except ValueError as error:
            raise ValueError(str(error)) from None
        except OverflowError:
            raise ValueError("needed one number; this one is too large for a float") from None
        except Exception:  # a time span, a list that contains itself, or an object that fails to be a float
            raise ValueError(f"needed one number; got a {type(answer).__name__}") from None

    return safely


@_only_value_errors
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
    >>> read_answer([0.5]).value, read_answer("np.float64(-0.547)").value
    (0.5, -0.547)
    """
    if is_nothing(answer):
        return None
    answer = _single(answer)
    if isinstance(answer, (str, Decimal)):
        return _a_plain_zero_is_zero(parse_digits(str(answer)))
    if isinstance(answer, tuple) and len(answer) == 2:
        raise ValueError("needed one number; got two: use a decimal point, or quotes around a decimal comma, '0,25'")
    if not isinstance(answer, Real) or isinstance(answer, (bool, np.bool_)):
        raise ValueError(f"needed one number, such as 0.0822; got {_shown(answer)}")
    value = float(answer)
    if not math.isfinite(value):
        raise ValueError(f"needed one finite number; got {value}")
    text = str(answer) if isinstance(answer, np.float32) else str(value).removesuffix(".0")
    return _a_plain_zero_is_zero(replace(parse_digits(text), written=False))


def _single(answer: object) -> object:
    """Return the only entry of a list, a tuple or an array, and everything else unchanged."""
    if isinstance(answer, np.ndarray) and answer.size == 1 and not np.ma.isMaskedArray(answer):
        return answer.flat[0] if answer.dtype == np.float32 else answer.item()
    for _ in range(DEEPEST):
        if isinstance(answer, (list, tuple)) and len(answer) == 1:
            answer = answer[0]
    return answer


def is_nothing(answer: object) -> bool:
    """Return whether there is no answer yet."""
    return answer is None or answer is ... or (isinstance(answer, str) and not answer.strip())


def with_its_zeros(reading: Reading) -> Reading:
    """Return a number that Python wrote with at least three digits: 0.5 may have been 0.500."""
    if reading.written or reading.digits >= FEWEST_DIGITS:
        return reading
    half = min(reading.half_unit, half_unit(reading.value, FEWEST_DIGITS) * TIE)
    return replace(reading, digits=FEWEST_DIGITS, half_unit=half)


def half_unit(value: float, digits: int) -> float:
    """Return half a unit of the last digit of a number with this many significant digits; 0 for 0.

    Examples
    --------
    >>> half_unit(0.0822, 3), half_unit(123.0, 2)
    (5e-05, 5.0)
    """
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else 0.0


def _a_plain_zero_is_zero(reading: Reading) -> Reading:
    """Return a plain 0 as an exact number; 0.00 may be a small number that was rounded."""
    plain = reading.value == 0 and reading.half_unit >= 0.5
    return replace(reading, digits=FEWEST_DIGITS, half_unit=0.0) if plain else reading


def _shown(answer: object) -> str:
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    if isinstance(answer, (list, tuple)):
        return f"a {type(answer).__name__} of {len(answer)}"
    return f"a {type(answer).__name__}"  # its repr may contain an address, which differs from run to run


@_only_value_errors
def read_array(answer: object) -> NDArray[Any]:
    r"""Return the entries of an array, in its shape. They are not read yet.

    Parameters
    ----------
    answer : array, list or text
        An array, lists in a list, or the text of one of them.

    Raises
    ------
    ValueError
        If it is not an array: it has rows of different lengths, no entries, or too many levels.

    Examples
    --------
    >>> read_array("[[0.1 0.2]\n [0.3 0.4]]").shape, read_array([["0.10", "0,2"]]).shape
    ((2, 2), (1, 2))
    """
    if isinstance(answer, str):
        answer = _lists(answer)
    if np.ma.isMaskedArray(answer):
        raise ValueError("needed an array without a mask")
    array = answer if isinstance(answer, np.ndarray) else _stacked(answer, 1)
    if array.ndim > DEEPEST:
        raise ValueError(f"got {array.ndim} levels of brackets")
    if array.size == 0:
        raise ValueError("got an empty one")
    return array


def _stacked(answer: object, level: int) -> NDArray[Any]:
    """Return nested lists as an array of objects, or say which row has a different length."""
    if isinstance(answer, np.ndarray):
        return answer.astype(object)
    if not isinstance(answer, (list, tuple)):
        entry = np.empty((), dtype=object)
        entry[()] = answer
        return entry
    if level > DEEPEST + 1:
        raise ValueError("got too many levels of brackets")
    if not any(isinstance(each, (list, tuple, np.ndarray)) for each in answer):
        row = np.empty(len(answer), dtype=object)
        row[:] = answer
        return row
    rows = [_stacked(each, level + 1) for each in answer]
    shapes = [row.shape for row in rows]
    usual = max(set(shapes), key=shapes.count)
    for number, shape in enumerate(shapes, start=1):
        if shape != usual:
            own, other = (str(each[0]) if each else "no list" for each in (shape, usual))
            raise ValueError(f"row {number} has {own}, and other rows have {other}")
    return np.array(rows, dtype=object).reshape(len(rows), *usual)


def _lists(text: str) -> object:
    """Read the text of an array: `[[1, 2], [3, 4]]`, `array([…])`, or as NumPy prints it, without commas."""
    plain = plain_text(text[:LONGEST])
    found = re.search(r"\[.*\]", plain, re.DOTALL)
    if found is None:
        return text
    commas = re.sub(r"(?<=[\d.\]])\s+(?=[-+\d.\[])", ", ", found[0])
    try:
        return ast.literal_eval(commas)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("this text cannot be read as an array") from None
