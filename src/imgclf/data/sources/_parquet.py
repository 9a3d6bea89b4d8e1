"""Contents of Parquet files: images or features and labels, to be packed.

    train-00000-of-00002.parquet, train-00001-of-00002.parquet, test-00000-of-00001.parquet

The form of data sets on Hugging Face: a column of {bytes, path} and one of labels, with the names of classes in the
metadata; or a column of lists of floats, the features. Splits come from a column of them, as in CSV files, or from the
names of the files. Training reads the pack that is made of them.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import check_names, composed, first_few, first_no_class, natural_key
from imgclf.data.packs.writer import Content
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._image_files import Problems, read_into
from imgclf.data.sources._options import chosen
from imgclf.data.sources._parquet_columns import Columns, columns_of, split_column
from imgclf.data.sources.csv.columns import Options
from imgclf.data.split_names import SPLITS, split_in, split_of, split_of_row, splits_of
from imgclf.errors import DataError
from imgclf.files.form import Form
from imgclf.files.images import decode_image, settled_warnings
from imgclf.files.parquet import Label, Parquet
from imgclf.files.reading import kind_of, open_regular, reading, shown
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices

_SUFFIX = ".parquet"
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?")


@dataclass(frozen=True)
class Shard:
    """The part of a file that is of one split.

    rows    which rows of the file these are, ascending, (n,)
    of      how many rows the file has
    labels  n labels
    """

    path: Path
    rows: IntArray
    of: int
    labels: list[Label]

    def part(self, rows: IntArray) -> "Shard":
        """Keep only some of its rows, by their place among them."""
        return Shard(self.path, self.rows[rows], self.of, [self.labels[row] for row in rows.tolist()])

    def within(self, begin: int, end: int) -> IntArray:
        """Return those of its rows from `begin` to before `end`."""
        first, last = np.searchsorted(self.rows, (begin, end))
        return self.rows[first:last]


def is_parquet(path: Path) -> bool:
    """Whether a path is a Parquet file, or a folder with some."""
    if kind_of(path) == "file":
        return path.suffix.lower() == _SUFFIX
    return any(map(_files_in, _folders(path)))


def pack_first(path: Path) -> DataError:
    """Return the error for data that must be packed before it can be used."""
    return DataError(path, "Parquet files are not read directly", f"pack them: imgclf data pack {path} --out packed")


def contents(
    path: Path, form: Form, options: Mapping[str, Any], tell: Callable[[str], object] = lambda remark: None
) -> tuple[dict[str, Content], str]:
    """Return the content of each split, and a fingerprint of the files and the settings.

    `tell` is called with each remark on how the files are read.
    """
    ours, files = chosen(Options, options), _splits(path)
    digest = hashlib.sha256(repr((2, *form, sorted(options.items()))).encode())
    for split, some in files.items():
        digest.update(split.encode())
        for file in some:
            with open_regular(file) as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    if ours.split_column is not None:  # which wins over the names of files
        files = {"train": [file for some in files.values() for file in some]}
    found: dict[str, Content] = {}
    for split, some in files.items():
        columns, shards = _shards(some, split, ours, divided=len(files) > 1)
        if columns.ignored:
            tell(f"{some[0]}: columns not used: {first_few([shown(name) for name in columns.ignored])}")
        found |= {each: _content(own, columns, form) for each, own in shards.items() if own}
    return {split: found[split] for split in SPLITS if split in found}, digest.hexdigest()


def _splits(path: Path) -> dict[str, list[Path]]:
    """Return the files of each split; raises DataError where shards of a split are missing."""
    if kind_of(path) == "file":
        return {"train": [path]}
    files = [file for folder in _folders(path) for file in _files_in(folder)]
    split_by_name = {file: split_in(_prefix(file)) or split_of(file.parent) for file in files}
    if not any(split_by_name.values()):
        split_by_name = dict.fromkeys(files, "train")
    unknown = [str(file.relative_to(path)) for file, split in split_by_name.items() if split is None]
    if unknown:
        raise DataError(
            path, f"{first_few(unknown)}: of which split?", "name files train-..., validation-..., test-..."
        )
    found = {
        split: sorted((file for file in files if split_by_name[file] == split), key=lambda file: natural_key(str(file)))
        for split in SPLITS
    }
    for some in found.values():
        _check_complete(some)
    return {split: some for split, some in found.items() if some}


def _check_complete(files: Sequence[Path]) -> None:
    there: dict[tuple[Path, str, int], set[int]] = {}
    for file in files:
        if shard := _SHARD.fullmatch(file.stem):
            there.setdefault((file.parent, shard[1], int(shard[3])), set()).add(int(shard[2]))
    for (folder, prefix, n), numbers in there.items():
        if missing := sorted(set(range(n)) - numbers):
            more = f", and {len(missing) - 1:,} more" if len(missing) > 1 else ""
            problem = f"{prefix}-{missing[0]:05}-of-{n:05}.parquet is missing{more}"
            raise DataError(folder, problem, "download all files, or name one file")


def _prefix(file: Path) -> str:
    shard = _SHARD.fullmatch(file.stem)
    return shard[1] if shard else file.stem


def _folders(path: Path) -> Iterator[Path]:
    """Yield the folders that may hold Parquet files: PATH, PATH/data or a single folder, and splits in them."""
    inside = look_into(path)
    around = [path, *(folder for folder in inside.folders if folder.name == "data" or folder == inside.only_folder)]
    for folder in around:
        yield folder
        yield from (one for one in look_into(folder).folders if split_of(one) and one not in around)


def _files_in(folder: Path) -> list[Path]:
    with reading(folder):
        return [folder / name for name in os.listdir(folder) if name.lower().endswith(_SUFFIX)]  # noqa: PTH208 - fast


def _shards(
    files: Sequence[Path], split: str, options: Options, *, divided: bool
) -> tuple[Columns, dict[str, list[Shard]]]:
    """Return the columns of some files, and the shards of each split; labels are read, examples are not.

    split    the split of all their rows, if no column says it
    divided  whether files of other splits are beside these: then no column is looked for
    """
    read: list[Shard] = []
    words: list[list[str]] = []
    first: Columns | None = None
    for path in files:
        with Parquet(path) as file:
            schema = file.schema()
            if first is None:
                column = None if divided else split_column(path, file, options)
            columns = columns_of(path, schema, options, column)
            if first is not None and columns._replace(ignored=first.ignored) != first:
                raise DataError(
                    path, f"its columns or classes are not those of {files[0].name}", "use files of one set"
                )
            first = first or columns
            read.append(Shard(path, np.arange(schema.rows), schema.rows, _labels(path, file, columns)))
            words.append(file.words(column) if column is not None else [])
    assert first is not None, "a split has files"
    if first.split is None:
        return first, {split: read}
    split_by_word = splits_of({word for some in words for word in some})
    parts: dict[str, list[Shard]] = {each: [] for each in SPLITS}
    for shard, some in zip(read, words, strict=True):
        if len(some) != shard.of:
            raise DataError(shard.path, f"{len(some):,} splits, but {shard.of:,} rows", "download it again")
        in_order = np.array([split_of_row(word, row, split_by_word, shard.path) for row, word in enumerate(some, 1)])
        for each, own in parts.items():
            if (rows := np.flatnonzero(in_order == each)).size:
                own.append(shard.part(rows))
    return first, parts


def _content(shards: Sequence[Shard], columns: Columns, form: Form) -> Content:
    """Return the content of a split; its examples are read when they are written."""
    shape, dtype = _form_of_images(shards, columns, form) if columns.is_image else _form_of_features(shards[0], columns)
    n = sum(len(shard.labels) for shard in shards)
    labels = [label for shard in shards for label in shard.labels]
    names, numbers = _classes(shards[0].path, labels, columns.class_names)
    read = partial(_images, form=form) if columns.is_image else partial(_features, dtype=dtype)
    examples = partial(read, shards, columns, shape)
    return Content(n, shape, dtype, names, lambda: (numbers[part] for part in slices(n)), examples)


def _labels(path: Path, file: Parquet, columns: Columns) -> list[Label]:
    labels, rows = file.labels(columns.label), file.schema().rows
    if len(labels) != rows:
        raise DataError(path, f"{len(labels):,} labels, but {rows:,} rows", "download it again")
    most = None if columns.class_names is None else len(columns.class_names)
    for row, label in enumerate(labels, 1):
        if most is not None and isinstance(label, int) and not 0 <= label < most:
            problem = f"label {label} in row {row:,}, not within 0..{most - 1}"
            raise DataError(path, problem, "a file without labels cannot be packed" if label == -1 else "correct it")
    return labels


def _classes(path: Path, labels: list[Label], names: tuple[str, ...] | None) -> tuple[tuple[str, ...], IntArray]:
    """Return the class names and the labels as numbers, (N,)."""
    if names is None or not all(isinstance(label, int) for label in labels):
        texts = [composed(str(label)) for label in labels]
        if bad := first_no_class(dict.fromkeys(texts)):
            raise DataError(path, f"label {bad.label[:20]!r} {bad.problem}", bad.remedy)
        names = check_names(sorted(set(texts), key=natural_key), path)
        number_of = {name: number for number, name in enumerate(names)}
        return names, np.array([number_of[text] for text in texts])
    return names, np.array(labels, np.int64)


def _form_of_images(shards: Sequence[Shard], columns: Columns, form: Form) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Return the shape and the type of the first image that can be read."""
    with settled_warnings():
        for shard in shards:
            with Parquet(shard.path) as file:
                row = int(shard.rows[0])
                for raws in file.images(columns.examples, row):
                    for number in shard.within(row, row + len(raws)):
                        with suppress(DataError):
                            shape = form.conform(decode_image(shard.path, raws[number - row])).shape
                            return shape, np.dtype(np.uint8)
                    row += len(raws)
    raise DataError(shards[0].path, "no image can be read", "see the images, or convert them")


