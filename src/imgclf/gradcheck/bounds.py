"""How far a right numerical gradient may lie from a right analytic one: truncation and round-off, added up.

A central difference of step h is off by at most h**2/6 times the third derivative (Taylor), and by what the two values
of the loss were rounded by, divided by h. Neither is a matter of taste, so no threshold is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.kinks import margins
from imgclf.model import scores

UNIT_ROUNDOFF = 2.0**-53
CONFIDENCE = 8.0

# |f'''| of log(1 + exp(t)) is p (1 - p) |1 - 2p|, at most 1 / (6 sqrt 3); that of softmax by one score is the same.
LOGISTIC_THIRD = 1 / (6 * np.sqrt(3))


class LossFacts(NamedTuple):
    """What the error of a difference depends on; all between kinks."""

    third: float  # largest third derivative of the loss by one score
    slope: Callable[[FloatArray, IntArray], FloatArray]  # of scores and y: sum over c of |dloss/ds_c|, at most, (N,)
    curvature: Callable[[int], float]  # of C: how much dloss/ds_c changes with the scores, at most


FACTS: dict[str, LossFacts] = {
    "softmax": LossFacts(LOGISTIC_THIRD, lambda s, y: np.full(len(s), 2.0), lambda classes: 0.5),
    "svm": LossFacts(0, lambda s, y: 2.0 * (margins(s, y) > 0).sum(axis=1), lambda classes: 0),
    "svm_squared": LossFacts(0, lambda s, y: 4 * np.maximum(0, margins(s, y)).sum(axis=1), lambda classes: 4 * classes),
    "svm_cs": LossFacts(0, lambda s, y: np.full(len(s), 2.0), lambda classes: 0),
    "logistic_ovr": LossFacts(LOGISTIC_THIRD, lambda s, y: np.full(len(s), float(s.shape[1])), lambda classes: 0.25),
}


def difference_bounds(
    loss: str, X: FloatArray, y: IntArray, weights: FloatArray, losses: FloatArray, step: float
) -> FloatArray:
    """Return what |numerical - analytic| may amount to for each feature and, last, for the bias: (D+1,).

    X (N, D), y (N,), weights (D+1, C), losses (N,) at these weights.
    """
    n, size = X.shape
    classes = weights.shape[1]
    s = scores(X, weights)
    moved = np.abs(np.vstack([X.T, np.ones(n)]))  # (D+1, N): how far a weight's step of 1 moves a score
    sizes = (moved.T @ np.abs(weights)).max(axis=1)  # (N,): what a score is summed up from
    third, slope, curvature = FACTS[loss].third, FACTS[loss].slope(s, y), FACTS[loss].curvature(classes)
    truncation = step**2 / 6 * third * (moved**3).mean(axis=1)
    # A score adds D products, a loss some C terms, the mean N losses.
    of_scores = _rounding(size + 1) * sizes  # (N,)
    of_losses = slope * of_scores + _rounding(classes + 10) * (losses + 2 * np.abs(s).max(axis=1) + 1)
    of_value = of_losses.mean() + _rounding(n) * losses.mean()
    of_calculus = (moved * (slope * _rounding(n + classes + 10) + curvature * of_scores)).mean(axis=1)
    return np.asarray(truncation + of_value / step + of_calculus)


def penalty_bound(penalty: float, gradient: float, step: float) -> float:
    """Return the same for the penalty, which is a parabola: its difference is exact but for round-off."""
    return UNIT_ROUNDOFF * (64 * penalty / step + 8 * abs(gradient))


def _rounding(additions: int) -> float:
    """Return the relative error of a sum of so many terms: they round up and down, so it grows like the root.

    Higham and Mary 2019: if roundings are independent and of mean 0, one sum exceeds it with a probability below
    2 exp(-CONFIDENCE**2 / 2), about 3e-14.
    """
    return float(CONFIDENCE * np.sqrt(additions) * UNIT_ROUNDOFF)
