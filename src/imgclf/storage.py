"""Writing to disk: a file appears whole or not at all, one process writes, and what the system refuses is one line."""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from imgclf.errors import StorageError

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}")


def write_whole(path: Path, content: bytes, keep: Path | None = None) -> None:
    """Write a file under another name beside it, then rename: readers see all of it or nothing.

    What was there before is replaced, or becomes the file `keep` of the same folder.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")  # known before it is made: a signal may come between
    with storage(path):
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if keep is not None and path.exists():
                path.replace(keep)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, safe on the disk."""
    if sys.platform == "win32":  # where folders cannot be opened
        return
    with storage(path):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def lock(file: IO[Any]) -> bool:
    """Take the kernel's lock of an open file; return False where another process has it.

    It ends when the file is closed or the process ends, however it ends. Raises OSError on a file system without locks.
    """
    if sys.platform == "win32":  # which has no such locks
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True


def remove_litter(folder: Path) -> None:
    """Remove what writers left that were killed on the way; nobody else may be writing there."""
    with storage(folder):
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink()


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one clear line."""
    try:
        yield
    except OSError as error:
        raise StorageError.of(path, error) from error
