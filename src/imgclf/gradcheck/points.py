"""Images and weights at which gradients are checked."""

from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.data.splits import limit
from imgclf.gradients import Objective
from imgclf.model import scores
from imgclf.numerics.random_streams import CHECK, normal, stream
from imgclf.numerics.sums import sum_in_turn
from imgclf.speed.blocks import in_blocks
from imgclf.trainer import descend, start
from imgclf.training.plan import Plan

STEPS = 10  # of the config's training
BEYOND = 1e30  # a loss or a weight that only a diverging run reaches
WIDE = 3.0  # standard deviation of the scores at random weights

PointFn: TypeAlias = Callable[[Plan, Objective, FloatArray], FloatArray]


def stratified_images(plan: Plan, images: int) -> tuple[FloatArray, IntArray]:
    """Read so many training images, stratified by class: X (N, D) float64, y (N,)."""
    chosen = limit(plan.train, min(images, len(plan.train)), plan.config.seed)
    X = plan.preprocess.apply(chosen.pixels(np.arange(len(chosen))))
    return X.astype(np.float64), chosen.y


def zero(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """All weights 0: every class ties with every other."""
    return np.zeros(plan.weights.shape)


def first(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """Where training starts, or where it has led."""
    return plan.weights.astype(np.float64)


def after_steps(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """The weights after the first steps of training as the config says, while they are finite."""
    steps = descend(
        start(plan.weights, plan.optimizer),
        sample=plan.sample,
        objective=objective,
        evaluate_gradient=in_blocks(sum_in_turn),
        optimizer=plan.optimizer,
        step_size=plan.step_size,
    )
    weights = plan.weights
    for seen, state in islice(steps, STEPS):
        if not (seen.loss < BEYOND and np.abs(state.weights).max() < BEYOND):
            break  # training diverges; the gradient is checked at the last place of any use
        weights = state.weights
    return weights.astype(np.float64)


def wide(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """Normal weights that spread the scores widely: some examples are very right, others very wrong."""
    weights = normal(stream(plan.config.seed, CHECK), plan.weights.shape)
    deviation = float(scores(X, weights).std())
    weights *= WIDE / deviation if deviation else 1.0
    return weights.astype(plan.weights.dtype).astype(np.float64)  # so that float32 can be held against float64


POINTS: dict[str, PointFn] = {"zero": zero, "start": first, "steps": after_steps, "wide": wide}
