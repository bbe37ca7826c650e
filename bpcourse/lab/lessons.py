"""The lessons of the course, and the copies that a student works on.

A student's file is never overwritten. `copy` leaves existing files unchanged, and `restore` saves the student's version
under a new name first. A lesson gets its name only when it is complete: an interruption or a full disk leaves no half
lesson. Copies have no outputs, so that no result is there before the student's. They remember their cells, so that a
lesson that nobody edited can be replaced by a newer version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PACKAGE = Path(__file__).parents[1]


class UserError(ValueError):
    """A problem that the user can fix. Its text says how."""


def source() -> Path:
    """Return the folder of the original lessons: in the installed package, or in the clone."""
    installed = PACKAGE / "data" / "lessons"
    return installed if installed.is_dir() else PACKAGE.parent / "lessons"


def in_clone() -> bool:
    """Return whether the package is used from a clone of the project, with its tests."""
    return source().parent == PACKAGE.parent and (PACKAGE.parent / "tests").is_dir()


def originals() -> list[Path]:
    """Return the original lessons in reading order.

    Raises
    ------
    UserError
        If there are none.
    """
    found = sorted(source().glob("*.ipynb"))
    if not found:
        raise UserError(f"there are no lessons in {source()}. Install bpcourse again.")
    return found


def find(name: str) -> Path:
    """Return the original lesson with this number or name.

    Parameters
    ----------
    name : str
        A number such as "3" or "03", or a file name with or without its ending.

    Raises
    ------
    UserError
        If there is no such lesson.
    """
    number = name and name.zfill(2)
    for lesson in originals():
        if number in (lesson.name[:2], lesson.stem, lesson.name):
            return lesson
    known = ", ".join(lesson.name for lesson in originals())
    raise UserError(f"unknown lesson {name!r}. The lessons are: {known}")


def student_copy(lesson: Path, *, outputs: bool = False) -> bytes:
    """Return a lesson as students get it: by default without outputs, and with a fingerprint of its cells."""
    notebook = json.loads(lesson.read_bytes())
    notebook["metadata"]["bpcourse"] = {"cells": fingerprint(notebook)}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and not outputs:
            cell["outputs"], cell["execution_count"] = [], None
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def fingerprint(notebook: dict[str, Any]) -> str:
    """Return a text that changes if a cell is edited, but not if it is run."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def outdated(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield each original that is newer than its copy in a folder, and whether that copy was edited."""
    for lesson in originals():
        notebook = _read(folder / lesson.name)
        copied = notebook and notebook["metadata"].get("bpcourse", {}).get("cells")
        if copied and copied != fingerprint(json.loads(lesson.read_bytes())):
            yield lesson, copied != fingerprint(notebook)


def unreadable(folder: Path) -> list[Path]:
    """Return each original whose copy in a folder is not a notebook, for example after an interrupted save."""
    return [one for one in originals() if os.path.lexists(folder / one.name) and not _read(folder / one.name)]


def _read(path: Path) -> dict[str, Any]:
    """Return a notebook with its cells and metadata, or an empty dictionary if a file is not one."""
    try:
        notebook = json.loads(path.read_bytes()) if path.is_file() else {}  # a pipe would never end
        fingerprint(notebook)
        notebook["metadata"].get("bpcourse", {}).get("cells")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return notebook


def copy(folder: Path, *, outputs: bool = False) -> list[Path]:
    """Copy each lesson that a folder does not hold yet, and return the new files.

    Parameters
    ----------
    folder : Path
        Where to copy the lessons. It is created if it does not exist.
    outputs : bool
        Whether the copies keep the outputs.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    advice = "Choose a different folder: bpcourse lab OTHER"
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file. Expected a folder for the lessons. {advice}")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise UserError(f"cannot write lessons into {folder}: it is read-only. {advice}")
        made = ((folder / lesson.name, student_copy(lesson, outputs=outputs)) for lesson in originals())
        return [target for target, content in made if _create(target, content)]
    except OSError as error:
        raise UserError(f"cannot write lessons into {folder}: {error.strerror}. {advice}") from error


def restore(lesson: Path, folder: Path) -> list[Path]:
    """Put the original of a lesson into a folder, after saving the student's version.

    Parameters
    ----------
    lesson : Path
        An original lesson, as `find` returns it.
    folder : Path
        The folder of the student's lessons. It is created if it does not exist.

    Returns
    -------
    list of Path
        Where the student's version was saved, if there was one. If Jupyter was killed while it saved the lesson, the
        version before that follows.

    Raises
    ------
    UserError
        If the lesson cannot be restored. No file is lost.
    """
    target, saved = folder / lesson.name, []
    try:
        if target.exists() and target.samefile(lesson):
            raise UserError(f"{target} is the original lesson of this clone. Restore it with git.")
        folder.mkdir(parents=True, exist_ok=True)
        with _complete(target, student_copy(lesson)) as fresh:  # before anything is moved: the disk may be full
            for path in (target, folder / f".~{target.name}"):  # the second is Jupyter's, from a save without an end
                if os.path.lexists(path) and (kept := _save(path, target)):
                    saved.append(kept)
            if not _name(fresh, target):
                raise FileExistsError(0, "it reappeared while it was being reset (is it open in Jupyter?)")
    except OSError as error:
        kept_as = f" Your lesson is saved as {saved[0]}." if saved else ""
        raise UserError(f"cannot restore {target}: {error.strerror}. Nothing was overwritten.{kept_as}") from error
    return saved


def _create(target: Path, content: bytes) -> bool:
    """Write a new file unless it exists, and return whether it was written."""
    if os.path.lexists(target):
        return False
    with _complete(target, content) as fresh:
        return _name(fresh, target)


@contextmanager
def _complete(target: Path, content: bytes) -> Iterator[Path]:
    """Yield a temporary file with the whole content of a future `target`."""
    with TemporaryDirectory(prefix=".bpcourse-", dir=target.parent) as folder:
        fresh = Path(folder) / target.name
        fresh.write_bytes(content)
        yield fresh


def _name(fresh: Path, target: Path) -> bool:
    """Give a complete file its name, unless another file has it by now, and return whether it got it."""
    try:
        try:
            os.link(fresh, target)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            with target.open("xb") as file:  # mode "x" cannot overwrite
                file.write(fresh.read_bytes())
    except FileExistsError:
        return False
    return True


def _save(path: Path, lesson: Path) -> Path | None:
    """Move a file to a new name with the date and time, and return that name, or None if there is no file."""
    saved = _reserve(lesson)
    try:
        path.replace(saved)  # a link is moved too, even if it leads nowhere
    except BaseException as error:  # Ctrl-C too, even after the move
        if saved.lstat().st_size == 0:
            saved.unlink()
        if isinstance(error, FileNotFoundError):
            return None
        raise
    return saved


def _reserve(path: Path) -> Path:
    """Create an empty file beside `path` under a dated name that no other file has.

    Creating the file, rather than looking whether it exists, keeps two resets at once from choosing the same name.
    """
    dated = f"{path.stem}-saved-{datetime.now():%Y-%m-%d-%H%M%S}"
    number = 1
    while True:
        saved = path.with_name(f"{dated}{f'-{number}' if number > 1 else ''}{path.suffix}")
        try:
            saved.open("xb").close()
            return saved
        except FileExistsError:
            number += 1
