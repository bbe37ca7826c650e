"""Questions for Moodle that name the mistake, too: an XML file for its question bank.

Each question is of the type "numerical". Its answers are the right value, and the value of each
known mistake as an answer of 0 % whose feedback is what the tutor says about it. Sources:

* The format is that of docs.moodle.org/en/Moodle_XML_format: a <quiz> in UTF-8 that begins with the
  XML declaration. A <question type="category"> says where the questions after it go. A picture is a
  <file> in base64 beside the text, which refers to it as @@PLUGINFILE@@/name, as in Moodle's own
  exports (question/format/xml).
* Moodle marks as in its question/type/numerical/question.php: the first answer with
  |x − answer| ≤ tolerance counts, and "*" fits everything. No two intervals overlap here, so nothing
  depends on the order.
* A number is written as 0.1234 or 1.234E-5, with a point in every language (parse_response in the
  same folder).
* In the path of a category "/" separates, and "top" is its root since Moodle 3.5
  (question/format.php). Earlier versions are not supported. If the category already contains an
  idnumber, Moodle drops the idnumber but imports the question.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import log
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring  # only to write

from markupsafe import Markup

from bpcourse.classroom.plan import Plan
from bpcourse.classroom.sheets import formatted
from bpcourse.classroom.store import require_absent, write_whole
from bpcourse.engine.validation import is_count, require
from bpcourse.names import Name
from bpcourse.numbers import MINUS, format_number
from bpcourse.pictures.diagram import draw
from bpcourse.render import render
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.marking import AROUND, MOST_ACCIDENTS, NOTHING, check_each, nothing_done, usual_first
from bpcourse.tutor.mistakes import MISTAKES, wrong_values
from bpcourse.tutor.practice import Problem
from bpcourse.tutor.reading import half_unit

MOST_ANSWERS = 40  # of a question; Moodle has no limit, but its editor shows all of them on one page
ASKED, NEEDED = 4, 3  # significant digits that a question asks for, and that must be right
APART = 0.49  # of the distance to a neighbor, that an answer may reach
PENALTY = "0.3333333"  # of the mark for each further try: Moodle's default


@dataclass(frozen=True)
class Answer:
    """One answer of a question in Moodle.

    Parameters
    ----------
    value : str
        A number with the digits that are asked for, as Moodle reads it; or "*" for everything else.
    tolerance : float
        How far from the value an answer may be.
    fraction : int
        The percentage of the mark: 100 or 0.
    feedback : str
        What is said to this answer, in plain text.
    """

    value: str
    tolerance: float
    fraction: int
    feedback: str


def answers(problem: Problem) -> tuple[Answer, ...]:
    """Return the answers to a problem that asks for one value.

    The first one is right. It reaches half a unit of its third digit, but not half-way to a mistake,
    except to a number that was rounded too early. Then come the mistakes, the likeliest first, at
    most 38, and only those that the tutor would name for four digits. They reach as far, while all
    of them together catch few numbers by accident, and after that half a unit of the fourth digit.
    The last one is "*", for all other numbers.

    Parameters
    ----------
    problem : Problem
        The problem.

    Examples
    --------
    >>> from bpcourse.tutor.practice import problem
    >>> right, first, *others, rest = answers(problem("output_weight", level=2, seed=10))
    >>> print(right.value, right.tolerance, right.fraction, right.feedback)
    0.2248 0.0005 100 Right.
    >>> print(others[0].value, others[0].tolerance, others[0].fraction, others[0].feedback.splitlines()[0])
    0.2106 0.0005 0 dW2[2,1] = 0.2106 is what comes out if z is used in the slope where the unit's output belongs.
    >>> print(rest.value, rest.fraction, rest.feedback.splitlines()[0])
    * 0 I don't recognize this number.

    """
    steps = table(problem.trace, problem.learning_rate)
    step = steps[problem.name]
    wrong = sorted(wrong_values(steps, problem.name), key=usual_first)
    distances = [abs(value - step.value) for (mistake, *_), value in wrong if mistake.topic != "rounding"]
    right, tolerance = _rounded(step.value), min([half_unit(step.value, NEEDED), *(APART * each for each in distances)])
    values = _distinct(step.value, (value for _, value in wrong), tolerance)
    verdicts = check_each(problem.trace, problem.name, map(_plain, values), learning_rate=problem.learning_rate)
    named = {value: verdict for value, verdict in zip(values, verdicts, strict=True) if verdict.mistakes}
    start = nothing_done(step, {each.name: each.value for each in steps.values()})
    listed = [Answer(_plain(right), tolerance, 100, "Right.")]
    for value, digits in islice(_with_digits(named, right, start), MOST_ANSWERS - 2):
        neighbors = [abs(value - other) for other in values if other != value]
        room = min([2 * (abs(value - right) - tolerance), *neighbors])
        feedback = f"{named[value].message}\n{MISTAKES[named[value].mistakes[0]].hint}"
        listed.append(Answer(_plain(value), min(half_unit(value, digits), APART * room), 0, feedback))
    rest = Answer("*", 0.0, 0, f"I don't recognize this number.\n{problem.hint().where}")
    return (*listed, rest)


def _distinct(right: float, wrong: Iterable[float], reach: float) -> list[float]:
    """Return the wrong values with the digits that are asked for, each once, without what the right answer fits."""
    rounding_error = NOTHING * abs(right)  # a sum that should be 0 is not exactly 0 in the machine
    rounded = dict.fromkeys(_rounded(value) if abs(value) > rounding_error else 0.0 for value in wrong)
    right = _rounded(right)
    outside = reach + half_unit(right, ASKED)
    return [value for value in rounded if abs(value - right) > outside]


def _with_digits(values: Iterable[float], right: float, start: float) -> Iterator[tuple[float, int]]:
    """Yield each wrong value with the digit that its answer reaches.

    It is the third digit as long as few numbers are caught by accident, which is the third rule of
    `marking`: a small share of all numbers, and of the numbers near the right value. `start` is the
    value of somebody who does nothing.
    """
    size, anywhere, around = abs(right - start), 0.0, 0.0
    for value in values:
        width = 2 * half_unit(value, NEEDED)
        anywhere += width / ((abs(value - start) or size) * 2 * log(10))
        if abs(value - right) > AROUND * size:
            caught = anywhere
        else:
            around += width / (2 * AROUND * size)
            caught = around
        yield value, NEEDED if caught <= MOST_ACCIDENTS else ASKED


def _rounded(value: float) -> float:
    """Return a value with the digits that are asked for."""
    return float(_plain(value))


def _plain(value: float) -> str:
    """Return a number as Moodle reads it."""
    return format_number(value, ASKED).replace(MINUS, "-").replace("e", "E")


def questions(plan: Plan, count: int) -> Iterator[str]:
    """Return the file in pieces: its beginning, for each topic its category and the variants, and its end.

    A variant is one question, or one for each entry if a whole array is asked for. Its numbers come
    only from the secret, the topic, the level and the number of the variant. They differ from those
    of the sheets, so the feedback in Moodle reveals no answer of a sheet.

    Parameters
    ----------
    plan : Plan
        The topics, the level and the secret.
    count : int
        The number of variants of each topic.

    Raises
    ------
    ValueError
        If `count` is not a positive whole number.

    Examples
    --------
    >>> pieces = questions(Plan(("hidden_weight",), 3, "a long secret"), 100)
    >>> print(next(pieces), next(pieces), sep="", end="")
    <?xml version="1.0" encoding="UTF-8"?>
    <quiz>
    <question type="category"><category><text>$course$/top/bpcourse/hidden weight, level 3</text></category></question>
    >>> print(next(pieces).partition("<questiontext")[0])
    <question type="numerical"><name><text>hidden weight, level 3, number 001</text></name>

    """
    require(is_count(count), f"the number of variants must be a positive whole number; got {count!r}.")
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n'
    for topic in dict.fromkeys(plan.topics):
        title = f"{topic.replace('_', ' ')}, level {plan.level}"
        category = Element("question", type="category")
        _add(category, "category", f"$course$/top/bpcourse/{title}")
        yield _written(category)
        own = replace(plan, topics=(topic,), secret=f"for Moodle: {plan.secret}")
        for variant in range(1, count + 1):
            problem = own.sheet(variant).questions[0].problem
            name, idnumber = f"{title}, number {variant:03}", f"bpcourse {topic} {plan.level} {variant:03}"
            names = entries(table(problem.trace, problem.learning_rate), problem.name)
            if names is None:
                yield _written(_question(problem, name, idnumber))
            else:
                parts = (_question(replace(problem, name=e), f"{name}, {e}", f"{idnumber} {e}") for e in names.flat)
                yield "".join(map(_written, parts))
    yield "</quiz>\n"


def write(plan: Plan, count: int, path: Path, *, force: bool = False) -> Path:
    """Write the file for Moodle, so that it is complete or does not exist.

    Parameters
    ----------
    plan, count
        As for `questions`.
    path : pathlib.Path
        The file.
    force : bool
        Whether an existing file is overwritten.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    FileExistsError
        If the file exists, unless `force` is true.
    ValueError
        As `questions` does.
    """
    from tqdm import tqdm

    require_absent([path.name], path.parent, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    total = 2 + len(dict.fromkeys(plan.topics)) * (1 + count)
    write_whole({path: tqdm(questions(plan, count), total=total, desc=path.name, unit=" pieces", delay=1)})
    return path


# One question in XML


def _question(problem: Problem, name: str, idnumber: str) -> Element:
    """Return a question for the value that the problem asks for."""
    examples = range(1, len(problem.trace["x"]) + 1)
    pictures = {f"example-{example}.svg": draw(problem.trace, example=example, known=()) for example in examples}
    text = render("moodle_question.html", problem=problem, pictures=pictures, read=Name.read, formatted=formatted)
    question = Element("question", type="numerical")
    _add(question, "name", name)
    asked = _add(question, "questiontext", text, format="html")
    for file, picture in pictures.items():
        content = SubElement(asked, "file", name=file, path="/", encoding="base64")
        content.text = base64.b64encode(picture.svg.encode()).decode()
    _add(question, "generalfeedback", problem.solution().to_html(4, breaks=False), format="html")
    for tag, value in (("defaultgrade", "1"), ("penalty", PENALTY), ("hidden", "0"), ("idnumber", idnumber)):
        SubElement(question, tag).text = value
    for each in answers(problem):
        answer = _add(question, "answer", each.value, fraction=str(each.fraction), format="moodle_auto_format")
        _add(answer, "feedback", _paragraphs(each.feedback), format="html")
        SubElement(answer, "tolerance").text = _plain(each.tolerance)
    hints = problem.hint()
    for hint in (hints.where, hints.rule, hints.numbers):
        _add(question, "hint", _paragraphs(hint), format="html")
    return question


def _add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """Add an element that contains a <text>, and return it."""
    element = SubElement(parent, tag, attributes)
    SubElement(element, "text").text = str(text)  # Markup would be escaped twice
    return element


def _written(question: Element) -> str:
    return tostring(question, encoding="unicode") + "\n"


def _paragraphs(text: str) -> str:
    """Return plain text as HTML."""
    return Markup().join(Markup("<p>{}</p>").format(line) for line in text.splitlines())
