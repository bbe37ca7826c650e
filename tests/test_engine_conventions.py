"""Each convention of the engine, with its source."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from helpers.random_networks import ACTIVATION_NAMES, PAIRS

from bpcourse import (
    ACTIVATIONS,
    LOSSES,
    SGD,
    Activation,
    Dense,
    Network,
    backprop,
    forward,
    leaky_relu,
    one_hot,
    sgd_step,
    train,
)
from bpcourse.engine.activations import ActivationName
from bpcourse.engine.losses import LossName

UNIT_BY_UNIT = [name for name in ACTIVATION_NAMES if name != "softmax"]
SQUARED, CROSS = ["mse", "half_sse"], ["binary_cross_entropy", "categorical_cross_entropy"]
BCE, CE = (LOSSES[name] for name in CROSS)
CALM = np.array([[-4.0, -1.3, 0.2], [0.7, 2.5, 6.0]])  # no entry near a kink


def central(f, z, step=1e-6):
    """Return ∂f/∂z for each entry of z, on new last axes in the shape of f."""
    slopes = []
    for index in np.ndindex(z.shape):
        h = np.zeros_like(z)
        h[index] = step
        slopes.append((np.asarray(f(z + h)) - np.asarray(f(z - h))) / (2 * step))
    return np.reshape(slopes, z.shape + slopes[0].shape)


def near(found, expected, rel=1e-8):
    return np.shape(found) == np.shape(expected) and bool(
        np.abs(np.subtract(found, expected)).max() <= rel * np.abs(expected).max()
    )


def close(expected, rel):
    """Return `expected` for a comparison with ==. Unlike with plain pytest.approx, tiny numbers must agree too."""
    return pytest.approx(expected, rel=rel, abs=0)


def test_central__notices_a_wrong_slope():
    assert near(central(lambda z: (z**3).sum(), CALM), 3 * CALM**2)
    assert not near(central(lambda z: (z**3).sum(), CALM), 3 * CALM**2 * 1.0001)
    assert not near(central(lambda z: (z**3).sum(), CALM), 3 * CALM.T**2)
    assert close(2e-30, rel=1e-15) == 2e-30 != close(1e-30, rel=1e-15)


# Softmax where it saturates: the truth from 200 decimal digits, as floats round p to 1 and 1 − p to 0


def exact_softmax(z):
    with localcontext() as context:
        context.prec = 200
        powers = [Decimal(entry).exp() for entry in z]
        return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("largest", [0.0, 10.0, 20.0, 36.0, 40.0, 300.0])
def test_softmax__saturated_keeps_small_gradients(largest):
    z, y = [largest, 0.0, 0.5], [1.0, 0.0, 0.0]
    p = exact_softmax(z)
    dz = [float(p_i - Decimal(y_i)) for p_i, y_i in zip(p, y, strict=True)]
    jacobian = [[float(p[i] * ((i == j) - p[j])) for j in range(3)] for i in range(3)]
    assert CE.gradient_from_logits(y, z) == close(dz, rel=1e-14)
    assert ACTIVATIONS["softmax"].jacobian(z) == close(np.array(jacobian), rel=1e-14)
    assert sum(CE.gradient_from_logits(y, z)) == pytest.approx(0, abs=1e-15 * abs(dz[0]) + 1e-300)


# Activations


def test_relu__slope_at_zero_is_zero():  # JAX, tests/nn_test.py, testReluGradAtZero
    assert ACTIVATIONS["relu"].df([0.0, -0.0, -2.0, 3.0]).tolist() == [0, 0, 0, 1]
    assert ACTIVATIONS["leaky_relu"].df([0.0, -0.0, -2.0, 3.0]).tolist() == [0.01, 0.01, 0.01, 1]
    assert ACTIVATIONS["relu"].f([-2.0, 0.0, 3.0]).tolist() == [0, 0, 3]


def test_sigmoid__slope_keeps_its_digits_where_sigmoid_rounds_to_one():
    df = ACTIVATIONS["sigmoid"].df  # 37 and 37.5: scikit-learn, _loss/tests/test_loss.py
    assert df(37.0) == close(8.533047625744065e-17, rel=1e-15)
    assert df(37.5) == close(5.175555005801868e-17, rel=1e-15)
    assert df(-37.0) == df(37.0)
    assert df(700.0) == close(math.exp(-700), rel=1e-13)
    assert df([0.0, 1000.0, -1000.0]).tolist() == [0.25, 0, 0]  # e^−1000 is below the smallest float


def test_sigmoid__does_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        assert ACTIVATIONS["sigmoid"].f([-np.inf, -1000.0, 0.0, 1000.0, np.inf]).tolist() == [0, 0, 0.5, 1, 1]
    assert ACTIVATIONS["sigmoid"].f(-700.0) == close(math.exp(-700), rel=1e-13)


def test_tanh__slope_keeps_its_digits_where_tanh_rounds_to_one():  # 1 − tanh² z = 4 e^(−2z) / (1 + e^(−2z))²
    expected = 4 * math.exp(-40) / (1 + math.exp(-40)) ** 2
    assert ACTIVATIONS["tanh"].f(20.0) == 1
    assert ACTIVATIONS["tanh"].df([20.0, -20.0]) == close([expected, expected], rel=1e-14)
    assert ACTIVATIONS["tanh"].df([0.0, 1000.0, -1000.0]).tolist() == [1, 0, 0]


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_activations__nan_passes_through(name):
    activation = ACTIVATIONS[name]
    assert np.isnan(activation.f([np.nan, np.nan])).all()
    if name not in ("identity", "softmax"):  # the slope of the identity is 1 everywhere
        assert np.isnan(activation.df([np.nan])).all()
    assert np.isnan(activation.backward([np.nan, 1.0], [np.nan, np.nan])).all()


def test_activations__infinity_passes_through():
    at = {name: ACTIVATIONS[name].f([-np.inf, np.inf]).tolist() for name in UNIT_BY_UNIT}
    ends = {"sigmoid": [0, 1], "tanh": [-1, 1], "relu": [0, np.inf]}
    assert at == ends | {name: [-np.inf, np.inf] for name in ("identity", "leaky_relu")}
    slopes = {name: ACTIVATIONS[name].df([-np.inf, np.inf]).tolist() for name in UNIT_BY_UNIT}
    assert slopes == {
        "identity": [1, 1], "sigmoid": [0, 0], "tanh": [0, 0], "relu": [0, 1], "leaky_relu": [0.01, 1],
    }  # fmt: skip


def test_softmax__empty_infinite_and_far_apart():
    # As in PyTorch. The empty one is from JAX, tests/nn_test.py, testSoftmaxEmptyArray.
    softmax = ACTIVATIONS["softmax"]
    assert softmax.f([]).shape == (0,)
    assert softmax.f(np.zeros((2, 0))).shape == (2, 0)
    assert softmax.f([0.0, -np.inf, 0.0]).tolist() == [0.5, 0, 0.5]
    assert softmax.jacobian([0.0, -np.inf])[1].tolist() == [0, 0]
    with np.errstate(all="raise", under="ignore"):
        assert softmax.f([1.0, -1e308, 1e308]).tolist() == [0, 0, 1]
        assert softmax.f([1e20, 0.0, 1e20]).tolist() == [0.5, 0, 0.5]
    assert softmax.f(CALM).sum(axis=-1) == pytest.approx([1, 1])
    for shift in (500, -5000):  # all that counts is how far apart they are
        assert near(softmax.f(CALM + shift), softmax.f(CALM))


@pytest.mark.parametrize("name", UNIT_BY_UNIT)
def test_df__is_the_slope_of_the_function(name):
    activation = ACTIVATIONS[name]
    slopes = [central(activation.f, np.array(z)) for z in CALM.ravel()]
    assert near(activation.df(CALM), np.reshape(slopes, CALM.shape))
    assert activation.df(CALM).shape == activation.f(CALM).shape == CALM.shape


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_jacobian__is_that_of_the_function(name):
    activation = ACTIVATIONS[name]
    for row in CALM:
        assert near(activation.jacobian(row), central(activation.f, row).T)  # entry (i, j) is ∂aᵢ/∂zⱼ
    assert activation.jacobian(CALM).shape == (2, 3, 3)
    assert activation.jacobian(CALM[np.newaxis]).shape == (1, 2, 3, 3)
    assert np.array_equal(activation.jacobian(CALM)[1], activation.jacobian(CALM[1]))


def test_jacobian__of_a_custom_activation_is_a_square_matrix_for_each_row():
    softmax = ACTIVATIONS["softmax"]
    custom = Activation("custom", softmax.function, coupled_jacobian=softmax.coupled_jacobian)
    assert np.array_equal(custom.jacobian(CALM), softmax.jacobian(CALM))


def test_df__of_softmax_recommends_the_jacobian():
    with pytest.raises(ValueError, match=r"softmax has no slope.*\.jacobian\(z\)"):
        ACTIVATIONS["softmax"].df([0.1, 0.2])


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_backward__is_the_chain_rule(name):
    activation, da = ACTIVATIONS[name], np.array([[1.0, -2.0, 0.5], [0.3, 0.0, -1.0]])
    expected = [row @ activation.jacobian(z) for row, z in zip(da, CALM, strict=True)]
    assert near(activation.backward(CALM, da), np.array(expected), rel=1e-14)
    if name != "softmax":
        assert np.array_equal(activation.backward(CALM, da), da * activation.df(CALM))


# Losses


def test_mse__is_the_mean_over_outputs_and_examples():  # the lecture, L7
    y, y_hat = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [[1.5, 2.0, 1.0], [1.0, -1.0, 2.0]]
    assert LOSSES["mse"].value(y, y_hat) == close((0.25 + 0 + 4 + 1 + 1 + 4) / 6, rel=1e-15)
    assert LOSSES["mse"].gradient(y, y_hat)[0] == close(np.array([0.5, 0, -2]) * 2 / 6, rel=1e-15)


def test_half_sse__is_half_the_sum_over_outputs_and_the_mean_over_examples():  # Mazur 2015; Nielsen 2015, ch. 1
    y, y_hat = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [[1.5, 2.0, 1.0], [1.0, -1.0, 2.0]]
    assert LOSSES["half_sse"].value(y, y_hat) == close((0.25 + 0 + 4 + 1 + 1 + 4) / 2 / 2, rel=1e-15)
    assert LOSSES["half_sse"].gradient(y, y_hat)[0] == close([0.25, 0, -1], rel=1e-15)


def test_mse_and_half_sse__are_equal_only_with_two_outputs():
    two, three = ([[0.3, 0.7]], [[0.5, 0.6]]), ([[0.3, 0.7, 0.1]], [[0.5, 0.6, 0.4]])
    mse, half_sse = LOSSES["mse"], LOSSES["half_sse"]
    assert mse.value(*two) == half_sse.value(*two)
    assert mse.gradient(*two).tolist() == half_sse.gradient(*two).tolist()
    assert mse.value(*three) == pytest.approx(half_sse.value(*three) * 2 / 3)
    assert mse.gradient(*three) == pytest.approx(half_sse.gradient(*three) * 2 / 3)


def test_binary_cross_entropy__is_the_mean_over_outputs_and_examples():  # Keras, PyTorch: reduction "mean"
    y, p = [[1.0, 0.0, 0.25], [0.0, 1.0, 1.0]], [[0.5, 0.2, 0.25], [0.9, 0.8, 0.6]]
    mixed = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    terms = [-math.log(0.5), -math.log(0.8), mixed, -math.log(0.1), -math.log(0.8), -math.log(0.6)]
    assert BCE.value(y, p) == close(sum(terms) / 6, rel=1e-14)


def test_categorical_cross_entropy__is_the_sum_over_classes_and_the_mean_over_examples():
    y, p = [[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]], [[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]]
    expected = (-math.log(0.7) - 0.5 * math.log(0.5) - 0.5 * math.log(0.25)) / 2
    assert CE.value(y, p) == close(expected, rel=1e-14)


def test_cross_entropies__are_in_nats_unless_a_base_is_given():  # the lecture, L7, writes 0.155 in log₁₀
    assert round(CE.value([0, 1], [0.3, 0.7]), 4) == 0.3567
    assert round(CE.value([0, 1], [0.3, 0.7], base=10), 4) == 0.1549
    assert CE.value([0, 1], [0.75, 0.25], base=2) == close(2, rel=1e-15)
    assert BCE.value([1.0], [0.01], base=10) == close(2, rel=1e-14)
    assert CE.value([0, 1], [0.75, 0.25], base=0.5) == close(-2, rel=1e-15)
    assert CE.value([0, 1], [0.3, 0.7], base=math.e) == CE.value([0, 1], [0.3, 0.7])


def test_cross_entropies__certain_and_wrong_costs_infinity_without_a_warning():
    with np.errstate(over="raise", invalid="raise", under="raise"):
        assert BCE.value([1.0, 0.0], [0.0, 0.5]) == BCE.value([0.0], [1.0]) == np.inf
        assert CE.value([0, 1], [1, 0]) == CE.value([0.5, 0.5], [1, 0], base=10) == np.inf
        assert BCE.gradient([1.0, 0.0], [0.0, 1.0]).tolist() == [-np.inf, np.inf]
        assert CE.gradient([0, 1], [1, 0]).tolist() == [0, -np.inf]


def test_cross_entropies__zero_times_the_logarithm_of_zero_is_zero():
    assert str(BCE.value([1.0, 0.0], [1.0, 0.0])) == "0.0"
    assert str(CE.value([0, 1], [0, 1])) == "0.0"
    assert BCE.gradient([1.0, 0.0], [1.0, 0.0]).tolist() == [-0.5, 0.5]
    assert CE.gradient([0, 1], [0, 1]).tolist() == [0, -1]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (4, 2)])
def test_gradient__is_that_of_the_value(loss, shape):
    rng = np.random.default_rng(5)
    y, y_hat = rng.uniform(0.1, 0.9, (2, *shape))
    assert near(LOSSES[loss].gradient(y, y_hat), central(lambda p: LOSSES[loss].value(y, p), y_hat))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_of_examples__is_one_number_for_each_example(loss):
    rng = np.random.default_rng(7)
    y, p = rng.uniform(0.1, 0.9, (2, 4, 3))
    assert near(loss.of_examples(y, p), [loss.value(*pair) for pair in zip(y, p, strict=True)], rel=1e-15)
    if loss.from_logits is not None:
        z = rng.uniform(-5, 5, (4, 3))
        each = [loss.value_from_logits(*pair) for pair in zip(y, z, strict=True)]
        assert near(loss.from_logits.value(y, z), each, rel=1e-15)


@pytest.mark.parametrize("loss", [BCE, CE], ids=CROSS)
def test_from_logits__is_the_same_function(loss):
    rng = np.random.default_rng(6)
    y, z = rng.uniform(0, 1, (4, 3)), rng.uniform(-5, 5, (4, 3))
    output = loss.from_logits.output
    p = output.f(z)
    assert loss.value_from_logits(y, z) == close(loss.value(y, p), rel=1e-12)
    assert near(loss.output_gradient_from_logits(y, z), loss.gradient(y, p), rel=1e-12)
    assert near(loss.gradient_from_logits(y, z), central(lambda z: loss.value_from_logits(y, z), z))
    assert near(loss.gradient_from_logits(y, z), output.backward(z, loss.gradient(y, p)), rel=1e-12)


@pytest.mark.parametrize("loss", [BCE, CE], ids=CROSS)
def test_custom_cross_entropy__with_the_same_functions_has_the_same_numbers(loss):
    """Its shapes are checked, unlike those of the course's own losses."""
    custom = replace(loss, name="custom")
    y, p = np.random.default_rng(8).uniform(0.1, 0.9, (2, 4, 3))
    for method in ("value", "gradient"):
        assert np.array_equal(getattr(custom, method)(y, p), getattr(loss, method)(y, p))
    for method in ("value_from_logits", "gradient_from_logits", "output_gradient_from_logits"):
        assert np.array_equal(getattr(custom, method)(y, p), getattr(loss, method)(y, p))


