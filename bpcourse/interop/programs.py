"""A network as a program for Keras or PyTorch that prints the same numbers, so that nobody has to believe this course.

The programs import no bpcourse. They ask for float64, as the course has it; the frameworks' own default is float32.
Each line that they print is a name of the trace and its array, as a Python list: W is (inputs, units) in both.
"""

from __future__ import annotations

from collections.abc import Callable

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import backprop
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Forward, Network, forward
from bpcourse.engine.validation import Array, ArrayLike, require

TORCH_ACTIVATIONS = {"sigmoid": "Sigmoid()", "tanh": "Tanh()", "relu": "ReLU()", "softmax": "Softmax(dim=-1)"}


def torch_code(network: Network, x: ArrayLike, y: ArrayLike | None = None, loss: Loss | str = "mse") -> str:
    """Return a PyTorch program that prints `y_hat` and, with targets `y`, the loss and every gradient, also `dx`.

    x, y, loss : as for `backprop`, which says what is refused; also refused are activations and losses of one's own

    >>> from bpcourse import Dense
    >>> network = Network([Dense([[0.5], [-1.0]], [0.25], "tanh")])
    >>> print(torch_code(network, [2.0, 1.0]))
    import torch
    from torch import nn
    <BLANKLINE>
    torch.set_default_dtype(torch.float64)
    W1 = torch.tensor([[0.5], [-1.0]])
    b1 = torch.tensor([0.25])
    x = torch.tensor([[2.0, 1.0]], requires_grad=True)
    <BLANKLINE>
    model = nn.Sequential(
        nn.Linear(2, 1),
        nn.Tanh(),
    )
    with torch.no_grad():
        model[0].weight.copy_(W1.T)  # nn.Linear keeps a row for each unit
        model[0].bias.copy_(b1)
    <BLANKLINE>
    y_hat = model(x)
    print("y_hat =", y_hat.tolist())
    <BLANKLINE>
    """
    found, loss = _pass(network, x, y, loss)
    children, tensors, copies, gradients = list[str](), list[str](), list[str](), list[str]()
    for number, layer in enumerate(network.layers, start=1):
        linear, (n_in, n_out) = f"model[{len(children)}]", layer.W.shape
        children.append(f"nn.Linear({n_in}, {n_out}{'' if layer.b is not None else ', bias=False'})")
        if name := _spelled(layer.activation, TORCH_ACTIVATIONS.__getitem__, "LeakyReLU({})"):
            children.append(f"nn.{name}")
        tensors.append(f"W{number} = torch.tensor({_list(layer.W)})")
        remark = "  # nn.Linear keeps a row for each unit" if number == 1 else ""
        copies.append(f"    {linear}.weight.copy_(W{number}.T){remark}")
        gradients.append(f'print("dW{number} =", {linear}.weight.grad.T.tolist())')
        if layer.b is not None:
            tensors.append(f"b{number} = torch.tensor({_list(layer.b)})")
            copies.append(f"    {linear}.bias.copy_(b{number})")
            gradients.append(f'print("db{number} =", {linear}.bias.grad.tolist())')
    lines = ["import torch", "from torch import nn", "", "torch.set_default_dtype(torch.float64)", *tensors]
    lines += [f"x = torch.tensor({_list(found['x'])}, requires_grad=True)", ""]
    lines += ["model = nn.Sequential(", *(f"    {child}," for child in children), ")"]
    lines += ["with torch.no_grad():", *copies, "", "y_hat = model(x)", 'print("y_hat =", y_hat.tolist())']
    if y is not None:
        lines += ["", f"y = torch.tensor({_list(found['y'])})", *_TORCH_LOSSES[loss.name], "loss.backward()"]
        lines += ['print("loss =", loss.item())', *gradients, 'print("dx =", x.grad.tolist())']
    return "\n".join([*lines, ""])


_LOGITS = "  # the loss takes z, in which nothing is rounded"
_TORCH_LOSSES = {
    "mse": ["loss = nn.MSELoss()(y_hat, y)"],
    "half_sse": ["loss = ((y_hat - y) ** 2).sum() / 2 / len(y)"],
    "binary_cross_entropy": [f"loss = nn.BCEWithLogitsLoss()(model[:-1](x), y){_LOGITS}"],
    "categorical_cross_entropy": [f"loss = nn.CrossEntropyLoss()(model[:-1](x), y){_LOGITS}"],
}


