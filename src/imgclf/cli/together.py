"""Train one model on several MPI processes."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

from imgclf.checkpoint import Checkpoint
from imgclf.compose import Plan
from imgclf.cores import available_cores
from imgclf.data_identity import fingerprints
from imgclf.numerics.sums import SumFn
from imgclf.parallel import workers
from imgclf.ranks import check_agreement, on_ranks
from imgclf.run import Epoch, Event, first_snapshot, train


def share_of_cores(comm: Any) -> int:
    """Return how many threads are a rank's part of its machine, whether it is bound to cores of its own or not."""
    from mpi4py import MPI

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    told = comm.Split_type(MPI.COMM_TYPE_SHARED).allgather(set(cores))
    return max(1, min(available_cores(), len(set().union(*told)) // len(told)))


def check_plan(comm: Any, plan: Plan) -> None:
    """Stop unless all ranks have the same settings and the same data, which every rank reads by itself."""
    settings = plan.config.model_copy(update={"data": None})  # a path may have another name on another machine
    check_agreement(comm, "its data or settings are", (settings, fingerprints(plan.train, plan.val)))


def take_part(comm: Any, plan: Plan, sum_blocks: SumFn, since: Checkpoint | None) -> None:
    """Train as the first rank does, and write nothing."""
    snapshot = since.snapshot if since else first_snapshot(plan)
    with closing(train(plan, sum_blocks, snapshot)) as events:
        for _ in agreeing(comm, events):
            pass


@contextmanager
def workers_of(comm: Any, threads: int) -> Iterator[SumFn]:
    """Give a way to add up blocks on so many threads of every rank, or of this process where there is no `comm`."""
    with workers(threads) as sum_blocks:
        yield on_ranks(sum_blocks, comm) if comm else sum_blocks


def agreeing(comm: Any, events: Generator[Event, None, None]) -> Iterator[Event]:
    """The same events; stop when an epoch is not, to the bit, what it is on the first rank."""
    for event in events:
        if comm and isinstance(event, Epoch):
            check_agreement(comm, "its numbers are", event.row, "use machines of one kind, or report a bug")
        yield event
