"""The scalar equations against the matrices, on 200 random networks, and each equation against itself."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from functools import cache

import numpy as np
import pytest
from helpers.random_networks import random_cases

from bpcourse import ACTIVATIONS, EXAMPLES, Activation, Dense, Loss, Network, backprop, sgd_step, steps
from bpcourse.names import Name
from bpcourse.numbers import format_number
from bpcourse.registry import UnknownNameError
from bpcourse.tutor.equations import Values, entries, look_up, needed_for, table
from bpcourse.tutor.formulas import LOSS_FORMULAS, UNITS, filled, names_in, pieces

RATE = 0.3
CASES = [*random_cases()[:84], *random_cases()[84::8]]
"""Each hidden activation with each pair of output and loss, and some more."""
each_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
CROSS = ("binary_cross_entropy", "categorical_cross_entropy")
LABELS = ["FORWARD", "ERROR", "OUTPUT DELTA", "SEND BACK", "HIDDEN DELTA", "GRADIENT", "UPDATE"]


def close_to(expected):
    return pytest.approx(expected, rel=1e-12, abs=0)


def engine_values(trace, learning_rate):
    """Return the engine's number for each name that the equations give, as far as it has one."""
    n, values = len(trace["x"]), {}
    after = sgd_step(trace, learning_rate)
    new = backprop(after, trace["x"], trace["y"], trace.loss_function)
    each = [backprop(trace.network, x, y, trace.loss_function) for x, y in zip(trace["x"], trace["y"], strict=True)]

    def put(name, array, suffix=""):
        for index, value in np.ndenumerate(array):
            values[f"{name}[{','.join(str(i + 1) for i in index)}]{suffix}"] = value

    for row, one in enumerate(each, start=1):
        at = f"@{row}" if n > 1 else ""
        for name in one:
            if name[:2] in ("dW", "db"):
                put(name, one[name], at)
            elif name[0] not in "Wb" and name != "loss":
                put(name, one[name][0], at)
        values[f"loss{at}"] = one.loss
        for layer in range(1, len(trace.network.layers) + 1):
            z, activation = one[f"z{layer}"][0], trace.network.layers[layer - 1].activation
            slope = activation.jacobian(z) if activation.slope is None else activation.df(z)
            put(f"slope{layer}", slope, at)
            put(f"z{layer}_new", new[f"z{layer}"][row - 1], at)
            put(f"a{layer}_new", new[f"a{layer}"][row - 1], at)
        put("y_hat_new", new["y_hat"][row - 1], at)
        values[f"loss_new{at}"] = backprop(after, one["x"], one["y"], trace.loss_function).loss
    for layer, made in enumerate(after.layers, start=1):
        put(f"dW{layer}", trace[f"dW{layer}"])
        put(f"W{layer}_new", made.W)
        if made.b is not None:
            put(f"db{layer}", trace[f"db{layer}"])
            put(f"b{layer}_new", made.b)
    return values | {"loss": trace.loss, "loss_new": new.loss}


@cache
def table_of(case):
    return table(case.backprop(), RATE)


@each_case
def test_table__agrees_with_the_matrices(case):
    ours = {step.name: step.value for step in table_of(case).values() if step.kind != "given"}
    theirs = engine_values(case.backprop(), RATE)
    assert {name for name in ours if not name.startswith("y[")} <= theirs.keys()
    largest = {}
    for name, value in theirs.items():
        array = Name.read(name).at(index=(), example=0)
        largest[array] = max(largest.get(array, 0.0), abs(value))
    for name, value in ours.items():
        tolerance = 1e-12 * largest[Name.read(name).at(index=(), example=0)]
        assert math.isclose(value, theirs[name], rel_tol=0, abs_tol=tolerance), name


@each_case
def test_table__each_step_follows_from_those_before(case):
    seen = {name: step.value for name, step in table_of(case).items() if step.kind == "given"}
    for step in [step for step in table_of(case).values() if step.kind != "given"]:
        assert set(step.needs) <= seen.keys(), f"{step.name} needs what comes later"
        assert step.recompute({}) == step.value == step.rule(seen)
        assert step.label in LABELS
        seen[step.name] = step.value


