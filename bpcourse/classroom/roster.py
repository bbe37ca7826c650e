"""The names of the students of a class, read from a list."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from bpcourse.classroom.text import JOINERS
from bpcourse.engine.validation import require

FULL_NAME = ("name", "names", "fullname", "student", "students", "studentname", "namen", "teilnehmer", "studierende")
FIRST_NAME = ("firstname", "givenname", "forename", "firstnames", "givennames", "vorname", "vornamen", "rufname")
LAST_NAME = ("lastname", "surname", "familyname", "nachname", "familienname", "zuname")
LONGEST_NAME = 200


def read_names(path: Path) -> tuple[str, ...]:
    """Read the names of students from a list.

    Parameters
    ----------
    path : pathlib.Path
        A text in UTF-8 with one name in each line, or a CSV file with a header. The separator of a
        CSV file is a comma, a semicolon or a tab. The name is in a column "name", or its parts are
        in two columns, such as "first name" and "surname". German headings work, too. A heading has
        no digits: "Student 1" is a name.

    Returns
    -------
    tuple of str
        The names, in the order of the list.

    Raises
    ------
    ValueError
        For a file that is not a list of names: a different encoding, several columns without a
        known heading, a row without a name, a name that is too long, or no names at all.
    """
    rows = _rows(path)
    require(rows, f"{path} contains no names. Write one name in each line.")
    header = rows[0][1]
    columns, width = _name_columns(header), len(header)
    if columns:
        rows = rows[1:]
        require(rows, f"{path} contains no names, only the header {', '.join(header)!r}.")
    else:
        columns, width = [0], 1
    places = " or ".join(str(column + 1) for column in columns)
    advice = "Give one column the heading “name”, or write one name in each line, in quotes if it has a comma."
    names = []
    for number, cells in rows:
        got = f"got {', '.join(cells)!r}"
        require(not any(cells[width:]), f"{path}: row {number} has columns without a known heading; {got}. {advice}")
        parts = [cells[column] for column in columns if column < len(cells)]
        name = " ".join(filter(None, parts))
        require(name, f"{path}: row {number} needs a name in column {places}; {got}.")
        require(len(name) <= LONGEST_NAME, f"{path}: the name in row {number} has more than {LONGEST_NAME} letters.")
        names.append(name)
    return tuple(names)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the number and the cells of each row that is not empty."""
    require(path.is_file() or not path.exists(), f"{path} is not an ordinary file; needed a list of names.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        require("\0" not in text, "")
        first_line = text.lstrip().partition("\n")[0]
        separator = max(",;\t", key=first_line.count)
        table = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path} is not a list of names, neither as CSV nor with one in each line: {error}.") from None
    except ValueError:  # not UTF-8, or UTF-16 without its mark, in which each second byte is 0
        raise ValueError(f"{path} is not in UTF-8; save it again as “CSV UTF-8” or as plain text in UTF-8.") from None
    rows = [[_on_one_line(cell) for cell in row] for row in table]
    return [(number, cells) for number, cells in enumerate(rows, start=1) if any(cells)]


def _name_columns(header: Sequence[str]) -> list[int]:
    """Return the columns of a name, or of its parts in their order; an empty list if this is not a header."""
    headings = [_heading(cell) for cell in header]

    def column_of(known: Sequence[str]) -> list[int]:
        return [headings.index(heading) for heading in known if heading in headings][:1]

    full, first, last = column_of(FULL_NAME), column_of(FIRST_NAME), column_of(LAST_NAME)
    if first and not last and "name" in headings:  # in German lists, "Name" beside "Vorname" is the surname
        return [*first, headings.index("name")]
    return full or first + last


def _heading(cell: str) -> str:
    """Return a heading in small letters only, or "" for what has digits, as the names "Student 1" and "Name 7" do."""
    if any(map(str.isdigit, cell)):
        return ""
    return "".join(filter(str.isalpha, cell.casefold()))


def _on_one_line(text: str) -> str:
    """Return a text without characters that control a terminal or the direction of writing."""
    replacements = {"Cc": " ", "Cf": ""}
    kept = (letter if letter in JOINERS else replacements.get(unicodedata.category(letter), letter) for letter in text)
    return " ".join("".join(kept).split())
