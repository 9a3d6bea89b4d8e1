"""Read examples without labels, such as folders of images, in chunks."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.data.class_names import as_text
from imgclf.data.dataset import Dataset, InputFormat, Unlabeled
from imgclf.data.preprocess import Preprocess
from imgclf.data.sources import SOURCES, npz
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._image_files import NamedFile, read_images
from imgclf.data.sources.csv.tables import is_table
from imgclf.data.sources.csv.unlabeled import read_unlabeled as read_csv
from imgclf.errors import DataError, ImgclfError
from imgclf.files.csv_table import is_picture
from imgclf.files.reading import kind_of
from imgclf.machine.progress import advancing

_ROWS_AT_ONCE = 1 << 12
_OF_DATA_SETS = ("", ".gz")  # other files are opened as images at once


def read_unlabeled(
    sources: Sequence[Path],
    preprocess: Preprocess,
    *,
    like: InputFormat,
    relative: bool,
    options: Mapping[str, Any],
    total: int | None = None,
) -> Iterator[Unlabeled]:
    """Yield the examples of images, folders of images, and arrays or tables, as a model takes them, some at a time.

    An error of one source does not stop the others. `like` is that of the model; `relative` is for the names: see
    `named_files`; `options` name the columns of tables; `total` is the number of images, if it is known. Of several
    sources, rows are named FILE:ROW.
    """
    for are_arrays, some in groupby(sources, has_arrays):
        if not are_arrays and preprocess.is_image:
            yield from read_images(named_files(some, relative=relative), preprocess, total)
            continue
        for path in some:
            prefix = f"{as_text(path)}:" if len(sources) > 1 else ""
            try:
                if not are_arrays:
                    kind_of(path)  # raises where there is nothing
                    problem = "the model was trained on feature vectors, not on images"
                    raise DataError(path, problem, "give an .npz, .npy or .csv file of feature vectors")
                if is_table(path):
                    yield from read_csv(path, preprocess, like, prefix, **options)
                else:
                    yield from _read_arrays(path, preprocess, like, prefix)
            except ImgclfError as error:
                yield Unlabeled([], np.empty(0), [error])


def has_arrays(path: Path) -> bool:
    """Whether a path is a file of arrays or a table, or a folder of arrays, rather than of images."""
    try:
        return is_table(path) or npz.has_examples(path)
    except ImgclfError:  # there is nothing, for example
        return False


def named_files(sources: Iterable[Path], *, relative: bool) -> Iterator[NamedFile]:
    """Yield image files, and those of folders at any depth, each level in natural order.

    Links to folders and files that are not called images are passed over. With `relative`, the files of a folder are
    named relative to it.
    """
    for source in sources:
        try:
            if kind_of(source) == "file":
                if source.suffix.lower() in _OF_DATA_SETS:
                    _refuse_data_set(source)
                yield NamedFile(source, as_text(source))
                continue
            if not any(is_picture(file.name) for file in look_into(source).images):
                _refuse_data_set(source)
            is_empty = True
            for file in _files_in(source):
                yield NamedFile(file, as_text(file.relative_to(source) if relative else file))
                is_empty = False
            if is_empty:
                raise DataError(source, "no images in this folder", "name a folder with image files")
        except ImgclfError as error:
            yield NamedFile(source, as_text(source), error)


def _refuse_data_set(path: Path) -> None:
    """Raise DataError for the files of a data set that only `eval` reads, such as IDX."""
    for name in ("idx", "cifar10", "cifar100", "pack"):
        if (recognizes := SOURCES[name].recognizes) and recognizes(path):
            remedy = f"`imgclf eval RUN --data {shlex.quote(str(path))} --out DIR` writes predictions.csv"
            raise DataError(path, f"predict reads images, arrays and tables, not data.source={name}", remedy)


def _files_in(folder: Path) -> Iterator[Path]:
    inside = look_into(folder)
    yield from inside.images
    for one in inside.folders:
        if not one.is_symlink():  # it may lead back
            yield from _files_in(one)


def _read_arrays(path: Path, preprocess: Preprocess, like: InputFormat, prefix: str) -> Iterator[Unlabeled]:
    """Yield the examples of NumPy files, named by the number of their row, from 0, after a prefix."""
    X, _, remarks = npz.read_examples(path, like)
    arrays = Dataset.of(X, np.zeros(len(X), np.uint8), ("",))
    if X.ndim == 2:
        arrays.check_finite(path, "remove or replace them")
    are_images = preprocess.is_image and X.ndim == 4
    if not are_images:
        preprocess.check_shape(arrays, path)
    advance = advancing("reading", len(X), arrays.unit)
    for start in range(0, len(X), _ROWS_AT_ONCE):
        examples = arrays.pixels(slice(start, start + _ROWS_AT_ONCE))
        names = [f"{prefix}{start + row}" for row in range(len(examples))]
        yield Unlabeled(names, preprocess.conform_all(examples) if are_images else examples, remarks=remarks)
        remarks = ()
        advance(len(names))
