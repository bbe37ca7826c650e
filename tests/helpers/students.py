"""A simulated student who computes a pass by hand, one number after the other.

The formulas are plain Python, written without looking at the tutor: from a trace the student takes only the given
numbers and the names of the activations and the loss. A student can make one of `MISTAKES` throughout, or one of
`SLIPS` in a single step. Every step can be rounded, as on paper, and the answer can be rounded, cut off, or left as
Python computed it.

A value is asked for by its *key*: its kind, followed by layer, indices and example, all counted as in the lessons.
`("W", 1, 2, 3)` is the weight from input 2 to unit 3 of layer 1, and `("dz", 2, 1, 1)` is δ of the first output for
the first example. Names such as `dz2[1]` are for people and for `check`.

>>> from bpcourse import EXAMPLES
>>> task = Task.of(EXAMPLES["mazur"].backprop(), rate=0.5)
>>> write(solve(task, "dW2[1,1]"), ("round", 4))
'0.08217'
>>> write(solve(task, "dW2[1,1]", mistake="no_input_factor"), ("round", 4))
'0.1385'
>>> write(solve(task, "dW2[1,1]", mistake="no_input_factor", keep=("decimals", 2)), ("decimals", 2))
'0.14'
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from random import Random

from bpcourse import Trace, format_number

Key = tuple  # kind, then layer, indices, example
Rule = Callable[..., float]
Digits = tuple[str, int]  # ("digits", 4), ("decimals", 4), ("round", 4) or ("cut", 4)
Terms = list[list]  # a sum of products; a factor is a key, a number, or a function of the student


@dataclass(frozen=True, eq=False)
class Task:
    """The given numbers of one exercise, in plain lists.

    Parameters
    ----------
    x, y : list of rows
        One row for each example.
    W, b : dict of lists by layer, counted from 1
        `W[m][i][j]` is the weight from input i to unit j, counted from 0. `b[m]` is None in a layer without biases.
    names : dict of str by layer
        The activations.
    loss : str
    rate : float
        Learning rate.
    leaks : dict of floats by layer
        Slopes of the leaky ReLUs for negative z.
    """

    x: list[list[float]]
    y: list[list[float]]
    W: dict[int, list[list[float]]]
    b: dict[int, list[float] | None]
    names: dict[int, str]
    loss: str
    rate: float
    leaks: dict[int, float]

    @classmethod
    def of(cls, trace: Trace, rate: float) -> Task:
        """Return the task that a trace belongs to."""
        layers = dict(enumerate(trace.network.layers, start=1))
        return cls(
            x=trace["x"].tolist(),
            y=trace["y"].tolist(),
            W={m: layer.W.tolist() for m, layer in layers.items()},
            b={m: None if layer.b is None else layer.b.tolist() for m, layer in layers.items()},
            names={m: "leaky_relu" if "leaky" in layer.activation.name else layer.activation.name
                   for m, layer in layers.items()},
            loss=trace.loss_function.name,
            rate=rate,
            leaks={m: float(layer.activation.df(-1.0)) for m, layer in layers.items()
                   if "leaky" in layer.activation.name},
        )  # fmt: skip

    @property
    def last(self) -> int:
        """Number of the output layer."""
        return len(self.W)

    @property
    def examples(self) -> int:
        """Number of examples."""
        return len(self.x)

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.y[0])

    def inputs(self, m: int) -> range:
        """Return the indices of what comes into layer m."""
        return range(1, len(self.W[m]) + 1)

    def units(self, m: int) -> range:
        """Return the indices of the units of layer m."""
        return range(1, len(self.W[m][0]) + 1)

    @property
    def squared(self) -> bool:
        """Whether the loss is a squared error."""
        return self.loss in ("mse", "half_sse")

    @property
    def crossed(self) -> bool:
        """Whether the loss is a cross-entropy."""
        return not self.squared

    def keys(self) -> Iterator[Key]:
        """Yield everything that can be asked for, in the order in which it is computed."""
        layers = range(1, self.last + 1)
        each = range(1, self.examples + 1)
        batch = self.examples > 1
        for e in each:
            for m in layers:
                yield from (("z", m, j, e) for j in self.units(m))
                yield from (("a", m, j, e) for j in self.units(m))
            if batch:
                yield ("loss", e)
        yield ("loss",)
        for e in each:
            for m in reversed(layers):
                yield from (("da", m, j, e) for j in self.units(m))
                if self.names[m] != "softmax":
                    yield from (("slope", m, j, e) for j in self.units(m))
                yield from (("dz", m, j, e) for j in self.units(m))
                if batch:
                    yield from (("dW", m, i, j, e) for i in self.inputs(m) for j in self.units(m))
                    yield from (("db", m, j, e) for j in self.units(m) if self.b[m])
        for m in layers:
            yield from (("dW", m, i, j) for i in self.inputs(m) for j in self.units(m))
            yield from (("db", m, j) for j in self.units(m) if self.b[m])
        for m in layers:
            yield from (("W_new", m, i, j) for i in self.inputs(m) for j in self.units(m))
            yield from (("b_new", m, j) for j in self.units(m) if self.b[m])

    @cached_property
    def by_name(self) -> dict[str, Key]:
        """Everything that can be asked for, by name."""
        return {self.name(key): key for key in self.keys()}

    def name(self, key: Key) -> str:
        """Return the name of a value as `check` knows it.

        >>> from bpcourse import EXAMPLES
        >>> Task.of(EXAMPLES["mazur"].backprop(), 0.5).name(("W_new", 2, 1, 2))
        'W2_new[1,2]'
        """
        kind, *at = key
        if kind == "loss":
            return f"loss@{at[0]}" if at and self.examples > 1 else "loss"
        if kind in ("x", "y"):
            number, indices, e = "", at[:1], at[1]
        else:
            number, indices, e = at[0], at[1:], None
            if kind in ("z", "a", "da", "slope", "dz") or (
                kind in ("dW", "db") and len(at) == (4 if kind == "dW" else 3)
            ):
                *indices, e = indices
        stem, _, new = kind.partition("_")
        example = f"@{e}" if e and self.examples > 1 else ""
        return f"{stem}{number}{'_new' if new else ''}[{','.join(map(str, indices))}]{example}"


# The right way: one rule for each kind of value. Sums of products are lists of terms, so that a slip can edit one.


def weighted_sum(s: Student, m: int, j: int, e: int) -> Terms:
    products = [[("W", m, i, j), ("a", m - 1, i, e)] for i in s.task.inputs(m)]
    return products + ([[("b", m, j)]] if s.task.b[m] else [])


def loss_of_example(s: Student, e: int) -> Terms:
    outputs = range(1, s.task.outputs + 1)
    if s.task.squared:
        share = 1 / s.task.outputs if s.task.loss == "mse" else 0.5
        return [[share, lambda t, j=j: (t("a", t.task.last, j, e) - t("y", j, e)) ** 2] for j in outputs]
    if s.task.loss == "binary_cross_entropy":
        share = -1 / s.task.outputs
        return [
            term
            for j in outputs
            for term in (
                [share, ("y", j, e), lambda t, j=j: math.log(t("a", t.task.last, j, e))],
                [share, lambda t, j=j: 1 - t("y", j, e), lambda t, j=j: math.log(1 - t("a", t.task.last, j, e))],
            )
        ]
    return [[-1.0, ("y", j, e), lambda t, j=j: math.log(t("a", t.task.last, j, e))] for j in outputs]


def loss(s: Student, *at: int) -> Terms:
    if at or s.task.examples == 1:
        return loss_of_example(s, *(at or (1,)))
    return [[1 / s.task.examples, ("loss", e)] for e in range(1, s.task.examples + 1)]


def back(s: Student, m: int, i: int, e: int) -> Terms:
    """∂L/∂a: at the output the slope of the loss, else one path for each unit of the next layer."""
    task = s.task
    if m < task.last:
        return [[("W", m + 1, i, j), ("dz", m + 1, j, e)] for j in task.units(m + 1)]
    predicted, wanted = ("a", m, i, e), ("y", i, e)
    if task.squared:
        factor = 2 / task.outputs if task.loss == "mse" else 1.0
        return [[factor, predicted], [-factor, wanted]]
    if task.loss == "categorical_cross_entropy":
        return [[-1.0, wanted, lambda t: 1 / t(*predicted)]]
    share = 1 / task.outputs
    return [
        [-share, wanted, lambda t: 1 / t(*predicted)],
        [share, lambda t: 1 - t(*wanted), lambda t: 1 / (1 - t(*predicted))],
    ]


def delta(s: Student, m: int, j: int, e: int) -> Terms:
    """δ, with the shortcut ŷ − y for a cross-entropy."""
    task = s.task
    if m == task.last and task.crossed:
        share = 1 / task.outputs if task.loss == "binary_cross_entropy" else 1.0
        total = sum(task.y[e - 1]) if task.names[m] == "softmax" else 1.0  # 1 for one class
        return [[share * total, ("a", m, j, e)], [-share, ("y", j, e)]]
    if task.names[m] == "softmax":
        p = ("a", m, j, e)
        return [
            [("da", m, i, e), p, (lambda t: 1 - t(*p)) if i == j else (lambda t, i=i: -t("a", m, i, e))]
            for i in task.units(m)
        ]
    return [[("da", m, j, e), ("slope", m, j, e)]]


def weight_gradient(s: Student, m: int, i: int, j: int, *e: int) -> Terms:
    if e or s.task.examples == 1:
        (at,) = e or (1,)
        return [[("a", m - 1, i, at), ("dz", m, j, at)]]
    return [[1 / s.task.examples, ("dW", m, i, j, at)] for at in range(1, s.task.examples + 1)]


def bias_gradient(s: Student, m: int, j: int, *e: int) -> Terms:
    if e or s.task.examples == 1:
        return [[("dz", m, j, *(e or (1,)))]]
    return [[1 / s.task.examples, ("db", m, j, at)] for at in range(1, s.task.examples + 1)]


TERMS: dict[str, Callable[..., Terms]] = {
    "z": weighted_sum,
    "loss": loss,
    "da": back,
    "dz": delta,
    "dW": weight_gradient,
    "db": bias_gradient,
    "W_new": lambda s, m, i, j: [[("W", m, i, j)], [-s.task.rate, ("dW", m, i, j)]],
    "b_new": lambda s, m, j: [[("b", m, j)], [-s.task.rate, ("db", m, j)]],
}
"""By kind of value, the sum of products that it is."""


def squash(name: str, z: float, leak: float = 0.0) -> float:
    if name == "sigmoid":
        return 1 / (1 + math.exp(-z))
    if name == "tanh":
        return math.tanh(z)
    return z if name == "identity" or z > 0 else leak * z


def activation(s: Student, m: int, j: int, e: int) -> float:
    if m == 0:
        return s("x", j, e)
    if s.task.names[m] == "softmax":
        return math.exp(s("z", m, j, e)) / sum(math.exp(s("z", m, k, e)) for k in s.task.units(m))
    return squash(s.task.names[m], s("z", m, j, e), s.task.leaks.get(m, 0.0))


def slope(s: Student, m: int, j: int, e: int) -> float:
    name, a = s.task.names[m], s("a", m, j, e)
    if name == "sigmoid":
        return a * (1 - a)
    if name == "tanh":
        return 1 - a * a
    return 1.0 if name == "identity" or s("z", m, j, e) > 0 else s.task.leaks.get(m, 0.0)


RULES: dict[str, Rule] = {
    "x": lambda s, i, e: s.task.x[e - 1][i - 1],
    "y": lambda s, j, e: s.task.y[e - 1][j - 1],
    "W": lambda s, m, i, j: s.task.W[m][i - 1][j - 1],
    "b": lambda s, m, j: s.task.b[m][j - 1] if s.task.b[m] else 0.0,
    "a": activation,
    "slope": slope,
    **{kind: lambda s, *at, terms=terms: s.total(terms(s, *at)) for kind, terms in TERMS.items()},
}
GIVEN = ("x", "y", "W", "b")
FORWARD = ("z", "a")
STEPS = ("z", "a", "da", "slope", "dz", "dW", "db")


class Student:
    """One student at work on a task: `student("dz", 2, 1, 1)` is the number that this student has for it.

    Parameters
    ----------
    task : Task
    habits : dict of rules by kind of value
        What the student does differently everywhere: (student, *indices) ↦ number. The kind "answer" changes the
        final answer only: (student, *key) ↦ number, or None to answer with the usual value.
    edits : dict of functions by key
        What the student does differently in one step: student ↦ number.
    keep : ("digits", k), ("decimals", k) or None
        How every step is rounded.
    printed : dict of floats by key
        Values that the student copies and does not compute.
    """

    def __init__(
        self,
        task: Task,
        habits: dict[str, Rule] | None = None,
        edits: dict[Key, Callable[[Student], float]] | None = None,
        keep: Digits | None = None,
        printed: dict[Key, float] | None = None,
    ) -> None:
        self.task, self.keep = task, keep
        self.habits, self.edits = habits or {}, edits or {}
        self.known: dict[Key, float] = dict(printed or {})

    def __call__(self, *key: int | str) -> float:
        """Return the student's number for a key."""
        if key not in self.known:
            kind, *at = key
            if kind == "a" and at[0] == 0:
                return self("x", *at[1:])
            if kind in ("dW", "db") and self.task.examples == 1 and len(at) == (4 if kind == "dW" else 3):
                return self(*key[:-1])  # the gradient of the only example
            rule = self.habits.get(kind, RULES[kind])
            value = self.edits[key](self) if key in self.edits else rule(self, *at)
            self.known[key] = value if kind in GIVEN else rounded(value, self.keep)
        return self.known[key]

    def total(self, terms: Terms) -> float:
        """Return a sum of products."""
        return sum(math.prod(self.factor(each) for each in term) for term in terms)

    def factor(self, factor: Key | float | Callable[[Student], float]) -> float:
        """Return one factor of a product."""
        if isinstance(factor, tuple):
            return self(*factor)
        return factor(self) if callable(factor) else factor

    def answer(self, key: Key) -> float:
        """Return the number that the student hands in when asked for a key."""
        value = self.habits["answer"](self, *key) if "answer" in self.habits else None
        return self(*key) if value is None else rounded(value, self.keep)

    def way(self, key: Key) -> list[Key]:
        """Return the steps from the given numbers to a key, each after those that it needs."""
        fresh = Student(self.task, self.habits, self.edits)
        fresh.answer(key)
        return [each for each in fresh.known if each[0] not in GIVEN]


