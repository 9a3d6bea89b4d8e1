"""Threads by default: as many as there are cores for this process and as help."""

import os

import pytest

from imgclf.machine import cgroups, cores
from imgclf.machine.cores import available_cores, helpful_threads


@pytest.fixture
def system(monkeypatch):
    """A machine of 16 cores whose files are these."""
    files = {}
    for module in (cgroups, cores):
        monkeypatch.setattr(module, "read_system_file", lambda path: files.get(str(path), ""))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    available_cores.cache_clear()
    yield files
    available_cores.cache_clear()


def test_without_limits_all_cores_count(system):
    assert available_cores() == 16


@pytest.mark.parametrize(("line", "files", "cores"), [
    ("0::/a/b", {"/sys/fs/cgroup/a/b/cpu.max": "300000 100000"}, 3),
    ("0::/a/b", {"/sys/fs/cgroup/a/cpu.max": "150000 100000"}, 2),
    ("0::/a/b", {"/sys/fs/cgroup/a/b/cpu.max": "max 100000", "/sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
    ("0::/a/b", {"/sys/fs/cgroup/a/b/cpu.max": "99900000 100000"}, 16),
    ("0::/a/b", {"/sys/fs/cgroup/a/b/cpu.max": "nonsense"}, 16),
    ("4:cpu,cpuacct:/a", {"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "200000",
                          "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000"}, 2),
    ("4:cpu,cpuacct:/a", {"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1",
                          "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000"}, 16),
    ("4:memory:/a", {"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "200000",
                     "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000"}, 16),
])  # fmt: skip
def test_the_tightest_quota_of_the_groups_around_counts(system, line, files, cores):
    system |= {"/proc/self/cgroup": line + "\n"} | files
    assert available_cores() == cores


@pytest.mark.parametrize(("value", "cores"), [("4", 4), (" 2,3", 2), ("64", 16), ("0", 16), ("", 16), ("many", 16)])
def test_omp_num_threads_counts(system, monkeypatch, value, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert available_cores() == cores


@pytest.mark.parametrize(("rows", "classes", "threads"), [(785, 10, 1), (1, 2, 1), (3073, 10, 4), (769, 1000, 16)])
def test_no_more_threads_than_make_a_step_faster(system, rows, classes, threads):
    assert helpful_threads(rows, classes) == threads


def test_no_more_threads_than_cores(system, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert helpful_threads(3073, 10) == 2
