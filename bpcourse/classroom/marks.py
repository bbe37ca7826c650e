"""Marking a class: answers are read from files without running anything, and marked with the error carried forward.

What students hand in is not trusted. A notebook is JSON, its code cells are parsed and never run, and of their Python
only `answers_2 = {"dW1[2,1]": -0.0123, …}` is understood: numbers, fractions such as 1/3, texts, and `...` for nothing
yet. Any other value stays the text that it was written as, which the tutor then can or cannot read as a number.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bpcourse.classroom.plan import RECORD, VERSION, Plan, Question, Sheet
from bpcourse.classroom.text import LONGEST, shown
from bpcourse.engine.validation import is_count, require
from bpcourse.tutor.equations import Step, look_up, table
from bpcourse.tutor.marking import FEWEST_DIGITS, Verdict, check, half_unit, nothing_done, read_answer
from bpcourse.tutor.mistakes import MISTAKES, Mistake

LARGEST = 5_000_000  # bytes of a file
LONGEST_CELL = 20_000  # characters of a cell that is parsed
MOST_ANSWERS = 200  # for a question
MOST_NOTES = 10  # on one sheet
COLUMNS = ["sheet", "question", "name", "answer"]

Answer = float | str | None
"""A number; a text, as it was written; or nothing yet."""


class UnreadableFileError(ValueError):
    """A file that cannot be marked; the message continues "This file …"."""


# The class


@dataclass(frozen=True)
class ClassRecord:
    """What KEYDIR/class.json holds: what is needed, besides the secret, to mark a class.

    topics, level : of its plan
    count : how many sheets there are
    stamp : of its plan
    names : of the students, by the number of their sheets; perhaps none
    """

    topics: tuple[str, ...]
    level: int
    count: int
    stamp: str
    names: Mapping[int, str]

    def plan(self, secret: str) -> Plan:
        """Return the plan of the class; ValueError if the secret is another one.

        >>> record = ClassRecord(("bias",), 2, 30, Plan(("bias",), 2, "a long secret").stamp, {})
        >>> record.plan("another secret")
        Traceback (most recent call last):
        ValueError: this is not the secret that the sheets of this class were made with; needed the --seed given then.
        """
        plan = Plan(self.topics, self.level, secret)
        other = "this is not the secret that the sheets of this class were made with; needed the --seed given then."
        require(plan.stamp == self.stamp, other)
        return plan


def read_record(folder: Path) -> ClassRecord:
    """Read class.json in the folder of the key; UnreadableFileError, with the name of the file, if it is none."""
    path = folder / RECORD
    try:
        found = _json(_content(path))
        topics, level, count, stamp, names = (found[key] for key in ("topics", "level", "count", "stamp", "names"))
        fits = found["version"] == VERSION and is_count(level) and is_count(count) and isinstance(stamp, str)
        fits = fits and isinstance(topics, list) and all(isinstance(topic, str) for topic in topics)
        require(fits and all(isinstance(name, str) for name in names.values()), "")
        return ClassRecord(tuple(topics), level, count, stamp, {int(number): name for number, name in names.items()})
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{path} {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        advice = "needed the folder `key` that bpcourse sheet wrote, with version 1"
        raise UnreadableFileError(f"{path} does not describe a class; {advice}") from None


# What was handed in


@dataclass(frozen=True)
class Answers:
    """What a file holds for one sheet.

    sheet : its number
    source : the name of the file, below the folder that was read
    time : when it was changed last, in nanoseconds
    values : by question, the answers by name
    notes : what the instructor should know about how it was read
    """

    sheet: int
    source: str
    time: int
    values: Mapping[int, Mapping[str, Answer]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remark:
    """Something about a file, and whether it was skipped for it, or some of what it holds."""

    source: str
    text: str
    skipped: bool


@dataclass(frozen=True)
class Collected:
    """What a folder holds: the answers to mark, in the order of the sheets, and what there is to say about files."""

    answers: tuple[Answers, ...]
    remarks: tuple[Remark, ...]


def collect(folder: Path, count: int, leave_out: Iterable[Path] = ()) -> Collected:
    """Read all notebooks and tables below a folder. Of two files for one sheet the newer one counts, with a note.

    count : how many sheets the class has
    leave_out : folders that hold no answers, such as the key

    Hidden files are left out too: Jupyter keeps its checkpoints there. Whatever is wrong with a file is a remark.
    """
    versions: dict[int, list[Answers]] = {}
    remarks: list[Remark] = []
    for path in _files(folder, {each.resolve() for each in leave_out}, remarks):
        source = shown(path.relative_to(folder).as_posix())
        try:
            found = read_file(path, source)
        except UnreadableFileError as error:
            remarks.append(Remark(source, str(error), True))
            continue
        strange = [each.sheet for each in found if each.sheet > count]
        if strange:
            more = f", and {len(strange) - 1} other sheets" if len(strange) > 1 else ""
            said = f"is for sheet {strange[0]}{more}; this class has the sheets 1 to {count}."
            remarks.append(Remark(source, said, True))
        for each in found:
            if each.sheet <= count:
                remarks += [Remark(source, f"Sheet {each.sheet}: {note}", False) for note in each.notes]
                versions.setdefault(each.sheet, []).append(each)
    return Collected(tuple(_newest(versions[sheet], remarks) for sheet in sorted(versions)), tuple(remarks))


def _newest(versions: list[Answers], remarks: list[Remark]) -> Answers:
    """Return the newest answers to a sheet, with notes on the others: a file may hold what another student has."""
    *others, newest = sorted(versions, key=lambda one: one.time)
    notes = []
    for other in others:
        newer, older = ("newer", "older") if other.time < newest.time else ["of the same time"] * 2
        said = f"holds sheet {newest.sheet}, as {newest.source} does, which is {newer} and was marked."
        remarks.append(Remark(other.source, said, True))
        notes.append(f"two files hold this sheet: {newest.source} was marked; {other.source} is {older} and was not.")
    return replace(newest, notes=(*notes[-MOST_NOTES:], *newest.notes))


def _files(folder: Path, leave_out: set[Path], remarks: list[Remark]) -> Iterator[Path]:
    """Yield what is called a notebook or a table, in alphabetical order; remark folders that cannot be entered."""

    def cannot(error: OSError) -> None:
        where = Path(error.filename).relative_to(folder).as_posix()
        remarks.append(Remark(shown(where), f"cannot be entered: {error.strerror}.", True))

    for parent, folders, files in os.walk(folder, onerror=cannot):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        remarks += [
            Remark(shown((here / name).relative_to(folder).as_posix()), "is a link to a folder.", True)
            for name in links
        ]
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith((".", "__MACOSX")) and name not in links and (here / name).resolve() not in leave_out
        )
        named = [name for name in (*files, *folders) if name.lower().endswith((".ipynb", ".csv"))]
        for name in sorted({*files} - {*named}):
            if not name.startswith("."):
                said = "is neither a notebook (.ipynb) nor a table (.csv)."
                remarks.append(Remark(shown((here / name).relative_to(folder).as_posix()), said, True))
        yield from (here / name for name in sorted(named) if not name.startswith("."))


def read_file(path: Path, source: str) -> list[Answers]:
    """Read a notebook, or a table with the columns sheet, question, name and answer, for each sheet in it.

    source : what the file is called in the report

    Raises UnreadableFileError, in words, for a file that is no such thing, larger than 5 MB, or cannot be read.
    """
    content = _content(path)
    if path.suffix.lower() == ".csv":
        found, notes = read_table(_text(content))
    else:
        notebook = _json(content)
        cells = _cells(notebook)
        number, heading = _numbers_of_sheet(notebook, cells)
        values, notes = read_cells(_source(cell) for cell in cells if cell.get("cell_type") == "code")
        if number != heading:
            notes.insert(0, f"its metadata say sheet {number}, which counts; its heading says sheet {heading}.")
        found = {number: values}
    time = path.stat().st_mtime_ns
    return [Answers(sheet, source, time, values, tuple(notes)) for sheet, values in found.items()]


def _content(path: Path) -> bytes:
    """Return the bytes of an ordinary file that is not too large. A link could lead to any file of the instructor's."""
    try:
        mode = path.lstat()
        if stat.S_ISLNK(mode.st_mode):
            raise UnreadableFileError("is a link; needed the file itself.")
        if not stat.S_ISREG(mode.st_mode):
            kind = "a folder" if stat.S_ISDIR(mode.st_mode) else "no ordinary file"
            raise UnreadableFileError(f"is {kind}; needed a notebook or a table.")
        if mode.st_size > LARGEST:
            raise UnreadableFileError(f"has {mode.st_size:,} bytes; a filled sheet has less than {LARGEST:,}.")
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        raise UnreadableFileError(f"cannot be read: {error.strerror}.") from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError("is no text in UTF-8; save it so.") from None


