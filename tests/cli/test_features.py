"""Features from the command line: trained, evaluated, predicted, verified, resumed and checked as pixels are."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.cli.signals import Stop
from imgclf.data.features.fitted import Features

pytestmark = pytest.mark.bits

PATCHES = ("-s", "features={name: patches, number: 5, patch: 4}", "-s", "schedule.step_size=0.01")
TRAIN = ("train", *PATCHES, "-s", "data.limit=200", "-s", "train.epochs=2", "--no-plots", "--progress", "none")
ALONE = Path("alone")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Where the run of all tests is kept."""
    return tmp_path_factory.mktemp("once") / "run"


@pytest.fixture(name="run")
def run_fixture(imgclf, once):
    if not once.exists():
        done = imgclf(*TRAIN, "--out", "run")
        assert done.code == 0, done.err
        for line in (
            "features  patches (number 5, patch 4, ",
            "160 numbers an image",
            "inputs    x = (features - mean)",
        ):
            assert line in done.out
        Path("run").rename(once)
    return Path(shutil.copytree(once, "run"))


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    """Images of two classes as files, of another size and color than those of training."""
    rng = np.random.default_rng(0)
    for name in ("Sandal", "Bag"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 256, (31, 35, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def test_a_run_is_evaluated_verified_and_checked(imgclf, run):
    assert imgclf("verify", run).code == 0
    checked = imgclf("gradcheck", "--run", run, "--json").json
    assert (checked["verdict"], checked["parameters"]) == ("pass", 161 * 10)
    seen = imgclf("eval", run, "--split", "val", "--json").json
    metrics = json.loads((run / "metrics.json").read_text())
    assert seen["accuracy"] == metrics["val"]["accuracy"] > 0.2
    assert seen["data_loss"] == metrics["val"]["data_loss"]


def test_a_dry_run_and_the_check_of_a_run_compute_few_features(imgclf, run, monkeypatch):
    calls = []

    def count(self, images, real=Features.__call__):
        calls.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Features, "__call__", count)
    many = ("-s", "data.limit=5000", "-s", "train.batch_size=32")
    done = imgclf(*TRAIN, *many, "--dry-run")
    assert "features  2 MB, not computed yet" in done.out  # 5,600 images * 160 * 2 bytes
    assert imgclf("train", "--resume", run, "-s", "train.epochs=3", "--dry-run").code == 0
    assert 0 < sum(calls) <= 800
    calls.clear()
    assert imgclf("gradcheck", "--run", run, *many).code == 0
    assert 0 < sum(calls) < 5000 / 2


def test_what_is_in_the_cache_is_not_computed_again_by_a_dry_run_or_a_check(imgclf, kept, monkeypatch):
    assert imgclf(*TRAIN, "--out", "run").code == 0
    monkeypatch.setattr(Features, "__call__", None)
    assert "features  0 MB, in the cache" in imgclf(*TRAIN, "--dry-run").out
    assert imgclf("gradcheck", "--run", "run").code == 0


def test_the_model_file_alone_has_all_that_images_of_any_size_and_color_need(imgclf, run, folder):
    model = run.rename(ALONE) / "model.npz"
    (ALONE / "config.yaml").unlink()
    seen = imgclf("eval", model, "--data", folder, "--out", "seen", "--json")
    assert seen.code == 0, seen.err
    assert seen.json["n"] == 8
    predicted = {one["image"]: one for one in imgclf("predict", model, folder, "--format", "json").json["predictions"]}
    with Path("seen/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert predicted[row["example"]]["class"] == row["predicted"]
        assert predicted[row["example"]]["scores"][row["predicted"]] == pytest.approx(float(row["score"]), abs=1e-5)
    assert len(rows) == 8


def test_images_in_an_npz_are_predicted_and_vectors_are_refused(imgclf, run):
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    np.savez("images.npz", images=images)
    np.savez("vectors.npz", X=np.zeros((3, 160)))
    assert len(imgclf("predict", run, "images.npz", "--format", "json").json["predictions"]) == 3
    done = imgclf("predict", run, "vectors.npz")
    assert done.code == 3
    assert "examples of 160 features, the model takes 28 x 28 gray - give it images" in done.err


def test_an_explanation_is_of_features(imgclf, run, folder):
    done = imgclf("predict", run, folder / "Bag" / "0.png", "--explain", "why")
    assert done.code == 0, done.err
    assert {path.suffix for path in Path("why").iterdir()} == {".png", ".json"}


def test_a_run_that_was_stopped_resumes_to_the_same_bytes(imgclf, run, ends_in_second_epoch):
    with ends_in_second_epoch(Stop):
        assert imgclf(*TRAIN, "--out", "stopped").code == 130
    assert imgclf("train", "--resume", "stopped", "--no-plots", "--progress", "none").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert Path("stopped", name).read_bytes() == (run / name).read_bytes()


def test_the_number_of_threads_changes_no_byte(imgclf, run):
    for threads in ("1", "3"):
        assert imgclf(*TRAIN, "--threads", threads, "--out", f"on{threads}").code == 0
        assert Path(f"on{threads}/model.npz").read_bytes() == (run / "model.npz").read_bytes()


def test_runs_on_features_and_on_pixels_are_compared_and_shown(imgclf, run):
    pixels = ("train", *TRAIN[3:], "-s", "schedule.step_size=0.01", "--out", "pixels")
    assert imgclf(*pixels).code == 0
    done = imgclf("compare", run, "pixels", "--json")
    assert done.code == 0, done.err
    assert imgclf("report", run).code == 0
    assert (run / "report.html").stat().st_size > 10_000


def test_other_features_for_a_run_are_refused(refused, run):
    refused(2, "cannot change in the middle of a run", "train", "--resume", run, "-s", "features.number=6")


def test_what_each_class_likes_is_drawn_in_place_of_templates(imgclf):
    done = imgclf("train", *TRAIN[1:7], "-s", "train.epochs=1", "--progress", "none", "--out", "run")
    assert done.code == 0, done.err
    pictures = {path.name for path in Path("run").glob("*.png")}
    assert pictures == {"curves.png", "features.png", "confusion_matrix.png"}
    for name in ("features.png", "confusion_matrix.csv", "report.html"):
        drawn = Path("run", name).read_bytes()
        Path("run", name).unlink()
        assert f"drawn  run\n       {name}\n" in imgclf("train", "--resume", "run", "--progress", "none").out
        assert Path("run", name).read_bytes() == drawn


def test_info_says_how_many_features_there_are(imgclf, refused):
    done = imgclf("data", "info", *PATCHES[:2])
    assert "features: patches, 160 numbers an image" in done.out
    assert imgclf("data", "info", *PATCHES[:2], "--json").json["features"] == {"name": "patches", "size": 160}
    refused(2, "no room for a block", "data", "info", "-s", "features.cell=20")


@pytest.mark.parametrize(
    ("features", "words"),
    [("{name: hog_color}", "hog_color needs images in color, these are gray - take hog"),
     ("{cell: 20}", "features.cell: images of 28 x 28 pixels have no room for a block, 40 pixels a side"),
     ("{name: patches, number: 20000}", "10,000 patches, 20,000 are wanted"),
     ("{name: patches, cell: 3}", "features: features.cell: not a key of patches, but of hog, hog_color")],
)  # fmt: skip
def test_what_can_not_be_is_one_line(refused, features, words):
    refused(2, words, "train", "-s", f"features={features}", "-s", "data.limit=1000", "--out", "run")
    assert not Path("run").exists()
