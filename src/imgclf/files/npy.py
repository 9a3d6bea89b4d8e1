"""Map .npy files after checking their headers."""

import io
import math
import tokenize
import warnings
from mmap import mmap
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imgclf.errors import DataError
from imgclf.files.reading import open_regular, size_of

_KINDS = "biufUS"  # bool, integers, floats, text: without pointers or code
_LONGEST_HEADER = 10_000  # numpy's own limit
_MOST = 1 << 48  # rows, or columns: more than any disk holds
# The header is a Python literal; parsing a broken one raises any of these.
_BROKEN_HEADER = (
    *(ValueError, KeyError, TypeError, SyntaxError, IndexError, AttributeError, OverflowError),
    *(MemoryError, RecursionError, tokenize.TokenError, Warning),
)


class Header(NamedTuple):
    """The header of a .npy file."""

    shape: tuple[int, ...]
    fortran: bool  # columns first
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """The size of the data that follows."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: IO[bytes], where: object, remedy: str) -> Header:
    """Read and check the header at the beginning of a stream; the data follows."""
    read = {2: npy.read_array_header_1_0, 4: npy.read_array_header_2_0}
    try:
        width = {(1, 0): 2, (2, 0): 4}[npy.read_magic(stream)]
        length = stream.read(width)
        if int.from_bytes(length, "little") > _LONGEST_HEADER:  # numpy would reserve as much first
            raise ValueError("a long header")
        text = io.BytesIO(length + stream.read(int.from_bytes(length, "little")))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns where it repairs a header
            shape, fortran, dtype = read[width](text)
    except _BROKEN_HEADER as error:
        raise DataError(where, "is not an array of numpy", remedy) from error
    if dtype.kind not in _KINDS or dtype.itemsize == 0 or dtype.subdtype is not None:
        raise DataError(where, f"is of type {str(dtype)[:40]}, not numbers or text", remedy)
    if not all(type(n) is int and 0 <= n < _MOST for n in shape) or len(shape) > 8:
        raise DataError(where, f"has the shape {str(shape)[:60]}", remedy)
    return Header(shape, fortran, dtype)


def header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the header of an array, rows first."""
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
    return stream.getvalue()


def map_npy(path: Path, remedy: str) -> NDArray[Any]:
    """Map an array into memory, read-only: pages are loaded when used, and dropped when memory is short.

    Raises DataError where the size of the file does not match its header, or the array is empty, columns first,
    in the byte order of other machines, or not of integers or floats.
    """
    with open_regular(path) as file:
        header = read_header(file, path, remedy)
        if file.tell() + header.nbytes != size_of(file):
            problem = f"{size_of(file):,} bytes do not fit its header, {header.dtype} {header.shape}"
            raise DataError(path, problem, remedy)
        shape, fortran, dtype = header
        if fortran or not dtype.isnative or dtype.kind not in "iuf" or header.nbytes == 0:
            raise DataError(path, f"cannot be mapped: {dtype.str} {shape}, fortran_order {fortran}", remedy)
        mapped = np.memmap(file, dtype, "r", file.tell(), shape)
    mapped.filename = str(path)
    return np.asarray(mapped)  # a plain array, which is faster to index; its base is the map


def check_whole(array: NDArray[Any]) -> None:
    """Raise DataError if the file of an array from `map_npy` has become shorter since.

    Reading beyond the end kills the process (SIGBUS): call this shortly before reading.
    """
    mapped = array.base
    if not isinstance(mapped, np.memmap) or not isinstance(mapped.base, mmap):
        return
    if mapped.base.size() < mapped.offset + mapped.nbytes:
        raise DataError(mapped.filename, "became shorter while it was in use", "make it again")


def mapped_file(array: NDArray[Any]) -> Path | None:
    """Return the file from which `map_npy` mapped an array; None for an array in memory."""
    name = array.base.filename if isinstance(array.base, np.memmap) else None
    return None if name is None else Path(name)
