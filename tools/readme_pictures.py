"""Write the pictures in the README and in docs: the lecture's network, an explorer of it, and a short film of both.

The explorer and the film need a browser; see `bpcourse doctor`.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bpcourse import EXAMPLES, draw
from bpcourse.lab.browser import find_browser

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
EXPLORE = """
from bpcourse import EXAMPLES, check, explore
lecture = EXAMPLES["lecture"]
explore(lecture.network, lecture.x, lecture.y, learning_rate=1.5)
"""
CHECK = 'check(lecture.backprop(), "dW1[1,1]", "0.00623")'
STEPS = 22  # to SEND BACK, where two paths meet
IDLE = "() => document.querySelector('.bpcourse').dataset.state === 'idle'"
FILM = {"width": 860, "height": 380}  # pixels
COLORS = 96  # of the film
POINTER = """() => {
    const pointer = document.createElement("div");
    pointer.style.cssText = "position:fixed;z-index:9999;pointer-events:none;width:16px;height:16px;border-radius:50%;"
        + "background:rgb(0 0 0 / 35%);border:2px solid white;margin:-9px 0 0 -9px";
    document.body.append(pointer);
    addEventListener("mousemove", event => {
        pointer.style.left = `${event.clientX}px`;
        pointer.style.top = `${event.clientY}px`;
    }, true);
}"""


def write_network() -> None:
    """Write the lecture's network as SVG."""
    svg = draw(EXAMPLES["lecture"].backprop()).svg
    (DOCS / "lecture.svg").write_text(svg + "\n", encoding="utf-8", newline="\n")


@contextmanager
def notebook(scale: float, motion: str) -> Iterator[Page]:
    """Open a notebook with an explorer and an answer, and run it."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from helpers.support import jupyterlab, open_and_run

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [new_code_cell(EXPLORE.strip()), new_code_cell(CHECK)]
    with tempfile.TemporaryDirectory() as folder, jupyterlab(Path(folder), "--expose-app-in-browser") as address:
        nbformat.write(new_notebook(metadata=kernel, cells=cells), Path(folder) / "one.ipynb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
            size = {"width": 1280, "height": 1000}
            page = browser.new_page(viewport=size, device_scale_factor=scale, reduced_motion=motion)
            open_and_run(page, address, "one.ipynb")
            page.locator(".bpcourse .picture svg").wait_for()
            yield page
            browser.close()


def write_explorer() -> None:
    """Write the explorer after some updates and steps, as PNG."""
    with notebook(1.5, "reduce") as page:
        explorer = page.locator(".bpcourse")
        for label, times in (("Update", 6), ("Step ▶", STEPS)):
            for _ in range(times):
                explorer.get_by_role("button", name=label).click()
                page.wait_for_function(IDLE)
        page.mouse.move(0, 0)
        explorer.locator("summary", has_text="table").evaluate("summary => summary.parentElement.remove()")
        explorer.screenshot(path=DOCS / "explorer.png")


def write_film() -> None:
    """Write a film: a weight is dragged, the paths of a gradient light up, and a wrong number gets its verdict."""
    frames: list[tuple[Image.Image, int]] = []
    with notebook(1.0, "no-preference") as page:
        page.evaluate(POINTER)
        page.locator(".bpcourse").evaluate("each => each.scrollIntoView()")

        def take(selector: str, milliseconds: int) -> None:
            box = page.locator(selector).first.bounding_box() or {}
            shot = page.screenshot(clip={"x": box["x"] - 4, "y": box["y"] - 4, **FILM})
            frames.append((Image.open(io.BytesIO(shot)).convert("RGB"), milliseconds))

        box = page.locator(".bpcourse [data-control='W1[1,1]']").bounding_box() or {}
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        take(".bpcourse", 1200)
        page.mouse.down()
        for step in range(1, 13):
            page.mouse.move(x + 12 * step, y)
            page.wait_for_function(IDLE)
            take(".bpcourse", 120 if step < 12 else 1200)
        page.mouse.up()
        page.locator(".bpcourse select[data-name=explain]").select_option("dW1[1,2]")
        for _ in range(8):
            page.wait_for_timeout(150)
            take(".bpcourse", 250)
        take(".bpcourse", 2500)
        page.mouse.move(5, 5)
        page.locator(".jp-CodeCell").last.evaluate("each => each.scrollIntoView()")
        page.wait_for_timeout(500)
        take(".jp-InputArea-editor >> nth=1", 5000)
    pictures = [picture.quantize(COLORS) for picture, _ in frames]
    pictures[0].save(
        DOCS / "course.gif", save_all=True, append_images=pictures[1:], duration=[time for _, time in frames], loop=0
    )


if __name__ == "__main__":
    write_network()
    write_explorer()
    write_film()
    print("lecture.svg, explorer.png and course.gif written")