def test_step__recompute_with_other_values():
    step = look_up(table(EXAMPLES["lecture"].backprop()), "z1[1]")
    assert step.recompute({"b1[1]": 0.0}) == pytest.approx(step.value - step.inputs["b1[1]"])


BATCH = backprop(EXAMPLES["mazur"].network, [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])


UNEVEN = backprop(
    Network([Dense([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [0.0, 0.1, 0.2], "tanh"), Dense([[1.0], [0.5], [-1.0]])]),
    [[0.1, 0.2], [0.3, 0.4]],
    [[1.0], [0.0]],
)


@pytest.mark.parametrize(
    "trace", [BATCH, UNEVEN, EXAMPLES["lecture"].backprop()], ids=["batch", "uneven", "one example"]
)
def test_step__its_place_is_that_of_its_name(trace):
    sizes, layers = trace.network.sizes, trace.network.layers
    for step in table(trace, RATE).values():
        part = Name.read(step.name)
        assert step.parts == part
        assert step.index == part.index
        assert step.at == (f"@{part.example}" if part.example else "")
        assert step.new == ("_new" if part.new else "")
        last = part.quantity in ("y", "y_hat", "loss")
        assert step.layer == (len(layers) if last else part.layer or 0)
        if step.layer:
            assert step.activation == layers[step.layer - 1].activation
            assert step.units(-1) == range(1, sizes[step.layer - 1] + 1)
        assert step.units() == range(1, sizes[step.layer] + 1)


def test_step__cannot_be_changed():
    step = table(BATCH)["loss"]
    for record in (step, step.facts):
        for field in dataclasses.fields(record):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(record, field.name, getattr(record, field.name))


def test_near__names_of_the_same_unit_example_and_pass():
    found = table(BATCH, RATE)
    one, new = found["z1[2]@3"], found["a1_new[2]@3"]
    assert one.near("a") == "a1[2]@3"
    assert one.near("a", 1, up=-1) == "x[1]@3"
    assert one.near("W", 1, 2) == "W1[1,2]"
    assert one.near("dz", 1, up=1) == "dz2[1]@3"
    assert new.near("z") == "z1_new[2]@3"
    assert new.near("b") == "b1_new[2]"
    assert new.near("a", 1, up=-1) == "x[1]@3"


def test_label__of_a_mean_is_that_of_what_is_averaged():
    found = table(BATCH, RATE)
    assert found["loss"].label == found["loss@1"].label == found["loss_new"].label == "ERROR"
    assert found["dW1[1,1]"].label == found["dW1[1,1]@2"].label == found["db2[1]"].label == "GRADIENT"
    assert found["dz1[1]@1"].label == found["slope1[1]@1"].label == "HIDDEN DELTA"
    assert found["dz2[1]@1"].label == found["slope2[1]@1"].label == "OUTPUT DELTA"


def test_entries__names_in_the_shape_of_the_array():
    found, softmax = table(BATCH, RATE), Network([Dense(np.eye(2, 3), None, "softmax")])
    assert entries(found, "x").tolist() == [[f"x[{unit}]@{row}" for unit in (1, 2)] for row in (1, 2, 3)]
    assert entries(found, "dy_hat").tolist() == [[f"da2[{unit}]@{row}" for unit in (1, 2)] for row in (1, 2, 3)]
    assert entries(found, "b1").tolist() == ["b1[1]", "b1[2]"]
    assert entries(found, "db1").tolist() == ["db1[1]", "db1[2]"]  # the means
    assert entries(found, "dW2").tolist() == [["dW2[1,1]", "dW2[1,2]"], ["dW2[2,1]", "dW2[2,2]"]]
    assert entries(found, "W2_new")[0, 1] == "W2_new[1,2]"
    assert entries(found, "slope1").tolist() == [[f"slope1[{unit}]@{row}" for unit in (1, 2)] for row in (1, 2, 3)]
    for name in ("loss", "loss@1", "learning_rate", "W1[1,2]", "W3"):
        assert entries(found, name) is None
    one_unit = table(backprop(Network([Dense([[1.0]], None, "tanh")]), [1.0], [0.5]))
    assert entries(one_unit, "slope1").tolist() == [["slope1[1]"]]
    for n in (1, 2):
        slopes = entries(table(backprop(softmax, [[0.1, 0.2]] * n, [[0.0, 1.0, 0.0]] * n)), "slope1")
        at = f"@{n}" if n > 1 else ""
        assert slopes.shape == (n, 3, 3)
        assert slopes[n - 1, 1, 2] == f"slope1[2,3]{at}"


def test_repr__is_the_equation_in_names_and_in_numbers():
    step = look_up(table(EXAMPLES["lecture"].backprop()), "dW1[1,1]")
    assert repr(step) == f"dW1[1,1] = x[1]·dz1[1] = 0.8000·(−0.008144) = {format_number(step.value)}"


def test_comparison__sees_a_wrong_equation():
    case = random_cases()[0]
    right = steps(case.backprop(), RATE)
    wrong = [dataclasses.replace(step, value=step.value + 1e-6) for step in right]
    theirs = engine_values(case.backprop(), RATE)
    assert all(not math.isclose(step.value, theirs[step.name], rel_tol=1e-9, abs_tol=1e-9) for step in wrong)


def test_steps__order():
    labels = [step.label for step in steps(EXAMPLES["lecture"].backprop(), RATE)]
    first = [labels.index(label) for label in LABELS]
    assert first[:4] == sorted(first[:4])
    assert labels.index("UPDATE") > max(i for i, label in enumerate(labels) if label == "GRADIENT")
    assert [step.name for step in steps(EXAMPLES["lecture"].backprop())][:6] == [
        "z1[1]", "z1[2]", "a1[1]", "a1[2]", "z2[1]", "z2[2]"
    ]  # fmt: skip


def test_table__softmax_has_its_full_jacobian():
    network = Network([Dense([[0.3, -0.2, 0.5]], [0.1, 0.0, -0.4], "softmax")])
    trace = backprop(network, [0.7], [0.0, 1.0, 0.0], "categorical_cross_entropy")
    found = table(trace)
    jacobian = ACTIVATIONS["softmax"].jacobian(trace["z1"][0])
    for i in range(3):
        for k in range(3):
            assert found[f"slope1[{i + 1},{k + 1}]"].value == pytest.approx(jacobian[i, k], rel=1e-12)


def test_look_up__names_as_people_write_them():
    found = table(EXAMPLES["mazur"].backprop(), RATE)
    assert look_up(found, " dW2[ 1, 1 ] ").name == "dW2[1,1]"
    assert look_up(found, "a0[1]").name == "x[1]"
    assert look_up(found, "z1[1]@1").name == "z1[1]"
    assert look_up(found, "dy_hat[2]").name == "da2[2]"


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("dW2[1,3]", UnknownNameError, "dW2[1,2]"),
        ("dW3[1,1]", UnknownNameError, "dW2"),
        ("dW2", UnknownNameError, "dW2[1,1]"),
        ("gradient", ValueError, "needed a name such as"),
        ("W1_new[1,1]", ValueError, "learning_rate"),
        (7, ValueError, "needed a name such as"),
        ("z1[1]@2", UnknownNameError, "z1[1]"),  # there is one example only
    ],
)
def test_look_up__unknown_name(name, error, words):
    with pytest.raises(error) as caught:
        look_up(table(EXAMPLES["mazur"].backprop()), name)
    assert words in str(caught.value)


