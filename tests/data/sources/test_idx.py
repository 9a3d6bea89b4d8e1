import gzip
import struct

import numpy as np
import pytest

from imgclf.data.sources import idx, recognise
from imgclf.errors import DataError, UsageError

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([1, 0, 2, 1], np.uint8)


def idx_of(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


STYLES = {
    "official": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "with dots": ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    "EMNIST": ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_standard_names_are_read(tmp_path, style, zipped):
    for name, array in zip(STYLES[style], (IMAGES, LABELS), strict=True):
        raw = idx_of(array)
        (tmp_path / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw) if zipped else raw)
    found = idx.load(tmp_path, ["train", "val", "test"])
    assert list(found) == ["train"]
    assert found["train"].images[..., 0].tolist() == IMAGES.tolist()
    assert found["train"].y.tolist() == LABELS.tolist()
    assert found["train"].class_names == ("0", "1", "2")
    assert recognise(tmp_path) == "idx"


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx_of(IMAGES))
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_of(LABELS))
    (tmp_path / "class_names.txt").write_text("Bär\nelk\nfox\n\n", "utf-8")
    return tmp_path


def test_class_names_are_read_from_the_file_beside(folder):
    found = idx.load(folder, ["train", "test"])
    assert found["test"].class_names == found["train"].class_names == ("Bär", "elk", "fox")


def test_files_of_other_splits_are_not_opened(folder):
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / name).write_bytes(b"rubbish")
    assert list(idx.load(folder, ["train"])) == ["train"]
    with pytest.raises(DataError, match="t10k"):
        idx.load(folder, ["test"])


def test_images_and_labels_must_fit_together(folder):
    labels = folder / "train-labels-idx1-ubyte"
    labels.write_bytes(idx_of(LABELS[:3]))
    with pytest.raises(DataError, match="3 labels, but 4 images"):
        idx.load(folder, ["train"])
    labels.write_bytes(idx_of(np.array([0, 1, 255, 0], np.uint8)))
    with pytest.raises(DataError, match="label 255 of item 2"):
        idx.load(folder, ["train"])
    labels.unlink()
    with pytest.raises(DataError, match="labels of train are missing"):
        idx.load(folder, ["train"])


def test_a_file_that_is_there_zipped_and_plain_is_refused(folder):
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_of(IMAGES)))
    with pytest.raises(DataError, match="both"):
        idx.load(folder, ["train"])


@pytest.mark.parametrize("raw", [b"a\na\nb\n", b"a\n\nb\n", b"\xff\nb\nc\n", b"a\tb\nc\nd\n", b""])
def test_class_names_must_be_different_words(folder, raw):
    (folder / "class_names.txt").write_bytes(raw)
    with pytest.raises(DataError, match=r"class_names\.txt"):
        idx.load(folder, ["train"])


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"data\.path"):
        idx.load(None, ["train"])
    with pytest.raises(DataError, match="no IDX files"):
        idx.load(tmp_path, ["train"])
    with pytest.raises(DataError, match="no such file"):
        idx.load(tmp_path / "none", ["train"])
