"""Whatever happens to the lessons of a student, no edit is lost, and the command says what it did."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bpcourse import cli
from bpcourse.lab import lessons, server

LESSON, OTHER, MINE = "03_chain_rule.ipynb", "04_backpropagation.ipynb", "my own words"


class Work:
    """A folder of lessons in which 03 is edited, and what happens to it."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch, self.lesson = folder, monkeypatch, folder / LESSON
        self.source = folder.parent / "source"
        self.source.mkdir()
        for name in (LESSON, OTHER):
            shutil.copy(lessons.source() / name, self.source)
        monkeypatch.setattr(lessons, "source", lambda: self.source)
        lessons.copy(folder)
        self.edit()

    def edit(self, text=MINE):
        """Edit the lesson and save it, as JupyterLab does."""
        notebook = json.loads(lessons.student_copy(lessons.find("03")))
        notebook["cells"][1]["source"] = [text]
        self.lesson.write_text(json.dumps(notebook), encoding="utf-8")

    def newer(self):
        """Install a newer version of the lesson."""
        notebook = json.loads((self.source / LESSON).read_bytes())
        notebook["cells"][0]["source"] = ["# New"]
        (self.source / LESSON).write_text(json.dumps(notebook), encoding="utf-8")

    def replaced_by(self, content):
        """Replace the edited lesson, which is kept under a different name."""
        self.lesson.rename(self.folder / "kept.ipynb")
        self.lesson.write_bytes(content)

    def before(self, owner, name, act):
        """Call `act` once, before a function is called for the first time."""
        original, pending = getattr(owner, name), [act]

        def late(*args, **named):
            if pending:
                pending.pop()()
            return original(*args, **named)

        self.monkeypatch.setattr(owner, name, late)

    def after(self, owner, name, act):
        """Call `act` after each call of a function."""
        original = getattr(owner, name)

        def early(*args, **named):
            result = original(*args, **named)
            act()
            return result

        self.monkeypatch.setattr(owner, name, early)

    def run(self, *words):
        return cli.main([words[0], *words[1:], str(self.folder)])


def stop():
    raise KeyboardInterrupt


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def unsupported(*_):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def edited(work):
    """Nothing else happens."""


def renamed(work):
    work.lesson.rename(work.folder / "03 mine.ipynb")


def in_a_subfolder(work):
    (work.folder / "mine").mkdir()
    work.lesson.rename(work.folder / "mine" / LESSON)


def deleted(work):
    work.replaced_by(b"")
    work.lesson.unlink()


def empty(work):
    work.replaced_by(b"")


def cut_off(work):
    work.replaced_by(work.lesson.read_bytes()[:2000])


def deep(work):
    work.replaced_by(b"[" * 100_000)


def other_bytes(work):
    work.replaced_by(b"\xff\x00")


def a_number(work):
    work.replaced_by(b"3")


def pipe(work):
    work.replaced_by(b"")
    work.lesson.unlink()
    os.mkfifo(work.lesson)


def a_folder(work):
    work.replaced_by(b"")
    work.lesson.unlink()
    work.lesson.mkdir()
    (work.lesson / "notes.txt").write_text(MINE, encoding="utf-8")


def link(work):
    work.lesson.rename(work.folder.parent / "elsewhere.ipynb")
    work.lesson.symlink_to(work.folder.parent / "elsewhere.ipynb")


def link_to_nothing(work):
    renamed(work)
    work.lesson.symlink_to(work.folder.parent / "nothing")


def read_only_file(work):
    work.lesson.chmod(0o400)


def killed_save(work):
    """A server killed while it saves: JupyterLab keeps the version before in a hidden file."""
    work.lesson.rename(work.folder / f".~{LESSON}")
    work.lesson.write_bytes(b'{"cells": [')


def newer(work):
    work.newer()


def newer_and_killed_save(work):
    work.newer()
    killed_save(work)


def newer_and_only_run(work):
    work.replaced_by(lessons.student_copy(lessons.find("03")))
    work.newer()


def newer_and_edited_meanwhile(work):
    """The student saves an edit after `update` has looked at the lesson."""
    newer_and_only_run(work)
    work.before(lessons, "restore", work.edit)


def two_updates(work):
    newer_and_only_run(work)
    work.before(lessons, "restore", lambda: (work.run("update"), work.edit()))


def full_disk(work):
    work.monkeypatch.setattr(Path, "write_bytes", full)


def full_disk_without_a_lesson(work):
    renamed(work)
    full_disk(work)


