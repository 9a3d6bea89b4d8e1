import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES
from imgclf.report.page.hill import GRID, hill, path_losses, share_inside, sides


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def made(rng, loss="softmax", l2=0.01, l1=0.0, steps=12):
    """A problem, and the path of some steps of descent from weights that are not 0."""
    X, y = rng.normal(size=(40, 6)), rng.integers(0, 3, 40)
    objective, batch, path = Objective(LOSSES[loss], l2, l1), Batch.of(X, y), [rng.normal(0, 0.1, (7, 3))]
    for _ in range(steps):
        path.append(path[-1] - 0.2 * analytic_gradient(objective, batch, path[-1]).grad)
    return objective, batch, np.array(path)


def hill_of(objective, batch, path):
    return hill(objective, *batch, path)


@pytest.mark.parametrize("l1", [0.0, 0.03])
@pytest.mark.parametrize("loss", LOSSES)
def test_any_point_is_the_loss_at_its_weights(rng, loss, l1):
    objective, batch, path = made(rng, loss, l1=l1)
    one = hill_of(objective, batch, path)
    a, b = rng.normal(size=(2, 25))
    expected = [evaluate_loss(objective, batch, one.weights(*point))[0] for point in zip(a, b, strict=True)]
    np.testing.assert_allclose(one.loss(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(np.diag(one.grid(a, b)), expected, rtol=1e-12)


def test_start_and_end_are_in_the_plane_and_have_their_losses(rng):
    objective, batch, path = made(rng)
    one = hill_of(objective, batch, path)
    a, b = one.at(path[[0, -1]])
    np.testing.assert_allclose([a[0], b[0], a[1], b[1]], [0, 0, np.linalg.norm(path[-1] - path[0]), 0], atol=1e-12)
    for k, weights in ((0, path[0]), (1, path[-1])):
        np.testing.assert_allclose(one.weights(a[k], b[k]), weights, atol=1e-12)


def test_the_axes_have_length_1_and_are_at_right_angles(rng):
    _, first, second = (axis.ravel() for axis in hill_of(*made(rng)).axes)
    np.testing.assert_allclose([first @ first, second @ second, first @ second], [1, 1, 0], atol=1e-12)


def test_no_other_second_axis_holds_more_of_the_path(rng):
    objective, batch, path = made(rng)
    one = hill_of(objective, batch, path)
    away = (path - path[0]).reshape(len(path), -1)
    held = np.square(away @ one.axes[2].ravel()).sum()
    for _ in range(200):
        other = rng.normal(size=one.axes[1].shape).ravel()
        other -= (other @ one.axes[1].ravel()) * one.axes[1].ravel()
        assert np.square(away @ other / np.linalg.norm(other)).sum() <= held


def test_a_path_in_a_plane_is_wholly_inside(rng):
    objective, batch, path = made(rng)
    first, second = rng.normal(size=(2, 7, 3))
    flat = path[0] + np.array([[[0]], [[1]], [[3]]]) * first + np.array([[[0]], [[2]], [[1]]]) * second
    one = hill_of(objective, batch, flat)
    assert share_inside(one, flat) == pytest.approx(1, abs=1e-12)
    assert share_inside(hill_of(objective, batch, path), path) < 1 - 1e-6


def test_a_straight_path_has_the_gradient_at_its_end_as_second_axis(rng):
    objective, batch, path = made(rng)
    one = hill_of(objective, batch, path[[0, -1]])
    gradient = analytic_gradient(objective, batch, path[-1]).grad.ravel()
    first, second = one.axes[1].ravel(), one.axes[2].ravel()
    across = gradient - (gradient @ first) * first
    assert abs(across @ second) == pytest.approx(np.linalg.norm(across))


def test_weights_that_never_moved_have_no_hill(rng):
    objective, batch, path = made(rng, steps=0)
    assert hill_of(objective, batch, path[[0, 0]]) is None


def test_the_grid_holds_the_path_and_the_lowest_point(rng):
    objective, batch, path = made(rng, l2=0.3)
    one = hill_of(objective, batch, path)
    a, b = one.at(path)
    across, up = sides(one, a, b)
    assert len(across) == len(up) == GRID
    assert across[0] < a.min() <= a.max() < across[-1]
    assert up[0] < b.min() <= b.max() < up[-1]
    lowest = np.array(np.unravel_index(one.grid(across, up).argmin(), (GRID, GRID)))
    assert ((lowest > 0) & (lowest < GRID - 1)).all()
    for a_far, b_far in ((-50, 0), (50, 0), (0, -50), (0, 50)):
        assert one.loss(np.array([a_far]), np.array([b_far])) > one.grid(across, up).min()


def test_losses_on_the_path_are_those_of_its_weights(rng):
    objective, batch, path = made(rng, l1=0.01)
    expected = [evaluate_loss(objective, batch, weights)[0] for weights in path]
    np.testing.assert_allclose(path_losses(objective, *batch, path), expected, rtol=1e-12)
    one = hill_of(objective, batch, path)
    np.testing.assert_allclose(one.loss(*one.at(path))[[0, -1]], np.array(expected)[[0, -1]], rtol=1e-10)
