"""The web browser of this machine that prints sheets and runs the browser tests."""

from __future__ import annotations

import shutil

PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def find_browser() -> str | None:
    """Return the path of this machine's Chromium, Chrome or Edge, or None if it has none."""
    return next((found for program in PROGRAMS if (found := shutil.which(program))), None)
