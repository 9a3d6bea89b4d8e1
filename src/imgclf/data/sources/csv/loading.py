"""Source `csv`: tables of file names, pixels or features, with labels.

    id,breed              label,pixel0,...,pixel783        sepal,petal,species
    000bec18,boxer        5,0,...,0                        5.1,1.4,setosa

PATH is a CSV file, or the folder that holds it and the images. The columns are guessed where the header makes them
plain; `data.options` names them: labels_file, image_column, label_column, split_column.

Classes are the labels, in natural order, whatever the order of the rows. Splits come from a split column, from files
named for them (train.csv, test.csv; train/metadata.csv), or from folders in the file names; else everything is "train".
"""

import hashlib
import math
import re
import sys
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imgclf.arrays import IntArray
from imgclf.data.class_names import check_names, composed, first_few, first_no_class, natural_key
from imgclf.data.dataset import Dataset, InputFormat, LoadedFile
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources._arrays import FEATURES
from imgclf.data.sources._class_folders import Listing
from imgclf.data.sources._emnist import as_classes, upright
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._options import chosen
from imgclf.data.sources._tree import read_tree
from imgclf.data.sources.csv import split_column
from imgclf.data.sources.csv.columns import Columns, Options
from imgclf.data.sources.csv.guessing import columns_of, open_named
from imgclf.data.sources.csv.image_places import ImagePlaces, NamedImages
from imgclf.data.sources.csv.left_over import left_over
from imgclf.data.sources.csv.precedence import rivals
from imgclf.data.sources.csv.tables import Tables, find_tables, is_table, tables_around
from imgclf.data.split_names import SPLITS, split_in, split_of, split_of_row, splits_of
from imgclf.errors import DataError, ImgclfError
from imgclf.files.csv_table import Table, is_number, most_rows, numbers, texts
from imgclf.files.form import Form
from imgclf.files.reading import kind_of, shown
from imgclf.machine.memory import require_memory

_WHOLE = re.compile(r"(-?\d+)\.0*", re.ASCII)  # pandas writes whole numbers so where one is missing
_FOLDER = re.compile(r"[/\\]")  # ends the first folder of a path


class Opened(NamedTuple):
    """A table whose columns are told apart.

    home      the split whose folder its images are in where no column says it
    unnamed   whether its features are taken by their position, though those of training have names
    """

    table: Table
    columns: Columns
    home: str
    unnamed: bool


def load(path: Path, splits: Collection[str], **settings: Any) -> dict[str, Dataset]:
    """Load the splits; images that are named are read, converted and cached as those of a folder."""
    listings = list_splits(path, splits, **settings)
    if listings is not None:
        return {split: through_cache(listing) for split, listing in listings.items()}
    ours = {name: value for name, value in settings.items() if name not in Form._fields}
    loaded: dict[str, Dataset] = {}
    for split, opened in _open(path, splits, **ours)[1].items():
        loaded |= _load_numbers(opened.table, opened.columns, split, splits)
    return loaded


def list_splits(
    path: Path,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
    resize: str = "squash",
    **more: Any,
) -> dict[str, Listing] | None:
    """List the images that the tables name, without opening them; None for tables of numbers. `more` as for `load`."""
    form = Form.of(image_size, color, resize)
    found, tables = _open(path, splits, **more)
    forms = {one.columns.form for one in tables.values()}
    if len(forms) > 1:
        names = first_few([one.table.path.name for one in tables.values()])
        raise DataError(path, f"{names} hold different things: {' and '.join(sorted(forms))}", "keep one form")
    if forms != {"images"}:
        return None
    listings = {}
    for split, opened in tables.items():
        for each, images in _named_images(opened, split, splits).items():
            listings[each] = _listing(found.root, opened, images, form)
    return listings


def _open(
    path: Path, splits: Collection[str], like: InputFormat | None = None, **options: Any
) -> tuple[Tables, dict[str, Opened]]:
    """Find the tables of these splits, and tell their columns apart: features and labels by the names that `like` has.

    That is how a model's data was read; None: this is the training data. If it has no names, those of the first table
    count: that of train, if there is one.
    """
    ours = chosen(Options, options)
    features, label = ((), None) if like is None else (like.columns, like.label)
    found = find_tables(path, ours, label)
    wanted = dict(found.wanted(splits))
    opened = {}
    for split, file in found.files.items():
        if split in wanted or (split == "train" and not features):
            table = open_named(file, features)
            columns = columns_of(table, ours, features=features, label=label)
            home = split or split_in(file.stem) or ("train" if like is None else "test")
            opened[split] = Opened(table, columns, home, bool(features) and not table.header)
            features = features or columns.features(table)
            label = columns.label_name(table) if label is None else label
    return found, {split: opened[split] for split in wanted}