def test_from_logits__its_repr_has_no_address():
    assert repr(BCE.from_logits) == "FromLogits(output=Activation('sigmoid'))"


def test_binary_cross_entropy__da_is_computed_from_z():  # (1−y)(1+e^z) − y(1+e^−z), by hand at z = ±30
    y = np.array([0.0, 1.0, 0.25])
    for z in (-30.0, 0.0, 30.0):
        expected = ((1 - y) * (1 + math.exp(z)) - y * (1 + math.exp(-z))) / 3
        assert near(BCE.output_gradient_from_logits(y, np.full(3, z)), expected, rel=1e-14)
    assert BCE.output_gradient_from_logits([0.0, 1.0], [1000.0, -1000.0]).tolist() == [np.inf, -np.inf]


def test_binary_cross_entropy__dz_keeps_its_digits_near_a_right_prediction():  # σ(z) − 1 = −σ(−z)
    assert BCE.gradient_from_logits([1.0], [40.0])[0] == close(-math.exp(-40), rel=1e-14)
    assert BCE.gradient_from_logits([0.0], [-40.0])[0] == close(math.exp(-40), rel=1e-14)


def test_categorical_cross_entropy__dz_has_the_sum_of_the_targets():
    y, z = np.array([[0.5, 0.9, 0.4], [0.0, 0.2, 0.1], [0.0, 0.0, 0.0]]), np.array([[1.0, -0.5, 0.3]] * 3)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    by_hand = (p * np.array([[1.8], [0.3], [0.0]]) - y) / 3
    assert near(CE.gradient_from_logits(y, z), by_hand, rel=1e-14)
    assert not near(CE.gradient_from_logits(y, z), (p - y) / 3, rel=1e-2)


