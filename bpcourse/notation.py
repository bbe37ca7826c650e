"""How a number, a symbol and a name are written and read.

Every text and every picture of the course writes its numbers with `number`, so that a value looks
the same wherever it stands, and names its quantities with `SYMBOLS`, in one of two notations:
``"standard"`` (z, a, δ) or ``"lecture"`` (net, O, w).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import TypeVar

Record = TypeVar("Record")

MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


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
            "da": "∂L/∂a", "dz": "δ", "dW": "∂L/∂w", "db": "∂L/∂b", "dx": "∂L/∂x",
        },
        "lecture": {
            "x": "X", "y": "y_true", "W": "w", "b": "b", "z": "net", "a": "O", "y_hat": "ŷ", "loss": "L",
            "da": "∂L/∂O", "dz": "∂L/∂net", "dW": "∂L/∂w", "db": "∂L/∂b", "dx": "∂L/∂X",
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
    if not isinstance(value, Real):
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


def read_number(text: str) -> float:
    """Read a number as a person writes it: a decimal, a fraction, a power of ten.

    The decimal sign may be a point or a comma, the minus a hyphen or a true minus.
    Raises ValueError where `text` is not one finite number, TypeError where it is not text.

    >>> read_number("0.0822"), read_number("-0,08"), read_number("−8.2e−2"), read_number("1/4")
    (0.0822, -0.08, -0.082, 0.25)
    >>> read_number("8.2 × 10⁻²"), read_number("8.2*10^-2"), read_number("10^-2")
    (0.082, 0.082, 0.01)
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
            return above / below
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise ValueError(f"needed one number, such as 0.0822, -0,08, 8.2e-2 or 1/3; got {shown!r}")
