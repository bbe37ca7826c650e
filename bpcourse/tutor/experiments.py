"""Experiments on a backward pass that someone else wrote: networks on which it is called, and what it returns.

An `Experiment` is a small random network whose numbers tell all mistakes apart. `call` runs the function on it and
reads what comes back: a tuple, a list or a dict of arrays, or changed arguments.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.activations import Activation, AnyActivation
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LOSSES, Loss
from bpcourse.engine.network import Dense, Network
from bpcourse.engine.validation import Array, flag, one_of, require
from bpcourse.registry import brief
from bpcourse.tutor.equations import Step, entries, table
from bpcourse.tutor.verdicts import Verdict

Layout = Literal["rows", "columns"]
TRIES = 300  # how many networks are drawn, to find one that tells mistakes apart
SMALLEST_Z, LARGEST_Z = 0.05, 2.5  # between a kink and saturation
MOST_NUMBERS = 4_000  # parameters times examples: each number has its own equation
RATES = (1.0, 0.7, 0.45)  # parts of the learning rate: with 0.5 only, η and 1/2 would look the same
SIMILAR = 1e-5  # relative to the largest entry of an array: nearer, two arrays are one
SIMILAR_SINGLE = 1e-3  # the same in single precision
_KEY = re.compile(r"(?i)(?:d|grads?|new|delta|[_ ∂])*(w|b)(?:eights?|ias|iases)?[_ ]*\[?(\d+)\]?(?:_?new)?")


@dataclass(frozen=True)
class Experiment:
    """One network, with everything that a function is called with and should return.

    Parameters
    ----------
    trace : Trace
        The pass.
    layout : str
        "rows" or "columns".
    rate : float or None
        The learning rate, if the function makes a training step.
    """

    trace: Trace
    layout: Layout
    rate: float | None

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The equations of the pass."""
        return table(self.trace, self.rate)

    @cached_property
    def parameters(self) -> list[str]:
        """The names of the parameters, in the order of the arguments."""
        layers = enumerate(self.trace.network.layers, start=1)
        return [
            f"{each}{number}" for number, layer in layers for each in ("W", "b") if each == "W" or layer.b is not None
        ]

    @cached_property
    def asked(self) -> dict[str, str]:
        """The name of what is returned for each parameter, such as dW1 or W1."""
        return {name: name if self.rate is not None else f"d{name}" for name in self.parameters}

    @cached_property
    def names(self) -> dict[str, NDArray[Any]]:
        """For each parameter, the names of the steps that compute what is returned for it."""
        found = {}
        for name in self.parameters:
            array = entries(self.steps, f"{name}_new" if self.rate is not None else f"d{name}")
            assert array is not None  # noqa: S101 (a parameter always has its steps)
            found[name] = array
        return found

    @cached_property
    def right(self) -> dict[str, Array]:
        """The right gradients, in rows."""
        return {name: self.trace[f"d{name}"] for name in self.parameters}

    def arguments(self) -> list[Any]:
        """Return fresh arguments for a call: x, y, the parameters and, for a training step, the learning rate."""
        arrays = [self.trace[name].copy() for name in ("x", "y", *self.parameters)]
        if self.layout == "columns":
            arrays = [np.ascontiguousarray(each.T) if each.ndim == 2 else each[:, np.newaxis] for each in arrays]
        return [*arrays, *([] if self.rate is None else [self.rate])]

    def wanted(self, name: str) -> tuple[int, ...]:
        """Return the shape that is needed for a parameter, in the layout of the function."""
        shape = self.trace[name].shape
        if self.layout == "rows":
            return shape
        return shape[::-1] if len(shape) == 2 else (*shape, 1)


