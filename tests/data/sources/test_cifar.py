import gzip
import shutil
import tarfile

import numpy as np
import pytest

from imgclf.data.sources import cifar10, cifar100, recognize
from imgclf.errors import DataError

BOTH = ("train", "test")
FORMS = ("", "cifar-10-batches-py", "cifar-10-batches-bin", "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")


@pytest.fixture(name="ten")
def ten_fixture(tmp_path, cifar):
    return tmp_path / "data", cifar.write_10(tmp_path / "data")


@pytest.fixture(name="hundred")
def hundred_fixture(tmp_path, cifar):
    return tmp_path / "data", cifar.write_100(tmp_path / "data")


def test_pixels_are_in_the_order_of_the_format(ten):
    root, made = ten
    train = cifar10.load(root / "cifar-10-batches-py", ["train"])["train"]
    data = np.concatenate([made[f"data_batch_{n}"][0] for n in range(1, 6)])
    assert train.images.shape == (40, 32, 32, 3)
    for row, y, x, channel in [(0, 0, 0, 0), (7, 3, 30, 1), (39, 31, 31, 2), (20, 0, 31, 2), (20, 31, 0, 0)]:
        assert train.images[row, y, x, channel] == data[row, channel * 1024 + y * 32 + x]
    assert train.y.tolist() == [label for n in range(1, 6) for label in made[f"data_batch_{n}"][1]]


def test_every_form_gives_the_same_bytes(ten, cifar):
    root, _ = ten
    found = [cifar10.load(root / form, BOTH) for form in FORMS]
    for split in BOTH:
        assert len({one[split].fingerprint for one in found}) == 1
    assert {one["train"].class_names for one in found} == {tuple(cifar.ten)}


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_every_form_of_cifar_100_gives_the_same_bytes(hundred, cifar, labels):
    root, made = hundred
    with tarfile.open(root / "cifar-100-python.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(root / "cifar-100-python", "cifar-100-python")
    forms = ("", "cifar-100-python", "cifar-100-binary", "cifar-100-python.tar.gz")
    found = [cifar100.load(root / form, BOTH, labels=labels) for form in forms]
    for split in BOTH:
        assert len({one[split].fingerprint for one in found}) == 1
    fine = np.array(made["train"][1])
    assert found[0]["train"].y.tolist() == (fine if labels == "fine" else fine // 5).tolist()
    assert list(found[0]["test"].class_names) == (cifar.hundred if labels == "fine" else cifar.twenty)


@pytest.mark.parametrize("form", ["cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"])
def test_the_folder_that_an_archive_was_downloaded_into_will_do(ten, tmp_path, form):
    root, _ = ten
    around = tmp_path / "around"
    around.mkdir()
    shutil.copy(root / form, around)
    assert recognize(around) == "cifar10"
    found, expected = cifar10.load(around, BOTH), cifar10.load(root, BOTH)
    assert {split: one.fingerprint for split, one in found.items()} == {
        split: one.fingerprint for split, one in expected.items()
    }
    shutil.copytree(root / "cifar-10-batches-py", around / "cifar-10-batches-py")
    (around / form).write_bytes(b"rubbish")  # what is unpacked already is read instead
    assert cifar10.load(around, ["train"])["train"].fingerprint == expected["train"].fingerprint


@pytest.mark.parametrize("form", FORMS[1:])
def test_files_of_other_splits_are_not_opened(ten, form):
    root, _ = ten
    folder = root / FORMS[1 if "py" in form else 2]
    for broken in folder.glob("test_batch*"):
        broken.write_bytes(b"rubbish")
    if form.endswith("gz"):
        with tarfile.open(root / form, "w:gz") as tar:
            tar.add(folder, folder.name)
    assert list(cifar10.load(root / form, ["train", "val"])) == ["train"]
    with pytest.raises(DataError, match="test_batch"):
        cifar10.load(root / form, ["test"])


@pytest.mark.parametrize("zipped", [False, True])
def test_all_missing_files_are_named_in_one_error(ten, zipped):
    root, _ = ten
    folder = root / "cifar-10-batches-py"
    for name in ("data_batch_2", "data_batch_5", "batches.meta"):
        (folder / name).unlink()
    path = folder
    if zipped:
        path = root / "cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(folder, folder.name)
    with pytest.raises(DataError, match=r"batches\.meta, data_batch_2, data_batch_5"):
        cifar10.load(path, ["train"])


def test_a_batch_may_have_any_number_of_rows(ten, cifar):
    root, _ = ten
    batch = {"data": np.zeros((1, 3072), np.uint8), "labels": [9]}
    (root / "cifar-10-batches-py" / "data_batch_3").write_bytes(cifar.pickle(batch))
    assert len(cifar10.load(root, ["train"])["train"]) == 40 - 8 + 1


PIXELS = np.zeros((2, 3072), np.uint8)
BAD_BATCHES = {
    "CIFAR-100 keys": {"data": PIXELS, "fine_labels": [0, 1]},
    "no pixels": {"labels": [0, 1]},
    "pixels as text": {"data": "x", "labels": [0, 1]},
    "no dict": [1, 2],
    "a column missing": {"data": PIXELS[:, :3071], "labels": [0, 1]},
    "no rows": {"data": PIXELS[:0], "labels": []},
    "a label missing": {"data": PIXELS, "labels": [0]},
    "label -1": {"data": PIXELS, "labels": [0, -1]},
    "label 10": {"data": PIXELS, "labels": [0, 10]},
    "label 1.0": {"data": PIXELS, "labels": [0, 1.0]},
    "keys that cannot be printed": {"\x01" * 30 + str(n): 1 for n in range(6)},
    "label 2**31": {"data": PIXELS, "labels": [0, 2**31]},
    "label True": {"data": PIXELS, "labels": [0, True]},
    "label as text": {"data": PIXELS, "labels": [0, "1"]},
    "labels as a tuple": {"data": PIXELS, "labels": (0, 1)},
    "16 bits": {"data": PIXELS.astype(np.uint16), "labels": [0, 1]},
    "objects": {"data": PIXELS.astype(object), "labels": [0, 1]},
    "Fortran order": {"data": np.asfortranarray(PIXELS), "labels": [0, 1]},
}


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_a_bad_batch_is_one_data_error_that_names_it(ten, cifar, name):
    root, _ = ten
    path = root / "cifar-10-batches-py" / "data_batch_4"
    path.write_bytes(cifar.pickle(BAD_BATCHES[name]))
    with pytest.raises(DataError, match="data_batch_4") as caught:
        cifar10.load(root, ["train"])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250 + len(str(path))


@pytest.mark.parametrize("raw", [b"", bytes(3072), bytes(3074), b"\x0a" + bytes(3072)])
def test_a_bad_binary_batch_is_one_data_error(ten, raw):
    root, _ = ten
    (root / "cifar-10-batches-bin" / "data_batch_1.bin").write_bytes(raw)
    with pytest.raises(DataError, match="data_batch_1"):
        cifar10.load(root / "cifar-10-batches-bin", ["train"])


@pytest.mark.parametrize("names", [["a"] * 10, ["a", "b"], ["x\ny", *"bcdefghij"], ["", *"bcdefghij"], "abc", [1] * 10])
def test_class_names_must_be_ten_different_words(ten, cifar, names):
    root, _ = ten
    (root / "cifar-10-batches-py" / "batches.meta").write_bytes(cifar.pickle({"label_names": names}))
    with pytest.raises(DataError, match=r"batches\.meta"):
        cifar10.load(root, ["train"])


def test_missing_data_is_reported(tmp_path, hundred):
    root, _ = hundred
    for path, words in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "no cifar-10-batches-py"),
        (root, "no cifar-10"),
    ):
        with pytest.raises(DataError, match=words):
            cifar10.load(path, ["train"])
    empty = tmp_path / "empty.tar.gz"
    empty.write_bytes(gzip.compress(bytes(10240)))
    with pytest.raises(DataError, match="no cifar-10"):
        cifar10.load(empty, ["train"])


