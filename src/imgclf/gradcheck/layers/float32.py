"""The gradient in float32, as training uses it, held against float64: never by differences, which drown in rounding."""

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.bounds import NOISE, UNIT_ROUNDOFF, score_bounds, slopes, sum_sizes
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.exhaustive import TAU
from imgclf.gradcheck.kinks import distances
from imgclf.gradcheck.subject import Subject
from imgclf.gradcheck.verdict import Compared, Outcome, failure, ratios, worst_places

UNIT_ROUNDOFF_32 = 2.0**-24
LARGEST = 1e-6 * float(np.finfo(np.float32).max)


def float32(subject: Subject, case: Case, l2: float, l1: float) -> Outcome:
    """Compute the gradient in float32 and judge it by what float32 may round."""
    if not fits(case, l2, l1):
        return Outcome("inconclusive", "scores or penalty are near the end of what float32 can hold")
    X, weights = case.X.astype(np.float32), case.weights.astype(np.float32)
    grad = subject.slope(X, case.y, weights, l2, l1).astype(np.float64)
    expected = case.expected(l2, l1)
    numerical = expected.nearest(grad)
    bound = rounding_bound(case) + expected.bound
    bound += 8 * UNIT_ROUNDOFF_32 * (l2 * np.abs(case.weights) + l1 + np.abs(expected.slope))
    ratio = ratios(grad, numerical, bound)
    worst = [Compared(one, float(grad[one]), float(numerical[one]), float(bound[one])) for one in worst_places(ratio)]
    if ratio.max() > 1:
        return Outcome("fail", "float32: " + failure(worst[0], int((ratio > 1).sum()), ratio.size), ratio.size, worst)
    error = np.abs(grad - numerical).max()
    return Outcome("pass", f"in float32 the gradient is off by at most {error:.1e}", ratio.size, worst)


def fits(case: Case, l2: float, l1: float) -> bool:
    """Whether nothing on the way is too large for a float32."""
    parts = np.abs(case.scores).max() * TAU / case.truth.step.min(), l2 * np.abs(case.weights).max(), l1
    return bool(max(parts) * len(case.y) < LARGEST)


def rounding_bound(case: Case) -> FloatArray:
    """Return what rounding the scores, the loss's slopes and their sum to float32 may amount to, (D+1, C)."""
    s, y = case.scores, case.y
    N = len(y)
    # How far the scores are off: the bound of float64, in the roundings of float32.
    off = (score_bounds(case.X, case.weights) * (UNIT_ROUNDOFF_32 / UNIT_ROUNDOFF)).max(axis=1, keepdims=True)  # (N, 1)
    increment = case.increment
    steep = slopes(increment, y)
    each = UNIT_ROUNDOFF_32 * ((2 * N + 40) * (steep + 1) + NOISE[case.loss](s, y, steep))
    each += increment.curve.curvature(s.shape[1]) * off
    if increment.curve.fold is not None:
        # A margin that rounding takes across its kink switches a whole example, for the right class all of them.
        near = distances(increment, y) <= 2 * off
        each += near * np.where(np.arange(s.shape[1]) == y[:, None], s.shape[1], 1) * (1 + 2 * off)
    return sum_sizes(case.X, each) / N
