"""Explorers: scenes with controls, in a notebook.

An explorer is an anywidget, so it is also an ipywidget. Its controls are native inputs of the
browser (see data/explorer). Their effect, and everything that is shown, comes from the scene, in
Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anywidget
import traitlets
from IPython.core.getipython import get_ipython

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Network
from bpcourse.engine.validation import one_text, real, require
from bpcourse.explorers.live import LiveScene
from bpcourse.explorers.networks import NetworkScene
from bpcourse.explorers.predictions import Prediction, in_symbols
from bpcourse.explorers.scenes import Control, Scene, Value, View, require_room
from bpcourse.jupyter import UNLOCKED, WIDGET_VIEW
from bpcourse.names import Notation
from bpcourse.numbers import format_given, parse_number
from bpcourse.registry import UnknownNameError, brief

S = TypeVar("S", bound=NetworkScene)

DATA = Path(__file__).parent.parent / "data" / "explorer"
MOST_PAST = 500  # scenes that Undo remembers
AXES = ("across", "up")  # of a point in a chart


class Explorer(anywidget.AnyWidget):
    """A scene with its controls. Use them in the page, or call `set` and `press` in a cell.

    Parameters
    ----------
    scene : Scene
        The first scene.
    predict : str, optional
        A question that must be answered before the controls can be used.
    notation : {"standard", "lecture"}
        The symbols.

    Attributes
    ----------
    scene : Scene
        The present scene.
    value : dict
        The numbers and choices by name. It may be assigned and observed.
    prediction : Prediction or None
        The answer to the question.
    """

    # Text, not paths: an anywidget with a path is never freed, because it watches the file.
    _esm = (DATA / "explorer.js").read_text(encoding="utf-8")
    _css = (DATA / "explorer.css").read_text(encoding="utf-8")

    page = traitlets.Dict().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    value = traitlets.Dict()

    _of_cell: ClassVar[dict[str, tuple[str, list[Explorer]]]] = {}

    def __init__(self, scene: Scene, predict: str | None = None, notation: Notation = "standard") -> None:
        require(hasattr(scene, "groups"), f"needed a scene, such as explore(network, x, y).scene; got {brief(scene)}.")
        self.scene, self._first = scene, scene
        # With their losses, so that no scene is computed twice, and whether Undo goes on to the one before.
        self._past: list[tuple[Scene, float, bool]] = []
        self._moving = ""  # the name of the control that moved last
        self._controls: Mapping[str, Control] = scene.controls
        self._tables: set[str] = set()  # the pages in which the table is open
        self.prediction: Prediction | None = None
        self.predict, self._notation = None if predict is None else one_text(predict, "predict"), notation
        self._asked()  # raises for a question about an unknown value
        self._locked = predict is not None and not os.environ.get(UNLOCKED)
        page: dict[str, Any] = {
            "title": scene.title,
            "split": scene.split,
            "undo": scene.state is not None,
            "question": in_symbols(predict or "", notation),
        }
        for part in ("groups", "choices", "buttons"):
            page[part] = [asdict(each) for each in getattr(scene, part)]
        super().__init__(page=page, view=self._shown(), value=scene.values)
        self.on_msg(self._receive)
        self._close_earlier()

    # From a cell

    def set(self, values: Mapping[str, Value]) -> None:
        """Set numbers and choices by name, such as `{"W1[1,2]": 0.3, "learning_rate": 2}`.

        The names are those of `value`. In a batch, `x[1]@2` is an input of example 2. A pitfall
        begins from the first scene. Raises ValueError for an unknown name or an impossible value;
        then nothing changes.
        """
        require(isinstance(values, Mapping), f"needed names and numbers in a dict; got {brief(values)}.")
        self._do(lambda: self._set(values))

    def press(self, button: str) -> None:
        """Press a button: one of the scene, such as "update", or "undo" or "reset"."""
        one_text(button, "button")
        self._do(lambda: self._press(button))

    def unlock(self) -> None:
        """Allow the controls to be used without a prediction."""
        self._locked = False
        self._publish()

    @traitlets.observe("value")
    def _assigned(self, change: Any) -> None:
        known = self.scene.values
        try:
            plain = (int, float, str)  # an array would compare each of its entries
            kept = {name for name, value in change.new.items() if isinstance(value, plain) and value == known.get(name)}
            if kept != known.keys() or kept != change.new.keys():
                self.set({name: value for name, value in change.new.items() if name not in kept})
        except ValueError:
            self.value = known
            raise

    # Actions. Each of them may fail half-way; then `_do` restores everything.

    def _do(self, action: Callable[[], None], **answer: str) -> None:
        """Do something and show the result. If it fails, or cannot be shown, nothing changes."""
        before = self.scene, [*self._past], self.prediction, self._locked
        try:
            action()
            view = self._shown(**answer)
        except BaseException:  # also if the kernel is interrupted
            self.scene, self._past, self.prediction, self._locked = before
            raise
        self.view = view
        self.value = self.scene.values

    def _set(self, values: Mapping[str, Value], moving: str = "") -> None:
        """Go to other values. Undo takes back the whole drag of a control that is `moving`."""
        require_room(values)
        trapped = isinstance(values.get("pitfall"), str) and values["pitfall"] != ""
        start = self._first.looking_as(self.scene) if trapped else self.scene
        prepares = [*values] == ["learning_rate"]  # it usually shows only in the next step
        self._go(start.changed(values), again=moving != "" and moving == self._moving, prepares=prepares)
        self._moving = moving or next(iter(values), "")

    def _press(self, button: str, running: bool = False) -> None:
        self._moving = ""
        if button == "undo":
            if not self._past:
                raise ValueError("There is nothing to undo.")
            running = True
            while running:
                before, _, running = self._past.pop()
            self.scene = before.looking_as(self.scene)
        elif button == "reset":
            self._controls = self._first.controls  # sliders that grew are short again
            self._go(self._first.looking_as(self.scene))
        else:
            self._go(self.scene.pressed(button), running=running)

    def _go(self, scene: Scene, again: bool = False, running: bool = False, prepares: bool = False) -> None:
        """Go to another scene, and remember this one if there is something to undo. Undo takes back a whole run.

        The first move ends a prediction. A move that only `prepares` it does so only if the predicted value changes.
        """
        if scene.state != self.scene.state and not (again and self._past):
            self._past = [
                *self._past[1 - MOST_PAST :],
                (self.scene.at_rest, self.scene.loss_value, running and bool(self._past)),
            ]
        moved = scene.state != self.scene.state
        self.scene = scene
        if self.prediction and moved and (again or self.prediction.end is None):  # only the first move counts
            end = self._asked()[1]
            if not prepares or end != self.prediction.start:
                self.prediction = replace(self.prediction, end=end)

    def _commit(self, said: str) -> None:
        if not said.strip():
            raise ValueError("Say what you expect: up, down or the same, a sign, or a number.")
        name, value = self._asked()
        self.prediction = Prediction(name, said.strip()[:200], value)
        self._locked = False

    def _asked(self) -> tuple[str, float | None]:
        """Return the name and the present value of what the question is about."""
        name = Prediction.about(self.predict or "", self.scene.asked)
        return name, self.scene.quantity(name) if name else None

    # From the page

    def _receive(self, _: object, message: dict[str, Any], buffers: object) -> None:
        """Answer a message from the page. Errors are shown there, too. A message that is not a dict has no answer."""
        if not isinstance(message, dict):
            return
        edit, name = str(message.get("edit", "")), str(message.get("name", ""))
        try:
            self._do(lambda: self._act(message, name), edit=edit)
        except ValueError as error:
            self._publish(alert=str(error), about=name, edit=edit)
        except Exception as error:  # a bug, here or in a function that observes the value
            what = f"Something went wrong that is not your fault ({type(error).__name__}: {error})."
            self._publish(alert=f"{what} Nothing is lost: go on, Undo or Reset.", about=name, edit=edit)

    def _act(self, message: dict[str, Any], name: str) -> None:
        do = message["do"]
        if do == "predict":
            self._commit(message["text"])
        elif do == "table":
            page = message["edit"].partition(":")[0]
            self._tables = self._tables | {page} if message["open"] else self._tables - {page}
        elif self._locked:
            raise ValueError("First say what you expect.")
        elif do == "set":
            self._set({name: message["value"]}, moving=name if message["again"] else "")
        elif do == "type":
            self._set({name: self._typed(name, message["text"])})
        elif do == "point":
            across, up = (real(message[axis], axis, "a share from 0 to 1", lambda it: 0 <= it <= 1) for axis in AXES)
            again = bool(message["again"]) and self._moving == do
            self._go(self.scene.pointed(across, up, again), again=again)
            self._moving = do
        elif do == "press":
            self._press(name, running=bool(message.get("again")))
        else:
            raise UnknownNameError("message", do, ["set", "type", "point", "press", "predict", "table"])

    def _typed(self, name: str, text: str) -> float:
        """Return a number that was typed, if the control accepts it."""
        value, control = parse_number(text), self._controls[name]
        if not control.least <= value <= control.most:
            ends = f"{format_given(control.least)} and {format_given(control.most)}"
            raise ValueError(f"{control.label} must lie between {ends}; got {format_given(value)}.")
        return value

    # To the page

    def _publish(self, **answer: str) -> None:
        self.view = self._shown(**answer)

    def _seen(self) -> View:
        return self.scene.show([*(loss for _, loss, _ in self._past), self.scene.loss_value])

    def _shown(self, **answer: str) -> dict[str, Any]:
        """Return the content of the page. Text that a person wrote is never HTML."""
        view, values = self._seen(), self.scene.values
        self._controls = self.scene.reach(self._controls)
        asked = self.prediction and self.prediction.beside(self._notation)
        return {
            **{part: getattr(view, part) for part in ("caption", "solution", "note", "said")},
            "picture": view.picture.svg,
            "beside": view.beside.svg if view.beside else "",
            "table": view.picture.table_html if self._tables else "",
            "values": {name: [value, _written(value)] for name, value in values.items()},
            "ends": {name: [each.low, each.high] for name, each in self._controls.items()},
            "predicted": asked or "",
            "locked": self._locked,
            **dict.fromkeys(("alert", "about", "edit"), ""),
            **answer,
        }

    def __repr__(self) -> str:
        view = self._seen()
        parts = [view.picture, view.beside.words if view.beside else "", view.note]
        return "\n".join(str(part) for part in parts if part)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live view, and the picture and its description for a page without a kernel."""
        bundle: dict[str, Any] = {
            "text/plain": repr(self),
            "text/html": f"{self._seen().picture.html}<p>Run this cell to move the numbers.</p>",
        }
        if self.comm is not None:
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return bundle, {}

    # Closing

    def close(self) -> None:
        """Free the models here and in the page. The picture can still be shown."""
        if self.comm is not None:
            self.layout.close()
            super().close()
            del self.__dict__["_repr_mimebundle_"]  # ipywidgets puts None there, which would hide the picture
            self.page, self.view = {}, {}  # `Out` keeps the explorers of earlier runs, a thousand of them
            self.scene, self._first = self.scene.at_rest, self._first.at_rest
            self._past = [(self.scene, loss, running) for _, loss, running in self._past]  # the losses are shown

    def _close_earlier(self) -> None:
        """Close the explorers of an earlier run of the same cell, and those of deleted cells."""
        cell, run, deleted = _running_cell()
        known = type(self)._of_cell
        for each in {cell, *deleted}:
            if each in known and known[each][0] != run:
                for explorer in known.pop(each)[1]:
                    explorer.close()
        if cell:
            known.setdefault(cell, (run, []))[1].append(self)


def _written(value: Value) -> str:
    return value if isinstance(value, str) else format_given(value, 5)


def _running_cell() -> tuple[str, str, list[str]]:
    """Return the ids of the running cell, of this run, and of the cells deleted meanwhile.

    `get_parent` of a Pyodide kernel takes no argument, and without one ipykernel returns the
    message of the running thread, which runs the cell. All ids are empty outside of a kernel.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    message = (kernel.get_parent() if kernel else None) or {}
    metadata = message.get("metadata", {})
    return metadata.get("cellId", ""), message.get("header", {}).get("msg_id", ""), metadata.get("deletedCells", [])


class NetworkExplorer(Explorer):
    """An explorer of a network, see `explore`."""

    scene: NetworkScene

    @property
    def network(self) -> Network:
        """The present network."""
        return self.scene.network

    @property
    def trace(self) -> Trace:
        """The pass that is shown."""
        return self.scene.trace

    @property
    def learning_rate(self) -> float:
        """The learning rate of Update."""
        return self.scene.learning_rate


class LiveExplorer(Explorer):
    """An explorer of a training, see `explore_live`."""

    scene: LiveScene

    @property
    def network(self) -> Network:
        """The network as trained so far."""
        return self.scene.trained
