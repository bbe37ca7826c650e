"""The mistakes. Each replaces one rule of the computation, and explains the misconception behind it.

No wrong answers are stored. The number that a mistake gives, for any question about any network, comes out when its
rules replace the right ones and everything that follows is computed from there. So a new mistake is one record:

    Mistake("no_input_factor", rules={"dW": lambda at: at.delta})

with its texts under the same id in ``mistakes.toml``.

A rule gets the place where it is used (`At`): the step that it replaces, and the values so far, under the mistake.
`at("a", 2, up=-1)` is the output of unit 2 in the layer below, `at.right` the value by the right rule. `where` says to
which steps it applies, `applies` to which networks. If a rule needs a value that the pass does not have, the mistake
does not apply either. A slip that only changes the answer (the decimal point, a neighboring entry) has `answers` in
place of rules.

Most mistakes were seen in questions, courses and code that people published: tests/data/mistakes.json says where, and
has their numbers for one network. The ids are the same.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from bpcourse.engine.activations import ACTIVATIONS
from bpcourse.engine.losses import LOSSES
from bpcourse.registry import Registry
from bpcourse.texts import read_toml
from bpcourse.tutor.equations import Facts, Step, Values, name_of, needed_for
from bpcourse.tutor.formulas import is_coupled, one_minus_square, s_times_one_minus_s, sigmoid, softmax, unit_formula


@dataclass(slots=True)
class At:
    """The place where a rule is used: a step, and the values so far.

    Parameters
    ----------
    step : Step
        The step that is computed.
    values : Values
        The values, under the mistake.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> from bpcourse.tutor.equations import table
    >>> steps = table(EXAMPLES["lecture"].backprop())
    >>> at = At(steps["dz2[1]"], Values(steps))
    >>> at("y") == steps["y[1]"].value, at("a", 2, up=-1) == steps["a1[2]"].value
    (True, True)
    """

    step: Step
    values: Values

    def __call__(self, quantity: str, *index: int, up: int = 0) -> float:
        """Return the value of a quantity of the step's unit, of another unit, or of one `up` layers above."""
        return self.values[self.step.near(quantity, *index, up=up)]

    def all(self, quantity: str, up: int = 0) -> list[float]:
        """Return the values of a quantity of each unit of the layer, or of the one `up` layers above."""
        return [self(quantity, unit, up=up) for unit in self.step.units(up)]

    @property
    def index(self) -> tuple[int, ...]:
        """The step's unit, or from-unit and to-unit."""
        return self.step.index

    @property
    def outputs(self) -> int:
        """The number of outputs of the network."""
        return self.step.facts.sizes[-1]

    @property
    def right(self) -> float:
        """The value by the right rule."""
        return self.step.rule(self.values)

    @property
    def answer(self) -> float:
        """The value of the step."""
        return self.values[self.step.name]

    @property
    def bias(self) -> float:
        """The bias of the step's unit, 0 if its layer has none."""
        name = self.step.near("b", self.index[-1])
        return self.values[name] if name in self.values.table else 0.0

    @property
    def delta(self) -> float:
        """δ of the unit that the weight or bias of the step leads to."""
        return self("dz", self.index[-1])

    @property
    def difference(self) -> float:
        """ŷ − y of the step's output."""
        return self("y_hat") - self("y")

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """(y, ŷ) of each output of the step's example."""
        return list(zip(self.all("y"), self.all("y_hat"), strict=True))

    def slope_at(self, z: float) -> float:
        """Return the slope of the unit's activation at a number."""
        return self.step.activation.df(z).item()

    def paths(self, weight: Callable[[int], float] | None = None) -> list[float]:
        """Return the terms that come back to a unit from those above: their δ times the weight, or a different one."""
        weight = weight or (lambda k: self("W", self.index[0], k, up=1))
        return [delta * weight(k) for k, delta in enumerate(self.all("dz", up=1), start=1)]


