"""Worked solutions: every printed digit is right, and the computation can be redone from what is printed."""

from __future__ import annotations

import ast
import copy
import dataclasses
import json
import math
import operator
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.random_networks import random_cases

from bpcourse import EXAMPLES, Activation, Dense, Network, backprop, format_number, solve, steps
from bpcourse.tutor.equations import table
from bpcourse.tutor.formulas import names_in
from bpcourse.tutor.solutions import GAP, Equation, Section, Solution, filled_latex
from bpcourse.tutor.worked import solution as solution_of

RATE = 0.3
LECTURE, MAZUR = EXAMPLES["lecture"].backprop(), EXAMPLES["mazur"].backprop()
CASES = random_cases()[::10]
each_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])

OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
FUNCTIONS = {"exp": math.exp, "log": math.log, "tanh": math.tanh, "max": max}


def computed(text):
    """Compute what a line says, as a student with a calculator would."""
    text = text.replace("−", "-").replace("²", "**2").replace("·", "*").replace("[", "(").replace("]", ")")
    text = re.sub(r"ln (\S+?)(?=[\s)*]|$)", r"log(\1)", text.replace("e^(", "exp(")).replace("ln(", "log(")
    text = text.replace(", else", " else")

    def value(node):
        match node:
            case ast.Expression(body=body):
                return value(body)
            case ast.Constant(value=constant):
                return constant
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](value(left), value(right))
            case ast.UnaryOp(op=op, operand=operand):
                return OPERATORS[type(op)](value(operand))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return FUNCTIONS[name](*map(value, arguments))
            case ast.IfExp(test=ast.Compare(left=left, comparators=[right]), body=body, orelse=other):
                return value(body) if value(left) > value(right) else value(other)
        raise AssertionError(f"{ast.dump(node)} is nothing for a calculator")

    return value(ast.parse(text.strip(), mode="eval"))


def sections(solution, heading=None):
    """Return the sections of a solution, or those with a heading."""
    every = (*solution.sections, *solution.result)
    return [section for section in every if heading in (None, section.heading)]


def equations(solution, heading=None):
    """Return the equations of a solution, or those below a heading."""
    blocks = [block for section in sections(solution, heading) for block in section.blocks]
    return [block for block in blocks if isinstance(block, Equation)]


def left(equation):
    """Return the name on the left of an equation."""
    return names_in(equation.sides[0][0])[0]


def in_numbers(solution):
    """Return each equation that ends in numbers: the sides with numbers, and the value."""
    for equation in equations(solution):
        kinds = [how for _, how in equation.sides]
        if "value" in kinds:
            numbers = [solution.hand.side(side) for side in equation.sides if side[1] == "numbers"]
            yield (
                numbers,
                solution.hand.side(equation.sides[-1]),
                solution.hand.values[names_in(equation.sides[-1][0])[0]],
            )


def disagreements(solution):
    """Return the lines whose numbers, put into the calculator, do not give the printed value."""
    return [
        (side, printed)
        for numbers, printed, value in in_numbers(solution)
        for side in numbers
        if not math.isclose(computed(side), value, rel_tol=1e-9, abs_tol=1e-12)
    ]


@each_case
def test_solution__every_line_can_be_computed_again(case):
    assert disagreements(solve(case.backprop(), digits=15, learning_rate=RATE)) == []


@each_case
def test_solution__every_printed_value_is_right_to_its_last_digit(case):
    trace = case.backprop()
    values = {step.name: step.value for step in steps(trace, RATE)}
    for digits in (2, 7):
        solution = solve(trace, digits=digits, learning_rate=RATE)
        found = list(in_numbers(solution))
        assert len(found) >= len(values) - sum(name.startswith("y_hat") for name in values)
        for _, printed, value in found:
            assert printed.lstrip("+") == format_number(value, digits)
        for equation in equations(solution):
            name = names_in(equation.sides[-1][0])[0]
            assert solution.hand.values[name] == values[name]


