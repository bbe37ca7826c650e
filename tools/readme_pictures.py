"""Write the pictures in the README and in docs: the lecture's network, and an explorer of it in JupyterLab.

The second picture needs a browser; see `bpcourse doctor`.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

from bpcourse import EXAMPLES, draw
from bpcourse.lab.browser import find_browser

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
CELL = """
from bpcourse import EXAMPLES, explore
lecture = EXAMPLES["lecture"]
explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)
"""
STEPS = 22  # to SEND BACK, where two paths meet


def write_network() -> None:
    """Write the lecture's network as SVG."""
    svg = draw(EXAMPLES["lecture"].backprop()).svg
    (DOCS / "lecture.svg").write_text(svg + "\n", encoding="utf-8", newline="\n")


def write_explorer() -> None:
    """Write the explorer after some updates and steps, as PNG."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from helpers.support import jupyterlab, open_and_run

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), "--expose-app-in-browser") as address:
        nbformat.write(new_notebook(metadata=kernel, cells=[new_code_cell(CELL.strip())]), Path(folder) / "one.ipynb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
            size = {"width": 1280, "height": 1000}
            page = browser.new_page(viewport=size, device_scale_factor=1.5, reduced_motion="reduce")
            open_and_run(page, address, "one.ipynb")
            explorer = page.locator(".bpcourse")
            explorer.locator(".picture svg").wait_for()
            for label, times in (("Update", 6), ("Step ▶", STEPS)):
                for _ in range(times):
                    explorer.get_by_role("button", name=label).click()
                    page.wait_for_function("() => document.querySelector('.bpcourse').dataset.state === 'idle'")
            page.mouse.move(0, 0)
            explorer.locator("summary", has_text="table").evaluate("summary => summary.parentElement.remove()")
            explorer.screenshot(path=DOCS / "explorer.png")
            browser.close()


if __name__ == "__main__":
    write_network()
    write_explorer()
    print("lecture.svg and explorer.png written")
