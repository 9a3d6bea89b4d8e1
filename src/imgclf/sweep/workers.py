"""Worker processes that end with their parent."""

import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from imgclf.errors import UsageError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TIMEOUT = 10  # seconds for a scheduler to answer
_busy = False  # whether a trial is running in this process
_halted = False  # then it begins no other: some wait in its queue, where they cannot be canceled


class Halt(BaseException):
    """The parent asks to stop: as Ctrl-C, it ends a run after its checkpoint is saved."""


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Provide an executor of this many processes; leaving by an error ends them, after they have saved their runs."""
    # A forked process shares the data that is loaded already. Elsewhere, libraries do not survive a fork.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    orders, order = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(orders, order))
    try:
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the workers handle them in their way
        executor.submit(int)  # starts the workers
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        yield executor
    except BaseException:
        os.write(order.fileno(), b"." * jobs)  # each worker takes one
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        orders.close()
        order.close()


@contextmanager
def ranks(comm: Any) -> Iterator[Executor | None]:
    """Provide an executor of all MPI ranks but the first, to that one; the others work for it, and get None."""
    from mpi4py.futures import MPICommExecutor

    if comm.rank:
        for number in SIGNALS:  # mpiexec passes them on to every rank
            signal.signal(number, _halt)
    executor: Any  # MPICommExecutor's annotations name another class than it gives
    with MPICommExecutor(comm, root=0) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """Provide an executor on the workers of a Dask scheduler, and the number of their threads.

    They must see the folders of the data and of the sweep under the same paths.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--scheduler", "Dask is not installed", "pip install 'imgclf[dask]'") from error
    try:
        connect: Any = distributed.Client  # without annotations
        client = connect(address, timeout=TIMEOUT)
    except (OSError, ValueError, TypeError) as error:
        remedy = "give its address, such as tcp://HOST:8786"
        raise UsageError("--scheduler", f"no Dask scheduler answers at {address}", remedy) from error
    with client:
        executor = client.get_executor()
        try:
            yield executor, sum(client.nthreads().values())
        finally:
            executor.shutdown(wait=False)  # what is done already is not waited for, the rest is canceled


@contextmanager
def haltable() -> Iterator[None]:
    """Let the parent halt what is done here."""
    global _busy
    if _halted:
        raise Halt
    _busy = True
    try:
        yield
    finally:
        _busy = False


def _begin(orders: Connection, order: Connection) -> None:
    """Prepare a worker: Ctrl-C reaches it through its parent, and it does not outlive that one."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _halt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    order.close()  # then the pipe ends when the parent does, in whatever way
    threading.Thread(target=_obey, args=(orders,), daemon=True).start()


def _obey(orders: Connection) -> None:
    if os.read(orders.fileno(), 1):
        os.kill(os.getpid(), signal.SIGTERM)
        parent = select.poll()
        parent.register(orders.fileno(), 0)  # not what was written for other workers, but the end
        parent.poll()
    os._exit(1)  # the parent was killed, or Ctrl-C pressed once more: the run goes on from its last checkpoint


def _halt(number: int, frame: object) -> None:
    global _busy, _halted
    _halted = True
    if _busy:
        _busy = False  # a second signal must not disturb the saving
        raise Halt
