"""What an explorer shows and what its controls do, without the controls: frozen records and pure functions.

A scene says which numbers can be moved and what can be chosen and pressed; it answers each change with another
scene, and shows itself. That is all that an explorer needs, so everything here is read and tested without a browser.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import ClassVar, Protocol, Self

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.training import sgd_step
from bpcourse.engine.validation import Array, place, real
from bpcourse.engine.variations import PITFALLS, replaced
from bpcourse.notation import MINUS, Name, UnknownNameError, number
from bpcourse.pictures.charts import history
from bpcourse.pictures.diagram import Diagram, draw
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
    """

    name: str
    label: str
    low: float
    high: float
    unit: float = 0.01


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
    """Something to press. `repeats` : Run presses it again and again."""

    name: str
    label: str
    hint: str
    repeats: bool = False


@dataclass(frozen=True)
class View:
    """What a scene shows.

    picture : the picture, its words and its values
    caption : HTML beneath it
    beside : a smaller picture beside the caption
    solution : HTML, the worked solution of what was picked
    note : what just happened, in words
    said : what a slider says besides its value, to those who hear it
    """

    picture: Diagram
    caption: str = ""
    said: str = ""
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
    def values(self) -> dict[str, Value]:
        """The value of every control and choice."""

    def changed(self, values: Mapping[str, Value]) -> Scene:
        """Return the scene with some values replaced; raise ValueError, in words, for what cannot be."""

    def pressed(self, button: str) -> Scene:
        """Return the scene after a button was pressed; raise ValueError, in words, where that cannot be."""

    def quantity(self, name: str) -> float:
        """Return any value by name; raise ValueError for an unknown one."""

    def show(self, past: Sequence[Scene]) -> View:
        """Return what is shown; `past` are the scenes before it."""


LOOKS = ("explain", "example", "output")  # choices that change no number: there is nothing to undo
WHOLE = "the whole pass"


