"""Matching: rounding, the budget for accidents, and the judgment on one number."""

import math
from dataclasses import FrozenInstanceError

import pytest

from bpcourse import EXAMPLES, Dense, Network, backprop, check
from bpcourse.numbers import Reading
from bpcourse.tutor.equations import Values, table
from bpcourse.tutor.matching import (
    MOST_ACCIDENTS,
    Budget,
    Match,
    Right,
    exact_matches,
    hits,
    judge,
    nothing_done,
    rounded_matches,
    weight,
)
from bpcourse.tutor.mistakes import MISTAKES, Candidate, candidates, right_way
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


@pytest.mark.parametrize(
    ("keep", "value", "expected"),
    [
        (Keep(3), 0.0123, 0.00005),
        (Keep(3), -99.9, 0.05),
        (Keep(3), 100.0, 0.5),
        (Keep(1), 100.0, 50.0),
        (Keep(4, decimals=True), 123.0, 0.00005),
        (Keep(4), 0.0, 0.0),
        (Keep(4, decimals=True), 0.0, 0.0),
    ],
)
def test_keep__half_a_unit_of_the_last_digit(keep, value, expected):
    assert keep.half_unit(value) == pytest.approx(expected, abs=0)


@pytest.mark.parametrize(
    ("keep", "value", "expected"),
    [
        (Keep(3), 0.0123, 0.0),
        (Keep(3), 0.01234, 0.00005),
        (Keep(2), 0.3 - 0.1, 0.0),
        (Keep(2, decimals=True), 7.25, 0.0),
    ],
)
def test_keep__a_value_without_digits_to_lose_has_no_error(keep, value, expected):
    assert keep.error(value) == pytest.approx(expected, abs=0)


@pytest.mark.parametrize(
    ("text", "digits", "decimals"),
    [
        ("0.1234", [4], 4),
        ("0.12345", [5, 4], 5),
        ("0.123456", [6, 5, 4], 6),
        ("0.1234567", [6, 5, 4], None),
        ("0.12345678", [6, 5, 4], None),
        ("123456789", [6, 5, 4], None),
        ("123", [3], None),
        ("0.123", [3], None),
        ("0.012", [], None),
        ("0.0012", [], 4),
        ("0.000123", [3], 6),
    ],
)
def test_habits__of_a_number_that_was_written(text, digits, decimals):
    expected = [Keep(count) for count in digits]
    expected += [Keep(decimals, decimals=True)] if decimals else []
    assert [*habits(read_answer(text))] == expected


def test_habits__decimals_were_not_chosen_by_python():
    assert [*habits(Reading(0.1234, 4, 5e-5, written=False))] == [Keep(4)]
    assert [*habits(Reading(0.123456789, 9, 5e-10, written=False))] == [Keep(6), Keep(5), Keep(4)]


def test_habits__a_plain_zero_has_no_decimals():
    assert [*habits(read_answer("0"))] == [Keep(3)]


def test_habits__a_number_from_a_batch_has_the_decimals_of_its_unit():
    three, four = (Reading(times * 0.1234, 4, times * 5e-5) for times in (3, 4))
    assert [*habits(three)] == [Keep(4), Keep(4, decimals=True)]
    assert [*habits(four)] == [Keep(4)]  # its unit, 0.0004, is nearer to three decimals


def one_step(name, value, count=1):
    """Return a way to compute a value that needs `count` times the same step, whose value is `value`."""
    return lambda finish: sum(finish(STEPS[name], value) for _ in range(count))


def test_spread__of_one_step_is_that_of_a_uniform_error():
    value = 2.0123
    assert spread(one_step("a1[1]", value), value, Keep(3)) == pytest.approx(0.005 / math.sqrt(3))
    assert spread(one_step("x[1]", value), value, Keep(3)) == 0.0  # a given number is not rounded
    assert spread(one_step("a1[1]", value), value, Keep(5)) == 0.0  # nothing to round
    assert spread(one_step("a1[1]", 0.0), 0.0, Keep(3)) == 0.0
    assert spread(one_step("z1[1]", 0.0), 0.0, Keep(1)) == 0.0  # nor is a 0, whatever its products are


