"""Models of Keras and PyTorch read, and written as programs: with stand-ins everywhere, for real where they are."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_cases

import bpcourse
from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    Activation,
    Dense,
    Network,
    backprop,
    forward,
    keras_code,
    leaky_relu,
    torch_code,
)

RNG = np.random.default_rng(3)
W1, B1, W2, B2 = RNG.normal(size=(2, 3)), RNG.normal(size=3), RNG.normal(size=(3, 2)), RNG.normal(size=2)
X, Y = RNG.normal(size=(5, 2)), RNG.dirichlet([1, 1], 5)


def same(network, layers):
    """Return whether the network is these (W, b, name of activation), number for number."""
    found = [(layer.W.tolist(), layer.b if layer.b is None else layer.b.tolist(), layer.activation.name)
             for layer in network.layers]  # fmt: skip
    return found == [(np.asarray(W).tolist(), b if b is None else np.asarray(b).tolist(), f) for W, b, f in layers]


# Stand-ins: classes that have the names, and what else is asked of the real ones


def stand_in(name, base, **own):
    """Return an object of a new class of this name."""
    made = type(name, (base,), {})()
    vars(made).update(own)
    return made


class FakeTensor(np.ndarray):
    new_tensor = staticmethod(np.array)


def tensor(rows):
    return np.array(rows, dtype=float).view(FakeTensor)


class FakeModule:
    """A module computes its children in order, unless `compute` says otherwise."""

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
    ("tanh", torch_part("Tanh", f("tanh"), own=[W1])),  # its parameters, if it had any, are not asked for
]


@pytest.mark.parametrize(("name", "part"), TORCH_ACTIVATIONS)
def test_each_part_of_a_torch_module_is_read(name, part):
    read = Network.from_torch(sequential(torch_part("Flatten"), linear(W1, B1), part, linear(W2)))
    assert same(read, [(W1, B1, name), (W2, None, "identity")])


def test_nested_modules_and_one_activation_used_twice_are_read():
    tanh = torch_part("Tanh", f("tanh"))
    nested = sequential(linear(W1, B1), tanh, sequential(linear(W2, B2), tanh), linear(W1))
    assert same(Network.from_torch(nested), [(W1, B1, "tanh"), (W2, B2, "tanh"), (W1, None, "identity")])
    mine = stand_in("MyModule", FakeModule, inner=(linear(W1, B1), torch_part("ReLU", f("relu")), linear(W2)))
    assert same(Network.from_torch(mine), [(W1, B1, "relu"), (W2, None, "identity")])


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "softmax"])
def test_each_activation_of_a_keras_layer_is_read(name):
    ours = "identity" if name == "linear" else name
    expected = [(np.float32(W1), np.float32(B1), ours), (np.float32(W2), None, "identity")]
    assert same(Network.from_keras(model(dense(W1, B1, name, f(ours)), dense(W2))), expected)
    after = keras_part("Activation", f(ours), activation=function(name))
    assert same(Network.from_keras(model(dense(W1, B1), after, dense(W2))), expected)


KERAS_PARTS = [
    ("relu", keras_part("ReLU", f("relu"), max_value=None, negative_slope=0.0, threshold=0.0)),
    ("leaky_relu(0.1)", keras_part("ReLU", leaky_relu(0.1).f, max_value=None, negative_slope=0.1, threshold=0.0)),
    ("leaky_relu(0.3)", keras_part("LeakyReLU", leaky_relu(0.3).f, negative_slope=0.3)),
    ("leaky_relu(0.3)", keras_part("LeakyReLU", leaky_relu(0.3).f, alpha=np.array(0.3))),  # Keras 2
    ("softmax", keras_part("Softmax", f("softmax"), axis=-1)),
    ("identity", keras_part("Dropout", rate=0.5)),
]


@pytest.mark.parametrize(("name", "part"), KERAS_PARTS)
def test_each_part_of_a_keras_model_is_read(name, part):
    expected = [(np.float32(W1), None, name), (np.float32(W2), np.float32(B2), "identity")]
    read = Network.from_keras(model(keras_part("InputLayer"), dense(W1), part, model(dense(W2, B2))))
    assert same(read, expected)
    if name != "identity":  # `activation=` may be given a layer
        assert same(Network.from_keras(model(dense(W1, None, part), dense(W2, B2))), expected)


def test_the_function_leaky_relu_of_keras_has_its_own_slope():
    read = Network.from_keras(model(dense(W1, B1, "leaky_relu", leaky_relu(0.2).f)))
    assert read.layers[0].activation.name == "leaky_relu(0.2)"


def test_an_example_that_is_no_row_is_flattened():
    flat = keras_part("Flatten", lambda x: x.reshape(len(x), -1))
    W = RNG.normal(size=(6, 2))
    assert same(
        Network.from_keras(model(flat, dense(W), input_shape=(None, 2, 3))), [(np.float32(W), None, "identity")]
    )


def test_float32_becomes_float64_by_value_and_nothing_of_the_model_is_held():
    W = np.float32([[0.1], [1 / 3]])
    layer = dense(W)
    network = Network.from_keras(model(layer))
    assert network.layers[0].W.dtype == np.float64
    assert network.layers[0].W.tolist() == W.tolist() != [[0.1], [1 / 3]]
    layer.get_weights()[0][:] = 0
    assert network.layers[0].W.tolist() != [[0], [0]]


READS = "reads Linear, Sigmoid, Tanh, ReLU, LeakyReLU, Softmax, Identity, Flatten, Dropout; got"
TORCH_REFUSED = [
    (lambda: [1, 2], TypeError, "needed a PyTorch module, such as nn.Sequential.*got a list, which has no children"),
    (lambda: FakeModule, TypeError, "got the class FakeModule.*Give a model itself"),
    (lambda: model(dense(W1)), TypeError, "one of Keras to from_keras"),
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
        "one activation a layer; got ReLU at 2 after tanh",
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
        "from_torch needs a model that computes what its layers do.*got other outputs.*a function that is no layer",
    ),
    (
        lambda: stand_in(
            "Mine", FakeModule, inner=(linear(W1 / 100), linear(W2)), compute=lambda x: np.tanh(x @ W1 / 100) @ W2
        ),
        ValueError,
        "got other outputs",
    ),
    (
        lambda: stand_in("Mine", FakeModule, inner=(linear(W1),), compute=lambda x: (x @ W1)[0]),
        ValueError,
        "got other outputs",
    ),
    (
        lambda: stand_in("Mine", FakeModule, inner=(linear(W1),), compute=lambda x: x @ W1 + np.nan),
        ValueError,
        "got other outputs",
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
    (lambda: None, TypeError, "needed a Keras model, such as keras.Sequential.*got a NoneType, which has no layers"),
    (lambda: sequential(linear(W1)), TypeError, "one of PyTorch to from_torch"),
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
    (lambda: model(dense(W1, None, "linear", f("tanh")), dense(W2)), ValueError, "from_keras needs.*got other outputs"),
]


@pytest.mark.parametrize(("make", "kind", "words"), TORCH_REFUSED)
def test_what_no_network_has_is_refused_of_torch_in_words(make, kind, words):
    with pytest.raises(kind, match=words):
        Network.from_torch(make())


@pytest.mark.parametrize(("make", "kind", "words"), KERAS_REFUSED)
def test_what_no_network_has_is_refused_of_keras_in_words(make, kind, words):
    with pytest.raises(kind, match=words):
        Network.from_keras(make())


def test_no_module_of_the_package_imports_a_framework():
    imported = set()
    for path in Path(bpcourse.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert "numpy" in imported
    assert imported.isdisjoint({"torch", "keras", "tensorflow", "jax"})


# The programs: what holds without a framework


@pytest.mark.parametrize("code", [torch_code, keras_code])
def test_a_program_is_python_with_every_digit_of_the_network_and_lines_of_its_own_for_rows(code):
    network = Network([Dense(W1, B1, leaky_relu(0.2)), Dense(W2, None, "softmax")])
    program = code(network, X, Y, "categorical_cross_entropy")
    lists = [ast.literal_eval(node) for node in ast.walk(ast.parse(program)) if isinstance(node, ast.List) and
             all(isinstance(entry, ast.List) for entry in node.elts)]  # fmt: skip
    assert all(array.tolist() in lists for array in (W1, W2, X, Y))
    assert repr(B1.tolist()) in program
    assert f"\n    {W1[0].tolist()},\n" in program
    assert "bpcourse" not in program
    assert "loss" not in code(network, X)


MINE = Activation("square", np.square, lambda z: 2 * z)
PROGRAM_REFUSED = [
    (
        lambda code: code(Network([Dense(W1, B1, MINE)]), X),
        "activations identity, sigmoid.*got one of your own, square",
    ),
    (
        lambda code: code(Network([Dense(W1, B1, Activation("tanh", np.tan))]), X),
        "got one of your own, tanh. Use one of",
    ),
    (
        lambda code: code(EXAMPLES["lecture"].network, X, Y, bpcourse.Loss("mine", np.add, np.add)),
        "losses mse, half_sse.*got one of your own, mine",
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
def test_what_a_program_cannot_have_is_refused_in_words(code, call, words):
    with pytest.raises(ValueError, match=words):
        call(code)


# With the real frameworks, where they are installed

BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
HAS_KERAS = bool(find_spec("keras") and BACKENDS)
# Some steps Keras 3.15 makes in float32, whatever its floatx is: a tanh with JAX, a product with PyTorch.
KERAS_ERROR = {"error": 5e-6, "least": 1}
keras_warns = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15, NumPy 2.4


def printed(programs, folder):
    """Run the programs one after the other in one fresh Python; return what each printed, by name."""
    for number, program in enumerate(programs):
        (folder / f"{number:03}.py").write_text(program, encoding="utf-8")
    run_all = "import runpy, sys\nfor path in sys.argv[1:]:\n    print('NEXT')\n    runpy.run_path(path)"
    command = [sys.executable, *(["-c", run_all] if len(programs) > 1 else []), *sorted(map(str, folder.glob("*.py")))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert ran.returncode == 0, ran.stderr
    texts = ran.stdout.split("NEXT\n")[1:] if len(programs) > 1 else [ran.stdout]
    return [
        {name: np.array(ast.literal_eval(value)) for name, value in (line.split(" = ") for line in text.splitlines())}
        for text in texts
    ]


def assert_prints_the_trace(found, trace, without=(), error=1e-9, least=1e-3):
    """Assert that each number to be printed is there, to this share of its array's largest (of `least`, if smaller)."""
    layers = range(1, len(trace.network.layers) + 1)
    wanted = {"y_hat", "loss", "dx", *(f"dW{i}" for i in layers), *(f"db{i}" for i in layers if f"b{i}" in trace)}
    assert set(found) == wanted - set(without)
    for name, array in found.items():
        assert array.shape == np.shape(trace[name])
        assert np.abs(array - trace[name]).max() <= error * max(least, np.abs(trace[name]).max()), name


