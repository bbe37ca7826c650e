"""The site that `nox -s docs` built, a server for it, and a browser."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from bpcourse.lab.browser import find_browser

SITE = Path(__file__).resolve().parents[2] / "build" / "site"


@pytest.fixture(scope="session")
def site():
    assert (SITE / "index.html").is_file(), "The site does not exist. Run: nox -s docs"
    return SITE


@pytest.fixture(scope="session")
def served():
    """The sizes of all files that the server has sent, in bytes."""
    return []


@pytest.fixture(scope="session")
def address(site, served):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def send_header(self, keyword, value):
            if keyword == "Content-Length":
                served.append(int(value))
            super().send_header(keyword, value)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def outside():
    """The addresses outside the site that the page has asked for."""
    return []


@pytest.fixture
def scheme(request):
    return getattr(request, "param", "light")


@pytest.fixture
def allowed():
    """The addresses outside the site that a page may reach."""
    return ()


@pytest.fixture
def service_workers():
    return "block"


@pytest.fixture
def page(chromium, address, allowed, outside, scheme, service_workers):
    """A page that can reach only the site, and the allowed addresses."""

    def answer(route):
        if route.request.url.startswith((address, *allowed)):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context = chromium.new_context(base_url=address, color_scheme=scheme, service_workers=service_workers)
    context.route(lambda url: not url.startswith(("data:", "blob:")), answer)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()
