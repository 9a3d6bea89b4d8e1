"""Augment training images: mirror and shift them at random."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from imgclf.arrays import Batch, Examples, IntArray
from imgclf.data.batches import Reader, SampleFn
from imgclf.numerics.random_streams import AUGMENT, hashed, stream


@dataclass(frozen=True, eq=False)
class AugmentedReader:
    """Read the examples of one step, each image mirrored and shifted at random before it is preprocessed.

    A pure function of seed, step and row: an image is the same in whichever block, thread or rank it is read.
    """

    read: Reader
    seed: int
    step: int
    flip: float
    shift: int

    @cached_property
    def _key(self) -> int:
        return int(stream(self.seed, AUGMENT, self.step).random_raw())

    def __call__(self, rows: IntArray) -> Examples:
        """Return X (n, D) and y (n,)."""
        dataset, shift = self.read.dataset, self.shift
        flips, down, right = hashed(self._key, rows, 3).T  # (n,) each
        images = dataset.pixels(rows)
        pixels = images.view(f"V{images.shape[3]}")[..., 0]  # (n, H, W): the bytes of a pixel move as one item
        mirrored = flips < self.flip
        pixels[mirrored] = pixels[mirrored][:, :, ::-1]
        if shift:
            down, right = (np.floor(one * (2 * shift + 1)).astype(np.intp) - shift for one in (down, right))
            pixels = shifted(pixels, down, right, shift)
        return Examples(self.read.preprocess.apply(pixels.view(np.uint8)), dataset.y_of(rows))


def shifted(pixels: NDArray[Any], down: IntArray, right: IntArray, most: int) -> NDArray[Any]:
    """Shift images (n, H, W) down and right by as many pixels, (n,) each, at least -most and at most `most`.

    The pixels at the border are repeated where others moved away.
    """
    n, height, width = pixels.shape
    padded = np.empty((n, height + 2 * most, width + 2 * most), pixels.dtype)
    inner = padded[:, most:-most]
    inner[:, :, most:-most] = pixels
    inner[:, :, :most], inner[:, :, -most:] = pixels[:, :, :1], pixels[:, :, -1:]
    padded[:, :most], padded[:, -most:] = inner[:, :1], inner[:, -1:]
    windows = sliding_window_view(padded, (height, width), axis=(1, 2))
    return np.asarray(windows[np.arange(n), most - down, most - right])


def augmented(sample: SampleFn, read: Reader, seed: int, *, flip: float, shift: int) -> SampleFn:
    """Return the same batches of images that are mirrored with probability `flip`, and shifted by up to `shift` pixels.

    Without either, `sample` itself is returned.
    """
    if not flip and not shift:
        return sample

    def augmented_sample(step: int) -> Batch:
        return replace(sample(step), read=AugmentedReader(read, seed, step, flip, shift))

    return augmented_sample
