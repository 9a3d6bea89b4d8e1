"""Reference losses by definition, for extended and complex precision.

They share no code with `imgclf.losses`: what both sides had wrong alike, no check could see.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.losses import MARGIN

Numbers: TypeAlias = NDArray[Any]

EXTENDED = np.longdouble  # 64 bits of mantissa on x86; on machines where it is a float64, bounds hold all the same
ROWS = 256  # at a time: extended numbers take twice the room
COMPLEX_STEP = 1e-30


def softmax(s: Numbers, y: IntArray) -> Numbers:
    """Log sum_j exp(s_j - s_y)."""
    ahead = s - _right(s, y)
    top = ahead.real.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(ahead - top).sum(axis=1)) + top[:, 0])


def svm(s: Numbers, y: IntArray) -> Numbers:
    """sum_{j != y} max(0, 1 + s_j - s_y)."""
    return np.asarray(_violations(s, y).sum(axis=1))


def svm_squared(s: Numbers, y: IntArray) -> Numbers:
    """sum_{j != y} max(0, 1 + s_j - s_y)**2."""
    return np.asarray((_violations(s, y) ** 2).sum(axis=1))


def svm_cs(s: Numbers, y: IntArray) -> Numbers:
    """max(0, 1 + max_{j != y} s_j - s_y)."""
    all_of_them = _violations(s, y)
    return np.asarray(np.take_along_axis(all_of_them, all_of_them.real.argmax(axis=1)[:, None], axis=1)[:, 0])


def logistic_ovr(s: Numbers, y: IntArray) -> Numbers:
    """sum_j log(1 + exp(-z_j s_j))."""
    z = np.where(np.arange(s.shape[1]) == y[:, None], 1, -1)
    v = -z * s
    size = np.where(v.real >= 0, v, -v)  # |v|, also for complex v
    return np.asarray((np.log1p(np.exp(-size)) + np.where(v.real >= 0, v, 0)).sum(axis=1))


def _right(s: Numbers, y: IntArray) -> Numbers:
    return np.take_along_axis(s, y[:, None].astype(np.intp), axis=1)  # (N, 1)


def _violations(s: Numbers, y: IntArray) -> Numbers:
    margins = MARGIN + s - _right(s, y)
    is_rival = np.arange(s.shape[1]) != y[:, None]
    return np.asarray(np.where(is_rival & (margins.real > 0), margins, 0))


def extended_scores(X: FloatArray, weights: FloatArray) -> Numbers:
    """Return X @ W + b in extended precision, (N, C)."""
    W, b = weights[:-1].astype(EXTENDED), weights[-1].astype(EXTENDED)
    parts = [X[top : top + ROWS].astype(EXTENDED) @ W + b for top in range(0, len(X), ROWS)]
    return np.concatenate(parts)


def complex_step_gradient(loss: str, scores: FloatArray, X: FloatArray, y: IntArray) -> FloatArray:
    """Return the gradient of the mean loss, (D+1, C), by steps along the imaginary axis: Im loss(s + ih) / h.

    Nothing is subtracted, so h may be as small as one likes, and no digit is lost (Squire and Trapp 1998).
    """
    slope = np.empty_like(scores)
    for c in range(scores.shape[1]):
        moved = scores.astype(np.complex128)
        moved[:, c] += 1j * COMPLEX_STEP
        slope[:, c] = REFERENCES[loss](moved, y).imag / COMPLEX_STEP
    return np.vstack([X.T @ slope, slope.sum(axis=0)]) / len(y)


REFERENCES: dict[str, Callable[[Numbers, IntArray], Numbers]] = {
    "softmax": softmax,
    "svm": svm,
    "svm_squared": svm_squared,
    "svm_cs": svm_cs,
    "logistic_ovr": logistic_ovr,
}
