"""Diagnosis of a backward pass that someone wrote in NumPy, and that does not match the gradient check.

The function is called on a few small random networks (`experiments`). What it returns is compared with the right
gradients, and with what each mistake makes of them (`explanations`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from bpcourse.engine.activations import AnyActivation
from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.losses import Loss, LossName
from bpcourse.engine.validation import Array, is_count, positive, require
from bpcourse.numbers import format_number
from bpcourse.registry import brief
from bpcourse.texts import read_toml
from bpcourse.tutor.experiments import SIMILAR, SIMILAR_SINGLE, Answer, Experiment, call, draw_experiments, listed
from bpcourse.tutor.explanations import Board, Edit, Explanation, explain, factors_of, ids_of, way_back
from bpcourse.tutor.mistakes import MISTAKES
from bpcourse.tutor.mistakes.record import Words
from bpcourse.tutor.numpy_lines import line
from bpcourse.tutor.verdicts import Verdict

NETWORKS = 3
TEXTS = read_toml("tutor/diagnosis.toml")
IN_FORWARD = ("z", "a", "y_hat", "given")


def diagnose(
    function: Callable[..., object],
    *,
    sizes: Sequence[int],
    activations: Sequence[AnyActivation],
    loss: Loss | LossName | str = "mse",
    bias: bool = True,
    batch: int = 5,
    layout: Literal["rows", "columns"] = "rows",
    learning_rate: float | None = None,
    seed: int = 0,
) -> Verdict:
    """Say why a backward pass is wrong: which gradients, since which line, and which mistake gives these numbers.

    The function is called on three small random networks: ``function(x, y, W1, b1, W2, b2, …)``. It returns
    ``dW1, db1, dW2, db2, …`` as a tuple, a list or a dict by name. The loss is the mean over the examples.

    Parameters
    ----------
    function : callable
        The backward pass or, with a learning rate, the training step.
    sizes : sequence of int
        The number of inputs, then the number of units in each layer. Small ones are enough.
    activations : sequence of str or Activation
        One for each layer.
    loss : str or Loss
        The loss. For "categorical_cross_entropy" the targets are one-hot, for "binary_cross_entropy" they are 0 and 1.
    bias : bool
        Whether the layers have biases. If not, there is no b among the arguments.
    batch : int
        The number of examples.
    layout : {"rows", "columns"}
        "rows": x (n, n_in), y (n, n_out), W (n_in, n_out), b (n_out,).
        "columns": x (n_in, n), y (n_out, n), W (n_out, n_in), b (n_out, 1).
    learning_rate : float, optional
        If given, the function is one step of gradient descent, with the learning rate as its last argument. It
        returns the new parameters, or changes the arrays in place and returns None.
    seed : int
        The seed of the random networks.

    Returns
    -------
    Verdict
        Its status is "correct", "mistake" (one is named), "wrong", "unreadable" or "not answered". `.mistakes` are the
        ids of the mistakes, the likeliest first. `.steps` has a verdict on each gradient, `.first` is the first wrong
        one in the backward pass, and `.code` is how that line could be.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        If the network, the batch, the layout, the loss or the learning rate is impossible.

    Examples
    --------
    >>> import numpy as np
    >>> def gradients(x, y, W1, b1, W2, b2):
    ...     a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
    ...     a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    ...     dz2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
    ...     dz1 = dz2 @ W2.T
    ...     return x.T @ dz1, dz1.sum(axis=0), a1.T @ dz2, dz2.sum(axis=0)
    >>> found = diagnose(gradients, sizes=[3, 4, 2], activations=["sigmoid", "sigmoid"])
    >>> found.mistakes[0], found.first
    ('drop_sigma_prime_hidden', 'dW1')
    >>> print(found.code)
    dz1 = (dz2 @ W2.T) * a1 * (1 - a1)

    References
    ----------
    Gradient checks: Goodfellow, Bengio, Courville, *Deep Learning*, 2016, section 11.5.
    """
    if not callable(function):
        raise TypeError(f"needed a function; got {brief(function)}. Write its name without parentheses.")
    require(is_count(batch), f"batch must be a whole number from 1; got {brief(batch)}.")
    rate = None if learning_rate is None else positive(learning_rate, "learning_rate")
    experiments = draw_experiments(
        sizes, activations, loss, bias=bias, batch=batch, layout=layout, learning_rate=rate, seed=seed, count=NETWORKS
    )
    answers: list[Answer] = []
    chance = _state_of_chance()
    for experiment in (*experiments, experiments[0]):
        answer = call(function, experiment)
        if isinstance(answer, Verdict):
            return answer
        answers.append(answer)
    *answers, again = answers
    if not _alike(answers[0], again):
        return _not_repeatable(experiments[0], answers, again, chance != _state_of_chance())
    return _judged(experiments, answers)


# Calls that do not agree


def _state_of_chance() -> tuple[object, bytes]:
    """Return the state of the two global random generators."""
    return random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[index] # noqa: NPY002 (it is watched)


def _alike(one: Answer, other: Answer) -> bool:
    """Return whether two answers for the same network are the same."""
    mine, its = {**one.arrays, **one.shapes}, {**other.arrays, **other.shapes}
    return mine.keys() == its.keys() and all(
        mine[name].shape == its[name].shape and np.allclose(mine[name], its[name], rtol=1e-6, atol=1e-12)
        for name in mine
    )


def _not_repeatable(experiment: Experiment, answers: Sequence[Answer], again: Answer, by_chance: bool) -> Verdict:
    """Return the verdict on a function that gives different results for the same arguments."""
    name = next((name for name in again.arrays if not _same(answers[0].arrays.get(name), again.arrays[name])), "W1")
    found = [each.arrays[name] for each in (*answers, again) if name in each.arrays]
    added = len(found) == len(answers) + 1 and (
        _same(sum(found[:-1], start=0 * found[0]), found[-1])  # each result is the mean or the sum of those before
        or _same(found[-1] - found[-2], experiment.right[name])
        or _same(found[-1] - found[-2], found[0])
    )
    text = TEXTS["repeat"]["added" if added else "chance" if by_chance else "unknown"]
    asked = experiment.asked[name]
    return Verdict("wrong", f"Two calls with the same arguments give a different {asked}. {text['name']}", text["hint"])


def _same(one: Array | None, other: Array) -> bool:
    return one is not None and one.shape == other.shape and np.allclose(one, other, rtol=1e-6, atol=1e-12)


# Judging

COARSE = "Give a larger learning_rate, such as 0.1, or compute in float64."


def _judged(experiments: Sequence[Experiment], answers: Sequence[Answer]) -> Verdict:
    """Compare what was returned with what is right, and with what mistakes give."""
    first, answer = experiments[0], answers[0]
    for its, each in zip(experiments, answers, strict=True):
        if each.shapes:
            return _of_shapes(its, each)
    similar = SIMILAR_SINGLE if any(each.single for each in answers) else SIMILAR
    boards = [Board(each, its.arrays, similar) for each, its in zip(experiments, answers, strict=True)]
    if any(board.blurred for board in boards):
        lost = f"the steps are lost in the last bits of {'float32' if similar == SIMILAR_SINGLE else 'float64'}"
        return Verdict("unreadable", f"With the learning rate {format_number(first.rate or 0.0)}, {lost}.", COARSE)
    wrong = [name for name in way_back(first) if not all(board.is_right(name) for board in boards)]
    changed = [note for note in answer.notes if note.startswith("It changes")]
    if not wrong and not changed:
        what = "the new parameters" if first.rate is not None else "all gradients"
        message = f"On {len(boards)} networks {what} are right: {', '.join(first.asked.values())}."
        return Verdict(
            "correct", " ".join([message, *answer.notes]), note=" ".join(answer.notes), steps=_each(first, ())
        )
    if not wrong:
        return Verdict("wrong", f"The numbers are right. {changed[0]}", TEXTS["changed"]["hint"])
    if answer.whole and any(first.asked[name] in answer.whole for name in wrong):
        text = TEXTS["whole"]
        ids = ("integer_weights",) if first.rate is not None else ()
        message = (
            f"{listed(answer.whole)} {_plural(answer.whole, 'contains', 'contain')} only whole numbers. {text['name']}"
        )
        return Verdict("mistake" if ids else "wrong", message, text["hint"], ids)
    explanation = explain(boards)
    if explanation is None:
        return _unexplained(boards, wrong)
    return _explained(boards, wrong, explanation, changed)


def _plural(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several


def _each(experiment: Experiment, wrong: Sequence[str], ids: tuple[str, ...] = ()) -> dict[str, Verdict]:
    """Return a short verdict for each array."""
    status: Any = "mistake" if ids else "wrong"
    return {
        asked: Verdict(status, f"{asked} is wrong.", mistakes=ids)
        if name in wrong
        else Verdict("correct", f"{asked} is right.")
        for name, asked in experiment.asked.items()
    }


def _which(experiment: Experiment, wrong: Sequence[str]) -> str:
    """Return the sentence that says which arrays are right, and which are wrong."""
    right = [experiment.asked[name] for name in experiment.parameters if name not in wrong]
    bad = [experiment.asked[name] for name in experiment.parameters if name in wrong]
    if not right:
        return f"{listed(bad)} {_plural(bad, 'is', 'are')} wrong."
    return f"{listed(right)} {_plural(right, 'is', 'are')} right, {listed(bad)} {_plural(bad, 'is', 'are')} wrong."


def _explained(
    boards: Sequence[Board], wrong: Sequence[str], explanation: Explanation, notes: Sequence[str]
) -> Verdict:
    """Put an explanation into words."""
    experiment = boards[0].experiment
    facts = next(iter(experiment.steps.values())).facts
    first = experiment.asked[wrong[0]]
    ids = ids_of(explanation, experiment)
    clauses = [_clause(edits, experiment, wrong[0]) for edits in explanation.edits]
    hint, code, where = "", "", ""
    if explanation.edits:
        edit = explanation.edits[0][0]
        hint = _words(edit, experiment, wrong[0]).hint
        kind, layer = _place(edit, wrong[0])
        code = line(facts, experiment.layout, kind, layer)
        where = f" Look where you compute {_quantity(kind, layer)}."
    if explanation.factor != 1.0:
        clauses += [_factor_clause(explanation.factor, experiment)]
        if not explanation.edits:
            hint = _of_factor(explanation.factor)["hint"]
            code = line(facts, experiment.layout, "delta", facts.last)
    factor = _constant(boards)
    words = "" if factor is None else _of_factor(factor)["name"]
    constant = words.format(factor=format_number(factor or 1.0))
    message = _in_sentences(experiment, wrong, clauses, where, explanation.whole, len(boards), constant)
    return Verdict("mistake", "\n".join([message, *notes]), hint, ids, _each(experiment, wrong, ids), first, code=code)


def _in_sentences(
    experiment: Experiment,
    wrong: Sequence[str],
    clauses: Sequence[str],
    where: str,
    whole: bool,
    networks: int,
    constant: str,
) -> str:
    """Return which arrays are wrong, and what gives exactly these arrays.

    constant : the sentence about a constant factor between all of them and the right ones, or ""
    """
    which = constant or _which(experiment, wrong)
    if not whole:
        head = [experiment.asked[name] for name in wrong if name[1:] == wrong[0][1:]]
        left = [experiment.asked[name] for name in wrong if name[1:] != wrong[0][1:]]
        comes = f"{listed(head)} {_plural(head, 'is', 'are')} exactly what you get if {clauses[0]}.{where}"
        rest = f"{listed(left)} {_plural(left, 'has', 'have')} a second mistake, which I don't recognize."
        return f"{which}\n{comes}\n{rest} Fix the first one, and try again."
    if len(clauses) > 1:
        return f"{which}\nThere are two mistakes. First, {clauses[0]}.{where}\nThen one is left: {clauses[1]}."
    these = _plural(wrong, "it is", "they are")
    return f"{which}\nOn {networks} networks, {these} exactly what you get if {clauses[0]}.{where}"


def _clause(edits: tuple[Edit, ...], experiment: Experiment, name: str) -> str:
    """Return the clause that says what is done wrong, and at most one more that cannot be told apart from it."""
    likeliest = edits[0]
    names = dict.fromkeys(_words(edit, experiment, name).name for edit in edits if edit.part == likeliest.part)
    clause = ", or if ".join(list(names)[:2])
    if likeliest.only:
        clause += f", but only for the {'weights' if likeliest.only == 'W' else 'biases'}"
    one_layer = likeliest.part and len(likeliest.layers) == 1 and len(experiment.trace.network.layers) > 1
    return clause + (f", in layer {min(likeliest.layers)}" if one_layer else "")


def _words(edit: Edit, experiment: Experiment, name: str) -> Words:
    """Return the words for the mistake of an edit."""
    mistake = edit.mistakes[0]
    step = experiment.steps[experiment.names[name].flat[0]]
    words = mistake.words_for(step)
    return replace(words, **TEXTS["code"].get(mistake.id, {}))


def _place(edit: Edit, name: str) -> tuple[str, int]:
    """Return the kind of step and the layer in which a mistake is made first in the backward pass."""
    layer = int(name[1:])
    kind = edit.kind
    if kind == "mean" and edit.only:
        return f"d{edit.only} mean", layer
    if edit.mistakes[0].id == "product_of_sums":
        return "dW", layer
    if kind in IN_FORWARD:
        kind = next((each for each in edit.kinds if each in ("z", "a")), kind)
        return kind, max(min(edit.layers), 1)
    here = edit.layers | {layer}
    return kind, layer if layer in edit.layers or kind in ("mean", "new") else max(each for each in here if each >= 1)


def _quantity(kind: str, layer: int) -> str:
    """Return the name of what a line of code computes."""
    names = {"z": "z", "given": "z", "a": "a", "y_hat": "a", "dW": "dW", "db": "db", "new": "the new W"}
    return f"{names.get(kind.removesuffix(' mean'), 'dz')}{layer}"


def _factor_clause(factor: float, experiment: Experiment) -> str:
    """Return which constants everything is multiplied by, as it follows "if"."""
    names = [
        MISTAKES[id].words_for(experiment.steps[experiment.names["W1"].flat[0]]).name
        for id in factors_of(experiment)[factor]
    ]
    return f"everything is multiplied by {format_number(factor)}: " + ", and ".join(names)


def _of_factor(factor: float) -> dict[str, str]:
    """Return the texts about a constant factor: −1 may be off by a rounding error."""
    return TEXTS["sign" if math.isclose(factor, -1.0) else "factor"]


def _constant(boards: Sequence[Board]) -> float | None:
    """Return the constant factor between what was returned and what is right, if there is one."""
    board = boards[0]
    name = max(board.order, key=lambda name: float(np.abs(board.right[name]).max()))
    place = int(np.abs(board.right[name]).argmax())
    factor = float(board.got[name][place] / board.right[name][place])
    if not factor or not math.isfinite(factor):
        return None
    same = all(each.same(each.right[name], name, factor) for each in boards for name in each.order)
    return factor if same else None


# Wrong shapes


def _of_shapes(experiment: Experiment, answer: Answer) -> Verdict:
    """Return the verdict on arrays of the wrong shape, with the mistake that makes such an array."""
    name = next(name for name in way_back(experiment) if name in answer.shapes)
    asked, got = experiment.asked[name], answer.shapes[name]
    right, rows = experiment.right[name], experiment.layout == "rows"
    shape = got.shape if rows or got.ndim != 2 else got.shape[::-1]
    message = f"{asked} has shape {shape}; it must be {experiment.wanted(name)}."
    for id, key, array in _shaped(experiment, name, right):
        if array.shape == got.shape and experiment.rate is None and _is_multiple(got, array):
            text = TEXTS["shape"][key]
            if id:
                return Verdict("mistake", f"{message} {text['name']}", text["hint"], (id,), first=asked)
            return Verdict("wrong", f"{message} {text['name']}", text["hint"], first=asked)
    count = len(experiment.trace["x"])
    if experiment.trace["y"].shape[1] == 1 and count > 1 and count in got.shape:
        text = TEXTS["shape"]["pairs"]
        return Verdict("mistake", f"{message} {text['name']}", text["hint"], ("broadcast_n_vs_n1",), first=asked)
    return Verdict("wrong", message, TEXTS["shape"]["other"]["hint"], first=asked)


def _shaped(experiment: Experiment, name: str, right: Array) -> Iterator[tuple[str, str, Array]]:
    """Yield arrays of wrong shapes, with the id of the mistake and the key of its text."""
    if right.ndim == 2:
        yield "", "transposed", right.T
        return
    dz = experiment.trace[f"dz{name[1:]}"]
    yield "bias_grad_not_summed", "not_summed", dz
    yield "bias_grad_not_summed", "not_summed", dz.T
    yield "bias_grad_summed_all_axes", "all", dz.sum()
    yield "bias_grad_summed_all_axes", "all", dz.sum().reshape(1)
    yield "bias_grad_summed_all_axes", "all", dz.sum().reshape(1, 1)
    for axis_kept in (False, True):
        yield "summed_over_wrong_axis", "axis", dz.sum(axis=1, keepdims=axis_kept)
    yield "summed_over_wrong_axis", "axis", dz.sum(axis=1)[np.newaxis]


def _is_multiple(got: Array, array: Array) -> bool:
    """Return whether one array is a multiple of another."""
    factor = float(np.vdot(array, got) / np.vdot(array, array)) if array.any() else 0.0
    return bool(factor) and np.allclose(got, factor * array, rtol=1e-6, atol=1e-12)


# What nothing explains


def _unexplained(boards: Sequence[Board], wrong: Sequence[str]) -> Verdict:
    """Return the verdict if no mistake explains the arrays: where the first wrong one is, and its pattern."""
    experiment = boards[0].experiment
    facts = next(iter(experiment.steps.values())).facts
    name, layer = wrong[0], int(wrong[0][1:])
    asked = experiment.asked[name]
    both_wrong = {f"W{layer}", f"b{layer}"} <= {*wrong} or f"b{layer}" not in experiment.parameters
    kind = ("delta" if layer == facts.last else "back") if both_wrong else {"W": "dW", "b": "db"}[name[0]]
    slip = _product(boards, name)
    pattern = _pattern(boards, name)
    message = f"{_which(experiment, wrong)}\nThe first wrong one in the backward pass is {asked}."
    steps, code = _each(experiment, wrong), line(facts, experiment.layout, kind, layer)
    if slip:
        words = f"{asked} is exactly {slip}."
        ids = ("slip_other_quantity",)
        return Verdict("mistake", f"{message} {words}", TEXTS["slip"]["hint"], ids, steps, asked, code=code)
    hint = TEXTS["where"][kind].format(layer=layer, above=layer + 1)
    return Verdict("wrong", message + pattern, hint, steps=steps, first=asked, code=code)


def _pattern(boards: Sequence[Board], name: str) -> str:
    """Return the sentence about the factors between a wrong gradient and the right one."""
    experiment = boards[0].experiment
    shape = experiment.right[name].shape
    ratios = []
    for board in boards:
        with np.errstate(all="ignore"):
            ratios.append((board.got[name] / board.right[name]).reshape(shape))
    asked = experiment.asked[name]
    if not all(np.isfinite(each).all() for each in ratios):
        return ""
    same = [float(each.flat[0]) for each in ratios if np.allclose(each, each.flat[0], rtol=1e-4)]
    if len(same) == len(ratios):
        shown = " and ".join(dict.fromkeys(format_number(each) for each in same))
        return f" Each of its entries is {shown} times what it should be."
    if len(shape) == 2:
        for axis, what in ((1, "row"), (0, "column")):
            if shape[axis] > 1 and all(np.allclose(each, each.take([0], axis=axis), rtol=1e-4) for each in ratios):
                return f" In {asked} of the network, each {what} has its own factor."
    if all(np.allclose(np.abs(each), 1, rtol=1e-4) for each in ratios):
        return " Only the signs of some of its entries are wrong."
    return ""


def _product(boards: Sequence[Board], name: str) -> str:
    """Return the product of two other arrays of the pass that a wrong gradient is, or ""."""
    layer = int(name[1:])
    deltas = [dict(_deltas(board.experiment.trace, layer)) for board in boards]
    if name[0] == "b":
        for title in deltas[0]:
            if all(board.same(each[title].sum(axis=0), name) for board, each in zip(boards, deltas, strict=True)):
                return f"the sum of {title} over the examples"
        return ""
    signals = [dict(_signals(board.experiment.trace, layer)) for board in boards]
    for signal in signals[0]:
        for title in deltas[0]:
            made = ((one[signal].T @ other[title]).ravel() for one, other in zip(signals, deltas, strict=True))
            if all(board.same(array, name) for board, array in zip(boards, made, strict=True)):
                return f"the product of {signal} and {title}"
    return ""


def _signals(trace: Trace, layer: int) -> Iterator[tuple[str, Array]]:
    """Yield the arrays that may have been taken for what comes in to a layer."""
    width = trace[f"W{layer}"].shape[0]
    yield ("x" if layer == 1 else f"a{layer - 1}"), trace[f"a{layer - 1}"]
    for name, array in trace.items():
        if name[0] in "xaz" and array.ndim == 2 and array.shape == (len(trace["x"]), width):
            yield name, array
    yield "1", np.ones((len(trace["x"]), width))


def _deltas(trace: Trace, layer: int) -> Iterator[tuple[str, Array]]:
    """Yield the arrays that may have been taken for δ of a layer."""
    dz, da, a, z = (trace[f"{kind}{layer}"] for kind in ("dz", "da", "a", "z"))
    yield f"dz{layer}", dz
    yield f"da{layer}", da
    yield f"a{layer}", a
    yield f"z{layer}", z
    for title, factor in (
        ("a", a),
        ("(1 - a)", 1 - a),
        ("z", z),
        ("a * (1 - a)", a * (1 - a)),
        ("(1 - a**2)", 1 - a * a),
    ):
        yield f"da{layer} * {title}", da * factor
        yield f"dz{layer} * {title}", dz * factor
