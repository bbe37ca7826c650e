"""Properties of everything public for generated input: round trips, independent computations, documented errors.

The input is the same in every run. A failure prints the smallest input that fails.
"""

import ast
import json
import math
import tempfile
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    MISTAKES,
    SGD,
    Adam,
    Dense,
    Momentum,
    Network,
    backprop,
    check,
    check_function,
    datasets,
    diagnose,
    draw,
    explore,
    explore_activation,
    explore_boundary,
    explore_image,
    explore_live,
    explore_loss,
    explore_surface,
    format_number,
    forward,
    from_keras,
    from_torch,
    gradcheck,
    hint,
    keras_code,
    leaky_relu,
    one_hot,
    parse_number,
    plotting,
    practice,
    sgd_step,
    solve,
    steps,
    torch_code,
    train,
)
from bpcourse.classroom.roster import read_roster
from bpcourse.classroom.submissions import read_table
from bpcourse.names import SYMBOLS, Name
from bpcourse.numbers import parse_digits
from bpcourse.registry import UnknownNameError, brief
from bpcourse.tutor.files import read_exercise

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "bpcourse-hypothesis")  # it would write into this folder
settings.register_profile(
    "bpcourse",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bpcourse")
FEW = settings(max_examples=12)  # for what takes long

finite = st.floats(allow_nan=False, allow_infinity=False)
small = st.integers(-200, 200).map(lambda hundredths: hundredths / 100)
rates = st.integers(1, 100).map(lambda hundredths: hundredths / 100)
SMOOTH = ["identity", "sigmoid", "tanh"]


def arrays(rows, columns):
    return st.lists(st.lists(small, min_size=columns, max_size=columns), min_size=rows, max_size=rows).map(np.array)


@st.composite
def networks(draw, outputs=None, last=None, kinds=SMOOTH):
    """Draw a network with one to three layers of one to three units."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    sizes[-1] = outputs or sizes[-1]
    layers = []
    for number, (inputs, units) in enumerate(pairwise(sizes), start=2):
        kind = last if last and number == len(sizes) else draw(st.sampled_from(kinds))
        b = draw(arrays(1, units))[0] if draw(st.booleans()) else None
        layers.append(Dense(draw(arrays(inputs, units)), b, kind))
    return Network(layers)


@st.composite
def passes(draw, rows=None, **options):
    """Draw a trace with the loss mse or half_sse."""
    network = draw(networks(**options))
    n = rows or draw(st.integers(1, 3))
    x, y = draw(arrays(n, network.sizes[0])), draw(arrays(n, network.sizes[-1]))
    return backprop(network, x, y, draw(st.sampled_from(["mse", "half_sse"])))


single = passes(rows=1)


def plain_forward(network, x):
    """Compute the outputs for one example with loops, without NumPy's products."""
    functions = {"identity": lambda z: z, "tanh": math.tanh, "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
    a = list(x)
    for layer in network.layers:
        b = layer.b if layer.b is not None else [0.0] * layer.W.shape[1]
        z = [sum(a[i] * layer.W[i, j] for i in range(len(a))) + b[j] for j in range(len(b))]
        a = [functions[layer.activation.name](value) for value in z]
    return a


def documented(call, *errors):
    """Return whether a call ends with a value or one of these errors, with a message of reasonable length."""
    try:
        call()
    except errors as error:
        return 10 < len(str(error)) < 900
    return True


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.complex_numbers() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


# Numbers, names and look-ups


@given(finite)
def test_format_number__17_digits_are_read_back(value):
    assert parse_number(format_number(value, 17)) == pytest.approx(value, rel=1e-15, abs=0)


@given(finite, st.integers(1, 16), st.booleans())
def test_format_number__has_the_digits_and_the_sign(value, digits, signed):
    assume(math.isfinite(float(f"{value:.{digits - 1}e}")))  # the largest floats may be rounded up to infinity
    reading = parse_digits(format_number(value, digits, signed))
    assert reading.value == float(f"{value:.{digits - 1}e}")
    assert reading.digits == digits or value == 0 or abs(value) >= 10 ** (digits - 1)


@given(st.from_regex(r"\A[+-]?([0-9]{1,20}[.,]?[0-9]{0,20}|[.,][0-9]{1,20})([eE][+-]?[0-9]{1,3})?\Z"))
def test_parse_number__reads_decimals_as_python_does(text):
    value = float(text.replace(",", "."))
    if math.isfinite(value):
        assert parse_number(text) == value
    else:
        assert documented(lambda: parse_number(text), ValueError)


@given(st.integers(-999, 999), st.integers(1, 999))
def test_parse_number__fractions_percentages_and_powers(above, below):
    assert parse_number(f"{above}/{below}") == pytest.approx(float(Fraction(above, below)), rel=1e-15)
    assert parse_number(f"{above} %") == pytest.approx(above / 100, rel=1e-15)
    assert parse_number(f"{above}·10^{{-3}}") == pytest.approx(above / 1000, rel=1e-15)
    assert parse_number(f"{above} + {below}*2") == above + 2 * below


@given(st.text(max_size=30) | st.text("0123456789.,-+*/^()[]{}$%=≈eE ", max_size=30))
def test_parse_number__any_text_gives_a_finite_number_or_value_error(text):
    try:
        assert math.isfinite(parse_number(text))
    except ValueError as error:
        said = str(error)
        assert said.startswith("needed one number")  # it may be a number


@given(anything)
def test_brief__any_object_on_one_short_line(value):
    assert len(brief(value)) <= 71
    assert "\n" not in brief(value)


@st.composite
def made_names(draw):
    quantity = draw(st.sampled_from(["W", "b", "z", "a", "dW", "db", "dz", "da", "slope", "x", "y", "dx", "loss"]))
    layer = draw(st.integers(1, 999)) if quantity not in ("x", "y", "dx", "loss") else 0
    index = tuple(draw(st.lists(st.integers(1, 9999), max_size=2)))
    return Name(quantity, layer, index, draw(st.integers(0, 999_999)), draw(st.booleans()))


@given(made_names())
def test_name__is_read_back(name):
    assert Name.read(str(name)) == name
    for notation in SYMBOLS:
        assert name.symbol(notation)
        assert name.latex(notation)


@given(st.text(max_size=20))
def test_name__any_text_is_read_or_raises_value_error(text):
    assert documented(lambda: Name.read(text), ValueError)


@given(st.text(max_size=40), st.sampled_from([ACTIVATIONS, LOSSES, EXAMPLES, MISTAKES, SYMBOLS]))
def test_registry__unknown_name_is_named(text, registry):
    assume(text not in registry)
    with pytest.raises(UnknownNameError, match=r"^unknown "):
        registry[text]


# The engine


@given(passes())
def test_forward__agrees_with_loops(trace):
    for x, y_hat in zip(trace["x"], trace["y_hat"], strict=True):
        assert plain_forward(trace.network, x) == pytest.approx(y_hat.tolist(), rel=1e-9, abs=1e-12)
    assert forward(trace.network, trace["x"]).y_hat.tolist() == trace["y_hat"].tolist()


@given(passes())
def test_backprop__loss_and_gradients_agree_with_differences(trace):
    y, y_hat = trace["y"], trace["y_hat"]
    power = ((y_hat - y) ** 2).sum(axis=1)
    loss = (power / y.shape[1] if trace.loss_function.name == "mse" else power / 2).mean()
    assert trace.loss == pytest.approx(loss, rel=1e-12)
    layer, step = trace.network.layers[0], 1e-5
    W = np.zeros_like(layer.W)
    W[0, 0] = step
    ends = [Network([Dense(layer.W + s * W, layer.b, layer.activation), *trace.network.layers[1:]]) for s in (1, -1)]
    above, below = (backprop(end, trace["x"], y, trace.loss_function).loss for end in ends)
    assert trace["dW1"][0, 0] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-6)


@given(passes())
def test_gradcheck__accepts_right_gradients(trace):
    assert gradcheck.check(trace).ok
    numeric, kinks = gradcheck.differences(trace, "x")
    assert not kinks.any()
    assert numeric == pytest.approx(trace["dx"], rel=1e-4, abs=1e-6)


@given(passes(), rates)
def test_sgd_step__subtracts_the_gradient(trace, rate):
    before = {name: array.tobytes() for name, array in trace.items()}
    after = sgd_step(trace, rate)
    for number, layer in enumerate(after.layers, start=1):
        assert np.array_equal(layer.W, trace[f"W{number}"] - rate * trace[f"dW{number}"])
    assert before == {name: array.tobytes() for name, array in trace.items()}


@given(passes(), rates)
def test_train__one_epoch_on_all_examples_is_one_step(trace, rate):
    history = train(
        *(trace.network, trace["x"], trace["y"], trace.loss_function), optimizer=SGD(rate), epochs=1, batch_size=None
    )
    for ours, step in zip(history.network.layers, sgd_step(trace, rate).layers, strict=True):
        assert pytest.approx(step.W, rel=1e-12, abs=1e-14) == ours.W
    assert len(history.losses) >= 1


@given(st.lists(small, min_size=1, max_size=4), rates, rates)
def test_optimizers__agree_with_loops(gradients, rate, share):
    momentum = 0.9 * share
    w, velocity, first, second = [np.zeros(1) for _ in range(3)], 0.0, 0.0, 0.0
    plain = [0.0, 0.0, 0.0]
    updates = [
        optimizer.start(w[0]) for optimizer in (SGD(rate), Momentum(rate, momentum), Adam(rate, momentum, share * 0.9))
    ]
    for step, g in enumerate(gradients, start=1):
        for k, update in enumerate(updates):
            update(w[k], np.array([g]), rate)
        velocity = momentum * velocity + g
        first = momentum * first + (1 - momentum) * g
        second = share * 0.9 * second + (1 - share * 0.9) * g * g
        mean, spread = first / (1 - momentum**step), second / (1 - (share * 0.9) ** step)
        plain = [plain[0] - rate * g, plain[1] - rate * velocity, plain[2] - rate * mean / (math.sqrt(spread) + 1e-8)]
    assert [each[0] for each in w] == pytest.approx(plain, rel=1e-9, abs=1e-12)


@given(arrays(1, 3), arrays(1, 3), st.sampled_from([*ACTIVATIONS]))
def test_activation__backward_is_the_jacobian_times_da(z, da, name):
    activation = ACTIVATIONS[name]
    assert activation.backward(z, da)[0] == pytest.approx(da[0] @ activation.jacobian(z[0]), rel=1e-12, abs=1e-14)


@given(arrays(1, 3), st.integers(1, 99))
def test_leaky_relu__agrees_with_its_definition(z, hundredths):
    slope = hundredths / 100
    activation = leaky_relu(slope)
    assert activation.f(z).tolist() == [[v if v > 0 else slope * v for v in z[0]]]
    assert [d for d, v in zip(activation.df(z)[0], z[0], strict=True) if v] == [
        1 if v > 0 else slope for v in z[0] if v
    ]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_one_hot__has_one_1_in_each_row(labels):
    rows = one_hot(labels, 5)
    assert rows.argmax(axis=1).tolist() == labels
    assert rows.sum(axis=1).tolist() == [1] * len(labels)


@given(arrays(2, 2), arrays(2, 2))
def test_loss__binary_cross_entropy_from_logits_agrees_with_its_formula(z, targets):
    y, loss = np.abs(targets) / 2, LOSSES["binary_cross_entropy"]
    p = 1 / (1 + np.exp(-z))
    assert loss.value_from_logits(y, z) == pytest.approx(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))), rel=1e-9)
    assert loss.value(y, p, base=2) == pytest.approx(loss.value_from_logits(y, z) / math.log(2), rel=1e-9)
    assert loss.gradient_from_logits(y, z) == pytest.approx((p - y) / y.size, rel=1e-9, abs=1e-12)


