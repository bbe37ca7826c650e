"""A class that hands in its sheets: students who compute correctly, except for one known mistake in some questions.

Their numbers come from `injected`, which is independent of the tutor. A mistake *shows* in the first value
that cannot pass as right with the digits that are written. It must move that value by more than 0.2 % of
what was to be computed.
"""

from __future__ import annotations

import csv
import json
import math
import random
import re
from dataclasses import dataclass, field
from functools import cache

from bpcourse import format_number
from bpcourse.classroom.grading import mark_sheet
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.submissions import Answers
from bpcourse.tutor.equations import table
from bpcourse.tutor.matching import nothing_done
from helpers.injected import ROWS, SLIPS, injected, right
from helpers.students import Student as Computing, Task, write

NAMES = {1: "Anna", 2: 'Bo "the" <script>alert(1)</script>, Jr.', 3: "=HYPERLINK(1)", 4: "فاطمه‌زهرا", 5: "山田　太郎"}
SECRET = "a long secret"
PLAN = Plan(("loss", "hidden_weight"), 2, SECRET)


@dataclass
class Student:
    """The answers of a student by question and name, and for each question with a mistake: which, and where it shows.

    mistakes : by question, the mistake, and the first value in which it shows
    """

    sheet: int
    answers: dict[int, dict[str, str]] = field(default_factory=dict)
    mistakes: dict[int, tuple[str, str]] = field(default_factory=dict)


def plain(value, digits):
    """Return a number as a student types it, with a hyphen as the minus."""
    return format_number(value, digits).replace("−", "-")


def right_answers(sheet, number=1, digits=5):
    """Return the right answers to a question of a sheet, by name."""
    question = sheet.questions[number - 1]
    steps = table(question.problem.trace, question.problem.learning_rate)
    return {name: plain(steps[name].value, digits) for name in question.asked}


@cache
def sheet_of(plan, number):
    """Return a sheet of a plan, which is made only once."""
    return plan.sheet(number)


def marked(answers, plan=PLAN, sheet=1):
    """Return the marks for these answers to a sheet, given by question and name."""
    return mark_sheet(sheet_of(plan, sheet), Answers(sheet, "anna.ipynb", answers))


def half(text):
    """Return half a unit of the last digit of a number that is not 0."""
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(float(text)))) + 1 - len(re.sub(r"e.*|\D", "", text).lstrip("0")))


def shows_in(asked, wrong, values, nothing, digits):
    """Return the first value in which a mistake shows, or None."""
    for name in asked:
        if not math.isfinite(wrong[name]):
            return None
        text = plain(wrong[name], digits)
        if float(text) == 0 != values[name] or abs(float(text) - values[name]) > 2 * (float(text) and half(text)):
            clear = abs(wrong[name] - values[name]) > 0.002 * abs(values[name] - nothing[name])
            return name if clear else None
    return None


def mistaken(question, rng, digits):
    """Return a mistake that can be made in a question and shows, where it shows, and all resulting values."""
    problem, asked = question.problem, question.asked
    rate = problem.learning_rate or 0.3
    values, steps = right(problem.trace, rate), table(problem.trace, problem.learning_rate)
    nothing = {name: nothing_done(steps[name], {each.name: each.value for each in steps.values()}) for name in asked}
    for mistake in rng.sample([*ROWS, *SLIPS], 30):
        found = injected(problem.trace, rate, mistake)
        other = injected(problem.trace, 2 * rate, mistake) if problem.learning_rate is None else found
        if found and repr([found[name] for name in asked]) != repr([other[name] for name in asked]):
            continue  # a question without a learning rate has no update
        if found and mistake in ROWS:
            wrong = {name: found[name][0] for name in asked}
        elif found and found[asked[-1]]:  # a slip of the pen, in the answer
            wrong = {name: values[name] for name in asked} | {asked[-1]: rng.choice(found[asked[-1]])}
        else:
            continue
        first = shows_in(asked, wrong, values, nothing, digits)
        if first:
            return mistake, first, wrong
    return None


def student(sheet, rng):
    """Return a student who makes a mistake in a third of the questions, and skips parts of some others."""
    found = Student(sheet.number)
    for question in sheet.questions:
        digits = rng.choice((4, 5))
        made = mistaken(question, rng, digits) if rng.random() < 1 / 3 else None
        if made:
            mistake, first, wrong = made
            found.mistakes[question.number] = mistake, first
            written = {name: plain(wrong[name], digits) for name in question.asked}
        else:
            values = right(question.problem.trace, question.problem.learning_rate or 0.3)
            written = {name: plain(values[name], rng.choice((3, 4, 5, 6))) for name in question.asked}
            fate = rng.random()
            if fate < 0.1:
                written = {}  # the whole question
            elif fate < 0.2:
                written = {question.asked[-1]: written[question.asked[-1]]}  # everything except the answer
            elif fate < 0.3:
                written.pop(rng.choice(question.asked))
        found.answers[question.number] = written
    return found


