"""Exercise sheets: other numbers for each student, which the instructor can make again and a student cannot.

The numbers of a question come from the instructor's secret, the topics, the level and the number of the sheet, by a
keyed hash (HMAC with SHA-256, RFC 2104). So the sheet shows its number alone, a key needs nothing but the plan, and
another plan with the same secret repeats no question.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass

from bpcourse.engine.validation import is_count, require
from bpcourse.tutor.equations import entries, needed_for, table
from bpcourse.tutor.practice import SHAPES, TOPICS, Problem, problem

ON_THE_WAY = ("y_hat", "delta")  # kinds of step that are asked for, too, before the answer itself
MOST_QUESTIONS = 20
RECORD, VERSION = "class.json", 1  # the file with what is needed to mark a class, but for the secret


@dataclass(frozen=True)
class Question:
    """One question of a sheet.

    number : from 1
    problem : the network, and what is asked of it
    """

    number: int
    problem: Problem

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the values to write down: predictions and δ on the way, and at last the answer, or its entries.

        >>> Question(1, problem("hidden_weight", level=2, seed=7)).asked
        ('y_hat[1]', 'dz2[1]', 'dz1[2]', 'dW1[3,2]')
        """
        steps = table(self.problem.trace, self.problem.learning_rate)
        array = entries(steps, self.problem.name)
        names = [self.problem.name] if array is None else list(array.flat)
        way = {step.name: step for name in names for step in needed_for(steps, name)}
        before = [name for name in steps if name in way and way[name].kind in ON_THE_WAY and name not in names]
        return (*before, *names)


@dataclass(frozen=True)
class Sheet:
    """The questions of one student.

    number : from 1; it is all that the sheet says about where its numbers are from
    """

    number: int
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Plan:
    """What is asked of a class.

    topics : of the questions of each sheet, in order; see `practice.TOPICS`
    level : the size of the networks, 1 to 5; see `practice.SHAPES`
    secret : any text that students do not know and cannot guess
    """

    topics: tuple[str, ...]
    level: int
    secret: str

    def __post_init__(self) -> None:
        count = len(self.topics)
        require(0 < count <= MOST_QUESTIONS, f"a sheet has 1 to {MOST_QUESTIONS} questions; got {count} topics.")
        require(bool(self.secret), "the secret must not be empty: from it come all numbers.")
        for topic in self.topics:
            least, most = TOPICS[topic].from_level, len(SHAPES)
            fits = is_count(self.level) and least <= self.level <= most
            require(fits, f"{topic} has the levels {least} to {most}; got {self.level!r}.")

    def sheet(self, number: int) -> Sheet:
        """Return the sheet of a number: the same whenever it is made.

        >>> plan = Plan(("bias", "update"), 2, "a long secret")
        >>> [question.problem.name for question in plan.sheet(1).questions]
        ['db1[2]', 'W2_new[1,1]']
        >>> seeds = [plan.sheet(number).questions[0].problem.seed for number in (1, 1, 2)]
        >>> seeds[0] == seeds[1], seeds[0] == seeds[2]
        (True, False)
        """
        require(is_count(number), f"the number of a sheet must be a positive whole number; got {number!r}.")
        return Sheet(number, tuple(self._questions(number)))

    def _questions(self, number: int) -> Iterator[Question]:
        for place, topic in enumerate(self.topics, start=1):
            yield Question(place, problem(topic, level=self.level, seed=self._digest(number, place)))

    @property
    def stamp(self) -> str:
        """A short text that only the same topics, level and secret make, and that does not tell the secret."""
        return self._digest()[:16]

    def _digest(self, *place: int) -> str:
        """Return what the secret makes of the plan and of a sheet and a question in it, by their numbers."""
        text = json.dumps([self.topics, self.level, *place])
        return hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()


def in_words() -> str:
    """Return what topics and levels there are, a line for each.

    >>> print(in_words().splitlines()[1])
      weighted_sum     the weighted sum of a unit
    """
    lines = ["topics, with the level at which they begin if it is not the first:"]
    for name, topic in TOPICS.items():
        begins = f" (from level {topic.from_level})" if topic.from_level > 1 else ""
        lines.append(f"  {name:<16} {topic.words}{begins}")
    lines.append("levels, by the sizes of their networks:")
    for level, sizes in enumerate(SHAPES, start=1):
        inputs, *hidden, outputs = sizes
        layers = [f"{inputs} inputs", *(f"{units} hidden units" for units in hidden), f"{outputs} output(s)"]
        lines.append(f"  {level} {', '.join(layers)}")
    return "\n".join(lines)
