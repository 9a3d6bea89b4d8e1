"""Report the progress of long work to whoever listens."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeAlias


class Progress(NamedTuple):
    """How far some work is.

    what   the work, in a word: decoding
    done   of `total`, which may be unknown
    unit   what is counted: image
    notes  () -> more to show, called only when it is shown
    """

    what: str
    done: int
    total: int | None
    unit: str = "image"
    notes: Callable[[], Sequence[str]] = tuple


Listener: TypeAlias = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a function called with each progress, perhaps on another thread."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


def report(progress: Progress) -> None:
    """Tell the listener, if there is one."""
    if listener := _listener.get():
        listener(progress)


def advancing(what: str, total: int | None, unit: str = "image", *, done: int = 0) -> Callable[[int], None]:
    """Return a function that is told how many more are done; any thread may call it."""
    listener = _listener.get()  # of this thread: those of a pool have none
    if listener is None:
        return lambda more: None
    lock = threading.Lock()
    listener(Progress(what, done, total, unit))

    def advance(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            listener(Progress(what, done, total, unit))

    return advance
