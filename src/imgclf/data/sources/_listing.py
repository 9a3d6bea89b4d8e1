"""The image files of one split, class by class: looked at without opening them, and then read in that order."""

import hashlib
import math
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.cores import available_cores
from imgclf.data.cache import is_there_room
from imgclf.data.class_names import check_names, natural_key
from imgclf.data.extent import Extent
from imgclf.data.packer import Content
from imgclf.data.sources._decoding import first_readable, read_into
from imgclf.errors import DataError
from imgclf.formats.files import storage_errors

_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}  # beside all names that begin with a dot
_SHOWN = 20
_BYTES_AT_ONCE, _MOST_AT_ONCE = 16 << 20, 1024  # pictures in memory


class ClassFiles(NamedTuple):
    """What is in a class folder: image files, what is wrong with other entries, and a fingerprint of it all."""

    files: list[Path]
    bad: list[str]
    fingerprint: str


@dataclass(frozen=True)
class Listing:
    """The class folders of a split and how many files each has; the names of the files are not kept.

    Memory does not grow with their number: a folder is listed again when its turn has come to be read.
    """

    folder: Path
    inside: Path  # resolved; where links may lead
    classes: tuple[Path, ...]
    class_names: tuple[str, ...]
    counts: tuple[int, ...]
    fingerprints: tuple[str, ...]
    bad: tuple[str, ...]
    size: tuple[int, int] | None
    color: str | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the names, sizes and times of all files, and over what the pictures are to become."""
        # The 2 is to change when a picture is read in another way.
        return hashlib.sha256(
            repr((2, self.size, self.color, self.class_names, self.fingerprints)).encode()
        ).hexdigest()

    def content(self) -> Content:
        """Offer the pictures, of the shape of the first that can be read."""
        first, shape = first_readable(self._files(), self.size, self.color) or (self.folder, (1, 1, 1))
        examples = partial(self._examples, first, shape)
        if first is self.folder:
            next(examples(0))  # none can be read: raises, and says why of each
        return Content(sum(self.counts), shape, np.dtype(np.uint8), self.class_names, self._labels, examples)

    def _labels(self) -> Iterator[IntArray]:
        return (np.full(count, label) for label, count in enumerate(self.counts))

    def _files(self) -> Iterator[Path]:
        for folder, fingerprint in zip(self.classes, self.fingerprints, strict=True):
            found = list_class(folder, self.inside)
            if found.fingerprint != fingerprint:
                raise DataError(folder, "its files have changed while they were being read", "start again")
            yield from found.files

    def _examples(self, first: Path, shape: tuple[int, ...], start: int) -> Iterator[ByteArray]:
        """Yield the pictures from one on, some at a time; raises one DataError for all bad ones, at the end."""
        bad = list(self.bad)
        different: tuple[Path, tuple[int, ...]] | None = None
        threads = available_cores()
        at_once = min(max(_BYTES_AT_ONCE // int(np.prod(shape)), threads), _MOST_AT_ONCE)
        files = islice(self._files(), start, None)
        while some := list(islice(files, at_once)):
            images: ByteArray = np.empty((len(some), *shape), np.uint8)
            for file, problem in zip(some, read_into(images, some, self.size, self.color, threads), strict=True):
                if isinstance(problem, str):
                    bad.append(f"{file.parent.name}/{file.name}: {problem}")
                elif problem is not None and different is None:
                    different = file, problem
            if not bad and different is None:
                yield images
        if bad:
            raise _bad_files(self.folder, bad, sum(self.counts) + len(self.bad))
        if different is not None:
            raise _not_alike(first, shape, *different)


def list_classes(folder: Path, root: Path, size: tuple[int, int] | None, color: str | None) -> Listing:
    """Look at the class folders of a split; raises DataError for an empty one, or a link that leads out of root."""
    classes = folders_in(folder)
    names = _class_names(classes, folder)
    with storage_errors(root):
        inside = root.resolve()
    counts, fingerprints, bad = [], [], []
    for one in classes:
        if one.is_symlink() and not _leads_inside(one, inside):
            raise DataError(one, f"a link that leads out of {root}", "put the images themselves here")
        found = list_class(one, inside)
        if not found.files and not found.bad:
            raise DataError(one, "an empty class folder", "add images or remove it")
        counts.append(len(found.files))
        fingerprints.append(found.fingerprint)
        bad += found.bad
    return Listing(
        folder, inside, tuple(classes), names, tuple(counts), tuple(fingerprints), tuple(bad), size, color
    )  # fmt: skip


def measure_classes(folder: Path, size: tuple[int, int] | None, color: str | None) -> Extent:
    """Say what the class folders of a split take: their files are counted, and one picture is read."""
    classes = folders_in(folder)
    n, first = 0, None
    for one in classes:
        with storage_errors(one), os.scandir(one) as found:
            for entry in filter(_is_ours, found):
                n += 1
                first = first or first_readable([Path(entry.path)], size, color)
    if first is None:  # loading will say why
        return Extent(n, (1, 1, 1), 1, len(classes), 0, 0)
    shape = first[1]
    nbytes = n * math.prod(shape)
    some = min(nbytes, _BYTES_AT_ONCE)
    if is_there_room(nbytes):
        return Extent(n, shape, 1, len(classes), 0, some, mapped=nbytes)
    return Extent(n, shape, 1, len(classes), nbytes, nbytes + some)


def list_class(folder: Path, inside: Path) -> ClassFiles:
    """Look at the entries of a class folder, in natural order."""
    files, bad = [], []
    digest = hashlib.sha256()
    for entry in _entries(folder):
        path = Path(entry.path)
        with storage_errors(path):
            seen = _look(entry, path, inside)
        if isinstance(seen, str):
            bad.append(f"{folder.name}/{entry.name}: {seen}")
            digest.update(repr((entry.name, seen)).encode())
        else:
            files.append(path)
            digest.update(repr((entry.name, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)).encode())
    return ClassFiles(files, bad, digest.hexdigest())


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, in natural order, links followed."""
    entries = _entries(folder)
    with storage_errors(folder):
        return [Path(entry.path) for entry in entries if entry.is_dir()]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, in natural order, without hidden names and what systems leave behind."""
    with storage_errors(folder), os.scandir(folder) as found:
        entries = list(filter(_is_ours, found))
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return entry.name[0] != "." and entry.name.lower() not in _CLUTTER


def _class_names(classes: list[Path], folder: Path) -> tuple[str, ...]:
    if not classes:
        raise DataError(folder, "no class folders", "put the images of each class into a folder named after it")
    # One name may be spelled in two ways, as a file system has it: é is one character or two.
    names = check_names((unicodedata.normalize("NFC", entry.name) for entry in classes), folder)
    alike: dict[str, str] = {}
    for name in names:
        other = alike.setdefault(name.casefold(), name)
        if other != name:
            raise DataError(folder, f"the classes {other!r} and {name!r} differ only in case", "rename or join them")
    return names


def _look(entry: os.DirEntry[str], path: Path, inside: Path) -> os.stat_result | str:
    """Return what the system says of a file, or why an entry cannot be an image; it is not opened."""
    seen = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(seen.st_mode):
        if not _leads_inside(path, inside):
            return f"a link that leads nowhere or out of {inside.name}"
        seen = entry.stat()
    if stat.S_ISDIR(seen.st_mode):
        return "a folder within a class folder"
    return seen if stat.S_ISREG(seen.st_mode) else "not a regular file"


def _leads_inside(link: Path, inside: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(inside)
    except (OSError, RuntimeError):  # nowhere, or to itself
        return False


def _bad_files(folder: Path, bad: list[str], total: int) -> DataError:
    shown = "; ".join(bad[:_SHOWN]) + (f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
    return DataError(folder, f"{len(bad)} bad of {total} files: {shown}", "convert, replace or remove them")


def _not_alike(one: Path, shape: tuple[int, ...], other: Path, other_shape: tuple[int, ...]) -> DataError:
    if shape[2] != other_shape[2]:
        words = {1: "gray", 3: "in color"}
        problem = f"it is {words[shape[2]]}, but {other} is {words[other_shape[2]]}"
        return DataError(one, problem, "set preprocess.color to gray or rgb")
    problem = f"it is {shape[1]}x{shape[0]}, but {other} is {other_shape[1]}x{other_shape[0]} (width x height)"
    return DataError(one, problem, "set preprocess.image_size")
