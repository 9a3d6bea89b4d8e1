"""Our answer to a question, with its rounding bound.

Where a hinge has a kink, or is so near to one that rounding decides its side, any slope between those of both sides
is right.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.increments import INCREMENTS
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES, MARGIN
from imgclf.model import scores


class Reference(NamedTuple):
    """Ours at one W."""

    loss: float
    loss_bound: float
    dW: FloatArray  # (D, C)
    dW_bound: FloatArray  # noqa: N815 - (D, C), of dW


def with_bias(W: FloatArray) -> FloatArray:
    """Return our weights (D+1, C), b = 0."""
    return np.vstack([W, np.zeros((1, W.shape[1]))])


def ours(loss: str, W: FloatArray, X: FloatArray, y: IntArray, reg: float, unit: float = 1.0) -> Reference:
    """Return our loss and dW, l2 = 2 * reg, and their bounds in float64; `unit` is how much coarser rounding is."""
    N, D, C = *X.shape, W.shape[1]
    u = unit * UNIT_ROUNDOFF
    seen = analytic_gradient(Objective(LOSSES[loss], l2=2 * reg), Batch.of(X, y), with_bias(W))
    s = scores(X, with_bias(W))  # (N, C)
    losses, dscores = LOSSES[loss](s, y)
    span = np.abs(s).max(axis=1) + MARGIN  # (N,)
    blur = u * (2 * (D + 2) * (np.abs(X) @ np.abs(W)).max(axis=1) + 4 * span)  # (N,): of a score, both ways
    curve = INCREMENTS[loss](s, y).curve.curvature(C)
    loose = loose_slopes(loss, s, y, blur)  # (N, C)
    steep = (np.abs(dscores) + loose).sum(axis=1) + curve * C * blur  # (N,)
    of_losses = steep * blur + u * (2 * C + 20) * (losses + 2 * span + 1)
    penalty = reg * float(np.sum(W * W))
    # What all images add to a sum is rounded as the sum is: it may begin with the penalty.
    loss_bound = of_losses.mean() + 2 * u * (N * C + 10) * (losses.mean() + penalty) + 2 * u * W.size * penalty
    # p - 1 is as exact as 1 is, however small it may be.
    of_slopes = u * ((2 * N * C + 40) * np.abs(dscores) + (2 * C + 20 + 2 * span)[:, None])  # (N, C)
    of_slopes += curve * blur[:, None] + loose
    penalty_slope = 2 * reg * np.abs(W)
    slope_bound = np.abs(X).T @ of_slopes / N + u * (N * C + 10) * (penalty_slope + np.abs(seen.grad[:-1]))
    return Reference(seen.loss, float(loss_bound), seen.grad[:-1], slope_bound)


def loose_slopes(loss: str, s: FloatArray, y: IntArray, blur: FloatArray) -> FloatArray:
    """Return how much dloss/ds may jump within `blur` (N,) of the scores s, (N, C): 0 where there is no kink."""
    rows = np.arange(len(y))
    loose = np.zeros_like(s)
    near = 2 * blur
    margins = s - s[rows, y][:, None] + MARGIN
    margins[rows, y] = -np.inf
    if loss == "svm":
        loose = (np.abs(margins) <= near[:, None]).astype(s.dtype)
        loose[rows, y] = loose.sum(axis=1)
    if loss == "svm_cs":
        worst = margins.max(axis=1)
        rivals: NDArray[Any] = (margins >= (worst - near)[:, None]) & (worst > -near)[:, None]
        on_edge = np.abs(worst) <= near
        loose = (rivals & ((rivals.sum(axis=1) > 1) | on_edge)[:, None]).astype(s.dtype)
        loose[rows, y] = on_edge
    return loose
