"""In a real Chromium: text from people is shown unchanged. None of it runs, loads something or becomes a link."""

import json
import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

import nbformat
import pytest
from helpers.simulated_class import notebook, right_answers, write_class
from helpers.support import PROJECT, open_and_run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bpcourse import cli
from bpcourse.classroom import moodle
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.sheets import key_html, key_notebook, sheet_html, sheet_notebook

FILE = PROJECT / "tests" / "data" / "hostile.json"
KINDS = json.loads(FILE.read_text(encoding="utf-8"))["kinds"]
STRINGS = [string for kind in KINDS for string in kind["strings"]]
# JupyterLab typesets formulas in every output, and MathJax's safe extension removes programs from them.
WITHOUT_FORMULAS = [string for string in STRINGS if not re.search(r"\$|\\[(\[b]", string)]
PLAN = Plan(("bias",), 1, "a long secret")
GUARD = "window.count = 0; window.hacked = () => { window.count += 1; };"
UNSAFE = """root => {
    const all = [...document.querySelectorAll(`${root} *`)];
    const own = all.flatMap(each => [...each.attributes].map(({ name, value }) => [name, value]));
    const loads = /^(xlink:href|href|src|srcdoc|action|formaction|data|poster|background|style)$/i;
    return own.filter(([name, value]) =>
            /^on/i.test(name) || loads.test(name) && /^\\s*javascript:|hostile\\.invalid/i.test(value))
        .map(([name, value]) => `${name}=${value}`.slice(0, 100));
}"""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@dataclass
class Seen:
    """A page and the harm that was done in it."""

    page: object
    harm: list[str] = field(default_factory=list)

    def listen(self):
        self.page.add_init_script(GUARD)
        self.page.on("dialog", lambda dialog: (self.harm.append("a dialog"), dialog.dismiss()))
        self.page.on("console", lambda message: "hacked" in message.text and self.harm.append("a console message"))
        self.page.on("request", lambda request: "hostile.invalid" in request.url and self.harm.append("a request"))
        self.page.on("popup", lambda popup: self.harm.append("a window"))

    def open(self, html):
        """Show a page without its Content-Security-Policy, which would hide that a text is not escaped."""
        html, count = POLICY.subn("", html)
        assert count
        self.page.set_content(f"<script>{GUARD}</script>{html}", wait_until="load")

    def problems(self, root="body"):
        """Return the harm that was done, and what could do some."""
        self.page.wait_for_timeout(500)  # handlers of pictures and animations run late
        ran = self.page.evaluate("window.count")
        return [*self.harm, *(["a script"] * ran), *self.page.evaluate(UNSAFE, root)]

    def missing(self, root="body", times=1, strings=STRINGS, most=None):
        """Return the strings that the page does not show this many times."""
        texts = self.page.eval_on_selector_all(root, "all => all.map(each => each.textContent).join(' ')")
        text = bare(texts)
        return [string for string in strings if text.count(bare(string)[:most]) < times]


def bare(text):
    """Return a text without what is shown differently: spaces, and characters that cannot be printed."""
    return "".join(each for each in text if each.isprintable() and not each.isspace() and each != "\ufffd")


@pytest.fixture
def seen(context):
    """A separate page: what a page that is not escaped does can come late."""
    page = context.new_page()
    yield listening(page)
    page.close()


@pytest.fixture(scope="module")
def jupyterlab_seen(context):
    page = context.new_page()
    yield listening(page)
    page.close()


@pytest.fixture
def in_jupyterlab(jupyterlab_seen, server, folder):
    """Return a function that runs a notebook of these cells, and returns its page and the cells."""

    def run(name, cells):
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(new_notebook(metadata=kernel, cells=cells), folder / name)
        (folder / "hostile.json").write_bytes(FILE.read_bytes())
        jupyterlab_seen.harm.clear()
        return jupyterlab_seen, open_and_run(jupyterlab_seen.page, server, name)

    return run


def listening(page):
    """Return a page that notes the harm that is done in it."""
    page.set_default_timeout(120_000)
    seen = Seen(page)
    seen.listen()
    return seen


def test_strings__are_many_and_different():
    assert len(set(STRINGS)) == len(STRINGS) >= 60


def test_guard__finds_the_harm_of_pages_that_are_not_escaped(seen):
    """The tests below would fail for a page that is not escaped."""
    found = set()
    for kind in KINDS:
        seen.open('<meta http-equiv="Content-Security-Policy" content=""><main>' + "\n".join(kind["strings"]))
        found.update(seen.problems())
    assert {"a script", "a request", "a dialog", "a console message"} <= found
    assert any(each.startswith("onmouseover=") for each in found)
    assert any(each.startswith("href=javascript:") for each in found)
    assert seen.missing()


def test_sheets_and_keys__show_names_unchanged(seen):
    sheet = PLAN.sheet(1)
    pages = [write(sheet, name) for name in STRINGS for write in (sheet_html, key_html)]
    seen.open("".join(pages))
    assert seen.problems() == []
    assert seen.missing("body", times=2) == []


def test_moodle__shows_feedback_unchanged(seen, monkeypatch):
    question = ElementTree.Element("question")
    feedback = [moodle._add(question, "feedback", moodle._paragraphs(string)) for string in STRINGS]
    texts = [each.findtext("text") for each in feedback]
    seen.open('<meta http-equiv="Content-Security-Policy" content=""><main>' + "".join(texts))
    assert seen.problems() == []
    assert seen.missing() == []


