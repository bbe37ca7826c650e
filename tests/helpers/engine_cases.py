"""Input that the engine refuses: what it is, the call, the error, and patterns that its message contains."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np

from bpcourse import (
    ACTIVATIONS,
    LOSSES,
    Activation,
    Dense,
    Loss,
    Network,
    backprop,
    forward,
    gradcheck,
    leaky_relu,
    one_hot,
    sgd_step,
)

MSE, BCE, CE = (LOSSES[name] for name in ("mse", "binary_cross_entropy", "categorical_cross_entropy"))
RNG = np.random.default_rng(0)

ONE = Network([Dense([[0.5]], [0.1], "sigmoid")])  # 1 → 1
TWO = Network([Dense([[0.5], [-1.0]], [0.25], "sigmoid")])  # 2 → 1
THREE = Network([Dense(np.ones((2, 3)), None, "softmax")])  # 2 → 3, without biases
TRACE = backprop(TWO, [0.3, 0.7], [1.0])
UNBIASED = backprop(THREE, [0.3, 0.7], [1.0, 0.0, 0.0])
X = np.full((4, 2), 0.5)

NO_ADVICE_ON_LABELS = "^(?!.*one_hot)"


ENDLESS = []
ENDLESS.append(ENDLESS)


def deep(levels):
    value = 0.5
    for _ in range(levels):
        value = [value]
    return value


def far(*weights):
    return Network([Dense([[weight]]) for weight in weights])


def far_bias(b):
    return Network([Dense([[1.0]], [b])])


SHAPES = [
    ("loss: (3,) and (3, 1)", lambda: MSE.value(np.zeros(3), np.zeros((3, 1))), ValueError,
     [r"same shape", r"got \(3,\) and \(3, 1\)", r"Nothing is broadcast", r"y\.reshape\(3, 1\)"]),
    ("loss: (3, 1) and (3,)", lambda: MSE.value(np.zeros((3, 1)), np.zeros(3)), ValueError,
     [r"same shape", r"got \(3, 1\) and \(3,\)", r"Nothing is broadcast"]),
    ("loss: (3,) and (2,)", lambda: LOSSES["half_sse"].value(np.zeros(3), np.zeros(2)), ValueError,
     [r"same shape", r"got \(3,\) and \(2,\)"]),
    ("loss: (1, 3) and (3,)", lambda: BCE.value(np.zeros((1, 3)), np.zeros(3)), ValueError,
     [r"y and y_hat", r"got \(1, 3\) and \(3,\)"]),
    ("loss: a number and a row", lambda: MSE.value(0.0, [0.0]), ValueError, [r"got \(\) and \(1,\)"]),
    ("gradient: (3, 1) and (3,)", lambda: MSE.gradient(np.zeros((3, 1)), np.zeros(3)), ValueError,
     [r"y and y_hat", r"got \(3, 1\) and \(3,\)"]),
    ("value from logits", lambda: BCE.value_from_logits(np.zeros(3), np.zeros((3, 1))), ValueError,
     [r"y and z", r"got \(3,\) and \(3, 1\)"]),
    ("gradient from logits", lambda: CE.gradient_from_logits(np.zeros((2, 3)), np.zeros((3, 2))), ValueError,
     [r"y and z", r"got \(2, 3\) and \(3, 2\)"]),
    ("output gradient from logits", lambda: BCE.output_gradient_from_logits([0.0], [[0.0]]), ValueError,
     [r"y and z", r"got \(1,\) and \(1, 1\)"]),
    ("loss: three dimensions", lambda: MSE.value(np.zeros((2, 2, 2)), np.zeros((2, 2, 2))), ValueError,
     [r"shape \(examples, values\)", r"got shape \(2, 2, 2\)"]),
    ("x: three values for two inputs", lambda: forward(TWO, np.ones((4, 3))), ValueError,
     [r"x must have 2 values", r"layer 1", r"got 3", r"shape \(4, 3\)"]),
    ("x: a row for two inputs", lambda: forward(TWO, [1.0, 2.0, 3.0]), ValueError,
     [r"x must have 2 values", r"got 3", r"shape \(3,\)"]),
    ("x: a row where a column was meant", lambda: forward(ONE, [1.0, 2.0, 3.0]), ValueError,
     [r"for each example", r"got 3", r"shape \(3,\)", r"3 examples of one value", r"x\.reshape\(-1, 1\)"]),
    ("x: three dimensions", lambda: forward(TWO, np.ones((4, 1, 2))), ValueError,
     [r"x must have shape \(examples, values\)", r"got shape \(4, 1, 2\)", r"x\.reshape\(len\(x\), -1\)"]),
    ("y: three dimensions", lambda: backprop(TWO, X, np.ones((4, 1, 1))), ValueError,
     [r"y must have shape \(examples, values\)", r"got shape \(4, 1, 1\)", r"y\.reshape\(len\(y\), -1\)"]),
    ("x and y of different length", lambda: backprop(TWO, X, np.ones((3, 1))), ValueError,
     [r"shape of the predictions, \(4, 1\)", r"got shape \(3, 1\)", r"4 examples and y has 3"]),
    ("y: a row for a column", lambda: backprop(TWO, X, np.ones(4)), ValueError,
     [r"shape of the predictions, \(4, 1\)", r"got shape \(4,\)", r"y\.reshape\(4, 1\)"]),
    ("y: transposed", lambda: backprop(THREE, X, np.ones((3, 4))), ValueError,
     [r"shape of the predictions, \(4, 3\)", r"got shape \(3, 4\)", r"y\.T"]),
    ("y: two outputs for one", lambda: backprop(TWO, X, np.ones((4, 2))), ValueError,
     [r"shape of the predictions, \(4, 1\)", r"got shape \(4, 2\)", NO_ADVICE_ON_LABELS]),
    ("y: class labels", lambda: backprop(THREE, X, [0, 2, 1, 1], "categorical_cross_entropy"), ValueError,
     [r"shape of the predictions, \(4, 3\)", r"got shape \(4,\)", r"one_hot\(labels, 3\)"]),
    ("y: class labels as a column", lambda: backprop(THREE, X, [[0], [2], [1], [1]]), ValueError,
     [r"shape of the predictions, \(4, 3\)", r"got shape \(4, 1\)", r"one_hot\(labels, 3\)"]),
    ("W: one dimension", lambda: Dense([0.1, 0.2]), ValueError,
     [r"W must have shape \(inputs, units\)", r"got shape \(2,\)", r"\[\[0\.1\], \[0\.2\]\]"]),
    ("W: three dimensions", lambda: Dense(np.ones((1, 2, 3))), ValueError, [r"\(inputs, units\)", r"\(1, 2, 3\)"]),
    ("W: no units", lambda: Dense(np.ones((2, 0))), ValueError, [r"at least 1", r"got shape \(2, 0\)"]),
    ("W: a number", lambda: Dense(0.5), ValueError, [r"W must have shape", r"got shape \(\)"]),
    ("b: too many", lambda: Dense(np.ones((2, 3)), [0.0, 0.0]), ValueError,
     [r"b must have shape \(3,\)", r"each unit", r"got shape \(2,\)"]),
    ("b: a row of two dimensions", lambda: Dense(np.ones((2, 3)), [[0.0, 0.0, 0.0]]), ValueError,
     [r"b must have shape \(3,\)", r"got shape \(1, 3\)"]),
    ("b: a number", lambda: Dense([[1.0]], 0.5), ValueError, [r"b must have shape \(1,\)", r"got shape \(\)"]),
    ("layers that do not chain", lambda: Network([Dense(np.ones(s)) for s in ((2, 3), (3, 2), (4, 1))]), ValueError,
     [r"layer 3 must take the 2 outputs of layer 2", r"W3 of shape \(4, 1\)", r"must be 2"]),
    ("layers of two dtypes", lambda: Network([Dense([[1.0]]), Dense([[1.0]], dtype=np.float32)]), ValueError,
     [r"one dtype", r"layer 2", r"got float64, and float32"]),
    ("no layers", lambda: Network([]), ValueError, [r"layers must be a list of Dense", r"got \[\]"]),
    ("a layer that is none", lambda: Network([Dense([[1.0]]), "sigmoid"]), ValueError,
     [r"layers must be a list of Dense", r"'sigmoid'"]),
    ("a layer without its list", lambda: Network(Dense([[1.0]])), (TypeError, ValueError),
     [r"layers must be a list of Dense", r"got Dense\(1 → 1"]),
    ("a layer for a network", lambda: backprop(Dense([[1.0]]), [1.0], [1.0]), (TypeError, ValueError),
     [r"needed a Network", r"got Dense\(1 → 1", r"Network\(\["]),
    ("z and da", lambda: ACTIVATIONS["relu"].backward([1.0, 2.0], [1.0]), ValueError,
     [r"z and da must have the same shape", r"got \(2,\) and \(1,\)"]),
    ("softmax of a number", lambda: ACTIVATIONS["softmax"].f(1.0), ValueError, [r"must be a row", r"Use \[z\]"]),
    ("jacobian of a number", lambda: ACTIVATIONS["tanh"].jacobian(1.0), ValueError, [r"must be a row", r"Use \[z\]"]),
    ("x: empty list", lambda: forward(ONE, []), ValueError, [r"x must hold at least one example", r"\(0,\)", r"empty"]),
    ("x: empty batch", lambda: forward(TWO, np.ones((0, 2))), ValueError, [r"at least one example", r"\(0, 2\)"]),
    ("y: empty list", lambda: backprop(ONE, [1.0], []), ValueError, [r"y must hold at least one example", r"\(0,\)"]),
    ("loss of nothing", lambda: MSE.value([], []), ValueError, [r"at least one example", r"\(0,\)", r"empty"]),
    ("loss of an empty batch", lambda: CE.value(np.ones((0, 3)), np.ones((0, 3))), ValueError,
     [r"at least one example", r"\(0, 3\)"]),
]  # fmt: skip

NUMBERS = [
    ("x: NaN", lambda: forward(TWO, [[1, 2], [3, np.nan]]), ValueError,
     [r"x must hold finite numbers", r"x\[1, 1\] = nan", r"replace or remove"]),
    ("x: inf", lambda: forward(TWO, [1, -np.inf]), ValueError, [r"x must hold finite", r"x\[1\] = -inf"]),
    ("y: NaN", lambda: backprop(TWO, [1, 2], [np.nan]), ValueError, [r"y must hold finite", r"y\[0\] = nan"]),
    ("W: inf", lambda: Dense([[1.0, np.inf]]), ValueError, [r"W must hold finite", r"W\[0, 1\] = inf"]),
    ("b: NaN", lambda: Dense([[1.0, 2.0]], [0.0, np.nan]), ValueError, [r"b must hold finite", r"b\[1\] = nan"]),
    ("y_hat: NaN", lambda: MSE.value([0, 1], [0, np.nan]), ValueError, [r"y_hat must hold", r"y_hat\[1\] = nan"]),
    ("y_hat: inf", lambda: MSE.gradient([0], [np.inf]), ValueError, [r"y_hat must hold finite", r"y_hat\[0\] = inf"]),
    ("z: inf", lambda: BCE.value_from_logits([0], [np.inf]), ValueError, [r"z must hold finite", r"z\[0\] = inf"]),
    ("z: NaN", lambda: CE.gradient_from_logits([[0, 1]], [[np.nan, 0]]), ValueError,
     [r"z must hold finite", r"z\[0, 0\] = nan"]),
    ("z: overflow", lambda: forward(far(1e200, 1e200), [1.0]), ValueError,
     [r"z2\[0, 0\] = inf", r"overflow|too large|smaller"]),
    ("z: overflow in both directions", lambda: forward(Network([Dense([[1e200], [1e200]])]), [1e200, -1e200]),
     ValueError, [r"z1\[0, 0\] = nan|z1\[0, 0\] = inf", r"overflow|too large|smaller"]),
    ("loss: overflow", lambda: backprop(far(1e200), [1.0], [1.0]), ValueError,
     [r"loss = inf", r"overflow|too large|smaller"]),
    ("dW: overflow", lambda: backprop(far(1e-100), [1e250], [0.0]), ValueError,
     [r"dW1\[0, 0\] = inf", r"overflow|too large|smaller"]),
    ("da: overflow in a hidden layer", lambda: backprop(far(1e-300, 1e250), [1.0], [1e150]), ValueError,
     [r"da1\[0, 0\] = -inf", r"overflow|too large|smaller"]),
    ("W: too large for float32", lambda: far(1e300).astype(np.float32), ValueError, [r"W\[0, 0\]", r"float32"]),
    ("x: too large for float32", lambda: forward(ONE.astype(np.float32), [1e300]), ValueError,
     [r"x\[0\]", r"float32"]),
    ("step: overflow", lambda: sgd_step(backprop(far(1e150), [1.0], [0.0]), 1e300), ValueError,
     [r"W1|W\[0, 0\]", r"learning_rate"]),
    ("step: overflow of a bias", lambda: sgd_step(backprop(far_bias(1e150), [0.0], [0.0]), 1e300), ValueError,
     [r"b1|b\[0\]", r"learning_rate"]),
    ("step: overflow in float32", lambda: sgd_step(backprop(ONE.astype(np.float32), [1.0], [9.0]), 1e39), ValueError,
     [r"W1|W\[0, 0\]", r"learning_rate"]),
    ("x: rows of different length", lambda: forward(TWO, [[1, 2], [3]]), ValueError,
     [r"x must be a rectangular array", r"rows of different lengths", r"same length"]),
    ("W: rows of different length", lambda: Dense([[1, 2], [3]]), ValueError, [r"W must be a rectangular array"]),
    ("y_hat: rows of different length", lambda: MSE.value([[1, 2], [3, 4]], [[1, 2], 3]), ValueError,
     [r"y_hat must be a rectangular array"]),
    ("x: strings", lambda: forward(TWO, ["0.5", "1"]), TypeError,
     [r"x must hold real numbers", r"such as \[0\.5, -1\.0\]", r"got \['0\.5', '1'\]"]),
    ("x: None", lambda: forward(TWO, None), TypeError, [r"x must hold real numbers", r"got None"]),
    ("x: None within", lambda: forward(TWO, [0.5, None]), TypeError, [r"x must hold real numbers", r"\[0\.5, None\]"]),
    ("x: object array", lambda: forward(ONE, np.array([[None]])), TypeError, [r"x must hold real", r"object"]),
    ("x: masked", lambda: forward(TWO, np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError,
     [r"x must hold", r"mask", r"filled"]),
    ("x: a mask in a list", lambda: forward(TWO, [np.ma.masked, 1.0]), TypeError, [r"x must hold .* mask", r"filled"]),
    ("x: masked arrays in a list", lambda: forward(ONE, [np.ma.array([5.0], mask=[True])]), TypeError,
     [r"x must hold numbers without a mask", r"got masked entries", r"\.filled\(\)"]),
    ("W: a mask in a tuple of lists", lambda: Dense(([1.0], [np.ma.masked])), TypeError, [r"W must hold .* mask"]),
    ("x: an integer beyond every float", lambda: backprop(TWO, [10**400, 1], [1]), ValueError,
     [r"x must hold numbers that fit a float", r"1\.8e308", r"larger"]),
    ("W: an integer beyond every float", lambda: Dense([[-(10**400)]]), ValueError, [r"W must hold numbers that fit"]),
    ("x: time spans", lambda: forward(ONE, [np.timedelta64(5, "s")]), TypeError,
     [r"x must hold real numbers", r"timedelta64"]),
    ("x: a list that contains itself", lambda: forward(ONE, ENDLESS), (TypeError, ValueError), [r"x must "]),
    ("x: a list that is far too deep", lambda: forward(ONE, deep(5000)), (TypeError, ValueError), [r"x must "]),
    ("x: a list that is too deep", lambda: forward(ONE, deep(40)), (TypeError, ValueError), [r"x must "]),
    ("x: complex", lambda: forward(TWO, [1j, 1]), TypeError, [r"x must hold real numbers", r"1j", r"complex128"]),
    ("x: dates", lambda: forward(ONE, np.array(["2020-01-01"], dtype="M8[D]")), TypeError, [r"x must hold real"]),
    ("x: a long list of strings", lambda: forward(TWO, ["word"] * 1000), TypeError,
     [r"got .*'word'.*, of NumPy type", r"^.{0,120}$"]),
    ("W: strings", lambda: Dense([["a"]]), TypeError, [r"W must hold real numbers", r"got \[\['a'\]\]"]),
    ("b: a string", lambda: Dense([[1.0]], "0"), TypeError, [r"b must hold real numbers", r"got '0'"]),
    ("y: None", lambda: backprop(ONE, [1.0], None), TypeError, [r"y must hold real numbers", r"got None"]),
    ("z: None", lambda: ACTIVATIONS["sigmoid"].f(None), TypeError, [r"z must hold real numbers", r"got None"]),
    ("da: a string", lambda: ACTIVATIONS["relu"].backward([1.0], "1"), TypeError, [r"da must hold real numbers"]),
    ("float16", lambda: TWO.astype(np.float16), ValueError, [r"float64 or float32", r"got float16"]),
    ("integers", lambda: TWO.astype(int), ValueError, [r"float64 or float32", r"got int"]),
    ("complex numbers", lambda: Dense([[1.0]], dtype=complex), ValueError, [r"float64 or float32", r"got complex"]),
    ("a dtype that is none", lambda: TWO.astype("float31"), (TypeError, ValueError),
     [r"float64 or float32", r"float31"]),
]  # fmt: skip

NAMES = [
    ("activation misspelt", lambda: Dense([[1.0]], None, "sigmod"), (KeyError, ValueError),
     [r"unknown activation 'sigmod'", r"Did you mean 'sigmoid'\?", r"Known: identity, sigmoid, tanh"]),
    ("activation in capitals", lambda: Dense([[1.0]], None, "ReLU"), (KeyError, ValueError),
     [r"unknown activation 'ReLU'", r"Did you mean 'relu'\?"]),
    ("activation: a function", lambda: Dense([[1.0]], None, np.tanh), (KeyError, ValueError),
     [r"unknown activation <ufunc 'tanh'>", r"Known: identity"]),
    ("activation: None", lambda: Dense([[1.0]], None, None), (KeyError, ValueError), [r"unknown activation None"]),
    ("activation looked up", lambda: ACTIVATIONS["tahn"], (KeyError, ValueError), [r"Did you mean 'tanh'\?"]),
    ("loss misspelt", lambda: backprop(TWO, [1, 2], [1], "half_see"), (KeyError, ValueError),
     [r"unknown loss 'half_see'", r"Did you mean 'half_sse'\?", r"Known: mse, half_sse"]),
    ("loss in capitals", lambda: backprop(TWO, [1, 2], [1], "MSE"), (KeyError, ValueError),
     [r"unknown loss 'MSE'", r"Did you mean 'mse'\?"]),
    ("loss: None", lambda: backprop(TWO, [1, 2], [1], None), (KeyError, ValueError), [r"unknown loss None"]),
    ("trace: misspelt", lambda: TRACE["dw1"], (KeyError, ValueError),
     [r"unknown value 'dw1'", r"Did you mean 'dW1'\?", r"Known: x, a0, W1, b1, z1"]),
    ("trace: a layer too far", lambda: TRACE["z2"], (KeyError, ValueError), [r"unknown value 'z2'", r"Known: .*z1"]),
    ("trace: a number", lambda: TRACE[1], (KeyError, ValueError), [r"unknown value 1", r"Known: x, a0, W1"]),
    ("forward: a gradient", lambda: forward(TWO, [1, 2])["dW1"], (KeyError, ValueError), [r"unknown value 'dW1'"]),
    ("no b without a bias", lambda: UNBIASED["b1"], (KeyError, ValueError),
     [r"unknown value \(this layer has no biases\) 'b1'"]),
    ("no db without a bias", lambda: UNBIASED["db1"], (KeyError, ValueError),
     [r"unknown value \(this layer has no biases\) 'db1'"]),
    ("differences: misspelt", lambda: gradcheck.differences(TRACE, "w1"), (KeyError, ValueError),
     [r"'w1'", r"Did you mean 'W1'\?"]),
    ("differences: not a parameter", lambda: gradcheck.differences(TRACE, "z1"), (KeyError, ValueError),
     [r"'z1'", r"W1", r"b1", r"\bx\b"]),
    ("differences: the target", lambda: gradcheck.differences(TRACE, "y"), (KeyError, ValueError),
     [r"'y'", r"W1", r"b1", r"\bx\b"]),
]  # fmt: skip

LOSS_RULES = [
    ("binary cross-entropy on tanh", lambda: backprop(
        Network([Dense([[1.0]], None, "tanh")]), [1.0], [1.0], "binary_cross_entropy"), ValueError,
     [r"binary_cross_entropy needs", r"sigmoid", r"got tanh", r"last layer"]),
    ("binary cross-entropy on softmax", lambda: backprop(THREE, X, np.ones((4, 3)), "binary_cross_entropy"), ValueError,
     [r"binary_cross_entropy needs", r"sigmoid", r"got softmax"]),
    ("categorical cross-entropy on sigmoid", lambda: backprop(TWO, [1, 2], [1], "categorical_cross_entropy"),
     ValueError, [r"categorical_cross_entropy needs", r"softmax", r"got sigmoid", r"mse"]),
    ("binary target 2", lambda: BCE.value([2.0], [0.5]), ValueError,
     [r"y must lie between 0 and 1", r"y\[0.*\] = 2", r"probabilities"]),
    ("binary target -1", lambda: BCE.value([-1.0], [0.5]), ValueError, [r"y must lie between 0 and 1", r"= -1"]),
    ("binary target 2, from logits", lambda: BCE.value_from_logits([2.0], [0.5]), ValueError,
     [r"y must lie between 0 and 1", r"= 2"]),
    ("binary target -1, from logits", lambda: BCE.gradient_from_logits([-1.0], [0.5]), ValueError, [r"y .*= -1"]),
    ("binary target -1, da", lambda: BCE.output_gradient_from_logits([-1.0], [0.5]), ValueError, [r"y .*= -1"]),
    ("binary target 2, in backprop", lambda: backprop(TWO, [1, 2], [2], "binary_cross_entropy"), ValueError,
     [r"y must lie between 0 and 1", r"y\[0, 0\] = 2"]),
    ("categorical target 2", lambda: CE.value_from_logits([0, 2], [0, 0]), ValueError, [r"between 0 and 1", r"= 2"]),
    ("probability 1.1", lambda: BCE.value([1.0], [1.1]), ValueError,
     [r"y_hat must lie between 0 and 1", r"= 1\.1", r"sigmoid or softmax"]),
    ("probability -0.1", lambda: CE.gradient([0, 1], [1.0, -0.1]), ValueError,
     [r"y_hat must lie between 0 and 1", r"= -0\.1"]),
    ("probability NaN", lambda: BCE.value([1.0], [np.nan]), ValueError, [r"y_hat must hold finite", r"= nan"]),
    ("one class", lambda: CE.value([[1.0], [1.0]], [[0.5], [0.5]]), ValueError,
     [r"at least 2 classes", r"got shape \(2, 1\)", r"binary_cross_entropy with a sigmoid"]),
    ("one class, in backprop", lambda: backprop(
        Network([Dense([[1.0]], None, "softmax")]), [1.0], [1.0], "categorical_cross_entropy"), ValueError,
     [r"at least 2 classes", r"binary_cross_entropy with a sigmoid"]),
    ("base 1", lambda: CE.value([0, 1], [0.3, 0.7], base=1), ValueError, [r"base must .* not 1", r"got 1"]),
    ("base 0", lambda: CE.value([0, 1], [0.3, 0.7], base=0), ValueError, [r"base must be positive", r"got 0"]),
    ("base -2", lambda: BCE.value([1], [0.7], base=-2), ValueError, [r"base must be positive", r"got -2", r"10 or 2"]),
    ("base NaN", lambda: BCE.value([1], [0.7], base=np.nan), ValueError, [r"base must be positive", r"got nan"]),
    ("base inf", lambda: BCE.value([1], [0.7], base=np.inf), ValueError, [r"base must be positive", r"got inf"]),
    ("base: a string", lambda: BCE.value([1], [0.7], base="10"), (TypeError, ValueError),
     [r"base must be positive", r"got '10'"]),
    ("base of mse", lambda: MSE.value([1], [0.7], base=10), ValueError, [r"mse has no logarithm", r"\.value\("]),
    ("mse from logits", lambda: MSE.value_from_logits([1], [0.7]), ValueError, [r"mse has no .*logits", r"\.value"]),
    ("half_sse from logits", lambda: LOSSES["half_sse"].gradient_from_logits([1], [0.7]), ValueError,
     [r"half_sse has no .*logits", r"\.gradient"]),
    ("label out of range", lambda: one_hot([0, 3], 3), ValueError,
     [r"labels must lie between 0 and 2", r"3 classes", r"labels\[1\] = 3"]),
    ("negative label", lambda: one_hot([0, -1], 3), ValueError, [r"between 0 and 2", r"labels\[1\] = -1"]),
    ("label 0.5", lambda: one_hot([0.5], 3), TypeError, [r"labels must be whole numbers", r"\[0, 2, 1\]", r"\[0\.5\]"]),
    ("label 1.0", lambda: one_hot(np.array([1.0]), 3), TypeError, [r"labels must be whole numbers"]),
    ("label: a string", lambda: one_hot(["cat"], 3), TypeError, [r"labels must be whole numbers", r"\['cat'\]"]),
    ("label: None", lambda: one_hot(None, 3), TypeError, [r"labels must be whole numbers", r"got None"]),
    ("no labels", lambda: one_hot(np.zeros(0, dtype=int), 3), ValueError, [r"at least one label", r"\(0,\)"]),
    ("labels in a table", lambda: one_hot([[0, 1]], 3), ValueError, [r"labels must be one row", r"\(1, 2\)"]),
    ("labels of different length", lambda: one_hot([[0], [1, 2]], 3), (TypeError, ValueError), [r"labels must be"]),
    ("classes 0", lambda: one_hot([0], 0), ValueError, [r"classes must be a positive whole number", r"got 0"]),
    ("classes -1", lambda: one_hot([0], -1), ValueError, [r"classes must be a positive whole number", r"got -1"]),
    ("classes 2.5", lambda: one_hot([0], 2.5), (TypeError, ValueError), [r"classes must be a positive", r"got 2\.5"]),
    ("classes: a string", lambda: one_hot([0], "3"), (TypeError, ValueError), [r"classes must be a positive", r"'3'"]),
]  # fmt: skip

SETTINGS = [
    *(
        (f"learning rate {rate!r}", lambda rate=rate: sgd_step(TRACE, rate), ValueError,
         [r"learning_rate must be a positive finite number", re.escape(f"got {rate!r}"), r" 0\.1\b"])
        for rate in (0, -1, np.nan, np.inf, "0.1", None, 1j, Decimal("0.1"))
    ),
    ("rng: a seed", lambda: Network.initialize([2, 1], ["tanh"], 42), ValueError,
     [r"rng must be a NumPy Generator", r"np\.random\.default_rng\(0\)", r"got 42"]),
    ("rng: the module", lambda: Network.initialize([2, 1], ["tanh"], np.random), ValueError, [r"rng must be"]),
    ("a layer of 0 units", lambda: Network.initialize([2, 0, 1], ["tanh", "tanh"], RNG), ValueError,
     [r"sizes must be positive whole numbers", r"got \[2, 0, 1\]"]),
    ("a layer of 1.5 units", lambda: Network.initialize([2, 1.5], ["tanh"], RNG), ValueError, [r"sizes must", r"1\.5"]),
    ("too few activations", lambda: Network.initialize([2, 3, 1], ["tanh"], RNG), ValueError,
     [r"sizes must be", r"one for each activation", r"3 sizes and 1 activations"]),
    ("only inputs", lambda: Network.initialize([2], [], RNG), ValueError, [r"1 sizes and 0 activations"]),
    ("activations: one name", lambda: Network.initialize([2, 1], "tanh", RNG), (TypeError, ValueError),
     [r"activations must be a list", r"got 'tanh'"]),
    ("an unknown activation", lambda: Network.initialize([2, 1], ["than"], RNG), ValueError, [r"you mean 'tanh'\?"]),
    ("leak 1", lambda: leaky_relu(1), ValueError,
     [r"slope must be above 0 and below 1", r"leaky_relu\(0\.2\)", r"got 1"]),
    ("leak 0", lambda: leaky_relu(0), ValueError, [r"slope must be above 0", r"got 0"]),
    ("leak -0.1", lambda: leaky_relu(-0.1), ValueError, [r"slope must be", r"got -0\.1"]),
    ("leak NaN", lambda: leaky_relu(np.nan), ValueError, [r"slope must be", r"got nan"]),
    ("leak: a string", lambda: leaky_relu("0.1"), (TypeError, ValueError), [r"slope must be", r"got '0\.1'"]),
    ("gradient check in float32", lambda: gradcheck.check(backprop(TWO.astype(np.float32), [1, 2], [1])), TypeError,
     [r"needs float64", r"got a trace in float32", r"network\.astype\(np\.float64\)"]),
    ("differences in float32", lambda: gradcheck.differences(backprop(TWO.astype("f4"), [1, 2], [1]), "W1"), TypeError,
     [r"needs float64", r"float32"]),
    ("a nudge of 0", lambda: gradcheck.check(TRACE, step=0), ValueError, [r"step must be", r"got 0"]),
    ("a nudge of NaN", lambda: gradcheck.check(TRACE, step=np.nan), ValueError, [r"step must be", r"got nan"]),
    ("the slope of softmax", lambda: ACTIVATIONS["softmax"].df([0.0, 1.0]), ValueError,
     [r"softmax has no slope unit by unit", r"\.jacobian\(z\)"]),
]  # fmt: skip

OTHER_SIGMOID = Activation("sigmoid", np.tanh, np.ones_like)


class FailsToBeAFloat(float):
    def __float__(self):
        raise RuntimeError("no")


def writes(z):
    z *= z > 0
    return z


IN_PLACE = Activation("in_place", writes, np.ones_like)
SLOPE_IN_PLACE = Activation("in_place", np.positive, writes)
SUMMED = Activation("summed", np.sum, np.ones_like)
JACOBIAN_IN_PLACE = Activation("coupled", np.positive, coupled_jacobian=writes)


def custom(of_examples, slope=lambda y, y_hat: y_hat - y):
    return Loss("mine", of_examples, slope)


CUSTOM = [
    ("a loss that is one number", lambda: backprop(TWO, X, np.ones((4, 1)), custom(lambda y, p: np.mean((p - y) ** 2))),
     ValueError, [r"mine must give one number for each example", r"shape \(4,\)", r"got shape \(\)"]),
    ("a loss that is a Python float", lambda: custom(lambda y, p: 4.0).value([1, 2], [1, 3]), ValueError,
     [r"mine must give one number for each example", r"shape \(1,\)", r"got shape \(\)"]),
    ("a loss for each output", lambda: custom(lambda y, p: (p - y) ** 2).value([1, 2], [1, 3]), ValueError,
     [r"shape \(1,\)", r"got shape \(1, 2\)"]),
    ("a slope for each example", lambda: custom(None, lambda y, p: (p - y).sum(axis=1)).gradient([1, 2], [1, 3]),
     ValueError, [r"mine must give one slope for each output", r"shape \(1, 2\)", r"got shape \(1,\)"]),
    ("a loss that writes", lambda: custom(lambda y, p: np.subtract(p, y, out=p)).value([1], [2]), ValueError,
     [r"mine must not change its arguments", r"Compute a new array"]),
    ("an activation that writes", lambda: forward(Network([Dense([[1.0]], None, IN_PLACE)]), [-2.0]), ValueError,
     [r"in_place must not change its arguments", r"Compute a new array, such as np\.maximum"]),
    ("a slope that writes", lambda: backprop(Network([Dense([[1.0]], None, SLOPE_IN_PLACE)]), [-2.0], [1.0]),
     ValueError, [r"in_place must not change its arguments"]),
    ("a Jacobian that writes", lambda: JACOBIAN_IN_PLACE.jacobian([-2.0, 1.0]), ValueError,
     [r"coupled must not change its arguments"]),
    ("an activation of a different shape", lambda: forward(Network([Dense([[1.0, 2.0]], None, SUMMED)]), [1.0]),
     ValueError, [r"summed must give one output for each z", r"shape \(1, 2\)", r"got shape \(\)"]),
    ("a leak too large, by name", lambda: Dense([[1.0]], None, "leaky_relu(2)"), ValueError,
     [r"slope must be above 0 and below 1", r"leaky_relu\(0\.2\)", r"got 2"]),
    ("a leak that is not a number", lambda: Dense([[1.0]], None, "leaky_relu(lots)"), ValueError,
     [r"unknown activation 'leaky_relu\(lots\)'", r"Did you mean 'leaky_relu'\?"]),
    ("a leak that is an expression", lambda: ACTIVATIONS["leaky_relu(1/5)"], ValueError,
     [r"Did you mean 'leaky_relu'"]),
    ("a leak without a number", lambda: ACTIVATIONS["leaky_relu()"], ValueError, [r"Did you mean 'leaky_relu'"]),
    ("a leak of something else", lambda: Dense([[1.0]], None, "relu(0.2)"), (KeyError, ValueError),
     [r"unknown activation 'relu\(0\.2\)'", r"Known: identity"]),
    ("a number that fails to be one", lambda: sgd_step(TRACE, FailsToBeAFloat(0.1)), ValueError,
     [r"learning_rate must be a positive finite number"]),
    ("a time span for a rate", lambda: sgd_step(TRACE, np.timedelta64(5, "s")), ValueError, [r"learning_rate must be"]),
]  # fmt: skip

REVIEWED = [
    ("targets turned round", lambda: MSE.value(np.zeros((3, 2)), np.zeros((2, 3))), ValueError, [r"Use y\.T"]),
    ("labels for rows", lambda: MSE.value([0, 2], np.zeros((2, 3))), ValueError, [r"one_hot\(labels, 3\)"]),
    ("a row for a column", lambda: MSE.value([0, 1, 1], np.zeros((3, 1))), ValueError, [r"y\.reshape\(3, 1\)"]),
    ("targets that fit in no way", lambda: MSE.value([1.0], np.zeros((2, 2))), ValueError,
     [r"one target for each output"]),
    ("a different sigmoid", lambda: backprop(Network([Dense([[1.0]], None, OTHER_SIGMOID)]), [1], [1], BCE), ValueError,
     [r"needs probabilities from a sigmoid output", r"a different activation named sigmoid"]),
    ("base: an array", lambda: BCE.value([1], [0.7], base=np.array([1, 2])), ValueError, [r"base must be positive"]),
    ("base beyond every float", lambda: BCE.value([1], [0.7], base=10**400), ValueError, [r"base must be positive"]),
    ("a step for a forward pass", lambda: sgd_step(forward(TWO, [1, 2]), 0.1), TypeError, [r"needed a Trace", r"got"]),
    ("True for a learning rate", lambda: sgd_step(TRACE, True), ValueError, [r"learning_rate must be", r"got True"]),
    ("True for a count", lambda: one_hot([0], True), ValueError, [r"classes must be a positive whole", r"got True"]),
    ("one size", lambda: Network.initialize(2, ["tanh"], RNG), ValueError, [r"sizes must be", r"got 2"]),
    ("no activations", lambda: Network.initialize([2, 1], None, RNG), ValueError,
     [r"activations must be a list", r"None"]),
    ("masked labels", lambda: one_hot(np.ma.array([1, 0], mask=[1, 0]), 2), TypeError, [r"labels must", r"mask"]),
    ("a step of nothing", lambda: gradcheck.check(TRACE, step=1e-17), ValueError,
     [r"between 1e-8 and 0\.1", r"1e-17"]),
]  # fmt: skip

ROWS = [*REVIEWED, *CUSTOM, *SHAPES, *NUMBERS, *NAMES, *LOSS_RULES, *SETTINGS]
