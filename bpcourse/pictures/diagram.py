"""The network as a picture: every unit and weight of a trace with its value and its gradient.

The picture is an SVG: it is text, sharp at any size, the same on every machine and fast to make. It
only reads the trace. The same information is available as a text description and as a table.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from textwrap import wrap

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Forward
from bpcourse.engine.validation import is_count, require_kind
from bpcourse.names import SYMBOLS, Name, Notation
from bpcourse.numbers import MINUS, format_number
from bpcourse.palette import FALLS, HALO, INK, LIT, PAPER, QUIET, RISES
from bpcourse.render import render

MOST_UNITS = 8  # of a layer, more are not drawn
MOST_LABELED = 3  # units on the smaller side of a layer, if each of its weights is to have a label
UNKNOWN = "…"
PARAMETERS = ("W", "b")
BOX_WIDTH, BOX_HEIGHT, LINE, LABEL_WIDTH, LABEL_HEIGHT, MARGIN, TOP = 124, 114, 17, 114, 34, 8, 34  # in pixels
LEGEND_WIDTH = 860
ENDS = 'x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"'  # of a line


@dataclass(frozen=True)
class Diagram:
    """A picture with its description. A notebook shows the picture, the description and the table.

    Parameters
    ----------
    svg : str
        The picture, with its description inside. This is a file for the web.
    words : str
        What the picture shows, in one paragraph.
    table : tuple of (name, value, gradient)
        Everything that is drawn, as text.
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
        return str(render("diagram_table.html", words=self.words, table=self.table))

    @property
    def html(self) -> str:
        """The picture as an image with its description, and the folded table, safe in any page."""
        source = base64.b64encode(self.svg.encode()).decode()
        return str(render("diagram.html", source=source, words=self.words, table=self.table))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html}


def draw(
    passed: Forward,
    *,
    notation: Notation = "standard",
    example: int = 1,
    lit: Collection[str] = (),
    known: Collection[str] | None = None,
) -> Diagram:
    """Draw the network of a trace with all its values, or of a forward pass without gradients.

    A line is a weight: the larger the weight, the wider the line; it is dashed if the weight is
    negative. A gradient above zero is orange and has a plus. One below zero is blue and has a
    minus. If a layer has more than 8 units, the first 8 are drawn, and the picture says how many
    are omitted. Between two layers of more than 3 units each, the weights have no labels; their
    values are in the table.

    Parameters
    ----------
    passed : Trace or Forward
    notation : {"standard", "lecture"}
        The symbols: z, a, δ or net, O, ∂L/∂net.
    example : int
        Which example of a batch to show, from 1. The gradients are those of the mean loss of the
        batch.
    lit : collection of str
        Names of values, such as "z1[2]" and "W1[1,2]", whose units and weights are highlighted.
    known : collection of str, optional
        Names of the values to show, such as those of the steps taken so far. The others are shown
        as "…", except weights, biases, inputs and targets. By default all values are shown.

    Raises
    ------
    ValueError
        For an unknown notation or example.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> print(draw(EXAMPLES["lecture"].backprop()).words)
    A network of 2 inputs, 2 sigmoid units and 2 sigmoid outputs. Its mse is 0.06183.
    """
    require_kind(passed, Forward, "backprop(network, x, y) or forward(network, x)")
    n = len(passed["x"])
    if not is_count(example) or example > n:
        raise ValueError(f"example must lie between 1 and {n}, the size of the batch; got {example!r}.")
    layout, symbols = _Layout.of(passed), SYMBOLS[notation]
    shown = _Shown(passed, example, notation, symbols, lit, known)
    shown.entries.update((drawn, shown.entry(*drawn)) for drawn in _drawn(passed, layout))
    words, table = _words(shown), [(entry.label, entry.text, entry.gradient) for entry in shown.entries.values()]
    if isinstance(passed, Trace):
        table.append(("loss", shown.loss(passed), ""))
    marks = (
        *_headings(passed, layout),
        *_edges(shown, layout),
        *_edge_labels(shown, layout),
        *_boxes(shown, layout),
        *_legend(passed, layout),
    )
    described = "; ".join(f"{name} = {value}" + f", gradient {slope}" * bool(slope) for name, value, slope in table)
    picture = svg(layout.width, layout.bottom + 48, words, described, marks, ' text-anchor="middle"')
    return Diagram(picture, words, tuple(table))


def svg(width: int, height: int, title: str, description: str, marks: Iterable[str], look: str = "") -> str:
    """Build a whole SVG on a white background, with a title and a description."""
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" '
        f'font-size="12"{look} fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        *marks,
        "</svg>",
    )
    return "\n".join(lines)


# The description