def _json(content: bytes) -> dict[str, Any]:
    """Return the object that a JSON file holds. A key twice in one object is no accident, and is refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        require(len(found) == len(pairs), "one object has the same key twice")
        return found

    try:
        found = json.loads(_text(content), object_pairs_hook=once)
    except (RecursionError, MemoryError):
        raise UnreadableFileError("is nested far too deep.") from None
    except UnreadableFileError:
        raise
    except ValueError as error:
        raise UnreadableFileError(f"is no notebook: {shown(str(error))}.") from None
    if not isinstance(found, dict):
        raise UnreadableFileError("is no notebook: needed a JSON object.")
    return found


# A notebook


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a notebook of format 4; UnreadableFileError for anything else."""
    version = notebook.get("nbformat")
    if version != 4:
        said = (
            f"is of format {shown(str(version))}; open"
            if is_count(version)
            else "does not say which format it has; open"
        )
        raise UnreadableFileError(f"{said} and save it in a Jupyter of today, which writes format 4.")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableFileError("is no notebook: needed a list of cells.")
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _numbers_of_sheet(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the number in the notebook's metadata and that in its heading; if there is one alone, it is both."""
    level: Any = notebook
    for key in ("metadata", "bpcourse", "sheet"):
        level = level.get(key) if isinstance(level, dict) else None
    found = [int(level)] if is_count(level) and level < 10**9 else []
    titles = (_source(cell) for cell in cells if cell.get("cell_type") == "markdown")
    headings = (re.match(r"#[ \t]{1,9}Sheet[ \t]{1,9}([1-9]\d{0,8})\b", title) for title in titles)
    found += [int(heading[1]) for heading in headings if heading][:1]
    if not found:
        raise UnreadableFileError('does not say which sheet it is: needed its heading, such as "# Sheet 12".')
    return found[0], found[-1]


def read_cells(sources: Iterable[str]) -> tuple[dict[int, dict[str, Answer]], list[str]]:
    """Return the answers in the code of a notebook by question and name, and notes. The last of several counts.

    >>> read_cells(["answers_1 = {'dW1[2,1]': -1/4, 'loss': '0,25', 'z1[1]': ..., 'y_hat[1]': open('x')}"])
    ({1: {'dW1[2,1]': -0.25, 'loss': '0,25', 'z1[1]': None, 'y_hat[1]': "open('x')"}}, [])
    """
    found: dict[int, dict[str, Answer]] = {}
    notes: list[str] = []
    for source in sources:
        if "answers_" not in source:
            continue
        try:
            require(len(source) <= LONGEST_CELL, f"it has more than {LONGEST_CELL:,} characters")
            with warnings.catch_warnings():  # about what students' code looks like
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
            found |= _dictionaries(tree, source, notes)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            rescued = _by_names(source)
            found |= rescued
            if rescued:
                why = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
                which = ", ".join(map(str, rescued))
                said = f"the cell of question {which} is no valid Python ({shown(why)}); it was read as it stands."
                notes.append(said)
    return found, list(dict.fromkeys(notes))[:MOST_NOTES]


def _question(name: str) -> int:
    """Return K of a name answers_K, or 0 for another name."""
    found = re.fullmatch(r"answers_([1-9]\d?)", name)
    return int(found[1]) if found else 0


def _dictionaries(tree: ast.Module, source: str, notes: list[str]) -> dict[int, dict[str, Answer]]:
    """Return what is assigned to names answers_K, where it is a dictionary that is written out; note any other use."""
    found, read = {}, set()
    lines = [line.encode() for line in re.split(r"\r\n|\r|\n", source)]  # once: a hostile cell has many answers
    for statement in tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(statement.value, ast.Dict):
            pairs = list(zip(statement.value.keys, statement.value.values, strict=True))
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name) and (question := _question(target.id)):
                    read.add(target)
                    found[question] = {
                        key.value: _answer(each, lines)
                        for key, each in pairs[:MOST_ANSWERS]
                        if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    }
                    if len(found[question]) < len(pairs):
                        notes.append(f"some entries of answers_{question} have no name of their own; left out.")
    others = {_question(node.id) for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in read}
    notes += [
        f"answers_{each} is set or used by code, which was not run; see the file." for each in sorted(others - {0})
    ]
    return found


