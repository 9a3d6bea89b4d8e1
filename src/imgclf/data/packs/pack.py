"""Read packs: data sets as memory-mapped arrays.

    imgclf-pack.json    index: splits, class names, and the number of rows written
    SPLIT_images.npy    uint8 (N, H, W, channels), or float features (N, D); SPLIT is train, val or test
    SPLIT_labels.npy    the smallest unsigned integers that hold the labels, (N,)

The index counts the rows that are safe on the disk. A pack is finished when it counts them all.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from imgclf.data.class_names import decode_names
from imgclf.data.dataset import UNKNOWN, Dataset, InputFormat
from imgclf.data.split_names import SPLITS
from imgclf.errors import DataError, excerpt
from imgclf.files.npy import map_npy
from imgclf.files.reading import is_file, read_bytes
from imgclf.files.writing import write_whole

INDEX = "imgclf-pack.json"
_FORMAT = "imgclf pack 1"
_REMEDY = "pack the data again"
_MAX_INDEX = 64 << 20
_MOST = 1 << 48  # images, more than any disk holds


@dataclass(frozen=True)
class Part:
    """A split in the index of a pack: images announced, images done, and what to know about them."""

    images: int
    done: int
    class_names: tuple[str, ...]
    input_format: InputFormat = UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON; `input_format` only where it says something, as in earlier versions."""
        known = self.input_format.to_json()
        about = {"images": self.images, "done": self.done, "class_names": self.class_names}
        return {**about, "input_format": known} if known else about


@dataclass(frozen=True)
class Index:
    """The index of a pack; the fingerprint identifies the data it was made from."""

    fingerprint: str
    splits: dict[str, Part]

    @property
    def finished(self) -> bool:
        """Whether all rows are written."""
        return all(part.done == part.images for part in self.splits.values())


def is_pack(directory: Path) -> bool:
    """Whether a folder is a pack, finished or not."""
    return is_file(directory / INDEX)


def array_file(directory: Path, split: str, kind: Literal["images", "labels"]) -> Path:
    """Return the path of the images or the labels of a split."""
    return directory / f"{split}_{kind}.npy"


def open_pack(directory: Path, splits: Collection[str]) -> dict[str, Dataset]:
    """Map those of the splits that a finished pack has; labels are checked, and features must be finite."""
    index = read_index(directory)
    if not index.finished:
        done, n = (sum(getattr(part, key) for part in index.splits.values()) for key in ("done", "images"))
        raise DataError(directory, f"an unfinished pack, {done:,} of {n:,} images", "repeat the command that began it")
    return {split: _open_split(directory, split, part) for split, part in index.splits.items() if split in splits}


def read_index(directory: Path) -> Index:
    """Read the index of a pack; raises DataError for anything else."""
    path = directory / INDEX
    raw = read_bytes(path, _MAX_INDEX)
    try:
        content = json.loads(raw)
        if content["format"] != _FORMAT:
            raise ValueError(f"format {str(content['format'])[:40]!r}, not {_FORMAT!r}")
        splits = {split: _part(split, part, path) for split, part in content["splits"].items()}
        fingerprint = content["fingerprint"]
        if not splits or not isinstance(fingerprint, str):
            raise ValueError("no split, or no fingerprint")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(path, f"not the index of a pack ({excerpt(error)})", _REMEDY) from error
    return Index(fingerprint, splits)


def write_index(directory: Path, index: Index) -> None:
    """Replace the index of a pack."""
    splits = {split: part.to_json() for split, part in index.splits.items()}
    about = {"format": _FORMAT, "fingerprint": index.fingerprint, "splits": splits}
    content = json.dumps(about, indent=1, ensure_ascii=False)
    write_whole(directory / INDEX, f"{content}\n".encode())


def _part(split: str, part: dict[str, Any], where: Path) -> Part:
    images, done, names = part["images"], part["done"], part["class_names"]
    counted = type(images) is int and type(done) is int and 0 <= done <= images
    if split not in SPLITS or not counted or not 0 < images < _MOST:
        raise ValueError(f"split {split[:20]!r}, {str(done)[:20]} of {str(images)[:20]} images")
    if not isinstance(names, list):
        raise ValueError(f"split {split!r}, its class names are not a list")
    return Part(images, done, decode_names(names, where), InputFormat.from_json(part.get("input_format", {})))


def _open_split(directory: Path, split: str, part: Part) -> Dataset:
    images_file, labels_file = array_file(directory, split, "images"), array_file(directory, split, "labels")
    images, labels = map_npy(images_file, _REMEDY), map_npy(labels_file, _REMEDY)
    if images.shape[:1] != (part.images,):
        raise DataError(images_file, f"{images.shape}, not {part.images:,} images", _REMEDY)
    _check_labels(labels, part, labels_file)
    try:
        dataset = Dataset.of(images, labels, part.class_names, input_format=part.input_format)
    except ValueError as error:
        raise DataError(images_file, str(error), _REMEDY) from error
    if images.dtype.kind == "f":
        dataset.check_finite(images_file, _REMEDY)
    return dataset


def _check_labels(labels: NDArray[Any], part: Part, where: Path) -> None:
    if labels.shape != (part.images,) or labels.dtype.kind != "u":
        raise DataError(where, f"{labels.dtype} {labels.shape}, not {part.images:,} unsigned labels", _REMEDY)
    if labels.max() >= len(part.class_names):
        problem = f"label {labels.max()} in row {labels.argmax()}, not within 0..{len(part.class_names) - 1}"
        raise DataError(where, problem, _REMEDY)