def _words(shown: _Shown) -> str:
    """Describe the picture in a sentence or two."""
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
        words += f" It shows example {shown.example} of {len(passed['x'])}{together}."
    return words


def _count(count: int, noun: str) -> str:
    shown = f" ({MOST_UNITS} of them drawn)" if count > MOST_UNITS else ""
    return f"{count} {noun}{'' if count == 1 else 's'}{shown}"


def _drawn(passed: Forward, layout: _Layout) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Yield quantity, layer and index of all that is drawn, in order of computation."""
    units = [[(unit,) for unit in range(drawn)] for drawn in layout.drawn]
    yield from (("x", 0, unit) for unit in units[0])
    for layer in range(1, len(units)):
        yield from (("W", layer, (*i, *j)) for i in units[layer - 1] for j in units[layer])
        biased = passed.network.layers[layer - 1].b is not None
        yield from ((quantity, layer, unit) for quantity in ("bza" if biased else "za") for unit in units[layer])
    if isinstance(passed, Trace):
        yield from (("y", 0, unit) for unit in units[-1])


@dataclass(frozen=True)
class _Entry:
    """One value as it is shown.

    label, name : its name without and with the example; the tutor knows it by the second
    text, gradient : the value and its gradient: "…" if not known yet, "" if it does not exist
    color : that of the gradient
    """

    label: str
    name: str
    text: str
    gradient: str
    color: str


@dataclass(frozen=True)
class _Shown:
    """The part of a pass that is shown, and how; see `draw`.

    Units count from 0 here, and from 1 in names.

    entries : all values that are drawn, by quantity, layer and index
    """

    passed: Forward
    example: int
    notation: str
    symbols: Mapping[str, str]
    lit: Collection[str]
    known: Collection[str] | None
    entries: dict[tuple[str, int, tuple[int, ...]], _Entry] = field(default_factory=dict)

    def is_lit(self, *names: str) -> bool:
        return any(name in self.lit for name in names)

    def is_known(self, name: str) -> bool:
        return self.known is None or name in self.known

    def names(self, quantity: str, layer: int, *index: int) -> tuple[str, str]:
        """Return the name of a value without and with the example; parameters have no example."""
        label = f"{quantity}{layer or ''}[{','.join([str(i + 1) for i in index])}]"
        own = quantity not in PARAMETERS and len(self.passed["x"]) > 1
        return label, f"{label}@{self.example}" if own else label

    def at(self, quantity: str, layer: int, *index: int) -> _Entry:
        """Return one of the entries."""
        return self.entries[quantity, layer, index]

    def entry(self, quantity: str, layer: int, index: tuple[int, ...]) -> _Entry:
        """Return a value as it is shown."""
        (label, name), array = self.names(quantity, layer, *index), f"{quantity}{layer or ''}"
        place = index if quantity in PARAMETERS else (self.example - 1, *index)
        given = quantity in (*PARAMETERS, "x", "y")
        text = format_number(float(self.passed[array][place])) if given or self.is_known(name) else UNKNOWN
        if quantity == "y" or not isinstance(self.passed, Trace):
            return _Entry(label, name, text, "", QUIET)
        if not self.is_known(f"d{name}"):
            return _Entry(label, name, text, UNKNOWN, QUIET)
        gradient = float(self.passed[f"d{array}"][place])
        color = RISES if gradient > 0 else FALLS if gradient < 0 else QUIET
        return _Entry(label, name, text, format_number(gradient, signed=True), color)

    def loss(self, trace: Trace) -> str:
        return format_number(trace.loss) if self.is_known("loss") else UNKNOWN


# The layout


@dataclass(frozen=True)
class _Layout:
    """Positions in the picture.

    Column 0 is the input, column k is layer k, and the loss is to the right of them.

    drawn : how many units of each column are drawn
    labeled : for each layer, whether its weights have labels
    x : the middle of each column, and of the loss if there is one
    pitch : the distance between two units
    width, bottom : the width of the picture, and the lower end of the units
    """

    drawn: tuple[int, ...]
    labeled: tuple[bool, ...]
    x: tuple[float, ...]
    pitch: float
    width: int
    bottom: int

    @classmethod
    def of(cls, passed: Forward) -> _Layout:
        drawn = tuple(min(size, MOST_UNITS) for size in passed.network.sizes)
        smaller_sides = [min(sides) for sides in pairwise(drawn)]
        labeled = tuple(side <= MOST_LABELED for side in smaller_sides)
        x = [MARGIN + BOX_WIDTH / 2]
        for side, on in zip(smaller_sides, labeled, strict=True):
            room = (side + 1) * (LABEL_WIDTH / 2 + 9)  # a label at 1/(side + 1) of a line does not touch a unit
            x.append(x[-1] + BOX_WIDTH + (room if on else 130))
        if isinstance(passed, Trace):
            x.append(x[-1] + BOX_WIDTH + 30)
        # All labels of a layer are in one column, where lines are pitch / (side + 1) apart.
        between_lines = max((side + 1 for side, on in zip(smaller_sides, labeled, strict=True) if on), default=1)
        pitch = max(BOX_HEIGHT + 22, between_lines * (LABEL_HEIGHT + 5))
        width, bottom = max(round(x[-1] + BOX_WIDTH / 2 + MARGIN), LEGEND_WIDTH), round(TOP + max(drawn) * pitch)
        return cls(drawn, labeled, tuple(x), pitch, width, bottom)

    def y(self, column: int, unit: int) -> float:
        """Return the height of the middle of a unit, counted from 0, or of the loss."""
        return (TOP + self.bottom) / 2 + (unit - ((*self.drawn, 1)[column] - 1) / 2) * self.pitch

    def line(self, column: int, i: int, j: int) -> tuple[float, float, float, float]:
        """Return x and y of both ends of the line to unit j of a column, from unit i of the one before."""
        start, end = self.x[column - 1] + BOX_WIDTH / 2, self.x[column] - BOX_WIDTH / 2
        return start, self.y(column - 1, i), end, self.y(column, j)

    def label_at(self, layer: int) -> float:
        """Return the place of the labels along a layer's lines, from 0 to 1.

        With m units to the right, the lines are evenly spaced at 1/(m + 1) of their length. With n
        units to the left, they are at n/(n + 1). The smaller side leaves more room.
        """
        n, m = self.drawn[layer - 1], self.drawn[layer]
        return 1 / (m + 1) if m <= n else n / (n + 1)


# The marks


def _headings(passed: Forward, layout: _Layout) -> Iterator[str]:
    """Yield the name of each column, and how many of its units are omitted."""
    layers = [f"layer {k}: {layer.activation.name}" for k, layer in enumerate(passed.network.layers, start=1)]
    names = ["input", *layers]
    for x, name, size, drawn in zip(layout.x, names, passed.network.sizes, layout.drawn, strict=False):
        yield _text(x, 20, name, QUIET, BOX_WIDTH + 2 * MARGIN)
        if size > drawn:
            yield _text(x, layout.bottom + 6, f"and {size - drawn} more", QUIET, BOX_WIDTH)


def _edges(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a line for each weight, and a thin one from each output to the loss."""
    for layer, i, j in _weights(layout):
        W, entry, ends = shown.passed[f"W{layer}"], shown.at("W", layer, i, j), ENDS.format(*layout.line(layer, i, j))
        if shown.is_lit(entry.name, f"d{entry.name}"):
            yield f'<line {ends} stroke="{HALO}" stroke-width="12"/>'
        width = 1 + 3 * abs(W[i, j]) / (abs(W).max() or 1)
        dashes = ' stroke-dasharray="9 5"' if W[i, j] < 0 else ""
        yield f'<line data-name="d{entry.name}" {ends} stroke="{entry.color}" stroke-width="{width:.2f}"{dashes}/>'
    for unit in range(layout.drawn[-1] if isinstance(shown.passed, Trace) else 0):
        yield f'<line {ENDS.format(*layout.line(len(layout.drawn), unit, 0))} stroke="{QUIET}"/>'


