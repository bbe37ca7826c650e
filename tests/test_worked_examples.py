"""Published computations, number by number: each printed digit is right, or it is a known slip."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bpcourse import ACTIVATIONS, EXAMPLES, LOSSES, Dense, Network, backprop, forward, sgd_step

DATA = json.loads((Path(__file__).parent / "data" / "worked_examples.json").read_text(encoding="utf-8"))
PUBLISHED = {published["id"]: published for published in DATA}

TRAINED = "10,000 steps: test_conformance.py computes them, in mazur_after_steps_TRUE and …_PUBLISHED_WRONG"
EXCLUDED = {
    ("mazur-2-2-2", "E_total_after_10000"): TRAINED,
    ("mazur-2-2-2", "out_o1_after_10000"): TRAINED,
    ("mazur-2-2-2", "out_o2_after_10000"): TRAINED,
    **{
        ("udl-7.1-chain-scalar", key): "a chain of sin, exp and cos, not of dense layers with our activations"
        for key in PUBLISHED["udl-7.1-chain-scalar"]["recomputed"]
    },
}


def off_by(printed, ours):
    """Return by how many units of its last digit the printed number is wrong. For several numbers, take the worst.

    A rounding error of 1e-12 is forgiven, so that half a unit counts as exactly half a unit.
    """
    assert np.shape(printed) == np.shape(ours), f"shapes {np.shape(printed)} and {np.shape(ours)}"
    texts = [str(text) for text in np.ravel(printed)]
    units = [10.0 ** Decimal(text).as_tuple().exponent for text in texts]
    differences = np.abs([float(text) for text in texts] - np.ravel(ours))
    return np.max(np.maximum(differences - 1e-12, 0) / units)


HOLDS = {
    "ok": lambda units: units <= 0.5,
    "last-digit": lambda units: 0.5 < units <= 1.5,
    "SLIP": lambda units: units > 1,
}


def network_of(published):
    described = published["network"]
    biases = described["biases"] or [None] * len(described["weights"])
    return Network(map(Dense, described["weights"], biases, described["activations"]))


def trace_of(published, loss):
    return backprop(network_of(published), published["inputs"], published["targets"], loss)


def after_step(trace, learning_rate, biases=True):
    """Return the trace after one step of gradient descent. `biases` says whether the biases take the step too."""
    network = sgd_step(trace, learning_rate)
    if not biases:
        pairs = zip(trace.network.layers, network.layers, strict=True)
        network = Network(Dense(new.W, old.b, new.activation) for old, new in pairs)
    return backprop(network, trace["x"], trace["y"], trace.loss_function)


def half_squares(trace):
    """Return ½ (y − ŷ)² for each output."""
    pairs = zip(trace["y"][0], trace["y_hat"][0], strict=True)
    return [LOSSES["half_sse"].value([y], [y_hat]) for y, y_hat in pairs]


def numbered(pattern, values):
    """Return the values by name, numbered from 1."""
    return {pattern.format(number): value for number, value in enumerate(np.ravel(values), start=1)}


def weights_of(trace, prefix=""):
    """Return the weights of both layers, or with "d" their gradients: all of one unit, then all of the next."""
    return np.concatenate([trace[f"{prefix}W{number}"].T.ravel() for number in (1, 2)])


# One function for each publication. From its network it computes every number that is printed, under the same names.


def mazur(published):
    trace = trace_of(published, "half_sse")
    after = after_step(trace, published["lr"], biases=False)
    slope = ACTIVATIONS["sigmoid"].df
    through = trace["dz2"][0] * trace["W2"][0]  # what comes back to hidden unit 1 from each output
    return {
        "net_h1": trace["z1"][0, 0],
        "net_o1": trace["z2"][0, 0],
        **numbered("out_h{}", trace["a1"]),
        **numbered("out_o{}", trace["y_hat"]),
        **numbered("E_o{}", half_squares(trace)),
        "E_total": trace.loss,
        "dE_dout_o1": trace["da2"][0, 0],
        "dout_dnet_o1": slope(trace["z2"])[0, 0],
        "delta_o1": trace["dz2"][0, 0],
        "dE_dw5": trace["dW2"][0, 0],
        **numbered("dEo{}_douth1", through),
        "dE_douth1": trace["da1"][0, 0],
        "douth1_dneth1": slope(trace["z1"])[0, 0],
        "dE_dw1": trace["dW1"][0, 0],
        **numbered("w{}_new", weights_of(after)),
        "E_total_after_1": after.loss,
    }


def mustafa(published):
    trace = trace_of(published, "half_sse")
    after = after_step(trace, published["lr"])
    return {
        **numbered("f{}", trace["z1"]),
        **numbered("h{}", trace["a1"]),
        "f_out": trace["z2"].item(),
        "h_out": trace["y_hat"].item(),
        "E": trace.loss,
        "dE_dhout": trace["da2"].item(),
        **numbered("grad_w{}", weights_of(trace, "d")),
        **numbered("grad_b{}", [*trace["db1"], *trace["db2"]]),
        **numbered("new_w{}", weights_of(after)),
        **numbered("new_b{}", [*after["b1"], *after["b2"]]),
        **numbered("after_f{}", after["z1"]),
        "after_f_out": after["z2"].item(),
        "E_after": after.loss,
    }


def surafelml(published):
    trace = trace_of(published, "binary_cross_entropy")
    return {
        "z1": trace["z1"][0],
        "a1": trace["a1"][0],
        "z2": trace["z2"].item(),
        "yhat": trace["y_hat"].item(),
        "loss": trace.loss,
        "d2": trace["dz2"].item(),
        "dW2": trace["dW2"][:, 0],
        "d1": trace["dz1"][0],
        "dW1_keras": trace["dW1"],
    }


def hmkcode(published):
    trace = trace_of(published, "half_sse")
    after = after_step(trace, published["lr"])
    W1, W2 = (np.array(published["published"][key], dtype=float) for key in ("W1_new", "W2_new"))
    rounded = Network([Dense(W1), Dense(W2.reshape(-1, 1))])
    return {
        "h": trace["a1"][0],
        "prediction": trace["y_hat"].item(),
        "error": trace.loss,
        "delta": trace["da2"].item(),
        "W1_new": after["W1"],
        "W2_new": after["W2"][:, 0],
        "h_after": after["a1"][0],
        "prediction_after": after["y_hat"].item(),
        "prediction_after_if_printed_rounded_weights_are_used": forward(rounded, trace["x"])["y_hat"].item(),
    }


def bachman(published):
    trace = trace_of(published, "mse")
    after = after_step(trace, published["lr"])
    return {
        "prediction": trace["y_hat"].item(),
        "loss": trace.loss,
        "dw": trace["dW1"].item(),
        "db": trace["db1"].item(),
        "w_new": after["W1"].item(),
        "b_new": after["b1"].item(),
        "prediction_after": after["y_hat"].item(),
        "loss_after": after.loss,
    }


def cs231n(published):
    network, x = network_of(published), published["inputs"]
    y_hat = forward(network, x)["y_hat"]
    trace = backprop(network, x, y_hat - 1, "half_sse")  # ŷ − y = 1: the gradients of ŷ itself
    (dw0, dw1), (dx0, dx1) = trace["dW1"][:, 0], trace["dx"][0]
    gradients = {"dw0": dw0, "dw1": dw1, "dw2": trace["db1"].item(), "dx0": dx0, "dx1": dx1}
    return {"dot": trace["z1"].item(), "f": y_hat.item(), "ddot": trace["dz1"].item(), **gradients}


def primelearnpoint(published):
    """A retelling of Mazur's network. Its output layer is wired differently and has no biases."""
    mazur = EXAMPLES["mazur"].backprop()
    W1, W2 = published["network"]["weights"]
    hidden = forward(Network([Dense(W1, mazur["b1"], "sigmoid")]), published["inputs"])
    printed = [float(published["published"][key]) for key in ("out_h1", "out_h2")]
    outputs = forward(Network([Dense(W2)]), printed)["y_hat"]
    return {
        **numbered("net_h{}", hidden["z1"]),
        **numbered("out_h{}", hidden["a1"]),
        **numbered("net_y{}_no_bias_own_wiring", outputs),
        **numbered("E{}", half_squares(mazur)),
    }


