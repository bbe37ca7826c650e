"""The command ``bpcourse``: open the course, solve exercises, make and mark sheets, run the tests."""

from __future__ import annotations

import argparse
import getpass
import importlib.metadata
import io
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpcourse
from bpcourse.jupyter import UNLOCKED
from bpcourse.lab import lessons
from bpcourse.lab.browser import find_browser
from bpcourse.lab.lessons import PACKAGE, UserError
from bpcourse.texts import read_toml

if TYPE_CHECKING:
    from bpcourse.classroom.plan import Plan
    from bpcourse.classroom.roster import Roster

SETTINGS = PACKAGE / "data" / "jupyterlab"
DEFAULT_FOLDER = Path("bpcourse-lessons")
REQUIRED = {  # the packages that each extra needs
    "lab": ("numpy", "matplotlib", "ipywidgets", "anywidget", "tqdm", "jinja2", "lazy_loader", "jupyterlab",
            "ipykernel", "nbclient"),
    "test": ("pytest", "pytest-xdist", "nbval", "autograd", "hypothesis"),
    "browser": ("playwright", "axe-playwright-python"),
}  # fmt: skip
SECRET = "BPCOURSE_SECRET"  # noqa: S105  # the environment variable with the secret of a class
ASK = "-"  # in place of a secret on the command line: ask for it
SHORTEST_SECRET = 12  # characters; students can try thousands of guesses on their own machines
SHEET_TOPICS = ("output_weight", "hidden_weight", "bias", "update")
BROWSER_TESTS = "tests/browser"
TESTS = ("tests", "bpcourse", "tools", "benchmarks/compare.py", "docs", "README.md", "lessons")  # in a clone
# Strict: every output is compared, except the pixels of plots.
NBVAL = ("--nbval", "--nbval-current-env", f"--nbval-sanitize-with={PACKAGE / 'data' / 'nbval.cfg'}")


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    what = f'-e ".[{extra}]"' if lessons.in_clone() else f'"bpcourse[{extra}]"'
    return f"python -m pip install {what}"


def lab(args: argparse.Namespace) -> int:
    """Copy the lessons and start JupyterLab on the first."""
    from bpcourse.lab import server

    if args.in_place:
        if not lessons.in_clone():
            raise UserError("--in-place needs a clone, and this is an installed package. Omit --in-place.")
        if args.folder is not None:
            raise UserError(f"--in-place opens the clone's own lessons. Omit --in-place or the folder {args.folder}.")
        folder = lessons.source()
    else:
        folder = _folder(args)
        count = len(lessons.copy(folder, outputs=args.with_outputs))
        existing = " Existing lessons were left unchanged." if count < len(lessons.originals()) else ""
        print(f"Copied {count} lesson{'s' * (count != 1)} to {folder if folder.name else folder.resolve()}.{existing}")
        _tell_newer(folder)
    if args.port is not None:
        _require_free(args.port)
    if args.unlocked:
        os.environ[UNLOCKED] = "1"  # the kernels inherit it
    server.start(
        [
            f"--ServerApp.root_dir={folder.resolve()}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.allow_root=True",  # in a container; the server is local and needs a token
            f"--LabApp.app_settings_dir={SETTINGS}",
            "--LabApp.extension_manager=readonly",
            f"--LabApp.default_url=/lab/tree/{lessons.originals()[0].name}",
            *([f"--ServerApp.port={args.port}", "--ServerApp.port_retries=0"] if args.port is not None else []),
            *(["--no-browser"] if args.no_browser else []),
            *args.jupyter,
        ]
    )
    return 0


def _require_free(port: int) -> None:
    """Raise UserError if the port is in use or does not exist."""
    with socket.socket() as probe:
        if os.name == "posix":  # allows a port that has just been closed; on Windows it would allow an open one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise UserError(f"port {port} cannot be used: {error}. Try --port {free_port()}") from None


