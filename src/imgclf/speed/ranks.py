"""Compute the blocks of a batch on several MPI processes.

Every rank adds up branches of the tree in which `tree_sum` adds. What they found is exchanged, and every rank puts
it together in that same tree. An array, as large as the weights, is put together in slices: rank r gets slice r
of all branches, adds it up, and gives it to all. So a rank sends about twice the array, however many ranks there are.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import DataError
from imgclf.machine.cores import available_cores
from imgclf.numerics.sums import SumFn, Sums
from imgclf.speed.threads import runs, workers

SAME_DATA = "give every rank the same data and settings"
CUTS = 4  # places a rank at which its share may end: it is uneven by a quarter at most, and is few branches


class Communicator(Protocol):
    """What is used of an mpi4py communicator."""

    @property
    def rank(self) -> int:
        """Return which of the processes this is, from 0."""

    @property
    def size(self) -> int:
        """Return how many there are."""

    def allgather(self, sendobj: Any) -> list[Any]:
        """Give an object to all, and return that of every rank."""

    def Alltoallv(self, sendbuf: Any, recvbuf: Any) -> None:  # noqa: N802 - the name is theirs
        """Give every rank a part of an array: [array, how many numbers to each], and the same to be filled."""

    def Allgatherv(self, sendbuf: Any, recvbuf: Any) -> None:  # noqa: N802
        """Give an array to all, and fill [array, how many numbers from each] with that of every rank."""


def on_ranks(sum_blocks: SumFn, comm: Communicator) -> SumFn:
    """Give a way to add up blocks on all ranks, each of which adds up its share by `sum_blocks`.

    All ranks must ask for the same sums in the same order, and all get them; as many blocks, else all raise the same
    DataError. Arrays travel as they lie in memory, numbers as objects.
    """

    def sum_together(term: Callable[[int], Sums], n: int) -> Sums:
        shares = [list(branches(0, n, share)) for share in deal(n, comm.size)]
        found = [_sum_branch(sum_blocks, term, branch) for branch in shares[comm.rank]]
        return _put_together(comm, n, shares, found)

    return sum_together


@contextmanager
def workers_on(comm: Any, threads: int) -> Iterator[SumFn]:
    """Give a way to add up blocks on so many threads of every rank, or of this process where there is no `comm`."""
    with workers(threads) as sum_blocks:
        yield on_ranks(sum_blocks, comm) if comm else sum_blocks


def share_of_cores(comm: Any) -> int:
    """Return how many threads are a rank's part of its machine, whether it is bound to cores of its own or not."""
    from mpi4py import MPI

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    told = comm.Split_type(MPI.COMM_TYPE_SHARED).allgather(set(cores))
    return max(1, min(available_cores(), len(set().union(*told)) // len(told)))


def check_agreement(comm: Communicator, what: str, seen: object, remedy: str = SAME_DATA) -> None:
    """Stop all ranks, each by the same DataError, when what one of them has seen is not what the first has."""
    told = comm.allgather(sha256(repr(seen).encode()).digest())
    for rank, other in enumerate(told):
        if other != told[0]:
            raise DataError(f"rank {rank}", f"{what} not those of rank 0", remedy)


def deal(n: int, ranks: int) -> list[range]:
    """Cut 0..n-1 into a share for every rank: one after the other, nearly equal, and empty where n is too small."""
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
    """Return where the tree over start..stop-1 divides: its left side has the largest 2**k numbers that are not all."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _sum_branch(sum_blocks: SumFn, term: Callable[[int], Sums], branch: range) -> Sums:
    return sum_blocks(lambda i: term(branch.start + i), len(branch))


class _Shape(NamedTuple):
    """Stands for an array, in place of it, in what travels as an object."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]  # rows or columns first


def _put_together(comm: Communicator, n: int, shares: list[list[range]], found: list[Sums]) -> Sums:
    told = comm.allgather((n, [tuple(map(_outline, sums)) for sums in found]))
    for rank, (number, _) in enumerate(told):
        if number != told[0][0]:
            raise DataError(f"rank {rank}", f"{number} blocks to add up, rank 0 has {told[0][0]}", SAME_DATA)
    add = partial(_add_up, n, [branch for share in shares for branch in share])
    counts = [len(share) for share in shares]
    total = []
    for place, column in enumerate(zip(*(sums for _, of_rank in told for sums in of_rank), strict=True)):
        if isinstance(column[0], _Shape):
            total.append(_put_arrays_together(comm, add, counts, column[0], [sums[place] for sums in found]))
        else:
            total.append(add(column))
    return tuple(total)


def _outline(part: Any) -> Any:
    if not isinstance(part, np.ndarray) or not part.ndim:
        return part
    return _Shape(part.shape, part.dtype, "F" if part.flags.f_contiguous else "C")


def _put_arrays_together(
    comm: Communicator,
    add: Callable[[Sequence[Any]], Any],
    counts: list[int],
    of: _Shape,
    arrays: list[NDArray[Any]],
) -> NDArray[Any]:
    """Add up arrays of which rank r has `counts[r]`: every rank one slice of all of them."""
    total = np.empty(of.shape, of.dtype, of.order)
    ends = [total.size * rank // comm.size for rank in range(comm.size + 1)]
    sizes = [end - start for start, end in pairwise(ends)]
    here = sizes[comm.rank]
    flat = [array.ravel(of.order) for array in arrays]
    parts = [part[start:end] for start, end in pairwise(ends) for part in flat]
    send = flat[0] if len(flat) == 1 else np.concatenate([np.empty(0, of.dtype), *parts])
    slices = np.empty((sum(counts), here), of.dtype)
    comm.Alltoallv([send, [len(flat) * size for size in sizes]], [slices, [count * here for count in counts]])
    comm.Allgatherv(np.ascontiguousarray(add(list(slices))), [total, sizes])
    return total


def _add_up(n: int, leaves: list[range], sums: Sequence[Any]) -> Any:
    """Add the sums of branches of the tree over 0..n-1 as `tree_sum` would have gone on."""
    known = dict(zip(leaves, sums, strict=True))

    def add(start: int, stop: int) -> Any:
        if range(start, stop) in known:
            return known[range(start, stop)]
        middle = _middle(start, stop)
        return add(start, middle) + add(middle, stop)

    return add(0, n)
