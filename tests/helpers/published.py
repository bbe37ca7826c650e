"""Published examples with their numbers, from tests/data/worked_examples.json."""

from __future__ import annotations

import json
from pathlib import Path

from bpcourse import Dense, Network, backprop

DATA = Path(__file__).parents[1] / "data" / "worked_examples.json"
PUBLISHED = {each["id"]: each for each in json.loads(DATA.read_text(encoding="utf-8"))}


def trace_of(published, loss):
    """Return the pass of a published example."""
    described = published["network"]
    layers = zip(described["weights"], described["biases"], described["activations"], strict=True)
    network = Network([Dense(W, b, activation) for W, b, activation in layers])
    return backprop(network, published["inputs"], published["targets"], loss)
