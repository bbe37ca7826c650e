"""The mistakes. Each replaces one rule of the computation, and explains the misconception behind it.

No wrong answers are stored. The number that a mistake gives, for any question about any network, comes out when its
rules replace the right ones and everything that follows is computed from there. So a new mistake is one record:

    Mistake("no_input_factor", rules={"dW": delta_of})

with its texts under the same id in ``mistakes.toml``.

A rule gets the step that it replaces and the values so far, under the mistake: `v[step.near("a", 2, up=-1)]` is the
output of unit 2 in the layer below, `step.rule(v)` the right rule. `where` says to which steps it applies, `applies`
to which networks. If a rule needs a value that the pass does not have, the mistake does not apply either. A slip
that only changes the answer (the decimal point, a neighboring entry) has `answers` in place of rules.

Most mistakes were seen in questions, courses and code that people published: tests/data/mistakes.json says where, and
has their numbers for one network. The ids are the same.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.losses import LOSSES
from bpcourse.names import Name
from bpcourse.registry import Registry
from bpcourse.tutor.equations import Facts, Step, Values, name_of, needed_for
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, sigmoid, softmax

Wrong = Callable[[Step, Values], float]
Answers = Callable[[Step, Values], Iterable[float]]


@dataclass(frozen=True)
class Words:
    """The words for a mistake.

    Parameters
    ----------
    topic : str
        forward, activation, loss, chain, update, rounding, cross-entropy, softmax or batch.
    name : str
        What it is, as it follows "a number that comes out if …".
    hint : str
        A question that leads further.
    believes : str
        What the student believes, in one sentence; "" for a slip.
    """

    topic: str
    name: str
    hint: str
    believes: str = ""


@cache
def _all_words() -> dict[str, Words]:
    text = files("bpcourse.tutor").joinpath("mistakes.toml").read_text(encoding="utf-8")
    return {id: Words(**words) for id, words in tomllib.loads(text).items()}


@dataclass(frozen=True)
class Mistake:
    """One mistake. Its texts are in ``mistakes.toml``, under its id.

    Parameters
    ----------
    id : str
        Its name in verdicts.
    rules : mapping of str to callable
        For each kind of step, the wrong rule. See `bpcourse.tutor.equations` for the kinds.
    where : callable
        Tells to which steps the rules apply.
    applies : callable
        Tells to which networks the mistake applies.
    answers : callable, optional
        The right step and values ↦ wrong answers, for a slip in the answer itself.
    prior : int
        3 for very common mistakes, 2 for common ones, 1 for rare ones.
    """

    id: str
    rules: Mapping[str, Wrong] = field(default_factory=dict, kw_only=True)
    where: Callable[[Step], bool] = field(default=lambda step: True, kw_only=True)
    applies: Callable[[Facts], bool] = field(default=lambda facts: True, kw_only=True)
    answers: Answers | None = field(default=None, kw_only=True)
    prior: int = field(default=2, kw_only=True)

    @property
    def words(self) -> Words:
        """The words for it. Raises KeyError if ``mistakes.toml`` has none under its id."""
        return _all_words()[self.id]

    topic = property(lambda self: self.words.topic)
    name = property(lambda self: self.words.name)
    hint = property(lambda self: self.words.hint)
    believes = property(lambda self: self.words.believes)

    def replaced(self) -> dict[str, Wrong]:
        """Return the rules. Each applies only to its steps; at other steps the right rule is used."""
        return {kind: self._here(wrong) for kind, wrong in self.rules.items()}

    def _here(self, wrong: Wrong) -> Wrong:
        return lambda step, v: wrong(step, v) if self.where(step) else step.rule(v)


# Where a mistake applies: at which networks, at which steps


def squared(facts: Facts) -> bool:
    """Return whether the loss is a squared error."""
    return facts.loss in (LOSSES["mse"], LOSSES["half_sse"])


def loss_is(name: str, outputs: int = 1) -> Callable[[Facts], bool]:
    """Return the test for a loss with at least this many outputs."""
    return lambda facts: facts.loss == LOSSES[name] and facts.sizes[-1] >= outputs


def squared_units(facts: Facts) -> bool:
    """Return whether the loss is a squared error and the slope of the output units is not 1."""
    output = facts.activations[-1]
    return squared(facts) and output != ACTIVATIONS["identity"] and output.slope is not None


def squared_not_linear(facts: Facts) -> bool:
    """Return whether the loss is a squared error and the output activation is not the identity."""
    return squared(facts) and facts.activations[-1] != ACTIVATIONS["identity"]


def output(step: Step) -> bool:
    """Return whether the step belongs to the last layer."""
    return step.layer == step.facts.last


def hidden(step: Step) -> bool:
    """Return whether the step belongs to a hidden layer."""
    return 0 < step.layer < step.facts.last


def single(step: Step) -> bool:
    """Return whether each unit of the layer has its own slope, by which ∂L/∂a is multiplied.

    For a cross-entropy the δ of the output is ŷ − y directly.
    """
    return not coupled(step) and (hidden(step) or squared(step.facts))


def coupled(step: Step) -> bool:
    """Return whether each output of the layer depends on every z of it, as in a softmax."""
    return step.facts.activations[step.layer - 1].slope is None


def unit_is(activation: str) -> Callable[[Step], bool]:
    """Return the test for the activation of the layer of a step, if its slope is a factor."""
    return lambda step: any_unit(activation)(step) and single(step)


def any_unit(activation: str) -> Callable[[Step], bool]:
    """Return the test for the activation of a step's layer."""
    return lambda step: step.facts.activations[step.layer - 1] == ACTIVATIONS[activation]


