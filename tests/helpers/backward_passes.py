"""Backward passes in NumPy as people write them, right ones and wrong ones, independent of the package.

`write` makes a function from a network and the bugs that are wanted. `PUBLIC` has functions in the style of public
code, each with a known bug, and `correct` makes a right one. Everything is computed in rows; columns are transposed
before and after. δ of an example does not contain 1/n: the mean over the examples is taken in dW and db.

Two bugs can give the same numbers. `Bug.accepted` has all the ids that fit on some network, with up to four outputs.
A test should use a batch of 5, and a learning rate such as 0.35: with 0.5, η² in the place of η is a factor ½. Where a
ReLU is off, or on, for every example, more bugs can look alike.

>>> step = write((1, 1), ("identity",), "mse", learning_rate=True, bugs=("ascent",))
>>> W, b = step(np.array([[2.0]]), np.array([[9.0]]), np.array([[3.0]]), np.array([1.0]), 0.25)
>>> W.item(), b.item()  # the gradients are 2·(7 − 9)·2 and 2·(7 − 9)
(1.0, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

LEAK = 0.01
LOSSES = ("mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy")
HIDDEN = ("identity", "sigmoid", "tanh", "relu", "leaky_relu")
RETURNS = ("tuple", "list", "dict")

Function = Callable[..., Any]


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FUNCTIONS = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, LEAK * z),
    "softmax": _softmax,
}
SLOPES = {  # of z and a; as most people do, from a where that is shorter
    "identity": lambda z, a: np.ones_like(z),
    "sigmoid": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a**2,
    "relu": lambda z, a: np.where(z > 0, 1.0, 0.0),
    "leaky_relu": lambda z, a: np.where(z > 0, 1.0, LEAK),
}


def _through_softmax(da, p):
    """Multiply by the Jacobian of a softmax whose outputs are p."""
    return p * (da - (da * p).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Net:
    """The facts about a network on which bugs depend."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    rate: bool = False
    bias: bool = True

    @property
    def L(self):
        return len(self.activations)

    @property
    def m(self):
        return self.sizes[-1]

    @property
    def hidden(self):
        return self.activations[:-1]

    @property
    def out(self):
        return self.activations[-1]

    @property
    def squared(self):
        return self.loss in ("mse", "half_sse")

    @property
    def bce(self):
        return self.loss == "binary_cross_entropy"

    @property
    def ce(self):
        return self.loss == "categorical_cross_entropy"

    @property
    def out_slope(self):
        """The activation of the output if its slope is multiplied in unit by unit, and is not 1."""
        return self.out if self.squared and self.out not in ("identity", "softmax") else None

    @property
    def sloped(self):
        """The activations whose slopes are multiplied in, without those that are always 1."""
        return {*self.hidden, self.out_slope} - {"identity", None}

    @property
    def branches(self):
        """Whether several paths lead back to some hidden unit."""
        return max(self.sizes[2:], default=1) > 1

    @property
    def all_branch(self):
        """Whether several paths lead back to every hidden unit."""
        return self.L > 1 and min(self.sizes[2:]) > 1

    def same(self, start=0, stop=None):
        """Tell whether these sizes are all the same, and more than 1."""
        sizes = self.sizes[start:stop]
        return len(set(sizes)) == 1 and sizes[0] > 1


class _Run:
    """One pass. `hook(place, value, layer)` gives what the bugs make of a value."""

    def __init__(self, net, changes, x, y, W, b, rate):
        self.net, self.changes, self.rate, self.n = net, changes, rate, len(x)
        self.W, self.b = dict(enumerate(W, 1)), dict(enumerate(b, 1))
        self.A, self.Z, self.DA, self.dW, self.db, self.new_W, self.new_b = {}, {}, {}, {}, {}, {}, {}
        self.y = self.hook("target", y, net.L)
        self.A[0] = self.hook("input", x, 0)
        for layer in range(1, net.L + 1):
            self.forward(layer)
        self.y_hat = self.A[net.L]
        da = self.loss_slope()
        for layer in range(net.L, 0, -1):
            self.DA[layer] = da
            delta = self.delta(layer, da)
            self.gradients(layer, delta)
            self.update(layer)
            if layer > 1:
                weights = self.hook("back_weights", self.W[layer], layer)
                self.paths = self.hook("paths", delta[:, None, :] * weights, layer)
                da = self.hook("back", self.paths.sum(axis=2), layer)

    def hook(self, place, value, layer):
        for change in self.changes.get(place, ()):
            value = change(value, self, layer)
        return value

    def forward(self, layer):
        signal = self.hook("signal", self.A[layer - 1], layer)
        weights, bias = self.hook("weights", self.W[layer], layer), self.hook("bias", self.b[layer], layer)
        z = self.Z[layer] = self.hook("z", signal @ weights + bias, layer)
        self.A[layer] = self.hook("activation", FUNCTIONS[self.net.activations[layer - 1]](z), layer)

    def loss_slope(self):
        """Return ∂L/∂ŷ of a squared error, or δ of a cross-entropy, for each example."""
        net = self.net
        self.e = self.hook("difference", self.y_hat - self.y, net.L)
        factor = {"mse": 2 / net.m, "half_sse": 1.0, "binary_cross_entropy": 1 / net.m}.get(net.loss, 1.0)
        return self.hook("loss_slope", factor * self.e, net.L)

    def delta(self, layer, da):
        net, name, z, a = self.net, self.net.activations[layer - 1], self.Z[layer], self.A[layer]
        if layer == net.L and not net.squared:
            value = da
        elif name == "softmax":
            value = _through_softmax(da, a)
        else:
            value = da * self.hook("slope", SLOPES[name](z, a), layer)
        return self.hook("delta", value, layer)

    def gradients(self, layer, delta):
        factor = self.hook("factor", self.A[layer - 1], layer)
        bias_factor = self.hook("bias_factor", np.ones_like(delta), layer)
        bias_delta = self.hook("bias_delta", delta, layer)
        parts = (factor, delta, bias_factor, bias_delta)
        self.factor, self.D, bias_factor, bias_delta = (self.hook("examples", part, layer) for part in parts)
        n = len(self.D)
        self.dW[layer] = self.hook("dW", self.factor.T @ self.D, layer) / self.hook("W_divisor", n, layer)
        db = self.hook("db", (bias_factor * bias_delta).sum(axis=0), layer)
        self.db[layer] = db / self.hook("b_divisor", n, layer)

    def update(self, layer):
        if self.rate is not None:
            self.new_W[layer] = self.stepped(layer, "W", self.W[layer], self.dW[layer])
            self.new_b[layer] = self.stepped(layer, "b", self.b[layer], self.db[layer])

    def stepped(self, layer, kind, old, gradient):
        self.kind, self.old = kind, old
        return self.hook("new", old - self.rate * gradient, layer)


@dataclass(frozen=True)
class Bug:
    """One bug of a backward pass.

    Parameters
    ----------
    accepted : frozenset of str
        The ids of the catalogue that are a right diagnosis: all that can mean the same formula.
    applies : callable
        Tells for (sizes, activations, loss, learning_rate, bias) whether the bug makes sense there and
        changes what comes out, unless a ReLU is off for every example.
    place : str
        Where the bug sits. Two bugs at one place can hide each other.
    changes : tuple
        What is done differently, as pairs of a place and a function of the value, the pass and the layer.
    """

    accepted: frozenset[str]
    applies: Callable[[Sequence[int], Sequence[str], str, bool, bool], bool]
    place: str
    changes: tuple[tuple[str, Function], ...]


