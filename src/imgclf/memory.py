"""Free memory of this machine, control group and process."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imgclf.cgroups import groups, read_system_file

_ENDLESS = 1 << 60  # bytes; what version 1 says for no limit
_VERSION_2 = ("memory.max", "memory.current", "file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")


class Room(NamedTuple):
    """So many bytes can be had, and what to call them: `0.8 GB are free`."""

    nbytes: int
    called: str


def address_space() -> Room | None:
    """Return what `ulimit -v` leaves; None where it sets no limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = read_system_file(Path("/proc/self/statm")).split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return Room(max(0, limit - int(pages[0]) * resource.getpagesize()), "left by ulimit -v")


def memory() -> Room | None:
    """Return what the machine, or the control group that this process is in, has left; None where it is not said."""
    rooms = [Room(free, "free") for free in _free()] + [Room(left, "left by its cgroup") for left in _cgroups()]
    return min(rooms, default=None)


def _free() -> Iterator[int]:
    """Yield what the system can give without ending anything: memory and swap."""
    numbers = _numbers(Path("/proc/meminfo"))
    if "MemAvailable:" in numbers:
        yield 1024 * (numbers["MemAvailable:"] + numbers.get("SwapFree:", 0))


def _cgroups() -> Iterator[int]:
    """Yield what each of the groups around this process leaves; files that it holds in memory count as free."""
    for folder, version in groups("memory"):
        limit, usage, files = _VERSION_2 if version == 2 else _VERSION_1
        most, used = (read_system_file(folder / name).strip() for name in (limit, usage))
        if most.isdecimal() and used.isdecimal() and int(most) < _ENDLESS:
            yield max(0, int(most) - int(used) + _numbers(folder / "memory.stat").get(files, 0))


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number of each line of a file, by the word before it."""
    lines = (line.split() for line in read_system_file(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}
