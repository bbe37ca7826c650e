"""Scenes for single ideas: an activation and its slope, losses side by side, the surface of a loss, a boundary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import ClassVar, Self

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.surfaces import crossings, loss_surface, over_plane, span
from bpcourse.engine.training import sgd_step
from bpcourse.engine.validation import Array, place, real
from bpcourse.engine.variations import replaced
from bpcourse.notation import Name, Register, UnknownNameError, given, number
from bpcourse.pictures.charts import BLUE, DASHES, ORANGE, PURPLE, Frame, history
from bpcourse.pictures.diagram import INK
from bpcourse.pictures.scenes import Button, Choice, Control, Group, NetworkScene, Scene, Value, View

POINTS = 64  # of a field, across and up
DASHED = {"": "solid", "9 4": "dashed", "3 3": "dotted", "12 3 3 3": "dash-dotted"}
NO_BUTTON = "button"


@dataclass(frozen=True)
class ActivationScene:
    """An activation, its slope, and the tangent at a point that can be moved.

    activation : one whose units do not depend on each other
    z : where the point is
    """

    activation: Activation
    z: float

    title: ClassVar[str] = "Explorer of an activation"
    groups: ClassVar[tuple[Group, ...]] = (Group("what goes in", (Control("z", "z", -6.0, 6.0, 0.05),)),)
    buttons: ClassVar[tuple[Button, ...]] = ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Which activation: the course's own, and the one that it began with."""
        names = [name for name, each in ACTIVATIONS.items() if each.slope is not None]
        return (Choice("activation", "Activation", tuple((name, name.replace("_", " ")) for name in names)),)

    @property
    def values(self) -> dict[str, Value]:
        """The point and the activation."""
        return {"z": self.z, "activation": self.activation.name}

    def changed(self, values: Mapping[str, Value]) -> ActivationScene:
        """Return the scene with another point or activation."""
        new = _known({**self.values, **values}, self.values)
        activation = self.activation if new["activation"] == self.activation.name else ACTIVATIONS[new["activation"]]
        return ActivationScene(activation, _finite(new, "z"))

    def pressed(self, button: str) -> ActivationScene:
        """Refuse, as there is nothing to press."""
        raise UnknownNameError(NO_BUTTON, button, ["undo", "reset"])

    def quantity(self, name: str) -> float:
        """Return z, a or the slope."""
        known = {"z": self.z, "a": float(self.activation.f(self.z)), "slope": float(self.activation.df(self.z))}
        return Register("value", known)[name]

    def show(self, past: Sequence[Scene]) -> View:
        """Return both curves, the tangent, and the numbers at the point."""
        a, slope, name = self.quantity("a"), self.quantity("slope"), self.activation.name
        z = np.linspace(-6, 6, 241)
        f, df = self.activation.f(z), self.activation.df(z)
        low, high = span([-1.0, *f.tolist(), *df.tolist()], 0.06)
        frame = Frame((-6, 6), (low, high), "z", "a and its slope", width=620, height=330)
        ends = np.array([-6.0, 6.0])
        marks = [
            frame.curve(z, f, BLUE),
            frame.curve(z, df, ORANGE),
            frame.curve(ends, a + slope * (ends - self.z), PURPLE, thickness=1.5),
            frame.dot(self.z, slope, ORANGE, shape="square"),
            frame.dot(self.z, a, BLUE),
        ]
        words = (
            f"{name.capitalize()} and its slope. At z = {number(self.z)} it is {number(a)}, its slope {number(slope)}."
        )
        table = [("z", number(self.z), ""), (f"{name}(z)", number(a), number(slope))]
        z_shown = given(self.z)
        caption = (
            f"<p>a = {escape(name)}({z_shown}) = <b>{number(a)}</b>, slope f′({z_shown}) = <b>{number(slope)}</b></p>"
            f"{_legend({'a': BLUE, 'its slope': ORANGE, 'the tangent at z': PURPLE})}"
        )
        return View(frame.picture(words, table, marks), caption, f"a {number(a)}, slope {number(slope)}")


