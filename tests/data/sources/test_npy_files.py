"""Arrays in .npy files: found by their names, mapped, and kept as they are stored."""

import numpy as np
import pytest

from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import npz, recognize
from imgclf.data.sources._beside import warnings as beside
from imgclf.errors import DataError
from imgclf.files.npy import mapped_file

FEATURES = np.arange(12.0).reshape(4, 3)
IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([2, 0, 1, 2])
PAIRS = [
    ("X", "y"), ("train_X", "train_y"), ("X_train", "y_train"), ("features", "labels"), ("embeddings", "targets"),
    ("train_images", "train_labels"), ("Xtrain", "ytrain"),
]  # fmt: skip


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return tmp_path

    return write


@pytest.mark.parametrize(("X", "y"), PAIRS)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_pair_is_found_by_its_folder_or_by_one_file_and_mapped_as_it_is_stored(save, X, y, dtype):
    folder = save(**{X: FEATURES.astype(dtype), y: LABELS})
    for path in (folder, folder / f"{X}.npy"):
        assert recognize(path) == "npz"
        train = npz.load(path, ("train",))["train"]
        assert (train.images.dtype, train.images.tolist()) == (np.dtype(dtype), FEATURES.tolist())
        assert mapped_file(train.images) == folder / f"{X}.npy"
        assert train.y.tolist() == LABELS.tolist()
        assert npz.warnings(path) == []


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 2, 1), (4, 1, 2, 3)])
def test_images_of_bytes_are_mapped(save, shape):
    images = IMAGES.reshape(shape)
    train = npz.load(save(X=images, y=LABELS), ("train",))["train"]
    assert train.images.reshape(shape).tolist() == images.tolist()
    assert mapped_file(train.images)


def test_a_file_of_any_name_has_its_labels_beside_it(save):
    folder = save(clip=FEATURES, clip_labels=LABELS, labels=LABELS[::-1])
    assert npz.load(folder / "clip.npy", ("train",))["train"].y.tolist() == LABELS.tolist()
    (folder / "clip_labels.npy").unlink()
    assert npz.load(folder / "clip.npy", ("train",))["train"].y.tolist() == LABELS[::-1].tolist()


def test_one_file_is_all_there_is_to_it(save):
    path = save(X_train=FEATURES, y_train=LABELS, X_test=FEATURES[:2], y_test=LABELS[:2]) / "X_test.npy"
    assert npz.load(path, ("val", "test")) == {}
    assert len(npz.load(path, ("train",))["train"]) == 2


def test_files_of_other_splits_are_not_opened(save):
    folder = save(X_train=FEATURES, y_train=LABELS, X_valid=FEATURES[:3], y_valid=LABELS[:3])
    for name in ("X_test.npy", "y_test.npy"):
        (folder / name).write_bytes(b"rubbish")
    found = npz.load(folder, ("train", "val"))
    assert {split: len(dataset) for split, dataset in found.items()} == {"train": 4, "val": 3}
    with pytest.raises(DataError, match=r"X_test\.npy"):
        npz.load(folder, ("test",))


def test_a_folder_of_each_split_holds_its_pair(save):
    root = save()
    for folder, rows in (("train", 4), ("dev", 3), ("Test", 2)):
        (root / folder).mkdir()
        np.save(root / folder / "X.npy", FEATURES[:rows])
        np.save(root / folder / ("y_test.npy" if folder == "Test" else "y.npy"), LABELS[:rows])
    (root / "class_names.txt").write_text("cat\ndog\nelk")
    assert recognize(root) == "npz"
    assert set(npz.splits(root)) == {"train", "val", "test"}
    found = npz.load(root, ("train", "val", "test"))
    assert {split: data.images.tolist() for split, data in found.items()} == {
        split: FEATURES[:rows].tolist() for split, rows in (("train", 4), ("val", 3), ("test", 2))
    }
    assert {data.class_names for data in found.values()} == {("cat", "dog", "elk")}
    assert mapped_file(found["val"].images) == root / "dev" / "X.npy"
    np.save(root / "train_X.npy", FEATURES)
    with pytest.raises(DataError, match=r"both train_X\.npy and train/X\.npy - keep one of them"):
        npz.load(root, ("train",))


def test_folders_around_those_of_the_splits_are_entered(save):
    root = save()
    inside = root / "archive" / "data-set"
    for split in ("train", "test"):
        (inside / split).mkdir(parents=True)
        np.save(inside / split / "X.npy", FEATURES)
        np.save(inside / split / "y.npy", LABELS)
    (inside / "class_names.txt").write_text("cat\ndog\nelk")
    (root / "README.md").write_text("read me")
    assert recognize(root) == "npz"
    found = npz.load(root, ("train", "test"))
    assert {split: data.class_names for split, data in found.items()} == dict.fromkeys(found, ("cat", "dog", "elk"))
    assert found.keys() == {"train", "test"}


def test_arrays_beside_class_folders_are_not_taken_for_the_data(save):
    root = save()
    for name in ("cat", "dog"):
        (root / "train" / name).mkdir(parents=True)
        (root / "train" / name / "1.png").touch()
    np.save(root / "train" / "X.npy", FEATURES)
    assert recognize(root) == "folder"


