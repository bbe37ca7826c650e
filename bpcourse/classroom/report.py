"""The report on a class: one page to read and to print, and two tables for other programs.

Everything that people wrote is escaped. On the page, the template escapes HTML. In the tables, no
cell can be mistaken for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpcourse import palette
from bpcourse.classroom.grading import MarkedSheet, common
from bpcourse.classroom.store import require_absent, write_whole
from bpcourse.classroom.submissions import ClassRecord, Remark
from bpcourse.classroom.text import shown
from bpcourse.numbers import format_number
from bpcourse.render import page, render
from bpcourse.tutor.practice import TOPICS
from bpcourse.tutor.verdicts import STATUS

FILES = ("report.html", "gradebook.csv", "mistakes.csv")
LONGEST_CELL = 2_000  # characters


@dataclass(frozen=True)
class Report:
    """Everything that is known about a class after marking.

    Parameters
    ----------
    record : ClassRecord
        The class.
    sheets : tuple of MarkedSheet
        The marked sheets, in order.
    remarks : tuple of Remark
        The remarks about files.
    """

    record: ClassRecord
    sheets: tuple[MarkedSheet, ...]
    remarks: tuple[Remark, ...]

    @property
    def missing(self) -> list[int]:
        """The numbers of the sheets that were not handed in, or only in files that were skipped."""
        marked = {sheet.number for sheet in self.sheets}
        return [number for number in range(1, self.record.count + 1) if number not in marked]

    @property
    def files(self) -> dict[str, str]:
        """The contents of the files to write, by name."""
        mark = "\ufeff"  # by which spreadsheets recognize UTF-8
        return dict(zip(FILES, (self.page, mark + self.gradebook, mark + self.mistakes), strict=True))

    @property
    def gradebook(self) -> str:
        """A table with a row for each sheet. A missing sheet has empty cells rather than 0 points."""
        marked = {sheet.number: sheet for sheet in self.sheets}
        questions = [f"question {place}" for place in range(1, len(self.record.topics) + 1)]
        rows: list[list[object]] = [["sheet", "name", "points", "of", "percent", *questions]]
        for number in range(1, self.record.count + 1):
            row: list[object] = [number, self.record.names.get(number, "")]
            if sheet := marked.get(number):
                row += [sheet.points, sheet.out_of, f"{sheet.percent:.1f}", *(mark.points for mark in sheet.marks)]
            rows.append(row + [""] * (len(rows[0]) - len(row)))
        return csv_text(rows)

    @property
    def mistakes(self) -> str:
        """A table with a row for each question with a slip: the first wrong value, and its verdict."""
        rows: list[list[object]] = [
            ["sheet", "name", "question", "topic", "value", "answer", "status", "mistake", "words", "hint"]
        ]
        for sheet in self.sheets:
            for mark in sheet.marks:
                if slip := mark.slip:
                    place = [sheet.number, sheet.name, mark.number, mark.topic, slip.name, slip.written]
                    verdict = slip.verdict
                    rows.append([*place, verdict.status, " ".join(verdict.mistakes), verdict.message, verdict.hint])
        return csv_text(rows)

    @property
    def page(self) -> str:
        """The report as an HTML page, which allows no network and no script."""
        body = render(
            "report.html",
            report=self,
            palette=palette,
            missing=[f"{number} {shown(self.record.names.get(number, ''))}".strip() for number in self.missing],
            common=common(self.sheets),
            topics=TOPICS,
            questions=[f"Q{place}" for place in range(1, len(self.record.topics) + 1)],
            status=STATUS,
            format_number=format_number,
        )
        return page("Marks of a class", body, render("report.css", palette=palette))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front.

    Examples
    --------
    >>> csv_text([["name", "points"], ["=1+1", 3]])
    "name,points\r\n'=1+1,3\r\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """Return a number unchanged, and a text on one line that is not a formula."""
    if not isinstance(value, str):
        return value
    line = shown(value, LONGEST_CELL)
    formula = line.lstrip()[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", line)
    return f"'{line}" if formula else line


def save(files: Mapping[str, str], folder: Path, *, force: bool = False) -> list[Path]:
    """Write files into a folder, each of them completely or not at all.

    Parameters
    ----------
    files : mapping of str to str
        The contents by name.
    folder : Path
        Where to write them. It is created if needed.
    force : bool
        Whether existing files may be overwritten.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileExistsError
        If one of them exists and `force` is false. Nothing is written then.
    """
    require_absent(files, folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {folder / name: text for name, text in files.items()}
    write_whole(contents)
    return list(contents)
