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
* In the file a number is written as 0.1234 or 1.234E-5. A student writes it as the language of the
  site does: German, Spanish and Italian take the point for a separator of thousands and refuse it.
  U+2212 is refused in every language, so all texts have a hyphen instead (parse_response and
  get_validation_error in the same folder). Pictures, whose text cannot be copied, have a minus sign.
* In the path of a category "/" separates, and "top" is its root since Moodle 3.5
  (question/format.php). Earlier versions are not supported. A question goes into an existing
  category of the same name, so the name contains a stamp of the plan. If the category already
  contains an idnumber, Moodle drops the idnumber but imports the question.
* The importer holds a whole file in memory, several times (readdata and readquestions in the same
  file).
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring  # only to write

from markupsafe import Markup

from bpcourse.classroom.plan import Plan
from bpcourse.classroom.sheets import formatted
from bpcourse.classroom.store import MOST_SHEETS, require_absent
from bpcourse.engine.validation import is_count, require
from bpcourse.numbers import MINUS, format_number
from bpcourse.pictures.diagram import Diagram, draw
from bpcourse.render import render
from bpcourse.texts import write_whole
from bpcourse.tutor.equations import Step, entries, needed_for, table
from bpcourse.tutor.marking import check_each
from bpcourse.tutor.matching import NOTHING, Budget, nothing_done, usual_first
from bpcourse.tutor.mistakes import candidates
from bpcourse.tutor.practice import Problem
from bpcourse.tutor.reading import half_unit
from bpcourse.tutor.solutions import Hand

MOST_ANSWERS = 100  # of a question; Moodle has no limit, but its editor shows all of them on one page
MOST_BYTES = 20_000_000  # of a file
ASKED, NEEDED = 4, 3  # significant digits that a question asks for, and that must be right
APART = 0.49  # of the distance to a neighbor, that an answer may reach
PENALTY = "0.25"  # of the mark for each further try, so that the fourth one, after three hints, still counts
BEGINNING, END = '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n', "</quiz>\n"
UNKNOWN = "I don't recognize this number."
COPIED = "Copy each number from the tables again, with its sign. A row belongs to an input, a column to a unit."


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
    most 98, and only those that the tutor would name for four digits. They reach as far, while all
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
    wrong = sorted(candidates(steps, problem.name), key=lambda each: usual_first(each, step))
    distances = [abs(each.value - step.value) for each in wrong if not each.mistakes[0].slight]
    right, tolerance = _rounded(step.value), min([half_unit(step.value, NEEDED), *(APART * each for each in distances)])
    values = _distinct(step.value, (each.value for each in wrong), tolerance)
    verdicts = check_each(problem.trace, problem.name, map(_plain, values), learning_rate=problem.learning_rate)
    named = {value: verdict for value, verdict in zip(values, verdicts, strict=True) if verdict.mistakes}
    start = nothing_done(step, {each.name: each.value for each in steps.values()})
    listed = [Answer(_plain(right), tolerance, 100, "Right.")]
    for value, digits in islice(_with_digits(named, right, start), MOST_ANSWERS - 2):
        neighbors = [abs(value - other) for other in values if other != value]
        room = min([2 * (abs(value - right) - tolerance), *neighbors])
        feedback = f"{named[value].message}\n{named[value].hint}"
        listed.append(Answer(_plain(value), min(half_unit(value, digits), APART * room), 0, feedback))
    return (*listed, Answer("*", 0.0, 0, f"{UNKNOWN}\n{_where_to_look(steps, step)}"))


def _where_to_look(steps: Mapping[str, Step], step: Step) -> str:
    """Return the intermediate values that tell in which half of the computation a mistake is."""
    needed = [each for each in needed_for(steps, step.name) if not math.isclose(each.value, step.value)]
    hand = Hand.of(steps)
    for kind in ("y_hat", "a", "z"):
        between = [f"{hand.symbol(each.name)} = {hand.number(each.name)}" for each in needed if each.kind == kind]
        if between:
            advice = "If you have the same, the mistake comes later. If not, it comes earlier."
            return f"Compare with your own values: {', '.join(between)}. {advice}"
    return COPIED


def _distinct(right: float, wrong: Iterable[float], reach: float) -> list[float]:
    """Return the wrong values with the digits that are asked for, each once, without what the right answer fits."""
    rounding_error = NOTHING * abs(right)  # a sum that should be 0 is not exactly 0 in the machine
    rounded = dict.fromkeys(_rounded(value) if abs(value) > rounding_error else 0.0 for value in wrong)
    right = _rounded(right)
    outside = reach + half_unit(right, ASKED)
    return [value for value in rounded if abs(value - right) > outside]


def _with_digits(values: Iterable[float], right: float, start: float) -> Iterator[tuple[float, int]]:
    """Yield each wrong value with the digit that its answer reaches.

    It is the third digit as long as few numbers are caught by accident, see `matching.Budget`.
    `start` is the value of somebody who does nothing.
    """
    budget = Budget(right, start, NEEDED)
    for value in values:
        yield value, NEEDED if budget.allows(value, half_unit(value, NEEDED)) else ASKED


