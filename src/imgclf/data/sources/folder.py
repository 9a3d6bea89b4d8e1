"""One folder a class: PATH/train/cat/1.png, PATH/test/dog/2.jpg, or PATH/cat/1.png where there are no splits."""

from collections.abc import Collection
from pathlib import Path

from imgclf.data.cache import through_cache
from imgclf.data.dataset import Dataset
from imgclf.data.extent import Extent
from imgclf.data.sources._given import needed
from imgclf.data.sources._listing import Listing, folders_in, list_classes, measure_classes
from imgclf.errors import DataError
from imgclf.formats.files import kind_of

_WHAT = "a folder with a folder for each class"
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


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
    must be alike. A link may lead only to what is inside PATH. What was read before comes from the user's cache.
    """
    listings = list_splits(path, splits, image_size=image_size, color=color)
    return {split: through_cache(listing.fingerprint, listing.content) for split, listing in listings.items()}


def measure(
    path: Path | None,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
) -> dict[str, Extent]:
    """Say what the splits take, from the number of their files and the first picture."""
    found = find_splits(needed(path, _WHAT))
    return {split: measure_classes(root, _size(image_size), color) for split, root in found.items() if split in splits}


def list_splits(
    path: Path | None,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
) -> dict[str, Listing]:
    """Look at what `load` would read, and open none of it."""
    root = needed(path, _WHAT)
    found = find_splits(root)
    size = _size(image_size)
    return {split: list_classes(folder, root, size, color) for split, folder in found.items() if split in splits}


def _size(image_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    return (image_size, image_size) if isinstance(image_size, int) else image_size


def find_splits(root: Path) -> dict[str, Path]:
    """Return the folder of each split: subfolders named train, val or test that hold folders; else root is train."""
    if kind_of(root) != "folder":
        raise DataError(root, "not a folder", "name the folder with a folder for each class")
    found: dict[str, Path] = {}
    for folder in folders_in(root):
        split = _SPLITS.get(folder.name.lower())
        if split is None or not folders_in(folder):  # a class may be called train: then there are images in it
            continue
        if split in found:
            raise DataError(root, f"both {found[split].name} and {folder.name}", f"keep one folder for {split}")
        found[split] = folder
    return found or {"train": root}


def has_classes(root: Path) -> bool:
    """Whether there is a folder that could be a class or a split."""
    return bool(folders_in(root))
