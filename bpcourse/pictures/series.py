"""The numbers that plots and explorers draw: curves, surfaces, boundaries and images.

Both take them from here, so they show the same values over the same ranges. Nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.activations import Activation
from bpcourse.engine.entries import require_network
from bpcourse.engine.losses import Loss
from bpcourse.engine.network import Network, forward
from bpcourse.engine.surfaces import over_plane, require_plane
from bpcourse.engine.validation import Array, image_shape, is_count, require, targets
from bpcourse.registry import brief

Span = tuple[float, float]

Z_SPAN: Span = (-6.0, 6.0)
"""The pre-activations over which an activation is drawn."""

MOST_POINTS = 300
"""The most points of a curve of losses; nobody would see more."""


def activation_curves(activation: Activation) -> tuple[Array, Array, Array]:
    """Compute an activation and its slope over `Z_SPAN`.

    Returns
    -------
    z, a, slope : three (241,) arrays

    Raises
    ------
    ValueError
        For softmax, whose units depend on each other.
    """
    z = np.linspace(*Z_SPAN, 241)
    return z, activation.f(z), activation.df(z)


@lru_cache(maxsize=16)  # a move of the prediction changes no curve
def loss_curve(loss: Loss, y: float) -> tuple[Array, Array]:
    """Compute the loss of one output over its prediction, for a target y.

    Returns
    -------
    y_hat, losses : two (200,) arrays
        Both are read-only. The predictions leave out 0 and 1, where a cross-entropy may be infinite.

    Raises
    ------
    ValueError
        For a target that the loss does not take, and for a loss that needs more than one output.
    """
    y_hat = np.linspace(0.001, 0.999, 200)
    shares = loss.shares(loss.of_examples, np.full((200, 1), y), y_hat[:, np.newaxis], "y_hat")
    losses = 200 * shares  # each is a share of a mean
    y_hat.flags.writeable = losses.flags.writeable = False
    return y_hat, losses


def history_curve(losses: Sequence[float], most: int = MOST_POINTS) -> tuple[list[int], list[float]]:
    """Thin out a long curve of losses, so that at most about `most` points of it are drawn.

    Returns
    -------
    places, losses : two lists
        The positions of the losses that are kept, from 0, and these losses.

    Examples
    --------
    >>> history_curve([8.0, 4.0, 2.0, 1.0], most=2)
    ([0, 2], [8.0, 2.0])
    """
    places = range(0, len(losses), max(1, len(losses) // most))
    return [*places], [losses[place] for place in places]


@dataclass(frozen=True)
class Boundary:
    """The output of a network over the plane of its two inputs, and the points.

    across, up : (m,) arrays
        The values of input 1 and of input 2.
    field : (m, m) array
        The output, with a row for each value of `up`.
    ends : pair of floats
        The targets of the two sides: 0 and 1 for probabilities, otherwise the lowest and the
        highest target.
    high : (n,) array of bool
        Which points belong to the upper side.
    right : int
        How many points lie on the side of the boundary that they belong to.
    """

    across: Array
    up: Array
    field: Array
    ends: Span
    high: NDArray[np.bool_]
    right: int

    @property
    def middle(self) -> float:
        """The output on the boundary."""
        return sum(self.ends) / 2

    @cached_property
    def line(self) -> list[tuple[float, float]]:
        """Points (across, up) of the boundary."""
        return crossings(self.field, self.across, self.up, self.middle)


def boundary(network: Network, x: Array, y: Array, *, output: int, points: int) -> Boundary:
    """Compute where a network with two inputs changes its mind.

    Parameters
    ----------
    network : Network
    x : (n, 2) array
    y : (n, outputs) array
    output : int
        Which output, from 1.
    points : int
        How many values of each input to compute.
    """
    require_network(network)
    require_plane(network)
    outputs, predicted = network.sizes[-1], forward(network, x).y_hat
    require(is_count(output) and output <= outputs, f"output must lie between 1 and {outputs}; got {brief(output)}.")
    across, up = (np.linspace(*ends, points) for ends in plane_ends(x))
    target, predicted = targets(y, predicted)[:, output - 1], predicted[:, output - 1]
    classes = network.layers[-1].activation.name in ("sigmoid", "softmax") or np.ptp(target) == 0
    ends = (0.0, 1.0) if classes else (float(target.min()), float(target.max()))
    high = target > sum(ends) / 2
    right = int(np.count_nonzero(high == (predicted > sum(ends) / 2)))
    return Boundary(across, up, over_plane(network, across, up)[..., output - 1], ends, high, right)


def plane_ends(x: Array) -> tuple[Span, Span]:
    """Find the ends of the two axes of a plane with all points x, an (n, 2) array."""
    across, up = (span(x[:, column].tolist(), 0.15) for column in (0, 1))
    return across, up


def crossings(field: Array, across: Array, up: Array, level: float) -> list[tuple[float, float]]:
    """Find where a field over a grid crosses a level, by linear interpolation between neighbors.

    Parameters
    ----------
    field : (len(up), len(across)) array
    across, up : (m,) and (k,) arrays
    level : float

    Returns
    -------
    list of (across, up)

    Examples
    --------
    >>> field = np.array([[0.0, 1.0], [0.0, 1.0]])
    >>> crossings(field, np.array([0.0, 4.0]), np.array([0.0, 1.0]), level=0.25)
    [(1.0, 0.0), (1.0, 1.0)]
    """
    found = []
    above = field > level
    for axis, (along, fixed) in ((1, (across, up)), (0, (up, across))):
        lines = np.moveaxis(field, axis, 1)
        for row, column in np.argwhere(np.diff(np.moveaxis(above, axis, 1), axis=1)):
            before, after = lines[row, column], lines[row, column + 1]
            place = along[column] + (level - before) / (after - before) * (along[column + 1] - along[column])
            found.append((float(place), float(fixed[row])) if axis else (float(fixed[row]), float(place)))
    return found


def tiled(images: Array, shape: tuple[int, int], columns: int, gap: float = np.nan) -> Array:
    """Arrange images in rows and columns of one array, with a gap of one pixel between them.

    Parameters
    ----------
    images : (n, height * width) array
    shape : (height, width)
    columns : int
    gap : float
        The value between the images.

    Examples
    --------
    >>> tiled(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), shape=(1, 2), columns=2, gap=0.0)
    array([[1., 2., 0., 3., 4.],
           [0., 0., 0., 0., 0.],
           [5., 6., 0., 0., 0.]])
    """
    require(is_count(columns), f"columns must be a positive whole number; got {brief(columns)}.")
    columns = min(int(columns), len(images))
    (height, width), rows = image_shape(shape), -(-len(images) // columns)
    require(images.shape[1] == height * width, f"shape {shape} needs {height * width} values for each image.")
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), gap)
    for number, image in enumerate(images):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image.reshape(shape)
    return sheet


def span(values: Sequence[float], margin: float = 0.1) -> Span:
    """Find the ends of an axis that holds all values.

    Parameters
    ----------
    values : sequence of floats
    margin : float
        The room at each end, as a share of the range of the values.

    Examples
    --------
    >>> span([1.0, 2.0, 3.0], margin=0.5)
    (0.0, 4.0)
    """
    low, high = min(values), max(values)
    room = margin * (high - low) or 1.0
    return low - room, high + room
