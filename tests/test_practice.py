"""Problems: the same for a seed everywhere, fit for hand work, apart from every mistake."""

import copy
import hashlib
import json
import pickle
import random
import re
import sys
from dataclasses import FrozenInstanceError, replace
from functools import cache

import numpy as np
import pytest
from helpers.posed import faults

from bpcourse import Dense, Network, backprop, format_number, practice
from bpcourse.tutor import formulas
from bpcourse.tutor.equations import table
from bpcourse.tutor.mistakes import MISTAKES
from bpcourse.tutor.practice import SHAPES, TOPICS, is_well_posed

EVERY = [(topic, level) for topic, plan in TOPICS.items() for level in range(plan.from_level, len(SHAPES) + 1)]
every = pytest.mark.parametrize(("topic", "level"), EVERY)


@cache  # they are records, and take a while to draw
def problem(topic, level, seed):
    return practice.problem(topic, level=level, seed=seed)


def test_problem__never_changes_for_a_seed():
    given = []
    for seed in (0, "Ada"):
        for topic, level in EVERY:
            one = problem(topic, level=level, seed=seed)
            numbers = [one.trace[name].tolist() for name in one.trace if name[0] in "xyWb" and name != "y_hat"]
            kinds = [layer.activation.name for layer in one.trace.network.layers]
            given.append([one.name, one.learning_rate, one.claimed, one.trace.loss_function.name, kinds, numbers])
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    assert digest[:16] == "bd7ddae8a09bd09e", "problems that are already printed would change"


@every
def test_problem__last_bits_decide_nothing(topic, level, monkeypatch):
    """Another machine, or another NumPy, adds in another order: the last bits of what it computes differ."""
    choice = random.Random(f"{topic} {level}").choice

    def nudge(value):
        return value * (1 + choice((-4, -2, 0, 2, 4)) * sys.float_info.epsilon)

    def nudged_backprop(*args):
        trace = backprop(*args)
        return replace(
            trace, arrays={name: nudge(array) if name[0] in "zd" else array for name, array in trace.items()}
        )

    add_up = formulas._add_up
    monkeypatch.setattr(practice, "backprop", nudged_backprop)
    monkeypatch.setattr(formulas, "_add_up", lambda *args: nudge(add_up(*args)))
    for seed in (0, 1, "Ada"):
        assert practice.problem(topic, level=level, seed=seed).question == problem(topic, level, seed).question


@every
def test_problem__differs_between_seeds(topic, level):
    assert len({problem(topic, level=level, seed=seed).question for seed in (0, 1, "Ada")}) == 3


@every
def test_problem__is_well_posed_and_marked_correctly(topic, level):
    # 105 in all; benchmarks/practice.py does 10,000
    assert faults(problem(topic, level=level, seed=1), most=3) == []


@every
def test_problem__checks_hints_and_solves(topic, level):
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


def test_question__has_all_numbers_and_no_answer():
    one = problem("update", level=3, seed=3)
    for name in ("x", "W1", "b1", "W2", "b2", "y"):
        for entry in one.trace[name].flat:
            assert f"{entry:g}".replace("-", "−") in one.question
    assert f"learning rate = {one.learning_rate:g}" in one.question
    assert format_number(table(one.trace, one.learning_rate)[one.name].value) not in one.question
    assert repr(one) == one.question
    assert not re.search(r"\d\.\d{3}", one.question)


def test_problem__relu_leads_through_an_active_unit():
    for level in (2, 3, 4, 5):
        one = problem("relu", level=level, seed=0)
        assert table(one.trace)[one.name].value != 0


def test_problem__hidden_weight_has_two_or_three_paths():
    for level, count in ((3, 2), (4, 3), (5, 3)):
        text = problem("hidden_weight", level=level, seed=0).solution().text
        assert f"{count} paths lead there" in text
        assert text.count("  through ŷ") == 2 * count


def test_topics__cover_the_course():
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


def test_problem__dead_relu_is_sometimes_0():
    asked = [problem("dead_relu", level=level, seed=seed) for level in (2, 3) for seed in range(12)]
    found = [(one.name[:3], table(one.trace)[one.name].value == 0) for one in asked]
    assert 3 <= sum(zero for _, zero in found) <= 12
    assert set(found) == {("dW1", True), ("dW2", True), ("dW1", False), ("da1", False)}
    for one in asked:
        right = format_number(table(one.trace)[one.name].value)
        assert one.check(right).status == "correct"
        assert right == "0" or one.check("0").status != "correct"


def test_problem__dead_relu_names_the_forgotten_gate():
    one = next(
        each for each in (problem("dead_relu", level=3, seed=seed) for seed in range(50)) if each.name.startswith("da1")
    )
    trace, unit = one.trace, int(one.name[4]) - 1
    linear = Network([replace(trace.network.layers[0], activation="identity"), trace.network.layers[1]])
    forgot = backprop(linear, trace["x"], trace["y"], trace.loss_function)["da1"][0, unit]
    verdict = one.check(format_number(forgot, 6))
    assert verdict.status == "mistake"
    assert "no_hidden_activation" in verdict.mistakes


def test_problem__find_the_mistake():
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


def test_problem__colleagues_make_many_mistakes():
    made = {problem("find_the_mistake", level=level, seed=seed).mistakes[0] for level in (1, 2, 3) for seed in range(7)}
    assert len(made) >= 8


