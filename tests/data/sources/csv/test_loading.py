"""Tables of images, pixels and features, as people have them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.config import Config
from imgclf.data.sources import folder, recognize
from imgclf.data.sources.csv import image_places, loading
from imgclf.errors import DataError, UsageError
from imgclf.training.data_check import check_data_set

ALL = ("train", "val", "test")


def write_image(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 3), level).save(path, "PNG")


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    """Write files below a folder: a table from its text, an image from its level; return the folder."""

    def write(files):
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                write_image(path, content)
            else:
                path.write_text(content)
        return tmp_path / "data"

    return write


def seen(found):
    """Return the classes of each split, and the level and the class of each of its images."""
    return {
        split: [
            (int(level), data.class_names[y])
            for level, y in zip(data.pixels(np.arange(len(data)))[:, 0, 0, 0], data.y, strict=True)
        ]
        for split, data in found.items()
    }


LEVELS = {"train": [(1, "cat"), (10, "cat"), (2, "dog")]}
FILES = {"img1.png": 1, "img10.png": 10, "img2.png": 2}


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ("filename,label\nimg2.png,dog\nimg10.png,cat\nimg1.png,cat\n", "."),
        ("id,breed\nimg2,dog\nimg1,cat\nimg10,cat\n", "train"),
        ("Image_ID;Class\nimg2;dog\nimg1;cat\nimg10;cat\n", "images"),
        ("image,species\nimg1,cat\nimg2,dog\nimg10,cat\n", "labels"),
        ("file_name,label,width\nimg1.png,cat,4\nimg2.png,dog,4\nimg10.png,cat,4\n", "anything"),
        ("path\tclass\nphotos/img2.png\tdog\n./photos/img10.png\tcat\nphotos\\img1.png\tcat\n", "photos"),
        ("img2.png,dog\nimg1.png,cat\nimg10.png,cat\n", "train/images"),
        ("label,image\ncat,img1.png\ndog,img2.png\ncat,img10.png\n", "photos/Images"),
        ("x,what\nimg1.png,cat\nimg2.png,dog\nimg10.png,cat\n", "images"),
    ],
)
def test_images_that_a_table_names_are_those_of_class_folders(write, table, place):
    root = write({"labels.csv": table, **{f"{place}/{name}": level for name, level in FILES.items()}})
    options = {"image_column": "x"} if table.startswith("x,") else {}
    assert seen(loading.load(root, ALL, **options)) == LEVELS
    assert recognize(root) == recognize(root / "labels.csv") == "csv"
    for label, name, level in (("cat", "img1", 1), ("cat", "img10", 10), ("dog", "img2", 2)):
        write_image(root.parent / "folder" / label / f"{name}.png", level)
    for path in (root, root / "labels.csv"):
        (ours,) = loading.list_splits(path, ALL, **options).values()
        (theirs,) = folder.list_splits(root.parent / "folder", ALL).values()
        assert ours.proven()[0] == theirs.proven()[0]  # one key of the cache, and of a pack


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("split", {"train": "train", "val": "validation", "test": "test"}),
        ("subset", {"train": "Training", "val": "dev", "test": "testing"}),
        ("data set", {"train": "train", "val": "valid", "test": "test"}),
        ("Usage", {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}),
        ("partition", {"train": "train", "val": "eval", "test": "test"}),
        ("set", {"train": "train", "test": "eval"}),
    ],
)
def test_a_column_of_splits_divides_the_rows(write, name, splits):
    rows = "".join(f"{split}{n},{label},{word}\n" for split, word in splits.items() for n, label in enumerate("ab"))
    images = {f"{split}{n}.png": 10 * at + n for at, split in enumerate(splits) for n in range(2)}
    root = write({"labels.csv": f"image,label,{name}\n{rows}", **images})
    expected = {split: [(10 * at, "a"), (10 * at + 1, "b")] for at, split in enumerate(splits)}
    assert seen(loading.load(root, ALL)) == expected
    assert seen(loading.load(root, ["test"])) == {"test": expected["test"]}
    pixels = "".join(f"{w},{label},{n},0,0,0\n" for w in splits.values() for n, label in enumerate("ab"))
    found = loading.load(write({"labels.csv": f"{name},label,p0,p1,p2,p3\n{pixels}"}), ALL)
    assert seen(found) == {split: [(0, "a"), (1, "b")] for split in splits}


@pytest.mark.parametrize(
    "files",
    [
        {"train.csv": "id,label\n1,a\n2,b\n", "test.csv": "id,label\n1,b\n"},
        {"train_labels.csv": "id,label\n1,a\n2,b\n", "test_labels.csv": "id,label\n1,b\n", "classes.csv": "n,m\na,1\n"},
        {
            "train/metadata.csv": "file_name,label\n1.png,a\n2.png,b\n",
            "test/metadata.csv": "file_name,label\n1.png,b\n",
        },
        {"metadata.csv": "file_name,label\ntrain/1.png,a\ntest/1.png,b\ntrain/2.png,b\n"},
        {"all.csv": "image,label\ntrain\\1.png,a\ntest\\1.png,b\ntrain\\2.png,b\n"},
    ],
)
def test_splits_come_from_the_names_of_files_and_folders(write, files):
    root = write({**files, "train/1.png": 1, "train/2.png": 2, "test/1.png": 7})
    assert seen(loading.load(root, ALL)) == {"train": [(1, "a"), (2, "b")], "test": [(7, "b")]}
    assert recognize(root) == "csv"


@pytest.mark.parametrize("form", ["images", "pixels", "features"])
def test_nothing_but_the_order_of_pixels_depends_on_the_order_of_rows(write, form):
    rows = [("img1", 10, 0), ("img10", 9, 50), ("img2", 10, 100), ("img3", "9", 9)]
    header = {"images": "image,label", "pixels": "label,pixel0,pixel1,pixel2,pixel3", "features": "label,a,b"}[form]
    line = {"images": "{0},{1}", "pixels": "{1},{2},0,0,0", "features": "{1},{2},0.5"}[form]
    images = {f"{name}.png": level for name, _, level in rows}
    found = []
    for order in (rows, rows[::-1]):
        text = "\n".join([header, *(line.format(*row) for row in order)])
        found.append(loading.load(write({"labels.csv": text, **images}), ALL)["train"])
    assert found[0].class_names == found[1].class_names == ("9", "10")
    assert sorted(found[0].y.tolist()) == sorted(found[1].y.tolist()) == [0, 0, 1, 1]
    if form == "images":
        assert found[0].fingerprint == found[1].fingerprint


DIGITS = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
DIGITS[:, 0, 0] = DIGITS[:, -1, -1] = 0  # as on the border of digits
LABELS = [5, 0, 4, 1] * 3


def pixel_table(header, *, first=True, number="{}"):
    rows = [] if header is None else [header]
    for label, image in zip(LABELS, DIGITS, strict=True):
        pixels = ",".join(number.format(value) for value in image.ravel())
        rows.append(f"{label},{pixels}" if first else f"{pixels},{label}")
    return "\n".join(rows) + "\n"


PIXELS = [f"pixel{n}" for n in range(64)]
GRID = [f"{row}x{column}" for row in range(1, 9) for column in range(1, 9)]


@pytest.mark.parametrize(
    "table",
    [
        pixel_table("label," + ",".join(PIXELS)),
        pixel_table("class," + ",".join(f"px {n}" for n in range(1, 65))),
        pixel_table(",".join([*PIXELS, "target"]), first=False),
        pixel_table("label," + ",".join(GRID)),
        pixel_table("digit," + ",".join(map(str, range(64)))),
        pixel_table("label," + ",".join(PIXELS), number="{}.0"),
        pixel_table("label," + ",".join(PIXELS), number='"{}"'),
        pixel_table(None),
        pixel_table(None, first=False),
        pixel_table(",".join(["0", *(f"0.{n}" for n in range(1, 65))])),
    ],
)
def test_pixels_in_columns_are_upright_images(write, table):
    root = write({"train.csv": table})
    for path in (root, root / "train.csv"):
        found = loading.load(path, ALL)["train"]
        assert found.images.shape == (12, 8, 8, 1)
        assert found.images[..., 0].tolist() == DIGITS.tolist()
        assert found.class_names == ("0", "1", "4", "5")  # no empty class
        assert [int(found.class_names[label]) for label in found.y] == LABELS
        assert recognize(path) == "csv"


def test_pixels_are_put_in_order_by_their_number(write):
    order = np.random.default_rng(1).permutation(64)
    rows = "\n".join(
        f"{label},{','.join(map(str, image.ravel()[order]))}" for label, image in zip(LABELS, DIGITS, strict=True)
    )
    root = write({"x.csv": f"label,{','.join(f'pixel{n}' for n in order)}\n{rows}"})
    assert loading.load(root, ALL)["train"].images[..., 0].tolist() == DIGITS.tolist()


def test_three_values_a_pixel_are_red_green_and_blue(write):
    pixels = np.random.default_rng(2).integers(0, 256, (2, 2, 2, 3))
    rows = "\n".join(f"{label},{','.join(map(str, image.ravel()))}" for label, image in zip("ab", pixels, strict=True))
    root = write({"x.csv": f"label,{','.join(f'pixel{n:04}' for n in range(12))}\n{rows}"})
    assert loading.load(root, ALL)["train"].images.tolist() == pixels.tolist()


def test_a_test_file_without_labels_is_named_not_read(write):
    bare = "\n".join([",".join(PIXELS), ",".join(["0"] * 64)])
    root = write(
        {"train.csv": pixel_table("label," + ",".join(PIXELS)), "test.csv": bare, "sample_submission.csv": "a,b\n1,2"}
    )
    assert list(loading.load(root, ALL)) == ["train"]
    passed = "test.csv (no labels: for `imgclf predict`); sample_submission.csv (an example of a submission)"
    assert loading.warnings(root) == [f"{root}: passed over: {passed}"]


IRIS = [("setosa", 5.1, 1.4), ("virginica", 6.3, 6.0), ("versicolor", 7.0, 4.7)]


@pytest.mark.parametrize(
    ("header", "line", "label"),
    [
        ("petal,sepal,species", "{1},{2},{0}", None),
        ("400.5,401.0,label", "{1},{2},{0}", None),
        ("Id,petal,sepal,variety", "9{3},{1},{2},{0}", None),
        ("label,f0,f1,f2,f3", "{0},{1},{2},0,0", None),
        ("a,b,c", "{3},{1},{2}", "a"),
        ("path,class,e_0,e_1,e_2,e_3", "x{3}.png,{0},{1},{2},1,1", None),
        (None, "{1},{2},{0}", None),
        (None, "{3},{1},{2}", None),
        (None, "{3},{1},{2}", 1),
    ],
)
def test_other_numbers_are_features(write, header, line, label):
    rows = [line.format(name, a, b, n) for n, (name, a, b) in enumerate(IRIS)]
    root = write({"features.csv": "\n".join([header, *rows] if header else rows)})
    found = loading.load(root, ALL, **({} if label is None else {"label_column": label}))["train"]
    assert found.images.dtype == np.float32
    assert found.images[:, :2].tolist() == np.float32([row[1:] for row in IRIS]).tolist()
    names = ("setosa", "versicolor", "virginica") if "{0}" in line else ("0", "1", "2")
    assert found.class_names == names
    assert found.y.tolist() == ([0, 2, 1] if "{0}" in line else [0, 1, 2])


def test_columns_of_numbers_that_float32_makes_0_are_named(write):
    root = write({"x.csv": "a,b,c,d,label\n1e-60,0,1e-60,1,x\n0,0,0.5,2,y\n-3e-50,0,2,3,y\n"})
    assert loading.load(root, ALL)["train"].images[:, 0].tolist() == [0, 0, 0]
    (warning,) = loading.warnings(root / "x.csv")
    assert warning.endswith("x.csv: 'a': too small for float32, read as 0: multiply them")


def test_columns_that_are_not_used_are_named(write):
    root = write({"x.csv": "path,label,f0,f1,f2,f3\nx,a,1,2,3,4\n"})
    assert loading.warnings(root / "x.csv") == [f"{root}/x.csv: columns not used: 'path'"]
    root = write({"x.csv": "image_id,dx,type,age\n1,nv,a,7\n2,mel,b,8\n"})
    assert loading.warnings(root / "x.csv") == [f"{root}/x.csv: columns not used: 'dx', 'age'"]
    root = write({"x.csv": "1.5,2.5,a\n3,4,b\n"})
    assert loading.warnings(root) == [f"{root}/x.csv: no column is called label: labels are read from column 3"]
    pixels = ",".join(f"pixel{n}" for n in range(4))
    root = write({"x.csv": f"label,{pixels}\na,0.5,1,0,0\n"})
    assert loading.warnings(root) == [
        f"{root}/x.csv: pixels that are not whole numbers within 0..255 of a square: read as features"
    ]


def test_pixels_without_labels_are_not_taken_for_labels(write):
    rows = "\n".join(",".join(map(str, image.ravel())) for image in DIGITS)
    for header in ("", ",".join(map(str, range(64))) + "\n", ",".join(PIXELS) + "\n"):
        with pytest.raises(DataError, match="labels"):
            loading.load(write({"x.csv": header + rows}), ALL)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "image,label,class\na,1,2\n",
            r"the labels may be in 'label', 'class' - name one: -s data\.options\.label_column=label or",
        ),
        (
            "image,dx,age\na,nv,3\nb,mel,4\n",
            r"may be in 'dx', 'age' - name one: .*label_column=dx or -s data\.options\.label_column=age",
        ),
        (
            "filename,path,label\na,b,c\n",
            r"the file names may be in 'filename', 'path' - name one: -s data\.options\.image_column",
        ),
        ("image,the class,its class\na,1,2\n", r"-s 'data\.options\.label_column=the class'"),
        ("image,$(x),'\na,1,2\n", r"-s data\.options\.label_column=2 or -s data\.options\.label_column=3"),
        ("f0,f1,f2,f3\n1,2,3,4\n", "no column holds the labels - add a column, named label"),
        ("label,f0,f1,f2,f3,note,text\na,1,2,3,4,x,y\n", None),
        ("label,size,note\na,1,hello\na,2,hello\na,3,hello\n", r"'note': text, neither numbers nor names"),
        ("1,2\n2,1\n3,3\n", "the labels may be in column '1', '2'"),
    ],
)
def test_what_is_not_plain_is_asked_for_in_one_line(write, table, words):
    root = write({"x.csv": table})
    if words is None:
        assert loading.load(root, ALL)["train"].images.shape == (1, 4)
        return
    with pytest.raises(DataError, match=words) as caught:
        loading.load(root, ALL)
    assert len(str(caught.value).removeprefix(str(root))) < 300


def test_options_name_columns_by_name_or_number(write):
    root = write(
        {"x.csv": "image,label,class\n1,a,c\n2,b,d\n", "1.png": 1, "2.png": 2, "y.csv": "image,label\n1,q\n2,r\n"}
    )
    for options, names in (
        ({"label_column": "class", "labels_file": "x.csv"}, ("c", "d")),
        ({"label_column": "LABEL", "labels_file": "x.csv"}, ("a", "b")),
        ({"label_column": 3, "labels_file": "x.csv"}, ("c", "d")),
        ({"labels_file": "y.csv"}, ("q", "r")),
    ):
        assert loading.load(root, ALL, **options)["train"].class_names == names
    with pytest.raises(
        DataError, match=r"labels may be in 'x\.csv', 'y\.csv' - name one: -s data\.options\.labels_file=x\.csv"
    ):
        loading.load(write({"x.csv": "image,label\n1,a\n2,b\n"}), ALL)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"column": "a"}, "unknown option 'column' - known are labels_file, image_column, label_column, split_column"),
        ({"label_column": "nose"}, "has no column 'nose' - it has 'image', 'label'"),
        ({"label_column": 3}, "has no column '3'"),
        ({"label_column": 1.5}, "label_column: '1.5' is not the name or the number of a column"),
        ({"labels_file": 3}, "labels_file: '3' is not a path"),
        ({"labels_file": "../x.csv"}, "leads out of data.path"),
        ({"labels_file": "/x.csv"}, "leads out of data.path"),
    ],
)
def test_wrong_options_are_refused(write, options, words):
    root = write({"x.csv": "image,label\n1,a\n2,b\n"})
    with pytest.raises(UsageError, match=words):
        loading.load(root, ALL, **options)
    with pytest.raises(UsageError, match="is a file itself"):
        loading.load(root / "x.csv", ALL, labels_file="x.csv")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("emotion,pixels,Usage", "{label},{pixels},{usage}"),  # FER2013
        ("emotion, Usage, pixels", "{label}, {usage}, {pixels}"),
        ('"pixels";"label";"usage"', '"{pixels}";"{label}";"{usage}"'),
    ],
)
def test_a_cell_of_all_pixels_is_an_image(write, header, row):
    images = np.arange(6 * 64).reshape(6, 8, 8) % 251
    usage = ["Training", "PrivateTest", "Training", "PublicTest", "Training", "Training"]
    rows = [
        row.format(label=number % 2, pixels=" ".join(map(str, image.ravel())), usage=usage[number])
        for number, image in enumerate(images)
    ]
    root = write({"fer2013.csv": "\n".join([header, *rows])})
    assert loading.splits(root) == {"train", "val", "test"}
    assert loading.warnings(root) == []
    found = loading.load(root, ALL)
    for split, own in (("train", [0, 2, 4, 5]), ("val", [3]), ("test", [1])):
        assert found[split].pixels(np.arange(len(own)))[..., 0].tolist() == images[own].tolist()
        assert [found[split].class_names[y] for y in found[split].y] == [str(number % 2) for number in own]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("0," + " ".join(["7"] * 65), "row 4 has 66 cells, the first 65"),
        ("0," + " ".join(["7"] * 63), "row 4 has 64 cells, the first 65"),
        ("0," + " ".join(["7"] * 63 + ["x"]), "row 4, column 'pixel63': 'x' is not a whole number within 0..255"),
        ("0," + " ".join(["256"] + ["7"] * 63), "row 4, column 'pixel0': '256' is not a whole number within 0..255"),
    ],
)
def test_a_cell_of_other_pixels_is_refused(write, monkeypatch, bad, problem):
    monkeypatch.setattr("imgclf.files.csv_table._SAMPLE", 2)
    good = "1," + " ".join(["7"] * 64)
    with pytest.raises(DataError, match=problem):
        loading.load(write({"x.csv": f"label,pixels\n{good}\n{good}\n{bad}\n"}), ALL)


@pytest.mark.parametrize("table", ["image,cat,dog\n1.png,1,0\n2.png,0,1\n", "a,b,cat,dog\n.5,.3,0,1\n.2,.1,1,0\n"])
def test_one_hot_labels_are_named(write, table):
    with pytest.raises(DataError, match="the labels are one-hot, in 'cat', 'dog' - write one column, named label"):
        loading.load(write({"x.csv": table, "1.png": 1, "2.png": 2}), ALL)


@pytest.mark.parametrize(
    "table", ["a,b,c,d\n0,0,1,1\n0,0,1,2\n", "f,c,l,m\n.5,1,0,1\n.1,1,0,2\n", "a,b,c\n0,0,7\n0,0,8\n"]
)
def test_columns_that_never_change_are_not_called_one_hot(write, table):
    with pytest.raises(DataError, match=r"the labels may be in .* - name one: "):
        loading.load(write({"x.csv": table}), ALL)


@pytest.mark.parametrize("table", ["a;b;label\n0,5;0,7;x\n1,5;0,1;y\n", "a\tb\tkind\n1\t2\tx\n1,5\t-0,1\ty\n",
                                   "0,5;0,7;x\n1,5;0,1;y\n"])  # fmt: skip
def test_decimal_commas_are_named(write, table):
    with pytest.raises(DataError, match=r"numbers with decimal commas, such as '\d,5' - write decimal points"):
        loading.load(write({"x.csv": table}), ALL)


@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "{root}/../out.png", "C:\\out.png", "..\\out.png", ".", "..", "", "\x1b"]
)
def test_a_name_may_not_leave_the_folder(write, name):
    root = write({"../out.png": 1, "in.png": 2, "a/in.png": 3})
    write({"x.csv": f"image,label\nin.png,a\n{name.format(root=root)},b\n"})
    with pytest.raises(DataError, match=r"row 3: .* is not the name of a file inside"):
        loading.load(root, ALL)


def test_a_link_may_lead_only_inside(write):
    root = write({"../out/1.png": 1, "in.png": 2, "x.csv": "image,label\nlink.png,a\n"})
    (root / "link.png").symlink_to(root / "in.png")
    assert seen(loading.load(root, ALL)) == {"train": [(2, "a")]}
    (root / "link.png").unlink()
    (root / "link.png").symlink_to(root.parent / "out" / "1.png")
    with pytest.raises(DataError, match=r"row 2: 'link.png' is a link that leads nowhere or out"):
        loading.load(root, ALL)
    (root / "link.png").unlink()
    (root / "linked").symlink_to(root.parent / "out")
    write({"x.csv": "image,label\nlinked/1.png,a\n"})
    with pytest.raises(DataError, match=r"1 of 1 file missing: row 2 \(linked/1\.png\)"):
        loading.load(root, ALL)


def test_all_missing_files_are_counted_in_one_line(write):
    rows = "".join(f"{n}.png,a\n" for n in range(50))
    root = write({"labels.csv": f"image,label\n{rows}", "images/3.png": 1})
    with pytest.raises(
        DataError, match=r"49 of 50 files missing: row 2 \(0\.png\), row 3 .* and 46 more - looked in \., images"
    ):
        loading.load(root, ALL)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("image,label\n1,a\n2,\n", "row 3 has no label"),
        ("image,label\n1,a\n2\n", "row 3 has 1 cell, the first 2"),
        ("image,label\n1,a\n1.png,b\n", "1.png is 'a' in row 2 and 'b' in row 3"),
        ("image,label\n4,a\n", "row 2: '4' may be sets/a/4.png, sets/b/4.png - write the folder"),
        ("image,label\n3,a\n", "row 2: '3' may be 3.jpg, 3.png - write the ending"),
        ("image,label,split\n1,a,train\n2,b,trian\n", "row 3: 'trian' is not a split - write train, val or test, or r"),
        ("image,label,set\n1,a,\n2,b,train\n", "row 2: '' is not a split"),
        ("a,b,Subset,label\n1,2,hold out,x\n3,4,Test,y\n", "row 2: 'hold out' is not a split"),
        ("label,pixel0,pixel1,pixel2,pixel3\na,1,2,3,4\n,1,2,3,4\n", "row 3 has no label"),
        ("label,pixel0,pixel1,pixel2,pixel3\na,1,2,3,4\nb,1,2,3,256\n", None),
        ("image,label\n1,a\u0007\n", "is not a class name"),
    ],
)
def test_mistakes_are_named_by_row(write, table, words):
    root = write({"x.csv": table, "1.png": 1, "2.png": 2, "3.png": 3, "3.jpg": 3})
    write({"sets/a/4.png": 4, "sets/b/4.png": 4})
    if words is None:  # not bytes: features
        loading.load(root, ALL)
        return
    with pytest.raises(DataError, match=words):
        loading.load(root, ALL)


@pytest.mark.parametrize("table", ["image,label\n1,1\n2,2.5\n3,0.137\n", "a,b,label\n1,2,1\n3,4,2.5\n5,6,1e-3\n"])
def test_labels_that_are_numbers_but_not_whole_are_regression(write, table):
    root = write({"x.csv": table, "1.png": 1, "2.png": 2, "3.png": 3})
    with pytest.raises(DataError, match=r"x\.csv: label '2\.5' in row 3 is not a whole number - .* is regression"):
        loading.load(root, ALL)
    (root / "x.csv").write_text(table.replace("2.5", "v2.5"))  # a name
    assert "v2.5" in loading.load(root, ALL)["train"].class_names


@pytest.mark.parametrize("label", ["nan", "NaN", "None", "null", "NA", "<NA>", "inf", "-Infinity", '"0,5"', "0.5"])
def test_beside_numbers_a_label_that_is_none_is_refused(write, label):
    root = write({"x.csv": f"a,label\n1,0\n2,1\n3,{label}\n"})
    with pytest.raises(DataError, match=r"x\.csv: label .* in row 4 is "):
        loading.load(root, ALL)


def test_among_words_only_nan_is_no_class(write):
    words = ["None", "null", "NA", "inf", "Nan", "cat"]
    root = write({"x.csv": "a,label\n" + "".join(f"{i},{word}\n" for i, word in enumerate(words))})
    assert {*loading.load(root, ALL)["train"].class_names} == {*words}
    (root / "x.csv").write_text("a,label\n1,cat\n2,dog\n3,nan\n")
    with pytest.raises(DataError, match="label 'nan' in row 4 is a missing one - fill it, or remove the row"):
        loading.load(root, ALL)


def test_classes_of_negative_numbers_are_in_the_order_of_the_numbers(write):
    names = ["-10", "-9", "-2", "-1", "0", "1", "2", "10"]
    for suffix in ("", ".0"):
        rows = [f"{name}{suffix},{i}.5,{i}.5" for i, name in enumerate(sorted(names))]
        root = write({"x.csv": "\n".join(["label,a,b", *rows])})
        assert loading.load(root, ALL)["train"].class_names == tuple(names)


def test_a_word_that_is_no_split_is_named_by_row(write):
    root = write({"x.csv": "image,label,split\n1,a,train\n2,b,trian\n", "1.png": 1, "2.png": 2})
    with pytest.raises(DataError, match="row 3: 'trian' is not a split - write train, val or test"):
        loading.load(root, ALL, split_column="split")


def test_a_bad_image_is_named_as_in_a_folder(write):
    root = write({"x.csv": "image,label\n1,a\n2,b\n", "1.png": 1, "2.png": "<html>"})
    with pytest.raises(DataError, match=r"1 bad of 2 files: 2\.png: not a PNG"):
        loading.load(root, ALL)


def test_class_folders_beside_a_table_are_read_as_before(write):
    root = write({"train/a/1.png": 1, "train/b/2.png": 2, "labels.csv": "image,label\n1,a\n"})
    assert recognize(root) == "folder"
    shutil.rmtree(root / "train")
    write({"a/1.png": 1, "b/2.png": 2})
    assert recognize(root) == "folder"


HAM = "lesion_id,image_id,dx,dx_type,age,sex,localization\n" + "".join(
    f"HAM_{n // 2},ISIC_{n},{'nv' if n % 3 else 'mel'},histo,{40 + n},{'male' if n % 2 else 'female'},back\n"
    for n in range(6)
)
HAM_IMAGES = {f"HAM10000_images_part_{1 + n // 3}/ISIC_{n}.png": n for n in range(6)}
NIH = "Image Index,Finding Labels,Follow-up #,Patient Age\n" + "".join(
    f"{n:08}_000.png,{'No Finding' if n % 2 else 'Mass'},{n},{50 + n}\n" for n in range(4)
)
NIH_IMAGES = {f"images_{1 + n // 2:03}/images/{n:08}_000.png": n for n in range(4)}


@pytest.mark.parametrize(
    ("files", "label"),
    [
        ({"HAM10000_metadata.csv": HAM, **HAM_IMAGES}, "dx"),
        ({"HAM10000_metadata.csv": HAM, **HAM_IMAGES, "test/ISIC_9.png": 9}, "dx"),
        ({f"HAM/data/{name}": content for name, content in {"HAM10000_metadata.csv": HAM, **HAM_IMAGES}.items()}, "dx"),
        ({"HAM10000_metadata.csv": HAM, **{f"images/{name}": n for name, n in HAM_IMAGES.items()}}, "dx"),
        ({"Data_Entry_2017.csv": NIH, **NIH_IMAGES}, "Finding Labels"),
        ({"labels.csv": "image,label\n1,x\n2,y\n", "left/1.png": 1, "right/2.png": 2}, None),
        ({"labels.csv": "image,label\n1,x\n2,y\n3,x\n", "part1/1.png": 1, "part2/2.png": 2, "part2/3.png": 3}, None),
        ({"labels.csv": "image,group\n1,x\n2,y\n3,x\n", "left/1.png": 1, "right/2.png": 2, "right/3.png": 3}, None),
        ({"labels.csv": "file,label\na/1.png,b\nb/2.png,a\n", "a/1.png": 1, "b/2.png": 2}, None),
    ],
)
def test_a_table_with_other_labels_for_the_images_in_folders_is_read(write, files, label):
    root = write(files)
    assert recognize(root) == "csv"
    if label is not None:
        with pytest.raises(DataError, match=rf"the labels may be in .* name one: .*label_column=.*{label}"):
            loading.load(root, ALL)
    found = loading.load(root, ALL, **({"label_column": label} if label else {}))
    assert len(found["train"]) == sum(name.endswith(".png") and "test" not in name for name in files)


@pytest.mark.parametrize(
    "table",
    [
        "filename,width,height\n1.png,4,3\n2.png,4,3\n",
        "filename,label\n1,Cat\n2,Dog\n",
        "path,class\n{0}/1.png,cat\n{1}/2.png,dog\n",
        "filename,label\n1,0\n2,1\n",
        "filename,width\n1.png,4\n2.png,4\n",
        "synset,words\nn01,cat\nn02,dog\n",
        "image,label\n8,a\n9,b\n",
        "label,f0,f1,f2,f3\na,1,2,3,4\n",
        "image,label\n../1.png,a\n,b\n",
        "broken,table\n1\n",
    ],
)
@pytest.mark.parametrize("folders", [("cat", "dog"), ("train/cat", "train/dog")])
def test_a_table_that_lists_the_files_of_class_folders_is_not_read(write, table, folders):
    root = write({"about.csv": table.format(*folders), f"{folders[0]}/1.png": 1, f"{folders[1]}/2.png": 2})
    assert recognize(root) == "folder"
    assert folder.warnings(root) == []


@pytest.mark.parametrize("folders", [("0", "1"), ("class_1", "class_2")])
def test_numbered_classes_are_no_parts_of_one_folder(write, folders):
    root = write({"about.csv": "image,place,sex\n1,a,f\n2,b,m\n", f"{folders[0]}/1.png": 1, f"{folders[1]}/2.png": 2})
    assert recognize(root) == "folder"
    assert recognize(root, {"label_column": "place"}) == "csv"


def test_class_folders_that_win_over_a_table_say_how_to_read_it(write):
    root = write({"metadata.csv": HAM, **{name.replace("part_1", "other"): n for name, n in HAM_IMAGES.items()}})
    assert recognize(root) == "folder"
    (line,) = folder.warnings(root)
    assert "metadata.csv names images" in line
    assert "-s data.options.label_column=COLUMN, one of 'lesion_id', 'dx', 'dx_type', 'sex', 'localization'" in line
    write({"metadata.csv": "image,label,split\nISIC_0,HAM10000_images_other,train\n"})
    assert recognize(root) == "folder"
    (line,) = folder.warnings(root)
    assert line.endswith("classes are the folders, though metadata.csv names images; to read it: -s data.source=csv")
    write({"metadata.csv": "image,sha\nISIC_0,a7\nISIC_1,b8\n"})  # which may be a class, but nothing says so
    assert recognize(root) == "folder"
    assert "COLUMN, one of 'sha'" in folder.warnings(root)[0]


def test_a_table_of_other_images_or_splits_than_class_folders_is_named(write):
    root = write(
        {"Train/0/1.png": 1, "Train/1/2.png": 2, "Test/3.png": 3, "Train.csv": "Path,ClassId\nTrain/0/1.png,0\n"}
    )
    write({"Test.csv": "Path,ClassId\nTest/3.png,1\n"})
    assert recognize(root) == "folder"
    how = "names images; to read it: -s data.source=csv"
    assert folder.warnings(root)[1:] == [f"{root}: classes are the folders, though Test.csv {how}"]
    (root / "Test.csv").unlink()
    table = "image,label,split\nTrain/0/1.png,0,train\nTrain/1/2.png,1,val\n"
    write({"Train.csv": table})
    assert folder.warnings(root)[1:] == [f"{root}: classes are the folders, though Train.csv {how}"]
    write({"val/0/3.png": 3})
    assert len(folder.warnings(root)) == 1  # folders divide the images, too


def test_a_y_beside_an_x_is_no_label_of_an_image(write):
    boxes = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000000_000.png,Mass,1,2,3,4,,,\n"
    root = write({"BBox_List_2017.csv": boxes, "Data_Entry_2017.csv": NIH, **NIH_IMAGES})
    assert recognize(root) == "csv"
    with pytest.raises(DataError, match=r"may be in 'BBox_List_2017.csv', 'Data_Entry_2017.csv' - name one"):
        loading.load(root, ALL)
    write({"x.csv": "image,y,age\n00000000_000.png,a,3\n"})
    assert loading.load(root, ALL, labels_file="x.csv")["train"].class_names == ("a",)


def test_options_for_tables_ask_for_a_table(write):
    root = write({"x.csv": "image,label\n1,a\n2,b\n", "a/1.png": 1, "b/2.png": 2})
    assert recognize(root) == recognize(root, {"classes": 3}) == "folder"
    for options in ({"label_column": "label"}, {"image_column": 1}, {"labels_file": "x.csv"}):
        assert recognize(root, options) == "csv"


def test_an_image_that_rows_name_again_counts_once(write):
    rows = ["img1,cat", "img2.png,dog", "./img1.png,cat", "img10,cat", "img1,cat"]
    root = write({"labels.csv": "\n".join(["image,label", *rows]), **FILES})
    found = loading.load(root, ALL)
    assert seen(found) == LEVELS
    assert loading.warnings(root) == [f"{root}/labels.csv: 2 rows name an image again, which counts once"]
    write({"labels.csv": "image,label\nimg1,cat\nimg2,dog\nimg10,cat\n"})
    assert loading.warnings(root) == []
    assert loading.load(root, ALL)["train"].fingerprint == found["train"].fingerprint


def test_an_image_in_two_splits_is_left_to_the_check_of_duplicates(write):
    root = write(
        {
            "labels.csv": "image,label,split\n1.png,a,train\n2.png,b,train\n1.png,a,test\n1.png,a,test\n",
            "1.png": 1,
            "2.png": 2,
        }
    )
    assert seen(loading.load(root, ALL)) == {"train": [(1, "a"), (2, "b")], "test": [(1, "a")]}
    assert loading.warnings(root) == [f"{root}/labels.csv: 1 row names an image again, which counts once"]
    data = {"source": "csv", "path": str(root)}
    kinds = [finding.kind for finding in check_data_set(Config(data=data))[1]]
    assert "equal across splits" in kinds


@pytest.mark.parametrize(
    ("table", "extra", "lines"),
    [
        ("labels.csv", ["train/8.png"], ["1 image in train/ is not in labels.csv, such as 8.png"]),
        (
            "labels.csv",
            ["test/8.png", "test/9.png"],
            ["2 images in test/ are not in labels.csv, such as 8.png: for `imgclf predict`"],
        ),
        ("labels.csv", ["train/._8.png", "train/note.txt", "__MACOSX/8.png", "masks/Thumbs.db"], []),
        ("labels.csv", ["plot.png"], ["1 image in . is not in labels.csv, such as plot.png"]),
        ("labels.csv", ["more/cat/8.png", "more/dog/8.png"], ["2 folders in more/ are not in labels.csv, such as cat"]),
        ("labels.csv", ["test/images/8.png"], ["1 image in test/images/ is not in labels.csv, such as 8.png: for `im"]),
        ("train/metadata.csv", ["train/8.png"], ["1 image in train/ is not in train/metadata.csv, such as 8.png"]),
    ],
)
def test_images_without_a_row_are_counted_by_folder(write, monkeypatch, table, extra, lines):
    root = write({table: "image,label\n1,a\n2,b\n", "train/1.png": 1, "train/2.png": 2, **dict.fromkeys(extra, 3)})
    monkeypatch.setattr(Image, "open", None)
    found = loading.warnings(root)
    assert len(found) == len(lines)
    assert all(line.startswith(f"{root}: {wanted}") for line, wanted in zip(found, lines, strict=True))
    of_file = loading.warnings(root / table)  # of which only folders with images are looked into
    assert [line.endswith("such as 8.png") for line in of_file] == [True for line in found if " in train/ " in line]


def test_images_that_any_table_names_have_a_row(write):
    tables = {"train.csv": "id,label\n1,a\n2,b\n", "val.csv": "id,label\n3,b\n", "test.csv": "id,label\n4,b\n"}
    root = write({**tables, **{f"images/{n}.png": n for n in range(1, 6)}, "sets/deep/1/6.png": 6})
    assert loading.warnings(root) == [
        f"{root}: 1 image in images/ is not in train.csv or val.csv or test.csv, such as 5.png",
        f"{root}: 1 folder in sets/ is not in train.csv or val.csv or test.csv, such as deep",
    ]
    write({"test.csv": "id,label\n4,\n"})  # is an error where test images are loaded, and only there
    assert loading.warnings(root) == []


def test_of_many_folders_without_a_row_the_first_are_named(write):
    root = write({"x.csv": "image,label\n1,a\n2,b\n", "1.png": 1, "2.png": 2, **{f"f{n}/9.png": 9 for n in range(8)}})
    found = loading.warnings(root)
    assert len(found) == 6
    assert found[-1] == f"{root}: nor are those of 3 more folders"


def test_every_folder_is_listed_once_for_warnings(write, monkeypatch):
    tables = {f"{split}.csv": f"id,label\n{n},a\n" for n, split in enumerate(ALL)}
    root = write({**tables, **{f"images/{n}.png": n for n in range(4)}, "other/9.png": 9})
    listed, scandir = [], os.scandir
    monkeypatch.setattr(image_places.os, "scandir", lambda path: listed.append(Path(path).name) or scandir(path))
    assert len(loading.warnings(root)) == 2
    assert listed.count("images") == listed.count("other") == 1


def test_tables_in_a_single_folder_are_those_of_the_folder_around(write):
    root = write(
        {"unzipped/labels.csv": "image,label\n1,a\n2,b\n", "unzipped/train/1.png": 1, "unzipped/train/2.png": 2}
    )
    assert recognize(root) == "csv"
    assert (
        seen(loading.load(root, ALL)) == seen(loading.load(root / "unzipped", ALL)) == {"train": [(1, "a"), (2, "b")]}
    )
    assert loading.splits(root) == {"train"}
    write({"unzipped/train/3.png": 3})
    assert "1 image in train/ is not in labels.csv" in loading.warnings(root)[0]
    assert loading.warnings(root) == loading.warnings(root / "unzipped")


def test_a_table_of_images_is_offered_beside_tables_of_pixels(write):
    pixels = {f"hmnist_8_8_{color}.csv": pixel_table("label," + ",".join(PIXELS)) for color in ("L", "RGB")}
    root = write({"HAM10000_metadata.csv": HAM, "names.csv": "code,meaning\nnv,nevus\n", **pixels, **HAM_IMAGES})
    assert recognize(root) == "csv"
    with pytest.raises(
        DataError, match=r"may be in 'HAM10000_metadata.csv', 'hmnist_8_8_L.csv', 'hmnist_8_8_RGB.csv' -"
    ):
        loading.load(root, ALL)
    assert len(loading.load(root, ALL, labels_file="HAM10000_metadata.csv", label_column="dx")["train"]) == 6


@pytest.mark.parametrize("around", ["", "images/"])
def test_a_name_that_is_in_folders_of_several_splits_is_that_of_the_split_of_its_row(write, around):
    rows = [f"{n}.png,{'ab'[n]},{split}" for split in ALL for n in range(2)]
    images = {f"{around}{split}/{n}.png": 10 * k + n for k, split in enumerate(ALL) for n in range(2)}
    root = write({"labels.csv": "\n".join(["file,label,split", *rows]), **images})
    expected = {split: [(10 * k, "a"), (10 * k + 1, "b")] for k, split in enumerate(ALL)}
    assert seen(loading.load(root, ALL)) == expected
    assert loading.warnings(root) == []


def test_val_images_without_a_folder_are_among_those_of_train(write):
    table = "file,label,split\n1,a,train\n2,b,train\n3,b,val\n"
    root = write({"folds.csv": table, **{f"{one}/{n}.png": n for one in ("train", "test") for n in (1, 2, 3)}})
    assert seen(loading.load(root, ALL)) == {"train": [(1, "a"), (2, "b")], "val": [(3, "b")]}


def test_a_name_in_two_folders_alike_is_refused_however_its_label(write):
    images = {f"{folder}/{n}.png": n for folder in "ab" for n in (1, 2)}
    root = write({"annotations.csv": "file,label\n1.png,x\n2.png,y\n", **images})
    assert recognize(root) == "csv"
    with pytest.raises(DataError, match=r"row 2: '1\.png' may be a/1\.png, b/1\.png - write the folder in the table"):
        loading.load(root, ALL)


@pytest.mark.parametrize(
    ("names", "labels", "source"),
    [
        ("01", "10", "csv"),
        (("0", "01"), ("1.0", "0.0"), "csv"),
        ("01", "01", "folder"),
        (("cat", "dog"), "10", "folder"),
    ],
)
def test_numbers_that_are_names_of_folders_must_agree_with_them(write, names, labels, source):
    rows = [f"{n}.png,{labels[n % 2]}" for n in range(4)]
    root = write({"labels.csv": "\n".join(["file,label", *rows]), **{f"{names[n % 2]}/{n}.png": n for n in range(4)}})
    assert recognize(root) == source


@pytest.mark.parametrize(
    ("label", "other", "splits"),
    [
        ("label", "sex", {"train"}),
        ("what", "sex", {"train"}),
        ("what", "what", {"train", "test"}),
        ("label", "class", {"train", "test"}),
    ],
)
def test_another_column_than_that_of_train_holds_no_labels(write, label, other, splits):
    tables = {"train.csv": f"file,{label}\n1,0\n2,1\n", "test.csv": f"file,{other}\n3,0\n4,1\n"}
    root = write({**tables, **{f"{n}.png": n for n in range(1, 5)}})
    assert loading.load(root, ALL).keys() == splits
    assert ("test.csv (no labels: for `imgclf predict`)" in str(loading.warnings(root))) == ("test" not in splits)
    like = loading.load(root, ("train",))["train"].input_format
    if "test" in splits:
        assert len(loading.load(root / "test.csv", ALL, like=like)["train"]) == 2
    else:
        with pytest.raises(DataError, match="no column holds the labels: 'sex' is not called so - name that column"):
            loading.load(root / "test.csv", ALL, like=like)


def test_other_data_than_that_of_training_is_in_the_folder_of_test(write):
    images = {f"{split}/{n}.png": 10 * k + n for k, split in enumerate(("train", "test")) for n in (1, 2)}
    root = write({"train.csv": "id,label\n1,a\n2,b\n", "more.csv": "id,label\n1,a\n2,b\n", **images})
    like = loading.load(root, ALL)["train"].input_format
    assert seen(loading.load(root / "more.csv", ALL, like=like)) == {"train": [(11, "a"), (12, "b")]}
    assert seen(loading.load(root / "train.csv", ALL, like=like)) == {"train": [(1, "a"), (2, "b")]}


def test_a_word_that_is_no_split_is_an_error_in_any_row(write):
    rows = [f"{n}.png,{'ab'[n % 2]},{'train' if n % 12 else 'holdout'}" for n in range(1, 24)]
    for order in (rows, rows[::-1], [*rows[12:], *rows[:12]]):
        root = write({"x.csv": "\n".join(["file,label,split", *order]), **{f"{n}.png": n for n in range(1, 24)}})
        row = 2 + next(n for n, line in enumerate(order) if "holdout" in line)
        with pytest.raises(DataError, match=f"row {row}: 'holdout' is not a split"):
            loading.load(root, ALL)


LOOKS = "looks like splits; to use it: "


@pytest.mark.parametrize(
    ("name", "words", "remark"),
    [
        ("phase", ("train", "test"), f"column 'phase' {LOOKS}-s data.options.split_column=phase"),
        ("the fold", ("Training", "val"), f"column 'the fold' {LOOKS}-s 'data.options.split_column=the fold'"),
        ("train", ("True", "False"), f"column 'train' {LOOKS}write train and test in a column named split"),
        ("is_test", ("0", "1"), f"column 'is_test' {LOOKS}write train and test in a column named split"),
        ("split", ("0", "1"), "column 'split' has none of the words train, val and test; write them, or rename the"),
        ("split", ("TRN", "TST"), "column 'split' has none of the words train, val and test; write them, or rename"),
        ("source", ("web", "test"), None),
        ("is_test", ("0", "7"), None),
        ("testing time", ("2", "7"), None),
    ],
)
def test_a_column_that_looks_like_splits_and_is_not_used_is_named(write, name, words, remark):
    for file, header, number in (("images.csv", "image,label", "{}"), ("x.csv", "size,label", "{}.5")):
        rows = [f"{number.format(n)},{'ab'[n % 2]},{words[n // 2]}" for n in range(4)]
        root = write({file: "\n".join([f"{header},{name}", *rows]), **{f"{n}.png": n for n in range(4)}})
        if file == "x.csv" and not words[0].isdecimal():
            with pytest.raises(DataError) as caught:
                loading.load(root / file, ALL)
            assert remark is None or remark in str(caught.value).replace(" - ", "; ")
            continue
        assert list(loading.load(root / file, ALL)) == ["train"]
        found = [line for line in loading.warnings(root / file) if "columns not used" not in line]
        assert [line.startswith(f"{root / file}: {remark}") for line in found] == [True] * (remark is not None)
    if "split_column" in str(remark):
        assert len(loading.load(root / "images.csv", ALL, split_column=name)) == 2


def as_pandas_names(cells):
    """Return the header that pandas makes from a row of a file without one: 0, 0, 7, 0 become 0, 0.1, 7, 0.2."""
    before = [cells[:n].count(cell) for n, cell in enumerate(cells)]
    return [f"{cell}.{again}" if again else cell for cell, again in zip(cells, before, strict=True)]


@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_pandas_made_from_an_image_changes_no_pixel(write, first):
    images = DIGITS // 40  # values that are often equal
    lines = [[str(n % 4), *map(str, image.ravel())] for n, image in enumerate(images)]
    lines = lines if first else [[*line[1:], line[0]] for line in lines]
    for lost in (0, 1):
        table = "\n".join(",".join(line) for line in [as_pandas_names(lines[lost]), *lines[lost + 1 :]])
        root = write({"x.csv": table})
        found = loading.load(root, ALL)["train"]
        assert found.images[..., 0].tolist() == images[lost + 1 :].tolist()
        assert [int(found.class_names[y]) for y in found.y] == [n % 4 for n in range(lost + 1, 12)]
        assert "pandas made names of a row of data, which is lost" in loading.warnings(root)[0]


@pytest.mark.parametrize("names", ["{1}x{0}", "p{0}.{1}", "pixel{1}"])
def test_pixels_whose_names_do_not_count_up_stay_in_the_order_of_the_file(write, names):
    header = [names.format(n // 8, n % 8) for n in range(64)]
    root = write({"x.csv": pixel_table(",".join(["label", *header]))})
    assert loading.load(root, ALL)["train"].images[..., 0].tolist() == DIGITS.tolist()


@pytest.mark.parametrize("row", ["-3,12,45,7,0", "1,0,0.35,0.75,1", "3,12,45,7,0", "1,0.1,4,9.5,0", "cat,-3,12,45,7"])
def test_a_first_row_of_numbers_that_do_not_count_is_data(write, row):
    others = "2,5,.25,4,1\n8,5,.25,4,0\n6,5,.25,4,1\n"
    root = write({"x.csv": f"{row}\n{others}" if row[0] != "c" else f"{row}\ncat,1,2,3,4\ndog,1,2,3,4\n"})
    found = loading.load(root, ALL)["train"]
    assert found.images[0].tolist() == np.float32(row.removeprefix("cat,").split(",")[:4]).tolist()
    assert len(found) == (3 if row[0] == "c" else 4)


def dim(n, classes):
    """Return a gray image whose corners are dark, the last one not always, and its class."""
    image = np.full((8, 8), 9 + n % 50)
    image[0, :2] = image[-1, -2:] = 0
    image[-1, -1] = 3 * (n % 40 == 7)
    return [*image.ravel()], n % classes


def bright(n, classes):
    """Return an image whose corners have many values, and its class."""
    return [*(np.arange(64) + 37 * n) % 190], n % classes


@pytest.mark.parametrize("by_class", [True, False])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("image", [dim, bright])
def test_without_a_header_the_class_is_told_by_rows_all_over_the_file(write, image, classes, first, by_class):
    made = [image(n, classes) for n in range(800)]
    made = sorted(made, key=lambda one: one[1]) if by_class else made
    rows = [[label, *pixels] if first else [*pixels, label] for pixels, label in made]
    root = write({"x.csv": "\n".join(",".join(map(str, row)) for row in rows)})
    found = loading.load(root, ALL)["train"]
    assert [int(found.class_names[y]) for y in found.y] == [label for _, label in made]
    assert f"labels are read from column {1 if first else 65}" in loading.warnings(root)[0]


@pytest.mark.parametrize("first", [True, False])
def test_a_rare_class_beside_a_dark_corner_is_told_from_pixels(write, first):
    pixels = np.random.default_rng(0).integers(0, 256, (400, 64)) * (np.arange(64) > 0)
    made = [(int(n % 20 == 0), row.tolist()[:: 1 if first else -1]) for n, row in enumerate(pixels)]
    rows = [[label, *pixels] if first else [*pixels, label] for label, pixels in made]
    found = loading.load(write({"x.csv": "\n".join(",".join(map(str, row)) for row in rows)}), ALL)["train"]
    assert (found.class_names, found.y.tolist()) == (("0", "1"), [label for label, _ in made])


def test_a_first_row_whose_class_is_called_like_a_label_is_data(write):
    rows = [f"{n}.25,{n}.5,{['target', 'noise'][n % 2]}" for n in range(8)]
    found = loading.load(write({"x.csv": "\n".join(rows)}), ALL)["train"]
    assert (len(found), found.class_names) == (8, ("noise", "target"))


def test_what_pandas_made_of_a_row_beside_its_index_is_refused(write):
    rows = [",9,0,0.1,0.2,18,18.1", *(f"{n},{n % 3},0,0,7,18,5" for n in range(1, 7))]
    with pytest.raises(DataError, match="the labels may be in column '1'"):
        loading.load(write({"x.csv": "\n".join(rows)}), ALL)


def test_a_column_of_splits_is_one_wherever_its_words_begin(write):
    rows = [f"{n}.5,{'ab'[n % 2]},{'hold' if n < 150 else ['train', 'test'][n % 2]}" for n in range(300)]
    with pytest.raises(DataError, match="row 2: 'hold' is not a split"):
        loading.load(write({"x.csv": "\n".join(["x,label,split", *rows])}), ALL)


@pytest.mark.parametrize("place", [0, 64])
def test_the_class_beside_an_index_and_a_header_of_numbers_is_found(write, place):
    rows = [[*image.ravel()] for image in DIGITS]
    for row, label in zip(rows, LABELS, strict=True):
        row.insert(place, label)
    lines = [["", *range(65)], *([n, *row] for n, row in enumerate(rows))]
    found = loading.load(write({"x.csv": "\n".join(",".join(map(str, line)) for line in lines)}), ALL)["train"]
    assert found.images[..., 0].tolist() == DIGITS.tolist()
    assert [int(found.class_names[y]) for y in found.y] == LABELS


def test_a_column_that_numbers_the_rows_is_not_proposed_for_labels(write):
    with pytest.raises(DataError, match="no column holds the labels - add a column, named label"):
        loading.load(write({"x.csv": ",f0,f1,f2,f3\n0,1,2,3,4\n1,1,2,3,4\n"}), ALL)


@pytest.mark.parametrize(
    "table",
    [
        "photo_id,label\n1,cat\n10,cat\n2,dog\n",
        "index,name,label\n7,10,cat\n8,1,cat\n9,2,dog\n",
        "index,label\n1,cat\n10,cat\n2,dog\n",
        "1,cat\n10,cat\n2,dog\n",
        "what,asset\ncat,1\ncat,10\ndog,2\n",
        "asset,species\n1,cat\n10,cat\n2,dog\n99,dog\n",
    ],
)
@pytest.mark.parametrize("place", ["", "images/", "train/"])
def test_a_lone_column_that_names_files_beside_the_table_is_that_of_the_images(write, table, place):
    root = write({"x.csv": table, **{f"{place}{n}.png": n for n in (1, 2, 10)}})
    if "99" in table:
        with pytest.raises(DataError, match="1 of 4 files missing"):
            loading.load(root, ALL)
        return
    assert seen(loading.load(root, ALL)) == LEVELS
    shutil.rmtree(root)
    if table.startswith("index,label"):  # a column that numbers the rows is no feature
        return
    found = loading.load(write({"x.csv": table}), ALL)["train"]
    assert (found.images.shape, found.images.dtype) == ((3, 1), np.float32)


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("x,y,z,group", None),
        ("x,y,z,kind", None),
        ("box_x,y,label", "label"),
        ("x,y", "y"),
        ("id,x,y", "y"),
        ("x1,x2,y", "y"),
        ("a,b,position_x,y", "y"),
        ("vel_x,vel_y,speed,y", "y"),
        ("x,z,y", "y"),
        ("-1,0,1,2,label", "label"),
        ("1e-3,1e-2,label", "label"),
    ],
)
def test_a_y_beside_an_x_and_more_is_no_label(write, header, label):
    names = header.split(",")
    rows = [",".join(str((n * (i + 3)) % 5) for i in range(len(names))) for n in range(9)]
    root = write({"x.csv": "\n".join([header, *rows])})
    if label is None:
        with pytest.raises(DataError, match="the labels may be in 'x', 'y', 'z', '"):
            loading.load(root, ALL)
        return
    found = loading.load(root, ALL)["train"]
    assert found.input_format.label == label
    assert found.input_format.columns == tuple(name for name in names if name not in (label, "id"))


@pytest.mark.parametrize("form", ["images", "pixels", "features"])
@pytest.mark.parametrize("label", ["quality", "class", "the Class"])
def test_the_label_of_training_wins_over_a_more_usual_name(write, form, label):
    columns = {"images": "image", "pixels": "pixel0,pixel1,pixel2,pixel3", "features": "a,b"}[form]
    row = {"images": "{0}", "pixels": "{0},0,0,0", "features": "{0}.5,1"}[form]

    def table(header, *more):
        cells = ["xyz"[n % 3] for n in range(6)], ["zxy"[n % 3] for n in range(6)]
        lines = [[row.format(n), *(cells[one][n] for one in more)] for n in range(6)]
        return "\n".join(",".join(line) for line in [[columns, *header], *lines])

    ours = {"train.csv": table([label], 0), "test.csv": table(["label", label.upper()], 1, 0)}
    root = write({**ours, **{f"{n}.png": n for n in range(6)}})
    options = {} if label == "class" else {"label_column": label}
    like = loading.load(root, ("train",), **options)["train"].input_format
    assert like.label == label
    found = [loading.load(root, ("test",), **options)["test"], loading.load(root / "test.csv", ALL, like=like)["train"]]
    (root / "train.csv").rename(root / "other.txt")
    for one in (*found, loading.load(root, ALL, like=like)["train"]):
        level = one.pixels(np.arange(6)).reshape(6, -1)[:, 0].astype(int)
        assert [one.class_names[y] for y in one.y] == ["xyz"[n % 3] for n in level]


def test_a_test_table_with_the_label_of_training_has_labels_whatever_else_it_has(write):
    tables = {"train.csv": "a,b,quality\n.5,1,s\n2,3,t\n", "test.csv": "a,b,quality,type\n.5,1,t,s\n2,3,s,t\n"}
    root = write(tables)
    found = loading.load(root, ALL)["test"]
    assert [found.class_names[y] for y in found.y] == ["t", "s"]
    assert loading.warnings(root) == [f"{root}/test.csv: columns not used: 'type'"]


def test_of_several_tables_the_one_with_the_label_of_training_is_read(write):
    root = write({"a.csv": "a,b,quality\n.5,1,s\n2,3,t\n"})
    like = loading.load(root, ALL)["train"].input_format
    root = write({"a.csv": "a,b,quality,size\n.5,1,2,7\n2,3,4,7\n", "z.csv": "name,meaning,why\ns,u,v\nt,u,v\n"})
    assert loading.load(root, ALL, like=like)["train"].class_names == ("2", "4")
    with pytest.raises(DataError, match=r"the labels may be in 'a\.csv', 'z\.csv'"):
        loading.load(root, ALL)