@pytest.mark.parametrize("name", ["z1[1]", "da1[1]", "dz2[1]"])
def test_spread__the_products_of_a_sum_are_rounded_too(name):
    step = STEPS[name]
    keep = Keep(1)
    expected = math.hypot(*map(keep.error, (step.value, *step.terms(step.inputs)))) / math.sqrt(3)
    assert expected > keep.half_unit(step.value) / math.sqrt(3)
    assert spread(one_step(name, step.value), step.value, keep) == pytest.approx(expected)


def test_spread__errors_of_many_steps_partly_cancel():
    one, many = (spread(one_step("a1[1]", 2.0123, count), 2.0123 * count, Keep(3)) for count in (1, 100))
    assert 5 < many / one < 20  # √100 if they are independent


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


def test_budget__pays_the_share_of_numbers_that_match_by_accident():
    budget = Budget(1.0, 0.5, 3)
    assert budget.allows(0.9, 0.0001)
    assert budget.far == pytest.approx(0.0001 / (0.4 * math.log(10)))
    assert budget.near == pytest.approx(0.0001 / (0.3 * 0.5))
    border = Budget(0.0, 1.0, 3)
    assert border.allows(0.3, 0.0001)
    assert border.near == pytest.approx(0.0001 / 0.3)  # 30 % is still near
    at_nothing = Budget(1.0, 0.5, 3)
    assert at_nothing.allows(0.5, 0.0001)
    assert at_nothing.far == pytest.approx(0.0001 / (0.5 * math.log(10)))


def test_budget__each_purse_lasts_until_it_is_empty():
    most = MOST_ACCIDENTS[4]
    near, far = 0.3 * most, 0.5 * math.log(10) * most
    assert [Budget(1.0, 0.0, 4).allows(0.8, near * share) for share in (0.99, 1.01)] == [True, False]
    assert [Budget(1.0, 0.0, 4).allows(0.5, far * share) for share in (0.99, 1.01)] == [True, False]
    for digits, same in ((1, 3), (2, 3), (9, 6)):
        assert Budget(1.0, 0.0, digits).most == MOST_ACCIDENTS[same]


@pytest.mark.parametrize(
    ("record", "name"), [(Keep(3), "count"), (Match(()), "stated"), (judgment("dW2[1,1]", "0.0822"), "carried")]
)
def test_records__cannot_be_changed(record, name):
    with pytest.raises(FrozenInstanceError):
        setattr(record, name, 1)


ASKED = STEPS["dW2[1,1]"]
V = ASKED.value  # 0.08217


def judged(reading, *found, name="dW2[1,1]", plain=None, known=None, slack=0.0):
    return judge(STEPS[name], plain or reading, reading, STEPS, lambda: list(found), known, slack)


FIRST, SECOND, THIRD = "drop_sigma_prime_out", "only_path_o1", "no_input_factor"
UNIT = 2.0**-20


def wrong_way(value, *ids, prior=0.0, again=None):
    """Return a candidate: mistakes that give this value."""
    return Candidate(tuple(MISTAKES[each] for each in ids or (FIRST,)), value, again or (lambda finish: value), prior)


def exact(reading, *found, right=1.0, nothing=0.0, slack=0.0):
    """Return the matches of a value of dW2[1,1] as (ids, pair, stated)."""
    budget = Budget(right, nothing, reading.digits)
    matches = exact_matches(STEPS["dW2[1,1]"], reading, found, budget, slack)
    return [(match.ids, match.pair, match.stated) for match in matches]


def test_exact_matches__rounded_or_cut_off_but_not_further():
    for sign in (1, -1):
        answer = Reading(0.5, 6, UNIT)
        assert exact(answer, wrong_way(0.5 + sign * UNIT)) == [((FIRST,), False, True)]
        assert exact(answer, wrong_way(0.5 + sign * 2 * UNIT)) == [((FIRST,), False, True)]
        assert exact(answer, wrong_way(0.5 + sign * 2.01 * UNIT)) == []
        assert exact(answer, wrong_way(0.5 + sign * 2.01 * UNIT), slack=0.02 * UNIT) == [((FIRST,), False, True)]
        assert exact(Reading(0.5, 6, UNIT, written=False), wrong_way(0.5 + sign * 2 * UNIT)) == []
    rounded_and_cut = wrong_way(0.5 + 2 * UNIT), wrong_way(0.5 + UNIT, SECOND)
    assert exact(Reading(0.5, 6, UNIT), *rounded_and_cut) == [((SECOND,), False, True)]


