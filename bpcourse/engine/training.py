"""Training: changing the weights so that the loss falls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.optimizers import SGD, Optimizer, rate_at
from bpcourse.engine.tape import Parameters, Tape
from bpcourse.engine.validation import (
    Array,
    ArrayLike,
    DTypeLike,
    inputs,
    is_count,
    real,
    require,
    require_finite,
    require_kind,
    targets,
)
from bpcourse.numbers import format_number

PATIENCE = 1.0  # seconds, after which a progress bar is shown


def sgd_step(trace: Trace, learning_rate: float) -> Network:
    """Return the network after one step of gradient descent: each parameter minus learning_rate · its gradient.

    All gradients are those of the old network, which the trace keeps; nothing is changed in place.
    Raises ValueError if the learning rate is not a positive finite number, or the step overflows.

    >>> from bpcourse import backprop
    >>> network = Network([Dense([[3.0]], [1.0])])
    >>> after = sgd_step(backprop(network, [2.0], [9.0], loss="mse"), learning_rate=0.25)
    >>> after.layers[0].W, after.layers[0].b  # 3 − 0.25·(−8) and 1 − 0.25·(−4)
    (array([[5.]]), array([2.]))
    """
    require_kind(trace, Trace, "backprop(network, x, y)")
    rule = "a positive finite number, such as 0.1"
    learning_rate = real(learning_rate, "learning_rate", rule, lambda rate: 0 < rate < math.inf)
    layers = []
    for k, layer in enumerate(trace.network.layers, start=1):
        with np.errstate(over="ignore", invalid="ignore"):  # named by require_finite
            W = layer.W - learning_rate * trace[f"dW{k}"]
            b = None if layer.b is None else layer.b - learning_rate * trace[f"db{k}"]
        for name, new in ((f"W{k}", W), (f"b{k}", b)):
            if new is not None:
                require_finite(new, f"the new {name}", "this overflowed: use a smaller learning_rate")
        layers.append(Dense(W, b, layer.activation, dtype=layer.W.dtype))
    return Network(layers)


NOTHING = np.arange(0)
COLUMNS = ("loss", "accuracy", "validation loss", "validation accuracy", "gradient norm")
ADVICE = "The network is that of the epoch before. Try a smaller learning_rate, or inputs around 0 and of size 1."


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """What training did, epoch by epoch, and the network that came out.

    network : the trained one; with early stopping that of the lowest validation loss
    columns : (epochs,) arrays by name. "loss": the mean over the epoch's batches, while they were being learned.
        "gradient norm": the length of the gradient of its last batch. After the epoch, where they were asked for and
        mean something: "accuracy", the share of training examples that are right, "validation loss" and
        "validation accuracy"
    snapshots : networks by epoch, as they were asked for
    stopped : why it ended before its time, or ""
    seconds : how long it took; not in its `repr`, which is the same in every run
    """

    network: Network
    columns: dict[str, Array]
    snapshots: dict[int, Network]
    stopped: str
    seconds: float

    @property
    def losses(self) -> Array:
        """The loss of each epoch."""
        return self.columns["loss"]

    def __repr__(self) -> str:
        epochs = len(self.losses)
        shown = sorted({1, *(round(epochs * part / 9) for part in range(1, 10)), epochs} - {0}) if epochs else []
        rows = [["epoch", *self.columns]]
        rows += [
            [str(epoch), *(format_number(values[epoch - 1]) for values in self.columns.values())] for epoch in shown
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(
            [
                f"{self.network!r}, trained for {epochs} epoch{'s' * (epochs != 1)}",
                *lines,
                *([self.stopped] * bool(self.stopped)),
            ]
        )


class Training:
    """A training that one can go on with, epoch after epoch; `train` is a loop over it.

    parameters : the network's, as they are now
    rate : the learning rate, which may be changed between two epochs
    """

    def __init__(
        self,
        network: Network,
        x: ArrayLike,
        y: ArrayLike,
        loss: Loss | str,
        optimizer: Optimizer,
        batch_size: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        x, self.y, self.loss = _examples(network, x, y, loss)
        n = len(x)
        _require_settings(optimizer, batch_size, rng)
        self.parameters = Parameters.of(network)
        self.update = optimizer.start(self.parameters.vector)
        self.rate = rate_at(optimizer.learning_rate, 1)
        self.size, self.rng = min(batch_size or n, n), np.random.default_rng(0) if rng is None else rng
        sum_to_one = bool(np.allclose(self.y.sum(axis=1), 1, rtol=0, atol=4 * np.finfo(self.y.dtype).eps))
        sizes = {self.size, n % self.size or self.size}
        self.tapes = {count: Tape.write(self.parameters, self.loss, count, sum_to_one, count == n) for count in sizes}
        self.with_ones = np.column_stack([x, np.ones(n, x.dtype)])
        if self.size == n:
            self.tapes[n].x[...], self.tapes[n].y[...] = self.with_ones, self.y

    @property
    def x(self) -> Array:
        """The inputs, (n, n_in)."""
        return self.with_ones[:, :-1]

    def epoch(self) -> float:
        """Learn from all examples once, and return the mean of the losses on the way: NaN or inf if it ran away."""
        n, size, w, g = len(self.y), self.size, self.parameters.vector, self.parameters.gradient
        order, total = self.rng.permutation(n) if size < n else NOTHING, 0.0
        for start in range(0, n, size):
            count = min(size, n - start)
            tape = self.tapes[count]
            if size < n:
                batch = order[start : start + count]
                self.with_ones.take(batch, axis=0, out=tape.x, mode="clip")
                self.y.take(batch, axis=0, out=tape.y, mode="clip")
            value = tape.run()
            if not math.isfinite(value):  # from z it may be finite, where e^−z is not
                value = self.parameters.evaluate(self.loss, tape.x[:, :-1], tape.y)[0]
                if not math.isfinite(value):
                    return value
            total += value * count
            self.update(w, g, self.rate)
        return total / n


@dataclass(frozen=True, eq=False)
class Report:
    """What `on_epoch` gets after an epoch.

    epoch : from 1
    loss, validation_loss : those of the epoch; the second is None without a validation set
    parameters : those that are being trained, changed by the next epoch
    """

    epoch: int
    loss: float
    validation_loss: float | None
    parameters: Parameters

    @property
    def network(self) -> Network:
        """The network as it is now, copied when it is asked for."""
        return self.parameters.network()


def train(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | str = "mse",
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    patience: int | None = None,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike | None = None,
    accuracy: bool = False,
    snapshots: Collection[int] = (),
    progress: bool = True,
    on_epoch: Callable[[Report], bool | None] | None = None,
) -> History:
    """Train a network on all examples, again and again, and return what happened and the network that came out.

    x, y, loss : as `backprop` takes them
    optimizer : `SGD`, `Momentum` or `Adam`; by default SGD(0.5)
    epochs : how often all examples are seen
    batch_size : how many examples make a step; None is all of them
    validation : (x, y) of examples that are only looked at
    patience : stop after so many epochs without a lower validation loss, and return the network that had the lowest
    rng : shuffles the examples once an epoch if there is more than one batch; by default one with seed 0
    dtype : float32 is about twice as fast; None is that of the network
    accuracy : measure the share of training examples that are right after each epoch, which takes a pass over all
    snapshots : epochs after which the network is kept
    progress : show a progress bar if it takes more than a second
    on_epoch : called with a `Report` after every epoch; training stops if it returns False

    Ctrl-C, or "interrupt kernel", ends it early: the history so far is returned. So does a loss that is no finite
    number any more, with the network of the last epoch before.

    Raises ValueError, in words, for what `backprop` refuses and for settings that cannot be.

    >>> history = train(Network([Dense([[3.0]], [1.0])]), [[2.0]], [[9.0]], optimizer=SGD(0.05), epochs=2)
    >>> history.network.layers[0].W, history.losses  # each step: ŷ = 2w + b, w − 0.05·2(ŷ − 9)·2, b − 0.05·2(ŷ − 9)
    (array([[3.6]]), array([4., 1.]))
    """
    started, optimizer = time.perf_counter(), SGD() if optimizer is None else optimizer
    network = network if dtype is None else network.astype(dtype)
    training = Training(network, x, y, loss, optimizer, batch_size, rng)
    held_out = _held_out(network, validation, training.loss)
    require(is_count(epochs), f"epochs must be a positive whole number; got {epochs!r}.")
    patient = patience is None or is_count(patience)
    require(patient, f"patience must be a positive whole number, or None; got {patience!r}.")
    require(patience is None or held_out is not None, "patience needs a validation set, validation=(x, y).")
    classifies = training.loss.from_logits is not None
    required = "accuracy needs a loss that classifies, a cross-entropy"
    require(classifies or not accuracy, f"{required}; got {training.loss.name}.")
    known = isinstance(snapshots, Collection) and all(is_count(epoch) and epoch <= epochs for epoch in snapshots)
    require(known, f"snapshots must be a list of epochs, from 1 to {epochs}; got {snapshots!r}.")
    rates = (
        [rate_at(optimizer.learning_rate, epoch) for epoch in range(1, epochs + 1)]
        if callable(optimizer.learning_rate)
        else []
    )

    parameters, w, g = training.parameters, training.parameters.vector, training.parameters.gradient
    rows: list[dict[str, float]] = []
    kept: dict[int, Network] = {}
    safe, best, stopped, bar = w.copy(), w.copy(), "", None
    lowest, since = math.inf, 0
    try:
        with np.errstate(all="ignore"):  # a loss that is no finite number is named below
            for epoch in range(1, epochs + 1):
                training.rate = rates[epoch - 1] if rates else training.rate
                row = {"loss": training.epoch(), "gradient norm": math.sqrt(float(np.dot(g, g)))}
                if not (math.isfinite(row["loss"]) and math.isfinite(row["gradient norm"] + float(np.dot(w, w)))):
                    stopped = f"Stopped in epoch {epoch}: the loss is no finite number any more. {ADVICE}"
                    break
                if accuracy:
                    row["accuracy"] = cast(float, parameters.evaluate(training.loss, training.x, training.y)[1])
                if held_out is not None:
                    row["validation loss"], right = parameters.evaluate(training.loss, *held_out)
                    row |= {} if right is None else {"validation accuracy": right}
                    since += 1
                    if row["validation loss"] < lowest:
                        lowest, since = row["validation loss"], 0
                        np.copyto(best, w)
                np.copyto(safe, w)
                rows.append(row)  # at once, so that nothing that interrupts leaves half a row
                if epoch in snapshots:
                    kept[epoch] = parameters.network()
                if on_epoch:
                    go_on = on_epoch(Report(epoch, row["loss"], row.get("validation loss"), parameters))
                    if go_on is not None and not go_on:
                        stopped = f"Stopped after epoch {epoch}, as on_epoch asked for."
                        break
                if patience is not None and since >= patience:
                    stopped = f"Stopped after epoch {epoch}: no lower validation loss since epoch {epoch - since}."
                    np.copyto(safe, best)
                    break
                if progress and time.perf_counter() - started > PATIENCE:
                    bar = bar or _progress_bar(epochs, epoch - 1)
                    bar.update(epoch - bar.n)
            else:
                np.copyto(safe, best if patience is not None else w)
    except KeyboardInterrupt:
        stopped = f"Interrupted after epoch {len(rows)}."
    finally:
        if bar is not None:
            bar.close()
    np.copyto(w, safe)
    measured = rows[0] if rows else ("loss", "gradient norm")
    columns = {name: np.array([row[name] for row in rows]) for name in COLUMNS if name in measured}
    return History(parameters.network(), columns, kept, stopped, time.perf_counter() - started)


def _progress_bar(epochs: int, done: int) -> Any:
    from tqdm.auto import tqdm  # here, as only a long training needs it

    return tqdm(total=epochs, initial=done, unit="epoch")


def _require_settings(optimizer: object, batch_size: object, rng: object) -> None:
    """Raise ValueError or TypeError, in words, for settings that cannot be."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be SGD(…), Momentum(…) or Adam(…); got {optimizer!r}.")
    counted = batch_size is None or is_count(batch_size)
    require(counted, f"batch_size must be a positive whole number, or None; got {batch_size!r}.")
    generator = rng is None or isinstance(rng, np.random.Generator)
    require(generator, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {rng!r}.")


def _held_out(network: Network, validation: object, loss: Loss) -> tuple[Array, Array] | None:
    """Return the validation set as batches that fit the network, or None."""
    if validation is None:
        return None
    pair = isinstance(validation, tuple) and len(validation) == 2
    require(pair, f"validation must be a pair (x, y); got {type(validation).__name__}.")
    x, y, _ = _examples(network, *cast(tuple[ArrayLike, ArrayLike], validation), loss)
    return x, y


def _examples(network: Network, x: ArrayLike, y: ArrayLike, loss: Loss | str) -> tuple[Array, Array, Loss]:
    """Return inputs and targets as batches, and the loss; what `backprop` refuses is refused, without a whole pass."""
    require_kind(network, Network, "Network([Dense(W, b)])")
    x = inputs(x, network.sizes[0], network.layers[0].W.dtype)
    y = targets(y, np.broadcast_to(x[:, :1], (len(x), network.sizes[-1])))  # of predictions only shape and dtype count
    loss = backprop(network, x[:1], y[:1], loss).loss_function
    if loss.from_logits is not None:
        loss.value_from_logits(y, np.zeros_like(y))  # it refuses targets that are no probabilities
    return x, y, loss
