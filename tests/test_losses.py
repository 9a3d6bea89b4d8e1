"""Every loss against its formula, written by hand with loops."""

import numpy as np
import pytest

from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.losses import LOSSES
from losses_by_hand import BY_HAND

SHIFT_INVARIANT = [name for name, facts in LOSS_FACTS.items() if facts.compares_scores]


def example(N=7, C=5, scale=2.0, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal((N, C))).astype(dtype), rng.integers(0, C, N)


def test_every_loss_has_a_formula_by_hand():
    assert BY_HAND.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("N", "C"), [(1, 2), (1, 10), (7, 2), (40, 5)])
def test_loss_is_its_formula(name, N, C):
    scores, y = example(N, C)
    losses, _ = LOSSES[name](scores, y)
    assert losses.shape == (N,)
    for n in range(N):
        assert losses[n] == pytest.approx(BY_HAND[name](scores[n].tolist(), int(y[n])), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("C", [2, 10])
def test_derivative_is_the_slope_of_the_formula(name, C):
    scores, y = example(30, C)
    _, dscores = LOSSES[name](scores, y)
    h = 1e-6
    for n in range(len(y)):
        for c in range(C):
            up, down = scores[n].tolist(), scores[n].tolist()
            up[c] += h
            down[c] -= h
            slope = (BY_HAND[name](up, int(y[n])) - BY_HAND[name](down, int(y[n]))) / (2 * h)
            assert dscores[n, c] == pytest.approx(slope, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("C", [2, 10, 100])
def test_equal_scores_cost_what_the_book_says(name, C):
    losses, _ = LOSSES[name](np.zeros((3, C)), np.arange(3) % C)
    np.testing.assert_allclose(losses, LOSS_FACTS[name].at_zero(C), rtol=1e-14)


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
def test_adding_one_number_to_all_scores_changes_nothing(name):
    scores, y = example()
    losses, dscores = LOSSES[name](scores, y)
    # A power of two keeps the differences of these scores exact.
    scores = np.round(scores * 1024) / 1024
    losses, dscores = LOSSES[name](scores, y)
    shifted_losses, shifted_dscores = LOSSES[name](scores + 64.0, y)
    np.testing.assert_array_equal(shifted_losses, losses)
    np.testing.assert_array_equal(shifted_dscores, dscores)


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
def test_what_the_rivals_lose_the_right_class_gains(name):
    _, dscores = LOSSES[name](*example())
    np.testing.assert_allclose(dscores.sum(axis=1), 0, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_scores_stay_finite_and_right(name, dtype):
    scores = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 5], [1e4, 1e4, -1e4]], dtype)
    y = np.array([0, 0, 2])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        losses, dscores = LOSSES[name](scores, y)
    assert losses.dtype == dscores.dtype == dtype
    assert np.isfinite(dscores).all()
    for n in range(3):
        assert losses[n] == pytest.approx(BY_HAND[name](scores[n].tolist(), int(y[n])), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_no_input_is_changed(name):
    scores, y = example()
    copies = scores.copy(), y.copy()
    scores.flags.writeable = y.flags.writeable = False
    LOSSES[name](scores, y)
    np.testing.assert_array_equal(scores, copies[0])
    np.testing.assert_array_equal(y, copies[1])


@pytest.mark.parametrize("name", LOSSES)
def test_examples_do_not_see_each_other(name):
    scores, y = example(6)
    together, _ = LOSSES[name](scores, y)
    alone = [LOSSES[name](scores[n : n + 1], y[n : n + 1])[0][0] for n in range(6)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", LOSSES)
def test_renaming_the_classes_changes_nothing(name):
    scores, y = example()
    order = np.array([3, 0, 4, 1, 2])
    place = np.argsort(order)
    losses, dscores = LOSSES[name](scores, y)
    other_losses, other_dscores = LOSSES[name](scores[:, order], place[y])
    np.testing.assert_allclose(other_losses, losses, rtol=1e-14)
    np.testing.assert_allclose(other_dscores, dscores[:, order], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_small_labels_do_not_wrap(name):
    scores, y = example(C=5)
    np.testing.assert_array_equal(LOSSES[name](scores, y.astype(np.uint8))[1], LOSSES[name](scores, y)[1])
