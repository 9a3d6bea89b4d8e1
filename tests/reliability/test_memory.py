"""Where memory is short, a run ends in one line before it takes any, and leaves nothing.

Limits are of address space (`ulimit -v`), in a process of their own: they cannot be taken back.
"""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process takes"),
]

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


def test_a_dry_run_says_what_it_took(tmp_path, data):
    _, out, _, peak = imgclf(tmp_path, 0, *TRAIN, *data, "--dry-run", "--json")
    assert json.loads(out)["image_bytes"] == 30_000 * 3072
    assert json.loads(out)["memory_bytes"] == pytest.approx(peak, rel=0.05)


def test_whatever_the_limit_is_a_run_is_done_or_one_line_and_nothing_is_begun(tmp_path, data):
    said = []
    for limit in range(200, 700, 80):
        code, out, errors, peak = imgclf(tmp_path, limit * MB, *TRAIN, *data, "--out", "run")
        if code == 0:
            break
        assert (code, out, len(errors)) == (6, "", 1)
        assert list(tmp_path.iterdir()) == []
        said += re.findall(
            r"^imgclf: error: .*: not enough memory(?:: needs about .* is left by ulimit -v)? - ", errors[0]
        )
        assert len(said) >= 2 or peak < 90 * MB  # nothing of the data was read
    assert (code, errors) == (0, [])
    assert len(said) == (limit - 200) // 80 > 2
    assert "data.npz: not enough memory: needs about 92 MB" in said[0]
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "finished"}
