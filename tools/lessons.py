"""Regenerate the lessons, and report what strict nbval does not test.

    python tools/lessons.py            execute every lesson in a new kernel and save it with its outputs
    python tools/lessons.py --check    only report problems

A second run changes no byte, because values that differ from run to run are removed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode

from bpcourse.jupyter import WIDGET_VIEW

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
MOST_LINES = 12  # in a code cell
MOST_BYTES = 300_000
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
IGNORE_MARKERS = ("NBVAL_", "PYTEST_VALIDATE_IGNORE_OUTPUT")  # in comments; a tag is metadata


def regenerate(path: Path) -> bool:
    """Execute a lesson from top to bottom, save it, and return whether the file changed."""
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=60, resources=where, record_timing=False).execute()
    after = nbformat.writes(stripped(notebook)) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without times, versions and widgets, which change from run to run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = in_one_piece(cell.outputs)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def in_one_piece(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs of a cell with consecutive prints joined, because a busy machine splits them."""
    joined: list[NotebookNode] = []
    for output in outputs:
        printed = output.output_type == "stream"
        if printed and joined and joined[-1].get("name") == output.name:
            joined[-1] = nbformat.from_dict({**joined[-1], "text": joined[-1].text + output.text})
        else:
            joined.append(output)
    return joined


def problems(notebook: NotebookNode) -> Iterator[str]:
    """Yield the problems of a lesson that is to be committed."""
    if "widgets" in notebook.metadata:
        yield "it contains widget state"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        where = f"code cell {number}"
        if cell.execution_count != number:
            yield f"{where}: execution count {cell.execution_count}. Run all cells in order"
        if cell.source.count("\n") >= MOST_LINES:
            yield f"{where}: more than {MOST_LINES} lines"
        if cell.source.rstrip().endswith(";"):
            yield f"{where}: ends in a semicolon, which hides its output"
        if re.search(r"^\s*[%!]|import \*", cell.source, re.MULTILINE):
            yield f"{where}: a magic, a shell command or a star import"
        if any(marker in cell.source for marker in IGNORE_MARKERS):
            yield f"{where}: an nbval marker"
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"{where}: stderr in its output"
            if output.output_type == "error":
                yield f"{where}: an error in its output"
            if WIDGET_VIEW in output.get("data", {}):
                yield f"{where}: a widget view"
    for cell in notebook.cells:
        if cell.metadata:
            yield f"cell {cell.id}: metadata {dict(cell.metadata)}. A lesson has no hidden or tagged cells"
    for shown in unsupported_numbers(notebook):
        yield f"the prose says {shown}, which is not in any output"
    yield from missing_parts(notebook)
    yield from undescribed_pictures(notebook)


def missing_parts(notebook: NotebookNode) -> Iterator[str]:
    """Yield the required parts that a lesson lacks."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    opening, ending = prose[0], prose[-1]
    headings = re.findall(
        r"^(#+) ", re.sub(r"^```.*?^```", "", "\n".join(prose), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    levels = [len(heading) for heading in headings]
    if levels.count(1) != 1 or levels[:1] != [1]:
        yield "it needs one # heading, at the beginning"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield "a level of headings is skipped"
    for part in ("**You will be able to**", "**You need**"):
        if part not in opening:
            yield f"its first cell does not say {part}"
    minutes = re.search(r"\*\*Time:\*\* (?:about \d+|(\d+) to (\d+)) minutes", opening)
    if not minutes or (minutes[1] and not 15 <= int(minutes[1]) < int(minutes[2]) <= 45):
        yield "its first cell does not say **Time:** about … minutes, or … to … minutes, from 15 to 45"
    if notebook.cells[-1].cell_type != "markdown" or not ending.startswith("## Recap"):
        yield "its last cell is not a ## Recap"
    if re.findall(r"^(\d)\. ", ending, re.MULTILINE) != list("12345"):
        yield "its recap does not have five numbered lines"
    questions = ending.partition("**Without scrolling:**")[2].partition("**What would change if**")
    if questions[0].count("?") != 3 or "?" not in questions[2]:
        yield "its recap does not ask three questions **Without scrolling:**, and **What would change if** …?"
    if any(re.search(r"^\s*(import|from) ", source, re.MULTILINE) for source in code[1:]):
        yield "a later code cell imports something. Move it to the first code cell"
    for target in re.findall(r"\]\(([^)#]+)", "\n".join(prose)):
        if not target.startswith("https://") and not (LESSONS / target).exists():
            yield f"a link leads to {target}, which does not exist"


def undescribed_pictures(notebook: NotebookNode) -> Iterator[str]:
    """Yield each output that contains a picture without a description."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data, words = output.get("data", {}), output.get("data", {}).get("text/plain", "")
            if "image/png" in data:  # JupyterLab ignores its alternative text
                yield f"cell {cell.id}: a plot without a description. Show it with shown(…)"
            tags = re.findall(r"<img\b[^>]*>", data.get("text/html", ""))
            if any('alt="' not in tag or 'alt=""' in tag for tag in tags) or words.startswith("<matplotlib"):
                yield f"cell {cell.id}: a picture without a description"


def unsupported_numbers(notebook: NotebookNode) -> Iterator[str]:
    """Yield each decimal number of the prose that is not in any output of the notebook."""
    outputs = " ".join(_text(output) for cell in notebook.cells for output in cell.get("outputs", []))
    known = set(_decimals(outputs))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from (shown for shown in _decimals(cell.source) if shown not in known)


def _text(output: NotebookNode) -> str:
    return output.get("text", "") or output.get("data", {}).get("text/plain", "")


def _decimals(text: str) -> list[str]:
    """Return the decimal numbers in a text, without trailing zeros and plus, and with a hyphen as minus.

    >>> _decimals("from −0.500 to +0.25, 1.50e−7, version 1.2.3")
    ['-0.5', '0.25', '1.5e-7']
    """
    found = re.findall(r"(?<![\w.])(-?\d+\.\d+)(e-?\d+)?(?!\.?\d)", text.replace("−", "-").replace("+", " "))
    return [mantissa.rstrip("0").rstrip(".") + exponent for mantissa, exponent in found]


def main() -> int:
    """Regenerate or check all lessons, and return 1 if one of them has a problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing and only report problems")
    check, bad = parser.parse_args().check, False
    for path in sorted(LESSONS.glob("*.ipynb")):
        if not check:
            print(f"{path.name}: {'written' if regenerate(path) else 'unchanged'}")
        found = [*problems(nbformat.read(path, as_version=4))]
        if path.stat().st_size > MOST_BYTES:
            found.append(f"{path.stat().st_size:,} bytes are more than {MOST_BYTES:,}")
        bad = bad or bool(found)
        print("".join(f"{path.name}: {problem}\n" for problem in found), end="")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
