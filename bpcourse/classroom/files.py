"""Find the files that students handed in: in folders, and in archives as Moodle makes them.

Nothing is extracted to disk, and no link is followed. An archive may contain further archives, one
for each student, but not archives in these. Files are read one at a time, and each has a limited
size.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from bpcourse.classroom.text import shown

LARGEST_FILE = 50_000_000  # bytes; a notebook may contain photos
DIRECTORY = 300  # bytes for each file in the list of an archive; its path and dates need about 150
LARGEST_RATIO = 200  # of the unpacked to the packed size of a large file, as in no archive of notebooks
NOTEBOOKS, TABLES = (".ipynb", ".ipynb.txt", ".json"), (".csv", ".csv.txt")
UNPACKING = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error)  # errors of a damaged archive


class UnreadableFileError(ValueError):
    """A file that cannot be marked. The message continues the words "This file …"."""


def demand(condition: object, problem: str) -> None:
    """Raise UnreadableFileError unless a condition holds."""
    if not condition:
        raise UnreadableFileError(problem)


@dataclass(frozen=True)
class Limits:
    """How much is read from an archive: the number of files, and their unpacked size in bytes."""

    files: int
    size: int


OUTER, INNER = Limits(50_000, 10_000_000_000), Limits(1_000, 200_000_000)


@dataclass(frozen=True)
class HandedIn:
    """A file that was handed in.

    Parameters
    ----------
    source : str
        Where it was found, as shown in the report.
    read : callable
        Returns its content. It raises UnreadableFileError if there is a reason not to read it.
    """

    source: str
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The name of the file, in small letters."""
        return self.source.rpartition("/")[2].lower()


def handed_in(folder: Path, omit: Iterable[Path] = ()) -> Iterator[HandedIn]:
    """Yield the files below a folder, and those in archives.

    Hidden files and folders are ignored, because Jupyter keeps its checkpoints there.

    Parameters
    ----------
    folder : Path
        The folder.
    omit : iterable of Path
        Files and folders that contain no answers, such as the key.
    """
    closed: list[OSError] = []
    omitted = {Path(os.path.realpath(each)) for each in omit}  # where `resolve` raises for a link to itself
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if not _hidden(name) and (here / name).resolve() not in omitted)
        for path in sorted(here / name for name in folders if (here / name).is_symlink()):
            yield _refused(_relative(path, folder), "is a link to a folder.")
        for path in sorted(here / name for name in files if not _hidden(name)):
            if path.is_symlink() or path.resolve() not in omitted:
                yield from on_disk(path, _relative(path, folder))
    for error in closed:
        yield _refused(_relative(Path(error.filename), folder), f"cannot be opened: {error.strerror}.")


def on_disk(path: Path, source: str) -> Iterator[HandedIn]:
    """Yield a file, or the files in it if it is an archive."""
    if not source.lower().endswith(".zip"):
        yield _known(HandedIn(source, lambda: content(path)))
        return
    try:
        with _opened(path) as file:
            yield from _in_archive(file, source, OUTER)
    except UnreadableFileError as error:
        yield _refused(source, str(error))
    except OSError as error:
        yield _refused(source, f"cannot be read: {error.strerror}.")


def content(path: Path) -> bytes:
    """Return the bytes of a regular file of limited size.

    Raises
    ------
    UnreadableFileError
        If it is anything else. A link could lead to any private file.
    """
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            demand(size <= LARGEST_FILE, _too_large(size))
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise UnreadableFileError(f"cannot be read: {error.strerror}.") from None


def _opened(path: Path) -> IO[bytes]:
    """Open a regular file. Anything else, such as a pipe, is not opened."""
    mode = path.lstat().st_mode
    kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
    demand(stat.S_ISREG(mode), f"is {kind}; needed the file itself.")
    return path.open("rb")


def _in_archive(file: IO[bytes], source: str, limits: Limits) -> Iterator[HandedIn]:
    """Yield the files in an archive. A file over a limit, and all after it, are refused one by one."""
    if _directory(file) > DIRECTORY * limits.files:  # read before the list itself, which takes time and memory
        yield _refused(source, f"lists too many files; at most {limits.files:,} are read.")
        return
    try:
        archive = zipfile.ZipFile(file)
    except UNPACKING as error:
        yield _refused(source, f"cannot be unpacked: {shown(str(error))}.")
        return
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _hidden(entry.filename)]
        if len(entries) > limits.files:
            yield _refused(source, f"contains {len(entries):,} files; at most {limits.files:,} are read.")
            return
        total = 0
        for entry in sorted(entries, key=lambda each: each.filename):
            total += entry.file_size
            inside, problem = f"{source}/{shown(entry.filename)}", _problem(entry, total, limits)
            if problem:
                yield _refused(inside, problem)
            elif not inside.lower().endswith(".zip"):
                yield _known(HandedIn(inside, partial(_unpacked, archive, entry)))
            elif limits is INNER:
                yield _refused(inside, "is an archive in an archive in an archive. Unpack it.")
            else:
                try:
                    inner = io.BytesIO(_unpacked(archive, entry))
                except UnreadableFileError as error:
                    yield _refused(inside, str(error))
                else:
                    yield from _in_archive(inner, inside, INNER)


def _directory(file: IO[bytes]) -> int:
    """Return the size in bytes of the list of files in an archive, as its end says."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 66_000))  # a comment of 65,535 characters may follow
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    large = tail.rfind(b"PK\6\6", max(0, end - 76), max(0, end))  # the record of a very large archive
    size = int.from_bytes(tail[large + 40 : large + 48], "little") if large >= 0 else 0
    return max(size, int.from_bytes(tail[end:][12:16], "little") % 0xFFFFFFFF)


def _problem(entry: zipfile.ZipInfo, total: int, limits: Limits) -> str:
    """Return why a file in an archive is not read, or ""."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "has a path that leads out of its archive."
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link; needed the file itself."
    if entry.flag_bits & 1:
        return "is encrypted."
    if entry.file_size > LARGEST_FILE:
        return _too_large(entry.file_size)
    if entry.file_size > max(1_000_000, LARGEST_RATIO * entry.compress_size):
        return f"has {entry.file_size:,} bytes, but only {entry.compress_size:,} when packed, as no notebook does."
    if total > limits.size:
        return f"is beyond the first {limits.size:,} bytes of its archive, which are read. Unpack the archive."
    return ""


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the content of a file in an archive. It is never longer than the archive says."""
    try:
        return archive.read(entry)
    except UNPACKING as error:
        raise UnreadableFileError(f"cannot be unpacked: {shown(str(error))}.") from None


def _known(file: HandedIn) -> HandedIn:
    """Return a notebook or a table, and refuse any other kind of file."""
    known = file.name.endswith((*NOTEBOOKS, *TABLES))
    return file if known else _refused(file.source, "is neither a notebook (.ipynb) nor a table (.csv).")


def _refused(source: str, problem: str) -> HandedIn:
    """Return a file that cannot be read for a known reason."""

    def read() -> bytes:
        raise UnreadableFileError(problem)

    return HandedIn(source, read)


def _too_large(size: int) -> str:
    return f"has {size:,} bytes; at most {LARGEST_FILE:,} are read. Are there large pictures in it?"


def _relative(path: Path, folder: Path) -> str:
    return shown(path.relative_to(folder).as_posix())


def _hidden(path: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.split("/") if part not in (".", ".."))
