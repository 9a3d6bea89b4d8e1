"""Metrics: confusion matrix, precision, recall, F1, confidence interval."""

import math
from typing import NamedTuple

from imgclf.arrays import IntArray

Z_95 = 1.959964  # the normal distribution has 95 % of its mass within so many standard deviations


class ClassMetrics(NamedTuple):
    """How well one class is recognized; None where there is nothing to divide by."""

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
    center = scale * (p + z * z / (2 * n))
    half = scale * z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # p lies within; rounding could put it just outside where nothing, or all, is right.
    return max(0.0, min(p, center - half)), min(1.0, max(p, center + half))


def per_class(right: IntArray, support: IntArray, predicted: IntArray) -> list[ClassMetrics]:
    """Return precision, recall and F1 of every class, from counts (C,) of each.

    Of the confusion matrix, `right` is the diagonal, `support` the sums of rows, `predicted` the sums of columns:
    precision = right / predicted, recall = right / support, F1 = 2 right / (predicted + support), their harmonic mean.
    """
    return [
        ClassMetrics(_ratio(r, p), _ratio(r, s), _ratio(2 * r, p + s), s)
        for r, s, p in zip(right.tolist(), support.tolist(), predicted.tolist(), strict=True)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
