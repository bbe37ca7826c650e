"""Sheets for a class: their own numbers, whole files, names as text, a secret that is in no file."""

import csv
import html.parser
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from bpcourse import cli, parse_number, practice
from bpcourse.classroom import files, pages, printing
from bpcourse.classroom.files import Class, _ctrl_c_left_to_us, read_names, write_class
from bpcourse.classroom.pages import FORMATS, key_html, key_markdown, rows, sheet_html, sheet_markdown, sheet_notebook
from bpcourse.classroom.sheets import Plan, Question, in_words
from bpcourse.lab.browser import find_browser
from bpcourse.tutor.equations import table

SECRET = "correct horse; 電池"
PLAN = Plan(("output_weight", "update"), 2, SECRET)
SHEET = PLAN.sheet(12)
NAMES = (
    "Ada Lovelace",
    "<script>alert(1)</script>",
    'O\'Brien, "Bob" & Söhne',
    "عمر الخيام",
    "李小龍",
    "=HYPERLINK(1)",
    "</title></head>|*_`$x$[a](b)",
)


class Page(html.parser.HTMLParser):
    """What is in a page: its tags, its attributes and its text."""

    VOID = ("meta", "br", "wbr", "line", "rect", "img")

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open, self.unclosed = Counter(), [], "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += attributes

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data):
        self.text += data


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(folder, *words):
    return cli.main(["sheet", "--seed", SECRET, "--out", str(folder), "--topic", "bias", "--level", "1", *words])


def fails(capsys, folder, *words):
    assert run(folder, *words) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


# The plan


def test_every_topic_has_its_words():
    words = [topic.words for topic in practice.TOPICS.values()]
    assert all(words)
    assert len(set(words)) == len(words)
    for name in (*practice.TOPICS, *map(str, range(1, len(practice.SHAPES) + 1))):
        assert re.search(rf"^  {name} ", in_words(), re.MULTILINE)


def test_another_plan_repeats_no_question_of_the_same_secret():
    first = Plan(("bias", "update"), 3, SECRET)
    for topics in (("bias", "hidden_weight", "loss"), ("bias",), ("update", "bias")):
        other = Plan(topics, 3, SECRET).sheet(1).questions
        assert not {each.problem.question for each in other} & {
            each.problem.question for each in first.sheet(1).questions
        }
    again = Plan(("bias", "bias"), 3, SECRET).sheet(1).questions
    assert again[0].problem.question != again[1].problem.question


@pytest.mark.parametrize("changed", [{"secret": "another"}, {"level": 3}, {"topics": ("update", "output_weight")}])
def test_another_plan_has_other_numbers_and_another_stamp(changed):
    other = replace(PLAN, **changed)
    assert other.stamp != PLAN.stamp
    assert sheet_html(other.sheet(12)) != sheet_html(SHEET)
    assert Plan(*(getattr(PLAN, name) for name in ("topics", "level", "secret"))).stamp == PLAN.stamp


def test_every_sheet_has_numbers_of_its_own():
    assert (
        len({question.problem.question for number in range(1, 11) for question in PLAN.sheet(number).questions}) == 20
    )


