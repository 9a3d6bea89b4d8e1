"""Model files: what was saved is what is loaded; anything else is one clear error."""

import io
import json
import random
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.data.dataset import Dataset, InputFormat
from imgclf.data.features.fitted import Features
from imgclf.data.preprocess import Preprocess
from imgclf.errors import RunError
from imgclf.files.form import Form
from imgclf.files.sealed_npz import SEAL, sealed_npz
from imgclf.run.model_file import load_model, model_bytes
from imgclf.training.classifier import Model


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


def test_how_images_are_resized_is_kept_and_is_squash_where_nothing_is_said(tmp_path):
    path, saved = tmp_path / "model.npz", model()
    assert b"resize" not in model_bytes(saved)  # as before there was a choice
    cropping = replace(saved, preprocess=replace(saved.preprocess, resize="crop"))
    for one, how in ((saved, "squash"), (cropping, "crop")):
        path.write_bytes(model_bytes(one))
        assert load_model(path).preprocess.resize == how
        assert model_bytes(load_model(path)) == model_bytes(one)
    for wrong in ("stretch", None, ["crop"]):
        path.write_bytes(model_bytes(cropping))
        rewritten(path, resize=wrong)
        with pytest.raises(RunError, match="not a model file of imgclf"):
            load_model(path)


def test_a_norm_comes_back_and_without_one_the_file_is_that_of_earlier_versions(tmp_path):
    plain = model()
    assert b"norm" not in model_bytes(plain)
    path = tmp_path / "model.npz"
    path.write_bytes(model_bytes(replace(plain, preprocess=replace(plain.preprocess, norm="l2"))))
    assert load_model(path).preprocess.norm == "l2"
    for norm in ("l1", 2, ["l2"], "x" * 5000):
        rewritten(path, norm=norm)
        with pytest.raises(RunError, match="unknown norm"):
            load_model(path)


def test_how_files_are_read_comes_back_and_where_nothing_is_known_the_file_is_that_of_earlier_versions(tmp_path):
    path, plain = tmp_path / "model.npz", model()
    assert b"input_format" not in model_bytes(plain)
    known = replace(plain, preprocess=Preprocess((12,), 1.0, None, None, "float32"))
    for one in (
        replace(plain, input_format=InputFormat((), "0..1")),
        replace(known, input_format=InputFormat(tuple("abcdefghijkl"), "features")),
    ):
        path.write_bytes(model_bytes(one))
        assert load_model(path).input_format == one.input_format
        assert model_bytes(load_model(path)) == model_bytes(one)
    names = list("abcdefghijkl")
    for wrong in (None, ["0..1"], {"floats": 1}, {"columns": "abcdefghijkl"}, {"columns": names[1:]}, {"more": 1},
                  {"columns": [*names[1:], "b"]}, {"columns": [*names[1:], 7]}, {"columns": None}):  # fmt: skip
        path.write_bytes(model_bytes(one))
        rewritten(path, input_format=wrong)
        with pytest.raises(RunError, match="not a model file of imgclf"):
            load_model(path)


def with_features(name="patches", **options):
    train = Dataset.of(np.arange(8 * 192, dtype=np.uint8).reshape(8, 8, 8, 3), np.arange(8) % 2, ("cat", "dog"))
    options = resolve(
        overrides=[f"features={{name: {name}, cell: 2}}"]
        if name == "hog"
        else ["features={name: patches, number: 3, patch: 3, pool: 2}"]
    ).config.features.model_dump(exclude={"name"})
    features = Features.fit(name, options, train, 0, "crop")
    plain = Preprocess((features.size,), 1.0, None, np.ones(features.size, np.float32), "float32")
    weights = np.ones((features.size + 1, 2), np.float32)
    return Model(weights, plain, ("cat", "dog"), "svm", 1e-4, 0.0, None, features)


@pytest.mark.parametrize("name", ["hog", "patches"])
def test_features_come_back_to_the_bit(tmp_path, name):
    saved, path = with_features(name), tmp_path / "model.npz"
    path.write_bytes(model_bytes(saved))
    loaded = load_model(path)
    assert loaded.features.fingerprint == saved.features.fingerprint
    assert loaded.input.form == saved.input.form == Form((8, 8), "rgb", "crop")
    assert model_bytes(loaded) == model_bytes(saved)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    assert loaded.vectors(images).tobytes() == saved.vectors(images).tobytes()
    assert b"features" not in model_bytes(model())  # the file of a model of pixels is that of earlier versions