def test_exact_matches__a_number_that_was_cut_off_is_stated_from_five_digits():
    assert exact(Reading(0.5, 5, UNIT), wrong_way(0.5 + 2 * UNIT)) == [((FIRST,), False, True)]
    assert exact(Reading(0.5, 4, UNIT), wrong_way(0.5 + 2 * UNIT)) == [((FIRST,), False, False)]
    assert exact(Reading(0.5, 3, UNIT), wrong_way(0.5 + 2 * UNIT)) == [((FIRST,), False, False)]
    assert exact(Reading(0.5, 2, UNIT), wrong_way(0.5 + 2 * UNIT)) == []


def test_exact_matches__a_digit_that_earlier_numbers_can_move_fits_too():
    answer = Reading(0.5, 6, UNIT, written=False)
    assert exact(answer, wrong_way(0.5 + 1.5 * UNIT)) == []
    assert exact(answer, wrong_way(0.5 + 1.5 * UNIT), slack=UNIT) == [((FIRST,), False, True)]


@pytest.mark.parametrize(("digits", "enough", "too_many"), [(4, 10, 50), (5, 15, 40), (6, 50, 150)])
def test_exact_matches__among_too_many_wrong_values_none_is_stated(digits, enough, too_many):
    answer = Reading(0.75, digits, 0.5 * 10.0**-digits)
    for count, stated in ((enough, True), (too_many, False)):
        others = [wrong_way(0.8 + 0.001 * place, SECOND, prior=1.0) for place in range(count)]
        assert exact(answer, *others, wrong_way(0.75)) == [((FIRST,), False, stated)]


def test_exact_matches__pay_for_what_would_match():
    for reading, reach in (
        (Reading(0.7, 5, 5e-6), 2 * 5e-6),
        (Reading(0.7, 4, 5e-5), 5e-5),
        (Reading(0.7, 6, 5e-7, written=False), 5e-7),
    ):
        budget = Budget(1.0, 0.0, reading.digits)
        exact_matches(STEPS["dW2[1,1]"], reading, [wrong_way(0.5)], budget, 0.0)
        assert budget.far == pytest.approx(reach / (0.5 * math.log(10)))


def test_exact_matches__near_the_right_value_only_a_possibility_with_six_digits():
    for near in (1.001, 0.999):
        assert exact(Reading(near, 6, 5e-7), wrong_way(near)) == [((FIRST,), False, False)]
        assert exact(Reading(near, 6, UNIT), wrong_way(near + 2 * UNIT)) == [((FIRST,), False, False)]
        assert exact(Reading(near, 5, 5e-6), wrong_way(near)) == []
    assert exact(Reading(1.003, 5, 5e-6), wrong_way(1.003)) == [((FIRST,), False, True)]
    assert exact(Reading(1.001, 6, 5e-7), wrong_way(1.001), nothing=0.6) == [((FIRST,), False, True)]  # 0.25 % of 0.4
    usual, other = wrong_way(1.001, prior=1.0), wrong_way(0.7, SECOND)  # the less usual one is compared too
    assert exact(Reading(0.7, 5, 5e-6), usual, other) == [((SECOND,), False, True)]


def test_exact_matches__a_short_number_is_itself_before_it_is_a_rounded_one():
    two = Reading(2.0, 1, 0.5)
    assert exact(two, wrong_way(2.25), wrong_way(2.0, SECOND)) == [((SECOND,), False, False)]
    assert exact(two, wrong_way(2.25)) == [((FIRST,), False, False)]
    assert exact(two, wrong_way(2.75)) == []
    three = Reading(2.0, 3, 0.5)
    assert [ids for ids, *_ in exact(three, wrong_way(2.25), wrong_way(2.0, SECOND))] == [(FIRST,), (SECOND,)]


def test_exact_matches__nothing_but_the_machines_rounding():
    assert exact(Reading(9e-13, 6, 1e-20), wrong_way(0.0)) == [((FIRST,), False, True)]
    assert exact(Reading(-9e-13, 6, 1e-20), wrong_way(0.0), right=-1.0) == [((FIRST,), False, True)]
    assert exact(Reading(1.1e-12, 6, 1e-20), wrong_way(0.0)) == []


