"""Shared reader of CIFAR-10 and CIFAR-100 files.

Both consist of a few named files in a folder or an archive, as pickles or as plain records.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import decode_names
from imgclf.data.dataset import Dataset, LoadedFile
from imgclf.errors import DataError
from imgclf.files.archive import find_folder, read_members
from imgclf.files.cifar_pickle import read_pickle
from imgclf.files.reading import is_file, kind_of, read_bytes
from imgclf.machine.memory import require_memory

PIXELS = 3 * 32 * 32  # of an image: red, row by row, then green, then blue
_THREADS = 2
_T = TypeVar("_T")
_REMEDY = "use the files as they were downloaded"


@dataclass(frozen=True)
class Batch:
    """The images of one file, not yet copied: data (n, 3072) and labels (n,)."""

    data: ByteArray
    labels: IntArray


@dataclass(frozen=True)
class Layout:
    """One of the forms in which a set is distributed.

    folder       name of the folder, also inside the archive
    archive      name of the archive
    splits       the files of each split, in order
    names_file   the file of the class names
    parse_names  (bytes, where) -> names
    parse        (bytes, where) -> Batch
    """

    folder: str
    archive: str
    splits: Mapping[str, tuple[str, ...]]
    names_file: str
    parse_names: Callable[[bytes, str], tuple[str, ...]]
    parse: Callable[[bytes, str], Batch]

    def files(self, splits: Collection[str]) -> list[str]:
        """Return the files that these splits need, the class names first."""
        return [self.names_file, *(name for split in self.splits if split in splits for name in self.splits[split])]


def load(path: Path, splits: Collection[str], layouts: Collection[Layout], classes: int) -> dict[str, Dataset]:
    """Load the splits in the first layout found; one error names all missing files."""
    with ThreadPoolExecutor(_THREADS) as pool:  # hashes files while others are parsed, and joins batches
        layout, names, parts = _read(path, splits, layouts, classes, pool)
        asked = {split: files for split, files in layout.splits.items() if split in splits}
        return {split: _join([parts.pop(name) for name in files], names, path, pool) for split, files in asked.items()}


def recognizes(path: Path, layouts: Collection[Layout]) -> bool:
    """Whether one of the layouts is at a path: in a folder, or in an archive, by its name or its first members."""
    if kind_of(path) == "folder":
        return locate(path, layouts) is not None
    name, folders = path.name.lower(), [layout.folder for layout in layouts]
    if not name.endswith((".tar.gz", ".tgz", ".tar")):
        return False
    if named := re.search("cifar-100?", name):
        return any(folder.startswith(f"{named[0]}-") for folder in folders)
    return find_folder(path, folders) is not None


def locate(path: Path, layouts: Collection[Layout]) -> tuple[Layout, Path] | None:
    """Return the layout that a folder holds, itself, one level down or as an archive, and the folder or archive."""
    for layout in layouts:
        for folder in (path, path / layout.folder):
            if any(is_file(folder / name) for name in layout.files(layout.splits)):
                return layout, folder
    return next(((layout, path / layout.archive) for layout in layouts if is_file(path / layout.archive)), None)


def parse_pickle(raw: bytes, where: str, labels_key: str) -> Batch:
    """Read a batch of the python version."""
    batch = read_pickle(raw, where)
    data, labels = batch.get("data"), batch.get(labels_key)
    if not isinstance(data, np.ndarray) or type(labels) is not list:
        keys = ", ".join(repr(key)[:22] for key in list(batch)[:6])
        raise DataError(where, f"has no pixels 'data' or no list {labels_key!r}; its keys are {keys}", _REMEDY)
    if data.shape[1:] != (PIXELS,) or len(data) == 0:
        raise DataError(where, f"pixels {data.shape[0]}x{data.shape[1]}, not Nx{PIXELS}", _REMEDY)
    if len(labels) != len(data):
        raise DataError(where, f"{len(labels):,} labels, but {len(data):,} images", _REMEDY)
    # type() and not isinstance(): True is an int, too. The bound keeps the array an integer one.
    wrong = next((row for row, label in enumerate(labels) if type(label) is not int or not 0 <= label < 256), None)
    if wrong is not None:
        raise DataError(where, f"row {wrong}: its label is not a class number", _REMEDY)
    return Batch(data, np.array(labels))


def parse_pickled_names(raw: bytes, where: str, key: str) -> tuple[str, ...]:
    """Read the list of class names of the python version."""
    names = read_pickle(raw, where).get(key)
    if type(names) is not list:
        raise DataError(where, f"has no list {key!r}", _REMEDY)
    return decode_names(names, where)


def parse_records(raw: bytes, where: str, label_bytes: int, label_byte: int) -> Batch:
    """Read a batch of the binary version: records of one or two label bytes and 3,072 pixels."""
    length = label_bytes + PIXELS
    if not raw or len(raw) % length:
        raise DataError(where, f"{len(raw):,} bytes are not a whole number of records of {length:,}", _REMEDY)
    records = np.frombuffer(raw, np.uint8).reshape(-1, length)
    return Batch(records[:, label_bytes:], records[:, label_byte].astype(np.int64))


def _read(
    path: Path, splits: Collection[str], layouts: Collection[Layout], classes: int, pool: ThreadPoolExecutor
) -> tuple[Layout, tuple[str, ...], dict[str, tuple[Batch, Future[LoadedFile]]]]:
    """Return the layout found, the class names, and the content of each file that the splits need."""
    names: tuple[str, ...] = ()
    parts: dict[str, tuple[Batch, Future[LoadedFile]]] = {}
    found: Layout | None = None
    for layout, name, raw, where in _ahead(_files(path, splits, layouts)):
        found = found or layout
        if layout is not found:
            continue  # an archive with both layouts: read the first
        if name == layout.names_file:
            names = layout.parse_names(raw, where)
            if len(names) != classes:
                raise DataError(where, f"{len(names)} class names, not {classes}", _REMEDY)
        else:
            part = _check_labels(layout.parse(raw, where), classes, where)
            parts[name] = part, pool.submit(LoadedFile.of, name, raw)
        del raw  # or two batches would be in memory at once
    if found is None:
        looked = " or ".join(f"{layout.folder}/{layout.files(layout.splits)[1]}" for layout in layouts)
        raise DataError(path, f"no {looked} here, and no .tar.gz of it", f"run `imgclf data download cifar{classes}`")
    wanted = found.files(splits)
    missing = [name for name in wanted if name not in parts and (name != found.names_file or not names)]
    if missing:
        raise DataError(path, f"missing in {found.folder}: {', '.join(missing)}", _REMEDY)
    return found, names, parts


def _files(
    path: Path, splits: Collection[str], layouts: Collection[Layout]
) -> Iterator[tuple[Layout, str, bytes, str]]:
    """Yield (layout, name, content, where) of the files that the splits need and that are there."""
    if kind_of(path) == "folder":
        located = locate(path, layouts)
        if located is None:
            return
        layout, path = located
        if kind_of(path) == "folder":
            for name in filter(lambda name: is_file(path / name), layout.files(splits)):
                yield layout, name, read_bytes(path / name), str(path / name)
            return
    members = {f"{layout.folder}/{name}": (layout, name) for layout in layouts for name in layout.files(splits)}
    for member, raw in read_members(path, members):
        layout, name = members[member]
        yield layout, name, raw, f"{path}: {member}"


def _check_labels(part: Batch, classes: int, where: str) -> Batch:
    if part.labels.max() >= classes:
        row = int(np.argmax(part.labels))
        raise DataError(where, f"row {row}: label {part.labels[row]}, not within 0..{classes - 1}", _REMEDY)
    return part


def _join(
    parts: list[tuple[Batch, Future[LoadedFile]]], names: tuple[str, ...], path: Path, pool: ThreadPoolExecutor
) -> Dataset:
    """Copy the parts into one array, the colors of a pixel side by side; free each part once it is copied."""
    files = [file for _, file in parts]
    labels = np.concatenate([part.labels for part, _ in parts])
    require_memory(len(labels) * PIXELS, path)
    images: NDArray[np.uint8] = np.empty((len(labels), 32 * 32, 3), np.uint8)
    start = 0
    while parts:
        planes = parts.pop(0)[0].data.reshape(-1, 3, 32 * 32)
        out = images[start : start + len(planes)]
        start += len(planes)
        list(pool.map(_interleave, np.array_split(planes, _THREADS), np.array_split(out, _THREADS)))
    return Dataset.of(images.reshape(-1, 32, 32, 3), labels, names, files=tuple(file.result() for file in files))


def _interleave(planes: ByteArray, out: ByteArray) -> None:
    for color in range(3):  # one transposition takes NumPy four times as long
        out[:, :, color] = planes[:, color]


def _ahead(items: Iterable[_T]) -> Iterator[_T]:
    """Yield the same items; while one is used, another thread makes the next."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, iterator, end)
            yield cast(_T, item)
