"""Multiclass SVM with squared margins: loss and gradient.

W (D, C) weights, X (N, D) images, y (N,) classes from 0 to C - 1, reg the strength of the penalty.
"""

import numpy as np


def squared_hinge_loss(W, X, y, reg):
    """The mean over the images of the sum over wrong classes j of max(0, s_j - s_y + 1)**2,
    plus reg * sum(W * W)."""
    N = len(X)
    rows = np.arange(N)
    scores = X @ W  # (N, C)
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    dscores = 2 * margins
    dscores[rows, y] = -dscores.sum(axis=1)
    return np.sum(margins**2) / N + reg * np.sum(W * W), X.T @ dscores / N + 2 * reg * W
