"""Read .npz files without unpickling."""

import errno
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from imgclf.errors import DataError, excerpt
from imgclf.files.npy import Header, read_array, read_header
from imgclf.files.reading import inflated_limit, open_regular, shown, size_of
from imgclf.machine.memory import require_memory

_REMEDY = "write it with numpy.savez"

# RuntimeError: encrypted. NotImplementedError, its subclass: another compression. The rest: false header fields.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, IndexError)


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays in a file, in its order."""
    with _archive(path) as (archive, _):
        return list(_members(archive, path))


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read the named arrays, or all: bool, integers, floats or text, in the byte order of this machine.

    Other arrays are not read. Raises DataError where one is missing, has another type, does not match its header, or
    announces more than can be in the file; StorageError for more than memory holds.
    """
    with _archive(path) as (archive, size):
        members = _members(archive, path)
        missing = sorted(set(names or ()) - set(members))
        if missing:
            raise DataError(path, f"has no array {missing[0]!r}", _REMEDY)
        chosen = members if names is None else {name: members[name] for name in names}
        announced = sum(info.file_size for info in chosen.values())
        if announced > inflated_limit(size):
            raise DataError(path, "announces more bytes than can be in the file", _REMEDY)
        require_memory(announced, path)
        return {name: _array(archive, info, size, f"{path}: {name}") for name, info in chosen.items()}


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, int]]:
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive, size_of(file)
        except (*_BROKEN_ZIP, OSError) as error:
            # EINVAL: a false offset, before the beginning of the file.
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            raise DataError(path, f"damaged, or not an npz file ({excerpt(error)})", _REMEDY) from error


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename or not name.isprintable() or {"", ".", ".."} & set(name.split("/")):
            raise DataError(path, f"its member {shown(info.filename)} is not the name of an array", _REMEDY)
        if name in members:
            raise DataError(path, f"holds {name!r} twice", _REMEDY)
        members[name] = info
    return members


@contextmanager
def _opened(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int, where: str
) -> Iterator[tuple[IO[bytes], Header]]:
    """Yield a stream of the data of an array, and its header, which matches the size of the data."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(where, "compressed in a way that numpy does not use", _REMEDY)
    if info.compress_size > size or info.file_size > inflated_limit(info.compress_size):
        raise DataError(where, f"announces {info.file_size:,} bytes, more than can be in the file", _REMEDY)
    with archive.open(info) as stream:
        header = read_header(stream, where, _REMEDY)
        if header.nbytes != info.file_size - stream.tell():
            problem = f"{info.file_size:,} bytes do not fit its header, {header.dtype} {header.shape}"
            raise DataError(where, problem, _REMEDY)
        yield stream, header


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int, where: str) -> NDArray[Any]:
    with _opened(archive, info, size, where) as (stream, header):
        return read_array(stream, header, where, _REMEDY)
