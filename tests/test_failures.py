"""Four trainings that fail: the symptoms tell which failure each one is."""

from itertools import permutations

import numpy as np
import pytest

from bpcourse import backprop, practice
from bpcourse.numbers import WIDTH
from bpcourse.tutor.failures import FAILURES


def told(run):
    """Name the failure from its symptoms, as the lesson says."""
    losses, trace = run.history.losses, backprop(run.history.network, run.x, run.y, run.loss)
    W = run.history.network.layers[0].W
    if losses[1] > 2 * losses[0]:
        return "learning rate too large"
    if trace["a1"].max() == 0:
        return "dead ReLU"
    if np.allclose(W, W[:, :1]):
        return "symmetric start"
    return "saturation" if abs(trace["z1"]).max() > 8 and trace.loss > 0.2 else ""


@pytest.mark.parametrize("seed", range(25))
def test_failures__show_in_their_symptoms(seed):
    runs = practice.failures(seed)
    assert {run.failure for run in runs.runs} == {*FAILURES}
    assert {run.letter: told(run) for run in runs.runs} == runs.answers
    assert repr(runs) == repr(practice.failures(seed))
    assert max(map(len, repr(runs).splitlines())) <= WIDTH


def test_check__counts_only_what_is_answered():
    runs = practice.failures(1)
    assert runs.check({}).message == "A = ?"
    assert runs.check({"A": runs.answers["A"]}).message == "1 of 4 right, 3 not answered yet. B = ?"


def test_failures__order_depends_on_the_seed():
    assert len({tuple(practice.failures(seed).answers.values()) for seed in range(30)}) > 10


def test_check__each_wrong_answer_gets_the_hint_of_what_was_said():
    runs = practice.failures(1)
    for names in permutations(FAILURES):
        verdict = runs.check(dict(zip("ABCD", names, strict=True)))
        right = [name == runs.answers[letter] for letter, name in zip("ABCD", names, strict=True)]
        assert bool(verdict) == all(right)
        assert f"{sum(right)} of 4 right" in verdict.message
        if not verdict:
            assert verdict.hint == FAILURES[names[right.index(False)]]["hint"]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (..., "not answered", "A = ?"),
        (None, "not answered", "A = ?"),
        ("too slow", "unreadable", "needed one of saturation"),
        (3, "unreadable", "got 3"),
    ],
)
def test_check__anything_else_is_explained(answer, status, words):
    runs = practice.failures(1)
    verdict = runs.check(runs.answers | {"A": answer})
    assert verdict.status == status
    assert words in verdict.message
