"""EMNIST is upright, and its classes are digits and letters, in whichever files it comes."""

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.data.sources.csv import loading
from imgclf.data.sources.csv.unlabeled import read_unlabeled

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
UPRIGHT = [image.T.tolist() for image in IMAGES]


def write(path, labels):
    rows = [[label, *image.ravel()] for label, image in zip(labels, IMAGES, strict=True)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("name", "first", "classes"), [
    ("emnist-letters-train.csv", 1, "ABC"), ("emnist-balanced-test.csv", 9, "9AB"), ("emnist-digits.csv", 0, "012"),
    ("emnist-byclass-train.csv", 35, "Zab"),
])  # fmt: skip
def test_tables_of_emnist_are_known_by_their_names(tmp_path, name, first, classes):
    labels = [first + row % 3 for row in range(30)]
    (found,) = loading.load(write(tmp_path / name, labels), ("train", "test")).values()
    assert found.pixels(slice(None))[..., 0].tolist() == UPRIGHT
    assert [found.class_names[y] for y in found.y] == [classes[row % 3] for row in range(30)]


def test_other_tables_are_as_they_are(tmp_path):
    labels = [1 + row % 3 for row in range(30)]
    for name in ("letters-train.csv", "emnist-train.csv", "my-emnist-letters.csv"):
        (found,) = loading.load(write(tmp_path / name, labels), ("train",)).values()
        assert found.pixels(slice(None))[..., 0].tolist() == IMAGES.tolist()
        assert found.class_names == ("1", "2", "3")


def test_labels_that_the_set_does_not_have_stay_what_they_are(tmp_path):
    labels = [row % 3 for row in range(30)]  # letters begin with 1
    (found,) = loading.load(write(tmp_path / "emnist-letters-train.csv", labels), ("train",)).values()
    assert found.class_names == ("0", "1", "2")


def test_images_to_predict_are_upright_too(tmp_path):
    data = Dataset.of(IMAGES[..., None], np.arange(30) % 2, ("a", "b"))
    preprocess = fit_preprocess(data, scale=1, center="none", std="none", dtype="float32")
    given = [*read_unlabeled(write(tmp_path / "emnist-letters-test.csv", [1, 2, 3] * 10), preprocess)]
    assert np.concatenate([some.examples for some in given])[..., 0].tolist() == UPRIGHT
