"""Choose between class folders and a table that names their images."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from imgclf.data.class_names import composed, first_few
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._tree import Tree
from imgclf.data.sources.csv.columns import Columns, Options, called_labels
from imgclf.data.sources.csv.guessing import columns_of, open_named
from imgclf.data.sources.csv.image_places import Files, ImagePlaces
from imgclf.data.sources.csv.tables import tables_around
from imgclf.data.split_names import split_in, split_of, splits_of
from imgclf.errors import ImgclfError
from imgclf.files.csv_table import Table, is_number
from imgclf.files.reading import shown


class Rival(NamedTuple):
    """A table that names images in class folders, and says more about them than their folders do.

    labels  columns that may hold labels; none if the label column is plain
    wins    whether the table is read rather than the folders
    """

    table: Path
    labels: tuple[str, ...]
    wins: bool


def rivals(tree: Tree) -> list[Rival]:
    """Return such tables; only their first rows are looked at, and no image is opened."""
    root, _, tables = tables_around(tree.root)
    if not tables:
        return []
    listed: dict[Path, Files] = {}
    ours = [folder for split in tree.splits.values() for folder in look_into(split).folders]
    divided = len(tree.splits) > 1
    return [one for table in tables if (one := _rival(root, table, ours, listed, divided=divided)) is not None]


def warnings(tree: Tree) -> list[str]:
    """Return warnings that class folders were read although a table names their images, and how to read the table."""
    lines = []
    for table, labels, _ in rivals(tree):
        those = f"COLUMN, one of {first_few([shown(name[:20]) for name in labels], 6)}"
        how = f"-s data.options.label_column={those}" if labels else "-s data.source=csv"
        where = table.relative_to(tree.root)
        lines.append(f"{tree.root}: classes are the folders, though {where} names images; to read it: {how}")
    return lines


def _rival(
    root: Path, path: Path, classes: Iterable[Path], listed: dict[Path, Files], *, divided: bool
) -> Rival | None:
    """Return what a table says more than class folders, which may be `divided` into splits; None if nothing."""
    try:
        table = open_named(path)
        columns = columns_of(table, Options(), labeled=False)
    except ImgclfError:
        return None
    if columns.form != "images":
        return None
    folders = {folder: composed(folder.name).casefold() for folder in classes}
    label = columns.label if columns.label is not None and _holds_labels(table, columns.label) else None
    found = _named(ImagePlaces(root, path, listed), table, columns)
    inside = {row: names for row, files in found.items() if (names := _around(files, folders))}
    if not inside:  # images in other folders, as of a test split
        return Rival(path, (), wins=False) if found and label is not None else None
    if label is not None:
        cells = [composed(cell).casefold() for cell in table.column(label)]
        differ = any(cells[row] not in names for row, names in inside.items()) and not _number(inside, cells)
        return Rival(path, (), differ) if differ or (columns.split is not None and not divided) else None
    rest = [index for index in range(table.width) if index not in (columns.image, columns.split)]
    texts = tuple(table.names[index] for index in rest if _is_text(table.column(index)))
    return Rival(path, texts, _differ_in_digits(folders)) if texts else None


def _named(places: ImagePlaces, table: Table, columns: Columns) -> dict[int, list[Path]]:
    """Return the files that the first rows may name, as far as they are there."""
    words = [] if columns.split is None else table.column(columns.split)
    splits, home = splits_of(set(words)), split_in(table.path.stem) or "train"
    found = {}
    for row, name in enumerate(table.column(columns.image)):
        with suppress(ImgclfError):
            if files := places.candidates(name.strip(), row, (words and splits[words[row]]) or home):
                found[row] = [places.root / file for file in files]
    return found


def _around(files: Iterable[Path], folders: Mapping[Path, str]) -> set[str]:
    """Return the names of the class folders that files are in."""
    return {folders[folder] for file in files for folder in file.parents if folder in folders}


def _holds_labels(table: Table, label: int) -> bool:
    """Whether the column that is left besides file names holds labels: not numbers, and not different in every row."""
    cells = table.column(label)
    return called_labels(table.names[label]) or (_is_text(cells) and len(set(cells)) < len(cells))


def _number(folders: Mapping[int, Collection[str]], cells: Sequence[str]) -> bool:
    """Whether labels only number the folders of the rows, and none has the number in the name of another folder."""
    pairs = {(name, cells[row]) for row, names in folders.items() for name in names}
    labels = {label for _, label in pairs}
    names = {name for name, _ in pairs}
    if not len(pairs) == len(labels) == len(names) or not all(map(is_number, labels)):
        return False
    numbers = {float(name) for name in names if is_number(name)}
    return all(is_number(name) and float(label) == float(name) for name, label in pairs if float(label) in numbers)


def _is_text(cells: Iterable[str]) -> bool:
    return not all(is_number(cell) for cell in cells if cell.strip())


def _differ_in_digits(folders: Iterable[Path]) -> bool:
    """Whether folders are numbered parts, as part_1 and part_2, beside those of splits; 0, 1 and class1 are classes."""
    texts = {re.sub(r"[\d\W_]+", "", folder.name.casefold()) for folder in folders if split_of(folder) is None}
    return len(texts) == 1 and not called_labels(text := texts.pop()) and text != ""
