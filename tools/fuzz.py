"""Search for input that raises an unexpected error, hangs or is read wrongly, guided by code coverage.

    python tools/fuzz.py numbers --seconds 600    search; needs atheris: pip install atheris
    python tools/fuzz.py numbers --repeat FILE    repeat one input; needs only bpcourse

The targets are numbers, names, exercises, rosters, notebooks and tables. An input that fails is saved below build/fuzz,
where the search also keeps all input that reached new code, for the next search.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FOUND = PROJECT / "build" / "fuzz"
SLOW = 10  # seconds for one input, after which it counts as a hang
LONGEST = 4096  # bytes of one input
WITHOUT_LAYER = ("x", "dx", "y", "y_hat", "dy_hat", "loss", "learning_rate")
MODULES = (  # whose coverage guides the search
    *(
        "bpcourse.names",
        "bpcourse.numbers",
        "bpcourse.tutor.reading",
        "bpcourse.tutor.files",
        "bpcourse.tutor.solutions",
    ),
    *("bpcourse.classroom.roster", "bpcourse.classroom.submissions"),
)


class WrongError(AssertionError):
    """Input that was read, but wrongly."""


def require(condition: object, problem: str) -> None:
    """Raise WrongError unless a condition holds."""
    if not condition:
        raise WrongError(problem)


def text_of(data: bytes) -> str:
    """Return bytes as text of any characters."""
    return data.decode("utf-8", "replace")


@cache
def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the files of this process, which removes it at its end."""
    return tempfile.TemporaryDirectory()


def written(data: bytes, name: str) -> Path:
    """Return a file with this content."""
    path = Path(scratch().name) / name
    path.write_bytes(data)
    return path


def numbers(data: bytes) -> None:
    """Read a number, and compare it with what Python reads. A list of numbers is read too."""
    from bpcourse.numbers import format_number, parse_digits
    from bpcourse.tutor.reading import read_answer, read_array

    text = text_of(data)
    with suppress(ValueError):
        for entry in read_array(text).flat:
            read_answer(entry)
    try:
        reading = parse_digits(text)
    except ValueError as error:
        require(str(error).startswith("needed one number"), f"the message is {error}")
        return
    require(math.isfinite(reading.value) and reading.digits > 0, f"read as {reading}")
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", text, re.ASCII):
        require(reading.value == float(text), f"read as {reading.value}")
    shown = format_number(reading.value, 17)
    require(math.isclose(parse_digits(shown).value, reading.value, rel_tol=1e-15), f"shown as {shown}")


def names(data: bytes) -> None:
    """Read the name of a value, and write it in all ways."""
    from bpcourse.names import SYMBOLS, Name

    try:
        name = Name.read(text_of(data))
    except ValueError as error:
        require(re.match("needed a name|units count from 1", str(error)), f"the message is {error}")
        return
    if name.layer or name.quantity in WITHOUT_LAYER:  # a name such as W0 is read, but no pass has a layer 0
        require(Name.read(str(name)) == name, f"written as {name}")
    for notation in SYMBOLS:
        require(name.symbol(notation) and name.latex(notation), "there is no symbol")


def exercises(data: bytes) -> None:
    """Read a file for `bpcourse solve`, and solve it. JSON begins with a brace, TOML with anything else."""
    from bpcourse import solve
    from bpcourse.tutor.files import ExerciseFileError, read_exercise

    path = written(data, "a.json" if data.startswith(b"{") else "a.toml")
    try:
        exercise = read_exercise(path)
    except ExerciseFileError as error:
        require(str(error).startswith(f"{path}: ") and "\n" not in str(error), f"the message is {error}")
        return
    solution = solve(exercise.trace, learning_rate=exercise.learning_rate)
    require(solution.text and solution.html, "the solution is empty")


def rosters(data: bytes) -> None:
    """Read a list of names."""
    from bpcourse.classroom.roster import LONGEST_NAME, read_roster

    path = written(data, "class.csv")
    try:
        roster = read_roster(path)
    except ValueError as error:
        require(str(error).startswith(str(path)), f"the message is {error}")
        return
    for name in roster.names:
        require(name == " ".join(name.split()) and 0 < len(name) <= LONGEST_NAME, f"a name is {name!r}")
    for column in (roster.ids, roster.emails):
        require(len(column) in (0, len(roster.names)), "a column has a different length")


