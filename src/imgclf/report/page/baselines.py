"""Baselines: the accuracy of simple classifiers on the same images."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from imgclf.arrays import Examples, FloatArray, IntArray
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.splits import stratified
from imgclf.numerics.random_streams import PAGE
from imgclf.report.shown_run import ShownRun

NEIGHBORS = 5
MOST_JUDGED = 600  # images: as many as the page's sample
MOST_REMEMBERED = 2_000  # training images among which neighbors are looked for
MOST_LEARNED = 10_000  # training images that are averaged or fitted
LARGEST_RIDGE = 1_024  # numbers an example: a larger system takes long to solve
RIDGE = 0.1  # of the mean variance of a number
_HELD = 1 << 25  # numbers in memory
_AT_ONCE = 1 << 20  # numbers read at a time


class Baseline(NamedTuple):
    """A simple classifier's accuracy on n images of a split."""

    name: str
    accuracy: float
    n: int
    split: str


def baselines(run: ShownRun) -> list[Baseline]:
    """Judge all baselines; of too many numbers a class, only those that know no image.

    Where training images are judged, for want of others, none of them is learned from.
    """
    classes, D, shown, seed = len(run.model.class_names), run.model.preprocess.size, run.shown, run.config.seed
    counts, support = run.train.class_counts(), shown.class_counts()
    found = [
        Baseline("guessing", 1 / classes, len(shown), run.split),
        Baseline("majority", float(support[counts.argmax()] / support.sum()), len(shown), run.split),
    ]
    few = len(shown) if run.val else len(shown) // 5
    judged = stratified(shown, _fit(min(MOST_JUDGED, few), D), seed, PAGE)
    train = run.train if run.val else run.train.subset(np.setdiff1d(np.arange(len(shown)), judged))
    if not len(judged) or not len(train) or classes * D > _HELD:
        return found
    preprocess = run.model.preprocess
    X, y = Reader(preprocess, shown)(judged)
    read = Reader(preprocess, train)
    remembered = read(stratified(train, _fit(MOST_REMEMBERED, D), seed, PAGE))
    means = class_means(_parts(read, train, seed, D), classes, D)
    predicted = {
        "nearest class mean": nearest(X, means, 1)[:, 0],
        f"{NEIGHBORS} nearest neighbors": vote(remembered.y[nearest(X, remembered.X, NEIGHBORS)], classes),
    }
    if D <= LARGEST_RIDGE:
        weights = ridge(_parts(read, train, seed, D), classes, D)
        predicted["ridge"] = (X @ weights[:-1] + weights[-1]).argmax(axis=1)
    return found + [Baseline(name, float((one == y).mean()), len(y), run.split) for name, one in predicted.items()]


def class_means(parts: Iterable[Examples], classes: int, D: int) -> FloatArray:
    """Return the mean of the examples of each class, (C, D) float64; NaN for a class without any."""
    total, counts = np.zeros((classes, D)), np.zeros(classes)
    for X, y in parts:
        total += _one_hot(y, classes, X.dtype.name).T @ X
        counts += np.bincount(y, minlength=classes)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / counts[:, None])


def nearest(X: FloatArray, others: FloatArray, k: int) -> IntArray:
    """Return which k rows of `others` (M, D) are nearest to each of X (n, D), nearest first: (n, k).

    |x - o|**2 = |x|**2 - 2 x.o + |o|**2, of which the first term is the same for all; rows with NaN come last.
    """
    others = others.astype(X.dtype, copy=False)
    distances = np.einsum("md,md->m", others, others) - 2 * (X @ others.T)  # (n, M)
    found = np.argpartition(distances, range(k), axis=1)
    return np.asarray(found[:, :k])


def vote(labels: IntArray, classes: int) -> IntArray:
    """Return the most frequent of the labels (n, k) in each row; of equally frequent ones that which comes first."""
    n, k = labels.shape
    votes = np.zeros((n, classes))
    for place in range(k):
        # Between equal numbers of votes, the small powers decide: an early one exceeds the sum of all later ones.
        votes[np.arange(n), labels[:, place]] += 1 + 2.0 ** -(place + 2)
    return np.asarray(votes.argmax(axis=1))


def ridge(parts: Iterable[Examples], classes: int, D: int) -> FloatArray:
    """Fit a line to the classes, (D+1, C): the least |X @ W + b - one_hot(y)|**2 / N + RIDGE * variance * |W|**2."""
    N, sums, products, targets, moments = 0, np.zeros(D), np.zeros((D, D)), np.zeros(classes), np.zeros((D, classes))
    for examples in parts:
        X, is_class = examples.X.astype(np.float64), _one_hot(examples.y, classes, "float64")
        N += len(X)
        sums += X.sum(axis=0)
        targets += is_class.sum(axis=0)
        products += X.T @ X
        moments += X.T @ is_class
    mean, share = sums / N, targets / N
    covariance = products / N - np.outer(mean, mean)
    # Where nothing varies, what is left is rounding.
    penalty = RIDGE * max(np.trace(covariance), 1e-9 * np.trace(products) / N) / D or 1.0
    W = np.linalg.solve(covariance + penalty * np.eye(D), moments / N - np.outer(mean, share))
    return np.vstack([W, share - mean @ W])


def _parts(read: Reader, train: Dataset, seed: int, D: int) -> Iterator[Examples]:
    rows, size = stratified(train, _fit(MOST_LEARNED, D), seed, PAGE), max(1, _AT_ONCE // D)
    return (read(rows[start : start + size]) for start in range(0, len(rows), size))


def _fit(n: int, D: int) -> int:
    """Return n, or as many examples of D numbers as are held in memory."""
    return min(n, max(1, _HELD // D))


def _one_hot(y: IntArray, classes: int, dtype: str) -> FloatArray:
    return np.asarray(np.equal.outer(y, np.arange(classes)).astype(dtype))
