"""Measure the lessons: how long they take, and how they read.

    python tools/readability.py

The minutes of a lesson are computed like this: 150 words of prose a minute, two minutes for each number or line that a
blank asks for, two for each explorer, and half a minute for each cell to run. A blank is `...` in a code cell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
WORDS_A_MINUTE, BLANK, EXPLORER, CELL = 150, 2.0, 2.0, 0.5


@dataclass(frozen=True)
class Reading:
    """The measures of a text: words, sentences, the longest sentence, blanks, explorers, cells to run."""

    words: int
    sentences: int
    longest: int
    blanks: int
    explorers: int
    cells: int

    @property
    def minutes(self) -> float:
        """The time that a student needs, by the formula above."""
        return self.words / WORDS_A_MINUTE + BLANK * self.blanks + EXPLORER * self.explorers + CELL * self.cells

    @property
    def sentence(self) -> float:
        """The mean number of words in a sentence."""
        return self.words / max(1, self.sentences)


def prose(markdown: str) -> str:
    r"""Return the sentences of a cell: without code, formulas, tables, headings and the addresses of links.

    >>> prose("# Title\n\nOne `x` and [two](a.md).\n\n| a |\n|---|")
    'One x and two.'
    """
    kept = re.sub(r"```.*?```|\$\$.*?\$\$", "", markdown, flags=re.DOTALL)
    lines = [line for line in kept.splitlines() if not re.match(r"\s*(#|\||<|</)", line)]
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", "\n".join(lines))
    return re.sub(r"\$[^$]*\$|[`*]", lambda found: "x" if found[0].startswith("$") else "", text).strip()


def sentences(text: str) -> list[str]:
    """Split prose into sentences and items of lists."""
    parts = re.split(r"(?<=[.!?:])\s+(?=[A-Z“\"(])|\n\s*(?:[-*]|\d+\.)\s+|\n\s*\n", text)
    return [part for part in parts if re.search(r"\w", part)]


def measure(cells: list[dict[str, Any]]) -> Reading:
    """Measure some cells of a lesson."""
    texts = ["".join(cell["source"]) for cell in cells]
    code = [text for cell, text in zip(cells, texts, strict=True) if cell["cell_type"] == "code"]
    parts = [part for cell, text in zip(cells, texts, strict=True) if cell["cell_type"] == "markdown"
             for part in sentences(prose(text))]  # fmt: skip
    lengths = [len(part.split()) for part in parts]
    blanks = sum(len(re.findall(r"(?<![.\w])\.\.\.(?![.\w])", text)) for text in code)
    explorers = sum(bool(re.search(r"\bexplore\w*\(", text)) for text in code)
    return Reading(sum(lengths), len(parts), max(lengths, default=0), blanks, explorers, len(code))


def sittings(cells: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Split a lesson at the headings that its first cell names as the beginnings of sittings."""
    named = re.findall(r"begins at \*([^*]+)\*|the third at \*([^*]+)\*", "".join(cells[0]["source"]))
    starts = {first or second for first, second in named}
    parts: list[list[dict[str, Any]]] = [[]]
    for cell in cells:
        heading = re.match(r"#+ (.*)", "".join(cell["source"]))
        if heading and heading[1].replace("`", "") in {start.replace("`", "") for start in starts}:
            parts.append([])
        parts[-1].append(cell)
    return parts


def main() -> None:
    """Print a table of all lessons."""
    print(f"{'lesson':24}{'words':>7}{'mean':>6}{'longest':>9}{'blanks':>8}{'minutes':>9}  sittings")
    for path in sorted((PROJECT / "lessons").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        all_of_it = measure(cells)
        parts = " + ".join(f"{measure(part).minutes:.0f}" for part in sittings(cells))
        print(
            f"{path.stem:24}{all_of_it.words:>7}{all_of_it.sentence:>6.1f}{all_of_it.longest:>9}"
            f"{all_of_it.blanks:>8}{all_of_it.minutes:>9.0f}  {parts}"
        )


if __name__ == "__main__":
    main()
