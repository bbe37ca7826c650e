"""In a real Chromium: `bpcourse lab` opens a lesson that runs from top to bottom and shows what is committed."""

import re

import nbformat
import pytest
from helpers.support import open_and_run

from bpcourse.lab import lessons

LESSONS = lessons.originals()


def shown(cells):
    """Return what a notebook's code cells show: streams and the plain text of results."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    texts = [[output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]] for cell in code]
    return [["".join(text) for text in cell] for cell in texts]


def test_a_changed_output_is_seen():
    committed = nbformat.read(LESSONS[0], as_version=4).cells
    changed = nbformat.read(LESSONS[0], as_version=4).cells
    printed = next(output for cell in changed for output in cell.get("outputs", []) if "text" in output)
    printed.text = printed.text.replace("5", "6", 1)
    assert shown(changed) != shown(committed)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_from_top_to_bottom_and_shows_what_is_committed(lesson, server, page):
    assert shown(open_and_run(page, server, lesson.name)) == shown(nbformat.read(lesson, as_version=4).cells)
    pictures = page.locator(".jp-OutputArea img")
    for number in range(pictures.count()):
        picture = pictures.nth(number)
        # JupyterLab gives a plot no alt, whatever its metadata say: then its words must stand below it.
        below = picture.locator("xpath=ancestor::div[contains(@class, 'jp-OutputArea-child')]/following-sibling::div")
        assert picture.get_attribute("alt") or re.search("colors from| over ", below.first.inner_text())
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        sides, area = picture.bounding_box(), page.locator(".jp-Notebook").bounding_box()
        assert sides["x"] + sides["width"] <= area["x"] + area["width"]


def test_the_first_page_is_the_first_lesson(server, page):
    page.goto(f"{server}/?token=secret")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    assert page.url.startswith(f"{server}/lab/tree/{LESSONS[0].name}")
    assert page.locator(".jp-Notebook h1").first.inner_text().startswith(LESSONS[0].name[:2])
