"""Solved lessons, for instructors: every blank of a lesson filled in, with what the tutor itself would accept.

A lesson holds no solution. Its blanks are the dots, `...`, that reach a `check`. To find out what belongs there, each
cell is first run with a marked blank in place of each of them, and with checks that only write down what was asked.
"""

from __future__ import annotations

import ast
import copy
import json
import subprocess
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import Array
from bpcourse.tutor.equations import entries, look_up, table
from bpcourse.tutor.functions import FORMULAS, FUNCTIONS, check_function
from bpcourse.tutor.marking import check
from bpcourse.tutor.practice import Problem

DIGITS = 6  # of an answer that is filled in


def solved(notebook: NotebookNode, folder: str = ".") -> NotebookNode:
    """Return a lesson with its blanks filled in and all cells run.

    folder : where its code runs
    Raises nbclient's CellExecutionError if a cell fails.
    """
    filled = copy.deepcopy(notebook)
    client = NotebookClient(filled, timeout=60, resources={"metadata": {"path": folder}}, record_timing=False)
    runs = count(1)
    with client.setup_kernel(stderr=subprocess.DEVNULL):  # a kernel may warn there of what is no concern here
        for place, cell in enumerate(filled.cells):
            if cell.cell_type != "code":
                continue
            if blanks(cell.source):
                asking = new_code_cell(with_questions(cell.source))
                client.execute_cell(asking, place)
                printed = "".join(output.get("text", "") for output in asking.outputs)  # it may come in pieces
                cell.source = fill(cell.source, json.loads(printed.splitlines()[-1]))
            client.execute_cell(cell, place)
            cell.execution_count = next(runs)
    for cell in filled.cells:
        for output in cell.get("outputs", []):
            if "execution_count" in output:
                output["execution_count"] = cell.execution_count
    nbformat.validate(filled)
    return filled


# The blanks of a cell


def blanks(source: str) -> list[tuple[int, int]]:
    r"""Return where each blank of a cell stands: its line, from 0, and its first byte. Dots in an index are no blank.

    >>> blanks("answer = ...\nrow = x[..., 0]")
    [(0, 9)]
    """
    return [(node.lineno - 1, node.col_offset) for node in _dots(ast.parse(source))]


def _dots(tree: ast.AST) -> list[ast.Constant]:
    inside = [node for child in ast.iter_child_nodes(tree) if not _is_index(tree, child) for node in _dots(child)]
    return [tree] if isinstance(tree, ast.Constant) and tree.value is ... else inside


def _is_index(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.Subscript) and child is parent.slice


def with_questions(source: str) -> str:
    r"""Return a cell that marks its blanks, writes down what is asked about them, and prints that as JSON.

    >>> print(with_questions("answer = ...\ncheck(trace, 'loss', answer)"))
    from bpcourse.classroom.solved_lessons import Questions
    _questions = Questions()
    answer = _questions.blank(0)
    _questions.asked_by(check)(trace, 'loss', answer)
    print(_questions.answers())
    """
    tree = ast.parse(source)
    order = {id(node): number for number, node in enumerate(_dots(tree))}

    class Marked(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            number = order.get(id(node))
            return node if number is None else ast.parse(f"_questions.blank({number})", mode="eval").body

        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("check", "check_function"):
                node.func = ast.parse(f"_questions.asked_by({ast.unparse(node.func)})", mode="eval").body
            return node

    begin = "from bpcourse.classroom.solved_lessons import Questions\n_questions = Questions()"
    return f"{begin}\n{ast.unparse(Marked().visit(tree))}\nprint(_questions.answers())"


def fill(source: str, answers: Mapping[str, str]) -> str:
    """Return the cell with its blanks filled in; `answers` : by their numbers, from 0. The others stay.

    >>> fill("a, b = ..., ...", {"1": "0.25"})
    'a, b = ..., 0.25'
    """
    lines = source.encode().split(b"\n")
    for number, (line, start) in reversed(list(enumerate(blanks(source)))):
        if str(number) in answers:
            before, after = lines[line][:start], lines[line][start + len("...") :]
            lines[line] = before + answers[str(number)].encode() + after
    return b"\n".join(lines).decode()


# What is asked about them


class Blank:
    """A place for an answer, by its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Questions:
    """What a cell asks, written down while it runs."""

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}

    def blank(self, number: int) -> Blank:
        """Return what stands for a blank while the cell runs."""
        return Blank(number)

    def asked_by(self, asking: Callable[..., object]) -> Callable[..., object]:
        """Return a function that writes down the answers in place of `check`, a problem's check or `check_function`."""
        problem = getattr(asking, "__self__", None)
        if asking is check:
            return self._ask
        if asking is check_function:
            return self._ask_function
        if isinstance(problem, Problem):
            return lambda answer: self._ask(problem.trace, problem.name, answer, problem.learning_rate)
        return asking

    def answers(self) -> str:
        """Return the answers by the numbers of their blanks, as JSON."""
        return json.dumps(self._answers)

    def _ask(self, trace: Trace, name: Any, answer: Any = ..., learning_rate: float | None = None) -> None:
        steps = table(trace, learning_rate)
        for each, given in name.items() if isinstance(name, Mapping) else [(name, answer)]:
            names = entries(steps, each)
            if names is None:
                value = np.array(look_up(steps, each).value)
            elif each in trace:  # of a batch, with the 1/n that an example's own step does not have
                value = trace[each]
            else:
                value = np.array([steps[entry].value for entry in names.flat]).reshape(names.shape)
            self._write(given, value)

    def _ask_function(self, name: str, f: Callable[..., object]) -> None:
        given = f(*FUNCTIONS[name].points[0])
        if isinstance(given, Blank):
            self._answers[str(given.number)] = FORMULAS[name]

    def _write(self, given: Any, value: Array) -> None:
        """Write down a value for what was given: one blank for all of it, or a list with one for each part."""
        if isinstance(given, Blank):
            self._answers[str(given.number)] = _written(value.tolist())
        elif isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.dtype == object):
            if value.shape[0] == 1 and len(given) == value.size > 1:
                value = value[0]  # of one example a row is as good as a batch of one
            for part, value_of_part in zip(given, value, strict=True):
                self._write(part, np.asarray(value_of_part))


def _written(value: Any) -> str:
    """Return numbers as Python reads them, with six significant digits.

    >>> _written([[0.123456789, -2.0]])
    '[[0.123457, -2]]'
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:.{DIGITS}g}"
