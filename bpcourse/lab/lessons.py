"""The lessons of the course, and the copies that a student works on.

A student's file is never overwritten. `copy` leaves existing files unchanged, and `restore` saves the student's version
under a new name first. Copies have no outputs, so that no result is there before the student's. They remember their
cells, so that a lesson that nobody edited can be replaced by a newer version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
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
        try:
            notebook = json.loads((folder / lesson.name).read_bytes())
            copied, now = notebook["metadata"]["bpcourse"]["cells"], fingerprint(notebook)
        except (OSError, ValueError, LookupError, TypeError):
            continue  # there is no copy, or it is not one that we know
        if copied != fingerprint(json.loads(lesson.read_bytes())):
            yield lesson, now != copied


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


def restore(lesson: Path, folder: Path) -> Path | None:
    """Put the original of a lesson into a folder, after saving the student's version.

    Parameters
    ----------
    lesson : Path
        An original lesson, as `find` returns it.
    folder : Path
        The folder of the student's lessons. It is created if it does not exist.

    Returns
    -------
    Path or None
        Where the student's version was saved, or None if there was none.

    Raises
    ------
    UserError
        If the lesson cannot be restored. No file is lost.
    """
    target, saved = folder / lesson.name, None
    try:
        if target.exists() and target.samefile(lesson):
            raise UserError(f"{target} is the original lesson of this clone. Restore it with git.")
        folder.mkdir(parents=True, exist_ok=True)
        saved = _save(target)
        if not _create(target, student_copy(lesson)):
            raise FileExistsError(0, "it reappeared while it was being reset (is it open in Jupyter?)")
    except OSError as error:
        kept = f" Your lesson is saved as {saved}." if saved else ""
        raise UserError(f"cannot restore {target}: {error.strerror}. Nothing was overwritten.{kept}") from error
    return saved


def _create(target: Path, content: bytes) -> bool:
    """Write a new file unless it exists, and return whether it was written."""
    try:
        file = target.open("xb")  # mode "x" cannot overwrite, even if the target has just been created
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except BaseException:  # Ctrl-C too: half a lesson would never be completed later
        target.unlink()
        raise
    return True


def _save(path: Path) -> Path | None:
    """Move a file to a new name with the date and time, and return that name, or None if there is no file."""
    saved = _reserve(path)
    try:
        path.replace(saved)  # a link is moved too, even if it leads nowhere
    except BaseException as error:
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
