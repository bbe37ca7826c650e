"""Training is backprop and an optimiser's rule, again and again: held against plain formulas on random networks."""

import json
import math
import time

import numpy as np
import pytest
from helpers.random_networks import random_cases
from helpers.support import PROJECT

from bpcourse import EXAMPLES, Activation, Dense, Network, backprop, sgd_step
from bpcourse.engine.optimizers import SGD, Adam, Momentum
from bpcourse.engine.tape import Parameters, Tape
from bpcourse.engine.training import train

CASES = random_cases(200)
LECTURE = EXAMPLES["lecture"]
SWISH = Activation(
    "swish", lambda z: z / (1 + np.exp(-z)), lambda z: (1 + np.exp(-z) * (1 + z)) / (1 + np.exp(-z)) ** 2
)


def vector(network):
    return Parameters.of(network).vector


def gradient(network, x, y, loss):
    """The gradient of `backprop` in the order of `vector`."""
    trace = backprop(network, x, y, loss)
    layers = [
        Dense(trace[f"dW{k}"], None if layer.b is None else trace[f"db{k}"], layer.activation)
        for k, layer in enumerate(network.layers, start=1)
    ]
    return vector(Network(layers))


def quiet(*arguments, **settings):
    return train(*arguments[:4], **dict(zip(["optimizer","epochs","batch_size"],arguments[4:])), progress=False, **settings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_one_step_is_sgd_step_of_backprop(case):
    history = quiet(case.network, case.x, case.y, case.loss, SGD(0.25), epochs=1)
    trace = backprop(case.network, case.x, case.y, case.loss)
    expected = vector(sgd_step(trace, 0.25))
    assert np.allclose(vector(history.network), expected, rtol=0, atol=1e-12 * abs(expected).max())
    assert history.losses[0] == pytest.approx(trace.loss, rel=1e-12, abs=1e-15)
    g = gradient(case.network, case.x, case.y, case.loss)
    assert history.columns["gradient norm"][0] == pytest.approx(math.sqrt((g**2).sum()), rel=1e-10)


@pytest.mark.parametrize("activation", [SWISH, "leaky_relu", "softmax"])
def test_an_activation_without_a_short_form_is_trained_by_its_own(activation):
    rng = np.random.default_rng(0)
    network = Network.initialize([3, 4, 2], [activation, activation], rng)
    x, y = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    expected = vector(sgd_step(backprop(network, x, y), 0.5))
    assert np.allclose(vector(quiet(network, x, y, epochs=1).network), expected, rtol=0, atol=1e-13)


def by_hand(optimizer, w, gradients, rates):
    """The textbook's update, written out once more."""
    v = m = np.zeros_like(w)
    for t, (gradient_at, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        g = gradient_at(w)
        if isinstance(optimizer, SGD):
            w = w - rate * g
        elif isinstance(optimizer, Momentum) and optimizer.convention == "pytorch":
            v = optimizer.momentum * v + g
            w = w - rate * v
        elif isinstance(optimizer, Momentum):
            v = optimizer.momentum * v - rate * g
            w = w + v
        else:
            m = optimizer.beta1 * m + (1 - optimizer.beta1) * g
            v = optimizer.beta2 * v + (1 - optimizer.beta2) * g**2
            mean, square = m / (1 - optimizer.beta1**t), v / (1 - optimizer.beta2**t)
            w = w - rate * mean / (np.sqrt(square) + optimizer.epsilon)
    return w


def falling(epoch):
    return 0.2 / epoch


@pytest.mark.parametrize("rate", [0.05, falling])
@pytest.mark.parametrize(
    "optimizer",
    [SGD, Momentum, lambda rate: Momentum(rate, 0.5, "keras"), Adam, lambda rate: Adam(rate, 0.5, 0.9, 1e-3)],
)
def test_many_steps_are_the_textbooks(optimizer, rate):
    rng = np.random.default_rng(2)
    network = Network.initialize([3, 5, 2], ["tanh", "sigmoid"], rng)
    x, y = rng.normal(size=(7, 3)), rng.uniform(size=(7, 2))
    chosen = optimizer(rate)
    start = Parameters.of(network)

    def at(w):
        start.vector[...] = w
        return gradient(start.network(), x, y, "mse")

    rates = [rate(t) if callable(rate) else rate for t in range(1, 31)]
    expected = by_hand(chosen, vector(network), [at] * 30, rates)
    assert np.allclose(vector(quiet(network, x, y, optimizer=chosen, epochs=30).network), expected, rtol=0, atol=1e-12)


def test_the_two_conventions_of_momentum_are_the_same_while_the_rate_stays():
    lecture = EXAMPLES["lecture"]
    ends = {
        (convention, rate): vector(
            quiet(lecture.network, lecture.x, lecture.y, optimizer=Momentum(rate, 0.9, convention), epochs=20).network
        )
        for convention in ("pytorch", "keras")
        for rate in (0.1, falling)
    }
    assert np.allclose(ends["pytorch", 0.1], ends["keras", 0.1], atol=1e-13)
    assert not np.allclose(ends["pytorch", falling], ends["keras", falling], atol=1e-3)


def test_batches_are_those_of_one_shuffle_an_epoch():
    rng = np.random.default_rng(5)
    network = Network.initialize([2, 3, 1], ["tanh", "identity"], rng)
    x, y = rng.normal(size=(10, 2)), rng.normal(size=(10, 1))
    w, losses = network, []
    order = np.random.default_rng(7)
    for _ in range(3):
        shuffled, total = order.permutation(10), 0.0
        for batch in (shuffled[:4], shuffled[4:8], shuffled[8:]):
            trace = backprop(w, x[batch], y[batch])
            total += trace.loss * len(batch)
            w = sgd_step(trace, 0.1)
        losses.append(total / 10)
    history = quiet(network, x, y, optimizer=SGD(0.1), epochs=3, batch_size=4, rng=np.random.default_rng(7))
    assert np.allclose(vector(history.network), vector(w), rtol=0, atol=1e-13)
    assert history.losses == pytest.approx(losses, rel=1e-12)


def moons(rng, n=60):
    x = rng.normal(size=(n, 2))
    return x, (x[:, :1] * x[:, 1:] > 0).astype(float)


def test_the_same_seed_gives_the_same_numbers_bit_for_bit():
    x, y = moons(np.random.default_rng(0))
    network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(1))

    def run(seed):
        rng = np.random.default_rng(seed)
        return quiet(network, x, y, "binary_cross_entropy", Adam(0.01), epochs=5, batch_size=7, rng=rng)

    one, two, other = run(3), run(3), run(4)
    assert vector(one.network).tobytes() == vector(two.network).tobytes() != vector(other.network).tobytes()
    assert repr(one) == repr(two)
    assert vector(network).tobytes() == vector(run(3) and network).tobytes()  # what came in is as it was


def test_single_precision_stays_near_double():
    x, y = moons(np.random.default_rng(0))
    network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(1))
    double, single = (quiet(network, x, y, "binary_cross_entropy", dtype=t, epochs=5) for t in (None, np.float32))
    assert single.network.layers[0].W.dtype == np.float32
    assert np.allclose(vector(single.network), vector(double.network), rtol=0, atol=2e-6)


