"""Sheets for a class: different numbers for each student, complete files, safe names, and a secret in no file."""

import csv
import html
import html.parser
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from helpers.support import command, fails, files_in

from bpcourse import cli, parse_number, practice
from bpcourse.classroom import pdf, store
from bpcourse.classroom.plan import Plan, Question, topics_and_levels
from bpcourse.classroom.roster import Roster, read_roster
from bpcourse.classroom.sheets import FORMATS, key_html, key_markdown, sheet_html, sheet_markdown, sheet_notebook
from bpcourse.classroom.store import Class, ClassFolder, write_class
from bpcourse.classroom.submissions import read_record
from bpcourse.lab.browser import find_browser
from bpcourse.numbers import format_given
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
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs signals, links or scripts as on Linux and macOS")


class Page(html.parser.HTMLParser):
    """The tags, the attributes and the text of a page."""

    VOID = ("meta", "br", "wbr", "line", "rect", "img")

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open, self.unclosed = Counter(), [], [], [], []
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
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def words(folder, **options):
    """Return the words of a command that makes small sheets."""
    return command("sheet", **({"seed": SECRET, "out": folder, "topic": "bias", "level": 1} | options))


def small(folder, count, format="html", browser=None):
    """Write a class in this process."""
    return write_class(Class(Plan(("bias",), 1, SECRET), count), ClassFolder(folder, format, browser))


# The plan


def test_plan_sheet__a_secret_keeps_its_numbers():
    """Sheets that were printed with a secret can be made and marked again by every later version."""
    assert PLAN.stamp == "d00ef68357daba65"
    first, second = SHEET.questions
    assert (first.problem.name, second.problem.name) == ("dW2[2,1]", "W2_new[2,1]")
    assert first.problem.trace["x"].tolist() == [[0.4, 0.8, 0.3]]
    assert second.problem.trace["W2"].tolist() == [[0.6], [0.3]]
    assert second.problem.learning_rate == 2.5
    assert [value.shown for value in first.values] == ["0.5716", "+0.06651", "−0.03934"]
    assert [value.shown for value in second.values] == ["0.4426", "−0.03883", "0.3456"]


def test_topics_and_levels__describe_each():
    words = [topic.words for topic in practice.topics().values()]
    assert all(words)
    assert len(set(words)) == len(words)
    for name in (*practice.topics(), *map(str, range(1, len(practice.SHAPES) + 1))):
        assert re.search(rf"^  {name} ", topics_and_levels(), re.MULTILINE)


def test_plan_sheet__a_different_plan_repeats_no_question():
    first = {each.problem.question for each in Plan(("bias", "update"), 3, SECRET).sheet(1).questions}
    for topics in (("bias", "hidden_weight", "loss"), ("bias",), ("update", "bias")):
        other = Plan(topics, 3, SECRET).sheet(1).questions
        assert not {each.problem.question for each in other} & first
    again = Plan(("bias", "bias"), 3, SECRET).sheet(1).questions
    assert again[0].problem.question != again[1].problem.question


@pytest.mark.parametrize("changed", [{"secret": "another"}, {"level": 3}, {"topics": ("update", "output_weight")}])
def test_plan__each_part_changes_the_numbers_and_the_stamp(changed):
    other = replace(PLAN, **changed)
    assert other.stamp != PLAN.stamp
    assert sheet_html(other.sheet(12)) != sheet_html(SHEET)


def test_plan_sheet__every_sheet_has_different_numbers():
    questions = {question.problem.question for number in range(1, 11) for question in PLAN.sheet(number).questions}
    assert len(questions) == 20


def test_class__has_at_most_twenty_questions_on_a_sheet():
    assert Class(Plan(("bias",) * 20, 2, "s"), 1)
    with pytest.raises(ValueError, match="a sheet has 1 to 20 questions; got 21 topics"):
        Class(Plan(("bias",) * 21, 2, "s"), 1)


