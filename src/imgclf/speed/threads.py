"""Compute the blocks of a batch on several threads, bit for bit."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from imgclf.numerics.sums import Summation, Sums, serial_sum, tree_sum

SHARES = 8  # runs of blocks per thread: enough that no thread waits long for the last one


@contextmanager
def workers(threads: int) -> Iterator[Summation]:
    """Provide a `Summation` on this many threads, of which the caller's is one."""
    # On several threads, BLAS adds in an order that depends on their number. Overflow is reported from the loss, with
    # a remedy: NumPy's warnings would come first.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        if threads == 1:
            yield serial_sum
            return
        with ThreadPoolExecutor(threads - 1, initializer=_quiet) as pool:
            yield lambda term, n: _parallel_sum(pool, threads, term, n)


def runs(n: int, shares: int) -> list[range]:
    """Cut 0..n-1 into runs of 2**k numbers (the last may be shorter), at least `shares` of them if n allows.

    Runs of these lengths are branches of the tree in which `tree_sum` adds.
    """
    length = 1 << max(0, (n // shares).bit_length() - 1)
    return [range(start, min(start + length, n)) for start in range(0, n, length)]


def _quiet() -> None:
    np.seterr(over="ignore", invalid="ignore")


def _parallel_sum(pool: ThreadPoolExecutor, threads: int, term: Callable[[int], Sums], n: int) -> Sums:
    """Let each thread take the next run until none is left, then add up their sums."""
    shares = runs(n, SHARES * threads)
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
    for helper in helpers:
        helper.result()
    return tree_sum(sums)
