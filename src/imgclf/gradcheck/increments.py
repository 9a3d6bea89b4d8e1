"""Exact loss differences when one score of one class moves.

Moving the weight W[d, c] by h moves the score of class c by t = h * x_d, for every example, and no other score. So the
difference that a central difference needs is a sum over the examples of

    change(t) = loss(scores + t at c) - loss(scores - t at c)

and the two losses need not be computed, only their difference: where subtracting them would leave a few digits, a
formula for it keeps all sixteen. Each loss below says what number its change depends on, (N, C), and by which curve.
The formulas follow from the losses' definitions, and share nothing with the code of the losses or their gradients.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.losses import MARGIN

# From moves t (n, d) to what turns the number of one class at each example, (n, 1), into the changes (n, d).
Change: TypeAlias = Callable[[FloatArray], Callable[[FloatArray], FloatArray]]


class Curve(NamedTuple):
    """How the loss follows one score; a convex function f of a number that moves with it.

    change     of t: f(+t) - f(-t)
    slope      the derivative, at most, of the number
    fold       of the number and t: f(+t) + f(-t) - 2 f(0) where the kink lies within t; None where there is none
    third      the largest third derivative
    curvature  of C: how much the derivative of the loss by one score changes with all of them, at most
    """

    change: Change
    slope: Callable[[FloatArray], FloatArray]
    fold: Callable[[FloatArray, FloatArray], FloatArray] | None
    third: float
    curvature: Callable[[int], float]


class Increment(NamedTuple):
    """How the loss of each example changes as the score of each class moves.

    number  (N, C): where on its curve it is
    curve   the change that a move makes at the score of a wrong class
    mirror  whether the right class changes the loss by minus the curve of its own number; if not, by minus what
            the same move changes at all wrong classes together
    """

    number: FloatArray
    curve: Curve
    mirror: bool


def logistic_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """log(1 + p (exp(t) - 1)) - log(1 + p (exp(-t) - 1)) for a probability p, in one logarithm."""
    rise, fall = 2 * np.sinh(t), np.expm1(-t)
    return lambda p: np.asarray(np.log1p(p * rise / (1 + p * fall)))


def ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t) - max(0, m - t): exactly 2 t or exactly 0 where the kink is further away than t."""
    size = np.abs(t)
    return lambda m: np.copysign(np.minimum(np.maximum(m + size, 0), 2 * size), t)


def squared_ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t)**2 - max(0, m - t)**2, as difference times sum."""
    difference, size = ramp_change(t), np.abs(t)
    return lambda m: difference(m) * (np.maximum(m + size, 0) + np.maximum(m - size, 0))


# |f'''| is p (1 - p) |1 - 2p|, at most 1 / (6 sqrt 3); f'' of softmax by all scores is p_c (1 - p_c) + sum p_c p_j.
LOGISTIC = Curve(logistic_change, lambda p: p, None, 1 / (6 * np.sqrt(3)), lambda classes: 0.5)
RAMP = Curve(
    ramp_change,
    lambda m: (m > 0).astype(m.dtype),
    lambda m, t: np.maximum(0, np.abs(t) - np.abs(m)),
    0.0,
    lambda classes: 0.0,
)
SQUARED_RAMP = Curve(
    squared_ramp_change,
    lambda m: 2 * np.maximum(0, m),
    lambda m, t: np.maximum(0, m + np.abs(t)) ** 2 - 2 * np.maximum(0, m) ** 2,
    0.0,
    lambda classes: 4.0 * classes,
)


def softmax(scores: FloatArray, y: IntArray) -> Increment:
    """The number is p_c for a wrong class; for the right one 1 - p_y, summed up from the others: no cancellation."""
    exps = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = exps / exps.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    wrong = p.copy()
    wrong[rows, y] = 0
    p[rows, y] = wrong.sum(axis=1)
    return Increment(p, LOGISTIC, mirror=True)


def logistic_ovr(scores: FloatArray, y: IntArray) -> Increment:
    """The number is the probability of being wrong about a class: 1 / (1 + exp(-s)), for the right one of -s."""
    s = scores.copy()
    s[np.arange(len(y)), y] *= -1
    small = np.exp(-np.abs(s))
    return Increment(np.where(s >= 0, 1, small) / (1 + small), LOGISTIC, mirror=True)


def svm(scores: FloatArray, y: IntArray) -> Increment:
    """The number is the margin m_c = s_c - s_y + 1: the loss of a wrong class is max(0, m_c)."""
    return Increment(margins(scores, y), RAMP, mirror=False)


def svm_squared(scores: FloatArray, y: IntArray) -> Increment:
    """The number is the margin m_c: the loss of a wrong class is max(0, m_c)**2."""
    return Increment(margins(scores, y), SQUARED_RAMP, mirror=False)


def svm_cs(scores: FloatArray, y: IntArray) -> Increment:
    """The number is by how much a class leads: its margin less the largest other one, where y itself counts as 0."""
    rows = np.arange(len(y))
    a = margins(scores, y)
    a[rows, y] = 0
    second, first = np.partition(a, (-2, -1), axis=1)[:, -2:].T[..., None]  # (N, 1) each; equal where two tie
    lead = a - np.where(a == first, second, first)
    a[rows, y] = -np.inf
    lead[rows, y] = a.max(axis=1)  # the right class takes from the largest margin of the others
    return Increment(lead, RAMP, mirror=True)


def margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """Return s_j - s_y + 1, and minus infinity for the right class, which has no margin to violate, (N, C)."""
    rows = np.arange(len(y))
    out = scores - scores[rows, y][:, None] + MARGIN
    out[rows, y] = -np.inf
    return np.asarray(out)


INCREMENTS: dict[str, Callable[[FloatArray, IntArray], Increment]] = {
    "softmax": softmax,
    "svm": svm,
    "svm_squared": svm_squared,
    "svm_cs": svm_cs,
    "logistic_ovr": logistic_ovr,
}
