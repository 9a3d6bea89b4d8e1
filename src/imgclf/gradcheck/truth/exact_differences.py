"""Exact loss differences when one score of one class moves.

Moving the weight W[d, c] by h moves the score of class c by t = h * x_d, for every example, and no other score. So the
numerator of a central difference is a sum over the examples of

    change(t) = loss(scores + t at c) - loss(scores - t at c)

Subtracting the two losses would leave a few digits (cancellation); a formula for their difference keeps all sixteen. As
one score moves alone, every loss follows one of the curves below, from an argument that `loss_facts` has for each loss.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray

# Moves t (n, d) -> a function from the argument of one class at each example, (n, 1), to the changes (n, d).
Change: TypeAlias = Callable[[FloatArray], Callable[[FloatArray], FloatArray]]


class Curve(NamedTuple):
    """The loss as a convex function f of one score, given by an argument that moves with the score."""

    change: Change  # of t: f(+t) - f(-t), a function of the argument
    derivative: Callable[[FloatArray], FloatArray]  # f', of the argument
    jump: float  # of f' at a kink
    # Of argument and t: f(+t) + f(-t) - 2 f(0) where the kink lies within t; None where there is none.
    kink_width: Callable[[FloatArray, FloatArray], FloatArray] | None
    third: float  # the largest third derivative
    curvature: Callable[[int], float]  # of C: the largest change of dloss/ds_c as all scores move by 1


class ExactDifferences(NamedTuple):
    """Changes of the loss of each example as the score of each class moves."""

    argument: FloatArray  # (N, C): of the curve
    y: IntArray  # (N,): the right classes
    curve: Curve  # of the score of a wrong class
    # The right class changes the loss by minus the curve at its own argument; if not, by minus the sum of the changes
    # of all wrong classes.
    right_class_mirrors: bool

    def score_derivatives(self) -> FloatArray:
        """Return |dloss/ds_c| of each example, (N, C)."""
        return self._by_class(self.curve.derivative(self.argument))

    def derivative_jumps(self, within: FloatArray) -> FloatArray:
        """Return the largest jump of dloss/ds_c as arguments move by up to `within` (N, 1): (N, C)."""
        return self._by_class(self.curve.jump * (np.abs(self.argument) <= within))

    def _by_class(self, each: FloatArray) -> FloatArray:
        """Give the right class the sum of the wrong ones, unless it has an argument of its own."""
        if self.right_class_mirrors:
            return each
        is_right = np.arange(each.shape[1]) == self.y[:, None]
        return np.where(is_right, each.sum(axis=1, keepdims=True), each)


def logistic_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """log(1 + p (exp(t) - 1)) - log(1 + p (exp(-t) - 1)) for a probability p, in one logarithm."""
    rise, fall = 2 * np.sinh(t), np.expm1(-t)
    return lambda p: np.asarray(np.log1p(p * rise / (1 + p * fall)))


def ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t) - max(0, m - t): exactly 2 t or exactly 0 where the kink is farther away than t."""
    size = np.abs(t)
    return lambda m: np.copysign(np.minimum(np.maximum(m + size, 0), 2 * size), t)


def squared_ramp_change(t: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """max(0, m + t)**2 - max(0, m - t)**2, as a difference times a sum."""
    difference, size = ramp_change(t), np.abs(t)
    return lambda m: difference(m) * (np.maximum(m + size, 0) + np.maximum(m - size, 0))


# f(t) = log(1 + p (exp(t) - 1)): f' is p, f'' is p (1 - p), and |f'''| = p (1 - p) |1 - 2p| is at most 1 / (6 sqrt 3).
# Over all scores, row c of softmax's Hessian has the absolute sum p_c (1 - p_c) + sum p_c p_j, at most 1/2.
LOGISTIC = Curve(logistic_change, lambda p: p, 0.0, None, third=1 / (6 * np.sqrt(3)), curvature=lambda classes: 0.5)
# f(t) = max(0, m + t), where m is the violation of a margin.
RAMP = Curve(
    ramp_change, lambda m: (m > 0).astype(m.dtype), 1.0, lambda m, t: np.maximum(0, np.abs(t) - np.abs(m)),
    third=0.0, curvature=lambda classes: 0.0,
)  # fmt: skip
# f(t) = max(0, m + t)**2: at its kink f' is 0 on both sides, and f'' jumps.
SQUARED_RAMP = Curve(
    squared_ramp_change, lambda m: 2 * np.maximum(0, m), 0.0,
    lambda m, t: np.maximum(0, m + np.abs(t)) ** 2 - 2 * np.maximum(0, m) ** 2,
    third=0.0, curvature=lambda classes: 4.0 * classes,
)  # fmt: skip
