"""Preprocess pixels and features: scale, center and standardize.

One function turns stored pixels into X for train, eval and predict.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.data.dataset import Dataset, described
from imgclf.errors import DataError
from imgclf.files.form import Form
from imgclf.files.images import read_image
from imgclf.numerics.indices import row_indices, slices
from imgclf.numerics.sums import Summation, Sums, serial_sum, sum_over_blocks

WHITE = 255  # the largest byte
SPREAD_SAMPLE = 128  # examples that are enough to estimate a spread
NORMS = (None, "l2")
# Standard deviations. At most one training example in a hundred is so far from the mean, as the mean of X**2 is 1; but
# numbers that are ten times as large are.
FAR = 10
FEW_LEVELS = 64  # images that have only values below use less than a quarter of the range of bytes


@dataclass(frozen=True)
class Preprocess:
    """Fitted on the training split, stored inside the model: X = (pixels / scale - mean) / std.

    With norm "l2", (v / |v| - mean) / std for the values v of each example, whatever their scale; 0 stays 0.

    example_shape  (H, W, channels) of an image, or (D,) of a feature vector
    scale          divisor of pixels or features
    mean, std      (D,) in the dtype of X, or None to skip that operation
    dtype          of X: float32 or float64
    resize         how images of another size are resized: squash, crop or pad
    norm           "l2", or None
    """

    example_shape: tuple[int, ...]
    scale: float
    mean: FloatArray | None
    std: FloatArray | None
    dtype: str
    resize: str = "squash"
    norm: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.scale < np.inf:
            raise ValueError(f"scale is {self.scale}, not a number above 0")
        if self.norm not in NORMS:
            raise ValueError(f"unknown norm {self.norm!r}")
        for name, part in (("mean", self.mean), ("std", self.std)):
            if part is not None and (part.shape != (self.size,) or part.dtype != self.dtype):
                raise ValueError(f"{name} is {part.dtype} {part.shape}, not {self.dtype} {(self.size,)}")
            if part is not None and not np.isfinite(part).all():
                raise ValueError(f"{name} is not finite")
        if self.std is not None and not (self.std > 0).all():
            raise ValueError("std is not above 0")

    @property
    def is_image(self) -> bool:
        """Whether an example is an image; else it is a feature vector."""
        return len(self.example_shape) == 3

    @property
    def color(self) -> str:
        """The color of images as in configs: gray or rgb."""
        return "gray" if self.example_shape[2] == 1 else "rgb"

    @property
    def size(self) -> int:
        """D, the number of values of an example."""
        # In Python's integers: the shape of a hostile model would overflow NumPy's.
        return math.prod(self.example_shape)

    @cached_property
    def center(self) -> FloatArray | None:
        """The mean in units of stored pixels, or of vectors of unit length: (D,), or None."""
        return None if self.mean is None else self.mean * self.mean.dtype.type(self.divisor)

    @cached_property
    def factor(self) -> FloatArray | None:
        """The factor of the centered pixels: (D,) or (), or None for 1."""
        if self.std is not None:
            return np.asarray(1 / (self.std.astype(np.float64) * self.divisor)).astype(self.dtype)
        return None if self.divisor == 1 else np.asarray(1 / self.divisor, self.dtype)

    @property
    def divisor(self) -> float:
        """The scale, which a vector of unit length does not depend on."""
        return 1.0 if self.norm else self.scale

    def check_shape(self, dataset: Dataset, where: object, remedy: str = "") -> None:
        """Raise DataError unless the examples have the shape of the training examples."""
        if dataset.example_shape != self.example_shape:
            problem = f"{dataset.unit}s of {described(dataset.example_shape)}"
            remedy = remedy or f"give it {'images' if self.is_image else 'the same features as in training'}"
            raise DataError(where, f"{problem}, the model takes {described(self.example_shape)}", remedy)

    def apply(self, pixels: NDArray[Any], out: FloatArray | None = None) -> FloatArray:
        """Turn pixels (n, H, W, channels) or features (n, D) into X (n, D), in `out` if it is given."""
        flat = pixels.reshape(len(pixels), -1)
        if self.norm:
            flat = unit_rows(flat, self.dtype)
        X = np.empty(flat.shape, self.dtype) if out is None else out
        if self.center is not None and flat.dtype.itemsize > X.dtype.itemsize:
            np.subtract(flat, self.center, out=X, casting="same_kind")  # first: a cast could round differences away
        else:
            X[:] = flat  # cast first: a subtraction that also casts takes longer than both
            if self.center is not None:
                X -= self.center
        if self.factor is not None:
            X *= self.factor
        return X

    @property
    def form(self) -> Form:
        """The size and color of the training images."""
        height, width, _ = self.example_shape
        return Form((height, width), self.color, self.resize)

    def conform(self, pixels: ByteArray) -> ByteArray:
        """Give an image (h, w, 1 or 3) the size and color of the training images."""
        return self.form.conform(pixels)

    def conform_all(self, images: ByteArray) -> ByteArray:
        """Give images (n, h, w, 1 or 3) the size and color of the training images; no copy if they have them."""
        if images.shape[1:] == self.example_shape:
            return images
        return np.stack([self.conform(image) for image in images])

    def read_image(self, path: Path) -> ByteArray:
        """Read an image file of any size and mode as (H, W, channels)."""
        return self.conform(read_image(path))

    def warning_about(self, images: NDArray[Any]) -> str | None:
        """Return a warning about examples (n, ...) whose values have another range than the training data, or None.

        Of images, only the largest mean and the scale are known: of few levels and of many, or of 0 and 1 and of more.
        """
        if self.norm or self.center is None:
            return None
        if not self.is_image:
            return self._warning_if_far(images)
        mean, largest = self.center.max(), images.max()
        if largest == 1 and mean > 2:
            problem = "the model learned from images of larger values, these are of 0 and 1"
            return f"{problem}: predictions may be wrong - store these like the training images"
        if largest < FEW_LEVELS or not max(1, mean) <= self.scale < FEW_LEVELS:
            return None
        problem = f"the model learned from images of values up to {self.scale:g}, these go up to {largest}"
        remedy = "train on values of 0..255, or store these like the training images"
        return f"{problem}: predictions may be wrong - {remedy}"

    def _warning_if_far(self, features: NDArray[Any]) -> str | None:
        if self.std is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            X = self.apply(features[_evenly(len(features))]).astype(np.float64)
            distance = float(np.median(np.sqrt(np.square(X).mean(axis=1))))
        if not FAR < distance < np.inf:  # of infinity the scores are none
            return None
        problem = f"these examples are far from the training data, {distance:,.0f} standard deviations from its mean"
        return f"{problem}: predictions may be wrong - are they scaled alike?"


def unit_rows(values: NDArray[Any], dtype: str) -> FloatArray:
    """Divide each row (n, D) by its length, in this dtype or wider; a row of zeros stays one."""
    rows = values.astype(np.promote_types(values.dtype, dtype))
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows /= np.where(largest > 0, largest, 1)  # first, so that squares are no larger than 1; their sum is at least 1
    rows /= np.sqrt(np.maximum(np.square(rows).sum(axis=1, keepdims=True), 1))
    return rows


def default_scale(dataset: Dataset) -> float:
    """Return the default divisor of values: 255 for images, 1 for feature vectors.

    Images of few levels (0 and 1, 16 grays) are divided by their largest value: 255 would make them nearly equal.
    """
    if dataset.images.dtype != np.uint8:
        return 1.0
    largest = 0
    for part in slices(len(dataset), dataset.at_once):
        largest = max(largest, int(dataset.pixels(part).max()))
        if largest >= FEW_LEVELS:  # nearly always in the first part
            return float(WHITE)
    return float(largest or WHITE)


def default_std(dataset: Dataset) -> str:
    """Return the default for std: "none" for images, "pixel" for feature vectors.

    Also "none" for features of only 0 and 1, which have one unit: a deviation would make the rarest the largest.
    """
    if dataset.images.dtype == np.uint8:
        return "none"
    parts = (dataset.pixels(part) for part in slices(len(dataset), dataset.at_once))
    return "none" if all(((part == 0) | (part == 1)).all() for part in parts) else "pixel"


def spread(preprocess: Preprocess, dataset: Dataset) -> float:
    """Estimate how much X differs from example to example; NaN where nothing differs.

    The standard deviation of each number, as the root mean square over those that change.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        X = preprocess.apply(_sample(dataset))
        changes = (X[0] != X).any(axis=0)
        X -= X.mean(axis=0)
        variance = np.einsum("nd,nd->d", X, X)[changes] / len(X)
        if not changes.any():
            return math.nan
        found = float(np.sqrt(variance.mean()))
    return math.inf if math.isnan(found) else found  # infinity less infinity


