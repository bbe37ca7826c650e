"""What an explorer shows and what its controls do, without the controls: frozen records and pure functions.

A scene says which numbers can be moved and what can be chosen and pressed; it answers each change with another
scene, and shows itself. That is all that an explorer needs, so everything here is read and tested without a browser.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.entries import replaced
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.training import sgd_step
from bpcourse.engine.validation import Array, place, real
from bpcourse.names import Name
from bpcourse.numbers import format_number
from bpcourse.pictures.charts import history
from bpcourse.pictures.diagram import Diagram, draw
from bpcourse.pictures.pitfalls import PITFALLS
from bpcourse.registry import Registry, UnknownNameError
from bpcourse.tutor.equations import Step, look_up, name_of, table
from bpcourse.tutor.worked import Hand, solution

Value = float | str


@dataclass(frozen=True)
class Control:
    """A number that can be moved.

    name : such as "W1[1,2]"
    label : how it is written
    low, high : the ends of its slider
    unit : by how much an arrow key moves it
    least, most : what may be typed
    """

    name: str
    label: str
    low: float
    high: float
    unit: float = 0.01
    least: float = -1000.0
    most: float = 1000.0


@dataclass(frozen=True)
class Group:
    """Controls under one heading, folded or open; `beside` : to the right, where there is room."""

    title: str
    controls: tuple[Control, ...]
    open: bool = True
    beside: bool = False


@dataclass(frozen=True)
class Choice:
    """One of some options, each with its value and what is shown for it."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Button:
    """Something to press. `repeats` : Run presses it again and again, with a `pause` in milliseconds."""

    name: str
    label: str
    hint: str
    repeats: bool = False
    pause: int = 80


@dataclass(frozen=True)
class View:
    """What a scene shows.

    picture : the picture, its words and its values
    caption : HTML beneath it
    said : what changed, in a few words, to those who hear it
    beside : a smaller picture beside the controls
    solution : HTML, the worked solution of what was picked
    note : what just happened, in words
    """

    picture: Diagram
    caption: str
    said: str
    beside: Diagram | None = None
    solution: str = ""
    note: str = ""


class Scene(Protocol):
    """What an explorer needs."""

    @property
    def title(self) -> str:
        """What it is, for those who hear it."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers that can be moved."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What can be chosen."""

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What can be pressed."""

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of quantities that are plain words, such as "slope", the likeliest to be asked about first."""

    @property
    def values(self) -> dict[str, Value]:
        """The value of every control and choice."""

    @property
    def state(self) -> object:
        """What Undo takes back: two scenes with equal states differ in what is looked at, at most."""

    @property
    def loss_value(self) -> float:
        """The loss, for its history; NaN where there is none."""

    def looking_as(self, other: Any) -> Scene:
        """Return this state, looked at as another scene of the same kind is."""

    def changed(self, values: Mapping[str, Value]) -> Scene:
        """Return the scene with some values replaced; raise ValueError, in words, for what cannot be."""

    def pressed(self, button: str) -> Scene:
        """Return the scene after a button was pressed; raise ValueError, in words, where that cannot be."""

    def quantity(self, name: str) -> float:
        """Return any value by name; raise ValueError for an unknown one."""

    def show(self, losses: Sequence[float]) -> View:
        """Return what is shown; `losses` are those of the scenes so far, this one's at the end."""