ROUNDINGS = {  # how every step is rounded, and how the values that are asked for are written
    "exact": (None, ("round", 5)),
    "4 digits at each step": (("digits", 4), ("round", 4)),
    "4 decimals": (("decimals", 4), ("decimals", 4)),
    "3 digits where asked": (None, ("round", 3)),
}


def honest(question, rounding):
    """Return the answers of a student who uses the right method and rounds in one of `ROUNDINGS`."""
    keep, how = ROUNDINGS[rounding]
    task = Task.of(question.problem.trace, question.problem.learning_rate or 0.3)
    computed = Computing(task, keep=keep)
    found = {}
    for name in question.asked:
        if key := task.by_name.get(name.replace("y_hat", f"a{task.last}")):
            value = computed(*key)
        else:  # a slope of softmax
            i, j = (computed("a", task.last, int(each), 1) for each in re.findall(r"\d+", name)[1:])
            value = i * (1 - i) if len(set(re.findall(r"\d+", name)[1:])) == 1 else -i * j
        found[name] = write(value, how).replace("−", "-")
    return found


def code(question, written, asked):
    """Return the filled answer cell of a question."""
    lines = [f'    "{name}": {written.get(name) or "..."},' for name in asked]
    return "\n".join([f"answers_{question} = {{", *lines, "}"])


def notebook(sheet, *sources, **metadata):
    """Return a notebook in the form that `bpcourse sheet` writes, with these code cells."""
    cells = [{"cell_type": "markdown", "metadata": {}, "source": [f"# Sheet {sheet}\n", "Name"]}]
    cells += [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for source in sources
    ]
    return {
        "cells": cells,
        "metadata": {"bpcourse": {"sheet": sheet}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_class(folder, plan, count, names=NAMES):
    """Write the file of `bpcourse sheet` that marking needs: DIR/key/class.json."""
    content = {"version": 1, "topics": list(plan.topics), "level": plan.level, "count": count, "stamp": plan.stamp}
    content["names"] = {str(sheet): name for sheet, name in names.items() if sheet <= count}
    (folder / "key").mkdir(parents=True, exist_ok=True)
    (folder / "key" / "class.json").write_text(json.dumps(content), encoding="utf-8")


def write_notebook(path, sheet, *sources):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(sheet, *sources)), encoding="utf-8")


def tables_in(folder):
    """Return the tables that `hand_in` wrote, which the instructor names."""
    return sorted(folder.glob("paper-*.csv"))


def hand_in(folder, sheets, seed):
    """Write the files of a class and return the students. Every other student hands in a notebook.

    The other answers are in two tables, one of them in the form of a spreadsheet with decimal commas.
    """
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    everybody, rows = [], {0: [], 2: []}
    for sheet in sheets:
        one = student(sheet, rng)
        everybody.append(one)
        if sheet.number % 2:
            sources = [code(each.number, one.answers[each.number], each.asked) for each in sheet.questions]
            write_notebook(
                folder / f"group {sheet.number % 3}" / f"sheet-{sheet.number:03}.ipynb", sheet.number, *sources
            )
        else:
            for question, written in one.answers.items():
                rows[sheet.number % 4] += [[sheet.number, question, *pair] for pair in written.items()]
    for table_number, (delimiter, sign) in {0: (",", "."), 2: (";", ",")}.items():
        with (folder / f"paper-{table_number}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(["sheet", "question", "name", "answer"])
            writer.writerows([*row[:3], row[3].replace(".", sign)] for row in rows[table_number])
    return everybody


@dataclass
class Tally:
    """How marking did: the mistakes that show, how many were found, the right questions, how many got a complaint."""

    mistakes: int = 0
    found: int = 0
    right: int = 0
    invented: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, one, marked):
        """Compare a student with the marks of the sheet."""
        for mark in marked.marks:
            where = f"sheet {one.sheet}, question {mark.number}, {mark.topic}"
            if mark.number in one.mistakes:
                mistake, first = one.mistakes[mark.number]
                self.mistakes += 1
                found = mark.slip and mark.slip.name == first and mistake in mark.slip.verdict.mistakes
                self.found += bool(found)
                if not found:
                    said = (mark.slip.name, mark.slip.verdict) if mark.slip else None
                    self.lines.append(f"{where}: {mistake} in {first} = {one.answers[mark.number][first]}; got {said}")
            else:
                self.right += 1
                strange = [line for line in mark.lines if line.verdict.status not in ("correct", "not answered")]
                self.invented += bool(strange)
                self.lines += [f"{where}: right {line.name}; got {line.verdict}" for line in strange]
