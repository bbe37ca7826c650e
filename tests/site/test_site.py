"""The finished site: links, addresses, accessibility, narrow screens, and JupyterLite."""

import json
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

LESSONS = (
    *("00_start_here", "01_activations", "02_losses", "03_chain_rule", "04_backpropagation", "05_full_training"),
    *("06_classification", "07_images", "08_find_the_mistake", "09_to_frameworks"),
)
PAGES = (
    *(
        "index",
        "install",
        "lessons",
        "in-your-browser",
        "debug-your-backprop",
        "guide",
        "tutor",
        "explorers",
        "training",
    ),
    *("frameworks", "commands", "instructors", "reliability", "reference", "development", "search"),
    *("reference/bpcourse.backprop", "reference/bpcourse.Network", *(f"lessons/{lesson}" for lesson in LESSONS)),
)
DARK = ("index", "tutor", "reference/bpcourse.backprop", "lessons/03_chain_rule", "lessons/07_images")
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
PYODIDE = "https://cdn.jsdelivr.net/pyodide/"


class Addresses(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, html):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag in LOADED and attributes.get(LOADED[tag]):
            self.loads.append(attributes[LOADED[tag]])


@pytest.fixture(scope="module")
def pages(site):
    """The addresses in each page, by file."""
    paths = [path for path in site.rglob("*.html") if not {"lite", "_static"} & {*path.relative_to(site).parts}]
    return {path: Addresses(path.read_text(encoding="utf-8")) for path in paths}


def test_pages__all_are_tested_or_made_from_the_source(site, pages):
    names = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    others = {name for name in names if not name.startswith(("_modules/", "reference/"))} - {"genindex"}
    assert others <= {*PAGES}
    assert {*PAGES} <= names


def test_links__lead_somewhere(pages):
    broken = []
    for path, addresses in pages.items():
        for target in (*addresses.links, *addresses.loads):
            parts = urlsplit(target)
            if parts.scheme:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(file)
            missing_anchor = parts.fragment and known and unquote(parts.fragment) not in known.anchors
            if not file.is_file() or missing_anchor:
                broken.append((path.name, target))
    assert broken == []


def test_pages__load_only_from_the_site(pages):
    assert [(path.name, it) for path, found in pages.items() for it in found.loads if urlsplit(it).netloc] == []


@pytest.mark.parametrize(
    "name, scheme", [*((n, "light") for n in PAGES), *((n, "dark") for n in DARK)], indirect=["scheme"]
)
def test_page__is_accessible_and_asks_for_nothing_outside(page, outside, name):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"/{name}.html")
    if page.locator(".math").count():
        page.wait_for_selector("mjx-container", state="attached")
    levels = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    found = Axe().run(page, options=levels).response
    assert "color-contrast" in {each["id"] for each in found["passes"] + found["violations"]}
    assert [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]] == []
    assert outside == []
    assert errors == []

    for width in (800, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_violations__are_found(page):
    page.goto("/index.html")
    page.evaluate("document.querySelector('.bd-article img').removeAttribute('alt')")
    assert [each["id"] for each in Axe().run(page).response["violations"]] == ["image-alt"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson__can_be_run_in_the_browser(site, pages, lesson):
    assert f"../lite/lab/index.html?path={lesson}.ipynb" in pages[site / "lessons" / f"{lesson}.html"].links
    notebook = json.loads((site / "lite" / "files" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert "%pip install -q bpcourse" in code[0]["source"]
    assert all(isinstance(cell["source"], str) for cell in notebook["cells"])
    assert all(cell["outputs"] == [] for cell in code)


def test_lite__opens_a_lesson_and_asks_only_for_pyodide(page, outside):
    page.goto("/lite/lab/index.html?path=00_start_here.ipynb")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    page.get_by_text("%pip install -q bpcourse").wait_for()
    page.wait_for_timeout(3000)  # the kernel starts
    assert [url for url in outside if not url.startswith(PYODIDE)] == []
