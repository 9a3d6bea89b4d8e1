"""Runs that are interrupted or diverge leave the pictures that need no results."""

import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgclf.cli.signals import Stop

RUN = ("-s", "train.epochs=3", "--progress", "none", "--out")
FEW = ("-s", "data.source=synthetic", "-s", "data.options={classes: 3, size: 6, channels: 1, train: 400}", *RUN)
DIVERGES = ("-s", "schedule.step_size=1e30", "-s", "preprocess.scale=1")
DRAWN = {"curves.png", "templates.png", "steps.png"}


def pictures(run):
    return {path.name: path.read_bytes() for path in Path(run).iterdir() if path.suffix == ".png"}


@pytest.fixture
def stops(monkeypatch):
    """Let the next run stop at its third event, as by a signal."""

    def at_the_third(number):
        events = itertools.count(1)

        def show(_, event):
            if next(events) == 3:
                raise Stop(number)

        patch = pytest.MonkeyPatch()
        patch.setattr("imgclf.cli.progress.TrainProgress.__call__", show)
        return patch

    return at_the_third


def test_an_interrupted_run_has_pictures_and_ends_with_those_of_one_that_was_not(imgclf, stops):
    patch = stops(signal.SIGINT)
    done = imgclf("train", *FEW, "run")
    patch.undo()
    assert done.code == 130
    assert done.err.count("\n") == 1
    assert {*pictures("run")} == DRAWN
    assert json.loads(Path("run/status.json").read_text()) == {"status": "interrupted"}
    stopped = pictures("run")
    assert imgclf("train", "--resume", "run").code == 0
    imgclf("train", *FEW, "straight/run")
    assert pictures("run") == pictures("straight/run")
    assert all(pictures("run")[name] != stopped[name] for name in DRAWN)


def test_a_run_that_diverges_has_pictures_but_no_model(refused):
    refused(5, ["a weight is inf"], "train", *DIVERGES, *FEW, "run")
    assert {*pictures("run")} == DRAWN
    assert not Path("run/model.npz").exists()


def test_a_run_without_its_path_has_no_templates_of_weights_that_it_no_longer_had(refused, monkeypatch):
    monkeypatch.setattr("imgclf.run.learning.MOST_WEIGHTS", 1)
    refused(5, ["a weight is inf"], "train", *DIVERGES, *FEW, "run")
    assert {*pictures("run")} == {"curves.png"}


def test_feature_vectors_have_only_curves(imgclf, stops):
    np.savez("features.npz", X=np.random.default_rng(0).normal(size=(90, 5)), y=np.arange(90) % 3)
    data = ("-s", "data.source=npz", "-s", "data.path=features.npz")
    patch = stops(signal.SIGINT)
    assert imgclf("train", *data, *RUN, "run").code == 130
    patch.undo()
    assert {*pictures("run")} == {"curves.png"}


def test_no_plots_draws_nothing_whatever_happens(imgclf, stops, refused):
    patch = stops(signal.SIGINT)
    assert imgclf("train", "--no-plots", *FEW, "run").code == 130
    patch.undo()
    refused(5, ["a weight is inf"], "train", "--no-plots", *DIVERGES, *FEW, "other")
    assert pictures("run") == pictures("other") == {}


def test_pictures_of_a_shorter_run_are_gone_before_it_goes_on(imgclf, stops):
    patch = stops(signal.SIGINT)
    imgclf("train", *FEW, "run")
    patch.undo()
    assert pictures("run")
    assert imgclf("train", "--resume", "run", "--no-plots").code == 0
    assert pictures("run") == {}


@pytest.mark.parametrize("error", [RuntimeError("no\nfonts"), MemoryError(), OSError(28, "No space left on device")])
def test_an_error_of_drawing_changes_neither_the_exit_code_nor_the_error(imgclf, stops, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("imgclf.report.curves.new_figure", fail)
    patch = stops(signal.SIGTERM)
    done = imgclf("train", *FEW, "run")
    patch.undo()
    assert done.code == 143
    warning, said = done.err.splitlines()
    assert warning.startswith("imgclf: warning: run: its pictures are missing")
    assert said.startswith("imgclf: error: run: stopped - resume it")


TWICE = """
import os, signal, imgclf.cli.progress, imgclf.report.pictures
imgclf.cli.progress.TrainProgress.__call__ = lambda *_: os.kill(os.getpid(), signal.SIGINT)
imgclf.report.pictures.draw_run = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
from imgclf.__main__ import main
main()
"""


@pytest.mark.slow
def test_a_second_signal_ends_the_drawing_at_once(tmp_path):
    command = [sys.executable, "-c", TWICE, "train", *FEW, "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "")
    assert json.loads((tmp_path / "run/status.json").read_text()) == {"status": "interrupted"}
    assert (tmp_path / "run/model.npz").exists()
