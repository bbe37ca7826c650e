"""Functions that a learner writes: right ones, and what is said of wrong ones."""

import math
import sys

import numpy as np
import pytest

from bpcourse import ACTIVATIONS, LOSSES, check_function
from bpcourse.tutor.functions import FORMULAS, FUNCTIONS, OF_Z, SLIPS, WORDS


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_check_function__engine_is_right(name):
    assert check_function(name, FUNCTIONS[name].right).status == "correct"


def test_functions__every_activation_and_loss():
    assert {*ACTIVATIONS, *LOSSES} <= FUNCTIONS.keys()
    assert {f"{name}_derivative" for name in ACTIVATIONS if name != "softmax"} <= FUNCTIONS.keys()
    assert {f"{name}_gradient" for name in LOSSES} <= FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("sigmoid", sigmoid),
        ("sigmoid_derivative", lambda z: sigmoid(z) * (1 - sigmoid(z))),
        ("sigmoid_derivative", lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2),
        ("tanh_derivative", lambda z: 1 - np.tanh(z) ** 2),
        ("relu", lambda z: np.maximum(0, z)),
        ("relu_derivative", lambda z: (np.asarray(z) > 0) * 1),
        ("leaky_relu", lambda z: np.where(np.asarray(z) > 0, z, 0.01 * np.asarray(z))),
        ("mse", lambda y, y_hat: np.mean((y_hat - y) ** 2)),
        ("mse_gradient", lambda y, y_hat: 2 * (y_hat - y) / y.size),
        ("half_sse", lambda y, y_hat: np.mean(((y_hat - y) ** 2).sum(axis=-1)) / 2),
        ("sigmoid", lambda z: (1 + np.tanh(z / 2)) / 2),
        ("relu", lambda z: z * (np.asarray(z) > 0)),
        ("relu", lambda z: (z + np.abs(z)) / 2),
        ("relu", np.vectorize(lambda z: max(z, 0.0))),
        ("relu", lambda z: np.maximum(z, 0).tolist()),
        ("relu_derivative", lambda z: np.asarray(z) > 0),
        ("softmax", lambda z: np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))),
        ("mse", lambda y, p: float(((y - p) ** 2).mean())),
        ("binary_cross_entropy", lambda y, p: np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p))),
        ("binary_cross_entropy_gradient", lambda y, p: (-y / p + (1 - y) / (1 - p)) / y.size),
    ],
)
def test_check_function__right(name, f):
    assert check_function(name, f).status == "correct"


