"""Plots with matplotlib. Each function takes an `Axes`, or makes one, and returns it.

`describe` puts a plot into words, and `shown` shows the plot with its description in a notebook.
Lines differ in their dashes, too, so that color is never the only carrier of meaning.
"""

from __future__ import annotations

import base64
import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcourse.engine import validation as checks
from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.entries import require_network, value_of
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Network, forward
from bpcourse.engine.surfaces import confusion, loss_surface
from bpcourse.engine.training import History
from bpcourse.engine.validation import Array, ArrayLike, require, require_kind
from bpcourse.numbers import format_given, format_number
from bpcourse.palette import AMOUNTS, BLUE, GREYS, INK, ORANGE, PAPER, PURPLE, SERIES, SIGNS
from bpcourse.pictures.series import activation_curves, boundary, loss_curve, span, tiled
from bpcourse.registry import brief
from bpcourse.render import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 120  # of a field, across and up
DPI = 100
LARGEST = 1e100  # beyond, the ends of an axis are too far apart for a float


def _axes(ax: Axes | None, height: float = 4.2) -> Axes:
    # A browser starts without a cache of fonts each time, and lessons should not say so.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib.figure import Figure  # not pyplot: nothing is shown twice, and nothing has to be closed

    if ax is None:
        return Figure(figsize=(6.4, height), layout="constrained").add_subplot()
    _require_axes(ax)
    return ax


def plot_activation(activation: Activation | str, *, ax: Axes | None = None) -> Axes:
    """Plot an activation and its slope, over z from −6 to 6.

    Parameters
    ----------
    activation : Activation or str
        Any but softmax, whose units depend on each other.
    ax : Axes, optional
        Where to plot; by default in a new figure.

    Examples
    --------
    >>> [line.get_label() for line in plot_activation("relu").lines]
    ['relu', 'its slope']
    """
    ax, activation = _axes(ax), ACTIVATIONS.pick(activation)
    z, a, slope = activation_curves(activation)
    for values, label, line in ((a, activation.name, SERIES[0]), (slope, "its slope", SERIES[1])):
        ax.plot(z, values, line.style, color=line.color, label=label)
    return _titled(ax, f"{activation.name} and its slope", "z", "a")


def plot_loss(
    losses: Sequence[str] = ("mse", "binary_cross_entropy"), *, y: float = 1.0, ax: Axes | None = None
) -> Axes:
    """Plot losses of one output over its prediction.

    Parameters
    ----------
    losses : sequence of str
        The names of one to four losses.
    y : float
        The target.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    ax, y = _axes(ax), checks.real(y, "y", "a finite number", math.isfinite)
    losses = checks.texts(losses, "losses")
    require(0 < len(losses) <= len(SERIES), f"a plot shows one to {len(SERIES)} losses; got {len(losses)}.")
    for name, line in zip(losses, SERIES, strict=False):
        ax.plot(*loss_curve(LOSSES[name], y), line.style, color=line.color, label=name.replace("_", " "))
    ax.set_ylim(0, 3)
    return _titled(ax, f"Losses for the target {y:g}", "prediction ŷ", "loss")


def plot_surface(
    trace: Trace, first: str, second: str, *, path: Sequence[Network] = (), around: float = 3.0, ax: Axes | None = None
) -> Axes:
    """Plot the loss over two of the network's weights and biases, and the path of a descent on it.

    Parameters
    ----------
    trace : Trace
    first, second : str
        The two names, such as "W1[1,1]" and "b2[1]": across, and up.
    path : sequence of Network
        Networks to join by a line, such as the snapshots of a `History`.
    around : float
        The distance from the present values to the ends of the axes.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    ax = _axes(ax)
    require_kind(trace, Trace, "backprop(network, x, y)")
    around = checks.real(around, "around", "a positive number up to 1e6", lambda around: 0 < around <= 1e6)
    here = [value_of(trace.network, name) for name in (first, second)]
    reaches = [max(around, abs(value) / 1e6) for value in here]  # floats can tell the ends of an axis apart
    across, up = (np.linspace(v - reach, v + reach, POINTS) for v, reach in zip(here, reaches, strict=True))
    _field(ax, loss_surface(trace, first, second, across, up), across, up, "loss", cmap=AMOUNTS)
    if not isinstance(path, Sequence) or path:
        path = checks.each_of(path, Network, "path")
        points = np.array([[value_of(network, name) for name in (first, second)] for network in path])
        ax.plot(*points.T, "-", color=PAPER, linewidth=4)
        ax.plot(*points.T, ".-", color=INK, label="path of descent")
    ax.plot(*here, "o", color=ORANGE, markersize=9, label="here")
    return _titled(ax, "The loss over two numbers", first, second)


