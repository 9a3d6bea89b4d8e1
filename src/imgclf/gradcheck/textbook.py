"""The textbook's check: move one weight a little up and a little down, and see how the loss follows.

Slow and simple, so it is done for every bias and for a sample of W; in float64, on real images.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.compose import Plan, make_objective
from imgclf.data.splits import limit
from imgclf.gradcheck.bounds import difference_bounds, penalty_bound
from imgclf.gradcheck.kinks import crosses_kink
from imgclf.gradients import STEP, Objective, analytic_gradient, central_difference, evaluate_loss
from imgclf.model import scores
from imgclf.seeds import CHECK, shuffled, stream
from imgclf.trainer import descend, start

SAMPLE = 200  # weights of W that are tried at a point, shared out evenly among the classes
STEPS = 10  # of the config's training before the first point
LARGEST_WEIGHT = 1e-3 * STEP * 2.0**52  # beyond, adding STEP to a weight is mostly rounding
VISIBLE = 10  # bounds; a gradient that is smaller cannot be told from rounding

Place: TypeAlias = tuple[int, int]  # a row and a column of the weights; the last row is b


class Term(NamedTuple):
    """A part of the objective that can be checked by itself."""

    layer: str  # data or penalty
    objective: Objective
    value: Callable[[FloatArray], float]
    gradient: Callable[[FloatArray], FloatArray]
    bound: Callable[[Place], float]  # the largest |numerical - analytic| that is no mistake
    is_smooth: Callable[[Place], bool]  # whether the step at this place crosses no kink


@dataclass(frozen=True)
class Compared:
    """One parameter, both ways."""

    place: Place
    analytic: float
    numerical: float
    bound: float

    @property
    def error(self) -> float:
        """The absolute difference."""
        return abs(self.analytic - self.numerical)

    @property
    def size(self) -> float:
        """How large the gradient is."""
        return max(abs(self.analytic), abs(self.numerical))

    @property
    def ratio(self) -> float:
        """The error in units of its bound; what is not a number is infinitely wrong."""
        if self.error == 0:
            return 0.0
        ratio = self.error / self.bound if self.bound else np.inf
        return np.inf if np.isnan(ratio) else ratio


@dataclass(frozen=True)
class Check:
    """One term of one loss at one point."""

    loss: str
    point: str  # steps or wide
    term: Term
    rows: int  # D + 1
    compared: Sequence[Compared]
    left_out: int  # parameters whose step crosses a kink, or is lost in the rounding of a huge weight
    numerical_seconds: float  # for those compared
    analytic_seconds: float  # for all parameters

    @property
    def evaluations(self) -> int:
        """How often the loss was evaluated."""
        return 2 * len(self.compared)

    @property
    def worst(self) -> Compared | None:
        """The parameter with the largest error for its bound."""
        return max(self.compared, key=lambda one: one.ratio, default=None)

    @property
    def verdict(self) -> str:
        """Return pass, fail or inconclusive."""
        if self.worst is not None and self.worst.ratio > 1:
            return "fail"
        return "pass" if self.worst is not None and self.is_telling else "inconclusive"

    @property
    def is_telling(self) -> bool:
        """Whether, where there is a gradient at all, most of it is larger than what rounding hides."""
        there = [one for one in self.compared if one.size > 0]
        return 2 * sum(one.size > VISIBLE * one.bound for one in there) >= len(there) > 0

    @property
    def reason(self) -> str:
        """Return why, in words."""
        if self.worst is None:
            return "every step crosses a kink, or is lost in rounding"
        if self.verdict == "fail":
            return f"the worst error is {self.worst.ratio:.3g} times what rounding and truncation explain"
        if self.verdict == "inconclusive":
            return "the gradient is 0, or too small beside what rounding can hide"
        return f"the worst error is {self.worst.ratio:.1%} of what rounding and truncation explain"


def overall(checks: Sequence[Check]) -> str:
    """Return the verdict of all checks together: the worst of theirs."""
    verdicts = {check.verdict for check in checks}
    return next(verdict for verdict in ("fail", "inconclusive", "pass") if verdict in verdicts)


def check_plan(plan: Plan, losses: Sequence[str], images: int) -> Iterator[Check]:
    """Check each loss on so many training images, after a few steps of training and at random weights."""
    batch = stratified_batch(plan, images)
    places = sample_places(plan.weights.shape[0], plan.weights.shape[1], plan.config.seed)
    for loss in losses:
        objective = make_objective(plan.config, loss)
        for point, weights in (("steps", after_steps(plan, objective)), ("wide", random_weights(plan, batch))):
            yield check_term(data_term(loss, objective, batch, weights), loss, point, weights, places)
            if objective.l2 or objective.l1:
                yield check_term(penalty_term(objective, batch, weights), loss, point, weights, places)


def check_term(term: Term, loss: str, point: str, weights: FloatArray, places: Sequence[Place]) -> Check:
    """Compare the two gradients at these places of the weights (D+1, C) float64."""
    began = time.perf_counter()
    grad = term.gradient(weights)
    analytic_seconds = time.perf_counter() - began
    smooth = [place for place in places if abs(weights[place]) < LARGEST_WEIGHT and term.is_smooth(place)]
    w = weights.copy()
    began = time.perf_counter()
    slopes = [central_difference(term.value, w, place, STEP) for place in smooth]
    numerical_seconds = time.perf_counter() - began
    compared = [
        Compared(place, float(grad[place]), slope, term.bound(place))
        for place, slope in zip(smooth, slopes, strict=True)
    ]
    return Check(
        loss, point, term, len(weights), compared, len(places) - len(smooth), numerical_seconds, analytic_seconds
    )


def data_term(loss: str, objective: Objective, batch: Batch, weights: FloatArray) -> Term:
    """Return the mean loss of a batch, without penalty."""
    alone = replace(objective, l2=0.0, l1=0.0)
    X, y = batch.read(batch.rows)
    s = scores(X, weights)
    bounds = difference_bounds(loss, X, y, weights, objective.loss_fn(s, y)[0], STEP)
    moves = STEP * np.vstack([X.T, np.ones(len(X))])  # (D+1, N): what a weight's step adds to a score
    return Term(
        "data",
        alone,
        value=lambda w: evaluate_loss(alone, batch, w)[0],
        gradient=lambda w: analytic_gradient(alone, batch, w).grad,
        bound=lambda place: float(bounds[place[0]]),
        is_smooth=lambda place: not crosses_kink(loss, s, moves[place[0]], place[1], y),
    )


def penalty_term(objective: Objective, batch: Batch, weights: FloatArray) -> Term:
    """Return the penalty; its gradient is what it adds to that of the data."""
    alone = replace(objective, l2=0.0, l1=0.0)
    value = objective.penalty(weights)
    grad = analytic_gradient(objective, batch, weights).grad
    bias = len(weights) - 1

    def bound(place: Place) -> float:
        # The step itself may be most of the penalty, where the weights are small.
        step = STEP * (objective.l2 * (abs(weights[place]) + STEP) + objective.l1)
        return penalty_bound(value + float(step), float(grad[place]), STEP)

    return Term(
        "penalty",
        objective,
        value=objective.penalty,
        gradient=lambda w: analytic_gradient(objective, batch, w).grad - analytic_gradient(alone, batch, w).grad,
        bound=bound,
        is_smooth=lambda place: not objective.l1 or place[0] == bias or abs(weights[place]) > STEP,
    )


def sample_places(rows: int, classes: int, seed: int) -> list[Place]:
    """Choose every bias, and as many weights of W for each class; rows is D + 1."""
    each = min(rows - 1, max(2, SAMPLE // classes))
    chosen = [(int(d), c) for c in range(classes) for d in np.sort(shuffled(rows - 1, seed, CHECK, c)[:each])]
    return chosen + [(rows - 1, c) for c in range(classes)]


def stratified_batch(plan: Plan, images: int) -> Batch:
    """Read so many training images, every class as often as it occurs, in float64."""
    chosen = limit(plan.train, min(images, len(plan.train)), plan.config.seed)
    X, y = plan.preprocess.reader(chosen)(np.arange(len(chosen)))
    return Batch.of(X.astype(np.float64), y)


def after_steps(plan: Plan, objective: Objective) -> FloatArray:
    """Return the weights (float64) after the first steps of training as the config says, while they are finite."""
    steps = descend(
        start(plan.weights, plan.optimizer),
        sample=plan.sample,
        objective=objective,
        evaluate_gradient=analytic_gradient,
        optimizer=plan.optimizer,
        step_size=plan.step_size,
    )
    weights = plan.weights
    for seen, state in islice(steps, STEPS):
        if not (np.isfinite(seen.loss) and np.isfinite(state.weights).all()):
            break  # training diverges; the gradient is checked at the last place that has one
        weights = state.weights
    return weights.astype(np.float64)


def random_weights(plan: Plan, batch: Batch) -> FloatArray:
    """Return normal weights (float64) that give scores of standard deviation 1 on a batch."""
    generator = np.random.Generator(stream(plan.config.seed, CHECK))
    weights = generator.standard_normal(plan.weights.shape)
    deviation = float(scores(batch.read(batch.rows).X, weights).std())
    return weights / deviation if deviation else weights