def keras_code(network: Network, x: ArrayLike, y: ArrayLike | None = None, loss: Loss | str = "mse") -> str:
    """Return a Keras 3 program that prints `y_hat` and, with targets `y`, the loss and the gradients of all weights.

    It runs with whichever of TensorFlow, JAX and PyTorch is installed. Keras has no call for a gradient that works with
    all three, so the program makes one step of gradient descent with η = 1: old − new is the gradient. Some steps
    Keras 3.15 makes in float32, whatever it is told (a tanh with JAX, a product with PyTorch): then 6 digits agree.

    x, y, loss : as for `backprop`, which says what is refused; also refused are activations and losses of one's own

    >>> from bpcourse import Dense
    >>> network = Network([Dense([[0.5], [-1.0]], [0.25], "tanh")])
    >>> print(keras_code(network, [2.0, 1.0], [0.5]).partition("import keras")[2])
    <BLANKLINE>
    import numpy as np
    <BLANKLINE>
    keras.config.set_floatx("float64")
    weights = {
        "W1": np.array([[0.5], [-1.0]]),
        "b1": np.array([0.25]),
    }
    x = np.array([[2.0, 1.0]])
    <BLANKLINE>
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(1),
        keras.layers.Activation("tanh"),
    ])
    model.set_weights(list(weights.values()))
    print("y_hat =", model.predict(x, verbose=0).tolist())
    <BLANKLINE>
    y = np.array([[0.5]])
    loss = keras.losses.MeanSquaredError()
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=loss)
    print("loss =", float(model.train_on_batch(x, y)))  # and one step of gradient descent
    for (name, old), new in zip(weights.items(), model.get_weights()):
        print(f"d{name} =", (old - new).tolist())  # a step of 1: old - new is the gradient
    <BLANKLINE>
    """
    found, loss = _pass(network, x, y, loss)
    layers, arrays = [f"keras.Input(({network.sizes[0]},))"], list[str]()
    for number, layer in enumerate(network.layers, start=1):
        layers.append(f"keras.layers.Dense({layer.W.shape[1]}{'' if layer.b is not None else ', use_bias=False'})")
        if name := _spelled(layer.activation, 'Activation("{}")'.format, "LeakyReLU(negative_slope={})"):
            layers.append(f"keras.layers.{name}")
        arrays.append(f'"W{number}": np.array({_list(layer.W)})')
        if layer.b is not None:
            arrays.append(f'"b{number}": np.array({_list(layer.b)})')
    lines = [_KERAS_OPENING, "weights = {", *(f"    {array}," for array in arrays), "}"]
    lines += [f"x = np.array({_list(found['x'])})", ""]
    lines += ["model = keras.Sequential([", *(f"    {layer}," for layer in layers), "])"]
    lines += ["model.set_weights(list(weights.values()))", 'print("y_hat =", model.predict(x, verbose=0).tolist())']
    if y is not None:
        lines += ["", f"y = np.array({_list(found['y'])})", *_KERAS_LOSSES[loss.name], _KERAS_CLOSING]
    return "\n".join([*lines, ""])


_KERAS_OPENING = """\
import importlib.util
import os

for backend in ("tensorflow", "jax", "torch"):  # Keras computes with the first of them that is installed
    if importlib.util.find_spec(backend):
        os.environ.setdefault("KERAS_BACKEND", backend)
os.environ.setdefault("JAX_ENABLE_X64", "1")  # JAX knows float64 only if told so

import keras
import numpy as np

keras.config.set_floatx("float64")"""

_KERAS_LOGITS = f"model = keras.Sequential(model.layers[:-1]){_LOGITS}"
_KERAS_LOSSES = {
    "mse": ["loss = keras.losses.MeanSquaredError()"],
    "half_sse": ["", "", "def loss(y, y_hat):", "    return keras.ops.sum((y_hat - y) ** 2, axis=-1) / 2", "", ""],
    "binary_cross_entropy": [_KERAS_LOGITS, "loss = keras.losses.BinaryCrossentropy(from_logits=True)"],
    "categorical_cross_entropy": [_KERAS_LOGITS, "loss = keras.losses.CategoricalCrossentropy(from_logits=True)"],
}

_KERAS_CLOSING = """\
model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=loss)
print("loss =", float(model.train_on_batch(x, y)))  # and one step of gradient descent
for (name, old), new in zip(weights.items(), model.get_weights()):
    print(f"d{name} =", (old - new).tolist())  # a step of 1: old - new is the gradient"""


def _pass(network: Network, x: ArrayLike, y: ArrayLike | None, loss: Loss | str) -> tuple[Forward, Loss]:
    """Return the pass that a program is to repeat, and its loss; ValueError for a loss that a framework lacks."""
    loss = LOSSES.pick(loss)
    known = LOSSES.get(loss.name) == loss
    require(
        known, f"a program can have the losses {', '.join(LOSSES)}; got one of your own, {loss.name}. Use one of these."
    )
    return (forward(network, x) if y is None else backprop(network, x, y, loss)), loss


def _spelled(activation: Activation, plain: Callable[[str], str], leaky: str) -> str:
    """Return an activation as a framework spells it, "" for identity; ValueError for one that a framework lacks."""
    name = activation.name
    if name == "identity":
        return ""
    if name.startswith("leaky_relu("):
        return leaky.format(-float(activation.f(-1.0)))
    known = f"a program can have the activations {', '.join(ACTIVATIONS)}"
    require(ACTIVATIONS.get(name) == activation, f"{known}; got one of your own, {name}. Use one of these.")
    return plain(name)


def _list(array: Array) -> str:
    """Return an array as Python writes it as a list, with every digit; a row of a matrix has a line of its own."""
    rows = array.tolist()
    if array.ndim < 2 or len(rows) == 1 or array.size <= 4:
        return repr(rows)
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"
