"""Write files atomically, never through links; lock and sync."""

import errno
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from imgclf.errors import StorageError, UsageError

UNFINISHED = ".imgclf-unfinished-"  # prefix of files and folders that are still being written
_UNFINISHED = re.compile(re.escape(UNFINISHED) + "[0-9a-f]{8}")
_NEW = os.O_CREAT | os.O_EXCL
_NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def unfinished(folder: Path) -> Path:
    """Return a new temporary name for a file or folder that is renamed once it is complete."""
    return folder / f"{UNFINISHED}{token_hex(4)}"


def is_unfinished(path: Path) -> bool:
    """Whether a path has a name that `unfinished` gives."""
    return bool(_UNFINISHED.fullmatch(path.name))


def open_own(path: Path, create: int = os.O_CREAT) -> IO[bytes]:
    """Open one of imgclf's own files for reading and writing; all files that imgclf writes are opened here.

    A folder from a stranger may hold a link, a pipe or a device in place of such a file. So no link is followed, and
    only a regular file without hard links is opened; anything else stays unchanged. `create` is O_CREAT to make a
    missing file, O_CREAT | O_EXCL to make a new one, or 0. Raises OSError.
    """
    flags = os.O_RDWR | create
    # O_NONBLOCK, or opening a pipe would wait for its reader.
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        number = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) and path.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link; imgclf does not write through links") from error
        raise
    seen = os.fstat(number)
    if stat.S_ISREG(seen.st_mode) and seen.st_nlink <= 1:
        return os.fdopen(number, "r+b")
    os.close(number)
    if stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EMLINK, "the file has another name (a hard link)")
    raise FileExistsError(errno.EEXIST, "not a regular file")


def write_whole(path: Path, content: bytes, keep: Path | None = None) -> None:
    """Write a temporary file, then rename it: readers see the whole file or nothing.

    A file that was there is replaced, or renamed to `keep`, in the same folder.
    """
    write_parts(path, [content], keep)


def write_parts(path: Path, parts: Iterable[bytes], keep: Path | None = None) -> None:
    """Write the parts of a file one after the other, as `write_whole` does."""
    temporary = unfinished(path.parent)  # named before it is made: a signal may come in between
    with translate_os_errors(path):
        try:
            with open_own(temporary, _NEW) as file:
                file.writelines(parts)
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
    """Flush a file, or the names in a folder, to the disk."""
    if sys.platform == "win32":  # where folders cannot be opened
        return
    with translate_os_errors(path):
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.fsync(number)
        except OSError as error:
            # CIFS, VirtualBox and others sync files, but refuse it for folders.
            if error.errno not in _NOT_SUPPORTED or not stat.S_ISDIR(os.fstat(number).st_mode):
                raise
        finally:
            os.close(number)


def lock(file: IO[Any] | int, *, shared: bool = False) -> bool:
    """Lock an open file by the kernel, alone or with others that share it; return False where another has the lock.

    The lock ends when the file is closed or the process ends. Raises OSError on a file system without locks.
    """
    no_locks = OSError(errno.ENOLCK, "the file system has no locks, which keep two processes from writing here at once")
    try:
        import fcntl

        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except ImportError as error:  # Windows
        raise no_locks from error
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno in _NOT_SUPPORTED | {errno.ENOLCK}:
            raise no_locks from error
        raise
    return True


def remove_litter(folder: Path) -> None:
    """Remove temporary files of killed processes; no other process may be writing there."""
    with translate_os_errors(folder):
        for path in folder.iterdir():
            if is_unfinished(path) and path.is_file():
                path.unlink()


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Raise StorageError for an OSError."""
    try:
        yield
    except OSError as error:
        raise StorageError.of(path, error) from error


def check_out(out: Path, option: str = "--out") -> None:
    """Refuse a directory that is not empty: files of the user are never overwritten."""
    with translate_os_errors(out):
        for parent in out.parents:
            if parent.exists() and not parent.is_dir():
                raise UsageError(option, f"{parent} is not a folder", "choose another path")
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(option, f"{out} exists and is not an empty folder", "name another, or move it away")


def check_new_file(out: Path, option: str = "--out") -> None:
    """Refuse a file that exists: files of the user are never overwritten."""
    with translate_os_errors(out):
        if os.path.lexists(out):
            raise UsageError(option, f"{out} exists", "name another file, or move it away")
        if not out.parent.is_dir():
            raise UsageError(option, f"there is no folder {out.parent}", "make it first")


def make_folder(out: Path, option: str = "--out") -> Path:
    """Make a folder for results; it may exist if it is empty."""
    check_out(out, option)
    with translate_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON; a number that is not finite raises ValueError: it is a bug."""
    write_whole(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """Return JSON as bytes; what is not valid Unicode, as in some paths, is escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace")
