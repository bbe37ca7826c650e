"""The network as a picture: every unit and weight of a trace with its value and its gradient.

An SVG, because it is text: sharp at any size, the same on every machine, fast to make. The picture only
reads the trace. What it shows it also says, in a description and in a table.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from textwrap import wrap

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Forward
from bpcourse.engine.validation import is_count, require_kind
from bpcourse.names import SYMBOLS, Name
from bpcourse.numbers import MINUS, format_number

MOST_UNITS = 8  # of a layer that are drawn
MOST_LABELLED = 3  # units on the smaller side of a layer whose weights have room for a label each

INK, QUIET, RISES, FALLS = "#1a1a1a", "#595959", "#B34700", "#0072B2"  # all at least 4.5:1 on white and on LIT
LIT, HALO = "#FFF7D6", "#F0E442"  # the ground of what is lit, whose border is also thicker, and of a lit line
UNKNOWN = "…"
BOX_WIDTH, BOX_HEIGHT, LINE, LABEL_WIDTH, LABEL_HEIGHT, MARGIN, TOP = 124, 114, 17, 114, 34, 8, 34  # in pixels
LEGEND_WIDTH = 860


@dataclass(frozen=True)
class Diagram:
    """A picture with its words. A notebook shows all three; `svg` alone is a file for the web.

    svg : the picture, with its description inside
    words : what it shows, in one paragraph
    table : the name, value and gradient of everything drawn, all as text
    """

    svg: str
    words: str
    table: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        rows = (("name", "value", "gradient"), *self.table)
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = (f"{n:<{widths[0]}}  {v:>{widths[1]}}  {g:>{widths[2]}}".rstrip() for n, v, g in rows)
        return "\n".join((self.words, "", *lines))

    @property
    def table_html(self) -> str:
        """All values as a table, in HTML."""
        rows = "".join(f'<tr><th scope="row">{escape(n)}</th><td>{v}</td><td>{g}</td></tr>' for n, v, g in self.table)
        return (
            f"<table><caption>{escape(self.words)}</caption>"
            '<thead><tr><th scope="col">name</th><th scope="col">value</th><th scope="col">gradient</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    @property
    def html(self) -> str:
        """The picture as an image with its words, and the table, folded: for any page, trusted or not."""
        source = base64.b64encode(self.svg.encode()).decode()
        return (
            f'<figure style="margin: 0"><img src="data:image/svg+xml;base64,{source}" alt="{escape(self.words)}">'
            f"<details><summary>All values as a table</summary>{self.table_html}</details></figure>"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html}


def draw(
    passed: Forward,
    notation: str = "standard",
    example: int = 1,
    lit: Collection[str] = (),
    known: Collection[str] | None = None,
) -> Diagram:
    """Draw the network of a trace with all values on it; of a forward pass alone, without gradients.

    A line is a weight: as wide as it is large, dashed where it is negative. A gradient above zero is orange
    and has a plus, one below zero is blue and has a minus. Of a layer with more than 8 units the first 8 are
    drawn, and the picture says how many are left out; where more than 3 units meet more than 3, the
    weights' values are in the table only.

    notation : "standard" (z, a, δ) or "lecture" (net, O, ∂L/∂net)
    example : which example of a batch to show, from 1; its gradients are those of the batch's mean loss
    lit : names of values, such as "z1[2]" and "W1[1,2]", whose units and weights are highlighted
    known : names of the values that are shown, and … for the rest, such as those of the steps taken so far;
        None shows all, and what is given is always shown

    Raises ValueError for an unknown notation or example.

    >>> from bpcourse import EXAMPLES
    >>> print(draw(EXAMPLES["lecture"].backprop()).words)
    A network of 2 inputs, 2 sigmoid units and 2 sigmoid outputs. Its mse is 0.06183.
    """
    require_kind(passed, Forward, "backprop(network, x, y) or forward(network, x)")
    SYMBOLS[notation]  # an unknown one is answered with those that there are
    n = len(passed["x"])
    if not is_count(example) or example > n:
        raise ValueError(f"example must lie between 1 and {n}, the size of the batch; got {example!r}.")
    layout, shown = _Layout.of(passed), _Shown(passed, example, notation, lit, known)
    words, table = _words(shown), tuple(_table(shown, layout))
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {layout.width} {layout.height}" '
        f'width="{layout.width}" height="{layout.height}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" '
        f'font-size="12" text-anchor="middle" fill="{INK}">',
        f"<title>{escape(words)}</title>",
        f"<desc>{escape('; '.join(_sentence(*row) for row in table))}</desc>",
        f'<rect width="{layout.width}" height="{layout.height}" fill="#ffffff"/>',
        *_headings(passed, layout),
        *_edges(shown, layout),
        *_edge_labels(shown, layout),
        *_boxes(shown, layout),
        *_legend(passed, layout),
        "</svg>",
    ]
    return Diagram("\n".join(svg), words, table)


# What is said


def _words(shown: _Shown) -> str:
    """Return what the picture shows, in a sentence or two."""
    passed = shown.passed
    *hidden, last = passed.network.layers
    layers = [_count(passed.network.sizes[0], "input")]
    layers += [_count(layer.W.shape[1], f"{layer.activation.name} unit") for layer in hidden]
    layers[-1] += f" and {_count(last.W.shape[1], f'{last.activation.name} output')}"
    words = f"A network of {', '.join(layers)}."
    if isinstance(passed, Trace) and shown.is_known("loss"):
        words += f" Its {passed.loss_function.name} is {format_number(passed.loss)}."
    if len(passed["x"]) > 1:
        together = "; loss and gradients are those of all together" if isinstance(passed, Trace) else ""
        words += f" Shown is example {shown.example} of {len(passed['x'])}{together}."
    return words


def _count(count: int, noun: str) -> str:
    shown = f" ({MOST_UNITS} of them drawn)" if count > MOST_UNITS else ""
    return f"{count} {noun}{'' if count == 1 else 's'}{shown}"


def _table(shown: _Shown, layout: _Layout) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and gradient of everything that is drawn, in order of computation."""
    passed = shown.passed

    def row(quantity: str, *index: int) -> tuple[str, str, str]:
        entry = shown.entry(quantity, *index)
        return entry.name.partition("@")[0], entry.text, entry.gradient

    yield from (row("x", i) for i in range(layout.drawn[0]))
    for layer in range(1, len(layout.drawn)):
        units = range(layout.drawn[layer])
        for i in range(layout.drawn[layer - 1]):
            yield from (row(f"W{layer}", i, j) for j in units)
        if passed.network.layers[layer - 1].b is not None:
            yield from (row(f"b{layer}", j) for j in units)
        yield from (row(f"z{layer}", j) for j in units)
        yield from (row(f"a{layer}", j) for j in units)
    if isinstance(passed, Trace):
        yield from (row("y", j) for j in range(layout.drawn[-1]))
        yield "loss", shown.loss(passed), ""


