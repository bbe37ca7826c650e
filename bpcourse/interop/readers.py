"""Read dense models of Keras and PyTorch. Neither framework is imported.

A model is recognized by what it has (`layers` in Keras, `children()` in PyTorch), and each part by the name of
its class:

| here                 | Keras                                     | PyTorch                                  |
|----------------------|-------------------------------------------|------------------------------------------|
| W (inputs, units), b | Dense: kernel (inputs, units), bias       | Linear: weight (units, inputs), bias     |
| the activation       | that of Dense; Activation, ReLU,          | Sigmoid, Tanh, ReLU, LeakyReLU, Softmax; |
|                      | LeakyReLU, Softmax; identity if none      | identity if none                         |
| nothing              | InputLayer, Flatten, Dropout              | Identity, Flatten, Dropout after eval()  |

The result computes what calling the model computes. The parts of a model do not tell everything: a `forward` may
apply a ReLU that is not a submodule. So in the end the model and the network make a few predictions, which must
agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS, Activation, leaky_relu
from bpcourse.engine.network import Dense, Network, forward
from bpcourse.engine.validation import Array, require

Part: TypeAlias = Dense | Activation  # a layer of weights and biases, or the activation after it

KERAS = ("Dense", "Activation", "ReLU", "LeakyReLU", "Softmax", "InputLayer", "Flatten", "Dropout")
TORCH = ("Linear", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Softmax", "Identity", "Flatten", "Dropout")
FUNCTIONS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "softmax")  # as Keras names them
AGREEMENT = 5e-3  # share of the largest prediction: a GPU may multiply with 10 bits, and a missing ReLU shows more


def from_keras(model: Any) -> Network:
    """Convert a Keras model of dense layers to a float64 `Network`.

    Parameters
    ----------
    model : keras.Model
        A `Sequential`, or a functional model whose layers follow one another. It must have weights.

    Returns
    -------
    Network
        What `model(x)` computes, without training: a `Dropout` passes everything on.

    Raises
    ------
    TypeError
        If it is not a Keras model.
    ValueError
        If it has a layer, an activation or a structure that a `Network` does not have.

    Examples
    --------
    >>> class Dense:
    ...     name, activation = "hidden", np.tanh
    ...     def get_weights(self):
    ...         return [np.array([[0.5], [-1.0]]), np.array([0.25])]
    >>> class Model:
    ...     layers, input_shape = [Dense()], (None, 2)
    ...     def predict_on_batch(self, x):
    ...         return np.tanh(x @ [[0.5], [-1.0]] + 0.25)
    >>> from_keras(Model())
    Network(2 → 1, tanh)
    """
    _require_model(model, "predict_on_batch", "Keras model, such as keras.Sequential([…])")
    network = _joined("from_keras", _keras_parts(model))
    n_in = network.sizes[0]
    shape = tuple(getattr(model, "input_shape", None) or (None, n_in))[1:]
    fits = all(isinstance(size, int) for size in shape) and np.prod(shape) == n_in
    advice = "It must have one input; put a Flatten() before the first Dense if an example is not a row."
    needed = f"from_keras reads a model whose input is {n_in} values, as its first Dense takes"
    require(fits, f"{needed}; got {shape}. {advice}")
    _require_agreement("from_keras", network, lambda x: model.predict_on_batch(x.reshape(-1, *shape)))
    return network


def from_torch(module: Any) -> Network:
    """Convert a PyTorch module of linear layers to a float64 `Network`.

    Parameters
    ----------
    module : torch.nn.Module
        An `nn.Sequential`, which may be nested, or a module that calls its children in their order.

    Returns
    -------
    Network
        What `module(x)` computes now. A `Dropout` must be switched off with `module.eval()`.

    Raises
    ------
    TypeError
        If it is not a module.
    ValueError
        If it has a child or a structure that a `Network` does not have.

    Examples
    --------
    >>> class Tensor(np.ndarray):
    ...     new_tensor = np.array
    >>> class Linear:
    ...     weight, bias = np.array([[0.5, -1.0]]).view(Tensor), None  # a row for each unit
    ...     def children(self):
    ...         return []
    ...     def __call__(self, x):
    ...         return x @ self.weight.T
    >>> from_torch(Linear()).layers[0].W
    array([[ 0.5],
           [-1. ]])
    """
    _require_model(module, "children", "PyTorch module, such as nn.Sequential(…)")
    weights: list[Any] = []
    network = _joined("from_torch", _torch_parts(module, "", weights))
    # The weights can make a tensor like themselves: on the same device, of the same type.
    _require_agreement("from_torch", network, lambda x: module(weights[0].new_tensor(x.tolist())).tolist())
    return network


def _require_model(model: object, has: str, needed: str) -> None:
    """Raise TypeError for a class, or for an object without the attribute that a model has."""
    if isinstance(model, type) or not hasattr(model, has):
        came = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        advice = "Pass the model itself: a Keras model to from_keras, a PyTorch module to from_torch."
        raise TypeError(f"needed a {needed}; got {came}, which is not one. {advice}")


def _kind(part: object, known: tuple[str, ...]) -> str:
    """Find the known name among those of a part's class and its base classes, or ""."""
    return next((kind.__name__ for kind in type(part).__mro__ if kind.__name__ in known), "")


