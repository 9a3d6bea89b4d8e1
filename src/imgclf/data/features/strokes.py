"""Draw histograms of gradients as strokes along edges."""

from collections.abc import Callable

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.kind import Drawing, Learned, Shape
from imgclf.data.preprocess import WHITE

GLYPH = 15  # pixels a side of a cell, odd
_BRIGHTEST = 0.995  # the share of the numbers that are not cut off
_CAPTION = "Strokes run along the edges that count most for the class. Beside it: an image of the class, and its edges."


def strokes(
    of_images: Callable[[ByteArray], FloatArray],
    *,
    cell: int,
    block: int,
    orientations: int,
    signed: bool,
    interpolate: bool,
) -> Drawing:
    """Return how to draw HOG, whose numbers come before any others; `of_images` computes it."""

    def liked(numbers: FloatArray, shape: Shape, learned: Learned) -> ByteArray:
        v = np.maximum(of_cells(numbers, shape), 0)
        v = np.minimum(v / (np.quantile(v, _BRIGHTEST) or 1), 1)  # (rows, columns, orientations)
        step = (2 if signed else 1) * np.pi / orientations
        angles = (np.arange(orientations) + (0 if interpolate else 0.5)) * step
        y, x = np.mgrid[:GLYPH, :GLYPH] - GLYPH // 2
        distance = np.abs(np.cos(angles) * x[..., None] + np.sin(angles) * y[..., None])  # from the line of the edge
        stroke = np.clip(1 - distance, 0, 1) * (np.hypot(y, x) <= GLYPH // 2)[..., None]  # (GLYPH, GLYPH, orientations)
        drawn = (v[:, None, :, None] * stroke[:, None]).max(axis=-1)  # (rows, GLYPH, columns, GLYPH)
        return _in_color(np.rint(WHITE * drawn).astype(np.uint8).reshape(len(v) * GLYPH, -1, 1))

    def seen(image: ByteArray, learned: Learned) -> ByteArray:
        over = liked(of_images(image[None])[0], image.shape, learned)
        rows, columns = (np.arange(side) * cell // GLYPH for side in over.shape[:2])
        return np.maximum(_in_color(image[rows][:, columns]) // 2, over)

    def of_cells(numbers: FloatArray, shape: Shape) -> FloatArray:
        """Return the mean of the numbers of each cell over its blocks, (rows, columns, orientations)."""
        rows, columns = (side // cell - block + 1 for side in shape[:2])  # of blocks
        blocks = numbers[: rows * columns * block**2 * orientations].reshape(rows, columns, block, block, orientations)
        sums, counts = np.zeros((2, rows + block - 1, columns + block - 1, orientations))
        for y, x in np.ndindex(block, block):
            sums[y : y + rows, x : x + columns] += blocks[:, :, y, x]
            counts[y : y + rows, x : x + columns] += 1
        return np.asarray(sums / counts)

    return Drawing(_CAPTION, liked, seen)


def _in_color(image: ByteArray) -> ByteArray:
    return np.repeat(image, 3 // image.shape[-1], axis=-1)
