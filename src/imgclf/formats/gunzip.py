"""Decompress gzip files in large pieces.

Python's own reader takes 8 KB at a time, each with some calls, a copy, and a wait for the interpreter's lock. And its
zlib takes twice the time of ISA-L, which has the same interface.
"""

from typing import IO

try:
    from isal import isal_zlib as inflater
except ImportError:  # there is no wheel of it for this processor
    import zlib as inflater  # type: ignore[no-redef]  # the same interface

_PIECE = 1 << 18  # compressed bytes at a time
_MOST_PARTS = 10_000  # one after the other in a file; each costs a copy of what follows it in a piece
_GZIP = inflater.MAX_WBITS + 16  # with its header, and the checksum at its end


class Gunzip:
    """A gzip file; raises ValueError where it is damaged or has too many parts, EOFError where it is cut off."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._packed = b""
        self._inflate = inflater.decompressobj(_GZIP)
        self._parts = 1

    def read(self, count: int) -> bytes:
        """Return the next bytes, from 1 to `count` of them; none at the end, when all checksums were right."""
        while not self._inflate.eof or self._next_part():
            packed = self._packed or self._file.read(_PIECE)
            try:
                given = self._inflate.decompress(packed, count)
            except inflater.error as error:  # type: ignore[misc]  # isal's stubs call it an instance
                raise ValueError(str(error)) from error
            self._packed = self._inflate.unconsumed_tail
            if given:
                return given
            if not packed and not self._inflate.eof:
                raise EOFError("cut off")
        return b""

    def readinto(self, target: memoryview) -> int:
        """Read the next bytes into the target, at most as many as it has; return how many, 0 at the end."""
        given = self.read(len(target))
        target[: len(given)] = given
        return len(given)

    def _next_part(self) -> bool:
        """Begin with the next part, if there is one; there may be zeros before it."""
        rest = self._inflate.unused_data.lstrip(b"\0")
        while not rest:
            if not (piece := self._file.read(_PIECE)):
                return False
            rest = piece.lstrip(b"\0")
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ValueError(f"more than {_MOST_PARTS:,} parts")
        self._packed, self._inflate = rest, inflater.decompressobj(_GZIP)
        return True
