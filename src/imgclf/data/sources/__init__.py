"""Data sources: `load(path, splits, **settings) -> {split: Dataset}`.

`splits` are some of "train", "val" and "test"; files of other splits are not opened. A source reads files through
`imgclf.files` only, and raises DataError, UsageError (about `data.options`) or StorageError.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from imgclf.errors import DataError
from imgclf.files.reading import kind_of

if TYPE_CHECKING:
    from imgclf.data.dataset import Dataset
    from imgclf.data.sources._class_folders import Listing
    from imgclf.data.sources._tree import Tree


class Source(NamedTuple):
    """One kind of data set.

    load        (path, splits, **settings) -> {split: Dataset}, of those splits that are there
    path        description of data.path; empty for a source that reads no path
    recognizes  (path) -> whether it can read that path
    settings    keys of the config that it takes: seed, image_size, color
    labels      kinds of labels to choose from, and the number of classes of each
    options     whether it takes data.options
    fixed       whether the data set itself defines the test images, so that nobody splits it otherwise
    warnings    (path) -> warnings about skipped files that may be data
    tree        (path) -> how the folder is read
    listings    (path, splits, **settings) -> {split: Listing}: the images can be counted, and read in chunks
    """

    load: "Callable[..., dict[str, Dataset]]"
    path: str = ""
    recognizes: Callable[[Path], bool] | None = None
    settings: tuple[str, ...] = ()
    labels: Mapping[str, int] = MappingProxyType({})
    options: bool = False
    fixed: bool = False
    warnings: Callable[[Path], list[str]] | None = None
    tree: "Callable[[Path], Tree] | None" = None
    listings: "Callable[..., dict[str, Listing]] | None" = None


def _function(name: str) -> Callable[..., Any]:
    """Return a function MODULE.NAME of this package, imported when it is called, so that configs need no NumPy."""
    module, _, word = name.partition(".")

    def call(*arguments: Any, **settings: Any) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), word)(*arguments, **settings)

    return call


# Paths are recognized in this order; `folder` is tried last, because it accepts any folder.
SOURCES: dict[str, Source] = {
    "fashion-mnist-mini": Source(_function("fashion_mnist_mini.load"), fixed=True),
    "cifar10": Source(
        _function("cifar10.load"),
        path="cifar-10-batches-py, cifar-10-batches-bin or their .tar.gz",
        recognizes=_function("cifar10.recognizes"),
        fixed=True,
    ),
    "cifar100": Source(
        _function("cifar100.load"),
        path="cifar-100-python, cifar-100-binary or their .tar.gz",
        recognizes=_function("cifar100.recognizes"),
        labels={"fine": 100, "coarse": 20},
        fixed=True,
    ),
    "idx": Source(
        _function("idx.load"),
        path="a folder with train-images-idx3-ubyte.gz and similar files",
        recognizes=_function("idx.recognizes"),
    ),
    "npz": Source(
        _function("npz.load"),
        path="an .npz file with X and y, or X.npy beside y.npy",
        recognizes=_function("npz.recognizes"),
        warnings=_function("npz.warnings"),
    ),
    "pack": Source(
        _function("pack.load"),
        path="a folder that `imgclf data pack` made",
        recognizes=_function("pack.recognizes"),
    ),
    "folder": Source(
        _function("folder.load"),
        path="a folder with a folder for each class",
        recognizes=_function("folder.recognizes"),
        settings=("image_size", "color"),
        warnings=_function("folder.warnings"),
        tree=_function("folder.tree"),
        listings=_function("folder.list_splits"),
    ),
    "synthetic": Source(_function("synthetic.load"), settings=("seed",), options=True, fixed=True),
}


def recognize(path: Path) -> str:
    """Return the name of the source that can read a path."""
    kind_of(path)  # raises where there is nothing
    for name, source in SOURCES.items():
        if source.recognizes and source.recognizes(path):
            return name
    raise DataError(path, "not a data set that imgclf knows", f"name {recognized()}")


def recognized() -> str:
    """Describe the paths whose source is recognized."""
    return "; ".join(source.path for source in SOURCES.values() if source.recognizes)
