"""How numbers are written for people, and how numbers that people wrote are read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

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

    Examples
    --------
    >>> format_number(0.000438567), format_number(-0.5)
    ('0.0004386', '−0.5000')
    >>> format_number(12345.6), format_number(8.533e-17), format_number(float("-inf"))
    ('12346', '8.533e−17', '−∞')
    >>> format_number(0.0822, signed=True), format_number(0.0, signed=True)
    ('+0.08220', '0')

    """
    if type(value) is not float and not isinstance(value, Real):  # the first test is fast, and nearly always enough
        advice = "For an array, write its entries one by one."
        raise TypeError(f"format_number takes one real number; got {value!r}. {advice}")
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


EXACT_DIGITS = 15  # a float always holds this many; a fraction counts as written with them
_LONGEST = 80  # no number has more characters, and refusing a text takes no time

_DECIMAL = r"[+-]? (?: \d+ (?:[.,]\d*)? | [.,]\d+ )"
_NUMBER = rf"""
    (?P<decimal> {_DECIMAL} ) (?: [eE] (?P<exponent> [+-]?\d+ ) )?                     # 0.082  -0,082  8.2e-2
        (?: \s*/\s* (?P<below> {_DECIMAL} (?: [eE] [+-]?\d+ )? ) )?                    # 1/4
    | (?: (?P<factor> {_DECIMAL} ) \s* [×·⋅*xX] \s* )? 10                             # 8.2 × 10…  10…
        (?: \s* (?: \^ | \*\* ) \s* \(? (?P<power> [+-]?\d+ ) \)?                     # …^-2  …**(-2)
          | (?P<raised> [⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+ ) )                                         # …⁻²
    """  # compiled when the first number is read, and not when the package is imported
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def parse_number(text: str) -> float:
    """Read a number as a person writes it: a decimal, a fraction, or a power of ten.

    The decimal sign may be a point or a comma. The minus may be a hyphen or a true minus sign.

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

    """
    return parse_digits(text).value


def parse_digits(text: str) -> Reading:
    """Read a number as `parse_number` does, together with how exactly it was written.

    Examples
    --------
    >>> parse_digits("0.0820")
    Reading(value=0.082, digits=3, half_unit=5e-05, written=True)
    >>> parse_digits("-8"), parse_digits("1/4").digits
    (Reading(value=-8.0, digits=1, half_unit=0.5, written=True), 15)

    """
    if not isinstance(text, str):
        raise TypeError(f"needed one number as text, such as '0.0822'; got {text!r}")
    plain = text.strip().replace(MINUS, "-").replace("\N{EN DASH}", "-").replace(",", ".")
    found = re.fullmatch(_NUMBER, plain, re.VERBOSE) if len(plain) <= _LONGEST else None
    if found:
        mantissa = found["decimal"] or found["factor"] or "1"
        exponent = int(found["exponent"] or found["power"] or (found["raised"] or "0").translate(_SUPERSCRIPTS))
        value, below = float(f"{mantissa}e{exponent}"), float(found["below"] or 1)  # too large a number is inf
        _, digits, last = Decimal(mantissa).as_tuple()
        half_unit = float(f"5e{int(last) + exponent - 1}")
        if below != 0 and math.isfinite(value / below) and math.isfinite(half_unit):
            if found["below"]:
                return Reading(value / below, EXACT_DIGITS, abs(value / below) * 10.0**-EXACT_DIGITS)
            return Reading(value, len(digits), half_unit)
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise ValueError(f"needed one number, such as 0.0822, -0,08, 8.2e-2 or 1/3; got {shown!r}")
