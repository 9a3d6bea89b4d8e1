"""Read IDX files, the format of MNIST."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.errors import DataError
from imgclf.formats.files import fill, inflated_limit, open_regular, size_of, storage_errors
from imgclf.formats.gunzip import Gunzip
from imgclf.memory import require_memory

_REMEDY = "download the file again"


def read_idx(path: Path, dimensions: int, seen: Callable[[Any], object] | None = None) -> ByteArray:
    """Read a file of unsigned bytes with this many dimensions: 3 for images (N, H, W), 1 for labels (N,).

    The header is `00 00 08 dimensions`, then each dimension as four bytes, the highest first; the data
    that it announces must be there exactly, not a byte more or less. `seen` is given all bytes of the file, as they
    lie on the disk, such as the `update` of a hash.
    """
    with _opened(path, dimensions, seen) as (stream, shape):
        announced = math.prod(shape)
        require_memory(announced, path)
        data = np.empty(shape, np.uint8)
        there = fill(stream, memoryview(data.reshape(-1)))  # type: ignore[arg-type]
        if there != announced:
            raise DataError(path, f"ends after {there:,} of {_times(shape)} = {announced:,} bytes", _REMEDY)
        if stream.read(1):
            raise DataError(path, f"goes on after its {_times(shape)} bytes", _REMEDY)
        return data


class _Watched:
    """A file that shows to a function what is read from it."""

    def __init__(self, file: IO[bytes], seen: Callable[[Any], object]) -> None:
        self._file, self._seen = file, seen

    def read(self, count: int) -> bytes:
        """Return the next bytes, at most `count`."""
        given = self._file.read(count)
        self._seen(given)
        return given

    def readinto(self, target: memoryview) -> int:
        """Read into the target; return how many bytes."""
        count = int(self._file.readinto(target))  # type: ignore[attr-defined]
        self._seen(target[:count])
        return count


@contextmanager
def _opened(
    path: Path, dimensions: int, seen: Callable[[Any], object] | None = None
) -> Iterator[tuple[IO[bytes], tuple[int, ...]]]:
    """Give the data, unzipped, and the shape that the header before it announces."""
    with open_regular(path) as file, storage_errors(path):
        size = size_of(file)
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        watched = file if seen is None else cast(IO[bytes], _Watched(file, seen))
        stream = cast(IO[bytes], Gunzip(watched)) if zipped else watched
        try:
            header = bytearray(4 + 4 * dimensions)
            there = fill(stream, memoryview(header))
            shape = _shape(bytes(header[:there]), dimensions, path)
            # Python's integers do not overflow.
            if math.prod(shape) > (inflated_limit(size) if zipped else size):
                raise DataError(path, f"announces {_times(shape)} bytes, more than can be in the file", _REMEDY)
            yield stream, shape
        except (ValueError, EOFError) as error:
            raise DataError(path, f"its gzip data is damaged ({error})", _REMEDY) from error


def _shape(header: bytes, dimensions: int, path: Path) -> tuple[int, ...]:
    magic = bytes([0, 0, 8, dimensions])
    if header[:3] == magic[:3] and header[3:4] in (b"\x01", b"\x03") and header[:4] != magic:
        kinds = {1: "labels", 3: "images"}
        problem = f"holds {kinds[header[3]]}, {kinds.get(dimensions, 'other data')} belong here"
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
