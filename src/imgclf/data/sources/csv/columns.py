"""Columns of a CSV file, and the options that name them."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from imgclf.errors import UsageError
from imgclf.files.csv_table import Table, is_number

# Names of columns without case, spaces, - and _; those of the second rank count where there is none of the first.
LABELS = (
    {"label", "labels", "class", "classes", "classname", "classlabel", "target", "y", "category", "breed", "species"},
    {"classid", "labelid", "classidx", "labelidx", "targetid", "categoryid", "digit", "emotion", "type"},
)


@dataclass(frozen=True)
class Options:
    """The keys of `data.options`: columns by their names, or by their numbers from 1; null: guessed from the header.

    labels_file    the CSV file, relative to data.path
    image_column   file names
    label_column   classes
    split_column   train, val or test
    """

    labels_file: str | None = None
    image_column: str | int | None = None
    label_column: str | int | None = None
    split_column: str | int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            kinds = (str,) if name == "labels_file" else (str, int)
            if value is not None and (type(value) not in kinds or value == ""):
                kind = "a path" if name == "labels_file" else "the name or the number of a column"
                raise UsageError(f"data.options.{name}", f"{str(value)[:40]!r} is not {kind}", "correct it")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are, by index.

    form      "images": files named in the column `image`; "pixels" or "features", in the columns `values`
    label     None: no labels
    shape     (H, W, channels) of pixels, (D,) of features
    row_name  the column that names pixels or features, if there is one
    ignored   names of columns that are not used
    """

    form: Literal["images", "pixels", "features"]
    label: int | None
    split: int | None = None
    image: int = -1
    values: tuple[int, ...] = ()
    row_name: int | None = None
    shape: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()

    def features(self, table: Table) -> tuple[str, ...]:
        """Return the names of the features, if the table has a header with a name for each."""
        names = tuple(table.names[i] for i in self.values)
        return names if self.form == "features" and table.header and len(set(names)) == len(names) else ()

    def label_name(self, table: Table) -> str:
        """Return the name of the column of labels, if the table has a header; a number among pixels only counts."""
        name = table.names[self.label] if self.label is not None and table.header else ""
        return "" if self.form == "pixels" and is_number(name) else name

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of pixels or features."""
        return np.dtype(np.uint8 if self.form == "pixels" else np.float32)


def called_labels(name: str) -> bool:
    """Whether a column with this name holds labels."""
    return any(plain(name) in names for names in LABELS)


def called_like(table: Table, label: str) -> int | None:
    """Return the column that is called like that of the labels in training, but for case, spaces, - and _."""
    names = table.header or ()
    if label in names:
        return names.index(label)
    alike = [index for index, name in enumerate(names) if plain(name) == plain(label)]
    return alike[0] if len(alike) == 1 else None


def setting(table: Table, option: str, index: int) -> str:
    """Return what names a column on the command line: by its number if the name is long or strange."""
    name = table.names[index]
    is_plain = re.fullmatch(r"\w[\w .-]{0,18}\w|\w", name) and table.names.count(name) == 1
    return f"-s {shlex.quote(f'data.options.{option}={name if is_plain else index + 1}')}"


def plain(name: str) -> str:
    """Return a name without case, spaces, - and _."""
    return re.sub(r"[\s_-]+", "", name.casefold())
