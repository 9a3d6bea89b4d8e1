"""Arrays as text for a page: filtered, deflated, in base64."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray

LEVEL = 6  # 9 takes seven times as long for a hundredth fewer bytes


class Packed(NamedTuple):
    """An array as deflated bytes; `channels` is 0, or that of images whose rows are differences."""

    dtype: str
    shape: tuple[int, ...]
    channels: int
    deflated: bytes

    @property
    def characters(self) -> int:
        """The length in base64."""
        return -(-len(self.deflated) // 3) * 4


def pack(array: NDArray[Any]) -> Packed:
    """Deflate an array (little-endian); images (n, H, W, channels) uint8 as differences."""
    is_image = array.ndim == 4 and array.dtype == np.uint8
    filtered = left_differences(array) if is_image else np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    channels = array.shape[3] if is_image else 0
    return Packed(array.dtype.name, array.shape, channels, zlib.compress(filtered.tobytes(), LEVEL))


def left_differences(images: ByteArray) -> ByteArray:
    """Return each pixel minus the one to its left, modulo 256: neighbors are alike, so the bytes deflate better."""
    filtered = images.copy()
    filtered[:, :, 1:] -= images[:, :, :-1]
    return filtered


def blob(arrays: Mapping[str, Packed]) -> tuple[list[dict[str, Any]], str]:
    """Return the index of some arrays, and their bytes, one behind the other, in base64."""
    index = [
        {"name": name, "dtype": one.dtype, "shape": one.shape, "channels": one.channels, "bytes": len(one.deflated)}
        for name, one in arrays.items()
    ]
    return index, base64.b64encode(b"".join(one.deflated for one in arrays.values())).decode()