@pytest.mark.parametrize(
    ("topics", "level", "secret", "message"),
    [
        ((), 2, "s", "needed at least one topic"),
        (("bias",), 2, "", "must not be empty"),
        (("hidden_weight",), 1, "s", "hidden_weight has the levels 2 to 5; got 1"),
        (("bias",), 6, "s", "bias has the levels 1 to 5; got 6"),
        (("bais",), 2, "s", "Did you mean 'bias'"),
    ],
)
def test_plan__refuses_what_does_not_fit(topics, level, secret, message):
    with pytest.raises(ValueError, match=message):
        Plan(topics, level, secret)


# The content of a page


def told(question, text):
    """Return the names of the values that a text reveals, whatever their sign: those near a number in it.

    Given numbers are ignored, and so is a picture in base64, where digits mean nothing.
    """
    decimals = re.compile(r"\d+[.,]\d+(?:e[-−]?\d+)?")
    given = set(decimals.findall(question.problem.question))
    found = [float(each.replace("−", "-").replace(",", ".")) for each in set(decimals.findall(text)) - given]
    return [
        asked.name
        for asked in question.values
        if any(abs(each - abs(asked.value)) <= 1e-3 * abs(asked.value) for each in found)
    ]


@pytest.mark.parametrize("topic", practice.topics())
def test_sheet__gives_all_numbers_and_no_answer(topic):
    sheet = Plan((topic,), max(practice.topics()[topic].from_level, 2), SECRET).sheet(1)
    question = sheet.questions[0]
    page = Page(sheet_html(sheet))
    for given in question.problem.given:
        assert given.name in page.texts
        assert set(map(format_given, given.values.flat)) <= set(page.texts)
    for text in (page.text, sheet_markdown(sheet), sheet_notebook(sheet)):
        assert all(name in text for name in question.asked)
        assert told(question, text) == []
    assert page.tags["svg"] == 1
    assert page.text.count("your answer") == (1 if len(question.asked) <= 6 else 2)


def test_told__finds_an_answer():
    for question in SHEET.questions:
        assert told(question, Page(key_html(SHEET)).text) == list(question.asked)
        for asked in question.values:
            comma = f'"{asked.value:.5f}"'.replace(".", ",")
            for written in (asked.shown, f"{asked.value:.4g}", repr(abs(asked.value)), comma):
                assert asked.name in told(question, sheet_notebook(SHEET).replace("...", written))


@pytest.mark.parametrize("topic", practice.topics())
def test_question_values__are_the_right_ones(topic):
    question = Question(1, practice.problem(topic, level=3, seed="right"))
    steps = table(question.problem.trace, question.problem.learning_rate)
    assert [(each.name, each.value) for each in question.values] == [
        (name, steps[name].value) for name in question.asked
    ]
    for each in question.values:
        assert parse_number(each.shown.lstrip("+")) == pytest.approx(each.value, rel=1e-3)


@pytest.mark.parametrize("make", [sheet_html, key_html])
def test_page__needs_nothing_from_elsewhere_and_closes_its_tags(make):
    text = make(SHEET, NAMES[1])
    page = Page(text)
    assert (page.open, page.unclosed) == ([], [])
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == 0
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    assert "url(" not in text
    assert "@import" not in text
    assert "@page" in text
    assert "color-scheme: light;" in text


def test_page__only_as_pdf_it_sets_the_size_of_the_paper():
    assert "size: 210mm" in sheet_html(SHEET, pdf=True)
    assert "size: 210mm" not in sheet_html(SHEET)


def test_page_parser__sees_an_unclosed_tag():
    assert Page("<p><b>x</p></b>").unclosed == ["p", "b"]


