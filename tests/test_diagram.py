"""The network diagram shows and describes the values of a trace, and nothing overlaps."""

import base64
import re
import xml.etree.ElementTree as ET
from itertools import combinations, product

import numpy as np
import pytest
from helpers.support import PROJECT

from bpcourse import EXAMPLES, Activation, Dense, Network, backprop, draw, format_number, forward, leaky_relu
from bpcourse.palette import FALLS, QUIET, RISES
from bpcourse.pictures import diagram
from bpcourse.tutor.equations import table

SVG = "{http://www.w3.org/2000/svg}"


def trace_of(sizes, seed=0, examples=1, hidden="tanh", output="identity"):
    rng = np.random.default_rng(seed)
    network = Network.initialize(sizes, [hidden] * (len(sizes) - 2) + [output], rng)
    return backprop(network, rng.normal(size=(examples, sizes[0])), rng.normal(size=(examples, sizes[-1])), "half_sse")


def parse(picture):
    return ET.fromstring(picture.svg)


def shown(picture):
    return [text.text for text in parse(picture).iter(f"{SVG}text")]


def boxes(picture):
    """All rounded boxes as (left, top, right, bottom)."""
    rects = [rect for rect in parse(picture).iter(f"{SVG}rect") if rect.get("rx")]
    sides = [[float(rect.get(name)) for name in ("x", "y", "width", "height")] for rect in rects]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_draw__picture_and_table_hold_every_value_and_gradient():
    trace = EXAMPLES["lecture"].backprop()
    picture = draw(trace)
    texts, table = " ".join(shown(picture)), {name: (value, gradient) for name, value, gradient in picture.table}
    for name in ("W1", "W2"):
        for i, j in product(range(2), range(2)):
            value, gradient = format_number(trace[name][i, j]), format_number(trace[f"d{name}"][i, j], signed=True)
            assert value in shown(picture)
            assert gradient in shown(picture)
            assert table[f"{name}[{i + 1},{j + 1}]"] == (value, gradient)
    for layer, unit in product((1, 2), range(2)):
        assert f"z = {format_number(trace[f'z{layer}'][0, unit])}" in texts
        assert f"δ {format_number(trace[f'dz{layer}'][0, unit], signed=True)}" in texts
        assert table[f"a{layer}[{unit + 1}]"][1] == format_number(trace[f"da{layer}"][0, unit], signed=True)
        assert table[f"b{layer}[{unit + 1}]"] == (
            format_number(trace[f"b{layer}"][unit]),
            format_number(trace[f"db{layer}"][unit], signed=True),
        )
    assert format_number(trace.loss) in shown(picture)
    assert table["loss"] == (format_number(trace.loss), "")


def test_diagram__notebook_gets_picture_description_and_table():
    picture = draw(EXAMPLES["lecture"].backprop())
    bundle = picture._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert f'alt="{picture.words}"' in bundle["text/html"]
    assert "<summary>All values as a table</summary>" in bundle["text/html"]
    for name, value, gradient in picture.table:
        assert name in bundle["text/plain"]
        assert value in bundle["text/plain"]
        assert f'<tr><th scope="row">{name}</th><td>{value}</td><td>{gradient}</td></tr>' in bundle["text/html"]


def test_diagram__image_in_a_dark_theme_has_the_colors_of_the_explorers():
    picture, css = draw(EXAMPLES["lecture"].backprop()), (PROJECT / "bpcourse/data/explorer/explorer.css").read_text()
    image = base64.b64decode(re.search('base64,([^"]*)', picture.html)[1]).decode()
    style = ET.fromstring(image).find(f"{SVG}style").text
    rules = re.findall(r'\[(?:fill|stroke)="#\w+"\]:not\(\.field \*\) { (?:fill|stroke): #\w+; }', style)
    assert style == f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"
    assert len(rules) > 10
    assert all(rule in css for rule in rules)
    assert "<style>" not in picture.svg  # a page for print has white pictures


def test_draw__svg_has_description_and_white_background():
    picture = draw(EXAMPLES["mazur"].backprop())
    root = parse(picture)
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == picture.words
    assert "W2[1,2] = 0.5000, gradient −0.02260" in root.find(f"{SVG}desc").text
    ground = root.find(f"{SVG}rect")
    assert (ground.get("fill"), ground.get("width")) == ("#ffffff", root.get("width"))


