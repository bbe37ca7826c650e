"""The report on a class and the command that writes it: nothing is obeyed that students wrote, files are whole."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.simulated_class import (
    NAMES,
    PLAN,
    SECRET,
    code,
    hand_in,
    marked,
    right_answers,
    tables_in,
    write_class,
    write_notebook,
)
from helpers.support import fails

from bpcourse import cli
from bpcourse.classroom import grading
from bpcourse.classroom.grading import Line, Mark, MarkedSheet, mark_sheet
from bpcourse.classroom.report import FILES, Report, csv_text, save
from bpcourse.classroom.submissions import ClassRecord
from bpcourse.tutor.verdicts import Verdict

HEADER = "sheet,question,name,answer\n"


def command(folder, *more, secret=SECRET):
    tables = (word for table in tables_in(folder / "in") for word in ("--table", str(table)))
    return ["mark", str(folder / "in"), "--class", str(folder / "key"), "--seed", secret, *tables, *more]


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def page_of(folder):
    return (folder / "marks" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A class with strange names, a student who wrote HTML, and a damaged file."""
    folder = tmp_path_factory.mktemp("class")
    write_class(folder, PLAN, 5)
    hand_in(folder / "in", [PLAN.sheet(number) for number in range(1, 5)], seed=2)
    hostile = code(2, {"y_hat[1]": "'<img src=x onerror=alert(1)>'", "dz2[1]": '"=1+1"'}, ["y_hat[1]", "dz2[1]", "<i>"])
    write_notebook(folder / "in" / "sheet-005 \u202e.ipynb", 5, hostile)
    (folder / "in" / "<b>&.ipynb").write_text("{", encoding="utf-8")
    return folder


