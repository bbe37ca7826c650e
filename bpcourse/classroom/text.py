"""Text that comes from people, made safe to show."""

from __future__ import annotations

JOINERS = "\u200c\u200d"  # print nothing, and many scripts need them within a name
UNSEEN = JOINERS + "\u200e\u200f"  # also the direction marks, which do not turn the text around them
LONGEST = 120  # characters of an answer, a name or a file name, as it is shown


def shown(text: str, longest: int = LONGEST) -> str:
    r"""Return a text from outside as it may be shown: on one line, not too long, and without what cannot be printed.

    That is also what turns the direction of the text around it; joiners, which some scripts need, stay.

    >>> shown("a\x00b\ud800\nc"), len(shown("1" * 5000))
    ('a�b� c', 121)
    """
    line = "".join(
        " " if each.isspace() else each if each.isprintable() or each in UNSEEN else "\ufffd"
        for each in text[: longest + 1]
    )
    return line if len(line) <= longest else line[:longest] + "…"
