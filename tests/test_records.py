"""Records: read-only, comparable, and unchanged by copying and pickling."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    Activation,
    Dense,
    Loss,
    Network,
    backprop,
    forward,
    gradcheck,
    leaky_relu,
)
from bpcourse.engine.gradcheck import Comparison
from bpcourse.registry import UnknownNameError

AGAIN = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda record: pickle.loads(pickle.dumps(record)),
    "first protocol": lambda record: pickle.loads(pickle.dumps(record, protocol=0)),
}
each_way = pytest.mark.parametrize("again", AGAIN.values(), ids=list(AGAIN))

LECTURE = EXAMPLES["lecture"]
NETWORK = Network([Dense([[0.5, -1.0]], None, "leaky_relu(0.2)"), Dense([[0.3], [0.7]], [0.1], "relu")])


class Special(Activation):
    """A subclass, as a user may write one."""


def double(z):
    return 2 * z


def twos(z):
    return np.full_like(z, 2)


RECORDS = {
    "activation": ACTIVATIONS["relu"],
    "softmax": ACTIVATIONS["softmax"],
    "leaky relu": leaky_relu(0.2),
    "loss": LOSSES["categorical_cross_entropy"],
    "a custom activation": Activation("double", double, twos),
    "a custom loss": Loss("double", double, twos),
    "a subclass": Special("relu", double, twos),
    "layer": NETWORK.layers[0],
    "layer in float32": Dense([[1.0]], [2.0], "tanh", np.float32),
    "network": NETWORK,
    "forward pass": forward(NETWORK, [[1.0], [-2.0]]),
    "trace": backprop(NETWORK, [[1.0], [-2.0]], [[1.0], [0.0]]),
    "trace of a cross-entropy": backprop(Network([Dense([[1.0]], [0.0], "sigmoid")]), [1], [1], "binary_cross_entropy"),
    "example": LECTURE,
    "comparison": Comparison(1e-9, 1e-8, ((0, 1),)),
    "gradient check": gradcheck.check(LECTURE.backprop()),
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "examples": EXAMPLES,
}


@each_way
@pytest.mark.parametrize("name", RECORDS)
def test_record__survives_copying_and_pickling(name, again):
    record = RECORDS[name]
    other = again(record)
    assert type(other) is type(record)
    assert other == record
    assert repr(other) == repr(record)
    assert "0x" not in repr(record)


def arrays_of(record):
    """Return all arrays in a record, at any depth."""
    if isinstance(record, np.ndarray):
        return [record]
    if hasattr(record, "arrays"):
        return [*record.arrays.values(), *arrays_of(record.network)]
    if isinstance(record, tuple):
        return [array for each in record for array in arrays_of(each)]
    return arrays_of(tuple(vars(record).values())) if dataclasses.is_dataclass(record) else []


@each_way
@pytest.mark.parametrize("name", ["layer", "layer in float32", "network", "forward pass", "trace", "example"])
def test_record__arrays_stay_read_only(name, again):
    record, other = RECORDS[name], again(RECORDS[name])
    assert len(arrays_of(other)) == len(arrays_of(record)) > 0
    for one, two in zip(arrays_of(record), arrays_of(other), strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
        assert not two.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            two[...] = 99


@each_way
def test_trace__second_names_stay_second_names(again):
    trace = again(RECORDS["trace"])
    assert trace["a0"] is trace["x"]
    assert trace["y_hat"] is trace["a2"]
    with pytest.raises(TypeError):
        trace.arrays["x"] = np.zeros(1)


@pytest.mark.parametrize("name", ["relu", "softmax", "leaky_relu", "leaky_relu(0.2)", "identity"])
def test_activation__is_the_registered_one_after_pickling(name):
    assert AGAIN["pickle"](ACTIVATIONS[name]) is ACTIVATIONS[name]


@pytest.mark.parametrize(
    "record",
    [
        Activation("mine", lambda z: z, np.ones_like),
        Loss("mine", lambda y, p: (p - y)[:, 0], lambda y, p: p - y),
        dataclasses.replace(LOSSES["mse"], name="mine"),
        Activation("relu", lambda z: z, np.ones_like),
    ],
    ids=["activation", "loss", "a renamed loss", "a different relu"],
)
def test_custom_record__with_a_lambda_cannot_be_pickled_and_says_why(record):
    with pytest.raises(pickle.PicklingError, match=rf"functions of '{record.name}' must be defined with def.*lambda"):
        pickle.dumps(record)
    assert copy.copy(record) is copy.deepcopy(record) is record


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if dataclasses.is_dataclass(record)])
def test_record__cannot_be_changed(name):
    record = RECORDS[name]
    for field in dataclasses.fields(record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, field.name, getattr(record, field.name))


def test_layer__is_compared_by_value():
    layer = Dense([[1.0, 2.0]], [0.0, 0.5], "tanh")
    same = Dense([[1, 2]], [0, 0.5], "tanh")
    assert layer == same
    assert hash(layer) == hash(same)
    assert len({layer, same}) == 1
    for other in (
        Dense([[1.0, 2.5]], [0.0, 0.5], "tanh"),
        Dense([[1.0, 2.0]], [0.0, 0.6], "tanh"),
        Dense([[1.0, 2.0]], None, "tanh"),
        Dense([[1.0, 2.0]], [0.0, 0.5], "relu"),
        Dense([[1.0, 2.0]], [0.0, 0.5], "tanh", np.float32),
        Network([layer]),
        "tanh",
    ):
        assert layer != other


def test_network_and_trace__are_compared_by_value():
    trace = RECORDS["trace"]
    again = backprop(Network(NETWORK.layers), trace["x"], trace["y"])
    assert again == trace
    assert again.network == NETWORK
    assert hash(again) == hash(trace)
    assert forward(NETWORK, trace["x"]) == RECORDS["forward pass"]
    assert forward(NETWORK, trace["x"]) != trace
    assert backprop(NETWORK, trace["x"], trace["y"] + 1e-9) != trace
    assert backprop(NETWORK, trace["x"], trace["y"], "half_sse") != trace


def test_trace__is_a_mapping():
    trace = LECTURE.backprop()
    assert "z1" in trace
    assert "b3" not in trace
    assert len(trace) == len(list(trace)) == 22
    assert list(dict(trace)) == list(trace.keys()) == list(trace)
    assert all(one is two for one, two in zip(trace.values(), dict(trace).values(), strict=True))
    assert all(trace[name] is array for name, array in trace.items())
    assert trace.get("b3") is None
    assert {**trace, "x": 1}["x"] == 1
    assert "z1" in forward(trace.network, [1.0, 2.0])


def test_repr__says_what_a_pass_holds():
    trace, passed = LECTURE.backprop(), forward(NETWORK, [[1.0], [-2.0]])
    title, *rest = repr(trace).splitlines()
    assert title == "Trace of Network(2 → 2 → 2, sigmoid, sigmoid), 1 example, mse = 0.06183"
    assert ", ".join(f"{name} {array.shape}" for name, array in trace.items()) == " ".join(map(str.strip, rest))
    assert repr(passed).splitlines()[0] == "Forward of Network(1 → 2 → 1, leaky_relu(0.2), relu), 2 examples"
    assert repr(LECTURE) == "Example(Network(2 → 2 → 2, sigmoid, sigmoid), mse)"


def test_replace__keeps_the_dtype_of_a_layer():
    layer = NETWORK.astype(np.float32).layers[0]
    moved = dataclasses.replace(layer, W=2 * layer.W.astype(np.float64))
    assert moved.W.dtype == moved.dtype == np.float32
    assert moved.W.tolist() == (2 * layer.W).tolist()
    assert dataclasses.replace(NETWORK.layers[0], W=layer.W).W.dtype == np.float64
    assert Dense(layer.W).W.dtype == np.float64  # a new layer is in float64, whatever the arrays have
    assert dataclasses.replace(layer, activation="tanh").activation.name == "tanh"


def test_replace__makes_a_read_only_trace_and_leaves_the_callers_arrays_writable():
    trace, mine = LECTURE.backprop(), np.zeros(2)
    changed = dataclasses.replace(trace, arrays={**trace, "db1": mine})
    mine[0] = 5
    assert changed["db1"].tolist() == [0, 0]
    assert not changed["db1"].flags.writeable
    with pytest.raises(TypeError):
        changed.arrays["db1"] = mine


def test_unknown_name__in_a_trace_is_both_errors():
    for error in (KeyError, ValueError, UnknownNameError):
        with pytest.raises(error, match=r"unknown value 'dw1'\. Did you mean 'dW1'\?"):
            LECTURE.backprop()["dw1"]
