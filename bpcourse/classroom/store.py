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

import errno
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from bpcourse.classroom.files import UnreadableFileError
from bpcourse.classroom.pdf import ADVICE, UNINTERRUPTED, print_page
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.processes import FEW, in_processes
from bpcourse.classroom.sheets import FORMATS
from bpcourse.classroom.submissions import RECORD, VERSION, ClassRecord, read_record
from bpcourse.engine.validation import is_count, require
from bpcourse.texts import write_whole

MOST_SHEETS = 100_000
MOST_QUESTIONS = 20  # of a sheet
PRIVATE = 0o600  # only the owner may read and write
UNFINISHED, ANSWERS = "class-unfinished.json", "answers.csv"
SCRATCH = "bpcourse-printing-"  # begins the name of the folder for the browsers' own files during a run


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
    ids, emails : tuple of str
        Their ID numbers and e-mail addresses, if they are known.
    """

    plan: Plan
    count: int
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        topics = len(self.plan.topics)
        require(topics <= MOST_QUESTIONS, f"a sheet has 1 to {MOST_QUESTIONS} questions; got {topics} topics.")
        fits = is_count(self.count) and self.count <= MOST_SHEETS
        require(fits, f"the number of sheets must be 1 to {MOST_SHEETS}; got {self.count!r}.")
        few = f"there are {len(self.names)} names for {self.count} sheets. Omit --count, or raise it."
        require(len(self.names) <= self.count, few)

    @property
    def record(self) -> ClassRecord:
        """Everything that is needed for marking, except the secret."""
        students = (dict(enumerate(each, start=1)) for each in (self.names, self.ids, self.emails))
        return ClassRecord(self.plan.topics, self.plan.level, self.count, self.plan.stamp, *students)


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

    def require_fit(self, chosen: Class, *, force: bool = False) -> None:
        """Raise ValueError if the files of a class must not be written into this folder.

        Parameters
        ----------
        chosen : Class
            The class.
        force : bool
            Whether files may be overwritten. Those of a different plan never are.
        """
        records = list(self._records())
        advice = "Choose a different folder"
        plans = f"{self.path} has sheets of other topics, another level or another secret (--seed). {advice}."
        require(all(record.stamp == chosen.plan.stamp for record in records), plans)
        if force:
            return
        classes = f"{self.path} has sheets for different names or a different number. {advice} or add --force."
        require(all(record == chosen.record for record in records), classes)
        files = (path for number in range(1, chosen.count + 1) for path in self.files(number))
        found = not records and any(map(Path.exists, (self.key / ANSWERS, *files)))
        require(not found, f"{self.path} has sheets, keys or answers, but no record of their class. {advice}.")

    def _records(self) -> Iterator[ClassRecord]:
        """Yield the records in this folder. Raise ValueError for one that is damaged."""
        for name in (UNFINISHED, RECORD):  # another run writes the second before it deletes the first
            for last in (False, True):  # at the first reading, another run may not have written it yet
                try:
                    yield read_record(self.key, name)
                    break
                except UnreadableFileError:
                    path = self.key / name
                    damaged = last and path.exists()
                    require(not damaged, f"{path} is damaged. Choose a different folder, or remove this file.")


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

    folder.require_fit(chosen, force=force)
    complete = (folder.key / RECORD).exists() and not force
    everything = range(1, chosen.count + 1)
    missing = [number for number in everything if force or not all(map(Path.exists, folder.files(number)))]
    answers = folder.key / ANSWERS
    answered = answers.exists() and not force
    numbers = missing if answered else everything  # the table needs the answers of all sheets
    for path in folder.files(1):
        path.parent.mkdir(parents=True, exist_ok=True)
    folder.key.chmod(0o700)  # other users of this computer cannot read it
    content = {key: value for key, value in asdict(chosen.record).items() if value or key == "names"}
    record = json.dumps({"version": VERSION} | content, ensure_ascii=False, indent=1) + "\n"
    if not complete:
        write_whole({folder.key / UNFINISHED: record}, PRIVATE)
    few = 0 if folder.browser else FEW  # a browser needs a process that ends it if this one is killed
    with (
        TemporaryDirectory(prefix=SCRATCH, dir=folder.path.resolve(), ignore_cleanup_errors=True) as scratch,
        closing(in_processes(partial(_make, chosen, folder, force, Path(scratch)), numbers, few=few)) as made,
    ):
        progress = tqdm(made, total=len(numbers), unit="sheet", delay=1)
        if answered:
            deque(progress, maxlen=0)
        else:
            write_whole({answers: chain(["sheet,question,name,value\n"], progress)}, PRIVATE)
    if not complete:
        write_whole({folder.key / RECORD: record}, PRIVATE)
    (folder.key / UNFINISHED).unlink(missing_ok=True)
    return len(missing)


def require_absent(names: Iterable[str], folder: Path, *, force: bool) -> None:
    """Check that a folder can take new files.

    Raises
    ------
    FileExistsError
        If the folder is a file, or if it has one of the names and `force` is false.
    """
    existing = [folder / name for name in names if not force and os.path.lexists(folder / name)]
    existing += [folder] if folder.exists() and not folder.is_dir() else []
    if existing:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(existing[0]))


def _make(chosen: Class, folder: ClassFolder, force: bool, scratch: Path, number: int) -> str:
    """Write a sheet and its key if they do not exist, and return its lines of the table of answers."""
    sheet, form, name = chosen.plan.sheet(number), FORMATS[folder.format], chosen.record.names.get(number, "")
    formats = ((form.sheet, 0o666), (form.key, PRIVATE))
    for path, (text, mode) in zip(folder.files(number), formats, strict=True):
        if path.exists() and not force:
            continue
        content = text(sheet, name)
        if form.ending == ".pdf" and folder.browser:
            print_page(folder.browser, content, path, scratch / str(os.getpid()))
            if mode == PRIVATE:
                path.chmod(mode)
        else:
            with UNINTERRUPTED:
                write_whole({path: content}, mode)
    answers = ((question.number, value) for question in sheet.questions for value in question.values)
    return "".join(f'{number},{question},"{value.name}",{value.value:.6g}\n' for question, value in answers)
