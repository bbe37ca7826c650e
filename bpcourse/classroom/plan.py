"""Exercise sheets: each student gets different numbers, which only the instructor can make again.

The numbers of a question come from the instructor's secret, the topics, the level and the number of
the sheet, by a keyed hash (HMAC with SHA-256, RFC 2104). So a sheet shows only its number, a key can
be made from the plan, and a different plan with the same secret repeats no question.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from functools import cached_property

from bpcourse.engine.validation import is_count, require
from bpcourse.render import render
from bpcourse.tutor.equations import entries, needed_for
from bpcourse.tutor.practice import SHAPES, TOPICS, Problem, problem
from bpcourse.tutor.solutions import Hand

INTERMEDIATE = ("y_hat", "delta")  # kinds of steps that are asked for before the answer itself


@dataclass(frozen=True)
class AskedValue:
    """One value that a question asks for.

    Parameters
    ----------
    symbol : str
        As it is written in formulas, such as "∂L/∂w1₂₁".
    name : str
        As `check` knows it, such as "dW1[2,1]".
    value : float
        The right value.
    shown : str
        The right value with four digits.
    """

    symbol: str
    name: str
    value: float
    shown: str


@dataclass(frozen=True)
class Question:
    """One question of a sheet.

    Parameters
    ----------
    number : int
        From 1.
    problem : Problem
        The network, and what is asked about it.
    """

    number: int
    problem: Problem

    @property
    def final(self) -> tuple[str, ...]:
        """The name of the answer, or the names of its entries."""
        array = entries(self.problem.steps, self.problem.name)
        return (self.problem.name,) if array is None else tuple(array.flat)

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the values to write down: intermediate predictions and δ, then the answer or its entries.

        Examples
        --------
        >>> Question(1, problem("hidden_weight", level=2, seed=7)).asked
        ('y_hat[1]', 'dz2[1]', 'dz1[1]', 'dW1[1,1]')

        """
        needed = {step.name for name in self.final for step in needed_for(self.problem.steps, name)}
        steps = (step for step in self.problem.steps.values() if step.kind in INTERMEDIATE)
        before = [step.name for step in steps if step.name in needed and step.name not in self.final]
        return (*before, *self.final)

    @cached_property
    def values(self) -> tuple[AskedValue, ...]:
        """The values to write down.

        Examples
        --------
        >>> values = Question(1, problem("output_weight", level=1, seed=7)).values
        >>> [(each.symbol, each.name, each.shown) for each in values]
        [('ŷ₁', 'y_hat[1]', '0.9033'), ('δ1₁', 'dz1[1]', '+0.07483'), ('∂L/∂w1₁₁', 'dW1[1,1]', '+0.05238')]

        """
        hand = Hand.of(self.problem.steps)
        return tuple(
            AskedValue(hand.symbol(name), name, self.problem.steps[name].value, hand.number(name, signed=True))
            for name in self.asked
        )


@dataclass(frozen=True)
class Sheet:
    """The questions of one student.

    Parameters
    ----------
    number : int
        From 1. It is the only thing on the sheet that says where its numbers come from.
    questions : tuple of Question
        The questions.
    """

    number: int
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Plan:
    """The topics and the level of the questions for a class, and the secret behind their numbers.

    Parameters
    ----------
    topics : tuple of str
        The topic of each question of a sheet, in order; see `practice.topics`.
    level : int
        The size of the networks, 1 to 5; see `practice.SHAPES`.
    secret : str
        Any text that students do not know and cannot guess.

    Raises
    ------
    ValueError
        If there are no topics or an unknown one, if a topic does not have the level, or if the secret
        is empty or not valid UTF-8 text.
    """

    topics: tuple[str, ...]
    level: int
    secret: str

    def __post_init__(self) -> None:
        require(self.topics, "needed at least one topic; got none.")
        require(self.secret, "the secret must not be empty: all numbers come from it.")
        text = self.secret.encode(errors="ignore").decode()  # the bytes of other texts differ between machines
        require(text == self.secret, "the secret is not valid UTF-8 text. Choose one of letters and digits for --seed")
        for topic in self.topics:
            least, most = TOPICS[topic].from_level, len(SHAPES)
            fits = is_count(self.level) and least <= self.level <= most
            require(fits, f"{topic} has the levels {least} to {most}; got {self.level!r}.")

    def sheet(self, number: int) -> Sheet:
        """Return the sheet with a number, which is the same every time.

        Examples
        --------
        >>> plan = Plan(("bias", "update"), 2, "a long secret")
        >>> [question.problem.name for question in plan.sheet(1).questions]
        ['db1[2]', 'W2_new[2,1]']
        >>> seeds = [plan.sheet(number).questions[0].problem.seed for number in (1, 1, 2)]
        >>> seeds[0] == seeds[1], seeds[0] == seeds[2]
        (True, False)

        """
        require(is_count(number), f"the number of a sheet must be a positive whole number; got {number!r}.")
        questions = (
            Question(place, problem(topic, level=self.level, seed=self._digest(number, place)))
            for place, topic in enumerate(self.topics, start=1)
        )
        return Sheet(number, tuple(questions))

    @property
    def stamp(self) -> str:
        """A short text that only the same topics, level and secret give. It does not reveal the secret."""
        return self._digest()[:16]

    def _digest(self, *place: int) -> str:
        """Return the hash of the plan and of the numbers of a sheet and a question, with the secret as its key."""
        text = json.dumps([self.topics, self.level, *place])
        return hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()


def topics_and_levels() -> str:
    """Return the topics and levels that there are, one in each line.

    Examples
    --------
    >>> print(topics_and_levels().splitlines()[1])
      weighted_sum     the weighted sum of a unit

    """
    return render("topics.txt", topics=TOPICS, shapes=SHAPES)
