"""Data sets have the promised shapes, and the default settings learn them."""

import copy
import pickle

import numpy as np
import pytest
from helpers.support import PROJECT

from bpcourse import LOSSES, Adam, Network, datasets, train
from bpcourse.engine.tape import Parameters

DRAWN = {"moons": datasets.moons, "spirals": datasets.spirals, "rings": datasets.rings, "wave": datasets.wave}


@pytest.mark.parametrize("name", DRAWN)
def test_random_dataset__shape_classes_and_seed(name):
    one, same, other = (DRAWN[name](50, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.x.shape == (50, 1 if name == "wave" else 2)
    assert one.y.shape == (50, 1)
    assert one.x.tobytes() == same.x.tobytes() != other.x.tobytes()
    assert one.x.mean(axis=0) == pytest.approx([0.0] * one.x.shape[1], abs=0.6)
    if name != "wave":
        assert sorted(one.y.ravel()) == [0.0] * 25 + [1.0] * 25
    with pytest.raises(ValueError, match="read-only"):
        one.x[0, 0] = 1.0


@pytest.mark.parametrize("name", DRAWN)
def test_random_dataset__wrong_settings(name):
    for wrong, words in (
        ({"n": 0}, "n must be"),
        ({"noise": -1}, "noise must be a number from 0"),
        ({"n": 2.5}, "n must be"),
        ({"rng": 3}, "rng must be a NumPy Generator"),
    ):
        with pytest.raises(ValueError, match=words):
            DRAWN[name](**wrong)
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        DRAWN[name](10).split(np.random.default_rng(0), 1.0)


def test_random_dataset__points_without_noise_are_on_their_curves():
    moons, rings, wave = datasets.moons(60, 0.0), datasets.rings(60, 0.0), datasets.wave(60, 0.0)
    upper, lower = moons.x[moons.y[:, 0] == 0], moons.x[moons.y[:, 0] == 1]
    assert np.hypot(*upper.T) == pytest.approx(1.0)
    assert np.hypot(*(np.array([1, 0.5]) - lower).T) == pytest.approx(1.0)
    radius = np.hypot(*rings.x.T)
    assert radius[rings.y[:, 0] == 0] == pytest.approx(1.0)
    assert radius[rings.y[:, 0] == 1].max() <= 0.4
    assert wave.y == pytest.approx(np.sin(np.pi * wave.x))


def test_digits__are_those_of_uci():
    digits = datasets.digits()
    assert digits.x.shape == (1797, 64)
    assert np.unique(digits.x * 16).tolist() == list(range(17))
    assert digits.y.sum(axis=0).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # its documentation
    assert (PROJECT / "bpcourse" / "data" / "digits.npz").stat().st_size < 50_000
    train_, test = digits.split(np.random.default_rng(3))
    rows = {row.tobytes() for row in np.column_stack([digits.x, digits.y])}
    parts = [np.column_stack([part.x, part.y]) for part in (train_, test)]
    assert {row.tobytes() for part in parts for row in part} == rows  # each image keeps its class
    assert len(parts[0]) + len(parts[1]) == 1797


def test_dataset__is_read_only_and_a_copy():
    x = np.zeros((2, 3), np.float32)
    data = datasets.Dataset("mine", x, [[0], [1]])
    x[0, 0] = 9
    assert data.x.tolist() == [[0.0] * 3] * 2
    assert data.x.dtype == data.y.dtype == np.float64
    for again in (data, copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        with pytest.raises(ValueError, match="read-only"):
            again.y[0, 0] = 9
    assert data == datasets.Dataset("mine", data.x, data.y) != datasets.Dataset("yours", data.x, data.y)
    with pytest.raises(ValueError, match="NaN"):
        datasets.Dataset("mine", [[np.nan]], [[0]])


def right(history, data, loss):
    return Parameters.of(history.network).evaluate(LOSSES[loss], data.x, data.y)[1]


SETTINGS = {
    "xor": ([2, 8, 1], 500),
    "moons": ([2, 16, 16, 1], 400),
    "spirals": ([2, 16, 16, 1], 1500),
    "rings": ([2, 16, 1], 300),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_dataset__24_of_25_seeds_learn_it(name):
    sizes, epochs = SETTINGS[name]
    learned = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        data = datasets.xor() if name == "xor" else DRAWN[name](rng=rng)
        network = Network.initialize(sizes, ["tanh"] * (len(sizes) - 2) + ["sigmoid"], rng)
        history = train(
            network, data.x, data.y, "binary_cross_entropy", optimizer=Adam(0.02), epochs=epochs, progress=False
        )
        learned += right(history, data, "binary_cross_entropy") >= 0.97
    assert learned >= 24


def test_digits__97_percent_are_read_correctly():
    shares = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        known, held_out = datasets.digits().split(rng)
        network = Network.initialize([64, 32, 10], ["relu", "softmax"], rng)
        history = train(
            network, known.x, known.y, "categorical_cross_entropy", optimizer=Adam(0.003), epochs=60,
            batch_size=32, rng=rng, dtype=np.float32, progress=False,
        )  # fmt: skip
        shares.append(right(history, held_out, "categorical_cross_entropy"))
    assert np.median(shares) >= 0.97
