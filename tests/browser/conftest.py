"""A JupyterLab, a Chromium, and a page in which any error fails the test."""

import pytest
from helpers.support import jupyterlab
from playwright.sync_api import sync_playwright

from bpcourse import cli
from bpcourse.lab.browser import find_browser


@pytest.fixture(scope="session")
def chromium():
    assert cli.browser_problem() is None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lessons")


@pytest.fixture(scope="module")
def server(folder):
    with jupyterlab(folder, "--expose-app-in-browser") as address:
        yield address


@pytest.fixture(scope="module")
def context(chromium):
    """A browser that has read JupyterLab's programs before."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A page of 1280 × 800 pixels in which any error fails the test."""
    page, errors = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []
