"""Words that depend on what was asked for."""

from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Step

LOOK = read_toml("tutor/marking.toml")["look"]


def look_for(step: Step) -> str:
    """Return where to look first."""
    return LOOK[step.kind]