@dataclass(frozen=True)
class LossScene:
    """Losses of one prediction, side by side, over all predictions.

    losses : names, of those that one output can have
    y, y_hat : target and prediction, both a probability
    """

    losses: tuple[str, ...]
    y: float
    y_hat: float

    title: ClassVar[str] = "Explorer of losses"
    groups: ClassVar[tuple[Group, ...]] = (
        Group("prediction and target", (Control("y_hat", "ŷ", 0.001, 0.999, 0.001), Control("y", "y", 0.0, 1.0))),
    )
    buttons: ClassVar[tuple[Button, ...]] = ()
    choices: ClassVar[tuple[Choice, ...]] = ()

    @property
    def values(self) -> dict[str, Value]:
        """Target and prediction."""
        return {"y": self.y, "y_hat": self.y_hat}

    def changed(self, values: Mapping[str, Value]) -> LossScene:
        """Return the scene with another target or prediction, both between 0 and 1."""
        new = _known({**self.values, **values}, self.values)
        scene = LossScene(self.losses, _finite(new, "y"), _finite(new, "y_hat"))
        for name in self.losses:
            scene.quantity(name)  # it refuses what is no probability
        return scene

    def pressed(self, button: str) -> LossScene:
        """Refuse, as there is nothing to press."""
        raise UnknownNameError(NO_BUTTON, button, ["undo", "reset"])

    def quantity(self, name: str) -> float:
        """Return a loss by its name."""
        return LOSSES[name].value([self.y], [self.y_hat])

    def show(self, past: Sequence[Scene]) -> View:
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
            table.append((name, number(value), number(slope, signed=True)))
        words = f"Losses of the prediction {number(self.y_hat)} for the target {number(self.y)}: "
        words += ", ".join(f"{name.replace('_', ' ')} {value} with slope {slope}" for name, value, slope in table) + "."
        rows = "".join(f"<p>{n.replace('_', ' ')}: <b>{v}</b>, slope ∂L/∂ŷ <b>{s}</b></p>" for n, v, s in table)
        names = (name.replace("_", " ") for name in self.losses)
        caption = rows + _legend(dict(zip(names, DASHES, strict=False)))
        return View(frame.picture(words, table, marks), caption, ", ".join(f"{n} {v}" for n, v, _ in table))


