"""The tools of the repository, and rules for the tests themselves."""

import ast
import re
import subprocess
import sys

import pytest
from helpers.support import PROJECT, tool

english, lowest = tool("english"), tool("lowest")

WRONG = [
    ("This is no folder.", "is no folder"),
    ("a number that is\nno prime", "is no prime"),
    ("written in NumPy alone", "alone"),
    ("Raises ValueError, in words.", "in words"),
    ("the name stands beside it", "stands"),
    ("rounded on the way", "on the way"),
    ("Whoever stops here loses.", "Whoever"),
    ("all but for the last", "but for"),
    ("it stays as it is", "as it is"),
    ("the file is there already", "is there already"),
    ("numbers of one's own", "of one's own"),
    ("after so many epochs", "so many epochs"),
    ("others than before", "others than"),
    ("the same for good", "for good"),
    ("it cannot be mended", "mended"),
    ("Read are linear layers.", "Read are"),
    ("the colour of the line", "colour"),
    ("to initialise a layer", "initialise"),
    ("its behaviour", "behaviour"),
]


@pytest.mark.parametrize(("text", "phrase"), WRONG)
def test_english__finds_a_phrase(text, phrase):
    (problem,) = english.problems(text)
    assert problem.startswith(f'1: "{phrase}": ')


@pytest.mark.parametrize(
    "text",
    [
        "There is no folder.",
        "It is no longer used.",
        "δ stands for ∂L/∂z.",
        "as it was called",
        "It has so many that a list is long.",
        "understand, outstanding, centered",
    ],
)
def test_english__accepts_plain_english(text):
    assert list(english.problems(text)) == []


def test_english__reads_docstrings_comments_strings_and_test_names():
    source = '''"""Return what is asked."""
x = f"{1} is no list"  # in words
def test_it_is_no_list():
    "What it is."
y = "is no list"  # english: ok
alone = 1
'''
    lines = [int(problem.split(":")[0]) for problem in english.problems_of_python(source)]
    assert lines == [1, 2, 2, 3, 4]
    without_strings = english.problems_of_python(source, strings=False)
    assert [int(problem.split(":")[0]) for problem in without_strings] == [1, 2, 3, 4]


def test_english__skips_fenced_code():
    text = "alone\n```\nalone\n```\nalone\n"
    assert [problem.split(":")[0] for problem in english.problems_of_prose(text)] == ["1", "5"]


def test_english__checks_the_lessons_by_default(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(english, "PROJECT", tmp_path)
    (tmp_path / "lessons").mkdir()
    cell = '{"cell_type": "markdown", "id": "one", "source": "This is no folder."}'
    (tmp_path / "lessons" / "00.ipynb").write_text(f'{{"cells": [{cell}]}}', encoding="utf-8")
    assert english.main([]) == 1
    assert capsys.readouterr().out == 'lessons/00.ipynb:cell one:1: "is no folder": is not a …\n'


def test_english__fails_on_a_wrong_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(english, "PROJECT", tmp_path)
    path = tmp_path / "notes.md"
    path.write_text("# Notes\nThis is plain.\n", encoding="utf-8")
    assert english.main([str(path)]) == 0
    path.write_text("# Notes\nThis is no folder.\n", encoding="utf-8")
    assert english.main([str(path)]) == 1
    assert capsys.readouterr().out == 'notes.md:2: "is no folder": is not a …\n'


def test_lowest__requires_a_lower_bound():
    for wrong in ("numpy", "numpy==2.0", "numpy<3"):
        with pytest.raises(ValueError, match=f"needed a lower bound, such as .*; got '{wrong}'"):
            list(lowest.lowest([wrong]))


def test_lowest__refuses_to_test_other_versions(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "999")
    with pytest.raises(SystemExit, match=r"needed numpy==.*; got 999"):
        lowest.main(["--test"])


def test_lowest__tests_exist():
    assert all((PROJECT / path).exists() for path in lowest.TESTS)


def test_lowest__prints_one_requirement_per_dependency():
    done = subprocess.run([sys.executable, PROJECT / "tools" / "lowest.py"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert {line.partition("==")[0] for line in lines} >= {"numpy", "jupyterlab", "nbval"}
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines)


# The tests

CLOCKS = {"perf_counter", "process_time", "monotonic", "time"}


def faults(source):
    """Return the faults of a test file: imports of test files, asserted clocks, patched internals of ipywidgets."""
    found = []
    for node in ast.walk(ast.parse(source)):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if any(part.startswith("test_") for module in modules for part in module.split(".")):
            found.append(f"{node.lineno}: imports {modules[0]}")
        if isinstance(node, ast.Assert):
            calls = {each.func for each in ast.walk(node.test) if isinstance(each, ast.Call)}
            names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
            if names & CLOCKS:
                found.append(f"{node.lineno}: asserts the time of a clock")
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
        if re.search(r"\bipywidgets\b.*\._(?!_)", text):
            found.append(f"{node.lineno}: uses a private name of ipywidgets")
    return found


@pytest.mark.parametrize("path", sorted((PROJECT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_tests__have_no_faults(path):
    if path.name != "test_tools.py":
        assert faults(path.read_text(encoding="utf-8")) == []


def test_faults__finds_each_of_them():
    source = """
from test_cli import fails
import test_mark
assert time.process_time() - start < 5
assert perf_counter() < 5
monkeypatch.setattr("ipywidgets.widgets.widget._instances", {})
ipywidgets.Widget._comm = None
"""
    assert sorted({int(fault.split(":")[0]) for fault in faults(source)}) == [2, 3, 4, 5, 6, 7]
    assert faults("from helpers.support import fails\nassert time_of(1) < 2\n") == []


PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages__name_only_files_that_exist(page):
    assert missing_files(page.read_text(encoding="utf-8")) == []


def missing_files(text):
    """Return the files of the project that a text names, and that do not exist."""
    named = re.findall(r"\b(?:bpcourse|benchmarks|tools|tests)/[\w/.]+\.\w+", text)
    return [name for name in named if not (PROJECT / name).exists()]


def test_missing_files__are_found():
    assert missing_files("`bpcourse/cli.py` and bpcourse/clj.py.") == ["bpcourse/clj.py"]
