"""Small charts as SVG, fast enough to be drawn again while a slider moves: curves, points, and fields of values.

A chart is what a `Frame` and the marks in it are made of: strings of SVG, joined by `Frame.picture`. A field is an
image of one byte for each value; everything else is text.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.validation import Array
from bpcourse.numbers import format_given, format_number
from bpcourse.pictures.diagram import INK, QUIET, Diagram

BLUE, ORANGE, GREEN, PURPLE = (
    "#0072B2",
    "#B34700",
    "#00734F",
    "#8F4273",
)  # after Okabe & Ito, darkened to 4.5:1 on white
DASHES = {BLUE: "", ORANGE: "9 4", GREEN: "3 3", PURPLE: "12 3 3 3"}  # so that color never tells curves apart alone
MOST_POINTS = 300  # of a curve of losses
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 40  # pixels around the area of the marks


@dataclass(frozen=True)
class Frame:
    """An area with two axes.

    x, y : from where to where the axes go
    x_label, y_label : what is on them
    width, height : of the whole, in pixels
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
        """Return where a point is, in pixels.

        >>> Frame((0, 1), (0, 1), "x", "y").at(0.0, 1.0)
        (62.0, 12.0)
        """
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (self.width - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def curve(self, xs: Iterable[float], ys: Iterable[float], color: str, thickness: float = 2.5) -> str:
        """Return a line through points; it is interrupted where a value is not finite, and cut off at the area."""
        pieces, pen = [], "M"
        for x, y in zip(xs, ys, strict=True):
            if math.isfinite(y):
                left, top = self.at(x, min(max(y, self.y[0] - 9 * self._tall), self.y[1] + 9 * self._tall))
                pieces.append(f"{pen}{left:.1f} {top:.1f}")
            pen = "L" if math.isfinite(y) else "M"
        dashes = f' stroke-dasharray="{DASHES[color]}"' if DASHES.get(color) else ""
        return f'<path d="{"".join(pieces)}" fill="none" stroke="{color}" stroke-width="{thickness:g}"{dashes}/>'

    @property
    def _tall(self) -> float:
        return self.y[1] - self.y[0]

    def dot(self, x: float, y: float, color: str = INK, radius: float = 5, shape: str = "circle") -> str:
        """Return a mark at a point, with a white rim: a circle, or a square."""
        left, top = self.at(x, y)
        if not (math.isfinite(left) and math.isfinite(top)):
            return ""
        look = f'fill="{color}" stroke="#ffffff" stroke-width="1.5"'
        if shape == "circle":
            return f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{radius:g}" {look}/>'
        side = f'width="{2 * radius:g}" height="{2 * radius:g}"'
        return f'<rect x="{left - radius:.1f}" y="{top - radius:.1f}" {side} {look}/>'

    def dots(self, points: Iterable[tuple[float, float]]) -> str:
        """Return many small dots."""
        places = "".join("M{:.1f} {:.1f}h0".format(*self.at(*point)) for point in points)
        return f'<path d="{places}" stroke="{INK}" stroke-width="3" stroke-linecap="round"/>'

    def field(self, values: Array, low: float, high: float, colors: str) -> str:
        """Return an image of values, (rows, columns), the first row at the bottom, in a color map of matplotlib."""
        shades = np.clip((values - low) * (255 / ((high - low) or 1)), 0, 255).astype(np.uint8)
        source = base64.b64encode(png(shades[::-1], _palette(colors))).decode()
        left, top = self.at(self.x[0], self.y[1])
        right, bottom = self.at(self.x[1], self.y[0])
        return (
            f'<image x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" '
            f'preserveAspectRatio="none" href="data:image/png;base64,{source}"/>'
        )

    def picture(self, words: str, table: Sequence[tuple[str, str, str]], marks: Iterable[str]) -> Diagram:
        """Return the chart with its words and its values as a table."""
        said = "; ".join(f"{name} = {value}" + (f", slope {slope}" * bool(slope)) for name, value, slope in table)
        left, top = self.at(self.x[0], self.y[1])
        right, bottom = self.at(self.x[1], self.y[0])
        area = f'x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}"'
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif" '
            f'font-size="12" fill="{INK}">',
            f"<title>{escape(words)}</title>",
            f"<desc>{escape(said)}</desc>",
            f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>',
            *(self._scales() if self.scales else ()),
            f'<svg {area} viewBox="{left:g} {top:g} {right - left:g} {bottom - top:g}">',  # it cuts off what leaves it
            *marks,
            "</svg>",
            f'<rect {area} fill="none" stroke="{QUIET}"/>',
            "</svg>",
        )
        return Diagram("\n".join(svg), words, tuple(table))

    def _scales(self) -> Iterable[str]:
        """Yield the ticks with their numbers, the grid and the labels of both axes."""
        bottom, left = self.height - BOTTOM, LEFT
        for tick in ticks(*self.x, 8):
            x = self.at(tick, self.y[0])[0]
            yield f'<path d="M{x:.1f} {TOP}V{bottom + 4}" stroke="#e0e0e0"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{format_given(tick)}</text>'
        for tick in ticks(*self.y, 6):
            y = self.at(self.x[0], tick)[1]
            yield f'<path d="M{left - 4} {y:.1f}H{self.width - RIGHT}" stroke="#e0e0e0"/>'
            yield f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{format_given(tick)}</text>'
        middle_x, middle_y = (left + self.width - RIGHT) / 2, (TOP + bottom) / 2
        yield f'<text x="{middle_x:g}" y="{self.height - 6}" text-anchor="middle">{escape(self.x_label)}</text>'
        yield (
            f'<text transform="translate(13 {middle_y:g}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.y_label)}</text>"
        )


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from low to high: multiples of 1, 2 or 5 times a power of ten, `most` of them at most.

    >>> ticks(-1.2, 1.0, 6), ticks(0.0, 0.07, 5)
    ([-1.0, -0.5, 0.0, 0.5, 1.0], [0.0, 0.02, 0.04, 0.06])
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    unit = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) < most)
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    return [float(f"{count * unit:.12g}") for count in range(first, last + 1)]


