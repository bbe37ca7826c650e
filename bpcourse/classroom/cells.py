"""Find the answers in the cells of a notebook. The code is treated as text and never executed.

The text is searched for dictionaries such as ``answers_2 = {"dW1[2,1]": -0.0123, …}``. A value is a
number, a fraction such as ``1/3``, a quoted text, or ``...`` for no answer yet. Anything else stays
text, and the tutor then decides whether it can be read as a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from bpcourse.numbers import EXACT_DIGITS, parse_digits, read_float
from bpcourse.tutor.reading import FEWEST_DIGITS

LONGEST_CELL = 20_000  # characters of a cell that are read
MOST_ANSWERS = 200  # for a question
MOST_NOTES = 10  # on one sheet

Answer = float | str | None
"""A number, the text that was written, or None for no answer yet."""

# The patterns of a cell. They read valid Python and also cells with slips, such as a decimal comma
# or a missing quote. Each looks ahead no further than the next quote or the end of a line, so the
# time grows in proportion to the length of a cell.

# A text in quotes.
STRING = r"""(?:"[^"\n]*"|'[^'\n]*')"""
# The name of a value and its colon. After a brace, a comma or a line break, quotes are optional.
NAME = r"""(?:["'][^"'\n]{1,40}["']|(?<=[{,\n])[ \t]*["']?[A-Za-z]\w*(?:\[[\d, ]*\])?(?:@\d+)?["']?)[ \t]*:"""
# A docstring or a comment, but not a # in quotes.
IGNORED = re.compile(rf"""^[ \t]*(\"{{3}}|'{{3}}).*?\1|(?P<kept>{STRING})|#[^\n]*""", re.DOTALL | re.MULTILINE)
# Any use of a dictionary, and the beginning of one that is written out: answers_1 = { "loss":
MENTION = re.compile(r"\banswers_([1-9]\d?)\b")
HEAD = re.compile(rf"(?:^|;[ \t]*){MENTION.pattern}[ \t]*(?::[^=\n]*)?=\s*{{(?=\s*(?:{NAME}|}}))", re.MULTILINE)
# A name and its value, which goes on until the next name, the closing brace or the end.
ENTRY = re.compile(rf"[\s,]*(?P<name>{NAME})(?P<value>(?:{STRING}|.)*?)(?={NAME}|}}(?!\s*,)|\Z)", re.DOTALL)


def read_cells(sources: Iterable[str]) -> tuple[dict[int, dict[str, Answer]], list[str]]:
    """Read the answers in the code cells of a notebook.

    If a question has several dictionaries, the last one counts.

    Parameters
    ----------
    sources : iterable of str
        The code of each cell.

    Returns
    -------
    answers : dict
        Question number → name of the value → answer.
    notes : list of str
        What the instructor should know.

    Examples
    --------
    >>> read_cells(["answers_1 = {'dW1[2,1]': -1/4, 'loss': 0,25, 'z1[1]': ..., 'y_hat[1]': open('x')}"])
    ({1: {'dW1[2,1]': -0.25, 'loss': '0,25', 'z1[1]': None, 'y_hat[1]': "open('x')"}}, [])
    """
    found: dict[int, dict[str, Answer]] = {}
    notes: list[str] = []
    for source in sources:
        text = IGNORED.sub(r"\g<kept>", source[:LONGEST_CELL].replace("\r\n", "\n").replace("\r", "\n"))
        heads = list(HEAD.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)]
        for head, end in zip(heads, ends, strict=False):
            found[int(head[1])] = _entries(text, head.end(), end)
        read = {head.start(1) for head in heads}
        others = dict.fromkeys(each[1] for each in MENTION.finditer(text) if each.start(1) not in read)
        notes += [f"answers_{each} is set or used by code, which was not run; see the file." for each in others]
        if len(source) > LONGEST_CELL and "answers_" in source:
            notes.append(f"a cell is too long; only its first {LONGEST_CELL:,} characters were read.")
    return found, list(dict.fromkeys(notes))[:MOST_NOTES]


def _entries(text: str, position: int, end: int) -> dict[str, Answer]:
    """Return the entries of a dictionary in a text, between its opening brace and an end."""
    values: dict[str, Answer] = {}
    while len(values) < MOST_ANSWERS and (entry := ENTRY.match(text, position, end)):
        position, value = entry.end(), entry["value"].strip()
        if position == end:  # no brace closes this dictionary, so other code may follow the last value
            value = value.split("\n", 1)[0]
        values[entry["name"].rstrip(" \t:").strip(" \t\"'")] = _answer(value.rstrip(" \t\n,"))
    return values


def _answer(text: str) -> Answer:
    """Return a value as a number, as the text in its quotes, as None, or else unchanged.

    A number becomes a float, as in Python, unless it has final zeros that a float would lose, or a decimal comma. The
    tutor reads everything else.
    """
    if text in ("", "...", "None"):
        return None
    if text[0] in "\"'":
        return text.strip("\"'")
    with suppress(ValueError):
        reading = parse_digits(text)
        digits = max(read_float(reading.value).digits, FEWEST_DIGITS - 1)  # that the tutor sees in the float
        zeros = digits < reading.digits < EXACT_DIGITS
        if reading.written and not zeros and "," not in text:
            return reading.value
    return text
