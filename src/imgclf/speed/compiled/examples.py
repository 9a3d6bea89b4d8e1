"""Examples as the compiled loops read them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.files.npy import check_whole, in_place


class Stored(NamedTuple):
    """How examples lie in memory: X = (pixels - center) * factor.

    images  (M, D), of which the loops may read rows where they are; None: rows have to be read first
    """

    dtype: np.dtype[Any]
    center: FloatArray  # (D,)
    factor: FloatArray  # (D,)
    dataset: Dataset | None  # whose examples these are; None: they are what is read, X
    images: NDArray[Any] | None


class Placed(NamedTuple):
    """Examples where they are in memory, as they are stored, and their labels."""

    images: NDArray[Any]  # (M, D)
    places: IntArray  # (n,), rows of images
    y: IntArray  # (n,)


def check_size(size: int, D: int) -> None:
    """Raise ValueError for examples of another size than that of the weights."""
    if size != D:
        raise ValueError(f"examples of {size} numbers, and weights for {D}")


def stored_by(read: ReadFn, D: int, dtype: np.dtype[Any]) -> Stored:
    """Return how a reader's examples are stored if the loops can preprocess them; else as X, which is preprocessed."""
    if isinstance(read, Reader):
        images, preprocess = read.dataset.images, read.preprocess
        check_size(preprocess.size, D)
        if images.dtype in (np.uint8, dtype) and preprocess.dtype == dtype and not preprocess.norm:
            center = np.zeros(D, dtype) if preprocess.center is None else np.array(preprocess.center)
            factor = np.full(D, 1 if preprocess.factor is None else preprocess.factor, dtype)
            there = flat(images) if in_place(images) else None
            return Stored(images.dtype, center, factor, read.dataset, there)
    return Stored(dtype, np.zeros(D, dtype), np.ones(D, dtype), None, None)


def flat(images: NDArray[Any]) -> NDArray[Any]:
    """Return images (M, D), read-only as mapped ones are: so one machine code reads all."""
    rows = images.reshape(len(images), -1)
    rows.flags.writeable = False
    return rows


def placed(stored: Stored, rows: IntArray) -> Placed | None:
    """Return where the examples of a batch are, if the loops can read them there."""
    if stored.dataset is None or stored.images is None:
        return None
    check_whole(stored.images)
    return Placed(stored.images, stored.dataset.rows[rows].astype(np.int64, copy=False), stored.dataset.y_of(rows))
