"""Hints: where to look, the rule, and the rule with its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from bpcourse.engine.backpropagation import Trace
from bpcourse.numbers import format_number
from bpcourse.render import render
from bpcourse.tutor.equations import entries, look_up, table
from bpcourse.tutor.solutions import Hand
from bpcourse.tutor.words import look_for


@dataclass(frozen=True, repr=False)
class Hints:
    """Three hints for one value: `.where` to look, the `.rule`, and the rule with its `.numbers`."""

    where: str
    rule: str
    numbers: str

    def __repr__(self) -> str:
        return f"Hint 1 of 3: {self.where}\n  The next ones: .rule and .numbers"

    def _repr_html_(self) -> str:
        return str(render("hints.html", hints=self))


def hint(trace: Trace, name: str, *, learning_rate: float | None = None, notation: str = "standard") -> Hints:
    """Return three hints for a value, or for the first entry of an array. The last one is just short of the answer.

    Parameters
    ----------
    trace : Trace
        The pass.
    name : str
        The value or the array.
    learning_rate : float, optional
        The learning rate, if a value after the update is asked for.
    notation : str
        "standard" or "lecture".

    Raises
    ------
    ValueError
        If this pass does not have the name.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> hint(EXAMPLES["mazur"].backprop(), "dW2[1,1]").numbers
    '∂L/∂w2₁₁ = 0.5933·0.1385'
    """
    steps = table(trace, learning_rate)
    names = entries(steps, name)
    step = look_up(steps, name if names is None else names.flat[0])
    if step.kind == "y_hat":  # it is the output of the last layer, whose rule helps
        step = steps[step.needs[0]]
    if step.kind == "given":
        return Hints(look_for(step), "It needs no rule.", f"{step.name} = {format_number(step.value)}")
    hand, template = Hand.of(steps, notation), step.short or step.template
    symbol = hand.symbol(step.name)
    rule, numbers = (hand.side((template, how)) for how in ("symbols", "numbers"))
    return Hints(look_for(step), f"{symbol} = {rule}", f"{symbol} = {numbers}")
