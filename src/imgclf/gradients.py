"""The gradient of the objective, analytic and numerical.

The analytic gradient (calculus) is exact and fast, and easy to get wrong; the numerical one (finite differences) is
simple, approximate and slow. So train with the first and check it against the second. Both have one type:

    (objective, batch, weights (D+1, C)) -> BatchGradient
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.losses import LossFn
from imgclf.model import scores, split

# The error of truncation grows like h**2, that of rounding like 1 / h: in float64, with pixels near 1, they meet here.
STEP = 1e-5


@dataclass(frozen=True)
class Objective:
    """The function to minimize: mean data loss + l2/2 * sum(W**2) + l1 * sum(|W|); b has no penalty.

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
        W, _ = split(weights)
        squares = self.l2 / 2 * np.square(W, dtype=np.float64).sum() if self.l2 else 0.0
        lengths = self.l1 * np.abs(W, dtype=np.float64).sum() if self.l1 else 0.0
        return float(squares + lengths)

    def penalty_gradient(self, weights: FloatArray) -> FloatArray:
        """Return l2 * W + l1 * sign(W), with 0 in the row of b: (D+1, C)."""
        grad = self.l2 * weights
        if self.l1:
            grad += self.l1 * np.sign(weights)
        grad[-1] = 0
        return grad


class BatchGradient(NamedTuple):
    """The objective and its gradient on one batch."""

    loss: float  # mean data loss + penalty
    correct: int  # number of examples whose highest score is at the right class
    grad: FloatArray  # (D+1, C), a new array in the dtype of the weights


GradientFn: TypeAlias = Callable[[Objective, Batch, FloatArray], BatchGradient]


def analytic_gradient(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    """Calculus, in one pass: dW = X.T @ dscores / N + l2 * W + l1 * sign(W), db = sum(dscores) / N.

    The loss of example n depends on W[d, c] only through its score of class c,

        scores[n, c] = sum_d X[n, d] * W[d, c] + b[c]

    whose derivative is X[n, d] by W[d, c], and 1 by b[c]. The chain rule multiplies it by dscores[n, c], the
    derivative of the loss of example n by that score. The mean over the examples is

        dW[d, c] = sum_n X[n, d] * dscores[n, c] / N        all at once: X.T @ dscores / N
        db[c]    = sum_n dscores[n, c] / N
    """
    X, y = batch
    N = len(y)
    s = scores(X, weights)  # (N, C)
    losses, dscores = objective.loss_fn(s, y)  # (N,), (N, C)
    grad = objective.penalty_gradient(weights)  # (D+1, C)
    dW, db = split(grad)
    # (D, N) @ (N, C): the matrix product sums over the examples.
    dW += X.T @ dscores / N
    db += dscores.sum(axis=0) / N
    loss = losses.sum(dtype=np.float64) / N + objective.penalty(weights)
    return BatchGradient(float(loss), count_correct(s, y), grad)


def numerical_gradient(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    """Central differences, one parameter at a time: (L(w + h) - L(w - h)) / 2h.

    Takes two passes over the batch per parameter, in float64: in float32 the difference would drown in rounding.
    """
    batch = Batch.of(*batch)  # read once, not for each parameter
    w = weights.astype(np.float64)
    grad = np.empty_like(w)
    for at in np.ndindex(*w.shape):
        grad[at] = central_difference(lambda w: evaluate_loss(objective, batch, w)[0], w, at, STEP)
    loss, correct = evaluate_loss(objective, batch, w)
    return BatchGradient(loss, correct, grad.astype(weights.dtype))


def central_difference(f: Callable[[FloatArray], float], w: FloatArray, at: tuple[int, ...], step: float) -> float:
    """Return (f(w + h) - f(w - h)) / 2h in one coordinate; w (float64) is changed there and restored."""
    here = w[at]
    w[at] = above = here + step
    up = f(w)
    w[at] = below = here - step
    down = f(w)
    w[at] = here
    return float((up - down) / (above - below))  # not 2 * step: the sum here + step was rounded


def evaluate_loss(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, int]:
    """Return the objective on a batch and the number of correct examples, without the gradient."""
    X, y = batch
    s = scores(X, weights)
    losses, _ = objective.loss_fn(s, y)
    return float(losses.sum(dtype=np.float64) / len(y) + objective.penalty(weights)), count_correct(s, y)


def count_correct(s: FloatArray, y: IntArray) -> int:
    """Return the number of rows of scores (n, C) that are highest at the right class."""
    return int((s.argmax(axis=1) == y).sum())
