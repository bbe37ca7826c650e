"""Solved lessons: every blank is filled in with what the tutor accepts, and nothing else is touched."""

import nbformat
import pytest
from helpers.support import PROJECT
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from bpcourse import cli
from bpcourse.classroom.solved_lessons import blanks, solved, with_questions

PATHS = sorted((PROJECT / "lessons").glob("*.ipynb"))
SETUP = """
import numpy as np
from bpcourse import EXAMPLES, backprop, check, check_function, practice
lecture = EXAMPLES["lecture"]
trace = lecture.backprop()
"""


def words(notebook):
    """Return what the outputs of a notebook say."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.data.get("text/plain", "") for output in outputs]


def solve_cells(*sources):
    return solved(new_notebook(cells=[new_code_cell(source) for source in (SETUP, *sources)]))


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The folder with all solved lessons, as the command writes it."""
    folder = tmp_path_factory.mktemp("solutions") / "key"
    assert cli.main(["solutions", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_solved_lesson_is_right_throughout(path, key):
    lesson, done = (nbformat.read(folder / path.name, as_version=4) for folder in (path.parent, key))
    assert "widget-view" not in nbformat.writes(done)
    assert [cell.id for cell in done.cells] == [cell.id for cell in lesson.cells]
    unanswered = [said for said in words(lesson) if said.startswith("… Not answered yet")]
    assert len(unanswered) >= 5
    right = [said for said in words(done) if said.startswith("✓")]
    assert len(right) == len(unanswered) + sum(said.startswith("✓") for said in words(lesson))
    assert not any(said.startswith("… Not answered yet") for said in words(done))
    counts = [cell.execution_count for cell in done.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


FORMS = [
    "answer = ...  # ∂L/∂w — behind text that is not ASCII\ncheck(trace, 'dW1[1,2]', answer)",
    "π = 'π'; answer = ...\ncheck(trace, 'loss', answer)",
    "a, b = ..., ...\ncheck(trace, {'z1[1]': a, 'a1[1]': b})",
    "dW1 = [[..., ...], [..., ...]]\ncheck(trace, 'dW1', dW1)",
    "dW1 = np.array([[..., ...], [..., ...]])\ncheck(trace, 'dW1', dW1)",
    "dW1 = ...\ncheck(trace, 'dW1', answer=dW1)",
    "dz2 = [..., ...]\ncheck(trace, 'dz2', dz2)",
    "dz2 = [[..., ...]]\nprint('a line', flush=True)\nprint()\ncheck(trace, 'dz2', dz2)",
    "new = ...\ncheck(trace, 'W1_new[2,1]', new, learning_rate=1.5)",
    "new = ...\ncheck(trace, 'W1_new', new, learning_rate=1.5)",
    "x = np.vstack([lecture.x, [[0.2, 0.6]]])\ntwo = backprop(lecture.network, x, [[0.3, 0.7], [0.1, 0.9]])\n"
    "dz2 = ...\ncheck(two, 'dz2', dz2)",
    "def tanh_derivative(z):\n    return ...\n\n\ncheck_function('tanh_derivative', tanh_derivative)",
    "mine = practice.problem('bias', level=2, seed=3)\nanswer = ...\nmine.check(answer)",
]
WRONG = "answer = 0.0629\ncheck(trace, 'loss', answer)"


@pytest.fixture(scope="module")
def filled():
    """All forms of blanks, and what follows them here, solved in one notebook."""
    return solve_cells(*FORMS, WRONG).cells[1:]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_every_form_of_a_blank_is_filled_in(filled, number):
    cell = filled[number]
    assert "..." not in cell.source
    assert cell.outputs[-1].data["text/plain"].startswith("✓")


def test_the_check_in_a_solved_notebook_is_the_real_one(filled):
    assert filled[-1].source == WRONG
    assert filled[-1].outputs[-1].data["text/plain"].startswith("✗")


def test_what_is_no_blank_stays():
    source = "first = np.eye(2)[..., 0]\nlater = ...\ndef f(z):\n    ...\n"
    assert solve_cells(source).cells[-1].source == source
    assert blanks("x[..., 0] + y[0, ...]") == []


def test_a_cell_that_fails_stops_it():
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        solve_cells("1 / 0")


def test_questions_keep_what_is_asked_otherwise():
    assert "_questions.asked_by(other.check)(1)" in with_questions("other.check(1)")
    assert (
        words(solve_cells("from types import SimpleNamespace as S\no = S(check=lambda a: a)\nb = ...\no.check(7)"))[-1]
        == "7"
    )


def test_the_command_writes_all_lessons_and_overwrites_none(key, capsys):
    assert sorted(path.name for path in key.iterdir()) == [path.name for path in PATHS]
    before = [path.read_bytes() for path in key.iterdir()]
    assert cli.main(["solutions", str(key)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.read_bytes() for path in key.iterdir()] == before
