"""An immutable table of records by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from numbers import Real
from reprlib import Repr
from typing import TypeVar

Record = TypeVar("Record")


MOST_LISTED = 30  # known names in an error message
SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 70  # characters


def brief(value: object) -> str:
    """Write a value in an error message: on one short line, whatever it is.

    Examples
    --------
    >>> brief("tahn"), brief([[0.5]] * 9)
    ("'tahn'", '[[0.5], [0.5], [0.5], [0.5], [0.5], [0.5], ...]')

    """
    with suppress(Exception):  # an object that fails to be shown, or an integer of thousands of digits
        text = " ".join((str(value) if isinstance(value, Real) else SHORT.repr(value)).split())
        return text if len(text) <= SHORT.maxother else text[: SHORT.maxother] + "…"
    return f"a value of type {type(value).__name__}"


class UnknownNameError(KeyError, ValueError):
    """An unknown name. The message suggests the closest match and lists the known names.

    It is a `KeyError`, because a look-up failed, and a `ValueError`, because an argument was wrong.

    Parameters
    ----------
    kind : str
        What was looked up, such as "loss".
    name : object
        The name that was given.
    known : iterable of str
        The names that exist.
    reason : str
        Why the name is not one of them, if it looks like one.

    Examples
    --------
    >>> print(UnknownNameError("loss", "msee", ["mse", "half_sse"]))
    unknown loss 'msee'. Did you mean 'mse'? Known: mse, half_sse

    """

    def __init__(self, kind: str, name: object, known: Iterable[str], reason: str = "") -> None:
        super().__init__(kind, name, tuple(known), reason)  # the arguments, so that the error can be pickled

    def __str__(self) -> str:  # written only when it is read: `name in registry` has no use for it
        import difflib

        kind, name, known, reason = self.args
        given = brief(name)
        if reason:
            return f"unknown {kind} {given}: {reason}"
        names = {known_name.lower(): known_name for known_name in known}
        near = difflib.get_close_matches(given.strip("'").lower(), names, n=1)
        guess = f" Did you mean {names[near[0]]!r}?" if near else ""
        more = f", … ({len(known)} in all)" if len(known) > MOST_LISTED else ""
        return f"unknown {kind} {given}.{guess} Known: {', '.join(known[:MOST_LISTED])}{more}"


class Registry(Mapping[str, Record]):
    """An immutable mapping from names to records. An unknown name raises `UnknownNameError`.

    Registries are compared as mappings are: by their names and records.

    Parameters
    ----------
    kind : str
        What the records are, for messages and for the printed form.
    records : dict
        The records by name. All have the same type.

    Examples
    --------
    >>> colors = Registry("color", {"blue": 1, "tan": 2})
    >>> colors
    <2 colors: blue, tan>
    >>> colors["bleu"]
    Traceback (most recent call last):
    bpcourse.registry.UnknownNameError: unknown color 'bleu'. Did you mean 'blue'? Known: blue, tan

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
        return self.__missing__(name)

    def __missing__(self, name: object) -> Record:
        """Raise `UnknownNameError`. A registry that can make more records overrides this."""
        raise UnknownNameError(self._kind, name, self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        ending = "" if len(self) == 1 else "es" if self._kind.endswith("s") else "s"
        return f"<{len(self)} {self._kind}{ending}: {', '.join(self)}>"

    def pick(self, wanted: Record | str) -> Record:
        """Return `wanted` if it is a record of this kind, otherwise the record with that name."""
        return wanted if isinstance(wanted, self._type) else self[wanted]