@pytest.mark.parametrize(
    "notation, words", [("standard", ("z =", "a =", "δ ")), ("lecture", ("net =", "O =", "∂L/∂net "))]
)
def test_draw__notation(notation, words):
    texts = shown(draw(EXAMPLES["lecture"].backprop(), notation=notation))
    for word in words:
        assert any(text.startswith(word) for text in texts), word


@pytest.mark.parametrize("sizes", [*product(range(1, 6), repeat=3), (8, 8, 8), (3, 8, 2, 5), (8, 1, 8), (1, 1)])
def test_draw__no_box_overlaps_another_or_leaves_the_picture(sizes):
    picture = draw(trace_of(sizes))
    root, found = parse(picture), boxes(picture)
    assert len(found) > sum(sizes)
    assert not [pair for pair in combinations(found, 2) if overlap(*pair)]
    for left, top, right, bottom in found:
        assert left >= 0
        assert top >= 0
        assert right <= float(root.get("width"))
        assert bottom <= float(root.get("height"))


def test_overlap__is_found(monkeypatch):
    monkeypatch.setattr(diagram, "GAPS", (70,))  # no room
    assert [pair for pair in combinations(boxes(draw(trace_of((3, 3, 3)))), 2) if overlap(*pair)]


@pytest.mark.parametrize(("sizes", "view"), [((2, 2, 2), "both"), ((2, 3, 2), "both"), ((3, 4, 3), "forward")])
def test_draw__fits_into_an_output_of_jupyterlab(sizes, view):
    """At 1280 pixels with the file browser open an output has some 850 pixels; wider pictures get smaller letters."""
    assert float(parse(draw(trace_of(sizes), view=view)).get("width")) <= 880


def lines_of(picture):
    return [line for line in parse(picture).iter(f"{SVG}line") if (line.get("data-name") or "").startswith("dW")]


def test_view__forward_shows_weights_and_backward_gradients():
    trace = EXAMPLES["lecture"].backprop()
    ahead, back = draw(trace, view="forward"), draw(trace, view="backward")
    weights = {name: value for name, value, _ in ahead.table if name[0] == "W"}
    gradients = {name: gradient for name, _, gradient in ahead.table if name[0] == "W"}
    assert {*weights.values()} <= {*shown(ahead)}
    assert not {*gradients.values()} & {*shown(ahead)}
    assert {*gradients.values()} <= {*shown(back)}
    for picture, values, plus in ((ahead, trace["W1"], RISES), (back, trace["dW1"], RISES)):
        for line, value in zip(lines_of(picture)[:4], values.ravel(), strict=True):
            assert line.get("stroke") == (plus if value > 0 else FALLS)
            assert (line.get("stroke-dasharray") is not None) == (value < 0)


def test_view__unknown_gradient_is_not_given_away_by_its_line():
    lines = lines_of(draw(EXAMPLES["lecture"].backprop(), view="backward", known=()))
    assert {(line.get("stroke-width"), line.get("stroke-dasharray"), line.get("stroke")) for line in lines} == {
        ("1.00", None, QUIET)
    }


def test_view__width_of_a_weight_is_the_same_in_every_picture():
    for scale in (1.0, 3.0):
        network = Network([Dense([[scale], [1.0]], None)])
        first, second = lines_of(draw(forward(network, [1.0, 1.0])))
        assert float(second.get("stroke-width")) == 2.4
        assert float(first.get("stroke-width")) == pytest.approx(1 + 1.4 * scale)


def test_unit__has_a_dot_at_z_and_a_tangent():
    trace = trace_of((2, 2, 1), hidden="tanh")
    root = parse(draw(trace))
    assert len([*root.iter(f"{SVG}circle")]) == 3
    unknown = parse(draw(trace, known=()))
    assert not [*unknown.iter(f"{SVG}circle")]


def test_path__lights_each_path_and_writes_its_part():
    trace = EXAMPLES["lecture"].backprop()
    picture = draw(trace, path="dW1[1,2]")
    a = trace["a1"][0, 1]
    back = [trace["dz2"][0, k] * trace["W2"][1, k] * a * (1 - a) * trace["x"][0, 0] for k in range(2)]
    assert {format_number(each, signed=True) for each in back} <= {*shown(picture)}
    assert "+" in shown(picture)
    assert picture.words.endswith(f"Their sum is {format_number(trace['dW1'][0, 1], signed=True)}.")
    dim = {line.get("data-name") for line in lines_of(picture) if line.get("opacity")}
    assert dim == {"dW1[1,1]", "dW1[2,1]", "dW1[2,2]", "dW2[1,1]", "dW2[1,2]"}


