"""Compute the blocks of a batch on several threads, bit for bit."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from imgclf.numerics.sums import Summation, Sums, serial_sum, tree_sum

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")

WAIT = 1000  # looks at the others before this thread sleeps: to be woken takes longer than a small block
RUNS_PER_THREAD = 8  # runs of blocks per thread: enough that no thread waits long for the last one


@dataclass(frozen=True)
class on_threads:  # noqa: N801 - called like `serial_sum`
    """A `Summation` on the caller's thread and those of a pool."""

    pool: ThreadPoolExecutor
    threads: int

    def __call__(self, term: Callable[[int], Sums], n: int) -> Sums:
        """Return term(0) + ... + term(n-1)."""
        return _parallel_sum(self.pool, self.threads, term, n)


@contextmanager
def workers(threads: int) -> Iterator[Summation]:
    """Provide a `Summation` on this many threads, of which the caller's is one."""
    # Overflow is reported from the loss, with a remedy: NumPy's warnings would come first.
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        if threads == 1:
            yield serial_sum
            return
        with ThreadPoolExecutor(threads - 1, initializer=_quiet) as pool:
            yield on_threads(pool, threads)


def one_blas_thread() -> AbstractContextManager[Any]:
    """Have BLAS multiply on one thread: on several, it adds in another order."""
    return _libraries().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # NumPy has loaded its BLAS; to find it among all libraries takes milliseconds


def in_order(function: Callable[[_Part], _Result], parts: Iterable[_Part], threads: int) -> Iterator[_Result]:
    """Yield function(part) of each part, in their order, computed on this many threads; few results wait at a time."""
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        results: deque[Future[_Result]] = deque()
        try:
            for part in parts:
                results.append(pool.submit(function, part))
                if len(results) > 2 * threads:
                    yield results.popleft().result()
            while results:
                yield results.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def runs(n: int, shares: int) -> list[range]:
    """Cut 0..n-1 into runs of 2**k numbers (the last may be shorter), at least `shares` of them if n allows.

    Runs of these lengths are branches of the tree in which `tree_sum` adds.
    """
    length = 1 << max(0, (n // shares).bit_length() - 1)
    return [range(start, min(start + length, n)) for start in range(0, n, length)]


def _give_way() -> None:
    """Let another thread of this process, or another process, go on; to sleep for 0 seconds may take 70 us."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        time.sleep(0)


def _quiet() -> None:
    np.seterr(over="ignore", invalid="ignore")


def _parallel_sum(pool: ThreadPoolExecutor, threads: int, term: Callable[[int], Sums], n: int) -> Sums:
    """Let each thread take the next run until none is left, then add up their sums."""
    shares = runs(n, RUNS_PER_THREAD * threads)
    sums: list[Sums] = [()] * len(shares)
    turns = iter(range(len(shares)))  # shared by all threads: each number goes to one of them

    def work() -> None:
        for turn in turns:
            sums[turn] = tree_sum(map(term, shares[turn]))

    helpers = [pool.submit(work) for _ in range(min(threads, len(shares)) - 1)]
    try:
        work()
    finally:
        for _ in turns:  # after an error on this thread, the others start no new run
            pass
    patience = iter(range(WAIT))
    for helper in helpers:
        while not helper.done() and next(patience, None) is not None:
            _give_way()
        helper.result()
    return tree_sum(sums)
