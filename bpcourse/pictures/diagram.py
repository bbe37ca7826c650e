"""The network as a picture: every unit and weight of a trace with its value and its gradient.

The picture is an SVG: it is text, sharp at any size, the same on every machine and fast to make. It
only reads the trace. The same information is available as a text description and as a table.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Literal

import numpy as np

from bpcourse.engine.activations import Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Forward
from bpcourse.engine.validation import is_count, one_text, require_kind, texts
from bpcourse.names import SYMBOLS, Name, Notation
from bpcourse.numbers import MINUS, format_number
from bpcourse.palette import FALLS, HALO, INK, LIT, PAPER, QUIET, RISES
from bpcourse.registry import UnknownNameError, brief
from bpcourse.render import render

ViewName = Literal["both", "forward", "backward"]
VIEWS: tuple[ViewName, ...] = ("both", "forward", "backward")
MOST_UNITS = 8  # of a layer, more are not drawn
MOST_LABELED = 12  # weights of a layer, if each is to have a label
MOST_WITH_BOTH = 8  # weights of a layer, if each label is to show the weight and its gradient
UNKNOWN = "…"
PARAMETERS = ("W", "b")
# In pixels:
INPUT_WIDTH, UNIT_WIDTH, LOSS_WIDTH, LINE, MARGIN, TOP = 86, 144, 86, 17, 6, 34
CURVE = 40  # the side of the little plot of an activation
LABEL_WIDTH, LABEL_LINE = 71, 15
GAPS = (130, 150, 165, 180, 200, 220, 250, 280, 310)  # between two columns, the first that leaves room for the labels
LEGEND_WIDTH = 840
WIDEST = 12.0  # of a line
DIM = 0.28  # opacity of what is not on a path
TURN = 0.6  # seconds in which a dot moves along a line, and until the next path lights up
RANGE = 4.0  # the plot of an activation reaches from −4 to 4
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
        source = base64.b64encode(self.svg.replace("</svg>", f"{_dark_style()}\n</svg>").encode()).decode()
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
    view: ViewName = "both",
    path: str = "",
    live: bool = False,
) -> Diagram:
    """Draw the network of a trace with all its values, or of a forward pass without gradients.

    A unit shows the curve of its activation, with a dot at z and the tangent there. A line is a weight: the larger the
    weight, the wider the line. If a layer has more than 8 units, the first 8 are drawn, and the picture says how many
    are omitted. In a layer of more than 12 weights they have no labels; their values are in the table.

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
    view : {"both", "forward", "backward"}
        "forward" shows values: a line is orange for a positive weight, and blue and dashed for a negative one.
        "backward" shows gradients: then color, dashes and width are those of the gradient, and units are shaded by δ.
        In "both", color is that of the gradient, and dashes and width are those of the weight.
    path : str, optional
        A gradient, such as "dW1[1,2]": its paths to the loss are highlighted. Each path shows its part of
        the gradient, and a + is where the paths meet.
    live : bool
        Whether the picture is for an explorer. Then it also has what the page shows for a moment: dots that move along
        highlighted lines, and labels of weights that have no room.

    Raises
    ------
    ValueError
        For an unknown notation, example, view or path.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> print(draw(EXAMPLES["lecture"].backprop()).words)
    A network of 2 inputs, 2 sigmoid units and 2 sigmoid outputs. Its mse is 0.06183.
    """
    require_kind(passed, Forward, "backprop(network, x, y) or forward(network, x)")
    lit, known = texts(lit, "lit"), None if known is None else texts(known, "known")
    n = len(passed["x"])
    if not is_count(example) or example > n:
        raise ValueError(f"example must lie between 1 and {n}, the size of the batch; got {brief(example)}.")
    if not isinstance(view, str) or view not in VIEWS:
        raise UnknownNameError("view", view, VIEWS)
    view = view if isinstance(passed, Trace) else "forward"
    layout, symbols = _Layout.of(passed, view), SYMBOLS[notation]
    shown = _Shown(passed, example, notation, symbols, lit, known, view, _Path.of(passed, path, example), live)
    shown.entries.update((drawn, shown.entry(*drawn)) for drawn in _drawn(passed, layout))
    words, table = _words(shown), [(entry.label, entry.text, entry.gradient) for entry in shown.entries.values()]
    if isinstance(passed, Trace):
        table.append(("loss", shown.loss(passed), ""))
    marks = (
        *_headings(passed, layout),
        *_edges(shown, layout),
        *_edge_labels(shown, layout),
        *_boxes(shown, layout),
        *_legend(shown, layout),
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


@cache
def _dark_style() -> str:
    """Return the dark colors of the explorers. An image has them where the element that contains it is dark."""
    css = (Path(__file__).parents[1] / "data" / "explorer" / "explorer.css").read_text(encoding="utf-8")
    rules = " ".join(re.findall(r"^  & (\[.*)", css, re.MULTILINE))
    return f"<style>@media (prefers-color-scheme: dark) {{ {rules} }}</style>"


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
    return f"{words} {shown.path.words}".rstrip()


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}" + f" ({MOST_UNITS} of them drawn)" * (count > MOST_UNITS)


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
    view: ViewName
    path: _Path
    live: bool
    entries: dict[tuple[str, int, tuple[int, ...]], _Entry] = field(default_factory=dict)

    def is_lit(self, *names: str) -> bool:
        return any(name in self.lit or name in self.path.lit for name in names)

    def opacity(self, *names: str) -> str:
        """Return the attribute of what is not on the path, if there is one."""
        return f' opacity="{DIM}"' if self.path.lit and not self.is_lit(*names) else ""

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


# The paths of a gradient


@dataclass(frozen=True)
class _Path:
    """The paths of a gradient to the loss.

    lit : names of the weights and units on them
    asked : the weight whose gradient it is, such as "W1[1,2]", or ""
    back : by name of a weight, the part of the gradient that comes back over it
    meets : the unit where the paths meet, by its name such as "a1[2]", or ""
    words : a sentence about them
    """

    lit: frozenset[str] = frozenset()
    asked: str = ""
    back: Mapping[str, float] = field(default_factory=dict)
    meets: str = ""
    words: str = ""

    @classmethod
    def of(cls, passed: Forward, name: str, example: int) -> _Path:
        if not one_text(name, "path"):
            return cls()
        asked = Name.read(name)
        sizes = passed.network.sizes
        if not isinstance(passed, Trace) or not asked.index or asked.quantity not in ("dW", "db", "dz", "da", "dx"):
            raise ValueError(f"path must be a gradient of the pass, such as dW1[1,2]; got {name}.")
        layer, unit = asked.layer, asked.index[-1]
        if 0 < layer < len(sizes) - 1 and passed.network.layers[layer - 1].activation.slope is None:
            asked = Name.read(f"da{layer}[{unit}]")  # the outputs of a softmax share their paths
        if layer >= len(sizes) or not 1 <= unit <= sizes[layer]:
            raise UnknownNameError("gradient", name, [f"dW1[1,{j}]" for j in range(1, sizes[1] + 1)])
        lit, back = {f"a{layer}[{unit}]" if layer else f"x[{unit}]"}, {}
        if asked.quantity == "dW":
            lit |= {f"W{layer}[{asked.index[0]},{unit}]", f"a{layer - 1}[{asked.index[0]}]", f"x[{asked.index[0]}]"}
            lit -= {"a0[1]"} | ({f"x[{asked.index[0]}]"} if layer > 1 else set())
        reached = [unit]
        for above in range(layer + 1, len(sizes)):
            units = range(1, sizes[above] + 1)
            lit |= {f"W{above}[{i},{k}]" for i in reached for k in units} | {f"a{above}[{k}]" for k in units}
            if above == layer + 1:
                deltas, W = passed[f"dz{above}"][example - 1], passed[f"W{above}"]
                rest = _beyond(passed, asked, example)  # the factors that all paths share
                back = {f"W{above}[{unit},{k}]": float(deltas[k - 1] * W[unit - 1, k - 1] * rest) for k in units}
            reached = list(units)
        weight = str(asked)[1:] if asked.quantity == "dW" else ""
        meets = f"a{layer}[{unit}]" if len(back) > 1 else ""
        return cls(frozenset({*lit, "loss"}), weight, back, meets, _paths_in_words(back, str(asked)))


def _beyond(trace: Trace, asked: Name, example: int) -> float:
    """Return the factors of a gradient between its value and the output of the unit, such as slope and input."""
    layer, unit, row = asked.layer, asked.index[-1] - 1, example - 1
    if asked.quantity in ("da", "dx"):
        return 1.0
    slope = float(trace.network.layers[layer - 1].activation.df(trace[f"z{layer}"][row, unit]))
    before = trace[f"a{layer - 1}"] if layer > 1 else trace["x"]
    return slope * (float(before[row, asked.index[0] - 1]) if asked.quantity == "dW" else 1.0)


def paths_in_words(trace: Trace, name: str, example: int = 1) -> str:
    """Describe the paths of a gradient to the loss; see `draw`. The text is empty if there is only one.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> paths_in_words(EXAMPLES["lecture"].backprop(), "dW1[1,2]")
    'Parts of dW1[1,2]: −0.01209 over W2[2,1] and −0.003633 over W2[2,2]. Their sum is −0.01573.'
    """
    return _Path.of(trace, name, example).words


def _paths_in_words(back: Mapping[str, float], name: str) -> str:
    """Describe the parts of a gradient, and their sum."""
    if len(back) < 2:
        return ""
    *parts, last = (f"{format_number(value, signed=True)} over {weight}" for weight, value in back.items())
    total = format_number(sum(back.values()), signed=True)
    return f"Parts of {name}: {', '.join(parts)} and {last}. Their sum is {total}."


# The layout


@cache
def _labels(n: int, m: int, gap: float, pitch: float, height: float) -> tuple[tuple[tuple[float, ...], ...], bool]:
    """Return where the labels are along the lines from n units to m units, from 0 to 1, and whether they overlap.

    On the line to target j a label is at 16 % + 62 % · (j + ½)/m. If it would touch another one, it moves along its
    line to the nearest place where it does not.
    """
    placed: list[tuple[float, float]] = []
    clash = False
    edge = (LABEL_WIDTH / 2 + 4) / gap

    def at(i: int, j: int, t: float) -> tuple[float, float]:
        return t * gap, ((1 - t) * (i - (n - 1) / 2) + t * (j - (m - 1) / 2)) * pitch

    def free(x: float, y: float) -> bool:
        return all(abs(x - a) >= LABEL_WIDTH + 1 or abs(y - b) >= height + 1 for a, b in placed)

    rows = []
    for i in range(n):
        row = []
        for j in range(m):
            usual = _usual(j, m)
            tries = sorted((edge + (1 - 2 * edge) * step / 60 for step in range(61)), key=lambda t: abs(t - usual))
            t = next((t for t in tries if free(*at(i, j, t))), None)
            clash, t = clash or t is None, tries[0] if t is None else t
            placed.append(at(i, j, t))
            row.append(t)
        rows.append(tuple(row))
    return tuple(rows), clash


def _usual(j: int, m: int) -> float:
    """Return where a label is along the line to unit j of m, from 0 to 1, if nothing is in its way."""
    return 0.16 + 0.62 * (j + 0.5) / m


def is_crowded(sizes: Iterable[int]) -> bool:
    """Return whether a layer has too many weights for labels with two numbers."""
    return any(min(n, MOST_UNITS) * min(m, MOST_UNITS) > MOST_WITH_BOTH for n, m in pairwise(sizes))


@dataclass(frozen=True)
class _Layout:
    """Positions in the picture.

    Column 0 is the input, column k is layer k, and the loss is to the right of them.

    drawn : how many units of each column are drawn
    labels : for each layer, the place of each label along its line, or () if there are none
    x : the middle of each column, and of the loss if there is one
    widths : the width of the boxes in each column
    pitch : the distance between two units
    width, bottom : the width of the picture, and the lower end of the units
    height : the height of a label
    """

    drawn: tuple[int, ...]
    labels: tuple[tuple[tuple[float, ...], ...], ...]
    x: tuple[float, ...]
    widths: tuple[int, ...]
    pitch: float
    width: int
    bottom: int
    height: int

    @classmethod
    def of(cls, passed: Forward, view: ViewName) -> _Layout:
        drawn = tuple(min(size, MOST_UNITS) for size in passed.network.sizes)
        pitch = (5 if isinstance(passed, Trace) else 3) * LINE + 12 + 14.0
        one_line = not isinstance(passed, Trace) or (is_crowded(passed.network.sizes) and view != "both")
        height = LABEL_LINE * (1 if one_line else 2) + 4  # nothing moves if only the view changes
        x, labels = [MARGIN + INPUT_WIDTH / 2], []
        for layer, (n, m) in enumerate(pairwise(drawn)):
            gap = GAPS[0]
            places: tuple[tuple[float, ...], ...] = ()
            if n * m <= MOST_LABELED:
                fitting = (each for each in GAPS if not _labels(n, m, each, pitch, height)[1])
                gap = next(fitting, GAPS[-1])
                places = _labels(n, m, gap, pitch, height)[0]
            labels.append(places)
            x.append(x[-1] + (UNIT_WIDTH if layer else INPUT_WIDTH) / 2 + gap + UNIT_WIDTH / 2)
        widths = [INPUT_WIDTH, *[UNIT_WIDTH] * (len(drawn) - 1)]
        if isinstance(passed, Trace):
            x.append(x[-1] + UNIT_WIDTH / 2 + 26 + LOSS_WIDTH / 2)
            widths.append(LOSS_WIDTH)
        width, bottom = max(round(x[-1] + widths[-1] / 2 + MARGIN), LEGEND_WIDTH), round(TOP + max(drawn) * pitch)
        return cls(drawn, tuple(labels), tuple(x), tuple(widths), pitch, width, bottom, height)

    def y(self, column: int, unit: int) -> float:
        """Return the height of the middle of a unit, counted from 0, or of the loss."""
        return (TOP + self.bottom) / 2 + (unit - ((*self.drawn, 1)[column] - 1) / 2) * self.pitch

    def line(self, column: int, i: int, j: int) -> tuple[float, float, float, float]:
        """Return x and y of both ends of the line to unit j of a column, from unit i of the one before."""
        start, end = self.x[column - 1] + self.widths[column - 1] / 2, self.x[column] - self.widths[column] / 2
        return start, self.y(column - 1, i), end, self.y(column, j)

    def label(self, layer: int, i: int, j: int) -> tuple[float, float]:
        """Return the middle of a label."""
        places, (x1, y1, x2, y2) = self.labels[layer - 1], self.line(layer, i, j)
        t = places[i][j] if places else _usual(j, self.drawn[layer])
        return (1 - t) * x1 + t * x2, (1 - t) * y1 + t * y2


# The marks


def _headings(passed: Forward, layout: _Layout) -> Iterator[str]:
    """Yield the name of each column, and how many of its units are omitted."""
    layers = [f"layer {k}: {layer.activation.name}" for k, layer in enumerate(passed.network.layers, start=1)]
    names = ["input", *layers]
    for x, name, size, drawn, width in zip(
        layout.x, names, passed.network.sizes, layout.drawn, layout.widths, strict=False
    ):
        yield _text(x, 20, name, QUIET, width + 2 * MARGIN)
        if size > drawn:
            yield _text(x, layout.bottom + 6, f"and {size - drawn} more", QUIET, width)


def _edges(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a line for each weight, and a thin one from each output to the loss."""
    largest = _largest(shown)
    for layer, i, j in _weights(layout):
        entry, ends = shown.at("W", layer, i, j), ENDS.format(*layout.line(layer, i, j))
        weight = float(shown.passed[f"W{layer}"][i, j])
        known = shown.view != "forward" and shown.is_known(f"d{entry.name}")
        gradient = float(shown.passed[f"dW{layer}"][i, j]) if known else 0.0
        number = gradient if shown.view == "backward" else weight
        color = _hue(weight) if shown.view == "forward" else entry.color
        width = 1 + (8 * abs(gradient) / largest if shown.view == "backward" else 1.4 * abs(weight))
        if entry.name in shown.path.back:
            number, color = shown.path.back[entry.name], _hue(shown.path.back[entry.name])
        dashes = ' stroke-dasharray="9 5"' if number < 0 else ""
        lit, turn = shown.is_lit(entry.name, f"d{entry.name}"), _turn(shown, entry.name)
        if lit:
            yield f'<line {ends} stroke="{HALO}" stroke-width="{min(width, WIDEST) + 9:.2f}"{turn}/>'
        look = f'stroke="{color}" stroke-width="{min(width, WIDEST):.2f}"{dashes}'
        yield f'<line data-name="d{entry.name}" {ends} {look}{shown.opacity(entry.name, f"d{entry.name}")}/>'
        if shown.live and lit and (turn or not shown.path.lit):
            yield _dot(layout.line(layer, i, j), [*shown.path.back].index(entry.name) if turn else 0, shown.view)
    for unit in range(layout.drawn[-1] if isinstance(shown.passed, Trace) else 0):
        yield f'<line {ENDS.format(*layout.line(len(layout.drawn), unit, 0))} stroke="{QUIET}"/>'