@pytest.mark.parametrize("name", NAMES)
def test_name__is_shown_as_text(name):
    for make in (sheet_html, key_html):
        page, plain = Page(make(SHEET, name)), Page(make(SHEET, "plain"))
        assert page.text.count(name) == plain.text.count("plain") == 2  # in the title and on the page
        assert page.tags == plain.tags
    for text in (sheet_markdown(SHEET, name), key_markdown(SHEET, name)):
        line = next(line for line in text.split("\n") if line.startswith("Name: "))
        bare = re.sub(r"<span>(&#\d+;)</span>", r"\1", line)
        assert "<" not in bare
        assert html.unescape(re.sub(r"\\(.)", r"\1", bare)) == f"Name: {name}"
        assert not re.search(r"(?<!\\)[*_`$|\[]|://", bare)


@pytest.mark.parametrize("form", FORMATS)
def test_sheet__shows_its_number_and_no_secret(form):
    sheet, key = FORMATS[form].sheet(SHEET, ""), FORMATS[form].key(SHEET, "")
    assert "Sheet 12" in sheet
    for text in (sheet, key):
        assert SECRET not in text
        assert PLAN.stamp not in text
        assert all(str(question.problem.seed) not in text for question in SHEET.questions)


def test_notebook__is_valid_and_its_cells_run_without_the_package():
    for text in (FORMATS["ipynb"].sheet(SHEET, NAMES[1]), FORMATS["ipynb"].key(SHEET, NAMES[1])):
        notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        nbformat.validate(notebook)
    notebook = nbformat.reads(sheet_notebook(SHEET), as_version=4)
    assert notebook.metadata.bpcourse == {"sheet": 12}
    assert notebook.cells[0].source.startswith("# Sheet 12\n")
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    script = "\n".join([*code, "print(answers_1, answers_2)"])
    ran = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    wanted = [dict.fromkeys(question.asked, ...) for question in SHEET.questions]
    assert ran.stdout.strip() == f"{wanted[0]} {wanted[1]}"


def test_markdown__describes_the_picture():
    text = sheet_markdown(SHEET)
    assert "A network of 3 inputs, 2" in text
    assert "<svg" not in text
    assert text.count("| value | name | your answer |") == 2
    assert max(map(len, text.split("```")[1].split("\n"))) < 80


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
        ("Student 1\nStudent 2\nStudent 3\n", ("Student 1", "Student 2", "Student 3")),
        ("Teilnehmer 1\nTeilnehmer 2\n", ("Teilnehmer 1", "Teilnehmer 2")),
        ("Name 7\nName 8\n", ("Name 7", "Name 8")),
        ("name\nStudent 1\n", ("Student 1",)),
        ("student-no. 1;Name\n7;Ada\n", ("Ada",)),
        ("Prénom;Nom\nAda;Lovelace\n", ("Ada Lovelace",)),
        ("NOM DE FAMILLE;PRENOM\nLovelace;Ada\n", ("Ada Lovelace",)),
        ("Nom;Section\nAda Lovelace;2\n", ("Ada Lovelace",)),
        ("Étudiant(e);Section\nAda;2\n", ("Ada",)),
        ("Nombre;Apellido(s);Número de ID\nAda;Lovelace;7\n", ("Ada Lovelace",)),
        ("Nombre completo;Correo electrónico\nAda Lovelace;a@b\n", ("Ada Lovelace",)),
        ("Name,Surname\nAda,Lovelace\n", ("Ada Lovelace",)),
    ],
)
def test_read_roster__reads_lists_and_tables(tmp_path, text, names):
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode())
    assert read_roster(path).names == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no names"),
        (b"name\n", "contains no names, only the header 'name'"),
        ("Jörg\n".encode("latin-1"), "not in UTF-8"),
        ("Ann\nBob\n".encode("utf-16-le"), "not in UTF-8"),
        ("Ann\nBob\n".encode("utf-16"), "not in UTF-8"),
        (b"id,name\n1,Ada\n2\n", "row 3 needs a name in column 2; got '2'"),
        (b"Lovelace, Ada\nLovelace, Bea\n", "row 1 has columns without a known heading; got 'Lovelace, Ada'. Give one"),
        (b"Ada\nByron, Lord\n", "row 2 has columns without a known heading"),
        (b"name\nByron, Lord\n", "row 2 has columns without a known heading"),
        (b"Who;Where\nAda;London\n", "heading “name”, or write one name in each line, in quotes"),
        (b"first name,id,surname\n,7,\n", "row 2 needs a name in column 1 or 3; got ', 7, '"),
        (b"x" * 201, "more than 200 letters"),
        (b'"Ada\n', "is not a list of names"),
    ],
)
def test_read_roster__refuses_what_is_not_a_list(tmp_path, content, message, capsys):
    path = tmp_path / "class.csv"
    path.write_bytes(content)
    assert message in fails(capsys, *words(tmp_path / "out", names=path))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "header",
    [
        "Name,ID number,Email address", "Name,Matrikelnummer,E-Mail", "Nom,Numéro d'identification,Courriel",
        "Nombre,Número de ID,Dirección de correo", "name,id,mail",
    ],
)  # fmt: skip
def test_read_roster__keeps_numbers_and_addresses(tmp_path, header):
    (tmp_path / "class.csv").write_text(f"{header}\nAda,007,a@b.c\nBob\n", encoding="utf-8")
    assert read_roster(tmp_path / "class.csv") == Roster(("Ada", "Bob"), ("007", ""), ("a@b.c", ""))


