"""Load a script of tools/ as a module."""

import importlib.util
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parent.parent


def tool(name: str) -> ModuleType:
    """Return `tools/<name>.py` as a module."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
