"""Wrong functions, one mistake each. Below: the loss they are meant to be, and words of the sentence that explains it.

`seen_alone`: whether the mistake is one between loss and dW, so that it is seen without knowing the loss.
"""

from typing import NamedTuple

import numpy as np

from imgclf.losses import LOSSES


class Wrong(NamedTuple):
    """A mistake."""

    function: object
    loss: str
    words: str | None = None
    seen_alone: bool = True


def parts(loss, W, X, y):
    """Return the losses and the slopes by the scores, right."""
    return LOSSES[loss](X @ W, y)


def with_loss(loss, change):
    """Change value, dW of the data and dW of the penalty, all right: change(value, penalty, dW, dpenalty, case)."""

    def function(W, X, y, reg):
        losses, slopes = parts(loss, W, X, y)
        case = {"W": W, "X": X, "y": y, "reg": reg, "N": len(y), "C": W.shape[1], "losses": losses, "slopes": slopes}
        return change(losses.mean(), reg * np.sum(W * W), X.T @ slopes / len(y), 2 * reg * W, case)

    return function


def column(dW, index, value):
    dW[:, index] = value
    return dW


def place(dW, index, factor):
    dW[index] *= factor
    return dW


def right_class_counts(W, X, y, reg):
    s = X @ W
    margins = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
    mask = (margins > 0) * 1.0
    mask[np.arange(len(y)), y] -= mask.sum(axis=1)
    return margins.sum() / len(y) + reg * np.sum(W * W), X.T @ mask / len(y) + 2 * reg * W


def margin_of_2(W, X, y, reg):
    losses, slopes = LOSSES["svm"](X @ W / 2, y)
    return 2 * losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def duplicates_lost(W, X, y, reg):
    losses, slopes = parts("softmax", W, X, y)
    p = slopes.copy()
    p[np.arange(len(y)), y] += 1
    dW = X.T @ p
    dW[:, y] -= X.T  # where a class occurs twice, only one of its images counts
    return losses.mean() + reg * np.sum(W * W), dW / len(y) + 2 * reg * W


def changes_pixels(W, X, y, reg):
    X -= X.mean(axis=0)
    losses, slopes = parts("svm", W, X, y)
    return losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def changes_weights(W, X, y, reg):
    losses, slopes = parts("svm", W, X, y)
    dW = X.T @ slopes / len(y) + 2 * reg * W
    loss = losses.mean() + reg * np.sum(W * W)
    W -= 0.1 * dW
    return loss, dW


def something_random(W, X, y, reg):
    losses, slopes = parts("svm", W, X, y)
    kept = np.random.random(X.shape) < 0.5  # noqa: NPY002 - as learners do
    return losses.mean() + reg * np.sum(W * W), (X * kept).T @ slopes / len(y) + 2 * reg * W


def grows(W, X, y, reg, kept={"calls": 0}):  # noqa: B006 - the mistake
    kept["calls"] += 1
    losses, slopes = parts("svm", W, X, y)
    return losses.mean() + reg * np.sum(W * W) + 1e-9 * kept["calls"], X.T @ slopes / len(y) + 2 * reg * W


def overflows(W, X, y, reg):
    exps = np.exp(X @ W)
    p = exps / exps.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + reg * np.sum(W * W)
    p[np.arange(len(y)), y] -= 1
    return loss, X.T @ p / len(y) + 2 * reg * W


def logistic_overflows(W, X, y, reg):
    s = X @ W
    z = 2.0 * np.eye(W.shape[1])[y] - 1
    losses = np.log(1 + np.exp(-z * s))
    return losses.sum() / len(y) + reg * np.sum(W * W), X.T @ (-z / (1 + np.exp(z * s))) / len(y) + 2 * reg * W


def eps_in_log(W, X, y, reg):
    losses, slopes = parts("softmax", W, X, y)
    return np.mean(-np.log(np.exp(-losses) + 1e-10)) + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def whole_numbers(W, X, y, reg):
    loss, dW = right("svm", W, X, y, reg)
    return loss, (100 * dW).astype(int)


def right(loss, W, X, y, reg):
    losses, slopes = parts(loss, W, X, y)
    return losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def uniform_p(v, p, d, dp, k):
    slopes = np.full(k["slopes"].shape, 1 / k["C"])
    slopes[np.arange(k["N"]), k["y"]] -= 1
    return v + p, k["X"].T @ slopes / k["N"] + dp


def right_class_not_moved(v, p, d, dp, k):
    slopes = k["slopes"].copy()
    slopes[np.arange(k["N"]), k["y"]] = 0
    return v + p, k["X"].T @ slopes / k["N"] + dp


def ghost(v, p, d, dp, k):
    return v + p, d + dp + (~k["X"].any(axis=0))[:, None] * 1e-30


def last_image_lost(v, p, d, dp, k):
    return v + p, k["X"][:-1].T @ k["slopes"][:-1] / k["N"] + dp