def test_the_comparison_of_printed_numbers_sees_a_wrong_one():
    trace = EXAMPLES["lecture"].backprop()
    found = {name: trace[name] for name in ("y_hat", "loss", "dx", "dW1", "db1", "dW2", "db2")}
    assert_prints_the_trace(found, trace)
    for wrong in (trace["dW1"].T, trace["dW1"] * 1.00001, trace["dW1"][0]):
        with pytest.raises(AssertionError):
            assert_prints_the_trace(found | {"dW1": wrong}, trace)
    with pytest.raises(AssertionError):
        assert_prints_the_trace({"y_hat": trace["y_hat"]}, trace)


BY_LOSS = {
    loss: Network([Dense(W1, B1, "tanh"), Dense(W2, None, leaky_relu(0.2)), Dense(W1, B1, output)])
    for loss, output in {"mse": "sigmoid", "half_sse": "identity", "binary_cross_entropy": "sigmoid",
                         "categorical_cross_entropy": "softmax"}.items()
}  # fmt: skip
THREE = RNG.dirichlet([1, 1, 1], 5)


def programs_of(code, loss, every):
    """Return a program for one loss, and for some of the random cases with it, with their traces."""
    cases = [case for case in random_cases(84) if case.loss == loss][::every]
    traces = [backprop(BY_LOSS[loss], X, THREE, loss), *(case.backprop() for case in cases)]
    return [code(trace.network, trace["x"], trace["y"], loss) for trace in traces], traces


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
@pytest.mark.parametrize("loss", LOSSES)
def test_the_torch_program_prints_the_numbers_of_the_trace(loss, tmp_path):
    programs, traces = programs_of(torch_code, loss, every=1)
    assert len(programs) > 5
    for found, trace in zip(printed(programs, tmp_path), traces, strict=True):
        assert_prints_the_trace(found, trace)


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
def test_the_torch_program_of_a_forward_pass_runs_alone(tmp_path):
    network = EXAMPLES["lecture"].network
    [found] = printed([torch_code(network, X)], tmp_path)
    assert list(found) == ["y_hat"]
    assert np.abs(found["y_hat"] - forward(network, X)["y_hat"]).max() < 1e-12


