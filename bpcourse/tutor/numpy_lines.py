"""The backward pass as lines of NumPy, to show next to a diagnosis which line does it right."""

from __future__ import annotations

from bpcourse.engine.losses import LOSSES
from bpcourse.tutor.equations import Facts

OUTPUTS = {
    "identity": "{a} = {z}",
    "sigmoid": "{a} = 1 / (1 + np.exp(-{z}))",
    "tanh": "{a} = np.tanh({z})",
    "relu": "{a} = np.maximum(0, {z})",
    "leaky_relu": "{a} = np.where({z} > 0, {z}, 0.01 * {z})",
    "softmax": "e = np.exp({z} - {z}.max(axis={axis}, keepdims=True))\n{a} = e / e.sum(axis={axis}, keepdims=True)",
}
SLOPES = {
    "identity": "",
    "sigmoid": " * {a} * (1 - {a})",
    "tanh": " * (1 - {a}**2)",
    "relu": " * ({z} > 0)",
    "leaky_relu": " * np.where({z} > 0, 1, 0.01)",
}


def line(facts: Facts, layout: str, kind: str, layer: int) -> str:
    """Return the lines of NumPy that compute a quantity of a layer; "" if there is no line for it.

    Parameters
    ----------
    facts : Facts
        The network and the loss.
    layout : str
        "rows" or "columns".
    kind : str
        A kind of step, as in `bpcourse.tutor.equations`.
    layer : int
        The layer.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> from bpcourse.tutor.equations import steps
    >>> facts = steps(EXAMPLES["mazur"].backprop())[0].facts
    >>> print(line(facts, "rows", "back", 1))
    dz1 = (dz2 @ W2.T) * a1 * (1 - a1)
    >>> print(line(facts, "columns", "dW", 2))
    dW2 = dz2 @ a1.T
    """
    rows = layout == "rows"
    before, units, count = f"a{layer - 1}" if layer > 1 else "x", int(rows), "len(y)" if rows else "y.shape[1]"
    if kind.endswith(" mean"):  # the 1/n is in δ of the outputs
        own = line(facts, layout, kind.removesuffix(" mean"), layer)
        return f"{_output_delta(facts, units, count)}\n{own}"
    if kind in ("z", "given"):
        return f"z{layer} = {before} @ W{layer} + b{layer}" if rows else f"z{layer} = W{layer} @ {before} + b{layer}"
    if kind in ("a", "y_hat"):
        return _filled(OUTPUTS, facts, layer, units)
    if kind in ("error", "slope", "delta", "back", "mean", "loss"):
        if layer == facts.last or kind in ("error", "mean", "loss"):
            return _output_delta(facts, units, count)
        back = f"dz{layer + 1} @ W{layer + 1}.T" if rows else f"W{layer + 1}.T @ dz{layer + 1}"
        return f"dz{layer} = ({back}){_filled(SLOPES, facts, layer, units)}"
    if kind == "dW":
        return f"dW{layer} = {before}.T @ dz{layer}" if rows else f"dW{layer} = dz{layer} @ {before}.T"
    if kind == "db":
        return f"db{layer} = dz{layer}.sum(axis=0)" if rows else f"db{layer} = dz{layer}.sum(axis=1, keepdims=True)"
    return f"W{layer} = W{layer} - learning_rate * dW{layer}  # after all gradients" if kind == "new" else ""


def _filled(templates: dict[str, str], facts: Facts, layer: int, axis: int) -> str:
    """Return the template for the activation of a layer, filled in; "" for an activation without one."""
    family = facts.activations[layer - 1].name.partition("(")[0]
    return templates.get(family, "").format(a=f"a{layer}", z=f"z{layer}", axis=axis)


def _output_delta(facts: Facts, units: int, count: str) -> str:
    """Return the lines for δ of the outputs, with the mean over the examples in it."""
    last, loss = facts.last, facts.loss
    error = f"(a{last} - y)"
    if loss.from_logits is not None:
        over = "y.size" if loss == LOSSES["binary_cross_entropy"] else count
        return f"dz{last} = {error} / {over}"
    slope = f"2 * {error} / y.size" if loss == LOSSES["mse"] else f"{error} / {count}"
    if facts.activations[-1].slope is not None:
        return f"dz{last} = {slope}{_filled(SLOPES, facts, last, units)}"
    total = f"(da{last} * a{last}).sum(axis={units}, keepdims=True)"
    return f"da{last} = {slope}\ndz{last} = a{last} * (da{last} - {total})"
