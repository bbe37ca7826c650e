"""Words that are true of what was asked for.

In ``words.toml`` and ``marking.toml`` some texts have cases: the same fields once more, for certain losses, activations
or questions. The first case that fits a step is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Step

LOOK = read_toml("tutor/marking.toml")["look"]


def about(step: Step) -> dict[str, str]:
    """Return the facts about a step on which words depend: what a case may have as its conditions."""
    layers = {0: "input", step.facts.last: "output"}
    return {
        "loss": step.facts.loss.name,
        "activation": step.activation.name.split("(")[0] if step.layer else "",
        "kind": step.kind,
        "quantity": step.parts.quantity,
        "layer": layers.get(step.layer, "hidden"),
        "new": "yes" if step.new else "no",
    }


def suited(words: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """Return the words for a step: the usual ones, with those of the first case that fits in their place."""
    facts = about(step)
    usual = {field: text for field, text in words.items() if field != "cases"}
    for case in words.get("cases", ()):
        if all(facts[name] in allowed for name, allowed in case.items() if name in facts):
            return usual | {field: text for field, text in case.items() if field not in facts}
    return usual


def look_for(step: Step) -> str:
    """Return the first hint: where to look."""
    return str(suited(LOOK[step.kind], step)["text"])
