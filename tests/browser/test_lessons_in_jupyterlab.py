"""In a real Chromium: each lesson runs from top to bottom in `bpcourse lab` and shows the committed outputs."""

import nbformat
import pytest
from helpers.support import open_and_run

from bpcourse.lab import lessons

LESSONS = lessons.originals()


def shown(cells):
    """Return the outputs of the code cells: streams and the plain text of results."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    texts = [[output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]] for cell in code]
    return [["".join(text) for text in cell] for cell in texts]


def test_shown__changed_output_is_found():
    committed = nbformat.read(LESSONS[0], as_version=4).cells
    changed = nbformat.read(LESSONS[0], as_version=4).cells
    printed = next(output for cell in changed for output in cell.get("outputs", []) if "text" in output)
    printed.text = printed.text.replace("5", "6", 1)
    assert shown(changed) != shown(committed)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson__runs_and_shows_the_committed_outputs(lesson, server, page):
    assert shown(open_and_run(page, server, lesson.name)) == shown(nbformat.read(lesson, as_version=4).cells)
    pictures = page.locator(".jp-OutputArea img")
    for number in range(pictures.count()):
        picture = pictures.nth(number)
        assert picture.get_attribute("alt")
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        sides, area = picture.bounding_box(), page.locator(".jp-Notebook").bounding_box()
        assert sides["x"] + sides["width"] <= area["x"] + area["width"]


@pytest.mark.usefixtures("leaves_jupyterlab")
def test_lab__opens_the_first_lesson(server, page):
    page.goto(f"{server}/?token=secret")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    assert page.url.startswith(f"{server}/lab/tree/{LESSONS[0].name}")
    assert page.locator(".jp-Notebook h1").first.inner_text().startswith(LESSONS[0].name[:2])
