"""The committed lessons are fully run, agree with their prose, and do not change when they are run again."""

import ast
import contextlib
import copy
import io
import math
import re
import shutil
from dataclasses import replace
from functools import cache
from itertools import pairwise

import nbformat
import numpy as np
import pytest
from helpers import students
from helpers.backward_passes import write
from helpers.support import PROJECT, tool

import bpcourse
from bpcourse.classroom.solved_lessons import blanks, fill
from bpcourse.tutor import practice
from bpcourse.tutor.diagnosis import diagnose
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.functions import FORMULAS, check_function
from bpcourse.tutor.marking import check
from bpcourse.tutor.mistakes import Memo, wrong_values

lessons = tool("lessons")
PATHS = sorted((PROJECT / "lessons").glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_lessons__exist():
    assert PATHS


def test_problems__of_a_lesson(notebook):
    assert list(lessons.problems(notebook)) == []


def test_lesson__has_25_to_45_cells_and_about_half_are_prose(notebook):
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    assert 25 <= len(notebook.cells) <= 50
    assert 0.4 <= code / len(notebook.cells) <= 0.6


def test_lesson__is_valid_and_has_unique_ids(notebook):
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_lesson__has_what_the_course_promises(notebook):
    source = "\n".join(cell.source for cell in notebook.cells)
    explorers = re.findall(r"^explore\w*\(.*?\)$", source, re.MULTILINE | re.DOTALL)
    assert any("predict=" in explorer for explorer in explorers)
    assert len(re.findall(r"practice\.problem\([^)\n]*\bseed=seed\b", source)) >= 3
    assert "**Why**" in source
    assert re.search("^##? .*Find the mistake", source, re.MULTILINE)
    assert re.search(r"\bhint\(", source)
    assert re.search(r"\.faded\b", source)
    assert re.search(r"\b(solve|solution)\(", source)
    assert "**Predict" in source or "## Predict" in source


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_lesson__is_not_too_large(path):
    assert path.stat().st_size < lessons.MOST_BYTES


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_regenerate__changes_no_byte(path, tmp_path):
    again = shutil.copy(path, tmp_path / path.name)
    assert not lessons.regenerate(again)
    assert again.read_bytes() == path.read_bytes()


def code_cell(notebook, number=3):
    return [cell for cell in notebook.cells if cell.cell_type == "code"][number - 1]


def output(**fields):
    return nbformat.from_dict({"metadata": {}} | fields)


def edit(notebook, place, old, new):
    cell = notebook.cells[place]
    assert cell.source.count(old) == 1
    cell.source = cell.source.replace(old, new)


def figure():
    data = {"image/png": "", "text/plain": "<Figure size 640x480>"}
    return output(output_type="display_data", data=data)


SPOILED = {
    "not run": (lambda nb: code_cell(nb).update(execution_count=None), "code cell 3: execution count None"),
    "run out of order": (lambda nb: code_cell(nb).update(execution_count=7), "code cell 3: execution count 7"),
    "stderr": (
        lambda nb: code_cell(nb).outputs.append(output(output_type="stream", name="stderr", text="a warning")),
        "code cell 3: stderr",
    ),
    "error": (
        lambda nb: code_cell(nb).outputs.append(output(output_type="error", ename="E", evalue="", traceback=[])),
        "code cell 3: an error",
    ),
    "widget view": (
        lambda nb: code_cell(nb).outputs.append(output(output_type="display_data", data={lessons.WIDGET_VIEW: {}})),
        "code cell 3: a widget view",
    ),
    "widget state": (lambda nb: nb.metadata.update(widgets={}), "widget state"),
    "nbval marker": (
        lambda nb: code_cell(nb).update(source="# NBVAL_IGNORE_OUTPUT\n1"),
        "code cell 3: an nbval marker",
    ),
    "nbval tag": (lambda nb: code_cell(nb).metadata.update(tags=["nbval-skip"]), "metadata {'tags': ['nbval-skip']}"),
    "hidden cell": (lambda nb: nb.cells[0].metadata.update(jupyter={"source_hidden": True}), "hidden"),
    "semicolon": (lambda nb: code_cell(nb).update(source="1;"), "code cell 3: ends in a semicolon"),
    "magic": (lambda nb: code_cell(nb).update(source="%time 1"), "code cell 3: a magic"),
    "star import": (lambda nb: code_cell(nb).update(source="from numpy import *"), "star import"),
    "long cell": (lambda nb: code_cell(nb).update(source="\n".join(["1"] * 13)), "more than 12 lines"),
    "number in prose": (lambda nb: nb.cells[0].update(source="The loss is 0.12345."), "the prose says 0.12345"),
    "wrong exponent in prose": (lambda nb: nb.cells[0].update(source="It is 0.8e−7."), "the prose says 0.8e-7"),
    "two titles": (lambda nb: nb.cells[2].update(source="# Again"), "one # heading"),
    "a skipped level": (lambda nb: nb.cells[2].update(source="#### Deep"), "a level of headings is skipped"),
    "no goal": (lambda nb: edit(nb, 0, "**You will be able to**", "You can"), "**You will be able to**"),
    "no prerequisites": (lambda nb: edit(nb, 0, "**You need**", "You need"), "**You need**"),
    "no time": (lambda nb: edit(nb, 0, "**Time:**", "Time:"), "**Time:**"),
    "hours": (lambda nb: edit(nb, 0, "**Time:** ", "**Time:** 60 to 90 minutes, not "), "**Time:**"),
    "a late import": (lambda nb: code_cell(nb).update(source="import math"), "a later code cell imports"),
    "no recap": (lambda nb: edit(nb, -1, "## Recap", "## End"), "not a ## Recap"),
    "a recap of four": (lambda nb: edit(nb, -1, "\n5. ", "\nLast: "), "five numbered lines"),
    "two questions": (lambda nb: edit(nb, -1, "sigmoid? Which", "sigmoid: which"), "three questions"),
    "no what if": (lambda nb: edit(nb, -1, "**What would change if**", "If"), "three questions"),
    "a dead link": (lambda nb: edit(nb, 0, "(01_activations.ipynb)", "(01_activation.ipynb)"), "does not exist"),
    "a plot without a description": (
        lambda nb: code_cell(nb).outputs.append(figure()),
        "a plot without a description",
    ),
    "an image without a description": (
        lambda nb: code_cell(nb).outputs.append(
            output(output_type="display_data", data={"text/html": "<img src='data:,'>"})
        ),
        "a picture without a description",
    ),
    "wrong sign in prose": (lambda nb: nb.cells[0].update(source="It is −0.06183."), "the prose says -0.06183"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_problems__of_a_spoiled_lesson(spoil):
    change, expected = SPOILED[spoil]
    notebook = nbformat.read(PROJECT / "lessons" / "03_chain_rule.ipynb", as_version=4)
    spoiled = copy.deepcopy(notebook)
    change(spoiled)
    found = list(lessons.problems(spoiled))
    assert any(expected in problem for problem in found), found


def test_stripped__removes_what_changes_from_run_to_run():
    notebook = nbformat.read(PROJECT / "lessons" / "03_chain_rule.ipynb", as_version=4)
    spoiled = copy.deepcopy(notebook)
    spoiled.metadata.language_info.version = "3.11.7"
    spoiled.metadata.widgets = {}
    code_cell(spoiled).metadata.execution = {"iopub.status.busy": "2026-01-01"}
    assert lessons.stripped(spoiled) == notebook


def test_in_one_piece__joins_consecutive_prints():
    def printed(text, name="stdout"):
        return output(output_type="stream", name=name, text=text)

    plot = output(output_type="display_data", data={"text/plain": "A curve."})
    pieces = [printed("a"), printed("b\n"), printed("!", "stderr"), plot, printed("c"), printed("d")]
    joined = lessons.in_one_piece(pieces)
    assert [each.get("text", "plot") for each in joined] == ["ab\n", "!", "plot", "cd"]


@cache
def run(path):
    """Run the code of a lesson with checks that keep what they are asked, and return what is not answered yet."""
    calls, real, of_functions = [], bpcourse.check, bpcourse.check_function
    of_passes = bpcourse.diagnose

    def keep(trace, name, answer=..., learning_rate=None, **options):
        verdict = real(trace, name, answer, learning_rate=learning_rate, **options)
        if verdict.status == "not answered":
            calls.append((trace, name, learning_rate))
        return verdict

    def keep_function(name, f, **options):
        verdict = of_functions(name, f, **options)
        if verdict.status == "not answered":
            calls.append((None, name, None))
        return verdict

    def keep_pass(function, **options):
        verdict = of_passes(function, **options)
        if verdict.status == "not answered":
            calls.append((None, "diagnose", options))
        return verdict

    namespace = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bpcourse, "check", keep, raising=False)
        patched.setattr(bpcourse, "check_function", keep_function, raising=False)
        patched.setattr(bpcourse, "diagnose", keep_pass, raising=False)
        patched.setattr(practice, "check", keep)
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                exec(cell.source, namespace)
    return calls


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def asked(request):
    """The exercises of a lesson that are not answered yet: trace, name and learning rate of each."""
    return run(request.param)


def value(trace, steps, name):
    """Return the right value for the name of a number or an array."""
    names = entries(steps, name)
    if names is None:
        return steps[name].value
    return trace[name] if name in trace else np.array([steps[each].value for each in names.flat]).reshape(names.shape)


def mistaken(steps, name):
    """Yield the mistakes that change a value, and the wrong value. In an array each entry has the mistake."""
    names = entries(steps, name)
    each_entry, memo = [name] if names is None else list(names.flat), Memo()
    wrong = {
        each: {mistakes[0].id: value for mistakes, value in wrong_values(steps, each, memo=memo) if len(mistakes) == 1}
        for each in each_entry
    }
    for mistake in dict.fromkeys(id for of_entry in wrong.values() for id in of_entry):
        values = [wrong[each].get(mistake, steps[each].value) for each in each_entry]
        if np.isfinite(values).all():
            yield mistake, values[0] if names is None else np.reshape(values, names.shape)
    if names is not None and names.ndim == 2:
        yield "index_swap", np.reshape([steps[each].value for each in each_entry], names.shape).T


WRONG_FUNCTIONS = {  # three typical mistakes each
    "sigmoid_derivative": ("z * (1 - z)", "1 / (1 + np.exp(-z))", "1 - 1 / (1 + np.exp(-z))"),
    "relu": ("z", "np.where(z > 0, 1.0, 0.0)", "np.minimum(z, 0)"),
    "relu_derivative": ("np.maximum(z, 0)", "np.where(z >= 0, 1, 0)", "np.where(z > 0, 1, 0.01)"),
    "mse_gradient": ("2 * (y - y_hat) / np.size(y)", "2 * (y_hat - y)", "(y_hat - y) / np.size(y)"),
    "binary_cross_entropy": (
        "-np.mean(y * np.log(y_hat))",
        "np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))",
        "-np.mean(y * np.log10(y_hat) + (1 - y) * np.log10(1 - y_hat))",
    ),
    "binary_cross_entropy_from_logits": (
        "np.mean(np.logaddexp(0, z) + y * z)",
        "np.sum(np.logaddexp(0, z) - y * z)",
        "np.mean(np.logaddexp(0, 1 / (1 + np.exp(-z))) - y / (1 + np.exp(-z)))",
    ),
    "categorical_cross_entropy_from_logits": (
        "np.mean(y * (np.log(np.sum(np.exp(z), axis=-1, keepdims=True)) - z))",
        "np.sum(y * (np.log(np.sum(np.exp(z), axis=-1, keepdims=True)) - z))",
        "-np.mean(np.sum(y * (np.log(np.sum(np.exp(z), axis=-1, keepdims=True)) - z), axis=-1))",
    ),
    "softmax_jacobian": (
        "np.outer(p := np.exp(z) / np.exp(z).sum(), 1 - p)",
        "np.diag((p := np.exp(z) / np.exp(z).sum()) * (1 - p))",
        "np.diag(z) - np.outer(z, z)",
    ),
    "softmax": ("z / z.sum(axis=-1, keepdims=True)", "np.exp(z)", "np.exp(z) / np.exp(z).sum()"),
}


def test_exercises__are_unanswered_and_accept_the_right_answer(asked):
    assert len(asked) >= 5
    for trace, name, rate in asked:
        if trace is None:
            continue
        steps = table(trace, rate)
        if isinstance(name, dict):
            right = {each: value(trace, steps, each) for each in name}
            assert check(trace, right, learning_rate=rate).status == "correct"
        else:
            assert check(trace, name, value(trace, steps, name), learning_rate=rate).status == "correct"


def test_exercises__three_typical_mistakes_are_named(asked):
    for trace, name, rate in asked:
        if name == "diagnose":
            network = rate["sizes"], rate["activations"], rate.get("loss", "mse")
            for bug in ("hidden_slope_forgotten", "batch_summed", "error_sign"):
                wrong = write(*network, learning_rate="learning_rate" in rate, bugs=(bug,))
                assert diagnose(wrong, **rate).status == "mistake", bug
            continue
        if trace is None:
            verdicts = [check_function(name, function(name, wrong)) for wrong in WRONG_FUNCTIONS[name]]
            assert [verdict.status for verdict in verdicts] == ["mistake"] * 3, name
            continue
        for each in name if isinstance(name, dict) else [name]:
            steps = table(trace, rate)
            named = {
                id
                for id, wrong in mistaken(steps, each)
                if id in check(trace, each, wrong, learning_rate=rate).mistakes
            }
            assert len(named) >= 3, (each, named)


def function(name, expression):
    """Return a learner's function that returns this expression."""
    loss = name.removesuffix("_gradient").removesuffix("_from_logits")
    arguments = ("y, z" if name.endswith("_from_logits") else "y, y_hat") if loss in bpcourse.LOSSES else "z"
    return eval(f"lambda {arguments}: {expression}", {"np": np})


def test_exercises__functions_are_right_without_the_mistakes(asked):
    for trace, name, _ in asked:
        if trace is None and name != "diagnose":
            assert check_function(name, function(name, FORMULAS[name])).status == "correct"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_exercises__each_says_that_it_is_not_answered_yet(path):
    """Each cell with a blank says it, or the cell after it, which tests what was written."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for cell, after in pairwise([*cells, {"outputs": []}]):
        if blanks(cell.source):
            outputs = [*cell.outputs, *after["outputs"]]
            said = [
                each.get("text") or each.data.get("text/plain", "")
                for each in outputs
                if "data" in each or "text" in each
            ]
            assert any("not answered yet" in text.lower() for text in said), cell.id


def test_exercises__passes_are_right_without_the_mistakes(asked):
    for _, name, options in asked:
        if name == "diagnose":
            network = options["sizes"], options["activations"], options.get("loss", "mse")
            right = write(*network, learning_rate="learning_rate" in options)
            assert diagnose(right, **options).status == "correct"


NOTHING_IS_COMPUTED = {"W", "b", "x", "y"}


def four_digits(trace, name, rate):
    """Yield the ids of each mistake with what a student hands in who makes it and keeps four digits at each step."""
    task, keep = students.Task.of(trace, rate or 0.3), ("digits", 4)
    names = entries(table(trace, rate), name)
    for mistake in students.MISTAKES.values():
        if not mistake.applies(task):
            continue
        student = students.Student(task, mistake.habits, keep=keep)

        def handed_in(entry, student=student, mistake=mistake):
            key = task.by_name[entry.replace("y_hat", f"a{task.last}")]
            wrong = student.answer(key) if not mistake.asked or key[0] in mistake.asked else math.nan
            return students.write(wrong, ("round", 4))

        if "_new" in name and name.startswith("loss"):
            new = {m: [[student("W_new", m, i, j) for j in task.units(m)] for i in task.inputs(m)] for m in task.W}
            biases = {m: [student("b_new", m, j) for j in task.units(m)] for m in task.W}
            later = students.Student(replace(task, W=new, b=biases), mistake.habits, keep=keep)
            answer = students.write(later("loss"), ("round", 4))
        elif name.startswith("slope") and "," in name:  # of a softmax
            i, k = (student("a", task.last, int(unit), 1) for unit in re.findall(r"\d", name.partition("[")[2]))
            yield ("softmax_one_formula",), students.write(i * (1 - k), ("round", 4))
            return
        else:
            answer = handed_in(name) if names is None else np.vectorize(handed_in, otypes=[object])(names).tolist()
        yield mistake.ids, answer


def test_exercises__a_mistake_with_four_digits_at_each_step_is_named(asked):
    for trace, name, rate in asked:
        for each in [] if trace is None else name if isinstance(name, dict) else [name]:
            if each[0] in NOTHING_IS_COMPUTED and "_" not in each:
                continue
            verdicts = (
                (ids, check(trace, each, answer, learning_rate=rate)) for ids, answer in four_digits(trace, each, rate)
            )
            assert any(verdict.status == "mistake" and {*ids} & {*verdict.mistakes} for ids, verdict in verdicts), each


WRONG_BY_HAND = {  # in cells that no `check` asks about: three wrong answers, and what is said of them
    "shapes-check": [
        (['"5"', "(2, 5)", "(3, 2)"], "dz2 is not answered yet\nda1 is not right"),
        (["(3, 5)", "(5, 2)", "(3, 2)"], "dz2 is not right. It has the shape of z2."),
        (["(5, 3)", "(5, 2)", "(2, 3)"], "dW1 is not right. It has the shape of W1."),
    ],
    "difference-check": [
        (["(loss_of(w + h) - loss_of(w - h)) / h"], "twice"),
        (["(loss_of(w - h) - loss_of(w + h)) / (2 * h)"], "opposite"),
        (["loss_of(w + h) - loss_of(w - h) / (2 * h)"], "different"),
    ],
    "loop-mine": [
        (["losses.append(backprop(network, x, y).loss)"], "The loss stays the same."),
        (["network = sgd_step(backprop(network, x, y), learning_rate)"], "not answered yet"),
        (["losses += 2 * [backprop(network, x, y).loss]"], "needed 20 losses, one for each step; got 40"),
    ],
    "choose-check": [
        (["0.0001"], "not there yet: is η too small, or too large?"),
        (["0.5"], "not there yet: is η too small, or too large?"),
        (['"0.1"'], "not answered yet"),
    ],
    "backward": [
        (["parent.gradient = node.gradient * slope"], "✗ Not right, and this is why"),
        (["parent.gradient += slope"], "✗ Not right"),
        (["parent.gradient -= node.gradient * slope"], "✗ Not right, and this is why"),
    ],
}


def printed_by(source, namespace):
    """Run a cell, and return what it prints, with its last line as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(tree, "cell", "exec"), namespace)
        if last:
            print(repr(eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)))
    return out.getvalue()


