"""Compute the blocks of a batch on several MPI processes.

Each rank adds up some branches of the tree in which `tree_sum` adds. The ranks exchange the sums of their branches, and
each adds these in that same tree. A large array, such as the gradient, is added in slices: rank r receives slice r of
all branches, adds them up and sends the result to all. So a rank sends about twice the array, for any number of ranks.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import DataError
from imgclf.machine.cores import available_cores
from imgclf.numerics.sums import Summation, Sums, serial_sum
from imgclf.speed.threads import runs, workers

SAME_DATA = "give every rank the same data and settings"
CUTS = 4  # possible cuts per rank: a share is uneven by a quarter at most, and is few branches


class Communicator(Protocol):
    """The part of an mpi4py communicator that is used."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""

    @property
    def size(self) -> int:
        """The number of processes."""

    def allgather(self, sendobj: Any) -> list[Any]:
        """Send an object to all ranks; return those of all, by rank."""

    def Alltoallv(self, sendbuf: Any, recvbuf: Any) -> None:  # noqa: N802 - the name is theirs
        """Send each rank its part of an array, given as [array, counts by rank]; fill recvbuf, given likewise."""

    def Allgatherv(self, sendbuf: Any, recvbuf: Any) -> None:  # noqa: N802
        """Send an array to all ranks; fill recvbuf, [array, counts by rank], with those of all."""


@dataclass(frozen=True)
class on_ranks:  # noqa: N801 - called like `workers`, which it follows
    """A `Summation` on all ranks; each adds up its share with `sum_blocks`, and all get the total.

    All ranks must ask for the same sums in the same order. If their numbers of blocks differ, all raise the same
    DataError. Arrays are sent as raw memory, numbers as Python objects.
    """

    sum_blocks: Summation
    comm: Communicator

    def __call__(self, term: Callable[[int], Sums], n: int) -> Sums:
        """Return term(0) + ... + term(n-1)."""
        return self.sum_runs(lambda run: self.sum_blocks(lambda i: term(run.start + i), len(run)), n)

    def sum_runs(self, sum_run: Callable[[range], Sums], n: int) -> Sums:
        """Return the same; sum_run(run) adds up the terms of a branch of the tree on this process."""
        shares = [list(branches(0, n, share)) for share in deal(n, self.comm.size)]
        return _combine(self.comm, n, shares, [sum_run(run) for run in shares[self.comm.rank]])


def sum_runs(sum_blocks: Summation, sum_run: Callable[[range], Sums], n: int) -> Sums:
    """Add up n terms on the ranks of a `Summation`; sum_run(run) adds up those of a branch of the tree on this one.

    It may use its arrays again in its next call.
    """
    if not isinstance(sum_blocks, on_ranks):
        return sum_run(range(n))
    return sum_blocks.sum_runs(lambda run: tuple(map(copy, sum_run(run))), n)


def on_this_process(sum_blocks: Summation) -> Summation:
    """Return the `Summation` that uses the threads of this process, and no other rank."""
    return sum_blocks.sum_blocks if isinstance(sum_blocks, on_ranks) else sum_blocks


def one_after_the_other(sum_blocks: Summation) -> Summation:
    """Return the `Summation` on the same ranks whose terms may use the threads of their process themselves."""
    return replace(sum_blocks, sum_blocks=serial_sum) if isinstance(sum_blocks, on_ranks) else serial_sum


@contextmanager
def workers_on(comm: Any, threads: int) -> Iterator[Summation]:
    """Provide a `Summation` on this many threads of each rank, or of this process if `comm` is None."""
    with workers(threads) as sum_blocks:
        yield on_ranks(sum_blocks, comm) if comm else sum_blocks


