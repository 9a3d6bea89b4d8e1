"""Textbook gradient check: central differences, one weight at a time.

Simple but slow, so it takes every bias and a sample of W; the loss is a black box. Losses are rounded before they are
subtracted, so it finds mistakes down to about one part in 10,000.
"""

from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation, ValueFn
from imgclf.gradcheck.truth.bounds import difference_bounds, penalty_bound
from imgclf.gradcheck.truth.kinks import crossed
from imgclf.gradcheck.verdict import SHOWN, Compared, Index, Outcome, failure
from imgclf.gradients import STEP, Objective, central_difference
from imgclf.numerics.random_streams import CHECK, shuffled

SAMPLE = 200  # weights at a point, the same number for each class
LARGEST_WEIGHT = 1e-3 * STEP * 2.0**52  # beyond, adding STEP to a weight is mostly rounding
VISIBLE = 10  # bounds; rounding could hide a smaller gradient


def textbook(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Compare the analytic gradient with central differences, data and penalty separately."""
    case = case.on_few_images
    data = code.gradient_at(case.X, case.y, case.weights)
    losses, _ = code.loss_fn(case.scores.copy(), case.y.copy())
    at = case.X, case.y, case.weights, losses
    bound = difference_bounds(case.loss, *at, STEP, case.example_weights)[:, None]
    compared = _compare(data, try_data(code.value, code.objective(), case), np.broadcast_to(bound, data.shape))
    if l2 or l1:
        objective = code.objective(l2, l1)
        added = code.gradient_at(case.X, case.y, case.weights, l2, l1) - data
        compared += _compare(added, try_penalty(objective, case), _penalty_bounds(objective, case, added))
    bias = len(case.weights) - 1
    largest = sorted(compared, key=lambda one: (one.parameter[0] == bias, -abs(one.numerical)))[:SHOWN]
    compared.sort(key=lambda one: -one.ratio)
    worst = compared[:SHOWN]
    if not compared:
        return Outcome("inconclusive", "every step crosses a kink or vanishes in the rounding of a huge weight")
    if worst[0].ratio > 1:
        return Outcome("fail", failure(worst[0], np.array([one.ratio for one in compared])), 0, worst, largest=largest)
    there = [one for one in compared if one.numerical or case.truth.gradient[one.parameter]]
    if not there or 2 * sum(abs(one.numerical) > VISIBLE * one.bound for one in there) < len(there):
        reason = "the gradient is 0, or smaller than what rounding can hide"
        return Outcome("inconclusive", reason, 0, worst, largest=largest)
    return Outcome("pass", f"{len(compared)} central differences of the loss", len(compared), worst, largest=largest)


def _compare(grad: FloatArray, tried: dict[Index, float], bound: FloatArray) -> list[Compared]:
    return [Compared(index, float(grad[index]), numerical, float(bound[index])) for index, numerical in tried.items()]


@lru_cache(maxsize=8)
def try_data(value: ValueFn, objective: Objective, case: Case) -> dict[Index, float]:
    """Return numerical derivatives of the mean loss, at sampled parameters whose step crosses no kink."""
    batch, w = Batch.of(case.X, case.y), case.weights.copy()
    moves = [*(STEP * case.X.T), np.full(len(case.y), STEP)]  # of the scores, as a weight moves by STEP, (N,) each
    kinked = {row: crossed(case.exact_differences, moves[row]) for row, _ in sample_indices(*w.shape)}
    return {
        (row, c): central_difference(lambda w: value(objective, batch, w)[0], w, (row, c), STEP)
        for row, c in sample_indices(*w.shape)
        if not kinked[row][c] and abs(w[row, c]) < LARGEST_WEIGHT
    }


def try_penalty(objective: Objective, case: Case) -> dict[Index, float]:
    """Return numerical derivatives of the penalty, where |w| has no kink within the step."""
    w, bias = case.weights.copy(), len(case.weights) - 1
    return {
        (row, c): central_difference(objective.penalty, w, (row, c), STEP)
        for row, c in sample_indices(*w.shape)
        if (not objective.l1 or row == bias or abs(w[row, c]) > STEP) and abs(w[row, c]) < LARGEST_WEIGHT
    }


def _penalty_bounds(objective: Objective, case: Case, grad: FloatArray) -> FloatArray:
    value = objective.penalty(case.weights)
    # The step itself may be most of the penalty, where the weights are small.
    step = STEP * (objective.l2 * (np.abs(case.weights) + STEP) + objective.l1)
    # Both gradients were rounded together with the data gradient.
    return penalty_bound(value + step, np.abs(case.truth.gradient) + np.abs(grad), STEP)


@lru_cache(maxsize=8)
def sample_indices(rows: int, classes: int) -> list[Index]:
    """Choose every bias, and a sample of W, the same number for each class; rows is D + 1."""
    each = min(rows - 1, max(2, SAMPLE // classes))
    chosen = [(int(d), c) for c in range(classes) for d in np.sort(shuffled(rows - 1, 0, CHECK, c)[:each])]
    return chosen + [(rows - 1, c) for c in range(classes)]
