"""Check the files in `dist` before a release: their size, their content, and one version everywhere.

python -m build && python tools/release.py v0.1.0
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LARGEST = 2_000_000  # bytes of the wheel
NEEDED = ("bpcourse/data/lessons/00_start_here.ipynb", "bpcourse/data/explorer/explorer.js", "bpcourse/py.typed")


def problems(project: Path, wheel: Path, tag: str = "") -> list[str]:
    """Return the problems that a release must not have."""
    found = []
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if wheel.stat().st_size > LARGEST:
        found.append(f"{wheel.name} has {wheel.stat().st_size:,} bytes; at most {LARGEST:,} are allowed.")
    found += [f"{wheel.name} has no {name}." for name in NEEDED if name not in names]
    if tag.removeprefix("v") not in ("", version):
        found.append(f"The tag is {tag}, but the version is {version}.")
    cited = re.search(r"^version: (.+)$", (project / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    if cited is None or cited[1] != version:
        found.append(f"CITATION.cff does not name the version {version}.")
    changes = (project / "CHANGELOG.md").read_text(encoding="utf-8")
    if tag and f"## [{version}]" not in changes:
        found.append(f"CHANGELOG.md has no section [{version}].")
    return found


def main() -> int:
    """Print the problems of the wheel in dist."""
    (wheel,) = (PROJECT / "dist").glob("*.whl")
    found = problems(PROJECT, wheel, *sys.argv[1:2])
    print("\n".join(found) or f"{wheel.name}: {wheel.stat().st_size:,} bytes, ready")
    return len(found)


if __name__ == "__main__":
    raise SystemExit(main())
