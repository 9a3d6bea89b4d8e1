"""Loss and gradient in float32, as training uses them, held against float64: never by differences, which drown."""

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.bounds import UNIT_ROUNDOFF, slopes
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.exhaustive import TAU
from imgclf.gradcheck.layers.value import mean_loss
from imgclf.gradcheck.subject import Subject
from imgclf.gradcheck.verdict import Compared, Outcome, failure, ratios, worst_places
from imgclf.model import scores

UNIT_ROUNDOFF_32 = 2.0**-24
TINY_32 = float(np.finfo(np.float32).tiny)
LARGEST = 1e-6 * float(np.finfo(np.float32).max)
COARSE = 0.1  # of the median gradient; a bound above it hides what matters in training


def float32(subject: Subject, case: Case, l2: float, l1: float) -> Outcome:
    """Compute loss and gradient in float32 and judge them by what float32 may round."""
    if not fits(case, l2, l1):
        return Outcome("inconclusive", "scores or penalty are near the end of what float32 can hold")
    X, weights = case.X.astype(np.float32), case.weights.astype(np.float32)
    off = np.abs(scores(X, weights) - case.scores).max(axis=1, keepdims=True)  # (N, 1)
    if (off > case.scores_off(UNIT_ROUNDOFF_32) + TINY_32 * len(weights)).any():
        return Outcome("fail", f"in float32 the scores are off by {off.max():.2g}, more than rounding explains")
    seen = subject.gradient(subject.objective(l2, l1), Batch.of(X, case.y.copy()), weights.copy())
    wrong = _wrong_value(case, seen.loss, seen.correct, off, l2, l1)
    if wrong:
        return Outcome("fail", wrong)
    return _judge(case, seen.grad.astype(np.float64), off, l2, l1)


def fits(case: Case, l2: float, l1: float) -> bool:
    """Whether nothing on the way is too large for a float32."""
    parts = np.abs(case.scores).max() * TAU / case.truth.step.min(), l2 * np.abs(case.weights).max(), l1
    return bool(max(parts) * len(case.y) < LARGEST)


def _wrong_value(case: Case, loss: float, correct: int, off: FloatArray, l2: float, l1: float) -> str:
    """Say what is wrong with the loss and the count of right answers; nothing if rounding explains it."""
    expected, bound = mean_loss(case, l2, l1)
    steep = (
        slopes(case.increment, case.y).sum(axis=1) + case.increment.curve.curvature(case.weights.shape[1]) * off[:, 0]
    )
    room = bound * UNIT_ROUNDOFF_32 / UNIT_ROUNDOFF + float(((steep + 1) * off[:, 0]).mean())
    if not abs(loss - float(expected)) <= room:
        return f"in float32 the loss is {loss:.9g}, not {float(expected):.9g}"
    right = case.scores[np.arange(len(case.y)), case.y]
    others = np.where(np.arange(case.scores.shape[1]) == case.y[:, None], -np.inf, case.scores).max(axis=1)
    least, most = (int((right - others > sign * 2 * off[:, 0]).sum()) for sign in (1, -1))
    most += int((right == others).sum())
    return (
        "" if least <= correct <= most else f"in float32 {correct} images are counted as right, not {least} to {most}"
    )


def _judge(case: Case, grad: FloatArray, off: FloatArray, l2: float, l1: float) -> Outcome:
    expected = case.expected(l2, l1)
    numerical = expected.nearest(grad)
    bound = case.rounding(UNIT_ROUNDOFF_32, off) + expected.bound + TINY_32 * len(case.y)
    bound += 8 * UNIT_ROUNDOFF_32 * (l2 * np.abs(case.weights) + l1 + np.abs(expected.slope))
    ratio = ratios(grad, numerical, bound)
    worst = [Compared(one, float(grad[one]), float(numerical[one]), float(bound[one])) for one in worst_places(ratio)]
    if ratio.max() > 1:
        return Outcome("fail", "float32: " + failure(worst[0], int((ratio > 1).sum()), ratio.size), ratio.size, worst)
    there = (expected.slope != 0) & (expected.fold == 0)
    if there.any() and np.median(bound[there]) > COARSE * np.median(np.abs(expected.slope[there])):
        return Outcome("inconclusive", "float32 may round as much as a tenth of the gradient here", ratio.size, worst)
    error = np.abs(grad - numerical).max()
    return Outcome("pass", f"in float32 the gradient is off by at most {error:.1e}", ratio.size, worst)
