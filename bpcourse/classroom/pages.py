"""What a sheet and its key look like: a page to print, a text in Markdown, a notebook.

Functions from a sheet and a student's name to text. The name is the only text here that a person wrote: it is shown as
what it is, whatever stands in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby

from bpcourse.classroom.sheets import MOST_QUESTIONS, Question, Sheet
from bpcourse.pictures.diagram import Diagram, draw
from bpcourse.registry import Registry
from bpcourse.render import page
from bpcourse.tutor.equations import table
from bpcourse.tutor.solutions import Hand

MOST_ROWS = 6  # of a table of answers; more are set in two, side by side
ADVICE = (
    "Write each value with four significant digits, such as 0.04506 or −1.234, and go on with all the digits that "
    "your calculator has. Names count from 1: dW1[2,3] belongs to the weight from input 2 to unit 3 of layer 1. A unit "
    "adds up z, with its bias, and puts out a; δ2₁ is ∂L/∂z2₁, of unit 1 in layer 2."
)


@dataclass(frozen=True)
class Format:
    """How sheets and keys are written.

    ending : of the files' names
    sheet, key : make the text from the sheet and the student's name, "" if it is not known
    """

    ending: str
    sheet: Callable[[Sheet, str], str]
    key: Callable[[Sheet, str], str]


@dataclass(frozen=True)
class Row:
    """One value that is asked for.

    symbol, name : as in the formulas, ∂L/∂w1₂₁, and as `check` knows it, dW1[2,1]
    value : the right one
    shown : the right one with four digits
    """

    symbol: str
    name: str
    value: float
    shown: str


@lru_cache(MOST_QUESTIONS)  # the sheet, the key and the table of answers ask for the same ones, one after the other
def rows(question: Question) -> tuple[Row, ...]:
    """Return what is asked for, with the right values.

    >>> from bpcourse import practice
    >>> question = Question(1, practice.problem("output_weight", level=1, seed=7))
    >>> [(row.symbol, row.name, row.shown) for row in rows(question)]
    [('ŷ₁', 'y_hat[1]', '0.9033'), ('δ1₁', 'dz1[1]', '+0.07483'), ('∂L/∂w1₁₁', 'dW1[1,1]', '+0.05238')]
    """
    steps = table(question.problem.trace, question.problem.learning_rate)
    hand = Hand.of(steps)
    return tuple(
        Row(hand.symbol(name), name, steps[name].value, hand.number(name, signed=True)) for name in question.asked
    )


def _blocks(question: Question) -> Iterator[tuple[bool, list[str]]]:
    """Yield the parts of a question's text: whether they are given numbers, which are indented, and their lines."""
    for numbers, lines in groupby(question.problem.question.split("\n"), key=lambda line: line.startswith(" ")):
        yield numbers, list(lines)


def _picture(question: Question) -> Diagram:
    return draw(question.problem.trace, known=())


# A page to print


def sheet_html(sheet: Sheet, name: str = "") -> str:
    """Return a sheet as a page by itself, to print on A4 or Letter and to fill in by hand.

    >>> from bpcourse.classroom.sheets import Plan
    >>> text = sheet_html(Plan(("bias",), 1, "a long secret").sheet(12), "<b>Ada</b>")
    >>> "<h1>Sheet 12</h1>" in text, "<bdi>&lt;b&gt;Ada&lt;/b&gt;</bdi>" in text
    (True, True)
    """
    first, *others = [_question_html(sheet, question) for question in sheet.questions]
    head = f"{_head(f'Sheet {sheet.number}', name)}\n<p>{ADVICE}</p>"
    sections = "\n".join(f"<section>\n{section}\n</section>" for section in (f"{head}\n{first}", *others))
    return page(_title(f"Sheet {sheet.number}", name), sections, _style(f"Sheet {sheet.number}"))


def key_html(sheet: Sheet, name: str = "") -> str:
    """Return the key of a sheet as a page by itself: a table of the answers, then every question with its solution."""
    parts = [_head(f"Key to sheet {sheet.number}", name), "<table><thead><tr>"]
    parts += [f'<th scope="col">{title}</th>' for title in ("question", "value", "name", "answer")]
    parts.append("</tr></thead>")
    for question in sheet.questions:
        lines = [f"<td>{escape(row.symbol)}</td><td>{row.name}</td><td>{row.shown}</td></tr>" for row in rows(question)]
        number = f'<tr><th scope="rowgroup" rowspan="{len(lines)}">{question.number}</th>'
        parts.append(f"<tbody>{number}{'<tr>'.join(lines)}</tbody>")
    parts.append("</table>")
    for question in sheet.questions:
        parts.append(f"<h2>Question {question.number}</h2>")
        parts.append(question.problem.solution().to_html(level=3))
    title = f"Key to sheet {sheet.number}"
    return page(_title(title, name), "\n".join(parts), _style(title))


