import numpy as np
import pytest

from imgclf.data.sources import npz, recognize
from imgclf.errors import DataError

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
FEATURES = np.arange(8.0).reshape(4, 2)
LABELS = np.array([2, 0, 1, 2])


@pytest.fixture(name="load")
def load_fixture(tmp_path):
    def load(splits=("train",), **arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return npz.load(path, splits)

    return load


@pytest.mark.parametrize("images", [IMAGES, IMAGES[..., None], np.dstack([IMAGES[..., None]] * 3).reshape(4, 3, 2, 3)])
def test_images_are_kept(load, images):
    train = load(X=images, y=LABELS)["train"]
    assert train.images.reshape(images.shape).tolist() == images.tolist()
    assert train.images.ndim == 4
    assert train.y.tolist() == LABELS.tolist()
    assert train.class_names == ("0", "1", "2")


@pytest.mark.parametrize("dtype", ["int8", "int64", ">u2", "uint32"])
def test_integer_pixels_within_0_to_255_become_uint8(load, dtype):
    assert load(X=IMAGES.astype(dtype), y=LABELS)["train"].images[..., 0].tolist() == IMAGES.tolist()


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), (">f8", "f8"), ("f2", "f2")])
def test_features_are_kept_as_given(load, given, kept):
    train = load(X=FEATURES.astype(given), y=LABELS)["train"]
    assert train.images.dtype == np.dtype(kept)
    assert train.images.tolist() == FEATURES.tolist()


