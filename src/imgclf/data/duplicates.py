"""Find equal and nearly equal images."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices

NEAR = 10.0  # the largest distance of nearly equal images, in levels of 255: JPEG at quality 75 moves one by 6 to 9
OF_CONTRAST = 0.25  # and relative to an image's standard deviation, or all dark images would be nearly equal
MOST = 100_000  # pairs
_GRID = 8  # cells a side
_AT_ONCE = 2048  # rows

ReadRows: TypeAlias = Callable[[IntArray], NDArray[Any]]  # rows (n,) -> examples (n, ...)


class Pair(NamedTuple):
    """Two images by their rows, and the root of the mean squared difference of their values."""

    first: int
    second: int
    distance: float


def digests(read: ReadRows, n: int, at_once: int) -> Iterator[bytes]:
    """Yield the SHA-256 of each of n examples, in order."""
    advance = advancing("hashing", n)
    for part in slices(n, at_once):
        for example in read(np.arange(part.start, part.stop)):
            yield hashlib.sha256(np.ascontiguousarray(example).data).digest()
        advance(part.stop - part.start)


def equal_groups(read: ReadRows, n: int, at_once: int) -> list[list[int]]:
    """Return the rows of examples that are equal to the bit, a list each, in order."""
    rows_of: defaultdict[bytes, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests(read, n, at_once)):
        rows_of[digest].append(row)
    return [rows for rows in rows_of.values() if len(rows) > 1]


def near_pairs(read: ReadRows, rows: IntArray, at_once: int) -> Iterator[Pair]:
    """Yield all pairs of images, by their rows, at a distance of at most NEAR, and OF_CONTRAST of either's deviation.

    None is missed: the distance of two images is at least that of their means over a grid, as a mean square is at least
    the square of the mean; and at least that of any projection. So images are put in the order of one projection, and
    each is compared with those alone that are within NEAR of it.
    """
    means, deviation = _described(read, rows, at_once)
    order, projected = _ordered(means)
    means, deviation, rows = means[order], deviation[order], rows[order]
    squares = np.square(means).sum(axis=1)
    ends = np.searchsorted(projected, projected + NEAR, side="right")
    found = 0
    advance = advancing("comparing", len(rows))
    for part in slices(len(rows), _AT_ONCE):
        for other in slices(int(ends[part.stop - 1]) - part.start, 4 * _AT_ONCE):
            those = slice(part.start + other.start, part.start + other.stop)
            apart = squares[part, None] + squares[those] - 2 * (means[part] @ means[those].T)
            first, second = np.nonzero(apart <= 1.01 * NEAR**2 + 0.1)  # float32 rounds
            first, second = first + part.start, second + those.start
            once = first < second
            for pair in _confirmed(read, rows, deviation, first[once], second[once], at_once):
                yield pair
                found += 1
                if found == MOST:
                    return
        advance(part.stop - part.start)


def _described(read: ReadRows, rows: IntArray, at_once: int) -> tuple[FloatArray, FloatArray]:
    """Return means over a grid (n, K), each weighted so that their distance is one of images; and deviations (n,)."""
    means, deviations = [], []
    advance = advancing("describing", len(rows))
    for part in slices(len(rows), at_once):
        images = read(rows[part]).astype(np.float32)
        n, height, width, channels = images.shape
        sums = images
        for axis, side in ((1, height), (2, width)):
            sums = np.add.reduceat(sums, _edges(side), axis=axis)
        sizes = np.multiply.outer(_sizes(height), _sizes(width))[..., None]  # pixels of a cell
        cells = sums / sizes * np.sqrt(sizes / (height * width * channels))
        means.append(cells.reshape(n, -1).astype(np.float32))
        deviations.append(images.reshape(n, -1).std(axis=1))
        advance(n)
    return np.concatenate(means), np.concatenate(deviations)


def _edges(side: int) -> IntArray:
    """Return where the cells of a side begin: at most _GRID, all of nearly the same size."""
    cells = min(side, _GRID)
    return np.arange(cells) * side // cells


def _sizes(side: int) -> IntArray:
    return np.diff(np.append(_edges(side), side))


def _ordered(means: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the order of images on their first principal direction, and their places on it, increasing."""
    some = means[:: max(1, len(means) // 5000)].astype(np.float64)
    _, directions = np.linalg.eigh(np.cov(some.T) if len(some) > 1 else np.eye(means.shape[1]))
    places = means.astype(np.float64) @ directions[:, -1]
    order = np.argsort(places, kind="stable")
    return order, places[order]


def _confirmed(
    read: ReadRows, rows: IntArray, deviation: FloatArray, first: IntArray, second: IntArray, at_once: int
) -> Iterator[Pair]:
    """Yield those pairs, by their places in the order, whose images are near each other."""
    for part in slices(len(first), at_once):
        i, j = first[part], second[part]
        a, b = (read(rows[each]).reshape(len(i), -1).astype(np.float32) for each in (i, j))
        distance = np.sqrt(np.square(a - b).mean(axis=1, dtype=np.float64))
        near = distance <= np.minimum(NEAR, OF_CONTRAST * np.minimum(deviation[i], deviation[j]))
        for k in np.flatnonzero(near).tolist():
            one, other = sorted((int(rows[i[k]]), int(rows[j[k]])))
            yield Pair(one, other, float(distance[k]))
