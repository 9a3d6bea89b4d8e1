"""Histograms of oriented gradients (HOG), the features of Dalal and Triggs.

Where edges are, and which way they run, in four steps (Dalal and Triggs 2005):

    gradient   at each pixel, of its steepest color: how strong an edge is, and its direction
    cells      in each square of pixels, a histogram of the directions, each pixel counted by its strength
    blocks     cells overlap in blocks; a block has unit length, so that light and contrast do not matter
    features   all numbers of all blocks

By default the numbers are those of `skimage.feature.hog`. Three choices make them better for small images:

    signed        from dark to light is not from light to dark: directions in a whole turn, not half a one
    interpolate   as in the article, a pixel counts for the two nearest directions and the four nearest cells, by how
                  near they are: no number jumps as an edge turns or moves
    mirror        the sum of what they are for the image and for its mirror image; `patches` says why that is free
"""

from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.kind import Kind, Learned, Shape
from imgclf.data.features.pooling import windows
from imgclf.data.features.strokes import strokes
from imgclf.errors import UsageError

Cell: TypeAlias = Annotated[int, "Pixels a side of a cell.", {"ge": 1, "le": 4096}]
Block: TypeAlias = Annotated[int, "Cells a side of a block.", {"ge": 1, "le": 64}]
Orientations: TypeAlias = Annotated[int, "Directions that are told apart.", {"ge": 1, "le": 360}]
Norm: TypeAlias = Annotated[
    Literal["L2-Hys", "L2", "L1"], "Length of a block; L2-Hys: cut off at 0.2, and once more given unit length."
]
Signed: TypeAlias = Annotated[bool, "Tell dark to light from light to dark."]
Interpolate: TypeAlias = Annotated[bool, "Share each pixel among the nearest directions and cells."]
Mirror: TypeAlias = Annotated[bool, "Give an image and its mirror image the same features."]

TINY = 1e-5  # keeps the length of a block without an edge from being 0
MOST = 0.2  # of a block of L2-Hys: one strong edge must not drown the others


def hog(
    cell: Cell = 4,
    block: Block = 2,
    orientations: Orientations = 9,
    norm: Norm = "L2-Hys",
    signed: Signed = False,
    interpolate: Interpolate = False,
    mirror: Mirror = False,
) -> Kind:
    """Histograms of oriented gradients (Dalal and Triggs 2005)."""

    def size(shape: Shape) -> int:
        height, width, _ = shape
        if min(height, width) < cell * block:
            problem = f"images of {width} x {height} pixels have no room for a block, {cell * block} pixels a side"
            raise UsageError("features.cell", problem, "set it, or features.block, to less")
        return (height // cell - block + 1) * (width // cell - block + 1) * block**2 * orientations

    def compute(images: ByteArray, learned: Learned) -> FloatArray:
        found = of_images(images)
        return found + of_images(images[:, :, ::-1]) if mirror else found

    def of_images(images: ByteArray) -> FloatArray:
        strength, direction = gradient(images)
        turns = direction % (360 if signed else 180) / (360 if signed else 180)
        return blocks((interpolated if interpolate else counted)(strength, turns, cell, orientations), block, norm)

    drawing = strokes(
        of_images, cell=cell, block=block, orientations=orientations, signed=signed, interpolate=interpolate
    )
    return Kind(size, compute, drawing=drawing)


def gradient(images: ByteArray) -> tuple[FloatArray, FloatArray]:
    """Return the strength of the gradient of images (n, H, W, channels), and its direction in degrees: (n, H, W)."""
    values = images.astype(np.float32)
    down, right = np.zeros_like(values), np.zeros_like(values)  # 0 at the border, where there is no pixel beyond
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    right[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    steepest = (down**2 + right**2).argmax(axis=-1)[..., None]
    y, x = (np.take_along_axis(one, steepest, axis=-1)[..., 0].astype(np.float64) for one in (down, right))
    return np.hypot(y, x), np.rad2deg(np.arctan2(y, x))


def counted(strength: FloatArray, turns: FloatArray, cell: int, orientations: int) -> FloatArray:
    """Return the histogram of each cell, the mean strength of each direction: (n, rows, columns, orientations).

    turns   (n, H, W) directions, from 0 to below 1
    """
    n, rows, columns = len(strength), strength.shape[1] // cell, strength.shape[2] // cell
    inside = (slice(None), slice(rows * cell), slice(columns * cell))  # what is left over belongs to no cell
    y, x = np.arange(rows * cell)[:, None] // cell, np.arange(columns * cell) // cell
    number = (np.arange(n)[:, None, None] * rows + y) * columns + x  # of the cell of each pixel
    bins = number * orientations + (turns[inside] * orientations).astype(np.int64)
    sums = np.bincount(bins.ravel(), strength[inside].ravel(), minlength=n * rows * columns * orientations)
    return sums.reshape(n, rows, columns, orientations) / cell**2


def interpolated(strength: FloatArray, turns: FloatArray, cell: int, orientations: int) -> FloatArray:
    """Return what `counted` does, but with each pixel shared by the nearest two directions and four cells."""
    n, height, width = strength.shape
    place = turns * orientations
    below = place.astype(np.int64)
    votes = np.zeros((n, height, width, orientations))
    pixel = np.ogrid[:n, :height, :width]
    for direction, share in ((below, 1 - (place - below)), (below + 1, place - below)):
        votes[*pixel, direction % orientations] += strength * share
    rows, columns = height // cell, width // cell
    down, across = windows(rows * cell, rows), windows(columns * cell, columns)
    inside = votes[:, : rows * cell, : columns * cell]
    by_row = (down @ inside.reshape(n, rows * cell, -1)).reshape(n, rows, columns * cell, orientations)
    return np.asarray(across @ by_row)


def blocks(histograms: FloatArray, block: int, norm: str) -> FloatArray:
    """Return the cells of every block, of unit length, as one vector an image: (n, D)."""
    seen = sliding_window_view(histograms, (block, block), axis=(1, 2))  # (n, rows, columns, orientations, y, x)
    v = np.moveaxis(seen, 3, 5).reshape(*seen.shape[:3], -1)
    v = v / (np.abs(v).sum(axis=-1, keepdims=True) + TINY) if norm == "L1" else _unit(v)
    if norm == "L2-Hys":
        v = _unit(np.minimum(v, MOST))
    return np.asarray(v.reshape(len(v), -1))


def _unit(v: FloatArray) -> FloatArray:
    return np.asarray(v / np.sqrt(np.square(v).sum(axis=-1, keepdims=True) + TINY**2))
