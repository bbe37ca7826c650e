"""What may come in: finite real numbers, in the right shape.

Every refusal says what was needed, what came and what to do, because the next reader of the message
is a student. NumPy's own words for these cases ("gufunc signature …") help only who knows NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

Array: TypeAlias = "NDArray[np.floating]"  # a name only: importing numpy.typing costs more than this package


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


def require_finite(array: Array, name: str) -> None:
    """Raise ValueError if an entry is NaN or infinite."""
    require_all(np.isfinite(array), array, name, "hold finite numbers, no NaN and no infinity (replace or remove them)")


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


def require_output(output: str, needed: str, loss: str) -> None:
    """Raise ValueError unless the last layer's activation is the one that the cross-entropy `loss` goes with."""
    advice = f"Use {needed} in the last layer, or another loss, such as mse."
    require(output == needed, f"{loss} needs probabilities from a {needed} output; got {output}. {advice}")


def floats(value: ArrayLike, name: str) -> Array:
    """Return `value` as an array of floats: float32 stays float32, all else becomes float64.

    Raises TypeError for what is not numbers, ValueError for rows of different lengths.

    >>> floats([1, 2], "x")
    array([1., 2.])
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{name} must be a rectangular array of numbers; got rows of different lengths. Give each the same length."
        ) from None
    if array.dtype.kind not in "fiub":
        shown = repr(value) if len(repr(value)) <= 60 else type(value).__name__
        raise TypeError(
            f"{name} must hold real numbers, such as [0.5, -1.0]; got {shown}, of NumPy type {array.dtype}."
        )
    return array if array.dtype in (np.float64, np.float32) else array.astype(np.float64)


def frozen(value: ArrayLike, name: str, dtype: DTypeLike = np.float64) -> Array:
    """Return a read-only copy of `value` in C order: later changes to the original do not reach it.

    Raises as `floats` does, and ValueError for NaN, infinity, or a dtype other than float64 and float32.
    """
    precise = np.dtype(dtype) in (np.float64, np.float32)
    require(precise, f"dtype must be float64 or float32; got {np.dtype(dtype)}, too coarse for gradients.")
    array = floats(value, name)
    with np.errstate(over="ignore"):  # a value too large for float32 becomes inf, which the next line names
        array = np.array(array, dtype=dtype, order="C")
    require_finite(array, name)
    array.setflags(write=False)
    return array


def freeze(values: dict[str, Array]) -> Mapping[str, Array]:
    """Return `values` as a read-only mapping of read-only arrays. Only for arrays that nobody else holds."""
    for array in values.values():
        array.setflags(write=False)
    return MappingProxyType(values)


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


def require_chain(layers: tuple[object, ...], all_W: Sequence[Array]) -> None:
    """Raise ValueError unless all are layers, and each takes as many inputs as the one before has units."""
    require(len(layers) == len(all_W) > 0, f"layers must be a list of Dense, at least one; got {layers!r}.")
    for number, (below, above) in enumerate(pairwise(all_W), start=2):
        units = below.shape[1]
        came = f"got W{number} of shape {above.shape}. Its first number must be {units}."
        require(above.shape[0] == units, f"layer {number} must take the {units} outputs of layer {number - 1}; {came}")
        require(above.dtype == below.dtype, "all layers must have one dtype. Use network.astype on the whole network.")


def require_plan(sizes: Sequence[int], activations: Sequence[object], rng: object) -> None:
    """Raise ValueError unless a network can be drawn with these sizes and activations, one for each layer."""
    generator = isinstance(rng, np.random.Generator)
    require(generator, f"rng must be a NumPy Generator, such as np.random.default_rng(0); got {rng!r}.")
    whole = all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes)
    require(whole, f"sizes must be positive whole numbers; got {list(sizes)}.")
    came = f"got {len(sizes)} sizes and {len(activations)} activations."
    fits = len(sizes) == len(activations) + 1 > 1
    require(fits, f"sizes must be the number of inputs and then one for each activation; {came}")


def inputs(x: ArrayLike, n_in: int, dtype: DTypeLike) -> Array:
    """Return `x` as a batch for a first layer with `n_in` inputs."""
    array = batch(x, "x", dtype)
    advice = f" For {array.shape[1]} examples of one value use x.reshape(-1, 1)." if n_in == len(array) == 1 else ""
    came = f"got {array.shape[1]}, as x has shape {np.shape(x)}.{advice}"
    require(
        array.shape[1] == n_in, f"x must have {n_in} values for each example, one for each input of layer 1; {came}"
    )
    return array


def targets(y: ArrayLike, y_hat: Array) -> Array:
    """Return `y` as a batch of the shape of the predictions `y_hat`."""
    array = batch(y, "y", y_hat.dtype)
    if array.shape == y_hat.shape[::-1] != y_hat.shape:
        advice = "Turn the row of targets into a column: y.reshape(-1, 1)." if y_hat.shape[1] == 1 else "Use y.T."
    elif len(array) != len(y_hat):
        advice = f"x has {len(y_hat)} examples and y has {len(array)}: give each example its target."
    else:
        advice = f"Class labels become such rows by one_hot(labels, {y_hat.shape[1]})."
    came = f"got shape {np.shape(y)}. {advice}"
    require(array.shape == y_hat.shape, f"y must have the shape of the predictions, {y_hat.shape}; {came}")
    return array


def alike(y: ArrayLike, other: ArrayLike, name: str) -> tuple[Array, Array]:
    """Return `y` and `other` as batches, if they came in one shape: a loss never broadcasts."""
    shape, wanted = floats(y, "y").shape, floats(other, name).shape
    advice = (
        f"Nothing is broadcast, which would compare targets with predictions of other examples: use y.reshape{wanted}."
    )
    require(shape == wanted, f"y and {name} must have the same shape; got {shape} and {wanted}. {advice}")
    other = batch(other, name, floats(other, name).dtype)
    return batch(y, "y", other.dtype), other


def class_labels(labels: ArrayLike, classes: int) -> NDArray[np.integer]:
    """Return `labels` as an array of whole numbers from 0 to classes − 1; TypeError if they are not whole."""
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, such as [0, 2, 1]; got {labels!r}.")
    require(array.ndim < 2 and array.size, f"labels must be one row with at least one label; got shape {array.shape}.")
    whole = isinstance(classes, (int, np.integer)) and classes > 0
    require(whole, f"classes must be a positive whole number; got {classes!r}.")
    rule = f"lie between 0 and {classes - 1}, as there are {classes} classes"
    require_all((array >= 0) & (array < classes), array, "labels", rule)
    return array