def test_features_that_do_not_fit_are_one_clear_error(tmp_path):
    path = tmp_path / "model.npz"
    good = with_features()
    said = {"name": "patches", "options": dict(good.features.options), "example_shape": [8, 8, 3], "resize": "crop"}
    for wrong in (
        None, 3, [], {}, said | {"name": "sift"}, said | {"name": ["hog"]}, said | {"resize": "stretch"},
        said | {"example_shape": [8, 8]}, said | {"example_shape": [8, 8, 2]}, said | {"example_shape": [8, 8, 1]},
        said | {"example_shape": [8, 1 << 20, 3]}, said | {"example_shape": [2, 2, 3]}, said | {"options": 3},
        said | {"options": {"number": 4}}, said | {"options": {"number": 10**9}}, said | {"options": {"zzz": 1}},
        said | {"more": 1},
    ):  # fmt: skip
        path.write_bytes(model_bytes(good))
        rewritten(path, features=wrong)
        with pytest.raises(RunError):
            load_model(path)
    for name, array in (("features/shift0", np.full(27, np.nan, "f4")), ("features/shift0", np.zeros(3, "f4")),
                        ("features/more", np.zeros(3)), ("features/shift0", np.zeros(27, "i4"))):  # fmt: skip
        with np.load(io.BytesIO(model_bytes(good))) as file:
            arrays = {key: file[key] for key in file.files if key != SEAL} | {name: array}
        path.write_bytes(sealed_npz(arrays))
        with pytest.raises(RunError):
            load_model(path)


def rewritten(path, **changes):
    """Write a model anew with changes in what it says, and a checksum that is right."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != SEAL}
    about = json.loads(str(arrays["about"]))
    for key, value in changes.items():
        if key in about:
            about[key] = value
        elif value is None:
            del arrays[key]
        else:
            arrays[key] = value
    arrays["about"] = np.array(json.dumps(about))
    path.write_bytes(sealed_npz(arrays))


@pytest.mark.parametrize("change", [
    {"format": 99}, {"loss": "mystery"}, {"class_names": ["one"]}, {"class_names": [1, 2]}, {"class_names": "ab"},
    {"example_shape": [12]}, {"example_shape": [4, 4, 3]}, {"example_shape": [-2, -2, 3]}, {"scale": "x"},
    {"scale": 0}, {"scale": float("nan")}, {"l2": -1}, {"l2": None}, {"class_names": ["a", "a"]},
    {"weights": np.full((13, 2), np.nan, np.float32)}, {"weights": np.zeros(26, np.float32)},
    {"weights": np.zeros((13, 2), np.int64)}, {"weights": None}, {"extra": np.zeros(3)},
    {"mean": np.zeros(3, np.float32)}, {"format": "x" * 5000}, {"loss": "x" * 5000}, {"scale": 10**400},
    {"class_names": ["a", "\x1b[2J"]}, {"class_names": ["a", "b\nc"]},
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
        arrays = {name: file[name] for name in file.files if name != SEAL}
    path.write_bytes(sealed_npz(arrays | {"about": np.array('{"format": ' + "[" * 100_000)}))
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


def as_itself_or_not_at_all(path, raw, content):
    path.write_bytes(raw)
    try:
        return model_bytes(load_model(path)) == content
    except RunError:
        return True


def test_every_bit_that_flips_is_noticed(tmp_path):
    content = model_bytes(model(mean=False, std=False))
    for place in range(len(content)):
        raw = bytearray(content)
        raw[place] ^= 1 << place % 8
        assert as_itself_or_not_at_all(tmp_path / "model.npz", raw, content), place


def test_a_change_that_the_zip_does_not_notice_is_noticed(tmp_path):
    """Its checksums are right again, as whatever rewrites a zip makes them."""
    whole, draw = model_bytes(model()), random.Random(0)
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    for name, raw in members.items():
        for _ in range(50):
            changed = bytearray(raw)
            changed[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
            with zipfile.ZipFile(buffer := io.BytesIO(), "w") as file:
                for each, content in members.items():
                    file.writestr(each, bytes(changed) if each == name else content)
            assert as_itself_or_not_at_all(tmp_path / "model.npz", buffer.getvalue(), whole)


@pytest.mark.parametrize("change", [
    {"mean": "std", "std": "mean"}, {"mean": None}, {"mean": None, "std": None}, {SEAL: None}, {"std": "mean"},
])  # fmt: skip
def test_arrays_that_change_places_or_go_are_noticed(tmp_path, change):
    with np.load(io.BytesIO(model_bytes(model()))) as file:
        arrays = {name: file[name] for name in file.files}
    moved = {name: arrays[change.get(name, name)] for name in arrays if change.get(name, name)}
    np.savez(tmp_path / "model.npz", **moved)
    with pytest.raises(RunError, match=r"checksum|it holds"):
        load_model(tmp_path / "model.npz")


def test_parts_that_do_not_fit_make_no_model():
    good = model()
    with pytest.raises(ValueError, match="weights are"):
        replace(good, weights=good.weights[:-1])
    with pytest.raises(ValueError, match="float64"):
        replace(good, weights=good.weights.astype(np.float64))
