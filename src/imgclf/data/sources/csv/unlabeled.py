"""Read examples without labels from CSV files, for predictions."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.data.class_names import composed, first_few
from imgclf.data.dataset import UNKNOWN, InputFormat, Unlabeled, described
from imgclf.data.preprocess import Preprocess
from imgclf.data.sources._emnist import upright
from imgclf.data.sources._image_files import NamedFile, read_images
from imgclf.data.sources._options import chosen
from imgclf.data.sources.csv.columns import Columns, Options
from imgclf.data.sources.csv.guessing import columns_of, open_named
from imgclf.data.sources.csv.image_places import ImagePlaces
from imgclf.data.split_names import split_in, splits_of
from imgclf.errors import DataError, plural
from imgclf.files.csv_table import Table, numbers, texts
from imgclf.files.reading import shown
from imgclf.machine.progress import advancing


def read_unlabeled(
    path: Path, preprocess: Preprocess, like: InputFormat = UNKNOWN, prefix: str = "", **options: Any
) -> Iterator[Unlabeled]:
    """Yield the examples of a CSV file in the size and color of a model, some at a time; labels are skipped.

    Images are named by their cell, pixels and features by the cell of an id, else by a prefix and their number from 1.
    `like` and `options` are those of the training data; columns that are not there, such as that of the labels, are not
    looked for.
    """
    table = open_named(path, like.columns)
    there = {
        name: value for name, value in options.items() if isinstance(value, int) or composed(str(value)) in table.names
    }
    columns = columns_of(table, chosen(Options, there), labeled=False, features=like.columns, label=like.label)
    if columns.form != "images":
        return _numbers(table, columns, preprocess, like, prefix)
    if not preprocess.is_image:
        problem = "it names images, but the model was trained on feature vectors"
        raise DataError(path, problem, f"name a CSV file of {preprocess.size:,} features")
    return read_images(_images(table, columns), preprocess)


def _images(table: Table, columns: Columns) -> Iterator[NamedFile]:
    root, home = table.path.parent, split_in(table.path.stem) or "test"
    places = ImagePlaces(root, table.path)
    splits = {} if columns.split is None else splits_of({cells[columns.split] for _, cells in texts(table)})
    for row, cells in texts(table):
        name = cells[columns.image]
        split = None if columns.split is None else splits[cells[columns.split]]
        try:
            file = places.find(name, row, split or home)
            if file is None:
                raise DataError(table.path, f"row {row:,}: no file {shown(name)}", f"looked in {places.called}")
            found = NamedFile(root / file, name)
        except DataError as error:  # which does not stop the others
            found = NamedFile(table.path, name, error)
        yield found


def _numbers(
    table: Table, columns: Columns, preprocess: Preprocess, like: InputFormat, prefix: str
) -> Iterator[Unlabeled]:
    values, shape = columns.values, preprocess.example_shape
    if not table.header and table.width == preprocess.size:  # no column is a label
        values = tuple(range(table.width))
    elif preprocess.is_image and columns.form == "pixels":
        shape = columns.shape
    if len(values) != math.prod(shape):
        problem = f"{plural(len(values), 'value')} in a row, the model takes {described(preprocess.example_shape)}"
        raise DataError(table.path, problem, "give it the same columns as in training")
    of_text = [] if columns.row_name is None else [columns.row_name]
    done, advance = 0, advancing("reading", None, "row")
    remarks: tuple[str, ...] = ()
    if columns.ignored:
        remarks = (f"{table.path}: columns not used: {first_few([shown(name) for name in columns.ignored])}",)
    if like.columns and not table.header:
        remarks = (*remarks, f"{table.path}: no column has a name: features are taken by their position")
    for some in numbers(table, values, of_text, np.dtype(np.uint8 if preprocess.is_image else np.float32)):
        examples = upright(some.values.reshape(len(some.rows), *shape), table.path)
        names = some.texts[0] if of_text else [f"{prefix}{done + number}" for number in range(1, len(examples) + 1)]
        done += len(examples)
        advance(len(examples))
        yield Unlabeled(names, preprocess.conform_all(examples) if preprocess.is_image else examples, remarks=remarks)
        remarks = ()