@pytest.mark.skipif(not HAS_KERAS, reason="Keras, or what it computes with, is not installed")
@pytest.mark.parametrize("loss", LOSSES)
def test_the_keras_program_prints_the_numbers_of_the_trace(loss, tmp_path):
    programs, traces = programs_of(keras_code, loss, every=12)
    for found, trace in zip(printed(programs, tmp_path), traces, strict=True):
        assert_prints_the_trace(found, trace, without=["dx"], **KERAS_ERROR)


@pytest.mark.skipif(not HAS_KERAS, reason="Keras, or what it computes with, is not installed")
def test_the_keras_program_of_a_forward_pass_runs_alone(tmp_path):
    network = EXAMPLES["lecture"].network
    [found] = printed([keras_code(network, X)], tmp_path)
    assert list(found) == ["y_hat"]
    assert np.abs(found["y_hat"] - forward(network, X)["y_hat"]).max() < 1e-6


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch


def torch_model(nn, name):
    tanh = nn.Tanh()
    return {
        "lecture": lambda: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2), nn.Sigmoid()),
        "nested": lambda: nn.Sequential(
            nn.Flatten(), nn.Sequential(nn.Linear(2, 7), nn.LeakyReLU(0.2)), nn.Linear(7, 2)
        ),
        "no bias": lambda: nn.Sequential(
            nn.Linear(2, 5, bias=False), nn.ReLU(), nn.Identity(), nn.Linear(5, 2), nn.Tanh()
        ),
        "twice": lambda: nn.Sequential(
            nn.Linear(2, 4), tanh, nn.Linear(4, 4), tanh, nn.Linear(4, 2), nn.Softmax(dim=1)
        ),
        "dropped": lambda: nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2)).eval(),
        "one layer": lambda: nn.Linear(2, 2),
    }[name]()


