"""A multiclass SVM loss as a learner wrote it, with one mistake: `imgclf gradcheck --loss student.py:my_svm`."""

import numpy as np


def my_svm(W, X, y, reg):
    """The multiclass SVM loss, vectorized."""
    N = len(y)
    scores = X @ W
    margins = np.maximum(0, scores - scores[np.arange(N), y][:, None] + 1)
    margins[np.arange(N), y] = 0
    loss = margins.sum() / N + reg * np.sum(W * W)

    binary = (margins > 0).astype(float)
    binary[np.arange(N), y] = -binary.sum(axis=1)
    dW = X.T @ binary + 2 * reg * W
    return loss, dW
