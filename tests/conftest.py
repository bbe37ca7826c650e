"""Fixtures that several test files share."""

from dataclasses import dataclass

import pytest

from bpcourse import EXAMPLES, cli
from bpcourse.classroom.plan import Plan


@pytest.hookimpl(optionalhook=True)  # xdist may be missing
def pytest_xdist_make_scheduler(config, log):
    """Distribute single tests, except those that share something expensive or depend on their order.

    xdist's own groups (`--dist loadgroup`) have no effect with pytest 9.2 and xdist 3.8.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return together(nodeid)

    return Scheduling(config, log)


def together(nodeid):
    """Return the name of the group that runs in one worker and in order.

    >>> together("lessons/00_start_here.ipynb::Cell 3")  # the cells of a lesson
    'lessons/00_start_here.ipynb'
    >>> together("tests/test_lessons.py::test_exercises[03]")  # tests that run the same lesson
    'tests/test_lessons.py[03]'
    >>> together("tests/browser/test_a.py::test_b")  # one server for each file
    'tests/browser/test_a.py'
    >>> together("tests/test_a.py::test_b[1]")
    'tests/test_a.py::test_b[1]'
    """
    file, _, test = nodeid.partition("::")
    if file.endswith(".ipynb") or file.startswith("tests/browser/"):
        return file
    if file == "tests/test_lessons.py":
        return file + test[test.find("[") :] if "[" in test else nodeid
    return nodeid


@dataclass(frozen=True)
class Done:
    """The status and the output of a command."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys):
    """Run `bpcourse` with these words, and return its status and what it printed."""

    def run(*words):
        status = cli.main([str(word) for word in words])
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def lecture():
    """The lecture's 2-2-2 network with its data."""
    return EXAMPLES["lecture"]


@pytest.fixture(scope="session")
def mazur():
    """Mazur's 2-2-2 network with its data."""
    return EXAMPLES["mazur"]


@pytest.fixture(scope="session")
def plan():
    """A plan of two questions for a class."""
    return Plan(("loss", "hidden_weight"), 2, "a long secret")
