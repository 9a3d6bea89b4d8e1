"""Facts of each loss for the gradient check, independent of its code.

For each loss: its definition, its argument on a curve (see `exact_differences`) and the rounding of its derivative. A
new loss is a record in `LOSS_FACTS`.

Nothing here shares code with `imgclf.losses`, nor a loss's definition with its exact differences: no check could see a
mistake that both sides share.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.exact_differences import LOGISTIC, RAMP, SQUARED_RAMP, Curve, ExactDifferences
from imgclf.losses import MARGIN

Numbers: TypeAlias = NDArray[Any]  # float64, extended or complex
Scored: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]  # scores (N, C), y (N,) -> (N, C)


class LossFacts(NamedTuple):
    """Facts of one loss."""

    definition: Callable[[Numbers, IntArray], Numbers]  # -> losses (N,), in the precision of the scores, or complex
    at_zero: Callable[[int], float]  # of C: the loss where all scores are 0
    curve: Curve  # the loss as a function of the score of a wrong class
    argument: Scored  # of that curve, for each class
    # Scores, y, |dloss/ds| (N, C) -> (N, C): rounding of dloss/ds, of both sides together, in UNIT_ROUNDOFF.
    derivative_rounding: Callable[[FloatArray, IntArray, FloatArray], FloatArray]
    right_class_mirrors: bool = True  # the right class has its own argument; else minus the sum of the others
    compares_scores: bool = True  # adding a constant to all scores changes nothing
    margins: Scored | None = None  # of a hinge: above 0 where violated, minus infinity for the right class

    def exact_differences(self, scores: FloatArray, y: IntArray) -> ExactDifferences:
        """Return the changes of each example's loss as the score of each class moves."""
        return ExactDifferences(self.argument(scores, y), y, self.curve, self.right_class_mirrors)


def softmax_definition(s: Numbers, y: IntArray) -> Numbers:
    """Log sum_j exp(s_j - s_y)."""
    ahead = s - _right(s, y)
    top = ahead.real.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(ahead - top).sum(axis=1)) + top[:, 0])


def softmax_argument(scores: FloatArray, y: IntArray) -> FloatArray:
    """p_c for a wrong class: moving its score by t adds log(1 + p_c (exp(t) - 1)) to the loss.

    For the right class, the same with -t and 1 - p_y, which is the sum of the others: no cancellation.
    """
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = exps / exps.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    wrong = p.copy()
    wrong[rows, y] = 0
    p[rows, y] = wrong.sum(axis=1)
    return np.asarray(p)


def softmax_rounding(s: FloatArray, y: IntArray, derivatives: FloatArray) -> FloatArray:
    """An absolute error of s - max is a relative error of p = exp(s - max) / Z; p_y - 1 is rounded like 1."""
    size = derivatives.copy()
    size[np.arange(len(y)), y] = 1
    top = s.max(axis=1, keepdims=True)
    return np.asarray(2 * (s.shape[1] + 10 + top - s.min(axis=1, keepdims=True)) * size)


def svm_definition(s: Numbers, y: IntArray) -> Numbers:
    """sum_{j != y} max(0, 1 + s_j - s_y)."""
    return np.asarray(_violations(s, y).sum(axis=1))


def svm_margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """m_j = s_j - s_y + 1, and minus infinity for the right class, which has no margin, (N, C).

    Moving the score of a wrong class by t moves its own margin by t, that of the right class all of them by -t.
    """
    rows = np.arange(len(y))
    out = scores - scores[rows, y][:, None] + MARGIN
    out[rows, y] = -np.inf
    return np.asarray(out)


def no_rounding(s: FloatArray, y: IntArray, derivatives: FloatArray) -> FloatArray:
    """The derivative of a hinge is an integer: exact."""
    return np.zeros_like(s)


def svm_squared_definition(s: Numbers, y: IntArray) -> Numbers:
    """sum_{j != y} max(0, 1 + s_j - s_y)**2."""
    return np.asarray((_violations(s, y) ** 2).sum(axis=1))


