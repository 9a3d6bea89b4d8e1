"""Error bounds of numerical gradients: truncation and rounding.

The error of a central difference of step h is at most h**2/6 times the third derivative (Taylor), plus the rounding of
the two losses divided by h. Both can be computed, so no tolerance has to be chosen.
"""

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.model import scores
from imgclf.numerics.indices import slices

UNIT_ROUNDOFF = 2.0**-53
TINY = float(np.finfo(np.float64).tiny)  # numbers below have fewer digits
CONFIDENCE = 8.0
ROWS = 256  # of X at a time: temporary arrays stay small


def value_bounds(loss: str, s: FloatArray, y: IntArray, losses: FloatArray) -> FloatArray:
    """Bound the difference of two right formulas for the losses (N,) at the same scores s (N, C)."""
    steep = LOSS_FACTS[loss].exact_differences(s, y).score_derivatives().sum(axis=1)
    size = 8 * np.abs(s).max(axis=1) + 4
    return np.asarray(UNIT_ROUNDOFF * ((s.shape[1] + 12) * (np.abs(losses) + size) + steep * size))


def additions(N: int, C: int) -> int:
    """Return the number of rounded additions in a gradient: over the examples, on both sides, and over the classes."""
    return 2 * N + 2 * C + 40


def term_rounding(loss: str, s: FloatArray, y: IntArray) -> FloatArray:
    """Bound the rounding of each example's term of a gradient, in UNIT_ROUNDOFF, (N, C)."""
    facts = LOSS_FACTS[loss]
    derivatives = facts.exact_differences(s, y).score_derivatives()
    return additions(*s.shape) * derivatives + facts.derivative_rounding(s, y, derivatives)


def score_bounds(X: FloatArray, weights: FloatArray) -> FloatArray:
    """Bound the rounding of scores (N, C), sums of D + 1 products in any order."""
    parts = [np.abs(X[rows]) @ np.abs(weights[:-1]) for rows in slices(len(X), ROWS)]
    sizes = np.concatenate(parts) + np.abs(weights[-1]) + TINY / UNIT_ROUNDOFF
    return np.asarray(2 * (X.shape[1] + 2) * UNIT_ROUNDOFF * sizes)


def sum_sizes(X: FloatArray, each: FloatArray) -> FloatArray:
    """Sum |x_d| * each over the examples, for the bias `each` alone: X (N, D), each (N, C) to (D+1, C)."""
    total = np.zeros((X.shape[1], each.shape[1]))
    for rows in slices(len(X), ROWS):
        total += np.abs(X[rows]).T @ each[rows]
    return np.vstack([total, each.sum(axis=0)])


def difference_bounds(
    loss: str,
    X: FloatArray,
    y: IntArray,
    weights: FloatArray,
    losses: FloatArray,
    step: float,
    weight: FloatArray | None = None,
) -> FloatArray:
    """Bound |numerical - analytic| for each feature and, last, for the bias: (D+1,).

    For the textbook's central difference, which subtracts two losses. X (N, D), y (N,), weights (D+1, C), losses (N,),
    weight of each loss in their mean (N,).
    """
    n, size = X.shape
    w = np.ones(n) if weight is None else weight
    classes = weights.shape[1]
    s = scores(X, weights)
    moved = np.abs(np.vstack([X.T, np.ones(n)]))  # (D+1, N): the move of a score as a weight moves by 1
    sizes = (moved.T @ np.abs(weights)).max(axis=1)  # (N,): the size of a score's terms
    facts = LOSS_FACTS[loss]
    derivatives = facts.exact_differences(s, y).score_derivatives()  # (N, C)
    noise = facts.derivative_rounding(s, y, derivatives).max(axis=1)
    truncation = step**2 / 6 * facts.curve.third * (w * moved**3).mean(axis=1)
    # A score is a sum of D products, a loss of some C terms, the mean of N losses.
    of_scores = _rounding(size + 1) * sizes  # (N,)
    curvature = facts.curve.curvature(classes)
    steep = derivatives.sum(axis=1) + 2 * curvature * step * moved.max(axis=0)  # also after the step
    of_losses = steep * of_scores + _rounding(classes + 10) * (losses + 2 * np.abs(s).max(axis=1) + 1)
    of_value = (w * of_losses).mean() + _rounding(n) * (w * losses).mean()
    of_derivatives = derivatives.max(axis=1) * _rounding(n + 10) + UNIT_ROUNDOFF * noise
    of_calculus = (w * moved * (of_derivatives + curvature * of_scores)).mean(axis=1)
    return np.asarray(truncation + of_value / step + of_calculus)


def penalty_bound(penalty: FloatArray, gradient: FloatArray, step: float) -> FloatArray:
    """Bound the same for the penalty, a parabola: its central difference has no truncation."""
    return np.asarray(UNIT_ROUNDOFF * (64 * penalty / step + 8 * np.abs(gradient)))


def _rounding(additions: int) -> float:
    """Bound the relative error of a sum: its roundings have both signs, so it grows like the square root.

    Higham and Mary 2019: if roundings are independent and of mean 0, a sum exceeds it with probability below
    2 exp(-CONFIDENCE**2 / 2), about 3e-14.
    """
    return float(CONFIDENCE * np.sqrt(additions) * UNIT_ROUNDOFF)
