"""The command `bpcourse`: open the course, solve an exercise, make sheets and mark them, test everything."""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import bpcourse

UNLOCKED = "BPCOURSE_UNLOCKED"  # see pictures/explorers, which is not imported for this
PACKAGE = Path(bpcourse.__file__).parent
SETTINGS = PACKAGE / "data" / "jupyterlab"
DEFAULT_FOLDER = Path("bpcourse-lessons")
SOLUTIONS_FOLDER = Path("bpcourse-solutions")
SHEETS_FOLDER = Path("bpcourse-sheets")
NEEDED = {  # for what, and what
    "lab": ("numpy", "matplotlib", "ipywidgets", "anywidget", "tqdm", "jupyterlab", "ipykernel", "nbclient"),
    "test": ("pytest", "nbval", "autograd"),
    "browser": ("playwright", "axe-playwright-python"),
}
BROWSERS = (  # names of the program, and where it is on macOS and Windows
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
SHORTEST_SECRET = 12  # characters; a guess takes milliseconds, on the student's own machine
SHEET_TOPICS = ("output_weight", "hidden_weight", "bias", "update")
NBVAL = ("--nbval", "--nbval-current-env")


class UserError(Exception):
    """What the user can mend: shown as one line, with exit status 2."""


def lessons_folder() -> Path:
    """Return where the course's own lessons are: in the installed package, or in the clone."""
    installed = PACKAGE / "data" / "lessons"
    return installed if installed.is_dir() else PACKAGE.parent / "lessons"


def lessons() -> list[Path]:
    """Return the course's own lessons, in the order in which they are read."""
    found = sorted(lessons_folder().glob("*.ipynb"))
    if not found:
        raise UserError(f"there are no lessons in {lessons_folder()}. Install the course again: {install('lab')}")
    return found


def in_clone() -> bool:
    """Return whether the package is used from a clone of the project, with its tests."""
    return lessons_folder().parent == PACKAGE.parent and (PACKAGE.parent / "tests").is_dir()


def install(extra: str) -> str:
    """Return the command that installs what is missing."""
    what = f'-e ".[{extra}]"' if in_clone() else f'"bpcourse[{extra}]"'
    return f"python -m pip install {what}"


def copy_lessons(folder: Path) -> list[Path]:
    """Copy each lesson that `folder` does not hold yet, and return those. A file that is there is never overwritten."""
    advice = "Name another folder: bpcourse lab OTHER"
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file; needed a folder for the lessons. {advice}")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise UserError(f"cannot write lessons into {folder}: it is read-only. {advice}")
        return [folder / lesson.name for lesson in lessons() if _copy(lesson, folder)]
    except OSError as error:
        raise UserError(f"cannot write lessons into {folder}: {error.strerror}. {advice}") from error


def _copy(lesson: Path, folder: Path) -> bool:
    """Copy one lesson, and return False if there is one already. Open mode "x" cannot overwrite."""
    target = folder / lesson.name
    content = lesson.read_bytes()
    try:
        file = target.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except BaseException:  # also Ctrl-C: a lesson cut short would never be completed
        target.unlink()
        raise
    return True


def lab(args: argparse.Namespace) -> int:
    """Copy the lessons and start JupyterLab on the first."""
    try:
        from bpcourse.lab import server
    except ImportError:
        raise UserError(f"JupyterLab is not installed. Run: {install('lab')}") from None
    if args.in_place:
        if not in_clone():
            raise UserError("--in-place edits the lessons of a clone, and this is an installed package. Leave it out.")
        if args.folder is not None:
            raise UserError(
                f"--in-place opens the clone's own lessons; got the folder {args.folder} too. Leave one out."
            )
        folder = lessons_folder()
    else:
        folder = (args.folder or DEFAULT_FOLDER).expanduser()
        print(f"New in {folder}: {len(copy_lessons(folder))} lesson(s). One that was there is as you left it.")
    if args.port is not None:
        _require_free(args.port)
    if args.unlocked:
        os.environ[UNLOCKED] = "1"  # the kernels inherit it
    server.start(
        [
            f"--ServerApp.root_dir={folder.resolve()}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.allow_root=True",  # as in a container; the server is on this machine only, behind a token
            f"--LabApp.app_settings_dir={SETTINGS}",
            "--LabApp.extension_manager=readonly",
            f"--LabApp.default_url=/lab/tree/{lessons()[0].name}",
            *([f"--ServerApp.port={args.port}", "--ServerApp.port_retries=0"] if args.port is not None else []),
            *(["--no-browser"] if args.no_browser else []),
            *args.jupyter,
        ]
    )
    return 0


def _require_free(port: int) -> None:
    """Raise UserError if something listens on the port already."""
    with socket.socket() as probe:
        if os.name == "posix":  # a port that was just given up may be taken; elsewhere the option means something else
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            advice = f"Choose another, such as --port {_free_port()}"
            raise UserError(f"port {port} cannot be used: {error}. {advice}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reset(args: argparse.Namespace) -> int:
    """Restore a lesson, after saving the student's as a dated copy."""
    wanted = args.lesson.zfill(2)
    found = [lesson for lesson in lessons() if wanted in (lesson.name, lesson.stem, lesson.name[:2])]
    if not found:
        raise UserError(f"there is no lesson {args.lesson}. There are: {', '.join(path.name for path in lessons())}")
    original = found[0]
    try:
        target = _where(args.folder, original.name) / original.name
        if target.exists() and target.samefile(original):
            raise UserError(f"{target} is the course's own file. In a clone, restore it with git.")
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):  # also a link to nowhere is the student's
            saved = _dated(target)
            target.rename(saved)
            print(f"Your lesson is kept as {saved}")
        if not _copy(original, target.parent):
            raise UserError(f"{target} came back meanwhile; nothing was overwritten. Close it and try again.")
    except OSError as error:
        raise UserError(f"cannot restore {original.name}: {error.strerror}") from error
    print(f"The lesson as it was delivered: {target}")
    return 0


def _where(folder: Path | None, name: str) -> Path:
    """Return the folder of the student's lessons: the one named, or this one if the lesson is in it."""
    return folder.expanduser() if folder else (Path() if Path(name).exists() else DEFAULT_FOLDER)


def _dated(path: Path) -> Path:
    """Return a name beside `path` with the time in it, that no file has yet."""
    stem = f"{path.stem}-saved-{datetime.now():%Y-%m-%d-%H%M%S}"
    saved, count = path.with_name(f"{stem}.ipynb"), 2
    while saved.exists():
        saved, count = path.with_name(f"{stem}-{count}.ipynb"), count + 1
    return saved


def solve(args: argparse.Namespace) -> int:
    """Print or save the worked solution of what a file describes."""
    from bpcourse.tutor.files import read_exercise

    if args.output is not None and len(args.names) > 1:
        raise UserError(f"--output saves one solution; got {len(args.names)} names. A whole array has one: dW1")
    try:
        exercise = read_exercise(args.file)
        solutions = [
            bpcourse.solve(
                exercise.trace,
                name,
                notation=args.notation,
                digits=args.digits,
                learning_rate=exercise.learning_rate,
            )
            for name in args.names or [None]
        ]
        if args.output is None:
            print("\n\n".join(solution.text for solution in solutions))
        else:
            print(f"Saved: {solutions[0].save(args.output, args.force)}")
    except FileExistsError:
        raise UserError(f"{args.output} is there already. Choose another name, or add --force") from None
    except OSError as error:
        raise UserError(f"cannot write {args.output}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    return 0


def solutions(args: argparse.Namespace) -> int:
    """Write the lessons with every blank filled in and all cells run."""
    try:
        import nbformat

        from bpcourse.classroom.solved_lessons import solved
        from bpcourse.classroom.store import write_whole
        from bpcourse.lab.server import without_live_views
    except ImportError:
        raise UserError(f"JupyterLab is not installed. Run: {install('lab')}") from None
    folder = (args.folder or SOLUTIONS_FOLDER).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        targets = {lesson: folder / lesson.name for lesson in lessons()}
        there = [target for target in targets.values() if target.exists()]
        if there and not args.force:
            raise UserError(f"{there[0]} is there already. Name another folder, or add --force")
        for lesson, target in targets.items():
            notebook = solved(nbformat.read(lesson, as_version=4), str(folder))
            without_live_views({"type": "notebook", "content": notebook})
            write_whole(target, nbformat.writes(notebook) + "\n")
            print(f"Saved: {target}")
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    return 0


def mark(args: argparse.Namespace) -> int:
    """Mark what a class has handed in, without running anything of it, and write the report."""
    from tqdm import tqdm

    from bpcourse.classroom import marks
    from bpcourse.classroom.report import FILES, Report, require_absent, save

    folder = args.folder.expanduser()
    out = (args.out or folder.resolve().parent / "marks").expanduser()
    try:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; needed the one with the notebooks or tables of the students.")
        require_absent(FILES, out, args.force)
        record = marks.read_record(args.key.expanduser())
        plan = record.plan(_secret(args.seed))
        found = marks.collect(folder, record.count, leave_out=(args.key.expanduser(), out))
        if not found.answers and not found.remarks:
            raise UserError(f"there is no notebook (.ipynb) and no table (.csv) in {folder} or below.")
        sheets = tuple(
            marks.mark_sheet(plan.sheet(each.sheet), each, record.names.get(each.sheet, ""))
            for each in tqdm(found.answers, desc="Marking", unit="sheet", delay=1)
        )
        saved = save(Report(record, sheets, found.remarks).files, out, args.force)
    except FileExistsError as error:
        raise UserError(f"{error.filename} is there already. Choose another --out, or add --force") from None
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    for remark in found.remarks:
        print(f"{'Skipped' if remark.skipped else 'Look at'}: {remark.source} {remark.text}")
    print(f"Marked: {len(sheets)} of {record.count} sheets")
    for path in saved:
        print(f"Saved: {path}")
    return 0


def _secret(seed: str) -> str:
    """Return the secret; UserError if it has bytes that are no text, which no other machine would read alike."""
    try:
        seed.encode()
    except UnicodeEncodeError:
        raise UserError("the secret is no text in UTF-8; give --seed another one, of letters and digits.") from None
    return seed


def sheet(args: argparse.Namespace) -> int:
    """Write exercise sheets for a class, with their keys."""
    from bpcourse.classroom.moodle import write as write_moodle
    from bpcourse.classroom.plan import Plan
    from bpcourse.classroom.roster import read_names
    from bpcourse.classroom.store import Class, ClassFolder, write_class

    folder, secret = args.out.expanduser(), secrets.token_urlsafe(12) if args.seed is None else _secret(args.seed)
    try:
        names = read_names(args.names) if args.names else ()
        count = args.count if args.count is not None else len(names)
        if not (names or args.count is not None):
            raise UserError("needed the number of sheets, --count 30, or a list of names, --names class.csv")
        plan = Plan(tuple(args.topic or SHEET_TOPICS), args.level, secret)
        if args.seed is not None and len(secret) < SHORTEST_SECRET:
            advice = f"take {SHORTEST_SECRET} characters or more, or leave --seed out"
            print(f"This secret can be guessed by trying: {advice}", file=sys.stderr)
        if args.format == "moodle":
            saved = write_moodle(plan, count, folder / "questions.xml", force=args.force)
            print(f"Saved: {saved}, with {count} variant(s) of each topic")
            if args.seed is None:
                print(f"To make these questions again: --seed {secret}")
            return 0
        chosen = Class(plan, count, names)
        place = ClassFolder(folder, args.format, browser() if args.format == "pdf" else None)
        place.require_fit(chosen, force=args.force)
        if names:
            print(f"{len(names)} name(s), from {names[0]} to {names[-1]}")
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            print(f"More than one student is called {', '.join(twice)}")
        if args.seed is None:
            print(f"The secret of these sheets is {secret}")
            print("Keep it: it is stored nowhere, and you need it (--seed) to mark these sheets or to make them again.")
            sys.stdout.flush()  # before the first sheet is there
        written = write_class(chosen, place, force=args.force)
    except KeyboardInterrupt:
        print(
            "Stopped. What is there is whole; the same command, with the same --seed, makes the rest.", file=sys.stderr
        )
        raise
    except FileExistsError as error:  # a file, or another one where the folder should be
        there = error.filename or folder / "questions.xml"
        raise UserError(f"{there} is there already. Name another folder, or add --force") from None
    except OSError as error:
        raise UserError(f"cannot read or write {error.filename or folder}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    print(f"Sheets with keys: {written} written, {count - written} there already")
    print(f"For the students: {folder / 'sheets'}\nFor you alone, with all answers: {folder / 'key'}")
    return 0


class _SheetHelp(argparse.Action):
    """The help of `bpcourse sheet`: what it lists is imported for whoever asks, and for nobody else."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from bpcourse.classroom.plan import topics_and_levels

        parser.epilog = topics_and_levels()
        parser.print_help()
        parser.exit()


def test(args: argparse.Namespace) -> int:
    """Run every test: in a clone pytest with doctests, strict nbval and a browser, installed the doctests and nbval."""
    missing = [name for name in ("pytest", "nbval") if _version(name) is None]
    if missing:
        raise UserError(f"{' and '.join(missing)} not installed. Run: {install('test')}")
    if in_clone():
        status = max(_pytest(PACKAGE.parent), _pytest(PACKAGE.parent, *NBVAL, "lessons"))
        problem = browser_problem()
        if problem is None:
            return max(status, _pytest(PACKAGE.parent, "tests/browser"))
        print(f"The tests in a browser did NOT run: {problem}")
        return max(status, 1 if os.environ.get("CI") else 0)  # nobody reads the last lines there
    with tempfile.TemporaryDirectory() as scratch:  # nothing is written into the installed package
        copy_lessons(Path(scratch))
        plain = ("-p", "no:cacheprovider")
        doctests = _pytest(Path(scratch), *plain, "--doctest-modules", "--pyargs", "bpcourse")
        return max(doctests, _pytest(Path(scratch), *plain, *NBVAL, scratch))


def browser() -> str | None:
    """Return the program of this machine's Chromium, Chrome or Edge, or None if there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def browser_problem() -> str | None:
    """Return what the tests in a browser need and how to get it, or None if nothing is missing."""
    missing = [name for name in NEEDED["browser"] if _version(name) is None]
    advice = [f"{' and '.join(missing)} not installed. Run: {install('browser')}"] if missing else []
    if browser() is None:
        advice.append("there is no Chromium, Chrome or Edge. Install one, on Debian by: apt-get install chromium")
    return "; ".join(advice) or None


def _pytest(folder: Path, *arguments: str) -> int:
    """Run pytest in `folder` and return its exit status, above 0 if a test failed."""
    return abs(subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder, check=False).returncode)


def doctor(args: argparse.Namespace) -> int:
    """Print versions, whether a kernel starts, and what to do about what is missing."""
    print(f"bpcourse {bpcourse.__version__} in {PACKAGE}")
    print(f"Python {platform.python_version()} on {platform.system()}, {sys.executable}")
    versions = {name: _version(name) for names in NEEDED.values() for name in names}
    for name, version in versions.items():
        print(f"{name} {version or 'missing'}")
    print(f"A browser for the tests: {browser() or 'missing'}")
    problem = _kernel_problem()
    print(f"{len(lessons())} lesson(s) in {lessons_folder()}")
    print(f"A kernel {f'does not start: {problem}' if problem else 'starts and computes'}")
    advice = []
    if problem or any(versions[name] is None for name in NEEDED["lab"]):
        advice.append(f"To open the course: {install('lab')}")
    if any(versions[name] is None for name in NEEDED["test"]):
        advice.append(f"To run the tests: {install('test')}")
    if missing := browser_problem():
        advice.append(f"To run the tests in a browser: {missing}")
    print("\n".join(advice) or "Nothing is missing.")
    return 1 if problem else 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel_problem() -> str | None:
    """Return why a fresh kernel of this Python cannot import the course, or None if it can."""
    try:
        from jupyter_client.manager import start_new_kernel
    except ImportError:
        return "jupyter_client is not installed"
    try:
        manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60, stderr=subprocess.DEVNULL)
    except (RuntimeError, OSError, KeyError) as error:
        return str(error) or type(error).__name__
    try:
        reply = client.execute_interactive("import bpcourse", timeout=60, output_hook=lambda message: None)
        content = reply["content"]
        return None if content["status"] == "ok" else f"{content['ename']}: {content['evalue']}"
    except TimeoutError:
        return "it did not answer within 60 s"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    root = argparse.ArgumentParser(prog="bpcourse", description="A course on backpropagation, in JupyterLab.")
    root.add_argument("--version", action="version", version=f"bpcourse {bpcourse.__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    epilog = "Everything after -- goes to JupyterLab."
    command = commands.add_parser("lab", help="copy the lessons into a folder and open them", epilog=epilog)
    command.add_argument("folder", nargs="?", type=Path, metavar="DIR", help=f"default: {DEFAULT_FOLDER}")
    command.add_argument("--in-place", action="store_true", help="for authors: open this clone's own lessons")
    command.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    command.add_argument("--unlocked", action="store_true", help="explorers ask for no prediction first")
    command.add_argument("--port", type=int, help="default: a free one from 8888 on")
    command.set_defaults(run=lab)

    command = commands.add_parser("reset", help="restore a lesson; yours is kept as a dated copy")
    command.add_argument("lesson", metavar="LESSON", help="its number or name, e.g. 03")
    command.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="where your lessons are")
    command.set_defaults(run=reset)

    epilog = (
        "FILE is TOML or JSON with the keys x, y, loss, learning_rate (optional) and, for each layer, [[layers]] with "
        "weights (a row for each input), biases (optional) and activation. NAME is dW1[1,2], b2_new[1], loss …; "
        "an array such as dW1; or left out: the whole pass."
    )
    command = commands.add_parser("solve", help="write out the worked solution of an exercise", epilog=epilog)
    command.add_argument("file", type=Path, metavar="FILE", help="the network, x and y")
    command.add_argument("names", nargs="*", metavar="NAME", help="what to solve; default: the whole pass")
    command.add_argument("--notation", choices=["standard", "lecture"], default="standard", help="z, a, δ or net, O")
    command.add_argument("--digits", type=int, default=4, help="significant digits shown, 2 to 15; default: 4")
    command.add_argument("--output", type=Path, metavar="PATH", help="save as .txt, .md or .html")
    command.add_argument("--force", action="store_true", help="overwrite the file that is there")
    command.set_defaults(run=solve)

    command = commands.add_parser("solutions", help="for instructors: write the lessons with every blank filled in")
    command.add_argument("folder", nargs="?", type=Path, metavar="DIR", help=f"default: {SOLUTIONS_FOLDER}")
    command.add_argument("--force", action="store_true", help="overwrite solutions that are there")
    command.set_defaults(run=solutions)

    command = commands.add_parser(
        "sheet",
        help="for instructors: write exercise sheets for a class, with keys",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    defaults = ", ".join(SHEET_TOPICS)
    command.add_argument("-h", "--help", action=_SheetHelp, nargs=0, help="show this help, with topics and levels")
    command.add_argument("--topic", action="append", help=f"a question for each, in order; default: {defaults}")
    command.add_argument("--level", type=int, default=3, help="the size of the networks, 1 to 5; default: 3")
    command.add_argument("--count", type=int, help="how many sheets; default: as many as names")
    command.add_argument("--names", type=Path, metavar="FILE", help="a CSV or a list of names, one in each line")
    command.add_argument("--seed", metavar="SECRET", help="any text that students cannot guess; default: a new one")
    command.add_argument(
        "--format", choices=["html", "pdf", "ipynb", "md", "moodle"], default="html", help="default: html"
    )
    command.add_argument("--out", type=Path, default=SHEETS_FOLDER, metavar="DIR", help=f"default: {SHEETS_FOLDER}")
    command.add_argument("--force", action="store_true", help="write all again, over the sheets that are there")
    command.set_defaults(run=sheet)

    epilog = "Nothing of the students' is run. A table has the columns sheet, question, name and answer."
    command = commands.add_parser("mark", help="for instructors: mark the sheets of a class", epilog=epilog)
    command.add_argument("folder", type=Path, metavar="DIR", help="filled notebooks and tables (.csv), also below it")
    command.add_argument(
        "--class", dest="key", type=Path, required=True, metavar="KEYDIR", help="the folder of the key"
    )
    command.add_argument("--seed", required=True, metavar="SECRET", help="the secret that the sheets were made with")
    command.add_argument("--out", type=Path, metavar="REPORTDIR", help="default: marks, beside DIR")
    command.add_argument("--force", action="store_true", help="overwrite a report that is there")
    command.set_defaults(run=mark)

    commands.add_parser("test", help="run every test").set_defaults(run=test)
    commands.add_parser("doctor", help="print versions, and what is missing").set_defaults(run=doctor)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 2 for what the user can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    cut = words.index("--") if "--" in words else len(words)
    args = parser().parse_args(words[:cut])
    args.jupyter = words[cut + 1 :]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a folder's name may not fit the terminal's encoding
    try:
        return int(args.run(args))
    except UserError as error:
        print(f"bpcourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as shells count a program that Ctrl-C ended


if __name__ == "__main__":
    sys.exit(main())
