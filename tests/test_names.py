"""Names of single values, and the symbols that are shown for them."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from bpcourse import EXAMPLES
from bpcourse.names import SYMBOLS, Name


def test_symbols__both_notations_name_the_same_quantities():
    assert list(SYMBOLS) == ["standard", "lecture"]
    assert SYMBOLS["standard"].keys() == SYMBOLS["lecture"].keys()
    assert (SYMBOLS["lecture"]["z"], SYMBOLS["standard"]["dz"]) == ("net", "δ")
    different = {name for name, symbol in SYMBOLS["standard"].items() if SYMBOLS["lecture"][name] != symbol}
    assert different == {"x", "y", "z", "a", "da", "dz", "dx"}
    with pytest.raises(
        KeyError, match=r"unknown notation 'lecure'\. Did you mean 'lecture'\? Known: standard, lecture"
    ):
        SYMBOLS["lecure"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("W2_new[1, 3]", Name("W", 2, (1, 3), new=True)),
        ("dz1[2]@3", Name("dz", 1, (2,), 3)),
        ("a0[1]", Name("x", 0, (1,))),
        ("da0", Name("dx")),
        ("net1[2]", Name("z", 1, (2,))),
        ("dO1[2]", Name("da", 1, (2,))),
        ("w1[1,2]", Name("W", 1, (1, 2))),
        ("X[1]", Name("x", 0, (1,))),
        ("y_true[1]", Name("y", 0, (1,))),
        ("loss", Name("loss")),
    ],
)
def test_read__splits_a_name(text, name):
    assert Name.read(text) == name
    assert Name.read(str(name)) == name


@pytest.mark.parametrize("text", ["", "W", "W1[", "W1[1,2,3]", "q1", "z1[1.5]", "W1;", None, 3])
def test_read__refuses_anything_else(text):
    with pytest.raises(ValueError, match="needed a name such as"):
        Name.read(text)


def test_read__explains_that_units_count_from_one():
    with pytest.raises(ValueError, match=r"what Python calls dW1\[0,1\] is dW1\[1,2\] here"):
        Name.read("dW1[0,1]")


def test_is_parameter_and_is_gradient__on_all_names_of_a_trace():
    names = {name: Name.read(name) for name in EXAMPLES["lecture"].backprop()}
    assert {name for name in names if names[name].is_parameter} == {"W1", "b1", "W2", "b2"}
    assert {name for name in names if names[name].is_gradient} == {name for name in names if name.startswith("d")}
    assert Name.read("dW1[1,2]").is_gradient
    assert not Name.read("dW1[1,2]").is_parameter
    assert Name.read("W1_new[1,2]").is_parameter


def test_symbol__has_a_comma_only_between_long_indices():
    assert Name.read("W1[1,2]").symbol() == "w1₁₂"
    assert Name.read("W1[1,12]").symbol() == "w1₁,₁₂"
    assert Name.read("W1[1,12]").latex() == "w1_{1,12}"


@pytest.mark.parametrize("name", ["W1[1,2]", "dz2[1]", "W2_new[1,3]", "y_hat[1]", "dW1[1,2]", "slope1[2]", "loss"])
def test_latex__has_the_same_signs_as_the_symbol(name):
    plain = Name.read(name).latex().replace(r"\frac{\partial ", "∂").replace(r"}{\partial ", "/∂").replace("}}", "}")
    signs = {r"\hat y": "ŷ", r"\delta ": "δ", r"\text{new }": "new "}
    for latex, sign in signs.items():
        plain = plain.replace(latex, sign)
    subscripts = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    assert re.sub("[{}_]", "", plain) == Name.read(name).symbol().translate(subscripts)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_name__survives_copying_and_pickling(again):
    name = Name.read("W2_new[1,3]@2")
    assert again(name) == name
    with pytest.raises(AttributeError):
        again(name).layer = 3
