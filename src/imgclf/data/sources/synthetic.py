"""Source `synthetic`: generated images.

Each class is a smooth pattern; each example is that pattern, shifted and with noise.

Options, in `data.options`:
    classes    10    how many classes
    size       16    height and width in pixels
    channels    1    1 gray, 3 color
    train    2000    examples of the training split
    val         0    examples of the validation split; 0: none
    test      500    examples of the test split; 0: none
    noise      60    standard deviation of the noise, in gray levels
    shift       2    largest shift in pixels, in each direction; pixels that leave on one side enter on the other
    imbalance   1    ratio of examples in the first class to the last; geometric in between

The same options and seed give the same images; a split does not depend on the other splits that are loaded.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.data.dataset import Dataset
from imgclf.data.sources._options import chosen
from imgclf.data.splits import apportion
from imgclf.errors import UsageError
from imgclf.machine.memory import require_memory
from imgclf.numerics.random_streams import SYNTHETIC, normal, shuffled, stream, uniform

_SPLITS = {"train": 1, "val": 2, "test": 3}  # part of the seed, like these numbers of random streams:
_ORDER, _SHIFTS, _NOISE, _PATTERNS = 1, 2, 3, 4
_CHUNK = 256  # images made at a time
_BYTES_A_VALUE = 49  # working memory of a chunk; measured
_WAVES = 4  # in a pattern
_MAX_VALUES = 1 << 33


@dataclass(frozen=True)
class Options:
    """The keys of `data.options`; checked when built."""

    classes: int = 10
    size: int = 16
    channels: int = 1
    train: int = 2000
    val: int = 0
    test: int = 500
    noise: float = 60
    shift: int = 2
    imbalance: float = 1

    def __post_init__(self) -> None:
        for name, low in {"classes": 2, "size": 1, "channels": 1, "train": 1, "val": 0, "test": 0, "shift": 0}.items():
            value = getattr(self, name)
            if type(value) is not int or value < low:
                raise _wrong(name, value, f"a whole number from {low} on")
        for name, least in {"noise": 0, "imbalance": 1}.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not least <= value <= 1e6:
                raise _wrong(name, value, f"a number from {least} to 1e6")
        if self.channels not in (1, 3):
            raise _wrong("channels", self.channels, "1 or 3")
        if max(self.train, self.val, self.test, self.classes) * self.size**2 * self.channels > _MAX_VALUES:
            raise UsageError("data.options", "more pixels than fit into memory", "set fewer or smaller images")
        if self.counts(self.train).min() == 0:
            problem = f"{self.train} training images leave a class without one"
            raise UsageError("data.options", problem, "set train higher")

    def lengths(self, splits: Collection[str]) -> dict[str, int]:
        """Return the numbers of examples of those splits, without empty ones."""
        lengths = {"train": self.train, "val": self.val, "test": self.test}
        return {split: n for split, n in lengths.items() if n and split in splits}

    def counts(self, n: int) -> IntArray:
        """Divide n examples among the classes, (C,)."""
        return apportion(n, self.imbalance ** -np.linspace(0, 1, self.classes))


def load(path: None, splits: Collection[str], /, *, seed: int = 0, **options: Any) -> dict[str, Dataset]:
    """Generate the asked splits; options as in the module's docstring."""
    ours = chosen(Options, options)
    return {split: _generate(ours, seed, split, n) for split, n in ours.lengths(splits).items()}


def _generate(options: Options, seed: int, split: str, n: int) -> Dataset:
    number = _SPLITS[split]
    patterns = _patterns(options, seed)
    y = np.repeat(np.arange(options.classes), options.counts(n))[shuffled(n, seed, SYNTHETIC, number, _ORDER)]
    span = 2 * options.shift + 1
    raw = stream(seed, SYNTHETIC, number, _SHIFTS).random_raw(2 * n).reshape(n, 2)
    shifts = (raw % span).astype(np.int64) - options.shift  # signed, because it may be negative
    noise = stream(seed, SYNTHETIC, number, _NOISE)
    values = options.size**2 * options.channels
    require_memory((n + _BYTES_A_VALUE * min(n, _CHUNK)) * values, "synthetic")
    images: ByteArray = np.empty((n, options.size, options.size, options.channels), np.uint8)
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        clean = _shifted(patterns[y[rows]], shifts[rows])
        images[rows] = np.rint(clean + options.noise * normal(noise, clean.shape)).clip(0, 255)
    return Dataset.of(images, y, tuple(f"class {label}" for label in range(options.classes)))


def _patterns(options: Options, seed: int) -> FloatArray:
    """Return a sum of a few slow waves for each class, 28..228, (C, H, W, channels)."""
    shape = (options.classes, _WAVES, options.channels)
    draw = uniform(stream(seed, SYNTHETIC, 0, _PATTERNS), (4, *shape))
    # Whole numbers of waves, so that a pattern is periodic: smooth across its edges.
    down, right = np.rint(draw[0, ..., :1] * 4 - 2), np.rint(draw[1, ..., :1] * 4 - 2)
    position = np.arange(options.size) / options.size
    turns = down[..., None, None] * position[:, None] + right[..., None, None] * position + draw[2][..., None, None]
    waves = (draw[3][..., None, None] * np.cos(2 * np.pi * turns)).sum(axis=1)  # (C, channels, H, W)
    largest = np.abs(waves).max(axis=(1, 2, 3), keepdims=True)
    patterns: FloatArray = np.moveaxis(128 + 100 * waves / np.maximum(largest, 1e-9), 1, 3)
    return patterns


def _shifted(images: FloatArray, shifts: IntArray) -> FloatArray:
    """Shift each image (n, H, W, channels) by its own (down, right), periodically."""
    n, size = images.shape[:2]
    rows = (np.arange(size) - shifts[:, :1]) % size
    columns = (np.arange(size) - shifts[:, 1:]) % size
    return np.asarray(images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]])


def _wrong(name: str, value: object, rule: str) -> UsageError:
    return UsageError("data.options", f"{name}: {str(value)[:40]!r} is not {rule}", "correct it")