def prakashjay(published):
    trace = trace_of(published, "categorical_cross_entropy")
    return {
        "h1": trace["a1"][0],
        "h2_in": trace["z2"][0],
        "h2": trace["a2"][0],
        "o_in": trace["z3"][0],
        "o": trace["y_hat"][0],
        "error": trace.loss,
        "dW3_row0": trace["dW3"][0],
        "dW2": trace["dW2"],
        "dW1": trace["dW1"],
        "W2_new_row2": after_step(trace, published["lr"])["W2"][2],
    }


def postnetwork(published):
    trace = trace_of(published, "categorical_cross_entropy")
    (z1, z2), (z3, z4) = trace["z1"][0], trace["z2"][0]
    sums = {"z1": z1, "z2": z2, "z3": z3, "z4": z4}
    outputs = {"yhat": trace["y_hat"][0], "loss": trace.loss, "dW2": trace["dW2"]}
    return {**sums, **numbered("a{}", trace["a1"]), **outputs}


def csnp(published):
    z1 = forward(network_of(published), published["inputs"])["z1"]
    return {"Z1_00": z1[0, 0], "Z1": z1}


COMPUTED_BY = {
    "mazur-2-2-2": mazur,
    "mustafa-relu-2-2-1": mustafa,
    "mustafa-sigmoid-2-2-1": mustafa,
    "surafelml-bce-2-2-1": surafelml,
    "hmkcode-linear-2-2-1": hmkcode,
    "bachman-neuron-1-1": bachman,
    "cs231n-sigmoid-neuron": cs231n,
    "SLIPS-primelearnpoint-2-2-2": primelearnpoint,
    "SLIPS-prakashjay-3-3-3-3": prakashjay,
    "SLIPS-postnetwork-3-2-2": postnetwork,
    "SLIPS-csnp-batch2-4-3-1": csnp,
}


