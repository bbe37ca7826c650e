"""The content of explorers and the effect of their controls, without a browser."""

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers.random_networks import random_cases
from matplotlib import colormaps
from matplotlib.image import imread

from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    SGD,
    Activation,
    Adam,
    Dense,
    Network,
    backprop,
    datasets,
    draw,
    explore,
    explore_activation,
    explore_boundary,
    explore_image,
    explore_live,
    explore_surface,
    explore_training,
    format_number,
    forward,
    sgd_step,
    train,
)
from bpcourse.engine.entries import replaced
from bpcourse.engine.surfaces import loss_surface, over_plane
from bpcourse.explorers import live as live_module, planes
from bpcourse.explorers.curves import ActivationScene, LossScene
from bpcourse.explorers.images import ImageScene, labels_of
from bpcourse.explorers.live import LiveScene
from bpcourse.explorers.networks import WHOLE, PassScene
from bpcourse.explorers.pitfalls import PITFALLS
from bpcourse.explorers.planes import BoundaryScene, SurfaceScene, TrainingScene
from bpcourse.explorers.predictions import Prediction, in_symbols
from bpcourse.numbers import format_given
from bpcourse.palette import BLUE, HALO, LIT, PURPLE
from bpcourse.pictures import charts
from bpcourse.pictures.series import MOST_POINTS
from bpcourse.tutor.equations import table

CASES = random_cases(90)[::6]  # every activation and every loss is among them


def scene_of(case, kind=PassScene, rate=0.5, **more):
    trace = backprop(case.network, case.x, case.y, case.loss)
    return kind(case.network, trace["x"], trace["y"], trace.loss_function, rate, **more)


def seen(scene, before=()):
    """Return the view of a scene after some losses."""
    return scene.show([*before, scene.loss_value])


@pytest.fixture
def lecture():
    return scene_of(EXAMPLES["lecture"])


# Numbers and their names


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_replaced__changes_one_number(case):
    for number, layer in enumerate(case.network.layers, start=1):
        i, j = layer.W.shape[0] - 1, 0
        after = replaced(case.network, {f"W{number}[{i + 1},{j + 1}]": 7.5})
        changed = after.layers[number - 1].W != layer.W
        assert after.layers[number - 1].W[i, j] == 7.5
        assert changed.sum() <= 1
        assert after.layers[number - 1].activation is layer.activation
        assert (after.layers[number - 1].b is None) == (layer.b is None)


@pytest.mark.parametrize("name", ["W3[1,1]", "W1[3,1]", "W1[1,3]", "W1[1]", "b1[3]", "b1[1,1]", "x[1]", "W1"])
def test_replaced__unknown_name(name):
    with pytest.raises(ValueError, match="unknown weight or bias"):
        replaced(EXAMPLES["lecture"].network, {name: 1.0})


@pytest.mark.parametrize("value", [math.nan, math.inf, "a"])
def test_changed__value_is_not_a_finite_number(value, lecture):
    with pytest.raises(ValueError, match="W1\\[1,1\\] must be a finite number"):
        replaced(EXAMPLES["lecture"].network, {"W1[1,1]": value})
    for name in ("W1[1,1]", "x[1]", "y[2]", "learning_rate"):
        with pytest.raises(ValueError, match=r"number|convert"):
            lecture.changed({name: value})


# A network


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_pass_scene__shows_the_diagram_and_says_the_loss(case):
    scene = scene_of(case)
    if len(scene.x) > 1:
        scene = scene.changed({"of": "mean"})
    view = seen(scene)
    assert view.picture == draw(scene.trace, live=True)
    assert format_number(scene.trace.loss) in view.picture.words
    assert view.said.startswith(f"loss {format_number(scene.trace.loss)}")
    ET.fromstring(view.beside.svg)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_pass_scene__moved_number_gives_the_pass_of_the_new_network(case):
    scene = scene_of(case)
    for name, value in scene.values.items():
        if isinstance(value, str):
            continue
        moved = scene.changed({name: value * 0.75 + (0.01 if name[0] != "y" else 0)})
        again = backprop(moved.network, moved.x, moved.y, case.loss)
        assert moved.values[name] == value * 0.75 + (0.01 if name[0] != "y" else 0)
        assert all(np.array_equal(moved.trace[each], again[each]) for each in again)
        assert {n for n in scene.values if scene.values[n] != moved.values[n]} <= {name}


def test_pass_scene__input_of_a_hidden_example_can_be_moved():
    case = next(case for case in CASES if len(case.x) > 2)
    scene = scene_of(case).changed({"x[1]@2": 0.125})
    assert scene.x[1, 0] == 0.125
    assert (scene.x != case.x).sum() == 1
    shown = scene.changed({"example": "2"})
    assert shown.values["x[1]"] == 0.125
    assert "Example 2 of" in seen(shown).caption
    with pytest.raises(ValueError, match="unknown example '99'"):
        scene.changed({"example": "99"})


@pytest.mark.parametrize("name", ["W9[1,1]", "z1[1]", "x[3]", "y_hat[1]", "x", "loss", "learning_rate[1]"])
def test_pass_scene__unknown_number(name, lecture):
    with pytest.raises(ValueError, match=r"unknown (weight or bias|number to move called)|needed a name"):
        lecture.changed({name: 1.0})


def test_pass_scene__target_must_be_a_probability():
    case = next(case for case in CASES if case.loss == "binary_cross_entropy")
    with pytest.raises(ValueError, match="lie between 0 and 1"):
        scene_of(case).changed({"y[1]": 1.5})