@pytest.mark.parametrize("name", ["lecture", "nested", "no bias", "twice", "dropped", "one layer"])
def test_a_torch_module_and_our_trace_agree(torch, name):
    module = torch_model(torch.nn, name)
    network = Network.from_torch(module)
    x = torch.tensor(X, dtype=torch.float32, requires_grad=True)
    y_hat = module(x)
    loss = torch.nn.MSELoss()(y_hat, torch.tensor(Y, dtype=torch.float32))
    loss.backward()
    trace = backprop(network, X, Y)
    assert np.abs(y_hat.detach().numpy() - trace["y_hat"]).max() < 1e-6
    assert loss.item() == pytest.approx(trace.loss, abs=1e-6)
    assert np.abs(x.grad.numpy() - trace["dx"]).max() < 1e-6
    linears = [child for child in module.modules() if isinstance(child, torch.nn.Linear)]
    assert len(linears) == len(network.layers)
    for number, child in enumerate(linears, start=1):
        assert network.layers[number - 1].W.tolist() == child.weight.T.tolist()
        assert np.abs(child.weight.grad.T.numpy() - trace[f"dW{number}"]).max() < 1e-6
        assert (child.bias is None) == (f"b{number}" not in trace)
        if child.bias is not None:
            assert np.abs(child.bias.grad.numpy() - trace[f"db{number}"]).max() < 1e-6


def test_torch_in_64_bits_agrees_to_all_digits(torch):
    module = torch_model(torch.nn, "twice").double()
    x = torch.tensor(X)
    assert np.abs(module(x).detach().numpy() - forward(Network.from_torch(module), X)["y_hat"]).max() < 1e-14


def test_real_torch_modules_are_refused_in_words(torch):
    nn = torch.nn

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(2, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)))

    class Branching(Functional):
        def forward(self, x):
            return self.second(self.first(x)) + x

    class OneForAll(Functional):
        def __init__(self):
            super().__init__()
            self.act = nn.Tanh()

        def forward(self, x):
            return self.act(self.second(self.act(self.first(x))))

    for made in (Functional(), Branching(), OneForAll()):
        with pytest.raises(ValueError, match=r"got other outputs.*Build it from its layers alone"):
            Network.from_torch(made)
    for made, words in [
        (nn.Sequential(nn.Conv2d(1, 2, 3)), "got Conv2d at 0"),
        (nn.LSTM(2, 3), "got LSTM"),
        (nn.MultiheadAttention(4, 2), "got MultiheadAttention"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "got BatchNorm1d at 1"),
        (nn.Sequential(nn.Linear(2, 3), nn.GELU()), "got GELU at 1"),
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU6()), "got ReLU6 at 1"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softplus()), "got Softplus at 1"),
        (nn.Sequential(nn.Linear(2, 3), nn.Dropout()), "Dropout at 1 must be switched off"),
        (nn.Sequential(nn.Linear(2, 3, device="meta")), "must have weights that are numbers"),
        (nn.Bilinear(2, 2, 2), "got Bilinear"),
    ]:
        with pytest.raises(ValueError, match=words):
            Network.from_torch(made)