def test_exact_matches__equal_values_are_named_together_the_likeliest_first():
    half = Reading(0.5, 6, UNIT)
    both = wrong_way(0.5), wrong_way(0.5, SECOND, prior=1.0)
    assert exact(half, *both) == [((SECOND, FIRST), False, True)]
    assert exact(half, *both, wrong_way(0.5, THIRD, FIRST, prior=9.0)) == [((SECOND, FIRST), False, True)]
    assert exact(half, wrong_way(0.5, THIRD, FIRST)) == [((THIRD, FIRST), True, True)]
    assert exact(half, wrong_way(0.5), wrong_way(0.5)) == [((FIRST,), False, True)]
    assert [ids for ids, *_ in exact(half, wrong_way(0.5), wrong_way(0.5 + UNIT / 2, SECOND))] == [(FIRST,), (SECOND,)]


def test_weight__a_mistake_with_what_was_asked_for_comes_first():
    topics = {}
    for mistake in MISTAKES.values():
        topics.setdefault(mistake.topic, mistake.id)
    for name, topic in (("W2_new[1,1]", "update"), ("z1[1]", "forward"), ("loss", "loss"), ("slope1[1]", "activation")):
        for other, mistake in topics.items():
            assert weight(wrong_way(1.0, mistake, prior=0.5), STEPS[name]) == 0.5 + (other == topic)
    assert weight(wrong_way(1.0, topics["batch"]), STEPS["dW1[1,1]"]) == 0.0
    pair = topics["update"], topics["chain"]  # the first of two counts
    assert weight(wrong_way(1.0, *pair), STEPS["W2_new[1,1]"]) == 1.0
    assert weight(wrong_way(1.0, *reversed(pair)), STEPS["W2_new[1,1]"]) == 0.0


def test_nothing_done__is_the_old_value_after_an_update():
    for name, expected in (("W2_new[1,1]", "W2[1,1]"), ("b1_new[2]", "b1[2]"), ("loss_new", "loss")):
        assert nothing_done(STEPS[name], Values(STEPS)) == STEPS[expected].value
    for name in ("loss", "z1_new[1]", "dW1[1,1]", "y_hat_new[1]"):
        assert nothing_done(STEPS[name], Values(STEPS)) == 0.0


def test_hits__a_number_that_comes_out_to_its_last_digit():
    one = wrong_way(0.123456, again=one_step("a1[1]", 0.123456))
    asked = STEPS["dW2[1,1]"]
    assert hits(one, asked, Reading(0.1235, 4, 0.00005), Keep(4), 0.0)
    assert hits(one, asked, Reading(0.1234, 4, 0.00005), Keep(4), 1e-9)
    assert not hits(one, asked, Reading(0.1233, 4, 0.00005), Keep(4), 0.0)
    assert hits(one, asked, Reading(0.1233, 4, 0.00005), Keep(4), 0.0002)
    assert not hits(one, asked, Reading(0.1235, 4, 0.00001), Keep(5), 0.0)
    assert hits(wrong_way(0.5 + 2 * UNIT), asked, Reading(0.5, 4, UNIT), Keep(4), 0.0)  # or cut off
    assert not hits(wrong_way(0.5 + 2.5 * UNIT), asked, Reading(0.5, 4, UNIT), Keep(4), 0.0)
    itself = wrong_way(0.123456, again=one_step("dW2[1,1]", 0.123456))  # what was asked for is not rounded twice
    assert not hits(itself, asked, Reading(0.1235, 4, 0.00001), Keep(4), 0.0)
    given = wrong_way(0.123456, again=one_step("x[1]", 0.123456))
    assert not hits(given, asked, Reading(0.1235, 4, 0.00001), Keep(4), 0.0)


def by_rounding(reading, *found, slack=0.0):
    matches = rounded_matches(STEPS["dW2[1,1]"], reading, found, slack)
    assert all(match.rounded and not match.stated for match in matches)
    return [(match.ids, match.pair) for match in matches]


