"""Source `folder`: image files in one folder per class.

PATH/train/cat/1.png and PATH/test/dog/2.jpg, or PATH/cat/1.png without splits.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from imgclf.data.dataset import Dataset
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources._class_folders import Listing, list_annotated, list_classes
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._tree import annotations_of
from imgclf.data.sources._tree import read_tree as tree
from imgclf.data.sources.csv.precedence import warnings as of_tables
from imgclf.files.form import Form
from imgclf.files.reading import kind_of


def load(path: Path, splits: Collection[str], **settings: Any) -> dict[str, Dataset]:
    """Load the splits that have a folder; without such folders everything is "train". `tree` finds them.

    Classes and files are in natural order (img2 before img10), classes named like their folders. Every file in a class
    folder must be an image, except hidden files and those of systems; one error, after reading all, names the bad
    ones. Images are resized to image_size (n, or (height, width)) by squash, crop or pad, and converted to color, "rgb"
    or "gray"; with None they must all have the same. Links of files, classes and splits must stay inside PATH. Decoded
    images are cached.
    """
    return {split: through_cache(listing) for split, listing in list_splits(path, splits, **settings).items()}


def list_splits(path: Path, splits: Collection[str], **settings: Any) -> dict[str, Listing]:
    """List the images that `load` would read, without opening any."""
    found, form = tree(path), Form.of(**settings)
    wanted = {split: folder for split, folder in found.splits.items() if split in splits}
    listed = {}
    for split, folder in wanted.items():
        if annotations := annotations_of(folder):
            listed[split] = list_annotated(folder, annotations, found.root, form)
        else:
            listed[split] = list_classes(folder, found.root, form)
    return listed


def warnings(path: Path) -> list[str]:
    """Return warnings about skipped files and folders that may be data, and about tables that name the images."""
    found = tree(path)
    return [*found.warnings(), *of_tables(found)]


def recognizes(root: Path) -> bool:
    """Whether a path is a folder with subfolders, or with a file that has the suffix of an image."""
    if kind_of(root) != "folder":
        return False
    inside = look_into(root)
    return bool(inside.folders) or any(file.suffix for file in inside.images)
