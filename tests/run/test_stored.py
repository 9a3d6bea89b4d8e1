"""What version 0.1.0 left on a disk is read by this one, and means the same: a model, features, a run to resume."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imgclf.files.sealed_npz import FORMAT, sealed_npz

STORED = Path(__file__).parent / "stored" / "0.1.0"
SCORES = json.loads((STORED / "scores.json").read_text())  # of the first images, as that version printed them
NAMES = ("top", "middle", "bottom")
MODELS = {"run": "run", "hog": "hog.npz", "patches": "patches.npz"}


@pytest.fixture
def project(tmp_path):
    """That version's files, in another folder than they were made in."""
    shutil.copytree(STORED, tmp_path, dirs_exist_ok=True)
    return tmp_path


def arrays(path):
    with np.load(path) as file:
        return dict(file)


def predictions(imgclf, project, model):
    done = imgclf("predict", project / MODELS[model], project / "images.npz", "--format", "json")
    assert done.code == 0, done.err
    found = done.json["predictions"]
    return np.array([[one["scores"][name] for name in NAMES] for one in found]), [one["class"] for one in found]


@pytest.mark.parametrize("model", MODELS)
def test_a_stored_model_gives_the_scores_it_gave(imgclf, project, model):
    scores, classes = predictions(imgclf, project, model)
    some = len(SCORES[model])
    np.testing.assert_allclose(scores[:some], SCORES[model], rtol=1e-4, atol=1e-5)
    assert classes[:some] == [NAMES[label] for label in np.argmax(SCORES[model], axis=1)]


def test_a_stored_model_predicts_what_its_arrays_say_by_hand(imgclf, project):
    stored, images = arrays(project / "run" / "model.npz"), arrays(project / "images.npz")
    W = stored["weights"].astype(float)
    x = (images["X"].reshape(-1, 36) / 255 - stored["mean"].astype(float)) / stored["std"]
    by_hand = x @ W[:-1] + W[-1]
    scores, classes = predictions(imgclf, project, "run")
    # The rounding of a sum of D + 1 products in float32, and of the numbers that go into it.
    bound = 2 * (len(W) + 4) * 2**-24 * (np.abs(x) @ np.abs(W[:-1]) + np.abs(W[-1]))
    assert (np.abs(scores - by_hand) <= bound).all()
    assert classes == [NAMES[label] for label in np.argmax(by_hand, axis=1)]


def of_a_newer_version(raw):
    stored = dict(np.load(io.BytesIO(raw)))
    del stored["sha256"]
    about = json.loads(str(stored["about"])) | {"format": FORMAT + 1}
    return sealed_npz(stored | {"about": np.array(json.dumps(about))})


@pytest.mark.parametrize(("change", "says"), [
    (of_a_newer_version, "model.npz: not a model file of imgclf (format 2 needs a newer imgclf)"),
    (lambda raw: raw[: len(raw) // 2], "model.npz: damaged, or not an npz file"),
    (lambda raw: raw[:800] + bytes([raw[800] ^ 1]) + raw[801:], "model.npz: damaged, or not an npz file"),
])  # fmt: skip
def test_a_stored_model_that_cannot_be_read_is_one_line(imgclf, project, change, says):
    path = project / "run" / "model.npz"
    path.write_bytes(change(path.read_bytes()))
    for command in (["predict", project / "run", project / "images.npz"], ["eval", project / "run", "--split", "val"]):
        done = imgclf(*command)
        assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
        assert says in done.err


def test_a_stored_checkpoint_resumes_and_ends_as_a_run_of_today(imgclf, project):
    stored = arrays(project / "run" / "checkpoint.npz")
    resumed = imgclf("train", "--resume", project / "run", "-s", "train.epochs=3", "--no-plots", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json["epochs"] == 3
    config = project / "run" / "config.yaml"
    whole = imgclf("train", "-c", config, "-s", f"data.path={project}/images.npz", "--no-plots", "--out", "whole")
    assert whole.code == 0, whole.err
    ended = {name: arrays(project / name / "checkpoint.npz") for name in ("run", "whole")}
    for name in ("weights", *(name for name in stored if name.startswith("memory/"))):
        np.testing.assert_allclose(ended["run"][name], ended["whole"][name], rtol=1e-4, atol=1e-6)  # other processors
    assert not np.array_equal(ended["run"]["weights"], stored["weights"])
