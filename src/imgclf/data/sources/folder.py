"""Source `folder`: image files in one folder per class.

PATH/train/cat/1.png and PATH/test/dog/2.jpg, or PATH/cat/1.png without splits.
"""

from collections.abc import Collection
from itertools import chain, islice
from pathlib import Path
from typing import Any

from imgclf.data.dataset import Dataset
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources import Suggestion
from imgclf.data.sources._class_folders import Listing, list_annotated, list_classes
from imgclf.data.sources._image_files import nearly_black, what_they_need
from imgclf.data.sources._tree import annotations_of, look_into
from imgclf.data.sources._tree import read_tree as tree
from imgclf.files.reading import kind_of
from imgclf.machine.cores import available_cores

_LOOKED_AT = 16  # classes, of which the first image is opened


def load(path: Path, splits: Collection[str], **settings: Any) -> dict[str, Dataset]:
    """Load the splits that have a folder; without such folders everything is "train". `tree` finds them.

    Classes and files are in natural order (img2 before img10), classes named like their folders. Every file in a class
    folder must be an image, except hidden files and those of systems; one error, after reading all, names the bad
    ones. Images are resized to image_size (n, or (height, width)) by squash, crop or pad, and converted to color, "rgb"
    or "gray"; with None they must all have the same. Links of files, classes and splits must stay inside PATH. Decoded
    images are cached.
    """
    return {split: through_cache(listing) for split, listing in list_splits(path, splits, **settings).items()}


def list_splits(
    path: Path,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
    resize: str = "squash",
) -> dict[str, Listing]:
    """List the images that `load` would read, without opening any."""
    found, size = tree(path), (image_size, image_size) if isinstance(image_size, int) else image_size
    wanted = {split: folder for split, folder in found.splits.items() if split in splits}
    listed = {}
    for split, folder in wanted.items():
        if annotations := annotations_of(folder):
            listed[split] = list_annotated(folder, annotations, found.root, size, color, resize)
        else:
            listed[split] = list_classes(folder, found.root, size, color, resize)
    return listed


def suggest(path: Path) -> Suggestion:
    """Return the settings that images need which differ in size or color; test images are not opened."""
    listings = list_splits(path, ("train", "val")).values()
    files = chain.from_iterable(listing.files() for listing in listings)
    return what_they_need(files, sum(map(len, listings)), available_cores())


def warnings(path: Path) -> list[str]:
    """Return warnings about skipped files and folders that may be data, and images that are nearly black."""
    lines = tree(path).warnings()
    listings = list_splits(path, ("train",)).values()
    if file := nearly_black(islice(chain.from_iterable(one.first_files() for one in listings), _LOOKED_AT)):
        problem = "16 bits, but no value above 4,095, so it is read as 0 to 15, nearly black"
        lines.append(f"{file}: {problem}: if a camera made it with 12 bits, multiply its values by 16")
    return lines


def recognizes(root: Path) -> bool:
    """Whether a path is a folder with subfolders, or with a file that has the suffix of an image."""
    if kind_of(root) != "folder":
        return False
    inside = look_into(root)
    return bool(inside.folders) or any(file.suffix for file in inside.images)
