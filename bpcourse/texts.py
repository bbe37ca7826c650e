"""Files: the texts of the package, in TOML next to the modules that use them, and files that are written whole."""

from __future__ import annotations

import errno
import os
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any


def read_toml(path: str) -> dict[str, Any]:
    """Read a TOML file of the package, in its order.

    Parameters
    ----------
    path : str
        The path of the file in the folder of the package.

    Examples
    --------
    >>> read_toml("tutor/functions.toml")["identity"]
    'z'
    """
    return tomllib.loads(files("bpcourse").joinpath(path).read_text(encoding="utf-8"))


def write_whole(contents: Mapping[Path, str | Iterable[str]], mode: int = 0o666) -> None:
    """Write files so that each is complete or does not exist.

    They take their names when all have been written and lack of space can no longer stop one of
    them.

    Parameters
    ----------
    contents : mapping
        The text of each file, or its parts in order.
    mode : int
        Who may read and write the files on Linux and macOS, before the user's umask.

    Raises
    ------
    FileNotFoundError
        If a folder does not exist.
    """
    for missing in (path.parent for path in contents if not path.parent.is_dir()):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(missing))
    unfinished = {path: path.with_name(f"{path.name}.{secrets.token_hex(8)}.part") for path in contents}
    try:
        for path, parts in contents.items():
            unfinished[path].touch(mode, exist_ok=False)  # no other run writes to it
            with unfinished[path].open("w", encoding="utf-8", newline="\n") as file:
                file.writelines([parts] if isinstance(parts, str) else parts)
        for path, part in unfinished.items():
            part.replace(path)
    except BaseException:  # also Ctrl-C
        for part in unfinished.values():
            part.unlink(missing_ok=True)
        raise
