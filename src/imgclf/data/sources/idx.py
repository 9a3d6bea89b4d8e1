"""Source `idx`: MNIST and similar data sets in IDX files."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import read_names
from imgclf.data.dataset import Dataset, LoadedFile
from imgclf.data.sources._arrays import numbered
from imgclf.data.sources._emnist import classes_of, emnist, first_label, upright
from imgclf.errors import DataError, plural
from imgclf.files.idx import read_idx
from imgclf.files.reading import is_file, reading

# train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte.gz
_FILE = re.compile(r"(.*-)?(train|t10k|test|val)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?")
NAMES = "class_names.txt"
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "val": "val"}
_AROUND = ("MNIST", "EMNIST", "FashionMNIST", "KMNIST", "QMNIST")  # torchvision keeps the files in MNIST/raw
Files: TypeAlias = dict[str, list[Path]]  # "images" and "labels": the file to read, and others that must be equal to it


def load(path: Path, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the standard files `train-images-idx3-ubyte[.gz]`, `train-labels-...`, `t10k-...` (or test-, val-).

    They may be in PATH/raw or PATH/MNIST/raw, and each in a folder of its own name. Where one is there more than once,
    such as downloaded and unpacked, all must hold the same. Class names come from `class_names.txt` beside them, one a
    line; else they are the numbers that are labels. Files of EMNIST are known by their names: their images are
    stored on their side, and are turned upright; its classes are digits and letters. Of several such sets in a folder,
    PATH names a file of one.
    """
    folder, found = _locate(path)
    if not found:
        raise DataError(folder, "no IDX files here", "looked for train-images-idx3-ubyte[.gz] and similar files")
    named = folder / NAMES
    names = read_names(named) if is_file(named) else None
    return {split: _load(folder, split, files, names) for split, files in found.items() if split in splits}


def recognizes(path: Path) -> bool:
    """Whether there are IDX files in a folder, or in torchvision's subfolder of it."""
    return bool(_locate(path)[1])


def splits(path: Path) -> Collection[str]:
    """Return the splits whose files are there."""
    return _locate(path)[1]


def _locate(path: Path) -> tuple[Path, dict[str, Files]]:
    """Return the folder of the files, and the files by split and kind; those of one set, if PATH is a file of it."""
    if _FILE.fullmatch(path.name) and is_file(path):
        return path.parent, _files_in(path.parent, path)
    places = (path, path / "raw", *(path / name / "raw" for name in _AROUND))
    found = {place: files for place in places if (files := _files_in(place))}
    if path not in found and len(found) > 1:
        one, other = list(found)[:2]
        problem = f"both {one.relative_to(path)} and {other.relative_to(path)}"
        raise DataError(path, problem, "name one of them")
    return next(iter(found.items()), (path, {}))


def _files_in(folder: Path, like: Path | None = None) -> dict[str, Files]:
    """Return the IDX files of a folder by split and kind: all, or those of the set of one."""
    with reading(folder):
        if not folder.is_dir():
            return {}
        entries = sorted(entry for entry in folder.iterdir() if _FILE.fullmatch(entry.name))
    # Files before those in folders of their own, which some archives unpack to; decompressed files before .gz.
    files = [*filter(is_file, entries), *(file for entry in entries if is_file(file := entry / entry.name))]
    if like is not None:
        files = [file for file in files if _prefix(file) == _prefix(like)]
    if len(sets := sorted({emnist(file) for file in files} - {""})) > 1:
        one = next(file.name for file in files if emnist(file) == sets[-1])
        raise DataError(
            folder, f"holds several sets of EMNIST, {', '.join(sets)}", f"name a file of one, such as {one}"
        )
    found: dict[str, Files] = {}
    for file in sorted(files, key=lambda file: (file.parent != folder, file.suffix == ".gz")):
        _, split, kind, _ = _FILE.fullmatch(file.name).groups()  # type: ignore[union-attr]
        found.setdefault(_SPLITS[split], {}).setdefault(kind[:6], []).append(file)
    return found


def _prefix(file: Path) -> str | None:
    found = _FILE.fullmatch(file.name)
    return found and found[1]


def _load(folder: Path, split: str, files: Files, names: tuple[str, ...] | None) -> Dataset:
    if missing := {"images", "labels"} - set(files):
        raise DataError(folder, f"the {missing.pop()} of {split} are missing", "images and labels come in pairs")
    labels, labels_file = _read(files["labels"], 1)
    images, images_file = _read(files["images"], 3)
    if len(labels) != len(images):
        problem = f"{len(labels):,} labels, but {len(images):,} images"
        raise DataError(files["labels"][0], problem, "use files of one set")
    file = files["images"][0]
    y, names, remarks = _classes(labels, names, emnist(file), files["labels"][0])
    dataset = Dataset.of(upright(images, file)[..., None], y, names, files=(images_file, labels_file))
    return replace(dataset, remarks=remarks)


def _classes(
    labels: ByteArray, names: tuple[str, ...] | None, kind: str, where: Path
) -> tuple[IntArray, tuple[str, ...], tuple[str, ...]]:
    """Return labels from 0, the names of their classes, and remarks."""
    if names is None and not kind:
        return numbered(labels, str(where))
    first = first_label(kind) if names is None else 0
    known = names or classes_of(kind)
    outside = (labels < first) | (labels >= first + len(known))
    if outside.any():
        item, named = int(outside.argmax()), plural(len(known), "class name")
        if names is not None:
            problem = f"{named}, but label {labels[item]} of item {item} in {where.name}"
            raise DataError(where.with_name(NAMES), problem, f"write a name a line, for labels 0 to {labels.max()}")
        problem = f"label {labels[item]} of item {item}, but there are {named}, from label {first}"
        raise DataError(where, problem, f"name the classes in {NAMES} beside it, one a line, from label 0")
    return labels - np.uint8(first), known, ()


def _read(paths: list[Path], dimensions: int) -> tuple[ByteArray, LoadedFile]:
    path, *others = paths
    digest = hashlib.sha256()
    data = read_idx(path, dimensions, digest.update)
    for other in others:
        if not np.array_equal(read_idx(other, dimensions), data):
            raise DataError(path.parent, f"both {path.name} and {other.name}, which differ", "keep one of them")
    return data, LoadedFile(path.name, digest.hexdigest())
