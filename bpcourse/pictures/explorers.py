"""Explorers: scenes with controls, in a notebook.

An explorer is an anywidget, hence an ipywidget. Its controls are native inputs of the browser (data/explorer); what
they do, and all that is shown, is the scene's, in Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anywidget
import traitlets
from IPython.core.getipython import get_ipython

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.validation import ArrayLike, require
from bpcourse.notation import SYMBOLS, UnknownNameError, given, read_number
from bpcourse.pictures.ideas import ActivationScene, BoundaryScene, LossScene, SurfaceScene
from bpcourse.pictures.scenes import LOOKS, NetworkScene, Prediction, Scene, Value

S = TypeVar("S", bound=NetworkScene)

DATA = Path(__file__).parent.parent / "data" / "explorer"
MOST_PAST = 500  # scenes that Undo goes back to
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
UNLOCKED = "BPCOURSE_UNLOCKED"  # environment variable of `bpcourse lab --unlocked`: no predictions are asked for


class Explorer(anywidget.AnyWidget):
    """A scene with its controls: move, type, press and choose in the page, or `set` and `press` from a cell.

    scene : the scene that is shown
    value : the numbers and choices by name; may be assigned and observed
    predict : a question that must be answered before the controls can be used, or None
    """

    _esm = DATA / "explorer.js"
    _css = DATA / "explorer.css"

    page = traitlets.Dict().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    value = traitlets.Dict()

    _of_cell: ClassVar[dict[str, tuple[str, list[Explorer]]]] = {}

    def __init__(self, scene: Scene, predict: str | None = None) -> None:
        self.scene, self._first, self._past = scene, scene, list[Scene]()
        self._prediction: Prediction | None = None
        self._locked = predict is not None and not os.environ.get(UNLOCKED)
        self._table_open = False
        self.predict = predict
        self._asked(predict or "")  # a question about what is not there is refused here
        page = {
            "title": scene.title,
            "groups": [asdict(group) for group in scene.groups],
            "choices": [asdict(choice) for choice in scene.choices],
            "buttons": [asdict(button) for button in scene.buttons],
            "question": predict or "",
        }
        super().__init__(page=page, view=self._shown(), value=scene.values)
        self.on_msg(self._receive)
        self._close_earlier()

    # From a cell

    def set(self, values: Mapping[str, Value]) -> None:
        """Set numbers and choices by name, such as `{"W1[1,2]": 0.3, "learning_rate": 2}`.

        Raises ValueError, in words, for an unknown name or a value that cannot be; nothing is changed then.
        """
        self._go(self.scene.changed(values))
        self._publish()

    def press(self, button: str) -> None:
        """Press a button: those of the scene, "undo" or "reset"."""
        self._press(button)
        self._publish()

    def unlock(self) -> None:
        """Let the controls be used without a prediction."""
        self._locked = False
        self._publish()

    @property
    def past(self) -> tuple[Scene, ...]:
        """The scenes before this one, the oldest first."""
        return tuple(self._past)

    @traitlets.observe("value")
    def _assigned(self, change: Any) -> None:
        if change.new == self.scene.values:
            return
        try:
            known = self.scene.values
            self.set({name: value for name, value in change.new.items() if value != known.get(name)})
        except ValueError:
            self.value = self.scene.values
            raise

    def _go(self, scene: Scene, again: bool = False) -> None:
        """Go to another scene; `again` continues the last move, which Undo takes back as one."""
        before = self.scene.values
        moved = any(value != before[name] for name, value in scene.values.items() if name not in LOOKS)
        if moved and not (again and self._past):
            self._past = [*self._past[-MOST_PAST:], self.scene]
        self.scene = scene
        self.value = scene.values

    def _press(self, button: str) -> None:
        if button == "undo":
            if not self._past:
                raise ValueError("There is nothing to undo.")
            self.scene = self._past.pop()
            self.value = self.scene.values
        elif button == "reset":
            self._go(self._first)
        else:
            self._go(self.scene.pressed(button))

    # From the page

    def _receive(self, _: object, message: dict[str, Any], buffers: object) -> None:
        """Do what the page asks for, and answer; whatever goes wrong is said there, as nobody sees it elsewhere."""
        alert, about = "", ""
        try:
            self._act(message)
        except ValueError as error:
            alert, about = str(error), str(message.get("name", ""))
        except Exception as error:  # a fault of ours
            what = f"{type(error).__name__}: {error}"
            alert = (
                f"Something went wrong in the course itself ({what}). Your numbers are as they were; go on, or Reset."
            )
        self._publish(alert, about, str(message.get("edit", "")))

    def _act(self, message: dict[str, Any]) -> None:
        do, name = message["do"], message.get("name", "")
        if do == "predict":
            self._commit(message["text"])
        elif do == "table":
            self._table_open = bool(message["open"])
        elif self._locked:
            raise ValueError("First say what you expect.")
        elif do == "set":
            self._go(self.scene.changed({name: message["value"]}), again=bool(message["again"]))
        elif do == "type":
            self._go(self.scene.changed({name: self._typed(name, message["text"])}))
        elif do == "press":
            self._press(name)
        else:
            raise UnknownNameError("message", do, ["set", "type", "press", "predict", "table"])

    def _typed(self, name: str, text: str) -> float:
        """Return a number that was typed, if the slider has it."""
        value, control = read_number(text), self._controls[name]
        if not control["low"] <= value <= control["high"]:
            ends = f"{given(control['low'])} and {given(control['high'])}"
            more = f'From a cell, .set({{"{name}": {value:g}}}) takes any number.'
            raise ValueError(f"{control['label']} lies between {ends} here; got {given(value)}. {more}")
        return value

    @property
    def _controls(self) -> dict[str, dict[str, Any]]:
        return {control["name"]: control for group in self.page["groups"] for control in group["controls"]}

    def _commit(self, said: str) -> None:
        if not said.strip():
            raise ValueError("Say what you expect: up, down or the same, a sign, or a number.")
        question = self.predict or ""
        self._prediction = Prediction(question, said.strip()[:200], self._asked(question))
        self._locked = False

    def _asked(self, question: str) -> float | None:
        name = Prediction.name_in(question)
        return self.scene.quantity(name) if name else None

    # To the page

    def _publish(self, alert: str = "", about: str = "", edit: str = "") -> None:
        self.view = self._shown(alert, about, edit)

    def _shown(self, alert: str = "", about: str = "", edit: str = "") -> dict[str, Any]:
        """Return all that the page shows, as text. What a person wrote is put there as text, never as HTML."""
        view, values = self.scene.show(self._past), self.scene.values
        prediction = self._prediction
        return {
            "picture": view.picture.svg,
            "beside": view.beside.svg if view.beside else "",
            "caption": view.caption,
            "solution": view.solution,
            "table": view.picture.table_html if self._table_open else "",
            "note": view.note,
            "said": view.said,
            "values": {
                name: [value, value if isinstance(value, str) else given(value, 5)] for name, value in values.items()
            },
            "predicted": prediction.beside(self._asked(prediction.question)) if prediction else "",
            "locked": self._locked,
            "alert": alert,
            "about": about,
            "edit": edit,
        }

    def __repr__(self) -> str:
        view = self.scene.show(self._past)
        parts = [view.picture, view.beside.words if view.beside else "", view.note]
        return "\n".join(str(part) for part in parts if part)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live view for where there is a kernel, and its picture and words for everywhere else."""
        view = self.scene.show(self._past)
        bundle: dict[str, Any] = {
            "text/plain": repr(self),
            "text/html": view.picture.html + "<p>Run this cell to move the numbers.</p>",
        }
        if self.comm is not None:
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return bundle, {}

    # No model is left behind

    def close(self) -> None:
        """Free what the explorer holds here and in the page; its picture can still be shown."""
        if self.comm is not None:
            self.layout.close()
            super().close()
            del self.__dict__["_repr_mimebundle_"]  # ipywidgets puts None there, so that nothing would be shown

    def _close_earlier(self) -> None:
        """Close the explorers that an earlier run of the same cell made, and those of deleted cells."""
        cell, run, deleted = _running_cell()
        known = type(self)._of_cell
        for each in {cell, *deleted}:
            if each in known and known[each][0] != run:
                for explorer in known.pop(each)[1]:
                    explorer.close()
        if cell:
            known.setdefault(cell, (run, []))[1].append(self)


