"""MNIST and its family: a folder with IDX files of images and labels, gzipped or not."""

import hashlib
import math
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.data.class_names import check_names, read_names
from imgclf.data.dataset import Dataset
from imgclf.data.extent import Extent
from imgclf.data.official import LoadedFile
from imgclf.data.sources._given import downloaded
from imgclf.errors import DataError
from imgclf.formats.files import is_file, kind_of, storage_errors
from imgclf.formats.idx import idx_shape, read_idx

# train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte.gz
_FILE = re.compile(r"(?:.*-)?(train|t10k|test|val)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "val": "val"}


def load(path: Path | None, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the standard files `train-images-idx3-ubyte[.gz]`, `train-labels-...`, `t10k-...` (or test-, val-).

    The classes are named by `class_names.txt`, a name a line, beside them; else "0", "1", ... as in train's labels.
    """
    folder, found, names = _found(path)
    return {split: _load(folder, split, files, names) for split, files in found.items() if split in splits}


def measure(path: Path | None, splits: Collection[str]) -> dict[str, Extent]:
    """Say what the splits take, from the headers of the images; only labels are read."""
    folder, found, names = _found(path)
    return {split: _measure(folder, split, files, names) for split, files in found.items() if split in splits}


def find_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the IDX files of a folder by split and kind: {"train": {"images": ..., "labels": ...}}."""
    if kind_of(folder) != "folder":
        return {}
    with storage_errors(folder):
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    found: dict[str, dict[str, Path]] = {}
    for name in names:
        if match := _FILE.fullmatch(name):
            files = found.setdefault(_SPLITS[match[1]], {})
            kind = match[2][:6]
            if kind in files:
                raise DataError(folder, f"both {files[kind].name} and {name}", "keep one of them")
            files[kind] = folder / name
    return found


def _found(path: Path | None) -> tuple[Path, dict[str, dict[str, Path]], tuple[str, ...] | None]:
    """Return the folder, its files as `find_files` does, and the names of the classes if they have any."""
    folder = downloaded(path, "a folder with train-images-idx3-ubyte.gz and its like", "mnist")
    found = find_files(folder)
    if not found:
        raise DataError(folder, "no IDX files here", "looked for train-images-idx3-ubyte[.gz] and its like")
    named = folder / "class_names.txt"
    return folder, found, read_names(named) if is_file(named) else None


def _measure(folder: Path, split: str, files: dict[str, Path], names: tuple[str, ...] | None) -> Extent:
    _check_pair(folder, split, files)
    n, *size = idx_shape(files["images"], 3)
    nbytes = n * math.prod(size)
    classes = len(names) if names else int(read_idx(files["labels"], 1).max()) + 1
    return Extent(n, (*size, 1), 1, classes, held=nbytes, loading=nbytes)


def _check_pair(folder: Path, split: str, files: dict[str, Path]) -> None:
    if missing := {"images", "labels"} - set(files):
        raise DataError(folder, f"the {missing.pop()} of {split} are missing", "images and labels come in pairs")


def _load(folder: Path, split: str, files: dict[str, Path], names: tuple[str, ...] | None) -> Dataset:
    _check_pair(folder, split, files)
    labels, labels_file = _read(files["labels"], 1)
    images, images_file = _read(files["images"], 3)
    if len(labels) != len(images):
        raise DataError(files["labels"], f"{len(labels):,} labels, but {len(images):,} images", "use files of one set")
    if names is None:
        names = check_names(map(str, range(int(labels.max()) + 1)), folder)
    if labels.max() >= len(names):
        problem = f"label {labels.max()} of item {int(labels.argmax())}, but there are {len(names)} class names"
        raise DataError(files["labels"], problem, "correct class_names.txt")
    return Dataset.of(images[..., None], labels.astype(np.int64), names, (images_file, labels_file))


def _read(path: Path, dimensions: int) -> tuple[ByteArray, LoadedFile]:
    digest = hashlib.sha256()
    data = read_idx(path, dimensions, digest.update)
    return data, LoadedFile(path.name, digest.hexdigest())