class PlainScene:
    """What scenes of single ideas have in common: all values can be taken back, and there is nothing to press."""

    title: ClassVar[str]
    buttons: ClassVar[tuple[Button, ...]] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Nothing."""
        return ()

    @property
    def values(self) -> dict[str, Value]:
        """Each scene has its own."""
        raise NotImplementedError

    @property
    def state(self) -> object:
        """All values."""
        return self.values

    @property
    def loss_value(self) -> float:
        """NaN, as there is not one loss here."""
        return math.nan

    def looking_as(self, other: Self) -> Self:
        """Return the same: there is one way to look at it."""
        return self

    def pressed(self, button: str) -> Self:
        """Refuse."""
        raise UnknownNameError("button", button, ["undo", "reset"])


UPDATE = Button("update", "Update", "One step of gradient descent", repeats=True)


@dataclass(frozen=True)
class NetworkScene:
    """A network with what it is trained on: its numbers can be moved, and it can go down one step.

    network, x, y, loss, learning_rate : as `backprop` and `sgd_step` take them
    movable : names of numbers, or of whole arrays, that have a control; None is all
    notation : "standard" or "lecture"
    example : which example of a batch is shown, from 1
    pitfall : the name of the one that was chosen last, or ""
    note : what just happened, in words
    """

    network: Network
    x: Array
    y: Array
    loss: Loss
    learning_rate: float
    movable: tuple[str, ...] | None = None
    notation: str = "standard"
    example: int = 1
    pitfall: str = ""
    note: str = ""

    asked: ClassVar[tuple[str, ...]] = ()  # its quantities have names with an index

    @cached_property
    def trace(self) -> Trace:
        """The pass of this network."""
        return backprop(self.network, self.x, self.y, self.loss)

    @property
    def loss_value(self) -> float:
        """The loss of all examples together."""
        return self.trace.loss

    @property
    def state(self) -> object:
        """Every number, and the activations, which a pitfall may change."""
        layers = [(layer.W.tobytes(), layer.b is not None and layer.b.tobytes()) for layer in self.network.layers]
        activations = [layer.activation for layer in self.network.layers]
        return layers, activations, self.x.tobytes(), self.y.tobytes(), self.learning_rate

    def looking_as(self, other: Self) -> Self:
        """Return these numbers, with the example that the other scene shows."""
        return replace(self, example=other.example)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """Every number that could be moved; of a batch, input and target of the example that is shown."""
        found: dict[str, float] = {}
        for k, layer in enumerate(self.network.layers, start=1):
            for quantity, array in (("W", layer.W), ("b", layer.b)):
                if array is not None:
                    found |= {name_of(quantity, k, _from_one(i)): float(value) for i, value in np.ndenumerate(array)}
        for quantity, rows in (("x", self.x), ("y", self.y)):
            row = enumerate(rows[self.example - 1], start=1)
            found |= {name_of(quantity, 0, (unit,)): float(value) for unit, value in row}
        return found | {"learning_rate": self.learning_rate}

    @property
    def parameters(self) -> dict[str, float]:
        """Every weight and bias."""
        return {name: value for name, value in self.numbers.items() if name[0] in "Wb"}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers by layer, what is given folded unless it was chosen, and the learning rate beside them."""
        parts: dict[str, list[Control]] = {}
        for name in self.numbers:
            if self.movable is None or name in self.movable or _array(name) in self.movable:
                parts.setdefault(self._group(name), []).append(self.control(name))
        folded, rate = () if self.movable else ("inputs", "targets"), "learning rate"
        return tuple(Group(name, tuple(found), name not in folded, name == rate) for name, found in parts.items())

    def _group(self, name: str) -> str:
        part = Name.read(name)
        return f"layer {part.layer}" if part.layer else {"x": "inputs", "y": "targets"}.get(name[0], "learning rate")

    def control(self, name: str) -> Control:
        """Return the control of a number, with room for its present value."""
        label, value = Name.read(name).symbol(self.notation), abs(self.numbers[name])
        if name == "learning_rate":
            low = min(0.01, value)
            return Control(name, label, low, max(10.0, 4 * value), low, least=0.0)
        if name[0] == "y" and value <= 1 and self.network.layers[-1].activation.name in ("sigmoid", "softmax"):
            return Control(name, label, 0.0, 1.0, least=0.0, most=1.0)
        high = max(5.0, 2.0 * round(value))
        return Control(name, label, -high, high)

    def checked(self) -> Self:
        """Return the scene, and raise UnknownNameError for a name in `movable` that no number has."""
        known = dict.fromkeys([*self.numbers, *map(_array, self.numbers)])
        for name in self.movable or ():
            if name not in known:
                raise UnknownNameError("number to move called", name, known)
        return self

    @property
    def pitfalls(self) -> Choice:
        """The pitfalls that this network can be led into."""
        traps = ((name, trap.title) for name, trap in PITFALLS.items() if trap.applies(self.trace))
        return Choice("pitfall", "Try", (("", "a pitfall …"), *traps))

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or led into a pitfall.

        Names are those of `numbers`; `x[1]@2` is an input of the second example of a batch.
        """
        scene = self
        parameters: dict[str, Any] = {}
        for name, value in values.items():
            if name == "pitfall":
                scene = scene._trapped(str(value))
            elif Name.read(name).quantity in ("W", "b"):
                parameters[name] = value
            else:
                scene = scene._with_given(name, value)
        scene = replace(scene, network=replaced(scene.network, parameters)) if parameters else scene
        scene.trace  # noqa: B018 - what cannot be computed is refused here, in words
        return scene

    def _trapped(self, name: str) -> Self:
        if not name:
            return replace(self, pitfall="", note="")
        network, rate = PITFALLS[name].make(self.trace, self.learning_rate)
        note = f"{PITFALLS[name].title[0].upper()}{PITFALLS[name].title[1:]}. {PITFALLS[name].words}"
        return replace(self, network=network, learning_rate=rate, pitfall=name, note=note)

    def _with_given(self, name: str, value: object) -> Self:
        """Return the scene with another learning rate, input or target."""
        if name == "learning_rate":
            rule = "a positive finite number, such as 0.1"
            return replace(self, learning_rate=real(value, name, rule, lambda rate: 0 < rate < math.inf))
        part, arrays = Name.read(name), {"x": self.x.copy(), "y": self.y.copy()}
        own = part.at(example=part.example or self.example) if part.quantity in arrays else part
        array, index = place(str(own), arrays, "number to move called")
        arrays[array][index] = real(value, name, "a finite number", math.isfinite)
        return replace(self, x=arrays["x"], y=arrays["y"])

    def pressed(self, button: str) -> Self:
        """Return the scene after one step of gradient descent."""
        if button != "update":
            raise UnknownNameError("button", button, ["update", "undo", "reset"])
        scene = replace(self, network=sgd_step(self.trace, self.learning_rate))
        scene.trace  # noqa: B018 - as above
        return scene

    def quantity(self, name: str) -> float:
        """Return a weight, a bias, its gradient, the loss or the learning rate by name."""
        if name in ("loss", "learning_rate"):
            return {"loss": self.trace.loss, "learning_rate": self.learning_rate}[name]
        arrays = {each: self.trace[each] for each in self.trace if each.lstrip("d")[0] in "Wb"}
        array, index = place(name, arrays, "number")
        return float(arrays[array][index])

    def table(self, names: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """Return names, values and gradients of some numbers, and the loss, as text."""
        rows = (
            (name, format_number(self.quantity(name)), format_number(self.quantity(f"d{name}"), signed=True))
            for name in names
        )
        return (*rows, ("loss", format_number(self.trace.loss), ""))


WHOLE = "the whole pass"
MOST_EXAMPLES = 16  # that a person would follow number by number


@dataclass(frozen=True)
class PassScene(NetworkScene):
    """The whole pass: the diagram with every value, its equations one at a time, and the worked solution of any value.

    step : how many equations of the pass are shown; 0 is all of it
    picked : the name of the value whose worked solution is shown, or ""
    """

    step: int = 0
    picked: str = ""

    title: ClassVar[str] = "Explorer of a network"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("back", "◀ Step", "One equation back"),
        Button("forward", "Step ▶", "The next equation of the pass, in the order of computation"),
        UPDATE,
    )

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The equations of the pass, and before them what is given."""
        return table(self.trace)

    @cached_property
    def walk(self) -> tuple[Step, ...]:
        """The equations in the order in which they are shown; of a batch the example's own, and the means."""
        own = ("", f"@{self.example}")
        return tuple(s for s in self.steps.values() if s.kind not in ("given", "y_hat") and s.at in own)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What to explain, which pitfall to try, and of a batch which example to show."""
        hand = Hand.of(self.steps, self.notation)
        named = ((step.name, hand.symbol(step.name)) for step in self.walk)
        found = [Choice("explain", "Explain", (("", "nothing"), (WHOLE, WHOLE), *named)), self.pitfalls]
        if len(self.x) > 1:
            found.append(Choice("example", "Example", tuple((each, each) for each in self._examples)))
        return tuple(found)

    @property
    def _examples(self) -> list[str]:
        return [str(example) for example in range(1, len(self.x) + 1)]

    @property
    def values(self) -> dict[str, Value]:
        """The value of every number that could be moved, and what is chosen."""
        chosen: dict[str, Value] = {"explain": self.picked, "pitfall": self.pitfall}
        return {**self.numbers, **chosen, **({"example": str(self.example)} if len(self.x) > 1 else {})}

    def looking_as(self, other: Self) -> Self:
        """Return these numbers, with the example, the step and the worked solution that the other scene shows."""
        return replace(self, example=other.example, step=other.step, picked=other.picked)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or something else to look at."""
        looks = {name: str(values[name]) for name in ("explain", "example") if name in values}
        scene = super().changed({name: value for name, value in values.items() if name not in looks})
        if "example" in looks:
            known = Registry("example", dict(zip(self._examples, range(1, len(self.x) + 1), strict=True)))
            scene = replace(scene, example=known[looks["example"]], step=0)
        if "explain" in looks:
            scene = replace(scene, picked=scene._pick(looks["explain"]))
        return replace(scene, step=0) if "pitfall" in values else scene

    def _pick(self, name: str) -> str:
        return name if name in ("", WHOLE) else look_up(self.steps, self._of_example(name)).name

    def _of_example(self, name: str) -> str:
        """Return the name of a value of the example that is shown, where each example has its own."""
        part = Name.read(name)
        own = str(part.at(example=self.example))
        return (
            own if not part.example and len(self.x) > 1 and own in self.steps and str(part) not in self.steps else name
        )

    def pressed(self, button: str) -> Self:
        """Return the scene one equation on or back, or after one step of gradient descent."""
        if button not in ("forward", "back"):
            return replace(super().pressed(button), step=0)
        step = self.step + (1 if button == "forward" else -1)
        return replace(self, step=step % (len(self.walk) + 1))

    def quantity(self, name: str) -> float:
        """Return any value of the pass by name."""
        return self.learning_rate if name == "learning_rate" else look_up(self.steps, self._of_example(name)).value

    def show(self, losses: Sequence[float]) -> View:
        """Return the diagram, the equation of the current step, the loss so far, and the worked solution."""
        lit, known, caption, said = {self.picked}, None, INVITATION, f"loss {format_number(self.trace.loss)}"
        shown, example = self.trace, self.example
        if walked := self.walk[: self.step]:
            step, hand = walked[-1], Hand.of(self.steps, self.notation)
            lit, known = {step.name, *step.needs}, {each.name for each in walked}
            sides, where = hand.sides(hand.equation(step)), f"step {len(walked)} of {len(self.walk)}"
            if step.at:  # an example's own gradients are those of its own loss, without the mean over the batch
                row, where = slice(example - 1, example), f"example {example} alone, {where}"
                shown, example = backprop(self.network, self.x[row], self.y[row], self.loss), 1
                lit, known = ({name.partition("@")[0] for name in names} for names in (lit, known))
            equation = " <wbr>= ".join(escape(side) for side in sides)
            caption = f'<p><b>{step.label}</b>, {where}</p><p class="equation">{equation}</p>'
            said = f"{step.label}, {where}: {' = '.join(sides)}"
        solved = None if self.picked == WHOLE else self.picked
        worked = solution(self.steps, solved, self.notation).fragment(level=4) if self.picked else ""
        return View(draw(shown, self.notation, example, lit, known), caption, said, history(losses), worked, self.note)