def _title(title: str, name: str) -> str:
    return f"{title}, {name}" if name else title


def _head(title: str, name: str) -> str:
    """Return the heading and the student's name, or room for it. What is written from the right stays in its place."""
    who = f"<bdi>{escape(name)}</bdi>" if name else '<span class="blank"></span>'
    return f'<h1>{title}</h1>\n<p class="who">Name: {who}</p>'


def _question_html(sheet: Sheet, question: Question) -> str:
    """Return a question: the network in words, as a picture and in numbers, what to compute, and room for that."""
    parts = [f"<h2>Question {question.number} <small>of sheet {sheet.number}</small></h2>"]
    shown = False
    for numbers, lines in _blocks(question):
        parts.append(_arrays(lines) if numbers else f"<p>{escape(' '.join(lines))}</p>")
        if not shown:
            picture, shown = _picture(question), True
            parts.append(f"<figure>{picture.svg}<figcaption>{escape(picture.words)}</figcaption></figure>")
    asked = rows(question)
    cut = len(asked) if len(asked) <= MOST_ROWS else (len(asked) + 1) // 2
    tables = "".join(_fields(part) for part in (asked[:cut], asked[cut:]) if part)
    parts.append(
        f'<div class="answers">{tables}</div>\n<p class="room">Your working on question {question.number}:</p>'
    )
    return "\n".join(parts)


def _arrays(lines: list[str]) -> str:
    """Return given numbers as small tables, one for each array; a line without a name is a further row."""
    arrays: list[tuple[str, list[list[str]]]] = []
    for line in lines:
        name, equals, numbers = line.partition(" =")
        if equals:
            arrays.append((name.strip(), []))
        arrays[-1][1].append((numbers if equals else line).split())
    tables = []
    for name, matrix in arrays:
        body = "".join(f"<tr>{''.join(f'<td>{escape(entry)}</td>' for entry in row)}</tr>" for row in matrix)
        tables.append(f"<table><caption>{escape(name)}</caption><tbody>{body}</tbody></table>")
    return f'<div class="given">{"".join(tables)}</div>'


