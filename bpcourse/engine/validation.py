"""Checks of arguments, and their error messages: numbers must be finite and shapes must fit.

Every message says what was needed, what was given, and what to do, because a student reads it next.
NumPy's own messages for these cases ("gufunc signature …") only help people who already know NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from bpcourse.names import Name
from bpcourse.registry import UnknownNameError, brief

if TYPE_CHECKING:
    import numpy.typing as npt

# Quotation marks, because importing numpy.typing takes longer than importing the package.
Array: TypeAlias = "npt.NDArray[np.floating]"
ArrayLike: TypeAlias = "npt.ArrayLike"
DTypeLike: TypeAlias = "npt.DTypeLike"

Kind = TypeVar("Kind")

MOST = 1_000_000  # classes, or points of a data set
PRECISIONS = (np.dtype(np.float64), np.dtype(np.float32))


def require(condition: object, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def require_all(allowed: npt.NDArray[np.bool_], array: npt.NDArray[np.number], name: str, rule: str) -> None:
    """Raise ValueError with the first entry of `array` that is not `allowed`."""
    if not allowed.all():
        index = tuple(int(i) for i in np.argwhere(~allowed)[0])
        entry = f"{name}[{', '.join(map(str, index))}]" if index else name
        raise ValueError(f"{name} must {rule}; got {entry} = {array[index]:g}.")


def require_finite(array: Array, name: str, advice: str = "replace or remove them") -> None:
    """Raise ValueError if an entry is NaN or infinite."""
    finite = np.isfinite(array)
    if not finite.all():
        require_all(finite, array, name, f"hold finite numbers, not NaN or infinity ({advice})")


def require_kind(value: object, kind: type, source: str) -> None:
    """Raise TypeError unless `value` is a `kind`; `source` is a call that makes one."""
    if not isinstance(value, kind):
        raise TypeError(f"needed a {kind.__name__}, as {source} makes it; got {brief(value)}.")


# Single values


def real(value: object, name: str, rule: str, holds: Callable[[float], bool]) -> float:
    """Check that `value` is a real number for which a rule holds, and return it as a float.

    Parameters
    ----------
    value : object
        What was given.
    name, rule : str
        Its name and what it must be, for the error message.
    holds : callable
        Whether the rule holds for a float.

    Raises
    ------
    ValueError
        If `value` is not a real number, is too large for a float, or breaks the rule.

    """
    with suppress(Exception):  # a very large integer, a time span, or an object that fails to be a float
        if isinstance(value, Real) and not isinstance(value, bool) and holds(float(value)):
            return float(value)
    raise ValueError(f"{name} must be {rule}; got {brief(value)}.")


def positive(value: object, name: str) -> float:
    """Check that `value` is a positive finite number, and return it as a float.

    Raises
    ------
    ValueError
        If it is not. The message begins with `name`.

    """
    return real(value, name, "a positive finite number, such as 0.1", lambda number: 0 < number < math.inf)


def flag(value: object, name: str) -> bool:
    """Check that `value` is True or False, and return it."""
    require(isinstance(value, (bool, np.bool_)), f"{name} must be True or False; got {brief(value)}.")
    return bool(value)


def one_text(value: object, name: str) -> str:
    """Check that `value` is a text, and return it."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text; got {brief(value)}.")
    return value


def one_of(words: Collection[str], value: object, name: str) -> str:
    """Check that `value` is one of some words, and return it."""
    if isinstance(value, str) and value in words:
        return value
    raise ValueError(f"{name} must be {' or '.join(map(repr, words))}; got {brief(value)}.")