def svm_squared_rounding(s: FloatArray, y: IntArray, derivatives: FloatArray) -> FloatArray:
    """A margin takes two subtractions; the right class has the sum of all margins."""
    rows = np.arange(len(y))
    size = np.where(derivatives > 0, 4 * np.abs(s - s[rows, y][:, None]) + 4 + 2 * derivatives, 0)
    size[rows, y] = 0
    size[rows, y] = size.sum(axis=1) + 2 * s.shape[1] * derivatives[rows, y]
    return np.asarray(size)


def svm_cs_definition(s: Numbers, y: IntArray) -> Numbers:
    """max(0, 1 + max_{j != y} s_j - s_y)."""
    all_of_them = _violations(s, y)
    return np.asarray(np.take_along_axis(all_of_them, all_of_them.real.argmax(axis=1)[:, None], axis=1)[:, 0])


def svm_cs_argument(scores: FloatArray, y: IntArray) -> FloatArray:
    """The lead of a class: its margin minus the largest other one, where y itself counts as 0.

    As one of several numbers rises by t, their maximum is that of the others + max(0, lead + t).
    """
    rows = np.arange(len(y))
    a = svm_margins(scores, y)
    a[rows, y] = 0
    second, first = np.partition(a, (-2, -1), axis=1)[:, -2:].T[..., None]  # (N, 1) each; equal where two tie
    lead = a - np.where(a == first, second, first)
    a[rows, y] = -np.inf
    lead[rows, y] = a.max(axis=1)  # raising the right class lowers the largest margin of the others
    return np.asarray(lead)


def logistic_ovr_definition(s: Numbers, y: IntArray) -> Numbers:
    """sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1."""
    v = np.where(np.arange(s.shape[1]) == y[:, None], -1, 1) * s
    size = np.where(v.real >= 0, v, -v)  # |v|, also for complex v
    return np.asarray((np.log1p(np.exp(-size)) + np.where(v.real >= 0, v, 0)).sum(axis=1))


def logistic_ovr_argument(scores: FloatArray, y: IntArray) -> FloatArray:
    """The probability p of a wrong answer for a class: 1 / (1 + exp(-s)), for the right class with -s.

    Moving the score of a wrong class by t adds log(1 + p (exp(t) - 1)) to the loss, as in softmax.
    """
    s = scores.copy()
    s[np.arange(len(y)), y] *= -1
    small = np.exp(-np.abs(s))
    return np.asarray(np.where(s >= 0, 1, small) / (1 + small))


def logistic_ovr_rounding(s: FloatArray, y: IntArray, derivatives: FloatArray) -> FloatArray:
    """The absolute error of an exponent of size |s| is the relative error of exp(-log(1 + exp(s)))."""
    return 4 * (np.abs(s) + 6) * derivatives


def _right(s: Numbers, y: IntArray) -> Numbers:
    return np.take_along_axis(s, y[:, None].astype(np.intp), axis=1)  # (N, 1)


def _violations(s: Numbers, y: IntArray) -> Numbers:
    """Return max(0, 1 + s_j - s_y), and 0 for the right class, (N, C)."""
    margins = MARGIN + s - _right(s, y)
    is_rival = np.arange(s.shape[1]) != y[:, None]
    return np.asarray(np.where(is_rival & (margins.real > 0), margins, 0))


LOSS_FACTS: dict[str, LossFacts] = {
    "softmax": LossFacts(softmax_definition, math.log, LOGISTIC, softmax_argument, softmax_rounding),
    "svm": LossFacts(
        svm_definition, lambda C: C - 1.0, RAMP, svm_margins, no_rounding,
        right_class_mirrors=False, margins=svm_margins,
    ),
    "svm_squared": LossFacts(
        svm_squared_definition, lambda C: C - 1.0, SQUARED_RAMP, svm_margins, svm_squared_rounding,
        right_class_mirrors=False, margins=svm_margins,
    ),
    "svm_cs": LossFacts(svm_cs_definition, lambda C: 1.0, RAMP, svm_cs_argument, no_rounding, margins=svm_margins),
    "logistic_ovr": LossFacts(
        logistic_ovr_definition, lambda C: C * math.log(2), LOGISTIC, logistic_ovr_argument, logistic_ovr_rounding,
        compares_scores=False,
    ),
}  # fmt: skip
