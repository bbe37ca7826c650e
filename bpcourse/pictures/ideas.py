"""Scenes for single ideas: an activation, losses, the surface of a loss, a boundary, a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import ClassVar, Self, cast

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.datasets import Dataset, moons, rings, spirals, xor
from bpcourse.engine.entries import replaced, value_of
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import Adam, rate_at
from bpcourse.engine.surfaces import loss_surface
from bpcourse.engine.training import History, train
from bpcourse.engine.validation import Array, real, require
from bpcourse.names import Name
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import AMOUNTS, BLUE, INK, ORANGE, PAPER, PURPLE, SERIES, SIGNS
from bpcourse.pictures.charts import Frame, history
from bpcourse.pictures.scenes import Button, Choice, Control, Group, NetworkScene, Scene, Value, View, require_known
from bpcourse.pictures.series import Z_SPAN, activation_curves, boundary, loss_curve, span
from bpcourse.registry import Registry
from bpcourse.render import render

POINTS = 64  # of a field, across and up
AROUND = 2.5  # the least distance from the first point to the ends of a surface


@dataclass(frozen=True)
class ActivationScene(Scene):
    """An activation, its slope, and the tangent at a point that can be moved.

    activation : one whose units do not depend on each other
    z : the position of the point
    own : the activation of the first scene, which may be a custom one
    """

    activation: Activation
    z: float
    own: Activation

    title: ClassVar[str] = "Explorer of an activation"
    groups: ClassVar[tuple[Group, ...]] = (Group("what goes in", (Control("z", "z", *Z_SPAN, 0.05),)),)
    asked: ClassVar[tuple[str, ...]] = ("slope", "a", "z")

    @property
    def known(self) -> Registry[Activation]:
        """The activations that can be chosen: those of the course, and the first one."""
        names = {name: each for name, each in ACTIVATIONS.items() if each.slope is not None}
        return Registry("activation", names if self.own in names.values() else names | {self.own.name: self.own})

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choice of the activation."""
        return (Choice("activation", "Activation", tuple((name, name.replace("_", " ")) for name in self.known)),)

    @property
    def values(self) -> dict[str, Value]:
        """The point and the activation."""
        return {"z": self.z, "activation": next(name for name, each in self.known.items() if each == self.activation)}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with a different point or activation."""
        new = self.updated(values)
        return replace(self, activation=self.known[new["activation"]], z=_finite(new, "z"))

    def quantity(self, name: str) -> float:
        """Return z, a or the slope."""
        known = {"z": self.z, "a": float(self.activation.f(self.z)), "slope": float(self.activation.df(self.z))}
        return Registry("value", known)[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return both curves, the tangent, and the numbers at the point."""
        z, a, slope = (self.quantity(name) for name in ("z", "a", "slope"))
        name, shown_z, shown_a, shown_slope = str(self.values["activation"]), *map(format_number, (z, a, slope))
        name = name.replace("_", " ")
        zs, f, df = activation_curves(self.activation)
        height = span([-1.0, *f.tolist(), *df.tolist()], 0.06)
        frame = Frame(Z_SPAN, height, "z", "a and its slope", width=620, height=330)
        marks = [
            frame.curve(zs, f, BLUE),
            frame.curve(zs, df, ORANGE),
            frame.curve(Z_SPAN, [a + slope * (end - z) for end in Z_SPAN], PURPLE, thickness=1.5),
            frame.dot(z, slope, ORANGE, shape="square"),
            frame.dot(z, a, BLUE),
        ]
        words = f"{name} and its slope. At z = {shown_z} it is {shown_a}, its slope {shown_slope}."
        table = [("z", shown_z, ""), ("a = f(z)", shown_a, ""), ("slope f′(z)", shown_slope, "")]
        curves = [("a", SERIES[0]), ("its slope", SERIES[1]), ("the tangent at z", SERIES[3])]
        shown = {"name": name, "z": format_given(z), "a": shown_a, "slope": shown_slope, "curves": curves}
        caption = render("captions/activation.html", **shown)
        return View(frame.picture(words, table, marks), caption, f"a {shown_a}, slope {shown_slope}")


def _probability(name: str, label: str) -> Control:
    return Control(name, label, 0.0, 1.0, least=0.0, most=1.0)


