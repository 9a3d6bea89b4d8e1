"""Check that a gradient function is pure: deterministic, without side effects."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, Examples, FloatArray, IntArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.float32 import fits
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.verdict import Outcome, all_of


def purity(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Check every property of a pure function; name the first that is violated."""
    problems = {name: problem(code, case.on_few_images, l2, l1) for name, problem in PROPERTIES.items()}
    return all_of((name, Outcome("fail" if problem else "pass", problem)) for name, problem in problems.items())


def deterministic(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The same call twice gives the same bits."""
    one, other = (code.gradient_at(case.X, case.y, case.weights, l2, l1) for _ in range(2))
    return "" if one.tobytes() == other.tobytes() else f"two calls differ by {np.abs(one - other).max()}"


def inputs_unchanged(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """Images, labels, weights and scores are unchanged afterwards."""
    X, y, weights, s = case.X.copy(), case.y.copy(), case.weights.copy(), case.scores.copy()
    given: dict[str, NDArray[Any]] = {"the images": X, "the labels": y, "the weights": weights, "the scores": s}
    before = {name: array.tobytes() for name, array in given.items()}
    code.gradient(code.objective(l2, l1), _batch_of_these(X, y), weights)
    code.weighted_loss(s, y)
    changed = [name for name, array in given.items() if array.tobytes() != before[name]]
    return f"it modifies {' and '.join(changed)} in place" if changed else ""


def result_not_reused(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The caller may write into the result: no later call uses or returns that array."""
    batch, weights = _batch_of_these(case.X.copy(), case.y.copy()), case.weights.copy()
    first = code.gradient(code.objective(l2, l1), batch, weights).grad
    kept = first.copy()
    second = code.gradient(code.objective(l2, l1), batch, weights).grad
    if np.shares_memory(first, second) or np.shares_memory(first, weights):
        return "its result is an array that it reuses"
    return "" if first.tobytes() == kept.tobytes() else "the first result changes at the second call"


def shape_and_dtype(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The gradient has the dtype and shape of the weights."""
    for dtype in ("float32", "float64") if fits(case, l2, l1) else ("float64",):
        X: FloatArray = np.asarray(case.X, dtype)
        weights: FloatArray = np.asarray(case.weights, dtype)
        grad = code.gradient_at(X, case.y, weights, l2, l1)
        if grad.dtype != dtype or grad.shape != weights.shape:
            return f"for {weights.dtype} weights {weights.shape}, the gradient is {grad.dtype} {grad.shape}"
        if not np.isfinite(grad).all():
            return f"{(~np.isfinite(grad)).sum()} parameters of the {weights.dtype} gradient are not finite"
    return ""


def labels_of_any_dtype(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The dtype of the labels changes no bit."""
    expected = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    for dtype in ("int32", "uint8") if case.weights.shape[1] <= 256 else ("int32",):
        if code.gradient_at(case.X, case.y.astype(dtype), case.weights, l2, l1).tobytes() != expected.tobytes():
            return f"with {dtype} labels the gradient differs"
    return ""


def _batch_of_these(X: FloatArray, y: IntArray) -> Batch:
    """Return a batch of views of these arrays, not copies."""
    return Batch(np.arange(len(y)), lambda rows: Examples(X[rows[0] : rows[-1] + 1], y[rows[0] : rows[-1] + 1]))


PROPERTIES: dict[str, Callable[[Implementation, Case, float, float], str]] = {
    "deterministic": deterministic,
    "inputs unchanged": inputs_unchanged,
    "result not reused": result_not_reused,
    "shape and dtype": shape_and_dtype,
    "labels of any dtype": labels_of_any_dtype,
}
