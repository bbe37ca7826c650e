"""Training repeats backprop and an optimizer's rule. Both are compared with plain formulas on random networks."""

import copy
import json
import math
import pickle
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from helpers.random_networks import random_cases
from helpers.support import PROJECT

from bpcourse import EXAMPLES, LOSSES, Activation, Dense, Network, backprop, datasets, sgd_step
from bpcourse.engine import training
from bpcourse.engine.optimizers import SGD, Adam, Momentum, rate_at
from bpcourse.engine.tape import Parameters
from bpcourse.engine.training import Training, train
from bpcourse.explorers.live import LiveScene

LECTURE = EXAMPLES["lecture"]
SWISH = Activation(
    "swish", lambda z: z / (1 + np.exp(-z)), lambda z: (1 + np.exp(-z) * (1 + z)) / (1 + np.exp(-z)) ** 2
)


def vector(network):
    return Parameters.of(network).vector


def gradient(network, x, y, loss):
    """Put the gradients of `backprop` in the order of `vector`."""
    trace = backprop(network, x, y, loss)
    layers = [
        Dense(trace[f"dW{k}"], None if layer.b is None else trace[f"db{k}"], layer.activation)
        for k, layer in enumerate(network.layers, start=1)
    ]
    return vector(Network(layers))


def quiet(*arguments, **settings):
    return train(*arguments, progress=False, **settings)


@pytest.mark.parametrize("loss", LOSSES)
def test_train__one_step_is_sgd_step_of_backprop(loss):
    """The tape, with its own 1/n, agrees with backprop on random networks of all activations, also in the loss."""
    cases = [case for case in random_cases(200) if case.loss == loss]
    assert len(cases) > 10
    for case in cases:
        history = quiet(case.network, case.x, case.y, case.loss, optimizer=SGD(0.25), epochs=1)
        trace = backprop(case.network, case.x, case.y, case.loss)
        expected = vector(sgd_step(trace, 0.25))
        assert np.allclose(vector(history.network), expected, rtol=0, atol=1e-12 * abs(expected).max()), case.id
        assert history.losses[0] == pytest.approx(trace.loss, rel=1e-12, abs=1e-15), case.id
        g = gradient(case.network, case.x, case.y, case.loss)
        assert history.columns["gradient norm"][0] == pytest.approx(math.sqrt((g**2).sum()), rel=1e-10), case.id


@pytest.mark.parametrize("activation", [SWISH, "leaky_relu", "softmax"])
def test_train__activation_by_its_own_formulas(activation):
    rng = np.random.default_rng(0)
    network = Network.initialize([3, 4, 2], [activation, activation], rng)
    x, y = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    expected = vector(sgd_step(backprop(network, x, y), 0.5))
    assert np.allclose(vector(quiet(network, x, y, epochs=1).network), expected, rtol=0, atol=1e-13)


def by_hand(optimizer, w, gradients, rates):
    """Update w as a textbook does."""
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
def test_train__many_steps_are_those_of_a_textbook(optimizer, rate):
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


def test_momentum__conventions_agree_while_the_rate_is_constant():
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


def test_train__batches_come_from_one_shuffle_per_epoch():
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


def test_train__same_seed_gives_identical_numbers():
    x, y = moons(np.random.default_rng(0))
    network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(1))

    def run(seed):
        rng = np.random.default_rng(seed)
        return quiet(network, x, y, "binary_cross_entropy", optimizer=Adam(0.01), epochs=5, batch_size=7, rng=rng)

    one, two, other = run(3), run(3), run(4)
    assert vector(one.network).tobytes() == vector(two.network).tobytes() != vector(other.network).tobytes()
    assert repr(one) == repr(two)
    assert one == two != other
    assert vector(network).tobytes() == vector(run(3) and network).tobytes()  # the given network is unchanged


