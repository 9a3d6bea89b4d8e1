"""Draw the patches that a class likes, each where it likes it."""

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.kind import Drawing, Learned, Shape
from imgclf.data.preprocess import WHITE

BEST = 2  # patches a side in each part of an image
_CAPTION = "In each part of the image, the patches that count most for the class where they are found, best first."


def mosaic(number: int, side: int, pool: int) -> Drawing:
    """Return how to draw patches by their weights: those of the first scale, which come first."""

    def liked(w: FloatArray, shape: Shape, learned: Learned) -> ByteArray:
        filters = learned["filters0"][:, :number].T  # whitened patches; of the mean of a patch, nothing is left
        pixels = (filters @ np.linalg.pinv(learned["whitening0"], rcond=1e-3)).reshape(number, side, side, -1)
        pixels = WHITE / 2 * (1 + pixels / np.abs(pixels).max(axis=(1, 2, 3), keepdims=True))
        shown = np.full((pool, pool, BEST, BEST, side + 1, side + 1, 3), WHITE, np.uint8)
        for part in np.ndindex(pool, pool):
            best = np.argsort(-w[: pool**2 * number].reshape(pool, pool, number)[part], kind="stable")
            for place, one in zip(np.ndindex(BEST, BEST), best[: BEST**2], strict=False):
                shown[part + place][:side, :side] = np.rint(pixels[one])
        parts = shown.transpose(0, 2, 4, 1, 3, 5, 6).reshape(pool, BEST * (side + 1), pool, BEST * (side + 1), 3)
        parts = np.pad(parts, ((0, 0), (0, 1), (0, 0), (0, 1), (0, 0)), constant_values=WHITE)
        return parts.reshape(pool * parts.shape[1], -1, 3)[:-2, :-2]

    return Drawing(_CAPTION, liked)