INVITATION = "<p>All values are shown. <b>Step ▶</b> computes them one after the other.</p>"


def _array(name: str) -> str:
    """Return the name of the array that a number is in."""
    return str(Name.read(name).at(index=()))


def _from_one(index: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i + 1 for i in index)


# Predict first

NAME = r"[A-Za-z_]+\d*\[[\d, ]+\](?:@\d+)?|\bloss\b|\blearning_rate\b"


@dataclass(frozen=True)
class Prediction:
    """What a learner says before anything moves.

    name : of the value that the question is about, or ""
    said : the answer: words, a sign or a number
    start : the value of what the question is about, or None if it names nothing
    """

    name: str
    said: str
    start: float | None

    @staticmethod
    def about(question: str, asked: Iterable[str] = ()) -> str:
        """Return the name of the value that a question is about, or "": the last that is no weight, bias or input.

        asked : what an explorer of one idea can be asked instead, the first that occurs

        >>> Prediction.about("What does dW2[1,2] do when b1[1] grows?"), Prediction.about("Who knows?")
        ('dW2[1,2]', '')
        """
        if asked:
            return next((name for name in asked if re.search(rf"\b{name}\b", question)), "")
        named = _named(question)
        results = [name for name in named if Name.read(name).quantity not in ("W", "b", "x", "y", "learning_rate")]
        return (results or named or [""])[-1]

    def beside(self, now: float | None, notation: str = "standard") -> str:
        """Return the prediction beside what came out.

        >>> Prediction("z1[2]", "down", 0.25).beside(0.125)
        'You predicted: down. z1₂ was 0.2500 and is 0.1250 now: it went down.'
        """
        words = f"You predicted: {self.said.rstrip('.')}."
        if self.start is None or now is None:
            return words
        symbol = in_symbols(self.name, notation)
        if now == self.start:
            return f"{words} {symbol} is {format_number(now)}, as at first. Now move something."
        went = "up" if now > self.start else "down"
        return f"{words} {symbol} was {format_number(self.start)} and is {format_number(now)} now: it went {went}."


def _named(text: str) -> list[str]:
    """Return the names of values in a text."""
    found = []
    for word in re.findall(NAME, text):
        with suppress(ValueError):
            found.append(str(Name.read(word)))
    return found


def in_symbols(text: str, notation: str) -> str:
    """Return a text with the names of values as they are written.

    >>> in_symbols("Raise W2[1,2]: what does dW1[1,1] do?", "standard")
    'Raise w2₁₂: what does ∂L/∂w1₁₁ do?'
    """

    def symbol(found: re.Match[str]) -> str:
        if found[0] == "loss" or not _named(found[0]):
            return found[0]
        return Name.read(found[0]).symbol(notation)

    return re.sub(NAME, symbol, text)
