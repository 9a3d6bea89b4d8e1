"""Run a command on several MPI processes, and end them together."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import click

from imgclf.cli.signals import SIGNALS, Stop
from imgclf.errors import DivergedError, StoppedError, UsageError

F = TypeVar("F", bound=Callable[..., Any])

# Open MPI; MPICH, Intel MPI and others with Hydra; Slurm, per step: a batch script alone starts one process.
VARIABLES = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
PATIENCE = 5.0  # seconds: an error that all ranks meet reaches each of them within this time
RELAY = 0.5  # seconds: an abort must not overtake the line that the launcher is still passing on
WHILE_DRAWN = 60.0  # seconds: the first rank draws the pictures of a run that diverged before it leaves


def rank_and_size() -> tuple[int, int]:
    """Return the rank of this process and the number of processes, from the launcher's variables, without MPI."""
    for rank, size in VARIABLES:
        found = os.environ.get(rank, ""), os.environ.get(size, "")
        if all(text.isdecimal() for text in found):
            return int(found[0]), int(found[1])
    return 0, 1


def refuse_many(command: str) -> None:
    """Refuse to run a command several times under mpiexec, except train and sweep."""
    _, size = rank_and_size()
    if size > 1:
        raise UsageError(
            f"imgclf {command}", f"started {size} times", "start it once: only train and sweep run on several processes"
        )


def on_every_rank(command: F) -> F:
    """Call a command with `comm`: the mpi4py communicator of all ranks, or None where a process runs alone."""

    @wraps(command)
    def call(*arguments: Any, **options: Any) -> Any:
        with _together() as comm:
            return command(*arguments, comm=comm, **options)

    return call  # type: ignore[return-value]


@contextmanager
def _together() -> Iterator[Any]:
    """Connect the ranks; when one leaves by an error, end all."""
    _, size = rank_and_size()
    if size == 1:
        yield None
        return
    comm = connect(size)
    leaving = comm.Dup()  # its messages are never mistaken for parts of a sum
    if comm.rank:  # the first rank handles signals: it saves and ends all
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    try:
        yield comm
    except BaseException as error:  # of any kind, or the other ranks would wait for ever
        raise click.exceptions.Exit(_leave(comm, leaving, error)) from error


def connect(size: int) -> Any:
    """Return the mpi4py communicator of this many processes; raises UsageError if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a wrong launcher is an error below
            from mpi4py import MPI
    except ImportError as error:
        raise UsageError("mpiexec", f"{size} processes, but no mpi4py", "pip install 'imgclf[mpi]'") from error
    except RuntimeError as error:  # raised by mpi4py if libmpi is missing
        raise UsageError("mpiexec", f"{size} processes, but mpi4py finds no MPI", "pip install mpich") from error
    comm = MPI.COMM_WORLD
    if comm.size != size:
        raise UsageError(
            "mpiexec", f"{size} processes, but the MPI of mpi4py sees {comm.size}", "start them by its own mpiexec"
        )
    return comm


def _leave(comm: Any, leaving: Any, error: BaseException) -> int:
    """Print an error that all ranks met once, and return its exit code; abort the others if it is one rank's alone."""
    from imgclf.cli import explain, report

    debug = click.get_current_context().obj["debug"]
    _, code = explain(error)
    if comm.rank == 0:
        report(error, debug=debug)
    stopped = isinstance(error, Stop | StoppedError)  # only the first rank listens to signals
    if stopped or not _all_arrive(leaving, WHILE_DRAWN if isinstance(error, DivergedError) else PATIENCE):
        if comm.rank:
            report(error, f"rank {comm.rank}: ", debug=debug)
            time.sleep(RELAY)
        comm.Abort(code)
    return code


def _all_arrive(leaving: Any, patience: float) -> bool:
    """Wait some seconds for all ranks to leave; return whether they did."""
    arrived, until = leaving.Ibarrier(), time.monotonic() + patience
    while not arrived.Test():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
