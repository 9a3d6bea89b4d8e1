"""Read IDX files, the format of MNIST."""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.errors import DataError
from imgclf.files.gunzip import BROKEN_GZIP, unzipped
from imgclf.files.reading import fill, inflated_limit, open_regular, size_of
from imgclf.machine.memory import require_memory

_REMEDY = "download the file again"
_PIECE = 1 << 18  # bytes at a time


def read_idx(path: Path, dimensions: int, seen: Callable[[Any], object] | None = None) -> ByteArray:
    """Read a file of unsigned bytes with this many dimensions: 3 for images (N, H, W), 1 for labels (N,).

    The header is `00 00 08 dimensions`, then each dimension as four bytes, the highest first; the data
    that it announces must be there exactly, not a byte more or less. `seen`, such as the `update` of a
    hash, is called with all bytes of the file, still compressed.
    """
    with _opened(path, dimensions) as (file, stream, shape):
        announced = math.prod(shape)
        require_memory(announced, path)
        data = np.empty(shape, np.uint8)
        there = fill(stream, memoryview(data.reshape(-1)))  # type: ignore[arg-type]
        if there != announced:
            raise DataError(path, f"ends after {there:,} of {_times(shape)} = {announced:,} bytes", _REMEDY)
        if stream.read(1):
            raise DataError(path, f"has more than its {_times(shape)} bytes", _REMEDY)
        if seen is not None:
            file.seek(0)
            while piece := file.read(_PIECE):
                seen(piece)
        return data


@contextmanager
def _opened(path: Path, dimensions: int) -> Iterator[tuple[io.BufferedReader, io.BufferedIOBase, tuple[int, ...]]]:
    """Yield the open file, a stream of the data after its header, and the shape in the header."""
    with open_regular(path) as file:
        stream = unzipped(file)
        try:
            shape = _shape(stream.read(4 + 4 * dimensions), dimensions, path)
            size = size_of(file)
            # Python's integers do not overflow.
            if math.prod(shape) > (size if stream is file else inflated_limit(size)):
                raise DataError(path, f"announces {_times(shape)} bytes, more than can be in the file", _REMEDY)
            yield file, stream, shape
        except BROKEN_GZIP as error:
            raise DataError(path, f"its gzip data is damaged ({error})", _REMEDY) from error


def _shape(header: bytes, dimensions: int, path: Path) -> tuple[int, ...]:
    magic = bytes([0, 0, 8, dimensions])
    if header[:3] == magic[:3] and header[3:4] in (b"\x01", b"\x03") and header[:4] != magic:
        kinds = {1: "labels", 3: "images"}
        problem = f"holds {kinds[header[3]]}, expected {kinds.get(dimensions, 'other data')}"
        raise DataError(path, problem, "are the two files swapped?")
    if header[:4] != magic:
        raise DataError(path, f"begins with {header[:4]!r}, not {magic!r}: no IDX file of bytes", _REMEDY)
    if len(header) != 4 + 4 * dimensions:
        raise DataError(path, "ends within its header", _REMEDY)
    shape = tuple(int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4))
    if 0 in shape:
        raise DataError(path, f"holds {_times(shape)} bytes: nothing", _REMEDY)
    return shape


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