def test_look_up__of_an_unknown_array_lists_the_arrays():
    with pytest.raises(UnknownNameError, match=r"x, W1, b1, W2, b2, y, z1, a1.*loss"):
        look_up(table(BATCH), "dW3[1,1]")


def test_look_up__batch_needs_the_example():
    trace = backprop(EXAMPLES["mazur"].network, [[0.1, 0.2], [0.3, 0.4]], [[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"differs from example to example.*z1\[1\]@1"):
        look_up(table(trace), "z1[1]")
    for row in (0, 1):
        assert look_up(table(trace), f"z1[1]@{row + 1}").value == pytest.approx(trace["z1"][row, 0])


@pytest.mark.parametrize("rate", [0, -0.1, math.nan, math.inf, "0.1", True])
def test_steps__learning_rate_is_positive(rate):
    with pytest.raises(ValueError, match="learning_rate"):
        steps(EXAMPLES["mazur"].backprop(), rate)


def test_steps__needs_a_trace():
    with pytest.raises(TypeError, match="needed a Trace"):
        steps(EXAMPLES["mazur"].network)


def test_needed_for__is_complete():
    found = table(EXAMPLES["lecture"].backprop(), RATE)
    way = needed_for(found, "dW1[1,2]")
    names = [step.name for step in way]
    assert names[-1] == "dW1[1,2]"
    assert "dz1[1]" not in names
    assert {"dz1[2]", "dz2[1]", "dz2[2]", "W2[2,1]", "W2[2,2]", "x[1]"} <= set(names)
    assert Values({name: found[name] for name in names})["dW1[1,2]"] == found["dW1[1,2]"].value
    assert [step.name for step in needed_for(found, "dW1[1,2]", {"dz1[2]": 0.1, "x[1]": 1.0})] == ["dW1[1,2]"]


def test_values__follow_a_changed_rule():
    found = table(EXAMPLES["mazur"].backprop())
    values = Values(found, rules={"slope": lambda step, v: 1.0})
    assert values["dW2[1,1]"] == pytest.approx((0.7513650695523157 - 0.01) * 0.5932699921071872)
    assert values["z1[1]"] == found["z1[1]"].value


@pytest.mark.parametrize("z", [-800.0, -40.0, 26.0, 40.0, 800.0])
def test_table__saturated_unit_is_as_exact_as_the_engine(z):
    for activation, loss, y in (
        ("sigmoid", "binary_cross_entropy", [0.0]), ("sigmoid", "mse", [0.2]), ("tanh", "mse", [0.2]),
    ):  # fmt: skip
        trace = backprop(Network([Dense([[z]], [0.0], activation)]), [1.0], y, loss)
        ours = table(trace)
        for name in ("loss", "dz1[1]", "dW1[1,1]"):
            theirs = trace.loss if name == "loss" else trace[name[:3]].item()
            assert math.isclose(ours[name].value, theirs, rel_tol=1e-9, abs_tol=0), name
    for loss in ("categorical_cross_entropy", "mse"):
        softmax = backprop(Network([Dense([[z, 0.0, 1.0]], None, "softmax")]), [1.0], [0.0, 1.0, 0.0], loss)
        ours = table(softmax)
        assert math.isclose(ours["loss"].value, softmax.loss, rel_tol=1e-9)
        for unit in (1, 2, 3):
            theirs = softmax["dz1"][0, unit - 1]
            assert math.isclose(ours[f"dz1[{unit}]"].value, theirs, rel_tol=1e-9, abs_tol=0), (loss, unit)


def test_table__saturated_unit_with_the_learners_own_output():
    softmax = backprop(Network([Dense([[40.0, 0.0, 1.0]], None, "softmax")]), [1.0], [0.0, 1.0, 0.0])
    assert Values(table(softmax), {"a1[1]": 0.9})["slope1[1,1]"] == pytest.approx(0.9 * 0.1)
    assert Values(table(softmax), {"a1[1]": 0.9999995})["slope1[1,1]"] < 1e-12  # rounded, not wrong
    assert Values(table(softmax), {"a1[1]": 1.1})["slope1[1,1]"] == pytest.approx(1.1 * -0.1)


def test_table__custom_activation():
    elu = Activation(
        "elu", lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1.0, np.exp(z)), rectifier=True
    )
    trace = backprop(Network([Dense([[-0.55], [0.2]], [0.1], elu)]), [1.0, 0.4], [0.3])
    ours = table(trace)
    for name in ("a1[1]", "slope1[1]", "dW1[2,1]"):
        theirs = elu.df(trace["z1"]).item() if name == "slope1[1]" else trace[name[: name.index("[")]].ravel()[-1]
        assert ours[name].value == pytest.approx(theirs, rel=1e-12)
    assert ours["a1[1]"].formula == "elu(z1[1])"


def test_table__overflow_is_infinite():
    assert table(EXAMPLES["mazur"].backprop(), 1e200)["loss_new"].value >= 0
    trace = backprop(Network([Dense([[1.0]])]), [1.0], [0.5])
    assert table(trace, 1e200)["loss_new"].value == math.inf


def test_table__custom_loss():
    absolute = Loss("absolute", lambda y, p: np.abs(p - y).sum(axis=1), lambda y, p: np.sign(p - y))
    trace = backprop(Network([Dense([[0.5, -1.0]])]), [1.0], [0.3, 0.3], absolute)
    ours = table(trace)
    assert ours["loss"].formula == "absolute(y[1], y_hat[1], y[2], y_hat[2])"
    assert ours["loss"].value == pytest.approx(1.5)
    assert (ours["da1[1]"].value, ours["da1[2]"].value) == (1.0, -1.0)


def test_step__survives_copy_and_pickle():
    for case in (CASES[0], CASES[5], CASES[40], CASES[83]):
        for step in table_of(case).values():
            for other in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
                assert repr(other) == repr(step)
                assert other.recompute({}) == step.value


def test_step__products_are_what_the_formula_adds_up():
    found = table(EXAMPLES["lecture"].backprop(), RATE)
    assert found["z1[1]"].products == [("x[1]", "W1[1,1]"), ("x[2]", "W1[2,1]")]
    assert found["W1_new[1,1]"].products == [("learning_rate", "dW1[1,1]")]
    assert found["a1[1]"].products == ()
    step = found["da1[1]"]
    assert sum(step.terms(step.inputs)) == pytest.approx(step.value)


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("", []),
        ("1", [("1", "", False, False)]),
        ("{a}² + ({b}", [("", "a", True, True), ("² + (", "b", True, False)]),
        ("e^⟨−{a}⟩", [("e^⟨−", "a", False, False), ("⟩", "", False, False)]),
    ],
)
def test_pieces__template(template, found):
    assert [tuple(piece) for piece in pieces(template)] == found


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{n} + {n}·{p}", "−2 + (−2)·3"),  # at the beginning a minus needs no brackets
        ("({n} − {n})", "(−2 − (−2))"),
        ("[{n}] / {n}", "[−2] / (−2)"),
        ("e^⟨{n}⟩", "e^(−2)"),
        ("{n}² + {p}²", "(−2)² + 3²"),
        ("{n}^{p}", "(−2)^3"),
        ("{e}² + {e}", "(2e5)² + 2e5"),
        ("{x}²", "xe²"),
        ("1 − {n}", "1 − (−2)"),
        ("", ""),
        ("1", "1"),
    ],
)
def test_filled__brackets_where_a_number_would_be_misread(template, expected):
    shown = {"n": "−2", "p": "3", "e": "2e5", "x": "xe"}
    assert filled(template, shown.__getitem__) == expected