def _bug(ids: str, when: Callable[[Net], object], **changes: Function) -> Bug:
    """Make a bug. One output of a softmax is always 1: there nothing can be learned, and no bug applies."""

    def applies(sizes, activations, loss, learning_rate=False, bias=True):
        net = Net(tuple(sizes), tuple(activations), loss, bool(learning_rate), bool(bias))
        return not (net.out == "softmax" and net.m == 1) and bool(when(net))

    return Bug(frozenset(ids.split()), applies, next(iter(changes)), tuple(changes.items()))


def _at(*names: str, layer: Callable[[int, int], bool] = lambda layer, last: True) -> Function:
    """Make a decorator that changes only layers with these activations, or with these numbers."""

    def only(change):
        def changed(value, p, number):
            named = not names or p.net.activations[number - 1] in names
            return change(value, p, number) if named and layer(number, p.net.L) else value

        return changed

    return only


def _last(change: Function) -> Function:
    return _at(layer=lambda number, last: number == last)(change)


def _not_last(change: Function) -> Function:
    return _at(layer=lambda number, last: number < last)(change)


def _later(change: Function) -> Function:
    return _at(layer=lambda number, last: number > 1)(change)


def _scaled(factor: Callable[[Net], float]) -> Function:
    return lambda value, p, _: value * factor(p.net)


def _slope(name: str, formula: Callable[[Any, Any], Any]) -> Function:
    """Replace the slope of one activation by a function of z and a."""
    return _at(name)(lambda _, p, k: formula(p.Z[k], p.A[k]))


def _function(name: str, function: Callable[[Any], Any]) -> Function:
    """Replace the function of one activation."""
    return _at(name)(lambda _, p, k: function(p.Z[k]))


def _ones(value, p, layer):
    return np.ones_like(value)


def _true_slope(value, p, k):
    name = p.net.activations[k - 1]
    return SLOPES[name](p.Z[k], FUNCTIONS[name](p.Z[k]))


def _z(value, p, k):
    return p.Z[k]


def _at_output(value, p, k):
    name = p.net.activations[k - 1]
    return SLOPES[name](p.A[k], FUNCTIONS[name](p.A[k]))


def _with_output_slope(value, p, k):
    """Give a hidden layer the slope of the output."""
    return SLOPES[p.net.out](p.Z[p.net.L], p.y_hat)


def _clipped(y_hat):
    """Keep probabilities away from 0 and 1, as people do before they divide by them."""
    return np.clip(y_hat, 1e-12, 1 - 1e-12)


def _bce_for_ce(value, p, k):
    y_hat = _clipped(p.y_hat)
    return _through_softmax((y_hat - p.y) / (y_hat * (1 - y_hat)) / p.net.m, y_hat)


def _errors_not_squared(value, p, k):
    return np.sign(p.e) / (p.net.m if p.net.loss == "mse" else 2)


def _share(value, p, k):
    return p.e**2 / (p.net.m if p.net.loss == "mse" else 2)


def _total(value, p, k):
    return np.broadcast_to(_share(value, p, k).sum(axis=1, keepdims=True), value.shape)


def _rmse_of_batch(value, p, k):
    return p.e / (p.net.m * np.sqrt(np.mean(p.e**2)))


def _rmse_of_example(value, p, k):
    return p.e / (p.net.m * np.sqrt(np.mean(p.e**2, axis=1, keepdims=True)))


def _summed_units(value, p, k):
    return np.full_like(value, value.sum())


def _averaged_units(value, p, k):
    return np.full_like(value, value.mean())


def _class_index(value, p, k):
    return p.y_hat - p.y.argmax(axis=1)[:, None]


def _jacobian_of_z(value, p, k):
    return _through_softmax(p.DA[k], p.Z[k])


def _decay(amount: float, kinds: str) -> Function:
    return lambda new, p, _: new - p.rate * amount * p.old if p.kind in kinds else new


def _step(factor: Callable[[float], float]) -> Function:
    """Multiply the step by a function of the learning rate."""
    return lambda new, p, _: p.old + factor(p.rate) * (new - p.old)


def _biases_only(change: Function) -> Function:
    return lambda new, p, layer: change(new, p, layer) if p.kind == "b" else new


def _squared_out(n: Net) -> bool:
    return n.out_slope is not None


def _deep(n: Net) -> bool:
    return n.L > 1


def _curved(n: Net) -> bool:
    return n.L > 1 and any(name != "identity" for name in n.hidden)


def _few(n: Net) -> bool:
    return 1 < n.m < 5  # with 5 outputs, a factor m would be the factor n of a batch of 5


def _three(n: Net) -> bool:
    """Two hidden layers with slopes. Without biases, nothing comes through a ReLU after one that is off."""
    return n.L > 2 and "identity" not in n.hidden and (n.bias or "relu" not in n.activations)


def _several_biases(n: Net) -> bool:
    """Some layer has several biases. Those of only a softmax have gradients that add up to 0."""
    return n.bias and max(n.sizes[1:]) > 1 and not (n.L == 1 and n.out == "softmax")


def _rate(n: Net) -> bool:
    return n.rate


def _bias(n: Net) -> bool:
    return n.bias


def _always(n: Net) -> bool:
    return True


def _softmax_squared(n: Net) -> bool:
    return n.squared and n.out == "softmax"


NO_SLOPE = "drop_sigma_prime_out drop_sigma_prime_all"
SIGNS = "sign_slip bce_sign ce_sign lost_sign ascent"  # with a minus in the error, every step goes uphill