def _running_cell() -> tuple[str, str, list[str]]:
    """Return the ids of the notebook's cell that is being run and of this run, and of cells deleted meanwhile."""
    kernel = getattr(get_ipython(), "kernel", None)
    message = kernel.get_parent("shell") if kernel else {}
    metadata = message.get("metadata", {})
    return metadata.get("cellId", ""), message.get("header", {}).get("msg_id", ""), metadata.get("deletedCells", [])


class NetworkExplorer(Explorer):
    """An explorer of a network, see `explore`."""

    scene: NetworkScene

    @property
    def network(self) -> Network:
        """The network as it is now."""
        return self.scene.network

    @property
    def trace(self) -> Trace:
        """The pass that is shown."""
        return self.scene.trace

    @property
    def learning_rate(self) -> float:
        """The step size of Update."""
        return self.scene.learning_rate


def explore(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | str = "mse",
    learning_rate: float = 0.5,
    controls: Iterable[str] | None = None,
    predict: str | None = None,
    notation: str = "standard",
) -> NetworkExplorer:
    """Return an explorer of a network: move any number and see all the others follow.

    network, x, y, loss : as `backprop` takes them
    learning_rate : the step size of Update
    controls : names of the numbers that get a slider, or of arrays, such as `["W1[1,2]", "b2", "learning_rate"]`;
        None is all
    predict : a question, such as "dW1[1,2] goes up or down?", that is answered before the controls can be used
    notation : "standard" (z, a, δ) or "lecture" (net, O, ∂L/∂net)

    Raises ValueError, in words, for what `backprop` refuses, and for an unknown name.

    >>> from bpcourse import Dense
    >>> explorer = explore(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], learning_rate=0.25)
    >>> explorer.trace.loss  # (3·2 + 1 − 9)²
    4.0
    >>> explorer.set({"W1[1,1]": 3.5})
    >>> explorer.press("update")  # ŷ was 8, so ∂L/∂w was 2·(8 − 9)·2 and ∂L/∂b 2·(8 − 9)
    >>> explorer.value["W1[1,1]"], explorer.value["b1[1]"]
    (4.5, 1.5)
    """
    SYMBOLS[notation]  # an unknown one is answered with those that there are
    scene = _network_scene(NetworkScene, network, x, y, loss, learning_rate)
    movable = None if controls is None else tuple(controls)
    return NetworkExplorer(replace(scene, movable=movable, notation=notation).checked(), predict)