def _form_of_features(shard: Shard, columns: Columns) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    with Parquet(shard.path) as file:
        some = next(file.features(columns.examples, int(shard.rows[0])))
        return some.shape[1:], some.dtype


def _images(
    shards: Sequence[Shard], columns: Columns, shape: tuple[int, ...], start: int, *, form: Form
) -> Iterator[ByteArray]:
    """Yield the images from `start` on, in chunks; raises one DataError for all bad ones, at the end."""
    folder = shards[0].path.parent
    problems = Problems(folder, shape)
    n = sum(len(shard.labels) for shard in shards)
    advance = advancing("decoding", n, done=start)
    for shard, row in _from(shards, start):
        with Parquet(shard.path) as file:
            for raws in file.images(columns.examples, row):
                ours = shard.within(row, row + len(raws))
                named = {folder / f"{shard.path.name}: row {number + 1}": raws[number - row] for number in ours}
                images: ByteArray = np.empty((len(named), *shape), np.uint8)
                read = read_into(images, list(named), form, available_cores(), advance, named.__getitem__)
                problems.add(list(named), read)
                row += len(raws)
                if not problems:
                    yield images
        if row != shard.of:
            raise DataError(shard.path, f"{row:,} images, but {shard.of:,} labels", "download it again")
    problems.raise_if_any(n)


