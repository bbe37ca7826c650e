"""The real PyTorch and Keras: models are read, and the programs print the numbers of the trace."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from helpers.random_networks import random_cases

from bpcourse import (
    EXAMPLES,
    LOSSES,
    Dense,
    Network,
    backprop,
    forward,
    from_keras,
    from_torch,
    keras_code,
    leaky_relu,
    torch_code,
)

RNG = np.random.default_rng(3)
W1, B1, W2 = RNG.normal(size=(2, 3)), RNG.normal(size=3), RNG.normal(size=(3, 2))
X, Y = RNG.normal(size=(5, 2)), RNG.dirichlet([1, 1], 5)
BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
HAS_KERAS = bool(find_spec("keras") and BACKENDS)
# Keras 3.15 makes some steps in float32, whatever its floatx is: a tanh with JAX, a product with PyTorch.
KERAS_ERROR = {"error": 5e-6, "least": 1}
keras_warns = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15, NumPy 2.4


def printed(programs, folder):
    """Run the programs one after the other in one fresh Python, and read what each printed, by name."""
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
    """Assert that all numbers were printed, with an error below this share of the array's largest or of `least`."""
    layers = range(1, len(trace.network.layers) + 1)
    wanted = {"y_hat", "loss", "dx", *(f"dW{i}" for i in layers), *(f"db{i}" for i in layers if f"b{i}" in trace)}
    assert set(found) == wanted - set(without)
    for name, array in found.items():
        assert array.shape == np.shape(trace[name])
        assert np.abs(array - trace[name]).max() <= error * max(least, np.abs(trace[name]).max()), name


def test_assert_prints_the_trace__sees_a_wrong_number():
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
    """Make a program for one loss, and for some of the random cases with it, with their traces."""
    cases = [case for case in random_cases(84) if case.loss == loss][::every]
    traces = [backprop(BY_LOSS[loss], X, THREE, loss), *(case.backprop() for case in cases)]
    return [code(trace.network, trace["x"], trace["y"], loss) for trace in traces], traces


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
@pytest.mark.parametrize("loss", LOSSES)
def test_torch_code__prints_the_trace(loss, tmp_path):
    programs, traces = programs_of(torch_code, loss, every=1)
    assert len(programs) > 5
    for found, trace in zip(printed(programs, tmp_path), traces, strict=True):
        assert_prints_the_trace(found, trace)


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
def test_torch_code__forward_pass(tmp_path):
    network = EXAMPLES["lecture"].network
    [found] = printed([torch_code(network, X)], tmp_path)
    assert list(found) == ["y_hat"]
    assert np.abs(found["y_hat"] - forward(network, X)["y_hat"]).max() < 1e-12


@pytest.mark.skipif(not HAS_KERAS, reason="Keras or its backend is not installed")
@pytest.mark.parametrize("loss", LOSSES)
def test_keras_code__prints_the_trace(loss, tmp_path):
    programs, traces = programs_of(keras_code, loss, every=12)
    for found, trace in zip(printed(programs, tmp_path), traces, strict=True):
        assert_prints_the_trace(found, trace, without=["dx"], **KERAS_ERROR)


@pytest.mark.skipif(not HAS_KERAS, reason="Keras or its backend is not installed")
def test_keras_code__forward_pass(tmp_path):
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
def test_from_torch__agrees_with_the_trace(torch, name):
    module = torch_model(torch.nn, name)
    network = from_torch(module)
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


def test_from_torch__float64_agrees_to_all_digits(torch):
    module = torch_model(torch.nn, "twice").double()
    x = torch.tensor(X)
    assert np.abs(module(x).detach().numpy() - forward(from_torch(module), X)["y_hat"]).max() < 1e-14


def test_from_torch__refused(torch):
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
        with pytest.raises(ValueError, match=r"got different outputs.*Build it only from its layers"):
            from_torch(made)
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
            from_torch(made)


def test_from_torch__lazy_layer_has_no_weights_yet(torch):
    lazy = torch.nn.Sequential(torch.nn.LazyLinear(3))
    with pytest.raises(ValueError, match="must have weights that are numbers; got a UninitializedParameter"):
        from_torch(lazy)
    lazy(torch.zeros(1, 2))
    assert from_torch(lazy).sizes == (2, 3)


@pytest.fixture
def keras():
    if not HAS_KERAS:
        pytest.skip("Keras or its backend is not installed")
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
def test_from_keras__agrees_with_the_trace(keras, name):
    made = keras_model(keras, name)
    network = from_keras(made)
    assert np.abs(made.predict(X, verbose=0) - forward(network, X)["y_hat"]).max() < 1e-6
    if name == "layers":
        return  # its Dropout is random in training
    old, trace = made.get_weights(), backprop(network, X, Y)
    made.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss="mse")
    assert float(made.train_on_batch(X, Y)) == pytest.approx(trace.loss, abs=1e-6)
    names = [f"d{q}{n}" for n, layer in enumerate(network.layers, 1) for q in "Wb" if q == "W" or layer.b is not None]
    for q, before, after in zip(names, old, made.get_weights(), strict=True):
        assert np.abs(before - after - trace[q]).max() < 1e-6


@keras_warns
def test_from_keras__refused(keras):
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
        (keras.Model(row, hidden * 2.0), "got different outputs"),
        (keras.Model(row, keras.ops.tanh(hidden)), "got different outputs"),
        (keras.Model(row, shared(shared(row))), "got different outputs"),
    ]:
        with pytest.raises(ValueError, match=words):
            from_keras(made)
