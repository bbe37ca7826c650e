"""Scenes for single ideas: an activation and its slope, losses side by side, the surface of a loss, a boundary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import ClassVar, Self, cast

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.datasets import Dataset, moons, rings, spirals, xor
from bpcourse.engine.entries import replaced
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Network, forward
from bpcourse.engine.optimizers import Adam, rate_at
from bpcourse.engine.surfaces import crossings, loss_surface, over_plane, span
from bpcourse.engine.training import History, train
from bpcourse.engine.validation import Array, real, require
from bpcourse.names import Name
from bpcourse.numbers import format_given, format_number
from bpcourse.pictures.charts import BLUE, DASHES, ORANGE, PURPLE, Frame, history
from bpcourse.pictures.diagram import INK
from bpcourse.pictures.scenes import UPDATE, Button, Choice, Control, Group, NetworkScene, PlainScene, Value, View
from bpcourse.registry import Registry, UnknownNameError

POINTS = 64  # of a field, across and up
AROUND = 2.5  # how far a surface goes, at least, from where it is first looked at
DASHED = {"": "solid", "9 4": "dashed", "3 3": "dotted", "12 3 3 3": "dash-dotted"}


@dataclass(frozen=True)
class ActivationScene(PlainScene):
    """An activation, its slope, and the tangent at a point that can be moved.

    activation : one whose units do not depend on each other
    z : where the point is
    own : the activation that it began with, which may be none of the course's
    """

    activation: Activation
    z: float
    own: Activation

    title: ClassVar[str] = "Explorer of an activation"
    groups: ClassVar[tuple[Group, ...]] = (Group("what goes in", (Control("z", "z", -6.0, 6.0, 0.05),)),)

    @property
    def asked(self) -> tuple[str, ...]:
        """What `quantity` knows."""
        return ("slope", "a", "z")

    @property
    def known(self) -> Registry[Activation]:
        """The activations that can be chosen: the course's, and the one that it began with."""
        names = {name: each for name, each in ACTIVATIONS.items() if each.slope is not None}
        return Registry("activation", names if self.own in names.values() else names | {self.own.name: self.own})

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Which activation."""
        return (Choice("activation", "Activation", tuple((name, name.replace("_", " ")) for name in self.known)),)

    @property
    def values(self) -> dict[str, Value]:
        """The point and the activation."""
        return {"z": self.z, "activation": next(name for name, each in self.known.items() if each == self.activation)}

    def changed(self, values: Mapping[str, Value]) -> ActivationScene:
        """Return the scene with another point or activation."""
        new = _replaced(self.values, values)
        return ActivationScene(self.known[new["activation"]], _finite(new, "z"), self.own)

    def quantity(self, name: str) -> float:
        """Return z, a or the slope."""
        known = {"z": self.z, "a": float(self.activation.f(self.z)), "slope": float(self.activation.df(self.z))}
        return Registry("value", known)[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return both curves, the tangent, and the numbers at the point."""
        a, slope, name = self.quantity("a"), self.quantity("slope"), str(self.values["activation"]).replace("_", " ")
        zs = np.linspace(-6, 6, 241)
        f, df = self.activation.f(zs), self.activation.df(zs)
        low, high = span([-1.0, *f.tolist(), *df.tolist()], 0.06)
        frame = Frame((-6, 6), (low, high), "z", "a and its slope", width=620, height=330)
        ends = np.array([-6.0, 6.0])
        marks = [
            frame.curve(zs, f, BLUE),
            frame.curve(zs, df, ORANGE),
            frame.curve(ends, a + slope * (ends - self.z), PURPLE, thickness=1.5),
            frame.dot(self.z, slope, ORANGE, shape="square"),
            frame.dot(self.z, a, BLUE),
        ]
        words = f"{name} and its slope. At z = {format_number(self.z)} it is {format_number(a)}, its slope {format_number(slope)}."
        table = [
            ("z", format_number(self.z), ""),
            ("a = f(z)", format_number(a), ""),
            ("slope f′(z)", format_number(slope), ""),
        ]
        z = format_given(self.z)
        caption = (
            f"<p>{escape(name)}: a = f({z}) = <b>{format_number(a)}</b>, slope f′({z}) = <b>{format_number(slope)}</b></p>"
            f"{_legend({'a': BLUE, 'its slope': ORANGE, 'the tangent at z': PURPLE})}"
        )
        return View(frame.picture(words, table, marks), caption, f"a {format_number(a)}, slope {format_number(slope)}")


