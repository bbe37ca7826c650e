"""How a number, a symbol and a name are written and read.

Every text and every picture of the course writes its numbers with `number`, so that a value looks
the same wherever it stands, and names its quantities with `SYMBOLS`, in one of two notations:
``"standard"`` (z, a, δ) or ``"lecture"`` (net, O, w). In code a single value has a `Name`, such as
``W2[1,3]``: layer 2, from unit 1 to unit 3, counted from one, as on paper.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from numbers import Real
from typing import TypeVar

Record = TypeVar("Record")

MINUS = "\N{MINUS SIGN}"
WIDTH = 92  # of a line of words, in letters: a notebook breaks longer ones in the middle of a word
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class UnknownNameError(KeyError, ValueError):
    """A name that stands for nothing here; the message says what there is.

    It is a `KeyError`, as a failed look-up should be, and a `ValueError`, as a bad argument should be.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        import difflib  # here, as only a mistake needs it

        names = {known_name.lower(): known_name for known_name in known}
        near = difflib.get_close_matches(str(name).lower(), names, n=1)
        guess = f" Did you mean {names[near[0]]!r}?" if near else ""
        super().__init__(f"there is no {kind} {name!r}.{guess} There are: {', '.join(names.values())}")

    def __str__(self) -> str:  # a KeyError would show the message in quotation marks
        return str(self.args[0])