def test_table__of_a_custom_activation_whose_units_depend_on_each_other():
    softmax = ACTIVATIONS["softmax"]
    custom = Activation("mine{}", softmax.function, coupled_jacobian=softmax.coupled_jacobian)
    ours, theirs = (
        table(backprop(Network([Dense([[0.3, -0.2, 0.5]], [0.1, 0.0, -0.4], each)]), [0.7], [0.0, 1.0, 0.0]))
        for each in (custom, softmax)
    )
    assert ours["a1[2]"].formula == "mine{}(z1[1], z1[2], z1[3])"
    assert ours["slope1[2,3]"].formula == "mine{}′(z1[1], z1[2], z1[3])"
    assert {name: step.value for name, step in ours.items()} == pytest.approx(
        {name: step.value for name, step in theirs.items()}, rel=1e-12, abs=0
    )


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu(0.2)", 0.2)])
def test_table__the_slope_of_a_rectifier_at_zero(name, slope):  # the convention of the engine
    found = table(backprop(Network([Dense([[1.0]], [-1.0], name)]), [1.0], [0.5]))
    assert (found["z1[1]"].value, found["slope1[1]"].value) == (0.0, slope)


def test_formulas__cannot_be_changed():
    for record in (*UNITS.values(), *LOSS_FORMULAS.values()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.slope = ""


def test_table__of_a_custom_rectifier():
    def templates(function, slope):
        activation = Activation("mine", function, slope, rectifier=True)
        found = table(backprop(Network([Dense([[1.0]], None, activation)]), [1.0], [0.5]))
        return found["a1[1]"].template, found["slope1[1]"].template

    one_at_zero = templates(lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 1))  # the slope at 0 is a convention
    assert one_at_zero == ("max(0, {z1[1]})", "1 if {z1[1]} > 0, else 0")
    bent = templates(lambda z: np.maximum(z, -1 / (1 + z**2)), np.ones_like)  # not straight below 0
    assert bent == ("mine({z1[1]})", "mine′({z1[1]})")
    steep = templates(lambda z: np.maximum(2 * z, 0), lambda z: 2 * np.heaviside(z, 0))
    assert steep == ("mine({z1[1]})", "mine′({z1[1]})")


