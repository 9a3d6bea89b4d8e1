"""Source `cifar10`: 32x32 color images in ten classes (Krizhevsky 2009)."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from imgclf.data.class_names import parse_names
from imgclf.data.dataset import Dataset
from imgclf.data.sources import _cifar

LAYOUTS = (
    _cifar.Layout(
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        splits={"train": tuple(f"data_batch_{n}" for n in range(1, 6)), "test": ("test_batch",)},
        names_file="batches.meta",
        parse_names=partial(_cifar.parse_pickled_names, key="label_names"),
        parse=partial(_cifar.parse_pickle, labels_key="labels"),
    ),
    _cifar.Layout(
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        splits={"train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test": ("test_batch.bin",)},
        names_file="batches.meta.txt",
        parse_names=parse_names,
        parse=partial(_cifar.parse_records, label_bytes=1, label_byte=0),
    ),
)


def load(path: Path, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the splits train and test from a folder, the .tar.gz, or the folder around it; batches of any length."""
    return _cifar.load(path, splits, LAYOUTS, classes=10)


def recognizes(path: Path) -> bool:
    """Whether CIFAR-10 is at a path."""
    return _cifar.recognizes(path, LAYOUTS)
