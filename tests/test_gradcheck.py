"""The gradient check passes right gradients, fails wrong ones, and names the kinks."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.random_networks import random_cases

from bpcourse import Dense, Network, Trace, backprop, forward, gradcheck

TOLERANCE = 1e-6
SAMPLE = random_cases()[::8]

# 2 → 3 → 3 with four examples: W2 is square, so that its transpose fits, and n is not 1.
NETWORK = Network(
    [
        Dense([[0.5, -0.7, 0.2], [0.9, 0.4, -1.1]], [0.1, -0.2, 0.3], "tanh"),
        Dense([[0.6, 1.3, -0.5], [-1.1, 0.4, 0.8], [0.7, -0.9, 0.3]], [0.3, -1.2, 0.5], "sigmoid"),
    ]
)
TRACE = backprop(
    NETWORK,
    [[0.8, 0.3], [-0.4, 1.2], [0.1, -0.6], [1.5, 0.9]],
    [[0.3, 0.7, 0.1], [0.9, 0.2, 0.4], [0.0, 1.0, 0.5], [0.6, 0.1, 0.8]],
    "half_sse",
)


def altered(trace: Trace, **arrays: np.ndarray) -> Trace:
    return dataclasses.replace(trace, values={**trace.values, **arrays})


def wrong(trace: Trace) -> set[str]:
    """Return which gradients of `trace` the check does not pass; NaN does not pass."""
    return {name for name, found in gradcheck.compare(trace).items() if not found.relative <= TOLERANCE}


def kinks(trace: Trace, **options: float) -> dict[str, tuple]:
    return {name: found.kinks for name, found in gradcheck.compare(trace, **options).items() if found.kinks}


def changed(array: np.ndarray, index: tuple[int, ...], factor: float) -> np.ndarray:
    array = array.copy()
    array[index] *= factor
    return array


def test_right_gradients_pass_and_all_are_looked_at():
    found = gradcheck.compare(TRACE)
    assert list(found) == ["dW2", "db2", "dW1", "db1", "dx"]
    assert wrong(TRACE) == set()
    assert all(0 < one.relative < 1e-8 and one.kinks == () for one in found.values())
    assert all(one.absolute == pytest.approx(one.relative * np.abs(TRACE[name]).max()) for name, one in found.items())


@pytest.mark.parametrize("name", ["dW1", "db1", "dW2", "db2", "dx"])
def test_a_wrong_sign_fails(name):
    assert wrong(altered(TRACE, **{name: -TRACE[name]})) == {name}


@pytest.mark.parametrize("name", ["dW1", "db1", "dW2", "db2", "dx"])
def test_one_entry_that_is_one_percent_off_fails(name):
    for index in np.ndindex(TRACE[name].shape):
        assert wrong(altered(TRACE, **{name: changed(TRACE[name], index, 1.01)})) == {name}


@pytest.mark.parametrize("case", SAMPLE, ids=[case.id for case in SAMPLE])
def test_the_largest_entry_one_percent_off_fails_in_every_network(case):
    trace = case.backprop()
    bent = {}
    for name in trace.names:
        if name == "dx" or name.startswith(("dW", "db")):
            largest = np.unravel_index(np.abs(trace[name]).argmax(), trace[name].shape)
            bent[name] = changed(trace[name], largest, 1.01)
    assert wrong(trace) == set()
    assert wrong(altered(trace, **bent)) == {name for name in bent if trace[name].any()}


def test_a_missing_one_over_n_fails():
    names = ["dW1", "db1", "dW2", "db2", "dx"]
    assert wrong(altered(TRACE, **{name: len(TRACE["x"]) * TRACE[name] for name in names})) == set(names)


def test_a_transposed_square_matrix_fails():
    assert wrong(altered(TRACE, dW2=TRACE["dW2"].T)) == {"dW2"}


def test_a_dropped_slope_fails():
    da = TRACE["da1"]  # where dz1 belongs
    without = altered(TRACE, dW1=TRACE["x"].T @ da, db1=da.sum(axis=0), dx=da @ TRACE["W1"].T)
    assert wrong(without) == {"dW1", "db1", "dx"}


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, 1e9])
def test_zeros_nan_infinity_and_far_too_large_fail(bad):
    with np.errstate(invalid="ignore"):  # ∞/∞
        assert wrong(altered(TRACE, dW2=np.full((3, 3), bad))) == {"dW2"}


def test_the_gradient_of_another_loss_fails():
    assert wrong(dataclasses.replace(TRACE, loss_function=backprop(NETWORK, TRACE["x"], TRACE["y"]).loss_function)) == {
        "dW1", "db1", "dW2", "db2", "dx",
    }  # fmt: skip


def test_the_check_changes_nothing():
    before = {name: TRACE[name].tobytes() for name in TRACE.names}
    assert gradcheck.compare(TRACE) == gradcheck.compare(TRACE)
    assert {name: TRACE[name].tobytes() for name in TRACE.names} == before


# Kinks: unit 1 stands at z = 0 exactly, unit 2 at 0.4; the second input does not reach unit 1.


def at_the_kink(activation: str) -> Trace:
    hidden = Dense([[0.5, -0.3], [0.0, 0.8]], [0.0, 0.4], activation)
    return backprop(Network([hidden, Dense([[0.7], [-0.6]], [0.2])]), [0.0, 0.0], [1.0])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_kink_is_named_entry_by_entry(activation):
    trace = at_the_kink(activation)
    assert trace["z1"].tolist() == [[0, 0.4]]
    assert kinks(trace) == {"db1": ((0,),), "dx": ((0, 0),)}  # dW1 is none: with x = 0 no weight moves z
    assert wrong(trace) == set()


@pytest.mark.parametrize("activation", ["identity", "tanh", "sigmoid", "softmax"])
def test_zero_is_no_kink_of_a_smooth_activation(activation):
    assert kinks(at_the_kink(activation)) == {}


def test_a_kink_in_a_later_layer_is_named():
    network = Network([Dense([[1.0, 2.0]], [0.0, 0.0]), Dense([[2.0], [-1.0]], None, "relu")])
    trace = backprop(network, [[0.5]], [[1.0]])  # z2 = 0.5·2 − 1·1
    everything = {name: tuple(np.ndindex(trace[name].shape)) for name in ("dW1", "db1", "dW2")}
    assert kinks(trace) == everything  # x is none: it moves both paths, and they cancel
    compared = gradcheck.compare(trace)
    assert all(np.isnan([compared[name].absolute, compared[name].relative]).all() for name in everything)
    assert compared["dx"].relative == 0


def test_a_kink_is_flagged_only_if_the_nudge_reaches_it():
    network = Network([Dense([[1.0]], [0.0], "relu")])
    near = backprop(network, [[1e-6]], [[1.0]])
    assert kinks(near, step=1e-5) == {"db1": ((0,),), "dx": ((0, 0),)}
    assert kinks(near, step=1e-7) == {}
    assert kinks(backprop(network, [[1e-3]], [[1.0]])) == kinks(backprop(network, [[-1e-3]], [[1.0]])) == {}


def test_a_kink_in_one_example_of_a_batch_is_named():
    trace = backprop(Network([Dense([[1.0]], [0.0], "relu")]), [[2.0], [0.0], [-1.0]], [[1.0], [1.0], [1.0]])
    assert kinks(trace) == {"db1": ((0,),), "dx": ((1, 0),)}


def test_beside_a_kink_the_other_entries_are_still_checked():
    trace = at_the_kink("relu")
    assert wrong(altered(trace, db1=changed(trace["db1"], (1,), 1.01))) == {"db1"}
    assert wrong(altered(trace, dx=changed(trace["dx"], (0, 1), 1.01))) == {"dx"}
    assert wrong(altered(trace, db1=trace["db1"] + [99.0, 0.0])) == set()  # no slope to be found there


def test_differences_are_nan_at_a_kink_and_have_the_shape_of_the_array():
    slopes, at_kink = gradcheck.differences(at_the_kink("relu"), "b1")
    assert at_kink.tolist() == np.isnan(slopes).tolist() == [True, False]
    for name in ("W1", "b1", "W2", "b2", "x"):
        slopes, at_kink = gradcheck.differences(TRACE, name)
        assert slopes.shape == at_kink.shape == TRACE[name].shape
        assert not at_kink.any()


def test_a_dead_relu_is_right_and_not_nan():
    dead = Network([Dense([[-1.0, -2.0]], [-0.5, -0.1], "relu"), Dense([[0.7], [0.4]], [0.2])])
    found = gradcheck.compare(backprop(dead, [1.0], [1.0]))
    zero = gradcheck.Comparison(0.0, 0.0, ())
    assert {name: one for name, one in found.items() if name != "db2"} == dict.fromkeys(
        ["dW2", "dW1", "db1", "dx"], zero
    )
    assert 0 <= found["db2"].relative < TOLERANCE


def test_the_nudge_grows_with_a_large_entry():
    trace = backprop(Network([Dense([[1e-8]], [0.1], "tanh")]), [1e8], [0.0])
    assert gradcheck.compare(trace)["dx"].relative < TOLERANCE


def test_float32_is_refused_by_name():
    coarse = backprop(NETWORK.astype(np.float32), TRACE["x"], TRACE["y"])
    with pytest.raises(TypeError, match=r"needs float64; got a trace in float32\. Use network\.astype\(np\.float64\)"):
        gradcheck.compare(coarse)


# The check is worth something because it does not share the backward pass.


def gradients_used(source: str) -> set[str]:
    """Return which names of backpropagation `source` uses, or imports, beyond the record Trace."""
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names if "backpropagation" in f"{node.module}.{alias.name}"}
        used |= {getattr(node, "id", None) or getattr(node, "attr", None)}
    return used & {"backprop", "backward", "backpropagation", "df", "jacobian", "slope", "gradient_from_logits"}


def test_the_check_uses_the_forward_pass_alone():
    assert gradients_used(Path(gradcheck.__file__).read_text(encoding="utf-8")) == set()


def test_the_search_for_the_backward_pass_finds_it():
    assert gradients_used("from bpcourse.engine.backpropagation import Trace, backprop") == {"backprop"}
    assert gradients_used("from bpcourse.engine import backpropagation") == {"backpropagation"}
    assert gradients_used("layer.activation.backward(z, da)") == {"backward"}
    assert gradients_used("'backprop'  # backprop\nforward(network, x)") == set()


def test_where_nothing_could_be_checked_a_wrong_gradient_does_not_pass():
    trace = backprop(Network([Dense([[1.0]], [0.0], "relu")]), [[0.0]], [[1.0]])
    wrong = dataclasses.replace(trace, values={**trace.values, "db1": np.array([123.0])})
    assert not gradcheck.compare(wrong)["db1"].relative < 1e-6
    assert kinks(wrong)["db1"] == ((0,),)


@pytest.mark.parametrize(
    "other", [Network([Dense([[1.0]])]), forward(Network([Dense([[1.0]])]), [1.0])], ids=["network", "forward pass"]
)
def test_only_a_trace_can_be_checked(other):
    for check in (gradcheck.compare, lambda it: gradcheck.differences(it, "W1")):
        with pytest.raises(TypeError, match=r"needed a Trace, as backprop\(network, x, y\) gives it; got"):
            check(other)