def _turn(shown: _Shown, name: str) -> str:
    """Return the attributes of what lights up in its turn, if the paths light up one after the other."""
    turns = [*shown.path.back, shown.path.meets]
    return f' class="turn" style="--turn:{turns.index(name)}"' if shown.live and name in turns else ""


def _dot(line: tuple[float, float, float, float], turn: int, view: ViewName) -> str:
    """Return a hidden dot that moves along a line once it is shown: back to its unit in the backward view."""
    x1, y1, x2, y2 = line if view == "forward" else (*line[2:], *line[:2])
    begin, way = turn * TURN, f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
    motion = f'<animateMotion begin="{begin:g}s" dur="{TURN:g}s" fill="freeze" path="{way}"/>'
    end = f'<set attributeName="visibility" begin="{begin + TURN:g}s" to="hidden"/>'
    begun = f'<set attributeName="visibility" begin="{begin:g}s" to="visible"/>'
    return f'<circle class="dot" display="none" visibility="hidden" r="6" fill="{INK}">{begun}{motion}{end}</circle>'


def _largest(shown: _Shown) -> float:
    """Return the size of the largest gradient of a weight, 1 if all are 0."""
    layers = range(1, len(shown.passed.network.layers) + 1)
    sizes = [float(np.abs(shown.passed[f"dW{layer}"]).max()) for layer in layers if f"dW{layer}" in shown.passed]
    return max(sizes, default=0.0) or 1.0