def _fields(asked: tuple[Row, ...]) -> str:
    """Return a table with a field to fill in for each value."""
    body = "".join(
        f'<tr><th scope="row">{escape(row.symbol)}</th><td>{row.name}</td><td class="field"></td></tr>' for row in asked
    )
    heads = "".join(f'<th scope="col">{title}</th>' for title in ("value", "name", "your answer"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _style(title: str) -> str:
    """Return what sheets and keys look like, beyond what every page does; each page printed says what it is of."""
    return f"""
:root {{ color-scheme: light; }}
body {{ color: #000; background: #fff; line-height: 1.4; }}
h1, h2 {{ margin-top: 0; }}
h2 {{ font-size: 1.15rem; letter-spacing: 0; }}
h2 small {{ font-weight: normal; }}
h3 {{ font-size: 1rem; }}
h4 {{ font-size: .9rem; letter-spacing: .05em; margin: 1rem 0 .2rem; }}
h1, h3, h4 {{ break-after: avoid; }}
* + h2 {{ margin-top: 1.6rem; }}
.who {{ font-size: 1.15em; overflow-wrap: anywhere; }}
.blank {{ display: inline-block; width: 60%; border-bottom: 1px solid; }}
section + section {{ break-before: page; }}
figure, tr, .given, .answers, .room {{ break-inside: avoid; }}
figure {{ margin: .6rem 0; }}
figure svg {{ display: block; width: 100%; height: auto; max-height: 7.5cm; }}
figcaption {{ font-size: .9em; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }}
th, td {{ border: 1px solid; padding: .15rem .6rem; text-align: left; font-weight: normal; }}
thead {{ font-size: .9em; }}
.given {{ display: flex; flex-wrap: wrap; align-items: start; gap: 0 .6rem; font-size: .9em; }}
.given table {{ border: 1px solid; border-width: 0 1px; border-collapse: separate; border-spacing: 0; }}
.given caption {{ text-align: left; font-weight: bold; white-space: nowrap; }}
.given td {{ border: 0; padding: 0 .24rem; text-align: right; }}
.answers {{ display: flex; gap: 1.4rem; align-items: start; }}
.answers td, .answers th {{ white-space: nowrap; height: 1.6em; }}
.answers .field {{ width: 4.2cm; }}
.room {{ height: 1.5cm; font-size: .9em; break-before: avoid; }}
@page {{ margin: 1.5cm 1.7cm; @bottom-right {{ content: "{title}, page " counter(page); font: 9pt sans-serif; }} }}
@media print {{ h1 {{ font-size: 15pt; }} }}
"""


# A text in Markdown


def sheet_markdown(sheet: Sheet, name: str = "") -> str:
    """Return a sheet as a text that reads well as it is, with words in the place of the picture."""
    parts = [f"# Sheet {sheet.number}", f"Name: {plain_markdown(name)}".strip(), ADVICE]
    for question in sheet.questions:
        parts += [
            *_question_markdown(question, _picture(question).words),
            "| value | name | your answer |\n|---|---|---|",
        ]
        parts[-1] += "".join(f"\n| {row.symbol} | `{row.name}` | |" for row in rows(question))
    return "\n\n".join(parts) + "\n"


def key_markdown(sheet: Sheet, name: str = "") -> str:
    """Return the key of a sheet in Markdown, with its equations in LaTeX."""
    return "\n\n".join(_key_parts(sheet, name)) + "\n"


def plain_markdown(text: str) -> str:
    r"""Return a text so that Markdown, HTML and LaTeX in it are shown, and not obeyed.

    >>> print(plain_markdown("Ada *L.* <b>, $x$"))
    Ada \*L.\* &lt;b>, \$x\$
    """
    return re.sub(r"[\\`*_{}\[\]#|~$!^]", r"\\\g<0>", text.replace("&", "&amp;").replace("<", "&lt;"))


def _question_markdown(question: Question, picture: str) -> list[str]:
    """Return a question in parts; `picture` stands in the place of the picture."""
    parts = [f"## Question {question.number}"]
    for numbers, lines in _blocks(question):
        parts.append("\n".join(["```text", *lines, "```"] if numbers else lines))
    return [*parts[:2], picture, *parts[2:]]


def _key_parts(sheet: Sheet, name: str) -> list[str]:
    """Return the key: its head with a table of all answers, then the solution of each question."""
    lines = ["| question | value | name | answer |", "|---|---|---|---|"]
    for question in sheet.questions:
        lines += [f"| {question.number} | {row.symbol} | `{row.name}` | {row.shown} |" for row in rows(question)]
    head = [f"# Key to sheet {sheet.number}", f"Name: {plain_markdown(name)}".strip(), "\n".join(lines)]
    solutions = (q.problem.solution().to_markdown(level=3) for q in sheet.questions)
    return [
        "\n\n".join(head),
        *(f"## Question {number}\n\n{solution}" for number, solution in enumerate(solutions, start=1)),
    ]


# A notebook


def sheet_notebook(sheet: Sheet, name: str = "") -> str:
    """Return a sheet as a notebook, whose answers are filled in between the braces of one cell a question.

    It needs nothing but Jupyter: no cell imports anything.
    """
    advice = f'{ADVICE} Put your number in the place of `...`: `0.04506`, a fraction `1/3`, or in quotes `"-0,25"`.'
    head = "\n\n".join([f"# Sheet {sheet.number}", f"Name: {plain_markdown(name)}".strip(), advice])
    cells = [_markdown_cell("sheet", head)]
    for question in sheet.questions:
        picture = _picture(question)
        source = base64.b64encode(picture.svg.encode()).decode()  # JupyterLab shows no SVG that is an attachment
        image = f"![{picture.words}](data:image/svg+xml;base64,{source})\n\n{picture.words}"
        text = "\n\n".join(_question_markdown(question, image))
        cells.append(_markdown_cell(f"question-{question.number}", text))
        fields = "".join(f'    "{row.name}": ...,\n' for row in rows(question))
        code = f"answers_{question.number} = {{\n{fields}}}"
        cells.append(
            {"cell_type": "code", "execution_count": None, "id": f"answers-{question.number}", "metadata": {}}
            | {"outputs": [], "source": code}
        )
    return _notebook(cells, {"bpcourse": {"sheet": sheet.number}})


def key_notebook(sheet: Sheet, name: str = "") -> str:
    """Return the key of a sheet as a notebook, which is all text."""
    cells = [_markdown_cell(f"part-{place}", text) for place, text in enumerate(_key_parts(sheet, name))]
    return _notebook(cells, {})


def _markdown_cell(id: str, text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def _notebook(cells: list[dict[str, object]], metadata: dict[str, object]) -> str:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
    about = {"kernelspec": kernel, "language_info": language, **metadata}
    notebook = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


FORMATS = Registry(
    "format",
    {
        "html": Format(".html", sheet_html, key_html),
        "pdf": Format(".pdf", sheet_html, key_html),  # printed by a browser, see `printing`
        "ipynb": Format(".ipynb", sheet_notebook, key_notebook),
        "md": Format(".md", sheet_markdown, key_markdown),
    },
)
"""The formats, each with one file for each sheet and each key."""
