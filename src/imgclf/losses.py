"""Loss functions and their derivatives by the scores: how wrong they are, and which way they should move.

A loss function takes scores (N, C) and labels y (N,) and returns

    losses   (N,)    the loss of each example, not averaged
    dscores  (N, C)  its derivative by each score

in the dtype of the scores. No input is changed. Where a hinge has a kink, the slope is that of its flat side.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray

LossFn: TypeAlias = Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]]

MARGIN = 1.0


def softmax(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Cross-entropy of the softmax: -log p_y with p_j = exp(s_j) / sum_k exp(s_k).

    Its derivative is p_j, less 1 at the right class (Bridle 1990).
    """
    rows = np.arange(len(y))
    # exp overflows float32 beyond 88: shift so that the largest score is 0. p does not change.
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)  # (N, 1)
    losses = np.log(sums[:, 0]) - shifted[rows, y]
    dscores = exps / sums  # p, (N, C): every row adds up to 1
    dscores[rows, y] -= 1  # so the row adds up to 0: what the right class gains, the others lose
    return losses, dscores


def svm(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Every wrong class must stay 1 below the right one: sum_{j != y} max(0, s_j - s_y + 1).

    Weston and Watkins 1999.
    """
    margins = _margins(scores, y)  # (N, C)
    return margins.sum(axis=1), _against_right_class((margins > 0).astype(scores.dtype), y)


def svm_squared(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """A hinge that minds large violations more: sum_{j != y} max(0, s_j - s_y + 1)**2.

    The squared form of Weston and Watkins 1999; smooth to first order.
    """
    margins = _margins(scores, y)
    return (margins**2).sum(axis=1), _against_right_class(2 * margins, y)


def svm_cs(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """Only the worst rival counts: max(0, max_{j != y} s_j - s_y + 1).

    Crammer and Singer 2001. Of rivals that tie, the first is moved.
    """
    rows = np.arange(len(y))
    margins = _margins(scores, y)
    worst = margins.argmax(axis=1)
    losses = margins[rows, worst]
    dscores = np.zeros_like(scores)
    dscores[rows, worst] = losses > 0  # within the margin nothing moves
    return losses, _against_right_class(dscores, y)


def logistic_ovr(scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """A yes-or-no question for every class: sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1.

    One-vs-rest logistic regression, the sum over the classes.
    """
    signs = np.full_like(scores, -1)
    signs[np.arange(len(y)), y] = 1
    log_terms = np.logaddexp(0, -signs * scores)  # never overflows, unlike log(1 + exp(...))
    # The derivative by s is -z * sigmoid(-z s), and log sigmoid(-z s) = -log(1 + exp(z s)).
    return log_terms.sum(axis=1), -signs * np.exp(-np.logaddexp(0, signs * scores))


def _margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """Return max(0, s_j - s_y + 1), and 0 for the right class, (N, C)."""
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + MARGIN)  # (N, C) - (N, 1): each row its right score
    margins[rows, y] = 0  # there it was s_y - s_y + 1
    return margins


def _against_right_class(dscores: FloatArray, y: IntArray) -> FloatArray:
    """Set dloss/ds_y = -sum_{j != y} dloss/ds_j, as every margin is s_j - s_y + 1; dscores is 0 there before."""
    dscores[np.arange(len(y)), y] = -dscores.sum(axis=1)
    return dscores


LOSSES: dict[str, LossFn] = {
    "softmax": softmax,
    "svm": svm,
    "svm_squared": svm_squared,
    "svm_cs": svm_cs,
    "logistic_ovr": logistic_ovr,
}
