"""Where a hinge has no slope: a difference taken across a kink says nothing about either side.

A piecewise loss is smooth as long as every example stays on its piece. The pieces are convex sets of scores, so an
example that is on one piece at both ends of a straight step was on it all the way.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.losses import MARGIN

PieceFn: TypeAlias = Callable[[FloatArray, IntArray], NDArray[Any]]


def active_margins(scores: FloatArray, y: IntArray) -> NDArray[np.bool_]:
    """Which classes violate the margin, (N, C): the pieces of a sum of hinges."""
    return np.asarray(margins(scores, y) > 0)


def worst_rival(scores: FloatArray, y: IntArray) -> IntArray:
    """Which class the loss looks at, y itself where no rival violates the margin, (N,)."""
    return np.asarray(margins(scores, y).argmax(axis=1))


def margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """Return s_j - s_y + 1, and 0 for the right class, (N, C)."""
    rows = np.arange(len(y))
    out = scores - scores[rows, y][:, None] + MARGIN
    out[rows, y] = 0
    return out


PIECES: dict[str, PieceFn] = {
    "svm": active_margins,
    "svm_squared": active_margins,
    "svm_cs": worst_rival,
}  # a loss that is not here is smooth


def crosses_kink(loss: str, s: FloatArray, moves: FloatArray, column: int, y: IntArray) -> bool:
    """Whether an example changes its piece as the scores s (N, C) of one class go from -moves to +moves (N,)."""
    if loss not in PIECES:
        return False
    pieces = []
    for sign in (-1, 0, 1):
        moved = s.copy()
        moved[:, column] += sign * moves
        pieces.append(PIECES[loss](moved, y))
    return not (np.array_equal(pieces[0], pieces[1]) and np.array_equal(pieces[1], pieces[2]))