def splits(path: Path, **options: Any) -> set[str]:
    """Return the splits that are there; of numbers, only the column of splits is read."""
    _, tables = _open(path, SPLITS, **options)
    if "" not in tables:
        return set(tables)
    table, columns, *_ = tables[""]
    if columns.form == "images":
        return set(_named_images(tables[""], "", SPLITS))
    if columns.split is None:
        return {"train"}
    rows = [(row, cells[columns.split]) for row, cells in texts(table)]
    return set(_splits_of_words(table, [word for _, word in rows], [row for row, _ in rows]))


def warnings(path: Path, **more: Any) -> list[str]:
    """Return warnings about skipped tables, images and columns, and about labels that are guessed without a header."""
    found, tables = _open(path, SPLITS, **more)
    lines = [f"{path}: passed over: {'; '.join(found.passed)}"] if found.passed else []
    for table, columns, _, unnamed in tables.values():
        file = table.path
        if unnamed:
            lines.append(f"{file}: no column has a name: features are taken by their position")
        if columns.form == "features" and table.header and not columns.features(table):
            lines.append(f"{file}: two columns have the same name: features are taken by their position")
        if columns.ignored:
            lines.append(f"{file}: columns not used: {first_few([shown(name) for name in columns.ignored])}")
        lines += [f"{file}: {remark}" for remark in split_column.remarks(table, columns)]
        if table.header is None and table.begins > 1:
            lines.append(f"{file}: pandas made names of a row of data, which is lost: use read_csv(..., header=None)")
        if columns.label is not None and more.get("label_column") is None and is_number(table.names[columns.label]):
            lines.append(f"{file}: no column is called label: labels are read from column {columns.label + 1}")
        if columns.form == "features" and (tiny := [i for i in columns.values if _are_tiny(table.column(i))]):
            names = first_few([shown(table.names[i]) for i in tiny])
            lines.append(f"{file}: {names}: too small for float32, read as 0: multiply them")
        if columns.form == "features" and table.names[columns.values[0]].casefold().startswith("pixel"):
            lines.append(f"{file}: pixels that are not whole numbers within 0..255 of a square: read as features")
    return [*lines, *_beside(path, found.root, tables)]


def _are_tiny(cells: list[str]) -> bool:
    """Whether numbers are not all 0, but all too small for float32."""
    largest = max((abs(float(cell)) for cell in cells if is_number(cell)), default=0.0)
    return 0 < largest < float(np.finfo(np.float32).tiny)


def _beside(path: Path, root: Path, tables: dict[str, Opened]) -> list[str]:
    """Return warnings about images that tables name again, or not at all; none where loading them is an error."""
    named = {split: one for split, one in tables.items() if one.columns.form == "images"}
    try:
        images = {one.table.path: _named_images(one, split, SPLITS) for split, one in named.items()}
        return left_over(root, images, everywhere=path.is_dir()) if images else []
    except ImgclfError:
        return []


def recognizes(path: Path, **options: Any) -> bool:
    """Whether a path is a CSV file, or a folder with one that is read rather than class folders.

    It is where there are no class folders, where `options` are about tables, and where it has other labels for their
    images.
    """
    if kind_of(path) == "file":
        return is_table(path)
    asked = any(options.get(field.name) is not None for field in fields(Options))
    if asked or not tables_around(path).tables:
        return asked
    try:
        tree = read_tree(path)
    except DataError:
        return True
    if list(tree.splits) == ["train"] and len(look_into(tree.splits["train"]).folders) < 2:
        return True
    return any(one.wins for one in rivals(tree))


def _named_images(opened: Opened, split: str, splits: Collection[str]) -> dict[str, NamedImages]:
    """Return the images of each split, in the order of the rows."""
    table, columns, home, _ = opened
    names, labels, words, rows = [], [], [], []
    for row, cells in texts(table):
        names.append(cells[columns.image])
        labels.append(_label(table, row, cells[columns.label or 0]))
        words.append("" if columns.split is None else cells[columns.split])
        rows.append(row)
    homes = [home] * len(names)
    if columns.split is not None:
        its = homes = _splits_of_words(table, words, rows)
    else:
        its = [split] * len(names) if split else _splits_of_folders(names)
    found = {each: NamedImages([], [], [], []) for each in SPLITS if each in splits and each in its}
    labels = _plain_numbers(table, labels, rows)
    for each, name, label, row, home in zip(its, names, labels, rows, homes, strict=True):
        if each in found:
            found[each].names.append(name)
            found[each].labels.append(label)
            found[each].rows.append(row)
            found[each].homes.append(home)
    return found