def _probability(name: str, label: str) -> Control:
    return Control(name, label, 0.0, 1.0, least=0.0, most=1.0)


@dataclass(frozen=True)
class LossScene(PlainScene):
    """Losses of one prediction, side by side, over all predictions.

    losses : names, of those that one output can have
    y, y_hat : target and prediction, both a probability
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

    def changed(self, values: Mapping[str, Value]) -> LossScene:
        """Return the scene with another target or prediction, both between 0 and 1."""
        new = _replaced(self.values, values)
        scene = LossScene(self.losses, _finite(new, "y"), _finite(new, "y_hat"))
        require(
            0 <= scene.y <= 1 and 0 <= scene.y_hat <= 1, f"y and y_hat must lie between 0 and 1; got {scene.values}."
        )
        return scene

    def quantity(self, name: str) -> float:
        """Return a loss by its name."""
        return LOSSES[name].value([self.y], [self.y_hat])

    def show(self, losses: Sequence[float]) -> View:
        """Return a curve for each loss, and its value and slope at the prediction."""
        over = np.linspace(0.001, 0.999, 200)
        frame = Frame((0, 1), (0, 3), "prediction ŷ", "loss", width=620, height=330)
        marks, table = [], []
        for name, colour in zip(self.losses, DASHES, strict=False):
            loss = LOSSES[name]
            value, slope = self.quantity(name), float(loss.gradient([self.y], [self.y_hat])[0])
            targets = np.full((len(over), 1), self.y)
            marks.append(frame.curve(over, loss.of_examples(targets, over[:, np.newaxis]), colour))
            marks.append(frame.dot(self.y_hat, value, colour))
            table.append((name, format_number(value), format_number(slope, signed=True)))
        words = f"Losses of the prediction {format_number(self.y_hat)} for the target {format_number(self.y)}: "
        words += ", ".join(f"{name.replace('_', ' ')} {value} with slope {slope}" for name, value, slope in table) + "."
        rows = "".join(f"<p>{n.replace('_', ' ')}: <b>{v}</b>, slope ∂L/∂ŷ <b>{s}</b></p>" for n, v, s in table)
        names = (name.replace("_", " ") for name in self.losses)
        caption = rows + _legend(dict(zip(names, DASHES, strict=False)))
        return View(frame.picture(words, table, marks), caption, ", ".join(f"{n} {v}" for n, v, _ in table))


@dataclass(frozen=True)
class SurfaceScene(NetworkScene):
    """The loss over two of a network's numbers, and the path of descent on it; all other numbers stay as they are.

    first, second : the names of the two
    ends : from where to where each of them is shown
    path : where the descent has been, without the present point
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
        """Which two numbers."""
        names = tuple((name, Name.read(name).symbol(self.notation)) for name in self.parameters)
        return Choice("first", "Across", names), Choice("second", "Up", names)

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and which two are on the axes."""
        return {**self.parameters, "learning_rate": self.learning_rate, "first": self.first, "second": self.second}

    @property
    def state(self) -> object:
        """Every number, the axes and the path."""
        return super().state, self.first, self.second, self.path

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, from where a new path starts, or with other axes."""
        new = super().changed({name: value for name, value in values.items() if name not in ("first", "second")})
        first, second = str(values.get("first", self.first)), str(values.get("second", self.second))
        path = self.path if set(values) <= {"learning_rate"} else ()
        return replace(new, first=first, second=second, path=path)._fitted(again={first, second} != {*self._names})

    def _fitted(self, again: bool) -> Self:
        """Return the scene with axes that hold the present point: new ones where they must be, or `again`."""
        for name in self._names:
            if name not in self.parameters:
                raise UnknownNameError("weight or bias", name, self.parameters)
        inside = all(low <= value <= high for (low, high), value in zip(self.ends, self.here, strict=False))
        if again or not inside or not self.ends:
            around = [(value, max(AROUND, abs(value))) for value in self.here]
            self = replace(self, ends=tuple((value - width, value + width) for value, width in around))
        self.surface  # noqa: B018 - what cannot be computed is refused here, in words
        return self

    def pressed(self, button: str) -> Self:
        """Return the scene after a step of descent for the two numbers."""
        after = super().pressed(button).parameters
        moved = replaced(self.network, {name: after[name] for name in self._names})
        return replace(self, network=moved, path=(*self.path, self.here))._fitted(again=False)

    @property
    def _names(self) -> tuple[str, str]:
        return self.first, self.second

    @property
    def here(self) -> tuple[float, float]:
        """The present values of the two."""
        return self.numbers[self.first], self.numbers[self.second]

    @cached_property
    def surface(self) -> tuple[Array, Array, Array]:
        """The values across, those up, and the losses."""
        across, up = (np.linspace(low, high, POINTS) for low, high in self.ends)
        return across, up, loss_surface(self.trace, self.first, self.second, across, up)

    def show(self, losses: Sequence[float]) -> View:
        """Return the surface as a field of colours, and the path on it."""
        heights, here = self.surface[2], self.here
        low, high = float(heights.min()), float(heights.max())
        symbols = [Name.read(name).symbol(self.notation) for name in self._names]
        frame = Frame(self.ends[0], self.ends[1], symbols[0], symbols[1], width=480, height=400)
        lefts, rights = zip(*self.path, here, strict=True)
        marks = [
            frame.field(heights, low, high, "cividis"),
            frame.curve(lefts, rights, "#ffffff", thickness=5),
            frame.curve(lefts, rights, INK, thickness=2),
            *(frame.dot(left, right, INK, radius=3) for left, right in self.path),
            frame.dot(*here, ORANGE, radius=7),
        ]
        table, said = self.table(self._names), f"loss {format_number(self.trace.loss)}"
        words = (
            f"The loss over {self.first} and {self.second}, from {format_number(low)} (dark) to {format_number(high)} (light). "
            f"After {len(self.path)} step{'s' * (len(self.path) != 1)} down it is {format_number(self.trace.loss)}."
        )
        caption = (
            f"<p><b>{said}</b> at {symbols[0]} = {table[0][1]}, {symbols[1]} = {table[1][1]}; "
            f"slopes {table[0][2]} and {table[1][2]}</p>"
            f"<p>dark: loss {format_number(low)}; light: loss {format_number(high)}. The large dot is where you are.</p>"
        )
        return View(frame.picture(words, table, marks), caption, said, history(losses))


