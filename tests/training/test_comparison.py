"""McNemar's test: the sum of binomials, written out."""

from itertools import product

import numpy as np
import pytest

from imgclf.training.comparison import McNemar, mcnemar_p


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in range(7) for b in range(7)])
def test_p_is_the_share_of_all_tosses_that_are_as_uneven(first, second):
    n = first + second
    heads = [sum(tosses) for tosses in product((0, 1), repeat=n)]
    as_uneven = sum(abs(2 * h - n) >= abs(first - second) for h in heads)
    assert mcnemar_p(first, second) == pytest.approx(as_uneven / 2**n, rel=1e-15)


def test_of_many_images_nothing_is_rounded_away():
    # By the normal approximation with its correction of continuity, z = 999 / sqrt(19,000): p = 4.2e-13.
    assert 3e-13 < mcnemar_p(10_000, 9_000) < 6e-13
    assert mcnemar_p(30_000, 0) == 0.0  # 2**-29999 is no float64
    assert mcnemar_p(9_000, 9_000) == 1.0


def test_only_images_that_one_of_both_has_right_count():
    first = np.array([1, 1, 1, 0, 0, 1, 0, 0], bool)
    second = np.array([1, 0, 0, 1, 0, 0, 0, 0], bool)
    assert McNemar.of(first, second) == (1, 3, 1, 3, mcnemar_p(3, 1))
    assert McNemar.of(second, first) == (1, 1, 3, 3, mcnemar_p(3, 1))
