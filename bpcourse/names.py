"""The names of values, such as ``W2[1,3]``, and the symbols that are shown for them.

A single value has a `Name`: ``W2[1,3]`` is in layer 2, from unit 1 to unit 3, counted from one as on paper. Texts and
pictures show it with the symbols of one of two notations, ``"standard"`` (z, a, δ) or ``"lecture"`` (net, O, w).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from bpcourse.registry import Registry

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

SYMBOLS = Registry(
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

Notation = Literal["standard", "lecture"]


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

    @property
    def is_parameter(self) -> bool:
        """Whether it is a weight or a bias, or an array of them."""
        return self.quantity in ("W", "b")

    @property
    def is_gradient(self) -> bool:
        """Whether it is the gradient of the loss with respect to something."""
        return self.quantity in ("da", "dz", "dW", "db", "dx", "dy_hat")

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
