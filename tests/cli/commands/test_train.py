"""`imgclf train`: what it leaves behind, and that the same seed leaves the same bytes."""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from imgclf.cli.progress import epoch_line
from imgclf.config import resolve
from imgclf.data.sources import fashion_mnist_mini
from imgclf.losses import LOSSES
from imgclf.machine import cores
from imgclf.report import pictures as drawing
from imgclf.run.model_file import load_model
from imgclf.speed import threads as parallel
from imgclf.training.epochs import Epoch
from imgclf.training.loading import load_training_data

FILES = {
    "config.yaml", "environment.json", "status.json", "metrics.csv", "timings.csv", "metrics.json", "model.npz",
    ".lock", "checkpoint.npz", "checkpoint.previous.npz", "steps.csv", "path.npz",
}  # fmt: skip
EPOCH = re.compile(r"^ *\d+ +\d+ +[\d.e-]+ .*[\d,]+$", re.MULTILINE)
OF_IMAGES = {"templates.png", "steps.png", "errors.png"}
PICTURES = {"curves.png", "confusion_matrix.png", "confusion_matrix.csv", "report.html"} | OF_IMAGES


def rows(run, name="metrics.csv"):
    with (Path(run) / name).open(newline="") as file:
        return list(csv.DictReader(file))


def bytes_of(run):
    return {name: (Path(run) / name).read_bytes() for name in ("model.npz", "metrics.csv", "metrics.json")}


def test_a_run_leaves_what_the_contract_names(imgclf):
    done = imgclf("train", "-s", "data.limit=300", "-s", "train.epochs=2", "--json")
    assert done.code == 0
    run = Path("runs/fashion-mnist-mini-softmax")
    assert done.json["run"] == str(run)
    assert {path.name for path in run.iterdir()} == FILES | PICTURES
    assert json.loads((run / "status.json").read_text()) == {"status": "finished"}
    assert done.json["epochs"] == 2
    assert done.json["steps"] == 4
    assert {key: done.json[key] for key in ("train", "val")} == json.loads((run / "metrics.json").read_text())
    assert done.json["train"]["n"] == 300
    assert done.json["val"]["n"] == 600
    assert (run / "metrics.csv").read_text().splitlines()[0] == (
        "epoch,step,step_size,train/loss,train/accuracy,val/loss,val/accuracy,update_ratio"
    )
    assert [row["epoch"] for row in rows(run)] == ["1", "2"]
    assert list(rows(run, "timings.csv")[0]) == ["epoch", "seconds", "images_per_second"]
    environment = json.loads((run / "environment.json").read_text())
    assert {"python", "packages", "blas", "threads", "cpu", "command", "started"} <= set(environment)
    assert "minimize" in done.err  # the words for people
    shown = imgclf("data", "info", "-s", "data.limit=300", "--json").json
    assert environment["data_fingerprint"] == shown["splits"]["train"]["fingerprint"]


def test_the_run_tells_its_story(imgclf, small):
    done = imgclf("train", *small)
    for words in ("300 training images, 600 validation images", "7,850 parameters", "L(W, b) = mean loss + 0.0001/2",
                  "softmax: -log p_y", "2 epochs: 4 steps", "imgclf eval runs/"):  # fmt: skip
        assert words in done.out
    assert len(EPOCH.findall(done.out)) == 2
    assert all(len(line) <= 80 for line in done.out.splitlines())


@pytest.mark.parametrize(("size", "asked", "used"), [(8, (), 1), (48, (), 3), (8, ("--threads", 3), 3)])
def test_one_thread_trains_on_small_pictures_unless_more_are_asked_for(imgclf, monkeypatch, size, asked, used):
    sums, parallel_sum = [], parallel._parallel_sum
    monkeypatch.setattr(cores, "available_cores", lambda: 3)
    monkeypatch.setattr("imgclf.run.session.available_cores", lambda: 3)
    monkeypatch.setattr(parallel, "_parallel_sum", lambda *args: sums.append(1) or parallel_sum(*args))
    options = ("-s", "data.source=synthetic", "-s", f"data.options={{train: 2000, classes: 10, size: {size}}}")
    options += ("-s", "train.epochs=2", "-s", "train.batch_size=200", "--no-plots", "--out", "run")
    assert imgclf("train", *options, *asked).code == 0
    assert json.loads(Path("run/environment.json").read_text())["threads"] == used
    assert (len(sums) > 10) == (used > 1)  # 18 steps; else only the mean image is found together


