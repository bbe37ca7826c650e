"""The numbers that plots and explorers draw."""

import re

import numpy as np
import pytest

from bpcourse import ACTIVATIONS, LOSSES, Dense, Network, datasets, explore_activation, explore_boundary, plotting
from bpcourse.engine.surfaces import over_plane
from bpcourse.pictures.series import (
    MOST_POINTS,
    activation_curves,
    boundary,
    crossings,
    history_curve,
    loss_curve,
    span,
    tiled,
)

PLANE = Network([Dense([[2.0], [-1.0]], [0.5], "sigmoid")])  # the boundary is 2·x₁ − x₂ + 0.5 = 0


def test_activation_curves__are_the_activation_and_its_slope():
    z, a, slope = activation_curves(ACTIVATIONS["tanh"])
    assert (z[0], z[-1]) == (-6, 6)
    assert np.array_equal(a, np.tanh(z))
    assert slope == pytest.approx(1 - np.tanh(z) ** 2)


def test_activation_curves__plot_and_explorer_draw_the_same():
    z, a, _ = activation_curves(ACTIVATIONS["sigmoid"])
    ax = plotting.plot_activation("sigmoid")
    assert np.array_equal(ax.lines[0].get_xdata(), z)
    assert np.array_equal(ax.lines[0].get_ydata(), a)
    explorer = explore_activation("sigmoid")
    drawn = re.search('<path d="(M[^"]+)" fill="none"', explorer.view["picture"])[1]
    assert len(re.findall("[ML]", drawn)) == len(z)
    explorer.close()


@pytest.mark.parametrize("name", ["mse", "half_sse", "binary_cross_entropy"])
def test_loss_curve__is_the_loss_of_each_prediction(name):
    y_hat, losses = loss_curve(LOSSES[name], 0.25)
    expected = [LOSSES[name].value([0.25], [each]) for each in y_hat]
    assert losses == pytest.approx(expected, rel=1e-14)
    assert not losses.flags.writeable


def test_loss_curve__refuses_what_the_loss_refuses():
    with pytest.raises(ValueError, match="between 0 and 1"):
        loss_curve(LOSSES["binary_cross_entropy"], 1.5)
    with pytest.raises(ValueError, match="at least 2 classes"):
        loss_curve(LOSSES["categorical_cross_entropy"], 1.0)


@pytest.mark.parametrize("count", [1, 2, MOST_POINTS, MOST_POINTS + 1, 10 * MOST_POINTS + 7])
def test_history_curve__is_thinned_out(count):
    losses = [1 / (1 + k) for k in range(count)]
    places, kept = history_curve(losses)
    assert min(count, MOST_POINTS) <= len(kept) < 2 * MOST_POINTS
    assert kept == [losses[place] for place in places]
    assert places[0] == 0


def test_crossings__lie_on_the_boundary():
    across, up = np.linspace(-3, 3, 40), np.linspace(-2, 2, 30)
    points = crossings(over_plane(PLANE, across, up)[..., 0], across, up, 0.5)
    assert len(points) > 20
    assert max(abs(2 * x1 - x2 + 0.5) for x1, x2 in points) < 0.02


def test_boundary__counts_the_points_on_their_side():
    data = datasets.moons(40)
    found = boundary(PLANE, data.x, data.y, output=1, points=20)
    above = 2 * data.x[:, 0] - data.x[:, 1] + 0.5 > 0
    assert found.right == int((above == (data.y[:, 0] == 1)).sum())
    assert np.array_equal(found.high, data.y[:, 0] == 1)
    assert (found.ends, found.middle) == ((0.0, 1.0), 0.5)
    assert found.field.shape == (20, 20)
    assert found.line == crossings(found.field, found.across, found.up, 0.5)


def test_boundary__plot_and_explorer_agree():
    data = datasets.moons(40)
    right = boundary(PLANE, data.x, data.y, output=1, points=20).right
    explorer = explore_boundary(PLANE, data.x, data.y)
    assert f"{right} of 40 points" in explorer.view["picture"]
    explorer.close()
    found = boundary(PLANE, data.x, data.y, output=1, points=120)
    assert np.array_equal(np.asarray(plotting.plot_boundary(PLANE, data.x, data.y).images[0].get_array()), found.field)


def test_boundary__regression_has_its_middle_between_the_targets():
    network = Network([Dense([[1.0], [0.0]])])
    found = boundary(network, np.array([[0.0, 1.0], [4.0, 2.0]]), np.array([[1.0], [5.0]]), output=1, points=5)
    assert (found.ends, found.middle, found.high.tolist(), found.right) == ((1.0, 5.0), 3.0, [False, True], 2)


def test_tiled__image_of_another_size():
    with pytest.raises(ValueError, match="needs 12 values"):
        tiled(np.zeros((2, 10)), (3, 4), 2)


def test_tiled__last_row_may_be_incomplete():
    images = np.arange(20.0).reshape(5, 4)
    sheet = tiled(images, (2, 2), columns=3)
    assert sheet.shape == (5, 8)
    assert sheet[3:5, 3:5].ravel().tolist() == images[4].tolist()
    assert np.isnan(sheet[3:5, 6:]).all()
    assert np.isnan(sheet[2]).all()


def test_span__one_value_has_room():
    assert span([2.0, 2.0]) == (1.0, 3.0)