@pytest.fixture
def handed_in(original, tmp_path):
    """A copy of this class that a test may change."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


# The command


def test_mark__writes_the_report(handed_in, capsys):
    assert cli.main(command(handed_in)) == 0
    said = capsys.readouterr().out
    assert "Skipped: <b>&.ipynb is not a notebook" in said
    assert "Marked: 5 of 5 sheets" in said
    assert sorted(path.name for path in (handed_in / "marks").iterdir()) == sorted(FILES)
    page = page_of(handed_in)
    for bad in ("<script", "<img", "<b>&", "<i>", "\u202e"):
        assert bad not in page
    for good in ("&lt;script&gt;alert(1)", NAMES[4], "&lt;img src=x", 'role="img" aria-labelledby="bars-title'):
        assert good in page
    head, *rows = rows_of(handed_in / "marks" / "gradebook.csv")
    assert head == ["sheet", "name", "points", "of", "percent", "question 1", "question 2"]
    assert [row[1] for row in rows] == ["Anna", NAMES[2], "'=HYPERLINK(1)", NAMES[4], "山田 太郎"]
    for row in rows:
        assert int(row[2]) == int(row[5]) + int(row[6]) <= int(row[3])
    for row in [*rows, *rows_of(handed_in / "marks" / "mistakes.csv")]:
        assert not any(cell.startswith(("=", "+", "-", "@")) and not is_number(cell) for cell in row)


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("answer", ["1,1,y_hat[1],1e-9999999999999999999", "1\x1d,1,loss,1"])
def test_mark__one_answer_never_stops_a_class(answer, handed_in, capsys):
    path = handed_in / "in" / "eve.csv"
    path.write_text(HEADER + answer, encoding="utf-8", newline="")
    os.utime(path, (4e9, 4e9))
    assert cli.main(command(handed_in)) == 0
    marks = [row[2] for row in rows_of(handed_in / "marks" / "gradebook.csv")[1:]]
    assert all(marks[1:])


def test_mark__an_unexpected_error_is_in_the_report_and_on_the_terminal(handed_in, capsys, monkeypatch):
    def faulty(sheet, answers, name):
        return {}["<u>missing"] if sheet.number == 3 else mark_sheet(sheet, answers, name)

    monkeypatch.setattr(grading, "mark_sheet", faulty)
    monkeypatch.setattr(grading, "in_processes", lambda work, jobs: (work(job) for job in jobs))
    assert cli.main(command(handed_in)) == 0
    said = capsys.readouterr().out
    assert "Skipped: group 0/sheet-003.ipynb Sheet 3 cannot be marked: unexpected KeyError: '<u>missing'." in said
    assert "Marked: 4 of 5 sheets" in said
    page = page_of(handed_in)
    assert "Sheet 3 cannot be marked: unexpected KeyError: &#39;&lt;u&gt;missing&#39;." in page
    assert "Not marked: sheet\n<bdi>3 =HYPERLINK(1)</bdi>." in page


def test_mark__a_sheet_that_was_not_handed_in_has_no_points(handed_in):
    write_class(handed_in, PLAN, 7, NAMES | {6: "Eve\u202e", 7: ""})
    assert cli.main(command(handed_in)) == 0
    assert rows_of(handed_in / "marks" / "gradebook.csv")[6] == ["6", "Eve\ufffd", "", "", "", "", ""]
    assert "Not marked: sheet\n<bdi>6 Eve\ufffd</bdi>, <bdi>7</bdi>." in page_of(handed_in)


def test_mark__a_row_for_another_student_never_costs_points(handed_in, capsys):
    """The sheet is not marked, and both files are named. A table of many sheets is skipped."""
    assert cli.main(command(handed_in)) == 0
    before = rows_of(handed_in / "marks" / "gradebook.csv")
    path = handed_in / "in" / "<i>bob.csv"
    path.write_text(HEADER + "5,2,y_hat[1],7\n", encoding="utf-8")
    os.utime(path, (4e9, 4e9))
    assert cli.main(command(handed_in, "--force")) == 0
    after = rows_of(handed_in / "marks" / "gradebook.csv")
    assert after == [*before[:5], [*before[5][:2], *[""] * 5]]
    assert "these files differ in y_hat[1] of question 2: &lt;i&gt;bob.csv, sheet-005" in page_of(handed_in)
    path.write_text(HEADER + "1,1,y_hat[1],7\n2,1,y_hat[1],7\n", encoding="utf-8")
    assert cli.main(command(handed_in, "--force")) == 0
    assert rows_of(handed_in / "marks" / "gradebook.csv") == before
    assert "If this table is yours, name it: --table &lt;i&gt;bob.csv" in page_of(handed_in)


def test_mark__what_the_user_can_fix_is_one_line(handed_in, capsys):
    secret = "the secret is not valid UTF-8 text. Choose one of letters and digits for --seed"
    for words in (command(handed_in, secret="\udcff"), ["sheet", "--seed", "\udcff", "--out", str(handed_in / "new")]):
        assert secret in fails(capsys, *words)
    assert "with a different secret. Give the --seed" in fails(capsys, *command(handed_in, secret="another"))
    more = ("--class", handed_in / "key", "--seed", SECRET)
    assert "is not a directory. Give the folder" in fails(capsys, "mark", handed_in / "missing", *more)
    other = ("--class", handed_in, "--seed", SECRET)
    assert "class.json cannot be read" in fails(capsys, "mark", handed_in / "in", *other)
    missing = command(handed_in, "--table", str(handed_in / "missing.csv"))
    assert "missing.csv is not a file. Give --table a table" in fails(capsys, *missing)
    (handed_in / "empty").mkdir()
    assert "contain no notebook" in fails(capsys, "mark", handed_in / "empty", *more)
    assert not (handed_in / "marks").exists()
    (handed_in / "key" / "class.json").write_text("{}", encoding="utf-8")
    assert "class.json does not describe a class" in fails(capsys, *command(handed_in))


def test_mark__a_report_is_overwritten_only_by_force(handed_in, capsys):
    (handed_in / "marks").mkdir()
    mine = handed_in / "marks" / "gradebook.csv"
    mine.write_text("mine", encoding="utf-8")
    assert "gradebook.csv already exists. Choose a different name, or add --force" in fails(capsys, *command(handed_in))
    assert [path.name for path in (handed_in / "marks").iterdir()] == ["gradebook.csv"]
    assert mine.read_text(encoding="utf-8") == "mine"
    (handed_in / "file").write_text("", encoding="utf-8")
    assert "file already exists" in fails(capsys, *command(handed_in, "--out", str(handed_in / "file")))
    assert cli.main(command(handed_in, "--force")) == 0
    assert rows_of(mine)[0][0] == "sheet"


def test_mark__key_and_report_are_not_taken_for_answers(handed_in):
    """Also if both are below the folder that is marked, and the report is written again."""
    (handed_in / "key" / "answers.csv").write_text("sheet,question,name,value\n", encoding="utf-8")
    (handed_in / "marks").mkdir()
    (handed_in / "marks" / "gradebook.csv").write_text("sheet,name\n", encoding="utf-8")
    words = ["mark", str(handed_in), "--class", str(handed_in / "key"), "--seed", SECRET, "--force"]
    assert cli.main([*words, "--out", str(handed_in / "marks")]) == 0
    page = page_of(handed_in)
    assert "answers.csv" not in page
    assert "gradebook.csv" not in page


def test_mark__writes_numbers_addresses_and_decimal_commas(handed_in):
    path = handed_in / "key" / "class.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"ids": {"1": "007"}, "emails": {"1": "a@b.c", "2": "=1"}}), encoding="utf-8")
    assert cli.main(command(handed_in, "--separator", ";")) == 0
    text = (handed_in / "marks" / "gradebook.csv").read_text(encoding="utf-8-sig")
    head, first, second, *_ = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert head[:6] == ["sheet", "name", "ID number", "Email address", "points", "of"]
    assert first[1:4] == ["Anna", "007", "a@b.c"]
    assert second[2:4] == ["", "'=1"]
    assert "," in first[6] and "." not in first[6]


def test_mark__the_secret_comes_from_the_environment_or_is_asked_for(handed_in, capsys, monkeypatch):
    words = [word for word in command(handed_in, "--force") if word not in ("--seed", SECRET)]
    with monkeypatch.context() as patch:
        patch.setenv(cli.SECRET, SECRET)
        assert cli.main(words) == 0
    monkeypatch.delenv(cli.SECRET, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr("getpass.getpass", lambda prompt: SECRET)
        assert cli.main(words) == 0

    def no_terminal(prompt):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", no_terminal)
    capsys.readouterr()
    assert "needed the secret of the sheets: set BPCOURSE_SECRET" in fails(capsys, *words)


# The page


def report_on(*sheets, remarks=(), topics=("loss",)):
    return Report(ClassRecord(topics, 1, len(sheets) or 1, "", {}), sheets, remarks)


def sheet_with(*verdicts, number=1):
    """Return a marked sheet with these verdicts on its values; the first that is wrong is its slip."""
    lines = [Line("loss", "1", 0.5, 0.0, True, verdict) for verdict in verdicts]
    slip = next((line for line in lines if line.verdict.status not in ("correct", "not answered")), None)
    return MarkedSheet(number, "", "", (Mark(1, "loss", "loss", tuple(lines), slip),), ())


def test_page__shows_the_note_of_a_right_answer_and_the_message_of_a_wrong_one():
    """The page shows the fields of a verdict, whatever its message says."""
    page = report_on(
        sheet_with(
            Verdict("correct", "a, b, c", "unused hint", note="given, <u>as you wrote"),
            Verdict("correct", "dd, ee"),
            Verdict("not answered", "f, g"),
            Verdict("wrong", "one\n<two>", "a hint", note="ignored note"),
        )
    ).page
    assert "✓ Right</strong>, given, &lt;u&gt;as you wrote.</td>" in page
    assert "✓ Right</strong>.</td>" in page
    assert "… Not answered yet</strong>.</td>" in page
    assert '✗ Not right</strong>. one<br>&lt;two&gt;<br><span class="hint">a hint</span></td>' in page
    for hidden in ("unused hint", "ignored note", "a, b", "dd, ee", "f, g"):
        assert hidden not in page


def test_page__the_bars_are_described_in_text():
    sure, maybe = ("mistake", ("lost_sign", "sign_slip")), ("could be", ("lost_sign",))
    kinds = [sure, sure, maybe, ("mistake", ("kept_half",))]
    page = report_on(
        *(sheet_with(Verdict(kind, "", "", ids), number=number) for number, (kind, ids) in enumerate(kinds, start=1))
    ).page
    start, end = page.index('<desc id="bars-words">'), page.index("</desc>")
    said = "2 of 4, perhaps 3: the sign is the opposite one; 1 of 4: the slope of the loss is half"
    assert said in page[start:end]
    assert 'width="265.0" height="13" fill="#0072B2"' in page
    assert '<rect x="265.5" y="22" width="132.5" height="13" fill="url(#maybe)"/>' in page
    assert "<td>1, 2, 3</td>" in page


def test_page__a_class_without_mistakes_and_one_without_sheets():
    record = ClassRecord(PLAN.topics, 2, 1, PLAN.stamp, {})
    sheet = PLAN.sheet(1)
    right = marked({1: right_answers(sheet, 1), 2: right_answers(sheet, 2)})
    assert "No known mistake was found." in Report(record, (right,), ()).page
    assert "There is nothing to mark." in Report(record, (), ()).page


def test_page__allows_no_network_and_no_script():
    assert "default-src 'none'; style-src 'unsafe-inline'" in report_on().page


# Tables


def test_csv_text__a_number_stays_a_number():
    assert csv_text([["-0.0451", "+2", "-1.5e-07"]]) == "-0.0451,+2,-1.5e-07\r\n"


@pytest.mark.parametrize("text", ["=1", "+1+1", "-2-A1", "@x", "  =1", "\t=1", "\r\n=1", "-1e3e", "+-1"])
def test_csv_text__a_cell_never_becomes_a_formula(text):
    assert csv_text([[text]]).lstrip('"').startswith("'")


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
@pytest.mark.parametrize("before", ["", "x;", "x,", "x;  ", 'x;"', "x\t;", "；;'\t"])
@pytest.mark.parametrize("written", [",", ";"])
@pytest.mark.parametrize("opened", [",", ";", "\t"])
def test_csv_text__is_safe_if_a_spreadsheet_expects_another_separator(sign, before, written, opened):
    text = csv_text([[1, f"{before}{sign}1+1", 2]], written)
    for cell in next(csv.reader(io.StringIO(text, newline=""), delimiter=opened)):
        assert not cell.lstrip(" \"'").startswith(sign) or cell.lstrip(' "').startswith("'")
    for cell in text.split(opened):  # programs that do not know quotes
        assert not cell.lstrip(" \"'").startswith(sign) or cell.lstrip(' "').startswith("'")


def test_csv_text__a_semicolon_brings_decimal_commas():
    assert csv_text([["97.5", "-0.04", "0,25", "1.5e-07", 3, "v1.2"]], ";") == "97,5;-0,04;0,25;1,5e-07;3;v1.2\r\n"


def test_csv_text__quotes_and_commas():
    assert csv_text([['Bo, "x"', 3, -1]]) == '"Bo, ""x""",3,-1\r\n'


