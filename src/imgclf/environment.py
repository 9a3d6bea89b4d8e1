"""Describe the environment of a run: versions, BLAS, processor."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

import imgclf
from imgclf.data.dataset import Dataset
from imgclf.data_identity import describe_data

PACKAGES = ("numpy", "click", "matplotlib", "pillow", "pydantic", "PyYAML", "threadpoolctl", "tqdm")


def describe_environment(threads: int, train: Dataset, val: Dataset | None, processes: int = 1) -> dict[str, Any]:
    """Return what environment.json holds; `threads` are of a process."""
    return {
        "imgclf": imgclf.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "blas": [_blas(library) for library in threadpool_info() if library["user_api"] == "blas"],
        "platform": platform.platform(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "processes": processes,
        "threads": threads,
        "command": [path_text(word) for word in sys.argv],
        "cwd": path_text(Path.cwd()),
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
        **describe_data(train, val),
        "data_files": [file._asdict() for file in train.files],
    }


def path_text(path: os.PathLike[str] | str) -> str:
    """Write a path, which need not be valid text."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _blas(library: dict[str, Any]) -> dict[str, Any]:
    return {key: library.get(key) for key in ("internal_api", "version", "architecture")}


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
