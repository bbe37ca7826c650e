"""Small networks with an input, a target and a source. The lessons compute them by hand."""

from __future__ import annotations

from dataclasses import dataclass

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LossName
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.records import Record
from bpcourse.engine.validation import Array, batch
from bpcourse.registry import Registry
from bpcourse.texts import read_toml


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


def _example(
    layers: list[dict[str, list[float]]], x: list[float], y: list[float], loss: LossName, source: str
) -> Example:
    network = Network(Dense(**layer, activation="sigmoid") for layer in layers)
    return Example(network, batch(x, "x"), batch(y, "y"), loss, source)


EXAMPLES = Registry("example", {name: _example(**parts) for name, parts in read_toml("engine/examples.toml").items()})
"""The examples by name."""
