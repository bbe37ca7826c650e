"""The file for Moodle: read back as its documentation says, and marked as Moodle marks."""

from __future__ import annotations

import argparse
import base64
import re
import sys
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from bpcourse import cli
from bpcourse.classroom import moodle
from bpcourse.classroom.moodle import MOST_ANSWERS, answers, questions, write
from bpcourse.classroom.plan import Plan
from bpcourse.cli import UserError
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.marking import AROUND, MOST_ACCIDENTS, half_unit, nothing_done
from bpcourse.tutor.mistakes import wrong_values
from bpcourse.tutor.practice import TOPICS, problem

PLAN = Plan(("hidden_weight", "matrix", "batch", "update"), 2, "a long secret")


def fit(listed, number):
    """Return the first answer that fits, as question/type/numerical/question.php finds it."""
    for answer in listed:
        if answer.value == "*":
            return answer
        centre = float(answer.value)
        if abs(number - centre) <= answer.tolerance + 1e-14 * max(1, abs(centre)):
            return answer
    return None


def of_one_value(seed, topic, level):
    """Return a problem that asks for one value: of an array for one of its entries."""
    found = problem(topic, level=level, seed=seed)
    names = entries(table(found.trace, found.learning_rate), found.name)
    return found if names is None else replace(found, name=names.flat[seed % names.size])


def steps_of(asked):
    return table(asked.trace, asked.learning_rate)


def overlapping(listed):
    """Return whether two answers reach each other, or one of them "*" before the end."""
    if [answer.value for answer in listed].index("*") != len(listed) - 1:
        return True
    ends = sorted((float(each.value) - each.tolerance, float(each.value) + each.tolerance) for each in listed[:-1])
    return any(high >= low for (_, high), (low, _) in pairwise(ends))


def misnamed(asked, listed):
    """Return the mistakes whose value, with four digits, is not met by an answer of 0 % that says so."""
    steps, found = steps_of(asked), {}
    for mistakes, value in wrong_values(steps, asked.name):
        exact = value if abs(value) > 1e-12 * abs(steps[asked.name].value) else 0.0  # what a person finds to be 0
        found.setdefault(float(f"{exact:.4g}"), []).append(mistakes)
    right, *wrong, rest = listed
    lost = [] if len(wrong) == MOST_ANSWERS - 2 else found  # after the likeliest 38 there is no place
    bad = []
    for value, together in found.items():
        answer = fit(listed, value)
        if answer is right:  # three digits cannot tell it: only what was rounded on the way
            bad += [mistakes for mistakes in together if mistakes[0].topic != "rounding"]
        elif answer is rest:
            bad += [each for each in together if value in lost and asked.check(f"{value:.4g}").mistakes]
        else:
            said = [all(mistake.name in answer.feedback for mistake in each) for each in together]
            hints = [mistakes[0].hint in answer.feedback for mistakes in together]
            bad += [] if answer.fraction == 0 and any(said) and any(hints) else together
    return bad


@pytest.mark.parametrize("topic", TOPICS)
def test_right_answers_get_all_and_each_mistake_its_own_words(topic):
    for seed in range(20):
        asked = of_one_value(seed, topic, TOPICS[topic].from_level)
        listed, value = answers(asked), steps_of(asked)[asked.name].value
        assert [each.fraction for each in listed] == [100] + [0] * (len(listed) - 1)
        assert 3 <= len(listed) <= MOST_ANSWERS
        assert not overlapping(listed)
        for right in (value, float(f"{value:.4g}"), float(f"{value:.3g}")):
            assert fit(listed, right).fraction == 100
        assert fit(listed, 1.02 * value + 1e9) is listed[-1]
        assert misnamed(asked, listed) == []


def test_the_checkers_see_what_is_wrong():
    asked = of_one_value(3, "hidden_weight", 2)
    right, first, second, *others, rest = answers(asked)
    assert overlapping((right, replace(first, value=right.value), rest))
    assert overlapping((right, replace(first, tolerance=abs(float(first.value) - float(right.value))), rest))
    assert overlapping((right, rest, first))
    assert misnamed(asked, (right, replace(first, feedback=second.feedback), second, *others, rest))
    assert misnamed(asked, (right, replace(first, fraction=100), second, *others, rest))
    assert misnamed(asked, (right, second, *others, rest))
    assert misnamed(asked, (replace(right, tolerance=abs(float(right.value))), first, second, *others, rest))


def caught_by_accident(asked, listed):
    """Return the share of numbers near the right one that answers reaching further than four digits catch."""
    right, steps = float(listed[0].value), steps_of(asked)
    start = nothing_done(steps[asked.name], {each.name: each.value for each in steps.values()})
    reach = AROUND * abs(right - start)
    near = [each for each in listed[1:-1] if abs(float(each.value) - right) <= reach]
    wide = [each.tolerance for each in near if each.tolerance > 1.01 * half_unit(float(each.value), moodle.ASKED)]
    return sum(tolerance / reach for tolerance in wide)


