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
from imgclf.numerics.sums import serial_sum
from imgclf.speed.blocks import in_blocks
from imgclf.trainer import descend, start
from imgclf.training.plan import Plan

STEPS = 10  # of the config's training
BEYOND = 1e30  # a loss or weight that only a diverging run reaches
WIDE = 3.0  # standard deviation of the scores at random weights

PointFn: TypeAlias = Callable[[Plan, Objective, FloatArray], FloatArray]


def stratified_images(plan: Plan, images: int) -> tuple[FloatArray, IntArray]:
    """Read at most `images` training images, stratified by class: X (N, D) float64, y (N,)."""
    chosen = limit(plan.train, min(images, len(plan.train)), plan.config.seed)
    X = plan.preprocess.apply(chosen.pixels(np.arange(len(chosen))))
    return X.astype(np.float64), chosen.y


def zero(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """All weights 0, where all classes tie."""
    return np.zeros(plan.weights.shape)


def first(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """The initial weights of training, or those of a trained run."""
    return plan.weights.astype(np.float64)


def after_steps(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """The weights after the first steps of the config's training; fewer steps if it diverges."""
    steps = descend(
        start(plan.weights, plan.optimizer),
        sample=plan.sample,
        objective=objective,
        evaluate_gradient=in_blocks(serial_sum),
        optimizer=plan.optimizer,
        step_size=plan.step_size,
    )
    usable = reached = plan.weights
    for seen, state in islice(steps, STEPS + 1):  # the loss at the weights that a step reached is that of the next one
        if not (seen.loss < BEYOND and np.abs(reached).max() < BEYOND):
            break  # training diverges; the last usable weights are checked
        usable, reached = reached, state.weights
    return usable.astype(np.float64)


def wide(plan: Plan, objective: Objective, X: FloatArray) -> FloatArray:
    """Normal weights with widely spread scores: some examples are clearly right, others clearly wrong."""
    weights = normal(stream(plan.config.seed, CHECK), plan.weights.shape)
    deviation = float(scores(X, weights).std())
    weights *= WIDE / deviation if deviation else 1.0
    return weights.astype(plan.weights.dtype).astype(np.float64)  # float32 holds them exactly, to compare with float64


POINTS: dict[str, PointFn] = {"zero": zero, "start": first, "steps": after_steps, "wide": wide}