def test_every_form_is_recognized(ten, hundred):
    root, _ = ten
    assert {recognize(root / form) for form in FORMS} == {"cifar10"}
    assert {recognize(root / form) for form in ("cifar-100-python", "cifar-100-binary")} == {"cifar100"}
    shutil.copy(root / "cifar-10-python.tar.gz", root / "mine.tgz")
    assert recognize(root / "mine.tgz") == "cifar10"


@pytest.mark.parametrize("first", [".", "./._cifar-10-batches-py", "pax_global_header"])
def test_an_archive_made_in_the_folder_around_is_recognized(ten, first):
    root, _ = ten
    path = root / "gnu.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo(first)
        member.type = tarfile.DIRTYPE if first == "." else tarfile.REGTYPE
        tar.addfile(member)
        tar.add(root / "cifar-10-batches-py", "./cifar-10-batches-py")
    assert recognize(path) == "cifar10"
    found, expected = cifar10.load(path, BOTH), cifar10.load(root, BOTH)
    assert all(found[split].fingerprint == expected[split].fingerprint for split in BOTH)


def test_names_with_a_byte_order_mark_are_read(ten, hundred, cifar):
    root, _ = ten
    for name in ("cifar-10-batches-bin/batches.meta.txt", "cifar-100-binary/fine_label_names.txt"):
        (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes().replace(b"\n", b"\r\n"))
    assert cifar10.load(root / "cifar-10-batches-bin", ["test"])["test"].class_names == tuple(cifar.ten)
    assert cifar100.load(root / "cifar-100-binary", ["test"])["test"].class_names == tuple(cifar.hundred)
