"""Tell the columns of Parquet files apart: images, features, labels, splits."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from imgclf.data.class_names import check_names, first_few
from imgclf.data.sources.csv.columns import LABELS, Options, plain
from imgclf.data.split_names import SPLIT_COLUMNS, split_word
from imgclf.errors import DataError
from imgclf.files.parquet import Parquet, Schema

_IMAGE = re.compile(r"struct<.*\bbytes: (large_)?binary\b.*>|(large_)?binary(_view)?", re.DOTALL)
_FLOATS = re.compile(r"(fixed_size_|large_)?list<\w+: (halffloat|float|double)( not null)?>(\[\d+\])?")
_TEXT = re.compile(r"(large_)?string(_view)?|dictionary<values=string, .*>")
_CLASS = re.compile(rf"{_TEXT.pattern}|u?int(8|16|32|64)|bool")
_FLOAT = re.compile(r"halffloat|float|double")  # a class only where the name of the column says so


class Columns(NamedTuple):
    """The columns of a file that are used, those that are not, and the names of classes if the metadata has them."""

    examples: str
    is_image: bool
    label: str
    split: str | None
    ignored: tuple[str, ...]
    class_names: tuple[str, ...] | None


def split_column(path: Path, file: Parquet, options: Options) -> str | None:
    """Return the column of splits: the one that an option names, or one with such a name and such a word in it."""
    texts = [name for name, kind in file.schema().columns.items() if _TEXT.fullmatch(kind)]
    if options.split_column is not None:
        return _one(path, "split_column", options.split_column, [], texts, file.schema())
    called = [name for name in texts if plain(name) in SPLIT_COLUMNS]
    found = [name for name in called if any(map(split_word, {*file.words(name)}))]
    return _one(path, "split_column", None, found, texts, file.schema()) if found else None


def columns_of(path: Path, schema: Schema, options: Options, split: str | None) -> Columns:
    """Tell the columns apart by their type and name; raises DataError where two may be meant."""
    kinds = {name: kind for name, kind in schema.columns.items() if name != split}
    images = [name for name, kind in kinds.items() if _IMAGE.fullmatch(kind)]
    floats = [name for name, kind in kinds.items() if _FLOATS.fullmatch(kind)]
    labels = [name for name, kind in kinds.items() if _CLASS.fullmatch(kind)]
    numbers = [name for name, kind in kinds.items() if _FLOAT.fullmatch(kind)]
    examples = _one(path, "image_column", options.image_column, images or floats, images + floats, schema)
    for names in LABELS:
        if known := [name for name in labels or numbers if plain(name) in names]:
            break
    label = _one(path, "label_column", options.label_column, known or labels, labels + numbers, schema)
    ignored = tuple(name for name in kinds if name not in (examples, label))
    there = split if split in schema.columns else None
    return Columns(examples, examples in images, label, there, ignored, _class_names(path, schema, label))


def _one(path: Path, option: str, value: str | int | None, found: list[str], allowed: list[str], schema: Schema) -> str:
    """Return the column that an option names, or the only one."""
    what = {"image_column": "images or features", "label_column": "labels", "split_column": "splits"}[option]
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