def newer_and_full_disk(work):
    newer_and_only_run(work)
    full_disk(work)


def stopped_before_the_move(work):
    work.before(Path, "replace", stop)


def stopped_after_the_move(work):
    work.after(Path, "replace", stop)


def stopped_after_a_name_was_found(work):
    work.after(lessons, "_reserve", stop)


def two_resets(work):
    """A second reset runs between the moment when the first chooses a name and when it moves the file."""
    work.before(Path, "replace", lambda: work.run("reset", "03"))


def edited_after_the_move(work):
    """JupyterLab saves its open lesson while that is reset."""
    work.after(Path, "replace", lambda: work.edit("saved by JupyterLab"))


def edited_while_the_copy_is_made(work):
    """A second `lab` has copied the lesson, and its student has edited it, before the first one writes."""
    renamed(work)
    work.before(os, "link", work.edit)


def no_hard_links(work):
    work.monkeypatch.setattr(os, "link", unsupported)


def no_hard_links_and_deleted(work):
    deleted(work)
    no_hard_links(work)


def no_hard_links_and_edited_meanwhile(work):
    """On such a file system, the lesson appears while it is copied."""
    renamed(work)
    work.monkeypatch.setattr(os, "link", lambda *_: (work.edit(), unsupported()))


FULL = "No space left on device"
CASES = [  # the command, what happens, the exit status, and words that the command prints
    ("lab", edited, 0, "Copied 0 lessons", "Existing lessons were left unchanged."),
    ("lab", renamed, 0, "Copied 1 lesson to", "Existing lessons were left unchanged."),
    ("lab", in_a_subfolder, 0, "Copied 1 lesson to"),
    ("lab", deleted, 0, "Copied 1 lesson to"),
    ("lab", empty, 0, f"{LESSON} is not a readable notebook.", "bpcourse reset 03"),
    ("lab", cut_off, 0, f"{LESSON} is not a readable notebook.", "bpcourse reset 03"),
    ("lab", deep, 0, f"{LESSON} is not a readable notebook."),
    ("lab", other_bytes, 0, f"{LESSON} is not a readable notebook."),
    ("lab", a_number, 0, f"{LESSON} is not a readable notebook."),
    ("lab", pipe, 0, f"{LESSON} is not a readable notebook."),
    ("lab", a_folder, 0, f"{LESSON} is not a readable notebook."),
    ("lab", link, 0, "Copied 0 lessons"),
    ("lab", link_to_nothing, 0, "Copied 0 lessons", f"{LESSON} is not a readable notebook."),
    ("lab", read_only_file, 0, "Copied 0 lessons"),
    ("lab", killed_save, 0, f"{LESSON} is not a readable notebook."),
    ("lab", newer, 0, "has a newer version, and you have edited yours"),
    ("lab", full_disk, 0, "Copied 0 lessons"),
    ("lab", full_disk_without_a_lesson, 2, FULL),
    ("lab", edited_while_the_copy_is_made, 0, "Copied 0 lessons"),
    ("lab", no_hard_links_and_deleted, 0, "Copied 1 lesson to"),
    ("lab", no_hard_links_and_edited_meanwhile, 0, "Copied 0 lessons"),
    ("reset", edited, 0, "Your lesson is saved as", "Restored: "),
    ("reset", renamed, 0, "Restored: "),
    ("reset", cut_off, 0, "Your lesson is saved as"),
    ("reset", deep, 0, "Your lesson is saved as"),
    ("reset", pipe, 0, "Your lesson is saved as"),
    ("reset", a_folder, 2, "Nothing was overwritten."),
    ("reset", link, 0, "Your lesson is saved as"),
    ("reset", link_to_nothing, 0, "Your lesson is saved as"),
    ("reset", read_only_file, 0, "Your lesson is saved as"),
    ("reset", killed_save, 0, "Your lesson is saved as", "Its version before that is saved as"),
    ("reset", full_disk, 2, FULL, "Nothing was overwritten."),
    ("reset", stopped_before_the_move, 130),
    ("reset", stopped_after_the_move, 130),
    ("reset", stopped_after_a_name_was_found, 130),
    ("reset", two_resets, 0, "Your lesson is saved as", "Restored: "),
    ("reset", edited_after_the_move, 2, "reappeared", "Your lesson is saved as"),
    ("reset", no_hard_links, 0, "Your lesson is saved as"),
    ("update", edited, 0, "0 lessons updated"),
    ("update", deleted, 0, "0 lessons updated"),
    ("update", cut_off, 0, "0 lessons updated", f"{LESSON} is not a readable notebook."),
    ("update", pipe, 0, "0 lessons updated", f"{LESSON} is not a readable notebook."),
    ("update", newer, 0, "0 lessons updated", "you have edited yours. Get it: bpcourse reset 03"),
    ("update", newer_and_killed_save, 0, "0 lessons updated", f"{LESSON} is not a readable notebook."),
    ("update", newer_and_only_run, 0, "1 lesson updated", "saved as"),
    ("update", newer_and_edited_meanwhile, 0, "1 lesson updated", "saved as"),
    ("update", two_updates, 0, "1 lesson updated", "saved as"),
    ("update", newer_and_full_disk, 2, FULL, "Nothing was overwritten."),
]
WHOLE = (edited, read_only_file, link, full_disk, newer_and_full_disk, newer)  # the lesson can still be opened after it


