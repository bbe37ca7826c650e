"""In a real Chromium: `bpcourse lab` opens a lesson that runs from top to bottom and shows what is committed."""

import shutil

import nbformat
import pytest
from playwright.sync_api import sync_playwright
from support import jupyterlab

from bpcourse import cli

LESSONS = sorted(cli.lessons_folder().glob("*.ipynb"))
READY = """async () => {
    await jupyterapp.restored;
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""
RUN_ALL = """async () => {
    await jupyterapp.commands.execute('notebook:run-all-cells');
    return jupyterapp.shell.currentWidget.content.model.toJSON().cells;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyterlab(tmp_path_factory.mktemp("lessons"), "--expose-app-in-browser") as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "Chromium is missing: install it, e.g. apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of 1280 × 800 on which no error may happen."""
    page, errors = chromium.new_page(viewport={"width": 1280, "height": 800}), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


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
    page.goto(f"{server}/lab/workspaces/auto-{lesson.stem}/tree/{lesson.name}?reset&token=secret")
    page.wait_for_function("window.jupyterapp !== undefined")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate(READY)
    assert shown(page.evaluate(RUN_ALL)) == shown(nbformat.read(lesson, as_version=4).cells)
    pictures = page.locator(".jp-OutputArea img")
    for number in range(pictures.count()):
        picture = pictures.nth(number)
        assert picture.get_attribute("alt")
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        sides, area = picture.bounding_box(), page.locator(".jp-Notebook").bounding_box()
        assert sides["x"] + sides["width"] <= area["x"] + area["width"]


def test_the_first_page_is_the_first_lesson(server, page):
    page.goto(f"{server}/?token=secret")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    assert page.url.startswith(f"{server}/lab/tree/{LESSONS[0].name}")
    assert page.locator(".jp-Notebook h1").first.inner_text().startswith(LESSONS[0].name[:2])
