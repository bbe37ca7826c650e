"""Marking of functions that a learner writes: an activation, its derivative, a loss, its gradient.

A function is called with numbers that a person would try, with 0, with arrays, and with large numbers for which e^z
overflows. Its results are compared with those of the engine. If they are wrong, they are compared with those of wrong
formulas that are often written, such as one with a forgotten bracket, and then with what each mistake gives in a
network of one layer in which that function occurs.
"""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, ArrayLike
from bpcourse.numbers import format_number
from bpcourse.registry import Registry, brief
from bpcourse.texts import read_toml
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.mistakes import MISTAKES, wrong_values
from bpcourse.tutor.verdicts import Verdict

Arguments = tuple[Array, ...]


@dataclass(frozen=True)
class Question:
    """One function that can be asked for.

    Parameters
    ----------
    right : callable
        The function of the engine.
    points : tuple
        The arguments of the first calls, from which a mistake is recognized.
    more : tuple
        Arguments of further calls: arrays and large numbers.
    one_layer : callable
        Arguments ↦ the trace of one layer in which the function occurs.
    value : str
        The name of the function's value in that trace, without its index.
    """

    right: Callable[..., object]
    points: tuple[Arguments, ...]
    more: tuple[Arguments, ...]
    one_layer: Callable[..., Trace]
    value: str


def _layer(x: Array, activation: str, y: Array | None = None, loss: str = "mse") -> Trace:
    """Return the trace of a layer that passes `x` to the activation unchanged."""
    x = np.atleast_1d(x)
    return backprop(Network([Dense(np.eye(len(x)), np.zeros(len(x)), activation)]), x, 0 * x if y is None else y, loss)


def _unit(activation: str) -> Callable[..., Trace]:
    return lambda z: _layer(z, activation)


def _classes(z: Array) -> Trace:
    return _layer(z, "softmax", np.eye(len(z))[0], "categorical_cross_entropy")


LOGITS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda y_hat: y_hat,
    "sigmoid": lambda y_hat: np.log(y_hat / (1 - y_hat)),
    "softmax": np.log,
}
"""The z for which an output layer gives `y_hat`."""


def _compared(loss: str, activation: str) -> Callable[..., Trace]:
    return lambda y, y_hat: _layer(LOGITS[activation](y_hat), activation, y, loss)


FORMULAS: dict[str, str] = read_toml("tutor/functions.toml")
"""Each function as a person may write it in NumPy, in terms of z or of y and y_hat."""


def _of_activations() -> dict[str, Question]:
    points = tuple((np.array(z),) for z in (0.5, -1.5, 2.0, -0.3, 0.0))
    arrays = [-1.5, 0.0, 2.0], [[0.3, -0.4], [1.2, 0.0]], [-2, 0, 3]
    more = tuple((np.array(z),) for z in (*arrays, 40.0, -40.0, 800.0, -800.0))
    found = {}
    for name, activation in ACTIVATIONS.items():
        if activation.slope is not None:
            found[name] = Question(activation.f, points, more, _unit(name), "a1")
            found[f"{name}_derivative"] = Question(activation.df, points, more, _unit(name), "slope1")
    softmax = ACTIVATIONS["softmax"]
    points = tuple((np.array(z),) for z in ([0.5, -1.5, 2.0], [1.0, 0.3, -0.4]))
    rows = [[0.3, -0.4], [1.2, 0.0], [-2.0, 0.7]], [1000.0, 0.0, -1000.0], [[1000.0, 0.0], [0.0, 1.0]]
    more = tuple((np.array(z),) for z in rows)
    found["softmax"] = Question(softmax.f, points, more, _classes, "a1")
    found["softmax_jacobian"] = Question(softmax.jacobian, points, more[1:2], _classes, "slope1")
    return found


def _of_losses() -> dict[str, Question]:
    numbers = [(np.array([0.3, 0.7, -0.2]), np.array([0.5, 0.1, 0.4])), (np.array([1.0, 0.2]), np.array([0.6, -0.8]))]
    pairs = ([0.0, 1.0, 0.0], [0.2, 0.5, 0.3]), ([1.0, 0.0], [0.8, 0.2]), ([0.3, 0.7], [0.6, 0.4])
    shares = [(np.array(y), np.array(y_hat)) for y, y_hat in pairs]
    found = {}
    for name, loss in LOSSES.items():
        output = "identity" if loss.from_logits is None else loss.from_logits.output.name
        points = tuple(numbers if loss.from_logits is None else shares)
        y, y_hat = points[0]
        batch = ((np.stack([y, y[::-1]]), np.stack([y_hat, y_hat])),)
        found[name] = Question(loss.value, points, batch, _compared(name, output), "loss")
        found[f"{name}_gradient"] = Question(loss.gradient, points, batch, _compared(name, output), "da1")
        if loss.from_logits is not None:
            found[f"{name}_from_logits"] = _of_logits(name, loss, output)
    return found