@dataclass(frozen=True)
class LossScene(Scene):
    """Several losses of one prediction, over all predictions.

    losses : names of losses that one output can have
    y, y_hat : target and prediction, both probabilities
    """

    losses: tuple[str, ...]
    y: float
    y_hat: float

    title: ClassVar[str] = "Explorer of losses"
    groups: ClassVar[tuple[Group, ...]] = (
        Group("prediction and target", (_probability("y_hat", "ŷ"), _probability("y", "y"))),
    )

    @property
    def asked(self) -> tuple[str, ...]:
        """The losses."""
        return self.losses

    @property
    def values(self) -> dict[str, Value]:
        """Target and prediction."""
        return {"y": self.y, "y_hat": self.y_hat}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with a different target or prediction, both between 0 and 1."""
        new = self.updated(values)
        y, y_hat = _finite(new, "y"), _finite(new, "y_hat")
        require(0 <= y <= 1 and 0 <= y_hat <= 1, f"y and y_hat must lie between 0 and 1; got {y} and {y_hat}.")
        return replace(self, y=y, y_hat=y_hat)

    def quantity(self, name: str) -> float:
        """Return a loss by its name."""
        return LOSSES[name].value([self.y], [self.y_hat])

    def show(self, losses: Sequence[float]) -> View:
        """Return a curve for each loss, and its value and slope at the prediction."""
        frame = Frame((0, 1), (0, 3), "prediction ŷ", "loss", width=620, height=330)
        marks, table = [], []
        for name, line in zip(self.losses, SERIES, strict=False):
            value, slope = self.quantity(name), float(LOSSES[name].gradient([self.y], [self.y_hat])[0])
            marks.append(frame.curve(*loss_curve(LOSSES[name], self.y), line.color))
            marks.append(frame.dot(self.y_hat, value, line.color))
            table.append((name, format_number(value), format_number(slope, signed=True)))
        rows = [(name.replace("_", " "), value, slope) for name, value, slope in table]
        words = f"Losses of the prediction {format_number(self.y_hat)} for the target {format_number(self.y)}: "
        words += ", ".join(f"{name} {value} with slope {slope}" for name, value, slope in rows) + "."
        curves = [(name, line) for (name, _, _), line in zip(rows, SERIES, strict=False)]
        caption = render("captions/losses.html", rows=rows, curves=curves)
        return View(frame.picture(words, table, marks), caption, ", ".join(f"{n} {v}" for n, v, _ in table))


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
        new = super().changed({name: value for name, value in values.items() if name not in ("first", "second")})
        first, second = str(values.get("first", self.first)), str(values.get("second", self.second))
        path = self.path if set(values) <= {"learning_rate"} else ()
        return replace(new, first=first, second=second, path=path)._fitted(again={first, second} != {*self._names})

    def _fitted(self, again: bool) -> Self:
        """Return the scene with axes that hold the present point, with new ones `again` or if needed."""
        inside = all(low <= value <= high for (low, high), value in zip(self.ends, self.here, strict=False))
        if again or not inside or not self.ends:
            around = [(value, max(AROUND, abs(value))) for value in self.here]
            self = replace(self, ends=tuple((value - width, value + width) for value, width in around))
        _ = self.surface  # raises ValueError now if the network overflows on it
        return self

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
        heights, here = self.surface[2], self.here
        bottom, top = float(heights.min()), float(heights.max())
        symbols = [Name.read(name).symbol(self.notation) for name in self._names]
        frame = Frame(self.ends[0], self.ends[1], symbols[0], symbols[1], width=480, height=400)
        lefts, rights = zip(*self.path, here, strict=True)
        marks = [
            frame.field(heights, bottom, top, AMOUNTS),
            frame.curve(lefts, rights, PAPER, thickness=5),
            frame.curve(lefts, rights, INK, thickness=2),
            *(frame.dot(left, right, INK, radius=3) for left, right in self.path),
            frame.dot(*here, ORANGE, radius=7),
        ]
        table, loss, low, high = self.table(self._names), *map(format_number, (self.trace.loss, bottom, top))
        words = f"The loss over {self.first} and {self.second}, from {low} (dark) to {high} (light). "
        words += f"After {len(self.path)} step{'s' * (len(self.path) != 1)} down it is {loss}."
        said = f"loss {loss}"
        caption = render("captions/surface.html", said=said, symbols=symbols, table=table, low=low, high=high)
        return View(frame.picture(words, table, marks), caption, said, history(losses))


@dataclass(frozen=True)
class BoundaryScene(NetworkScene):
    """The predictions of a network over the plane of its two inputs, and the points.

    output : the number of the output that is shown, from 1
    """

    output: int = 1

    title: ClassVar[str] = "Explorer of a decision boundary"

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
        return {**self.numbers, "pitfall": self.pitfall, **output}

    def looking_as(self, other: Self) -> Self:
        """Return the same numbers, with the output that the other scene shows."""
        return replace(self, output=other.output)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or a different output."""
        new = super().changed({name: value for name, value in values.items() if name != "output"})
        return replace(new, output=self._outputs[str(values.get("output", self.output))])

    def show(self, losses: Sequence[float]) -> View:
        """Return the field of predictions with its boundary, and the points."""
        of = f" of output {self.output}" if len(self._outputs) > 1 else ""
        frame, marks, right, key = plane(self.network, self.x, self.y, output=self.output, of=of)
        loss, count = format_number(self.trace.loss), f"{right} of {len(self.x)}"
        words = "What the network predicts over the plane of its inputs. "
        words += f"{count} points lie on their side of the boundary{of}; the loss is {loss}."
        caption = f"<p><b>loss {loss}</b>; <b>{count}</b> points on their side</p>{key}"
        picture = frame.picture(words, self.table(self.parameters), marks)
        return View(picture, caption, f"loss {loss}, {count} right", history(losses), note=self.note)


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
    marks = [frame.field(found.field, *found.ends, SIGNS), frame.dots(found.line)]
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


def _finite(values: Mapping[str, Value], name: str) -> float:
    return real(values[name], name, "a finite number", math.isfinite)
