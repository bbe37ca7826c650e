"""The content of explorers, without their controls: frozen records and pure functions.

A scene lists the numbers that can be moved, the choices and the buttons. It answers each change
with a new scene, and it describes how it looks. An explorer needs nothing else, so all of this is
tested without a browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, cast

from bpcourse.engine.validation import real, require
from bpcourse.pictures.diagram import Diagram
from bpcourse.registry import Registry, UnknownNameError

Value = float | str

LARGEST = 1e100  # number of a scene; a picture needs room for sums of a few


@dataclass(frozen=True)
class Control:
    """A number that can be moved.

    name : such as "W1[1,2]"
    label : the name as people read it
    low, high : the ends of its slider
    unit : the distance that an arrow key moves it
    least, most : the limits of what may be typed
    """

    name: str
    label: str
    low: float
    high: float
    unit: float = 0.01
    least: float = -1000.0
    most: float = 1000.0

    def holding(self, value: float) -> Self:
        """Return the control with a slider and limits that hold a value."""
        low, least = min(self.low, value), min(self.least, value)
        return replace(self, low=low, high=max(self.high, value), least=least, most=max(self.most, value))


@dataclass(frozen=True)
class Group:
    """Controls under one heading, folded or open; `beside` puts them to the right."""

    title: str
    controls: tuple[Control, ...]
    open: bool = True
    beside: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several options, each with its value and the text that is shown for it."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Button:
    """A button. If it `repeats`, Run presses it again and again.

    If it `only_runs`, it is shown as one button that starts and pauses.
    """

    name: str
    label: str
    hint: str
    repeats: bool = False
    only_runs: bool = False


@dataclass(frozen=True)
class View:
    """The look of a scene.

    picture : the picture, its description and its values
    caption : HTML for below the picture
    said : what changed, in a few words, for people who listen to a screen reader
    beside : a smaller picture for beside the controls
    solution : HTML, the worked solution of the value that was picked
    note : a sentence about what just happened
    """

    picture: Diagram
    caption: str
    said: str
    beside: Diagram | None = None
    solution: str = ""
    note: str = ""


class Scene(Protocol):
    """The base of all scenes: no choices and no buttons, and Undo takes back every value."""

    title: ClassVar[str]
    """A title for people who listen to a screen reader."""
    buttons: ClassVar[tuple[Button, ...]] = ()
    split: ClassVar[bool] = False
    """Whether the picture is so narrow that its caption has room beside it."""

    @property
    def asked(self) -> tuple[str, ...]:
        """Quantities with plain names, such as "slope", the most likely one first."""
        return ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers that can be moved."""

    @property
    def controls(self) -> dict[str, Control]:
        """The numbers that can be moved, by name."""
        return {control.name: control for group in self.groups for control in group.controls}

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices."""
        return ()

    @property
    def values(self) -> dict[str, Value]:
        """The value of every control and choice."""

    @property
    def state(self) -> object:
        """The state that Undo restores. Two scenes with equal states are at most looked at differently."""
        return self.values

    @property
    def loss_value(self) -> float:
        """The loss, for its history; NaN if there is not one loss."""
        return math.nan

    def updated(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values with some replaced. Raises UnknownNameError for an unknown name."""
        require_known("number or choice", values, self.values)
        return {**self.values, **values}

    def validated(self) -> Self:
        """Return the scene. Raises ValueError for impossible values."""
        require_room(self.values)
        return self.changed({})

    def looking_as(self, other: Self) -> Self:
        """Return this state, looked at in the same way as another scene of the same kind."""
        return self

    @property
    def at_rest(self) -> Self:
        """The state without what was computed from it, to be kept and seldom shown."""
        return self.looking_as(self)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with some values replaced. Raises ValueError for an impossible value."""

    def pressed(self, button: str) -> Self:
        """Return the scene after a button was pressed. Raises ValueError if that is impossible."""
        raise UnknownNameError("button", button, [*(each.name for each in self.buttons), "undo", "reset"])

    def pointed(self, across: float, up: float, again: bool = False) -> Self:
        """Return the scene after a point of its chart was clicked, or, `again`, dragged to.

        Both are shares of the area of the chart, from 0 to 1.
        """
        raise ValueError("This picture has no chart to click.")

    def reach(self, first: Mapping[str, Control]) -> Mapping[str, Control]:
        """Return the controls, given those of the first scene. One that does not reach its value gets longer."""
        values = cast(dict[str, float], self.values)
        return {
            name: old if old.low <= values[name] <= old.high else self.controls[name].holding(values[name])
            for name, old in first.items()
        }

    def quantity(self, name: str) -> float:
        """Return any value by name; by default only the loss. Raises ValueError for an unknown name."""
        return Registry("value", {"loss": self.loss_value})[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return the look of the scene. `losses` are those of all scenes up to this one."""


def require_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnknownNameError for the first of the names that is not known."""
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def require_room(values: Mapping[str, Value]) -> None:
    """Raise ValueError if a finite number is too large for a picture."""
    for name, value in values.items():
        size = abs(value) if isinstance(value, (int, float)) else 0.0
        require(not LARGEST < size < math.inf, f"{name} is too large; needed at most {LARGEST:g} in size.")


def finite(values: Mapping[str, Value], name: str) -> float:
    """Return one of the values. Raises ValueError if it is not a finite number."""
    return real(values[name], name, "a finite number", math.isfinite)