Wrong = Callable[[At], float]
Answers = Callable[[At], Iterable[float]]


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
    prior : int
        3 for very common mistakes, 2 for common ones, 1 for rare ones.
    """

    topic: str
    name: str
    hint: str
    believes: str = ""
    prior: int = 2


@cache
def _all_words() -> dict[str, Words]:
    return {id: Words(**words) for id, words in read_toml("tutor/mistakes.toml").items()}


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
        The place in the right pass ↦ wrong answers, for a slip in the answer itself.
    """

    id: str
    rules: Mapping[str, Wrong] = field(default_factory=dict, kw_only=True)
    where: Callable[[Step], bool] = field(default=lambda step: True, kw_only=True)
    applies: Callable[[Facts], bool] = field(default=lambda facts: True, kw_only=True)
    answers: Answers | None = field(default=None, kw_only=True)

    @property
    def words(self) -> Words:
        """The words for it. Raises KeyError if ``mistakes.toml`` has none under its id."""
        return _all_words()[self.id]

    topic = property(lambda self: self.words.topic)
    name = property(lambda self: self.words.name)
    hint = property(lambda self: self.words.hint)
    believes = property(lambda self: self.words.believes)
    prior = property(lambda self: self.words.prior)

    def replaced(self) -> dict[str, Callable[[Step, Values], float]]:
        """Return the rules. Each applies only to its steps; at other steps the right rule is used."""

        def here(wrong: Wrong) -> Callable[[Step, Values], float]:
            return lambda step, values: wrong(At(step, values)) if self.where(step) else step.rule(values)

        return {kind: here(wrong) for kind, wrong in self.rules.items()}


# Where a mistake applies: at which networks, at which steps


def squared(facts: Facts) -> bool:
    """Return whether the loss is a squared error."""
    return facts.loss in (LOSSES["mse"], LOSSES["half_sse"])


def squared_not_linear(facts: Facts) -> bool:
    """Return whether the loss is a squared error and the output activation is not the identity."""
    return squared(facts) and facts.activations[-1] != ACTIVATIONS["identity"]


def squared_units(facts: Facts) -> bool:
    """Return whether the loss is a squared error and the slope of the output units is not 1."""
    return squared_not_linear(facts) and facts.activations[-1].slope is not None


def loss_is(name: str, outputs: int = 1) -> Callable[[Facts], bool]:
    """Return the test for a loss with at least this many outputs."""
    return lambda facts: facts.loss == LOSSES[name] and facts.sizes[-1] >= outputs


BINARY, CATEGORICAL = loss_is("binary_cross_entropy"), loss_is("categorical_cross_entropy")


def output(step: Step) -> bool:
    """Return whether the step belongs to the last layer."""
    return step.layer == step.facts.last


def hidden(step: Step) -> bool:
    """Return whether the step belongs to a hidden layer."""
    return 0 < step.layer < step.facts.last


def later_layer(step: Step) -> bool:
    """Return whether the layer has another layer below."""
    return step.layer > 1


def coupled(step: Step) -> bool:
    """Return whether each output of the layer depends on every z of it, as in a softmax."""
    return is_coupled(step.activation)


def single(step: Step) -> bool:
    """Return whether each unit of the layer has its own slope, by which ∂L/∂a is multiplied.

    For a cross-entropy the δ of the output is ŷ − y directly.
    """
    return not coupled(step) and (hidden(step) or squared(step.facts))


def any_unit(*activations: str) -> Callable[[Step], bool]:
    """Return the test for the activation of a step's layer."""
    return lambda step: step.activation in [ACTIVATIONS[name] for name in activations]


def inner(step: Step) -> bool:
    """Return whether each unit of the layer has its own slope, and the layer is a hidden one."""
    return hidden(step) and single(step)


def unit_is(*activations: str) -> Callable[[Step], bool]:
    """Return the test for the activation of the layer of a step, if its slope is a factor."""
    return lambda step: any_unit(*activations)(step) and single(step)


def fan_out(at_least: int) -> Callable[[Step], bool]:
    """Return the test for a hidden unit that leads to at least this many units above."""
    return lambda step: hidden(step) and len(step.units(up=1)) >= at_least


def square(step: Step) -> bool:
    """Return whether the step's layer has as many inputs as units, more than one."""
    return len(step.units(up=-1)) == len(step.units()) > 1


