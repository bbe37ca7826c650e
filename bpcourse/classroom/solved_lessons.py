"""Solved lessons for instructors: every blank of a lesson is filled in with an answer that the tutor accepts.

A lesson contains no solutions. Its blanks are the dots, ``...``, that reach a `check`. To find what belongs there, each
cell is first run with a marker in place of each blank, and with checks that only record what was asked.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from bpcourse.classroom.store import write_whole
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import Array
from bpcourse.jupyter import WIDGET_VIEW
from bpcourse.tutor.equations import entries, look_up, table
from bpcourse.tutor.functions import FORMULAS, FUNCTIONS, check_function
from bpcourse.tutor.marking import check
from bpcourse.tutor.practice import Problem

DIGITS = 6  # significant digits of an answer that is filled in


def save_solved(lessons: Sequence[Path], folder: Path, *, force: bool = False) -> Iterator[Path]:
    """Solve lessons, one per core at a time, and yield each file when it is complete.

    Parameters
    ----------
    lessons : sequence of Path
        The notebooks to solve.
    folder : Path
        Where to save the solved notebooks. It is created if it does not exist.
    force : bool, optional
        Whether to overwrite existing files.

    Raises
    ------
    FileExistsError
        If a file exists already and `force` is false. Nothing is written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in lessons:
        if (folder / lesson.name).exists() and not force:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder / lesson.name))

    def save(lesson: Path) -> Path:
        notebook = solved(nbformat.read(lesson, as_version=4), str(folder))
        write_whole(folder / lesson.name, nbformat.writes(notebook) + "\n")
        return folder / lesson.name

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread waits for its kernel, which is a process
        yield from pool.map(save, lessons)


def solved(notebook: NotebookNode, folder: str = ".") -> NotebookNode:
    """Return a lesson with its blanks filled in and all cells run.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson. It is not changed.
    folder : str, optional
        The folder in which its code runs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    return asyncio.run(_solved(copy.deepcopy(notebook), folder))


async def _solved(filled: NotebookNode, folder: str) -> NotebookNode:
    """Fill in the blanks of a lesson in place, and return it."""
    client = NotebookClient(filled, timeout=60, resources={"metadata": {"path": folder}}, record_timing=False)
    runs = count(1)
    async with client.async_setup_kernel(stderr=subprocess.DEVNULL):  # a kernel's own warnings do not concern the user
        for place, cell in enumerate(filled.cells):
            if cell.cell_type != "code":
                continue
            if blanks(cell.source):
                asking = new_code_cell(with_questions(cell.source))
                await client.async_execute_cell(asking, place)
                printed = "".join(output.get("text", "") for output in asking.outputs)  # it may come in pieces
                cell.source = fill(cell.source, json.loads(printed.splitlines()[-1]))
            await client.async_execute_cell(cell, place)
            cell.execution_count = next(runs)
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)  # a live view shows nothing without its kernel
                if "execution_count" in output:
                    output["execution_count"] = cell.execution_count
    filled.metadata.pop("widgets", None)
    nbformat.validate(filled)
    return filled


# The blanks of a cell


def blanks(source: str) -> list[tuple[int, int]]:
    r"""Return the place of each blank of a cell: its line, from 0, and its first byte.

    Dots in an index are not blanks.

    Examples
    --------
    >>> blanks("answer = ...\nrow = x[..., 0]")
    [(0, 9)]
    """
    return [(node.lineno - 1, node.col_offset) for node in _dots(ast.parse(source))]


def _dots(tree: ast.AST) -> list[ast.Constant]:
    """Return the dots in a syntax tree, except those in an index."""
    inside = [node for child in ast.iter_child_nodes(tree) if not _is_index(tree, child) for node in _dots(child)]
    return [tree] if isinstance(tree, ast.Constant) and tree.value is ... else inside


def _is_index(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.Subscript) and child is parent.slice


def with_questions(source: str) -> str:
    r"""Return a version of a cell that marks its blanks, records what is asked about them, and prints that as JSON.

    Examples
    --------
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
    """Return a cell with its blanks filled in.

    Parameters
    ----------
    source : str
        The code of the cell.
    answers : mapping of str to str
        The answer for each blank, by the number of the blank from 0. Blanks without an answer stay.

    Examples
    --------
    >>> fill("a, b = ..., ...", {"1": "0.25"})
    'a, b = ..., 0.25'
    """
    lines = source.encode().split(b"\n")
    for number, (line, start) in reversed(list(enumerate(blanks(source)))):
        if str(number) in answers:
            before, after = lines[line][:start], lines[line][start + len("...") :]
            lines[line] = before + answers[str(number)].encode() + after
    return b"\n".join(lines).decode()


# The questions about them


class Blank:
    """A marker in place of an answer, with its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Questions:
    """The questions of a cell, recorded while it runs."""

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}

    def blank(self, number: int) -> Blank:
        """Return a marker to use in place of a blank while the cell runs."""
        return Blank(number)

    def asked_by(self, asking: Callable[..., object]) -> Callable[..., object]:
        """Return a function that replaces `check`, a problem's check or `check_function` and records the answers."""
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
            elif each in trace:  # in a batch this includes the 1/n, which the step of a single example does not
                value = trace[each]
            else:
                value = np.array([steps[entry].value for entry in names.flat]).reshape(names.shape)
            self._record(given, value)

    def _ask_function(self, name: str, f: Callable[..., object]) -> None:
        given = f(*FUNCTIONS[name].points[0])
        if isinstance(given, Blank):
            self._answers[str(given.number)] = FORMULAS[name]

    def _record(self, given: Any, value: Array) -> None:
        """Record a value: for one blank that stands for all of it, or for a list with a blank for each part."""
        if isinstance(given, Blank):
            self._answers[str(given.number)] = _as_code(value.tolist())
        elif isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.dtype == object):
            if value.shape[0] == 1 and len(given) == value.size > 1:
                value = value[0]  # a single row is accepted for a batch of one example
            for part, value_of_part in zip(given, value, strict=True):
                self._record(part, np.asarray(value_of_part))


def _as_code(value: Any) -> str:
    """Return numbers as Python code, with six significant digits.

    Examples
    --------
    >>> _as_code([[0.123456789, -2.0]])
    '[[0.123457, -2]]'
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_as_code, value))}]"
    return f"{value:.{DIGITS}g}"
