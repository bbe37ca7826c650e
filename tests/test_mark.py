"""Marking a class: known mistakes are found, right answers are left alone, and no file can do harm."""

import csv
import io
import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.simulated_class import (
    NAMES,
    Tally,
    code,
    hand_in,
    notebook,
    plain,
    student,
    write_class,
    write_notebook,
)

from bpcourse import cli
from bpcourse.classroom import marks
from bpcourse.classroom.marks import Answers, collect, mark_sheet, read_cells, read_file, read_table
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.report import FILES, Report, save, table
from bpcourse.classroom.text import shown
from bpcourse.tutor.equations import table as steps_of
from bpcourse.tutor.marking import Verdict

SECRET = "a long secret"
PLAN = Plan(("loss", "hidden_weight"), 2, SECRET)


def right_answers(sheet, number=1, digits=5):
    question = sheet.questions[number - 1]
    steps = steps_of(question.problem.trace, question.problem.learning_rate)
    return {name: plain(steps[name].value, digits) for name in question.asked}


def marked(answers, plan=PLAN, sheet=1):
    return mark_sheet(plan.sheet(sheet), Answers(sheet, "anna.ipynb", 0, answers))


def command(folder, *more, secret=SECRET):
    return ["mark", str(folder / "in"), "--class", str(folder / "key"), "--seed", secret, *more]


def fails(capsys, *words):
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


# The class of the issue


@pytest.mark.parametrize(
    ("topics", "level"),
    [
        (("activation", "loss", "output_weight", "bias"), 1),
        (("hidden_weight", "update", "yes_or_no"), 2),
        (("hidden_weight", "classes", "matrix", "output_delta"), 3),
    ],
)
def test_a_class_of_thirty_has_its_mistakes_named_and_its_right_answers_left_alone(topics, level, tmp_path):
    plan = Plan(topics, level, SECRET)
    sheets = [plan.sheet(number) for number in range(1, 31)]
    everybody = hand_in(tmp_path / "in", sheets, seed=level)
    found = collect(tmp_path / "in", 30)
    assert [each.sheet for each in found.answers] == list(range(1, 31))
    assert found.remarks == ()
    tally = Tally()
    for answers in found.answers:
        tally.add(everybody[answers.sheet - 1], mark_sheet(sheets[answers.sheet - 1], answers))
    assert tally.mistakes > 20 < tally.right
    assert tally.found >= 0.95 * tally.mistakes, tally.lines
    assert tally.invented == 0, tally.lines


def test_the_tally_sees_marks_that_are_wrong():
    tally, rng = Tally(), random.Random(3)
    for number in range(1, 7):
        one = student(PLAN.sheet(number), rng)
        other = mark_sheet(PLAN.sheet(number + 1), Answers(number, "", 0, one.answers))
        tally.add(one, other)
    assert tally.invented > 0
    assert tally.found < 0.95 * max(tally.mistakes, 1)


# Points


def test_each_right_value_gives_a_point_also_after_a_wrong_one():
    answers = right_answers(PLAN.sheet(1), 2)
    assert marked({2: answers}).marks[1].points == len(answers)
    first = next(iter(answers))
    assert marked({2: {first: answers[first]}}).marks[1].points == 1
    trace, weight = PLAN.sheet(1).questions[1].problem.trace, list(answers)[-1]
    i, j = (
        int(each) - 1 for each in weight[4:-1].split(",")
    )  # a network 3-2-1 of sigmoids, the loss its squared error
    z = trace["z1"][0, j]
    dz2 = 2 * (0.111 - trace["y"][0, 0]) * 0.111 * (1 - 0.111)
    dz1 = dz2 * trace["W2"][j, 0] * math.exp(-z) / (1 + math.exp(-z)) ** 2
    own = {"y_hat[1]": 0.111, "dz2[1]": dz2, f"dz1[{j + 1}]": dz1, weight: trace["x"][0, i] * dz1}
    assert [line.verdict.status == "correct" for line in marked({2: own}).marks[1].lines] == [False, True, True, True]
    assert marked({2: own | {f"dz1[{j + 1}]": 2 * dz1}}).marks[1].points == 1  # and what follows from that is not right


