"""A JupyterLab, a Chromium, and a page in which any error fails the test. Each worker has one of them."""

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


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lessons")


@pytest.fixture(scope="session")
def server(folder):
    with jupyterlab(folder, "--expose-app-in-browser") as address:
        yield address


@pytest.fixture(scope="session")
def context(chromium):
    """A browser that has read JupyterLab's programs before."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def shared(context):
    """A page with the list of its errors."""
    page, errors = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, errors
    page.close()


@pytest.fixture
def leaves_jupyterlab(page):
    """For a test that ends or opens sessions itself: the next one loads JupyterLab again."""
    yield
    page.goto("about:blank")


@pytest.fixture
def page(shared):
    """A page of 1280 × 800 pixels in which any error fails the test. Only JupyterLab stays in it for the next test."""
    page, errors = shared
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    errors.clear()
    yield page
    assert errors == []
