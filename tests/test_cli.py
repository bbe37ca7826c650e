"""The command line: nothing of a student's is lost, and what she can mend is one clear line."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from helpers.support import fails, jupyterlab

from bpcourse import cli
from bpcourse.lab import server
from bpcourse.pictures import explorers

LESSON = "03_chain_rule.ipynb"


@pytest.fixture
def launched(monkeypatch):
    """The arguments JupyterLab would have been started with."""
    arguments = []
    monkeypatch.setattr(server, "start", arguments.extend)
    return arguments


def original():
    return (cli.lessons_folder() / LESSON).read_bytes()


def test_lab_copies_the_lessons_and_opens_the_first_on_loopback(tmp_path, launched):
    folder = tmp_path / "new" / "folder"
    assert cli.main(["lab", str(folder)]) == 0
    assert (folder / LESSON).read_bytes() == original()
    first = min(path.name for path in cli.lessons_folder().glob("*.ipynb"))
    assert f"--LabApp.default_url=/lab/tree/{first}" in launched
    assert "--ServerApp.ip=127.0.0.1" in launched
    assert f"--ServerApp.root_dir={folder.resolve()}" in launched
    assert "--no-browser" not in launched


def test_lab_never_overwrites_and_adds_what_is_missing(tmp_path, launched):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("also mine", encoding="utf-8")
    assert cli.copy_lessons(tmp_path) == [
        tmp_path / path.name for path in sorted(cli.lessons_folder().glob("*.ipynb")) if path.name != LESSON
    ]
    assert (tmp_path / LESSON).read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "also mine"


def test_lab_writes_into_the_default_folder(tmp_path, monkeypatch, launched):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 0
    assert (tmp_path / "bpcourse-lessons" / LESSON).exists()


def test_lab_hands_the_rest_to_jupyterlab(tmp_path, launched):
    cli.main(
        ["lab", str(tmp_path), "--no-browser", "--port", str(cli._free_port()), "--", "--debug", "--port-retries=3"]
    )
    assert "--no-browser" in launched
    assert launched[-2:] == ["--debug", "--port-retries=3"]


def test_in_place_serves_the_lessons_of_the_clone(launched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["lab", "--in-place"])
    assert f"--ServerApp.root_dir={cli.lessons_folder().resolve()}" in launched
    assert not list(tmp_path.iterdir())


def test_in_place_and_a_folder_are_refused_together(capsys):
    assert "--in-place" in fails(capsys, "lab", "other", "--in-place")


def test_a_package_that_brings_its_lessons_is_no_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "PACKAGE", tmp_path / "bpcourse")
    (tmp_path / "bpcourse" / "data" / "lessons").mkdir(parents=True)
    for folder in ("tests", "lessons"):  # as badly packaged neighbours leave them
        (tmp_path / folder).mkdir()
    assert not cli.in_clone()


def test_without_lessons_it_says_so(tmp_path, monkeypatch, capsys, launched):
    monkeypatch.setattr(cli, "lessons_folder", lambda: tmp_path)
    for words in (["lab", str(tmp_path / "new")], ["reset", "03", str(tmp_path)], ["doctor"]):
        assert "there are no lessons" in fails(capsys, *words)


def test_ctrl_c_ends_without_a_traceback(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    assert cli.main(["test"]) == 130


def test_in_place_is_refused_in_an_installed_package(capsys, monkeypatch):
    monkeypatch.setattr(cli, "in_clone", lambda: False)
    assert "--in-place" in fails(capsys, "lab", "--in-place")


def test_a_folder_that_is_a_file_is_named(tmp_path, capsys):
    path = tmp_path / "taken"
    path.write_text("mine", encoding="utf-8")
    message = fails(capsys, "lab", str(path))
    assert "taken is a file" in message
    assert "bpcourse lab OTHER" in message
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_folder_below_a_file_is_named(tmp_path, capsys):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert "cannot write" in fails(capsys, "lab", str(tmp_path / "taken" / "below"))


def test_a_read_only_folder_is_named(tmp_path, capsys, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere, so the mode of a folder would not do
    message = fails(capsys, "lab", str(tmp_path / "locked"))
    assert "cannot write lessons into" in message
    assert "Permission denied" in message


def test_a_read_only_folder_is_named_even_if_every_lesson_is_there(tmp_path, capsys, monkeypatch, launched):
    cli.copy_lessons(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    assert "read-only" in fails(capsys, "lab", str(tmp_path))
    assert launched == []


@pytest.mark.parametrize("error, status", [(OSError(28, "No space left on device"), 2), (KeyboardInterrupt(), 130)])
def test_a_copy_that_is_cut_short_leaves_no_half_lesson(error, status, tmp_path, monkeypatch, capsys):
    class FullDisk:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def write(self, content):
            raise error

    def open_full(self, mode):
        self.touch(exist_ok=False)
        return FullDisk()

    monkeypatch.setattr(Path, "open", open_full)
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"{}")
    assert cli.main(["lab", str(tmp_path)]) == status
    assert ("No space left on device" in capsys.readouterr().err) == (status == 2)
    assert not list(tmp_path.iterdir())


def test_an_occupied_port_is_named_with_a_free_one(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = fails(capsys, "lab", str(tmp_path), "--port", str(port))
    assert f"port {port} cannot be used" in message
    assert re.search(r"such as --port \d+", message)


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_does_not_exist_is_named(port, tmp_path, capsys):
    assert f"port {port} cannot be used" in fails(capsys, "lab", str(tmp_path), f"--port={port}")


def test_without_jupyterlab_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpcourse.lab.server", None)  # as if it could not be imported
    monkeypatch.delattr("bpcourse.lab.server")
    assert "pip install" in fails(capsys, "lab", str(tmp_path))


@pytest.mark.parametrize("word", ["3", "03", "03_chain_rule", LESSON])
def test_reset_keeps_the_students_lesson_and_restores_ours(word, tmp_path, capsys):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    assert cli.main(["reset", word, str(tmp_path)]) == 0
    saved = [path for path in tmp_path.iterdir() if path.name != LESSON]
    assert [path.read_text(encoding="utf-8") for path in saved] == ["mine"]
    assert re.fullmatch(r"03_chain_rule-saved-\d{4}-\d\d-\d\d-\d{6}\.ipynb", saved[0].name)
    assert (tmp_path / LESSON).read_bytes() == original()
    assert saved[0].name in capsys.readouterr().out


def test_after_a_reset_lab_opens_the_lesson_and_not_the_saved_copy(tmp_path, launched):
    (tmp_path / LESSON).write_text("mine", encoding="utf-8")
    cli.main(["reset", "03", str(tmp_path)])
    (tmp_path / "00 my own #1.ipynb").write_text("{}", encoding="utf-8")
    cli.main(["lab", str(tmp_path)])
    assert f"--LabApp.default_url=/lab/tree/{cli.lessons()[0].name}" in launched


def test_reset_into_a_folder_that_cannot_be_is_named(tmp_path, capsys):
    assert "cannot restore" in fails(capsys, "reset", "03", str(tmp_path / ("x" * 300)))


def test_reset_twice_in_a_second_keeps_both(tmp_path):
    for mine in ("one", "two", "three"):
        (tmp_path / LESSON).write_text(mine, encoding="utf-8")
        cli.main(["reset", "03", str(tmp_path)])
    kept = sorted(path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name != LESSON)
    assert kept == ["one", "three", "two"]


def test_reset_finds_the_lesson_where_the_student_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["reset", "03"])
    assert (tmp_path / "bpcourse-lessons" / LESSON).read_bytes() == original()
    monkeypatch.chdir(tmp_path / "bpcourse-lessons")
    cli.main(["reset", "03"])
    assert len(list(Path().iterdir())) == 2


def test_reset_of_an_unknown_lesson_says_which_there_are(tmp_path, capsys):
    message = fails(capsys, "reset", "99", str(tmp_path))
    assert "no lesson 99" in message
    assert LESSON in message


def test_reset_never_touches_the_courses_own_file(capsys):
    before = original()
    assert "git" in fails(capsys, "reset", "03", str(cli.lessons_folder()))
    assert original() == before


def test_doctor_says_that_a_kernel_starts(capsys):
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "A kernel starts and computes" in said
    assert re.search(r"^numpy \d", said, re.MULTILINE)


def test_doctor_says_what_is_missing(capsys, monkeypatch):
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
    """The commands that were run, each ending with the next of these statuses."""
    commands, statuses = [], [0, 0, 0]

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, statuses[len(commands) - 1])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("CI", raising=False)
    return commands, statuses


STATUSES = {(0, 0, 0): 0, (1, 0, 0): 1, (0, 1, 0): 1, (0, -9, 0): 9, (0, 0, 1): 1}


@pytest.mark.parametrize("statuses, expected", STATUSES.items())
def test_test_runs_pytest_nbval_and_the_browser_and_fails_if_one_does(statuses, expected, runs, monkeypatch):
    monkeypatch.setattr(cli, "browser_problem", lambda: None)
    runs[1][:] = statuses
    assert cli.main(["test"]) == expected
    assert [(cli.NBVAL[0] in command, "tests/browser" in command) for command in runs[0]] == [
        (False, False), (True, False), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("ci, status", [("", 0), ("true", 1)])
def test_without_a_browser_the_last_line_says_so_and_ci_fails(ci, status, runs, monkeypatch, capsys):
    monkeypatch.setattr(cli, "browser", lambda: None)
    monkeypatch.setenv("CI", ci)
    assert cli.main(["test"]) == status
    assert len(runs[0]) == 2
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("The tests in a browser did NOT run: ")
    assert "apt-get install chromium" in last


def test_without_playwright_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cli, "_version", lambda name: None if name == "playwright" else "1")
    assert f"playwright not installed. Run: {cli.install('browser')}" in cli.browser_problem()


def test_an_instructor_opens_the_course_without_predictions(tmp_path, launched, monkeypatch):
    monkeypatch.setenv(cli.UNLOCKED, "")
    cli.main(["lab", str(tmp_path)])
    assert not os.environ[cli.UNLOCKED]
    cli.main(["lab", str(tmp_path), "--unlocked"])
    assert os.environ[explorers.UNLOCKED]


def test_what_to_install_fits_a_clone_and_a_package(monkeypatch):
    assert cli.install("lab") == 'python -m pip install -e ".[lab]"'
    monkeypatch.setattr(cli, "in_clone", lambda: False)
    assert cli.install("lab") == 'python -m pip install "bpcourse[lab]"'


def test_test_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_version", lambda name: None)
    assert cli.install("test") in fails(capsys, "test")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read().decode()


def test_a_real_jupyterlab_serves_the_lesson_with_the_courses_settings(tmp_path):
    with jupyterlab(tmp_path) as base:
        assert "/lab/tree/" in urllib.request.urlopen(f"{base}/?token=secret", timeout=10).url
        listing = json.loads(get(f"{base}/api/contents?token=secret"))
        assert LESSON in [entry["name"] for entry in listing["content"]]
        tracker = json.loads(get(f"{base}/lab/api/settings/@jupyterlab/notebook-extension:tracker?token=secret"))
        assert tracker["schema"]["properties"]["windowingMode"]["default"] == "none"
        news = json.loads(get(f"{base}/lab/api/settings/@jupyterlab/apputils-extension:notification?token=secret"))
        assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
