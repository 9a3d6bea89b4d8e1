"""Data sources: `load(path, splits, **settings) -> {split: Dataset}`.

`splits` are some of "train", "val" and "test"; files of other splits are not opened. A source reads files through
`imgclf.files` only, and raises DataError, UsageError (about `data.options`) or StorageError.
"""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from imgclf.errors import DataError

if TYPE_CHECKING:
    from imgclf.data.dataset import Dataset
    from imgclf.data.sources._class_folders import Listing
    from imgclf.data.sources._tree import Tree


class Source(NamedTuple):
    """One kind of data set.

    load        (path, splits, **settings) -> {split: Dataset}, of those splits that are there
    path        description of data.path; empty for a source that reads no path
    recognizes  (path) -> whether it can read that path; with `options`, (path, **data.options)
    settings    keys of the config that it takes: seed, image_size, color
    like        whether it takes `like`, the InputFormat of other data that its files are to be read like
    labels      kinds of labels to choose from, and the number of classes of each
    options     whether it takes data.options
    fixed       whether the data set itself defines the test images, so that nobody splits it otherwise
    warnings    (path, **data.options) -> warnings about skipped files that may be data
    tree        (path) -> how the folder is read
    listings    (path, splits, **settings) -> {split: Listing}: the images can be counted, and read in chunks; or None
    splits      (path, **data.options) -> the splits that are there, found without opening images; None: by loading them
    """

    load: "Callable[..., dict[str, Dataset]]"
    path: str = ""
    recognizes: Callable[..., bool] | None = None
    settings: tuple[str, ...] = ()
    like: bool = False
    labels: Mapping[str, int] = MappingProxyType({})
    options: bool = False
    fixed: bool = False
    warnings: Callable[..., list[str]] | None = None
    tree: "Callable[[Path], Tree] | None" = None
    listings: "Callable[..., dict[str, Listing] | None] | None" = None
    splits: Callable[..., Collection[str]] | None = None


def _function(name: str) -> Callable[..., Any]:
    """Return a function MODULE.NAME of this package, imported when it is called, so that configs need no NumPy."""
    module, _, word = name.rpartition(".")

    def call(*arguments: Any, **settings: Any) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), word)(*arguments, **settings)

    return call


def _at_path(module: str, path: str, **more: Any) -> Source:
    """Return the source of a module that has `load`, `recognizes` and `splits`."""
    functions = {name: _function(f"{module}.{name}") for name in ("load", "recognizes", "splits")}
    return Source(path=path, **(functions | more))


_TRAIN_AND_TEST: dict[str, Any] = {"fixed": True, "splits": lambda _: ("train", "test")}
_ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".rar"}
# Paths are recognized in this order; `folder` is tried last, because it accepts any folder.
SOURCES: dict[str, Source] = {
    "fashion-mnist-mini": Source(_function("fashion_mnist_mini.load"), **_TRAIN_AND_TEST),
    "cifar10": _at_path("cifar10", "cifar-10-batches-py, cifar-10-batches-bin or their .tar.gz", **_TRAIN_AND_TEST),
    "cifar100": _at_path(
        "cifar100",
        "cifar-100-python, cifar-100-binary or their .tar.gz",
        labels={"fine": 100, "coarse": 20},
        **_TRAIN_AND_TEST,
    ),
    "idx": _at_path("idx", "a folder with train-images-idx3-ubyte.gz and similar files"),
    "npz": _at_path(
        "npz", "an .npz file with X and y, or X.npy beside y.npy", like=True, warnings=_function("npz.warnings")
    ),
    "pack": _at_path("pack", "a folder that `imgclf data pack` made"),
    "csv": _at_path(
        "csv.loading",
        "a CSV file of file names, pixels or features, with labels, or the folder that holds it",
        settings=("image_size", "color", "resize"),
        like=True,
        options=True,
        warnings=_function("csv.loading.warnings"),
        listings=_function("csv.loading.list_splits"),
    ),
    "folder": _at_path(
        "folder",
        "a folder with a folder for each class",
        settings=("image_size", "color", "resize"),
        warnings=_function("folder.warnings"),
        tree=_function("folder.tree"),
        listings=_function("folder.list_splits"),
        splits=lambda path: _function("folder.tree")(path).splits,
    ),
    "synthetic": Source(_function("synthetic.load"), settings=("seed",), options=True, fixed=True),
}


def recognize(path: Path, options: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return the name of the source that can read a path; `options` may be about tables."""
    if _function("_parquet.is_parquet")(path):  # raises where there is nothing
        raise _function("_parquet.pack_first")(path)
    for name, source in SOURCES.items():
        if source.recognizes and source.recognizes(path, **(options if source.options else {})):
            return name
    packed = path.suffix.lower() in _ARCHIVES
    raise DataError(
        path,
        "not a data set that imgclf knows",
        "unpack it, and name the folder of the images" if packed else f"name {recognized()}",
    )


def recognized() -> str:
    """Describe the paths whose source is recognized."""
    return "; ".join(source.path for source in SOURCES.values() if source.recognizes)
