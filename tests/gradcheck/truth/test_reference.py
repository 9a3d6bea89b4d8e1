"""The complex step is the derivative of every loss; extended scores are the sums of products."""

import math

import numpy as np
import pytest

from imgclf.gradcheck.truth.reference import complex_step_gradient, extended_scores
from imgclf.losses import LOSSES


def case(seed, N=9, C=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, C)) * 2, rng.integers(0, C, N)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_the_complex_step_is_the_derivative_to_the_last_digits(name, seed):
    s, y = case(seed)
    X = np.random.default_rng(seed + 100).standard_normal((len(y), 6))
    dscores = LOSSES[name](s, y)[1]
    expected = np.vstack([X.T @ dscores, dscores.sum(axis=0)]) / len(y)
    np.testing.assert_allclose(complex_step_gradient(name, s, X, y), expected, rtol=1e-12, atol=1e-15)


def test_extended_scores_have_more_digits_and_any_number_of_rows():
    rng = np.random.default_rng(0)
    X, weights = rng.standard_normal((300, 7)), rng.standard_normal((8, 3))
    exact = [
        [math.fsum([*(x * w for x, w in zip(row, column[:-1], strict=True)), column[-1]]) for column in weights.T]
        for row in X.tolist()
    ]
    np.testing.assert_allclose(extended_scores(X, weights).astype(float), exact, rtol=1e-14, atol=1e-15)