def smooth_unit(step: Step) -> bool:
    """Return whether the layer has sigmoid or tanh units, and their slope is a factor."""
    return unit_is("sigmoid")(step) or unit_is("tanh")(step)


def fan_out(at_least: int) -> Callable[[Step], bool]:
    """Return the test for a hidden unit that leads to at least this many units above."""
    return lambda step: hidden(step) and above(step) >= at_least


def later_layer(step: Step) -> bool:
    """Return whether the layer has another layer below."""
    return step.layer > 1


def square(step: Step) -> bool:
    """Return whether the step's layer has as many inputs as units, more than one."""
    return step.facts.sizes[step.layer - 1] == step.facts.sizes[step.layer] > 1


def square_above(step: Step) -> bool:
    """Return whether the layer above a hidden unit is square."""
    return hidden(step) and step.facts.sizes[step.layer] == above(step) > 1


def same_shape_above(step: Step) -> bool:
    """Return whether the hidden unit's own weights and those of the layer above have one shape."""
    sizes = step.facts.sizes
    return hidden(step) and sizes[step.layer - 1] == sizes[step.layer] == above(step)


# What rules are made of


def above(step: Step) -> int:
    """Return how many units the layer above has."""
    return step.facts.sizes[step.layer + 1]


def outputs(step: Step) -> int:
    """Return how many outputs there are."""
    return step.facts.sizes[-1]


def one(step: Step, v: Values) -> float:
    """Return 1, the slope of a linear unit."""
    return 1.0


def times(factor: Callable[[Step], float]) -> Wrong:
    """Return the wrong rule that has one factor too many."""
    return lambda step, v: factor(step) * step.rule(v)


def over_outputs(step: Step, v: Values) -> float:
    """Return the right value divided by the number of outputs."""
    return step.rule(v) / outputs(step)


def z_of(step: Step, v: Values) -> float:
    """Return z of the step's unit."""
    return v[step.near("z")]


def a_of(step: Step, v: Values) -> float:
    """Return the output of the step's unit."""
    return v[step.near("a")]


def da_of(step: Step, v: Values) -> float:
    """Return ∂L/∂a of the step's unit."""
    return v[step.near("da")]


def of_z(f: Callable[[float], float]) -> Wrong:
    """Return the rule that takes `f` of the unit's z."""
    return lambda step, v: f(z_of(step, v))


def of_a(f: Callable[[float], float]) -> Wrong:
    """Return the rule that takes `f` of the unit's output."""
    return lambda step, v: f(a_of(step, v))


def slope_at_a(step: Step, v: Values) -> float:
    """Return f′ at the output of the unit instead of at its z."""
    a = a_of(step, v)
    return s_times_one_minus_s(sigmoid(a)) if step.activation == "sigmoid" else one_minus_square(math.tanh(a))


def slope_at_z(step: Step, v: Values) -> float:
    """Return f′(z), computed from z and not from the output."""
    return step.facts.activations[step.layer - 1].df(z_of(step, v)).item()


def slope_from_z(step: Step, v: Values) -> float:
    """Return the formula for the slope in terms of the output, with z put in."""
    return (s_times_one_minus_s if step.activation == "sigmoid" else one_minus_square)(z_of(step, v))


def coupled_slope_from_z(step: Step, v: Values) -> float:
    """Return the formula for the slope of a softmax, with z put in."""
    z, other = (v[step.near("z", unit)] for unit in step.index)
    return s_times_one_minus_s(z) if step.index[0] == step.index[1] else -z * other


def bias(step: Step, v: Values) -> float:
    """Return the bias of the step's unit, 0 if its layer has none."""
    name = step.near("b", step.index[-1])
    return v[name] if name in v.table else 0.0


def without_bias(step: Step, v: Values) -> float:
    """Return z without the bias."""
    return step.rule(v) - bias(step, v)


def without_one_minus(step: Step, v: Values) -> list[float]:
    """Return a sum over arrows, forward or back, with one of its negative terms taken for positive."""
    terms = step.terms(v) if step.kind in ("z", "back") else []
    terms += [bias(step, v)] if step.kind == "z" else []
    return [v[step.name] - 2 * term for term in terms if term < 0]


def weighted_inputs(step: Step, v: Values) -> float:
    """Return z of a later layer, computed from the inputs of the network."""
    j = step.index[0]
    units = range(1, step.facts.sizes[step.layer - 1] + 1)
    terms = (v[name_of("x", 0, (i,), step.at)] * v[step.near("W", i, j)] for i in units)
    return sum(terms) + bias(step, v)


def given_as(quantity: str, wrong: Callable[[Step], str]) -> Wrong:
    """Return the rule that reads a given quantity in a different place."""
    return lambda step, v: v.table[wrong(step) if step.parts.quantity == quantity else step.name].value