@each_case
def test_chain__has_every_path_and_the_right_sum(case):
    trace = case.backprop()
    at = "@1" if len(trace["x"]) > 1 else ""
    for name in (f"dW1[1,1]{at}", f"dx[1]{at}", f"dz1[1]{at}"):
        solution = solve(trace, name, digits=15)
        assert disagreements(solution) == []
        paths = math.prod(trace.network.sizes[2 if name[1] != "x" else 1 :])
        chain = equations(solution, "THE CHAIN")
        coupled = any(layer.activation.name == "softmax" for layer in trace.network.layers[:-1])
        assert len(chain) == (
            0 if coupled or paths > 6 or (name[1] == "z" and len(trace.network.layers) == 1) else paths
        )


def test_disagreements__sees_a_wrong_value():
    right = solve(LECTURE, digits=15)
    wrong = dataclasses.replace(right.hand, values={**right.hand.values, "da1[1]": right.hand.values["da1[1]"] + 1e-3})
    assert disagreements(right) == []
    assert disagreements(dataclasses.replace(right, hand=wrong)) != []


@each_case
def test_solution__uses_nothing_before_it_is_given_or_computed(case):
    trace = case.backprop()
    for name in (None, f"dW1[1,1]{'@1' if len(trace['x']) > 1 else ''}", "W1_new[1,1]"):
        solution = solve(trace, name, learning_rate=RATE)
        known = set(solution.hand.given)
        for equation in equations(solution):
            if equation.part is not None:
                templates = [template for template, how in equation.sides if how == "symbols"][1:]
                used = {part for template in templates for part in names_in(template)}
                used = {
                    part.replace("y_hat", f"a{solution.hand.last}", 1) if part.startswith("y_hat") else part
                    for part in used
                }
                assert used <= known, equation
                known.add(left(equation))


def test_solution__agrees_with_the_published_chain():
    data = json.loads((Path(__file__).parent / "data" / "worked_examples.json").read_text(encoding="utf-8"))
    published = next(each["published"] for each in data if each["id"] == "mazur-2-2-2")
    names = {
        "net_h1": "z1[1]", "out_h1": "a1[1]", "out_h2": "a1[2]", "net_o1": "z2[1]", "out_o1": "a2[1]",
        "E_total": "loss", "dE_dout_o1": "da2[1]", "dout_dnet_o1": "slope2[1]", "delta_o1": "dz2[1]",
        "dE_dw5": "dW2[1,1]", "dE_douth1": "da1[1]", "douth1_dneth1": "slope1[1]", "dE_dw1": "dW1[1,1]",
        "w1_new": "W1_new[1,1]", "w5_new": "W2_new[1,1]",
    }  # fmt: skip
    for theirs, ours in names.items():
        printed = published[theirs]
        digits = len(printed.lstrip("-0.").replace(".", ""))
        assert format_number(float(printed), digits) in solve(
            MAZUR, ours, digits=digits, learning_rate=0.5
        ).text.replace("+", "")


def test_solution__reads_as_on_a_board():
    text = solve(LECTURE, "dW1[1,2]", notation="lecture").text
    headings = [line for line in text.splitlines() if line.isupper() and "=" not in line]
    assert headings == [
        "GIVEN", "THE CHAIN", "FORWARD", "ERROR", "OUTPUT DELTA", "SEND BACK", "HIDDEN DELTA", "GRADIENT",
        "THE CHAIN IN NUMBERS", "CHECK",
    ]  # fmt: skip
    for line in (
        "How does the loss change with w1₁₂, the weight from input 1 to unit 2 of layer 1?",
        "  through ŷ₁: ∂L/∂ŷ₁ · ∂ŷ₁/∂net2₁ · ∂net2₁/∂O1₂ · ∂O1₂/∂net1₂ · ∂net1₂/∂w1₁₂",
        "  net1₂ = X₁·w1₁₂ + X₂·w1₂₂ + b1₂ = 0.8·(−0.75) + 0.45·0.2 + (−0.25) = −0.7600",
        "  ∂L/∂w1₁₂ = X₁ · ∂L/∂net1₂ = 0.8·(−0.01966) = −0.01573",
        "  through ŷ₂: −0.2406·0.2483·0.35·0.2171·0.8 = −0.003633",
    ):
        assert line in text
    assert "is −0.01573, as it should be" in text.replace("\n", " ")