def zeros(question):
    return dict.fromkeys(question.asked, "0")


def as_the_target(question):
    """Return answers as if the prediction was right, so that no parameter changes: for which nothing is computed."""
    trace, steps = question.problem.trace, steps_of(question.problem.trace, question.problem.learning_rate)
    found = {}
    for name in question.asked:
        place = int(name[6:-1]) - 1 if name.startswith("y_hat") else 0
        old = steps[name.replace("_new", "")].value if "_new" in name else 0
        found[name] = f"{trace['y'][0, place]:.3f}" if name.startswith("y_hat") else plain(old, 4) if old else "0.000"
    return found


@pytest.mark.parametrize("answer", [zeros, as_the_target])
def test_what_says_that_nothing_happens_gives_no_point(answer):
    for topic in ("output_weight", "hidden_weight", "bias", "update", "output_delta", "matrix"):
        plan = Plan((topic,), 3, SECRET)
        for sheet in map(plan.sheet, range(1, 6)):
            (mark,) = mark_sheet(sheet, Answers(1, "", 0, {1: answer(sheet.questions[0])})).marks
            assert mark.points == 0, mark


def test_a_right_zero_gives_its_point_and_no_more():
    plan, found = Plan(("dead_relu",), 3, SECRET), 0
    for sheet in map(plan.sheet, range(1, 9)):
        answers = right_answers(sheet)
        last = list(answers)[-1]
        assert marked({1: answers}, plan, sheet.number).points == len(answers)
        if float(answers[last]) == 0:
            mark = marked({1: {last: "0"}}, plan, sheet.number).marks[0]
            assert (mark.points, mark.in_the_head) == (1, False)
            found += 1
    assert found


def test_who_computes_in_the_head_loses_nothing():
    answers = right_answers(PLAN.sheet(1), 2)
    last = list(answers)[-1]
    mark = marked({2: {last: answers[last]}}).marks[1]
    assert (mark.points, mark.in_the_head, mark.slip) == (len(answers), True, None)
    some = dict(list(answers.items())[1:])
    assert marked({2: some}).marks[1].points == len(answers)
    wrong = {"y_hat[1]": "0.111", last: answers[last]}
    assert marked({2: wrong}).marks[1].points == 1  # what is wrong on the way is wrong
    assert marked({2: {last: "0.111"}}).marks[1].points == 0


def test_a_whole_matrix_needs_all_its_entries():
    plan = Plan(("matrix",), 2, SECRET)
    answers = right_answers(plan.sheet(1))
    entries = {name: answer for name, answer in answers.items() if name.startswith("dW1")}
    assert marked({1: entries}, plan).marks[0].points == len(answers)
    one = dict(list(entries.items())[:-1])
    assert marked({1: one}, plan).marks[0].points == len(one)


def test_names_may_be_written_otherwise_and_strange_ones_are_noted():
    answers = right_answers(PLAN.sheet(1), 2)
    last = list(answers)[-1]
    result = marked({2: {last.replace(",", " , "): answers[last], "<b>": 1.0, "z9[1]": 2.0}, 7: {}})
    assert result.marks[1].points == len(answers)
    assert result.notes == (
        "question 2 does not ask for '<b>'.", "question 2 does not ask for 'z9[1]'.", "there is no question 7.",
    )  # fmt: skip


def test_of_many_strange_names_the_first_ones_are_noted():
    assert len(marked({1: dict.fromkeys(map(str, range(50)), 1.0)}).notes) == marks.MOST_NOTES


WILD = [0, -1, 1e300, -1e300, 5e-324, "1e308", float("inf"), float("nan"), None, "x", "1e-320", 40, 1e154, "0,0000"]