@dataclass(frozen=True)
class SurfaceScene(NetworkScene):
    """The loss over two of a network's numbers, and the path of descent on it; all other numbers stay as they are.

    first, second : the names of the two
    path : where the descent has been, the last point being the present one
    """

    first: str = ""
    second: str = ""
    path: tuple[tuple[float, float], ...] = ()

    title: ClassVar[str] = "Explorer of a loss surface"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("update", "Step down", "One step of gradient descent, for these two numbers", repeats=True),
    )

    @property
    def groups(self) -> tuple[Group, ...]:
        """The two numbers, the learning rate; and all others of the network, folded."""
        names = [name for name in self._numbers if name[0] in "Wb"]
        others = tuple(self._control(name) for name in names)
        return (
            Group("learning rate", (self._control("learning_rate"),), beside=True),
            Group("all weights and biases", others),
        )

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Which two numbers."""
        names = tuple((n, Name.read(n).symbol(self.notation)) for n in self._numbers if n[0] in "Wb")
        return Choice("first", "Across", names), Choice("second", "Up", names)

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and which two are on the axes."""
        return {**self._numbers, "first": self.first, "second": self.second}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, from where a new path starts, or with other axes."""
        numbers = {name: value for name, value in values.items() if name not in ("first", "second")}
        first, second = str(values.get("first", self.first)), str(values.get("second", self.second))
        path = self.path if set(values) == {"learning_rate"} else ()
        for name in (first, second):
            if name[0] not in "Wb" or name not in self._numbers:
                raise UnknownNameError("weight or bias", name, [each for each in self._numbers if each[0] in "Wb"])
        new = replace(super().changed(numbers), first=first, second=second, path=path)
        new.surface  # noqa: B018 - what cannot be computed is refused here, in words
        return new

    def pressed(self, button: str) -> Self:
        """Return the scene after a step of descent for the two numbers."""
        if button != "update":
            raise UnknownNameError("button", button, [each.name for each in self.buttons])
        after = replace(self, network=sgd_step(self.trace, self.learning_rate))._numbers
        moved = replaced(self.network, {self.first: after[self.first], self.second: after[self.second]})
        return replace(self, network=moved, path=(*self.path, self._here))

    @property
    def _here(self) -> tuple[float, float]:
        return self._numbers[self.first], self._numbers[self.second]

    @cached_property
    def surface(self) -> tuple[Array, Array, Array]:
        """The values across, those up, and the losses."""
        across, up = (np.linspace(*_ends(self._control(name)), POINTS) for name in (self.first, self.second))
        return across, up, loss_surface(self.trace, self.first, self.second, across, up)

    def show(self, past: Sequence[Scene]) -> View:
        """Return the surface as a field of colours, and the path on it."""
        across, up, losses = self.surface
        names = (self.first, self.second)
        symbols = [Name.read(name).symbol(self.notation) for name in names]
        ends = (float(across[0]), float(across[-1])), (float(up[0]), float(up[-1]))
        frame = Frame(ends[0], ends[1], symbols[0], symbols[1], width=480, height=400)
        low, high = float(losses.min()), float(losses.max())
        path = [*self.path, self._here]
        lefts, rights = [left for left, _ in path], [right for _, right in path]
        marks = [
            frame.field(losses, low, high, "cividis"),
            frame.curve(lefts, rights, "#ffffff", thickness=5),
            frame.curve(lefts, rights, INK, thickness=2),
            *(frame.dot(left, right, INK, radius=3) for left, right in self.path),
            frame.dot(*self._here, ORANGE, radius=7),
        ]
        rows = [(name, number(self.quantity(name)), number(self.quantity(f"d{name}"), signed=True)) for name in names]
        table = [*rows, ("loss", number(self.trace.loss), "")]
        words = (
            f"The loss over {self.first} and {self.second}, from {number(low)} (dark) to {number(high)} (light). "
            f"After {len(self.path)} steps down it is {number(self.trace.loss)}."
        )
        caption = (
            f"<p>loss <b>{number(self.trace.loss)}</b> at {symbols[0]} = {number(self._here[0])}, "
            f"{symbols[1]} = {number(self._here[1])}; slopes {rows[0][2]} and {rows[1][2]}</p>"
            f"<p>dark: loss {number(low)}; light: loss {number(high)}. The mark is where you are.</p>"
        )
        beside = history(self._losses(past))
        return View(frame.picture(words, table, marks), caption, f"loss {number(self.trace.loss)}", beside)

    def quantity(self, name: str) -> float:
        """Return a number of the network, its gradient, or the loss."""
        return _entry(self, name)


@dataclass(frozen=True)
class BoundaryScene(NetworkScene):
    """A network with two inputs over the plane: what it predicts where, and the points that it should learn.

    output : which of its outputs is shown, from 1
    """

    output: int = 1

    title: ClassVar[str] = "Explorer of a decision boundary"
    buttons: ClassVar[tuple[Button, ...]] = (Button("update", "Update", "One step of gradient descent", repeats=True),)

    @cached_property
    def _numbers(self) -> dict[str, float]:
        return {name: value for name, value in super()._numbers.items() if name[0] not in "xy"}

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Which pitfall to try, and which of several outputs to show."""
        outputs = tuple((str(n), str(n)) for n in range(1, self.network.sizes[-1] + 1))
        return (self._pitfalls, *([Choice("output", "Output", outputs)] if len(outputs) > 1 else []))

    @property
    def values(self) -> dict[str, Value]:
        """All numbers of the network, the learning rate, and what is chosen."""
        output = {"output": str(self.output)} if self.network.sizes[-1] > 1 else {}
        return {**self._numbers, "pitfall": self.pitfall, **output}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or another output."""
        new = super().changed({name: value for name, value in values.items() if name != "output"})
        known = Register("output", {str(n): n for n in range(1, self.network.sizes[-1] + 1)})
        return replace(new, output=known[values.get("output", str(self.output))])

    def pressed(self, button: str) -> Self:
        """Return the scene after a step of gradient descent."""
        if button != "update":
            raise UnknownNameError("button", button, [each.name for each in self.buttons])
        return super().pressed(button)

    @property
    def _scale(self) -> tuple[float, float]:
        """The least and largest output that has a colour of its own; the boundary is in the middle."""
        return (0.0, 1.0) if self.network.layers[-1].activation.name in ("sigmoid", "softmax") else (-1.0, 1.0)

    def show(self, past: Sequence[Scene]) -> View:
        """Return the field of predictions with its boundary, and the points."""
        across, up = (np.linspace(*span(self.x[:, k].tolist(), 0.15), POINTS) for k in (0, 1))
        field = over_plane(self.network, across, up)[..., self.output - 1]
        low, high = self._scale
        middle = (low + high) / 2
        ends = (float(across[0]), float(across[-1])), (float(up[0]), float(up[-1]))
        frame = Frame(*ends, "input 1", "input 2", width=480, height=400)
        marks = [frame.field(field, low, high, "PuOr_r")]
        marks += [frame.dots(crossings(field, across, up, middle))]
        right = 0
        column = self.output - 1
        for point, y, y_hat in zip(self.x.tolist(), self.y[:, column], self.trace.y_hat[:, column], strict=True):
            right += (y > middle) == (y_hat > middle)
            look = (ORANGE, 4.5, "circle") if y > middle else (PURPLE, 4.5, "square")
            marks.append(frame.dot(point[0], point[1], *look))
        names = [name for name in self._numbers if name[0] in "Wb"]
        table = [(name, number(self.quantity(name)), number(self.quantity(f"d{name}"), signed=True)) for name in names]
        table.append(("loss", number(self.trace.loss), ""))
        words = (
            f"What the network predicts over the plane of its inputs. {right} of {len(self.x)} points lie on their "
            f"side of the boundary; the loss is {number(self.trace.loss)}."
        )
        caption = (
            f"<p>loss <b>{number(self.trace.loss)}</b>; <b>{right} of {len(self.x)}</b> points on their side</p>"
            "<p>circles on orange ground and squares on purple ground are right; the dotted line is where the output "
            f"is {given(middle)}.</p>"
        )
        said = f"loss {number(self.trace.loss)}, {right} of {len(self.x)} right"
        return View(frame.picture(words, table, marks), caption, said, history(self._losses(past)), note=self.note)

    def quantity(self, name: str) -> float:
        """Return a number of the network, its gradient, or the loss."""
        return _entry(self, name)


def _entry(scene: NetworkScene, name: str) -> float:
    """Return a weight, a bias, its gradient, or the loss, from the trace."""
    if name == "loss":
        return scene.trace.loss
    arrays = {each: scene.trace[each] for each in scene.trace if each.lstrip("d")[0] in "Wb"}
    array, index = place(name, arrays, "number")
    return float(arrays[array][index])


def _known(values: Mapping[str, Value], known: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return `values`, and raise UnknownNameError for a name that is not known."""
    for name in values:
        if name not in known:
            raise UnknownNameError("number or choice", name, known)
    return values


def _finite(values: Mapping[str, Value], name: str) -> float:

    return real(values[name], name, "a finite number", math.isfinite)


def _ends(control: Control) -> tuple[float, float]:
    return control.low, control.high


def _legend(curves: Mapping[str, str]) -> str:
    """Return in HTML how each curve looks."""
    looks = (f"{DASHED[DASHES[colour]]}: {name}" for name, colour in curves.items())
    return f"<p>{'; '.join(looks)}</p>"