def factor_between(text):
    yours, right = (float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", text))
    return {2.0: "twice", -1.0: "opposite", 1.0: "right"}.get(round(yours / right, 4), "different")


@pytest.mark.parametrize("stem", ["04_backpropagation", "05_full_training", "09_to_frameworks"])
def test_exercises__without_a_check_three_wrong_answers_are_not_right(stem):
    cells = nbformat.read(PROJECT / "lessons" / f"{stem}.ipynb", as_version=4).cells
    code, namespace, tried = [cell for cell in cells if cell.cell_type == "code"], {}, 0
    for cell, after in pairwise(code):
        for lines, expected in WRONG_BY_HAND.get(cell.id, ()):
            said = printed_by(fill(cell.source, {str(k): line for k, line in enumerate(lines)}), namespace)
            if cell.id in ("loop-mine", "backward"):
                said += printed_by(after.source, namespace)
            assert expected in (factor_between(said) if cell.id == "difference-check" else said), (cell.id, lines, said)
            tried += 1
        printed_by(cell.source, namespace)
    assert tried == 3 * sum(cell.id in WRONG_BY_HAND for cell in code) > 0


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_exercises__every_cell_with_a_blank_is_tested(path):
    """All exercises of a lesson are found by `run`, or are in the list above."""
    cells = [
        cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code" and blanks(cell.source)
    ]
    elsewhere = {*WRONG_BY_HAND, "failures-check"}  # the latter in tests/test_failures.py
    assert len(run(path)) >= sum(cell.id not in elsewhere for cell in cells)
