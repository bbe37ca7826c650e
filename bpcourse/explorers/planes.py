"""Scenes over a plane: the surface of a loss, a boundary, and a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from typing import ClassVar, Self, cast

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.datasets import Dataset, moons, rings, spirals, xor
from bpcourse.engine.entries import replaced, value_of
from bpcourse.engine.network import Network, forward
from bpcourse.engine.optimizers import Adam, rate_at
from bpcourse.engine.surfaces import loss_surface
from bpcourse.engine.training import History, train
from bpcourse.engine.validation import Array, real, require
from bpcourse.explorers.networks import NetworkScene
from bpcourse.explorers.scenes import Button, Choice, Control, Group, Scene, Value, View, finite, require_known
from bpcourse.names import Name
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import AMOUNTS, INK, ORANGE, PAPER, PURPLE, SIGNS
from bpcourse.pictures.charts import Frame, history
from bpcourse.pictures.series import boundary, crossings, plane_ends
from bpcourse.registry import Registry
from bpcourse.render import render

POINTS = 64  # of a field, across and up
AROUND = 2.5  # the least distance from the first point to the ends of a surface
DEEPEST = 1e-6  # the smallest loss with a separate color, as a share of the largest one
LEVELS, ARROWS = 9, 9  # contours of a surface; arrows across and up
PLACES = 2  # decimals of a number that is set by a click


@dataclass(frozen=True)
class SurfaceScene(NetworkScene):
    """The loss over two of a network's numbers, and the path of descent on it.

    first, second : the names of the two numbers
    ends : the ends of the two axes
    path : the earlier points of the descent, without the present one
    """

    first: str = ""
    second: str = ""
    ends: tuple[tuple[float, float], ...] = ()
    path: tuple[tuple[float, float], ...] = ()

    title: ClassVar[str] = "Explorer of a loss surface"
    split: ClassVar[bool] = True
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("update", "Step down", "One step of gradient descent, for these two numbers", repeats=True),
    )

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers by layer, and the learning rate."""
        return tuple(group for group in super().groups if group.open)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choice of the two numbers."""
        names = tuple((name, Name.read(name).symbol(self.notation)) for name in self.parameters)
        return Choice("first", "Across", names), Choice("second", "Up", names)

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and the names of the two on the axes."""
        return {**self.parameters, "learning_rate": self.learning_rate, "first": self.first, "second": self.second}

    @property
    def state(self) -> object:
        """Every number, the axes and the path."""
        return super().state, self.first, self.second, self.path

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, from which a new path starts, or with other axes."""
        require_known("number or choice", values, self.values)
        new = super().changed({name: value for name, value in values.items() if name not in ("first", "second")})
        first, second = str(values.get("first", self.first)), str(values.get("second", self.second))
        path = self.path if set(values) <= {"learning_rate"} else ()
        return replace(new, first=first, second=second, path=path)._fitted(again={first, second} != {*self._names})

    def _fitted(self, again: bool) -> Self:
        """Return the scene with axes that hold the path and the present point, with new ones `again` or if needed."""
        inside = all(low <= value <= high for (low, high), value in zip(self.ends, self.here, strict=False))
        if again or not inside or not self.ends:
            ends = []
            for values in zip(*self.path, self.here, strict=True):
                low, high = min(values), max(values)
                room = max(AROUND, abs(values[-1]), 0.2 * (high - low))
                ends.append((low - room, high + room))
            self = replace(self, ends=tuple(ends))
        _ = self.surface  # raises ValueError now if the network overflows on it
        return self

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene with the two numbers of a point, from which a new path starts."""
        point = (low + share * (high - low) for share, (low, high) in zip((across, up), self.ends, strict=True))
        return self.changed({name: round(value, PLACES) for name, value in zip(self._names, point, strict=True)})

    def pressed(self, button: str) -> Self:
        """Return the scene after a step of descent for the two numbers."""
        after = super().pressed(button).parameters
        moved = replaced(self.network, {name: after[name] for name in self._names})
        return replace(self, network=moved, path=(*self.path, self.here))._fitted(again=False)

    @property
    def _names(self) -> tuple[str, str]:
        return self.first, self.second

    @cached_property
    def here(self) -> tuple[float, float]:
        """The present values of the two."""
        return value_of(self.network, self.first), value_of(self.network, self.second)

    @cached_property
    def surface(self) -> tuple[Array, Array, Array]:
        """The values across and up, and the losses."""
        across, up = (np.linspace(low, high, POINTS) for low, high in self.ends)
        return across, up, loss_surface(self.trace, self.first, self.second, across, up)

    def show(self, losses: Sequence[float]) -> View:
        """Return the surface as a color field, and the path on it."""
        (across, above, heights), here = self.surface, self.here
        bottom, top = float(heights.min()), float(heights.max())
        shades = np.log(np.maximum(heights, DEEPEST * top or 1.0))
        darkest, lightest = float(shades.min()), float(shades.max())
        symbols = [Name.read(name).symbol(self.notation) for name in self._names]
        frame = Frame(self.ends[0], self.ends[1], symbols[0], symbols[1], width=480, height=400)
        lefts, rights = zip(*self.path, here, strict=True)
        marks = [
            frame.field(shades, darkest, lightest, AMOUNTS),
            *_contours(frame, across, above, shades),
            *_downhill(frame, across, above, heights, shades),
            frame.curve(lefts, rights, PAPER, thickness=5),
            frame.curve(lefts, rights, INK, thickness=2),
            *(frame.dot(left, right, INK, radius=3) for left, right in self.path),
            frame.dot(*here, ORANGE, radius=7),
        ]
        table, loss, low, high = self.table(self._names), *map(format_number, (self.trace.loss, bottom, top))
        words = f"The loss over {self.first} and {self.second}, from {low} (dark) to {high} (light). "
        words += f"Arrows point downhill. After {len(self.path)} step{'s' * (len(self.path) != 1)} down it is {loss}."
        said = f"loss {loss}"
        caption = render("captions/surface.html", said=said, symbols=symbols, table=table, low=low, high=high)
        return View(frame.picture(words, table, marks, touch=True), caption, said, history(losses))