def plot_boundary(network: Network, x: Array, y: Array, *, output: int = 1, ax: Axes | None = None) -> Axes:
    """Plot the output of a network over the plane of its two inputs, and the points.

    Parameters
    ----------
    network : Network
    x : (n, 2) array
    y : (n, outputs) array
        The targets. Circles are the points with a target above the middle, mostly 1, and squares
        the others.
    output : int
        Which output to show, from 1.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    x = checks.batch(x, "x")
    ax, found = _axes(ax), boundary(network, x, y, output=output, points=POINTS)
    low, high = found.ends
    _field(ax, found.field, found.across, found.up, f"output {output}", cmap=SIGNS, vmin=low, vmax=high)
    ax.contour(found.across, found.up, found.field, levels=[found.middle], colors=INK, linestyles=":")
    for target, side, marker, color in ((high, found.high, "o", ORANGE), (low, ~found.high, "s", PURPLE)):
        ax.plot(*x[side].T, marker, color=color, markeredgecolor=PAPER, label=f"target {format_given(target)}")
    return _titled(ax, "What the network predicts", "input 1", "input 2")


def plot_history(history: History, *, ax: Axes | None = None) -> Axes:
    """Plot the losses of a training over its epochs.

    Parameters
    ----------
    history : History
        The result of `train`.
    ax : Axes, optional
        Where to plot; by default in a new figure.

    Examples
    --------
    >>> from bpcourse import EXAMPLES, train
    >>> lecture = EXAMPLES["lecture"]
    >>> describe(plot_history(train(lecture.network, lecture.x, lecture.y, epochs=100)))
    'Training. loss over epoch: loss from 0.06183 at 1 to 3.612e−6 at 100.'
    """
    from matplotlib.ticker import MaxNLocator

    require_kind(history, History, "train(network, x, y)")
    ax, epochs = _axes(ax), np.arange(1, len(history.losses) + 1)
    for name, line in zip(("loss", "validation loss"), SERIES, strict=False):
        if name in history.columns:
            ax.plot(epochs, history.columns[name], line.style, color=line.color, label=name)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _titled(ax, "Training", "epoch", "loss")


def plot_histograms(trace: Trace, *, gradients: bool = False, ax: Axes | None = None) -> Axes:
    """Plot the distribution of the weights of each layer.

    Parameters
    ----------
    trace : Trace
        A pass of a network of at most four layers.
    gradients : bool
        Whether to plot the gradients instead of the weights.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    require_kind(trace, Trace, "backprop(network, x, y)")
    ax, d = _axes(ax), "d" if checks.flag(gradients, "gradients") else ""
    count = len(trace.network.layers)
    require(count <= len(SERIES), f"a plot shows at most {len(SERIES)} layers; got {count}.")
    arrays = [trace[f"{d}W{k}"].ravel() for k in range(1, count + 1)]
    edges = np.linspace(*span([float(value) for array in arrays for value in (array.min(), array.max())]), 41)
    for k, (array, line) in enumerate(zip(arrays, SERIES, strict=False), start=1):
        look: dict[str, Any] = {"color": line.color, "linestyle": line.style, "linewidth": 2}
        ax.hist(array, edges.tolist(), histtype="step", label=f"layer {k}", **look)
    return _titled(ax, "Gradients by layer" if gradients else "Weights by layer", f"{d}W", "count")