def test_sheet_command__stores_numbers_and_addresses(tmp_path, run_cli):
    (tmp_path / "class.csv").write_text("Name,ID number,Email\nAda,007,a@b.c\n", encoding="utf-8")
    assert run_cli(*words(tmp_path / "out", names=tmp_path / "class.csv")).status == 0
    record = read_record(tmp_path / "out" / "key")
    assert (record.ids, record.emails) == ({1: "007"}, {1: "a@b.c"})
    (tmp_path / "class.csv").write_text("Ada\n", encoding="utf-8")  # an older list makes the same sheets
    assert run_cli(*words(tmp_path / "out", names=tmp_path / "class.csv")).status == 0


# The secret and the key are private


def test_sheet_command__takes_the_secret_from_the_environment(tmp_path, run_cli, monkeypatch):
    monkeypatch.setenv(cli.SECRET, SECRET)
    done = run_cli(*words(tmp_path, count=1, seed=None))
    assert SECRET not in done.out
    assert read_record(tmp_path / "key").stamp == Plan(("bias",), 1, SECRET).stamp


def test_sheet_command__asks_for_the_secret_twice(tmp_path, run_cli, capsys, monkeypatch):
    typed = iter([SECRET, "a typo", SECRET, SECRET])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert "the two secrets differ" in fails(capsys, *words(tmp_path, count=1, seed=True))
    assert run_cli(*words(tmp_path, count=1, seed=True)).status == 0
    assert read_record(tmp_path / "key").stamp == Plan(("bias",), 1, SECRET).stamp


@posix_only
@pytest.mark.parametrize("format", ["html", "ipynb"])
def test_write_class__only_the_owner_can_read_the_key(tmp_path, format):
    (tmp_path / "key").mkdir(mode=0o755)
    small(tmp_path, 1, format)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "key").iterdir()} == {0o600}
    umask = os.umask(0)
    os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "sheets").iterdir()} == {0o666 & ~umask}


# Files


def test_sheet_command__writes_a_class(tmp_path, run_cli):
    (tmp_path / "class.csv").write_text("name\n" + "\n".join(NAMES[3:5]), encoding="utf-8")
    done = run_cli(*words(tmp_path / "out", names=tmp_path / "class.csv", topic=["bias", "update"]))
    assert done.status == 0
    assert SECRET not in done.out
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
    rows = list(csv.DictReader(written["key/answers.csv"].decode().splitlines()))
    wanted = [
        (number, each.number, value)
        for number in (1, 2)
        for each in plan.sheet(number).questions
        for value in each.values
    ]
    assert len(rows) == len(wanted)
    for row, (number, question, value) in zip(rows, wanted, strict=True):
        assert (row["sheet"], row["question"], row["name"]) == (str(number), str(question), value.name)
        assert float(row["value"]) == pytest.approx(value.value, rel=1e-5)
    assert not any(SECRET.encode() in content for content in written.values())


