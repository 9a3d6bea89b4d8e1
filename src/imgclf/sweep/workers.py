"""Worker processes that end with their parent."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_busy = False  # whether a trial is running in this process


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
def haltable() -> Iterator[None]:
    """Let the parent halt what is done here."""
    global _busy
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
    if not os.read(orders.fileno(), 1):
        os._exit(1)  # the parent was killed: the run goes on from its last checkpoint
    os.kill(os.getpid(), signal.SIGTERM)


def _halt(number: int, frame: object) -> None:
    global _busy
    if _busy:  # an idle worker ends with the executor
        _busy = False  # a second signal must not disturb the saving
        raise Halt
