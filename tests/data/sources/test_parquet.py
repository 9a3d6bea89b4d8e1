"""Parquet files become packs: images and features, of one file or of many shards."""

import io
import json
import os
import signal
import subprocess

import numpy as np
import pytest
from PIL import Image

from imgclf.data.packs.pack import open_pack
from imgclf.data.packs.writer import write_pack
from imgclf.data.sources import _parquet, recognize
from imgclf.data.split_names import SPLITS
from imgclf.errors import DataError, UsageError
from imgclf.files import parquet
from imgclf.files.form import Form
from imgclf.files.parquet import Parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.slow  # each starts processes

PIXELS = np.random.default_rng(0).integers(0, 256, (23, 3, 4, 3), dtype=np.uint8)


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write_images(path, rows, labels=None, names=("cat", "dog"), **columns):
    """Write some of the images in the form of Hugging Face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = pa.array([{"bytes": png(PIXELS[row]), "path": None} for row in rows])
    labels = [row % 2 for row in rows] if labels is None else labels
    table = pa.table({"image": images, "label": labels, **columns})
    features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    if names:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=4)


def packed(path, out, size=None, color=None, **options):
    contents, fingerprint = _parquet.contents(path, Form(size, color), options)
    out.mkdir(exist_ok=True)
    list(write_pack(out, contents, fingerprint))
    return open_pack(out, SPLITS)


def seen(data):
    return data.images.tolist(), [data.class_names[y] for y in data.y]


def animals(rows):
    return [("cat", "dog")[row % 2] for row in rows]


LAYOUTS = [
    ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"),
    ("data/train-00000-of-00002-0123abcd.parquet", "data/train-00001-of-00002-4567ef.parquet", "data/test.parquet"),
    ("plain_text/train-00000-of-00002.parquet", "plain_text/train-00001-of-00002.parquet", "plain_text/test.parquet"),
    ("train/0.parquet", "train/1.parquet", "test/0.parquet"),
    ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shards_are_splits_with_all_their_images_in_order(tmp_path, layout):
    rows = (range(10), range(10, 17), range(17, 23))
    for name, some in zip(layout, rows, strict=True):
        write_images(tmp_path / "set" / name, some)
    (tmp_path / "set" / "README.md").touch()
    found = packed(tmp_path / "set", tmp_path / "pack")
    assert {split: seen(data) for split, data in found.items()} == {
        "train": (PIXELS[:17].tolist(), animals(range(17))),
        "test": (PIXELS[17:].tolist(), animals(range(17, 23))),
    }
    for path in (tmp_path / "set", tmp_path / "set" / layout[0]):
        with pytest.raises(DataError, match=f"not read directly - pack them: imgclf data pack {path} --out packed"):
            recognize(path)


def test_one_file_is_all_of_it(tmp_path):
    write_images(tmp_path / "test-00000-of-00007.parquet", range(23))
    found = packed(tmp_path / "test-00000-of-00007.parquet", tmp_path / "pack")
    assert seen(found["train"]) == (PIXELS.tolist(), animals(range(23)))


def test_images_become_the_size_and_color_that_are_asked_for(tmp_path):
    write_images(tmp_path / "x.parquet", range(5))
    found = packed(tmp_path / "x.parquet", tmp_path / "pack", (6, 5), "gray")["train"]
    assert found.images.shape == (5, 6, 5, 1)


@pytest.mark.parametrize("kind", ["int8", "uint64", "string", "dictionary", "bool"])
def test_labels_without_names_are_classes_in_natural_order(tmp_path, kind):
    labels = [10, 9, 10, 2] if kind != "bool" else [True, False, True, True]
    if kind in ("string", "dictionary"):
        column = pa.array(list(map(str, labels)))
        column = column.dictionary_encode() if kind == "dictionary" else column
    else:
        column = pa.array(labels, getattr(pa, kind if kind != "bool" else "bool_")())
    write_images(tmp_path / "x.parquet", range(4), column, names=())
    found = packed(tmp_path / "x.parquet", tmp_path / "pack")["train"]
    assert found.class_names == (("False", "True") if kind == "bool" else ("2", "9", "10"))
    assert [found.class_names[y] for y in found.y] == list(map(str, labels))


@pytest.mark.parametrize("names", [(), ("cat", "dog")])
def test_labels_that_are_whole_numbers_as_floats_are_those_numbers(tmp_path, names):
    write_images(tmp_path / "x.parquet", range(4), [0.0, 1.0, 1.0, 0.0], names=names)
    found = packed(tmp_path / "x.parquet", tmp_path / "pack")["train"]
    assert [found.class_names[y] for y in found.y] == [(names or "01")[label] for label in (0, 1, 1, 0)]
    write_images(tmp_path / "y.parquet", range(4), [0.0, 1.0, 0.5, float("nan")], names=())
    with pytest.raises(DataError, match="label 'nan' is a missing one"):
        packed(tmp_path / "y.parquet", tmp_path / "other")


WORDS = ["train", "test", "val", "train", "test"] * 4 + ["test", "val", "train"]


@pytest.mark.parametrize("files", [("set.parquet",), ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet")])
@pytest.mark.parametrize("features", [False, True])
def test_a_column_of_splits_divides_the_rows_as_in_csv_files(tmp_path, files, features):
    X = np.float64(PIXELS.reshape(23, -1))
    for name, rows in zip(files, ((range(23),), (range(9), range(9, 23)))[len(files) - 1], strict=True):
        split = [WORDS[row] for row in rows]
        if features:
            table = pa.table({"x": [X[row].tolist() for row in rows], "y": animals(rows), "split": split})
            (tmp_path / "set").mkdir(exist_ok=True)
            pq.write_table(table, tmp_path / "set" / name, row_group_size=4)
        else:
            write_images(tmp_path / "set" / name, rows, split=split)
    rows_of = {split: [row for row, word in enumerate(WORDS) if word == split] for split in SPLITS}
    kept = X if features else PIXELS
    for path in [tmp_path / "set", *([tmp_path / "set" / files[0]] if len(files) == 1 else [])]:
        contents, _ = _parquet.contents(path, Form(), {})
        for split, rows in rows_of.items():
            assert contents[split].dtype == kept.dtype
            for start in range(len(rows)):
                given = np.concatenate(list(contents[split].examples(start)))
                assert given.tolist() == kept[rows[start:]].tolist()
            numbers = np.concatenate(list(contents[split].labels()))
            assert [contents[split].class_names[y] for y in numbers] == animals(rows)


def test_a_row_that_names_no_split_is_an_error_where_others_do_and_without_any_the_column_is_not_used(tmp_path):
    def remarks(path, **options):
        said = []
        return _parquet.contents(path, Form(), options, said.append)[0], said

    path = tmp_path / "x.parquet"
    write_images(path, range(3), split=["wild", "unlabeled", None], text=["a", "b", "c"])
    found, said = remarks(path)
    assert ([*found], said) == (["train"], [f"{path}: columns not used: 'split', 'text'"])
    write_images(path, range(3), split=["train", "unlabeled", None], text=["a", "b", "c"])
    with pytest.raises(DataError, match=r"x\.parquet: row 2: 'unlabeled' is not a split - write train, val or test"):
        remarks(path)
    with pytest.raises(DataError, match="'nose' is not a column of splits"):
        remarks(path, split_column="nose")
    for name in ("train", "test"):  # the files say it
        write_images(tmp_path / "two" / f"{name}.parquet", range(4), split=["val", "test", "train", "train"])
    found, said = remarks(tmp_path / "two")
    assert {split: content.n for split, content in found.items()} == {"train": 4, "test": 4}
    assert said == [f"{tmp_path / 'two' / name}.parquet: columns not used: 'split'" for name in ("train", "test")]
    found, said = remarks(tmp_path / "two", split_column="split")
    assert ({split: content.n for split, content in found.items()}, said) == ({"train": 4, "val": 2, "test": 2}, [])


@pytest.mark.parametrize(("kind", "fixed"), [("halffloat", True), ("float", False), ("double", True)])
def test_lists_of_floats_are_features_in_their_own_type(tmp_path, kind, fixed):
    X = np.random.default_rng(0).normal(size=(9, 5)).astype({"halffloat": "f2", "float": "f4", "double": "f8"}[kind])
    values = pa.array(X.ravel())
    lists = pa.FixedSizeListArray.from_arrays(values, 5) if fixed else pa.ListArray.from_arrays(range(0, 50, 5), values)
    table = pa.table({"id": list(range(9)), "embedding": lists, "label": list("abcabcabc")})
    pq.write_table(table, tmp_path / "train.parquet", row_group_size=2)
    found = packed(tmp_path / "train.parquet", tmp_path / "pack")["train"]
    assert found.images.dtype == X.dtype
    assert seen(found) == (X.tolist(), list("abcabcabc"))


def test_packing_resumes_where_it_was_interrupted(tmp_path, monkeypatch):
    for number, rows in enumerate((range(9), range(9, 23))):
        write_images(tmp_path / "set" / f"train-{number:05}-of-00002.parquet", rows)
    whole = packed(tmp_path / "set", tmp_path / "whole")["train"]
    monkeypatch.setattr("imgclf.data.packs.writer._BYTES_AT_RISK", 1)
    (tmp_path / "pack").mkdir()
    for _ in range(2):
        contents, fingerprint = _parquet.contents(tmp_path / "set", Form(), {})
        writing = write_pack(tmp_path / "pack", contents, fingerprint)
        next(writing)
        writing.close()
    assert not children()
    assert seen(packed(tmp_path / "set", tmp_path / "pack")["train"]) == seen(whole)
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "pack" / file.name).read_bytes()
    write_images(tmp_path / "set" / "train-00001-of-00002.parquet", range(8, 22))
    assert _parquet.contents(tmp_path / "set", Form(), {})[1] != fingerprint
    assert _parquet.contents(tmp_path / "set", Form((2, 2)), {})[1] != fingerprint


def test_examples_are_the_same_from_any_row_on(tmp_path):
    X = np.random.default_rng(0).normal(size=(23, 5)).astype(np.float32)
    write_images(tmp_path / "x.parquet", range(23), x=pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 5))
    with Parquet(tmp_path / "x.parquet") as file:
        for start in (0, 1, 3, 4, 5, 8, 22):
            images = [raw for some in file.images("image", start) for raw in some]
            assert images == [png(one) for one in PIXELS[start:]], start
            assert np.concatenate(list(file.features("x", start))).tolist() == X[start:].tolist(), start


def test_a_split_goes_on_from_any_example_of_its_shards(tmp_path):
    for number, rows in enumerate((range(9), range(9, 14), range(14, 23))):
        write_images(tmp_path / f"train-{number:05}-of-00003.parquet", rows)
    content = _parquet.contents(tmp_path, Form(), {})[0]["train"]
    for start in (0, 8, 9, 10, 14, 20, 22):
        assert np.concatenate(list(content.examples(start))).tolist() == PIXELS[start:].tolist(), start


def children():
    """Return the child processes of this one that still run."""
    command = ["ps", "--no-headers", "-o", "args", "--ppid", str(os.getpid())]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [line for line in listed.splitlines() if "parquet_child" in line]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": [0, 1, None]}, "row 3 has no label"),
        ({"labels": [0, 1, -1]}, r"label -1 in row 3, not within 0\.\.1 - a file without labels cannot be packed"),
        ({"labels": [0, 2, 1]}, r"label 2 in row 2, not within 0\.\.1"),
        ({"labels": [0.0, 0.5, 1.0], "names": ()}, r"label '0\.5' is not a whole number - .* is regression"),
        (
            {"labels": [[0], [1], [1]]},
            r"no column of labels, but image \(struct<bytes: .*label \(list<",
        ),
        ({"names": ("cat", "cat")}, "two classes are named 'cat'"),
    ],
)
def test_mistakes_are_named_by_row(tmp_path, change, words):
    write_images(tmp_path / "x.parquet", range(3), **change)
    with pytest.raises(DataError, match=words):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
    assert not children()


def test_labels_of_text_that_are_numbers_but_not_whole_are_regression(tmp_path):
    write_images(tmp_path / "x.parquet", range(3), ["1", "0.5", "2"], names=())
    with pytest.raises(DataError, match=r"label '0\.5' is not a whole number - .* is regression"):
        packed(tmp_path / "x.parquet", tmp_path / "pack")


def test_two_columns_of_labels_are_asked_about(tmp_path):
    write_images(tmp_path / "x.parquet", range(3), names=(), **{"class": ["a", "b", "c"]})
    with pytest.raises(DataError, match=r"the labels may be in 'label', 'class' - name one: -s data\.options\.la"):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
    found = packed(tmp_path / "x.parquet", tmp_path / "pack", label_column="class")["train"]
    assert found.class_names == ("a", "b", "c")
    with pytest.raises(DataError, match="'nose' is not a column of labels"):
        packed(tmp_path / "x.parquet", tmp_path / "pack", label_column="nose")


def test_bad_images_are_named_by_file_and_row(tmp_path):
    images = [{"bytes": png(PIXELS[0])}, {"bytes": b"<html>"}, {"bytes": png(PIXELS[1])}, {"bytes": b"x"}]
    pq.write_table(pa.table({"image": images, "label": [0, 1, 0, 1]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"2 bad of 4 files: x\.parquet: row 2: not a.*x\.parquet: row 4: not a"):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
    images[1:] = [{"bytes": png(PIXELS[0, :2])}, {"bytes": None}]
    pq.write_table(pa.table({"image": images[:2], "label": [0, 1]}), tmp_path / "y.parquet")
    with pytest.raises(DataError, match=r"it is 4x3, but .*y\.parquet: row 2 is 4x2 .* - set preprocess\.image_size"):
        packed(tmp_path / "y.parquet", tmp_path / "other")
    images[1:2] = [{"bytes": png(PIXELS[0, ..., 0])}, images[1]]
    pq.write_table(pa.table({"image": images[:3], "label": [0, 1, 0]}), tmp_path / "both.parquet")
    both = r"in color, but .*row 2 is gray; it is 4x3, but .*row 3 is 4x2 .* set preprocess\.color .*, and set .*size"
    with pytest.raises(DataError, match=both):
        packed(tmp_path / "both.parquet", tmp_path / "both")
    del images[1]
    pq.write_table(pa.table({"image": images, "label": [0, 1, 0]}), tmp_path / "z.parquet")
    with pytest.raises(DataError, match="row 3 has no image in it"):
        packed(tmp_path / "z.parquet", tmp_path / "third", (3, 4))


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ([[1.0, 2.0], [3.0]], "lists have 1 and 2 values"),
        ([[1.0, 2.0], None], "has no values"),
        ([[1.0, 2.0], [1.0, float("nan")]], "NaN or Inf in row 2"),
        ([[1.0, 2.0], [1.0, None]], "NaN or Inf in row 2"),
    ],
)
def test_lists_that_are_no_features_are_refused(tmp_path, lists, words):
    pq.write_table(pa.table({"x": lists, "y": ["a", "b"]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=words):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
    assert not children()


def test_a_missing_shard_is_named(tmp_path):
    write_images(tmp_path / "train-00001-of-00003.parquet", range(3))
    with pytest.raises(DataError, match=r"train-00000-of-00003\.parquet is missing, and 1 more"):
        packed(tmp_path, tmp_path / "pack")
    write_images(tmp_path / "train-00000-of-00003.parquet", range(3))
    with pytest.raises(DataError, match=r"train-00002-of-00003\.parquet is missing - download all files"):
        packed(tmp_path, tmp_path / "pack")


def test_shards_of_two_sets_are_refused(tmp_path):
    write_images(tmp_path / "train-00000-of-00002.parquet", range(3))
    write_images(tmp_path / "train-00001-of-00002.parquet", range(3), names=("dog", "cat"))
    with pytest.raises(DataError, match="its columns or classes are not those of train-00000"):
        packed(tmp_path, tmp_path / "pack")


@pytest.mark.long
def test_a_file_that_takes_too_much_memory_is_refused(tmp_path, monkeypatch):
    table = pa.table({"image": [b"\0" * (200 << 20)] * 2, "label": ["a", "b"]})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    assert (tmp_path / "bomb.parquet").stat().st_size < 1 << 20
    monkeypatch.setattr(parquet, "_MEMORY", 128 << 20)
    file = Parquet(tmp_path / "bomb.parquet")
    with pytest.raises(DataError, match="takes more than 134 MB of memory to read - write it in smaller row groups"):
        list(file.images("image"))
    assert not children()


def test_a_child_that_is_killed_is_a_line(tmp_path):
    write_images(tmp_path / "x.parquet", range(3))
    with Parquet(tmp_path / "x.parquet") as file:
        assert file.schema().rows == 3
        os.kill(file._process.pid, signal.SIGKILL)
        with pytest.raises(DataError, match=r"damaged, or not a Parquet file \(pyarrow ended: SIGKILL\)"):
            file.labels("label")
        assert file.labels("label") == [0, 1, 0]  # by another
    assert not children()


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    write_images(tmp_path / "x.parquet", range(3))

    def missing(name):
        raise parquet.PackageNotFoundError(name)

    monkeypatch.setattr(parquet, "version", missing)
    with pytest.raises(UsageError, match=r"need pyarrow - pip install 'imgclf\[parquet\]'"):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
    monkeypatch.setattr(parquet, "version", lambda name: "14.0.0")
    with pytest.raises(UsageError, match=r"pyarrow 14\.0\.0 is not safe"):
        packed(tmp_path / "x.parquet", tmp_path / "pack")
