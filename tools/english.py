"""Report phrases that are not plain English, and say what to write instead.

    python tools/english.py              check the whole project
    python tools/english.py FILE …       check these files

In Python files, docstrings, comments, strings and the names of tests are checked; in notebooks, the same and the prose;
in other files, everything outside fenced code. A line that contains the marker `english: ok` is skipped: use it where a
phrase is data.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CHECKED = (
    *("*.md", "docs/*.md", "*.py", "docs/*.py", "tools/*.md", "bpcourse/data/explorer/*.js", "bpcourse/templates/*"),
    *("benchmarks/**/*.py", "bpcourse/**/*.py", "tests/**/*.py", "tools/**/*.py", "bpcourse/**/*.toml"),
    *("deploy/*.md", "deploy/*.py", "deploy/*.yaml", "lessons/*.ipynb"),
)
MARKER = "english: ok"
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}  # the latter since Python 3.12
THEMSELVES = ("tools/english.py", "tests/test_tools.py")  # they contain the phrases
PHRASES = {
    r"(?<!there\s)\b(?:is|are|was|were) no (?!longer|more|less|better|worse|different)\w+": "is not a …",
    r"\balone\b": "only; just; unchanged",
    r"\bin words\b": "(omit); with an explanation",
    r"\bstands?\b(?! for\b| out\b|-)": "is; appears",
    r"\bon the way\b": "intermediate; along the way",
    r"\bwho(?:so)?ever\b": "if you …; anyone who …",
    r"\b(?:for|of|by|to) who\b": "for those who …",
    r"\bbut for\b": "except",
    r"\bas (?:it|they) (?:is|are|was|were)\b(?! \w+(?:ed|ing|en|wn)\b)": "unchanged",
    r"\b(?:is|are|was|were) (?:already there|there already)\b|\bthere already\b": "already exists",
    r"\b(?:one's own|of (?:its|their|one's) own)\b": "its own …; separate; custom",
    r"\bso many (?!that\b)\w+": "this many",
    r"\bothers than\b": "different from",
    r"\bfor good\b": "permanently",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bbefalls?\b|\bbefell\b": "happen",
    r"\bis the matter of\b": "is the topic of",
    r"\bleft out\b": "omitted; optional; forgotten",
    r"\bruns? away\b|\bran away\b": "diverges",
    r"\b(?:its|their) words\b": "its description; its text",
    r"\bguards? the door\b": "checks the input",
    r"\bcolour": "color",
    r"\bneighbour": "neighbor",
    r"\bbehaviour": "behavior",
    r"\bfavour": "favor",
    r"\bgrey\b": "gray",
    r"\bcentre": "center",
    r"\blicence": "license",
    r"\b(?:initial|recogn|optim|normal|general|organ|penal|summar|real|visual|emphas)is(?:e[sd]?|ing|ation)\b":
        "-ize, -ization",
    r"\banalyse": "analyze",
    r"\bjudgement": "judgment",
    r"\b(?:label|model|cancel|travel)l(?:ed|ing)\b": "a single l",
    r"\bwhilst\b": "while",
}  # fmt: skip
BEGINNINGS = {  # of sentences: here capitals matter
    r"\bWho \w+s\b(?![^.]*\?)": "if you …; anyone who …",
    r"\b(?:Read|Shown|Refused|Given|Left out) (?:are|is)\b": "the normal order of words",
}
DOCSTRINGS = {r"\A(?:Return what|What)\b(?![^.]*\?)": "a noun phrase: Return the …"}


def _compiled(phrases: dict[str, str], flags: int = 0) -> list[tuple[re.Pattern[str], str]]:
    """Return the patterns, in which a space also matches a line break, with the better words."""
    return [(re.compile(phrase.replace(" ", r"\s+"), flags), better) for phrase, better in phrases.items()]


ANYWHERE = [*_compiled(PHRASES, re.IGNORECASE), *_compiled(BEGINNINGS)]
IN_DOCSTRINGS = [*ANYWHERE, *_compiled(DOCSTRINGS)]


def problems(text: str, line: int = 1, patterns: list[tuple[re.Pattern[str], str]] = ANYWHERE) -> Iterator[str]:
    r"""Yield each phrase of a text with its line and the better words.

    >>> [*problems("This is no file,\nand it has a colour.")]
    ['1: "is no file": is not a …', '2: "colour": color']
    """
    lines = text.split("\n")
    for pattern, better in patterns:
        for found in pattern.finditer(text):
            row = text.count("\n", 0, found.start())
            if MARKER not in lines[row]:
                yield f'{line + row}: "{" ".join(found[0].split())}": {better}'


def problems_of_python(source: str, *, strings: bool = True) -> Iterator[str]:
    """Yield the problems of the docstrings, the comments, the names of tests and, if `strings`, all other strings."""
    docstrings = {
        (node.body[0].value.lineno, node.body[0].value.col_offset): node.body[0].value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and ast.get_docstring(node, clean=False) is not None
    }
    rows = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if MARKER in rows[token.end[0] - 1]:
            continue
        if token.start in docstrings:
            yield from problems(docstrings[token.start], token.start[0], IN_DOCSTRINGS)
        elif token.type == tokenize.COMMENT or (strings and token.type in STRINGS):
            yield from problems(token.string, token.start[0])
        elif token.type == tokenize.NAME and token.string.startswith("test_"):
            yield from problems(token.string.replace("_", " "), token.start[0])


def problems_of_prose(text: str) -> Iterator[str]:
    """Yield the problems of a text, without those in fenced code."""
    without_code = re.sub(r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    yield from problems(without_code)


def problems_of_notebook(text: str) -> Iterator[str]:
    """Yield the problems of the prose, the comments and the strings in the cells of a notebook, each with its cell."""
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found = problems_of_prose(source)
        else:
            found = problems_of_python(
                "\n".join("" if line[:1] in ("%", "!") else line for line in source.split("\n")) + "\n"
            )
        yield from (f"cell {cell['id']}:{problem}" for problem in found)


PROBLEMS: dict[str, Callable[[str], Iterator[str]]] = {".py": problems_of_python, ".ipynb": problems_of_notebook}
"""How files are read, by their ending; all others are prose."""


def main(names: Iterable[str]) -> int:
    """Print the problems of these files, by default of all, and return 1 if there is one."""
    paths = [Path(name).resolve() for name in names] or sorted(
        {path for pattern in CHECKED for path in PROJECT.glob(pattern) if path.is_file()}
    )
    bad = False
    for path in paths:
        name, text = path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8")
        if name in THEMSELVES:
            continue
        for problem in PROBLEMS.get(path.suffix, problems_of_prose)(text):
            print(f"{name}:{problem}")
            bad = True
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