def _refusal(reader: str, known: tuple[str, ...], came: str) -> ValueError:
    """Make the error for a part that cannot be read."""
    advice = "Make a model without it: a Network is a sequence of dense layers, each with one of these activations."
    return ValueError(f"{reader} reads {', '.join(known)}; got {came}. {advice}")


def _rectifier(slope: Any) -> Activation:
    """Get the leaky ReLU with this slope for a negative z, or the plain ReLU for 0."""
    return leaky_relu(float(slope)) if float(slope) else ACTIVATIONS["relu"]


def _softmax(label: str, axis: object) -> Activation:
    """Get the softmax, if it is taken over the units."""
    rule = "over the units of each example, the last axis"
    require(axis in (-1, 1), f"a softmax must be taken {rule}; got {axis!r} in {label}. Give it -1.")
    return ACTIVATIONS["softmax"]


def _keras_parts(model: Any) -> Iterator[tuple[str, Part]]:
    """Yield the parts of a model, also of models inside it, each with words for error messages."""
    for layer in model.layers:
        kind, label = _kind(layer, KERAS), f"{type(layer).__name__} {layer.name!r}"
        if kind == "Dense":
            weights = layer.get_weights()
            advice = "Call model.build((None, inputs)), or the model once on some data."
            require(weights, f"{label} must have weights; got none yet. {advice}")
            if len(weights) > 2:
                raise _refusal("from_keras", KERAS, f"{label} with {len(weights)} arrays of weights")
            yield label, Dense(*weights)
        if hasattr(layer, "layers"):
            yield from _keras_parts(layer)
        elif kind in ("Dense", "Activation"):
            yield label, _keras_function(label, layer.activation)
        elif kind not in ("InputLayer", "Flatten", "Dropout"):
            yield label, _keras_activation(label, layer)


def _keras_activation(label: str, layer: Any) -> Activation:
    """Get the activation that a separate layer applies."""
    kind = _kind(layer, KERAS)
    if kind == "Softmax":
        return _softmax(label, layer.axis)
    plain = getattr(layer, "max_value", None) is None and not getattr(layer, "threshold", 0)
    if kind not in ("ReLU", "LeakyReLU") or not plain:
        raise _refusal("from_keras", KERAS, label if plain else f"{label} with a max_value or a threshold")
    return _rectifier(layer.negative_slope)


def _keras_function(label: str, function: Any) -> Activation:
    """Get the activation that a function applies. Keras also accepts a layer as `activation=`."""
    name = getattr(function, "__name__", None)
    if name is None:
        return _keras_activation(f"{type(function).__name__} in {label}", function)
    if name not in FUNCTIONS:
        raise _refusal("from_keras", FUNCTIONS, f"the activation {name} in {label}")
    if name == "leaky_relu":
        return leaky_relu(0.2)  # the default of Keras' function; the default of its layer is 0.3
    return ACTIVATIONS["identity" if name == "linear" else name]


