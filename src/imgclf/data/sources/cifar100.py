"""Source `cifar100`: 100 fine or 20 coarse classes (Krizhevsky 2009)."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from imgclf.data.class_names import parse_names
from imgclf.data.dataset import Dataset
from imgclf.data.sources import SOURCES, _cifar

_LABEL_BYTE = {"coarse": 0, "fine": 1}


def load(path: Path, splits: Collection[str], *, labels: str = "fine") -> dict[str, Dataset]:
    """Load the splits train and test; labels are "fine" or "coarse". A folder, the .tar.gz, or the folder around it."""
    return _cifar.load(path, splits, layouts(labels), SOURCES["cifar100"].labels[labels])


def recognizes(path: Path) -> bool:
    """Whether CIFAR-100 is at a path."""
    return _cifar.recognizes(path, layouts())


def layouts(labels: str = "fine") -> tuple[_cifar.Layout, ...]:
    """Return the python and the binary layout, with fine or coarse labels."""
    return (
        _cifar.Layout(
            folder="cifar-100-python",
            archive="cifar-100-python.tar.gz",
            splits={"train": ("train",), "test": ("test",)},
            names_file="meta",
            parse_names=partial(_cifar.parse_pickled_names, key=f"{labels}_label_names"),
            parse=partial(_cifar.parse_pickle, labels_key=f"{labels}_labels"),
        ),
        _cifar.Layout(
            folder="cifar-100-binary",
            archive="cifar-100-binary.tar.gz",
            splits={"train": ("train.bin",), "test": ("test.bin",)},
            names_file=f"{labels}_label_names.txt",
            parse_names=parse_names,
            parse=partial(_cifar.parse_records, label_bytes=2, label_byte=_LABEL_BYTE[labels]),
        ),
    )
