"""Training: changing the weights so that the loss falls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from bpcourse.engine import validation as checks
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.entries import require_network
from bpcourse.engine.losses import Loss, LossName
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import SGD, Optimizer, rate_at
from bpcourse.engine.records import Record, sealed
from bpcourse.engine.tape import Parameters, Tape
from bpcourse.engine.validation import Array, ArrayLike, DTypeLike, is_count, require
from bpcourse.numbers import format_number
from bpcourse.registry import brief

COLUMNS = ("loss", "accuracy", "validation loss", "validation accuracy", "gradient norm")
ADVICE = "Try a smaller learning_rate, or inputs around 0 with a size of about 1."
WHERE = "The history so far is the attribute `history` of this exception, and of sys.last_value afterwards."
BAR_AFTER = 1.0  # seconds, after which a progress bar is shown


def sgd_step(trace: Trace, learning_rate: float) -> Network:
    """Make one step of gradient descent: each parameter minus learning_rate · its gradient.

    All gradients are those of the old network, which the trace keeps. Nothing is changed in place.

    Parameters
    ----------
    trace : Trace
        The result of `backprop`.
    learning_rate : float
        A positive finite number.

    Returns
    -------
    Network
        The network after the step.

    Raises
    ------
    ValueError
        If the learning rate is not a positive finite number, or the step overflows.

    Examples
    --------
    >>> from bpcourse import Dense, backprop
    >>> network = Network([Dense([[3.0]], [1.0])])
    >>> after = sgd_step(backprop(network, [2.0], [9.0], loss="mse"), learning_rate=0.25)
    >>> after.layers[0].W, after.layers[0].b  # 3 − 0.25·(−8) and 1 − 0.25·(−4)
    (array([[5.]]), array([2.]))
    """
    checks.require_kind(trace, Trace, "backprop(network, x, y)")
    learning_rate = checks.positive(learning_rate, "learning_rate")

    def stepped(name: str) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # require_finite names an overflow
            new = trace[name] - learning_rate * trace[f"d{name}"]
        checks.require_finite(new, f"the new {name}", "this overflowed: use a smaller learning_rate")
        return new

    return Network(
        replace(layer, W=stepped(f"W{k}"), b=None if layer.b is None else stepped(f"b{k}"))
        for k, layer in enumerate(trace.network.layers, start=1)
    )


@dataclass(frozen=True, eq=False, repr=False)
class History(Record):
    """The record of a training run, epoch by epoch, and the trained network.

    Two histories are equal if all fields except `seconds` are equal.

    Parameters
    ----------
    network : Network
        The trained network. With early stopping it is the one with the lowest validation loss.
    columns : mapping of str to (epochs,) array
        "loss" is the mean loss of the epoch's batches, each measured just before its step. "gradient
        norm" is the length of the gradient of the epoch's last batch. If requested, and measured at the
        end of each epoch: "accuracy" is the share of training examples that are classified correctly,
        and "validation loss" and "validation accuracy" are those of the validation set.
    snapshots : mapping of int to Network
        The networks after the requested epochs.
    stopped : str
        Why training ended early, or "".
    seconds : float
        How long training took. It is not in the `repr`, which is the same in every run.
    """

    network: Network
    columns: Mapping[str, Array]
    snapshots: Mapping[int, Network]
    stopped: str
    seconds: float

    def __post_init__(self) -> None:
        columns = {name: np.array(values) for name, values in self.columns.items()}
        vars(self).update(columns=sealed(columns), snapshots=MappingProxyType(dict(self.snapshots)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and super().__eq__(replace(other, seconds=self.seconds))

    __hash__ = Record.__hash__

    @property
    def losses(self) -> Array:
        """The loss of each epoch."""
        return self.columns["loss"]

    def __repr__(self) -> str:
        epochs = len(self.losses)
        best = {int(self.columns["validation loss"].argmin()) + 1} if "validation loss" in self.columns else set()
        shown = sorted({1, *(round(epochs * part / 9) for part in range(1, 10)), epochs, *best} - {0}) if epochs else []
        table = [["epoch", *map(str, shown)]]
        table += [
            [name, *(format_number(values[epoch - 1]) for epoch in shown)] for name, values in self.columns.items()
        ]
        aligned = [[cell.rjust(max(map(len, column))) for cell in column] for column in table]
        title = f"{self.network!r}, trained for {epochs} epoch{'s' * (epochs != 1)}"
        return "\n".join([title, *map("  ".join, zip(*aligned, strict=True)), *[self.stopped] * bool(self.stopped)])


class Training:
    """A training that can be continued epoch by epoch. `train` is a loop over it.

    Parameters
    ----------
    network : Network
        The network to start from. It is not changed.
    x, y : (n, inputs), (n, outputs) array_like
        All training examples.
    loss : {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"} or Loss
        What is minimized.
    optimizer : Optimizer
        How the parameters are changed.
    batch_size : int, optional
        Number of examples in a step. By default all of them.
    rng : numpy.random.Generator, optional
        Shuffles the examples before each epoch if there is more than one batch.

    Attributes
    ----------
    parameters : Parameters
        The current parameters.
    learning_rate : float or callable
        That of the optimizer at first. It may be changed between two epochs.
    epochs : int
        Number of complete epochs.
    """

    def __init__(
        self,
        network: Network,
        x: ArrayLike,
        y: ArrayLike,
        loss: Loss | str,
        optimizer: Optimizer,
        *,
        batch_size: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        x, self.y, self.loss = _examples(network, x, y, loss)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be SGD(…), Momentum(…) or Adam(…); got {brief(optimizer)}.")
        _require_count(batch_size, "batch_size", optional=True)
        n = len(x)
        self.parameters, self.epochs = Parameters.of(network), 0
        rate, self._update = optimizer.learning_rate, optimizer.start(self.parameters.vector)
        self.learning_rate = rate if callable(rate) else float(rate)
        self._size, self._rng = min(batch_size or n, n), checks.generator(rng)
        sum_to_one = bool(np.allclose(self.y.sum(axis=1), 1, rtol=0, atol=4 * np.finfo(self.y.dtype).eps))
        self._tapes = {
            count: Tape(self.parameters, self.loss, count, sum_to_one=sum_to_one, whole=count == n)
            for count in {self._size, n % self._size or self._size}
        }
        self._with_ones = np.column_stack([x, np.ones(n, x.dtype)])
        self.x = self._with_ones[:, :-1]
        if self._size == n:
            self._tapes[n].x[...], self._tapes[n].y[...] = self._with_ones, self.y

    def epoch(self) -> float:
        """Learn from all examples once.

        Returns
        -------
        float
            The mean loss of the batches, each measured just before its step. It is NaN or inf if the loss
            of a batch is not finite; then the epoch ends at this batch.
        """
        n, size, w, g = len(self.y), self._size, self.parameters.vector, self.parameters.gradient
        rate = self.learning_rate
        rate = rate_at(rate, self.epochs + 1) if callable(rate) else rate
        order, total = self._rng.permutation(n) if size < n else None, 0.0
        for start in range(0, n, size):
            count = min(size, n - start)
            tape = self._tapes[count]
            if order is not None:
                batch = order[start : start + count]
                self._with_ones.take(batch, axis=0, out=tape.x, mode="clip")
                self.y.take(batch, axis=0, out=tape.y, mode="clip")
            value = tape.run()
            if not math.isfinite(value):  # the loss may still be finite, if only e^−z is not
                value = self.parameters.evaluate(self.loss, tape.x[:, :-1], tape.y)[0]
                if not math.isfinite(value):
                    return value
            total += value * count
            self._update(w, g, rate)
        self.epochs += 1
        return total / n


@dataclass(frozen=True, eq=False)
class EpochResult:
    """The state of training after an epoch, as the function `on_epoch` gets it.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 1.
    values : mapping of str to float
        The epoch's entry of each column of the `History`, such as "loss" and "validation loss".
    parameters : Parameters
        The parameters that are being trained. The next epoch changes them.
    """

    epoch: int
    values: Mapping[str, float]
    parameters: Parameters

    @property
    def network(self) -> Network:
        """A copy of the current network."""
        return self.parameters.network()


def train(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | LossName | str = "mse",
    *,
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
    on_epoch: Callable[[EpochResult], bool | None] | None = None,
) -> History:
    """Train a network.

    Training ends early, with an explanation in the history, if the loss is not a finite number any more.
    The network is then the one after the last good epoch.

    Parameters
    ----------
    network : Network
        The network to start from. It is not changed.
    x, y : (n, inputs), (n, outputs) array_like
        All training examples.
    loss : {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"} or Loss
        What is minimized, as in `backprop`.
    optimizer : SGD, Momentum or Adam, optional
        By default ``SGD(0.5)``. If its learning rate is a function, it is called once at the start of
        each epoch.
    epochs : int
        How many times all examples are seen.
    batch_size : int, optional
        Number of examples in a step. By default all of them.
    validation : tuple of array_like, optional
        Examples (x, y) that are measured after each epoch, but not learned.
    patience : int, optional
        Stop after this many epochs without a lower validation loss, and return the network that had the
        lowest.
    rng : numpy.random.Generator, optional
        Shuffles the examples before each epoch if there is more than one batch. By default one with seed 0.
    dtype : dtype, optional
        float32 is about twice as fast as float64. By default that of the network.
    accuracy : bool
        Measure the accuracy on all training examples after each epoch. This takes an extra forward pass.
    snapshots : collection of int
        Epochs after which the network is kept.
    progress : bool
        Show a progress bar if training takes more than a second.
    on_epoch : callable, optional
        Called with an `EpochResult` after every epoch. Training stops if it returns False.

    Returns
    -------
    History
        The trained network, and what happened in each epoch.

    Raises
    ------
    ValueError, TypeError
        For inputs that `backprop` refuses, and for invalid settings.
    KeyboardInterrupt
        On Ctrl-C, or "Interrupt the kernel". So a loop around `train` stops as well. The attribute `history` of
        the exception has all complete epochs, and the network after the last of them.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> network = Network([Dense([[3.0]], [1.0])])
    >>> history = train(network, [[2.0]], [[9.0]], optimizer=SGD(0.05), epochs=2)
    >>> history.network.layers[0].W, history.losses  # each step: ŷ = 2w + b, w − 0.05·2(ŷ − 9)·2, b − 0.05·2(ŷ − 9)
    (array([[3.6]]), array([4., 1.]))

    Keep what has been learned if you press Ctrl-C:

    >>> def press_ctrl_c(result):  # in epoch 3
    ...     if result.epoch == 3:
    ...         raise KeyboardInterrupt
    >>> try:
    ...     history = train(network, [[2.0]], [[9.0]], optimizer=SGD(0.05), on_epoch=press_ctrl_c)
    ... except KeyboardInterrupt as interrupt:
    ...     history = interrupt.history
    >>> history.losses
    array([4.  , 1.  , 0.25])

    If you forgot the `try`, ``sys.last_value.history`` has it, in a notebook as well.
    """
    optimizer = SGD() if optimizer is None else optimizer
    require_network(network)
    network = network if dtype is None else network.astype(dtype)
    training = Training(network, x, y, loss, optimizer, batch_size=batch_size, rng=rng)
    held_out = None if validation is None else _held_out(network, validation, training.loss)
    progress = checks.flag(progress, "progress")
    _require_settings(training.loss, held_out, epochs, patience, accuracy, snapshots)
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be a function; got {brief(on_epoch)}.")
    parameters, w, g = training.parameters, training.parameters.vector, training.parameters.gradient
    log, stopping = _Log(parameters, snapshots), _EarlyStopping(w, patience)
    try:
        with np.errstate(all="ignore"):  # a loss that is not finite gets a message below
            for epoch in _counted(epochs, progress):
                value, norm = training.epoch(), math.sqrt(g.dot(g))
                if not math.isfinite(value + norm + w.dot(w)):
                    problem = f"Stopped in epoch {epoch}: the loss is not a finite number any more."
                    return log.history(f"{problem} The network is the one after the epoch before. {ADVICE}")
                row = {"loss": value, "gradient norm": norm}
                if accuracy or held_out:
                    row |= _measured(training, accuracy, held_out)
                log.add(row)
                answer = on_epoch(EpochResult(epoch, row, parameters)) if on_epoch else None
                if answer is not None and not answer:
                    return log.history(f"Stopped after epoch {epoch}, because on_epoch returned {answer}.")
                if held_out and stopping.is_due(epoch, row["validation loss"]):
                    since = f"no lower validation loss since epoch {stopping.best_epoch}"
                    return log.history(f"Stopped after epoch {epoch}: {since}.", stopping.best)
            return log.history("", None if patience is None else stopping.best)
    except KeyboardInterrupt as interrupt:
        vars(interrupt)["history"] = log.history(f"Interrupted after epoch {log.complete}.")
        interrupt.add_note(f"Interrupted after epoch {log.complete}. {WHERE}")
        raise


def _measured(training: Training, accuracy: bool, held_out: tuple[Array, Array] | None) -> dict[str, float]:
    """Measure what was requested at the end of an epoch."""
    row: dict[str, float | None] = {}
    if accuracy:
        row["accuracy"] = training.parameters.evaluate(training.loss, training.x, training.y)[1]
    if held_out:
        row["validation loss"], row["validation accuracy"] = training.parameters.evaluate(training.loss, *held_out)
    return {name: value for name, value in row.items() if value is not None}


def _counted(epochs: int, progress: bool) -> Iterable[int]:
    """Count from 1 to `epochs`, with a progress bar that appears after a while."""
    if not progress:
        return range(1, epochs + 1)
    from tqdm.auto import trange  # imported here, as only training needs it

    return trange(1, epochs + 1, delay=BAR_AFTER, unit="epoch")


class _Log:
    """The complete epochs of a training. An interruption at any moment leaves complete rows and their parameters."""

    def __init__(self, parameters: Parameters, snapshots: Collection[int]) -> None:
        self.started, self.parameters = time.perf_counter(), parameters
        self.rows: list[dict[str, float]] = []
        self.wanted, self.snapshots = set(snapshots), dict[int, Network]()
        self.buffers, self.complete = (parameters.vector.copy(), parameters.vector.copy()), 0

    def add(self, row: dict[str, float]) -> None:
        """Keep the row of an epoch and the parameters after it, alternating between two buffers."""
        self.rows.append(row)
        epoch = len(self.rows)
        self.buffers[epoch % 2][...] = self.parameters.vector
        if epoch in self.wanted:
            self.snapshots[epoch] = self.parameters.network()
        self.complete = epoch  # comes last: until here, an interruption leaves the epoch before

    def history(self, stopped: str, vector: Array | None = None) -> History:
        """Make the history, with the parameters `vector` or else those after the last complete epoch."""
        self.parameters.vector[...] = self.buffers[self.complete % 2] if vector is None else vector
        rows = self.rows[: self.complete]
        names = [name for name in COLUMNS if name in (rows[0] if rows else ("loss", "gradient norm"))]
        columns = {name: np.array([row[name] for row in rows]) for name in names}
        snapshots = {epoch: network for epoch, network in self.snapshots.items() if epoch <= self.complete}
        seconds = time.perf_counter() - self.started
        return History(self.parameters.network(), columns, snapshots, stopped, seconds)


class _EarlyStopping:
    """Keeps the parameters with the lowest validation loss, and counts the epochs since then."""

    def __init__(self, vector: Array, patience: int | None) -> None:
        self.vector, self.best = vector, vector.copy()
        self.patience, self.lowest, self.best_epoch = patience or math.inf, math.inf, 0

    def is_due(self, epoch: int, loss: float) -> bool:
        """Look at the validation loss of an epoch, and tell whether it has not fallen for too long."""
        if loss < self.lowest:
            self.lowest, self.best_epoch = loss, epoch
            self.best[...] = self.vector
        return epoch - self.best_epoch >= self.patience


def _require_settings(
    loss: Loss, held_out: object, epochs: int, patience: int | None, accuracy: bool, snapshots: Collection[int]
) -> None:
    """Raise ValueError for settings of `train` that are impossible."""
    _require_count(epochs, "epochs")
    _require_count(patience, "patience", optional=True)
    require(patience is None or held_out, "patience needs a validation set, validation=(x, y).")
    fits = not checks.flag(accuracy, "accuracy") or loss.from_logits is not None
    require(fits, f"accuracy needs a loss that classifies, a cross-entropy; got {loss.name}.")
    listed = checks.entries(snapshots) if isinstance(snapshots, Collection) else None
    fits = listed is not None and all(is_count(epoch) and epoch <= epochs for epoch in listed)
    require(fits, f"snapshots must be a list of epochs, from 1 to {epochs}; got {brief(snapshots)}.")


def _require_count(value: Any, name: str, optional: bool = False) -> None:
    """Raise ValueError unless `value` is a positive whole number, or None if that is allowed."""
    needed = f"{name} must be a positive whole number, at most {10**9:,}{', or None' * optional}"
    require((is_count(value) and value <= 10**9) or (optional and value is None), f"{needed}; got {brief(value)}.")


def _held_out(network: Network, validation: object, loss: Loss) -> tuple[Array, Array]:
    """Check the validation set, and convert it to batches that fit the network."""
    pair = isinstance(validation, tuple) and len(validation) == 2
    require(pair, f"validation must be a pair (x, y); got {type(validation).__name__}.")
    x, y, _ = _examples(network, *cast(tuple[ArrayLike, ArrayLike], validation), loss)
    return x, y


def _examples(network: Network, x: ArrayLike, y: ArrayLike, loss: Loss | str) -> tuple[Array, Array, Loss]:
    """Convert inputs and targets to batches. What `backprop` refuses is refused, without a whole pass."""
    require_network(network)
    x = checks.inputs(x, network.sizes[0], network.layers[0].W.dtype)
    y = checks.targets(y, np.broadcast_to(x[:, :1], (len(x), network.sizes[-1])))  # only the shape and dtype matter
    loss = backprop(network, x[:1], y[:1], loss).loss_function
    if loss.from_logits is not None:
        loss.value_from_logits(y, np.zeros_like(y))  # refuses targets that are not probabilities
    return x, y, loss
