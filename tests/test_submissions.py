"""Reading what students hand in: every kind of file, no harm from any of them."""

import json
import os
from pathlib import Path

import pytest
from helpers.simulated_class import notebook, write_notebook

from bpcourse.classroom import submissions
from bpcourse.classroom.cells import LONGEST_CELL, MOST_ANSWERS, MOST_NOTES, read_cells
from bpcourse.classroom.submissions import (
    UnreadableFileError,
    collect,
    read_file,
    read_record,
    read_table,
)

HEADER = "sheet,question,name,answer\n"


def answers_in(source):
    """Return the answers to question 1 in a cell that must be read without any note."""
    found, notes = read_cells([source])
    assert notes == []
    return found[1]


# Cells of a notebook


def test_read_cells__numbers_fractions_texts_and_blanks():
    source = "answers_1 = {'a': -0.5, 'b': +2, 'c': -1/3, 'd': ..., 'e': None, 'f': ' 1', 'g': (1/4), 'h': 1e-3}"
    expected = {"a": -0.5, "b": 2.0, "c": -1 / 3, "d": None, "e": None, "f": " 1", "g": 0.25, "h": 0.001}
    assert answers_in(source) == expected


def test_read_cells__final_zeros_tell_how_exactly_a_number_was_written():
    assert answers_in("answers_1 = {'a': 0.0820, 'b': 0.50, 'c': 100}") == {"a": "0.0820", "b": 0.5, "c": 100.0}


def test_read_cells__the_last_dictionary_of_a_question_counts():
    sources = ["x = 1\nanswers_1 = {'a': 1, 'b': 2}\nanswers_1 = {'a': 3}", "answers_12 = {'a': 4}"]
    assert read_cells(sources) == ({1: {"a": 3.0}, 12: {"a": 4.0}}, [])


@pytest.mark.parametrize(
    "source",
    [
        "answers_1 = {\n    'a': 1,\n    'b': '0,25',\n}",
        "answers_1 = {'a': 1, 'b': '0,25'}",
        "answers_1={'a':1,'b':'0,25'}",
        'answers_1 = {\r\n    "a": 1,\r\n    "b": "0,25",\r\n}\r\n',
        "answers_1 = {\r    'a': 1,\r    'b': '0,25',\r}",
        "answers_1: dict = {'a': 1, 'b': '0,25'}",
        "x = 'é\f'; answers_1 = {'a': 1, 'b': '0,25'}",
        "answers_1 = {  # 'c': 3\n    'a': 1,  # don't\n    # 'b': 5,\n    'b': '0,25',\n}  # }",
        "answers_1 = {\n    'a':\n        1,\n    'b': '0,25'}\nother = {'c': 3}",
        '"""\nanswers_1 = {"c": 3}\n"""\nanswers_1 = {"a": 1, "b": "0,25"}',
    ],
)
def test_read_cells__valid_python_in_any_layout(source):
    assert answers_in(source) == {"a": 1.0, "b": "0,25"}


