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
from bpcourse.classroom.store import require_absent
from bpcourse.classroom.submissions import ClassRecord, Remark
from bpcourse.classroom.text import shown
from bpcourse.numbers import format_number
from bpcourse.render import page, render
from bpcourse.texts import write_whole
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
    separator : str
        What separates the cells of the tables: "," or ";". With ";", numbers get a decimal comma.
    """

    record: ClassRecord
    sheets: tuple[MarkedSheet, ...]
    remarks: tuple[Remark, ...]
    separator: str = ","

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
        """A table with a row for each sheet. A sheet that was not marked has empty cells rather than 0 points."""
        marked = {sheet.number: sheet for sheet in self.sheets}
        questions = [f"question {place}" for place in range(1, len(self.record.topics) + 1)]
        columns = {"ID number": self.record.ids, "Email address": self.record.emails}
        columns = {"name": self.record.names} | {heading: texts for heading, texts in columns.items() if texts}
        rows: list[list[object]] = [["sheet", *columns, "points", "of", "percent", *questions]]
        for number in range(1, self.record.count + 1):
            row: list[object] = [number, *(texts.get(number, "") for texts in columns.values())]
            if sheet := marked.get(number):
                row += [sheet.points, sheet.out_of, f"{sheet.percent:.1f}", *(mark.points for mark in sheet.marks)]
            rows.append(row + [""] * (len(rows[0]) - len(row)))
        return csv_text(rows, self.separator)

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
        return csv_text(rows, self.separator)

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


# The beginning of a formula, in a cell or after anything that a spreadsheet may take for the end of one.
FORMULA = re.compile(r"""(^|[,;])(?=[\s"']*[=+\-@＝＋－＠])""")
NUMBER = re.compile(r"[+-]?\d*[.,]?\d+(?:e[+-]?\d+)?")


def csv_text(rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    r"""Return rows as CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front.

    Examples
    --------
    >>> csv_text([["name", "points"], ["=1+1", 3]])
    "name,points\r\n'=1+1,3\r\n"
    >>> csv_text([["Ada", "97.5"]], ";")
    'Ada;97,5\r\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([_cell(each, separator) for each in row] for row in rows)
    return text.getvalue()


def _cell(value: object, separator: str) -> object:
    """Return a number, with the decimal sign that goes with a separator, or a text on one line without formulas."""
    if not isinstance(value, str):
        return value
    line = shown(value, LONGEST_CELL)
    if NUMBER.fullmatch(line):
        return line.replace(".", ",") if separator == ";" else line
    return FORMULA.sub(r"\1'", line)


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