def test_splits_are_named_in_upper_or_lower_case_and_others_are_not_read(load):
    arrays = {"X_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "Y_TEST": LABELS[:2]}
    found = load(("train", "test", "val"), **arrays)
    assert {split: len(part) for split, part in found.items()} == {"train": 4, "test": 2}
    assert list(load(("train",), **{**arrays, "x_test": np.array(["rubbish"])})) == ["train"]
    assert load(("test",), X=IMAGES, y=LABELS) == {}


@pytest.mark.parametrize("word", ["val", "valid", "Validation", "DEV"])
def test_val_may_be_called_as_folders_are(load, word):
    found = load(("train", "val"), X=IMAGES, y=LABELS, **{f"x_{word}": IMAGES[:3], f"Y_{word}": LABELS[:3]})
    assert {split: len(part) for split, part in found.items()} == {"train": 4, "val": 3}
    with pytest.raises(DataError, match="both"):
        load(X=IMAGES, y=LABELS, x_val=IMAGES, x_valid=IMAGES)


def test_arrays_that_are_not_read_are_named(load, tmp_path):
    used = {"X": IMAGES, "y": LABELS, "x_dev": IMAGES, "y_dev": LABELS, "class_names": np.array(["a", "b", "c"])}
    path = tmp_path / "data.npz"
    load(**used)
    assert npz.warnings(path) == []
    load(**used, x_holdout=IMAGES, ids=LABELS)
    assert npz.warnings(path) == [f"{path}: passed over: 'x_holdout', 'ids'"]
    load(**used, **{f"a{n}": LABELS for n in range(7)})
    assert npz.warnings(path) == [f"{path}: passed over: 'a0', 'a1', 'a2', 'a3', 'a4' and 2 more"]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint32", "int64", "uint64", ">i4"])
def test_labels_may_be_any_integers(load, dtype):
    for names in ({}, {"class_names": np.array(["a", "b", "c"])}):
        assert load(X=IMAGES, y=LABELS.astype(dtype), **names)["train"].y.tolist() == LABELS.tolist()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8"])
def test_labels_that_are_whole_numbers_as_floats_are_those_numbers(load, dtype):
    for names in ({}, {"class_names": np.array(["a", "b", "c"])}):
        assert load(X=IMAGES, y=LABELS.astype(dtype), **names)["train"].y.tolist() == LABELS.tolist()
    assert load(X=IMAGES, y=LABELS.astype(dtype))["train"].class_names == ("0", "1", "2")


@pytest.mark.parametrize(("names", "classes"), [
    ((), ["True", "False", "True", "True"]), (("False", "True"), ["True", "False", "True", "True"]),
    (("True", "False"), ["True", "False", "True", "True"]), (("no", "yes"), ["yes", "no", "yes", "yes"]),
])  # fmt: skip
def test_labels_that_are_booleans_are_the_classes_false_and_true(load, names, classes):
    train = load(X=IMAGES, y=LABELS > 0, **({"class_names": np.array(names)} if names else {}))["train"]
    assert train.class_names == (names or ("False", "True"))
    assert [train.class_names[label] for label in train.y] == classes


def test_examples_of_a_test_split_without_labels_are_passed_over_and_may_be_predicted(load, tmp_path):
    found = load(("train", "val", "test"), X_train=IMAGES, y_train=LABELS, x_val=IMAGES, X_test=IMAGES[:2])
    assert {split: len(part) for split, part in found.items()} == {"train": 4}
    path = tmp_path / "data.npz"
    unlabeled = "(no labels: for `imgclf predict`)"
    assert npz.warnings(path) == [f"{path}: passed over: 'x_val' {unlabeled}, 'X_test' {unlabeled}"]
    assert set(npz.splits(path)) == {"train"}
    assert npz.read_examples(path).X[..., 0].tolist() == IMAGES[:2].tolist()


def test_labels_may_be_text_and_classes_are_then_in_natural_order(load):
    train = load(X=IMAGES, y=np.array(["img10", "img2", "Äpfel", "img2"]))["train"]
    assert train.class_names == ("img2", "img10", "Äpfel")
    assert train.y.tolist() == [1, 0, 2, 0]


def test_labels_in_a_column_are_labels(load):
    for labels in (LABELS, np.array(["b", "a", "b", "c"])):
        column, row = load(X=IMAGES, y=labels[:, None])["train"], load(X=IMAGES, y=labels)["train"]
        assert (column.y.tolist(), column.class_names) == (row.y.tolist(), row.class_names)


def test_booleans_are_pixels_of_0_and_1(load):
    assert load(X=IMAGES > 9, y=LABELS)["train"].images[..., 0].tolist() == (IMAGES > 9).astype(int).tolist()


PIXELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
FLOATS = {
    "0..1": PIXELS / 255, "0..1, float32": np.float32(PIXELS) / np.float32(255), "-1..1": PIXELS / 127.5 - 1,
    "0..255": PIXELS.astype(float), "0 and 1": (PIXELS > 99).astype(float),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOATS)
def test_images_of_floats_become_the_bytes_they_were_made_from(load, name):
    train = load(X=FLOATS[name], y=LABELS)["train"]
    assert train.images.dtype == np.uint8
    assert train.images[..., 0].tolist() == ((PIXELS > 99).astype(int) if name == "0 and 1" else PIXELS).tolist()
    (remark,) = train.remarks
    _, _, code = remark.partition("read as bytes: ")
    assert eval(code, {"X": FLOATS[name]}).tolist() == train.images[..., 0].tolist()


@pytest.mark.parametrize("splits", [("train", "val"), ("test",)])
def test_the_training_images_decide_how_images_of_floats_are_read(load, splits):
    bright = PIXELS[2:]  # as floats of -1..1 all of them are above 0
    for name in ("0..1", "-1..1"):
        X, y = FLOATS[name], LABELS
        arrays = {f"{one}_{split}": array for split in ("val", "test") for one, array in (("x", X[2:]), ("y", y[2:]))}
        for dataset in load(splits, x_train=X, y_train=y, **arrays).values():
            assert dataset.images[-2:, ..., 0].tolist() == bright.tolist()
    with pytest.raises(DataError, match=r"from 0 to 1, in training whole numbers of 0\.\.255 - store these like"):
        load(("test",), x_train=PIXELS, y_train=LABELS, x_test=PIXELS / 255, y_test=LABELS)


@pytest.mark.parametrize("X", [
    PIXELS - 300.0, PIXELS * 2.0, PIXELS / 60 - 2,
    PIXELS / 600, PIXELS / 400 - 0.3, PIXELS / 2.1,  # not half of 1 or 255: as bytes, few levels would be left
])  # fmt: skip
def test_images_of_other_floats_are_feature_vectors(load, X):
    train = load(X=X, y=LABELS)["train"]
    assert train.images.tolist() == X.reshape(4, -1).tolist()
    assert "are no pixels: read as feature vectors" in train.remarks[0]
    with pytest.raises(DataError, match="NaN or Inf in row 0 and 3 more rows"):
        load(X=X * np.nan, y=LABELS)


@pytest.mark.parametrize("shape", [(4, 1, 64), (4, 64, 1), (4, 64, 1, 1), (4, 1, 1, 64), (4, 1, 64, 1, 1)])
def test_floats_in_a_row_are_feature_vectors_whatever_axes_are_around_them(load, shape):
    X = PIXELS.reshape(4, 64) / 255
    train = load(X=X.reshape(shape), y=LABELS)["train"]
    assert (train.images.tolist(), train.remarks) == (X.tolist(), ())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "int64"])
