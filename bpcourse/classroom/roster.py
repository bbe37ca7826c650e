"""The names of the students of a class, read from a list."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from bpcourse.classroom.text import JOINERS
from bpcourse.engine.validation import require

WHOLE = ("name", "names", "fullname", "student", "students", "studentname", "namen", "teilnehmer", "studierende")
FIRST = ("firstname", "givenname", "forename", "firstnames", "givennames", "vorname", "vornamen", "rufname")
LAST = ("lastname", "surname", "familyname", "nachname", "familienname", "zuname")
LONGEST_NAME = 200


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names in a list: one in each line, or a CSV with commas, semicolons or tabs and a header, in UTF-8.

    A name is in the column "name", or its parts are in two (`_columns`); without a header there is one column alone.

    Raises ValueError, in words, for another encoding, several columns without a header, a line without a name, a name
    that is too long, an empty list.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        lines = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8; save it again as “CSV UTF-8” or as plain text in UTF-8.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no list of names, in CSV or one in each line: {error}.") from None
    rows = [(number, [_in_one_line(cell) for cell in line]) for number, line in enumerate(lines, start=1)]
    rows = [(number, cells) for number, cells in rows if any(cells)]
    header = rows[0][1] if rows else []
    headed, found = _columns(header), []
    columns, width = (headed, len(header)) if headed else ([0], 1)
    advice = "Give one column the heading “name”, or write one name in each line, in quotes if it has a comma."
    where = " or ".join(str(column + 1) for column in columns)
    for number, cells in rows[1 if headed else 0 :]:
        it_has = f"it has {', '.join(cells)!r}"
        require(not any(cells[width:]), f"{path}: row {number} has columns without a known heading; {it_has}. {advice}")
        name = " ".join(cells[column] for column in columns if any(cells[column : column + 1]))
        require(name, f"{path}: row {number} has no name in column {where}; {it_has}.")
        require(len(name) <= LONGEST_NAME, f"{path}: the name in row {number} has more than {LONGEST_NAME} letters.")
        found.append(name)
    require(found, f"{path} holds no names; needed one in each line.")
    return tuple(found)


def _columns(header: Sequence[str]) -> list[int]:
    """Return the columns of a name, or of its parts in their order, by their headings; none if this is no header."""
    headings = ["".join(filter(str.isalpha, cell.casefold())) for cell in header]
    kinds = (WHOLE, FIRST, LAST)
    whole, first, last = ([headings.index(each) for each in kind if each in headings][:1] for kind in kinds)
    if first and not last and "name" in headings:  # as in German: Name, Vorname
        return first + whole
    return whole or first + last


def _in_one_line(text: str) -> str:
    """Return a text without what controls a terminal or the direction of writing, but with what joins letters."""
    kinds = {each: unicodedata.category(each) for each in set(text) if each not in JOINERS}
    letters = (" " if kinds.get(each) == "Cc" else "" if kinds.get(each) == "Cf" else each for each in text)
    return " ".join("".join(letters).split())