@cache
def computed(name):
    return COMPUTED_BY[name](PUBLISHED[name])


def keys(part, verdict=None):
    """Return all (publication, key) that are not excluded: "published" keys with one verdict, or "recomputed" keys."""
    pairs = [(name, key) for name, published in PUBLISHED.items() for key in published[part]]
    wanted = [(name, key) for name, key in pairs if verdict in (None, PUBLISHED[name]["check"].get(key))]
    return [pair for pair in wanted if pair not in EXCLUDED]


def over(pairs):
    return pytest.mark.parametrize(("name", "key"), pairs, ids=[f"{name}-{key}" for name, key in pairs])


def units_off(name, key):
    return off_by(PUBLISHED[name]["published"][key], computed(name)[key])


@over(keys("published", "ok"))
def test_published__right_numbers_are_ours_to_the_printed_digits(name, key):
    assert HOLDS["ok"](units_off(name, key)), f"{PUBLISHED[name]['published'][key]} and {computed(name)[key]}"


@over(keys("published", "last-digit"))
def test_published__numbers_marked_last_digit_are_wrong_only_there(name, key):
    assert HOLDS["last-digit"](units_off(name, key))


@over(keys("published", "SLIP"))
def test_published__slips_are_not_what_we_compute(name, key):
    assert HOLDS["SLIP"](units_off(name, key))


@over(keys("recomputed"))
def test_recomputed__are_our_numbers(name, key):
    np.testing.assert_allclose(
        computed(name)[key], PUBLISHED[name]["recomputed"][key], rtol=1e-9, atol=1e-12, strict=True
    )


@over(keys("published", "ok"))
def test_off_by__notices_one_unit_in_the_last_digit(name, key):
    printed = PUBLISHED[name]["published"][key]
    units = np.vectorize(lambda text: 10.0 ** Decimal(str(text)).as_tuple().exponent)(printed)
    assert not HOLDS["ok"](off_by(printed, computed(name)[key] + 1.01 * units))