def _sentence(name: str, value: str, gradient: str) -> str:
    return f"{name} = {value}" + (f", gradient {gradient}" if gradient else "")


@dataclass(frozen=True)
class _Entry:
    """One value as it is shown.

    name : under which the tutor knows it
    text, gradient : the value and its gradient; … where it is not known yet, "" where there is none
    colour : of the gradient
    """

    name: str
    text: str
    gradient: str
    colour: str


@dataclass(frozen=True)
class _Shown:
    """What is shown of a pass, and how: see `draw`. Units are counted from 0 here, and from 1 in names.

    entries : what has been asked for, as table and picture show the same
    """

    passed: Forward
    example: int
    notation: str
    lit: Collection[str]
    known: Collection[str] | None
    entries: dict[tuple[str, tuple[int, ...]], _Entry] = field(default_factory=dict)

    def symbol(self, quantity: str) -> str:
        return SYMBOLS[self.notation][quantity]

    def is_lit(self, *names: str) -> bool:
        return any(name in self.lit for name in names)

    def is_known(self, name: str) -> bool:
        return self.known is None or name in self.known or name[0] in "Wbxy"

    def entry(self, quantity: str, *index: int) -> _Entry:
        """Return a value as it is shown."""
        found = self.entries.get((quantity, index))
        if found is None:
            found = self.entries[quantity, index] = self._entry(quantity, index)
        return found

    def _entry(self, quantity: str, index: tuple[int, ...]) -> _Entry:
        shared = quantity[0] in "Wb"  # by all examples
        at = "" if shared or len(self.passed["x"]) == 1 else f"@{self.example}"
        name = f"{quantity}[{','.join([str(i + 1) for i in index])}]{at}"
        place = index if shared else (self.example - 1, *index)
        text = format_number(float(self.passed[quantity][place])) if self.is_known(name) else UNKNOWN
        if f"d{quantity}" not in self.passed:
            return _Entry(name, text, "", QUIET)
        if not self.is_known(f"d{name}"):
            return _Entry(name, text, UNKNOWN, QUIET)
        gradient = float(self.passed[f"d{quantity}"][place])
        colour = RISES if gradient > 0 else FALLS if gradient < 0 else QUIET
        return _Entry(name, text, format_number(gradient, signed=True), colour)

    def loss(self, trace: Trace) -> str:
        return format_number(trace.loss) if self.is_known("loss") else UNKNOWN