def _segment(lines: list[bytes], node: ast.expr) -> str:
    """Return what stands in the source of a node: `ast.get_source_segment`, which splits the source each time."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    taken = lines[first : last + 1]
    taken[-1] = taken[-1][: node.end_col_offset]
    taken[0] = taken[0][node.col_offset :]
    return b"\n".join(taken).decode()


def _answer(node: ast.expr, lines: list[bytes]) -> Answer:
    """Return what a value is: a number, a text, nothing yet, or else the text that stands there."""
    if isinstance(node, ast.Constant) and (node.value is ... or node.value is None):
        return None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    text = _segment(lines, node)
    try:
        value = _constant(node)
    except OverflowError:  # a whole number that is too large for a float
        return text
    return text if value is None or _has_closing_zeros(text) else value


def _constant(node: ast.expr) -> float | None:
    """Return a number, with any signs in front of it, or a fraction of two numbers; else None."""
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign, node = sign if isinstance(node.op, ast.UAdd) else -sign, node.operand
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return sign * float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not isinstance(node.left, ast.BinOp):
        above, below = _constant(node.left), _constant(node.right)
        return sign * above / below if above is not None and below else None
    return None


def _by_names(source: str) -> dict[int, dict[str, Answer]]:
    """Return the answers of a cell that is no Python, as with 0,25: what stands between one quoted name and the next.

    >>> _by_names("answers_1 = {'loss': 0,25, 'z1[1]': -0.5,")
    {1: {'loss': '0,25', 'z1[1]': -0.5}}
    """
    found: dict[int, dict[str, Answer]] = {}
    heads = re.split(r"^answers_([1-9]\d?) *=", re.sub("#.*", "", source), flags=re.MULTILINE)
    for question, body in zip(heads[1::2], heads[2::2], strict=True):
        values = found[int(question)] = {}
        names = [*re.finditer(r"""(["'])([^"'\n]{1,40})\1 ?:""", body)][:MOST_ANSWERS]
        ends = [*(name.start() for name in names[1:]), len(body)]  # of what belongs to each
        for name, end in zip(names, ends, strict=False):
            lines = body[name.end() : min(end, name.end() + LONGEST)].strip().split("\n")
            text = lines[0].rstrip(",} ").strip("\"'")
            values[name[2]] = None if text in ("", "...", "None") else _as_python(text)
    return found


def _as_python(text: str) -> Answer:
    try:
        return text if _has_closing_zeros(text) else float(text)
    except ValueError:
        return text


def _has_closing_zeros(text: str) -> bool:
    """Return whether closing zeros, which a float forgets, tell how exactly a number was written."""
    digits = text.lstrip("+-0.").replace(".", "")
    return len(digits) >= FEWEST_DIGITS and digits.isdecimal() and "." in text and text.endswith("0")


# A table


def read_table(text: str) -> tuple[dict[int, dict[int, dict[str, Answer]]], list[str]]:
    r"""Return the answers in a table by sheet, question and name, and notes; columns are parted by , or ; or tabs.

    A name such as dW1[2,1], and an answer such as 0,25, may stand in it without quotation marks.

    Raises UnreadableFileError for other columns.

    >>> read_table("sheet,question,name,answer\n12,1,dW1[2,1],0,25\n")
    ({12: {1: {'dW1[2,1]': '0,25'}}}, [])
    """
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: dict[int, dict[int, dict[str, Answer]]] = {}
    bad: list[int] = []
    again = 0
    entry = re.compile(rf"\s?([^\[{delimiter}]+(?:\[[^\]]*\](?:@\d+)?)?)\s?(?:{delimiter}(.*))?", re.DOTALL)
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        if header[:4] != COLUMNS or any(header[4:]):
            raise UnreadableFileError(f"needed the columns {', '.join(COLUMNS)}; got {shown(', '.join(header))!r}.")
        for row in rows:
            rest = delimiter.join(row[2:])
            pair = entry.fullmatch(rest) if len(rest) <= 2 * LONGEST else None
            numbers = [int(cell) for cell in row[:2] if re.fullmatch(r"\s?[1-9]\d{0,8}\s?", cell)]
            if len(numbers) < 2 or pair is None:
                bad += [rows.line_num] if any(map(str.strip, row)) else []
                continue
            values = found.setdefault(numbers[0], {}).setdefault(numbers[1], {})
            name = pair[1].strip()
            again += name in values
            if len(values) < MOST_ANSWERS:
                values[name] = (pair[2] or "").strip().rstrip(delimiter).removeprefix("'") or None
    except csv.Error as error:
        raise UnreadableFileError(f"is no table (line {rows.line_num}: {error}).") from None
    notes = [f"{again} answers stand there twice; the last ones count."] if again else []
    if bad:
        some = ", ".join(map(str, bad[:5]))
        notes.append(f"{len(bad)} lines do not say sheet, question, name and answer, the first of them: {some}.")
    return found, notes


# The marks


@dataclass(frozen=True)
class Line:
    """One value that was asked for.

    name : of the value
    written : what the student wrote, or ""
    right : the right value
    verdict : what is said about it
    """

    name: str
    written: str
    right: float
    verdict: Verdict


@dataclass(frozen=True)
class Mark:
    """One question of one student, marked.

    number, topic, asked : of the question; `asked` is the name of its answer
    lines : each value that was asked for
    slip : the first line that is not right, or None
    in_the_head : whether values on the way are missing that the right answer makes up for
    """

    number: int
    topic: str
    asked: str
    lines: tuple[Line, ...]
    slip: Line | None
    in_the_head: bool

    @property
    def points(self) -> int:
        """One for each value that is right, also given the student's own earlier ones; see `report.RULE`."""
        right = sum(line.verdict.status == "correct" for line in self.lines)
        return len(self.lines) if self.in_the_head else right


@dataclass(frozen=True)
class MarkedSheet:
    """One student's sheet, marked.

    number, name : of the sheet, and of the student or ""
    source : the name of the file
    marks : of each question
    notes : what there is to know about how it was read
    """

    number: int
    name: str
    source: str
    marks: tuple[Mark, ...]
    notes: tuple[str, ...]

    @property
    def points(self) -> int:
        """All points of the sheet."""
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        """How many there are to get."""
        return sum(len(mark.lines) for mark in self.marks)


def mark_sheet(sheet: Sheet, answers: Answers, name: str = "") -> MarkedSheet:
    """Return the marks for what a student wrote on a sheet.

    >>> sheet = Plan(("bias",), 1, "a long secret").sheet(1)
    >>> trace = sheet.questions[0].problem.trace
    >>> written = {"y_hat[1]": float(trace["y_hat"][0, 0]), "dz1[1]": float(-trace["dz1"][0, 0])}
    >>> marked = mark_sheet(sheet, Answers(1, "anna.ipynb", 0, {1: written}))
    >>> marked.points, marked.out_of, marked.marks[0].slip.verdict.mistakes[0]
    (1, 3, 'sign_slip')
    """
    notes = list(answers.notes)
    marks = tuple(_mark(question, answers.values.get(question.number, {}), notes) for question in sheet.questions)
    numbers = {question.number for question in sheet.questions}
    notes += [f"there is no question {number}." for number in sorted(answers.values.keys() - numbers)[:5]]
    return MarkedSheet(sheet.number, name, answers.source, marks, tuple(notes))


def _mark(question: Question, written: Mapping[str, Answer], notes: list[str]) -> Mark:
    problem = question.problem
    steps = table(problem.trace, problem.learning_rate)
    answers: dict[str, Answer] = dict.fromkeys(question.asked)
    for name, answer in written.items():
        own = _own_name(steps, name)
        if own in answers:
            answers[own] = answer
        elif len(notes) < MOST_NOTES:
            notes.append(f"question {question.number} does not ask for {shown(name)!r}.")
    verdict = check(problem.trace, answers, learning_rate=problem.learning_rate)
    verdicts = dict(verdict.steps)
    if verdict.first and not verdict.mistakes:
        # The chain takes the rounded numbers before; whoever kept all digits made this one from the exact ones.
        alone = check(problem.trace, verdict.first, answers[verdict.first], learning_rate=problem.learning_rate)
        verdicts[verdict.first] = alone if alone.mistakes else verdicts[verdict.first]
    values = {name: step.value for name, step in steps.items()}
    untouched = {name: nothing_done(steps[name], values) for name in answers}
    for name, answer in answers.items():
        if verdicts[name].status == "correct" and _says(answer, untouched[name]):
            alone = check(problem.trace, name, answer, learning_rate=problem.learning_rate)
            if alone.status != "correct":  # by zeros alone most of a sheet would be right, given the zeros before
                said = f"{verdicts[name].message[:-1]}: no point, as nothing had to be computed for it."
                verdicts[name] = Verdict("wrong", said)
    lines = {
        name: Line(name, "" if answer is None else shown(str(answer)), steps[name].value, verdicts[name])
        for name, answer in answers.items()
    }
    asked_last = [name for name in lines if name == problem.name or name.startswith(f"{problem.name}[")]
    status = {name: line.verdict.status for name, line in lines.items()}
    empty = [name for name in lines if status[name] == "not answered" and name not in asked_last]
    computed = any(lines[name].right != untouched[name] for name in asked_last)
    in_the_head = bool(empty) and computed and all(status[name] == "correct" for name in lines if name not in empty)
    return Mark(
        question.number, problem.topic, problem.name, tuple(lines.values()), lines.get(verdict.first), in_the_head
    )


def _says(answer: Answer, value: float) -> bool:
    """Return whether an answer is this value, to its last digit, and to three digits at least."""
    reading = read_answer(answer)
    if reading is None:
        return False
    return abs(reading.value - value) <= half_unit(reading.value, max(reading.digits, FEWEST_DIGITS))


def _own_name(steps: Mapping[str, Step], name: str) -> str:
    """Return the name that a value has here, or "" if there is no such value."""
    try:
        return look_up(steps, name).name if len(name) <= LONGEST else ""
    except ValueError:
        return ""


# What a class has in common


@dataclass(frozen=True)
class Common:
    """A mistake, and on which sheets it is the first slip of a question.

    stated : the sheets where the number can hardly have come about in another way
    possible : other sheets, where it could be this mistake
    """

    mistake: Mistake
    stated: frozenset[int]
    possible: frozenset[int]


def common(sheets: Iterable[MarkedSheet]) -> list[Common]:
    """Return the mistakes of a class, those of most students first. Of each question the first slip counts.

    Where one number can come from several mistakes, the likeliest of them counts.
    """
    found: dict[tuple[str, str], set[int]] = {}
    for sheet in sheets:
        for verdict in (mark.slip.verdict for mark in sheet.marks if mark.slip):
            if verdict.mistakes:
                found.setdefault((verdict.mistakes[0], verdict.status), set()).add(sheet.number)
    rows = []
    for id in dict.fromkeys(id for id, _ in found):
        stated = frozenset(found.get((id, "mistake"), ()))
        rows.append(Common(MISTAKES[id], stated, frozenset(found.get((id, "could be"), ())) - stated))
    return sorted(rows, key=lambda row: (-len(row.stated), -len(row.possible), row.mistake.id))
