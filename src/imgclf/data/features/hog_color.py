"""HOG, a histogram of hues, and a small picture.

As in the first assignment of CS231n, whose features are HOG and the histogram of hues.
"""

from typing import Annotated, TypeAlias

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.features.hog import Block, Cell, Interpolate, Mirror, Norm, Orientations, Signed, hog
from imgclf.data.features.kind import Kind, Learned, Shape
from imgclf.errors import UsageError

Hues: TypeAlias = Annotated[int, "Hues that are told apart.", {"ge": 1, "le": 360}]
Picture: TypeAlias = Annotated[int, "Pixels a side of the small picture.", {"ge": 1, "le": 64}]


def hog_color(
    cell: Cell = 4,
    block: Block = 2,
    orientations: Orientations = 9,
    norm: Norm = "L2-Hys",
    signed: Signed = False,
    interpolate: Interpolate = False,
    mirror: Mirror = False,
    hues: Hues = 12,
    picture: Picture = 8,
) -> Kind:
    """HOG, with a histogram of hues and a small picture."""
    edges = hog(cell, block, orientations, norm, signed, interpolate, mirror)

    def size(shape: Shape) -> int:
        height, width, channels = shape
        if channels == 1:
            raise UsageError("features.name", "hog_color needs images in color, these are gray", "take hog")
        if picture > min(height, width):
            problem = f"images of {width} x {height} pixels make no picture of {picture} x {picture}"
            raise UsageError("features.picture", problem, f"set it to at most {min(height, width)}")
        return edges.size(shape) + hues + 3 * picture**2

    def compute(images: ByteArray, learned: Learned) -> FloatArray:
        small = shrunk(images, picture)
        if mirror:
            small = small + small[:, :, ::-1]
        small = small.reshape(len(images), -1) / 255
        return np.concatenate([edges.compute(images, learned), hue_histogram(images, hues), small], axis=1)

    return Kind(size, compute, drawing=edges.drawing)


def hue_histogram(images: ByteArray, hues: int) -> FloatArray:
    """Return how much there is of each hue in images (n, H, W, 3), pixels counted by their color: (n, hues).

    The color of a pixel is what distinguishes its largest channel from its smallest, 0 for gray, which has no hue. On a
    circle of 6, red is 0, green 2 and blue 4.
    """
    red, green, blue = np.moveaxis(images.astype(np.float64), -1, 0)
    largest = images.max(axis=-1)
    color = largest - images.min(axis=-1).astype(np.float64)
    ratio = np.where(color > 0, color, 1)
    of_green, of_blue = 2 + (blue - red) / ratio, 4 + (red - green) / ratio
    hue = np.where(largest == red, (green - blue) / ratio % 6, np.where(largest == green, of_green, of_blue))
    bins = np.arange(len(images))[:, None, None] * hues + (hue * (hues / 6)).astype(np.int64) % hues
    sums = np.bincount(bins.ravel(), color.ravel(), minlength=len(images) * hues)
    return np.asarray(sums.reshape(len(images), hues) / (255 * color[0].size))


def shrunk(images: ByteArray, side: int) -> FloatArray:
    """Return the mean color of each of side x side nearly equal rectangles: (n, side, side, channels)."""
    height, width = images.shape[1:3]
    rows, columns = np.arange(side) * height // side, np.arange(side) * width // side  # where each begins
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=1, dtype=np.float64), columns, axis=2)
    pixels = np.diff(rows, append=height)[:, None, None] * np.diff(columns, append=width)[:, None]
    return np.asarray(sums / pixels)