BUGS: dict[str, Bug] = {
    # the slopes of the activations
    "output_slope_forgotten": _bug(f"{NO_SLOPE} delta_without_sigma_with_mse", _squared_out, slope=_last(_ones)),
    "hidden_slope_forgotten": _bug("drop_sigma_prime_hidden drop_sigma_prime_all", _curved, slope=_not_last(_ones)),
    "all_slopes_forgotten": _bug("drop_sigma_prime_all", lambda n: _squared_out(n) and _curved(n), slope=_ones),
    "first_slope_of_three_forgotten": _bug(
        "drop_sigma_prime_hidden",
        _three,
        slope=_at(layer=lambda k, last: k == 1)(_ones),
    ),
    "second_slope_of_three_forgotten": _bug(
        "drop_sigma_prime_hidden",
        _three,
        slope=_at(layer=lambda k, last: k == 2)(_ones),
    ),
    "bias_slope_forgotten": _bug(
        f"{NO_SLOPE} drop_sigma_prime_hidden", lambda n: n.bias and n.sloped, bias_delta=lambda _, p, k: p.DA[k]
    ),
    "sigmoid_slope_of_z": _bug(
        "net_for_out_in_sigma_prime", lambda n: "sigmoid" in n.sloped, slope=_slope("sigmoid", lambda z, a: z * (1 - z))
    ),
    "tanh_slope_of_z": _bug(
        "net_for_out_in_sigma_prime", lambda n: "tanh" in n.sloped, slope=_slope("tanh", lambda z, a: 1 - z**2)
    ),
    "slope_at_output": _bug(
        "sigma_prime_of_out", lambda n: n.sloped & {"sigmoid", "tanh"}, slope=_at("sigmoid", "tanh")(_at_output)
    ),
    "sigmoid_slope_is_output": _bug(
        "sigma_prime_is_s", lambda n: "sigmoid" in n.sloped, slope=_slope("sigmoid", lambda z, a: a)
    ),
    "sigmoid_slope_one_minus": _bug(
        "sigma_prime_is_one_minus_s", lambda n: "sigmoid" in n.sloped, slope=_slope("sigmoid", lambda z, a: 1 - a)
    ),
    "sigmoid_slope_of_tanh": _bug(
        "tanh_prime_for_sigmoid", lambda n: "sigmoid" in n.sloped, slope=_slope("sigmoid", lambda z, a: 1 - a**2)
    ),
    "tanh_slope_is_output": _bug(
        "tanh_prime_is_output", lambda n: "tanh" in n.sloped, slope=_slope("tanh", lambda z, a: a)
    ),
    "tanh_slope_not_squared": _bug(
        "tanh_slope_not_squared", lambda n: "tanh" in n.sloped, slope=_slope("tanh", lambda z, a: 1 - a)
    ),
    "tanh_slope_plus": _bug(
        "tanh_slope_plus", lambda n: "tanh" in n.sloped, slope=_slope("tanh", lambda z, a: 1 + a**2)
    ),
    "tanh_slope_of_sigmoid": _bug(
        "sigmoid_prime_for_tanh", lambda n: "tanh" in n.sloped, slope=_slope("tanh", lambda z, a: a * (1 - a))
    ),
    "relu_slope_of_rectified": _bug(
        "relu_prime_zero_is_one sigma_prime_of_out drop_sigma_prime_hidden drop_sigma_prime_out drop_sigma_prime_all",
        lambda n: "relu" in n.sloped,
        slope=_slope("relu", lambda z, a: np.where(a >= 0, 1.0, 0.0)),
    ),
    "relu_slope_is_output": _bug(
        "relu_slope_is_output", lambda n: "relu" in n.sloped, slope=_slope("relu", lambda z, a: a)
    ),
    "relu_slope_of_sigmoid": _bug(
        "relu_uses_sigmoid_slope", lambda n: "relu" in n.sloped, slope=_slope("relu", lambda z, a: a * (1 - a))
    ),
    "leaky_slope_cut_off": _bug(
        "leaky_cut_off",
        lambda n: "leaky_relu" in n.sloped,
        slope=_slope("leaky_relu", lambda z, a: np.where(z > 0, 1.0, 0.0)),
    ),
    "slopes_twice": _bug(
        "slope_applied_twice", lambda n: n.sloped & {"sigmoid", "tanh"}, slope=lambda value, p, _: value**2
    ),
    "output_slope_twice": _bug(
        "slope_applied_twice", lambda n: n.out_slope in ("sigmoid", "tanh"), slope=_last(lambda value, p, _: value**2)
    ),
    "hidden_uses_output_slope": _bug(
        "hidden_uses_output_slope",
        lambda n: n.out_slope in ("sigmoid", "tanh") and _deep(n) and n.same(1),
        slope=_not_last(_with_output_slope),
    ),
    "one_slope_for_all_outputs": _bug(
        "one_slope_for_all_outputs",
        lambda n: n.out_slope in ("sigmoid", "tanh") and n.m > 1,
        slope=_last(lambda value, p, _: np.broadcast_to(value[:, :1], value.shape)),
    ),
    "delta_of_error": _bug(
        "sigma_prime_of_error", lambda n: n.out_slope == "sigmoid", delta=_last(lambda _, p, k: p.DA[k] * (1 - p.DA[k]))
    ),
    "slope_of_error": _bug(
        "slope_of_error", lambda n: n.out_slope == "sigmoid", slope=_last(lambda _, p, k: p.e * (1 - p.e))
    ),
    # the forward pass
    "bias_forgotten": _bug("forgot_bias_forward", lambda n: n.bias and n.L > 1, bias=lambda value, p, _: 0 * value),
    "output_bias_forgotten": _bug(
        "forgot_output_bias forgot_bias_forward", _bias, bias=_last(lambda value, p, _: 0 * value)
    ),
    "hidden_bias_forgotten": _bug(
        "forgot_hidden_bias", lambda n: n.bias and n.L > 1, bias=_not_last(lambda value, p, _: 0 * value)
    ),
    "bias_subtracted": _bug("bias_subtracted", _bias, bias=lambda value, p, _: -value),
    "bias_shared": _bug(
        "shared_bias",
        lambda n: n.bias and max(n.sizes[1 : n.L + (n.out != "softmax")], default=1) > 1,
        bias=lambda value, p, _: np.broadcast_to(value[:1], value.shape),
    ),
    "bias_after_activation": _bug(
        "bias_after_activation",
        lambda n: n.bias and set(n.activations) != {"identity"},
        z=lambda value, p, k: value - p.b[k],
        activation=lambda value, p, k: value + p.b[k],
    ),
    "bias_after_activation_slope_of_z": _bug(
        "bias_after_activation",
        lambda n: n.bias and n.sloped & {"sigmoid", "tanh"} and n.out != "softmax",
        z=lambda value, p, k: value - p.b[k],
        activation=lambda value, p, k: value + p.b[k],
        slope=_true_slope,
    ),
    "weights_transposed_forward": _bug(
        "weights_read_columnwise output_weights_columnwise", lambda n: n.same(), weights=lambda value, p, _: value.T
    ),
    "output_weights_transposed_forward": _bug(
        "output_weights_columnwise",
        lambda n: n.L > 1 and n.same(-2),
        weights=_last(lambda value, p, _: value.T),
    ),
    "inputs_again_forward": _bug(
        "inputs_for_hidden_outputs",
        lambda n: n.L > 1 and len(set(n.sizes[:-1])) == 1,
        signal=_later(lambda _, p, k: p.A[0]),
    ),
    "output_activation_forgotten": _bug(
        "no_output_activation",
        lambda n: n.out_slope in ("sigmoid", "tanh") or not n.squared,  # a ReLU that is off has the slope 0
        activation=_last(_z),
    ),
    "output_activation_forgotten_slope_of_z": _bug(
        "no_output_activation",
        lambda n: n.out_slope in ("sigmoid", "tanh"),
        activation=_last(_z),
        slope=_last(_true_slope),
    ),
    "output_activation_and_slope_forgotten": _bug(
        "no_output_activation", _squared_out, activation=_last(_z), slope=_last(_ones)
    ),
    "hidden_activation_forgotten": _bug("no_hidden_activation", _curved, activation=_not_last(_z)),
    "hidden_activation_forgotten_slope_of_z": _bug(
        "no_hidden_activation",
        lambda n: {"sigmoid", "tanh"} & set(n.hidden),
        activation=_not_last(_z),
        slope=_not_last(_true_slope),
    ),
    "hidden_activation_and_slope_forgotten": _bug(
        "no_hidden_activation", _curved, activation=_not_last(_z), slope=_not_last(_ones)
    ),
    "tanh_for_sigmoid": _bug(
        "tanh_for_sigmoid",
        lambda n: not n.bce and "sigmoid" in n.activations,
        activation=_function("sigmoid", np.tanh),
        slope=_slope("sigmoid", lambda z, a: 1 - a**2),
    ),
    "tanh_for_sigmoid_old_slope": _bug(
        "tanh_for_sigmoid",
        lambda n: not n.bce and "sigmoid" in n.activations,
        activation=_function("sigmoid", np.tanh),
    ),
    "tanh_for_output": _bug(
        "tanh_for_output tanh_for_sigmoid", lambda n: n.bce, activation=_last(_function("sigmoid", np.tanh))
    ),
    "sigmoid_for_tanh": _bug(
        "sigmoid_for_tanh",
        lambda n: "tanh" in n.activations,
        activation=_function("tanh", _sigmoid),
        slope=_slope("tanh", lambda z, a: a * (1 - a)),
    ),
    "sigmoid_for_tanh_old_slope": _bug(
        "sigmoid_for_tanh", lambda n: "tanh" in n.activations, activation=_function("tanh", _sigmoid)
    ),
    "sigmoid_exponent_sign": _bug(
        "sigmoid_exponent_sign",
        lambda n: "sigmoid" in n.activations,
        activation=_function("sigmoid", lambda z: 1 / (1 + np.exp(z))),
    ),
    "relu_is_its_slope": _bug(
        "relu_is_its_slope",
        lambda n: "relu" in n.activations,
        activation=_function("relu", lambda z: np.where(z > 0, 1.0, 0.0)),
    ),
    "leaky_cut_off": _bug(
        "leaky_cut_off",
        lambda n: "leaky_relu" in n.activations,
        activation=_function("leaky_relu", FUNCTIONS["relu"]),
        slope=_slope("leaky_relu", lambda z, a: np.where(z > 0, 1.0, 0.0)),
    ),
    "inputs_reversed": _bug("inputs_swapped", lambda n: n.sizes[0] > 1, input=lambda value, p, _: value[:, ::-1]),
    "targets_reversed": _bug(
        "targets_swapped one_hot_off_by_one", lambda n: n.m > 1, target=lambda value, p, _: value[:, ::-1]
    ),
    # the loss
    "error_sign": _bug(SIGNS, _always, difference=lambda value, p, _: -value),
    "half_as_large": _bug(
        "kept_half half_sse_for_mse mse_mean mean_over_outputs_of_half softmax_mean_over_classes",
        _always,
        loss_slope=_scaled(lambda n: 0.5),
    ),
    "twice_as_large": _bug(
        "extra_two mse_mean half_sse_for_mse sum_not_mean_outputs bce_sum_outputs",
        _always,
        loss_slope=_scaled(lambda n: 2),
    ),
    "half_divided_by_outputs": _bug(
        "mean_over_outputs_of_half kept_half",
        lambda n: n.loss == "half_sse" and _few(n),
        loss_slope=_scaled(lambda n: 1 / n.m),
    ),
    "mse_for_half_sse": _bug(
        "mse_mean extra_two kept_half",
        lambda n: n.loss == "half_sse" and n.m != 2,
        loss_slope=_scaled(lambda n: 2 / n.m),
    ),
    "half_sse_for_mse": _bug(
        "half_sse_for_mse kept_half extra_two",
        lambda n: n.loss == "mse" and n.m != 2,
        loss_slope=_scaled(lambda n: n.m / 2),
    ),
    "outputs_summed": _bug(
        "sum_not_mean_outputs extra_two",
        lambda n: n.loss == "mse" and _few(n),
        loss_slope=_scaled(lambda n: n.m),
    ),
    "nothing_divided": _bug(
        "nothing_divided",
        lambda n: n.loss in ("mse", "binary_cross_entropy") and n.m > 1,
        loss_slope=lambda value, p, _: value * p.net.m * p.n,
    ),
    "rmse_of_batch": _bug("rmse_for_mse", lambda n: n.loss == "mse", loss_slope=_rmse_of_batch),
    "rmse_of_example": _bug("rmse_for_mse errors_not_squared", lambda n: n.loss == "mse", loss_slope=_rmse_of_example),
    "errors_not_squared": _bug("errors_not_squared rmse_for_mse", lambda n: n.squared, loss_slope=_errors_not_squared),
    "absolute_error": _bug("abs_error", _always, difference=lambda value, p, _: np.abs(value)),
    "square_not_differentiated": _bug(
        "squared_error_not_diff loss_value_as_error total_loss_as_error",
        lambda n: n.squared,
        loss_slope=lambda value, p, _: p.e**2,
    ),
    "share_of_loss": _bug(
        "loss_value_as_error squared_error_not_diff total_loss_as_error", lambda n: n.squared, loss_slope=_share
    ),
    "total_loss": _bug(
        "total_loss_as_error", lambda n: n.squared and n.m > 1 and n.out != "softmax", loss_slope=_total
    ),
    "prediction_without_target": _bug(
        "error_is_one_term target_not_subtracted", _always, difference=lambda _, p, k: p.y_hat
    ),
    "target_without_prediction": _bug("error_is_one_term", _always, difference=lambda _, p, k: p.y),
    "loss_slope_forgotten": _bug(
        "output_slope_for_loss_slope", lambda n: n.squared and n.out != "softmax", loss_slope=_ones
    ),
    # cross-entropy and softmax
    "bce_times_slope": _bug(
        "bce_times_sigma_prime slope_applied_twice",
        lambda n: n.bce,
        delta=_last(lambda value, p, _: value * p.y_hat * (1 - p.y_hat)),
    ),
    "bce_stopped_at_output": _bug(
        f"bce_stopped_at_output {NO_SLOPE}",
        lambda n: n.bce,
        delta=_last(lambda value, p, _: value / (_clipped(p.y_hat) * (1 - _clipped(p.y_hat)))),
    ),
    "bce_term_forgotten": _bug(
        "bce_missing_one_minus_y", lambda n: n.bce, difference=lambda _, p, k: p.y * (p.y_hat - 1)
    ),
    "bce_other_answer": _bug("bce_other_term", lambda n: n.bce, difference=lambda _, p, k: p.y_hat - (1 - p.y)),
    "squared_for_bce": _bug(
        "squared_for_bce", lambda n: n.bce, delta=_last(lambda value, p, _: 2 * value * p.y_hat * (1 - p.y_hat))
    ),
    "bce_log10": _bug("bce_log10", lambda n: n.bce, loss_slope=_scaled(lambda n: 1 / np.log(10))),
    "bce_log2": _bug("bce_log2", lambda n: n.bce, loss_slope=_scaled(lambda n: 1 / np.log(2))),
    "bce_outputs_summed": _bug(
        "bce_sum_outputs extra_two", lambda n: n.bce and _few(n), loss_slope=_scaled(lambda n: n.m)
    ),
    "ce_stopped_at_output": _bug(
        f"ce_stopped_at_output softmax_error_as_delta {NO_SLOPE}",
        lambda n: n.ce,
        delta=_last(lambda _, p, k: -p.y / _clipped(p.y_hat)),
    ),
    "ce_log10": _bug("ce_log10", lambda n: n.ce, loss_slope=_scaled(lambda n: 1 / np.log(10))),
    "ce_log2": _bug("ce_log2", lambda n: n.ce, loss_slope=_scaled(lambda n: 1 / np.log(2))),
    "ce_divided_by_classes": _bug(
        "softmax_mean_over_classes kept_half", lambda n: n.ce and _few(n), loss_slope=_scaled(lambda n: 1 / n.m)
    ),
    "ce_times_diagonal": _bug(
        "softmax_ce_double", lambda n: n.ce, delta=_last(lambda value, p, _: value * p.y_hat * (1 - p.y_hat))
    ),
    "ce_times_jacobian": _bug(
        "softmax_ce_double slope_applied_twice mse_for_ce",
        lambda n: n.ce,
        delta=_last(lambda value, p, _: _through_softmax(value, p.y_hat)),
    ),
    "mse_for_ce": _bug(
        "mse_for_ce softmax_ce_double slope_applied_twice",
        lambda n: n.ce,
        delta=_last(lambda value, p, _: _through_softmax(2 / p.net.m * value, p.y_hat)),
    ),
    "bce_for_ce": _bug("bce_for_ce", lambda n: n.ce and n.m > 2, delta=_last(_bce_for_ce)),
    "ce_diagonal": _bug("softmax_diagonal_jacobian", lambda n: n.ce, difference=lambda _, p, k: p.y * (p.y_hat - 1)),
    "all_classes_counted": _bug(
        "all_classes_counted", lambda n: n.ce, difference=lambda _, p, k: p.net.m * p.y_hat - 1
    ),
    "class_index": _bug("class_index_as_number", lambda n: n.ce, difference=_class_index),
    "one_hot_off_by_one": _bug(
        "one_hot_off_by_one targets_swapped", lambda n: n.ce, target=lambda value, p, _: np.roll(value, -1, axis=1)
    ),
    "softmax_diagonal": _bug(
        "softmax_diagonal_jacobian", _softmax_squared, delta=_last(lambda _, p, k: p.DA[k] * p.y_hat * (1 - p.y_hat))
    ),
    "softmax_slope_forgotten": _bug(
        f"softmax_error_as_delta delta_without_sigma_with_mse {NO_SLOPE}",
        _softmax_squared,
        delta=_last(lambda _, p, k: p.DA[k]),
    ),
    "softmax_jacobian_of_z": _bug(
        "softmax_jacobian_of_z net_for_out_in_sigma_prime",
        _softmax_squared,
        delta=_last(_jacobian_of_z),
    ),
    "softmax_twice": _bug(
        "double_softmax", lambda n: n.ce, activation=_function("softmax", lambda z: _softmax(_softmax(z)))
    ),
    "softmax_without_exp": _bug(
        "softmax_without_exp",
        lambda n: n.ce and (n.bias or "relu" not in n.hidden),  # every z can be 0
        activation=_function("softmax", lambda z: z / z.sum(axis=1, keepdims=True)),
    ),
    "softmax_without_sum": _bug("softmax_without_sum", lambda n: n.ce, activation=_function("softmax", np.exp)),
    "sigmoid_for_softmax": _bug("sigmoid_for_softmax", lambda n: n.ce, activation=_function("softmax", _sigmoid)),
    # the way back
    "weights_transposed_back": _bug(
        "transposed_W2", lambda n: n.L > 1 and n.same(1), back_weights=lambda value, p, _: value.T
    ),
    "updated_weights_first": _bug(
        "updated_output_weights_first in_place_alias",
        lambda n: n.rate and n.L > 1,
        back_weights=lambda _, p, k: p.new_W[k],
    ),
    "weights_of_own_layer": _bug(
        "wrong_layer_weights", lambda n: n.L == 2 and n.same(), back_weights=lambda _, p, k: p.W[k - 1]
    ),
    "weight_on_path_forgotten": _bug(
        "no_weight_on_path error_split_by_weights",  # the whole error goes to the only hidden unit
        lambda n: n.L > 1 and n.out != "softmax",  # where all δ add up to 0
        back_weights=_ones,
    ),
    "same_weight_on_every_path": _bug(
        "same_weight_on_every_path",
        lambda n: n.branches and n.out != "softmax",
        back_weights=lambda value, p, _: np.broadcast_to(value[:, :1], value.shape),
    ),
    "error_split_by_weights": _bug(
        "error_split_by_weights",
        lambda n: n.L > 1 and min(n.sizes[1:-1]) > 1,
        back_weights=lambda value, p, _: value / value.sum(axis=0),
    ),
    "first_path_only": _bug(
        "only_path_o1 missing_path_2", lambda n: n.branches, paths=lambda value, p, _: value[..., :1]
    ),
    "second_path_only": _bug(
        "only_path_o2 missing_path_1", lambda n: n.all_branch, paths=lambda value, p, _: value[..., 1:2]
    ),
    "first_path_missing": _bug(
        "missing_path_1 only_path_o2", lambda n: n.all_branch, paths=lambda value, p, _: value[..., 1:]
    ),
    "paths_averaged": _bug("averaged_paths", lambda n: n.branches, back=lambda value, p, k: value / p.net.sizes[k]),
    "paths_subtracted": _bug(
        "subtracted_paths", lambda n: n.branches, back=lambda value, p, _: 2 * p.paths[..., 0] - value
    ),
    "paths_multiplied": _bug("multiplied_paths", lambda n: n.branches, back=lambda _, p, k: p.paths.prod(axis=2)),
    "first_path_for_all": _bug(
        "first_path_for_all", lambda n: n.branches, back=lambda _, p, k: p.net.sizes[k] * p.paths[..., 0]
    ),
    "hidden_has_target": _bug(
        "hidden_has_target",
        lambda n: n.L == 2 and n.sizes[1] == n.m,
        back=lambda _, p, k: p.A[k - 1] - p.y,
    ),
    # the gradients of the weights
    "z_for_hidden_output": _bug("net_h_instead_of_out_h", _curved, factor=_later(lambda _, p, k: p.Z[k - 1])),
    "input_for_hidden_output": _bug(
        "input_for_w5", lambda n: n.L > 1 and len(set(n.sizes[:-1])) == 1, factor=_later(lambda _, p, k: p.A[0])
    ),
    "own_output_for_input": _bug(
        "wrong_activation_factor", lambda n: len(set(n.sizes)) == 1, factor=lambda _, p, k: p.A[k]
    ),
    "input_forgotten": _bug("no_input_factor", _always, factor=_ones),
    "weight_for_input": _bug("differentiated_wrt_signal", _always, dW=lambda _, p, k: p.W[k] * p.D.sum(axis=0)),
    "bias_in_weight_slope": _bug(
        "bias_in_weight_slope", _bias, dW=lambda value, p, k: value + p.b[k] * p.D.sum(axis=0)
    ),
    "weight_gradient_transposed": _bug("index_swap", lambda n: n.same(), dW=lambda value, p, _: value.T),
    # the gradients of the biases
    "bias_gradient_summed_over_units": _bug(
        "bias_grad_summed_all_axes summed_over_wrong_axis", _several_biases, db=_summed_units
    ),
    "bias_gradient_averaged_over_units": _bug(
        "bias_grad_summed_all_axes summed_over_wrong_axis",
        _several_biases,
        db=_averaged_units,
    ),
    "bias_gradient_times_bias": _bug("bias_times_bias", _bias, bias_factor=lambda value, p, k: value * p.b[k]),
    "bias_gradient_times_output": _bug("bias_times_output", _bias, bias_factor=lambda value, p, k: value * p.A[k]),
    "bias_gradient_times_input": _bug(
        "bias_times_input", _bias, bias_factor=lambda value, p, k: value * p.A[k - 1][:, :1]
    ),
    "bias_gradient_zero": _bug("bias_gradient_zero bias_never_updated", _bias, db=lambda value, p, _: 0 * value),
    # the batch
    "batch_summed": _bug("batch_sum_not_mean nothing_divided", _always, W_divisor=lambda *_: 1, b_divisor=lambda *_: 1),
    "weights_summed": _bug("batch_sum_not_mean", _bias, W_divisor=lambda *_: 1),
    "biases_summed": _bug("batch_sum_not_mean", _bias, b_divisor=lambda *_: 1),
    "batch_divided_twice": _bug(
        "batch_divided_twice", _always, W_divisor=lambda n, *_: n**2, b_divisor=lambda n, *_: n**2
    ),
    "weights_divided_twice": _bug("batch_divided_twice", _bias, W_divisor=lambda n, *_: n**2),
    "biases_divided_twice": _bug("batch_divided_twice", _bias, b_divisor=lambda n, *_: n**2),
    "first_example_only": _bug("batch_first_sample_only", _always, examples=lambda value, p, _: value[:1]),
    "last_example_only": _bug("batch_last_sample_only", _always, examples=lambda value, p, _: value[-1:]),
    "targets_flattened": _bug(
        "broadcast_n_vs_n1",
        lambda n: n.m == 1 and not n.ce,
        difference=lambda _, p, k: (p.y_hat - p.y.ravel()).mean(axis=1, keepdims=True),
    ),
    # the update
    "ascent": _bug(SIGNS, _rate, new=_step(lambda rate: -1)),
    "rate_forgotten": _bug("no_learning_rate", _rate, new=_step(lambda rate: 1 / rate)),
    "rate_twice": _bug("lr_twice", _rate, new=_step(lambda rate: rate)),
    "rate_fixed_at_0.1": _bug("other_learning_rate", _rate, new=_step(lambda rate: 0.1 / rate)),
    "rate_fixed_at_0.01": _bug("other_learning_rate", _rate, new=_step(lambda rate: 0.01 / rate)),
    "divided_by_rate": _bug("divided_by_rate", _rate, new=_step(lambda rate: 1 / rate**2)),
    "momentum_as_average": _bug("momentum_as_average", _rate, new=_step(lambda rate: 0.1)),
    "biases_never_updated": _bug(
        "bias_never_updated bias_gradient_zero",
        lambda n: n.rate and n.bias,
        new=_biases_only(lambda _, p, k: p.old.copy()),
    ),
    "nothing_updated": _bug("old_value_for_new", _rate, new=lambda _, p, k: p.old.copy()),
    "replaced_by_step": _bug("replaced_weight", _rate, new=lambda new, p, _: new - p.old),
    "step_returned": _bug("gradient_times_learning_rate", _rate, new=lambda new, p, _: p.old - new),
    "gradient_returned": _bug("gradient_for_new_value", _rate, new=lambda new, p, _: (p.old - new) / p.rate),
    "step_times_parameter": _bug("multiplied_by_weight", _rate, new=lambda new, p, _: p.old + p.old * (new - p.old)),
    "difference_scaled": _bug("difference_scaled", _rate, new=lambda new, p, _: p.rate * p.old + (new - p.old)),
    "weight_decay_0.01": _bug("weight_decay_added", _rate, new=_decay(0.01, "W")),
    "weight_decay_0.1": _bug("weight_decay_added", _rate, new=_decay(0.1, "W")),
    "weight_decay_0.01_with_biases": _bug("weight_decay_added", lambda n: n.rate and n.bias, new=_decay(0.01, "Wb")),
    "weight_decay_0.1_with_biases": _bug("weight_decay_added", lambda n: n.rate and n.bias, new=_decay(0.1, "Wb")),
    "sign_of_gradient": _bug("sign_of_gradient", _rate, new=lambda new, p, _: p.old + p.rate * np.sign(new - p.old)),
    "whole_numbers": _bug("integer_weights", _rate, new=lambda new, p, _: np.trunc(new)),
}
"""The bugs by name."""


