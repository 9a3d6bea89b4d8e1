"""A kind of features: how it learns, computes and is drawn."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.dataset import Dataset

Shape: TypeAlias = tuple[int, ...]  # of an image: (H, W, channels)
Learned: TypeAlias = Mapping[str, NDArray[Any]]  # named arrays


class Drawing(NamedTuple):
    """How features are drawn, as images (h, w, 3) uint8; `seen` may be gray, (h, w, 1).

    caption  what is to be seen
    liked    (weights of a class (D,), shape of the images, learned) -> what the class likes
    seen     (an image (H, W, channels), learned) -> the image, in the same places; None: no image is shown beside it
    """

    caption: str
    liked: Callable[[FloatArray, Shape, Learned], ByteArray]
    seen: Callable[[ByteArray, Learned], ByteArray] | None = None


class Kind(NamedTuple):
    """A map of images to vectors, the row of an image depending on that image alone, to the bit.

    size     (shape of the images) -> D; raises UsageError for images that it cannot take
    compute  (images (n, H, W, channels) uint8, learned) -> features (n, D) float
    learn    (training images, seed) -> what it takes from them: {} where nothing is learned
    shapes   (shape of the images) -> the shapes of what is learned
    drawing  how to draw what a class likes; None: that cannot be drawn
    """

    size: Callable[[Shape], int]
    compute: Callable[[ByteArray, Learned], FloatArray]
    learn: Callable[[Dataset, int], Learned] = lambda images, seed: {}
    shapes: Callable[[Shape], dict[str, Shape]] = lambda shape: {}
    drawing: Drawing | None = None
