"""Data sources: `load(path, splits, **options) -> {split: Dataset}`.

Asked for are some of "train", "val" and "test"; the files of the others are not opened. A source reads only what
`formats` can vouch for, and raises DataError, UsageError (about `data.path`, `data.options`) or StorageError.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from imgclf.data.dataset import Dataset
from imgclf.data.pack import is_pack
from imgclf.data.sources import _cifar, cifar10, cifar100, fashion_mnist_mini, folder, idx, npz, pack, synthetic
from imgclf.data.sources._tree import Tree as Tree
from imgclf.errors import DataError
from imgclf.formats.archive import find_folder
from imgclf.formats.files import kind_of

LoadFn: TypeAlias = Callable[..., dict[str, Dataset]]


def recognise(path: Path) -> str:
    """Return the name of the source that can read what is at a path."""
    kind = kind_of(path)
    if kind == "file":
        name = _file_source(path)
    elif is_pack(path):
        name = "pack"
    elif _cifar.locate(path, cifar10.LAYOUTS):
        name = "cifar10"
    elif _cifar.locate(path, cifar100.layouts()):
        name = "cifar100"
    elif idx.find_files(path):
        name = "idx"
    else:
        name = "folder" if folder.may_be_meant(path) else None
    if name is None:
        looked = "an .npz, a CIFAR .tar.gz, or a folder with CIFAR batches, IDX files, class folders or a pack"
        raise DataError(path, "not a data set that imgclf knows", f"name {looked}")
    return name


def _file_source(path: Path) -> str | None:
    name = path.name.lower()
    if name.endswith(".npz"):
        return "npz"
    if not name.endswith((".tar.gz", ".tgz", ".tar")):
        return None
    # The longer name first: cifar-100 begins with cifar-10.
    for start, source in (("cifar-100", "cifar100"), ("cifar-10", "cifar10")):
        if start in name:
            return source
    known = {layout.folder: source for source, layouts in _ARCHIVES.items() for layout in layouts}
    return known.get(find_folder(path, known) or "")


_ARCHIVES = {"cifar10": cifar10.LAYOUTS, "cifar100": cifar100.layouts()}

SOURCES: dict[str, LoadFn] = {
    "fashion-mnist-mini": fashion_mnist_mini.load,
    "cifar10": cifar10.load,
    "cifar100": cifar100.load,
    "idx": idx.load,
    "folder": folder.load,
    "npz": npz.load,
    "pack": pack.load,
    "synthetic": synthetic.load,
}