def rounded(value: float, keep: Digits | None) -> float:
    """Round a step of the working.

    >>> rounded(0.0123456, ("digits", 3)), rounded(0.0123456, ("decimals", 3)), rounded(0.0123456, None)
    (0.0123, 0.012, 0.0123456)
    """
    if keep is None or value == 0 or not math.isfinite(value):
        return value
    way, count = keep
    return round(value, count) if way == "decimals" else float(f"{value:.{count - 1}e}")


def write(value: float, how: Digits | None) -> str | float:
    """Write the final answer.

    Parameters
    ----------
    value : float
    how : ("round", k), ("cut", k), ("decimals", k) or None
        k significant digits, rounded or with the rest cut off; k decimals; or not written, a Python float.

    >>> write(-0.0123789, ("round", 4)), write(-0.0123789, ("cut", 4)), write(0.0123789, ("decimals", 4))
    ('−0.01238', '−0.01237', '0.0124')
    """
    if how is None:
        return value
    way, count = how
    if way == "decimals":
        return f"{value:.{count}f}"
    if way == "cut" and value and math.isfinite(value):
        exact = Decimal(repr(value))
        value = float(exact.quantize(Decimal(1).scaleb(exact.adjusted() + 1 - count), ROUND_DOWN))
    return format_number(value, count)