def test_categorical_cross_entropy__a_very_wrong_class_costs_the_distance_of_the_logits():
    # PyTorch 2: 20000 and (1, 0, −1)
    y, z = [0, 0, 1], [1e4, 0.0, -1e4]
    assert CE.value_from_logits(y, z) == 20000
    assert CE.gradient_from_logits(y, z).tolist() == [1, 0, -1]
    assert CE.value_from_logits([1, 0], [1e4, 0.0]) == 0


def test_binary_cross_entropy__softplus_of_89_is_89():
    # JAX, tests/nn_test.py, testSoftplusValue: in float32, e^89 overflows
    assert BCE.value_from_logits([0.0], np.float32([89.0])) == 89
    assert BCE.value_from_logits([1.0], [-1000.0]) == 1000


@pytest.mark.parametrize(
    ("logits", "expected"),
    [([30, 0], 9.357622968839737e-14), ([40, 0], 4.248354255291589e-18), ([700, 0, 0], 2 * math.exp(-700))],
)
def test_categorical_cross_entropy__a_confident_prediction_keeps_its_digits(logits, expected):
    y = [1, 0, 0][: len(logits)]
    with localcontext() as context:
        context.prec = 400
        powers = [Decimal(z).exp() for z in logits]
        exact = float(-(powers[0] / sum(powers)).ln())
    assert exact == close(expected, rel=1e-15)
    assert CE.value_from_logits(y, logits) == close(exact, rel=1e-15)
    network = Network([Dense([logits], None, "softmax")])
    assert backprop(network, [1.0], y, "categorical_cross_entropy").loss == close(exact, rel=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
def test_of_pass__is_the_loss_of_the_trace(loss):
    output = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}.get(loss, "tanh")
    network = Network([Dense([[0.3, -0.2, 0.7]], [0.1, 0.0, -0.4], output)])
    trace = backprop(network, [[1.0], [2.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], loss)
    assert LOSSES[loss].of_pass(trace["y"], trace["z1"], trace["y_hat"]) == trace.loss


@pytest.mark.parametrize("loss", LOSSES)
def test_one_over_n__the_tape_repeats_that_of_backprop(loss):
    output = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}.get(loss, "tanh")
    network = Network.initialize([2, 3, 2], ["tanh", output])
    x, y = np.array([[0.5, -1.0], [1.5, 0.3], [-0.2, 0.8]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    for n in (1, 3):
        stepped = sgd_step(backprop(network, x[:n], y[:n], loss), 0.7)
        trained = train(network, x[:n], y[:n], loss, optimizer=SGD(0.7), epochs=1, progress=False).network
        for one, other in zip(stepped.layers, trained.layers, strict=True):
            assert near(other.W, one.W, rel=1e-13)
            assert near(other.b, one.b, rel=1e-13)


def test_names__are_literal_types():
    assert get_args(LossName) == tuple(LOSSES)
    assert get_args(ActivationName) == tuple(ACTIVATIONS)


@pytest.mark.parametrize("name", ["leaky_relu(0.2)", "leaky_relu(0.01)", "leaky_relu(1e-05)"])
def test_leaky_relu__is_found_by_its_own_name(name):
    activation = ACTIVATIONS[name]
    assert activation.name == name
    assert activation == leaky_relu(float(name[11:-1]))
    assert activation.df([-2.0, 3.0]).tolist() == [float(name[11:-1]), 1.0]
    assert name in ACTIVATIONS
    assert Dense([[1.0]], None, name) == Dense([[1.0]], None, activation)
    assert Network.initialize([1, 1], [name]).layers[0].activation == activation


def test_leaky_relu__without_a_number_has_the_slope_of_one_percent():
    assert ACTIVATIONS["leaky_relu"] == ACTIVATIONS["leaky_relu(0.01)"] == leaky_relu()
    assert leaky_relu(0.2) != leaky_relu(0.3)
    for wrong in ("leaky_relu(2)", "leaky_relu(nan)", "leaky_relu(0x1)", "leaky_relu(0.2)\n", "Leaky_relu(0.2)"):
        assert wrong not in ACTIVATIONS
        assert ACTIVATIONS.get(wrong) is None
    assert list(ACTIVATIONS) == list(ACTIVATION_NAMES)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses__integers_and_booleans_are_numbers(loss):
    y, y_hat = [[0, 1], [1, 0]], [[1, 1], [1, 0]]
    for convert in (np.array, lambda rows: np.array(rows, dtype=bool)):
        assert LOSSES[loss].value(convert(y), convert(y_hat)) == LOSSES[loss].value(np.float64(y), np.float64(y_hat))


def test_one_hot__rows_with_a_single_one():
    assert one_hot([2, 0, 2], 3).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert one_hot(np.array([1, 1], dtype=np.uint8), 4).shape == (2, 4)  # a class that never occurs has its column
    assert one_hot([0], 1).tolist() == [[1]]


# Far out: z of ±1000 and ±1e20, in the last layer and in a hidden one


def strict_backprop(*arguments):
    with np.errstate(all="raise", under="ignore"):
        return backprop(*arguments)


def assert_finite(trace):
    for name in trace:
        assert not np.isnan(trace[name]).any(), name
        assert name.startswith("da") or np.isfinite(trace[name]).all(), name


FAR = [1000.0, -1000.0, 1e20, -1e20]


@pytest.mark.parametrize("z", FAR)
@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_far_out__binary_cross_entropy(z, y):
    trace = strict_backprop(Network([Dense([[z]], [0.0], "sigmoid")]), [1.0], [y], "binary_cross_entropy")
    dz = (1.0 if z > 0 else 0.0) - y
    assert trace.loss == close((1 - y) * z if z > 0 else -y * z, rel=1e-15)
    assert trace["dz1"] == trace["dW1"] == trace["db1"] == dz
    assert trace["dx"] == close(dz * z, rel=1e-15)
    side = 1 - y if z > 0 else -y  # da is this times 1 + e^|z|, and where this is 0 the other side's ±1
    assert trace["da1"] == (math.copysign(math.inf, side) if side else 1 - 2 * y)
    assert_finite(trace)


@pytest.mark.parametrize("z", FAR)
@pytest.mark.parametrize("y", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.3, 0.5), (0.5, 0.5, 0.5), (0, 0, 0)])
def test_far_out__categorical_cross_entropy(z, y):
    W, y = np.array([[z, 0.0, -z]]), np.array(y)
    trace = strict_backprop(Network([Dense(W, np.zeros(3), "softmax")]), [1.0], y, "categorical_cross_entropy")
    p = np.array([1.0, 0, 0] if z > 0 else [0, 0, 1.0])
    dz = p * y.sum() - y
    assert trace.loss == close(y @ (abs(z) - W[0]), rel=1e-15)
    assert trace["dz1"][0] == pytest.approx(dz, abs=1e-15)
    assert np.array_equal(trace["dW1"], trace["dz1"])
    assert np.array_equal(trace["db1"], trace["dz1"][0])
    assert trace["dx"] == close(dz @ W[0], rel=1e-15)
    assert trace["da1"].tolist() == [[-yi if pi else -math.inf if yi else 0 for pi, yi in zip(p, y, strict=True)]]
    assert_finite(trace)