def square_above(step: Step) -> bool:
    """Return whether the layer above a hidden unit is square."""
    return hidden(step) and len(step.units()) == len(step.units(up=1)) > 1


# Rules that several mistakes share, or that take more than a line


def both(rule: Wrong) -> dict[str, Wrong]:
    """Return the rules for a loss and its slope that go wrong in the same way."""
    return {"loss": rule, "error": rule}


def descent(f: Callable[[float, float, float], float]) -> Wrong:
    """Return the rule for a new parameter from the old one, the learning rate and the gradient."""
    return lambda at: f(*(at.values[name] for name in at.step.needs))


def without_bias(at: At) -> float:
    """Return z without the bias."""
    return at.right - at.bias


def slope_from_z(at: At) -> float:
    """Return the formula for the slope of a sigmoid or tanh unit in terms of the output, with z put in."""
    return unit_formula(at.step.activation).slope_of(at("z"))


def coupled_slope_from_z(at: At) -> float:
    """Return the formula for the slope of a softmax, with z put in."""
    i, k = at.index
    return s_times_one_minus_s(at("z", i)) if i == k else -at("z", i) * at("z", k)


def weighted_inputs(at: At) -> float:
    """Return z of a later layer, computed from the inputs of the network."""
    return sum(at("x", i) * at("W", i, at.index[0]) for i in at.step.units(up=-1)) + at.bias


def given_as(quantity: str, wrong: Callable[[Step], str]) -> Wrong:
    """Return the rule that reads a given quantity in a different place."""
    return lambda at: at.values.table[wrong(at.step)].value if at.step.parts.quantity == quantity else at.step.value


def other_end(step: Step) -> str:
    """Return the name of the input or target at the same place, counted from the other end."""
    return step.near(step.parts.quantity, len(step.units()) + 1 - step.index[0])


def transposed(step: Step) -> str:
    """Return the name of the weight with its two units swapped, if the layer is square."""
    return step.near("W", *reversed(step.index)) if square(step) else step.name


def true_class(at: At) -> int:
    """Return which target of the step's example is the 1, from 1; ValueError unless they are one-hot."""
    y = [at.values.table[at.step.near("y", k)].value for k in at.step.units()]
    if sorted(y) != [0.0] * (len(y) - 1) + [1.0]:
        raise ValueError("the targets are not one-hot")
    return y.index(1.0) + 1


def class_number(at: At) -> float:
    """Return a target as the number of the class, counted from 0."""
    return true_class(at) - 1 if at.step.parts.quantity == "y" else at.step.value


def class_before(at: At) -> float:
    """Return a target as if the 1 were one place earlier, with the last place before the first."""
    if at.step.parts.quantity != "y":
        return at.step.value
    before = (true_class(at) - 2) % at.outputs + 1
    return float(at.index[0] == before)


def delta_at_once(at: At) -> float:
    """Return δ. At the output of a binary cross-entropy it is (ŷ − y) / outputs, with the wrong ŷ."""
    return at.difference / at.outputs if output(at.step) and BINARY(at.step.facts) else at.right


def divisor(at: At) -> int:
    """Return the number by which a squared loss divides the sum of the squares."""
    return at.outputs if at.step.facts.loss == LOSSES["mse"] else 2


def log_likelihood(y: float, p: float) -> float:
    """Return y ln p + (1 − y) ln(1 − p), where a term with weight 0 is 0."""
    return sum(weight * math.log(share) for weight, share in ((y, p), (1 - y, 1 - p)) if weight)


def over_updated_weights(at: At) -> float:
    """Return the sum that comes back over the weights after the update."""
    layer, i = at.step.layer + 1, at.index[0]
    return sum(at.paths(lambda k: at.values[name_of("W", layer, (i, k), new="_new")]))


def sum_of_factors(at: At) -> float:
    """Return the sum of the factors of the chain."""
    *from_unit, j = at.index
    return at("da", j) + at("slope", j) + sum(at("a", i, up=-1) for i in from_unit)


def all_pairs(at: At) -> float:
    """Return the squared error of every prediction with every target of the batch: (n,) against (n, 1)."""
    pairs = [pair for each in at.step.needs for pair in At(at.values.table[each], at.values).pairs]
    errors = [(y_hat - y) ** 2 for y, _ in pairs for _, y_hat in pairs]
    return sum(errors) / len(errors) / divisor(at)