@dataclass(frozen=True)
class BoundaryScene(NetworkScene):
    """A network with two inputs over the plane: what it predicts where, and the points that it should learn.

    output : which of its outputs is shown, from 1
    """

    output: int = 1

    title: ClassVar[str] = "Explorer of a decision boundary"
    buttons: ClassVar[tuple[Button, ...]] = (UPDATE,)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """Every weight and bias, and the learning rate: the points stay where they are."""
        return {name: value for name, value in super().numbers.items() if name[0] not in "xy"}

    @property
    def _outputs(self) -> Registry[int]:
        return Registry("output", {str(number): number for number in range(1, self.network.sizes[-1] + 1)})

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Which pitfall to try, and which of several outputs to show."""
        outputs = Choice("output", "Output", tuple((name, name) for name in self._outputs))
        return (self.pitfalls, outputs) if len(self._outputs) > 1 else (self.pitfalls,)

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and what is chosen."""
        output = {"output": str(self.output)} if len(self._outputs) > 1 else {}
        return {**self.numbers, "pitfall": self.pitfall, **output}

    def looking_as(self, other: Self) -> Self:
        """Return these numbers, with the output that the other scene shows."""
        return replace(self, output=other.output)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or another output."""
        new = super().changed({name: value for name, value in values.items() if name != "output"})
        return replace(new, output=self._outputs[str(values.get("output", self.output))])

    def show(self, losses: Sequence[float]) -> View:
        """Return the field of predictions with its boundary, and the points."""
        shown, of = self.output - 1, f" of output {self.output}" if len(self._outputs) > 1 else ""
        frame, marks, right, middle = plane(self.network, self.x, self.y[:, shown], shown)
        said = f"loss {format_number(self.trace.loss)}, {right} of {len(self.x)} right"
        words = (
            f"What the network predicts over the plane of its inputs. {right} of {len(self.x)} points lie on their "
            f"side of the boundary{of}; the loss is {format_number(self.trace.loss)}."
        )
        caption = (
            f"<p><b>loss {format_number(self.trace.loss)}</b>; <b>{right} of {len(self.x)}</b> points on their side</p>"
            f"{plane_key(f'the output{of} is {format_given(middle)}')}"
        )
        picture = frame.picture(words, self.table(self.parameters), marks)
        return View(picture, caption, said, history(losses), note=self.note)


def plane(network: Network, x: Array, y: Array, output: int) -> tuple[Frame, list[str], int, float]:
    """Return the frame and marks of a network's output over the plane, how many points are right, and the boundary.

    y : (n,) array, the targets of that output
    """
    across, up = (np.linspace(*span(x[:, k].tolist(), 0.15), POINTS) for k in (0, 1))
    ends = (float(across[0]), float(across[-1])), (float(up[0]), float(up[-1]))
    frame = Frame(ends[0], ends[1], "input 1", "input 2", width=480, height=400)
    classes = network.layers[-1].activation.name in ("sigmoid", "softmax") or np.ptp(y) == 0
    low, high = (0.0, 1.0) if classes else (float(y.min()), float(y.max()))
    middle = (low + high) / 2
    field, predicted = over_plane(network, across, up)[..., output], forward(network, x).y_hat[:, output]
    marks = [frame.field(field, low, high, "PuOr_r"), frame.dots(crossings(field, across, up, middle))]
    for point, target in zip(x.tolist(), y > middle, strict=True):
        look = (ORANGE, 4.5, "circle") if target else (PURPLE, 4.5, "square")
        marks.append(frame.dot(point[0], point[1], *look))
    return frame, marks, int(np.count_nonzero((y > middle) == (predicted > middle))), middle


def plane_key(boundary: str) -> str:
    """Return in HTML how a plane is read."""
    return (
        "<p>A circle on orange ground and a square on purple ground are right. The dotted line is where "
        f"{boundary}.</p>"
    )


MOST_EPOCHS, MOST_WIDTH = 1000, 100


@dataclass(frozen=True)
class TrainingScene(PlainScene):
    """A whole training, done again at every move: two inputs, two hidden layers of one width, one output.

    data : the name of the data set
    learning_rate : of Adam
    width : units in each of the hidden layers
    epochs : how often all points are seen
    seed : of the first weights
    activation : of the hidden units
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

    @property
    def groups(self) -> tuple[Group, ...]:
        """The settings."""
        controls = (
            Control("learning_rate", "η", 0.001, 0.5, 0.001, least=1e-6, most=10.0),
            Control("width", "units", 1, 32, 1, least=1, most=MOST_WIDTH),
            Control("epochs", "epochs", 1, MOST_EPOCHS, 1, least=1, most=MOST_EPOCHS),
            Control("seed", "seed", 0, 99, 1, least=0),
        )
        return (Group("settings", controls),)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The points, and the activation."""
        functions = tuple((name, name) for name in ("tanh", "sigmoid", "relu", "identity"))
        return Choice("data", "Points", tuple((name, name) for name in self.sets)), Choice(
            "activation", "Activation", functions
        )

    @property
    def values(self) -> dict[str, Value]:
        """All settings."""
        numbers: dict[str, Value] = {"learning_rate": self.learning_rate, "width": self.width, "epochs": self.epochs}
        return {**numbers, "seed": self.seed, "data": self.data, "activation": self.activation}

    @cached_property
    def history(self) -> History:
        """The training."""
        data, rng = self.sets[self.data](), np.random.default_rng(self.seed)
        layers = [self.activation, self.activation, "sigmoid"]
        network = Network.initialize([2, self.width, self.width, 1], layers, rng)
        optimizer, single = Adam(self.learning_rate), np.float32  # half the time, and nobody sees the difference
        loss = "binary_cross_entropy"
        return train(
            network, data.x, data.y, loss, optimizer=optimizer, epochs=self.epochs, dtype=single, progress=False
        )

    @property
    def loss_value(self) -> float:
        """The loss of the last epoch."""
        return float(self.history.losses[-1]) if len(self.history.losses) else math.nan

    def looking_as(self, other: Self) -> Self:
        """Return the same, without what it has computed."""
        return replace(self)

    def changed(self, values: Mapping[str, Value]) -> TrainingScene:
        """Return the scene with other settings."""
        new = _replaced(self.values, values)
        counts = {}
        for name, least in (("width", 1), ("epochs", 1), ("seed", 0)):
            counts[name] = int(real(new[name], name, f"a whole number, at least {least}", _whole_from(least)))
        for name, most in (("epochs", MOST_EPOCHS), ("width", MOST_WIDTH)):
            require(counts[name] <= most, f"{name} must be at most {most}; got {counts[name]}.")
        rate = rate_at(cast(float, new["learning_rate"]), 1)
        data, activation = str(new["data"]), str(new["activation"])
        self.sets[data], ACTIVATIONS[activation]
        return TrainingScene(data, rate, counts["width"], counts["epochs"], counts["seed"], activation)

    def quantity(self, name: str) -> float:
        """Return the loss."""
        return Registry("value", {"loss": self.loss_value})[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return what the trained network predicts, and the loss over the epochs."""
        data = self.sets[self.data]()
        network = self.history.network
        frame, marks, right, middle = plane(network, data.x, data.y[:, 0], 0)
        said = f"loss {format_number(self.loss_value)}, {right} of {len(data.x)} right"
        words = f"What the network has learned after {len(self.history.losses)} epochs: {said}."
        caption = f"<p><b>{said}</b></p>{plane_key(f'the output is {format_given(middle)}')}"
        table = [("loss", format_number(self.loss_value), ""), ("right", str(right), "")]
        curve = history(self.history.losses.tolist() or [math.nan], "epoch")
        return View(frame.picture(words, table, marks), caption, said, curve, note=self.history.stopped)


def _whole_from(least: int) -> Callable[[float], bool]:
    return lambda value: value >= least and value == round(value)


def _replaced(known: Mapping[str, Value], values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the known values with some replaced, and raise UnknownNameError for a name that is not known."""
    for name in values:
        if name not in known:
            raise UnknownNameError("number or choice", name, known)
    return {**known, **values}


def _finite(values: Mapping[str, Value], name: str) -> float:
    return real(values[name], name, "a finite number", math.isfinite)


def _legend(curves: Mapping[str, str]) -> str:
    """Return in HTML how each curve looks."""
    looks = (f"{DASHED[DASHES[colour]]}: {name}" for name, colour in curves.items())
    return f"<p>{'; '.join(looks)}</p>"
