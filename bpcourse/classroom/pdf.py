"""Pages as PDF, printed by the Chromium, Chrome or Edge of this machine. Nothing else needs to be installed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

PATIENCE = 60.0  # seconds for one page, which takes less than one second
ADVICE = "Use --format html, and print from any browser."
OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
    *("--no-first-run", "--no-default-browser-check", "--no-pdf-header-footer"),
)
RUNNING: set[Popen[bytes]] = set()
"""The browsers that this process has started and that have not ended."""

UNINTERRUPTED = threading.Lock()
"""Held while a browser starts or a file is written. A thread that ends this process waits for it."""


def print_page(browser: str, page: str, target: Path, scratch: Path, *, patience: float = PATIENCE) -> None:
    """Print a page to a PDF file, which is either complete or does not exist.

    Parameters
    ----------
    browser : str
        The program.
    page : str
        The page in HTML.
    target : pathlib.Path
        The PDF file.
    scratch : pathlib.Path
        A folder for the browser's own files, on the disk of `target`. Nobody else may use it at the
        same time. It may be used again.
    patience : float
        After this many seconds the browser is ended.

    Raises
    ------
    ValueError
        If the browser does not start, takes too long, or prints nothing.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    source, printed = scratch / "page.html", scratch / "page.pdf"
    source.write_text(page, encoding="utf-8")
    printed.unlink(missing_ok=True)
    command = [browser, *OPTIONS, f"--user-data-dir={scratch / 'profile'}", f"--print-to-pdf={printed}"]
    if os.name == "posix" and os.geteuid() == 0:
        command.append("--no-sandbox")  # root cannot start it otherwise; it opens nothing but this page
    try:
        status = _run([*command, source.resolve().as_uri()], patience)
    except OSError as error:
        raise ValueError(f"the browser {browser} does not start: {error.strerror}. {ADVICE}") from error
    except TimeoutExpired:
        raise ValueError(f"the browser {browser} did not print a page within {patience:g} s. {ADVICE}") from None
    if not is_complete(printed):
        raise ValueError(f"the browser {browser} printed no PDF (exit status {status}). {ADVICE}")
    printed.replace(target)


def is_complete(printed: Path) -> bool:
    """Return whether a file exists and begins and ends as a PDF does (ISO 32000-1, 7.5)."""
    content = printed.read_bytes() if printed.is_file() else b""
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def _run(command: list[str], patience: float) -> int:
    """Run a browser and return its exit status. It ends with everything it started if this is interrupted."""
    with UNINTERRUPTED:  # from its first moment it can be found and ended
        # In a session, the browser and everything it starts are one process group.
        process = Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
        RUNNING.add(process)
    try:
        return process.wait(patience)
    except BaseException:  # also Ctrl-C
        end_running()
        raise
    finally:
        RUNNING.discard(process)


def end_running() -> None:
    """End the browsers that this process has started, with everything they started.

    Examples
    --------
    >>> end_running()  # no browser is running, so nothing happens

    """
    for process in tuple(RUNNING):
        if os.name == "posix":
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
