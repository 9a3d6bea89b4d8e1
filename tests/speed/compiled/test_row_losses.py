"""A loss row by row, in plain Python, is the loss of `losses`; so is the loop that is compiled from it."""

import math

import numpy as np
import pytest

from imgclf.losses import LOSSES
from imgclf.speed.compiled.row_losses import ROW_LOSSES
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
    total, correct = loops.losses_of(number, SCORES, Y, class_weights, dscores)
    expected, derivative = LOSSES[name](SCORES, Y)
    assert total == pytest.approx(math.fsum(class_weights[Y] * expected), rel=1e-13)
    np.testing.assert_allclose(dscores, class_weights[Y][:, None] * derivative, rtol=1e-13, atol=1e-13)
    assert correct == (SCORES.argmax(axis=1) == Y).sum()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("place", range(3))
def test_the_loss_of_a_score_that_is_not_a_number_is_none(name, place):
    scores = np.array([[0.5, -3.0, 0.25]])
    scores[0, place] = np.nan
    assert np.isnan(in_python(ROW_LOSSES[LOSSES[name]], scores, np.array([1]))[0])
