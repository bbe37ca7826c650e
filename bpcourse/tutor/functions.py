"""Marking of functions that a learner writes: an activation, its derivative, a loss, its gradient.

A function is called with numbers that a person would try, with 0, with arrays, and with large numbers for which e^z
overflows. Its results are compared with those of the engine. If they are wrong, they are compared with what each
mistake gives in a network of one layer in which that function occurs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array
from bpcourse.numbers import format_number
from bpcourse.registry import Registry
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
    more = tuple((np.array(z),) for z in ([-1.5, 0.0, 2.0], [[0.3, -0.4], [1.2, 0.0]], 40.0, -40.0, 800.0, -800.0))
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
    found["softmax_jacobian"] = Question(softmax.jacobian, points, more, _classes, "slope1")
    return found


def _of_losses() -> dict[str, Question]:
    numbers = [(np.array([0.3, 0.7, -0.2]), np.array([0.5, 0.1, 0.4])), (np.array([1.0, 0.2]), np.array([0.6, -0.8]))]
    shares = [(np.array([0.0, 1.0, 0.0]), np.array([0.2, 0.5, 0.3])), (np.array([0.3, 0.7]), np.array([0.6, 0.4]))]
    found = {}
    for name, loss in LOSSES.items():
        output = "identity" if loss.from_logits is None else loss.from_logits.output.name
        points = tuple(numbers if loss.from_logits is None else shares)
        y, y_hat = points[0]
        batch = ((np.stack([y, y[::-1]]), np.stack([y_hat, y_hat])),)
        found[name] = Question(loss.value, points, batch, _compared(name, output), "loss")
        found[f"{name}_gradient"] = Question(loss.gradient, points, batch, _compared(name, output), "da1")
    return found


FUNCTIONS = Registry("function", {**_of_activations(), **_of_losses()})
"""The functions that can be asked for: activations of z, losses of (y, y_hat), and their derivatives."""


def check_function(name: str, f: Callable[..., object]) -> Verdict:
    """Check a function that a learner wrote.

    Parameters
    ----------
    name : str
        ``"sigmoid"``, ``"sigmoid_derivative"`` … for functions of z, a number or an array; ``"softmax"`` and
        ``"softmax_jacobian"`` for functions of a row; ``"mse"``, ``"mse_gradient"`` … for functions of (y, y_hat).
    f : callable
        The learner's function. Whatever it does becomes a verdict.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If the name is unknown.
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
        raise TypeError(f"needed a function, such as {name}; got {f!r}. Write its name without parentheses.")
    results: list[Array] = []
    for arguments in (*question.points, *question.more):
        outcome = _call(name, f, arguments)
        if isinstance(outcome, Verdict):
            return outcome
        right = np.asarray(question.right(*arguments))
        if outcome.shape != right.shape:
            message = f"{_shown(name, arguments)} has shape {outcome.shape}; it must be {right.shape}."
            return Verdict("wrong", message, "Is there a sum where each entry should stay, or an axis that is missing?")
        results.append(outcome)
        if len(results) == len(question.points):
            found = _explained(name, question, results)
            if found is not None:
                return found
        if len(results) > len(question.points) and not _equal(outcome, right):
            return _wrong_further_on(name, arguments, outcome, right)
    return Verdict("correct", f"{name} is right wherever it was tried, {len(results)} times.")


def _call(name: str, f: Callable[..., object], arguments: Arguments) -> Array | Verdict:
    """Return the result of a call as an array of floats, or a verdict on what is wrong with the call."""
    call, given = _shown(name, arguments), [each.copy() if each.ndim else each.item() for each in arguments]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an overflow is visible in the result
            result = f(*given)
            numbers = np.asarray(result)
            kind = numbers.dtype.kind
            numbers = numbers.astype(float) if kind in "fiub" else numbers
    except NotImplementedError:
        return Verdict("not answered", f"{name} is not written yet.")
    except (Exception, SystemExit) as error:  # whatever a learner's function raises is part of the answer
        advice = (
            "Does it work on a whole array? math.exp takes one number, np.exp any array; "
            "np.maximum works on arrays where max does not, and np.where where if does not."
        )
        hint = advice if any(each.ndim for each in arguments) and isinstance(error, (TypeError, ValueError)) else ""
        return Verdict("wrong", f"{call} raised {type(error).__name__}: {error}", hint)
    if any(each.ndim and not np.array_equal(each, now) for each, now in zip(arguments, given, strict=True)):
        message = f"{call} changed the array that it was given."
        return Verdict("wrong", message, "Make a new array: z = z * 2, not z *= 2; or copy it first, z.copy().")
    if result is ...:
        return Verdict("not answered", f"{name} is not written yet.")
    if result is None:
        return Verdict("wrong", f"{call} gives nothing back.", "Does the last line say return?")
    if kind not in "fiub" or np.ma.isMaskedArray(result):
        return Verdict("unreadable", f"{call} must give real numbers; got a {type(result).__name__}.")
    return numbers


