"""The images that the benchmarks run on: CIFAR-10 where the variable CIFAR10 says it is, else generated ones."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.config import resolve
from imgclf.loading import load_training_data

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
    if path := os.environ.get("CIFAR10"):
        return ["data.source=cifar10", f"data.path={json.dumps(path)}"]
    # Noisy and shifted, so that a few steps do not learn it all: gradients of about 0 would hide any relative mistake.
    options = f"{{size: 32, channels: 3, train: {train}, test: 0, noise: 250, shift: 8}}"
    return ["data.source=synthetic", f"data.options={options}"]


def training_images() -> Images:
    """Return 50,000 images of 32 x 32 pixels in 10 classes."""
    train, _ = load_training_data(resolve(overrides=[*data(train=50_000), "data.val_fraction=0.0"]).config)
    return Images(np.ascontiguousarray(train.images[train.rows]), train.y, len(train.class_names))


def archive() -> Path | None:
    """Return CIFAR-10's own archive, if it is what CIFAR10 names, or in that folder, or beside it."""
    named = Path(os.environ.get("CIFAR10", ""))
    return next((path for path in _places(named) if path.is_file()), None) if named.name else None


def _places(named: Path) -> Iterator[Path]:
    yield from (named / ARCHIVE, named.parent / ARCHIVE)
    if named.name.endswith(".tar.gz"):
        yield named