def _edge_labels(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a white box on each line with the weight and its gradient, if there is room."""
    for layer, i, j in _weights(layout):
        if not layout.labeled[layer - 1]:
            continue
        along, (x1, y1, x2, y2), entry = layout.label_at(layer), layout.line(layer, i, j), shown.at("W", layer, i, j)
        x, y = (1 - along) * x1 + along * x2, (1 - along) * y1 + along * y2
        lit = shown.is_lit(entry.name, f"d{entry.name}")
        texts = [_box(x, y, LABEL_WIDTH, LABEL_HEIGHT, entry.color, thickness=1, lit=lit)]
        weight = f"{Name.read(entry.name).symbol(shown.notation)} = {entry.text}"
        texts.append(_text(x, y + (-3 if entry.gradient else 4), weight, INK, LABEL_WIDTH))
        if entry.gradient:
            texts.append(_text(x, y + 12, f"{shown.symbols['dW']} {entry.gradient}", entry.color, LABEL_WIDTH))
        yield f'<g data-name="d{entry.name}">{"".join(texts)}</g>'


def _boxes(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a box for each input and unit, and for the loss, with its values in lines of text."""
    passed, last, symbols = shown.passed, len(layout.drawn) - 1, shown.symbols
    for unit in range(layout.drawn[0]):
        x = shown.at("x", 0, unit)
        lines = [(f"input {unit + 1}", QUIET, ""), (f"{symbols['x']} = {x.text}", INK, f"d{x.name}")]
        yield from _lines(layout.x[0], layout.y(0, unit), lines, lit=shown.is_lit(x.name, f"d{x.name}"))
    for layer in range(1, last + 1):
        for unit in range(layout.drawn[layer]):
            z, a, output = shown.at("z", layer, unit), shown.at("a", layer, unit), layer == last
            lines = [
                (f"{'output' if output else 'unit'} {unit + 1}", QUIET, ""),
                (f"{symbols['z']} = {z.text}", INK, z.name),
                (f"{symbols['y_hat' if output else 'a']} = {a.text}", INK, a.name),
            ]
            names = [z.name, a.name, f"d{z.name}", f"d{a.name}", shown.names("slope", layer, unit)[1]]
            if z.gradient:
                lines.append((f"{symbols['dz']} {z.gradient}", z.color, f"d{z.name}"))
            if passed.network.layers[layer - 1].b is not None:
                b = shown.at("b", layer, unit)
                lines.append((f"{symbols['b']} = {b.text}", QUIET, f"d{b.name}"))
                names.append(f"d{b.name}")
            if output and isinstance(passed, Trace):
                y = shown.at("y", 0, unit)
                lines.append((f"{symbols['y']} = {y.text}", QUIET, f"d{a.name}"))
                names += [y.name, shown.names("y_hat", 0, unit)[1]]
            lit = shown.is_lit(*names)
            yield from _lines(layout.x[layer], layout.y(layer, unit), lines, bold=2, lit=lit)
    if isinstance(passed, Trace):
        title = wrap(f"loss: {passed.loss_function.name.replace('_', ' ')}", width=18)
        lines = [*((part, QUIET, "") for part in title), (shown.loss(passed), INK, "loss")]
        yield from _lines(layout.x[-1], layout.y(last + 1, 0), lines, bold=len(title), lit=shown.is_lit("loss"))


def _legend(passed: Forward, layout: _Layout) -> Iterator[str]:
    """Yield the meaning of dashes and colors."""
    meanings = [("dashed: negative weight", QUIET, ' stroke-dasharray="9 5"')]
    if isinstance(passed, Trace):
        meanings.append(("+ gradient: a larger weight, a larger loss", RISES, ""))
        meanings.append((f"{MINUS} gradient: a larger weight, a smaller loss", FALLS, ""))
    y = layout.bottom + 32
    for x, (meaning, color, dashes) in zip((MARGIN, MARGIN + 230, MARGIN + 540), meanings, strict=False):
        yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 32}" y2="{y - 4}" stroke="{color}" stroke-width="3"{dashes}/>'
        yield f'<text x="{x + 40}" y="{y}" text-anchor="start">{meaning}</text>'