def test_validation_accuracy_snapshots_and_early_stopping():
    rng = np.random.default_rng(0)
    x, y = moons(rng)
    network = Network.initialize([2, 30, 1], ["tanh", "sigmoid"], rng)
    y[::4] = 1 - y[::4]  # noise to be learned by heart
    history = quiet(
        network, x[:30], y[:30], "binary_cross_entropy", Adam(0.1), epochs=400,
        validation=(x[30:], y[30:]), patience=20, accuracy=True, snapshots=[1, 5],
    )  # fmt: skip
    losses = history.columns["validation loss"]
    assert history.stopped == (
        f"Stopped after epoch {len(losses)}: no lower validation loss since epoch {len(losses) - 20}."
    )
    assert losses.argmin() + 1 == len(losses) - 20
    best = backprop(history.network, x[30:], y[30:], "binary_cross_entropy")
    assert best.loss == pytest.approx(losses.min(), rel=1e-12)  # the network is that of the lowest
    right = ((best.y_hat > 0.5) == (y[30:] > 0.5)).mean()
    assert history.columns["validation accuracy"][losses.argmin()] == pytest.approx(right)
    assert set(history.snapshots) == {1, 5}
    first = quiet(network, x[:30], y[:30], "binary_cross_entropy", Adam(0.1), epochs=1).network
    assert vector(history.snapshots[1]).tobytes() == vector(first).tobytes()
    assert len(history.columns["accuracy"]) == len(losses)


def test_accuracy_of_classes_is_the_largest_output():
    network = Network([Dense(np.eye(3), None, "softmax")])
    x, y = np.array([[2.0, 1, 0], [0, 1, 3], [5, 1, 0], [0, 2, 1]]), np.eye(3)[[0, 2, 1, 1]]
    history = quiet(network, x, y, "categorical_cross_entropy", SGD(1e-9), epochs=1, accuracy=True)
    assert history.columns["accuracy"].tolist() == [0.75]


