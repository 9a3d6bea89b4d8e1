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
_MOST_A_TASK = 16  # files; handing one to a thread costs as much as reading a small one


def read_into(
    images: ByteArray,
    files: Sequence[Path],
    size: tuple[int, int] | None,
    color: str | None,
    threads: int,
    resize: str = "squash",
) -> list[Read]:
    """Read files into the rows of images (n, H, W, channels), in this size and color; return the problem of each."""

    def read(row: int) -> Read:
        digest = NO_DIGEST
        try:
            raw = image_bytes(files[row])
            digest = sha256(raw).digest()
            pixels = conform(decode_image(files[row], raw), size, color, resize)
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
    files: Iterable[Path], size: tuple[int, int] | None, color: str | None, resize: str = "squash"
) -> tuple[Path, tuple[int, ...]] | None:
    """Return the first readable image and its shape, or None."""
    for file in files:
        try:
            return file, conform(read_image(file), size, color, resize).shape
        except DataError:
            continue
    return None