def plot_first_layer(network: Network, shape: tuple[int, int], *, columns: int = 8, ax: Axes | None = None) -> Axes:
    """Plot the weights into each unit of the first layer as an image.

    Parameters
    ----------
    network : Network
    shape : (height, width)
        The shape of an image; the network has height * width inputs.
    columns : int
        The number of images in a row.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    require_network(network)
    W = network.layers[0].W
    most, sheet = float(abs(W).max()), tiled(W.T, shape, columns)
    ax = _sheet(ax, sheet, "weight", cmap=SIGNS, vmin=-most, vmax=most)
    return _titled(ax, f"Weights into the {W.shape[1]} units of layer 1")


def plot_images(
    x: Array,
    y: Array,
    shape: tuple[int, int],
    *,
    network: Network | None = None,
    columns: int = 8,
    ax: Axes | None = None,
) -> Axes:
    """Plot images with their classes, and frame those that a network takes for another class.

    Parameters
    ----------
    x : (n, height * width) array
    y : (n, classes) array
        One-hot.
    shape : (height, width)
        The shape of an image.
    network : Network, optional
        It predicts the classes.
    columns : int
        The number of images in a row.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    x, y, (height, width) = checks.batch(x, "x"), checks.batch(y, "y"), checks.image_shape(shape)
    needed = f"shape {shape} needs {height * width} values and a row of y for each image"
    require(x.shape == (len(y), height * width), f"{needed}; got shapes {x.shape} and {y.shape}.")
    head = max(2, height // 4)  # rows above each image, for its label
    classes = y.argmax(axis=1)
    taken = classes if network is None else forward(network, x).y_hat.argmax(axis=1)
    above = np.full((len(x), head * width), np.nan)
    ax = _sheet(ax, tiled(np.hstack([above, x]), (head + height, width), columns), "gray value", cmap=GREYS)
    columns = int(columns)  # a small NumPy integer would overflow
    for k, (true, seen) in enumerate(zip(classes, taken, strict=True)):
        top, left = k // columns * (head + height + 1) + head, k % columns * (width + 1)
        label, color = (f"{true} not {seen}!", ORANGE) if true != seen else (str(true), BLUE)
        said = f"image {k + 1} is {true}, taken for {seen}" if true != seen else ""
        ax.text(left, top - 0.7, label, va="bottom", fontsize=8, color=color, gid=said)
        if true != seen:
            frame = left + width * np.array([0, 1, 1, 0, 0]) - 0.5, top + height * np.array([0, 0, 1, 1, 0]) - 0.5
            ax.plot(*frame, color=ORANGE, linewidth=2, clip_on=False)
    wrong = int(np.count_nonzero(classes != taken))
    return _titled(ax, f"{len(x)} images" + f", {wrong} of them taken for another class" * (network is not None))


def plot_confusion(network: Network, x: Array, y: Array, *, ax: Axes | None = None) -> Axes:
    """Plot how often the network predicts each class, a column, for the examples of each class, a row.

    Parameters
    ----------
    network : Network
    x : (n, inputs) array
    y : (n, classes) array
        One-hot.
    ax : Axes, optional
        Where to plot; by default in a new figure.
    """
    ax, counts = _axes(ax), confusion(network, x, checks.batch(y, "y"))
    _image(ax, counts, "examples", cmap=f"{AMOUNTS}_r")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            said = f"class {row}: {count} " + (f"taken for {column}" if row != column else "right")
            ink = PAPER if count > counts.max() / 2 else INK
            ax.text(column, row, str(count), ha="center", va="center", color=ink, gid=said)
    ax.set(xticks=range(len(counts)), yticks=range(len(counts)))
    return _titled(ax, f"{np.trace(counts)} of {counts.sum()} are right", "predicted class", "true class")


def _require_axes(ax: object) -> None:
    plot = hasattr(ax, "get_legend_handles_labels")
    require(plot, f"needed the axes of a plot, such as plt.figure().add_subplot(); got {brief(ax)}.")


def _image(ax: Axes, values: ArrayLike, label: str, **look: Any) -> None:
    """Show values as colors, with a scale."""
    size = np.nanmax(np.abs(values))  # gaps between images are NaN
    require(size <= LARGEST, f"a picture shows numbers up to {LARGEST:g} in size; got {size:g}.")
    ax.figure.colorbar(ax.imshow(values, **look), ax=ax, label=label)


def _field(ax: Axes, field: Array, across: Array, up: Array, label: str, **look: Any) -> None:
    """Show values over a plane."""
    _image(ax, field, label, origin="lower", extent=(across[0], across[-1], up[0], up[-1]), aspect="auto", **look)


def _sheet(ax: Axes | None, sheet: Array, label: str, **look: Any) -> Axes:
    """Show a sheet of images, by default in a new figure with room for it and for a title."""
    ax = _axes(ax, min(5.0, 5.4 * sheet.shape[0] / sheet.shape[1] + 0.6))
    _image(ax, sheet, label, **look)
    ax.set_axis_off()
    return ax


def _titled(ax: Axes, title: str, x_label: str = "", y_label: str = "") -> Axes:
    ax.set(title=title, xlabel=x_label, ylabel=y_label)
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend()
    return ax


# The description of a plot


def describe(ax: Axes) -> str:
    """Describe a plot: its title, its axes, and the first and last value of each labeled line.

    Examples
    --------
    >>> describe(plot_loss(["mse"], y=1.0))
    'Losses for the target 1. loss over prediction ŷ: mse from 0.9980 at 0.001 to 1.000e−6 at 0.999.'
    """
    _require_axes(ax)
    parts = []
    for line in ax.lines:
        label, xs, ys = str(line.get_label()), np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        if label.startswith("_") or not len(xs):
            continue
        if line.get_linestyle() == "None":
            parts.append(f"{label}, {len(xs)} point{'s' * (len(xs) > 1)}")
            continue
        start, end = (f"{format_number(float(ys[k]))} at {format_given(float(xs[k]))}" for k in (0, -1))
        parts.append(f"{label} from {start} to {end}")
    parts += [str(patch.get_label()) for patch in ax.patches if not str(patch.get_label()).startswith("_")]
    for image in ax.images:
        low, high = (format_number(end) if end % 1 else format_given(end) for end in map(float, image.get_clim()))
        parts.append(f"colors from {low} to {high}")
    parts += [str(text.get_gid()) for text in ax.texts if text.get_gid()]  # the description of a mark
    across, up = ax.get_xlabel(), ax.get_ylabel()
    axes = f"across: {across}; up and down: {up}: " if ax.images else f"{up} over {across}: "
    return f"{ax.get_title()}. {axes if across else ''}{'; '.join(parts)}."


@dataclass(frozen=True)
class Shown:
    """A plot with its description, for a notebook."""

    ax: Axes

    def __repr__(self) -> str:
        return describe(self.ax)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return an image with an alternative text. JupyterLab would ignore that of an image/png."""
        file, words, figure = io.BytesIO(), describe(self.ax), self.ax.figure.canvas.figure  # not a subfigure
        figure.savefig(file, format="png", dpi=DPI)
        source, width = base64.b64encode(file.getvalue()).decode(), round(figure.get_figwidth() * DPI)
        return {"text/plain": words, "text/html": str(render("plot.html", source=source, width=width, words=words))}


def shown(ax: Axes) -> Shown:
    """Show a plot with its description, if this is the last line of a cell."""
    return Shown(ax)
