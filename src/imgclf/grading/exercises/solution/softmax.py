"""Softmax classifier: loss and gradient.

W (D, C) weights, X (N, D) images, y (N,) classes from 0 to C - 1, reg the strength of the penalty.
"""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    """The mean over the images of -log(exp(s_y) / sum over j of exp(s_j)),
    plus reg * sum(W * W). With loops over images and classes."""
    N, C = len(X), W.shape[1]
    loss = 0.0
    dW = np.zeros(W.shape)
    for i in range(N):
        scores = X[i] @ W
        scores = scores - scores.max()  # exp overflows beyond 709; p does not change
        total = np.sum(np.exp(scores))
        loss += np.log(total) - scores[y[i]]
        for j in range(C):
            dW[:, j] += (np.exp(scores[j]) / total - (j == y[i])) * X[i]
    return loss / N + reg * np.sum(W * W), dW / N + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    """The mean over the images of -log(exp(s_y) / sum over j of exp(s_j)),
    plus reg * sum(W * W). Without loops."""
    N = len(X)
    rows = np.arange(N)
    scores = X @ W  # (N, C)
    scores = scores - scores.max(axis=1, keepdims=True)  # exp overflows beyond 709; p does not change
    exps = np.exp(scores)
    total = exps.sum(axis=1, keepdims=True)
    dscores = exps / total
    dscores[rows, y] -= 1
    loss = np.mean(np.log(total[:, 0]) - scores[rows, y])
    return loss + reg * np.sum(W * W), X.T @ dscores / N + 2 * reg * W
