"""Write CSV with exact values and without spreadsheet formulas."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TypeAlias

Cell: TypeAlias = str | int | float | None

# A spreadsheet takes a text that begins like this for a formula, also after spaces; the wide forms are Chinese and
# Japanese. Words after a sign are left alone: they call no function and refer to no cell.
_FORMULA = re.compile(r"['\s]*(?:[=＝].+|[-+@－＋＠](?!(?:[^\W\d]|[-\s.])*\Z).+)", re.DOTALL)  # noqa: RUF001
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as CSV, lines ended by a newline: numbers in shortest round-trip form, None as an empty cell.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, which marks text in spreadsheets.
    To read it back, drop the apostrophe of a cell whose rest `is_formula`.
    """
    return "".join(map(_line, rows))


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would calculate a text, apostrophes in front aside; a number such as -1 is no formula."""
    return _FORMULA.fullmatch(text) is not None and _NUMBER.fullmatch(text) is None


def _line(cells: Sequence[Cell]) -> str:
    line = StringIO()
    # A lone \r in a name is quoted only if it also ends the lines.
    csv.writer(line, lineterminator="\r\n").writerow(map(_cell, cells))
    return line.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if is_formula(value) else value
    return "" if value is None else repr(value)
