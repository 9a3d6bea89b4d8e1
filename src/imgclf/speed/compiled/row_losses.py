"""Losses of one example, with loops over the classes, in plain Python.

The same functions are run by Python (in `imgclf lesson loops`, and beside `losses` in the tests) and compiled. Each
takes the scores of one example (C,) and its class y, fills dscores (C,), and returns the loss:

    loss = softmax(scores, y, dscores)

In Python, scores and dscores may be lists.
"""

from collections.abc import Callable
from math import exp, isnan, log, log1p
from typing import Any, TypeAlias

import numpy as np

from imgclf import losses
from imgclf.arrays import FloatArray
from imgclf.losses import LossFn
from imgclf.numerics.weighting import Weighted

RowLoss: TypeAlias = Callable[[Any, int, Any], float]


def softmax(scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """Cross-entropy of the softmax: -log p_y with p_j = exp(s_j) / sum_k exp(s_k)."""
    largest = scores[0]
    for s in scores:
        largest = max(largest, s)
    total = 0.0
    for j, s in enumerate(scores):
        dscores[j] = exp(s - largest)
        total += dscores[j]
    for j in range(len(scores)):
        dscores[j] /= total
    dscores[y] -= 1
    return float(log(total) + largest - scores[y])


def svm(scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """Multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1)."""
    loss, violated = 0.0, 0
    for j, s in enumerate(scores):
        margin = s - scores[y] + 1
        dscores[j] = 0
        if j != y and not margin <= 0:  # nor is it where a score is nan: so is the loss
            loss += margin
            dscores[j] = 1
            violated += 1
    dscores[y] = -violated
    return loss


def svm_squared(scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """Squared multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1)**2."""
    loss, total = 0.0, 0.0
    for j, s in enumerate(scores):
        margin = s - scores[y] + 1
        dscores[j] = 0
        if j != y and not margin <= 0:
            loss += margin * margin
            dscores[j] = 2 * margin
            total += 2 * margin
    dscores[y] = -total
    return loss


def svm_cs(scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """Hinge of the worst rival alone: max(0, max_{j != y} s_j - s_y + 1)."""
    loss, worst = 0.0, y
    for j, s in enumerate(scores):
        margin = s - scores[y] + 1
        dscores[j] = 0
        if j != y and not (margin <= loss or isnan(loss)):
            loss, worst = margin, j
    if worst != y:
        dscores[worst] = 1
        dscores[y] = -1
    return loss


def logistic_ovr(scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """One-vs-rest logistic regression: sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1."""
    loss = 0.0
    for j, s in enumerate(scores):
        z = 1 if j == y else -1
        small = exp(-abs(s))  # never overflows
        loss += log1p(small) + max(0.0, -z * s)
        dscores[j] = -z * (small if z * s > 0 else 1) / (1 + small)
    return loss


ROW_LOSSES: dict[LossFn, RowLoss] = {
    losses.softmax: softmax,
    losses.svm: svm,
    losses.svm_squared: svm_squared,
    losses.svm_cs: svm_cs,
    losses.logistic_ovr: logistic_ovr,
}


def row_loss_of(loss_fn: LossFn) -> RowLoss:
    """Return a loss of one example: that of the table, or else a call of `loss_fn`."""
    if isinstance(loss_fn, Weighted):
        return _weighted(row_loss_of(loss_fn.loss_fn), loss_fn.class_weights)
    return ROW_LOSSES.get(loss_fn) or _called(loss_fn)


def _weighted(row_loss: RowLoss, class_weights: FloatArray) -> RowLoss:
    def weighted_loss(scores: Any, y: int, dscores: Any) -> float:
        w = float(class_weights[y])
        loss = w * row_loss(scores, y, dscores)
        for j in range(len(scores)):
            dscores[j] *= w
        return loss

    return weighted_loss


def _called(loss_fn: LossFn) -> RowLoss:
    def loss_of_row(scores: Any, y: int, dscores: Any) -> float:
        losses, (dscores[:],) = loss_fn(np.array([scores]), np.array([y]))
        return float(losses[0])

    return loss_of_row