def _hue(number: float) -> str:
    return RISES if number > 0 else FALLS if number < 0 else QUIET


def _edge_labels(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a label on each line with the weight, its gradient, or what comes back along it, if there is room."""
    for layer, i, j in _weights(layout):
        entry, room = shown.at("W", layer, i, j), bool(layout.labels[layer - 1])
        back = shown.path.back.get(entry.name)
        if not (room or shown.live or back is not None):
            continue
        x, y = layout.label(layer, i, j)
        valued = shown.view != "backward" or entry.name == shown.path.asked
        lines = [(entry.text, INK, entry.name)] if valued else []
        if shown.view != "forward" and back is None:
            lines.append((entry.gradient, entry.color, ""))
        elif back is not None:
            lines.append((format_number(back, signed=True), _hue(back), ""))
        color = _hue(float(shown.passed[f"W{layer}"][i, j])) if shown.view == "forward" else entry.color
        color = color if back is None else _hue(back)
        lit = shown.is_lit(entry.name, f"d{entry.name}")
        height = LABEL_LINE * len(lines) + 4
        marks = [_box(x, y, LABEL_WIDTH, height, color, thickness=1, lit=lit)]
        for row, (text, ink, control) in enumerate(lines):
            at = y - height / 2 + 13.5 + row * LABEL_LINE
            marks.append(_text(x, at, text, ink, LABEL_WIDTH, back is not None and not control, control=control))
        look = shown.opacity(entry.name, f"d{entry.name}") + _turn(shown, entry.name)
        look += f' data-fan="{layer} {i + 1} {j + 1}" display="none"' * (not room and back is None)
        yield f'<g data-name="d{entry.name}"{look}>{"".join(marks)}</g>'


def _boxes(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield a box for each input and unit, and for the loss, with its values in lines of text."""
    passed, last, symbols = shown.passed, len(layout.drawn) - 1, shown.symbols
    for unit in range(layout.drawn[0]):
        x = shown.at("x", 0, unit)
        lines = [(f"input {unit + 1}", QUIET, "", ""), (f"{symbols['x']} = {x.text}", INK, f"d{x.name}", x.label)]
        names = x.label, x.name, f"d{x.name}"
        yield from _lines(shown, layout.x[0], layout.y(0, unit), INPUT_WIDTH, lines, names)
    for layer in range(1, last + 1):
        for unit in range(layout.drawn[layer]):
            yield from _unit(shown, layout, layer, unit)
    if isinstance(passed, Trace):
        title = wrap(f"loss: {passed.loss_function.name.replace('_', ' ')}", width=13)
        lines = [*((part, QUIET, "", "") for part in title), (shown.loss(passed), INK, "loss", "")]
        yield from _lines(shown, layout.x[-1], layout.y(last + 1, 0), LOSS_WIDTH, lines, ("loss",), bold=len(title))


def _unit(shown: _Shown, layout: _Layout, layer: int, unit: int) -> Iterator[str]:
    """Yield the box of a unit: the curve of its activation, and its values."""
    passed, symbols, output = shown.passed, shown.symbols, layer == len(layout.drawn) - 1
    z, a = shown.at("z", layer, unit), shown.at("a", layer, unit)
    lines = [
        (f"{symbols['z']} = {z.text}", INK, z.name, ""),
        (f"{symbols['y_hat' if output else 'a']} = {a.text}", INK, a.name, ""),
    ]
    names = [a.label, z.name, a.name, f"d{z.name}", f"d{a.name}", shown.names("slope", layer, unit)[1]]
    if shown.view != "forward":
        lines.append((f"{symbols['dz']} {z.gradient}", z.color, f"d{z.name}", ""))
    if passed.network.layers[layer - 1].b is not None:
        b = shown.at("b", layer, unit)
        lines.append((f"{symbols['b']} = {b.text}", QUIET, f"d{b.name}", b.name))
        names.append(f"d{b.name}")
    if output and isinstance(passed, Trace):
        y = shown.at("y", 0, unit)
        lines.append((f"{symbols['y']} = {y.text}", QUIET, f"d{a.name}", y.label))
        names += [y.name, shown.names("y_hat", 0, unit)[1]]
    middle = layout.x[layer], layout.y(layer, unit)
    yield from _lines(
        shown, *middle, UNIT_WIDTH, lines, names, bold=1, left=CURVE + 3, shade=_shade(shown, layer, unit)
    )
    activation, row = passed.network.layers[layer - 1].activation, shown.example - 1
    before, after = (float(passed[f"{quantity}{layer}"][row, unit]) for quantity in "za")
    curve = _curve(
        activation, before, after, middle[0] - UNIT_WIDTH / 2 + 5, middle[1] - CURVE / 2, shown.is_known(z.name)
    )
    yield f"<g{shown.opacity(*names)}>{curve}</g>"
    if shown.path.meets == a.label:
        at = middle[0] + UNIT_WIDTH / 2
        yield f"<g{_turn(shown, a.label)}>"
        yield f'<circle cx="{at:g}" cy="{middle[1]:g}" r="10" fill="{LIT}" stroke="{INK}" stroke-width="1.5"/>'
        yield f"{_text(at, middle[1] + 5, '+', INK, 30, bold=True)}</g>"


def _shade(shown: _Shown, layer: int, unit: int) -> tuple[str, float]:
    """Return the color and the strength of the shade of a unit: of δ in the backward view, otherwise of its output."""
    quantity, row = ("dz" if shown.view == "backward" else "a"), shown.example - 1
    name = shown.names(quantity, layer, unit)[1]
    number = float(shown.passed[f"{quantity}{layer}"][row, unit]) if shown.is_known(name) else 0.0
    if quantity == "a":
        return INK, 0.2 * min(abs(number), 1.0)
    layers = range(1, len(shown.passed.network.layers) + 1)
    largest = max(float(np.abs(shown.passed[f"dz{each}"][row]).max()) for each in layers)
    return _hue(number), 0.3 * abs(number) / (largest or 1.0)


def _curve(activation: Activation, z: float, a: float, left: float, top: float, known: bool) -> str:
    """Return the plot of an activation, with a dot at z and the tangent there; for a softmax a bar of its share."""
    corner, look = f'x="{left:g}" y="{top:g}"', f'fill="none" stroke="{QUIET}"'
    frame = f'<rect {corner} width="{CURVE}" height="{CURVE}" {look} stroke-opacity="0.35"/>'
    if activation.slope is None:
        height = CURVE * min(max(a, 0.0), 1.0) if known else 0.0
        corner = f'x="{left + 12:g}" y="{top + CURVE - height:.1f}"'
        return f'{frame}<rect {corner} width="16" height="{height:.1f}" fill="{QUIET}"/>'
    zs = np.linspace(-RANGE, RANGE, 33)
    with np.errstate(all="ignore"):
        heights = np.asarray(activation.f(zs), dtype=float)
    low, high = float(heights.min()), float(heights.max())
    if not np.isfinite([low, high]).all() or low == high:
        return frame
    across, up = CURVE / (2 * RANGE), (CURVE - 8) / (high - low)

    def place(at: float, value: float) -> tuple[float, float]:
        x = left + (min(max(at, -RANGE), RANGE) + RANGE) * across
        return x, top + CURVE - 4 - (min(max(value, low), high) - low) * up

    points = " ".join("{:.1f},{:.1f}".format(*place(*each)) for each in zip(zs.tolist(), heights.tolist(), strict=True))
    marks = [frame, f'<polyline points="{points}" {look} stroke-width="1.5"/>']
    if known and np.isfinite([z, a]).all():
        x, y = place(z, a)
        rise = float(activation.df(z)) * up / across
        half = 13 / (1 + rise * rise) ** 0.5
        ends = ENDS.format(*(round(each, 1) for each in (x - half, y + half * rise, x + half, y - half * rise)))
        marks.append(f'<line {ends} stroke="{INK}" stroke-width="1.5"/>')
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{INK}"/>')
    return "".join(marks)


def _legend(shown: _Shown, layout: _Layout) -> Iterator[str]:
    """Yield the meaning of dashes and colors."""
    if shown.view == "forward":
        meanings = [("positive weight", RISES, ""), ("negative weight", FALLS, ' stroke-dasharray="9 5"')]
    else:
        dashed = ' stroke-dasharray="9 5"'
        meanings = [
            ("+ gradient: a larger weight, a larger loss", RISES, ""),
            (f"{MINUS} gradient: a larger weight, a smaller loss", FALLS, dashed if shown.view == "backward" else ""),
        ]
        if shown.view == "both":
            meanings.insert(0, ("dashed: negative weight", QUIET, dashed))
    y = layout.bottom + 32
    places = (MARGIN, MARGIN + 220, MARGIN + 525) if len(meanings) == 3 else (MARGIN, MARGIN + 310)
    for x, (meaning, color, dashes) in zip(places, meanings, strict=True):
        yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 32}" y2="{y - 4}" stroke="{color}" stroke-width="3"{dashes}/>'
        yield f'<text x="{x + 40}" y="{y}" text-anchor="start">{meaning}</text>'