@pytest.mark.parametrize("loss", LOSSES)
def test_same_seed_same_bytes_on_any_number_of_threads(imgclf, small, loss):
    options = (*small, "-s", f"model.loss={loss}", "-s", "train.batch_size=200")
    for threads in (1, 2, 3):
        assert imgclf("train", *options, "--threads", threads, "--out", f"run{threads}").code == 0
    assert bytes_of("run1") == bytes_of("run2") == bytes_of("run3")


def test_another_seed_other_bytes(imgclf, small):
    for seed in (0, 1):
        imgclf("train", *small, "-s", "train.batch_size=200", "-s", f"seed={seed}", "--out", f"run{seed}")
    assert bytes_of("run0")["model.npz"] != bytes_of("run1")["model.npz"]


def test_a_run_is_repeated_by_its_own_config(imgclf, pictures, on_pictures):
    assert imgclf("train", *on_pictures, "--out", "one").code == 0
    Path("elsewhere").mkdir()
    assert imgclf("train", "-c", "one/config.yaml", "--no-plots", "--out", "two").code == 0
    assert bytes_of("one") == bytes_of("two")


def test_metrics_are_full_passes_with_the_weights_that_were_saved(imgclf, small):
    done = imgclf("train", *small, "-s", "regularization.l2=0.5", "--json")
    model = load_model(Path(done.json["run"]) / "model.npz")
    train, val = load_training_data(resolve(overrides=["data.limit=300"]).config)
    for name, data in (("train", train), ("val", val)):
        X = model.preprocess.apply(data.pixels(np.arange(len(data)))).astype(np.float64)
        s = X @ model.weights[:-1].astype(np.float64) + model.weights[-1]
        losses, _ = LOSSES["softmax"](s, data.y)
        seen = done.json[name]
        assert seen["data_loss"] == pytest.approx(losses.mean(), rel=1e-5)
        penalty = 0.25 * (model.weights[:-1].astype(np.float64) ** 2).sum()
        assert seen["objective"] - seen["data_loss"] == pytest.approx(penalty, rel=1e-6)
        assert seen["accuracy"] == (s.argmax(axis=1) == data.y).mean()


def test_an_epoch_is_averaged_over_its_examples_as_they_were_trained_on(imgclf, small):
    # One batch an epoch at W = 0: every example is seen before the first step.
    run = imgclf("train", *small, "-s", "train.batch_size=all", "--json").json["run"]
    first, second = rows(run)
    assert float(first["train/loss"]) == pytest.approx(np.log(10), rel=1e-6)
    assert float(first["train/accuracy"]) == pytest.approx(0.1, abs=0.02)
    assert float(first["update_ratio"]) == 1  # the first step starts at W = 0
    assert float(second["train/loss"]) < float(first["train/loss"])


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_the_step_size_would_be_0_after_the_last_step_which_moves(imgclf, small, name):
    two_steps = ("-s", "train.batch_size=all", "-s", "train.epochs=2", "-s", "schedule.step_size=0.1")
    run = imgclf("train", *small, *two_steps, "-s", f"schedule.name={name}", "--json").json["run"]
    first, last = rows(run)
    assert float(first["step_size"]) == 0.1
    assert float(last["step_size"]) == pytest.approx(0.05)  # halfway to 0
    assert float(last["update_ratio"]) > 0.01


def test_training_by_numerical_gradients_goes_the_same_way(imgclf):
    options = ("-s", "data.limit=40", "-s", "preprocess.image_size=4", "-s", "train.epochs=2", "-s",
               "train.batch_size=20", "--no-plots")  # fmt: skip
    imgclf("train", *options, "--out", "calculus")
    imgclf("train", *options, "-s", "train.gradient=numerical", "--out", "trying")
    one, other = (load_model(Path(run) / "model.npz").weights for run in ("calculus", "trying"))
    assert one.tobytes() != other.tobytes()
    np.testing.assert_allclose(one, other, atol=1e-6)


OPENED = []  # files, while a test watches
WATCHING = []


def test_the_test_split_is_never_opened(imgclf):
    if not WATCHING:  # a hook stays for good
        WATCHING.append(True)
        sys.addaudithook(lambda event, args: event == "open" and WATCHING[0] and OPENED.append(str(args[0])))
    OPENED.clear()
    WATCHING[0] = True
    try:
        done = imgclf("train", "-s", "train.epochs=1", "-s", "data.limit=50")
    finally:
        WATCHING[0] = False
    assert done.code == 0
    assert any("train-images" in name for name in OPENED), OPENED
    assert not any("t10k" in name for name in OPENED)


