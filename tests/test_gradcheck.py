"""The gradient check accepts right gradients, rejects wrong ones, and names the kinks."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.random_networks import random_cases

from bpcourse import Dense, Network, Trace, backprop, forward, gradcheck

TOLERANCE = gradcheck.TOLERANCE
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
    return dataclasses.replace(trace, arrays={**trace, **arrays})


def wrong(trace: Trace) -> set[str]:
    """Return which gradients of `trace` are not right by `relative`; NaN is not."""
    found = gradcheck.check(trace)
    names = {name for name, one in found.items() if not one.relative <= TOLERANCE}
    assert names == {name for name, one in found.items() if not one.ok}
    assert found.ok == (not names)
    return names


def kinks(trace: Trace, **options: float) -> dict[str, tuple]:
    return {name: found.kinks for name, found in gradcheck.check(trace, **options).items() if found.kinks}


def changed(array: np.ndarray, index: tuple[int, ...], factor: float) -> np.ndarray:
    array = array.copy()
    array[index] *= factor
    return array


def test_check__right_gradients_are_ok_and_all_are_compared():
    found = gradcheck.check(TRACE)
    assert list(found) == ["dW2", "db2", "dW1", "db1", "dx"]
    assert wrong(TRACE) == set()
    assert all(0 < one.relative < 1e-8 and one.kinks == () for one in found.values())
    assert all(one.absolute == pytest.approx(one.relative * np.abs(TRACE[name]).max()) for name, one in found.items())


@pytest.mark.parametrize("name", ["dW1", "db1", "dW2", "db2", "dx"])
def test_check__wrong_sign(name):
    assert wrong(altered(TRACE, **{name: -TRACE[name]})) == {name}


def test_check__one_entry_one_percent_off():
    for name in ("dW1", "db1", "dW2", "db2", "dx"):
        for index in np.ndindex(TRACE[name].shape):
            assert wrong(altered(TRACE, **{name: changed(TRACE[name], index, 1.01)})) == {name}


@pytest.mark.parametrize("case", SAMPLE, ids=[case.id for case in SAMPLE])
def test_check__largest_entry_one_percent_off_in_random_networks(case):
    trace = case.backprop()
    bent = {}
    for name in trace:
        if name == "dx" or name.startswith(("dW", "db")):
            largest = np.unravel_index(np.abs(trace[name]).argmax(), trace[name].shape)
            bent[name] = changed(trace[name], largest, 1.01)
    assert wrong(trace) == set()
    assert wrong(altered(trace, **bent)) == {name for name in bent if trace[name].any()}


def test_check__missing_one_over_n():
    names = ["dW1", "db1", "dW2", "db2", "dx"]
    assert wrong(altered(TRACE, **{name: len(TRACE["x"]) * TRACE[name] for name in names})) == set(names)


def test_check__transposed_square_matrix():
    assert wrong(altered(TRACE, dW2=TRACE["dW2"].T)) == {"dW2"}


def test_check__forgotten_slope():
    da = TRACE["da1"]  # where dz1 belongs
    without = altered(TRACE, dW1=TRACE["x"].T @ da, db1=da.sum(axis=0), dx=da @ TRACE["W1"].T)
    assert wrong(without) == {"dW1", "db1", "dx"}


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, 1e9])
def test_check__zero_nan_infinity_and_far_too_large(bad):
    with np.errstate(invalid="ignore"):  # ∞/∞
        assert wrong(altered(TRACE, dW2=np.full((3, 3), bad))) == {"dW2"}


def test_check__gradient_of_a_different_loss():
    assert wrong(dataclasses.replace(TRACE, loss_function=backprop(NETWORK, TRACE["x"], TRACE["y"]).loss_function)) == {
        "dW1", "db1", "dW2", "db2", "dx",
    }  # fmt: skip


def limits(scale: float, bias: float, **options: float) -> bool:
    """Return whether the right gradients of a sigmoid unit agree, for an input of this size and this bias."""
    network = Network([Dense([[0.5 / scale]], [bias], "sigmoid")])
    return gradcheck.check(backprop(network, [scale], [0.2]), **options).ok


def test_check__cannot_check_tiny_gradients():
    assert limits(1.0, 5.0)
    assert not limits(1.0, 20.0)


def test_check__needs_a_smaller_step_for_large_inputs():
    assert not limits(1000.0, 0.1)
    assert limits(1000.0, 0.1, step=1e-6)


@pytest.mark.parametrize("name", ["dW1", "z1", "W3", 1])
def test_differences__only_for_what_a_pass_is_given(name):
    with pytest.raises(ValueError, match="unknown input or parameter"):
        gradcheck.differences(TRACE, name)


def test_check__changes_nothing():
    before = {name: TRACE[name].tobytes() for name in TRACE}
    assert gradcheck.check(TRACE) == gradcheck.check(TRACE)
    assert {name: TRACE[name].tobytes() for name in TRACE} == before


# Kinks: unit 1 has z = 0 exactly, unit 2 has 0.4. The second input does not reach unit 1.


def at_the_kink(activation: str) -> Trace:
    hidden = Dense([[0.5, -0.3], [0.0, 0.8]], [0.0, 0.4], activation)
    return backprop(Network([hidden, Dense([[0.7], [-0.6]], [0.2])]), [0.0, 0.0], [1.0])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_kinks__named_entry_by_entry(activation):
    trace = at_the_kink(activation)
    assert trace["z1"].tolist() == [[0, 0.4]]
    assert kinks(trace) == {"db1": ((0,),), "dx": ((0, 0),)}  # not dW1: with x = 0 no weight moves z
    assert wrong(trace) == set()


@pytest.mark.parametrize("activation", ["identity", "tanh", "sigmoid", "softmax"])
def test_kinks__none_in_a_smooth_activation(activation):
    assert kinks(at_the_kink(activation)) == {}


def test_kinks__in_a_later_layer():
    network = Network([Dense([[1.0, 2.0]], [0.0, 0.0]), Dense([[2.0], [-1.0]], None, "relu")])
    trace = backprop(network, [[0.5]], [[1.0]])  # z2 = 0.5·2 − 1·1
    everything = {name: tuple(np.ndindex(trace[name].shape)) for name in ("dW1", "db1", "dW2")}
    assert kinks(trace) == everything  # not x: it moves both paths, and they cancel
    compared = gradcheck.check(trace)
    assert all(np.isnan([compared[name].absolute, compared[name].relative]).all() for name in everything)
    assert compared["dx"].relative == 0


def test_kinks__only_if_the_nudge_reaches_them():
    network = Network([Dense([[1.0]], [0.0], "relu")])
    near = backprop(network, [[1e-6]], [[1.0]])
    assert kinks(near, step=1e-5) == {"db1": ((0,),), "dx": ((0, 0),)}
    assert kinks(near, step=1e-7) == {}
    assert kinks(backprop(network, [[1e-3]], [[1.0]])) == kinks(backprop(network, [[-1e-3]], [[1.0]])) == {}


def test_kinks__the_nudge_is_scaled_up_only_beyond_one():
    small = backprop(Network([Dense([[0.5]], [-0.5 + 1.5e-5], "relu")]), [[1.0]], [[1.0]])
    large = backprop(Network([Dense([[0.5]], [-2.0 + 1.5e-5], "relu")]), [[4.0]], [[1.0]])
    assert kinks(small, step=1e-5) == {}  # z is 1.5 nudges away
    assert kinks(large, step=1e-5) == {"dW1": ((0, 0),), "db1": ((0,),), "dx": ((0, 0),)}


@pytest.mark.parametrize("step", [0.0, 9e-9, 0.11, -1e-4])
def test_differences__step_is_small_but_not_lost_in_rounding(step):
    with pytest.raises(ValueError, match=r"step must be between 1e-8 and 0\.1"):
        gradcheck.differences(TRACE, "W1", step)


def test_differences__smallest_and_largest_step():
    for step, close in ((1e-8, 1e-6), (0.1, 1e-3)):
        slopes, _ = gradcheck.differences(TRACE, "b2", step)
        assert slopes == pytest.approx(TRACE["db2"], abs=close)


def test_comparison__ok_up_to_the_tolerance():
    assert gradcheck.Comparison(1.0, TOLERANCE, ()).ok
    assert not gradcheck.Comparison(1.0, 1.01 * TOLERANCE, ()).ok


def test_differences__error_shrinks_with_the_fourth_power_of_the_step():  # Richardson 1911
    trace = backprop(Network([Dense([[0.9]], [0.3], "tanh")]), [[0.8]], [[1.0]])
    coarse, fine = (abs(gradcheck.differences(trace, "b1", step)[0] - trace["db1"]) for step in (0.1, 0.05))
    assert coarse / fine == pytest.approx(16, rel=0.1)


def test_kinks__in_one_example_of_a_batch():
    trace = backprop(Network([Dense([[1.0]], [0.0], "relu")]), [[2.0], [0.0], [-1.0]], [[1.0], [1.0], [1.0]])
    assert kinks(trace) == {"db1": ((0,),), "dx": ((1, 0),)}


def test_kinks__other_entries_are_still_compared():
    trace = at_the_kink("relu")
    assert wrong(altered(trace, db1=changed(trace["db1"], (1,), 1.01))) == {"db1"}
    assert wrong(altered(trace, dx=changed(trace["dx"], (0, 1), 1.01))) == {"dx"}
    assert wrong(altered(trace, db1=trace["db1"] + [99.0, 0.0])) == set()  # no slope to be found there


def test_differences__nan_at_a_kink_and_shape_of_the_array():
    slopes, at_kink = gradcheck.differences(at_the_kink("relu"), "b1")
    assert at_kink.tolist() == np.isnan(slopes).tolist() == [True, False]
    for name in ("W1", "b1", "W2", "b2", "x"):
        slopes, at_kink = gradcheck.differences(TRACE, name)
        assert slopes.shape == at_kink.shape == TRACE[name].shape
        assert not at_kink.any()


def test_check__dead_relu_is_ok():
    dead = Network([Dense([[-1.0, -2.0]], [-0.5, -0.1], "relu"), Dense([[0.7], [0.4]], [0.2])])
    found = gradcheck.check(backprop(dead, [1.0], [1.0]))
    zero = gradcheck.Comparison(0.0, 0.0, ())
    assert {name: one for name, one in found.items() if name != "db2"} == dict.fromkeys(
        ["dW2", "dW1", "db1", "dx"], zero
    )
    assert 0 <= found["db2"].relative < TOLERANCE


def test_check__nudge_grows_with_a_large_entry():
    trace = backprop(Network([Dense([[1e-8]], [0.1], "tanh")]), [1e8], [0.0])
    assert gradcheck.check(trace)["dx"].relative < TOLERANCE


def test_check__float32_is_refused():
    coarse = backprop(NETWORK.astype(np.float32), TRACE["x"], TRACE["y"])
    with pytest.raises(TypeError, match=r"needs float64; got a trace in float32\. Use network\.astype\(np\.float64\)"):
        gradcheck.check(coarse)


# The check is worth something because it does not share the backward pass.


def gradients_used(source: str) -> set[str]:
    """Return which names of backpropagation `source` uses or imports, apart from the record Trace."""
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names if "backpropagation" in f"{node.module}.{alias.name}"}
        used |= {getattr(node, "id", None) or getattr(node, "attr", None)}
    return used & {"backprop", "backward", "backpropagation", "df", "jacobian", "slope", "gradient_from_logits"}


def test_gradcheck__uses_only_the_forward_pass():
    assert gradients_used(Path(gradcheck.__file__).read_text(encoding="utf-8")) == set()


def test_gradients_used__finds_the_backward_pass():
    assert gradients_used("from bpcourse.engine.backpropagation import Trace, backprop") == {"backprop"}
    assert gradients_used("from bpcourse.engine import backpropagation") == {"backpropagation"}
    assert gradients_used("layer.activation.backward(z, da)") == {"backward"}
    assert gradients_used("'backprop'  # backprop\nforward(network, x)") == set()


def test_check__not_ok_where_nothing_could_be_compared():
    trace = backprop(Network([Dense([[1.0]], [0.0], "relu")]), [[0.0]], [[1.0]])
    wrong = altered(trace, db1=np.array([123.0]))
    found = gradcheck.check(wrong)
    assert not found["db1"].ok
    assert not found.ok
    assert not gradcheck.check(trace).ok  # not even with the right gradient
    assert kinks(wrong)["db1"] == ((0,),)


@pytest.mark.parametrize(
    "other", [Network([Dense([[1.0]])]), forward(Network([Dense([[1.0]])]), [1.0])], ids=["network", "forward pass"]
)
def test_check__takes_only_a_trace(other):
    for check in (gradcheck.check, lambda it: gradcheck.differences(it, "W1")):
        with pytest.raises(TypeError, match=r"needed a Trace, as backprop\(network, x, y\) makes it; got"):
            check(other)


def test_check__is_a_mapping_with_a_table():
    found = gradcheck.check(altered(TRACE, db1=-TRACE["db1"]))
    assert list(found) == [row.split()[0] for row in repr(found).splitlines()[1:]] == ["dW2", "db2", "dW1", "db1", "dx"]
    assert [row.split()[-1] for row in repr(found).splitlines()[1:]] == ["yes", "yes", "yes", "no", "yes"]
    assert "nan" in repr(gradcheck.check(backprop(Network([Dense([[1.0]], [0.0], "relu")]), [[0.0]], [[1.0]])))
    with pytest.raises(KeyError, match=r"unknown gradient 'dW3'.*Known: dW2, db2, dW1, db1, dx"):
        found["dW3"]


def test_check__step_is_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        gradcheck.check(TRACE, 1e-4)
