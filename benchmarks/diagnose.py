"""Print how often `diagnose` names the bug in a backward pass, and how often it calls a correct one correct.

    python benchmarks/diagnose.py            everything, about ten minutes of processor time
    python benchmarks/diagnose.py --quick    a tenth of it

The functions come from `tests/helpers/backward_passes.py`, whose formulas are independent of the tutor: bugs of
everything that a backward pass contains, each on all `NETWORKS` where it changes the gradients, in both layouts, as
gradients and as training steps; functions in the style of public code with bugs that were reported there; correct
functions in all forms; and pairs of bugs in different places, of which one must be named first.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from helpers.backward_passes import BUGS, NETWORKS, PUBLIC, correct, write

from bpcourse import Verdict, diagnose

RATE = 0.5
times: list[float] = []


def diagnosed(bugs: tuple[str, ...], network: tuple, layout: str, step: bool) -> Verdict:
    """Return the verdict on a function with these bugs."""
    sizes, activations, loss = network
    function = write(sizes, activations, loss, layout=layout, learning_rate=step, bugs=bugs)
    start = time.process_time()
    rate = RATE if step else None
    verdict = diagnose(function, sizes=sizes, activations=activations, loss=loss, layout=layout, learning_rate=rate)
    times.append(time.process_time() - start)
    return verdict


def is_named(verdict: Verdict, accepted: frozenset[str]) -> bool:
    """Return whether one of these mistakes is named first."""
    return bool({*verdict.mistakes[:1]} & accepted)


def one_bug(chance: random.Random, part: float) -> None:
    """Print how often a single bug is named first."""
    tried, named, missed = Counter(), 0, Counter()
    for key, bug in BUGS.items():
        for network, layout, step in product(NETWORKS, ("rows", "columns"), (False, True)):
            if bug.applies(*network, step, True) and chance.random() < part:
                good = is_named(diagnosed((key,), network, layout, step), bug.accepted)
                tried[key], named = tried[key] + 1, named + good
                missed[key] += not good
    total = tried.total()
    print(f"{len(tried)} bugs in {total} functions: named first in {named} ({named / total:.1%})")
    print("  missed: " + (", ".join(f"{key} {count}×" for key, count in missed.most_common(8) if count) or "none"))


def public_bugs() -> None:
    """Print how many of the bugs of public code are named first."""
    named = sum(is_named(diagnose(function, **options), accepted) for function, options, accepted in PUBLIC.values())
    print(f"{len(PUBLIC)} functions in the style of public code: named first in {named}")


def correct_ones(count: int) -> None:
    """Print how many correct functions are called correct."""
    rng = np.random.default_rng(0)
    right = 0
    for _ in range(count):
        function, options = correct(rng)
        right += diagnose(function, **options).status == "correct"
    print(f"{count} correct functions: {right} called correct")


def two_bugs(chance: random.Random, count: int) -> None:
    """Print how often one of two bugs is named first."""
    tried = named = 0
    while tried < count:
        network, layout, step = chance.choice(NETWORKS), chance.choice(("rows", "columns")), chance.random() < 0.4
        one, other = chance.sample([key for key, bug in BUGS.items() if bug.applies(*network, step, True)], 2)
        if BUGS[one].place != BUGS[other].place:
            tried += 1
            accepted = BUGS[one].accepted | BUGS[other].accepted
            named += is_named(diagnosed((one, other), network, layout, step), accepted)
    print(f"{count} pairs of bugs in different places: one of them named first in {named} ({named / count:.1%})")


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the functions")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    chance, part = random.Random(args.seed), 0.1 if args.quick else 1.0  # noqa: S311 (no secrets)
    public_bugs()
    correct_ones(int(200 * part))
    two_bugs(chance, int(300 * part))
    one_bug(chance, part)
    print(f"one call: median {np.median(times):.2f} s, slowest {max(times):.2f} s of processor time")


if __name__ == "__main__":
    main()
