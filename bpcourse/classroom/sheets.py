"""A sheet and its key as a page to print, as Markdown and as a notebook.

Each function takes a sheet and a student's name, and returns text. The name is the only thing here
that was written by a person. It is shown as it was written, whatever it contains.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bpcourse.classroom.plan import Question, Sheet
from bpcourse.classroom.text import plain_markdown
from bpcourse.numbers import WIDTH, format_given
from bpcourse.pictures.diagram import Diagram, draw
from bpcourse.registry import Registry
from bpcourse.render import page, render
from bpcourse.tutor.practice import Given

ADVICE = (
    "Write each value with four significant digits, such as 0.04506 or −1.234. While you compute, keep all the digits "
    "that your calculator has. Names count from 1: dW1[2,3] belongs to the weight from input 2 to unit 3 of layer 1. "
    "z is the sum that a unit adds up, with its bias, and a is its output. δ2₁ is ∂L/∂z2₁, for unit 1 of layer 2."
)
FILL_IN = 'Replace each `...` with your number: `0.04506`, a fraction `1/3`, or in quotes `"-0,25"`.'


@dataclass(frozen=True)
class Format:
    """How sheets and keys are written.

    Parameters
    ----------
    ending : str
        The ending of the files' names.
    sheet, key : callable
        They return the text for a sheet and the student's name, which is "" if it is unknown.
    """

    ending: str
    sheet: Callable[[Sheet, str], str]
    key: Callable[[Sheet, str], str]


def _picture(question: Question) -> Diagram:
    return draw(question.problem.trace, known=())


def formatted(given: Given) -> list[list[str]]:
    """Return given numbers as text, in rows.

    Examples
    --------
    >>> formatted(Given("W1", np.array([[0.5, -0.25], [0.1, 2.0]])))
    [['0.5', '−0.25'], ['0.1', '2']]

    """
    return [[format_given(float(entry)) for entry in row] for row in np.atleast_2d(given.values)]


# A page to print


def sheet_html(sheet: Sheet, name: str = "", *, pdf: bool = False) -> str:
    """Return a sheet as a page, to print and to fill in by hand.

    Parameters
    ----------
    sheet : Sheet
        The sheet.
    name : str
        The student's name. Without it there is room to write one.
    pdf : bool
        Whether the page sets the size of the paper: as wide as A4 and as high as Letter, so that it
        fits on both.

    Examples
    --------
    >>> from bpcourse.classroom.plan import Plan
    >>> text = sheet_html(Plan(("bias",), 1, "a long secret").sheet(12), "<b>Ada</b>")
    >>> "<h1>Sheet 12</h1>" in text, "<bdi>&lt;b&gt;Ada&lt;/b&gt;</bdi>" in text
    (True, True)

    """
    return _page("sheet.html", f"Sheet {sheet.number}", sheet, name, pdf)


def key_html(sheet: Sheet, name: str = "", *, pdf: bool = False) -> str:
    """Return the key of a sheet as a page: a table of the answers, then each question with its solution."""
    return _page("key.html", f"Key to sheet {sheet.number}", sheet, name, pdf)


def _page(template: str, title: str, sheet: Sheet, name: str, pdf: bool) -> str:
    body = render(template, title=title, sheet=sheet, name=name, advice=ADVICE, draw=_picture, formatted=formatted)
    return page(f"{title}, {name}" if name else title, body, render("sheet.css", title=title, pdf=pdf))


# Markdown


def sheet_markdown(sheet: Sheet, name: str = "") -> str:
    """Return a sheet in Markdown, with a description in place of each picture."""
    parts = [_head(f"Sheet {sheet.number}", name, ADVICE)]
    parts += [_question(question, _picture(question).words, table=True) for question in sheet.questions]
    return "\n\n".join(parts) + "\n"


def key_markdown(sheet: Sheet, name: str = "") -> str:
    """Return the key of a sheet in Markdown, with its equations in LaTeX."""
    return "\n\n".join(_key_parts(sheet, name)) + "\n"


def _head(title: str, name: str, text: str) -> str:
    return f"# {title}\n\n{f'Name: {plain_markdown(name)}'.strip()}\n\n{text}"


def _question(question: Question, picture: str, *, table: bool) -> str:
    """Return a question in Markdown, with or without a table for the answers."""
    return render("question.md", question=question, picture=picture, table=table, width=WIDTH).strip()


def _key_parts(sheet: Sheet, name: str) -> list[str]:
    """Return the table of all answers, then each question's solution."""
    answers = render("key_table.md", sheet=sheet).strip()
    solutions = [f"## Question {each.number}\n\n{each.problem.solution().to_markdown(3)}" for each in sheet.questions]
    return [_head(f"Key to sheet {sheet.number}", name, answers), *solutions]


# A notebook


def sheet_notebook(sheet: Sheet, name: str = "") -> str:
    """Return a sheet as a notebook, with a cell for the answers to each question.

    It needs nothing except Jupyter: its cells import nothing.
    """
    cells = [_markdown_cell("sheet", _head(f"Sheet {sheet.number}", name, f"{ADVICE} {FILL_IN}"))]
    for question in sheet.questions:
        picture = _picture(question)
        svg = base64.b64encode(picture.svg.encode()).decode()  # JupyterLab does not show an SVG attachment
        image = f"![{picture.words}](data:image/svg+xml;base64,{svg})\n\n{picture.words}"
        cells.append(_markdown_cell(f"question-{question.number}", _question(question, image, table=False)))
        fields = "".join(f'    "{name}": ...,\n' for name in question.asked)
        code = f"answers_{question.number} = {{\n{fields}}}"
        cells.append(_code_cell(f"answers-{question.number}", code))
    return _notebook(cells, {"bpcourse": {"sheet": sheet.number}})


def key_notebook(sheet: Sheet, name: str = "") -> str:
    """Return the key of a sheet as a notebook that contains only text."""
    cells = [_markdown_cell(f"part-{place}", text) for place, text in enumerate(_key_parts(sheet, name))]
    return _notebook(cells, {})


def _markdown_cell(id: str, source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source}


def _code_cell(id: str, source: str) -> dict[str, object]:
    return _markdown_cell(id, source) | {"cell_type": "code", "execution_count": None, "outputs": []}


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
        "pdf": Format(".pdf", partial(sheet_html, pdf=True), partial(key_html, pdf=True)),  # printed by a browser
        "ipynb": Format(".ipynb", sheet_notebook, key_notebook),
        "md": Format(".md", sheet_markdown, key_markdown),
    },
)
"""The formats. Each has one file for each sheet and one for each key."""