def test_answers_catch_few_numbers_by_accident():
    for topic in TOPICS:
        for seed in range(10):
            asked = of_one_value(seed, topic, TOPICS[topic].from_level)
            assert caught_by_accident(asked, answers(asked)) <= MOST_ACCIDENTS


def test_many_accidents_are_seen(monkeypatch):
    monkeypatch.setattr(moodle, "MOST_ACCIDENTS", 1.0)
    many = [of_one_value(seed, "hidden_weight", 3) for seed in range(20)]
    assert max(caught_by_accident(asked, answers(asked)) for asked in many) > MOST_ACCIDENTS


def test_two_mistakes_with_one_value_are_one_answer_that_names_both():
    asked = of_one_value(7, "output_weight", 2)
    told = [each.feedback for each in answers(asked) if ", or if " in each.feedback.splitlines()[0]]
    assert (
        "the slope of the output's activation is left out, or if the slope of every activation is left out" in told[0]
    )


def test_numbers_are_written_as_moodle_reads_them():
    written = [each for seed in range(10) for each in answers(of_one_value(seed, "update", 1))]
    for each in written:
        assert each.value == "*" or re.fullmatch(r"-?\d+(\.\d+)?(E-?\d+)?", each.value)
    found = ElementTree.fromstring(moodle._answer(moodle.Answer("-1.234E-5", 5e-8, 0, "")))
    assert float(found.findtext("tolerance")) == 5e-8
    assert found.findtext("text") == "-1.234E-5"


# The file


def read(text):
    """Return the categories with the questions in each, by the documentation line by line."""
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>'), "nothing stands before the declaration"
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text)
    found = {}
    for each in ElementTree.fromstring(text.encode()):
        assert each.tag == "question"
        if each.get("type") == "category":
            here = found.setdefault(each.findtext("category/text"), [])
            continue
        assert each.get("type") == "numerical"
        for html in ("questiontext", "generalfeedback"):
            assert each.find(html).get("format") == "html"
        here.append(each)
    return found


def test_the_file_has_a_category_for_each_topic_and_its_variants():
    found = read("".join(questions(PLAN, 2)))
    paths = [f"$course$/top/bpcourse/{topic}, level 2" for topic in ("hidden weight", "matrix", "batch", "update")]
    assert list(found) == paths
    assert [len(each) for each in found.values()] == [2, 2 * 3 * 2, 2, 2]  # a question for each entry of a 3 × 2 matrix
    names = [each.findtext("name/text") for group in found.values() for each in group]
    assert names[:3] == [
        "hidden weight, level 2, number 001",
        "hidden weight, level 2, number 002",
        "matrix, level 2, number 001, dW1[1,1]",
    ]
    assert len(set(names)) == len(names)
    idnumbers = [each.findtext("idnumber") for group in found.values() for each in group]
    assert len(set(idnumbers)) == len(idnumbers)
    assert max(map(len, idnumbers)) <= 100
    assert not any("/" in topic for topic in TOPICS), "it would begin another category"


def test_a_question_has_all_that_moodle_shows():
    for group in read("".join(questions(PLAN, 1))).values():
        for each in group:
            assert (each.findtext("defaultgrade"), each.findtext("penalty")) == ("1", "0.3333333")
            assert [hint.get("format") for hint in each.findall("hint")] == ["html"] * 3
            assert all(hint.findtext("text") for hint in each.findall("hint"))
            fractions = [answer.get("fraction") for answer in each.findall("answer")]
            assert fractions == ["100"] + ["0"] * (len(fractions) - 1)
            assert each.findall("answer")[-1].findtext("text") == "*"
            assert all(answer.findtext("feedback/text") for answer in each.findall("answer"))
            text, solution = each.findtext("questiontext/text"), each.findtext("generalfeedback/text")
            assert solution.startswith("<h4>")
            assert "GRADIENT" in solution
            for html in (text, solution):  # what needs no style sheet, and nothing from elsewhere
                assert not re.search("<(script|style|link|iframe|wbr)|style=|https?:|data:|[ ]on[a-z]+=", html)
            files = {file.get("name"): file for file in each.findall("questiontext/file")}
            assert re.findall('src="@@PLUGINFILE@@/([^"]+)"', text) == list(files)
            assert len(re.findall('alt="A network of [^"]+"', text)) == len(files)
            for file in files.values():
                assert file.get("encoding") == "base64"
                picture = ElementTree.fromstring(base64.b64decode(file.text, validate=True))
                assert picture.tag == "{http://www.w3.org/2000/svg}svg"


