"""Marking: what a learner's number tells about how it was computed.

`check` reads an answer (`reading`), compares it with the right value and with what each mistake gives (`matching`), and
puts the result into words (`verdicts`). In a chain of answers, each is judged given the learner's own earlier ones, and
the mistakes that explain most answers come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bpcourse.engine.backpropagation import Trace
from bpcourse.engine.validation import texts
from bpcourse.tutor.arrays import check_array
from bpcourse.tutor.equations import Step, Values, entries, look_up, needed_for, table
from bpcourse.tutor.marker import Marked, Marker, summary
from bpcourse.tutor.verdicts import Verdict


def check(
    trace: Trace,
    name: str | Mapping[str, object],
    answer: object = ...,
    *,
    learning_rate: float | None = None,
    given: Iterable[str] = (),
) -> Verdict:
    """Check an answer: it is right, or a mistake gives exactly this number.

    Parameters
    ----------
    trace : Trace
        The pass.
    name : str or mapping
        The name of a value, such as ``"dW1[1,2]"``, or of an array, ``"dW1"``; or a chain of answers by name,
        ``{"z1[1]": 0.4, …}``.
    answer : number, text or array
        A number, or text as a person writes it: `0.0822`, `-0,08`, `8.2e-2`, `1/3`. Text keeps its digits. A float
        counts as written with at least three digits. If it has more than six it was computed, and three of them must
        be right. `...`, None and "" are not answered yet.
    learning_rate : float, optional
        The learning rate, if values after the update are asked for, or may have been used too early.
    given : iterable of str
        Names of values and arrays that the exercise printed. They are not in doubt, so no mistake is looked for in
        them.

    Returns
    -------
    Verdict
        True only if the answer is right. In a chain, an answer that follows correctly from the learner's own earlier
        answers counts as right.

    Raises
    ------
    ValueError
        If this pass does not have the name. An answer never raises.

    See Also
    --------
    gradcheck.check : Checks the gradients of a trace numerically.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> trace = EXAMPLES["mazur"].backprop()
    >>> check(trace, "dW2[1,1]", "0.0822").status
    'correct'
    >>> check(trace, "dW2[1,1]", "0.1385")
    ✗ Not right, and this is why: dW2[1,1] = 0.1385 is what comes out if the chain stops at δ,
      without the slope ∂z/∂w.
      You may have thought: δ is the gradient of the weight.
      You have ∂L/∂z. How does z change when this one weight does?
    >>> check(trace, {"z1[1]": "0.3775", "a1[1]": "0.5933"}).status
    'correct'
    """
    steps = table(trace, learning_rate)
    marker = Marker(trace, steps, _printed(steps, given))
    if isinstance(name, Mapping):
        if answer is not ...:
            raise ValueError("if `name` is a mapping with the answers, do not pass an answer as well.")
        return _check_chain(marker, name)
    names = entries(steps, name)
    if names is not None:
        return check_array(marker, name, names, answer)
    return marker.check(look_up(steps, name), answer)


def check_each(
    trace: Trace, name: str, answers: Iterable[object], *, learning_rate: float | None = None
) -> Iterator[Verdict]:
    """Yield the verdicts of `check` on many answers to the same question. The mistakes are computed only once.

    Examples
    --------
    >>> from bpcourse import EXAMPLES
    >>> trace = EXAMPLES["mazur"].backprop()
    >>> [verdict.status for verdict in check_each(trace, "dW2[1,1]", ("0.0822", "0.1385", "7"))]
    ['correct', 'mistake', 'wrong']
    """
    steps = table(trace, learning_rate)
    marker = Marker(trace, steps)
    step = look_up(steps, name)
    for answer in answers:
        yield marker.check(step, answer)


def _printed(steps: Mapping[str, Step], given: Iterable[str]) -> dict[str, float]:
    """Return the values of what an exercise printed, by name."""
    found: dict[str, float] = {}
    for name in texts(given, "given"):
        names = entries(steps, name)
        for each in [look_up(steps, name).name] if names is None else names.flat:
            step = steps[each]
            copied = step.needs if step.parts.quantity == "y_hat" else ()  # ŷ is another name for the last a
            found |= dict.fromkeys((each, *copied), step.value)
    return found


# A chain of numbers


def _check_chain(marker: Marker, answers: Mapping[str, object]) -> Verdict:
    """Mark each answer given the learner's earlier ones, and name the mistake that explains most of the wrong ones."""
    steps = marker.steps
    asked: dict[str, object] = {}
    for name, answer in answers.items():
        own = look_up(steps, name).name
        if own in asked:
            raise ValueError(f"{own} has two answers here; give only one.")
        asked[own] = answer
    if not asked:
        raise ValueError("needed at least one answer, such as {'z1[1]': 0.5}; got an empty chain.")
    known: dict[str, float] = {}
    halves: dict[str, float] = {}
    marked: dict[str, Marked | Verdict] = {}
    before: dict[str, float] = {}
    for step in steps.values():
        if step.name in asked:
            reading = marker.read(step, asked[step.name])
            if isinstance(reading, Verdict):
                marked[step.name] = reading
                continue
            slack = _carried(steps, step.name, known, halves)
            mark = marker.mark(step, reading, known, slack)
            if mark.wrong and not any(isinstance(each, Marked) and each.wrong for each in marked.values()):
                before = dict(known)
            marked[step.name] = mark
            also = step.needs if step.kind == "y_hat" else ()  # the last a is ŷ by another name
            for name in {step.name, *also} - known.keys():
                known[name], halves[name] = reading.value, reading.half_unit
    return summary(marker, marked, own=before)


def _carried(steps: Mapping[str, Step], name: str, known: Mapping[str, float], halves: Mapping[str, float]) -> float:
    """Return how far the last digits of the learner's earlier answers can move a value."""
    value = Values(steps, known)[name]
    leaves = {needed for step in needed_for(steps, name, known) for needed in step.needs} & known.keys()
    moved = ({**known, leaf: known[leaf] + halves[leaf]} for leaf in leaves)
    return sum(abs(Values(steps, each)[name] - value) for each in moved)