def test_solution__standard_notation_has_deltas():
    text = solve(LECTURE, "dW1[1,2]").text
    assert "  ∂L/∂w1₁₂ = x₁·δ1₂ = 0.8·(−0.01966) = −0.01573" in text
    assert "net" not in text.replace("network", "")


def test_solution__cross_entropy_uses_the_short_formula_and_says_why():
    trace = backprop(
        Network([Dense([[0.4, -0.3]], [0.1, 0.2], "softmax")]), [0.5], [0.0, 1.0], "categorical_cross_entropy"
    )
    text = solve(trace, "dW1[1,2]").text
    assert "  δ1₂ = ŷ₂ − y₂" in text
    assert "everything cancels except ŷ and y" in text
    assert "∂L/∂ŷ" not in text
    assert "∂ŷ₁/∂z1₂" in solve(trace, "slope1[1,2]").text


def test_solution__batch_goes_example_by_example():
    trace = backprop(LECTURE.network, [[0.8, 0.45], [0.1, 0.9]], [[0.3, 0.7], [0.6, 0.2]])
    text = solve(trace, "dW1[1,2]").text
    assert [line for line in text.splitlines() if line.startswith("GRADIENT")] == [
        "GRADIENT, example 1", "GRADIENT, example 2", "GRADIENT, mean of the examples"
    ]  # fmt: skip
    assert "∂L/∂w1₁₂ = (∂L/∂w1₁₂@1 + ∂L/∂w1₁₂@2) / 2" in text
    assert "2 paths lead there in each example." in text
    one = backprop(Network([Dense([[0.4], [0.3]])]), [[1.0, 2.0], [0.5, 0.1]], [[1.0], [0.0]])
    assert "THE CHAIN\nIn each example, for its own loss:\n  ∂L/∂w1₁₁ = " in solve(one, "dW1[1,1]").text
    assert "as it should be" in text.replace("\n", " ")


def test_check__says_that_there_is_a_kink():
    trace = backprop(Network([Dense([[0.5]], [-0.5], "relu")]), [1.0], [2.0])
    assert "which differs: there is a kink" in solve(trace, "dW1[1,1]").text.replace("\n", " ")


def test_check__claims_nothing_that_it_cannot_measure():
    flat = Network([Dense([[1.0, 2.0]]), Dense([[1e-9], [3e-12]], None, "tanh")])
    text = solve(backprop(flat, [1 / 3], [0.25]), "dW1[1,2]").text.replace("\n", " ")
    assert ", too small to measure this way." in text
    assert "as it should be" not in text
    dead = backprop(Network([Dense([[1.0]], [-2.0], "relu")]), [1.0], [3.0])
    assert "is 0, as it should be" in solve(dead, "dW1[1,1]").text.replace("\n", " ")


def test_chain__says_why_no_path_is_written_out():
    wide = Network([Dense([[0.1, -0.2, 0.3]] * 3, None, "tanh") for _ in range(3)])
    text = solve(backprop(wide, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), "dW1[1,2]").text
    assert "There are 9 paths, too many to list. Each SEND BACK step" in text
    coupled = Network([Dense([[0.1, 0.2]], None, "softmax"), Dense([[0.3], [0.4]])])
    trace = backprop(coupled, [0.5], [1.0])
    assert "Units of softmax depend on each other" in solve(trace, "dW1[1,2]").text
    assert "THE CHAIN\n  ∂L/∂w2₁₁ = " in solve(trace, "dW2[1,1]").text
    assert "THE CHAIN\n  ∂L/∂a1₁ = " in solve(trace, "da1[1]").text


class Counting(dict):
    """Steps that count how often one of them is looked up."""

    count = 0

    def __getitem__(self, name):
        self.count += 1
        return super().__getitem__(name)