@pytest.mark.parametrize(
    ("name", "f", "mistake"),
    [
        ("sigmoid", lambda z: 1 / (1 + np.exp(z)), "sigmoid_exponent_sign"),
        ("sigmoid_derivative", lambda z: z * (1 - z), "net_for_out_in_sigma_prime"),
        ("sigmoid_derivative", lambda z: sigmoid(sigmoid(z)) * (1 - sigmoid(sigmoid(z))), "sigma_prime_of_out"),
        ("sigmoid_derivative", sigmoid, "sigma_prime_is_s"),
        ("sigmoid_derivative", lambda z: 1 - sigmoid(z), "sigma_prime_is_one_minus_s"),
        ("sigmoid_derivative", lambda z: 1 - sigmoid(z) ** 2, "tanh_prime_for_sigmoid"),
        ("tanh_derivative", lambda z: 1 - z**2, "net_for_out_in_sigma_prime"),
        ("tanh_derivative", lambda z: np.tanh(z) * (1 - np.tanh(z)), "sigmoid_prime_for_tanh"),
        ("relu_derivative", lambda z: (np.asarray(z) >= 0) * 1.0, "relu_prime_zero_is_one"),
        ("relu_derivative", lambda z: np.maximum(z, 0), "relu_slope_is_output"),
        ("leaky_relu", lambda z: np.maximum(z, 0), "leaky_cut_off"),
        ("mse", lambda y, y_hat: np.sum((y_hat - y) ** 2), "sum_not_mean_outputs"),
        ("mse", lambda y, y_hat: np.sum((y_hat - y) ** 2) / 2, "half_sse_for_mse"),
        ("half_sse", lambda y, y_hat: np.mean((y_hat - y) ** 2), "mse_mean"),
        ("mse_gradient", lambda y, y_hat: 2 * (y - y_hat) / y.size, "sign_slip"),
        ("half_sse_gradient", lambda y, y_hat: 2 * (y_hat - y), "extra_two"),
        ("half_sse_gradient", lambda y, y_hat: np.abs(y_hat - y), "abs_error"),
        ("half_sse", lambda y, y_hat: np.sum((y_hat - y) ** 2) / 2, "batch_sum_not_mean"),
        ("binary_cross_entropy", lambda y, p: -np.mean(y * np.log10(p) + (1 - y) * np.log10(1 - p)), "bce_log10"),
        ("binary_cross_entropy", lambda y, p: -np.mean(y * np.log(p)), "bce_missing_one_minus_y"),
        ("categorical_cross_entropy", lambda y, p: -np.sum(y * np.log2(p), axis=-1).mean(), "ce_log2"),
        ("softmax", lambda z: z / z.sum(axis=-1, keepdims=True), "softmax_without_exp"),
        (
            "softmax_jacobian",
            lambda z: np.diag(p := ACTIVATIONS["softmax"].f(z)) * (1 - p),
            "softmax_diagonal_jacobian",
        ),
    ],
)
def test_check_function__mistake(name, f, mistake):
    verdict = check_function(name, f)
    assert (verdict.status, verdict.mistakes[:1]) == ("mistake", (mistake,)), verdict


@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_check_function__minus_forgotten_in_a_loss_is_not_called_an_error_of_its_slope(name):
    verdict = check_function(name, lambda y, p: -LOSSES[name].value(y, p))
    assert "the minus in front of the logarithm is forgotten" in verdict.message
    assert "δ" not in f"{verdict}"


@pytest.mark.parametrize(
    ("name", "f", "slip"),
    [
        ("sigmoid", lambda z: 1 / 1 + np.exp(-z), "fraction"),
        ("sigmoid", lambda z: 1 / (1 - np.exp(-z)), "minus_below"),
        ("sigmoid_derivative", lambda z: sigmoid(z) * 1 - sigmoid(z), "bracket_in_slope"),
        ("sigmoid_derivative", lambda z: np.exp(-z) / (1 + np.exp(-z) ** 2), "square_below"),
        ("sigmoid_derivative", lambda z: np.exp(z) * (1 - np.exp(z)), "power_for_output"),
        ("tanh", lambda z: z, "unchanged"),
        ("tanh_derivative", lambda z: 1 - np.tanh(z) * 2, "twice_for_square"),
        ("tanh_derivative", lambda z: (1 - np.tanh(z)) ** 2, "square_of_all"),
        ("tanh_derivative", lambda z: 1 - np.tanh(z), "no_square"),
        ("relu", lambda z: np.max(z, 0), "max_axis"),
        ("relu", lambda z: np.minimum(z, 0), "minimum"),
        ("relu_derivative", lambda z: 1, "one"),
        ("relu_derivative", lambda z: np.where(np.asarray(z) > 0, 0, 1), "where_swapped"),
        ("softmax", lambda z: np.exp(z) / np.sum(np.exp(z), axis=0), "over_columns"),
        ("softmax", lambda z: np.exp(z - np.max(z)) / sum(np.exp(z - np.max(z))), "over_columns"),
        ("softmax", lambda z: np.exp(z) / np.sum(np.exp(z)), "over_all"),
        ("softmax", lambda z: (e := np.exp(z - np.max(z))) / e.sum(axis=-1, keepdims=True), "max_of_all"),
        ("softmax", lambda z: np.exp(-z) / np.exp(-z).sum(axis=-1, keepdims=True), "power_sign"),
        ("softmax", lambda z: z - np.log(np.exp(z).sum(axis=-1, keepdims=True)), "log_of_shares"),
        ("softmax", lambda z: np.exp(z - np.max(z)) / np.exp(z).sum(), "max_above"),
        ("mse", lambda y, p: np.mean(p - y) ** 2, "square_outside"),
        ("mse", lambda y, p: np.mean(p - y**2), "square_of_one"),
        ("mse", lambda y, p: np.mean(p - y), "no_square"),
        ("mse_gradient", lambda y, p: 2 * p - y, "factor_of_one"),
        ("mse_gradient", lambda y, p: 2 * p - y / np.size(y), "factor_of_one"),
        ("mse_gradient", lambda y, p: 2 * (p - y) ** 2 / np.size(y), "still_squared"),
        ("half_sse", lambda y, p: 1 / 2 * np.sum(p - y) ** 2, "square_outside"),
        ("binary_cross_entropy", lambda y, p: -np.mean(y * np.log(p) + 1 - y * np.log(1 - p)), "no_brackets_one_minus"),
        ("binary_cross_entropy", lambda y, p: np.mean(-y * np.log(p) + (1 - y) * np.log(1 - p)), "minus_of_one"),
        ("binary_cross_entropy", lambda y, p: -np.mean(y * np.log(p) + (1 - y) * np.log(p)), "same_log"),
        ("binary_cross_entropy", lambda y, p: -np.mean(p * np.log(y) + (1 - p) * np.log(1 - y)), "log_of_target"),
        ("categorical_cross_entropy", lambda y, p: -np.sum(p * np.log(y)), "log_of_target"),
    ],
)
def test_check_function__slip(name, f, slip):
    verdict = check_function(name, f)
    assert (verdict.status, verdict.mistakes) == ("mistake", (f"slip_{slip}",)), verdict
    assert verdict.hint == WORDS["slip"][slip][1]


