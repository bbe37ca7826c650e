"""The files of a class: who is in it, a sheet and a key for each, and what is needed to mark them.

    DIR/sheets/sheet-001.html …                                   for the students
    DIR/key/key-001.html …, DIR/key/answers.csv, DIR/key/class.json   for the instructor

Every file is whole or absent, at any moment. A run that was cut short is finished by the same command: what is there
stays as it is. The record of the class is there from the beginning, under another name, so that sheets of two classes
never come into one folder; its own name, and the table of answers, say that all is done. The secret is in no file.
"""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import unicodedata
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from bpcourse.classroom.pages import FORMATS, rows
from bpcourse.classroom.printing import ADVICE, print_page
from bpcourse.classroom.sheets import Plan
from bpcourse.engine.validation import is_count, require

HEADINGS = ("name", "names", "full name", "student", "students", "surname", "last name", "first name")
LONGEST_NAME = 200
JOINERS = "\u200c\u200d"  # print nothing, and many scripts need them within a name
MOST_SHEETS = 100_000
ALONE = 4  # sheets for which no further process is started
MOST_PROCESSES = 8
RECORD, UNFINISHED, ANSWERS = "class.json", "class-unfinished.json", "answers.csv"
SCRATCH = "bpcourse-printing-"  # begins the name of a browser's folder, which is there while it prints


# Who is in the class


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names in a list: one in each line, or a CSV with commas or semicolons, in UTF-8.

    A first line that holds one of `HEADINGS` is a header; names are then in the column "name", else in the first one.

    Raises ValueError, in words, for another encoding, a line without a name, a name that is too long, an empty list.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        mark = ";" if first.count(";") > first.count(",") else ","
        lines = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8; save it again as “CSV UTF-8” or as plain text in UTF-8.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no list of names, in CSV or one in each line: {error}.") from None
    column, found = 0, []
    for number, line in enumerate(lines, start=1):
        cells = [_in_one_line(cell) for cell in line]
        if not any(cells):
            continue
        headings = [cell.casefold() for cell in cells]
        if number == 1 and any(heading in HEADINGS for heading in headings):
            column = headings.index("name") if "name" in headings else 0
            continue
        name = cells[column] if column < len(cells) else ""
        require(name, f"{path}: row {number} has no name in column {column + 1}; it has {', '.join(cells)!r}.")
        require(len(name) <= LONGEST_NAME, f"{path}: the name in row {number} has more than {LONGEST_NAME} letters.")
        found.append(name)
    require(found, f"{path} holds no names; needed one in each line.")
    return tuple(found)


def _in_one_line(text: str) -> str:
    """Return a text without what controls a terminal or the direction of writing, but with what joins letters."""
    kinds = {each: unicodedata.category(each) for each in set(text) if each not in JOINERS}
    letters = (" " if kinds.get(each) == "Cc" else "" if kinds.get(each) == "Cf" else each for each in text)
    return " ".join("".join(letters).split())


# What is written


@dataclass(frozen=True)
class Class:
    """A class and where its files are.

    plan : what is asked
    count : the number of sheets
    names : of the students of sheets 1, 2, …; there may be fewer than sheets
    folder : for all files
    format : one of `FORMATS`
    browser : the program that prints, for PDF alone
    """

    plan: Plan
    count: int
    names: tuple[str, ...]
    folder: Path
    format: str = "html"
    browser: str | None = None

    def __post_init__(self) -> None:
        fits = is_count(self.count) and self.count <= MOST_SHEETS
        require(fits, f"the number of sheets must be 1 to {MOST_SHEETS}; got {self.count!r}.")
        few = f"there are {len(self.names)} names for {self.count} sheets: leave --count out, or raise it."
        require(len(self.names) <= self.count, few)
        needs = f"PDF needs a Chromium, Chrome or Edge, and none was found. {ADVICE}"
        require(FORMATS[self.format].ending != ".pdf" or self.browser, needs)

    @property
    def record(self) -> dict[str, object]:
        """What is needed to mark, but for the secret."""
        names = {str(number): name for number, name in enumerate(self.names, start=1)}
        return {"version": 1, "topics": list(self.plan.topics), "level": self.plan.level, "count": self.count} | {
            "stamp": self.plan.stamp,
            "names": names,
        }

    def name(self, number: int) -> str:
        """Return the name of the student who has a sheet, or "" if none is known."""
        return self.names[number - 1] if number <= len(self.names) else ""

    def paths(self, number: int) -> tuple[Path, Path]:
        """Return where a sheet and its key are."""
        ending = FORMATS[self.format].ending
        return (
            self.folder / "sheets" / f"sheet-{number:03}{ending}",
            self.folder / "key" / f"key-{number:03}{ending}",
        )

    @property
    def missing(self) -> list[int]:
        """The numbers of the sheets of which a file is not there."""
        return [number for number in range(1, self.count + 1) if not all(map(Path.exists, self.paths(number)))]


