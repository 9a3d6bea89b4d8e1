"""Right functions, as learners write them: with loops, and without."""

import numpy as np


def softmax_loops(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(len(y)):
        s = X[i].dot(W)
        s -= s.max()
        total = sum(np.exp(s))
        loss += -s[y[i]] + np.log(total)
        for j in range(W.shape[1]):
            dW[:, j] += (np.exp(s[j]) / total - (j == y[i])) * X[i]
    return loss / len(y) + reg * np.sum(W * W), dW / len(y) + 2 * reg * W


def softmax(W, X, y, reg):
    rows = np.arange(len(y))
    s = X @ W
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, y]).mean() + reg * (W**2).sum()
    p[rows, y] -= 1
    return loss, X.T @ p / len(y) + reg * 2 * W


def svm_loops(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(len(y)):
        s = X[i].dot(W)
        for j in range(W.shape[1]):
            margin = s[j] - s[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return loss / len(y) + reg * np.sum(W * W), dW / len(y) + 2 * reg * W


def svm(W, X, y, reg):
    rows = np.arange(len(y))
    s = X.dot(W)
    margins = np.maximum(0, s - s[rows, y].reshape(-1, 1) + 1)
    margins[rows, y] = 0
    mask = (margins > 0) * 1.0
    mask[rows, y] -= mask.sum(axis=1)
    return margins.sum() / len(y) + reg * np.sum(W * W), X.T.dot(mask) / len(y) + 2 * reg * W


def svm_squared_loops(W, X, y, reg):
    dW = 2 * reg * W
    loss = reg * float((W * W).sum())
    for x, right in zip(X, y, strict=True):
        s = W.T @ x
        for j in range(W.shape[1]):
            margin = max(0.0, s[j] - s[right] + 1)
            if j != right:
                loss += margin**2 / len(y)
                dW[:, j] += 2 * margin * x / len(y)
                dW[:, right] -= 2 * margin * x / len(y)
    return loss, dW


def svm_squared(W, X, y, reg):
    rows = np.arange(len(y))
    s = X @ W
    margins = np.maximum(0, 1 + s - s[rows, y][:, None])
    margins[rows, y] = 0
    slopes = 2 * margins
    slopes[rows, y] = -slopes.sum(axis=1)
    return (margins**2).sum(axis=1).mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def svm_cs_loops(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in reversed(range(len(y))):
        s = X[i] @ W
        rivals = [j for j in range(W.shape[1]) if j != y[i]]
        worst = max(reversed(rivals), key=lambda j, s=s: s[j])  # of rivals that tie, the last: ours takes the first
        if s[worst] - s[y[i]] + 1 >= 0:
            loss += s[worst] - s[y[i]] + 1
            dW[:, worst] += X[i]
            dW[:, y[i]] -= X[i]
    return loss / len(y) + reg * np.sum(W * W), dW / len(y) + 2 * reg * W


def svm_cs(W, X, y, reg):
    rows = np.arange(len(y))
    margins = X @ W - (X @ W)[rows, y][:, None] + 1
    margins[rows, y] = -np.inf
    worst = margins.argmax(axis=1)
    losses = np.maximum(0, margins[rows, worst])
    slopes = np.zeros((len(y), W.shape[1]))
    slopes[rows, worst] = losses > 0
    slopes[rows, y] = -1.0 * (losses > 0)
    return losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def logistic_ovr_loops(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(len(y)):
        s = X[i] @ W
        for j in range(W.shape[1]):
            z = 1 if j == y[i] else -1
            loss += np.logaddexp(0, -z * s[j])
            dW[:, j] -= z * np.exp(-np.logaddexp(0, z * s[j])) * X[i]
    return loss / len(y) + reg * np.sum(W * W), dW / len(y) + 2 * reg * W


def logistic_ovr(W, X, y, reg):
    s = X @ W
    z = 2.0 * np.eye(W.shape[1])[y] - 1
    p = 0.5 * (1 + np.tanh(s / 2))
    losses = np.maximum(0, -z * s) + np.log1p(np.exp(-np.abs(s)))
    return losses.sum() / len(y) + reg * np.sum(W * W), X.T @ (p - (z > 0)) / len(y) + 2 * reg * W


RIGHT = {
    "softmax": [softmax_loops, softmax],
    "svm": [svm_loops, svm],
    "svm_squared": [svm_squared_loops, svm_squared],
    "svm_cs": [svm_cs_loops, svm_cs],
    "logistic_ovr": [logistic_ovr_loops, logistic_ovr],
}
