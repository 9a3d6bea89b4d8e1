"""The gradient of the objective, twice: by calculus, and by trying.

The numerical gradient is simple, approximate and expensive; the analytic one is exact and fast, and easy to get
wrong. So one trains with the second and checks it against the first. Both are functions of one type:

    (objective, batch, weights (D+1, C)) -> BatchGradient
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.losses import LossFn
from imgclf.model import scores, split

# Truncation grows like STEP**2, round-off like 1 / STEP; for float64 and pixels of about 1 they meet near here.
STEP = 1e-5


@dataclass(frozen=True)
class Objective:
    """What training makes small: mean data loss + l2/2 * sum(W**2) + l1 * sum(|W|); b is free.

    For SGD this l2 is PyTorch's `weight_decay` and scikit-learn's `alpha`, and twice the `reg` of
    courses that write `reg * sum(W**2)`.
    """

    loss_fn: LossFn
    l2: float = 0.0
    l1: float = 0.0

    def __post_init__(self) -> None:
        if not (self.l2 >= 0 and self.l1 >= 0):
            raise ValueError(f"penalties must be at least 0: l2 is {self.l2}, l1 is {self.l1}")

    def penalty(self, weights: FloatArray) -> float:
        """Return l2/2 * sum(W**2) + l1 * sum(|W|), summed in float64."""
        W = split(weights)[0].astype(np.float64)
        penalty = self.l2 / 2 * (W**2).sum() if self.l2 else 0.0
        return float(penalty + self.l1 * np.abs(W).sum() if self.l1 else penalty)

    def penalty_gradient(self, weights: FloatArray) -> FloatArray:
        """Return l2 * W + l1 * sign(W), with 0 in the row of b: (D+1, C)."""
        grad = self.l2 * weights
        if self.l1:
            grad += self.l1 * np.sign(weights)
        grad[-1] = 0
        return grad


class BatchGradient(NamedTuple):
    """What was seen of one batch."""

    loss: float  # mean data loss + penalty
    correct: int  # examples whose highest score is that of their own class
    grad: FloatArray  # (D+1, C), a fresh array in the dtype of the weights


GradientFn: TypeAlias = Callable[[Objective, Batch, FloatArray], BatchGradient]


def analytic_gradient(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    """By calculus, in one pass: dW = X.T @ dscores / N + l2 * W + l1 * sign(W), db = sum(dscores) / N.

    The loss of example n depends on W[d, c] only through its score of class c,

        scores[n, c] = sum_d X[n, d] * W[d, c] + b[c]

    which grows by X[n, d] when W[d, c] grows by 1, and by 1 when b[c] does. The chain rule multiplies that by
    dscores[n, c], the derivative of the loss of example n by that score; the mean over all examples is

        dW[d, c] = sum_n X[n, d] * dscores[n, c] / N        all at once: X.T @ dscores / N
        db[c]    = sum_n dscores[n, c] / N
    """
    X, y = batch
    N = len(y)
    s = scores(X, weights)  # (N, C)
    losses, dscores = objective.loss_fn(s, y)  # (N,), (N, C)
    grad = objective.penalty_gradient(weights)  # (D+1, C)
    dW, db = split(grad)
    # (D, N) @ (N, C): what each pixel showed, times how each score should move, added up over the examples.
    dW += X.T @ dscores / N
    db += dscores.sum(axis=0) / N
    loss = losses.sum(dtype=np.float64) / N + objective.penalty(weights)
    return BatchGradient(float(loss), count_correct(s, y), grad)


def numerical_gradient(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    """By trying, one weight at a time: (L(w + h) - L(w - h)) / 2h.

    Costs two passes over the batch a weight. Works in float64 inside: in float32 the difference drowns in round-off.
    """
    batch = Batch.of(*batch)  # read once, not for every weight
    w = weights.astype(np.float64)
    grad = np.empty_like(w)
    for at in np.ndindex(*w.shape):
        grad[at] = central_difference(lambda w: evaluate_loss(objective, batch, w)[0], w, at, STEP)
    loss, correct = evaluate_loss(objective, batch, w)
    return BatchGradient(loss, correct, grad.astype(weights.dtype))


def central_difference(f: Callable[[FloatArray], float], w: FloatArray, at: tuple[int, ...], step: float) -> float:
    """Return the derivative of f(w) by one coordinate; w (float64) is moved there and put back."""
    here = w[at]
    w[at] = above = here + step
    up = f(w)
    w[at] = below = here - step
    down = f(w)
    w[at] = here
    return float((up - down) / (above - below))  # not 2 * step: here + step has been rounded


def evaluate_loss(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, int]:
    """Return the objective's value over a batch, and how many examples are right; no gradient."""
    X, y = batch
    s = scores(X, weights)
    losses, _ = objective.loss_fn(s, y)
    return float(losses.sum(dtype=np.float64) / len(y) + objective.penalty(weights)), count_correct(s, y)


def count_correct(s: FloatArray, y: IntArray) -> int:
    """Return how many of the scores (n, C) are highest at the right class."""
    return int((s.argmax(axis=1) == y).sum())
