"""The training loop: sample, evaluate the gradient, step."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imgclf.arrays import Batch, FloatArray
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.optimizers import Optimizer, OptimizerState
from imgclf.schedules import Schedule


class TrainState(NamedTuple):
    """All that the next step depends on."""

    step: int
    weights: FloatArray  # (D+1, C)
    memory: OptimizerState


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
    """Gradient descent: yield what was seen at every step, and the state after it, for ever.

    `sample` gives batch number `step`: all the data (gradient descent), some hundred examples (mini-batch), or
    one (stochastic gradient descent). Whatever else happens in a run is done between two `next()`.
    """
    step, weights, memory = state
    while True:
        batch = sample(step)
        seen = evaluate_gradient(objective, batch, weights)
        direction, memory = optimizer.direction(seen.grad, memory)
        # Not `weights +=`: the states already yielded must keep the weights they had.
        weights = weights - step_size(step) * direction
        step += 1
        yield seen, TrainState(step, weights, memory)