def test_a_loss_that_runs_away_stops_with_words_and_the_last_good_network():
    network = Network([Dense([[3.0]], [1.0])])
    history = quiet(network, [[2.0]], [[9.0]], optimizer=SGD(10.0), epochs=1000)
    assert "the loss is not a finite number any more" in history.stopped
    assert "smaller learning_rate" in repr(history)
    assert np.isfinite(vector(history.network)).all()
    assert np.isfinite(history.losses).all()
    assert 1 < len(history.losses) < 1000


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
def test_a_saturated_output_has_its_true_loss(z):
    network = Network([Dense([[z]], None, "sigmoid")])
    history = quiet(network, [[1.0]], [[float(z < 0)]], "binary_cross_entropy", SGD(1e-3), epochs=2)
    assert history.losses[0] == 1000.0
    assert history.stopped == ""


WHERE = {
    "after an epoch": None,
    "in a batch": ("bpcourse.engine.tape.Tape.run", 8),
    "while it measures": ("bpcourse.engine.tape.Parameters.evaluate", 6),
}


@pytest.mark.parametrize("where", WHERE)
def test_ctrl_c_returns_the_history_so_far(where, monkeypatch):
    x, y = moons(np.random.default_rng(0))
    network = Network.initialize([2, 3, 1], ["tanh", "sigmoid"], np.random.default_rng(1))
    settings = {"loss": "binary_cross_entropy", "batch_size": 20, "accuracy": True, "validation": (x, y)}
    whole = quiet(network, x, y, epochs=2, **settings)

    def interrupt(report):
        if report.epoch == 2:
            raise KeyboardInterrupt

    if WHERE[where]:
        name, count = WHERE[where]
        owner, method = (Tape, "run") if "Tape" in name else (Parameters, "evaluate")
        right, left = getattr(owner, method), [count]

        def broken(*arguments):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return right(*arguments)

        monkeypatch.setattr(owner, method, broken)
    history = quiet(network, x, y, epochs=10, on_epoch=None if WHERE[where] else interrupt, **settings)
    assert history.stopped == "Interrupted after epoch 2."
    assert vector(history.network).tobytes() == vector(whole.network).tobytes()
    assert {name: values.tolist() for name, values in history.columns.items()} == {
        name: values.tolist() for name, values in whole.columns.items()
    }
    assert "Interrupted" in repr(history)


RUNAWAY = {
    "one layer": ([1, 1], ["identity"], "mse", 1e3, None),
    "one layer, at once": ([1, 1], ["identity"], "mse", 1e308, None),
    "deep": ([2, 3, 3, 1], ["identity"] * 3, "mse", 1e3, None),
    "relu in batches": ([2, 8, 1], ["relu", "identity"], "mse", 1e3, 2),
    "classes": ([2, 8, 3], ["relu", "softmax"], "categorical_cross_entropy", 1e300, 2),
}


@pytest.mark.parametrize("name", RUNAWAY)
def test_whatever_runs_away_ends_with_a_history(name):
    sizes, activations, loss, rate, batch = RUNAWAY[name]
    rng = np.random.default_rng(0)
    network = Network.initialize(sizes, activations, rng)
    x, y = rng.normal(size=(20, sizes[0])), rng.normal(size=(20, sizes[-1]))
    y = np.eye(3)[rng.integers(0, 3, 20)] if loss != "mse" else y
    history = quiet(network, x, y, loss, SGD(rate), epochs=200, batch_size=batch)
    assert "not a finite number" in history.stopped
    assert np.isfinite(vector(history.network)).all()
    assert all(len(values) == len(history.losses) for values in history.columns.values())
    repr(history)


def test_the_same_layer_twice_is_trained_as_two():
    layer = Dense([[0.5, -0.25], [0.75, 0.125]], [0.1, -0.2], "sigmoid")
    network, x, y = Network([layer, layer]), [[0.3, 0.8]], [[0.2, 0.9]]
    expected = vector(sgd_step(backprop(network, x, y), 0.5))
    assert np.allclose(vector(quiet(network, x, y, epochs=1).network), expected, rtol=0, atol=1e-15)


def test_a_schedule_may_end_at_0():
    history = quiet(LECTURE.network, LECTURE.x, LECTURE.y, optimizer=SGD(lambda epoch: 1 - epoch / 10), epochs=10)
    assert len(history.losses) == 10