def test_sheet_command__mentions_equal_names(tmp_path, run_cli):
    (tmp_path / "class.csv").write_text("Ada\nBob\nAda\n", encoding="utf-8")
    said = run_cli(*words(tmp_path / "out", names=tmp_path / "class.csv")).out
    assert "More than one student is called Ada\n" in said
    assert "More than one" not in run_cli(*words(tmp_path / "other", count=1)).out


@pytest.mark.parametrize(("secret", "warned"), [("2024", True), ("x" * 11, True), ("x" * 12, False)])
def test_sheet_command__warns_of_a_short_secret(tmp_path, run_cli, secret, warned):
    assert ("short enough to be guessed" in run_cli(*words(tmp_path, count=1, seed=secret)).err) == warned


def test_sheet_command__makes_a_secret_and_does_not_store_it(tmp_path, run_cli, capsys):
    without_secret = words(tmp_path, count=1, seed=None)
    said = run_cli(*without_secret).out
    secret = re.search(r"secret of these sheets is (\S+)", said)[1]
    assert len(secret) >= 16
    assert said.count(secret) == 1
    assert "to mark" in said
    assert not any(secret.encode() in content for content in files_in(tmp_path).values())
    record = json.loads((tmp_path / "key" / "class.json").read_text(encoding="utf-8"))
    assert record["stamp"] == Plan(("bias",), 1, secret).stamp
    assert "another secret" in fails(capsys, *without_secret)  # each run makes a new one


def test_sheet_command__writes_what_is_missing_and_leaves_the_rest(tmp_path, run_cli):
    assert run_cli(*words(tmp_path, count=3)).status == 0
    before = files_in(tmp_path)
    (tmp_path / "sheets" / "sheet-002.html").unlink()
    (tmp_path / "key" / "key-001.html").write_text("mine", encoding="utf-8")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert "1 written, 2 already existed" in run_cli(*words(tmp_path, count=3)).out
    assert files_in(tmp_path) == before | {"key/key-001.html": b"mine"}
    assert all(path.stat().st_mtime_ns == since for path, since in times.items())
    assert run_cli(*words(tmp_path, count=3, force=True)).status == 0
    assert files_in(tmp_path) == before
    assert run_cli(*words(tmp_path, count=3, format="md")).status == 0  # beside the others
    assert len(files_in(tmp_path)) == len(before) + 6


@pytest.mark.parametrize("changed", [{"level": 2}, {"topic": "update"}, {"seed": "another secret"}])
def test_sheet_command__refuses_the_folder_of_another_plan(tmp_path, run_cli, capsys, changed):
    run_cli(*words(tmp_path, count=1))
    before = files_in(tmp_path)
    for force in (False, True):
        assert "sheets of other topics, another level" in fails(
            capsys, *words(tmp_path, **{"count": 1, "force": force} | changed)
        )
    assert files_in(tmp_path) == before


def test_sheet_command__needs_force_for_another_number_of_sheets(tmp_path, run_cli, capsys):
    run_cli(*words(tmp_path, count=1))
    assert "different names or a different number" in fails(capsys, *words(tmp_path, count=2))
    assert run_cli(*words(tmp_path, count=2, force=True)).status == 0
    assert json.loads((tmp_path / "key" / "class.json").read_text(encoding="utf-8"))["count"] == 2
    assert len(files_in(tmp_path)) == 6


@pytest.mark.parametrize("name", ["sheets/sheet-002.html", "key/answers.csv"])
def test_sheet_command__does_not_overwrite_other_files(tmp_path, capsys, name):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("mine", encoding="utf-8")
    assert "has sheets, keys or answers, but no record" in fails(capsys, *words(tmp_path, count=2))
    assert files_in(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize("record", ["", "[]", '{"version": 1}', "{", "[" * 100_000])
def test_class_folder__names_a_damaged_record(tmp_path, capsys, record):
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "class.json").write_text(record, encoding="utf-8")
    assert "class.json is damaged" in fails(capsys, *words(tmp_path, count=2))


