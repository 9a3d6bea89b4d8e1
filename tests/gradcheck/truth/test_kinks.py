"""A kink within a step is found, named, and what convexity leaves open there is neither more nor less."""

import numpy as np
import pytest

from imgclf.gradcheck.truth.kinks import crossed, distances, nearest_kink
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.losses import LOSSES

HINGES = [name for name, facts in LOSS_FACTS.items() if facts.curve.kink_width]
SMOOTH = [name for name in LOSSES if name not in HINGES]


def pieces(name, s, y):
    """On which piece each example is: its derivatives, or, where they vary, which of them are not 0."""
    return LOSSES[name](s, y)[1] != 0


@pytest.mark.parametrize("name", HINGES)
def test_a_score_may_move_as_far_as_its_distance_and_no_further(name):
    rng = np.random.default_rng(0)
    s, y = 2 * rng.standard_normal((40, 5)), rng.integers(0, 5, 40)
    away = distances(LOSS_FACTS[name].exact_differences(s, y))
    here = pieces(name, s, y)
    for c in range(5):
        for factor, changes in ((0.999, False), (1.001, True)):
            moved = []
            for sign in (-1, 1):
                there = s.copy()
                there[:, c] += sign * factor * away[:, c]
                moved.append((pieces(name, there, y) != here).any(axis=1))
            np.testing.assert_array_equal(moved[0] | moved[1], changes)


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_loss_has_no_kink(name):
    s, y = np.zeros((3, 4)), np.array([0, 1, 2])
    exact = LOSS_FACTS[name].exact_differences(s, y)
    assert np.isinf(distances(exact)).all()
    assert nearest_kink(exact, np.full(3, 1e9), 0) is None


@pytest.mark.parametrize("name", HINGES)
def test_the_nearest_kink_is_named(name):
    s = np.array([[5.0, 0.0, 0.0], [0.0, -1 + 3e-7, -5.0], [0.0, -5.0, -1 - 2e-3]])
    y = np.array([0, 0, 0])
    exact = LOSS_FACTS[name].exact_differences(s, y)
    for c in (0, 1):  # the right class of the second example, and its rival
        example, rival, margin = nearest_kink(exact, np.full(3, 1e-6), c)
        assert example == 1
        assert rival in ({1} if name != "svm_cs" else {0, 1})
        assert margin == pytest.approx(3e-7, rel=1e-6)
    assert nearest_kink(exact, np.full(3, 1e-7), 1) is None
    np.testing.assert_array_equal(crossed(exact, np.full(3, 1e-6)), [True, True, False])
    np.testing.assert_array_equal(crossed(exact, np.full(3, 3e-3)), [True, True, True])


def test_what_does_not_move_crosses_nothing():
    s, y = np.array([[0.0, -1.0]]), np.array([0])
    assert nearest_kink(LOSS_FACTS["svm"].exact_differences(s, y), np.zeros(1), 1) is None