# Mistakes: what a student does differently everywhere


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Parameters
    ----------
    ids : tuple of str
        Its id in the catalogue, then those of the same formula under another name. Where several of them make the
        same number, each is a right diagnosis.
    habits : dict of rules by kind of value
    asked : tuple of str
        The kinds of values in which it is looked for; any, if empty.
    applies : callable
        Whether the mistake can be made in a task.
    """

    ids: tuple[str, ...]
    habits: dict[str, Rule]
    asked: tuple[str, ...] = ()
    applies: Callable[[Task], bool] = field(default=lambda task: True)


SIGN = ("sign_slip", "lost_sign", "ascent", "bce_sign", "ce_sign")
HALF = ("kept_half", "half_sse_for_mse", "mean_over_outputs_of_half")
TWO = ("extra_two", "sum_not_mean_outputs", "mse_mean", "bce_sum_outputs")
NO_OUTPUT_SLOPE = ("drop_sigma_prime_out", "delta_without_sigma_with_mse")
UPDATED = ("updated_output_weights_first", "in_place_alias")
GRADIENTS = ("dW", "db", "W_new", "b_new")
BACKWARD = ("da", "dz", *GRADIENTS)
UPDATE = ("W_new", "b_new")


def squared(task: Task) -> bool:
    return task.squared


def crossed(task: Task) -> bool:
    return task.crossed


def loss_is(name: str) -> Callable[[Task], bool]:
    return lambda task: task.loss == name


def batch(task: Task) -> bool:
    return task.examples > 1


def hidden(task: Task, m: int) -> bool:
    return m < task.last


def output(task: Task, m: int) -> bool:
    return m == task.last and task.squared and task.names[m] not in ("identity", "softmax")


def anywhere(task: Task, m: int) -> bool:
    return hidden(task, m) or output(task, m)


def error_is(change: Callable[[float, float, int], float]) -> dict[str, Rule]:
    """∂L/∂ŷ is something else, made from ŷ, y and the number of outputs."""

    def da(s: Student, m: int, j: int, e: int) -> float:
        if m < s.task.last:
            return RULES["da"](s, m, j, e)
        return change(s("a", m, j, e), s("y", j, e), s.task.outputs)

    return {"da": da}


def error_times(factor: float) -> dict[str, Rule]:
    """∂L/∂ŷ has another factor; so has δ, where it is found without ∂L/∂ŷ."""

    def da(s: Student, m: int, *at: int) -> float:
        return RULES["da"](s, m, *at) * (factor if m == s.task.last else 1)

    def dz(s: Student, m: int, *at: int) -> float:
        return RULES["dz"](s, m, *at) * (factor if m == s.task.last and s.task.crossed else 1)

    return {"da": da, "dz": dz}


def loss_times(factor: Callable[[Task], float]) -> dict[str, Rule]:
    """The loss has another factor, and so has its slope."""
    return {
        "loss": lambda s, *at: RULES["loss"](s, *at) * (factor(s.task) if at or s.task.examples == 1 else 1),
        "da": lambda s, m, *at: RULES["da"](s, m, *at) * (factor(s.task) if m == s.task.last else 1),
        "dz": lambda s, m, *at: RULES["dz"](s, m, *at) * (factor(s.task) if m == s.task.last and s.task.crossed else 1),
    }


def slope_is(change: Rule, name: str = "", places: Callable[[Task, int], bool] = anywhere) -> dict[str, Rule]:
    """The slope of the units with one activation is something else."""

    def other(s: Student, m: int, j: int, e: int) -> float:
        hit = places(s.task, m) and s.task.names[m] not in ("softmax", "identity") and name in ("", s.task.names[m])
        return (change if hit else slope)(s, m, j, e)

    return {"slope": other}


def delta_is_error(places: Callable[[Task, int], bool]) -> dict[str, Rule]:
    """The slope is forgotten in δ."""

    def dz(s: Student, m: int, j: int, e: int) -> float:
        hit = places(s.task, m) and s.task.names[m] != "softmax"
        return s("da", m, j, e) if hit else RULES["dz"](s, m, j, e)

    return {"dz": dz}


def slope_twice(places: Callable[[Task, int], bool]) -> dict[str, Rule]:
    def dz(s: Student, m: int, j: int, e: int) -> float:
        usual = RULES["dz"](s, m, j, e)
        return usual * s("slope", m, j, e) if places(s.task, m) else usual

    return {"dz": dz}


def output_delta(change: Callable[[float, float, int], float]) -> dict[str, Rule]:
    """δ of the outputs is something else, made from ŷ, y and the number of outputs."""

    def dz(s: Student, m: int, j: int, e: int) -> float:
        if m < s.task.last:
            return RULES["dz"](s, m, j, e)
        return change(s("a", m, j, e), s("y", j, e), s.task.outputs)

    return {"dz": dz}


def no_bias(places: Callable[[Task, int], bool]) -> dict[str, Rule]:
    def z(s: Student, m: int, j: int, e: int) -> float:
        if not places(s.task, m):
            return RULES["z"](s, m, j, e)
        return sum(s("W", m, i, j) * s("a", m - 1, i, e) for i in s.task.inputs(m))

    return {"z": z}


def paths(change: Callable[[list[float], list[float]], float], fewest: int = 2) -> dict[str, Rule]:
    """∂L/∂a of a hidden unit is something else, made from its outgoing weights and the δ of the units after it."""

    def da(s: Student, m: int, i: int, e: int) -> float:
        if m == s.task.last or len(s.task.units(m + 1)) < fewest:
            return RULES["da"](s, m, i, e)
        after = s.task.units(m + 1)
        return change([s("W", m + 1, i, j) for j in after], [s("dz", m + 1, j, e) for j in after])

    return {"da": da}


def dot(w: list[float], d: list[float]) -> float:
    return sum(one * other for one, other in zip(w, d, strict=True))


def distance(p: list[float], y: list[float]) -> float:
    return sum(abs(one - other) for one, other in zip(p, y, strict=True))


def without(k: int) -> Callable[[list[float], list[float]], float]:
    return lambda w, d: dot(w[:k] + w[k + 1 :], d[:k] + d[k + 1 :])


def is_square(task: Task, m: int) -> bool:
    return len(task.W[m]) == len(task.W[m][0]) > 1


def columnwise(s: Student, m: int, i: int, j: int) -> float:
    return RULES["W"](s, m, j, i) if is_square(s.task, m) else RULES["W"](s, m, i, j)


def transposed_back(s: Student, m: int, i: int, e: int) -> float:
    if m == s.task.last or not is_square(s.task, m + 1):
        return RULES["da"](s, m, i, e)
    return sum(s("W", m + 1, j, i) * s("dz", m + 1, j, e) for j in s.task.units(m + 1))


def new_weights_back(s: Student, m: int, i: int, e: int) -> float:
    if m == s.task.last:
        return RULES["da"](s, m, i, e)
    return sum(s("W_new", m + 1, i, j) * s("dz", m + 1, j, e) for j in s.task.units(m + 1))


def update(change: Callable[[float, float, float], float]) -> dict[str, Rule]:
    """A new parameter is something else, made from the old one, its gradient and the learning rate."""
    return {
        "W_new": lambda s, *at: change(s("W", *at), s("dW", *at), s.task.rate),
        "b_new": lambda s, *at: change(s("b", *at), s("db", *at), s.task.rate),
    }


def instead_of_gradient(change: Callable[[float, float, float], float]) -> dict[str, Rule]:
    """Where the gradient is asked for, the answer is made from the parameter, the gradient and the learning rate."""

    def answer(s: Student, kind: str, *at: int) -> float | None:
        if kind not in ("dW", "db") or len(at) > (3 if kind == "dW" else 2):
            return None
        return change(s(kind[1:], *at), s(kind, *at), s.task.rate)

    return {"answer": answer}


def mean_is(change: Callable[[list[float]], float]) -> dict[str, Rule]:
    """The mean over a batch is something else, made from the value of each example."""

    def gather(kind: str, indices: int) -> Rule:
        def rule(s: Student, *at: int) -> float:
            if len(at) > indices or s.task.examples == 1:
                return RULES[kind](s, *at)
            return change([s(kind, *at, e) for e in range(1, s.task.examples + 1)])

        return rule

    return {"loss": gather("loss", 0), "dW": gather("dW", 3), "db": gather("db", 2)}


def each_gradient(change: Rule) -> dict[str, Rule]:
    """∂L/∂w of one example is something else: (student, layer, i, j, example) ↦ number."""

    def rule(s: Student, m: int, i: int, j: int, *e: int) -> float:
        if not e and s.task.examples > 1:
            return RULES["dW"](s, m, i, j)
        return change(s, m, i, j, *(e or (1,)))

    return {"dW": rule}


def each_loss(change: Callable[[list[float], list[float]], float]) -> dict[str, Rule]:
    """The loss of one example is something else, made from its ŷ and y."""

    def rule(s: Student, *at: int) -> float:
        if not at and s.task.examples > 1:
            return RULES["loss"](s)
        (e,) = at or (1,)
        outputs = range(1, s.task.outputs + 1)
        return change([s("a", s.task.last, j, e) for j in outputs], [s("y", j, e) for j in outputs])

    return {"loss": rule}


def half_or_mean(s: Student) -> float:
    return 0.5 if s.task.loss == "half_sse" else 1 / s.task.outputs


def activation_is(change: Callable[[float], float], name: str, places: Callable[[Task, int], bool]) -> dict[str, Rule]:
    def a(s: Student, m: int, j: int, e: int) -> float:
        hit = m > 0 and places(s.task, m) and s.task.names[m] not in ("softmax", "identity")
        return change(s("z", m, j, e)) if hit and name in ("", s.task.names[m]) else activation(s, m, j, e)

    return {"a": a}


def merged(*parts: dict[str, Rule]) -> dict[str, Rule]:
    return {kind: rule for part in parts for kind, rule in part.items()}


def summed_loss(s: Student, *at: int) -> float:
    each = at or range(1, s.task.examples + 1)
    outputs = range(1, s.task.outputs + 1)
    return sum((s("a", s.task.last, j, e) - s("y", j, e)) ** 2 for e in each for j in outputs)


def root_of_loss(s: Student, kind: str, *at: int) -> float | None:
    return math.sqrt(s("loss", *at)) if kind == "loss" else None


def z_for_prediction(s: Student, m: int, j: int, e: int) -> float:
    share = s.task.outputs if s.task.loss == "binary_cross_entropy" else 1
    return (s("z", m, j, e) - s("y", j, e)) / share if m == s.task.last else RULES["dz"](s, m, j, e)


def squared_share(change: Callable[[float, float], float]) -> dict[str, Rule]:
    """∂L/∂ŷ is the factor of the loss (2/outputs, or 1) times something made from ŷ and y."""

    def da(s: Student, m: int, j: int, e: int) -> float:
        if m < s.task.last:
            return RULES["da"](s, m, j, e)
        factor = 2 / s.task.outputs if s.task.loss == "mse" else 1.0
        return factor * change(s("a", m, j, e), s("y", j, e))

    return {"da": da}


def undivided_slope(s: Student, m: int, j: int, e: int) -> float:
    """2·(ŷ − y), not divided by the number of outputs."""
    return RULES["da"](s, m, j, e) if m < s.task.last else 2 * (s("a", m, j, e) - s("y", j, e))


def of_unit(change: Callable[[float], float]) -> Rule:
    return lambda s, m, j, e: change(s("a", m, j, e))


def slope_at(name: str, z: float) -> float:
    """The slope of an activation where its input is z."""
    a = squash(name, z)
    return a * (1 - a) if name == "sigmoid" else 1 - a * a


def slope_at_output(s: Student, m: int, j: int, e: int) -> float:
    return slope_at(s.task.names[m], s("a", m, j, e))


def smooth_only(change: Rule) -> Rule:
    return lambda s, *at: change(s, *at) if s.task.names[at[0]] in ("sigmoid", "tanh") else slope(s, *at)


def sum_instead_of_input(s: Student, m: int, i: int, j: int, e: int) -> float:
    return (s("z", m - 1, i, e) if m > 1 else s("x", i, e)) * s("dz", m, j, e)


MISTAKES: dict[str, Mistake] = {
    # the error
    "sign_slip": Mistake(SIGN, error_times(-1), BACKWARD),
    "kept_half": Mistake(HALF, error_times(0.5), BACKWARD),
    "extra_two": Mistake(TWO, error_times(2), BACKWARD),
    "half_sse_for_mse": Mistake(HALF[1::-1], loss_times(lambda t: t.outputs / 2), applies=loss_is("mse")),
    "mse_for_half_sse": Mistake(("mse_mean", *TWO), loss_times(lambda t: 2 / t.outputs), applies=loss_is("half_sse")),
    "sum_not_mean_outputs": Mistake(
        ("sum_not_mean_outputs", "extra_two"), loss_times(lambda t: t.outputs), applies=loss_is("mse")
    ),
    "nothing_divided": Mistake(
        ("nothing_divided",),
        merged(mean_is(sum), {"da": undivided_slope}, {"loss": summed_loss}),
        applies=lambda t: t.loss == "mse" and t.examples > 1 and t.outputs > 1,
    ),
    "error_is_prediction": Mistake(("error_is_one_term", "target_not_subtracted"), squared_share(lambda p, y: p),
                                   BACKWARD, squared),
    "error_is_target": Mistake(("error_is_one_term",), squared_share(lambda p, y: -y), BACKWARD, squared),
    "abs_error": Mistake(("abs_error",), squared_share(lambda p, y: abs(p - y)), BACKWARD, squared),
    "squared_error_not_diff": Mistake(
        ("squared_error_not_diff",), error_is(lambda p, y, n: (p - y) ** 2), BACKWARD, squared
    ),
    "loss_without_square": Mistake(
        ("errors_not_squared",),
        {"loss": lambda s, *at: each_loss(lambda p, y: half_or_mean(s) * distance(p, y))["loss"](s, *at)},
        ("loss",),
        squared,
    ),
    "rmse_for_mse": Mistake(("rmse_for_mse",), {"answer": root_of_loss}, ("loss",), loss_is("mse")),
    "output_slope_for_loss_slope": Mistake(
        ("output_slope_for_loss_slope",),
        error_is(lambda p, y, n: 1.0),
        ("dW", "db"),
        lambda t: t.squared and t.outputs == 1,
    ),
    # the slope
    "drop_sigma_prime_out": Mistake(NO_OUTPUT_SLOPE, delta_is_error(output), ("dz", *GRADIENTS)),
    "drop_sigma_prime_hidden": Mistake(("drop_sigma_prime_hidden",), delta_is_error(hidden), ("dz", *GRADIENTS)),
    "drop_sigma_prime_all": Mistake(("drop_sigma_prime_all",), delta_is_error(anywhere), GRADIENTS, squared),
    "delta_without_sigma_with_mse": Mistake(
        NO_OUTPUT_SLOPE[::-1], output_delta(lambda p, y, n: p - y), ("dz", *GRADIENTS),
        lambda t: t.squared and output(t, t.last),
    ),
    "net_for_out_sigmoid": Mistake(
        ("net_for_out_in_sigma_prime",),
        slope_is(smooth_only(
            lambda s, m, j, e: s("z", m, j, e) * (1 - s("z", m, j, e))
            if s.task.names[m] == "sigmoid" else 1 - s("z", m, j, e) ** 2
        )),
    ),
    "sigma_prime_of_out": Mistake(("sigma_prime_of_out",), slope_is(smooth_only(slope_at_output))),
    "sigma_prime_is_s": Mistake(("sigma_prime_is_s",), slope_is(of_unit(lambda a: a), "sigmoid")),
    "tanh_prime_is_output": Mistake(("tanh_prime_is_output",), slope_is(of_unit(lambda a: a), "tanh")),
    "sigma_prime_is_one_minus_s": Mistake(
        ("sigma_prime_is_one_minus_s",), slope_is(of_unit(lambda a: 1 - a), "sigmoid")
    ),
    "tanh_prime_for_sigmoid": Mistake(
        ("tanh_prime_for_sigmoid",), slope_is(of_unit(lambda a: 1 - a * a), "sigmoid")
    ),
    "sigmoid_prime_for_tanh": Mistake(
        ("sigmoid_prime_for_tanh",), slope_is(of_unit(lambda a: a * (1 - a)), "tanh")
    ),
    "tanh_slope_plus": Mistake(("tanh_slope_plus",), slope_is(of_unit(lambda a: 1 + a * a), "tanh")),
    "tanh_slope_not_squared": Mistake(("tanh_slope_not_squared",), slope_is(of_unit(lambda a: 1 - a), "tanh")),
    "slope_of_error": Mistake(
        ("slope_of_error", "sigma_prime_of_error"),
        slope_is(lambda s, m, j, e: s("da", m, j, e) * (1 - s("da", m, j, e)), "sigmoid", output),
        ("slope", "dz", *GRADIENTS),
        lambda t: t.loss == "half_sse",
    ),
    "slope_twice_output": Mistake(("slope_applied_twice",), slope_twice(output), ("dz", *GRADIENTS)),
    "slope_twice_hidden": Mistake(
        ("slope_applied_twice",),
        slope_twice(lambda t, m: hidden(t, m) and t.names[m] in ("sigmoid", "tanh")),
        ("dz", *GRADIENTS),
    ),
    "relu_uses_sigmoid_slope": Mistake(
        ("relu_uses_sigmoid_slope",), slope_is(of_unit(lambda a: a * (1 - a)), "relu")
    ),
    "relu_slope_is_output": Mistake(("relu_slope_is_output",), slope_is(of_unit(lambda a: a), "relu")),
    # the forward pass
    "forgot_bias_forward": Mistake(("forgot_bias_forward",), no_bias(lambda t, m: True)),
    "forgot_hidden_bias": Mistake(("forgot_hidden_bias",), no_bias(hidden)),
    "forgot_output_bias": Mistake(("forgot_output_bias",), no_bias(lambda t, m: m == t.last > 1)),
    "weights_read_columnwise": Mistake(("weights_read_columnwise",), {"W": columnwise},
                                       ("z", "a", "loss", "da", "dz", "dW", "db")),
    "sigmoid_exponent_sign": Mistake(
        ("sigmoid_exponent_sign",), activation_is(lambda z: 1 / (1 + math.exp(z)), "sigmoid", lambda t, m: True)
    ),
    "no_output_activation": Mistake(
        ("no_output_activation",),
        merged(activation_is(lambda z: z, "", output), slope_is(lambda *_: 1.0, places=output)),
    ),
    "no_output_activation_going_back": Mistake(
        ("no_output_activation",), {"dz": z_for_prediction}, ("dz", "dW", "db"), crossed
    ),
    "no_hidden_activation": Mistake(
        ("no_hidden_activation",),
        merged(activation_is(lambda z: z, "", hidden), slope_is(lambda *_: 1.0, places=hidden)),
    ),
    "tanh_for_sigmoid": Mistake(
        ("tanh_for_sigmoid",),
        merged(activation_is(math.tanh, "sigmoid", anywhere), slope_is(of_unit(lambda a: 1 - a * a), "sigmoid")),
    ),
    "sigmoid_for_tanh": Mistake(
        ("sigmoid_for_tanh",),
        merged(
            activation_is(lambda z: 1 / (1 + math.exp(-z)), "tanh", anywhere),
            slope_is(of_unit(lambda a: a * (1 - a)), "tanh"),
        ),
    ),
    "targets_swapped": Mistake(
        ("targets_swapped",),
        {"y": lambda s, j, e: s.task.y[e - 1][-j]},
        applies=lambda t: t.outputs == 2,
    ),
    # the paths
    "only_path_o1": Mistake(("only_path_o1",), paths(lambda w, d: w[0] * d[0])),
    "only_path_o2": Mistake(("only_path_o2",), paths(lambda w, d: w[1] * d[1])),
    "missing_path_1": Mistake(("missing_path_1",), paths(without(0), 3)),
    "missing_path_2": Mistake(("missing_path_2",), paths(without(1), 3)),
    "missing_path_3": Mistake(("missing_path_3",), paths(without(2), 3)),
    "same_weight_on_every_path": Mistake(("same_weight_on_every_path",), paths(lambda w, d: w[0] * sum(d))),
    "no_weight_on_path": Mistake(("no_weight_on_path",), paths(lambda w, d: sum(d), 1)),
    "averaged_paths": Mistake(("averaged_paths",), paths(lambda w, d: dot(w, d) / len(w))),
    "transposed_W2": Mistake(("transposed_W2",), {"da": transposed_back}),
    "updated_output_weights_first": Mistake(UPDATED, {"da": new_weights_back}),
    # the gradients
    "no_input_factor": Mistake(
        ("no_input_factor",), each_gradient(lambda s, m, i, j, e: s("dz", m, j, e)), ("dW", "W_new")
    ),
    "net_h_instead_of_out_h": Mistake(("net_h_instead_of_out_h",), each_gradient(sum_instead_of_input),
                                      ("dW", "W_new")),
    "new_value_for_gradient": Mistake(
        ("new_value_for_gradient",), instead_of_gradient(lambda w, g, rate: w - rate * g), ("dW", "db")
    ),
    "whole_step_for_gradient": Mistake(
        ("new_value_for_gradient",), instead_of_gradient(lambda w, g, rate: w - g), ("dW", "db")
    ),
    "step_for_gradient": Mistake(
        ("step_for_gradient",), instead_of_gradient(lambda w, g, rate: -rate * g), ("dW", "db")
    ),
    # the update
    "ascent": Mistake(("ascent", *SIGN), update(lambda w, g, rate: w + rate * g), UPDATE),
    "no_learning_rate": Mistake(("no_learning_rate",), update(lambda w, g, rate: w - g), UPDATE),
    "lr_twice": Mistake(("lr_twice",), update(lambda w, g, rate: w - rate**2 * g), UPDATE),
    "replaced_weight": Mistake(("replaced_weight",), update(lambda w, g, rate: -rate * g), UPDATE),
    "gradient_times_learning_rate": Mistake(
        ("gradient_times_learning_rate",), update(lambda w, g, rate: rate * g), UPDATE
    ),
    "multiplied_by_weight": Mistake(
        ("multiplied_by_weight",), update(lambda w, g, rate: w * (1 - rate * g)), UPDATE
    ),
    "gradient_for_new_value": Mistake(("gradient_for_new_value",), update(lambda w, g, rate: g), UPDATE),
    "old_value_for_new": Mistake(
        ("old_value_for_new", "bias_never_updated"), update(lambda w, g, rate: w), UPDATE
    ),
    **{
        f"other_learning_rate_{other}": Mistake(
            ("other_learning_rate",), update(lambda w, g, rate, other=other: w - other * g), UPDATE,
            lambda t, other=other: t.rate != other,
        )
        for other in (0.01, 0.1, 0.5)
    },
    # cross-entropies
    "bce_times_sigma_prime": Mistake(
        ("bce_times_sigma_prime",), output_delta(lambda p, y, n: (p - y) / n * p * (1 - p)), ("dz", *GRADIENTS),
        loss_is("binary_cross_entropy"),
    ),
    "softmax_ce_double": Mistake(
        ("softmax_ce_double",), output_delta(lambda p, y, n: (p - y) * p * (1 - p)), ("dz", *GRADIENTS),
        loss_is("categorical_cross_entropy"),
    ),
    "softmax_diagonal_jacobian": Mistake(
        ("softmax_diagonal_jacobian",), output_delta(lambda p, y, n: -y / p * p * (1 - p)), ("dz", *GRADIENTS),
        loss_is("categorical_cross_entropy"),
    ),
    "bce_missing_one_minus_y": Mistake(
        ("bce_missing_one_minus_y",),
        each_loss(lambda p, y: -dot(y, [math.log(each) for each in p]) / len(p)),
        ("loss",), loss_is("binary_cross_entropy"),
    ),
    "bce_log10": Mistake(
        ("bce_log10",), loss_times(lambda t: 1 / math.log(10)), ("loss",), loss_is("binary_cross_entropy")
    ),
    "ce_log10": Mistake(
        ("ce_log10",), loss_times(lambda t: 1 / math.log(10)), ("loss",), loss_is("categorical_cross_entropy")
    ),
    "target_not_subtracted_softmax": Mistake(
        ("target_not_subtracted",), output_delta(lambda p, y, n: p), ("dz", *GRADIENTS),
        loss_is("categorical_cross_entropy"),
    ),
    # batches
    "batch_sum_not_mean": Mistake(("batch_sum_not_mean",), mean_is(sum), applies=batch),
    "batch_divided_twice": Mistake(("batch_divided_twice",), mean_is(lambda v: sum(v) / len(v) ** 2), applies=batch),
    "batch_first_sample_only": Mistake(("batch_first_sample_only",), mean_is(lambda v: v[0]), applies=batch),
    "batch_last_sample_only": Mistake(("batch_last_sample_only",), mean_is(lambda v: v[-1]), applies=batch),
}  # fmt: skip
"""Every mistake that a student can make, by its kind. Several kinds can belong to one id of the catalogue."""


def student(
    task: Task, mistake: str | None = None, keep: Digits | None = None, printed: tuple[str, int] | None = None,
    asked: Key | None = None,
) -> Student:  # fmt: skip
    """Return a student at work.

    Parameters
    ----------
    task : Task
    mistake : str, optional
        One of `MISTAKES`.
    keep : ("digits", k) or ("decimals", k), optional
        How every step is rounded.
    printed : ("all", k) or ("forward", k), optional
        A lesson has printed the right values with k significant digits: of all earlier steps, or only z, a and ŷ.
        The student copies each of them that the mistake does not touch, and computes the others in Python floats.
    asked : key
        What is asked for, and therefore not printed.
    """
    habits = MISTAKES[mistake].habits if mistake else {}
    copied: dict[Key, float] = {}
    if printed:
        kinds = STEPS if printed[0] == "all" else FORWARD
        right, wrong = Student(task), Student(task, habits)
        for key in task.by_name.values():
            touched = not math.isclose(right(*key), wrong(*key), rel_tol=1e-12, abs_tol=1e-15)
            if key[0] in kinds and key != asked and not touched:
                copied[key] = rounded(right(*key), ("digits", printed[1]))
    return Student(task, habits, keep=keep, printed=copied)


def solve(
    task: Task, name: str, *, mistake: str | None = None, keep: Digits | None = None,
    printed: tuple[str, int] | None = None,
) -> float:  # fmt: skip
    """Return the number that a student hands in for the value called `name`. The parameters are those of `student`."""
    key = task.by_name[name]
    return student(task, mistake, keep, printed, key).answer(key)


# Slips: what a student does differently in one step


@dataclass(frozen=True)
class Slip:
    """One slip in one step.

    Parameters
    ----------
    kind : str
        One of `SLIPS`.
    value : float
        The wrong answer.
    step : str
        Name of the step in which it happened.
    steps : frozenset of str
        This step, and each other one in which a slip of the same size gives the same answer: nobody can tell in which
        of two factors a 2 was forgotten.
    """

    kind: str
    value: float
    step: str
    steps: frozenset[str]


Edit = Callable[[Student], float]


def edited(terms: Terms) -> Edit:
    return lambda s: s.total(terms)


def terms_of(s: Student, key: Key) -> Terms:
    kind, *at = key
    return TERMS[kind](s, *at) if kind in TERMS else []


def products(s: Student, key: Key) -> list[int]:
    """Return which terms of a step are products of two values."""
    return [n for n, term in enumerate(terms_of(s, key)) if sum(isinstance(each, tuple) for each in term) > 1]


def changed(terms: Terms, n: int, *put: list) -> Edit:
    """Return the step with its term n replaced by none, one or several."""
    return edited([*terms[:n], *put, *terms[n + 1 :]])


def pick(rng: Random, found: list) -> object | None:
    return rng.choice(found) if found else None


def term_twice(s: Student, key: Key, rng: Random) -> Edit | None:
    terms = terms_of(s, key)
    n = pick(rng, list(range(len(terms))))
    return None if len(terms) < 2 else changed(terms, n, terms[n], terms[n])


def term_skipped(s: Student, key: Key, rng: Random) -> Edit | None:
    terms = terms_of(s, key)
    return None if len(terms) < 2 else changed(terms, rng.randrange(len(terms)))


def sign_in_term(s: Student, key: Key, rng: Random) -> Edit | None:
    terms = terms_of(s, key)
    if len(terms) < 2:
        return None
    n = rng.randrange(len(terms))
    return changed(terms, n, [-1.0, *terms[n]])


def decimal_point(s: Student, key: Key, rng: Random) -> Edit | None:
    terms = terms_of(s, key)
    if not terms:
        return None
    n = rng.randrange(len(terms))
    return changed(terms, n, [rng.choice((0.1, 10.0)), *terms[n]])


def neighbors(s: Student, key: Key) -> list[Key]:
    """Return the values with one index different: another unit, another weight of the same array, another target."""
    kind, *at = key
    last = {"x": len(s.task.x[0]), "y": s.task.outputs}
    if kind in ("x", "y"):
        return [(kind, j, at[1]) for j in range(1, last[kind] + 1) if j != at[0]]
    if kind == "a" and at[0] == 0:
        return [("a", 0, i, at[2]) for i in range(1, last["x"] + 1) if i != at[1]]
    if kind == "W":
        m, i, j = at
        rows = [("W", m, k, j) for k in s.task.inputs(m) if k != i]
        return rows + [("W", m, i, k) for k in s.task.units(m) if k != j]
    if kind in ("b", "a", "z", "da", "slope", "dz"):
        return [(kind, at[0], k, *at[2:]) for k in s.task.units(at[0]) if k != at[1]]
    return []


def swap_factor(
    s: Student, key: Key, rng: Random, kinds: tuple[str, ...], others: Callable[[Key], list]
) -> Edit | None:
    """Replace one factor of one term."""
    terms = terms_of(s, key)
    places = [
        (n, k)
        for n, term in enumerate(terms)
        for k, factor in enumerate(term)
        if isinstance(factor, tuple) and kind_of(factor) in kinds and others(factor)
    ]
    place = pick(rng, places)
    if place is None:
        return None
    n, k = place
    term = list(terms[n])
    term[k] = rng.choice(others(term[k]))
    return changed(terms, n, term)


def kind_of(factor: Key) -> str:
    return "x" if factor[:2] == ("a", 0) else factor[0]


def neighbor_slip(*kinds: str) -> Callable[[Student, Key, Random], Edit | None]:
    return lambda s, key, rng: swap_factor(s, key, rng, kinds, lambda factor: neighbors(s, factor))


def givens(s: Student) -> list[float]:
    task = s.task
    numbers = [value for row in (*task.x, *task.y) for value in row]
    for m, rows in task.W.items():
        numbers += [value for row in rows for value in row] + list(task.b[m] or [])
    return numbers


def given_for_given(s: Student, key: Key, rng: Random) -> Edit | None:
    return swap_factor(s, key, rng, (*GIVEN,), lambda factor: [value for value in givens(s) if value != s(*factor)])


def misread_digit(value: float) -> list[float]:
    """Return a number with one digit different.

    >>> misread_digit(0.5)[:4], len(misread_digit(-0.25))
    ([0.1, 0.2, 0.3, 0.4], 18)
    """
    text = f"{abs(value):.10g}"
    found = []
    for n, digit in enumerate(text):
        if digit.isdigit() and not (digit == "0" and n == 0):
            found += [math.copysign(float(text[:n] + other + text[n + 1 :]), value) for other in "0123456789"
                      if other != digit]  # fmt: skip
    return [each for each in found if each != 0]


def digit_misread(s: Student, key: Key, rng: Random) -> Edit | None:
    return swap_factor(s, key, rng, (*GIVEN,), lambda factor: misread_digit(s(*factor)))


def sum_for_product(s: Student, key: Key, rng: Random) -> Edit | None:
    n = pick(rng, products(s, key))
    if n is None:
        return None
    terms = terms_of(s, key)
    values = [each for each in terms[n] if isinstance(each, tuple)]
    return changed(terms, n, [lambda t: sum(t(*each) for each in values)])


def factor_lost(s: Student, key: Key, rng: Random) -> Edit | None:
    """One factor of a product that is one term among several, or one of the two of a single product, is forgotten."""
    n = pick(rng, products(s, key))
    if n is None:
        return None
    terms = terms_of(s, key)
    k = pick(rng, [k for k, each in enumerate(terms[n]) if isinstance(each, tuple)])
    return changed(terms, n, terms[n][:k] + terms[n][k + 1 :])


def times(factor: Callable[[Task], float]) -> Callable[[Student, Key, Random], Edit | None]:
    """A forgotten or an extra factor in one step."""

    def slip(s: Student, key: Key, rng: Random) -> Edit | None:
        number = factor(s.task)
        return None if number == 1 else lambda t: RULES[key[0]](t, *key[1:]) * number

    return slip


def square_forgotten(s: Student, key: Key, rng: Random) -> Edit | None:
    """In the loss of one output, or in the slope of one tanh."""
    task = s.task
    if key[0] == "slope" and task.names[key[1]] == "tanh":
        return lambda t: 1 - t("a", *key[1:])
    if key[0] != "loss" or not task.squared or (len(key) == 1 and task.examples > 1):
        return None
    e = key[1] if len(key) > 1 else 1
    n, terms = rng.randrange(task.outputs), terms_of(s, key)
    return changed(terms, n, [terms[n][0], lambda t: abs(t("a", task.last, n + 1, e) - t("y", n + 1, e))])


def at_slope(
    change: Callable[[Student, str, Key], float], *names: str
) -> Callable[[Student, Key, Random], Edit | None]:
    """The slope of one unit is something else, made from the name of the activation and the unit's indices."""

    def slip(s: Student, key: Key, rng: Random) -> Edit | None:
        if key[0] != "slope" or s.task.names[key[1]] not in names:
            return None
        return lambda t: change(t, t.task.names[key[1]], key[1:])

    return slip