def rounded(decimals: int) -> dict[str, Wrong]:
    """Return the rules that round intermediate values: outputs, slopes, every ∂L/∂a and the δ of the output."""

    def whenever(at: At) -> float:
        value, unit = at.right, 10.0**-decimals
        return math.copysign(math.floor(abs(value) / unit + 0.5 + 1e-9) * unit, value)  # half a unit goes up

    def at_output(at: At) -> float:
        return whenever(at) if output(at.step) else at.right

    return {"a": whenever, "slope": whenever, "error": whenever, "back": whenever, "delta": at_output}


# Slips that only change the answer


def without_one_minus(at: At) -> list[float]:
    """Return a sum over arrows, forward or back, with one of its negative terms taken for positive."""
    terms = at.step.terms(at.values) if at.step.kind in ("z", "back") else []
    terms += [at.bias] if at.step.kind == "z" else []
    return [at.answer - 2 * term for term in terms if term < 0]


def neighbors(at: At) -> Iterator[float]:
    """Yield the entry with the two indices swapped, and those in the same row and column."""
    step = at.step
    if len(step.index) == 2 and step.kind != "slope":
        i, j = step.index
        row, column = [(i, other) for other in step.units()], [(other, j) for other in step.units(up=-1)]
        for index in dict.fromkeys([(j, i), *row, *column]):
            other = step.near(step.parts.quantity, *index)
            if index != (i, j) and other in at.values.table:
                yield at.values[other]


def other_units(at: At) -> Iterator[float]:
    """Yield the same quantity of the other units of the layer."""
    if len(at.index) == 1:
        yield from (at(at.step.parts.quantity, unit) for unit in at.step.units() if unit != at.index[0])


def only_the_step(at: At) -> Iterator[float]:
    """Yield the size of the step of gradient descent instead of the new value."""
    if at.step.kind == "new":
        yield descent(lambda w, rate, g: rate * g)(at)


def forward_difference(at: At) -> Iterator[float]:
    """Yield (L(w + 0.1) − L(w)) / 0.1 for the parameter whose gradient is asked."""
    name, loss = at.step.parts, f"loss{at.step.at}"
    if name.quantity in ("dW", "db"):
        parameter = str(name.at(quantity=name.quantity[1:], example=0))
        moved = Values(at.values.table, {parameter: at.values[parameter] + 0.1})
        yield (moved[loss] - at.values[loss]) / 0.1


def and_the_step(answers: Answers) -> Answers:
    """Return the answers, and for a new parameter also the update with each wrong gradient."""

    def with_step(at: At) -> Iterator[float]:
        yield from answers(at)
        if at.step.kind == "new":
            old, rate, gradient = at.step.needs
            for wrong in answers(At(at.values.table[gradient], at.values)):
                yield at.values[old] - at.values[rate] * wrong

    return with_step


# The catalogue


def _only_path(k: int) -> Mistake:
    rules: dict[str, Wrong] = {"back": lambda at: at.paths()[k - 1]}
    return Mistake(f"only_path_o{k}", rules=rules, where=fan_out(max(2, k)))


def _missing_path(k: int) -> Mistake:
    rules: dict[str, Wrong] = {"back": lambda at: sum(at.paths()) - at.paths()[k - 1]}
    return Mistake(f"missing_path_{k}", rules=rules, where=fan_out(3))


def _other_logarithm(id: str, applies: Callable[[Facts], bool], base: int) -> Mistake:
    return Mistake(id, rules=both(lambda at: 1 / math.log(base) * at.right), applies=applies)


