"""Numbers that people published or handed in: the right mistake is named first, and right ones are accepted."""

import json
from pathlib import Path

import pytest

from bpcourse import Dense, Network, backprop, check

ENTRIES = json.loads((Path(__file__).parent / "data" / "public_numbers.json").read_text(encoding="utf-8"))
NUMBERS = [
    pytest.param(entry, number, id=f"{entry['id']} {number['asked']} = {number['number']}")
    for entry in ENTRIES
    for number in entry["numbers"]
]


@pytest.mark.parametrize(("entry", "number"), NUMBERS)
def test_check__public_number(entry, number):
    layers = [Dense(each["W"], each["b"], each["activation"]) for each in entry["layers"]]
    trace = backprop(Network(layers), entry["x"], entry["y"], entry["loss"])
    verdict = check(trace, number["asked"], number["number"], learning_rate=entry["learning_rate"])
    if number["expect"] == "right":
        assert verdict.status == "correct"
    elif number["expect"] == "slip":
        assert all(id.startswith("slip_") for id in verdict.mistakes)
    else:
        first = verdict.mistakes[0]
        assert any(first == id or (id.endswith("_") and first.startswith(id)) for id in number["expect"])
