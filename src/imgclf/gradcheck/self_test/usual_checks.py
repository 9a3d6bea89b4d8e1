"""Usual gradient checks: ten samples, or one random direction."""

from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation, ValueFn
from imgclf.gradients import Objective, central_difference
from imgclf.numerics.random_streams import CHECK, stream, uniform

SAMPLES, SAMPLE_STEP, SAMPLE_LIMIT = 10, 1e-5, 1e-4
FAST_STEP, FAST_RELATIVE, FAST_ABSOLUTE = 1e-6, 1e-3, 1e-5


def ten_samples(code: Implementation, case: Case, l2: float, l1: float) -> bool:
    """Whether one of ten random parameters has a relative error |a - n| / (|a| + |n|) above 1e-4."""
    grad = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    for index, tried in _sampled(code.value, code.objective(l2, l1), case).items():
        both = abs(grad[index]) + abs(tried)
        if both and not abs(grad[index] - tried) / both <= SAMPLE_LIMIT:
            return True
    return False


def one_direction(code: Implementation, case: Case, l2: float, l1: float) -> bool:
    """Whether the derivative along one random direction is wrong, by the rule of PyTorch's fast gradcheck."""
    grad = code.gradient_at(case.X, case.y, case.weights, l2, l1)
    direction = _direction(grad.shape)
    along = float((grad * direction).sum())
    tried = _along(code.value, code.objective(l2, l1), case)
    return not abs(along - tried) <= FAST_ABSOLUTE * direction.sum() + FAST_RELATIVE * abs(tried)


@lru_cache(maxsize=64)
def _sampled(value: ValueFn, objective: Objective, case: Case) -> dict[tuple[int, ...], float]:
    w, batch = case.weights.copy(), Batch.of(case.X, case.y)
    draws = uniform(stream(1, CHECK), (SAMPLES, 2)) * w.shape
    indices = [tuple(int(one) for one in draw) for draw in draws]
    return {
        index: central_difference(lambda w: value(objective, batch, w)[0], w, index, SAMPLE_STEP) for index in indices
    }


@lru_cache(maxsize=64)
def _along(value: ValueFn, objective: Objective, case: Case) -> float:
    batch, step = Batch.of(case.X, case.y), FAST_STEP * _direction(case.weights.shape)
    up, down = (value(objective, batch, case.weights + sign * step)[0] for sign in (1, -1))
    return (up - down) / (2 * FAST_STEP)


def _direction(shape: tuple[int, ...]) -> FloatArray:
    direction = uniform(stream(2, CHECK), shape)
    return np.asarray(direction / np.linalg.norm(direction))
