"""Examples to predict, from tables with or without labels."""

import numpy as np
import pytest
from PIL import Image

from imgclf.data.dataset import UNKNOWN, Dataset, InputFormat
from imgclf.data.preprocess import fit_preprocess
from imgclf.data.sources import _image_files
from imgclf.data.sources.csv import loading
from imgclf.data.sources.csv.unlabeled import read_unlabeled
from imgclf.errors import DataError
from imgclf.files import csv_table

FORMATS = "PNG, JPEG, WebP, TIFF, BMP, GIF or PPM"
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)


def for_model(examples):
    data = Dataset.of(examples, np.arange(len(examples)) % 2, ("a", "b"))
    return fit_preprocess(data, scale=1, center="none", std="none", dtype="float32")


def read(path, preprocess, like=UNKNOWN):
    found = list(read_unlabeled(path, preprocess, like))
    names = [name for some in found for name in some.names]
    return names, np.concatenate([some.examples for some in found]), [error for some in found for error in some.errors]


def lines(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.mark.parametrize("at_once", [100, 1 << 18])
@pytest.mark.parametrize("form", ["header", "labeled", "bare", "bare and labeled", "named"])
def test_pixels_are_those_of_the_table_and_named_by_their_number(tmp_path, monkeypatch, form, at_once):
    monkeypatch.setattr(csv_table, "_AT_ONCE", at_once)
    columns = [f"pixel{n}" for n in range(64)]
    rows, names = PIXELS.reshape(30, -1).tolist(), [str(n) for n in range(1, 31)]
    for row in rows:
        row[-1] = 0
    if "labeled" in form:
        rows = [[n % 10, *row] for n, row in enumerate(rows)]
    if form == "named":
        rows, names = [[f"x{n}", *row] for n, row in enumerate(rows)], [f"x{n}" for n in range(30)]
    header = [["label"] * (form == "labeled") + ["id"] * (form == "named") + columns] if "bare" not in form else []
    (tmp_path / "test.csv").write_text(lines([*header, *rows]))
    found, examples, errors = read(tmp_path / "test.csv", for_model(PIXELS))
    assert (found, errors) == (names, [])
    assert examples.tolist() == [[*image[:-1], [*image[-1][:-1], [0]]] for image in PIXELS.tolist()]


def test_pixels_of_another_size_become_those_of_the_model(tmp_path):
    model = for_model(np.zeros((2, 4, 4, 3), np.uint8))
    (tmp_path / "x.csv").write_text(lines([[f"pixel{n}" for n in range(64)], *PIXELS.reshape(30, -1).tolist()]))
    _, examples, _ = read(tmp_path / "x.csv", model)
    assert examples.tolist() == [model.conform(image).tolist() for image in PIXELS]


def test_features_are_read_without_their_labels(tmp_path):
    model = for_model(np.random.default_rng(0).random((4, 3)))
    (tmp_path / "x.csv").write_text("Id,a,species,b,c\n7,0.5,x,1,2\n8,3,y,4,5\n")
    names, examples, _ = read(tmp_path / "x.csv", model)
    assert names == ["7", "8"]
    assert examples.tolist() == [[0.5, 1, 2], [3, 4, 5]]
    (tmp_path / "x.csv").write_text("0.5,1,2\n3,4,5\n")
    assert read(tmp_path / "x.csv", model)[1].tolist() == examples.tolist()
    for text in ("1,2\n3,4\n", "Id,a,species,b\n1,2,x,3\n"):
        (tmp_path / "x.csv").write_text(text)
        with pytest.raises(DataError, match=r"values in a row, the model takes 3 features - give"):
            read(tmp_path / "x.csv", model)


@pytest.mark.parametrize("at_once", [1, 3, 256])
def test_images_are_read_and_bad_ones_do_not_stop_the_others(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(_image_files, "_MOST_AT_ONCE", at_once)
    (tmp_path / "test").mkdir()
    for n in range(5):
        Image.fromarray(PIXELS[n, ..., 0]).save(tmp_path / "test" / f"{n}.png")
    (tmp_path / "test" / "3.png").write_bytes(b"<html>")
    (tmp_path / "test.csv").write_text("filename\n0.png\n3.png\n7.png\n4\n../0.png\n0.png\n")
    names, examples, errors = read(tmp_path / "test.csv", for_model(PIXELS))
    assert names == ["0.png", "4", "0.png"]
    assert examples.tolist() == PIXELS[[0, 4, 0]].tolist()
    assert [str(error).removeprefix(f"{tmp_path}/") for error in sorted(errors, key=str)] == [
        "test.csv: row 4: no file '7.png' - looked in ., test",
        f"test.csv: row 6: '../0.png' is not the name of a file inside {tmp_path} - "
        "write paths relative to the CSV file",
        f"test/3.png: not a {FORMATS} image, but a web page - convert it to {FORMATS}, or remove it",
    ]
    with pytest.raises(DataError, match="names images, but the model was trained on feature vectors"):
        read(tmp_path / "test.csv", for_model(np.random.default_rng(0).random((4, 3))))


@pytest.mark.parametrize("first", [True, False])
def test_a_header_of_numbers_with_one_less_is_that_of_pixels_without_a_label(tmp_path, first):
    rows = PIXELS.reshape(30, -1).tolist()
    labeled = [[n % 3, *row] if first else [*row, n % 3] for n, row in enumerate(rows)]
    (tmp_path / "x.csv").write_text(lines([range(65), *labeled]))
    trained = loading.load(tmp_path / "x.csv", ("train",))["train"]
    assert trained.images.tolist() == PIXELS.tolist()
    (tmp_path / "x.csv").write_text(lines([range(64), *rows]))
    assert read(tmp_path / "x.csv", for_model(PIXELS), trained.input_format)[1].tolist() == PIXELS.tolist()


@pytest.mark.parametrize("header", ["asset", "asset,quality"])
def test_a_lone_column_that_names_files_is_that_of_the_images_to_predict(tmp_path, header):
    for n in range(2):
        Image.fromarray(PIXELS[n, ..., 0]).save(tmp_path / f"{n}.png")
    (tmp_path / "x.csv").write_text(lines([[header], *[[n, "ab"[n]][: header.count(",") + 1] for n in range(2)]]))
    names, examples, _ = read(tmp_path / "x.csv", for_model(PIXELS), InputFormat(label="quality"))
    assert (names, examples.tolist()) == (["0", "1"], PIXELS[:2].tolist())
