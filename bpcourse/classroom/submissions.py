"""Read what students hand in. Nothing in these files is trusted, and nothing in them is executed.

A notebook is parsed as JSON, and the text of its cells is searched for answers (`cells`). A table
has a row for each answer.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from bpcourse.classroom.cells import MOST_ANSWERS, Answer, read_cells
from bpcourse.classroom.files import (
    TABLES,
    HandedIn,
    UnreadableFileError,
    content,
    demand,
    handed_in,
    on_disk,
)
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.text import LONGEST, shown
from bpcourse.engine.validation import is_count, require
from bpcourse.tutor.reading import read_answer

RECORD, VERSION = "class.json", 1  # the file with everything that is needed to mark a class, except the secret
COLUMNS = ["sheet", "question", "name", "answer"]


# The class


@dataclass(frozen=True)
class ClassRecord:
    """Everything needed to mark a class except the secret, as stored in KEYDIR/class.json.

    Parameters
    ----------
    topics : tuple of str
        The topics of the class's `Plan`.
    level : int
        The level of the plan.
    count : int
        The number of sheets.
    stamp : str
        The stamp of the plan, by which the secret is recognized.
    names : mapping of int to str
        The names of the students by sheet number. It may be empty.
    ids, emails : mapping of int to str
        Their ID numbers and e-mail addresses, for the gradebook. They do not affect the sheets, so
        two records are equal without them.
    """

    topics: tuple[str, ...]
    level: int
    count: int
    stamp: str
    names: Mapping[int, str]
    ids: Mapping[int, str] = field(default_factory=dict, compare=False)
    emails: Mapping[int, str] = field(default_factory=dict, compare=False)

    def plan(self, secret: str) -> Plan:
        """Return the plan of the class.

        Raises
        ------
        ValueError
            If the sheets were made with a different secret.

        Examples
        --------
        >>> record = ClassRecord(("bias",), 2, 30, Plan(("bias",), 2, "a long secret").stamp, {})
        >>> record.plan("a different one")
        Traceback (most recent call last):
        ValueError: the sheets of this class were made with a different secret. Give the --seed that was used then.
        """
        plan = Plan(self.topics, self.level, secret)
        advice = "Give the --seed that was used then."
        require(plan.stamp == self.stamp, f"the sheets of this class were made with a different secret. {advice}")
        return plan


def read_record(folder: Path, name: str = RECORD) -> ClassRecord:
    """Read the record of a class.

    Parameters
    ----------
    folder : Path
        The folder of the key.
    name : str
        The name of the file in it.

    Raises
    ------
    UnreadableFileError
        If the file does not describe a class. The message begins with the path of the file.
    """
    path = folder / name
    try:
        found = _json(content(path))
        topics, level, count, stamp, names = (found[key] for key in ("topics", "level", "count", "stamp", "names"))
        require(found["version"] == VERSION and is_count(level) and is_count(count) and isinstance(topics, list), "")
        students = [names, found.get("ids", {}), found.get("emails", {})]  # older files have only names
        require(all(isinstance(text, str) for text in (*topics, stamp, *chain(*map(dict.values, students)))), "")
        by_number = ({int(number): text for number, text in each.items()} for each in students)
        return ClassRecord(tuple(topics), level, count, stamp, *by_number)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{path} {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        advice = "needed the folder `key` that bpcourse sheet wrote, with version 1"
        raise UnreadableFileError(f"{path} does not describe a class; {advice}") from None


# All files of a folder


@dataclass(frozen=True)
class Answers:
    """The answers to one sheet in one file.

    Parameters
    ----------
    sheet : int
        The number of the sheet.
    source : str
        The path of the file, relative to the folder that was read.
    values : mapping
        The answers: question number → name of the value → answer.
    notes : tuple of str
        What the instructor should know about how the file was read.
    """

    sheet: int
    source: str
    values: Mapping[int, Mapping[str, Answer]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remark:
    """A remark about a file, and whether the file, or a part of it, was skipped because of that."""

    source: str
    text: str
    skipped: bool = True


def collect(
    folder: Path, count: int, omit: Iterable[Path] = (), tables: Iterable[Path] = ()
) -> tuple[list[Answers], list[Remark]]:
    """Read all notebooks and tables in a folder, its subfolders and its archives.

    Whatever is wrong with a file becomes a remark and does not affect the other files. If several
    files contain the same sheet, see `_agreed`.

    Parameters
    ----------
    folder : Path
        The folder to read.
    count : int
        The number of sheets of the class.
    omit : iterable of Path
        Folders that contain no answers, such as the key.
    tables : iterable of Path
        The instructor's own tables, inside or outside the folder. Only these may have answers to
        several sheets, and they count rather than other files.

    Returns
    -------
    answers : list of Answers
        The answers, ordered by sheet.
    remarks : list of Remark
        The remarks about files.
    """
    own = {Path(os.path.realpath(path)): path for path in tables}
    files = [(file, True) for path in own.values() for file in on_disk(path, shown(str(path)))]
    versions: dict[int, list[tuple[bool, Answers]]] = {}
    remarks: list[Remark] = []
    for file, trusted in chain(files, ((file, False) for file in handed_in(folder, (*omit, *own)))):
        found: list[Answers] = []
        try:
            found = read_file(file)
            several = len(found) > 1 and not trusted
            advice = f"If this table is yours, name it: --table {file.source}"
            demand(not several, f"has answers to {len(found)} sheets, so it may overwrite those of others. {advice}")
        except UnreadableFileError as error:
            remarks.append(Remark(file.source, str(error)))
            continue
        except Exception as error:  # one file must not stop the others
            remarks.append(Remark(file.source, f"cannot be read: {unexpected(error)}"))
            continue
        if strange := [each.sheet for each in found if each.sheet > count]:
            more = f" and {len(strange) - 1} other sheets" if len(strange) > 1 else ""
            text = f"is for sheet {strange[0]}{more}; this class has the sheets 1 to {count}."
            remarks.append(Remark(file.source, text))
        for each in found:
            if each.sheet <= count:
                remarks += [Remark(file.source, f"Sheet {each.sheet}: {note}", False) for note in each.notes]
                versions.setdefault(each.sheet, []).append((trusted, each))
    agreed = [_agreed(versions[sheet], remarks) for sheet in sorted(versions)]
    return [one for one in agreed if one is not None], remarks


def unexpected(error: Exception) -> str:
    """Return a sentence about an error that only a fault of this program can cause.

    Examples
    --------
    >>> unexpected(IndexError("list index out of range"))
    'unexpected IndexError: list index out of range. This is a fault of bpcourse; please report it.'
    """
    return f"unexpected {type(error).__name__}: {shown(str(error))}. This is a fault of bpcourse; please report it."


def _agreed(versions: list[tuple[bool, Answers]], remarks: list[Remark]) -> Answers | None:
    """Return the answers that count if several files contain the same sheet, and add remarks on the others.

    A table that the instructor named counts rather than other files. Otherwise, the file with most
    answers counts, but only if the files agree in every value that several of them answer. If they
    do not, somebody may have handed in the sheet of somebody else, so none of them counts.
    """
    trusted = [answers for own, answers in versions if own]
    several = trusted or [answers for _, answers in versions]
    fullest = max(several, key=lambda one: len(_filled(one)))
    sheet = fullest.sheet
    for own, other in versions:
        if trusted and not own:
            text = f"contains sheet {sheet}, but the table {fullest.source} was marked, as --table says."
            remarks.append(Remark(other.source, text))
    known: dict[tuple[int, str], object] = {}
    for one in several:
        if differ := [place for place, value in _filled(one).items() if known.setdefault(place, value) != value]:
            question, name = differ[0]
            names = shown(", ".join(each.source for each in several), 500)
            text = f"differ in {shown(name)} of question {question}: {names}. Remove those that do not count."
            text = f"contains sheet {sheet}, which was not marked, because these files {text}"
            remarks += [Remark(each.source, text) for each in several]
            return None
    others = [one for one in several if one is not fullest]
    same = f"contains sheet {sheet}, but {fullest.source}, which has at least as many answers and agrees, was marked."
    remarks += [Remark(other.source, same) for other in others]
    notes = [f"{len(several)} files contain this sheet and agree; {fullest.source} was marked."] if others else []
    return replace(fullest, notes=(*notes, *fullest.notes))


def _filled(answers: Answers) -> dict[tuple[int, str], object]:
    """Return the answers that are not blank, by question and name. Numbers are read, so that 0,50 equals 0.5."""
    found: dict[tuple[int, str], object] = {}
    for question, values in answers.values.items():
        for name, answer in values.items():
            value: object = answer
            with suppress(ValueError):
                reading = read_answer(answer)
                value = reading and reading.value
            if value is not None:
                found[question, re.sub(r"\s", "", name)] = value
    return found


# One file


def read_file(file: HandedIn) -> list[Answers]:
    """Read a notebook, or a table with the columns sheet, question, name and answer.

    Parameters
    ----------
    file : HandedIn
        The file.

    Returns
    -------
    list of Answers
        The answers to each sheet in the file.

    Raises
    ------
    UnreadableFileError
        If the file is neither, is larger than 50 MB, or cannot be read.
    """
    content = file.read()
    if file.name.endswith(TABLES):
        found, notes = read_table(_text(content))
        return [Answers(sheet, file.source, values, tuple(notes)) for sheet, values in found.items()]
    notebook = _json(content)
    cells = _cells(notebook)
    number, note = _sheet_number(notebook, cells, file.name)
    code = [_source(cell) for cell in cells if cell.get("cell_type") == "code"]
    texts = [_source(cell) for cell in cells if cell.get("cell_type") != "code"]
    values, notes = read_cells(code, texts)
    return [Answers(number, file.source, values, tuple(filter(None, (note, *notes))))]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError("is not UTF-8 text; save it as UTF-8.") from None


def _json(content: bytes) -> dict[str, Any]:
    """Return the object in a JSON file. An object with the same key twice is refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        require(len(found) == len(pairs), "one object has the same key twice")
        return found

    text = _text(content)
    try:
        found = json.loads(text, object_pairs_hook=once)
        require(isinstance(found, dict), "needed a JSON object")
    except (RecursionError, MemoryError):
        raise UnreadableFileError("is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableFileError(f"is not a notebook: {shown(str(error))}.") from None
    return dict(found)


# A notebook


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a notebook of format 4."""
    got = f"got {shown(str(notebook.get('nbformat')))}. Open and save it in a current Jupyter."
    demand(notebook.get("nbformat") == 4, f"needed notebook format 4; {got}")
    cells: Any = notebook.get("cells")
    listed = isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)
    demand(listed, "is not a notebook: needed a list of cells.")
    return list(cells)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _sheet_number(notebook: dict[str, Any], cells: list[dict[str, Any]], name: str) -> tuple[int, str]:
    """Return the number of the sheet, and a note or "". It is in the metadata, the heading or the file's name."""
    level: Any = notebook
    for key in ("metadata", "bpcourse", "sheet"):
        level = level.get(key) if isinstance(level, dict) else None
    found = [int(level)] if is_count(level) and level < 10**9 else []
    titles = (_source(cell) for cell in cells if cell.get("cell_type") == "markdown")
    headings = (re.match(r"#[ \t]{1,9}Sheet[ \t]{1,9}([1-9]\d{0,8})\b", title) for title in titles)
    found += [int(heading[1]) for heading in headings if heading][:1]
    named = re.search(r"sheet[-_ ]{0,3}0{0,8}([1-9]\d{0,8})(?!\d)", name)
    demand(found or named, 'does not say which sheet it is: needed a heading such as "# Sheet 12".')
    if not found and named:
        return int(named[1]), "its number was only in the name of the file."
    differ = f"its metadata say sheet {found[0]}, which counts; its heading says sheet {found[-1]}."
    return found[0], differ if found[0] != found[-1] else ""


# A table


def read_table(text: str) -> tuple[dict[int, dict[int, dict[str, Answer]]], list[str]]:
    r"""Read the answers in a table whose columns are separated by commas, semicolons or tabs.

    A name such as ``dW1[2,1]`` and an answer such as ``0,25`` need no quotation marks.

    Parameters
    ----------
    text : str
        The table, with the columns sheet, question, name and answer.

    Returns
    -------
    answers : dict
        Sheet number → question number → name of the value → answer.
    notes : list of str
        What the instructor should know.

    Raises
    ------
    UnreadableFileError
        If the table has different columns.

    Examples
    --------
    >>> read_table("sheet,question,name,answer\n12,1,dW1[2,1],0,25\n")
    ({12: {1: {'dW1[2,1]': '0,25'}}}, [])
    """
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: dict[int, dict[int, dict[str, Answer]]] = {}
    bad: list[int] = []
    again = 0
    entry = re.compile(rf"\s?([^\[{delimiter}]+(?:\[[^\]]*\](?:@\d+)?)?)\s?(?:{delimiter}(.*))?", re.DOTALL)
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        got = shown(", ".join(header))
        demand(header[:4] == COLUMNS and not any(header[4:]), f"needed the columns {', '.join(COLUMNS)}; got {got!r}.")
        for row in rows:
            rest = delimiter.join(row[2:])
            pair = entry.fullmatch(rest) if len(rest) <= 2 * LONGEST else None
            numbers = [int(cell) for cell in map(str.strip, row[:2]) if re.fullmatch(r"[1-9]\d{0,8}", cell)]
            if len(numbers) < 2 or pair is None:
                bad += [rows.line_num] if any(map(str.strip, row)) else []
                continue
            values = found.setdefault(numbers[0], {}).setdefault(numbers[1], {})
            name = pair[1].strip()
            again += name in values
            if len(values) < MOST_ANSWERS:
                values[name] = (pair[2] or "").strip().rstrip(delimiter).removeprefix("'") or None
    except csv.Error as error:
        raise UnreadableFileError(f"is not a table (line {rows.line_num}: {error}).") from None
    notes = [f"{again} answers appear twice; the last ones count."] if again else []
    if bad:
        some = ", ".join(map(str, bad[:5]))
        notes.append(f"{len(bad)} lines do not give a sheet, question, name and answer: line {some}.")
    return found, notes
