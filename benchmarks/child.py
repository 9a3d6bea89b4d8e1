"""Time and peak memory of a command. Imports little: see run_alone."""

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple


class Ended(NamedTuple):
    """A process: seconds by the clock and of the processor, its largest memory in bytes, and what it printed."""

    seconds: float
    processor: float
    peak: int
    stdout: str


def run_alone(command: list[str]) -> Ended:
    """Run a command as the child of a small process: from this one, it would start with our memory as its peak."""
    with ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        return pool.submit(run, command).result()


def run(command: list[str]) -> Ended:
    """Run a command to its end; return the kernel's counts for it alone."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        stdout, stderr = (pipe.read() if pipe else "" for pipe in (process.stdout, process.stderr))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {stderr}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Ended(seconds, usage.ru_utime + usage.ru_stime, peak, stdout)
