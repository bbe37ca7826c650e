"""Every gradient of 200 random networks, against automatic differentiation and against differences."""

from __future__ import annotations

from collections.abc import Callable

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers.random_networks import LARGEST_Z, NEAREST_TO_KINK, PAIRS, Case, random_cases

from bpcourse import Dense, Network, Trace, backprop, forward, gradcheck, sgd_step

CASES = random_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, relative to the largest entry; NaN or another shape is infinitely far."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return np.inf
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return difference / largest if largest else np.inf if difference else 0.0


def gradients(trace: Trace) -> list[str]:
    return [name for name in trace.names if name.startswith("d")]


def same_bits(one: Trace, other: Trace) -> bool:
    return one.names == other.names and all(
        (one[name].dtype, one[name].shape, one[name].tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name in one.names
    )


def rebuilt(network: Network, layout: Callable[[np.ndarray], object]) -> Network:
    """Return the same network, made from arrays in another layout."""
    return Network(
        Dense(layout(layer.W), None if layer.b is None else layout(layer.b), layer.activation)
        for layer in network.layers
    )


def every_second_column(array: np.ndarray) -> np.ndarray:
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)
    wide[..., ::2] = array
    return wide[..., ::2]


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


LAYOUTS = {
    "Fortran order": lambda array: array.copy(order="F"),
    "every second column": every_second_column,
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "read-only": read_only,
    "lists": lambda array: array.tolist(),
}


def in_float32(case: Case) -> Trace:
    return backprop(case.network.astype(np.float32), case.x, case.y, case.loss)


# An independent network in autograd's NumPy: no formula of a slope, and no code of the engine.

ACTIVATION_FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(0, z),
    "leaky_relu(0.01)": lambda z: anp.where(z > 0, z, 0.01 * z),
    "leaky_relu(0.2)": lambda z: anp.where(z > 0, z, 0.2 * z),
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z), axis=1, keepdims=True),
}
LOSS_FORMULAS = {
    "mse": lambda y, p: anp.sum((y - p) ** 2) / y.size,
    "half_sse": lambda y, p: anp.sum((y - p) ** 2) / (2 * y.shape[0]),
    "binary_cross_entropy": lambda y, p: -anp.sum(y * anp.log(p) + (1 - y) * anp.log(1 - p)) / y.size,
    "categorical_cross_entropy": lambda y, p: -anp.sum(y * anp.log(p)) / y.shape[0],
}


def reference(case: Case) -> tuple[float, dict[str, np.ndarray]]:
    """Return the loss and all gradients by automatic differentiation.

    For dz and da, a zero is added to each z and a: the gradient of that zero is theirs.
    """

    def loss(parts: dict[str, np.ndarray]) -> float:
        a = parts["x"]
        for number, layer in enumerate(case.network.layers, start=1):
            z = anp.dot(a, parts[f"W{number}"]) + parts[f"z{number}"]
            if layer.b is not None:
                z = z + parts[f"b{number}"]
            a = ACTIVATION_FORMULAS[layer.activation.name](z) + parts[f"a{number}"]
        return LOSS_FORMULAS[case.loss](case.y, a)

    parts = {"x": case.x}
    for number, layer in enumerate(case.network.layers, start=1):
        zeros = np.zeros((len(case.x), layer.W.shape[1]))
        parts |= {f"W{number}": layer.W, f"z{number}": zeros, f"a{number}": zeros}
        if layer.b is not None:
            parts[f"b{number}"] = layer.b
    return loss(parts), {f"d{name}": slope for name, slope in autograd.grad(loss)(parts).items()}


def test_the_cases_cover_what_the_engine_allows():
    assert len({case.id for case in CASES}) == len(CASES) == 200
    assert {(case.network.layers[-1].activation.name.partition("(")[0], case.loss) for case in CASES} == set(PAIRS)
    hidden = {layer.activation.name for case in CASES for layer in case.network.layers[:-1]}
    assert hidden == set(ACTIVATION_FORMULAS)
    assert {len(case.network.layers) for case in CASES} == {1, 2, 3}
    assert {size for case in CASES for size in case.network.sizes} == {len(case.x) for case in CASES} == {1, 2, 3, 4, 5}
    assert all(n_in != n_out for case in CASES for n_in, n_out in (layer.W.shape for layer in all_layers()))
    assert {layer.b is None for layer in all_layers()} == {True, False}
    binary = [case.y for case in CASES if case.loss == "binary_cross_entropy"]
    assert {bool(np.isin(y, (0, 1)).all()) for y in binary} == {True, False}
    sums = [case.y.sum(axis=1) for case in CASES if case.loss == "categorical_cross_entropy"]
    assert {bool(np.allclose(total, 1)) for total in sums} == {True, False}


def all_layers() -> list[Dense]:
    return [layer for case in CASES for layer in case.network.layers]


