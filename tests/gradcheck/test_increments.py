"""Every formula for a change of the loss equals two losses subtracted, in extended precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf.gradcheck.increments import INCREMENTS, Curve
from imgclf.gradcheck.reference import EXTENDED, REFERENCES
from imgclf.losses import LOSSES

SCALES = (1e-3, 1.0, 30.0)


def scores_and_labels(N=12, C=4, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((N, C)), rng.integers(0, C, N)


def change_by_formula(name, s, y, c, t):
    """What +t less -t at the score of class c changes in each loss, (N,)."""
    increment = INCREMENTS[name](s, y)
    change = increment.curve.change(np.full((len(y), 1), t))
    each = np.hstack([change(increment.number[:, k, None]) for k in range(s.shape[1])])  # (N, C)
    at_right = -each[np.arange(len(y)), y] if increment.mirror else -each.sum(axis=1)
    return np.where(y == c, at_right, each[:, c])


def change_by_subtraction(name, s, y, c, t):
    up, down = (s.astype(EXTENDED) for _ in range(2))
    up[:, c] += EXTENDED(t)
    down[:, c] -= EXTENDED(t)
    return REFERENCES[name](up, y) - REFERENCES[name](down, y)


def test_every_loss_has_an_increment_and_a_definition():
    assert LOSSES.keys() == INCREMENTS.keys() == REFERENCES.keys()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("t", [1e-6, -1e-3, 0.1, -2.0, 5.0])
@pytest.mark.parametrize("C", [2, 3, 7])
def test_a_change_is_two_losses_subtracted(name, scale, t, C):
    s, y = scores_and_labels(C=C, scale=scale)
    for c in range(C):
        formula, subtraction = change_by_formula(name, s, y, c, t), change_by_subtraction(name, s, y, c, t)
        # What the subtraction itself rounds, in extended precision; for a margin, what float64 rounds.
        rounding = 8 * np.finfo(EXTENDED).eps * np.abs(REFERENCES[name](s.astype(EXTENDED), y)).max()
        size = np.abs(s).max() + 1
        margin = 1e-15 * size * {"svm": 1, "svm_cs": 1, "svm_squared": size + abs(t)}.get(name, 0) * C
        np.testing.assert_allclose(formula, subtraction.astype(float), rtol=1e-13, atol=float(rounding) + margin)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(LOSSES)), st.floats(1e-9, 3.0), st.integers(2, 9))
def test_whole_numbers_tie_and_the_formula_holds(seed, name, t, C):
    rng = np.random.default_rng(seed)
    s, y = rng.integers(-2, 3, (6, C)).astype(float), rng.integers(0, C, 6)
    for c in range(C):
        formula, subtraction = change_by_formula(name, s, y, c, t), change_by_subtraction(name, s, y, c, t)
        np.testing.assert_allclose(formula, subtraction.astype(float), rtol=1e-9, atol=1e-17)


@pytest.mark.parametrize("name", ["softmax", "logistic_ovr"])
def test_no_digit_is_lost_to_a_small_step_or_a_small_probability(name):
    s, y = np.array([[0.0, -40.0, 3.0]]), np.array([2])
    slope = LOSSES[name](s, y)[1]
    for t in (1e-3, 1e-8, 1e-12):
        quotient = change_by_formula(name, s, y, 1, t)[0] / (2 * t)
        assert quotient == pytest.approx(slope[0, 1], rel=1e-6 if t > 1e-4 else 1e-14)
    assert slope[0, 1] < 1e-16


@pytest.mark.parametrize("name", ["svm", "svm_squared", "svm_cs"])
def test_away_from_kinks_a_hinge_changes_by_exactly_its_slope(name):
    s, y = scores_and_labels(N=50, C=5, scale=2.0)
    h = 2.0**-20
    for c in range(5):
        quotient = change_by_formula(name, s, y, c, h) / (2 * h)
        expected = LOSSES[name](s, y)[1][:, c]
        if name == "svm_squared":
            np.testing.assert_allclose(quotient, expected, rtol=1e-15)
        else:
            np.testing.assert_array_equal(quotient, expected)


def curves() -> list[tuple[str, Curve]]:
    s, y = scores_and_labels()
    return [(name, increment(s, y).curve) for name, increment in INCREMENTS.items()]


@pytest.mark.parametrize(("name", "curve"), curves(), ids=list(INCREMENTS))
def test_the_slope_is_the_limit_of_the_change(name, curve):
    number = np.linspace(0.01, 0.99, 25)[:, None]
    t = np.full((25, 1), 1e-7)
    np.testing.assert_allclose(curve.change(t)(number) / (2 * t), curve.slope(number), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "curve"), [(n, c) for n, c in curves() if c.fold], ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_fold_is_what_the_two_sides_of_a_kink_leave_open(name, curve):
    f = {
        "svm": lambda m: np.maximum(0, m),
        "svm_cs": lambda m: np.maximum(0, m),
        "svm_squared": lambda m: np.maximum(0, m) ** 2,
    }[name]
    rng = np.random.default_rng(0)
    t = rng.standard_normal(200)
    m = rng.uniform(-1, 1, 200) * np.abs(t)
    np.testing.assert_allclose(curve.fold(m, t), f(m + t) + f(m - t) - 2 * f(m), atol=1e-14)


@pytest.mark.parametrize(
    ("name", "curve"), [(n, c) for n, c in curves() if not c.fold], ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_third_derivative_is_nowhere_larger_than_said(name, curve):
    p = np.linspace(0, 1, 100_001)
    third = p * (1 - p) * np.abs(1 - 2 * p)
    assert third.max() <= curve.third <= third.max() * (1 + 1e-8)
