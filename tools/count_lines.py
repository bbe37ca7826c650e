"""Count the lines of code of files and folders, without blank lines, comments and docstrings."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def lines_of_code(source: str) -> int:
    r"""Return the number of lines of `source` that contain code.

    >>> lines_of_code('"A docstring."\n\n# a comment\nx = 1\n')
    1
    """
    prose: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - prose)


def main(names: list[str]) -> None:
    """Print the count of each file in `names` and below, and the sum."""
    paths = sorted(
        path for name in names for path in ([Path(name)] if name.endswith(".py") else Path(name).rglob("*.py"))
    )
    counts = {path: lines_of_code(path.read_text(encoding="utf-8")) for path in paths}
    for path, count in counts.items():
        print(f"{count:5} {path}")
    print(f"{sum(counts.values()):5} in all")


if __name__ == "__main__":
    main(sys.argv[1:] or ["bpcourse"])
