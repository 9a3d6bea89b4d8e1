"""Error of a numerical gradient against its step size.

Truncation grows with the step, rounding as it shrinks.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.textbook import sample_indices
from imgclf.gradcheck.truth.exhaustive import difference_steps, differences
from imgclf.gradients import Objective, central_difference, evaluate_loss
from imgclf.losses import LOSSES
from imgclf.training.class_weights import weighted

SAMPLED = 20  # weights that are moved one at a time
TAUS = 10.0 ** np.arange(-10, 0.5, 0.5)  # the largest move of a score


class ErrorCurve(NamedTuple):
    """One way to differentiate: steps (k,) above 0, and the largest gradient error at each, (k,)."""

    name: str
    steps: FloatArray
    errors: FloatArray


def error_curves(case: Case) -> list[ErrorCurve]:
    """Measure the errors of central differences in float64 and float32, and of exact differences."""
    indices = sample_indices(*case.weights.shape)
    some = indices[:: max(1, len(indices) // SAMPLED)]
    at = case.loss, case.scores, case.X, case.y
    exact = [differences(*at, tau, case.example_weights).gradient - case.complex_step for tau in TAUS]
    return [
        ErrorCurve("central differences, float64", TAUS, _tried(case, some, "float64")),
        ErrorCurve("central differences, float32", TAUS, _tried(case, some, "float32")),
        ErrorCurve("exact differences, every parameter", TAUS, np.array([np.abs(one).max() for one in exact])),
    ]


def _tried(case: Case, indices: list[tuple[int, int]], dtype: DTypeLike) -> FloatArray:
    batch = Batch.of(np.asarray(case.X, dtype), case.y)
    w: FloatArray = np.asarray(case.weights, dtype).copy()
    objective = Objective(weighted(LOSSES[case.loss], case.class_weights))

    def value(w: FloatArray) -> float:
        return evaluate_loss(objective, batch, w)[0]

    out = []
    for tau in TAUS:
        h = difference_steps(case.X, tau)
        if not all(_moves(w, index, h) for index in indices):
            out.append(float("nan"))  # the step is lost in the rounding of a weight
            continue
        errors = [central_difference(value, w, index, h[index[0]]) - case.complex_step[index] for index in indices]
        out.append(float(np.abs(errors).max()))
    return np.array(out)


def _moves(w: Any, index: tuple[int, int], h: FloatArray) -> bool:
    step = w.dtype.type(h[index[0]])
    return bool(w[index] - step < w[index] < w[index] + step)
