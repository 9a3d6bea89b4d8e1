"""Cache of decoded images in the user's cache folder.

An entry is found by a SHA-256 over the bytes of all image files, never by their names, places or times.

The folder is $XDG_CACHE_HOME/imgclf, else ~/Library/Caches/imgclf on macOS and ~/.cache/imgclf elsewhere;
IMGCLF_CACHE=0 turns it off. It may be removed at any time; what nobody used for a month goes by itself.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.data.dataset import Dataset
from imgclf.data.packs.pack import is_pack, open_pack, read_index
from imgclf.data.packs.writer import Content, write_pack
from imgclf.errors import DataError, StorageError
from imgclf.files.writing import lock, open_own

if TYPE_CHECKING:
    from imgclf.data.sources._class_folders import Listing

_SPLIT = "train"  # what the only split of an entry is called
_NEW = ".new-"  # begins the names of entries that are being written
_LOCK = ".lock"  # held by who writes one
_OURS = re.compile(r"\.new-.*|[0-9a-f]{64}")
_MONTH = 30 * 24 * 3600


def cache_folder() -> Path | None:
    """Return where entries are; None where there is to be no cache."""
    if os.environ.get("IMGCLF_CACHE") == "0":
        return None
    try:
        usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
        around = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual)
    except RuntimeError:  # no home
        return None
    return around / "imgclf" if around.is_absolute() else None  # a relative one is to be ignored, says XDG


def through_cache(listing: "Listing") -> Dataset:
    """Return what is kept of the images of a listing, else decode them, and keep them if that is possible.

    Without a cache the files are not hashed. An entry that is damaged or of another key is made anew.
    """
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


def _make_room(folder: Path, nbytes: int) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= 2 * nbytes  # the disk is the user's
    except OSError:
        return False


def _find(entry: Path, key: str) -> Dataset | None:
    try:
        if not is_pack(entry) or read_index(entry).fingerprint != key:
            return None
        found = open_pack(entry, [_SPLIT]).get(_SPLIT)
    except (DataError, StorageError):
        return None
    with suppress(OSError):  # another's cache may be read-only
        os.utime(entry)  # used today
    return found


def _keep(folder: Path, key: str, content: Content) -> None:
    """Write an entry under another name, then rename it; where that cannot be, there is none."""
    if not _make_room(folder, content.nbytes):
        return
    try:
        _clear_away(folder)
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


def _replace(new: Path, place: Path, aside: Path) -> None:
    if os.path.lexists(place):
        place.rename(aside)
    new.rename(place)


def _clear_away(folder: Path) -> None:
    """Remove what was not used for a month, and at once what its writer, who was killed, left unfinished."""
    for entry in folder.iterdir():
        with suppress(OSError):
            is_old = time.time() - entry.lstat().st_mtime > _MONTH
            if _OURS.fullmatch(entry.name) and (is_old or _is_abandoned(entry)):
                shutil.rmtree(entry)


def _is_abandoned(entry: Path) -> bool:
    """Whether nobody holds the lock of an unfinished entry; its writer does until it ends, however it ends."""
    if not entry.name.startswith(_NEW):
        return False
    with open_own(entry / _LOCK, 0) as file:
        return lock(file)
