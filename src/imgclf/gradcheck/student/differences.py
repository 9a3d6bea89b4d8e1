"""Numerical gradient of a learner's returned loss.

As the step shrinks, the error of a right gradient falls to rounding, that of a wrong one stays. Where the step crosses
a kink of a hinge, the error drops once the kink is outside of the step.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.step_sizes import TAUS, ErrorCurve
from imgclf.gradcheck.student.noise import noise_of
from imgclf.gradcheck.student.precision import COARSE, UNITS, magnitude
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.verdict import Compared, Index
from imgclf.machine.progress import advancing
from imgclf.numerics.random_streams import CHECK, shuffled, stream, uniform

# The first step of a weight moves no score by more than this: truncation and rounding are about equal.
FIRST_MOVE = 1e-4
COARSE_MOVE = 1e-1  # in float32
STEPS = 9  # each a quarter of the previous one
FAMILY_WISE = 1e-6  # probability of a false alarm in all comparisons together, if rounding were normal
SAFETY = 3.0  # it is not, and its size is an estimate
TABLE_MOVE = 1e-2
TABLE_ROWS = 8
FEWEST = 50  # parameters, of a function that is not as slow as a numerical gradient:
LONGEST = 60.0  # seconds
ENOUGH = 300  # wrong parameters, or right ones where directions of all of them agree: more tell nothing new
DW_ROUNDINGS = 16  # in the sum of a coarse dW
DIRECTION = 4_000_000  # counter of the seed's stream
VISIBLE = 10  # bounds; rounding could hide a smaller gradient

Value: TypeAlias = Callable[[FloatArray], float]


class Quotients(NamedTuple):
    """Three difference quotients at one step."""

    step: float
    left: float
    central: float
    right: float

    @property
    def width(self) -> float:
        """The change of the derivative over the step: by curvature, or at a kink."""
        return abs(self.right - self.left)

    def error(self, analytic: float) -> float:
        """Return the distance of the gradient from the central difference."""
        return abs(analytic - self.central)

    def brackets(self, analytic: float, slack: float) -> bool:
        """Whether the gradient lies between the left and the right quotient."""
        low, high = sorted((self.left, self.right))
        return low - slack <= analytic <= high + slack


class Derivative(NamedTuple):
    """The derivative along one weight or direction, analytic and numerical, and the outcome."""

    compared: Compared
    outcome: str  # agrees | kink | wrong | undecided

    @property
    def is_telling(self) -> bool:
        """Whether a mistake as large as the gradient itself would be visible."""
        size = max(abs(self.compared.analytic), abs(self.compared.numerical))
        return self.outcome == "kink" or (self.outcome != "undecided" and size > VISIBLE * self.compared.bound)


class Comparison(NamedTuple):
    """The compared derivatives."""

    derivatives: Sequence[Derivative]
    parameters: int  # of W

    def count(self, outcome: str) -> int:
        """Return the number of derivatives with this outcome."""
        return sum(one.outcome == outcome for one in self.derivatives)

    @property
    def worst(self) -> Compared | None:
        """The parameter with the largest error/bound; a wrong one if there is any."""
        wrong = [one for one in self.derivatives if one.outcome == "wrong"]
        smooth = [one for one in self.derivatives if one.outcome == "agrees"]
        return max(
            (one.compared for one in wrong or smooth or self.derivatives), key=lambda one: one.ratio, default=None
        )

    @property
    def is_telling(self) -> bool:
        """Whether most of the derivatives that are not 0 are larger than what rounding hides."""
        there = [one for one in self.derivatives if one.compared.error or one.compared.analytic]
        return 2 * sum(one.is_telling for one in there) >= len(there) > 0


class Surroundings(NamedTuple):
    """The loss around one W, and its rounding there."""

    value: Value
    middle: float  # value(W)
    W: FloatArray  # (D, C); one weight at a time is moved, and restored
    largest: FloatArray  # (D,): max_n |x_nd|, and a typical one for features that are always 0
    noise: float  # of value
    critical: float  # an error of more standard deviations of rounding is a mistake
    first_move: float = FIRST_MOVE
    unit: float = 1.0  # how much coarser than float64 rounding is
    dW_rounding: FloatArray | None = None  # noqa: N815 - (D, C), where dW is coarser than float64


def surroundings(value: Value, W: FloatArray, X: FloatArray, seed: int, unit: float = 1.0) -> Surroundings:
    """Measure the rounding of value(W), which is at least `unit` times that of float64."""
    W = W.astype(np.float64)  # a copy, whose weights are moved
    largest, middle = largest_features(X), value(W)
    # A value of 0 may show no rounding by chance, but the terms of a score are always rounded.
    size = magnitude(middle, W, X)
    noise, first_move = max(noise_of(value, W, largest, seed), unit * UNIT_ROUNDOFF * size), FIRST_MOVE
    if noise > COARSE * (size + 1):  # a sum in float32 may change too rarely to be measured
        noise, first_move = max(noise, UNITS["float32"] * UNIT_ROUNDOFF * size), COARSE_MOVE
    # Each derivative is compared at several steps, with three quotients each.
    critical = NormalDist().inv_cdf(1 - FAMILY_WISE / (2 * 3 * STEPS * W.size))
    return Surroundings(value, middle, W, largest, noise, SAFETY * critical, first_move)


def rounding_of_dW(dW: FloatArray, largest: FloatArray, unit: float) -> FloatArray:  # noqa: N802
    """Bound the rounding of a dW (D, C) that is computed in a coarser precision, (D, C)."""
    size = np.abs(dW)
    typical = largest * float(np.median(size.max(axis=1) / largest))  # of the terms, where their sum is small
    return np.asarray(DW_ROUNDINGS * unit * UNIT_ROUNDOFF * (size + typical[:, None]))


def compare(
    around: Surroundings, dW: FloatArray, first: Sequence[Index] = (), *, seed: int = 0, budget: float = 20.0,
    most: int | None = None,
) -> Comparison:  # fmt: skip
    """Compare derivatives for `budget` seconds, at least FEWEST unless that takes LONGEST, until ENOUGH are wrong.

    first: these parameters come before the others, whose classes take turns. most: of them all, at least FEWEST.
    """
    found: list[Derivative] = []
    wrong = 0
    began = time.perf_counter()
    advance = advancing("checking", None, "parameter")  # as many as there is time for
    for index in dict.fromkeys((*first, *random_order(around.W.shape, seed))):
        spent = time.perf_counter() - began
        is_enough = wrong >= ENOUGH or spent > budget or (most is not None and len(found) >= most)
        if spent > LONGEST or (len(found) >= FEWEST and is_enough):
            break
        found.append(compare_derivative(around, index, float(dW[index])))
        wrong += found[-1].outcome == "wrong"
        advance(1)
    return Comparison(found, around.W.size)


def along_a_direction(around: Surroundings, X: FloatArray, dW: FloatArray, seed: int, number: int = 0) -> Derivative:
    """Compare the derivative along random direction `number`: a few calls show a large mistake."""
    signs = np.where(uniform(stream(seed, CHECK, DIRECTION, number), around.W.shape) < 0.5, -1.0, 1.0)
    # A step of 1 moves no score by more than 1, and no term of a score.
    direction = signs / (max(float(np.abs(X @ signs).max()), float(np.abs(X).max())) or 1.0)
    rounding = None
    if around.unit > 1:
        size = np.linalg.norm(rounding_of_dW(dW, largest_features(X), around.unit) * direction)
        rounding = np.full((1, 1), size)
    line = around._replace(
        value=lambda step: around.value(around.W + step[0, 0] * direction),
        W=np.zeros((1, 1)),
        largest=np.ones(1),
        dW_rounding=rounding,
    )
    return compare_derivative(line, (0, 0), float(np.vdot(dW, direction)))


def largest_features(X: FloatArray) -> FloatArray:
    """Return max_n |x_nd| for each feature, (D,); for a feature that is always 0, the median of the others."""
    largest = np.abs(X).max(axis=0)
    alive = largest[largest > 0]
    return np.where(largest > 0, largest, np.median(alive) if len(alive) else 1.0)


def random_order(shape: tuple[int, ...], seed: int) -> Iterator[Index]:
    """Return every index of W (D, C) once, at random, the classes in turn."""
    features, classes = shape
    orders = [shuffled(features, seed, CHECK, c) for c in range(classes)]
    return ((int(d), c) for row in zip(*orders, strict=True) for c, d in enumerate(row))


def compare_derivative(around: Surroundings, index: Index, analytic: float) -> Derivative:
    """Decrease the step until it shows whether dW is right at one parameter."""
    seen: list[Quotients] = []
    for k in range(STEPS):
        move = around.first_move / 4**k
        now, before = quotients(around, index, move), seen[-1] if seen else None
        seen.append(now)
        rounding = _rounding(around, index, now)
        bound = rounding + move / 6 * now.width
        compared = Compared(index, analytic, now.central, bound)
        if compared.error <= bound:
            # An error below rounding must also have fallen with the step: else it may be a mistake that rounding hides.
            if before is None or min(bound, 2 * compared.error) < before.error(analytic):
                return Derivative(compared, "agrees")
            break
        if before is not None and _is_wrong(before, now, analytic, rounding):
            return Derivative(compared, "wrong")
    return _at_kink(around, index, seen, analytic) or Derivative(compared, "undecided")


def quotients(around: Surroundings, index: Index, move: float) -> Quotients:
    """Return the difference quotients of a step that moves no score by more than `move`."""
    W, here = around.W, around.W[index]
    step = move / float(around.largest[index[0]])
    W[index] = above = here + step
    up = around.value(W)
    W[index] = below = here - step
    down = around.value(W)
    W[index] = here
    if above == here or below == here:  # the step vanishes in the rounding of a huge weight
        return Quotients(step, math.nan, math.nan, math.nan)
    left, right = (around.middle - down) / (here - below), (up - around.middle) / (above - here)
    return Quotients(step, float(left), float((up - down) / (above - below)), float(right))


class TableRow(NamedTuple):
    """One line of the step-halving table."""

    step: float
    quotient: float
    error: float
    ratio: float | None  # previous error / this error; None where rounding explains the previous one


def step_table(around: Surroundings, index: Index, analytic: float) -> tuple[TableRow, ...]:
    """Return the errors at one parameter as the step is halved: those of a right gradient fall to rounding."""
    rows: list[TableRow] = []
    before = None
    for k in range(TABLE_ROWS):
        now = quotients(around, index, TABLE_MOVE / 2**k)
        error = now.error(analytic)
        rows.append(TableRow(now.step, now.central, error, before / error if before and error else None))
        before = error if error > _rounding(around, index, now) / SAFETY else None
    return tuple(rows)


def step_errors(around: Surroundings, dW: FloatArray, indices: Sequence[Index], name: str) -> ErrorCurve:
    """Measure the largest error of dW (D, C) at some parameters, by step size."""
    errors = [[quotients(around, index, move).error(float(dW[index])) for index in indices] for move in TAUS]
    return ErrorCurve(name, TAUS, np.max(errors, axis=1))


def _rounding(around: Surroundings, index: Index, now: Quotients) -> float:
    """Bound the rounding of a central difference, and of a coarse dW."""
    of_values = around.critical * around.noise / (math.sqrt(2) * now.step)
    return of_values + (0.0 if around.dW_rounding is None else float(around.dW_rounding[index]))


def _is_wrong(before: Quotients, now: Quotients, analytic: float, rounding: float) -> bool:
    """Whether the error stays as the step shrinks, and no kink explains it."""
    error = now.error(analytic)
    stays = before.error(analytic) / 2 < error < 2 * before.error(analytic)
    return stays and error > rounding and not now.brackets(analytic, 2 * rounding)


def _at_kink(around: Surroundings, index: Index, seen: Sequence[Quotients], analytic: float) -> Derivative | None:
    """Accept a gradient between the one-sided quotients, if these stay apart as the step shrinks."""
    clear = [one for one in seen if one.width > 4 * _rounding(around, index, one)]
    if len(clear) < 2 or clear[-1].width < clear[-2].width / 2:
        return None
    slack = 2 * _rounding(around, index, clear[-1])
    if not clear[-1].brackets(analytic, slack):
        return None
    return Derivative(Compared(index, analytic, clear[-1].central, clear[-1].width + slack), "kink")
