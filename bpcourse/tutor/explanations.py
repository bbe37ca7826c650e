"""Explanations of wrong gradients: which mistakes give exactly these arrays, on all networks.

Each mistake of the catalogue is tried as an edit of the equations: everywhere, in one layer only, and for weights or
biases only. If no single edit gives the arrays, constant factors and then pairs of edits are tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from bpcourse.engine.validation import Array
from bpcourse.tutor.equations import Step, Values
from bpcourse.tutor.experiments import SIMILAR_SINGLE, Experiment
from bpcourse.tutor.mistakes import CATALOGUE, MISTAKES, Mistake
from bpcourse.tutor.mistakes.in_code import IN_CODE
from bpcourse.tutor.mistakes.search import STAGE
from bpcourse.tutor.mistakes.view import At, cross_entropy

Rules = Mapping[str, Callable[[Step, Values], float]]

PART = 1.5  # what a prior loses if a mistake is made in one place only
BACKWARD = ("new", "mean", "dW", "db", "back", "delta", "slope", "error", "loss", "y_hat", "a", "z", "given")
"""Kinds of steps, those first that are nearest to what is returned."""
OF_ONE_PARAMETER = {"dW", "db", "mean", "new"}
"""Kinds of steps that belong to weights, or to biases."""
TINY = 1e-300
BLURRED = 0.05  # of the largest gradient: the share that the last bits of a parameter may have
EXACT = 1e-9  # relative: a difference that rounding in the machine explains
NEAREST = 100.0  # an edit that is this many times further away than the nearest one is not the explanation
ROUNDED = 12  # decimals to which arrays are compared that should be the same
MOST_PAIRED = 200  # edits that are tried in pairs
MOST_HEADS = 4  # edits that are combined with every other


@dataclass(frozen=True)
class Edit:
    """One or two mistakes, and where they are made.

    Parameters
    ----------
    mistakes : tuple of Mistake
        The mistakes.
    rules : mapping
        By kind of step, the wrong rule.
    prior : float
        How usual it is.
    kinds : tuple of str
        The kinds of steps that it changes.
    layers : frozenset of int
        The layers in which it changes something.
    part : bool
        Whether the mistake could have been made in more places.
    only : str
        "W" or "b" if it changes only the gradients of weights or of biases, else "".
    """

    mistakes: tuple[Mistake, ...]
    rules: Rules
    prior: float
    kinds: tuple[str, ...]
    layers: frozenset[int]
    part: bool = False
    only: str = ""

    @property
    def stage(self) -> int:
        """The stage of the computation from which on it changes something."""
        return min(STAGE[kind] for kind in self.kinds)

    @property
    def kind(self) -> str:
        """The kind of step that is nearest to the loss, where the mistake is made."""
        return max(self.kinds, key=BACKWARD.index)


@dataclass(frozen=True)
class Explanation:
    """The mistakes that give exactly the arrays that a function returned.

    Parameters
    ----------
    edits : tuple of tuple of Edit
        The mistakes, one after the other; for each, all edits that cannot be told apart, the likeliest first.
    factor : float
        What all arrays are multiplied by in addition.
    whole : bool
        Whether it explains all wrong arrays, or only those next to the output.
    """

    edits: tuple[tuple[Edit, ...], ...]
    factor: float = 1.0
    whole: bool = True


# Edits


def edits_of(experiment: Experiment) -> list[Edit]:
    """Return every edit of the equations of a pass: each mistake everywhere, and in each place where it can be made."""
    steps = [step for step in experiment.steps.values() if not step.new or step.kind == "new"]
    facts = steps[0].facts
    by_kind: dict[str, list[Step]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step)
    found: dict[tuple[int, int, frozenset[str]], Edit] = {}
    for place, mistake in enumerate((*CATALOGUE, *IN_CODE)):
        if not mistake.applies(facts) or mistake.answers is not None:
            continue
        for number, rules in enumerate((mistake.rules, *mistake.also)):
            for where in (mistake.where, mistake.long_way if cross_entropy(facts) else None):
                if where is None:
                    continue
                here = [step for kind in rules for step in by_kind.get(kind, ()) if where(step)]
                for part, penalty, only in _parts(here, rules):
                    key = place, number, frozenset(step.name for step in part)
                    if key not in found and part:
                        prior = mistake.prior - penalty - (mistake in IN_CODE) + ("new" in rules)
                        prior += 1.5 * (cross_entropy(facts) and mistake.topic in ("cross-entropy", "softmax"))
                        edit = _edit(mistake, rules, part, prior)
                        if mistake in IN_CODE and len(rules) == 1:
                            only = only or {"dW": "W", "db": "b"}.get(edit.kind, "")
                        found[key] = replace(edit, part=penalty > 0, only=only)
    return sorted(found.values(), key=lambda edit: -edit.prior)


def _parts(steps: list[Step], rules: Mapping[str, object]) -> Iterator[tuple[list[Step], float, str]]:
    """Yield the steps at which a mistake is made: all, those of one layer, and those of weights or of biases.

    With them come what their prior loses, and "W" or "b" if they belong only to weights or to biases.
    """
    yield steps, 0.0, ""
    layers = sorted({step.layer for step in steps})
    for layer in layers if len(layers) > 1 else ():
        yield [step for step in steps if step.layer == layer], PART, ""
    if OF_ONE_PARAMETER.issuperset(rules):
        for kind in "Wb":
            own = [step for step in steps if kind in step.parts.quantity]
            yield own, PART, kind
            for layer in layers:
                yield [step for step in own if step.layer == layer], 2 * PART, kind


def _edit(mistake: Mistake, rules: Mapping[str, Callable[[At], float]], part: list[Step], prior: float) -> Edit:
    names = {step.name for step in part}

    def wrong(rule: Callable[[At], float]) -> Callable[[Step, Values], float]:
        return lambda step, v: rule(At(step, v)) if step.name in names else step.rule(v)

    kinds = tuple(dict.fromkeys(step.kind for step in part))
    layers = frozenset(step.layer for step in part)
    all_rules = {kind: wrong(rules[kind]) for kind in kinds}
    if "given" in all_rules:  # only the pass reads the parameters in the wrong way, and not the update
        all_rules["new"] = _from_true_value
    return Edit((mistake,), all_rules, prior, kinds, layers)


def _from_true_value(step: Step, v: Values) -> float:
    old, rate, gradient = step.needs
    return v.table[old].value - v[rate] * v[gradient]


def both(one: Edit, other: Edit) -> Edit:
    """Return two edits made together; where both change a step, the second changes the result of the first."""

    def after(kind: str) -> Callable[[Step, Values], float]:
        first, second = one.rules[kind], other.rules[kind]

        def rule(step: Step, v: Values) -> float:
            return second(replace(step, rule=lambda values: first(step, values)), v)  # type: ignore[arg-type]

        return rule

    shared = {kind: after(kind) for kind in one.rules.keys() & other.rules.keys()}
    kinds = tuple(dict.fromkeys((*one.kinds, *other.kinds)))
    mistakes, layers = (*one.mistakes, *other.mistakes), one.layers | other.layers
    return Edit(mistakes, {**one.rules, **other.rules, **shared}, one.prior + other.prior, kinds, layers)


# Comparing


class Board:
    """The arrays that a function returned for one network, and what edits make of the right ones.

    Parameters
    ----------
    experiment : Experiment
        The network.
    arrays : mapping of str to array
        What was returned: for each parameter its gradient.
    similar : float
        How near two arrays must be, relative to the largest entry.
    """

    def __init__(self, experiment: Experiment, arrays: Mapping[str, Array], similar: float) -> None:
        self.experiment = experiment
        self.order = list(arrays)
        self.names = {name: list(experiment.names[name].flat) for name in self.order}
        self.got = {name: np.ravel(arrays[name]) for name in self.order}
        self.right = {name: np.ravel(experiment.right[name]) for name in self.order}
        self.similar = similar
        bits, rate = 2.0**-22 if similar == SIMILAR_SINGLE else 2.0**-51, experiment.rate
        # A new parameter has lost the digits of its step below its last bits.
        self.lost = {name: 0.0 if rate is None else bits * abs(experiment.trace[name]).max() / rate for name in arrays}
        values = {name: step.value for name, step in experiment.steps.items()}
        steps = experiment.steps.values()
        self.seeds = [
            {step.name: values[step.name] for step in steps if STAGE[step.kind] < stage and not step.new}
            for stage in range(4)
        ]
        self._before: dict[tuple[int, int], dict[str, float]] = {}

    def values(self, edit: Edit) -> Values:
        """Return the values under an edit, to be computed when they are asked for."""
        return Values(self.experiment.steps, self.seeds[edit.stage], edit.rules)

    def values_of_both(self, one: Edit, other: Edit) -> Values:
        """Return the values under two edits. What the later one cannot change is computed only once for each edit."""
        first, then = sorted((one, other), key=lambda edit: edit.stage)
        key = id(first), then.stage
        if key not in self._before:
            values, kinds = self.values(first), self.experiment.steps
            for name in self.order:
                self.made(values, name)
            self._before[key] = {name: each for name, each in values.items() if STAGE[kinds[name].kind] < then.stage}
        return Values(self.experiment.steps, self._before[key], both(first, then).rules)

    def made(self, values: Values, name: str) -> Array | None:
        """Return the gradient of a parameter under an edit; None if it cannot be computed."""
        try:
            array = np.array([values[each] for each in self.names[name]])
        except (ArithmeticError, ValueError, KeyError):
            return None
        rate = self.experiment.rate
        return array if rate is None else (np.ravel(self.experiment.trace[name]) - array) / rate

    @property
    def blurred(self) -> bool:
        """Whether the steps are so small that a parameter keeps hardly a digit of them."""
        return max(self.lost.values()) > BLURRED * max(float(np.abs(each).max()) for each in self.right.values())

    def is_right(self, name: str) -> bool:
        """Return whether the gradient of a parameter is right."""
        return self.same(self.right[name], name)

    def same(self, array: Array | None, name: str, factor: float = 1.0) -> bool:
        """Return whether an array, times a factor, is what was returned."""
        return self.error(array, name, factor) <= self.similar

    def error(self, array: Array | None, name: str, factor: float = 1.0) -> float:
        """Return how far an array, times a factor, is from what was returned, relative to the largest entry."""
        if array is None:
            return math.inf
        got, right = self.got[name], self.right[name]
        with np.errstate(all="ignore"):
            sizes = [float(np.abs(each).max()) for each in (got, factor * array, 1e-3 * right)]
            return max(float(np.abs(got - factor * array).max()) - self.lost[name], 0.0) / max(*sizes, TINY)

    def error_of(self, values: Values, names: Iterable[str], factor: float = 1.0) -> float:
        """Return how far the gradients of these parameters are from what was returned; infinity if they differ."""
        worst = 0.0
        for name in names:
            worst = max(worst, self.error(self.made(values, name), name, factor))
            if not worst <= self.similar:
                return math.inf
        return worst


def way_back(experiment: Experiment) -> list[str]:
    """Return the parameters in the order in which the gradients are computed: the last layer first."""
    layers = range(len(experiment.trace.network.layers), 0, -1)
    return [name for layer in layers for name in experiment.parameters if int(name[1:]) == layer]


def factors_of(experiment: Experiment) -> dict[float, tuple[str, ...]]:
    """Return the constants that gradients are often multiplied by, with the ids of the mistakes that do that."""
    outputs, examples = experiment.trace["y"].shape[1], len(experiment.trace["x"])
    loss = experiment.trace.loss_function.name
    sign = {"binary_cross_entropy": "bce_sign", "categorical_cross_entropy": "ce_sign"}.get(loss, "sign_slip")
    single = [(-1.0, sign)]
    if examples > 1:
        single += [(float(examples), "batch_sum_not_mean"), (1 / examples, "batch_divided_twice")]
    if loss != "binary_cross_entropy" or outputs != 2:  # otherwise the number of outputs is likelier
        single += [(2.0, "extra_two"), (0.5, "kept_half")]
    if outputs > 1:
        over = {"mse": "sum_not_mean_outputs", "binary_cross_entropy": "bce_sum_outputs"}.get(
            loss, "sum_not_mean_outputs"
        )
        single += [(float(outputs), over), (1 / outputs, "mean_over_outputs_of_half")]
    found: dict[float, tuple[str, ...]] = {}
    for value, id in single:
        found.setdefault(value, (id,))
    for (value, id), (other, its) in combinations(single, 2):
        if not any(math.isclose(value * other, each) for each in (1.0, *found)):
            found[value * other] = (id, its)
    return found


# The search


def explain(boards: Sequence[Board]) -> Explanation | None:
    """Return the mistakes that give exactly the arrays that were returned, on all networks; None if there are none.

    Parameters
    ----------
    boards : sequence of Board
        What was returned for each network.
    """
    first = boards[0]
    names = [name for name in way_back(first.experiment) if name in first.order]
    edits = edits_of(first.experiment)
    made = {id(edit): _all_made(first, edit, names) for edit in edits}
    single = _that_fit(boards, edits, made, names, 1.0)
    if single:
        return Explanation((single,))
    factors = factors_of(first.experiment)
    for factor in factors:
        if all(board.same(board.right[name], name, factor) for board in boards for name in names):
            return Explanation((), factor)
    for factor in factors:
        single = _that_fit(boards, edits, made, names, factor)
        if single:
            return Explanation((single,), factor)
    return _two(boards, edits, made, names, factors)


def _all_made(board: Board, edit: Edit, names: Sequence[str]) -> dict[str, Array | None]:
    values = board.values(edit)
    return {name: board.made(values, name) for name in names}


def _that_fit(
    boards: Sequence[Board],
    edits: Iterable[Edit],
    made: Mapping[int, Mapping[str, Array | None]],
    names: Sequence[str],
    factor: float,
) -> tuple[Edit, ...]:
    """Return the edits that give these arrays on all networks, the likeliest first."""
    first, *others = boards
    errors: dict[int, float] = {}
    for number, edit in enumerate(edits):
        if all(first.same(made[id(edit)][name], name, factor) for name in names):
            mine = max(first.error(made[id(edit)][name], name, factor) for name in names)
            errors[number] = max([mine, *(board.error_of(board.values(edit), names, factor) for board in others)])
    nearest = min(errors.values(), default=math.inf)
    if not nearest <= first.similar:
        return ()
    all_edits = list(edits)
    return tuple(all_edits[number] for number, error in errors.items() if error <= max(NEAREST * nearest, EXACT))


def _two(
    boards: Sequence[Board],
    edits: list[Edit],
    made: Mapping[int, Mapping[str, Array | None]],
    names: list[str],
    factors: Mapping[float, tuple[str, ...]],
) -> Explanation | None:
    """Return two mistakes that give the arrays together, or one that gives those next to the output."""
    layer = next(int(name[1:]) for name in names if not all(board.is_right(name) for board in boards))
    head = [name for name in names if int(name[1:]) >= layer]
    rest = [name for name in names if int(name[1:]) < layer]
    partly: Explanation | None = None
    for factor in (1.0, *factors) if rest else ():
        heads = _that_fit(boards, edits, made, head, factor)
        found = _second(boards, heads[:MOST_HEADS] or (NOTHING,), edits, names, rest, factor)
        if found:
            return found
        if heads:
            partly = partly or Explanation((heads,), factor, whole=False)
    return partly or _pair(boards, edits, made, names, head)


NOTHING = Edit((), {}, 0.0, ("new",), frozenset())
"""No mistake: only a factor."""


def _second(
    boards: Sequence[Board],
    heads: Sequence[Edit],
    edits: list[Edit],
    names: Sequence[str],
    rest: Sequence[str],
    factor: float,
) -> Explanation | None:
    """Return the second of two mistakes, if the first gives the arrays next to the output."""
    first, entry = boards[0], rest[0]
    for one in heads:
        found = []
        for other in edits:
            values = first.values_of_both(one, other)
            if first.same(first.made(values, entry), entry, factor) and _on_all(boards, one, other, names, factor):
                found.append(other)
        if found:
            ones = tuple(each for each in heads if each.mistakes)
            return Explanation((ones, tuple(found)) if ones else (tuple(found),), factor)
    return None


def _on_all(boards: Sequence[Board], one: Edit, other: Edit, names: Sequence[str], factor: float = 1.0) -> bool:
    """Return whether two mistakes give these arrays on all networks."""
    return all(board.error_of(board.values_of_both(one, other), names, factor) <= board.similar for board in boards)


def _pair(
    boards: Sequence[Board],
    edits: list[Edit],
    made: Mapping[int, Mapping[str, Array | None]],
    names: Sequence[str],
    head: Sequence[str],
) -> Explanation | None:
    """Return two mistakes that both change the arrays next to the output.

    One entry is compared first. Edits that do the same to these arrays are tried only once.
    """
    first = boards[0]
    alike: dict[bytes, list[Edit]] = {}
    for edit in edits:
        arrays = [made[id(edit)][name] for name in head]
        if all(array is not None for array in arrays):
            everything = np.concatenate([array for array in arrays if array is not None])
            alike.setdefault(everything.round(ROUNDED).tobytes(), []).append(edit)
    right = np.concatenate([first.right[name] for name in head])
    alike.pop(right.round(ROUNDED).tobytes(), None)
    wrong = [name for name in head if not first.is_right(name)]
    if not wrong:  # they are wrong on another network, and mistakes are so on all
        return None
    entry = max(wrong, key=lambda name: len(first.got[name]))
    place = int(np.abs(first.got[entry]).argmax())
    for ones, others in combinations(list(alike.values())[:MOST_PAIRED], 2):
        value = _value(first, ones[0], others[0], entry, place)
        if not math.isclose(value, first.got[entry][place], rel_tol=first.similar):
            continue
        for one, other in product(ones, others):
            if _on_all(boards, one, other, names):
                nearest = sorted((one, other), key=lambda edit: -BACKWARD.index(edit.kind))
                return Explanation(tuple((each,) for each in nearest))
    return None


def _value(board: Board, one: Edit, other: Edit, name: str, place: int) -> float:
    """Return one entry of a gradient under two edits; NaN if it cannot be computed."""
    try:
        value = board.values_of_both(one, other)[board.names[name][place]]
    except (ArithmeticError, ValueError, KeyError):
        return math.nan
    rate = board.experiment.rate
    return value if rate is None else (np.ravel(board.experiment.trace[name])[place] - value) / rate


def ids_of(explanation: Explanation, experiment: Experiment) -> tuple[str, ...]:
    """Return the ids of the mistakes of an explanation, the likeliest of the first mistake first."""
    ids = [mistake.id for edits in explanation.edits for edit in edits for mistake in edit.mistakes]
    if explanation.factor != 1.0:
        ids += factors_of(experiment)[explanation.factor]
    return tuple(dict.fromkeys(id for id in ids if id in MISTAKES))