@pytest.mark.parametrize(
    ("topics", "level", "secret", "words"),
    [
        ((), 2, "s", "1 to 20 questions"),
        (("bias",) * 21, 2, "s", "1 to 20 questions"),
        (("bias",), 2, "", "must not be empty"),
        (("hidden_weight",), 1, "s", "hidden_weight has the levels 2 to 5; got 1"),
        (("bias",), 6, "s", "bias has the levels 1 to 5; got 6"),
        (("bais",), 2, "s", "Did you mean 'bias'"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_words(topics, level, secret, words):
    with pytest.raises(ValueError, match=words):
        Plan(topics, level, secret)


# What is on a page


def told(question, text):
    """Return the names of the values that a text tells, whatever their sign: those near a number in it.

    Numbers that are given are left out, and so is a picture in base64, where no digit means anything.
    """
    decimals = re.compile(r"\d+[.,]\d+(?:e[-−]?\d+)?")
    given = set(decimals.findall(question.problem.question))
    found = [float(each.replace("−", "-").replace(",", ".")) for each in set(decimals.findall(text)) - given]
    return [
        row.name for row in rows(question) if any(abs(each - abs(row.value)) <= 1e-3 * abs(row.value) for each in found)
    ]


@pytest.mark.parametrize(("topic", "level"), [(topic, plan.from_level) for topic, plan in practice.TOPICS.items()])
def test_a_sheet_gives_all_numbers_and_no_answer(topic, level):
    sheet = Plan((topic,), max(level, 2), SECRET).sheet(1)
    question = sheet.questions[0]
    given = {number for line in question.problem.question.split("\n") if line[0] == " " for number in line.split()}
    page = Page(sheet_html(sheet))
    for number in given - {"="}:
        assert number in page.text
    for text in (page.text, sheet_markdown(sheet), sheet_notebook(sheet)):
        for row in rows(question):
            assert row.name in text
        assert told(question, text) == []
    assert page.tags["svg"] == 1
    assert page.text.count("your answer") == (1 if len(rows(question)) <= pages.MOST_ROWS else 2)


def test_the_search_for_an_answer_finds_it():
    for question in SHEET.questions:
        assert told(question, Page(key_html(SHEET)).text) == [row.name for row in rows(question)]
        for row in rows(question):
            for written in (
                row.shown,
                f"{row.value:.4g}",
                repr(abs(row.value)),
                f'"{row.value:.5f}"'.replace(".", ","),
            ):
                assert row.name in told(question, sheet_notebook(SHEET).replace("...", written))


@pytest.mark.parametrize("topic", practice.TOPICS)
def test_right_values_are_those_that_check_knows(topic):
    question = Question(1, practice.problem("right", topic, 3))
    steps = table(question.problem.trace, question.problem.learning_rate)
    assert [(row.name, row.value) for row in rows(question)] == [(name, steps[name].value) for name in question.asked]
    assert all(parse_number(row.shown.lstrip("+")) == pytest.approx(row.value, rel=1e-3) for row in rows(question))


@pytest.mark.parametrize("make", [sheet_html, key_html])
def test_a_page_needs_nothing_from_outside_and_closes_what_it_opens(make):
    text = make(SHEET, NAMES[1])
    page = Page(text)
    assert (page.open, page.unclosed) == ([], [])
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == 0
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    assert "url(" not in text
    assert "@import" not in text
    assert "@page" in text
    assert "color-scheme: light;" in text


def test_an_unclosed_tag_is_seen():
    assert Page("<p><b>x</p></b>").unclosed == ["p", "b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_text(name):
    for make in (sheet_html, key_html):
        page, plain = Page(make(SHEET, name)), Page(make(SHEET, "plain"))
        assert page.text.count(name) == plain.text.count("plain") == 2  # in the title and on the page
        assert page.tags == plain.tags
    for text in (sheet_markdown(SHEET, name), key_markdown(SHEET, name)):
        line = next(line for line in text.split("\n") if line.startswith("Name: "))
        assert "<" not in line
        assert re.sub(r"\\(.)", r"\1", line).replace("&lt;", "<").replace("&amp;", "&") == f"Name: {name}"
        assert not re.search(r"(?<!\\)[*_`$|\[]", line)


@pytest.mark.parametrize("form", FORMATS)
def test_a_sheet_shows_its_number_and_no_secret(form):
    sheet, key = FORMATS[form].sheet(SHEET, ""), FORMATS[form].key(SHEET, "")
    assert "Sheet 12" in sheet
    for text in (sheet, key):
        assert SECRET not in text
        assert PLAN.stamp not in text
        assert all(str(question.problem.seed) not in text for question in SHEET.questions)


def test_a_notebook_is_one_and_its_cells_run_alone():
    for text in (FORMATS["ipynb"].sheet(SHEET, NAMES[1]), FORMATS["ipynb"].key(SHEET, NAMES[1])):
        notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        nbformat.validate(notebook)
    notebook = nbformat.reads(sheet_notebook(SHEET), as_version=4)
    assert notebook.metadata.bpcourse == {"sheet": 12}
    assert notebook.cells[0].source.startswith("# Sheet 12\n")
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    ran = subprocess.run(
        [sys.executable, "-I", "-c", "\n".join([*code, "print(answers_1, answers_2)"])], capture_output=True, text=True
    )
    wanted = [dict.fromkeys(question.asked, ...) for question in SHEET.questions]
    assert ran.stdout.strip() == f"{wanted[0]} {wanted[1]}"


def test_markdown_has_words_in_the_place_of_the_picture():
    text = sheet_markdown(SHEET)
    assert "A network of 3 inputs, 2" in text
    assert "<svg" not in text
    assert text.count("| value | name | your answer |") == 2


# Names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada\nBob\n", ("Ada", "Bob")),
        ("\ufeffAda\r\n\r\n  Bob  Jr. \r\n", ("Ada", "Bob Jr.")),
        ("name\nAda\n", ("Ada",)),
        ("First name,Last name,ID number\nAnna,Lovelace,1\nAnna,Byron,2\n", ("Anna Lovelace", "Anna Byron")),
        ("Nachname;Vorname\nLovelace;Ada\nByron;\n", ("Ada Lovelace", "Byron")),
        ("Name;Vorname\nLovelace;Ada\n", ("Ada Lovelace",)),
        ("first_name\tSURNAME\nAda\tLovelace\n", ("Ada Lovelace",)),
        ("First name,Surname,Full name,Name\nA,L,x,Ada\n", ("Ada",)),
        ("Full name,First name\nAda Lovelace,Ada\n", ("Ada Lovelace",)),
        ("\n\nNAME\nAda\n", ("Ada",)),
        ('"Lovelace, Ada"\n"Lovelace, Bea"\n', ("Lovelace, Ada", "Lovelace, Bea")),
        ("Ada;\nBob;\n", ("Ada", "Bob")),
        ('id,Name,mail\n1,Ada,a@b\n2,"Byron, Lord",c@d\n', ("Ada", "Byron, Lord")),
        ("Nr;NAME\n1;Ada, Countess\n", ("Ada, Countess",)),
        ("Student;Group\nÉmile;2\n", ("Émile",)),
        ('"O\'Brien ""Bob"""\n=1+1\n<b>\n', ('O\'Brien "Bob"', "=1+1", "<b>")),
        ("عمر\n李小龍\nन\u094d\u200dय\n", ("عمر", "李小龍", "न\u094d\u200dय")),
        ("Eve\u202eadA\nA\x07\tB\x1b[0m\n", ("EveadA", "A B [0m")),
        ("Ada\nAda\n", ("Ada", "Ada")),
    ],
)
def test_lists_of_names(tmp_path, text, names):
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode())
    assert read_names(path) == names


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no names"),
        (b"name\n", "holds no names"),
        ("Jörg\n".encode("latin-1"), "not in UTF-8"),
        (b"id,name\n1,Ada\n2\n", "row 3 has no name in column 2; it has '2'"),
        (
            b"Lovelace, Ada\nLovelace, Bea\n",
            "row 1 has columns without a known heading; it has 'Lovelace, Ada'. Give one",
        ),
        (b"Ada\nByron, Lord\n", "row 2 has columns without a known heading"),
        (b"name\nByron, Lord\n", "row 2 has columns without a known heading"),
        (b"Who;Where\nAda;London\n", "heading “name”, or write one name in each line, in quotes"),
        (b"first name,id,surname\n,7,\n", "row 2 has no name in column 1 or 3; it has ', 7, '"),
        (b"x" * 201, "more than 200 letters"),
        (b'"Ada\n', "is no list of names"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_in_words(tmp_path, content, words, capsys):
    path = tmp_path / "class.csv"
    path.write_bytes(content)
    assert words in fails(capsys, tmp_path / "out", "--names", str(path))
    assert not (tmp_path / "out").exists()


# Files


def test_a_class_is_written(tmp_path, capsys):
    (tmp_path / "class.csv").write_text("name\n" + "\n".join(NAMES[3:5]), encoding="utf-8")
    assert run(tmp_path / "out", "--names", str(tmp_path / "class.csv"), "--topic", "update") == 0
    written = files_in(tmp_path / "out")
    assert sorted(written) == [
        *("key/answers.csv", "key/class.json", "key/key-001.html", "key/key-002.html"),
        *("sheets/sheet-001.html", "sheets/sheet-002.html"),
    ]
    plan = Plan(("bias", "update"), 1, SECRET)
    assert json.loads(written["key/class.json"]) == {
        "version": 1,
        "topics": ["bias", "update"],
        "level": 1,
        "count": 2,
        "stamp": plan.stamp,
        "names": {"1": NAMES[3], "2": NAMES[4]},
    }
    assert written["sheets/sheet-002.html"].decode() == sheet_html(plan.sheet(2), NAMES[4])
    table = list(csv.DictReader(written["key/answers.csv"].decode().splitlines()))
    wanted = [(n, q, row) for n in (1, 2) for q in plan.sheet(n).questions for row in rows(q)]
    assert [(row["sheet"], row["question"], row["name"]) for row in table] == [
        (str(number), str(question.number), row.name) for number, question, row in wanted
    ]
    assert all(
        float(row["value"]) == pytest.approx(each[2].value, rel=1e-5) for row, each in zip(table, wanted, strict=True)
    )
    assert not any(SECRET.encode() in content for content in written.values())
    assert SECRET not in capsys.readouterr().out


def test_equal_names_are_said(tmp_path, capsys):
    (tmp_path / "class.csv").write_text("Ada\nBob\nAda\n", encoding="utf-8")
    assert run(tmp_path / "out", "--names", str(tmp_path / "class.csv")) == 0
    assert "More than one student is called Ada\n" in capsys.readouterr().out
    assert run(tmp_path / "other", "--count", "1") == 0
    assert "More than one" not in capsys.readouterr().out


def test_a_secret_that_can_be_guessed_is_said(tmp_path, capsys):
    for secret, said in (("2024", True), ("x" * 11, True), ("x" * 12, False)):
        assert run(tmp_path / secret, "--count", "1", "--seed", secret) == 0
        warning = "This secret can be guessed by trying: take 12 characters or more, or leave --seed out\n"
        assert capsys.readouterr().err == (warning if said else "")


def test_a_secret_is_made_said_once_and_written_nowhere(tmp_path, capsys):
    words = ["sheet", "--count", "1", "--topic", "bias", "--level", "1", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    secret = re.search(r"secret of these sheets is (\S+)", said)[1]
    assert len(secret) >= 16
    assert said.count(secret) == 1
    assert "to mark" in said
    assert not any(secret.encode() in content for content in files_in(tmp_path).values())
    record = json.loads((tmp_path / "key" / "class.json").read_text(encoding="utf-8"))
    assert record["stamp"] == Plan(("bias",), 1, secret).stamp
    assert cli.main(words) == 2  # another secret: another plan
    assert "another secret" in capsys.readouterr().err


def test_what_is_missing_is_written_and_the_rest_is_not_touched(tmp_path, capsys):
    assert run(tmp_path, "--count", "3") == 0
    before = files_in(tmp_path)
    (tmp_path / "sheets" / "sheet-002.html").unlink()
    (tmp_path / "key" / "key-001.html").write_text("mine", encoding="utf-8")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run(tmp_path, "--count", "3") == 0
    assert "1 written, 2 there already" in capsys.readouterr().out
    assert files_in(tmp_path) == before | {"key/key-001.html": b"mine"}
    assert all(path.stat().st_mtime_ns == since for path, since in times.items())
    assert run(tmp_path, "--count", "3", "--force") == 0
    assert files_in(tmp_path) == before
    assert run(tmp_path, "--count", "3", "--format", "md") == 0  # beside them
    assert len(files_in(tmp_path)) == len(before) + 6


@pytest.mark.parametrize("words", [["--level", "2"], ["--topic", "update"], ["--seed", "another secret"]])
def test_another_plan_does_not_come_into_the_same_folder(tmp_path, capsys, words):
    assert run(tmp_path, "--count", "1") == 0
    before = files_in(tmp_path)
    for force in ([], ["--force"]):
        assert "holds sheets of another plan" in fails(capsys, tmp_path, "--count", "1", *words, *force)
    assert files_in(tmp_path) == before


def test_another_number_needs_force(tmp_path, capsys):
    assert run(tmp_path, "--count", "1") == 0
    assert "another list of names or another number" in fails(capsys, tmp_path, "--count", "2")
    assert run(tmp_path, "--count", "2", "--force") == 0
    assert json.loads((tmp_path / "key" / "class.json").read_text(encoding="utf-8"))["count"] == 2
    assert len(files_in(tmp_path)) == 6


@pytest.mark.parametrize("name", ["sheets/sheet-002.html", "key/answers.csv"])
def test_a_file_of_somebody_else_is_not_overwritten(tmp_path, capsys, name):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("mine", encoding="utf-8")
    assert "is there already" in fails(capsys, tmp_path, "--count", "2")
    assert files_in(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize("record", ["", "[]", '{"version": 1}', "{"])
def test_a_damaged_record_is_named(tmp_path, capsys, record):
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "class.json").write_text(record, encoding="utf-8")
    assert "class.json is damaged" in fails(capsys, tmp_path, "--count", "2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--count 30, or a list of names"),
        (["--count", "0"], "must be 1 to"),
        (["--count", "1", "--topic", "bais"], "Did you mean 'bias'"),
        (["--count", "1", "--level", "9"], "levels 1 to 5; got 9"),
        (["--count", "1", "--seed", ""], "secret must not be empty"),
        (["--names", "nobody.csv"], "cannot read or write nobody.csv"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(tmp_path, capsys, words, said):
    assert said in fails(capsys, tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_more_names_than_sheets_are_an_error(tmp_path, capsys):
    (tmp_path / "class.txt").write_text("Ada\nBob\n", encoding="utf-8")
    names = ["--names", str(tmp_path / "class.txt")]
    assert "2 names for 1 sheets" in fails(capsys, tmp_path / "out", *names, "--count", "1")
    assert run(tmp_path / "out", *names, "--count", "3") == 0  # one more, for who comes late
    assert "blank" in (tmp_path / "out" / "sheets" / "sheet-003.html").read_text(encoding="utf-8")


def test_a_folder_that_is_a_file_is_named(tmp_path, capsys):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    assert "cannot read or write" in fails(capsys, tmp_path / "out", "--count", "1")


def test_a_disk_that_is_full_leaves_no_half_file(tmp_path, monkeypatch, capsys):
    def parts():
        yield "the first half"
        raise OSError(28, "No space left on device", "sheet")

    with pytest.raises(OSError, match="No space"):
        files.write_whole(tmp_path / "sheet", parts())
    assert files_in(tmp_path) == {}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    def parts():
        yield "all of "
        files.write_whole(tmp_path / "sheet", "the inner one")
        yield "the outer one"

    files.write_whole(tmp_path / "sheet", parts())
    assert files_in(tmp_path) == {"sheet": b"all of the outer one"}


@pytest.mark.skipif(sys.platform == "win32", reason="a link needs a right there")
def test_a_link_in_the_place_of_an_unfinished_file_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "sheet.part").symlink_to(tmp_path / "mine")
    files.write_whole(tmp_path / "sheet", "text")
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "sheet").is_symlink()


def test_runs_at_the_same_time_write_one_class(tmp_path):
    words = [
        "sheet",
        "--seed",
        SECRET,
        "--topic",
        "bias",
        "--level",
        "2",
        "--count",
        "4",
        "--out",
        str(tmp_path / "out"),
    ]
    command = [sys.executable, "-m", "bpcourse.cli", *words]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [(b"", 0)] * 3
    write_class(Class(Plan(("bias",), 2, SECRET), 4, (), tmp_path / "alone"))
    assert files_in(tmp_path / "out") == files_in(tmp_path / "alone")


def test_a_run_takes_only_its_own_away(tmp_path):
    other = tmp_path / f"{files.SCRATCH}other"
    other.mkdir()
    assert run(tmp_path, "--count", "1") == 0
    assert list(tmp_path.glob(f"{files.SCRATCH}*")) == [other]


def test_another_run_that_ends_meanwhile_is_no_obstacle(tmp_path, monkeypatch):
    chosen = Class(Plan(("bias",), 1, SECRET), 1, (), tmp_path)
    made = files._answers

    def another_ends(answers):
        yield from made(answers)
        (tmp_path / "key" / files.UNFINISHED).replace(tmp_path / "key" / files.RECORD)

    monkeypatch.setattr(files, "_answers", another_ends)
    assert write_class(chosen) == 1
    assert sorted(path.name for path in (tmp_path / "key").iterdir()) == ["answers.csv", "class.json", "key-001.html"]


def test_help_says_topics_levels_and_formats(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sheet", "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(topic.words in said for topic in practice.TOPICS.values())
    assert "4 hidden units" in said
    choices = re.search(r"--format \{([^}]*)\}", re.sub(r"\s+", " ", said))[1].split(",")
    assert set(FORMATS) <= set(choices)
    assert set(cli.SHEET_TOPICS) <= set(practice.TOPICS)


# Cut short


def whole(path):
    """Return whether a file of a class ends as it should."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(content) != {}
    if path.suffix == ".csv":
        return content.endswith("\n") and content.count("\n") > 1
    return content.endswith("</html>")


def test_a_file_cut_short_is_seen(tmp_path):
    (tmp_path / "sheet-001.html").write_text(sheet_html(SHEET)[:-1], encoding="utf-8")
    assert not whole(tmp_path / "sheet-001.html")


def test_killed_at_any_moment_files_are_whole_and_the_same_command_finishes(tmp_path):
    words = ["sheet", "--seed", SECRET, "--topic", "bias", "--level", "1", "--count", "40"]
    command = [sys.executable, "-m", "bpcourse.cli", *words, "--out"]
    by, killed, times = random.Random(7), 0, {}
    for _ in range(5):
        process = subprocess.Popen(
            [*command, str(tmp_path / "out")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        goal = len(times) + by.randrange(1, 16)
        while process.poll() is None and len(list(tmp_path.glob("out/*/*-???.html"))) < goal:
            time.sleep(0.002)
        time.sleep(by.random() * 0.01)
        process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        killed += process.wait() != 0
        time.sleep(0.3)  # what it started ends with it
        there = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".part"]
        assert all(map(whole, there))
        sheets = {path: path.stat().st_mtime_ns for path in there if path.suffix == ".html"}
        assert times.items() <= sheets.items(), "what was there has been written again"
        times = sheets
    assert killed >= 3
    assert not (tmp_path / "out" / "key" / "class.json").exists() or len(times) == 80
    assert subprocess.run([*command, str(tmp_path / "out")], capture_output=True).returncode == 0
    assert subprocess.run([*command, str(tmp_path / "other")], capture_output=True).returncode == 0
    left = {name for name in files_in(tmp_path / "out") if name.endswith(".part")}  # by those that were killed
    assert {name: text for name, text in files_in(tmp_path / "out").items() if name not in left} == files_in(
        tmp_path / "other"
    )
    assert all(path.stat().st_mtime_ns == since for path, since in times.items())


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_it_soon_and_with_whole_files(tmp_path):
    words = ["sheet", "--seed", SECRET, "--topic", "bias", "--level", "1", "--count", "5000", "--out", str(tmp_path)]
    for times in (1, 2):
        process = subprocess.Popen(
            [sys.executable, "-c", STARTED, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        goal = len(list(tmp_path.glob("*/*.html"))) + 8
        while process.poll() is None and len(list(tmp_path.glob("*/*.html"))) < goal:
            time.sleep(0.01)
        for _ in range(times):  # a terminal sends it to all processes of the group
            os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert b"Traceback" not in said or times == 2, said.decode()
        assert process.returncode != 0
        assert all(map(whole, (path for path in tmp_path.rglob("*.*") if path.suffix != ".part")))
    assert (tmp_path / "key" / "class-unfinished.json").exists()


def misses_its_signal(make, numbers, pipe):
    """Work as a process does in which Python drops the SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    files.signal = SimpleNamespace(signal=lambda *_: None, SIGINT=None, SIGTERM=None, SIG_IGN=None)
    files._work(make, numbers, pipe)


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended without a signal")
def test_a_process_that_misses_its_signal_is_not_awaited_for_ever(tmp_path, monkeypatch):
    chosen = Class(Plan(("bias",), 1, SECRET), 5000, (), tmp_path)
    for folder in ("sheets", "key"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(files, "_work", misses_its_signal)
    made = files._made(chosen, range(1, 5001), False, tmp_path)
    next(made)
    closing = threading.Thread(target=made.close, daemon=True)
    closing.start()
    closing.join(20)
    ended = not closing.is_alive()
    for process in multiprocessing.active_children():
        process.kill()
    assert ended


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_a_process_that_only_just_begins_leaves_ctrl_c_alone():
    before = signal.getsignal(signal.SIGINT)
    with _ctrl_c_left_to_us():
        process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(0.3); print('alive')"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    for _ in range(20):  # also while Python itself starts
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert process.communicate(timeout=20) == (b"alive\n", b"")
    assert signal.getsignal(signal.SIGINT) == before


STARTED = """
import signal, sys
from bpcourse import cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # some who run tests switch it off
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_process_that_is_ended_from_outside_is_named(tmp_path):
    killer = fake_browser(tmp_path, "import os; os.kill(os.getppid(), 9)")
    with pytest.raises(ValueError, match=r"ended from outside\. The same command again"):
        write_class(Class(Plan(("bias",), 1, SECRET), 6, (), tmp_path / "out", "pdf", killer))
    assert list(files_in(tmp_path / "out")) == ["key/class-unfinished.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_what_goes_wrong_in_another_process_is_said_here(tmp_path):
    failing = fake_browser(tmp_path, "sys.exit(3)")
    with pytest.raises(ValueError, match="exit status 3"):
        write_class(Class(Plan(("bias",), 1, SECRET), 6, (), tmp_path / "out", "pdf", failing))


# PDF


needs_browser = pytest.mark.skipif(find_browser() is None, reason="there is no Chromium, Chrome or Edge")


def fake_browser(folder, script):
    path = folder / "browser"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@needs_browser
def test_sheets_in_pdf(tmp_path):
    assert run(tmp_path, "--count", "1", "--format", "pdf") == 0
    names = ["key/answers.csv", "key/class.json", "key/key-001.pdf", "sheets/sheet-001.pdf"]
    assert sorted(files_in(tmp_path)) == names
    assert printing.is_whole(tmp_path / "sheets" / "sheet-001.pdf")
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "sheets" / "sheet-001.pdf").read_bytes())
    assert sizes
    assert all(float(width) <= 595.3 and float(height) <= 792 for width, height in sizes)  # A4 by Letter, in points


def test_without_a_browser_pdf_is_refused_in_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "BROWSERS", ("no-such-browser",))
    said = fails(capsys, tmp_path / "out", "--count", "1", "--format", "pdf")
    assert "--format html, and print from any browser" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("time.sleep(60)", "did not print a page within 1 s"),
        ("sys.exit(3)", r"printed no PDF \(exit status 3\)"),
        (
            "path = [word for word in sys.argv if word.startswith('--print-to-pdf=')][0].partition('=')[2]\n"
            "open(path, 'w').write('%PDF-1.4 cut sh')",
            "printed no PDF",
        ),
    ],
)
def test_a_browser_that_does_not_print_is_named(tmp_path, script, words):
    with pytest.raises(ValueError, match=words) as error:
        printing.print_page(fake_browser(tmp_path, script), "<p>", tmp_path / "a.pdf", tmp_path / "scratch", patience=1)
    assert "--format html" in str(error.value)
    assert not (tmp_path / "a.pdf").exists()


def test_a_browser_that_does_not_start_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not start"):
        printing.print_page(str(tmp_path / "none"), "<p>", tmp_path / "a.pdf", tmp_path / "scratch")


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_browser_that_fails_leaves_nothing_of_its_own(tmp_path):
    failing = Class(Plan(("bias",), 1, SECRET), 1, (), tmp_path / "out", "pdf", fake_browser(tmp_path, "sys.exit(1)"))
    with pytest.raises(ValueError, match="printed no PDF"):
        write_class(failing)
    assert list(files_in(tmp_path / "out")) == ["key/class-unfinished.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_browser_ends_with_the_run_that_is_killed(tmp_path):
    beats = tmp_path / "beats"
    script = f"while True:\n    open({str(beats)!r}, 'a').write('.')\n    time.sleep(0.05)"
    Path(fake_browser(tmp_path, script)).rename(tmp_path / "chromium")
    words = ["sheet", "--seed", SECRET, "--count", "1", "--format", "pdf", "--out", str(tmp_path / "out")]
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen([sys.executable, "-m", "bpcourse.cli", *words], env=environment)
    until = time.monotonic() + 30
    while not beats.exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(1)
    before = beats.stat().st_size
    time.sleep(0.5)
    assert beats.stat().st_size == before
