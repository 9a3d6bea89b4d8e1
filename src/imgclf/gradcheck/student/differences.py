"""Numerical gradient of a learner's returned loss.

The error of a right gradient falls with the step until rounding, that of a wrong one stays; where the step crosses a
kink of a hinge, it drops once the kink is outside.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.student.noise import noise_of
from imgclf.gradcheck.student.precision import COARSE, UNITS, magnitude
from imgclf.seeds import CHECK, shuffled, stream, uniform

# A weight's step moves no score by more than this: round-off and truncation meet near here.
TAU = 1e-4
COARSE_TAU = 1e-1  # the same in float32
STEPS = 9  # each a quarter of the one before
FAMILY_WISE = 1e-6  # chance of a false alarm in all comparisons together, if rounding were normal
SAFETY = 3.0  # it is not quite, and its size is an estimate
TABLE_TAU = 1e-2
TABLE_ROWS = 8
FEWEST = 50  # places, however slow the function
ENOUGH = 300  # wrong places: no more is learnt from the rest
GRAINS = 16  # roundings that a coarse dW is summed up from
DIRECTION = 4_000_000  # counter of the seed's stream
VISIBLE = 10  # bounds; a gradient that is smaller cannot be told from rounding

Value: TypeAlias = Callable[[FloatArray], float]
Place: TypeAlias = tuple[int, int]  # a feature and a class


class Slopes(NamedTuple):
    """Three difference quotients at one step."""

    step: float
    left: float
    central: float
    right: float

    def error(self, analytic: float) -> float:
        """Return how far the gradient is from the central difference."""
        return abs(analytic - self.central)

    @property
    def width(self) -> float:
        """How much the slope changes over the step: by curvature, or at a kink."""
        return abs(self.right - self.left)

    def brackets(self, analytic: float, slack: float) -> bool:
        """Whether the gradient is one of the slopes between left and right."""
        low, high = sorted((self.left, self.right))
        return low - slack <= analytic <= high + slack


@dataclass(frozen=True)
class Tried:
    """One weight, both ways."""

    place: Place
    analytic: float
    numerical: float
    bound: float  # the largest |analytic - numerical| that is no mistake
    outcome: str  # agrees | kink | wrong | undecided

    @property
    def error(self) -> float:
        """The absolute difference."""
        return abs(self.analytic - self.numerical)

    @property
    def ratio(self) -> float:
        """The error in units of its bound."""
        return self.error / self.bound if self.bound else (np.inf if self.error else 0.0)

    @property
    def is_telling(self) -> bool:
        """Whether a mistake of the gradient's own size would have been seen."""
        return max(abs(self.analytic), abs(self.numerical)) > VISIBLE * self.bound


class TableRow(NamedTuple):
    """One line of the step-halving table."""

    step: float
    quotient: float
    error: float
    ratio: float | None  # the error before / this error; None where rounding explains the one before


@dataclass(frozen=True)
class Comparison:
    """What came of all places that were tried."""

    tried: Sequence[Tried]
    parameters: int
    noise: float  # of the value

    def count(self, outcome: str) -> int:
        """Return how many places came out so."""
        return sum(one.outcome == outcome for one in self.tried)

    @property
    def worst(self) -> Tried | None:
        """The place with the largest error for its bound; a wrong one if there is any."""
        wrong = [one for one in self.tried if one.outcome == "wrong"]
        smooth = [one for one in self.tried if one.outcome == "agrees"]
        return max(wrong or smooth or self.tried, key=lambda one: one.ratio, default=None)

    @property
    def is_telling(self) -> bool:
        """Whether most of the gradient that is there is larger than what rounding hides."""
        there = [one for one in self.tried if one.error or one.analytic]
        decided = [one for one in there if one.outcome != "undecided"]
        return 2 * sum(one.is_telling or one.outcome == "kink" for one in decided) >= len(there) > 0


