"""Measure how many small faults the tests notice: mutation testing with Cosmic Ray.

python tools/mutate.py                       all modules in `TESTS`
python tools/mutate.py activations losses    only these
python tools/mutate.py --again               only the mutants that survived the last run and are not listed
python tools/mutate.py --every=3             only every third mutant

Cosmic Ray makes the mutants. Each one replaces a module in the memory of a new process, and the module's fast tests
run there. `tests/data/survivors.toml` lists the mutants that cannot be killed. First: pip install -e ".[mutation]"
"""

from __future__ import annotations

import ast
import difflib
import gc
import importlib
import importlib.machinery
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "mutation"
REASONS = ROOT / "tests" / "data" / "survivors.toml"
ENOUGH = 0.95  # of the mutants that are not equivalent
SECONDS = 60  # of processor time: a mutant that takes longer never ends, and is killed

OPERATORS = re.compile(
    # Other operators of Cosmic Ray are not used: % or << for a + fails at once, `is` for == depends on the interpreter,
    # and | is only in annotations here.
    r"core/(NumberReplacer|AddNot|Replace(And|Or|Break|Continue|True|False)With\w+|ExceptionReplacer|RemoveDecorator"
    r"|ZeroIterationForLoop|ReplaceUnaryOperator_Delete_\w+"
    r"|ReplaceBinaryOperator_(Add_Sub|Add_Mul|Sub_Add|Sub_Div|Mul_Div|Mul_Add|Div_Mul|Pow_Mul|FloorDiv_Mul|Mod_Add)"
    r"|ReplaceComparisonOperator_(Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt|Eq_NotEq|NotEq_Eq|Is_IsNot"
    r"|IsNot_Is))"
)
CONVENTIONS, RECORDS = "tests/test_engine_conventions.py", "tests/test_records.py"
ENGINE = ("tests/test_engine_gradients.py", "tests/test_bad_input.py", "tests/test_conformance.py")
EQUATIONS, EXAMPLES = "tests/test_equations.py", "tests/test_worked_examples.py"
MATCHING, MARKING = "tests/test_matching.py", "tests/test_marking.py"
TESTS = {  # for each module, its fast tests. The first file is run first, because most mutants do not survive it
    "engine/activations": (CONVENTIONS, RECORDS, *ENGINE),
    "engine/losses": (CONVENTIONS, RECORDS, *ENGINE),
    "engine/network": (RECORDS, CONVENTIONS, *ENGINE),
    "engine/backpropagation": (RECORDS, CONVENTIONS, *ENGINE),
    "engine/gradcheck": ("tests/test_gradcheck.py", RECORDS),
    "tutor/equations": (EXAMPLES, EQUATIONS),
    "tutor/formulas": (EXAMPLES, EQUATIONS),
    "tutor/matching": (MATCHING, MARKING, EXAMPLES),
    "tutor/rounding": (MATCHING, MARKING, EXAMPLES),
    "classroom/grading": ("tests/test_grading.py",),
}
FAST = "not thirty and not tally and not never_a_mistake"  # they mark many answers, and take too long here


@dataclass(frozen=True)
class Mutant:
    """One changed line of a module.

    Parameters
    ----------
    module, function : str
        Where it is. The function is "" outside functions.
    change : str
        The line before and after, with ⟶ in between.
    source : str
        The whole module with this change.
    """

    module: str
    function: str
    change: str
    source: str

    @property
    def id(self) -> str:
        """A name that does not depend on the number of the line."""
        return f"{self.module}: {self.function}: {self.change}"


def function_at(tree: ast.Module, line: int) -> str:
    r"""Return the dotted name of the function or class around a line.

    >>> function_at(ast.parse("class A:\n  def f(self):\n    return 1"), 3)
    'A.f'
    """
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, kinds)
        and min([node.lineno, *(each.lineno for each in node.decorator_list)]) <= line <= (node.end_lineno or 0)
    ]
    return ".".join(node.name for node in sorted(found, key=lambda node: node.lineno))


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield the mutants of a module that can be compiled, each once."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    tree, seen = ast.parse(source), {source}
    for name in sorted(filter(OPERATORS.fullmatch, operator_names())):
        operator, occurrence = get_operator(name)(), 0
        while changed := mutate_code(source, operator, occurrence):
            occurrence += 1
            if changed not in seen and compiles(changed):
                seen.add(changed)
                line, change = difference(source, changed)
                yield Mutant(module, function_at(tree, line), change, changed)