def test_train__float32_stays_near_float64():
    x, y = moons(np.random.default_rng(0))
    network = Network.initialize([2, 8, 1], ["tanh", "sigmoid"], np.random.default_rng(1))
    double, single = (quiet(network, x, y, "binary_cross_entropy", dtype=t, epochs=5) for t in (None, np.float32))
    assert single.network.layers[0].W.dtype == np.float32
    assert np.allclose(vector(single.network), vector(double.network), rtol=0, atol=2e-6)


def test_train__early_stopping_returns_the_lowest_validation_loss():
    rng = np.random.default_rng(0)
    x, y = moons(rng)
    network = Network.initialize([2, 30, 1], ["tanh", "sigmoid"], rng)
    y[::4] = 1 - y[::4]  # wrong labels, which can only be memorized
    history = quiet(
        network, x[:30], y[:30], "binary_cross_entropy", optimizer=Adam(0.1), epochs=400,
        validation=(x[30:], y[30:]), patience=20, accuracy=True, snapshots=[1, 5],
    )  # fmt: skip
    losses = history.columns["validation loss"]
    assert history.stopped == (
        f"Stopped after epoch {len(losses)}: no lower validation loss since epoch {len(losses) - 20}."
    )
    assert losses.argmin() + 1 == len(losses) - 20
    assert f"\n{losses.argmin() + 1:>5}  " in repr(history)  # the table contains the best epoch
    best = backprop(history.network, x[30:], y[30:], "binary_cross_entropy")
    assert best.loss == pytest.approx(losses.min(), rel=1e-12)  # the network with the lowest validation loss
    right = ((best.y_hat > 0.5) == (y[30:] > 0.5)).mean()
    assert history.columns["validation accuracy"][losses.argmin()] == pytest.approx(right)
    assert set(history.snapshots) == {1, 5}
    first = quiet(network, x[:30], y[:30], "binary_cross_entropy", optimizer=Adam(0.1), epochs=1).network
    assert vector(history.snapshots[1]).tobytes() == vector(first).tobytes()
    assert len(history.columns["accuracy"]) == len(losses)


def test_train__accuracy_takes_the_largest_output():
    network = Network([Dense(np.eye(3), None, "softmax")])
    x, y = np.array([[2.0, 1, 0], [0, 1, 3], [5, 1, 0], [0, 2, 1]]), np.eye(3)[[0, 2, 1, 1]]
    history = quiet(network, x, y, "categorical_cross_entropy", optimizer=SGD(1e-9), epochs=1, accuracy=True)
    assert history.columns["accuracy"].tolist() == [0.75]


def test_train__diverging_loss_stops_with_the_last_good_network():
    network = Network([Dense([[3.0]], [1.0])])
    history = quiet(network, [[2.0]], [[9.0]], optimizer=SGD(10.0), epochs=1000)
    assert "the loss is not a finite number any more" in history.stopped
    assert "smaller learning_rate" in repr(history)
    assert np.isfinite(vector(history.network)).all()
    assert np.isfinite(history.losses).all()
    assert 1 < len(history.losses) < 1000


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
def test_train__saturated_output_has_its_true_loss(z):
    network = Network([Dense([[z]], None, "sigmoid")])
    history = quiet(network, [[1.0]], [[float(z < 0)]], "binary_cross_entropy", optimizer=SGD(1e-3), epochs=2)
    assert history.losses[0] == 1000.0
    assert history.stopped == ""


# Ctrl-C


def interrupted_at(count, function):
    """Call a function, and raise KeyboardInterrupt at the given line event in the module `training`, counted from 0.

    Returns the exception and the name of the function in which it was raised, or None and "" if there are fewer.
    """
    passed, where = 0, ""

    def trace(frame, event, _):
        nonlocal passed, where
        if frame.f_code.co_filename != training.__file__:
            return None
        if event == "line":
            passed += 1
            if passed == count + 1:
                where = frame.f_code.co_name
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt as raised:
        return raised, where
    finally:
        sys.settrace(before)
    return None, ""


