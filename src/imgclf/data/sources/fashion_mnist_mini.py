"""Source `fashion-mnist-mini`: the images that ship with imgclf.

6,000 + 1,000 images of clothes from Fashion-MNIST, 28x28, gray, ten classes.
"""

from collections.abc import Collection
from pathlib import Path

import imgclf
from imgclf.data.dataset import Dataset
from imgclf.data.sources import idx
from imgclf.errors import DataError

FOLDER = Path(imgclf.__file__).parent / "fashion-mnist-mini"


def load(path: None, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the embedded files; splits train and test."""
    if not FOLDER.is_dir():
        remedy = "install imgclf again; in a clone, check out data/ and this link"
        raise DataError(FOLDER, "the embedded data set is missing", remedy)
    return idx.load(FOLDER, splits)
