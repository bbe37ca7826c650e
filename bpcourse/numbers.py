"""How numbers are written for people, and how numbers that people wrote are read."""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import Any

from bpcourse.registry import brief

MINUS = "\N{MINUS SIGN}"
WIDTH = 92  # of a line of text, in characters: a notebook breaks longer lines in the middle of a word


def format_number(value: float, digits: int = 4, signed: bool = False) -> str:
    """Write a number with significant digits and a true minus sign.

    Fixed decimals would show a small gradient as 0.0004. Significant digits keep its digits.

    Parameters
    ----------
    value : float
        The number. NaN and infinity are allowed.
    digits : int
        How many significant digits to write.
    signed : bool
        Whether a positive number gets a plus sign, as gradients do.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If `value` is not a single real number.
    ValueError
        If `digits` is not a whole number from 1 to 100.

    Examples
    --------
    >>> format_number(0.000438567), format_number(-0.5)
    ('0.0004386', '−0.5000')
    >>> format_number(12345.6), format_number(8.533e-17), format_number(float("-inf"))
    ('12346', '8.533e−17', '−∞')
    >>> format_number(0.0822, signed=True), format_number(0.0, signed=True)
    ('+0.08220', '0')

    """
    if type(value) is not float:  # which it nearly always is
        with suppress(Exception):  # a very large integer, or a time span
            value = float(value) if isinstance(value, Real) else value
    if type(value) is not float:
        raise TypeError(f"format_number takes one real number; got {brief(value)}. Write those of an array one by one.")
    if not isinstance(digits, int) or not 0 < digits <= 100:
        raise ValueError(f"digits must be a whole number from 1 to 100; got {brief(digits)}.")
    if not isinstance(signed, bool):
        raise TypeError(f"signed must be True or False; got {brief(signed)}.")
    if math.isnan(value):
        return "nan"
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    if value == 0 or math.isinf(value):
        return sign + ("0" if value == 0 else "∞")
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power <= 6:
        return f"{sign}{abs(value):.{max(0, digits - 1 - power)}f}"
    return f"{sign}{mantissa}e{MINUS if power < 0 else ''}{abs(power)}"


def format_given(value: float, digits: int = 6) -> str:
    """Write a number with at most `digits` significant digits and without trailing zeros.

    Examples
    --------
    >>> format_given(-0.05), format_given(3.0), format_given(1234567.0), format_given(1e-7)
    ('−0.05', '3', '1.23457e6', '1e−7')

    """
    text = f"{value:.{digits}g}".replace("-", MINUS)
    mantissa, _, power = text.partition("e")
    return f"{mantissa}e{power[0].replace('+', '')}{power[1:].lstrip('0')}" if power else text


@dataclass(frozen=True)
class Reading:
    """A number that a person wrote, and how exactly it was written.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        How many significant digits it has.
    half_unit : float
        Half a unit of its last digit.
    written : bool
        Whether a person chose the digits. A Python number has lost its trailing zeros, or has too
        many digits.

    """

    value: float
    digits: int
    half_unit: float
    written: bool = True


EXACT_DIGITS = 15  # a float always holds this many; a fraction such as 1/3 counts as written with them
_LONGEST = 100  # no number has more characters, and refusing a text takes no time

_DECIMAL = r"[+-]? (?: \d+ (?:[.,]\d*)? | [.,]\d+ )"
_POWER = r"[+-]?\d{1,6}"  # no float needs a larger exponent, and the Decimal of one would take long
_NUMBER = rf"""
    (?P<decimal> {_DECIMAL} ) (?: [eE] (?P<exponent> {_POWER} ) )?                     # 0.082  -0,082  8.2e-2
        (?: \s*/\s* (?P<below> {_DECIMAL} (?: [eE] {_POWER} )? ) )?                    # 1/4
    | (?: (?P<factor> {_DECIMAL} ) \s* [·*xX] \s* )? 10                                # 8.2 · 10…  10…
        (?: \s* (?: \^ | \*\* ) \s* [({{]? (?P<power> {_POWER} ) [)}}]?                # …^-2  …**(-2)  …^{{-2}}
          | (?P<raised> [⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,6}} ) )                                   # …⁻²
    """  # compiled when the first number is read, and not when the package is imported
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_WRAPPED = r"""
    (?: \w+\. )? (?: float | int | array | tensor ) \d* \( ([^(),]+) (?: , \s* dtype=[\w.]+ )? \)  # as Python prints it
    | [=≈] (.+)  | \$ (.+) \$ | '(.+)' | "(.+)"
    | \[ ([^,]+) ,? \] | \( ([^(),]+) ,? \)  # a comma in brackets may separate two numbers, so it is not read
    | (.*[^.,\s]) \.                         # the end of a sentence
    """
_ROUND = r"(?: \w+\. )? round \( ([^,]+) (?: , \s* (\d{1,2}) )? \)"
_ALIKE = {
    **dict.fromkeys("\N{SOFT HYPHEN}‐‑‒–—―−﹘﹣", "-"),
    **dict.fromkeys("×⋅•∗∙", "·"),
    **dict.fromkeys("~∼≃≅", "≈"),
    "÷": "/", "∕": "/", "٫": ".", "٪": "%",
}  # fmt: skip
_LATEX = {r"\cdot": "·", r"\times": "·", r"\approx": "≈", r"\,": " ", r"\%": "%"}
_ARITHMETIC = r"(?! [+-]\s*[+-] | \([^()]*,[^()]*\)$ | .*[eE][+-]?\d{7} ) [\d.,eE+*/()\s-]+"
_OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
}  # fmt: skip


