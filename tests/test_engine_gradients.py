"""All gradients of 200 random networks, compared with automatic differentiation and with differences."""

from __future__ import annotations

from collections.abc import Callable

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers.random_networks import LARGEST_Z, NEAREST_TO_KINK, PAIRS, Case, cases_by_output, random_cases

from bpcourse import Dense, Network, Trace, backprop, forward, gradcheck, sgd_step

CASES = random_cases()
each_output = pytest.mark.parametrize("cases", cases_by_output().values(), ids=list(cases_by_output()))


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, relative to the largest entry. NaN or a different shape is infinitely far."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return np.inf
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return difference / largest if largest else np.inf if difference else 0.0


def gradients(trace: Trace) -> list[str]:
    return [name for name in trace if name.startswith("d")]


def same_bits(one: Trace, other: Trace) -> bool:
    return list(one) == list(other) and all(
        (one[name].dtype, one[name].shape, one[name].tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name in one
    )


def rebuilt(network: Network, layout: Callable[[np.ndarray], object]) -> Network:
    """Return the same network, made from arrays in a different layout."""
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


def test_cases__cover_what_the_engine_allows():
    assert len({case.id for case in CASES}) == len(CASES) == 200
    assert sum(map(len, cases_by_output().values())) == 200
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
    for case in CASES:
        trace = case.backprop()
        sizes = [np.abs(trace[f"z{number}"]) for number in range(1, len(case.network.layers) + 1)]
        rectified = [z for z, layer in zip(sizes, case.network.layers, strict=True) if layer.activation.rectifier]
        assert max(z.max() for z in sizes) <= LARGEST_Z
        assert min((z.min() for z in rectified), default=1) >= NEAREST_TO_KINK


def all_layers() -> list[Dense]:
    return [layer for case in CASES for layer in case.network.layers]


@each_output
def test_gradients__equal_automatic_differentiation(cases):
    for case in cases:
        trace = case.backprop()
        loss, slopes = reference(case)
        assert trace.loss == pytest.approx(loss, rel=1e-12), case.id
        assert sorted(gradients(trace)) == sorted(slopes), case.id
        assert {name: far for name in slopes if (far := distance(trace[name], slopes[name])) > 1e-12} == {}, case.id


def test_distance__notices_one_wrong_digit():
    right = np.array([[1.0, -2.0], [0.5, 1e-3]])
    assert distance(right, right) == distance(np.zeros(3), np.zeros(3)) == 0
    assert distance(right * (1 + 1e-15), right) < 1e-12
    off = right + np.array([[0, 0], [0, 1e-11]])
    for wrong in (off, -right, right.T, right[:1], right * np.nan, np.where(right < 0, 0, 1)):
        assert distance(wrong, right) > 1e-12
    assert distance(np.full(2, 1e-300), np.zeros(2)) == np.inf


@each_output
def test_gradients__equal_central_differences(cases):
    for case in cases[::3]:  # the test above compares all of them
        found = gradcheck.check(case.backprop())
        assert found.ok, f"{case.id}\n{found}"
        assert {name: one.kinks for name, one in found.items() if one.kinks} == {}, case.id


@each_output
def test_backprop__a_second_run_gives_the_same_bits_and_changes_nothing(cases):
    for case in cases:
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
        assert same_bits(first, backprop(network, arrays["x"], arrays["y"], case.loss)), case.id
        assert same_bits(first, case.backprop()), case.id
        assert all(arrays[name].tobytes() == before[name].tobytes() for name in arrays), case.id


@pytest.mark.parametrize("layout", LAYOUTS)
def test_backprop__the_layout_of_arrays_in_memory_changes_no_bit(layout):
    change = LAYOUTS[layout]
    for case in CASES:
        trace = backprop(rebuilt(case.network, change), change(case.x), change(case.y), case.loss)
        assert same_bits(trace, case.backprop()), case.id


def test_layouts__are_what_their_names_say():
    array = np.arange(6.0).reshape(2, 3)
    changed = {name: change(array) for name, change in LAYOUTS.items()}
    assert all(np.array_equal(each, array) for each in changed.values())
    assert changed["Fortran order"].flags.f_contiguous
    assert changed["every second column"].strides == (48, 16)
    assert changed["negative strides"].strides == (-24, -8)
    assert not changed["read-only"].flags.writeable
    assert isinstance(changed["lists"], list)


def test_backprop__a_row_repeated_by_strides_of_zero():
    x = np.broadcast_to(np.array([0.4, -1.2]), (3, 2))
    network = Network([Dense([[0.5, -0.3, 0.8], [0.2, 0.9, -0.6]], None, "tanh")])
    assert same_bits(backprop(network, x, np.zeros((3, 3))), backprop(network, x.copy(), np.zeros((3, 3))))


def test_same_bits__notices_the_last_bit():
    case = CASES[0]
    moved = case.y.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], 9)
    assert same_bits(case.backprop(), case.backprop())
    assert not same_bits(case.backprop(), backprop(case.network, case.x, moved, case.loss))
    assert not same_bits(case.backprop(), CASES[1].backprop())


def test_trace__a_later_change_of_the_callers_arrays_does_not_reach_it():
    W, b, x, y = np.array([[0.5], [-1.0]]), np.array([0.25]), np.array([[0.3, 0.7]]), np.array([[1.0]])
    network = Network([Dense(W, b, "sigmoid")])
    trace, again = backprop(network, x, y), backprop(network, x.copy(), y.copy())
    for array in (W, b, x, y):
        array[...] = 99
    assert same_bits(trace, again)
    assert network.layers[0].W.tolist() == [[0.5], [-1.0]]
    assert network.layers[0].b.tolist() == [0.25]


