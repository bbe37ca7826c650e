"""The command line: no student loses work, and every problem that a user can fix is one clear line."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest
from helpers.support import PROJECT, fails, jupyterlab

from bpcourse import cli
from bpcourse.jupyter import UNLOCKED
from bpcourse.lab import lessons, server
from bpcourse.texts import read_toml

LESSON = "03_chain_rule.ipynb"


@pytest.fixture
def launched(monkeypatch):
    """The arguments with which JupyterLab would be started."""
    arguments = []
    monkeypatch.setattr(server, "start", arguments.extend)
    return arguments


def original():
    return lessons.student_copy(lessons.source() / LESSON)


def test_lab__copies_the_lessons_and_opens_the_first_on_loopback(tmp_path, launched):
    folder = tmp_path / "new" / "folder"
    assert cli.main(["lab", str(folder)]) == 0
    assert (folder / LESSON).read_bytes() == original()
    first = min(path.name for path in lessons.source().glob("*.ipynb"))
    assert f"--LabApp.default_url=/lab/tree/{first}" in launched
    assert "--ServerApp.ip=127.0.0.1" in launched
    assert f"--ServerApp.root_dir={folder.resolve()}" in launched
    assert "--no-browser" not in launched


def test_path__that_leads_nowhere_gets_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("in").mkdir()
    assert "~nobodyhere" in fails(capsys, "solve", "~nobodyhere/x.toml")
    assert "loop is not a directory" in fails(capsys, "mark", "loop", "--class", "key", "--seed", "s")
    assert "loop" in fails(capsys, "solve", "loop")
    assert fails(capsys, "mark", "in", "--class", "loop", "--seed", "s", "--out", "loop")


def outputs_of(path):
    notebook = json.loads(path.read_bytes())
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def test_lab__copies_have_no_outputs_unless_asked_for(tmp_path, launched):
    cli.main(["lab", str(tmp_path / "one")])
    cli.main(["lab", str(tmp_path / "two"), "--with-outputs"])
    for lesson in lessons.originals():
        assert outputs_of(tmp_path / "one" / lesson.name) == []
        assert outputs_of(tmp_path / "two" / lesson.name) == outputs_of(lesson) != []
        nbformat.validate(nbformat.read(tmp_path / "one" / lesson.name, 4))
        cells = [json.loads(path.read_bytes())["cells"] for path in (lesson, tmp_path / "one" / lesson.name)]
        assert [cell["source"] for cell in cells[0]] == [cell["source"] for cell in cells[1]]


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """A folder with copies of lessons, of which 03 then got a newer version."""
    source, folder = tmp_path / "source", tmp_path / "mine"
    shutil.copytree(lessons.source(), source)
    monkeypatch.setattr(lessons, "source", lambda: source)
    lessons.copy(folder)
    notebook = json.loads((source / LESSON).read_bytes())
    notebook["cells"][0]["source"] = ["# New"]
    (source / LESSON).write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def test_lab__tells_of_a_newer_lesson(newer, capsys, launched):
    cli.main(["lab", str(newer)])
    said = capsys.readouterr().out
    assert f"{LESSON} has a newer version, and you have not edited yours. Get it: bpcourse update {newer}" in said
    assert said.count("has a newer version") == 1


def test_update__replaces_what_was_only_run(newer, capsys):
    run = json.loads((newer / LESSON).read_bytes())
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"], cell["outputs"] = 7, [{"output_type": "stream", "name": "stdout", "text": "x"}]
    (newer / LESSON).write_text(json.dumps(run), encoding="utf-8")
    assert cli.main(["update", str(newer)]) == 0
    assert json.loads((newer / LESSON).read_bytes())["cells"][0]["source"] == ["# New"]
    (saved,) = newer.glob("*-saved-*")
    assert json.loads(saved.read_bytes()) == run
    assert "1 lesson updated" in capsys.readouterr().out
    cli.main(["update", str(newer)])
    assert "0 lessons updated" in capsys.readouterr().out


def test_update__leaves_what_was_edited(newer, capsys):
    edited = json.loads((newer / LESSON).read_bytes())
    edited["cells"][1]["source"] = ["mine"]
    (newer / LESSON).write_text(json.dumps(edited), encoding="utf-8")
    cli.main(["update", str(newer)])
    assert json.loads((newer / LESSON).read_bytes()) == edited
    assert f"you have edited yours. Get it: bpcourse reset 03 {newer}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"", b"mine", b"[]", b'{"metadata": 3}', b'{"metadata": {"bpcourse": {}}}', b"\xff"]
)
def test_update__leaves_unknown_files(content, newer):
    (newer / LESSON).write_bytes(content)
    assert cli.main(["update", str(newer)]) == 0
    assert (newer / LESSON).read_bytes() == content


def test_copy__leaves_existing_files_unchanged(tmp_path, launched):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("also mine", encoding="utf-8")
    assert lessons.copy(tmp_path) == [
        tmp_path / path.name for path in sorted(lessons.source().glob("*.ipynb")) if path.name != LESSON
    ]
    assert (tmp_path / LESSON).read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "also mine"


def test_lab__uses_the_default_folder(tmp_path, monkeypatch, launched):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 0
    assert (tmp_path / "bpcourse-lessons" / LESSON).exists()


@pytest.mark.parametrize("name", read_toml("commands.toml"))
def test_commands__are_on_their_page(name):
    row = rf"^\| `bpcourse {name}\b.* \|$"
    assert re.search(row, (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_lab__opens_the_lessons_that_are_here(tmp_path, monkeypatch, capsys, launched):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--no-browser"]) == 0
    monkeypatch.chdir(tmp_path / "bpcourse-lessons")
    assert cli.main(["lab", "--no-browser"]) == 0
    assert not (tmp_path / "bpcourse-lessons" / "bpcourse-lessons").exists()
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"Copied 0 lessons to {Path.cwd()}. Existing lessons were left unchanged."


def test_lab__passes_the_other_arguments_to_jupyterlab(tmp_path, launched):
    cli.main(
        ["lab", str(tmp_path), "--no-browser", "--port", str(cli.free_port()), "--", "--debug", "--port-retries=3"]
    )
    assert "--no-browser" in launched
    assert launched[-2:] == ["--debug", "--port-retries=3"]


def test_lab_in_place__serves_the_lessons_of_the_clone(launched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["lab", "--in-place"])
    assert f"--ServerApp.root_dir={lessons.source().resolve()}" in launched
    assert not list(tmp_path.iterdir())


def test_lab_in_place__refuses_a_folder(capsys):
    assert "--in-place" in fails(capsys, "lab", "other", "--in-place")


def test_in_clone__is_false_if_the_package_contains_lessons(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "PACKAGE", tmp_path / "bpcourse")
    (tmp_path / "bpcourse" / "data" / "lessons").mkdir(parents=True)
    for folder in ("tests", "lessons"):  # badly packaged projects install such folders next to it
        (tmp_path / folder).mkdir()
    assert not lessons.in_clone()


def test_commands__without_lessons(tmp_path, monkeypatch, capsys, launched):
    monkeypatch.setattr(lessons, "source", lambda: tmp_path)
    for words in (["lab", str(tmp_path / "new")], ["reset", "03", str(tmp_path)], ["doctor"]):
        assert "there are no lessons" in fails(capsys, *words)


def test_main__ctrl_c_prints_no_traceback(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    assert cli.main(["test"]) == 130


def test_lab_in_place__refuses_an_installed_package(capsys, monkeypatch):
    monkeypatch.setattr(lessons, "in_clone", lambda: False)
    assert "--in-place" in fails(capsys, "lab", "--in-place")


def test_lab__folder_is_a_file(tmp_path, capsys):
    path = tmp_path / "taken"
    path.write_text("mine", encoding="utf-8")
    message = fails(capsys, "lab", str(path))
    assert "taken is a file" in message
    assert "bpcourse lab OTHER" in message
    assert path.read_text(encoding="utf-8") == "mine"


def test_lab__folder_below_a_file(tmp_path, capsys):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert "cannot write" in fails(capsys, "lab", str(tmp_path / "taken" / "below"))


def test_lab__read_only_folder(tmp_path, capsys, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere, so the mode of a folder would not do
    message = fails(capsys, "lab", str(tmp_path / "locked"))
    assert "cannot write lessons into" in message
    assert "Permission denied" in message


def test_lab__read_only_folder_with_all_lessons(tmp_path, capsys, monkeypatch, launched):
    lessons.copy(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    assert "read-only" in fails(capsys, "lab", str(tmp_path))
    assert launched == []


@pytest.mark.parametrize("error, status", [(OSError(28, "No space left on device"), 2), (KeyboardInterrupt(), 130)])
def test_lab__interrupted_copy_leaves_no_half_lesson(error, status, tmp_path, monkeypatch, capsys):
    def write_a_part(self, content):
        with self.open("wb") as file:
            file.write(content[:1])
        raise error

    monkeypatch.setattr(Path, "write_bytes", write_a_part)
    monkeypatch.setattr(lessons, "student_copy", lambda *_, **__: b"{}")
    assert cli.main(["lab", str(tmp_path)]) == status
    assert ("No space left on device" in capsys.readouterr().err) == (status == 2)
    assert not list(tmp_path.iterdir())


def test_lab__occupied_port_suggests_a_free_one(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = fails(capsys, "lab", str(tmp_path), "--port", str(port))
    assert f"port {port} cannot be used" in message
    assert re.search(r"Try --port \d+", message)


def test_lab__without_jupyterlab_names_the_command_to_install_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpcourse.lab.server", None)  # as if it could not be imported
    monkeypatch.delattr("bpcourse.lab.server")
    assert "pip install" in fails(capsys, "lab", str(tmp_path))


@pytest.mark.parametrize("word", ["3", "03", "03_chain_rule", LESSON])
def test_reset__saves_the_lesson_and_restores_the_original(word, tmp_path, capsys):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    assert cli.main(["reset", word, str(tmp_path)]) == 0
    saved = [path for path in tmp_path.iterdir() if path.name != LESSON]
    assert [path.read_text(encoding="utf-8") for path in saved] == ["mine"]
    assert re.fullmatch(r"03_chain_rule-saved-\d{4}-\d\d-\d\d-\d{6}\.ipynb", saved[0].name)
    assert (tmp_path / LESSON).read_bytes() == original()
    assert saved[0].name in capsys.readouterr().out


def test_lab__opens_the_lesson_and_not_a_saved_copy(tmp_path, launched):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    cli.main(["reset", "03", str(tmp_path)])
    (tmp_path / "00 my own #1.ipynb").write_text("{}", encoding="utf-8")
    cli.main(["lab", str(tmp_path)])
    assert f"--LabApp.default_url=/lab/tree/{lessons.originals()[0].name}" in launched


def test_reset__impossible_folder(tmp_path, capsys):
    assert "cannot restore" in fails(capsys, "reset", "03", str(tmp_path / ("x" * 300)))


def test_reset__keeps_every_copy_of_the_same_second(tmp_path):
    for mine in ("one", "two", "three"):
        (tmp_path / LESSON).write_text(mine, encoding="utf-8")
        cli.main(["reset", "03", str(tmp_path)])
    kept = sorted(path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name != LESSON)
    assert kept == ["one", "three", "two"]


def test_reset__two_at_the_same_moment_lose_nothing(tmp_path, monkeypatch):
    """A second reset runs completely between the moment when the first chooses a name and when it moves the file."""
    moves = {name: getattr(Path, name) for name in ("rename", "replace")}
    started, statuses = [], []

    def late(name):
        def move(self, target):
            if not started:
                started.append(True)
                statuses.append(cli.main(["reset", "03", str(tmp_path)]))
            return moves[name](self, target)

        return move

    for name in moves:
        monkeypatch.setattr(Path, name, late(name))
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    assert cli.main(["reset", "03", str(tmp_path)]) == 0
    assert statuses == [0]
    assert (tmp_path / LESSON).read_bytes() == original()
    assert "mine" in [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]


def test_reset__lesson_disappears_while_it_is_reset(tmp_path, monkeypatch):
    def gone(self, target):
        raise FileNotFoundError(2, "No such file or directory", str(self))

    monkeypatch.setattr(Path, "replace", gone)
    assert cli.main(["reset", "03", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [LESSON]


def test_reset__lesson_reappears_while_it_is_reset(tmp_path, monkeypatch, capsys):
    replace = Path.replace

    def replaced_and_written_again(self, target):
        replace(self, target)
        self.write_text("written by Jupyter", encoding="utf-8")

    monkeypatch.setattr(Path, "replace", replaced_and_written_again)
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    message = fails(capsys, "reset", "03", tmp_path)
    (saved,) = (path for path in tmp_path.iterdir() if path.name != LESSON)
    assert "reappeared" in message
    assert str(saved) in message
    assert saved.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / LESSON).read_text(encoding="utf-8") == "written by Jupyter"


def test_reset__link_to_a_missing_file_is_saved_as_a_link(tmp_path):
    (tmp_path / LESSON).symlink_to(tmp_path / "nowhere")
    assert cli.main(["reset", "03", str(tmp_path)]) == 0
    assert (tmp_path / LESSON).read_bytes() == original()
    assert sorted(path.is_symlink() for path in tmp_path.iterdir()) == [False, True]


def test_reset__finds_the_lesson_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["reset", "03"])
    assert (tmp_path / "bpcourse-lessons" / LESSON).read_bytes() == original()
    monkeypatch.chdir(tmp_path / "bpcourse-lessons")
    cli.main(["reset", "03"])
    assert len(list(Path().iterdir())) == 2


def test_reset__refuses_the_original_lesson(capsys):
    before = original()
    assert "git" in fails(capsys, "reset", "03", str(lessons.source()))
    assert original() == before


def test_doctor__starts_a_kernel(capsys):
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "Kernel: starts and computes" in said
    assert re.search(r"^numpy \d", said, re.MULTILINE)


def test_doctor__names_missing_packages_and_commands(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_version", lambda name: None if name == "nbval" else "1")
    monkeypatch.setattr(cli, "_kernel_problem", lambda: "no kernel named python3")
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "nbval missing" in said
    assert "no kernel named python3" in said
    assert cli.install("lab") in said
    assert cli.install("test") in said


@pytest.fixture
def runs(monkeypatch):
    """The commands that are run, and the status with which each of them ends."""
    commands, status = [], [0]

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, status[0])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("CI", raising=False)
    return commands, status


@pytest.mark.parametrize("status, expected", [(0, 0), (1, 1), (-9, 9)])
def test_test__runs_everything_and_returns_the_status(status, expected, runs, monkeypatch):
    monkeypatch.setattr(cli, "browser_problem", lambda: None)
    runs[1][:] = [status]
    assert cli.main(["test"]) == expected
    everything, in_browser = runs[0]
    assert {*cli.TESTS, "--nbval"} <= {*everything}
    assert {"tests", "bpcourse", "tools", "docs", "README.md", "lessons"} <= {*cli.TESTS}
    assert "tests/browser" in in_browser


def test_test__collects_the_browser_tests(runs, monkeypatch):
    """Inside another folder pytest leaves them out without a word, so the real command is run, without its tests."""
    monkeypatch.setattr(cli, "browser_problem", lambda: None)
    cli.main(["test"])
    command = [part for part in runs[0][1] if part not in ("-n", "auto", "--dist", "load", "loadfile")]
    monkeypatch.undo()
    found = subprocess.run([*command, "--collect-only", "-q"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.count("tests/browser/") > 40


@pytest.mark.parametrize("status, expected", [(0, 0), (1, 1)])
def test_test__installed_package_runs_doctests_and_lessons(status, expected, runs, monkeypatch):
    monkeypatch.setattr(lessons, "in_clone", lambda: False)
    runs[1][:] = [status]
    assert cli.main(["test"]) == expected
    assert {"--doctest-modules", "--nbval", "--pyargs", "bpcourse"} <= {*runs[0][0]}


@pytest.mark.parametrize("ci, status", [("", 0), ("true", 1)])
def test_test__without_a_browser_warns_and_fails_in_ci(ci, status, runs, monkeypatch, capsys):
    monkeypatch.setattr(cli, "find_browser", lambda: None)
    monkeypatch.setenv("CI", ci)
    assert cli.main(["test"]) == status
    assert len(runs[0]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("The browser tests did NOT run: ")
    assert "apt-get install chromium" in last


def test_browser_problem__without_playwright(monkeypatch):
    monkeypatch.setattr(cli, "_version", lambda name: None if name == "playwright" else "1")
    assert f"not installed: playwright. Run: {cli.install('browser')}" in cli.browser_problem()


def test_lab_unlocked__sets_the_variable_that_explorers_read(tmp_path, launched, monkeypatch):
    monkeypatch.setenv(UNLOCKED, "")
    cli.main(["lab", str(tmp_path)])
    assert not os.environ[UNLOCKED]
    cli.main(["lab", str(tmp_path), "--unlocked"])
    assert os.environ[UNLOCKED]


def test_install__in_a_clone_and_in_a_package(monkeypatch):
    assert cli.install("lab") == 'python -m pip install -e ".[lab]"'
    monkeypatch.setattr(lessons, "in_clone", lambda: False)
    assert cli.install("lab") == 'python -m pip install "bpcourse[lab]"'


def test_test__without_pytest_names_the_command_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_version", lambda name: None)
    assert cli.install("test") in fails(capsys, "test")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read().decode()


def test_lab__serves_lessons_with_the_settings_of_the_course(tmp_path):
    with jupyterlab(tmp_path) as base:
        assert "/lab/tree/" in urllib.request.urlopen(f"{base}/?token=secret", timeout=10).url
        listing = json.loads(get(f"{base}/api/contents?token=secret"))
        assert LESSON in [entry["name"] for entry in listing["content"]]
        tracker = json.loads(get(f"{base}/lab/api/settings/@jupyterlab/notebook-extension:tracker?token=secret"))
        assert tracker["schema"]["properties"]["windowingMode"]["default"] == "none"
        news = json.loads(get(f"{base}/lab/api/settings/@jupyterlab/apputils-extension:notification?token=secret"))
        assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
