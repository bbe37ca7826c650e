"""The report on a class: one page to read and to print, and two tables for other programs.

Whatever comes from a person is escaped: on the page as HTML, in a table so that no cell is taken for a formula.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bpcourse.classroom.marks import ClassRecord, Common, Line, MarkedSheet, Remark, common, shown
from bpcourse.numbers import format_number
from bpcourse.palette import BLUE, INK, QUIET
from bpcourse.tutor.marking import WORDS
from bpcourse.tutor.practice import TOPICS
from bpcourse.tutor.worked import page

FILES = ("report.html", "gradebook.csv", "mistakes.csv")
MOST_BARS = 12
LONGEST_CELL = 2_000  # characters
WIDTH, ROW = 720, 46  # of the picture, in pixels


@dataclass(frozen=True)
class Report:
    """All that is known of a class after marking.

    record : of the class
    sheets : those that were marked, in order
    remarks : on files
    """

    record: ClassRecord
    sheets: tuple[MarkedSheet, ...]
    remarks: tuple[Remark, ...]

    @property
    def missing(self) -> list[int]:
        """The numbers of the sheets that nobody handed in, or only in files that were skipped."""
        marked = {sheet.number for sheet in self.sheets}
        return [number for number in range(1, self.record.count + 1) if number not in marked]

    @property
    def files(self) -> dict[str, str]:
        """What to write, by the name of the file."""
        return dict(zip(FILES, (self.page, self.gradebook, self.mistakes), strict=True))

    @property
    def gradebook(self) -> str:
        """A row for each sheet of the class; what was not handed in has no points, rather than 0."""
        marked = {sheet.number: sheet for sheet in self.sheets}
        rows: list[list[object]] = [["sheet", "name", "points", "of", "percent"]]
        rows[0] += [f"question {place}" for place in range(1, len(self.record.topics) + 1)]
        for sheet in range(1, self.record.count + 1):
            row: list[object] = [sheet, self.record.names.get(sheet, "")]
            if found := marked.get(sheet):
                row += [found.points, found.out_of, f"{percent(found.points, found.out_of):.1f}"]
                row += [mark.points for mark in found.marks]
            rows.append(row + [""] * (len(rows[0]) - len(row)))
        return table(rows)

    @property
    def mistakes(self) -> str:
        """A row for each question with a slip: the first value that is not right, and what is said about it."""
        rows: list[list[object]] = [
            ["sheet", "name", "question", "topic", "value", "answer", "status", "mistake", "words", "hint"]
        ]
        for sheet in self.sheets:
            for mark in sheet.marks:
                if slip := mark.slip:
                    verdict = slip.verdict
                    row = [sheet.number, sheet.name, mark.number, mark.topic, slip.name, slip.written, verdict.status]
                    rows.append([*row, " ".join(verdict.mistakes), verdict.message, verdict.hint])
        return table(rows)

    @property
    def page(self) -> str:
        """The report as a page by itself, which allows no network and no script."""
        body = "\n".join([*self._head(), *self._common(), *self._marks(), *self._files(), *map(_student, self.sheets)])
        return page("Marks of a class", body, STYLE)

    def _head(self) -> Iterator[str]:
        record = self.record
        yield "<h1>Marks of a class</h1>"
        topics = "; ".join(f"{place}.\u00a0{TOPICS[topic].words}" for place, topic in enumerate(record.topics, start=1))
        yield f"<p>Questions, level {record.level}: {escape(topics)}.</p>"
        parts = [f"<strong>{len(self.sheets)} of {record.count} sheets were marked.</strong>"]
        if skipped := sum(remark.skipped for remark in self.remarks):
            parts.append(f'<a href="#files">Skipped: {skipped}, with the reasons.</a>')
        if self.missing and self.sheets:
            names = (f"{sheet} {record.names.get(sheet, '')}".strip() for sheet in self.missing)
            parts.append(f"No answers to sheet {', '.join(map(_person, names))}.")
        yield f"<p>{' '.join(parts)}</p>"
        yield f"<p>{RULE}</p>"

    def _common(self) -> Iterator[str]:
        rows, students = common(self.sheets), len(self.sheets)
        yield "<h2>Which mistakes are common</h2>"
        if not rows:
            yield "<p>No mistake that is known here was found.</p>"
            return
        yield f"<figure>{bars(rows, students)}</figure>"
        yield f"<p>{COUNTED}</p>"
        lines = (
            f'<tr><th scope="row">{escape(row.mistake.name)}<br><code>{row.mistake.id}</code></th>'
            f'<td class="n">{len(row.stated)} of {students}</td><td class="n">{len(row.possible)}</td>'
            f"<td>{', '.join(map(str, sorted(row.stated | row.possible)))}</td><td>{escape(row.mistake.hint)}</td></tr>"
            for row in rows
        )
        heads = ("Mistake", "Students", "Could be", "Sheets", "A question that helps")
        yield _table(f"Mistakes of {students} students", heads, lines)

    def _marks(self) -> Iterator[str]:
        yield "<h2>Marks</h2>"
        if not self.sheets:
            yield "<p>There is nothing to mark.</p>"
            return
        lines = [
            f'<tr><th scope="row" class="n"><a href="#sheet-{sheet.number}">{sheet.number}</a></th>'
            f"<td>{_person(sheet.name)}</td>"
            + "".join(f'<td class="n">{mark.points}/{len(mark.lines)}</td>' for mark in sheet.marks)
            + f'<td class="n">{sheet.points}/{sheet.out_of}</td>'
            f'<td class="n">{percent(sheet.points, sheet.out_of):.0f} %</td></tr>'
            for sheet in self.sheets
        ]
        columns = list(zip(*(sheet.marks for sheet in self.sheets), strict=True))
        shares = [
            percent(sum(mark.points for mark in column), sum(len(mark.lines) for mark in column)) for column in columns
        ]
        whole = percent(sum(sheet.points for sheet in self.sheets), sum(sheet.out_of for sheet in self.sheets))
        cells = "".join(f'<td class="n">{share:.0f} %</td>' for share in shares)
        lines.append(
            f'<tr class="all"><th scope="row">All</th><td></td>{cells}<td></td><td class="n">{whole:.0f} %</td></tr>'
        )
        heads = ("Sheet", "Name", *(f"Q{mark.number}" for mark in self.sheets[0].marks), "Points", "Percent")
        yield _table("Points of each question, out of how many", heads, lines)

    def _files(self) -> Iterator[str]:
        if self.remarks:
            yield '<h2 id="files">Files</h2>'
            lines = (
                f'<tr><th scope="row"><bdi>{escape(remark.source)}</bdi></th>'
                f"<td>{'Skipped' if remark.skipped else 'Marked; please look'}</td><td>{escape(remark.text)}</td></tr>"
                for remark in self.remarks
            )
            yield _table("What was skipped, and what to look at", ("File", "What was done", "Why"), lines)


RULE = (
    "Each value that is asked for gives one point if it is right, also if it is right given the student's own earlier "
    "numbers, unless those make it 0 or leave a parameter as it was. Whoever computes in the head loses nothing: if "
    "the answer is right, and nothing on the way is wrong, what was left empty there counts as well, unless the right "
    "answer is 0 or the parameter as it was."
)
COUNTED = (
    "Of each question the first slip counts, and each student once for each mistake. “Could be”: the number fits the "
    "mistake, but chance is not ruled out; those who are sure to have made it are not counted again."
)


def percent(points: int, out_of: int) -> float:
    """Return the share of points in percent.

    >>> percent(1, 4)
    25.0
    """
    return 100 * points / out_of


def table(rows: Sequence[Sequence[object]]) -> str:
    r"""Return rows as CSV. What a spreadsheet would take for a formula begins with an apostrophe.

    >>> table([["name", "points"], ["=1+1", 3]])
    "name,points\r\n'=1+1,3\r\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = shown(value, LONGEST_CELL)
    formula = line.lstrip()[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", line)
    return f"'{line}" if formula else line


def bars(rows: Sequence[Common], students: int) -> str:
    """Return a picture of how many of the students made each mistake, those of most students first; in words too."""
    some = rows[:MOST_BARS]
    said = "; ".join(_counted(row, students) + f": {row.mistake.name}" for row in some)
    full = WIDTH - 190
    marks = []
    for place, row in enumerate(some):
        top = ROW * place
        stated, possible = (full * len(each) / students for each in (row.stated, row.possible))
        marks += [
            f'<text x="0" y="{top + 15}">{escape(row.mistake.name)}</text>',
            f'<rect x="0.5" y="{top + 22}" width="{full}" height="13" fill="none" stroke="#c8c8c8"/>',
            f'<rect x="0.5" y="{top + 22}" width="{stated:.1f}" height="13" fill="{BLUE}"/>',
            f'<rect x="{0.5 + stated:.1f}" y="{top + 22}" width="{possible:.1f}" height="13" fill="url(#maybe)"/>',
            f'<text x="{full + 10}" y="{top + 33}" font-weight="bold">{_counted(row, students)}</text>',
        ]
    height = ROW * len(some) + 24
    key = (
        f'<rect x="0.5" y="{height - 16}" width="18" height="12" fill="{BLUE}"/>'
        f'<text x="25" y="{height - 6}">stated</text>'
        f'<rect x="90.5" y="{height - 16}" width="18" height="12" fill="url(#maybe)" stroke="{BLUE}"/>'
        f'<text x="115" y="{height - 6}">could be</text>'
        f'<text x="200" y="{height - 6}" fill="{QUIET}">frame: all {students} students</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="bars-title bars-words" '
        f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-size="13" fill="{INK}" '
        'font-family="Helvetica, Arial, DejaVu Sans, sans-serif">'
        f'<title id="bars-title">How many of {students} students made each mistake</title>'
        f'<desc id="bars-words">{escape(said)}.</desc>'
        '<defs><pattern id="maybe" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="6" height="6" fill="#ffffff"/><rect width="2.5" height="6" fill="{BLUE}"/></pattern></defs>'
        f"{''.join(marks)}{key}</svg>"
    )


def _counted(row: Common, students: int) -> str:
    perhaps = f", perhaps {len(row.stated | row.possible)}" if row.possible else ""
    return f"{len(row.stated)} of {students}{perhaps}"


def _student(sheet: MarkedSheet) -> str:
    """Return the section of one student, which begins a new page when it is printed."""
    name = f" · {_person(sheet.name)}" if sheet.name else ""
    share = f"{sheet.points} of {sheet.out_of} points, {percent(sheet.points, sheet.out_of):.0f} %"
    parts = [
        f'<section class="student" aria-labelledby="sheet-{sheet.number}">',
        f'<h2 id="sheet-{sheet.number}">Sheet {sheet.number}{name}</h2>',
        f'<p><strong>{share}.</strong> <span class="quiet">From <bdi>{escape(sheet.source)}</bdi>.</span></p>',
        *(f'<p class="note">Please look: {escape(note)}</p>' for note in sheet.notes),
    ]
    for mark in sheet.marks:
        title = f"Question {mark.number}: {mark.asked}, {TOPICS[mark.topic].words}"
        points = f"{mark.points} of {len(mark.lines)} points"
        parts.append(f"<h3>{escape(title)} <span>{points}</span></h3>")
        if mark.in_the_head:
            parts.append("<p>The answer is right, so that what was left empty on the way counts as well.</p>")
        lines = list(map(_line, mark.lines))
        heads = ("Value", "Answer", "Right value", "What it is")
        parts.append(_table(f"Question {mark.number}", heads, lines, "answers"))
    return "\n".join([*parts, "</section>"])


def _line(line: Line) -> str:
    """Return the row of one value: with its sign, the words for it, and what is said about it."""
    sign, words, colour = WORDS[line.verdict.status]
    message, hint = line.verdict.message, line.verdict.hint
    if line.verdict.status in ("correct", "not answered"):
        message, hint = message.partition(", ")[2], ""  # of what is plainly right or empty, no more
    carried = line.verdict.status == "correct" and message != ""
    said = "<br>".join(map(escape, message.split("\n")))
    more = f'<br><span class="hint">{escape(hint)}</span>' if hint else ""
    return (
        f'<tr><th scope="row"><code>{line.name}</code></th>'
        f'<td class="n"><bdi>{escape(line.written) or "–"}</bdi></td><td class="n">{format_number(line.right)}</td>'
        f'<td><strong style="color:{colour}">{sign} {words}</strong>{", " if carried else ". "}{said}{more}</td></tr>'
    )


def _person(name: str) -> str:
    """Return a name in any script, set apart so that it turns nothing around it."""
    return f"<bdi>{escape(shown(name))}</bdi>"


def _table(caption: str, heads: Sequence[str], lines: Iterable[str], kind: str = "wide") -> str:
    """Return a table. A wide one can be scrolled, with the keyboard too, where the window is narrow."""
    row = "".join(f'<th scope="col">{head}</th>' for head in heads)
    region = f' class="scroll" role="region" tabindex="0" aria-label="{caption}"' if kind == "wide" else ""
    body = "\n".join(lines)
    return (
        f'<div{region}><table class="{kind}"><caption>{caption}</caption>'
        f"<thead><tr>{row}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def save(files: Mapping[str, str], folder: Path, force: bool = False) -> list[Path]:
    """Write files into a folder, each of them whole or not at all.

    All are written under hidden names first and take their own names at last, when none can fail for want of space any
    more; `files.write_whole` would leave a new page beside old tables. Raises FileExistsError, before anything is
    written, if one is there, unless `force` is true.
    """
    require_absent(files, folder, force)
    folder.mkdir(parents=True, exist_ok=True)
    hidden = {folder / name: folder / f".{name}.part" for name in files}
    try:
        for (path, part), text in zip(hidden.items(), files.values(), strict=True):
            part.unlink(missing_ok=True)  # it could be a link, and what that leads to would be overwritten
            mark = "\ufeff" if path.suffix == ".csv" else ""  # by which spreadsheets know UTF-8
            part.write_text(mark + text, encoding="utf-8", errors="replace", newline="")
        for path, part in hidden.items():
            part.replace(path)
    finally:
        for part in hidden.values():
            part.unlink(missing_ok=True)
    return list(hidden)


def require_absent(names: Iterable[str], folder: Path, force: bool) -> None:
    """Raise FileExistsError if the folder is a file; or if it has one of the names, unless `force` is true."""
    there = [folder / name for name in names if not force and os.path.lexists(folder / name)]
    there += [folder] if folder.exists() and not folder.is_dir() else []
    if there:
        raise FileExistsError(errno.EEXIST, "is there already; name another folder, or say force", str(there[0]))


STYLE = """
:root { color-scheme: light; }
body { color: #222; background: #fff; font-size: 1rem; line-height: 1.5; max-width: 62rem; }
h1 { font-size: 1.6rem; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; letter-spacing: 0; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; overflow-wrap: anywhere; }
h3 span { font-weight: normal; margin-left: .6rem; }
p { margin: .5rem 0; max-width: 46rem; }
figure { margin: 1rem 0; }
svg { max-width: 100%; height: auto; }
a { color: #005a8c; }
.scroll { overflow-x: auto; margin: .6rem 0; }
.scroll:focus-visible { outline: 2px solid #005a8c; outline-offset: 2px; }
table { border-collapse: collapse; font-size: .92rem; }
caption { text-align: left; color: #555; padding: 0 0 .3rem; }
.answers { width: 100%; table-layout: fixed; }
.answers caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #ddd; }
th, td { overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #555; overflow-wrap: normal; }
tbody th { font-weight: normal; }
.wide .n { white-space: nowrap; }
.wide code { color: #555; }
.n { font-variant-numeric: tabular-nums; }
.answers th:nth-child(1) { width: 15%; }
.answers th:nth-child(2) { width: 17%; }
.answers th:nth-child(3) { width: 13%; }
.all td, .all th { border-top: 2px solid #555; font-weight: bold; }
.quiet, .hint { color: #555; }
.note { font-style: normal; border-left: 4px solid #7a5a00; padding-left: .7rem; }
@page { margin: 1.6cm; }
@media print {
  html { font-size: 9pt; }
  body { padding: 0; max-width: none; font-size: 1rem; }
  .scroll { overflow: visible; }
  .student { break-before: page; }
  h3, caption, thead { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
"""
