"""Decode many image files in parallel, in a fixed order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.data.dataset import Unlabeled
from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError, ImgclfError, StorageError
from imgclf.files.form import Form
from imgclf.files.images import decode_image, image_bytes, read_header, read_image, settled_warnings
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing

Problem: TypeAlias = str | tuple[int, ...] | None  # an error; or the shape, if it differs; or None
_T = TypeVar("_T")

NO_DIGEST = bytes(32)  # of an unreadable file, which decoding will report
_SHOWN = 20
_BYTES_AT_ONCE, _MOST_AT_ONCE = 16 << 20, 256  # of images in memory
_OF_12_BITS = 16  # 4,096 of 65,536, as a byte
NEARLY_BLACK = (
    "16 bits, but no value above 4,095, so it is read as 0 to 15, nearly black: "
    "if a camera made it with 12 bits, multiply its values by 16"
)
_MOST_A_TASK = 16  # files; handing one to a thread costs as much as reading a small one


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
        return of_each(len(files), read, threads, advance)


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

    threads, is_said = available_cores(), False
    at_once = min(max(_BYTES_AT_ONCE // preprocess.size, threads), _MOST_AT_ONCE)
    remaining, advance = iter(files), advancing("reading", total)
    while some := list(islice(remaining, at_once)):
        with settled_warnings():
            seen = of_each(len(some), partial(read, some), threads, advance)
            read_ones = [(file, one) for file, one in zip(some, seen, strict=True) if isinstance(one, np.ndarray)]
            dark = () if is_said else (file.path for file, one in read_ones if is_nearly_black(file.path, one))
            remarks = tuple(f"{path}: {NEARLY_BLACK}" for path in islice(dark, 1))
        is_said = is_said or bool(remarks)
        yield Unlabeled(
            [file.name for file, _ in read_ones],
            np.array([one for _, one in read_ones], np.uint8).reshape(-1, *preprocess.example_shape),
            [one for one in seen if isinstance(one, ImgclfError)],
            remarks,
        )


def is_nearly_black(file: Path, pixels: ByteArray) -> bool:
    """Whether an image has 16 bits, but only values below 4,096, as of a camera of 12; within `settled_warnings`."""
    try:
        return 0 < int(pixels.max()) < _OF_12_BITS and read_header(file).deep
    except (DataError, StorageError):
        return False


def digests(files: Sequence[Path], threads: int, advance: Callable[[int], None] | None = None) -> list[bytes]:
    """Return the SHA-256 of each file, 32 bytes."""

    def digest(row: int) -> bytes:
        try:
            return sha256(image_bytes(files[row])).digest()
        except (DataError, StorageError):
            return NO_DIGEST

    return of_each(len(files), digest, threads, advance)


def of_each(
    count: int, work: Callable[[int], _T], threads: int, advance: Callable[[int], None] | None = None
) -> list[_T]:
    """Return work(0), work(1), ...; reading files and most decoders release the interpreter lock."""
    over = Event()

    def some(rows: range) -> list[_T]:
        done: list[_T] = []
        for row in rows:
            if over.is_set():
                break
            done.append(work(row))
            if advance:
                advance(1)
        return done

    step = max(1, min(_MOST_A_TASK, count // (4 * threads)))
    tasks = [range(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(threads) as pool:
        try:
            return [one for done in pool.map(some, tasks) for one in done]
        finally:
            over.set()  # after a signal no thread begins another


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
    others  the first image of another color, and the first of another size, and their shapes
    """

    def __init__(
        self, folder: Path, shape: tuple[int, ...], first: Path | None = None, bad: Iterable[str] = ()
    ) -> None:
        self.folder, self.shape, self.first, self.bad = folder, shape, first, list(bad)
        self.others: dict[str, tuple[Path, tuple[int, ...]]] = {}

    def __bool__(self) -> bool:
        return bool(self.bad or self.others)

    def add(self, files: Sequence[Path], read: Sequence[tuple[Problem, bytes]]) -> None:
        """Take note of the problems of a chunk."""
        for file, (problem, _) in zip(files, read, strict=True):
            if isinstance(problem, str):
                self.bad.append(f"{file.relative_to(self.folder)}: {problem}")
            elif problem is None:
                self.first = self.first or file
            else:
                if problem[2] != self.shape[2]:
                    self.others.setdefault("color", (file, problem))
                if problem[:2] != self.shape[:2]:
                    self.others.setdefault("size", (file, problem))

    def raise_if_any(self, total: int) -> None:
        """Raise one DataError for all bad images of so many, else for one of another shape."""
        if self.bad:
            raise _bad_files(self.folder, self.bad, total)
        if self.others:
            raise self._not_alike()

    def _not_alike(self) -> DataError:
        problems, settings = [], []
        if "color" in self.others:
            words, (other, shape) = {1: "gray", 3: "in color"}, self.others["color"]
            problems.append(f"it is {words[self.shape[2]]}, but {other} is {words[shape[2]]}")
            settings.append("set preprocess.color to gray or rgb")
        if "size" in self.others:
            (height, width, _), (other, shape) = self.shape, self.others["size"]
            problems.append(f"it is {width}x{height}, but {other} is {shape[1]}x{shape[0]} (width x height)")
            settings.append("set preprocess.image_size")
        return DataError(self.first or self.folder, "; ".join(problems), ", and ".join(settings))


def _bad_files(folder: Path, bad: list[str], total: int) -> DataError:
    shown = "; ".join(bad[:_SHOWN]) + (f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
    return DataError(folder, f"{len(bad)} bad of {total} files: {shown}", "convert, replace or remove them")
