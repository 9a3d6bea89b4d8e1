"""Usual gradient checks: ten samples, or one random direction."""

import numpy as np

from imgclf.arrays import Batch
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import central_difference
from imgclf.numerics.random_streams import CHECK, stream, uniform

SAMPLES, SAMPLE_STEP, SAMPLE_LIMIT = 10, 1e-5, 1e-4
FAST_STEP, FAST_RELATIVE, FAST_ABSOLUTE = 1e-6, 1e-3, 1e-5


def ten_samples(code: Implementation, case: Case, l2: float, l1: float) -> bool:
    """Whether one of ten random parameters has a relative error |a - n| / (|a| + |n|) above 1e-4."""
    grad = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    objective, batch, w = code.objective(l2, l1), Batch.of(case.X, case.y), case.weights.copy()
    for draw in uniform(stream(1, CHECK), (SAMPLES, 2)) * w.shape:
        index = int(draw[0]), int(draw[1])
        tried = central_difference(lambda w: code.value(objective, batch, w)[0], w, index, SAMPLE_STEP)
        both = abs(grad[index]) + abs(tried)
        if both and not abs(grad[index] - tried) / both <= SAMPLE_LIMIT:
            return True
    return False


def one_direction(code: Implementation, case: Case, l2: float, l1: float) -> bool:
    """Whether the derivative along one random direction is wrong, by the rule of PyTorch's fast gradcheck."""
    grad = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    objective, batch = code.objective(l2, l1), Batch.of(case.X, case.y)
    direction = uniform(stream(2, CHECK), grad.shape)
    direction /= np.linalg.norm(direction)
    up, down = (code.value(objective, batch, case.weights + step * direction)[0] for step in (FAST_STEP, -FAST_STEP))
    along, tried = float((grad * direction).sum()), (up - down) / (2 * FAST_STEP)
    return not abs(along - tried) <= FAST_ABSOLUTE * direction.sum() + FAST_RELATIVE * abs(tried)
