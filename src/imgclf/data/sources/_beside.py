"""Find other data in a folder, beside the data that is read."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imgclf.data.class_names import as_text, first_few
from imgclf.data.sources import SOURCES, idx, npz
from imgclf.data.sources._tree import class_folders
from imgclf.data.sources.csv.columns import Options
from imgclf.data.sources.csv.loading import list_splits
from imgclf.data.sources.csv.tables import has_labels, tables_around
from imgclf.data.split_names import split_in
from imgclf.errors import ImgclfError
from imgclf.files.reading import kind_of

# What sources read whose files have names of their own: they are recognized before all that lies beside.
_READ = {"cifar10": "CIFAR-10 is", "cifar100": "CIFAR-100 is", "idx": "the IDX files are", "npz": "the .npy files are"}


def warnings(source: str, path: Path) -> list[str]:
    """Return a warning for each other source that could read a folder, too: what it would read, and how to say so."""
    if source not in _READ or kind_of(path) != "folder":
        return []
    names, lines = [*SOURCES], []
    for other, look in _OTHERS.items():
        with suppress(ImgclfError):  # it could not
            if names.index(other) > names.index(source) and (found := look(path)):
                lines.append(f"{path}: {_READ[source]} read, not {found}; to change that: -s data.source={other}")
    return lines


def _idx_files(path: Path) -> str:
    return "the IDX files" if idx.splits(path) else ""


def _arrays(path: Path) -> str:
    return "the .npy files" if npz.recognizes(path) and npz.splits(path) else ""


def _tables(path: Path) -> str:
    tables = [file for file in tables_around(path).tables if split_in(file.stem) != "test"]  # which nobody opens
    tables = [file for file in tables if has_labels(file, Options())]
    if tables:
        list_splits(path, ("train",))  # raises where images are missing
    return _named("the table", path, tables)


def _class_folders(path: Path) -> str:
    return _named("the class folder", path, class_folders(path))


_OTHERS: dict[str, Callable[[Path], str]] = {
    "idx": _idx_files, "npz": _arrays, "csv": _tables, "folder": _class_folders,
}  # fmt: skip


def _named(what: str, root: Path, paths: list[Path]) -> str:
    names = first_few([as_text(path.relative_to(root)) for path in paths], 3)
    return f"{what}{'s' * (len(paths) > 1)} {names}" if paths else ""
