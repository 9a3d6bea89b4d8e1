"""Download a file from mirrors, resume, and verify its checksum."""

import hashlib
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from imgclf.data.download import http
from imgclf.data.download.catalog import OfficialFile, OfficialSet
from imgclf.data.sources.idx import NAMES
from imgclf.errors import DataError, NetworkError, StorageError
from imgclf.files.reading import open_regular
from imgclf.files.writing import lock, open_own, sync, translate_os_errors, write_whole

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    stall  seconds without a byte until a connection counts as broken
    tries  attempts in a row without progress
    pause  seconds before the second attempt, doubled for each further one; half of it after progress
    """

    stall: float = 30.0
    tries: int = 4
    pause: float = 1.0


@dataclass(frozen=True)
class Advance:
    """Progress of a file: `done` of `file.size` bytes. A file that existed is reported once, with `loaded` False."""

    file: OfficialFile
    done: int
    loaded: bool


PATIENCE = Patience()  # of a person at a terminal


def fetch(wanted: OfficialSet, out: Path, patience: Patience) -> Generator[Advance, None, None]:
    """Download the files of a set into a folder; yield the progress.

    Existing files are kept, and must be the official ones. An unfinished file is called NAME.part, and the next call
    resumes it; one process at a time writes it.

    Raises DataError where an existing file, or that of every server, is not the official one; NetworkError where no
    server provides it; StorageError for errors of the disk.
    """
    folder = out / wanted.folder
    there = [file for file in wanted.files if _is_there(folder / file.name, file)]
    with translate_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for file in wanted.files:
        if file in there:
            yield Advance(file, file.size, loaded=False)
        else:
            yield from _fetch_file(file, list(wanted.urls(file)), folder / file.name, patience)
    names = folder / NAMES
    if wanted.class_names and not os.path.lexists(names):
        write_whole(names, "".join(f"{name}\n" for name in wanted.class_names).encode())


def _is_there(path: Path, file: OfficialFile) -> bool:
    """Whether a file exists already; raises DataError if it is not the official one."""
    unpacked = path.with_suffix("")
    if path.name.endswith("-ubyte.gz") and os.path.lexists(unpacked):
        raise DataError(unpacked, f"would be a second copy of {path.name}", "move it away, or choose another --out")
    if not os.path.lexists(path):
        return False
    with open_regular(path) as found:
        problem = _difference(found, file)
    if problem is not None:
        raise DataError(path, f"not the official file: {problem}", "move it away, or choose another --out")
    return True


def _fetch_file(file: OfficialFile, urls: list[str], path: Path, patience: Patience) -> Iterator[Advance]:
    """Download one file from the first server that provides it."""
    failures: list[str] = []
    wrong = False
    unfinished = path.with_name(path.name + ".part")
    with _own(unfinished) as part:
        for url in urls:
            try:
                for done in _from_server(url, file, part, patience):
                    yield Advance(file, done, loaded=True)
            except (http.UnavailableError, http.WrongFileError) as error:
                failures.append(f"{urlsplit(url).netloc} {error}")
                wrong = wrong or isinstance(error, http.WrongFileError)
            else:
                os.fsync(part.fileno())
                unfinished.replace(path)
                sync(path.parent)
                return
    problem = f"download failed: {'; '.join(failures)}"
    if wrong:
        raise DataError(path, problem, "try again later, or from another network; no wrong file was kept")
    raise NetworkError(path, problem, "check the connection and https_proxy; run the same command again to resume")


def _from_server(url: str, file: OfficialFile, part: IO[bytes], patience: Patience) -> Iterator[int]:
    """Complete a part from one server and verify it; yield its length.

    A wrong part that came in several responses is loaded once more, as a whole: the file may have changed between
    them.
    """
    whole = yield from _complete(url, file, part, patience)
    if (problem := _difference(part, file)) is not None and not whole:
        _cut(part, 0)
        yield from _complete(url, file, part, patience)
        problem = _difference(part, file)
    if problem is not None:
        _cut(part, 0)
        raise http.WrongFileError(problem)


def _complete(url: str, file: OfficialFile, part: IO[bytes], patience: Patience) -> Generator[int, None, bool]:
    """Complete a part, in several requests if needed; return whether all of it came in one response."""
    furthest, tries, first = part.tell(), 0, part.tell()
    yield furthest
    while part.tell() < file.size:
        try:
            with http.receive(url, start=part.tell(), size=file.size, stall=patience.stall) as (first, chunks):
                _cut(part, first)
                for chunk in chunks:
                    part.write(chunk)
                    yield part.tell()
        except http.InterruptedTransferError as error:
            if isinstance(error, http.UnresumableError):
                _cut(part, 0)
            tries = 0 if part.tell() > furthest else tries + 1
            furthest = max(furthest, part.tell())
            if part.tell() < file.size:
                if tries >= patience.tries:
                    raise http.UnavailableError(str(error)) from error
                time.sleep(patience.pause * 2 ** (tries - 1))
    return first == 0


@contextmanager
def _own(part: Path) -> Iterator[IO[bytes]]:
    """Open and lock a part, at its end; remove it if it stays empty."""
    with translate_os_errors(part), open_own(part) as file:
        _lock(file, part)
        file.seek(0, os.SEEK_END)
        try:
            yield file
        finally:
            with suppress(OSError):
                file.flush()
                if os.fstat(file.fileno()).st_size == 0:
                    part.unlink()


def _lock(file: IO[bytes], part: Path) -> None:
    """Lock a part, if the file system has locks."""
    try:
        is_ours = lock(file)
    except OSError:
        return  # a file system without locks
    # It may have been opened just before its owner finished and renamed it.
    if not is_ours or not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
        raise StorageError(part, "another process is downloading it", "wait for it")


def _cut(part: IO[bytes], length: int) -> None:
    part.seek(length)
    part.truncate()


def _difference(found: IO[bytes], file: OfficialFile) -> str | None:
    """Describe how an open file differs from the official one, or return None; leaves the position at its end."""
    found.flush()
    size = found.seek(0, os.SEEK_END)
    if size != file.size:
        return f"{size:,} bytes, not {file.size:,}"
    found.seek(0)
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    while block := found.read(_BLOCK):
        md5.update(block)
        sha256.update(block)
    if md5.hexdigest() != file.md5 or sha256.hexdigest() != file.sha256:
        return f"checksum mismatch (MD5 {md5.hexdigest()}, not {file.md5})"
    return None
