"""Find the answers in the cells of a notebook. The code is treated as text and never executed.

The text is searched for dictionaries such as ``answers_2 = {"dW1[2,1]": -0.0123, …}``. A value is a
number, a fraction such as ``1/3``, a quoted text, or ``...`` for no answer yet. Anything else stays
text, and the tutor then decides whether it can be read as a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from textwrap import dedent

from bpcourse.classroom.text import shown
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
START = r"(?:\A\s*|^|;[ \t]*)(?P<variable>[^\W\d][\w\uff3f]{5,20}(?:[ -]?\d{1,2})?)[ \t]*(?::[^=\n]*)?=\s*{"
HEAD = re.compile(rf"{START}(?=\s*(?:{NAME}|}}))", re.MULTILINE)
OPENED = re.compile(START, re.MULTILINE)
# The first line of a cell that continues a dictionary.
CONTINUED = re.compile(rf"\s*(?:{NAME}|}})")
# A name that was meant to be answers_1, in plain letters.
MEANT = re.compile(r"answers?[ _-]?([1-9]\d?)")
LOOKALIKES = str.maketrans("аеорсхѕ", "aeopcxs")  # Cyrillic letters
# A name and its value, which goes on until the next name, the closing brace or the end.
ENTRY = re.compile(rf"[\s,]*(?P<name>{NAME})(?P<value>(?:{STRING}|.)*?)(?={NAME}|}}(?!\s*,)|\Z)", re.DOTALL)


@dataclass(frozen=True)
class _Dictionary:
    """A dictionary of answers, the name that it is given, and whether it is in a code cell."""

    values: dict[str, Answer]
    variable: str
    question: int
    code: bool

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """Whether it is filled, is in a code cell, and has the right name. The largest rank counts."""
        filled = any(value is not None for value in self.values.values())
        return filled, self.code, self.variable == f"answers_{self.question}"


def read_cells(sources: Iterable[str], texts: Iterable[str] = ()) -> tuple[dict[int, dict[str, Answer]], list[str]]:
    """Read the answers in the cells of a notebook.

    If a question has several dictionaries, the last one that is filled counts. A dictionary with a
    misspelled name, such as ``answer_1``, or one in a cell that is not code, counts only if there
    is no better one.

    Parameters
    ----------
    sources : iterable of str
        The content of each code cell.
    texts : iterable of str
        The content of each other cell.

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
    >>> read_cells(["Answer_1 = {'loss': 0.5}"])
    ({1: {'loss': 0.5}}, ['question 1 was read from `Answer_1`, because answers_1 is not filled in.'])
    """
    dictionaries: dict[int, list[_Dictionary]] = {}
    notes: list[str] = []
    for text, code in [*((each, True) for each in _joined(sources, notes)), *((_plain(each), False) for each in texts)]:
        heads = [head for head in HEAD.finditer(text) if _question(head["variable"])]
        ends = [*(head.start() for head in heads[1:]), len(text)]
        for head, end in zip(heads, ends, strict=False):
            question = _question(head["variable"])
            one = _Dictionary(_entries(text, head.end(), end), head["variable"], question, code)
            dictionaries.setdefault(question, []).append(one)
        read = {head.start("variable") for head in heads}
        others = dict.fromkeys(each[1] for each in MENTION.finditer(text) if code and each.start() not in read)
        notes += [f"answers_{each} is set or used by code, which was not run; see the file." for each in others]
    found = {}
    for question, several in dictionaries.items():
        chosen = max(reversed(several), key=lambda one: one.rank)  # the last of several
        found[question] = chosen.values
        notes += _notes(chosen, several)
    return found, list(dict.fromkeys(notes))[:MOST_NOTES]


def _joined(sources: Iterable[str], notes: list[str]) -> list[str]:
    """Return the text of code cells. A dictionary that was split over several cells becomes one text."""
    texts: list[str] = []
    for source in sources:
        text = _plain(source)
        if len(source) > LONGEST_CELL and "answers_" in source:
            notes.append(f"a cell is too long; only its first {LONGEST_CELL:,} characters were read.")
        last = texts[-1] if texts else ""
        is_open = len(last) <= LONGEST_CELL and OPENED.search(last, last.rfind("}") + 1)
        if is_open and CONTINUED.match("\n" + text, 1):
            texts[-1] += f"\n{text}"
        else:
            texts.append(text)
    return texts


def _plain(source: str) -> str:
    """Return the beginning of a cell, without comments and without a common indentation."""
    return dedent(IGNORED.sub(r"\g<kept>", source[:LONGEST_CELL].replace("\r\n", "\n").replace("\r", "\n")))


def _question(variable: str) -> int:
    """Return the number of the question whose answers a variable was meant to contain, or 0.

    Examples
    --------
    >>> _question("answers_12"), _question("Answer1"), _question("аnswеrs_1"), _question("anything_1")
    (12, 1, 1, 0)
    """
    plain = unicodedata.normalize("NFKC", variable).casefold().translate(LOOKALIKES)
    meant = MEANT.fullmatch(plain)
    return int(meant[1]) if meant else 0


def _notes(chosen: _Dictionary, several: list[_Dictionary]) -> list[str]:
    """Return notes on the choice among several dictionaries."""
    notes, (filled, code, named), number = [], chosen.rank, chosen.question
    if filled and not code:
        notes.append(f"question {number} was read from a cell that is not a code cell.")
    if filled and not named:
        reason = f"because answers_{number} is not filled in."
        notes.append(f"question {number} was read from `{shown(chosen.variable)}`, {reason}")
    different = [one for one in several if one.rank[0] and one.values != chosen.values]
    if different:
        which = "the last one counts" if different[-1].rank == chosen.rank else f"`{shown(chosen.variable)}` counts"
        notes.append(f"question {number} was answered in {len(different) + 1} places that differ; {which}.")
    return notes


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

    A number becomes a float, as in Python, unless it has final zeros that a float would lose, a decimal comma, or only
    two digits because it was rounded to four decimals. The tutor reads everything else.
    """
    if text in ("", "...", "None"):
        return None
    if text[0] in "\"'":
        return text.strip("\"'")
    with suppress(ValueError):
        reading = parse_digits(text)
        digits = max(read_float(reading.value).digits, FEWEST_DIGITS - 1)  # that the tutor sees in the float
        zeros = digits < reading.digits < EXACT_DIGITS
        four_decimals = reading.digits == FEWEST_DIGITS - 1 and reading.half_unit < 1e-4  # a float does not tell
        if reading.written and not zeros and not four_decimals and "," not in text:
            return reading.value
    return text
