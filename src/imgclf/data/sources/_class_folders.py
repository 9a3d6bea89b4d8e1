"""List and read the image files of one split."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, compress, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import check_names, decode_texts, file_name, first_few, natural_key
from imgclf.data.dataset import UNKNOWN, InputFormat
from imgclf.data.packs.writer import Content
from imgclf.data.sources._folders import look_into, look_into_class
from imgclf.data.sources._image_files import Problems, digests, first_readable, read_into
from imgclf.data.split_names import split_of
from imgclf.data.splits import MaskArray
from imgclf.errors import DataError, plural
from imgclf.files.form import Form
from imgclf.files.reading import read_bytes, reading, shown
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing

_MOST_TEXT = 64 << 20  # bytes of a file of annotations
_BYTES_AT_ONCE, _MOST_AT_ONCE = 16 << 20, 1024  # of images in memory


class ClassFiles(NamedTuple):
    """Content of a class folder: image files, problems of other entries, and folders, which are problems too."""

    files: list[Path]
    bad: list[str]
    folders: list[Path]


@dataclass(frozen=True)
class Listing:
    """The image files of a split, by class.

    folder     the folder they are in, which errors name
    all_files  () -> the files, those of the first class first
    counts     number of files in each class
    bad        problems of other entries
    form       the size and the color that images become
    kept       which of the files to read, (N,); None: all
    input_format how a later table must be read to be like theirs
    """

    folder: Path
    all_files: Callable[[], Iterator[Path]]
    class_names: tuple[str, ...]
    counts: tuple[int, ...]
    bad: tuple[str, ...]
    form: Form
    kept: MaskArray | None = None
    input_format: InputFormat = UNKNOWN

    def class_counts(self) -> IntArray:
        """Number of images of each class, (C,)."""
        if self.kept is None:
            return np.array(self.counts)
        return np.array([int(part.sum()) for part in np.split(self.kept, np.cumsum(self.counts)[:-1])])

    def __len__(self) -> int:
        return int(self.class_counts().sum())

    def subset(self, rows: IntArray) -> "Listing":
        """Keep only the images at these row indices, which ascend; the files of the others are not opened."""
        kept = np.zeros(sum(self.counts), bool)
        kept[rows if self.kept is None else np.flatnonzero(self.kept)[rows]] = True
        return replace(self, kept=kept)

    def y_of(self, rows: IntArray) -> IntArray:
        """Return the labels of images by their row index: the files of the first class come first."""
        return np.searchsorted(np.cumsum(self.class_counts()), rows, side="right")

    def content(self, expected: bytes | bytearray = b"") -> Content:
        """Return the images, in the shape of the first readable one; `expected` are the SHA-256s of the files."""
        first, shape = first_readable(self.files(), self.form) or (self.folder, (1, 1, 1))
        examples = partial(self._examples, first, shape, expected)
        if first is self.folder:
            next(examples(0))  # none can be read: raises an error with all reasons
        return Content(len(self), shape, np.dtype(np.uint8), self.class_names, self._labels, examples)

    def proven(self) -> tuple[str, Callable[[], Content]]:
        """Return a fingerprint of the images, and a function that reads them; it raises if they have changed since.

        It is a SHA-256 over the content of the files, in order, and over their classes, size and color. Names, paths
        and times of files prove nothing: two sets may have the same.
        """
        files, found = self.files(), bytearray()
        advance = advancing("hashing", len(self), "file")
        while some := list(islice(files, _MOST_AT_ONCE)):
            found += b"".join(digests(some, available_cores(), advance))
        # Increase the 3 when images are decoded differently.
        counts = tuple(self.class_counts().tolist())
        size, color, how = self.form
        resize = () if size is None or how == "squash" else (how,)
        about = repr((3, size, color, self.class_names, counts, self.bad, *resize)).encode()
        return hashlib.sha256(about + found).hexdigest(), partial(self.content, found)

    def _labels(self) -> Iterator[IntArray]:
        return (np.full(count, label) for label, count in enumerate(self.class_counts()))

    def files(self) -> Iterator[Path]:
        """List the image files again, in order; raises DataError if their number has changed."""
        files = self.all_files()
        return files if self.kept is None else compress(files, self.kept)

    def _examples(
        self, first: Path, shape: tuple[int, ...], expected: bytes | bytearray, start: int
    ) -> Iterator[ByteArray]:
        """Yield the images from `start` on, in chunks; raises one DataError for all bad ones, at the end."""
        problems = Problems(self.folder, shape, first, self.bad)
        threads = available_cores()
        at_once = min(max(_BYTES_AT_ONCE // int(np.prod(shape)), threads), _MOST_AT_ONCE)
        files = islice(self.files(), start, None)
        advance = advancing("decoding", len(self), done=start)
        while some := list(islice(files, at_once)):
            images: ByteArray = np.empty((len(some), *shape), np.uint8)
            read = read_into(images, some, self.form, threads, advance)
            if expected and b"".join(digest for _, digest in read) != expected[32 * start : 32 * (start + len(some))]:
                raise _has_changed(self.folder)
            start += len(some)
            problems.add(some, read)
            if not problems:
                yield images
        problems.raise_if_any(len(self) + len(self.bad))


def list_classes(folder: Path, root: Path, form: Form) -> Listing:
    """List the class folders of a split; raises DataError for an empty one, or a link that leads out of root."""
    inside = _inside(root, folder)
    classes = look_into(folder).folders
    names = _class_names(classes, folder)
    counts, bad, deeper = [], [], []
    for one in classes:
        _check_inside(one, root, inside)
        found = _list_class(one, folder, inside)
        if not found.files and not found.bad:
            raise DataError(one, "an empty class folder", "add images or remove it")
        counts.append(len(found.files))
        bad += found.bad
        deeper += found.folders
    if deeper and not any(counts):
        problem = f"no images in its {len(classes):,} folders, but {len(deeper):,} folders in those"
        turned = f"put the splits around the classes: {deeper[0].name}/{classes[0].name}"
        raise DataError(folder, problem, turned if all(map(split_of, deeper)) else f"did you mean {classes[0]}?")
    files = partial(_files, folder, inside, classes, counts)
    return Listing(folder, files, names, tuple(counts), tuple(bad), form)


def _files(split: Path, inside: Path, classes: list[Path], counts: list[int]) -> Iterator[Path]:
    """List the class folders again, whose file names are not kept."""
    for folder, count in zip(classes, counts, strict=True):
        files = _list_class(folder, split, inside).files
        if len(files) != count:
            raise _has_changed(folder)
        yield from files


def _inside(root: Path, split: Path) -> Path:
    """Return root, resolved; raise DataError for a split that a link leads out of it."""
    with reading(root):
        inside = root.resolve()
    _check_inside(split, root, inside)
    return inside


def _check_inside(folder: Path, root: Path, inside: Path) -> None:
    """Raise DataError for a folder that a link leads out of root; `inside` is root, resolved."""
    if not leads_inside(folder, inside):
        remedy = "put the images themselves here, or hard links to them"
        raise DataError(folder, f"a link that leads out of {root}", remedy)


def list_annotated(folder: Path, annotations: Path, root: Path, form: Form) -> Listing:
    """List a split whose images are in one folder, and their classes in a file: a line is FILE, tab, CLASS, ..."""
    inside = _inside(root, folder)
    place = look_into(folder).folders[0]
    here = {file_name(file.name): file for file in _list_class(place, folder, inside).files}
    files: dict[str, list[Path]] = {}
    missing = []
    for number, line in enumerate(decode_texts(read_bytes(annotations, _MOST_TEXT).splitlines(), annotations), 1):
        name, _, rest = line.partition("\t")
        label, _, _ = rest.partition("\t")
        if not label or "/" in label:
            raise DataError(
                annotations, f"line {number} has no tab and name of a class", "give FILE, a tab and CLASS a line"
            )
        if file := here.pop(name, None):
            files.setdefault(label.strip(), []).append(file)
        else:
            missing.append(name)
    if missing:
        problem = f"{plural(len(missing), 'line')} with no image of that name, or named twice: {shown(missing[0])}"
        raise DataError(annotations, problem, f"name each image of {place.name} once")
    if here:
        problem = f"does not name {plural(len(here), 'image')}, such as {first_few(list(here), 1)[:40]}"
        raise DataError(annotations, problem, f"name each image of {place.name} once")
    names = check_names(sorted(files, key=natural_key), annotations)
    in_order = [sorted(files[name], key=lambda file: natural_key(file.name)) for name in names]
    counts = tuple(map(len, in_order))
    return Listing(folder, lambda: chain.from_iterable(in_order), names, counts, (), form)


def _list_class(folder: Path, split: Path, inside: Path) -> ClassFiles:
    """List the content of a class folder, in natural order."""
    found = look_into_class(folder)
    if not found.folders and not found.odd:  # the usual case
        return ClassFiles(found.files, [], [])
    files, bad = [], []
    for path in [*found.folders, *found.files]:
        with reading(path):
            problem = _problem(path, inside)
        if problem is None:
            files.append(path)
        else:
            bad.append(f"{path.relative_to(split)}: {problem}")
    return ClassFiles(files, bad, found.folders)


def _class_names(classes: list[Path], folder: Path) -> tuple[str, ...]:
    if not classes:
        raise DataError(folder, "no class folders", "put the images of each class into a folder named after it")
    names = check_names((file_name(entry.name) for entry in classes), folder)
    alike: dict[str, str] = {}
    for name in names:
        other = alike.setdefault(name.casefold(), name)
        if other != name:
            raise DataError(folder, f"the classes {other!r} and {name!r} differ only in case", "rename or join them")
    return names


def _problem(path: Path, inside: Path) -> str | None:
    """Return why an entry of a class folder cannot be an image; it is not opened."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        if not leads_inside(path, inside):
            return f"a link that leads nowhere or out of {inside.name}"
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder within a class folder"
    return None if stat.S_ISREG(mode) else "not a regular file"


def leads_inside(link: Path, inside: Path) -> bool:
    """Whether a path leads to what is inside a resolved folder, its links followed."""
    try:
        return link.resolve(strict=True).is_relative_to(inside)
    except (OSError, RuntimeError):  # broken, or a loop
        return False


def _has_changed(folder: Path) -> DataError:
    return DataError(folder, "its files have changed while they were being read", "start again")
