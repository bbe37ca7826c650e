"""Print whether practice problems are well-posed, how much they differ, and how fast they are made, in processor time.

    python benchmarks/practice.py [--seeds 10000] [--mistakes 3]     about ten minutes

Each seed makes one problem; topics and levels take turns. tests/helpers/posed.py tests each problem. Its numbers,
weighted sums and gradients must suit hand work. The answer must differ from what every mistake gives within three
digits. The value at the end of the solution must pass the problem's own check with 3, 4 and 6 digits. Some common
mistakes, different ones for each problem, must be named first for their number with 4 and with 5 digits. And the
mistakes in the key must give a colleague's number.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from helpers.posed import faults

from bpcourse.classroom.plan import Plan
from bpcourse.tutor.practice import SHAPES, TOPICS, problem

EVERY = [(topic, level) for topic, plan in TOPICS.items() for level in range(plan.from_level, len(SHAPES) + 1)]


def examine(seeds: int, most: int) -> None:
    """Print what is wrong with the problems, how many are alike, and how long one takes."""
    wrong, times, questions = [], defaultdict(list), Counter()
    for seed in tqdm(range(seeds)):
        topic, level = EVERY[seed % len(EVERY)]
        start = time.process_time()
        one = problem(topic, level=level, seed=seed)
        times[topic, level].append(time.process_time() - start)
        wrong += [f"problem({topic!r}, level={level}, seed={seed}): {fault}" for fault in faults(one, most)]
        questions[topic, level, one.question] += 1
    print(f"{seeds} problems, {len(TOPICS)} topics, {len(EVERY)} topics with their levels")
    print(f"  not well-posed, or not marked correctly: {len(wrong)}")
    for fault in wrong[:20]:
        print(f"    {fault}")
    alike = sum(count - 1 for count in questions.values())
    print(f"  like an earlier one of the same topic and level: {alike}")
    whole = [each for together in times.values() for each in together]
    mean, slowest = statistics.mean(whole) * 1e3, sorted(times, key=lambda each: -statistics.mean(times[each]))[:5]
    named = ", ".join(
        f"{topic} {level}: {statistics.mean(times[topic, level]) * 1e3:.0f} ms" for topic, level in slowest
    )
    print(f"  one takes {mean:.1f} ms on average, 99 % at most {sorted(whole)[len(whole) * 99 // 100] * 1e3:.0f} ms")
    print(f"  the slowest: {named}")


def sheets(count: int) -> None:
    """Print how long it takes to draw sheets of four questions."""
    plans = {
        "easy, level 1": Plan(("forward", "loss", "output_weight", "update"), 1, "a secret"),
        "usual, level 3": Plan(("forward", "output_weight", "hidden_weight", "bias"), 3, "a secret"),
        "hard, level 3": Plan(("hidden_weight", "batch", "update", "find_the_mistake"), 3, "a secret"),
        "hardest, level 5": Plan(("matrix", "batch", "update", "find_the_mistake"), 5, "a secret"),
    }
    print(f"{count} sheets of 4 questions; aim: well under 60 s")
    for name, plan in plans.items():
        start = time.process_time()
        for number in range(1, count + 1):
            plan.sheet(number)
        print(f"  {name + ':':20} {time.process_time() - start:5.1f} s   {', '.join(plan.topics)}")


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="how many problems")
    parser.add_argument("--mistakes", type=int, default=3, help="how many are tried at most for each problem")
    parser.add_argument("--sheets", type=int, default=1000, help="how many sheets are timed")
    args = parser.parse_args()
    sheets(args.sheets)
    examine(args.seeds, args.mistakes)


if __name__ == "__main__":
    main()