def test_markdown__name_of_an_activation_becomes_no_element_and_no_picture():
    odd = Activation("<img src=x>![](http://a)", lambda z: z, np.ones_like)
    text = solve(backprop(Network([Dense([[1.0]], [0.0], odd)]), [1.0], [0.5]), "a1[1]").markdown
    assert "src=x" in text
    assert "<" not in text
    assert "![" not in text


def test_solution__looks_up_each_step_a_few_times_only():
    found = Counting(table(backprop(Network([Dense([[0.01] * 10] * 60), Dense([[0.1]] * 10)]), [0.5] * 60, [1.0])))
    solution_of(found, "dW1[1,2]")
    assert 0 < found.count < 8 * len(found)


def numbers_of(equation):
    """Return the names whose numbers appear in an equation, a prediction as the last a."""
    shown = [name for template, how in equation.sides if how != "symbols" for name in names_in(template)]
    return [each.replace("y_hat", "a2") for name in shown for each in name.split("·")]


@pytest.mark.parametrize("name", [None, *(name for name, step in table(LECTURE, RATE).items() if step.kind != "given")])
def test_faded__hidden_numbers_appear_nowhere_else(name):
    faded = solve(LECTURE, name, learning_rate=RATE).faded
    hidden, seen = set(), set()
    for equation in equations(faded):
        if faded.sides(equation)[-1] == GAP:
            hidden.add(left(equation))
        else:
            seen.update(numbers_of(equation))
    assert hidden
    assert name is None or name.replace("y_hat", "a2") in hidden
    assert not hidden & seen


def test_faded__of_three_layers_hides_the_lowest():
    layers = [Dense([[0.4]], [0.1], "tanh"), Dense([[0.3]], [0.2], "tanh"), Dense([[0.7]], [0.3], "sigmoid")]
    faded = solve(backprop(Network(layers), [0.5], [0.2]), "dW1[1,1]").faded.text
    assert "  ∂L/∂a1₁ = δ2₁·w2₁₁ = ____" in faded
    assert "δ2₁ = ∂L/∂a2₁ · ∂a2₁/∂z2₁ = ____" not in faded


def test_faded__hides_only_the_last_parts():
    whole, faded = solve(LECTURE, "dW1[1,2]"), solve(LECTURE, "dW1[1,2]").faded
    assert isinstance(faded, Solution)
    assert faded.text.count(GAP) == 4
    hidden = ["da1[2]", "slope1[2]", "dz1[2]", "dW1[1,2]"]
    for name in [*hidden, "slope2[1]", "dz2[1]", "dz2[2]"]:
        printed = format_number(whole.hand.values[name])
        assert printed in whole.text
        assert (printed in faded.text) == (name not in hidden)
    assert "∂L/∂w1₁₂ = x₁·δ1₂ = ____" in faded.text
    assert "CHECK" not in faded.text
    assert r"\underline{\qquad}" in faded.markdown
    assert solve(LECTURE, "dW2[1,2]").faded.text.count(GAP) == 3  # its slope, its delta, and the gradient


def test_solution__brackets_numbers_that_could_be_misread():
    trace = backprop(
        Network(
            [
                Dense([[0.00001]], None, "tanh"),
                Dense(
                    [
                        [1e-7],
                    ]
                ),
            ]
        ),
        [1.0],
        [1234567.0],
    )
    text, latex = solve(trace).text, solve(trace).markdown
    assert "1 − (1.000e−5)²" in text
    assert r"1 - (1.000 \cdot 10^{-5})^2" in latex
    assert "1.23457e6" in text
    assert r"1.23457 \cdot 10^{6}" in latex


def test_question__says_that_a_value_is_after_the_update():
    for name, words in (
        ("loss_new", "How large is the loss"),
        ("z1_new[1]", "What does unit 1 of layer 1 add up"),
        ("W1_new[1,1]", "What is w1₁₁"),
    ):
        assert f"{words} after one step of gradient descent?" in solve(LECTURE, name, learning_rate=RATE).text.replace(
            "\n", " "
        )


