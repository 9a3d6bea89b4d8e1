"""The model's laws: scores are X @ W + b, and never depend on the company."""

import numpy as np
import pytest

from imgclf.arrays import BLOCK
from imgclf.model import SLAB, scores, split


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [0, 1, SLAB - 1, SLAB, SLAB + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_scores_are_sums_of_products(dtype, N):
    rng = np.random.default_rng(N)
    X, weights = rng.integers(-3, 4, (N, 6)).astype(dtype), rng.integers(-3, 4, (7, 4)).astype(dtype)
    got = scores(X, weights)
    by_hand = [[sum(X[n, d] * weights[d, c] for d in range(6)) + weights[6, c] for c in range(4)] for n in range(N)]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.reshape(by_hand, (N, 4)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_scores_to_the_bit_alone_and_in_company(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3 * BLOCK + 5, 3072)).astype(dtype)
    weights = rng.standard_normal((3073, 10)).astype(dtype)
    together = scores(X, weights)
    for n in range(0, len(X), 29):
        assert scores(X[n : n + 1], weights).tobytes() == together[n].tobytes()
    half = X[100:200]
    assert scores(half, weights).tobytes() == together[100:200].tobytes()


def test_split_gives_views():
    weights = np.zeros((4, 2))
    W, b = split(weights)
    W += 1
    b += 2
    assert weights.tolist() == [[1, 1], [1, 1], [1, 1], [2, 2]]