def free_port() -> int:
    """Return a port of this machine that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tell_newer(folder: Path) -> None:
    """Print which lessons have a newer version, and which cannot be read."""
    for lesson, edited in lessons.outdated(folder):
        how = f"bpcourse reset {lesson.name[:2]} {folder}" if edited else f"bpcourse update {folder}"
        print(f"{lesson.name} has a newer version, and you have {'' if edited else 'not '}edited yours. Get it: {how}")
    for lesson in lessons.unreadable(folder):
        how = f"restore the original, and yours is kept under a new name: bpcourse reset {lesson.name[:2]} {folder}"
        print(f"{lesson.name} is not a readable notebook. If JupyterLab cannot open it either, {how}")


def _folder(args: argparse.Namespace) -> Path:
    """Return the folder of the student's lessons: the one given, this one, or the default."""
    here = Path() if Path(lessons.originals()[0].name).exists() else DEFAULT_FOLDER
    return args.folder or here


def update(args: argparse.Namespace) -> int:
    """Replace the lessons that were not edited by newer versions, after saving a dated copy of each."""
    folder = _folder(args)
    newer = [lesson for lesson, edited in lessons.outdated(folder) if not edited]
    for lesson in newer:
        _restore(lesson, folder)
    print(f"{len(newer)} lesson{'s' * (len(newer) != 1)} updated in {folder}.")
    _tell_newer(folder)
    return 0


def reset(args: argparse.Namespace) -> int:
    """Restore a lesson, after saving the student's version as a dated copy."""
    _restore(lessons.find(args.lesson), _folder(args))
    return 0


def _restore(original: Path, folder: Path) -> None:
    """Restore a lesson, and print where the student's versions are."""
    for whose, saved in zip(
        ("Your lesson", "Its version before that"), lessons.restore(original, folder), strict=False
    ):
        print(f"{whose} is saved as {saved}")
    print(f"Restored: {folder / original.name}")


def solve(args: argparse.Namespace) -> int:
    """Print or save the worked solution of an exercise."""
    from bpcourse.tutor.files import read_exercise

    if args.output is not None and len(args.names) > 1:
        raise UserError(f"--output saves one solution; got {len(args.names)} names. Name a whole array, such as dW1")
    exercise = read_exercise(args.file)
    shown = {"notation": args.notation, "digits": args.digits, "learning_rate": exercise.learning_rate}
    solutions = [bpcourse.solve(exercise.trace, name, **shown) for name in args.names or [None]]
    if args.output is None:
        print("\n\n".join(solution.text for solution in solutions))
    else:
        print(f"Saved: {solutions[0].save(args.output, force=args.force)}")
    return 0


def solutions(args: argparse.Namespace) -> int:
    """Write the lessons with every blank filled in and all cells run."""
    from bpcourse.classroom.solved_lessons import save_solved

    for path in save_solved(lessons.originals(), args.folder, force=args.force):
        print(f"Saved: {path}")
    return 0


def mark(args: argparse.Namespace) -> int:
    """Mark what a class has handed in, without executing any of it, and write the report."""
    from tqdm import tqdm

    from bpcourse.classroom.grading import mark_class
    from bpcourse.classroom.report import FILES, Report, save
    from bpcourse.classroom.store import require_absent
    from bpcourse.classroom.submissions import collect, read_record

    out = args.out or Path(os.path.realpath(args.folder)).parent / "marks"
    if not args.folder.is_dir():
        raise UserError(f"{args.folder} is not a directory. Give the folder that contains the students' submissions.")
    require_absent(FILES, out, force=args.force)
    record = read_record(args.key)
    plan = record.plan(_secret(args.seed))
    if absent := [path for path in args.table or () if not path.is_file()]:
        raise UserError(f"{absent[0]} is not a file. Give --table a table (.csv).")
    answers, remarks = collect(args.folder, record.count, omit=(args.key, out), tables=args.table or ())
    if not answers and not remarks:
        raise UserError(
            f"{args.folder} and its subfolders contain no notebook (.ipynb), table (.csv) or archive (.zip)."
        )
    sheets, failed = mark_class(record, plan, tqdm(answers, desc="Marking", unit="sheet", delay=1))
    report = Report(record, tuple(sheets), (*remarks, *failed), args.separator)
    saved = save(report.files, out, force=args.force)
    for remark in report.remarks:
        print(f"{'Skipped' if remark.skipped else 'Look at'}: {remark.source} {remark.text}")
    print(f"Marked: {len(sheets)} of {record.count} sheets")
    for path in saved:
        print(f"Saved: {path}")
    return 0


