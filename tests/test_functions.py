"""Functions that a learner writes: right ones, and what is said of wrong ones."""

import math
import sys

import numpy as np
import pytest

from bpcourse import ACTIVATIONS, LOSSES, check_function
from bpcourse.tutor.functions import FORMULAS, FUNCTIONS


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
        ("tanh", lambda z: np.tanh(z) + 0.01, "wrong", "is not right"),
        ("softmax", lambda z: np.exp(z) / np.exp(z).sum(), "wrong", "[0, 0]"),
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
    arguments = "y, y_hat" if name.removesuffix("_gradient") in LOSSES else "z"
    f = eval(f"lambda {arguments}: {FORMULAS[name]}", {"np": np})
    assert check_function(name, f).status == "correct"


def test_check_function__mean_over_the_examples_only():
    verdict = check_function("mse_gradient", lambda y, y_hat: 2 * (y_hat - y) / len(y))
    assert verdict.status == "wrong"
    assert "1.500 times what it should be" not in verdict.message
    assert "3.000 times what it should be" in verdict.message
    assert "(2, 3)" in verdict.hint
