"""The simulated students of the benchmark: right without a mistake, and wrong in the way that they say."""

from __future__ import annotations

import math
from functools import cache
from random import Random

import numpy as np
import pytest
from helpers.injected import ROWS, injected, right
from helpers.random_networks import random_cases
from helpers.students import MISTAKES, SLIPS, Student, Task, rounded, slip, solve, student, write

from bpcourse import EXAMPLES, MISTAKES as CATALOGUE, Dense, Network, backprop, steps

RATE = 0.3
NEW = {
    "new_value_for_gradient", "gradient_for_new_value", "step_for_gradient", "old_value_for_new", "other_learning_rate",
    "nothing_divided", "error_is_one_term", "output_slope_for_loss_slope", "slope_of_error", "tanh_slope_plus",
    "tanh_slope_not_squared", "slope_applied_twice", "error_split_by_weights", "rmse_for_mse",
}  # fmt: skip
"""Ids that may not be in the catalogue yet."""
ONLY_IN_STUDENTS = {
    "no_output_activation_going_back", "error_is_target", "slope_twice_output", "slope_twice_hidden", "rmse_for_mse"
}  # fmt: skip
"""Kinds that the other implementation of an id does not cover."""


def mazur() -> Task:
    return Task.of(EXAMPLES["mazur"].backprop(), 0.5)


def square(loss: str, names: tuple[str, str], examples: int):
    rng = np.random.default_rng(5)
    layers = [Dense(rng.normal(0, 1, (2, 2)), rng.normal(0, 1, 2), name) for name in names]
    y = np.eye(2)[rng.integers(0, 2, examples)]
    return backprop(Network(layers), rng.normal(0, 1, (examples, 2)), y, loss)


@cache
def traces():
    return [
        square("mse", ("sigmoid", "tanh"), 1),
        square("half_sse", ("tanh", "sigmoid"), 2),
        square("mse", ("relu", "sigmoid"), 3),
        square("binary_cross_entropy", ("tanh", "sigmoid"), 1),
        square("binary_cross_entropy", ("sigmoid", "sigmoid"), 3),
        square("categorical_cross_entropy", ("sigmoid", "softmax"), 1),
        square("categorical_cross_entropy", ("relu", "softmax"), 3),
        backprop(
            Network([Dense([[0.5, -0.4]], [0.1, 0.2], "sigmoid"), Dense([[0.7], [0.4]])]), [1.0], [0.3], "half_sse"
        ),
        backprop(
            Network(
                [Dense([[0.5, -0.4]], [0.1, 0.2], "tanh"), Dense(np.full((2, 3), 0.3) + np.eye(2, 3), None, "tanh")]
            ),
            [[1.0], [-0.5]],
            [[0.3, 0.1, 0.9], [0.2, 0.8, 0.4]],
        ),
    ]


def same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-11)


def test_right_student__computes_what_the_engine_computes():
    for trace in (*traces(), *(case.backprop() for case in random_cases()[::13])):
        task = Task.of(trace, RATE)
        wanted = {step.name: step.value for step in steps(trace, RATE)}
        for name, key in task.by_name.items():
            assert same(Student(task).answer(key), wanted[name]), name


def test_ids__are_in_the_catalogue_or_new():
    assert len({mistake.ids[0] for mistake in MISTAKES.values()}) >= 30
    assert {each for mistake in MISTAKES.values() for each in mistake.ids} <= {*CATALOGUE} | NEW


@cache
def other_implementation(number: int, mistake: str):
    return injected(traces()[number], RATE, mistake)


@pytest.mark.parametrize(
    "kind", [kind for kind, mistake in MISTAKES.items() if mistake.ids[0] in ROWS and kind not in ONLY_IN_STUDENTS]
)
def test_mistake__agrees_with_the_other_implementation(kind):
    mistake, compared = MISTAKES[kind], 0
    for number, trace in enumerate(traces()):
        task = Task.of(trace, RATE)
        theirs = other_implementation(number, mistake.ids[0])
        if theirs is None or not mistake.applies(task):
            continue
        wrong, truth = Student(task, mistake.habits), right(trace, RATE)
        for name, key in task.by_name.items():
            if mistake.asked and key[0] not in mistake.asked:
                continue
            value = wrong.answer(key)
            if not same(value, truth[name]):
                compared += 1
                assert any(same(value, each) for each in theirs[name]), (number, name, value, theirs[name])
    assert compared > 0


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake__changes_something(kind):
    mistake = MISTAKES[kind]
    for trace in traces():
        task = Task.of(trace, RATE)
        if mistake.applies(task):
            wrong, truth = Student(task, mistake.habits), Student(task)
            if any(not same(wrong.answer(key), truth.answer(key)) for key in task.by_name.values()):
                return
    pytest.fail("no network shows it")


def test_rounding__every_step():
    task = mazur()
    for keep in (("digits", 3), ("decimals", 2)):
        known = Student(task, keep=keep)
        known.answer(("W_new", 1, 1, 1))
        values = [value for key, value in known.known.items() if key[0] not in ("x", "y", "W", "b")]
        assert len(values) > 10
        assert all(value == rounded(value, keep) for value in values)
    assert solve(task, "dW2[1,1]", keep=("digits", 3)) != rounded(solve(task, "dW2[1,1]"), ("digits", 3))


def test_printed__untouched_values_are_copied_and_others_computed():
    task, asked = mazur(), ("dW", 2, 1, 1)
    usual = student(task, printed=("all", 4), asked=asked)
    assert usual.known["a", 1, 1, 1] == 0.5933
    assert usual.answer(asked) == 0.5933 * usual.known["dz", 2, 1, 1]
    wrong = student(task, "drop_sigma_prime_out", printed=("all", 4), asked=asked)
    assert ("dz", 2, 1, 1) not in wrong.known
    assert wrong.answer(asked) == 0.5933 * 0.7414
    forward = student(task, printed=("forward", 4), asked=asked)
    assert {key[0] for key in forward.known} == {"z", "a"}


def test_write__cut_rounded_decimals_or_float():
    assert write(0.0123789, ("round", 4)) == "0.01238"
    assert write(0.0123789, ("cut", 4)) == "0.01237"
    assert write(-1.9999, ("cut", 2)) == "−1.9"
    assert write(0.5, ("cut", 6)) == "0.500000"
    assert write(0.00004, ("decimals", 4)) == "0.0000"
    assert write(0.1 + 0.2, None) == 0.1 + 0.2


@pytest.mark.parametrize("kind", SLIPS)
def test_slip__changes_one_step(kind):
    rng = Random(3)
    for trace in traces() * 3:
        task = Task.of(trace, RATE)
        name = rng.choice(list(task.by_name))
        found = slip(task, name, kind, rng)
        if found:
            assert not same(found.value, Student(task).answer(task.by_name[name]))
            assert found.step in found.steps
            return
    pytest.fail("no network shows it")


def test_slip__steps_that_nobody_can_tell_apart():
    for seed in range(30):
        found = slip(mazur(), "dW2[1,1]", "two_in_step", Random(seed))
        if found.step == "slope2[1]":
            break
    assert {"slope2[1]", "da2[1]", "dy_hat[1]", "dz2[1]", "dW2[1,1]"} <= found.steps
    assert "z1[1]" not in found.steps
