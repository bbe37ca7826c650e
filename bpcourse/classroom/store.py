"""The folder of a class: a sheet and a key for each student, and what is needed to mark them.

    DIR/sheets/sheet-001.html …                                       for the students
    DIR/key/key-001.html …, DIR/key/answers.csv, DIR/key/class.json   for the instructor

Every file is complete or does not exist, at any moment, also while several runs write into one
folder. If a run is interrupted, the same command finishes it, and existing files stay unchanged.
Only a run that was killed may leave something named ``*.part`` or ``bpcourse-printing-*``.

The record of the class is written first, as ``class-unfinished.json``, so that the sheets of two
classes never get into one folder. It is called ``class.json`` once everything is written. The
secret is not in any file.
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
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from bpcourse.classroom.pdf import ADVICE, UNINTERRUPTED, end_running, print_page
from bpcourse.classroom.plan import RECORD, VERSION, Plan
from bpcourse.classroom.sheets import FORMATS
from bpcourse.engine.validation import is_count, require

MOST_SHEETS = 100_000
FEW = 4  # sheets, for which no further process is started
MOST_PROCESSES = 8
AHEAD = 4  # sheets for each process that wait to be made
UNFINISHED, ANSWERS = "class-unfinished.json", "answers.csv"
SCRATCH = "bpcourse-printing-"  # begins the name of the folder for the browsers' own files during a run

Answers = tuple[tuple[int, int, str, float], ...]
"""Sheet, question, name and right value of everything that a sheet asks for."""

State = Literal["new", "unfinished", "complete", "occupied", "other plan", "other class"]

REFUSALS: dict[State, str] = {
    "occupied": "{} has sheets, keys or answers, but no record of their class. Choose a different folder.",
    "other plan": "{} has sheets of other topics, another level or another secret (--seed). Choose a different folder.",
    "other class": "{} has sheets for different names or a different number. Choose a different folder or add --force.",
}
"""Why a folder in this state is refused."""


@dataclass(frozen=True)
class Class:
    """A class and its plan.

    Parameters
    ----------
    plan : Plan
        What is asked.
    count : int
        The number of sheets.
    names : tuple of str
        The students of sheets 1, 2, …; there may be fewer than sheets.
    """

    plan: Plan
    count: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fits = is_count(self.count) and self.count <= MOST_SHEETS
        require(fits, f"the number of sheets must be 1 to {MOST_SHEETS}; got {self.count!r}.")
        few = f"there are {len(self.names)} names for {self.count} sheets. Omit --count, or raise it."
        require(len(self.names) <= self.count, few)

    @property
    def record(self) -> dict[str, object]:
        """Everything that is needed for marking, except the secret."""
        return {
            "version": VERSION,
            "topics": list(self.plan.topics),
            "level": self.plan.level,
            "count": self.count,
            "stamp": self.plan.stamp,
            "names": {str(number): name for number, name in enumerate(self.names, start=1)},
        }

    def name(self, number: int) -> str:
        """Return the name of the student who gets a sheet, or "" if it is unknown."""
        return self.names[number - 1] if number <= len(self.names) else ""


@dataclass(frozen=True)
class ClassFolder:
    """The folder with the files of a class.

    Parameters
    ----------
    path : pathlib.Path
        The folder. It need not exist.
    format : str
        One of `FORMATS`.
    browser : str, optional
        The program that prints, needed only for PDF.
    """

    path: Path
    format: str = "html"
    browser: str | None = None

    def __post_init__(self) -> None:
        needed = f"PDF needs Chromium, Chrome or Edge, and none was found. {ADVICE}"
        require(FORMATS[self.format].ending != ".pdf" or self.browser, needed)

    @property
    def key(self) -> Path:
        """The folder of the instructor's files."""
        return self.path / "key"

    def files(self, number: int) -> tuple[Path, Path]:
        """Return the paths of a sheet and its key."""
        name = f"{number:03}{FORMATS[self.format].ending}"
        return self.path / "sheets" / f"sheet-{name}", self.key / f"key-{name}"

    def missing(self, chosen: Class) -> list[int]:
        """Return the numbers of the sheets of a class of which a file does not exist."""
        return [number for number in range(1, chosen.count + 1) if not all(map(Path.exists, self.files(number)))]

    def state(self, chosen: Class) -> State:
        """Compare the content of the folder with a class.

        Returns
        -------
        str
            "new": nothing. "unfinished", "complete": the files of this class. "occupied": files that
            a run would overwrite, without a record. "other plan", "other class": the files of a
            different class; only with "other class" the questions are the same.

        Raises
        ------
        ValueError
            If a record is damaged.
        """
        # In this order: another run writes the second record before it deletes the first.
        records = [record for name in (UNFINISHED, RECORD) if (record := _read_record(self.key / name))]
        if any(record["stamp"] != chosen.plan.stamp for record in records):
            return "other plan"
        if any(record != chosen.record for record in records):
            return "other class"
        if records:
            return "complete" if (self.key / RECORD).exists() else "unfinished"
        files = (path for number in range(1, chosen.count + 1) for path in self.files(number))
        return "occupied" if any(map(Path.exists, (self.key / ANSWERS, *files))) else "new"

    def require_fit(self, chosen: Class, *, force: bool = False) -> State:
        """Return the state of the folder. Raise ValueError if the files of a class must not be written into it.

        Parameters
        ----------
        chosen : Class
            The class.
        force : bool
            Whether files may be overwritten. Those of a different plan never are.
        """
        state = self.state(chosen)
        overwritten = force and state != "other plan"
        require(state not in REFUSALS or overwritten, REFUSALS.get(state, "").format(self.path))
        return state


