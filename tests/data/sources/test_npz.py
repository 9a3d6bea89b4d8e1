import numpy as np
import pytest

from imgclf.data.sources import npz, recognise
from imgclf.errors import DataError, UsageError

PICTURES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
FEATURES = np.arange(8.0).reshape(4, 2)
LABELS = np.array([2, 0, 1, 2])


@pytest.fixture(name="load")
def load_fixture(tmp_path):
    def load(splits=("train",), **arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return npz.load(path, splits)

    return load


@pytest.mark.parametrize(
    "pictures", [PICTURES, PICTURES[..., None], np.dstack([PICTURES[..., None]] * 3).reshape(4, 3, 2, 3)]
)
def test_pictures_are_kept(load, pictures):
    train = load(X=pictures, y=LABELS)["train"]
    assert train.images.reshape(pictures.shape).tolist() == pictures.tolist()
    assert train.images.ndim == 4
    assert train.y.tolist() == LABELS.tolist()
    assert train.class_names == ("0", "1", "2")


@pytest.mark.parametrize("dtype", ["int8", "int64", ">u2", "uint32"])
def test_integer_pixels_within_0_to_255_become_uint8(load, dtype):
    assert load(X=PICTURES.astype(dtype), y=LABELS)["train"].images[..., 0].tolist() == PICTURES.tolist()


@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), (">f8", "f8"), ("f2", "f4")])
def test_features_are_kept_as_given(load, given, kept):
    train = load(X=FEATURES.astype(given), y=LABELS)["train"]
    assert train.images.dtype == np.dtype(kept)
    assert train.images.tolist() == FEATURES.tolist()


def test_splits_are_named_in_upper_or_lower_case_and_others_are_not_read(load):
    arrays = {"X_train": PICTURES, "y_train": LABELS, "x_test": PICTURES[:2], "Y_TEST": LABELS[:2]}
    found = load(("train", "test", "val"), **arrays)
    assert {split: len(part) for split, part in found.items()} == {"train": 4, "test": 2}
    assert list(load(("train",), **{**arrays, "x_test": np.array(["rubbish"])})) == ["train"]
    assert load(("test",), X=PICTURES, y=LABELS) == {}


def test_labels_may_be_text_and_classes_are_then_in_natural_order(load):
    train = load(X=PICTURES, y=np.array(["img10", "img2", "Äpfel", "img2"]))["train"]
    assert train.class_names == ("img2", "img10", "Äpfel")
    assert train.y.tolist() == [1, 0, 2, 0]


def test_class_names_may_be_given(load):
    for names in (np.array(["a", "b", "c"]), np.array([b"a", b"b", b"c"])):
        assert load(X=PICTURES, y=LABELS, class_names=names)["train"].class_names == ("a", "b", "c")
    train = load(X=PICTURES, y=np.array(list("baab")), class_names=np.array(["b", "c", "a"]))["train"]
    assert train.y.tolist() == [0, 2, 2, 0]


BROKEN = {
    "no y": ({"X": PICTURES}, "no array 'y'"),
    "other keys": ({"data": PICTURES, "target": LABELS}, "'data', 'target'"),
    "two trains": ({"X": PICTURES, "y": LABELS, "x_train": PICTURES, "y_train": LABELS}, "both"),
    "two cases": ({"X": PICTURES, "x": PICTURES, "y": LABELS}, "both"),
    "more labels": ({"X": PICTURES[:3], "y": LABELS}, "4 labels, but 3 examples"),
    "nothing": ({"X": PICTURES[:0], "y": LABELS[:0]}, "nothing"),
    "1-D X": ({"X": np.arange(4.0), "y": LABELS}, "of shape"),
    "integer features": ({"X": np.arange(8, dtype=np.uint8).reshape(4, 2), "y": LABELS}, "pictures or features"),
    "float pictures": ({"X": PICTURES / 255, "y": LABELS}, "store pixels as uint8"),
    "channels first": ({"X": np.zeros((4, 3, 8, 8), np.uint8), "y": LABELS}, "transpose"),
    "four channels": ({"X": np.zeros((4, 8, 8, 4), np.uint8), "y": LABELS}, "of shape"),
    "pixel 256": ({"X": PICTURES.astype(int) + 250, "y": LABELS}, "pixels from 250 to 273"),
    "pixel -1": ({"X": PICTURES.astype(int) - 1, "y": LABELS}, "pixels from -1"),
    "NaN": ({"X": np.where(FEATURES == 5, np.nan, FEATURES), "y": LABELS}, "NaN or Inf in row 2"),
    "Inf": ({"X": np.where(FEATURES == 0, np.inf, FEATURES), "y": LABELS}, "NaN or Inf in row 0"),
    "float labels": ({"X": PICTURES, "y": LABELS.astype(float)}, r"y\.astype\(int\)"),
    "true or false": ({"X": PICTURES, "y": LABELS > 0}, r"y\.astype\(int\)"),
    "one-hot labels": ({"X": PICTURES, "y": np.eye(4)}, "not \\(N,\\)"),
    "label -1": ({"X": PICTURES, "y": LABELS - 1}, "label -1 in row 1"),
    "label 4e9": ({"X": PICTURES, "y": LABELS * 2_000_000_000}, "label 4000000000 in row 0"),
    "label 3 of 3 names": ({"X": PICTURES, "y": LABELS + 1, "class_names": np.array(["a", "b", "c"])}, "label 3"),
    "a text not among the names": (
        {"X": PICTURES, "y": np.array(list("abcd")), "class_names": np.array(["a", "b", "c"])},
        "'d' is not among",
    ),
    "names twice": ({"X": PICTURES, "y": LABELS, "class_names": np.array(["a", "b", "a"])}, "two classes"),
    "names as numbers": ({"X": PICTURES, "y": LABELS, "class_names": np.arange(3)}, "not a list of texts"),
    "names not UTF-8": ({"X": PICTURES, "y": LABELS, "class_names": np.array([b"\xff", b"b", b"c"])}, "UTF-8"),
    "a name of two lines": ({"X": PICTURES, "y": np.array(["a", "b\nc", "a", "a"])}, "class name"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_fit_is_one_data_error(load, name):
    arrays, words = BROKEN[name]
    with pytest.raises(DataError, match=words) as caught:
        load(**arrays)
    assert "\n" not in str(caught.value)


def test_a_half_that_becomes_infinite_is_refused(load):
    huge = np.full((4, 2), np.longdouble("1e300"))
    with pytest.raises(DataError, match="NaN or Inf in row 0 and 3 more rows"):
        load(X=huge, y=LABELS)


def test_it_is_recognised_and_needs_a_path(tmp_path):
    np.savez(tmp_path / "a.npz", X=PICTURES)
    assert recognise(tmp_path / "a.npz") == "npz"
    with pytest.raises(UsageError, match=r"data\.path"):
        npz.load(None, ["train"])
