"""Reading what students hand in: every kind of file, no harm from any of them."""

import base64
import io
import json
import os
import random
import zipfile
from pathlib import Path

import pytest
from helpers.simulated_class import notebook, write_notebook

from bpcourse.classroom import files, submissions
from bpcourse.classroom.cells import LONGEST_CELL, MOST_ANSWERS, MOST_NOTES, read_cells
from bpcourse.classroom.files import UnreadableFileError, on_disk
from bpcourse.classroom.submissions import (
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


def test_read_cells__two_digits_tell_that_a_number_has_four_decimals():
    found = answers_in("answers_1 = {'a': 0.0079, 'b': -0.0020, 'c': 0.079, 'd': 0.008}")
    assert found == {"a": "0.0079", "b": "-0.0020", "c": 0.079, "d": 0.008}


def test_read_cells__the_last_dictionary_of_a_question_counts():
    sources = ["x = 1\nanswers_1 = {'a': 1, 'b': 2}\nanswers_1 = {'a': 3}", "answers_12 = {'a': 4}"]
    note = "question 1 was answered in 2 places that differ; the last one counts."
    assert read_cells(sources) == ({1: {"a": 3.0}, 12: {"a": 4.0}}, [note])


FILLED, BLANK = "answers_1 = {'a': 1, 'b': '0,25'}", "answers_1 = {'a': ..., 'b': ...}"


@pytest.mark.parametrize("sources", [[FILLED, BLANK], [BLANK, FILLED], [FILLED, FILLED], [f"{FILLED}\n{BLANK}"]])
def test_read_cells__a_blank_copy_of_the_answers_costs_nothing(sources):
    assert read_cells(sources) == ({1: {"a": 1.0, "b": "0,25"}}, [])


@pytest.mark.parametrize("text", [FILLED, f"```python\n{FILLED}\n```", f"My answers:\n\n{FILLED}"])
def test_read_cells__a_cell_that_is_not_code_counts_if_no_other_is_filled(text):
    note = "question 1 was read from a cell that is not a code cell."
    for sources in ([], [BLANK]):
        assert read_cells(sources, [text]) == ({1: {"a": 1.0, "b": "0,25"}}, [note])
    note = "question 1 was answered in 2 places that differ; `answers_1` counts."
    assert read_cells(["answers_1 = {'a': 2}"], [text]) == ({1: {"a": 2.0}}, [note])
    assert read_cells([FILLED], [text, BLANK, "Use answers_1 = {…}."])[1] == []


@pytest.mark.parametrize(
    "name",
    [
        "answer_1", "answers1", "Answers_1", "ANSWER1", "answers 1", "answers-1", "аnswers_1", "аnѕwеrѕ_1", "𝐚nswers_1",
        "ａｎｓｗｅｒｓ＿１",
    ],
)  # fmt: skip
def test_read_cells__a_misspelled_name_counts_if_the_right_one_is_not_filled(name):
    source = FILLED.replace("answers_1", name)
    note = f"question 1 was read from `{name}`, because answers_1 is not filled in."
    for sources in ([source], [source, BLANK], [BLANK, source]):
        assert read_cells(sources) == ({1: {"a": 1.0, "b": "0,25"}}, [note])
    note = "question 1 was answered in 2 places that differ; `answers_1` counts."
    assert read_cells(["answers_1 = {'a': 2}", source]) == ({1: {"a": 2.0}}, [note])


@pytest.mark.parametrize("name", ["results_1", "my_answers_1", "answers_0", "answers_100", "answers"])
def test_read_cells__other_dictionaries_are_not_answers(name):
    assert read_cells([f"{name} = {{'a': 1}}"])[0] == {}


@pytest.mark.parametrize(
    "source",
    [
        "  answers_1 = {'a': 1, 'b': '0,25'}",
        "\n    answers_1 = {\n        'a': 1,\n        'b': '0,25',\n    }\n",
        " answers_1 = {\n'a': 1,\n'b': '0,25',\n}",
        "# mine\n\tanswers_1 = {'a': 1, 'b': '0,25'}",
    ],
)
def test_read_cells__an_indented_cell_is_read(source):
    assert answers_in(source) == {"a": 1.0, "b": "0,25"}


@pytest.mark.parametrize(
    "parts",
    [
        ["answers_1 = {\n    'a': 1,", "    'b': '0,25',\n}"],
        ["answers_1 = {", "'a': 1, 'b': '0,25'}"],
        ["answers_1 = {\n    'a': 1,\n", "    b: '0,25',\n", "}"],
        ["x = {}\nanswers_1 = {\n    'a': 1,", "# the rest\n'b': '0,25'}"],
    ],
)
def test_read_cells__a_dictionary_split_over_cells_is_one(parts):
    assert read_cells([*parts, "answers_2 = {'c': 2}"]) == ({1: {"a": 1.0, "b": "0,25"}, 2: {"c": 2.0}}, [])


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
        "if True:\n    answers_1 = {'a': 1}", "answers_1.update(a=1)", "answers_1 |= {'a': 1}",
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
    (found,) = read(path)
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


def read(path):
    """Return the answers in a file."""
    (file,) = on_disk(path, path.name)
    return read_file(file)


def test_read_file__the_sheet_number_is_in_the_metadata_or_in_the_heading(tmp_path):
    path = tmp_path / "a.ipynb"
    for metadata in ({"bpcourse": {"sheet": True}}, {"bpcourse": []}, {"bpcourse": {"sheet": "9"}}, {}):
        path.write_text(json.dumps(notebook(12) | {"metadata": metadata}), encoding="utf-8")
        assert read(path)[0].sheet == 12
    path.write_text(json.dumps(notebook(12) | {"metadata": {"bpcourse": {"sheet": 9}}}), encoding="utf-8")
    (found,) = read(path)
    assert found.sheet == 9
    assert found.notes == ("its metadata say sheet 9, which counts; its heading says sheet 12.",)


@pytest.mark.parametrize("name", ["Sheet-012.ipynb", "anna sheet 12 (1).ipynb", "sheet_12.ipynb.txt", "sheet012.JSON"])
def test_read_file__the_sheet_number_may_be_only_in_the_name_of_the_file(name, tmp_path):
    cell = {"cell_type": "code", "source": "answers_1 = {'a': 1}"}
    (tmp_path / name).write_text(json.dumps({"nbformat": 4, "cells": [cell]}), encoding="utf-8")
    (found,) = read(tmp_path / name)
    assert (found.sheet, found.values) == (12, {1: {"a": 1.0}})
    assert found.notes == ("its number was only in the name of the file.",)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_read_file__answers_in_a_cell_that_is_not_code(kind, tmp_path):
    content = notebook(12)
    content["cells"].append({"cell_type": kind, "metadata": {}, "source": ["answers_1 = {\n", "'a': 1}"]})
    (tmp_path / "a.ipynb").write_text(json.dumps(content), encoding="utf-8")
    (found,) = read(tmp_path / "a.ipynb")
    assert found.values == {1: {"a": 1.0}}
    assert found.notes == ("question 1 was read from a cell that is not a code cell.",)


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
    "has 50,000,001 bytes": b" " * 50_000_001,
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
    (answers,), (remark,) = collect(tmp_path, 30, tables=[tmp_path / "paper.csv"])
    assert answers.sheet == 2
    assert remark.text == "is for sheet 31 and 1 other sheets; this class has the sheets 1 to 30."


def test_collect__an_unexpected_error_in_one_file_is_named_and_the_others_are_read(tmp_path, monkeypatch):
    for sheet, name in enumerate(("a.ipynb", "b.ipynb", "c.ipynb"), start=1):
        write_notebook(tmp_path / name, sheet)

    def faulty(file):
        return 1 / 0 if file.source == "b.ipynb" else read_file(file)

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


# Several files for one sheet

FULL = "answers_1 = {'a': 1, 'b': '0,250', 'c': 'x'}"


@pytest.mark.parametrize("other", [BLANK, "answers_1 = {'b': 0.25}", FULL, "", "answers_1 = {'c': 'x', 'a': '1.0'}"])
def test_collect__of_files_that_agree_the_fullest_counts(other, tmp_path):
    write_notebook(tmp_path / "b.ipynb", 7, FULL)
    write_notebook(tmp_path / "c-checkpoint.ipynb", 7, other)
    os.utime(tmp_path / "c-checkpoint.ipynb", (4e9, 4e9))
    (answers,), (remark,) = collect(tmp_path, 30)
    assert answers.source == "b.ipynb"
    assert answers.notes == ("2 files contain this sheet and agree; b.ipynb was marked.",)
    text = "contains sheet 7, but b.ipynb, which has at least as many answers and agrees, was marked."
    assert (remark.source, remark.text) == ("c-checkpoint.ipynb", text)


def test_collect__of_files_that_differ_none_counts(tmp_path):
    """Anyone may hand in the sheet of somebody else."""
    write_notebook(tmp_path / "anna.ipynb", 7, FULL)
    write_notebook(tmp_path / "bob.ipynb", 8, FULL)
    (tmp_path / "eve.csv").write_text(HEADER + "7,1,b,0.9\n", encoding="utf-8")
    (answers,), remarks = collect(tmp_path, 30)
    assert answers.source == "bob.ipynb"
    text = "which was not marked, because these files differ in b of question 1: anna.ipynb, eve.csv."
    assert [remark.source for remark in remarks] == ["anna.ipynb", "eve.csv"]
    assert all(text in remark.text and remark.skipped for remark in remarks)


def test_collect__a_table_of_several_sheets_counts_only_if_it_is_named(tmp_path):
    write_notebook(tmp_path / "in" / "anna.ipynb", 7, FULL)
    table = tmp_path / "in" / "paper.csv"
    table.write_text(HEADER + "7,1,a,2\n8,1,a,3\n", encoding="utf-8")
    (answers,), (remark,) = collect(tmp_path / "in", 30)
    assert answers.source == "anna.ipynb"
    assert (remark.source, remark.skipped) == ("paper.csv", True)
    assert "has answers to 2 sheets" in remark.text
    assert "--table paper.csv" in remark.text
    for place in (table, tmp_path / "paper.csv"):
        table = table.rename(place)
        answers, (remark,) = collect(tmp_path / "in", 30, tables=[table])
        assert [each.values for each in answers] == [{1: {"a": "2"}}, {1: {"a": "3"}}]
        assert remark.source == "anna.ipynb"
        assert "was marked, as --table says" in remark.text


def test_collect__two_named_tables_that_differ(tmp_path):
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for answer, table in enumerate(tables):
        table.write_text(HEADER + f"7,1,a,{answer}\n8,1,a,5\n", encoding="utf-8")
    (answers,), _ = collect(tmp_path, 30, tables=tables)
    assert answers.sheet == 8


# Archives


def archive(path, contents):
    """Write an archive with these contents by name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def sheet(number, source=FULL):
    return json.dumps(notebook(number, source))


def test_collect__an_archive_of_all_submissions(tmp_path):
    own = archive(io.BytesIO(), {"inner/sheet-002.ipynb": sheet(2), "__MACOSX/._sheet-002.ipynb": "x"}).getvalue()
    contents = {
        "Anna Ba_12345_assignsubmission_file_/sheet-001.ipynb": sheet(1),
        "Bo_12346_assignsubmission_file_/my work.zip": own,
        "Cy_12347_assignsubmission_file_/.ipynb_checkpoints/sheet-003-checkpoint.ipynb": sheet(3, BLANK),
        "Cy_12347_assignsubmission_file_/sheet-003.ipynb.txt": sheet(3),
        "Di_12348_assignsubmission_onlinetext_/onlinetext.html": "<p>",
    }
    archive(tmp_path / "all.zip", contents)
    answers, (remark,) = collect(tmp_path, 30)
    assert [each.source for each in answers] == [
        "all.zip/Anna Ba_12345_assignsubmission_file_/sheet-001.ipynb",
        "all.zip/Bo_12346_assignsubmission_file_/my work.zip/inner/sheet-002.ipynb",
        "all.zip/Cy_12347_assignsubmission_file_/sheet-003.ipynb.txt",
    ]
    assert remark.source.endswith("onlinetext.html")
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


def linked():
    entry = zipfile.ZipInfo("a.ipynb")
    entry.external_attr = 0o120777 << 16
    return entry


HOSTILE = {
    "leads out of its archive": {"../a.ipynb": sheet(1)},
    "has a path that leads out": {"/etc/a.ipynb": sheet(1)},
    "path that leads out of": {"C\\..\\..\\a.ipynb": sheet(1)},
    "is a link": {linked(): "/etc/passwd"},
    "when packed, as no notebook does": {"a.ipynb": b" " * 40_000_000},
    "has 50,000,001 bytes": {"a.ipynb": b" " * 50_000_001},
    "contains 1,001 files": {"a.zip": archive(io.BytesIO(), dict.fromkeys(map(str, range(1001)), "")).getvalue()},
    "is an archive in an archive": {
        "a.zip": archive(io.BytesIO(), {"b.zip": archive(io.BytesIO(), {"a.ipynb": sheet(1)}).getvalue()}).getvalue()
    },
    "cannot be unpacked: File is not a zip file": {"a.zip": b"PK"},
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_collect__a_hostile_archive_is_named_and_the_others_are_read(reason, tmp_path):
    archive(tmp_path / "eve.zip", HOSTILE[reason])
    archive(tmp_path / "anna.zip", {"sheet-001.ipynb": sheet(1)})
    (answers,), (remark,) = collect(tmp_path, 30)
    assert answers.source == "anna.zip/sheet-001.ipynb"
    assert reason in remark.text
    assert remark.source.startswith("eve.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anna.zip", "eve.zip"]


def test_collect__the_unpacked_size_of_an_archive_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "OUTER", files.Limits(10, len(sheet(1)) + 10))
    archive(tmp_path / "all.zip", {"1.ipynb": sheet(1), "2.ipynb": sheet(2)})
    (answers,), (remark,) = collect(tmp_path, 30)
    assert answers.sheet == 1
    assert "all.zip/2.ipynb is beyond the first" in f"{remark.source} {remark.text}"


@pytest.mark.parametrize("change", [lambda data: data[:200], lambda data: data[:60] + b"\0" * 40 + data[100:]])
def test_collect__a_damaged_archive_is_named(change, tmp_path):
    archive(tmp_path / "a.zip", {"a.ipynb": sheet(1), "b.ipynb": sheet(2)})
    (tmp_path / "a.zip").write_bytes(change((tmp_path / "a.zip").read_bytes()))
    _, remarks = collect(tmp_path, 30)
    assert "cannot be unpacked" in remarks[0].text


def test_collect__an_encrypted_archive_is_named(tmp_path):
    data = archive(io.BytesIO(), {"a.ipynb": sheet(1)}).getvalue()
    where = data.index(b"PK\1\2") + 8
    (tmp_path / "a.zip").write_bytes(data[:where] + b"\1" + data[where + 1 :])
    _, (remark,) = collect(tmp_path, 30)
    assert remark.text == "is encrypted."


def test_collect__a_notebook_with_photos(tmp_path):
    content = notebook(1, FULL)
    photo = base64.b64encode(random.Random(1).randbytes(15_000_000)).decode()
    content["cells"].append({"cell_type": "markdown", "source": "", "attachments": {"a.jpg": {"image/jpeg": photo}}})
    (tmp_path / "a.ipynb").write_text(json.dumps(content), encoding="utf-8")
    archive(tmp_path / "b.zip", {"b.ipynb": json.dumps(content | {"metadata": {"bpcourse": {"sheet": 2}}})})
    answers, _ = collect(tmp_path, 30)
    assert [each.sheet for each in answers] == [1, 2]


# The record of a class

RECORD = {"version": 1, "topics": ["loss"], "level": 1, "count": 1, "stamp": "", "names": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"topics": 3}, {"topics": "loss"}, {"topics": [1]}, {"level": "1"}, {"count": 0}, {"stamp": 1},
        {"names": []}, {"names": {"1": 2}}, {"names": {"one": "Anna"}}, {"ids": []},
        {"ids": {"1": 2}}, {"emails": {"1": None}},
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