def is_count(value: Any) -> bool:
    """Whether `value` is a positive whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64)) and bool(value > 0)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """Check a source of random numbers. None is replaced by `np.random.default_rng(0)`.

    Raises
    ------
    ValueError
        If `rng` is neither a NumPy `Generator` nor None.

    """
    rng = np.random.default_rng(0) if rng is None else rng
    known = isinstance(rng, np.random.Generator)
    require(known, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {brief(rng)}.")
    return rng


def precision(dtype: DTypeLike) -> np.dtype[np.floating]:
    """Check that `dtype` is float64 or float32."""
    with suppress(Exception):  # not a dtype at all
        found: Any = np.dtype(dtype)
        if found in PRECISIONS:
            return found
    came = getattr(dtype, "__name__", brief(dtype))
    raise ValueError(f"dtype must be float64 or float32, as others are too coarse for gradients; got {came}.")


# Arrays


def rectangular(value: ArrayLike, name: str) -> npt.NDArray[Any]:
    """Turn `value` into an array.

    Raises
    ------
    ValueError
        If its rows have different lengths.
    TypeError
        If it is a masked array, or a list that contains one.

    """
    if _has_mask(value):  # NumPy would drop the mask without a word
        advice = "Use .filled() or .compressed()."
        raise TypeError(f"{name} must hold numbers without a mask; got masked entries. {advice}")
    try:
        return np.asarray(value)
    except ValueError:
        advice = "Give each row the same length."
        raise ValueError(f"{name} must be a rectangular array; got rows of different lengths. {advice}") from None


def _has_mask(value: object, depth: int = 0) -> bool:
    if isinstance(value, (list, tuple)):  # nothing that is nested more deeply has an allowed shape
        return depth < 4 and any(_has_mask(entry, depth + 1) for entry in value)
    return type(value) is not np.ndarray and hasattr(value, "mask") and hasattr(value, "filled")


def floats(value: ArrayLike, name: str) -> Array:
    """Turn `value` into an array of floats. Only a float32 array stays float32.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If its rows have different lengths, or an integer is too large for a float.

    Examples
    --------
    >>> floats([1, 2], "x")
    array([1., 2.])

    """
    array = rectangular(value, name)
    if array.dtype.kind in "fiub":
        return array if array.dtype in PRECISIONS else array.astype(np.float64)
    odd = [entry for entry in array.ravel() if not isinstance(entry, Real)]
    if not odd and array.dtype == object:  # fractions and large integers
        try:
            return array.astype(np.float64)
        except OverflowError:
            raise ValueError(f"{name} must hold numbers that fit a float, up to 1.8e308; got a larger one.") from None
    came = brief(odd[0] if odd and array.size > 3 else value)
    raise TypeError(f"{name} must hold real numbers, such as [0.5, -1.0]; got {came}, of NumPy type {array.dtype}.")


def frozen(value: ArrayLike, name: str, dtype: DTypeLike = np.float64) -> Array:
    """Make a read-only copy of `value` in C order. Later changes to the original do not reach it.

    Raises
    ------
    TypeError
        As `floats` does.
    ValueError
        As `floats` does, and for NaN, infinity, or a dtype other than float64 and float32.

    """
    array = floats(value, name)
    require_finite(array, name)
    with np.errstate(over="ignore"):  # a value too large for float32 becomes inf, which is reported next
        array = np.array(array, dtype=precision(dtype), order="C")
    if array.dtype == np.float32:
        require_finite(array, name, "this is too large for float32")
    array.setflags(write=False)
    return array


def batch(value: ArrayLike, name: str, dtype: DTypeLike = np.float64) -> Array:
    """Turn `value` into a read-only `(n, units)` batch. One dimension is one row.

    Raises
    ------
    TypeError, ValueError
        As `frozen` does, and for an empty batch or more than two dimensions.

    Examples
    --------
    >>> batch([0.3, 0.7], "y").shape
    (1, 2)

    """
    array = frozen(value, name, dtype)
    array = array if array.ndim > 1 else array.reshape(1, -1)
    flatten = f"Flatten each example: {name}.reshape(len({name}), -1)."
    require(array.ndim == 2, f"{name} must have shape (examples, values); got shape {array.shape}. {flatten}")
    came = f"got shape {np.shape(value)}, which is empty."
    require(array.size, f"{name} must hold at least one example with one value; {came}")
    return array


def alike(y: ArrayLike, other: ArrayLike, name: str) -> tuple[Array, Array]:
    """Turn `y` and `other` into batches if they have the same shape. A loss never broadcasts."""
    y, other = floats(y, "y"), floats(other, name)
    if y.shape != other.shape:
        advice = f"Nothing is broadcast, as that would mix up examples. {_how_to_fit(y.shape, other.shape)}"
        raise ValueError(f"y and {name} must have the same shape; got {y.shape} and {other.shape}. {advice}")
    return batch(y, "y", other.dtype), batch(other, name, other.dtype)


def require_no_overflow(array: Array, name: str) -> None:
    """Raise ValueError if an entry overflowed."""
    require_finite(array, name, "this overflowed: use smaller inputs or weights")


# Networks


def weights(W: ArrayLike, b: ArrayLike | None, dtype: DTypeLike) -> tuple[Array, Array | None]:
    """Check the weights `(inputs, units)` and the biases `(units,)`, if any, of one layer."""
    W = frozen(W, "W", dtype)
    came = f"got shape {W.shape}. One unit with two inputs: [[0.1], [0.2]]."
    require(W.ndim == 2 and W.size, f"W must have shape (inputs, units), each at least 1; {came}")
    if b is None:
        return W, None
    b = frozen(b, "b", dtype)
    came = f"got shape {b.shape}."
    require(b.shape == W.shape[1:], f"b must have shape {W.shape[1:]}, one entry for each unit of W; {came}")
    return W, b


def entries(value: Any) -> tuple[Any, ...] | None:
    """Return the entries of a list, or similar; None for anything else, also for an array without a dimension."""
    with suppress(TypeError):
        return tuple(value)
    return None


def each_of(values: object, kind: type[Kind], name: str) -> tuple[Kind, ...]:
    """Turn a list, or similar, of at least one `kind` and nothing else into a tuple."""
    found = entries(values) or ()
    if found and all(isinstance(value, kind) for value in found):
        return found
    raise ValueError(f"{name} must be a list of {kind.__name__}, at least one; got {brief(found or values)}.")


def texts(value: Iterable[str], name: str) -> tuple[str, ...]:
    """Turn one text, or a list of texts, into a tuple."""
    found = (value,) if isinstance(value, str) else entries(value)
    if found is not None and all(isinstance(entry, str) for entry in found):
        return found
    raise TypeError(f"{name} must be a list of names; got {brief(value)}.")


def image_shape(value: Any) -> tuple[int, int]:
    """Check the height and the width of an image."""
    fits = isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_count, value))
    require(fits, f"shape must be the height and the width of an image, such as (8, 8); got {brief(value)}.")
    return value[0], value[1]


def require_chain(all_W: Sequence[Array]) -> None:
    """Raise ValueError unless the layers fit together and have one dtype."""
    for number, (below, above) in enumerate(pairwise(all_W), start=2):
        units = below.shape[1]
        came = f"got W{number} of shape {above.shape}. Its first number must be {units}."
        require(above.shape[0] == units, f"layer {number} must take the {units} outputs of layer {number - 1}; {came}")
        advice = "Make every layer with the same dtype, or all in float64 and then use network.astype."
        rule = f"all layers must have one dtype; got {below.dtype}, and {above.dtype} in layer {number}."
        require(above.dtype == below.dtype, f"{rule} {advice}")


def require_plan(sizes: Sequence[int], activations: Sequence[object]) -> None:
    """Raise ValueError unless a network can have these sizes and activations."""
    listed = isinstance(activations, Sequence) and not isinstance(activations, str)
    require(listed, f"activations must be a list with one for each layer; got {brief(activations)}.")
    whole = isinstance(sizes, Collection) and all(map(is_count, entries(sizes) or (0,)))
    require(whole, f"sizes must be positive whole numbers, in a list; got {brief(sizes)}.")
    came = f"got {len(sizes)} sizes and {len(activations)} activations."
    fits = len(sizes) == len(activations) + 1 > 1
    require(fits, f"sizes must be the number of inputs and then one for each activation; {came}")


def inputs(x: ArrayLike, n_in: int, dtype: DTypeLike) -> Array:
    """Turn `x` into a batch for a first layer with `n_in` inputs."""
    array = batch(x, "x", dtype)
    if array.shape[1] == n_in:
        return array
    advice = f" For {array.shape[1]} examples of one value use x.reshape(-1, 1)." if n_in == len(array) == 1 else ""
    needed = f"x must have {n_in} value{'s' if n_in > 1 else ''} for each example, one for each input of layer 1"
    raise ValueError(f"{needed}; got {array.shape[1]}, as x has shape {np.shape(x)}.{advice}")


def place(name: str, arrays: Mapping[str, Array], kind: str) -> tuple[str, tuple[int, ...]]:
    """Find a named entry: in which of `arrays` it is, and at which index, from 0.

    Raises
    ------
    UnknownNameError
        If it is in none of them.

    Examples
    --------
    >>> place("W1[2,1]", {"W1": np.zeros((2, 3))}, "weight")
    ('W1', (1, 0))

    """
    part = Name.read(name)
    key, index = str(part.at(index=(), example=0)), tuple(i - 1 for i in part.index)
    index = (part.example - 1, *index) if part.example else index
    shape = arrays[key].shape if key in arrays else None
    if shape is None or len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
        raise UnknownNameError(kind, name, [f"{key} of shape {array.shape}" for key, array in arrays.items()])
    return key, index


# Targets


def targets(y: ArrayLike, y_hat: Array) -> Array:
    """Turn `y` into a batch with the shape of the predictions `y_hat`."""
    array = batch(y, "y", y_hat.dtype)
    if array.shape == y_hat.shape:
        return array
    came = f"got shape {np.shape(y)}. {_how_to_fit(np.shape(y), y_hat.shape)}"
    raise ValueError(f"y must have the shape of the predictions, {y_hat.shape}; {came}")


def require_output(output: Any, needed: Any, loss: str) -> None:
    """Raise ValueError unless the output has the activation that a cross-entropy needs."""
    came = output.name if output.name != needed.name else f"a different activation named {output.name}"
    advice = f"Use {needed.name} in the last layer, or a different loss, such as mse."
    require(output == needed, f"{loss} needs probabilities from a {needed.name} output; got {came}. {advice}")


def require_probabilities(y: Array, y_hat: Array | None, classes: int) -> None:
    """Raise ValueError for an entry outside [0, 1] or fewer than `classes` in a row."""
    rule = "lie between 0 and 1 in a cross-entropy: targets are probabilities, predictions come from sigmoid or softmax"
    require_all((y >= 0) & (y <= 1), y, "y", rule)
    if y_hat is not None:
        require_all((y_hat >= 0) & (y_hat <= 1), y_hat, "y_hat", rule)
    came = f"got shape {y.shape}. For yes or no in one output use binary_cross_entropy with a sigmoid."
    require(y.shape[1] >= classes, f"y must have at least {classes} classes in a categorical cross-entropy; {came}")


def class_labels(labels: ArrayLike, classes: int) -> npt.NDArray[np.integer]:
    """Turn `labels` into an array of whole numbers from 0 to classes − 1."""
    rule = f"a positive whole number, at most {MOST:,}"
    require(is_count(classes) and classes <= MOST, f"classes must be {rule}; got {brief(classes)}.")
    array = rectangular(labels, "labels")
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, such as [0, 2, 1]; got {brief(labels)}.")
    require(array.ndim < 2 and array.size, f"labels must be one row with at least one label; got shape {array.shape}.")
    rule = f"lie between 0 and {classes - 1}, as there are {classes} classes"
    require_all((array >= 0) & (array < classes), array, "labels", rule)
    return array


def _how_to_fit(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Advise how to make targets fit predictions without mixing up examples."""
    n, outputs = wanted if len(wanted) == 2 else (1, 1)
    if outputs > 1 and shape in ((n,), (n, 1)):
        return f"Turn class labels into rows with one_hot(labels, {outputs})."
    if len(shape) == len(wanted) == 2 and shape == wanted[::-1]:
        return "Use y.T."
    if math.prod(shape) == math.prod(wanted) and min(len(shape), len(wanted)) < 2:
        return f"Use y.reshape{wanted}."
    mismatch = len(shape) == 2 and shape[0] != n
    count = f"There are predictions for {n} examples and y has {shape[0]}. " if mismatch else ""
    return f"{count}Give each example one target for each output."
