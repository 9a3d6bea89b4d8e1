"""Kinks of hinge losses, where no derivative exists.

Every loss here is convex in each score. So what is right at a kink can be said all the same: the slope lies between
that of the step down and that of the step up, and the central difference is the middle of the two.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.increments import Increment


class Kink(NamedTuple):
    """A kink within a step: the example and the class whose margin (or lead) is so near to 0."""

    example: int
    label: int
    rival: int
    margin: float
    left: float  # the slope of the data's loss, over all examples, on one side of the kinks within the step
    right: float


def distances(increment: Increment, y: IntArray) -> FloatArray:
    """Return how far each score may move before its example meets a kink, (N, C); infinity where there is none."""
    if increment.curve.fold is None:
        return np.full(increment.number.shape, np.inf)
    away = np.abs(increment.number)
    if not increment.mirror:  # moving the right class moves all margins
        away[np.arange(len(y)), y] = away.min(axis=1)
    return away


def nearest_kink(increment: Increment, y: IntArray, moves: FloatArray, c: int) -> tuple[int, int, float] | None:
    """Return the kink that moves (N,) of the scores of class c meet first, if any: example, class, margin."""
    away = distances(increment, y)[:, c]
    met = np.flatnonzero((away <= np.abs(moves)) & (moves != 0))
    if not len(met):
        return None
    n = int(met[away[met].argmin()])
    rival = c
    if y[n] == c and not increment.mirror:
        rival = int(np.abs(increment.number[n]).argmin())
    return n, rival, float(increment.number[n, rival])


def crossed(increment: Increment, y: IntArray, moves: FloatArray) -> NDArray[np.bool_]:
    """Return for each class whether its scores meet a kink as they move by up to `moves` (N,), (C,)."""
    return np.asarray((distances(increment, y) <= np.abs(moves)[:, None]).any(axis=0))
