from collections import Counter

import numpy as np
import pytest

from imgclf.arrays import Examples
from imgclf.report.page.baselines import RIDGE, class_means, nearest, ridge, vote


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def parts(X, y):
    return [Examples(X[:7], y[:7]), Examples(X[7:], y[7:])]


def test_class_means_are_the_means_of_each_class(rng):
    X, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    found = class_means(parts(X, y), 4, 4)
    for c in range(3):
        np.testing.assert_allclose(found[c], np.mean([x for x, label in zip(X, y, strict=True) if label == c], axis=0))
    assert np.isnan(found[3]).all()


def test_the_nearest_are_those_of_the_least_distance_in_order(rng):
    X, others = rng.normal(size=(6, 5)), rng.normal(size=(40, 5))
    others[3] = np.nan
    for x, found in zip(X, nearest(X, others, 5), strict=True):
        distances = [(np.linalg.norm(x - other), i) for i, other in enumerate(others) if i != 3]
        assert found.tolist() == [i for _, i in sorted(distances)[:5]]


def test_a_vote_is_for_the_most_frequent_and_of_equal_ones_for_the_first(rng):
    labels = rng.integers(0, 4, (200, 5))
    for row, found in zip(labels, vote(labels, 4), strict=True):
        assert found == Counter(row.tolist()).most_common(1)[0][0]  # keeps the order of first occurrence
    assert vote(np.array([[2, 0, 0, 2, 1], [2, 0, 0, 1, 1], [3, 1, 0, 2, 2]]), 4).tolist() == [2, 0, 2]


def test_ridge_is_the_solution_of_least_squares_with_a_row_for_each_penalty(rng):
    X, y = rng.normal(3, 2, (50, 4)), rng.integers(0, 3, 50)
    found = ridge(parts(X, y), 3, 4)
    variance = ((X - X.mean(axis=0)) ** 2).mean()
    penalty = np.sqrt(RIDGE * variance * len(X)) * np.eye(4, 5)  # none for the column of ones
    system = np.vstack([np.column_stack([X, np.ones(50)]), penalty])
    targets = np.vstack([np.eye(3)[y], np.zeros((4, 3))])
    np.testing.assert_allclose(found, np.linalg.lstsq(system, targets, rcond=None)[0], atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e3 / 7])
def test_ridge_of_what_never_changes_is_the_share_of_each_class(value):
    found = ridge([Examples(np.full((6, 3), value), np.array([0, 0, 0, 1, 1, 2]))], 3, 3)
    np.testing.assert_allclose(np.full(3, value) @ found[:-1] + found[-1], [1 / 2, 1 / 3, 1 / 6])
