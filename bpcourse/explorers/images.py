"""Pictures of images: a grid of pixels to click, with what a network makes of it, and weights as images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, ClassVar, Self, cast

import numpy as np

from bpcourse.engine.network import Network, forward
from bpcourse.engine.validation import Array, entries, real, require, texts
from bpcourse.explorers.scenes import Button, Control, Group, Scene, Value, View
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import BLUE, GREYS, GRID, INK, QUIET, SIGNS
from bpcourse.pictures.charts import image
from bpcourse.pictures.diagram import Diagram, svg

MOST_UNITS = 32  # whose weights are shown
WIDTH, BAR, GAP, LABEL = 560, 90, 8, 18  # of a sheet of images, in pixels
SIDE = 300  # of the grid
SHIFTS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def weight_images(network: Network, shape: tuple[int, int], labels: Sequence[str], most: float, said: str) -> Diagram:
    """Draw the weights into each unit of the first layer as an image.

    Parameters
    ----------
    network : Network
    shape : (height, width)
    labels : sequence of str
        A word for each unit.
    most : float
        The weight of the strongest color.
    said : str
        The state of the network, for the description.
    """
    W = network.layers[0].W[:, :MOST_UNITS]
    units = W.shape[1]
    columns = 5 if units == 10 else min(8, units)
    width = min(90.0, (WIDTH - BAR) / columns - GAP)
    height, marks = width * shape[0] / shape[1], []
    for unit, (weights, label) in enumerate(zip(W.T, labels, strict=False)):
        left, top = unit % columns * (width + GAP), unit // columns * (height + GAP + LABEL)
        marks.append(f'<text x="{left + width / 2:.1f}" y="{top + 13:.1f}" text-anchor="middle">{escape(label)}</text>')
        place = f'x="{left:.1f}" y="{top + LABEL:.1f}" width="{width:.1f}" height="{height:.1f}"'
        marks.append(image(weights.reshape(shape)[::-1], place, -most, most, SIGNS))
        marks.append(f'<rect {place} fill="none" stroke="{QUIET}"/>')
    bottom = -(-units // columns) * (height + GAP + LABEL)
    marks.extend(_scale(most, bottom))
    words = f"The weights into {units} units of layer 1 as images, {said}."
    described = f"Orange is {format_given(most)} or more, white is 0, purple is {format_given(-most)} or less."
    return Diagram(svg(WIDTH, round(bottom), words, described, marks), words, ())


def _scale(most: float, bottom: float) -> Iterator[str]:
    """Yield a bar with the colors and their numbers."""
    left, top, height = WIDTH - BAR + 4, LABEL, min(140.0, bottom - LABEL - GAP)
    place = f'x="{left}" y="{top}" width="14" height="{height:.1f}"'
    yield image(np.linspace(-most, most, 64)[:, np.newaxis], place, -most, most, SIGNS)
    yield f'<rect {place} fill="none" stroke="{QUIET}"/>'
    for share, text in ((0.0, f"≥ {format_given(most)}"), (0.5, "0"), (1.0, f"≤ {format_given(-most)}")):
        yield f'<text x="{left + 20}" y="{top + share * height + 9 - 7 * share:.1f}">{text}</text>'


def labels_of(labels: Sequence[object] | None, count: int, noun: str) -> tuple[str, ...]:
    """Return a word for each unit, by default the noun and its number. Raises ValueError for a wrong number of them."""
    if labels is None:
        return tuple(f"{noun} {unit}" for unit in range(1, count + 1))
    listed = entries(labels)
    words = texts(cast(Any, labels) if listed is None else [*map(str, listed)], "labels")
    require(len(words) == count, f"labels must hold {count} words, one for each {noun}; got {len(words)}.")
    return words


@dataclass(frozen=True)
class ImageScene(Scene):
    """An image whose pixels can be changed, and the outputs of a network for it.

    network : one with an input for each pixel
    image : (height, width) array, 0 for paper and 1 for ink
    labels : a word for each output
    pen : the value that dragging gives to pixels
    """

    network: Network
    image: Array
    labels: tuple[str, ...]
    pen: float = 1.0

    title: ClassVar[str] = "Explorer of an image"
    buttons: ClassVar[tuple[Button, ...]] = tuple(
        Button(way, f"{sign} Shift", f"Shift the image {way} by a pixel")
        for way, sign in zip(SHIFTS, "◀▶▲▼", strict=True)
    )

    @property
    def asked(self) -> tuple[str, ...]:
        """The outputs."""
        return tuple(f"y_hat[{unit}]" for unit in range(1, self.network.sizes[-1] + 1))

    @cached_property
    def outputs(self) -> Array:
        """The outputs of the network."""
        return forward(self.network, self.image.reshape(1, -1)).y_hat[0]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The pixels, folded, in their order."""
        pixels = tuple(Control(name, f"x{name[1:]}", 0.0, 1.0, 0.1, least=0.0, most=1.0) for name in self.values)
        return (Group("pixels, row by row", pixels, open=False),)

    @property
    def values(self) -> dict[str, Value]:
        """The pixels."""
        return {f"x[{place}]": value for place, value in enumerate(self.image.ravel().tolist(), start=1)}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other pixels."""
        new = self.updated(values)
        rule = "a number from 0 (paper) to 1 (ink)"
        pixels = np.array([real(new[name], name, rule, lambda pixel: 0 <= pixel <= 1) for name in self.values])
        return replace(self, image=pixels.reshape(self.image.shape))

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene with a pixel changed: the first from ink to paper or back, those after it to the same."""
        height, width = self.image.shape
        row, column = min(int((1 - up) * height), height - 1), min(int(across * width), width - 1)
        pen = self.pen if again else float(self.image[row, column] < 0.5)
        return replace(self.changed({f"x[{row * width + column + 1}]": pen}), pen=pen)

    def pressed(self, button: str) -> Self:
        """Return the scene with the image shifted by a pixel. What leaves it is lost, and paper comes in."""
        if button not in SHIFTS:
            return super().pressed(button)
        (down, right), (height, width) = SHIFTS[button], self.image.shape
        padded = np.pad(self.image, 1)
        return replace(self, image=padded[1 - down : height + 1 - down, 1 - right : width + 1 - right].copy())

    def quantity(self, name: str) -> float:
        """Return an output by its name, such as "y_hat[3]", or a pixel."""
        known = {**dict(zip(self.asked, self.outputs.tolist(), strict=True)), **self.values}
        if name not in known:
            return super().quantity(name)
        return float(known[name])

    def show(self, losses: Sequence[float]) -> View:
        """Return the grid of pixels and a bar for each output."""
        height, width = self.image.shape
        side = SIDE / max(height, width)
        place = f'x="0.5" y="0.5" width="{side * width:g}" height="{side * height:g}"'
        marks = [image(self.image[::-1], place, 0.0, 1.0, GREYS)]
        lines = [f"M{0.5 + k * side:.1f} 0.5v{side * height:.1f}" for k in range(width + 1)]
        lines += [f"M0.5 {0.5 + k * side:.1f}h{side * width:.1f}" for k in range(height + 1)]
        marks.append(f'<path d="{"".join(lines)}" stroke="{GRID}"/>')
        marks.append(f'<rect {place} fill-opacity="0" data-touch=""/>')
        outputs, best = self.outputs, int(self.outputs.argmax())
        most, step = float(abs(outputs).max()) or 1.0, min(34.0, SIDE / len(outputs))
        top, rows = max(1.0, most), []
        for unit, (output, label) in enumerate(zip(outputs.tolist(), self.labels, strict=True)):
            middle, weight = step * (unit + 0.5), ' font-weight="bold"' * (unit == best)
            shown = format_number(output)
            marks.append(f'<text x="400" y="{middle + 4:.1f}" text-anchor="end"{weight}>{escape(label)}</text>')
            size = f'width="{120 * abs(output) / top:.1f}" height="{0.6 * step:.1f}"'
            bar = f'x="410" y="{middle - 0.3 * step:.1f}" {size}'
            marks.append(f'<rect {bar} fill="{BLUE if unit == best else QUIET}"/>')
            marks.append(f'<text x="540" y="{middle + 4:.1f}" fill="{INK}"{weight}>{shown}</text>')
            rows.append((label, shown, ""))
        said = f"{self.labels[best]} is the largest, {format_number(float(outputs[best]))}"
        words = f"An image of {height} × {width} pixels; of the {len(outputs)} outputs {said}."
        described = "; ".join(f"{label} {shown}" for label, shown, _ in rows)
        picture = Diagram(svg(620, SIDE + 1, words, described, marks), words, tuple(rows))
        return View(picture, f"<p><b>{escape(said)}</b>. Click or drag over pixels to draw.</p>", said)