def test_train__interrupted_at_any_line():
    """Wherever Ctrl-C strikes after the start, the exception has complete epochs and the network after them."""
    x, y = moons(np.random.default_rng(0), n=20)
    start = Network.initialize([2, 3, 1], ["tanh", "sigmoid"], np.random.default_rng(1))
    settings = {"loss": "binary_cross_entropy", "accuracy": True, "validation": (x, y), "patience": 9}
    settings |= {"snapshots": [1, 2], "epochs": 2, "optimizer": Adam(lambda epoch: 0.1)}
    whole = quiet(start, x, y, **settings)
    networks = [start, *whole.snapshots.values()]
    started, epochs, count = False, [], 0
    while True:
        raised, where = interrupted_at(count, lambda: quiet(start, x, y, **settings))
        if raised is None:
            break
        count += 1
        started |= where == "epoch"
        if not started:  # getting ready: there is no history yet
            continue
        history = raised.history
        done = len(history.losses)
        assert history.network == networks[done]
        assert history.stopped == f"Interrupted after epoch {done}."
        assert list(history.snapshots) == list(range(1, done + 1))
        assert set(history.columns) == set(whole.columns if done else ["loss", "gradient norm"])
        assert all(np.array_equal(values, whole.columns[name][:done]) for name, values in history.columns.items())
        epochs.append(done)
    assert epochs == sorted(epochs)
    assert set(epochs) == {0, 1, 2}
    assert len(epochs) > 50