# Where everything stands


@dataclass(frozen=True)
class _Layout:
    """Column 0 is the input, column k is layer k, and the loss stands to the right of them.

    drawn : how many units of each column are drawn
    labelled : for each layer, whether its weights have labels
    x : the middle of each column, and of the loss if there is one; pitch : from one unit to the next
    """

    drawn: tuple[int, ...]
    labelled: tuple[bool, ...]
    x: tuple[float, ...]
    pitch: float

    @classmethod
    def of(cls, passed: Forward) -> _Layout:
        drawn = tuple(min(size, MOST_UNITS) for size in passed.network.sizes)
        smaller_sides = [min(sides) for sides in pairwise(drawn)]
        labelled = tuple(side <= MOST_LABELLED for side in smaller_sides)
        x = [MARGIN + BOX_WIDTH / 2]
        for side, on in zip(smaller_sides, labelled, strict=True):
            room = (side + 1) * (LABEL_WIDTH / 2 + 9)  # a label at 1/(side + 1) of the way is clear of the units
            x.append(x[-1] + BOX_WIDTH + (room if on else 130))
        if isinstance(passed, Trace):
            x.append(x[-1] + BOX_WIDTH + 30)
        # The labels of a layer stand in one column, see `label_at`, where lines are pitch / (side + 1) apart.
        between_lines = max((side + 1 for side, on in zip(smaller_sides, labelled, strict=True) if on), default=1)
        return cls(drawn, labelled, tuple(x), pitch=max(BOX_HEIGHT + 22, between_lines * (LABEL_HEIGHT + 5)))

    @property
    def width(self) -> int:
        return max(round(self.x[-1] + BOX_WIDTH / 2 + MARGIN), LEGEND_WIDTH)

    @property
    def bottom(self) -> int:
        return round(TOP + max(self.drawn) * self.pitch)

    @property
    def height(self) -> int:
        return self.bottom + 48

    def y(self, column: int, unit: int) -> float:
        """Return the height of the middle of a unit, counted from 0."""
        return (TOP + self.bottom) / 2 + (unit - (self.drawn[column] - 1) / 2) * self.pitch

    def label_at(self, layer: int) -> float:
        """Return how far along a layer's lines, from 0 to 1, their labels stand.

        With m units to the right, lines at 1/(m + 1) of the way are evenly spaced and all apart; with n units
        to the left, so are they at n/(n + 1). The smaller side leaves more room.
        """
        n, m = self.drawn[layer - 1], self.drawn[layer]
        return 1 / (m + 1) if m <= n else n / (n + 1)


# What is drawn