def test_solution__lists_all_entries_of_an_array():
    text = solve(LECTURE, "dW1").text
    assert "row 1: −0.006516  −0.01573" in text
    assert text.count("OUTPUT DELTA") == 1


@pytest.mark.parametrize("case", CASES[:6], ids=[case.id for case in CASES[:6]])
def test_markdown__latex_is_ascii_and_balanced(case):
    for formula in re.findall(r"\$\$(.*?)\$\$", solve(case.backprop(), digits=3, learning_rate=RATE).markdown):
        assert formula.isascii(), formula
        for opening, closing in ("{}", "()", "[]"):
            assert formula.count(opening) == formula.count(closing), formula
        assert formula.count(r"\begin{aligned}") == formula.count(r"\end{aligned}") == 1
        assert not re.search(r"\^\{[^{}]*\}(_\{[^{}]*\})?\^", formula), formula  # in MathJax an error


def test_markdown__writes_powers_of_ten_and_infinity():
    small = Network([Dense([[3e-6]], None, "tanh")])
    assert r"1 - \hat y_{1}^2 = 1 - (3.000 \cdot 10^{-6})^2" in solve(backprop(small, [1.0], [1.0])).markdown
    hidden = Network([Dense([[0.5]], None, "tanh"), Dense([[2.0]])])
    assert r"1 - a1_{1}^2 = 1 - 0.4621^2" in solve(backprop(hidden, [1.0], [1.0])).markdown
    sure = backprop(Network([Dense([[0.0, 40.0]], None, "softmax")]), [1.0], [1.0, 0.0], "categorical_cross_entropy")
    assert r"-1 / (4.248 \cdot 10^{-18})" in solve(sure, "da1[1]").markdown
    wrong = backprop(Network([Dense([[1000.0]], None, "sigmoid")]), [1.0], [0.0], "binary_cross_entropy")
    for formula in re.findall(r"\$\$(.*?)\$\$", solve(wrong).markdown):
        assert formula.isascii()
    assert r"\infty" in solve(wrong, "da1[1]").markdown


def test_markdown__has_a_long_chain_with_one_side():
    """A path that is too long for one row has only one side, which once was an IndexError."""
    layers = [Dense([[0.1, 0.2]], None, "tanh"), Dense([[0.1, 0.2], [0.3, 0.4]], None, "tanh"), Dense([[0.5], [0.6]])]
    trace = backprop(Network(layers), [[0.5], [0.1]], [[1.0], [0.0]])
    markdown = solve(trace, "dW1[1,1]@1", notation="lecture").markdown
    assert markdown.count(r"aligned} & ") == 2
    assert "&= &" not in markdown


def test_filled_latex__translates_words_and_signs_but_no_names():
    assert filled_latex("max(0, {a}) + softmaxif({b})", {"a": "ln", "b": "-1"}) == r"\max (0, ln) + softmaxif(-1)"
    assert filled_latex("1 / (1 + e^⟨−{a}⟩)", {"a": "-2"}) == "1 / (1 + e^{-(-2)})"


def test_heading_levels__follow_the_level():
    solution = solve(LECTURE, "z1[1]")
    assert solution.markdown == solution.to_markdown(level=2)
    assert "\n\n#### GIVEN\n\n" in solution.to_markdown(level=3)
    assert "<h4>" in solution.to_html(level=3)
    assert "<wbr>" in solution.to_html()
    assert solution.to_html(breaks=False) == solution.to_html().replace(" <wbr>= ", " = ")


def test_html__escapes_what_a_name_contains():
    odd = Activation("<b>{x}&", lambda z: z, lambda z: np.ones_like(z))
    solution = solve(backprop(Network([Dense([[1.0]], None, odd)]), [1.0], [0.5]))
    assert "<b>{x}&(z1₁)" in solution.text
    assert "&lt;b&gt;{x}&amp;(z1₁)" in solution.html
    assert "<b>" not in solution.html


