"""Calculus against trying, and against the chain rule written with loops."""

import math

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.model import scores

PENALTIES = [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2)]


def case(N=20, D=6, C=4, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, D)).astype(dtype)
    return Batch.of(X, rng.integers(0, C, N)), rng.standard_normal((D + 1, C)).astype(dtype)


def objective_by_hand(objective, batch, weights):
    X, y = batch
    scores = X @ weights[:-1] + weights[-1]
    total = sum(objective.loss_fn(scores[n : n + 1], y[n : n + 1])[0][0] for n in range(len(y))) / len(y)
    for w in weights[:-1].ravel():
        total += objective.l2 / 2 * w * w + objective.l1 * abs(w)
    return total


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("l2", "l1"), PENALTIES)
def test_analytic_is_numerical(name, l2, l1):
    batch, weights = case()
    objective = Objective(LOSSES[name], l2, l1)
    analytic, numerical = analytic_gradient(objective, batch, weights), numerical_gradient(objective, batch, weights)
    np.testing.assert_allclose(analytic.grad, numerical.grad, rtol=1e-7, atol=1e-8)
    assert analytic.loss == numerical.loss
    assert analytic.correct == numerical.correct


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("l2", "l1"), PENALTIES)
def test_loss_is_the_mean_plus_the_penalty_on_the_weights_alone(name, l2, l1):
    batch, weights = case(N=131)
    objective = Objective(LOSSES[name], l2, l1)
    by_hand = objective_by_hand(objective, batch, weights)
    assert analytic_gradient(objective, batch, weights).loss == pytest.approx(by_hand, rel=1e-13)
    assert evaluate_loss(objective, batch, weights)[0] == pytest.approx(by_hand, rel=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_chain_rule_written_with_loops(name):
    batch, weights = case(N=137, D=3, C=4)
    X, y = batch
    _, dscores = LOSSES[name](X @ weights[:-1] + weights[-1], y)
    expected = np.zeros_like(weights)
    for n in range(len(y)):
        for c in range(4):
            for d in range(3):
                expected[d, c] += X[n, d] * dscores[n, c] / len(y)
            expected[3, c] += dscores[n, c] / len(y)
    np.testing.assert_allclose(
        analytic_gradient(Objective(LOSSES[name]), batch, weights).grad, expected, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("gradient", [analytic_gradient, numerical_gradient])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_changes_no_input_and_keeps_the_dtype(gradient, dtype):
    batch, weights = case(N=5, D=3, dtype=dtype)
    X, y = batch
    copies = X.copy(), y.copy(), weights.copy()
    seen = gradient(Objective(LOSSES["softmax"], 0.1, 0.1), batch, weights)
    assert seen.grad.dtype == dtype
    assert seen.grad.shape == weights.shape
    assert not np.shares_memory(seen.grad, weights)
    for array, copy in zip((X, y, weights), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", LOSSES)
def test_doubling_the_data_changes_nothing(name):
    batch, weights = case(N=128)
    X, y = batch
    twice = Batch.of(np.concatenate([X, X]), np.concatenate([y, y]))
    one, two = (analytic_gradient(Objective(LOSSES[name]), b, weights) for b in (batch, twice))
    np.testing.assert_allclose(two.grad, one.grad, rtol=1e-12, atol=1e-14)
    assert two.loss == pytest.approx(one.loss, rel=1e-14)


def test_the_bias_is_free():
    batch, weights = case()
    free, penalized = (analytic_gradient(Objective(LOSSES["softmax"], l2), batch, weights).grad for l2 in (0.0, 100.0))
    np.testing.assert_array_equal(free[-1], penalized[-1])
    assert (np.abs(free[:-1] - penalized[:-1]) > 1e-6).all()


def test_correct_counts_the_highest_scores():
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    batch = Batch.of(np.array([[2.0, 1.0], [1.0, 2.0], [2.0, 1.0]]), np.array([0, 0, 1]))
    assert analytic_gradient(Objective(LOSSES["softmax"]), batch, weights).correct == 1


@pytest.mark.parametrize("bad", [{"l2": -1.0}, {"l1": -1.0}, {"l2": float("nan")}])
def test_a_penalty_below_zero_is_refused(bad):
    with pytest.raises(ValueError, match="at least 0"):
        Objective(LOSSES["softmax"], **bad)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_penalties_are_summed_in_float64(name):
    batch, weights = case(N=647, dtype=np.float32)
    X, y = batch
    losses, _ = LOSSES[name](scores(X, weights), y)
    mean = math.fsum(losses.tolist()) / len(batch)
    penalty = 0.15 * math.fsum(w * w for w in weights[:-1].ravel().tolist())
    seen = analytic_gradient(Objective(LOSSES[name], 0.3), batch, weights)
    assert seen.loss == pytest.approx(mean + penalty, rel=1e-14)
    assert evaluate_loss(Objective(LOSSES[name], 0.3), batch, weights)[0] == seen.loss