def _torch_parts(module: Any, path: str, weights: list[Any]) -> Iterator[tuple[str, Part]]:
    """Yield the parts of a module, each with words for error messages. Collect the weight tensors in `weights`."""
    kind, label = _kind(module, TORCH), type(module).__name__ + (f" at {path}" if path else "")
    if kind == "Linear":
        try:
            W = np.array(module.weight.tolist()).T  # from any device, with or without its gradient
        except (AttributeError, RuntimeError, ValueError):
            came = f"got a {type(module.weight).__name__} without any. Call the module once on some data."
            raise ValueError(f"{label} must have weights that are numbers; {came}") from None
        weights.append(module.weight)
        yield label, Dense(W, None if module.bias is None else module.bias.tolist())
    elif kind == "Dropout":
        advice = "Call module.eval() first."
        require(not (module.training and module.p), f"{label} must be switched off, because it is random. {advice}")
    elif kind == "Softmax":
        yield label, _softmax(label, module.dim)
    elif kind in ("ReLU", "LeakyReLU"):
        yield label, _rectifier(getattr(module, "negative_slope", 0))
    elif kind in ("Sigmoid", "Tanh"):
        yield label, ACTIVATIONS[kind.lower()]
    elif kind not in ("Identity", "Flatten"):
        ordered = _kind(module, ("Sequential", "ModuleList"))  # children() skips a repeated child
        inner = [(str(i), child) for i, child in enumerate(module)] if ordered else list(module.named_children())
        if not inner or any(True for _ in module.parameters(recurse=False)):
            raise _refusal("from_torch", TORCH, label)
        for name, child in inner:
            yield from _torch_parts(child, f"{path}.{name}".lstrip("."), weights)


def _joined(reader: str, parts: Iterable[tuple[str, Part]]) -> Network:
    """Make a network of layers, each with the activation that follows it, or the identity."""
    identity, layers = ACTIVATIONS["identity"], list[Dense]()
    for label, part in parts:
        if isinstance(part, Dense):
            layers.append(part)
        elif part != identity:
            advice = "Each dense layer has one activation, after it."
            require(layers, f"{reader} reads {label} after a dense layer; got it before the first. {advice}")
            before = layers[-1].activation
            one = f"{reader} reads one activation for each layer; got {label} after {before.name}. {advice}"
            require(before == identity, one)
            layers[-1] = replace(layers[-1], activation=part)
    require(layers, f"{reader} reads a model with at least one dense layer; got one with none.")
    try:
        return Network(layers)
    except ValueError as error:
        advice = "A model that branches, or calls its layers in a different order, is not a Network."
        raise ValueError(f"{reader} reads layers that follow one another; here {error} {advice}") from None


def _require_agreement(reader: str, network: Network, call: Callable[[Array], Any]) -> None:
    """Raise ValueError unless the model, called on a batch, makes the predictions of the network."""
    rows = np.random.default_rng(0).normal(size=(2, 8, network.sizes[0]))
    rows[1] *= 100  # far from 0, a missing or wrong activation shows even with small weights
    x: Array = rows.reshape(16, -1)
    ours = forward(network, x).y_hat
    try:
        theirs = np.asarray(call(x), dtype=np.float64)
    except Exception as raised:  # a model that takes something different may raise anything
        came = f"got {type(raised).__name__}: {raised}"
        needed = f"{reader} needs a model that takes a batch of shape {x.shape}, as its layers do"
        raise ValueError(f"{needed}; {came}") from raised
    agree = theirs.shape == ours.shape
    if agree:
        error, size = (np.abs(array).reshape(2, -1).max(axis=1) for array in (theirs - ours, ours))
        agree = bool((error <= AGREEMENT * size).all())
    why = "It may apply a function that is not a layer, use a layer twice, add a branch, or compute in 16 bits."
    advice = "Build it only from its layers, activations too, in the order in which they are called."
    needed = f"{reader} needs a model that computes what its layers do, one after another"
    require(agree, f"{needed}; got different outputs. {why} {advice}")