@pytest.mark.parametrize(
    ("printed", "ours", "verdicts"),
    [
        pytest.param("0.50", 0.505, ["ok"], id="half a unit"),
        pytest.param("0.50", 0.50501, ["last-digit"], id="more than half a unit"),
        pytest.param("0.50", 0.5149, ["last-digit", "SLIP"], id="more than one unit"),
        pytest.param("0.50", 0.516, ["SLIP"], id="more than one and a half"),
        pytest.param("0.50", -0.50, ["SLIP"], id="the wrong sign"),
        pytest.param("0.50", np.nan, [], id="NaN"),
        pytest.param(["0.50", "7"], [0.50, np.nan], [], id="NaN beside a right number"),
        pytest.param(["0.50", "7"], [0.50, 7.6], ["last-digit"], id="the worst of two"),
    ],
)
def test_holds__judges_the_digits(printed, ours, verdicts):
    assert [verdict for verdict, holds in HOLDS.items() if holds(off_by(printed, ours))] == verdicts


def test_off_by__refuses_a_different_shape():
    with pytest.raises(AssertionError, match="shapes"):
        off_by(["0.5", "0.5"], 0.5)


def test_published__all_are_computed_or_excluded():
    published = {(name, key) for name, entry in PUBLISHED.items() for key in entry["published"] | entry["recomputed"]}
    ours = {(name, key) for name in COMPUTED_BY for key in computed(name)}
    assert len(PUBLISHED) == len(DATA)
    assert ours | set(EXCLUDED) == published
    assert not ours & set(EXCLUDED)


def test_published__all_have_a_verdict():
    for published in DATA:
        assert published["check"].keys() == published["published"].keys()
        assert set(published["check"].values()) <= set(HOLDS)


def test_excluded__all_have_a_reason():
    assert all(reason.strip() for reason in EXCLUDED.values())


@pytest.mark.parametrize("name", COMPUTED_BY)
def test_network_of__has_the_described_layers(name):
    assert network_of(PUBLISHED[name]).sizes == tuple(PUBLISHED[name]["network"]["layers"])


def test_example_mazur__is_the_published_network():
    example, published = EXAMPLES["mazur"], PUBLISHED["mazur-2-2-2"]
    described = published["network"]
    assert [layer.W.tolist() for layer in example.network.layers] == described["weights"]
    assert [layer.b.tolist() for layer in example.network.layers] == described["biases"]
    assert [layer.activation.name for layer in example.network.layers] == described["activations"]
    assert (example.x.tolist(), example.y.tolist()) == (published["inputs"], published["targets"])
    assert f"{example.backprop().loss:.9f}" == published["published"]["E_total"]
    assert "mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example" in example.source


def test_example_mazur__gradients_agree_in_every_entry():
    trace, extra = EXAMPLES["mazur"].backprop(), PUBLISHED["mazur-2-2-2"]["extra"]
    for number in (1, 2):
        np.testing.assert_allclose(trace[f"dW{number}"], extra["grad_W"][number - 1], rtol=1e-9)
        np.testing.assert_allclose(trace[f"db{number}"], extra["grad_b"][number - 1], rtol=1e-9)


@pytest.mark.parametrize(("biases", "loss"), [(True, 0.280471447), (False, 0.291027774)])
def test_example_mazur__loss_after_one_step(biases, loss):
    """With or without a step of the biases. The page leaves them out, and prints 0.291027924 (see data/README.md)."""
    published = PUBLISHED["mazur-2-2-2"]
    after = after_step(EXAMPLES["mazur"].backprop(), published["lr"], biases)
    assert round(after.loss, 9) == loss
    recomputed = published["extra"]["E_after_1_if_biases_also_updated"], published["recomputed"]["E_total_after_1"]
    assert after.loss == pytest.approx(recomputed[0 if biases else 1], rel=1e-9)
