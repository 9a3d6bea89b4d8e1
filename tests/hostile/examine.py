"""Puts one reader to the test in a process of its own, and tells what came of it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import imgclf

TESTS = Path(__file__).parents[1]
GRACE = 120  # seconds to start and to end


@dataclass(frozen=True)
class Outcome:
    """How many mutations of each kind were tried, how many were read and refused, and everything that went wrong.

    slowest  seconds that the slowest file took
    memory   bytes reserved for the largest, beyond what the good files need
    """

    tried: dict[str, int]
    read: int
    refused: int
    findings: list[str]
    slowest: float
    memory: int


TABLE: dict[str, Outcome] = {}  # what the long form found, to be printed at the end


def examine(name: str, folder: Path, *, count: int, seconds: float, seed: int = 0, most: int = 5) -> Outcome:
    """Try so many mutations of a reader's files, or as many as the seconds and the findings allow."""
    place, kept = folder / "files", folder / "kept"
    for each in (place, kept):
        each.mkdir(parents=True)
    command = [sys.executable, "-W", "ignore", "-m", "hostile.child", name, place, kept, seed, count, seconds, most]
    paths = [str(TESTS), str(Path(imgclf.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "IMGCLF_CACHE": "0",
        "MALLOC_ARENA_MAX": "1",  # or every thread reserves 64 MB, and nothing can be said of memory
        "PYTHONHASHSEED": "0",
    }
    done = subprocess.run(
        [str(part) for part in command], env=env, capture_output=True, text=True, timeout=seconds + GRACE, check=False
    )
    last = f"its last file is {kept / 'now'}"
    if done.returncode:
        reason = done.stderr[-2000:] or f"exit {done.returncode}"
        return Outcome({}, 0, 0, [f"{name} did not survive: {reason}; {last}"], 0, 0)
    outcome = Outcome(**json.loads(done.stdout.splitlines()[-1]))
    if done.stderr or done.stdout.count("\n") > 1:
        outcome.findings.append(f"{name} prints {(done.stderr + done.stdout)[:500]!r}")
    return outcome