def _listing(root: Path, opened: Opened, images: NamedImages, form: Form) -> Listing:
    """Return a listing in the order that class folders would have: by class, then by name."""
    table = opened.table.path
    files = ImagePlaces(root, table).find_all(images)
    classes = check_names(sorted(set(images.labels), key=natural_key), table)
    label_of: dict[str, tuple[str, int]] = {}
    by_class: dict[str, list[str]] = {name: [] for name in classes}
    for file, label, row in zip(files, images.labels, images.rows, strict=True):
        other, before = label_of.setdefault(file, (label, row))
        if other != label:
            problem = f"{file[:40]} is {shown(other)} in row {before:,} and {shown(label)} in row {row:,}"
            raise DataError(table, problem, "give each image one label")
        if before == row:  # else it is named again
            by_class[label].append(file)
    in_order = [file for some in by_class.values() for file in sorted(some, key=natural_key)]
    counts = tuple(map(len, by_class.values()))
    known = InputFormat(label=opened.columns.label_name(opened.table))
    return Listing(root, lambda: (root / file for file in in_order), classes, counts, (), form, input_format=known)


def _load_numbers(table: Table, columns: Columns, split: str, splits: Collection[str]) -> dict[str, Dataset]:
    """Load pixels or features, and divide them into splits, without a copy but for EMNIST."""
    dtype = columns.dtype
    most = most_rows(table, len(columns.values))
    require_memory(most * math.prod(columns.shape) * dtype.itemsize, table.path)
    values = np.empty((most, len(columns.values)), dtype)
    digest = hashlib.sha256()
    labels: list[str] = []
    words: list[str] = []
    rows: list[int] = []
    of_text = [one for one in (columns.label, columns.split) if one is not None]
    for some in numbers(table, columns.values, of_text, dtype, digest.update):
        values[len(rows) : len(rows) + len(some.rows)] = some.values
        labels += [_label(table, row, cell) for row, cell in zip(some.rows, some.texts[0], strict=True)]
        words += some.texts[1] if columns.split is not None else []
        rows += some.rows
    examples = upright(values[: len(rows)].reshape(len(rows), *columns.shape), table.path)
    its = np.array([split or "train"] * len(rows) if columns.split is None else _splits_of_words(table, words, rows))
    labels = as_classes(_plain_numbers(table, labels, rows), table.path)
    files = (LoadedFile(table.path.name, digest.hexdigest()),)
    found = {}
    for each in SPLITS:
        own = np.flatnonzero(its == each)
        if each in splits and len(own):
            floats = FEATURES if columns.form == "features" else ""
            known = InputFormat(columns.features(table), floats, columns.label_name(table))
            found[each] = Dataset(examples, *_classes(table, labels, own), own, files, input_format=known)
    return found


def _classes(table: Table, labels: list[str], rows: IntArray) -> tuple[IntArray, tuple[str, ...]]:
    """Return the label of every row as a number, of the others 0, and the classes of these rows."""
    names = check_names(sorted({labels[row] for row in rows}, key=natural_key), table.path)
    number_of = {name: number for number, name in enumerate(names)}
    return np.array([number_of.get(label, 0) for label in labels]), names


def _label(table: Table, row: int, cell: str) -> str:
    if not cell:
        raise DataError(table.path, f"row {row:,} has no label", "fill it, or remove the row")
    return sys.intern(composed(cell))  # one text a class, not one a row


def _plain_numbers(table: Table, labels: list[str], rows: list[int]) -> list[str]:
    """Return labels, 3.0 as 3 if all are such numbers; raises DataError for one that stands for no class."""
    if bad := first_no_class(dict.fromkeys(labels)):
        row = rows[labels.index(bad.label)]
        raise DataError(table.path, f"label {shown(bad.label)} in row {row:,} {bad.problem}", bad.remedy)
    whole = {label: found[1] for label in set(labels) if (found := _WHOLE.fullmatch(label))}
    return [whole[label] for label in labels] if len(whole) == len(set(labels)) else labels


def _splits_of_words(table: Table, cells: list[str], rows: list[int]) -> list[str]:
    """Return the split of each row by its word."""
    splits = splits_of(set(cells))
    return [split_of_row(cell, row, splits, table.path) for cell, row in zip(cells, rows, strict=True)]


def _splits_of_folders(names: list[str]) -> list[str]:
    """Return the split of each image by the first folder of its path, if there is more than one; else train."""
    if not all(map(_FOLDER.search, names)):
        return ["train"] * len(names)
    folders = [_FOLDER.split(name)[0] for name in names]
    splits = {folder: split_of(Path(folder)) for folder in set(folders)}
    if None in splits.values() or len(set(splits.values())) < 2:
        return ["train"] * len(names)
    return [str(splits[folder]) for folder in folders]