LOOP = """
import numpy as np
from bpcourse import SGD, EXAMPLES, train
lecture = EXAMPLES["lecture"]
for rate in (0.1, 0.2, 0.3):
    def look(result):
        if result.epoch == 5:
            print("training", rate, flush=True)
    train(lecture.network, lecture.x, lecture.y, optimizer=SGD(rate), epochs=10**8, on_epoch=look, progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_train__ctrl_c_ends_a_loop_of_trainings():
    command = [sys.executable, "-c", LOOP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "training 0.1\n"
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT  # as of any Python program that Ctrl-C ends, so a shell's loop ends too
    assert printed == ""
    assert "Interrupted after epoch" in errors
    assert "sys.last_value" in errors


def test_train__interrupt_has_the_history_and_says_so():
    def stop(result):
        if result.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as raised:
        quiet(LECTURE.network, LECTURE.x, LECTURE.y, on_epoch=stop)
    assert raised.value.history.stopped == "Interrupted after epoch 2."
    assert raised.value.history.network == quiet(LECTURE.network, LECTURE.x, LECTURE.y, epochs=2).network
    [note] = raised.value.__notes__
    assert note.startswith("Interrupted after epoch 2. The history so far is")


def test_live_scene__interrupted_burst_counts_its_epochs(monkeypatch):
    """The page must not show fewer epochs than the network has learned."""
    right, left = Training.epoch, [3]

    def epoch(self):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return right(self)

    data = datasets.moons(20)
    network = Network.initialize([2, 3, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
    scene = LiveScene(network, data.x, data.y, LOSSES["binary_cross_entropy"], Adam(0.01), None, 0, None, 0.01)
    scene = scene.changed({"speed": "fast"})
    monkeypatch.setattr(Training, "epoch", epoch)
    after = scene.pressed("train")
    assert after.epochs == after.training.epochs == len(after.losses) == 3
    assert after.pressed("train").epochs == 3


DIVERGING = {
    "one layer": ([1, 1], ["identity"], "mse", 1e3, None),
    "one layer, at once": ([1, 1], ["identity"], "mse", 1e308, None),
    "deep": ([2, 3, 3, 1], ["identity"] * 3, "mse", 1e3, None),
    "relu in batches": ([2, 8, 1], ["relu", "identity"], "mse", 1e3, 2),
    "classes": ([2, 8, 3], ["relu", "softmax"], "categorical_cross_entropy", 1e300, 2),
}


@pytest.mark.parametrize("name", DIVERGING)
def test_train__diverging_network_of_any_kind_ends_with_a_history(name):
    sizes, activations, loss, rate, batch = DIVERGING[name]
    rng = np.random.default_rng(0)
    network = Network.initialize(sizes, activations, rng)
    x, y = rng.normal(size=(20, sizes[0])), rng.normal(size=(20, sizes[-1]))
    y = np.eye(3)[rng.integers(0, 3, 20)] if loss != "mse" else y
    history = quiet(network, x, y, loss, optimizer=SGD(rate), epochs=200, batch_size=batch)
    assert "not a finite number" in history.stopped
    assert np.isfinite(vector(history.network)).all()
    assert all(len(values) == len(history.losses) for values in history.columns.values())
    repr(history)


def test_train__repeated_layer_is_trained_as_two():
    layer = Dense([[0.5, -0.25], [0.75, 0.125]], [0.1, -0.2], "sigmoid")
    network, x, y = Network([layer, layer]), [[0.3, 0.8]], [[0.2, 0.9]]
    expected = vector(sgd_step(backprop(network, x, y), 0.5))
    assert np.allclose(vector(quiet(network, x, y, epochs=1).network), expected, rtol=0, atol=1e-15)


def test_train__learning_rate_function_may_return_0():
    history = quiet(LECTURE.network, LECTURE.x, LECTURE.y, optimizer=SGD(lambda epoch: 1 - epoch / 10), epochs=10)
    assert len(history.losses) == 10


def test_train__learning_rate_function_is_called_once_in_each_epoch():
    events = []

    def rate(epoch):
        events.append(f"rate {epoch}")
        return 0.1

    def look(result):
        events.append(f"end {result.epoch}")
        return result.epoch < 3

    quiet(LECTURE.network, LECTURE.x, LECTURE.y, optimizer=SGD(rate), epochs=10**9, on_epoch=look)
    assert events == ["rate 1", "end 1", "rate 2", "end 2", "rate 3", "end 3"]


def test_rate_at__number_or_function():
    assert rate_at(0.5, 3) == 0.5
    assert rate_at(lambda epoch: 1 / epoch, 4) == 0.25
    with pytest.raises(ValueError, match=r"learning_rate\(2\) must be 0 or a positive finite number; got -1"):
        rate_at(lambda epoch: -1, 2)


def test_train__on_epoch_looks_and_stops():
    seen = []

    def look(result):
        loss = backprop(result.network, LECTURE.x, LECTURE.y).loss
        seen.append((result.epoch, result.values["loss"], loss))
        return np.bool_(result.epoch < 4)

    history = quiet(LECTURE.network, LECTURE.x, LECTURE.y, epochs=10, on_epoch=look)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3, 4]
    assert [loss for _, loss, _ in seen] == history.losses.tolist()
    for (*_, after), (_, before, _) in pairwise(seen):
        assert before == pytest.approx(after, rel=1e-12)
    assert history.stopped == "Stopped after epoch 4, because on_epoch returned False."


def test_train__progress_bar_appears_after_a_while(monkeypatch, capsys):
    train(LECTURE.network, LECTURE.x, LECTURE.y, epochs=5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(training, "BAR_AFTER", 0.05)
    train(LECTURE.network, LECTURE.x, LECTURE.y, epochs=3, on_epoch=lambda result: time.sleep(0.06))
    assert "3/3" in capsys.readouterr().err


def test_train__options_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        train(LECTURE.network, LECTURE.x, LECTURE.y, "mse", SGD(0.1))


# Records


def trained():
    return quiet(LECTURE.network, LECTURE.x, LECTURE.y, epochs=3, snapshots=[2])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))])
@pytest.mark.parametrize("make", [trained, datasets.moons, SGD, lambda: Momentum(convention="keras"), Adam])
def test_record__copies_and_pickles(make, duplicate):
    record = make()
    again = duplicate(record)
    assert again == record
    assert hash(again) == hash(record)
    assert repr(again) == repr(record)


@pytest.mark.parametrize("duplicate", [lambda record: record, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_history__is_read_only(duplicate):
    history = duplicate(trained())
    with pytest.raises(ValueError, match="read-only"):
        history.columns["loss"][0] = 9
    with pytest.raises(ValueError, match="read-only"):
        history.losses[0] = 9
    with pytest.raises(TypeError):
        history.columns["loss"] = history.losses
    with pytest.raises(TypeError):
        history.snapshots[1] = history.network
    with pytest.raises(AttributeError):
        history.stopped = "early"


def test_history__compares_all_but_its_seconds():
    one, two = trained(), trained()
    assert one.seconds != two.seconds
    assert one == two
    assert one != quiet(LECTURE.network, LECTURE.x, LECTURE.y, epochs=3)
    assert one != quiet(LECTURE.network, LECTURE.x, LECTURE.y, optimizer=SGD(0.4), epochs=3, snapshots=[2])


def test_history__repr_is_a_table_without_times():
    shown = repr(quiet(LECTURE.network, LECTURE.x, LECTURE.y, epochs=500))
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
    "epochs": ({"epochs": 0}, "epochs must be a positive whole number, at most 1,000,000,000; got 0"),
    "batch size": (
        {"batch_size": 0},
        "batch_size must be a positive whole number, at most 1,000,000,000, or None",
    ),
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
def test_train__wrong_settings(wrong):
    settings, words = WRONG[wrong]
    with pytest.raises((ValueError, TypeError), match=words):
        quiet(LECTURE.network, LECTURE.x, LECTURE.y, **settings)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SGD(0), "learning_rate must be a positive"),
        (lambda: SGD(math.nan), "learning_rate must be a positive"),
        (lambda: Momentum(momentum=1), "momentum must be at least 0 and below 1"),
        (lambda: Momentum(convention="tf"), "convention must be 'pytorch' or 'keras'"),
        (lambda: Adam(beta1=-0.1), "beta1 must be"),
        (lambda: Adam(beta2=1.0), "beta2 must be"),
        (lambda: Adam(epsilon=0), "epsilon must be"),
    ],
)
def test_optimizer__wrong_settings(make, words):
    with pytest.raises(ValueError, match=words):
        make()


FRAMEWORKS = json.loads((PROJECT / "tests" / "data" / "optimizers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", FRAMEWORKS["cases"], ids=lambda case: f"{case['source']}-{case['schedule']}")
def test_optimizer__agrees_with_the_frameworks(case):
    kind = {"SGD": SGD, "Momentum": Momentum, "Adam": Adam}[case["optimizer"]]
    w = np.array(FRAMEWORKS["start"])
    update = kind(FRAMEWORKS["rate"], **case["settings"]).start(w)
    for gradient_, rate in zip(FRAMEWORKS["gradients"], FRAMEWORKS["rates"], strict=True):
        update(w, np.array(gradient_), rate if case["schedule"] else FRAMEWORKS["rate"])
    assert w.tolist() == pytest.approx(case["after"], rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("fractions", "floats"),
    [
        (SGD(Fraction(1, 4)), SGD(0.25)),
        (Momentum(Fraction(1, 4), Fraction(1, 2)), Momentum(0.25, 0.5)),
        (Adam(Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1, 8)), Adam(0.25, 0.5, 0.75, 0.125)),
    ],
)
def test_train__fractions_are_numbers(fractions, floats):
    network = Network([Dense([[3.0]], [1.0])])
    one, other = (train(network, [[2.0]], [[9.0]], optimizer=each, epochs=2) for each in (fractions, floats))
    assert one.losses.tolist() == other.losses.tolist()