def history(losses: Sequence[float], unit: str = "move", count: int | None = None) -> Diagram:
    """Return the loss over the last moves, or epochs, the present one marked.

    count : how many moves lie between the first loss and the last one; by default each loss is one

    >>> history([0.25, 0.125]).words
    'The loss over the last move: from 0.2500 to 0.1250.'
    """
    count = len(losses) - 1 if count is None else count
    shown = range(0, len(losses), max(1, len(losses) // MOST_POINTS))  # more would not be seen
    curve, drawn = [losses[k] for k in shown], [count * k / max(1, len(losses) - 1) for k in shown]
    highest = max([loss for loss in curve if math.isfinite(loss)], default=1.0) or 1.0
    frame = Frame((0, 1.03 * max(count, 5)), (0, 1.1 * highest), f"{unit}s", "loss", width=300, height=150)
    now, units = format_number(losses[-1]), f"the last {unit}" if count == 1 else f"the last {count} {unit}s"
    words = f"The loss over {units}: from {format_number(losses[0])} to {now}." if count else f"The loss is {now}."
    marks = [frame.curve(drawn, curve, BLUE), frame.dot(count, losses[-1], BLUE)]
    return frame.picture(words, [("loss", now, "")], marks)


def png(shades: NDArray[np.uint8], palette: bytes) -> bytes:
    r"""Return an image of one byte for each pixel, (height, width), with a palette of 256 times red, green, blue.

    The format is that of the W3C recommendation "Portable Network Graphics", 2003: a signature, and chunks
    with their length, name, data and checksum.

    >>> png(np.zeros((2, 3), np.uint8), bytes(768))[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    height, width = shades.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = shades

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, by palette
    body = chunk(b"PLTE", palette) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


@cache
def _palette(name: str) -> bytes:
    from matplotlib import colormaps  # here, as only fields need it, and it takes a third of a second

    return bytes(colormaps[name](np.arange(256), bytes=True)[:, :3].tobytes())