def test_rounded_matches__the_nearest_and_most_usual_come_first():
    answer = Reading(0.1234, 4, 0.00005, written=False)
    width = 0.0005 / 3**0.5 / 10  # of one step with four digits
    near, far, too_far = (
        wrong_way(0.1234 + 0.00005 + times * width, each, again=one_step("a1[1]", 0.1234 + 0.00005 + times * width))
        for times, each in ((2.0, FIRST), (3.5, SECOND), (4.5, THIRD))
    )
    assert by_rounding(answer, far, too_far, near) == [((FIRST,), False), ((SECOND,), False)]
    assert by_rounding(answer, too_far) == []
    assert by_rounding(answer, too_far, slack=0.6 * width) == [((THIRD,), False)]


def difference(value, large, *ids, prior=0.0):
    """Return a candidate that is a small difference of two large numbers: rounding can move it far."""
    return wrong_way(value, *ids, prior=prior, again=lambda finish: finish(STEPS["a1[1]"], large) - (large - value))


def test_rounded_matches__no_habit_reaches_further_than_three_percent_or_nine_with_three_digits():
    def noisy(value):
        return difference(value, 100.0012)

    found, four, three = [((FIRST,), False)], Reading(0.5, 4, 5e-5), Reading(0.5, 3, 5e-4)
    assert by_rounding(four, noisy(0.514)) == by_rounding(three, noisy(0.545)) == found
    assert by_rounding(four, noisy(0.517)) == by_rounding(three, noisy(0.555)) == []
    assert by_rounding(Reading(0.5, 4, 0.002), noisy(0.539)) == found  # or 20 half units
    assert by_rounding(Reading(0.5, 4, 0.002), noisy(0.541)) == []
    assert by_rounding(four, noisy(0.517), slack=0.01) == found
    assert by_rounding(Reading(0.5, 6, 5e-7, written=False), noisy(0.501)) == found  # by three habits, but once


def test_rounded_matches__an_exact_hit_is_worth_two_standard_deviations():
    answer = Reading(0.1234, 4, 0.00005, written=False)
    hit = wrong_way(0.12342, again=one_step("a1[1]", 0.12342))
    for prior, first in ((2.7, FIRST), (3.0, SECOND)):  # 0.7 standard deviations for each step of the prior
        near = wrong_way(
            0.1234, SECOND, prior=prior, again=lambda finish: finish(STEPS["a1[1]"], 100.0123) - (100.0123 - 0.1234)
        )
        assert by_rounding(answer, near, hit)[0] == ((first,), False)


def test_rounded_matches__distances_count_in_standard_deviations():
    answer = Reading(0.5, 4, 5e-5, written=False)
    for prior, first in ((0.0, SECOND), (3.0, FIRST)):
        near = difference(0.506, 10.0012, FIRST, prior=prior)  # 2 standard deviations
        far = difference(0.512, 100.02, SECOND)  # 0.4 of them
        assert by_rounding(answer, near, far)[0] == ((first,), False)


def test_rounded_matches__a_less_careful_habit_costs_one_standard_deviation():
    answer = Reading(0.5, 5, 5e-6, written=False)
    with_five = difference(0.5058, 100.0012, FIRST)  # 2 standard deviations
    with_four = difference(0.5043, 10.00012, SECOND)  # 1.5 of them, but too far with five digits
    assert by_rounding(answer, with_four, with_five) == [((FIRST,), False), ((SECOND,), False)]


def test_judge__with_three_digits_rounding_is_sure_up_to_two_standard_deviations():
    width = spread(right_way(STEPS, "dW2[1,1]").again, V, Keep(3))
    for times, right in ((1.9, Right.ROUNDED), (2.1, Right.NEARLY), (3.9, Right.NEARLY), (4.1, Right.NO)):
        assert judged(Reading(V + 5e-5 + times * width, 3, 5e-5)).right is right
        assert judged(Reading(V - 5e-5 - times * width, 3, 5e-5)).right is right
        assert judged(Reading(V + 5e-5 + (3 + times) * width, 3, 5e-5), slack=3 * width).right is right