def test_pass_scene__update_is_one_step_of_gradient_descent(lecture):
    after = lecture.pressed("update")
    expected = sgd_step(lecture.trace, 0.5)
    for mine, theirs in zip(after.network.layers, expected.layers, strict=True):
        assert np.array_equal(mine.W, theirs.W)
        assert np.array_equal(mine.b, theirs.b)
    with pytest.raises(ValueError, match="unknown button 'jump'"):
        lecture.pressed("jump")


@pytest.mark.parametrize("case", [EXAMPLES["lecture"], *CASES[:20]], ids=lambda case: getattr(case, "id", "lecture"))
def test_pass_scene__steps_show_only_computed_values(case):
    scene = scene_of(case)
    at = f"@{scene.example}" if len(scene.x) > 1 else ""
    steps = table(scene.trace)
    walk = [step for step in steps.values() if step.kind not in ("given", "y_hat") and step.at in ("", at)]
    everything = seen(scene).picture
    for count, step in enumerate(walk, start=1):
        scene = scene.pressed("forward")
        if count % 3 and step.kind != "loss":  # a picture takes longer than all the rest
            continue
        view = seen(scene)
        assert f"<b>{step.label}</b>" in view.caption
        assert f"step {count} of {len(walk)}" in view.caption
        assert format_number(abs(step.value)) in view.caption
        done = {each.name.partition("@")[0] if step.at else each.name for each in walk[:count]}
        for name, value, gradient in view.picture.table:
            own = name if step.at else name + at
            if name[0] in "za":
                assert (value == "…") == (own not in done), name
            if name[0] in "Wb":
                assert (gradient == "…") == (f"d{name}" not in done), name
        shown = {name: (value, gradient) for name, value, gradient in view.picture.table}
        alone = step.name.partition("@")[0] if step.at else step.name
        if step.kind in ("z", "a"):
            assert shown[alone][0] == format_number(step.value)
        if step.kind in ("dW", "db", "delta"):  # the picture holds the number of the equation, also in a batch
            assert shown[alone[1:]][1] == format_number(step.value, signed=True)
        if not any(name.startswith("loss") for name in done):
            assert "Its" not in view.picture.words
    scene = scene.pressed("forward")
    assert scene.step == 0
    assert seen(scene).picture == everything
    assert scene.pressed("back").step == len(walk)


def test_pass_scene__step_highlights_its_unit_and_edges(lecture):
    svg = seen(lecture.pressed("forward")).picture.svg  # z1[1], which needs x, W1[.,1] and b1[1]
    assert svg.count(f'stroke="{HALO}"') == 2  # a halo around each of the two edges
    assert svg.count(LIT) == 2 + 1 + 2  # their labels, the unit, both inputs
    assert LIT not in seen(lecture).picture.svg


def test_pass_scene__picked_value_shows_its_worked_solution(lecture):
    picked = lecture.changed({"explain": "net1[1]"})
    assert picked.picked == "z1[1]"
    assert "<h4>z1₁, step by step</h4>" in seen(picked).solution
    assert "0.8·0.5 + 0.45·0.9 + 0.1 = 0.9050" in re.sub("<wbr>", "", seen(picked).solution)
    assert "The whole pass" in seen(lecture.changed({"explain": WHOLE})).solution
    assert seen(lecture).solution == ""
    assert seen(picked.changed({"explain": ""})).solution == ""
    with pytest.raises(ValueError, match="unknown value 'z9"):
        lecture.changed({"explain": "z9[1]"})


def test_pass_scene__movable_numbers(lecture):
    few = replace(lecture, movable=("W1[1,2]", "b2", "learning_rate")).validated()
    names = [control.name for group in few.groups for control in group.controls]
    assert names == ["W1[1,2]", "b2[1]", "b2[2]", "learning_rate"]
    assert [control.name for group in lecture.groups for control in group.controls] == [
        name for name, value in lecture.values.items() if not isinstance(value, str)
    ]
    with pytest.raises(ValueError, match=r"W1\[1,9\]"):
        replace(lecture, movable=("W1[1,9]",)).validated()


def test_pass_scene__slider_ends(lecture):
    far = lecture.changed({"W1[1,1]": -40.0})
    controls = {control.name: control for group in far.groups for control in group.controls}
    assert (controls["W1[1,1]"].low, controls["W1[1,1]"].high) == (-80, 80)
    assert (controls["y[1]"].low, controls["y[1]"].high) == (0, 1)
    assert controls["learning_rate"].low > 0


def test_pass_scene__history_of_losses(lecture):
    past = [lecture, lecture.changed({"W1[1,1]": 2.0})]
    now = past[-1].pressed("update")
    words = seen(now, [scene.loss_value for scene in past]).beside.words
    ends = f"from {format_number(lecture.trace.loss)} to {format_number(now.trace.loss)}"
    assert words == f"The loss over the last 2 moves: {ends}."


# Pitfalls


@pytest.mark.parametrize("name", EXAMPLES)
def test_pitfall__saturation_leaves_small_gradients(name):
    scene = scene_of(EXAMPLES[name])
    after = scene.changed({"pitfall": "saturation"})
    slopes = after.network.layers[0].activation.df(after.trace["z1"])
    assert slopes.min() < 1e-3
    assert abs(after.trace["dW1"]).max() < abs(scene.trace["dW1"]).max() / 10
    assert "flat" in seen(after).note


