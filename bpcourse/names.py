"""The names of values, such as ``W2[1,3]``, and their symbols in texts and pictures.

A single value has a `Name`: ``W2[1,3]`` is the weight in layer 2 from unit 1 to unit 3. Units count
from one, as on paper. The two notations are ``"standard"`` (z, a, δ) and ``"lecture"`` (net, O).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from bpcourse.registry import Registry, brief

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_STANDARD = {
    "x": "x", "y": "y", "W": "w", "b": "b", "z": "z", "a": "a", "y_hat": "ŷ", "loss": "L", "learning_rate": "η",
    "da": "∂L/∂a", "dz": "δ", "dW": "∂L/∂w", "db": "∂L/∂b", "dx": "∂L/∂x", "dy_hat": "∂L/∂ŷ",
}  # fmt: skip
_LECTURE = {"x": "X", "y": "y_true", "z": "net", "a": "O", "da": "∂L/∂O", "dz": "∂L/∂net", "dx": "∂L/∂X"}

SYMBOLS = Registry("notation", {"standard": _STANDARD, "lecture": _STANDARD | _LECTURE})
"""The symbol of each quantity: notation, then the name of the quantity in the code."""

Notation = Literal["standard", "lecture"]


@dataclass(frozen=True)
class Name:
    """The name of a value, split into its parts.

    Parameters
    ----------
    quantity : str
        What it is: "x", "W", "dz", "y_hat", "loss", "slope" …
    layer : int
        Its layer, counted from 1, or 0 if it belongs to no layer.
    index : tuple of int
        Its unit, or its from-unit and to-unit, counted from 1. Empty for a whole array.
    example : int
        Which example of a batch, counted from 1, or 0.
    new : bool
        Whether it is the value after a step of gradient descent.

    Examples
    --------
    >>> Name.read("W2_new[1, 3]")
    Name(quantity='W', layer=2, index=(1, 3), example=0, new=True)
    >>> str(Name.read("dz1[2]@3")), str(Name.read("a0[1]"))  # a0 is another name for x
    ('dz1[2]@3', 'x[1]')
    >>> Name.read("W2").is_parameter, Name.read("dW2").is_gradient
    (True, True)

    """

    quantity: str
    layer: int = 0
    index: tuple[int, ...] = ()
    example: int = 0
    new: bool = False

    @classmethod
    def read(cls, text: str) -> Name:
        """Split a name into its parts.

        Names in the lecture's notation are understood too: `net1[2]`, `O1[2]`, `w1[1,2]`, `X[1]`,
        `y_true[1]`.

        Raises
        ------
        ValueError
            If `text` is not a name.

        """
        return _read_name(text if isinstance(text, str) else brief(text))

    def __str__(self) -> str:
        layer = str(self.layer or "") + ("_new" if self.new else "")
        index = f"[{','.join(map(str, self.index))}]" if self.index else ""
        return f"{self.quantity}{layer}{index}" + (f"@{self.example}" if self.example else "")

    def at(self, **changes: object) -> Name:
        """Copy the name with some of its parts replaced."""
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
        """Write the name for a text. A full-size digit is the layer, a subscript is the unit.

        Examples
        --------
        >>> Name.read("W2[1,3]").symbol(), Name.read("slope1[2]").symbol()
        ('w2₁₃', '∂a1₂/∂z1₂')
        >>> Name.read("z1[2]").symbol("lecture")
        'net1₂'

        """
        if self.quantity == "slope":
            return ratio(*[end.symbol(notation) for end in self.ends()])
        index = self._unit().translate(_SUBSCRIPTS)
        symbol = f"{'new ' * self.new}{SYMBOLS[notation][self.quantity]}{self.layer or ''}{index}"
        return symbol + f"@{self.example}" * bool(self.example)

    def latex(self, notation: str = "standard") -> str:
        r"""Write the name in LaTeX.

        Examples
        --------
        >>> print(Name.read("dW2[1,3]").latex(), Name.read("z1[2]").latex("lecture"))
        \frac{\partial L}{\partial w2_{13}} \text{net1}_{2}

        """
        if self.quantity == "slope":
            return ratio(*[end.latex(notation) for end in self.ends()], latex=True)
        symbol = SYMBOLS[notation][self.quantity]
        if symbol.startswith("∂L/∂"):
            return ratio("L", self.at(quantity=self.quantity[1:]).latex(notation), latex=True)
        new, unit = r"\text{new }" * self.new, self._unit()
        symbol = {"ŷ": r"\hat y", "δ": r"\delta ", "η": r"\eta", "y_true": r"{y_{\text{true}}}"}.get(symbol, symbol)
        if self.layer:
            symbol = rf"\text{{{symbol}{self.layer}}}" if notation == "lecture" else f"{symbol}{self.layer}"
        return new + symbol + f"_{{{unit}}}" * bool(unit) + rf"\text{{@{self.example}}}" * bool(self.example)

    def _unit(self) -> str:
        """Write the indices, with a comma if one has two digits: w1₁₁₂ could be 1,12 or 11,2."""
        return ("," if max(self.index, default=0) > 9 else "").join(map(str, self.index))

    def ends(self) -> tuple[Name, Name]:
        """Name both ends of a slope ∂a/∂z. In a softmax the two indices are those of a and z."""
        return self.at(quantity="a", index=self.index[:1]), self.at(quantity="z", index=self.index[-1:])


def ratio(above: str, below: str, *, latex: bool = False) -> str:
    """Write the slope of one symbol with respect to another."""
    return rf"\frac{{\partial {above}}}{{\partial {below}}}" if latex else f"∂{above}/∂{below}"


@cache  # the same few names are read many times
def _read_name(text: str) -> Name:
    pattern = (
        r"(?:(d?[Wbza]|slope)(\d{1,3})|(d?x|y|d?y_hat|loss|learning_rate))(_new)?"
        r"(?:\[(\d{1,4}(?:,\d{1,4})?)\])?(?:@([1-9]\d{0,5}))?"
    )
    plain = re.sub(r"\s", "", text)
    for lecture, ours in (("net(?=\\d)", "z"), ("O(?=\\d)", "a"), ("w(?=\\d)", "W"), ("X", "x"), ("y_true", "y")):
        plain = re.sub(rf"^(d?){lecture}", rf"\1{ours}", plain)
    found = re.fullmatch(pattern, plain)
    if found is None:
        raise ValueError(f"needed a name such as dW1[1,2], b2[1], z1[2], y_hat[1] or loss; got {brief(text)}")
    index = tuple(int(entry) for entry in (found[5] or "").split(",") if entry)
    if 0 in index:
        from_one = ",".join(str(entry + 1) for entry in index)
        advice = f"what Python calls {text} is {plain[: found.start(5)]}{from_one}{plain[found.end(5) :]} here"
        raise ValueError(f"units count from 1 in a name, as on paper: {advice}")
    quantity, layer = found[1] or found[3], int(found[2] or 0)
    if found[1] in ("a", "da") and layer == 0:
        quantity = "x" if quantity == "a" else "dx"
    return Name(quantity, layer, index, int(found[6] or 0), found[4] is not None)