def test_judge__with_four_digits_rounding_is_right_unless_a_mistake_fits_too():
    width = spread(right_way(STEPS, "dW2[1,1]").again, V, Keep(4))
    verdict = judged(Reading(V + 5e-6 + 3 * width, 4, 5e-6, written=False))
    assert (verdict.right, verdict.matches) == (Right.ROUNDED, ())
    right = STEPS["dW1[2,1]"].value
    width = spread(right_way(STEPS, "dW1[2,1]").again, right, Keep(4))
    answer = Reading(right + 5e-8 + 3.8 * width, 4, 5e-8, written=False)  # further than NEAR, within DEVIATIONS
    verdict = judged(answer, wrong_way(answer.value), name="dW1[2,1]")
    assert verdict.right is Right.NEARLY
    assert [(match.ids, match.stated) for match in verdict.matches] == [((FIRST,), False)]
    six = Reading(answer.value, 6, 5e-10, written=False)  # with six digits, chance is ruled out
    assert judged(six, wrong_way(six.value), name="dW1[2,1]").right is Right.NO
    inexact = next(mistake.id for mistake in MISTAKES.values() if mistake.topic == "rounding")
    assert judged(answer, wrong_way(answer.value, inexact), name="dW1[2,1]").right is Right.ROUNDED
    for prior, expected in ((1.0, Right.ROUNDED), (-1.0, Right.NEARLY)):  # of two mistakes, the likelier one counts
        both = wrong_way(answer.value, inexact, prior=prior), wrong_way(answer.value)
        assert judged(answer, *both, name="dW1[2,1]").right is expected


def test_judge__rounding_reaches_further_by_what_earlier_numbers_can_move():
    width, slack = spread(right_way(STEPS, "dW2[1,1]").again, V, Keep(4)), 0.02 * V
    for times, right in ((3, Right.ROUNDED), (5, Right.NO)):
        answer = Reading(V + slack + 5e-6 + times * width, 4, 5e-6, written=False)
        assert judged(answer, slack=slack).right is right


def test_rounded_matches__equal_values_are_named_together():
    answer = Reading(0.1235, 4, 0.00005)
    same = one_step("a1[1]", 0.123456)
    one, other = wrong_way(0.123456, again=same), wrong_way(0.123456, SECOND, again=same, prior=1.0)
    pair = wrong_way(0.123456, THIRD, FIRST, again=same)
    assert by_rounding(answer, one, other) == [((SECOND, FIRST), False)]
    assert by_rounding(answer, one, pair) == [((FIRST,), False)]
    assert by_rounding(answer, pair) == [((THIRD, FIRST), True)]


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


def test_judge__right_to_the_last_digit_or_with_the_last_digit_cut_off():
    h = 1e-7
    for off in (-1.99 * h, 0.0, 1.99 * h):
        assert judged(Reading(V + off, 3, h)).right is Right.EXACTLY
        assert judged(Reading(V + off, 6, h, written=False)).right is Right.EXACTLY
    for off in (-0.002 * V, 0.002 * V):
        assert judged(Reading(V + off, 6, h)).right is not Right.EXACTLY
        known = {"dz2[1]": STEPS["dz2[1]"].value}
        assert judged(Reading(V + off, 6, h), slack=abs(off), known=known).right is Right.EXACTLY
        assert judged(Reading(V + off, 2, 1.01 * abs(off))).right is Right.SHORT


def test_judge__a_whole_unit_of_the_last_digit_may_have_been_cut_off():
    own = {"x[1]": 0.5}
    assert judged(Reading(0.5 + 2 * UNIT, 6, UNIT), name="x[1]", known=own).right is Right.EXACTLY
    assert judged(Reading(0.5 + 2.01 * UNIT, 6, UNIT), name="x[1]", known=own).right is Right.NO


def test_judge__the_very_number_is_right_with_any_number_of_digits():
    tiny = 1e-20
    assert judged(Reading(V, 1, tiny)).right is Right.EXACTLY
    assert judged(Reading(V * (1 + 0.9e-9), 1, tiny)).right is Right.EXACTLY
    assert judged(Reading(V * (1 + 3e-9), 1, tiny)).right is not Right.EXACTLY


def judged_z(true, reading, known=None):
    """Judge a number as z1[1] of a network with one weight, which is z."""
    steps = table(backprop(Network([Dense([[true]])]), [1.0], [0.0], "half_sse"))
    return judge(steps["z1[1]"], reading, reading, steps, list, known)