def other_end(step: Step) -> str:
    """Return the name of the input or target at the same place, counted from the other end."""
    size = step.facts.sizes[step.layer]
    return str(Name.read(step.name).at(index=(size + 1 - step.index[0],)))


def transposed(step: Step) -> str:
    """Return the name of the weight with its two units swapped, if the layer is square."""
    return step.near("W", *reversed(step.index)) if square(step) else step.name


def first_bias(step: Step) -> str:
    """Return the name of the layer's first bias."""
    return step.near("b", 1)


def true_class(step: Step, v: Values) -> int:
    """Return which target of the step's example is the 1, from 1; ValueError unless they are one-hot."""
    y = [v.table[step.near("y", k)].value for k in range(1, outputs(step) + 1)]
    if sorted(y) != [0.0] * (len(y) - 1) + [1.0]:
        raise ValueError("the targets are not one-hot")
    return y.index(1.0) + 1


def class_number(step: Step, v: Values) -> float:
    """Return a target as the number of the class, counted from 0."""
    return true_class(step, v) - 1 if step.parts.quantity == "y" else step.value


def class_before(step: Step, v: Values) -> float:
    """Return a target as if the 1 were one place earlier, with the last place before the first."""
    if step.parts.quantity != "y":
        return step.value
    before = (true_class(step, v) - 2) % outputs(step) + 1
    return float(step.index[0] == before)


def difference(step: Step, v: Values) -> float:
    """Return ŷ − y of the step's output."""
    return v[step.near("y_hat")] - v[step.near("y")]


def delta_at_once(step: Step, v: Values) -> float:
    """Return δ. At the output of a binary cross-entropy it is (ŷ − y) / outputs, with the wrong ŷ."""
    at_once = output(step) and step.facts.loss == LOSSES["binary_cross_entropy"]
    return difference(step, v) / outputs(step) if at_once else step.rule(v)


def share_of_loss(step: Step, v: Values) -> float:
    """Return the share of this output in a squared loss."""
    return difference(step, v) ** 2 / divisor(step)


def divisor(step: Step) -> int:
    """Return the number by which a squared loss divides the sum of the squares."""
    return outputs(step) if step.facts.loss == LOSSES["mse"] else 2


def example_loss(step: Step, v: Values) -> float:
    """Return the loss of the step's example."""
    return v[f"loss{step.at}"]


def targets_and_predictions(step: Step, v: Values) -> list[tuple[float, float]]:
    """Return (y, ŷ) of each output of the step's example."""
    return [(v[step.near("y", k)], v[step.near("y_hat", k)]) for k in range(1, outputs(step) + 1)]


def squashed_again(step: Step, v: Values) -> list[float]:
    """Return the softmax of the softmax."""
    return softmax([y_hat for _, y_hat in targets_and_predictions(step, v)])


def minus_sum(of: Callable[[float, float], float]) -> Wrong:
    """Return the rule for a loss: −Σ of something of each (y, ŷ) of the example."""
    return lambda step, v: -sum(of(y, y_hat) for y, y_hat in targets_and_predictions(step, v))


def log_likelihood(y: float, p: float) -> float:
    """Return y ln p + (1 − y) ln(1 − p), where a term with weight 0 is 0."""
    return sum(weight * math.log(share) for weight, share in ((y, p), (1 - y, 1 - p)) if weight)


def deltas_above(step: Step, v: Values) -> list[float]:
    """Return δ of each unit of the layer above."""
    return [v[step.near("dz", k, up=1)] for k in range(1, above(step) + 1)]


def paths(step: Step, v: Values, weight: Callable[[int], str] | None = None) -> list[float]:
    """Return the terms that come back to a unit from those above: their δ times the weight, or a different one."""
    name = weight or (lambda k: step.near("W", step.index[0], k, up=1))
    return [delta * v[name(k)] for k, delta in enumerate(deltas_above(step, v), start=1)]


def over_updated_weights(step: Step, v: Values) -> float:
    """Return the sum that comes back over the weights after the update."""
    return sum(paths(step, v, lambda k: name_of("W", step.layer + 1, (step.index[0], k), new="_new")))


def delta_of(step: Step, v: Values) -> float:
    """Return δ of the unit that the weight or bias of the step leads to."""
    return v[step.near("dz", step.index[-1])]


def sum_of_factors(step: Step, v: Values) -> float:
    """Return the sum of the factors of the chain."""
    j, *from_unit = step.index[::-1]
    signals = [v[step.near("a", i, up=-1)] for i in from_unit]
    return v[step.near("da", j)] + v[step.near("slope", j)] + sum(signals)


def layer_sum(step: Step, v: Values) -> float:
    """Return δ summed over the units of the layer."""
    return sum(v[step.near("dz", j)] for j in range(1, step.facts.sizes[step.layer] + 1))


def dot(step: Step, v: Values) -> float:
    """Return the sum of input times δ over a square layer."""
    units = range(1, step.facts.sizes[step.layer] + 1)
    return sum(v[step.near("a", i, up=-1)] * v[step.near("dz", i)] for i in units)


