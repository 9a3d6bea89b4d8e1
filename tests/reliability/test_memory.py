"""A run says what memory it takes before it reads its data; where there is less, it ends in one line and nothing else.

Limits are of address space (`ulimit -v`), in a process of their own: they cannot be taken back.
"""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process takes")

# Prints how much memory, and of it for files, the process had at most.
WATCHED = """
import re, resource, sys
from pathlib import Path
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from imgclf.cli import main
try:
    main()
finally:
    print("peak", 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]), file=sys.stderr)
"""
TRAIN = ("train", "-s", "train.epochs=2", "--threads", "2", "--progress", "none")
MB = 1 << 20


def imgclf(cwd, limit, *arguments):
    """Run a command in a child; return its exit code, output, errors, and the most memory it had."""
    done = subprocess.run([sys.executable, "-c", WATCHED, str(limit), *map(str, arguments)], cwd=cwd, text=True,
                          capture_output=True, check=False)  # fmt: skip
    *errors, last = done.stderr.splitlines()
    return done.returncode, done.stdout, errors, int(last.split()[1])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of 92 MB."""
    folder = tmp_path_factory.mktemp("data")
    X = np.random.default_rng(0).integers(0, 256, (30_000, 32, 32, 3), dtype=np.uint8)
    np.savez(folder / "data.npz", X=X, y=np.arange(30_000) % 10)
    return "-s", "data.source=npz", "-s", f"data.path='{folder / 'data.npz'}'", "--no-plots"


def test_what_is_said_is_what_is_taken(tmp_path, data):
    _, out, _, _ = imgclf(tmp_path, 0, *TRAIN, *data, "--dry-run", "--json")
    code, _, errors, peak = imgclf(tmp_path, 0, *TRAIN, *data)
    assert (code, errors) == (0, [])
    assert json.loads(out)["memory_bytes"] == pytest.approx(peak, rel=0.2)


def test_just_under_what_is_needed_and_just_above(tmp_path, data):
    code, out, errors, peak = imgclf(tmp_path, 220 * MB, *TRAIN, *data, "--out", "run")
    assert (code, out, len(errors)) == (6, "", 1)
    said = re.fullmatch(
        r"imgclf: error: .*/data.npz: not enough memory: needs about (\d+) MB, (\d+) MB is left by ulimit -v"
        r" - .*`imgclf data pack`.*",
        errors[0],
    )
    assert peak < 90 * MB  # nothing of the data was read
    assert list(tmp_path.iterdir()) == []
    enough = 220 * MB + 1_000_000 * (int(said[1]) - int(said[2]))
    code, _, (error,), peak = imgclf(tmp_path, enough - 2 * MB, *TRAIN, *data, "--out", "run")
    assert code == 6
    assert "not enough memory: needs about" in error
    assert peak < 90 * MB
    assert list(tmp_path.iterdir()) == []
    code, _, errors, _ = imgclf(tmp_path, enough + 2 * MB, *TRAIN, *data, "--out", "run")
    assert (code, errors) == (0, [])
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "finished"}
