"""Plots contain the numbers of the engine, by the data of their axes, and describe themselves."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bpcourse import (
    ACTIVATIONS,
    EXAMPLES,
    LOSSES,
    SGD,
    Adam,
    Dense,
    Network,
    backprop,
    datasets,
    format_number,
    forward,
    train,
)
from bpcourse.engine.entries import replaced
from bpcourse.pictures import plotting
from bpcourse.pictures.plotting import describe

LECTURE = EXAMPLES["lecture"]
TRACE = LECTURE.backprop()


@pytest.fixture(scope="module")
def learned():
    """A network that reads digits, and the images that it has not seen."""
    rng = np.random.default_rng(0)
    known, held_out = datasets.digits().split(rng)
    network = Network.initialize([64, 16, 10], ["relu", "softmax"], rng)
    settings = {"optimizer": Adam(0.01), "epochs": 10, "batch_size": 32, "validation": (held_out.x, held_out.y)}
    history = train(network, known.x, known.y, "categorical_cross_entropy", **settings, progress=False)
    return history, held_out


def lines(ax):
    return {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in ax.lines}


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "identity"])
def test_plot_activation__curve_and_slope(name):
    activation = ACTIVATIONS[name]
    found = lines(plotting.plot_activation(name))
    z, a = found[activation.name]
    assert np.array_equal(a, activation.f(z))
    assert np.array_equal(found["its slope"][1], activation.df(z))
    with pytest.raises(ValueError, match="softmax has no slope"):
        plotting.plot_activation("softmax")


def test_plot_loss__curves():
    ax = plotting.plot_loss(["mse", "half_sse", "binary_cross_entropy"], y=0.25)
    for name in ("mse", "half_sse", "binary_cross_entropy"):
        x, values = lines(ax)[name.replace("_", " ")]
        assert values[7] == pytest.approx(LOSSES[name].value([0.25], [x[7]]), rel=1e-15)
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == len({style for _, style in styles}) == 3  # not only the color differs
    with pytest.raises(ValueError, match="one to 4 losses"):
        plotting.plot_loss([])
    with pytest.raises(ValueError, match="between 0 and 1"):
        plotting.plot_loss(["binary_cross_entropy"], y=2.0)


def test_plot_surface__losses_and_path():
    history = train(LECTURE.network, LECTURE.x, LECTURE.y, epochs=4, snapshots=range(1, 5), progress=False)
    path = list(history.snapshots.values())
    ax = plotting.plot_surface(TRACE, "W1[1,1]", "b2[2]", path=path)
    left, right, bottom, top = ax.images[0].get_extent()
    assert (left, right) == (0.5 - 3, 0.5 + 3)
    assert (bottom, top) == (-1.2 - 3, -1.2 + 3)
    corner = replaced(LECTURE.network, {"W1[1,1]": left, "b2[2]": bottom})
    assert ax.images[0].get_array()[0, 0] == pytest.approx(backprop(corner, LECTURE.x, LECTURE.y).loss, rel=1e-12)
    x, y = lines(ax)["path of descent"]
    assert x.tolist() == [network.layers[0].W[0, 0] for network in path]
    assert y.tolist() == [network.layers[1].b[1] for network in path]
    assert "here, 1 point" in describe(ax)


def test_plot_boundary__field_and_points():
    data = datasets.moons(40)
    network = Network([Dense([[1.0], [-2.0]], [0.5], "sigmoid")])
    ax = plotting.plot_boundary(network, data.x, data.y)
    left, right, bottom, top = ax.images[0].get_extent()
    field = ax.images[0].get_array()
    assert field[0, 0] == pytest.approx(forward(network, [left, bottom]).y_hat.item(), rel=1e-12)
    assert field[-1, -1] == pytest.approx(forward(network, [right, top]).y_hat.item(), rel=1e-12)
    points = lines(ax)
    assert len(points["target 1"][0]) == len(points["target 0"][0]) == 20
    assert {line.get_marker() for line in ax.lines} >= {"o", "s"}


def test_plot_boundary__regression_splits_at_the_middle_target():
    network = Network([Dense([[1.0], [0.0]])])
    x = np.array([[-1.0, 0.0], [0.5, 1.0], [2.0, 0.5]])
    ax = plotting.plot_boundary(network, x, np.array([[-1.0], [0.5], [2.0]]))
    assert ax.images[0].get_clim() == (-1.0, 2.0)
    points = lines(ax)
    assert points["target −1"][0].tolist() == [-1.0, 0.5]  # 0.5 is the middle, which belongs to the lower side
    assert points["target 2"][0].tolist() == [2.0]


def test_plot_history__losses_by_epoch(learned):
    history, _ = learned
    found = lines(plotting.plot_history(history))
    assert np.array_equal(found["loss"][1], history.losses)
    assert np.array_equal(found["validation loss"][1], history.columns["validation loss"])
    assert found["loss"][0].tolist() == list(range(1, 11))
    with pytest.raises(TypeError, match="needed a History"):
        plotting.plot_history([1, 2])


@pytest.mark.parametrize("gradients", [False, True])
def test_plot_histograms__counts(gradients):
    ax = plotting.plot_histograms(TRACE, gradients=gradients)
    arrays = [TRACE[f"{'d' * gradients}W{k}"] for k in (1, 2)]
    room = 0.1 * (max(map(np.max, arrays)) - min(map(np.min, arrays)))
    ends = min(map(np.min, arrays)) - room, max(map(np.max, arrays)) + room
    assert len(ax.patches) == 2
    for layer, (polygon, array) in enumerate(zip(ax.patches, arrays, strict=True), start=1):
        counts, _ = np.histogram(array, 40, ends)
        assert polygon.get_label() == f"layer {layer}"
        assert polygon.get_xy()[1:-1:2, 1].tolist() == counts.tolist()
    assert "layer 1; layer 2" in describe(ax)


def test_plot_first_layer__images(learned):
    history, _ = learned
    ax = plotting.plot_first_layer(history.network, (8, 8))
    sheet = ax.images[0].get_array()
    W = history.network.layers[0].W
    assert np.array_equal(np.asarray(sheet[:8, 9:17]), W[:, 1].reshape(8, 8))
    low, high = ax.images[0].get_clim()
    assert -low == high == abs(W).max()  # 0 is the middle color
    with pytest.raises(ValueError, match="needs 12 values"):
        plotting.plot_first_layer(history.network, (3, 4))


def test_plot_images__wrong_predictions_are_framed(learned):
    history, held_out = learned
    x, y = held_out.x[:200], held_out.y[:200]
    taken = forward(history.network, x).y_hat.argmax(axis=1)
    wrong = np.flatnonzero(taken != y.argmax(axis=1))
    assert len(wrong) > 0
    ax = plotting.plot_images(x, y, (8, 8), network=history.network, columns=20)
    assert np.array_equal(np.asarray(ax.images[0].get_array()[13:21, :8]), x[20].reshape(8, 8))
    texts = [text.get_text() for text in ax.texts]
    assert [k for k, text in enumerate(texts) if "not" in text] == wrong.tolist()
    assert texts[wrong[0]] == f"{y[wrong[0]].argmax()} not {taken[wrong[0]]}!"
    assert len(ax.lines) == len(wrong)  # a frame each
    assert f"{len(wrong)} of them taken for another class" in describe(ax)
    assert [text.get_text() for text in plotting.plot_images(x[:3], y[:3], (8, 8)).texts] == [
        str(each.argmax()) for each in y[:3]
    ]


def test_plot_confusion__counts(learned):
    history, held_out = learned
    ax = plotting.plot_confusion(history.network, held_out.x, held_out.y)
    counts = np.asarray(ax.images[0].get_array())
    taken = forward(history.network, held_out.x).y_hat.argmax(axis=1)
    for true, seen in ((3, 3), (8, 1), (9, 4)):
        assert counts[true, seen] == ((held_out.y.argmax(axis=1) == true) & (taken == seen)).sum()
    assert f"{np.trace(counts)} of 359 are right" in describe(ax)
    with pytest.raises(ValueError, match="one-hot"):
        plotting.plot_confusion(LECTURE.network, LECTURE.x, LECTURE.y[:, :1])


def test_plot__uses_given_axes():
    left, right = Figure().subplots(1, 2)
    assert plotting.plot_activation("tanh", ax=left) is left
    assert plotting.plot_loss(ax=right) is right
    assert plotting.plot_activation("tanh") is not left


def image(ax):
    """Return the tag of a shown plot, and its pixels."""
    (tag,) = re.findall("<img [^>]*>", plotting.shown(ax)._repr_mimebundle_()["text/html"])
    return tag, imread(io.BytesIO(base64.b64decode(re.search('src="data:image/png;base64,([^"]*)"', tag)[1])))


def test_shown__notebook_gets_an_image_with_its_description(capsys):
    ax = plotting.plot_activation("relu")
    tag, pixels = image(ax)
    assert f'alt="{describe(ax)}"' in tag
    assert f'width="{pixels.shape[1]}"' in tag
    assert plotting.shown(ax)._repr_mimebundle_()["text/plain"] == describe(ax) == repr(plotting.shown(ax))
    assert capsys.readouterr().out == ""
    assert (
        describe(ax)
        == "relu and its slope. a over z: relu from 0 at −6 to 6.000 at 6; its slope from 0 at −6 to 1.000 at 6."
    )


def test_shown__title_is_text_and_not_html():
    ax = plotting.plot_activation("relu")
    ax.set_title('"><b>')
    assert 'alt="&#34;&gt;&lt;b&gt;.' in image(ax)[0]


def test_shown__plot_in_a_subfigure():
    """Matplotlib 3.9 has no `Axes.get_figure(root=True)`, and a subfigure cannot be saved."""
    left, _ = Figure(figsize=(4, 2)).subfigures(1, 2)
    tag, pixels = image(plotting.plot_activation("relu", ax=left.subplots()))
    assert pixels.shape[:2] == (200, 400)  # the whole figure
    assert 'width="400"' in tag


def test_describe__history():
    history = train(LECTURE.network, LECTURE.x, LECTURE.y, optimizer=SGD(1.0), epochs=50, progress=False)
    assert f"loss from {format_number(TRACE.loss)} at 1" in describe(plotting.plot_history(history))


def test_describe__wrong_predictions():
    digits = datasets.digits()
    network = Network([Dense(np.zeros((64, 10)), [0, 0, 1] + [0] * 7, "softmax")])  # it always predicts 2
    rows = [k for k in range(20) if digits.y[k].argmax() in (2, 3)]
    said = describe(plotting.plot_confusion(network, digits.x[rows], digits.y[rows]))
    threes = sum(digits.y[k].argmax() == 3 for k in rows)
    twos = len(rows) - threes
    assert said.startswith(f"{twos} of {len(rows)} are right. across: predicted class; up and down: true class: ")
    assert said.endswith(f"colors from 0 to {threes}; class 2: {twos} right; class 3: {threes} taken for 2.")
    first = [digits.y[k].argmax() for k in rows].index(3) + 1
    assert f"image {first} is 3, taken for 2" in describe(
        plotting.plot_images(digits.x[rows], digits.y[rows], (8, 8), network=network)
    )
