"""Measure the rounding errors (noise) of a function.

ECnoise (Moré and Wild 2011, "Estimating computational noise"): in differences of high order a smooth function vanishes,
and only noise remains.
"""

import math
from collections.abc import Callable

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.numerics.random_streams import CHECK, stream, uniform

POINTS = 9
ORDER = 6
DIRECTIONS = 3
# Moves of the scores between points. Over the smaller one float32 values do not change; over the larger one a hinge may
# have a kink, so the minimum over several directions counts.
DISTANCES = (1e-8, 1e-6)
NOISE_COUNTER = 1_000_000  # of the seed's stream, far from the columns that `differences` shuffles


def noise_of(value: Callable[[FloatArray], float], W: FloatArray, largest: FloatArray, seed: int) -> float:
    """Return the standard deviation of the rounding of value(W), W (D, C); largest (D,) is max_n |x_nd|."""
    return max(
        min(_along(value, W, distance * _direction(W, largest, seed, i)) for i in range(DIRECTIONS))
        for distance in DISTANCES
    )


def from_table(values: FloatArray) -> float:
    """Return the noise of equidistant values, at the first order of differences that agrees with the next two.

    Differences of order k have the variance (2k)! / (k!)**2 times that of the noise.
    """
    levels, signs = [], []
    differences = np.asarray(values, np.float64)
    for k in range(1, ORDER + 1):
        differences = np.diff(differences)
        levels.append(math.sqrt(math.factorial(k) ** 2 / math.factorial(2 * k) * float(np.mean(differences**2))))
        signs.append(bool(differences.min() < 0 < differences.max()))
    for k in range(ORDER - 2):
        if max(levels[k : k + 3]) <= 4 * min(levels[k : k + 3]) and signs[k]:
            return levels[k]
    return min(levels[2:])


def _along(value: Callable[[FloatArray], float], W: FloatArray, step: FloatArray) -> float:
    # Not from W itself: there, scores may be tied.
    return from_table(np.array([value(W + i * step) for i in range(1, POINTS + 1)]))


def _direction(W: FloatArray, largest: FloatArray, seed: int, counter: int) -> FloatArray:
    """Return a random direction (D, C) that moves scores by about 1."""
    signs = np.where(uniform(stream(seed, CHECK, NOISE_COUNTER + counter), W.shape) < 0.5, -1.0, 1.0)
    return np.asarray(signs / (largest[:, None] * math.sqrt(len(W))))
