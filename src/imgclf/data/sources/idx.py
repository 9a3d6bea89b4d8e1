"""Source `idx`: MNIST and similar data sets in IDX files."""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import TypeAlias

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.data.class_names import check_names, parse_names
from imgclf.data.dataset import Dataset, LoadedFile
from imgclf.errors import DataError
from imgclf.files.idx import read_idx
from imgclf.files.reading import is_file, read_bytes, reading

# train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte.gz
_FILE = re.compile(r"(?:.*-)?(train|t10k|test|val)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "val": "val"}
_AROUND = ("MNIST", "FashionMNIST", "KMNIST", "QMNIST")  # torchvision keeps the files in MNIST/raw
_LONGEST_NAMES = 4 << 20  # bytes of class_names.txt
Files: TypeAlias = dict[str, list[Path]]  # "images" and "labels": the file to read, and others that must be equal to it


def load(path: Path, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the standard files `train-images-idx3-ubyte[.gz]`, `train-labels-...`, `t10k-...` (or test-, val-).

    They may be in PATH/raw or PATH/MNIST/raw, and each in a folder of its own name. Where one is there more than once,
    such as downloaded and unpacked, all must hold the same. Class names come from `class_names.txt` beside them, one a
    line; else they are "0", "1", ... up to the largest label.
    """
    folder, found = _locate(path)
    if not found:
        raise DataError(folder, "no IDX files here", "looked for train-images-idx3-ubyte[.gz] and similar files")
    named = folder / "class_names.txt"
    names = parse_names(read_bytes(named, _LONGEST_NAMES), named) if is_file(named) else None
    return {split: _load(folder, split, files, names) for split, files in found.items() if split in splits}


def recognizes(path: Path) -> bool:
    """Whether there are IDX files in a folder, or in torchvision's subfolder of it."""
    return bool(_locate(path)[1])


def splits(path: Path) -> Collection[str]:
    """Return the splits whose files are there."""
    return _locate(path)[1]


def _locate(path: Path) -> tuple[Path, dict[str, Files]]:
    """Return the folder of the files, and the files by split and kind."""
    places = (path, path / "raw", *(path / name / "raw" for name in _AROUND))
    found = {place: files for place in places if (files := _files_in(place))}
    if path not in found and len(found) > 1:
        one, other = list(found)[:2]
        problem = f"both {one.relative_to(path)} and {other.relative_to(path)}"
        raise DataError(path, problem, "name one of them")
    return next(iter(found.items()), (path, {}))


def _files_in(folder: Path) -> dict[str, Files]:
    with reading(folder):
        if not folder.is_dir():
            return {}
        entries = sorted(entry for entry in folder.iterdir() if _FILE.fullmatch(entry.name))
    # Files before those in folders of their own, which some archives unpack to; decompressed files before .gz.
    files = [*filter(is_file, entries), *(file for entry in entries if is_file(file := entry / entry.name))]
    found: dict[str, Files] = {}
    for file in sorted(files, key=lambda file: (file.parent != folder, file.suffix == ".gz")):
        split, kind, _ = _FILE.fullmatch(file.name).groups()  # type: ignore[union-attr]
        found.setdefault(_SPLITS[split], {}).setdefault(kind[:6], []).append(file)
    return found


def _load(folder: Path, split: str, files: Files, names: tuple[str, ...] | None) -> Dataset:
    if missing := {"images", "labels"} - set(files):
        raise DataError(folder, f"the {missing.pop()} of {split} are missing", "images and labels come in pairs")
    labels, labels_file = _read(files["labels"], 1)
    images, images_file = _read(files["images"], 3)
    if len(labels) != len(images):
        problem = f"{len(labels):,} labels, but {len(images):,} images"
        raise DataError(files["labels"][0], problem, "use files of one set")
    if names is None:
        names = check_names(map(str, range(int(labels.max()) + 1)), folder)
    if labels.max() >= len(names):
        problem = f"label {labels.max()} of item {int(labels.argmax())}, but there are {len(names)} class names"
        raise DataError(files["labels"][0], problem, "correct class_names.txt")
    return Dataset.of(images[..., None], labels.astype(np.int64), names, (images_file, labels_file))


def _read(paths: list[Path], dimensions: int) -> tuple[ByteArray, LoadedFile]:
    path, *others = paths
    digest = hashlib.sha256()
    data = read_idx(path, dimensions, digest.update)
    for other in others:
        if not np.array_equal(read_idx(other, dimensions), data):
            raise DataError(path.parent, f"both {path.name} and {other.name}, which differ", "keep one of them")
    return data, LoadedFile(path.name, digest.hexdigest())
