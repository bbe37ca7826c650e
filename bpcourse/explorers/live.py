"""A training to watch: the predictions of a network, or its weights as images, and the loss."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple, Self, cast

import numpy as np

from bpcourse.engine.backpropagation import backprop
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import Optimizer, rate_at
from bpcourse.engine.training import Training
from bpcourse.engine.validation import Array, require
from bpcourse.explorers.images import weight_images
from bpcourse.explorers.planes import plane
from bpcourse.explorers.scenes import Button, Choice, Control, Group, Scene, Value, View, finite, require_known
from bpcourse.numbers import format_given, format_number
from bpcourse.pictures.charts import history
from bpcourse.pictures.series import MOST_POINTS

MOST_PICTURES = 200  # of a training that can be looked at again
MOST_BYTES = 20_000_000  # of their networks
SPEEDS = {"1": "1", "10": "10", "100": "100", "fast": "as many as fit"}
"""How many epochs there are between two pictures, and how that is called."""
BURST = 0.2  # seconds of training between two pictures
DIVERGED = (
    "The loss is not a finite number any more. Press Reset. "
    "Try a smaller learning rate, or inputs around 0 and of size 1."
)


class Past(NamedTuple):
    """An earlier picture: its epoch, network and loss."""

    epoch: int
    network: Network
    loss: float


@dataclass(frozen=True)
class LiveScene(Scene):
    """A training that goes on.

    network, x, y, loss, optimizer, batch_size : the arguments of `train`
    seed : the seed of the shuffles
    shape : height and width of the inputs as images, or None for two inputs
    learning_rate : the learning rate of the next epochs
    labels : a word for each unit of the first layer
    training : the training, which changes in place, so Undo is impossible; None before it begins
    epochs : the number of epochs so far
    losses : those of epochs 1, 1 + every, 1 + 2 · every …, which are enough for a curve
    loss_value : the loss of the last epoch
    start : the loss before the first epoch; it is computed once
    speed : one of SPEEDS
    past : earlier pictures, for looking back
    back : the earlier picture that is looked at again, or None
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
    labels: tuple[str, ...] = ()
    training: Training | None = None
    epochs: int = 0
    losses: tuple[float, ...] = ()
    every: int = 1
    loss_value: float = math.nan
    start: float = math.nan
    speed: str = "1"
    past: tuple[Past, ...] = ()
    back: Past | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.start):
            object.__setattr__(self, "start", backprop(self.network, self.x, self.y, self.loss).loss)

    title: ClassVar[str] = "A training to watch"
    split: ClassVar[bool] = True
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("train", "Train", "Start the training", repeats=True, only_runs=True),
        Button("epoch", "One epoch", "Learn from all examples once"),
    )

    @property
    def groups(self) -> tuple[Group, ...]:
        """The learning rate, and the epoch to look at."""
        high = max(1.0, 4 * self.learning_rate)
        low = min(0.001, self.learning_rate)
        rate = Control("learning_rate", "η", low, high, low, least=0.0, most=1000.0)
        epoch = Control("epoch", "epoch", 0, self.epochs, 1, least=0, most=self.epochs)
        return Group("learning rate", (rate,), beside=True), Group("look back", (epoch,), beside=True)

    def reach(self, first: Mapping[str, Control]) -> Mapping[str, Control]:
        """Return the controls. That of the epoch always ends at the last one."""
        return {**super().reach(first), "epoch": self.controls["epoch"]}

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The speed."""
        return (Choice("speed", "Epochs per picture", tuple(SPEEDS.items())),)

    @property
    def values(self) -> dict[str, Value]:
        """The learning rate, the speed and the epoch that is shown."""
        epoch = self.back.epoch if self.back else self.epochs
        return {"learning_rate": self.learning_rate, "speed": self.speed, "epoch": float(epoch)}

    @property
    def state(self) -> object:
        """Nothing that Undo could take back."""
        return None

    @property
    def at_rest(self) -> Self:
        """The training without its earlier pictures."""
        return replace(self, past=())

    def changed(self, values: Mapping[str, Value]) -> Self:
        """Return the scene with another learning rate, from the next epoch on, another speed, or an earlier epoch."""
        new = self.updated(values)
        require_known("speed", [str(new["speed"])], SPEEDS)
        rate, back = rate_at(cast(float, new["learning_rate"]), 1), self.back
        if "epoch" in values:
            epoch = finite(values, "epoch")
            rule = f"epoch must lie between 0 and {self.epochs}; got {format_given(epoch)}."
            require(0 <= epoch <= self.epochs, rule)
            kept = [each for each in self.past if each.epoch <= epoch]
            require(kept or epoch == self.epochs, "A closed explorer has no earlier epochs. Run its cell again.")
            back = None if epoch == self.epochs else kept[-1]
        return replace(self, learning_rate=rate, speed=str(new["speed"]), back=back)

    def pressed(self, button: str) -> Self:
        """Return the scene after some epochs, or one."""
        if button not in ("train", "epoch"):
            return super().pressed(button)
        training, past = self.training or self.begin(), (*self.past, self._now)
        if len(past) > max(2, min(MOST_PICTURES, MOST_BYTES // training.parameters.vector.nbytes)):
            past = past[::2]
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
        done = replace(self, training=training, epochs=epochs, losses=losses, every=every, loss_value=new[-1])
        return replace(done, past=past, back=None)

    def _goes_on(self, epochs: int, until: float) -> bool:
        """Return whether there is another epoch before the next picture."""
        return time.perf_counter() < until if self.speed == "fast" else epochs < int(self.speed)

    @property
    def _now(self) -> Past:
        """The last picture."""
        return Past(self.epochs, self.trained, self.loss_value if self.epochs else self.start)

    @cached_property
    def _most(self) -> float:
        """The weight of the strongest color: a round number, at least five times the first weights."""
        largest = 5 * float(abs(self.network.layers[0].W).max()) or 1.0
        power = 10.0 ** math.floor(math.log10(largest))
        return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= largest)

    @property
    def trained(self) -> Network:
        """The network as trained so far."""
        return self.training.parameters.network() if self.training else self.network

    def begin(self) -> Training:
        """Return a training before its first epoch."""
        rng = np.random.default_rng(self.seed)
        return Training(self.network, self.x, self.y, self.loss, self.optimizer, batch_size=self.batch_size, rng=rng)

    def show(self, losses: Sequence[float]) -> View:
        """Return the network of the epoch that is shown, and the loss over the epochs."""
        epoch, network, shown = self.back or self._now
        learned = [*self.losses[: self.epochs - 1], self.loss_value] if self.epochs else []
        curve, loss = history([self.start, *learned], "epoch", self.epochs, (epoch, shown)), format_number(shown)
        told = f"after {epoch} epoch{'s' * (epoch != 1)}" if epoch else "not trained yet"
        goes_on = f"<p>Train goes on from epoch {self.epochs}.</p>" if self.back else ""
        said, table = f"{told}, loss {loss}", [("epochs", str(epoch), ""), ("loss", loss, "")]
        if self.shape:
            picture = weight_images(network, self.shape, self.labels, self._most, said)
            return View(picture, f"<p><b>{said}</b></p>{goes_on}", said, curve)
        several = network.sizes[-1] > 1
        frame, marks, right, key = plane(network, self.x, self.y, of=" of output 1" * several)
        said = f"{said}, {right} of {len(self.x)} right{' for output 1' * several}"
        words = f"What the network predicts over the plane of its inputs, {said}."
        return View(frame.picture(words, table, marks), f"<p><b>{said}</b></p>{goes_on}{key}", said, curve)