def test_slips__each_has_words():
    formulas = [*OF_Z, *(formula for each in SLIPS.values() for formula in each)]
    assert {slip for slip, _ in formulas} == WORDS["slip"].keys()
    assert SLIPS.keys() <= FUNCTIONS.keys()


@pytest.mark.parametrize("name", SLIPS)
def test_slips__differ_from_the_right_function(name):
    for _, formula in SLIPS[name]:
        assert not check_function(name, formula)


def with_if(z):
    if z > 0:
        return 1.0
    return 0.0


def product_without_star(z):
    a = sigmoid(z)
    return a(1 - a)


def calls_itself(z):
    return calls_itself(z)


def in_a_copy(z):
    a = np.array(z)
    a[a < 0] *= 0.01
    return a


@pytest.mark.parametrize(
    ("name", "f", "words"),
    [
        ("relu", lambda z: np.max(0, z), "np.maximum(0, z) compares entry by entry"),
        ("relu", lambda z: np.maximum(z), "np.maximum(0, z) compares entry by entry"),
        ("relu", lambda z: max(0, z), "np.maximum(0, z) compares entry by entry"),
        ("relu_derivative", with_if, "np.where(condition, this, that)"),
        ("sigmoid", lambda z: 1 / (1 + math.exp(-z)), "np.exp works on a whole array"),
        ("sigmoid_derivative", product_without_star, "Python needs * for a product"),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=-1), "keepdims=True keeps the axis"),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=1), "axis=-1 is the last axis"),
        ("softmax", lambda z: np.exp(z) / np.sum(np.exp(z, axis=-1)), "belong to np.sum and np.max"),
        ("mse_gradient", lambda y, p: 2 * (p - y) / y.shape[1], "np.size(y) counts all entries"),
        ("relu", lambda z: z.clip(0), "z can be a single number too"),
        ("tanh_derivative", lambda z: 1 - np.tanh(z) ^ 2, "z**2, not z^2"),
        ("sigmoid", lambda z: 1 / (1 + np.exp - z), "needs its argument in brackets"),
        ("sigmoid_derivative", lambda z: 1 - print(z), "Does it end with return?"),
        ("sigmoid", lambda z: 1 / (1 + exp(-z)), "np.exp, np.log"),  # noqa: F821
        ("sigmoid", lambda y, y_hat: y, "How many arguments"),
        ("sigmoid", calls_itself, "calls itself"),
        ("leaky_relu", in_a_copy, "can hold only whole numbers"),
        ("sigmoid", lambda z: np.reshape(z, (5, 5)), "on a whole array"),
    ],
)
def test_check_function__error_has_a_hint(name, f, words):
    verdict = check_function(name, f)
    assert verdict.status == "wrong" and " raised " in verdict.message
    assert words in verdict.hint, verdict


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_gradient"])
def test_check_function__only_for_targets_0_and_1(name):
    def loss(y, y_hat):
        return np.mean(np.where(y == 1, -np.log(y_hat), -np.log(1 - y_hat)))

    def gradient(y, y_hat):
        return np.where(y == 1, -1 / y_hat, 1 / (1 - y_hat)) / y.size

    f = gradient if name.endswith("gradient") else loss
    verdict = check_function(name, f)
    assert verdict.status == "wrong"
    assert "right for targets 0 and 1, but not for a target such as 0.3" in verdict.hint
    assert check_function(name, f, targets="01").status == "correct"
    assert check_function(name, lambda y, y_hat: 2 * f(y, y_hat), targets="01").status in ("wrong", "mistake")


