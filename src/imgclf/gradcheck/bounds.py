"""How far a right numerical gradient may lie from a right analytic one: truncation and round-off, added up.

A central difference of step h is off by at most h**2/6 times the third derivative (Taylor), and by what the two values
of the loss were rounded by, divided by h. Neither is a matter of taste, so no threshold is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray

UNIT_ROUNDOFF = 2.0**-53
CONFIDENCE = 8.0

# |f'''| of log(1 + exp(t)) is p (1 - p) |1 - 2p|, at most 1 / (6 sqrt 3); that of softmax by one score is the same.
LOGISTIC_THIRD = 1 / (6 * np.sqrt(3))


class LossFacts(NamedTuple):
    """What the error of a difference depends on."""

    third: float  # largest third derivative of the loss by one score, between kinks
    slope: Callable[[int, float], float]  # (classes, largest |score|) -> largest sum over c of |dloss/ds_c|


FACTS: dict[str, LossFacts] = {
    "softmax": LossFacts(LOGISTIC_THIRD, lambda classes, largest: 2),
    "svm": LossFacts(0, lambda classes, largest: 2 * (classes - 1)),
    "svm_squared": LossFacts(0, lambda classes, largest: 4 * (classes - 1) * (1 + 2 * largest)),
    "svm_cs": LossFacts(0, lambda classes, largest: 2),
    "logistic_ovr": LossFacts(LOGISTIC_THIRD, lambda classes, largest: classes),
}


def difference_bounds(loss: str, X: FloatArray, weights: FloatArray, mean_loss: float, step: float) -> FloatArray:
    """Return the largest possible |numerical - analytic| for each feature and, last, for the bias: (D+1,)."""
    n, size = X.shape
    classes = weights.shape[1]
    moved = np.abs(np.vstack([X.T, np.ones(n)]))  # (D+1, N): how far a weight's step moves a score
    sizes = (moved.T @ np.abs(weights)).max(axis=1)  # (N,): no score of the example is larger
    slope = FACTS[loss].slope(classes, float(sizes.max()))
    truncation = step**2 / 6 * FACTS[loss].third * (moved**3).mean(axis=1)
    # A score adds D products, a loss some C terms, the mean N losses.
    score_error = _rounding(size + 1) * float(sizes.mean())
    loss_error = _rounding(classes + n + 10) * (mean_loss + 2 * float(sizes.mean()) + 1)
    calculus = _rounding(n + classes + size) * slope * (1 + float(sizes.max())) * moved.max(axis=1)
    return np.asarray(truncation + (slope * score_error + loss_error) / step + calculus)


def _rounding(additions: int) -> float:
    """Return the relative error of a sum of so many terms: they round up and down, so it grows like the root.

    Higham and Mary 2019: it is exceeded with a probability below 2 exp(-CONFIDENCE**2 / 2), about 1e-13.
    """
    return float(CONFIDENCE * np.sqrt(additions) * UNIT_ROUNDOFF)


def penalty_bound(penalty: float, gradient: float, step: float) -> float:
    """Return the same for the penalty, which is a parabola: its difference is exact but for round-off."""
    return UNIT_ROUNDOFF * (64 * penalty / step + 8 * abs(gradient))
