"""Runs that are broken off, and what must not depend on it."""

import os
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgclf.config import dump, resolve
from imgclf.run import run_dir
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

DATA = "data.options={train: 50, val: 20, test: 0, classes: 3, size: 3, noise: 100}"


def plan_of(*overrides):
    """50 examples in batches of 16: the last of 4 has 2."""
    chosen = ["data.source=synthetic", DATA, "train.batch_size=16", "train.epochs=3", *overrides]
    return make_plan(resolve(overrides=chosen).config)


def begin(plan, directory, events=None):
    """Train from the start, as `imgclf train --out DIRECTORY`; after so many events leave, as Ctrl-C does."""
    with run_dir.create("", directory, {"config.yaml": dump(plan.config).encode()})[1]:
        train(plan, directory, None, events)


def resume(plan, directory, events=None, since=None):
    """Train on, as `imgclf train --resume DIRECTORY`, from its checkpoint or another."""
    with run_dir.acquire(directory):
        train(plan, directory, since or load_checkpoint(directory)[0], events)


def train(plan, directory, since, events):
    with workers(1) as sum_blocks, closing(run(plan, directory, sum_blocks, since)) as training:
        for _ in islice(training, events):
            pass


def begin_or_resume(plan, directory):
    """What a user does who does not know how far it came."""
    if (directory / "config.yaml").exists():
        resume(plan, directory)
    else:
        begin(plan, directory)


def what_is_left(directory):
    """The bytes that must not depend on how often a run was broken off."""
    checkpoint, damaged = load_checkpoint(directory)
    assert damaged is None
    snapshot = checkpoint.snapshot
    left = {
        name: (directory / name).read_bytes()
        for name in ("model.npz", "metrics.csv", "metrics.json", "status.json", "steps.csv", "path.npz")
    }
    left |= {f"memory/{name}": array.tobytes() for name, array in snapshot.state.memory.items()}
    left["weights"] = snapshot.state.weights.tobytes()
    left["best"] = None if snapshot.best is None else snapshot.best.weights.tobytes()
    left["numbers"] = (snapshot.state.step, snapshot.epochs, snapshot.tally, snapshot.previous_loss)
    left["rows of timings.csv"] = (directory / "timings.csv").read_text().count("\n")
    left["names"] = sorted(path.name for path in directory.iterdir())
    return left


def write_naively(path, content, keep=None):
    """Write straight to the name, as one might."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(content), 100):
            file.write(content[start : start + 100])
            os.fsync(file.fileno())  # a place to be killed at


@pytest.fixture
def runs(tmp_path):
    return SimpleNamespace(
        plan=plan_of,
        begin=begin,
        resume=resume,
        either=begin_or_resume,
        left=what_is_left,
        write_naively=write_naively,
        at=Path(tmp_path),
    )


@pytest.fixture
def all_write(monkeypatch):
    """Have a run write its files in another way."""

    def use(write):
        for module in ("run.checkpoint", "run.session", "run.run_dir", "files.writing"):
            monkeypatch.setattr(f"imgclf.{module}.write_whole", write)

    return use
