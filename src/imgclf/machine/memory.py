"""Free memory of this machine, control group and process."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imgclf.errors import StorageError
from imgclf.machine.cgroups import groups, read_system_file

# In training there are the gradient, the direction, the optimizer's state, sums of blocks and what a checkpoint keeps.
WEIGHT_COPIES = 12
_UNCHECKED = 16 << 20  # bytes; to ask takes longer than to fill fewer
# Of address space only: what malloc, the stack and BLAS set aside for a thread.
_A_THREAD = 104 << 20
_ENDLESS = 1 << 60  # bytes; what version 1 says for no limit
_VERSION_2 = ("memory.max", "memory.current", "file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")


class Limit(NamedTuple):
    """The number of bytes available, and the words for it: `0.8 GB is free`."""

    nbytes: int
    called: str


def require_memory(nbytes: int, where: object, threads: int = 0) -> None:
    """Raise StorageError if `nbytes` are not available. Call this just before making a large array.

    threads  that are to start; under `ulimit -v`, OpenBLAS ends a process that has no addresses left for one

    Linux promises more memory than there is, and ends a process without a word when it fills what was promised.
    """
    if nbytes <= _UNCHECKED and not threads:
        return
    for needed, limit in ((nbytes + threads * _A_THREAD, address_space()), (nbytes, memory())):
        if limit is not None and needed > limit.nbytes:
            found = f"needs about {format_bytes(needed)}, {format_bytes(limit.nbytes)} is {limit.called}"
            remedy = "use smaller images, or map them: see `imgclf data pack --help`"
            raise StorageError(where, f"not enough memory: {found}", "lower --threads, or " * bool(threads) + remedy)


def peak_memory() -> int | None:
    """Return the peak memory of this process in bytes, mapped files included; None if unknown."""
    kilobytes = _numbers(Path("/proc/self/status")).get("VmHWM:")
    return None if kilobytes is None else 1024 * kilobytes


def format_bytes(nbytes: int) -> str:
    """Format a number of bytes: `154 MB`, `3.1 GB`."""
    return f"{nbytes / 1e9:,.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:,.0f} MB"


def address_space() -> Limit | None:
    """Return the address space left by `ulimit -v`; None without a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = read_system_file(Path("/proc/self/statm")).split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return Limit(max(0, limit - int(pages[0]) * resource.getpagesize()), "left by ulimit -v")


def memory() -> Limit | None:
    """Return the free memory of the machine or of the control group, the smaller; None if unknown."""
    limits = [Limit(free, "free") for free in _free()] + [Limit(left, "left by its cgroup") for left in _cgroups()]
    return min(limits, default=None)


def _free() -> Iterator[int]:
    """Yield the available memory and free swap of the machine."""
    numbers = _numbers(Path("/proc/meminfo"))
    if "MemAvailable:" in numbers:
        yield 1024 * (numbers["MemAvailable:"] + numbers.get("SwapFree:", 0))


def _cgroups() -> Iterator[int]:
    """Yield the memory left in each control group of this process; cached files count as free."""
    for folder, version in groups("memory"):
        limit, usage, files = _VERSION_2 if version == 2 else _VERSION_1
        most, used = (read_system_file(folder / name).strip() for name in (limit, usage))
        if most.isdecimal() and used.isdecimal() and int(most) < _ENDLESS:
            yield max(0, int(most) - int(used) + _numbers(folder / "memory.stat").get(files, 0))


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number of each line of a file, by the first word of the line."""
    lines = (line.split() for line in read_system_file(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}