def test_cross_entropies__of_a_prediction_that_someone_wrote_as_zero_or_one():
    softmax = table(backprop(Network([Dense([[1.0, 2.0]], None, "softmax")]), [1.0], [1.0, 0.0], CROSS[1]))
    assert softmax["loss"].recompute({"y_hat[1]": 0.0}) == math.inf
    assert softmax["loss"].recompute({"y_hat[1]": 1.0, "y_hat[2]": 0.0}) == 0.0
    assert softmax["da1[1]"].recompute({"y_hat[1]": 0.0}) == -math.inf
    assert softmax["da1[2]"].recompute({"y_hat[2]": 0.0}) == 0.0
    assert softmax["da1[1]"].recompute({"y_hat[1]": 1.0}) == -1.0
    sigmoid = table(backprop(Network([Dense([[1.0]], None, "sigmoid")]), [1.0], [0.0], CROSS[0]))
    assert sigmoid["loss"].recompute({"y_hat[1]": 1.0}) == math.inf
    assert sigmoid["loss"].recompute({"y_hat[1]": 0.0}) == 0.0
    assert sigmoid["da1[1]"].recompute({"y_hat[1]": 1.0}) == math.inf
    assert sigmoid["da1[1]"].recompute({"y_hat[1]": 0.0}) == 1.0


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_slope__follows_the_output_that_someone_wrote(name):
    found = table(backprop(Network([Dense([[30.0]], None, name)]), [1.0], [0.0]))  # f(30) is almost 1
    step, a = found["slope1[1]"], found["a1[1]"].value
    for own in (0.3, 0.9):
        expected = own * (1 - own) if name == "sigmoid" else 1 - own**2
        assert step.recompute({"a1[1]": own}) == pytest.approx(expected)
    assert step.value == pytest.approx(ACTIVATIONS[name].df(30.0).item(), rel=1e-12, abs=0)
    assert step.recompute({"a1[1]": -a, "z1[1]": -30.0}) == pytest.approx(
        step.value if name == "tanh" else -a * (1 + a), rel=1e-9, abs=0
    )


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_recompute__follows_a_small_change_of_an_output(name):
    found = table(backprop(Network([Dense([[0.4]], None, name)]), [1.0], [0.0]))
    a = found["a1[1]"].value + 4e-7  # as rounding to six digits may change it
    assert found["slope1[1]"].recompute({"a1[1]": a}) == close_to(a * (1 - a) if name == "sigmoid" else 1 - a * a)
    cross = table(backprop(Network([Dense([[0.4]], None, "sigmoid")]), [1.0], [0.0], CROSS[0]))
    p = cross["y_hat[1]"].value + 4e-7
    assert cross["loss"].recompute({"y_hat[1]": p}) == close_to(-math.log(1 - p))
    assert cross["da1[1]"].recompute({"y_hat[1]": p}) == close_to(1 / (1 - p))


