"""Metrics: confusion matrix, precision, recall, F1, confidence interval."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imgclf.arrays import IntArray

Z_95 = 1.959964  # the normal distribution has 95 % of its mass within so many standard deviations
MOST_CLASSES = 2000  # of a confusion matrix: a larger one is no use to anybody, and takes gigabytes at 20,000


@dataclass(frozen=True)
class PairCounts:
    """How often each (true, predicted) pair of classes occurred; takes memory for those that did, not for C x C.

    pairs   (P,) int64: true * C + predicted, rising
    counts  (P,) int64
    """

    pairs: IntArray
    counts: IntArray

    @classmethod
    def of(cls, y: IntArray, predicted: IntArray, classes: int) -> "PairCounts":
        """Count the pairs of n examples: y (n,) and predicted (n,), each 0..C-1."""
        return cls(*np.unique(y * classes + predicted, return_counts=True))

    def __add__(self, other: "PairCounts") -> "PairCounts":
        pairs, places = np.unique(np.concatenate([self.pairs, other.pairs]), return_inverse=True)
        counts = np.zeros(len(pairs), np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return PairCounts(pairs, counts)

    def matrix(self, classes: int) -> IntArray:
        """Return the confusion matrix, (C, C) int64: true classes on rows, predicted ones on columns."""
        matrix = np.zeros(classes**2, np.int64)
        matrix[self.pairs] = self.counts
        return matrix.reshape(classes, classes)


class ClassMetrics(NamedTuple):
    """How well one class is recognised; None where there is nothing to divide by."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def wilson_interval(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Where the true accuracy lies, 95 times of 100: Wilson's score interval (Wilson 1927).

    Unlike p +- z * sqrt(p * (1 - p) / n) it stays within 0..1 and is right for few examples.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a share")
    p = correct / n
    scale = 1 / (1 + z * z / n)
    centre = scale * (p + z * z / (2 * n))
    half = scale * z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # p lies within; rounding could put it just outside where nothing, or all, is right.
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def per_class(found: PairCounts, classes: int) -> list[ClassMetrics]:
    """Return precision, recall, F1 and support of every class, in their order."""
    rows, columns = np.divmod(found.pairs, classes)
    right, support, predicted = np.zeros((3, classes), np.int64)
    np.add.at(support, rows, found.counts)
    np.add.at(predicted, columns, found.counts)
    on_diagonal = rows == columns
    right[rows[on_diagonal]] = found.counts[on_diagonal]
    return [
        ClassMetrics(_ratio(r, p), _ratio(r, s), _ratio(2 * r, s + p), s)
        for r, s, p in zip(right.tolist(), support.tolist(), predicted.tolist(), strict=True)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