@pytest.mark.parametrize("z", FAR)
@pytest.mark.parametrize("loss", SQUARED)
@pytest.mark.parametrize(
    ("output", "low", "high"),
    [("identity", 1, 1), ("relu", 0, 1), ("leaky_relu", 0.01, 1), ("sigmoid", 0, 0), ("tanh", 0, 0)],
)
def test_far_out__squared_errors(output, low, high, loss, z):
    trace = strict_backprop(Network([Dense([[z]], [0.0], output)]), [1.0], [0.5], loss)
    a, slope = ACTIVATIONS[output].f(z), high if z > 0 else low
    dz = (2 if loss == "mse" else 1) * (a - 0.5) * slope
    assert trace.loss == close((a - 0.5) ** 2 * (1 if loss == "mse" else 0.5), rel=1e-14)
    assert trace["dz1"] == trace["dW1"] == trace["db1"] == close(dz, rel=1e-14)
    assert trace["dx"] == close(dz * z, rel=1e-14)
    assert_finite(trace)


@pytest.mark.parametrize("z", FAR)
@pytest.mark.parametrize("hidden", ACTIVATION_NAMES)
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_far_out__in_every_layer_everything_except_da_is_finite(hidden, output, loss, z):
    layers = [Dense([[z, 0.0, -z]], np.zeros(3), hidden), Dense([[z, 1], [-1, -z], [0.5, 1]], np.zeros(2), output)]
    assert_finite(strict_backprop(Network(layers), [[1.0], [0.0]], [[0.0, 1.0], [0.25, 0.75]], loss))


