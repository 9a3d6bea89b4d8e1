"""Run directories from strangers: whatever a file in them is, a command works or says one line, and never waits."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.files.sealed_npz import SEAL, sealed_npz
from imgclf.run.model_file import load_model, model_bytes
from imgclf.run.run_dir import find_run

pytestmark = pytest.mark.slow

DATA = "data.options={train: 40, val: 10, test: 10, classes: 2, size: 3}"
TRAIN = ("train", "-s", "data.source=synthetic", "-s", DATA, "-s", "train.batch_size=16", "-s", "train.epochs=2",
         "--no-plots", "--progress", "none")  # fmt: skip
COMMANDS = {
    "eval": ("eval",),
    "verify": ("verify", "runs/run"),
    "go on": ("-q", "train", "--resume", "runs/run", "-s", "train.epochs=3", "--no-plots", "--progress", "none"),
    "say what it said": ("-q", "train", "--resume", "runs/run", "--no-plots", "--json"),
}
NAMES = ("config.yaml", "status.json", "environment.json", "metrics.json", "metrics.csv", "timings.csv", "model.npz",
         "checkpoint.npz", "checkpoint.previous.npz")  # fmt: skip
DAMAGE = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "nested": lambda path: path.write_bytes(b'{"a":[' * 3000),
    "a number too long": lambda path: path.write_bytes(b'{"train": ' + b"9" * 5000 + b', "val": null}'),
    "infinite": lambda path: path.write_bytes(b'{"train": 1e999, "val": null, "status": 1e999, "started": NaN}'),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x80"),
    "a surrogate": lambda path: path.write_bytes(rb'{"train": "\ud800", "val": null, "started": "\ud800"}'),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.fixture
def trained(imgclf):
    """A finished run, and one that finished before it."""
    assert imgclf(*TRAIN, "--out", "runs/older").code == 0
    assert imgclf(*TRAIN, "--out", "runs/run", "-s", "checkpoint={unit: step, every: 1}").code == 0


@pytest.fixture(autouse=True)
def _never_waits():
    """Whoever waits for a pipe is ended by a signal after some seconds."""
    signal.alarm(100)
    yield
    signal.alarm(0)


def works_or_says_one_line(done, told):
    assert done.code in (0, 1, 2, 3, 4, 6), (told, done)
    errors = [line for line in done.err.splitlines() if not line.startswith("imgclf: warning: ")]
    if done.code > 1:
        assert len(errors) == 1, (told, done)
        assert errors[0].startswith("imgclf: error: "), (told, done)
        assert errors[0].isprintable(), (told, done)


LONG = {"a folder", "a number too long", "not text", "a surrogate"}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.long] * (kind in LONG)) for kind in DAMAGE])
def test_a_file_of_a_run_may_be_anything(imgclf, tmp_path, monkeypatch, trained, kind):
    binary = kind in ("a pipe", "a folder", "a device", "a link to itself", "empty")
    for name in NAMES if binary else NAMES[:6]:
        for command in COMMANDS:
            place = tmp_path / f"{name} {command}"
            shutil.copytree("runs", place / "runs")
            with monkeypatch.context() as patch:
                patch.chdir(place)
                file = Path("runs/run", name)
                file.unlink()
                DAMAGE[kind](file)
                works_or_says_one_line(imgclf(*COMMANDS[command]), (name, command))


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_newest_run_is_found_beside_what_is_none(imgclf, kind):
    for name, started in (("older", "2026-01-02"), ("newest", "2026-01-03"), ("damaged", "2026-01-04")):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "status.json").write_text('{"status": "finished"}')
        Path("runs", name, "environment.json").write_text(json.dumps({"started": started}))
    Path("runs/damaged/status.json").unlink()
    DAMAGE[kind](Path("runs/damaged/status.json"))
    DAMAGE[kind](Path("runs/one more"))
    assert find_run(None) == Path("runs/newest")


def best(about, arrays, **changes):
    about["best"] = {"epoch": 1, "score": 0.5, "waited": 1} | changes
    arrays["best_weights"] = arrays["weights"]


# Each is sealed rightly, and no run can have made it: (about, arrays) -> what is changed.
IMPOSSIBLE = {
    "other weights": lambda about, arrays: arrays.update(weights=np.zeros((4, 2), np.float32)),
    "weights of another type": lambda about, arrays: arrays.update(weights=arrays["weights"].astype(float)),
    "weights that are not finite": lambda about, arrays: arrays["weights"].fill(np.inf),
    "no memory": lambda about, arrays: arrays.pop("memory/mean"),
    "more memory": lambda about, arrays: arrays.update({"memory/velocity": arrays["weights"]}),
    "memory of another shape": lambda about, arrays: arrays.update({"memory/mean": np.zeros(3, np.float32)}),
    "memory of another type": lambda about, arrays: arrays.update({"memory/mean": arrays["memory/mean"].astype(str)}),
    "memory that is not finite": lambda about, arrays: arrays["memory/mean"].fill(np.nan),
    "squares below zero": lambda about, arrays: arrays["memory/squares"].fill(-1),
    "memory of another step": lambda about, arrays: arrays.update({"memory/step": np.array(-1)}),
    "another step": lambda about, arrays: about.update(step=about["step"] + 1),
    "a step of a later epoch": lambda about, arrays: about.update(step=10**30),
    "other epochs": lambda about, arrays: about.update(epochs=0),
    "epochs beyond the tables": lambda about, arrays: about.update(epochs=7, step=21),
    "another place in the epoch": lambda about, arrays: about["tally"].update(examples=8),
    "more right than there are": lambda about, arrays: about["tally"].update(correct=99),
    "a half example": lambda about, arrays: about["tally"].update(examples=16.5),
    "a loss too long": lambda about, arrays: about["tally"].update(loss=10**400),
    "a loss that is a list": lambda about, arrays: about["tally"].update(loss=[]),
    "no loss before": lambda about, arrays: about.update(previous_loss=None),
    "a loss before that is too long": lambda about, arrays: about.update(previous_loss=10**400),
    "a best epoch to come": lambda about, arrays: best(about, arrays, epoch=9),
    "a best epoch of no number": lambda about, arrays: best(about, arrays, score="x"),
    "a best epoch with other weights": lambda about, arrays: (
        best(about, arrays) or arrays.update(best_weights=np.zeros((2, 2), np.float32))
    ),
    "no tables": lambda about, arrays: about.update(tables={}),
    "other tables": lambda about, arrays: about.update(tables={"config.yaml": 3}),
    "tables too long": lambda about, arrays: about["tables"].update({"metrics.csv": 10**30}),
    "tables cut in a row": lambda about, arrays: about["tables"].update({"metrics.csv": 5}),
    "no origin": lambda about, arrays: about.update(origin={}),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_a_sealed_checkpoint_that_cannot_be_of_the_run_is_refused(imgclf, refused, kind):
    options = ("-s", "optimizer.name=adam", "-s", "checkpoint={unit: step, every: 1}", "-s", "train.epochs=3")
    assert imgclf(*TRAIN, *options, "--out", "run").code == 0
    path = Path("run/checkpoint.npz")
    path.unlink()
    Path("run/checkpoint.previous.npz").rename(path)  # of the moment before the last step
    Path("run/status.json").write_text('{"status": "interrupted"}')
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != SEAL}
    about = json.loads(str(arrays["about"]))
    IMPOSSIBLE[kind](about, arrays)
    arrays["about"] = np.array(json.dumps(about))
    path.write_bytes(sealed_npz(arrays))
    code = 2 if kind == "no origin" else 4
    before = {file.name: file.read_bytes() for file in Path("run").iterdir() if file.name != ".lock"}
    refused(code, "run", "-q", "train", "--resume", "run", "--no-plots")
    if not kind.startswith("tables"):  # of which `verify` reads the rows alone
        refused(code, "run", "verify", "run")
    assert {file.name: file.read_bytes() for file in Path("run").iterdir() if file.name != ".lock"} == before


@pytest.mark.parametrize("change", [
    lambda model: replace(model, weights=np.full_like(model.weights, 3e38)),
    lambda model: replace(model, loss="svm", weights=np.full_like(model.weights, -3e38)),
    lambda model: replace(model, preprocess=replace(model.preprocess, scale=1e-300)),
], ids=["weights", "weights of a hinge", "scale"])  # fmt: skip
def test_a_model_whose_scores_overflow_is_one_line(imgclf, refused, change):
    Image.new("L", (3, 3), 200).save("a.png")
    assert imgclf(*TRAIN, "--out", "run").code == 0
    path = Path("run/model.npz")
    path.write_bytes(model_bytes(change(load_model(path))))
    for form in ("table", "csv", "json"):
        assert refused(4, "run: its scores are not finite", "predict", "run", "a.png", "--format", form).out == ""
    assert refused(3, "the loss on test is", "eval", "run", "--json").out == ""
