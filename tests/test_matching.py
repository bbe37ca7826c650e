"""Matching: rounding, the budget for accidents, and the judgment on one number."""

import math

import pytest

from bpcourse import EXAMPLES, check
from bpcourse.numbers import Reading
from bpcourse.tutor.equations import Values, table
from bpcourse.tutor.matching import MOST_ACCIDENTS, Budget, Right, judge
from bpcourse.tutor.mistakes import candidates, right_way
from bpcourse.tutor.reading import read_answer
from bpcourse.tutor.rounding import Keep, habits, spread

TRACE = EXAMPLES["mazur"].backprop()
STEPS = table(TRACE, 0.5)


def judgment(name, answer):
    reading = read_answer(answer)
    return judge(STEPS[name], reading, reading, STEPS, lambda: list(candidates(STEPS, name)))


def rounded(name, keep, known=None, rules=None):
    """Return a value computed with every step rounded."""
    return Values(STEPS, known, rules, lambda step, v: v if step.kind == "given" else keep.rounded(v))[name]


@pytest.mark.parametrize(
    ("keep", "value", "expected"),
    [
        (Keep(3), 0.0123456, 0.0123),
        (Keep(3), -98765.0, -98800.0),
        (Keep(4, decimals=True), 0.012345678, 0.0123),
        (Keep(2, decimals=True), -1.005, -1.0),
        (Keep(4), 0.0, 0.0),
    ],
)
def test_keep__rounds(keep, value, expected):
    assert keep.rounded(value) == expected
    assert abs(keep.rounded(value) - value) <= keep.half_unit(value) * (1 + 1e-9)


def test_habits__of_four_digits_and_four_decimals():
    assert [*habits(read_answer("0.1234"))] == [Keep(4), Keep(4, decimals=True)]
    assert [*habits(read_answer("123"))] == [Keep(3)]
    assert Keep(4) in habits(Reading(0.123456789, 9, 5e-10, written=False))


@pytest.mark.parametrize("name", ["dW1[1,1]", "dW2[2,1]", "dz1[2]", "loss"])
def test_spread__is_as_large_as_rounding_really_is(name):
    """Of many values around, the rounding error has about this standard deviation."""
    errors = []
    for place in range(60):
        known = {"b1[1]": 0.3 + 0.0071 * place, "b1[2]": 0.35 + 0.0037 * place, "W2[1,1]": 0.4 + 0.0031 * place}
        errors.append(rounded(name, Keep(4), known) / Values(STEPS, known)[name] - 1)
    real = math.sqrt(sum(error * error for error in errors) / len(errors))
    again = right_way(STEPS, name)
    assert 0.3 < spread(again.again, again.value, Keep(4)) / again.value / real < 3


def test_budget__pays_once_for_each_value_and_then_refuses():
    budget = Budget(1.0, 0.0, 4)
    allowed = [budget.allows(1.0 + 0.01 * place, 0.0001) for place in range(1, 30)]
    assert allowed[0]
    assert not allowed[-1]
    assert budget.near > MOST_ACCIDENTS[4]
    far = Budget(1.0, 0.0, 4)
    assert far.allows(5.0, 0.0005)  # not near: from the other purse
    assert far.near == 0.0


def test_budget__fewer_digits_buy_less():
    bought = []
    for digits in (3, 4, 5, 6):
        budget = Budget(1.0, 0.0, digits)
        bought.append(sum(budget.allows(1 + 0.001 * place, 0.5 * 10.0**-digits) for place in range(1, 200)))
    assert bought == sorted(bought)
    assert bought[0] < 10


@pytest.mark.parametrize(
    ("name", "answer", "right"),
    [
        ("dW2[1,1]", "0.082167041", Right.EXACTLY),
        ("dW2[1,1]", "0.0822", Right.EXACTLY),
        ("dW2[1,1]", "0.08221", Right.ROUNDED),
        ("dW2[1,1]", "0.0830", Right.NEARLY),
        ("dW2[1,1]", "0.08", Right.SHORT),
        ("dW2[1,1]", "0.1385", Right.NO),
        ("W2_new[1,1]", "0.3589", Right.EXACTLY),
        ("W2_new[1,1]", "0.36", Right.SHORT),
        ("loss", "0.298371", Right.EXACTLY),
    ],
)
def test_judge__in_which_way_an_answer_is_right(name, answer, right):
    assert judgment(name, answer).right is right


@pytest.mark.parametrize("keep", [Keep(4), Keep(5), Keep(4, decimals=True)])
def test_judge__the_right_way_with_rounded_steps_is_right(keep):
    for name, step in STEPS.items():
        value = rounded(name, keep)
        if step.kind != "given" and value and abs(value) >= 20 * keep.half_unit(value):
            answer = f"{value:.{keep.count}f}" if keep.decimals else f"{value:.{keep.count}g}"
            assert judgment(name, answer).right in (Right.EXACTLY, Right.ROUNDED), (name, answer, step.value)


def test_judge__does_not_compute_mistakes_for_a_right_answer():
    reading = read_answer("0.0822")
    assert judge(STEPS["dW2[1,1]"], reading, reading, STEPS, lambda: pytest.fail("not needed")).right is Right.EXACTLY


def test_judge__a_match_of_rounded_steps_is_not_stated():
    path = {"back": lambda step, v: step.terms(v)[0]}
    answer = f"{rounded('dW1[1,1]', Keep(3), rules=path):.3g}"
    exact = Values(STEPS, None, path)["dW1[1,1]"]
    assert abs(float(answer) / exact - 1) > 0.001
    matches = judgment("dW1[1,1]", answer).matches
    assert "only_path_o1" in matches[0].ids
    assert matches[0].rounded
    assert not matches[0].stated


def test_rounded_to_three_decimals__is_right_where_it_is_nearly_right():
    """Each step with three decimals, written with six digits: the right way, and not a mistake."""
    answer = f"{rounded('dz2[1]', Keep(3)):.5g}1"
    verdict = check(TRACE, "dz2[1]", answer)
    assert (verdict.status, verdict.rounded) == ("correct", True)
