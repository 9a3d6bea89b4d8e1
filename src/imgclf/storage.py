"""Writing to disk: a file appears whole or not at all, and what the system refuses is one clear line."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgclf.errors import StorageError

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # as mkstemp names them


def write_whole(path: Path, content: bytes, keep: Path | None = None) -> None:
    """Write a file under another name beside it, then rename: readers see all of it or nothing.

    What was there before is replaced, or becomes the file `keep` of the same folder.
    """
    with storage(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o666 & ~umask())
            if keep is not None and path.exists():
                path.replace(keep)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
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


def umask() -> int:
    """Return which permissions new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
