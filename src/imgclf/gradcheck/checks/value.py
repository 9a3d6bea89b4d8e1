"""Check of the loss value against its definition."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF, score_bounds, value_bounds
from imgclf.gradcheck.truth.reference import EXTENDED
from imgclf.gradcheck.verdict import Outcome
from imgclf.model import split
from imgclf.numerics.random_streams import CHECK, normal, stream

DRAWS = 50  # of other scores
IMAGES = 128  # at most, of each draw
SPREADS = np.logspace(-3, 4, DRAWS)  # their distances from the scores of the case


def value(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Compare scores, loss and penalty with their definitions in extended precision, here and at other scores."""
    wrong = next(_mistakes(code, case, l2, l1), None)
    return Outcome("fail", wrong) if wrong else Outcome("pass", f"as defined, here and at {DRAWS} other scores")


def _mistakes(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[str]:
    s, y = case.scores, case.y
    off = np.abs(s - case.extended_scores) > score_bounds(case.X, case.weights)
    if off.any() or not np.isfinite(s).all():
        n, c = np.argwhere(off | ~np.isfinite(s))[0]
        yield f"the score of image {n} for class {c} is {s[n, c]}, X @ W + b is {case.extended_scores[n, c]:.17g}"

    expected, bound = mean_loss(case, l2, l1)
    batch, weights = Batch.of(case.X, y), case.weights
    seen = code.gradient(code.objective(l2, l1), batch, weights.copy())
    right = int((s.argmax(axis=1) == y).sum())
    for what, (loss, correct) in {
        "the loss": code.value(code.objective(l2, l1), batch, weights.copy()),
        "the loss beside the gradient": seen[:2],
    }.items():
        if not abs(loss - expected) <= bound:
            yield f"{what} is {loss:.17g}, by definition {expected:.17g} (bound on rounding {bound:.2g})"
        if correct != right:
            yield f"{what} counts {correct} images as right, but {right} have their highest score at their class"

    if not weights.any():
        known = case.facts.at_zero(s.shape[1]) * case.example_weights.mean()
        if abs(float(expected) - known) > bound:
            yield f"at W = 0 the loss is {float(expected)}, not {known}"

    for moved, by_definition, bounds in elsewhere(case):
        losses, _ = code.weighted_loss(moved.copy(), y[: len(moved)].copy())
        off = ~(np.abs(losses - by_definition) <= bounds)
        if off.any():
            n = int(off.argmax())
            yield f"at other scores the loss of image {n} is {losses[n]:.17g}, by definition {by_definition[n]:.17g}"


@lru_cache(maxsize=8)
def elsewhere(case: Case) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return other scores, near and far, the losses there by definition, and their bounds."""
    y = case.y[:IMAGES]
    draws = [normal(stream(0, CHECK, draw), (len(y), case.scores.shape[1])) for draw in range(DRAWS)]
    moved = [case.scores[: len(y)] + spread * draw for spread, draw in zip(SPREADS, draws, strict=True)]
    losses, w = [case.facts.definition(s.astype(EXTENDED), y) for s in moved], case.example_weights[: len(y)]
    return [(s, w * each, w * value_bounds(case.loss, s, y, each)) for s, each in zip(moved, losses, strict=True)]


@lru_cache(maxsize=64)
def mean_loss(case: Case, l2: float, l1: float) -> tuple[float, float]:
    """Return mean loss + penalty by definition, and the bound on the error of a right value."""
    losses, w = case.facts.definition(case.scores.astype(EXTENDED), case.y), case.example_weights
    bound = float((w * value_bounds(case.loss, case.scores, case.y, losses)).mean())
    losses = w * losses
    W = split(case.weights)[0].astype(EXTENDED)
    penalty = EXTENDED(l2) / 2 * (W**2).sum() + EXTENDED(l1) * np.abs(W).sum()
    total = losses.sum() / len(losses) + penalty
    bound += UNIT_ROUNDOFF * float((len(losses) + 8) * losses.mean() + (W.size + 8) * penalty + 4 * abs(total))
    return total, bound