# Files are whole or absent


@pytest.mark.parametrize("refused", ["open", "replace"])
def test_save__leaves_nothing_unfinished_after_an_error(refused, tmp_path, monkeypatch):
    calls, own = [], getattr(Path, refused)

    def full(self, *more, **named):
        calls.append(self)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return own(self, *more, **named)

    monkeypatch.setattr(Path, refused, full)
    with pytest.raises(OSError, match="No space"):
        save(dict.fromkeys(FILES, "."), tmp_path)
    assert not list(tmp_path.glob("*.part"))


KILLED = """
import os, sys
from pathlib import Path
from bpcourse.classroom.report import FILES, save

folder, step = Path(sys.argv[2]), int(sys.argv[3])
texts = dict.fromkeys(FILES, "." * 1000)
calls = 0

def dying(own, half):
    def call(path, target, *more, **named):
        global calls
        calls += 1
        if calls == step:
            half(path, target)
            os._exit(9)  # no exception, no `finally`: as if the process was killed
        return own(path, target, *more, **named)
    return call

def write_half(path, mode):
    with open(path, mode) as file:
        file.write("." * 100)

Path.open = dying(Path.open, write_half)
Path.replace = dying(Path.replace, lambda path, target: None)
if sys.argv[1] == "save":
    save(texts, folder, force=True)
else:
    for name, text in texts.items():
        with (folder / name).open("w") as file:
            file.write(text)
"""


def left_by(writer, step, folder):
    """Kill a writer at one of its steps. Return its status, and the lengths of the files that it leaves."""
    done = subprocess.run([sys.executable, "-c", KILLED, writer, str(folder), str(step)], check=False)
    found = (path for path in folder.iterdir() if path.suffix != ".part")
    return done.returncode, [len(path.read_text(encoding="utf-8")) for path in found]


@pytest.mark.parametrize("step", [2, 5, 7])  # in the second of three writes; before the second of three renames; never
def test_save__files_are_whole_or_absent_if_the_writer_is_killed(step, tmp_path):
    status, lengths = left_by("save", step, tmp_path)
    assert (status, lengths) == {2: (9, []), 5: (9, [1000]), 7: (0, [1000] * 3)}[step]
    save(dict.fromkeys(FILES, "."), tmp_path, force=True)  # leftovers do not prevent the next report
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in FILES} == dict.fromkeys(FILES, ".")


def test_left_by__sees_a_file_that_is_cut_short(tmp_path):
    assert sorted(left_by("naive", 2, tmp_path)[1]) == [100, 1000]
