"""Write a network as a program for PyTorch or Keras, so that you can check its numbers independently.

The programs do not import bpcourse. They compute in float64 as the course does, because the frameworks'
default is float32. Each line of their output is a name of the trace and its array as a Python list. W is
(inputs, units) in both.
"""

from __future__ import annotations

from bpcourse.engine.activations import ACTIVATIONS, Activation
from bpcourse.engine.backpropagation import backprop
from bpcourse.engine.entries import parameters_of, require_network
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Network, forward
from bpcourse.engine.validation import Array, ArrayLike, require
from bpcourse.render import render

TORCH = {"sigmoid": "Sigmoid()", "tanh": "Tanh()", "relu": "ReLU()", "softmax": "Softmax(dim=-1)"}
TORCH |= {"identity": "", "leaky": "LeakyReLU({slope})"}
KERAS = {name: f'Activation("{name}")' for name in ("sigmoid", "tanh", "relu", "softmax")}
KERAS |= {"identity": "", "leaky": "LeakyReLU(negative_slope={slope})"}


def torch_code(network: Network, x: ArrayLike, y: ArrayLike | None = None, loss: Loss | str = "mse") -> str:
    """Write a PyTorch program that prints `y_hat` and, with targets `y`, the loss and all gradients including `dx`.

    Parameters
    ----------
    network, x, loss
        As in `backprop`.
    y : (n, outputs) array_like, optional
        Targets. Without them the program only makes the forward pass.

    Returns
    -------
    str
        The program.

    Raises
    ------
    ValueError
        For what `backprop` refuses, and for a custom activation or loss.

    Examples
    --------
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
    require_network(network)
    modules, layers = list[str](), []
    for number, layer in enumerate(network.layers, start=1):
        layers.append({"number": number, "index": len(modules), "biased": layer.b is not None})
        modules.append(f"Linear({layer.W.shape[0]}, {layer.W.shape[1]}{', bias=False' * (layer.b is None)})")
        modules += filter(None, [_spelled(layer.activation, TORCH)])
    return _program("program_torch.py.jinja", network, x, y, loss, modules=modules, layers=layers)


def keras_code(network: Network, x: ArrayLike, y: ArrayLike | None = None, loss: Loss | str = "mse") -> str:
    """Write a Keras 3 program that prints `y_hat` and, with targets `y`, the loss and the gradients of all weights.

    It runs with TensorFlow, JAX or PyTorch, whichever is installed. Keras has no call for a gradient that
    works with all three, so the program makes one step of gradient descent with η = 1: old − new is the
    gradient. Keras 3.15 makes some steps in float32 whatever the setting is (a tanh with JAX, a product with
    PyTorch). Then only 6 digits agree.

    Parameters
    ----------
    network, x, loss
        As in `backprop`.
    y : (n, outputs) array_like, optional
        Targets. Without them the program only makes the forward pass.

    Returns
    -------
    str
        The program.

    Raises
    ------
    ValueError
        For what `backprop` refuses, and for a custom activation or loss.

    Examples
    --------
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
    require_network(network)
    modules = list[str]()
    for layer in network.layers:
        modules.append(f"Dense({layer.W.shape[1]}{', use_bias=False' * (layer.b is None)})")
        modules += filter(None, [_spelled(layer.activation, KERAS)])
    return _program("program_keras.py.jinja", network, x, y, loss, modules=modules, inputs=network.sizes[0])


def _program(
    template: str, network: Network, x: ArrayLike, y: ArrayLike | None, loss: Loss | str, **values: object
) -> str:
    """Check the pass that the program is to repeat, and render its template."""
    loss = LOSSES.pick(loss)
    known = f"a program can have the losses {', '.join(LOSSES)}"
    require(LOSSES.get(loss.name) == loss, f"{known}; got a custom loss, {loss.name}. Use one of these.")
    trace = forward(network, x) if y is None else backprop(network, x, y, loss)
    arrays = [(name, _list(array)) for name, array in parameters_of(network).items()]
    written = {name: _list(trace[name]) if name in trace else None for name in ("x", "y")}
    return render(template, arrays=arrays, loss=loss.name, **written, **values)


def _spelled(activation: Activation, names: dict[str, str]) -> str:
    """Get the framework's name of an activation, "" for the identity. Raises ValueError for a custom activation."""
    name = activation.name
    if name.startswith("leaky_relu("):
        return names["leaky"].format(slope=-float(activation.f(-1.0)))
    known = f"a program can have the activations {', '.join(ACTIVATIONS)}"
    require(ACTIVATIONS.get(name) == activation, f"{known}; got a custom activation, {name}. Use one of these.")
    return names[name]


def _list(array: Array) -> str:
    """Write an array as a Python list with all digits. A larger matrix has one line for each row."""
    rows = array.tolist()
    if array.ndim < 2 or len(rows) == 1 or array.size <= 4:
        return repr(rows)
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"
