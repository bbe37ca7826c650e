"""Problems: the same for a seed everywhere, fit for hand work, apart from every mistake."""

import hashlib
import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers.posed import faults

from bpcourse import Dense, Network, backprop, format_number, practice
from bpcourse.tutor.equations import table
from bpcourse.tutor.mistakes import MISTAKES
from bpcourse.tutor.practice import SHAPES, TOPICS, is_well_posed

EVERY = [(topic, level) for topic, plan in TOPICS.items() for level in range(plan.from_level, len(SHAPES) + 1)]
every = pytest.mark.parametrize(("topic", "level"), EVERY)


@cache  # they are records, and take a while to draw
def problem(topic, level, seed):
    return practice.problem(topic, level=level, seed=seed)


def test_a_seed_gives_the_same_problem_for_good():
    given = []
    for seed in (0, "Ada"):
        for topic, level in EVERY:
            one = problem(topic, level=level, seed=seed)
            numbers = [one.trace[name].tolist() for name in one.trace if name[0] in "xyWb" and name != "y_hat"]
            kinds = [layer.activation.name for layer in one.trace.network.layers]
            given.append([one.name, one.learning_rate, one.claimed, one.trace.loss_function.name, kinds, numbers])
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    assert digest[:16] == "cd87f25df3fef330", "problems that are already printed would change"


@every
def test_another_seed_gives_another_problem(topic, level):
    assert len({problem(topic, level=level, seed=seed).question for seed in range(5)}) == 5


@every
def test_a_problem_is_well_posed_and_marked_as_it_should_be(topic, level):
    for seed in range(2):  # some 200 in all; benchmarks/practice.py does 10,000
        assert faults(problem(topic, level=level, seed=seed), most=3) == []


@every
def test_a_problem_checks_hints_and_solves(topic, level):
    one = problem(topic, level=level, seed=1)
    steps = table(one.trace, one.learning_rate)
    answers = [
        format_number(step.value) for name, step in steps.items() if name == one.name or name.startswith(f"{one.name}[")
    ]
    shape = () if one.name in steps else one.trace[one.name].shape
    assert one.check(np.reshape(np.array(answers, dtype=object), shape).tolist()).status == "correct"
    assert one.check(...).status == "not answered"
    assert one.hint().where
    assert answers[0] in one.solution().text
    assert answers[0] == "0" or answers[0] not in one.faded().text
    assert one.name in one.question


def test_the_question_gives_all_numbers_and_no_answer():
    one = problem("update", level=3, seed=3)
    for name in ("x", "W1", "b1", "W2", "b2", "y"):
        for entry in one.trace[name].flat:
            assert f"{entry:g}".replace("-", "−") in one.question
    assert f"learning rate = {one.learning_rate:g}" in one.question
    assert format_number(table(one.trace, one.learning_rate)[one.name].value) not in one.question
    assert repr(one) == one.question
    assert not re.search(r"\d\.\d{3}", one.question)


def test_relu_problems_lead_through_a_live_unit():
    for level in (2, 3, 4, 5):
        one = problem("relu", level=level, seed=0)
        assert table(one.trace)[one.name].value != 0


def test_a_hidden_weight_has_two_and_three_paths():
    for level, count in ((3, 2), (4, 3), (5, 3)):
        text = problem("hidden_weight", level=level, seed=0).solution().text
        assert f"{count} paths lead there" in text
        assert text.count("  through ŷ") == 2 * count


def test_topics_cover_the_course():
    losses = {loss for plan in TOPICS.values() for loss in plan.losses}
    assert losses == {"mse", "half_sse", "binary_cross_entropy", "categorical_cross_entropy"}
    assert {plan.quantity for plan in TOPICS.values()} == {
        "z",
        "a",
        "slope",
        "y_hat",
        "loss",
        "da",
        "dz",
        "dW",
        "db",
        "W",
    }
    assert problem("matrix", level=5, seed=0).name == "dW1"
    assert len(problem("batch", level=3, seed=0).trace["x"]) == 2
    assert problem("update", level=1, seed=0).name.startswith("W1_new[")


def test_some_dead_relu_problems_have_the_answer_0_and_most_do_not():
    asked = [problem("dead_relu", level=level, seed=seed) for level in (2, 3) for seed in range(20)]
    zero = [one.name for one in asked if table(one.trace)[one.name].value == 0]
    assert 5 <= len(zero) <= 20
    assert {name[:3] for name in zero} == {"dW1", "dW2"}
    assert {one.name[:3] for one in asked if one.name not in zero} >= {"dW1", "da1"}
    for one in asked:
        right = format_number(table(one.trace)[one.name].value)
        assert one.check(right).status == "correct"
        assert right == "0" or one.check("0").status != "correct"


def test_who_forgets_that_a_unit_is_off_is_told():
    one = next(
        each for each in (problem("dead_relu", level=3, seed=seed) for seed in range(50)) if each.name.startswith("da1")
    )
    trace, unit = one.trace, int(one.name[4]) - 1
    linear = Network([replace(trace.network.layers[0], activation="identity"), trace.network.layers[1]])
    forgot = backprop(linear, trace["x"], trace["y"], trace.loss_function)["da1"][0, unit]
    verdict = one.check(format_number(forgot, 6))
    assert verdict.status == "mistake"
    assert "no_hidden_activation" in verdict.mistakes


