"""From pixels as they were read to the numbers the classifier sees: one function for train, eval and predict."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, ByteArray, Example, FloatArray, IntArray, places
from imgclf.data.dataset import Dataset
from imgclf.formats.images import conform, read_image


@dataclass(frozen=True)
class Preprocess:
    """Fitted on the training split, stored inside the model: X = (pixels / scale - mean) / std.

    example_shape  (H, W, channels) of a picture, or (D,) of a feature vector
    scale          what pixels are divided by
    mean, std      (D,) in the dtype of X, or None where nothing is to be done
    dtype          of X: float32 or float64
    """

    example_shape: tuple[int, ...]
    scale: float
    mean: FloatArray | None
    std: FloatArray | None
    dtype: str

    def __post_init__(self) -> None:
        if not 0 < self.scale < np.inf:
            raise ValueError(f"scale is {self.scale}, not a number above 0")
        for name, part in (("mean", self.mean), ("std", self.std)):
            if part is not None and (part.shape != (self.size,) or part.dtype != self.dtype):
                raise ValueError(f"{name} is {part.dtype} {part.shape}, not {self.dtype} {(self.size,)}")
            if part is not None and not np.isfinite(part).all():
                raise ValueError(f"{name} is not finite")
        if self.std is not None and not (self.std > 0).all():
            raise ValueError("std is not above 0")

    @property
    def is_picture(self) -> bool:
        """Whether an example is a picture; else it is a vector of features."""
        return len(self.example_shape) == 3

    @property
    def color(self) -> str:
        """The colour of a picture as configs name it: gray or rgb."""
        return "gray" if self.example_shape[2] == 1 else "rgb"

    @property
    def size(self) -> int:
        """D, the numbers an example has."""
        return int(np.prod(self.example_shape))

    def apply(self, pixels: NDArray[Any]) -> FloatArray:
        """Turn pixels (n, H, W, channels) or features (n, D) into X (n, D)."""
        X: FloatArray = pixels.reshape(len(pixels), -1).astype(self.dtype)
        if self.scale != 1:
            X /= self.scale
        if self.mean is not None:
            X -= self.mean
        if self.std is not None:
            X /= self.std
        return X

    def picture(self, pixels: ByteArray) -> ByteArray:
        """Give a picture (h, w, 1 or 3) the size and the colour of those that were trained on."""
        height, width, _ = self.example_shape
        return conform(pixels, (height, width), self.color)

    def read_picture(self, path: Path) -> ByteArray:
        """Read an image file of any size and mode as (H, W, channels)."""
        return self.picture(read_image(path))

    def reader(self, dataset: Dataset) -> "Reader":
        """Return what a batch needs to read its rows of a data set."""
        return Reader(self, dataset)


@dataclass(frozen=True)
class Reader:
    """Reads rows of a data set as X (n, D) and y (n,)."""

    preprocess: Preprocess
    dataset: Dataset

    def __call__(self, rows: IntArray) -> Example:
        """Read the examples at these places of the data set."""
        return Example(self.preprocess.apply(self.dataset.pixels(rows)), self.dataset.y_of(rows))


def fit_preprocess(dataset: Dataset, *, scale: float, center: str, std: str, dtype: str) -> Preprocess:
    """Fit on a training split; center and std are "pixel" (each its own), "channel" (one a colour) or "none".

    A pixel that never changes keeps std 1.
    """
    mean = deviation = None
    if center != "none" or std != "none":
        pixel_mean = _mean(dataset, lambda pixels: pixels)
        if center != "none":
            mean = (_spread(pixel_mean, dataset, center) / scale).astype(dtype)
    if std != "none":
        about = _spread(pixel_mean, dataset, std)
        variance = _spread(_mean(dataset, lambda pixels: (pixels - about) ** 2), dataset, std)
        # The mean of equal values is itself rounded, so their variance need not be exactly 0.
        changes = np.sqrt(variance) > 1e-12 * np.abs(about)
        deviation = np.where(changes, np.sqrt(variance) / scale, 1).astype(dtype)
        deviation[deviation == 0] = 1  # too small for the dtype
    return Preprocess(dataset.example_shape, scale, mean, deviation, dtype)


def _mean(dataset: Dataset, function: Callable[[NDArray[Any]], NDArray[Any]]) -> FloatArray:
    """Return the mean of function(pixels) over the examples, (D,) float64."""

    def read(rows: IntArray) -> Example:
        return Example(dataset.pixels(rows).reshape(len(rows), -1), rows)

    batch = Batch(places(len(dataset)), read)
    (total,) = batch.sum(lambda X, _: (function(X).sum(axis=0, dtype=np.float64),))
    return np.asarray(total / len(dataset))


def _spread(values: FloatArray, dataset: Dataset, how: str) -> FloatArray:
    """Average (D,) over each colour channel where that is asked for; a feature is a channel of its own."""
    if how == "pixel" or len(dataset.example_shape) == 1:
        return values
    channels = dataset.example_shape[2]
    means = values.reshape(-1, channels).mean(axis=0)
    return np.tile(means, len(values) // channels)
