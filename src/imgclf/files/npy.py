"""Map and read .npy files after checking their headers."""

import io
import math
import os
import tokenize
import warnings
import weakref
from mmap import mmap
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, IntArray
from imgclf.errors import DataError
from imgclf.files.reading import fill, open_regular, size_of
from imgclf.files.writing import lock, translate_os_errors
from imgclf.machine.memory import require_memory

# Pages of a mapped file that were touched count as memory of the process. Rows of larger files are read instead.
LARGEST_TOUCHED = 256 << 20  # bytes
_REMEDY = "write it with numpy.save"
_KINDS = "biufUS"  # bool, integers, floats, text: without pointers or code
_LONGEST_HEADER = 10_000  # numpy's own limit
_MOST = 1 << 48  # rows, or columns: more than any disk holds
# The header is a Python literal; parsing a broken one raises any of these.
_BROKEN_HEADER = (
    *(ValueError, KeyError, TypeError, SyntaxError, IndexError, AttributeError, OverflowError),
    *(MemoryError, RecursionError, tokenize.TokenError, Warning),
)


class _Map(np.memmap[Any, np.dtype[Any]]):
    """A map, and the open file that rows can be read from."""

    path: Path
    descriptor: int


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
        names = " (names become text by .astype(str))" * (dtype.kind == "O")  # of pandas, for example
        raise DataError(where, f"is of type {str(dtype)[:40]}, not numbers or text{names}", remedy)
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
        if header.nbytes == 0:
            raise DataError(path, f"it holds no numbers: {dtype.str} {shape}", remedy)
        if fortran or not dtype.isnative or dtype.kind not in "iuf":
            raise DataError(path, f"cannot be mapped: {dtype.str} {shape}, fortran_order {fortran}", remedy)
        mapped = _Map(file, dtype, "r", file.tell(), shape)
        mapped.descriptor = os.dup(file.fileno())
    weakref.finalize(mapped, os.close, mapped.descriptor)
    mapped.path = path
    return np.asarray(mapped)  # a plain array, which is faster to index; its base is the map


def hold(array: NDArray[Any]) -> None:
    """Share a lock on the file of an array from `map_npy` until the array is gone: it is in use."""
    mapped = _map_of(array)
    if mapped is not None:
        lock(mapped.descriptor, shared=True)


def read_npy(path: Path) -> NDArray[Any]:
    """Map an array of numbers; read one of text or booleans.

    Raises DataError as `map_npy` does, with the code that converts an array stored in another order.
    """
    with open_regular(path) as file:
        header = read_header(file, path, _REMEDY)
        if header.fortran or not header.dtype.isnative:
            order = "columns first" if header.fortran else "in the byte order of other machines"
            native = header.dtype.newbyteorder("=").name
            remedy = f"numpy.save({path.name!r}, numpy.ascontiguousarray(numpy.load({path.name!r}), {native!r}))"
            raise DataError(path, f"stored {order}", f"store it again: {remedy}")
        if header.dtype.kind in "bUS":
            if file.tell() + header.nbytes != size_of(file):
                problem = f"{size_of(file):,} bytes do not fit its header, {header.dtype} {header.shape}"
                raise DataError(path, problem, _REMEDY)
            return read_array(file, header, path, _REMEDY)
    return map_npy(path, _REMEDY)


def read_array(stream: IO[bytes], header: Header, where: object, remedy: str) -> NDArray[Any]:
    """Read the data that follows a header, to the end of the stream; in the byte order of this machine."""
    shape, fortran, dtype = header
    require_memory(header.nbytes, where)
    flat = np.empty(math.prod(shape), dtype)
    # Read one byte more: zipfile compares the checksum at the end of the stream.
    if fill(stream, memoryview(flat.view(np.uint8))) != header.nbytes or stream.read(1):  # type: ignore[arg-type]
        raise DataError(where, "is cut off", remedy)
    if dtype.kind == "U":
        _check_text(flat, where, remedy)
    array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _check_text(flat: NDArray[Any], where: object, remedy: str) -> None:
    # numpy does not check, and Python raises much later, at the first invalid character.
    codes = flat.view(flat.dtype.str[0] + "u4")
    if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
        raise DataError(where, "is not valid text", remedy)


def take_rows(array: NDArray[Any], rows: IntArray, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Copy rows (n,) of an array (N, ...), all of them within it; from a large mapped file, rows are read.

    Raises DataError if the file has become shorter since it was mapped.
    """
    mapped = _map_of(array)
    if mapped is None or in_place(array) or not array.flags.c_contiguous:
        check_whole(array)
        # All rows are within the array; without a mode, NumPy fills `out` by way of a copy.
        return np.take(array, rows, axis=0, out=out, mode="clip")
    taken = np.empty((len(rows), *array.shape[1:]), array.dtype) if out is None else out
    _read_rows(mapped, _address(array) - _address(mapped) + mapped.offset, rows, taken)
    return taken


def in_place(array: NDArray[Any]) -> bool:
    """Whether rows may be read where they are, after `check_whole`: they lie one after the other, in no large file."""
    return array.flags.c_contiguous and (_map_of(array) is None or array.nbytes <= LARGEST_TOUCHED)


def _read_rows(mapped: _Map, begin: int, rows: IntArray, out: NDArray[Any]) -> None:
    """Read rows into `out`, each run of consecutive ones at once; `begin` is the place of row 0 in the file."""
    size = out[:1].nbytes
    whole, numbers = out.reshape(-1).view(np.uint8), rows.astype(np.int64)
    starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
    with translate_os_errors(mapped.path):
        for start, stop, row in zip(starts, [*starts[1:], len(rows)], numbers[starts], strict=False):
            part = whole[start * size : stop * size]
            if _read_at(mapped.descriptor, begin + int(row) * size, part) != part.size:
                raise _became_shorter(mapped)


def _read_at(descriptor: int, begin: int, out: ByteArray) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [out], begin)  # type: ignore[list-item]
    read = os.pread(descriptor, out.size, begin)  # macOS before 11
    out[: len(read)] = np.frombuffer(read, np.uint8)
    return len(read)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _map_of(array: NDArray[Any]) -> _Map | None:
    """Return the map that an array is a view of; None for an array in memory."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, _Map) and isinstance(base.base, mmap):
            return base
        base = base.base
    return None


def _became_shorter(mapped: _Map) -> DataError:
    return DataError(mapped.path, "became shorter while it was in use", "make it again")


def check_whole(array: NDArray[Any]) -> None:
    """Raise DataError if the file of an array from `map_npy` has become shorter since.

    Reading beyond the end kills the process (SIGBUS): call this shortly before reading.
    """
    mapped = _map_of(array)
    if mapped is not None and isinstance(mapped.base, mmap) and mapped.base.size() < mapped.offset + mapped.nbytes:
        raise _became_shorter(mapped)


def mapped_file(array: NDArray[Any]) -> Path | None:
    """Return the file from which `map_npy` mapped an array; None for an array in memory."""
    mapped = _map_of(array)
    return None if mapped is None else mapped.path
