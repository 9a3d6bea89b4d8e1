"""Every formula for a change of the loss equals two losses subtracted, in extended precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf.gradcheck.truth.exact_differences import LOGISTIC, RAMP, SQUARED_RAMP
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradcheck.truth.reference import EXTENDED
from imgclf.losses import LOSSES

SCALES = (1e-3, 1.0, 30.0)
HINGES = [name for name, facts in LOSS_FACTS.items() if facts.curve.kink_width]
SMOOTH = [name for name in LOSSES if name not in HINGES]


def scores_and_labels(N=12, C=4, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((N, C)), rng.integers(0, C, N)


def change_by_formula(name, s, y, c, t):
    """What +t less -t at the score of class c changes in each loss, (N,)."""
    exact = LOSS_FACTS[name].exact_differences(s, y)
    change = exact.curve.change(np.full((len(y), 1), t))
    each = np.hstack([change(exact.argument[:, k, None]) for k in range(s.shape[1])])  # (N, C)
    at_right = -each[np.arange(len(y)), y] if exact.right_class_mirrors else -each.sum(axis=1)
    return np.where(y == c, at_right, each[:, c])


def change_by_subtraction(name, s, y, c, t):
    up, down = (s.astype(EXTENDED) for _ in range(2))
    up[:, c] += EXTENDED(t)
    down[:, c] -= EXTENDED(t)
    return LOSS_FACTS[name].definition(up, y) - LOSS_FACTS[name].definition(down, y)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("t", [1e-6, -1e-3, 0.1, -2.0, 5.0])
@pytest.mark.parametrize("C", [2, 3, 7])
def test_a_change_is_two_losses_subtracted(name, scale, t, C):
    (s, y), facts = scores_and_labels(C=C, scale=scale), LOSS_FACTS[name]
    for c in range(C):
        formula, subtraction = change_by_formula(name, s, y, c, t), change_by_subtraction(name, s, y, c, t)
        # What the subtraction itself rounds, in extended precision; for a margin, what float64 rounds.
        rounding = 8 * np.finfo(EXTENDED).eps * np.abs(facts.definition(s.astype(EXTENDED), y)).max()
        size = np.abs(s).max() + 1
        margin = 1e-15 * size * {LOGISTIC: 0, RAMP: 1, SQUARED_RAMP: size + abs(t)}[facts.curve] * C
        np.testing.assert_allclose(formula, subtraction.astype(float), rtol=1e-13, atol=float(rounding) + margin)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(LOSSES)), st.floats(1e-9, 3.0), st.integers(2, 9))
def test_whole_numbers_tie_and_the_formula_holds(seed, name, t, C):
    rng = np.random.default_rng(seed)
    s, y = rng.integers(-2, 3, (6, C)).astype(float), rng.integers(0, C, 6)
    for c in range(C):
        formula, subtraction = change_by_formula(name, s, y, c, t), change_by_subtraction(name, s, y, c, t)
        np.testing.assert_allclose(formula, subtraction.astype(float), rtol=1e-9, atol=1e-17)


@pytest.mark.parametrize("name", SMOOTH)
def test_no_digit_is_lost_to_a_small_step_or_a_small_probability(name):
    s, y = np.array([[0.0, -40.0, 3.0]]), np.array([2])
    dscores = LOSSES[name](s, y)[1]
    for t in (1e-3, 1e-8, 1e-12):
        quotient = change_by_formula(name, s, y, 1, t)[0] / (2 * t)
        assert quotient == pytest.approx(dscores[0, 1], rel=1e-6 if t > 1e-4 else 1e-14)
    assert dscores[0, 1] < 1e-16


@pytest.mark.parametrize("name", HINGES)
def test_away_from_kinks_a_hinge_changes_by_exactly_its_derivative(name):
    s, y = scores_and_labels(N=50, C=5, scale=2.0)
    h = 2.0**-20
    for c in range(5):
        quotient = change_by_formula(name, s, y, c, h) / (2 * h)
        expected = LOSSES[name](s, y)[1][:, c]
        if LOSS_FACTS[name].curve is SQUARED_RAMP:
            np.testing.assert_allclose(quotient, expected, rtol=1e-15)
        else:
            np.testing.assert_array_equal(quotient, expected)


@pytest.mark.parametrize("name", LOSSES)
def test_the_derivative_is_the_limit_of_the_change(name):
    curve = LOSS_FACTS[name].curve
    argument = np.linspace(0.01, 0.99, 25)[:, None]
    t = np.full((25, 1), 1e-7)
    np.testing.assert_allclose(curve.change(t)(argument) / (2 * t), curve.derivative(argument), rtol=1e-6)


@pytest.mark.parametrize(("curve", "f"), [(RAMP, lambda m: m), (SQUARED_RAMP, lambda m: m**2)], ids=["ramp", "squared"])
def test_a_kink_width_is_what_the_two_sides_of_a_kink_leave_open(curve, f):
    rng = np.random.default_rng(0)
    t = rng.standard_normal(200)
    m = rng.uniform(-1, 1, 200) * np.abs(t)
    up, down, here = (f(np.maximum(0, m + move)) for move in (t, -t, 0))
    np.testing.assert_allclose(curve.kink_width(m, t), up + down - 2 * here, atol=1e-14)


def test_the_third_derivative_is_nowhere_larger_than_said():
    p = np.linspace(0, 1, 100_001)
    third = p * (1 - p) * np.abs(1 - 2 * p)
    assert third.max() <= LOGISTIC.third <= third.max() * (1 + 1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_score_derivatives_are_the_sizes_of_the_loss_s_own(name):
    s, y = scores_and_labels(N=40, scale=3.0)
    derivatives = LOSS_FACTS[name].exact_differences(s, y).score_derivatives()
    np.testing.assert_allclose(derivatives, np.abs(LOSSES[name](s, y)[1]), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_a_derivative_jumps_no_further_than_said_and_nowhere_else(name, seed):
    """Nearly whole numbers: many margins are nearly 0, many rivals nearly tie."""
    rng = np.random.default_rng(seed)
    s, y = rng.integers(-2, 3, (30, 4)) + rng.uniform(-1e-9, 1e-9, (30, 4)), rng.integers(0, 4, 30)
    jumps = LOSS_FACTS[name].exact_differences(s, y).derivative_jumps(np.full((30, 1), 2e-9))
    seen = np.zeros_like(s)
    for _ in range(100):
        moved = s + rng.uniform(-1e-9, 1e-9, s.shape)
        seen = np.maximum(seen, np.abs(LOSSES[name](moved, y)[1] - LOSSES[name](s, y)[1]))
    assert (seen <= jumps + 1e-6).all()
    assert jumps.any() == (LOSS_FACTS[name].curve is RAMP)
    assert (seen > 0.5).sum() >= 0.8 * (jumps > 0).sum()
