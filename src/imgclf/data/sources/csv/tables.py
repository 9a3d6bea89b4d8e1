"""Find the CSV files of a data set and its splits."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from imgclf.data.class_names import first_few
from imgclf.data.sources._folders import DEEPEST, Inside, look_into
from imgclf.data.sources.csv.columns import Columns, Options, called_like
from imgclf.data.sources.csv.guessing import columns_of, open_named
from imgclf.data.split_names import SPLITS, split_in, split_of
from imgclf.errors import DataError, UsageError
from imgclf.files.csv_table import Table
from imgclf.files.reading import kind_of

_Told: TypeAlias = tuple[Table, Columns]
_SUFFIXES = (".csv", ".tsv")
_NOT_DATA = re.compile(r"submi(t|ssion)", re.IGNORECASE)  # Kaggle's example of an answer


@dataclass(frozen=True)
class Tables:
    """The CSV files at a path.

    root    the folder that their images are in
    files   by split, train first; "" for one file of all splits
    passed  other files, with the reason
    """

    root: Path
    files: dict[str, Path]
    passed: tuple[str, ...] = ()

    def wanted(self, splits: Collection[str]) -> Iterator[tuple[str, Path]]:
        """Yield the files that may hold one of these splits."""
        return ((split, file) for split, file in self.files.items() if not split or split in splits)


def find_tables(path: Path, options: Options, label: str | None = None) -> Tables:
    """Find the CSV file at a path, or those of its splits: train.csv and test.csv, or train/metadata.csv.

    `label` as for `columns_of`.
    """
    if kind_of(path) == "file":
        if options.labels_file is not None:
            raise UsageError("data.options.labels_file", f"{path} is a file itself", "name the folder in data.path")
        return Tables(path.parent, {"": path})
    if options.labels_file is not None:
        relative = Path(options.labels_file)
        if relative.is_absolute() or ".." in relative.parts:
            raise UsageError("data.options.labels_file", f"{relative} leads out of data.path", "name a file inside")
        return Tables(path, {"": path / relative})
    path, inside, _ = tables_around(path)
    files, passed = _by_name(path, _tables(inside), options, label)
    examples = [file for file in inside.files if is_table(file) and _NOT_DATA.search(file.stem)]
    passed += [f"{file.name} (an example of a submission)" for file in examples]
    if not files:
        files = _in_folders(path, inside, options, label)
    if not files:
        raise DataError(path, "no CSV file here", "name a CSV file, or the folder that holds one")
    if list(files) == ["train"]:  # which may have a column of splits
        files = {"": files["train"]}
    return Tables(path, files, tuple(passed))


def is_table(path: Path) -> bool:
    """Whether a file is named like a CSV file."""
    return path.suffix.lower() in _SUFFIXES


def _tables(inside: Inside) -> list[Path]:
    """Return the CSV files in a folder that may be data."""
    return [file for file in inside.files if is_table(file) and not _NOT_DATA.search(file.stem)]


class Around(NamedTuple):
    """A folder, what is in it, and the CSV files in it, else those in its folders of splits."""

    folder: Path
    inside: Inside
    tables: list[Path]


def tables_around(path: Path) -> Around:
    """Return the CSV files of PATH, or of a single folder in it."""
    here = place = Around(path, look_into(path), [])
    for _ in range(DEEPEST):
        folder, inside, _ = place
        of_splits = (look_into(one) for one in inside.folders if split_of(one))
        if found := _tables(inside) or [table for one in of_splits for table in _tables(one)]:
            return Around(folder, inside, found)
        only = inside.only_folder
        if only is None or split_of(only):
            break
        place = Around(only, look_into(only), [])
    return here


def _by_name(root: Path, tables: list[Path], options: Options, label: str | None) -> tuple[dict[str, Path], list[str]]:
    """Return the table of each split, or one for all, and why others are passed over."""
    of_split = {file: split for file in tables if (split := split_in(file.stem))}
    if "train" not in of_split.values():
        if not tables:
            return {}, []
        only = _only(root, [file for file in tables if file not in of_split] or tables, options, label)
        return {"": only}, [f"{file.name} (not the table of labels)" for file in tables if file != only]
    files: dict[str, Path] = {}
    passed = [f"{file.name} (not named for a split)" for file in tables if file not in of_split]
    for split in SPLITS:
        named = [file for file, its in of_split.items() if its == split]
        labeled = [file for file in named if has_labels(file, options, label)]
        if split == "train":
            labeled = labeled or named  # so that an error says what is wrong with it
        passed += [f"{file.name} (no labels: for `imgclf predict`)" for file in named if file not in labeled]
        if labeled:
            files[split] = _only(root, labeled, options, label)
            label = _label_name(files[split], options) if split == "train" and label is None else label
    return files, passed


def _in_folders(root: Path, inside: Inside, options: Options, label: str | None) -> dict[str, Path]:
    """Return the table in the folder of each split, train first."""
    files: dict[str, Path] = {}
    for folder in inside.folders:
        if (split := split_of(folder)) and (tables := _tables(look_into(folder))):
            if split in files:
                raise DataError(root, f"tables in both {files[split].parent.name} and {folder.name}", "keep one")
            files[split] = _only(folder, tables, options, label)
    return {split: files[split] for split in SPLITS if split in files}


def has_labels(file: Path, options: Options, label: str | None = None) -> bool:
    """Whether a table has a column of labels that can be told; `label` as for `columns_of`."""
    try:
        table = open_named(file)
        if label and called_like(table, label) is not None:  # whatever the others are
            return True
        return columns_of(table, options, label=label).label is not None
    except (DataError, UsageError):
        return False


def _label_name(file: Path, options: Options) -> str | None:
    """Return the name of the column of labels in the table of train; None if it cannot be told."""
    told = _told(file, options)
    return told and told[1].label_name(told[0])


def _told(file: Path, options: Options, *, labeled: bool = True) -> _Told | None:
    """Return a table and its columns; None if they cannot be told apart."""
    try:
        table = open_named(file)
        return table, columns_of(table, options, labeled=labeled)
    except (DataError, UsageError):
        return None


def _only(folder: Path, tables: list[Path], options: Options, label: str | None) -> Path:
    """Return the only table, or the only one with labels."""
    labeled = tables if len(tables) == 1 else [file for file in tables if has_labels(file, options, label)]
    if len(labeled) != 1:
        names = [file.name for file in tables if not labeled or file in labeled or _names_images(file)]
        problem = f"the labels may be in {first_few([repr(name) for name in names])}"
        raise DataError(folder, problem, f"name one: -s data.options.labels_file={names[0]}")
    return labeled[0]


def _names_images(file: Path) -> bool:
    """Whether a table names images, of which the labels may not be told."""
    told = _told(file, Options(), labeled=False)
    return told is not None and told[1].form == "images"
