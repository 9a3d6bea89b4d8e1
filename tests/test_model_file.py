"""Model files: what was saved is what is loaded; anything else is one clear error."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from imgclf.data.preprocess import Preprocess
from imgclf.errors import RunError
from imgclf.model_file import Model, load_model, model_bytes


def model(dtype="float32", mean=True, std=True):
    rng = np.random.default_rng(0)

    def part(wanted):
        return rng.random(12).astype(dtype) + 1 if wanted else None

    preprocess = Preprocess((2, 2, 3), 255.0, part(mean), part(std), dtype)
    return Model(rng.random((13, 2)).astype(dtype), preprocess, ("cat", 'a "dög"'), "svm", 1e-4, 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("mean", "std"), [(True, True), (True, False), (False, False)])
def test_a_model_comes_back_to_the_bit(tmp_path, dtype, mean, std):
    saved = model(dtype, mean, std)
    path = tmp_path / "model.npz"
    path.write_bytes(model_bytes(saved))
    loaded = load_model(path)
    assert loaded.weights.tobytes() == saved.weights.tobytes()
    assert loaded.weights.dtype == dtype
    for one, other in ((loaded.preprocess.mean, saved.preprocess.mean), (loaded.preprocess.std, saved.preprocess.std)):
        assert (one is None and other is None) or one.tobytes() == other.tobytes()
    assert (loaded.class_names, loaded.loss, loaded.l2, loaded.l1) == (saved.class_names, "svm", 1e-4, 0.0)
    assert model_bytes(loaded) == model_bytes(saved)


def rewritten(path, **changes):
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    for key, value in changes.items():
        if key in about:
            about[key] = value
        elif value is None:
            del arrays[key]
        else:
            arrays[key] = value
    arrays["about"] = np.array(json.dumps(about))
    np.savez(path, **arrays)


@pytest.mark.parametrize("change", [
    {"format": 99}, {"loss": "mystery"}, {"class_names": ["one"]}, {"class_names": [1, 2]}, {"class_names": "ab"},
    {"example_shape": [12]}, {"example_shape": [4, 4, 3]}, {"example_shape": [-2, -2, 3]}, {"scale": "x"},
    {"scale": 0}, {"scale": float("nan")}, {"l2": -1}, {"l2": None}, {"class_names": ["a", "a"]},
    {"weights": np.full((13, 2), np.nan, np.float32)}, {"weights": np.zeros(26, np.float32)},
    {"weights": np.zeros((13, 2), np.int64)}, {"weights": None}, {"mean": None}, {"extra": np.zeros(3)},
    {"mean": np.zeros(3, np.float32)}, {"format": "x" * 5000}, {"loss": "x" * 5000}, {"scale": 10**400},
    {"arrays": ["x" * 5000]}, {"class_names": ["a", "\x1b[2J"]}, {"class_names": ["a", "b\nc"]},
    {"class_names": ["a", " "]}, {"example_shape": [3, 2, 2]}, {"example_shape": [(1 << 62) + 1, 4, 3]},
    {"example_shape": [True, 4, 3]},
    {"mean": np.zeros(12)}, {"mean": np.full(12, np.inf, np.float32)}, {"std": np.zeros(12, np.float32)},
])  # fmt: skip
def test_a_model_file_that_lies_is_refused(tmp_path, change):
    path = tmp_path / "model.npz"
    path.write_bytes(model_bytes(model()))
    if "example_shape" in change and change["example_shape"] == [12]:
        change = {"example_shape": [13]}
    rewritten(path, **change)
    with pytest.raises(RunError) as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300 + len(str(path))


def test_lists_too_deep_for_python_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    with np.load(io.BytesIO(model_bytes(model()))) as file:
        np.savez(path, **{**file, "about": np.array('{"format": ' + "[" * 100_000)})
    with pytest.raises(RunError):
        load_model(path)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    for name, content in (("empty", b""), ("html", b"<html>"), ("cut", model_bytes(model())[:-30])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RunError):
            load_model(tmp_path / name)
    np.savez(tmp_path / "other.npz", X=np.zeros(3))
    with pytest.raises(RunError):
        load_model(tmp_path / "other.npz")
    with pytest.raises(RunError, match="no model file"):
        load_model(tmp_path / "absent.npz")


def test_damage_never_goes_unseen_as_another_model(tmp_path):
    content = bytearray(model_bytes(model()))
    path = tmp_path / "model.npz"
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load_model(path)
        except RunError:
            continue
        assert model_bytes(loaded) == content


def test_parts_that_do_not_fit_make_no_model():
    good = model()
    with pytest.raises(ValueError, match="weights are"):
        replace(good, weights=good.weights[:-1])
    with pytest.raises(ValueError, match="float64"):
        replace(good, weights=good.weights.astype(np.float64))
