"""Loss functions and their derivatives by the scores.

A loss function takes scores (N, C) and labels y (N,) and returns

    losses   (N,)    the loss of each example, not averaged
    dscores  (N, C)  its derivative by each score

in the dtype of the scores. No input is changed. At the kink of a hinge, the derivative is that of its flat side, 0.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray

LossFn: TypeAlias = Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]]

MARGIN = 1.0


def softmax(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Cross-entropy of the softmax: -log p_y with p_j = exp(s_j) / sum_k exp(s_k).

    The derivative by s_j is p_j, minus 1 at the right class (Bridle 1990).
    """
    rows = np.arange(len(y))
    # exp overflows float32 beyond 88: shift so that the largest score is 0. A factor exp(-max) cancels in p.
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)  # (N, 1)
    losses = np.log(sums[:, 0]) - shifted[rows, y]
    dscores = exps / sums  # p, (N, C): each row adds up to 1
    dscores[rows, y] -= 1  # now each row adds up to 0: what the right class gains, the others lose
    return losses, dscores


def svm(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1).

    Each wrong class must score at least 1 less than the right one (Weston and Watkins 1999).
    """
    margins = _margins(scores, y)  # (N, C)
    return margins.sum(axis=1), _against_right_class((margins > 0).astype(scores.dtype), y)


def svm_squared(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Squared multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1)**2.

    Weston and Watkins 1999, squared: large violations cost more, and the gradient has no jump.
    """
    margins = _margins(scores, y)
    return (margins**2).sum(axis=1), _against_right_class(2 * margins, y)


def svm_cs(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Hinge of the worst rival alone: max(0, max_{j != y} s_j - s_y + 1).

    Crammer and Singer 2001. If rivals tie, the first one counts.
    """
    rows = np.arange(len(y))
    margins = _margins(scores, y)
    worst = margins.argmax(axis=1)
    losses = margins[rows, worst]
    dscores = np.zeros_like(scores)
    dscores[rows, worst] = losses > 0  # 1 where the margin is violated, else 0
    return losses, _against_right_class(dscores, y)


def logistic_ovr(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """One-vs-rest logistic regression: sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1.

    A yes-or-no question for each class, summed over the classes.
    """
    signs = np.full_like(scores, -1)
    signs[np.arange(len(y)), y] = 1
    log_terms = np.logaddexp(0, -signs * scores)  # never overflows, unlike log(1 + exp(...))
    # The derivative by s is -z * sigmoid(-z s), and log sigmoid(-z s) = -log(1 + exp(z s)).
    return log_terms.sum(axis=1), -signs * np.exp(-np.logaddexp(0, signs * scores))


def _margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """Return max(0, s_j - s_y + 1), but 0 for the right class, (N, C)."""
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + MARGIN)  # (N, C) - (N, 1): in each row, minus s_y
    margins[rows, y] = 0  # was s_y - s_y + 1
    return margins


def _against_right_class(dscores: FloatArray, y: IntArray) -> FloatArray:
    """Set dloss/ds_y = -sum_{j != y} dloss/ds_j: s_y enters every margin s_j - s_y + 1 with a minus. It was 0."""
    dscores[np.arange(len(y)), y] = -dscores.sum(axis=1)
    return dscores


LOSSES: dict[str, LossFn] = {
    "softmax": softmax,
    "svm": svm,
    "svm_squared": svm_squared,
    "svm_cs": svm_cs,
    "logistic_ovr": logistic_ovr,
}