def test_a_lazy_torch_layer_has_no_weights_yet(torch):
    lazy = torch.nn.Sequential(torch.nn.LazyLinear(3))
    with pytest.raises(ValueError, match="must have weights that are numbers; got a UninitializedParameter"):
        Network.from_torch(lazy)
    lazy(torch.zeros(1, 2))
    assert Network.from_torch(lazy).sizes == (2, 3)


@pytest.fixture
def keras():
    if not HAS_KERAS:
        pytest.skip("Keras, or what it computes with, is not installed")
    os.environ.setdefault("KERAS_BACKEND", BACKENDS[0])
    import keras

    keras.utils.set_random_seed(0)
    return keras


def keras_model(keras, name):
    layers, row = keras.layers, keras.Input((2,))
    if name == "functional":
        return keras.Model(row, layers.Dense(2, "sigmoid")(layers.Dense(3, "tanh")(row)))
    return keras.Sequential([row, *{
        "lecture": lambda: [layers.Dense(2, activation="sigmoid"), layers.Dense(2, activation="sigmoid")],
        "layers": lambda: [layers.Dense(4, use_bias=False), layers.ReLU(), layers.Dense(3), layers.LeakyReLU(),
                           layers.Dropout(0.5), layers.Dense(2), layers.Softmax()],
        "leaky": lambda: [layers.Dense(5, "leaky_relu"), layers.Dense(2), layers.Activation("tanh")],
        "given": lambda: [layers.Dense(5, activation=layers.LeakyReLU(negative_slope=0.1)), layers.Flatten(),
                          keras.Sequential([layers.Dense(2, "relu")])],
    }[name]()])  # fmt: skip


@keras_warns
@pytest.mark.parametrize("name", ["lecture", "functional", "layers", "leaky", "given"])
def test_a_keras_model_and_our_trace_agree(keras, name):
    made = keras_model(keras, name)
    network = Network.from_keras(made)
    assert np.abs(made.predict(X, verbose=0) - forward(network, X)["y_hat"]).max() < 1e-6
    if name == "layers":
        return  # in training its Dropout draws at random
    old, trace = made.get_weights(), backprop(network, X, Y)
    made.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss="mse")
    assert float(made.train_on_batch(X, Y)) == pytest.approx(trace.loss, abs=1e-6)
    names = [f"d{q}{n}" for n, layer in enumerate(network.layers, 1) for q in "Wb" if q == "W" or layer.b is not None]
    for q, before, after in zip(names, old, made.get_weights(), strict=True):
        assert np.abs(before - after - trace[q]).max() < 1e-6


@keras_warns
def test_real_keras_models_are_refused_in_words(keras):
    layers, row = keras.layers, keras.Input((2,))
    shared, hidden = layers.Dense(2, "tanh"), layers.Dense(2)(row)
    two = keras.Model([row, other := keras.Input((2,))], layers.Dense(2)(layers.Add()([row, other])))
    for made, words in [
        (keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)]), "got Conv2D"),
        (keras.Sequential([row, layers.Dense(3, "gelu")]), "got the activation gelu"),
        (keras.Sequential([row, layers.Dense(3), layers.BatchNormalization()]), "got BatchNormalization"),
        (keras.Sequential([layers.Dense(3)]), "must have weights; got none yet"),
        (keras.Sequential([keras.Input((4, 2)), layers.Dense(3)]), r"got \(4, 2\)"),
        (keras.Sequential([row, layers.Dense(3), layers.ReLU(max_value=6.0)]), "with a max_value"),
        (keras.Model(row, layers.Add()([row, hidden])), "got Add"),
        (two, "got Add"),
        (keras.Model(row, hidden * 2.0), "got other outputs"),
        (keras.Model(row, keras.ops.tanh(hidden)), "got other outputs"),
        (keras.Model(row, shared(shared(row))), "got other outputs"),
    ]:
        with pytest.raises(ValueError, match=words):
            Network.from_keras(made)
