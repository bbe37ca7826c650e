"""A class that hands in: students who compute right but for one known mistake in some questions.

Their numbers come from `injected`, which knows nothing of the tutor. A mistake *shows* in the first value that, as it
is written, could not be taken for right, if it moves that by more than 0.2 % of what there was to compute.
"""

from __future__ import annotations

import csv
import json
import math
import random
import re
from dataclasses import dataclass, field

from bpcourse import format_number
from bpcourse.tutor.equations import table
from bpcourse.tutor.marking import nothing_done
from helpers.injected import ROWS, SLIPS, injected, right

NAMES = {1: "Anna", 2: 'Bo "the" <script>alert(1)</script>, Jr.', 3: "=HYPERLINK(1)", 4: "فاطمه‌زهرا", 5: "山田　太郎"}


@dataclass
class Student:
    """What a student writes, by question and name, and what is known about it.

    mistakes : by question, the mistake, and the value in which it shows first
    """

    sheet: int
    answers: dict[int, dict[str, str]] = field(default_factory=dict)
    mistakes: dict[int, tuple[str, str]] = field(default_factory=dict)


def plain(value, digits):
    """Return a number as a keyboard has it."""
    return format_number(value, digits).replace("−", "-")


def half(text):
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
    """Return a mistake that can be made in a question and shows, where, and all values that come of it."""
    problem, asked = question.problem, question.asked
    rate = problem.learning_rate or 0.3
    values, steps = right(problem.trace, rate), table(problem.trace, problem.learning_rate)
    nothing = {name: nothing_done(steps[name], {each.name: each.value for each in steps.values()}) for name in asked}
    for mistake in rng.sample([*ROWS, *SLIPS], 30):
        found = injected(problem.trace, rate, mistake)
        other = injected(problem.trace, 2 * rate, mistake) if problem.learning_rate is None else found
        if found and repr([found[name] for name in asked]) != repr([other[name] for name in asked]):
            continue  # without a learning rate nobody updates anything
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
    """Return a student who makes a mistake in a third of the questions, and leaves some of the rest out."""
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
                written = {question.asked[-1]: written[question.asked[-1]]}  # all but the answer
            elif fate < 0.3:
                written.pop(rng.choice(question.asked))
        found.answers[question.number] = written
    return found


def code(question, written, asked):
    lines = [f'    "{name}": {written.get(name) or "..."},' for name in asked]
    return "\n".join([f"answers_{question} = {{", *lines, "}"])


def notebook(sheet, *sources, **metadata):
    """Return a notebook as `bpcourse sheet` writes it, with these code cells."""
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
    """Write what marking needs of `bpcourse sheet`: DIR/key/class.json."""
    content = {"version": 1, "topics": list(plan.topics), "level": plan.level, "count": count, "stamp": plan.stamp}
    content["names"] = {str(sheet): name for sheet, name in names.items() if sheet <= count}
    (folder / "key").mkdir(parents=True, exist_ok=True)
    (folder / "key" / "class.json").write_text(json.dumps(content), encoding="utf-8")


def write_notebook(path, sheet, *sources):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(sheet, *sources)), encoding="utf-8")


def hand_in(folder, sheets, seed):
    """Write the files of a class, every other student's as a notebook, and return the students.

    The other answers were typed into two tables, one of them as a spreadsheet with decimal commas saves it.
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
    for number_, (delimiter, sign) in {0: (",", "."), 2: (";", ",")}.items():
        with (folder / f"paper-{number_}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(["sheet", "question", "name", "answer"])
            writer.writerows([*row[:3], row[3].replace(".", sign)] for row in rows[number_])
    return everybody


@dataclass
class Tally:
    """What marking made of what is known: mistakes that show, found among them; right questions, complaints."""

    mistakes: int = 0
    found: int = 0
    right: int = 0
    invented: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, one, marked):
        """Compare a student with the marks of her sheet."""
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