def write_class_folders(root):
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        (root / name / "1.png").touch()


def test_examples_without_labels_beside_class_folders_are_not_taken_for_the_data(save):
    root = save(features=FEATURES)
    assert recognize(root) == "npz"
    write_class_folders(root)
    assert recognize(root) == "folder"
    save(labels=LABELS)
    assert recognize(root) == "npz"


def test_class_folders_and_tables_beside_arrays_are_named_in_a_warning(save):
    root = save(X=FEATURES, y=LABELS)
    assert beside("npz", root) == []
    write_class_folders(root)
    (root / "about.csv").write_text("id,weight,height\n1,2.5,3.5\n2,2.6,3.6\n")
    said = f"{root}: the .npy files are read, not"
    folders = f"{said} the class folders cat, dog; to change that: -s data.source=folder"
    assert beside("npz", root) == [folders]
    (root / "flowers.csv").write_text("petal,sepal,species\n" + "1.5,2.5,a\n3.5,1.5,b\n" * 4)
    table = f"{said} the table flowers.csv; to change that: -s data.source=csv"
    assert beside("npz", root) == [table, folders]
    assert beside("npz", root / "X.npy") == []


def test_labels_and_class_names_may_be_text(save):
    folder = save(X=FEATURES, y=np.array(["b", "a", "c", "b"]))
    assert npz.load(folder, ("train",))["train"].class_names == ("a", "b", "c")
    save(y=LABELS, class_names=np.array(["cat", "dög", "elk"]))
    for path in (folder, folder / "X.npy"):
        assert npz.load(path, ("train",))["train"].class_names == ("cat", "dög", "elk")
    (folder / "class_names.npy").unlink()
    (folder / "class_names.txt").write_text("Bär\nelk\nfox\n", "utf-8")
    assert npz.load(folder, ("train",))["train"].class_names == ("Bär", "elk", "fox")


def test_other_files_beside_are_named_and_hidden_ones_are_not(save):
    folder = save(X=FEATURES, y=LABELS, ids=LABELS)
    (folder / "._X.npy").write_bytes(b"a Mac was here")
    assert npz.warnings(folder) == [f"{folder}: passed over: 'ids'"]


@pytest.mark.parametrize(("arrays", "place", "words"), [
    ({"X": FEATURES}, "", ["no array 'y'"]),
    ({"X": FEATURES}, "X.npy", ["no labels beside it", "looked for y.npy, labels.npy"]),
    ({"train_images": IMAGES}, "train_images.npy", ["looked for train_y.npy, train_labels.npy"]),
    ({"clip": FEATURES}, "clip.npy", ["clip_labels.npy", " y.npy, labels.npy"]),
    ({"X": FEATURES, "X_train": FEATURES, "y": LABELS}, "", ["both 'X' and 'X_train'"]),
    ({"X": FEATURES, "y": LABELS[:3]}, "", ["y.npy", "3 labels, but 4 examples"]),
    ({"X": np.where(FEATURES == 7, np.nan, FEATURES), "y": LABELS}, "", ["X.npy", "NaN or Inf in row 2"]),
])  # fmt: skip
def test_what_is_missing_or_unclear_is_one_line(save, arrays, place, words):
    folder = save(**arrays)
    with pytest.raises(DataError) as caught:
        npz.load(folder / place, ("train",))
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "stored", [np.asfortranarray(FEATURES), FEATURES.astype(">f4"), np.asfortranarray(FEATURES.astype(">f8"))]
)
def test_the_advice_for_another_order_gives_what_is_mapped(save, stored, monkeypatch):
    folder = save(X=stored, y=LABELS)
    with pytest.raises(DataError, match="store it again: numpy") as caught:
        npz.load(folder, ("train",))
    monkeypatch.chdir(folder)
    exec(caught.value.remedy.removeprefix("store it again: "), {"numpy": np})
    train = npz.load(folder, ("train",))["train"]
    assert train.images.tolist() == FEATURES.tolist()
    assert mapped_file(train.images)


def test_a_pack_is_a_pack(save, tmp_path):
    dataset = npz.load(save(X=FEATURES.astype("f2"), y=LABELS), ("train",))["train"]
    (tmp_path / "pack").mkdir()
    list(write_pack(tmp_path / "pack", {"train": Content.of(dataset)}, "f"))
    assert recognize(tmp_path / "pack") == "pack"
    assert np.load(tmp_path / "pack" / "train_images.npy").dtype == np.float16


def test_examples_to_predict_need_no_labels(save):
    folder = save(X=FEATURES)
    for path in (folder, folder / "X.npy"):
        assert npz.read_examples(path)[0].tolist() == FEATURES.tolist()
    save(X_test=FEATURES[:2])
    assert npz.read_examples(folder)[0].tolist() == FEATURES[:2].tolist()
    save(X=np.stack([IMAGES / 127.5 - 1] * 2).reshape(8, 3, 2), X_test=np.full((1, 3, 2), 0.5))
    assert npz.read_examples(folder)[0].tolist() == np.full((1, 3, 2, 1), 191).tolist()
