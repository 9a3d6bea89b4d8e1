"""The gradient in float32, as training uses it, held against float64: never by differences, which drown in rounding."""

import numpy as np

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.exhaustive import TAU
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
    bound = case.rounding(UNIT_ROUNDOFF_32) + expected.bound
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
