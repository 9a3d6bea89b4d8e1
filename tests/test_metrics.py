"""Metrics against counts by hand."""

import numpy as np
import pytest

from imgclf.metrics import per_class, wilson_interval


def test_precision_recall_and_f1_by_hand():
    confusion = np.array([[5, 1, 0], [2, 2, 0], [0, 0, 0]])
    first, second, empty = per_class(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
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
    with pytest.raises(ValueError, match="is not a fraction"):
        wilson_interval(correct, n)