@dataclass(frozen=True)
class _Written:
    """A function that `write` has made."""

    net: Net
    layout: str
    returns: str
    in_place: bool
    bugs: tuple[str, ...]

    @cached_property
    def changes(self):
        found: dict[str, list[Function]] = {}
        for bug in self.bugs:
            for place, change in BUGS[bug].changes:
                found.setdefault(place, []).append(change)
        return found

    def __call__(self, x, y, *parameters, learning_rate=None):
        if self.net.rate and learning_rate is None:
            *parameters, learning_rate = parameters
        columns, layers = self.layout == "columns", range(1, self.net.L + 1)
        if len(parameters) != self.net.L * (1 + self.net.bias):
            raise TypeError(f"got {len(parameters)} parameters for {self.net.L} layers")
        W = parameters[:: 1 + self.net.bias]
        b = parameters[1::2] if self.net.bias else [np.zeros(size) for size in self.net.sizes[1:]]
        if columns:
            x, y, W, b = x.T, y.T, [each.T for each in W], [each.ravel() for each in b]
        run = _Run(self.net, self.changes, x, y, W, b, learning_rate if self.net.rate else None)
        of_W, of_b = (run.new_W, run.new_b) if self.net.rate else (run.dW, run.db)
        prefix, results = "" if self.net.rate else "d", {}
        for k in layers:
            results[f"{prefix}W{k}"] = of_W[k].T if columns else of_W[k]
            if self.net.bias:
                results[f"{prefix}b{k}"] = of_b[k][:, None] if columns else of_b[k]
        if self.in_place:
            for old, new in zip(parameters, results.values(), strict=True):
                old[...] = new
            return None
        return results if self.returns == "dict" else {"tuple": tuple, "list": list}[self.returns](results.values())


