"""The search for single slips: the answer after each edit, and what is said about it."""

import math
import random

import numpy as np
import pytest

from bpcourse import EXAMPLES, Dense, Network, backprop, check
from bpcourse.tutor.equations import Values, needed_for, table
from bpcourse.tutor.slips import SIMPLEST, slips
from bpcourse.tutor.variants import Variants

RATE = 0.5


def network(hidden, output, loss, examples=1, bias=True):
    rng = np.random.default_rng(5)
    b = rng.normal(size=2).round(2) if bias else None
    layers = [Dense(rng.normal(size=(3, 2)).round(2), b, hidden), Dense(rng.normal(size=(2, 3)).round(2), None, output)]
    y = np.eye(3)[rng.integers(0, 3, examples)]
    return backprop(Network(layers), rng.normal(size=(examples, 3)).round(2), y, loss)


TRACES = {
    "mazur": EXAMPLES["mazur"].backprop(),
    "lecture": EXAMPLES["lecture"].backprop(),
    "tanh, mse": network("tanh", "sigmoid", "mse"),
    "relu, softmax": network("relu", "softmax", "categorical_cross_entropy"),
    "softmax, mse, batch": network("leaky_relu", "softmax", "mse", examples=3),
    "binary, batch, no bias": network("tanh", "sigmoid", "binary_cross_entropy", examples=2, bias=False),
}


@pytest.mark.parametrize("title", TRACES)
def test_variants__agree_with_the_equations(title):
    """One value replaced in matrices gives what it gives in the scalar equations."""
    trace, rng = TRACES[title], random.Random(title)
    steps = table(trace, RATE)
    asked = [name for name, step in steps.items() if step.kind != "given"]
    edited = [name for name, step in steps.items() if step.kind != "y_hat"]
    for name in rng.sample(asked, min(25, len(asked))):
        for edit in rng.sample([each.name for each in needed_for(steps, name) if each.name in edited], 3):
            value = steps[edit].value * 1.25 + 0.1
            got = Variants(trace, [(edit, [value, steps[edit].value])], RATE).answers(name)
            expected = Values(steps, {edit: value})[name]
            assert math.isclose(got[0], expected, rel_tol=1e-9, abs_tol=1e-13), (edit, name)
            assert math.isclose(got[1], steps[name].value, rel_tol=1e-9, abs_tol=1e-13), (edit, name)


def test_slips__each_answer_is_that_of_its_edit():
    trace = TRACES["tanh, mse"]
    steps = table(trace)
    found = slips(trace, steps, "dW1[2,1]")
    assert len(found.edits) == len(found.answers) > 300
    for (step, (kind, _, value)), answer in zip(found.edits, found.answers, strict=True):
        if kind == "other_quantity":
            assert answer == steps[step].value
        elif math.isfinite(answer):
            expected = Values(steps, {step: value})["dW1[2,1]"]
            assert math.isclose(answer, expected, rel_tol=1e-9, abs_tol=1e-13), (step, kind)


def test_slips__have_an_order():
    kinds = {kind for trace in TRACES.values() for _, (kind, *_) in slips(trace, table(trace), "loss").edits}
    kinds |= {kind for trace in TRACES.values() for _, (kind, *_) in slips(trace, table(trace), "dW1[1,1]").edits}
    assert kinds <= {*SIMPLEST}


def test_slips__what_is_known_is_not_edited():
    trace = TRACES["mazur"]
    steps = table(trace)
    found = slips(trace, steps, "dW1[1,1]", known={"dz1[1]": steps["dz1[1]"].value})
    edited = {step for step, (kind, *_) in found.edits if kind != "other_quantity"}
    assert edited == {"x[1]", "dW1[1,1]"}


@pytest.mark.parametrize(
    ("edit", "value", "id"),
    [
        ("W2[1,2]", 0.05, "slip_misread"),  # 0.5, with a decimal point too early
        ("b2[1]", -0.60, "slip_sign"),
        ("a1[2]", None, "slip_function"),  # the activation of one unit is omitted
        ("dz2[2]", None, "slip_decimal_point"),
    ],
)
def test_check__names_a_slip_and_its_step(edit, value, id):
    trace = TRACES["mazur"]
    steps = table(trace)
    value = {"a1[2]": steps["z1[2]"].value, "dz2[2]": steps["dz2[2]"].value / 10}.get(edit, value)
    verdict = check(trace, "dW1[1,1]", f"{Values(steps, {edit: value})['dW1[1,1]']:.6g}")
    assert id in verdict.mistakes
    assert edit in verdict.message


def test_check__a_slip_needs_five_digits():
    steps = table(TRACES["mazur"])
    wrong = Values(steps, {"W2[1,2]": 0.05})["dW1[1,1]"]
    assert not any(id.startswith("slip_") for id in check(TRACES["mazur"], "dW1[1,1]", f"{wrong:.4g}").mistakes)


def test_slips__of_a_large_network_are_not_searched():
    rng = np.random.default_rng(0)
    net = Network([Dense(rng.normal(size=(64, 30)), np.zeros(30), "tanh"), Dense(rng.normal(size=(30, 10)), None)])
    trace = backprop(net, rng.random((1, 64)), rng.random((1, 10)))
    found = slips(trace, table(trace), "dW1[1,1]")
    assert {kind for _, (kind, *_) in found.edits} == {"other_quantity"}