def require_own(chosen: Class, force: bool = False) -> None:
    """Raise ValueError, in words, if the folder holds what the class would be mixed up with, or would overwrite.

    force : whether files of the same plan may be overwritten
    """
    key = chosen.folder / "key"
    there = [path for path in (key / RECORD, key / UNFINISHED) if path.exists()]
    for path in there:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            stamp, same = record["stamp"], record == chosen.record
        except (ValueError, LookupError, TypeError):
            raise ValueError(f"{path} is damaged. Name another folder, or take the file away.") from None
        other = f"{chosen.folder} holds sheets of another plan: other topics, another level or another secret"
        require(stamp == chosen.plan.stamp, f"{other} (--seed). Name another folder, or give the same again.")
        changed = f"{chosen.folder} holds sheets of the same plan for another list of names or another number"
        require(same or force, f"{changed}. Name another folder, or add --force to write all of them again.")
    if not there and not force:
        places = (path for number in range(1, chosen.count + 1) for path in chosen.paths(number))
        taken = next(filter(Path.exists, (key / ANSWERS, *places)), None)
        require(taken is None, f"{taken} is there already, and not from a run like this. Name another folder.")


def write_class(chosen: Class, force: bool = False) -> int:
    """Write what is missing of the files of a class, and return how many sheets that concerned.

    force : write all of them, over those that are there

    Raises ValueError, in words, as `require_own` and `print_page` do, OSError if the disk refuses.
    """
    from tqdm import tqdm

    require_own(chosen, force)
    key, answered = chosen.folder / "key", (chosen.folder / "key" / ANSWERS).exists() and not force
    numbers = chosen.missing if answered else list(range(1, chosen.count + 1))  # the table has the answers of all
    concerned = numbers if force else chosen.missing
    for folder in (key, chosen.folder / "sheets"):
        folder.mkdir(parents=True, exist_ok=True)
    if force or not (key / RECORD).exists():
        write_whole(key / UNFINISHED, json.dumps(chosen.record, ensure_ascii=False, indent=1) + "\n")
    try:
        with closing(_made(chosen, numbers, force)) as made:
            shown = tqdm(made, total=len(numbers), unit="sheet", delay=1)
            if answered:
                deque(shown, maxlen=0)
            else:
                write_whole(key / ANSWERS, _answers(shown))
    finally:
        for scratch in chosen.folder.glob(f"{SCRATCH}*"):  # also those of a run that was killed
            shutil.rmtree(scratch, ignore_errors=True)
    if (key / UNFINISHED).exists():
        (key / UNFINISHED).replace(key / RECORD)
    return len(concerned)


def write_whole(path: Path, parts: str | Iterable[str]) -> None:
    """Write a text, or its parts one after the other, so that the file is there whole or not at all."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines([parts] if isinstance(parts, str) else parts)
        partial.replace(path)
    except BaseException:  # also Ctrl-C
        partial.unlink(missing_ok=True)
        raise


Answers = tuple[tuple[int, int, str, float], ...]
"""Sheet, question, name and right value of all that a sheet asks for."""


def _answers(made: Iterable[Answers]) -> Iterator[str]:
    """Yield the lines of the table of answers. Names and numbers of ours need no quotes but those around a comma."""
    yield "sheet,question,name,value\n"
    for answers in made:
        for sheet, question, name, value in answers:
            yield f'{sheet},{question},"{name}",{value:.6g}\n'


def _make(chosen: Class, force: bool, number: int) -> Answers:
    """Write a sheet and its key, if they are not there, and return the answers."""
    sheet, form = chosen.plan.sheet(number), FORMATS[chosen.format]
    for path, text in zip(chosen.paths(number), (form.sheet, form.key), strict=True):
        if path.exists() and not force:
            path.with_name(f"{path.name}.part").unlink(missing_ok=True)
        elif form.ending == ".pdf" and chosen.browser:
            scratch = chosen.folder.resolve() / f"{SCRATCH}{os.getpid()}"
            print_page(chosen.browser, text(sheet, chosen.name(number)), path, scratch)
        else:
            write_whole(path, text(sheet, chosen.name(number)))
    return tuple((number, each.number, row.name, row.value) for each in sheet.questions for row in rows(each))


def _made(chosen: Class, numbers: Sequence[int], force: bool) -> Generator[Answers, None, None]:
    """Make the sheets in as many processes as there are processors, and yield their answers in order.

    Each process has its own sheets and its own pipe: nothing is shared that could be left locked. One that is alone,
    as the first was killed, ends as soon as it finds nobody to send to.
    """
    make, count = partial(_make, chosen, force), min(os.cpu_count() or 1, MOST_PROCESSES)
    if len(numbers) <= ALONE:
        yield from map(make, numbers)
        return
    context, workers, pipes = multiprocessing.get_context("spawn"), [], []
    try:
        for each in range(count):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(make, numbers[each::count], theirs), daemon=True)
            worker.start()
            theirs.close()  # so that the end of the process is the end of what comes
            workers.append(worker)
            pipes.append(ours)
        for place in range(len(numbers)):
            answers = pipes[place % count].recv()
            if isinstance(answers, Exception):
                raise answers
            yield answers
    except EOFError:
        raise ValueError("a process was ended from outside. The same command again goes on from here.") from None
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def _work(make: Callable[[int], Answers], numbers: Sequence[int], pipe: Connection) -> None:
    """Make some of the sheets, and send the answers of each, or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which then ends this one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a browser is ended and half a file removed
    try:
        for number in numbers:
            pipe.send(make(number))
    except BrokenPipeError:  # nobody is there any more
        return
    except Exception as error:
        pipe.send(error)
