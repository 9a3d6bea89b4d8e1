"""imgclf.load: a run predicts arrays, files and pictures, as `imgclf predict` does."""

import json
import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

import imgclf
from imgclf.config import resolve
from imgclf.errors import DataError, RunError, UsageError
from imgclf.run.session import train_run

N = 40
LABELS = np.arange(N) % 3
NAMES = np.array(["a cat", "dog", "emu"])


def images(channels, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 156, (N, 6, 5, channels)) + 45 * LABELS[:, None, None, None]).astype(np.uint8)


@pytest.fixture(params=[1, 3], ids=["gray", "color"])
def run(request, tmp_path):
    np.savez(tmp_path / "data.npz", X=images(request.param), y=NAMES[LABELS])
    settings = ["data.source=npz", f"data.path={tmp_path / 'data.npz'}", "train.epochs=3"]
    return train_run(resolve([], settings).config, tmp_path / "run").directory


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def test_it_says_of_files_and_pictures_what_the_command_says(run, tmp_path, imgclf, stack):
    given = tmp_path / "given"
    given.mkdir()
    rng = np.random.default_rng(1)
    pictures = {
        "gray.png": Image.fromarray(rng.integers(0, 256, (9, 14), dtype=np.uint8)),
        "color.png": Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)),
        "glass.png": Image.fromarray(rng.integers(0, 256, (6, 5, 4), dtype=np.uint8)),
        "palette.gif": Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).convert("P"),
        "deep.png": Image.fromarray(rng.integers(0, 1 << 16, (6, 5), dtype=np.uint16)),
        "black.png": Image.fromarray(rng.random((6, 5)) > 0.5),
    }
    turned = Image.Exif()
    turned[274] = 6
    for name, picture in pictures.items():
        picture.save(given / name, **({"exif": turned} if name == "gray.png" else {}))
    done = imgclf("predict", run, *(given / name for name in pictures), "--format", "json")
    said = json.loads(done.out)["predictions"]
    loaded = load(run)
    paths = [given / name for name in pictures]
    opened = [stack.enter_context(Image.open(path)) for path in paths]
    for some in (paths, [*map(str, paths)], opened):
        assert loaded.predict(some).tolist() == [one["class"] for one in said]
        expected = [[one["scores"][name] for name in loaded.classes] for one in said]
        assert loaded.scores(some).tolist() == pytest.approx(np.array(expected), abs=1e-6)
        expected = [[one["probabilities"][name] for name in loaded.classes] for one in said]
        assert loaded.probabilities(some) == pytest.approx(np.array(expected), abs=1e-6)
    assert loaded.predict(paths[0]).tolist() == loaded.predict(opened[0]).tolist() == [said[0]["class"]]


def load(run):
    return imgclf.load(run)


def test_arrays_have_one_meaning_however_they_are_stored(run):
    loaded = load(str(run))
    channels = loaded.model.input.example_shape[2]
    X = images(channels, seed=2)
    expected = loaded.scores(X)
    assert loaded.classes == ("a cat", "dog", "emu")
    assert expected.shape == (N, 3)
    assert loaded.predict(X).tolist() == [loaded.classes[best] for best in expected.argmax(axis=1)]
    for same in (X.astype(float), X.astype(np.int64), X.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3)):
        assert (loaded.scores(same) == expected).all()
    if channels == 1:
        assert (loaded.scores(X[..., 0]) == expected).all()
    larger = np.stack([np.asarray(Image.fromarray(image.squeeze()).resize((11, 9))) for image in X])
    assert loaded.scores(larger).shape == (N, 3)
    assert (load(run / "model.npz").scores(X) == expected).all()
    assert (loaded.scores(X[:1]) == expected[:1]).all()


def test_what_it_cannot_take_is_refused_in_a_line(run, tmp_path):
    loaded = load(run)
    with pytest.raises(DataError, match="give pixels of"):
        loaded.predict(images(1) / 255)
    with pytest.raises(
        DataError, match=r"of shape \(6, 5\), the model takes 6 x 5 (gray|color) - give an array \(n, 6, 5, "
    ):
        loaded.predict(np.zeros((6, 5), np.uint8))
    for other in ([], [1, 2], 3, None):
        with pytest.raises(DataError, match="neither an array nor pictures"):
            loaded.predict(other)
    with pytest.raises(DataError, match="no such file"):
        loaded.predict(tmp_path / "nothing.png")
    with pytest.warns(UserWarning, match="the model learned from images of larger values"):
        loaded.predict(images(1) // 255 + (images(1) > 99))
    with pytest.raises(RunError, match="no such run directory"):
        load(tmp_path / "nowhere")


def test_feature_vectors_are_arrays_and_other_losses_have_no_probabilities(tmp_path):
    X = np.random.default_rng(0).standard_normal((N, 4)) + 3 * np.eye(3, 4)[LABELS]
    np.savez(tmp_path / "data.npz", X=X, y=LABELS)
    settings = ["data.source=npz", f"data.path={tmp_path / 'data.npz'}", "model.loss=svm"]
    loaded = load(train_run(resolve([], settings).config, tmp_path / "run").directory)
    assert (loaded.predict(X) == LABELS.astype(str)).mean() > 0.9
    with pytest.raises(UsageError, match="loss svm has scores, and no probabilities"):
        loaded.probabilities(X)
    with pytest.raises(DataError, match=r"feature vectors, not on images.* give an array \(n, 4\)"):
        loaded.predict("a.png")
    with pytest.raises(DataError, match=r"give an array \(n, 4\)"):
        loaded.predict(X[:, :3])
    with pytest.raises(DataError, match="far too large"):
        loaded.predict(X * 1e300)


def test_what_the_command_says_of_floats_is_said_in_python(tmp_path):
    pixels = images(1)[..., 0].astype(float)
    loaded = {}
    for name, X in (("features", pixels / 50 - 2), ("halves", pixels / 127.5 - 1)):
        np.savez(tmp_path / f"{name}.npz", X=X, y=LABELS)
        settings = ["data.source=npz", f"data.path={tmp_path / name}.npz", "train.epochs=1"]
        loaded[name] = load(train_run(resolve([], settings).config, tmp_path / name).directory)
        loaded[name].predict(X)
        with_nan = X.copy()
        with_nan[3, 2, 1] = np.nan
        with pytest.raises(DataError, match="NaN or Inf in row 3"):
            loaded[name].predict(with_nan)
    with pytest.warns(UserWarning, match="far from the training data"):
        loaded["features"].predict(pixels)
    with pytest.warns(UserWarning, match=r"if these are of 0\.\.1, store 2 \* X - 1"):
        loaded["halves"].predict(pixels / 255)


def test_a_single_image_is_no_row_of_images(run):
    loaded = load(run)
    one = images(loaded.model.input.example_shape[2])[0]
    for alone in (one, one.astype(float), one[..., 0]):
        with pytest.raises(DataError, match=r"the model takes 6 x 5 .*image\[None\] for a single one"):
            loaded.predict(alone)
    assert len(loaded.predict(one[None])) == 1


def test_importing_imgclf_loads_next_to_nothing():
    script = "import imgclf, sys; imgclf.load; sys.exit('numpy' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
