"""How the package is built: layers, import cost, size, and public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import jedi
import pytest
from helpers.support import tool

import bpcourse

PACKAGE = Path(bpcourse.__file__).parent

LAYERS = [
    *("registry", "numbers", "names", "palette", "render", "texts", "jupyter"),
    *("engine", "interop", "tutor", "pictures", "explorers", "classroom", "lab", "cli"),
]
TEXTBOOK = ["engine.activations", "engine.losses", "engine.network", "engine.backpropagation"]
"""The modules that lessons read, in order."""


def module_name(path):
    """Return the name below bpcourse. An __init__.py has the name of its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if "data" not in path.relative_to(PACKAGE).parts
}


def imported(source):
    """Return which modules of bpcourse `source` imports anywhere, by their names below it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {part for part in parts if part.removeprefix("bpcourse.") in SOURCES}
            found |= modules if modules == parts else modules | {node.module}
    return {name.removeprefix("bpcourse").lstrip(".") for name in found if name.partition(".")[0] == "bpcourse"}


def layer(name):
    return LAYERS.index(name.partition(".")[0])


def upward(name, source):
    """Return the imports of the module `name` from a later layer, or from the package as a whole."""
    return {other for other in imported(source) if other == "" or layer(other) > layer(name)}


def test_layers__a_module_imports_only_from_earlier_layers():
    named = {name: source for name, source in SOURCES.items() if name not in ("", "__main__", "cli")}
    assert {name.partition(".")[0] for name in named} | {"cli"} == set(LAYERS), "give a new module its layer"
    assert {name: up for name, source in named.items() if (up := upward(name, source))} == {}


def test_layers__no_module_imports_itself_through_others():
    graph = {name: imported(source) & SOURCES.keys() - {""} for name, source in SOURCES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert len(order) >= len(SOURCES) - 1
    with pytest.raises(CycleError):
        list(TopologicalSorter({**graph, "registry": {"cli"}}).static_order())


def test_layers__the_textbook_modules_can_be_read_in_order():
    for number, name in enumerate(TEXTBOOK):
        assert not imported(SOURCES[name]) & set(TEXTBOOK[number:]), name
        others = {other for other in imported(SOURCES[name]) if other.startswith("engine.")} - set(TEXTBOOK)
        assert others <= {"engine.validation", "engine.records", "engine"}, name


def test_upward__finds_an_import_from_a_later_layer():
    assert upward("engine.losses", "from bpcourse.engine.activations import Activation\nimport numpy") == set()
    assert upward("engine.losses", "from bpcourse.tutor.marking import check") == {"tutor.marking"}
    assert upward("engine.losses", "def f():\n    import bpcourse.tutor.marking") == {"tutor.marking"}
    assert upward("engine.gradcheck", "from bpcourse import Dense") == {""}
    assert upward("registry", "from bpcourse.engine import training, losses") == {"engine.training", "engine.losses"}


def divisions_by_n(source):
    """Return the lines of `source` that divide by the number of examples, or take a mean over them."""
    lines, text = [], ast.unparse
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            below = node.right if isinstance(node, ast.BinOp) else node.value
            names = {each.id for each in ast.walk(below) if isinstance(each, ast.Name)}
            if "len(" in text(below) or "shape[0]" in text(below) or "n" in names:
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and text(node.func).endswith("mean") and "axis=1" not in text(node):
            lines.append(node.lineno)
    return sorted(lines)


def test_one_over_n__backprop_divides_only_in_losses():
    """The tape repeats it: `test_one_over_n__the_tape_repeats_that_of_backprop` holds the two equal."""
    found = {name: lines for name in SOURCES if name.startswith("engine.") and (lines := divisions_by_n(SOURCES[name]))}
    assert len(found.pop("engine.losses")) == 1
    assert found.keys() <= {"engine.tape", "engine.training"}  # training: the mean of an epoch's losses


def test_divisions_by_n__finds_them():
    assert divisions_by_n("a / len(y)\na /= y.shape[0]\na.mean()\nnp.mean(a, axis=0)\n1 / n\nb = 1 / (2 * n)") == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip
    assert divisions_by_n("a / y.shape[1]\na.mean(axis=1)\na // len(y)\nlen(y) / 2\nn / 2\n1 / n_in") == []


def plain_lines(source):
    """Count the lines that are not blank, not only a comment, and not part of a docstring."""
    lines = {number for number, line in enumerate(source.splitlines(), start=1) if line.strip()}
    lines -= {number for number in lines if source.splitlines()[number - 1].lstrip().startswith("#")}
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", [])
        for before, after in zip([node, *body], body, strict=False) if isinstance(body, list) else []:
            described = isinstance(before, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign))
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if described and is_text and isinstance(after.value.value, str):
                lines -= set(range(after.lineno, after.end_lineno + 1))
    return len(lines)


def test_size__the_textbook_modules_have_300_lines_of_code_by_two_counts():
    for count in (tool("count_lines").lines_of_code, plain_lines):
        assert 100 < sum(count(SOURCES[name]) for name in TEXTBOOK) <= 300


def test_size__the_package_does_not_grow():
    lines = sum(map(tool("count_lines").lines_of_code, SOURCES.values()))
    assert lines < 11_500


def test_size__both_counts_leave_out_what_is_not_code():
    code = "x = (1,\n     2)  # comment\n\n\ndef f():\n    'A docstring.'\n    return x\n\ny = 3\n'What y is.'\n"
    for count in (tool("count_lines").lines_of_code, plain_lines):
        assert count("'A docstring.'\n\n# comment\n" + code) == 5


def test_import__brings_only_numpy():
    heavy = ["matplotlib", "ipywidgets", "anywidget", "IPython", "jupyterlab", "autograd", "jinja2"]
    code = f"import sys, bpcourse; print([name for name in {heavy} if name in sys.modules])"
    code += f"; bpcourse.backprop; print([name for name in {heavy} if name in sys.modules], 'numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["[]", "[] True"]


def test_public_names__all_exist():
    assert sorted(bpcourse.__all__) == sorted(set(bpcourse.__all__))
    assert set(bpcourse.__all__) <= set(dir(bpcourse))
    assert all(getattr(bpcourse, name) is not None for name in bpcourse.__all__)
    with pytest.raises(AttributeError, match="drew"):
        _ = bpcourse.drew


def test_public_names__are_completed_by_tools_that_only_read():
    """Editors read the stub, in which only ``X as X`` exports a name (PEP 484)."""
    found = {each.name for each in jedi.Script("import bpcourse\nbpcourse.").complete()}
    assert set(bpcourse.__all__) <= found
    (signature,) = jedi.Script("from bpcourse import train\ntrain(").get_signatures()
    assert [each.name for each in signature.params[:4]] == ["network", "x", "y", "loss"]
