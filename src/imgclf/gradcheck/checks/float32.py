"""Check of float32 loss and gradient against float64."""

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.case import Case, Expected
from imgclf.gradcheck.checks.value import mean_loss
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.verdict import Compared, Outcome, failure, ratios, worst_indices
from imgclf.gradients import BatchGradient
from imgclf.model import scores

LARGEST = 1e-6 * float(np.finfo(np.float32).max)
COARSE = 0.1  # of the median gradient; a larger bound hides mistakes that matter in training


def float32(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Compute loss and gradient in float32 and compare them with float64 within float32 rounding."""
    if not fits(case, l2, l1):
        return Outcome("inconclusive", "scores or penalty are close to the largest float32")
    X, weights = case.X.astype(np.float32), case.weights.astype(np.float32)
    s = scores(X, weights)
    seen = code.gradient(code.objective(l2, l1), Batch.of(X, case.y.copy()), weights.copy())
    return judge(case, s, seen, case.expected(l2, l1), l2, l1)


def judge(case: Case, s: FloatArray, seen: BatchGradient, expected: Expected, l2: float, l1: float) -> Outcome:
    """Compare scores (N, C), loss and gradient with float64, within the rounding of their dtype."""
    dtype, unit, tiny = s.dtype, float(np.finfo(s.dtype).eps) / 2, float(np.finfo(s.dtype).tiny)
    off = np.abs(s - case.scores).max(axis=1, keepdims=True)  # (N, 1)
    if not (off <= case.scores_off(unit) + tiny * len(case.weights)).all():
        return Outcome("fail", f"in {dtype} the error of the scores is {off.max():.2g}, more than rounding explains")
    wrong = _wrong_value(case, seen, off, unit, l2, l1)
    if wrong:
        return Outcome("fail", f"in {dtype} {wrong}")
    grad, numerical = seen.grad.astype(np.float64), expected.nearest(seen.grad)
    bound = case.rounding(unit, off) + expected.bound + tiny * len(case.y)
    bound += 8 * unit * (l2 * np.abs(case.weights) + l1 + np.abs(expected.gradient))
    ratio = ratios(grad, numerical, bound)
    worst = [Compared(one, float(grad[one]), float(numerical[one]), float(bound[one])) for one in worst_indices(ratio)]
    if ratio.max() > 1:
        return Outcome("fail", f"{dtype}: {failure(worst[0], ratio)}", ratio.size, worst)
    there = (expected.gradient != 0) & (expected.kink_width == 0)
    if there.any() and np.median(bound[there]) > COARSE * np.median(np.abs(expected.gradient[there])):
        return Outcome("inconclusive", f"rounding in {dtype} may be a tenth of the gradient here", ratio.size, worst)
    error = np.abs(grad - numerical).max()
    return Outcome("pass", f"in {dtype} the largest error of the gradient is {error:.1e}", ratio.size, worst)


def fits(case: Case, l2: float, l1: float) -> bool:
    """Whether no intermediate number is too large for float32."""
    terms = np.abs(case.scores).max() * max(1.0, np.abs(case.X).max()) * max(1.0, case.example_weights.max())
    parts = terms, l2 * np.abs(case.weights).max(), l1
    return bool(max(parts) * len(case.y) < LARGEST)


def _wrong_value(case: Case, seen: BatchGradient, off: FloatArray, unit: float, l2: float, l1: float) -> str:
    """Describe a wrong loss or count of right answers; "" if rounding explains the difference."""
    expected, bound = mean_loss(case, l2, l1)
    curvature = case.facts.curve.curvature(case.weights.shape[1])
    steep = case.exact_differences.score_derivatives().sum(axis=1) + curvature * off[:, 0]
    room = bound * unit / UNIT_ROUNDOFF + float((case.example_weights * (steep + 1) * off[:, 0]).mean())
    if not abs(seen.loss - float(expected)) <= room:
        return f"the loss is {seen.loss:.9g}, not {float(expected):.9g}"
    right = case.scores[np.arange(len(case.y)), case.y]
    others = np.where(np.arange(case.scores.shape[1]) == case.y[:, None], -np.inf, case.scores).max(axis=1)
    least, most = (int((right - others > sign * 2 * off[:, 0]).sum()) for sign in (1, -1))
    most += int((right == others).sum())
    return "" if least <= seen.correct <= most else f"{seen.correct} images are counted as right, not {least} to {most}"
