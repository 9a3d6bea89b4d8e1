"""Other images differ in one thing each, so that a function that is wrong for them only has a likely mistake."""

import numpy as np
import pytest

from imgclf.gradcheck.student.other_data import FEATURES, more_images, other_data, toys
from imgclf.gradcheck.student.points import HUGE, LARGE, Point, huge_scores, large_scores


def point_of(N=24, D=7, C=4):
    rng = np.random.default_rng(0)
    X, y = rng.random((N, D)), np.arange(N) % C
    return Point("steps", "at random W", rng.standard_normal((D, C)), 0.25, X, y)


def is_prime(n):
    return n > 1 and all(n % d for d in range(2, n))


@pytest.mark.parametrize("N", [1, 2, 3, 16, 23, 64, 100])
def test_there_is_one_image_and_a_prime_number_below_and_above(N):
    full = point_of(N)
    numbers = [len(point.y) for point in other_data(full, 0)[:3]]
    assert numbers[2] == 1
    assert is_prime(numbers[1])
    assert numbers[1] > N
    assert is_prime(numbers[0]) or N <= 2
    assert numbers[0] < max(N, 2)


def test_images_keep_their_labels_and_every_number_of_them_has_one_of_the_last_class():
    full = point_of()
    pairs = {(x.tobytes(), int(label)) for x, label in zip(full.X, full.y, strict=True)}
    *numbers, order, without_last = other_data(full, 0)[:5]
    for point in (*numbers, order):
        assert {(x.tobytes(), int(label)) for x, label in zip(point.X, point.y, strict=True)} <= pairs
        assert 3 in point.y
    assert len(more_images(full, 0).y) == 29
    assert sorted(map(bytes, order.X)) == sorted(map(bytes, full.X))
    assert not np.array_equal(order.X, full.X)
    assert set(without_last.y) == {0, 1, 2}


def test_other_scales_give_the_very_same_scores():
    full = point_of()
    larger, smaller = other_data(full, 0)[5:7]
    assert np.array_equal(larger.X, 2.0**30 * full.X)
    assert np.array_equal(larger.X @ larger.W, full.X @ full.W)
    assert np.array_equal(smaller.X @ smaller.W, full.X @ full.W)


@pytest.mark.parametrize(("D", "C"), [(7, 4), (FEATURES[0], 2), (1, 10)])
def test_toys_have_other_features_and_classes_both_signs_and_all_labels(D, C):
    found = toys(point_of(D=D, C=C), 0)
    assert [point.W.shape[1] for point in found] == [C + 1] + [2] * (C != 2)
    for point in found:
        N, classes = len(point.y), point.W.shape[1]
        assert point.X.shape == (N, point.W.shape[0])
        assert point.W.shape[0] != D
        assert N % 2 == 0
        assert set(point.y) == set(range(classes))
        assert (point.X < 0).any()
        assert (point.X > 0).any()
        assert np.array_equal(point.X, point.X.astype(np.float32))


def test_large_scores_differ_by_as_much_as_before_and_huge_ones_by_more():
    full = point_of()
    large, huge = large_scores(full, 0), huge_scores(full)
    before, after = full.X @ full.W, large.X @ large.W
    assert np.allclose(before - before[:, :1], after - after[:, :1], atol=1e-9)
    assert np.abs(after).max() > 0.9 * LARGE
    assert np.isclose(np.abs(huge.X @ huge.W).max(), HUGE)


def test_every_point_has_a_likely_mistake_and_the_same_seed_gives_the_same():
    one, other = other_data(point_of(), 3), other_data(point_of(), 3)
    assert all(point.advice for point in one)
    assert [point.X.tobytes() for point in one] == [point.X.tobytes() for point in other]