def sheet(args: argparse.Namespace) -> int:
    """Write exercise sheets for a class with their keys, or a file of questions for Moodle."""
    from bpcourse.classroom.moodle import write as write_moodle
    from bpcourse.classroom.plan import Plan
    from bpcourse.classroom.roster import Roster, read_roster

    generated = args.seed is None and SECRET not in os.environ
    secret = secrets.token_urlsafe(12) if generated else _secret(args.seed, new=True)
    plan = Plan(tuple(args.topic or SHEET_TOPICS), args.level, secret)
    if args.names is None and args.count is None:
        raise UserError("give the number of sheets, --count 30, or a list of names, --names class.csv")
    roster = read_roster(args.names) if args.names else Roster(())
    count = len(roster.names) if args.count is None else args.count
    if len(secret) < SHORTEST_SECRET:
        advice = f"Use at least {SHORTEST_SECRET} characters, or omit --seed"
        print(f"This secret is short enough to be guessed. {advice}", file=sys.stderr)
    if args.format != "moodle":
        return _write_class(args, plan, count, roster, generated)
    for path in write_moodle(plan, count, args.out, force=args.force):
        print(f"Saved: {path}")
    print(f"Variants of each topic: {count}")
    if generated:
        print(f"To make these questions again: --seed {secret}")
    return 0


def _secret(given: str | None, *, new: bool = False) -> str:
    """Return the secret of a class: as given, from the environment, or typed by the user, a new one twice.

    A command line is visible to other users of the computer, and the shell stores it.
    """
    if given is None and SECRET in os.environ:
        return os.environ[SECRET]
    if given is not None and given != ASK:
        return given
    warnings.simplefilter("ignore", getpass.GetPassWarning)  # without a terminal, the prompt says the same
    try:
        typed = getpass.getpass("Secret of the sheets: ")
        if new and getpass.getpass("The same again: ") != typed:
            raise UserError("the two secrets differ. Run the command again")
    except EOFError:
        raise UserError(f"needed the secret of the sheets: set {SECRET}, or add --seed SECRET") from None
    return typed


def _write_class(args: argparse.Namespace, plan: Plan, count: int, roster: Roster, generated: bool) -> int:
    from bpcourse.classroom.store import Class, ClassFolder, write_class

    names = roster.names
    chosen = Class(plan, count, names, roster.ids, roster.emails)
    folder = ClassFolder(args.out, args.format, find_browser() if args.format == "pdf" else None)
    folder.require_fit(chosen, force=args.force)
    if names:
        print(f"Names: {len(names)}, from {names[0]} to {names[-1]}")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        print(f"More than one student is called {', '.join(twice)}")
    if generated:
        print(f"The secret of these sheets is {plan.secret}")
        print("Keep it. It is not stored, and you need it to mark these sheets or to make them again.")
        sys.stdout.flush()  # before the first sheet is written
    try:
        written = write_class(chosen, folder, force=args.force)
    except KeyboardInterrupt:
        advice = "The files written so far are complete. To continue, run it again with the same --seed."
        print(f"Stopped. {advice}", file=sys.stderr)
        raise
    print(f"Sheets with keys: {written} written, {count - written} already existed")
    print(f"For the students: {args.out / 'sheets'}\nOnly for you, with all answers: {folder.key}")
    return 0


def test(args: argparse.Namespace) -> int:
    """Run the tests in parallel: all of them in a clone, the doctests and lessons in an installed package."""
    if missing := _missing("test"):
        raise UserError(missing)
    if lessons.in_clone():
        problem = browser_problem()
        status = _pytest(PACKAGE.parent, *TESTS)
        if problem is None:  # a separate run: pytest leaves a folder out that it is told to skip inside another
            return max(status, _pytest(PACKAGE.parent, "--dist", "load", BROWSER_TESTS))
        print(f"The browser tests did NOT run: {problem}")
        return max(status, 1 if os.environ.get("CI") else 0)  # nobody reads the last lines there
    with tempfile.TemporaryDirectory() as scratch:  # no cache is written into the installed package
        options = ("-p", "no:cacheprovider", "--doctest-modules")
        return _pytest(Path(scratch), *options, "--pyargs", "bpcourse")


