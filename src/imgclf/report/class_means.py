"""Mean image of each class."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import WHITE, default_scale
from imgclf.numerics.indices import slices

ENOUGH = 256 << 20  # bytes of images: the mean of a part of a larger data set looks the same


def class_means(dataset: Dataset) -> list[ByteArray | None]:
    """Return the mean image (H, W, channels) of each class, None for a class without images.

    Of a large data set, a part of each class, evenly spread. Images of few levels are brightened, as for the model.
    """
    brighten = WHITE / default_scale(dataset)
    means: list[ByteArray | None] = []
    for rows in _rows_by_class(dataset):
        if not len(rows):
            means.append(None)
            continue
        # Bytes are added exactly as integers; uint64, as one class may have more than 2**24 images.
        total = np.zeros(dataset.example_shape, np.uint64)
        for part in slices(len(rows), dataset.at_once):
            total += dataset.pixels(rows[part]).sum(axis=0, dtype=np.uint32)
        means.append(np.rint(total / len(rows) * brighten).astype(np.uint8))
    return means


def _rows_by_class(dataset: Dataset) -> Iterator[IntArray]:
    """Yield rows of each class: all of them, or as many as are enough."""
    counts = dataset.class_counts()
    each = max(1, ENOUGH // (len(counts) * max(1, dataset.images[:1].nbytes)))
    strides = -(-counts // each)
    seen = np.zeros_like(counts)
    parts: list[tuple[IntArray, IntArray]] = []
    for part in slices(len(dataset)):
        y = dataset.y_of(part)
        order = np.argsort(y, kind="stable")
        sizes = np.bincount(y, minlength=len(counts))
        places = np.arange(len(y)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(seen, sizes)
        kept = order[places % np.repeat(strides, sizes) == 0]
        parts.append((part.start + kept, y[kept]))
        seen += sizes
    rows, labels = (np.concatenate(those) for those in zip(*parts, strict=True))
    order = np.argsort(labels, kind="stable")
    borders = np.searchsorted(labels[order], np.arange(len(counts) + 1))
    for start, stop in pairwise(borders):
        yield rows[order[start:stop]]
