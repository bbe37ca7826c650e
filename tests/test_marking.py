"""Verdicts: what is right, which mistake makes a number, what cannot be read; chains, arrays and hints."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.published import PUBLISHED, trace_of

from bpcourse import EXAMPLES, MISTAKES, Dense, Network, backprop, check, format_number, forward, hint, practice, steps
from bpcourse.palette import STATUS_COLORS
from bpcourse.tutor import mistakes
from bpcourse.tutor.marking import check_each
from bpcourse.tutor.mistakes import CATALOGUE, OF_SHAPES, Mistake, record
from bpcourse.tutor.mistakes.in_code import IN_CODE
from bpcourse.tutor.mistakes.search import PAIRS
from bpcourse.tutor.reading import read_answer
from bpcourse.tutor.verdicts import STATUS, Verdict

MAZUR = EXAMPLES["mazur"].backprop()
RIGHT = 0.08216704056423078  # dW2[1,1]: tests/data/mistakes.json
THREE = backprop(
    Network(
        [
            Dense([[0.3, -0.5], [0.8, 0.2], [-0.4, 0.7]], [0.1, -0.3], "sigmoid"),
            Dense([[0.6, -0.9, 0.4], [-0.7, 0.5, 0.3]], [0.2, 0.15, -0.35], "sigmoid"),
        ]
    ),
    [[0.9, 0.4, 0.7], [0.2, 0.6, 0.5]],
    [[0.2, 0.9, 0.4], [0.7, 0.1, 0.6]],
    "half_sse",
)
ONE_OF_THREE = backprop(THREE.network, THREE["x"][0], THREE["y"][0], "half_sse")


# What a person writes


@pytest.mark.parametrize("name", ["loss", "a1[1]", "z2[1]"])
def test_check__within_one_percent_is_close(name):
    right = next(step.value for step in steps(MAZUR) if step.name == name)
    for factor, words in (
        (0.992, "is close"),
        (1.008, "is close"),
        (0.987, "don't recognize"),
        (1.013, "don't recognize"),
    ):
        assert words in check(MAZUR, name, f"{factor * right:.7g}").message


@pytest.mark.parametrize("answer", ["1.20", "1.020", "0.980000"])
def test_check__a_copied_number_is_not_rounded_twice(answer):
    # δ = ŷ − y = 0.9975. ŷ is another name for a, so what is rounded in a cancels in 1/(1 − ŷ)·a(1 − a).
    trace = backprop(Network([Dense([[6.0]], [0.0], "sigmoid")]), [1.0], [0.0], "binary_cross_entropy")
    assert check(trace, "dz1[1]", answer).status != "correct"
    assert check(trace, "dz1[1]", "0.998").status == "correct"


def test_check__number_for_an_array_of_one():
    trace = backprop(Network([Dense([[0.1]], [0.1], "sigmoid")]), [1], [0.5])
    for name in ("db1", "b1", "dW1"):
        assert check(trace, name, trace[name].item()).status == "correct"
        assert check(trace, name, str(trace[name].item())).status == "correct"
        assert check(trace, name, 0.7).status in ("wrong", "could be", "mistake")


@pytest.mark.parametrize(
    "answer",
    ["0.0822", "0.08217", " 0,0822 ", "8.22e-2", "8.22 × 10⁻²", "0.082167040564", "+.0822",
     0.0822, RIGHT, np.float64(RIGHT), np.float32(RIGHT), np.array(RIGHT), Fraction(RIGHT), Decimal("0.0822")],
)  # fmt: skip
def test_check__right_answer_in_any_form(answer):
    assert check(MAZUR, "dW2[1,1]", answer).status == "correct"


@pytest.mark.parametrize("answer", ["-0.0226", "−0.0226", "-0,0226", "−2.26e−2", "–0.0226"])
def test_check__minus_of_any_kind(answer):
    assert check(MAZUR, "dW2[1,2]", answer).status == "correct"


def test_check__fraction_has_all_digits():
    trace = backprop(Network([Dense([[0.25]])]), [1.0], [0.0], "half_sse")
    assert check(trace, "dW1[1,1]", "1/4").status == "correct"
    assert check(trace, "dW1[1,1]", "1/3").status != "correct"


@pytest.mark.parametrize("answer", [..., None, "", "  ", "\t\n"])
def test_check__no_answer_yet(answer):
    verdict = check(MAZUR, "dW2[1,1]", answer)
    assert (verdict.status, verdict.mistakes) == ("not answered", ())


@pytest.mark.parametrize(
    "answer",
    [math.nan, math.inf, -math.inf, np.nan, "nan", "inf", "abc", "0.08.2", "1/0", "__import__('os')", "0.08 0.09",
     "0e999", 10**400, Decimal("NaN"), np.ma.array(RIGHT, mask=False),
     True, np.bool_(True), 1j, [0.0822, 0.1], [[0.0822], []], np.array([]), np.full((2, 2), RIGHT), {}, object(),
     b"0.0822", "9" * 5000],
)  # fmt: skip
def test_check__not_a_number_is_unreadable(answer):
    assert check(MAZUR, "dW2[1,1]", answer).status == "unreadable"


def test_check__float_has_at_least_three_digits():
    trace = backprop(Network([Dense([[0.5004]])]), [1.0], [0.0], "half_sse")
    assert check(trace, "z1[1]", 0.5).status == check(trace, "z1[1]", "0.500").status == "correct"
    assert check(trace, "z1[1]", "0.5").status == "could be"
    assert check(MAZUR, "z1[1]", 0.4).status == "could be"  # 0.3775, if one digit is meant
    assert check(MAZUR, "z1[1]", "0.400").status == "wrong"
    assert read_answer(0.08216).digits == 4
    assert read_answer(0).value == 0


def test_check__computed_digits_do_not_count():
    computed = 0.1385 * 0.5933  # from printed numbers: 0.08217205, where 0.08216704 is right
    verdict = check(MAZUR, "dW2[1,1]", computed)
    assert verdict.status == "correct"
    assert verdict.rounded
    assert "0.0821670" in verdict.message
    assert check(MAZUR, "dW2[1,1]", str(computed)).rounded
    assert not check(MAZUR, "dW2[1,1]", 0.0835)


def test_check__decimal_comma_without_quotes():
    verdict = check(MAZUR, "dW2[1,1]", (-0, 65))
    assert verdict.status == "unreadable"
    assert "quotes" in verdict.message


def test_check__too_few_digits():
    verdict = check(MAZUR, "dW2[1,1]", "0.08")
    assert (verdict.status, verdict.mistakes) == ("could be", ())
    assert "three significant digits" in verdict.hint


def test_check__exact_answer_with_few_digits():
    trace = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0], "mse")
    assert check(trace, "z1[1]", "7").status == check(trace, "dW1[1,1]", -8).status == "correct"


def test_check__zero():
    dead = backprop(Network([Dense([[-1.0]], None, "relu"), Dense([[2.0]])]), [1.0], [0.5], "mse")
    assert check(dead, "dW1[1,1]", "0").status == check(dead, "dW1[1,1]", 0.0).status == "correct"
    assert check(dead, "dW1[1,1]", "0.001").status != "correct"
    assert check(MAZUR, "dW2[1,1]", 0.0).status != "correct"


def test_check__a_term_that_rounding_makes_zero():
    layers = [Dense([[-12.0, 0.4]], None, "sigmoid"), Dense([[-0.5], [-0.7]], [0.2])]
    trace = backprop(Network(layers), [1.0], [0.3])
    without_minus = trace["z2"].item() + 2 * 0.7 * trace["a1"][0, 1]
    assert check(trace, "z2[1]", f"{without_minus + 0.0012:.4f}").status == "wrong"


# The rule


@pytest.mark.parametrize("digits", [3, 4, 5, 6])
def test_check__right_answer_is_never_a_mistake(digits):
    for trace in (MAZUR, EXAMPLES["lecture"].backprop(), THREE, ONE_OF_THREE):
        for step in steps(trace, learning_rate=0.3):
            verdict = check(trace, step.name, format_number(step.value, digits), learning_rate=0.3)
            assert verdict.status == "correct", (step.name, verdict)


def test_check__close_is_not_right():
    verdict = check(MAZUR, "dW2[1,1]", "0.0830")
    assert verdict.status == "could be"
    assert verdict.message.startswith("dW2[1,1] = 0.0830 is close. Did you round intermediate values? If not,")


def test_check__nearer_than_rounding_is_right():
    for answer in ("0.000438416", "0.00043842"):  # the coarse difference: 0.03 % off
        verdict = check(MAZUR, "dW1[1,1]", answer)
        assert verdict.rounded, answer
        assert "with all digits in between it is 0.000438" in verdict.note


def test_check__names_a_mistake_only_if_an_accident_is_unlikely():
    statuses = [check(MAZUR, "dW1[1,1]", answer).status for answer in ("0.007", "0.0070", "0.00704", "0.0070372")]
    assert statuses[-1] == "mistake"
    assert statuses[0] != "mistake"
    assert check(MAZUR, "dW1[1,1]", "0.0070371731").mistakes == ("hidden_has_target",)


def test_check__value_that_ends_in_five():
    trace = backprop(Network([Dense([[0.45]], [0.2])]), [0.91], [0.3])  # without its bias z is 0.4095
    for answer in ("0.409", "0.410", 0.41):
        assert "forgot_bias_forward" in check(trace, "z1[1]", answer).mistakes, answer


def test_check__zero_as_text_and_as_number():
    trace = backprop(Network([Dense([[0.5], [-0.8]], [-0.3], "leaky_relu")]), [0.4, 0.6], [0.3])
    for answer in ("0", "0.000", 0, 0.0):
        assert "leaky_cut_off" in check(trace, "a1[1]", answer).mistakes, answer


def test_check__unknown_number_gets_a_hint():
    verdict = check(MAZUR, "dW2[1,1]", "0.5337")
    assert (verdict.status, verdict.mistakes) == ("wrong", ())
    assert "comes in" in verdict.hint


def test_check__mistakes_with_the_same_value_are_named_together():
    verdict = check(MAZUR, "dW2[1,1]", "0.43983")
    assert verdict.mistakes == ("drop_sigma_prime_out", "drop_sigma_prime_all", "delta_without_sigma_with_mse")
    assert verdict.status == "mistake"


def test_check__famous_slip_is_a_pair():
    published = PUBLISHED["mazur-2-2-2"]["published"]["E_total_after_1"]
    verdict = check(MAZUR, "loss_new", published, learning_rate=0.5)
    assert (verdict.status, verdict.mistakes) == ("mistake", ("updated_output_weights_first", "bias_never_updated"))
    assert check(MAZUR, "loss_new", "0.291027774", learning_rate=0.5).mistakes == (
        "bias_never_updated",
        "bias_gradient_zero",
    )


def test_check__published_softmax_without_exponentials():
    published = PUBLISHED["SLIPS-prakashjay-3-3-3-3"]
    trace = trace_of(published, "categorical_cross_entropy")
    z, y_hat = published["published"]["o_in"], published["published"]["o"]
    chain = {f"z3[{k}]": text for k, text in enumerate(z, start=1)} | {"y_hat[1]": y_hat[0], "y_hat[2]": y_hat[1]}
    verdict = check(trace, chain)
    assert verdict.steps["y_hat[1]"].mistakes == verdict.steps["y_hat[2]"].mistakes == ("softmax_without_exp",)


def test_check__published_sum_without_bias():
    published = PUBLISHED["SLIPS-primelearnpoint-2-2-2"]
    described = published["network"]
    layers = [Dense(W, b, "sigmoid") for W, b in zip(described["weights"], ([0.35] * 2, [0.6] * 2), strict=True)]
    trace = backprop(Network(layers), published["inputs"], published["targets"], "half_sse")
    verdict = check(trace, {"a1[1]": "0.5944", "a1[2]": "0.5963", "z2[1]": "0.5359"})  # as the page prints them
    assert verdict.steps["z2[1]"].mistakes[0] == "forgot_bias_forward"


# Chains


def chain_of(trace, rate=None, digits=5):
    return {step.name: format_number(step.value, digits) for step in steps(trace, rate)}


@pytest.mark.parametrize("trace", [MAZUR, THREE, ONE_OF_THREE])
@pytest.mark.parametrize("digits", [4, 6])
def test_check_chain__right(trace, digits):
    verdict = check(trace, chain_of(trace, 0.3, digits), learning_rate=0.3)
    assert (verdict.status, verdict.first, verdict.mistakes) == ("correct", "", ())
    assert verdict.steps.keys() == {step.name for step in steps(trace, 0.3)}


def test_check_chain__error_carried_forward_counts_once():
    chain = {"z1[1]": "0.0275", "a1[1]": "0.506875", "z1[2]": "0.3925", "a1[2]": "0.596884"}  # no bias in the first
    a1, a2 = 0.506875, 0.596884
    chain["z2[1]"] = f"{a1 * 0.4 + a2 * 0.45 + 0.6:.6f}"
    verdict = check(MAZUR, chain)
    assert (verdict.first, verdict.status, verdict.mistakes[0]) == ("z1[1]", "mistake", "forgot_bias_forward")
    assert [each.status for each in verdict.steps.values()].count("correct") == 4
    assert verdict.message.startswith("4 of 5 right; 2 of them follow correctly from your own earlier numbers.")
    assert check(MAZUR, "z2[1]", chain["z2[1]"]).status != "correct"  # by itself it is not right


@pytest.mark.parametrize("huge", ["1e15", "123456789012345", "-1e308"])
@pytest.mark.parametrize("answer", ["5.25", "5", 0.5, "0.09", "0.0900001"])
def test_check_chain__nothing_is_right_because_an_earlier_number_was_huge(huge, answer):
    verdict = check(MAZUR, {"dz2[1]": huge, "dW2[1,1]": answer})
    assert not verdict.steps["dW2[1,1]"]
    assert check(MAZUR, {"dz2[1]": huge, "dW2[1,1]": RIGHT}).steps["dW2[1,1]"].status == "correct"
    own = f"{float(huge) * MAZUR['a1'][0, 0]:.15g}"
    assert check(MAZUR, {"dz2[1]": huge, "dW2[1,1]": own}).steps["dW2[1,1]"].status == "correct"


def test_check_chain__order_does_not_matter():
    chain = chain_of(MAZUR) | {"dz2[1]": "0.74137"}
    assert check(MAZUR, dict(reversed(chain.items()))).first == check(MAZUR, chain).first == "dz2[1]"


def test_check_chain__mistake_made_twice_is_named_once():
    chain = {"dW2[1,1]": "-0.082167", "dW2[1,2]": "0.0226025"}
    verdict = check(MAZUR, chain)
    assert verdict.mistakes[0] == "sign_slip"
    assert "the same mistake once more" in verdict.steps["dW2[1,2]"].message


def test_check_chain__mistake_that_explains_more_comes_first():
    half = check(MAZUR, {"dW2[1,1]": "0.04108", "dW1[1,1]": "0.00021928"})
    assert half.mistakes[0] == "kept_half"
    paths = check(MAZUR, {"dW2[1,1]": "0.08217", "dW1[1,1]": "0.00021928"})
    assert "averaged_paths" in paths.mistakes


def test_check_chain__value_that_is_right_otherwise():
    assert check(MAZUR, {"dz2[1]": "0.13850", "dW2[1,1]": "0.0822"}).status == "correct"
    assert check(MAZUR, {"dz2[1]": "0.5", "dW2[1,1]": "0.0822"}).steps["dW2[1,1]"].status == "correct"


def test_check_chain__numbers_that_are_right_by_themselves_are_right():
    """Every step was rounded to six digits. y₁ is 0, so whether it is subtracted changes nothing."""
    trace = practice.problem("hidden_classes", level=5, seed=2203085).trace
    chain = {"da2[2]": "-6.69994", "dW2[3,1]": "-0.0778762", "db2[1]": "0.0881933", "z2[1]": "-0.379730",
             "a1[2]": "0.292502", "a1[1]": "0.662188"}  # fmt: skip
    assert {name: check(trace, name, answer).status for name, answer in chain.items()} == dict.fromkeys(
        chain, "correct"
    )
    assert check(trace, chain).status == "correct"


def test_check_chain__prediction_is_the_last_output():
    wrong = "0.800"
    chain = {"y_hat[1]": wrong, "da2[1]": "0.79", "slope2[1]": "0.160", "dz2[1]": "0.1264"}
    verdict = check(MAZUR, chain)
    assert verdict.first == "y_hat[1]"
    assert {each.status for name, each in verdict.steps.items() if name != "y_hat[1]"} == {"correct"}


def test_check_chain__gaps():
    verdict = check(MAZUR, {"z1[1]": "0.3775", "a1[1]": ...})
    assert (verdict.status, verdict.first) == ("not answered", "")
    assert verdict.message == "1 of 2 right, 1 not answered yet. a1[1] = ?"
    assert check(MAZUR, {"z1[1]": 3.25, "a1[1]": ...}).message.startswith("0 of 2 right, 1 not answered yet. z1[1]")
    assert check(MAZUR, {"z1[1]": ..., "a1[1]": ...}).message == "z1[1] = ?"
    assert check(MAZUR, {"z1[1]": "0.3775", "a1[1]": "much"}).status == "unreadable"


def test_check_chain__unknown_name():
    with pytest.raises(ValueError, match="two answers"):
        check(MAZUR, {"z1[1]": 0.3775, "net1[1]": 0.3775})
    with pytest.raises(ValueError, match="do not pass an answer"):
        check(MAZUR, {"z1[1]": 0.3775}, 0.3775)
    with pytest.raises(ValueError, match="at least one answer"):
        check(MAZUR, {})
    with pytest.raises(ValueError, match="unknown value"):
        check(MAZUR, {"z9[1]": 1.0})


# Arrays


def test_check_array__right_in_any_form():
    for answer in (MAZUR["dW2"], MAZUR["dW2"].tolist(), [["0.0822", "-0,0226"], ["0.0827", "−0.0227"]]):
        assert check(MAZUR, "dW2", answer).status == "correct"
    assert check(MAZUR, "dW2", MAZUR["dW2"].astype(np.float32)).status == "correct"


def test_check_array__every_array_of_a_trace():
    for trace in (MAZUR, THREE, ONE_OF_THREE):
        for name in trace:
            if name != "loss":
                verdict = check(trace, name, trace[name])
                assert verdict.status == "correct", (name, verdict)
    single = backprop(THREE.network.astype(np.float32), THREE["x"], THREE["y"], "half_sse")
    for name in ("z1", "dz2", "dW1", "db2", "dx"):
        assert check(single, name, single[name]).status == "correct"


BATCH = backprop(Network([Dense([[1.0]])]), [[0.3], [0.3444], [0.6]], [[0.0], [0.0], [0.0]])  # dz1: 0.2, 0.2296, 0.4


@pytest.mark.parametrize("as_written", [lambda digits: digits, float])
def test_check_array__of_a_batch_with_three_digits(as_written):
    answer = [[as_written(digits)] for digits in ("0.200", "0.230", "0.400")]
    assert check(BATCH, "dz1", answer).status == "correct"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (0.2298, "dz1[1]@2 = 0.2298 is close to the right value"),
        ("0.23", "dz1[1]@2 = 0.23 agrees as far as it goes"),
        (0.17, "dz1[1]@2 = 0.17. I don't recognize this number"),
        (-0.2296, "dz1[1]@2 = −0.2296 is what comes out if"),
    ],
)
def test_check_array__of_a_batch_quotes_what_was_written(entry, words):
    assert words in str(check(BATCH, "dz1", [[0.2], [entry], [0.4]])).replace("\n  ", " ")


@pytest.mark.parametrize("examples", [1, 3])
@pytest.mark.parametrize(
    ("activation", "loss"),
    [("softmax", "categorical_cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("identity", "mse")],
)
def test_check__gradient_that_should_be_zero(activation, loss, examples):
    """The hidden unit has equal weights to both outputs, and δ adds up to 0. Only rounding in the machine is left."""
    last = Dense([[1.4, 1.4]], [-1.2, -1.2 if activation != "softmax" else 1.0], activation)
    network = Network([Dense([[1.3]], [-1.3], "tanh"), last])
    z = 1.4 * math.tanh(1.3 * 0.7 - 1.3) - 1.2
    between = 1 / (1 + math.exp(-z)) if activation == "sigmoid" else z
    y = [0.0, 1.0] if activation == "softmax" else [between - 0.1, between + 0.1]
    trace = backprop(network, [[0.7]] * examples, [y] * examples, loss)
    assert check(trace, "dW1[1,1]", "0").status == "correct"
    assert check(trace, "dW1", trace["dW1"]).message == "1 of 1 right."
    assert check(trace, "da1[1]" if examples == 1 else "da1[1]@2", 0.0).status == "correct"
    assert not check(trace, "dW1[1,1]", "0.01")


def test_check__error_that_should_be_zero():
    trace = backprop(Network([Dense([[0.1], [0.2]])]), [1.0, 1.0], [0.3])  # 0.1 + 0.2 is not quite 0.3 here
    for name in ("loss", "da1[1]", "dW1[1,1]"):
        assert check(trace, name, "0").status == "correct"


def test_check_array__small_difference_in_single_precision_is_not_taken_for_a_wrong_axis():
    network = Network.initialize([2, 2, 1], ["sigmoid", "tanh"], np.random.default_rng(0))
    x = np.array([[0.4, 0.7]])
    y = forward(network, x).y_hat.round(2)  # a good prediction
    trace = backprop(network.astype(np.float32), x, y, "half_sse")
    for name in ("db2", "dz2", "dW2"):
        assert check(trace, name, trace[name]).status == "correct"
    assert check(trace, "db2", -trace["db2"]).status != "correct"


def test_check_array__single_precision():
    x = [[0.3, 0.6, 0.1], [0.4, -0.5, 0.2]]
    network = Network([Dense([[0.2, 0.5], [-0.1, 0.25], [0.0003, 0.2]], [0.0, 0.0], "tanh")]).astype(np.float32)
    trace = backprop(network, x, [[0.1, 0.2], [0.3, 0.4]])
    assert check(trace, "z1", trace["z1"]).status == "correct"  # the first is 0.06 − 0.06 + 0.00003


@pytest.mark.parametrize("fraction", ["150/1000", "0.150", "1498/10000"])
def test_check__decimal_fraction_is_a_rounded_number(fraction):
    assert check(MAZUR, "W1_new[1,1]", fraction, learning_rate=0.5).status == "correct"


def test_check_array__row_for_one_example():
    assert check(MAZUR, "z1", [0.3775, 0.3925]).status == "correct"
    assert check(MAZUR, "z1", [[0.3775, 0.3925]]).status == "correct"


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("W1", [0.5, -0.75, 0.9, 0.2], "one row for each input and one column for each unit"),
        ("b1", [[0.1, -0.25]], "one number for each unit"),
        ("y_hat", [0.5, 0.5, 0.5], "one row for each example and one column for each unit"),
        ("dW1", [1, 2, 3, 4], "What is the shape of W1?"),
    ],
)
def test_check_array__wrong_shape_says_what_a_row_is(name, answer, words):
    verdict = check(EXAMPLES["lecture"].backprop(), name, answer)
    assert verdict.status == "wrong"
    assert words in verdict.hint


def test_check_array__names_wrong_entries():
    wrong = THREE["dW1"].copy()
    wrong[2, 0] += 1
    wrong[0, 1] += 1
    verdict = check(THREE, "dW1", wrong)
    assert "4 of 6 right; not right: dW1[1,2], dW1[3,1]" in verdict.message
    assert verdict.first == "dW1[1,2]"


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("dW1", THREE["dW1"].T, "index_swap"),
        ("dW2", THREE["dW2"].sum(axis=0), "summed_over_wrong_axis"),
        ("dW2", THREE["dW2"].sum(axis=1), "summed_over_wrong_axis"),
        ("dW2", THREE["dW2"].sum(), "summed_over_wrong_axis"),
        ("db2", THREE["dz2"], "bias_grad_not_summed"),
        ("db2", THREE["dz2"].sum(axis=1), "summed_over_wrong_axis"),
        ("db2", THREE["dz2"].sum(), "bias_grad_summed_all_axes"),
        ("db2", np.full(3, THREE["dz2"].sum()), "bias_grad_summed_all_axes"),
        ("dW1", 2 * THREE["dW1"], "batch_sum_not_mean"),
        ("dW1", THREE["dW1"].ravel(order="F").reshape(THREE["dW1"].shape), "flattened_by_columns"),
    ],
)
def test_check_array__known_mistake(name, answer, mistake):
    verdict = check(THREE, name, answer)
    assert (verdict.status, mistake in verdict.mistakes) == ("mistake", True), verdict


def test_check_array__transposed_square():
    verdict = check(MAZUR, "dW2", MAZUR["dW2"].T)
    assert verdict.mistakes == ("index_swap",)
    assert "transposed" in verdict.message


@pytest.mark.parametrize(("shape", "answer"), [((3, 2), [1, 0, 0, 1, 1, 1]), ((2, 3), [1, 1, 1, 1, 0, 0])])
def test_check_array__picture_flattened_by_columns(shape, answer):
    picture = np.array(answer, dtype=float).reshape(shape[::-1]).T
    network = Network([Dense(np.ones((6, 2)), [0.0, 0.0])])
    trace = backprop(network, picture.ravel(), [0.0, 1.0])
    assert check(trace, "x", picture.ravel()).status == "correct"
    for given in (answer, [answer]):
        verdict = check(trace, "x", given)
        assert verdict.mistakes == ("flattened_by_columns",)
        assert "order of columns" in verdict.message


def test_check_array__star_for_matmul():
    x, W, b = ONE_OF_THREE["x"][0], ONE_OF_THREE["W1"], ONE_OF_THREE["b1"]
    for answer in (W * x[:, np.newaxis] + b, W.T * x + b[:, np.newaxis]):
        assert check(ONE_OF_THREE, "z1", answer).mistakes == ("star_for_matmul",)


@pytest.mark.parametrize("answer", [[], [[]], np.zeros((0, 2)), [[0.1, 0.2], [0.3]], [["a", "b"], ["c", "d"]], {"a": 1},
                                    [np.zeros((2, 2)), np.zeros((2, 3))], np.ma.array(MAZUR["dW2"], mask=False),
                                    np.full((2, 2), np.nan), np.array([[1, 2], [3, 4]], dtype=complex)])  # fmt: skip
def test_check_array__unreadable(answer):
    assert check(MAZUR, "dW2", answer).status == "unreadable"


@pytest.mark.parametrize("answer", [0.0822, [0.0822, -0.0226], np.zeros((2, 3)), np.zeros((1, 2, 2)), MAZUR["dW2"][:1]])
def test_check_array__never_broadcasts(answer):
    verdict = check(MAZUR, "dW2", answer)
    assert verdict.status == "wrong"
    assert "(2, 2)" in verdict.message


def test_check_array__gaps():
    assert check(MAZUR, "dW2", ...).status == "not answered"
    verdict = check(MAZUR, "dW2", [["0.0822", ...], ["0.0827", "-0.0227"]])
    assert verdict.status == "not answered"
    assert verdict.steps["dW2[1,2]"].status == "not answered"


def test_check_array__mistake_that_contradicts_right_entries_comes_last():
    turned = THREE["dW1"].copy()
    turned[2, 1] *= -1
    assert check(THREE, "dW1", turned).mistakes[0] == "lost_sign"
    assert check(THREE, "dW1", -THREE["dW1"]).mistakes[0] == "sign_slip"


def test_check__infinite_value():
    sure = backprop(Network([Dense([[800.0]], [0.0], "sigmoid")]), [1.0], [0.0], "binary_cross_entropy")
    assert check(sure, "loss", "800").status == "correct"
    assert check(sure, "loss", "5.00").status == check(sure, "da1[1]", "3.21").status == "wrong"


@pytest.mark.parametrize("name", ["x[1]", "y[2]", "W1[1,2]", "b1[1]", "learning_rate", "loss", "W1", "x", "slope1"])
def test_check__every_name(name):
    for answer in ("0.5431", 0.1, "much", [[1.0]], np.zeros((2, 2))):
        assert check(MAZUR, name, answer, learning_rate=0.5).status in STATUS


def test_check__names_as_people_write_them():
    for name in ("dy_hat", "da2", "dz2@1", "dnet2", "dO2"):
        array = MAZUR["dz2" if name in ("dz2@1", "dnet2") else "da2"]
        assert check(MAZUR, name, array).status == "correct"
    assert check(MAZUR, "net1[1]", "0.3775").status == check(MAZUR, "dw2[1,1]", "0.0822").status == "correct"
    with pytest.raises(ValueError, match=r"what Python calls dW1\[0,1\] is dW1\[1,2\] here"):
        check(MAZUR, "dW1[0,1]", 0.1)
    with pytest.raises(ValueError, match=r"z10\[0\] is z10\[1\] here"):
        check(MAZUR, "z10[0]", 0.1)


# Words


def test_verdict__html_is_escaped():
    verdict = check(MAZUR, "dW2[1,1]", "<script>alert(1)</script>")
    page = verdict._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.index("Cannot be read") < page.index("&lt;script")


def test_verdict__prints_the_same_every_time():
    texts = {repr(check(MAZUR, "dW2[1,1]", "0.1385")) for _ in range(3)}
    assert texts == {
        "✗ Not right, and this is why: dW2[1,1] = 0.1385 is what comes out if the chain stops at δ,\n  without the "
        "slope ∂z/∂w.\n  You may have thought: δ is the gradient of the weight.\n"
        "  You have ∂L/∂z. How does z change when this one weight does?"
    }


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("status", STATUS)
def test_verdict__colors_have_contrast_and_are_not_needed(status):
    (_, words), colour = STATUS[status], STATUS_COLORS[status]
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    assert words in Verdict(status, "…").__repr__()
    assert len({words for _, words in STATUS.values()}) == len(STATUS)


@pytest.mark.parametrize("name", [step.name for step in steps(THREE, 0.3)])
def test_hint__three_for_every_value_without_the_answer(name):
    hints = hint(THREE, name, learning_rate=0.3)
    value = next(step.value for step in steps(THREE, 0.3) if step.name == name)
    assert all((hints.where, hints.rule, hints.numbers))
    assert hints.rule.partition(" = ")[0] == hints.numbers.partition(" = ")[0]
    assert hints.where in repr(hints)
    assert hints.numbers not in repr(hints)
    page = hints._repr_html_()
    assert page.index(hints.where[:10]) < page.index("<details>")
    kind = next(step.kind for step in steps(THREE, 0.3) if step.name == name)
    if kind not in ("y_hat", "db"):  # which are another name for a number
        assert format_number(value) not in hints.numbers


def test_hint__follows_notation_and_name():
    assert hint(MAZUR, "z1[1]", notation="lecture").rule == "net1₁ = X₁·w1₁₁ + X₂·w1₂₁ + b1₁"
    assert hint(MAZUR, "x[1]").numbers == "x[1] = 0.05000"
    with pytest.raises(ValueError, match="unknown value"):
        hint(MAZUR, "dW9[1,1]")


# The catalogue


def test_catalogue__is_complete():
    only_in_code = {mistake.id for mistake in IN_CODE} - {mistake.id for mistake in (*CATALOGUE, *OF_SHAPES)}
    assert only_in_code == {"slope_of_other_layer"}
    assert len(MISTAKES) == len(CATALOGUE) + len(OF_SHAPES) + len(only_in_code) >= 60
    for mistake in CATALOGUE:
        assert bool(mistake.rules) != (mistake.answers is not None), f"{mistake.id}: a rule, or answers"
        assert mistake.hint.count("?") >= 1, f"{mistake.id}: a hint asks"
        assert mistake.believes.endswith(".") or mistake.id in ("decimal_point", "lost_sign", "minus_lost_in_sum")
        assert not mistake.name.endswith("."), f"{mistake.id}: the name is part of a sentence"
        assert mistake.prior in (1, 2, 3)
    for mistake in OF_SHAPES:
        assert "?" in mistake.hint


def test_catalogue__new_mistake_is_one_record(monkeypatch):
    twice = Mistake(
        "input_twice",
        rules={"dW": lambda at: at.right * at.signal},
    )
    words = {"topic": "chain", "name": "the input is multiplied in twice", "hint": "How many times is it there?"}
    monkeypatch.setitem(record._texts(), "input_twice", words)
    wrong = f"{RIGHT * MAZUR['a1'][0, 0]:.5f}"
    assert check(MAZUR, "dW2[1,1]", wrong).status == "wrong"
    monkeypatch.setattr(mistakes, "CATALOGUE", (*CATALOGUE, twice))
    assert check(MAZUR, "dW2[1,1]", wrong).mistakes == ("input_twice",)


def test_pairs__one_rule_for_each_kind_of_step():
    for one, other in PAIRS:
        assert not MISTAKES[one].rules.keys() & MISTAKES[other].rules.keys()


def test_catalogue__ids_agree_with_the_collection():
    known = json.loads((Path(__file__).parent / "data" / "mistakes.json").read_text(encoding="utf-8"))
    ids = {entry["id"] for entry in known["misconceptions"]}
    left_out = {
        "bias_first_unit_only": "our biases belong to one unit each",
        "grads_not_zeroed": "it needs the step before",
        "bce_mean_outputs": "our binary cross-entropy is that mean",
    }
    assert ids - MISTAKES.keys() == left_out.keys()


def test_hint__prediction_gives_the_rule_of_its_unit():
    hints = hint(EXAMPLES["lecture"].backprop(), "y_hat[1]")
    assert hints.rule == "ŷ₁ = 1 / (1 + e^(−z2₁))"
    assert "0.2267" in hints.numbers
    assert "0.5564" not in hints.numbers


@pytest.mark.parametrize("answer", ["0.5", 0.5, "0.50"])
def test_check__given_number_of_another_place(answer):
    verdict = check(EXAMPLES["lecture"].backprop(), "W1[2,1]", answer)
    assert (verdict.status, verdict.mistakes) == ("mistake", ("index_swap",))


def test_check__a_given_prediction_is_not_in_doubt_under_its_other_name():
    asked = {"answer": "7.7", "given": ["a1", "z2", "y_hat"]}
    verdict = check(ONE_OF_THREE, "dz2[1]", **asked)
    assert "I don't recognize this number" in verdict.message
    assert not re.search(r"check your value of (y_hat|[za]\d)", str(verdict).replace("\n", " "))


def test_check_array__picture_that_is_not_flattened():
    pixels = backprop(Network([Dense(np.ones((6, 2)), [0, 0])]), [1, 1, 0, 1, 1, 0], [1, 0])
    assert "one column for each input" in check(pixels, "x", [[1, 1], [0, 1], [1, 0]]).hint


@pytest.mark.parametrize("divided", [1, 2])
def test_check__last_example_with_and_without_the_mean(divided):
    last = backprop(THREE.network, THREE["x"][1], THREE["y"][1], "half_sse")["dW1"][2, 1]
    assert check(THREE, "dW1[3,2]", last / divided).mistakes[0] == "batch_last_sample_only"


def test_check__names_no_mistake_twice():
    W1 = [
        [0.2, 0.5, -0.3],
        [-0.4, 0.3, 0.1],
        [0.6, -0.2, 0.15],
        [0.1, 0.35, -0.5],
        [0.3, -0.6, 0.25],
        [0.45, 0.1, -0.15],
    ]
    picture, target = [1, 1, 0, 0, 1, 1], [0, 0, 1]
    trace = backprop(Network([Dense(W1, [0.1, -0.2, 0.3], "softmax")]), picture, target, "categorical_cross_entropy")
    said = str(check(trace, {"dW1[1,1]": 0.4516, "dW1[3,1]": 0.4516}))
    assert re.sub(r"\s+", " ", said).count("the entry of a different weight") == 1


@pytest.mark.parametrize("answer", ["0.440", "-0.260"])
def test_check__minus_lost_in_a_sum(answer):
    verdict = check(EXAMPLES["lecture"].backprop(), "z1[2]", answer)  # 0.8·(−0.75) + 0.45·0.2 − 0.25
    assert "minus_lost_in_sum" in verdict.mistakes[:2]  # a lost minus of a bias is also a subtracted bias


SOFT = backprop(
    Network([Dense([[0.4, -0.3, 0.2], [0.1, 0.5, -0.6]], [0.1, 0.2, 0.3], "softmax")]),
    [1.0, 2.0],
    [0.0, 1.0, 0.0],
    "categorical_cross_entropy",
)
P = SOFT["y_hat"][0]
PAIR = backprop(
    Network(
        [
            Dense([[0.4, -0.3, 0.2], [0.1, 0.5, -0.6]], [0.1, 0.2, 0.3], "relu"),
            Dense([[0.5, 0.3], [-0.4, 0.7], [0.2, 0.1]]),
        ]
    ),
    [[1.0, 2.0], [0.5, -1.0]],
    [[0.0, 1.0], [0.3, 0.2]],
)


@pytest.mark.parametrize(
    ("trace", "name", "wrong", "id"),
    [
        (SOFT, "slope1[1,3]", -(P[0] ** 2), "softmax_output_squared"),
        (SOFT, "slope1[1,3]", -(P[2] ** 2), "softmax_output_squared"),
        (SOFT, "slope1[1,3]", P[0] * (1 - P[2]), "softmax_one_formula"),
        (SOFT, "slope1[1,3]", P[2] * (1 - P[0]), "softmax_one_formula"),
        (SOFT, "slope1[1,3]", P[0] * (1 - P[0]), "softmax_one_formula"),
        (SOFT, "slope1[1,1]", -(P[0] ** 2), "softmax_no_diagonal"),
        (SOFT, "da1[1]", -1 / P[0], "all_classes_counted"),
        (PAIR, "slope1[3]@1", 0.01, "leaky_slope_for_relu"),
        (PAIR, "dW2[1,1]", PAIR["a1"][:, 0].sum() * PAIR["dz2"][:, 0].sum(), "product_of_sums"),
        (PAIR, "dW2[1,1]", PAIR["a1"][:, 0].mean() * PAIR["dz2"][:, 0].sum(), "product_of_sums"),
        (PAIR, "da1[1]@1", PAIR["da2"][0] @ PAIR["W2"].reshape(2, 3)[:, 0] * 2, "reshaped_W2"),
    ],
)
def test_check__names_the_mistake(trace, name, wrong, id):
    verdict = check(trace, name, f"{wrong:#.6g}")
    assert (verdict.status, id in verdict.mistakes[:2]) == ("mistake", True), verdict


def test_check_each__agrees_with_check():
    trace = EXAMPLES["mazur"].backprop()
    given = ["0.0822", "0.1385", "-0.08217", "0.08", "0", "7", "x", None, ..., 0.4398, "0.43983", "1e400"]
    assert list(check_each(trace, "dW2[1,1]", given)) == [check(trace, "dW2[1,1]", answer) for answer in given]
    for answer, verdict in zip(given, check_each(trace, "W2_new[1,1]", given, learning_rate=0.5), strict=True):
        assert verdict == check(trace, "W2_new[1,1]", answer, learning_rate=0.5)


# A verdict is a record


def test_verdict__is_true_only_if_the_answer_is_right():
    assert check(MAZUR, "dW2[1,1]", "0.0822")
    assert not check(MAZUR, "dW2[1,1]", "0.1385")
    for status in STATUS:
        assert bool(Verdict(status, "…")) == (status == "correct")
    assert all(check(MAZUR, {"z1[1]": "0.3775", "a1[1]": "0.5933"}).steps.values())


def test_verdict__says_in_fields_what_the_message_says():
    chain = check(MAZUR, {"z1[1]": "0.5", "a1[1]": "0.6225"})
    assert chain.steps["a1[1]"].carried
    assert chain.steps["a1[1]"].note == "it follows from your own earlier numbers"
    rounded = check(MAZUR, "dW2[1,1]", 0.0821670401)
    plain = check(MAZUR, "dW2[1,1]", "0.0822")
    assert (rounded.rounded, plain.rounded, plain.carried, plain.note) == (True, False, False, "")
    assert rounded.note in rounded.message


def test_verdict__survives_copy_and_pickle_and_is_read_only():
    chain = check(MAZUR, {"z1[1]": "0.3775", "a1[1]": "0.6"})
    hints = hint(MAZUR, "dW2[1,1]")
    for other in (copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))):
        assert other(chain) == chain
        assert other(hints) == hints
        with pytest.raises(TypeError):
            other(chain).steps["z1[1]"] = chain
    with pytest.raises(dataclasses.FrozenInstanceError):
        chain.status = "correct"


def test_verdict__html_breaks_lines_and_shows_a_hint_only_if_there_is_one():
    page = Verdict("wrong", "a\nb", "c\nd")._repr_html_()
    assert "a<br>b" in page
    assert "c<br>d" in page
    assert "<div" not in Verdict("wrong", "a")._repr_html_()[4:]