def write(
    sizes: Sequence[int],
    activations: Sequence[str],
    loss: str,
    *,
    layout: str = "rows",
    learning_rate: bool = False,
    returns: str = "tuple",
    bias: bool = True,
    bugs: Sequence[str] = (),
    in_place: bool = False,
) -> Function:
    """Write a backward pass, or a training step, with bugs.

    Parameters
    ----------
    sizes : sequence of int
        The number of inputs, then the number of units of each layer.
    activations : sequence of str
        The activation of each layer.
    loss : {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"}
        The loss. A cross-entropy expects its own output activation.
    layout : {"rows", "columns"}
        Whether an example is a row or a column.
    learning_rate : bool
        Whether the function is a training step. Its last argument is the learning rate.
    returns : {"tuple", "list", "dict"}
        The form of the result.
    bias : bool
        Whether the layers have biases.
    bugs : sequence of str
        Keys of `BUGS`. Two at one place are made one after the other.
    in_place : bool
        Whether a training step changes its parameters and returns None.

    Returns
    -------
    callable
        A function of x, y, W1, b1, W2, b2 and so on.

    Examples
    --------
    >>> function = write((1, 1), ("identity",), "mse", returns="dict", bugs=("half_as_large",))
    >>> one = np.ones((1, 1))
    >>> function(one, 0 * one, one, one[0])
    {'dW1': array([[2.]]), 'db1': array([2.])}

    """
    if in_place and not learning_rate:
        raise ValueError("only a training step changes its parameters in place")
    net = Net(tuple(sizes), tuple(activations), loss, learning_rate, bias)
    made = _Written(net, layout, returns, in_place, tuple(bugs))

    def function(x, y, *parameters, **options):
        return made(x, y, *parameters, **options)

    function.__name__ = "_with_".join(["step" if learning_rate else "backward", *bugs])
    return function