class Surroundings(NamedTuple):
    """What all places of one W share."""

    value: Value
    middle: float  # value(W)
    W: FloatArray  # (D, C); moved at one place at a time, and put back
    largest: FloatArray  # (D,): max_n |x_nd|, and a typical one for features that are always 0
    noise: float
    critical: float  # how many standard deviations of rounding are no chance
    tau: float = TAU  # how far the first step may move a score
    grain: FloatArray | None = None  # (D, C): how much a coarse dW may be rounded


def compare(around: Surroundings, dW: FloatArray, *, seed: int = 0, budget: float = 20.0) -> Comparison:
    """Try as many places as fit into `budget` seconds, FEWEST at least, until ENOUGH are wrong.

    Every class is tried as often as the others.
    """
    features, classes = around.W.shape
    tried: list[Tried] = []
    wrong = 0
    began = time.perf_counter()
    for place in places_in_order(features, classes, seed):
        if len(tried) >= FEWEST and time.perf_counter() - began > budget:
            break
        tried.append(try_place(around, place, float(dW[place])))
        wrong += tried[-1].outcome == "wrong"
        if wrong >= ENOUGH:
            break
    return Comparison(tried, around.W.size, around.noise)


def surroundings(value: Value, W: FloatArray, X: FloatArray, seed: int, unit: float = 1.0) -> Surroundings:
    """Measure what is to be known before the first place; `unit` is how much coarser than float64 rounding is."""
    W = W.astype(np.float64)  # a copy, to be moved about in
    largest, middle = reach(X), value(W)
    # Rounding may be met by chance where the value is 0; what a score is summed up from is never exact.
    size = magnitude(middle, W, X)
    noise = max(noise_of(value, W, largest, seed), unit * UNIT_ROUNDOFF * size)
    tau = TAU
    if noise > COARSE * (size + 1):  # a sum in float32 may jump too seldom to be met
        noise, tau = max(noise, UNITS["float32"] * UNIT_ROUNDOFF * size), COARSE_TAU
    # Each place is looked at with several steps, each from three sides.
    critical = NormalDist().inv_cdf(1 - FAMILY_WISE / (2 * 3 * STEPS * W.size))
    return Surroundings(value, middle, W, largest, noise, SAFETY * critical, tau)


def grain_of(dW: FloatArray, largest: FloatArray, unit: float) -> FloatArray:
    """Return how much a dW (D, C) that is computed in a coarser precision may be rounded, (D, C)."""
    size = np.abs(dW)
    typical = largest * float(np.median(size.max(axis=1) / largest))  # of the terms, where their sum is small
    return np.asarray(GRAINS * unit * UNIT_ROUNDOFF * (size + typical[:, None]))


def along_a_direction(
    around: Surroundings, value: Value, middle: float, noise: float, W: FloatArray, X: FloatArray, dW: FloatArray,
    seed: int, unit: float = 1.0, number: int = 0,
) -> Tried:  # fmt: skip
    """Try one direction, at random, from another W than that of `around`: few questions see what is wrong by much.

    value(W) is `middle`, and its rounding is of the size of `noise`; number: of the direction, another for each.
    """
    signs = np.where(uniform(stream(seed, CHECK, DIRECTION, number), W.shape) < 0.5, -1.0, 1.0)
    # A step of 1 moves no score by more than 1, and no term of one.
    direction = signs / (max(float(np.abs(X @ signs).max()), float(np.abs(X).max())) or 1.0)
    line = around._replace(
        value=lambda step: value(W + step[0, 0] * direction),
        middle=middle,
        W=np.zeros((1, 1)),
        largest=np.ones(1),
        noise=noise,
        grain=np.full((1, 1), np.linalg.norm(grain_of(dW, reach(X), unit) * direction)) if unit > 1 else None,
    )
    return try_place(line, (0, 0), float(np.vdot(dW, direction)))


