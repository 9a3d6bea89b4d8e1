"""Read members of a .tar or .tar.gz without extracting."""

import io
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from imgclf.errors import DataError, excerpt
from imgclf.files.gunzip import BROKEN_GZIP, unzipped
from imgclf.files.reading import MAX_BYTES, open_regular, size_of
from imgclf.machine.memory import require_memory

_PIECE = 1 << 18  # bytes at a time: larger pieces are copied once more in memory
_MAX_MEMBERS = 10_000
_MOST_UNPACKED = 200  # bytes from one, if more than MAX_BYTES in all: images are compressed to a half or a tenth
_FIRST = 20  # members that identify an archive; a system may add some of its own
# Members that describe the next one: long names, attributes. The time in which tarfile reads one grows with the square
# of its length (until Python 3.11.10 and 3.12.6), and they may follow each other.
_DESCRIBE_THE_NEXT = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_LONGEST_DESCRIPTION, _MOST_DESCRIPTIONS = 4096, 1 << 20  # bytes of one, and of all
_MOST_ENDS = 100  # reads at the end of the stream; a few are usual
_BROKEN_TAR = (*BROKEN_GZIP, tarfile.TarError, ValueError, IndexError, RecursionError)
_REMEDY = "download the archive again"


def read_members(path: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the named members found, in the archive's order, one in memory at a time.

    There may be a folder around them. Other members are ignored. A named one that is a link or a device, a duplicate
    or cut off raises DataError. The archive is read to its end, where its checksum is.
    """
    seen: set[str] = set()
    with _members(path) as (tar, stream):
        for count, member in enumerate(tar):
            name = member.name.removeprefix("./")
            around, _, within = name.partition("/")
            if name not in names and around not in ("", ".."):
                name = within
            if count == _MAX_MEMBERS:
                raise DataError(path, f"more than {_MAX_MEMBERS:,} members", "this is not the archive of a data set")
            if name not in names:
                continue
            where = f"{path}: {name}"
            if name in seen:
                raise DataError(where, "is in the archive twice", _REMEDY)
            seen.add(name)
            yield name, _content(tar, member, where)
        while stream.read(_PIECE):  # the checksum follows the last member
            pass


def find_folder(path: Path, names: Collection[str]) -> str | None:
    """Return which of these folders the first members of an archive are in, or None."""
    with _members(path) as (tar, _):
        for member in islice(tar, _FIRST):
            parts = [part for part in member.name.split("/") if part != "."]  # `tar czf x .` begins with "."
            if found := next((part for part in parts[:-1][:2] if part in names), None):
                return found
    return None


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, where: str) -> bytes:
    file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    if file is None:
        raise DataError(where, "is not a regular file in the archive", _REMEDY)
    if not 0 <= member.size <= MAX_BYTES:
        raise DataError(where, f"announces {member.size:,} bytes", _REMEDY)
    require_memory(member.size, where)
    # In pieces: a single read reserves all that the header announces. tarfile raises where less is there.
    return b"".join(iter(lambda: file.read(_PIECE), b""))


class _Capped:
    """A stream that raises DataError beyond a limit of bytes, or after many reads at its end."""

    def __init__(self, stream: io.BufferedIOBase, limit: int, path: Path) -> None:
        self.stream, self.left, self.path = stream, limit, path
        self.ends = 0

    def read(self, count: int) -> bytes:
        """Return the next bytes, at most `count`."""
        given = self.stream.read(count)
        self.left -= len(given)
        if self.left < 0:
            raise DataError(self.path, "decompresses to far more than the archive of a data set", _REMEDY)
        self.ends += not given
        # To skip a member of 2**60 bytes, tarfile would read at the end for years.
        if self.ends > _MOST_ENDS:
            raise DataError(self.path, "ends long before what its headers announce", _REMEDY)
        return given


def _checking_headers(path: Path) -> type[tarfile.TarInfo]:
    """Return a TarInfo class that checks the headers of one archive before tarfile uses them."""
    left = _MOST_DESCRIPTIONS

    class Header(tarfile.TarInfo):
        # What tarfile calls for every header, in all versions, before it reads what the header announces.
        def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
            nonlocal left
            if self.type in _DESCRIBE_THE_NEXT:
                left -= self.size
                if not 0 <= self.size <= _LONGEST_DESCRIPTION or left < 0:
                    raise DataError(path, f"announces {self.size:,} bytes of names and attributes", _REMEDY)
            elif self.type == tarfile.GNUTYPE_SPARSE:
                raise DataError(path, "holds a sparse file", _REMEDY)
            return super()._proc_member(tar)  # type: ignore[misc,no-any-return]

    return Header


@contextmanager
def _members(path: Path) -> Iterator[tuple[tarfile.TarFile, _Capped]]:
    with open_regular(path) as file:
        size = size_of(file)
        stream = unzipped(file)
        capped = _Capped(stream, size if stream is file else max(MAX_BYTES, _MOST_UNPACKED * size), path)
        try:
            # "r|": read front to back; headers cannot make it seek.
            header = _checking_headers(path)
            with tarfile.open(fileobj=capped, mode="r|", bufsize=_PIECE, tarinfo=header) as tar:  # type: ignore[call-overload]
                yield tar, capped
        except _BROKEN_TAR as error:
            problem = f"damaged, or not a tar archive ({excerpt(error)})"
            raise DataError(path, problem, "name a folder, or an archive as downloaded") from error