def test_is_well_posed__examples_alike():
    one = problem("batch", level=2, seed=0)
    trace = one.trace
    assert is_well_posed(one)
    alike = backprop(trace.network, trace["x"][[0, 0]], trace["y"][[0, 0]], trace.loss_function)
    assert not is_well_posed(replace(one, trace=alike))


def test_is_well_posed__mistakes_agree_by_chance():
    one = problem("output_weight", level=2, seed=0)
    trace, (first, second) = one.trace, one.trace.network.layers
    assert is_well_posed(one)
    mirrored = Network([replace(first, W=first.W[:, [0, 0]] * [1, -1], b=first.b[[0, 0]] * [1, -1]), second])
    if first.activation.name == "sigmoid":  # then |a| is not equal, but with tanh it is
        mirrored = Network([replace(mirrored.layers[0], activation="tanh"), second])
    trace = backprop(mirrored, trace["x"], trace["y"], trace.loss_function)
    assert not is_well_posed(replace(one, trace=trace))


def test_is_well_posed__zero_only_if_allowed():
    one = next(
        each
        for each in (problem("dead_relu", level=2, seed=seed) for seed in range(50))
        if each.check("0").status == "correct"
    )
    assert is_well_posed(one, zero=True)
    assert not is_well_posed(one)


@pytest.mark.parametrize("level", range(1, 6))
def test_problem__a_step_is_drawn_from_all_learning_rates(level):
    # weight decay with a tiny factor agrees with almost every step; only large rates and small gradients were left
    rates = {problem("update", level, seed).learning_rate for seed in range(12)}
    assert len(rates) >= 3


def test_is_well_posed__step_too_small():
    one = problem("update", level=2, seed=0)
    assert is_well_posed(one)
    assert not is_well_posed(replace(one, learning_rate=0.001))


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
        ("find_the_mistake", lambda one: replace(one, mistakes=("index_swap",)), "not common intermediate mistakes"),
    ],
)
def test_faults__sees_what_is_wrong(topic, spoil, words):
    one = problem(topic, level=3, seed=0)
    assert faults(one, most=0) == []
    assert any(words in fault for fault in faults(spoil(one), most=0))


def test_faults__sees_mistakes_and_solutions_that_do_not_fit():
    one = problem("output_weight", level=2, seed=0)
    spoilt = with_numbers(one, x=np.array([[0.5, 1.0, 1.0]]), W=np.array([[1.0, 0.3], [-0.3, 0.2], [0.2, -0.7]]))
    assert faults(spoilt, most=None)
    other = replace(one, name="dW2[2,1]" if one.name == "dW2[1,1]" else "dW2[1,1]")
    solved_elsewhere = type("Spoilt", (practice.Problem,), {"check": lambda self, answer: other.check(answer)})
    fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
    assert any("the solution with 3 digits" in fault for fault in faults(solved_elsewhere(**fields), most=0))
    assert any("is named" in fault for fault in faults(solved_elsewhere(**fields), most=None))


def test_is_well_posed__saturated_or_alike():
    one = problem("hidden_weight", level=3, seed=0)
    assert is_well_posed(one)
    layers = one.trace.network.layers
    saturated = Network([Dense(layers[0].W * 20, layers[0].b, layers[0].activation), layers[1]])
    assert not is_well_posed(replace(one, trace=backprop(saturated, one.trace["x"], one.trace["y"])))
    alike = Network([layers[0], Dense(np.full_like(layers[1].W, 0.5), layers[1].b, layers[1].activation)])
    assert not is_well_posed(replace(one, trace=backprop(alike, one.trace["x"], [[0.5, 0.5]])))


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
def test_problem__refuses_what_does_not_fit(arguments, error, words):
    seed, topic, level = arguments
    with pytest.raises(error, match=words):
        practice.problem(topic, level=level, seed=seed)


def test_problem__lowest_level_and_seed_0_by_default():
    assert practice.problem("softmax").question == practice.problem("softmax", level=3, seed=0).question


def test_topics__prints_names_with_words():
    assert practice.topics() is TOPICS
    lines = repr(practice.topics()).splitlines()
    assert len(lines) == len(TOPICS)
    for line, (name, topic) in zip(lines, TOPICS.items(), strict=True):
        assert line.split()[0] == name
        assert line.endswith(topic.words)


@pytest.mark.parametrize("topic", ["update", "batch", "matrix", "find_the_mistake"])
def test_problem__parts_make_the_question(topic):
    one = problem(topic, level=3, seed=1)
    text = " ".join(one.question.split())
    assert text.startswith(" ".join(one.setting))
    assert text.endswith(one.task)
    given = {each.name: each.values for each in one.given}
    assert list(given)[:6] == ["x", "W1", "b1", "W2", "b2", "y"]
    assert all(np.array_equal(given[name], one.trace[name]) for name in list(given)[:6])
    assert ("learning rate" in given) == (topic == "update")
    if topic == "update":
        assert given["learning rate"].shape == ()
        assert given["learning rate"] == one.learning_rate


def test_problem__survives_copy_and_pickle():
    for topic in ("update", "relu", "classes", "find_the_mistake"):
        one = problem(topic, level=3, seed=1)
        for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert other.question == one.question
            assert other.check("0.1234") == one.check("0.1234")
            assert other.solution().text == one.solution().text
    with pytest.raises(FrozenInstanceError):
        one.name = "z1[1]"
