"""The value that each mistake gives: every candidate for how a value was computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from bpcourse.tutor.equations import Finish, Step, Values, needed_for
from bpcourse.tutor.mistakes.record import Answers, Mistake, Rules, replaced
from bpcourse.tutor.mistakes.view import At, cross_entropy

PAIRS = (
    ("updated_output_weights_first", "bias_never_updated"),
    ("drop_sigma_prime_hidden", "only_path_o1"),
    ("drop_sigma_prime_out", "only_path_o1"),
    ("drop_sigma_prime_out", "updated_output_weights_first"),
    ("drop_sigma_prime_all", "updated_output_weights_first"),
    ("no_input_factor", "drop_sigma_prime_hidden"),
    ("sign_slip", "only_path_o1"),
    ("sign_slip", "drop_sigma_prime_out"),
    ("kept_half", "only_path_o1"),
    ("forgot_bias_forward", "sign_slip"),
)
"""Mistakes that are often made together."""

STAGE = {
    "given": 0, "z": 0, "a": 0, "y_hat": 0, "loss": 1, "error": 1, "slope": 1, "delta": 1, "back": 1,
    "dW": 2, "db": 2, "mean": 2, "new": 3,
}  # fmt: skip
"""No step needs one of a later stage, except to compute what comes after the update."""

LAYERED = {"slope", "a", "z", "back", "delta"}
"""Kinds of step that each layer has: a mistake there may have been made in one layer only."""


@dataclass(frozen=True)
class Candidate:
    """One way to compute a value: the right one, or one with a mistake, or with two that are often made together.

    Parameters
    ----------
    mistakes : tuple of Mistake
        What is done wrong; empty for the right way.
    value : float
        What comes out.
    again : callable
        Computes it again. A `Finish` gets each step with its value, and may round it.
    prior : float
        How usual it is.
    layer : int
        The one layer in which the mistake is made, or 0.
    """

    mistakes: tuple[Mistake, ...]
    value: float
    again: Callable[[Finish], float] = field(repr=False)
    prior: float = 0.0
    layer: int = 0


@dataclass(frozen=True)
class _Way:
    """A set of wrong rules, and the mistakes that they are."""

    mistakes: tuple[Mistake, ...]
    rules: Mapping[str, Callable[[Step, Values], float]]
    prior: float
    layer: int = 0
    number: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        """The key of its values in a `Memo`."""
        return " ".join(mistake.id for mistake in self.mistakes), self.number, self.layer


def right_way(table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None) -> Candidate:
    """Return the right way to compute a value, from the learner's own earlier values if there are any."""
    values = Values(table, known)
    return Candidate((), values[name], partial(_again, values, name, known))


RIGHT = ("", 0, 0)
Memo = dict[tuple[str, int, int], Values]
"""The values under each mistake, as far as they were computed: by its id, the number of the way, and the layer."""


def candidates(
    catalogue: Iterable[Mistake],
    table: Mapping[str, Step],
    name: str,
    known: Mapping[str, float] | None = None,
    memo: Memo | None = None,
) -> Iterator[Candidate]:
    """Yield what each mistake, then each usual pair of mistakes, makes of a value, unless it leaves it right.

    Parameters
    ----------
    catalogue : iterable of Mistake
        The mistakes.
    table : mapping of str to Step
        The steps of the pass.
    name : str
        The value that is asked for.
    known : mapping of str to float, optional
        Values that are used unchanged, such as the learner's own earlier ones.
    memo : dict, optional
        What was computed for other names with the same `known`, such as the other entries of an array. It is used and
        extended.
    """
    memo = {} if memo is None else memo
    right, step = memo.setdefault(RIGHT, Values(table, known)), table[name]
    needed = needed_for(table, name, known)
    for each in needed:
        right[each.name]
    seeds = [
        {each.name: right[each.name] for each in needed if STAGE[each.kind] < stage and not each.new}
        | dict(known or {})
        for stage in range(4)
    ]
    kinds: dict[str, list[Step]] = {}
    for each in needed:
        kinds.setdefault(each.kind, []).append(each)
    shown: dict[str, Mistake] = {}
    for mistake in catalogue:
        if not mistake.applies(step.facts):
            continue
        if mistake.answers is not None:
            shown[mistake.id] = mistake
            yield from _wrong_answers(mistake, mistake.answers, table, step, right, known)
        for way in _ways(mistake, kinds, step):
            shown[mistake.id] = mistake
            yield from _computed(way, table, name, known, seeds, memo)
    for pair in PAIRS:
        if all(id in shown for id in pair):
            mistakes = tuple(shown[id] for id in pair)
            rules = {kind: rule for each in mistakes for kind, rule in replaced(each.rules, each.where).items()}
            way = _Way(mistakes, rules, min(each.prior for each in mistakes) - 2)
            yield from _computed(way, table, name, known, seeds, memo)