def at_activation(change: Callable[[float], float], *names: str) -> Callable[[Student, Key, Random], Edit | None]:
    """The output of one unit is something else, made from its z."""

    def slip(s: Student, key: Key, rng: Random) -> Edit | None:
        if key[0] != "a" or s.task.names[key[1]] not in names:
            return None
        return lambda t: change(t("z", *key[1:]))

    return slip


def bias_subtracted(s: Student, key: Key, rng: Random) -> Edit | None:
    if key[0] != "z" or not s.task.b[key[1]]:
        return None
    return lambda t: RULES["z"](t, *key[1:]) - 2 * t("b", key[1], key[2])


def bias_skipped(s: Student, key: Key, rng: Random) -> Edit | None:
    if key[0] != "z" or not s.task.b[key[1]]:
        return None
    return lambda t: RULES["z"](t, *key[1:]) - t("b", key[1], key[2])


def bracket_in_error(s: Student, key: Key, rng: Random) -> Edit | None:
    """2·ŷ − y for 2·(ŷ − y), over the number of outputs."""
    task = s.task
    if key[:2] != ("da", task.last) or task.loss != "mse":
        return None
    at = key[1:]
    return lambda t: (2 * t("a", *at) - t("y", *at[1:])) / task.outputs


def other_slope(t: Student, name: str, at: Key) -> float:
    return t("slope", *neighbors(t, ("slope", *at))[0][1:]) if neighbors(t, ("slope", *at)) else math.nan


