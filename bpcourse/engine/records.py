"""Immutable records: what they hold is read-only, also after copying and pickling."""

from __future__ import annotations

import pickle
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from bpcourse.engine.validation import Array
from bpcourse.numbers import WIDTH, format_number
from bpcourse.registry import Registry, UnknownNameError, brief

Kind = TypeVar("Kind")


class Record:
    """Base class of a frozen dataclass.

    Nothing can change a record, so `copy` and `deepcopy` return the record itself. Pickling keeps
    its arrays read-only. Two records are equal if they have the same type and equal values. Arrays
    are equal if they have the same dtype, shape and entries.
    """

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _equal(vars(self), vars(other))

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))  # equal records have equal texts

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {name: dict(each) if isinstance(each, MappingProxyType) else each for name, each in vars(self).items()}
        return _rebuilt, (type(self), plain)


class PassRecord(Record, Mapping[str, Array]):
    """Base class of the record of a pass through a network: a mapping from names to arrays."""

    network: Any
    arrays: Mapping[str, Array]
    loss_function: Any

    def __post_init__(self) -> None:
        if isinstance(self.arrays, dict):  # a caller's own arrays, which must stay writable
            vars(self).update(arrays=sealed({name: np.array(array) for name, array in self.arrays.items()}))

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, name: str) -> Array:
        if isinstance(name, str) and name in self.arrays:
            return self.arrays[name]
        bias = re.fullmatch(r"d?b(\d+)", brief(name).strip("'"))
        unbiased = bias and f"W{bias[1]}" in self.arrays
        raise UnknownNameError("value (this layer has no biases)" if unbiased else "value", name, self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        n = len(self["x"])
        title = f"{type(self).__name__} of {self.network!r}, {n} example{'s' if n > 1 else ''}"
        if "loss" in self:
            title += f", {self.loss_function.name} = {format_number(self['loss'].item())}"
        names = ", ".join(f"{name} {array.shape}".replace(" ", "\xa0") for name, array in self.items())
        lines = textwrap.fill(names, WIDTH, initial_indent="  ", subsequent_indent="  ")
        return f"{title}\n{lines}".replace("\xa0", " ")


class Registered(Record):
    """Base class of a record of functions that a registry in its module holds by name.

    It is pickled as that name. A record that is not in the registry is pickled with its functions,
    if these can be pickled.
    """

    name: str
    _home: ClassVar[tuple[str, str]]  # the module and the name of the registry

    def __init_subclass__(cls, registry: str = "") -> None:
        cls._home = (cls.__module__, registry) if registry else cls._home

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @cached_property
    def is_registered(self) -> bool:
        """Whether the registry has it under its name. If not, it is custom."""
        with suppress(ValueError):  # an unknown name
            return bool(_look_up(*self._home, self.name) == self)
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        if self.is_registered:
            return _look_up, (*self._home, self.name)
        try:
            pickle.dumps(tuple(vars(self).values()))
        except (pickle.PicklingError, AttributeError, TypeError):
            needed = f"all functions of {self.name!r} must be defined with def, at the top level of a module"
            raise pickle.PicklingError(f"{needed}; it has one that cannot be pickled, such as a lambda.") from None
        return super().__reduce__()

    def computed(
        self, function: Callable[..., Array], arguments: tuple[Array, ...], shape: tuple[int, ...], each: str
    ) -> Array:
        """Apply a function of this record, and check what it does if the record is custom.

        Parameters
        ----------
        function : callable
            The function.
        arguments : tuple of array
            Its arguments.
        shape : tuple of int
            The shape that its result must have.
        each : str
            What the entries of the result are, for the error message.

        Raises
        ------
        ValueError
            If a custom function changes an argument in place, or its result has a different shape.

        """
        if self.is_registered:  # one of the course's own functions, which are tested
            return function(*arguments)
        copies = [argument.copy() for argument in arguments]
        result = function(*copies)
        for copy, argument in zip(copies, arguments, strict=True):
            if copy.tobytes() != argument.tobytes():
                advice = "Compute a new array, such as np.maximum(z, 0)."
                raise ValueError(f"{self.name} must not change its arguments, but writes into one. {advice}")
        if np.shape(result) != shape:
            raise ValueError(f"{self.name} must give {each}, shape {shape}; got shape {np.shape(result)}.")
        return np.asarray(result)


class FamilyRegistry(Registry[Kind]):
    """A registry with a family of records that are called by number, as `leaky_relu(0.2)` is.

    Parameters
    ----------
    kind, records
        As in `Registry`.
    family : str
        The name.
    member : callable
        Number ↦ record. It raises ValueError for a number that is not allowed.

    """

    def __init__(self, kind: str, records: dict[str, Kind], family: str, member: Callable[[float], Kind]) -> None:
        super().__init__(kind, records)
        self._family, self._member = family, member

    def __missing__(self, name: object) -> Kind:
        number = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
        found = re.fullmatch(rf"{self._family}\({number}\)", name, re.ASCII) if isinstance(name, str) else None
        if found is None:
            return super().__missing__(name)
        try:
            return self._member(float(found[1]))
        except ValueError as error:
            raise UnknownNameError(self._kind, name, self, str(error)) from None


def sealed(arrays: dict[str, Array]) -> Mapping[str, Array]:
    """Make a mapping read-only, and the arrays in it. Only for arrays that nobody else holds."""
    owned = {name: array if array.base is None else array.copy() for name, array in arrays.items()}
    for array in owned.values():
        array.setflags(write=False)
    return MappingProxyType(owned)


def _rebuilt(kind: type, values: dict[str, Any]) -> object:
    """Make a record from what was pickled. Arrays and mappings become read-only again."""
    record: object = object.__new__(kind)
    vars(record).update({name: _read_only(value) for name, value in values.items()})
    return record


def _read_only(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _read_only(each) for name, each in value.items()})
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    return value


def _look_up(module: str, registry: str, name: str) -> object:
    return getattr(import_module(module), registry)[name]


def _equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, (dict, MappingProxyType)):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return bool(one == other)
