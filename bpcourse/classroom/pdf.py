"""A page as PDF, printed by the Chromium, Chrome or Edge that is on the machine: nothing else needs to be installed."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

PAPER = "<style>@page { size: 210mm 279mm; }</style>"  # as wide as A4, as high as Letter: it fits on both
PATIENCE = 60.0  # seconds for one page; one takes less than one
ADVICE = "Take --format html, and print from any browser."
OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
    *("--no-first-run", "--no-default-browser-check", "--no-pdf-header-footer"),
)
RUNNING: set[subprocess.Popen[bytes]] = set()  # the browsers that this process waits for


def print_page(browser: str, page: str, target: Path, scratch: Path, patience: float = PATIENCE) -> None:
    """Print a page of HTML to the file `target`, which is there whole or not at all.

    browser : the program
    scratch : a folder on the same disk that nobody else uses, for the browser's own files; it may be used again
    patience : in seconds; a browser that takes longer is ended

    Raises ValueError, in words, if the browser does not start, takes too long or prints nothing.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    source, printed = scratch / "page.html", scratch / "page.pdf"
    source.write_text(page.replace("</head>", f"{PAPER}</head>", 1), encoding="utf-8")
    printed.unlink(missing_ok=True)
    command = [browser, *OPTIONS, f"--user-data-dir={scratch / 'profile'}", f"--print-to-pdf={printed}"]
    if os.name == "posix" and os.geteuid() == 0:
        command.append("--no-sandbox")  # for root it does not start otherwise; it shows nothing but this page
    try:
        status = _run([*command, source.resolve().as_uri()], patience)
    except OSError as error:
        raise ValueError(f"the browser {browser} does not start: {error.strerror}. {ADVICE}") from error
    except subprocess.TimeoutExpired:
        raise ValueError(f"the browser {browser} did not print a page within {patience:g} s. {ADVICE}") from None
    if not is_whole(printed):
        raise ValueError(f"the browser {browser} printed no PDF (exit status {status}). {ADVICE}")
    printed.replace(target)


def is_whole(printed: Path) -> bool:
    """Return whether a file is there and begins and ends as a PDF does (ISO 32000-1, 7.5)."""
    content = printed.read_bytes() if printed.is_file() else b""
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def _run(command: list[str], patience: float) -> int:
    """Run a program that starts others, and return its exit status; if it is not awaited, all of them are ended."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, so that the others are found
    )
    RUNNING.add(process)
    try:
        return process.wait(patience)
    except BaseException:  # also Ctrl-C
        end_running()
        process.wait()
        raise
    finally:
        RUNNING.discard(process)


def end_running() -> None:
    """End the browsers that this process waits for, with all that they have started.

    >>> end_running()  # none is running: nothing happens
    """
    for process in tuple(RUNNING):
        if os.name == "posix":
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
