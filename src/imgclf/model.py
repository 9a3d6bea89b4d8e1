"""The model: one score a class, linear in the pixels."""

import numpy as np

from imgclf.arrays import BLOCK, FloatArray


def split(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return views of W (D, C) and b (C,): the weights are one array (D+1, C) with b as its last row."""
    return weights[:-1], weights[-1]


def scores(X: FloatArray, weights: FloatArray) -> FloatArray:
    """How much each example looks like each class: X @ W + b.

    X (N, D), weights (D+1, C); returns (N, C), in the dtype of the weights.
    """
    W, b = split(weights)
    out = np.empty((len(X), W.shape[1]), weights.dtype)
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK]
        # BLAS rounds differently for another number of rows: always multiply exactly BLOCK of them, so
        # that an example has the same scores, to the bit, alone and in any company.
        if len(rows) < BLOCK:
            padded = np.zeros((BLOCK, X.shape[1]), X.dtype)
            padded[: len(rows)] = rows
            out[start:] = (padded @ W)[: len(rows)] + b
        else:
            out[start : start + BLOCK] = rows @ W + b
    return out