@pytest.mark.parametrize(("name", "targets"), [("mse", "01"), ("sigmoid", "01"), ("binary_cross_entropy", "2")])
def test_check_function__targets_do_not_fit(name, targets):
    with pytest.raises(ValueError, match="targets must be"):
        check_function(name, np.mean, targets=targets)


def test_check_function__nan_for_a_certain_prediction():
    def loss(y, y_hat):
        return -np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))

    def finite(y, y_hat):
        return loss(y, np.clip(y_hat, 1e-12, 1 - 1e-12))

    assert "gives nan" in check_function("binary_cross_entropy", loss).message
    verdict = check_function("binary_cross_entropy", finite)
    assert verdict and "nan" not in verdict.message


def test_check_function__infinite_value():
    assert "ln 0" in check_function("binary_cross_entropy", lambda y, p: -np.mean(np.log(y))).hint


def test_check_function__first_wrong_entry():
    verdict = check_function("tanh", lambda z: np.where(np.asarray(z) == 0.3, 0, np.tanh(z)))
    assert "tanh([[0.3, -0.4], [1.2, 0.0]])[0, 0] = 0, and should be 0.2913" in verdict.message
    assert "tanh(0.5) = 1.462, and should be 0.4621" in check_function("tanh", lambda z: np.tanh(z) + 1).message


class Hostile:
    """A result of which nothing works."""

    def __array__(self, dtype=None, copy=None):
        raise SystemExit

    __class__ = property(lambda self: 1 / 0)


class Unprintable(BaseException):
    def __str__(self):
        raise ValueError


def raises(error):
    raise error


@pytest.mark.parametrize(
    "f",
    [
        lambda z: Hostile(),
        lambda z: raises(Unprintable()),
        lambda z: raises(GeneratorExit()),
        lambda z: raises(ValueError("x" * 10**6)),
        lambda z: np.broadcast_to(0.0, (10**6, 10**6)),
        lambda z: [z, [z, z]],
        lambda z: np.full(np.shape(z), 1e308),
        lambda z: np.full(np.shape(z), np.nan),
        lambda z: (np.seterr(all="raise"), np.exp(z * 1000))[1],
        lambda z: (yield z),
    ],
)
def test_check_function__hostile_function(f):
    state = np.geterr()
    verdict = check_function("relu", f)
    assert verdict.status in ("wrong", "unreadable")
    assert len(repr(verdict)) < 1000
    assert np.geterr() == state


def test_check_function__keyboard_interrupt_stops_it():
    with pytest.raises(KeyboardInterrupt):
        check_function("relu", lambda z: raises(KeyboardInterrupt()))


def in_place(z):
    if np.ndim(z):
        z[z < 0] = 0
        return z
    return max(z, 0)


def clears_the_targets(y, y_hat):
    loss = np.mean((y_hat - y) ** 2)
    y[...] = 0
    return loss


