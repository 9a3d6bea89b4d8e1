"""Tell the columns of a CSV file apart: images, pixels, features, labels."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from imgclf.data.class_names import composed, first_few
from imgclf.data.sources.csv.columns import LABELS, Columns, Options, called_labels, called_like, plain, setting
from imgclf.data.sources.csv.image_places import ImagePlaces
from imgclf.data.sources.csv.split_column import likeness, names_splits
from imgclf.data.split_names import SPLIT_COLUMNS
from imgclf.errors import DataError, ImgclfError, UsageError
from imgclf.files.csv_table import (
    DECIMAL_POINTS,
    Table,
    cells_all_over,
    has_decimal_comma,
    is_number,
    is_picture,
    open_table,
)
from imgclf.files.reading import shown

_IMAGES = (
    {"image", "images", "img", "file", "files", "filename", "filenames", "filepath", "filepaths", "path", "paths",
     "imagename", "imagefile", "imagepath", "imageid", "imageindex", "imgname", "imgpath", "imgid", "fname"},
    {"id", "name", "uuid"},
)  # fmt: skip
_ROW_NAMES = {"", "id", "index", "rowid", "row", "imageid", "unnamed:0"}  # what numbers rows is not a feature
_PIXELS = re.compile(r"(pixels?|pix|px|p)?[ _-]?")
_COUNTED = re.compile(r"(.*?)(\d+)(?:(?:x|\.)(\d+))?", re.ASCII | re.DOTALL)  # pixel12, f_3, 1x28, 0.17
_FEWEST_COUNTED = 4  # columns: f0, f1, f2, f3
_MOSTLY = 0.9  # of the rows
_FEW = 4  # rows for each class, at least
_SMALLEST = 8  # pixels a side where no header says that they are pixels


def open_named(path: Path, features: Sequence[str] = ()) -> Table:
    """Open a table; its header may be of numbers and a word for labels, or hold the names of `features`."""

    def names(cells: Sequence[str]) -> bool:
        numbers = [cell for cell in cells if is_number(cell)]
        words = {plain(cell) for cell in cells} - {"y"}  # which may be a class
        differ = len(set(numbers)) == len(numbers)
        known = bool(features) and {*features} <= {*map(composed, cells)}
        return known or (differ and not words.isdisjoint(LABELS[0]))

    return open_table(path, names)


def columns_of(
    table: Table, options: Options, *, labeled: bool = True, features: Sequence[str] = (), label: str | None = None
) -> Columns:
    """Guess what the columns are; raises DataError where two may be meant.

    labeled   one must hold the labels
    features  the names of the features of training, which are found by name if the table has a header
    label     the name of the column of labels in training, "" if it had none; None: this is training
    """
    guess = _Guess(table, options, label)
    if features and table.header:
        return guess.known(features, labeled=labeled)
    image = guess.named("image_column", options.image_column)
    counted = [] if image is not None else guess.counted()
    if counted:
        return guess.numeric(counted, labeled=labeled)
    if image is None:
        image = guess.column_of("image_column", _IMAGES, guess.may_name_images)
    if image is None:
        image = guess.column_of_pictures()
    if image is None:
        image = guess.column_of_files()
    if image is not None:
        return guess.images(image, labeled=labeled)
    return guess.numeric([], labeled=labeled)


def image_shape(values: int) -> tuple[int, int, int] | None:
    """Return (H, W, channels) of square images of so many values, gray or in color; else None."""
    for channels in (1, 3):
        side = math.isqrt(values // channels)
        if side > 1 and side * side * channels == values:
            return side, side, channels
    return None


def _in_quotes(name: str) -> str:
    """Return the name of a column for an error, a long one cut in the middle: long names often differ at the end."""
    return shown(name if len(name) <= 40 else f"{name[:18]}...{name[-18:]}")


class _Guess:
    """A table whose columns are being told apart."""

    def __init__(self, table: Table, options: Options, trained: str | None) -> None:
        self.table, self.options, self.trained = table, options, trained
        self.plain = [plain(name) if table.header else "" for name in table.names]
        self.label = self.named("label_column", options.label_column)
        if self.label is None and trained:
            self.label = called_like(table, trained)
        self.split = self.named("split_column", options.split_column)
        if self.split is None:
            self.split = self.column_of("split_column", (SPLIT_COLUMNS,), lambda i: names_splits(table, i))

    def named(self, option: str, value: str | int | None) -> int | None:
        """Return the column that an option names."""
        names = self.table.names
        if value is None:
            return None
        wanted = composed(str(value))
        if wanted in names:
            return names.index(wanted)
        alike = [index for index, name in enumerate(names) if name.casefold() == wanted.casefold()]
        if len(alike) == 1:
            return alike[0]
        if type(value) is int and 1 <= value <= len(names):
            return value - 1
        there = self._quoted(range(len(names))) if self.table.header else f"1 to {len(names)}"
        problem = f"{self.table.path} has no column {str(value)[:40]!r}"
        raise UsageError(f"data.options.{option}", problem, f"it has {there}")

    def column_of(
        self, option: str, ranks: Sequence[set[str]], fits: Callable[[int], bool] = lambda index: True
    ) -> int | None:
        """Return the column with one of these names, those of the first rank first; two of one rank are an error."""
        taken = {self.label, self.split}
        for names in ranks:
            found = [i for i, name in enumerate(self.plain) if name in names and i not in taken and fits(i)]
            if len(found) > 1:
                raise self._ambiguous(option, found)
            if found:
                return found[0]
        return None

    def counted(self) -> list[int]:
        """Return the columns that only count, such as pixel0 or 1x28; in that order if it is plain, without a gap."""
        if not self.table.header:
            return []
        series: dict[str, list[tuple[int, bool, int]]] = {}
        for index, name in enumerate(self.table.names):
            if index not in (self.label, self.split) and (found := _COUNTED.fullmatch(name.strip())):
                text, first, second = found.groups()
                if len(first) < 10 and len(second or "") < 10:
                    series.setdefault(text.casefold(), []).append((int(first), second is None, index))
        longest = max(series.values(), key=len, default=[])
        if len(longest) < max(_FEWEST_COUNTED, self.table.width / 2):
            return []
        in_order = sorted(longest)
        single = all(alone for _, alone, _ in longest) and all(b[0] == a[0] + 1 for a, b in pairwise(in_order))
        return [index for *_, index in (in_order if single else longest)]

    def may_name_images(self, index: int) -> bool:
        """Whether the cells of a column may be names of image files; an id too, beside a label alone."""
        cells = self.table.column(index)
        others = self.table.width - len({index, self.split} - {None})
        differ = len(set(cells)) > len(cells) / 2 and (self.plain[index] in _IMAGES[0] or others <= 1)
        return differ or any(map(is_picture, cells))

    def column_of_pictures(self) -> int | None:
        """Return the only column whose cells end like image files."""
        found = [index for index in range(self.table.width) if all(map(is_picture, self.table.column(index)))]
        return found[0] if len(found) == 1 else None

    def column_of_files(self) -> int | None:
        """Return the column beside a label alone whose cells are different names of files beside the table."""
        table = self.table
        rest = [i for i in range(table.width) if i not in (self.label, self.split)]
        rest = [i for i in rest if not called_labels(self.plain[i])]
        rest = [i for i in rest if not self._is_row_name(i)] or rest
        names = [i for i in rest if len(set(table.column(i))) == len(table.sample)] if len(rest) <= 2 else []
        return names[0] if len(names) == 1 and self._are_files(table.column(names[0])) else None

    def _are_files(self, names: Sequence[str]) -> bool:
        """Whether most of these are names of files beside the table; numbers must be whole."""
        if any(is_number(name) and not name.isdecimal() for name in names):
            return False
        with suppress(ImgclfError):
            places = ImagePlaces(self.table.path.parent, self.table.path)
            places.deeper = []  # to look there takes long where there are many folders
            found = [places.candidates(one, 0, "train") or places.candidates(one, 0, "test") for one in names]
            return sum(map(bool, found)) > len(names) / 2
        return False

    def images(self, image: int, *, labeled: bool) -> Columns:
        """Return the columns of file names and labels."""
        rest = [index for index in range(self.table.width) if index not in (image, self.split)]
        label = self.label
        if label is None:
            label = self._usual_label({image})
        if label is None:
            label = self._left_for_labels(rest)
        if label is None and labeled:
            raise self._ambiguous("label_column", rest)
        ignored = tuple(self.table.names[i] for i in rest if i != label)
        return Columns("images", label, self.split, image, ignored=ignored)

    def numeric(self, counted: list[int], *, labeled: bool) -> Columns:
        """Return the columns of pixels or features, and of labels."""
        table = self.table
        label = self.label
        rest = [i for i in range(table.width) if i != self.split and not self._is_row_name(i)]
        if label is None and all(is_number(table.names[i]) for i in rest):  # no header, or one that only counts
            label = self._label_at_an_end(rest, labeled=labeled)
        elif label is None:
            label = self._label_beside(counted)
        if label is None and labeled:
            raise self._ambiguous("label_column", [i for i in rest if i not in counted])
        values = [i for i in counted or rest if i not in (label, self.split)]
        return self._of_numbers(values, label, self._pixel_shape(values, counted))

    def known(self, features: Sequence[str], *, labeled: bool) -> Columns:
        """Return the columns of these features, in their order, and of labels."""
        table, wanted = self.table, set(features)
        place = {name: i for i, name in enumerate(table.names) if name in wanted}
        if missing := [name for name in features if name not in place]:
            usual = {*LABELS[0], *LABELS[1], *_ROW_NAMES}
            used = {self.label, self.split, *place.values()}
            others = [i for i, name in enumerate(self.plain) if name not in usual and i not in used]
            unknown = f"; not among those of training: {self._quoted(others)}" if others else ""
            problem = f"there is no column {first_few([*map(_in_quotes, missing)], 4)}{unknown}"
            raise DataError(table.path, problem, "name the columns as in the training data")
        if twice := [i for i, name in enumerate(table.names) if place.get(name, i) != i]:
            raise DataError(table.path, f"two columns {self._quoted(twice)}", "remove or rename one")
        values = [place[name] for name in features]
        label = self.label if self.label is not None else self._label_beside(values)
        if label is None and labeled:
            raise self._ambiguous("label_column", [i for i in range(table.width) if i not in place.values()])
        return self._of_numbers(values, label, None)

    def _of_numbers(self, values: list[int], label: int | None, pixels: tuple[int, int, int] | None) -> Columns:
        """Return columns of features, or of pixels in the shape of an image."""
        table = self.table
        if text := [i for i in values if not any(map(is_number, table.column(i)))]:
            if commas := self._decimal_commas():
                raise commas
            if like_splits := next(filter(None, (likeness(table, i) for i in text)), None):
                raise DataError(table.path, *like_splits)
            problem = f"{self._quoted(text)}: text, neither numbers nor names of images"
            remedy = f"remove them, or name the images: {setting(table, 'image_column', text[0])}"
            raise DataError(table.path, problem, remedy)
        if not values:
            raise DataError(table.path, "no columns of numbers or of file names", "name a CSV file with examples")
        used = {*values, label, self.split}
        unused = [i for i in range(table.width) if i not in used]
        row_name = next((i for i in unused if self.plain[i] in _ROW_NAMES | _IMAGES[0] | _IMAGES[1]), None)
        return Columns(
            "features" if pixels is None else "pixels", label, self.split, values=tuple(values), row_name=row_name,
            shape=pixels or (len(values),), ignored=tuple(table.names[i] for i in unused),
        )  # fmt: skip

    def _label_beside(self, values: Sequence[int]) -> int | None:
        """Return the column of labels beside these; None if none can be told."""
        taken = {*values, self.split}
        label = self._usual_label(taken)
        if label is not None:
            return label
        rest = [i for i in range(self.table.width) if i not in taken and not self._is_row_name(i)]
        if not values:
            rest = [i for i in rest if not all(map(is_number, self.table.column(i)))]
        return self._left_for_labels(rest)

    def _left_for_labels(self, rest: Sequence[int]) -> int | None:
        """Return the only column that is left, if it may hold the labels."""
        return rest[0] if len(rest) == 1 and (self.trained is None or not self.table.header) else None

    def _is_row_name(self, index: int) -> bool:
        """Whether the header says that a column numbers or names the rows."""
        return self.table.header is not None and self.plain[index] in _ROW_NAMES | _IMAGES[0]

    def _label_at_an_end(self, columns: list[int], *, labeled: bool) -> int | None:
        """Return the first or the last of these, if one holds text or, all over the file, fewer different numbers."""
        if text := [i for i in columns if not any(map(is_number, self.table.column(i)))]:
            return text[0] if len(text) == 1 else None
        if len(columns) < 2 or self._pixel_shape(columns, columns):  # as many pixels as an image has, and none over
            return None
        ends = (columns[0], columns[-1])
        cells = [*zip(*cells_all_over(self.table, (*ends, columns[1], columns[-2])), strict=True)]
        own, beside = dict(zip(ends, cells[:2], strict=True)), dict(zip(ends, cells[2:], strict=True))
        whole = [i for i in ends if all(map(str.isdecimal, own[i]))]
        different = {i: len(set(own[i])) for i in whole}
        several = [i for i in whole if different[i] > 1] or whole[:1]
        if self._pixel_shape(columns[1:], columns[1:]):  # a pixel at the border is often as dark as the one beside it
            alike = {i: sum(map(str.__eq__, own[i], beside[i])) for i in several}
            others = [i for i in several if alike[i] < _MOSTLY * len(own[i]) and _FEW * different[i] <= len(own[i])]
            several = others or several
        if len(several) == 2 and max(different.values()) < 2 * min(different.values()):
            if not labeled:
                return None
            raise self._ambiguous("label_column", several)
        return min(several, key=different.__getitem__, default=None)

    def _pixel_shape(self, values: list[int], counted: list[int]) -> tuple[int, int, int] | None:
        """Return (H, W, channels) if these columns are the pixels of an image."""
        shape = image_shape(len(values))
        if shape is None:
            return None
        if self.table.header:
            name = _COUNTED.fullmatch(self.table.names[values[0]].strip()) if counted else None
            if name is None or not _PIXELS.fullmatch(name[1].casefold()):
                return None
        elif shape[0] < _SMALLEST:
            return None
        cells = {row[i] for row in self.table.sample for i in values}
        return shape if all(is_number(cell) and float(cell) in range(256) for cell in cells) else None

    def _one_hot(self, columns: Sequence[int]) -> list[int]:
        """Return those columns that hold 0 and 1, each a 1 somewhere, if each row has a single 1 in them."""
        found = [i for i in columns if {*self.table.column(i)} <= {"0", "1", "0.0", "1.0"}]
        found = [i for i in found if any(map(float, self.table.column(i)))]
        alone = all(sum(float(row[i]) for i in found) == 1 for row in self.table.sample)
        return found if alone and len(found) > 1 else []

    def _usual_label(self, taken: Collection[int | None]) -> int | None:
        """Return the column that is called like labels; y is a coordinate after x, as in a box [x,y,w,h]."""
        return self.column_of("label_column", LABELS, lambda i: i not in taken and not self._is_coordinate(i))

    def _is_coordinate(self, index: int) -> bool:
        """Whether a column is y after x, and not these two alone; at the end, y may be a label after position_x."""
        if self.plain[index] != "y" or index == 0 or sum(name not in _ROW_NAMES for name in self.plain) <= 2:
            return False
        before = self.table.names[index - 1].casefold().strip()
        return before == "x" or (index + 1 < self.table.width and bool(re.search(r"[\W_]x$", before)))

    def _decimal_commas(self) -> DataError | None:
        """Return the error of a table whose numbers have decimal commas, in cells divided by semicolons or tabs."""
        table = self.table
        # Without a header, commas may be the more, and seem to divide the cells.
        rows = [re.split("[;\t]", ",".join(row)) if table.delimiter == "," else row for row in table.sample]
        found = next((cell for row in rows if len(row) > 1 for cell in row if has_decimal_comma(cell)), None)
        if found is None:
            return None
        return DataError(table.path, f"numbers with decimal commas, such as {shown(found)}", DECIMAL_POINTS)

    def _quoted(self, columns: Sequence[int]) -> str:
        return first_few([_in_quotes(self.table.names[i]) for i in columns], 4)

    def _ambiguous(self, option: str, found: Sequence[int]) -> DataError:
        what = {"label_column": "the labels", "image_column": "the file names", "split_column": "train, val or test"}
        if option == "label_column" and len(found) == 1 and self.trained is not None:  # else it would be taken
            problem = f"no column holds the labels: {self._quoted(found)} is not called so"
            return DataError(self.table.path, problem, f"name that column {shown(self.trained or 'label')}")
        if not found:
            return DataError(self.table.path, f"no column holds {what[option]}", "add a column, named label")
        if option == "label_column" and (one_hot := self._one_hot(found)):
            problem = f"the labels are one-hot, in {self._quoted(one_hot)}"
            return DataError(self.table.path, problem, "write one column, named label: in pandas idxmax(axis=1)")
        if option == "label_column" and (commas := self._decimal_commas()):
            return commas
        those = " or ".join(setting(self.table, option, i) for i in found[:2])
        problem = f"{what[option]} may be in {'column ' * (not self.table.header)}{self._quoted(found)}"
        return DataError(self.table.path, problem, f"name one: {those}")
