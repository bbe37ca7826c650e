"""Reading models of Keras and PyTorch, and writing programs for them. Stand-ins take the place of the frameworks.

`tests/frameworks` has the same with the real ones.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import bpcourse
from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    Activation,
    Dense,
    Network,
    from_keras,
    from_torch,
    keras_code,
    leaky_relu,
    torch_code,
)

RNG = np.random.default_rng(3)
W1, B1, W2, B2 = RNG.normal(size=(2, 3)), RNG.normal(size=3), RNG.normal(size=(3, 2)), RNG.normal(size=2)
X, Y = RNG.normal(size=(5, 2)), RNG.dirichlet([1, 1], 5)


def same(network, layers):
    """Tell whether the network has exactly these (W, b, name of the activation)."""
    found = [(layer.W.tolist(), layer.b if layer.b is None else layer.b.tolist(), layer.activation.name)
             for layer in network.layers]  # fmt: skip
    return found == [(np.asarray(W).tolist(), b if b is None else np.asarray(b).tolist(), f) for W, b, f in layers]


# Stand-ins: classes with the names and the attributes of the real ones


def stand_in(name, base, **own):
    """Make an object of a new class with this name."""
    made = type(name, (base,), {})()
    vars(made).update(own)
    return made


class FakeTensor(np.ndarray):
    new_tensor = staticmethod(np.array)


def tensor(rows):
    return np.array(rows, dtype=float).view(FakeTensor)


class FakeModule:
    """A module that calls its children in order, unless it has a `compute`."""

    training, inner, own, compute = True, (), (), None

    def named_children(self):
        return [(f"part{i}", child) for i, child in enumerate(self.inner)]

    def children(self):
        return list(self.inner)

    def parameters(self, recurse):
        return iter(self.own)

    def __iter__(self):
        return iter(self.inner)

    def __call__(self, x):
        if self.compute:
            return self.compute(x)
        for child in self.inner:
            x = child(x)
        return x


def sequential(*inner):
    return stand_in("Sequential", FakeModule, inner=inner)


def linear(W, b=None):
    bias = None if b is None else tensor(b)
    return stand_in(
        "Linear", FakeModule, weight=tensor(W).T, bias=bias, compute=lambda x: x @ W + (0 if b is None else b)
    )


def torch_part(name, f=lambda x: x, **own):
    return stand_in(name, FakeModule, compute=f, **own)


def f(name):
    return ACTIVATIONS[name].f


class FakeLayer:
    name = "mine"


class FakeModel(FakeLayer):
    input_shape = (None, 2)

    def predict_on_batch(self, x):
        for layer in self.layers:
            x = layer.compute(x)
        return x

    compute = predict_on_batch


def function(name):
    def made(z):
        return ACTIVATIONS["identity" if name == "linear" else name].f(z) if name in ACTIVATIONS else z

    made.__name__ = name
    return made


def dense(W, b=None, activation="linear", f=None):
    activation = function(activation) if isinstance(activation, str) else activation
    weights = [np.float32(W)] + ([] if b is None else [np.float32(b)])
    apply = f or getattr(activation, "compute", activation)
    return stand_in(
        "Dense", FakeLayer, get_weights=lambda: weights, activation=activation,
        compute=lambda x: apply(x @ W + (0 if b is None else b)),
    )  # fmt: skip


def keras_part(name, f=lambda x: x, **own):
    return stand_in(name, FakeLayer, compute=f, **own)


def model(*layers, **own):
    return stand_in("Sequential", FakeModel, layers=list(layers), **own)


TORCH_ACTIVATIONS = [
    ("sigmoid", torch_part("Sigmoid", f("sigmoid"))),
    ("tanh", torch_part("Tanh", f("tanh"))),
    ("relu", torch_part("ReLU", f("relu"))),
    ("leaky_relu(0.2)", torch_part("LeakyReLU", leaky_relu(0.2).f, negative_slope=0.2)),
    ("relu", torch_part("LeakyReLU", f("relu"), negative_slope=0.0)),
    ("softmax", torch_part("Softmax", f("softmax"), dim=-1)),
    ("softmax", torch_part("Softmax", f("softmax"), dim=1)),
    ("identity", torch_part("Identity")),
    ("identity", torch_part("Dropout", training=False, p=0.5)),
    ("identity", torch_part("Dropout", training=True, p=0.0)),
    ("tanh", torch_part("Tanh", f("tanh"), own=[W1])),  # parameters of an activation are ignored
]


@pytest.mark.parametrize(("name", "part"), TORCH_ACTIVATIONS)
def test_from_torch__each_part(name, part):
    read = from_torch(sequential(torch_part("Flatten"), linear(W1, B1), part, linear(W2)))
    assert same(read, [(W1, B1, name), (W2, None, "identity")])


def test_from_torch__nested_modules_and_a_repeated_activation():
    tanh = torch_part("Tanh", f("tanh"))
    nested = sequential(linear(W1, B1), tanh, sequential(linear(W2, B2), tanh), linear(W1))
    assert same(from_torch(nested), [(W1, B1, "tanh"), (W2, B2, "tanh"), (W1, None, "identity")])
    mine = stand_in("MyModule", FakeModule, inner=(linear(W1, B1), torch_part("ReLU", f("relu")), linear(W2)))
    assert same(from_torch(mine), [(W1, B1, "relu"), (W2, None, "identity")])


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "softmax"])
def test_from_keras__each_activation_function(name):
    ours = "identity" if name == "linear" else name
    expected = [(np.float32(W1), np.float32(B1), ours), (np.float32(W2), None, "identity")]
    assert same(from_keras(model(dense(W1, B1, name, f(ours)), dense(W2))), expected)
    after = keras_part("Activation", f(ours), activation=function(name))
    assert same(from_keras(model(dense(W1, B1), after, dense(W2))), expected)


KERAS_PARTS = [
    ("relu", keras_part("ReLU", f("relu"), max_value=None, negative_slope=0.0, threshold=0.0)),
    ("leaky_relu(0.1)", keras_part("ReLU", leaky_relu(0.1).f, max_value=None, negative_slope=0.1, threshold=0.0)),
    ("leaky_relu(0.3)", keras_part("LeakyReLU", leaky_relu(0.3).f, negative_slope=0.3)),
    ("softmax", keras_part("Softmax", f("softmax"), axis=-1)),
    ("identity", keras_part("Dropout", rate=0.5)),
]


@pytest.mark.parametrize(("name", "part"), KERAS_PARTS)
def test_from_keras__each_part(name, part):
    expected = [(np.float32(W1), None, name), (np.float32(W2), np.float32(B2), "identity")]
    read = from_keras(model(keras_part("InputLayer"), dense(W1), part, model(dense(W2, B2))))
    assert same(read, expected)
    if name != "identity":  # Keras also accepts a layer as `activation=`
        assert same(from_keras(model(dense(W1, None, part), dense(W2, B2))), expected)


def test_from_keras__leaky_relu_function_has_slope_0_2():
    read = from_keras(model(dense(W1, B1, "leaky_relu", leaky_relu(0.2).f)))
    assert read.layers[0].activation.name == "leaky_relu(0.2)"


def test_from_keras__images_are_flattened():
    flat = keras_part("Flatten", lambda x: x.reshape(len(x), -1))
    W = RNG.normal(size=(6, 2))
    assert same(from_keras(model(flat, dense(W), input_shape=(None, 2, 3))), [(np.float32(W), None, "identity")])


def test_from_keras__float32_weights_are_copied_to_float64():
    W = np.float32([[0.1], [1 / 3]])
    layer = dense(W)
    network = from_keras(model(layer))
    assert network.layers[0].W.dtype == np.float64
    assert network.layers[0].W.tolist() == W.tolist() != [[0.1], [1 / 3]]
    layer.get_weights()[0][:] = 0
    assert network.layers[0].W.tolist() != [[0], [0]]


READS = "reads Linear, Sigmoid, Tanh, ReLU, LeakyReLU, Softmax, Identity, Flatten, Dropout; got"
TORCH_REFUSED = [
    (lambda: [1, 2], TypeError, "needed a PyTorch module, such as nn.Sequential.*got a list, which is not one"),
    (lambda: FakeModule, TypeError, "got the class FakeModule.*Pass the model itself"),
    (lambda: model(dense(W1)), TypeError, "a Keras model to from_keras"),
    (lambda: sequential(torch_part("Conv2d")), ValueError, READS + " Conv2d at 0. Make a model without it"),
    (lambda: sequential(linear(W1), sequential(torch_part("GELU"))), ValueError, READS + " GELU at 1.0"),
    (lambda: torch_part("LSTM", own=[W1]), ValueError, READS + " LSTM. Make"),
    (lambda: sequential(linear(W1), torch_part("BatchNorm1d", own=[B1])), ValueError, READS + " BatchNorm1d at 1"),
    (lambda: stand_in("Attention", FakeModule, inner=(linear(W1),), own=[W1]), ValueError, READS + " Attention"),
    (lambda: sequential(), ValueError, READS + " Sequential"),
    (
        lambda: sequential(torch_part("Tanh")),
        ValueError,
        "reads Tanh at 0 after a dense layer; got it before the first",
    ),
    (lambda: sequential(torch_part("Identity")), ValueError, "at least one dense layer; got one with none"),
    (
        lambda: sequential(linear(W1), torch_part("Tanh"), torch_part("ReLU")),
        ValueError,
        "one activation for each layer; got ReLU at 2 after tanh",
    ),
    (
        lambda: sequential(linear(W1), torch_part("Softmax", dim=0)),
        ValueError,
        "over the units.*got 0 in Softmax at 1. Give it -1",
    ),
    (lambda: sequential(linear(W1), torch_part("Softmax", dim=None)), ValueError, "got None in Softmax at 1"),
    (
        lambda: sequential(linear(W1), torch_part("Dropout", p=0.5)),
        ValueError,
        r"Dropout at 1 must be switched off.*module\.eval\(\)",
    ),
    (
        lambda: sequential(torch_part("Linear", weight=object(), bias=None)),
        ValueError,
        "Linear at 0 must have weights that are numbers; got a object.*Call the module once",
    ),
    (
        lambda: sequential(linear(W1), linear(W1)),
        ValueError,
        r"follow one another; here layer 2 must take the 3 outputs.*branches",
    ),
    (lambda: sequential(linear(W1 * np.nan)), ValueError, "W must hold finite numbers"),
    (
        lambda: stand_in(
            "Mine", FakeModule, inner=(linear(W1), linear(W2)), compute=lambda x: np.maximum(x @ W1, 0) @ W2
        ),
        ValueError,
        "from_torch needs a model that computes what its layers do.*got different outputs.*function that is not a",
    ),
    (
        lambda: stand_in(
            "Mine", FakeModule, inner=(linear(W1 / 100), linear(W2)), compute=lambda x: np.tanh(x @ W1 / 100) @ W2
        ),
        ValueError,
        "got different outputs",
    ),
    (
        lambda: stand_in("Mine", FakeModule, inner=(linear(W1),), compute=lambda x: (x @ W1)[0]),
        ValueError,
        "got different outputs",
    ),
    (
        lambda: stand_in("Mine", FakeModule, inner=(linear(W1),), compute=lambda x: x @ W1 + np.nan),
        ValueError,
        "got different outputs",
    ),
    (
        lambda: stand_in("Mine", FakeModule, inner=(linear(W1),), compute=lambda x, y: x),
        ValueError,
        r"takes a batch of shape \(16, 2\), as its layers do; got TypeError: .*missing 1 required",
    ),
]
KERAS_READS = "reads Dense, Activation, ReLU, LeakyReLU, Softmax, InputLayer, Flatten, Dropout; got"
FUNCTIONS = "reads linear, sigmoid, tanh, relu, leaky_relu, softmax; got the activation"
KERAS_REFUSED = [
    (lambda: None, TypeError, "needed a Keras model, such as keras.Sequential.*got a NoneType, which is not one"),
    (lambda: sequential(linear(W1)), TypeError, "a PyTorch module to from_torch"),
    (lambda: model(keras_part("Conv2D")), ValueError, KERAS_READS + " Conv2D 'mine'. Make a model without it"),
    (
        lambda: model(dense(W1), keras_part("BatchNormalization")),
        ValueError,
        KERAS_READS + " BatchNormalization 'mine'",
    ),
    (lambda: model(dense(W1), keras_part("Add")), ValueError, KERAS_READS + " Add"),
    (lambda: model(dense(W1, B1, "gelu")), ValueError, FUNCTIONS + " gelu in Dense 'mine'"),
    (lambda: model(dense(W1, B1, lambda z: z)), ValueError, FUNCTIONS + " <lambda> in Dense 'mine'"),
    (lambda: model(dense(W1, B1, keras_part("PReLU"))), ValueError, KERAS_READS + " PReLU in Dense 'mine'"),
    (lambda: model(dense(W1), keras_part("ReLU", max_value=6.0)), ValueError, "ReLU 'mine' with a max_value"),
    (lambda: model(dense(W1), keras_part("Softmax", axis=0)), ValueError, "got 0 in Softmax 'mine'"),
    (
        lambda: model(keras_part("Dense", get_weights=list)),
        ValueError,
        r"Dense 'mine' must have weights; got none yet. Call model\.build",
    ),
    (lambda: model(keras_part("Dense", get_weights=lambda: [1, 2, 3])), ValueError, "with 3 arrays of weights"),
    (lambda: model(), ValueError, "at least one dense layer; got one with none"),
    (
        lambda: model(dense(W1), input_shape=[(None, 2), (None, 2)]),
        ValueError,
        "2 values, as its first Dense takes.*one input",
    ),
    (lambda: model(dense(W1), input_shape={"left": (None, 2), "right": (None, 2)}), ValueError, "one input"),
    (lambda: model(dense(W1), input_shape=(None, 4, 2)), ValueError, r"got \(4, 2\).*Flatten"),
    (lambda: model(dense(W1), input_shape=(None, None)), ValueError, r"got \(None,\)"),
    (
        lambda: model(dense(W1, None, "linear", f("tanh")), dense(W2)),
        ValueError,
        "from_keras needs.*got different outputs",
    ),
]


@pytest.mark.parametrize(("make", "kind", "words"), TORCH_REFUSED)
def test_from_torch__refused(make, kind, words):
    with pytest.raises(kind, match=words):
        from_torch(make())


@pytest.mark.parametrize(("make", "kind", "words"), KERAS_REFUSED)
def test_from_keras__refused(make, kind, words):
    with pytest.raises(kind, match=words):
        from_keras(make())


def test_package__imports_no_framework():
    imported = set()
    for path in Path(bpcourse.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert "numpy" in imported
    assert imported.isdisjoint({"torch", "keras", "tensorflow", "jax"})


# The programs, as far as they can be tested without a framework


@pytest.mark.parametrize("code", [torch_code, keras_code])
def test_program__is_python_with_all_digits(code):
    network = Network([Dense(W1, B1, leaky_relu(0.2)), Dense(W2, None, "softmax")])
    program = code(network, X, Y, "categorical_cross_entropy")
    lists = [ast.literal_eval(node) for node in ast.walk(ast.parse(program)) if isinstance(node, ast.List) and
             all(isinstance(entry, ast.List) for entry in node.elts)]  # fmt: skip
    assert all(array.tolist() in lists for array in (W1, W2, X, Y))
    assert repr(B1.tolist()) in program
    assert f"\n    {W1[0].tolist()},\n" in program
    assert "bpcourse" not in program
    assert "loss" not in code(network, X)


LOSS_LINES = {
    "mse": ("loss = nn.MSELoss()(y_hat, y)", "loss = keras.losses.MeanSquaredError()"),
    "half_sse": (
        "loss = ((y_hat - y) ** 2).sum() / 2 / len(y)",
        "def loss(y, y_hat):\n    return keras.ops.sum((y_hat - y) ** 2, axis=-1) / 2\n\n\nmodel.compile(",
    ),
    "binary_cross_entropy": (
        "loss = nn.BCEWithLogitsLoss()(model[:-1](x), y)  # the loss takes z",
        "loss = keras.losses.BinaryCrossentropy(from_logits=True)",
    ),
    "categorical_cross_entropy": (
        "loss = nn.CrossEntropyLoss()(model[:-1](x), y)  # the loss takes z",
        "loss = keras.losses.CategoricalCrossentropy(from_logits=True)",
    ),
}


@pytest.mark.parametrize("loss", bpcourse.LOSSES)
def test_program__each_loss(loss):
    output = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}.get(loss, "identity")
    network = Network([Dense(W1, B1, "relu"), Dense(W2, None, output)])
    torch, keras = torch_code(network, X, Y, loss), keras_code(network, X, Y, loss)
    assert f"\n{LOSS_LINES[loss][0]}" in torch
    assert f"\n{LOSS_LINES[loss][1]}" in keras
    assert ("keras.Sequential(model.layers[:-1])" in keras) == loss.endswith("cross_entropy")
    assert "nn.Linear(3, 2, bias=False)" in torch
    assert "keras.layers.Dense(2, use_bias=False)" in keras
    assert torch.endswith('print("dW2 =", model[2].weight.grad.T.tolist())\nprint("dx =", x.grad.tolist())\n')


MINE = Activation("square", np.square, lambda z: 2 * z)
PROGRAM_REFUSED = [
    (
        lambda code: code(Network([Dense(W1, B1, MINE)]), X),
        "activations identity, sigmoid.*got a custom activation, square",
    ),
    (
        lambda code: code(Network([Dense(W1, B1, Activation("tanh", np.tan))]), X),
        "got a custom activation, tanh. Use one of",
    ),
    (
        lambda code: code(EXAMPLES["lecture"].network, X, Y, bpcourse.Loss("mine", np.add, np.add)),
        "losses mse, half_sse.*got a custom loss, mine",
    ),
    (lambda code: code(EXAMPLES["lecture"].network, X, Y, "msee"), "Did you mean 'mse'"),
    (lambda code: code(EXAMPLES["lecture"].network, X.T), "x must have 2 values"),
    (lambda code: code(EXAMPLES["lecture"].network, X, Y[0]), "y must have the shape"),
    (
        lambda code: code(EXAMPLES["lecture"].network, X, Y, "categorical_cross_entropy"),
        "needs probabilities from a softmax",
    ),
]


@pytest.mark.parametrize("code", [torch_code, keras_code])
@pytest.mark.parametrize(("call", "words"), PROGRAM_REFUSED)
def test_program__refused(code, call, words):
    with pytest.raises(ValueError, match=words):
        call(code)