def descent(f: Callable[[float, float, float], float]) -> Wrong:
    """Return the rule for a new parameter from the old one, the learning rate and the gradient."""
    return lambda step, v: f(*(v[name] for name in step.needs))


def all_pairs(step: Step, v: Values) -> float:
    """Return the squared error of every prediction with every target of the batch: (n,) against (n, 1)."""
    pairs = [(y, y_hat) for each in step.needs for y, y_hat in targets_and_predictions(v.table[each], v)]
    errors = [(y_hat - y) ** 2 for y, _ in pairs for _, y_hat in pairs]
    return sum(errors) / len(errors) / (1 if step.facts.loss == LOSSES["mse"] else 2)


def rounded(decimals: int) -> dict[str, Wrong]:
    """Return the rules that round intermediate values: outputs, slopes, every ∂L/∂a and the δ of the output."""

    def whenever(step: Step, v: Values) -> float:
        value, unit = step.rule(v), 10.0**-decimals
        return math.copysign(math.floor(abs(value) / unit + 0.5 + 1e-9) * unit, value)  # half a unit goes up

    def at_output(step: Step, v: Values) -> float:
        return whenever(step, v) if output(step) else step.rule(v)

    return {"a": whenever, "slope": whenever, "error": whenever, "back": whenever, "delta": at_output}


# Slips that only change the answer


def neighbors(step: Step, v: Values) -> Iterator[float]:
    """Yield the entry with the two indices swapped, and those in the same row and column."""
    if len(step.index) == 2 and step.kind != "slope":
        name, (i, j) = Name.read(step.name), step.index
        row = [(i, other) for other in range(1, step.facts.sizes[step.layer] + 1)]
        column = [(other, j) for other in range(1, step.facts.sizes[step.layer - 1] + 1)]
        for index in dict.fromkeys([(j, i), *row, *column]):
            other = str(name.at(index=index))
            if index != (i, j) and other in v.table:
                yield v[other]


def other_units(step: Step, v: Values) -> Iterator[float]:
    """Yield the same quantity of the other units of the layer."""
    if len(step.index) == 1:
        for unit in range(1, step.facts.sizes[step.layer] + 1):
            if unit != step.index[0]:
                yield v[str(Name.read(step.name).at(index=(unit,)))]


def only_the_step(step: Step, v: Values) -> Iterator[float]:
    """Yield the size of the step of gradient descent instead of the new value."""
    if step.kind == "new":
        _, rate, gradient = step.needs
        yield v[rate] * v[gradient]


def forward_difference(step: Step, v: Values) -> Iterator[float]:
    """Yield (L(w + 0.1) − L(w)) / 0.1 for the parameter whose gradient is asked."""
    name = Name.read(step.name)
    if name.quantity in ("dW", "db"):
        parameter, loss = str(name.at(quantity=name.quantity[1:], example=0)), f"loss{step.at}"
        moved = Values(v.table, {parameter: v[parameter] + 0.1})
        yield (moved[loss] - v[loss]) / 0.1


def and_the_step(answers: Answers) -> Answers:
    """Return the answers, and for a new parameter also the update with each wrong gradient."""

    def both(step: Step, v: Values) -> Iterator[float]:
        yield from answers(step, v)
        if step.kind == "new":
            old, rate, gradient = step.needs
            yield from (v[old] - v[rate] * wrong for wrong in answers(v.table[gradient], v))

    return both


# The catalogue


def _only_path(k: int) -> Mistake:
    return Mistake(
        f"only_path_o{k}",
        rules={"back": lambda step, v: paths(step, v)[k - 1]},
        where=lambda step: fan_out(2)(step) and k <= above(step),
        prior=3 if k == 1 else 2,
    )


def _missing_path(k: int) -> Mistake:
    return Mistake(
        f"missing_path_{k}",
        rules={"back": lambda step, v: sum(paths(step, v)) - paths(step, v)[k - 1]},
        where=lambda step: fan_out(3)(step) and k <= above(step),
    )


def _other_logarithm(short: str, loss: str, base: int) -> Mistake:
    to_base = times(lambda step: 1 / math.log(base))
    return Mistake(
        f"{short}_log{base}",
        rules={"loss": to_base, "error": to_base},
        applies=loss_is(loss),
        prior=1 if base == 2 else 2,
    )


def _forgotten_minus(short: str, loss: str) -> Mistake:
    minus = times(lambda step: -1)
    return Mistake(f"{short}_sign", rules={"loss": minus, "error": minus}, applies=loss_is(loss))


def _stopped_at_output(short: str, loss: str) -> Mistake:
    return Mistake(f"{short}_stopped_at_output", rules={"delta": da_of}, where=output, applies=loss_is(loss))


