"""A worked solution, written as text, in Markdown with LaTeX, or in HTML.

A `Solution` is a list of sections. A section has a heading, and blocks of text or of equations. An equation has sides
that are equal, and each side is a template with the names of values. A `Hand` knows how names and numbers are written.

Every printed number is the exact value, rounded where it is printed. No computation continues from a rounded number.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

from bpcourse.engine.validation import flag, is_count, require
from bpcourse.names import SYMBOLS, Name, ratio
from bpcourse.numbers import MINUS, format_given, format_number
from bpcourse.registry import UnknownNameError, brief
from bpcourse.render import page, render
from bpcourse.texts import write_whole
from bpcourse.tutor.equations import Step
from bpcourse.tutor.formulas import PLAIN, filled, names_in, pieces

GAP = "____"
LONGEST_ROW = 70  # characters of formulas that fit side by side in a notebook

Part = tuple[str, int, str]
"""A label, a layer, and "_new" after the update: what is hidden together in a faded solution."""

Form = Literal["text", "latex", "html"]

Side = tuple[str, str]
"""A template, and how it is filled: with "symbols", with "numbers", or with the one "value"."""


@dataclass(frozen=True)
class Equation:
    """Some sides that are equal.

    Parameters
    ----------
    sides : tuple of (str, str)
        The sides, the left one first.
    part : (str, int, str), optional
        The part of the computation that it belongs to. None for a chain and its result.
    note : str
        What the equation is, if it has to be said.
    own : bool
        Whether it belongs to one example, whose number is then omitted.
    """

    sides: tuple[Side, ...]
    part: Part | None = None
    note: str = ""
    own: bool = False


@dataclass(frozen=True)
class Section:
    """A part of a solution: a heading, or "" for none, and blocks, each a text or an equation."""

    heading: str
    blocks: tuple[str | Equation, ...]


@dataclass
class Hand:
    """How names and numbers are written. It is extended while a solution is written.

    Parameters
    ----------
    notation, digits
        As in `bpcourse.solve`.
    last : int
        The number of the output layer, whose a is ŷ.
    values : dict
        The numbers by name, also of factors, products and paths that a solution adds.
    given : set of str
        The names that are given, whose numbers are shown without closing zeros.
    ratios : dict
        For the factors of a chain, the two names of the slope ∂above/∂below.
    signed : set of str
        Names besides those of gradients whose values show a plus.
    """

    notation: str
    digits: int
    last: int
    values: dict[str, float]
    given: set[str]
    ratios: dict[str, tuple[str, str]] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, steps: Mapping[str, Step], notation: str = "standard", digits: int = 4) -> Hand:
        """Return the hand that writes the numbers of these steps. An unknown notation raises UnknownNameError."""
        if notation not in SYMBOLS:
            raise UnknownNameError("notation", notation, SYMBOLS)
        values = {name: step.value for name, step in steps.items()}
        given = {name for name, step in steps.items() if step.kind == "given"}
        return cls(notation, digits, next(iter(steps.values())).facts.last, values, given)

    def symbol(self, name: str, latex: bool = False, own: bool = False) -> str:
        """Return how a name is written. `own` omits which example it belongs to."""
        if name in self.ratios:
            return ratio(*[self.symbol(end, latex, own) for end in self.ratios[name]], latex=latex)
        return _symbol(name, self.notation, self.last, latex, own)

    def number(self, name: str, signed: bool = False) -> str:
        """Return a number as it is shown: with `digits` significant digits, or as it was given."""
        value = self.values[name]
        if name in self.given:
            return format_given(value, max(6, self.digits))
        signed = signed and (name in self.signed or Name.read(name).is_gradient)
        return format_number(value, self.digits, signed=signed)

    def side(self, side: Side, form: Form = "text", own: bool = False) -> str:
        """Return one side of an equation."""
        (template, how), latex = side, form == "latex"
        if how == "symbols":
            shown = {name: self.symbol(name, latex, own) for name in names_in(template)}
        else:
            shown = {name: self.number(name, signed=how == "value") for name in names_in(template)}
        if latex:
            shown = shown if how == "symbols" else {name: _latex_number(text) for name, text in shown.items()}
            return filled_latex(template, shown)
        spaced = any("∂" in text for text in shown.values())  # so that no fraction seems to go on
        marks = (HTML if form == "html" else PLAIN) | (SPACED if spaced else {})
        return filled(template, shown.__getitem__, marks).replace("^<sup>", "<sup>")

    def sides(self, equation: Equation, form: Form = "text") -> list[str]:
        """Return the sides of an equation, without one that repeats the one before."""
        written = [self.side(side, form, equation.own) for side in equation.sides]
        return [side for side, after in pairwise([*written, ""]) if side.lstrip("+") != after.lstrip("+")]

    def equation(self, step: Step) -> Equation:
        """Return a step as an equation: its name, its formula, the same with numbers, and its value.

        Examples
        --------
        >>> from bpcourse import EXAMPLES
        >>> from bpcourse.tutor.equations import table
        >>> steps = table(EXAMPLES["lecture"].backprop())
        >>> hand = Hand.of(steps)
        >>> hand.sides(hand.equation(steps["dW2[1,1]"]))
        ['∂L/∂w2₁₁', 'a1₁·δ2₁', '0.7120·0.06329', '+0.04506']
        """
        template, left = step.short or step.template, f"{{{step.name}}}"
        sides: list[Side] = [(left, "symbols"), (template, "symbols"), (template, "numbers")]
        if step.kind == "back" and len(step.products) > 1:
            names = [f"{one}·{other}" for one, other in step.products]
            self.values.update(zip(names, step.terms(self.values), strict=True))
            sides.append((" + ".join(f"{{{name}}}" for name in names), "numbers"))
        return Equation((*sides, (left, "value")), (step.label, step.parts.layer, step.new), own=bool(step.at))


@cache  # an explorer writes the same ones again and again
def _symbol(name: str, notation: str, last: int, latex: bool, own: bool) -> str:
    """Return how a name is written; see `Hand.symbol`."""
    part = Name.read(name)
    if part.quantity == "slope":
        return ratio(*[_symbol(str(end), notation, last, latex, own) for end in part.ends()], latex=latex)
    if part.layer == last and part.quantity in ("a", "da"):
        part = part.at(quantity={"a": "y_hat", "da": "dy_hat"}[part.quantity], layer=0)
    part = part.at(example=0) if own else part
    return part.latex(notation) if latex else part.symbol(notation)


SPACED = {ord("·"): " · "}
HTML = {ord(sign): escape(sign) for sign in "<>&"} | {ord("⟨"): "<sup>", ord("⟩"): "</sup>"}
"""How the signs between the names of a template are written in HTML."""
LATEX = {
    "⟨": "{", "⟩": "}", "·": r" \cdot ", MINUS: "-", "²": "^2", "′": "'",
    "ln": r"\ln ", "tanh": r"\tanh ", "max": r"\max ", "if": r"\text{ if }", "else": r"\text{ else }",
}  # fmt: skip
"""How the words and signs between the names of a template are written in LaTeX."""


def filled_latex(template: str, shown: Mapping[str, str]) -> str:
    r"""Fill a template in LaTeX, with brackets where a number would be misread.

    Examples
    --------
    >>> print(filled_latex("{a}·{b}²", {"a": "-2", "b": r"8.5 \cdot 10^{-3}"}))
    -2 \cdot (8.5 \cdot 10^{-3})^2
    """
    written = []
    for before, name, first, raised in pieces(template):
        written += [LATEX.get(token, token) for token in re.findall(r"\w+|\W", before)]
        text = shown[name] if name else ""
        unclear = text.startswith("-") and (raised or not first)
        unclear = unclear or (raised and "^" in text) or (r"\cdot" in text and before.endswith("/ "))
        written.append(f"({text})" if unclear else text)
    return "".join(written)


def _latex_number(text: str) -> str:
    """Return a number in LaTeX, with its power of ten."""
    mantissa, _, power = text.replace(MINUS, "-").replace("∞", r"\infty").partition("e")
    return rf"{mantissa} \cdot 10^{{{power}}}" if power else mantissa


@dataclass(frozen=True, repr=False)
class Solution:
    """A worked solution, for a terminal (``.text``), a notebook (``.markdown``) or a browser (``.html``).

    Parameters
    ----------
    title : str
        What it is about.
    sections : tuple of Section
        What is asked and given, the chain, and the steps.
    result : tuple of Section
        What follows from the steps: the chain in numbers, a check, and a remark.
    hand : Hand
        How names and numbers are written.
    gaps : tuple
        The parts whose numbers are hidden, for the reader to compute.
    """

    title: str
    sections: tuple[Section, ...]
    result: tuple[Section, ...]
    hand: Hand
    gaps: tuple[Part, ...] = ()

    @property
    def faded(self) -> Solution:
        """The same with gaps: the numbers of its last parts, from SEND BACK on, and its result are hidden."""
        blocks = [block for section in self.sections for block in section.blocks]
        parts = [block.part for block in blocks if isinstance(block, Equation) and block.part]
        count = 3 if any(label == "SEND BACK" for label, *_ in parts) else 2
        last = tuple(dict.fromkeys(reversed(parts)))[:count]  # what needs one of them is itself among them
        return replace(self, result=(), gaps=last)

    @property
    def text(self) -> str:
        """The solution in plain text."""
        lines = [self.title, "=" * len(self.title)]
        for section in (*self.sections, *self.result):
            lines += ["", section.heading] if section.heading else [""] * (section is not self.sections[0])
            for before, block in pairwise(("", *section.blocks)):
                if isinstance(block, Equation):
                    lines.append("  " + f"{block.note}: " * bool(block.note) + " = ".join(self.sides(block)))
                else:
                    lines += [""] * isinstance(before, Equation) + textwrap.wrap(block, 100)
        return "\n".join(lines)

    @property
    def markdown(self) -> str:
        """The solution in Markdown, with its equations in LaTeX."""
        return self.to_markdown()

    def to_markdown(self, level: int = 2) -> str:
        """Write the solution in Markdown, with a title of this heading level, from 1 to 5."""
        _require_level(level)
        parts = [f"{'#' * level} {self.title}"]
        for section in (*self.sections, *self.result):
            parts += [f"{'#' * (level + 1)} {section.heading}"] * bool(section.heading)
            for note, group in groupby(section.blocks, key=lambda block: getattr(block, "note", None)):
                if note is None:
                    parts.append("  \n".join(map(str, group)))  # new lines of one paragraph
                    continue
                rows = r" \\ ".join(row for block in group if isinstance(block, Equation) for row in self._rows(block))
                rows = rows.replace("<", r"\lt ")
                parts += [f"{note}:"] * bool(note) + [f"$$\\begin{{aligned}} {rows} \\end{{aligned}}$$"]
        return "\n\n".join(parts).replace("<", "&lt;").replace("![", "!\\[")  # no element and no picture

    def _rows(self, equation: Equation) -> Iterator[str]:
        """Yield an equation in LaTeX: in one row if it is short, otherwise formula and numbers in separate rows."""
        plain, (left, *sides) = self.sides(equation), self.sides(equation, "latex")
        if not sides:
            yield f"& {left}"
            return
        if len(" = ".join(plain)) <= LONGEST_ROW:
            sides = [" = ".join(sides)]
        elif len(" = ".join(plain[2:])) <= LONGEST_ROW:
            sides = [sides[0], *([" = ".join(sides[1:])] if sides[1:] else [])]
        yield f"{left} &= {sides[0]}"
        yield from (f"&= {side}" for side in sides[1:])

    @property
    def html(self) -> str:
        """The solution as a complete page, which needs no network and no script."""
        return page(self.title, self.to_html(level=1))

    def to_html(self, level: int = 2, *, breaks: bool = True, folded: bool = False) -> str:
        """Write the solution in HTML, as a part of a page.

        Parameters
        ----------
        level : int
            Heading level of the title, from 1 to 5.
        breaks : bool
            Whether long equations may be broken, with ``<wbr>`` before each equals sign.
        folded : bool
            Whether the result comes first, and what is given and the forward pass are folded.

        Returns
        -------
        str
            `markupsafe.Markup`, which a template includes unchanged.
        """
        _require_level(level)
        breaks, folded = flag(breaks, "breaks"), flag(folded, "folded")
        return render("solution.html", solution=self, level=level, breaks=breaks, folded=folded)

    def save(self, path: str | Path, force: bool = False) -> Path:
        """Write the solution to a file: .txt, .md or .html. The file is complete, or it is not written.

        Raises
        ------
        TypeError
            If `path` is neither text nor a path.
        ValueError
            For another ending.
        FileExistsError
            If the file exists, unless `force` is true.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"needed the name of a file; got {brief(path)}.")
        path, force = Path(path), flag(force, "force")
        kinds = {".txt": "text", ".md": "markdown", ".html": "html"}
        if path.suffix.lower() not in kinds:
            raise ValueError(f"a solution is saved as .txt, .md or .html; got {brief(path.name)}.")
        if os.path.lexists(path) and not force:  # a link, too, even if it leads nowhere
            raise FileExistsError(f"{path} already exists. Choose a different name, or pass force=True.")
        write_whole({path: getattr(self, kinds[path.suffix.lower()]) + "\n"})
        return path

    def sides(self, equation: Equation, form: Form = "text") -> list[str]:
        """Return the sides of an equation as they are written, with a gap in place of hidden numbers."""
        if equation.part is None or equation.part not in self.gaps:
            return self.hand.sides(equation, form)
        shown = replace(equation, sides=tuple(side for side in equation.sides if side[1] == "symbols"))
        return [*self.hand.sides(shown, form), r"\underline{\qquad}" if form == "latex" else GAP]

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.markdown}


def _require_level(level: object) -> None:
    """Raise ValueError unless a title and a heading below it can have this level."""
    require(is_count(level) and level in range(1, 6), f"level must be a whole number from 1 to 5; got {brief(level)}.")