def notebooks(data: bytes) -> None:
    """Read a notebook. Bytes that are not JSON become its cells, which a line "###" separates."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        cells = [{"cell_type": "code", "source": part} for part in text_of(data).split("\n###\n")]
        _handed_in(json.dumps({"nbformat": 4, "cells": cells}).encode(), "sheet-001.ipynb")
    _handed_in(data, "sheet-001.ipynb")


def tables(data: bytes) -> None:
    """Read a table of answers."""
    _handed_in(data, "answers.csv")


def _handed_in(data: bytes, name: str) -> None:
    """Read a file that a student handed in, and each answer in it."""
    from bpcourse.classroom.files import HandedIn, UnreadableFileError
    from bpcourse.classroom.submissions import read_file
    from bpcourse.classroom.text import shown
    from bpcourse.tutor.reading import read_answer

    try:
        sheets = read_file(HandedIn(name, lambda: data))
    except UnreadableFileError as error:
        require(shown(str(error), 1000) == str(error), f"the message is {error}")
        return
    for sheet in sheets:
        require(sheet.sheet > 0, f"the sheet is {sheet.sheet}")
        for note in sheet.notes:
            require(shown(note, 1000) == note, f"a note is {note}")
        for answer in (answer for values in sheet.values.values() for answer in values.values()):
            with suppress(ValueError):
                read_answer(answer)


class Target:
    """A function that reads input, and the input with which the search begins."""

    def __init__(self, read: Callable[[bytes], None], *seeds: str) -> None:
        self.read, self.seeds = read, seeds


EXERCISE: dict[str, Any] = {
    "x": [[0.05, 0.1]], "y": [[0.5]], "loss": "half_sse", "learning_rate": 0.5,
    "layers": [{"weights": [[0.15], [0.2]], "biases": [0.35], "activation": "leaky_relu(0.2)"}],
}  # fmt: skip
TOML = 'x = [0.5]\ny = [1e-2]\nloss = "mse"\n[[layers]]\nweights = [[2]]\nbiases = [1]\nactivation = "sigmoid"\n'
CELL = '# Sheet 12\nanswers_1 = {"dW1[2,1]": -1/4, \'loss\': 0,25, "z1[1]": ...}\n###\nanswer_2 = {"loss": "1e-3"}'
NOTEBOOK = {"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "markdown", "source": ["# Sheet 3", CELL]}]}
TARGETS = {
    "numbers": Target(
        numbers,
        *("0.0820", "-0,08", "1/3", "8.2·10⁻²", "10^{-3}", "17.8 %", "$0.5$.", "\\approx 1 \\cdot 10", "0x1", "٠٫٤٥"),
        *("np.float64(-0.547)", "array([[0.1, 0.2], [0.3 0.4]], dtype=float32)", "round(0.45*0.3, 4)", "float('0.5')"),
        *("(0.7 - 1)**2", "1e-9999999", "2**3**2", "nan", "∞"),
    ),
    "names": Target(
        *(names, "dW12[1,3]", "W2_new[1, 3]", "dz1[2]@3", "net1[2]", "O1", "X[1]", "y_true[1]", "slope1[0]"),
    ),
    "exercises": Target(exercises, json.dumps(EXERCISE), TOML),
    "rosters": Target(
        *(rosters, "Ada\nBob\n", 'Surname;First name;ID number\n"L;o";Ada;7\n', "name,e-mail\nAda,a@b.c\n"),
        "\ufeffStudent 1\n",
    ),
    "notebooks": Target(notebooks, CELL, json.dumps(NOTEBOOK)),
    "tables": Target(
        *(tables, "sheet,question,name,answer\n12,1,dW1[2,1],0,25\n"),
        'sheet;question;name;answer\n1;2;"loss";\'=1\n',
    ),
}


def words(seeds: Iterable[str]) -> str:
    """Return the words of the seeds as a dictionary for the search.

    >>> print(words(['x = "mse"', "1/3"]))
    "x"
    "mse"
    "1"
    "3"
    """
    return "\n".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", "\n".join(seeds), re.ASCII)))


def search(target: Target, options: Iterable[str]) -> None:
    """Search in this process, which ends with the search."""
    import atheris

    with atheris.instrument_imports(include=["bpcourse", "tomllib"]):
        for module in MODULES:
            importlib.import_module(module)
    atheris.Setup([sys.argv[0], *options], target.read)
    atheris.Fuzz()


def report(name: str, log: str, crashes: Iterable[Path]) -> str:
    """Return the figures of a search from the log of libFuzzer."""
    executions, speed = (
        re.findall(rf"stat::{figure}:\s+(\d+)", log) or ["?"]
        for figure in ("number_of_executed_units", "average_exec_per_sec")
    )
    covered = re.findall(r"\bcov: (\d+)", log) or ["?"]
    lines = [f"{name}: {executions[-1]} executions, {speed[-1]} per second, {covered[-1]} branches reached"]
    repeat = [f"  python tools/fuzz.py {name} --repeat {path}" for path in crashes]
    return "\n".join([*lines, f"crashes: {len(repeat)}", *repeat])


def main(words_given: list[str] | None = None) -> int:
    """Search, or repeat one input. Return 1 if an input failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600, help="how long to search; default: %(default)s")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="repeat the input in this file")
    parser.add_argument("--search", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)  # the options of libFuzzer
    args = parser.parse_args(words_given)
    target = TARGETS[args.target]
    if args.search is not None:
        search(target, args.search)
    if args.repeat:
        target.read(args.repeat.read_bytes())
        print(f"{args.repeat} is read without an unexpected error.")
        return 0
    if importlib.util.find_spec("atheris") is None:
        parser.error("needed the package atheris for Linux or macOS. Run: python -m pip install atheris")
    corpus, failed = FOUND / args.target / "corpus", FOUND / args.target / "failed"
    for folder in (corpus, failed):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_text(seed, encoding="utf-8")
    dictionary = corpus.with_name("words.txt")
    dictionary.write_text(words(target.seeds), encoding="utf-8")
    before = set(failed.iterdir())
    options = [
        *(str(corpus), f"-artifact_prefix={failed}/", f"-dict={dictionary}", "-print_final_stats=1"),
        *(f"-max_total_time={args.seconds}", f"-max_len={LONGEST}", f"-timeout={SLOW}", "-rss_limit_mb=4096"),
    ]
    command = [sys.executable, __file__, args.target, "--search", *options]
    done = subprocess.run(command, capture_output=True, check=False)
    log = (done.stdout + done.stderr).decode("utf-8", "replace")
    crashes = sorted(set(failed.iterdir()) - before)
    if done.returncode or crashes:
        print(log[log.find("Traceback (most recent") :], file=sys.stderr)
    print(report(args.target, log, crashes))
    return int(bool(done.returncode or crashes))


if __name__ == "__main__":
    sys.exit(main())
