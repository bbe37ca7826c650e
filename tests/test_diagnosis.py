"""`diagnose`: backward passes with and without bugs, as people write them."""

import pickle
from itertools import cycle, product

import numpy as np
import pytest
from helpers.backward_passes import BUGS, NETWORKS, PUBLIC, correct, write

from bpcourse import MISTAKES, Dense, Network, backprop, diagnose
from bpcourse.tutor.equations import steps
from bpcourse.tutor.numpy_lines import line

SMALL = {"sizes": [3, 4, 2], "activations": ["sigmoid", "sigmoid"]}
WAYS = [*product(("rows", "columns"), (False, True), ("tuple", "list", "dict"))]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(x, y, W1, b1, W2, b2):
    a1 = sigmoid(x @ W1 + b1)
    a2 = sigmoid(a1 @ W2 + b2)
    dz2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
    dz1 = (dz2 @ W2.T) * a1 * (1 - a1)
    return x.T @ dz1, dz1.sum(axis=0), a1.T @ dz2, dz2.sum(axis=0)


def changed(*, of=gradients, **changes):
    """Return the right function, with changes to what it returns."""

    def function(*arguments):
        found = dict(zip(("dW1", "db1", "dW2", "db2"), of(*arguments), strict=True))
        return tuple((found | {name: change(found[name]) for name, change in changes.items()}).values())

    return function


def cases_of(key, count):
    """Return some networks and ways for a bug, different ones for different bugs."""
    bug = BUGS[key]
    fitting = [(network, way) for network, way in product(NETWORKS, WAYS) if bug.applies(*network, way[1], True)]
    start = sum(map(ord, key)) % len(fitting)
    every = max(len(fitting) // count, 1)
    return (fitting[start:] + fitting[:start])[::every][:count]


def diagnosed(bugs, network, way):
    sizes, activations, loss = network
    layout, step, returns = way
    options = {"layout": layout, "learning_rate": step, "returns": returns, "in_place": step and returns == "list"}
    function = write(sizes, activations, loss, bugs=bugs, **options)
    rate = 0.35 if step else None
    return diagnose(function, sizes=sizes, activations=activations, loss=loss, layout=layout, learning_rate=rate)


# One bug, none, two


@pytest.mark.parametrize("key", BUGS)
def test_bug__is_named_first(key):
    for network, way in cases_of(key, 1):
        verdict = diagnosed((key,), network, way)
        assert verdict.status == "mistake", (network, way, verdict)
        assert verdict.mistakes[0] in BUGS[key].accepted, (network, way, verdict.mistakes)
        assert verdict.first or verdict.message.startswith("The function")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_bug__is_named_first(name):
    function, options, accepted = PUBLIC[name]
    verdict = diagnose(function, **options)
    assert verdict.status == "mistake"
    assert verdict.mistakes[0] in accepted


def test_corpus__has_most_mistakes_of_the_catalogue():
    assert len({id for bug in BUGS.values() for id in bug.accepted}) >= 40
    assert all(id in MISTAKES for bug in BUGS.values() for id in bug.accepted)


@pytest.mark.parametrize("part", range(4))
def test_correct__is_correct(part):
    rng = np.random.default_rng(part)
    for _ in range(15):
        function, options = correct(rng)
        verdict = diagnose(function, **options)
        assert verdict.status == "correct", (options, verdict)
        assert verdict


def test_two_bugs__the_first_is_named():
    rng, keys, good, tried = np.random.default_rng(1), [*BUGS], 0, 0
    for network, way in zip(cycle(NETWORKS), cycle(WAYS[:-1]), strict=False):
        able = [key for key in keys if BUGS[key].applies(*network, way[1], True)]
        one, other = rng.choice(able, 2, replace=False)
        if BUGS[one].place == BUGS[other].place:
            continue
        verdict = diagnosed((str(one), str(other)), network, way)
        good += bool({*verdict.mistakes[:1]} & (BUGS[one].accepted | BUGS[other].accepted))
        tried += 1
        if tried == 60:
            break
    assert good >= 0.9 * tried


def test_two_bugs__the_second_is_what_is_left():
    def two(x, y, W1, b1, W2, b2):
        a1 = sigmoid(x @ W1 + b1)
        a2 = sigmoid(a1 @ W2 + b2)
        dz2 = 2 * (a2 - y) / y.size
        dz1 = (dz2 @ W2.T) * a1
        return x.T @ dz1, dz1.sum(axis=0), a1.T @ dz2, dz2.sum(axis=0)

    verdict = diagnose(two, **SMALL)
    assert verdict.mistakes[0] == "drop_sigma_prime_out"
    assert "sigma_prime_is_s" in verdict.mistakes
    assert "Then one is left: " in verdict.message


def right(x, y, W1, b1, W2, b2):
    """The right gradients for sizes [3, 4, 2], tanh and identity, and the mse."""
    a1 = np.tanh(x @ W1 + b1)
    dz2 = 2 * (a1 @ W2 + b2 - y) / y.size
    dz1 = (dz2 @ W2.T) * (1 - a1**2)
    return x.T @ dz1, dz1.sum(axis=0), a1.T @ dz2, dz2.sum(axis=0)


TANH = {"sizes": [3, 4, 2], "activations": ["tanh", "identity"]}


@pytest.mark.parametrize("places", [(0, 2, None), (None, 0, 2), (None, None, 3), (2, 0, 1), (1, 2, 2), (None,) * 3])
def test_a_bug_that_shows_only_on_some_networks_gets_a_verdict(places):
    """One array is wrong on each network, or none."""
    seen = {}

    def odd(x, *rest):
        arrays = [*right(x, *rest)]
        place = places[seen.setdefault(float(x[0, 0]), len(seen))]
        return [3 * array + 1 if number == place else array for number, array in enumerate(arrays)]

    assert (diagnose(odd, **TANH).status == "correct") == (not any(place is not None for place in places))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.5, 0.01, 1e-4])
