"""Cache of decoded images and of features in the user's cache folder.

The key of an entry is a SHA-256 over the bytes of all image files, not over their names, paths or times; or over the
images and all that their features are computed by.

The folder is $XDG_CACHE_HOME/imgclf, else ~/Library/Caches/imgclf on macOS and ~/.cache/imgclf elsewhere;
IMGCLF_CACHE=0 turns it off. It may be removed at any time; entries unused for a month are removed.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from imgclf.data.dataset import Dataset
from imgclf.data.packs.pack import is_pack, open_pack, read_index
from imgclf.data.packs.writer import Content, write_pack
from imgclf.errors import DataError, StorageError
from imgclf.files.writing import lock, open_own
from imgclf.machine.progress import Progress, report

if TYPE_CHECKING:
    from imgclf.data.sources._class_folders import Listing

_SPLIT = "train"  # the only split of an entry
_NEW = ".new-"  # prefix of entries that are being written
_LOCK = ".lock"  # held by the writer of an entry
_BEGUN = ".begun"  # suffix of features that are being computed, or were, by a process that was stopped
_OURS = re.compile(r"\.new-.*|[0-9a-f]{64}(\.begun)?")
_MONTH = 30 * 24 * 3600
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


def through_cache(listing: "Listing") -> Dataset:
    """Return the images of a listing from the cache; else decode them, and cache them if possible.

    Without a cache the files are not hashed. An entry that is damaged or has another key is replaced.
    """
    return replace(_cached(listing), paths=listing.files)


def _cached(listing: "Listing") -> Dataset:
    folder = cache_folder()
    if folder is None:
        return listing.content().in_memory(listing.folder)
    key, content = listing.proven()
    found = _find(folder / key, key)
    if found is None:
        made = content()
        _keep(folder, key, made)
        found = _find(folder / key, key) or made.in_memory(listing.folder)
    return found


def kept(key: str, content: Content) -> Dataset | None:
    """Return the entry of a key, made now if there is none; None without a cache or room for it.

    Goes on where a process was stopped; waits where another one is making the entry.
    """
    folder = cache_folder()
    if folder is None:
        return None
    begun = folder / f"{key}{_BEGUN}"
    if (found := _find(folder / key, key)) or not _has_room(folder, content.nbytes):
        return found
    try:
        _remove_unused(folder)
        begun.mkdir(mode=0o700, exist_ok=True)
        with open_own(begun / _LOCK) as file:
            with suppress(OSError):  # a file system without locks
                _wait_for(file)
            if (found := _find(folder / key, key)) is None:
                if not _goes_on(begun / key, key):
                    shutil.rmtree(begun / key)
                (begun / key).mkdir(exist_ok=True)
                for _ in write_pack(begun / key, {_SPLIT: content}, key):
                    pass
                _replace(begun / key, folder / key, aside=begun / "damaged")
    except (OSError, StorageError):  # no room after all
        pass
    shutil.rmtree(begun, ignore_errors=True)
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
        found = open_pack(entry, [_SPLIT]).get(_SPLIT)
    except (DataError, StorageError):
        return None
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(entry)  # used today
    return found


def _keep(folder: Path, key: str, content: Content) -> None:
    """Write an entry under a temporary name, then rename it; without space or permission, skip it."""
    if not _has_room(folder, content.nbytes):
        return
    try:
        _remove_unused(folder)
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder))
    except OSError:
        return
    try:
        with suppress(OSError, StorageError), open_own(new / _LOCK) as file:
            with suppress(OSError):  # a file system without locks
                lock(file)
            (new / key).mkdir()
            for _ in write_pack(new / key, {_SPLIT: content}, key):
                pass
            if _find(folder / key, key) is None:  # else another process was faster
                _replace(new / key, folder / key, aside=new / "damaged")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _replace(new: Path, entry: Path, aside: Path) -> None:
    if os.path.lexists(entry):
        entry.rename(aside)
    new.rename(entry)


def _remove_unused(folder: Path) -> None:
    """Remove entries unused for a month, and unfinished ones of killed processes."""
    for entry in folder.iterdir():
        with suppress(OSError):
            is_old = time.time() - entry.lstat().st_mtime > _MONTH
            if _OURS.fullmatch(entry.name) and (is_old or _is_abandoned(entry)):
                shutil.rmtree(entry)


def _is_abandoned(entry: Path) -> bool:
    """Whether an unfinished entry is unlocked: its writer holds the lock until it ends or is killed."""
    if not entry.name.startswith(_NEW):
        return False
    with open_own(entry / _LOCK, 0) as file:
        return lock(file)