@pytest.mark.parametrize("name", EXAMPLES)
def test_pitfall__dead_relu_stays_dead(name):
    scene = scene_of(EXAMPLES[name]).changed({"pitfall": "dead_relu"})
    W, b = scene.network.layers[0].W, scene.network.layers[0].b
    for _ in range(20):
        assert not scene.trace["dW1"].any()
        scene = scene.pressed("update")
    assert np.array_equal(scene.network.layers[0].W, W)
    assert np.array_equal(scene.network.layers[0].b, b)


def test_pitfall__large_rate_leads_uphill(lecture):
    scene = lecture.changed({"pitfall": "large_rate"})
    assert scene.pressed("update").trace.loss > scene.trace.loss
    half = scene.changed({"learning_rate": scene.learning_rate / 2})
    assert half.pressed("update").trace.loss <= half.trace.loss


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 4, 3), (2, 3, 4, 1)])
def test_pitfall__symmetric_units_stay_equal(sizes):
    rng = np.random.default_rng(3)
    network = Network.initialize(sizes, ["tanh"] * (len(sizes) - 2) + ["sigmoid"], rng)
    trace = backprop(network, rng.normal(size=(2, sizes[0])), rng.uniform(size=(2, sizes[-1])))
    scene = PassScene(network, trace["x"], trace["y"], trace.loss_function, 0.5).changed({"pitfall": "symmetry"})
    start = scene
    for _ in range(20):
        scene = scene.pressed("update")
    for layer in range(1, len(sizes) - 1):
        assert np.ptp(scene.trace[f"a{layer}"], axis=1).max() < 1e-12
    assert scene.trace.loss < start.trace.loss


def test_pitfall__only_possible_ones_are_offered():
    flat = backprop(Network([Dense([[3.0]], [1.0])]), [2.0], [9.0])
    assert [name for name, pitfall in PITFALLS.items() if pitfall.applies(flat)] == ["large_rate"]
    with pytest.raises(ValueError, match="unknown pitfall 'nothing'"):
        scene_of(EXAMPLES["lecture"]).changed({"pitfall": "nothing"})


# Predictions


ABOUT = {
    "dW1[1,2] goes up or down?": "dW1[1,2]",
    "Raise b1[1]. What does net2[ 1 ] do?": "z2[1]",
    "What sign has dW1[1,1] when W2[1,2] is 0?": "dW1[1,1]",
    "Does the loss fall?": "loss",
    "Which W1[1,1] is best?": "W1[1,1]",
    "What do you expect?": "",
    "Is array[1] glossy?": "",
}


@pytest.mark.parametrize("question, name", ABOUT.items())
def test_prediction__value_that_a_question_is_about(question, name):
    assert Prediction.about(question) == name


def test_in_symbols__question():
    question = "Raise W2[1,2], not array[1]: does dW1[1,1] or the loss grow?"
    assert in_symbols(question, "lecture") == "Raise w2₁₂, not array[1]: does ∂L/∂w1₁₁ or the loss grow?"


def test_prediction__is_shown_next_to_the_result():
    up = Prediction("loss", "up", 1.0)
    assert up.beside() == "You predicted: up. loss is 1.000 now. Move something once, and see."
    assert replace(up, end=2.0).beside() == "✓ You predicted: up. loss was 1.000 and became 2.000: it went up."
    assert replace(up, end=0.5).beside().startswith("✗")
    assert "it stayed the same" in replace(up, end=1.0).beside()
    assert Prediction("", "Rain.", None).beside() == "You predicted: Rain."


@pytest.mark.parametrize(
    ("said", "end", "sign"),
    [
        ("It goes down", 0.5, "✓"),
        ("lower", 1.5, "✗"),
        ("the same", 1.0, "✓"),
        ("same", 0.9, "✗"),
        ("0.495", 0.5, "✓"),
        ("0.4", 0.5, "✗"),
        ("I wonder", 0.5, "Y"),
    ],
)
def test_prediction__gets_a_sign(said, end, sign):
    assert Prediction("loss", said, 1.0, end).beside().startswith(sign)


# Single ideas


SINE = Activation("sine", np.sin, np.cos)


@pytest.mark.parametrize("name", ["identity", "sigmoid", "tanh", "relu", "leaky_relu"])
def test_activation_scene__value_and_slope(name):
    scene = ActivationScene(SINE, 0.0, SINE).changed({"activation": name, "z": 0.5})
    layer = Dense([[1.0]], None, name)
    assert scene.quantity("a") == forward(Network([layer]), [0.5]).y_hat.item()
    nudged = [scene.changed({"z": 0.5 + h}).quantity("a") for h in (1e-6, -1e-6)]
    assert scene.quantity("slope") == pytest.approx((nudged[0] - nudged[1]) / 2e-6, rel=1e-6)
    view = seen(scene)
    assert format_number(scene.quantity("slope")) in view.caption
    assert format_number(scene.quantity("a")) in view.picture.words
    ET.fromstring(view.picture.svg)


