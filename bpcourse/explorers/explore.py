"""The functions that make explorers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.entries import require_network
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Network
from bpcourse.engine.optimizers import Adam, Optimizer, rate_at
from bpcourse.engine.training import Training
from bpcourse.engine.validation import ArrayLike, floats, image_shape, one_text, require, texts
from bpcourse.explorers.curves import ActivationScene, LossScene
from bpcourse.explorers.images import ImageScene, labels_of
from bpcourse.explorers.live import LiveScene
from bpcourse.explorers.networks import MOST_EXAMPLES, NetworkScene, PassScene
from bpcourse.explorers.planes import BoundaryScene, SurfaceScene, TrainingScene
from bpcourse.explorers.widget import Explorer, LiveExplorer, NetworkExplorer
from bpcourse.names import Notation
from bpcourse.pictures.diagram import is_crowded
from bpcourse.tutor.formulas import is_coupled

S = TypeVar("S", bound=NetworkScene)


def explore(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss | str = "mse",
    learning_rate: float = 0.5,
    controls: Iterable[str] | None = None,
    predict: str | None = None,
    notation: Notation = "standard",
) -> NetworkExplorer:
    """Explore a network: move any number and see how all the others follow.

    Parameters
    ----------
    network : Network
    x : (n, n_in) array
        At most 16 examples; for one example an (n_in,) array.
    y : (n, n_out) array
        The targets; for one example an (n_out,) array.
    loss : {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"} or Loss
    learning_rate : float
        The learning rate of Update.
    controls : iterable of str, optional
        Names of the numbers that get a slider, or of arrays, such as "W1[1,2]", "b2" and
        "learning_rate". By default all numbers get one.
    predict : str, optional
        A question that must be answered before the controls can be used, such as "Raise b1[1]. Does
        dW1[1,2] go up or down?". The answer is then shown next to the result: the last value in the
        question that is not a weight, bias or input.
    notation : {"standard", "lecture"}
        The symbols: z, a, δ or net, O, ∂L/∂net.

    Returns
    -------
    NetworkExplorer
        Its buttons are "forward" and "back" (one equation of the pass), "update", "undo" and
        "reset". Its choices are "explain" (the name of a value), "pitfall" ("saturation",
        "dead_relu", "large_rate" or "symmetry") and in a batch "example".

    Raises
    ------
    ValueError
        For arguments that `backprop` does not accept, and for an unknown name.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> explorer = explore(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], learning_rate=0.25)
    >>> explorer.trace.loss  # (3·2 + 1 − 9)²
    4.0
    >>> explorer.set({"W1[1,1]": 3.5})
    >>> explorer.press("update")  # ŷ was 8, so ∂L/∂w was 2·(8 − 9)·2 and ∂L/∂b 2·(8 − 9)
    >>> explorer.value["W1[1,1]"], explorer.value["b1[1]"]
    (4.5, 1.5)
    """
    scene = _scene(PassScene, backprop(network, x, y, loss), learning_rate, controls, notation)
    count = len(scene.x)
    require(count <= MOST_EXAMPLES, f"explore shows every equation, of at most {MOST_EXAMPLES} examples; got {count}.")
    if is_crowded(scene.network.sizes):
        scene = replace(scene, view="forward")
    return NetworkExplorer(scene, predict, notation)


def explore_activation(
    activation: Activation | str = "sigmoid", *, z: float = 0.5, predict: str | None = None
) -> Explorer:
    """Explore an activation: the curve, its slope, and the tangent at a point that you can drag.

    All activations can be shown in one picture, too.

    Parameters
    ----------
    activation : Activation or str
    z : float
        The first position of the point.
    predict : str, optional
        A question to answer first, as in `explore`.

    Raises
    ------
    ValueError
        For an unknown name, and for softmax, whose units depend on each other.

    Examples
    --------
    >>> explorer = explore_activation("relu", z=-1.0)
    >>> explorer.set({"z": 2.0})
    >>> explorer.scene.quantity("a"), explorer.scene.quantity("slope")
    (2.0, 1.0)
    """
    chosen = ACTIVATIONS.pick(activation)
    rule = f"{chosen.name} has no curve, because its units depend on each other. Choose another one, such as sigmoid."
    require(not is_coupled(chosen), rule)
    return Explorer(ActivationScene(chosen, z, chosen).validated(), predict)


def explore_loss(
    losses: Sequence[str] = ("mse", "half_sse", "binary_cross_entropy"),
    *,
    y: float = 1.0,
    y_hat: float = 0.7,
    predict: str | None = None,
) -> Explorer:
    """Explore losses of one output over its prediction, or over z, for a target that you can move.

    Parameters
    ----------
    losses : sequence of str
        The names of one to four losses.
    y, y_hat : float
        The first target and the first prediction, between 0 and 1.
    predict : str, optional
        A question to answer first, as in `explore`.

    Examples
    --------
    >>> explorer = explore_loss(["mse"], y=1.0, y_hat=0.5)
    >>> explorer.set({"y_hat": 0.75})
    >>> explorer.scene.quantity("mse")
    0.0625
    """
    losses = tuple(LOSSES[name].name for name in texts(losses, "losses"))
    require(0 < len(losses) <= 4, f"an explorer shows one to four losses; got {len(losses)}.")
    return Explorer(LossScene(losses, y, y_hat).validated(), predict)


def explore_surface(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    first: str = "W1[1,1]",
    second: str | None = None,
    loss: Loss | str = "mse",
    learning_rate: float = 0.5,
    controls: Iterable[str] | None = None,
    predict: str | None = None,
    notation: Notation = "standard",
) -> NetworkExplorer:
    """Explore the loss over two weights or biases of a network, with the path of descent on it.

    A click on the surface starts there.

    Parameters
    ----------
    network, x, y, loss, learning_rate, controls, predict, notation
        As in `explore`, for any number of examples.
    first, second : str
        The names of the numbers across and up. By default the second is the one after the first.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> network = Network([Dense([[3.0]], [1.0])])
    >>> explorer = explore_surface(network, [2.0], [9.0], learning_rate=0.05)
    >>> explorer.press("update")
    >>> explorer.value["W1[1,1]"], explorer.value["b1[1]"]  # 3 − 0.05·(−8) and 1 − 0.05·(−4)
    (3.4, 1.2)
    """
    scene = _scene(SurfaceScene, backprop(network, x, y, loss), learning_rate, controls, notation)
    names = list(scene.parameters)
    after = names[(names.index(first) + 1) % len(names)] if one_text(first, "first") in names else names[0]
    second = after if second is None else one_text(second, "second")
    return NetworkExplorer(scene.changed({"first": first, "second": second}), predict, notation)


def explore_boundary(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss | str = "binary_cross_entropy",
    learning_rate: float = 0.5,
    controls: Iterable[str] | None = None,
    predict: str | None = None,
    notation: Notation = "standard",
) -> NetworkExplorer:
    """Explore a network with two inputs: its predictions over their plane, and the points.

    A click on the plane shows the prediction there.

    Parameters
    ----------
    network : Network
    x : (n, 2) array
    y : (n, outputs) array
    loss, learning_rate, controls, predict, notation
        As in `explore`.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> network = Network([Dense([[1.0], [0.0]], [0.0], "sigmoid")])
    >>> explorer = explore_boundary(network, [[-1.0, 0.0], [1.0, 0.0]], [[0.0], [1.0]])
    >>> explorer.view["said"]
    'loss 0.3133, 2 of 2 right'
    """
    require_network(network)
    require(network.sizes[0] == 2, f"a boundary needs a network with two inputs; got {network!r}.")
    scene = _scene(BoundaryScene, backprop(network, x, y, loss), learning_rate, controls, notation)
    return NetworkExplorer(scene.pointed(0.5, 0.5), predict, notation)


def explore_training(
    data: Literal["moons", "spirals", "rings", "xor"] = "moons",
    *,
    learning_rate: float = 0.02,
    width: int = 8,
    epochs: int = 300,
    seed: int = 0,
    activation: str = "tanh",
    predict: str | None = None,
) -> Explorer:
    """Explore a whole training, which is done again at every move of a slider.

    The network has two inputs, two hidden layers of one width and one sigmoid output. Adam trains
    it on all points at once, with the binary cross-entropy.

    Parameters
    ----------
    data : {"moons", "spirals", "rings", "xor"}
    learning_rate : float
    width : int
        The number of units in each hidden layer.
    epochs : int
        At most 1,000.
    seed : int
        The seed of the first weights.
    activation : str
        The activation of the hidden layers.
    predict : str, optional
        A question to answer first, as in `explore`.

    Examples
    --------
    >>> explorer = explore_training("xor", epochs=200)
    >>> print(explorer.scene.history.losses[-1] < 0.1)
    True
    """
    return Explorer(TrainingScene(data, learning_rate, width, epochs, seed, activation).validated(), predict)


def explore_live(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss | str = "binary_cross_entropy",
    optimizer: Optimizer | None = None,
    batch_size: int | None = None,
    shape: tuple[int, int] | None = None,
    labels: Sequence[object] | None = None,
    seed: int = 0,
) -> LiveExplorer:
    """Watch a training: run it, pause it, do one epoch, change the learning rate, or look back.

    Parameters
    ----------
    network, x, y, loss, batch_size
        The arguments of `train`.
    optimizer : Optimizer, optional
        By default Adam(0.01).
    shape : (height, width), optional
        The shape of the inputs as images; then the picture shows the weights of the first layer. By
        default the network has two inputs.
    labels : sequence, optional
        A word or a number for each unit of the first layer, for its image.
    seed : int
        The seed of the shuffles.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcourse import datasets
    >>> moons = datasets.moons()
    >>> network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
    >>> explorer = explore_live(network, moons.x, moons.y)
    >>> explorer.press("epoch")
    >>> explorer.scene.epochs
    1
    """
    optimizer = Adam(0.01) if optimizer is None else optimizer
    require_network(network)
    inputs = 2 if shape is None else math.prod(image_shape(shape))
    needed = "two inputs, or images of the given shape, such as shape=(8, 8)"
    require(network.sizes[0] == inputs, f"needed a network with {needed}; got {network!r}.")
    begun = Training(network, x, y, loss, optimizer, batch_size=batch_size)  # checks that the arguments fit together
    rate = rate_at(optimizer.learning_rate, 1)
    named = labels_of(labels, network.sizes[1], "unit")
    problem = network, begun.x, begun.y, begun.loss, optimizer
    return LiveExplorer(LiveScene(*problem, batch_size, seed, shape, rate, named))


def explore_image(
    network: Network,
    image: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    labels: Sequence[object] | None = None,
    predict: str | None = None,
) -> Explorer:
    """Explore what a network makes of an image: click pixels, draw, or shift it by a pixel.

    Parameters
    ----------
    network : Network
    image : (height, width) array, or (height * width,) array with a `shape`
        Pixels from 0 to 1.
    shape : (height, width), optional
    labels : sequence, optional
        A word or a number for each output.
    predict : str, optional
        A question to answer first, as in `explore`.

    Examples
    --------
    >>> from bpcourse import Dense
    >>> network = Network([Dense([[1.0], [10.0]])])
    >>> explorer = explore_image(network, [[0.0, 1.0]])
    >>> explorer.press("left")
    >>> explorer.value, explorer.scene.quantity("y_hat[1]")
    ({'x[1]': 1.0, 'x[2]': 0.0}, 1.0)
    """
    require_network(network)
    pixels = floats(image, "image")
    height, width = image_shape(shape) if shape is not None else pixels.shape if pixels.ndim == 2 else (0, 0)
    needed = f"image must have {network.sizes[0]} pixels and a shape, such as shape=(8, 8)"
    fits = height * width == pixels.size == network.sizes[0]
    require(fits, f"{needed}; got an array of shape {pixels.shape} and shape={shape}.")
    require(bool(((pixels >= 0) & (pixels <= 1)).all()), "the pixels of image must lie between 0 and 1.")
    named = labels_of(labels, network.sizes[-1], "output")
    return Explorer(ImageScene(network, pixels.reshape(height, width), named).validated(), predict)


def _scene(kind: type[S], trace: Trace, learning_rate: float, controls: Iterable[str] | None, notation: Notation) -> S:
    """Return the first scene of a network."""
    movable = None if controls is None else texts(controls, "controls")
    scene = kind(trace.network, trace["x"], trace["y"], trace.loss_function, 0.5, movable, notation).validated()
    return NetworkScene.changed(scene, {"learning_rate": learning_rate})