@posix_only
def test_class_folder__does_not_wait_for_a_pipe(tmp_path):
    (tmp_path / "key").mkdir()
    os.mkfifo(tmp_path / "key" / "class.json")
    with pytest.raises(ValueError, match=r"class\.json is damaged"):
        small(tmp_path, 1)


def test_require_fit__takes_the_same_class_and_no_other(tmp_path):
    chosen, folder = Class(Plan(("bias",), 1, SECRET), 2, ("Ada",)), ClassFolder(tmp_path)
    other_class, other_plan = replace(chosen, names=("Eve",)), replace(chosen, plan=replace(chosen.plan, level=2))
    key = tmp_path / "key"
    folder.require_fit(chosen)
    write_class(chosen, folder)
    for name in (store.RECORD, store.UNFINISHED):  # complete, and interrupted before its end
        (key / store.RECORD).rename(key / name)
        folder.require_fit(chosen)
        with pytest.raises(ValueError, match="different names or a different number"):
            folder.require_fit(other_class)
        folder.require_fit(other_class, force=True)
        with pytest.raises(ValueError, match="other topics, another level"):
            folder.require_fit(other_plan, force=True)
    (key / store.UNFINISHED).unlink()
    with pytest.raises(ValueError, match="no record of their class"):
        folder.require_fit(chosen)
    folder.require_fit(chosen, force=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--count 30, or a list of names"),
        ({"count": 0}, "must be 1 to"),
        ({"count": 1, "topic": "bais"}, "Did you mean 'bias'"),
        ({"count": 1, "level": 9}, "levels 1 to 5; got 9"),
        ({"count": 1, "seed": ""}, "secret must not be empty"),
        ({"names": "nobody.csv"}, "cannot read or write nobody.csv"),
    ],
)
def test_sheet_command__explains_a_mistake_on_one_line(tmp_path, capsys, options, message):
    assert message in fails(capsys, *words(tmp_path / "out", **options))
    assert not (tmp_path / "out").exists()


def test_sheet_command__allows_more_sheets_than_names(tmp_path, run_cli, capsys):
    (tmp_path / "class.txt").write_text("Ada\nBob\n", encoding="utf-8")
    names = tmp_path / "class.txt"
    assert "2 names for 1 sheets" in fails(capsys, *words(tmp_path / "out", names=names, count=1))
    assert run_cli(*words(tmp_path / "out", names=names, count=3)).status == 0
    assert "blank" in (tmp_path / "out" / "sheets" / "sheet-003.html").read_text(encoding="utf-8")


def test_sheet_command__names_a_file_in_place_of_the_folder(tmp_path, capsys):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    assert "cannot read or write" in fails(capsys, *words(tmp_path / "out", count=1))


def test_write_whole__leaves_no_half_file_on_a_full_disk(tmp_path):
    def parts():
        yield "the first half"
        raise OSError(28, "No space left on device", "sheet")

    with pytest.raises(OSError, match="No space"):
        store.write_whole({tmp_path / "sheet": parts()})
    assert files_in(tmp_path) == {}


def test_write_whole__two_writers_of_one_file_do_not_mix(tmp_path):
    def parts():
        yield "all of "
        store.write_whole({tmp_path / "sheet": "the inner one"})
        yield "the outer one"

    store.write_whole({tmp_path / "sheet": parts()})
    assert files_in(tmp_path) == {"sheet": b"all of the outer one"}


@posix_only
def test_write_whole__does_not_follow_a_link(tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "sheet").symlink_to(tmp_path / "mine")
    store.write_whole({tmp_path / "sheet": "text"})
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "sheet").is_symlink()


