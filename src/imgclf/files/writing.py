"""Write files atomically, never through links; lock and sync."""

import errno
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from imgclf.errors import StorageError, UsageError

UNFINISHED = ".imgclf-unfinished-"  # begins the names of files and folders that have not got their own name yet
_UNFINISHED = re.compile(re.escape(UNFINISHED) + "[0-9a-f]{8}")
_NEW = os.O_CREAT | os.O_EXCL
_NOT_SUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def unfinished(folder: Path) -> Path:
    """Return a new name for a file or folder that is renamed once it is whole."""
    return folder / f"{UNFINISHED}{token_hex(4)}"


def is_unfinished(path: Path) -> bool:
    """Whether a path has a name that `unfinished` gives."""
    return bool(_UNFINISHED.fullmatch(path.name))


def open_own(path: Path, create: int = os.O_CREAT) -> IO[bytes]:
    """Open a file of imgclf's own for reading and writing; imgclf opens none for writing in another way.

    Whoever sends a folder may have put a link, a pipe or a device where a file of ours is to be. So no link is
    followed, and only a regular file that has no other name is opened: whatever else is there stays as it is. `create`
    is O_CREAT to make a file that is missing, O_CREAT | O_EXCL to make a new one, or 0. Raises OSError.
    """
    flags = os.O_RDWR | create
    # O_NONBLOCK, or opening a pipe would wait for its reader.
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        number = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) and path.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link, and imgclf writes through none") from error
        raise
    seen = os.fstat(number)
    if stat.S_ISREG(seen.st_mode) and seen.st_nlink <= 1:
        return os.fdopen(number, "r+b")
    os.close(number)
    if stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EMLINK, "the file has another name, too (a hard link)")
    raise FileExistsError(errno.EEXIST, "not a regular file")


def write_whole(path: Path, content: bytes, keep: Path | None = None) -> None:
    """Write a file under another name beside it, then rename: readers see all of it or nothing.

    What was there before is replaced, or becomes the file `keep` of the same folder.
    """
    temporary = unfinished(path.parent)  # known before it is made: a signal may come between
    with translate_os_errors(path):
        try:
            with open_own(temporary, _NEW) as file:
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


def lock(file: IO[Any]) -> bool:
    """Lock an open file by the kernel; return False where another process has the lock.

    It ends when the file is closed or the process ends, however it ends. Raises OSError on a file system without locks.
    """
    if sys.platform == "win32":  # which has no such locks
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno in _NOT_SUPPORTED | {errno.ENOLCK}:
            problem = "the file system has no locks, which keep two processes from writing here at once"
            raise OSError(errno.ENOLCK, problem) from error
        raise
    return True


def remove_litter(folder: Path) -> None:
    """Remove the unfinished files of writers that were killed; nobody else may be writing there."""
    with translate_os_errors(folder):
        for path in folder.iterdir():
            if is_unfinished(path) and path.is_file():
                path.unlink()


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Raise StorageError for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        raise StorageError.of(path, error) from error


def check_out(out: Path, option: str = "--out") -> None:
    """Refuse a directory that holds something: nothing of the user's is ever overwritten."""
    with translate_os_errors(out):
        for parent in out.parents:
            if parent.exists() and not parent.is_dir():
                raise UsageError(option, f"{parent} is not a folder", "name another place")
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(option, f"{out} exists and is not an empty folder", "name another, or move it away")


def make_folder(out: Path) -> Path:
    """Make a folder for results, where nothing is or an empty one."""
    check_out(out)
    with translate_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs alike; a number that is not finite is a bug and raises."""
    write_whole(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """Return JSON as it is written to files; what is no valid text, such as a path may hold, is escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace")
