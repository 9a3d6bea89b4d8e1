"""Numerical gradient of every parameter, with an error bound.

In increment form a difference costs one curve an example instead of two losses of the whole batch, so all of them cost
little more than a few gradients, and have nearly all their digits.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.bounds import NOISE, ROWS, TINY, UNIT_ROUNDOFF, slopes
from imgclf.gradcheck.increments import INCREMENTS, Increment

TAU = 2.0**-24  # how far a step moves the scores, at most; h = TAU / max |x_d| is each feature's own
COLUMNS = 64  # of ROWS of X at a time: what is computed on the way stays in the cache


class Differences(NamedTuple):
    """The gradient of the mean loss by central differences, without penalty.

    slope  (D+1, C): the difference quotients, b in the last row
    bound  (D+1, C): how far a right analytic gradient may lie from them, by truncation and rounding
    fold   (D+1, C): where kinks lie within the step, how far the slopes on either side lie from the middle; else 0
    step   (D+1,): how far each weight was moved
    """

    slope: FloatArray
    bound: FloatArray
    fold: FloatArray
    step: FloatArray


def differences(loss: str, scores: FloatArray, X: FloatArray, y: IntArray, tau: float = TAU) -> Differences:
    """Move every weight up and down and add up what each example's loss does.

    scores (N, C) at the weights, X (N, D), y (N,), all float64. Costs N * D * C curves, and no memory of that size.
    """
    increment = INCREMENTS[loss](scores, y)
    (N, D), C = X.shape, scores.shape[1]
    slope, bound, fold = np.zeros((3, D + 1, C))
    step = steps(X, tau)
    steep = slopes(increment, y)
    additions = 2 * N + 2 * C + 40  # of examples, on both sides, and at the right class of the others
    sizes = additions * steep + NOISE[loss](scores, y, steep)  # (N, C), in roundings
    third = increment.curve.third * (1 + 4 * tau) / 6
    slack = 8 * UNIT_ROUNDOFF * (np.abs(scores).max(axis=1) + 1)  # (N,): of a margin
    for rows, columns, x in _pieces(X):
        h = step[columns]
        t = x * h
        slope[columns] += changes(increment, y, rows, t).T / (2 * h[:, None] * N)
        size = np.abs(x)
        bound[columns] += (size.T @ sizes[rows]) * (UNIT_ROUNDOFF / N)
        bound[columns] += third * (t**2 * size).sum(axis=0)[:, None] / N
        if increment.curve.fold is not None:
            fold[columns] += _folds(increment, y, rows, t, slack[rows]) / (2 * h[:, None] * N)
    bound[bound > 0] += N * TINY
    return Differences(slope, bound + additions * UNIT_ROUNDOFF * fold, fold, step)


def steps(X: FloatArray, tau: float) -> FloatArray:
    """Return how far to move each weight, and last each bias: (D+1,); a feature that is always 0 moves nothing."""
    largest = np.append(np.maximum(X.max(axis=0), -X.min(axis=0)), 1.0)
    return np.asarray(tau / np.where(largest > TINY, largest, 1.0))


def changes(increment: Increment, y: IntArray, rows: slice, t: FloatArray) -> FloatArray:
    """Add up what moves t (n, d) of the score of each class change in the losses of the examples `rows`, (C, d)."""
    number, right = increment.number[rows], y[rows]
    change = increment.curve.change(t)
    C = number.shape[1]
    out = np.empty((C, t.shape[1]))
    if increment.mirror:
        for c in range(C):
            out[c] = np.where(right == c, -1.0, 1.0) @ change(number[:, c, None])
        return out
    total = np.zeros_like(t)
    for c in range(C):
        one = change(number[:, c, None])
        out[c] = one.sum(axis=0)
        total += one
    return np.asarray(out - _by_class(right, C) @ total)


def _folds(increment: Increment, y: IntArray, rows: slice, t: FloatArray, slack: FloatArray) -> FloatArray:
    """Add up |f(+t) + f(-t) - 2 f(0)| over the examples that meet a kink, (d, C): what convexity leaves open."""
    number, right = increment.number[rows], y[rows]
    fold = increment.curve.fold
    assert fold is not None
    C = number.shape[1]
    out = np.zeros((t.shape[1], C))
    near = np.abs(number) <= (np.abs(t).max(axis=1) + slack)[:, None]
    for c in np.flatnonzero(near.any(axis=0)):
        some = np.flatnonzero(near[:, c])
        m, move, loose = number[some, c, None], t[some], slack[some, None]
        crossed = (np.abs(m) <= np.abs(move) + loose) & (move != 0)
        one = np.where(crossed, np.maximum(0, fold(m, move)) + 4 * loose, 0)
        out[:, c] += one.sum(axis=0)
        if not increment.mirror:
            out += (_by_class(right[some], C) @ one).T
    return np.asarray(out)


def _by_class(y: IntArray, classes: int) -> FloatArray:
    return np.asarray(np.arange(classes)[:, None] == y, np.float64)  # (C, n)


def _pieces(X: FloatArray) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Cut X (N, D), and last the feature of ones that b belongs to, into pieces: rows, columns, x (n, d)."""
    N, D = X.shape
    for top in range(0, N, ROWS):
        rows = slice(top, min(top + ROWS, N))
        for left in range(0, D, COLUMNS):
            columns = slice(left, min(left + COLUMNS, D))
            yield rows, columns, X[rows, columns]
        yield rows, slice(D, D + 1), np.ones((rows.stop - top, 1))