def _weights(layout: _Layout) -> Iterator[tuple[int, int, int]]:
    """Yield layer, from-unit and to-unit, the units from 0, of every weight that is drawn."""
    for layer, (n_in, n_out) in enumerate(pairwise(layout.drawn), start=1):
        yield from ((layer, i, j) for i in range(n_in) for j in range(n_out))


def _lines(
    shown: _Shown,
    x: float,
    y: float,
    width: float,
    lines: list[tuple[str, str, str, str]],
    names: Iterable[str],
    bold: int = 1,
    left: float = 0,
    shade: tuple[str, float] = (INK, 0.0),
) -> Iterator[str]:
    """Yield a box around (x, y) with lines of text, each with its color, the name of its value and its control.

    The line with index `bold` is bold. On the left there is room for a picture.
    """
    height, names = len(lines) * LINE + 12, list(names)
    unit = f' data-unit="{names[0]}"' if shown.live else ""
    yield f"<g{unit}{shown.opacity(*names)}>"
    yield _box(x, y, width, height, INK, thickness=1.5, lit=shown.is_lit(*names))
    if shade[1] > 0 and not shown.is_lit(*names):
        corner = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}"'
        yield f'<rect {corner} fill="{shade[0]}" fill-opacity="{shade[1]:.3f}"/>'
    for row, (text, color, name, control) in enumerate(lines):
        at = y - height / 2 + 18 + row * LINE
        yield _text(x + left / 2, at, text, color, width - left, row == bold, name, control)
    yield "</g>"


def _box(x: float, y: float, width: float, height: float, color: str, thickness: float, lit: bool) -> str:
    return (
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="7" '
        f'fill="{LIT if lit else PAPER}" stroke="{color}" stroke-width="{thickness + 1.5 * lit:g}"/>'
    )


def _text(
    x: float, y: float, text: str, color: str, width: float, bold: bool = False, name: str = "", control: str = ""
) -> str:
    """Return a line of text around x, smaller if it would be wider than `width` in a wide font.

    name, control : the value that it shows, and the number that can be moved there, or ""
    """
    letter = 0.66 if bold else 0.6  # its width, as a share of its size: at most 0.65 and 0.59 in the widest font
    size = min(12.0, (width - 6) / (letter * len(text)))
    weight, data = ' font-weight="bold"' if bold else "", f' data-name="{name}"' if name else ""
    data += f' data-control="{control}"' if control else ""
    return f'<text{data} x="{x:g}" y="{y:g}" fill="{color}" font-size="{size:.3g}"{weight}>{escape(text)}</text>'