def test_a_question_does_not_tell_its_answer():
    for topic in TOPICS:
        plan = Plan((topic,), 3, "a secret by which no answer is a number of the network")
        each = next(iter(read("".join(questions(plan, 1))).values()))[0]
        right = each.find("answer").findtext("text").removeprefix("-")
        pictures = "".join(base64.b64decode(file.text).decode() for file in each.findall("questiontext/file"))
        assert right not in each.findtext("questiontext/text") + pictures


def test_a_batch_shows_each_of_its_examples():
    each = read("".join(questions(Plan(("batch",), 1, "s"), 1)))["$course$/top/bpcourse/batch, level 1"][0]
    assert [file.get("name") for file in each.findall("questiontext/file")] == ["example-1.svg", "example-2.svg"]
    assert "A batch of 2 examples" in each.findtext("questiontext/text")


HOSTILE = """<script>alert("1")</script> & ' ]]> ]]>]]> &amp; עברית العربية 日本語 δ̂ 😀 {=1} $$x$$ \\(y\\)"""


def test_any_text_comes_back_as_it_was():
    assert ElementTree.fromstring(moodle._text(HOSTILE)).text == HOSTILE
    shown = ElementTree.fromstring(f"<div>{moodle._paragraphs(HOSTILE)}</div>")  # our own HTML is well-formed XML, too
    assert [(each.tag, each.text) for each in shown] == [("p", HOSTILE)]
    answer = ElementTree.fromstring(moodle._answer(moodle.Answer("*", 0.0, 0, HOSTILE)))
    assert "<script" not in answer.findtext("feedback/text")


def test_the_numbers_come_from_the_secret_and_from_nothing_else():
    text = "".join(questions(Plan(("bias",), 2, "a long secret"), 2))
    assert text == "".join(questions(Plan(("bias", "bias"), 2, "a long secret"), 2))
    longer = "".join(questions(Plan(("bias", "update"), 2, "a long secret"), 2))
    assert longer.startswith(text.removesuffix("</quiz>\n"))
    assert longer != text
    assert text != "".join(questions(Plan(("bias",), 2, "another secret"), 2))
    assert "a long secret" not in text


def test_the_questions_in_moodle_are_not_those_of_the_sheets():
    plan = Plan(("bias",), 2, "a long secret")
    text = "".join(questions(plan, 1))
    sheet = plan.sheet(1).questions[0].problem
    value = table(sheet.trace)[sheet.name].value
    assert f"<text>{value:.4g}</text>" not in text


def test_the_pieces_are_made_one_at_a_time():
    pieces = questions(Plan(("bias",), 2, "s"), 10**9)
    assert "number 001" in [next(pieces) for _ in range(3)][-1]


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "3"])
def test_the_number_of_variants_is_a_positive_whole_number(count):
    with pytest.raises(ValueError, match=r"the number of variants must be a positive whole number; got"):
        questions(PLAN, count)


# On the disk


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    plan, path = Plan(("bias",), 2, "s"), tmp_path / "questions.xml"
    assert write(plan, 2, path) == path
    before = path.read_text(encoding="utf-8")
    assert before == "".join(questions(plan, 2))
    with pytest.raises(FileExistsError, match="is there already"):
        write(plan, 2, path)

    def cut_short(plan, count):
        yield "<quiz>"
        raise KeyboardInterrupt

    monkeypatch.setattr(moodle, "questions", cut_short)
    with pytest.raises(KeyboardInterrupt):
        write(plan, 2, path, force=True)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="a link needs a right there")
def test_a_link_in_the_place_of_an_unfinished_file_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "questions.xml.part").symlink_to(tmp_path / "mine")
    write(Plan(("bias",), 2, "s"), 1, tmp_path / "questions.xml")
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"


def command(folder, **changed):
    options = {"topic": ["bias"], "level": 2, "count": 1, "seed": "a long secret", "out": folder, "force": False}
    return cli.sheet(argparse.Namespace(**(options | {"names": None, "format": "moodle"} | changed)))


def test_the_command_says_where_the_file_is(tmp_path, capsys):
    assert command(tmp_path / "new") == 0
    assert capsys.readouterr() == (
        f"Saved: {tmp_path / 'new' / 'questions.xml'}, with 1 variant(s) of each topic\n",
        "",
    )  # so short: no bar
    with pytest.raises(UserError, match=r"is there already\. Name another folder, or add --force"):
        command(tmp_path / "new")
    assert command(tmp_path / "new", force=True) == 0


def test_the_command_says_what_cannot_be(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="file is there already"):
        command(tmp_path / "file")
    with pytest.raises(UserError, match="cannot read or write"):
        command(tmp_path / "file" / "below")
    with pytest.raises(UserError, match="biases"):
        command(tmp_path, topic=["biases"])
    with pytest.raises(UserError, match="has the levels 3 to 5"):
        command(tmp_path, topic=["classes"])
    with pytest.raises(UserError, match="secret must not be empty"):
        command(tmp_path, seed="")
