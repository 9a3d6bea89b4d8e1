"""Load numba and the compiled loops, while something else is done.

Machine code is kept in a folder that is named by the hash of its source: in that of NUMBA_CACHE_DIR, else in the
user's cache folder. Without one, every process compiles anew.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from imgclf.data.packs.cache import cache_folder
from imgclf.errors import UsageError
from imgclf.machine.progress import advancing

KEY = "train.kernel"
FUNCTIONS = 21  # to compile for a type of weights, and pixels that are bytes
OF_PIXELS = 4  # of these, which another type of pixels needs anew


@cache
def begin(dtype: str) -> "Future[tuple[ModuleType, ModuleType]]":
    """Begin to load numba and the loops on a thread, with machine code for images; raises UsageError without numba."""
    if find_spec("numba") is None:
        raise UsageError(KEY, "compiled needs numba", "pip install 'imgclf[fast]'")
    pool = ThreadPoolExecutor(1)
    loading = pool.submit(copy_context().run, _load, np.dtype(dtype))  # whoever listens hears of progress
    pool.shutdown(wait=False)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=loading.exception)  # a child would wait for ever for what is half loaded
    return loading


@cache
def loops_for(stored: np.dtype[Any], dtype: np.dtype[Any]) -> Any:
    """Return the module of the loops, with machine code for stored pixels and weights of these types."""
    try:
        loops, sharing = begin(dtype.name).result()
    except (ImportError, SystemError) as error:  # one is as good as the other for a NumPy that it does not know
        reason = " ".join(str(error).split())
        raise UsageError(KEY, f"numba cannot be loaded: {reason}", "pip install --upgrade 'imgclf[fast]'") from error
    _compile(loops, sharing, stored, dtype, OF_PIXELS)
    return loops


def _load(dtype: np.dtype[Any]) -> tuple[ModuleType, ModuleType]:
    from numba import config

    before = config.CACHE_DIR, config.CPU_FEATURES
    # The folder is read while the loops are decorated; the instructions, when the process compiles for the first time.
    config.CACHE_DIR, config.CPU_FEATURES = _folder(), config.CPU_FEATURES or _instructions()
    try:
        from imgclf.speed.compiled import loops, sharing

        _compile(loops, sharing, np.dtype(np.uint8), dtype, FUNCTIONS)
    finally:
        config.CACHE_DIR, config.CPU_FEATURES = before
    return loops, sharing


def _instructions() -> str:
    """Return the processor's instructions, to be used in their full width: LLVM keeps to half of AVX-512 on Intel's.

    The loops take a tenth less time so.
    """
    from llvmlite.binding import get_host_cpu_features

    there = get_host_cpu_features()
    return str(there.flatten()) + (",-prefer-256-bit" if there.get("avx512f") else "")


def _folder() -> str:
    """Return the folder of this source's machine code; "" if there is none that this user may write.

    numba looks at the time of the file that a function is in, not at those of the functions that it calls.
    """
    chosen, usual = os.environ.get("NUMBA_CACHE_DIR"), cache_folder()
    around = Path(chosen) if chosen else usual / "numba" if usual else None
    if around is None:
        return ""
    sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    folder = around / f"imgclf-{sha256(b''.join(sources)).hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


def _compile(loops: Any, sharing: Any, stored: np.dtype[Any], dtype: np.dtype[Any], most: int) -> None:
    """Compile at most so many functions for these types, or read the machine code: calls of no example."""
    pixels, y, row = np.empty((0, 1), stored), np.empty(0, np.int64), np.empty(1, dtype)
    rows, weights, taken = np.empty((2, 1), dtype), np.empty((2, 2), dtype), np.empty((1, 1), np.int64)
    pixels.flags.writeable = False  # as they are given
    sums, grads = np.empty((2, 2)), np.empty((1, 2, 2), dtype)
    turns, facts = np.zeros(sharing.WORDS, np.int64), np.zeros(sharing.FACTS, np.int64)
    job = sharing.Job(turns, facts, pixels, y, y, row, row, row, weights, sums, grads)
    desk = sharing.Desk(rows, rows, rows, taken, sums, grads)
    with _shown(most):
        sharing.take_turns(job, desk, 0)
        loops.finish(weights, weights, 1, 0.0, 0.0, weights[:0])
        loops.penalize(row, 1, 0.0, 0.0, row.copy())


@contextmanager
def _shown(most: int) -> Iterator[None]:
    """Report what is compiled as progress."""
    from numba.core import event

    class Counting(event.Listener):  # type: ignore[misc]
        left = most

        def on_start(self, seen: Any) -> None:
            pass

        def on_end(self, seen: Any) -> None:
            if self.left > 1:
                self.left -= 1
                advance(1)

    counting = Counting()
    advance = advancing("compiling the loops", most, "function")
    with event.install_listener("numba:compile", counting):
        yield
    advance(counting.left)
