"""The images of the benchmarks: CIFAR-10 from the path in the variable CIFAR10, else generated ones."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.config import resolve
from imgclf.training.loading import load_training_data

ARCHIVE = "cifar-10-python.tar.gz"


class Images(NamedTuple):
    """A training split: pixels (N, H, W, 3) uint8, y (N,) int64, and C, the number of classes."""

    pixels: ByteArray
    y: IntArray
    classes: int

    def __len__(self) -> int:
        return len(self.y)

    def save(self, file: Path) -> Path:
        """Write an .npz file that imgclf can train on."""
        np.savez(file, X=self.pixels, y=self.y, class_names=[f"class {c}" for c in range(self.classes)])
        return file


def data(train: int) -> list[str]:
    """Return which images to take, as overrides of the config; `train` is how many to generate."""
    if "CIFAR10" in os.environ:
        return real()
    # Noisy and shifted, so that ten steps do not learn it all: gradients of about 0 would hide any relative mistake.
    options = f"{{size: 32, channels: 3, train: {train}, test: 0, noise: 250, shift: 8}}"
    return ["data.source=synthetic", f"data.options={options}"]


def real() -> list[str]:
    """Return CIFAR-10 as overrides of the config."""
    return ["data.source=cifar10", f"data.path={json.dumps(os.environ['CIFAR10'])}"]


def training_images() -> Images:
    """Return 50,000 images of 32 x 32 pixels in 10 classes."""
    if "CIFAR10" not in os.environ:
        return natural_images(50_000, 10, 32)
    train, _ = load_training_data(resolve(overrides=[*real(), "data.val_fraction=0.0"]).config)
    return Images(np.ascontiguousarray(train.images[train.rows]), train.y, len(train.class_names))


def natural_images(n: int, classes: int, size: int) -> Images:
    """Generate images that are as hard to learn from as natural ones: amplitudes fall like 1 / frequency.

    In each there is a faint pattern of its class. White noise would do for the clock, but its optimum is found at once.
    """
    draw = np.random.Generator(np.random.PCG64(0))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = 1 / size
    fall = (1 / frequency).astype(np.float32)

    def pictures(k: int) -> FloatArray:
        gray, color = (draw.standard_normal((k, channels, size, size), np.float32) for channels in (1, 3))
        smooth = np.fft.irfft2(np.fft.rfft2(gray + 0.3 * color) * fall)
        return np.moveaxis(smooth / smooth.std(), 1, 3)

    patterns, y = pictures(classes), draw.integers(classes, size=n)
    pixels = np.empty((n, size, size, 3), np.uint8)
    for first in range(0, n, 1000):
        rows = slice(first, first + 1000)
        labels = y[rows]
        pixels[rows] = np.clip(125 + 55 * (pictures(len(labels)) + 0.05 * patterns[labels]), 0, 255)
    return Images(pixels, y, classes)


def archive() -> Path | None:
    """Return CIFAR-10's own archive, if it is what CIFAR10 names, or in that folder, or beside it."""
    if "CIFAR10" not in os.environ:
        return None
    named = Path(os.environ["CIFAR10"])
    places = [named] if named.name.endswith(".tar.gz") else [named / ARCHIVE, named.parent / ARCHIVE]
    return next((path for path in places if path.is_file()), None)
