"""The model: one score a class, linear in the pixels."""

import numpy as np

from imgclf.arrays import FloatArray

SLAB = 32  # rows that BLAS multiplies at a time


def split(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return views of W (D, C) and b (C,): the weights are one array (D+1, C) with b as its last row."""
    return weights[:-1], weights[-1]


def scores(X: FloatArray, weights: FloatArray) -> FloatArray:
    """How much each example looks like each class: X @ W + b.

    X (N, D), weights (D+1, C); returns (N, C), in the dtype of the weights.
    """
    W, b = split(weights)
    out = np.empty((len(X), W.shape[1]), weights.dtype)
    # BLAS rounds differently for another number of rows: always multiply exactly SLAB of them, so that an
    # example has the same scores, to the bit, alone and in any company.
    whole = len(X) // SLAB
    in_slabs = X[: whole * SLAB].reshape(whole, SLAB, X.shape[1])
    np.matmul(in_slabs, W, out=out[: whole * SLAB].reshape(whole, SLAB, W.shape[1]))
    rest = X[whole * SLAB :]
    if len(rest):
        padded = np.zeros((SLAB, X.shape[1]), X.dtype)
        padded[: len(rest)] = rest
        out[whole * SLAB :] = (padded @ W)[: len(rest)]
    out += b
    return out
