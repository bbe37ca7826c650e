"""Whether each verdict and each hint is true of the loss, the activation and the question."""

import re
import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from bpcourse import ACTIVATIONS, LOSSES, MISTAKES, Dense, Network, backprop, check, hint, steps
from bpcourse.tutor.equations import table
from bpcourse.tutor.mistakes.record import Words
from bpcourse.tutor.words import about, suited

TUTOR = Path(__file__).parent.parent / "bpcourse" / "tutor"
WORDS = tomllib.loads((TUTOR / "mistakes" / "words.toml").read_text(encoding="utf-8"))
LOOK = tomllib.loads((TUTOR / "marking.toml").read_text(encoding="utf-8"))["look"]
HEADS = {
    "half_sse": "sigmoid",
    "mse": "tanh",
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
}


def trace_with(loss, output=None, outputs=2, examples=1, hidden="tanh"):
    rng = np.random.default_rng(3)
    layers = [Dense(rng.normal(size=(3, 2)).round(2), rng.normal(size=2).round(2), hidden)]
    layers.append(
        Dense(rng.normal(size=(2, outputs)).round(2), rng.normal(size=outputs).round(2), output or HEADS[loss])
    )
    y = np.eye(outputs)[[0] * examples] if outputs > 1 else np.ones((examples, 1))
    return backprop(Network(layers), rng.normal(size=(examples, 3)).round(2), y, loss)


def value_of(trace, name):
    return next(step.value for step in steps(trace, 0.3) if step.name == name)


def said_of(trace, name, wrong):
    verdict = check(trace, name, f"{wrong(value_of(trace, name)):.8g}", learning_rate=0.3)
    return f"{verdict.message}\n{verdict.hint}"


def cases():
    tables = {**{f"words.toml {id}": table for id, table in WORDS.items()}, **LOOK}
    return [(where, case) for where, table in tables.items() for case in table.get("cases", ())]


@pytest.mark.parametrize(("where", "case"), cases(), ids=lambda value: value if isinstance(value, str) else "")
def test_case__has_conditions_that_can_be_true_and_known_fields(where, case):
    traces = [trace_with(loss, examples=count) for loss in HEADS for count in (1, 2)]
    traces += [
        trace_with("mse", output="softmax"),
        *(trace_with("mse", hidden=name) for name in ACTIVATIONS if name != "softmax"),
    ]
    facts = [about(step) for trace in traces for step in table(trace, 0.3).values()]
    conditions = {name: allowed for name, allowed in case.items() if name in facts[0]}
    assert conditions
    for name, allowed in conditions.items():
        for each in allowed:
            assert any(fact[name] == each for fact in facts), f"{where}: {name} is never {each!r}"
    assert {*case} - {*conditions} <= {"text", *Words.__dataclass_fields__}


def test_case__the_first_that_fits_is_used():
    step = steps(trace_with("mse"))[0]
    words = {"text": "usual", "cases": [{"loss": ["half_sse"], "text": "no"}, {"kind": ["z"], "text": "yes"}]}
    assert suited(words, step) == {"text": "yes"}
    assert suited({**words, "cases": words["cases"][:1]}, step) == {"text": "usual"}


@pytest.mark.parametrize("id", MISTAKES)
def test_words__are_complete_for_every_question(id):
    for loss, count in product(HEADS, (1, 2)):
        for step in steps(trace_with(loss, examples=count), 0.3):
            words = MISTAKES[id].words_for(step)
            assert words.name
            assert words.hint
            assert words.topic == MISTAKES[id].topic


def test_extra_two__does_not_call_the_right_slope_a_belief():
    belief = "The slope of a squared error is always 2(ŷ − y)"
    assert belief not in said_of(trace_with("mse", outputs=1), "da2[1]", lambda right: 2 * right)
    assert belief in said_of(trace_with("half_sse"), "da2[1]", lambda right: 2 * right)
    assert (
        "square"
        not in said_of(trace_with("categorical_cross_entropy"), "dW2[1,1]", lambda right: 2 * right).split("Is there")[
            0
        ]
    )


def test_belief__is_not_said_if_different_mistakes_give_the_number():
    said = said_of(trace_with("mse", examples=2, outputs=1), "dW2[1,1]", lambda right: right / 2)
    assert "number of examples twice" in said
    assert "You may have thought" not in said


@pytest.mark.parametrize(
    ("activation", "minus"), [("sigmoid", True), ("tanh", False), ("identity", False), ("softmax", False)]
)
def test_hint__speaks_of_the_minus_only_for_a_sigmoid(activation, minus):
    trace = trace_with("mse", output=activation)
    for name in ("y_hat[1]", "a2[1]"):
        assert ("e^(−z)" in hint(trace, name).where) == minus