def test_path__of_an_output_weight_has_no_sum():
    picture = draw(EXAMPLES["lecture"].backprop(), path="dW2[1,2]")
    assert "+" not in shown(picture)
    assert "Parts" not in picture.words


def test_controls__are_at_the_numbers_that_can_be_moved():
    trace = EXAMPLES["lecture"].backprop()
    controls = {each.get("data-control") for each in parse(draw(trace)).iter(f"{SVG}text")} - {None}
    assert controls == {name for name, *_ in draw(trace).table if name[0] in "xyWb"}


def test_draw__line_shows_size_sign_and_gradient_of_its_weight():
    network = Network([Dense([[0.5, -1.0], [0.0, 1.0]], None)])
    trace = backprop(network, [1.0, 1.0], [1.0, -1.0], "half_sse")  # ŷ − y = −0.5, 1
    lines = [line for line in parse(draw(trace)).iter(f"{SVG}line") if line.get("stroke-width") != "3"][:4]
    assert [line.get("stroke-dasharray") is not None for line in lines] == [False, True, False, False]
    assert [line.get("stroke") for line in lines] == [FALLS, RISES, FALLS, RISES]
    widths = [float(line.get("stroke-width")) for line in lines]
    assert widths[2] < widths[0] < widths[1] == widths[3]


def test_draw__more_than_eight_units_are_counted():
    picture = draw(trace_of((12, 9, 1)))
    assert "12 inputs (8 of them drawn)" in picture.words
    assert {"and 4 more", "and 1 more"} <= set(shown(picture))
    assert "x[8]" in repr(picture)
    assert "x[9]" not in repr(picture)


def test_draw__weights_without_labels_are_in_the_table():
    trace = trace_of((5, 4, 1))
    picture = draw(trace)
    assert not any("w1₅₄" in text for text in shown(picture))
    assert (
        "W1[5,4]",
        format_number(trace["W1"][4, 3]),
        format_number(trace["dW1"][4, 3], signed=True),
    ) in picture.table


def test_draw__example_of_a_batch():
    trace = trace_of((2, 3, 2), examples=3)
    picture = draw(trace, example=3)
    assert f"x = {format_number(trace['x'][2, 1])}" in shown(picture)
    assert "example 3 of 3" in picture.words


def test_draw__forward_pass_has_no_gradients():
    example = EXAMPLES["lecture"]
    picture = draw(forward(example.network, example.x))
    assert {gradient for _, _, gradient in picture.table} == {""}
    assert not any("∂" in text or "δ" in text or "loss" in text for text in shown(picture))
    assert "a = 0.7120" in shown(picture)


def test_draw__description_of_a_forward_pass_of_a_batch():
    words = draw(forward(trace_of((2, 3)).network, [[1.0, 2.0], [3.0, 4.0]]), example=2).words
    assert "example 2 of 2" in words
    assert "loss" not in words
    assert "gradient" not in words


def test_draw__readme_picture_is_current():
    committed = (PROJECT / "docs" / "lecture.svg").read_text(encoding="utf-8")
    assert committed == draw(EXAMPLES["lecture"].backprop()).svg + "\n"


def test_draw__custom_names_are_escaped():
    odd = Activation("<script>&", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    picture = draw(backprop(Network([Dense([[1.0]], None, odd)]), [1.0], [1.0], "mse"))
    assert "layer 1: <script>&" in shown(picture)
    assert "<script>" not in picture.svg + picture._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "options, pieces",
    [
        ({"example": 2}, ("example", "between 1 and 1", "got 2")),
        ({"example": 0}, ("example", "between 1 and 1", "got 0")),
        ({"view": "backwards"}, ("backwards", "Did you mean 'backward'", "forward")),
        ({"path": "W1[1,1]"}, ("gradient", "dW1[1,2]", "got W1[1,1]")),
        ({"path": "dW1[1,7]"}, ("dW1[1,7]", "dW1[1,1]")),
        ({"notation": "lectures"}, ("lectures", "Did you mean 'lecture'", "standard")),
    ],
)
def test_draw__invalid_option(options, pieces):
    with pytest.raises(ValueError) as error:
        draw(EXAMPLES["lecture"].backprop(), **options)
    for piece in pieces:
        assert piece in str(error.value)


