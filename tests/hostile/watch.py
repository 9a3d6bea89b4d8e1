"""One file is read under watch: what is wrong with how a reader takes it, in words, or nothing.

To be used in a process of its own: an audit hook cannot be taken off again, and the most memory that was
ever reserved is never forgotten.
"""

import codecs
import contextlib
import os
import re
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

from hostile.good_files import File
from hostile.readers import Reader

LONGEST_LINE = 300
UNNOTICED = "reads something else, and does not notice"
SECONDS = 20  # of a processor; then a reader hangs
# What reading may do beside opening its file: numpy parses a header (it does not run it), a pack is mapped.
ALLOWED = {
    "compile",
    "mmap.__new__",
    "os.listdir",
    "os.scandir",
    "_thread.start_new_thread",
    "_thread.start_joinable_thread",
}
ALLOWED |= {"array.__new__"}  # Pillow's tables
ALLOWED |= {"object.__getattr__", "object.__setattr__", "sys._getframe", "builtins.id"}  # how Python looks at itself
# Of Python's codecs, those that YAML and JSON choose by what they meet in a file.
CODECS = ("utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be", "unicode_escape", "latin_1")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Watches one reader in one folder."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.folder = reader, folder.resolve()
        self.watching = False
        self.seen: list[str] = []
        self.slowest, self.most = 0.0, 0
        os.chdir(folder)
        self.place = Path("..", self.folder.name)  # so that errors show short paths
        for codec in CODECS:
            codecs.lookup(codec)  # imports it
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: self.seen.append(f"warns: {message}")
        for name, raw in reader.good.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(raw)
        self.right = {file: self._first(file) for file in reader.files}
        self.entries = self._entries()
        sys.addaudithook(self._hear)
        limit = reserved()[0] + 2 * reader.memory + (1 << 30)
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def _first(self, file: File) -> object:
        """Read a good file, and some that are none: what Python imports when first needed is there afterwards."""
        path = self.place / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.good)
        found = self.reader.read(path)
        for raw in edges(file):
            path.write_bytes(raw)
            with contextlib.suppress(Exception):  # they are all read again, under watch
                self.reader.read(path)
        self._restore(path)
        self.seen.clear()
        return found

    def problem(self, file: File, raw: bytes, *, changed: bool = True) -> tuple[str, bool]:
        """Read one file; return what is wrong with how it went, "" if nothing is, and whether it was read.

        A file that was not made by changing the good one need not read as the same.
        """
        path = self.place / file.name
        path.write_bytes(raw)
        found, error, before = None, None, reserved()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # ends the process: nobody handles its signal
        start = time.process_time()
        self.watching = True
        try:
            found = self.reader.read(path)
        except BaseException as caught:  # noqa: BLE001 - a reader may raise one kind only
            error = caught
        self.watching = False
        self.slowest = max(self.slowest, time.process_time() - start)
        signal.setitimer(signal.ITIMER_PROF, 0)
        wrong = self.seen[:1] + self._wrong(error, path) + self._memory(error, before, len(raw))
        self.seen.clear()
        if error is None and changed and file.sealed and self.reader.checked and found != self.right[file]:
            wrong.append(UNNOTICED)
        self._restore(path)
        if (entries := self._entries()) != self.entries:
            wrong.append(f"leaves {sorted(entries ^ self.entries)}")
            self.entries = entries
        return "; ".join(wrong), error is None

    def _wrong(self, error: BaseException | None, path: Path) -> list[str]:
        if error is None:
            return []
        if not isinstance(error, self.reader.errors):
            return [f"raises {type(error).__name__}: {str(error)[:300]!r}"]
        lines = error.lines()
        for line in lines:
            if len(line) > LONGEST_LINE:
                return [f"says {len(line)} characters: {line[:300]!r}"]
            if not line.isprintable():
                return [f"says what cannot be printed: {line!r}"]
        if not all(any(name in line for name in (path.name, self.folder.name, *self.reader.named)) for line in lines):
            return [f"does not name the file: {lines}"]
        return []

    def _memory(self, error: BaseException | None, before: tuple[int, int], size: int) -> list[str]:
        peak = reserved()[1]
        more = peak - before[0] if peak > before[1] else 0  # else it was no more than some file before it
        self.most = max(self.most, more)
        if more > self.reader.memory + 2 * size:
            return [f"reserves {more >> 20} MB for {size} bytes"]
        while error is not None:
            if isinstance(error, MemoryError):
                return [f"asks for more memory than there is: {error!r}"]
            error = error.__cause__ or error.__context__
        return []

    def _restore(self, path: Path) -> None:
        good = self.reader.good.get(str(path.relative_to(self.place)))
        if good is None:
            path.unlink()
        else:
            path.write_bytes(good)

    def _entries(self) -> set[str]:
        return {str(path) for path in self.folder.rglob("*")}

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.watching or event in ALLOWED:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int):  # opened before
                return
            inside = Path(os.path.abspath(os.fsdecode(path))).is_relative_to(self.folder)  # noqa: PTH100 - no link followed
            if inside and not flags & WRITING:
                return
        self.seen.append(f"does {event} {str(arguments)[:200]}")


def edges(file: File) -> tuple[bytes, ...]:
    """Return what is tried first of all: nothing, hardly anything, something else, one byte less or more."""
    good = file.good
    return b"", b"\0", b"\xff\xfe", b"<!DOCTYPE html>\n", good[: len(good) // 2], good[:-1], good + b"x"


def reserved() -> tuple[int, int]:
    """Return the bytes of memory that this process has reserved, touched or not, and the most it ever had."""
    if sys.platform != "linux":
        return 0, 0  # elsewhere no one says
    status = Path("/proc/self/status").read_bytes()
    now, most = (int(re.search(rb"%s:\s+(\d+) kB" % name, status)[1]) << 10 for name in (b"VmSize", b"VmPeak"))
    return now, most
