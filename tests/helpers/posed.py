"""Test a practice problem against the rules at the top of bpcourse/tutor/practice.py, for tests and benchmark."""

import math
import random
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np

from bpcourse import Network, backprop, format_number
from bpcourse.tutor.equations import entries, needed_for, table
from bpcourse.tutor.matching import nothing_done
from bpcourse.tutor.mistakes import MISTAKES, wrong_values
from bpcourse.tutor.practice import SHAPES, TOPICS

DIGITS = (3, 4, 6)
GATE = {"no_hidden_activation", "drop_sigma_prime_hidden"}  # what you get if you forget that a unit is off


def faults(one, most=None):
    """Describe what is wrong with a problem.

    most : how many mistakes are tried at most, chosen by the seed; None tries all
    """
    steps = table(one.trace, one.learning_rate)
    array = entries(steps, one.name)
    names = [one.name] if array is None else list(array.flat)
    wrong = {name: list(wrong_values(steps, name)) for name in names}
    return [
        *unfit_numbers(one),
        *vanishing(steps, names),
        *(fault for name in names for fault in not_apart(steps[name], wrong[name])),
        *wrong_solution(one, steps, names, () if array is None else array.shape),
        *(right_by_chance(one, wrong[one.name]) if array is None else ()),
        *(not_told_apart(one, steps[one.name], wrong[one.name], most) if array is None else ()),
        *(wrong_gate(one, steps, wrong[one.name]) if TOPICS[one.topic].gated else ()),
        *(wrong_claim(one, steps) if TOPICS[one.topic].claimed else ()),
    ]


def unfit_numbers(one):
    """Yield which given numbers and weighted sums do not suit hand work."""
    trace, decimals = one.trace, 1 if one.level <= 2 else 2
    if trace.network.sizes != SHAPES[one.level - 1] or any(i == o for i, o in pairwise(trace.network.sizes)):
        yield f"sizes {trace.network.sizes}"
    for name in ("x", "y", *(each for each in trace if each[0] in "Wb")):
        if not np.array_equal(trace[name], trace[name].round(decimals)):
            yield f"{name} has more than {decimals} decimals"
        if name[0] == "W" and len(np.unique(np.abs(trace[name]))) < trace[name].size:
            yield f"{name} has two weights alike"
    for name in trace:
        if name[0] == "z" and not (
            np.abs(trace[name]).round(9).min() >= 0.05 and np.abs(trace[name]).round(9).max() <= 2.5
        ):
            yield f"{name} near a kink or saturated"
    if len(np.unique(trace["x"], axis=0)) < len(trace["x"]):
        yield "two examples are alike"


def vanishing(steps, names):
    """Yield the intermediate values that are almost but not exactly 0."""
    for name in {step.name for each in names for step in needed_for(steps, each)}:
        if steps[name].kind in ("error", "delta", "back", "dW") and 0 < abs(steps[name].value) < 0.001:
            yield f"{name} vanishes"


def not_apart(step, wrong):
    """Yield the mistakes that agree with the right answer within three digits."""
    right = format_number(step.value, 3)
    for (mistake, *_), value in wrong:
        if not mistake.slight and format_number(value, 3) == right:
            yield f"{mistake.id} gives {step.name} = {right} too"


def right_by_chance(one, wrong):
    """Yield the common mistakes that are right here, but not if all numbers except the targets change a little."""
    trace, chance = one.trace, random.Random(1).random

    def other(array):
        return np.reshape([entry + 1e-5 * chance() for entry in array.flat], array.shape)

    layers = [replace(layer, W=other(layer.W), b=other(layer.b)) for layer in trace.network.layers]
    elsewhere = backprop(Network(layers), other(trace["x"]), trace["y"], trace.loss_function)
    here = Counter(pair[0].id for pair, _ in wrong if len(pair) == 1)
    there = Counter(
        pair[0].id for pair, _ in wrong_values(table(elsewhere, one.learning_rate), one.name) if len(pair) == 1
    )
    for each in there - here:
        if MISTAKES[each].prior >= 2 and MISTAKES[each].topic != "rounding":
            yield f"{each} is right by chance"


def wrong_solution(one, steps, names, shape):
    """Yield the numbers of digits for which the value at the end of the solution does not pass the check."""
    for digits in DIGITS:
        worked = one.solution(digits=digits)
        symbol = worked.title.removesuffix(", step by step")
        if one.name in steps:
            last = [line for line in worked.text.splitlines() if line.startswith(f"  {symbol} = ")][-1]
            answer = last.rpartition(" = ")[2]
        else:
            rows = re.findall(r"^row \d+: (.*)$", worked.text, re.MULTILINE)
            answer = np.reshape([entry for row in rows for entry in row.split()], shape).tolist()
        if (status := one.check(answer).status) != "correct":
            yield f"the solution with {digits} digits, {answer}, is {status}"


def not_told_apart(one, step, wrong, most):
    """Yield the common mistakes that are not named first for their number with four or five digits.

    A mistake that gives exactly the same number may come before it.
    """
    single = [(pair[0].id, value) for pair, value in wrong if len(pair) == 1]
    often = [pair for pair in single if MISTAKES[pair[0]].prior >= 2 and MISTAKES[pair[0]].topic != "rounding"]
    chance = random.Random(f"{one.topic} {one.level} {one.seed}")
    chosen = often if most is None else chance.sample(often, min(most, len(often)))
    for each, value in chosen:
        twins = {other for other, its in single if math.isclose(value, its, rel_tol=1e-9, abs_tol=1e-12)}
        for digits in (4, 5):
            named = one.check(format_number(value, digits)).mistakes
            if not named or named[0] not in twins or each not in named:
                yield f"{step.name} = {format_number(value, digits)} is {each}, and {named[:4]} is named"


def wrong_gate(one, steps, wrong):
    """Yield what is wrong with a question about a unit that is off."""
    z = one.trace["z1"]
    if not z.min() < 0 < z.max():
        yield "no unit is off, or all are"
    if not GATE & {pair[0].id for pair, _ in wrong}:
        yield f"{one.name} is right if you forget the gate"
    unit = int(re.findall(r"\d+", one.name)[1 if one.name.startswith(("dW2", "da1")) else 2])
    if (steps[one.name].value == 0) != (one.name.startswith("dW") and z[0, unit - 1] < 0):
        yield f"{one.name} is {steps[one.name].value}"


def wrong_claim(one, steps):
    """Yield what is wrong with a colleague's number."""
    right = steps[one.name].value
    verdict, claimed = one.check(one.claimed), float(one.claimed.replace("−", "-"))
    if verdict.status != "mistake" or verdict.mistakes != one.mistakes:
        yield f"the colleague's {one.claimed} is {verdict.status}, {verdict.mistakes}"
    if not any(MISTAKES[each].prior >= 2 and MISTAKES[each].answers is None for each in one.mistakes):
        yield f"{one.mistakes} are not common intermediate mistakes"
    if abs(claimed - right) < 0.19 * abs(right - nothing_done(steps[one.name], {})):
        yield f"the colleague's {one.claimed} is near {right}"
    said = " ".join(one.solution().text.split())
    if any(MISTAKES[each].name not in said for each in one.mistakes):
        yield "the solution does not say what the mistake was"
    if f"{one.name} = {one.claimed}" not in " ".join(one.question.split()):
        yield "the question does not give the colleague's number"