@given(anything)
def test_engine__any_x_or_y_raises_only_type_or_value_error(value):
    network = EXAMPLES["lecture"].network
    for call in (
        lambda: forward(network, value),
        lambda: backprop(network, [1, 2], value),
        lambda: Dense(value),
        lambda: Dense([[1.0]], value, value),
        lambda: Network(value),
        lambda: one_hot(value, 3),
        lambda: train(network, value, value, epochs=1),
        lambda: LOSSES["mse"].value(value, value),
    ):
        assert documented(call, TypeError, ValueError)


# The tutor


@given(single, rates, st.data())
def test_check__right_accepted_wrong_refused_for_any_value(trace, rate, data):
    step = data.draw(st.sampled_from([step for step in steps(trace, rate) if step.kind != "given"]))
    assume(abs(step.value) > 1e-3)
    assert check(trace, step.name, format_number(step.value, 6), learning_rate=rate)
    assert not check(trace, step.name, format_number(step.value * 1.37, 6), learning_rate=rate)
    assert format_number(step.value) in solve(trace, step.name, learning_rate=rate).text
    assert step.recompute({}) == pytest.approx(step.value, rel=1e-12, abs=1e-14)
    assert str(hint(trace, step.name, learning_rate=rate))


@given(anything)
def test_check__any_answer_gets_a_verdict(answer):
    trace = EXAMPLES["lecture"].backprop()
    for name in ("loss", "dW1"):
        assert check(trace, name, answer).status in ("correct", "wrong", "close", "unreadable", "not answered")