def test_find_the_mistake_shows_a_wrong_number_and_says_at_last_what_was_wrong():
    one = problem("find_the_mistake", level=3, seed=1)
    question, name = " ".join(one.question.split()), MISTAKES[one.mistakes[0]].name
    assert f"A colleague computed {one.name} = {one.claimed} (four digits). One step is wrong." in question
    assert "Find it, and give the right value, with four significant digits." in question
    assert one.check(one.claimed).mistakes == one.mistakes
    assert name not in question
    assert name not in one.faded().text
    solution = one.solution()
    assert solution.text.index("THE MISTAKE") > solution.text.index("CHECK")
    assert name in " ".join(solution.text.split())
    for other in ("lecture", "standard"):
        assert name in one.solution(other).markdown
        assert name in one.solution(other).html
    assert problem("hidden_weight", level=3, seed=1).claimed is None
    assert problem("hidden_weight", level=3, seed=1).mistakes == ()


def test_colleagues_make_many_mistakes():
    made = {
        problem("find_the_mistake", level=level, seed=seed).mistakes[0] for level in (1, 2, 3) for seed in range(12)
    }
    assert len(made) >= 12


def test_two_examples_alike_are_not_well_posed():
    one = problem("batch", level=2, seed=0)
    trace = one.trace
    assert is_well_posed(trace, one.name)
    alike = backprop(trace.network, trace["x"][[0, 0]], trace["y"][[0, 0]], trace.loss_function)
    assert not is_well_posed(alike, one.name)


def test_mistakes_that_agree_by_chance_are_not_well_posed():
    one = problem("output_weight", level=2, seed=0)
    trace, (first, second) = one.trace, one.trace.network.layers
    assert is_well_posed(trace, one.name)
    mirrored = Network([replace(first, W=first.W[:, [0, 0]] * [1, -1], b=first.b[[0, 0]] * [1, -1]), second])
    if first.activation.name == "sigmoid":  # then |a| is not equal, but with tanh it is
        mirrored = Network([replace(mirrored.layers[0], activation="tanh"), second])
    assert not is_well_posed(backprop(mirrored, trace["x"], trace["y"], trace.loss_function), one.name)


def test_zero_is_an_answer_only_where_it_may_be():
    one = next(
        each
        for each in (problem("dead_relu", level=2, seed=seed) for seed in range(50))
        if each.check("0").status == "correct"
    )
    assert is_well_posed(one.trace, one.name, zero=True)
    assert not is_well_posed(one.trace, one.name)


def test_a_step_that_hardly_moves_the_weight_is_not_well_posed():
    one = problem("update", level=2, seed=0)
    assert is_well_posed(one.trace, one.name, one.learning_rate)
    assert not is_well_posed(one.trace, one.name, 0.001)


def with_numbers(one, **changed):
    """Return the problem with other numbers in its pass."""
    trace = one.trace
    first, *others = trace.network.layers
    layer = replace(first, **{name: value for name, value in changed.items() if name in "Wb"})
    x, y = (changed.get(name, trace[name]) for name in "xy")
    return replace(one, trace=backprop(Network([layer, *others]), x, y, trace.loss_function))


@pytest.mark.parametrize(
    ("topic", "spoil", "words"),
    [
        ("hidden_weight", lambda one: with_numbers(one, b=one.trace["b1"] + 0.001), "decimals"),
        ("hidden_weight", lambda one: with_numbers(one, W=np.abs(one.trace["W1"]) * 0 + 0.5), "alike"),
        ("hidden_weight", lambda one: with_numbers(one, b=one.trace["b1"] * 0 + 5.0), "saturated"),
        ("hidden_weight", lambda one: with_numbers(one, y=one.trace["y_hat"] + 0.0001), "vanishes"),
        ("hidden_weight", lambda one: with_numbers(one, b=one.trace["b1"] * 0.0001), "forgot_hidden_bias gives dW1"),
        ("hidden_weight", lambda one: with_numbers(one, x=one.trace["x"] * 0 + 0.5), "index_swap is right by chance"),
        ("hidden_weight", lambda one: replace(one, level=4), "sizes"),
        ("batch", lambda one: with_numbers(one, x=one.trace["x"][[0, 0]]), "examples are alike"),
        ("dead_relu", lambda one: with_numbers(one, b=np.array([3.0, 3.5, 4.0])), "no unit is off"),
        ("find_the_mistake", lambda one: replace(one, claimed="0.9876"), "the colleague's 0.9876"),
        ("find_the_mistake", lambda one: replace(one, mistakes=("index_swap",)), "no mistakes on the way"),
    ],
)
def test_what_is_wrong_with_a_problem_is_seen(topic, spoil, words):
    one = problem(topic, level=3, seed=0)
    assert faults(one, most=0) == []
    assert any(words in fault for fault in faults(spoil(one), most=0))


def test_mistakes_that_are_not_told_apart_and_solutions_that_do_not_pass_are_seen():
    one = problem("output_weight", level=2, seed=0)
    spoilt = with_numbers(one, x=np.array([[0.5, 1.0, 1.0]]), W=np.array([[1.0, 0.3], [-0.3, 0.2], [0.2, -0.7]]))
    assert faults(spoilt, most=None)
    other = replace(one, name="dW2[2,1]" if one.name == "dW2[1,1]" else "dW2[1,1]")
    solved_elsewhere = type("Spoilt", (practice.Problem,), {"check": lambda self, answer: other.check(answer)})
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
    assert any("the solution with 3 digits" in fault for fault in faults(solved_elsewhere(**fields), most=0))
    assert any("is named" in fault for fault in faults(solved_elsewhere(**fields), most=None))


def test_a_problem_that_is_not_well_posed_is_seen_to_be():
    one = problem("hidden_weight", level=3, seed=0)
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
    seed, topic, level = arguments
    with pytest.raises(error, match=words):
        practice.problem(topic, level=level, seed=seed)


def test_it_is_at_the_top():
    from bpcourse.tutor.practice import problem

    assert practice.problem is problem