def test_filled__what_is_between_the_names_can_be_translated():
    assert filled("e^⟨{a}⟩", lambda name: "⟨", {ord("⟨"): "{", ord("⟩"): "}"}) == "e^{⟨}"


@pytest.mark.parametrize(
    ("activation", "output", "slope"),
    [
        ("identity", "{z1[2]}", "1"),
        ("sigmoid", "1 / (1 + e^⟨−{z1[2]}⟩)", "{a1[2]}·(1 − {a1[2]})"),
        ("tanh", "tanh({z1[2]})", "1 − {a1[2]}²"),
        ("relu", "max(0, {z1[2]})", "1 if {z1[2]} > 0, else 0"),
        ("leaky_relu(0.2)", "max(0.2·{z1[2]}, {z1[2]})", "1 if {z1[2]} > 0, else 0.2"),
        ("softmax", "e^⟨{z1[2]}⟩ / (e^⟨{z1[1]}⟩ + e^⟨{z1[2]}⟩)", None),
    ],
)
def test_templates__of_activations(activation, output, slope):
    found = table(backprop(Network([Dense([[1.0, 2.0]], None, activation)]), [1.0], [0.5, 0.5]))
    assert found["a1[2]"].template == output
    if slope is not None:
        assert found["slope1[2]"].template == slope
    else:
        assert found["slope1[2,2]"].template == "{a1[2]}·(1 − {a1[2]})"
        assert found["slope1[2,1]"].template == "−{a1[2]}·{a1[1]}"


