"""Scenes of curves: activations, and losses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.validation import Array, require
from bpcourse.explorers.scenes import Choice, Control, Group, Scene, Value, View, finite, require_known
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import BLUE, INK, LOOKS, ORANGE, PURPLE, SERIES
from bpcourse.pictures.charts import Frame
from bpcourse.pictures.series import Z_SPAN, Span, activation_curves, loss_curve, span
from bpcourse.registry import Registry
from bpcourse.render import render

UNIT = 0.05  # of the point that is moved
SHOWS = {"one": "one, with its slope", "all": "all activations", "slopes": "all slopes"}
"""What an explorer of activations can show, and how that is called."""
SIZE = (620, 330)  # of a chart, in pixels


@dataclass(frozen=True)
class ActivationScene(Scene):
    """An activation, its slope, and the tangent at a point that can be moved; or all activations.

    activation : one whose units do not depend on each other
    z : the position of the point
    own : the activation of the first scene, which may be a custom one
    shown : one of SHOWS
    """

    activation: Activation
    z: float
    own: Activation
    shown: str = "one"

    title: ClassVar[str] = "Explorer of an activation"
    groups: ClassVar[tuple[Group, ...]] = (Group("what goes in", (Control("z", "z", *Z_SPAN, UNIT),)),)
    asked: ClassVar[tuple[str, ...]] = ("slope", "a", "z")

    @property
    def known(self) -> Registry[Activation]:
        """The activations that can be chosen: those of the course, and the first one."""
        names = {name: each for name, each in ACTIVATIONS.items() if each.slope is not None}
        return Registry("activation", names if self.own in names.values() else names | {self.own.name: self.own})

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choice of the activation, and of what is shown."""
        names = tuple((name, name.replace("_", " ")) for name in self.known)
        return Choice("activation", "Activation", names), Choice("shown", "Show", tuple(SHOWS.items()))

    @property
    def values(self) -> dict[str, Value]:
        """The point, the activation, and what is shown."""
        name = next(name for name, each in self.known.items() if each == self.activation)
        return {"z": self.z, "activation": name, "shown": self.shown}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with a different point or activation."""
        new = self.updated(values)
        require_known("picture", [str(new["shown"])], SHOWS)
        chosen = self.known[str(new["activation"])]
        return replace(self, activation=chosen, z=finite(new, "z"), shown=str(new["shown"]))

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene with a different point."""
        return self.changed({"z": _on_axis(across, Z_SPAN)})

    def quantity(self, name: str) -> float:
        """Return z, a or the slope."""
        known = {"z": self.z, "a": float(self.activation.f(self.z)), "slope": float(self.activation.df(self.z))}
        return Registry("value", known)[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return the curves, and the numbers at the point."""
        return self._one() if self.shown == "one" else self._all()

    def _one(self) -> View:
        """Return both curves, the tangent, and the numbers at the point."""
        z, a, slope = (self.quantity(name) for name in ("z", "a", "slope"))
        name, shown_z, shown_a, shown_slope = str(self.values["activation"]), *map(format_number, (z, a, slope))
        name = name.replace("_", " ")
        zs, f, df = activation_curves(self.activation)
        frame = Frame(Z_SPAN, span([-1.0, *f.tolist(), *df.tolist()], 0.06), "z", "a and its slope", *SIZE)
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
        return View(frame.picture(words, table, marks, touch=True), caption, f"a {shown_a}, slope {shown_slope}")

    def _all(self) -> View:
        """Return the curves of all activations, or of all slopes, with one scale."""
        slopes = self.shown == "slopes"
        what, height = ("slope f′(z)", (-0.2, 1.2)) if slopes else ("a = f(z)", (-1.5, 2.5))
        frame, marks, rows = Frame(Z_SPAN, height, "z", what, *SIZE), [], []
        for (name, each), look in zip(self.known.items(), LOOKS, strict=False):
            zs, f, df = activation_curves(each)
            thickness = 4 if each == self.activation else 2
            marks.append(frame.curve(zs, df if slopes else f, look.color, thickness, look.dashes))
            a, slope = float(each.f(self.z)), float(each.df(self.z))
            marks.append(frame.dot(self.z, slope if slopes else a, look.color))
            rows.append((name.replace("_", " "), format_number(a), format_number(slope), look.words))
        z, chosen = format_given(self.z), rows[[*self.known.values()].index(self.activation)]
        words = f"{'The slopes of all' if slopes else 'All'} activations over z. At z = {z}: "
        words += "; ".join(f"{name} {a}, slope {slope}" for name, a, slope, _ in rows) + "."
        picture = frame.picture(words, [row[:3] for row in rows], marks, touch=True)
        caption = render("captions/activations.html", z=z, rows=rows)
        return View(picture, caption, f"{chosen[0]} {chosen[1]}, slope {chosen[2]}")


OVERS = {"y_hat": "the prediction ŷ", "z": "z before a sigmoid"}
"""The axes over which losses can be shown."""
SIGMOID = ACTIVATIONS["sigmoid"]


def _probability(name: str, label: str) -> Control:
    return Control(name, label, 0.0, 1.0, least=0.0, most=1.0)


@dataclass(frozen=True)
class LossScene(Scene):
    """Several losses of one prediction, over all predictions or over the z of a sigmoid that predicts.

    losses : names of losses that one output can have
    y, y_hat : target and prediction, both probabilities
    over : one of OVERS
    """

    losses: tuple[str, ...]
    y: float
    y_hat: float
    over: str = "y_hat"

    title: ClassVar[str] = "Explorer of losses"
    groups: ClassVar[tuple[Group, ...]] = (
        Group("prediction and target", (_probability("y_hat", "ŷ"), _probability("y", "y"))),
    )

    choices: ClassVar[tuple[Choice, ...]] = (Choice("over", "Over", tuple(OVERS.items())),)

    @property
    def asked(self) -> tuple[str, ...]:
        """The losses."""
        return self.losses

    @property
    def values(self) -> dict[str, Value]:
        """Target and prediction, and what is across."""
        return {"y": self.y, "y_hat": self.y_hat, "over": self.over}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with a different target or prediction, both between 0 and 1, or with a different axis."""
        new = self.updated(values)
        y, y_hat = finite(new, "y"), finite(new, "y_hat")
        require(0 <= y <= 1 and 0 <= y_hat <= 1, f"y and y_hat must lie between 0 and 1; got {y} and {y_hat}.")
        require_known("axis", [str(new["over"])], OVERS)
        return replace(self, y=y, y_hat=y_hat, over=str(new["over"]))

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene with a different prediction."""
        y_hat = float(SIGMOID.f(_on_axis(across, Z_SPAN))) if self.over == "z" else round(across, 2)
        return self.changed({"y_hat": y_hat})

    def quantity(self, name: str) -> float:
        """Return a loss by its name."""
        return LOSSES[name].value([self.y], [self.y_hat])

    @property
    def _here(self) -> tuple[float, float]:
        """The place of the prediction on the axis, and how fast the prediction changes there."""
        if self.over == "y_hat":
            return self.y_hat, 1.0
        odds = self.y_hat / (1 - self.y_hat) if self.y_hat < 1 else math.inf
        return math.log(odds) if odds else -math.inf, self.y_hat * (1 - self.y_hat)

    def _curve(self, name: str) -> tuple[Array, Array]:
        """Return the axis, and a loss over it."""
        if self.over == "y_hat":
            return loss_curve(LOSSES[name], self.y)
        zs = np.linspace(*Z_SPAN, 121)
        return zs, np.array([LOSSES[name].value([self.y], [y_hat]) for y_hat in SIGMOID.f(zs).tolist()])

    def show(self, losses: Sequence[float]) -> View:
        """Return a curve for each loss, its tangent at the prediction, and its value and slope there."""
        ends, label = (Z_SPAN, "z, with ŷ = σ(z)") if self.over == "z" else ((0.0, 1.0), "prediction ŷ")
        frame, (here, change) = Frame(ends, (0, 3), label, "loss", *SIZE), self._here
        marks, table, reach = [], [], 0.12 * (ends[1] - ends[0])
        for name, line in zip(self.losses, SERIES, strict=False):
            value = self.quantity(name)
            slope = change * float(LOSSES[name].gradient([self.y], [self.y_hat])[0])
            marks.append(frame.curve(*self._curve(name), line.color))
            if math.isfinite(here + value + slope):
                sides = here - reach, here + reach
                marks.append(frame.curve(sides, [value + slope * (side - here) for side in sides], INK, thickness=1.5))
            marks.append(frame.dot(here, value, line.color))
            table.append((name, format_number(value), format_number(slope, signed=True)))
        rows = [(name.replace("_", " "), value, slope) for name, value, slope in table]
        words = f"Losses of the prediction {format_number(self.y_hat)} for the target {format_number(self.y)}: "
        words += ", ".join(f"{name} {value} with slope {slope}" for name, value, slope in rows) + "."
        curves = [(name, line) for (name, _, _), line in zip(rows, SERIES, strict=False)]
        named = "∂L/∂z" if self.over == "z" else "∂L/∂ŷ"
        caption = render("captions/losses.html", rows=rows, curves=curves, of=named)
        said = ", ".join(f"{n} {v}" for n, v, _ in table)
        return View(frame.picture(words, table, marks, touch=True), caption, said)


def _on_axis(share: float, ends: Span) -> float:
    """Return the value at a share of an axis, to the nearest unit of the slider."""
    return round((ends[0] + share * (ends[1] - ends[0])) / UNIT) * UNIT