def test_judge__zero_is_right_with_any_number_of_digits():
    for reading in (read_answer("0"), read_answer("0.0")):
        verdict = judged_z(0.0, reading)
        assert (verdict.right, verdict.carried) == (Right.EXACTLY, False)
        verdict = judged_z(0.0, reading, {"W1[1,1]": 0.3})
        assert (verdict.right, verdict.carried) == (Right.EXACTLY, False)
        verdict = judged_z(0.3, reading, {"W1[1,1]": 0.0})
        assert (verdict.right, verdict.carried) == (Right.EXACTLY, True)


def test_judge__half_a_unit_of_the_third_digit_is_not_too_far():
    for true, known in ((1000.0, None), (1000.0, {"W1[1,1]": 500.0}), (500.0, {"W1[1,1]": 1000.0})):
        for answer, right in (("1005", Right.ROUNDED), ("1006", Right.NO)):
            assert judged_z(true, read_answer(answer), known).right is right


def test_judge__carried_if_it_is_right_only_with_the_own_earlier_number():
    for factor, carried in ((1.0004, False), (1.0006, True), (0.9996, False), (0.9994, True)):
        own = {"dz2[1]": factor * STEPS["dz2[1]"].value}
        verdict = judged(Reading(factor * V, 6, 1e-9), known=own)
        assert (verdict.right, verdict.carried) == (Right.EXACTLY, carried)
        assert verdict.value == pytest.approx(factor * V)
        assert verdict.off == pytest.approx(0, abs=1e-12)
    own = {"dz2[1]": 1.01 * STEPS["dz2[1]"].value}
    assert not judged(Reading(1.01 * V, 3, 0.006 * V), known=own).carried  # its digits cannot tell
    assert judged(Reading(1.01 * V, 3, 0.004 * V), known=own).carried
    verdict = judged(Reading(V, 6, 1e-9), known=own)  # the right number is right whatever was before
    assert (verdict.right, verdict.carried) == (Right.EXACTLY, False)
    own_way = {"dz2[1]": 1.5 * STEPS["dz2[1]"].value}  # three digits of the right number are right too
    assert judged(Reading(V + 4.9e-5, 6, 1e-9), known=own_way).right is Right.ROUNDED
    assert judged(Reading(V + 5.2e-5, 6, 1e-9), known=own_way).right is Right.NO
    rounded_later = judged(Reading(1.0101 * V, 4, 1e-9), known=own)
    assert (rounded_later.right, rounded_later.carried) == (Right.ROUNDED, True)
    assert not judged(Reading(1.0001 * V, 4, 1e-9), known={"x[1]": STEPS["x[1]"].value}).carried


def test_judge__size_and_distance_are_measured_from_nothing_done():
    verdict = judged(Reading(0.3, 4, 5e-5), name="W2_new[1,1]")
    old, new = STEPS["W2[1,1]"].value, STEPS["W2_new[1,1]"].value
    assert verdict.size == pytest.approx(abs(new - old))
    assert verdict.off == pytest.approx(abs(0.3 - new))


def test_judge__a_value_that_is_not_finite_fits_nothing():
    reading = Reading(1.0, 4, 5e-5)
    known = {"dz2[1]": math.inf}
    verdict = judge(ASKED, reading, reading, STEPS, lambda: pytest.fail("not needed"), known)
    assert (verdict.right, verdict.matches) == (Right.NO, ())


def test_judge__too_few_digits():
    small = STEPS["dW1[1,1]"].value  # 0.0004386
    assert judged(Reading(0.08, 1, 0.005)).right is Right.SHORT
    assert judged(Reading(0.082, 2, 0.0005)).right is Right.SHORT
    assert judged(Reading(0.09, 1, 0.005)).right is Right.NO
    assert judged(Reading(0.09, 1, 0.005), slack=0.003).right is Right.SHORT
    assert judged(Reading(0.00044, 2, 5e-6), name="dW1[1,1]").right is Right.EXACTLY  # to five decimals
    assert judged(Reading(0.0004, 1, 5e-5), name="dW1[1,1]").right is Right.SHORT
    assert judged(Reading(0.00044, 2, 5e-6, written=False), name="dW1[1,1]").right is Right.SHORT
    assert judged(Reading(0.0004, 2, 2e-4), name="dW1[1,1]").right is Right.SHORT
    assert small == pytest.approx(0.0004386, abs=1e-7)


