"""Mark the sheets of a class, with errors carried forward.

The policy is in `is_untouched`, `Mark.in_head` and `Mark.points`. Each value earns one point if it
is correct. A value that follows correctly from the student's own earlier error earns its point too,
unless nothing had to be computed for it (`is_untouched`). Missing intermediate steps are not
penalized (`Mark.in_head`). The report states the rule for readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from bpcourse.classroom.cells import MOST_NOTES, Answer
from bpcourse.classroom.plan import Plan, Question, Sheet
from bpcourse.classroom.processes import in_processes
from bpcourse.classroom.submissions import Answers, ClassRecord, Remark, unexpected
from bpcourse.classroom.text import LONGEST, shown
from bpcourse.tutor.equations import Step, look_up
from bpcourse.tutor.marking import check
from bpcourse.tutor.matching import nothing_done
from bpcourse.tutor.mistakes import MISTAKES, Mistake
from bpcourse.tutor.practice import Problem
from bpcourse.tutor.reading import FEWEST_DIGITS, half_unit, read_answer
from bpcourse.tutor.verdicts import Verdict


@dataclass(frozen=True)
class Line:
    """One value that was asked for.

    Parameters
    ----------
    name : str
        The name of the value.
    written : str
        What the student wrote, or "".
    right : float
        The right value.
    untouched : float
        The value if nothing were computed: the old parameter for a new one, otherwise 0.
    final : bool
        Whether it belongs to the answer, rather than to an intermediate step.
    verdict : Verdict
        The verdict on what was written.
    """

    name: str
    written: str
    right: float
    untouched: float
    final: bool
    verdict: Verdict


def is_untouched(answer: Answer, untouched: float) -> bool:
    """Whether an answer only repeats the value that needs no computation, to its last digit.

    Examples
    --------
    >>> is_untouched("0.000", 0.0), is_untouched(0.25, 0.25), is_untouched("0.26", 0.25)
    (True, True, False)
    """
    reading = read_answer(answer)
    if reading is None:
        return False
    return abs(reading.value - untouched) <= half_unit(reading.value, max(reading.digits, FEWEST_DIGITS))


# Marked sheets


@dataclass(frozen=True)
class Mark:
    """One question of one student, marked.

    Parameters
    ----------
    number, topic, asked : int, str, str
        The number and the topic of the question, and the name of its answer.
    lines : tuple of Line
        The values that were asked for.
    slip : Line or None
        The first value that is not right.
    """

    number: int
    topic: str
    asked: str
    lines: tuple[Line, ...]
    slip: Line | None

    @property
    def in_head(self) -> bool:
        """Whether blank intermediate steps earn their points.

        They do if the answer is complete and correct, no step is wrong, and the answer had to be
        computed: it is not 0, and it is not an unchanged parameter.
        """
        blank = [line for line in self.lines if line.verdict.status == "not answered" and not line.final]
        correct = all(line.verdict for line in self.lines if line not in blank)
        return bool(blank) and correct and any(line.right != line.untouched for line in self.lines if line.final)

    @property
    def points(self) -> int:
        """The points for this question: one for each correct value, or all if `in_head`."""
        return self.out_of if self.in_head else sum(bool(line.verdict) for line in self.lines)

    @property
    def out_of(self) -> int:
        """The largest possible number of points."""
        return len(self.lines)


@dataclass(frozen=True)
class MarkedSheet:
    """One student's sheet, marked.

    Parameters
    ----------
    number, name : int, str
        The number of the sheet, and the name of the student or "".
    source : str
        The name of the file.
    marks : tuple of Mark
        The questions.
    notes : tuple of str
        What there is to know about how the file was read.
    """

    number: int
    name: str
    source: str
    marks: tuple[Mark, ...]
    notes: tuple[str, ...]

    @property
    def points(self) -> int:
        """The points of the whole sheet."""
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        """The largest possible number of points."""
        return sum(mark.out_of for mark in self.marks)

    @property
    def percent(self) -> float:
        """The share of the points, in percent."""
        return 100 * self.points / self.out_of


def mark_class(record: ClassRecord, plan: Plan, found: Iterable[Answers]) -> tuple[list[MarkedSheet], list[Remark]]:
    """Mark the sheets of a class.

    An unexpected error in one sheet becomes a remark, and the other sheets are marked.

    Parameters
    ----------
    record : ClassRecord
        The class.
    plan : Plan
        The plan of its sheets.
    found : iterable of Answers
        The answers to each sheet.

    Returns
    -------
    sheets : list of MarkedSheet
        The marked sheets, in the order of the answers.
    remarks : list of Remark
        The sheets that could not be marked.
    """
    with closing(in_processes(partial(_fenced, record, plan), found)) as results:
        marked = list(results)
    sheets = [each for each in marked if isinstance(each, MarkedSheet)]
    return sheets, [each for each in marked if isinstance(each, Remark)]


def _fenced(record: ClassRecord, plan: Plan, answers: Answers) -> MarkedSheet | Remark:
    """Mark one sheet. An unexpected error becomes a remark, so that one sheet does not stop the others."""
    try:
        return mark_sheet(plan.sheet(answers.sheet), answers, shown(record.names.get(answers.sheet, "")))
    except Exception as error:
        return Remark(answers.source, f"Sheet {answers.sheet} cannot be marked: {unexpected(error)}")


def mark_sheet(sheet: Sheet, answers: Answers, name: str = "") -> MarkedSheet:
    """Mark what a student wrote on a sheet.

    Parameters
    ----------
    sheet : Sheet
        The sheet.
    answers : Answers
        The answers to it.
    name : str
        The name of the student.

    Examples
    --------
    >>> sheet = Plan(("bias",), 1, "a long secret").sheet(1)
    >>> trace = sheet.questions[0].problem.trace
    >>> written = {"y_hat[1]": float(trace["y_hat"][0, 0]), "dz1[1]": float(-trace["dz1"][0, 0])}
    >>> marked = mark_sheet(sheet, Answers(1, "anna.ipynb", {1: written}))
    >>> marked.points, marked.out_of, marked.marks[0].slip.verdict.mistakes[0]
    (1, 3, 'sign_slip')
    """
    notes = list(answers.notes)
    marks = tuple(_mark(question, answers.values.get(question.number, {}), notes) for question in sheet.questions)
    numbers = {question.number for question in sheet.questions}
    notes += [f"there is no question {number}." for number in sorted(answers.values.keys() - numbers)[:5]]
    return MarkedSheet(sheet.number, name, answers.source, marks, tuple(notes))


def _mark(question: Question, written: Mapping[str, Answer], notes: list[str]) -> Mark:
    """Return one question marked, and add notes on answers that it does not ask for."""
    problem, steps = question.problem, question.problem.steps
    answers: dict[str, Answer] = dict.fromkeys(question.asked)
    for name, answer in written.items():
        own = _own_name(steps, name)
        if own in answers:
            answers[own] = answer
        elif len(notes) < MOST_NOTES:
            notes.append(f"question {question.number} does not ask for {shown(name)!r}.")
    values = {name: step.value for name, step in steps.items()}
    untouched = {name: nothing_done(steps[name], values) for name in answers}
    verdicts, first = _verdicts(problem, answers, untouched)
    lines = {
        name: Line(name, _text(answer), values[name], untouched[name], name in question.final, verdicts[name])
        for name, answer in answers.items()
    }
    return Mark(question.number, problem.topic, problem.name, tuple(lines.values()), lines.get(first))


def _verdicts(
    problem: Problem, answers: Mapping[str, Answer], untouched: Mapping[str, float]
) -> tuple[dict[str, Verdict], str]:
    """Return the verdict on each answer, and the name of the first wrong one or ""."""

    def single(name: str) -> Verdict:
        return check(problem.trace, name, answers[name], learning_rate=problem.learning_rate)

    chain = check(problem.trace, answers, learning_rate=problem.learning_rate)
    verdicts = dict(chain.steps)
    # The chain continues from the student's rounded numbers. If the student continued from
    # unrounded ones, a mistake is recognized only without the chain.
    if chain.first and not chain.mistakes and single(chain.first).mistakes:
        verdicts[chain.first] = single(chain.first)
    # Zeros follow correctly from zeros. Without this rule, a sheet of zeros would earn many points.
    for name, answer in answers.items():
        if verdicts[name] and is_untouched(answer, untouched[name]) and not single(name):
            text = f"{name} = {_text(answer)} earns no point: with your earlier numbers it needs no computation."
            verdicts[name] = Verdict("wrong", text)
    return verdicts, chain.first


def _text(answer: Answer) -> str:
    """Return an answer as it can be shown."""
    return "" if answer is None else shown(str(answer))


def _own_name(steps: Mapping[str, Step], name: str) -> str:
    """Return the name by which a value is known here, or "" if there is no such value."""
    try:
        return look_up(steps, name).name if len(name) <= LONGEST else ""
    except ValueError:
        return ""


# The whole class


@dataclass(frozen=True)
class Common:
    """A mistake, and the sheets on which it is the first slip of a question.

    Parameters
    ----------
    mistake : Mistake
        The mistake.
    stated : frozenset of int
        The sheets on which the number can hardly have any other cause.
    possible : frozenset of int
        Other sheets, on which it could be this mistake.
    """

    mistake: Mistake
    stated: frozenset[int]
    possible: frozenset[int]


def common(sheets: Iterable[MarkedSheet]) -> list[Common]:
    """Return the mistakes of a class, the most frequent first.

    Only the first slip of each question counts. If several mistakes give the same number, the
    likeliest counts. A slip, such as a number that was misread, belongs to one student, so it is not common.
    """
    found: dict[tuple[str, str], set[int]] = {}
    for sheet in sheets:
        for verdict in (mark.slip.verdict for mark in sheet.marks if mark.slip):
            if verdict.mistakes and verdict.mistakes[0] in MISTAKES:
                found.setdefault((verdict.mistakes[0], verdict.status), set()).add(sheet.number)
    rows = []
    for name in dict.fromkeys(name for name, _ in found):
        stated = frozenset(found.get((name, "mistake"), ()))
        rows.append(Common(MISTAKES[name], stated, frozenset(found.get((name, "could be"), ())) - stated))
    return sorted(rows, key=lambda row: (-len(row.stated), -len(row.possible), row.mistake.id))
