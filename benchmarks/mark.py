"""Print how many injected mistakes marking finds in a simulated class, how right answers fare, and the time.

    python benchmarks/mark.py [--students 300] [--notebooks 1000]     some minutes

First, it prints the time and the memory for a folder of notebooks with the default questions.

The students are spread over the levels 1 to 5. They answer questions on all topics of their level, at most 20.
Their mistakes come from tests/helpers/injected.py, which is independent of the tutor; see
tests/helpers/simulated_class.py.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from helpers.simulated_class import ROUNDINGS, Tally, code, hand_in, honest, tables_in, write_notebook
from tqdm import tqdm

from bpcourse.classroom.grading import mark_class, mark_sheet
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.report import Report
from bpcourse.classroom.store import MOST_QUESTIONS
from bpcourse.classroom.submissions import ClassRecord, collect
from bpcourse.cli import SHEET_TOPICS
from bpcourse.tutor.practice import SHAPES, TOPICS


def whole_class(count: int) -> None:
    """Print how long it takes to read and mark a folder of notebooks, to make their sheets again, and to report."""
    plan, times = Plan(SHEET_TOPICS, 3, "a long secret"), {}
    record = ClassRecord(plan.topics, plan.level, count, plan.stamp, {})

    def timed(name: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = run()
        times[name] = time.perf_counter() - start
        return found

    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, count + 1):  # one after the other, so that the memory is that of marking
            sheet = plan.sheet(number)
            answers = {each.number: honest(each, list(ROUNDINGS)[sheet.number % 4]) for each in sheet.questions}
            sources = [code(each.number, answers[each.number], each.asked) for each in sheet.questions]
            write_notebook(Path(folder) / f"sheet-{sheet.number:03}.ipynb", sheet.number, *sources)
        found, remarks = timed("reading", lambda: collect(Path(folder), count))
        marked, _ = timed(
            "marking (makes the sheets again)", lambda: mark_class(record, plan, tqdm(found, leave=False))
        )
        files = timed("the report", lambda: Report(record, tuple(marked), tuple(remarks)).files)
    lost = sum(sheet.out_of - sheet.points for sheet in marked)
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in times.items())
    print(f"{count} notebooks: {parts}; {lost} points lost; report of {len(files['report.html']) / 1e6:.1f} MB")
    print_memory()


def print_memory() -> None:
    """Print the most memory that this process had, and the largest of the processes that marked for it."""
    own, other = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"Most memory: {own:.0f} MB, and {other:.0f} MB in the largest other process")


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--notebooks", type=int, default=1000)
    args, whole = parser.parse_args(), Tally()
    if args.notebooks:
        whole_class(args.notebooks)
    if not args.students:
        return
    for level in range(1, len(SHAPES) + 1):
        topics = tuple(name for name, topic in TOPICS.items() if topic.from_level <= level)[-MOST_QUESTIONS:]
        plan, count = Plan(topics, level, "a long secret"), max(1, args.students // len(SHAPES))
        with tempfile.TemporaryDirectory() as folder:
            sheets = [plan.sheet(number) for number in range(1, count + 1)]
            everybody = hand_in(Path(folder) / "in", sheets, seed=level)
            found, remarks = collect(Path(folder) / "in", count, tables=tables_in(Path(folder) / "in"))
            tally, seconds, marked = Tally(), 0.0, []
            for answers in tqdm(found, desc=f"level {level}", leave=False):
                sheet = sheets[answers.sheet - 1]
                start = time.perf_counter()
                marked.append(mark_sheet(sheet, answers))
                seconds += time.perf_counter() - start
                tally.add(everybody[answers.sheet - 1], marked[-1])
        start = time.perf_counter()
        page = Report(ClassRecord(topics, level, count, plan.stamp, {}), tuple(marked), tuple(remarks)).page
        writing = time.perf_counter() - start
        print(
            f"level {level}: {count} students, {len(topics)} questions each: "
            f"{tally.found} of {tally.mistakes} mistakes found, "
            f"{tally.invented} of {tally.right} right questions complained about; "
            f"{seconds / count * 1e3:.0f} ms a sheet, report of {len(page) / 1e6:.1f} MB in {writing:.2f} s"
        )
        for line in tally.lines:
            print(f"  {line}".splitlines()[0])
        for name in ("mistakes", "found", "right", "invented"):
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
    share = whole.found / max(whole.mistakes, 1)
    print(
        f"All: {whole.found} of {whole.mistakes} mistakes that show found ({share:.2%}), first slip located and named;"
    )
    print(f"     {whole.invented} of {whole.right} right or empty questions complained about")
    print_memory()


if __name__ == "__main__":
    main()