def test_write_class__runs_at_the_same_time_make_one_class(tmp_path):
    line = [sys.executable, "-m", "bpcourse.cli", *words(tmp_path / "out", count=4)]
    runs = [subprocess.Popen(line, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    small(tmp_path / "apart", 4)
    assert files_in(tmp_path / "out") == files_in(tmp_path / "apart")


def test_write_class__removes_only_its_own_scratch_folder(tmp_path):
    other = tmp_path / f"{store.SCRATCH}other"
    other.mkdir()
    small(tmp_path, 1)
    assert list(tmp_path.glob(f"{store.SCRATCH}*")) == [other]


def test_write_class__another_run_may_end_first(tmp_path, monkeypatch):
    write_whole = store.write_whole

    def another_run_ends(contents, *mode):
        write_whole(contents, *mode)
        if tmp_path / "key" / store.ANSWERS in contents:
            (tmp_path / "key" / store.UNFINISHED).replace(tmp_path / "key" / store.RECORD)

    monkeypatch.setattr(store, "write_whole", another_run_ends)
    assert small(tmp_path, 1) == 1
    assert sorted(path.name for path in (tmp_path / "key").iterdir()) == ["answers.csv", "class.json", "key-001.html"]


def test_sheet_command__help_lists_topics_levels_and_formats(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sheet", "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(topic.words in said for topic in practice.topics().values())
    assert "4 hidden units" in said
    choices = re.search(r"--format \{([^}]*)\}", re.sub(r"\s+", " ", said))[1].split(",")
    assert set(FORMATS) <= set(choices)
    assert set(cli.SHEET_TOPICS) <= set(practice.topics())
    assert f"default: {', '.join(cli.SHEET_TOPICS)} " in re.sub(r"\s+", " ", said)


# Interrupted and killed runs


def is_complete(path):
    """Return whether a file of a class ends as it should."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(content) != {}
    if path.suffix == ".csv":
        return content.endswith("\n") and content.count("\n") > 1
    return content.endswith("</html>")


def test_is_complete__sees_a_file_cut_short(tmp_path):
    (tmp_path / "sheet-001.html").write_text(sheet_html(SHEET)[:-1], encoding="utf-8")
    assert not is_complete(tmp_path / "sheet-001.html")


STARTED = """
import signal, sys
from bpcourse import cli
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some test runners switch it off
    sys.exit(cli.main(sys.argv[1:]))
"""


def start(folder, path="", **options):
    """Start a run in its own process group, with `path` in front of the places where programs are found."""
    environment = os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    line = [sys.executable, "-c", STARTED, *words(folder, **options)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, env=environment, start_new_session=True, **pipes)


def wait_for_files(process, folder, count):
    """Wait until a run has written this many more sheets and keys."""
    goal = len(list(folder.glob("*/*.html"))) + count
    while process.poll() is None and len(list(folder.glob("*/*.html"))) < goal:
        time.sleep(0.005)
    assert process.poll() is None, "the run ended too early to be stopped"


def end_of(process):
    """Wait until a run and all its processes have ended, and return their messages."""
    return process.communicate(timeout=60)[1].decode()  # each of them holds this end of the pipe


@posix_only
def test_write_class__killed_leaves_complete_files_that_the_same_command_continues(tmp_path):
    process = start(tmp_path / "out", count=30)
    wait_for_files(process, tmp_path / "out", 7)
    process.kill()
    end_of(process)
    found = [path for path in (tmp_path / "out").glob("*/*") if path.suffix != ".part"]
    assert all(map(is_complete, found))
    assert not (tmp_path / "out" / "key" / "class.json").exists()
    times = {path: path.stat().st_mtime_ns for path in found if path.suffix == ".html"}
    small(tmp_path / "out", 30)
    small(tmp_path / "uninterrupted", 30)
    written = {name: text for name, text in files_in(tmp_path / "out").items() if not name.endswith(".part")}
    assert written == files_in(tmp_path / "uninterrupted")
    assert all(path.stat().st_mtime_ns == since for path, since in times.items())


@posix_only
def test_write_class__ctrl_c_leaves_only_complete_files(tmp_path):
    process = start(tmp_path, count=5000)
    wait_for_files(process, tmp_path, 8)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the group
    said = end_of(process)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "To continue, run it again" in said
    assert {path.name for path in tmp_path.iterdir()} == {"sheets", "key"}
    assert all(map(is_complete, tmp_path.glob("*/*")))
    assert (tmp_path / "key" / "class-unfinished.json").exists()


@posix_only
def test_write_class__names_a_killed_worker(tmp_path):
    killer = fake_browser(tmp_path, "import os; os.kill(os.getppid(), 9)")
    with pytest.raises(ValueError, match=r"a worker process was killed\. Run the same command again to continue"):
        small(tmp_path / "out", 6, "pdf", killer)
    assert list(files_in(tmp_path / "out")) == ["key/class-unfinished.json"]


@posix_only
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_write_class__a_browser_ends_with_the_run(tmp_path, sent):
    """The browser of this test connects to the test and then sleeps: the connection ends when the browser does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        hang = f"import socket; c = socket.create_connection(('127.0.0.1', {server.getsockname()[1]})); time.sleep(600)"
        Path(fake_browser(tmp_path, hang)).rename(tmp_path / "chromium")
        process = start(tmp_path / "out", tmp_path, count=1, format="pdf")
        connection, _ = server.accept()
        with connection:
            connection.settimeout(60)
            process.send_signal(sent)
            assert connection.recv(1) == b""
    end_of(process)
    assert process.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)


# PDF


needs_browser = pytest.mark.skipif(find_browser() is None, reason="there is no Chromium, Chrome or Edge")


def fake_browser(folder, script):
    path = folder / "browser"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@needs_browser
def test_sheet_command__prints_pdf(tmp_path, run_cli):
    assert run_cli(*words(tmp_path, count=1, format="pdf")).status == 0
    names = ["key/answers.csv", "key/class.json", "key/key-001.pdf", "sheets/sheet-001.pdf"]
    assert sorted(files_in(tmp_path)) == names
    assert pdf.is_complete(tmp_path / "sheets" / "sheet-001.pdf")
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "sheets" / "sheet-001.pdf").read_bytes())
    assert sizes
    assert all(float(width) <= 595.3 and float(height) <= 792 for width, height in sizes)  # A4 by Letter, in points


