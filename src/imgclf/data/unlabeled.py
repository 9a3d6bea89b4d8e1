"""Read examples without labels, such as folders of images, in chunks."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray
from imgclf.data.class_names import as_text
from imgclf.data.preprocess import Preprocess
from imgclf.data.sources._tree import look_into
from imgclf.errors import DataError, ImgclfError
from imgclf.files.images import decode_image, image_bytes, settled_warnings
from imgclf.files.reading import kind_of
from imgclf.machine.cores import available_cores

_BYTES_AT_ONCE, _MOST_AT_ONCE = 16 << 20, 256  # of images in memory


class NamedFile(NamedTuple):
    """An image file and what to call it; or the error of a source that cannot be listed."""

    path: Path
    name: str
    error: ImgclfError | None = None


class Unlabeled(NamedTuple):
    """Some examples: their names, their stored values (n, ...), and the errors of those that cannot be read."""

    names: list[str]
    values: NDArray[Any]
    errors: list[ImgclfError]


def named_files(sources: Iterable[Path], *, relative: bool) -> Iterator[NamedFile]:
    """Yield image files, and those of folders at any depth, each level in natural order.

    Links to folders and files that are not called images are passed over. With `relative`, the files of a folder are
    named relative to it.
    """
    for source in sources:
        try:
            if kind_of(source) == "file":
                yield NamedFile(source, as_text(source))
                continue
            is_empty = True
            for file in _files_in(source):
                yield NamedFile(file, as_text(file.relative_to(source) if relative else file))
                is_empty = False
            if is_empty:
                raise DataError(source, "no images in this folder", "name a folder with image files")
        except ImgclfError as error:
            yield NamedFile(source, as_text(source), error)


def _files_in(folder: Path) -> Iterator[Path]:
    inside = look_into(folder)
    yield from inside.images
    for one in inside.folders:
        if not one.is_symlink():  # it may lead back
            yield from _files_in(one)


def read_images(files: Iterable[NamedFile], preprocess: Preprocess) -> Iterator[Unlabeled]:
    """Read image files of any size and mode in the size and color of the training images, in parallel."""

    def read(file: NamedFile) -> ByteArray | ImgclfError:
        try:
            return file.error or preprocess.conform(decode_image(file.path, image_bytes(file.path)))
        except ImgclfError as error:
            return error

    threads = available_cores()
    at_once = min(max(_BYTES_AT_ONCE // preprocess.size, threads), _MOST_AT_ONCE)
    remaining = iter(files)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(remaining, at_once)):
            with settled_warnings():
                seen = list(pool.map(read, some))
            images = [one for one in seen if isinstance(one, np.ndarray)]
            yield Unlabeled(
                [file.name for file, one in zip(some, seen, strict=True) if isinstance(one, np.ndarray)],
                np.array(images, np.uint8).reshape(-1, *preprocess.example_shape),
                [one for one in seen if isinstance(one, ImgclfError)],
            )
