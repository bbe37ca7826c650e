"""How numbers are written and read: significant digits, a true minus, and what people type."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

MINUS = "\N{MINUS SIGN}"
WIDTH = 92  # of a line of words, in letters: a notebook breaks longer ones in the middle of a word
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def format_number(value: float, digits: int = 4, signed: bool = False) -> str:
    """Write `value` with `digits` significant digits and a true minus; a gradient also shows its plus.

    Fixed decimals would show a small gradient as 0.0004; significant digits keep what is known of it.

    >>> format_number(0.000438567), format_number(-0.5), format_number(12345.6), format_number(8.533e-17)
    ('0.0004386', '−0.5000', '12346', '8.533e−17')
    >>> format_number(0.0822, signed=True), format_number(0.0, signed=True), format_number(float("-inf"))
    ('+0.08220', '0', '−∞')
    """
    if type(value) is not float and not isinstance(value, Real):  # the first is quick, and nearly always enough
        raise TypeError(
            f"format_number takes one real number; got {value!r}. For an array, write its entries one by one."
        )
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
    """Write a number as it was given, without closing zeros, with `digits` significant digits at most.

    >>> format_given(-0.05), format_given(3.0), format_given(1234567.0), format_given(1e-7)
    ('−0.05', '3', '1.23457e6', '1e−7')
    """
    text = f"{value:.{digits}g}".replace("-", MINUS)
    mantissa, _, power = text.partition("e")
    return f"{mantissa}e{power[0].replace('+', '')}{power[1:].lstrip('0')}" if power else text


@dataclass(frozen=True)
class Reading:
    """A number that a person wrote: its value, how many significant digits it has, and half a unit of the last one.

    written : whether a person chose the digits; a number of Python has lost its closing zeros, or has too many
    """

    value: float
    digits: int
    half_unit: float
    written: bool = True


EXACT_DIGITS = 15  # what a float holds for sure; a fraction counts as written with that many


def parse_number(text: str) -> float:
    """Read a number as a person writes it: a decimal, a fraction, a power of ten.

    The decimal sign may be a point or a comma, the minus a hyphen or a true minus.
    Raises ValueError where `text` is not one finite number, TypeError where it is not text.

    >>> parse_number("0.0822"), parse_number("-0,08"), parse_number("−8.2e−2"), parse_number("1/4")
    (0.0822, -0.08, -0.082, 0.25)
    >>> parse_number("8.2 × 10⁻²"), parse_number("8.2*10^-2"), parse_number("10^-2")
    (0.082, 0.082, 0.01)
    """
    return parse_digits(text).value


def parse_digits(text: str) -> Reading:
    """Read a number as `parse_number` does, and how exactly it was written.

    >>> parse_digits("0.0820")
    Reading(value=0.082, digits=3, half_unit=5e-05, written=True)
    >>> parse_digits("-8"), parse_digits("1/4").digits
    (Reading(value=-8.0, digits=1, half_unit=0.5, written=True), 15)
    """
    if not isinstance(text, str):
        raise TypeError(f"needed one number as text, such as '0.0822'; got {text!r}")
    plain = text.strip().replace(MINUS, "-").replace("\N{EN DASH}", "-")
    plain = plain if len(plain) <= 80 else ""  # no number is longer, and no text takes long to refuse
    plain = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda power: "^" + power[0].translate(_SUPERSCRIPTS), plain)
    plain = re.sub(r"^10(?=\^|\*\*)", "1*10", plain)
    plain = re.sub(r"\s*[×·*xX]\s*10\s*(?:\^|\*\*)\s*\(?([+-]?\d+)\)?$", r"e\1", plain)
    decimal = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
    found = re.fullmatch(rf"({decimal})(?:\s*/\s*({decimal}))?", plain)
    if found:
        above, below = (float((part or "1").replace(",", ".")) for part in found.groups())
        if below != 0 and math.isfinite(above / below):
            if found[2]:
                return Reading(above / below, EXACT_DIGITS, abs(above / below) * 10.0**-EXACT_DIGITS)
            _, digits, exponent = Decimal(found[1].replace(",", ".")).as_tuple()
            return Reading(above, len(digits), 0.5 * 10.0 ** int(exponent))
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise ValueError(f"needed one number, such as 0.0822, -0,08, 8.2e-2 or 1/3; got {shown!r}")