def reach(X: FloatArray) -> FloatArray:
    """Return max_n |x_nd| for each feature, (D,); for one that is always 0, that of a typical other."""
    largest = np.abs(X).max(axis=0)
    alive = largest[largest > 0]
    return np.where(largest > 0, largest, np.median(alive) if len(alive) else 1.0)


def places_in_order(features: int, classes: int, seed: int) -> Iterator[Place]:
    """Give every place once, at random, so that all classes have had their turn after any number of rounds."""
    orders = [shuffled(features, seed, CHECK, c) for c in range(classes)]
    for i in range(features):
        for c in range(classes):
            yield int(orders[c][i]), c


def try_place(around: Surroundings, place: Place, analytic: float) -> Tried:
    """Follow the step down until it is decided."""
    before = None
    seen = []
    for k in range(STEPS):
        now = slopes(around, place, around.tau / 4**k)
        seen.append(now)
        rounding = _rounding(around, place, now)
        bound = rounding + around.tau / 4**k / 6 * now.width
        error = now.error(analytic)
        if error <= bound:
            # An error that has not fallen, but only been overtaken by rounding, is not shown to be none.
            if before is None or min(bound, 2 * error) < before.error(analytic):
                return Tried(place, analytic, now.central, bound, "agrees")
            break
        if before is not None and _is_wrong(before, now, analytic, rounding):
            return Tried(place, analytic, now.central, bound, "wrong")
        before = now
    return _kink(around, place, seen, analytic) or Tried(place, analytic, now.central, bound, "undecided")


def slopes(around: Surroundings, place: Place, tau: float) -> Slopes:
    """Take the differences of one step, which moves no score by more than tau."""
    W, here = around.W, around.W[place]
    step = tau / float(around.largest[place[0]])
    W[place] = above = here + step
    up = around.value(W)
    W[place] = below = here - step
    down = around.value(W)
    W[place] = here
    if above == here or below == here:  # the step is lost in the rounding of a huge weight
        return Slopes(step, math.nan, math.nan, math.nan)
    left, right = (around.middle - down) / (here - below), (up - around.middle) / (above - here)
    return Slopes(step, float(left), float((up - down) / (above - below)), float(right))


def step_table(around: Surroundings, place: Place, analytic: float) -> tuple[TableRow, ...]:
    """Halve the step at one place again and again: the picture that tells right from wrong."""
    rows: list[TableRow] = []
    before = None
    for k in range(TABLE_ROWS):
        now = slopes(around, place, TABLE_TAU / 2**k)
        error = now.error(analytic)
        rows.append(TableRow(now.step, now.central, error, before / error if before and error else None))
        before = error if error > _rounding(around, place, now) / SAFETY else None
    return tuple(rows)


def _rounding(around: Surroundings, place: Place, now: Slopes) -> float:
    """Return what rounding may add to a central difference, and to a coarse dW."""
    of_values = around.critical * around.noise / (math.sqrt(2) * now.step)
    return of_values + (0.0 if around.grain is None else float(around.grain[place]))


def _is_wrong(before: Slopes, now: Slopes, analytic: float, rounding: float) -> bool:
    """Whether the error stays as the step falls, and no kink explains it."""
    error = now.error(analytic)
    stays = before.error(analytic) / 2 < error < 2 * before.error(analytic)
    return stays and error > rounding and not now.brackets(analytic, 2 * rounding)


def _kink(around: Surroundings, place: Place, seen: Sequence[Slopes], analytic: float) -> Tried | None:
    """Accept what lies between the slopes of both sides, if they stay apart as the step falls."""
    clear = [one for one in seen if one.width > 4 * _rounding(around, place, one)]
    if len(clear) < 2 or clear[-1].width < clear[-2].width / 2:
        return None
    slack = 2 * _rounding(around, place, clear[-1])
    if not clear[-1].brackets(analytic, slack):
        return None
    return Tried(place, analytic, clear[-1].central, clear[-1].width + slack, "kink")
