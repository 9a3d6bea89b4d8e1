"""Read CSV files: texts row by row, numbers in chunks.

Cells are divided by commas, semicolons or tabs, whichever the first row has most of, and may be quoted. Text is UTF-8,
or UTF-16 with a byte order mark. The first line is row 1, header or not, as in a spreadsheet. A column of images, each
in one cell as `70 80 82 ...`, is read as a column a pixel.
Memory does not grow with the file: a chunk of it is held, and at most one long line.
"""

import codecs
import csv
import io
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import DataError, excerpt, plural
from imgclf.files.reading import open_regular, shown, size_of

_AT_ONCE = 1 << 18  # bytes read at a time; lines and their copies take ten times as much
_LONGEST_LINE = 1 << 25  # characters: a row of 3 million values, each with its comma
_SAMPLE, _CELLS = 100, 1 << 14  # rows, or cells, that are looked at to tell what the columns hold
_PLACES = 250  # of a file at which some more rows are looked at
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_PICTURE = re.compile(r".*\.(png|jpe?g|bmp|gif|p[pgbn]m|webp|tiff?)\s*", re.IGNORECASE | re.DOTALL)
_JOINED = re.compile(r"\d{1,3}( \d{1,3}){63,65535}", re.ASCII)  # the pixels of an image, from 8x8 on
_QUOTED = re.compile(r'(?<![^,;\t\n])"[^"]*+(?:""[^"]*+)*"(?!")')  # a quoted cell: a quote inside a cell opens nothing
_OPENED = re.compile(r'(?<![^,;\t\n])"')
DECIMAL_POINTS = "write decimal points, 0.5 for 0,5: in pandas, read_csv(..., decimal=',')"
_UNREADABLE = "row {} cannot be read ({})"


@dataclass(frozen=True)
class Table:
    """The form of a CSV file; its rows are read by `texts` and `numbers`.

    header  names of the columns; None if the first row holds data
    sample  the first rows of data
    joined  the column of the file whose cells hold many values each, here divided into columns
    begins  the line from which on rows are data
    """

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...] | None
    sample: tuple[tuple[str, ...], ...]
    joined: int | None = None
    begins: int = 1

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; without a header their numbers, from 1."""
        return self.header or tuple(str(number) for number in range(1, len(self.sample[0]) + 1))

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)

    def column(self, index: int) -> list[str]:
        """Return the first cells of a column."""
        return [row[index] for row in self.sample]

    def divided(self, line: str) -> str:
        """Return a line of the file with a cell for each value of the joined column."""
        if self.joined is None:
            return line
        cells = line.split(self.delimiter)
        if self.joined < len(cells):
            cells[self.joined] = cells[self.joined].strip(' "').replace(" ", self.delimiter)
        return self.delimiter.join(cells)


class Numbers(NamedTuple):
    """Some rows of a table: their numbers as a spreadsheet counts them, values (n, D), and texts, a list a column."""

    rows: Sequence[int]
    values: NDArray[Any]
    texts: list[list[str]]


def open_table(path: Path, names: Callable[[Sequence[str]], bool] = lambda cells: False) -> Table:
    """Find out the form of a CSV file; raises DataError for an empty file, one without rows, or one that is no text.

    names   whether a first row names columns, though it may not look like a header
    """
    with open_regular(path) as file:
        start = file.read(2)
    encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    beginning = Table(path, encoding, _delimiter(path, encoding), None, ())
    _, first = next(_rows(beginning), (1, []))
    if not first:
        raise DataError(path, "an empty file", "name a CSV file with a row for each example")
    rows = min(_SAMPLE, max(2, _CELLS // len(first)))
    found = islice(texts(replace(beginning, sample=(tuple(first),))), rows + 1)
    lines, sample = zip(*((line, tuple(cells)) for line, cells in found), strict=True)
    if is_header(sample[0]) or (names(sample[0]) and not _recurs(*sample)):
        if len(sample) == 1:
            raise DataError(path, "a header without rows", "name a CSV file with a row for each example")
        header = tuple(unicodedata.normalize("NFC", name) for name in sample[0])  # in which names are compared
        return _divided(replace(beginning, header=header, sample=sample[1:], begins=lines[1]))
    if len(sample) > 1 and _is_repeated(*sample):
        return replace(beginning, sample=sample[1:], begins=lines[1])
    return replace(beginning, sample=sample[:rows])


def _delimiter(path: Path, encoding: str) -> str:
    """Return what divides the cells of the first row; it goes on in the next line while a quoted cell is open."""
    row = ""
    for line in islice((line for _, line in _lines(path, encoding) if line.strip()), _SAMPLE):
        row = _QUOTED.sub("", f"{row}\n{line}")
        if not _OPENED.search(row):
            break
    return max(",;\t", key=row.count)


def _divided(table: Table) -> Table:
    """Return a table with one column of joined values as one with a column for each of them: pixel0, pixel1, ..."""
    joined = [column for column in range(table.width) if all(map(_JOINED.fullmatch, table.column(column)))]
    if len(joined) != 1:
        return table
    (at,) = joined
    values = table.sample[0][at].count(" ") + 1
    alike = [row for row in table.sample if row[at].count(" ") + 1 == values][: max(2, _CELLS // values)]
    sample = tuple((*row[:at], *row[at].split(" "), *row[at + 1 :]) for row in alike)
    pixels = (f"pixel{number}" for number in range(values))
    return replace(table, header=(*table.names[:at], *pixels, *table.names[at + 1 :]), sample=sample, joined=at)


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number."""
    return _NUMBER.fullmatch(cell) is not None


