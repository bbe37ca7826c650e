"""Exercises from files: a network, an input and a target in TOML or JSON, for `bpcourse solve`.

    x = [0.05, 0.10]              # one example; a batch has a row for each: [[0.05, 0.10], [0.20, 0.30]]
    y = [0.01, 0.99]
    loss = "half_sse"             # mse, half_sse, binary_cross_entropy or categorical_cross_entropy
    learning_rate = 0.5           # optional

    [[layers]]                    # the layer next to the input first
    weights = [[0.15, 0.25],      # a row for each input, a column for each unit
               [0.20, 0.30]]
    biases = [0.35, 0.35]         # optional
    activation = "sigmoid"        # identity, sigmoid, tanh, relu, leaky_relu, leaky_relu(0.2) or softmax

    [[layers]]
    weights = [[0.40, 0.50], [0.45, 0.55]]
    biases = [0.60, 0.60]
    activation = "sigmoid"

In JSON the keys are the same, and `layers` is a list.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bpcourse.engine.backpropagation import Trace, backprop
from bpcourse.engine.losses import LOSSES
from bpcourse.engine.network import Dense, Network, forward
from bpcourse.engine.validation import positive
from bpcourse.registry import UnknownNameError, brief

LARGEST = 20_000  # bytes; exercises for hand work are far smaller, and nothing in such a file takes long to read
T = TypeVar("T")


@dataclass(frozen=True)
class Exercise:
    """The content of a file: the trace of its pass, and the learning rate, if there is one."""

    trace: Trace
    learning_rate: float | None


class ExerciseFileError(ValueError):
    """A file that cannot be used. The message says which file, which key, what was needed and what was given."""


def read_exercise(path: str | Path) -> Exercise:
    """Read an exercise from a file.

    Parameters
    ----------
    path : str or Path
        A .toml or .json file as described at the top of this module.

    Returns
    -------
    Exercise

    Raises
    ------
    ExerciseFileError
        If the file cannot be read or does not fit.

    Examples
    --------
    >>> import json, tempfile
    >>> content = {"x": [2.0], "y": [9.0], "loss": "mse", "layers": [{"weights": [[3.0]], "activation": "identity"}]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "exercise.json"
    ...     _ = path.write_text(json.dumps(content), encoding="utf-8")
    ...     read_exercise(path).trace.loss  # (2·3 − 9)²
    9.0
    """
    path = Path(path)
    try:
        return _exercise(_content(path))
    except ExerciseFileError as error:
        raise ExerciseFileError(f"{path}: {error}") from None


def _content(path: Path) -> dict[str, Any]:
    """Return the keys and values of a file."""
    readers: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": _json}
    if path.suffix.lower() not in readers:
        raise ExerciseFileError("needed a file that ends in .toml or .json")
    try:
        if path.exists() and not path.is_file():
            raise ExerciseFileError("needed an ordinary file")  # a pipe would be waited for without end
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ExerciseFileError(f"needed a small network; the file has more than {LARGEST:,} bytes")
        found = readers[path.suffix.lower()](content.decode("utf-8-sig").replace("\r\n", "\n"))
    except ExerciseFileError:
        raise
    except OSError as error:
        raise ExerciseFileError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExerciseFileError("needed text in UTF-8; choose this encoding when you save it in your editor") from None
    except RecursionError:
        raise ExerciseFileError("needed lists of lists; these are nested far too deep") from None
    except ValueError as error:  # tomllib and json say in which line; Python advises how to use thousands of digits
        raise ExerciseFileError(f"not valid {path.suffix[1:].upper()}: {str(error).partition('; use')[0]}") from None
    if not isinstance(found, dict):
        raise ExerciseFileError(f"needed the keys x, y, loss and layers; got a {type(found).__name__}")
    return found


def _json(text: str) -> Any:
    """Return the content of JSON. As in TOML, a key may not appear twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
            raise ValueError(f"the key {twice[0]!r} appears twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def _exercise(content: dict[str, Any]) -> Exercise:
    _require_keys(content, "", needed=("x", "y", "loss", "layers"), optional=("learning_rate",))
    described = content["layers"]
    if not isinstance(described, list) or not described or not all(isinstance(layer, dict) for layer in described):
        raise ExerciseFileError("layers: needed one [[layers]] for each layer, with weights and activation")
    layers = [_layer(layer, f"layers[{number}]") for number, layer in enumerate(described, start=1)]
    network = _at("layers", lambda: Network(layers))
    _at("x", lambda: forward(network, content["x"]))
    loss = _at("loss", lambda: LOSSES[content["loss"]])
    trace = _at("y, with this loss", lambda: backprop(network, content["x"], content["y"], loss))
    rate = content.get("learning_rate")
    if rate is not None:
        rate = _at("learning_rate", lambda: positive(rate, "learning_rate"))
    return Exercise(trace, rate)


def _layer(layer: dict[str, Any], key: str) -> Dense:
    _require_keys(layer, key, needed=("weights", "activation"), optional=("biases",))
    _at(f"{key}.weights", lambda: Dense(layer["weights"]))
    _at(f"{key}.biases", lambda: Dense(layer["weights"], layer.get("biases")))
    return _at(f"{key}.activation", lambda: Dense(layer["weights"], layer.get("biases"), layer["activation"]))


def _require_keys(found: dict[str, Any], where: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Raise ExerciseFileError for a key that is missing or unknown."""
    prefix = f"{where}: " if where else ""
    for key in found:
        if key not in (*needed, *optional):
            raise ExerciseFileError(prefix + str(UnknownNameError("key", key, (*needed, *optional))))
    for key in needed:
        if key not in found:
            raise ExerciseFileError(f"{prefix}the key {brief(key)} is missing. Needed: {', '.join(needed)}")


def _at(key: str, make: Callable[[], T]) -> T:
    """Return the result of `make`. An error of the engine becomes an error that names the key."""
    try:
        return make()
    except (ValueError, TypeError, OverflowError) as error:
        raise ExerciseFileError(f"{key}: {error}") from None
