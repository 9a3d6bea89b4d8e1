"""Source `fashion-mnist-mini`: the images that ship with imgclf.

The set that ships with imgclf: 6,000 + 1,000 pictures of clothes from Fashion-MNIST, 28x28, gray, ten classes.
"""

from collections.abc import Collection
from pathlib import Path

import imgclf
from imgclf.data.dataset import Dataset
from imgclf.data.sources import idx
from imgclf.data.sources._given import not_needed
from imgclf.errors import DataError

FOLDER = Path(imgclf.__file__).parent / "fashion-mnist-mini"


def load(path: Path | None, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the embedded files; splits train and test."""
    return idx.load(_embedded(path), splits)


def _embedded(path: Path | None) -> Path:
    not_needed(path)
    if not FOLDER.is_dir():
        raise DataError(
            FOLDER,
            "the embedded data set is missing",
            "install imgclf again; in a clone, check out data/ and this link",
        )
    return FOLDER