@pytest.mark.parametrize(
    ("loss", "output", "value", "slope", "one_value", "one_slope"),
    [
        (
            "mse", "sigmoid", "[({p1} − {y1})² + ({p2} − {y2})²] / 2", "2·({p2} − {y2}) / 2",
            "({p1} − {y1})²", "2·({p1} − {y1})",
        ),
        (
            "half_sse", "sigmoid", "[({p1} − {y1})² + ({p2} − {y2})²] / 2", "{p2} − {y2}",
            "[({p1} − {y1})²] / 2", "{p1} − {y1}",
        ),
        (
            "binary_cross_entropy", "sigmoid",
            "−[{y1}·ln {p1} + (1 − {y1})·ln(1 − {p1}) + {y2}·ln {p2} + (1 − {y2})·ln(1 − {p2})] / 2",
            "({p2} − {y2}) / (2·{p2}·(1 − {p2}))",
            "−[{y1}·ln {p1} + (1 − {y1})·ln(1 − {p1})]", "({p1} − {y1}) / ({p1}·(1 − {p1}))",
        ),
        ("categorical_cross_entropy", "softmax", "−[{y1}·ln {p1} + {y2}·ln {p2}]", "−{y2} / {p2}", None, None),
    ],
)  # fmt: skip
def test_templates__of_losses(loss, output, value, slope, one_value, one_slope):
    def written(outputs):
        network = Network([Dense(np.full((1, outputs), 0.3), None, output)])
        found = table(backprop(network, [1.0], [1.0, 0.0][:outputs], loss))
        templates = [found[name].template for name in ("loss", f"da1[{outputs}]")]
        return [text.replace("y_hat[", "p").replace("y[", "y").replace("]}", "}") for text in templates]

    assert written(2) == [value, slope]
    if one_value is not None:
        assert written(1) == [one_value, one_slope]


@pytest.mark.parametrize(
    ("loss", "output", "y", "short"),
    [
        ("mse", "sigmoid", [1.0, 0.0], ""),
        ("binary_cross_entropy", "sigmoid", [1.0, 0.0], "({y_hat[2]} − {y[2]}) / 2"),
        ("binary_cross_entropy", "sigmoid", [1.0], "{y_hat[1]} − {y[1]}"),
        ("categorical_cross_entropy", "softmax", [0.25, 0.75], "{y_hat[2]} − {y[2]}"),
        ("categorical_cross_entropy", "softmax", [0.25, 0.5], "{y_hat[2]}·({y[1]} + {y[2]}) − {y[2]}"),
    ],
)
def test_short__the_slopes_of_a_cross_entropy_and_its_activation_cancel(loss, output, y, short):
    network = Network([Dense(np.full((1, len(y)), 0.3), [0.1] * len(y), output)])
    step = table(backprop(network, [1.0], y, loss))[f"dz1[{len(y)}]"]
    assert step.short == short
    if short:
        names = {name: step.inputs[name] for name in names_in(short)}
        assert eval(filled(short, lambda name: repr(names[name])).replace("·", "*").replace("−", "-")) == pytest.approx(
            step.value
        )