def _of_logits(name: str, loss: Loss, output: str) -> Question:
    """Return the question for a cross-entropy that is computed from z, also where ŷ rounds to 0 or 1."""
    points = tuple((y, LOGITS[output](y_hat)) for y, y_hat in ((np.eye(3)[1], HIT), (np.eye(2)[0], MISS)))
    large = [[40.0, 0.0], [0.0, 800.0], [-800.0, 0.0]]
    more = (np.eye(2)[[0, 1, 1]], np.log([HIT[:2], MISS, HIT[1:]])), (np.eye(2)[[0, 1, 1]], np.array(large))
    return Question(loss.value_from_logits, points, more, lambda y, z: _layer(z, output, y, name), "loss")


HIT, MISS = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.6])


FUNCTIONS = Registry("function", {**_of_activations(), **_of_losses()})
"""The functions that can be asked for: activations of z, losses of (y, y_hat), and their derivatives."""


def _shares(powers: Array) -> Array:
    return powers / powers.sum(axis=-1, keepdims=True)


Slip = tuple[str, Callable[..., ArrayLike]]
"""The id of a wrong formula without "slip_", and the formula."""

SLIPS: dict[str, tuple[Slip, ...]] = {
    "sigmoid": (("fraction", lambda z: 1 / 1 + np.exp(-z)), ("minus_below", lambda z: 1 / (1 - np.exp(-z)))),
    "sigmoid_derivative": (
        ("bracket_in_slope", lambda z: 0.0 * z),
        ("square_below", lambda z: np.exp(-z) / (1 + np.exp(-z) ** 2)),
        ("power_for_output", lambda z: np.exp(z) * (1 - np.exp(z))),
    ),
    "tanh_derivative": (
        ("twice_for_square", lambda z: 1 - np.tanh(z) * 2),
        ("square_of_all", lambda z: (1 - np.tanh(z)) ** 2),
        ("no_square", lambda z: 1 - np.tanh(z)),
    ),
    "relu": (("max_axis", lambda z: z), ("minimum", lambda z: np.minimum(z, 0))),
    "relu_derivative": (("where_swapped", lambda z: np.where(z > 0, 0, 1)),),
    "softmax": (
        ("over_columns", lambda z: np.exp(z) / np.exp(z).sum(axis=0)),
        ("over_all", lambda z: np.exp(z) / np.exp(z).sum()),
        ("max_of_all", lambda z: _shares(np.exp(z - z.max()))),
        ("power_sign", lambda z: _shares(np.exp(-z))),
        ("log_of_shares", lambda z: np.log(_shares(np.exp(z)))),
        ("max_above", lambda z: np.exp(z - z.max()) / np.exp(z).sum()),
    ),
    "mse": (
        ("square_outside", lambda y, p: np.mean(p - y) ** 2),
        ("square_of_one", lambda y, p: np.mean(p - y**2)),
        ("square_of_one", lambda y, p: np.mean(y - p**2)),
        ("no_square", lambda y, p: np.mean(p - y)),
    ),
    "mse_gradient": (
        ("factor_of_one", lambda y, p: 2 * p - y),
        ("factor_of_one", lambda y, p: 2 * p - y / np.size(y)),
        ("factor_of_one", lambda y, p: (2 * p - y) / np.size(y)),
        ("still_squared", lambda y, p: 2 * (p - y) ** 2 / np.size(y)),
    ),
    "half_sse": (("square_outside", lambda y, p: np.sum(p - y) ** 2 / 2),),
    "binary_cross_entropy": (
        ("no_brackets_one_minus", lambda y, p: -np.mean(y * np.log(p) + 1 - y * np.log(1 - p))),
        ("minus_of_one", lambda y, p: np.mean(-y * np.log(p) + (1 - y) * np.log(1 - p))),
        ("same_log", lambda y, p: -np.mean(np.log(p))),
        ("log_of_target", lambda y, p: -np.mean(p * np.log(y) + (1 - p) * np.log(1 - y))),
    ),
    "binary_cross_entropy_from_logits": (
        ("added_yz", lambda y, z: np.mean(np.logaddexp(0, z) + y * z)),
        ("sigmoid_first", lambda y, z: np.mean(np.logaddexp(0, p := 1 / (1 + np.exp(-z))) - y * p)),
    ),
    "categorical_cross_entropy": (("log_of_target", lambda y, p: -np.sum(p * np.log(y))),),
}
"""Wrong formulas of each function. Their names and hints are in wrong_functions.toml."""