@FEW
@given(st.sampled_from([*practice.topics()]), st.integers(0, 10**6) | st.text("abcß ", max_size=8))
def test_problem__its_own_answer_is_right(topic, seed):
    problem = practice.problem(topic, seed=seed)
    right = {step.name: step.value for step in steps(problem.trace, problem.learning_rate)}
    if problem.name in right and problem.claimed is None:
        assert problem.check(right[problem.name])
        assert not problem.check(right[problem.name] * 1.37 + 0.5)
    assert problem.question
    assert problem.solution().text


@FEW
@given(small)
def test_check_function__a_wrong_factor_is_found(factor):
    assume(abs(factor - 1) > 0.05)
    assert check_function("relu", lambda z: np.maximum(z, 0))
    assert not check_function("relu", lambda z: factor * np.maximum(z, 0))


@settings(max_examples=4)
@given(anything)
def test_diagnose__any_result_gets_a_verdict(result):
    assert not diagnose(lambda *_: result, sizes=[2, 1], activations=["tanh"])


# Files


@given(networks(), st.data())
def test_exercise__a_network_is_read_back(network, data):
    x, y = data.draw(arrays(2, network.sizes[0])), data.draw(arrays(2, network.sizes[-1]))
    layers = [
        {"weights": layer.W.tolist(), "activation": layer.activation.name}
        | ({} if layer.b is None else {"biases": layer.b.tolist()})
        for layer in network.layers
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_text(
            json.dumps({"x": x.tolist(), "y": y.tolist(), "loss": "mse", "layers": layers}), encoding="utf-8"
        )
        read, ours = read_exercise(path).trace, backprop(network, x, y)
    assert {name: array.tobytes() for name, array in read.items()} == {name: a.tobytes() for name, a in ours.items()}


letters = st.text(st.characters(categories=["L", "N", "Zs"], include_characters="-'.\"=+@"), min_size=1, max_size=30)


@given(st.lists(letters.filter(str.strip), min_size=1, max_size=5))
def test_roster__names_are_read_back(names):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "class.csv"
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        path.write_text("\n".join(["name", *quoted]) + "\n", encoding="utf-8")
        assert read_roster(path).names == tuple(" ".join(name.split()) for name in names)


@given(
    st.dictionaries(st.integers(1, 99), st.sampled_from(["0.5", "0,25", "-1/3", "1e-9999999"]), min_size=1, max_size=5)
)
def test_table__answers_are_read_back(answers):
    lines = [f"7,{question},dW1[2,{question}],{answer}" for question, answer in answers.items()]
    found, notes = read_table("\n".join(["sheet,question,name,answer", *lines]))
    assert found == {7: {question: {f"dW1[2,{question}]": answer} for question, answer in answers.items()}}
    assert notes == []


# Other libraries, pictures and explorers


@given(passes(), st.sampled_from([torch_code, keras_code]))
def test_program__is_python_and_contains_the_weights(trace, code):
    program = code(trace.network, trace["x"], trace["y"], trace.loss_function)
    lists = [ast.unparse(node) for node in ast.walk(ast.parse(program)) if isinstance(node, ast.List)]
    for number in range(1, len(trace.network.layers) + 1):
        assert repr(trace[f"W{number}"].tolist()) in lists


class Tensor(np.ndarray):
    """The part of a tensor that from_torch uses."""

    new_tensor = staticmethod(np.array)


@given(arrays(2, 3))
def test_from_torch_and_from_keras__read_the_weights(W):
    class Linear:
        weight, bias = W.T.view(Tensor), None

        def children(self):
            return []

        def __call__(self, x):
            return x @ W

    class Layer:
        name, activation = "hidden", np.tanh

        def get_weights(self):
            return [W]

    Layer.__name__ = "Dense"

    class Model:
        layers, input_shape = (Layer(),), (None, 2)

        def predict_on_batch(self, x):
            return np.tanh(x @ W)

    assert np.array_equal(from_torch(Linear()).layers[0].W, W)
    assert np.array_equal(from_keras(Model()).layers[0].W, W)


@given(passes(), st.sampled_from(["standard", "lecture"]))
def test_draw__is_well_formed_and_complete(trace, notation):
    diagram = draw(trace, notation=notation)
    ElementTree.fromstring(diagram.svg)
    assert format_number(trace.loss) in diagram.words


@FEW
@given(passes(rows=1), rates)
def test_explore__numbers_are_set_and_undone(trace, value):
    explorer = explore(trace.network, trace["x"], trace["y"], loss=trace.loss_function)
    before = dict(explorer.value)
    explorer.set({"W1[1,1]": value})
    assert explorer.value["W1[1,1]"] == value
    changed = np.array(trace["W1"])
    changed[0, 0] = value
    assert np.array_equal(explorer.scene.network.layers[0].W, changed)
    explorer.press("reset")
    assert explorer.value == before
    explorer.close()


@FEW
@given(small, st.sampled_from(["sigmoid", "tanh", "relu", "identity"]))
def test_explorers_of_functions__show_the_value(z, name):
    assert explore_activation(name, z=z).value["z"] == z
    assert explore_loss(["mse"], y=1.0, y_hat=abs(z) / 2).value["y_hat"] == abs(z) / 2


@settings(max_examples=4)
@given(networks(outputs=1, last="sigmoid"))
def test_explorers_of_networks__are_made_for_any_network(network):
    assume(network.sizes[0] == 2)
    x, y = [[0.5, 1.0], [-0.5, 0.0]], [[1.0], [0.0]]
    assert "loss" in explore_boundary(network, x, y).view["said"]
    assert explore_surface(network, x, y).value
    explorer = explore_live(network, x, y)
    explorer.press("epoch")
    assert explorer.scene.epochs == 1
    assert explore_image(network, [[0.5, 1.0]]).value == {"x[1]": 0.5, "x[2]": 1.0}


@given(st.integers(1, 60), rates, st.integers(0, 99))
def test_datasets__have_n_points_and_a_split_keeps_them(n, noise, seed):
    for make in (datasets.moons, datasets.spirals, datasets.rings, datasets.wave):
        made = make(n, noise, rng=np.random.default_rng(seed))
        assert len(made.x) == len(made.y) == n
        assert np.isfinite(made.x).all()
        if n > 4:
            one, other = made.split(np.random.default_rng(0), 0.5)
            assert sorted(map(tuple, [*one.x, *other.x])) == sorted(map(tuple, made.x))


@settings(max_examples=5)
@given(passes(rows=2), st.sampled_from(["mse", "half_sse", "binary_cross_entropy"]))
def test_plots__have_a_description(trace, loss):
    assert "Losses" in plotting.describe(plotting.plot_loss([loss]))
    assert "slope" in plotting.describe(plotting.plot_activation(trace.network.layers[0].activation))
    assert "Weights" in plotting.describe(plotting.plot_histograms(trace))
    plt.close("all")