@pytest.mark.parametrize("topic", ["output_delta", "hidden_weight", "yes_or_no", "classes", "update", "cross_entropy"])
def test_no_number_stops_the_marking(topic):  # a tanh of 1e300 was squared
    rng = random.Random(topic)
    plan = Plan((topic,), 3, SECRET)
    for sheet in (plan.sheet(1), plan.sheet(2)):
        asked = sheet.questions[0].asked
        for _ in range(15):
            result = mark_sheet(sheet, Answers(1, "", 0, {1: {name: rng.choice(WILD) for name in asked}}))
            assert 0 <= result.points < result.out_of


# Reading code


def test_of_code_only_dictionaries_are_read_and_the_last_one_counts():
    source = "x = 1\nanswers_1 = {'a': 1}\nanswers_1 = {'a': -0.5, 'b': +2, 'c': -1/3, 'd': ..., 'e': None, 'f': ' 1'}"
    assert read_cells([source, "answers_12 = {'a': 0.0820}"]) == (
        {1: {"a": -0.5, "b": 2.0, "c": -1 / 3, "d": None, "e": None, "f": " 1"}, 12: {"a": "0.0820"}},
        [],
    )
    found, notes = read_cells(["answers_1 = {'a': 1}\nanswers_1['a'] = 2\nanswers_1 = dict(a=3)"])
    assert found == {1: {"a": 1.0}}
    assert notes == [SET_BY_CODE]


SET_BY_CODE = "answers_1 is set or used by code, which was not run; see the file."


@pytest.mark.parametrize(
    "code",
    [
        "if True:\n    answers_1 = {'a': 1}", "answers_1.update(a=1)", "answers_1 |= {'a': 1}", "answers_1: dict",
        "def f():\n    answers_1['a'] = 2", "answers_1, b = {'a': 1}, 2", "print(answers_1 := {'a': 1})",
        "for answers_1['a'] in [1]: pass", "mine = answers_1",
    ],
)  # fmt: skip
def test_answers_that_code_would_make_are_not_read_and_noted(code):
    assert read_cells([code]) == ({}, [SET_BY_CODE])


def test_an_annotated_dictionary_is_read_and_what_has_no_name_is_noted():
    assert read_cells(["answers_1: dict = {'a': 1}"]) == ({1: {"a": 1.0}}, [])
    assert read_cells(["answers_1 = {'a': 1, **more, b: 2}"]) == (
        {1: {"a": 1.0}},
        ["some entries of answers_1 have no name of their own; left out."],
    )
    assert len(read_cells([f"answers_{place} += 1" for place in range(1, 99)])[1]) == marks.MOST_NOTES