def test_integers_in_rows_are_exact_feature_vectors(load, dtype):
    limits = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, min(np.iinfo(dtype).max, 1 << 50))
    X = np.array([limits, limits[::-1]] * 2).astype(dtype)
    train = load(X=X, y=LABELS)["train"]
    assert train.images.dtype.kind == "f"
    assert [[int(value) for value in row] for row in train.images] == X.astype(int).tolist()
    assert "read as feature vectors" in train.remarks[0]


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_the_advice_for_images_of_more_than_8_bits_keeps_the_high_ones(load, bits):
    X = (np.arange(64).reshape(4, 4, 4) << (bits - 6)) + 1
    with pytest.raises(DataError) as caught:
        load(X=X, y=LABELS)
    read = load(X=eval(caught.value.remedy.removeprefix("store pixels as uint8: "), {"X": X}), y=LABELS)["train"]
    assert (read.images[..., 0] >> 2).tolist() == np.arange(64).reshape(4, 4, 4).tolist()


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "bool"])
def test_one_hot_labels_are_labels_and_it_is_said(load, dtype):
    train = load(X=IMAGES, y=np.eye(3)[LABELS].astype(dtype))["train"]
    assert train.y.tolist() == LABELS.tolist()
    (remark,) = train.remarks
    assert "one-hot labels (4, 3), read as y.argmax(axis=1)" in remark


@pytest.mark.parametrize("empty", [0, 1, 3])
def test_a_one_hot_column_without_a_1_is_no_class_and_it_is_said(load, empty):
    train = load(X=IMAGES, y=np.insert(np.eye(3), empty, 0, axis=1)[LABELS])["train"]
    assert train.class_names == tuple(str(number) for number in range(4) if number != empty)
    assert f"no label is {empty}: the classes are" in train.remarks[1]


def test_numbers_that_are_no_label_are_no_classes_and_it_is_said(load):
    for labels, names, missing in (
        ([1, 2, 3, 1], "123", "0"),
        ([0, 4, 4, 1], "014", "2, 3"),
        ([9, 9, 7, 7], "79", "0,"),
    ):
        train = load(X=IMAGES, y=np.array(labels))["train"]
        assert train.class_names == tuple(names)
        assert [train.class_names[label] for label in train.y] == list(map(str, labels))
        assert f"no label is {missing}" in train.remarks[0]
    assert load(X=IMAGES, y=np.array([0, 1, 2, 0]))["train"].remarks == ()


