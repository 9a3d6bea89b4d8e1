"""One case of the check: a loss at given weights and images."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF, score_bounds, sum_sizes, term_rounding
from imgclf.gradcheck.truth.exact_differences import ExactDifferences
from imgclf.gradcheck.truth.exhaustive import Differences, differences
from imgclf.gradcheck.truth.kinks import Kink, distances, nearest_kink
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS, LossFacts
from imgclf.gradcheck.truth.reference import complex_step_gradient, extended_scores
from imgclf.gradcheck.verdict import SHOWN, Compared, Index, Outcome, failure, ratios, worst_indices
from imgclf.model import scores
from imgclf.numerics.random_streams import CHECK, shuffled

FEW = 96


class Expected(NamedTuple):
    """The numerical gradient of data and penalty, (D+1, C), and the largest error of a right one.

    Where a kink lies within the step, any gradient within `kink_width` of the middle is right: the loss is convex.
    """

    gradient: FloatArray
    bound: FloatArray
    kink_width: FloatArray

    def nearest(self, analytic: FloatArray) -> FloatArray:
        """Return the right gradient nearest to this one."""
        return np.clip(analytic, self.gradient - self.kink_width, self.gradient + self.kink_width)

    def ratio(self, analytic: FloatArray) -> FloatArray:
        """Return the distance to the nearest right gradient, in units of the bound, (D+1, C)."""
        return ratios(analytic, self.nearest(analytic), self.bound)

    @property
    def spread(self) -> FloatArray:
        """The largest distance of a right gradient from the middle, kinks included."""
        return self.bound + self.kink_width


@dataclass(frozen=True, eq=False)
class Case:
    """One loss at one point: X (N, D), y (N,), weights (D+1, C), float64. Its properties are computed once.

    class_weights (C,) multiply the loss of each example by the weight of its class; None: all are 1.
    """

    loss: str
    X: FloatArray
    y: IntArray
    weights: FloatArray
    class_weights: FloatArray | None = None

    @property
    def facts(self) -> LossFacts:
        """Facts of the loss."""
        return LOSS_FACTS[self.loss]

    @cached_property
    def example_weights(self) -> FloatArray:
        """The weight of each example in the mean loss, (N,)."""
        return np.ones(len(self.y)) if self.class_weights is None else self.class_weights[self.y]

    @cached_property
    def scores(self) -> FloatArray:
        """The scores as the model computes them, (N, C); the check `value` certifies them."""
        return scores(self.X, self.weights)

    @cached_property
    def extended_scores(self) -> NDArray[Any]:
        """The scores in extended precision."""
        return extended_scores(self.X, self.weights)

    @cached_property
    def exact_differences(self) -> ExactDifferences:
        """Changes of the losses as a score moves."""
        return self.facts.exact_differences(self.scores, self.y)

    @cached_property
    def truth(self) -> Differences:
        """The numerical gradient of the mean loss, at every parameter."""
        return differences(self.loss, self.scores, self.X, self.y, weight=self.example_weights)

    @cached_property
    def complex_step(self) -> FloatArray:
        """The gradient of the mean loss by complex step, (D+1, C)."""
        return complex_step_gradient(self.loss, self.scores, self.X, self.y, self.example_weights)

    @cached_property
    def on_few_images(self) -> "Case":
        """The case on at most FEW images, for slow checks."""
        if len(self.y) <= FEW:
            return self
        rows = np.sort(shuffled(len(self.y), 0, CHECK)[:FEW])
        return replace(self, X=self.X[rows], y=self.y[rows])

    def expected(self, l2: float, l1: float) -> Expected:
        """Add the penalty, whose differences are exact; |w| has a kink at 0."""
        w, h = np.abs(self.weights), self.truth.step[:, None]
        penalty = l2 * self.weights + l1 * np.sign(self.weights) * np.minimum(1, w / h)
        kink_width = l1 * np.maximum(0, 1 - w / h)
        rounding = UNIT_ROUNDOFF * (4 * (l2 * w + l1) + 2 * np.abs(self.truth.gradient + penalty))
        penalty[-1] = kink_width[-1] = rounding[-1] = 0
        rounding *= (l2 or l1) != 0
        return Expected(self.truth.gradient + penalty, self.truth.bound + rounding, self.truth.kink_width + kink_width)

    def rounding(self, unit: float, off: FloatArray) -> FloatArray:
        """Bound the rounding of a data gradient that computes its own scores, (D+1, C).

        unit: relative error of one operation in that arithmetic; off (N, 1): distance of its scores from these.
        `truth` shares the scores of the gradient under check, so its bound is smaller.
        """
        s, y, curve = self.scores, self.y, self.facts.curve
        N, C = s.shape
        off = off + 4 * unit * (np.abs(s).max(axis=1, keepdims=True) + 1)  # a margin is rounded at the size of 1
        each = unit * term_rounding(self.loss, s, y) + curve.curvature(C) * off
        if curve.kink_width is not None:
            # A margin that rounding takes across its kink switches a whole example, for the right class all of them.
            switched = np.where(np.arange(C) == y[:, None], C, 1) * (1 + 2 * off)
            each += (distances(self.exact_differences) <= 2 * off) * switched
        return np.asarray(sum_sizes(self.X, each * self.example_weights[:, None]) / N)

    def scores_off(self, unit: float) -> FloatArray:
        """Bound the rounding of scores in arithmetic with this unit, in any order of additions, (N, 1)."""
        return np.asarray(score_bounds(self.X, self.weights).max(axis=1, keepdims=True) * (unit / UNIT_ROUNDOFF))

    def compare(self, analytic: FloatArray, l2: float = 0.0, l1: float = 0.0) -> Outcome:
        """Compare a gradient (D+1, C) with the bound at every parameter."""
        expected = self.expected(l2, l1)
        if analytic.shape != self.weights.shape:
            return Outcome("fail", f"the gradient is {analytic.shape}, the weights are {self.weights.shape}")
        numerical, ratio = expected.nearest(analytic), expected.ratio(analytic)

        def compared(index: Index) -> Compared:
            here, there, bound = (float(one[index]) for one in (analytic, numerical, expected.bound))
            return Compared(index, here, there, bound, self._kink(index))

        worst = [compared(index) for index in worst_indices(ratio)]
        kinked = np.argwhere(self.truth.kink_width > 0)
        kinks = [compared((int(row), int(c))) for row, c in kinked[:SHOWN]]
        verdict, reason = self._verdict(expected, ratio, worst[0])
        return Outcome(verdict, reason, ratio.size, worst, kinks, len(kinked))

    def _verdict(self, expected: Expected, ratio: FloatArray, worst: Compared) -> tuple[str, str]:
        if worst.ratio > 1:
            return "fail", failure(worst, ratio)
        if 10 * (expected.bound > resolution(expected.gradient)).sum() > ratio.size:
            reason = "rounding could hide a millionth of the median gradient at more than a tenth of the parameters"
            return "inconclusive", reason
        kinked = int((expected.kink_width > 0).sum())
        at_kinks = f"; {kinked:,} at a kink, each between the one-sided derivatives" if kinked else ""
        return "pass", f"the worst error is {worst.ratio:.1%} of its bound on truncation and rounding{at_kinks}"

    def _kink(self, index: Index) -> Kink | None:
        """Return the kink of the loss within the step of this parameter, if any."""
        row, c = index
        x = self.X[:, row] if row < self.X.shape[1] else np.ones(len(self.X))
        found = nearest_kink(self.exact_differences, self.truth.step[row] * x, c)
        if found is None:
            return None
        example, rival, margin = found
        middle, half = float(self.truth.gradient[index]), float(self.truth.kink_width[index])
        return Kink(example, int(self.y[example]), rival, margin, middle - half, middle + half)


def resolution(gradient: FloatArray) -> float:
    """Return a millionth of the median of the numbers that are not 0: a larger bound could hide a mistake."""
    there = np.abs(gradient[gradient != 0])
    return 1e-6 * float(np.median(there)) if there.size else 0.0
