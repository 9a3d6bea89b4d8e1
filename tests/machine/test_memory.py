"""How much memory there is, as the system tells it; what it does not tell is not guessed."""

import resource

import pytest

from children import in_child
from imgclf.errors import StorageError
from imgclf.machine import cgroups, memory
from imgclf.machine.memory import Limit, require_memory

INFO = "MemTotal:       4000 kB\nMemAvailable:   3000 kB\nSwapFree:        500 kB\nHugePages_Total:   0\n"


@pytest.fixture
def system(monkeypatch):
    """Put files in the place of those of the system."""
    files = {}
    for module in (cgroups, memory):
        monkeypatch.setattr(module, "read_system_file", lambda path: files.get(str(path), ""))
    return files


@pytest.fixture
def there_is(monkeypatch):
    """Let there be so much memory, and so many addresses."""

    def set_limits(nbytes=None, addresses=None):
        monkeypatch.setattr(memory, "memory", lambda: nbytes and Limit(nbytes, "free"))
        monkeypatch.setattr(memory, "address_space", lambda: addresses and Limit(addresses, "left by ulimit -v"))

    return set_limits


def test_enough_is_enough_and_a_byte_less_is_not(there_is):
    there_is()
    require_memory(1 << 60, "x")  # nobody knows
    there_is(100 << 20, 100 << 20)
    require_memory(100 << 20, "x")
    there_is((100 << 20) - 1)
    with pytest.raises(StorageError, match=r"^x: not enough memory: needs about 105 MB, 105 MB is free - use smaller "):
        require_memory(100 << 20, "x")
    there_is(10**12, 10**9)
    with pytest.raises(StorageError, match=r"needs about 1,234\.6 GB, 1\.0 GB is left by ulimit -v - use smaller "):
        require_memory(1_234_567_890_123, "x")


def test_a_thread_needs_addresses_and_no_memory(there_is):
    there_is(1)
    require_memory(0, "x", 4)
    there_is(None, 1 << 30)
    require_memory(0, "x", 4)
    with pytest.raises(StorageError, match="is left by ulimit -v - lower --threads, or use smaller images"):
        require_memory(0, "x", 20)


def test_for_little_the_system_is_not_asked(monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: pytest.fail("asked"))
    require_memory(1 << 20, "x")


def test_where_nothing_is_known_nothing_is_said(system):
    assert memory.memory() is None
    assert memory.address_space() is None


def test_what_is_available_is_memory_and_swap(system):
    system["/proc/meminfo"] = INFO
    assert memory.memory() == (3500 * 1024, "free")
    system["/proc/meminfo"] = "MemTotal: 4000 kB\n"  # an old kernel
    assert memory.memory() is None


@pytest.mark.parametrize(("line", "folder", "names"), [
    ("0::/a/b\n", "/sys/fs/cgroup", ("memory.max", "memory.current", "file")),
    ("4:memory:/a/b\n0::/\n", "/sys/fs/cgroup/memory",
     ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")),
    ("7:cpu,memory:/a/b\n", "/sys/fs/cgroup/memory",
     ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")),
])  # fmt: skip
def test_the_tightest_of_the_groups_around_counts(system, line, folder, names):
    limit, usage, files = names
    system |= {"/proc/meminfo": INFO, "/proc/self/cgroup": line}
    assert memory.memory() == (3500 * 1024, "free")  # a group without a limit
    system |= {f"{folder}/a/b/{limit}": "max\n", f"{folder}/a/b/{usage}": "500000\n"}
    assert memory.memory() == (3500 * 1024, "free")
    system |= {f"{folder}/a/{limit}": "900000\n", f"{folder}/a/{usage}": "500000\n"}
    system |= {f"{folder}/{limit}": "9223372036854771712\n", f"{folder}/{usage}": "500000\n"}
    assert memory.memory() == (400_000, "left by its cgroup")
    system[f"{folder}/a/memory.stat"] = f"anon 1\n{files} 100000\n"  # files in memory can go
    assert memory.memory() == (500_000, "left by its cgroup")
    system[f"{folder}/{limit}"] = "510000"
    assert memory.memory() == (10_000, "left by its cgroup")
    system[f"{folder}/{usage}"] = "600000"  # for a moment it may be more
    assert memory.memory() == (0, "left by its cgroup")


def test_what_the_shell_allows_is_counted_from_what_is_in_use(system, monkeypatch):
    system["/proc/self/statm"] = "10 5 4 1 0 3 0\n"
    page = resource.getpagesize()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100 * page, 200 * page))
    assert memory.address_space() == (90 * page, "left by ulimit -v")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, 0))
    assert memory.address_space() is None


@pytest.mark.skipif(memory.memory() is None, reason="this system does not say what it has")
def test_this_system_has_some():
    assert memory.memory().nbytes > 1 << 20


@pytest.mark.skipif(memory.peak_memory() is None, reason="this system does not say what a process has")
def test_the_peak_is_what_was_filled():
    assert in_child(fill) == 0  # a peak of before would hide it


def fill():
    before = memory.peak_memory()
    bytearray(b"x" * (100 << 20))
    return int(memory.peak_memory() < before + (90 << 20))
