"""Wrong functions, one mistake each. Below: the loss they are meant to be, and words of the sentence that explains it.

`seen_alone`: whether the mistake is one between loss and dW, so that it is seen without knowing the loss.
`N`: the number of images that it is asked with; those of `ELSEWHERE` are right for this one.
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
    N: int = 23


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


def multiplied(dW, index, factor):
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


def squared_margin_of_2(W, X, y, reg):
    value, dW = right("svm_squared", W / 2, X, y, 0.0)
    return 4 * value + reg * np.sum(W * W), 2 * dW + 2 * reg * W


def last_class_is_no_rival(W, X, y, reg):
    s = X @ W
    margins = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = margins[:, -1] = 0
    slopes = (margins > 0) * 1.0
    slopes[np.arange(len(y)), y] = -slopes.sum(axis=1)
    return margins.sum() / len(y) + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


def normalized_over_images(W, X, y, reg):
    p = np.exp(X @ W - (X @ W).max())
    p /= p.sum(axis=0)
    losses = -np.log(p[np.arange(len(y)), y])
    p[np.arange(len(y)), y] -= 1
    return losses.mean() + reg * np.sum(W * W), X.T @ p / len(y) + 2 * reg * W


def every_rival_counts(v, p, d, dp, k):
    slopes = np.ones(k["slopes"].shape)
    slopes[np.arange(k["N"]), k["y"]] = 1 - k["C"]
    return v + p, k["X"].T @ slopes / k["N"] + dp


def every_class_counts(v, p, d, dp, k):
    slopes = np.ones(k["slopes"].shape)
    slopes[np.arange(k["N"]), k["y"]] = -k["C"]
    return v + p, k["X"].T @ slopes / k["N"] + dp


def whole_columns(W, X, y, reg):
    losses, slopes = parts("softmax", W, X, y)
    p = slopes + np.eye(W.shape[1])[y]
    p[:, y] -= 1
    return losses.mean() + reg * np.sum(W * W), X.T @ p / len(y) + 2 * reg * W


def half_the_images(v, p, d, dp, k):
    half = k["N"] // 2
    return v + p, k["X"][:half].T @ k["slopes"][:half] / k["N"] + dp


def changes_labels_elsewhere(W, X, y, reg):
    value = right("svm", W, X, y, reg)
    if len(y) != 23:
        y[0] = 1 - min(y[0], 1)
    return value


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


def in_batches(size, loss="softmax", *, of_value=True):
    """Take whole batches only: the last images are left out, of dW and, perhaps, of the value."""

    def function(W, X, y, reg):
        losses, slopes = parts(loss, W, X, y)
        n = len(y) - len(y) % size
        value = losses[:n].sum() / n if of_value else losses.mean()
        return value + reg * np.sum(W * W), X[:n].T @ slopes[:n] / n + 2 * reg * W

    return function


def over(N, loss="softmax", *, value=True, gradient=True):
    """Divide by a number that N is only here."""

    def function(W, X, y, reg):
        losses, slopes = parts(loss, W, X, y)
        mean = losses.sum() / (N if value else len(y))
        return mean + reg * np.sum(W * W), X.T @ slopes / (N if gradient else len(y)) + 2 * reg * W

    return function


def with_scores(change, loss="softmax", *, of_value=False):
    """Change the scores of dW and, perhaps, of the value."""

    def function(W, X, y, reg):
        losses = LOSSES[loss](change(X @ W) if of_value else X @ W, y)[0]
        return losses.mean() + reg * np.sum(W * W), X.T @ LOSSES[loss](change(X @ W), y)[1] / len(y) + 2 * reg * W

    return function


def gradient_clipped(largest):
    def function(W, X, y, reg):
        value, dW = right("softmax", W, X, y, 0.0)
        return value + reg * np.sum(W * W), np.clip(dW, -largest, largest) + 2 * reg * W

    return function


def small_slopes_lost(W, X, y, reg):
    value, dW = right("svm", W, X, y, 0.0)
    return value + reg * np.sum(W * W), np.where(np.abs(dW) < 1e-4, 0, dW) + 2 * reg * W


def classes_of_labels(W, X, y, reg):
    C = y.max() + 1
    value, dW = right("svm", W[:, :C], X, y, 0.0)
    grown = np.zeros(W.shape)
    grown[:, :C] = dW
    return value + reg * np.sum(W * W), grown + 2 * reg * W


def one_hot_of_labels(W, X, y, reg):
    losses, slopes = parts("softmax", W, X, y)
    onehot = np.eye(y.max() + 1)[y]
    p = slopes + np.eye(W.shape[1])[y]
    return losses.mean() + reg * np.sum(W * W), X.T @ (p - onehot) / len(y) + 2 * reg * W


def first_classes(C):
    def function(W, X, y, reg):
        value, dW = right("logistic_ovr", W[:, :C], X, y, 0.0)
        grown = np.zeros(W.shape)
        grown[:, :C] = dW
        return value + reg * np.sum(W * W), grown + 2 * reg * W

    return function


def first_features(D):
    def function(W, X, y, reg):
        s = np.zeros((len(y), W.shape[1]))
        for d in range(D):
            s += X[:, d : d + 1] * W[d]
        losses, slopes = LOSSES["svm"](s, y)
        return losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W

    return function


def first_images(N, loss="svm"):
    return lambda W, X, y, reg: right(loss, W, X[:N], y[:N], reg)


def penalty_for(N):
    return lambda W, X, y, reg: right("svm", W, X, y, reg if len(y) == N else 0.0)


def largest_penalty(largest):
    return lambda W, X, y, reg: right("svm", W, X, y, min(reg, largest))


def labels_of_the_first_call():
    kept = {}

    def function(W, X, y, reg):
        onehot = kept.setdefault((len(y), W.shape[1]), np.eye(W.shape[1])[y])
        return right("softmax", W, X, onehot.argmax(axis=1), reg)

    return function


def balanced_classes(N):
    """Weigh classes as if each had as many images: no mistake for labels that do, as those of N images of 4 classes."""

    def function(W, X, y, reg):
        losses, slopes = parts("softmax", W, X, y)
        counts = np.bincount(y, minlength=W.shape[1])
        weight = np.where(len(y) == N, 1, len(y) / (W.shape[1] * np.maximum(counts, 1)))[y]
        return (weight * losses).mean() + reg * np.sum(W * W), X.T @ (weight[:, None] * slopes) / len(y) + 2 * reg * W

    return function


def last_image_twice(W, X, y, reg):
    value, dW = right("svm", W, X, y, reg)
    if len(y) % 2:
        return value, dW + X[-1:].T @ parts("svm", W, X[-1:], y[-1:])[1] / len(y)
    return value, dW


def squeezed(W, X, y, reg):
    s = (X @ W).squeeze()
    losses, slopes = LOSSES["softmax"](s, y)
    return losses.mean() + reg * np.sum(W * W), X.T @ slopes / len(y) + 2 * reg * W


COUNTS = "wrong for 61: "
CLIPS = "clipped"
# Right for these images, wrong elsewhere.
ELSEWHERE = {
    "whole batches": Wrong(in_batches(32), "softmax", COUNTS + "it omits the last 29 images", N=64),
    "whole batches of 16": Wrong(in_batches(16, "svm_cs"), "svm_cs", COUNTS + "it omits the last 13 images",
                                 N=64),
    "whole batches in dW": Wrong(in_batches(8, "svm", of_value=False), "svm", "it omits the last 5 images", N=64),
    "pairs": Wrong(in_batches(2), "softmax", COUNTS + "it omits the last image", N=64),
    "all over 64": Wrong(over(64), "softmax", COUNTS + "it divides by 64, not by N", N=64),
    "loss over 64": Wrong(over(64, "svm", gradient=False), "svm", COUNTS + "it divides by 64, not by N", N=64),
    "dW over 64": Wrong(over(64, "logistic_ovr", value=False), "logistic_ovr", "it divides by 64, not by N", N=64),
    "64 images at most": Wrong(first_images(64), "svm", "wrong for 67: it omits the last 3 images", N=64),
    "penalty for 64": Wrong(penalty_for(64), "svm", COUNTS + "the penalty is missing there", False, N=64),
    "a penalty's largest": Wrong(largest_penalty(1e6), "svm", "7 features and 5 classes, wrong for 5 and 2", False),
    "odd images": Wrong(last_image_twice, "svm", COUNTS, N=64),
    "one image squeezed": Wrong(squeezed, "softmax", "wrong for 1: does it divide", N=64),
    "labels of the first call": Wrong(labels_of_the_first_call(), "softmax", "wrong for another", False),
    "balanced classes": Wrong(balanced_classes(23), "softmax", "wrong for 19", False),
    "C of the labels": Wrong(classes_of_labels, "svm", "where the last class has images", False),
    "one-hot of the labels": Wrong(one_hot_of_labels, "softmax", "W.shape[1], not y.max() + 1"),
    "five classes": Wrong(first_classes(5), "logistic_ovr", "wrong for 5 and 6: D, C = W.shape", False),
    "seven features": Wrong(first_features(7), "svm", "wrong for 5 and 6: D, C = W.shape"),
    "scores clipped in dW": Wrong(with_scores(lambda s: np.clip(s, -100, 100)), "softmax", CLIPS),
    "scores clipped high in dW": Wrong(with_scores(lambda s: np.clip(s, -500, 500), "svm"), "svm", CLIPS),
    "scores clipped": Wrong(with_scores(lambda s: np.clip(s, -50, 50), "svm", of_value=True), "svm", CLIPS),
    "differences clipped in dW": Wrong(
        with_scores(lambda s: np.maximum(s - s.max(axis=1, keepdims=True), -100), "svm_squared"), "svm_squared", CLIPS
    ),
    "dW clipped": Wrong(gradient_clipped(1e5), "softmax", "wrong where X is a billion times larger"),
    "dW clipped at a billion": Wrong(gradient_clipped(1e9), "softmax", "wrong where X is a billion times larger"),
    "small dW lost": Wrong(small_slopes_lost, "svm", "wrong where X is a billion times smaller"),
}  # fmt: skip

WRONG = ELSEWHERE | {
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
                               "ours divided by N = 23: the mean is taken twice"),
    "dW over C": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, d / k["C"] + dp)), "softmax", "(C = 5)"),
    "both over C": Wrong(with_loss("logistic_ovr", lambda v, p, d, dp, k: (v / k["C"] + p, d / k["C"] + dp)),
                         "logistic_ovr", "ours divided by C = 5", False),
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
                              "not a multiple of W"),
    "no penalty in the loss": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v, d + dp)), "svm",
                                    "the penalty is missing from the loss: add reg"),
    "no penalty at all": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v, d)), "svm",
                               "missing from the loss and from dW", False),
    "twice the penalty": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + 2 * p, d + 2 * dp)), "softmax",
                               "your penalty is twice ours: it should be reg * sum(W * W)", False),
    "half the penalty in the loss": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p / 2, d + dp)),
                                          "softmax", "the penalty's gradient is twice: the derivative of reg/2"),
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
                      "it must be transposed"),
    "right class not moved": Wrong(with_loss("svm", right_class_not_moved), "svm"),
    "right class counts": Wrong(right_class_counts, "svm", "larger by exactly 1: the right class", False),
    "margin of 2": Wrong(margin_of_2, "svm", "as with a margin of 2: the margin is 1", False),
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
    "no shift": Wrong(overflows, "softmax", "exp overflows: subtract the largest score"),
    "log(1 + exp)": Wrong(logistic_overflows, "logistic_ovr", "np.logaddexp"),
    # of the data
    "last image lost": Wrong(with_loss("softmax", last_image_lost), "softmax", "dW is wrong: it omits the last image"),
    "duplicates lost": Wrong(duplicates_lost, "softmax"),
    "all 0": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, 0 * d)), "svm", "0 everywhere"),
    "one parameter": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, multiplied(d, (2, 2), 1.0001) + dp)), "svm",
                       "only dW[2,2] is wrong"),
    "a ghost": Wrong(with_loss("svm", ghost), "svm"),
    "clipped": Wrong(with_loss("svm", lambda v, p, d, dp, k: (v + p, np.clip(d, -20, 20) + dp)), "svm"),
    "whole numbers": Wrong(whole_numbers, "svm", "loses fractions"),
    # of the program
    "squared margin of 2": Wrong(squared_margin_of_2, "svm_squared", "as with a margin of 2: the margin is 1", False),
    "last class is no rival": Wrong(last_class_is_no_rival, "svm", None, False),
    "normalized over images": Wrong(normalized_over_images, "softmax", "your loss is ln 23, not ln 5"),
    "every rival counts": Wrong(with_loss("svm", every_rival_counts), "svm"),
    "every class counts": Wrong(with_loss("svm", every_class_counts), "svm"),
    "whole columns": Wrong(whole_columns, "softmax"),
    "half the images": Wrong(with_loss("softmax", half_the_images), "softmax", "dW is wrong: it omits the last 12"),
    "dW over C, not N": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v + p, k["N"] / k["C"] * d + dp)), "softmax",
                              "divided by C, the classes"),
    "loss in decimal": Wrong(with_loss("softmax", lambda v, p, d, dp, k: (v / np.log(10) + p, d + dp)), "softmax",
                             "use np.log, not np.log10"),
    "changes X": Wrong(changes_pixels, "svm"),
    "changes W": Wrong(changes_weights, "svm"),
    "something random": Wrong(something_random, "svm"),
    "grows": Wrong(grows, "svm"),
}  # fmt: skip
