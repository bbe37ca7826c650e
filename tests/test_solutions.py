"""Solved lessons: every blank has an answer that the tutor accepts, and the rest is unchanged."""

import gc
import re
import warnings

import nbformat
import pytest
from helpers.support import PROJECT
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from bpcourse.classroom.solved_lessons import blanks, solved, with_questions
from bpcourse.texts import read_toml

PATHS = sorted((PROJECT / "lessons").glob("*.ipynb"))
BY_HAND = read_toml("classroom/solutions.toml")
PRINTED = {
    "shapes-check": "^dz2 is right\nda1 is right\ndW1 is right\n$",
    "difference-check": r"^yours (\S+), right \1\n$",
    "loop-check": "^right: your losses are those of train\n$",
    "choose-check": "\nright\n$",
}
"""What cells without a `check` print if the answers are right, by id."""
SETUP = """
import numpy as np
from bpcourse import EXAMPLES, backprop, check, check_function, practice
lecture = EXAMPLES["lecture"]
trace = lecture.backprop()
"""


def words(notebook):
    """Return the text of the outputs of a notebook."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.data.get("text/plain", "") for output in outputs]


def solve_cells(*sources):
    return solved(new_notebook(cells=[new_code_cell(source) for source in (SETUP, *sources)]))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_solved__lesson_has_only_right_answers(path, tmp_path):
    lesson = nbformat.read(path, as_version=4)
    done = solved(lesson, str(tmp_path))
    assert "widget-view" not in nbformat.writes(done)
    assert [cell.id for cell in done.cells] == [cell.id for cell in lesson.cells]
    unanswered = [said for said in words(lesson) if said.startswith("… Not answered yet")]
    assert len(unanswered) >= 5
    right = [said for said in words(done) if said.startswith("✓")]
    assert len(right) == len(unanswered) + sum(said.startswith("✓") for said in words(lesson))
    assert not any(said.startswith("… Not answered yet") for said in words(done))
    assert [cell.id for cell in done.cells if cell.cell_type == "code" and blanks(cell.source)] == []
    for cell in done.cells:
        if cell.id in PRINTED:
            printed = "".join(output.text for output in cell.outputs)  # the kernel may send a text in two parts
            assert re.search(PRINTED[cell.id], printed), printed
    counts = [cell.execution_count for cell in done.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_solutions_by_hand__are_all_tested():
    said_elsewhere = {"loop-mine": "loop-check", "backward": "my-backward-check"}
    checked_by = {said_elsewhere.get(id, id) for id in BY_HAND} - {"my-backward-check"}  # that one is a `check`
    assert checked_by == PRINTED.keys()


def test_solutions_by_hand__each_belongs_to_one_cell_and_fills_its_blanks():
    cells = [cell for path in PATHS for cell in nbformat.read(path, as_version=4).cells]
    for id, lines in BY_HAND.items():
        (cell,) = (cell for cell in cells if cell.id == id)
        assert len(blanks(cell.source)) == len(lines), id


@pytest.fixture(scope="module")
def small_lessons(tmp_path_factory):
    """Two lessons of two cells each."""
    folder = tmp_path_factory.mktemp("lessons")
    for name in ("one", "two"):
        notebook = new_notebook(
            cells=[new_code_cell(SETUP), new_code_cell("answer = ...\ncheck(trace, 'loss', answer)")]
        )
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def test_solutions__writes_every_lesson_and_overwrites_only_with_force(small_lessons, tmp_path, monkeypatch, run_cli):
    monkeypatch.setattr("bpcourse.lab.lessons.source", lambda: small_lessons)
    done = run_cli("solutions", tmp_path / "key")
    paths = [tmp_path / "key" / f"{name}.ipynb" for name in ("one", "two")]
    assert (done.status, done.out, done.err) == (0, "".join(f"Saved: {path}\n" for path in paths), "")
    assert sorted((tmp_path / "key").iterdir()) == paths
    assert all(words(nbformat.read(path, as_version=4))[-1].startswith("✓") for path in paths)
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        gc.collect()
    assert unclosed == []
    paths[0].write_text("mine", encoding="utf-8")
    paths[1].unlink()
    again = run_cli("solutions", tmp_path / "key")
    assert again.status == 2
    assert again.err == f"bpcourse: {paths[0]} already exists. Choose a different name, or add --force\n"
    assert not paths[1].exists()
    assert paths[0].read_text(encoding="utf-8") == "mine"
    assert run_cli("solutions", tmp_path / "key", "--force").status == 0
    assert all(words(nbformat.read(path, as_version=4))[-1].startswith("✓") for path in paths)


FORMS = [
    "answer = ...  # ∂L/∂w — after text that is not ASCII\ncheck(trace, 'dW1[1,2]', answer)",
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
WRONG = "answer = 0.7629\ncheck(trace, 'loss', answer)"


@pytest.fixture(scope="module")
def filled():
    """A notebook with all forms of blanks and a wrong answer, solved."""
    return solve_cells(*FORMS, WRONG).cells[1:]


def test_solved__fills_in_every_form_of_a_blank(filled):
    for form, cell in zip(FORMS, filled, strict=False):
        assert "..." not in cell.source, form
        assert cell.outputs[-1].data["text/plain"].startswith("✓"), form


def test_solved__keeps_the_real_check(filled):
    assert filled[-1].source == WRONG
    assert filled[-1].outputs[-1].data["text/plain"].startswith("✗")


def test_solved__keeps_dots_that_are_not_blanks():
    source = "first = np.eye(2)[..., 0]\nlater = ...\ndef f(z):\n    ...\n"
    assert solve_cells(source).cells[-1].source == source
    assert blanks("x[..., 0] + y[0, ...]") == blanks("check(trace, 'loss', found or ...)") == []


def test_solved__raises_if_a_cell_fails():
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        solve_cells("1 / 0")


def test_with_questions__keeps_other_functions_called_check():
    assert "_questions.asked_by(other.check)(1)" in with_questions("other.check(1)")
    assert (
        words(solve_cells("from types import SimpleNamespace as S\no = S(check=lambda a: a)\nb = ...\no.check(7)"))[-1]
        == "7"
    )