def test_trace__cannot_be_changed():
    for case in CASES[::10]:
        trace = case.backprop()
        before = {name: trace[name].tobytes() for name in trace}
        for name in trace:
            assert not trace[name].flags.writeable, name
            assert trace[name].base is None or not trace[name].base.flags.writeable, name
            with pytest.raises(ValueError, match="read-only"):
                trace[name][...] = 0
        with pytest.raises(TypeError):
            trace["z1"] = np.zeros(1)
        with pytest.raises(TypeError):
            trace.arrays["z1"] = np.zeros(1)
        with pytest.raises(AttributeError):
            trace.loss = 0.0
        with pytest.raises(AttributeError):
            trace.network.layers[0].W = np.zeros(1)
        after = sgd_step(trace, 0.5)
        backprop(after, case.x, case.y, case.loss)
        assert {name: trace[name].tobytes() for name in trace} == before


@each_output
def test_batch__is_the_mean_of_its_examples(cases):
    for case in cases:
        trace, n = case.backprop(), len(case.x)
        single = [backprop(case.network, case.x[[i]], case.y[[i]], case.loss) for i in range(n)]
        assert trace.loss == pytest.approx(np.mean([one.loss for one in single]), rel=1e-12), case.id
        for name in gradients(trace):
            if name.startswith(("dW", "db")):
                expected = sum(one[name] for one in single) / n
            else:
                expected = np.concatenate([one[name] for one in single]) / n
            assert distance(trace[name], expected) < 1e-12, f"{name} in {case.id}"


@pytest.mark.parametrize("one", [np.array, list])
def test_backprop__one_dimension_is_one_row(one):
    network = Network([Dense([[0.5, 0.1, -0.4], [-1.0, 0.3, 0.2]], [0.25, 0.0, -0.1], "sigmoid")])
    trace = backprop(network, one([0.3, 0.7]), one([1.0, 0.0, 0.5]), "binary_cross_entropy")
    assert same_bits(trace, backprop(network, [[0.3, 0.7]], [[1.0, 0.0, 0.5]], "binary_cross_entropy"))
    assert trace["x"].shape == trace["dx"].shape == (1, 2)
    assert trace["y"].shape == trace["dz1"].shape == (1, 3)


@each_output
def test_float32__is_near_float64_and_float32_throughout(cases):
    for case in cases:
        fine, coarse = case.backprop(), in_float32(case)
        assert list(coarse) == list(fine), case.id
        assert {name: far for name in fine if (far := distance(coarse[name], fine[name])) > 1e-4} == {}, case.id
        after = {
            f"new {name}{k}": getattr(layer, name)
            for k, layer in enumerate(sgd_step(coarse, 0.1).layers)
            for name in "Wb"
        }
        arrays = {**coarse, **{name: array for name, array in after.items() if array is not None}}
        assert {name: array.dtype for name, array in arrays.items() if array.dtype != np.float32} == {}, case.id


def test_float32__and_back_is_float64():
    network = CASES[0].network
    there, back = network.astype(np.float32), network.astype(np.float32).astype(np.float64)
    assert {layer.W.dtype.name for layer in there.layers} == {"float32"}
    assert {layer.W.dtype.name for layer in back.layers} == {"float64"}
    assert {layer.W.dtype.name for layer in network.layers} == {"float64"}


def test_trace__names_are_in_order_of_computation():
    for case in CASES:
        trace, last = case.backprop(), len(case.network.layers)
        expected = ["x", "a0"]
        for number, layer in enumerate(case.network.layers, start=1):
            expected += [f"W{number}", *([] if layer.b is None else [f"b{number}"]), f"z{number}", f"a{number}"]
        expected += ["y_hat", "y", "loss"]
        for number in range(last, 0, -1):
            bias = [] if case.network.layers[number - 1].b is None else [f"db{number}"]
            expected += [f"da{number}", f"dz{number}", f"dW{number}", *bias]
        assert list(trace) == [*expected, "dx"], case.id


def test_trace__a_gradient_has_the_shape_of_its_array():
    for case in CASES:
        trace = case.backprop()
        for name, array in trace.items():
            assert isinstance(array, np.ndarray), name
            if name.startswith("d"):
                assert array.shape == trace[name[1:]].shape, name
        assert trace["a0"] is trace["x"]
        assert trace["y_hat"] is trace[f"a{len(case.network.layers)}"]
        assert trace["loss"] == trace.loss
        assert trace["x"].tobytes() == case.x.tobytes()
        assert trace["y"].tobytes() == case.y.tobytes()
        for number, layer in enumerate(case.network.layers, start=1):
            for name in (f"b{number}", f"db{number}"):
                assert (name in trace) == (layer.b is not None)
                if layer.b is None:
                    with pytest.raises(KeyError, match=rf"this layer has no biases\) {name!r}"):
                        trace[name]


def test_forward__is_the_first_part_of_the_trace():
    for case in CASES:
        trace, passed = case.backprop(), forward(case.network, case.x)
        assert list(passed) == list(trace)[: len(passed)], case.id
        assert list(passed)[-1] == "y_hat", case.id
        assert all(passed[name].tobytes() == trace[name].tobytes() for name in passed), case.id
