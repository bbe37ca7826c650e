"""Small charts as SVG: curves, points and color fields, fast enough to follow a slider.

A chart is a `Frame` and the marks in it. The marks are strings of SVG; `Frame.picture` joins them.
A field of values is an image inside the SVG.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

import numpy as np

from bpcourse.engine.validation import Array
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import BLUE, GRID, INK, PAPER, QUIET, SERIES
from bpcourse.pictures.diagram import Diagram, svg
from bpcourse.pictures.series import history_curve

DASHES = {line.color: line.dashes for line in SERIES}
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 40  # pixels around the area of the marks


@dataclass(frozen=True)
class Frame:
    """An area with two axes.

    x, y : the ends of the axes
    x_label, y_label : their labels
    width, height : the size of the whole chart, in pixels
    scales : whether the axes have numbers
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str
    width: int = 430
    height: int = 300
    scales: bool = True

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point, in pixels.

        >>> Frame((0, 1), (0, 1), "x", "y").at(0.0, 1.0)
        (62.0, 12.0)
        """
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (self.width - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def value(self, across: float, up: float) -> tuple[float, float]:
        """Return the values at a point that is given as shares of the area, from 0 to 1.

        >>> Frame((-2, 2), (0, 10), "x", "y").value(0.25, 0.5)
        (-1.0, 5.0)
        """
        return self.x[0] + across * (self.x[1] - self.x[0]), self.y[0] + up * (self.y[1] - self.y[0])

    def curve(
        self, xs: Iterable[float], ys: Iterable[float], color: str, thickness: float = 2.5, dashes: str | None = None
    ) -> str:
        """Return a line through points, interrupted where a value is not finite. By default a color has its dashes."""
        pieces, pen, room = [], "M", 9 * (self.y[1] - self.y[0])
        for x, y in zip(xs, ys, strict=True):
            if math.isfinite(y):
                left, top = self.at(x, min(max(y, self.y[0] - room), self.y[1] + room))
                pieces.append(f"{pen}{left:.1f} {top:.1f}")
            pen = "L" if math.isfinite(y) else "M"
        dashes = DASHES.get(color, "") if dashes is None else dashes
        look = f'stroke="{color}" stroke-width="{thickness:g}"' + f' stroke-dasharray="{dashes}"' * bool(dashes)
        return f'<path d="{"".join(pieces)}" fill="none" {look}/>'

    def arrow(self, x: float, y: float, rise: tuple[float, float], color: str, length: float) -> str:
        """Return an arrow of a length in pixels from a point, in the direction of a change of x and y."""
        left, top = self.at(x, y)
        right, bottom = self.at(x + rise[0], y + rise[1])
        far = math.hypot(right - left, bottom - top)
        if not (math.isfinite(far) and far > 0):
            return ""
        along, down = (right - left) / far, (bottom - top) / far
        end, side = (left + length * along, top + length * down), 0.3 * length
        wings = (
            f"M{end[0] - side * (along + turn * down):.1f} {end[1] - side * (down - turn * along):.1f}"
            f"L{end[0]:.1f} {end[1]:.1f}"
            for turn in (0.6, -0.6)
        )
        line = f"M{left:.1f} {top:.1f}L{end[0]:.1f} {end[1]:.1f}{''.join(wings)}"
        return f'<path d="{line}" fill="none" stroke="{color}" stroke-width="{max(1.0, length / 12):.3g}"/>'

    def dot(self, x: float, y: float, color: str = INK, radius: float = 5, shape: str = "circle") -> str:
        """Return a mark at a point, with a white rim: a circle, or a square."""
        left, top = self.at(x, y)
        if not (math.isfinite(left) and math.isfinite(top)):
            return ""
        look = f'fill="{color}" stroke="{PAPER}" stroke-width="1.5"'
        if shape == "circle":
            return f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{radius:g}" {look}/>'
        side = f'width="{2 * radius:g}" height="{2 * radius:g}"'
        return f'<rect x="{left - radius:.1f}" y="{top - radius:.1f}" {side} {look}/>'

    def dots(self, points: Iterable[tuple[float, float]], color: str = INK, size: float = 3) -> str:
        """Return many small dots."""
        places = "".join("M{:.1f} {:.1f}h0".format(*self.at(*point)) for point in points)
        return f'<path d="{places}" stroke="{color}" stroke-width="{size:g}" stroke-linecap="round"/>'

    def field(self, values: Array, low: float, high: float, color_map: str) -> str:
        """Return an image of values in a color map of matplotlib.

        Parameters
        ----------
        values : (rows, columns) array
            The first row is at the bottom.
        low, high : float
            The values of the first and the last color of the map.
        color_map : str
            One of those in palette.py.
        """
        return image(values, f'{self._area} preserveAspectRatio="none"', low, high, color_map, smooth=True)

    @property
    def _area(self) -> str:
        """The place and the size of the area of the marks, as attributes of SVG."""
        width, height = self.width - LEFT - RIGHT, self.height - TOP - BOTTOM
        return f'x="{LEFT}" y="{TOP}" width="{width}" height="{height}"'

    def picture(
        self, words: str, table: Sequence[tuple[str, str, str]], marks: Iterable[str], touch: bool = False
    ) -> Diagram:
        """Return the chart with its description, and its values as a table. In an explorer it may be one to `touch`."""
        described = "; ".join(f"{name} = {value}" + f", slope {slope}" * bool(slope) for name, value, slope in table)
        marks = [*marks]
        on = ' class="field"' if any(mark.startswith("<image") for mark in marks) else ""  # the same in all themes
        box = f"{LEFT} {TOP} {self.width - LEFT - RIGHT} {self.height - TOP - BOTTOM}"
        parts = (
            *(self._scales() if self.scales else ()),
            f'<svg {self._area}{on} viewBox="{box}">',  # cuts off the marks at the area
            *marks,
            "</svg>",
            f'<rect {self._area} fill="none" stroke="{QUIET}"/>',
            f'<rect {self._area} fill-opacity="0" data-touch=""/>' * touch,
        )
        return Diagram(svg(self.width, self.height, words, described, parts), words, tuple(table))

    def _scales(self) -> Iterable[str]:
        """Yield the ticks with their numbers, the grid and the labels of both axes."""
        bottom, left = self.height - BOTTOM, LEFT
        for tick in ticks(*self.x, 8):
            x = self.at(tick, self.y[0])[0]
            yield f'<path d="M{x:.1f} {TOP}V{bottom + 4}" stroke="{GRID}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{format_given(tick)}</text>'
        for tick in ticks(*self.y, 6):
            y = self.at(self.x[0], tick)[1]
            yield f'<path d="M{left - 4} {y:.1f}H{self.width - RIGHT}" stroke="{GRID}"/>'
            yield f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{format_given(tick)}</text>'
        middle_x, middle_y = (left + self.width - RIGHT) / 2, (TOP + bottom) / 2
        upward = f'transform="translate(13 {middle_y:g}) rotate(-90)"'
        yield f'<text x="{middle_x:g}" y="{self.height - 6}" text-anchor="middle">{escape(self.x_label)}</text>'
        yield f'<text {upward} text-anchor="middle">{escape(self.y_label)}</text>'


def image(values: Array, place: str, low: float, high: float, color_map: str, smooth: bool = False) -> str:
    """Return an image of values, a pixel for each, or `smooth` between them.

    Parameters
    ----------
    values : (rows, columns) array
        The first row is at the bottom.
    place : str
        The attributes x, y, width and height.
    low, high : float
        The values of the first and the last color of the map.
    color_map : str
        One of those in palette.py.
    smooth : bool
    """
    from PIL import Image  # only images need it

    shades = np.clip((values - low) * (255 / ((high - low) or 1)), 0, 255).astype(np.uint8)
    pixels, file = Image.fromarray(shades[::-1]), io.BytesIO()
    pixels.putpalette(_rgb(color_map))
    pixels.save(file, "png", compress_level=0)  # fastest, and the same bytes with every version of zlib
    look = "" if smooth else ' style="image-rendering:pixelated"'
    return f'<image {place}{look} href="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"/>'


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers from low to high.

    They are multiples of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(-1.2, 1.0, 6), ticks(0.0, 0.07, 5)
    ([-1.0, -0.5, 0.0, 0.5, 1.0], [0.0, 0.02, 0.04, 0.06])
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    unit = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) < most)
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    return [float(f"{count * unit:.12g}") for count in range(first, last + 1)]


def history(
    losses: Sequence[float], unit: str = "move", count: int | None = None, here: tuple[int, float] | None = None
) -> Diagram:
    """Return a chart of the loss over the last moves or epochs, with the present one marked.

    Parameters
    ----------
    losses : sequence of floats
    unit : str
        The noun for one step.
    count : int, optional
        The number of steps between the first loss and the last one. By default there is a loss for
        each step.
    here : (int, float), optional
        The step and the loss to mark. By default the last ones.

    Examples
    --------
    >>> history([0.25, 0.125]).words
    'The loss over the last move: from 0.2500 to 0.1250.'
    """
    count = len(losses) - 1 if count is None else count
    places, curve = history_curve(losses)
    drawn = [count * place / max(1, len(losses) - 1) for place in places]
    highest = max([loss for loss in curve if math.isfinite(loss)], default=1.0) or 1.0
    frame = Frame((0, 1.03 * max(count, 5)), (0, 1.1 * highest), f"{unit}s", "loss", width=300, height=150)
    now, units = format_number(losses[-1]), f"the last {unit}" if count == 1 else f"the last {count} {unit}s"
    words = f"The loss over {units}: from {format_number(losses[0])} to {now}." if count else f"The loss is {now}."
    step, loss = here or (count, losses[-1])
    marks = [frame.curve(drawn, curve, BLUE), frame.dot(step, loss, BLUE)]
    if step < count:
        marks.insert(0, frame.curve((step, step), frame.y, QUIET, thickness=1))
    return frame.picture(words, [("loss", now, "")], marks)


@cache
def _rgb(color_map: str) -> bytes:
    """Return the 256 colors of a color map, as red, green and blue. Explorers need no matplotlib for them."""
    with (files("bpcourse") / "data" / "palettes.npz").open("rb") as file:
        return bytes(np.load(file)[color_map].tobytes())
