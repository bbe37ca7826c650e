"""A sign error planted in backprop turns unit tests and the lessons red; without it both are green."""

import os
import shutil
import subprocess
import sys

import pytest
from support import PROJECT

RIGHT = 'values[f"dW{number}"] = values[f"a{number - 1}"].T @ dz'
WRONG = 'values[f"dW{number}"] = -values[f"a{number - 1}"].T @ dz'
RUNS = {
    "unit tests": ["tests/test_worked_examples.py", "--no-header"],
    "lessons": ["--nbval", "--nbval-current-env", "lessons"],
}


@pytest.fixture
def project(tmp_path):
    """A copy of the project, to be spoiled."""
    for name in ("bpcourse", "lessons", "tests"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("planted", [False, True], ids=["right", "planted"])
def test_a_planted_sign_error_is_found(run, planted, project):
    path = project / "bpcourse" / "engine" / "backpropagation.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(RIGHT) == 1
    if planted:
        path.write_text(source.replace(RIGHT, WRONG), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *RUNS[run]]
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=120)
    assert done.returncode == (1 if planted else 0), done.stdout.decode(errors="replace")[-2000:]
