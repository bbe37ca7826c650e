"""What may come in: finite real numbers, in the right shape.

Every refusal says what was needed, what came and what to do, because the next reader of the message
is a student. NumPy's own words for these cases ("gufunc signature …") help only who knows NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from bpcourse.names import Name
from bpcourse.registry import UnknownNameError

if TYPE_CHECKING:
    import numpy.typing as npt
    from numpy.typing import NDArray

# Names in quotation marks: to import numpy.typing would cost more than the whole package does.
Array: TypeAlias = "npt.NDArray[np.floating]"
ArrayLike: TypeAlias = "npt.ArrayLike"
DTypeLike: TypeAlias = "npt.DTypeLike"

Kind = TypeVar("Kind")


class Named(Protocol):
    """A record with a name."""

    @property
    def name(self) -> str:
        """Return the name."""


def require(condition: object, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def require_all(allowed: NDArray[np.bool_], array: NDArray[np.number], name: str, rule: str) -> None:
    """Raise ValueError with the first entry of `array` that is not `allowed`, and its indices from 0."""
    if not allowed.all():
        index = tuple(int(i) for i in np.argwhere(~allowed)[0])
        entry = f"{name}[{', '.join(map(str, index))}]" if index else name
        raise ValueError(f"{name} must {rule}; got {entry} = {array[index]:g}.")


def require_finite(array: Array, name: str, advice: str = "replace or remove them") -> None:
    """Raise ValueError if an entry is NaN or infinite."""
    finite = np.isfinite(array)
    if not finite.all():
        require_all(finite, array, name, f"hold finite numbers, no NaN and no infinity ({advice})")


def real(value: object, name: str, rule: str, holds: Callable[[float], bool]) -> float:
    """Return `value` as a float, and raise ValueError if it is not a real number for which the rule holds."""
    try:
        if isinstance(value, Real) and not isinstance(value, bool) and holds(float(value)):
            return float(value)
    except OverflowError:  # a whole number beyond every float
        pass
    raise ValueError(f"{name} must be {rule}; got {value if isinstance(value, Real) else repr(value)}.")


def positive(value: object, name: str) -> float:
    """Check that `value` is a positive finite number.

    Parameters
    ----------
    value : object
        What was given, such as a learning rate.
    name : str
        Its name in the error message.

    Returns
    -------
    float
        The number as a float.

    Raises
    ------
    ValueError
        If it is not a real number, not finite, or not above 0.

    """
    return real(value, name, "a positive finite number, such as 0.1", lambda number: 0 < number < math.inf)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """Check a source of random numbers. None is replaced by `np.random.default_rng(0)`.

    Raises
    ------
    ValueError
        If `rng` is neither a NumPy `Generator` nor None.

    """
    rng = np.random.default_rng(0) if rng is None else rng
    known = isinstance(rng, np.random.Generator)
    require(known, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {rng!r}.")
    return rng


def require_probabilities(array: Array, name: str, classes: int = 1) -> None:
    """Raise ValueError if an entry lies outside [0, 1], or if there are fewer than `classes` in a row."""
    rule = (
        "lie between 0 and 1 in a cross-entropy (targets are probabilities; predictions come from a sigmoid or softmax)"
    )
    require_all((array >= 0) & (array <= 1), array, name, rule)
    came = f"got shape {array.shape}. For yes or no in one output use binary_cross_entropy with a sigmoid."
    require(
        array.shape[1] >= classes, f"{name} must have at least {classes} classes in a categorical cross-entropy; {came}"
    )


def require_output(output: Named, needed: Named, loss: str) -> None:
    """Raise ValueError unless the last layer's activation is the one that the cross-entropy `loss` goes with."""
    came = output.name if output.name != needed.name else f"another activation of the name {output.name}"
    advice = f"Use {needed.name} in the last layer, or another loss, such as mse."
    require(output == needed, f"{loss} needs probabilities from a {needed.name} output; got {came}. {advice}")


def rectangular(value: ArrayLike, name: str) -> NDArray[Any]:
    """Return `value` as an array; raise ValueError for rows of different lengths, TypeError for a masked array."""
    if hasattr(value, "mask") and hasattr(value, "filled"):  # NumPy would drop the mask without a word
        raise TypeError(f"{name} must hold numbers without a mask; got a masked array. Use .filled() or .compressed().")
    try:
        return np.asarray(value)
    except ValueError:
        advice = "Give each row the same length."
        raise ValueError(f"{name} must be a rectangular array; got rows of different lengths. {advice}") from None