OF_Z: tuple[Slip, ...] = (("unchanged", lambda z: z), ("one", np.ones_like))
"""Wrong formulas of every function of z."""

WORDS = read_toml("tutor/wrong_functions.toml")


class _Call(NamedTuple):
    """A call of the learner's function: its arguments, its result and the right result."""

    arguments: Arguments
    got: Array
    right: Array


def check_function(name: str, f: Callable[..., object], *, targets: Literal["any", "01"] = "any") -> Verdict:
    """Check a function that a learner wrote.

    Parameters
    ----------
    name : str
        ``"sigmoid"``, ``"sigmoid_derivative"`` … for functions of z, a number or an array; ``"softmax"`` and
        ``"softmax_jacobian"`` for functions of a row; ``"mse"``, ``"mse_gradient"`` … for functions of (y, y_hat).
    f : callable
        The learner's function. Whatever it does becomes a verdict.
    targets : {"any", "01"}
        ``"01"`` if a cross-entropy has to work only for targets 0 and 1, so that `np.where(y == 1, …)` is right.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If the name is unknown, or if `targets` does not fit it.
    TypeError
        If `f` cannot be called.

    Examples
    --------
    >>> def sigmoid_derivative(z):
    ...     return z * (1 - z)
    >>> check_function("sigmoid_derivative", sigmoid_derivative).mistakes
    ('net_for_out_in_sigma_prime',)
    """
    question = FUNCTIONS[name]
    if not callable(f):
        raise TypeError(f"needed a function, such as {name}; got {brief(f)}. Write its name without parentheses.")
    if not (isinstance(targets, str) and targets == "any"):
        question = _only_0_and_1(name, question, targets)
    calls: list[_Call] = []
    for arguments in (*question.points, *question.more):
        got = _call(name, f, arguments)
        if isinstance(got, Verdict):
            return got
        right = np.asarray(question.right(*arguments))
        calls.append(_Call(arguments, got.astype(float) if got.shape == right.shape else got, right))
        if len(calls) >= len(question.points) or got.shape != right.shape:
            wrong = next((call for call in calls if not _equal(call.got, call.right)), None)
            if wrong is not None:
                named = _named(name, question, calls, wrong)
                return _unknown(name, question, wrong) if named is None else named
    right_words = f"{name} is right wherever it was tried, {len(calls)} times."
    certain = _call(name, f, (np.eye(2)[0], np.eye(2)[0])) if "cross_entropy" in name else None
    if isinstance(certain, np.ndarray) and np.isnan(certain).any():
        right_words += " Where y_hat is exactly 0 or 1, it gives nan: 0 · ln 0 and 0/0 are not numbers."
    return Verdict("correct", right_words)


def _only_0_and_1(name: str, question: Question, targets: str) -> Question:
    """Return the question without the calls in which a target is neither 0 nor 1."""
    if not isinstance(targets, str) or targets != "01" or "cross_entropy" not in name:
        raise ValueError(f'targets must be "any", or "01" for a cross-entropy; got {brief(targets)} for {name}.')
    points, more = (tuple(each for each in those if _hard(each)) for those in (question.points, question.more))
    return replace(question, points=points, more=more)


def _hard(arguments: Arguments) -> bool:
    return bool(np.isin(arguments[0], (0, 1)).all())


def _call(name: str, f: Callable[..., object], arguments: Arguments) -> Array | Verdict:
    """Return the result of a call as an array, or a verdict on what is wrong with the call."""
    call, given = _shown(name, arguments), [each.copy() if each.ndim else each.item() for each in arguments]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # an overflow is visible in the result
            warnings.simplefilter("ignore")
            result = f(*given)
            numbers = np.asarray(result)
            readable = numbers.dtype.kind in "fiub" and not np.ma.isMaskedArray(result)
    except NotImplementedError:
        return Verdict("not answered", f"{name} is not written yet.")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner's function raises is part of the answer
        said = "".join(traceback.format_exception_only(error)).strip()[:300]
        hint = next((each["hint"] for each in WORDS["error"] if re.search(each["pattern"], said)), "")
        return Verdict("wrong", f"{call} raised {said}", hint)
    if any(each.ndim and not np.array_equal(each, now) for each, now in zip(arguments, given, strict=True)):
        message = f"{call} changed the array that it was given."
        return Verdict("wrong", message, "Make a new array: z = z * 2, not z *= 2; or copy it first, z.copy().")
    if result is ...:
        return Verdict("not answered", f"{name} is not written yet.")
    if result is None:
        hint = "Does the last line say return? print only shows a value."
        return Verdict("wrong", f"{call} gives nothing back.", hint)
    if not readable:
        return Verdict("unreadable", f"{call} must give real numbers; got a {type(result).__name__}.")
    return numbers


