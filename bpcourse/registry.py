"""An immutable table of records by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

Record = TypeVar("Record")


class UnknownNameError(KeyError, ValueError):
    """An unknown name. The message suggests the closest match and lists the known names.

    It is a `KeyError`, because a look-up failed, and a `ValueError`, because an argument was wrong.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        import difflib  # only needed for the message

        names = {known_name.lower(): known_name for known_name in known}
        near = difflib.get_close_matches(str(name).lower(), names, n=1)
        guess = f" Did you mean {names[near[0]]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}.{guess} Known: {', '.join(names.values())}")

    def __str__(self) -> str:  # a KeyError would show the message in quotation marks
        return str(self.args[0])


class Registry(Mapping[str, Record]):
    """An immutable mapping from names to records. An unknown name raises `UnknownNameError`.

    Parameters
    ----------
    kind : str
        What the records are, for error messages.
    records : dict
        The records by name; all of one type.

    Examples
    --------
    >>> colors = Registry("color", {"blue": 1, "orange": 2})
    >>> colors
    <2 colors: blue, orange>
    >>> colors["bleu"]
    Traceback (most recent call last):
    bpcourse.registry.UnknownNameError: unknown color 'bleu'. Did you mean 'blue'? Known: blue, orange

    """

    def __init__(self, kind: str, records: dict[str, Record]) -> None:
        self._kind, self._records, self._type = kind, dict(records), type(next(iter(records.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, name: object) -> Record:
        if isinstance(name, str) and name in self._records:
            return self._records[name]
        raise UnknownNameError(self._kind, name, self)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._kind}s: {', '.join(self)}>"

    def pick(self, wanted: Record | str) -> Record:
        """Return `wanted` unchanged if it is a record of this kind, otherwise the record of that name."""
        return wanted if isinstance(wanted, self._type) else self[wanted]
