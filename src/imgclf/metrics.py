"""Metrics: precision, recall, F1, and the confidence interval of an accuracy."""

import math
from typing import NamedTuple

from imgclf.arrays import IntArray

Z_95 = 1.959964  # standard deviations around the mean that hold 95 % of a normal distribution


class ClassMetrics(NamedTuple):
    """Precision, recall and F1 of one class, None where the divisor is 0; support is its number of examples."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def wilson_interval(correct: float, n: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval (Wilson 1927): 95 of 100 such intervals hold the true accuracy.

    Unlike p +- z * sqrt(p * (1 - p) / n), it stays within 0..1 and holds for few examples too.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a fraction")
    p = correct / n
    scale = 1 / (1 + z * z / n)
    center = scale * (p + z * z / (2 * n))
    half = scale * z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # p lies inside; if none or all are correct, rounding could leave it just outside.
    return max(0.0, min(p, center - half)), min(1.0, max(p, center + half))


def per_class(right: IntArray, support: IntArray, predicted: IntArray) -> list[ClassMetrics]:
    """Return precision, recall and F1 of each class, from counts (C,).

    In the confusion matrix, `right` is the diagonal, `support` the row sums, `predicted` the column sums:
    precision = right / predicted, recall = right / support, F1 = 2 right / (predicted + support), their harmonic mean.
    """
    return [
        ClassMetrics(_ratio(r, p), _ratio(r, s), _ratio(2 * r, p + s), s)
        for r, s, p in zip(right.tolist(), support.tolist(), predicted.tolist(), strict=True)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
