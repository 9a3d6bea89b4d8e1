"""How much memory this process can still get; where the system does not tell, nothing is said."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_CGROUPS = Path("/sys/fs/cgroup")
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
    pages = _read(Path("/proc/self/statm")).split()
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
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, limit, usage, files = _CGROUPS, *_VERSION_2
        elif "memory" in controllers.split(","):
            root, limit, usage, files = _CGROUPS / "memory", *_VERSION_1
        else:
            continue
        folder = root / path.strip("/")
        for group in (folder, *folder.parents):
            most, used = _read(group / limit).strip(), _read(group / usage).strip()
            if most.isdecimal() and used.isdecimal() and int(most) < _ENDLESS:
                yield max(0, int(most) - int(used) + _numbers(group / "memory.stat").get(files, 0))
            if group == root:
                break


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number of each line of a file, by the word before it."""
    lines = (line.split() for line in _read(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