@dataclass(frozen=True)
class NetworkScene:
    """A network with all its values, one step of gradient descent after the other.

    network, x, y, loss, learning_rate : as `backprop` and `sgd_step` take them
    movable : names of numbers, or of whole arrays, that have a control; None is all
    notation : "standard" or "lecture"
    example : which example of a batch is shown, from 1
    step : how many equations of the pass are shown; 0 is all of it
    picked : the name of the value whose worked solution is shown, or ""
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
    step: int = 0
    picked: str = ""
    pitfall: str = ""
    note: str = ""

    title: ClassVar[str] = "Explorer of a network"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("back", "◀ Step", "One equation back"),
        Button("forward", "Step ▶", "The next equation of the pass, in the order of computation"),
        Button("update", "Update", "One step of gradient descent", repeats=True),
    )

    @cached_property
    def trace(self) -> Trace:
        """The pass of this network."""
        return backprop(self.network, self.x, self.y, self.loss)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The equations of the pass, and before them what is given."""
        return table(self.trace)

    @cached_property
    def walk(self) -> tuple[Step, ...]:
        """The equations in the order in which they are shown."""
        return tuple(step for step in self.steps.values() if step.kind not in ("given", "y_hat"))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers by layer, and what is given, folded."""
        parts: dict[str, list[Control]] = {}
        for name in self._numbers:
            if self._moves(name):
                parts.setdefault(self._group(name), []).append(self._control(name))
        folded, rate = ("inputs", "targets"), "learning rate"
        return tuple(Group(name, tuple(found), name not in folded, name == rate) for name, found in parts.items())

    def checked(self) -> Self:
        """Return the scene, and raise UnknownNameError for a name in `movable` that no number has."""
        known = dict.fromkeys([*self._numbers, *(str(Name.read(name).at(index=())) for name in self._numbers)])
        for name in self.movable or ():
            if name not in known:
                raise UnknownNameError("number to move called", name, known)
        return self

    def _moves(self, name: str) -> bool:
        return self.movable is None or name in self.movable or str(Name.read(name).at(index=())) in self.movable

    @cached_property
    def _numbers(self) -> dict[str, float]:
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

    def _group(self, name: str) -> str:
        part = Name.read(name)
        return f"layer {part.layer}" if part.layer else {"x": "inputs", "y": "targets"}.get(name[0], "learning rate")

    def _control(self, name: str) -> Control:
        label, value = Name.read(name).symbol(self.notation), abs(self._numbers[name])
        if name == "learning_rate":
            return Control(name, label, 0.01, max(10.0, 4 * value))
        probability = name[0] == "y" and self.network.layers[-1].activation.name in ("sigmoid", "softmax")
        high = 1.0 if probability and value <= 1 else max(5.0, math.ceil(2 * value))
        return Control(name, label, 0.0 if high == 1 else -high, high)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What to explain, which pitfall to try, and of a batch which example to show."""
        hand = Hand.of(self.steps, self.notation)
        named = ((step.name, hand.symbol(step.name)) for step in self.walk)
        explain = (("", "nothing"), (WHOLE, WHOLE), *named)
        found = [Choice("explain", "Explain", explain), self._pitfalls]
        if len(self.x) > 1:
            found.append(Choice("example", "Example", tuple((str(n), str(n)) for n in range(1, len(self.x) + 1))))
        return tuple(found)

    @property
    def _pitfalls(self) -> Choice:
        traps = ((name, trap.title) for name, trap in PITFALLS.items() if trap.applies(self.trace))
        return Choice("pitfall", "Try", (("", "a pitfall …"), *traps))

    @property
    def values(self) -> dict[str, Value]:
        """The value of every number that could be moved, and what is chosen."""
        chosen: dict[str, Value] = {"explain": self.picked, "pitfall": self.pitfall}
        return {**self._numbers, **chosen, **({"example": str(self.example)} if len(self.x) > 1 else {})}

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or another choice.

        Names are those of `values`; `x[1]@2` is an input of the second example of a batch.
        """
        scene = self
        parameters: dict[str, float] = {}
        for name, value in values.items():
            if name == "explain":
                scene = replace(scene, picked=str(value) and self._pick(str(value)))
            elif name == "pitfall":
                scene = scene._trapped(str(value))
            elif name == "example":
                scene = replace(scene, example=self._one_example(str(value)), step=0)
            else:
                scene = replace(scene, pitfall="", note="")
                parameters |= {name: float(value)} if name[0] in "Wb" else {}
                scene = scene if name[0] in "Wb" else scene._with_given(name, float(value))
        scene = replace(scene, network=replaced(scene.network, parameters)) if parameters else scene
        scene.trace  # noqa: B018 - what cannot be computed is refused here, in words
        return scene

    def _pick(self, name: str) -> str:
        return name if name == WHOLE else look_up(self.steps, self._of_example(name)).name

    def _of_example(self, name: str) -> str:
        """Return the name of a value of the example that is shown, where each example has its own."""
        part = Name.read(name)
        if part.quantity in ("x", "y") and not part.example:
            return str(part.at(example=self.example))
        own = str(part.at(example=self.example))
        return own if not part.example and len(self.x) > 1 and own in self.steps else name

    def _one_example(self, value: str) -> int:
        known = [str(n) for n in range(1, len(self.x) + 1)]
        if value not in known:
            raise UnknownNameError("example", value, known)
        return int(value)

    def _trapped(self, name: str) -> Self:
        if not name:
            return replace(self, pitfall="", note="")
        network, rate = PITFALLS[name].make(self.trace, self.learning_rate)
        note = f"{PITFALLS[name].title.capitalize()}. {PITFALLS[name].words}"
        return replace(self, network=network, learning_rate=rate, pitfall=name, note=note, step=0)

    def _with_given(self, name: str, value: float) -> Self:
        """Return the scene with another learning rate, input or target."""
        if name == "learning_rate":
            rule = "a positive finite number, such as 0.1"
            return replace(self, learning_rate=real(value, name, rule, lambda rate: 0 < rate < math.inf))
        arrays = {"x": self.x.copy(), "y": self.y.copy()}
        array, index = place(self._of_example(name), arrays, "number to move called")
        arrays[array][index] = real(value, name, "a finite number", math.isfinite)
        return replace(self, x=arrays["x"], y=arrays["y"])

    def pressed(self, button: str) -> Self:
        """Return the scene one equation on or back, or after one step of gradient descent."""
        last = len(self.walk)
        if button == "update":
            scene = replace(self, network=sgd_step(self.trace, self.learning_rate), step=0)
            scene.trace  # noqa: B018 - as above
            return scene
        if button == "forward":
            return replace(self, step=(self.step + 1) % (last + 1), note="")
        if button == "back":
            return replace(self, step=(self.step - 1) % (last + 1), note="")
        raise UnknownNameError("button", button, [each.name for each in self.buttons])

    def quantity(self, name: str) -> float:
        """Return any value of the pass by name."""
        if name == "learning_rate":
            return self.learning_rate
        return look_up(self.steps, self._of_example(name)).value

    def show(self, past: Sequence[Scene]) -> View:
        """Return the diagram, the equation of the current step, the loss so far, and the worked solution."""
        hand = Hand.of(self.steps, self.notation)
        walked = self.walk[: self.step]
        example, known = self.example, None
        lit: Iterable[str] = [self.picked] if self.picked else []
        if walked:
            example = int(walked[-1].at[1:] or self.example)
            known = {step.name for step in walked}
            lit = [walked[-1].name, *walked[-1].needs]
        return View(
            draw(self.trace, self.notation, example, set(lit), known),
            self._caption(walked, hand),
            f"loss {number(self.trace.loss)}",
            history(self._losses(past)),
            self._solution(),
            self.note,
        )

    def _losses(self, past: Sequence[Scene]) -> list[float]:
        return [scene.trace.loss for scene in (*past, self) if isinstance(scene, NetworkScene)]

    def _caption(self, walked: Sequence[Step], hand: Hand) -> str:
        if not walked:
            return "<p>All values are shown. <b>Step ▶</b> computes them one after the other.</p>"
        step = walked[-1]
        sides = [escape(side) for side in hand.sides(hand.equation(step))]
        return (
            f"<p><b>{step.label}</b>, step {len(walked)} of {len(self.walk)}</p>"
            f'<p class="equation">{" <wbr>= ".join(sides)}</p>'
        )

    def _solution(self) -> str:
        if not self.picked:
            return ""
        name = None if self.picked == WHOLE else self.picked
        return solution(self.steps, name, self.notation).fragment(level=4)


def _from_one(index: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i + 1 for i in index)


# Predict first

DIRECTIONS = {
    "up": "up rise rises grow grows larger bigger more increase increases positive plus +",
    "down": f"down fall falls shrink shrinks smaller less decrease decreases negative minus - {MINUS}",
    "same": "same unchanged nothing neither stays equal 0",
}


@dataclass(frozen=True)
class Prediction:
    """What a learner says before anything moves.

    question : what is asked, such as "dW1[1,2] goes up or down?"
    said : the answer: words, a sign or a number
    start : the value of what the question names, or None if it names nothing
    """

    question: str
    said: str
    start: float | None

    @staticmethod
    def name_in(question: str) -> str:
        """Return the name of the value that a question is about, or "".

        >>> Prediction.name_in("Move b1[1] up: what does dW2[1,2] do?"), Prediction.name_in("Is the loss convex?")
        ('dW2[1,2]', 'loss')
        """
        for word in reversed(re.findall(r"[A-Za-z_]+\d*\[[\d, ]+\](?:@\d+)?|\bloss\b", question)):
            try:
                return str(Name.read(word))
            except ValueError:
                continue
        return ""

    @property
    def direction(self) -> str:
        """Which way the learner thinks it goes: "up", "down", "same", or "" if that was not said."""
        words = {self.said, *re.findall(r"[a-z]+", self.said.lower())}
        found = [direction for direction, known in DIRECTIONS.items() if words & set(known.split())]
        return found[0] if len(found) == 1 else ""

    def beside(self, now: float | None) -> str:
        """Return the prediction beside what came out.

        >>> Prediction("loss up or down?", "down", 0.25).beside(0.125)
        'You predicted: down. loss was 0.2500 and is 0.1250 now: it went down, as you said.'
        """
        words = f"You predicted: {self.said}."
        if self.start is None or now is None:
            return words
        name = self.name_in(self.question)
        if now == self.start:
            return f"{words} {name} is {number(now)}, as at first. Now move something."
        went = "up" if now > self.start else "down"
        verdict = {"": "", went: ", as you said"}.get(self.direction, ", not as you said: can you tell why?")
        end = "" if verdict.endswith("?") else "."
        return f"{words} {name} was {number(self.start)} and is {number(now)} now: it went {went}{verdict}{end}"
