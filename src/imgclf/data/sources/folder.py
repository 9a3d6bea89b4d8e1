"""Source `folder`: image files in one folder per class.

One folder a class: PATH/train/cat/1.png, PATH/test/dog/2.jpg, or PATH/cat/1.png where there are no splits.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from imgclf.data.dataset import Dataset
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources._class_folders import Listing, list_classes
from imgclf.data.sources._tree import look_into
from imgclf.data.sources._tree import read_tree as tree
from imgclf.files.reading import kind_of


def load(path: Path, splits: Collection[str], **settings: Any) -> dict[str, Dataset]:
    """Load the splits that have a folder; without such folders everything is "train". `tree` says what is read as what.

    Classes and files are in natural order (img2 before img10), classes named as their folders. Every file in a class
    folder must be an image, hidden ones and what systems leave behind aside; all are read before the bad ones are
    named, in one error. Images become image_size (n, or (height, width)) and color, "rgb" or "gray"; None leaves them
    as they are, and then they must be alike. A link, of a file, a class or a split, may lead only to what is inside
    PATH. What was read before comes from the user's cache.
    """
    return {split: through_cache(listing) for split, listing in list_splits(path, splits, **settings).items()}


def list_splits(
    path: Path,
    splits: Collection[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    color: str | None = None,
) -> dict[str, Listing]:
    """List what `load` would read, and open none of it."""
    found, size = tree(path), (image_size, image_size) if isinstance(image_size, int) else image_size
    wanted = {split: folder for split, folder in found.splits.items() if split in splits}
    return {split: list_classes(folder, found.root, size, color) for split, folder in wanted.items()}


def warnings(path: Path) -> list[str]:
    """Say what of the folder at a path was passed over, and may have been meant."""
    return tree(path).warnings()


def recognizes(root: Path) -> bool:
    """Whether a folder has one in it that could be a class or a split, or at least a file that is called an image."""
    if kind_of(root) != "folder":
        return False
    inside = look_into(root)
    return bool(inside.folders) or any(file.suffix for file in inside.images)
