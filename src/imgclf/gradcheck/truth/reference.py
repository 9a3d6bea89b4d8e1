"""Reference scores and gradients, in extended and complex precision."""

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS, Numbers
from imgclf.numerics.indices import slices

EXTENDED = np.longdouble  # 64 bits of mantissa on x86; the bounds also hold where it is float64
ROWS = 256  # at a time: extended numbers take twice the memory
COMPLEX_STEP = 1e-30


def extended_scores(X: FloatArray, weights: FloatArray) -> Numbers:
    """Return X @ W + b in extended precision, (N, C)."""
    W, b = weights[:-1].astype(EXTENDED), weights[-1].astype(EXTENDED)
    return np.concatenate([X[rows].astype(EXTENDED) @ W + b for rows in slices(len(X), ROWS)])


def complex_step_gradient(
    loss: str, scores: FloatArray, X: FloatArray, y: IntArray, weight: FloatArray | None = None
) -> FloatArray:
    """Return the gradient of the mean loss, (D+1, C), by complex step: Im loss(s + ih) / h; weight (N,) of each loss.

    Nothing is subtracted, so h may be tiny, and no digit is lost (Squire and Trapp 1998).
    """
    dscores = np.empty_like(scores)
    for c in range(scores.shape[1]):
        moved = scores.astype(np.complex128)
        moved[:, c] += 1j * COMPLEX_STEP
        dscores[:, c] = LOSS_FACTS[loss].definition(moved, y).imag / COMPLEX_STEP
    if weight is not None:
        dscores *= weight[:, None]
    return np.vstack([X.T @ dscores, dscores.sum(axis=0)]) / len(y)
