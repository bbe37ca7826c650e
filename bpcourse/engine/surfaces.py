"""Arrays for pictures: the loss over two of the network's numbers, and the output over the plane of two inputs.

Both are computed for all points at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.entries import parameters_of
from bpcourse.engine.network import Network, forward
from bpcourse.engine.validation import Array, place, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


def require_plane(network: Network) -> None:
    """Raise ValueError unless a network has two inputs."""
    require(network.sizes[0] == 2, f"a plane needs a network with two inputs; got {network!r}.")


def loss_surface(trace: Trace, first: str, second: str, firsts: Array, seconds: Array) -> Array:
    """Compute the loss over two of the network's weights and biases. All others stay unchanged.

    Parameters
    ----------
    trace : Trace
        The pass whose network, batch and loss are used.
    first, second : str
        Names of a weight or bias, such as "W1[1,2]" and "b2[1]".
    firsts, seconds : (m,), (k,) array
        Their values.

    Returns
    -------
    (k, m) array
        The loss for each pair of values.

    Raises
    ------
    ValueError
        If there is no such weight or bias, if both names are the same, or if the network overflows.

    Examples
    --------
    >>> from bpcourse import Dense, backprop
    >>> trace = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], loss="mse")  # (2w + b − 9)²
    >>> loss_surface(trace, "W1[1,1]", "b1[1]", np.array([3.0, 4.0]), np.array([0.0, 1.0, 2.0]))
    array([[9., 1.],
           [4., 0.],
           [1., 1.]])
    """
    require(first != second, f"a surface needs two different numbers; got {first} twice.")
    points, n, arrays = len(firsts) * len(seconds), len(trace["x"]), parameters_of(trace.network)
    moved: dict[str, Array] = {}
    for name, values in ((first, np.tile(firsts, len(seconds))), (second, np.repeat(seconds, len(firsts)))):
        key, index = place(name, arrays, "weight or bias")
        array = moved.setdefault(key, np.repeat(trace[key][np.newaxis], points, axis=0))
        at: tuple[slice | int, ...] = (slice(None), *index)
        array[at] = values
    a = trace["x"][np.newaxis]
    with np.errstate(over="ignore", invalid="ignore"):
        for k, layer in enumerate(trace.network.layers, start=1):
            z = a @ moved.get(f"W{k}", layer.W)
            if layer.b is not None:
                z = z + moved.get(f"b{k}", layer.b)[..., np.newaxis, :]
            a = layer.activation.f(z)
    shape, loss = (points, n, a.shape[-1]), trace.loss_function
    formula, of = (loss.of_examples, a) if loss.from_logits is None else (loss.from_logits.value, z)
    rows, targets = (np.broadcast_to(array, shape).reshape(-1, shape[-1]) for array in (of, trace["y"]))
    shares = loss.shares(formula, targets, rows, "z").reshape(points, n)  # of a batch with `points` times the examples
    return points * shares.sum(axis=1).reshape(len(seconds), len(firsts))


def over_plane(network: Network, across: Array, up: Array) -> Array:
    """Compute the outputs of a network with two inputs, over a grid of inputs.

    Parameters
    ----------
    network : Network
        A network with two inputs.
    across, up : (m,), (k,) array
        The values of input 1 and of input 2.

    Returns
    -------
    (k, m, outputs) array
        The outputs.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> over_plane(Network([Dense([[1.0], [10.0]])]), np.array([1.0, 2.0]), np.array([3.0]))[..., 0]  # x₁ + 10·x₂
    array([[31., 32.]])
    """
    require_plane(network)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    return forward(network, grid.reshape(-1, 2)).y_hat.reshape(len(up), len(across), -1)


def confusion(network: Network, x: Array, y: Array) -> NDArray[np.integer]:
    """Count how often each class is predicted as each class.

    Parameters
    ----------
    network : Network
        A network with an output for each class.
    x : (n, inputs) array
        Inputs.
    y : (n, classes) array
        The true classes, one-hot.

    Returns
    -------
    (classes, classes) array
        A row for each true class, and a column for each predicted class.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> confusion(Network([Dense(np.eye(2), None, "softmax")]), np.array([[2.0, 1.0], [3.0, 1.0]]), np.eye(2))
    array([[1, 0],
           [1, 0]])
    """
    require(y.shape[1] > 1, f"a confusion matrix needs one-hot classes, (n, classes); got y of shape {y.shape}.")
    y_hat, counts = forward(network, x).y_hat, np.zeros((y.shape[1], y.shape[1]), int)
    require(y.shape == y_hat.shape, f"y must have the shape of the predictions, {y_hat.shape}; got {y.shape}.")
    np.add.at(counts, (y.argmax(axis=1), y_hat.argmax(axis=1)), 1)
    return counts
