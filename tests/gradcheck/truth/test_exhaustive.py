"""Every parameter by exact differences: the same gradient as the slow ways, with bounds that hold and that see."""

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradcheck.truth.bounds import difference_bounds
from imgclf.gradcheck.truth.exhaustive import COLUMNS, ROWS, TAU, difference_steps, differences
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradcheck.truth.reference import EXTENDED
from imgclf.gradients import STEP, Objective, analytic_gradient, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.model import scores

STRAIGHT = [name for name, facts in LOSS_FACTS.items() if facts.curve.jump]  # between its kinks
SMOOTH = [name for name, facts in LOSS_FACTS.items() if not facts.curve.kink_width]


def case(N=12, D=5, C=3, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), rng.integers(0, C, N)
    return X, y, spread * rng.standard_normal((D + 1, C)) / np.sqrt(D)


def found(loss, X, y, weights, tau=TAU):
    return differences(loss, scores(X, weights), X, y, tau)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(12, 5, 3), (3, 1, 2), (1, 4, 5), (40, 9, 10)])
def test_it_is_the_numerical_gradient_one_weight_at_a_time(loss, shape):
    X, y, weights = case(*shape)
    slow = numerical_gradient(Objective(LOSSES[loss]), Batch.of(X, y), weights).grad
    losses = LOSSES[loss](scores(X, weights), y)[0]
    bound = difference_bounds(loss, X, y, weights, losses, STEP)[:, None]
    assert (np.abs(found(loss, X, y, weights).gradient - slow) <= bound).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("tau", [0.1, 1e-3, TAU])
def test_a_difference_is_two_losses_subtracted_in_extended_precision(loss, tau):
    X, y, weights = case(N=7, D=4, C=4)
    s, h, definition = scores(X, weights), difference_steps(X, tau), LOSS_FACTS[loss].definition
    ones = np.hstack([X, np.ones((7, 1))])
    got = found(loss, X, y, weights, tau)
    for d in range(5):
        for c in range(4):
            up, down = (s.astype(EXTENDED) for _ in range(2))
            up[:, c] += EXTENDED(h[d]) * ones[:, d]
            down[:, c] -= EXTENDED(h[d]) * ones[:, d]
            slow = (definition(up, y) - definition(down, y)).sum() / (2 * EXTENDED(h[d]) * 7)
            assert got.gradient[d, c] == pytest.approx(float(slow), rel=1e-9 if tau == TAU else 1e-12, abs=1e-11)


@pytest.mark.parametrize("loss", LOSSES)
def test_pieces_of_any_size_make_the_same_whole(loss):
    X, y, weights = case(N=ROWS + 9, D=COLUMNS + 3, C=3)
    whole = found(loss, X, y, weights)
    grad = analytic_gradient(Objective(LOSSES[loss]), Batch.of(X, y), weights).grad
    np.testing.assert_allclose(whole.gradient, grad, rtol=1e-10, atol=1e-13)
    order = np.random.default_rng(0).permutation(COLUMNS + 3)
    rows = np.append(order, len(order))
    mixed = found(loss, X[:, order], y, weights[rows])
    assert (np.abs(mixed.gradient - whole.gradient[rows]) <= 2 * whole.bound[rows]).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_pixel_that_is_always_0_has_a_gradient_of_exactly_0(loss):
    X, y, weights = case()
    X[:, 2] = 0
    got = found(loss, X, y, weights)
    assert not got.gradient[2].any()
    assert not got.bound[2].any()


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 255.0, 1e200])
def test_a_step_moves_every_feature_alike(scale):
    X, *_ = case()
    h = difference_steps(scale * X, 1e-4)
    np.testing.assert_allclose(h[:-1] * np.abs(scale * X).max(axis=0), 1e-4)
    assert h[-1] == 1e-4


@pytest.mark.parametrize("loss", STRAIGHT)
def test_between_kinks_the_step_makes_no_difference(loss):
    X, y, weights = case(N=30)
    fine, coarse = (found(loss, X, y, weights, tau) for tau in (2.0**-24, 2.0**-14))
    assert not coarse.kink_width.any()
    np.testing.assert_allclose(fine.gradient, coarse.gradient, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("loss", SMOOTH)
def test_truncation_is_bounded_and_the_bound_is_no_gift(loss):
    X, y, weights = case(N=30, spread=1.0)
    grad = analytic_gradient(Objective(LOSSES[loss]), Batch.of(X, y), weights).grad
    got = found(loss, X, y, weights, 0.05)
    ratio = np.abs(got.gradient - grad) / got.bound
    assert 0.02 < ratio.max() <= 1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(8))
def test_any_subgradient_lies_within_the_kink_width_at_ties(loss, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.integers(-1, 2, (9, 4)).astype(float), rng.integers(0, 3, 9)
    weights = rng.integers(-1, 2, (5, 3)).astype(float)  # margins of exactly 0, leads of exactly 0
    got = found(loss, X, y, weights)
    for nudge in (0.0, 1e-9, -1e-9):  # the slopes on the pieces around
        moved = weights + nudge * rng.standard_normal(weights.shape)
        grad = analytic_gradient(Objective(LOSSES[loss]), Batch.of(X, y), moved).grad
        room = got.bound + got.kink_width + (0 if nudge == 0 else 1e-6 * (loss not in STRAIGHT))
        assert (np.abs(grad - got.gradient) <= room).all()
    if loss in STRAIGHT and got.kink_width.any():
        assert (got.kink_width <= np.abs(np.vstack([X.T, np.ones(9)])).sum(axis=1)[:, None] * 3 / 9).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_single_parameter_wrong_by_a_millionth_is_seen_nearly_everywhere(loss):
    X, y, weights = case(N=64, D=300, C=10, spread=3.0)
    grad = analytic_gradient(Objective(LOSSES[loss]), Batch.of(X, y), weights).grad
    got = found(loss, X, y, weights)
    there = grad != 0
    assert (np.abs(1e-6 * grad) > 2 * got.bound)[there].mean() >= 0.995
    if loss not in STRAIGHT:
        assert (np.abs(1e-8 * grad) > 2 * got.bound)[there].mean() >= 0.99