SLIPS: dict[str, Callable[[Student, Key, Random], Edit | None]] = {
    "term_twice": term_twice,
    "term_skipped": term_skipped,
    "sign_in_term": sign_in_term,
    "decimal_point_in_term": decimal_point,
    "neighbor_weight": neighbor_slip("W"),
    "neighbor_signal": neighbor_slip("a", "x"),
    "neighbor_bias": neighbor_slip("b"),
    "neighbor_target": neighbor_slip("y"),
    "neighbor_delta": neighbor_slip("dz"),
    "neighbor_slope": at_slope(other_slope, "sigmoid", "tanh"),
    "given_for_given": given_for_given,
    "digit_misread": digit_misread,
    "sum_for_product": sum_for_product,
    "factor_lost": factor_lost,
    "half_in_step": times(lambda task: 0.5),
    "two_in_step": times(lambda task: 2.0),
    "n_forgotten_in_step": times(lambda task: float(task.examples)),
    "n_twice_in_step": times(lambda task: 1 / task.examples),
    "rate_in_step": times(lambda task: task.rate),
    "square_forgotten": square_forgotten,
    "bias_subtracted": bias_subtracted,
    "bias_skipped": bias_skipped,
    "exponent_sign": at_activation(lambda z: 1 / (1 + math.exp(z)), "sigmoid"),
    "bracket_in_sigmoid": at_activation(lambda z: 1 / 1 + math.exp(-z), "sigmoid"),
    "activation_skipped": at_activation(lambda z: z, "sigmoid", "tanh"),
    "bracket_in_slope": at_slope(lambda t, name, at: t("a", *at) * 1 - t("a", *at), "sigmoid"),
    "bracket_in_error": bracket_in_error,
    "slope_of_output": at_slope(lambda t, name, at: slope_at(name, t("a", *at)), "sigmoid", "tanh"),
    "slope_formula_at_sum": at_slope(
        lambda t, name, at: t("z", *at) * (1 - t("z", *at)) if name == "sigmoid" else 1 - t("z", *at) ** 2,
        "sigmoid", "tanh",
    ),
    "slope_is_one_minus_output": at_slope(lambda t, name, at: 1 - t("a", *at), "sigmoid"),
    "slope_forgotten": at_slope(lambda t, name, at: 1.0, "sigmoid", "tanh"),
    "slope_squared": at_slope(lambda t, name, at: slope(t, *at) ** 2, "sigmoid", "tanh"),
    "other_quantity": lambda s, key, rng: None,  # in `slip`: it needs the whole way
}  # fmt: skip
"""Slips by kind: (student, step, rng) ↦ what the step becomes, or None where that kind cannot happen."""


