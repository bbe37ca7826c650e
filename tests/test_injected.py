"""The catalogue of mistakes against formulas written independently of it, and against published numbers."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import students
from helpers.injected import ROWS, SLIPS, injected, right
from helpers.random_networks import random_cases

from bpcourse import EXAMPLES, Dense, Network, backprop, check, steps
from bpcourse.tutor.equations import table
from bpcourse.tutor.mistakes import CATALOGUE, MISTAKES, Memo, wrong_values

RATE = 0.3
DATA = json.loads((Path(__file__).parent / "data" / "mistakes.json").read_text(encoding="utf-8"))
CASES = random_cases()[::12]
"""Seventeen networks: every hidden activation, every loss, batches, up to three layers."""


def square(hidden, output, loss, rng):
    """Return a 2-2-2 trace: some mistakes can be made on square layers only."""
    layers = [Dense(rng.normal(0, 1, (2, 2)), rng.normal(0, 1, 2), name) for name in (hidden, output)]
    y = np.eye(2)[[0, 1]] if loss == "categorical_cross_entropy" else rng.uniform(0.1, 0.9, (2, 2))
    return backprop(Network(layers), rng.normal(0, 1, (2, 2)), y, loss)


@cache
def traces():
    rng = np.random.default_rng(3)
    squares = [
        square("sigmoid", "sigmoid", "mse", rng),
        square("tanh", "sigmoid", "binary_cross_entropy", rng),
        square("relu", "softmax", "categorical_cross_entropy", rng),
        EXAMPLES["lecture"].backprop(),
        backprop(
            Network([Dense([[0.5, 1.0], [-0.3, 0.4]], [0.2, -0.1], "softmax")]), [0.7, -0.2], [0.3, 0.9], "half_sse"
        ),
        backprop(Network([Dense([[0.5, 1.0]], [-0.5, 0.2], "relu"), Dense([[0.7], [0.4]])]), [1.0], [0.3]),  # z = 0
    ]
    return [*squares, *(case.backprop() for case in CASES)]


def test_rows__cover_the_catalogue():
    elsewhere = {id for each in students.MISTAKES.values() for id in each.ids}  # see test_students
    assert {*ROWS, *SLIPS} | elsewhere >= {mistake.id for mistake in CATALOGUE} >= {*ROWS, *SLIPS}
    assert not ROWS.keys() & SLIPS.keys()


def test_right__agrees_with_the_steps():
    for trace in traces():
        ours = {step.name: step.value for step in steps(trace, RATE)}
        theirs = right(trace, RATE)
        for name in ours.keys() & theirs.keys():
            assert math.isclose(ours[name], theirs[name], rel_tol=1e-9, abs_tol=1e-11), name
        assert {name for name in ours if not name.startswith(("dx", "da0"))} <= theirs.keys()


@cache
def rights(number):
    return right(traces()[number], RATE)


@cache
def steps_of(number):
    """Return the steps of a network, and room for what mistakes make of them."""
    return table(traces()[number], RATE), Memo()


@cache
def asked(number):
    """Return the first and the last entry of each array, of the last example."""
    arrays = {}
    for name in steps_of(number)[0]:
        if name in rights(number) and not name.startswith("slope"):
            arrays.setdefault(re.sub(r"\[.*?\]|@.*", "", name), []).append(name)
    return {name for names in arrays.values() for name in (names[0], names[-1])}


@cache
def ours(number, name):
    found, (of_network, memo) = {}, steps_of(number)
    for mistakes, value in wrong_values(of_network, name, memo=memo):
        if len(mistakes) == 1:
            found.setdefault(mistakes[0].id, []).append(value)
    return found


def same(one, other, tolerance):
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=1e-12)


def differences(mistake, change=lambda value: value):
    """Return how often rule and injection were compared, and where they differ."""
    compared, wrong = 0, []
    for number, trace in enumerate(traces()):
        theirs = injected(trace, RATE, mistake) or {}
        for name in asked(number) & theirs.keys():
            wanted = [change(value) for value in theirs[name] if not same(value, rights(number)[name], 1e-9)]
            found = ours(number, name).get(mistake, [])
            for value in filter(math.isfinite, wanted):
                compared += 1
                if not any(same(value, each, 1e-7) for each in found):
                    wrong.append((number, trace, name, value, found))
    return compared, wrong


@pytest.mark.parametrize("mistake", [*ROWS, *SLIPS])
def test_wrong_values__agree_with_the_injection(mistake):
    compared, wrong = differences(mistake)
    assert compared > 0, "no network shows it"
    assert wrong == []


def test_differences__sees_a_wrong_rule():
    for mistake in ("no_input_factor", "only_path_o1", "bias_never_updated"):
        assert differences(mistake, change=lambda value: value * 1.001)[1] != []


# Against published numbers: on one network, each mistake's number as the collection has it


def variant(name):
    """Return the trace that an entry of the collection speaks of; see `meta` there."""
    network, x, y = EXAMPLES["mazur"].network, EXAMPLES["mazur"].x, EXAMPLES["mazur"].y
    first, second = network.layers
    relu = Network([Dense(first.W, first.b, "relu"), second])
    return {
        "mazur_half_sse": lambda: backprop(network, x, y, "half_sse"),
        "mazur_bce_sum": lambda: backprop(network, x, y, "binary_cross_entropy"),
        "mazur_softmax_ce": lambda: backprop(
            Network([first, Dense(second.W, second.b, "softmax")]), x, y, "categorical_cross_entropy"
        ),
        "mazur_hidden_relu": lambda: backprop(relu, x, y, "half_sse"),
        "mazur_batch2_mean": lambda: backprop(
            network, [[0.05, 0.1], [0.1, 0.05]], [[0.01, 0.99], [0.99, 0.01]], "half_sse"
        ),
    }[name]()


NAMES = {
    **{f"dE/dw{k}": f"d{name}" for k, name in enumerate(["W1[1,1]", "W1[2,1]", "W1[1,2]", "W1[2,2]"], start=1)},
    **{f"dE/dw{k}": f"d{name}" for k, name in enumerate(["W2[1,1]", "W2[2,1]", "W2[1,2]", "W2[2,2]"], start=5)},
    "w1_new": "W1_new[1,1]", "w5_new": "W2_new[1,1]", "o1": "y_hat[1]",
}  # fmt: skip
NOT_COMPARED = {
    "class_index_as_number": "there the target is hard, (0, 1); here it is (0.01, 0.99)",
    "one_hot_off_by_one": "the same",
    "relu_prime_zero_is_one": "there two units share one bias, whose gradient is a sum",
    "broadcast_n_vs_n1": "there three predictions and targets, and no network; the rule is tested above",
    "bias_first_unit_only": "our biases belong to one unit each",
    "grads_not_zeroed": "it needs the step before",
    "bce_mean_outputs": "our binary cross-entropy is that mean",
    "bias_grad_not_summed": "a shape; tests/test_marking.py",
    "star_for_matmul": "a shape; tests/test_marking.py",
    "integer_weights": "there the weight is 1",
    "bias_never_updated": "there the biases are shared; the loss is tested in tests/test_marking.py",
    "bias_times_bias": "there the biases are shared",
    "bias_grad_summed_all_axes": "there only db2, as one number",
}
ENTRIES = {entry["id"]: entry for entry in DATA["misconceptions"]}


def test_not_compared__is_in_the_collection():
    assert NOT_COMPARED.keys() <= ENTRIES.keys()


@pytest.mark.parametrize("mistake", [id for id in ENTRIES if id not in NOT_COMPARED])
def test_injected__gives_the_published_number(mistake):
    entry = ENTRIES[mistake]
    trace, values = variant(entry["variant"]), entry["example"]
    if entry["variant"] == "mazur_bce_sum":  # the collection adds the two outputs, this course takes their mean
        values = {key: value / 2 for key, value in values.items() if key.startswith("dE")}
    found = injected(trace, 0.5, mistake)
    compared = 0
    for key in values.keys() & NAMES.keys():
        possible = [*found[NAMES[key]], right(trace, 0.5)[NAMES[key]]]  # some mistakes leave a number right
        assert any(same(values[key], each, 1e-9) for each in possible), (key, values[key], possible)
        compared += 1
    assert compared > 0


@pytest.mark.parametrize("mistake", [id for id in ENTRIES if id not in NOT_COMPARED])
def test_check__names_the_published_mistake(mistake):
    entry = ENTRIES[mistake]
    trace = variant(entry["variant"])
    factor = 0.5 if entry["variant"] == "mazur_bce_sum" else 1.0
    for key, value in entry["example"].items():
        name = NAMES.get(key)
        if name is None or (factor != 1 and not key.startswith("dE")):
            continue
        verdict = check(trace, name, f"{value * factor:.9g}", learning_rate=0.5)
        if verdict.rounded and MISTAKES[mistake].topic == "rounding":
            continue  # rounding a little too early is still right to three digits
        if key in entry.get("equals_correct_for", []) or verdict.status == "correct":
            assert same(value * factor, right(trace, 0.5)[name], 1e-6)
        else:
            assert mistake in verdict.mistakes, (key, verdict)