def correct(rng: np.random.Generator) -> tuple[Function, dict[str, Any]]:
    """Write a correct function for a random network.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the choices come from.

    Returns
    -------
    function : callable
        A backward pass or a training step, in any form that is allowed.
    options : dict
        The network and the form, as keyword arguments of `diagnose`.

    Examples
    --------
    >>> function, options = correct(np.random.default_rng(0))
    >>> sorted(options)
    ['activations', 'bias', 'layout', 'learning_rate', 'loss', 'sizes']

    """

    def pick(choices):
        return choices[int(rng.integers(len(choices)))]

    loss = pick(LOSSES)
    sizes = tuple(int(size) for size in rng.integers(1, 6, size=rng.integers(2, 5)))
    output = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}.get(loss)
    output = output or pick((*HIDDEN, "softmax"))
    if output == "softmax":
        sizes = (*sizes[:-1], max(2, sizes[-1]))
    activations = (*(pick(HIDDEN) for _ in sizes[1:-1]), output)
    rate = pick((None, 0.05, 0.1, 0.3, 0.5))
    layout, bias = pick(("rows", "columns")), pick((True, True, False))
    function = write(
        sizes,
        activations,
        loss,
        layout=layout,
        learning_rate=rate is not None,
        returns=pick(RETURNS),
        bias=bias,
        in_place=rate is not None and pick((True, False)),
    )
    options = {"sizes": sizes, "activations": activations, "loss": loss, "bias": bias, "layout": layout}
    return function, {**options, "learning_rate": rate}


