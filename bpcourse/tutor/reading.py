"""Read what a learner answers: a number or an array that was typed, pasted or computed.

Nothing in an answer is executed. An answer that cannot be read raises a `ValueError`, which says what was needed and
what was given.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bpcourse.numbers import Reading, parse_digits, read_float

FEWEST_DIGITS = 3
TIE = 1 + 1e-6  # a value that ends in 5 is half a unit from both its neighbors, except for rounding in the machine
LEVELS = 3  # of brackets around a number
MOST_NUMBERS = 100_000  # in an array
LONGEST = 200_000  # characters of a pasted array

_ARRAY = "needed an array of numbers, such as [[0.1, 0.2], [0.3, 0.4]]"
_PASTED = re.compile(r"(?:(?:np|numpy)\.)?array\((?P<inside>.*?)(?:,\s*dtype=[\w.<>']{1,20})?\)", re.DOTALL)


# An answer may be any object. These helpers look at its type and do not call its own methods, which may fail.


def _is(answer: object, *kinds: type) -> bool:
    return issubclass(type(answer), kinds)


def _text(answer: object) -> str | None:
    return str.__str__(cast("str", answer)) if _is(answer, str) else None


def _shown(answer: object) -> str:
    if _is(answer, np.ndarray):
        return f"an array of shape {np.asarray(answer).shape}"
    name = type.__dict__["__name__"].__get__(type(answer))  # a repr may hold an address, which differs from run to run
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name[:40]}"


def is_nothing(answer: object) -> bool:
    """Return whether there is no answer yet.

    Examples
    --------
    >>> is_nothing(...), is_nothing(" "), is_nothing(0)
    (True, True, False)
    """
    text = _text(answer)
    return answer is None or answer is ... or (text is not None and not text.strip())


# One number


def read_answer(answer: object) -> Reading | None:
    """Read a learner's number.

    Parameters
    ----------
    answer : object
        A number, text as for `bpcourse.parse_number`, or a list, tuple or array that contains just one of these.

    Returns
    -------
    Reading or None
        None if there is no answer yet.

    Raises
    ------
    ValueError
        If the answer is not one finite number. No object causes a different exception.

    Examples
    --------
    >>> read_answer("0.0820").digits, read_answer([0.0820]).digits, read_answer(...) is None
    (3, 2, True)
    """
    if is_nothing(answer):
        return None
    if _is(answer, tuple) and tuple.__len__(cast("tuple[object, ...]", answer)) == 2:
        raise ValueError("needed one number; got two: use a decimal point, or quotes around a decimal comma, '0,25'")
    try:
        plain = _plain(answer)
    except OverflowError:
        raise ValueError("needed one number; this one is too large for a float") from None
    except Exception:  # a time span, or an object that fails to be a number
        plain = None
    if plain is None:
        raise ValueError(f"needed one number, such as 0.0822; got {_shown(answer)}")
    if isinstance(plain, str):
        return _a_plain_zero_is_zero(parse_digits(plain))
    if not math.isfinite(plain):
        raise ValueError(f"needed one finite number; got {plain}")
    return _a_plain_zero_is_zero(read_float(plain))


def _plain(answer: Any) -> str | float | None:
    """Return the text or the number in an answer. The answer may raise anything."""
    for _ in range(LEVELS):
        if _is(answer, np.ndarray) and not _is(answer, np.ma.MaskedArray) and answer.size == 1:
            answer = answer.flat[0]
        elif _is(answer, list, tuple) and len(answer) == 1:
            answer = answer[0]
    if _is(answer, Decimal):
        return Decimal.__str__(answer)
    if _is(answer, Real) and not _is(answer, bool):
        return float(str(answer) if _is(answer, np.float16, np.float32) else answer)
    return _text(answer)


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
    if not value:
        return 0.0
    exponent = math.floor(math.log10(abs(value)) + 1e-12)  # 0.1 is 0.1, even if a sum made it a little smaller
    return 0.5 * 10.0 ** (exponent + 1 - digits)


def with_its_zeros(reading: Reading) -> Reading:
    """Return a number that Python wrote with at least three digits: 0.5 may have been 0.500."""
    if reading.written or reading.digits >= FEWEST_DIGITS:
        return reading
    half = min(reading.half_unit, half_unit(reading.value, FEWEST_DIGITS) * TIE)
    return replace(reading, digits=FEWEST_DIGITS, half_unit=half)


# An array


def read_array(answer: object) -> NDArray[np.object_]:
    r"""Read the shape and the entries of a learner's array. `read_answer` reads each entry.

    Parameters
    ----------
    answer : object
        An array, nested lists or tuples, or a pasted array as text. A single number gives an array of shape ().

    Returns
    -------
    array of objects
        The entries, unread.

    Raises
    ------
    ValueError
        If this is not an array. No object causes a different exception.

    Examples
    --------
    >>> read_array([[0.1, "0,2"], [0.3, ...]]).shape
    (2, 2)
    >>> read_array("array([[0.1, 0.2],\n       [0.3, 0.4]])").tolist()
    [[0.1, 0.2], [0.3, 0.4]]
    >>> read_array([[1, 2, 3], [4], [5, 6, 7]])
    Traceback (most recent call last):
    ValueError: needed rows of equal length; row 2 has 1 number, the others have 3
    """
    text = _text(answer)
    if text is not None:
        answer = _pasted(text.strip())
    elif not _is(answer, list, tuple, range, np.ndarray, np.generic):
        with suppress(Exception):  # a tensor or a table of another library
            answer = np.asarray(answer) if hasattr(type(answer), "__array__") else answer
    if _rows(answer) is None:
        try:
            read_answer(answer)
        except ValueError:
            raise ValueError(f"{_ARRAY}; got {_shown(answer) if text is None else repr(text[:40])}") from None
    shape, entries = _shape_and_entries(answer, LEVELS)
    array = np.empty(len(entries), dtype=object)
    for place, entry in enumerate(entries):
        array[place] = entry
    return array.reshape(shape)


def _rows(found: Any) -> list[object] | None:
    """Return the rows or entries of an array or a list, only as many as are needed; None for anything else."""
    if _is(found, np.ma.MaskedArray):
        raise ValueError("needed an array without a mask; got a masked array")
    if _is(found, np.ndarray):
        plain = np.asarray(found)
        return list(plain[: MOST_NUMBERS + 1]) if plain.ndim else None
    for kind in (list, tuple, range):
        if _is(found, kind):
            return list(kind.__getitem__(found, slice(MOST_NUMBERS + 1)))
    return None


def _shape_and_entries(found: object, levels: int) -> tuple[tuple[int, ...], list[object]]:
    rows = _rows(found)
    if rows is None:
        return (), [found]
    if levels == 0:
        raise ValueError(f"{_ARRAY}; got more than {LEVELS} levels of brackets")
    if not rows:
        raise ValueError(f"{_ARRAY}; got {'an empty one' if levels == LEVELS else 'an empty row'}")
    shapes: list[tuple[int, ...]] = []
    entries: list[object] = []
    for row in rows:
        shape, own = _shape_and_entries(row, levels - 1)
        shapes.append(shape)
        entries += own
        if len(entries) > MOST_NUMBERS:
            raise ValueError(f"{_ARRAY}; got more than {MOST_NUMBERS:,} numbers")
    if len(set(shapes)) > 1:
        raise ValueError(f"needed rows of equal length; {_unequal(shapes)}")
    return (len(rows), *shapes[0]), entries


def _unequal(shapes: list[tuple[int, ...]]) -> str:
    """Return the words for rows of different lengths. They name a row that is unlike the others, or a shorter one."""
    ((usual, count),) = Counter(sorted(shapes, reverse=True)).most_common(1)
    odd = next(place for place, shape in enumerate(shapes) if shape != usual)
    others = "the others have" if 1 < count == len(shapes) - 1 else f"row {shapes.index(usual) + 1} has"
    much = usual[0] if len(usual) == len(shapes[odd]) == 1 else _size(usual)
    return f"row {odd + 1} has {_size(shapes[odd])}, {others} {much}"


def _size(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return "1 number" if shape == (1,) else f"{shape[0]} numbers"
    return f"shape {shape}" if shape else "no brackets"


def _pasted(text: str) -> object:
    """Return an array in text as nested lists, and other text unchanged."""
    if len(text) > LONGEST:
        raise ValueError(f"{_ARRAY}; got text of more than {LONGEST:,} characters")
    printed = _PASTED.fullmatch(text)
    inside = printed["inside"].strip() if printed else text
    if not inside.startswith("["):
        return text
    lists: list[list[object]] = [[]]
    for piece in re.findall(r"[\[\]]|[^\[\]]+", inside):
        if piece == "[" and len(lists) <= LEVELS + 1:
            lists[-1].append([])
            lists.append(cast("list[object]", lists[-1][-1]))
        elif piece == "]" and len(lists) > 1:
            lists.pop()
        elif piece not in "[]":
            lists[-1] += _numbers(piece, computed=bool(printed) or "," not in inside)
        else:
            raise ValueError(f"{_ARRAY}; the brackets do not match, or there are too many")
    if len(lists) > 1 or len(lists[0]) > 1:
        raise ValueError(f"{_ARRAY}; the brackets do not match")
    return lists[0][0]


def _numbers(text: str, computed: bool) -> list[object]:
    """Return the numbers between two brackets as text, or as floats if NumPy printed them.

    NumPy prints 0.500 as 0.5, so the digits of its numbers say nothing.
    """
    comma = "," in text
    if comma and re.search(r"\d\.?\s+[-+]?[\d.]", text):
        raise ValueError("needed commas or spaces between the numbers of an array; got both")
    parts = re.findall(r"""'[^']*'|"[^"]*"|[^,'"\s][^,'"]*""" if comma else r"\S+", text)
    return [_float(part) if computed else part.strip() for part in parts]


def _float(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()
