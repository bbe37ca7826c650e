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
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bpcourse.classroom.cells import MOST_ANSWERS, MOST_NOTES, Answer, read_cells
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.text import LONGEST, shown
from bpcourse.engine.validation import is_count, require

RECORD, VERSION = "class.json", 1  # the file with everything that is needed to mark a class, except the secret
LARGEST_FILE = 5_000_000  # bytes
COLUMNS = ["sheet", "question", "name", "answer"]


class UnreadableFileError(ValueError):
    """A file that cannot be marked. The message continues the words "This file …"."""


def _demand(condition: object, problem: str) -> None:
    """Raise UnreadableFileError unless a condition holds."""
    if not condition:
        raise UnreadableFileError(problem)


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
    """

    topics: tuple[str, ...]
    level: int
    count: int
    stamp: str
    names: Mapping[int, str]

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
        found = _json(_content(path))
        topics, level, count, stamp, names = (found[key] for key in ("topics", "level", "count", "stamp", "names"))
        require(found["version"] == VERSION and is_count(level) and is_count(count) and isinstance(topics, list), "")
        require(all(isinstance(text, str) for text in (*topics, stamp, *names.values())), "")
        return ClassRecord(tuple(topics), level, count, stamp, {int(number): name for number, name in names.items()})
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
    time : int
        The time of the last change, in nanoseconds.
    values : mapping
        The answers: question number → name of the value → answer.
    notes : tuple of str
        What the instructor should know about how the file was read.
    """

    sheet: int
    source: str
    time: int
    values: Mapping[int, Mapping[str, Answer]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remark:
    """A remark about a file, and whether the file, or a part of it, was skipped because of that."""

    source: str
    text: str
    skipped: bool = True


def collect(folder: Path, count: int, omit: Iterable[Path] = ()) -> tuple[list[Answers], list[Remark]]:
    """Read all notebooks and tables in a folder and its subfolders.

    If two files hold the same sheet, the newer one counts and both are named. Whatever is wrong
    with a file becomes a remark and does not affect the other files. Hidden files are ignored,
    because Jupyter keeps its checkpoints there.

    Parameters
    ----------
    folder : Path
        The folder to read.
    count : int
        The number of sheets of the class.
    omit : iterable of Path
        Folders that contain no answers, such as the key.

    Returns
    -------
    answers : list of Answers
        The answers, ordered by sheet.
    remarks : list of Remark
        The remarks about files.
    """
    versions: dict[int, list[Answers]] = {}
    remarks: list[Remark] = []
    for path, problem in _files(folder, {each.resolve() for each in omit}):
        source, found = shown(path.relative_to(folder).as_posix()), []
        try:
            _demand(not problem, problem)
            found = read_file(path, source)
        except UnreadableFileError as error:
            remarks.append(Remark(source, str(error)))
        except Exception as error:  # one file must not stop the others
            remarks.append(Remark(source, f"cannot be read: {unexpected(error)}"))
        if strange := [each.sheet for each in found if each.sheet > count]:
            more = f" and {len(strange) - 1} other sheets" if len(strange) > 1 else ""
            remarks.append(Remark(source, f"is for sheet {strange[0]}{more}; this class has the sheets 1 to {count}."))
        for each in found:
            if each.sheet <= count:
                remarks += [Remark(source, f"Sheet {each.sheet}: {note}", False) for note in each.notes]
                versions.setdefault(each.sheet, []).append(each)
    return [_newest(versions[sheet], remarks) for sheet in sorted(versions)], remarks


def unexpected(error: Exception) -> str:
    """Return a sentence about an error that only a fault of this program can cause.

    Examples
    --------
    >>> unexpected(IndexError("list index out of range"))
    'unexpected IndexError: list index out of range. This is a fault of bpcourse; please report it.'
    """
    return f"unexpected {type(error).__name__}: {shown(str(error))}. This is a fault of bpcourse; please report it."


def _newest(versions: list[Answers], remarks: list[Remark]) -> Answers:
    """Return the newest answers to a sheet, with notes on the others."""
    *others, newest = sorted(versions, key=lambda one: one.time)
    notes = []
    for other in others:
        newer, older = ("newer", "older") if other.time < newest.time else ["of the same time"] * 2
        text = f"contains sheet {newest.sheet}, but {newest.source}, which is {newer}, was marked."
        remarks.append(Remark(other.source, text))
        notes.append(
            f"two files contain this sheet: {newest.source} was marked; {other.source} is {older} and was not."
        )
    return replace(newest, notes=(*notes[-MOST_NOTES:], *newest.notes))


def _files(folder: Path, omit: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder, each with the reason to skip it, or ""."""
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        here = Path(parent)
        seen = (name for name in folders if not name.startswith((".", "__MACOSX")))
        folders[:] = sorted(name for name in seen if (here / name).resolve() not in omit)
        yield from ((here / name, "is a link to a folder.") for name in folders if (here / name).is_symlink())
        for name in sorted(name for name in files if not name.startswith(".")):
            known = name.lower().endswith((".ipynb", ".csv"))
            yield here / name, "" if known else "is neither a notebook (.ipynb) nor a table (.csv)."
    yield from ((Path(error.filename), f"cannot be opened: {error.strerror}.") for error in closed)


# One file


def read_file(path: Path, source: str) -> list[Answers]:
    """Read a notebook, or a table with the columns sheet, question, name and answer.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        The name of the file in the report.

    Returns
    -------
    list of Answers
        The answers to each sheet in the file.

    Raises
    ------
    UnreadableFileError
        If the file is neither, is larger than 5 MB, or cannot be read.
    """
    content = _content(path)
    if path.suffix.lower() == ".csv":
        found, notes = read_table(_text(content))
    else:
        notebook = _json(content)
        cells = _cells(notebook)
        number, heading = _sheet_numbers(notebook, cells)
        values, notes = read_cells(_source(cell) for cell in cells if cell.get("cell_type") == "code")
        if number != heading:
            notes.insert(0, f"its metadata say sheet {number}, which counts; its heading says sheet {heading}.")
        found = {number: values}
    time = path.stat().st_mtime_ns
    return [Answers(sheet, source, time, values, tuple(notes)) for sheet, values in found.items()]


def _content(path: Path) -> bytes:
    """Return the bytes of a regular file of limited size. A link could lead to any private file."""
    try:
        status = path.lstat()
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        _demand(stat.S_ISREG(status.st_mode), f"is {kind}; needed the file itself.")
        size = f"has {status.st_size:,} bytes; a filled sheet has less than {LARGEST_FILE:,}."
        _demand(status.st_size <= LARGEST_FILE, size)
        with path.open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise UnreadableFileError(f"cannot be read: {error.strerror}.") from None


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
    _demand(notebook.get("nbformat") == 4, f"needed notebook format 4; {got}")
    cells: Any = notebook.get("cells")
    listed = isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)
    _demand(listed, "is not a notebook: needed a list of cells.")
    return list(cells)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _sheet_numbers(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the sheet numbers in the metadata and in the heading. If one is missing, both are equal."""
    level: Any = notebook
    for key in ("metadata", "bpcourse", "sheet"):
        level = level.get(key) if isinstance(level, dict) else None
    found = [int(level)] if is_count(level) and level < 10**9 else []
    titles = (_source(cell) for cell in cells if cell.get("cell_type") == "markdown")
    headings = (re.match(r"#[ \t]{1,9}Sheet[ \t]{1,9}([1-9]\d{0,8})\b", title) for title in titles)
    found += [int(heading[1]) for heading in headings if heading][:1]
    _demand(found, 'does not say which sheet it is: needed a heading such as "# Sheet 12".')
    return found[0], found[-1]


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
        _demand(header[:4] == COLUMNS and not any(header[4:]), f"needed the columns {', '.join(COLUMNS)}; got {got!r}.")
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
