"""Our answer to a question, with its rounding bound.

Where a hinge has a kink, or is so near to one that rounding decides its side, any slope between those of both sides
is right.
"""

from typing import NamedTuple

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.increments import INCREMENTS, Increment
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES, MARGIN
from imgclf.model import scores


class Reference(NamedTuple):
    """Our loss and dW at one W, and how far right ones may lie from them."""

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
    increment = INCREMENTS[loss](s, y)
    span = np.abs(s).max(axis=1) + MARGIN  # (N,)
    blur = u * (2 * (D + 2) * (np.abs(X) @ np.abs(W)).max(axis=1) + 4 * span)  # (N,): of a score, both ways
    curve = increment.curve.curvature(C)
    jumps = kink_jumps(increment, y, blur)  # (N, C)
    steep = (np.abs(dscores) + jumps).sum(axis=1) + curve * C * blur  # (N,)
    of_losses = steep * blur + u * (2 * C + 20) * (losses + 2 * span + 1)
    penalty = reg * float(np.sum(W * W))
    # What all images add to a sum is rounded as the sum is: it may begin with the penalty.
    loss_bound = of_losses.mean() + 2 * u * (N * C + 10) * (losses.mean() + penalty) + 2 * u * W.size * penalty
    # p - 1 is as exact as 1 is, however small it may be.
    of_dscores = u * ((2 * N * C + 40) * np.abs(dscores) + (2 * C + 20 + 2 * span)[:, None])  # (N, C)
    of_dscores += curve * blur[:, None] + jumps
    penalty_gradient = 2 * reg * np.abs(W)
    bound = np.abs(X).T @ of_dscores / N + u * (N * C + 10) * (penalty_gradient + np.abs(seen.grad[:-1]))
    return Reference(seen.loss, float(loss_bound), seen.grad[:-1], bound)


def kink_jumps(increment: Increment, y: IntArray, blur: FloatArray) -> FloatArray:
    """Return how much dloss/ds may jump at a kink within `blur` (N,) of the scores, (N, C)."""
    if increment.curve.curvature(increment.number.shape[1]):  # only what is made of straight lines jumps
        return np.zeros_like(increment.number)
    jumps = (np.abs(increment.number) <= 2 * blur[:, None]).astype(blur.dtype)
    if not increment.mirror:  # the right class moves all margins
        jumps[np.arange(len(y)), y] = jumps.sum(axis=1)
    return jumps
