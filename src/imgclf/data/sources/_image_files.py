"""Decode many image files in parallel, in a fixed order."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from imgclf.arrays import ByteArray
from imgclf.errors import DataError, StorageError
from imgclf.files.images import conform, decode_image, image_bytes, read_image, settled_warnings

Problem: TypeAlias = str | tuple[int, ...] | None  # an error; or the shape, if it differs; or None
_T = TypeVar("_T")


class Read(NamedTuple):
    """Result for one file: its problem, and the SHA-256 of the bytes that were decoded."""

    problem: Problem
    digest: bytes


NO_DIGEST = bytes(32)  # of an unreadable file, which decoding will report
_SHOWN = 20
_MOST_A_TASK = 16  # files; handing one to a thread costs as much as reading a small one


def read_into(
    images: ByteArray,
    files: Sequence[Path],
    size: tuple[int, int] | None,
    color: str | None,
    threads: int,
    bytes_of: Callable[[Path], bytes] | None = None,
) -> list[Read]:
    """Read files into the rows of images (n, H, W, channels), in this size and color; return the problem of each.

    bytes_of  what returns the bytes of an image that is in no file of its own
    """

    def read(row: int) -> Read:
        digest = NO_DIGEST
        try:
            raw = (bytes_of or image_bytes)(files[row])
            digest = sha256(raw).digest()
            pixels = conform(decode_image(files[row], raw), size, color)
        except DataError as error:
            return Read(error.problem, digest)
        if pixels.shape != images.shape[1:]:
            return Read(pixels.shape, digest)
        images[row] = pixels
        return Read(None, digest)

    with settled_warnings():
        return _of_each(len(files), read, threads)


def digests(files: Sequence[Path], threads: int) -> list[bytes]:
    """Return the SHA-256 of each file, 32 bytes."""

    def digest(row: int) -> bytes:
        try:
            return sha256(image_bytes(files[row])).digest()
        except (DataError, StorageError):
            return NO_DIGEST

    return _of_each(len(files), digest, threads)


def _of_each(count: int, work: Callable[[int], _T], threads: int) -> list[_T]:
    """Return work(0), work(1), ...; reading files and most decoders release the interpreter lock."""
    step = max(1, min(_MOST_A_TASK, count // (4 * threads)))
    tasks = [range(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(threads) as pool:
        return [one for done in pool.map(lambda task: [work(row) for row in task], tasks) for one in done]


def first_readable(
    files: Iterable[Path], size: tuple[int, int] | None, color: str | None
) -> tuple[Path, tuple[int, ...]] | None:
    """Return the first readable image and its shape, or None."""
    for file in files:
        try:
            return file, conform(read_image(file), size, color).shape
        except DataError:
            continue
    return None


class Problems:
    """What is wrong with images of a split that are read in chunks, for one error at the end.

    first   an image that was readable, of the shape that all must have
    bad     lines about images that are known to be unreadable
    """

    def __init__(
        self, folder: Path, shape: tuple[int, ...], first: Path | None = None, bad: Iterable[str] = ()
    ) -> None:
        self.folder, self.shape, self.first, self.bad = folder, shape, first, list(bad)
        self.different: tuple[Path, tuple[int, ...]] | None = None

    def __bool__(self) -> bool:
        return bool(self.bad) or self.different is not None

    def add(self, files: Sequence[Path], read: Sequence[Read]) -> None:
        """Take note of the problems of a chunk."""
        for file, (problem, _) in zip(files, read, strict=True):
            if isinstance(problem, str):
                self.bad.append(f"{file.relative_to(self.folder)}: {problem}")
            elif problem is not None and self.different is None:
                self.different = file, problem
            elif problem is None and self.first is None:
                self.first = file

    def raise_if_any(self, total: int) -> None:
        """Raise one DataError for all bad images of so many, else for one of another shape."""
        if self.bad:
            raise _bad_files(self.folder, self.bad, total)
        if self.different is not None:
            raise _not_alike(self.first or self.folder, self.shape, *self.different)


def _bad_files(folder: Path, bad: list[str], total: int) -> DataError:
    shown = "; ".join(bad[:_SHOWN]) + (f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
    return DataError(folder, f"{len(bad)} bad of {total} files: {shown}", "convert, replace or remove them")


def _not_alike(one: Path, shape: tuple[int, ...], other: Path, other_shape: tuple[int, ...]) -> DataError:
    if shape[2] != other_shape[2]:
        words = {1: "gray", 3: "in color"}
        problem = f"it is {words[shape[2]]}, but {other} is {words[other_shape[2]]}"
        return DataError(one, problem, "set preprocess.color to gray or rgb")
    problem = f"it is {shape[1]}x{shape[0]}, but {other} is {other_shape[1]}x{other_shape[0]} (width x height)"
    return DataError(one, problem, "set preprocess.image_size")