@pytest.mark.parametrize(
    "source",
    [
        "answers_1 = {\n  'loss': 0,25,\n  'y_hat[1]': -1.5,\n}",
        "answers_1 = {'loss': 0,25, 'y_hat[1]': -1.5}",
        "answers_1 = {\n  'loss': 0,25\n  'y_hat[1]': -1.5\n",
        "%matplotlib inline\nanswers_1 = {\n'loss': '0,25'\n 'y_hat[1]': -1.5  # mine\n}",
        "answers_1 = {\n  loss: '0,25',\n  y_hat[1]: -1.5,\n}",
        "answers_1 = {\n  'loss: '0,25',\n  y_hat[1]': -1.5,\n}",
        "answers_1 = {\n  'loss': '0,25,\n  'y_hat[1]': -1.5,\n}",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n\0",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n'\ud800'",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n" + "(" * 5000,
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\n" + "-" * 15000 + "1",
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\nx = 1" + "+1" * 9000,
        "answers_1 = {'loss': '0,25', 'y_hat[1]': -1.5}\nx = 1" + "0" * 5000,
    ],
)
def test_read_cells__a_cell_with_a_slip_keeps_its_answers(source):
    found, notes = read_cells([source, "answers_2 = {'a': 1}"])
    assert found == {1: {"loss": "0,25", "y_hat[1]": -1.5}, 2: {"a": 1.0}}
    assert notes == []


def test_read_cells__a_missing_brace_ends_at_the_next_dictionary():
    source = "answers_1 = {'a': 1\nanswers_2 = {'b': 2,\n\nanswers_3 = {'c': 3\nprint('done')"
    assert read_cells([source]) == ({1: {"a": 1.0}, 2: {"b": 2.0}, 3: {"c": 3.0}}, [])


def test_read_cells__quotes_and_braces_in_a_value_do_not_end_it():
    source = """answers_1 = {'a': "it's 'x': 3", 'b': '# 1', 'c': {1}, 'd': f'{2}', 'e': "}", 'f': 5}"""
    expected = {"a": "it's 'x': 3", "b": "# 1", "c": "{1}", "d": "f'{2}'", "e": "}", "f": 5.0}
    assert answers_in(source) == expected


VALUES = [
    "__import__('os').system('touch hacked')", "10**10**10", "x", "(0,25)", "[1, 2]", "True", "1j", "b'1'", "f'{1}'",
    "0x" + "f" * 400, "1/0", "lambda: 1", "1 if 1 else 2", "0.1 + 0.2", "2 * 3", "1/2/3", "open('ß')",
    "(1 +\n  'ü')", "0.5\n    * 0.3", "1, **more",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_read_cells__any_other_value_stays_text_and_is_not_executed(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert answers_in(f"answers_1 = {{'loss': {value}, 'y_hat[1]': 0.5}}") == {"loss": value, "y_hat[1]": 0.5}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "code",
    [
        "if True:\n    answers_1 = {'a': 1}", " answers_1 = {'a': 1}", "answers_1.update(a=1)", "answers_1 |= {'a': 1}",
        "answers_1: dict", "answers_1['a'] = 2", "answers_1 = dict(a=3)", "answers_1 = {**more, 'a': 1}",
        "def f():\n    answers_1['a'] = 2", "answers_1, b = {'a': 1}, 2", "print(answers_1 := {'a': 1})",
        "for answers_1['a'] in [1]: pass", "mine = answers_1",
    ],
)  # fmt: skip
def test_read_cells__answers_made_by_code_are_noted(code):
    note = "answers_1 is set or used by code, which was not run; see the file."
    assert read_cells([code]) == ({}, [note])
    assert read_cells(["answers_1 = {'b': 1}\n" + code]) == ({1: {"b": 1.0}}, [note])


def test_read_cells__notes_are_few():
    assert len(read_cells([f"answers_{place} += 1" for place in range(1, 99)])[1]) == MOST_NOTES


def test_read_cells__only_the_beginning_of_a_long_cell_is_read():
    source = "answers_1 = {'a': 1}\n" + "#" * LONGEST_CELL + "\nanswers_2 = {'b': 1}"
    found, notes = read_cells([source, "#" * 2 * LONGEST_CELL])
    assert found == {1: {"a": 1.0}}
    assert notes == ["a cell is too long; only its first 20,000 characters were read."]


def test_read_cells__the_number_of_answers_is_limited():
    source = "answers_1 = {" + "".join(f"'a{place}': 1,\n" for place in range(2 * MOST_ANSWERS)) + "}"
    assert len(read_cells([source])[0][1]) == MOST_ANSWERS


@pytest.mark.parametrize(
    ("source", "most"),
    [
        ("answers_1 = {" + "'a" * LONGEST_CELL, 0),
        ("answers_1 = {" + "'" + " " * LONGEST_CELL, 0),
        ("answers_1 =\n" * LONGEST_CELL, 0),
        ("answers_1 = {" + "'a':" * LONGEST_CELL, 1),
        ("answers_1 = {'a': " + "-(" * 90 + "1" + ")" * 90 + "}", 1),
        ("answers_1 = {'a': 1" + "/1" * 4000 + "}", 1),
        ("answers_1 = {'a': " + " " * LONGEST_CELL + "1}", 1),
        ("answers_1 = {'a': -" + " " * 9000 + "x}", 1),
        ("answers_1 = {'a': " + ", " * LONGEST_CELL, 1),
        ("answers_1 = {'a': " + ",a[, " * LONGEST_CELL, 1),
        ("answers_1 = {'a': " + "\n'''\n\"\"\"" * LONGEST_CELL, 1),
    ],
)
def test_read_cells__hostile_cells_give_few_answers(source, most):
    assert len(read_cells([source] * 20)[0].get(1, ())) <= most


# Tables


@pytest.mark.parametrize(
    "text",
    [
        'sheet,question,name,answer\n1,2,"dW1[2,1]","0,25"\n1,2,loss,-0.5\n',
        "\ufeffSheet;Question;Name;Answer\r\n1;2;dW1[2,1];0,25\r\n1;2;loss;-0.5;;\r\n;;;\r\n",
        "sheet\tquestion\tname\tanswer\n1\t2\tdW1[2,1]\t0,25\n\n1\t2\tloss\t'-0.5",
        "sheet,question,name,answer\n1,2,dW1[2,1],0,25\n1,2,loss,-0.5",
        "sheet,question,name,answer\n 1\x1d,\x1c2\x1f,dW1[2,1],0,25\n1,2\u00a0,loss,-0.5",
    ],
)
def test_read_file__tables_of_several_programs(text, tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text(text, encoding="utf-8", newline="")
    (found,) = read_file(path, "paper.csv")
    assert (found.sheet, found.values, found.notes) == (1, {2: {"dW1[2,1]": "0,25", "loss": "-0.5"}}, ())


def test_read_table__bad_lines_are_named_and_the_others_read():
    found, notes = read_table(HEADER + "1,1,loss,1\nx,1,loss,2\n1,1,loss,3\n1,-1,a,1\n1,1," + "a" * 900)
    assert found == {1: {1: {"loss": "3"}}}
    assert notes == [
        "1 answers appear twice; the last ones count.",
        "3 lines do not give a sheet, question, name and answer: line 3, 5, 6.",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needed the columns sheet, question, name, answer; got ''"),
        ("sheet,question,name,value\n1,1,loss,2", "got 'sheet, question, name, value'"),
        (HEADER + "1,1,loss," + "1" * 200_000, "is not a table (line "),
    ],
)
def test_read_table__other_columns(text, reason):
    with pytest.raises(UnreadableFileError) as error:
        read_table(text)
    assert reason in str(error.value)


# Files


def test_read_file__the_sheet_number_is_in_the_metadata_or_in_the_heading(tmp_path):
    path = tmp_path / "a.ipynb"
    for metadata in ({"bpcourse": {"sheet": True}}, {"bpcourse": []}, {"bpcourse": {"sheet": "9"}}, {}):
        path.write_text(json.dumps(notebook(12) | {"metadata": metadata}), encoding="utf-8")
        assert read_file(path, "")[0].sheet == 12
    path.write_text(json.dumps(notebook(12) | {"metadata": {"bpcourse": {"sheet": 9}}}), encoding="utf-8")
    (found,) = read_file(path, "")
    assert found.sheet == 9
    assert found.notes == ("its metadata say sheet 9, which counts; its heading says sheet 12.",)


BAD = {
    "is not a notebook: Expecting": b'{"cells": [',
    "is not a notebook: needed a JSON object": b"[]",
    "needed notebook format 4; got None": b"{}",
    "needed notebook format 4; got 3. Open": json.dumps({"nbformat": 3, "worksheets": []}).encode(),
    "needed a list of cells": json.dumps({"nbformat": 4, "cells": [1]}).encode(),
    "does not say which sheet": json.dumps({"nbformat": 4, "cells": []}).encode(),
    "the same key twice": b'{"nbformat": 4, "cells": [], "cells": []}',
    "is nested too deeply": b"[" * 200_000,
    "is not UTF-8 text": b'{"nbformat": 4, "cells": "\xff"}',
    "is not a notebook: Invalid control": b'{"nbformat": "\0"}',
    "is not a notebook: Exceeds": b'{"nbformat": ' + b"9" * 5000 + b"}",
    "has 6,000,000 bytes": b" " * 6_000_000,
    "is for sheet 31; this class has the sheets 1 to 30": json.dumps(notebook(31)).encode(),
}


@pytest.mark.parametrize("reason", BAD)
def test_collect__a_damaged_file_is_skipped_and_the_others_are_read(reason, tmp_path):
    write_notebook(tmp_path / "anna" / "good.ipynb", 1, "answers_1 = {'loss': 1}")
    (tmp_path / "bad.ipynb").write_bytes(BAD[reason])
    answers, (remark,) = collect(tmp_path, 30)
    assert [each.source for each in answers] == ["anna/good.ipynb"]
    assert reason in remark.text
    assert (remark.source, remark.skipped) == ("bad.ipynb", True)


def test_collect__sheets_that_the_class_does_not_have(tmp_path):
    (tmp_path / "paper.csv").write_text(HEADER + "31,1,loss,1\n2,1,loss,1\n99,1,loss,1\n", encoding="utf-8")
    (answers,), (remark,) = collect(tmp_path, 30)
    assert answers.sheet == 2
    assert remark.text == "is for sheet 31 and 1 other sheets; this class has the sheets 1 to 30."


def test_collect__an_unexpected_error_in_one_file_is_named_and_the_others_are_read(tmp_path, monkeypatch):
    for sheet, name in enumerate(("a.ipynb", "b.ipynb", "c.ipynb"), start=1):
        write_notebook(tmp_path / name, sheet)

    def faulty(path, source):
        return 1 / 0 if source == "b.ipynb" else read_file(path, source)

    monkeypatch.setattr(submissions, "read_file", faulty)
    answers, (remark,) = collect(tmp_path, 30)
    assert [each.source for each in answers] == ["a.ipynb", "c.ipynb"]
    assert (remark.source, remark.skipped) == ("b.ipynb", True)
    assert "cannot be read: unexpected ZeroDivisionError: division by zero." in remark.text


def test_collect__other_kinds_of_files_are_named(tmp_path):
    for name in ("notes.docx", "photo of sheet 3.jpg", ".DS_Store"):
        (tmp_path / name).write_text("", encoding="utf-8")
    _, remarks = collect(tmp_path, 30)
    assert [(remark.source, remark.skipped) for remark in remarks] == [
        ("notes.docx", True),
        ("photo of sheet 3.jpg", True),
    ]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX links and pipes")
def test_collect__links_and_pipes_are_skipped(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    write_notebook(tmp_path / "folder.ipynb" / "in it.ipynb", 2)
    (tmp_path / "secret.ipynb").symlink_to(__file__)
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "missing")
    (tmp_path / "others").symlink_to("/")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "old.ipynb").write_text("{")
    answers, remarks = collect(tmp_path, 30)
    assert [each.source for each in answers] == ["folder.ipynb/in it.ipynb"]
    assert {remark.source: remark.text for remark in remarks} == {
        "secret.ipynb": "is a link; needed the file itself.",
        "nowhere.csv": "is a link; needed the file itself.",
        "others": "is a link to a folder.",
        "pipe.csv": "is not a regular file; needed the file itself.",
    }


def test_collect__folders_that_cannot_be_opened_are_named(tmp_path, monkeypatch):
    write_notebook(tmp_path / "mine.ipynb", 1)
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    answers, (remark,) = collect(tmp_path, 30)
    assert [each.source for each in answers] == ["mine.ipynb"]
    assert (remark.source, remark.text) == ("closed", "cannot be opened: Permission denied.")


def test_collect__a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    write_notebook(tmp_path / "mine.ipynb", 1)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert collect(tmp_path, 30)[1][0].text == "cannot be read: Permission denied."


def test_collect__of_two_files_for_a_sheet_the_newer_counts_and_both_are_named(tmp_path):
    for name, when in (("b.ipynb", 1000), ("a.ipynb", 3000), ("c.ipynb", 2000)):
        write_notebook(tmp_path / name, 7)
        os.utime(tmp_path / name, (when, when))
    (answers,), remarks = collect(tmp_path, 30)
    assert answers.source == "a.ipynb"
    assert [(remark.source, remark.text) for remark in remarks] == [
        ("b.ipynb", "contains sheet 7, but a.ipynb, which is newer, was marked."),
        ("c.ipynb", "contains sheet 7, but a.ipynb, which is newer, was marked."),
    ]
    assert answers.notes == (
        "two files contain this sheet: a.ipynb was marked; b.ipynb is older and was not.",
        "two files contain this sheet: a.ipynb was marked; c.ipynb is older and was not.",
    )


def test_collect__two_files_of_the_same_time(tmp_path):
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(tmp_path / name, 7)
        os.utime(tmp_path / name, (1000, 1000))
    (answers,), (remark,) = collect(tmp_path, 30)
    assert remark.text == "contains sheet 7, but b.ipynb, which is of the same time, was marked."
    assert answers.notes == (
        "two files contain this sheet: b.ipynb was marked; a.ipynb is of the same time and was not.",
    )


# The record of a class

RECORD = {"version": 1, "topics": ["loss"], "level": 1, "count": 1, "stamp": "", "names": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"topics": 3}, {"topics": "loss"}, {"topics": [1]}, {"level": "1"}, {"count": 0}, {"stamp": 1},
        {"names": []}, {"names": {"1": 2}}, {"names": {"one": "Anna"}},
    ],
)  # fmt: skip
def test_read_record__another_content(change, tmp_path):
    path = tmp_path / "class.json"
    path.write_text(json.dumps(RECORD), encoding="utf-8")
    assert read_record(tmp_path).topics == ("loss",)
    path.write_text(json.dumps(RECORD | change), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"class\.json does not describe a class"):
        read_record(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
def test_read_record__a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "class.json")
    with pytest.raises(UnreadableFileError, match=r"class\.json is not a regular file"):
        read_record(tmp_path)
