"""The texts and settings of this folder, which are in TOML files."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def read_toml(name: str) -> dict[str, Any]:
    """Read a TOML file of this folder, in its order.

    Examples
    --------
    >>> read_toml("functions.toml")["identity"]
    'z'
    """
    return tomllib.loads(files("bpcourse.tutor").joinpath(name).read_text(encoding="utf-8"))