def test_activation_scene__tangent():
    odd = Activation("<b>", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    scene = ActivationScene(odd, 0.5, odd)
    view = seen(scene)
    assert "<p><b>" not in view.caption  # a name is text, not HTML
    tangent = next(
        path
        for path in ET.fromstring(view.picture.svg).iter("{http://www.w3.org/2000/svg}path")
        if path.get("stroke") == PURPLE
    )
    (x1, y1), (x2, y2) = (map(float, end.split()) for end in re.findall(r"[-\d.]+ [-\d.]+", tangent.get("d")))
    across, up = (charts.LEFT, 620 - charts.RIGHT), (330 - charts.BOTTOM, charts.TOP)
    low, high = -1 - 0.06 * 2, 1 + 0.06 * 2  # tanh and its slope lie between −1 and 1
    z = [-6 + 12 * (x - across[0]) / (across[1] - across[0]) for x in (x1, x2)]
    a = [low + (high - low) * (y - up[0]) / (up[1] - up[0]) for y in (y1, y2)]
    assert (a[1] - a[0]) / (z[1] - z[0]) == pytest.approx(1 - math.tanh(0.5) ** 2, rel=1e-3)
    assert a[0] + (0.5 - z[0]) * (a[1] - a[0]) / (z[1] - z[0]) == pytest.approx(math.tanh(0.5), abs=5e-3)


def test_loss_scene__values_and_slopes():
    scene = LossScene(("mse", "half_sse", "binary_cross_entropy"), 1.0, 0.5).changed({"y_hat": 0.7})
    view = seen(scene)
    rows = {name: (value, slope) for name, value, slope in view.picture.table}
    assert rows["mse"] == ("0.09000", "−0.6000")  # 0.3², −2·0.3
    assert rows["half_sse"] == ("0.04500", "−0.3000")
    assert rows["binary_cross_entropy"] == ("0.3567", "−1.429")  # −ln 0.7, −1/0.7
    for values, message in (
        ({"y": 1.5}, "between 0 and 1"),
        ({"w": 1.0}, "unknown number"),
        ({"y": math.nan}, "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            scene.changed(values)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_loss_surface__is_the_loss_of_each_network(case):
    trace = backprop(case.network, case.x, case.y, case.loss)
    names = [name for name in scene_of(case).values if name[0] in "Wb"]
    first, second = names[0], names[-1] if len(names) > 1 else None
    if second is None:
        return
    firsts, seconds = np.array([-1.0, 0.5, 2.0]), np.array([-0.75, 1.25])
    surface = loss_surface(trace, first, second, firsts, seconds)
    for row, column in np.ndindex(2, 3):
        moved = replaced(case.network, {first: firsts[column], second: seconds[row]})
        expected = backprop(moved, case.x, case.y, case.loss).loss
        assert surface[row, column] == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_loss_surface__invalid_names(lecture):
    for first, second in (("W1[1,1]", "W1[1,1]"), ("W1[1,1]", "z1[1]"), ("W1", "b1[1]")):
        with pytest.raises(ValueError, match=r"two different numbers|unknown weight or bias"):
            loss_surface(lecture.trace, first, second, np.zeros(2), np.zeros(2))


def test_surface_scene__descent_moves_two_numbers():
    scene = scene_of(EXAMPLES["lecture"], SurfaceScene, rate=2.0, first="W1[1,1]", second="W2[2,1]").changed(
        {"b1[1]": 0.1}
    )
    losses = [scene.trace.loss]
    for count in range(1, 6):
        before = scene
        scene = scene.pressed("update")
        losses.append(scene.trace.loss)
        expected = sgd_step(before.trace, 2.0)
        assert scene.values["W1[1,1]"] == expected.layers[0].W[0, 0]
        assert scene.values["W2[2,1]"] == expected.layers[1].W[1, 0]
        assert {n for n in scene.values if scene.values[n] != before.values[n]} == {"W1[1,1]", "W2[2,1]"}
        assert len(scene.path) == count
    assert all(after < before for before, after in pairwise(losses))
    assert len(scene.changed({"learning_rate": 3.0}).path) == 5
    assert scene.changed({"b1[1]": 0.5}).path == ()
    assert scene.changed({"first": "b1[1]"}).path == ()
    assert "After 5 steps down" in seen(scene).picture.words
    with pytest.raises(ValueError, match="unknown weight or bias"):
        scene.changed({"second": "z1[1]"})


def test_frame__field_is_an_image_of_its_values():
    values = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, 2.0]])
    field = charts.Frame((0, 3), (0, 2), "", "").field(values, 0.0, 1.0, "cividis")
    encoded = re.search('base64,([^"]+)', field)[1]
    pixels = imread(io.BytesIO(base64.b64decode(encoded)))[..., :3]
    expected = colormaps["cividis"](np.clip((values[::-1] * 255).astype(int), 0, 255))[..., :3]
    assert np.allclose(pixels, expected, atol=1 / 255)


def test_over_plane__is_the_output_of_each_point():
    network = Network([Dense([[2.0], [-1.0]], [0.5], "sigmoid")])
    across, up = np.linspace(-3, 3, 10), np.linspace(-2, 2, 7)
    field = over_plane(network, across, up)[..., 0]
    for row, column in np.ndindex(field.shape):
        expected = forward(network, [across[column], up[row]]).y_hat.item()
        assert field[row, column] == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="two inputs"):
        over_plane(Network([Dense([[1.0]])]), across, up)


def test_boundary_scene__counts_right_points_and_learns():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 2))
    y = (x[:, :1] + x[:, 1:] > 0).astype(float)
    network = Network.initialize([2, 3, 1], ["tanh", "sigmoid"], rng)
    scene = BoundaryScene(network, x, y, LOSSES["binary_cross_entropy"], 2.0)
    for _ in range(60):
        scene = scene.pressed("update")
    right = int(((forward(scene.network, x).y_hat > 0.5) == (y > 0.5)).sum())
    assert right >= 38
    assert f"{right} of 40 points lie on their side" in seen(scene).picture.words
    assert {n for n in scene.values if n[0] in "xy"} == set()
    assert scene.quantity("dW1[1,2]") == scene.trace["dW1"][0, 1]
    for name in ("x[1]", "z1[1]", "dW1[9,9]"):
        with pytest.raises(ValueError, match="unknown number"):
            scene.quantity(name)