MEDMNIST = {
    f"{split}_{what}": array
    for split in ("train", "val", "test")
    for what, array in (("images", IMAGES), ("labels", LABELS[:, None].astype(np.uint8)))
}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_names_of_medmnist_are_known(load, split):
    (dataset,) = load((split,), **MEDMNIST).values()
    assert dataset.images[..., 0].tolist() == IMAGES.tolist()
    assert dataset.y.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("X", "y"), [("features", "labels"), ("Embeddings", "target"), ("data", "targets"), ("X", "label")]
)
@pytest.mark.parametrize("form", ["{}", "{}_train", "train_{}", "{}-training", "Train{}"])
def test_other_usual_names_are_known(load, X, y, form):
    train = load(**{form.format(X): FEATURES, form.format(y): LABELS})["train"]
    assert (train.images.tolist(), train.y.tolist()) == (FEATURES.tolist(), LABELS.tolist())


def test_of_several_names_the_first_is_read_and_the_others_are_named(load, tmp_path):
    assert load(X=FEATURES, y=LABELS, images=IMAGES, labels=LABELS[::-1])["train"].y.tolist() == LABELS.tolist()
    assert "passed over: 'images', 'labels'" in npz.warnings(tmp_path / "data.npz")[0]


@pytest.mark.parametrize("y", [np.ones((4, 3), int), np.zeros((4, 3)), np.full((4, 2), 0.5), np.ones((4, 1, 1), int),
                               np.array([["a", "b"]] * 4)])  # fmt: skip
def test_labels_that_are_not_one_class_an_image_are_not_called_one_hot(load, y):
    with pytest.raises(DataError, match="store one label per example"):
        load(X=IMAGES, y=y)


@pytest.mark.parametrize(("wrong", "words"), [
    (0.5, "label 0.5 in row 2 is not a whole number - to predict numbers is regression"),
    (np.nan, "label nan in row 2 is not a whole number - a label is the number of a class"),
    (np.inf, "label inf in row 2"),
])  # fmt: skip
def test_labels_that_are_no_whole_numbers_are_no_classes(load, wrong, words):
    with pytest.raises(DataError, match=words) as caught:
        load(X=IMAGES, y=np.array([0, 1, wrong, 2]))
    assert "astype" not in str(caught.value)


@pytest.mark.parametrize("labels", [["0", "1", "2.5", "1"], ["1", "-1.25", "1e3", "3"]])
def test_numbers_in_text_that_are_not_whole_are_regression_unless_the_classes_are_named(load, labels):
    with pytest.raises(DataError, match=r"label '\S*5' in row [12] is not a whole number - .* is regression"):
        load(X=IMAGES, y=np.array(labels))
    names = sorted(set(labels))
    assert load(X=IMAGES, y=np.array(labels), class_names=np.array(names))["train"].class_names == tuple(names)
    assert load(X=IMAGES, y=np.array([*labels[:3], "cat"]))["train"].class_names[-1] == "cat"


def test_negative_numbers_are_classes_as_text_and_the_error_says_so(load):
    y = np.array([-1, 1, -2, 1])
    with pytest.raises(DataError, match=r"label -2 in row 2, .* - number classes from 0, or store y\.astype\(str\)"):
        load(X=IMAGES, y=y)
    assert load(X=IMAGES, y=y.astype(str))["train"].class_names == ("-2", "-1", "1")


def test_numbers_stored_as_text_are_advised_to_become_numbers_where_the_classes_have_names(load):
    with pytest.raises(DataError, match=r"label '0' is not among class_names - store numbers, y\.astype\(int\)"):
        load(X=IMAGES, y=LABELS.astype(str), class_names=np.array(["a", "b", "c"]))


def test_class_names_may_be_given(load):
    for names in (np.array(["a", "b", "c"]), np.array([b"a", b"b", b"c"])):
        assert load(X=IMAGES, y=LABELS, class_names=names)["train"].class_names == ("a", "b", "c")
    train = load(X=IMAGES, y=np.array(list("baab")), class_names=np.array(["b", "c", "a"]))["train"]
    assert train.y.tolist() == [0, 2, 2, 0]


