"""The loss on a plane through the weights, and the path there."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradients import Objective, analytic_gradient
from imgclf.model import scores

GRID = 31
_COARSE = 11
_STRAIGHT = 1e-6  # of the length of the path: less is rounding
_AROUND = 0.12  # of the size of the plane, beyond path and minimum
_NARROWEST = 0.4  # of the other side
_FARTHER = 6  # times that the plane is made wider for the minimum to be in it


@dataclass(frozen=True)
class Hill:
    """The plane start + a * first + b * second of all weights, with axes of length 1 at right angles.

    Scores are linear in the weights, so their values at the start and along the axes give all scores of the plane.

    axes    (3, D+1, C): start, first, second
    scores  (3, n, C): X @ W + b of each
    y       (n,) classes
    """

    objective: Objective
    axes: NDArray[np.float64]
    scores: NDArray[np.float64]
    y: IntArray

    @cached_property
    def products(self) -> NDArray[np.float64]:
        """The inner products of start, first and second without their biases, (3, 3): the penalty needs them."""
        flat = self.axes[:, :-1].reshape(3, -1)
        return np.asarray(flat @ flat.T)

    def loss(self, a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
        """Return the objective at points of the plane, (m,) each."""
        start, first, second = self.scores
        s = start + a[:, None, None] * first + b[:, None, None] * second  # (m, n, C)
        losses, _ = self.objective.loss_fn(s.reshape(-1, s.shape[2]), np.tile(self.y, len(a)))
        return np.asarray(losses.reshape(len(a), -1).mean(axis=1) + self._penalty(a, b))

    def grid(self, a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
        """Return the objective at all pairs, (b, a)."""
        return np.stack([self.loss(a, np.full(len(a), one)) for one in b])

    def weights(self, a: float, b: float) -> NDArray[np.float64]:
        """Return the weights at a point, (D+1, C)."""
        return np.asarray(self.axes[0] + a * self.axes[1] + b * self.axes[2])

    def at(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the coordinates of the points of the plane that are nearest to some weights (K, D+1, C)."""
        away = (weights - self.axes[0]).reshape(len(weights), -1)
        a, b = (away @ self.axes[1:].reshape(2, -1).T).T
        return a, b

    def _penalty(self, a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
        point = np.stack([np.ones(len(a)), a, b])  # (3, m)
        penalty = self.objective.l2 / 2 * (point * (self.products @ point)).sum(axis=0)
        if self.objective.l1:
            penalty += [self.objective.l1 * np.abs(self.weights(*one)[:-1]).sum() for one in zip(a, b, strict=True)]
        return np.asarray(penalty)


def hill(objective: Objective, X: NDArray[np.float64], y: IntArray, path: FloatArray) -> Hill | None:
    """Return the plane through the first and the last weights of a path (K, D+1, C); None if these are the same.

    The second axis is the direction in which the path strays farthest from the line between them: the first principal
    direction of what is left of it. If it strays nowhere, the axis is the gradient at its end.
    """
    start, end = path[[0, -1]].astype(np.float64)
    away = (path - start).reshape(len(path), -1)
    first = (end - start).ravel()
    length = np.linalg.norm(first)
    if not 0 < length < np.inf:
        return None
    first /= length
    rest = away - np.outer(away @ first, first)  # (K, (D+1) * C)
    # The eigenvectors of the small matrix of inner products give those of the large one.
    squares, shares = np.linalg.eigh(rest @ rest.T)
    strays = squares[-1] > (_STRAIGHT * length) ** 2
    second = shares[:, -1] @ rest if strays else analytic_gradient(objective, Batch.of(X, y), end).grad.ravel()
    second -= (second @ first) * first
    breadth = np.linalg.norm(second)
    if not 0 < breadth < np.inf:
        return None
    second /= breadth
    if (strayed := rest @ second)[np.abs(strayed).argmax()] < 0:
        second = -second
    axes = np.stack([start, first.reshape(start.shape), second.reshape(start.shape)])
    return Hill(objective, axes, np.stack([scores(X, one) for one in axes]), y)


def sides(one: Hill, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the values of a and b of a grid that holds these points, and the lowest one if it is not far."""
    low, high = np.array([a.min(), b.min()]), np.array([a.max(), b.max()])
    size = np.maximum(high - low, _NARROWEST * (high - low).max())
    low, high = (low + high - size) / 2, (low + high + size) / 2
    low, high = low - _AROUND * size, high + _AROUND * size
    for _ in range(_FARTHER):
        across, up = (np.linspace(*ends, _COARSE) for ends in zip(low, high, strict=True))
        found = np.unravel_index(one.grid(across, up).argmin(), (_COARSE, _COARSE))[::-1]
        at = np.array(found)
        if ((at > 0) & (at < _COARSE - 1)).all():
            break
        size = high - low
        low, high = low - size / 3 * (at == 0), high + size / 3 * (at == _COARSE - 1)
    return np.linspace(low[0], high[0], GRID), np.linspace(low[1], high[1], GRID)


def path_losses(objective: Objective, X: NDArray[np.float64], y: IntArray, path: FloatArray) -> list[float]:
    """Return the objective with each of the weights (K, D+1, C)."""
    return [
        float(objective.loss_fn(scores(X, one), y)[0].mean() + objective.penalty(one))
        for one in (weights.astype(np.float64) for weights in path)
    ]


def share_inside(one: Hill, path: FloatArray) -> float:
    """Return how much of the path's squared distances from its start lies inside the plane."""
    a, b = one.at(path)
    away = (path - one.axes[0]).reshape(len(path), -1)
    return float((a @ a + b @ b) / np.square(away).sum())