@each_case
def test_no_case_is_near_a_kink_or_saturated(case):
    trace = case.backprop()
    for number, layer in enumerate(case.network.layers, start=1):
        size = np.abs(trace[f"z{number}"])
        assert size.max() <= LARGEST_Z
        assert not layer.activation.rectifier or size.min() >= NEAREST_TO_KINK


@each_case
def test_every_gradient_is_that_of_automatic_differentiation(case):
    trace = case.backprop()
    loss, slopes = reference(case)
    assert trace.loss == pytest.approx(loss, rel=1e-12)
    assert sorted(gradients(trace)) == sorted(slopes)
    assert {name: far for name in slopes if (far := distance(trace[name], slopes[name])) > 1e-12} == {}


def test_the_comparison_sees_one_wrong_digit():
    right = np.array([[1.0, -2.0], [0.5, 1e-3]])
    assert distance(right, right) == distance(np.zeros(3), np.zeros(3)) == 0
    assert distance(right * (1 + 1e-15), right) < 1e-12
    off = right + np.array([[0, 0], [0, 1e-11]])
    for wrong in (off, -right, right.T, right[:1], right * np.nan, np.where(right < 0, 0, 1)):
        assert distance(wrong, right) > 1e-12
    assert distance(np.full(2, 1e-300), np.zeros(2)) == np.inf


@each_case
def test_every_gradient_is_that_of_central_differences(case):
    found = gradcheck.compare(case.backprop())
    assert {name: one for name, one in found.items() if one.relative > 1e-6 or one.kinks} == {}


@each_case
def test_a_second_run_gives_the_same_bits_and_nothing_is_mutated(case):
    arrays = {"x": case.x.copy(), "y": case.y.copy()}
    for number, layer in enumerate(case.network.layers, start=1):
        arrays |= {f"W{number}": layer.W.copy()} | ({} if layer.b is None else {f"b{number}": layer.b.copy()})
    before = {name: array.copy() for name, array in arrays.items()}
    network = Network(
        Dense(arrays[f"W{number}"], arrays.get(f"b{number}"), layer.activation)
        for number, layer in enumerate(case.network.layers, start=1)
    )
    first = backprop(network, arrays["x"], arrays["y"], case.loss)
    sgd_step(first, 0.3)
    assert same_bits(first, backprop(network, arrays["x"], arrays["y"], case.loss))
    assert same_bits(first, case.backprop())
    assert all(arrays[name].tobytes() == before[name].tobytes() for name in arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_an_array_in_memory_changes_no_bit(layout):
    change = LAYOUTS[layout]
    for case in CASES:
        trace = backprop(rebuilt(case.network, change), change(case.x), change(case.y), case.loss)
        assert same_bits(trace, case.backprop()), case.id


def test_the_layouts_are_what_they_are_called():
    array = np.arange(6.0).reshape(2, 3)
    changed = {name: change(array) for name, change in LAYOUTS.items()}
    assert all(np.array_equal(each, array) for each in changed.values())
    assert changed["Fortran order"].flags.f_contiguous
    assert changed["every second column"].strides == (48, 16)
    assert changed["negative strides"].strides == (-24, -8)
    assert not changed["read-only"].flags.writeable
    assert isinstance(changed["lists"], list)


def test_one_value_repeated_by_strides_of_zero_is_an_ordinary_batch():
    x = np.broadcast_to(np.array([0.4, -1.2]), (3, 2))
    network = Network([Dense([[0.5, -0.3, 0.8], [0.2, 0.9, -0.6]], None, "tanh")])
    assert same_bits(backprop(network, x, np.zeros((3, 3))), backprop(network, x.copy(), np.zeros((3, 3))))


def test_the_bit_comparison_sees_the_last_bit():
    case = CASES[0]
    moved = case.y.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], 9)
    assert same_bits(case.backprop(), case.backprop())
    assert not same_bits(case.backprop(), backprop(case.network, case.x, moved, case.loss))
    assert not same_bits(case.backprop(), CASES[1].backprop())


def test_a_later_change_of_the_callers_arrays_reaches_neither_network_nor_trace():
    W, b, x, y = np.array([[0.5], [-1.0]]), np.array([0.25]), np.array([[0.3, 0.7]]), np.array([[1.0]])
    network = Network([Dense(W, b, "sigmoid")])
    trace, again = backprop(network, x, y), backprop(network, x.copy(), y.copy())
    for array in (W, b, x, y):
        array[...] = 99
    assert same_bits(trace, again)
    assert network.layers[0].W.tolist() == [[0.5], [-1.0]]
    assert network.layers[0].b.tolist() == [0.25]


