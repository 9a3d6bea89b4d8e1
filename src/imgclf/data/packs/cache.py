"""Cache of decoded images and of features in the user's cache folder.

The key of an entry is a SHA-256 over the bytes of all image files, not over their names, paths or times; or over the
images and all that their features are computed by.

The folder is $XDG_CACHE_HOME/imgclf, else ~/Library/Caches/imgclf on macOS and ~/.cache/imgclf elsewhere;
IMGCLF_CACHE=0 turns it off. It may be removed at any time. When an entry is made, those unused for a month are removed,
and then the least recently used ones, until all are within IMGCLF_CACHE_LIMIT gigabytes.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from imgclf.data.dataset import Dataset
from imgclf.data.packs.pack import array_file, is_pack, open_pack, read_index
from imgclf.data.packs.writer import Content, write_pack
from imgclf.errors import DataError, StorageError, UsageError
from imgclf.files.npy import hold
from imgclf.files.writing import lock, open_own, remove_litter
from imgclf.machine.progress import Progress, report

if TYPE_CHECKING:
    from imgclf.data.sources._class_folders import Listing

_SPLIT = "train"  # the only split of an entry
_LOCK = ".lock"  # held by the writer of an entry
_BEGUN = ".begun"  # suffix of an entry that is being made, or was, by a process that was stopped
_OURS = re.compile(r"[0-9a-f]{64}(\.begun)?")
_MONTH = 30 * 24 * 3600
_LIMIT = "IMGCLF_CACHE_LIMIT"
_USUAL_LIMIT = 10  # GB
_A_MOMENT = 0.1  # seconds


def cache_folder() -> Path | None:
    """Return the cache folder; None if the cache is turned off or there is no home."""
    if os.environ.get("IMGCLF_CACHE") == "0":
        return None
    try:
        usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
        around = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual)
    except RuntimeError:  # no home
        return None
    return around / "imgclf" if around.is_absolute() else None  # XDG: ignore a relative path


def limit() -> float:
    """Return how many bytes the cache may hold; raises UsageError if the variable does not say it."""
    value = os.environ.get(_LIMIT, "")
    try:
        gigabytes = float(value or _USUAL_LIMIT)
    except ValueError:
        gigabytes = -1
    if not gigabytes >= 0:
        remedy = f"set it to a number of gigabytes, such as {_USUAL_LIMIT}"
        raise UsageError(_LIMIT, f"{value!r} is not a number from 0 up", remedy)
    return gigabytes * 1e9


def through_cache(listing: "Listing") -> Dataset:
    """Return the images of a listing; without a cache, the files are not hashed."""
    if cache_folder() is None:
        images = listing.content().in_memory(listing.folder)
    else:
        images = kept(*listing.proven(), listing.folder)
    return replace(images, paths=listing.files, input_format=listing.input_format)


def kept(key: str, content: Callable[[], Content], where: object) -> Dataset:
    """Return the entry of a key, made now if there is none; read into memory without a cache or room for it.

    where   names the data in the error when memory is short

    Goes on where a process was stopped; waits where another one is making the entry. An entry that is damaged or has
    another key is replaced.
    """
    if (found := in_cache(key)) is not None:
        return found
    made, folder = content(), cache_folder()
    if folder and _has_room(folder, made.nbytes):
        found = _make(folder, key, made)
    return found or made.in_memory(where)


def in_cache(key: str) -> Dataset | None:
    """Return the entry of a key; None if there is none."""
    folder = cache_folder()
    return _find(folder / key, key) if folder else None


def _make(folder: Path, key: str, content: Content) -> Dataset | None:
    """Write an entry under another name, then rename it; without space or permission after all, return None."""
    begun = folder / f"{key}{_BEGUN}"
    found = None
    try:
        _make_room(folder, content.nbytes, begun)
        begun.mkdir(mode=0o700, exist_ok=True)
        with open_own(begun / _LOCK) as file:
            with suppress(OSError):  # a file system without locks
                _wait_for(file)
            if (found := _find(folder / key, key)) is None:
                if not _goes_on(begun / key, key):
                    _remove(begun / key)
                (begun / key).mkdir(exist_ok=True)
                remove_litter(begun / key)
                for _ in write_pack(begun / key, {_SPLIT: content}, key):
                    pass
                _replace(begun / key, folder / key, aside=begun / "damaged")
    except (OSError, StorageError):
        pass
    except DataError:  # of the images: nothing to go on with
        _remove(begun)
        raise
    _remove(begun)
    return found or _find(folder / key, key)


def _goes_on(entry: Path, key: str) -> bool:
    """Whether there is no entry yet, or an unfinished one of this key, which can be read."""
    try:
        return not is_pack(entry) or read_index(entry).fingerprint == key
    except DataError:
        return False


def _wait_for(file: IO[bytes]) -> None:
    """Lock a file; while another process has the lock, wait."""
    if not lock(file):
        report(Progress("waiting for another process", 0, None, "entry"))
        while not lock(file):
            time.sleep(_A_MOMENT)


def _has_room(folder: Path, nbytes: int) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= 2 * nbytes  # leave room for the user
    except OSError:
        return False


def _find(entry: Path, key: str) -> Dataset | None:
    try:
        if not is_pack(entry) or read_index(entry).fingerprint != key:
            return None
        found = open_pack(entry, [_SPLIT])[_SPLIT]
    except (DataError, StorageError, KeyError):
        return None
    with suppress(OSError):  # a file system without locks
        hold(found.images)
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(entry)  # used today
    return found


def _replace(new: Path, entry: Path, aside: Path) -> None:
    if os.path.lexists(entry):
        entry.rename(aside)
    new.rename(entry)


def _make_room(folder: Path, nbytes: int, begun: Path) -> None:
    """Remove entries unused for a month, then the least recently used ones, until `nbytes` more are within the limit.

    An entry that is `begun`, or in use, stays.
    """
    names = [path for path in folder.iterdir() if _OURS.fullmatch(path.name) and path != begun]
    entries = sorted((path.lstat().st_mtime, path, _size(path)) for path in names)
    excess = nbytes + sum(size for _, _, size in entries) - limit()
    for used, entry, size in entries:
        if (excess > 0 or time.time() - used > _MONTH) and not _is_in_use(entry):
            _remove(entry)
            excess -= size


def _remove(entry: Path) -> None:
    """Remove a folder, and nothing else: `rmtree` opens what it is given, and a pipe may not open for ever."""
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)


def _size(entry: Path) -> int:
    return sum(path.lstat().st_size for path in entry.rglob("*"))


def _is_in_use(entry: Path) -> bool:
    """Whether a process reads or writes an entry, and so has locked one of its files."""
    for path in (entry / _LOCK, array_file(entry, _SPLIT, "images")):
        with suppress(OSError), open_own(path, 0) as file:  # no such file, or no locks: whoever reads keeps the bytes
            if not lock(file):
                return True
    return False
