"""Who computes the blocks of a batch: this thread, or several; the sums are the same to the bit."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from imgclf.arrays import Batch, FloatArray, MapFn, Sums
from imgclf.gradients import BatchGradient, GradientFn, Objective


@contextmanager
def workers(threads: int) -> Iterator[MapFn]:
    """Start so many threads and give a `map` that computes blocks on them, in order."""
    # BLAS on several threads adds in an order that depends on how many there are. And numbers that overflow are
    # found in the loss, with a line that helps: NumPy's warnings would come before it.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        if threads == 1:
            yield map
            return
        with ThreadPoolExecutor(threads, initializer=_quiet) as pool:
            yield lambda function, items: _map_on(pool, 2 * threads, function, items)


def in_blocks(evaluate_gradient: GradientFn, map_blocks: MapFn) -> GradientFn:
    """The same gradient, its blocks computed by `map_blocks`."""

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        return evaluate_gradient(objective, replace(batch, map=map_blocks), weights)

    return evaluate


def _quiet() -> None:
    np.seterr(over="ignore", invalid="ignore")


def _map_on(
    pool: ThreadPoolExecutor, ahead: int, function: Callable[[int], Sums], items: Iterable[int]
) -> Iterator[Sums]:
    """Map on a pool, in order, with at most `ahead` results waiting: memory does not grow with the batch."""
    waiting: deque[Future[Sums]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