def share_of_cores(comm: Any) -> int:
    """Return the number of cores per rank on this machine, whether ranks are bound to cores of their own or not."""
    from mpi4py import MPI

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    gathered = comm.Split_type(MPI.COMM_TYPE_SHARED).allgather(set(cores))
    return max(1, min(available_cores(), len(set().union(*gathered)) // len(gathered)))


def check_agreement(comm: Communicator, what: str, value: object, remedy: str = SAME_DATA) -> None:
    """Raise the same DataError on all ranks if their values differ from that of rank 0."""
    gathered = comm.allgather(sha256(repr(value).encode()).digest())
    for rank, digest in enumerate(gathered):
        if digest != gathered[0]:
            raise DataError(f"rank {rank}", f"{what} not those of rank 0", remedy)


def deal(n: int, ranks: int) -> list[range]:
    """Cut 0..n-1 into consecutive, nearly equal shares, one per rank; some are empty if n is small."""
    cuts = [run.start for run in runs(n, CUTS * ranks)] + [n]
    starts = [cuts[rank * (len(cuts) - 1) // ranks] for rank in range(ranks + 1)]
    return [range(start, stop) for start, stop in pairwise(starts)]


def branches(start: int, stop: int, share: range) -> Iterator[range]:
    """Cut a share of start..stop-1 into the largest branches of the tree in which `tree_sum` adds start..stop-1."""
    if share.start <= start and stop <= share.stop:
        yield range(start, stop)
    elif share.start < stop and start < share.stop:
        middle = _middle(start, stop)
        yield from branches(start, middle, share)
        yield from branches(middle, stop, share)


def _middle(start: int, stop: int) -> int:
    """Return where the tree over start..stop-1 divides: its left side has the largest 2**k that is less than all."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


class _Shape(NamedTuple):
    """Describes an array that is sent apart from the objects."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]  # rows or columns first


def _combine(comm: Communicator, n: int, shares: list[list[range]], own: list[Sums]) -> Sums:
    """Add up the sums of all ranks; `own` are those of this rank's branches."""
    gathered = comm.allgather((n, [tuple(map(_outline, sums)) for sums in own]))
    for rank, (number, _) in enumerate(gathered):
        if number != gathered[0][0]:
            raise DataError(f"rank {rank}", f"{number} blocks to add up, rank 0 has {gathered[0][0]}", SAME_DATA)
    add = partial(_add_up, n, [branch for share in shares for branch in share])
    counts = [len(share) for share in shares]
    total = []
    for i, column in enumerate(zip(*(sums for _, of_rank in gathered for sums in of_rank), strict=True)):
        if isinstance(column[0], _Shape):
            total.append(_combine_arrays(comm, add, counts, column[0], [sums[i] for sums in own]))
        else:
            total.append(add(column))
    return tuple(total)


def _outline(part: Any) -> Any:
    if not isinstance(part, np.ndarray) or not part.ndim:
        return part
    return _Shape(part.shape, part.dtype, "F" if part.flags.f_contiguous else "C")


def _combine_arrays(
    comm: Communicator,
    add: Callable[[Sequence[Any]], Any],
    counts: list[int],
    shape: _Shape,
    arrays: list[NDArray[Any]],
) -> NDArray[Any]:
    """Add up arrays of which rank r has `counts[r]`: each rank adds one slice of all of them."""
    total = np.empty(*shape)
    ends = [total.size * rank // comm.size for rank in range(comm.size + 1)]
    sizes = [end - start for start, end in pairwise(ends)]
    here = sizes[comm.rank]
    flat = [array.ravel(shape.order) for array in arrays]
    parts = [part[start:end] for start, end in pairwise(ends) for part in flat]
    send = flat[0] if len(flat) == 1 else np.concatenate([np.empty(0, shape.dtype), *parts])
    slices = np.empty((sum(counts), here), shape.dtype)
    comm.Alltoallv([send, [len(flat) * size for size in sizes]], [slices, [count * here for count in counts]])
    comm.Allgatherv(np.ascontiguousarray(add(list(slices))), [total, sizes])
    return total


def _add_up(n: int, leaves: list[range], sums: Sequence[Any]) -> Any:
    """Add the sums of branches of the tree over 0..n-1, as `tree_sum` does."""
    known = dict(zip(leaves, sums, strict=True))

    def add(start: int, stop: int) -> Any:
        if range(start, stop) in known:
            return known[range(start, stop)]
        middle = _middle(start, stop)
        return add(start, middle) + add(middle, stop)

    return add(0, n)
