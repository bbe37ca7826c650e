"""Print how often the right mistake is named for a wrong number, and how often a right number is accepted.

    python benchmarks/diagnosis.py [--networks 6]     about eight minutes for the default, 2

Wrong numbers come from tests/helpers/injected.py, which was written independently of the tutor. The networks have eight
shapes, some with three outputs, some with batches of three; weights with two decimals; every loss; four hidden
activations; and different learning rates. A mistake *shows* in a value if it changes it by more than 0.2 % of what
there is to compute and, written with three digits, could not be taken for right. It has a *twin* if another mistake
gives the same value.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from helpers.injected import ROWS, SLIPS, injected, right

from bpcourse import Dense, Network, Trace, backprop, check, format_number, steps
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


def drawn(sizes: tuple[int, ...], output: str, loss: str, rng: random.Random, examples: int) -> Trace:
    """Return a network with numbers of two decimals, run forward and back."""

    def numbers(*shape: int, low: float = -1.0) -> np.ndarray:
        drawn = [round(rng.uniform(low, 1.0), 2) or 0.1 for _ in range(math.prod(shape))]
        return np.reshape(drawn, shape)

    kinds = [*(rng.choice(HIDDEN) for _ in sizes[2:]), output]
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


def naming(cases: list[Problem], rng: random.Random) -> None:
    """Print how often a mistake that shows and has no twin is named first, and how often it is named for certain.

    For each mistake on each network one forward value or gradient is asked for, and one value after the update. These
    are counted separately: a new weight differs from the old one by a small step, and three digits of the weight are
    one digit of the step.
    """
    asked, first, stated, missed = Counter(), Counter(), Counter(), Counter()
    for trace, rate in cases:
        values = with_old(right(trace, rate), trace)
        wrong = {mistake: found for mistake in (*ROWS, *SLIPS) if (found := injected(trace, rate, mistake))}
        names = [step.name for step in steps(trace, rate) if step.name in values and not step.name.startswith("slope")]
        for mistake, found in wrong.items():
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
                        named = verdict.mistakes[:1] == (mistake,)
                        asked[new, digits] += 1
                        first[new, digits] += named
                        stated[new, digits] += named and verdict.status == "mistake"
                        missed[mistake, digits] += not named and not new
    for new, title in ((False, "forward values and gradients"), (True, "values after the update")):
        print(f"\nMistakes that show and have no twin, {title}: {asked[new, 3]} on {len(cases)} networks")
        for digits in DIGITS:
            shares = [count[new, digits] / asked[new, digits] for count in (first, stated)]
            print(f"  {digits} digits: named first {shares[0]:.2%}, stated {shares[1]:.2%}")
    most = ", ".join(f"{mistake} at {digits} digits {count}×" for (mistake, digits), count in missed.most_common(8))
    print(f"  missed most often among the former: {most}")


def has_twin(value: float, name: str, mistake: str, wrong: dict[str, dict[str, list[float]]]) -> bool:
    """Return whether another mistake gives the same value."""
    others = (each for other, found in wrong.items() if other != mistake for each in found[name])
    return any(math.isclose(value, each, rel_tol=1e-9, abs_tol=1e-12) for each in others)


def right_answers(cases: list[Problem]) -> None:
    """Print how many right answers are not called right."""
    asked, flagged = 0, []
    for trace, rate in cases:
        for step in steps(trace, rate):
            for digits in DIGITS:
                asked += 1
                verdict = check(trace, step.name, format_number(step.value, digits), learning_rate=rate)
                if verdict.status != "correct":
                    flagged.append((step.name, verdict.status))
        if asked > 20_000:
            break
    print(f"\nRight answers, rounded to 3 to 6 digits: {asked}, not called right: {len(flagged)} {flagged[:3]}")


def random_answers(cases: list[Problem], count: int, rng: random.Random) -> None:
    """Print for how many random wrong numbers a mistake is named for certain."""
    print(f"\nRandom wrong numbers, {count} each, stated to be a mistake")
    ways = {
        "within a factor of ten": lambda value: value * 10 ** rng.uniform(-1, 1) * rng.choice((1, 1, 1, -1)),
        "within 30 %": lambda value: value * rng.uniform(0.7, 1.3),
    }
    for way, draw in ways.items():
        rates = []
        for digits in DIGITS:
            stated = 0
            for _ in range(count):
                trace, rate = rng.choice(cases)
                step = rng.choice([each for each in steps(trace, rate) if each.value])
                verdict = check(trace, step.name, format_number(draw(step.value), digits), learning_rate=rate)
                stated += verdict.status == "mistake"
            rates.append(f"{digits} digits {stated / count:.3%}")
        print(f"  {way}: {', '.join(rates)}")


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


def speed(rng: random.Random) -> None:
    """Print how long one verdict takes on a 3-4-3 network."""
    trace = drawn((3, 4, 3), "sigmoid", "mse", rng, examples=1)
    medians = []
    for step in steps(trace, 0.3):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            check(trace, step.name, format_number(step.value * 1.37, 5), learning_rate=0.3)
            times.append(time.perf_counter() - start)
        medians.append(statistics.median(times))
    typical, slowest = statistics.median(medians) * 1e3, max(medians) * 1e3
    print(f"One verdict on a 3-4-3 network: {typical:.1f} ms, the slowest value {slowest:.1f} ms; aim: below 10 ms")


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=2, help="of each shape with each loss")
    parser.add_argument("--count", type=int, default=10_000, help="random wrong numbers of each kind")
    args, rng = parser.parse_args(), random.Random(20)  # noqa: S311 (no secrets)
    cases = problems(args.networks, rng)
    speed(rng)
    naming(cases, rng)
    right_answers(cases)
    random_answers(cases, args.count, rng)
    chains(cases, rng)


if __name__ == "__main__":
    main()
