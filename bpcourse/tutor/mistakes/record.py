"""The record of a mistake: a wrong rule in the place of a right one. Its text is in ``words.toml``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Facts, Step, Values
from bpcourse.tutor.mistakes.view import At
from bpcourse.tutor.words import suited

Rule = Callable[[At], float]
Rules = Mapping[str, Rule]
"""By kind of step, the wrong rule; see `bpcourse.tutor.equations` for the kinds."""


Answers = Callable[[At], Iterable[float]]
"""Wrong answers from the right values."""


@dataclass(frozen=True)
class Words:
    """The words for a mistake.

    Parameters
    ----------
    topic : str
        forward, activation, loss, chain, update, rounding, cross-entropy, softmax or batch.
    name : str
        What it is, after "you get this number if …".
    hint : str
        A question that leads on.
    believes : str
        What the student believes, in one sentence; "" for a slip.
    prior : int
        3 for very common mistakes, 2 for common ones, 1 for rare ones.
    """

    topic: str
    name: str
    hint: str
    believes: str = ""
    prior: int = 2


@cache
def _texts() -> dict[str, Any]:
    return read_toml("tutor/mistakes/words.toml")


@cache
def _usual(id: str) -> Words:
    return Words(**{field: text for field, text in _texts()[id].items() if field != "cases"})


@dataclass(frozen=True)
class Mistake:
    """One mistake. It has no answers: its number for any question about any network comes out of its rules.

    Parameters
    ----------
    id : str
        Its name in verdicts, and the key of its text in ``words.toml``.
    rules : mapping of str to callable
        By kind of step, the wrong rule. A rule gets the step that it replaces, with the values around it, as `At`.
    also : tuple of rules
        Other ways to make the same mistake.
    where : callable
        At which steps the rules apply.
    long_way : callable, optional
        At which steps they apply as well if ∂L/∂z of a cross-entropy is computed the long way, by its two slopes.
    applies : callable
        To which networks the mistake applies at all.
    answers : callable, optional
        Wrong answers from the right values, for a slip in the answer itself. Then there are no rules.
    """

    id: str
    rules: Rules = field(default_factory=dict, kw_only=True)
    also: tuple[Rules, ...] = field(default=(), kw_only=True)
    where: Callable[[Step], bool] = field(default=lambda step: True, kw_only=True)
    long_way: Callable[[Step], bool] | None = field(default=None, kw_only=True)
    applies: Callable[[Facts], bool] = field(default=lambda facts: True, kw_only=True)
    answers: Answers | None = field(default=None, kw_only=True)

    @property
    def words(self) -> Words:
        """The usual words for it. Raises KeyError if ``words.toml`` has none under its id."""
        return _usual(self.id)

    def words_for(self, step: Step) -> Words:
        """Return the words for it where a step was asked for: they depend on the loss, for example."""
        return Words(**suited(_texts()[self.id], step))

    topic = property(lambda self: self.words.topic)
    name = property(lambda self: self.words.name)
    hint = property(lambda self: self.words.hint)
    believes = property(lambda self: self.words.believes)
    prior = property(lambda self: self.words.prior)

    @property
    def slight(self) -> bool:
        """Whether it may change a value as little as you like: rounding, and weight decay, whose factor can be tiny."""
        return self.topic == "rounding" or self.id == "weight_decay_added"


def replaced(rules: Rules, where: Callable[[Step], bool]) -> dict[str, Callable[[Step, Values], float]]:
    """Return rules for `Values`: each wrong where `where` is true, and right elsewhere."""

    def here(wrong: Rule) -> Callable[[Step, Values], float]:
        return lambda step, v: wrong(At(step, v)) if where(step) else step.rule(v)

    return {kind: here(wrong) for kind, wrong in rules.items()}


def and_the_step(answers: Answers) -> Answers:
    """Return the answers, and for a new parameter the step with each wrong gradient too."""

    def both(at: At) -> Iterator[float]:
        yield from answers(at)
        if at.step.kind == "new":
            old, rate, gradient = at.step.needs
            wrong = answers(At(at.v.table[gradient], at.v))
            yield from (at.v[old] - at.v[rate] * each for each in wrong)

    return both
