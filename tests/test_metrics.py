"""Metrics against counts by hand."""

import numpy as np
import pytest

from imgclf.metrics import PairCounts, per_class, wilson_interval

COUNTS = [[5, 1, 0], [2, 2, 0], [0, 0, 0]]


def pairs_of(counts):
    """The examples that a confusion matrix counts: y and predicted."""
    cells = [(y, p) for y, row in enumerate(counts) for p, n in enumerate(row) for _ in range(n)]
    return np.array(cells, np.int64).reshape(-1, 2).T


def test_pairs_are_counted_as_a_matrix_counts_them():
    y, predicted = pairs_of(COUNTS)
    assert PairCounts.of(y, predicted, 3).matrix(3).tolist() == COUNTS


@pytest.mark.parametrize("cut", [0, 1, 4, 10])
def test_counts_of_parts_add_up_to_those_of_the_whole(cut):
    y, predicted = pairs_of(COUNTS)[:, np.random.default_rng(0).permutation(10)]
    parts = PairCounts.of(y[:cut], predicted[:cut], 3) + PairCounts.of(y[cut:], predicted[cut:], 3)
    assert parts.matrix(3).tolist() == COUNTS


def test_counts_take_no_memory_for_pairs_that_did_not_occur():
    C = 10**5  # a matrix would take 80 GB
    found = PairCounts.of(np.array([0, C - 1]), np.array([C - 1, C - 1]), C)
    assert found.pairs.tolist() == [C - 1, C * C - 1]
    assert per_class(found, C)[-1] == (1 / 2, 1, 2 / 3, 1)


def test_precision_recall_and_f1_by_hand():
    first, second, empty = per_class(PairCounts.of(*pairs_of(COUNTS), 3), 3)
    assert first == (5 / 7, 5 / 6, 10 / 13, 6)
    assert second == (2 / 3, 2 / 4, 4 / 7, 4)
    assert empty == (None, None, None, 0)


# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
@pytest.mark.parametrize(("correct", "n", "low", "high"), [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
])  # fmt: skip
def test_wilson_interval_has_the_published_values(correct, n, low, high):
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_is_where_the_score_test_just_rejects():
    z = 1.959964
    for bound in wilson_interval(37, 120):
        assert abs(37 / 120 - bound) == pytest.approx(z * (bound * (1 - bound) / 120) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_wilson_interval_refuses_what_is_no_share(correct, n):
    with pytest.raises(ValueError, match="is not a share"):
        wilson_interval(correct, n)
