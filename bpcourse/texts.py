"""The texts and settings of the package, which are in TOML files next to the modules that use them."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def read_toml(path: str) -> dict[str, Any]:
    """Read a TOML file of the package, in its order.

    Parameters
    ----------
    path : str
        The path of the file in the folder of the package.

    Examples
    --------
    >>> read_toml("tutor/functions.toml")["identity"]
    'z'
    """
    return tomllib.loads(files("bpcourse").joinpath(path).read_text(encoding="utf-8"))