def is_picture(cell: str) -> bool:
    """Whether a cell ends like the name of an image file."""
    return _PICTURE.fullmatch(cell) is not None


def has_decimal_comma(cell: str) -> bool:
    """Whether a cell is a number with a decimal comma."""
    return is_number(cell.replace(",", ".", 1)) and not is_number(cell)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row names columns: text, or numbers that only count: 0, 1, 2, ..."""
    numbers = [cell for cell in cells if is_number(cell)]
    if not numbers:
        return not any(map(is_picture, cells))
    count = len(numbers) >= 4 and all(number.isdecimal() and len(number) < 10 for number in numbers)
    return count and all(int(b) == int(a) + 1 for a, b in pairwise(numbers))


def _recurs(first: Sequence[str], *rows: Sequence[str]) -> bool:
    """Whether a text of the first row stands again below it, as that of a class does."""
    return any(row[i] == cell for i, cell in enumerate(first) if not is_number(cell) for row in rows)


def _is_repeated(first: Sequence[str], *rows: Sequence[str]) -> bool:
    """Whether pandas made names of a row of data: 0, 0, 0, 18, 18 became 0, 0.1, 0.2, 18, 18.1; others are whole.

    A row with the index that pandas writes, whose column has no name, is none.
    """
    if any(not cell or cell.startswith("Unnamed: ") for cell in first):
        return False
    seen: Counter[str] = Counter()
    repeated = []
    for index, cell in enumerate(first):
        if is_number(cell):
            whole = cell.partition(".")[0]
            if not whole.isdecimal() or cell != (f"{whole}.{seen[whole]}" if seen[whole] else whole):
                return False
            if seen[whole]:
                repeated.append(index)
            seen[whole] += 1
    return bool(repeated) and all("." not in row[index] for row in rows for index in repeated)


def texts(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row of data, spaces around them removed; blank lines are skipped."""
    for row, cells in _rows(table):
        if row >= table.begins:
            if len(cells) != table.width:
                raise _ragged(table, row, len(cells))
            yield row, [cell.strip() for cell in cells]


