"""The check's own losses are the definitions written with loops; the complex step is their derivative."""

import math

import numpy as np
import pytest

from imgclf.gradcheck.reference import EXTENDED, REFERENCES, complex_step_gradient, extended_scores
from imgclf.losses import LOSSES

BY_HAND = {
    "softmax": lambda s, y: -math.log(math.exp(s[y]) / math.fsum(map(math.exp, s))),
    "svm": lambda s, y: math.fsum(max(0, s[j] - s[y] + 1) for j in range(len(s)) if j != y),
    "svm_squared": lambda s, y: math.fsum(max(0, s[j] - s[y] + 1) ** 2 for j in range(len(s)) if j != y),
    "svm_cs": lambda s, y: max(0, max(s[j] - s[y] + 1 for j in range(len(s)) if j != y)),
    "logistic_ovr": lambda s, y: math.fsum(math.log(1 + math.exp(-s[j] if j == y else s[j])) for j in range(len(s))),
}


def case(seed, N=9, C=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, C)) * 2, rng.integers(0, C, N)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_a_reference_is_its_definition(name, seed):
    s, y = case(seed)
    by_hand = [BY_HAND[name](row.tolist(), label) for row, label in zip(s, y, strict=True)]
    np.testing.assert_allclose(REFERENCES[name](s, y), by_hand, rtol=1e-13)
    extended = REFERENCES[name](s.astype(EXTENDED), y)
    assert extended.dtype == EXTENDED
    np.testing.assert_allclose(extended.astype(float), by_hand, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_a_reference_stays_finite_at_huge_scores(name):
    s, y = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]]), np.array([0, 0])
    assert np.isfinite(REFERENCES[name](s.astype(EXTENDED), y)).all()


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
