"""Gradient descent that takes its steps on all threads."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgclf.arrays import Batch
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.numerics.products import PART, order_of
from imgclf.numerics.sums import Summation, Sums
from imgclf.optimizers import Optimizer
from imgclf.schedules import Schedule
from imgclf.speed.ranks import on_this_process
from imgclf.trainer import TrainState, descend

Descent = Callable[..., Iterator[tuple[BatchGradient, TrainState]]]


def in_parts(sum_blocks: Summation) -> Descent:
    """Return `trainer.descend`; the steps of many weights are taken by parts that fit a cache, with the same bytes.

    An optimizer treats each weight alone, so it may be given some rows at a time.
    """
    on_threads = on_this_process(sum_blocks)

    def step(state: TrainState, seen: BatchGradient, optimizer: Optimizer, step_size: float) -> TrainState:
        weights = np.empty_like(state.weights)
        memory = {name: np.empty_like(array) for name, array in state.memory.items()}
        rows = max(1, PART // weights.shape[1])

        def some(i: int) -> Sums:
            part = slice(i * rows, (i + 1) * rows)
            before = {name: array[part] if array.ndim else array for name, array in state.memory.items()}
            direction, after = optimizer.direction(seen.grad[part], before)
            np.subtract(state.weights[part], step_size * direction, out=weights[part])
            for name, array in after.items():
                memory[name][part if array.ndim else ()] = array
            return ()

        on_threads(some, -(-len(weights) // rows))
        return TrainState(state.step + 1, weights, memory)

    def descend_in_parts(
        state: TrainState,
        *,
        sample: Callable[[int], Batch],
        objective: Objective,
        evaluate_gradient: GradientFn,
        optimizer: Optimizer,
        step_size: Schedule,
    ) -> Iterator[tuple[BatchGradient, TrainState]]:
        while True:
            seen = evaluate_gradient(objective, sample(state.step), state.weights)
            state = step(state, seen, optimizer, step_size(state.step))
            yield seen, state

    def choose(state: TrainState, **given: Any) -> Iterator[tuple[BatchGradient, TrainState]]:
        rows, C = state.weights.shape
        return (descend_in_parts if order_of(rows - 1, C) == "C" else descend)(state, **given)

    return choose