# Functions in the style of public code. Each has one bug.


def loop_updates_first(x, y, W1, b1, W2, b2, W3, b3, lr):
    weights, biases = [W1, W2, W3], [b1, b2, b3]
    activations = [x]
    for W, b in zip(weights, biases, strict=True):
        activations.append(np.tanh(activations[-1] @ W + b))
    grad = 2 * (activations[-1] - y) / y.size
    for i in reversed(range(3)):
        delta = grad * (1 - activations[i + 1] ** 2)
        weights[i] -= lr * activations[i].T @ delta
        biases[i] -= lr * delta.sum(axis=0)
        grad = delta @ weights[i].T


def unrolled_updates_first(X, y, W1, b1, W2, b2, eta):
    hidden = 1 / (1 + np.exp(-(X @ W1 + b1)))
    output = 1 / (1 + np.exp(-(hidden @ W2 + b2)))
    n = X.shape[0]

    d_output = (output - y) * output * (1 - output)
    W2 = W2 - eta * hidden.T.dot(d_output) / n
    b2 = b2 - eta * d_output.sum(axis=0) / n

    d_hidden = d_output.dot(W2.T) * hidden * (1 - hidden)
    W1 = W1 - eta * X.T.dot(d_hidden) / n
    b1 = b1 - eta * d_hidden.sum(axis=0) / n
    return W1, b1, W2, b2


def examples_one_by_one_updates_first(x, y, W1, b1, W2, b2, lr):
    W1, b1, W2, b2 = W1.copy(), b1.copy(), W2.copy(), b2.copy()
    hidden, deltas = [], []
    dW2, db2 = np.zeros(W2.shape), np.zeros(b2.shape)
    for i in range(len(x)):
        h = np.tanh(x[i] @ W1 + b1)
        delta = h @ W2 + b2 - y[i]
        for j in range(W2.shape[0]):
            for k in range(W2.shape[1]):
                dW2[j, k] += h[j] * delta[k]
        db2 += delta
        hidden.append(h)
        deltas.append(delta)
    W2 -= lr / len(x) * dW2
    b2 -= lr / len(x) * db2

    dW1, db1 = np.zeros(W1.shape), np.zeros(b1.shape)
    for i in range(len(x)):
        for j in range(W1.shape[1]):
            error = 0.0
            for k in range(W2.shape[1]):
                error += deltas[i][k] * W2[j, k]
            d = error * (1 - hidden[i][j] ** 2)
            db1[j] += d
            for m in range(W1.shape[0]):
                dW1[m, j] += x[i][m] * d
    W1 -= lr / len(x) * dW1
    b1 -= lr / len(x) * db1
    return [W1, b1, W2, b2]


def old_weights_are_an_alias(x, y, W1, b1, W2, b2, lr):
    a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
    y_hat = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    n, m = y.shape
    W2_old = W2  # for the hidden layer
    dz2 = (y_hat - y) / (n * m)
    W2 -= lr * (a1.T @ dz2)
    b2 -= lr * dz2.sum(0)
    dz1 = dz2 @ W2_old.T * a1 * (1 - a1)
    W1 -= lr * (x.T @ dz1)
    b1 -= lr * dz1.sum(0)


def relu_derivative_of_rectified(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(0, Z1)
    Z2 = W2.dot(A1) + b2
    expZ = np.exp(Z2 - Z2.max(axis=0))
    A2 = expZ / expZ.sum(axis=0)

    dZ2 = A2 - Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (A1 >= 0)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def bias_gradient_of_all_units(X, Y, W1, b1, W2, b2, alpha):
    m = X.shape[1]
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2) / sum(np.exp(Z2))

    dZ2 = A2 - Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1)

    return W1 - alpha * dW1, b1 - alpha * db1, W2 - alpha * dW2, b2 - alpha * db2


def bias_gradient_is_a_mean(x, y, W1, b1, W2, b2, learning_rate):
    a1 = np.tanh(np.dot(x, W1) + b1)
    y_hat = np.dot(a1, W2) + b2
    delta2 = y_hat - y
    delta1 = np.dot(delta2, W2.T) * (1 - np.power(a1, 2))
    W2 -= learning_rate * np.dot(a1.T, delta2) / len(x)
    b2 -= learning_rate * np.mean(delta2)
    W1 -= learning_rate * np.dot(x.T, delta1) / len(x)
    b1 -= learning_rate * np.mean(delta1)


def softmax_slope_is_diagonal(x, y, W1, b1, W2, b2):
    def softmax(z):
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    def softmax_derivative(p):
        return p * (1 - p)

    h = np.tanh(x @ W1 + b1)
    p = softmax(h @ W2 + b2)
    delta = 2 * (p - y) / y.shape[1] * softmax_derivative(p) / len(x)
    delta_h = delta @ W2.T * (1 - h**2)
    return {"dW1": x.T @ delta_h, "db1": delta_h.sum(0), "dW2": h.T @ delta, "db2": delta.sum(0)}


def sigmoid_derivative_gets_z(x, y, W1, b1, W2, b2):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def sigmoid_derivative(s):
        return s * (1 - s)

    z1 = x @ W1 + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2 + b2
    a2 = sigmoid(z2)

    d2 = (a2 - y) * sigmoid_derivative(z2)
    d1 = np.dot(d2, W2.T) * sigmoid_derivative(z1)
    return x.T @ d1 / len(x), d1.mean(axis=0), a1.T @ d2 / len(x), d2.mean(axis=0)