def _weights(layout: _Layout) -> Iterator[tuple[int, int, int]]:
    """Yield layer, from-unit and to-unit, the units from 0, of every weight that is drawn."""
    for layer, (n_in, n_out) in enumerate(pairwise(layout.drawn), start=1):
        yield from ((layer, i, j) for i in range(n_in) for j in range(n_out))


def _lines(x: float, y: float, lines: list[tuple[str, str, str]], bold: int = 1, lit: bool = False) -> Iterator[str]:
    """Yield a box around (x, y) with lines of text, each with its color and the name of its value.

    The line with index `bold` is bold.
    """
    height = len(lines) * LINE + 12
    yield _box(x, y, BOX_WIDTH, height, INK, thickness=1.5, lit=lit)
    for row, (text, color, name) in enumerate(lines):
        yield _text(x, y - height / 2 + 18 + row * LINE, text, color, BOX_WIDTH, row == bold, name)


def _box(x: float, y: float, width: float, height: float, color: str, thickness: float, lit: bool) -> str:
    return (
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="7" '
        f'fill="{LIT if lit else PAPER}" stroke="{color}" stroke-width="{thickness + 1.5 * lit:g}"/>'
    )


def _text(x: float, y: float, text: str, color: str, width: float, bold: bool = False, name: str = "") -> str:
    """Return a line of text around x, smaller if it would be wider than `width` in a wide font."""
    letter = 0.66 if bold else 0.6  # its width, as a share of its size: at most 0.65 and 0.59 in the widest font
    size = min(12.0, (width - 6) / (letter * len(text)))
    weight, data = ' font-weight="bold"' if bold else "", f' data-name="{name}"' if name else ""
    return f'<text{data} x="{x:g}" y="{y:g}" fill="{color}" font-size="{size:.3g}"{weight}>{escape(text)}</text>'
