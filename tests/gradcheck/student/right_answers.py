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


def softmax_in_batches(W, X, y, reg):
    """A last, smaller batch counts as any other."""
    loss, dW = 0.0, np.zeros(W.shape, order="F")
    for top in range(0, len(y), 8):
        part, labels = X[top : top + 8], y[top : top + 8]
        s = part @ W
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s - np.logaddexp.reduce(s, axis=1, keepdims=True))
        loss -= np.log(p[np.arange(len(labels)), labels]).sum()
        dW += np.einsum("nd,nc->dc", part, p - np.eye(W.shape[1])[labels])
    return loss / len(y) + reg * np.linalg.norm(W) ** 2, dW / len(y) + 2 * reg * W


def svm_half_at_ties(W, X, y, reg):
    """At a kink, half of what is right on one of its sides."""
    rows = np.arange(len(y))
    s = X @ W
    margins = s - s[rows, y][:, None] + 1
    margins[rows, y] = 0
    mask = np.heaviside(margins, 0.5)
    mask[rows, y] = 0
    mask[rows, y] = -mask.sum(axis=1)
    return np.maximum(0, margins).sum() / len(y) + reg * np.sum(W * W), X.T @ mask / len(y) + 2 * reg * W


def svm_at_least(W, X, y, reg):
    """A margin of exactly 0 counts."""
    rows = np.arange(len(y))
    s = X @ W
    margins = s - s[rows, y][:, None] + 1
    margins[rows, y] = -1
    mask = (margins >= 0) * 1.0
    mask[rows, y] = -mask.sum(axis=1)
    return np.where(margins > 0, margins, 0).sum() / len(y) + reg * np.sum(W * W), X.T @ mask / len(y) + 2 * reg * W


def svm_cs_shared(W, X, y, reg):
    """Rivals that tie share the slope."""
    rows = np.arange(len(y))
    margins = X @ W - (X @ W)[rows, y][:, None] + 1
    margins[rows, y] = -np.inf
    worst = margins.max(axis=1, keepdims=True)
    slopes = (margins == worst) * (worst > 0) / (margins == worst).sum(axis=1, keepdims=True)
    slopes[rows, y] = -1.0 * (worst[:, 0] > 0)
    return np.maximum(0, worst).mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


RIGHT = {
    "softmax": [softmax_loops, softmax, softmax_in_batches],
    "svm": [svm_loops, svm, svm_half_at_ties, svm_at_least],
    "svm_squared": [svm_squared_loops, svm_squared],
    "svm_cs": [svm_cs_loops, svm_cs, svm_cs_shared],
    "logistic_ovr": [logistic_ovr_loops, logistic_ovr],
}


def all_in(dtype):
    return lambda f: lambda W, X, y, reg: f(W.astype(dtype), X.astype(dtype), y, dtype(reg))


def gradient_in(dtype):
    def rewritten(f):
        def function(W, X, y, reg):
            loss, dW = f(W, X, y, reg)
            return loss, dW.astype(dtype)

        return function

    return rewritten


# Ways to compute the same with other digits: who is asked, and the precision that is to be seen.
PRECISIONS = {
    "all in float32": (all_in(np.float32), "float32"),
    "W in float32": (lambda f: lambda W, X, y, reg: f(W.astype(np.float32), X, y, reg), "float32"),
    "dW in float32": (gradient_in(np.float32), "float32"),
    "X in float32": (lambda f: lambda W, X, y, reg: f(W, X.astype(np.float32), y, reg), None),
    "all in longdouble": (all_in(np.longdouble), "longdouble"),
    "dW in longdouble": (gradient_in(np.longdouble), "longdouble"),
}
