"""Open and read regular files safely."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from imgclf.errors import DataError
from imgclf.files.writing import translate_os_errors

MAX_BYTES = 1 << 30  # no file of the data sets read here is larger
_CHUNK = 1 << 20
# What Git LFS leaves in place of a file that was not downloaded; its specification limits the size.
_POINTER, _LARGEST_POINTER = b"version https://git-lfs.github.com/spec/", 1024


def inflated_limit(compressed: int) -> int:
    """Return the most bytes that can be inflated from this many: deflate stores up to 258 in 2 bits."""
    return 1032 * compressed


def shown(text: str) -> str:
    """Return text of a file in quotes for an error, cut off after 40 characters; control characters become several."""
    quoted = repr(text[:40])
    return quoted if len(quoted) <= 42 else f"{quoted[:38]}...'"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise DataError where nothing is at a path, StorageError for other errors of the operating system."""
    with translate_os_errors(path):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(path, "no such file or folder", "check the path") from error
        except ValueError as error:
            # The only way here: a NUL character inside a path.
            raise DataError(repr(str(path)), "not a path", "check the path") from error
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise DataError(path, "a symbolic link that leads to itself", "remove it") from error


def kind_of(path: Path) -> Literal["file", "folder"]:
    """Return whether a path is a file or a folder, following links; raises DataError for anything else."""
    with reading(path):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    raise DataError(path, "neither a file nor a folder", "name a regular file or a folder")


def is_file(path: Path) -> bool:
    """Whether there is a regular file at a path, following links."""
    with reading(path):
        return path.is_file()


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """Open a regular file for `reading`; anything else (a pipe, a device) is refused without waiting for it."""
    with reading(path):
        # Opened before it is checked, so that nobody can swap the file in between; O_NONBLOCK, or a pipe would wait.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            os.close(number)
            if stat.S_ISDIR(mode):
                raise DataError(path, "a folder, not a file", "name the files in it")
            raise DataError(path, "not a regular file", "name a regular file")
        with os.fdopen(number, "rb") as file:
            if size_of(file) < _LARGEST_POINTER and file.peek(len(_POINTER)).startswith(_POINTER):
                raise DataError(path, "a Git LFS pointer: run `git lfs pull`", "it downloads the file")
            yield file


def size_of(file: IO[bytes]) -> int:
    """Return the size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a whole regular file of at most `limit` bytes."""
    with open_regular(path) as file:
        if size_of(file) > limit:
            raise DataError(path, f"{size_of(file):,} bytes, more than {limit:,}", "check the path")
        return file.read()


def fill(stream: IO[bytes] | io.BufferedIOBase, target: memoryview) -> int:
    """Read until the target is full or the stream ends; returns the number of bytes read.

    In pieces, because Python's decompressing streams copy all that one call reads.
    """
    done = 0
    while done < len(target):
        count = stream.readinto(target[done : done + _CHUNK])  # type: ignore[union-attr]
        if not count:
            break
        done += count
    return done
