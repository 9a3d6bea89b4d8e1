"""Runs that are broken off: made in a forked child, so that it can die as it likes."""

import os
import signal
import traceback
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgclf import run_dir
from imgclf.checkpoint import load_checkpoint
from imgclf.compose import make_plan
from imgclf.config import dump, resolve
from imgclf.parallel import workers
from imgclf.run import run

DATA = "data.options={train: 50, val: 20, test: 0, classes: 3, size: 3, noise: 100}"


def plan_of(*overrides):
    """50 examples in batches of 16: the last of 4 has 2."""
    chosen = ["data.source=synthetic", DATA, "train.batch_size=16", "train.epochs=3", *overrides]
    return make_plan(resolve(overrides=chosen).config)


def begin(plan, directory):
    """Train from the start, as `imgclf train --out DIRECTORY`."""
    with closing(run_dir.create("", directory, {"config.yaml": dump(plan.config).encode()})):
        finish(plan, directory)


def go_on(plan, directory):
    """Train on, as `imgclf train --resume DIRECTORY`."""
    with closing(run_dir.own(directory)):
        since, _ = load_checkpoint(directory)
        finish(plan, directory, since)


def finish(plan, directory, since=None):
    with workers(1) as sum_blocks:
        for _ in run(plan, directory, sum_blocks, since):
            pass


def begin_or_go_on(plan, directory):
    """What a user does who does not know how far it came."""
    if (directory / "config.yaml").exists():
        go_on(plan, directory)
    else:
        begin(plan, directory)


def what_is_left(directory):
    """The bytes that must not depend on how often a run was broken off."""
    checkpoint, damaged = load_checkpoint(directory)
    assert damaged is None
    snapshot = checkpoint.snapshot
    left = {
        name: (directory / name).read_bytes() for name in ("model.npz", "metrics.csv", "metrics.json", "status.json")
    }
    left |= {f"memory/{name}": array.tobytes() for name, array in snapshot.state.memory.items()}
    left["weights"] = snapshot.state.weights.tobytes()
    left["best"] = None if snapshot.best is None else snapshot.best.weights.tobytes()
    left["numbers"] = (snapshot.state.step, snapshot.epochs, snapshot.tally, snapshot.previous_loss)
    left["rows of timings.csv"] = (directory / "timings.csv").read_text().count("\n")
    left["names"] = sorted(path.name for path in directory.iterdir())
    return left


def in_child(function):
    """Call a function in a forked child; return the signal that killed it, or None."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException:  # noqa: BLE001 - printed, and told by the exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM)
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0
    return None


@pytest.fixture
def runs(tmp_path):
    return SimpleNamespace(
        plan=plan_of,
        begin=begin,
        go_on=go_on,
        either=begin_or_go_on,
        left=what_is_left,
        in_child=in_child,
        at=Path(tmp_path),
    )
