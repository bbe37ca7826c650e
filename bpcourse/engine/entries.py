"""The weights and biases of a network by name, such as "W1[2,1]": layer, then from-unit and to-unit, from 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from bpcourse.engine.network import Network
from bpcourse.engine.validation import Array, place, real, require_kind


def require_network(network: object) -> None:
    """Raise TypeError for anything else than a network."""
    require_kind(network, Network, "Network([Dense(W, b)])")


def parameters_of(network: Network) -> dict[str, Array]:
    """Get the weights and biases of a network by name.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> list(parameters_of(Network([Dense([[3.0]], [1.0])])))
    ['W1', 'b1']
    """
    arrays: dict[str, Array] = {}
    for k, layer in enumerate(network.layers, start=1):
        arrays[f"W{k}"] = layer.W
        if layer.b is not None:
            arrays[f"b{k}"] = layer.b
    return arrays


def value_of(network: Network, name: str) -> float:
    """Get one weight or bias.

    Parameters
    ----------
    network : Network
        Where to look.
    name : str
        Such as "W1[2,1]" or "b2[1]".

    Raises
    ------
    ValueError
        If no weight or bias has this name.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> value_of(Network([Dense([[0.1], [0.2]])]), "W1[2,1]")
    0.2
    """
    arrays = parameters_of(network)
    array, index = place(name, arrays, "weight or bias")
    return float(arrays[array][index])


def replaced(network: Network, values: Mapping[str, float]) -> Network:
    """Make a network with some of its weights and biases replaced.

    Parameters
    ----------
    network : Network
        The network to start from. It is not changed.
    values : mapping of str to float
        The new values by name, such as {"W1[2,1]": 0.5}.

    Raises
    ------
    ValueError
        If no weight or bias has this name, or a value is not a finite number.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> network = Network([Dense([[0.1], [0.2]], [0.0], "sigmoid")])
    >>> replaced(network, {"W1[2,1]": 0.5}).layers[0].W.tolist()
    [[0.1], [0.5]]
    """
    arrays = {name: array.copy() for name, array in parameters_of(network).items()}
    for name, value in values.items():
        array, index = place(name, arrays, "weight or bias")
        arrays[array][index] = real(value, name, "a finite number", math.isfinite)
    return Network(
        replace(layer, W=arrays[f"W{k}"], b=arrays.get(f"b{k}")) for k, layer in enumerate(network.layers, start=1)
    )