def _missing(extra: str) -> str | None:
    """Return which packages of an extra are not installed and how to install them, or None."""
    missing = [name for name in REQUIRED[extra] if _version(name) is None]
    return f"not installed: {', '.join(missing)}. Run: {install(extra)}" if missing else None


def browser_problem() -> str | None:
    """Return why the browser tests cannot run and what to install, or None if they can."""
    advice = [_missing("browser")]
    if find_browser() is None:
        advice.append("no Chromium, Chrome or Edge was found. Install one; on Debian: apt-get install chromium")
    return "; ".join(filter(None, advice)) or None


def _pytest(folder: Path, *arguments: str) -> int:
    """Run pytest in a folder on all cores, and return its exit status: above 0 if a test failed."""
    command = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadfile", *NBVAL, *arguments]
    return abs(subprocess.run(command, cwd=folder, check=False).returncode)


def doctor(args: argparse.Namespace) -> int:
    """Print versions, whether a kernel starts, and how to install what is missing."""
    print(f"bpcourse {bpcourse.__version__} in {PACKAGE}")
    print(f"Python {platform.python_version()} on {platform.system()}, {sys.executable}")
    for name in (name for names in REQUIRED.values() for name in names):
        print(f"{name} {_version(name) or 'missing'}")
    print(f"Browser: {find_browser() or 'missing'}")
    print(f"{len(lessons.originals())} lessons in {lessons.source()}")
    problem = _kernel_problem()
    print(f"Kernel: {f'does not start: {problem}' if problem else 'starts and computes'}")
    advice = {
        "To open the course": _missing("lab") or (problem and f"run: {install('lab')}"),
        "To run the tests": _missing("test"),
        "To run the browser tests": browser_problem(),
    }
    needed = [f"{purpose}: {missing}" for purpose, missing in advice.items() if missing]
    print("\n".join(needed) or "Nothing is missing.")
    return 1 if problem else 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel_problem() -> str | None:
    """Return why a new kernel of this Python cannot import the course, or None if it can."""
    try:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from nbformat.v4 import new_code_cell, new_notebook
    except ImportError:
        return "nbclient is not installed"
    notebook = new_notebook(cells=[new_code_cell("import bpcourse")])
    try:
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except (RuntimeError, OSError, KeyError) as error:
        return str(error) or type(error).__name__
    return None


class Parser(argparse.ArgumentParser):
    """A parser that keeps the line breaks of an epilog. The one of ``bpcourse sheet`` lists the topics."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.register("type", "path", lambda text: Path(os.path.expanduser(text)))  # noqa: PTH111 (it never raises)
        self.register("type", "whole number", int)

    def format_help(self) -> str:
        """Return the help. The topics are imported only here."""
        if self.prog == "bpcourse sheet":
            from bpcourse.classroom.plan import topics_and_levels

            self.epilog = topics_and_levels()
        return super().format_help()


def parser() -> Parser:
    """Return the parser of the command line, as ``commands.toml`` describes it."""
    root = Parser(prog="bpcourse", description="A course on backpropagation in JupyterLab.")
    root.add_argument("--version", action="version", version=f"bpcourse {bpcourse.__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    described = read_toml("commands.toml")
    for run in (lab, update, reset, solve, solutions, sheet, mark, test, doctor):
        about = described[run.__name__]
        command = commands.add_parser(run.__name__, help=about["help"], epilog=about.get("epilog"))
        for name, options in about.get("arguments", {}).items():
            command.add_argument(name, **options)
        command.set_defaults(run=run)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words of the command line. By default those of this process.

    Returns
    -------
    int
        The exit status: 0, 1 if a test or a check failed, 2 for a problem that the user can fix, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    cut = words.index("--") if "--" in words else len(words)
    args = parser().parse_args(words[:cut])
    args.jupyter = words[cut + 1 :]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal's encoding may lack a folder's characters
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130  # the status that shells give to a program ended by Ctrl-C
    except ImportError as error:
        problem = f"{error}. To install what this command needs, run: {install('lab')}"
    except FileExistsError as error:
        problem = f"{error.filename} already exists. Choose a different name, or add --force"
    except OSError as error:
        problem = f"cannot read or write {error.filename or 'a file'}: {error.strerror}"
    except ValueError as error:
        problem = str(error)
    print(f"bpcourse: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