@np.errstate(all="ignore")
def _named(name: str, question: Question, calls: list[_Call], wrong: _Call) -> Verdict | None:
    """Return the slip or the mistakes that give the function's results in every call, or None if there are none."""
    for slip, formula in (*SLIPS.get(name, ()), *(OF_Z if len(wrong.arguments) == 1 else ())):
        if all(_equal(call.got, formula(*call.arguments)) for call in calls):
            words, hint = WORDS["slip"][slip]
            return Verdict("mistake", f"{_result(name, wrong)} is what comes out if {words}.", hint, (f"slip_{slip}",))
    if len(calls) > len(question.points) or any(call.got.shape != call.right.shape for call in calls):
        return None
    possible = set(MISTAKES)
    for arguments, result, _ in calls:
        steps = table(question.one_layer(*arguments))
        array = entries(steps, question.value)
        for each, got in zip([question.value] if array is None else array.flat, result.flat, strict=True):
            shown: dict[str, list[float]] = {}
            for mistakes, value in wrong_values(steps, each):
                if len(mistakes) == 1:
                    shown.setdefault(mistakes[0].id, []).append(value)
            right = steps[each].value
            possible = {id for id in possible if any(_equal(got, value) for value in shown.get(id, [right]))}
    if not possible:
        return None
    found = sorted((MISTAKES[id] for id in MISTAKES if id in possible), key=lambda mistake: -mistake.prior)
    step = steps[question.value if array is None else array.flat[0]]
    texts = [mistake.words_for(step) for mistake in found]
    words, ids = ", or if ".join([text.name for text in texts[:3]]), tuple(mistake.id for mistake in found)
    return Verdict("mistake", f"{_result(name, wrong)} is what comes out if {words}.", texts[0].hint, ids)


@np.errstate(all="ignore")
def _unknown(name: str, question: Question, wrong: _Call) -> Verdict:
    """Return the verdict on a wrong call that no slip or mistake explains."""
    arguments, got, right = wrong
    call = _shown(name, arguments)
    if got.shape != right.shape:
        hint = WORDS["shape"]["entries" if right.ndim else "loss" if len(arguments) == 2 else "number"]
        return Verdict("wrong", f"{call} has shape {got.shape}; it must be {right.shape}.", hint)
    first_calls = any(arguments is each for each in question.points)
    ratio = float(np.vdot(got, right) / np.vdot(right, right))
    if len(arguments) == 2 and not first_calls and ratio and np.isfinite(ratio) and _equal(got, right * ratio):
        if np.isclose(ratio, len(arguments[0])):
            mistake = MISTAKES["batch_sum_not_mean"]
            return Verdict("mistake", f"{call} is what comes out if {mistake.name}.", mistake.hint, (mistake.id,))
        hint = f"A mean divides by how many numbers? Here are {arguments[0].shape} of them."
        return Verdict("wrong", f"{call} is {format_number(ratio)} times what it should be.", hint)
    place = _first_difference(wrong)
    clues = {
        "soft_targets": len(arguments) == 2 and _hard(question.points[0]) and not _hard(arguments),
        "large": np.abs(arguments[-1]).max() >= 40,
        "not_finite": not np.isfinite(got[place]),
        "point": first_calls,
        "rows": name.startswith("softmax"),
        "whole_numbers": arguments[0].dtype.kind == "i",
        "entry": True,
    }
    message = f"{_result(name, wrong)}, and should be {format_number(float(right[place]))}."
    return Verdict("wrong", message, WORDS["value"][next(clue for clue, holds in clues.items() if holds)])


def _first_difference(call: _Call) -> tuple[int, ...]:
    """Return the place of the first wrong entry; of a single number it is ()."""
    return tuple(map(int, np.argwhere(~np.isclose(call.got, call.right, rtol=1e-6, atol=1e-12))[0]))


def _result(name: str, call: _Call) -> str:
    """Return a call with its first wrong entry, such as `softmax([0.5, -1.5])[0] = 0.3`."""
    if call.got.shape != call.right.shape:
        return f"{_shown(name, call.arguments)} of shape {call.got.shape}, not {call.right.shape},"
    place = _first_difference(call)
    return f"{_shown(name, call.arguments)}{list(place) or ''} = {format_number(float(call.got[place]))}"


def _equal(got: ArrayLike, right: ArrayLike) -> bool:
    return np.shape(got) == np.shape(right) and np.allclose(got, right, rtol=1e-6, atol=1e-12, equal_nan=True)


def _shown(name: str, arguments: Arguments) -> str:
    return f"{name}({', '.join(str(each.tolist()) for each in arguments)})"
