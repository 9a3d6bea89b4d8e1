"""Describe the environment of a run: versions, BLAS, processor."""

import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

import imgclf
from imgclf.data.dataset import Dataset
from imgclf.run.data_identity import describe_data
from imgclf.run.run_dir import read_json

PACKAGES = ("numpy", "click", "Jinja2", "matplotlib", "pillow", "pydantic", "PyYAML", "threadpoolctl", "tqdm")
OF_KERNELS = {"compiled": ("numba", "llvmlite"), "torch": ("torch",)}

_version = cache(version)  # it reads a file; a sweep describes many runs


def describe_environment(
    threads: int, kernel: str, train: Dataset, val: Dataset | None, processes: int = 1, device: str | None = None
) -> dict[str, Any]:
    """Return the content of environment.json; `threads` is per process, `device` that of a kernel that has one."""
    files = [file._asdict() for file in train.files]
    machine = describe_machine(threads, kernel, processes, device)
    return {**machine, **describe_data(train, val), "data_files": files}


def describe_machine(threads: int, kernel: str, processes: int = 1, device: str | None = None) -> dict[str, Any]:
    """Return what environment.json says of programs and computer, and when and how the run was started."""
    return {
        "imgclf": imgclf.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in (*PACKAGES, *filter(find_spec, OF_KERNELS.get(kernel, ())))},
        "blas": [_blas(library) for library in _of_numpy()],
        "platform": platform.platform(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "processes": processes,
        "threads": threads,
        "kernel": kernel,
        **({"device": device} if device else {}),
        "command": [path_text(word) for word in sys.argv],
        "cwd": path_text(Path.cwd()),
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
    }


def path_text(path: os.PathLike[str] | str) -> str:
    """Return a path as text, with escapes for bytes that are not valid text."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _of_numpy() -> list[dict[str, Any]]:
    """Return what is known of NumPy's BLAS: others in this process, such as SciPy's, have no part in a run."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return [one for one in found if {"numpy", "numpy.libs"} & {*Path(one["filepath"]).parts}] or found


def _blas(library: dict[str, Any]) -> dict[str, Any]:
    return {key: library.get(key) for key in ("internal_api", "version", "architecture")}


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def compare_environment(run: Path, environment: dict[str, Any]) -> list[str]:
    """Return the changes since a run began that may change its bytes: libraries, processor, card."""
    then, now = _versions(read_json(run / "environment.json")), _versions(environment)
    return [f"{what} was {then[what]} and is {now[what]}" for what in now if then[what] != now[what]]


def _versions(environment: dict[str, Any]) -> dict[str, str]:
    packages = environment.get("packages")
    found = packages if isinstance(packages, dict) else {}
    libraries = {name: _text(found.get(name)) for name in ("numpy", "numba", "torch")}
    machine = {name: _text(environment.get(name)) for name in ("cpu", "device")}
    return {**libraries, "blas": _libraries(environment.get("blas")), **machine}


def _libraries(blas: Any) -> str:
    """Return name, version and architecture of each library, such as `openblas 0.3.31 Haswell`."""
    libraries = [library for library in blas if isinstance(library, dict)] if isinstance(blas, list) else []
    return " and ".join(" ".join(map(_text, library.values())) for library in libraries[:4]) or "unknown"


def _text(value: Any) -> str:
    return value[:80] if isinstance(value, str) else "unknown"
