"""The mistakes. Each replaces one rule of the computation, and explains the misconception behind it.

No wrong answers are stored. The number that a mistake gives, for any question about any network, comes out when its
rules replace the right ones and everything that follows is computed from there. So a new mistake is one record:

    Mistake(
        "no_input_factor", "chain", "the chain stops at δ, without the slope ∂z/∂w",
        believes="δ is the gradient of the weight.",
        hint="You have ∂L/∂z. How does z change when this one weight does?",
        rules={"dW": delta_of},
    )

A rule gets the step that it replaces and the values so far, under the mistake: `v[step.near("a", 2, up=-1)]` is the
output of unit 2 in the layer below, `step.rule(v)` the right rule. `where` says to which steps it applies, `applies`
to which networks. If a rule needs a value that the pass does not have, the mistake does not apply either. A slip
that only changes the answer (the decimal point, a neighboring entry) has `answers` in place of rules.

Most mistakes were seen in questions, courses and code that people published: tests/data/mistakes.json says where, and
has their numbers for one network. The ids are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.losses import LOSSES
from bpcourse.names import Name
from bpcourse.registry import Registry
from bpcourse.tutor.equations import Facts, Step, Values, name_of, needed_for
from bpcourse.tutor.formulas import one_minus_square, s_times_one_minus_s, sigmoid, softmax

Wrong = Callable[[Step, Values], float]
Answers = Callable[[Step, Values], Iterable[float]]


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Parameters
    ----------
    id : str
        Its name in verdicts.
    topic : str
        forward, activation, loss, chain, update, rounding, cross-entropy, softmax or batch.
    name : str
        What it is, as it follows "a number that comes out if …".
    believes : str
        What the student believes, in one sentence; "" for a slip.
    hint : str
        A question that leads further.
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
    topic: str
    name: str
    believes: str
    hint: str
    rules: Mapping[str, Wrong] = field(default_factory=dict)
    where: Callable[[Step], bool] = lambda step: True
    applies: Callable[[Facts], bool] = lambda facts: True
    answers: Answers | None = None
    prior: int = 2

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
    """Return what a sum over arrows, there or back, becomes if one of its negative terms is taken for positive."""
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
    """Return what comes back to a unit from each unit above: its δ times the weight, or times a different weight."""
    name = weight or (lambda k: step.near("W", step.index[0], k, up=1))
    return [delta * v[name(k)] for k, delta in enumerate(deltas_above(step, v), start=1)]


def over_updated_weights(step: Step, v: Values) -> float:
    """Return what comes back over the weights after the update."""
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
        f"only_path_o{k}", "chain", f"only the path back through unit {k} of the next layer is taken",
        f"Only unit {k} of the next layer depends on this hidden unit.",
        "To how many units does this hidden unit send its output? Draw every arrow that leaves it: which is missing?",
        {"back": lambda step, v: paths(step, v)[k - 1]}, lambda step: fan_out(2)(step) and k <= above(step),
        prior=3 if k == 1 else 2,
    )  # fmt: skip


def _missing_path(k: int) -> Mistake:
    return Mistake(
        f"missing_path_{k}", "chain", f"the path back through unit {k} of the next layer is left out",
        f"Unit {k} of the next layer does not depend on this hidden unit.",
        "Count the arrows that leave this hidden unit, and the terms of your sum. Are they as many?",
        {"back": lambda step, v: sum(paths(step, v)) - paths(step, v)[k - 1]},
        lambda step: fan_out(3)(step) and k <= above(step),
    )  # fmt: skip


def _other_logarithm(short: str, loss: str, base: int) -> Mistake:
    to_base = times(lambda step: 1 / math.log(base))
    return Mistake(
        f"{short}_log{base}", "cross-entropy", f"the logarithm is taken to base {base}",
        f"log in a loss means the logarithm to base {base}.",
        "Which key of the calculator did you press? The slope of which logarithm is 1/ŷ, with no other factor?",
        {"loss": to_base, "error": to_base}, applies=loss_is(loss), prior=1 if base == 2 else 2,
    )  # fmt: skip


def _forgotten_minus(short: str, loss: str) -> Mistake:
    minus = times(lambda step: -1)
    return Mistake(
        f"{short}_sign", "cross-entropy", "the minus in front of the logarithms is left out",
        "The loss is the logarithm of the likelihood.",
        "A loss should fall when ŷ comes nearer to y. Does yours? What sign has the logarithm of a number below 1?",
        {"loss": minus, "error": minus}, applies=loss_is(loss),
    )  # fmt: skip


def _stopped_at_output(short: str, loss: str) -> Mistake:
    return Mistake(
        f"{short}_stopped_at_output", "cross-entropy", "∂L/∂ŷ is taken for the output's δ",
        "The slope of the loss is already δ.",
        "You have ∂L/∂ŷ. The weight acts on z: which slope takes you from ŷ back to z?",
        {"delta": da_of}, output, loss_is(loss),
    )  # fmt: skip


CATALOGUE = (
    # The slope of the activation
    Mistake(
        "drop_sigma_prime_out", "activation", "the slope of the output's activation is left out",
        "The error at the output is already δ.",
        "The loss depends on ŷ, but the weight acts on z. Which factor takes you from ŷ back to z?",
        {"slope": one}, output, squared_units, prior=3,
    ),
    Mistake(
        "drop_sigma_prime_hidden", "activation", "the slope of the hidden unit's activation is left out",
        "What comes back to a hidden unit can be multiplied by its input at once.",
        "You have brought the error back to the hidden unit's output. What lies between that and its z?",
        {"slope": one}, lambda step: hidden(step) and single(step), prior=3,
    ),
    Mistake(
        "drop_sigma_prime_all", "activation", "the slope of every activation is left out",
        "Every unit passes on what it gets.",
        "Your number is right for a network without activation functions. What does each of them add to the chain?",
        {"slope": one}, single, squared,
    ),
    Mistake(
        "net_for_out_in_sigma_prime", "activation", "z is put where the unit's output belongs in the slope",
        "The slope is z(1 − z), or 1 − z².",
        "The formula for the slope from the output wants the unit's OUTPUT. Which number did you put in?",
        {"slope": slope_from_z}, smooth_unit, prior=3,
    ),
    Mistake(
        "sigma_prime_of_out", "activation", "the slope is taken at the unit's output in place of z",
        "The derivative must be called on the activation.",
        "Does your derivative expect z, or the output? You gave one to a formula that is made for the other.",
        {"slope": slope_at_a}, smooth_unit,
    ),
    Mistake(
        "sigma_prime_is_s", "activation", "the slope of the sigmoid is taken to be its output",
        "The slope of the sigmoid is the sigmoid, as with eᶻ.",
        "Near 1 the sigmoid is flat. Which factor makes its slope small there?",
        {"slope": a_of}, unit_is("sigmoid"),
    ),
    Mistake(
        "tanh_prime_is_output", "activation", "the output of tanh is taken for its slope",
        "The slope of tanh is tanh.",
        "At 0 tanh is steepest. What is its output there?",
        {"slope": a_of}, unit_is("tanh"),
    ),
    Mistake(
        "sigma_prime_is_one_minus_s", "activation", "the slope of the sigmoid is taken to be one minus its output",
        "The slope of the sigmoid is 1 − a.",
        "The sigmoid is flat at both ends. Is your slope small at both?",
        {"slope": of_a(lambda a: 1 - a)}, unit_is("sigmoid"),
    ),
    Mistake(
        "sigma_prime_of_error", "activation", "e(1 − e) of the error is taken for δ",
        "δ is ∂L/∂a·(1 − ∂L/∂a).",
        "Whose output does the slope a(1 − a) speak of: the unit's, or the error's?",
        {"delta": lambda step, v: s_times_one_minus_s(da_of(step, v))}, output,
        lambda facts: squared(facts) and facts.activations[-1] == ACTIVATIONS["sigmoid"], prior=1,
    ),
    Mistake(
        "tanh_prime_for_sigmoid", "activation", "the slope of tanh is used for a sigmoid",
        "1 − a² is the slope of every squashing function.",
        "How large can the slope of a sigmoid be at most? Is yours larger?",
        {"slope": of_a(one_minus_square)}, unit_is("sigmoid"),
    ),
    Mistake(
        "sigmoid_prime_for_tanh", "activation", "the slope of the sigmoid is used for tanh",
        "a(1 − a) is the slope of every squashing function.",
        "How steep is tanh at 0? What does a(1 − a) give there?",
        {"slope": of_a(s_times_one_minus_s)}, unit_is("tanh"),
    ),
    Mistake(
        "hidden_uses_output_slope", "activation", "the slope of an output unit is used for a hidden unit",
        "One slope serves every layer.",
        "Each unit has a slope of its own. Into which unit does this weight lead?",
        {"slope": lambda step, v: v[name_of("slope", step.facts.last, (1,), step.at)]},
        lambda step: hidden(step) and single(step), lambda facts: facts.activations[-1].slope is not None,
    ),
    Mistake(
        "relu_slope_is_output", "activation", "the output of a ReLU is taken for its slope",
        "The slope of ReLU is ReLU.",
        "Where ReLU is on, it is the line a = z. How steep is that line?",
        {"slope": a_of}, unit_is("relu"),
    ),
    Mistake(
        "relu_is_its_slope", "activation", "the slope of a ReLU is taken for its output",
        "A ReLU is on or off, 1 or 0.",
        "Where a ReLU is on, what does it do with z?",
        {"a": of_z(lambda z: float(z > 0))}, any_unit("relu"),
    ),
    Mistake(
        "relu_uses_sigmoid_slope", "activation", "a(1 − a) is used for a ReLU",
        "Every unit's slope is a(1 − a).",
        "Which activation has this layer? Which two values can its slope have?",
        {"slope": of_a(s_times_one_minus_s)}, unit_is("relu"),
    ),
    Mistake(
        "relu_prime_zero_is_one", "activation", "the slope of ReLU at exactly 0 is taken to be 1",
        "From 0 on, ReLU is on.",
        "At exactly 0 the slope is a convention. Which value does this course use there?",
        {"slope": lambda step, v: 1.0 if z_of(step, v) == 0 else step.rule(v)},
        lambda step: step.facts.activations[step.layer - 1].rectifier,
    ),
    Mistake(
        "leaky_cut_off", "activation", "the leaky ReLU is cut off at 0, like a plain one",
        "Below 0 a ReLU is 0.",
        "What does a LEAKY ReLU let through where z is negative?",
        {"a": of_z(lambda z: max(0.0, z)), "slope": of_z(lambda z: float(z > 0))},
        lambda step: step.activation.startswith("leaky_relu"),
    ),
    # The forward pass
    Mistake(
        "sigmoid_exponent_sign", "forward", "the sigmoid is computed with e^z in place of e^(−z)",
        "σ(z) is 1 / (1 + e^z).",
        "Look at one output first: z is positive, or negative. On which side of 0.5 must σ(z) lie?",
        {"a": of_z(lambda z: sigmoid(-z))}, any_unit("sigmoid"),
    ),
    Mistake(
        "forgot_bias_forward", "forward", "the biases are left out of the forward pass",
        "z is the weighted sum of the inputs, and nothing else.",
        "Compute the first z once more. What is added to the weighted sum?",
        {"z": without_bias}, prior=3,
    ),
    Mistake(
        "forgot_output_bias", "forward", "the biases of the output layer are left out",
        "Only the first layer has biases.",
        "What is added to the weighted sum of an output?",
        {"z": without_bias}, output, lambda facts: facts.last > 1,
    ),
    Mistake(
        "forgot_hidden_bias", "forward", "the biases of the hidden units are left out",
        "Only the output has biases.",
        "What is added to the weighted sum of a hidden unit?",
        {"z": without_bias}, hidden,
    ),
    Mistake(
        "weights_read_columnwise", "forward", "the weights are read by columns where they stand by rows",
        "W[i,j] leads from j to i.",
        "From which unit does W1[1,2] come, and into which one does it lead?",
        {"given": given_as("W", transposed)},
    ),
    Mistake(
        "output_weights_columnwise", "forward", "the weights of the output layer are read by columns, not by rows",
        "W[i,j] leads from j to i.",
        "Which weights lead INTO this output? Are they in one row of W, or in one column?",
        {"given": given_as("W", transposed)}, lambda step: output(step) and step.layer > 1,
    ),
    Mistake(
        "inputs_for_hidden_outputs", "forward", "a later layer gets the inputs of the network again",
        "Every layer multiplies x.",
        "What comes in on the arrows that lead into this unit?",
        {"z": weighted_inputs}, later_layer, lambda facts: max(facts.sizes[1:-1], default=0) <= facts.sizes[0],
    ),
    Mistake(
        "no_output_activation", "forward", "the output's activation is left out",
        "An output is the weighted sum itself.",
        "Through which function does z go before it is called ŷ?",
        {"a": z_of, "slope": one}, output, squared_units,
    ),
    Mistake(
        "no_hidden_activation", "forward", "the hidden units' activation is left out",
        "A hidden unit passes on its weighted sum.",
        "What does a hidden unit send on: its z, or something made of it?",
        {"a": z_of, "slope": one}, lambda step: hidden(step) and single(step),
    ),
    Mistake(
        "bias_after_activation", "forward", "the bias is added after the activation",
        "a is f(weighted sum) + b.",
        "Does the bias shift what goes INTO the activation, or what comes out?",
        {
            "z": without_bias,
            "a": lambda step, v: step.rule(v) + bias(step, v),
            "slope": slope_at_z,
            "delta": delta_at_once,
        },
        lambda step: not coupled(step),
    ),
    Mistake(
        "shared_bias", "forward", "every unit of a layer gets the bias of the first",
        "A layer has one bias.",
        "How many biases has this layer? Which one belongs to the second unit?",
        {"given": given_as("b", first_bias)},
    ),
    Mistake(
        "inputs_swapped", "forward", "the inputs are taken in reverse order",
        "The last input comes first.",
        "Write each input next to its unit. Is x₁ where you have it?",
        {"given": given_as("x", other_end)}, prior=1,
    ),
    Mistake(
        "targets_swapped", "forward", "the targets are taken in reverse order",
        "The last target comes first.",
        "Which target belongs to output 1?",
        {"given": given_as("y", other_end)},
    ),
    Mistake(
        "tanh_for_sigmoid", "forward", "tanh is used in place of the sigmoid",
        "All squashing functions are alike.",
        "Between which two numbers do the outputs of this layer's activation lie?",
        {"a": of_z(math.tanh), "slope": of_a(one_minus_square)}, unit_is("sigmoid"), prior=1,
    ),
    Mistake(
        "sigmoid_for_tanh", "forward", "the sigmoid is used in place of tanh",
        "All squashing functions are alike.",
        "Between which two numbers do the outputs of this layer's activation lie?",
        {"a": of_z(sigmoid), "slope": of_a(s_times_one_minus_s)}, unit_is("tanh"), prior=1,
    ),
    # The squared error
    Mistake(
        "sign_slip", "loss", "the error is y − ŷ in place of ŷ − y",
        "The slope of (y − ŷ)² is 2(y − ŷ).",
        "If ŷ lies above its target, does the loss rise or fall when ŷ grows? Which sign must its slope have?",
        {"error": times(lambda step: -1)}, applies=squared, prior=3,
    ),
    Mistake(
        "kept_half", "loss", "the slope of the loss is half as large as it should be",
        "Differentiating a square leaves everything in front of it as it is, and brings down no 2.",
        "The power rule brings down a 2. Where is it in your slope?",
        {"error": times(lambda step: 0.5)}, applies=squared, prior=3,
    ),
    Mistake(
        "extra_two", "loss", "the slope of the loss is twice as large as it should be",
        "The slope of a squared error is always 2(ŷ − y).",
        "What stands in front of the squares in this loss? What does it do to the 2 of the power rule?",
        {"error": times(lambda step: 2)}, applies=squared, prior=3,
    ),
    Mistake(
        "mean_over_outputs_of_half", "loss", "½ of the squared errors is divided by the number of outputs",
        "A loss is a mean over the outputs, and has a ½.",
        "This loss adds over the outputs. By what did you divide?",
        {"loss": over_outputs, "error": over_outputs},
        applies=loss_is("half_sse", 2),
    ),
    Mistake(
        "mse_mean", "loss", "the mean of the squared errors is used where the loss is half their sum",
        "A squared error is always a mean.",
        "Read the loss once more: is it a mean over the outputs, or half a sum?",
        {"loss": times(lambda step: 2 / outputs(step)), "error": times(lambda step: 2 / outputs(step))},
        applies=loss_is("half_sse"),
    ),
    Mistake(
        "half_sse_for_mse", "loss", "half the sum of the squared errors is used where the loss is their mean",
        "A squared error always has a ½ and no mean.",
        "Read the loss once more: is it a mean over the outputs, or half a sum?",
        {"loss": times(lambda step: outputs(step) / 2), "error": times(lambda step: outputs(step) / 2)},
        applies=loss_is("mse"),
    ),
    Mistake(
        "sum_not_mean_outputs", "loss", "the squared errors are added and not divided by the number of outputs",
        "The loss is the sum over the outputs.",
        "What does the M in MSE stand for? Over how many outputs?",
        {"loss": times(outputs), "error": times(outputs)}, applies=loss_is("mse", 2),
    ),
    Mistake(
        "loss_value_as_error", "loss", "an output's share of the loss is used in place of its slope",
        "The loss itself is what is sent back.",
        "You used how large the loss IS. How fast does it CHANGE with ŷ?",
        {"error": share_of_loss}, applies=squared,
    ),
    Mistake(
        "total_loss_as_error", "loss", "the whole loss is used in place of its slope",
        "The total loss is sent back through every path.",
        "Start from ∂L/∂ŷ of this one output: how fast does the loss change with it?",
        {"error": example_loss}, applies=squared, prior=1,
    ),
    Mistake(
        "abs_error", "loss", "the error is taken without its sign",
        "An error is a size.",
        "One output may lie above its target and another below. How do their errors differ?",
        {"error": lambda step, v: abs(step.rule(v))}, applies=squared,
    ),
    Mistake(
        "errors_not_squared", "loss", "the errors are not squared",
        "A loss is the distance between prediction and target.",
        "Which two things does the S in this loss's name do with an error before the sum?",
        {
            "loss": lambda step, v: -minus_sum(lambda y, p: abs(p - y))(step, v) / divisor(step),
            "error": lambda step, v: math.copysign(1 / divisor(step), difference(step, v)),
        },
        applies=squared,
    ),
    Mistake(
        "squared_error_not_diff", "loss", "the square is not differentiated",
        "(ŷ − y)² is sent back.",
        "What is the slope of e²? By how much does the exponent drop?",
        {"error": lambda step, v: difference(step, v) ** 2}, applies=squared,
    ),
    Mistake(
        "delta_without_sigma_with_mse", "loss", "the cross-entropy's δ = ŷ − y is used with a squared error",
        "δ = ŷ − y, always.",
        "For which loss do the slopes cancel to ŷ − y? Which loss is this one?",
        {"delta": difference}, output, squared_not_linear,
    ),
    # The chain and its paths
    Mistake(
        "summed_instead_of_multiplied", "chain", "the slopes along the path are added and not multiplied",
        "The chain rule adds the slopes.",
        "If a doubles when z grows by one, and the loss triples with a: how do you combine the two?",
        {"dW": sum_of_factors, "db": sum_of_factors}, single,
    ),
    *(_only_path(k) for k in (1, 2, 3)),
    *(_missing_path(k) for k in (1, 2, 3)),
    Mistake(
        "averaged_paths", "chain", "the paths back to the hidden unit are averaged",
        "Contributions are averaged.",
        "What does the chain rule do with several paths? Does it divide by their number?",
        {"back": lambda step, v: sum(paths(step, v)) / above(step)}, fan_out(2),
    ),
    Mistake(
        "subtracted_paths", "chain", "the other paths are subtracted from the first",
        "Errors on the other side are taken away.",
        "Each δ carries its own sign already. What is left to do with the terms?",
        {"back": lambda step, v: 2 * paths(step, v)[0] - sum(paths(step, v))}, fan_out(2),
    ),
    Mistake(
        "first_path_for_all", "chain", "the path back through unit 1 of the next layer is taken for every path",
        "All paths are alike.",
        "Which factors belong to the other path: its own error, its own slope, its own weight?",
        {"back": lambda step, v: above(step) * paths(step, v)[0]}, fan_out(2),
    ),
    Mistake(
        "same_weight_on_every_path", "chain", "every path back is given the weight of the first",
        "The weight of a hidden unit is one number.",
        "Each arrow that leaves the hidden unit has a weight of its own. Which one lies on the second?",
        {"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", step.index[0], 1, up=1)))}, fan_out(2),
    ),
    Mistake(
        "multiplied_paths", "chain", "the paths back to the hidden unit are multiplied",
        "The chain rule multiplies everything.",
        "Along ONE path slopes multiply. What do DIFFERENT paths do?",
        {"back": lambda step, v: math.prod(paths(step, v))}, fan_out(2), prior=1,
    ),
    Mistake(
        "one_slope_for_all_outputs", "activation", "the slope of the first output is used for every output",
        "All outputs have one slope.",
        "Which ŷ belongs into the slope of this output?",
        {"slope": lambda step, v: step.rule(v) if step.index[0] == 1 else v[step.near("slope", 1)]},
        lambda step: output(step) and single(step), lambda facts: facts.sizes[-1] > 1,
    ),
    Mistake(
        "transposed_W2", "chain", "the weights that lead INTO the unit above are used on the way back",
        "Back and forward use the same rows of W.",
        "On the way back you need the weights that LEAVE this hidden unit. Which ones are they?",
        {"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", k, step.index[0], up=1)))}, square_above,
    ),
    Mistake(
        "updated_output_weights_first", "chain", "the error is sent back over weights that are already updated",
        "Update each layer as soon as its gradient is known.",
        "At which weights was the loss computed? All gradients belong to that one point: what must come last?",
        {"back": over_updated_weights}, hidden, prior=3,
    ),
    Mistake(
        "in_place_alias", "chain", "the old weights were kept by assignment only, and changed with the new ones",
        "W_old = W makes a copy.",
        "After W_old = W, how many arrays are there? What does W -= … change?",
        {"back": over_updated_weights}, hidden, prior=1,
    ),
    Mistake(
        "wrong_layer_weights", "chain", "the hidden unit's own incoming weights are used on the way back",
        "The weights of the layer itself carry the error.",
        "The error comes back over the wires between this unit and the layer ABOVE. Which weights lie on them?",
        {"back": lambda step, v: sum(paths(step, v, lambda k: step.near("W", step.index[0], k)))}, same_shape_above,
    ),
    Mistake(
        "no_weight_on_path", "chain", "the weight on the way back is left out",
        "∂z/∂a is 1.",
        "How much does the z above move when this unit's output moves by 1?",
        {"back": lambda step, v: sum(deltas_above(step, v))}, hidden, prior=3,
    ),
    Mistake(
        "no_input_factor", "chain", "the chain stops at δ, without the slope ∂z/∂w",
        "δ is the gradient of the weight.",
        "You have ∂L/∂z. How does z change when this one weight does?",
        {"dW": delta_of}, prior=3,
    ),
    Mistake(
        "wrong_activation_factor", "chain", "δ is multiplied by the unit's own output, not by its input",
        "∂z/∂w is the unit's output.",
        "A weight multiplies what comes IN. Which signal rides on this one?",
        {"dW": lambda step, v: delta_of(step, v) * v[step.near("a", step.index[1])]},
    ),
    Mistake(
        "net_h_instead_of_out_h", "chain", "z of the hidden unit is used as what comes in, not its output",
        "A weight multiplies the z below.",
        "Does this weight multiply the hidden unit's z, or what the activation made of it?",
        {"dW": lambda step, v: delta_of(step, v) * v[step.near("z", step.index[0], up=-1)]}, later_layer,
    ),
    Mistake(
        "input_for_w5", "chain", "the network's input is used as what comes in at a later layer",
        "Every weight multiplies an input of the network.",
        "Where does this weight begin: at an input, or at a hidden unit?",
        {"dW": lambda step, v: delta_of(step, v) * v[name_of("x", 0, step.index[:1], step.at)]}, later_layer,
    ),
    Mistake(
        "differentiated_wrt_signal", "chain", "δ is multiplied by the weight, not by what comes in",
        "∂(w·a)/∂w is w.",
        "In w·a, hold a still and change w. How fast does the product change?",
        {"dW": lambda step, v: delta_of(step, v) * v[step.near("W")]},
    ),
    Mistake(
        "bias_in_weight_slope", "chain", "the bias stays in ∂z/∂w",
        "∂z/∂w keeps the rest of z.",
        "What is the slope of a term in which this weight does not occur?",
        {"dW": lambda step, v: step.rule(v) + delta_of(step, v) * bias(step, v)},
    ),
    Mistake(
        "hidden_has_target", "chain", "a hidden unit is compared with a target",
        "The error of a hidden unit is its output minus the target.",
        "Who says what a hidden unit should put out? How does the loss come to depend on it?",
        {"back": lambda step, v: v[step.near("a")] - v[step.near("y")]}, hidden,
    ),
    Mistake(
        "dot_instead_of_outer", "chain", "inputs and δ are multiplied to one sum, not to a table of products",
        "dW = δ · a.",
        "Each weight joins ONE input with ONE δ. How many numbers must come out?",
        {"dW": dot}, square,
    ),
    Mistake(
        "index_swap", "chain", "the entry of another weight is given",
        "The entry beside it is the one that is asked for.",
        "Right size, another place: from which unit does this weight come, and into which does it lead?",
        answers=and_the_step(neighbors),
    ),
    Mistake(
        "neighbour_unit", "chain", "the value of another unit of the layer is given",
        "It is the other unit that is asked for.",
        "Look at the diagram: which unit is asked for, counted from the top?",
        answers=other_units,
    ),
    # The step
    Mistake(
        "ascent", "update", "the gradient is added",
        "The gradient shows where to go.",
        "The gradient points uphill. Which way does the loss fall?",
        {"new": descent(lambda w, rate, g: w + rate * g)}, prior=3,
    ),
    Mistake(
        "no_learning_rate", "update", "the learning rate is left out",
        "The gradient is the step.",
        "You went the whole gradient. Which number says how much of it to go?",
        {"new": descent(lambda w, rate, g: w - g)}, prior=3,
    ),
    Mistake(
        "lr_twice", "update", "the learning rate is multiplied in twice",
        "The learning rate belongs in δ and in the update.",
        "In how many places did the learning rate come in?",
        {"new": descent(lambda w, rate, g: w - rate**2 * g)},
    ),
    Mistake(
        "replaced_weight", "update", "the parameter is replaced by the step",
        "The new value is −η times the gradient.",
        "That is by how much it CHANGES. From where?",
        {"new": descent(lambda w, rate, g: -rate * g)},
    ),
    Mistake(
        "gradient_times_learning_rate", "update", "the size of the step is given, not where it leads",
        "The new value is η times the gradient.",
        "That is how far to go. Where did you start, and in which direction do you go?",
        answers=only_the_step,
    ),
    Mistake(
        "multiplied_by_weight", "update", "the step is multiplied by the parameter",
        "The step is a share of the old value.",
        "Does the step depend on how large the parameter is?",
        {"new": descent(lambda w, rate, g: w - rate * g * w)},
    ),
    Mistake(
        "bias_never_updated", "update", "the biases are not updated",
        "A bias is a constant.",
        "A bias is a weight whose input is always 1. Does it have a gradient?",
        {"new": lambda step, v: v[step.needs[0]]}, lambda step: step.parts.quantity == "b",
    ),
    Mistake(
        "integer_weights", "update", "the new value is cut off to a whole number",
        "An array of whole numbers can hold any number.",
        "Which dtype has the array that the new value is stored in?",
        {"new": lambda step, v: float(math.trunc(step.rule(v)))}, prior=1,
    ),
    # Biases
    Mistake(
        "bias_times_bias", "chain", "δ is multiplied by the bias",
        "∂z/∂b is b.",
        "In z = … + b·1: what is b multiplied by?",
        {"db": lambda step, v: delta_of(step, v) * bias(step, v)},
    ),
    Mistake(
        "bias_grad_summed_all_axes", "chain", "one sum over all units is taken for every bias",
        "db = np.sum(dz).",
        "Each unit has a bias of its own. Over which axis must the sum run?",
        {"db": layer_sum}, lambda step: step.facts.sizes[step.layer] > 1,
    ),
    # Rounding
    Mistake(
        "rounded_too_early", "rounding", "everything on the way is rounded to two decimals",
        "Two decimals are enough on the way.",
        "Keep all digits in the calculator, and round once. What comes out then?",
        rounded(2),
    ),
    Mistake(
        "rounded_to_three", "rounding", "everything on the way is rounded to three decimals",
        "Three decimals are enough on the way.",
        "Keep all digits in the calculator, and round once. What comes out then?",
        rounded(3), prior=1,
    ),
    Mistake(
        "coarse_one_sided_difference", "rounding", "a one-sided difference with a step of 0.1 is used",
        "(L(w + 0.1) − L(w)) / 0.1 is the derivative.",
        "Look to both sides, (L(w + h) − L(w − h)) / 2h, with a much smaller h. What comes out?",
        answers=and_the_step(forward_difference), prior=1,
    ),
    Mistake(
        "decimal_point", "rounding", "the decimal point has slipped by one place",
        "",
        "Estimate first: about how large should it be? Count the places.",
        answers=lambda step, v: [v[step.name] * 10, v[step.name] / 10], prior=1,
    ),
    Mistake(
        "minus_lost_in_sum", "forward", "one minus in the sum is lost",
        "",
        "Write down each product with its sign, and a bias with its own. Which of them is negative?",
        answers=without_one_minus,
    ),
    Mistake(
        "slope_multiplied_already", "chain", "the slope of the activation is multiplied in already",
        "∂L/∂a and δ are one thing.",
        "How does the loss change with what the unit puts out? On which side of that is its activation?",
        answers=lambda step, v: [v[step.near("dz")]] if step.kind in ("error", "back") else [],
    ),
    Mistake(
        "lost_sign", "rounding", "the sign is the opposite one",
        "",
        "Which sign has each factor? How many of them are negative?",
        answers=lambda step, v: [-v[step.name]], prior=1,
    ),
    # Binary cross-entropy
    Mistake(
        "bce_times_sigma_prime", "cross-entropy", "ŷ − y is multiplied by the slope of the sigmoid once more",
        "δ is the error times the slope, always.",
        "ŷ − y is what is left when the slope of the logarithm meets the slope of the sigmoid. Is there one to come?",
        {"delta": lambda step, v: step.rule(v) * v[step.near("slope")]}, output, loss_is("binary_cross_entropy"),
        prior=3,
    ),
    _stopped_at_output("bce", "binary_cross_entropy"),
    Mistake(
        "bce_missing_one_minus_y", "cross-entropy", "the term (1 − y)·ln(1 − ŷ) is left out",
        "The loss is −y ln ŷ.",
        "If y is 0, what does your loss say about ŷ = 0.99?",
        {
            "loss": lambda step, v: minus_sum(lambda y, p: y and y * math.log(p))(step, v) / outputs(step),
            "error": lambda step, v: -v[step.near("y")] / v[step.near("y_hat")] / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    Mistake(
        "bce_other_term", "cross-entropy", "the probability of the other answer is taken",
        "For a yes the loss is −ln(1 − ŷ).",
        "Which probability did the network give to what really happened: ŷ, or 1 − ŷ?",
        {
            "loss": lambda step, v: minus_sum(lambda y, p: log_likelihood(1 - y, p))(step, v) / outputs(step),
            "error": lambda step, v: v[step.near("y")] / (1 - v[step.near("y_hat")]) / outputs(step)
            - (1 - v[step.near("y")]) / v[step.near("y_hat")] / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"), prior=3,
    ),
    Mistake(
        "squared_for_bce", "cross-entropy", "the squared error is used where the loss is a cross-entropy",
        "The loss is (ŷ − y)², always.",
        "Which loss does the question name? Where is the logarithm?",
        {
            "loss": lambda step, v: -minus_sum(lambda y, p: (p - y) ** 2)(step, v) / outputs(step),
            "error": lambda step, v: 2 * difference(step, v) / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    _other_logarithm("bce", "binary_cross_entropy", 10),
    _other_logarithm("bce", "binary_cross_entropy", 2),
    Mistake(
        "bce_swapped", "cross-entropy", "target and prediction have changed places",
        "The logarithm is taken of the target.",
        "Of which of the two is the logarithm taken? What would it be of a target 0?",
        {
            "loss": lambda step, v: minus_sum(lambda y, p: log_likelihood(p, y))(step, v) / outputs(step),
            "error": lambda step, v: math.log(1 / v[step.near("y")] - 1) / outputs(step),
        },
        applies=loss_is("binary_cross_entropy"),
    ),
    _forgotten_minus("bce", "binary_cross_entropy"),
    Mistake(
        "bce_sum_outputs", "cross-entropy", "the cross-entropy is added over the outputs and not averaged",
        "The loss is the sum over the outputs.",
        "Over how many outputs is this loss the mean?",
        {"loss": times(outputs), "error": times(outputs)}, applies=loss_is("binary_cross_entropy", 2),
    ),
    # Softmax with categorical cross-entropy
    Mistake(
        "softmax_diagonal_jacobian", "softmax", "the slopes between different outputs of the softmax are left out",
        "∂aᵢ/∂zₖ is 0 for i ≠ k.",
        "All outputs share one sum. When one z grows, what happens to the other outputs?",
        {"slope": lambda step, v: step.rule(v) if step.index[0] == step.index[1] else 0.0}, any_unit("softmax"),
    ),
    Mistake(
        "softmax_ce_double", "softmax", "ŷ − y is multiplied by the slope of the softmax once more",
        "δ is the error times the slope, always.",
        "ŷ − y is already ∂L/∂z. Is there any slope of the softmax left to come?",
        {"delta": lambda step, v: step.rule(v) * s_times_one_minus_s(a_of(step, v))}, output,
        loss_is("categorical_cross_entropy"), prior=3,
    ),
    Mistake(
        "softmax_jacobian_of_z", "softmax", "the slopes of the softmax are written with z",
        "∂aᵢ/∂zₖ is −zᵢ·zₖ, and zᵢ(1 − zᵢ).",
        "Of what are the slopes of a softmax made: of its inputs, or of its outputs?",
        {"slope": coupled_slope_from_z}, any_unit("softmax"),
    ),
    Mistake(
        "double_softmax", "softmax", "the softmax is applied twice",
        "A loss that contains the softmax wants probabilities.",
        "What does your loss expect: z, or what the softmax made of it?",
        {
            "loss": lambda step, v: -sum(
                v[step.near("y", k)] * math.log(q) for k, q in enumerate(squashed_again(step, v), start=1)
            ),
            "error": lambda step, v: squashed_again(step, v)[step.index[0] - 1] - v[step.near("y")],
        },
        applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "class_index_as_number", "softmax", "the number of the class is used as the target of every output",
        "The target is the number of the class.",
        "The number of a class names a place. Which target has each output?",
        {"given": class_number, "delta": difference},
        lambda step: step.kind == "given" or output(step), loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "one_hot_off_by_one", "softmax", "the 1 of the target stands one place too early",
        "Classes count from 1 there, and from 0 here.",
        "Count the places of the target: in which one should the 1 stand?",
        {"given": class_before}, applies=loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "softmax_mean_over_classes", "softmax", "the cross-entropy is divided by the number of classes",
        "The loss is a mean over the classes.",
        "Is this loss a sum or a mean over the classes?",
        {"loss": over_outputs, "error": over_outputs},
        applies=loss_is("categorical_cross_entropy"),
    ),
    _other_logarithm("ce", "categorical_cross_entropy", 10),
    _other_logarithm("ce", "categorical_cross_entropy", 2),
    _forgotten_minus("ce", "categorical_cross_entropy"),
    _stopped_at_output("ce", "categorical_cross_entropy"),
    Mistake(
        "softmax_without_exp", "softmax", "z is divided by the sum of all z, without the exponentials",
        "A softmax makes shares of z.",
        "What if one z is negative? What must happen to every z before shares are taken?",
        {
            "a": lambda step, v: z_of(step, v) / sum(v[step.near("z", k)] for k in range(1, outputs(step) + 1)),
            "delta": difference,
        },
        output, loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "target_not_subtracted", "cross-entropy", "the target is not subtracted from ŷ",
        "δ is the prediction.",
        "What should δ be when the prediction is exactly right?",
        {"delta": lambda step, v: v[step.near("y_hat")] / (1 if coupled(step) else outputs(step))},
        output, lambda facts: not squared(facts),
    ),
    Mistake(
        "softmax_without_sum", "softmax", "the exponentials are not divided by their sum",
        "A softmax is eᶻ.",
        "Add up your outputs. What must probabilities add up to?",
        {"a": of_z(math.exp), "delta": difference}, output, loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "sigmoid_for_softmax", "softmax", "the sigmoid of each z is taken where a softmax is asked for",
        "Each output squeezes its own z.",
        "Do your outputs add up to 1? On what does each output of a softmax depend?",
        {"a": of_z(sigmoid), "delta": difference}, output, loss_is("categorical_cross_entropy"),
    ),
    Mistake(
        "bce_for_ce", "softmax", "the binary cross-entropy is used for classes that exclude each other",
        "Each class is a yes or no of its own.",
        "Which outputs does the categorical cross-entropy look at, if one class is the true one?",
        {
            "loss": minus_sum(log_likelihood),
            "error": lambda step, v: difference(step, v) / s_times_one_minus_s(v[step.near("y_hat")]),
        },
        applies=loss_is("categorical_cross_entropy"),
    ),
    # The batch
    Mistake(
        "batch_sum_not_mean", "batch", "the examples are added and not divided by their number",
        "The gradients of the examples add up.",
        "The loss is the mean over the examples. By what is the sum divided?",
        {"mean": times(lambda step: step.facts.examples)}, prior=3,
    ),
    Mistake(
        "batch_divided_twice", "batch", "everything is divided by the number of examples twice",
        "1/n belongs in the loss, and again in the gradient.",
        "In how many places did you divide by the number of examples?",
        {"mean": times(lambda step: 1 / step.facts.examples)}, prior=3,
    ),
    Mistake(
        "batch_first_sample_only", "batch", "only the first example counts",
        "The gradient is that of the example at hand.",
        "How many examples are in the batch? How many are in your mean?",
        {"mean": lambda step, v: v[step.needs[0]]},
    ),
    Mistake(
        "batch_last_sample_only", "batch", "only the last example counts",
        "Each example's gradient replaces the one before.",
        "What becomes of the earlier examples' gradients: are they overwritten, or added up?",
        {"mean": lambda step, v: v[step.needs[-1]]},
    ),
    Mistake(
        "broadcast_n_vs_n1", "batch", "every prediction is compared with every target of the batch",
        "Shapes (n,) and (n, 1) are alike.",
        "What shape has y_hat − y? How many numbers should it hold?",
        {"mean": all_pairs}, lambda step: step.parts.quantity == "loss",
        lambda facts: squared(facts) and facts.sizes[-1] == 1,
    ),
)  # fmt: skip


OF_SHAPES = (
    Mistake(
        "bias_grad_not_summed", "batch", "the examples of the batch are not added up",
        "Each example has a bias of its own.",
        "All examples share one bias. What becomes of their contributions?",
    ),
    Mistake(
        "summed_over_wrong_axis", "batch", "a sum runs over an axis that should stay, or over all of them",
        "A sum is a sum.",
        "What stands in a row of the array, and what in a column? Which of the two should disappear?",
    ),
    Mistake(
        "star_for_matmul", "forward", "* is used in place of @",
        "* multiplies matrices.",
        "* multiplies entry by entry. What shape has your z, and how many units has the layer?",
    ),
)  # fmt: skip
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
    "given": 0, "z": 0, "a": 0, "y_hat": 0, "loss": 1, "error": 1, "slope": 1, "delta": 1, "back": 1,
    "dW": 2, "db": 2, "mean": 2, "new": 3,
}  # fmt: skip
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
