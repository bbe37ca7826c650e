"""Print the lowest versions that pyproject.toml allows for the package, JupyterLab and the tests.

python tools/lowest.py           prints them
python tools/lowest.py --test    runs the tests that need no browser, and all lessons, if they are installed
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
TESTS = (  # old releases warn about new Pythons, so deprecations are ignored
    *("bpcourse/engine", "bpcourse/interop", "bpcourse/tutor", "bpcourse/pictures"),
    *("tests/test_worked_examples.py", "tests/test_gradcheck.py", "tests/test_datasets.py", "tests/test_functions.py"),
    *("tests/test_diagram.py", "tests/test_plotting.py", "tests/test_explorers.py"),
    "lessons",
)
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-sanitize-with=bpcourse/data/nbval.cfg")


def lowest(requirements: Iterable[str]) -> Iterator[str]:
    """Yield each requirement with its lower bound as the exact version, without those on bpcourse itself.

    >>> [*lowest(["numpy>=2.0", "pillow >= 9.3, < 13", "bpcourse[lab]"])]
    ['numpy==2.0', 'pillow==9.3']
    """
    for requirement in requirements:
        if requirement.startswith("bpcourse["):
            continue
        found = re.fullmatch(r"([\w.-]+)\s*>=\s*([\w.]+)(?:\s*,.*)?", requirement)
        if not found:
            raise ValueError(f"needed a lower bound, such as numpy>=2.0; got {requirement!r}")
        yield f"{found[1]}=={found[2]}"


def _without_zeros(version: str) -> str:
    """Return a version without its last zeros, which do not distinguish it.

    >>> _without_zeros("2.0.0"), _without_zeros("3.10")
    ('2', '3.10')
    """
    return re.sub(r"(\.0)+$", "", version)


def main(words: list[str]) -> int:
    """Print the lowest versions, or test with them and return the exit status of pytest."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = [*lowest(project["dependencies"] + extras["lab"] + extras["test"])]
    if words != ["--test"]:
        print("\n".join(requirements))
        return 0
    for requirement in requirements:
        name, _, needed = requirement.partition("==")
        installed = importlib.metadata.version(name)
        if _without_zeros(installed) != _without_zeros(needed):
            raise SystemExit(f"needed {requirement}; got {installed}. Install it: pip install {requirement}")
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-W", "ignore::DeprecationWarning", *NBVAL, *TESTS]
    environment = os.environ | {"PYTHONPATH": str(PYPROJECT.parent)}
    return subprocess.run(command, cwd=PYPROJECT.parent, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
