"""Fixtures that several test files share."""

from dataclasses import dataclass

import pytest

from bpcourse import EXAMPLES, cli
from bpcourse.classroom.plan import Plan


@dataclass(frozen=True)
class Done:
    """What a command returned and printed."""

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