def slip(task: Task, name: str, kind: str, rng: Random, visible: Callable[[float], bool] = bool) -> Slip | None:
    """Return one slip of a kind in the steps of a value, or None if no slip of that kind changes it visibly.

    Parameters
    ----------
    task : Task
    name : str
        What is asked for.
    kind : str
        One of `SLIPS`.
    rng : random.Random
        Chooses the step and what happens there.
    visible : callable
        Whether a wrong answer is wrong enough.
    """
    asked, right = task.by_name[name], Student(task)
    truth = right.answer(asked)
    way = right.way(asked)
    if kind == "other_quantity":
        found = [right(*key) for key in way if key != asked and visible(right(*key)) and right(*key) != truth]
        return Slip(kind, rng.choice(found), name, frozenset([name])) if found else None
    for key in rng.sample(way, len(way)):
        edit = SLIPS[kind](right, key, rng)
        if edit is None:
            continue
        wrong = Student(task, edits={key: edit})
        value = wrong.answer(asked)
        if math.isfinite(value) and not math.isclose(value, truth, rel_tol=1e-9) and visible(value):
            return Slip(kind, value, task.name(key), equal_steps(right, asked, key, wrong(*key), value))
    return None


def equal_steps(right: Student, asked: Key, key: Key, step_value: float, value: float) -> frozenset[str]:
    """Return the names of the steps in which a slip of the same size gives the same answer."""
    task, old = right.task, right(*key)
    names = {task.name(key)}
    for other in right.way(asked):
        replaced = [right(*other) + step_value - old, *([right(*other) * step_value / old] if old else [])]
        for new in replaced:
            again = Student(task, edits={other: lambda t, new=new: new}).answer(asked)
            if math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-14):
                names.add(task.name(other))
    return frozenset(names | {also for each in names for also in aliases(task, each)})


def aliases(task: Task, name: str) -> list[str]:
    """Return the other names of a value: the last a is ŷ, and a single example needs no number."""
    found = re.fullmatch(r"(a|da)(\d+)(\[.*)", name)
    if found and int(found[2]) == task.last:
        return [("y_hat" if found[1] == "a" else "dy_hat") + found[3]]
    return []