def _rounded(value: float) -> float:
    """Return a value with the digits that are asked for."""
    return float(_plain(value))


def _plain(value: float) -> str:
    """Return a number as Moodle reads it."""
    return format_number(value, ASKED).replace(MINUS, "-").replace("e", "E")


def variants(plan: Plan, count: int) -> Iterator[tuple[str, str]]:
    """Yield the variants of each topic, each with its category before it.

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
    >>> category, variant = next(variants(Plan(("hidden_weight",), 3, "a long secret"), 100))
    >>> print(category.partition("bpcourse/")[2].partition("<")[0])
    hidden weight, level 3, 1ced1c38
    >>> print(variant.partition("<questiontext")[0])
    <question type="numerical"><name><text>hidden weight, level 3, number 001</text></name>

    """
    require(is_count(count), f"the number of variants must be a positive whole number; got {count!r}.")
    for topic in dict.fromkeys(plan.topics):
        own = replace(plan, topics=(topic,), secret=f"for Moodle: {plan.secret}")
        title = f"{topic.replace('_', ' ')}, level {plan.level}"
        category = Element("question", type="category")
        _add(category, "category", f"$course$/top/bpcourse/{title}, {own.stamp[:8]}")
        for variant in range(1, count + 1):
            problem = own.sheet(variant).questions[0].problem
            name, idnumber = f"{title}, number {variant:03}", f"bpcourse {topic} {plan.level} {variant:03}"
            names = entries(table(problem.trace, problem.learning_rate), problem.name)
            if names is None:
                yield _written(category), _written(_question(problem, name, idnumber))
            else:
                parts = (_question(replace(problem, name=e), f"{name}, {e}", f"{idnumber} {e}") for e in names.flat)
                yield _written(category), "".join(map(_written, parts))


def files(pieces: Iterable[tuple[str, str]], most: int = MOST_BYTES) -> Iterator[str]:
    """Yield complete files for Moodle, each with the categories of its questions.

    Parameters
    ----------
    pieces : iterable of (str, str)
        The variants with their categories, as `variants` yields them.
    most : int
        The number of bytes of a file, which only a single larger variant exceeds.
    """
    content, size, last = [BEGINNING], 0, ""
    for category, variant in pieces:
        own = len((category + variant).encode())
        if last and size + own > most:
            yield "".join([*content, END])
            content, size, last = [BEGINNING], 0, ""
        content += [variant] if category == last else [category, variant]
        size, last = size + own, category
    yield "".join([*content, END])


def write(plan: Plan, count: int, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the files for Moodle: ``questions-1.xml`` and, if it would be too large, more of them.

    Each is complete or does not exist.

    Parameters
    ----------
    plan, count
        As for `variants`.
    folder : pathlib.Path
        Where the files are written.
    force : bool
        Whether existing files are replaced.

    Returns
    -------
    list of pathlib.Path
        The paths.

    Raises
    ------
    FileExistsError
        If a file exists, unless `force` is true.
    ValueError
        As `variants` does, and if there are more than `MOST_SHEETS` variants.
    """
    from tqdm import tqdm

    if is_count(count):  # `variants` refuses anything else
        require(count <= MOST_SHEETS, f"needed at most {MOST_SHEETS} variants; got {count!r}.")
    old = set(folder.glob("questions-[0-9]*.xml"))
    require_absent(sorted(path.name for path in old), folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    total, saved = len(dict.fromkeys(plan.topics)) * count, []
    pieces = tqdm(variants(plan, count), total=total, desc="Writing", unit="variant", delay=1)
    for number, text in enumerate(files(pieces), start=1):
        saved.append(folder / f"questions-{number}.xml")
        write_whole({saved[-1]: text})
    for path in old.difference(saved):  # of a larger bank
        path.unlink()
    return saved


# One question in XML


def _question(problem: Problem, name: str, idnumber: str) -> Element:
    """Return a question for the value that the problem asks for."""
    examples = range(1, len(problem.trace["x"]) + 1)
    pictures = {f"example-{example}.svg": _picture(problem, example) for example in examples}
    numbers = {each.name: formatted(each) for each in problem.given}
    text = render("moodle_question.html", problem=problem, pictures=pictures, numbers=numbers)
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


def _picture(problem: Problem, example: int) -> Diagram:
    """Return the picture without what only an explorer or a separate page needs, which is a third of it."""
    picture = draw(problem.trace, example=example, known=(), view="forward")
    return replace(picture, svg=re.sub(r"<desc>.*?</desc>\n| data-[a-z]+=\"[^\"]*\"", "", picture.svg))


def _add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """Add an element that contains a <text>, and return it."""
    element = SubElement(parent, tag, attributes)
    SubElement(element, "text").text = str(text).replace(MINUS, "-")  # str: Markup would be escaped twice
    return element


def _written(question: Element) -> str:
    return tostring(question, encoding="unicode") + "\n"


def _paragraphs(text: str) -> str:
    """Return plain text as HTML."""
    return Markup().join(Markup("<p>{}</p>").format(line) for line in text.splitlines())