# Networks


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_initialize__weights_keep_the_size_of_the_signal(name):  # Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10
    layer = Network.initialize([300, 200], [name], np.random.default_rng(3)).layers[0]
    rectifier = name in ("relu", "leaky_relu")
    limit = math.sqrt(6 / 300 if rectifier else 6 / 500)
    assert 0.999 * limit < np.abs(layer.W).max() <= limit
    assert layer.W.var() == close(2 / 300 if rectifier else 2 / 500, rel=0.02)
    assert abs(layer.W.mean()) < 0.01 * limit
    assert layer.b.tolist() == [0] * 200


def test_initialize__the_same_seed_gives_the_same_network():
    def weights(rng):
        return [layer.W.tolist() for layer in Network.initialize([2, 3, 1], ["relu", "sigmoid"], rng).layers]

    rng = np.random.default_rng(0)
    first = weights(rng)
    assert first == weights(np.random.default_rng(0))
    assert first != weights(rng)
    assert first != weights(np.random.default_rng(1))
    assert first == weights(None)


def test_backprop__integers_become_floats():
    network = Network([Dense([[1, 2, 3], [4, 5, 6]], [0, 1, 0])])
    trace = backprop(network, np.array([[1, 0]], dtype=np.int8), [[1, 2, 3]])
    assert {trace[name].dtype for name in trace} == {np.dtype(float)}
    assert network.sizes == (2, 3)


def test_sgd_step__makes_a_new_network():
    network = Network([Dense([[0.1, 0.2, -0.3]], None, "tanh"), Dense([[0.4], [0.5], [0.6]], [0.7], "sigmoid")])
    trace = backprop(network, [[0.8], [0.3]], [[1.0], [0.0]], "binary_cross_entropy")
    after = sgd_step(trace, 0.3)
    for number, (old, new) in enumerate(zip(network.layers, after.layers, strict=True), start=1):
        assert np.array_equal(new.W, trace[f"W{number}"] - 0.3 * trace[f"dW{number}"])
        assert new.activation is old.activation
        assert new is not old
        assert not new.W.flags.writeable
    assert after.layers[0].b is None
    assert np.array_equal(after.layers[1].b, trace["b2"] - 0.3 * trace["db2"])
    assert network.layers[1].b.tolist() == [0.7]
    assert backprop(after, trace["x"], trace["y"], "binary_cross_entropy").loss < trace.loss


def test_backprop__fractions_and_large_integers_are_real_numbers():
    assert forward(Network([Dense([[Fraction(1, 4)]])]), [10**30])["y_hat"] == 2.5e29
