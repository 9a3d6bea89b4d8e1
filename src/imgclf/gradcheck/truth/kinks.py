"""Kinks of hinge losses, where no derivative exists.

Every loss here is convex in each score. So what is right at a kink can be said all the same: any slope between that
of the step down and that of the step up, a subgradient. The central difference is the middle of the two.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.gradcheck.truth.exact_differences import ExactDifferences


class Kink(NamedTuple):
    """A kink within a step: the example and the class whose margin (or lead) is so near to 0."""

    example: int
    label: int
    rival: int
    margin: float
    left: float  # the derivative of the mean loss on one side of the kinks within the step
    right: float


def distances(exact: ExactDifferences) -> FloatArray:
    """Return how far each score may move before its example meets a kink, (N, C); infinity where there is none."""
    if exact.curve.kink_width is None:
        return np.full(exact.argument.shape, np.inf)
    away = np.abs(exact.argument)
    if not exact.right_class_mirrors:  # moving the right class moves all margins
        away[np.arange(len(exact.y)), exact.y] = away.min(axis=1)
    return away


def nearest_kink(exact: ExactDifferences, moves: FloatArray, c: int) -> tuple[int, int, float] | None:
    """Return the kink that moves (N,) of the scores of class c meet first, if any: example, class, margin."""
    away = distances(exact)[:, c]
    met = np.flatnonzero((away <= np.abs(moves)) & (moves != 0))
    if not len(met):
        return None
    n = int(met[away[met].argmin()])
    rival = c
    if exact.y[n] == c and not exact.right_class_mirrors:
        rival = int(np.abs(exact.argument[n]).argmin())
    return n, rival, float(exact.argument[n, rival])


def crossed(exact: ExactDifferences, moves: FloatArray) -> NDArray[np.bool_]:
    """Return for each class whether its scores meet a kink as they move by up to `moves` (N,), (C,)."""
    return np.asarray((distances(exact) <= np.abs(moves)[:, None]).any(axis=0))