def test_an_answer_is_taken_from_its_place_in_the_source():
    source = "x = 'é\f'; answers_1 = {'é': 0.0820, 'b': (1 +\r\n  'ü'),\r 'c': open('ß')}"
    found, _ = read_cells([source])
    assert found == {1: {"é": "0.0820", "b": "1 +\n  'ü'", "c": "open('ß')"}}


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os').system('touch hacked')", "10**10**10", "x", "(0,25)", "[1]", "True", "1j", "b'1'", "f'{1}'",
        "0x" + "f" * 400, "1/0", "lambda: 1", "1 if 1 else 2", "0.1 + 0.2", "2 * 3", "1/2/3",
    ],
)  # fmt: skip
def test_any_other_value_stays_as_it_was_written_and_is_unreadable_alone(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, _ = read_cells([f"answers_1 = {{'loss': {value}, 'y_hat[1]': 0.5}}"])
    assert found == {1: {"loss": value, "y_hat[1]": 0.5}}
    line = marked(found).marks[0].lines[-1]
    assert line.verdict.status == "unreadable"
    assert line.written == shown(value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "source",
    [
        "answers_1 = {\n  'loss': 0,25,\n  'y_hat[1]': -1.5,\n}", "answers_1 = {'loss': 0,25, 'y_hat[1]': -1.5}",
        "%matplotlib inline\nanswers_1 = {\n'loss': '0,25'\n 'y_hat[1]': -1.5  # mine\n}",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n\0",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n'\ud800'",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n" + "(" * 5000,
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n" + "-" * 15000 + "1",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\nx = 1" + "+1" * 9000,
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\nx = 1" + "0" * 5000,
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n" + "#" * 50_000,
    ],
)  # fmt: skip
def test_a_cell_that_is_no_python_does_not_lose_its_answers(source):
    found, notes = read_cells([source, "answers_2 = {'a': 1}"])
    assert found == {1: {"loss": "0,25", "y_hat[1]": -1.5}, 2: {"a": 1.0}}
    assert all(note.startswith("the cell of question 1 is no valid Python (") for note in notes)


def test_many_answers_in_large_cells_take_no_time(tmp_path):  # a whole cell was split again for each answer
    source = "answers_1 = {" + "'a': 1,\n" * marks.MOST_ANSWERS + "}\n"
    source *= marks.LONGEST_CELL // len(source)
    start = time.process_time()
    read_cells([source] * 60)
    assert time.process_time() - start < 5


def test_hostile_code_takes_no_time():
    start = time.perf_counter()
    for source in (
        "answers_1 = {" + "'a" * 300_000,
        "answers_1 = {" + "'" + " " * 500_000,
        "answers_1 =\n" * 100_000,
        "answers_1 = {" + "'a':" * 200_000,
        "answers_1 = {'a': " + "-(" * 90 + "1" + ")" * 90 + "}",
        "answers_1 = {'a': 1" + "/1" * 4000 + "}",
    ):
        read_cells([source])
    assert time.perf_counter() - start < 10


# Reading tables


@pytest.mark.parametrize(
    "text",
    [
        "sheet,question,name,answer\n1,2,\"dW1[2,1]\",\"0,25\"\n1,2,loss,-0.5\n",
        "\ufeffSheet;Question;Name;Answer\r\n1;2;dW1[2,1];0,25\r\n1;2;loss;-0.5;;\r\n;;;\r\n",
        "sheet\tquestion\tname\tanswer\n1\t2\tdW1[2,1]\t0,25\n\n1\t2\tloss\t'-0.5",
        "sheet,question,name,answer\n1,2,dW1[2,1],0,25\n1,2,loss,-0.5",
    ],
)  # fmt: skip
def test_tables_of_several_programs_are_read(text, tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text(text, encoding="utf-8", newline="")
    (found,) = read_file(path, "paper.csv")
    assert (found.sheet, found.values, found.notes) == (1, {2: {"dW1[2,1]": "0,25", "loss": "-0.5"}}, ())


def test_bad_lines_of_a_table_are_named_and_the_others_read():
    found, notes = read_table(
        "sheet,question,name,answer\n1,1,loss,1\nx,1,loss,2\n1,1,loss,3\n1,-1,a,1\n1,1," + "a" * 900
    )
    assert found == {1: {1: {"loss": "3"}}}
    assert notes == [
        "1 answers stand there twice; the last ones count.",
        "3 lines do not say sheet, question, name and answer, the first of them: 3, 5, 6.",
    ]


# Files that are no sheets

BAD = {
    "is no notebook: Expecting": b'{"cells": [',
    "is no notebook: needed a JSON object": b"[]",
    "does not say which format": b"{}",
    "is of format 3; open": json.dumps({"nbformat": 3, "worksheets": []}).encode(),
    "needed a list of cells": json.dumps({"nbformat": 4, "cells": [1]}).encode(),
    "does not say which sheet": json.dumps({"nbformat": 4, "cells": []}).encode(),
    "the same key twice": b'{"nbformat": 4, "cells": [], "cells": []}',
    "nested far too deep": b"[" * 200_000,
    "is no text in UTF-8": b'{"nbformat": 4, "cells": "\xff"}',
    "is no notebook: Invalid control": b'{"nbformat": "\0"}',
    "is no notebook: Exceeds": b'{"nbformat": ' + b"9" * 5000 + b"}",
    "has 6,000,000 bytes": b" " * 6_000_000,
    "is for sheet 31; this class has the sheets 1 to 30": json.dumps(notebook(31)).encode(),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_damaged_file_is_skipped_and_the_others_are_marked(reason, tmp_path):
    write_notebook(tmp_path / "anna" / "good.ipynb", 1, "answers_1 = {'loss': 1}")
    (tmp_path / "bad.ipynb").write_bytes(BAD[reason])
    found = collect(tmp_path, 30)
    assert [each.source for each in found.answers] == ["anna/good.ipynb"]
    (remark,) = found.remarks
    assert reason in remark.text
    assert (remark.source, remark.skipped) == ("bad.ipynb", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needed the columns sheet, question, name, answer; got ''"),
        ("sheet,question,name,value\n1,1,loss,2", "got 'sheet, question, name, value'"),
        ("sheet,question,name,answer\n1,1,loss," + "1" * 200_000, "is no table (line "),
    ],
)
def test_another_table_is_skipped(text, reason, tmp_path):
    (tmp_path / "answers.csv").write_text(text, encoding="utf-8")
    (remark,) = collect(tmp_path, 30).remarks
    assert reason in remark.text


def test_a_file_of_another_kind_is_named(tmp_path):
    for name in ("notes.docx", "photo of sheet 3.jpg", ".DS_Store"):
        (tmp_path / name).write_text("", encoding="utf-8")
    found = [(remark.source, remark.skipped) for remark in collect(tmp_path, 30).remarks]
    assert found == [("notes.docx", True), ("photo of sheet 3.jpg", True)]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are made otherwise there")
def test_links_pipes_and_folders_are_skipped(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    write_notebook(tmp_path / "folder.ipynb" / "in it.ipynb", 2)
    (tmp_path / "secret.ipynb").symlink_to(__file__)
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "not there")
    (tmp_path / "others").symlink_to("/")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "old.ipynb").write_text("{")
    found = collect(tmp_path, 30)
    assert [each.source for each in found.answers] == ["folder.ipynb/in it.ipynb"]
    assert {remark.source: remark.text for remark in found.remarks} == {
        "folder.ipynb": "is a folder; needed a notebook or a table.",
        "secret.ipynb": "is a link; needed the file itself.",
        "nowhere.csv": "is a link; needed the file itself.",
        "others": "is a link to a folder.",
        "pipe.csv": "is no ordinary file; needed a notebook or a table.",
    }


def test_a_file_that_fails_while_it_is_read_is_skipped(tmp_path, monkeypatch):
    write_notebook(tmp_path / "mine.ipynb", 1)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert collect(tmp_path, 30).remarks[0].text == "cannot be read: Permission denied."


def test_of_two_files_for_one_sheet_the_newer_one_is_marked_and_both_are_named(tmp_path):
    for name, when in (("b.ipynb", 1000), ("a.ipynb", 3000), ("c.ipynb", 2000)):
        write_notebook(tmp_path / name, 7)
        os.utime(tmp_path / name, (when, when))
    found = collect(tmp_path, 30)
    assert [each.source for each in found.answers] == ["a.ipynb"]
    assert [(remark.source, remark.text) for remark in found.remarks] == [
        ("b.ipynb", "holds sheet 7, as a.ipynb does, which is newer and was marked."),
        ("c.ipynb", "holds sheet 7, as a.ipynb does, which is newer and was marked."),
    ]
    assert found.answers[0].notes == (
        "two files hold this sheet: a.ipynb was marked; b.ipynb is older and was not.",
        "two files hold this sheet: a.ipynb was marked; c.ipynb is older and was not.",
    )


def test_files_of_one_time_are_said_to_be_so(tmp_path):
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(tmp_path / name, 7)
        os.utime(tmp_path / name, (1000, 1000))
    found = collect(tmp_path, 30)
    (remark,), (answers,) = found.remarks, found.answers
    assert remark.text == "holds sheet 7, as b.ipynb does, which is of the same time and was marked."
    assert answers.notes == ("two files hold this sheet: b.ipynb was marked; a.ipynb is of the same time and was not.",)


def test_who_adds_a_row_for_another_student_is_seen_on_her_sheet(handed_in):
    folder, _ = handed_in
    path = folder / "in" / "<i>bob.csv"
    path.write_text("sheet,question,name,answer\n1,1,loss,7\n", encoding="utf-8")
    os.utime(path, (4e9, 4e9))
    assert cli.main(command(folder)) == 0
    page = (folder / "marks" / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<h2 id="sheet-1"') : page.index('<h2 id="sheet-2"')]
    assert (
        "Please look: two files hold this sheet: &lt;i&gt;bob.csv was marked; group 1/sheet-001.ipynb is old" in section
    )


def test_the_number_of_a_sheet_is_in_the_metadata_or_in_the_heading(tmp_path):
    path = tmp_path / "a.ipynb"
    for metadata in ({"bpcourse": {"sheet": True}}, {"bpcourse": []}, {"bpcourse": {"sheet": "9"}}, {}):
        path.write_text(json.dumps(notebook(12) | {"metadata": metadata}), encoding="utf-8")
        assert read_file(path, "")[0].sheet == 12
    path.write_text(json.dumps(notebook(12) | {"metadata": {"bpcourse": {"sheet": 9}}}), encoding="utf-8")
    (found,) = read_file(path, "")
    assert found.sheet == 9
    assert found.notes == ("its metadata say sheet 9, which counts; its heading says sheet 12.",)


# The command and its report


@pytest.fixture
def handed_in(tmp_path):
    """A class with strange names, a student who wrote HTML, and a damaged file."""
    write_class(tmp_path, PLAN, 5)
    everybody = hand_in(tmp_path / "in", [PLAN.sheet(number) for number in range(1, 5)], seed=2)
    hostile = code(2, {"y_hat[1]": "'<img src=x onerror=alert(1)>'", "dz2[1]": '"=1+1"'}, ["y_hat[1]", "dz2[1]", "<i>"])
    write_notebook(tmp_path / "in" / "sheet-005 ‮.ipynb", 5, hostile)
    (tmp_path / "in" / "<b>&.ipynb").write_text("{", encoding="utf-8")
    return tmp_path, everybody


def test_the_command_writes_the_report(handed_in, capsys):
    folder, _ = handed_in
    assert cli.main(command(folder)) == 0
    said = capsys.readouterr().out
    assert "Skipped: <b>&.ipynb is no notebook" in said
    assert "Marked: 5 of 5 sheets" in said
    assert sorted(path.name for path in (folder / "marks").iterdir()) == sorted(FILES)
    page = (folder / "marks" / "report.html").read_text(encoding="utf-8")
    for bad in ("<script", "<img", "<b>&", "<i>", "‮"):
        assert bad not in page
    for good in (
        "&lt;script&gt;alert(1)",
        NAMES[4],
        "&lt;img src=x",
        '<svg xmlns="http://www.w3.org/2000/svg" role="img"',
    ):
        assert good in page
    head, *rows = rows_of(folder / "marks" / "gradebook.csv")
    assert head == ["sheet", "name", "points", "of", "percent", "question 1", "question 2"]
    assert [row[1] for row in rows] == ["Anna", NAMES[2], "'=HYPERLINK(1)", NAMES[4], "山田 太郎"]
    for row in rows:
        assert int(row[2]) == int(row[5]) + int(row[6]) <= int(row[3])
    for row in [*rows, *rows_of(folder / "marks" / "mistakes.csv")]:
        assert not any(cell.startswith(("=", "+", "-", "@")) and not is_number(cell) for cell in row)


def test_a_sheet_that_was_not_handed_in_has_no_points(handed_in):
    folder, _ = handed_in
    write_class(folder, PLAN, 6)
    assert cli.main(command(folder)) == 0
    assert rows_of(folder / "marks" / "gradebook.csv")[6] == ["6", "", "", "", "", "", ""]
    assert "No answers to sheet <bdi>6</bdi>." in (folder / "marks" / "report.html").read_text(encoding="utf-8")


def slipped(sheet, *verdicts):
    """Return a marked sheet with a slip in each of its questions."""
    questions = (marks.Line("loss", "1", 0.5, Verdict(status, "", "", ids)) for status, ids in verdicts)
    return marks.MarkedSheet(
        sheet, "", "", tuple(marks.Mark(1, "loss", "loss", (line,), line, False) for line in questions), ()
    )


def test_common_mistakes_count_students_and_could_be_apart():
    sure, maybe = ("mistake", ("lost_sign", "sign_slip")), ("could be", ("lost_sign",))
    sheets = (
        slipped(1, sure, sure),
        slipped(2, maybe, sure),
        slipped(3, maybe, maybe),
        slipped(4, ("wrong", ()), ("mistake", ("kept_half",))),
    )
    first, second = marks.common(sheets)
    assert (first.mistake.id, first.stated, first.possible) == ("lost_sign", {1, 2}, {3})
    assert (second.mistake.id, second.stated, second.possible) == ("kept_half", {4}, set())
    page = Report(marks.ClassRecord(("loss", "loss"), 1, 4, "", {}), sheets, ()).page
    assert "2 of 4, perhaps 3: the sign is the opposite one; 1 of 4: the slope of the loss is half" in page


def test_a_class_without_mistakes_and_one_without_sheets_have_a_report():
    record = marks.ClassRecord(PLAN.topics, 2, 1, PLAN.stamp, {})
    sheet = PLAN.sheet(1)
    right = marked({1: right_answers(sheet, 1), 2: right_answers(sheet, 2)})
    assert "No mistake that is known here was found." in Report(record, (right,), ()).page
    assert "There is nothing to mark." in Report(record, (), ()).page


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_number_stays_a_number_in_a_table():
    assert table([["-0.0451", "+2", "-1.5e-07"]]) == "-0.0451,+2,-1.5e-07\r\n"


def test_a_cell_never_becomes_a_formula():
    for text in ("=1", "+1+1", "-2-A1", "@x", "  =1", "\t=1", "\r\n=1", "-1e3e", "+-1"):
        assert table([[text]]).lstrip('"').startswith("'")
    assert table([['Bo, "x"', 3, -1]]) == '"Bo, ""x""",3,-1\r\n'


def test_what_the_user_can_mend_is_one_line(handed_in, capsys, tmp_path):
    folder, _ = handed_in
    for words in (command(folder, secret="\udcff"), ["sheet", "--seed", "\udcff", "--out", str(folder / "new")]):
        assert "the secret is no text in UTF-8; give --seed another one" in fails(capsys, *words)
    assert "not the secret that the sheets" in fails(capsys, *command(folder, secret="another"))
    assert "is no folder" in fails(capsys, "mark", str(folder / "no"), "--class", str(folder / "key"), "--seed", SECRET)
    assert "class.json cannot be read" in fails(
        capsys, "mark", str(folder / "in"), "--class", str(folder), "--seed", SECRET
    )
    (folder / "empty").mkdir()
    assert "there is no notebook" in fails(
        capsys, "mark", str(folder / "empty"), "--class", str(folder / "key"), "--seed", SECRET
    )
    assert not (folder / "marks").exists()
    for text in (
        "{}",
        '{"version": 2}',
        '{"version": 1, "topics": 3, "level": 1, "count": 1, "stamp": "", "names": {}}',
    ):
        (folder / "key" / "class.json").write_text(text, encoding="utf-8")
        assert "does not describe a class" in fails(capsys, *command(folder))
    (folder / "key" / "class.json").write_text("[", encoding="utf-8")
    assert "class.json is no " in fails(capsys, *command(folder))


def test_a_report_is_overwritten_only_by_force(handed_in, capsys):
    folder, _ = handed_in
    (folder / "marks").mkdir()
    mine = folder / "marks" / "gradebook.csv"
    mine.write_text("mine", encoding="utf-8")
    assert "gradebook.csv is there already. Choose another --out, or add --force" in fails(capsys, *command(folder))
    assert [path.name for path in (folder / "marks").iterdir()] == ["gradebook.csv"]
    assert mine.read_text(encoding="utf-8") == "mine"
    assert cli.main(command(folder, "--out", str(folder / "other"))) == 0
    assert cli.main(command(folder, "--force")) == 0
    assert mine.read_bytes() == (folder / "other" / "gradebook.csv").read_bytes()
    (folder / "file").write_text("", encoding="utf-8")
    assert "file is there already" in fails(capsys, *command(folder, "--out", str(folder / "file")))


def test_key_and_report_are_not_taken_for_answers(handed_in):
    folder, _ = handed_in
    (folder / "key" / "answers.csv").write_text("sheet,question,name,value\n", encoding="utf-8")
    words = ["mark", str(folder), "--class", str(folder / "key"), "--seed", SECRET, "--out", str(folder / "marks")]
    assert cli.main(words) == 0
    assert cli.main([*words, "--force"]) == 0
    page = (folder / "marks" / "report.html").read_text(encoding="utf-8")
    assert "answers.csv" not in page
    assert "gradebook.csv" not in page


@pytest.mark.parametrize("refused", ["write_text", "replace"])
def test_after_an_error_nothing_hidden_stays(refused, tmp_path, monkeypatch):
    calls, own = [], getattr(Path, refused)

    def full(self, *more, **named):
        calls.append(self)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return own(self, *more, **named)

    monkeypatch.setattr(Path, refused, full)
    with pytest.raises(OSError, match="No space"):
        save(dict.fromkeys(FILES, "."), tmp_path)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise there")
def test_a_link_under_a_hidden_name_is_not_followed(tmp_path):
    mine, folder = tmp_path / "mine", tmp_path / "marks"
    mine.write_text("mine", encoding="utf-8")
    folder.mkdir()
    (folder / f".{FILES[0]}.part").symlink_to(mine)
    save(dict.fromkeys(FILES, "."), folder)
    assert mine.read_text(encoding="utf-8") == "mine"


WRITER = """
import sys, time
from pathlib import Path
from bpcourse.classroom.report import FILES, save
texts, folder = dict.fromkeys(FILES, "." * 3_000_000), Path(sys.argv[1])
save(texts, folder)
print("ready", flush=True)
while True:
    WRITE
"""


def left_by(writer, folder, delay):
    """Start a writer, kill it after a delay, and return the lengths of the files that it leaves."""
    script = WRITER.replace("WRITE", writer)
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
    return [len(path.read_text(encoding="utf-8-sig")) for path in folder.glob("[!.]*")]


def test_a_file_of_the_report_is_whole_or_absent_when_its_writer_is_killed(tmp_path):
    rng = random.Random(1)
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        writer = "[(folder / name).unlink() for name in FILES]; save(texts, folder)"
        lengths = left_by(writer, folder, rng.uniform(0, 0.2))
        assert set(lengths) <= {3_000_000}
    save(dict.fromkeys(FILES, "."), folder, force=True)  # what was left behind does not stand in the way
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_a_file_that_is_cut_short_would_be_seen(tmp_path):
    writer = "file = (folder / FILES[0]).open('w'); file.write('.' * 1000_000); file.flush(); time.sleep(60)"
    assert min(left_by(writer, tmp_path, 1)) < 3_000_000