def floats(value: ArrayLike, name: str) -> Array:
    """Return `value` as an array of floats: float32 stays float32, all else becomes float64.

    Raises TypeError for what is not numbers, ValueError for rows of different lengths.

    >>> floats([1, 2], "x")
    array([1., 2.])
    """
    array = rectangular(value, name)
    if array.dtype == object and all(isinstance(entry, Real) for entry in array.flat):  # fractions, huge integers
        return array.astype(np.float64)
    if array.dtype.kind not in "fiub":
        odd = next((entry for entry in array.flat if not isinstance(entry, Real)), None)
        came = repr(value) if len(repr(value)) <= 60 else f"{odd!r} in a {type(value).__name__}"
        raise TypeError(f"{name} must hold real numbers, such as [0.5, -1.0]; got {came}, of NumPy type {array.dtype}.")
    return array if array.dtype in (np.float64, np.float32) else array.astype(np.float64)


def precision(dtype: DTypeLike) -> np.dtype[np.floating]:
    """Return float64 or float32 as a dtype, and raise ValueError for any other."""
    try:
        found: Any = np.dtype(dtype)
    except TypeError:
        found = repr(dtype)
    if found in (np.float64, np.float32):
        return found
    raise ValueError(f"dtype must be float64 or float32, as others are too coarse for gradients; got {found}.")


def frozen(value: ArrayLike, name: str, dtype: DTypeLike = np.float64) -> Array:
    """Return a read-only copy of `value` in C order: later changes to the original do not reach it.

    Raises as `floats` does, and ValueError for NaN, infinity, or a dtype other than float64 and float32.
    """
    array = floats(value, name)
    require_finite(array, name)
    with np.errstate(over="ignore"):  # a value too large for float32 becomes inf, which is named next
        array = np.array(array, dtype=precision(dtype), order="C")
    if array.dtype == np.float32:
        require_finite(array, name, "this is too large for float32")
    array.setflags(write=False)
    return array


def freeze(values: dict[str, Array]) -> Mapping[str, Array]:
    """Return `values` as a read-only mapping of read-only arrays. Only for arrays that nobody else holds."""
    owned = {name: array if array.base is None else array.copy() for name, array in values.items()}
    for array in owned.values():
        array.setflags(write=False)
    return MappingProxyType(owned)


def require_finite_results(values: Mapping[str, Array], last: str) -> None:
    """Raise ValueError if the loss or a gradient overflowed; only `last`, the output's, may, as its true value does."""
    for name, array in values.items():
        if name == "loss" or (name.startswith("d") and name != last):
            require_finite(array, name, "this overflowed: use smaller inputs or weights")


def batch(value: ArrayLike, name: str, dtype: DTypeLike = np.float64) -> Array:
    """Return `value` as a read-only `(n, units)` batch; one dimension is one row.

    Raises as `frozen` does, and ValueError for an empty batch or more than two dimensions.

    >>> batch([0.3, 0.7], "y").shape
    (1, 2)
    """
    array = np.atleast_2d(frozen(value, name, dtype))
    flatten = f"Flatten each example: {name}.reshape(len({name}), -1)."
    require(array.ndim == 2, f"{name} must have shape (examples, values); got shape {array.shape}. {flatten}")
    require(
        array.size,
        f"{name} must hold at least one example with one value; got shape {np.shape(value)}, which is empty.",
    )
    return array


def weights(W: ArrayLike, b: ArrayLike | None, dtype: DTypeLike) -> tuple[Array, Array | None]:
    """Return the weights `(inputs, units)` and the biases `(units,)`, if any, of one layer."""
    W = frozen(W, "W", dtype)
    advice = "One unit with two inputs: [[0.1], [0.2]]."
    require(
        W.ndim == 2 and W.size, f"W must have shape (inputs, units), each at least 1; got shape {W.shape}. {advice}"
    )
    if b is None:
        return W, None
    b = frozen(b, "b", dtype)
    require(
        b.shape == W.shape[1:], f"b must have shape {W.shape[1:]}, one entry for each unit of W; got shape {b.shape}."
    )
    return W, b