def _on(shade: float, shades: Array) -> str:
    """Return the color that is seen on a shade: white on dark, black on light."""
    return PAPER if shade < (shades.min() + shades.max()) / 2 else INK


def _contours(frame: Frame, across: Array, up: Array, shades: Array) -> Iterable[str]:
    """Yield dotted contour lines."""
    for level in np.linspace(shades.min(), shades.max(), LEVELS + 2)[1:-1].tolist():
        yield frame.dots(crossings(shades, across, up, level), _on(level, shades), size=1.2)


def _downhill(frame: Frame, across: Array, up: Array, heights: Array, shades: Array) -> Iterable[str]:
    """Yield arrows of one length that point downhill, at a few points of a surface."""
    rises = np.gradient(heights, up, across)
    for row, column in product(range(POINTS // ARROWS // 2, POINTS, POINTS // ARROWS), repeat=2):
        down, color = (-float(rises[1][row, column]), -float(rises[0][row, column])), _on(shades[row, column], shades)
        yield frame.arrow(float(across[column]), float(up[row]), down, color, length=14)


PROBE = {"probe_1": "x₁", "probe_2": "x₂"}
"""The names of the two numbers of the probe, and their labels."""


@dataclass(frozen=True)
class BoundaryScene(NetworkScene):
    """The predictions of a network over the plane of its two inputs, and the points.

    output : the number of the output that is shown, from 1
    probe : a point of the plane whose output is shown; it is not an example
    """

    output: int = 1
    probe: tuple[float, float] = (0.0, 0.0)

    title: ClassVar[str] = "Explorer of a decision boundary"
    split: ClassVar[bool] = True

    @cached_property
    def numbers(self) -> dict[str, float]:
        """Every weight and bias, and the learning rate. The points cannot be moved."""
        return {name: value for name, value in super().numbers.items() if Name.read(name).quantity not in ("x", "y")}

    @property
    def _outputs(self) -> Registry[int]:
        return Registry("output", {str(number): number for number in range(1, self.network.sizes[-1] + 1)})

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The pitfall to try and, if there are several outputs, the one to show."""
        outputs = Choice("output", "Output", tuple((name, name) for name in self._outputs))
        return (self.pitfalls, outputs) if len(self._outputs) > 1 else (self.pitfalls,)

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and the choices."""
        output = {"output": str(self.output)} if len(self._outputs) > 1 else {}
        return {**self.numbers, **dict(zip(PROBE, self.probe, strict=True)), "pitfall": self.pitfall, **output}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers of the network, and the two of the probe."""
        ends = plane_ends(self.x)
        two = (Control(name, label, *each) for (name, label), each in zip(PROBE.items(), ends, strict=True))
        return (*super().groups, Group("probe", tuple(two), beside=True))

    def looking_as(self, other: Self) -> Self:
        """Return the same numbers, with the output and the probe that the other scene shows."""
        return replace(self, output=other.output, probe=other.probe)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, a different output or a different probe."""
        require_known("number or choice", values, self.values)
        looks: dict[str, Value] = {"output": str(self.output), **dict(zip(PROBE, self.probe, strict=True))}
        new = super().changed({name: value for name, value in values.items() if name not in looks})
        looks |= {name: value for name, value in values.items() if name in looks}
        across, up = (finite(looks, name) for name in PROBE)
        return replace(new, output=self._outputs[str(looks["output"])], probe=(across, up))

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene with the probe at a point."""
        shares = zip((across, up), plane_ends(self.x), strict=True)
        probe = (round(low + share * (high - low), PLACES) for share, (low, high) in shares)
        return self.changed(dict(zip(PROBE, probe, strict=True)))

    def show(self, losses: Sequence[float]) -> View:
        """Return the field of predictions with its boundary, and the points."""
        of = f" of output {self.output}" if len(self._outputs) > 1 else ""
        frame, marks, right, key = plane(self.network, self.x, self.y, output=self.output, of=of)
        loss, count = format_number(self.trace.loss), f"{right} of {len(self.x)}"
        output = format_number(float(forward(self.network, [self.probe]).y_hat[0, self.output - 1]))
        places = ", ".join(map(format_given, self.probe))
        marks += [frame.dot(*self.probe, PAPER, radius=7), frame.dot(*self.probe, INK, radius=5)]
        words = "What the network predicts over the plane of its inputs. "
        words += f"{count} points lie on their side of the boundary{of}; the loss is {loss}. "
        words += f"At ({places}) the output{of} is {output}."
        probed = f"<p>The output{of} at the black dot, ({places}), is <b>{output}</b>.</p>"
        caption = f"<p><b>loss {loss}</b>; <b>{count}</b> points on their side</p>{probed}{key}"
        picture = frame.picture(words, self.table(self.parameters), marks, touch=True)
        said = f"loss {loss}, {count} right{of.replace(' of', ' for')}"
        return View(picture, caption, said, history(losses), note=self.note)


def plane(network: Network, x: Array, y: Array, *, output: int = 1, of: str = "") -> tuple[Frame, list[str], int, str]:
    """Draw the output of a network with two inputs over their plane, and the points.

    Parameters
    ----------
    network, x, y, output
        As in `boundary`.
    of : str
        The name of the output in the explanation, such as " of output 2", if there are several.

    Returns
    -------
    frame : Frame
    marks : list of str
        The marks in it.
    right : int
        The number of points on the right side of the boundary.
    key : str
        The explanation of the picture, in HTML.
    """
    found = boundary(network, x, y, output=output, points=POINTS)
    across, up = ((float(axis[0]), float(axis[-1])) for axis in (found.across, found.up))
    frame = Frame(across, up, "input 1", "input 2", width=480, height=400)
    room = 0.6 * (found.ends[1] - found.ends[0])  # so that no ground is as dark as the points on it
    ground = frame.field(found.field, found.ends[0] - room, found.ends[1] + room, SIGNS)
    marks = [ground, frame.dots(found.line)]
    for point, high in zip(x.tolist(), found.high, strict=True):
        look = (ORANGE, 4.5, "circle") if high else (PURPLE, 4.5, "square")
        marks.append(frame.dot(point[0], point[1], *look))
    key = render("captions/plane.html", middle=format_given(found.middle), of=of)
    return frame, marks, found.right, key


MOST_EPOCHS, MOST_WIDTH = 1000, 100
_SETTINGS = (
    Control("learning_rate", "η", 0.001, 0.5, 0.001, least=1e-6, most=10.0),
    Control("width", "units", 1, 32, 1, least=1, most=MOST_WIDTH),
    Control("epochs", "epochs", 1, MOST_EPOCHS, 1, least=1, most=MOST_EPOCHS),
    Control("seed", "seed", 0, 99, 1, least=0),
)


@dataclass(frozen=True)
class TrainingScene(Scene):
    """A whole training, done again at every move: two inputs, two hidden layers, one output.

    data : the name of the data set
    learning_rate : the learning rate of Adam
    width : the number of units in each hidden layer
    epochs : the number of passes over all points
    seed : the seed of the first weights
    activation : the activation of the hidden units
    """

    data: str
    learning_rate: float
    width: int
    epochs: int
    seed: int
    activation: str

    title: ClassVar[str] = "Explorer of a training"
    split: ClassVar[bool] = True
    sets: ClassVar[Registry[Callable[[], Dataset]]] = Registry(
        "data set", {"moons": moons, "spirals": spirals, "rings": rings, "xor": xor}
    )
    groups: ClassVar[tuple[Group, ...]] = (Group("settings", _SETTINGS),)
    choices: ClassVar[tuple[Choice, ...]] = (
        Choice("data", "Points", tuple((name, name) for name in sets)),
        Choice("activation", "Activation", tuple((name, name) for name in ("tanh", "sigmoid", "relu", "identity"))),
    )

    @property
    def values(self) -> dict[str, Value]:
        """All settings."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def history(self) -> History:
        """The training."""
        data, rng = self.sets[self.data](), np.random.default_rng(self.seed)
        layers = [self.activation, self.activation, "sigmoid"]
        network = Network.initialize([2, self.width, self.width, 1], layers, rng)
        adam, single = Adam(self.learning_rate), np.float32  # half the time, and nobody sees the difference
        problem = network, data.x, data.y, "binary_cross_entropy"
        return train(*problem, optimizer=adam, epochs=self.epochs, dtype=single, progress=False)

    @property
    def loss_value(self) -> float:
        """The loss of the last epoch."""
        return float(self.history.losses[-1]) if len(self.history.losses) else math.nan

    def looking_as(self, other: Self) -> Self:
        """Return the same scene without its training, which takes memory."""
        return replace(self)

    def changed(self, values: Mapping[str, Value]) -> TrainingScene:
        """Return the scene with other settings."""
        new = self.updated(values)
        data, activation, rate = str(new["data"]), str(new["activation"]), rate_at(cast(float, new["learning_rate"]), 1)
        require_known("data set", [data], self.sets)
        require_known("activation", [activation], ACTIVATIONS)
        width, epochs = _count(new, "width", 1, MOST_WIDTH), _count(new, "epochs", 1, MOST_EPOCHS)
        return TrainingScene(data, rate, width, epochs, _count(new, "seed", 0), activation)

    def show(self, losses: Sequence[float]) -> View:
        """Return the predictions of the trained network, and the loss over the epochs."""
        data, loss = self.sets[self.data](), format_number(self.loss_value)
        frame, marks, right, key = plane(self.history.network, data.x, data.y)
        said = f"loss {loss}, {right} of {len(data.x)} right"
        words = f"What the network has learned after {len(self.history.losses)} epochs: {said}."
        picture = frame.picture(words, [("loss", loss, ""), ("right", str(right), "")], marks)
        curve = history(self.history.losses.tolist() or [math.nan], "epoch")
        return View(picture, f"<p><b>{said}</b></p>{key}", said, curve, note=self.history.stopped)


def _count(values: Mapping[str, Value], name: str, least: int, most: float = math.inf) -> int:
    rule = f"a whole number, at least {least}"
    count = int(real(values[name], name, rule, lambda value: value >= least and value == round(value)))
    require(count <= most, f"{name} must be at most {most}; got {count}.")
    return count
