"""Adopt and end orphaned processes, whatever group they are in."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ADOPT = 36  # PR_SET_CHILD_SUBREAPER of Linux


@contextmanager
def adopting() -> Iterator[None]:
    """Kill all processes that become children of this one meanwhile, and their descendants.

    A process that starts a session of its own leaves its group. On Linux it becomes a child of this process when its
    parent ends; elsewhere it escapes.
    """
    if sys.platform != "linux":
        yield
        return
    before = _children()
    _adopt(1)
    try:
        yield
    finally:
        while orphans := _children() - before:  # the children of those that are killed come next
            for pid in orphans:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        _adopt(0)


def _adopt(on: int) -> None:
    ctypes.CDLL(None).prctl(ADOPT, on)


def _children() -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            # PID (NAME) STATE PARENT ...: a name may hold spaces and parentheses.
            if int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.add(int(folder.name))
    return found
