"""The model's laws: scores are X @ W + b, and never depend on the company."""

import numpy as np
import pytest

from imgclf.arrays import BLOCK
from imgclf.model import SLAB, STRIP, backward, scores, slab_of, split


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [0, 1, SLAB - 1, SLAB, SLAB + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_scores_are_sums_of_products(dtype, N):
    rng = np.random.default_rng(N)
    X, weights = rng.integers(-3, 4, (N, 6)).astype(dtype), rng.integers(-3, 4, (7, 4)).astype(dtype)
    got = scores(X, weights)
    by_hand = [[sum(X[n, d] * weights[d, c] for d in range(6)) + weights[6, c] for c in range(4)] for n in range(N)]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.reshape(by_hand, (N, 4)))


SHAPES = [(3072, 10), (3072, 11)]  # D, C: one for every way to cut X into slabs


def test_every_slab_is_tried():
    assert [slab_of(*shape) for shape in SHAPES] == [SLAB, BLOCK]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize(("D", "C"), SHAPES)
def test_a_row_has_the_same_scores_to_the_bit_alone_and_in_company(dtype, order, D, C):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3 * BLOCK + 5, D)).astype(dtype)
    weights = np.array(rng.standard_normal((D + 1, C)), dtype, order=order)
    together = scores(X, weights)
    for n in range(0, len(X), 29):
        assert scores(X[n : n + 1], weights).tobytes() == together[n].tobytes()
    half = X[100:200]
    assert scores(half, weights).tobytes() == together[100:200].tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("N", [0, 1, 5, BLOCK])
@pytest.mark.parametrize(("D", "C"), [(1, 2), (STRIP - 1, 3), (2 * STRIP, 3), (3 * STRIP + 1, 4), (STRIP + 5, 31)])
def test_backward_is_sums_of_products(dtype, order, N, D, C):
    rng = np.random.default_rng(N)
    X, dscores = rng.integers(-3, 4, (N, D)), rng.integers(-3, 4, (N, C))
    out = np.full((D + 1, C), np.nan, dtype, order=order)
    backward(X.astype(dtype), dscores.astype(dtype), out=out)
    by_hand = np.zeros((D + 1, C))
    for x, slopes in zip(X, dscores, strict=True):
        by_hand[:-1] += np.outer(x, slopes)
        by_hand[-1] += slopes
    np.testing.assert_array_equal(out, by_hand)


def test_split_gives_views():
    weights = np.zeros((4, 2))
    W, b = split(weights)
    W += 1
    b += 2
    assert weights.tolist() == [[1, 1], [1, 1], [1, 1], [2, 2]]
