"""Numerical gradient of every parameter, with an error bound.

With `exact_differences` one central difference costs one curve per example instead of two losses of the whole batch, so
all of them together cost as much as a few gradients, and keep nearly all digits.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.bounds import ROWS, TINY, UNIT_ROUNDOFF, additions, term_rounding
from imgclf.gradcheck.truth.exact_differences import ExactDifferences
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.numerics.indices import slices

TAU = 2.0**-24  # the largest move of a score; each feature has its own step, h = TAU / max |x_d|
COLUMNS = 64  # of ROWS of X at a time: temporary arrays stay in the processor's cache


class Differences(NamedTuple):
    """The numerical gradient of the mean loss, without penalty; b in the last row."""

    gradient: FloatArray  # (D+1, C): the difference quotients
    bound: FloatArray  # (D+1, C): on the difference from a right analytic gradient
    kink_width: FloatArray  # (D+1, C): half the difference of the one-sided derivatives at kinks within the step
    step: FloatArray  # (D+1,): of each weight


def differences(
    loss: str, scores: FloatArray, X: FloatArray, y: IntArray, tau: float = TAU, weight: FloatArray | None = None
) -> Differences:
    """Move every weight up and down, and sum the changes of the losses.

    scores (N, C) at the weights, X (N, D), y (N,), weight (N,) of each loss in the mean, all float64. Time is N * D * C
    curves; memory is less.
    """
    exact = LOSS_FACTS[loss].exact_differences(scores, y)
    (N, D), C = X.shape, scores.shape[1]
    w = np.ones(N) if weight is None else weight
    gradient, bound, kink_width = np.zeros((3, D + 1, C))
    step = difference_steps(X, tau)
    rounding = term_rounding(loss, scores, y) * w[:, None]
    third = exact.curve.third * (1 + 4 * tau) / 6
    slack = 8 * UNIT_ROUNDOFF * (np.abs(scores).max(axis=1) + 1)  # (N,): of a margin
    for rows, columns, x in _pieces(X):
        h = step[columns]
        t = x * h
        gradient[columns] += changes(exact, rows, t, w[rows]).T / (2 * h[:, None] * N)
        size = np.abs(x)
        bound[columns] += (size.T @ rounding[rows]) * (UNIT_ROUNDOFF / N)
        bound[columns] += third * (w[rows] @ (t**2 * size))[:, None] / N
        if exact.curve.kink_width is not None:
            kink_width[columns] += _kink_widths(exact, rows, t, slack[rows], w[rows]) / (2 * h[:, None] * N)
    bound[bound > 0] += N * TINY
    return Differences(gradient, bound + additions(N, C) * UNIT_ROUNDOFF * kink_width, kink_width, step)


def difference_steps(X: FloatArray, tau: float) -> FloatArray:
    """Return the step of each weight and, last, of the bias, (D+1,)."""
    largest = np.append(np.maximum(X.max(axis=0), -X.min(axis=0)), 1.0)
    return np.asarray(tau / np.where(largest > TINY, largest, 1.0))


def changes(exact: ExactDifferences, rows: slice, t: FloatArray, w: FloatArray) -> FloatArray:
    """Sum the changes of the losses of the examples `rows`, times w (n,), as each score moves by t (n, d): (C, d)."""
    argument, right = exact.argument[rows], exact.y[rows]
    change = exact.curve.change(t)
    C = argument.shape[1]
    out = np.empty((C, t.shape[1]))
    if exact.right_class_mirrors:
        for c in range(C):
            out[c] = np.where(right == c, -w, w) @ change(argument[:, c, None])
        return out
    total = np.zeros_like(t)
    for c in range(C):
        one = change(argument[:, c, None])
        out[c] = w @ one
        total += one
    return np.asarray(out - (w * _by_class(right, C)) @ total)


def _kink_widths(exact: ExactDifferences, rows: slice, t: FloatArray, slack: FloatArray, w: FloatArray) -> FloatArray:
    """Sum w * |f(+t) + f(-t) - 2 f(0)| over the examples that cross a kink, (d, C)."""
    argument, right = exact.argument[rows], exact.y[rows]
    kink_width = exact.curve.kink_width
    assert kink_width is not None
    C = argument.shape[1]
    out = np.zeros((t.shape[1], C))
    near = np.abs(argument) <= (np.abs(t).max(axis=1) + slack)[:, None]
    for c in np.flatnonzero(near.any(axis=0)):
        some = np.flatnonzero(near[:, c])
        m, move, loose = argument[some, c, None], t[some], slack[some, None]
        crossed = (np.abs(m) <= np.abs(move) + loose) & (move != 0)
        one = w[some, None] * np.where(crossed, np.maximum(0, kink_width(m, move)) + 4 * loose, 0)
        out[:, c] += one.sum(axis=0)
        if not exact.right_class_mirrors:
            out += (_by_class(right[some], C) @ one).T
    return np.asarray(out)


def _by_class(y: IntArray, classes: int) -> FloatArray:
    return np.asarray(np.arange(classes)[:, None] == y, np.float64)  # (C, n)


def _pieces(X: FloatArray) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Yield pieces of X (N, D) and of the column of ones that multiplies b: rows, columns, x (n, d)."""
    N, D = X.shape
    for rows in slices(N, ROWS):
        for columns in slices(D, COLUMNS):
            yield rows, columns, X[rows, columns]
        yield rows, slice(D, D + 1), np.ones((rows.stop - rows.start, 1))