def test_boundary_scene__output_can_be_chosen():
    rng = np.random.default_rng(1)
    network = Network.initialize([2, 3, 3], ["tanh", "softmax"], rng)
    scene = BoundaryScene(
        network, rng.normal(size=(9, 2)), np.eye(3)[[0, 1, 2] * 3], LOSSES["categorical_cross_entropy"], 1.0
    )
    assert scene.values["output"] == "1"
    second = scene.changed({"output": "2"})
    assert seen(second).picture.svg != seen(scene).picture.svg
    with pytest.raises(ValueError, match="output"):
        scene.changed({"output": "4"})


def test_training_scene__every_move_trains_again():
    scene = TrainingScene("moons", 0.02, 8, 300, 0, "tanh")
    for change in ({"learning_rate": 0.1}, {"width": 3.0}, {"seed": 5}, {"data": "rings"}, {"activation": "relu"}):
        moved = scene.changed(change)
        assert moved.values == scene.values | change
        assert moved.loss_value != scene.loss_value
    data = datasets.moons()
    rng = np.random.default_rng(0)
    network = Network.initialize([2, 8, 8, 1], ["tanh", "tanh", "sigmoid"], rng)
    settings = {"optimizer": Adam(0.02), "epochs": 300, "dtype": "float32", "progress": False}
    expected = train(network, data.x, data.y, "binary_cross_entropy", **settings)
    assert scene.loss_value == expected.losses[-1]
    view = scene.show([])
    right = int(((forward(expected.network, data.x).y_hat > 0.5) == (data.y > 0.5)).sum())
    assert f"{right} of 200 right" in view.picture.words
    assert view.beside.words.startswith("The loss over the last 299 epochs")


def live(**settings):
    data = datasets.moons(60)
    network = Network.initialize([2, 6, 1], ["tanh", "sigmoid"], np.random.default_rng(0))
    chosen = {"optimizer": Adam(0.01), "batch_size": 20, "seed": 3, "shape": None, "learning_rate": 0.01} | settings
    return data, LiveScene(network, data.x, data.y, LOSSES["binary_cross_entropy"], **chosen)


def test_live_scene__equals_train_with_a_changing_rate():
    data, scene = live()
    for rate in (0.01, 0.01, 0.05):
        scene = scene.changed({"learning_rate": rate}).pressed("epoch")
    schedule = Adam(lambda epoch: 0.01 if epoch < 3 else 0.05)
    rng = np.random.default_rng(3)
    settings = {"optimizer": schedule, "epochs": 3, "batch_size": 20, "rng": rng, "progress": False}
    expected = train(scene.network, data.x, data.y, scene.loss, **settings)
    assert list(scene.losses) == expected.losses.tolist()
    trained = scene.training.parameters.network()
    assert trained.layers[0].W.tobytes() == expected.network.layers[0].W.tobytes()
    view = scene.show([])
    right = int(((forward(trained, data.x).y_hat > 0.5) == (data.y > 0.5)).sum())
    assert f"after 3 epochs, loss {format_number(scene.loss_value)}, {right} of 60 right" in view.caption
    assert view.beside.words.startswith(f"The loss over the last 3 epochs: from {format_number(scene.start)}")
    assert scene.trained == trained


def test_live_scene__burst_and_divergence():
    _, scene = live(optimizer=SGD(0.1), learning_rate=0.1)
    start = backprop(scene.network, scene.x, scene.y, scene.loss).loss
    assert f"not trained yet, loss {format_number(start)}" in scene.show([]).caption
    assert scene.show([]).beside.words == f"The loss is {format_number(start)}."
    burst = scene.changed({"speed": "fast"}).pressed("train")
    assert len(burst.losses) > 20
    assert scene.losses == ()
    network = Network([Dense([[3.0], [1.0]])])
    x, y = np.array([[1.0, 2.0]]), np.array([[9.0]])
    wild = LiveScene(network, x, y, LOSSES["mse"], SGD(1e3), None, 0, None, 1e3)
    with pytest.raises(ValueError, match=r"Press Reset. Try a smaller learning rate"):
        wild.changed({"speed": "fast"}).pressed("train")
    with pytest.raises(ValueError, match="unknown button"):
        wild.pressed("jump")
    with pytest.raises(ValueError, match="unknown number or choice"):
        wild.changed({"W1[1,1]": 0.0})


def test_live_scene__long_training_keeps_a_thinned_curve():
    _, scene = live(batch_size=None)
    scene = scene.changed({"speed": "fast"})
    for _ in range(7):
        scene = scene.pressed("train")
    assert scene.epochs > 8 * MOST_POINTS
    assert scene.every > 1
    assert MOST_POINTS / 2 < len(scene.losses) <= 2 * MOST_POINTS
    training, again = scene.begin(), []
    for _ in range(scene.epochs):
        again.append(training.epoch())
    assert list(scene.losses) == again[:: scene.every]
    assert scene.loss_value == again[-1]
    ends = f"from {format_number(again[0])} to {format_number(again[-1])}"
    assert scene.show([]).beside.words == f"The loss over the last {scene.epochs} epochs: {ends}."


