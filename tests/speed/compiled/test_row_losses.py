"""A loss row by row, in plain Python, is the loss of `losses`; so is the loop that is compiled from it."""

import math

import numpy as np
import pytest

from imgclf.losses import LOSSES, softmax, svm
from imgclf.numerics.weighting import Weighted
from imgclf.speed.compiled.row_losses import ROW_LOSSES, row_loss_of
from imgclf.speed.compiled.starting import loops_for

RNG = np.random.default_rng(0)
C = 5
SCORES = np.concatenate([
    RNG.normal(size=(40, C)),
    100 * RNG.normal(size=(40, C)),
    RNG.integers(-1, 2, (40, C)),  # ties, and margins of exactly 0
    np.zeros((C, C)),
])  # fmt: skip
Y = np.arange(len(SCORES)) % C


def in_python(row_loss, scores, y):
    dscores = np.full_like(scores, np.nan)
    return np.array([row_loss(s, right, d) for s, right, d in zip(scores, y, dscores, strict=True)]), dscores


@pytest.mark.parametrize("name", LOSSES)
def test_row_by_row_it_is_the_same_loss(name):
    losses, dscores = in_python(ROW_LOSSES[LOSSES[name]], SCORES, Y)
    expected, derivative = LOSSES[name](SCORES, Y)
    np.testing.assert_allclose(losses, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(dscores, derivative, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_compiled_it_is_the_same_with_weights_of_classes_and_counts_what_is_right(name):
    loops = loops_for(np.dtype(np.uint8), np.dtype(np.float64))
    class_weights, dscores = np.linspace(0.5, 2, C), np.full_like(SCORES, np.nan)
    number = loops.NUMBERS[LOSSES[name]]
    total, correct = loops.losses_of(number, C, SCORES, Y, class_weights[Y], dscores)
    expected, derivative = LOSSES[name](SCORES, Y)
    assert total == pytest.approx(math.fsum(class_weights[Y] * expected), rel=1e-13)
    np.testing.assert_allclose(dscores, class_weights[Y][:, None] * derivative, rtol=1e-13, atol=1e-13)
    assert correct == (SCORES.argmax(axis=1) == Y).sum()


def hinge_ovr(scores, y):
    signs = np.where(np.arange(scores.shape[1]) == y[:, None], 1, -1)
    margins = np.maximum(0, 1 - signs * scores)
    return margins.sum(axis=1), -signs * (margins > 0)


@pytest.mark.parametrize("loss_fn", [softmax, hinge_ovr, Weighted(svm, np.linspace(0.5, 2, C))])
def test_of_lists_too_with_class_weights_or_a_loss_that_has_no_loop(loss_fn):
    dscores = [np.nan] * C
    for s, y in zip(SCORES, Y, strict=True):
        losses, derivative = loss_fn(s[None], np.array([y]))
        assert row_loss_of(loss_fn)(s.tolist(), int(y), dscores) == pytest.approx(losses[0], rel=1e-13, abs=1e-13)
        assert dscores == pytest.approx(derivative[0].tolist(), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("place", range(3))
def test_the_loss_of_a_score_that_is_not_a_number_is_none(name, place):
    scores = np.array([[0.5, -3.0, 0.25]])
    scores[0, place] = np.nan
    assert np.isnan(in_python(ROW_LOSSES[LOSSES[name]], scores, np.array([1]))[0])
