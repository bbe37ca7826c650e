"""Marking sheets: known mistakes are found, right answers earn their points, and no sheet stops the others."""

import json
import math
import random
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from functools import cache

import pytest
from helpers.simulated_class import PLAN, SECRET, Tally, hand_in, marked, plain, right_answers, sheet_of, tables_in

from bpcourse.classroom import grading
from bpcourse.classroom.cells import MOST_NOTES
from bpcourse.classroom.grading import (
    Line,
    Mark,
    MarkedSheet,
    common,
    is_untouched,
    mark_class,
    mark_sheet,
)
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.submissions import Answers, ClassRecord, collect
from bpcourse.classroom.text import LONGEST
from bpcourse.tutor.equations import table as steps_of
from bpcourse.tutor.mistakes import wrong_values
from bpcourse.tutor.slips import slips
from bpcourse.tutor.verdicts import Verdict

RECORD = ClassRecord(PLAN.topics, PLAN.level, 30, PLAN.stamp, {2: "Bo\u202e\n"})


def statuses(mark):
    return [line.verdict.status for line in mark.lines]


# A simulated class


@dataclass(frozen=True)
class Simulated:
    """A class of thirty: its students, what was read of their files, and the marks."""

    everybody: list
    found: list
    remarks: list
    marks: list


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return the simulated class of some topics and a level. Each is made and marked once."""

    @cache
    def make(topics, level):
        folder, plan = tmp_path_factory.mktemp("class"), Plan(topics, level, SECRET)
        sheets = [sheet_of(plan, number) for number in range(1, 31)]
        everybody = hand_in(folder, sheets, seed=level)
        found, remarks = collect(folder, 30, tables=tables_in(folder))
        marks = [mark_sheet(sheets[answers.sheet - 1], answers) for answers in found]
        return Simulated(everybody, found, remarks, marks)

    return make


EASY = (("activation", "loss", "output_weight", "bias"), 1)


@pytest.mark.parametrize(
    ("topics", "level"),
    [
        EASY,
        (("hidden_weight", "update", "yes_or_no"), 2),
        (("hidden_weight", "classes", "matrix", "output_delta"), 3),
    ],
)
def test_mark_sheet__a_class_of_thirty(topics, level, simulated):
    """At least 95 % of the injected mistakes are named at their first slip, and no right answer gets a complaint."""
    made, tally = simulated(topics, level), Tally()
    assert [each.sheet for each in made.found] == list(range(1, 31))
    assert made.remarks == []
    for one, sheet in zip(made.everybody, made.marks, strict=True):
        tally.add(one, sheet)
    assert tally.mistakes > 20 < tally.right
    assert tally.found >= 0.95 * tally.mistakes, tally.lines
    assert tally.invented == 0, tally.lines


def test_tally__sees_the_answers_of_a_different_sheet(simulated):
    made, tally = simulated(*EASY), Tally()
    for one, answers in zip(made.everybody[:6], made.found[1:7], strict=True):
        tally.add(one, mark_sheet(sheet_of(Plan(*EASY, SECRET), one.sheet), answers))
    assert tally.invented > 0
    assert tally.found < 0.95 * tally.mistakes


# The policy


def line(status, right=0.5, untouched=0.0, final=False):
    return Line("", "", right, untouched, final, Verdict(status, ""))


def mark_of(lines):
    return Mark(1, "", "", tuple(lines), None)


def test_points__one_for_each_correct_line():
    assert mark_of([line("correct"), line("wrong"), line("correct", final=True)]).points == 2
    assert mark_of([line("not answered"), line("could be"), line("unreadable", final=True)]).points == 0


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line("not answered"), line("correct", final=True)], True),
        ([line("not answered"), line("correct"), line("correct", final=True)], True),
        ([line("not answered"), line("wrong"), line("correct", final=True)], False),
        ([line("not answered"), line("could be"), line("correct", final=True)], False),
        ([line("not answered"), line("correct", right=0.0, final=True)], False),
        ([line("not answered"), line("correct", untouched=0.5, final=True)], False),
        ([line("not answered"), line("wrong", final=True)], False),
        ([line("not answered"), line("correct", final=True), line("not answered", final=True)], False),
        ([line("correct"), line("correct", final=True)], False),
        ([line("correct"), line("not answered", final=True)], False),
    ],
)
def test_in_head__needs_a_computed_answer_and_no_wrong_step(lines, expected):
    mark = mark_of(lines)
    assert mark.in_head is expected
    assert (mark.points == mark.out_of) is (expected or all(each.verdict for each in lines))


@pytest.mark.parametrize(
    ("answer", "untouched", "expected"),
    [
        ("0", 0.0, True), (0, 0.0, True), ("0.000", 0.0, True), (0.25, 0.25, True), ("0.250", 0.2504, True),
        ("0.3", 0.2994, False), ("0.26", 0.25, False), ("0.0004", 0.0, False), (None, 0.0, False),
    ],
)  # fmt: skip
def test_is_untouched__compares_to_the_last_digit(answer, untouched, expected):
    assert is_untouched(answer, untouched) is expected


def test_mark_sheet__correct_values_after_an_error_earn_their_points():
    answers = right_answers(sheet_of(PLAN, 1), 2)
    assert marked({2: answers}).marks[1].points == len(answers)
    first = next(iter(answers))
    assert marked({2: {first: answers[first]}}).marks[1].points == 1
    trace, weight = sheet_of(PLAN, 1).questions[1].problem.trace, list(answers)[-1]
    i, j = (int(each) - 1 for each in weight[4:-1].split(","))  # 3-2-1 sigmoid units, the loss is the squared error
    z = trace["z1"][0, j]
    dz2 = 2 * (0.111 - trace["y"][0, 0]) * 0.111 * (1 - 0.111)
    dz1 = dz2 * trace["W2"][j, 0] * math.exp(-z) / (1 + math.exp(-z)) ** 2
    own = {"y_hat[1]": 0.111, "dz2[1]": dz2, f"dz1[{j + 1}]": dz1, weight: trace["x"][0, i] * dz1}
    assert [status == "correct" for status in statuses(marked({2: own}).marks[1])] == [False, True, True, True]
    assert marked({2: own | {f"dz1[{j + 1}]": 2 * dz1}}).marks[1].points == 1  # and nothing follows from that


def zeros(question):
    return dict.fromkeys(question.asked, "0")


def predicts_the_target(question):
    """Return the answers of somebody who predicts the target, so that no parameter changes."""
    trace, steps = question.problem.trace, steps_of(question.problem.trace, question.problem.learning_rate)
    found = {}
    for name in question.asked:
        place = int(name[6:-1]) - 1 if name.startswith("y_hat") else 0
        old = steps[name.replace("_new", "")].value if "_new" in name else 0
        found[name] = f"{trace['y'][0, place]:.3f}" if name.startswith("y_hat") else plain(old, 4) if old else "0.000"
    return found


@pytest.mark.parametrize("answers", [zeros, predicts_the_target])
def test_mark_sheet__answers_without_computation_earn_nothing(answers):
    for topic in ("output_weight", "hidden_weight", "bias", "update", "output_delta", "matrix"):
        plan = Plan((topic,), 3, SECRET)
        for sheet in (sheet_of(plan, number) for number in (1, 2, 3)):
            (mark,) = mark_sheet(sheet, Answers(1, "", {1: answers(sheet.questions[0])})).marks
            assert mark.points == 0, mark


def test_mark_sheet__an_answer_without_computation_is_explained():
    """A prediction is wrong, and zeros that follow from it are correct but earn nothing."""
    sheet = sheet_of(PLAN, 1)
    target = plain(sheet.questions[1].problem.trace["y"][0, 0], 3)
    asked = sheet.questions[1].asked
    mark = marked({2: {**dict.fromkeys(asked, "0"), "y_hat[1]": target}}).marks[1]
    reason = "with your earlier numbers it needs no computation."
    said = [each.verdict.message for each in mark.lines if each.verdict.message.endswith(reason)]
    assert said
    assert said[0] == f"dz2[1] = 0 earns no point: {reason}"
    assert mark.points == 0


def test_mark_sheet__a_right_zero_earns_only_its_own_point():
    plan, found = Plan(("dead_relu",), 3, SECRET), 0
    for sheet in (sheet_of(plan, number) for number in range(1, 9)):
        answers = right_answers(sheet)
        last = list(answers)[-1]
        assert marked({1: answers}, plan, sheet.number).points == len(answers)
        if float(answers[last]) == 0:
            mark = marked({1: {last: "0"}}, plan, sheet.number).marks[0]
            assert (mark.points, mark.in_head) == (1, False)
            found += 1
    assert found


def test_mark_sheet__a_mistake_is_named_although_the_earlier_numbers_are_right():
    # The student found ŷ again, rightly, but computed δ from a pass with the mistake. ŷ does not explain δ.
    plan = Plan(("hidden_weight",), 3, SECRET)
    answers = right_answers(sheet_of(plan, 1), digits=3)
    name = "dz2[1]"
    steps = steps_of(sheet_of(plan, 1).questions[0].problem.trace)
    wrong = {mistakes[0].id: value for mistakes, value in wrong_values(steps, name) if len(mistakes) == 1}
    (mark,) = marked({1: answers | {name: plain(wrong["bias_after_activation"], 6)}}, plan).marks
    verdict = next(line.verdict for line in mark.lines if line.name == name)
    assert verdict.mistakes[:1] == ("bias_after_activation",)


def test_mark_sheet__skipped_steps_cost_nothing():
    answers = right_answers(sheet_of(PLAN, 1), 2)
    last = list(answers)[-1]
    mark = marked({2: {last: answers[last]}}).marks[1]
    assert (mark.points, mark.in_head, mark.slip) == (len(answers), True, None)
    some = dict(list(answers.items())[1:])
    assert marked({2: some}).marks[1].points == len(answers)
    wrong = {"y_hat[1]": "0.111", last: answers[last]}
    assert marked({2: wrong}).marks[1].points == 1  # a wrong step stays wrong
    assert marked({2: {last: "0.111"}}).marks[1].points == 0


def test_mark_sheet__a_matrix_needs_all_its_entries():
    plan = Plan(("matrix",), 2, SECRET)
    answers = right_answers(sheet_of(plan, 1))
    entries = {name: answer for name, answer in answers.items() if name.startswith("dW1")}
    assert marked({1: entries}, plan).marks[0].points == len(answers)
    one = dict(list(entries.items())[:-1])
    assert marked({1: one}, plan).marks[0].points == len(one)


# Names and strange numbers


def test_mark_sheet__names_in_another_form_count_and_unknown_names_are_noted():
    answers = right_answers(sheet_of(PLAN, 1), 2)
    last = list(answers)[-1]
    result = marked({2: {last.replace(",", " , "): answers[last], "<b>": 1.0, "z9[1]": 2.0}, 7: {}})
    assert result.marks[1].points == len(answers)
    assert result.notes == (
        "question 2 does not ask for '<b>'.",
        "question 2 does not ask for 'z9[1]'.",
        "there is no question 7.",
    )


def test_mark_sheet__unknown_names_are_noted_up_to_a_limit():
    assert len(marked({1: dict.fromkeys(map(str, range(50)), 1.0)}).notes) == MOST_NOTES


def test_mark_sheet__the_first_five_unknown_questions_are_noted():
    notes = marked({number: {"loss": 1.0} for number in (19, 17, 15, 13, 11, 9, 7)}).notes
    assert notes == tuple(f"there is no question {number}." for number in (7, 9, 11, 13, 15))


def test_mark_sheet__a_very_long_name_is_unknown():
    longest = "loss" + " " * (LONGEST - len("loss"))  # spaces around a name do not count
    assert marked({1: {longest: 0.5}}).notes == ()
    assert len(marked({1: {longest + " ": 0.5}}).notes) == 1


def test_percent__is_the_share_of_the_points():
    sheet = marked({})
    assert (sheet.points, sheet.percent) == (0, 0.0)
    half = replace(sheet, marks=(mark_of([line("correct"), line("wrong"), line("wrong"), line("wrong", final=True)]),))
    assert (half.points, half.out_of, half.percent) == (1, 4, 25.0)


def test_records__cannot_be_changed():
    sheet, (row,) = marked({1: {"loss": 1.0}}), common([slipped(1, ("mistake", ("lost_sign",)))])
    for record in (sheet, sheet.marks[0], sheet.marks[0].lines[0], row):
        with pytest.raises(FrozenInstanceError):
            setattr(record, fields(record)[0].name, 0)


def test_mark_sheet__a_value_that_is_not_a_number_is_unreadable():
    for value in ("open('x')", "10**10**10", "0x" + "f" * 400, "(0,25; 1)", "1/0", "x"):
        first = marked({1: {"y_hat[1]": value, "loss": 0.5}}).marks[0].lines[0]
        assert first.verdict.status == "unreadable"
        assert first.written == (value if len(value) <= 120 else value[:120] + "…")


WILD = [
    0, -1, 1e300, -1e300, 5e-324, "1e308", float("inf"), float("nan"), None, "x", "1e-320", 40, 1e154, "0,0000",
]  # fmt: skip


@pytest.mark.parametrize("topic", ["output_delta", "hidden_weight", "yes_or_no", "classes", "update", "cross_entropy"])
def test_mark_sheet__any_number_is_marked(topic):
    """Once, a tanh of 1e300 was squared."""
    rng = random.Random(topic)
    plan = Plan((topic,), 3, SECRET)
    for sheet in (sheet_of(plan, 1), sheet_of(plan, 2)):
        asked = sheet.questions[0].asked
        for _ in range(10):
            result = mark_sheet(sheet, Answers(1, "", {1: {name: rng.choice(WILD) for name in asked}}))
            assert 0 <= result.points < result.out_of


# No sheet stops the others


def test_mark_class__an_unexpected_error_in_one_sheet_is_named_and_the_others_are_marked(monkeypatch):
    def faulty(sheet, answers, name):
        return 1 / 0 if sheet.number == 2 else mark_sheet(sheet, answers, name)

    monkeypatch.setattr(grading, "mark_sheet", faulty)
    found = [Answers(number, f"{number}.ipynb", {}) for number in (1, 2, 3)]
    sheets, (remark,) = mark_class(RECORD, PLAN, found)
    assert [sheet.number for sheet in sheets] == [1, 3]
    assert (remark.source, remark.skipped) == ("2.ipynb", True)
    assert remark.text.startswith("Sheet 2 cannot be marked: unexpected ZeroDivisionError: division by zero.")


def test_mark_class__several_processes_mark_as_one_does():
    found = [Answers(number, f"{number}.ipynb", {1: {"loss": 0.1 * number}}) for number in range(1, 8)]
    sheets, failed = mark_class(RECORD, PLAN, [*found, Answers(8, "8.ipynb", {1: None})])
    alone = [mark_sheet(PLAN.sheet(each.sheet), each) for each in found]
    assert [(each.number, each.points, each.marks) for each in sheets] == [
        (each.number, each.points, each.marks) for each in alone
    ]
    assert [remark.source for remark in failed] == ["8.ipynb"]


def test_mark_class__names_are_made_safe_to_show():
    sheets, _ = mark_class(RECORD, PLAN, [Answers(2, "", {})])
    assert sheets[0].name == "Bo\ufffd "


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("exponent.csv", 'sheet,question,name,answer\n2,1,"y_hat[1]",1e-9999999999999999999\n'),
        ("control.csv", "sheet,question,name,answer\n2\x1d,1,loss,1\n"),
        (
            "exponent.ipynb",
            json.dumps(
                {"nbformat": 4, "metadata": {"bpcourse": {"sheet": 2}}}
                | {"cells": [{"cell_type": "code", "source": 'answers_1 = {"loss": "1e-9999999999999999999"}'}]}
            ),
        ),
    ],
)
def test_mark_class__inputs_that_once_stopped_a_class(name, content, tmp_path):
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    (tmp_path / "anna.csv").write_text("sheet,question,name,answer\n1,1,loss,1\n", encoding="utf-8")
    found, remarks = collect(tmp_path, 30)
    sheets, failed = mark_class(RECORD, PLAN, found)
    assert 1 in [sheet.number for sheet in sheets]
    assert len(sheets) + len(remarks) + len(failed) == 2


# The whole class


def slipped(sheet, *verdicts):
    """Return a marked sheet with a slip in each of its questions."""
    lines = [Line("loss", "1", 0.5, 0.0, True, Verdict(status, "", "", ids)) for status, ids in verdicts]
    return MarkedSheet(sheet, "", "", tuple(Mark(1, "loss", "loss", (each,), each) for each in lines), ())


def test_common__counts_students_and_separates_possible_mistakes():
    sure, maybe = ("mistake", ("lost_sign", "sign_slip")), ("could be", ("lost_sign",))
    sheets = [
        slipped(1, sure, sure),
        slipped(2, maybe, sure),
        slipped(3, maybe, maybe),
        slipped(4, ("wrong", ()), ("mistake", ("kept_half",))),
    ]
    first, second = common(sheets)
    assert (first.mistake.id, first.stated, first.possible) == ("lost_sign", {1, 2}, {3})
    assert (second.mistake.id, second.stated, second.possible) == ("kept_half", {4}, set())


def test_common__leaves_out_the_slips_of_one_student():
    # A digit that was misread is not in the catalogue of mistakes, so it once ended the report of the whole class.
    plan = Plan(("output_weight",), 2, SECRET)
    problem = sheet_of(plan, 1).questions[0].problem
    wrong = slips(problem.trace, problem.steps, problem.name).answers
    sheets = [marked({1: {problem.name: plain(each, 6)}}, plan) for each in wrong]
    ids = {id for sheet in sheets for mark in sheet.marks if mark.slip for id in mark.slip.verdict.mistakes}
    assert any(id.startswith("slip_") for id in ids)
    assert {row.mistake.id for row in common(sheets)} <= {id for id in ids if not id.startswith("slip_")}


def test_common__the_most_frequent_come_first():
    def ids(*slips):
        sheets = [slipped(sheet, *given) for sheet, given in enumerate(slips, start=1)]
        return [row.mistake.id for row in common(sheets)]

    sure, perhaps = (lambda name: ("mistake", (name,))), (lambda name: ("could be", (name,)))
    assert ids([sure("lost_sign")], [sure("kept_half")], [sure("kept_half")]) == ["kept_half", "lost_sign"]
    assert ids([perhaps("kept_half")], [perhaps("kept_half")], [sure("lost_sign")]) == ["lost_sign", "kept_half"]
    assert ids([perhaps("lost_sign")], [perhaps("kept_half")], [perhaps("kept_half")]) == ["kept_half", "lost_sign"]
    assert ids([sure("lost_sign")], [sure("kept_half")]) == ["kept_half", "lost_sign"]  # by id