def explore_activation(
    activation: Activation | str = "sigmoid", z: float = 0.5, predict: str | None = None
) -> Explorer:
    """Return an explorer of an activation: the curve, its slope, and the tangent at a point that can be moved.

    Raises ValueError for an unknown name, and for softmax, whose units depend on each other.

    >>> explorer = explore_activation("relu", z=-1.0)
    >>> explorer.set({"z": 2.0})
    >>> explorer.scene.quantity("a"), explorer.scene.quantity("slope")
    (2.0, 1.0)
    """
    chosen = ACTIVATIONS.pick(activation)
    chosen.df(0.0)  # it refuses softmax, in words
    return Explorer(ActivationScene(chosen, 0.0).changed({"z": z}), predict)


def explore_loss(
    losses: Sequence[str] = ("mse", "half_sse", "binary_cross_entropy"),
    y: float = 1.0,
    y_hat: float = 0.7,
    predict: str | None = None,
) -> Explorer:
    """Return an explorer of losses of one output: each over the prediction, for a target that can be moved.

    losses : names of at most four losses
    y, y_hat : target and prediction, between 0 and 1

    >>> explorer = explore_loss(["mse"], y=1.0, y_hat=0.5)
    >>> explorer.set({"y_hat": 0.75})
    >>> explorer.scene.quantity("mse")
    0.0625
    """
    require(0 < len(losses) <= 4, f"an explorer shows one to four losses; got {len(losses)}.")
    return Explorer(LossScene(tuple(losses), 1.0, 0.5).changed({"y": y, "y_hat": y_hat}), predict)


def explore_surface(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    first: str = "W1[1,1]",
    second: str | None = None,
    loss: Loss | str = "mse",
    learning_rate: float = 0.5,
    predict: str | None = None,
) -> NetworkExplorer:
    """Return an explorer of the loss over two of a network's numbers, with the path of descent on it.

    first, second : their names; the second is by default the next one
    network, x, y, loss, learning_rate : as in `explore`

    >>> from bpcourse import Dense
    >>> explorer = explore_surface(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], learning_rate=0.05)
    >>> explorer.press("update")
    >>> explorer.value["W1[1,1]"], explorer.value["b1[1]"]  # 3 − 0.05·(−8) and 1 − 0.05·(−4)
    (3.4, 1.2)
    """
    scene = _network_scene(SurfaceScene, network, x, y, loss, learning_rate)
    names = [name for name in scene.values if name[0] in "Wb"]
    after = names[(names.index(first) + 1) % len(names)] if first in names else names[0]
    return NetworkExplorer(scene.changed({"first": first, "second": second or after}), predict)


def explore_boundary(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | str = "binary_cross_entropy",
    learning_rate: float = 0.5,
    controls: Iterable[str] | None = None,
    predict: str | None = None,
) -> NetworkExplorer:
    """Return an explorer of a network with two inputs: what it predicts over their plane, and the points to learn.

    x : (n, 2) array; y : (n, outputs) array
    network, loss, learning_rate, controls : as in `explore`

    >>> from bpcourse import Dense
    >>> network = Network([Dense([[1.0], [0.0]], [0.0], "sigmoid")])
    >>> print(explore_boundary(network, [[-1.0, 0.0], [1.0, 0.0]], [[0.0], [1.0]]).scene.show([]).picture.words)
    What the network predicts over the plane of its inputs. 2 of 2 points lie on their side of the boundary; \
the loss is 0.3133.
    """
    scene = _network_scene(BoundaryScene, network, x, y, loss, learning_rate)
    movable = None if controls is None else tuple(controls)
    require(network.sizes[0] == 2, f"a boundary needs a network with two inputs; got {network!r}.")
    return NetworkExplorer(replace(scene, movable=movable).checked(), predict)


def _network_scene(
    kind: type[S], network: Network, x: ArrayLike, y: ArrayLike, loss: Loss | str, learning_rate: float
) -> S:
    """Return a scene of a network, after `backprop` has taken a look at what came in."""
    trace = backprop(network, x, y, loss)
    scene = kind(network, trace["x"], trace["y"], trace.loss_function, 0.5)
    return NetworkScene.changed(scene, {"learning_rate": learning_rate})
