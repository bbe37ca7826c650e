"""Small networks with an input, a target and a source. The lessons compute them by hand."""

from __future__ import annotations

from dataclasses import dataclass

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LossName
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.records import Record
from bpcourse.engine.validation import Array, batch
from bpcourse.registry import Registry


@dataclass(frozen=True, eq=False, repr=False)
class Example(Record):
    """A network with one input and one target.

    Two examples are equal if all their parts are.

    Parameters
    ----------
    network : Network
        The network.
    x, y : (1, n) array
        Input and target.
    loss : str
        The name of its loss.
    source : str
        Where the numbers come from.

    """

    network: Network
    x: Array
    y: Array
    loss: LossName
    source: str

    def backprop(self) -> Trace:
        """Compute the trace of the example.

        Examples
        --------
        >>> round(EXAMPLES["mazur"].backprop().loss, 9)
        0.298371109

        """
        return backprop(self.network, self.x, self.y, self.loss)

    def __repr__(self) -> str:
        return f"Example({self.network!r}, {self.loss})"


def _sigmoids(*layers: tuple[list[list[float]], list[float]]) -> Network:
    return Network(Dense(W, b, "sigmoid") for W, b in layers)


EXAMPLES = Registry(
    "example",
    {
        "lecture": Example(
            _sigmoids(([[0.5, -0.75], [0.9, 0.2]], [0.1, -0.25]), ([[0.6, 1.3], [-1.1, 0.35]], [0.15, -1.2])),
            x=batch([0.8, 0.45], "x"),
            y=batch([0.3, 0.7], "y"),
            loss="mse",
            source="The lecture 'Back propagation (numerical example)': 2-2-2, sigmoid, MSE, targets. "
            "Its inputs and weights are illegible. These are the course's own, chosen so that the two paths "
            "back to a hidden unit pull in opposite directions.",
        ),
        "mazur": Example(
            _sigmoids(([[0.15, 0.25], [0.20, 0.30]], [0.35, 0.35]), ([[0.40, 0.50], [0.45, 0.55]], [0.60, 0.60])),
            x=batch([0.05, 0.10], "x"),
            y=batch([0.01, 0.99], "y"),
            loss="half_sse",
            source="Matt Mazur, 'A Step by Step Backpropagation Example', 2015, "
            "mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example. "
            "The loss that it prints after one step, 0.291027924, is a slip: it computes the hidden gradients with "
            "output weights that are already updated. It does not update the biases.",
        ),
    },
)
"""The examples by name."""
