"""Marking of whole arrays: which entries are wrong, or what happened to all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import Array
from bpcourse.names import Name
from bpcourse.numbers import Reading
from bpcourse.tutor.marker import Marked, Marker, summary
from bpcourse.tutor.matching import SAME
from bpcourse.tutor.mistakes import MISTAKES
from bpcourse.tutor.reading import FEWEST_DIGITS, is_nothing, read_array, with_its_zeros
from bpcourse.tutor.verdicts import Verdict

ALIKE_SINGLE = 1e-3  # relative: in single precision, a smaller change of a small difference is rounding


@dataclass(frozen=True)
class Pattern:
    """A pattern in the errors of a whole array.

    Parameters
    ----------
    array : array
        What comes out.
    clause : str
        What was done, as it follows "what comes out if …".
    hint : str
        A question that leads on.
    id : str
        The id of the mistake, or "".
    """

    array: Array
    clause: str
    hint: str
    id: str = ""


def check_array(marker: Marker, name: str, names: NDArray[Any], answer: object) -> Verdict:
    """Check an array.

    Parameters
    ----------
    marker : Marker
        Marks the entries.
    name : str
        The name of the array.
    names : array of str
        The names of its entries, in its shape.
    answer : object
        The learner's array.
    """
    if is_nothing(answer):
        return Verdict("not answered", f"{name} = ?", "Put your array in place of the dots.")
    try:
        array = read_array(answer)
    except ValueError as error:
        return Verdict("unreadable", f"{name} has shape {names.shape}. {str(error)[0].upper()}{str(error)[1:]}.")
    if names.size == 1 and array.ndim == 0:
        array = array.reshape(names.shape)  # a number is as good as an array of one
    if names.ndim > 1 and names.shape[0] == 1 and array.shape == names.shape[1:]:
        names = names[0]  # of one example a row is as good as a batch of one
    asked, scale = Name.read(name), 1
    if asked.quantity in ("da", "dz", "dx") and not asked.example:
        scale = len(marker.trace["x"])  # these arrays of a trace contain the 1/n, which an example's own step does not
    right = np.array([marker.steps[each].value / scale for each in names.flat]).reshape(names.shape)
    patterns = [each for each in _patterns(marker.trace, asked, right) if each.array.shape == array.shape]
    if array.shape == right.shape:  # a mistake that changes nothing is omitted
        alike = ALIKE_SINGLE if marker.trace["x"].dtype == np.float32 else SAME
        patterns = [each for each in patterns if not np.allclose(each.array, right, rtol=alike, atol=0)]
    if array.shape != right.shape and not patterns:
        return _of_shape(marker, name, right, array)
    readings = _read(marker, names, array)
    if isinstance(readings, Verdict):
        return readings
    if not _same(right, readings):
        opposite = _same(-right, readings)  # of two classes, the columns in reverse order are the same numbers
        for pattern in patterns:
            if _same(pattern.array, readings) and (pattern.id or not opposite):
                shape = f" of shape {array.shape}, not {right.shape}," if array.shape != right.shape else ""
                said = f"{name}{shape} is what comes out if {pattern.clause}."
                return Verdict(
                    "mistake" if pattern.id else "wrong", said, pattern.hint, (pattern.id,) * bool(pattern.id)
                )
    if array.shape != right.shape:
        return _of_shape(marker, name, right, array)
    marked: dict[str, Marked | Verdict] = {}
    for each, reading in zip(names.flat, readings.flat, strict=True):
        if isinstance(reading, Reading):
            marked[each] = marker.mark(marker.steps[each], reading, scale=scale)
        else:
            marked[each] = reading
    good = [each for each, mark in marked.items() if isinstance(mark, Marked) and mark.right]
    elsewhere = set()
    if 0 < len(good) < len(marked):
        found = (each for one in good for each in marker.wrong_values(marker.steps[one], {}, shared=True))
        elsewhere = {mistake.id for each in found for mistake in each.mistakes if mistake.answers is None}
    wrong = np.array([isinstance(each, Marked) and each.wrong for each in marked.values()]).reshape(right.shape)
    verdict = summary(marker, marked, elsewhere=elsewhere, where=_where(wrong))
    if not verdict.mistakes and _same(-right, readings):
        return replace(verdict, message=f"{name} is right except for its sign: every entry has the opposite one.")
    return verdict


def _read(marker: Marker, names: NDArray[Any], array: NDArray[Any]) -> NDArray[Any] | Verdict:
    """Read the entries, or return the verdict on the first that cannot be read."""
    own = names.ravel() if array.size == names.size else [names.flat[0]] * array.size
    readings = np.empty(array.shape, dtype=object)
    for place, (name, each) in enumerate(zip(own, array.ravel(), strict=True)):
        reading = marker.read(marker.steps[name], each)
        if isinstance(reading, Verdict) and reading.status == "unreadable":
            return reading
        readings.flat[place] = reading
    return readings


def _same(values: Array, readings: NDArray[Any]) -> bool:
    """Return whether an answer is this array: the same shape, and each entry right to its last digit."""
    if values.shape != readings.shape or not all(isinstance(reading, Reading) for reading in readings.flat):
        return False
    meant = map(with_its_zeros, readings.flat)
    return all(
        reading.digits >= FEWEST_DIGITS and abs(reading.value - value) <= 2 * reading.half_unit
        for value, reading in zip(values.flat, meant, strict=True)
    )


def _where(wrong: NDArray[np.bool_]) -> str:
    """Return which rows or columns are wrong, or "" if it is neither."""
    if wrong.ndim == 2 and min(wrong.shape) > 1:
        for what, lines in (("row", wrong), ("column", wrong.T)):
            if all(line.all() or not line.any() for line in lines):
                numbers = [str(number) for number, line in enumerate(lines, start=1) if line.all()]
                return f"{what}{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"
    return ""


def _of_shape(marker: Marker, name: str, right: Array, array: NDArray[Any]) -> Verdict:
    """Return the verdict on an array of the wrong shape."""
    message = f"{name} must have shape {right.shape}; got {array.shape}."
    asked = Name.read(name)
    if asked.is_gradient:
        of = asked.at(quantity=asked.quantity[1:])
        return Verdict("wrong", message, f"A gradient has the shape of what it belongs to. What is the shape of {of}?")
    if right.ndim == 1:
        return Verdict("wrong", message, "It has one number for each unit.")
    row, column = "input" if asked.quantity == "W" else "example", "input" if asked.quantity == "x" else "unit"
    return Verdict("wrong", message, f"It has one row for each {row} and one column for each {column}.")


def _patterns(trace: Trace, name: Name, right: Array) -> Iterator[Pattern]:
    """Yield what mistakes with shapes, rows and axes make of an array."""

    def made(id: str, array: Array, clause: str = "") -> Pattern:
        mistake = MISTAKES[id]
        return Pattern(np.asarray(array), clause or mistake.name, mistake.hint, id)

    if right.ndim == 2:
        yield made("index_swap", right.T, TRANSPOSED)
        for axis in (0, 1, None):
            yield made("summed_over_wrong_axis", right.sum(axis=axis))
        yield made("flattened_by_columns", right.ravel(order="F").reshape(right.shape))
    if name.quantity == "x" and len(trace["x"]) == 1:  # it may be a picture of any shape
        for rows in range(2, right.size):
            if right.size % rows == 0:
                yield made("flattened_by_columns", right.reshape(rows, -1).ravel(order="F").reshape(right.shape))
    if name.quantity == "db" and not name.example:
        dz = trace[f"dz{name.layer}"]
        yield made("bias_grad_not_summed", dz)
        yield made("summed_over_wrong_axis", dz.sum(axis=1))
        yield made("bias_grad_summed_all_axes", dz.sum())
    if name.quantity == "z" and not name.new and len(trace["x"]) == 1:
        W, row = trace[f"W{name.layer}"], trace[f"a{name.layer - 1}"]
        b = trace.get(f"b{name.layer}", np.zeros(W.shape[1]))
        yield made("star_for_matmul", W * row.T + b)
        yield made("star_for_matmul", W.T * row + b[:, np.newaxis])
    rows = len(right) if right.ndim else 0
    if rows > 1:
        what = "number" if right.ndim == 1 else "row"
        if not name.is_parameter and right.ndim == 2 and rows == len(trace["x"]):
            yield made("batch_first_sample_only", right[:1])
            yield made("batch_first_sample_only", right[0])
        for number in range(rows):
            left = f"{what} {number + 1} is missing"
            yield Pattern(np.delete(right, number, axis=0), left, f"How many {what}s must it have?")
        yield Pattern(right[::-1], f"the {what}s are in reverse order", f"Which {what} comes first?")
    if right.ndim == 2 and right.shape[1] > 1:
        for column in range(right.shape[1]):
            left = f"column {column + 1} is missing"
            yield Pattern(np.delete(right, column, axis=1), left, "How many columns must it have?")
        yield Pattern(right[:, ::-1], "the columns are in reverse order", "Which column comes first?")


TRANSPOSED = "rows and columns have changed places: it is transposed"
"""The words for an `index_swap` of a whole array."""
