"""Packs: anything but a valid, finished pack is one DataError."""

import json
import os

import numpy as np
import pytest

from children import in_child
from imgclf.data.dataset import Dataset
from imgclf.data.packs.pack import INDEX, is_pack, open_pack
from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import pack, recognize
from imgclf.errors import DataError

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2, 1)
FEATURES = np.arange(8.0).reshape(4, 2)
LABELS = np.array([2, 0, 1, 2])
NAMES = ("a", "b", "c")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    folder = tmp_path / "packed"
    folder.mkdir()
    parts = {"train": Dataset.of(IMAGES, LABELS, NAMES), "test": Dataset.of(FEATURES, LABELS, NAMES)}
    list(write_pack(folder, {split: Content.of(one) for split, one in parts.items()}, "f"))
    return folder


def test_only_the_splits_asked_for_are_opened(folder):
    (folder / "test_images.npy").write_bytes(b"rubbish")
    found = pack.load(folder, ["train", "val"])
    assert list(found) == ["train"]
    np.testing.assert_array_equal(found["train"].images, IMAGES)
    assert found["train"].y.tolist() == LABELS.tolist()
    assert found["train"].class_names == NAMES


def test_a_pack_is_recognized(folder, tmp_path):
    assert recognize(folder) == "pack"
    assert not is_pack(tmp_path)


def saved(name, array):
    return lambda folder: np.save(folder / name, array)


def index(**changes):
    def change(folder):
        content = json.loads((folder / INDEX).read_text())
        for key, value in changes.items():
            (content["splits"]["train"] if key in content["splits"]["train"] else content)[key] = value
        (folder / INDEX).write_text(json.dumps(content))

    return change


BROKEN = {
    "fewer images": (saved("train_images.npy", IMAGES[:3]), "not 4 images"),
    "images of 16 bits": (saved("train_images.npy", IMAGES.astype(np.uint16)), "images are uint16"),
    "images of two channels": (saved("train_images.npy", IMAGES.reshape(4, 3, 1, 2)), "images are uint8"),
    "one number": (saved("train_images.npy", np.uint8(3)), "not 4 images"),
    "images cut off": (lambda f: (f / "train_images.npy").write_bytes(b"\x93NUMPY"), "not an array"),
    "no images": (lambda f: (f / "train_images.npy").unlink(), "no such file"),
    "fewer labels": (saved("train_labels.npy", np.uint8([1, 2])), "not 4 unsigned labels"),
    "signed labels": (saved("train_labels.npy", LABELS), "not 4 unsigned labels"),
    "a label beyond the names": (saved("train_labels.npy", np.uint8([0, 1, 3, 2])), "label 3 in row 2, not"),
    "NaN": (saved("test_images.npy", np.where(FEATURES == 5, np.nan, FEATURES)), "NaN or Inf in row 2"),
    "Inf": (saved("test_images.npy", np.where(FEATURES == 0, np.inf, FEATURES)), "NaN or Inf in row 0"),
    "no JSON": (lambda f: (f / INDEX).write_text("{"), "not the index of a pack"),
    "JSON that is deep": (lambda f: (f / INDEX).write_text("[" * 100_000), "not the index of a pack"),
    "JSON of something else": (lambda f: (f / INDEX).write_text("[1]"), "not the index of a pack"),
    "not UTF-8": (lambda f: (f / INDEX).write_bytes(b"\xff\xfe\xfd"), "not the index of a pack"),
    "another format": (index(format="imgclf pack 9"), "format 'imgclf pack 9'"),
    "no splits": (index(splits={}), "no split"),
    "splits of another kind": (index(splits=[1]), "not the index of a pack"),
    "a split that climbs": (index(splits={"../x": {"images": 1, "done": 1, "class_names": ["a"]}}), "split '../x'"),
    "a fingerprint that is a number": (index(fingerprint=3), "no fingerprint"),
    "true images": (index(images=True), "split 'train'"),
    "no rows": (index(images=0, done=0), "0 of 0"),
    "more done than there are": (index(done=5), "5 of 4"),
    "images of 1,000 digits": (index(images=10**1000), "999|000 images"),
    "unfinished": (index(done=3), "an unfinished pack, 7 of 8 images - repeat the command that began it"),
    "names twice": (index(class_names=["a", "b", "a"]), "two classes"),
    "names that are numbers": (index(class_names=[1, 2, 3]), "not UTF-8 text"),
    "names that are one text": (index(class_names="abc"), "its class names are not a list"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_content_is_one_data_error(folder, name):
    breaks, words = BROKEN[name]
    breaks(folder)
    with pytest.raises(DataError, match=words) as caught:
        open_pack(folder, ["train", "test"])
    assert "\n" not in str(caught.value)


def test_a_pack_that_is_cut_while_it_is_in_use_is_an_error_and_not_the_end(folder):
    """In a child: whoever touches what is gone is ended by SIGBUS."""
    big = Dataset.of(np.zeros((9000, 3, 2, 1), np.uint8), np.zeros(9000, int), ("a", "b"))
    (folder / INDEX).unlink()
    list(write_pack(folder, {"train": Content.of(big)}, "f"))

    def cut(name, look):
        data = pack.load(folder, ["train"])["train"]
        os.truncate(folder / name, 4096)
        with pytest.raises(DataError, match=f"{name}: became shorter while it was in use"):
            look(data)

    for name, look in (
        ("train_labels.npy", lambda data: data.y),
        ("train_images.npy", lambda data: data.pixels(np.arange(9000))),
        ("train_images.npy", lambda data: data.fingerprint),
    ):
        saved = (folder / name).read_bytes()
        assert in_child(cut, name, look) == 0, name
        (folder / name).write_bytes(saved)


def test_a_pack_replaced_while_in_use_keeps_its_old_content(folder):
    data = pack.load(folder, ["train"])["train"]
    (folder / "train_images.npy").unlink()
    assert data.pixels(np.arange(4)).tobytes() == IMAGES.tobytes()
