"""The students of a class, read from a list."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpcourse.classroom.text import JOINERS
from bpcourse.engine.validation import require

# Headings in English, German, French and Spanish: small letters without accents, blanks or punctuation.
FULL_NAME = (
    *("name", "nom", "nombre", "names", "fullname", "student", "students", "studentname", "namen", "teilnehmer"),
    *("studierende", "nomcomplet", "etudiant", "etudiants", "etudiante", "eleve", "eleves", "nombrecompleto"),
    *("estudiante", "estudiantes", "alumno", "alumnos", "alumna"),
)
FIRST_NAME = (
    *("firstname", "givenname", "forename", "firstnames", "givennames", "vorname", "vornamen", "rufname"),
    *("prenom", "prenoms", "nombredepila", "nombres"),
)
LAST_NAME = (
    *("lastname", "surname", "familyname", "nachname", "familienname", "zuname", "nomdefamille"),
    *("apellido", "apellidos"),
)
EITHER_NAME = ("name", "nom", "nombre")  # the surname beside a first name, the first name beside a surname
ID_NUMBER = (
    *("id", "idnumber", "studentid", "studentnumber", "studentidnumber", "idnummer", "matrikelnummer", "matrikelnr"),
    *("numerodidentification", "numeroetudiant", "matricule", "numerodeid", "numerodeidentificacion", "matricula"),
)
EMAIL = (
    *("email", "emailaddress", "mail", "emailadresse", "mailadresse", "courriel", "adressedecourriel"),
    *("adressemail", "correo", "correoelectronico", "direcciondecorreo", "direcciondecorreoelectronico"),
)
LONGEST_NAME = 200


@dataclass(frozen=True)
class Roster:
    """The students of a class.

    Parameters
    ----------
    names : tuple of str
        Their names, in the order of the list.
    ids, emails : tuple of str
        Their ID numbers and e-mail addresses. Each is empty if the list has no such column.
    """

    names: tuple[str, ...]
    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


def read_roster(path: Path) -> Roster:
    """Read the students of a class from a list.

    Parameters
    ----------
    path : pathlib.Path
        A text in UTF-8 with one name in each line, or a CSV file with a header. The separator of a
        CSV file is a comma, a semicolon or a tab. The name is in a column "name", or its parts are
        in two columns, such as "first name" and "surname". Columns such as "ID number" and "e-mail"
        are optional. German, French and Spanish headings work, too. A heading has no digits:
        "Student 1" is a name.

    Returns
    -------
    Roster
        The students, in the order of the list.

    Raises
    ------
    ValueError
        For a file that is not a list of names: a different encoding, several columns without a
        known heading, a row without a name, a name that is too long, or no names at all.
    """
    rows = _rows(path)
    require(rows, f"{path} contains no names. Write one name in each line.")
    header = rows[0][1]
    headings, width = [_heading(cell) for cell in header], len(header)
    columns = _name_columns(headings)
    ids, emails = (_column_of(known, headings) if columns else [] for known in (ID_NUMBER, EMAIL))
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
    further = (tuple(cells[i] if i < len(cells) else "" for _, cells in rows for i in each) for each in (ids, emails))
    return Roster(tuple(names), *further)


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
        said = str(error).replace("\t", "tab")
        raise ValueError(f"{path} is not a list of names, neither as CSV nor with one in each line: {said}.") from None
    except ValueError:  # not UTF-8, or UTF-16 without its mark, in which each second byte is 0
        raise ValueError(f"{path} is not in UTF-8; save it again as “CSV UTF-8” or as plain text in UTF-8.") from None
    rows = [[_on_one_line(cell) for cell in row] for row in table]
    return [(number, cells) for number, cells in enumerate(rows, start=1) if any(cells)]


def _name_columns(headings: Sequence[str]) -> list[int]:
    """Return the columns of a name, or of its parts in their order; an empty list if this is not a header."""
    full, first, last, either = (
        _column_of(known, headings) for known in (FULL_NAME, FIRST_NAME, LAST_NAME, EITHER_NAME)
    )
    if either and bool(first) != bool(last):
        return (first or either) + (last or either)
    return full or first + last


def _column_of(known: Sequence[str], headings: Sequence[str]) -> list[int]:
    """Return the column that has the first of the known headings that occurs, or an empty list."""
    return [headings.index(heading) for heading in known if heading in headings][:1]


def _heading(cell: str) -> str:
    """Return a heading in small letters without accents, or "" if it has digits, as in "Student 1"."""
    if any(map(str.isdigit, cell)):
        return ""
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKD", cell.casefold())))


def _on_one_line(text: str) -> str:
    """Return a text without characters that control a terminal or the direction of writing."""
    replacements = {"Cc": " ", "Cf": ""}
    kept = (letter if letter in JOINERS else replacements.get(unicodedata.category(letter), letter) for letter in text)
    return " ".join("".join(kept).split())
