"""Draw histograms of gradients as strokes along edges."""

from collections.abc import Callable

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.kind import Drawing, Learned, Shape
from imgclf.data.preprocess import WHITE

GLYPH = 25  # pixels a side of a cell, odd
HALF = 2.0  # pixels from the middle of a stroke to where it is black again
_FULL = 0.8  # the share of the strokes that are not of full brightness
_CAPTION = (
    "Left: in each cell of the image, the edge that speaks most for the class. A stroke runs along the edge; the "
    "brighter, the more it counts; in a black cell, none does. Right: a training image of the class, with the "
    "strongest edge of each cell."
)


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
        strongest = v.max(axis=-1)  # (rows, columns): all directions of a cell would make a star
        full = np.quantile(strongest[strongest > 0], _FULL) if strongest.any() else 1
        step = (2 if signed else 1) * np.pi / orientations
        angle = ((v.argmax(axis=-1) + (0 if interpolate else 0.5)) * step)[:, None, :, None]
        y, x = (np.mgrid[:GLYPH, :GLYPH] - GLYPH // 2)[:, :, None]  # (GLYPH, 1, GLYPH)
        distance = np.abs(np.cos(angle) * x + np.sin(angle) * y)  # from the middle, (rows, GLYPH, columns, GLYPH)
        stroke = np.clip(HALF - distance, 0, 1) * (np.hypot(y, x) <= GLYPH // 2)
        drawn = np.minimum(strongest / full, 1)[:, None, :, None] * stroke
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