def widest_range(dataset: Dataset) -> float:
    """Return how far the stored values of a number differ at most, among the examples of `spread`."""
    values = _sample(dataset)
    return float(np.ptp(values.reshape(len(values), -1), axis=0).max())


def tiny_range(dtype: str) -> float:
    """Return the range of values up to which their standard deviation may be too small to divide by."""
    least = max(float(np.finfo(dtype).tiny), math.sqrt(np.finfo(np.float64).tiny))  # the variance is in float64
    return math.sqrt(2 * SPREAD_SAMPLE) * least  # the range of n values is at most sqrt(2 n) deviations


def _sample(dataset: Dataset) -> NDArray[Any]:
    return dataset.pixels(_evenly(len(dataset)))


def _evenly(examples: int) -> IntArray:
    """Return the rows of a sample of so many examples."""
    return np.unique(np.linspace(0, examples - 1, SPREAD_SAMPLE).astype(np.int64))


def fit_preprocess(
    dataset: Dataset,
    *,
    scale: float,
    center: str,
    std: str,
    dtype: str,
    resize: str = "squash",
    norm: str | None = None,
    sum_blocks: Summation = serial_sum,
) -> Preprocess:
    """Fit on a training split; center and std are "pixel" (each its own), "channel" (one a color) or "none".

    A pixel that never changes gets std 1, so that it becomes 0.
    """
    mean = deviation = None
    values = partial(unit_rows, dtype=dtype) if norm else np.asarray
    divisor = 1.0 if norm else scale
    if center != "none" or std != "none":
        pixel_mean = _mean(dataset, values, sum_blocks)
        if center != "none":
            mean = (_averaged(pixel_mean, dataset, center) / divisor).astype(dtype)
    if std != "none":
        about = _averaged(pixel_mean, dataset, std)
        unit = np.ldexp(1.0, np.maximum(0, np.frexp(about)[1]))  # a power of 2, so that huge values have squares
        variance = _averaged(
            _mean(dataset, lambda pixels: ((values(pixels) - about) / unit) ** 2, sum_blocks), dataset, std
        )
        spread = np.sqrt(variance) * unit
        # The mean of equal values is itself rounded, so their variance need not be exactly 0.
        changes = spread > 1e-12 * np.abs(about)
        divides = np.minimum(spread, spread / divisor) > np.finfo(dtype).tiny  # 1 / spread is finite
        deviation = np.where(changes & divides, spread / divisor, 1).astype(dtype)
    return Preprocess(dataset.example_shape, scale, mean, deviation, dtype, resize, norm)


def _mean(dataset: Dataset, function: Callable[[NDArray[Any]], NDArray[Any]], sum_blocks: Summation) -> FloatArray:
    """Return the mean of function(pixels) over the examples, (D,) float64."""

    def sums(rows: IntArray) -> Sums:
        values = function(dataset.pixels(rows).reshape(len(rows), -1))
        # Bytes are added exactly, and three times as fast, as integers; uint32 is enough for one block.
        add_in = np.uint32 if values.dtype == np.uint8 else np.float64
        return (values.sum(axis=0, dtype=add_in).astype(np.float64),)

    (total,) = sum_over_blocks(sums, row_indices(len(dataset)), sum_blocks)
    return np.asarray(total / len(dataset))


def _averaged(values: FloatArray, dataset: Dataset, how: str) -> FloatArray:
    """Average (D,) over each color channel for how="channel"; a feature is a channel of its own."""
    if how == "pixel" or len(dataset.example_shape) == 1:
        return values
    channels = dataset.example_shape[2]
    means = values.reshape(-1, channels).mean(axis=0)
    return np.tile(means, len(values) // channels)