def _ways(mistake: Mistake, kinds: Mapping[str, list[Step]], step: Step) -> Iterator[_Way]:
    """Yield the ways to make a mistake: everywhere, the long way with a cross-entropy, and in one layer only."""

    def shows(rules: Rules, where: Callable[[Step], bool]) -> bool:
        return any(where(each) for kind in rules for each in kinds.get(kind, ()))

    for number, rules in enumerate((mistake.rules, *mistake.also)):
        if shows(rules, mistake.where):
            yield _Way((mistake,), replaced(rules, mistake.where), mistake.prior, number=number)
        if mistake.long_way and cross_entropy(step.facts) and shows(rules, mistake.long_way):
            yield _Way((mistake,), replaced(rules, mistake.long_way), 0.5, number=-1 - number)
    if step.facts.last > 2 and LAYERED.intersection(mistake.rules):
        for layer in range(1, step.facts.last + 1):

            def here(each: Step, layer: int = layer) -> bool:
                return each.layer == layer and mistake.where(each)

            if shows(mistake.rules, here):
                yield _Way((mistake,), replaced(mistake.rules, here), mistake.prior - 1.5, layer)


def _computed(
    way: _Way,
    table: Mapping[str, Step],
    name: str,
    known: Mapping[str, float] | None,
    seeds: list[dict[str, float]],
    memo: Memo,
) -> Iterator[Candidate]:
    values = memo.setdefault(way.key, Values(table, {}, way.rules))
    values.update(seeds[min(STAGE[kind] for kind in way.rules)])
    try:
        value = values[name]
    except (ArithmeticError, ValueError, KeyError):  # the mistake needs what this pass does not have
        return
    if way.number > 0 and value == 0:  # a variant that leaves nothing of the value explains nothing
        return
    if _differs(value, memo[RIGHT][name]):
        yield Candidate(way.mistakes, value, partial(_again, values, name, known), way.prior, way.layer)


def _settled(values: Values, name: str, known: Mapping[str, float] | None) -> Mapping[str, float] | None:
    """Return the values that are not computed again. After an update the gradients are among them.

    To round a gradient moves the new parameter less than to round the parameter itself.
    """
    if values.table[name].kind == "new" or not values.table[name].new:
        return known
    gradients = [each.needs[2] for each in values.table.values() if each.kind == "new"]
    return {each: values[each] for each in gradients if each in values} | dict(known or {})


def _wrong_answers(
    mistake: Mistake,
    answers: Answers,
    table: Mapping[str, Step],
    step: Step,
    right: Values,
    known: Mapping[str, float] | None,
) -> Iterator[Candidate]:
    try:
        values = list(answers(At(step, right)))
    except (ArithmeticError, ValueError, KeyError):
        return
    for place, value in enumerate(values):
        if _differs(value, right[step.name]):
            again = partial(_answer_again, answers, table, step, known, place)
            yield Candidate((mistake,), value, again, mistake.prior)


def _differs(value: float, right: float) -> bool:
    return math.isfinite(value) and not math.isclose(value, right, rel_tol=1e-9)


def _again(values: Values, name: str, known: Mapping[str, float] | None, finish: Finish) -> float:
    """Compute a value again; NaN if that is impossible with rounded steps, such as the logarithm of 0."""
    try:
        return Values(values.table, _settled(values, name, known), values.rules, finish)[name]
    except (ArithmeticError, ValueError):
        return math.nan


def _answer_again(
    answers: Answers,
    table: Mapping[str, Step],
    step: Step,
    known: Mapping[str, float] | None,
    place: int,
    finish: Finish,
) -> float:
    """Compute a wrong answer again; NaN if that is impossible, or if there are fewer of them with rounded steps."""
    try:
        return list(answers(At(step, Values(table, known, None, finish))))[place]
    except (ArithmeticError, ValueError, IndexError):
        return math.nan
