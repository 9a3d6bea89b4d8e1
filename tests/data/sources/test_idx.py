import gzip
import struct

import numpy as np
import pytest

from imgclf.data.sources import idx, recognize
from imgclf.data.sources._beside import warnings as beside
from imgclf.errors import DataError

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([1, 0, 2, 1], np.uint8)


def idx_of(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


STYLES = {
    "official": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "with dots": ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    "with a name": ("my-letters-train-images-idx3-ubyte", "my-letters-train-labels-idx1-ubyte"),
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


@pytest.mark.parametrize(("names", "said"), [("one", "1 class name"), ("one\ntwo", "2 class names")])
def test_too_few_class_names_are_the_mistake_of_their_file(folder, names, said):
    (folder / "class_names.txt").write_text(names)
    problem = rf"class_names\.txt: {said}, but label \d of item \d in train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=rf"{problem} - write a name a line, for labels 0 to 2$"):
        idx.load(folder, ["train"])


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


def write_emnist(folder, variant, labels, images=IMAGES):
    for name, array in (("images-idx3", images), ("labels-idx1", np.array(labels, np.uint8))):
        (folder / f"emnist-{variant}-train-{name}-ubyte").write_bytes(idx_of(array))


EMNIST = {  # labels, and the classes that the list of the data set names for them
    "letters": ([1, 26, 2, 13], "AZBM", 26), "digits": ([0, 9, 4, 4], "0944", 10), "mnist": ([9, 1, 1, 0], "9110", 10),
    "balanced": ([9, 10, 36, 46], "9Aat", 47), "bymerge": ([35, 37, 40, 41], "Zbfg", 47),
    "byclass": ([0, 35, 36, 61], "0Zaz", 62),
}  # fmt: skip


@pytest.mark.parametrize("variant", EMNIST)
def test_emnist_is_upright_and_its_classes_are_digits_and_letters(tmp_path, variant):
    labels, names, classes = EMNIST[variant]
    write_emnist(tmp_path, variant, labels)
    train = idx.load(tmp_path, ["train"])["train"]
    assert [image[..., 0].tolist() for image in train.images] == [image.T.tolist() for image in IMAGES]
    assert [train.class_names[label] for label in train.y] == list(names)
    assert len(train.class_names) == classes
    assert train.remarks == ()


def test_a_label_that_emnist_does_not_have_is_refused_unless_the_classes_are_named(tmp_path):
    write_emnist(tmp_path, "letters", [1, 2, 0, 3])
    wrong = "label 0 of item 2, but there are 26 class names, from label 1 - name the classes in class_names.txt"
    with pytest.raises(DataError, match=f"-ubyte: {wrong}"):
        idx.load(tmp_path, ["train"])
    (tmp_path / "class_names.txt").write_text("a\nb\nc\nd\n")
    assert idx.load(tmp_path, ["train"])["train"].y.tolist() == [1, 2, 0, 3]


def test_of_several_sets_of_emnist_in_one_folder_one_is_named(tmp_path):
    write_emnist(tmp_path, "digits", LABELS)
    write_emnist(tmp_path, "letters", LABELS + 1)
    with pytest.raises(DataError, match="holds several sets of EMNIST, digits, letters - name a file of one, such as"):
        idx.load(tmp_path, ["train"])
    for variant, names in (("digits", "1021"), ("letters", "BACB")):
        for kind in ("images-idx3", "labels-idx1"):
            path = tmp_path / f"emnist-{variant}-train-{kind}-ubyte"
            assert recognize(path) == "idx"
            train = idx.load(path, ["train"])["train"]
            assert [train.class_names[label] for label in train.y] == list(names)


def test_class_folders_beside_are_named_in_a_warning(folder):
    assert beside("idx", folder) == []
    for name in ("cat", "dog"):
        (folder / "train" / name).mkdir(parents=True)
        (folder / "train" / name / "1.png").touch()
    (warning,) = beside("idx", folder)
    assert "the IDX files are read, not the class folders train/cat, train/dog; to change" in warning


def test_two_names_in_one_folder_must_hold_the_same(tmp_path):
    for variant, images in (("my", IMAGES), ("your", IMAGES[::-1])):
        (tmp_path / f"{variant}-train-images-idx3-ubyte").write_bytes(idx_of(images))
        (tmp_path / f"{variant}-train-labels-idx1-ubyte").write_bytes(idx_of(LABELS))
    with pytest.raises(DataError, match=r"both my-train-images-.* and your-train-.* differ"):
        idx.load(tmp_path, ["train"])


def test_numbers_that_are_no_label_are_no_classes_and_it_is_said(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_of(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_of(LABELS * 2 + 1))
    train = idx.load(tmp_path, ["train"])["train"]
    assert [train.class_names[label] for label in train.y] == ["3", "1", "5", "3"]
    assert train.class_names == ("1", "3", "5")
    assert "no label is 0, 2, 4" in train.remarks[0]


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


@pytest.mark.parametrize("place", ["raw", "MNIST/raw", "FashionMNIST/raw", "EMNIST/raw"])
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
