"""Decode many image files in parallel, in a fixed order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.data.dataset import Unlabeled
from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError, ImgclfError, StorageError
from imgclf.files.images import Form, Header, decode_image, image_bytes, read_header, read_image, settled_warnings
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing

Problem: TypeAlias = str | tuple[int, ...] | None  # an error; or the shape, if it differs; or None
_T = TypeVar("_T")

MOST_LOOKED_AT = 4096  # files, to see what images need
LARGEST_SIDE, LARGEST_AS_THEY_ARE = 64, 256  # pixels a side: of images that are resized, and of those that need not be
_OF_12_BITS = 16  # 4,096 of 65,536, as a byte
NO_DIGEST = bytes(32)  # of an unreadable file, which decoding will report
_SHOWN = 20
_BYTES_AT_ONCE, _MOST_AT_ONCE = 16 << 20, 256  # of images in memory
_MOST_A_TASK = 16  # files; handing one to a thread costs as much as reading a small one


class Suggestion(NamedTuple):
    """Settings that images need, KEY -> value, and why: `images differ in size`."""

    settings: Mapping[str, object] = MappingProxyType({})
    why: str = ""


class NamedFile(NamedTuple):
    """An image file and what to call it; or the error of a source that cannot be listed."""

    path: Path
    name: str
    error: ImgclfError | None = None


def read_into(
    images: ByteArray,
    files: Sequence[Path],
    form: Form,
    threads: int,
    advance: Callable[[int], None] | None = None,
    bytes_of: Callable[[Path], bytes] | None = None,
) -> list[tuple[Problem, bytes]]:
    """Read files into the rows of images (n, H, W, channels), in this form.

    Returns the problem of each, and the SHA-256 of the bytes that were decoded. `bytes_of` is for images that are in no
    file of their own. `advance` is told of each that is read.
    """

    def read(row: int) -> tuple[Problem, bytes]:
        digest = NO_DIGEST
        try:
            raw = (bytes_of or image_bytes)(files[row])
            digest = sha256(raw).digest()
            pixels = form.conform(decode_image(files[row], raw))
        except DataError as error:
            return error.problem, digest
        if pixels.shape != images.shape[1:]:
            return pixels.shape, digest
        images[row] = pixels
        return None, digest

    with settled_warnings():
        return _of_each(len(files), read, threads, advance)


def read_images(files: Iterable[NamedFile], preprocess: Preprocess, total: int | None = None) -> Iterator[Unlabeled]:
    """Read image files of any size and mode in the size and color of the training images, in parallel.

    `total` is their number, if it is known.
    """

    def read(some: Sequence[NamedFile], row: int) -> ByteArray | ImgclfError:
        file = some[row]
        try:
            return file.error or preprocess.conform(decode_image(file.path, image_bytes(file.path)))
        except ImgclfError as error:
            return error

    threads = available_cores()
    at_once = min(max(_BYTES_AT_ONCE // preprocess.size, threads), _MOST_AT_ONCE)
    remaining, advance = iter(files), advancing("reading", total)
    while some := list(islice(remaining, at_once)):
        with settled_warnings():
            seen = _of_each(len(some), partial(read, some), threads, advance)
        images = [one for one in seen if isinstance(one, np.ndarray)]
        yield Unlabeled(
            [file.name for file, one in zip(some, seen, strict=True) if isinstance(one, np.ndarray)],
            np.array(images, np.uint8).reshape(-1, *preprocess.example_shape),
            [one for one in seen if isinstance(one, ImgclfError)],
        )


def digests(files: Sequence[Path], threads: int, advance: Callable[[int], None] | None = None) -> list[bytes]:
    """Return the SHA-256 of each file, 32 bytes."""

    def digest(row: int) -> bytes:
        try:
            return sha256(image_bytes(files[row])).digest()
        except (DataError, StorageError):
            return NO_DIGEST

    return _of_each(len(files), digest, threads, advance)


def _of_each(
    count: int, work: Callable[[int], _T], threads: int, advance: Callable[[int], None] | None = None
) -> list[_T]:
    """Return work(0), work(1), ...; reading files and most decoders release the interpreter lock."""

    def some(rows: range) -> list[_T]:
        done = []
        for row in rows:
            done.append(work(row))
            if advance:
                advance(1)
        return done

    step = max(1, min(_MOST_A_TASK, count // (4 * threads)))
    tasks = [range(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(threads) as pool:
        return [one for done in pool.map(some, tasks) for one in done]


def what_they_need(files: Iterable[Path], n: int, threads: int) -> Suggestion:
    """Return settings with which n image files can be trained on: one size and color; empty if they have these.

    Images that differ in size are resized to the side that half of them reach, at most 64; images of one size only if
    it is above 256. Their color is RGB unless all are gray. Only headers are read, of at most 4,096 files spread
    evenly.
    """
    some = list(islice(files, 0, None, -(-n // MOST_LOOKED_AT) or 1))
    with settled_warnings():
        headers = [one for one in _of_each(len(some), lambda row: _header(some[row]), threads) if one is not None]
    sizes, channels = {one.shape[:2] for one in headers}, {one.shape[2] for one in headers}
    settings: dict[str, object] = {}
    reasons = []
    if len(sizes) > 1 or any(max(size) > LARGEST_AS_THEY_ARE for size in sizes):
        sides = sorted(min(one.shape[:2]) for one in headers)
        settings["preprocess.image_size"] = min(LARGEST_SIDE, sides[(len(sides) - 1) // 2])
        reasons.append("differ in size" if len(sizes) > 1 else "are large")
    if len(channels) > 1:
        reasons.append("are gray and in color")
    if 3 in channels and (len(channels) > 1 or len(some) < n):
        settings["preprocess.color"] = "rgb"
    looked_at = f" ({len(headers):,} of {n:,} looked at)" if len(some) < n else ""
    return Suggestion(settings, f"images {' and '.join(reasons)}{looked_at}" if reasons else "")


def _header(file: Path) -> Header | None:
    try:
        return read_header(file)
    except (DataError, StorageError):  # reported when all are decoded
        return None


def nearly_black(files: Iterable[Path]) -> Path | None:
    """Return the first file of 16 bits that only has values below 4,096, as of a camera of 12 bits; else None."""
    with settled_warnings():
        for file in files:
            header = _header(file)
            if header is not None and header.deep:
                try:
                    darkest = 0 < read_image(file).max() < _OF_12_BITS
                except (DataError, StorageError):
                    continue
                if darkest:
                    return file
    return None


def first_readable(files: Iterable[Path], form: Form) -> tuple[Path, tuple[int, ...]] | None:
    """Return the first readable image and its shape in this form, or None."""
    for file in files:
        try:
            return file, form.conform(read_image(file)).shape
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

    def add(self, files: Sequence[Path], read: Sequence[tuple[Problem, bytes]]) -> None:
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
