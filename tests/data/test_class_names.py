"""Class names are Unicode in any locale, and compared in one form."""

import os
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgclf.data.class_names import check_names, composed, decode_names, file_name, natural_key, parse_names
from imgclf.data.dataset import Dataset
from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import folder, idx, npz, pack
from imgclf.data.splits import match_classes
from imgclf.errors import DataError

NAMES = ("cafz", "café", "Ünder", "猫", "각")  # in their order, which is another one where they are decomposed
DECOMPOSED = tuple(unicodedata.normalize("NFD", name) for name in NAMES)
X = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3) * 4
Y = np.arange(5)


def as_folder(place, names):
    for label, name in enumerate(names):
        (place / name).mkdir(parents=True)
        Image.fromarray(X[label]).save(place / name / "1.png")
    return folder.load(place, ["train"])["train"]


def as_text_labels(place, names):
    np.savez(place.with_suffix(".npz"), X=X, y=np.array(names))
    return npz.load(place.with_suffix(".npz"), ["train"])["train"]


def as_listed_names(place, names):
    np.savez(place.with_suffix(".npz"), X=X, y=Y, class_names=np.array(names))
    return npz.load(place.with_suffix(".npz"), ["train"])["train"]


def as_idx(place, names):
    place.mkdir()
    for name, array in (("images-idx3", X), ("labels-idx1", Y.astype(np.uint8))):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (place / f"train-{name}-ubyte").write_bytes(header + array.tobytes())
    (place / "class_names.txt").write_text("\n".join(names), "utf-8")
    return idx.load(place, ["train"])["train"]


def as_pack(place, names):
    place.mkdir()
    list(write_pack(place, {"train": Content.of(Dataset.of(X[..., None], Y, names))}, "f"))
    return pack.load(place, ["train"])["train"]


@pytest.mark.parametrize("form", [as_folder, as_text_labels, as_listed_names, as_idx, as_pack])
def test_a_name_is_one_name_however_it_is_spelled(tmp_path, form):
    assert NAMES != DECOMPOSED
    one, other = form(tmp_path / "composed", NAMES), form(tmp_path / "decomposed", DECOMPOSED)
    assert one.class_names == NAMES
    assert one.fingerprint == other.fingerprint
    assert match_classes(other, one.class_names) is other


def test_two_spellings_in_one_set_are_one_class(tmp_path):
    train = as_text_labels(tmp_path / "mixed", [*NAMES[:3], DECOMPOSED[1], "b"])
    assert train.class_names == ("b", "cafz", "café", "Ünder")
    assert train.y[1] == train.y[3]
    for name in (NAMES[1], DECOMPOSED[1]):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.fromarray(X[0]).save(tmp_path / "set" / name / "1.png")
    if len(list((tmp_path / "set").iterdir())) == 2:  # a file system may take them for one
        with pytest.raises(DataError, match="two classes are named 'café'"):
            folder.load(tmp_path / "set", ["train"])


def test_files_are_in_the_same_order_however_their_names_are_spelled():
    names = ["é1", "é10", "é2", "f", "z"]
    for spelled in (names, [unicodedata.normalize("NFD", name) for name in names]):
        in_order = sorted(spelled, key=lambda name: natural_key(file_name(name)))
        assert [composed(name) for name in in_order] == ["f", "z", "é1", "é2", "é10"]


@given(st.lists(st.integers(-(10**30), 10**30) | st.integers(-20, 20)))
def test_whole_numbers_are_in_their_order(numbers):
    assert sorted(map(str, numbers), key=natural_key) == list(map(str, sorted(numbers)))


def test_a_hyphen_is_a_sign_only_where_the_whole_name_is_a_number():
    names = ["-10", "-2", "0", "3", "-1.5", "-2.png", "-10-2", "-10.png", "a-1", "a-2", "a-10"]
    assert sorted(sorted(names), key=natural_key) == names


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "iso8859-15", "cp1252", "ascii"])
def test_file_names_are_utf_8_in_any_locale(monkeypatch, encoding):
    raw = "été".encode()
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode(encoding, "surrogateescape"))
    assert file_name(raw.decode(encoding, "surrogateescape")) == "été"


def test_invalid_utf_8_is_no_class_name_but_may_be_a_file_name():
    assert file_name(os.fsdecode(b"\xff1.png")) == "\udcff1.png"
    with pytest.raises(DataError, match="not a class name"):
        check_names([file_name(os.fsdecode(b"\xff"))], "here")


@pytest.mark.parametrize(
    "raw", [b"a\nb", b"a\r\nb\r\n\r\n", b"a\rb\r", b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\r\nb\r\n"]
)
def test_a_list_of_names_is_the_same_from_every_editor(raw):
    assert parse_names(raw, "here") == ("a", "b")


def test_bytes_are_utf_8_and_nothing_else():
    assert decode_names(["é".encode(), "f"], "here") == ("é", "f")
    for raw in ("é".encode("latin-1"), 1, None):
        with pytest.raises(DataError, match="not UTF-8 text"):
            decode_names([raw], "here")


def test_names_may_differ_only_in_case_in_a_file_but_not_in_folders(tmp_path):
    letters = ("A", "B", "a", "b", "c")
    assert as_text_labels(tmp_path / "letters", letters).class_names == letters
    with pytest.raises(DataError, match="the classes 'A' and 'a' differ only in case"):
        as_folder(tmp_path / "folders", letters)


def test_a_name_that_is_refused_is_cut_off_where_it_would_fill_the_screen():
    with pytest.raises(DataError, match="is not a class name") as caught:
        check_names(["\uf600" * 200], "x")
    assert len(str(caught.value)) < 150
