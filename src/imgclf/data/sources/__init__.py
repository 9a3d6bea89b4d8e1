"""Data sources: `load(path, splits, **settings) -> {split: Dataset}`.

Asked for are some of "train", "val" and "test"; the files of the others are not opened. A source reads only what
`files` can vouch for, and raises DataError, UsageError (about `data.options`) or StorageError.
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
    """All that anyone must know of a kind of data set.

    load        (path, splits, **settings) -> {split: Dataset}, of those splits that are there
    path        what data.path leads to; empty where there is nothing to read
    recognizes  (path) -> whether it can read what is there
    settings    what it takes of the config, by these names: seed, image_size, color
    labels      the kinds of labels to choose from, and how many classes each has
    options     whether it takes data.options
    fixed       whether the set itself says which images are for testing: nobody divides it otherwise
    warnings    (path) -> what was passed over there, and may have been meant
    tree        (path) -> how the folder there is read
    listings    (path, splits, **settings) -> {split: Listing}: the images can be counted, and read some at a time
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
    """Return a function MODULE.NAME of this package, imported when it is called: configs need no NumPy."""
    module, _, word = name.partition(".")

    def call(*arguments: Any, **settings: Any) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), word)(*arguments, **settings)

    return call


# In the order in which they are asked whether they recognize a path: `folder`, which any folder may be, comes last.
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
        path="a folder with train-images-idx3-ubyte.gz and its like",
        recognizes=_function("idx.recognizes"),
    ),
    "npz": Source(
        _function("npz.load"),
        path="an .npz file with X and y",
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
    """Return the name of the source that can read what is at a path."""
    kind_of(path)  # raises where there is nothing
    for name, source in SOURCES.items():
        if source.recognizes and source.recognizes(path):
            return name
    raise DataError(path, "not a data set that imgclf knows", f"name {recognized()}")


def recognized() -> str:
    """Say what a path may lead to so that its source is found."""
    return "; ".join(source.path for source in SOURCES.values() if source.recognizes)
