"""Columns of a table that hold splits, or look so."""

import re
from pathlib import Path

from imgclf.data.sources.csv.columns import Columns, plain, setting
from imgclf.data.split_names import SPLIT_COLUMNS, split_of, split_word
from imgclf.files.csv_table import Table, cells_all_over
from imgclf.files.reading import shown

_OTHER_MEANINGS = {"set", "usage", "dataset"}
_FLAGS = {"true", "false", "0", "1", "0.0", "1.0"}


def names_splits(table: Table, index: int) -> bool:
    """Whether a word in the rows that are looked at is that of a split; then each row must have one."""
    return any(split_word(cell) for (cell,) in cells_all_over(table, [index]))


def likeness(table: Table, index: int) -> tuple[str, str] | None:
    """Return that a column looks like splits, and how to use it; None if it does not."""
    name, cells = table.names[index], {cell.casefold() for cell in table.column(index)}
    if all(map(split_word, cells)):
        return f"column {shown(name)} looks like splits", f"to use it: {setting(table, 'split_column', index)}"
    if plain(name) in SPLIT_COLUMNS - _OTHER_MEANINGS and table.header and not names_splits(table, index):
        return f"column {shown(name)} has none of the words train, val and test", "write them, or rename the column"
    about = split_of(Path(re.sub(r"^is", "", plain(name))))
    if table.header and about and cells <= _FLAGS and len(cells) > 1:
        return f"column {shown(name)} looks like splits", "to use it: write train and test in a column named split"
    return None


def remarks(table: Table, columns: Columns) -> list[str]:
    """Return a remark on each column that looks like splits and is not used for them."""
    used = {columns.label, columns.split, columns.image, *(columns.values if columns.form == "pixels" else ())}
    found = (likeness(table, index) for index in range(table.width) if index not in used)
    return ["; ".join(one) for one in found if one is not None]