def test_a_test_split_that_is_broken_does_not_matter_to_training(imgclf, pictures, on_pictures):
    for path in (pictures / "test").rglob("*.png"):
        path.write_text("no image")
    assert imgclf("train", *on_pictures).code == 0
    assert imgclf("eval").code == 3


def test_without_validation_the_confusion_matrix_is_of_train(imgclf, monkeypatch):
    table = "confusion_matrix.csv"
    monkeypatch.setattr(drawing, "PICTURES", {table: drawing.PICTURES[table]})
    done = imgclf("train", "-s", "data.val_fraction=0", "-s", "data.limit=100", "-s", "train.epochs=1", "--json")
    assert done.json["val"] is None
    run = Path(done.json["run"])
    (row,) = rows(run)
    assert row["val/loss"] == row["val/accuracy"] == ""
    with (run / table).open(newline="") as file:
        header, *counts = csv.reader(file)
    assert header[0] == "true \\ predicted"
    assert sum(int(cell) for line in counts for cell in line[1:]) == 100


def test_early_stopping_keeps_the_weights_of_the_best_epoch(imgclf):
    options = (
        "-s",
        "data.limit=200",
        "-s",
        "schedule={name: constant, step_size: 1}",
        "-s",
        "train.epochs=40",
        "--no-plots",
    )
    stop = "early_stopping={monitor: val/loss, patience: 3}"
    done = imgclf("train", *options, "-s", stop, "--json", "--out", "stopped")
    seen = [float(row["val/loss"]) for row in rows("stopped")]
    best = int(np.argmin(seen))
    assert len(seen) == best + 1 + 3 < 40
    assert done.json["epochs"] == len(seen)
    assert done.json["val"]["objective"] == seen[best]
    imgclf("train", *options, "-s", f"train.epochs={best + 1}", "--out", "short")
    assert (Path("stopped") / "model.npz").read_bytes() == (Path("short") / "model.npz").read_bytes()


def test_early_stopping_needs_something_to_watch(refused):
    options = ("-s", "early_stopping={monitor: val/accuracy, patience: 1}", "-s", "data.val_fraction=0")
    refused(2, ["early_stopping.monitor", "val_fraction"], "train", *options)
    assert not Path("runs").exists()


def test_features_have_no_templates(imgclf):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    imgclf("--version")
    np.savez("features.npz", X=rng.standard_normal((90, 5)) + 3 * np.eye(3, 5)[y], y=y)
    done = imgclf(
        "train", "-s", "data.source=npz", "-s", "data.path=features.npz", "-s", "preprocess.scale=1", "--json"
    )
    assert done.code == 0
    assert {path.name for path in Path(done.json["run"]).iterdir()} == (FILES | PICTURES) - OF_IMAGES
    assert done.json["train"]["accuracy"] > 0.6


def test_dry_run_says_what_it_took_and_writes_nothing(imgclf):
    done = imgclf("train", "--dry-run", "--json")
    assert done.code == 0
    assert done.json["parameters"] == 7850
    assert done.json["steps"] == 440
    assert done.json["image_bytes"] == 6000 * 28 * 28
    assert done.json["mapped_bytes"] == 0
    assert done.json["memory_bytes"] is None or done.json["memory_bytes"] > 6000 * 28 * 28
    assert list(Path().iterdir()) == []


def test_print_config_prints_a_config_that_is_read_back(imgclf):
    done = imgclf("train", "--print-config", "-s", "model.loss=svm")
    Path("printed.yaml").write_text(done.out)
    assert resolve([Path("printed.yaml")]).config == resolve(overrides=["model.loss=svm"]).config
    assert [path.name for path in Path().iterdir()] == ["printed.yaml"]


@pytest.mark.parametrize("loss", [1e-5, 9999.99999, 1e4, 123_456.7, 1e30])
def test_an_epoch_takes_80_columns_at_most(loss):
    row = {"epoch": 10_000, "step": 1_000_000, "step_size": 1.23e-5, "update_ratio": 1.2e-5}
    row |= dict.fromkeys(["train/loss", "val/loss"], loss) | dict.fromkeys(["train/accuracy", "val/accuracy"], 1.0)
    line = epoch_line(Epoch(row, 1.0, 999_999.0, True, None))
    assert len(line) <= 80
    assert line.endswith("*")
    assert len(line.split()) == 11  # nine cells, and a sign of percent in two