@pytest.mark.parametrize(
    ("name", "f", "status", "words"),
    [
        ("relu", in_place, "wrong", "changed the array"),
        ("mse", clears_the_targets, "wrong", "changed the array"),
        ("relu", lambda z: None, "wrong", "gives nothing back"),
        ("relu", lambda z: ..., "not answered", "not written yet"),
        ("relu", lambda z: "0.5", "unreadable", "must give real numbers"),
        ("relu", lambda z: z + 0j, "unreadable", "must give real numbers"),
        ("relu", lambda z: np.ma.array(np.maximum(z, 0), mask=True), "unreadable", "must give real numbers"),
        ("relu", lambda z: 10**400, "unreadable", "must give real numbers"),
        ("relu", lambda z: sys.exit(), "wrong", "SystemExit"),
        ("relu", lambda: 0, "wrong", "TypeError"),
        ("sigmoid", lambda z: 1 / (1 + math.exp(-z)), "wrong", "np.exp"),
        ("sigmoid", lambda z: np.exp(z) / (1 + np.exp(z)), "wrong", "large"),  # nan at 800
        ("relu", lambda z: np.sum(np.maximum(z, 0)), "wrong", "shape"),
        ("relu", lambda z: (np.maximum(z, 0),), "wrong", "a comma"),
        ("relu", lambda z: print(z), "wrong", "print only shows a value"),
        ("mse", lambda y, y_hat: (y - y_hat) ** 2, "wrong", "Is np.mean or np.sum missing?"),
        ("mse_gradient", lambda y, y_hat: 2 * np.mean(y_hat - y), "wrong", "one number for each entry"),
        ("identity_derivative", lambda z: 1, "wrong", "one number for each entry"),
        ("leaky_relu", lambda z: np.where(z > 0, z, 0.01 * z).astype(np.asarray(z).dtype), "wrong", "whole numbers"),
        ("tanh", lambda z: np.tanh(z) + 0.01, "wrong", "by hand"),
        ("softmax", lambda z: (e := np.exp(z)) / np.atleast_2d(e)[0].sum(), "wrong", "keepdims"),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), "wrong", "large"),
    ],
)
def test_check_function__other_errors(name, f, status, words):
    verdict = check_function(name, f)
    assert verdict.status == status, verdict
    assert words in repr(verdict)


def test_check_function__not_written_yet():
    def todo(z):
        raise NotImplementedError

    assert check_function("sigmoid", todo).status == "not answered"


def test_check_function__html_is_escaped():
    def loud(z):
        raise ValueError("<script>alert(1)</script>")

    assert "<script" not in check_function("sigmoid", loud)._repr_html_()


def test_check_function__needs_a_name_and_a_function():
    with pytest.raises(ValueError, match="Did you mean 'sigmoid_derivative'"):
        check_function("sigmoid_derivate", sigmoid)
    with pytest.raises(TypeError, match="without parentheses"):
        check_function("sigmoid", sigmoid(0.0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_formulas__pass_the_check(name):
    loss = name.removesuffix("_gradient").removesuffix("_from_logits")
    arguments = ("y, z" if name.endswith("_from_logits") else "y, y_hat") if loss in LOSSES else "z"
    f = eval(f"lambda {arguments}: {FORMULAS[name]}", {"np": np})
    assert check_function(name, f).status == "correct"


def test_check_function__mean_over_the_examples_only():
    verdict = check_function("mse_gradient", lambda y, y_hat: 2 * (y_hat - y) / len(y))
    assert verdict.status == "wrong"
    assert "1.500 times what it should be" not in verdict.message
    assert "3.000 times what it should be" in verdict.message
    assert "(2, 3)" in verdict.hint


@pytest.mark.parametrize("f", [lambda z: z, np.ones_like])
def test_check_function__known_slip_of_another_shape(f):
    verdict = check_function("softmax_jacobian", f)
    assert verdict.status == "mistake"
    assert "of shape (3,), not (3, 3)," in verdict.message
