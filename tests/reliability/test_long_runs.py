"""A run may go on for ever: what the process and the disk hold does not grow with its steps."""

import sys
import tracemalloc
from pathlib import Path

import pytest

from children import in_child
from imgclf.config import dump
from imgclf.run import run_dir
from imgclf.run.learning import MOST_ROWS, read_path
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds"),
]

MB = 1 << 20
STEPS_AN_EPOCH = 50


def held():
    """Bytes that Python and NumPy hold, and open files; what the system counts differs by half a MB between runs."""
    return tracemalloc.get_traced_memory()[0], len(list(Path("/proc/self/fd").iterdir()))


def size_of(directory):
    """Bytes of the files of a run, and their names; an epoch's rows and few steps are all that may be added."""
    tables = {"metrics.csv", "timings.csv", "steps.csv", "path.npz"}
    files = {path.name: path.stat().st_size for path in directory.iterdir()}
    return sum(length for name, length in files.items() if name not in tables), set(files)


def train(runs, steps, growth):
    """Make so many steps, one example each; compare the end with the end of the tenth part."""
    plan = runs.plan(f"train.epochs={steps // STEPS_AN_EPOCH}", "train.batch_size=1", "optimizer.name=adam")
    directory, tenth = runs.at / "run", steps // STEPS_AN_EPOCH // 10
    tracemalloc.start()
    with run_dir.create("", directory, {"config.yaml": dump(plan.config).encode()})[1], workers(2) as sum_blocks:
        for event in run(plan, directory, sum_blocks):
            if isinstance(event, Epoch) and event.snapshot.epochs == tenth:
                memory, files = held()
                disk, names = size_of(directory)
        assert held()[0] - memory < growth
        assert held()[1] == files
    left, there = size_of(directory)
    assert there == names | {"model.npz", "metrics.json"}
    new = sum((directory / name).stat().st_size for name in ("model.npz", "metrics.json"))
    assert left - new < disk + 1000 + 2 * 8 * MOST_ROWS  # numbers grow by digits; the losses are in both checkpoints
    assert MOST_ROWS // 2 < len((directory / "steps.csv").read_text().splitlines()) <= 1 + MOST_ROWS
    assert len(read_path(directory).steps) < 45
    rows = (directory / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + steps // STEPS_AN_EPOCH


def test_nothing_grows_with_the_steps(runs):
    assert in_child(train, runs, 2_500, MB // 10) == 0


@pytest.mark.long
def test_nothing_grows_with_a_million_steps(runs, tell):
    grown = in_child(train, runs, 1_000_000, MB // 2)
    tell("steps of one run, with which nothing grows", 1_000_000, grown)
    assert grown == 0
