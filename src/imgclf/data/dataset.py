"""A data set: images, labels and class names of one split."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.class_names import as_text, composed
from imgclf.errors import DataError, ImgclfError, plural
from imgclf.files.npy import check_whole, take_rows
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import row_indices, slices

AT_ONCE = 16 << 20  # bytes of images processed at a time


class LoadedFile(NamedTuple):
    """A file, or a member of an archive, that images were read from."""

    name: str
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "LoadedFile":
        """Hash the content of a file; hashing releases the interpreter lock."""
        return cls(name, hashlib.sha256(content).hexdigest())


class InputFormat(NamedTuple):
    """How the numbers of a file became examples, for files that are read later.

    columns  what each number of a feature vector is called, (D) all different; () if the file does not say it
    floats   how images of floats are read, a name that `_arrays` knows; "" if none were read: their own values decide
    label    what the column of labels is called in a table; "" if it has no name but a number
    """

    columns: tuple[str, ...] = ()
    floats: str = ""
    label: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what is known, for JSON."""
        return {name: value for name, value in self._asdict().items() if value}

    @classmethod
    def from_json(cls, said: Any) -> "InputFormat":
        """Return what `to_json` has returned; raises ValueError for anything else."""
        known = isinstance(said, dict) and set(said) <= set(cls._fields)
        columns = said.get("columns", []) if known else None
        texts = [said.get(name, "") for name in ("floats", "label")] if known else []
        if not isinstance(columns, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"input_format {str(said)[:40]}")
        if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
            raise ValueError("its columns are not different names")
        return cls(tuple(map(composed, columns)), *texts)


UNKNOWN = InputFormat()


class Unlabeled(NamedTuple):
    """Some examples without labels.

    names     (n) what to call each: a path, or the number of its row
    examples  (n, H, W, channels) uint8 or (n, D) float
    errors    of others that cannot be read
    remarks   how they were read, where that is not plain; what was not read
    """

    names: list[str]
    examples: NDArray[Any]
    errors: Sequence[ImgclfError] = ()
    remarks: tuple[str, ...] = ()


def described(shape: Sequence[int]) -> str:
    """Describe the shape of one example: `28 x 28 gray`, `3,072 features`."""
    if len(shape) == 1:
        return plural(shape[0], "feature")
    return f"{shape[0]} x {shape[1]} {'gray' if shape[2] == 1 else 'color'}"