WRONG = {
    # of the mean
    "dW not over N": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, k["N"] * d + dp)), "svm",
                           "23 times too large (N = 23): divide by N"),
    "dW over N twice": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d / k["N"] + dp)), "softmax",
                             "23 times too small (N = 23)"),
    "dW over N - 1": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d * k["N"] / (k["N"] - 1) + dp)),
                           "softmax", "divided by N - 1"),
    "neither over N": Wrong(with_loss("svm", lambda v, p, d, dp, k: (k["N"] * v + p, k["N"] * d + dp)), "svm",
                            "your loss is N = 23 times ours: take the mean", False),
    "loss over N twice": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v / k["N"] + p, d + dp)), "svm",
                               "ours over N = 23: the mean is taken twice"),
    "dW over C": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d / k["C"] + dp)), "softmax", "(C = 5)"),
    "both over C": Wrong(with_loss("logistic_ovr", lambda v, p, d, dp, k: (v / k["C"] + p, d / k["C"] + dp)),
                         "logistic_ovr", "ours over C = 5", False),
    # of the penalty
    "no dpenalty": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, d)), "svm",
                         "the penalty's gradient is missing"),
    "half dpenalty": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d + dp / 2)), "softmax",
                           "the penalty's gradient is half: the derivative of reg * W**2 is 2 * reg * W"),
    "twice dpenalty": Wrong(with_loss("svm_cs", lambda v, p, d, dp, k: (v + p, d + 2 * dp)), "svm_cs",
                            "the penalty's gradient is twice"),
    "minus dpenalty": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, d - dp)), "svm",
                            "the penalty's gradient has the wrong sign"),
    "dpenalty over N": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, d + dp / k["N"])), "svm",
                             "the penalty's gradient is divided by N = 23"),
    "dpenalty squared": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, d + k["reg"] * k["W"] ** 2)), "svm",
                              "no multiple of W"),
    "no penalty in the loss": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v, d + dp)), "svm",
                                    "the penalty is missing from the loss: add reg"),
    "no penalty at all": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v, d)), "svm",
                               "missing from the loss and from dW", False),
    "half the penalty": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p / 2, d + dp / 2)), "softmax",
                              "your penalty is half ours: it should be reg * sum(W * W)", False),
    "half the penalty in the loss": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p / 2, d + dp)),
                                          "softmax", "your penalty is half ours: it should be"),
    "root of the penalty": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + np.sqrt(p * k["reg"]), d + dp)), "svm",
                                 "times ours"),
    # of the classes
    "wrong sign": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, dp - d)), "softmax", "the wrong sign"),
    "last class never": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, column(d, -1, 0) + dp)),
                              "softmax", "only the column of class 4, the last, is wrong: it is 0"),
    "one class wrong": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, column(d, 2, 1.1 * d[:, 2]) + dp)),
                             "svm", "only the column of class 2 is wrong"),
    "classes swapped": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, d[:, [0, 3, 2, 1, 4]] + dp)), "svm",
                             "classes 1 and 3 are swapped"),
    "classes shifted": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, np.roll(d, 1, axis=1) + dp)),
                             "softmax", "columns are shifted"),
    "reshaped": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d.T.reshape(d.shape) + dp)), "softmax",
                      "reshaped where it should be transposed"),
    "right class not moved": Wrong(with_loss("svm", right_class_not_moved), "svm"),
    "right class counts": Wrong(right_class_counts, "svm", "larger by exactly 1: the right class", False),
    "margin of 2": Wrong(margin_of_2, "svm", "as with a margin of 2: ours is 1", False),
    # of the loss
    "p is 1/C": Wrong(with_loss("softmax", uniform_p), "softmax"),
    "log2": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v / np.log(2) + p, d + dp)), "softmax", "np.log2"),
    "log without minus": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (-v + p, d + dp)), "softmax", "minus ours"),
    "half of the square": Wrong(with_loss("svm_squared", lambda v, p, d, dp, k: (v + p, d / 2 + dp)), "svm_squared",
                                "half what it should be"),
    "another loss": Wrong(lambda *given: right("svm", *given), "svm_squared", "is svm, not svm_squared", False),
    "all violators": Wrong(lambda W, X, y, reg: (right("svm_cs", W, X, y, reg)[0], right("svm", W, X, y, reg)[1]),
                           "svm_cs"),
    "eps in the log": Wrong(eps_in_log, "softmax", "is a number added inside the log", False),
    "no shift": Wrong(overflows, "softmax", "exp overflows: take the largest score"),
    "log(1 + exp)": Wrong(logistic_overflows, "logistic_ovr", "np.logaddexp"),
    # of the data
    "last image lost": Wrong(with_loss("softmax", last_image_lost), "softmax"),
    "duplicates lost": Wrong(duplicates_lost, "softmax"),
    "all 0": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, 0 * d)), "svm", "0 everywhere"),
    "one place": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, place(d, (3, 2), 1.0001) + dp)), "svm",
                       "only dW[3,2] is wrong"),
    "a ghost": Wrong(with_loss("svm", ghost), "svm"),
    "clipped": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, np.clip(d, -20, 20) + dp)), "svm"),
    "whole numbers": Wrong(whole_numbers, "svm", "its fractions are lost"),
    # of the program
    "changes X": Wrong(changes_pixels, "svm"),
    "changes W": Wrong(changes_weights, "svm"),
    "something random": Wrong(something_random, "svm"),
    "grows": Wrong(grows, "svm"),
}  # fmt: skip
