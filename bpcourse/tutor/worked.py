"""Worked solutions: any value of a pass, written as a good teacher writes on a board.

What is asked, what is given, the chain with every path, each factor with its formula, its numbers and its value, the
paths multiplied out and added up, and a check that anyone can repeat. `solve` lists `Equation`s and texts; how they
look in a terminal, in Markdown and on a page is written once for each.

Every printed number is the exact value, rounded where it is printed: rounding never feeds back.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, pairwise, product
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import is_count
from bpcourse.names import SYMBOLS, Name
from bpcourse.numbers import MINUS, format_given, format_number
from bpcourse.registry import UnknownNameError
from bpcourse.render import page, render
from bpcourse.tutor.equations import Step, Values, entries, filled, look_up, name_of, names_in, table

MOST_PATHS = 6  # beyond, the chain is written with δ only
NUDGE = 0.00001
GAP = "____"
LONGEST_ROW = 70  # characters that fit into a notebook beside each other

Side = tuple[str, str]
"""A template, and how it is filled: with "symbols", with "numbers", or with the one "value"."""


@dataclass(frozen=True)
class Equation:
    """Some sides that are equal, the first on the left; `note` says in words what they are.

    label : the part of the computation that it belongs to
    own : whether it is of one example, whose number is then left out
    """

    label: str
    sides: tuple[Side, ...]
    note: str = ""
    own: bool = False

    @property
    def part(self) -> tuple[str, int, bool]:
        """What is faded together: its label in one layer, before or after the step of gradient descent."""
        name = Name.read(self.sides[0][0].strip("{}"))
        return self.label, name.layer, name.new


@dataclass(frozen=True)
class Heading:
    """A heading."""

    text: str


Block = Equation | Heading | str


@dataclass
class Hand:
    """How names and numbers are written. It grows while a solution is written.

    notation, digits : as in `solve`
    last : the number of the output layer, whose a is ŷ
    values : each number by name; and what a solution adds: factors of a chain such as "z2[1]/a1[1]", products such as
        "dz2[1]·W2[1,1]", and paths, "d through …", which show their sign like all gradients
    given : the names of those that are given, and shown without closing zeros
    """

    notation: str
    digits: int
    last: int
    values: dict[str, float]
    given: set[str]

    @classmethod
    def of(cls, steps: Mapping[str, Step], notation: str = "standard", digits: int = 4) -> Hand:
        """Return the hand that writes the numbers of these steps; ValueError for a notation that is not there."""
        if notation not in SYMBOLS:
            raise UnknownNameError("notation", notation, SYMBOLS)
        values = {name: step.value for name, step in steps.items()}
        given = {name for name, step in steps.items() if step.kind == "given"}
        return cls(notation, digits, next(iter(steps.values())).facts.last, values, given)

    def symbol(self, name: str, latex: bool = False, own: bool = False) -> str:
        """Return how a name is written; "z2[1]/a1[1]" is ∂z/∂a, and `own` leaves out which example it is of."""
        return _symbol(name, self.notation, self.last, latex, own)

    def number(self, name: str, signed: bool = False) -> str:
        """Return a number as it is shown: with `digits` significant digits, or as it was given."""
        value = self.values[name]
        if name in self.given:
            return format_given(value, max(6, self.digits))
        return format_number(value, self.digits, signed=signed and name[0] == "d")

    def side(self, side: Side, latex: bool = False, own: bool = False) -> str:
        """Return one side of an equation."""
        template, how = side
        if how == "symbols":
            show: Callable[[str], str] = lambda name: self.symbol(name, latex, own)  # noqa: E731
        else:
            show = lambda name: self.number(name, signed=how == "value")  # noqa: E731
        if latex:
            return _latex(template, show)
        text = filled(template, show)
        return text.replace("·", " · ") if "∂" in text else text  # so that no fraction seems to go on

    def sides(self, equation: Equation, latex: bool = False) -> list[str]:
        """Return the sides of an equation, without one that repeats the one before."""
        written = [self.side(side, latex, equation.own) for side in equation.sides]
        same = [side.lstrip("+") == after.lstrip("+") for side, after in pairwise(written)]
        return [side for side, repeated in zip(written, [*same, False], strict=True) if not repeated]

    def equation(self, step: Step) -> Equation:
        """Return a step as an equation: its name, its formula, the same with numbers, and its value.

        >>> from bpcourse import EXAMPLES
        >>> steps = table(EXAMPLES["lecture"].backprop())
        >>> hand = Hand.of(steps)
        >>> hand.sides(hand.equation(steps["dW2[1,1]"]))
        ['∂L/∂w2₁₁', 'a1₁·δ2₁', '0.7120·0.06329', '+0.04506']
        """
        template = step.short or step.template
        sides: list[Side] = [(f"{{{step.name}}}", "symbols"), (template, "symbols"), (template, "numbers")]
        terms = step.terms(self.values)
        if step.kind == "back" and len(terms) > 1:
            products = dict(zip(re.sub(r"[{}]", "", template).split(" + "), terms, strict=True))
            self.values.update(products)
            sides.append((" + ".join(f"{{{each}}}" for each in products), "numbers"))
        return Equation(step.label, (*sides, (f"{{{step.name}}}", "value")), own=bool(step.at))


@dataclass(frozen=True, repr=False)
class Solution:
    """A worked solution, for a terminal (`.text`), a notebook (`.markdown`) or a browser (`.html`).

    title : what it is about
    blocks : what is asked and given, the chain, and the steps: headings, texts and equations
    result : what follows from the steps: the chain in numbers, and a check
    hand : how names and numbers are written
    gaps : parts whose numbers are left out, for the reader to fill
    """

    title: str
    blocks: tuple[Block, ...]
    result: tuple[Block, ...]
    hand: Hand
    gaps: tuple[tuple[str, int, bool], ...] = ()

    @property
    def faded(self) -> Solution:
        """The same with gaps: without the numbers of its last parts, from SEND BACK on, and what follows from them."""
        parts = [block.part for block in self.blocks if isinstance(block, Equation) and block.label in PARTS]
        count = 3 if any(label == "SEND BACK" for label, *_ in parts) else 2
        last = tuple(dict.fromkeys(reversed(parts)))[:count]  # what needs one of them is itself among them
        return replace(self, result=(), gaps=last)

    @property
    def text(self) -> str:
        """The solution in plain text."""
        lines = [self.title, "=" * len(self.title)]
        for block in (*self.blocks, *self.result):
            if isinstance(block, Heading):
                lines += ["", block.text]
            elif isinstance(block, str):
                apart = lines[-1].startswith("  ") or (block,) == self.result[-1:]
                lines += [""] * apart + textwrap.wrap(block, 100)
            else:
                note = f"{block.note}: " if block.note else ""
                lines.append(f"  {note}{' = '.join(self._sides(block))}")
        return "\n".join(lines)

    @property
    def markdown(self) -> str:
        """The solution in Markdown, with its equations in LaTeX."""
        return self.to_markdown()

    def to_markdown(self, level: int = 2) -> str:
        """Return the solution in Markdown, where its title is a heading of this level."""
        parts = [f"{'#' * level} {self.title}"]
        for note, group in groupby((*self.blocks, *self.result), key=lambda block: getattr(block, "note", None)):
            rows: list[str] = []
            for block in group:
                if isinstance(block, Equation):
                    rows += self._rows(block)
                elif isinstance(block, Heading):
                    parts.append(f"{'#' * (level + 1)} {block.text}")
                elif parts[-1].startswith(("#", "$")):
                    parts.append(block)
                else:
                    parts[-1] += f"  \n{block}"  # a new line of the same paragraph
            if rows:
                written = r" \\ ".join(rows)
                parts += [f"{note}:"] * bool(note) + [f"$$\\begin{{aligned}} {written} \\end{{aligned}}$$"]
        return "\n\n".join(parts)

    def _rows(self, equation: Equation) -> Iterator[str]:
        """Yield an equation in LaTeX, in one row if it is short, else formula and numbers in rows of their own."""
        plain, (left, *sides) = self._sides(equation), self._sides(equation, latex=True)
        if len(" = ".join(plain)) <= LONGEST_ROW:
            rows = [" = ".join(sides)]
        elif len(" = ".join(plain[2:])) <= LONGEST_ROW:
            rows = [sides[0], " = ".join(sides[1:])]
        else:
            rows = sides
        yield f"{left} &= {rows[0]}" if sides else f"& {left}"
        yield from (f"&= {row}" for row in rows[1:] if row)

    @property
    def html(self) -> str:
        """The solution as a page by itself, which needs no network and no script."""
        return page(self.title, self.to_html(level=1))

    def to_html(self, level: int = 2, *, breaks: bool = True) -> str:
        """Return the solution in HTML, as a part of a page.

        Parameters
        ----------
        level : int
            Level of the heading that its title is.
        breaks : bool
            Whether long equations may be broken, with ``<wbr>`` before each equals sign.

        Returns
        -------
        str
            `markupsafe.Markup`.
        """
        blocks: list[tuple[str, str, list[str]]] = []
        for block in (*self.blocks, *self.result):
            if isinstance(block, Heading):
                blocks.append(("heading", block.text, []))
            elif isinstance(block, str):
                blocks.append(("text", block, []))
            else:
                blocks.append(("equation", block.note, self._sides(block)))
        return render("solution.html", solution=self, level=level, breaks=breaks, blocks=blocks)

    def save(self, path: str | Path, force: bool = False) -> Path:
        """Write the solution to a file: .txt, .md or .html.

        Raises ValueError for another ending, FileExistsError if the file is there, unless `force` is true.
        """
        path = Path(path)
        kinds = {".txt": "text", ".md": "markdown", ".html": "html"}
        if path.suffix.lower() not in kinds:
            raise ValueError(f"a solution is saved as .txt, .md or .html; got {path.name!r}.")
        if path.exists() and not force:
            raise FileExistsError(f"{path} is there already. Choose another name, or say force.")
        path.write_text(getattr(self, kinds[path.suffix.lower()]) + "\n", encoding="utf-8", newline="\n")
        return path

    def _sides(self, equation: Equation, latex: bool = False) -> list[str]:
        """Return the sides as they are written, without one that repeats the one before."""
        if equation.label not in PARTS or equation.part not in self.gaps:
            return self.hand.sides(equation, latex)
        shown = replace(equation, sides=tuple(side for side in equation.sides if side[1] == "symbols"))
        return [*self.hand.sides(shown, latex), r"\underline{\qquad}" if latex else GAP]

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.markdown}


PARTS = ("FORWARD", "ERROR", "OUTPUT DELTA", "SEND BACK", "HIDDEN DELTA", "GRADIENT", "UPDATE")
"""The parts of a computation, the same everywhere in the course (Margulieux et al. 2020)."""


def _latex(template: str, show: Callable[[str], str]) -> str:
    r"""Return a template in LaTeX. Names are put in last, so that nothing in them is taken for a part of the formula.

    >>> print(_latex("{a}·{b}²", lambda name: {"a": "−2", "b": "8.5e−3"}[name]))
    -2 \cdot (8.5 \cdot 10^{-3})^2
    """
    names = names_in(template)
    text = filled(template, lambda name: "\0")
    text = re.sub(r"e\^\(([^()]*)\)", r"e^{\1}", text)
    text = re.sub(r"\b(ln|tanh|max)\b", r"\\\1 ", text)
    text = re.sub(r"\b(if|else)\b", r"\\text{ \1 }", text)
    for plain, mathematics in (("·", r" \cdot "), (MINUS, "-"), ("²", "^2"), ("′", "'")):
        text = text.replace(plain, mathematics)
    shown = iter(names)

    def put(found: re.Match[str]) -> str:
        written = show(next(shown))
        before = text[found.start() - 1 : found.start()] if found.start() else ""
        after = text[found.end() : found.end() + 1]
        negative, raised = written.startswith(MINUS), after == "^"
        written, power = re.subn(rf"e({MINUS}?\d+)$", r" \\cdot 10^{\1}", written)
        unclear = (raised and "^" in written) or (power and text[: found.start()].endswith("/ "))
        bracketed = unclear or (negative and (raised or before not in ("", "(", "[", "{")))
        written = written.replace(MINUS, "-").replace("∞", r"\infty")
        return f"({written})" if bracketed else written

    return re.sub("\0", put, text)


@cache  # an explorer writes the same ones again and again
def _symbol(name: str, notation: str, last: int, latex: bool, own: bool) -> str:
    """Return how a name is written, see `Hand.symbol`."""
    above, _, below = name.partition("/")
    if below:
        ends = [_symbol(end, notation, last, latex, own) for end in (above, below)]
        return rf"\frac{{\partial {ends[0]}}}{{\partial {ends[1]}}}" if latex else f"∂{ends[0]}/∂{ends[1]}"
    part = Name.read(name)
    if part.quantity == "slope":
        a, z = part.at(quantity="a", index=part.index[:1]), part.at(quantity="z", index=part.index[-1:])
        return _symbol(f"{a}/{z}", notation, last, latex, own)
    if part.layer == last and part.quantity in ("a", "da"):
        part = part.at(quantity={"a": "y_hat", "da": "dy_hat"}[part.quantity], layer=0)
    part = part.at(example=0) if own else part
    return part.latex(notation) if latex else part.symbol(notation)


# From a trace to a solution


def solve(
    trace: Trace,
    name: str | None = None,
    *,
    notation: str = "standard",
    digits: int = 4,
    learning_rate: float | None = None,
) -> Solution:
    """Return the worked solution of a value, of all entries of an array, or of the whole pass.

    name : such as `"dW1[1,2]"`, `"dW1"` or, with a learning rate, `"W1_new[1,2]"`; None is the whole pass
    notation : "standard" (z, a, δ) or "lecture" (net, O, ∂L/∂net)
    digits : significant digits that are shown, 2 to 15

    Raises ValueError, in words, for a name that this pass has not, another notation or number of digits.

    >>> from bpcourse import EXAMPLES
    >>> print(solve(EXAMPLES["mazur"].backprop(), "z1[1]"))
    z1₁, step by step
    =================
    What does unit 1 of layer 1 add up? The network is 2 → 2 → 2 (sigmoid, sigmoid), the loss half_sse:
    L = [(ŷ₁ − y₁)² + (ŷ₂ − y₂)²] / 2.
    <BLANKLINE>
    GIVEN
    x₁ = 0.05, x₂ = 0.1
    w1₁₁ = 0.15, w1₂₁ = 0.2
    b1₁ = 0.35
    <BLANKLINE>
    FORWARD
      z1₁ = x₁·w1₁₁ + x₂·w1₂₁ + b1₁ = 0.05·0.15 + 0.1·0.2 + 0.35 = 0.3775
    <BLANKLINE>
    Numbers are shown with 4 digits and computed with all: whoever goes on from the shown ones may get
    the last digits a little otherwise.
    """
    return solution(table(trace, learning_rate), name, notation=notation, digits=digits)


def solution(steps: Mapping[str, Step], name: str | None, *, notation: str = "standard", digits: int = 4) -> Solution:
    """Return the worked solution from the steps of a pass, as `solve` does."""
    if not (is_count(digits) and 2 <= digits <= 15):
        raise ValueError(f"digits must be a whole number from 2 to 15; got {digits!r}.")
    return _Writer(steps, notation, digits).solution(name)


def question(step: Step, hand: Hand) -> str:
    """Return in words what is asked with the name of a step.

    >>> from bpcourse import EXAMPLES
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> question(steps["dW1[1,2]"], Hand.of(steps))
    'How does the loss change with w1₁₂, the weight from input 1 to unit 2 of layer 1?'
    """
    symbol = hand.symbol(step.name.removeprefix("d"))
    unit = f"output {step.index[-1]}" if step.layer == step.facts.last and step.index else ""
    unit = unit or (f"unit {step.index[-1]} of layer {step.layer}" if step.index else "")
    if step.name[:2] == "dW":
        below = "input" if step.layer == 1 else "unit"
        return f"How does the loss change with {symbol}, the weight from {below} {step.index[0]} to {unit}?"
    if step.kind == "slope" and len(step.index) == 2:
        a = hand.symbol(name_of("a", step.layer, step.index[:1], step.at))
        z = hand.symbol(name_of("z", step.layer, step.index[1:], step.at))
        return f"How does {a} change with {z}?"
    if step.name[0] == "d":
        return f"How does the loss change with {symbol}?"
    return {
        "z": f"What does {unit} add up?",
        "a": f"What does {unit} put out?",
        "y_hat": f"What does {unit} predict?",
        "slope": f"How steep is the activation of {unit}?",
        "new": f"What is {symbol.removeprefix('new ')}?",
        "given": "It is given.",
    }.get(step.kind, "How large is the loss?").replace("?", " after one step of gradient descent?" if step.new else "?")


def loss_in_words(steps: Mapping[str, Step], hand: Hand) -> str:
    """Return the name of the loss and its formula for one example.

    >>> from bpcourse import EXAMPLES
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> loss_in_words(steps, Hand.of(steps))
    'mse: L = [(ŷ₁ − y₁)² + (ŷ₂ − y₂)²] / 2'
    """
    one = steps["loss@1" if "loss@1" in steps else "loss"]
    return f"{one.facts.loss.name}: L = {hand.side((one.template, 'symbols'), own=True)}"


class _Writer:
    """Who writes the blocks of one solution."""

    def __init__(self, steps: Mapping[str, Step], notation: str, digits: int) -> None:
        self.steps, self.facts, self.digits = steps, next(iter(steps.values())).facts, digits
        self.hand = Hand.of(steps, notation, digits)
        # with a cross-entropy, or units that depend on each other, the chain begins with the output's δ
        self.from_delta = self.facts.loss.from_logits is not None or self.facts.activations[-1].slope is None

    def solution(self, name: str | None) -> Solution:
        """Return the solution of a value, an array, or None: the whole pass."""
        sizes = " → ".join(map(str, self.facts.sizes))
        units = ", ".join(activation.name for activation in self.facts.activations)
        network = f"The network is {sizes} ({units}), the loss {loss_in_words(self.steps, self.hand)}"
        network += ", and of the batch the mean over its examples." if self.facts.examples > 1 else "."
        shown = f"Numbers are shown with {self.digits} digits and computed with all: "
        remark = shown + "whoever goes on from the shown ones may get the last digits a little otherwise."
        if name is None:
            blocks = [network, *self._given(set(self.steps)), *self._steps(set(self.steps))]
            return Solution("The whole pass, step by step", tuple(blocks), (remark,), self.hand)
        names = entries(self.steps, name)
        if names is not None:
            needed = self._needed(list(names.flat))
            blocks = [f"{network} All entries are asked for.", *self._given(needed), *self._steps(needed)]
            title = f"{self.hand.symbol(str(Name.read(name)))}, step by step"
            return Solution(title, tuple(blocks), (*self._table(names), remark), self.hand)
        step = look_up(self.steps, name)
        needed = self._needed([step.name])
        blocks = [
            f"{question(step, self.hand)} {network}",
            *self._given(needed),
            *self._chain(step),
            *self._steps(needed),
        ]
        result = [*self._product(step), *self._check(step), remark]
        return Solution(f"{self.hand.symbol(step.name)}, step by step", tuple(blocks), tuple(result), self.hand)

    def _needed(self, asked: list[str]) -> set[str]:
        """Return all that the names need, by the shorter formula where there is one."""
        found, ahead = set(asked), list(asked)
        while ahead:
            step = self.steps[ahead.pop()]
            new = set(names_in(step.short or step.template)) - found
            found |= new
            ahead += new
        return found

    def _given(self, needed: set[str]) -> list[Block]:
        blocks: list[Block] = [Heading("GIVEN")]
        given = [name for name in self.steps if name in needed and name in self.hand.given]
        for _, group in groupby(given, key=lambda name: Name.read(name).at(index=())):
            blocks.append(", ".join(f"{self.hand.symbol(name)} = {self.hand.number(name)}" for name in group))
        return blocks

    def _steps(self, needed: set[str]) -> Iterator[Block]:
        """Yield the equations in order, under a heading for each part."""
        written = [s for s in self.steps.values() if s.name in needed and s.kind not in ("given", "y_hat")]
        cancelled = False
        for (label, at, after, mean), group in groupby(written, key=lambda s: (s.label, s.at, s.new, s.kind == "mean")):
            example = ", mean of the examples" if mean else f", example {at[1:]}" if at else ""
            yield Heading(label + (", after the step" if after and label != "UPDATE" else "") + example)
            for step in group:
                if step.short and not cancelled:
                    cancelled = True
                    yield "In the slope of the loss times the slope of the activation all cancels but ŷ and y."
                yield self.hand.equation(step)

    # The chain with its paths

    def _paths(self, step: Step) -> list[tuple[str, list[str]]]:
        """Return each path from the loss to a value: what it leads through, and its factors."""
        kind = "dW" if step.kind == "mean" and step.name[1:2] == "W" else "db" if step.kind == "mean" else step.kind
        at = step.at or ("@1" if self.facts.examples > 1 else "")
        layers = range(step.layer + 1, self.facts.last + 1)
        paths = []
        for units in product(*(range(1, self.facts.sizes[layer] + 1) for layer in layers)):
            on = [(step.layer, step.index[-1] if kind != "back" else step.index[0]), *zip(layers, units, strict=True)]
            top = [name_of("da", *_place(on[-1]), at), name_of("slope", *_place(on[-1]), at)]
            factors = [name_of("dz", *_place(on[-1]), at)] if self.from_delta else top
            for below, above in reversed(list(pairwise(on))):
                a, z = name_of("a", *_place(below), at), name_of("z", *_place(above), at)
                factors.append(self._factor(z, a, name_of("W", above[0], (below[1], above[1]))))
                factors += [name_of("slope", *_place(below), at)] if below != on[0] or kind != "back" else []
            if kind in ("dW", "db"):
                parameter = step.name.removeprefix("d").partition("@")[0]
                signal = name_of("a", step.layer - 1, step.index[:1], at) if kind == "dW" else ""
                factors.append(self._factor(name_of("z", *_place(on[0]), at), parameter, signal))
            through = [self.hand.symbol(name_of("a", *_place(each), at), own=True) for each in on[1:]]
            paths.append((" and ".join(through), factors))
        return paths

    def _factor(self, above: str, below: str, value: str) -> str:
        """Return the name of ∂above/∂below, which has the value of another name, or is 1."""
        name = f"{above}/{below}"
        self.hand.values[name] = self.hand.values[value] if value else 1.0
        if not value or value in self.hand.given:
            self.hand.given.add(name)
        return name

    def _has_chain(self, step: Step) -> bool:
        """Return whether it is a gradient that more than one factor leads to."""
        return step.name[:2] in ("dW", "db") or (step.name[0] == "d" and step.layer < self.facts.last)

    def _no_path(self, step: Step) -> str:
        """Return why the paths to a gradient are not written out, or "" where they are."""
        lowest = max(step.layer - (step.kind != "back"), 0)
        for activation in self.facts.activations[lowest:-1]:
            if activation.slope is None:
                return f"Units of {activation.name} depend on each other: HIDDEN DELTA adds up the paths through them."
        count = math.prod(self.facts.sizes[step.layer + 1 :])
        if count > MOST_PATHS:
            return f"{count} paths lead there, too many to write out: each SEND BACK below adds up those that meet."
        return ""

    def _chain(self, step: Step) -> list[Block]:
        if not self._has_chain(step):
            return []
        if why := self._no_path(step):
            return [Heading("THE CHAIN"), why]
        paths, mean = self._paths(step), step.kind == "mean"
        left: Side = (f"{{{step.name}}}", "symbols")
        chains: list[Side] = [("·".join(f"{{{factor}}}" for factor in factors), "symbols") for _, factors in paths]
        if len(paths) == 1:
            each: list[Block] = ["In each example, for its own loss:"] * mean
            return [Heading("THE CHAIN"), *each, Equation("CHAIN", (left, chains[0]), own=True)]
        count = (
            f"{len(paths)} paths lead there{' in each example' * mean}. Along one path slopes multiply; the products "
            "of all paths add up. How a weighted sum changes with what comes in is the weight on the line; with the "
            "weight, it is what comes in."
        )
        equations = [
            Equation("CHAIN", (chain,), f"through {through}", own=True)
            for (through, _), chain in zip(paths, chains, strict=True)
        ]
        return [Heading("THE CHAIN"), count, *equations]

    def _product(self, step: Step) -> list[Block]:
        if not self._has_chain(step) or self._no_path(step) or step.kind == "mean":
            return []
        paths = self._paths(step)
        left, right = (f"{{{step.name}}}", "symbols"), (f"{{{step.name}}}", "value")
        products: list[Side] = [("·".join(f"{{{factor}}}" for factor in factors), "numbers") for _, factors in paths]
        blocks: list[Block] = [Heading("THE CHAIN IN NUMBERS")]
        if len(paths) == 1:
            return [*blocks, Equation("RESULT", (left, products[0], right), own=True)]
        for (through, factors), numbers in zip(paths, products, strict=True):
            self.hand.values[f"d {through}"] = math.prod(self.hand.values[factor] for factor in factors)
            blocks.append(Equation("RESULT", (numbers, (f"{{d {through}}}", "value")), f"through {through}"))
        total = " + ".join(f"{{d {through}}}" for through, _ in paths)
        return [*blocks, Equation("RESULT", (left, (total, "numbers"), right), own=True)]

    # What anyone can repeat

    def _check(self, step: Step) -> list[Block]:
        """Return the central difference for a gradient: nudge the number, and see what the loss does."""
        if step.name[0] != "d":
            return []
        nudged, loss = step.name.removeprefix("d"), f"loss{step.at}"
        if nudged[0] in "Wb":
            nudged = nudged.partition("@")[0]
        start = self.steps[nudged].value
        up, down = (Values(self.steps, {nudged: start + by})[loss] for by in (NUDGE, -NUDGE))
        if not (math.isfinite(up) and math.isfinite(down)):
            return []
        slope, symbol = (up - down) / (2 * NUDGE), self.hand.symbol(nudged)
        if math.isclose(slope, step.value, rel_tol=1e-4):
            outcome = "as it should be"
        elif math.isclose(slope, step.value, abs_tol=1e-9 * max(1, abs(up))):  # so much comes from rounding L
            outcome = "too small a difference to be measured so"
        else:
            outcome = "which differs: there is a kink within the nudge, or a sharp bend"
        return [
            Heading("CHECK"),
            f"Raise {symbol} by {NUDGE:.5f} and run the rest forward: L = {format_number(up, 12)}. "
            f"Lower it by as much: L = {format_number(down, 12)}. The difference, divided by {2 * NUDGE:.5f}, is "
            f"{format_number(slope, min(self.digits, 4), signed=True)}, {outcome}.",
        ]

    def _table(self, names: NDArray[Any]) -> list[Block]:
        """Return the rows of an array."""
        rows = names.reshape(-1, names.shape[-1])
        written = ["  ".join(self.hand.number(name, signed=True) for name in row) for row in rows]
        return [Heading("ALL ENTRIES"), *(f"row {row}: {text}" for row, text in enumerate(written, start=1))]


def _place(unit: tuple[int, int]) -> tuple[int, tuple[int]]:
    """Return layer and index of a unit, as `name_of` takes them."""
    layer, number = unit
    return layer, (number,)
