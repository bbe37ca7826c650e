"""Plots with matplotlib: what people know and can restyle. Each takes an `Axes`, or makes one, and returns it.

The words of a plot are read off it by `describe`, and `shown` shows both in a notebook. Colours are those of Okabe and
Ito, cividis and PuOr; lines differ in their dashes, too.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.entries import value_of
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Network, forward
from bpcourse.engine.surfaces import confusion, loss_surface, over_plane, span, tiled
from bpcourse.engine.training import History
from bpcourse.engine.validation import Array, require, require_kind
from bpcourse.numbers import WIDTH, format_given, format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

STYLES = (("#0072B2", "-"), ("#B34700", "--"), ("#009E73", ":"), ("#8F4273", "-."))  # after Okabe & Ito
POINTS = 120  # of a field, across and up


def _axes(ax: Axes | None, height: float = 4.2) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure  # no pyplot: nothing is shown twice, and nothing has to be closed

    made: Axes = Figure(figsize=(6.4, height), layout="constrained").add_subplot()
    return made


def plot_activation(activation: Activation | str, ax: Axes | None = None) -> Axes:
    """Plot an activation and its slope, over z from −6 to 6.

    >>> [line.get_label() for line in plot_activation("relu").lines]
    ['relu', 'its slope']
    """
    ax, activation, z = _axes(ax), ACTIVATIONS.pick(activation), np.linspace(-6, 6, 241)
    for values, label, (colour, dashes) in zip(
        (activation.f(z), activation.df(z)), (activation.name, "its slope"), STYLES, strict=False
    ):
        ax.plot(z, values, dashes, color=colour, label=label)
    return _titled(ax, f"{activation.name} and its slope", "z", "a")


def plot_loss(losses: Sequence[str] = ("mse", "binary_cross_entropy"), y: float = 1.0, ax: Axes | None = None) -> Axes:
    """Plot losses of one output over its prediction, for the target y."""
    ax, y_hat = _axes(ax), np.linspace(0.001, 0.999, 200)
    require(0 < len(losses) <= len(STYLES), f"a plot shows one to {len(STYLES)} losses; got {len(losses)}.")
    for name, (colour, dashes) in zip(losses, STYLES, strict=False):
        values = [LOSSES[name].value([y], [each]) for each in y_hat]
        ax.plot(y_hat, values, dashes, color=colour, label=name.replace("_", " "))
    ax.set_ylim(0, 3)
    return _titled(ax, f"Losses for the target {y:g}", "prediction ŷ", "loss")


def plot_surface(
    trace: Trace, first: str, second: str, path: Sequence[Network] = (), around: float = 3.0, ax: Axes | None = None
) -> Axes:
    """Plot the loss over two of the network's numbers, and the path of networks that descended on it.

    first, second : names, such as "W1[1,1]" and "b2[1]"
    path : networks whose two numbers are joined by a line, such as the snapshots of a `History`
    around : how far the plot goes to each side of the present values
    """
    ax = _axes(ax)
    here = [value_of(trace.network, name) for name in (first, second)]
    across, up = (np.linspace(value - around, value + around, POINTS) for value in here)
    _field(ax, loss_surface(trace, first, second, across, up), across, up, "cividis", "loss")
    if path:
        points = np.array([[value_of(network, name) for name in (first, second)] for network in path])
        ax.plot(*points.T, "-", color="#ffffff", linewidth=4)
        ax.plot(*points.T, ".-", color="#1a1a1a", label="path of descent")
    ax.plot(*here, "o", color="#D55E00", markersize=9, label="here")
    return _titled(ax, "The loss over two numbers", first, second)


def plot_boundary(network: Network, x: Array, y: Array, output: int = 1, ax: Axes | None = None) -> Axes:
    """Plot what a network with two inputs predicts over their plane, and the points: circles for 1, squares for 0.

    x : (n, 2) array; y : (n, outputs) array; output : which one is shown, from 1
    """
    require(1 <= output <= network.sizes[-1], f"output must lie between 1 and {network.sizes[-1]}; got {output}.")
    ax = _axes(ax)
    across, up = (np.linspace(*span(x[:, k].tolist(), 0.15), POINTS) for k in (0, 1))
    field = over_plane(network, across, up)[..., output - 1]
    _field(ax, field, across, up, "PuOr_r", f"output {output}", 0.0, 1.0)
    ax.contour(across, up, field, levels=[0.5], colors="#1a1a1a", linestyles=":")
    for kind, marker, colour in ((1, "o", "#B34700"), (0, "s", "#8F4273")):
        points = x[(y[:, output - 1] > 0.5) == bool(kind)]
        ax.plot(*points.T, marker, color=colour, markeredgecolor="white", label=f"target {kind}")
    return _titled(ax, "What the network predicts", "input 1", "input 2")


def plot_history(history: History, ax: Axes | None = None) -> Axes:
    """Plot the losses of a training over its epochs.

    >>> from bpcourse import EXAMPLES, train
    >>> lecture = EXAMPLES["lecture"]
    >>> describe(plot_history(train(lecture.network, lecture.x, lecture.y, epochs=100)))
    'Training. loss over epoch: loss from 0.06183 at 1 to 3.612e−6 at 100.'
    """
    from matplotlib.ticker import MaxNLocator

    require_kind(history, History, "train(network, x, y)")
    ax, epochs = _axes(ax), np.arange(1, len(history.losses) + 1)
    for name, (colour, dashes) in zip(("loss", "validation loss"), STYLES, strict=False):
        if name in history.columns:
            ax.plot(epochs, history.columns[name], dashes, color=colour, label=name)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _titled(ax, "Training", "epoch", "loss")


def plot_histograms(trace: Trace, gradients: bool = False, ax: Axes | None = None) -> Axes:
    """Plot how the weights of each layer, or their gradients, are spread."""
    ax, d = _axes(ax), "d" if gradients else ""
    count = len(trace.network.layers)
    require(count <= len(STYLES), f"a plot shows at most {len(STYLES)} layers; got {count}.")
    arrays = [trace[f"{d}W{k}"].ravel() for k in range(1, count + 1)]
    edges = np.linspace(*span([float(value) for array in arrays for value in (array.min(), array.max())]), 41)
    for k, (array, (colour, dashes)) in enumerate(zip(arrays, STYLES, strict=False), start=1):
        ax.hist(array, edges.tolist(), histtype="step", color=colour, linestyle=dashes, linewidth=2, label=f"layer {k}")
    return _titled(ax, "Gradients by layer" if gradients else "Weights by layer", f"{d}W", "count")


def plot_first_layer(network: Network, shape: tuple[int, int], columns: int = 8, ax: Axes | None = None) -> Axes:
    """Plot the weights into each unit of the first layer as an image of the shape of the inputs."""
    W = network.layers[0].W
    most, sheet = float(abs(W).max()), tiled(W.T, shape, columns)
    ax = _axes(ax, _height_of(sheet))
    image = ax.imshow(sheet, cmap="PuOr_r", vmin=-most, vmax=most)
    return _picture(ax, image, f"Weights into the {W.shape[1]} units of layer 1", "weight")


def plot_images(
    x: Array, y: Array, shape: tuple[int, int], network: Network | None = None, columns: int = 8, ax: Axes | None = None
) -> Axes:
    """Plot images with their class, and what a network takes them for: wrong ones are named and framed.

    x : (n, height · width) array; y : (n, classes) array, one-hot
    """
    (height, width), head = shape, max(2, shape[0] // 4)  # rows above each image, for its label
    classes = y.argmax(axis=1)
    taken = classes if network is None else forward(network, x).y_hat.argmax(axis=1)
    above = np.full((len(x), head * width), np.nan)
    sheet = tiled(np.hstack([above, x]), (head + height, width), columns)
    ax = _axes(ax, _height_of(sheet))
    image = ax.imshow(sheet, cmap="Greys")
    for k, (true, seen) in enumerate(zip(classes, taken, strict=True)):
        top, left = k // columns * (head + height + 1) + head, k % columns * (width + 1)
        label, colour = (f"{true} not {seen}!", "#B34700") if true != seen else (str(true), "#0072B2")
        said = f"image {k + 1} is {true}, taken for {seen}" if true != seen else ""
        ax.text(left, top - 0.7, label, va="bottom", fontsize=8, color=colour, gid=said)
        if true != seen:
            ax.plot(left + width * np.array([0, 1, 1, 0, 0]) - 0.5, top + height * np.array([0, 0, 1, 1, 0]) - 0.5,
                    color="#B34700", linewidth=2, clip_on=False)  # fmt: skip
    wrong = int(np.count_nonzero(classes != taken))
    title = f"{len(x)} images" + (f", {wrong} of them taken for another class" if network is not None else "")
    return _picture(ax, image, title, "grey value")


def plot_confusion(network: Network, x: Array, y: Array, ax: Axes | None = None) -> Axes:
    """Plot how often each class, a row, is taken for each other, a column.

    x : (n, inputs) array; y : (n, classes) array, one-hot
    """
    ax, counts = _axes(ax), confusion(network, x, y)
    image = ax.imshow(counts, cmap="cividis_r")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = count > counts.max() / 2
            said = f"{row} taken for {column}: {count}" if row != column else ""
            ink = "white" if dark else "#1a1a1a"
            ax.text(column, row, str(count), ha="center", va="center", color=ink, gid=said)
    ax.set_xticks(range(len(counts)))
    ax.set_yticks(range(len(counts)))
    ax.figure.colorbar(image, ax=ax, label="examples")
    right = int(np.trace(counts))
    return _titled(ax, f"{right} of {counts.sum()} are right", "taken for", "class")


def _field(
    ax: Axes, field: Array, across: Array, up: Array, colours: str, label: str,
    low: float | None = None, high: float | None = None,
) -> None:  # fmt: skip
    ends = (float(across[0]), float(across[-1]), float(up[0]), float(up[-1]))
    image = ax.imshow(field, origin="lower", extent=ends, aspect="auto", cmap=colours, vmin=low, vmax=high)
    ax.figure.colorbar(image, ax=ax, label=label)


def _height_of(sheet: Array) -> float:
    """Return how high a figure is, in inches, that a sheet of images fills, with its title."""
    return min(5.0, 5.4 * sheet.shape[0] / sheet.shape[1] + 0.6)


def _picture(ax: Axes, image: AxesImage, title: str, label: str) -> Axes:
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def _titled(ax: Axes, title: str, x_label: str, y_label: str) -> Axes:
    ax.set_title(title)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend()
    return ax


# The words of a plot


def describe(ax: Axes) -> str:
    """Return what a plot shows, in words: its title, its axes, and each named line from where to where.

    >>> describe(plot_loss(["mse"], y=1.0))
    'Losses for the target 1. loss over prediction ŷ: mse from 0.9980 at 0.001 to 1.000e−6 at 0.999.'
    """
    parts = []
    for line in ax.lines:
        label, xs, ys = str(line.get_label()), np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        if label.startswith("_") or not len(xs):
            continue
        if line.get_linestyle() == "None":
            parts.append(f"{label}, {len(xs)} point{'s' * (len(xs) > 1)}")
        else:
            at = [format_given(float(value)) for value in (xs[0], xs[-1])]
            parts.append(
                f"{label} from {format_number(float(ys[0]))} at {at[0]} to {format_number(float(ys[-1]))} at {at[1]}"
            )
    parts += [str(patch.get_label()) for patch in ax.patches if not str(patch.get_label()).startswith("_")]
    for image in ax.images:
        low, high = (format_number(float(value)) for value in image.get_clim())
        parts.append(f"colours from {low} to {high}")
    parts += [str(text.get_gid()) for text in ax.texts if text.get_gid()]  # what a mark in a picture says
    across, up = ax.get_xlabel(), ax.get_ylabel()
    axes = (f"across: {across}; up and down: {up}" if ax.images else f"{up} over {across}") if across else ""
    return f"{ax.get_title()}. " + f"{axes}: {'; '.join(parts)}.".lstrip(": ")


@dataclass(frozen=True)
class Shown:
    """A plot with its words, for a notebook."""

    ax: Axes

    def __repr__(self) -> str:
        return describe(self.ax)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        file, words = io.BytesIO(), describe(self.ax)
        cast("Figure", self.ax.get_figure(root=True)).savefig(file, format="png", dpi=100)
        picture = {"text/plain": words, "image/png": base64.b64encode(file.getvalue()).decode()}
        display(picture, raw=True, metadata={"image/png": {"alt": words}})  # type: ignore[no-untyped-call]
        print(textwrap.fill(words, WIDTH))  # a caption for everybody


def shown(ax: Axes) -> Shown:
    """Return a plot with its words: as the last line of a cell, both are shown."""
    return Shown(ax)
