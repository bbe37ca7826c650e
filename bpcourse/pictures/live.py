"""A training to watch: what the network predicts, or its weights as images, and the loss, while it learns."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import Optimizer, rate_at
from bpcourse.engine.surfaces import tiled
from bpcourse.engine.training import ADVICE, Training
from bpcourse.engine.validation import Array
from bpcourse.numbers import format_given, format_number
from bpcourse.pictures.charts import MOST_POINTS, Frame, history
from bpcourse.pictures.ideas import plane, plane_key
from bpcourse.pictures.scenes import Button, Choice, Control, Group, Value, View
from bpcourse.registry import Registry, UnknownNameError

BURST = 0.15  # seconds of training between two pictures
MOST_UNITS = 32  # whose weights are shown
COLUMNS = 8


@dataclass(frozen=True)
class LiveScene:
    """A training that goes on.

    network, x, y, loss, optimizer, batch_size, seed : as `train` takes them; the seed is that of the shuffles
    shape : height and width of the inputs as images, or None for two inputs
    learning_rate : of the next epochs
    training : what goes on, changed in place; None before it begins. So there is nothing to undo here, only Reset
    epochs : how many there were
    losses : of epochs 1, 1 + every, 1 + 2 · every …: what a curve needs, however long it goes on
    loss_value : the loss of the last epoch
    """

    network: Network
    x: Array
    y: Array
    loss: Loss
    optimizer: Optimizer
    batch_size: int | None
    seed: int
    shape: tuple[int, int] | None
    learning_rate: float
    training: Training | None = None
    epochs: int = 0
    losses: tuple[float, ...] = ()
    every: int = 1
    loss_value: float = math.nan

    title: ClassVar[str] = "A training to watch"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("train", "Train", "As many epochs as fit between two pictures", repeats=True, pause=0),
        Button("epoch", "One epoch", "Learn from all examples once"),
    )
    choices: ClassVar[tuple[Choice, ...]] = ()
    asked: ClassVar[tuple[str, ...]] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """The learning rate."""
        high = max(1.0, 4 * self.learning_rate)
        low = min(0.001, self.learning_rate)
        control = Control("learning_rate", "η", low, high, low, least=0.0, most=1000.0)
        return (Group("learning rate", (control,)),)

    @property
    def values(self) -> dict[str, Value]:
        """The learning rate."""
        return {"learning_rate": self.learning_rate}

    @property
    def state(self) -> object:
        """Nothing that could be taken back."""
        return None

    def looking_as(self, other: LiveScene) -> LiveScene:
        """Return the same: there is one way to look at it."""
        return self

    def changed(self, values: Mapping[str, Value]) -> LiveScene:
        """Return the scene with another learning rate, from the next epoch on."""
        for name in values:
            if name != "learning_rate":
                raise UnknownNameError("number to move called", name, self.values)
        rate = values.get("learning_rate", self.learning_rate)
        return replace(self, learning_rate=rate_at(rate, 1))  # type: ignore[arg-type]

    def pressed(self, button: str) -> LiveScene:
        """Return the scene after some epochs, or one."""
        if button not in ("train", "epoch"):
            raise UnknownNameError("button", button, [each.name for each in self.buttons])
        training = self.training or self.begin()
        training.learning_rate, until, new = self.learning_rate, time.perf_counter() + BURST, list[float]()
        try:
            with np.errstate(all="ignore"):  # a loss that is not finite gets a message
                while not new or (button == "train" and time.perf_counter() < until):
                    new.append(training.epoch())
                    if not math.isfinite(new[-1]):
                        raise ValueError(f"The loss is not a finite number any more. Press Reset. {ADVICE}")
        except KeyboardInterrupt:  # it ends this burst; the epochs that are complete have been learned, so they count
            if not new:
                return replace(self, training=training)
        losses, every = (*self.losses, *new[-self.epochs % self.every :: self.every]), self.every
        while len(losses) > 2 * MOST_POINTS:
            losses, every = losses[::2], 2 * every
        epochs = self.epochs + len(new)
        return replace(self, training=training, epochs=epochs, losses=losses, every=every, loss_value=new[-1])

    def begin(self) -> Training:
        """Return a training that has not learned yet."""
        rng = np.random.default_rng(self.seed)
        return Training(self.network, self.x, self.y, self.loss, self.optimizer, batch_size=self.batch_size, rng=rng)

    def quantity(self, name: str) -> float:
        """Return the loss."""
        return Registry("value", {"loss": self.loss_value})[name]

    def show(self, losses: Sequence[float]) -> View:
        """Return what the network has learned so far, and the loss over the epochs."""
        network = self.training.parameters.network() if self.training else self.network
        told = f"after {self.epochs} epoch{'s' * (self.epochs != 1)}"
        said = f"{told}, loss {format_number(self.loss_value)}" if self.epochs else "not trained yet"
        table = [("epochs", str(self.epochs), ""), *[("loss", format_number(self.loss_value), "")] * bool(self.epochs)]
        if self.shape:
            W = network.layers[0].W[:, :MOST_UNITS]
            most = float(abs(W).max()) or 1.0
            sheet = tiled(W.T, self.shape, COLUMNS, gap=0.0)[::-1]
            frame = Frame((0, sheet.shape[1]), (0, sheet.shape[0]), "", "", width=560, height=360, scales=False)
            marks = [frame.field(sheet, -most, most, "PuOr_r")]
            words = f"The weights into {W.shape[1]} units of layer 1 as images, {said}."
            key = f"<p>orange: {format_number(most, signed=True)}; white: 0; purple: {format_number(-most)}.</p>"
        else:
            frame, marks, right, middle = plane(network, self.x, self.y[:, 0], 0)
            said = f"{said}, {right} of {len(self.x)} right"
            words = f"What the network predicts over the plane of its inputs, {said}."
            key = plane_key(f"the output is {format_given(middle)}")
        caption = f"<p><b>{said}</b></p>{key}"
        losses = [*self.losses[: self.epochs - 1], self.loss_value]
        curve = history(losses, "epoch", self.epochs - 1) if self.epochs else None
        return View(frame.picture(words, table, marks), caption, said, curve)