def test_live_scene__weights_are_images_with_a_fixed_scale():
    digits = datasets.digits()
    network = Network.initialize([64, 12, 10], ["relu", "softmax"], np.random.default_rng(0))
    loss, labels = LOSSES["categorical_cross_entropy"], tuple("abcdefghijkl")
    first = LiveScene(network, digits.x[:99], digits.y[:99], loss, Adam(0.01), 33, 0, (8, 8), 0.01, labels)
    scene = first.pressed("epoch")
    view, most = scene.show([]), first._most
    assert most in (1.0, 2.0)
    W = scene.training.parameters.network().layers[0].W
    for unit, label in enumerate(labels):
        assert f">{label}</text>" in view.picture.svg
        pixels = picture(view.picture.svg, unit)
        assert pixels.shape[:2] == (8, 8)
        shades = ((W[:, unit] + most) * 255 / (2 * most)).clip(0, 255).astype(int).reshape(8, 8)
        assert np.allclose(pixels[..., :3], colormaps["PuOr_r"](shades)[..., :3], atol=2 / 255)
    assert "12 units of layer 1" in view.picture.words
    assert f"≥ {format_given(most)}" in view.picture.svg


def picture(svg, number):
    """Return an image in an SVG as an array."""
    return imread(io.BytesIO(base64.b64decode(re.findall('base64,([^"]+)', svg)[number])))


def test_live_scene__looks_back():
    _, scene = live()
    traces = [scene.trained]
    for _ in range(5):
        scene = scene.pressed("epoch")
        traces.append(scene.trained)
    for epoch, network in enumerate(traces):
        back = scene.changed({"epoch": float(epoch)})
        loss = [scene.start, *scene.losses][epoch]
        assert back.values["epoch"] == epoch
        told = f"after {epoch} epoch" if epoch else "not trained yet"
        assert told in back.show([]).caption
        assert f"loss {format_number(loss)}" in back.show([]).caption
        if epoch < 5:
            assert np.array_equal(back.back.network.layers[0].W, network.layers[0].W)
        assert np.array_equal(back.trained.layers[0].W, traces[-1].layers[0].W)
    assert scene.changed({"epoch": 2.5}).values["epoch"] == 2
    with pytest.raises(ValueError, match="epoch must lie between 0 and 5; got 9"):
        scene.changed({"epoch": 9})
    assert scene.changed({"epoch": 1.0}).pressed("epoch").values["epoch"] == 6  # learning goes on from the last epoch


def test_live_scene__keeps_a_bounded_past(monkeypatch):
    monkeypatch.setattr(live_module, "MOST_PICTURES", 8)
    _, scene = live()
    for _ in range(100):
        scene = scene.pressed("epoch")
        assert len(scene.past) <= 8
    assert scene.past[0].epoch == 0
    assert scene.past[-1].epoch > 50


@pytest.mark.parametrize("labels", ["L7=", ["L", "7", "="], ("L", 7, "=")])
def test_labels__a_text_has_one_for_each_character(labels):
    assert labels_of(labels, 3, "output") == ("L", "7", "=")


def test_image_scene__draws_shifts_and_shows_the_outputs():
    rng = np.random.default_rng(0)
    network = Network.initialize([6, 3], ["softmax"], rng)
    scene = ImageScene(network, rng.random((3, 2)), ("<a>", "b", "c")).validated()
    first = scene.pointed(0.99, 0.01)
    ink = 0.0 if scene.image[2, 1] > 0.5 else 1.0
    assert first.image[2, 1] == ink
    assert first.pointed(0.0, 1.0, again=True).image[0, 0] == ink  # one stroke has one color
    assert first.pointed(1.0, 0.0).image[2, 1] == 1 - ink  # a second click takes it back
    shifted = scene.pressed("down")
    assert np.array_equal(shifted.image, [[0, 0], *scene.image[:2]])
    assert np.array_equal(scene.pressed("right").image, np.column_stack([[0, 0, 0], scene.image[:, 0]]))
    assert np.array_equal(scene.pressed("up").pressed("down").image[1:], scene.image[1:])
    expected = forward(network, shifted.image.reshape(1, 6)).y_hat[0]
    view = shifted.show([])
    for output in expected.tolist():
        assert f">{format_number(output)}</text>" in view.picture.svg
    assert "<a>" not in view.picture.svg + view.caption
    assert shifted.quantity("y_hat[2]") == expected[1]
    assert shifted.quantity("x[2]") == 0
    with pytest.raises(ValueError, match="unknown"):
        shifted.quantity("y_hat[4]")
    with pytest.raises(ValueError, match="unknown button"):
        scene.pressed("jump")


# Points of charts that are clicked


def surface(learning_rate=2.0):
    chosen = {"rate": learning_rate, "first": "W1[1,1]", "second": "W2[2,1]"}
    return scene_of(EXAMPLES["lecture"], SurfaceScene, **chosen).changed({"b1[1]": 0.1})


def test_activation_scene__point_is_dragged():
    scene = ActivationScene(ACTIVATIONS["tanh"], 0.0, ACTIVATIONS["tanh"])
    assert scene.pointed(0.75, 0.5).z == pytest.approx(3.0)
    assert "data-touch" in scene.show([]).picture.svg


@pytest.mark.parametrize("shown, quantity", [("all", "f"), ("slopes", "df")])
def test_activation_scene__compares_all(shown, quantity):
    own = Activation("own", np.sin, np.cos)
    scene = ActivationScene(own, 0.5, own).changed({"shown": shown, "z": 0.75})
    view = scene.show([])
    assert view.picture.svg.count('fill="none" stroke="') >= 6
    for name in ("identity", "sigmoid", "tanh", "relu", "leaky_relu"):
        each = ACTIVATIONS[name]
        a, slope = format_number(float(each.f(0.75))), format_number(float(each.df(0.75)))
        assert (name.replace("_", " "), a, slope) in view.picture.table
        assert f"<td>{a}</td><td>{slope}</td>" in view.caption
    frame = charts.Frame((-6, 6), (-0.2, 1.2) if shown == "slopes" else (-1.5, 2.5), "", "", 620, 330)
    x, y = frame.at(0.75, float(getattr(ACTIVATIONS["tanh"], quantity)(0.75)))
    assert f'cx="{x:.1f}" cy="{y:.1f}"' in view.picture.svg


