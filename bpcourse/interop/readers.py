"""Dense models of Keras and PyTorch, read as layers of this course. Neither framework is imported.

A model is known by what it has (`layers` in Keras, `children()` in PyTorch), each part by the name of its class:

| here                 | Keras                                     | PyTorch                                  |
|----------------------|-------------------------------------------|------------------------------------------|
| W (inputs, units), b | Dense: kernel (inputs, units), bias       | Linear: weight (units, inputs), bias     |
| the activation       | that of Dense; Activation, ReLU,          | Sigmoid, Tanh, ReLU, LeakyReLU, Softmax; |
|                      | LeakyReLU, Softmax; identity if none      | identity if none                         |
| nothing              | InputLayer, Flatten, Dropout              | Identity, Flatten, Dropout after eval()  |

What is read is what calling the model computes. Its parts alone do not say that (a `forward` may apply a ReLU
that is no child), so at the end the model and what was read of it compute a few predictions, which must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from bpcourse.engine import validation
from bpcourse.engine.activations import ACTIVATIONS, Activation, leaky_relu
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, require

Layer: TypeAlias = "tuple[Array, Array | None, Activation]"
Part: TypeAlias = "tuple[Any, Any] | Activation"  # the weights and biases of a layer, or what follows them

KERAS = ("Dense", "Activation", "ReLU", "LeakyReLU", "Softmax", "InputLayer", "Flatten", "Dropout")
TORCH = ("Linear", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Softmax", "Identity", "Flatten", "Dropout")
FUNCTIONS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "softmax")  # as Keras names them
AGREEMENT = 5e-3  # of the largest prediction: a graphics card may multiply with 10 bits, and a lost ReLU shows more


def keras_layers(model: Any) -> list[Layer]:
    """Return W (inputs, units), b (units,) or None, and the activation of each dense layer of a Keras model.

    model : a `Sequential`, or a functional model whose layers follow one another; built, so that it has weights

    It is read as `model(x)` computes it, without training: a `Dropout` passes everything on. Raises TypeError for what
    is no Keras model, ValueError for a layer, an activation or a way through the layers that a `Network` does not have.

    >>> class Dense:
    ...     name, activation = "hidden", np.tanh
    ...     def get_weights(self):
    ...         return [np.array([[0.5], [-1.0]]), np.array([0.25])]
    >>> class Model:
    ...     layers, input_shape = [Dense()], (None, 2)
    ...     def predict_on_batch(self, x):
    ...         return np.tanh(x @ [[0.5], [-1.0]] + 0.25)
    >>> [(W.tolist(), b.tolist(), f.name) for W, b, f in keras_layers(Model())]
    [([[0.5], [-1.0]], [0.25], 'tanh')]
    """
    _require_model(model, "layers", "Keras model, such as keras.Sequential([…])")
    layers = _joined("from_keras", _keras_parts(model))
    n_in = len(layers[0][0])
    shape = tuple(getattr(model, "input_shape", None) or (None, n_in))[1:]
    fits = all(isinstance(size, int) for size in shape) and np.prod(shape) == n_in
    advice = "It must have one input; put a Flatten() before the first Dense if an example is not a row."
    require(
        fits, f"from_keras reads a model whose input is {n_in} values, as its first Dense takes; got {shape}. {advice}"
    )
    _require_agreement("from_keras", layers, lambda x: model.predict_on_batch(x.reshape(-1, *shape)))
    return layers


def torch_layers(module: Any) -> list[Layer]:
    """Return W (inputs, units), b (units,) or None, and the activation of each linear layer of a PyTorch module.

    module : an `nn.Sequential`, also a nested one, or a module whose children are called in their order

    It is read as `module(x)` computes it now: `Dropout` only after `module.eval()`. Raises TypeError for what is no
    module, ValueError for a child, or a way through the children, that a `Network` does not have.

    >>> class Tensor(np.ndarray):
    ...     new_tensor = np.array
    >>> class Linear:
    ...     weight, bias = np.array([[0.5, -1.0]]).view(Tensor), None  # a row for each unit
    ...     def children(self):
    ...         return []
    ...     def __call__(self, x):
    ...         return x @ self.weight.T
    >>> [(W.tolist(), b, f.name) for W, b, f in torch_layers(Linear())]
    [([[0.5], [-1.0]], None, 'identity')]
    """
    _require_model(module, "children", "PyTorch module, such as nn.Sequential(…)")
    weights: list[Any] = []
    layers = _joined("from_torch", _torch_parts(module, "", weights))
    # The weights know how to make a tensor like them: on their device, of their type.
    _require_agreement("from_torch", layers, lambda x: module(weights[0].new_tensor(x.tolist())).tolist())
    return layers


def from_keras(model: object) -> Network:
    """Convert a Keras model of dense layers to a float64 `Network`; see `keras_layers`."""
    return Network(Dense(*layer) for layer in keras_layers(model))


def from_torch(module: object) -> Network:
    """Convert a PyTorch module of dense layers to a float64 `Network`; see `torch_layers`."""
    return Network(Dense(*layer) for layer in torch_layers(module))


def _require_model(model: object, has: str, needed: str) -> None:
    if isinstance(model, type) or not hasattr(model, has):
        came = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        advice = "Give a model itself: one of Keras to from_keras, one of PyTorch to from_torch."
        raise TypeError(f"needed a {needed}; got {came}, which has no {has} of its own. {advice}")


def _kind(part: object, known: tuple[str, ...]) -> str:
    """Return as what `part` is known, by its class or one that this inherits from; "" if it is not."""
    return next((kind.__name__ for kind in type(part).__mro__ if kind.__name__ in known), "")


def _refusal(reader: str, known: tuple[str, ...], came: str) -> ValueError:
    advice = (
        "Make a model without it: a Network is dense layers, each with one of these activations, one after another."
    )
    return ValueError(f"{reader} reads {', '.join(known)}; got {came}. {advice}")


def _rectifier(slope: Any) -> Activation:
    """Return the leaky ReLU that keeps `slope` of a negative z; 0 is the plain one."""
    return leaky_relu(float(slope)) if float(slope) else ACTIVATIONS["relu"]


def _softmax(label: str, axis: object) -> Activation:
    rule = "over the units of each example, the last axis"
    require(axis in (-1, 1), f"a softmax must be taken {rule}; got {axis!r} in {label}. Give it -1.")
    return ACTIVATIONS["softmax"]


def _keras_parts(model: Any) -> Iterator[tuple[str, Part]]:
    for layer in model.layers:
        kind, label = _kind(layer, KERAS), f"{type(layer).__name__} {layer.name!r}"
        if kind == "Dense":
            weights = layer.get_weights()
            advice = "Call model.build((None, inputs)), or the model once on some data."
            require(weights, f"{label} must have weights; got none yet. {advice}")
            if len(weights) > 2:
                raise _refusal("from_keras", KERAS, f"{label} with {len(weights)} arrays of weights")
            yield label, (weights[0], weights[1] if len(weights) == 2 else None)
        if hasattr(layer, "layers"):
            yield from _keras_parts(layer)
        elif kind in ("Dense", "Activation"):
            yield label, _keras_function(label, layer.activation)
        elif kind not in ("InputLayer", "Flatten", "Dropout"):
            yield label, _keras_activation(label, layer)


def _keras_activation(label: str, layer: Any) -> Activation:
    """Return the activation that a layer of its own applies."""
    kind = _kind(layer, KERAS)
    if kind == "Softmax":
        return _softmax(label, layer.axis)
    plain = getattr(layer, "max_value", None) is None and not getattr(layer, "threshold", 0)
    if kind not in ("ReLU", "LeakyReLU") or not plain:
        raise _refusal("from_keras", KERAS, label if plain else f"{label} with a max_value or a threshold")
    return _rectifier(layer.negative_slope if hasattr(layer, "negative_slope") else layer.alpha)  # Keras 2: alpha


def _keras_function(label: str, function: Any) -> Activation:
    """Return the activation of this name; `activation=` may also be given a layer."""
    name = getattr(function, "__name__", None)
    if name is None:
        return _keras_activation(f"{type(function).__name__} in {label}", function)
    if name not in FUNCTIONS:
        raise _refusal("from_keras", FUNCTIONS, f"the activation {name} in {label}")
    if name == "leaky_relu":
        return leaky_relu(0.2)  # the default of Keras' function; that of its layer is 0.3
    return ACTIVATIONS["identity" if name == "linear" else name]


def _torch_parts(module: Any, path: str, weights: list[Any]) -> Iterator[tuple[str, Part]]:
    """Yield the parts of `module`, and put the tensors of weights that were met into `weights`."""
    kind, label = _kind(module, TORCH), type(module).__name__ + (f" at {path}" if path else "")
    if kind == "Linear":
        try:
            W = np.array(module.weight.tolist()).T  # from any device, with or without its gradient
        except (AttributeError, RuntimeError, ValueError):
            came = f"got a {type(module.weight).__name__} without any. Call the module once on some data."
            raise ValueError(f"{label} must have weights that are numbers; {came}") from None
        weights.append(module.weight)
        yield label, (W, None if module.bias is None else module.bias.tolist())
    elif kind == "Dropout":
        advice = "Call module.eval(), and it is read as it predicts."
        require(not (module.training and module.p), f"{label} must be switched off, as it draws at random. {advice}")
    elif kind == "Softmax":
        yield label, _softmax(label, module.dim)
    elif kind in ("ReLU", "LeakyReLU"):
        yield label, _rectifier(getattr(module, "negative_slope", 0))
    elif kind in ("Sigmoid", "Tanh"):
        yield label, ACTIVATIONS[kind.lower()]
    elif kind not in ("Identity", "Flatten"):
        ordered = _kind(module, ("Sequential", "ModuleList"))  # children() would leave out one that is there twice
        inner = [(str(i), child) for i, child in enumerate(module)] if ordered else list(module.named_children())
        if not inner or any(True for _ in module.parameters(recurse=False)):
            raise _refusal("from_torch", TORCH, label)
        for name, child in inner:
            yield from _torch_parts(child, f"{path}.{name}".lstrip("."), weights)


def _joined(reader: str, parts: Iterable[tuple[str, Part]]) -> list[Layer]:
    """Return the layers, each with the activation that follows it; identity if none does."""
    identity, layers = ACTIVATIONS["identity"], list[Layer]()
    for label, part in parts:
        if not isinstance(part, Activation):
            layers.append((*validation.weights(*part, np.float64), identity))
        elif part != identity:
            advice = "Each dense layer has one activation, after it."
            require(layers, f"{reader} reads {label} after a dense layer; got it before the first. {advice}")
            W, b, before = layers[-1]
            require(
                before == identity, f"{reader} reads one activation a layer; got {label} after {before.name}. {advice}"
            )
            layers[-1] = (W, b, part)
    require(layers, f"{reader} reads a model with at least one dense layer; got one with none.")
    try:
        validation.require_chain([W for W, _, _ in layers])
    except ValueError as error:
        advice = "A model that branches, or calls its layers in another order, is no Network."
        raise ValueError(f"{reader} reads layers that follow one another; here {error} {advice}") from None
    return layers


def _require_agreement(reader: str, layers: list[Layer], call: Callable[[Array], Any]) -> None:
    """Raise ValueError unless the model, called on a batch, predicts what `layers` do."""
    rows = np.random.default_rng(0).normal(size=(2, 8, len(layers[0][0])))
    rows[1] *= 100  # far out even small weights show that a tanh is none, or is missing
    x: Array = rows.reshape(16, -1)
    a = x
    for W, b, activation in layers:
        a = activation.f(a @ W if b is None else a @ W + b)
    try:
        theirs = np.asarray(call(x), dtype=np.float64)
    except Exception as raised:  # whatever a model may raise that takes something else
        came = f"got {type(raised).__name__}: {raised}"
        needed = f"{reader} needs a model that takes a batch of shape {x.shape}, as its layers do"
        raise ValueError(f"{needed}; {came}") from raised
    agree = theirs.shape == a.shape
    if agree:
        error, size = (np.abs(array).reshape(2, -1).max(axis=1) for array in (theirs - a, a))
        agree = bool((error <= AGREEMENT * size).all())
    why = "It may apply a function that is no layer of its own, use a layer twice, add a branch, or compute in 16 bits."
    advice = "Build it from its layers alone, activations too, in the order in which they are called."
    needed = f"{reader} needs a model that computes what its layers do, one after another"
    require(agree, f"{needed}; got other outputs. {why} {advice}")
