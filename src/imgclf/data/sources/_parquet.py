"""Contents of Parquet files: images or features and labels, to be packed.

    train-00000-of-00002.parquet, train-00001-of-00002.parquet, test-00000-of-00001.parquet

The form of data sets on Hugging Face: a column of {bytes, path} and one of labels, with the names of classes in the
metadata; or a column of lists of floats, the features. Training reads the pack that is made of them.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import check_names, composed, first_few, first_no_class, natural_key
from imgclf.data.packs.writer import Content
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._image_files import Problems, read_into
from imgclf.data.sources._options import chosen
from imgclf.data.sources.csv.columns import LABELS, Options
from imgclf.data.split_names import SPLITS, split_in, split_of
from imgclf.errors import DataError
from imgclf.files.form import Form
from imgclf.files.images import decode_image, settled_warnings
from imgclf.files.parquet import Parquet, Schema
from imgclf.files.reading import kind_of, open_regular, reading
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices

_SUFFIX = ".parquet"
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?")
_IMAGE = re.compile(r"struct<.*\bbytes: (large_)?binary\b.*>|(large_)?binary(_view)?", re.DOTALL)
_FLOATS = re.compile(r"(fixed_size_|large_)?list<\w+: (halffloat|float|double)( not null)?>(\[\d+\])?")
_CLASS = re.compile(r"u?int(8|16|32|64)|(large_)?string(_view)?|bool|dictionary<values=string, .*>")


class Columns(NamedTuple):
    """The columns of a file that are used, and the names of classes if the metadata has them."""

    examples: str
    is_image: bool
    label: str
    class_names: tuple[str, ...] | None


@dataclass(frozen=True)
class Shard:
    """One file of a split, and its labels."""

    path: Path
    labels: list[int | str]


def is_parquet(path: Path) -> bool:
    """Whether a path is a Parquet file, or a folder with some."""
    if kind_of(path) == "file":
        return path.suffix.lower() == _SUFFIX
    return any(map(_files_in, _folders(path)))


def pack_first(path: Path) -> DataError:
    """Return the error for data that must be packed before it can be used."""
    return DataError(path, "Parquet files are not read directly", f"pack them: imgclf data pack {path} --out packed")


def contents(path: Path, form: Form, options: Mapping[str, Any]) -> tuple[dict[str, Content], str]:
    """Return the content of each split, and a fingerprint of the files and the settings."""
    ours, splits = chosen(Options, options), _splits(path)
    digest = hashlib.sha256(repr((1, *form, sorted(options.items()))).encode())
    found = {}
    for split, files in splits.items():
        digest.update(split.encode())
        for file in files:
            with open_regular(file) as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        found[split] = _content(files, ours, form)
    return found, digest.hexdigest()


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
            problem = f"{prefix}-{missing[0]:05}-of-{n:05}.parquet is missing, and {len(missing) - 1:,} more"
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


def _content(files: Sequence[Path], options: Options, form: Form) -> Content:
    """Return the content of a split; its labels are read now, its examples when they are written."""
    shards: list[Shard] = []
    first: Columns | None = None
    shape: tuple[int, ...] | None = None
    dtype = np.dtype(np.uint8)
    for path in files:
        with Parquet(path) as file:
            columns = _columns(path, file.schema(), options)
            if first is not None and columns != first:
                raise DataError(
                    path, f"its columns or classes are not those of {files[0].name}", "use files of one set"
                )
            first = columns
            shards.append(Shard(path, _labels(path, file, columns)))
            if shape is None and columns.is_image:
                shape = _first_shape(file, columns, form)
            elif shape is None:
                some = next(file.features(columns.examples))
                shape, dtype = some.shape[1:], some.dtype
    if first is None or shape is None:
        raise DataError(files[0], "no image can be read", "see the images, or convert them")
    n = sum(len(shard.labels) for shard in shards)
    names, numbers = _classes(files[0], [label for shard in shards for label in shard.labels], first.class_names)
    read = partial(_images, form=form) if first.is_image else partial(_features, dtype=dtype)
    examples = partial(read, shards, first, shape)
    return Content(n, shape, dtype, names, lambda: (numbers[part] for part in slices(n)), examples)


def _columns(path: Path, schema: Schema, options: Options) -> Columns:
    """Tell the columns apart by their type and name; raises DataError where two may be meant."""
    images = [name for name, kind in schema.columns.items() if _IMAGE.fullmatch(kind)]
    floats = [name for name, kind in schema.columns.items() if _FLOATS.fullmatch(kind)]
    labels = [name for name, kind in schema.columns.items() if _CLASS.fullmatch(kind)]
    examples = _one(path, "image_column", options.image_column, images or floats, images + floats, schema)
    for names in LABELS:
        if known := [name for name in labels if re.sub(r"[\s_-]+", "", name.casefold()) in names]:
            break
    label = _one(path, "label_column", options.label_column, known or labels, labels, schema)
    return Columns(examples, examples in images, label, _class_names(path, schema, label))


def _one(path: Path, option: str, value: str | int | None, found: list[str], allowed: list[str], schema: Schema) -> str:
    """Return the column that an option names, or the only one."""
    what = "images or features" if option == "image_column" else "labels"
    if value is not None:
        if value not in allowed:
            problem = f"{str(value)[:40]!r} is not a column of {what}"
            raise DataError(path, problem, f"set data.options.{option} to {first_few(allowed) or 'another'}")
        return str(value)
    if not found:
        there = first_few([f"{name[:20]} ({kind[:30]})" for name, kind in schema.columns.items()], 4)
        raise DataError(path, f"no column of {what}, but {there}", "name a file that has one")
    if len(found) > 1:
        which = " or ".join(f"-s data.options.{option}={name[:40]}" for name in found[:2])
        raise DataError(
            path, f"the {what} may be in {first_few([repr(name[:20]) for name in found], 4)}", f"name one: {which}"
        )
    return found[0]


def _class_names(path: Path, schema: Schema, label: str) -> tuple[str, ...] | None:
    """Return the names of classes that Hugging Face's libraries write; None without them."""
    try:
        names = json.loads(schema.metadata)["info"]["features"][label]["names"]
        texts = [str(name) for name in names]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return check_names(texts, path)