def test_judge__python_writes_a_short_number_only_if_it_is_one():
    for value, right in ((0.08, Right.SHORT), (0.09, Right.SHORT), (0.095, Right.NO), (0.07, Right.NO)):
        assert judged(Reading(value, 1, 0.05, written=False)).right is right
        assert judged(Reading(value, 1, 0.05)).right is Right.SHORT


def test_judge__a_short_number_may_also_be_a_mistake():
    verdict = judged(Reading(0.08, 1, 0.005), wrong_way(0.08), wrong_way(0.0834, SECOND))
    assert verdict.right is Right.NEARLY
    assert [(match.ids, match.stated) for match in verdict.matches] == [((FIRST,), False)]
    assert judged(Reading(0.08, 1, 0.005), wrong_way(0.0834)).right is Right.SHORT
    verdict = judged(Reading(0.08, 1, 0.005), wrong_way(0.08 * (1 + 5e-10)))  # equal, except for rounding
    assert (verdict.right, [match.ids for match in verdict.matches]) == (Right.NEARLY, [(FIRST,)])


def test_judge__a_given_value_is_not_rounded():
    given = STEPS["x[2]"].value
    wrong = wrong_way(given * 1.2)
    verdict = judged(Reading(given * 1.2, 6, 1e-9), wrong, name="x[2]")
    assert (verdict.right, [match.ids for match in verdict.matches]) == (Right.NO, [(FIRST,)])
    verdict = judged(Reading(given * 1.001, 4, 1e-9), wrong_way(given * 1.002), name="x[2]")
    assert (verdict.right, verdict.matches, verdict.nearest) == (Right.NO, (), None)


def test_judge__three_right_digits_are_right():
    for off in (4.9e-5, -4.9e-5):  # half a unit of the third digit of 0.08217 is 5e-5
        verdict = judged(Reading(V + off, 9, 1e-12))
        assert (verdict.right, verdict.matches) == (Right.ROUNDED, ())
        either = judged(Reading(V + off, 9, 1e-12), wrong_way(V + off))
        assert either.right is Right.NEARLY
        assert [(match.ids, match.stated) for match in either.matches] == [((FIRST,), False)]
    assert judged(Reading(V + 1e-3, 9, 1e-12)).right is Right.NO


def test_judge__a_number_from_python_is_not_right_far_from_the_right_value():
    for factor in (1.0004, 0.9996):
        assert judged(Reading(factor * V, 9, 1e-12, written=False)).right is Right.ROUNDED
    for factor in (1.01, 0.99, 1.5, 0.5):
        assert judged(Reading(factor * V, 9, 1e-12, written=False)).right is Right.NO


def test_judge__three_digits_of_a_new_weight_are_right_if_python_wrote_more_than_six():
    new = STEPS["W2_new[1,1]"].value  # 0.3589; the third digit of the step, 0.04108, is smaller
    for off in (1.7e-4, -1.7e-4):
        for digits, written, right in ((9, False, Right.ROUNDED), (9, True, Right.NO), (6, False, Right.NO)):
            assert judged(Reading(new + off, digits, 1e-12, written), name="W2_new[1,1]").right is right


def test_judge__the_nearest_value_of_one_mistake_is_remarked():
    answer = Reading(0.2, 6, 1e-12)
    near, nearer, pair = wrong_way(0.2005), wrong_way(0.1996, SECOND), wrong_way(0.2001, THIRD, FIRST)
    assert judged(answer, near, nearer, pair).nearest.ids == (SECOND,)
    assert (judged(answer, near).nearest.ids, judged(answer, near).nearest.pair) == ((FIRST,), False)
    assert judged(answer, wrong_way(0.1995), wrong_way(0.2004, SECOND)).nearest.ids == (SECOND,)
    assert judged(answer, wrong_way(0.2007)).nearest is None
    assert judged(answer, wrong_way(0.1993)).nearest is None
    assert judged(answer, pair).nearest is None
    exactly = judged(answer, wrong_way(0.2), near)
    assert (exactly.nearest, [match.ids for match in exactly.matches]) == (None, [(FIRST,)])


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