def test_after_each_epoch_one_may_look_and_stop():
    lecture, seen = EXAMPLES["lecture"], []

    def look(report):
        seen.append((report.epoch, report.loss, backprop(report.network, lecture.x, lecture.y).loss))
        return np.bool_(report.epoch < 4)

    history = quiet(lecture.network, lecture.x, lecture.y, epochs=10, on_epoch=look)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3, 4]
    assert [loss for _, loss, _ in seen] == history.losses.tolist()
    assert seen[0][2] == pytest.approx(history.losses[1], rel=1e-12)
    assert history.stopped == "Stopped after epoch 4, as on_epoch asked for."


def test_a_progress_bar_comes_after_a_second(monkeypatch, capsys):
    lecture = EXAMPLES["lecture"]
    train(lecture.network, lecture.x, lecture.y, epochs=5)
    assert capsys.readouterr().err == ""
    train(lecture.network, lecture.x, lecture.y, epochs=3, on_epoch=lambda report: time.sleep(0.6))
    assert "3/3" in capsys.readouterr().err


def test_the_history_is_a_table_without_times():
    lecture = EXAMPLES["lecture"]
    shown = repr(quiet(lecture.network, lecture.x, lecture.y, epochs=500))
    lines = shown.splitlines()
    assert lines[0] == "Network(2 → 2 → 2, sigmoid, sigmoid), trained for 500 epochs"
    assert lines[1].split() == ["epoch", "loss", "gradient", "norm"]
    assert [line.split()[0] for line in lines[2:]] == [
        "1",
        "56",
        "111",
        "167",
        "222",
        "278",
        "333",
        "389",
        "444",
        "500",
    ]
    assert "0.06183" in lines[2]


WRONG = {
    "epochs": ({"epochs": 0}, "epochs must be a positive whole number; got 0"),
    "batch size": ({"batch_size": 0}, "batch_size must be a positive whole number, or None; got 0"),
    "patience": ({"patience": 3}, "patience needs a validation set"),
    "validation": ({"validation": [1, 2, 3]}, "validation must be a pair"),
    "validation shape": ({"validation": ([[1.0]], [[1.0]])}, "x must have 2 values"),
    "rng": ({"rng": 3}, "rng must be a NumPy Generator"),
    "optimizer": ({"optimizer": "adam"}, "optimizer must be SGD"),
    "accuracy": ({"accuracy": True}, "accuracy needs a loss that classifies, a cross-entropy; got mse"),
    "schedule": (
        {"optimizer": SGD(lambda epoch: 3.5 - epoch)},
        r"learning_rate\(4\) must be 0 or a positive finite number",
    ),
    "loss": ({"loss": "max"}, "unknown loss .max."),
    "cross-entropy": ({"loss": "categorical_cross_entropy"}, "needs probabilities from a softmax output"),
    "snapshots": ({"snapshots": 2}, "snapshots must be a list of epochs, from 1 to 100; got 2"),
    "late snapshot": ({"snapshots": [101]}, "snapshots must be a list of epochs"),
    "dtype": ({"dtype": "float16"}, "dtype must be float64 or float32"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_settings_are_refused_in_words(wrong):
    settings, words = WRONG[wrong]
    with pytest.raises((ValueError, TypeError), match=words):
        quiet(LECTURE.network, LECTURE.x, LECTURE.y, **settings)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SGD(0), "learning_rate must be a positive"),
        (lambda: SGD(math.nan), "learning_rate must be a positive"),
        (lambda: Momentum(momentum=1), "momentum must be at least 0 and below 1"),
        (lambda: Momentum(convention="tf"), "convention must be one of pytorch, keras"),
        (lambda: Adam(beta1=-0.1), "beta1 must be"),
        (lambda: Adam(beta2=1.0), "beta2 must be"),
        (lambda: Adam(epsilon=0), "epsilon must be"),
    ],
)
def test_wrong_settings_of_an_optimizer_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


FRAMEWORKS = json.loads((PROJECT / "tests" / "data" / "optimizers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", FRAMEWORKS["cases"], ids=lambda case: f"{case['source']}-{case['schedule']}")
def test_an_optimizer_does_what_the_frameworks_do(case):
    kind = {"SGD": SGD, "Momentum": Momentum, "Adam": Adam}[case["optimizer"]]
    w = np.array(FRAMEWORKS["start"])
    update = kind(FRAMEWORKS["rate"], **case["settings"]).start(w)
    for gradient_, rate in zip(FRAMEWORKS["gradients"], FRAMEWORKS["rates"], strict=True):
        update(w, np.array(gradient_), rate if case["schedule"] else FRAMEWORKS["rate"])
    assert w.tolist() == pytest.approx(case["after"], rel=0, abs=1e-12)