def _read_record(path: Path) -> dict[str, Any] | None:
    """Return the record of a class, None if the file does not exist; ValueError if it is damaged."""
    try:
        require(path.is_file() or not path.exists(), "not an ordinary file")
        record = json.loads(path.read_text(encoding="utf-8"))
        require(isinstance(record["stamp"], str), "a wrong stamp")
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ValueError(f"{path} is damaged. Choose a different folder, or remove this file.") from None
    return dict(record)


def write_class(chosen: Class, folder: ClassFolder, *, force: bool = False) -> int:
    """Write the missing files of a class.

    Parameters
    ----------
    chosen : Class
        The class.
    folder : ClassFolder
        Where its files are.
    force : bool
        Whether all files are written, over existing ones.

    Returns
    -------
    int
        How many sheets were missing, or with `force` how many there are.

    Raises
    ------
    ValueError
        As `ClassFolder.require_fit` and `print_page` do, or if another process was killed.
    OSError
        If the disk cannot be written.
    """
    from tqdm import tqdm

    complete = folder.require_fit(chosen, force=force) == "complete" and not force
    everything = range(1, chosen.count + 1)
    missing = everything if force else folder.missing(chosen)
    answers = folder.key / ANSWERS
    answered = answers.exists() and not force
    numbers = missing if answered else everything  # the table needs the answers of all sheets
    for path in folder.files(1):
        path.parent.mkdir(parents=True, exist_ok=True)
    record = json.dumps(chosen.record, ensure_ascii=False, indent=1) + "\n"
    if not complete:
        write_whole(folder.key / UNFINISHED, record)
    with (
        TemporaryDirectory(prefix=SCRATCH, dir=folder.path.resolve(), ignore_cleanup_errors=True) as scratch,
        closing(_made(chosen, folder, numbers, force, Path(scratch))) as made,
    ):
        progress = tqdm(made, total=len(numbers), unit="sheet", delay=1)
        if answered:
            deque(progress, maxlen=0)
        else:
            write_whole(answers, _answer_lines(progress))
    if not complete:
        write_whole(folder.key / RECORD, record)
    (folder.key / UNFINISHED).unlink(missing_ok=True)
    return len(missing)


def write_whole(path: Path, parts: str | Iterable[str]) -> None:
    """Write a text, or its parts one after the other, so that the file is complete or does not exist."""
    partial_file = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")  # no other run writes to this file
    try:
        with partial_file.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines([parts] if isinstance(parts, str) else parts)
        partial_file.replace(path)
    except BaseException:  # also Ctrl-C
        partial_file.unlink(missing_ok=True)
        raise


def _answer_lines(made: Iterable[Answers]) -> Iterator[str]:
    """Yield the lines of the table of answers. Our names need no quotes except around a comma."""
    yield "sheet,question,name,value\n"
    for answers in made:
        for sheet, question, name, value in answers:
            yield f'{sheet},{question},"{name}",{value:.6g}\n'


# Several processes


def _make(plan: Plan, folder: ClassFolder, force: bool, scratch: Path, number: int, name: str) -> Answers:
    """Write a sheet and its key if they do not exist, and return the answers."""
    sheet, form = plan.sheet(number), FORMATS[folder.format]
    for path, text in zip(folder.files(number), (form.sheet, form.key), strict=True):
        if path.exists() and not force:
            continue
        content = text(sheet, name)
        if form.ending == ".pdf" and folder.browser:
            print_page(folder.browser, content, path, scratch / str(os.getpid()))
        else:
            with UNINTERRUPTED:
                write_whole(path, content)
    return tuple((number, each.number, row.name, row.value) for each in sheet.questions for row in each.values)


def _made(
    chosen: Class, folder: ClassFolder, numbers: Sequence[int], force: bool, scratch: Path
) -> Generator[Answers, None, None]:
    """Make sheets in several processes, and yield the answers of each in order.

    The processes end as soon as this one closes the pipe to them, or ends in any way.
    """
    make = partial(_make, chosen.plan, folder, force, scratch)
    jobs = [(number, chosen.name(number)) for number in numbers]
    if len(jobs) <= FEW and not folder.browser:  # a browser needs a process that ends it if this one is killed
        yield from starmap(make, jobs)
        return
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    count = min(os.cpu_count() or 1, MOST_PROCESSES)
    waiting: deque[Future[Answers]] = deque()
    with ProcessPoolExecutor(count, context, _start_process, (theirs,)) as pool, ours:
        try:
            for job in jobs:
                with _ctrl_c_later():
                    waiting.append(pool.submit(make, *job))
                if len(waiting) > AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise ValueError("a worker process was killed. Run the same command again to continue.") from None


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Put Ctrl-C off for a moment. A process that is started then never gets it: it inherits this."""
    if sys.platform == "win32":
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _start_process(pipe: Connection) -> None:
    """Prepare a process: it ends when the first process closes the pipe or ends, not by a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # unlike SIG_IGN, a browser does not inherit this
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()


def _end_with(pipe: Connection) -> None:
    """Wait until the pipe is closed. Then end this process and its browser, but not in the middle of a file."""
    with suppress(EOFError, OSError):
        pipe.recv_bytes()
    with UNINTERRUPTED:
        end_running()
        os._exit(0)
