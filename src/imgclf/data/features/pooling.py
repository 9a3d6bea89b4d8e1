"""Overlapping windows along a side of an image."""

import numpy as np

from imgclf.arrays import FloatArray


def windows(length: int, parts: int) -> FloatArray:
    """Return the share of each place along a side in each part, (parts, length) float32: overlapping triangles.

    Each is highest in the middle of its part and 0 in the middle of the next. The first and the last go on to the
    border. The shares of a part add up to 1.
    """
    place = np.clip((np.arange(length) + 0.5) / length * parts, 0.5, parts - 0.5)
    shares = np.clip(1 - np.abs(place - (np.arange(parts)[:, None] + 0.5)), 0, 1)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