def test_loss_scene__over_z():
    scene = LossScene(("mse", "binary_cross_entropy"), 1.0, 0.7).changed({"over": "z"})
    caption = scene.show([]).caption
    assert f"<b>{format_number(0.7 - 1, signed=True)}</b>" in caption  # ∂L/∂z of a cross-entropy is ŷ − y
    assert f"<b>{format_number(2 * (0.7 - 1) * 0.7 * 0.3, signed=True)}</b>" in caption
    assert "∂L/∂z" in caption
    assert scene.pointed(0.5, 0.0).y_hat == 0.5
    assert scene.changed({"over": "y_hat"}).pointed(0.25, 0.0).y_hat == 0.25
    for y_hat in (0.0, 1.0):
        assert "inf" not in scene.changed({"y_hat": y_hat}).show([]).picture.svg


def test_surface_scene__click_starts_a_new_path():
    scene = surface()
    left, up = scene.ends
    moved = scene.pressed("update").pointed(0.25, 1.0)
    assert moved.here == (round(left[0] + 0.25 * (left[1] - left[0]), 2), round(up[1], 2))
    assert moved.path == ()


def test_surface_scene__axes_hold_the_whole_path():
    scene = surface(learning_rate=300.0)
    for _ in range(6):
        scene = scene.pressed("update")
        for axis, (low, high) in enumerate(scene.ends):
            assert all(low <= point[axis] <= high for point in (*scene.path, scene.here))


def test_surface_scene__arrows_point_downhill():
    scene = surface()
    across, up, heights = scene.surface
    frame = charts.Frame(*scene.ends, "", "", width=480, height=400)
    arrows = [*planes._downhill(frame, across, up, heights, np.log(heights))]
    assert len(arrows) > 50
    for arrow in arrows:
        x1, y1, x2, y2 = map(float, re.search(r"M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)", arrow).groups())

        def loss(x, y):
            numbers = frame.value((x - 62) / (480 - 74), (400 - 40 - y) / (400 - 52))
            network = replaced(scene.network, dict(zip((scene.first, scene.second), numbers, strict=True)))
            return backprop(network, scene.x, scene.y, scene.loss).loss

        assert loss(x2, y2) < loss(x1, y1)


def test_boundary_scene__probe():
    network = Network([Dense([[1.0], [2.0]], [0.1], "sigmoid")])
    x, y = np.array([[-1.0, 0.0], [1.0, 0.5]]), np.array([[0.0], [1.0]])
    scene = BoundaryScene(network, x, y, LOSSES["binary_cross_entropy"], 0.5).validated().pointed(0.5, 0.5)
    assert scene.probe == (0.0, 0.25)
    expected = format_number(float(forward(network, [(0.0, 0.25)]).y_hat[0, 0]))
    assert f"(0, 0.25), is <b>{expected}</b>" in seen(scene).caption
    moved = scene.changed({"probe_1": 1.0, "W1[1,1]": 2.0})
    assert moved.probe == (1.0, 0.25)
    assert moved.looking_as(scene).probe == scene.probe


# Charts


def test_frame__curve_is_interrupted_where_not_finite():
    frame = charts.Frame((0, 3), (0, 1), "x", "y")
    assert frame.curve([0, 1, 2, 3], [0.5, math.inf, 0.5, 0.5], BLUE).count("M") == 2
    assert frame.dot(1.0, math.nan) == ""


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-6.0, 6.0), (0.0, 3e-5), (-0.2, 1234.5), (0.0, 499.0)])
def test_ticks__are_round_and_few(low, high):
    found = charts.ticks(low, high, 6)
    assert 2 <= len(found) <= 7
    assert low <= found[0]
    assert found[-1] <= high
    assert len({round(b - a, 12) for a, b in pairwise(found)}) == 1


def test_pass_scene__inputs_are_folded_unless_chosen():
    def folded(scene):
        return [group.title for group in scene.groups if not group.open]

    lecture = EXAMPLES["lecture"]
    scene = PassScene(lecture.network, lecture.x, lecture.y, LOSSES["mse"], 0.5)
    assert folded(scene) == ["layer 1", "layer 2", "inputs", "targets"]  # each number is in the picture too


def test_pass_scene__shows_values_gradients_or_both(lecture):
    trace = lecture.trace
    gradient = format_number(trace["dW1"][0, 1], signed=True)
    weight = format_number(trace["W1"][0, 1])
    for view, expected in {"both": (True, True), "forward": (True, False), "backward": (False, True)}.items():
        svg = seen(lecture.changed({"view": view})).picture.svg
        assert (f">{weight}<" in svg, f">{gradient}<" in svg) == expected
    with pytest.raises(ValueError, match="unknown view 'sideways'"):
        lecture.changed({"view": "sideways"})


def test_pass_scene__a_step_shows_what_it_is_about(lecture):
    count = len(lecture.walk)
    forward, back = lecture, lecture.pressed("back")
    for _ in range(3):
        forward = forward.pressed("forward")
    assert "positive weight" in seen(forward).picture.svg
    assert back.step == count
    assert "positive weight" not in seen(back).picture.svg