def compiles(source: str) -> bool:
    """Return whether a text is a program."""
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def difference(before: str, after: str) -> tuple[int, str]:
    r"""Return the number of the first changed line, and the changed lines before and after.

    >>> difference("a\n  b + 1\nc", "a\n  b - 1\nc")
    (2, 'b + 1 ⟶ b - 1')
    """
    one, other = before.splitlines(), after.splitlines()
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    _, start, end, new_start, new_end = next(block for block in blocks if block[0] != "equal")
    old = " ".join(line.strip() for line in one[start:end])
    new = " ".join(line.strip() for line in other[new_start:new_end])
    return start + 1, f"{old} ⟶ {new}"


def survives(module: str, source: str) -> bool:
    """Return whether all tests of a module pass if it has this source."""
    first, *rest = TESTS[module]
    return passes(module, source, [f"bpcourse/{module}.py", first]) and (not rest or passes(module, source, rest))


def passes(module: str, source: str, tests: list[str]) -> bool:
    """Return whether tests pass in a new process, in which the module has this source."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return status == 0
    try:
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os._exit(run_tests(module, source, tests))
    finally:
        os._exit(1)


class EndAtOnce:
    """A plugin of pytest that ends the process when the tests are done."""

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """End without cleaning up."""
        os._exit(exitstatus)


def run_tests(module: str, source: str, tests: list[str]) -> int:
    """Run the tests in this process, in which the module has this source."""
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the plugins would take most of the time
    path = str(ROOT / "bpcourse" / f"{module}.py")
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> Any:
        return compile(source, path, "exec") if loader.path == path else original(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    importlib.import_module(f"bpcourse.{module.replace('/', '.')}")  # before pytest, which has its own way to load it
    return pytest.main(["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-k", FAST, *tests], [EndAtOnce()])


def measured(module: str, listed: set[str], *, again: bool, every: int) -> tuple[list[str], list[str]]:
    """Return the ids of the mutants of a module, and of those that survive."""
    source = (ROOT / "bpcourse" / f"{module}.py").read_text(encoding="utf-8")
    if not survives(module, source):
        raise SystemExit(f"needed tests that pass without a mutant; those of {module} fail, see `TESTS`")
    kept = RESULTS / f"{module.replace('/', '.')}-{every}.json"
    last = json.loads(kept.read_text(encoding="utf-8")) if again and kept.exists() else None
    tested, alive = [], []
    for mutant in islice(mutants(module, source), 0, None, every):
        tested.append(mutant.id)
        if last is not None and (mutant.id not in last or mutant.id in listed):
            alive += [mutant.id] if mutant.id in last else []
        elif survives(module, mutant.source):
            alive.append(mutant.id)
            print(f"survived  {mutant.id}", file=sys.stderr, flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(alive, ensure_ascii=False, indent=1), encoding="utf-8")
    return tested, alive


def main(words: list[str]) -> int:
    """Print a table, and return 1 if a module is below 95 %."""
    import numpy  # noqa: F401 - the processes of the mutants start with it
    import pytest  # noqa: F401

    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    gc.disable()  # here and in the processes of the mutants, which are short
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(RESULTS / "pycache")  # compile the other files only once
    names = [word for word in words if not word.startswith("--")]
    every = next((int(word.partition("=")[2]) for word in words if word.startswith("--every=")), 1)
    modules = [module for module in TESTS if not names or module in names or module.rpartition("/")[2] in names]
    groups = tomllib.loads(REASONS.read_text(encoding="utf-8"))["equivalent"]
    listed = {mutant for group in groups for mutant in group["mutants"]}
    well = True
    print(f"{'module':24} mutants  killed  equivalent  survivors  share")
    for module in modules:
        tested, alive = measured(module, listed, again="--again" in words, every=every)
        equivalent = sum(each in listed for each in alive)
        killed, rest = len(tested) - len(alive), len(alive) - equivalent
        share = killed / (len(tested) - equivalent)
        print(f"{module:24} {len(tested):7}  {killed:6}  {equivalent:10}  {rest:9}  {share:6.1%}", flush=True)
        wrong = listed.intersection(tested).difference(alive)
        for each in sorted(wrong):
            print(f"killed, although {REASONS.name} lists it: {each}")
        well &= share >= ENOUGH and not wrong
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