def test_class_folder__pdf_needs_a_browser(tmp_path):
    with pytest.raises(ValueError, match="--format html, and print from any browser"):
        ClassFolder(tmp_path / "out", "pdf")


@posix_only
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("time.sleep(600)", r"did not print a page within 0\.2 s"),
        ("sys.exit(3)", r"printed no PDF \(exit status 3\)"),
        (
            "path = [word for word in sys.argv if word.startswith('--print-to-pdf=')][0].partition('=')[2]\n"
            "open(path, 'w').write('%PDF-1.4 cut sh')",
            "printed no PDF",
        ),
    ],
)
def test_print_page__names_a_browser_that_does_not_print(tmp_path, script, message):
    patience = 0.2 if "sleep" in script else 60
    browser, target = fake_browser(tmp_path, script), tmp_path / "a.pdf"
    with pytest.raises(ValueError, match=message) as error:
        pdf.print_page(browser, "<p>", target, tmp_path / "scratch", patience=patience)
    assert "--format html" in str(error.value)
    assert not target.exists()


def test_print_page__names_a_browser_that_does_not_start(tmp_path):
    with pytest.raises(ValueError, match="does not start"):
        pdf.print_page(str(tmp_path / "none"), "<p>", tmp_path / "a.pdf", tmp_path / "scratch")


@posix_only
def test_write_class__a_browser_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"printed no PDF \(exit status 3\)"):
        small(tmp_path / "out", 1, "pdf", fake_browser(tmp_path, "sys.exit(3)"))
    assert list(files_in(tmp_path / "out")) == ["key/class-unfinished.json"]
