"""One folder a class: PATH/train/cat/1.png, PATH/test/dog/2.jpg, or PATH/cat/1.png where there are no splits."""

import stat
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.data.dataset import Dataset
from imgclf.data.sources._given import needed
from imgclf.data.sources._names import check_names, natural_key
from imgclf.errors import DataError
from imgclf.formats.files import kind_of, storage_errors
from imgclf.formats.images import conform, read_image

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}  # beside all names that begin with a dot
_SHOWN = 20


def load(
    path: Path | None,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
) -> dict[str, Dataset]:
    """Load the splits that have a folder; without such folders everything is "train".

    Classes and files are in natural order (img2 before img10), classes named as their folders. Every file in a class
    folder must be an image, hidden ones aside; all are read before the bad ones are named, in one error. Pictures
    become image_size (n, or (height, width)) and color, "rgb" or "gray"; None leaves them as they are, and then they
    must be alike. A link may lead only to what is inside PATH.
    """
    root = needed(path, "a folder with a folder for each class")
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    return {split: _load(folder, root, size, color) for split, folder in find_splits(root).items() if split in splits}


def find_splits(root: Path) -> dict[str, Path]:
    """Return the folder of each split: subfolders named train, val or test that hold folders; else root is train."""
    if kind_of(root) != "folder":
        raise DataError(root, "not a folder", "name the folder with a folder for each class")
    found: dict[str, Path] = {}
    for folder in _folders(root):
        split = _SPLITS.get(folder.name.lower())
        if split is None or not _folders(folder):  # a class may be called train: then there are images in it
            continue
        if split in found:
            raise DataError(root, f"both {found[split].name} and {folder.name}", f"keep one folder for {split}")
        found[split] = folder
    return found or {"train": root}


def has_classes(root: Path) -> bool:
    """Whether there is a folder that could be a class or a split."""
    return bool(_folders(root))


def _load(folder: Path, root: Path, size: tuple[int, int] | None, color: str | None) -> Dataset:
    classes = _folders(folder)
    names = _class_names(classes, folder)
    files, labels, bad = _scan(classes, root)
    images = _read_all(files, size, color, bad, folder)
    return Dataset.of(images, np.array(labels, np.int64), names)


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, in natural order, without hidden names and what systems leave behind."""
    with storage_errors(folder):
        entries = [entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name.lower() not in _CLUTTER]
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def _folders(folder: Path) -> list[Path]:
    with storage_errors(folder):
        return [entry for entry in _entries(folder) if entry.is_dir()]


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


def _scan(classes: list[Path], root: Path) -> tuple[list[Path], list[int], list[str]]:
    """Return the files, a label each, and what is wrong with other entries; raises DataError for an empty class."""
    files: list[Path] = []
    labels: list[int] = []
    bad: list[str] = []
    with storage_errors(root):
        inside = root.resolve()
    for label, folder in enumerate(classes):
        if folder.is_symlink() and not _leads_inside(folder, inside):
            raise DataError(folder, f"a link that leads out of {root}", "put the images themselves here")
        entries = _entries(folder)
        if not entries:
            raise DataError(folder, "an empty class folder", "add images or remove it")
        for entry in entries:
            problem = _problem(entry, inside)
            if problem:
                bad.append(f"{folder.name}/{entry.name}: {problem}")
            else:
                files.append(entry)
                labels.append(label)
    return files, labels, bad


def _problem(entry: Path, inside: Path) -> str | None:
    """Say why an entry cannot be an image, without opening it; None where it can."""
    with storage_errors(entry):
        mode = entry.lstat().st_mode
        if stat.S_ISLNK(mode):
            if not _leads_inside(entry, inside):
                return f"a link that leads nowhere or out of {inside.name}"
            mode = entry.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder within a class folder"
    return None if stat.S_ISREG(mode) else "not a regular file"


def _leads_inside(link: Path, inside: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(inside)
    except (OSError, RuntimeError):  # nowhere, or to itself
        return False


def _read_all(
    files: list[Path], size: tuple[int, int] | None, color: str | None, bad: list[str], folder: Path
) -> ByteArray:
    """Read every file into one array (N, H, W, channels); raises one DataError for all bad ones."""
    images: ByteArray | None = None
    total = len(files) + len(bad)
    different: tuple[Path, tuple[int, ...]] | None = None
    for row, (file, pixels) in enumerate(_pictures(files, size, color, bad)):
        if images is None:
            first, images = file, np.empty((len(files), *pixels.shape), np.uint8)
        if pixels.shape == images.shape[1:]:
            images[row] = pixels
        elif different is None:
            different = file, pixels.shape
    if bad or images is None:
        shown = "; ".join(bad[:_SHOWN]) + (f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
        raise DataError(folder, f"{len(bad)} bad of {total} files: {shown}", "replace or remove them")
    if different is not None:
        raise _not_alike(first, images.shape[1:], *different)
    return images


def _pictures(
    files: list[Path], size: tuple[int, int] | None, color: str | None, bad: list[str]
) -> Iterator[tuple[Path, ByteArray]]:
    for file in files:
        try:
            yield file, conform(read_image(file), size, color)
        except DataError as error:
            bad.append(f"{file.parent.name}/{file.name}: {error.problem}")


def _not_alike(one: Path, shape: tuple[int, ...], other: Path, other_shape: tuple[int, ...]) -> DataError:
    if shape[2] != other_shape[2]:
        words = {1: "gray", 3: "in color"}
        problem = f"it is {words[shape[2]]}, but {other} is {words[other_shape[2]]}"
        return DataError(one, problem, "set preprocess.color to gray or rgb")
    problem = f"it is {shape[1]}x{shape[0]}, but {other} is {other_shape[1]}x{other_shape[0]} (width x height)"
    return DataError(one, problem, "set preprocess.image_size")
