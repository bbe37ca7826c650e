"""Solved lessons for instructors: every blank of a lesson is filled in with an answer that the tutor accepts.

A lesson contains no solutions. Its blanks are the dots, ``...``, that reach a `check`. To find what belongs there, each
cell is first run with a marker in place of each blank, and with checks that only record what was asked. The few blanks
that no `check` asks about have their answers in ``solutions.toml``.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from bpcourse.classroom.store import require_absent
from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.network import Network
from bpcourse.engine.validation import Array
from bpcourse.jupyter import WIDGET_VIEW
from bpcourse.texts import read_toml, write_whole
from bpcourse.tutor.diagnosis import diagnose
from bpcourse.tutor.equations import entries, look_up, table
from bpcourse.tutor.failures import Runs
from bpcourse.tutor.functions import FORMULAS, FUNCTIONS, check_function
from bpcourse.tutor.marking import check
from bpcourse.tutor.numpy_lines import line
from bpcourse.tutor.practice import Problem

ASKING = ("check", "check_function", "diagnose")
BY_HAND = read_toml("classroom/solutions.toml")
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
    require_absent([lesson.name for lesson in lessons], folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)

    def save(lesson: Path) -> Path:
        notebook = solved(nbformat.read(lesson, as_version=4), str(folder))
        write_whole({folder / lesson.name: nbformat.writes(notebook) + "\n"})
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
    code = [(place, cell) for place, cell in enumerate(filled.cells) if cell.cell_type == "code"]
    async with client.async_setup_kernel(stderr=subprocess.DEVNULL):  # a kernel's own warnings do not concern the user
        for number, (place, cell) in enumerate(code, start=1):
            cell.source = fill(cell.source, {str(number): line for number, line in enumerate(BY_HAND.get(cell.id, ()))})
            if blanks(cell.source):
                asking = new_code_cell(with_questions(cell.source))
                await client.async_execute_cell(asking, place)
                printed = "".join(output.get("text", "") for output in asking.outputs)  # it may come in pieces
                cell.source = fill(cell.source, json.loads(printed.splitlines()[-1]))
            await client.async_execute_cell(cell, place)
            cell.execution_count = number
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)  # a live view shows nothing without its kernel
                if "execution_count" in output:
                    output["execution_count"] = number
    filled.metadata.pop("widgets", None)
    nbformat.validate(filled)
    return filled


# The blanks of a cell


def blanks(source: str) -> list[tuple[int, int]]:
    r"""Return the place of each blank of a cell: its line, from 0, and its first byte.

    Dots in an index, and those after an `or`, are not blanks.

    Examples
    --------
    >>> blanks("answer = ...\nrow = x[..., 0]")
    [(0, 9)]
    """
    nodes = list(ast.walk(ast.parse(source)))
    others = [set(ast.walk(node.slice)) for node in nodes if isinstance(node, ast.Subscript)]
    others += [set(node.values) for node in nodes if isinstance(node, ast.BoolOp)]
    dots = {node for node in nodes if isinstance(node, ast.Constant) and node.value is ...}.difference(*others)
    return sorted((node.lineno - 1, node.col_offset) for node in dots)


def with_questions(source: str) -> str:
    r"""Return a version of a cell that marks its blanks, records what is asked about them, and prints that as JSON.

    Examples
    --------
    >>> print(with_questions("answer = ...\ncheck(trace, 'loss', answer)"))
    from bpcourse.classroom import solved_lessons as _lessons
    _questions = _lessons.Questions()
    answer = _lessons.Blank(0)
    _questions.asked_by(check)(trace, 'loss', answer)
    print(_questions.answers())
    """
    markers = {str(number): f"_lessons.Blank({number})" for number, _ in enumerate(blanks(source))}
    tree = ast.parse(fill(source, markers))
    variables = names_of_blanks(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ASKING:
            node.func = ast.parse(f"_questions.asked_by({ast.unparse(node.func)})", mode="eval").body
    given = repr(variables) if "diagnose" in source else ""
    begin = f"from bpcourse.classroom import solved_lessons as _lessons\n_questions = _lessons.Questions({given})"
    return f"{begin}\n{ast.unparse(tree)}\nprint(_questions.answers())"


def names_of_blanks(tree: ast.AST) -> dict[str, int]:
    r"""Return the number of each marked blank that is assigned to a variable, or that has a key in a dict.

    Examples
    --------
    >>> names_of_blanks(ast.parse("dz1 = Blank(0)\nfound = {'dW1': Blank(1)}"))
    {'dz1': 0, 'dW1': 1}
    """
    pairs: list[tuple[Any, Any]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            pairs.append((node.targets[0].id, node.value))
        elif isinstance(node, ast.Dict):
            pairs += [(getattr(key, "value", ""), value) for key, value in zip(node.keys, node.values, strict=True)]
    found = {}
    for name, value in pairs:
        if isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "Blank":
            found[name] = ast.literal_eval(value.args[0])
    return found


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
    for number, (row, start) in reversed(list(enumerate(blanks(source)))):
        if str(number) in answers:
            before, after = lines[row][:start], lines[row][start + len("...") :]
            lines[row] = before + answers[str(number)].encode() + after
    return b"\n".join(lines).decode()


# The questions about them


class Blank:
    """A marker in place of an answer, with its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Questions:
    """The questions of a cell, recorded while it runs, and the answers by the numbers of their blanks.

    Parameters
    ----------
    variables : mapping of str to int, optional
        The number of each blank in a function for `diagnose`, by the variable or the key that it belongs to.
    """

    def __init__(self, variables: Mapping[str, int] | None = None) -> None:
        self._answers: dict[int, str] = {}
        self._variables = variables or {}

    def asked_by(self, asking: Callable[..., object]) -> Callable[..., object]:
        """Return a function that replaces `check` or one of the other checks, and records the answers."""
        problem = getattr(asking, "__self__", None)
        if isinstance(problem, Problem):
            return partial(self._ask, problem.trace, problem.name, learning_rate=problem.learning_rate)
        if isinstance(problem, Runs):
            return partial(self._ask_for_failures, problem)
        if asking is check_function:
            return self._ask_function
        if asking is diagnose:
            return self._ask_for_lines
        return self._ask if asking is check else asking

    def answers(self) -> str:
        """Return the answers as JSON."""
        return json.dumps(self._answers)

    def _ask(
        self, trace: Trace, name: Any, answer: Any = ..., *, learning_rate: float | None = None, given: Any = ()
    ) -> None:
        steps = table(trace, learning_rate)
        for each, blank in name.items() if isinstance(name, Mapping) else [(name, answer)]:
            names = entries(steps, each)
            asked = look_up(steps, each).name if names is None else names
            # In a batch the trace has the mean, and the step the value of a single example.
            value = trace[each] if each in trace else np.vectorize(lambda entry: steps[entry].value)(asked)
            self._record(blank, value)

    def _ask_function(self, name: str, f: Callable[..., object], *, targets: str = "any") -> None:
        blank = f(*FUNCTIONS[name].points[0])
        if isinstance(blank, Blank):
            self._answers[blank.number] = FORMULAS[name]

    def _ask_for_failures(self, runs: Runs, answers: Mapping[str, Any]) -> None:
        for letter, blank in answers.items():
            if isinstance(blank, Blank):
                self._answers[blank.number] = f'"{runs.answers[letter]}"'

    def _ask_for_lines(
        self,
        function: Callable[..., object],
        *,
        sizes: Sequence[int],
        activations: Sequence[str],
        loss: str = "mse",
        layout: Literal["rows", "columns"] = "rows",
        learning_rate: float | None = None,
    ) -> None:
        network = Network.initialize(sizes, activations)
        trace = backprop(network, np.ones(sizes[0]), np.eye(sizes[-1])[0], loss)
        facts = next(iter(table(trace).values())).facts
        for name, number in self._variables.items():
            if name[0] in "Wb":
                self._answers[number] = f"{name} - learning_rate * d{name}"
            else:
                kind = {"dz": "delta", "z": "z", "a": "a", "dW": "dW", "db": "db"}[name.rstrip("0123456789")]
                self._answers[number] = line(facts, layout, kind, int(name[-1])).partition(" = ")[2]

    def _record(self, given: Any, value: Array) -> None:
        """Record a value: for one blank that stands for all of it, or for a list with a blank for each part."""
        parts = np.array(given, dtype=object)
        if parts.size == value.size > 1:
            value = value.reshape(parts.shape)  # a single row is accepted for a batch of one example
        for place, part in np.ndenumerate(parts):
            if isinstance(part, Blank):
                self._answers[part.number] = _as_code(value[place].tolist())


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