@pytest.mark.parametrize(
    ("loss", "output", "expected"),
    [
        ("mse", "softmax", "one term for each output"),
        ("categorical_cross_entropy", "softmax", "cancel"),
        ("binary_cross_entropy", "sigmoid", "cancel"),
        ("mse", "tanh", "Multiply that by the slope"),
    ],
)
def test_hint__for_the_output_delta(loss, output, expected):
    trace = trace_with(loss, output=output)
    assert expected in hint(trace, "dz2[1]").where
    assert "Multiply that by the slope" in hint(trace, "dz1[1]").where


def test_neighbor__of_an_input_is_not_called_a_unit():
    trace = trace_with("mse")
    said = said_of(trace, "dx[1]", lambda right: value_of(trace, "dx[2]"))
    assert "different input" in said
    assert "unit" not in said


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_opposite_sign__is_blamed_on_a_logarithm_only_where_there_is_one(loss):
    trace = trace_with(loss)
    assert "minus in front of the logarithm" in said_of(trace, "loss", lambda right: -right)
    for name in ("dz2[1]", "dW2[1,1]", "dW1[1,1]", "db2[1]"):
        said = said_of(trace, name, lambda right: -right)
        assert "y − ŷ instead of ŷ − y" in said, name
        assert "logarithm" not in said, name


def test_opposite_sign__of_a_matrix_with_two_classes_is_not_a_wrong_place():
    trace = trace_with("categorical_cross_entropy")
    verdict = check(trace, "dW2", (-trace["dW2"]).round(6).tolist())
    assert verdict.mistakes[0] == "ce_sign"
    assert "column" not in verdict.message.split("You may")[0]


@pytest.mark.parametrize("loss", LOSSES)
def test_wrong_loss__is_not_asked_for_its_logarithm_in_a_gradient(loss):
    trace = trace_with(loss)
    for verdict in (
        check(trace, step.name, f"{1.2345 * step.value:.6g}") for step in steps(trace) if step.kind == "dW"
    ):
        assert "Where is the logarithm" not in verdict.hint


@pytest.mark.parametrize("name", ["z1[1]", "a1[1]"])
def test_one_kind_of_mistake__is_named_once(name):
    trace = trace_with("mse")
    z = value_of(trace, "z1[1]") - trace["b1"][0]
    verdict = check(trace, name, f"{z if name == 'z1[1]' else np.tanh(z):.6f}")
    assert {"forgot_bias_forward", "forgot_hidden_bias"} <= {*verdict.mistakes}
    assert verdict.message.count("forgotten") == 1


def test_different_kinds_of_mistakes__are_both_named():
    said = said_of(trace_with("mse", examples=2, outputs=1), "dW2[1,1]", lambda right: right / 2)
    assert ", or if " in said


@pytest.mark.parametrize("id", WORDS)
def test_hint__names_no_entry_that_may_not_be_meant(id):
    assert not re.search(r"\[\d,\d\]", WORDS[id]["hint"])


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("z1[1]", "each term"),
        ("da1[1]", "each term"),
        ("W1_new[1,1]", "each term"),
        ("dW1[1,1]", "each factor"),
        ("a1[1]", "sign does z have"),
        ("x[1]", "in the exercise"),
        ("loss", "Can a loss be negative?"),
    ],
)
def test_lost_sign__asks_for_terms_only_where_there_is_a_sum(name, asked):
    assert asked in MISTAKES["lost_sign"].words_for(table(trace_with("mse"), 0.3)[name]).hint


def test_texts__speak_of_delta_and_not_of_a_signal():
    texts = [text for text in (*tutor_texts(WORDS), *tutor_texts(LOOK)) if " " in text]
    assert len(texts) > 500
    for text in texts:
        assert not re.search(r"\b(signals?|deltas?|called on)\b", text), text


def tutor_texts(table):
    """Yield every text of a table, however deep."""
    for value in table.values() if isinstance(table, dict) else table:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            yield from tutor_texts(value)


def test_early_update__asks_which_weights_belong_in_the_gradient():
    words = MISTAKES["updated_output_weights_first"]
    assert "new weights" in words.name
    assert "the old ones or the new ones" in words.hint


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_slope_of_a_cross_entropy__with_the_opposite_sign_is_explained_once(loss):
    said = said_of(trace_with(loss), "da2[1]", lambda right: -right)
    assert said.count("sign is the opposite") == 0
    assert "the minus in front of the logarithm disappears" in said
