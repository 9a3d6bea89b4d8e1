"""Exact loss differences when one score of one class moves.

Moving the weight W[d, c] by h moves the score of class c by t = h * x_d, for every example, and no other score. So the
difference that a central difference needs is a sum over the examples of

    change(t) = loss(scores + t at c) - loss(scores - t at c)

and the two losses need not be computed, only their difference: where subtracting them would leave a few digits, a
formula for it keeps all sixteen. As one score moves alone, every loss follows one of the curves below; where on the
curve it is, its argument there, `loss_facts` says for each loss.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray

# From moves t (n, d) to what turns the argument of one class at each example, (n, 1), into the changes (n, d).
Change: TypeAlias = Callable[[FloatArray], Callable[[FloatArray], FloatArray]]


class Curve(NamedTuple):
    """How the loss follows one score: a convex function f, seen from an argument that moves with the score."""

    change: Change  # of t: f(+t) - f(-t), a function of the argument
    derivative: Callable[[FloatArray], FloatArray]  # f', of the argument
    jump: float  # by how much f' jumps at a kink
    # Of argument and t: f(+t) + f(-t) - 2 f(0) where the kink lies within t; None where there is none.
    kink_width: Callable[[FloatArray, FloatArray], FloatArray] | None
    third: float  # the largest third derivative
    curvature: Callable[[int], float]  # of C: how much the loss's derivative by one score changes with all, at most


class ExactDifferences(NamedTuple):
    """How the loss of each example changes as the score of each class moves."""

    argument: FloatArray  # (N, C): where on the curve it is
    y: IntArray  # (N,): the right classes
    curve: Curve  # the change that a move makes at the score of a wrong class
    # The right class changes the loss by minus the curve of its own argument; if not, by minus what the same move
    # changes at all wrong classes together.
    right_class_mirrors: bool

    def score_derivatives(self) -> FloatArray:
        """Return |dloss/ds_c| of each example, (N, C)."""
        return self._by_class(self.curve.derivative(self.argument))

    def derivative_jumps(self, within: FloatArray) -> FloatArray:
        """Return by how much dloss/ds_c may jump where arguments move by up to `within` (N, 1): (N, C)."""
        return self._by_class(self.curve.jump * (np.abs(self.argument) <= within))

    def _by_class(self, each: FloatArray) -> FloatArray:
        """Give the right class what the wrong ones have together, unless it has an argument of its own."""
        if self.right_class_mirrors:
            return each
        is_right = np.arange(each.shape[1]) == self.y[:, None]
        return np.where(is_right, each.sum(axis=1, keepdims=True), each)


def logistic_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """log(1 + p (exp(t) - 1)) - log(1 + p (exp(-t) - 1)) for a probability p, in one logarithm."""
    rise, fall = 2 * np.sinh(t), np.expm1(-t)
    return lambda p: np.asarray(np.log1p(p * rise / (1 + p * fall)))


def ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t) - max(0, m - t): exactly 2 t or exactly 0 where the kink is further away than t."""
    size = np.abs(t)
    return lambda m: np.copysign(np.minimum(np.maximum(m + size, 0), 2 * size), t)


def squared_ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t)**2 - max(0, m - t)**2, as difference times sum."""
    difference, size = ramp_change(t), np.abs(t)
    return lambda m: difference(m) * (np.maximum(m + size, 0) + np.maximum(m - size, 0))


# f(t) = log(1 + p (exp(t) - 1)): f' is p, f'' is p (1 - p), and |f'''| = p (1 - p) |1 - 2p| is at most 1 / (6 sqrt 3).
# f'' of softmax by all scores is p_c (1 - p_c) + sum p_c p_j.
LOGISTIC = Curve(logistic_change, lambda p: p, 0.0, None, third=1 / (6 * np.sqrt(3)), curvature=lambda classes: 0.5)
# f(t) = max(0, m + t), where m is how far a margin is violated.
RAMP = Curve(
    ramp_change, lambda m: (m > 0).astype(m.dtype), 1.0, lambda m, t: np.maximum(0, np.abs(t) - np.abs(m)),
    third=0.0, curvature=lambda classes: 0.0,
)  # fmt: skip
# f(t) = max(0, m + t)**2: at its kink f' is 0 from either side, and f'' jumps.
SQUARED_RAMP = Curve(
    squared_ramp_change, lambda m: 2 * np.maximum(0, m), 0.0,
    lambda m, t: np.maximum(0, m + np.abs(t)) ** 2 - 2 * np.maximum(0, m) ** 2,
    third=0.0, curvature=lambda classes: 4.0 * classes,
)  # fmt: skip
