import gzip
import struct

import numpy as np
import pytest

from imgclf.data.sources import idx, recognize
from imgclf.errors import DataError

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
    assert recognize(tmp_path) == "idx"


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


def test_a_file_may_be_there_zipped_and_plain_if_both_hold_the_same(folder):
    alone = idx.load(folder, ["train", "test"])
    for name in ("train-images-idx3", "t10k-images-idx3"):
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(idx_of(IMAGES)))
    (folder / "train-labels.idx1-ubyte").write_bytes(idx_of(LABELS))
    found = idx.load(folder, ["train", "test"])
    assert [found[split].files for split in alone] == [alone[split].files for split in alone]  # the unpacked ones
    for other in (IMAGES[::-1], IMAGES[:2]):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_of(other)))
        assert list(idx.load(folder, ["test"])) == ["test"]
        with pytest.raises(
            DataError, match=r"both train-images-idx3-ubyte and .*\.gz, which differ - keep one of them"
        ):
            idx.load(folder, ["train"])


def test_two_variants_in_one_folder_are_refused(tmp_path):
    for variant, labels in (("digits", LABELS), ("letters", LABELS + 1)):
        for name, array in (("images-idx3", IMAGES), ("labels-idx1", labels)):
            (tmp_path / f"emnist-{variant}-train-{name}-ubyte").write_bytes(idx_of(array))
    with pytest.raises(DataError, match=r"both emnist-digits-train-labels-.* and emnist-letters-.* differ"):
        idx.load(tmp_path, ["train"])


def test_a_folder_that_is_called_like_a_file_is_no_file_but_may_hold_one(folder):
    expected = idx.load(folder, ["train", "test"])["train"].fingerprint
    for path in [*folder.glob("*-ubyte")]:
        inside = path.with_name(path.name.replace("-ubyte", "-ubyte.gz"))
        inside.mkdir()
        (path.with_name(path.name.replace("-idx", ".idx"))).mkdir()
    assert idx.load(folder, ["train", "test"])["train"].fingerprint == expected
    for path in [*folder.glob("*idx?-ubyte")]:
        if path.is_file():
            away = path.rename(path.with_name("away"))
            path.mkdir()
            away.rename(path / path.name)
    assert idx.load(folder, ["train", "test"])["train"].fingerprint == expected
    assert recognize(folder) == "idx"


@pytest.mark.parametrize("place", ["raw", "MNIST/raw", "FashionMNIST/raw"])
def test_the_subfolder_of_torchvision_is_found(folder, tmp_path, place):
    expected = idx.load(folder, ["test"])["test"].fingerprint
    below = tmp_path / "above" / place
    below.mkdir(parents=True)
    for path in folder.iterdir():
        if path.is_file():
            path.rename(below / path.name)
    assert recognize(tmp_path / "above") == "idx"
    assert idx.load(tmp_path / "above", ["test"])["test"].fingerprint == expected
    other = tmp_path / "above" / "KMNIST" / "raw"
    other.mkdir(parents=True)
    (other / "train-images-idx3-ubyte").write_bytes(idx_of(IMAGES))
    with pytest.raises(DataError, match=f"both {place} and KMNIST/raw - name one of them"):
        recognize(tmp_path / "above")


@pytest.mark.parametrize("raw", [
    b"\xef\xbb\xbfB\xc3\xa4r\nelk\nfox\n", b"B\xc3\xa4r\r\nelk\r\nfox\r\n", b"B\xc3\xa4r\relk\rfox",
    b"Ba\xcc\x88r\nelk\nfox\n\n\n",
])  # fmt: skip
def test_class_names_are_the_same_however_an_editor_saves_them(folder, raw):
    (folder / "class_names.txt").write_bytes(raw)
    assert idx.load(folder, ["train"])["train"].class_names == ("Bär", "elk", "fox")


@pytest.mark.parametrize("raw", [b"a\na\nb\n", b"a\n\nb\n", b"\xff\nb\nc\n", b"a\tb\nc\nd\n", b""])
def test_class_names_must_be_different_words(folder, raw):
    (folder / "class_names.txt").write_bytes(raw)
    with pytest.raises(DataError, match=r"class_names\.txt"):
        idx.load(folder, ["train"])


def test_missing_data_is_reported(tmp_path):
    with pytest.raises(DataError, match="no IDX files"):
        idx.load(tmp_path, ["train"])