def cells_all_over(table: Table, columns: Sequence[int]) -> list[list[str]]:
    """Return some columns of the first rows and of rows all over the file, often in the order of their classes."""
    found = [[row[column] for column in columns] for row in table.sample]
    if table.encoding == "utf-16":  # whose characters cannot be read from any byte on
        return found
    with open_regular(table.path) as file:
        size, length = size_of(file), max(len(table.delimiter.join(row)) for row in table.sample)
        for place in range(_PLACES):
            file.seek(size * place // _PLACES)
            lines = [line.decode(errors="replace") for line in file.read(3 * length + 4).splitlines()[1:-1]]
            whole = (line for line in lines if _width(table, line) == table.width)
            found += [[_cell(table, line, column) for column in columns] for line in whole]
    return found


def _rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row that is not blank, the header, too."""
    lines = (f"{table.divided(line)}\n" for _, line in _lines(table.path, table.encoding))
    reader = csv.reader(lines, delimiter=table.delimiter)
    row = 1
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield row, cells
            row = reader.line_num + 1
    except csv.Error as error:
        raise DataError(table.path, _UNREADABLE.format(f"{row:,}", excerpt(error)), "write it as CSV") from error


def numbers(
    table: Table,
    columns: Sequence[int],
    of_text: Sequence[int],
    dtype: "np.dtype[Any]",
    hear: Callable[[bytes], object] = bytes,
) -> Iterator[Numbers]:
    """Yield the values of some columns in chunks, with the texts of others; `hear` gets the bytes of the file.

    Raises DataError for what is not a number: for uint8, a whole number within 0..255; for float32, a finite one.
    """
    for rows, lines in _chunks(table.path, table.encoding, hear):
        data = ((row, line) for row, line in zip(rows, lines, strict=True) if row >= table.begins and line.strip())
        kept = [(row, _whole(table, row, line)) for row, line in data]
        if not kept:
            continue
        rows, lines = map(list, zip(*kept, strict=True))
        for row, line in kept:
            if _width(table, line) != table.width:
                raise _ragged(table, row, _width(table, line))
        found = [[_cell(table, line, column) for line in lines] for column in of_text]
        yield Numbers(rows, _values(table, rows, lines, columns, dtype), found)


def most_rows(table: Table, filled: int) -> int:
    """Return a number that the rows of data do not exceed, if so many cells of each are filled."""
    with open_regular(table.path) as file:
        by_size = size_of(file) // max(1, table.width - 1 + filled) + 1
        lines = 1
        while lines < by_size and (block := file.read(_AT_ONCE)):
            lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
        return min(by_size, lines)


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    for rows, lines in _chunks(path, encoding):
        yield from zip(rows, lines, strict=True)


def _chunks(
    path: Path, encoding: str, hear: Callable[[bytes], object] = bytes
) -> Iterator[tuple[Sequence[int], list[str]]]:
    """Yield whole lines without their ends, some at a time, with their numbers from 1."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    row, begun = 1, [""]  # the number of the next line, and its pieces so far
    with open_regular(path) as file:
        while True:
            block = file.read(_AT_ONCE)
            hear(block)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise DataError(path, f"not text in {encoding[:6].rstrip('-')}", "save it as CSV in UTF-8") from error
            if "\0" in text:
                raise DataError(path, "holds NUL bytes: it is not text", "save it as CSV in UTF-8")
            begun.append(text)
            if sum(map(len, begun)) > _LONGEST_LINE:
                raise DataError(path, f"a line of more than {_LONGEST_LINE:,} characters", "is it a CSV file?")
            if "\n" in text or not block:
                *lines, rest = "".join(begun).split("\n")
                begun = [rest]
                if not block and rest:
                    lines = [rest]
                if lines:
                    yield range(row, row + len(lines)), lines
                row += len(lines)
            if not block:
                return


def _cells(table: Table, line: str) -> list[str]:
    """Divide a single line into cells."""
    try:
        return next(csv.reader([line], delimiter=table.delimiter), [])
    except csv.Error as error:
        raise DataError(table.path, f"not a row of a CSV file ({excerpt(error)})", "write it as CSV") from error


def _whole(table: Table, row: int, line: str) -> str:
    """Return a line with a cell for each value; raises DataError if a quoted cell goes on in the next line."""
    if line.count('"') % 2:
        reader = csv.reader([line, ""], delimiter=table.delimiter)
        with suppress(csv.Error):  # which `_width` reports
            next(reader)
        if reader.line_num > 1:
            problem = f"row {row:,}: a quoted cell has a line break in it, or a quote too many"
            raise DataError(table.path, problem, "write a row of numbers in one line")
    return table.divided(line)


def _width(table: Table, line: str) -> int:
    return len(_cells(table, line)) if '"' in line else line.count(table.delimiter) + 1


def _cell(table: Table, line: str, column: int) -> str:
    """Return one cell of a line, without dividing all of it."""
    if '"' in line:
        return _cells(table, line)[column].strip()
    after = table.width - 1 - column
    if column <= after:
        return line.split(table.delimiter, column + 1)[column].strip()
    return line.rsplit(table.delimiter, after + 1)[-1 - after].strip()


def _values(
    table: Table, rows: Sequence[int], lines: list[str], columns: Sequence[int], dtype: "np.dtype[Any]"
) -> NDArray[Any]:
    found = _parsed(table, lines, columns, dtype)
    if found is None and dtype == np.uint8:
        floats = _parsed(table, lines, columns, np.dtype(np.float32))  # whole numbers may be written 7.0
        if floats is not None and ((floats >= 0) & (floats <= 255) & (floats == np.rint(floats))).all():
            found = floats.astype(np.uint8)
    if found is None or (dtype.kind == "f" and not np.isfinite(found).all()):
        raise _bad_cell(table, rows, lines, columns, dtype)
    return found


def _parsed(table: Table, lines: list[str], columns: Sequence[int], dtype: "np.dtype[Any]") -> NDArray[Any] | None:
    """Return the values (n, D) of some columns; None if any is not such a number."""
    chosen: Sequence[int] | None = columns
    # To cut off a column at an end takes a third less time than to choose the others.
    if not any('"' in line for line in lines):
        if list(columns) == list(range(1, table.width)):
            lines, chosen = [line.partition(table.delimiter)[2] for line in lines], None
        elif list(columns) == list(range(table.width - 1)):
            lines, chosen = [line.rpartition(table.delimiter)[0] for line in lines], None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns where it reads 2.5 as 2
            found = np.loadtxt(
                lines, dtype, comments=None, delimiter=table.delimiter, usecols=chosen, quotechar='"', ndmin=2,
                encoding=None,
            )  # fmt: skip
    except (ValueError, OverflowError, Warning):
        return None
    return found if found.shape == (len(lines), len(columns)) else None


def _bad_cell(
    table: Table, rows: Sequence[int], lines: list[str], columns: Sequence[int], dtype: "np.dtype[Any]"
) -> DataError:
    """Find the first cell that is not such a number."""
    for row, line in zip(rows, lines, strict=True):
        cells = _cells(table, line)
        for column in columns:
            cell = cells[column].strip() if column < len(cells) else ""
            if dtype == np.uint8:
                rule, right = "a whole number within 0..255", is_number(cell) and float(cell) in range(256)
            else:
                with np.errstate(over="ignore"):
                    rule, right = "a finite number", is_number(cell) and bool(np.isfinite(dtype.type(cell)))
            if not right:
                is_large = dtype != np.uint8 and is_number(cell)
                what = f"too large for {dtype}" if is_large else f"not {rule}"
                problem = f"row {row:,}, column {shown(table.names[column])}: {shown(cell)} is {what}"
                return DataError(table.path, problem, _remedy(cell, is_large=is_large))
    return DataError(table.path, _UNREADABLE.format(f"{rows[0]:,} or below", "quotes?"), "write it as CSV")


def _remedy(cell: str, *, is_large: bool) -> str:
    if is_large:
        return "correct it, or divide the column"
    if has_decimal_comma(cell):
        return DECIMAL_POINTS
    return "correct it" if cell else "fill it, or remove the row"


def _ragged(table: Table, row: int, cells: int) -> DataError:
    problem = f"row {row:,} has {plural(cells, 'cell')}, the first {table.width:,}"
    return DataError(table.path, problem, "correct or remove the row")
