"""Print how often the right mistake is named for a wrong number, and how often a right number is accepted.

    python benchmarks/diagnosis.py                      everything, about four minutes of processor time
    python benchmarks/diagnosis.py --quick              everything on smaller samples, half a minute
    python benchmarks/diagnosis.py --only table public  some parts

The parts are

table
    Simulated students make one mistake, or none, and work in different ways: exactly, with rounded steps, or in Python
    from printed numbers. This is the table in docs/tutor.md.
random
    Random wrong numbers. None of them should be stated to be a mistake.
slips
    Single slips that are not in the catalogue. The verdict should name the step.
public
    Numbers that people published or handed in, from `tests/data/public_numbers.json`.
speed
    Processor time for one verdict on a 3-4-3 network.
catalogue, right, chains
    Every mistake in the catalogue, all right values, and chains of answers with one mistake, on exact numbers that
    were rounded once.

All wrong numbers come from `tests/helpers/students.py` and `tests/helpers/injected.py`, whose formulas are independent
of the tutor. A wrong number counts in the table if all of these are true:

* It differs from the right value by more than 1 % of what there is to compute. That is the right value itself, or the
  step from the old value to the new one.
* It differs by more than rounding does: by more than two units of its last digit, one unit of the third digit of
  the right value, and twice the rounding error of the right method in the same way of working.
* It is written with at least two significant digits other than leading zeros.
* It has no exact twin: no different mistake gives the same number. Different names of the same formula, such as
  `sign_slip` and `lost_sign` for a gradient, are equally right.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from helpers import students
from helpers.injected import ROWS, SLIPS, injected, right
from helpers.students import MISTAKES, Student, Task, solve, write

from bpcourse import Dense, Network, Trace, Verdict, backprop, check, format_number, steps
from bpcourse.names import Name
from bpcourse.tutor.equations import Step, Values, table

SHAPES = ((2, 1), (3, 2, 1), (2, 3, 2), (3, 2, 3), (2, 2, 2), (3, 4, 3), (2, 3, 3, 2), (4, 3))
HEADS = (
    ("sigmoid", "mse"), ("sigmoid", "half_sse"), ("tanh", "mse"), ("identity", "half_sse"),
    ("sigmoid", "binary_cross_entropy"), ("softmax", "categorical_cross_entropy"),
)  # fmt: skip
HIDDEN = ("sigmoid", "tanh", "relu", "leaky_relu")
DIGITS = (3, 4, 5, 6)
Problem = tuple[Trace, float]
ROOT = Path(__file__).resolve().parent.parent


def number(written: str | float) -> float:
    """Return the value of a written number."""
    return float(written.replace("−", "-").replace("∞", "inf")) if isinstance(written, str) else written


def named(verdict: Verdict, accepted: set[str]) -> bool:
    """Return whether a verdict names one of these mistakes first. An id that ends in `_` is a prefix."""
    if verdict.status not in ("mistake", "could be") or not verdict.mistakes:
        return False
    first = verdict.mistakes[0]
    return any(first == each or (each.endswith("_") and first.startswith(each)) for each in accepted)


def share(count: int, of: int, places: int = 1) -> str:
    """Write a share in percent."""
    return f"{count / of:.{places}%}".replace("%", " %") if of else "–"


# The table: students who work in different ways


@dataclass(frozen=True)
class Way:
    """How a student works: how steps are rounded, which values are printed, and how the answer is written."""

    keep: tuple[str, int] | None = None
    printed: tuple[str, int] | None = None
    written: tuple[str, int] | None = None

    def unit(self, value: float) -> float:
        """Return one unit of the last digit of an answer."""
        way, count = self.written or ("round", self.printed[1] if self.printed else 15)
        return 10.0**-count if way == "decimals" else digit(value, count)


def digit(value: float, count: int) -> float:
    """Return one unit of a significant digit.

    >>> digit(0.0123, 2)
    0.001
    """
    return 10.0 ** (math.floor(math.log10(abs(value))) + 1 - count) if value and math.isfinite(value) else 0.0


def exact(how: str, *digits: int) -> list[Way]:
    """Return exact work, with the answer rounded or cut off."""
    return [Way(written=(how, count)) for count in digits]


def by_steps(*digits: int) -> list[Way]:
    """Return work in which every step is rounded to this many digits."""
    return [Way(keep=("digits", count), written=("round", count)) for count in digits]


def from_printed(digits: int) -> list[Way]:
    """Return Python expressions built from printed numbers: all earlier steps, or only z, a and ŷ."""
    return [Way(printed=(which, digits)) for which in ("all", "forward")]


WAYS: dict[str, list[Way]] = {
    "exact, rounded once to 3 digits": exact("round", 3),
    "exact, rounded once to 4 digits": exact("round", 4),
    "exact, rounded once to 6 digits": exact("round", 6),
    "exact, last digit cut off (4 or 6 digits)": exact("cut", 4, 6),
    "5 or 6 digits at each step": by_steps(5, 6),
    "Python expression from printed 6-digit numbers": from_printed(6),
    "4 digits at each step": by_steps(4),
    "Python expression from printed 4-digit numbers": from_printed(4),
    "3 digits at each step": by_steps(3),
    "4 decimals at each step": [Way(keep=("decimals", 4), written=("decimals", 4))],
}
"""The rows of the table."""

PAPER = [
    *(
        (sizes, (name, name), loss, 1)
        for sizes in ((2, 2, 2), (2, 3, 2), (3, 2, 1), (3, 4, 3))
        for name in ("sigmoid", "tanh")
        for loss in ("half_sse", "mse")
    ),
    ((2, 2, 1), ("tanh", "sigmoid"), "binary_cross_entropy", 1),
    ((3, 2, 2), ("sigmoid", "sigmoid"), "binary_cross_entropy", 1),
    ((2, 3, 3), ("tanh", "softmax"), "categorical_cross_entropy", 1),
    ((2, 2, 3), ("relu", "softmax"), "categorical_cross_entropy", 1),
    ((2, 3, 1), ("relu", "sigmoid"), "mse", 1),
    ((3, 3, 2), ("relu", "identity"), "half_sse", 1),
    ((2, 2, 1), ("sigmoid", "sigmoid"), "half_sse", 2),
    ((2, 3, 2), ("tanh", "sigmoid"), "mse", 2),
    ((2, 2, 3), ("sigmoid", "identity"), "mse", 3),
    ((2, 2, 1), ("tanh", "sigmoid"), "binary_cross_entropy", 3),
]
"""The networks of the table: sizes, activations, loss, examples."""


class Exercise:
    """One network, with what each mistake makes of its numbers."""

    def __init__(self, trace: Trace, rate: float) -> None:
        self.trace, self.rate = trace, rate
        self.task = Task.of(trace, rate)
        self.right = Student(self.task)
        self.wrong = {
            kind: Student(self.task, each.habits) for kind, each in MISTAKES.items() if each.applies(self.task)
        }

    @cached_property
    def catalogue(self) -> dict[str, dict[str, list[float]]]:
        """The wrong value that each known mistake gives for each number."""
        return {mistake: injected(self.trace, self.rate, mistake) or {} for mistake in (*ROWS, *SLIPS)}

    def old(self, name: str) -> float:
        """Return the old parameter for a new one, else 0."""
        key = self.task.by_name[name]
        return self.right(key[0][0], *key[1:]) if "_new" in key[0] else 0.0

    def truth(self, name: str) -> float:
        """Return the right value."""
        return self.right.answer(self.task.by_name[name])

    def answer(self, kind: str, name: str) -> float:
        """Return the exact value that a mistake gives; NaN if it cannot be computed."""
        try:
            return self.wrong[kind].answer(self.task.by_name[name])
        except (OverflowError, ValueError, ZeroDivisionError):
            return math.nan

    def shows(self, value: float, name: str) -> bool:
        """Return whether a wrong value differs from the right one by more than 1 % of what there is to compute."""
        truth = self.truth(name)
        return (
            math.isfinite(value)
            and value != 0
            and truth != 0
            and abs(value - truth) > max(0.01 * abs(truth - self.old(name)), digit(truth, 3))
        )

    def makers(self, value: float, name: str) -> set[str]:
        """Return the ids of all mistakes that make exactly this value."""
        found = {
            mistake
            for mistake, values in self.catalogue.items()
            if any(alike(value, each) for each in values.get(name, []))
        }
        key = self.task.by_name[name]
        asked = {kind for kind in self.wrong if not MISTAKES[kind].asked or key[0] in MISTAKES[kind].asked}
        return found | {MISTAKES[kind].ids[0] for kind in asked if alike(value, self.answer(kind, name))}

    def check(self, name: str, answer: str | float) -> Verdict:
        """Return the verdict on an answer."""
        return check(self.trace, name, answer, learning_rate=self.rate)


def alike(value: float, other: float) -> bool:
    """Return whether two values are the same, except for the rounding of floats."""
    return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-13)


@dataclass(frozen=True)
class Answer:
    """One question of the table: a mistake and the ids that are a right diagnosis, or None and none."""

    exercise: Exercise
    name: str
    mistake: str | None = None
    accepted: frozenset[str] = frozenset()

    @property
    def is_new(self) -> bool:
        """Whether the value comes after the update. Few of its digits then depend on the gradient."""
        return is_new(self.name)


def exercises(rng: random.Random) -> list[Exercise]:
    """Return the networks of the table. Numbers have two decimals."""
    found = []
    for sizes, kinds, loss, examples in PAPER:
        trace = drawn(sizes, kinds[-1], loss, rng, examples, kinds[:-1])
        found.append(Exercise(trace, rng.choice((0.1, 0.3, 0.5, 0.7))))
    return found


def wrong_answers(found: list[Exercise], count: int, rng: random.Random) -> Iterator[Answer]:
    """Yield up to `count` mistakes on each network, each in one value in which it shows and has no twin."""
    for exercise in found:
        kinds = rng.sample(list(exercise.wrong), len(exercise.wrong))
        left = count
        for kind in kinds:
            mistake = MISTAKES[kind]
            names = [
                name
                for name, key in exercise.task.by_name.items()
                if (not mistake.asked or key[0] in mistake.asked) and exercise.shows(exercise.answer(kind, name), name)
            ]
            for name in rng.sample(names, min(4, len(names))):
                makers = exercise.makers(exercise.answer(kind, name), name)
                unknown = {each for each in mistake.ids if each not in exercise.catalogue}
                accepted = {mistake.ids[0], *unknown, *(makers & {*mistake.ids})}
                if left and makers <= accepted:
                    left -= 1
                    yield Answer(exercise, name, kind, frozenset(accepted))
                    break


def right_methods(found: list[Exercise], count: int, rng: random.Random) -> Iterator[Answer]:
    """Yield `count` values of each network, to be computed in the right way, in four steps or more."""
    for exercise in found:
        keys = exercise.task.by_name.items()
        names = [name for name, key in keys if exercise.truth(name) and len(exercise.right.way(key)) >= 4]
        yield from (Answer(exercise, name) for name in rng.sample(names, min(count, len(names))))


def handed_in(answer: Answer, way: Way) -> str | float | None:
    """Return the number that the student writes, or None if it cannot be told from the right value, or from zero."""
    task, name = answer.exercise.task, answer.name
    truth = answer.exercise.truth(name)
    usual = solve(task, name, keep=way.keep, printed=way.printed)
    try:
        value = solve(task, name, mistake=answer.mistake, keep=way.keep, printed=way.printed)
    except (OverflowError, ValueError, ZeroDivisionError):
        return None
    written = write(value, way.written)
    value = number(written)
    if not value or not math.isfinite(value) or abs(value) < 9.5 * way.unit(value):
        return None
    if answer.mistake:
        noise = max(2 * way.unit(value), digit(truth, 3), 2 * abs(usual - truth))
        least = max(noise, 0.01 * abs(truth - answer.exercise.old(name)))
        return written if abs(value - truth) > least else None
    return written


def checked(answers: list[Answer], ways: list[Way]) -> Iterator[tuple[Answer, str | float, Verdict]]:
    """Yield the number that the student writes for each answer, in each way of working, and the verdict on it."""
    for way in ways:
        for answer in answers:
            written = handed_in(answer, way)
            if written is not None:
                yield answer, written, answer.exercise.check(answer.name, written)


def measure_table(found: list[Exercise], wrong: int, rights: int, rng: random.Random, misses: bool) -> None:
    """Print how often mistakes are named and right methods are refused, by how the student works."""
    mistaken = list(wrong_answers(found, wrong, rng))
    correct = list(right_methods(found, rights, rng))
    kinds = len({answer.mistake for answer in mistaken})
    new = sum(answer.is_new for answer in mistaken)
    print(
        f"\nSimulated students: {len(mistaken)} wrong numbers of {kinds} kinds ({new} of them after an update), "
        f"{len(correct)} right ones, {len(found)} networks"
    )
    print(
        "| how the student works | wrong gradients and forward values: named first | wrong values after an update: "
        "named first | another mistake stated | right ones refused | refused, stated |\n|---|---|---|---|---|---|"
    )
    missed: Counter[str] = Counter()
    for title, ways in WAYS.items():
        asked, first, other = Counter(), Counter(), 0
        for answer, written, verdict in checked(mistaken, ways):
            hit = named(verdict, answer.accepted)
            asked[answer.is_new] += 1
            first[answer.is_new] += hit
            other += verdict.status == "mistake" and not hit
            if not hit:
                missed[answer.mistake] += 1
                if misses:
                    words = f"{verdict.status} {verdict.mistakes[:2]}"
                    print(f"  {title}: {answer.mistake} {answer.name} = {written}: {words}", file=sys.stderr)
        tried, refused, stated = 0, 0, 0
        for answer, written, verdict in checked(correct, ways):
            tried, refused = tried + 1, refused + (verdict.status != "correct")
            stated += verdict.status == "mistake"
            if misses and verdict.status != "correct":
                words = f"{verdict.status} {verdict.mistakes[:2]}"
                print(f"  {title}: right method refused, {answer.name} = {written}: {words}", file=sys.stderr)
        shares = " | ".join(f"{share(first[which], asked[which])} of {asked[which]}" for which in (False, True))
        print(
            f"| {title} | {shares} | {share(other, asked.total())} "
            f"| {share(refused, tried)} of {tried} | {share(stated, tried)} |"
        )
    most = ", ".join(f"{kind} {count}×" for kind, count in missed.most_common(8))
    print(f"Missed most often, over all rows: {most}")


# Single slips


def measure_slips(found: list[Exercise], count: int, rng: random.Random, misses: bool) -> None:
    """Print how often a slip in one step is found, with its step."""
    slipped = []
    for kind in students.SLIPS:
        left = count
        for _ in range(8 * count):
            exercise = rng.choice(found)
            name = rng.choice(list(exercise.task.by_name))
            slip = students.slip(
                exercise.task, name, kind, rng, lambda value, each=exercise, name=name: each.shows(value, name)
            )
            if slip and not exercise.makers(slip.value, name):
                slipped.append((exercise, name, slip))
                left -= 1
            if not left:
                break
    kinds = Counter(slip.kind for _, _, slip in slipped)
    print(f"\nSingle slips in one step: {len(slipped)} of {len(kinds)} kinds")
    for digits in (6, 5):
        located, called, blamed = Counter(), 0, 0
        for exercise, name, slip in slipped:
            written = write(slip.value, ("round", digits))
            verdict = exercise.check(name, written)
            is_slip = named(verdict, {"slip_"})
            hit = is_slip and names_step(verdict, slip.steps)
            located[slip.kind] += hit
            called += is_slip
            blamed += verdict.status == "mistake" and not is_slip
            if misses and not hit:
                words = f"{verdict.status} {verdict.mistakes[:2]}"
                print(f"  slip {slip.kind} in {slip.step}: {name} = {written}: {words}", file=sys.stderr)
        total = len(slipped)
        print(
            f"  {digits} digits: step found {share(sum(located.values()), total)}, called a slip "
            f"{share(called, total)}, another mistake stated {share(blamed, total)}"
        )
        worst = sorted(kinds, key=lambda kind: located[kind] / kinds[kind])[:6]
        print("    found least often: " + ", ".join(f"{kind} {located[kind]} of {kinds[kind]}" for kind in worst))


def names_step(verdict: Verdict, names: frozenset[str]) -> bool:
    """Return whether a verdict names one of these steps: in a field for it, if there is one, or in its text."""
    places = [getattr(verdict, each, "") for each in ("step", "place", "where")]
    fields = [each for each in places if each] or [each for each in vars(verdict).values() if isinstance(each, str)]
    text = " ".join(map(str, fields))
    return any(re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}", text) for name in names)


# Public numbers


def measure_public() -> None:
    """Print what is said about numbers that people published or handed in."""
    entries = json.loads((ROOT / "tests" / "data" / "public_numbers.json").read_text(encoding="utf-8"))
    counts: Counter[str] = Counter()
    lines = []
    for entry in entries:
        layers = [Dense(each["W"], each["b"], each["activation"]) for each in entry["layers"]]
        trace = backprop(Network(layers), entry["x"], entry["y"], entry["loss"])
        for each in entry["numbers"]:
            expect, asked, answer = each["expect"], each["asked"], each["number"]
            verdict = check(trace, asked, answer, learning_rate=entry["learning_rate"])
            spoken = verdict.status in ("mistake", "could be") and bool(verdict.mistakes)
            if expect == "right":
                sort, result = "right", "accepted" if verdict.status == "correct" else "refused"
            elif expect == "slip":
                blamed = spoken and not verdict.mistakes[0].startswith("slip_")
                sort, result = "slip", "blamed" if blamed else "not blamed"
            elif named(verdict, {*expect}):
                sort, result = "wrong", "named first"
            else:
                sort, result = "wrong", "named as something else" if spoken else "not named"
            counts[sort] += 1
            counts[f"{sort} {result}"] += 1
            if result not in ("accepted", "not blamed", "named first"):
                wanted = expect if isinstance(expect, str) else ", ".join(expect)
                said = ", ".join(verdict.mistakes[:2]) or verdict.status
                lines.append(f"    {entry['id']} {asked} = {answer}: {result}; expected {wanted}, got {said}")
    print(
        f"\nPublic numbers: {counts['wrong named first']} of {counts['wrong']} wrong ones named first, "
        f"{counts['wrong named as something else']} named as something else; "
        f"{counts['right accepted']} of {counts['right']} right ones accepted; "
        f"{counts['slip blamed']} of {counts['slip']} arithmetic slips blamed on a mistake"
    )
    print("\n".join(lines))


# Exact numbers, rounded once


def problems(count: int, rng: random.Random) -> list[Problem]:
    """Return `count` networks of each shape with each loss that fits it."""
    found: list[Problem] = []
    for sizes in SHAPES:
        for output, loss in HEADS:
            wanted = 0 if output == "softmax" and sizes[-1] == 1 else count
            while wanted:
                trace = drawn(sizes, output, loss, rng, examples=3 if wanted == 1 else 1)
                if max(np.abs(trace[name]).max() for name in trace if name[0] == "z") < 4:
                    found.append((trace, rng.choice((0.1, 0.3, 0.7, 1.5))))
                    wanted -= 1
    return found


def drawn(
    sizes: tuple[int, ...], output: str, loss: str, rng: random.Random, examples: int, hidden: tuple[str, ...] = ()
) -> Trace:
    """Return a network with numbers of two decimals, run forward and back, with given or drawn hidden activations."""

    def numbers(*shape: int, low: float = -1.0) -> np.ndarray:
        drawn = [round(rng.uniform(low, 1.0), 2) or 0.1 for _ in range(math.prod(shape))]
        return np.reshape(drawn, shape)

    kinds = [*(hidden or (rng.choice(HIDDEN) for _ in sizes[2:])), output]
    layers = [Dense(numbers(i, o), numbers(o), kind) for i, o, kind in zip(sizes, sizes[1:], kinds, strict=False)]
    y = numbers(examples, sizes[-1], low=0.05)
    if loss == "categorical_cross_entropy":
        y = np.eye(sizes[-1])[[rng.randrange(sizes[-1]) for _ in range(examples)]]
    elif loss == "binary_cross_entropy":
        y = (y > 0.5) * 1.0
    return backprop(Network(layers), numbers(examples, sizes[0], low=0.05), y, loss)


def nothing_done(name: str, values: dict[str, float]) -> float:
    """Return the old parameter or loss for a new one, otherwise 0."""
    return values["old " + name] if "_new" in name and name[0] in "Wbl" else 0.0


def with_old(values: dict[str, float], trace: Trace) -> dict[str, float]:
    """Return the values, and for each new parameter and loss the old one."""
    given = {name: step.value for name, step in table(trace).items()}
    old = {f"old {name}": given[name.replace("_new", "")] for name in values if "_new" in name and name[0] in "Wbl"}
    return values | old


def shows(value: float, true: float, o: float, digits: int) -> bool:
    """Return whether a wrong value, written with this many digits, cannot be taken for the right one."""
    if not math.isfinite(value) or abs(value - true) <= 0.002 * abs(true - o):
        return False
    written = float(format_number(value, digits).replace("−", "-"))
    half = 0.5 * 10.0 ** (math.floor(math.log10(abs(written))) + 1 - digits) if written else 0.0
    return abs(written - true) > 2 * half


def is_new(name: str) -> bool:
    """Return whether it is a value after the update."""
    return "_new" in name


def naming(cases: list[Problem], rng: random.Random, mistakes: int) -> None:
    """Print how often a mistake that shows and has no twin is named first, and how often it is named for certain.

    For `mistakes` of the mistakes on each network one forward value or gradient is asked for, and one value after the
    update. These are counted separately: a new weight differs from the old one by a small step, and three digits of the
    weight are one digit of the step.
    """
    asked, first, stated, missed = Counter(), Counter(), Counter(), Counter()
    for trace, rate in cases:
        values = with_old(right(trace, rate), trace)
        wrong = {mistake: found for mistake in (*ROWS, *SLIPS) if (found := injected(trace, rate, mistake))}
        names = [step.name for step in steps(trace, rate) if step.name in values and not step.name.startswith("slope")]
        for mistake in rng.sample(list(wrong), min(mistakes, len(wrong))):
            found = wrong[mistake]
            visible = [
                (name, value)
                for name in names
                for value in found[name]
                if shows(value, values[name], nothing_done(name, values), 3)
                and not has_twin(value, name, mistake, wrong)
            ]
            for new in (False, True):
                chosen = [pair for pair in visible if is_new(pair[0]) == new]
                for name, value in rng.sample(chosen, min(1, len(chosen))):
                    for digits in DIGITS:
                        verdict = check(trace, name, format_number(value, digits), learning_rate=rate)
                        hit = named(verdict, {mistake})
                        asked[new, digits] += 1
                        first[new, digits] += hit
                        stated[new, digits] += hit and verdict.status == "mistake"
                        missed[mistake, digits] += not hit and not new
    for new, title in ((False, "forward values and gradients"), (True, "values after the update")):
        print(f"\nMistakes that show and have no twin, {title}: {asked[new, 3]} on {len(cases)} networks")
        for digits in DIGITS:
            shares = [count[new, digits] / asked[new, digits] for count in (first, stated)]
            print(f"  {digits} digits: named first {shares[0]:.2%}, stated {shares[1]:.2%}")
    often = [(where, count) for where, count in missed.most_common(8) if count]
    most = ", ".join(f"{mistake} at {digits} digits {count}×" for (mistake, digits), count in often) or "none"
    print(f"  missed most often among the former: {most}")


def has_twin(value: float, name: str, mistake: str, wrong: dict[str, dict[str, list[float]]]) -> bool:
    """Return whether another mistake gives the same value."""
    others = (each for other, found in wrong.items() if other != mistake for each in found[name])
    return any(math.isclose(value, each, rel_tol=1e-9, abs_tol=1e-12) for each in others)


def right_answers(cases: list[Problem], count: int, rng: random.Random) -> None:
    """Print how many of about `count` right answers are not called right."""
    asked, flagged = 0, []
    for trace, rate in rng.sample(cases, len(cases)):
        for step in steps(trace, rate):
            for digits in DIGITS:
                asked += 1
                verdict = check(trace, step.name, format_number(step.value, digits), learning_rate=rate)
                if verdict.status != "correct":
                    flagged.append((step.name, verdict.status))
        if asked > count:
            break
    print(f"\nRight answers, rounded to 3 to 6 digits: {asked}, not called right: {len(flagged)} {flagged[:3]}")


def random_answers(cases: list[Problem], count: int, rng: random.Random) -> None:
    """Print for how many random wrong numbers a mistake is named for certain: `count` of six digits, fewer of fewer."""
    print("\nRandom wrong numbers, stated to be a mistake (aim: below 2, 0.6, 0.15, 0.05 % at 3, 4, 5, 6 digits)")
    ways = {
        "within a factor of ten": lambda value: value * 10 ** rng.uniform(-1, 1) * rng.choice((1, 1, 1, -1)),
        "within 30 %": lambda value: value * rng.uniform(0.7, 1.3),
    }
    values = [[(step.name, step.value) for step in steps(trace, rate) if step.value] for trace, rate in cases]
    for way, draw in ways.items():
        rates = []
        for digits, part in zip(DIGITS, (0.25, 0.4, 0.7, 1), strict=True):
            tries = int(count * part)
            stated = fits = 0
            for _ in range(tries):
                which = rng.randrange(len(cases))
                (trace, rate), (name, value) = cases[which], rng.choice(values[which])
                verdict = check(trace, name, format_number(draw(value), digits), learning_rate=rate)
                stated += verdict.status == "mistake"
                fits += verdict.status == "could be"
            rates.append(f"{digits} digits {share(stated, tries, 2)} of {tries} (could be {share(fits, tries, 1)})")
        print(f"  {way}: {'; '.join(rates)}")


def chains(cases: list[Problem], rng: random.Random) -> None:
    """Print how often the first mistake in four-digit chains is located, and complaints about right chains."""
    complaints = found = asked = 0
    for trace, _ in cases:
        steps_of = table(trace)
        names = [name for name, step in steps_of.items() if step.kind != "given"]
        complaints += check(trace, written(steps_of, names, None)).status != "correct"
        for kind, wrong in LOCAL.items():
            places = [name for name in names if steps_of[name].kind == kind and not steps_of[name].short]
            for name in rng.sample(places, min(2, len(places))):
                value = wrong(steps_of[name])
                if value is None or not shows(value, steps_of[name].value, 0.0, 4):
                    continue
                asked += 1
                found += check(trace, written(steps_of, names, (name, wrong))).first == name
    print(f"\nChains: {asked} with one mistake, first mistake located {found / asked:.2%}")
    print(f"        {len(cases)} right ones, complaints: {complaints}")


def biased(step: Step) -> bool:
    """Return whether a sum contains a bias."""
    return any(Name.read(needed).quantity == "b" for needed in step.needs)


LOCAL = {
    "z": lambda step, v=None: sum(step.terms(v or step.inputs)) if biased(step) else None,
    "error": lambda step, v=None: -step.rule(v or step.inputs),
    "delta": lambda step, v=None: (v or step.inputs)[step.needs[0]],
    "back": lambda step, v=None: step.terms(v or step.inputs)[0] if len(step.terms(v or step.inputs)) > 1 else None,
    "dW": lambda step, v=None: (v or step.inputs)[step.needs[1]],
}
"""For each kind of step, one mistake at only that step: no bias, wrong sign, no slope, only one path, no input."""


def written(steps_of, names, spoiled):
    """Return a chain of answers with four digits, each computed from the rounded ones before it."""
    known: dict[str, float] = {}
    answers = {}
    for name in names:
        values = Values(steps_of, known)
        step = steps_of[name]
        value = spoiled[1](step, values) if spoiled and spoiled[0] == name else step.rule(values)
        answers[name] = format_number(value, 4)
        known[name] = float(answers[name].replace("−", "-"))
    return answers


def speed(rng: random.Random, repeats: int) -> None:
    """Print how long one verdict takes on a 3-4-3 network, for single values and for whole arrays."""
    trace = drawn((3, 4, 3), "sigmoid", "mse", rng, 1, ("sigmoid",))
    values = {step.name: step.value for step in steps(trace, 0.3)}
    arrays: dict[str, list] = {}
    for name, value in values.items():
        array, _, index = name.partition("[")
        if index:
            rows = arrays.setdefault(array, [])
            written = format_number(value * 1.37, 5)
            if index.endswith(",1]"):
                rows.append([])
            (rows[-1] if "," in index else rows).append(written)
    single = {name: format_number(value * 1.37, 5) for name, value in values.items()}
    print("\nProcessor time for one verdict on a 3-4-3 network")
    for title, answers, aim in (("single value", single, 15), ("whole array", arrays, 60)):
        medians = {}
        for name, answer in answers.items():
            times = []
            for _ in range(repeats):
                start = time.process_time()
                check(trace, name, answer, learning_rate=0.3)
                times.append(time.process_time() - start)
            medians[name] = statistics.median(times) * 1e3
        slowest = max(medians, key=medians.get)
        print(
            f"  {title}: median {statistics.median(medians.values()):.1f} ms, "
            f"slowest {medians[slowest]:.1f} ms ({slowest}); aim: at most {aim} ms"
        )


PARTS = ("table", "random", "slips", "public", "speed", "catalogue", "right", "chains")


def main() -> None:
    """Measure and print everything that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="smaller samples")
    parser.add_argument("--misses", action="store_true", help="list every miss of the table and the slips (stderr)")
    parser.add_argument("--networks", type=int, default=1, help="of each shape with each loss, for all but the table")
    parser.add_argument("--count", type=int, help="random wrong numbers of six digits (fewer of fewer digits)")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    quick = args.quick
    cases = problems(args.networks, random.Random(args.seed))  # noqa: S311 (no secrets)
    found = exercises(random.Random(args.seed))  # noqa: S311
    measured = {
        "table": lambda rng: measure_table(found, 3 if quick else 18, 2 if quick else 8, rng, args.misses),
        "random": lambda rng: random_answers(cases, args.count or (100 if quick else 2500), rng),
        "slips": lambda rng: measure_slips(found, 2 if quick else 8, rng, args.misses),
        "public": lambda rng: measure_public(),
        "speed": lambda rng: speed(rng, 1 if quick else 5),
        "catalogue": lambda rng: naming(cases[:: 6 if quick else 1], rng, 4 if quick else 8),
        "right": lambda rng: right_answers(cases, 200 if quick else 2000, rng),
        "chains": lambda rng: chains(cases[:: 9 if quick else 2], rng),
    }
    for part in PARTS:
        if part in args.only:
            start = time.perf_counter()
            measured[part](random.Random(args.seed))  # noqa: S311
            print(f"({part}: {time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