def test_report__shows_names_files_and_answers_unchanged(seen, tmp_path, capsys):
    """The strings are the names of students, files and values, and the answers, also in hidden cells and metadata."""
    write_class(tmp_path, PLAN, len(STRINGS), dict(enumerate(STRINGS, start=1)))
    (tmp_path / "in").mkdir()
    asked = list(right_answers(PLAN.sheet(1)))
    for sheet, string in enumerate(STRINGS, start=1):
        answers = dict.fromkeys(asked[:1], string) | {string: "1"}
        content = notebook(sheet, f"answers_1 = {answers!r}", string)
        for cell in content["cells"]:
            cell["metadata"] = {"jupyter": {"source_hidden": True}, "tags": [string], string: string}
        content["metadata"] |= {"title": string, string: string, "authors": [{"name": string}]}
        name = re.sub(r"[/\0]", "", string)
        (tmp_path / "in" / f"{sheet} {name}.ipynb").write_text(json.dumps(content), encoding="utf-8")
        (tmp_path / "in" / f"x{sheet} {name}.ipynb").write_text(string, encoding="utf-8")
    arguments = ["mark", str(tmp_path / "in"), "--class", str(tmp_path / "key"), "--seed", PLAN.secret]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert f"Marked: {len(STRINGS)} of {len(STRINGS)} sheets" in said
    seen.open((tmp_path / "marks" / "report.html").read_text(encoding="utf-8"))
    assert seen.problems() == []
    assert seen.missing("body", times=2) == []  # the name and the answer
    files = [re.sub(r"[/\0]", "", string) for string in STRINGS]
    assert (
        seen.missing("body", times=2, strings=[f"{number} {file}.ipynb" for number, file in enumerate(files, 1)]) == []
    )


SETUP = """
import json
import numpy as np
from IPython.display import display
from bpcourse import *
every = [string for kind in json.load(open("hostile.json"))["kinds"] for string in kind["strings"]]
trace = EXAMPLES["lecture"].backprop()
def identity(name):
    return Activation(name, lambda z: z, lambda z: np.ones_like(z))
def square(name):
    return Loss(name, lambda y, y_hat: ((y - y_hat) ** 2).sum(axis=1), lambda y, y_hat: 2 * (y_hat - y))
def network(*names):
    return Network([Dense([[1.0]], [0.0], identity(name)) for name in names])
"""
CHUNK = 24  # JupyterLab shows at most 50 outputs of a cell
CELLS = {
    "verdicts": "for string in strings:\n    display(check(trace, 'loss', string))",
    "functions": """for string in strings:
    def broken(z, string=string):
        raise ValueError(string)
    display(check_function("sigmoid", broken))""",
    "pictures": "for string in strings:\n    display(draw(backprop(network(string), [1.0], [0.5], square(string))))",
    "solutions": "for string in strings:\n    display(solve(backprop(network(string), [1.0], [0.5]), 'a1[1]'))",
    "explorers": """for start in range(0, len(strings), 4):
    names = strings[start:start + 4]
    display(explore(network(*names), [1.0], [0.5], loss=square(names[0]), predict=" ".join(names)))""",
    "labels": """pixels = Network([Dense(np.eye(4, 12), np.zeros(12), "softmax")])
for start in range(0, len(strings), 12):
    names = strings[start:start + 12]
    display(explore_image(pixels, [[0, 1], [0.5, 0]], labels=names + ["-"] * (12 - len(names))))""",
}


@pytest.mark.parametrize("kind", CELLS)
def test_outputs__show_strings_unchanged(kind, in_jupyterlab):
    chunks = range(0, len(STRINGS), CHUNK)
    parts = [f"strings = every[{start}:{start + CHUNK}]\n{CELLS[kind]}" for start in chunks]
    cells = [new_code_cell(source) for source in (SETUP.strip(), *parts)]
    seen, ran = in_jupyterlab(f"{kind}.ipynb", cells)
    assert [output for cell in ran for output in cell["outputs"] if output["output_type"] == "error"] == []
    seen.page.wait_for_selector(".jp-OutputArea-output")
    seen.page.wait_for_timeout(3000)  # the views of widgets and formulas
    assert seen.harm == []
    assert seen.page.evaluate("window.count") == 0
    if kind != "solutions":  # there a name is a part of formulas, which may contain anything that LaTeX allows
        # A verdict quotes the beginning of an answer, with escape sequences for what cannot be printed.
        shown = [repr(string)[1:-1] if kind == "verdicts" else string for string in WITHOUT_FORMULAS]
        assert seen.problems(".jp-OutputArea") == []
        assert seen.missing(".jp-OutputArea", strings=shown, most=18 if kind == "verdicts" else None) == []


def test_sheet_notebooks__show_names_unchanged(in_jupyterlab):
    sheet = PLAN.sheet(1)
    heads = [
        json.loads(write(sheet, name))["cells"][0]["source"]
        for name in STRINGS
        for write in (sheet_notebook, key_notebook)
    ]
    seen, _ = in_jupyterlab("heads.ipynb", [new_markdown_cell(head) for head in heads])
    seen.page.wait_for_timeout(3000)  # the formulas
    assert seen.problems(".jp-MarkdownOutput") == []
    assert seen.missing(".jp-MarkdownOutput", times=2) == []