def sigmoid_derivative_gets_output(x, y, W1, b1, W2, b2):
    def sigmoid(z, derivative=False):
        s = 1 / (1 + np.exp(-z))
        return s * (1 - s) if derivative else s

    layer1 = sigmoid(x @ W1 + b1)
    layer2 = sigmoid(layer1 @ W2 + b2)
    d2 = (layer2 - y) * sigmoid(layer2, derivative=True)
    d1 = d2.dot(W2.T) * sigmoid(layer1, derivative=True)
    return [x.T.dot(d1) / len(x), d1.mean(axis=0), layer1.T.dot(d2) / len(x), d2.mean(axis=0)]


def batch_is_summed(x, y, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = np.where(z1 > 0, z1, 0.01 * z1)
    y_hat = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    dz2 = y_hat - y  # one output
    dz1 = (dz2 @ W2.T) * np.where(z1 > 0, 1, 0.01)
    return {
        "dW2": a1.T @ dz2,
        "db2": np.sum(dz2, axis=0),
        "dW1": x.T @ dz1,
        "db1": np.sum(dz1, axis=0),
    }


def targets_are_flat(x, y, w, b):
    y = y.flatten()
    y_pred = x @ w + b
    error = y_pred - y
    dw = 2 * np.mean(error * x)
    db = 2 * np.mean(error)
    return np.array([[dw]]), np.array([db])


def error_is_target_minus_prediction(x, y, w1, w2, lr):
    hidden = np.tanh(x.dot(w1))
    output = hidden.dot(w2)
    output_error = 2 * (y - output) / y.size
    hidden_error = output_error.dot(w2.T) * (1 - hidden**2)
    w2 -= lr * hidden.T.dot(output_error)
    w1 -= lr * x.T.dot(hidden_error)


def output_slope_is_missing(x, y, W1, b1, W2, b2):
    n = x.shape[1]
    a1 = np.tanh(W1 @ x + b1)
    a2 = 1 / (1 + np.exp(-(W2 @ a1 + b2)))
    dz2 = a2 - y
    dz1 = (W2.T @ dz2) * (1 - a1**2)
    dW1, db1 = dz1 @ x.T / n, dz1.sum(axis=1, keepdims=True) / n
    dW2, db2 = dz2 @ a1.T / n, dz2.sum(axis=1, keepdims=True) / n
    return dW1, db1, dW2, db2


def cross_entropy_times_slope(X, y, weights0, weights1):
    layer1 = 1 / (1 + np.exp(-np.dot(X, weights0)))
    layer2 = 1 / (1 + np.exp(-np.dot(layer1, weights1)))
    delta2 = (layer2 - y) * layer2 * (1 - layer2)
    delta1 = np.dot(delta2, weights1.T) * layer1 * (1 - layer1)
    return np.dot(X.T, delta1) / len(X), np.dot(layer1.T, delta2) / len(X)


def _public(function: Function, ids: str, sizes: Sequence[int], activations: str, loss: str, **options: Any):
    described = {"sizes": tuple(sizes), "activations": tuple(activations.split()), "loss": loss, **options}
    return function, described, frozenset(ids.split())


FIRST = "updated_output_weights_first in_place_alias"
ALL_UNITS = "bias_grad_summed_all_axes summed_over_wrong_axis"

PUBLIC: dict[str, tuple[Function, dict[str, Any], frozenset[str]]] = {
    each[0].__name__: each
    for each in (
        _public(loop_updates_first, FIRST, (2, 4, 3, 2), "tanh tanh tanh", "mse", learning_rate=0.3),
        _public(unrolled_updates_first, FIRST, (3, 4, 2), "sigmoid sigmoid", "half_sse", learning_rate=0.5),
        _public(examples_one_by_one_updates_first, FIRST, (2, 3, 2), "tanh identity", "half_sse", learning_rate=0.1),
        _public(
            old_weights_are_an_alias, FIRST, (3, 3, 2), "sigmoid sigmoid", "binary_cross_entropy", learning_rate=0.3
        ),
        _public(
            relu_derivative_of_rectified,
            "relu_prime_zero_is_one sigma_prime_of_out drop_sigma_prime_hidden drop_sigma_prime_all",
            (4, 5, 3),
            "relu softmax",
            "categorical_cross_entropy",
            layout="columns",
        ),
        _public(
            bias_gradient_of_all_units,
            ALL_UNITS,
            (4, 5, 3),
            "relu softmax",
            "categorical_cross_entropy",
            layout="columns",
            learning_rate=0.1,
        ),
        _public(bias_gradient_is_a_mean, ALL_UNITS, (2, 4, 3), "tanh identity", "half_sse", learning_rate=0.3),
        _public(softmax_slope_is_diagonal, "softmax_diagonal_jacobian", (3, 4, 3), "tanh softmax", "mse"),
        _public(sigmoid_derivative_gets_z, "net_for_out_in_sigma_prime", (2, 3, 2), "sigmoid sigmoid", "half_sse"),
        _public(sigmoid_derivative_gets_output, "sigma_prime_of_out", (3, 4, 1), "sigmoid sigmoid", "half_sse"),
        _public(
            batch_is_summed,
            "batch_sum_not_mean nothing_divided",
            (3, 4, 1),
            "leaky_relu sigmoid",
            "binary_cross_entropy",
        ),
        _public(targets_are_flat, "broadcast_n_vs_n1", (1, 1), "identity", "mse"),
        _public(
            error_is_target_minus_prediction,
            SIGNS,
            (3, 4, 2),
            "tanh identity",
            "mse",
            bias=False,
            learning_rate=0.1,
        ),
        _public(
            output_slope_is_missing,
            "drop_sigma_prime_out delta_without_sigma_with_mse",
            (2, 3, 2),
            "tanh sigmoid",
            "half_sse",
            layout="columns",
        ),
        _public(
            cross_entropy_times_slope,
            "bce_times_sigma_prime slope_applied_twice",
            (3, 4, 1),
            "sigmoid sigmoid",
            "binary_cross_entropy",
            bias=False,
        ),
    )
}
"""Functions in the style of public code, with the arguments of `diagnose` and the accepted ids, by name."""

NETWORKS = (
    ([3, 2], ["sigmoid"], "mse"),
    ([3, 1], ["identity"], "half_sse"),
    ([4, 3], ["softmax"], "categorical_cross_entropy"),
    ([3, 2], ["sigmoid"], "binary_cross_entropy"),
    ([3, 4, 2], ["sigmoid", "sigmoid"], "mse"),
    ([3, 3, 3], ["tanh", "sigmoid"], "half_sse"),
    ([3, 4, 2], ["relu", "identity"], "mse"),
    ([3, 4, 3], ["relu", "softmax"], "categorical_cross_entropy"),
    ([2, 3, 1], ["tanh", "sigmoid"], "binary_cross_entropy"),
    ([3, 4, 3], ["leaky_relu", "softmax"], "mse"),
    ([3, 4, 1], ["leaky_relu", "tanh"], "half_sse"),
    ([3, 4, 3, 2], ["sigmoid", "tanh", "sigmoid"], "mse"),
    ([3, 3, 3, 3], ["relu", "tanh", "softmax"], "categorical_cross_entropy"),
    ([2, 3, 4, 2], ["tanh", "leaky_relu", "sigmoid"], "binary_cross_entropy"),
    ([2, 2, 3, 2], ["sigmoid", "sigmoid", "identity"], "half_sse"),
)
"""Networks on which bugs are tried: sizes, activations and loss."""
