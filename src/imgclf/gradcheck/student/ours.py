"""Our own loss and gradient, with bounds on rounding.

Where a margin is 0 within rounding (the kink of a hinge), any subgradient is right.
"""

from typing import NamedTuple

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES, MARGIN
from imgclf.model import scores


class Reference(NamedTuple):
    """Our loss and gradient at one W, and bounds on their difference from right ones."""

    loss: float
    loss_bound: float
    dW: FloatArray  # (D, C)
    dW_bound: FloatArray  # noqa: N815 - (D, C), of dW


def with_bias(W: FloatArray) -> FloatArray:
    """Return weights (D+1, C) with b = 0."""
    return np.vstack([W, np.zeros((1, W.shape[1]))])


def ours(loss: str, W: FloatArray, X: FloatArray, y: IntArray, reg: float, unit: float = 1.0) -> Reference:
    """Return our loss and dW, with l2 = 2 * reg, and their bounds for rounding `unit` times that of float64."""
    N, D, C = *X.shape, W.shape[1]
    u = unit * UNIT_ROUNDOFF
    seen = analytic_gradient(Objective(LOSSES[loss], l2=2 * reg), Batch.of(X, y), with_bias(W))
    s = scores(X, with_bias(W))  # (N, C)
    losses, dscores = LOSSES[loss](s, y)
    span = np.abs(s).max(axis=1) + MARGIN  # (N,)
    blur = u * (2 * (D + 2) * (np.abs(X) @ np.abs(W)).max(axis=1) + 4 * span)  # (N,): of a score, on both sides
    exact = LOSS_FACTS[loss].exact_differences(s, y)
    curve = exact.curve.curvature(C)
    loose = exact.derivative_jumps(2 * blur[:, None])  # (N, C): a margin is a difference of two scores
    steep = (np.abs(dscores) + loose).sum(axis=1) + curve * C * blur  # (N,)
    of_losses = steep * blur + u * (2 * C + 20) * (losses + 2 * span + 1)
    penalty = reg * float(np.sum(W * W))
    # The term of each image is rounded at the size of the sum, which may begin with the penalty.
    loss_bound = of_losses.mean() + 2 * u * (N * C + 10) * (losses.mean() + penalty) + 2 * u * W.size * penalty
    # p - 1 is rounded like 1, even where it is small.
    of_dscores = u * ((2 * N * C + 40) * np.abs(dscores) + (2 * C + 20 + 2 * span)[:, None])  # (N, C)
    of_dscores += curve * blur[:, None] + loose
    penalty_size = 2 * reg * np.abs(W)
    bound = np.abs(X).T @ of_dscores / N + u * (N * C + 10) * (penalty_size + np.abs(seen.grad[:-1]))
    return Reference(seen.loss, float(loss_bound), seen.grad[:-1], bound)