def _headings(passed: Forward, layout: _Layout) -> Iterator[str]:
    """Yield the name of each column, and how many of its units are left out."""
    names = [
        "input",
        *(f"layer {k}: {layer.activation.name}" for k, layer in enumerate(passed.network.layers, start=1)),
    ]
    for x, name, size, drawn in zip(layout.x, names, passed.network.sizes, layout.drawn, strict=False):
        yield _text(x, 20, name, QUIET, BOX_WIDTH + 2 * MARGIN)
        if size > drawn:
            yield _text(x, layout.bottom + 6, f"and {size - drawn} more", QUIET, BOX_WIDTH)


def _edges(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a line for each weight, and a thin one from each output to the loss."""
    for layer, i, j in _weights(layout):
        W, entry = shown.passed[f"W{layer}"], shown.entry(f"W{layer}", i, j)
        ends = (
            f'x1="{layout.x[layer - 1] + BOX_WIDTH / 2:g}" y1="{layout.y(layer - 1, i):g}" '
            f'x2="{layout.x[layer] - BOX_WIDTH / 2:g}" y2="{layout.y(layer, j):g}"'
        )
        if shown.is_lit(entry.name, f"d{entry.name}"):
            yield f'<line {ends} stroke="{HALO}" stroke-width="12"/>'
        width = 1 + 3 * abs(W[i, j]) / (abs(W).max() or 1)
        dashes = ' stroke-dasharray="9 5"' if W[i, j] < 0 else ""
        yield (f'<line data-name="d{entry.name}" {ends} stroke="{entry.colour}" stroke-width="{width:.2f}"{dashes}/>')
    for unit in range(layout.drawn[-1] if isinstance(shown.passed, Trace) else 0):
        yield (
            f'<line x1="{layout.x[-2] + BOX_WIDTH / 2:g}" y1="{layout.y(len(layout.drawn) - 1, unit):g}" '
            f'x2="{layout.x[-1] - BOX_WIDTH / 2:g}" y2="{(TOP + layout.bottom) / 2:g}" stroke="{QUIET}"/>'
        )


def _edge_labels(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a white box on each line with the weight and its gradient, where there is room."""
    for layer, i, j in _weights(layout):
        if not layout.labelled[layer - 1]:
            continue
        along, start, end = layout.label_at(layer), layout.x[layer - 1] + BOX_WIDTH / 2, layout.x[layer] - BOX_WIDTH / 2
        x = (1 - along) * start + along * end
        y = (1 - along) * layout.y(layer - 1, i) + along * layout.y(layer, j)
        entry = shown.entry(f"W{layer}", i, j)
        lit = shown.is_lit(entry.name, f"d{entry.name}")
        texts = [_box(x, y, LABEL_WIDTH, LABEL_HEIGHT, entry.colour, thickness=1, lit=lit)]
        weight = f"{Name('W', layer, (i + 1, j + 1)).symbol(shown.notation)} = {entry.text}"
        texts.append(_text(x, y + (-3 if entry.gradient else 4), weight, INK, LABEL_WIDTH))
        if entry.gradient:
            texts.append(_text(x, y + 12, f"{shown.symbol('dW')} {entry.gradient}", entry.colour, LABEL_WIDTH))
        yield f'<g data-name="d{entry.name}">{"".join(texts)}</g>'


def _boxes(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a box for each input and unit, and for the loss, with its values in lines of text."""
    passed, last, symbol = shown.passed, len(layout.drawn) - 1, shown.symbol
    for unit in range(layout.drawn[0]):
        x = shown.entry("x", unit)
        lines = [(f"input {unit + 1}", QUIET, ""), (f"{symbol('x')} = {x.text}", INK, f"d{x.name}")]
        yield from _lines(layout.x[0], layout.y(0, unit), lines, lit=shown.is_lit(x.name, f"d{x.name}"))
    for layer in range(1, last + 1):
        for unit in range(layout.drawn[layer]):
            z, a, output = shown.entry(f"z{layer}", unit), shown.entry(f"a{layer}", unit), layer == last
            lines = [
                (f"{'output' if output else 'unit'} {unit + 1}", QUIET, ""),
                (f"{symbol('z')} = {z.text}", INK, z.name),
                (f"{symbol('y_hat' if output else 'a')} = {a.text}", INK, a.name),
            ]
            names = [z.name, a.name, f"d{z.name}", f"d{a.name}", a.name.replace("a", "slope")]
            if z.gradient:
                lines.append((f"{symbol('dz')} {z.gradient}", z.colour, f"d{z.name}"))
            if passed.network.layers[layer - 1].b is not None:
                b = shown.entry(f"b{layer}", unit)
                lines.append((f"{symbol('b')} = {b.text}", QUIET, f"d{b.name}"))
                names.append(f"d{b.name}")
            if output and isinstance(passed, Trace):
                y = shown.entry("y", unit)
                lines.append((f"{symbol('y')} = {y.text}", QUIET, f"d{a.name}"))
                names += [y.name, y.name.replace("y", "y_hat")]
            lit = shown.is_lit(*names)
            yield from _lines(layout.x[layer], layout.y(layer, unit), lines, bold=2, lit=lit)
    if isinstance(passed, Trace):
        title = wrap(f"loss: {passed.loss_function.name.replace('_', ' ')}", width=18)
        lines = [*((part, QUIET, "") for part in title), (shown.loss(passed), INK, "loss")]
        middle = (TOP + layout.bottom) / 2
        yield from _lines(layout.x[-1], middle, lines, bold=len(title), lit=shown.is_lit("loss"))


def _legend(passed: Forward, layout: _Layout) -> Iterator[str]:
    """Yield what dashes and colours mean."""
    meanings = [("dashed: negative weight", QUIET, ' stroke-dasharray="9 5"')]
    if isinstance(passed, Trace):
        meanings.append(("+ gradient: a larger weight, a larger loss", RISES, ""))
        meanings.append((f"{MINUS} gradient: a larger weight, a smaller loss", FALLS, ""))
    y = layout.bottom + 32
    for x, (meaning, colour, dashes) in zip((MARGIN, MARGIN + 230, MARGIN + 540), meanings, strict=False):
        yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 32}" y2="{y - 4}" stroke="{colour}" stroke-width="3"{dashes}/>'
        yield f'<text x="{x + 40}" y="{y}" text-anchor="start">{meaning}</text>'


def _weights(layout: _Layout) -> Iterator[tuple[int, int, int]]:
    """Yield layer, from-unit and to-unit, the units from 0, of every weight that is drawn."""
    for layer, (n_in, n_out) in enumerate(pairwise(layout.drawn), start=1):
        yield from ((layer, i, j) for i in range(n_in) for j in range(n_out))


def _lines(x: float, y: float, lines: list[tuple[str, str, str]], bold: int = 1, lit: bool = False) -> Iterator[str]:
    """Yield a box around (x, y) with lines of text, each with its colour and the name of its value.

    The line with index `bold` is bold.
    """
    height = len(lines) * LINE + 12
    yield _box(x, y, BOX_WIDTH, height, INK, thickness=1.5, lit=lit)
    for row, (text, colour, name) in enumerate(lines):
        yield _text(x, y - height / 2 + 18 + row * LINE, text, colour, BOX_WIDTH, row == bold, name)


def _box(x: float, y: float, width: float, height: float, colour: str, thickness: float, lit: bool) -> str:
    return (
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="7" '
        f'fill="{LIT if lit else "#ffffff"}" stroke="{colour}" stroke-width="{thickness + 1.5 * lit:g}"/>'
    )


def _text(x: float, y: float, text: str, colour: str, width: float, bold: bool = False, name: str = "") -> str:
    """Return a line of text around x, smaller where it would be wider than `width` in a wide font."""
    letter = 0.66 if bold else 0.6  # of the size: measured at most 0.65 and 0.59 in DejaVu Sans, the widest of ours
    size = min(12.0, (width - 6) / (letter * len(text)))
    weight, data = ' font-weight="bold"' if bold else "", f' data-name="{name}"' if name else ""
    return f'<text{data} x="{x:g}" y="{y:g}" fill="{colour}" font-size="{size:.3g}"{weight}>{escape(text)}</text>'