class Register(Mapping[str, Record]):
    """A table of records by name, which nothing changes; an unknown name is answered with the nearest one.

    >>> Register("colour", {"blue": 1, "orange": 2})["bleu"]
    Traceback (most recent call last):
    bpcourse.notation.UnknownNameError: there is no colour 'bleu'. Did you mean 'blue'? There are: blue, orange
    """

    def __init__(self, kind: str, records: dict[str, Record]) -> None:
        self._kind, self._records, self._type = kind, dict(records), type(next(iter(records.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, name: object) -> Record:
        if isinstance(name, str) and name in self._records:
            return self._records[name]
        raise UnknownNameError(self._kind, name, self)

    def pick(self, wanted: Record | str) -> Record:
        """Return `wanted` itself if it is such a record, else the record of that name."""
        return wanted if isinstance(wanted, self._type) else self[wanted]


SYMBOLS = Register(
    "notation",
    {
        "standard": {
            "x": "x", "y": "y", "W": "w", "b": "b", "z": "z", "a": "a", "y_hat": "ŷ", "loss": "L",
            "da": "∂L/∂a", "dz": "δ", "dW": "∂L/∂w", "db": "∂L/∂b", "dx": "∂L/∂x", "dy_hat": "∂L/∂ŷ",
            "learning_rate": "η",
        },
        "lecture": {
            "x": "X", "y": "y_true", "W": "w", "b": "b", "z": "net", "a": "O", "y_hat": "ŷ", "loss": "L",
            "da": "∂L/∂O", "dz": "∂L/∂net", "dW": "∂L/∂w", "db": "∂L/∂b", "dx": "∂L/∂X", "dy_hat": "∂L/∂ŷ",
            "learning_rate": "η",
        },
    },
)  # fmt: skip
"""What each quantity is called in a picture or a text: notation, then the name it has in the code."""


def number(value: float, digits: int = 4, signed: bool = False) -> str:
    """Write `value` with `digits` significant digits and a true minus; a gradient also shows its plus.

    Fixed decimals would show a small gradient as 0.0004; significant digits keep what is known of it.

    >>> number(0.000438567), number(-0.5), number(12345.6), number(8.533e-17)
    ('0.0004386', '−0.5000', '12346', '8.533e−17')
    >>> number(0.0822, signed=True), number(0.0, signed=True), number(float("-inf"))
    ('+0.08220', '0', '−∞')
    """
    if type(value) is not float and not isinstance(value, Real):  # the first is quick, and nearly always enough
        raise TypeError(f"number writes one real number; got {value!r}. For an array, write its entries one by one.")
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


def given(value: float, digits: int = 6) -> str:
    """Write a number as it was given, without closing zeros, with `digits` significant digits at most.

    >>> given(-0.05), given(3.0), given(1234567.0), given(1e-7)
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


def read_number(text: str) -> float:
    """Read a number as a person writes it: a decimal, a fraction, a power of ten.

    The decimal sign may be a point or a comma, the minus a hyphen or a true minus.
    Raises ValueError where `text` is not one finite number, TypeError where it is not text.

    >>> read_number("0.0822"), read_number("-0,08"), read_number("−8.2e−2"), read_number("1/4")
    (0.0822, -0.08, -0.082, 0.25)
    >>> read_number("8.2 × 10⁻²"), read_number("8.2*10^-2"), read_number("10^-2")
    (0.082, 0.082, 0.01)
    """
    return read_digits(text).value


def read_digits(text: str) -> Reading:
    """Read a number as `read_number` does, and how exactly it was written.

    >>> read_digits("0.0820")
    Reading(value=0.082, digits=3, half_unit=5e-05, written=True)
    >>> read_digits("-8"), read_digits("1/4").digits
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


@dataclass(frozen=True)
class Name:
    """The name of a value, taken apart.

    quantity : "x", "W", "dz", "y_hat", "loss", "slope" …
    layer : its layer from 1, or 0 for what belongs to no layer
    index : unit, or from-unit and to-unit, from 1; empty for a whole array
    example : which example of a batch, from 1, or 0
    new : whether it is the value after a step of gradient descent

    >>> Name.read("W2_new[1, 3]")
    Name(quantity='W', layer=2, index=(1, 3), example=0, new=True)
    >>> str(Name.read("dz1[2]@3")), str(Name.read("a0[1]"))  # what a0 is, is called x
    ('dz1[2]@3', 'x[1]')
    """

    quantity: str
    layer: int = 0
    index: tuple[int, ...] = ()
    example: int = 0
    new: bool = False

    @classmethod
    def read(cls, text: str) -> Name:
        """Take a name apart, also one in the lecture's words: `net1[2]`, `O1[2]`, `w1[1,2]`, `X[1]`, `y_true[1]`.

        Raises ValueError if it is not built like a name.
        """
        return _read_name(text if isinstance(text, str) else repr(text))

    def __str__(self) -> str:
        layer = str(self.layer or "") + ("_new" if self.new else "")
        index = f"[{','.join(map(str, self.index))}]" if self.index else ""
        return f"{self.quantity}{layer}{index}" + (f"@{self.example}" if self.example else "")

    def at(self, **changes: object) -> Name:
        """Return the same name with some parts replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def symbol(self, notation: str = "standard") -> str:
        """Return how the value is written in a text: a digit on the line is the layer, a small digit is the unit.

        >>> Name.read("W2[1,3]").symbol(), Name.read("z1[2]").symbol("lecture"), Name.read("slope1[2]").symbol()
        ('w2₁₃', 'net1₂', '∂a1₂/∂z1₂')
        """
        if self.quantity == "slope":
            above, below = self._slope_of()
            return f"∂{above.symbol(notation)}/∂{below.symbol(notation)}"
        sign = "," if max(self.index, default=0) > 9 else ""  # w1₁₁₂ could be 1,12 or 11,2
        index = sign.join(str(entry).translate(_SUBSCRIPTS) for entry in self.index)
        example = f"@{self.example}" if self.example else ""
        return f"{'new ' * self.new}{SYMBOLS[notation][self.quantity]}{self.layer or ''}{index}{example}"

    def latex(self, notation: str = "standard") -> str:
        r"""Return how the value is written in LaTeX.

        >>> print(Name.read("dW2[1,3]").latex(), Name.read("z1[2]").latex("lecture"))
        \frac{\partial L}{\partial w^{(2)}_{13}} \text{net1}_{2}
        """
        if self.quantity == "slope":
            ends = [end.latex(notation) for end in self._slope_of()]
            return rf"\frac{{\partial {ends[0]}}}{{\partial {ends[1]}}}"
        symbol = SYMBOLS[notation][self.quantity]
        if symbol.startswith("∂L/∂"):
            return rf"\frac{{\partial L}}{{\partial {self.at(quantity=self.quantity[1:]).latex(notation)}}}"
        unit = ("," if max(self.index, default=0) > 9 else "").join(map(str, self.index))
        raised = [f"({self.layer})"] if self.layer and notation == "standard" else []
        raised += [r"\text{new}"] if self.new else []
        symbol = {"ŷ": r"\hat y", "δ": r"\delta", "η": r"\eta", "y_true": r"y_{\text{true}}"}.get(symbol, symbol)
        if self.layer and notation == "lecture":
            symbol = rf"\text{{{symbol}{self.layer}}}"
        symbol = f"{{{symbol}}}" if "_" in symbol else symbol
        text = symbol + (f"^{{{','.join(raised)}}}" if raised else "") + (f"_{{{unit}}}" if unit else "")
        return text + (rf"\text{{@{self.example}}}" if self.example else "")

    def _slope_of(self) -> tuple[Name, Name]:
        """Return the two ends of a slope: ∂a/∂z. One index: of one unit; two: of a softmax, output and z."""
        return self.at(quantity="a", index=self.index[:1]), self.at(quantity="z", index=self.index[-1:])


@cache  # the same few names are read again and again
def _read_name(text: str) -> Name:
    pattern = (
        r"(?:(d?[Wbza]|slope)(\d{1,3})|(d?x|y|d?y_hat|loss|learning_rate))(_new)?"
        r"(?:\[(\d{1,4}(?:,\d{1,4})?)\])?(?:@(\d{1,6}))?"
    )
    plain = re.sub(r"\s", "", text)
    for lecture, ours in (("net(?=\\d)", "z"), ("O(?=\\d)", "a"), ("w(?=\\d)", "W"), ("X", "x"), ("y_true", "y")):
        plain = re.sub(rf"^(d?){lecture}", rf"\1{ours}", plain)
    found = re.fullmatch(pattern, plain)
    if found is None:
        raise ValueError(f"needed a name such as dW1[1,2], b2[1], z1[2], y_hat[1] or loss; got {text!r}")
    if "0" in (found[5] or "").split(","):
        from_one = ",".join(str(int(entry) + 1) for entry in found[5].split(","))
        advice = f"what Python calls {text} is {plain[: found.start(5)]}{from_one}{plain[found.end(5) :]} here"
        raise ValueError(f"units count from 1 in a name, as on paper: {advice}")
    quantity, layer = found[1] or found[3], int(found[2] or 0)
    if found[1] in ("a", "da") and layer == 0:
        quantity = "x" if quantity == "a" else "dx"
    index = tuple(int(entry) for entry in (found[5] or "").split(",") if entry)
    return Name(quantity, layer, index, int(found[6] or 0), found[4] is not None)
