"""Draw the patch that counts most in each part of the image."""

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.kind import Drawing, Learned, Shape
from imgclf.data.preprocess import WHITE

_CAPTION = (
    "Left: in each part of the image, the patch that speaks most for the class if something like it is found there, "
    "without its brightness and in full contrast. Right: a training image of the class, cut into the same parts."
)


def mosaic(number: int, side: int, pool: int) -> Drawing:
    """Return how to draw patches by their weights: those of the first scale, which come first."""

    def liked(w: FloatArray, shape: Shape, learned: Learned) -> ByteArray:
        filters = learned["filters0"][:, :number].T  # whitened patches; of the mean of a patch, nothing is left
        pixels = (filters @ np.linalg.pinv(learned["whitening0"], rcond=1e-3)).reshape(number, side, side, -1)
        pixels = WHITE / 2 * (1 + pixels / np.abs(pixels).max(axis=(1, 2, 3), keepdims=True))
        best = w[: pool**2 * number].reshape(pool, pool, number).argmax(axis=2)
        shown = np.full((pool, pool, side + 1, side + 1, 3), WHITE, np.uint8)
        shown[:, :, :side, :side] = np.rint(pixels[best])
        return shown.swapaxes(1, 2).reshape(pool * (side + 1), -1, 3)[:-1, :-1]

    def seen(image: ByteArray, learned: Learned) -> ByteArray:
        for axis in (0, 1):
            image = np.insert(image, np.arange(1, pool) * image.shape[axis] // pool, WHITE, axis)
        return image

    return Drawing(_CAPTION, liked, seen)
