"""Text that comes from people, made safe to show."""

from __future__ import annotations

import re

JOINERS = "\u200c\u200d"  # invisible characters that many scripts need within a name
UNSEEN = JOINERS + "\u200e\u200f"  # also the direction marks, which do not turn the text around them
LONGEST = 120  # characters that are shown of an answer, a name or a file name


def shown(text: str, longest: int = LONGEST) -> str:
    r"""Return a text from outside so that it can be shown: on one line, and not too long.

    Characters that cannot be printed are replaced, also those that change the direction of the text
    around them. Joiners, which some scripts need, stay.

    Examples
    --------
    >>> shown("a\x00b\ud800\nc"), len(shown("1" * 5000))
    ('a�b� c', 121)

    """
    line = "".join(
        " " if each.isspace() else each if each.isprintable() or each in UNSEEN else "\ufffd"
        for each in text[: longest + 1]
    )
    return line if len(line) <= longest else line[:longest] + "…"


def plain_markdown(text: str) -> str:
    r"""Return a text so that Markdown shows it unchanged, also if it contains Markdown, HTML or LaTeX.

    Examples
    --------
    >>> print(plain_markdown("Ada *L.* <b>, $x$"))
    Ada \*L.\* &lt;b>, <span>&#36;</span>x<span>&#36;</span>

    """
    # Jupyter looks for formulas in the text that it shows, but not across the borders of an element.
    apart = {"&": "&amp;", "<": "&lt;", "://": "&#58;//", "$": "<span>&#36;</span>", "\\": "<span>&#92;</span>"}
    return re.sub(r"://|[&<$\\`*_{}\[\]#|~!^]", lambda found: apart.get(found[0], f"\\{found[0]}"), text)
