"""Four trainings that fail, each in a different way, to be told apart by their symptoms."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bpcourse.engine.backpropagation import backprop
from bpcourse.engine.datasets import xor
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.optimizers import SGD
from bpcourse.engine.training import History, train
from bpcourse.engine.validation import Array
from bpcourse.numbers import format_number
from bpcourse.texts import read_toml
from bpcourse.tutor.verdicts import Verdict, tally

FAILURES: dict[str, dict[str, str]] = read_toml("tutor/failures.toml")
"""The failures by name, with how each shows and a hint."""

RESTS_ABOVE, NO_GRADIENT = 0.2, 1e-4  # of saturation: a loss that is not small, and a gradient that is nearly 0

Start = tuple[Network, Array, Array, str, float, int]
"""A network, its examples, the loss, the learning rate and the number of epochs."""


def _saturated(rng: np.random.Generator) -> Start:
    start = Network.initialize([2, 3, 1], ["sigmoid", "sigmoid"], rng)
    layers = [Dense(30 * layer.W, rng.uniform(-20, 20, layer.W.shape[1]), "sigmoid") for layer in start.layers]
    return Network(layers), xor().x, xor().y, "mse", 1.5, 200


def _symmetric(rng: np.random.Generator) -> Start:
    column = rng.uniform(0.3, 1, (2, 1))
    layers = [Dense(np.repeat(column, 3, axis=1), [0.1] * 3, "tanh"), Dense([[0.5]] * 3, [0.1], "sigmoid")]
    return Network(layers), xor().x, xor().y, "binary_cross_entropy", 0.5, 500


def _too_fast(rng: np.random.Generator) -> Start:
    x = np.array([[1.0], [2.0], [3.0]])
    network = Network([Dense(rng.uniform(-1, 1, (1, 1)), rng.uniform(-1, 1, 1))])
    return network, x, 2 * x, "mse", float(rng.uniform(1, 2)), 8


def _dead(rng: np.random.Generator) -> Start:
    layers = [
        Dense(rng.uniform(-1, 1, (2, 3)), [-3.0] * 3, "relu"),
        Dense(rng.uniform(-1, 1, (3, 1)), [0.5], "sigmoid"),
    ]
    return Network(layers), xor().x, xor().y, "binary_cross_entropy", 0.5, 500


MAKERS: dict[str, Callable[[np.random.Generator], Start]] = {
    "saturation": _saturated,
    "symmetric start": _symmetric,
    "learning rate too large": _too_fast,
    "dead ReLU": _dead,
}


@dataclass(frozen=True, repr=False)
class Run:
    """One training that fails.

    Parameters
    ----------
    letter : str
        What it is called in the exercise.
    failure : str
        Which failure it is, one of `FAILURES`.
    history : History
        The training.
    x, y : array
        Its examples.
    loss : str
        Its loss.
    """

    letter: str
    failure: str
    history: History
    x: Array
    y: Array
    loss: str

    @property
    def rests_high(self) -> bool:
        """Whether the loss rests at a high value, with nearly no gradient."""
        trace = backprop(self.history.network, self.x, self.y, self.loss)
        return trace.loss > RESTS_ABOVE and float(np.linalg.norm(trace["dW1"])) < NO_GRADIENT

    def __repr__(self) -> str:
        losses, network = self.history.losses, self.history.network
        last = len(losses)
        epochs = [epoch for epoch in (1, 2, 10, 100) if epoch < last] + [last]
        told = ", ".join(format_number(losses[epoch - 1], 3) for epoch in epochs)
        trace = backprop(network, self.x, self.y, self.loss)
        zs = max(float(np.abs(trace[f"z{layer}"]).max()) for layer in range(1, len(network.layers) + 1))
        columns = "  ".join(f"({', '.join(format_number(w, 3) for w in column)})" for column in network.layers[0].W.T)
        low, high = (format_number(float(each), 3) for each in (trace["a1"].min(), trace["a1"].max()))
        return "\n".join(
            (
                f"{self.letter}  {network!r}, {self.loss}",
                f"   loss in epoch {', '.join(map(str, epochs))}: {told}",
                f"   at the end: |z| up to {format_number(zs, 3)}, layer 1 puts out {low} to {high},",
                f"   the length of ∂L/∂W1 is {format_number(float(np.linalg.norm(trace['dW1'])), 3)}",
                f"   columns of W1: {columns}",
            )
        )


@dataclass(frozen=True, repr=False)
class Runs:
    """Four trainings that fail, in an order that depends on the seed. Printed, it shows their symptoms."""

    runs: tuple[Run, ...]

    @property
    def answers(self) -> dict[str, str]:
        """The failure of each run, by letter."""
        return {run.letter: run.failure for run in self.runs}

    def __repr__(self) -> str:
        return "\n".join([*map(repr, self.runs), f"Choose from: {', '.join(FAILURES)}."])

    def check(self, answers: Mapping[str, object]) -> Verdict:
        """Return the verdict on an answer for each letter.

        Parameters
        ----------
        answers : mapping of str to str
            The name of a failure, by letter.

        Examples
        --------
        >>> runs = failures(seed=1)
        >>> runs.check(runs.answers).status
        'correct'
        """
        steps = {run.letter: _verdict(run, answers.get(run.letter, ...)) for run in self.runs}
        first = next((letter for letter, verdict in steps.items() if not verdict), "")
        count = tally(steps)
        if not first:
            return Verdict("correct", f"{count}.", steps=steps)
        worst = steps[first]
        message = f"{count}. {worst.message}" if count else worst.message
        return Verdict(worst.status, message, worst.hint, steps=steps, first=first)


def _verdict(run: Run, answer: object) -> Verdict:
    if answer is ... or answer is None:
        return Verdict("not answered", f"{run.letter} = ?", "Put the name of a failure in place of the dots.")
    if answer not in FAILURES:
        return Verdict("unreadable", f"{run.letter}: needed one of {', '.join(FAILURES)}; got {answer!r}.")
    if answer == run.failure:
        return Verdict("correct", f"{run.letter}: {FAILURES[run.failure]['shows']}.")
    return Verdict("wrong", f"{run.letter} is not that failure.", FAILURES[str(answer)]["hint"])


def failures(seed: int | str = 0) -> Runs:
    """Return four trainings that fail, each in a different way. The same seed gives the same ones.

    Parameters
    ----------
    seed : int or str
        Any whole number or text.

    Examples
    --------
    >>> [run.letter for run in failures(seed=1).runs]
    ['A', 'B', 'C', 'D']
    """
    names = list(FAILURES)
    chance = random.Random(f"failures, {seed}")  # noqa: S311 (nothing is kept secret)
    chance.shuffle(names)
    runs = []
    for letter, name in zip("ABCD", names, strict=True):
        run = _drawn(letter, name, chance)
        while name == "saturation" and not run.rests_high:  # some saturated networks recover
            run = _drawn(letter, name, chance)
        runs.append(run)
    return Runs(tuple(runs))


def _drawn(letter: str, name: str, chance: random.Random) -> Run:
    network, x, y, loss, rate, epochs = MAKERS[name](np.random.default_rng(chance.randrange(10**6)))
    history = train(network, x, y, loss, optimizer=SGD(rate), epochs=epochs, progress=False)
    return Run(letter, name, history, x, y, loss)
