"""A class of a hundred hands in its sheets in every way, with honest rounding, mistakes and hostile files."""

import csv
import io
import json
import random
import zipfile

import pytest
from helpers.simulated_class import PLAN, ROUNDINGS, code, honest, mistaken, notebook, plain, sheet_of, write_class

from bpcourse.classroom.grading import mark_class
from bpcourse.classroom.submissions import collect, read_record

COUNT, MISTAKEN = 100, range(61, 101)
HEADER = ["sheet", "question", "name", "answer"]


def cells(sheet, answers):
    """Return the filled answer cells of a sheet."""
    return [code(each.number, answers[each.number], each.asked) for each in sheet.questions]


def blank(sheet):
    return cells(sheet, {each.number: {} for each in sheet.questions})


def table(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue()


def rows(sheet, answers):
    return [[sheet.number, question, *pair] for question, found in answers.items() for pair in found.items()]


def as_notebook(sheet, sources, kind="code", **metadata):
    content = notebook(sheet.number, *sources)
    for cell in content["cells"][1:]:
        cell["cell_type"] = kind
    return json.dumps(content | metadata)


def renamed(new):
    return lambda sheet, found: {"a.ipynb": as_notebook(sheet, [each.replace("answers_", new) for each in found])}


def indented(sheet, found):
    return {"a.ipynb": as_notebook(sheet, ["  " + each.replace("\n", "\n  ") for each in found])}


def split(sheet, found):
    parts = [part for each in found for part in each.partition(",")[::2]]
    return {"a.ipynb": as_notebook(sheet, [f"{part}," if "{" in part else part.lstrip("\n") for part in parts])}


def without_number(sheet, found):
    content = notebook(sheet.number, *found)
    return {f"my sheet-{sheet.number:03}.ipynb": json.dumps(content | {"metadata": {}, "cells": content["cells"][1:]})}


def with_photo(sheet, found):
    photo = {"cell_type": "markdown", "source": "", "attachments": {"a.jpg": {"image/jpeg": "A" * 6_000_000}}}
    content = notebook(sheet.number, *found)
    return {"a.ipynb": json.dumps(content | {"cells": [*content["cells"], photo]})}


def zipped(sheet, found):
    return {"work.zip": archive({"folder/a.ipynb": as_notebook(sheet, found)})}


def archive(contents):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return data.getvalue()


WAYS = [
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, found)},
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, [*found, *blank(sheet)])},
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, found, "markdown")},
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, found, "raw")},
    lambda sheet, found: {"a.ipynb.txt": as_notebook(sheet, found)},
    lambda sheet, found: {"a.json": as_notebook(sheet, found, metadata={})},
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, found), "b.ipynb": as_notebook(sheet, blank(sheet))},
    lambda sheet, found: {"a.ipynb": as_notebook(sheet, found[:1]), "b.ipynb": as_notebook(sheet, found)},
    *map(renamed, ("answer_", "Answers", "аnѕwеrs_")),
    *(indented, split, without_number, with_photo, zipped),
]
HOSTILE = {
    "zeros for all.csv": table([[number, 1, "loss", "0"] for number in range(1, COUNT + 1)]),
    "broken.ipynb": "{",
    "deep.ipynb": "[" * 200_000,
    "binary.ipynb": b"\xff\0" * 100,
    "other class.ipynb": json.dumps(notebook(COUNT + 1, "answers_1 = {'loss': 1}")),
    "exponent.csv": table([[COUNT + 1, 1, "loss", "1e-9999999999999999999"]]),
    "bomb.zip": archive({"bomb.ipynb": b" " * 30_000_000}),
    "path.zip": archive({"../../out.ipynb": json.dumps(notebook(1, "answers_1 = {'loss': 0}"))}),
    "no archive.zip": b"PK\3\4",
    "essay.docx": b"PK",
}


@pytest.fixture(scope="module")
def marked_class(tmp_path_factory):
    """Hand everything in, and mark it. Return the folder, the marks, the remarks and the injected mistakes."""
    folder, rng = tmp_path_factory.mktemp("class"), random.Random(1)
    write_class(folder, PLAN, COUNT)
    mistakes, in_moodle, on_paper, expected = {}, {}, [], set()
    for number in range(1, COUNT + 1):
        sheet = sheet_of(PLAN, number)
        answers = {each.number: honest(each, list(ROUNDINGS)[number % 4]) for each in sheet.questions}
        for question in sheet.questions if number in MISTAKEN else ():
            if made := mistaken(question, rng, 5):
                mistakes[number, question.number] = made[:2]
                answers[question.number] = {name: plain(made[2][name], 5) for name in question.asked}
        where = f"Student {number}_{12345 + number}_assignsubmission_file_"
        if number % 10 == 0:
            on_paper += rows(sheet, answers)
            continue
        for name, content in WAYS[number % len(WAYS)](sheet, cells(sheet, answers)).items():
            inner = "/folder/a.ipynb" if name.endswith(".zip") else ""
            if number % 2:
                in_moodle[f"{where}/{name}"] = content
                expected.add(f"all.zip/{where}/{name}{inner}")
            else:
                expected.add(write(folder / "in" / where / name, content, folder / "in") + inner)
    write(folder / "in" / "all.zip", archive(in_moodle), folder)
    expected |= {write(folder / "in" / name, content, folder / "in") for name, content in HOSTILE.items()}
    expected = {each for each in expected if not each.startswith(("bomb", "path"))}
    expected |= {"bomb.zip/bomb.ipynb", "path.zip/../../out.ipynb"}
    write(folder / "paper.csv", table(on_paper), folder)
    record = read_record(folder / "key")
    found, remarks = collect(folder / "in", COUNT, tables=[folder / "paper.csv"])
    sheets, failed = mark_class(record, PLAN, found)
    return folder, sheets, [*remarks, *failed], mistakes, expected


def write(path, content, folder):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path.relative_to(folder).as_posix()


def test_class__no_honest_answer_loses_a_point(marked_class):
    _, sheets, _, mistakes, _ = marked_class
    assert [sheet.number for sheet in sheets] == list(range(1, COUNT + 1))
    lost = [
        (sheet.number, mark) for sheet in sheets for mark in sheet.marks
        if (sheet.number, mark.number) not in mistakes and mark.points < mark.out_of
    ]  # fmt: skip
    assert lost == []


def test_class__every_file_is_marked_or_named(marked_class):
    folder, sheets, remarks, _, expected = marked_class
    sources = {sheet.source for sheet in sheets} | {remark.source for remark in remarks}
    assert sources == expected | {str(folder / "paper.csv")}
    assert {name.partition(".")[0] for name in HOSTILE} == {
        remark.source.partition(".")[0] for remark in remarks if "assignsubmission" not in remark.source
    }
    assert sorted(path.name for path in folder.iterdir()) == ["in", "key", "paper.csv"]


def test_class__the_mistakes_are_named_at_their_first_slip(marked_class):
    _, sheets, _, mistakes, _ = marked_class
    slips = {(sheet.number, mark.number): mark.slip for sheet in sheets for mark in sheet.marks}
    missed = {
        place: (mistake, first, slips[place])
        for place, (mistake, first) in mistakes.items()
        if not slips[place] or slips[place].name != first or mistake not in slips[place].verdict.mistakes
    }
    assert len(mistakes) > 50
    assert len(missed) <= 0.02 * len(mistakes), missed
