"""The content of explorers, without their controls: frozen records and pure functions.

A scene lists the numbers that can be moved, the choices and the buttons. It answers each change
with a new scene, and it describes how it looks. An explorer needs nothing else, so all of this is
tested without a browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, ClassVar, Self, cast

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.entries import parameters_of, replaced
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.training import sgd_step
from bpcourse.engine.validation import Array, place, real
from bpcourse.explorers.pitfalls import PITFALLS
from bpcourse.explorers.predictions import in_symbols
from bpcourse.explorers.scenes import Button, Choice, Control, Group, Scene, Value, View, require_known, require_room
from bpcourse.names import SYMBOLS, Name, Notation
from bpcourse.numbers import format_number
from bpcourse.pictures.charts import history
from bpcourse.pictures.diagram import ViewName, draw, paths_in_words
from bpcourse.registry import Registry
from bpcourse.tutor.equations import Step, look_up, table
from bpcourse.tutor.solutions import Hand
from bpcourse.tutor.worked import solution

UPDATE = Button("update", "Update", "One step of gradient descent", repeats=True)


@dataclass(frozen=True)
class NetworkScene(Scene):
    """A network and its examples. Its numbers can be moved, and it can go down one step.

    network, x, y, loss, learning_rate : the arguments of `backprop` and `sgd_step`
    movable : names of numbers, or of whole arrays, that have a control; None means all
    notation : "standard" or "lecture"
    example : the example of a batch that is shown, from 1
    pitfall : the name of the pitfall that was chosen last, or ""
    note : a sentence about what just happened
    """

    network: Network
    x: Array
    y: Array
    loss: Loss
    learning_rate: float
    movable: tuple[str, ...] | None = None
    notation: Notation = "standard"
    example: int = 1
    pitfall: str = ""
    note: str = ""

    buttons: ClassVar[tuple[Button, ...]] = (UPDATE,)

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
        """Every number, and the activations because a pitfall may change them."""
        arrays = [array.tobytes() for array in (*parameters_of(self.network).values(), self.x, self.y)]
        return arrays, [layer.activation for layer in self.network.layers], self.learning_rate

    def looking_as(self, other: Self) -> Self:
        """Return the same numbers, with the example that the other scene shows."""
        return replace(self, example=other.example)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """Every number that can be moved; of a batch, the inputs and targets that are shown."""
        given = {"x": self.x[self.example - 1], "y": self.y[self.example - 1]}
        found: dict[str, float] = {}
        for name, array in (parameters_of(self.network) | given).items():
            for index, value in np.ndenumerate(array):
                found[f"{name}[{','.join([str(i + 1) for i in index])}]"] = float(value)
        return {**found, "learning_rate": self.learning_rate}

    @property
    def parameters(self) -> dict[str, float]:
        """Every weight and bias."""
        return {name: value for name, value in self.numbers.items() if Name.read(name).is_parameter}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers by layer, the folded inputs and targets, and the learning rate."""
        parts: dict[str, list[Control]] = {}
        for name in self.numbers:
            if self.movable is None or name in self.movable or _array(name) in self.movable:
                parts.setdefault(self._group(name), []).append(self.control(name))
        folded, rate = () if self.movable else ("inputs", "targets"), "learning rate"
        return tuple(Group(name, tuple(found), name not in folded, name == rate) for name, found in parts.items())

    def _group(self, name: str) -> str:
        part = Name.read(name)
        others = {"x": "inputs", "y": "targets", "learning_rate": "learning rate"}
        return f"layer {part.layer}" if part.layer else others[part.quantity]

    def control(self, name: str) -> Control:
        """Return the control of a number, with room for its present value."""
        part, now = Name.read(name), self.numbers[name]
        value = abs(now)
        label, last = part.symbol(self.notation), self.network.layers[-1].activation
        if name == "learning_rate":
            low = min(0.01, value)
            return Control(name, label, low, max(10.0, 4 * value), low, least=0.0)
        if part.quantity == "y" and 0 <= now <= 1 and last.name in ("sigmoid", "softmax"):
            return Control(name, label, 0.0, 1.0, least=0.0, most=1.0)
        high = max(5.0, 2.0 * round(value))
        return Control(name, label, -high, high)

    def validated(self) -> Self:
        """Return the scene. Raises ValueError for an unknown name or an impossible pass."""
        require_known("notation", [self.notation], SYMBOLS)
        known = [*self.numbers, *dict.fromkeys(map(_array, self.numbers))]
        require_known("number to move called", self.movable or (), known)
        require_room(self.numbers)
        return self._computed()

    def _computed(self) -> Self:
        """Compute the pass, which raises ValueError if it overflows, and return the scene."""
        _ = self.trace
        return self

    @property
    def pitfalls(self) -> Choice:
        """The pitfalls that are possible for this network."""
        traps = ((name, trap.title) for name, trap in PITFALLS.items() if trap.applies(self.trace))
        return Choice("pitfall", "Try", (("", "a pitfall"), *traps))

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers, or in a pitfall.

        The names are those of `numbers`; `x[1]@2` is an input of the second example of a batch.
        """
        scene = self
        parameters: dict[str, Any] = {}
        for name, value in values.items():
            if name == "pitfall":
                scene = scene._trapped(str(value))
            elif Name.read(name).is_parameter:
                parameters[name] = value
            else:
                scene = scene._with_given(name, value)
        return (replace(scene, network=replaced(scene.network, parameters)) if parameters else scene)._computed()

    def _trapped(self, name: str) -> Self:
        if not name:
            return replace(self, pitfall="", note="")
        network, rate = PITFALLS[name].make(self.trace, self.learning_rate)
        note = f"{PITFALLS[name].title[0].upper()}{PITFALLS[name].title[1:]}. {PITFALLS[name].words}"
        return replace(self, network=network, learning_rate=rate, pitfall=name, note=note)

    def _with_given(self, name: str, value: object) -> Self:
        """Return the scene with a different learning rate, input or target."""
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
            return super().pressed(button)
        return replace(self, network=sgd_step(self.trace, self.learning_rate))._computed()

    def quantity(self, name: str) -> float:
        """Return a weight, a bias, its gradient, the loss or the learning rate by name."""
        if name in ("loss", "learning_rate"):
            return {"loss": self.trace.loss, "learning_rate": self.learning_rate}[name]
        array, index = place(name, self._learned, "number")
        return float(self._learned[array][index])

    @cached_property
    def _learned(self) -> dict[str, Array]:
        """The weights, the biases and their gradients."""
        wanted = ("W", "b", "dW", "db")
        return {name: self.trace[name] for name in self.trace if Name.read(name).quantity in wanted}

    def table(self, names: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """Return names, values and gradients of some numbers, and the loss, as text."""
        rows = (
            (name, format_number(self.quantity(name)), format_number(self.quantity(f"d{name}"), signed=True))
            for name in names
        )
        return (*rows, ("loss", format_number(self.trace.loss), ""))


WHOLE = "the whole pass"
VIEW_NAMES: dict[str, str] = {"both": "both", "forward": "values", "backward": "gradients"}
"""What the picture can show, and how that is called."""
MOST_EXAMPLES = 16  # nobody would follow more of them number by number


@dataclass(frozen=True)
class PassScene(NetworkScene):
    """The whole pass: the diagram, its equations one at a time, and a worked solution.

    step : the number of equations that are shown; 0 means all of them
    picked : the name of the value whose worked solution is shown, or ""
    view : what the picture shows if no step and no solution says so: values, gradients or both
    of : in a batch, whose gradients are shown: those of the example's "own" loss, or their "mean"
    """

    step: int = 0
    picked: str = ""
    view: ViewName = "both"
    of: str = "own"

    title: ClassVar[str] = "Explorer of a network"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("back", "◀ Step", "One equation back"),
        Button("forward", "Step ▶", "The next equation of the pass, in the order of computation"),
        UPDATE,
    )

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The given values and the equations of the pass."""
        return table(self.trace)

    @cached_property
    def walk(self) -> tuple[Step, ...]:
        """The equations in order; of a batch, those of the example and the means."""
        own = ("", f"@{self.example}")
        return tuple(s for s in self.steps.values() if s.kind not in ("given", "y_hat") and s.at in own)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The value to explain, the pitfall to try and, for a batch, the example to show."""
        hand = Hand.of(self.steps, self.notation)
        named = ((step.name, hand.symbol(step.name)) for step in self.walk)
        found = [Choice("explain", "Explain", (("", "nothing"), (WHOLE, WHOLE), *named)), self.pitfalls]
        found.append(Choice("view", "Show", tuple(VIEW_NAMES.items())))
        if len(self.x) > 1:
            found.append(Choice("example", "Example", tuple((each, each) for each in self._examples)))
            found.append(Choice("of", "Gradients", tuple(GRADIENTS.items())))
        return tuple(found)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The numbers by layer, folded, because each can be moved in the picture; only the learning rate is open."""
        return tuple(replace(group, open=group.beside) for group in super().groups)

    @property
    def _examples(self) -> Registry[int]:
        return Registry("example", {str(example): example for example in range(1, len(self.x) + 1)})

    @property
    def values(self) -> dict[str, Value]:
        """Every number that can be moved, and the choices."""
        chosen: dict[str, Value] = {"explain": self.picked, "pitfall": self.pitfall, "view": self.view}
        batch = {"example": str(self.example), "of": self.of} if len(self.x) > 1 else {}
        return {**self.numbers, **chosen, **batch}

    def looking_as(self, other: Self) -> Self:
        """Return the same numbers, looked at in the same way as the other scene."""
        look = {name: getattr(other, name) for name in ("example", "step", "picked", "view", "of")}
        return replace(self, **look)

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with other numbers or choices."""
        looks = {name: str(values[name]) for name in ("explain", "example", "view", "of") if name in values}
        scene = super().changed({name: value for name, value in values.items() if name not in looks})
        if "example" in looks:
            scene = replace(scene, example=self._examples[looks["example"]], step=0)
        if "explain" in looks:
            picked = scene._pick(looks["explain"])
            scene = replace(scene, picked=picked, step=0 if picked else scene.step)
        if "view" in looks:
            require_known("view", [looks["view"]], VIEW_NAMES)
            scene = replace(scene, view=cast(ViewName, looks["view"]))
        if "of" in looks:
            require_known("kind of gradients", [looks["of"]], GRADIENTS if len(self.x) > 1 else ())
            scene = replace(scene, of=looks["of"])
        return replace(scene, step=0) if "pitfall" in values else scene

    def _pick(self, name: str) -> str:
        return name if name in ("", WHOLE) else look_up(self.steps, self._of_example(name)).name

    def _of_example(self, name: str) -> str:
        """Return a name with the example that is shown, if each example has its own value."""
        part = Name.read(name)
        own = str(part.at(example=self.example))
        if part.example or len(self.x) == 1 or str(part) in self.steps:
            return name
        return own if own in self.steps else name

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
        """Return the diagram, the current equation, the losses, and the worked solution."""
        lit, known, caption, said = {self.picked}, None, INVITATION, f"loss {format_number(self.trace.loss)}"
        shown, example, view, path = self.trace, self.example, self.view, ""
        if self.picked not in ("", WHOLE) and Name.read(self.picked).is_gradient:
            view, path = "backward", str(Name.read(self.picked).at(example=0))
        n, own = len(self.x), len(self.x) > 1 and self.of == "own"
        if n > 1:
            caption = f"<p><b>Example {example} of {n}.</b> {OF_EXAMPLE if own else OF_ALL.format(n)}</p>"
            said = f"{said}, example {example} of {n}"
        if walked := self.walk[: self.step]:
            step, hand, path = walked[-1], Hand.of(self.steps, self.notation), ""
            view = "forward" if step.label in ("FORWARD", "ERROR") else "backward"
            lit, known = {step.name, *step.needs}, {each.name for each in walked}
            sides, where = hand.sides(hand.equation(step)), f"step {len(walked)} of {len(self.walk)}"
            own, where = step.at != "", f"only example {example}, {where}" if step.at else where
            equation = " <wbr>= ".join(escape(side) for side in sides)
            caption = f'<p><b>{step.label}</b>, {where}</p><p class="equation">{equation}</p>'
            said = f"{step.label}, {where}: {' = '.join(sides)}"
        if own:  # the gradients of an example are those of its loss, without the mean over the batch
            row = slice(example - 1, example)
            shown, example = backprop(self.network, self.x[row], self.y[row], self.loss), 1
            lit = {_without_example(name) for name in lit}
            known = None if known is None else {_without_example(name) for name in known}
        if words := path and paths_in_words(shown, path, example):
            caption = caption.replace(INVITATION, "") + f"<p>{escape(in_symbols(words, self.notation))}</p>"
        solved = None if self.picked == WHOLE else self.picked
        worked = (
            solution(self.steps, solved, notation=self.notation).to_html(level=4, folded=True) if self.picked else ""
        )
        picture = draw(
            shown, notation=self.notation, example=example, lit=lit, known=known, view=view, path=path, live=True
        )
        return View(picture, caption, said, history(losses), worked, self.note)


INVITATION = (
    "<p>Drag an underlined number, or click it for a slider. Click a gradient to see its paths. "
    "<b>Step ▶</b> computes the pass one equation at a time.</p>"
)
GRADIENTS = {"own": "of this example", "mean": "mean of all"}
"""Whose gradients are shown in a batch, and how that is called."""
OF_EXAMPLE = (
    "The picture shows its values, and the gradients of this example's loss. The loss of the batch is the mean."
)
OF_ALL = (
    "The picture shows its x, z and a. The gradients are those of the mean over all {0} examples: δ contains the 1/{0}."
)


def _without_example(name: str) -> str:
    """Return a name without its example, and what is not the name of a value unchanged."""
    return name if name in ("", WHOLE) else str(Name.read(name).at(example=0))


def _array(name: str) -> str:
    """Return the name of the array that a number is in."""
    return str(Name.read(name).at(index=()))