def is_count(value: object) -> bool:
    """Return whether `value` is a positive whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value > 0)


def require_kind(value: object, kind: type, from_: str) -> None:
    """Raise TypeError unless `value` is a `kind`; `from_` says where one comes from."""
    if not isinstance(value, kind):
        raise TypeError(f"needed a {kind.__name__}, as {from_} gives it; got {value!r}.")


def each_of(values: object, kind: type[Kind], name: str) -> tuple[Kind, ...]:
    """Return `values` as a tuple if it is a list, or the like, of at least one `kind` and nothing else."""
    found = tuple(values) if isinstance(values, Iterable) else None
    all_right = found and all(isinstance(value, kind) for value in found)
    came = values if found is None else found
    require(all_right, f"{name} must be a list of {kind.__name__}, at least one; got {came!r}.")
    return found or ()


def require_chain(all_W: Sequence[Array]) -> None:
    """Raise ValueError unless each layer takes as many inputs as the one before has units, in one dtype."""
    for number, (below, above) in enumerate(pairwise(all_W), start=2):
        units = below.shape[1]
        came = f"got W{number} of shape {above.shape}. Its first number must be {units}."
        require(above.shape[0] == units, f"layer {number} must take the {units} outputs of layer {number - 1}; {came}")
        advice = "Make every layer with the same dtype, or all in float64 and then use network.astype."
        rule = f"layer {number} must have the one dtype of all, {below.dtype}; got {above.dtype}."
        require(above.dtype == below.dtype, f"{rule} {advice}")


def require_plan(sizes: Sequence[int], activations: Sequence[object], rng: object) -> None:
    """Raise ValueError unless a network can be drawn with these sizes and activations, one for each layer."""
    generator = isinstance(rng, np.random.Generator)
    require(generator, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {rng!r}.")
    listed = isinstance(activations, Sequence) and not isinstance(activations, str)
    require(listed, f"activations must be a list with one for each layer; got {activations!r}.")
    whole = isinstance(sizes, Iterable) and all(is_count(size) for size in sizes)
    require(whole, f"sizes must be positive whole numbers, in a list; got {sizes!r}.")
    came = f"got {len(sizes)} sizes and {len(activations)} activations."
    fits = len(sizes) == len(activations) + 1 > 1
    require(fits, f"sizes must be the number of inputs and then one for each activation; {came}")


def inputs(x: ArrayLike, n_in: int, dtype: DTypeLike) -> Array:
    """Return `x` as a batch for a first layer with `n_in` inputs."""
    array = batch(x, "x", dtype)
    if array.shape[1] == n_in:
        return array
    advice = f" For {array.shape[1]} examples of one value use x.reshape(-1, 1)." if n_in == len(array) == 1 else ""
    needed = f"x must have {n_in} value{'s' if n_in > 1 else ''} for each example, one for each input of layer 1"
    raise ValueError(f"{needed}; got {array.shape[1]}, as x has shape {np.shape(x)}.{advice}")


def targets(y: ArrayLike, y_hat: Array) -> Array:
    """Return `y` as a batch of the shape of the predictions `y_hat`."""
    array = batch(y, "y", y_hat.dtype)
    if array.shape == y_hat.shape:
        return array
    came = f"got shape {np.shape(y)}. {_how_to_fit(np.shape(y), y_hat.shape)}"
    raise ValueError(f"y must have the shape of the predictions, {y_hat.shape}; {came}")


def alike(y: ArrayLike, other: ArrayLike, name: str) -> tuple[Array, Array]:
    """Return `y` and `other` as batches, if they came in one shape: a loss never broadcasts."""
    shape, wanted = floats(y, "y").shape, floats(other, name).shape
    if shape != wanted:
        advice = f"Nothing is broadcast, as that would mix up examples. {_how_to_fit(shape, wanted)}"
        raise ValueError(f"y and {name} must have the same shape; got {shape} and {wanted}. {advice}")
    other = batch(other, name, floats(other, name).dtype)
    return batch(y, "y", other.dtype), other


def place(name: str, arrays: Mapping[str, Array], kind: str) -> tuple[str, tuple[int, ...]]:
    """Return in which of `arrays` a named entry is, and where, from 0; ValueError if it is nowhere.

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


def _how_to_fit(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Return what makes targets of one shape fit predictions of another, without mixing up examples."""
    n, outputs = wanted if len(wanted) == 2 else (1, 1)
    if outputs > 1 and shape in ((n,), (n, 1)):
        return f"Class labels become rows by one_hot(labels, {outputs})."
    if len(shape) == len(wanted) == 2 and shape == wanted[::-1]:
        return "Use y.T."
    if math.prod(shape) == math.prod(wanted) and min(len(shape), len(wanted)) < 2:
        return f"Use y.reshape{wanted}."
    mismatch = len(shape) == 2 and shape[0] != n
    count = f"There are predictions for {n} examples and y has {shape[0]}. " if mismatch else ""
    return f"{count}Give each example one target for each output."


def class_labels(labels: ArrayLike, classes: int) -> NDArray[np.integer]:
    """Return `labels` as an array of whole numbers from 0 to classes − 1; TypeError if they are not whole."""
    require(is_count(classes), f"classes must be a positive whole number; got {classes!r}.")
    array = rectangular(labels, "labels")
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, such as [0, 2, 1]; got {labels!r}.")
    require(array.ndim < 2 and array.size, f"labels must be one row with at least one label; got shape {array.shape}.")
    rule = f"lie between 0 and {classes - 1}, as there are {classes} classes"
    require_all((array >= 0) & (array < classes), array, "labels", rule)
    return array