CATALOGUE = (
    # The slope of the activation
    Mistake("drop_sigma_prime_out", rules={"slope": one}, where=output, applies=squared_units, prior=3),
    Mistake("drop_sigma_prime_hidden", rules={"slope": one}, where=lambda step: hidden(step) and single(step), prior=3),
    Mistake("drop_sigma_prime_all", rules={"slope": one}, where=single, applies=squared),
    Mistake("net_for_out_in_sigma_prime", rules={"slope": slope_from_z}, where=smooth_unit, prior=3),
    Mistake("sigma_prime_of_out", rules={"slope": slope_at_a}, where=smooth_unit),
    Mistake("sigma_prime_is_s", rules={"slope": a_of}, where=unit_is("sigmoid")),
    Mistake("tanh_prime_is_output", rules={"slope": a_of}, where=unit_is("tanh")),
    Mistake("sigma_prime_is_one_minus_s", rules={"slope": of_a(lambda a: 1 - a)}, where=unit_is("sigmoid")),
    Mistake(
        "sigma_prime_of_error",
        rules={"delta": lambda step, v: s_times_one_minus_s(da_of(step, v))},
        where=output,
        applies=lambda facts: squared(facts) and facts.activations[-1] == ACTIVATIONS["sigmoid"],
        prior=1,
    ),
    Mistake("tanh_prime_for_sigmoid", rules={"slope": of_a(one_minus_square)}, where=unit_is("sigmoid")),
    Mistake("sigmoid_prime_for_tanh", rules={"slope": of_a(s_times_one_minus_s)}, where=unit_is("tanh")),
    Mistake(
        "hidden_uses_output_slope",
        rules={"slope": lambda step, v: v[name_of("slope", step.facts.last, (1,), step.at)]},
        where=lambda step: hidden(step) and single(step),
        applies=lambda facts: facts.activations[-1].slope is not None,
    ),
    Mistake("relu_slope_is_output", rules={"slope": a_of}, where=unit_is("relu")),
    Mistake("relu_is_its_slope", rules={"a": of_z(lambda z: float(z > 0))}, where=any_unit("relu")),
    Mistake("relu_uses_sigmoid_slope", rules={"slope": of_a(s_times_one_minus_s)}, where=unit_is("relu")),
    Mistake(
        "relu_prime_zero_is_one",
        rules={"slope": lambda step, v: 1.0 if z_of(step, v) == 0 else step.rule(v)},
        where=lambda step: step.facts.activations[step.layer - 1].rectifier,
    ),
    Mistake(
        "leaky_cut_off",
        rules={"a": of_z(lambda z: max(0.0, z)), "slope": of_z(lambda z: float(z > 0))},
        where=lambda step: step.activation.startswith("leaky_relu"),
    ),
    # The forward pass
    Mistake("sigmoid_exponent_sign", rules={"a": of_z(lambda z: sigmoid(-z))}, where=any_unit("sigmoid")),
    Mistake("forgot_bias_forward", rules={"z": without_bias}, prior=3),
    Mistake("forgot_output_bias", rules={"z": without_bias}, where=output, applies=lambda facts: facts.last > 1),
    Mistake("forgot_hidden_bias", rules={"z": without_bias}, where=hidden),
    Mistake("weights_read_columnwise", rules={"given": given_as("W", transposed)}),
    Mistake(
        "output_weights_columnwise",
        rules={"given": given_as("W", transposed)},
        where=lambda step: output(step) and step.layer > 1,
    ),
    Mistake(
        "inputs_for_hidden_outputs",
        rules={"z": weighted_inputs},
        where=later_layer,
        applies=lambda facts: max(facts.sizes[1:-1], default=0) <= facts.sizes[0],
    ),
    Mistake("no_output_activation", rules={"a": z_of, "slope": one}, where=output, applies=squared_units),
    Mistake("no_hidden_activation", rules={"a": z_of, "slope": one}, where=lambda step: hidden(step) and single(step)),
    Mistake(
        "bias_after_activation",
        rules={
            "z": without_bias,
            "a": lambda step, v: step.rule(v) + bias(step, v),
            "slope": slope_at_z,
            "delta": delta_at_once,
        },
        where=lambda step: not coupled(step),
    ),
    Mistake("shared_bias", rules={"given": given_as("b", first_bias)}),
    Mistake("inputs_swapped", rules={"given": given_as("x", other_end)}, prior=1),
    Mistake("targets_swapped", rules={"given": given_as("y", other_end)}),
    Mistake(
        "tanh_for_sigmoid",
        rules={"a": of_z(math.tanh), "slope": of_a(one_minus_square)},
        where=unit_is("sigmoid"),
        prior=1,
    ),
    Mistake(
        "sigmoid_for_tanh",
        rules={"a": of_z(sigmoid), "slope": of_a(s_times_one_minus_s)},
        where=unit_is("tanh"),
        prior=1,
    ),
    # The squared error
    Mistake("sign_slip", rules={"error": times(lambda step: -1)}, applies=squared, prior=3),
    Mistake("kept_half", rules={"error": times(lambda step: 0.5)}, applies=squared, prior=3),
    Mistake("extra_two", rules={"error": times(lambda step: 2)}, applies=squared, prior=3),
    Mistake(
        "mean_over_outputs_of_half", rules={"loss": over_outputs, "error": over_outputs}, applies=loss_is("half_sse", 2)
    ),
    Mistake(
        "mse_mean",
        rules={"loss": times(lambda step: 2 / outputs(step)), "error": times(lambda step: 2 / outputs(step))},
        applies=loss_is("half_sse"),
    ),
    Mistake(
        "half_sse_for_mse",
        rules={"loss": times(lambda step: outputs(step) / 2), "error": times(lambda step: outputs(step) / 2)},
        applies=loss_is("mse"),
    ),
    Mistake("sum_not_mean_outputs", rules={"loss": times(outputs), "error": times(outputs)}, applies=loss_is("mse", 2)),
    Mistake("loss_value_as_error", rules={"error": share_of_loss}, applies=squared),
    Mistake("total_loss_as_error", rules={"error": example_loss}, applies=squared, prior=1),
    Mistake("abs_error", rules={"error": lambda step, v: abs(step.rule(v))}, applies=squared),
    Mistake(
        "errors_not_squared",
        rules={
            "loss": lambda step, v: -minus_sum(lambda y, p: abs(p - y))(step, v) / divisor(step),
            "error": lambda step, v: math.copysign(1 / divisor(step), difference(step, v)),
        },
        applies=squared,
    ),
    Mistake("squared_error_not_diff", rules={"error": lambda step, v: difference(step, v) ** 2}, applies=squared),
    Mistake("delta_without_sigma_with_mse", rules={"delta": difference}, where=output, applies=squared_not_linear),
    # The chain and its paths
    Mistake("summed_instead_of_multiplied", rules={"dW": sum_of_factors, "db": sum_of_factors}, where=single),
    *(_only_path(k) for k in (1, 2, 3)),
    *(_missing_path(k) for k in (1, 2, 3)),
    Mistake("averaged_paths", rules={"back": lambda step, v: sum(paths(step, v)) / above(step)}, where=fan_out(2)),
    Mistake(
        "subtracted_paths",
        rules={"back": lambda step, v: 2 * paths(step, v)[0] - sum(paths(step, v))},
        where=fan_out(2),
    ),
    Mistake("first_path_for_all", rules={"back": lambda step, v: above(step) * paths(step, v)[0]}, where=fan_out(2)),
    Mistake(
        "same_weight_on_every_path",
        rules={"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", step.index[0], 1, up=1)))},
        where=fan_out(2),
    ),
    Mistake("multiplied_paths", rules={"back": lambda step, v: math.prod(paths(step, v))}, where=fan_out(2), prior=1),
    Mistake(
        "one_slope_for_all_outputs",
        rules={"slope": lambda step, v: step.rule(v) if step.index[0] == 1 else v[step.near("slope", 1)]},
        where=lambda step: output(step) and single(step),
        applies=lambda facts: facts.sizes[-1] > 1,
    ),
    Mistake(
        "transposed_W2",
        rules={"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", k, step.index[0], up=1)))},
        where=square_above,
    ),
    Mistake("updated_output_weights_first", rules={"back": over_updated_weights}, where=hidden, prior=3),
    Mistake("in_place_alias", rules={"back": over_updated_weights}, where=hidden, prior=1),
    Mistake(
        "wrong_layer_weights",
        rules={"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", step.index[0], k)))},
        where=same_shape_above,
    ),
    Mistake("no_weight_on_path", rules={"back": lambda step, v: sum(deltas_above(step, v))}, where=hidden, prior=3),
    Mistake("no_input_factor", rules={"dW": delta_of}, prior=3),
    Mistake(
        "wrong_activation_factor", rules={"dW": lambda step, v: delta_of(step, v) * v[step.near("a", step.index[1])]}
    ),
    Mistake(
        "net_h_instead_of_out_h",
        rules={"dW": lambda step, v: delta_of(step, v) * v[step.near("z", step.index[0], up=-1)]},
        where=later_layer,
    ),
    Mistake(
        "input_for_w5",
        rules={"dW": lambda step, v: delta_of(step, v) * v[name_of("x", 0, step.index[:1], step.at)]},
        where=later_layer,
    ),
    Mistake("differentiated_wrt_signal", rules={"dW": lambda step, v: delta_of(step, v) * v[step.near("W")]}),
    Mistake("bias_in_weight_slope", rules={"dW": lambda step, v: step.rule(v) + delta_of(step, v) * bias(step, v)}),
    Mistake("hidden_has_target", rules={"back": lambda step, v: v[step.near("a")] - v[step.near("y")]}, where=hidden),
    Mistake("dot_instead_of_outer", rules={"dW": dot}, where=square),
    Mistake("index_swap", answers=and_the_step(neighbors)),
    Mistake("neighbor_unit", answers=other_units),
    # The step
    Mistake("ascent", rules={"new": descent(lambda w, rate, g: w + rate * g)}, prior=3),
    Mistake("no_learning_rate", rules={"new": descent(lambda w, rate, g: w - g)}, prior=3),
    Mistake("lr_twice", rules={"new": descent(lambda w, rate, g: w - rate**2 * g)}),
    Mistake("replaced_weight", rules={"new": descent(lambda w, rate, g: -rate * g)}),
    Mistake("gradient_times_learning_rate", answers=only_the_step),
    Mistake("multiplied_by_weight", rules={"new": descent(lambda w, rate, g: w - rate * g * w)}),
    Mistake(
        "bias_never_updated",
        rules={"new": lambda step, v: v[step.needs[0]]},
        where=lambda step: step.parts.quantity == "b",
    ),
    Mistake("integer_weights", rules={"new": lambda step, v: float(math.trunc(step.rule(v)))}, prior=1),
    # Biases
    Mistake("bias_times_bias", rules={"db": lambda step, v: delta_of(step, v) * bias(step, v)}),
    Mistake("bias_grad_summed_all_axes", rules={"db": layer_sum}, where=lambda step: step.facts.sizes[step.layer] > 1),
    # Rounding
    Mistake("rounded_too_early", rules=rounded(2)),
    Mistake("rounded_to_three", rules=rounded(3), prior=1),
    Mistake("coarse_one_sided_difference", answers=and_the_step(forward_difference), prior=1),
    Mistake("decimal_point", answers=lambda step, v: [v[step.name] * 10, v[step.name] / 10], prior=1),
    Mistake("minus_lost_in_sum", answers=without_one_minus),
    Mistake(
        "slope_multiplied_already",
        answers=lambda step, v: [v[step.near("dz")]] if step.kind in ("error", "back") else [],
    ),
    Mistake("lost_sign", answers=lambda step, v: [-v[step.name]], prior=1),
    # Binary cross-entropy
    Mistake(
        "bce_times_sigma_prime",
        rules={"delta": lambda step, v: step.rule(v) * v[step.near("slope")]},
        where=output,
        applies=loss_is("binary_cross_entropy"),
        prior=3,
    ),
    _stopped_at_output("bce", "binary_cross_entropy"),
    Mistake(
        "bce_missing_one_minus_y",
        rules={
            "loss": lambda step, v: minus_sum(lambda y, p: y and y * math.log(p))(step, v) / outputs(step),
            "error": lambda step, v: -v[step.near("y")] / v[step.near("y_hat")] / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    Mistake(
        "bce_other_term",
        rules={
            "loss": lambda step, v: minus_sum(lambda y, p: log_likelihood(1 - y, p))(step, v) / outputs(step),
            "error": lambda step, v: (
                v[step.near("y")] / (1 - v[step.near("y_hat")]) / outputs(step)
                - (1 - v[step.near("y")]) / v[step.near("y_hat")] / outputs(step)
            ),
        },
        applies=loss_is("binary_cross_entropy"),
        prior=3,
    ),
    Mistake(
        "squared_for_bce",
        rules={
            "loss": lambda step, v: -minus_sum(lambda y, p: (p - y) ** 2)(step, v) / outputs(step),
            "error": lambda step, v: 2 * difference(step, v) / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    _other_logarithm("bce", "binary_cross_entropy", 10),
    _other_logarithm("bce", "binary_cross_entropy", 2),
    Mistake(
        "bce_swapped",
        rules={
            "loss": lambda step, v: minus_sum(lambda y, p: log_likelihood(p, y))(step, v) / outputs(step),
            "error": lambda step, v: math.log(1 / v[step.near("y")] - 1) / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    _forgotten_minus("bce", "binary_cross_entropy"),
    Mistake(
        "bce_sum_outputs",
        rules={"loss": times(outputs), "error": times(outputs)},
        applies=loss_is("binary_cross_entropy", 2),
    ),
    # Softmax with categorical cross-entropy
    Mistake(
        "softmax_diagonal_jacobian",
        rules={"slope": lambda step, v: step.rule(v) if step.index[0] == step.index[1] else 0.0},
        where=any_unit("softmax"),
    ),
    Mistake(
        "softmax_ce_double",
        rules={"delta": lambda step, v: step.rule(v) * s_times_one_minus_s(a_of(step, v))},
        where=output,
        applies=loss_is("categorical_cross_entropy"),
        prior=3,
    ),
    Mistake("softmax_jacobian_of_z", rules={"slope": coupled_slope_from_z}, where=any_unit("softmax")),
    Mistake(
        "double_softmax",
        rules={
            "loss": lambda step, v: (
                -sum(v[step.near("y", k)] * math.log(q) for k, q in enumerate(squashed_again(step, v), start=1))
            ),
            "error": lambda step, v: squashed_again(step, v)[step.index[0] - 1] - v[step.near("y")],
        },
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "class_index_as_number",
        rules={"given": class_number, "delta": difference},
        where=lambda step: step.kind == "given" or output(step),
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake("one_hot_off_by_one", rules={"given": class_before}, applies=loss_is("categorical_cross_entropy")),
    Mistake(
        "softmax_mean_over_classes",
        rules={"loss": over_outputs, "error": over_outputs},
        applies=loss_is("categorical_cross_entropy"),
    ),
    _other_logarithm("ce", "categorical_cross_entropy", 10),
    _other_logarithm("ce", "categorical_cross_entropy", 2),
    _forgotten_minus("ce", "categorical_cross_entropy"),
    _stopped_at_output("ce", "categorical_cross_entropy"),
    Mistake(
        "softmax_without_exp",
        rules={
            "a": lambda step, v: z_of(step, v) / sum(v[step.near("z", k)] for k in range(1, outputs(step) + 1)),
            "delta": difference,
        },
        where=output,
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "target_not_subtracted",
        rules={"delta": lambda step, v: v[step.near("y_hat")] / (1 if coupled(step) else outputs(step))},
        where=output,
        applies=lambda facts: not squared(facts),
    ),
    Mistake(
        "softmax_without_sum",
        rules={"a": of_z(math.exp), "delta": difference},
        where=output,
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "sigmoid_for_softmax",
        rules={"a": of_z(sigmoid), "delta": difference},
        where=output,
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "bce_for_ce",
        rules={
            "loss": minus_sum(log_likelihood),
            "error": lambda step, v: difference(step, v) / s_times_one_minus_s(v[step.near("y_hat")]),
        },
        applies=loss_is("categorical_cross_entropy"),
    ),
    # The batch
    Mistake("batch_sum_not_mean", rules={"mean": times(lambda step: step.facts.examples)}, prior=3),
    Mistake("batch_divided_twice", rules={"mean": times(lambda step: 1 / step.facts.examples)}, prior=3),
    Mistake("batch_first_sample_only", rules={"mean": lambda step, v: v[step.needs[0]]}),
    Mistake("batch_last_sample_only", rules={"mean": lambda step, v: v[step.needs[-1]]}),
    Mistake(
        "broadcast_n_vs_n1",
        rules={"mean": all_pairs},
        where=lambda step: step.parts.quantity == "loss",
        applies=lambda facts: squared(facts) and facts.sizes[-1] == 1,
    ),
)


OF_SHAPES = (
    Mistake("bias_grad_not_summed"),
    Mistake("summed_over_wrong_axis"),
    Mistake("star_for_matmul"),
)
"""Mistakes that show in the shape of an array and not in a single number. `marking` makes the arrays."""

MISTAKES = Registry("mistake", {mistake.id: mistake for mistake in (*CATALOGUE, *OF_SHAPES)})
"""The mistakes by id, in the order in which the chapters of a course come to them."""

PAIRS = (
    ("updated_output_weights_first", "bias_never_updated"),
    ("drop_sigma_prime_hidden", "only_path_o1"),
    ("drop_sigma_prime_out", "only_path_o1"),
    ("no_input_factor", "drop_sigma_prime_hidden"),
    ("sign_slip", "only_path_o1"),
    ("sign_slip", "drop_sigma_prime_out"),
    ("kept_half", "only_path_o1"),
    ("forgot_bias_forward", "sign_slip"),
)
"""Mistakes that are often made together. For each kind of step, only one of the two may have a rule."""


# Wrong values

_STAGE = {
    "given": 0,
    "z": 0,
    "a": 0,
    "y_hat": 0,
    "loss": 1,
    "error": 1,
    "slope": 1,
    "delta": 1,
    "back": 1,
    "dW": 2,
    "db": 2,
    "mean": 2,
    "new": 3,
}
"""No step needs one of a later stage, except to compute values after the update."""


def wrong_values(
    table: Mapping[str, Step], name: str, known: Mapping[str, float] | None = None
) -> Iterator[tuple[tuple[Mistake, ...], float]]:
    """Yield each mistake, then each pair, with the value that it gives, unless that is the right one.

    Parameters
    ----------
    table : mapping of str to Step
        The steps of a pass.
    name : str
        The value that is asked for.
    known : mapping of str to float, optional
        Values that are used unchanged, such as the learner's own earlier ones.

    Yields
    ------
    (tuple of Mistake, float)
        One mistake or two together, and the wrong value.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> from bpcourse.tutor.equations import table
    >>> found = wrong_values(table(EXAMPLES["mazur"].backprop()), "dW2[1,1]")
    >>> next((mistakes[0].id, round(value, 9)) for mistakes, value in found)
    ('drop_sigma_prime_out', 0.439829649)
    """
    right, step = Values(table, known), table[name]
    way = needed_for(table, name, known)
    computed = right.compute(each.name for each in way)  # once, so that a later mistake does not repeat earlier stages
    seeds = [
        {each.name: computed[each.name] for each in way if _STAGE[each.kind] < stage and not each.new}
        | dict(known or {})
        for stage in range(4)
    ]
    on_the_way: dict[str, list[Step]] = {}
    for each in way:
        on_the_way.setdefault(each.kind, []).append(each)

    def shows(mistake: Mistake) -> bool:
        steps = (each for kind in mistake.rules for each in on_the_way.get(kind, ()))
        return mistake.applies(step.facts) and (mistake.answers is not None or any(map(mistake.where, steps)))

    shown = {mistake.id: mistake for mistake in CATALOGUE if shows(mistake)}
    singles = [(mistake,) for mistake in shown.values()]
    pairs = [tuple(shown[id] for id in pair) for pair in PAIRS if all(id in shown for id in pair)]
    for mistakes in [*singles, *pairs]:
        rules = {kind: rule for mistake in mistakes for kind, rule in mistake.replaced().items()}
        first = min((_STAGE[kind] for kind in rules), default=0)
        try:
            if mistakes[0].answers is not None:
                values = list(mistakes[0].answers(step, right))
            else:
                values = [Values(table, seeds[first], rules)[name]]
        except (ArithmeticError, ValueError, KeyError):  # the mistake needs what this pass does not have
            continue
        for value in values:
            if math.isfinite(value) and not math.isclose(value, right[name], rel_tol=1e-9):
                yield mistakes, value