@each_case
def test_a_trace_cannot_be_changed(case):
    trace = case.backprop()
    before = {name: trace[name].tobytes() for name in trace.names}
    for name in trace.names:
        assert not trace[name].flags.writeable, name
        with pytest.raises(ValueError, match="read-only"):
            trace[name][...] = 0
    with pytest.raises(TypeError):
        trace.values["z1"] = np.zeros(1)
    with pytest.raises(AttributeError):
        trace.loss = 0.0
    with pytest.raises(AttributeError):
        trace.network.layers[0].W = np.zeros(1)
    after = sgd_step(trace, 0.5)
    backprop(after, case.x, case.y, case.loss)
    assert {name: trace[name].tobytes() for name in trace.names} == before


@each_case
def test_a_batch_is_the_mean_of_its_examples(case):
    trace, n = case.backprop(), len(case.x)
    alone = [backprop(case.network, case.x[[i]], case.y[[i]], case.loss) for i in range(n)]
    assert trace.loss == pytest.approx(np.mean([one.loss for one in alone]), rel=1e-12)
    for name in gradients(trace):
        if name.startswith(("dW", "db")):
            expected = sum(one[name] for one in alone) / n
        else:
            expected = np.concatenate([one[name] for one in alone]) / n
        assert distance(trace[name], expected) < 1e-12, name


@pytest.mark.parametrize("one", [np.array, list])
def test_one_dimension_is_one_row(one):
    network = Network([Dense([[0.5, 0.1, -0.4], [-1.0, 0.3, 0.2]], [0.25, 0.0, -0.1], "sigmoid")])
    trace = backprop(network, one([0.3, 0.7]), one([1.0, 0.0, 0.5]), "binary_cross_entropy")
    assert same_bits(trace, backprop(network, [[0.3, 0.7]], [[1.0, 0.0, 0.5]], "binary_cross_entropy"))
    assert trace["x"].shape == trace["dx"].shape == (1, 2)
    assert trace["y"].shape == trace["dz1"].shape == (1, 3)


@each_case
def test_float32_is_near_float64(case):
    fine, coarse = case.backprop(), in_float32(case)
    assert coarse.names == fine.names
    assert {name: far for name in fine.names if (far := distance(coarse[name], fine[name])) > 1e-4} == {}


def test_float32_is_float32_throughout():
    for trace in map(in_float32, CASES):
        assert {name: trace[name].dtype.name for name in trace.names if trace[name].dtype != np.float32} == {}
        after = sgd_step(trace, 0.1).layers
        assert {array.dtype.name for layer in after for array in (layer.W, layer.b) if array is not None} == {"float32"}


def test_float32_and_back_is_a_network_of_float64():
    network = CASES[0].network
    there, back = network.astype(np.float32), network.astype(np.float32).astype(np.float64)
    assert {layer.W.dtype.name for layer in there.layers} == {"float32"}
    assert {layer.W.dtype.name for layer in back.layers} == {"float64"}
    assert {layer.W.dtype.name for layer in network.layers} == {"float64"}


@each_case
def test_names_stand_in_order_of_computation(case):
    trace, last = case.backprop(), len(case.network.layers)
    expected = ["x", "a0"]
    for number, layer in enumerate(case.network.layers, start=1):
        expected += [f"W{number}", *([] if layer.b is None else [f"b{number}"]), f"z{number}", f"a{number}"]
    expected += ["y_hat", "y", "loss"]
    for number in range(last, 0, -1):
        bias = [] if case.network.layers[number - 1].b is None else [f"db{number}"]
        expected += [f"da{number}", f"dz{number}", f"dW{number}", *bias]
    assert list(trace.names) == [*expected, "dx"]


@each_case
def test_every_name_can_be_asked_and_a_gradient_has_the_shape_of_its_array(case):
    trace = case.backprop()
    for name in trace.names:
        assert isinstance(trace[name], np.ndarray), name
        if name.startswith("d"):
            assert trace[name].shape == trace[name[1:]].shape, name
    assert trace["a0"] is trace["x"]
    assert trace["y_hat"] is trace[f"a{len(case.network.layers)}"]
    assert trace["loss"] == trace.loss
    assert trace["x"].tobytes() == case.x.tobytes()
    assert trace["y"].tobytes() == case.y.tobytes()
    for number, layer in enumerate(case.network.layers, start=1):
        for name in (f"b{number}", f"db{number}"):
            assert (name in trace.names) == (layer.b is not None)
            if layer.b is None:
                with pytest.raises(KeyError, match=f"no bias in this layer, so no {name!r}"):
                    trace[name]


@each_case
def test_forward_is_the_first_part_of_the_trace(case):
    trace, passed = case.backprop(), forward(case.network, case.x)
    assert passed.names == trace.names[: len(passed.names)]
    assert passed.names[-1] == "y_hat"
    assert all(passed[name].tobytes() == trace[name].tobytes() for name in passed.names)
