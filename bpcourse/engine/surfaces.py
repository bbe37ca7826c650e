"""Arrays for pictures: a loss over two of its numbers, and a network's output over the plane of its two inputs.

Both are computed for all points at once: a batch with one more axis, one network or input for each point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.network import Network, forward
from bpcourse.engine.validation import Array, place, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


def loss_surface(trace: Trace, first: str, second: str, firsts: Array, seconds: Array) -> Array:
    """Return the loss, (len(seconds), len(firsts)), with two of the network's numbers moved and all others as they are.

    first, second : their names, such as "W1[1,2]" and "b2[1]"
    firsts, seconds : (m,) and (k,) arrays, their values

    Raises ValueError for a name that no weight or bias has, for the same twice, and where the network overflows.

    >>> from bpcourse import Dense, backprop
    >>> trace = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], loss="mse")  # (2w + b − 9)²
    >>> loss_surface(trace, "W1[1,1]", "b1[1]", np.array([3.0, 4.0]), np.array([0.0, 1.0, 2.0]))
    array([[9., 1.],
           [4., 0.],
           [1., 1.]])
    """
    require(first != second, f"a surface needs two different numbers; got {first} twice.")
    points = len(firsts) * len(seconds)
    numbers = {name: trace[name] for name in trace if name[0] in "Wb"}
    moved: dict[str, Array] = {}
    for name, values in ((first, np.tile(firsts, len(seconds))), (second, np.repeat(seconds, len(firsts)))):
        key, index = place(name, numbers, "weight or bias")
        array = moved.setdefault(key, np.repeat(trace[key][np.newaxis], points, axis=0))
        at: tuple[slice | int, ...] = (slice(None), *index)
        array[at] = values
    a, n = trace["x"][np.newaxis], len(trace["x"])
    with np.errstate(over="ignore", invalid="ignore"):
        for number, layer in enumerate(trace.network.layers, start=1):
            z = a @ moved.get(f"W{number}", layer.W)
            if layer.b is not None:
                z = z + moved.get(f"b{number}", layer.b)[..., np.newaxis, :]
            a = layer.activation.f(z)
    shape, loss = (points, n, a.shape[-1]), trace.loss_function
    formula, of = (loss.of_examples, a) if loss.from_logits is None else (loss.from_logits.value, z)
    rows, targets = (np.broadcast_to(array, shape).reshape(-1, shape[-1]) for array in (of, trace["y"]))
    shares = loss.shares(formula, targets, rows, "z").reshape(points, n)  # of a batch that is `points` times as long
    return points * shares.sum(axis=1).reshape(len(seconds), len(firsts))


def over_plane(network: Network, across: Array, up: Array) -> Array:
    """Return the outputs, (len(up), len(across), outputs), of a network with two inputs over a grid of them.

    across, up : (m,) and (k,) arrays, the values of input 1 and of input 2

    >>> from bpcourse import Dense
    >>> over_plane(Network([Dense([[1.0], [10.0]])]), np.array([1.0, 2.0]), np.array([3.0]))[..., 0]  # x₁ + 10·x₂
    array([[31., 32.]])
    """
    require(network.sizes[0] == 2, f"a plane needs a network with two inputs; got {network!r}.")
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    return forward(network, grid.reshape(-1, 2)).y_hat.reshape(len(up), len(across), -1)


def confusion(network: Network, x: Array, y: Array) -> NDArray[np.integer]:
    """Return how often each class, (row), is taken for each other one, (column): (classes, classes).

    y : (n, classes) array, one-hot

    >>> from bpcourse import Dense
    >>> confusion(Network([Dense(np.eye(2), None, "softmax")]), np.array([[2.0, 1.0], [3.0, 1.0]]), np.eye(2))
    array([[1, 0],
           [1, 0]])
    """
    require(y.shape[1] > 1, f"a confusion needs one-hot classes, (n, classes); got y of shape {y.shape}.")
    y_hat, counts = forward(network, x).y_hat, np.zeros((y.shape[1], y.shape[1]), int)
    require(y.shape == y_hat.shape, f"y must have the shape of the predictions, {y_hat.shape}; got {y.shape}.")
    np.add.at(counts, (y.argmax(axis=1), y_hat.argmax(axis=1)), 1)
    return counts
