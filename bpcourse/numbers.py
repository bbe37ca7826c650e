"""How numbers are written for people, and how numbers that people wrote are read."""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
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

_DECIMAL = r"[+-]? (?: \d+ (?:\.\d*)? | \.\d+ )"
_NUMBER = rf"""
    (?P<decimal> {_DECIMAL} ) (?: [eE] (?P<exponent> [+-]?\d+ ) )?                     # 0.082  -0.082  8.2e-2
        (?: \s*/\s* (?P<below> {_DECIMAL} (?: [eE] [+-]?\d+ )? ) )?                    # 1/4
    | (?: (?P<factor> {_DECIMAL} ) \s* [*xX] \s* )? 10                               # 8.2 * 10…  10…
        (?: \s* (?: \^ | \*\* ) \s* [({{]? (?P<power> [+-]?\d+ ) [)}}]?                 # …^-2  …**(-2)  …^{{-2}}
          | (?P<raised> [⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+ ) )                                         # …⁻²
    """  # compiled when the first number is read, and not when the package is imported
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SIGNS = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "×·⋅•∗∙"), "*"),
    **dict.fromkeys(map(ord, "÷∕⁄"), "/"),
    ord("\u066b"): ".", ord("\u066a"): "%", ord("\u2248"): "=", ord("\u2243"): "=", ord("~"): "=",
}  # fmt: skip
_AROUND = re.compile(
    r"=(?P<equal>.*) | \$(?P<typeset>[^$]*)\$ | \((?P<round_brackets>[^()]*)\) | \[(?P<square_brackets>.*)\]"
    r"| (?:(?:np|numpy)\.)?(?:float(?:16|32|64)?|array)\((?P<call>[^()]*)\)",
    re.VERBOSE,
)
_ROUND = re.compile(r"(?:(?:np|numpy)\.)?round\((?P<value>.+),\s*(?P<decimals>\d{1,2})\s*\)")
_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


def plain_text(text: str) -> str:
    """Return a text with ASCII digits and signs: every kind of minus, full-width and Arabic-Indic digits.

    Examples
    --------
    >>> plain_text("−０.８２"), plain_text("٠٫٥")
    ('-0.82', '0.5')
    """
    wide = "".join(chr(ord(each) - 0xFEE0) if "！" <= each <= "～" and each != "－" else each for each in text)
    signs = wide.translate(_SIGNS)
    return "".join(str(unicodedata.decimal(each, each)) for each in signs)


def parse_number(text: str) -> float:
    """Read a number as a person writes or pastes it: a decimal, a fraction, a power of ten, or a computation.

    The decimal sign may be a point or a comma. Any kind of minus, times sign and digit is read, and so are a percent
    sign and what is often around a number: ``= 0.5``, ``(0.5)``, ``[0.5]``, ``$0.5$``, ``np.float64(0.5)`` and
    ``round(0.52, 1)``.

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
    >>> parse_number("np.float64(-0.547)"), parse_number("0.5*-0.25"), parse_number("17.5 %")
    (-0.547, -0.125, 0.175)

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
    reading = _read(text) if len(text.strip()) <= _LONGEST else None
    if reading is None:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise ValueError(f"needed one number, such as 0.0822, -0,08, 8.2e-2 or 1/3; got {shown!r}")
    return reading


def _read(text: str) -> Reading | None:
    """Read a number with what may be around it: an equals sign, brackets, dollars, a call, a percent sign."""
    plain = plain_text(text).strip()
    called = False
    while around := _AROUND.fullmatch(plain):
        called = called or around["call"] is not None
        plain = next(inside for inside in around.groups() if inside is not None).strip()
    if call := _ROUND.fullmatch(plain):
        inner, decimals = _read(call["value"]), int(call["decimals"])
        return inner and _read(f"{inner.value:.{decimals}f}")
    plain = plain.replace(",", ".")
    if plain.endswith(".") and plain.count(".") > 1:
        plain = plain[:-1]
    if plain.endswith("%"):
        return _number(plain[:-1].strip() + "e-2")
    reading = _number(plain)
    return reading and replace(reading, written=reading.written and not called)


def _number(plain: str) -> Reading | None:
    """Read a decimal, a fraction, a power of ten or a computation; None if it is none of them, or not finite."""
    found = re.fullmatch(_NUMBER, plain, re.VERBOSE)
    if found is None:
        return _computed(plain.replace("^", "**").replace("{", "(").replace("}", ")"))
    mantissa = found["decimal"] or found["factor"] or "1"
    exponent = int(found["exponent"] or found["power"] or (found["raised"] or "0").translate(_SUPERSCRIPTS))
    value, below = float(f"{mantissa}e{exponent}"), float(found["below"] or 1)  # too large a number is inf
    _, digits, last = Decimal(mantissa).as_tuple()
    half_unit = float(f"5e{int(last) + exponent - 1}")
    lost = value == 0 and any(digits)  # 1e-9999 is not 0
    if lost or below == 0 or not math.isfinite(value / below) or not math.isfinite(half_unit):
        return None
    if found["below"]:
        return Reading(value / below, EXACT_DIGITS, abs(value / below) * 10.0**-EXACT_DIGITS)
    return Reading(value, len(digits), half_unit)


def _computed(text: str) -> Reading | None:
    """Compute an expression of numbers, + - * / ** and brackets; None if it is anything else."""
    if not re.fullmatch(r"[\d.eE+\-*/() ]+", text):
        return None
    try:
        value = _value(ast.parse(text, mode="eval").body)
    except (ArithmeticError, LookupError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        return None
    if not math.isfinite(value):
        return None
    return replace(_number(str(value).removesuffix(".0")) or Reading(value, 1, 0.5), written=False)


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return _real(_OPERATIONS[type(node.op)](_value(node.left), _value(node.right)))
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    return _real(node.value if isinstance(node, ast.Constant) else None)


def _real(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError("not a real number")
    return float(value)
