"""`imgclf verify` says whether the bytes come out the same, and what differs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgclf.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

pytestmark = pytest.mark.bits

TRAIN = ("train", "--no-plots", "--progress", "none", "-s", "data.limit=200", "-s", "train.epochs=3")


@pytest.fixture
def run(imgclf):
    assert imgclf(*TRAIN, "--out", "run").code == 0
    return Path("run")


def test_a_finished_run_comes_out_the_same(imgclf, run):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    done = imgclf("verify", run, "--json")
    assert done.code == 0, done.err
    assert done.json == {
        "run": "run", "verdict": "same", "from_step": 2, "to_step": 3, "differences": [], "environment": [],
    }  # fmt: skip
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_without_an_older_checkpoint_it_begins_at_the_start(imgclf, run):
    (run / "checkpoint.previous.npz").unlink()
    assert imgclf("verify", run, "--json").json["from_step"] == 0


def swap_weights(run):
    checkpoint, _ = load_checkpoint(run)
    state = checkpoint.snapshot.state
    weights = state.weights.copy()
    weights[0, 0] = np.nextafter(weights[0, 0], np.float32(9))
    snapshot = checkpoint.snapshot.__class__(
        state._replace(weights=weights), checkpoint.snapshot.epochs, checkpoint.snapshot.tally, None, 1.0
    )
    older = (run / "checkpoint.previous.npz").read_bytes()
    save_checkpoint(run, Checkpoint(snapshot, checkpoint.tables, checkpoint.fingerprints))
    (run / "checkpoint.previous.npz").write_bytes(older)


def another_velocity(run):
    checkpoint, _ = load_checkpoint(run)
    state = checkpoint.snapshot.state
    memory = {name: np.nextafter(array, np.float32(9)) for name, array in state.memory.items()}
    snapshot = replace(checkpoint.snapshot, state=state._replace(memory=memory))
    older = (run / "checkpoint.previous.npz").read_bytes()
    save_checkpoint(run, replace(checkpoint, snapshot=snapshot))
    (run / "checkpoint.previous.npz").write_bytes(older)


def another_model(run):
    shutil.copy("other/model.npz", run / "model.npz")


def another_row(run):
    lines = (run / "metrics.csv").read_text().splitlines()
    lines[3] = lines[3].replace("3,3,", "3,3,1", 1)
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")


def another_metric(run):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["val"]["n"] += 1
    (run / "metrics.json").write_text(json.dumps(metrics))


@pytest.mark.parametrize(("change", "told"), [
    (swap_weights, "weights after step 3"), (another_model, "model.npz"), (another_row, "metrics.csv, epoch 3"),
    (another_metric, "metrics.json"), (another_velocity, "velocity of the optimizer after step 3"),
])  # fmt: skip
def test_what_differs_is_named(imgclf, run, change, told):
    assert imgclf(*TRAIN, "-s", "seed=1", "--out", "other").code == 0
    change(run)
    done = imgclf("verify", run, "--json")
    assert done.code == 1
    assert done.json["verdict"] == "different"
    assert done.json["differences"] == [told]


def test_another_numpy_is_named(imgclf, run):
    path = run / "environment.json"
    path.write_text(path.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "0.1"'))
    done = imgclf("verify", run)
    assert done.code == 0
    assert f"environment: numpy was 0.1 and is {np.__version__}" in done.out


@pytest.mark.parametrize(("code", "words", "run"), [(4, "no such run", "nowhere"), (2, "not a run", "run/model.npz")])
def test_what_is_no_run_is_refused(imgclf, refused, run, code, words):
    imgclf(*TRAIN, "--out", "run")
    refused(code, words, "verify", run)


def test_a_run_without_a_checkpoint_is_refused(refused, run):
    (run / "checkpoint.npz").unlink()
    refused(4, "checkpoint.npz", "verify", run)
