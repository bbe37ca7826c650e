"""Registries: immutable, printable, and helpful about unknown names."""

from __future__ import annotations

import copy
import pickle

import pytest

from bpcourse import EXAMPLES, LOSSES
from bpcourse.names import SYMBOLS
from bpcourse.registry import Registry, UnknownNameError

LENGTHS = Registry("length", {"short": 1.0, "long": 2.0})


def test_pick__takes_a_name_or_the_record():
    assert LENGTHS.pick("long") == LENGTHS["long"] == 2.0
    assert LENGTHS.pick(3.0) == 3.0
    assert "longer" not in LENGTHS
    assert LENGTHS.get("longer") is None
    for wrong in ("longer", None, 3, ["long"]):
        with pytest.raises(UnknownNameError, match="unknown length"):
            LENGTHS.pick(wrong)


def test_repr__lists_the_names():
    assert repr(LENGTHS) == "<2 lengths: short, long>"
    assert repr(Registry("loss", {"mse": 1, "bce": 2})) == "<2 losses: mse, bce>"
    assert repr(Registry("loss", {"mse": 1})) == "<1 loss: mse>"


def test_registry__cannot_be_changed():
    with pytest.raises(TypeError):
        LENGTHS["short"] = 3.0
    assert not hasattr(LENGTHS, "pop")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_registry__survives_copying_and_pickling(again):
    assert again(LENGTHS) == LENGTHS
    assert repr(again(SYMBOLS)) == repr(SYMBOLS)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'short'\?"):
        again(LENGTHS)["shot"]


def test_unknown_name__suggests_the_closest_match():
    error = UnknownNameError("loss", "mes", ["mse", "half_sse"])
    assert isinstance(error, KeyError)
    assert isinstance(error, ValueError)
    assert str(error) == "unknown loss 'mes'. Did you mean 'mse'? Known: mse, half_sse"
    assert str(UnknownNameError("loss", "qqq", ["mse"])) == "unknown loss 'qqq'. Known: mse"
    assert str(UnknownNameError("loss", "MSE", ["mse"])) == "unknown loss 'MSE'. Did you mean 'mse'? Known: mse"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_unknown_name__survives_copying_and_pickling(again):
    error = UnknownNameError("loss", "mes", (name for name in ("mse", "half_sse")))
    assert type(again(error)) is UnknownNameError
    assert str(again(error)) == str(error)


def test_registry__completes_its_names_in_a_notebook():
    assert LOSSES._ipython_key_completions_() == list(LOSSES)
    trace = EXAMPLES["lecture"].backprop()
    assert trace._ipython_key_completions_() == list(trace)


def test_unknown_name_error__lists_no_more_names_than_a_person_reads():
    message = str(UnknownNameError("value", "z9", [f"z{number}" for number in range(72)]))
    assert "z0, z1" in message
    assert message.endswith(", z29, … (72 in all)")
