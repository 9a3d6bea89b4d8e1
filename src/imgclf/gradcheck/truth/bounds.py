"""Error bounds of numerical gradients: truncation and rounding.

A central difference of step h is off by at most h**2/6 times the third derivative (Taylor), and by what was rounded on
the way, divided by h. Both can be added up, so no threshold has to be chosen.
"""

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.model import scores
from imgclf.numerics.indices import slices

UNIT_ROUNDOFF = 2.0**-53
TINY = float(np.finfo(np.float64).tiny)  # numbers below have fewer digits
CONFIDENCE = 8.0
ROWS = 256  # of X at a time, so that what is made of them needs little memory


def value_bounds(loss: str, s: FloatArray, y: IntArray, losses: FloatArray) -> FloatArray:
    """Return how far the losses (N,) of the very same scores s (N, C) may differ between two right formulas."""
    steep = LOSS_FACTS[loss].exact_differences(s, y).score_derivatives().sum(axis=1)
    size = 8 * np.abs(s).max(axis=1) + 4
    return np.asarray(UNIT_ROUNDOFF * ((s.shape[1] + 12) * (np.abs(losses) + size) + steep * size))


def additions(N: int, C: int) -> int:
    """Return how many sums round a gradient: over the examples, on both sides, and at the right class of the others."""
    return 2 * N + 2 * C + 40


def term_rounding(loss: str, s: FloatArray, y: IntArray) -> FloatArray:
    """Return how far what each example adds to a gradient may be rounded, in units of one rounding, (N, C)."""
    facts = LOSS_FACTS[loss]
    derivatives = facts.exact_differences(s, y).score_derivatives()
    return additions(*s.shape) * derivatives + facts.derivative_rounding(s, y, derivatives)


def score_bounds(X: FloatArray, weights: FloatArray) -> FloatArray:
    """Return how far scores (N, C) may be rounded, in any order of additions: a sum of D + 1 products."""
    parts = [np.abs(X[rows]) @ np.abs(weights[:-1]) for rows in slices(len(X), ROWS)]
    sizes = np.concatenate(parts) + np.abs(weights[-1]) + TINY / UNIT_ROUNDOFF
    return np.asarray(2 * (X.shape[1] + 2) * UNIT_ROUNDOFF * sizes)


def sum_sizes(X: FloatArray, each: FloatArray) -> FloatArray:
    """Add up |x_d| * each over the examples, and for the bias `each` alone: X (N, D), each (N, C) to (D+1, C)."""
    total = np.zeros((X.shape[1], each.shape[1]))
    for rows in slices(len(X), ROWS):
        total += np.abs(X[rows]).T @ each[rows]
    return np.vstack([total, each.sum(axis=0)])


def difference_bounds(
    loss: str, X: FloatArray, y: IntArray, weights: FloatArray, losses: FloatArray, step: float
) -> FloatArray:
    """Return what |numerical - analytic| may amount to for each feature and, last, for the bias: (D+1,).

    For the textbook's difference, which subtracts two losses. X (N, D), y (N,), weights (D+1, C), losses (N,) there.
    """
    n, size = X.shape
    classes = weights.shape[1]
    s = scores(X, weights)
    moved = np.abs(np.vstack([X.T, np.ones(n)]))  # (D+1, N): how far a weight's step of 1 moves a score
    sizes = (moved.T @ np.abs(weights)).max(axis=1)  # (N,): what a score is summed up from
    facts = LOSS_FACTS[loss]
    derivatives = facts.exact_differences(s, y).score_derivatives()  # (N, C)
    noise = facts.derivative_rounding(s, y, derivatives).max(axis=1)
    truncation = step**2 / 6 * facts.curve.third * (moved**3).mean(axis=1)
    # A score adds D products, a loss some C terms, the mean N losses.
    of_scores = _rounding(size + 1) * sizes  # (N,)
    curvature = facts.curve.curvature(classes)
    steep = derivatives.sum(axis=1) + 2 * curvature * step * moved.max(axis=0)  # also where the step leads
    of_losses = steep * of_scores + _rounding(classes + 10) * (losses + 2 * np.abs(s).max(axis=1) + 1)
    of_value = of_losses.mean() + _rounding(n) * losses.mean()
    of_derivatives = derivatives.max(axis=1) * _rounding(n + 10) + UNIT_ROUNDOFF * noise
    of_calculus = (moved * (of_derivatives + curvature * of_scores)).mean(axis=1)
    return np.asarray(truncation + of_value / step + of_calculus)


def penalty_bound(penalty: FloatArray, gradient: FloatArray, step: float) -> FloatArray:
    """Return the same for the penalty, which is a parabola: its difference is exact but for round-off."""
    return np.asarray(UNIT_ROUNDOFF * (64 * penalty / step + 8 * np.abs(gradient)))


def _rounding(additions: int) -> float:
    """Return the relative error of a sum of so many terms: they round up and down, so it grows like the root.

    Higham and Mary 2019: if roundings are independent and of mean 0, one sum exceeds it with a probability below
    2 exp(-CONFIDENCE**2 / 2), about 3e-14.
    """
    return float(CONFIDENCE * np.sqrt(additions) * UNIT_ROUNDOFF)
