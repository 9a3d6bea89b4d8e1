"""Memory that runs out: one line, exit code 6, and what was saved stays."""

from pathlib import Path

import numpy as np
import pytest

import imgclf.cli as commands
from imgclf.machine.memory import Limit

TRAIN = ("train", "--no-plots", "--progress", "none", "-s", "data.limit=200", "-s", "train.epochs=3")


@pytest.fixture
def little(monkeypatch):
    """A machine with 20 MB left."""
    monkeypatch.setattr("imgclf.machine.memory.memory", lambda: Limit(20_000_000, "free"))


@pytest.mark.parametrize("arguments", [TRAIN, (*TRAIN, "--dry-run"), (*TRAIN, "--json")])
def test_images_that_do_not_fit_are_refused_before_anything_is_written(refused, little, arguments):
    options = "-s", "data.source=synthetic", "-s", "data.options={train: 9000, size: 50}"
    done = refused(6, ["synthetic: not enough memory: needs about ", " 20 MB is free - "], *arguments, *options)
    assert done.out == ""
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("arguments", [TRAIN, (*TRAIN, "--dry-run")])
def test_weights_that_do_not_fit_are_refused_before_a_run_is_begun(imgclf, refused, little, arguments):
    imgclf("--version")
    np.savez("data.npz", X=np.zeros((80, 100, 100, 3), np.uint8), y=np.arange(80) % 40)  # 2 MB; weights: 5 MB
    words = ["data.npz: not enough memory: needs about 58 MB, 20 MB is free - lower --threads, or use smaller images"]
    refused(6, words, *arguments, "-s", "data.source=npz", "-s", "data.path=data.npz")
    assert [path.name for path in Path().iterdir()] == ["data.npz"]


def test_too_little_to_go_on_or_verify(imgclf, refused, monkeypatch):
    assert imgclf(*TRAIN, "--out", "run").code == 0
    before = {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != ".lock"}
    monkeypatch.setattr("imgclf.machine.memory.memory", lambda: Limit(1000, "left by its cgroup"))
    refused(6, "0 MB is left by its cgroup", "verify", "run")
    refused(6, "0 MB is left by its cgroup", "train", "--resume", "run", "-s", "train.epochs=9")
    assert {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != ".lock"} == before


def test_memory_that_runs_out_in_training_loses_nothing(imgclf, refused, ends_in_second_epoch):
    assert imgclf(*TRAIN, "--out", "whole").code == 0
    with ends_in_second_epoch(MemoryError):
        refused(6, ["run: not enough memory", "imgclf train --resume run"], *TRAIN, "--out", "run")
    assert imgclf("train", "--no-plots", "--resume", "run").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json", "status.json"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes(), name


def test_memory_that_runs_out_again_while_it_saves_leaves_the_checkpoint_of_before(imgclf, refused, monkeypatch):
    import imgclf.run.writer as writer
    import imgclf.training.epochs as room

    def fail(*_):
        raise MemoryError

    save = writer.save_checkpoint
    assert imgclf(*TRAIN, "--out", "whole").code == 0
    with monkeypatch.context() as patch:

        def save_once(directory, checkpoint):
            patch.setattr(writer, "save_checkpoint", fail)
            patch.setattr(room, "model_bytes", fail)
            save(directory, checkpoint)

        patch.setattr(writer, "save_checkpoint", save_once)
        refused(6, ["run: not enough memory", "imgclf train --resume run"], *TRAIN, "--out", "run")
    assert imgclf("train", "--no-plots", "--resume", "run").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json", "status.json"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes(), name


def test_memory_that_runs_out_while_drawing_leaves_a_finished_run(imgclf, refused, monkeypatch):
    def draw(*_):
        raise MemoryError

    monkeypatch.setattr("imgclf.report.pictures.draw_run", draw)
    command = [word for word in TRAIN if word != "--no-plots"]
    refused(
        6,
        ["run: the run is finished and saved", "only its pictures are missing (not enough memory)", "--resume run"],
        *command,
        "--out",
        "run",
    )
    assert "finished" in Path("run/status.json").read_text()


@pytest.mark.parametrize(("error", "words"), [
    (MemoryError(), "not enough memory"),
    (ImportError("libX.so: failed to map segment from shared object"), "not enough memory"),
    (RuntimeError("can't start new thread"), "no more threads"),
])  # fmt: skip
def test_it_has_many_names(error, words):
    (line,), code = commands.explain(error)
    assert code == 6
    assert words in line


def test_other_errors_of_these_kinds_are_bugs():
    assert commands.explain(ImportError("no module"))[1] == commands.explain(RuntimeError("x"))[1] == 70
