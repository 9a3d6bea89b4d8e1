"""Mirroring is free: the best weights on images and their mirror images are those on f(x) + f(mirror x)."""

import numpy as np
import pytest

from imgclf.losses import LOSSES

N, PAIRS, MIDDLE, C = 9, 3, 1, 3  # the mirror image has the numbers of each pair exchanged, and the middle where it was
L2 = 0.1
MIRROR = np.r_[3:6, 0:3, 6]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 2 * PAIRS + MIDDLE))
Y = RNG.integers(0, C, N)


def best(loss, X, y, l2):
    """Return the weights, the bias in the last row, at which the mean loss and l2/2 a squared weight are least.

    l2   (D, 1) for each row of weights
    """
    weights, penalty = np.zeros((X.shape[1] + 1, C)), np.append(l2, [[0]], axis=0)
    ones_beside = np.column_stack([X, np.ones(len(X))])
    for _ in range(4000):
        dscores = LOSSES[loss](ones_beside @ weights, y)[1]
        gradient = ones_beside.T @ dscores / len(X) + penalty * weights
        weights -= 0.1 * gradient
    assert np.abs(gradient).max() < 1e-8
    return weights


@pytest.mark.parametrize("loss", ["softmax", "logistic_ovr", "svm_squared"])
def test_the_best_weights_are_mirror_symmetric_and_those_of_the_sums_with_half_the_weights(loss):
    same = np.full((X.shape[1], 1), L2)
    both = best(loss, np.concatenate([X, X[:, MIRROR]]), np.tile(Y, 2), same)
    assert np.abs(both[:-1][MIRROR] - both[:-1]).max() < 1e-6
    alone = best(loss, X, Y, same)
    assert np.abs(alone[:-1][MIRROR] - alone[:-1]).max() > 0.01  # without the mirror images
    whole = best(loss, (X + X[:, MIRROR]) / 2, Y, same)
    assert np.abs(whole - both).max() < 1e-6
    # A pair is one number, the sum of the two, and its weight stands for both: it is paid for twice.
    kept = np.r_[0:PAIRS, 2 * PAIRS]
    sums = X[:, kept] + np.where(kept == 2 * PAIRS, 0, X[:, MIRROR][:, kept])
    half = best(loss, sums, Y, np.where(kept == 2 * PAIRS, L2, 2 * L2)[:, None])
    assert half.shape == (PAIRS + MIDDLE + 1, C)
    assert np.abs(half[:-1] - both[kept]).max() < 1e-6
    assert np.abs(half[-1] - both[-1]).max() < 1e-6