BROKEN = {
    "no y": ({"X": IMAGES}, "no array 'y'"),
    "other keys": ({"pixels": IMAGES, "answers": LABELS}, "'pixels', 'answers'"),
    "no labels of the same name": ({"train_images": IMAGES, "y": LABELS[:3]}, "3 labels, but 4 examples"),
    "only test, without labels": ({"test_images": IMAGES}, "no array 'test_y'"),
    "labels without test images": ({"X": IMAGES, "y": LABELS, "y_test": LABELS}, "no array 'x_test'"),
    "train without labels": ({"X": IMAGES, "X_test": IMAGES, "y_test": LABELS}, "no array 'y'"),
    "two trains": ({"X": IMAGES, "y": LABELS, "x_train": IMAGES, "y_train": LABELS}, "both"),
    "two cases": ({"X": IMAGES, "x": IMAGES, "y": LABELS}, "both"),
    "more labels": ({"X": IMAGES[:3], "y": LABELS}, "4 labels, but 3 examples"),
    "nothing": ({"X": IMAGES[:0], "y": LABELS[:0]}, "nothing"),
    "1-D X": ({"X": np.arange(4.0), "y": LABELS}, "of shape"),
    "channels first": ({"X": np.zeros((4, 3, 8, 8), np.uint8), "y": LABELS}, "transpose"),
    "four channels": ({"X": np.zeros((4, 8, 8, 4), np.uint8), "y": LABELS}, "of shape"),
    "pixel 256": ({"X": IMAGES.astype(int) + 250, "y": LABELS}, "pixels from 250 to 273"),
    "pixel -1": ({"X": IMAGES.astype(int) - 1, "y": LABELS}, "pixels from -1"),
    "NaN": ({"X": np.where(FEATURES == 5, np.nan, FEATURES), "y": LABELS}, "NaN or Inf in row 2"),
    "Inf": ({"X": np.where(FEATURES == 0, np.inf, FEATURES), "y": LABELS}, "NaN or Inf in row 0"),
    "label -1.0": ({"X": IMAGES, "y": LABELS - 1.0}, r"label -1\.0 in row 1.* store y\.astype\(int\)\.astype\(str\)"),
    "label 1e300": ({"X": IMAGES, "y": LABELS * 1e300}, r"label 2e\+300 in row 0"),
    "two labels an image": ({"X": IMAGES, "y": np.ones((4, 4))}, "not \\(N,\\)"),
    "label -1": ({"X": IMAGES, "y": LABELS - 1}, "label -1 in row 1"),
    "label 4e9": ({"X": IMAGES, "y": LABELS * 2_000_000_000}, "label 4000000000 in row 0"),
    "label 3 of 3 names": ({"X": IMAGES, "y": LABELS + 1, "class_names": np.array(["a", "b", "c"])}, "label 3"),
    "a text not among the names": (
        {"X": IMAGES, "y": np.array(list("abcd")), "class_names": np.array(["a", "b", "c"])},
        "'d' is not among",
    ),
    "names twice": ({"X": IMAGES, "y": LABELS, "class_names": np.array(["a", "b", "a"])}, "two classes"),
    "names as numbers": ({"X": IMAGES, "y": LABELS, "class_names": np.arange(3)}, "not a list of texts"),
    "names not UTF-8": ({"X": IMAGES, "y": LABELS, "class_names": np.array([b"\xff", b"b", b"c"])}, "UTF-8"),
    "a name of two lines": ({"X": IMAGES, "y": np.array(["a", "b\nc", "a", "a"])}, "class name"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_content_is_one_data_error(load, name):
    arrays, words = BROKEN[name]
    with pytest.raises(DataError, match=words) as caught:
        load(**arrays)
    assert "\n" not in str(caught.value)


def test_a_half_that_becomes_infinite_is_refused(load):
    huge = np.full((4, 2), np.longdouble("1e300"))
    with pytest.raises(DataError, match="NaN or Inf in row 0 and 3 more rows"):
        load(X=huge, y=LABELS)


def test_it_is_recognized(tmp_path):
    np.savez(tmp_path / "a.npz", X=IMAGES)
    assert recognize(tmp_path / "a.npz") == "npz"