def test_solution__survives_copy_and_pickle():
    solution = solve(LECTURE, "dW1[1,2]")
    for other in (copy.copy(solution), copy.deepcopy(solution), pickle.loads(pickle.dumps(solution))):
        assert other.text == solution.text
        assert other.markdown == solution.markdown
        assert other == solution
    with pytest.raises(dataclasses.FrozenInstanceError):
        solution.title = "another"
    assert isinstance(solution.sections[0], Section)


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.language, self.texts = [], [], None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.language = self.language or dict(attributes).get("lang")
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html__has_real_exponents():
    html = solve(LECTURE, "loss").html
    assert "1 / (1 + e<sup>−z2₁</sup>) <wbr>= 1 / (1 + e<sup>−0.2267</sup>)" in html
    assert "^" not in html


def test_html__is_a_complete_page():
    solution = solve(LECTURE, "dW1[1,2]", notation="lecture")
    page = Page(solution.html.replace("<sup>", "^(").replace("</sup>", ")"))
    assert page.open == []
    assert page.language == "en"
    assert page.seen.count("h1") == page.seen.count("title") == page.seen.count("main") == 1
    assert page.seen.count("h2") == sum(section.heading != "" for section in sections(solution))
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert "//" not in solution.html
    assert "Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"" in solution.html
    words = re.sub(r"\s+", "", "".join(page.texts))
    for equation in solution.text.splitlines():
        if equation.startswith("  "):
            assert re.sub(r"\s+", "", equation) in words


def test_save__is_whole_or_absent_and_replaces_a_link(tmp_path, monkeypatch):
    solution = solve(EXAMPLES["lecture"].backprop(), "loss")
    target = tmp_path / "private.html"
    (tmp_path / "key.html").symlink_to(target)
    with pytest.raises(FileExistsError):
        solution.save(tmp_path / "key.html")
    solution.save(tmp_path / "key.html", force=True)
    assert not target.exists()
    assert (tmp_path / "key.html").read_text(encoding="utf-8") == solution.html + "\n"

    def full(self, *_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)  # by then the file has its place on the disk
    with pytest.raises(OSError, match="No space left"):
        solution.save(tmp_path / "other.html")
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*missing'$"):
        solution.save(tmp_path / "missing" / "other.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.html"]


def test_save__overwrites_nothing_unless_forced(tmp_path):
    solution = solve(LECTURE, "z1[1]")
    for ending, kind in ((".txt", "text"), (".md", "markdown"), (".html", "html")):
        path = solution.save(tmp_path / f"key{ending}")
        assert path.read_text(encoding="utf-8") == getattr(solution, kind) + "\n"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="already exists"):
        solution.save(path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert solution.save(str(path), force=True) == path
    with pytest.raises(ValueError, match=r"\.txt, \.md or \.html"):
        solution.save(tmp_path / "key.pdf")


def test_solution__is_latex_in_a_notebook_and_text_in_a_terminal():
    solution = solve(LECTURE, "z1[1]")
    assert solution._repr_mimebundle_() == {"text/plain": solution.text, "text/markdown": solution.markdown}
    assert str(solution) == repr(solution) == solution.text


@pytest.mark.parametrize("name", [None, *list(table(LECTURE, RATE))[::4], "W1", "dW2", "z1", "slope2", "W2_new", "x"])
def test_solve__has_a_solution_for_every_name(name):
    solution = solve(LECTURE, name, learning_rate=RATE)
    assert solution.title in solution.text
    assert all((solution.markdown, solution.html, solution.faded.text))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "dW9[1,1]"}, "unknown value"),
        ({"name": "much"}, "needed a name"),
        ({"name": "W1_new[1,1]"}, "learning_rate"),
        ({"notation": "books"}, "standard, lecture"),
        ({"digits": 1}, "from 2 to 15"),
        ({"digits": 16}, "from 2 to 15"),
        ({"digits": 4.0}, "from 2 to 15"),
        ({"digits": True}, "from 2 to 15"),
    ],
)
def test_solve__refuses_what_does_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        solve(LECTURE, **arguments)
