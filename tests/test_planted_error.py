"""An error planted in the engine, in a mistake's rule or in a lesson makes the unit tests and the lessons fail."""

import os
import shutil
import subprocess
import sys

import nbclient
import nbformat
import pytest
from helpers.support import PROJECT
from nbformat.v4 import new_code_cell, new_notebook

from bpcourse.cli import NBVAL

PLANTED = {
    "a sign in the engine": (
        "engine/backpropagation.py",
        'results[f"dW{number}"] = arrays[f"a{number - 1}"].T @ dz',
        'results[f"dW{number}"] = -arrays[f"a{number - 1}"].T @ dz',
    ),
    "a constant in a lesson": ("../lessons/03_chain_rule.ipynb", "net1_1 = 0.8 * 0.5", "net1_1 = 0.8 * 0.6"),
    "a mistake's rule": (
        "tutor/mistakes/chain.py",
        'at.step.near("W", k, at.unit, up=1)',
        'at.step.near("W", at.unit, k, up=1)',
    ),
    "the description of a plot": ("templates/plot.html", 'alt="{{ words }}"', 'alt="{{ words | lower }}"'),
    "other pixels": ("pictures/plotting.py", "ax.set_ylim(0, 3)", "ax.set_ylim(0, 4)"),
}
LESSONS = ["lessons/03_chain_rule.ipynb", "lessons/04_backpropagation.ipynb"]
RUNS = {
    "unit tests": ["tests/test_worked_examples.py", "tests/test_injected.py", "-k", "mazur or published"],
    "lessons": [*NBVAL, *LESSONS],
    "an explorer": [*NBVAL, "explorer.ipynb"],
    "a plot": [*NBVAL, "plot.ipynb"],
}
CELLS = {
    "explorer.ipynb": """
from bpcourse import EXAMPLES, explore
lecture = EXAMPLES["lecture"]
explore(lecture.network, lecture.x, lecture.y)
""",
    "plot.ipynb": """
from bpcourse.pictures.plotting import plot_loss, shown
shown(plot_loss())
""",
}


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """A folder with an executed notebook for each of `CELLS`."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name, cell in CELLS.items():
        nbformat.write(nbclient.execute(new_notebook(cells=[new_code_cell(cell.strip())])), folder / name)
    return folder


@pytest.fixture
def project(notebooks, tmp_path):
    """A copy of the project in which an error can be planted."""
    for name in ("bpcourse", "lessons", "tests"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(notebooks, tmp_path, dirs_exist_ok=True)
    return tmp_path


SEEN = [
    *((run, "a sign in the engine") for run in RUNS if run != "a plot"),
    *((run, "a mistake's rule") for run in ("unit tests", "lessons")),
    ("lessons", "a constant in a lesson"),
    ("a plot", "the description of a plot"),
]


def run_with(planted, run, project):
    """Plant an error, run these tests, and return the finished process."""
    file, right, wrong = PLANTED[planted]
    path = project / "bpcourse" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(right) == 1
    path.write_text(source.replace(right, wrong), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *RUNS[run]]
    environment = os.environ | {"PYTHONPATH": str(project)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=120)


@pytest.mark.parametrize("run, planted", SEEN)
def test_planted_error__is_found(run, planted, project):
    done = run_with(planted, run, project)
    assert done.returncode == 1, done.stdout.decode(errors="replace")[-2000:]


def test_planted_error__pixels_of_a_plot_are_not_compared(project):
    """They differ between versions of matplotlib."""
    done = run_with("other pixels", "a plot", project)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
