"""The model's laws: scores are X @ W + b."""

import numpy as np
import pytest

from imgclf.model import scores, split


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [0, 1, 9])
def test_scores_are_sums_of_products(dtype, N):
    rng = np.random.default_rng(N)
    X, weights = rng.integers(-3, 4, (N, 6)).astype(dtype), rng.integers(-3, 4, (7, 4)).astype(dtype)
    got = scores(X, weights)
    by_hand = [[sum(X[n, d] * weights[d, c] for d in range(6)) + weights[6, c] for c in range(4)] for n in range(N)]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.reshape(by_hand, (N, 4)))


def test_split_gives_views():
    weights = np.zeros((4, 2))
    W, b = split(weights)
    W += 1
    b += 2
    assert weights.tolist() == [[1, 1], [1, 1], [1, 1], [2, 2]]
