"""The files of a class: who is in it, a sheet and a key for each, and what is needed to mark them.

    DIR/sheets/sheet-001.html …                                   for the students
    DIR/key/key-001.html …, DIR/key/answers.csv, DIR/key/class.json   for the instructor

Every file is whole or absent, at any moment, also while several runs write into one folder. A run that was cut short
is finished by the same command: what is there stays as it is; only a run that was killed may leave something named
*.part or bpcourse-printing-*. The record of the class is there from the beginning, under another name, so that sheets
of two classes never come into one folder; its own name, and the table of answers, say that all is done. The secret is
in no file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from bpcourse.classroom.pdf import ADVICE, end_running, print_page
from bpcourse.classroom.plan import RECORD, VERSION, Plan
from bpcourse.classroom.sheets import FORMATS, rows
from bpcourse.engine.validation import is_count, require

MOST_SHEETS = 100_000
ALONE = 4  # sheets for which no further process is started
MOST_PROCESSES = 8
UNFINISHED, ANSWERS = "class-unfinished.json", "answers.csv"
SCRATCH = "bpcourse-printing-"  # begins the name of a run's folder for browsers, which is there while it runs


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
        return {"version": VERSION, "topics": list(self.plan.topics), "level": self.plan.level, "count": self.count} | {
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
    there = False
    for path in (key / UNFINISHED, key / RECORD):  # the second is there before another run takes the first away
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            stamp, same, there = record["stamp"], record == chosen.record, True
        except FileNotFoundError:
            continue
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
    record = json.dumps(chosen.record, ensure_ascii=False, indent=1) + "\n"
    if force or not (key / RECORD).exists():
        write_whole(key / UNFINISHED, record)
    with (
        TemporaryDirectory(prefix=SCRATCH, dir=chosen.folder.resolve(), ignore_cleanup_errors=True) as scratch,
        closing(_made(chosen, numbers, force, Path(scratch))) as made,
    ):
        shown = tqdm(made, total=len(numbers), unit="sheet", delay=1)
        if answered:
            deque(shown, maxlen=0)
        else:
            write_whole(key / ANSWERS, _answers(shown))
    if force or not (key / RECORD).exists():
        write_whole(key / RECORD, record)
    (key / UNFINISHED).unlink(missing_ok=True)
    return len(concerned)


def write_whole(path: Path, parts: str | Iterable[str]) -> None:
    """Write a text, or its parts one after the other, so that the file is there whole or not at all."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")  # no other run writes to that
    try:
        with partial.open("x", encoding="utf-8", newline="\n") as file:
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


def _make(chosen: Class, force: bool, scratch: Path, number: int) -> Answers:
    """Write a sheet and its key, if they are not there, and return the answers."""
    sheet, form = chosen.plan.sheet(number), FORMATS[chosen.format]
    for path, text in zip(chosen.paths(number), (form.sheet, form.key), strict=True):
        if path.exists() and not force:
            continue
        if form.ending == ".pdf" and chosen.browser:
            print_page(chosen.browser, text(sheet, chosen.name(number)), path, scratch / str(os.getpid()))
        else:
            write_whole(path, text(sheet, chosen.name(number)))
    return tuple((number, each.number, row.name, row.value) for each in sheet.questions for row in rows(each))


def _made(chosen: Class, numbers: Sequence[int], force: bool, scratch: Path) -> Generator[Answers, None, None]:
    """Make the sheets in as many processes as there are processors, and yield their answers in order.

    Each process has its own sheets and its own pipe: nothing is shared that could be left locked. One that is alone,
    as the first was killed, ends as soon as it finds nobody to send to.
    """
    make, count = partial(_make, chosen, force, scratch), min(os.cpu_count() or 1, MOST_PROCESSES)
    if len(numbers) <= (0 if chosen.browser else ALONE):  # another process ends a browser if this one is killed
        yield from map(make, numbers)
        return
    context, workers, pipes = multiprocessing.get_context("spawn"), [], []
    try:
        for each in range(count):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(make, numbers[each::count], theirs), daemon=True)
            with _ctrl_c_left_to_us():
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
        for pipe, worker in zip(pipes, workers, strict=False):
            pipe.close()  # a process that misses its signal, as Python drops one now and then, finds nobody to send to
            worker.terminate()
        for worker in workers:
            worker.join()


@contextmanager
def _ctrl_c_left_to_us() -> Iterator[None]:
    """Let a process that is started meanwhile ignore Ctrl-C from its first moment on: it inherits that."""
    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and before is not None
    if not ours:  # it cannot be set here, or not be set back
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(make: Callable[[int], Answers], numbers: Sequence[int], pipe: Connection) -> None:
    """Make some of the sheets, and send the answers of each, or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which then ends this one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a browser is ended and half a file removed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for number in numbers:
            pipe.send(make(number))
    except BrokenPipeError:  # nobody is there any more
        return
    except Exception as error:
        pipe.send(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end_running()
        os._exit(1)