CATALOGUE = (
    # The slope of the activation
    Mistake("drop_sigma_prime_out", rules={"slope": lambda at: 1.0}, where=output, applies=squared_units),
    Mistake("drop_sigma_prime_hidden", rules={"slope": lambda at: 1.0}, where=inner),
    Mistake("drop_sigma_prime_all", rules={"slope": lambda at: 1.0}, where=single, applies=squared),
    Mistake("net_for_out_in_sigma_prime", rules={"slope": slope_from_z}, where=unit_is("sigmoid", "tanh")),
    Mistake("sigma_prime_of_out", rules={"slope": lambda at: at.slope_at(at("a"))}, where=unit_is("sigmoid", "tanh")),
    Mistake("sigma_prime_is_s", rules={"slope": lambda at: at("a")}, where=unit_is("sigmoid")),
    Mistake("tanh_prime_is_output", rules={"slope": lambda at: at("a")}, where=unit_is("tanh")),
    Mistake("sigma_prime_is_one_minus_s", rules={"slope": lambda at: 1 - at("a")}, where=unit_is("sigmoid")),
    Mistake(
        "sigma_prime_of_error",
        rules={"delta": lambda at: s_times_one_minus_s(at("da"))},
        where=output,
        applies=lambda facts: squared(facts) and facts.activations[-1] == ACTIVATIONS["sigmoid"],
    ),
    Mistake("tanh_prime_for_sigmoid", rules={"slope": lambda at: one_minus_square(at("a"))}, where=unit_is("sigmoid")),
    Mistake("sigmoid_prime_for_tanh", rules={"slope": lambda at: s_times_one_minus_s(at("a"))}, where=unit_is("tanh")),
    Mistake(
        "hidden_uses_output_slope",
        rules={"slope": lambda at: at("slope", 1, up=at.step.facts.last - at.step.layer)},
        where=inner,
        applies=lambda facts: facts.activations[-1].slope is not None,
    ),
    Mistake("relu_slope_is_output", rules={"slope": lambda at: at("a")}, where=unit_is("relu")),
    Mistake("relu_is_its_slope", rules={"a": lambda at: float(at("z") > 0)}, where=any_unit("relu")),
    Mistake("relu_uses_sigmoid_slope", rules={"slope": lambda at: s_times_one_minus_s(at("a"))}, where=unit_is("relu")),
    Mistake(
        "relu_prime_zero_is_one",
        rules={"slope": lambda at: 1.0 if at("z") == 0 else at.right},
        where=lambda step: step.activation.rectifier,
    ),
    Mistake(
        "leaky_cut_off",
        rules={"a": lambda at: max(0.0, at("z")), "slope": lambda at: float(at("z") > 0)},
        where=lambda step: step.activation.name.startswith("leaky_relu"),
    ),
    # The forward pass
    Mistake("sigmoid_exponent_sign", rules={"a": lambda at: sigmoid(-at("z"))}, where=any_unit("sigmoid")),
    Mistake("forgot_bias_forward", rules={"z": without_bias}),
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
    Mistake(
        "no_output_activation",
        rules={"a": lambda at: at("z"), "slope": lambda at: 1.0},
        where=output,
        applies=squared_units,
    ),
    Mistake("no_hidden_activation", rules={"a": lambda at: at("z"), "slope": lambda at: 1.0}, where=inner),
    Mistake(
        "bias_after_activation",
        rules={
            "z": without_bias,
            "a": lambda at: at.right + at.bias,
            "slope": lambda at: at.slope_at(at("z")),
            "delta": delta_at_once,
        },
        where=lambda step: not coupled(step),
    ),
    Mistake("shared_bias", rules={"given": given_as("b", lambda step: step.near("b", 1))}),
    Mistake("inputs_swapped", rules={"given": given_as("x", other_end)}),
    Mistake("targets_swapped", rules={"given": given_as("y", other_end)}),
    Mistake(
        "tanh_for_sigmoid",
        rules={"a": lambda at: math.tanh(at("z")), "slope": lambda at: one_minus_square(at("a"))},
        where=unit_is("sigmoid"),
    ),
    Mistake(
        "sigmoid_for_tanh",
        rules={"a": lambda at: sigmoid(at("z")), "slope": lambda at: s_times_one_minus_s(at("a"))},
        where=unit_is("tanh"),
    ),
    # The squared error
    Mistake("sign_slip", rules={"error": lambda at: -at.right}, applies=squared),
    Mistake("kept_half", rules={"error": lambda at: 0.5 * at.right}, applies=squared),
    Mistake("extra_two", rules={"error": lambda at: 2 * at.right}, applies=squared),
    Mistake("mean_over_outputs_of_half", rules=both(lambda at: at.right / at.outputs), applies=loss_is("half_sse", 2)),
    Mistake("mse_mean", rules=both(lambda at: 2 / at.outputs * at.right), applies=loss_is("half_sse")),
    Mistake("half_sse_for_mse", rules=both(lambda at: at.outputs / 2 * at.right), applies=loss_is("mse")),
    Mistake("sum_not_mean_outputs", rules=both(lambda at: at.outputs * at.right), applies=loss_is("mse", 2)),
    Mistake("loss_value_as_error", rules={"error": lambda at: at.difference**2 / divisor(at)}, applies=squared),
    Mistake("total_loss_as_error", rules={"error": lambda at: at.values[f"loss{at.step.at}"]}, applies=squared),
    Mistake("abs_error", rules={"error": lambda at: abs(at.right)}, applies=squared),
    Mistake(
        "errors_not_squared",
        rules={
            "loss": lambda at: sum(abs(p - y) for y, p in at.pairs) / divisor(at),
            "error": lambda at: math.copysign(1 / divisor(at), at.difference),
        },
        applies=squared,
    ),
    Mistake("squared_error_not_diff", rules={"error": lambda at: at.difference**2}, applies=squared),
    Mistake(
        "delta_without_sigma_with_mse",
        rules={"delta": lambda at: at.difference},
        where=output,
        applies=squared_not_linear,
    ),
    # The chain and its paths
    Mistake("summed_instead_of_multiplied", rules={"dW": sum_of_factors, "db": sum_of_factors}, where=single),
    *(_only_path(k) for k in (1, 2, 3)),
    *(_missing_path(k) for k in (1, 2, 3)),
    Mistake("averaged_paths", rules={"back": lambda at: sum(at.paths()) / len(at.step.units(up=1))}, where=fan_out(2)),
    Mistake("subtracted_paths", rules={"back": lambda at: 2 * at.paths()[0] - sum(at.paths())}, where=fan_out(2)),
    Mistake(
        "first_path_for_all", rules={"back": lambda at: len(at.step.units(up=1)) * at.paths()[0]}, where=fan_out(2)
    ),
    Mistake(
        "same_weight_on_every_path",
        rules={"back": lambda at: sum(at.paths(lambda k: at("W", at.index[0], 1, up=1)))},
        where=fan_out(2),
    ),
    Mistake("multiplied_paths", rules={"back": lambda at: math.prod(at.paths())}, where=fan_out(2)),
    Mistake(
        "one_slope_for_all_outputs",
        rules={"slope": lambda at: at.right if at.index[0] == 1 else at("slope", 1)},
        where=lambda step: output(step) and single(step),
        applies=lambda facts: facts.sizes[-1] > 1,
    ),
    Mistake(
        "transposed_W2",
        rules={"back": lambda at: sum(at.paths(lambda k: at("W", k, at.index[0], up=1)))},
        where=square_above,
    ),
    Mistake("updated_output_weights_first", rules={"back": over_updated_weights}, where=hidden),
    Mistake("in_place_alias", rules={"back": over_updated_weights}, where=hidden),
    Mistake(
        "wrong_layer_weights",
        rules={"back": lambda at: sum(at.paths(lambda k: at("W", at.index[0], k)))},
        where=lambda step: hidden(step) and step.units(up=-1) == step.units() == step.units(up=1),
    ),
    Mistake("no_weight_on_path", rules={"back": lambda at: sum(at.all("dz", up=1))}, where=hidden),
    Mistake("no_input_factor", rules={"dW": lambda at: at.delta}),
    Mistake("wrong_activation_factor", rules={"dW": lambda at: at.delta * at("a", at.index[1])}),
    Mistake(
        "net_h_instead_of_out_h", rules={"dW": lambda at: at.delta * at("z", at.index[0], up=-1)}, where=later_layer
    ),
    Mistake("input_for_w5", rules={"dW": lambda at: at.delta * at("x", at.index[0])}, where=later_layer),
    Mistake("differentiated_wrt_signal", rules={"dW": lambda at: at.delta * at("W")}),
    Mistake("bias_in_weight_slope", rules={"dW": lambda at: at.right + at.delta * at.bias}),
    Mistake("hidden_has_target", rules={"back": lambda at: at("a") - at("y")}, where=hidden),
    Mistake(
        "dot_instead_of_outer",
        rules={"dW": lambda at: sum(map(operator.mul, at.all("a", up=-1), at.all("dz")))},
        where=square,
    ),
    Mistake("index_swap", answers=and_the_step(neighbors)),
    Mistake("neighbor_unit", answers=other_units),
    # The step
    Mistake("ascent", rules={"new": descent(lambda w, rate, g: w + rate * g)}),
    Mistake("no_learning_rate", rules={"new": descent(lambda w, rate, g: w - g)}),
    Mistake("lr_twice", rules={"new": descent(lambda w, rate, g: w - rate**2 * g)}),
    Mistake("replaced_weight", rules={"new": descent(lambda w, rate, g: -rate * g)}),
    Mistake("gradient_times_learning_rate", answers=only_the_step),
    Mistake("multiplied_by_weight", rules={"new": descent(lambda w, rate, g: w - rate * g * w)}),
    Mistake(
        "bias_never_updated",
        rules={"new": lambda at: at.values[at.step.needs[0]]},
        where=lambda step: step.parts.quantity == "b",
    ),
    Mistake("integer_weights", rules={"new": lambda at: float(math.trunc(at.right))}),
    # Biases
    Mistake("bias_times_bias", rules={"db": lambda at: at.delta * at.bias}),
    Mistake(
        "bias_grad_summed_all_axes",
        rules={"db": lambda at: sum(at.all("dz"))},
        where=lambda step: len(step.units()) > 1,
    ),
    # Rounding
    Mistake("rounded_too_early", rules=rounded(2)),
    Mistake("rounded_to_three", rules=rounded(3)),
    Mistake("coarse_one_sided_difference", answers=and_the_step(forward_difference)),
    Mistake("decimal_point", answers=lambda at: [at.answer * 10, at.answer / 10]),
    Mistake("minus_lost_in_sum", answers=without_one_minus),
    Mistake("slope_multiplied_already", answers=lambda at: [at("dz")] if at.step.kind in ("error", "back") else []),
    Mistake("lost_sign", answers=lambda at: [-at.answer]),
    # Binary cross-entropy
    Mistake("bce_times_sigma_prime", rules={"delta": lambda at: at.right * at("slope")}, where=output, applies=BINARY),
    Mistake("bce_stopped_at_output", rules={"delta": lambda at: at("da")}, where=output, applies=BINARY),
    Mistake(
        "bce_missing_one_minus_y",
        rules={
            "loss": lambda at: -sum(y and y * math.log(p) for y, p in at.pairs) / at.outputs,
            "error": lambda at: -at("y") / at("y_hat") / at.outputs,
        },
        applies=BINARY,
    ),
    Mistake(
        "bce_other_term",
        rules={
            "loss": lambda at: -sum(log_likelihood(1 - y, p) for y, p in at.pairs) / at.outputs,
            "error": lambda at: at("y") / (1 - at("y_hat")) / at.outputs - (1 - at("y")) / at("y_hat") / at.outputs,
        },
        applies=BINARY,
    ),
    Mistake(
        "squared_for_bce",
        rules={
            "loss": lambda at: sum((p - y) ** 2 for y, p in at.pairs) / at.outputs,
            "error": lambda at: 2 * at.difference / at.outputs,
        },
        applies=BINARY,
    ),
    _other_logarithm("bce_log10", BINARY, 10),
    _other_logarithm("bce_log2", BINARY, 2),
    Mistake(
        "bce_swapped",
        rules={
            "loss": lambda at: -sum(log_likelihood(p, y) for y, p in at.pairs) / at.outputs,
            "error": lambda at: math.log(1 / at("y") - 1) / at.outputs,
        },
        applies=BINARY,
    ),
    Mistake("bce_sign", rules=both(lambda at: -at.right), applies=BINARY),
    Mistake(
        "bce_sum_outputs", rules=both(lambda at: at.outputs * at.right), applies=loss_is("binary_cross_entropy", 2)
    ),
    # Softmax with categorical cross-entropy
    Mistake(
        "softmax_diagonal_jacobian",
        rules={"slope": lambda at: at.right if at.index[0] == at.index[1] else 0.0},
        where=any_unit("softmax"),
    ),
    Mistake(
        "softmax_ce_double",
        rules={"delta": lambda at: at.right * s_times_one_minus_s(at("a"))},
        where=output,
        applies=CATEGORICAL,
    ),
    Mistake("softmax_jacobian_of_z", rules={"slope": coupled_slope_from_z}, where=any_unit("softmax")),
    Mistake(
        "double_softmax",
        rules={
            "loss": lambda at: -sum(at("y", k) * math.log(q) for k, q in enumerate(softmax(at.all("y_hat")), start=1)),
            "error": lambda at: softmax(at.all("y_hat"))[at.index[0] - 1] - at("y"),
        },
        applies=CATEGORICAL,
    ),
    Mistake(
        "class_index_as_number",
        rules={"given": class_number, "delta": lambda at: at.difference},
        where=lambda step: step.kind == "given" or output(step),
        applies=CATEGORICAL,
    ),
    Mistake("one_hot_off_by_one", rules={"given": class_before}, applies=CATEGORICAL),
    Mistake("softmax_mean_over_classes", rules=both(lambda at: at.right / at.outputs), applies=CATEGORICAL),
    _other_logarithm("ce_log10", CATEGORICAL, 10),
    _other_logarithm("ce_log2", CATEGORICAL, 2),
    Mistake("ce_sign", rules=both(lambda at: -at.right), applies=CATEGORICAL),
    Mistake("ce_stopped_at_output", rules={"delta": lambda at: at("da")}, where=output, applies=CATEGORICAL),
    Mistake(
        "softmax_without_exp",
        rules={
            "a": lambda at: at("z") / sum(at.all("z")),
            "delta": lambda at: at.difference,
        },
        where=output,
        applies=CATEGORICAL,
    ),
    Mistake(
        "target_not_subtracted",
        rules={"delta": lambda at: at("y_hat") / (1 if coupled(at.step) else at.outputs)},
        where=output,
        applies=lambda facts: not squared(facts),
    ),
    Mistake(
        "softmax_without_sum",
        rules={"a": lambda at: math.exp(at("z")), "delta": lambda at: at.difference},
        where=output,
        applies=CATEGORICAL,
    ),
    Mistake(
        "sigmoid_for_softmax",
        rules={"a": lambda at: sigmoid(at("z")), "delta": lambda at: at.difference},
        where=output,
        applies=CATEGORICAL,
    ),
    Mistake(
        "bce_for_ce",
        rules={
            "loss": lambda at: -sum(log_likelihood(y, p) for y, p in at.pairs),
            "error": lambda at: at.difference / s_times_one_minus_s(at("y_hat")),
        },
        applies=CATEGORICAL,
    ),
    # The batch
    Mistake("batch_sum_not_mean", rules={"mean": lambda at: at.step.facts.examples * at.right}),
    Mistake("batch_divided_twice", rules={"mean": lambda at: 1 / at.step.facts.examples * at.right}),
    Mistake("batch_first_sample_only", rules={"mean": lambda at: at.values[at.step.needs[0]]}),
    Mistake("batch_last_sample_only", rules={"mean": lambda at: at.values[at.step.needs[-1]]}),
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

_STAGES = (
    ("given", "z", "a", "y_hat"),
    ("loss", "error", "slope", "delta", "back"),
    ("dW", "db", "mean"),
    ("new",),
)
_STAGE = {kind: stage for stage, kinds in enumerate(_STAGES) for kind in kinds}
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
                values = list(mistakes[0].answers(At(step, right)))
            else:
                values = [Values(table, seeds[first], rules)[name]]
        except (ArithmeticError, ValueError, KeyError):  # the mistake needs what this pass does not have
            continue
        for value in values:
            if math.isfinite(value) and not math.isclose(value, right[name], rel_tol=1e-9):
                yield mistakes, value