def _explained(name: str, question: Question, results: list[Array]) -> Verdict | None:
    """Return the mistake that gives the function's results at every point, or None if all are right."""
    possible, wrong_at = set(MISTAKES), None
    for arguments, result in zip(question.points, results, strict=True):
        steps = table(question.one_layer(*arguments))
        array = entries(steps, question.value)
        names = [question.value] if array is None else array.flat
        for each, got in zip(names, result.flat, strict=True):
            right = steps[each].value
            if wrong_at is None and not _equal(got, right):
                wrong_at = f"{_shown(name, arguments)} = {format_number(float(got))}"
            shown: dict[str, list[float]] = {}
            for mistakes, value in wrong_values(steps, each):
                if len(mistakes) == 1:
                    shown.setdefault(mistakes[0].id, []).append(value)
            possible = {id for id in possible if any(_equal(got, value) for value in shown.get(id, [right]))}
    if wrong_at is None:
        return None
    if not possible:
        return Verdict("wrong", f"{wrong_at} is not right.", "Compute this one value by hand, step by step.")
    found = sorted((MISTAKES[id] for id in MISTAKES if id in possible), key=lambda mistake: -mistake.prior)
    clause = ", or if ".join(mistake.name for mistake in found[:3])
    return Verdict("mistake", f"{wrong_at} is what comes out if {clause}.", found[0].hint, tuple(m.id for m in found))


def _wrong_further_on(name: str, arguments: Arguments, got: Array, right: Array) -> Verdict:
    """Return the verdict on a function that is right only at single points."""
    call = _shown(name, arguments)
    if len(arguments) == 2 and _equal(got, right * len(arguments[0])):
        mistake = MISTAKES["batch_sum_not_mean"]
        return Verdict("mistake", f"{call} is what comes out if {mistake.name}.", mistake.hint, (mistake.id,))
    ratio = _factor(got, right)
    if len(arguments) == 2 and ratio is not None:
        words = f"{call} is {format_number(ratio)} times what it should be."
        return Verdict("wrong", words, f"A mean divides by how many numbers? Here are {arguments[0].shape} of them.")
    place = tuple(np.argwhere(~np.isclose(got, right, rtol=1e-6, atol=1e-12))[0])
    values = f"{format_number(float(got[place]))}, and should be {format_number(float(right[place]))}"
    where = f", entry {list(map(int, place))}," if place else ""
    far = np.abs(arguments[0]).max() >= 40
    advice = "How large is e^z there? Which form of the formula never needs a large power?" if far else ""
    coupled = "Does each row have its own largest score and its own sum? See axis=-1 and keepdims=True."
    alone = coupled if name.startswith("softmax") else "Does it treat each entry by itself?"
    return Verdict("wrong", f"{call}{where} is {values}.", advice or alone)


def _factor(got: Array, right: Array) -> float | None:
    """Return the factor by which all entries are off, or None if there is no common one."""
    ratio = float(got.flat[0] / right.flat[0]) if right.flat[0] else 0.0
    return ratio if ratio and _equal(got, right * ratio) else None


def _equal(got: object, right: object) -> bool:
    return bool(np.allclose(got, right, rtol=1e-6, atol=1e-12))  # type: ignore[arg-type]


def _shown(name: str, arguments: Arguments) -> str:
    return f"{name}({', '.join(str(each.tolist()) for each in arguments)})"