@dataclass(frozen=True)
class Dataset:
    """Labeled images of one split; a view by row indices, so that splitting copies no pixel.

    images       (M, H, W, channels) uint8, channels 1 or 3; or (M, D) float feature vectors; may be mapped from a file
    labels       (M,) integers of any size, each 0..C-1; `y` returns them as int64
    class_names  C names, all different
    rows         (N,) int: which of the images belong to this split
    files        the files that the images were read from, if their digests are known
    paths        () -> the path of each of the M images, if each has a file of its own
    remarks      how they were read, where that is not plain
    input_format how a later file must be read to be like them
    set_aside    (C,) int: how many of each class were taken from these for a test split; None: there was no need to
    """

    images: NDArray[Any]
    labels: IntArray
    class_names: tuple[str, ...]
    rows: IntArray
    files: tuple[LoadedFile, ...] = ()
    paths: Callable[[], Iterable[Path]] | None = None
    remarks: tuple[str, ...] = ()
    input_format: InputFormat = UNKNOWN
    set_aside: IntArray | None = None

    def __post_init__(self) -> None:
        if self.images.ndim == 4:
            if self.images.dtype != np.uint8 or self.images.shape[3] not in (1, 3):
                raise ValueError(f"images are {self.images.dtype} {self.images.shape}, not uint8 (M, H, W, 1 or 3)")
        elif self.images.ndim != 2 or self.images.dtype.kind != "f":
            raise ValueError(f"features are {self.images.dtype} {self.images.shape}, not float (M, D)")
        if self.labels.dtype.kind not in "iu":
            raise ValueError(f"labels are {self.labels.dtype}, not integers")
        if len(self.labels) != len(self.images):
            raise ValueError(f"{len(self.images)} images, but {len(self.labels)} labels")
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError("two classes have the same name")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(f"labels are not all within 0..{len(self.class_names) - 1}")

    @classmethod
    def of(
        cls,
        images: NDArray[Any],
        labels: IntArray,
        class_names: tuple[str, ...],
        **more: Any,
    ) -> "Dataset":
        """All of the given images: as the fields, without rows."""
        return cls(images, labels, class_names, row_indices(len(labels)), **more)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def y(self) -> IntArray:
        """The labels of this split, (N,) int64."""
        return self.y_of(slice(None))

    def y_of(self, rows: IntArray | slice) -> IntArray:
        """The labels of examples by their row index in this split, (n,) int64, so that arithmetic cannot wrap."""
        check_whole(self.labels)
        return self.labels[self.rows[rows]].astype(np.int64, copy=False)

    def class_counts(self) -> IntArray:
        """Number of examples of each class in this split, (C,)."""
        counts = np.zeros(len(self.class_names), np.int64)
        for part in slices(len(self)):
            counts += np.bincount(self.y_of(part), minlength=len(counts))
        return counts

    def first_of_classes(self) -> dict[int, int]:
        """Return the row index of the first example of each class that has one, by its label."""
        labels, rows = np.unique(self.y, return_index=True)
        return dict(zip(labels.tolist(), rows.tolist(), strict=True))

    @property
    def at_once(self) -> int:
        """Number of examples to process at a time: 16 MB, or 65,536 small ones."""
        return min(max(1, AT_ONCE // max(1, self.images[:1].nbytes)), 1 << 16)

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example: (H, W, channels), or (D,) for feature vectors."""
        return tuple(self.images.shape[1:])

    @property
    def places(self) -> IntArray:
        """The rows of the examples in the data that they come from, (N,)."""
        return self.rows

    @property
    def unit(self) -> str:
        """What one of them is called: image, or example for a feature vector."""
        return "image" if self.images.ndim == 4 else "example"

    def pixels(self, rows: IntArray | slice, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Gather examples by their row index in this split: (n, H, W, channels) uint8 or (n, D) float."""
        return take_rows(self.images, self.rows[rows], out)

    def paths_of(self, rows: IntArray) -> list[Path] | None:
        """Return the paths of images by their row index in this split; None if they have no files of their own."""
        if self.paths is None:
            return None
        places = self.places[rows].tolist()
        wanted = set(places)
        listed = enumerate(islice(self.paths(), max(wanted, default=-1) + 1))
        found = {place: path for place, path in listed if place in wanted}
        return [found[place] for place in places]

    def names_of(self, rows: IntArray) -> list[str]:
        """Return what to call examples by their row index in this split: their paths, or their rows in the data."""
        paths = self.paths_of(rows)
        return [f"row {place}" for place in self.places[rows].tolist()] if paths is None else [*map(as_text, paths)]

    def check_finite(self, where: object, remedy: str) -> None:
        """Raise DataError if a feature vector has a NaN or Inf."""
        parts = slices(len(self), max(1, self.at_once // 16))  # copies of a megabyte, which fits a cache
        bad = np.concatenate([~np.isfinite(self.pixels(part)).all(axis=1) for part in parts]).nonzero()[0]
        if len(bad):
            more = f" and {len(bad) - 1:,} more rows" if len(bad) > 1 else ""
            raise DataError(where, f"NaN or Inf in row {bad[0]}{more}", remedy)

    def subset(self, rows: IntArray) -> "Dataset":
        """Keep only the examples at these row indices, in this order; no pixel is copied."""
        return replace(self, rows=self.rows[rows])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, labels and pixels: equal for equal data, however it was stored."""
        digest = hashlib.sha256(repr((self.class_names, len(self), self.example_shape)).encode())
        for part in slices(len(self)):
            digest.update(np.ascontiguousarray(self.y_of(part), dtype="<i8").data)
        advance = advancing("hashing", len(self), self.unit)
        for part in slices(len(self), self.at_once):
            digest.update(self.pixels(part).data)  # under no name: the next part would be made beside it
            advance(part.stop - part.start)
        return digest.hexdigest()