def test_quiet_and_progress_say_less(imgclf, small):
    quiet = imgclf("-q", "train", *small)
    assert "minimize" not in quiet.out
    assert "epoch" not in quiet.out
    assert "objective" in quiet.out
    none = imgclf("train", *small, "--progress", "none")
    assert "images/s" not in none.out
    bar = imgclf("train", *small, "--progress", "bar")
    assert "training" in bar.err
    assert len(EPOCH.findall(bar.out)) == 2


@pytest.mark.parametrize("gradient", ["analytic", "numerical"])
def test_a_run_that_diverges_stops_and_says_what_to_try(refused, gradient):
    options = ("-s", "schedule.step_size=1e30", "-s", "preprocess.image_size=3", "-s", "train.epochs=2",
               "--no-plots")  # fmt: skip
    done = refused(5, ["a weight is inf", "smaller schedule.step_size"], "train", "-s",
                   f"train.gradient={gradient}", "-s", "data.limit=600", *options, "--out", "run")  # fmt: skip
    assert "train" not in done.err.split("error:")[0]
    assert json.loads(Path("run/status.json").read_text()) == {"status": "diverged"}
    assert not Path("run/model.npz").exists()


AS_STORED = {
    "bytes": lambda pixels: pixels,
    "features of 0..255": lambda pixels: pixels.reshape(len(pixels), -1).astype("f4"),
    "features of 0..1": lambda pixels: (pixels.reshape(len(pixels), -1) / 255).astype("f4"),
    "standardized features": lambda pixels: (pixels.reshape(len(pixels), -1) - 73.0) / 90,
    "features of 0 and 1": lambda pixels: (pixels.reshape(len(pixels), -1) > 99).astype("f8"),
    "images of 0 and 1": lambda pixels: (pixels > 99).astype("u1"),
    "images of true and false": lambda pixels: pixels > 99,
    "images of 16 grays": lambda pixels: pixels // 16,
}


@pytest.mark.slow
@pytest.mark.parametrize("stored", AS_STORED)
def test_the_same_images_are_learned_from_however_their_values_are_stored(imgclf, stored):
    imgclf("--version")
    found = fashion_mnist_mini.load(None, ("train", "test"))
    np.savez("data.npz", **{
        f"{name}_{split}": array
        for split, data in found.items()
        for name, array in (("x", AS_STORED[stored](data.images[..., 0])), ("y", data.y))
    })  # fmt: skip
    options = ("-s", "data.source=npz", "-s", "data.path=data.npz", "--no-plots", "-s", "train.epochs=4", "--out")
    done = imgclf("train", *options, "run")
    assert (done.code, done.err) == (0, "")
    by_feature = "\nfeatures  x = (features - mean) / standard deviation, by feature\n"
    assert (by_feature in done.out) == ("features" in stored and stored != "features of 0 and 1")
    assert imgclf("eval", "run", "--json").json["accuracy"] > 0.78
    repeated = imgclf("train", "-c", "run/config.yaml", *options, "again")
    assert (repeated.code, Path("again/model.npz").read_bytes()) == (0, Path("run/model.npz").read_bytes())


def test_a_run_holds_what_null_meant_and_says_where_a_scale_leaves_nothing(imgclf, small):
    imgclf("train", *small, "--out", "default")
    chosen = resolve([Path("default/config.yaml")]).config.preprocess
    assert (chosen.scale, chosen.std) == (255, "none")
    squashed = imgclf("-q", "train", *small, "-s", "preprocess.scale=1e5", "--out", "squashed")
    (warning,) = squashed.err.splitlines()
    assert warning.startswith("imgclf: warning: preprocess: x has a standard deviation of only 0.00")
    assert warning.endswith("try preprocess.scale: 255")
    assert resolve([Path("squashed/config.yaml")]).config.preprocess.scale == 1e5


def test_pixels_that_were_not_scaled_are_the_first_suspect(refused, small):
    options = ("-s", "preprocess.scale=1", "-s", "schedule.step_size=1e25", "-s", "model.loss=svm_squared")
    refused(5, "try preprocess.scale: 255", "train", *small, *options)
