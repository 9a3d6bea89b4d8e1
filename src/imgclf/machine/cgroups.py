"""Linux control groups and their limits on memory and processors."""

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def groups(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the groups of this process that a controller ("memory", "cpu") may limit, the innermost first.

    Each is its folder, and the version (1 or 2) of the files in it.
    """
    for line in read_system_file(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, version = _ROOT, 2
        elif controller in controllers.split(","):
            root, version = _ROOT / controller, 1
        else:
            continue
        folder = root / path.strip("/")
        for group in (folder, *folder.parents):
            yield group, version
            if group == root:
                break


def read_system_file(path: Path) -> str:
    """Return the text of a file in /proc or /sys, empty if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