def _labels(path: Path, file: Parquet, columns: Columns) -> list[int | str]:
    labels, rows = file.labels(columns.label), file.schema().rows
    if len(labels) != rows:
        raise DataError(path, f"{len(labels):,} labels, but {rows:,} rows", "download it again")
    most = None if columns.class_names is None else len(columns.class_names)
    for row, label in enumerate(labels, 1):
        if most is not None and isinstance(label, int) and not 0 <= label < most:
            problem = f"label {label} in row {row:,}, not within 0..{most - 1}"
            raise DataError(path, problem, "a file without labels cannot be packed" if label == -1 else "correct it")
    return labels


def _classes(path: Path, labels: list[int | str], names: tuple[str, ...] | None) -> tuple[tuple[str, ...], IntArray]:
    """Return the class names and the labels as numbers, (N,)."""
    if names is None or not all(isinstance(label, int) for label in labels):
        texts = [composed(str(label)) for label in labels]
        if bad := first_no_class(dict.fromkeys(texts)):
            raise DataError(path, f"label {bad.label[:20]!r} {bad.problem}", bad.remedy)
        names = check_names(sorted(set(texts), key=natural_key), path)
        number_of = {name: number for number, name in enumerate(names)}
        return names, np.array([number_of[text] for text in texts])
    return names, np.array(labels)


def _first_shape(file: Parquet, columns: Columns, form: Form) -> tuple[int, ...] | None:
    """Return the shape of the first image that can be read."""
    with settled_warnings():
        for raws in file.images(columns.examples):
            for raw in raws:
                with suppress(DataError):
                    return form.conform(decode_image(file.path, raw)).shape
    return None


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
                named = {folder / f"{shard.path.name}: row {number}": raw for number, raw in enumerate(raws, row + 1)}
                images: ByteArray = np.empty((len(raws), *shape), np.uint8)
                read = read_into(images, list(named), form, available_cores(), advance, named.__getitem__)
                problems.add(list(named), read)
                row += len(raws)
                if not problems:
                    yield images
        if row != len(shard.labels):
            raise DataError(shard.path, f"{row:,} images, but {len(shard.labels):,} labels", "download it again")
    problems.raise_if_any(n)


def _features(
    shards: Sequence[Shard], columns: Columns, shape: tuple[int, ...], start: int, *, dtype: "np.dtype[Any]"
) -> Iterator[NDArray[Any]]:
    """Yield the features from `start` on, in chunks."""
    for shard, row in _from(shards, start):
        with Parquet(shard.path) as file:
            for some in file.features(columns.examples, row):
                if some.shape[1:] != shape or some.dtype != dtype:
                    problem = f"from row {row + 1:,} on, {some.shape[1]} values of type {some.dtype}"
                    raise DataError(shard.path, problem, f"write lists of {shape[0]} values of type {dtype}")
                finite = np.isfinite(some).all(axis=1)
                if not finite.all():
                    bad = row + int(finite.argmin()) + 1
                    raise DataError(shard.path, f"NaN or Inf in row {bad:,}", "remove or replace it")
                yield some
                row += len(some)
        if row != len(shard.labels):
            raise DataError(shard.path, f"{row:,} rows, but {len(shard.labels):,} labels", "download it again")


def _from(shards: Sequence[Shard], start: int) -> Iterator[tuple[Shard, int]]:
    """Yield the shards that have examples from `start` on, and the row to begin with."""
    for shard in shards:
        if start < len(shard.labels):
            yield shard, start
        start = max(0, start - len(shard.labels))