def test_step_in_single_precision_is_right(dtype, rate):
    def step(*given):
        *single, learning_rate = (np.asarray(each, dtype) for each in given)
        return [old - learning_rate * slope for old, slope in zip(single[2:], right(*single), strict=True)]

    for seed in range(5):
        assert diagnose(step, **TANH, learning_rate=rate, seed=seed).status == "correct"


def test_step_that_is_lost_in_the_last_bits_is_not_judged():
    def step(x, y, *given):
        return [old.astype(np.float32) for old in given[:-1]]

    verdict = diagnose(step, **TANH, learning_rate=1e-7)
    assert verdict.status == "unreadable"
    assert "With the learning rate 1.000e−7, the steps are lost in the last bits of float32" in verdict.message


class Odd:
    """An object that raises an error whatever is asked."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_result_that_raises_gets_a_verdict():
    assert diagnose(lambda *given: [Odd()] * 4, **TANH).status == "unreadable"


# What the verdict says


def test_verdict__says_which_arrays_are_right_and_where_to_look():
    def no_slope(x, y, W1, b1, W2, b2):
        a1 = sigmoid(x @ W1 + b1)
        a2 = sigmoid(a1 @ W2 + b2)
        dz2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
        dz1 = dz2 @ W2.T
        return x.T @ dz1, dz1.sum(axis=0), a1.T @ dz2, dz2.sum(axis=0)

    verdict = diagnose(no_slope, **SMALL)
    assert verdict.message.startswith("dW2 and db2 are right, dW1 and db1 are wrong.\nOn 3 networks, they are exactly")
    assert "Look where you compute dz1." in verdict.message
    assert verdict.hint.endswith("?")
    assert (verdict.first, verdict.code) == ("dW1", "dz1 = (dz2 @ W2.T) * a1 * (1 - a1)")
    assert {name: each.status for name, each in verdict.steps.items()} == {
        "dW1": "mistake",
        "db1": "mistake",
        "dW2": "correct",
        "db2": "correct",
    }
    page = verdict._repr_html_()
    assert "<details" in page
    assert verdict.code in page
    assert verdict.code not in repr(verdict)
    assert not verdict
    assert pickle.loads(pickle.dumps(verdict)) == verdict


def test_verdict__is_the_same_every_time():
    bug = changed(dW1=lambda dW: dW * 2)
    assert repr(diagnose(bug, **SMALL)) == repr(diagnose(bug, **SMALL))
    assert diagnose(bug, **SMALL, seed=5).mistakes == diagnose(bug, **SMALL).mistakes


@pytest.mark.parametrize(
    ("factor", "id", "words"),
    [
        (5, "batch_sum_not_mean", "Everything is right except for the constant factor 5.000"),
        (0.5, "kept_half", "constant factor 0.5000."),
        (-1, "sign_slip", "Everything is right except for the sign."),
        (-1 - 1e-15, "sign_slip", "Everything is right except for the sign."),
        (10, "nothing_divided", "constant factor 10.00"),
    ],
)
def test_convention__right_except_for_a_constant(factor, id, words):
    every = dict.fromkeys(("dW1", "db1", "dW2", "db2"), lambda array: factor * array)
    verdict = diagnose(changed(**every), **SMALL)
    assert verdict.mistakes[0] == id
    assert words in verdict.message


def test_factor__that_nothing_explains():
    every = dict.fromkeys(("dW1", "db1", "dW2", "db2"), lambda array: 0.37 * array)
    verdict = diagnose(changed(**every), **SMALL)
    assert (verdict.status, verdict.mistakes, verdict.first) == ("wrong", (), "dW2")
    assert "0.3700 times what it should be" in verdict.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dW: dW * np.arange(2.0, 6.0), "each column has its own factor"),
        (lambda dW: dW * np.arange(2.0, 5.0)[:, np.newaxis], "each row has its own factor"),
        (lambda dW: np.abs(dW) * np.sign(np.arange(12).reshape(3, 4) % 3 - 0.5), "Only the signs"),
    ],
)
def test_pattern__of_the_factors_is_said(change, words):
    verdict = diagnose(changed(dW1=change), **SMALL)
    assert (verdict.status, verdict.first) == ("wrong", "dW1")
    assert words in verdict.message
    assert "db1 is right, so dz1 is right too" in verdict.hint


def test_slip__of_one_product():
    def slipped(x, y, W1, b1, W2, b2):
        dW1, db1, _, db2 = gradients(x, y, W1, b1, W2, b2)
        a1 = sigmoid(x @ W1 + b1)
        dz2 = 2 * (sigmoid(a1 @ W2 + b2) - y) / y.size
        return dW1, db1, a1.T @ (dz2 * (1 - sigmoid(a1 @ W2 + b2))), db2

    verdict = diagnose(slipped, **SMALL)
    assert verdict.mistakes == ("slip_other_quantity",)
    assert "dW2 is exactly the product of a1 and da2 * (1 - a)" in verdict.message


# Shapes and forms


@pytest.mark.parametrize(
    "form",
    [
        lambda W1, b1, W2, b2: [W1, b1, W2, b2],
        lambda W1, b1, W2, b2: {"dW2": W2, "db2": b2, "dW1": W1, "db1": b1, "dz1": 0},
        lambda W1, b1, W2, b2: {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        lambda W1, b1, W2, b2: {"grad_w0": W1, "grad_b0": b1, "grad_w1": W2, "grad_b1": b2},
        lambda W1, b1, W2, b2: [(W1, b1), (W2, b2)],
        lambda W1, b1, W2, b2: ([W1, W2], [b1, b2]),
        lambda W1, b1, W2, b2: (W2, b2, W1, b1),
        lambda W1, b1, W2, b2: tuple(each.tolist() for each in (W1, b1, W2, b2)),
        lambda W1, b1, W2, b2: tuple(each.astype(np.float32) for each in (W1, b1, W2, b2)),
    ],
)
def test_form__of_what_is_returned(form):
    assert diagnose(lambda *arguments: form(*gradients(*arguments)), **SMALL).status == "correct"


def test_shape__of_a_bias_in_a_row_is_a_convention():
    verdict = diagnose(changed(db1=lambda db: db[np.newaxis]), **SMALL)
    assert verdict.status == "correct"
    assert "db1 has shape (1, 4) and not (4,)." in verdict.note


def test_shape__wrong_on_a_later_network_only():
    def function(x, y, W1, b1):
        dz = 2 * (x @ W1 + b1 - y) / y.size
        db1 = dz.sum(axis=0)
        return x.T @ dz, db1[db1 > -1.5]

    verdict = diagnose(function, sizes=[3, 2], activations=["identity"], seed=17)
    assert "db1 has shape (1,); it must be (2,)" in verdict.message


def test_shape__transposed():
    verdict = diagnose(changed(dW1=np.transpose), **SMALL)
    assert (verdict.status, verdict.first) == ("wrong", "dW1")
    assert "dW1 has shape (4, 3); it must be (3, 4). It is the right gradient, but transposed." in verdict.message


def biases(change):
    """Return a function that makes the gradients of the biases from δ in a different way."""

    def function(x, y, W1, b1, W2, b2):
        a1 = sigmoid(x @ W1 + b1)
        a2 = sigmoid(a1 @ W2 + b2)
        dz2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
        dz1 = (dz2 @ W2.T) * a1 * (1 - a1)
        return x.T @ dz1, change(dz1), a1.T @ dz2, change(dz2)

    return function


@pytest.mark.parametrize(
    ("change", "id"),
    [
        (lambda dz: dz, "bias_grad_not_summed"),
        (np.sum, "bias_grad_summed_all_axes"),
        (np.mean, "bias_grad_summed_all_axes"),
        (lambda dz: dz.sum(axis=1), "summed_over_wrong_axis"),
        (lambda dz: dz.sum(axis=1, keepdims=True), "summed_over_wrong_axis"),
    ],
)
def test_shape__of_a_bias_gradient_names_the_mistake(change, id):
    verdict = diagnose(biases(change), **SMALL)
    assert (verdict.status, verdict.mistakes) == ("mistake", (id,))


def test_shape__that_no_mistake_makes():
    verdict = diagnose(changed(dW2=lambda dW: dW[:2]), **SMALL)
    assert (verdict.status, verdict.mistakes, verdict.first) == ("wrong", (), "dW2")
    assert "dW2 has shape (2, 2); it must be (4, 2)." in verdict.message


# Functions that fail, or do more than they should


def test_changed_argument__is_noticed():
    def updates_inside(x, y, W1, b1, W2, b2):
        found = gradients(x, y, W1, b1, W2, b2)
        W2 -= 0.1 * found[2]
        return found

    verdict = diagnose(updates_inside, **SMALL)
    assert verdict.status == "wrong"
    assert "It changes W2" in verdict.message


def test_result_that_adds_up__is_noticed():
    kept = {}

    def adds_up(*arguments):
        for number, each in enumerate(gradients(*arguments)):
            kept[number] = kept.get(number, 0) + each
        return tuple(kept.values())

    verdict = diagnose(adds_up, **SMALL)
    assert verdict.status == "wrong"
    assert "contains the first one" in verdict.message


def test_result_that_adds_up__is_noticed_in_a_later_diagnosis():
    kept = {}

    def adds_up(*arguments):
        for number, each in enumerate(gradients(*arguments)):
            kept[number] = kept.get(number, 0) + each
        return tuple(kept.values())

    diagnose(adds_up, **SMALL)
    assert "contains the first one" in diagnose(adds_up, **SMALL).message


def test_slope_of_a_different_layer__is_named():
    def wrong_layer(x, y, W1, b1, W2, b2, W3, b3):
        z1 = x @ W1 + b1
        z2 = np.maximum(0, z1) @ W2 + b2
        z3 = np.maximum(0, z2) @ W3 + b3
        dz3 = 2 * (z3 - y) / y.size
        dz2 = (dz3 @ W3.T) * (z1 > 0)
        dz1 = (dz2 @ W2.T) * (z1 > 0)
        pairs = (x, dz1), (np.maximum(0, z1), dz2), (np.maximum(0, z2), dz3)
        return tuple(each for a, dz in pairs for each in (a.T @ dz, dz.sum(axis=0)))

    verdict = diagnose(wrong_layer, sizes=[3, 4, 4, 2], activations=["relu", "relu", "identity"])
    assert (verdict.status, verdict.mistakes[0], verdict.first) == ("mistake", "slope_of_other_layer", "dW2")


def test_sum_over_outputs_of_a_cross_entropy__is_a_constant():
    def summed(x, y, W1, b1):
        dz1 = (sigmoid(x @ W1 + b1) - y) / len(y)
        return x.T @ dz1, dz1.sum(axis=0)

    verdict = diagnose(summed, sizes=[3, 2], activations=["sigmoid"], loss="binary_cross_entropy")
    assert verdict.mistakes[0] == "bce_sum_outputs"
    assert verdict.message.startswith("Everything is right except for the constant factor 2.000.")


def test_chance__is_noticed():
    def dropout(x, *others):
        return gradients(x * (np.random.random(x.shape) < 0.8), *others)  # noqa: NPY002

    verdict = diagnose(dropout, **SMALL)
    assert verdict.status == "wrong"
    assert "Random numbers are drawn" in verdict.message


def test_dependence_on_an_earlier_call__is_noticed():
    calls = []

    def counts(*arguments):
        calls.append(1)
        return changed(dW1=lambda dW: dW * len(calls))(*arguments)

    assert "depends on an earlier call" in diagnose(counts, **SMALL).message


def test_whole_numbers__are_noticed():
    verdict = diagnose(changed(dW1=lambda dW: (100 * dW).astype(int)), **SMALL)
    assert verdict.status == "wrong"
    assert "dW1 contains only whole numbers" in verdict.message

    def step(x, y, W1, b1, W2, b2, rate):
        new = np.zeros(W1.shape, dtype=int)
        dW1, db1, dW2, db2 = gradients(x, y, W1, b1, W2, b2)
        new[:] = W1 - rate * dW1
        return new, b1 - rate * db1, W2 - rate * dW2, b2 - rate * db2

    assert diagnose(step, **SMALL, learning_rate=0.5).mistakes == ("integer_weights",)


@pytest.mark.parametrize(
    ("function", "status", "words"),
    [
        (lambda *arguments: None, "wrong", "returns None"),
        (lambda *arguments: ..., "not answered", "not written yet"),
        (lambda *arguments: 1 / 0, "wrong", "ZeroDivisionError"),
        (lambda x, y: x, "wrong", "TypeError"),
        (lambda *arguments: gradients(*arguments)[:3], "unreadable", "returned 3 arrays"),
        (lambda *arguments: {"dW1": 1, "db1": 1}, "unreadable", "no dW2 and db2; it has dW1, db1"),
        (lambda *arguments: "dW1", "unreadable", "returned one str"),
        (changed(dW1=lambda dW: dW * np.nan), "wrong", "dW1 contains NaN"),
        (changed(db2=lambda db: db / 0.0 if db.any() else db), "wrong", "db2 contains infinity"),
        (changed(db2=lambda db: None), "wrong", "db2 is None"),
        (changed(db2=lambda db: ...), "not answered", "db2 is not written yet"),
        (changed(db2=lambda db: ["a", "b"]), "unreadable", "real numbers"),
        (changed(dW1=lambda dW: dW + 0j), "unreadable", "real numbers"),
        (changed(dW2=lambda dW: [[1, 2], [3]]), "unreadable", "cannot be made an array"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_failure__is_explained(function, status, words):
    verdict = diagnose(function, **SMALL)
    assert verdict.status == status
    assert words in verdict.message


def test_error__shows_the_line_of_the_function():
    def fails(x, y, W1, b1, W2, b2):
        return x @ W1.T

    message = diagnose(fails, **SMALL).message
    assert "in line" in message
    assert "return x @ W1.T" in message


def test_error__in_a_function_that_is_called_shows_its_line():
    def helper(z):
        return z.undefined

    message = diagnose(lambda *arguments: helper(arguments[0]), **SMALL).message
    assert "return z.undefined" in message


def test_exit__is_an_error_like_any_other():
    def leaves(*arguments):
        raise SystemExit(3)

    assert "SystemExit" in diagnose(leaves, **SMALL).message


def test_function_that_is_not_written__is_not_answered():
    def todo(*arguments):
        raise NotImplementedError

    assert diagnose(todo, **SMALL).status == "not answered"


def test_step_that_changes_nothing__is_noticed():
    verdict = diagnose(lambda *arguments: None, **SMALL, learning_rate=0.5)
    assert "leaves all parameters unchanged" in verdict.message


def test_text_of_an_error__is_escaped():
    def hostile(*arguments):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in diagnose(hostile, **SMALL)._repr_html_()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"function": 3}, TypeError, "needed a function; got 3"),
        ({"batch": 0}, ValueError, "batch must be a whole number from 1"),
        ({"layout": "cols"}, ValueError, "'rows' or 'columns'"),
        ({"sizes": [3, 4]}, ValueError, "activations"),
        ({"sizes": [784, 100, 10]}, ValueError, "small network, such as"),
        ({"loss": "mae"}, ValueError, "mae"),
        ({"learning_rate": -1}, ValueError, "learning_rate"),
        ({"loss": "categorical_cross_entropy"}, ValueError, "softmax"),
    ],
)
def test_arguments__that_are_impossible(options, error, words):
    with pytest.raises(error, match=words):
        diagnose(**{"function": gradients, **SMALL, **options})


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_batch__of_any_size(batch):
    assert diagnose(gradients, **SMALL, batch=batch)
    every = dict.fromkeys(("dW1", "db1", "dW2", "db2"), lambda array: -array)
    assert diagnose(changed(**every), **SMALL, batch=batch).mistakes[0] == "sign_slip"


def test_product_of_sums__is_found_in_the_gradient_of_the_weights():
    def summed(x, y, W1, b1, W2, b2):
        _, db1, dW2, db2 = gradients(x, y, W1, b1, W2, b2)
        return np.outer(x.sum(axis=0), db1), db1, dW2, db2

    verdict = diagnose(summed, **SMALL)
    assert (verdict.mistakes[0], verdict.first) == ("product_of_sums", "dW1")
    assert verdict.code == "dW1 = x.T @ dz1"


def test_reshaped_weights__are_found_in_the_way_back():
    def backward(x, y, W1, b1, W2, b2):
        _, _, dW2, db2 = gradients(x, y, W1, b1, W2, b2)
        a1 = sigmoid(x @ W1 + b1)
        a2 = sigmoid(a1 @ W2 + b2)
        dz1 = (2 * (a2 - y) / y.size * a2 * (1 - a2)) @ W2.reshape(2, 4) * a1 * (1 - a1)
        return x.T @ dz1, dz1.sum(axis=0), dW2, db2

    verdict = diagnose(backward, **SMALL)
    assert (verdict.mistakes[0], verdict.first) == ("reshaped_W2", "dW1")
    assert verdict.code.startswith("dz1 = (dz2 @ W2.T)")


# Lines of NumPy


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: f"{network[1]} {network[2]}")
def test_lines__together_are_a_right_backward_pass(network, layout):
    """The lines that a diagnosis shows are run one after the other."""
    sizes, activations, loss = network
    rng = np.random.default_rng(2)
    shapes = zip(sizes, sizes[1:], activations, strict=False)
    layers = [Dense(rng.normal(size=(i, o)), rng.normal(size=o), name) for i, o, name in shapes]
    y = np.eye(sizes[-1])[[0, 0, 1 % sizes[-1]]] if "categorical" in loss else rng.integers(2, size=(3, sizes[-1]))
    trace = backprop(Network(layers), rng.normal(size=(3, sizes[0])), y * 1.0, loss)
    rows = layout == "rows"
    values = {
        name: trace[name] if rows or trace[name].ndim == 1 else trace[name].T for name in trace if name[0] in "xyWb"
    }
    values |= {name: each if rows else each[:, np.newaxis] for name, each in values.items() if each.ndim == 1}
    values["np"] = np
    facts, last = steps(trace)[0].facts, len(layers)
    for layer in range(1, last + 1):
        exec(line(facts, layout, "z", layer), values)
        exec(line(facts, layout, "a", layer), values)
    for layer in range(last, 0, -1):
        for kind in ("back", "dW", "db"):
            exec(line(facts, layout, kind, layer), values)
        dW, db = values[f"dW{layer}"], np.ravel(values[f"db{layer}"])
        np.testing.assert_allclose(dW if rows else dW.T, trace[f"dW{layer}"])
        np.testing.assert_allclose(db, trace[f"db{layer}"])