def _features(
    shards: Sequence[Shard], columns: Columns, shape: tuple[int, ...], start: int, *, dtype: "np.dtype[Any]"
) -> Iterator[NDArray[Any]]:
    """Yield the features from `start` on, in chunks."""
    for shard, row in _from(shards, start):
        with Parquet(shard.path) as file:
            for chunk in file.features(columns.examples, row):
                if chunk.shape[1:] != shape or chunk.dtype != dtype:
                    problem = f"from row {row + 1:,} on, {chunk.shape[1]} values of type {chunk.dtype}"
                    raise DataError(shard.path, problem, f"write lists of {shape[0]} values of type {dtype}")
                ours = shard.within(row, row + len(chunk))
                some = chunk[ours - row]
                finite = np.isfinite(some).all(axis=1)
                if not finite.all():
                    bad = ours[finite.argmin()] + 1
                    raise DataError(shard.path, f"NaN or Inf in row {bad:,}", "remove or replace it")
                yield some
                row += len(chunk)
        if row != shard.of:
            raise DataError(shard.path, f"{row:,} rows, but {shard.of:,} labels", "download it again")


def _from(shards: Sequence[Shard], start: int) -> Iterator[tuple[Shard, int]]:
    """Yield the shards that have examples from `start` on, and the row of the file to begin with."""
    for shard in shards:
        if start < len(shard.labels):
            yield shard, int(shard.rows[start])
        start = max(0, start - len(shard.labels))