def test_pass_scene__explained_gradient_shows_its_paths(lecture):
    picture = seen(lecture.changed({"explain": "dW1[1,1]"})).picture
    assert "Parts of dW1[1,1]" in picture.words
    assert "Parts" not in seen(lecture.changed({"explain": "z1[1]"})).picture.words
    assert "Parts" not in seen(lecture.changed({"explain": WHOLE})).picture.words


def test_pass_scene__explained_gradient_has_its_paths_in_the_caption(lecture):
    caption = lecture.changed({"explain": "dW1[1,2]"}).show([0.1]).caption
    trace = lecture.trace
    a = trace["a1"][0, 1]
    parts = trace["dz2"][0] * trace["W2"][1] * a * (1 - a) * trace["x"][0, 0]
    first, second, total = (format_number(float(each), signed=True) for each in (*parts, trace["dW1"][0, 1]))
    assert f"Parts of ∂L/∂w1₁₂: {first} over w2₂₁ and {second} over w2₂₂. Their sum is {total}." in caption
    assert "Click a gradient" not in caption
    assert "Click a gradient" in lecture.changed({"explain": "dW2[1,2]"}).show([0.1]).caption


def test_pass_scene__explaining_ends_the_steps(lecture):
    assert lecture.pressed("forward").changed({"explain": "dW1[1,2]"}).step == 0
    assert lecture.pressed("forward").changed({"explain": ""}).step == 1


def test_pass_scene__solution_begins_with_the_result(lecture):
    solution = seen(lecture.changed({"explain": "dW1[1,1]"})).solution
    places = [solution.index(each) for each in ("THE CHAIN IN NUMBERS", "<details><summary>GIVEN", "CHECK")]
    assert places == sorted(places)


@pytest.mark.parametrize(("speed", "epochs"), [("1", 1), ("10", 10), ("100", 100)])
def test_live_scene__speed_is_the_number_of_epochs_between_two_pictures(speed, epochs):
    _, scene = live()
    assert scene.changed({"speed": speed}).pressed("train").epochs == epochs
    with pytest.raises(ValueError, match="unknown speed '7'"):
        scene.changed({"speed": "7"})


def test_pass_scene__gradients_of_an_example_or_of_the_batch():
    lecture = EXAMPLES["lecture"]
    x, y = np.array([[0.8, 0.45], [0.1, -0.5], [0.3, 0.9]]), np.array([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]])
    scene = PassScene(lecture.network, x, y, LOSSES["mse"], 0.5, view="backward").changed({"example": "2"})
    own, mean = backprop(lecture.network, x[1:2], y[1:2], "mse"), backprop(lecture.network, x, y, "mse")
    for of, trace, row, words in (
        ("own", own, 0, "this example's loss"),
        ("mean", mean, 1, "mean over all 3 examples"),
    ):
        view = seen(scene.changed({"of": of}))
        assert f">{format_number(trace['dW1'][0, 1], signed=True)}<" in view.picture.svg
        assert f">δ {format_number(trace['dz1'][row, 0], signed=True)}<" in view.picture.svg
        assert words in view.caption
    seen(scene.changed({"explain": "dW1[1,2]"}))
    seen(scene.changed({"explain": "z1[1]"}))
    with pytest.raises(ValueError, match="unknown kind of gradients 'all'"):
        scene.changed({"of": "all"})


NONE_RIGHT = {  # in both examples, output 1 is low as it should be, but the classes are confused
    "network": Network([Dense([[0.0, 3.0, -3.0], [0.0, 0.0, 0.0]], [-9.0, 0.0, 0.0], "softmax")]),
    "x": [[1.0, 0.0], [-1.0, 0.0]],
    "y": [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
    "loss": "categorical_cross_entropy",
}


@pytest.mark.parametrize("explorer", [explore_boundary, explore_live])
def test_plane__says_of_which_output_the_points_are_right(explorer):
    """Right for one output is not right."""
    assert "2 of 2 right for output 1" in explorer(**NONE_RIGHT).view["said"]


@pytest.mark.parametrize("explorer", [explore_boundary, explore_surface])
@pytest.mark.parametrize("name", ["x[1]", "y[1]"])
def test_plane__points_cannot_be_moved(explorer, name):
    given = EXAMPLES["lecture"]
    with pytest.raises(ValueError, match=f"unknown number or choice '{re.escape(name)}'"):
        explorer(given.network, given.x, given.y).set({name: 0.5})


def test_image_scene__pixels_are_from_0_to_1():
    explorer = explore_image(Network([Dense([[1.0], [10.0]])]), [[0.0, 1.0]])
    with pytest.raises(ValueError, match="must be a number from 0"):
        explorer.set({"x[1]": -50.0})


@pytest.mark.parametrize(
    ("explorer", "name", "value"),
    [
        (explore(Network([Dense([[1.0]], None, "sigmoid")]), [0.2], [-0.5]), "y[1]", -0.5),
        (explore_activation("sigmoid"), "z", 50.0),
        (explore_training("xor", epochs=1, width=2), "learning_rate", 50.0),
        (explore(Network([Dense([[1.0]])]), [0.2], [0.5]), "W1[1,1]", -3000.0),
    ],
)
def test_reach__holds_every_value(explorer, name, value):
    explorer.set({name: value})
    low, high = explorer.view["ends"][name]
    assert low <= value <= high
    control = explorer._controls[name]
    assert control.least <= value <= control.most  # so that the number in the field can be typed again
