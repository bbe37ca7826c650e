"""A training to watch: the predictions of a network, or its weights as images, and the loss."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self, cast

import numpy as np

from bpcourse.engine.backpropagation import backprop
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import Optimizer, rate_at
from bpcourse.engine.training import Training
from bpcourse.engine.validation import Array
from bpcourse.numbers import format_number
from bpcourse.palette import SIGNS
from bpcourse.pictures.charts import Frame, history
from bpcourse.pictures.ideas import plane
from bpcourse.pictures.scenes import Button, Choice, Control, Group, Scene, Value, View, require_known
from bpcourse.pictures.series import MOST_POINTS, tiled

SPEEDS = {"1": "1", "10": "10", "100": "100", "fast": "as many as fit"}
"""How many epochs there are between two pictures, and how that is called."""
BURST = 0.15  # seconds of training between two pictures
MOST_UNITS = 32  # of the first layer, whose weights are shown
COLUMNS = 8
DIVERGED = (
    "The loss is not a finite number any more. Press Reset. "
    "Try a smaller learning rate, or inputs around 0 and of size 1."
)


@dataclass(frozen=True)
class LiveScene(Scene):
    """A training that goes on.

    network, x, y, loss, optimizer, batch_size : the arguments of `train`
    seed : the seed of the shuffles
    shape : height and width of the inputs as images, or None for two inputs
    learning_rate : the learning rate of the next epochs
    training : the training, which changes in place, so Undo is impossible; None before it begins
    epochs : the number of epochs so far
    losses : those of epochs 1, 1 + every, 1 + 2 · every …, which are enough for a curve
    loss_value : the loss of the last epoch
    start : the loss before the first epoch; it is computed once
    speed : one of SPEEDS
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
    start: float = math.nan
    speed: str = "1"

    def __post_init__(self) -> None:
        if math.isnan(self.start):
            object.__setattr__(self, "start", backprop(self.network, self.x, self.y, self.loss).loss)

    title: ClassVar[str] = "A training to watch"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("train", "Train", "Start the training", repeats=True, only_runs=True),
        Button("epoch", "One epoch", "Learn from all examples once"),
    )

    @property
    def groups(self) -> tuple[Group, ...]:
        """The learning rate."""
        high = max(1.0, 4 * self.learning_rate)
        low = min(0.001, self.learning_rate)
        control = Control("learning_rate", "η", low, high, low, least=0.0, most=1000.0)
        return (Group("learning rate", (control,)),)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The speed."""
        return (Choice("speed", "Epochs per picture", tuple(SPEEDS.items())),)

    @property
    def values(self) -> dict[str, Value]:
        """The learning rate and the speed."""
        return {"learning_rate": self.learning_rate, "speed": self.speed}

    @property
    def state(self) -> object:
        """Nothing that Undo could take back."""
        return None

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with a different learning rate, from the next epoch on, or with a different speed."""
        new = self.updated(values)
        require_known("speed", [str(new["speed"])], SPEEDS)
        return replace(self, learning_rate=rate_at(cast(float, new["learning_rate"]), 1), speed=str(new["speed"]))

    def pressed(self, button: str) -> Self:
        """Return the scene after some epochs, or one."""
        if button not in ("train", "epoch"):
            return super().pressed(button)
        training = self.training or self.begin()
        training.learning_rate, until, new = self.learning_rate, time.perf_counter() + BURST, list[float]()
        try:
            with np.errstate(all="ignore"):  # a loss that is not finite gets its own message
                while not new or (button == "train" and self._goes_on(len(new), until)):
                    new.append(training.epoch())
                    if not math.isfinite(new[-1]):
                        raise ValueError(DIVERGED)
        except KeyboardInterrupt:  # it ends this burst; the epochs that are complete have been learned, so they count
            if not new:
                return replace(self, training=training)
        kept = [loss for epoch, loss in enumerate(new, start=self.epochs) if epoch % self.every == 0]
        losses, every = (*self.losses, *kept), self.every
        while len(losses) > 2 * MOST_POINTS:
            losses, every = losses[::2], 2 * every
        epochs = self.epochs + len(new)
        return replace(self, training=training, epochs=epochs, losses=losses, every=every, loss_value=new[-1])

    def _goes_on(self, epochs: int, until: float) -> bool:
        """Return whether there is another epoch before the next picture."""
        return time.perf_counter() < until if self.speed == "fast" else epochs < int(self.speed)

    @property
    def trained(self) -> Network:
        """The network as trained so far."""
        return self.training.parameters.network() if self.training else self.network

    def begin(self) -> Training:
        """Return a training before its first epoch."""
        rng = np.random.default_rng(self.seed)
        return Training(self.network, self.x, self.y, self.loss, self.optimizer, batch_size=self.batch_size, rng=rng)

    def show(self, losses: Sequence[float]) -> View:
        """Return the network as trained so far, and the loss over the epochs."""
        network, loss = self.trained, format_number(self.loss_value if self.epochs else self.start)
        told = f"after {self.epochs} epoch{'s' * (self.epochs != 1)}" if self.epochs else "not trained yet"
        said, table = f"{told}, loss {loss}", [("epochs", str(self.epochs), ""), ("loss", loss, "")]
        if self.shape:
            W = network.layers[0].W[:, :MOST_UNITS]
            most = float(abs(W).max()) or 1.0
            sheet = tiled(W.T, self.shape, COLUMNS, gap=0.0)[::-1]
            frame = Frame((0, sheet.shape[1]), (0, sheet.shape[0]), "", "", width=560, height=360, scales=False)
            marks = [frame.field(sheet, -most, most, SIGNS)]
            words = f"The weights into {W.shape[1]} units of layer 1 as images, {said}."
            key = f"<p>orange: {format_number(most, signed=True)}; white: 0; purple: {format_number(-most)}.</p>"
        else:
            frame, marks, right, key = plane(network, self.x, self.y)
            said = f"{said}, {right} of {len(self.x)} right"
            words = f"What the network predicts over the plane of its inputs, {said}."
        learned = [*self.losses[: self.epochs - 1], self.loss_value] if self.epochs else []
        curve = history([self.start, *learned], "epoch", self.epochs)
        return View(frame.picture(words, table, marks), f"<p><b>{said}</b></p>{key}", said, curve)
