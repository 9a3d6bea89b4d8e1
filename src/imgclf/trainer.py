"""The training loop: sample, evaluate the gradient, step."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imgclf.arrays import Batch, FloatArray
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.optimizers import Optimizer, OptimizerState
from imgclf.schedules import Schedule


class TrainState(NamedTuple):
    """Everything the next step depends on."""

    step: int
    weights: FloatArray  # (D+1, C)
    memory: OptimizerState  # of the optimizer


def start(weights: FloatArray, optimizer: Optimizer) -> TrainState:
    """Return the state before the first step."""
    return TrainState(0, weights, optimizer.init(weights))


def descend(
    state: TrainState,
    *,
    sample: Callable[[int], Batch],
    objective: Objective,
    evaluate_gradient: GradientFn,
    optimizer: Optimizer,
    step_size: Schedule,
) -> Iterator[tuple[BatchGradient, TrainState]]:
    """Gradient descent, without end: yield the loss and gradient of each step, and the state after it.

    `sample(step)` returns a batch: all the data (gradient descent), some hundred examples (mini-batch) or one
    (stochastic gradient descent). Evaluation, checkpoints and early stopping happen between two `next()`.
    """
    step, weights, optimizer_state = state
    while True:
        batch = sample(step)
        seen = evaluate_gradient(objective, batch, weights)
        direction, optimizer_state = optimizer.direction(seen.grad, optimizer_state)
        # Not `weights -=`: it would also change the states already yielded, which share the array.
        weights = weights - step_size(step) * direction
        step += 1
        yield seen, TrainState(step, weights, optimizer_state)
