"""Questions for Moodle that name the mistake too: an XML file for its question bank.

Each is of the type "numerical": the right value, and each catalogued mistake's value as an answer of 0 % whose feedback
is what the tutor says to it. What this relies on:

* The format is that of docs.moodle.org/en/Moodle_XML_format: a <quiz> in UTF-8, with the XML declaration as the very
  first line; a <question type="category"> says where the questions after it go; HTML is in CDATA. A picture is a <file>
  in base64 beside the text, which calls it @@PLUGINFILE@@/name, as Moodle itself exports it (question/format/xml).
* Marking is that of Moodle's question/type/numerical/question.php: the first answer with |x − answer| ≤ tolerance, and
  "*" fits everything. No two intervals overlap here, so that nothing depends on the order.
* A number is 0.1234 or 1.234E-5, with a point whatever the language (parse_response in the same folder).
* In the path of a category "/" separates, and "top" is its root from Moodle 3.5 on (question/format.php): earlier
  versions are not meant. An idnumber that the category has already is dropped there, but the question is imported.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from itertools import islice
from math import log
from pathlib import Path

import numpy as np

from bpcourse.classroom.files import write_whole
from bpcourse.classroom.sheets import Plan
from bpcourse.engine.validation import Array, is_count, require
from bpcourse.numbers import MINUS, format_given, format_number
from bpcourse.pictures.diagram import draw
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.marking import AROUND, MOST_ACCIDENTS, NOTHING, check_each, half_unit, nothing_done, usual_first
from bpcourse.tutor.mistakes import MISTAKES, wrong_values
from bpcourse.tutor.practice import Problem
from bpcourse.tutor.solutions import Hand
from bpcourse.tutor.worked import loss_in_words, question

MOST_ANSWERS = 40  # of a question; Moodle sets no limit, but whoever edits a question has them all on one page
ASKED, NEEDED = 4, 3  # significant digits that a question asks for, and that must be right
APART = 0.49  # of the distance to a neighbour, that an answer may reach
PENALTY = 0.3333333  # of the mark for each further try: Moodle's own default


@dataclass(frozen=True)
class Answer:
    """One answer of a question, as Moodle has it.

    value : a number with the digits asked for, as Moodle reads it; or "*", whatever else is answered
    tolerance : how far from it an answer may lie
    fraction : of the mark, in percent: 100 or 0
    feedback : what is said to it, in plain text
    """

    value: str
    tolerance: float
    fraction: int
    feedback: str


def answers(problem: Problem) -> tuple[Answer, ...]:
    """Return the answers to a problem that asks for one value: the right one, the mistakes', and "*" for all others.

    The right one reaches half a unit of its third digit, but not half-way to a mistake, unless that is a number rounded
    too early. So does a mistake, while all together catch few numbers by accident (by the third rule of `marking`), and
    from there on half a unit of its fourth digit. The likeliest come first; there is no place for what the tutor
    would not name at four digits, nor for more than 38.

    >>> from bpcourse.tutor.practice import problem
    >>> right, first, *others, rest = answers(problem("output_weight", level=2, seed=10))
    >>> print(right.value, right.tolerance, right.fraction, right.feedback)
    0.2248 0.0005 100 Right.
    >>> print(others[0].value, others[0].tolerance, others[0].fraction, others[0].feedback.splitlines()[0])
    0.2106 0.0005 0 dW2[2,1] = 0.2106 is what comes out if z is put where the unit's output belongs in the slope.
    >>> print(rest.value, rest.fraction, rest.feedback.splitlines()[0])
    * 0 No mistake that is known here makes that number.
    """
    steps = table(problem.trace, problem.learning_rate)
    step = steps[problem.name]
    found = sorted(wrong_values(steps, problem.name), key=usual_first)
    far = [abs(value - step.value) for (mistake, *_), value in found if mistake.topic != "rounding"]
    reach = min([half_unit(step.value, NEEDED), *(APART * each for each in far)])
    right, start = _rounded(step.value), nothing_done(step, {each.name: each.value for each in steps.values()})
    outside = reach + half_unit(right, ASKED)  # for all that is written with the digits asked for
    nothing = NOTHING * abs(step.value)  # a sum that is 0, but for rounding in the machine
    each_once = dict.fromkeys(_rounded(value) if abs(value) > nothing else 0.0 for _, value in found)
    values = [value for value in each_once if abs(value - right) > outside]
    verdicts = check_each(problem.trace, problem.name, map(_plain, values), learning_rate=problem.learning_rate)
    named = ((value, verdict) for value, verdict in zip(values, verdicts, strict=True) if verdict.mistakes)
    said = dict(islice(named, MOST_ANSWERS - 2))
    listed, accidents = [Answer(_plain(right), reach, 100, "Right.")], {True: 0.0, False: 0.0}
    size = abs(right - start)
    for value, verdict in said.items():
        room = min([2 * (abs(value - right) - reach), *(abs(value - other) for other in values if other != value)])
        wide, around = half_unit(value, NEEDED), abs(value - right) <= AROUND * size
        accidents[False] += 2 * wide / ((abs(value - start) or size) * 2 * log(10))
        accidents[True] += 2 * wide / (2 * AROUND * size) if around else 0.0
        own = wide if accidents[around] <= MOST_ACCIDENTS else half_unit(value, ASKED)
        feedback = f"{verdict.message}\n{MISTAKES[verdict.mistakes[0]].hint}"
        listed.append(Answer(_plain(value), min(own, APART * room), 0, feedback))
    return (*listed, Answer("*", 0.0, 0, f"No mistake that is known here makes that number.\n{problem.hint().where}"))


def _rounded(value: float) -> float:
    """Return a value as it is written with the digits asked for."""
    return float(_plain(value))


def _plain(value: float, digits: int = ASKED) -> str:
    """Return a number as Moodle reads it."""
    return format_number(value, digits).replace(MINUS, "-").replace("e", "E")


def questions(plan: Plan, count: int) -> Iterator[str]:
    """Yield the file in pieces: its beginning, for each topic its category and `count` variants, and its end.

    A variant is one question, or one for each entry if a whole array is asked for. Its numbers come from the secret,
    the topic, the level and the number of the variant alone, and are others than those of the sheets: the feedback in
    Moodle tells nobody the answers of a sheet.

    Raises ValueError if `count` is no positive whole number.

    >>> pieces = questions(Plan(("hidden_weight",), 3, "a long secret"), 100)
    >>> print(next(pieces), next(pieces), sep="", end="")
    <?xml version="1.0" encoding="UTF-8"?>
    <quiz>
    <question type="category"><category><text>$course$/top/bpcourse/hidden weight, level 3</text></category></question>
    >>> print(next(pieces).splitlines()[1])
    <name><text><![CDATA[hidden weight, level 3, number 001]]></text></name>
    """
    require(is_count(count), f"the number of variants must be a positive whole number; got {count!r}.")
    return _pieces(plan, count)


def _pieces(plan: Plan, count: int) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n'
    for topic in dict.fromkeys(plan.topics):
        title = f"{topic.replace('_', ' ')}, level {plan.level}"
        path = f"$course$/top/bpcourse/{title}"
        yield f'<question type="category"><category><text>{path}</text></category></question>\n'
        own = replace(plan, topics=(topic,), secret=f"for Moodle: {plan.secret}")
        for variant in range(1, count + 1):
            whole = own.sheet(variant).questions[0].problem
            names = entries(table(whole.trace, whole.learning_rate), whole.name)
            yield "".join(
                _question(
                    whole if names is None else replace(whole, name=name),
                    f"{title}, number {variant:03}" + ("" if names is None else f", {name}"),
                    f"bpcourse {topic} {plan.level} {variant:03}" + ("" if names is None else f" {name}"),
                )
                for name in ([whole.name] if names is None else names.flat)
            )
    yield "</quiz>\n"


def write(plan: Plan, count: int, path: Path, force: bool = False) -> Path:
    """Write the file for Moodle, whole or not at all, and return its path.

    Raises FileExistsError if it is there, unless `force` is true; ValueError as `questions`.
    """
    from tqdm import tqdm

    if path.exists() and not force:
        raise FileExistsError(f"{path} is there already; force was not given.")
    pieces = questions(plan, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    total = 2 + len(dict.fromkeys(plan.topics)) * (1 + count)
    write_whole(path, tqdm(pieces, total=total, desc=path.name, unit=" pieces", delay=1))
    return path


# One question in XML


def _question(problem: Problem, name: str, idnumber: str) -> str:
    """Return a question for the value that the problem asks for."""
    pictures = {
        f"example-{example}.svg": draw(problem.trace, example=example, known=())
        for example in range(1, len(problem.trace["x"]) + 1)
    }
    images = "".join(
        f'<p><img src="@@PLUGINFILE@@/{file}" alt="{escape(picture.words)}" class="img-fluid"></p>'
        for file, picture in pictures.items()
    )
    files = "".join(
        f'<file name="{file}" path="/" encoding="base64">{base64.b64encode(picture.svg.encode()).decode()}</file>'
        for file, picture in pictures.items()
    )
    hints = problem.hint()
    hinted = [_text(_paragraphs(each)) for each in (hints.where, hints.rule, hints.numbers)]
    solution = problem.solution().to_html(level=4, breaks=False)
    lines = [
        '<question type="numerical">',
        f"<name>{_text(name)}</name>",
        f'<questiontext format="html">{_text(_asked(problem, images))}{files}</questiontext>',
        f'<generalfeedback format="html">{_text(solution)}</generalfeedback>',
        "<defaultgrade>1</defaultgrade>",
        f"<penalty>{PENALTY}</penalty>",
        "<hidden>0</hidden>",
        f"<idnumber>{escape(idnumber)}</idnumber>",
        *map(_answer, answers(problem)),
        *(f'<hint format="html">{each}</hint>' for each in hinted),
        "</question>",
    ]
    return "\n".join(lines) + "\n"


def _answer(answer: Answer) -> str:
    feedback = f'<feedback format="html">{_text(_paragraphs(answer.feedback))}</feedback>'
    tolerance = f"<tolerance>{_plain(answer.tolerance)}</tolerance>"
    return (
        f'<answer fraction="{answer.fraction}" format="moodle_auto_format">'
        f"<text>{answer.value}</text>{feedback}{tolerance}</answer>"
    )


def _text(content: str) -> str:
    """Return a text as XML, whatever is in it."""
    return f"<text><![CDATA[{content.replace(']]>', ']]]]><![CDATA[>')}]]></text>"


def _paragraphs(text: str) -> str:
    """Return plain text as HTML."""
    return "".join(f"<p>{escape(line)}</p>" for line in text.splitlines())


def _asked(problem: Problem, images: str) -> str:
    """Return the network, its numbers in tables, and what to compute, in HTML that needs no style sheet."""
    trace, steps = problem.trace, table(problem.trace, problem.learning_rate)
    hand, batch = Hand.of(steps), len(trace["x"])
    layers = list(enumerate(trace.network.layers, start=1))
    sizes = " → ".join(map(str, trace.network.sizes))
    units = ", ".join(f"layer {level}: {layer.activation.name}" for level, layer in layers)
    setting = f"A network {sizes} ({units}). The loss is {loss_in_words(steps, hand)}."
    if batch > 1:
        setting += f" A batch of {batch} examples; the loss is the mean of theirs."
    if problem.learning_rate is not None:
        setting += f" The learning rate is {format_given(problem.learning_rate)}."
    examples = [f"example {each}" for each in range(1, batch + 1)]
    tables = [_table("x, the inputs", trace["x"], examples, "input")]
    for level, _ in layers:
        from_ = "input" if level == 1 else "unit"
        W, b = trace[f"W{level}"], trace[f"b{level}"]
        rows = [f"from {from_} {unit}" for unit in range(1, len(W) + 1)]
        tables.append(_table(f"W{level}, the weights into layer {level}", W, rows, "to unit"))
        tables.append(_table(f"b{level}, the biases of layer {level}", b[np.newaxis], ["bias"], "unit"))
    tables.append(_table("y, the targets", trace["y"], examples, "output"))
    task = f"Compute {problem.name}, with four significant digits. {question(steps[problem.name], hand)}"
    return (
        f"<p>{escape(setting)}</p>{images}{''.join(tables)}<p><strong>{escape(task)}</strong></p>"
        "<p>Write a number such as 0.1234 or 1.234E-5. Keep all digits while you compute; round once, at the end.</p>"
    )


def _table(caption: str, array: Array, rows: Iterable[str], columns: str) -> str:
    """Return an array as a table, each row and column with its name."""
    head = "".join(f'<th scope="col">{columns} {each}</th>' for each in range(1, array.shape[1] + 1))
    body = "".join(
        f'<tr><th scope="row">{row}</th>{"".join(f"<td>{format_given(float(entry))}</td>" for entry in entries)}</tr>'
        for row, entries in zip(rows, array, strict=True)
    )
    return (
        f'<table border="1" cellpadding="4"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
