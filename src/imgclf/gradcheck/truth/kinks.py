"""Kinks of hinge losses, where no derivative exists.

Every loss here is convex in each score, so at a kink every subgradient is right: any value between the left and the
right derivative. The central difference is the middle of the two.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.gradcheck.truth.exact_differences import ExactDifferences


class Kink(NamedTuple):
    """A kink within a step: the example and the class whose margin (or lead) is nearly 0."""

    example: int
    label: int
    rival: int
    margin: float
    left: float  # the derivative of the mean loss on one side of the kinks within the step
    right: float


def distances(exact: ExactDifferences) -> FloatArray:
    """Return the distance of each score to the next kink of its example, (N, C); infinity if none."""
    if exact.curve.kink_width is None:
        return np.full(exact.argument.shape, np.inf)
    away = np.abs(exact.argument)
    if not exact.right_class_mirrors:  # moving the right class moves all margins
        away[np.arange(len(exact.y)), exact.y] = away.min(axis=1)
    return away


def nearest_kink(exact: ExactDifferences, moves: FloatArray, c: int) -> tuple[int, int, float] | None:
    """Return the nearest kink that moves (N,) of the scores of class c cross, if any: example, class, margin."""
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
    """Return whether moves (N,) of its scores cross a kink, for each class, (C,)."""
    return np.asarray((distances(exact) <= np.abs(moves)[:, None]).any(axis=0))