@pytest.mark.parametrize("scale", [1.0, 1.2345e-4, 9.8765e-12, 1.2345e-105, 987654.3, 9.8765e100])
@pytest.mark.parametrize("notation", ["standard", "lecture"])
def test_draw__no_text_is_wider_than_its_box(scale, notation):
    network = Network([Dense([[-scale]], [-scale], leaky_relu(1.23456e-05)), Dense([[-scale]], [-scale])])
    picture = draw(backprop(network, [-1.0], [-1.2345e-4], "mse"), notation=notation)
    root = parse(picture)
    for text in root.iter(f"{SVG}text"):
        if text.get("text-anchor") == "start":  # the legend, which never changes
            continue
        letter = 0.65 if text.get("font-weight") else 0.59  # of its size, measured in DejaVu Sans, the widest of ours
        width = letter * float(text.get("font-size")) * len(text.text)
        x, y = float(text.get("x")), float(text.get("y"))
        around = [box for box in boxes(picture) if box[0] < x < box[2] and box[1] < y < box[3]]
        left, right = (around[-1][0], around[-1][2]) if around else (0, float(root.get("width")))
        assert x - width / 2 >= left
        assert x + width / 2 <= right


def test_live__dots_move_along_what_a_step_highlights():
    trace = EXAMPLES["lecture"].backprop()
    for view, direction in (("forward", "forward"), ("backward", "back")):
        picture = draw(trace, live=True, lit={"z2[1]", "W2[1,1]", "W2[2,1]"}, view=view).svg
        ways = re.findall(r'path="M([\d.]+) [\d.]+L([\d.]+) [\d.]+"', picture)
        assert len(ways) == 2
        assert all((float(start) < float(end)) == (direction == "forward") for start, end in ways)
        assert picture.count('class="dot" display="none"') == 2  # the page shows them, if motion is wanted
    assert "animateMotion" not in draw(trace, lit={"z2[1]", "W2[1,1]"}).svg


def test_live__paths_light_up_one_after_the_other():
    picture = draw(EXAMPLES["lecture"].backprop(), live=True, path="dW1[1,2]", view="backward").svg
    turns = re.findall(r'class="turn" style="--turn:(\d)"', picture)
    assert sorted(turns) == ["0", "0", "1", "1", "2"]  # a line and a label of each path, then the +
    assert 'class="turn"' not in draw(EXAMPLES["lecture"].backprop(), path="dW1[1,2]").svg


def test_live__labels_without_room_are_hidden():
    trace = backprop(
        Network.initialize([4, 5, 1], ["tanh", "sigmoid"], np.random.default_rng(0)), [[0.1, 0.2, 0.3, 0.4]], [[1.0]]
    )
    picture = draw(trace, live=True).svg
    fans = re.findall(r'data-fan="1 (\d) (\d)" display="none"', picture)
    assert len(fans) == 20
    assert "data-fan" not in draw(trace).svg
    assert 'data-fan="2' not in picture  # the second layer has room


@pytest.mark.parametrize("name", ["dW1[2,3]", "db1[1]", "dz1[2]", "da1[4]", "dx[1]", "dW2[1,2]", "dz2[1]"])
def test_path__parts_add_up_to_the_gradient(name):
    trace = trace_of([3, 4, 3, 2])
    words = diagram.paths_in_words(trace, name)
    assert words.endswith(f"Their sum is {format_number(table(trace)[name].value, signed=True)}.")


def test_path__explained_weight_keeps_its_value():
    picture = draw(trace_of([2, 2, 2]), path="dW1[1,2]", view="backward").svg
    assert 'data-control="W1[1,2]"' in picture
    assert 'data-control="W1[1,1]"' not in picture


def test_path__lines_have_the_sign_of_their_part():
    trace = EXAMPLES["lecture"].backprop()
    lines = re.findall(r'<line data-name="dW2\[2,(\d)\]"[^>]*stroke="(#\w+)"', draw(trace, path="dW1[1,2]").svg)
    assert dict(lines) == {"1": FALLS, "2": FALLS}  # both parts are negative, although ∂L/∂w2₂₁ is positive