@pytest.mark.parametrize("name, happens, status, words", [(name, act, end, said) for name, act, end, *said in CASES],
                         ids=[f"{name}-{act.__name__}" for name, act, *_ in CASES])  # fmt: skip
def test_work__is_kept_and_said(name, happens, status, words, tmp_path, monkeypatch, capsys):
    if happens in (pipe, link, link_to_nothing) and os.name != "posix":
        pytest.skip("needs links and pipes as on Linux and macOS")
    monkeypatch.setattr(server, "start", lambda arguments: None)
    work = Work(tmp_path / "lessons", monkeypatch)
    happens(work)
    assert work.run(*(("reset", "03") if name == "reset" else (name,))) == status
    said = "".join(capsys.readouterr())
    assert [text for text in words if text not in said] == []
    monkeypatch.undo()
    texts = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file() and path.parent != work.source
    ]
    assert any(MINE in text for text in texts), "the student's edit is lost"
    half = [text for text in texts if text.startswith("{") and text.count('"cells"') and not _is_whole(text)]
    assert len(half) == ("killed" in happens.__name__ or happens is cut_off), "a half lesson was written"
    assert not list(work.folder.glob(".bpcourse-*")), "a temporary file was left"
    if status == 2 and happens in WHOLE:
        assert work.lesson.is_file(), "the lesson is missing after a command that failed"


def _is_whole(text):
    try:
        return bool(json.loads(text))
    except ValueError:
        return False


def test_lab__killed_while_it_writes_leaves_no_half_lesson(tmp_path):
    """A process that ends while it writes a lesson, without a chance to clean up."""
    work = "from pathlib import Path; from bpcourse import cli"
    dies = "Path.write_bytes = lambda path, content: (path.open('wb', buffering=0).write(content[:99]), os._exit(9))"
    lines = f"import os; {work}; {dies}; cli.main(['lab', {str(tmp_path)!r}])"
    assert subprocess.run([sys.executable, "-c", lines], check=False).returncode == 9
    assert list(tmp_path.glob("*.ipynb")) == []


SAVE = """
import os, sys, nbformat
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from bpcourse.lab.server import without_live_views
contents = LargeFileManager(root_dir=sys.argv[1])
contents.register_pre_save_hook(without_live_views)
model = contents.get(sys.argv[2])
model["content"]["cells"][1]["source"] = "an edit that is not saved yet"
def half(notebook, file, **_):
    file.write(nbformat.writes(notebook)[:500])
    file.flush()
    {end}
nbformat.write = half
contents.save(model, sys.argv[2])
"""


@pytest.mark.parametrize("end", ["os._exit(9)", "raise OSError(28, 'No space left on device')"], ids=["killed", "full"])
@pytest.mark.parametrize("then", ["open", "reset"])
def test_save__interrupted_keeps_the_version_before(end, then, tmp_path, monkeypatch, capsys):
    from jupyter_server.services.contents.largefilemanager import LargeFileManager

    folder = tmp_path / "lessons"
    work = Work(folder, monkeypatch)
    program = [sys.executable, "-c", SAVE.format(end=end), str(folder), LESSON]
    assert subprocess.run(program, check=False, capture_output=True).returncode != 0
    if then == "reset":
        assert work.run("reset", "03") == 0
        assert "saved as" in capsys.readouterr().out
        assert any(MINE in path.read_text(encoding="utf-8") for path in folder.glob("*-saved-*.ipynb"))
    else:
        opened = LargeFileManager(root_dir=str(folder)).get(LESSON)
        assert opened["content"]["cells"][1]["source"] == MINE