@dataclass(frozen=True)
class Answer:
    """The gradients that a function returned for one experiment, in rows; for a training step the implied ones.

    arrays : by parameter, its gradient; only if it has the right shape
    shapes : by parameter, an array of a different shape
    notes : remarks about shapes, types and changed arguments
    single : whether it was computed in single precision
    whole : whether an array holds only whole numbers
    """

    arrays: dict[str, Array]
    shapes: dict[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    single: bool = False
    whole: tuple[str, ...] = ()


# Drawing networks


def draw_experiments(
    sizes: Sequence[int],
    activations: Sequence[AnyActivation],
    loss: Loss | str,
    *,
    bias: bool,
    batch: int,
    layout: Layout,
    learning_rate: float | None,
    seed: int,
    count: int,
) -> list[Experiment]:
    """Draw networks whose numbers tell all mistakes apart. The parameters are those of `diagnose`."""
    one_of(("rows", "columns"), layout, "layout")
    require(isinstance(seed, int) and seed >= 0, f"seed must be a whole number, at least 0; got {brief(seed)}.")
    rng = np.random.default_rng(seed)
    best = Network.initialize(sizes, activations, rng=rng)  # checks sizes and activations
    numbers = batch * sum(i * o + o * flag(bias, "bias") for i, o in zip(best.sizes, best.sizes[1:], strict=False))
    advice = "The code is the same for a small network, such as sizes=[3, 4, 2]."
    most = f"needed at most {MOST_NUMBERS} parameters times examples, as each is explained"
    require(numbers <= MOST_NUMBERS, f"{most}; got {brief(numbers)}. {advice}")
    kinds = [layer.activation for layer in best.layers]
    found = []
    for number in range(count):
        drawn = (_drawn(best.sizes, kinds, loss, bias, batch, rng) for _ in range(TRIES))
        scaled = None if learning_rate is None else learning_rate * RATES[number % len(RATES)]
        found.append(Experiment(_first_good(drawn), layout, scaled))
    return found


def _drawn(
    sizes: Sequence[int],
    kinds: Sequence[Activation],
    loss: Loss | str,
    bias: bool,
    batch: int,
    rng: np.random.Generator,
) -> Trace:
    layers = []
    for n_in, n_out, kind in zip(sizes, sizes[1:], kinds, strict=False):
        W = rng.uniform(0.3, 1.5, (n_in, n_out)) * rng.choice((-1.0, 1.0), (n_in, n_out)) / np.sqrt(n_in)
        layers.append(Dense(W, rng.uniform(-0.6, 0.6, n_out) if bias else None, kind))
    x = rng.uniform(-1.5, 1.5, (batch, sizes[0]))
    return backprop(Network(layers), x, _targets(LOSSES.pick(loss), batch, sizes[-1], rng), loss)


def _targets(loss: Loss, batch: int, outputs: int, rng: np.random.Generator) -> Array:
    """Return targets that fit a loss: classes, yes or no, or numbers."""
    if loss == LOSSES["categorical_cross_entropy"]:
        return np.eye(outputs)[(rng.integers(outputs) + np.arange(batch)) % outputs]
    if loss == LOSSES["binary_cross_entropy"]:
        return (rng.integers(2, size=outputs) + np.arange(batch)[:, np.newaxis]) % 2.0
    return rng.uniform(0.1, 0.9, (batch, outputs))


def _first_good(traces: Iterator[Trace]) -> Trace:
    """Return the first trace that tells mistakes apart, or else the best one."""
    best, fewest = None, np.inf
    for trace in traces:
        faults = _faults(trace)
        if faults < fewest:
            best, fewest = trace, faults
        if not faults:
            break
    assert best is not None  # noqa: S101 (there is at least one)
    return best


def _faults(trace: Trace) -> int:
    """Count what would hide a mistake: saturated units, a z next to a kink, rectifiers that are always on or off."""
    faults = 0
    for number, layer in enumerate(trace.network.layers, start=1):
        z = trace[f"z{number}"]
        faults += int(np.count_nonzero((np.abs(z) > LARGEST_Z) | (np.abs(z) < SMALLEST_Z)))
        if layer.activation.rectifier:
            on = z > 0 if len(z) > 1 else (z > 0).T
            faults += int(np.count_nonzero(on.all(axis=0) | ~on.any(axis=0))) if on.size > 1 else 0
    return faults


# Calling a function


def call(function: Callable[..., object], experiment: Experiment) -> Answer | Verdict:
    """Call a function on a network. Return what it returns, or the verdict on a call that fails.

    Parameters
    ----------
    function : callable
        The backward pass or the training step.
    experiment : Experiment
        The network.
    """
    given, before = experiment.arguments(), experiment.arguments()
    try:
        result = function(*given)
    except NotImplementedError:
        return Verdict("not answered", "The function is not written yet.")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the function raises is reported
        return _raised(function, error, experiment)
    if result is ...:
        return Verdict("not answered", "The function is not written yet.")
    argument_names = ("x", "y", *experiment.parameters)
    changed = [
        name
        for name, one, other in zip(argument_names, before, given, strict=False)
        if not np.array_equal(one, other, equal_nan=True)
    ]
    if result is None:
        if experiment.rate is None or not {*changed} & {*experiment.parameters}:
            return _nothing(experiment)
        result = given[2 : 2 + len(experiment.parameters)]
    found = _by_parameter(result, experiment)
    if isinstance(found, Verdict):
        return found
    wrongly = [name for name in changed if experiment.rate is None or name in ("x", "y")]
    advice = "which it was given. Copy an array before you change it."
    notes = (f"It changes {listed(wrongly)}, {advice}",) if wrongly else ()
    return _read(found, experiment, notes)


def _nothing(experiment: Experiment) -> Verdict:
    if experiment.rate is not None:
        hint = "Return the new parameters, or change the arrays in place: W1 -= … and not W1 = W1 - …"
        message = "The function returns None, and leaves all parameters unchanged."
        return Verdict("mistake", message, hint, ("old_value_for_new",))
    hint = "Does its last line begin with return? " + _needed(experiment)
    return Verdict("wrong", "The function returns None.", hint)


def _needed(experiment: Experiment) -> str:
    return f"It must return {', '.join(experiment.asked.values())}, or a dict with these keys."


def _raised(function: Callable[..., object], error: BaseException, experiment: Experiment) -> Verdict:
    """Return the verdict on a function that raises, with the line of its code."""
    said = "".join(traceback.format_exception_only(error)).strip()[:300]
    own = _code_of(function)
    called = traceback.extract_tb(error.__traceback__)[1:]  # without `call` itself
    frames = [frame for frame in called if not re.search(r"site-packages|numpy|<frozen", frame.filename)]
    where = ""
    if frames:
        where = f" in line {frames[-1].lineno}" + (f": {frames[-1].line}" if frames[-1].line else "")
    if own and ... in own.co_consts:
        return Verdict("not answered", "There are still dots to replace.")
    count, outputs = len(experiment.trace["x"]), experiment.trace["y"].shape[1]
    if count > 1 and outputs == 1 and f"({count},{count})" in said.replace(" ", ""):
        hint = f"Where does an array of shape ({count}, {count}) come from? Look at the shapes of y and of ŷ."
        return Verdict("mistake", f"The function raised {said}{where}", hint, ("broadcast_n_vs_n1",))
    if not frames:
        hint = f"It is called with {', '.join(['x', 'y', *experiment.parameters])}"
        hint += ", and the learning rate." if experiment.rate is not None else "."
        if experiment.rate is None and "missing 1 required" in said:
            hint += " For a training step, pass learning_rate=0.5 to diagnose."
    else:
        hint = f"Print the shapes of the arrays in this line. {_shapes(experiment)}"
        other = "columns" if experiment.layout == "rows" else "rows"
        hint += f' If your examples are {other}, pass layout="{other}" to diagnose.'
    return Verdict("wrong", f"The function raised {said}{where}", hint)


def _code_of(function: Callable[..., object]) -> CodeType | None:
    """Return the code object of a function, a method, or an object that can be called."""
    for each in (function, getattr(function, "func", None), vars(type(function)).get("__call__")):
        code = getattr(each, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None


def _shapes(experiment: Experiment) -> str:
    names = ("x", "y", *experiment.parameters)
    shapes = (f"{name} {each.shape}" for name, each in zip(names, experiment.arguments(), strict=False))
    return f"It was called with {', '.join(shapes)}."


def _by_parameter(result: object, experiment: Experiment) -> dict[str, Any] | Verdict:
    """Return the arrays that were returned, by parameter; the verdict if it is something else."""
    parameters = experiment.parameters
    if isinstance(result, Mapping):
        keys = {_parameter(str(key)): value for key, value in result.items()}
        if "W0" in keys:  # layers may be counted from 0
            keys = {f"{name[0]}{int(name[1:]) + 1}": value for name, value in keys.items() if name}
        if not {*parameters} <= keys.keys():
            missing = [experiment.asked[name] for name in parameters if name not in keys]
            return Verdict("unreadable", f"The dict has no {listed(missing)}; it has {', '.join(map(str, result))}.")
        return {name: keys[name] for name in parameters}
    if not isinstance(result, (tuple, list)):
        if len(parameters) > 1:
            kind = type(result).__name__
            return Verdict("unreadable", f"The function returned one {kind}. {_needed(experiment)}")
        result = [result]
    flat: list[Any] = []
    for each in result:
        flat.extend(each if _is_group(each) else [each])  # type: ignore[arg-type]
    if len(flat) != len(parameters):
        return Verdict("unreadable", f"The function returned {len(flat)} arrays. {_needed(experiment)}")
    weights, biases = ([name for name in parameters if name[0] == kind] for kind in "Wb")
    back = [name for layer in reversed(weights) for name in parameters if name[1:] == layer[1:]]
    orders = (parameters, [*weights, *biases], back, [*weights[::-1], *biases[::-1]])
    shapes = [*map(_shape, flat)]
    order = max(orders, key=lambda names: sum(map(tuple.__eq__, shapes, map(experiment.wanted, names))))
    return dict(zip(order, flat, strict=True))


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a value; () if it has none. A value may raise anything."""
    try:
        return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
    except Exception:
        return ()


def _is_group(value: Any) -> bool:
    """Return whether a value is a list of arrays, and not an array written as a list."""
    return isinstance(value, (tuple, list)) and any(hasattr(each, "shape") for each in value)


def _parameter(key: str) -> str:
    """Return the parameter that a key of a dict means, such as W1 for dW1 or grad_w1; "" if it is none."""
    match = _KEY.fullmatch(key.strip())
    return f"{match[1].replace('w', 'W').replace('B', 'b')}{int(match[2])}" if match else ""


def _read(found: Mapping[str, Any], experiment: Experiment, notes: tuple[str, ...]) -> Answer | Verdict:
    """Read the arrays and bring them to rows."""
    arrays, shapes, whole, single, said = {}, {}, [], False, list(notes)
    for name, value in found.items():
        asked = experiment.asked[name]
        if value is None:
            return Verdict("wrong", f"{asked} is None.", f"Is {asked} computed, and returned?")
        if value is ...:
            return Verdict("not answered", f"{asked} is not written yet.")
        try:
            array = np.asarray(value)
        except Exception as error:
            return Verdict("unreadable", f"{asked} cannot be made an array: {error}")
        if array.dtype.kind not in "fiub":
            kind = "an object" if array.dtype.kind == "O" else str(array.dtype)
            return Verdict("unreadable", f"{asked} must be an array of real numbers; got {kind}.")
        whole += [asked] * (array.dtype.kind in "iub" and array.size > 0)
        single = single or (array.dtype.itemsize < 8 and array.dtype.kind == "f")
        array = array.astype(float)
        if not np.isfinite(array).all():
            bad = "NaN" if np.isnan(array).any() else "infinity"
            hint = "Which step makes it: a logarithm of 0, a division by 0, or e to a large power?"
            return Verdict("wrong", f"{asked} contains {bad}.", hint)
        shape, wanted = experiment.trace[name].shape, experiment.wanted(name)
        if len(shape) == 1 and array.size == shape[0] and array.ndim <= 2:
            if array.shape != wanted:
                said.append(f"{asked} has shape {array.shape} and not {wanted}.")
            array = array.ravel()
        elif experiment.layout == "columns" and array.ndim == 2:
            array = array.T
        if array.shape != shape:
            shapes[name] = array
            continue
        arrays[name] = array if experiment.rate is None else (experiment.trace[name] - array) / experiment.rate
    return Answer(arrays, shapes, tuple(said), single, tuple(whole))


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
