"""Check for side effects: deterministic, inputs unchanged, no state."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, Example, FloatArray, IntArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.float32 import fits
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.verdict import Outcome, all_of


def purity(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Call the gradient in several ways; name the first property that does not hold."""
    problems = {name: problem(code, case.on_few_images, l2, l1) for name, problem in PROPERTIES.items()}
    return all_of((name, Outcome("fail" if problem else "pass", problem)) for name, problem in problems.items())


def repeats_itself(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The same call twice gives the same bits."""
    one, other = (code.gradient_at(case.X, case.y, case.weights, l2, l1) for _ in range(2))
    return "" if one.tobytes() == other.tobytes() else f"asked twice, the answers differ by {np.abs(one - other).max()}"


def leaves_its_inputs(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """Images, labels, weights and scores are the same afterwards."""
    X, y, weights, s = case.X.copy(), case.y.copy(), case.weights.copy(), case.scores.copy()
    given: dict[str, NDArray[Any]] = {"the images": X, "the labels": y, "the weights": weights, "the scores": s}
    before = {name: array.tobytes() for name, array in given.items()}
    code.gradient(code.objective(l2, l1), _batch_of_these(X, y), weights)
    code.loss_fn(s, y)
    changed = [name for name, array in given.items() if array.tobytes() != before[name]]
    return f"it changes {' and '.join(changed)} that it is given" if changed else ""


def gives_away_its_result(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The caller may write into the result: no later call uses or returns that array."""
    batch, weights = _batch_of_these(case.X.copy(), case.y.copy()), case.weights.copy()
    first = code.gradient(code.objective(l2, l1), batch, weights).grad
    kept = first.copy()
    second = code.gradient(code.objective(l2, l1), batch, weights).grad
    if np.shares_memory(first, second) or np.shares_memory(first, weights):
        return "its answer is an array that it uses again"
    return "" if first.tobytes() == kept.tobytes() else "the first answer changes with the second question"


def keeps_the_type(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The gradient of float32 weights is float32, that of float64 weights float64; the shape is that of the weights."""
    for dtype in ("float32", "float64") if fits(case, l2, l1) else ("float64",):
        X: FloatArray = np.asarray(case.X, dtype)
        weights: FloatArray = np.asarray(case.weights, dtype)
        grad = code.gradient_at(X, case.y, weights, l2, l1)
        if grad.dtype != dtype or grad.shape != weights.shape:
            return f"of {weights.dtype} {weights.shape} weights, the gradient is {grad.dtype} {grad.shape}"
        if not np.isfinite(grad).all():
            return f"{(~np.isfinite(grad)).sum()} parameters of the {weights.dtype} gradient are not finite"
    return ""


def takes_labels_of_any_type(code: Implementation, case: Case, l2: float, l1: float) -> str:
    """The dtype of the labels changes no bit."""
    expected = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    for dtype in ("int32", "uint8") if case.weights.shape[1] <= 256 else ("int32",):
        if code.gradient_at(case.X, case.y.astype(dtype), case.weights, l2, l1).tobytes() != expected.tobytes():
            return f"labels kept as {dtype} have another gradient"
    return ""


def _batch_of_these(X: FloatArray, y: IntArray) -> Batch:
    """Return a batch that hands out the very arrays, not copies."""
    return Batch(np.arange(len(y)), lambda rows: Example(X[rows[0] : rows[-1] + 1], y[rows[0] : rows[-1] + 1]))


PROPERTIES: dict[str, Callable[[Implementation, Case, float, float], str]] = {
    "repeats itself": repeats_itself,
    "leaves its inputs alone": leaves_its_inputs,
    "gives its result away": gives_away_its_result,
    "keeps shape and type": keeps_the_type,
    "takes labels of any type": takes_labels_of_any_type,
}
