"""Numbers that grow beyond all bounds: noticed at once, and what was good before stays."""

import csv
import json
import math

import numpy as np
import pytest

from imgclf.config import dump, resolve
from imgclf.errors import DivergedError
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.run import run_dir
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.epochs import Step, first_snapshot, train
from imgclf.training.plan import make_plan

# Grows too large within some steps, whatever the loss: momentum that is larger than 1.
GROWING = ("optimizer={name: momentum, momentum: 0.9}", "schedule={name: constant, step_size: 1.0e+6}",
           "regularization.l2=1", "checkpoint={unit: step, every: 1}", "train.epochs=50")  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_step_that_goes_too_far_is_the_last_and_the_one_before_is_kept(runs, loss, dtype):
    plan, directory = runs.plan(f"model.loss={loss}", f"train.dtype={dtype}", *GROWING), runs.at / "run"
    with run_dir.create("", directory, {"config.yaml": dump(plan.config).encode()})[1], workers(2) as sum_blocks:
        events = []
        with pytest.raises(DivergedError, match=r"try a smaller schedule\.step_size"):
            events.extend(run(plan, directory, sum_blocks))
    assert json.loads((directory / "status.json").read_text()) == {"status": "diverged"}
    assert not (directory / "model.npz").exists()
    checkpoint, damaged = load_checkpoint(directory)
    assert damaged is None
    state = checkpoint.snapshot.state
    assert state.step > 1
    assert np.isfinite(state.weights).all()
    last = [event for event in events if isinstance(event, Step)][-1]
    assert last.step - state.step in (0, 1)  # that of an epoch's end counts with its row
    with (directory / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert all(math.isfinite(float(value)) for value in row.values() if value)
    before = checkpoint_files(directory)
    with pytest.raises(DivergedError):  # going on leads there again, and changes nothing
        runs.resume(plan, directory)
    assert checkpoint_files(directory) == before


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [1e-25, 1e-6, 1, 1e6, 1e18, 1e22, 1e30])
def test_a_run_whose_gradients_are_of_any_size_moves_its_weights_or_stops(tmp_path, optimizer, size):
    """It never goes on without learning: float32 does not hold the squares of 1e20, and a step divided by them is 0."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    np.savez(tmp_path / "data.npz", X=size * (rng.standard_normal((60, 4)) + np.eye(3, 4)[y]), y=y)
    overrides = ("data.source=npz", f"data.path='{tmp_path / 'data.npz'}'", "preprocess={scale: 1, std: none}",
                 "model.loss=svm", "regularization.l2=0", "train.epochs=2", "data.val_fraction=0",
                 f"optimizer.name={optimizer}")  # fmt: skip
    plan = make_plan(resolve(overrides=overrides).config)
    told = ""
    with workers(1) as sum_blocks:
        try:
            *_, finished = train(plan, sum_blocks, first_snapshot(plan))
        except DivergedError as error:
            told = str(error)
    if told:
        assert size > 1e6
        assert "try preprocess.std: pixel" in told
    else:
        assert (finished.model.weights[:-1] != 0).all()


def checkpoint_files(directory):
    return {path.name: path.read_bytes() for path in directory.glob("checkpoint*")}
