"""Read examples without labels from CSV files, for predictions."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray
from imgclf.data.preprocess import Preprocess
from imgclf.data.sources._csv_columns import Columns, Options, columns_of
from imgclf.data.sources._csv_images import ImagePlaces
from imgclf.data.sources._image_files import read_into
from imgclf.data.sources._options import chosen
from imgclf.errors import DataError
from imgclf.files.csv_table import Table, numbers, open_table, shown, texts
from imgclf.machine.cores import available_cores

_IMAGES_AT_ONCE = 256


class Unlabeled(NamedTuple):
    """Some examples of a table, (n, H, W, channels) or (n, D), their names, and errors of those that are unreadable."""

    names: list[str]
    examples: NDArray[Any]
    errors: list[DataError]


def read_unlabeled(path: Path, preprocess: Preprocess, **options: Any) -> Iterator[Unlabeled]:
    """Yield the examples of a CSV file in the size and color of a model, some at a time; labels are skipped.

    Images are named by their cell, pixels and features by the cell of an id, else by their number from 1.
    """
    table = open_table(path)
    columns = columns_of(table, chosen(Options, options), labeled=False)
    if columns.form != "images":
        return _numbers(table, columns, preprocess)
    if not preprocess.is_image:
        problem = "it names images, but the model was trained on feature vectors"
        raise DataError(path, problem, f"name a CSV file of {preprocess.size:,} features")
    return _images(table, columns, preprocess)


def _images(table: Table, columns: Columns, preprocess: Preprocess) -> Iterator[Unlabeled]:
    root = table.path.parent
    places, found = ImagePlaces(root, table.path), texts(table)
    while some := list(islice(found, _IMAGES_AT_ONCE)):
        names: list[str] = []
        files: list[Path] = []
        errors: list[DataError] = []
        for row, cells in some:
            name = cells[columns.image]
            if file := places.find(name, row):
                names.append(name)
                files.append(root / file)
            else:
                problem = f"row {row:,}: no file {shown(name)}"
                errors.append(DataError(table.path, problem, f"looked in {places.called}"))
        images: ByteArray = np.empty((len(files), *preprocess.example_shape), np.uint8)
        read = read_into(images, files, preprocess.form, available_cores())
        good = [number for number, (problem, _) in enumerate(read) if problem is None]
        bad = [(file, problem) for file, (problem, _) in zip(files, read, strict=True) if problem is not None]
        errors += [DataError(file, str(problem), "convert or replace it") for file, problem in bad]
        yield Unlabeled([names[number] for number in good], images[good], errors)


def _numbers(table: Table, columns: Columns, preprocess: Preprocess) -> Iterator[Unlabeled]:
    values, shape = columns.values, preprocess.example_shape
    if not table.header and table.width == preprocess.size:  # no column is a label
        values = tuple(range(table.width))
    elif preprocess.is_image and columns.form == "pixels":
        shape = columns.shape
    if len(values) != math.prod(shape):
        problem = f"{len(values):,} values in a row, but examples of the model have {preprocess.size:,}"
        raise DataError(table.path, problem, "name data like the training data")
    of_text = [] if columns.row_name is None else [columns.row_name]
    done = 0
    for some in numbers(table, values, of_text, np.dtype(np.uint8 if preprocess.is_image else np.float32)):
        examples = some.values.reshape(len(some.rows), *shape)
        if shape != preprocess.example_shape:
            examples = np.stack([preprocess.conform(example) for example in examples])
        names = some.texts[0] if of_text else [str(done + number) for number in range(1, len(examples) + 1)]
        done += len(examples)
        yield Unlabeled(names, examples, [])