def parse_number(text: str) -> float:
    """Read a number as a person writes it: a decimal, a fraction, a power of ten, a percentage or simple arithmetic.

    The decimal sign may be a point or a comma, the minus any kind of dash, and the digits those of any script. A
    number may also be pasted from a formula or from what Python prints. Nothing is executed.

    Parameters
    ----------
    text : str
        What the person wrote.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `text` is not exactly one finite number.
    TypeError
        If it is not text.

    Examples
    --------
    >>> parse_number("0.0822"), parse_number("-0,08"), parse_number("−8.2e−2"), parse_number("1/4")
    (0.0822, -0.08, -0.082, 0.25)
    >>> parse_number("8.2 × 10⁻²"), parse_number("8.2*10^-2"), parse_number("10^-2")
    (0.082, 0.082, 0.01)
    >>> parse_number("≈ 17.8 %"), parse_number("np.float64(-0.547)"), parse_number("(0.7 - 1)*0.5")
    (0.178, -0.547, -0.15000000000000002)

    """
    return parse_digits(text).value


def parse_digits(text: str) -> Reading:
    """Read a number as `parse_number` does, together with how exactly it was written.

    The result of arithmetic is read like a float that Python computed.

    Examples
    --------
    >>> parse_digits("0.0820")
    Reading(value=0.082, digits=3, half_unit=5e-05, written=True)
    >>> parse_digits("-8"), parse_digits("1/4").digits
    (Reading(value=-8.0, digits=1, half_unit=0.5, written=True), 15)

    """
    if not isinstance(text, str):
        raise TypeError(f"needed one number as text, such as '0.0822'; got {brief(text)}")
    plain = text.strip()
    if len(plain) <= _LONGEST and (reading := _read("".join(map(_alike, plain)))):
        return reading
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise ValueError(f"needed one number, such as 0.0822, -0,08, 8.2e-2 or 1/3; got {shown!r}")


def read_float(value: float) -> Reading:
    """Return the reading of a finite float that Python computed.

    Examples
    --------
    >>> read_float(0.082)
    Reading(value=0.082, digits=2, half_unit=0.0005, written=False)

    """
    mantissa, _, power = str(float(value)).removesuffix(".0").partition("e")
    _, digits, last = Decimal(mantissa).as_tuple()
    return Reading(value, len(digits), float(f"5e{int(last) + int(power or 0) - 1}"), written=False)


def _alike(character: str) -> str:
    """Return the plain character for one that looks or means the same."""
    if "！" <= character <= "～":  # full-width forms
        character = unicodedata.normalize("NFKC", character)
    digit = unicodedata.decimal(character, None)
    return str(digit) if digit is not None else " " if character.isspace() else _ALIKE.get(character, character)


def _read(text: str) -> Reading | None:
    """Return the reading of a text in plain characters, or None if it is not exactly one finite number."""
    printed = False
    for latex, plain in _LATEX.items():
        text = text.replace(latex, plain)
    while wrapped := re.fullmatch(_WRAPPED, text, re.VERBOSE):
        printed = printed or wrapped.lastindex == 1
        text = wrapped[wrapped.lastindex or 0].strip()
    shift = -2 if text.endswith("%") else 0
    text = re.sub(r"^([+-])\s+", r"\1", text.removesuffix("%").rstrip())
    if rounded := re.fullmatch(_ROUND, text, re.VERBOSE):
        inside = _read(rounded[1])
        return _decimal(f"{inside.value:.{int(rounded[2] or 0)}f}", shift) if inside else None
    if not (found := re.fullmatch(_NUMBER, text, re.VERBOSE)):
        value = _computed(text)
        return read_float(value / 10.0**-shift) if math.isfinite(value) else None
    exponent = int(found["exponent"] or found["power"] or (found["raised"] or "0").translate(_SUPERSCRIPTS)) + shift
    tens = re.fullmatch("1(0+)", found["below"] or "")  # 150/1000 is 0.150
    exponent -= len(tens[1]) if tens else 0
    reading = _decimal((found["decimal"] or found["factor"] or "1").replace(",", "."), exponent)
    if reading and found["below"] and not tens:
        below = float(found["below"].replace(",", "."))
        value = reading.value / below if below else math.inf
        reading = Reading(value, EXACT_DIGITS, abs(value) * 10.0**-EXACT_DIGITS) if math.isfinite(value) else None
    return replace(reading, written=False) if reading and printed else reading


def _decimal(mantissa: str, exponent: int) -> Reading | None:
    """Return the reading of a decimal number times a power of ten, or None if it is too large."""
    value = float(f"{mantissa}e{exponent}")
    _, digits, last = Decimal(mantissa).as_tuple()
    half_unit = float(f"5e{int(last) + exponent - 1}")
    return Reading(value, len(digits), half_unit) if math.isfinite(value) and math.isfinite(half_unit) else None


def _computed(text: str) -> float:
    """Return the result of simple arithmetic, or NaN. Only numbers, + - * / ^ and parentheses are read."""
    if re.search(r"/[^-+*/]*·\s*10\s*[*^]", text):  # 1/8×10^2 has two meanings
        return math.nan
    plain = text.replace("·", "*").replace("^", "**")
    try:
        if re.fullmatch(_ARITHMETIC, plain, re.VERBOSE):
            value = _result(ast.parse(plain.replace(",", "."), mode="eval").body)
            return value if isinstance(value, float) else math.nan  # a root of a negative number is complex
    except Exception:  # whatever fails, this is not arithmetic; floats make every power end soon
        return math.nan
    return math.nan


def _result(node: Any) -> Any:
    """Return the value of an expression of numbers."""
    if isinstance(node, ast.Constant):
        return float(str(node.value))
    operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
    return _OPERATIONS[type(node.op)](*map(_result, operands))
