"""Stopped before there is anything to lose: nothing is in the way of the next try."""

import json
from pathlib import Path

import pytest

from imgclf.cli.signals import Stop

TRAIN = ("train", "--no-plots", "--progress", "none", "-s", "data.limit=200", "-s", "train.epochs=2")


def stop(*_, **__):
    raise Stop


@pytest.mark.parametrize("place", [
    "imgclf.training.loading.load_for_training", "imgclf.training.plan.fit_preprocess",
    "imgclf.run.environment.processor", "imgclf.run.run_dir.acquire", "imgclf.run.run_dir.write_whole",
])  # fmt: skip
def test_before_there_is_a_directory_nothing_is_left(imgclf, monkeypatch, place):
    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        done = imgclf(*TRAIN, "--out", "run")
    assert done.code == 130
    assert done.err.count("\n") == 1
    assert "nothing was changed" in done.err
    assert list(Path().iterdir()) == []
    assert imgclf(*TRAIN, "--out", "run").code == 0


@pytest.mark.parametrize("place", [
    "imgclf.run.run_dir.start_table", "imgclf.run.run_dir.write_status", "imgclf.training.epochs.descend",
    "imgclf.data.batches.shuffled", "imgclf.speed.blocks.slab_scores", "imgclf.training.epochs._row",
])  # fmt: skip
def test_before_there_is_a_checkpoint_the_run_goes_on_from_its_beginning(imgclf, monkeypatch, place):
    assert imgclf(*TRAIN, "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        done = imgclf(*TRAIN, "--out", "run")
    assert done.code == 130
    assert done.err.count("\n") == 1
    assert "imgclf train --resume run" in done.err
    assert imgclf(*TRAIN, "--out", "run").code == 2  # it is there, and is left alone
    done = imgclf("train", "--no-plots", "--resume", "run")
    assert done.code == 0, done.err
    assert json.loads(Path("run/status.json").read_text()) == {"status": "finished"}
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes(), name
