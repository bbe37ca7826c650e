"""Problems: the same for a seed everywhere, fit for hand work, apart from every mistake."""

import hashlib
import json
import re
from itertools import pairwise

import numpy as np
import pytest

from bpcourse import Dense, Network, backprop, number, practice
from bpcourse.tutor.equations import table
from bpcourse.tutor.mistakes import wrong_values
from bpcourse.tutor.practice import SHAPES, TOPICS, is_well_posed, problem

EVERY = [(topic, level) for topic, plan in TOPICS.items() for level in range(plan.from_level, len(SHAPES) + 1)]
every = pytest.mark.parametrize(("topic", "level"), EVERY)
SEEDS = range(3)


def test_a_seed_gives_the_same_problem_for_good():
    given = []
    for seed in (0, "Ada"):
        for topic, level in EVERY:
            one = problem(seed, topic, level)
            numbers = [one.trace[name].tolist() for name in one.trace if name[0] in "xyWb" and name != "y_hat"]
            kinds = [layer.activation.name for layer in one.trace.network.layers]
            given.append([one.name, one.learning_rate, one.trace.loss_function.name, kinds, numbers])
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    assert digest[:16] == "d819ebf7de61a80a", "problems that are already printed would change"


@every
def test_another_seed_gives_another_problem(topic, level):
    assert len({problem(seed, topic, level).question for seed in range(5)}) == 5


@every
def test_numbers_are_fit_for_hand_work(topic, level):
    for seed in SEEDS:
        trace = problem(seed, topic, level).trace
        assert trace.network.sizes == SHAPES[level - 1]
        for name in ("x", "y", *(each for each in trace.names if each[0] in "Wb")):
            assert np.array_equal(trace[name], trace[name].round(2)), f"{name} has more than two decimals"
        for name in trace.names:
            if name.startswith("z"):
                assert np.abs(trace[name]).min() >= 0.05
                assert np.abs(trace[name]).max() <= 2.5
        for n_in, n_out in pairwise(trace.network.sizes):
            assert n_in != n_out


@every
def test_the_answer_is_apart_from_every_mistake(topic, level):
    for seed in SEEDS:
        one = problem(seed, topic, level)
        steps = table(one.trace, one.learning_rate)
        names = [name for name in steps if name == one.name or name.startswith(f"{one.name}[")]
        assert names
        for name in names:
            right = number(steps[name].value, 3)
            for (mistake, *_), value in wrong_values(steps, name):
                assert mistake.topic == "rounding" or number(value, 3) != right, (name, mistake.id)


@every
def test_a_problem_checks_hints_and_solves(topic, level):
    one = problem(1, topic, level)
    steps = table(one.trace, one.learning_rate)
    answers = [
        number(step.value) for name, step in steps.items() if name == one.name or name.startswith(f"{one.name}[")
    ]
    shape = () if one.name in steps else one.trace[one.name].shape
    assert one.check(np.reshape(np.array(answers, dtype=object), shape).tolist()).status == "correct"
    assert one.check(...).status == "not answered"
    assert one.hint().where
    assert answers[0] in one.solution().text
    assert answers[0] not in one.faded().text or one.name in ("x",)
    assert one.name in one.question


def test_the_question_gives_all_numbers_and_no_answer():
    one = problem(3, "update", 3)
    for name in ("x", "W1", "b1", "W2", "b2", "y"):
        for entry in one.trace[name].flat:
            assert f"{entry:g}".replace("-", "−") in one.question
    assert f"learning rate = {one.learning_rate:g}" in one.question
    assert number(table(one.trace, one.learning_rate)[one.name].value) not in one.question
    assert repr(one) == one.question
    assert not re.search(r"\d\.\d{3}", one.question)


def test_relu_problems_lead_through_a_live_unit():
    for level in (2, 3, 4, 5):
        one = problem(0, "relu", level)
        assert table(one.trace)[one.name].value != 0


def test_a_problem_that_is_not_well_posed_is_seen_to_be():
    one = problem(0, "hidden_weight", 3)
    assert is_well_posed(one.trace, one.name)
    layers = one.trace.network.layers
    saturated = Network([Dense(layers[0].W * 20, layers[0].b, layers[0].activation), layers[1]])
    assert not is_well_posed(backprop(saturated, one.trace["x"], one.trace["y"]), one.name)
    alike = Network([layers[0], Dense(np.full_like(layers[1].W, 0.5), layers[1].b, layers[1].activation)])
    assert not is_well_posed(backprop(alike, one.trace["x"], [[0.5, 0.5]]), one.name)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((1, "hidden", 2), ValueError, "Did you mean"),
        ((1, "hidden_weight", 1), ValueError, "from 2 to 5"),
        ((1, "softmax", 6), ValueError, "from 3 to 5"),
        ((1, "forward", 1.0), ValueError, "whole number"),
        ((1.5, "forward", 1), TypeError, "seed"),
        ((True, "forward", 1), TypeError, "seed"),
        ((None, "forward", 1), TypeError, "seed"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(arguments, error, words):
    with pytest.raises(error, match=words):
        problem(*arguments)


def test_it_is_at_the_top():
    assert practice.problem is problem
