"""Write packs in chunks; an interrupted write resumes."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.dataset import UNKNOWN, Dataset, InputFormat
from imgclf.data.packs.pack import Index, Part, array_file, is_pack, read_index, write_index
from imgclf.errors import StorageError, UsageError
from imgclf.files.npy import header_bytes
from imgclf.files.writing import open_own, translate_os_errors
from imgclf.machine.memory import require_memory
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices

_BYTES_AT_RISK = 16 << 20  # written since the last sync, so lost in a crash


@dataclass(frozen=True)
class Content:
    """A split that need not be in memory: its size and type, what to know about it, and iterators over its data.

    labels    () -> the labels, in chunks
    examples  (start) -> the examples from that index on, in chunks
    """

    n: int
    example_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    class_names: tuple[str, ...]
    labels: Callable[[], Iterator[IntArray]]
    examples: Callable[[int], Iterator[NDArray[Any]]]
    input_format: InputFormat = UNKNOWN

    @classmethod
    def of(cls, dataset: Dataset) -> "Content":
        """Return the content of a data set."""
        n = len(dataset)

        def labels() -> Iterator[IntArray]:
            return (dataset.y_of(part) for part in slices(n))

        def examples(start: int) -> Iterator[NDArray[Any]]:
            advance = advancing("copying", n, dataset.unit, done=start)
            for part in slices(n - start, dataset.at_once):
                yield dataset.pixels(slice(start + part.start, start + part.stop))
                advance(part.stop - part.start)

        about = dataset.example_shape, dataset.images.dtype, dataset.class_names
        return cls(n, *about, labels, examples, dataset.input_format)

    @property
    def row_bytes(self) -> int:
        """The bytes of one example."""
        return prod(self.example_shape) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all examples."""
        return self.n * self.row_bytes

    @property
    def label_type(self) -> np.dtype[Any]:
        """The smallest unsigned integers that hold the labels."""
        return np.min_scalar_type(len(self.class_names) - 1)

    def in_memory(self, where: object) -> Dataset:
        """Read all examples; `where` names them in the error when memory is short."""
        require_memory(self.nbytes, where)
        images = np.empty((self.n, *self.example_shape), self.dtype)
        done = 0
        for some in self.examples(0):
            images[done : done + len(some)] = some
            done += len(some)
        return Dataset.of(images, np.concatenate(list(self.labels())), self.class_names)


class Packed(NamedTuple):
    """Progress: `done` of the n examples of a split are in the pack."""

    split: str
    done: int
    n: int


def write_pack(directory: Path, contents: Mapping[str, Content], fingerprint: str) -> Iterator[Packed]:
    """Write a pack into a folder that is empty or holds an unfinished one of this fingerprint; yield the progress.

    The files are the same however often writing is interrupted, even by a kill.
    """
    index = _begin(directory, contents, fingerprint)
    _check_space(directory, contents, index)
    write_index(directory, index)
    for split, content in contents.items():

        def record(done: int, split: str = split) -> None:
            index.splits[split] = replace(index.splits[split], done=done)
            write_index(directory, index)

        before = index.splits[split].done
        if before < content.n:
            _write_labels(array_file(directory, split, "labels"), content)
            for done in _write_images(array_file(directory, split, "images"), content, before, record):
                yield Packed(split, done, content.n)


def _begin(directory: Path, contents: Mapping[str, Content], fingerprint: str) -> Index:
    if not is_pack(directory):
        parts = {split: Part(one.n, 0, one.class_names, one.input_format) for split, one in contents.items()}
        return Index(fingerprint, parts)
    index = read_index(directory)
    if index.fingerprint != fingerprint:
        problem = "a pack begun with other data or settings, or the data has changed since"
        raise UsageError(directory, problem, "remove it, or choose another path")
    return index


def _check_space(directory: Path, contents: Mapping[str, Content], index: Index) -> None:
    needed = sum((content.n - index.splits[split].done) * content.row_bytes for split, content in contents.items())
    with translate_os_errors(directory):
        free = shutil.disk_usage(directory).free
    if needed > free:
        problem = f"{needed:,} bytes are needed, {free:,} are free"
        raise StorageError(directory, problem, "free some space, or shrink images")


def _write_labels(path: Path, content: Content) -> None:
    # Not truncated: labels already there are right, and another process may be writing the same.
    with translate_os_errors(path), open_own(path) as file:
        file.write(header_bytes((content.n,), content.label_type))
        for some in content.labels():
            file.write(some.astype(content.label_type).data)
        _sync(file)


def _write_images(path: Path, content: Content, done: int, record: Callable[[int], None]) -> Iterator[int]:
    """Write the examples from `done` on, yield the number written, and record those that are synced to the disk."""
    header = header_bytes((content.n, *content.example_shape), content.dtype)
    with translate_os_errors(path), open_own(path) as file:
        file.write(header)
        file.seek(len(header) + done * content.row_bytes)
        at_risk = 0
        for some in content.examples(done):
            file.write(np.ascontiguousarray(some).data)
            done += len(some)
            at_risk += some.nbytes
            if at_risk >= _BYTES_AT_RISK or done == content.n:
                _sync(file)
                record(done)
                at_risk = 0
            yield done


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
