"""The targets of tools/fuzz.py: they accept their own corpus, and find a fault that is made on purpose."""

import dataclasses
import importlib.util
import sys

import pytest
from helpers.support import tool

import bpcourse.numbers
from bpcourse.classroom import roster, submissions
from bpcourse.classroom.submissions import Answers
from bpcourse.names import Name
from bpcourse.tutor import files

fuzz = tool("fuzz")


def failing(*_, **__):
    raise ZeroDivisionError("made on purpose")


def wrong_number(text):
    return dataclasses.replace(parse_digits(text), value=0.5)


def wrong_names(path):
    return roster.Roster(("Ada\n",))


def wrong_sheet(file):
    return [Answers(0, "source", {})]


parse_digits = bpcourse.numbers.parse_digits
FAULTS = [  # target, where, what, wrong
    ("numbers", bpcourse.numbers, "parse_digits", wrong_number),
    ("numbers", bpcourse.numbers, "parse_digits", failing),
    ("names", Name, "__str__", Name.symbol),
    ("names", Name, "latex", failing),
    ("exercises", files, "_exercise", failing),
    ("exercises", files, "LARGEST", None),
    ("rosters", roster, "read_roster", wrong_names),
    ("rosters", roster, "_name_columns", failing),
    ("notebooks", submissions, "read_cells", failing),
    ("notebooks", submissions, "read_file", wrong_sheet),
    ("tables", submissions, "read_table", failing),
    ("tables", submissions, "read_file", wrong_sheet),
]


def run_over_seeds(target):
    for seed in fuzz.TARGETS[target].seeds:
        fuzz.TARGETS[target].read(seed.encode())


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_target__accepts_its_corpus_and_odd_bytes(target):
    run_over_seeds(target)
    for odd in (b"", b"\xff\xfe\x00", b"{", b"[" * 2000, b"0" * 4000, "\ud7ff\u2028\x1d,;\n".encode() * 99):
        fuzz.TARGETS[target].read(odd)


@pytest.mark.parametrize(("target", "where", "name", "wrong"), FAULTS)
def test_target__finds_a_fault_made_on_purpose(target, where, name, wrong, monkeypatch):
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises((ZeroDivisionError, TypeError, ValueError, fuzz.WrongError)):
        run_over_seeds(target)


def test_faults__are_tried_for_every_target():
    assert {target for target, *_ in FAULTS} == set(fuzz.TARGETS)


def test_repeat__reads_one_input_without_atheris(tmp_path, capsys, monkeypatch):
    path = tmp_path / "crash"
    path.write_bytes(b"0.5")
    assert fuzz.main(["numbers", "--repeat", str(path)]) == 0
    assert "without an unexpected error" in capsys.readouterr().out
    monkeypatch.setattr(bpcourse.numbers, "parse_digits", failing)
    with pytest.raises(ZeroDivisionError):
        fuzz.main(["numbers", "--repeat", str(path)])


def test_search__without_atheris_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        fuzz.main(["numbers"])
    assert "pip install atheris" in capsys.readouterr().err


LOG = "#8\tDONE   cov: 57 ft: 9 corp: 5\nstat::number_of_executed_units: 1234\nstat::average_exec_per_sec:     56\n"


@pytest.mark.parametrize("crashes", [0, 1])
def test_search__reports_figures_and_crashes(crashes, tmp_path, capsys, monkeypatch):
    def run(command, **_):
        assert command[:3] == [sys.executable, fuzz.__file__, "names"]
        assert "-max_total_time=5" in command
        for number in range(crashes):
            (tmp_path / "names" / "failed" / f"crash-{number}").write_bytes(b"")
        return fuzz.subprocess.CompletedProcess(command, 0, b"", LOG.encode())

    monkeypatch.setattr(fuzz, "FOUND", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(fuzz.subprocess, "run", run)
    assert fuzz.main(["names", "--seconds", "5"]) == crashes
    said = capsys.readouterr().out
    assert "names: 1234 executions, 56 per second, 57 branches reached" in said
    assert f"crashes: {crashes}" in said
    assert said.count("--repeat") == crashes
    corpus = tmp_path / "names" / "corpus"
    assert [path.read_text(encoding="utf-8") for path in sorted(corpus.iterdir())] == [*fuzz.TARGETS["names"].seeds]


def test_search__fails_if_it_did_not_start(tmp_path, capsys, monkeypatch):
    failed = fuzz.subprocess.CompletedProcess([], 1, b"", b"Traceback (most recent call last):\nImportError: no\n")
    monkeypatch.setattr(fuzz, "FOUND", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(fuzz.subprocess, "run", lambda *_, **__: failed)
    assert fuzz.main(["names"]) == 1
    assert "ImportError: no" in capsys.readouterr().err
