"""Default number of threads: available and helpful cores."""

import math
import os
from collections.abc import Iterator
from functools import cache

from imgclf.machine.cgroups import groups, read_system_file

# Multiplications by row of the weights, and some more, that keep one thread busy while another has Python's lock.
# Measured: 1,728 numbers and 10 classes are as fast on two threads as on one; 3,072 and 10 are fastest on four.
_WORK = 11_500


@cache
def available_cores() -> int:
    """Return the number of cores this process may use: CPU affinity, control groups and OMP_NUM_THREADS."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([there, *_quotas(), *_asked_for()])


def helpful_threads(rows: int, classes: int) -> int:
    """Return the number of threads that is fastest for weights of this shape (D+1, C), at most the available cores.

    More of them wait for each other, and for Python's lock, longer than they work.
    """
    return max(1, min(available_cores(), rows * (classes + 5) // _WORK))


def _quotas() -> Iterator[int]:
    """Yield the number of cores that each control group allows, rounded up."""
    for folder, version in groups("cpu"):
        if version == 2:
            quota, _, period = read_system_file(folder / "cpu.max").strip().partition(" ")
        else:
            quota, period = (read_system_file(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield max(1, math.ceil(int(quota) / int(period)))


def _asked_for() -> Iterator[int]:
    """Yield the number of threads in OMP_NUM_THREADS, if it is set."""
    outermost = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if outermost.isdecimal() and int(outermost):
        yield int(outermost)
