"""Source `npz`: NumPy arrays, in one .npz file or in .npy files.

The arrays are X and y, or x_train, y_train, x_val, y_val, x_test, y_test, and optionally class_names. Case does not
matter; the split may come first (train_X), val may be called valid, validation or dev; X may be called features,
embeddings, images or data, and y labels or targets. Other arrays are skipped, with a warning.

.npy files are named so in a folder, or lie in a folder for each split (train/X.npy); or one of them is named, and its
labels lie beside it; all its rows are then one split. X is mapped from them. `_arrays` says which arrays are images,
features and labels. Examples of val or test without labels are passed over, with a warning: they may be predicted.
"""

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from imgclf.data.class_names import as_text, decode_names, first_few, read_names
from imgclf.data.dataset import UNKNOWN, Dataset, InputFormat
from imgclf.data.packs.pack import is_pack
from imgclf.data.sources._arrays import FEATURES, IMAGES, Examples, examples, floats_of, labels
from imgclf.data.sources._folders import look_into
from imgclf.data.sources._tree import class_folders
from imgclf.data.split_names import SPLITS, WORDS, is_evaluation, split_of
from imgclf.errors import DataError
from imgclf.files.npy import read_npy
from imgclf.files.npz import npz_names, read_npz
from imgclf.files.reading import is_file, kind_of, reading, shown

CLASS_NAMES = "class_names"
_EXAMPLES = ("x", "features", "feats", "embeddings", "images", "data")  # the first that is there is read
_LABELS = ("y", "labels", "label", "targets", "target")
# Not eval, which may be val or test.
_SPLIT, _KIND = "|".join(word for word in WORDS if not is_evaluation(word)), "|".join([*_EXAMPLES, *_LABELS])
_NAME = re.compile(rf"(?:({_SPLIT})[_.-]?)?({_KIND})(?:[_.-]?({_SPLIT}))?", re.IGNORECASE)


class Arrays(NamedTuple):
    """Named arrays at a path: `read` reads one, `called` says which in an error."""

    names: tuple[str, ...]
    read: Callable[[str], NDArray[Any]]
    called: Callable[[str], str]


class Pair(NamedTuple):
    """The names of the examples and of the labels of a split."""

    X: str
    y: str


def load(path: Path, splits: Collection[str], like: InputFormat = UNKNOWN) -> dict[str, Dataset]:
    """Load the splits whose arrays are there; only those asked for are read.

    `like` says how images of floats are read. If it does not, the training images decide, and are read for it.
    """
    arrays = _arrays(path)
    pairs = _pairs(path, arrays)
    wanted = {split: pair for split, pair in pairs.items() if split in splits}
    classes = _class_names(path, arrays) if wanted else None
    train = pairs["train"].X if "train" in pairs else ""
    found: dict[str, Dataset] = {}
    for split in (one for one in SPLITS if one in wanted):  # train first
        floats = found["train"].input_format.floats if "train" in found else ""
        found[split] = _load(arrays, wanted[split], train, classes, like.floats or floats)
    return found


def has_examples(path: Path) -> bool:
    """Whether a path is that of an .npz or .npy file, or a folder with .npy files of examples."""
    if kind_of(path) == "file":
        return path.suffix.lower() in (".npz", ".npy")
    return not is_pack(path) and any(_is_of(name, _EXAMPLES) for name in _npy_at(path))


def recognizes(path: Path) -> bool:
    """Whether a path has examples; beside class folders, .npy files need labels, too."""
    if kind_of(path) == "file" or not has_examples(path):
        return has_examples(path)
    return any(_is_of(name, _LABELS) for name in _npy_at(path)) or not class_folders(path)


def splits(path: Path) -> Collection[str]:
    """Return the splits whose arrays are there."""
    return _pairs(path, _arrays(path))


def warnings(path: Path) -> list[str]:
    """Return a warning about arrays that are not read."""
    arrays = _arrays(path)
    read = {CLASS_NAMES}.union(*_pairs(path, arrays).values())
    unlabeled = {*_by_split(path, arrays.names, _EXAMPLES).values()} - read
    others = [
        f"{name[:40]!r}{' (no labels: for `imgclf predict`)' * (name in unlabeled)}"
        for name in arrays.names
        if name not in read and name.lower() != CLASS_NAMES
    ]
    return [f"{path}: passed over: {first_few(others)}"] if others else []


def read_examples(path: Path, like: InputFormat = UNKNOWN) -> Examples:
    """Read only examples, to be predicted; labels need not be there.

    Of several splits, test or else the first: then with a remark that says so. `like` as for `load`.
    """
    arrays = _arrays(path, alone=True)
    found = _by_split(path, arrays.names, _EXAMPLES)
    if not found:
        raise _nothing(path, arrays)
    split = "test" if "test" in found else next(iter(found))
    read = _examples(arrays, found[split], found.get("train", ""), like.floats)
    others = [one for one in found if one != split]
    remark = f"{path}: only its split {split} is predicted, not {' or '.join(others)}"
    return read._replace(remarks=(*read.remarks, *([remark] if others else [])))


def _arrays(path: Path, *, alone: bool = False) -> Arrays:
    """Return the arrays of an .npz file, of a folder of .npy files, or of one such file and its labels.

    alone  the labels of one file are not looked for
    """
    if kind_of(path) == "folder":
        files = _npy_at(path)
    elif path.suffix.lower() != ".npy":
        return Arrays(tuple(npz_names(path)), lambda name: read_npz(path, [name])[name], lambda name: f"{path}: {name}")
    else:
        files = {"x": path} | ({} if alone else {"y": _labels_beside(path)})
        beside = _npy_files(path.parent)
        files |= {name: beside[name] for name in beside if name.lower() == CLASS_NAMES}
    return Arrays(tuple(files), lambda name: read_npy(files[name]), lambda name: str(files[name]))


def _npy_at(folder: Path) -> dict[str, Path]:
    """Return the .npy files of a folder, and those in the folders of its splits: train/X.npy as train_X."""
    folder = _inside(folder)
    found = _npy_files(folder)
    for inside in look_into(folder).folders:
        if (split := split_of(inside)) and (files := _npy_files(inside)) and not look_into(inside).folders:
            for name, file in files.items():
                whole = name if _has_split(name) else f"{split}_{name}"
                if whole in found:
                    both = f"both {found[whole].relative_to(folder)} and {file.relative_to(folder)}"
                    raise DataError(folder, both, "keep one of them")
                found[whole] = file
    return found


def _inside(folder: Path) -> Path:
    """Return the folder that an archive was unpacked into, if there is only that one, with notes beside it."""
    only = look_into(folder).only_folder
    return _inside(only) if only and not split_of(only) and not _npy_files(folder) else folder


def _has_split(name: str) -> bool:
    known = _NAME.fullmatch(name)
    return known is not None and bool(known[1] or known[3])


def _npy_files(folder: Path) -> dict[str, Path]:
    """Return the .npy files of a folder by name, without the suffix."""
    with reading(folder):
        found = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".npy")
    return {as_text(file.stem): file for file in found if not file.name.startswith(".") and is_file(file)}


def _labels_beside(file: Path) -> Path:
    """Return the file of the labels of examples: called as they are, or with a word for labels in their name."""
    beside = {name.lower(): path for name, path in _npy_files(file.parent).items() if path != file}
    stem = as_text(file.stem).lower()
    known = _NAME.fullmatch(stem)
    wanted = [_partner(stem, word) if known else f"{stem}_{word}" for word in _LABELS] + [*_LABELS] * (not known)
    found = [beside[word] for word in wanted if word in beside]
    if not found:
        looked = ", ".join(f"{word}.npy" for word in wanted)
        raise DataError(file, "there are no labels beside it", f"looked for {looked}")
    return found[0]


def _parsed(name: str) -> tuple[str, str] | None:
    """Return the split and the word for examples or labels in the name of an array; None for other names."""
    found = _NAME.fullmatch(name)
    if found is None or (found[1] and found[3]):
        return None
    return WORDS[(found[1] or found[3] or "train").lower()], found[2].lower()


def _is_of(name: str, words: Collection[str]) -> bool:
    parsed = _parsed(name)
    return parsed is not None and parsed[1] in words


def _by_split(path: Path, names: Iterable[str], words: tuple[str, ...]) -> dict[str, str]:
    """Return the name of the array of each split that has one of these words, the first word that is there."""
    chosen: dict[str, tuple[int, str]] = {}
    for name in names:
        split, word = _parsed(name) or ("", "")
        if word not in words:
            continue
        rank = words.index(word)
        before = chosen.get(split, (len(words), ""))
        if before[0] == rank:
            raise DataError(path, f"both {before[1]!r} and {name!r}", "keep one of them")
        chosen[split] = min(before, (rank, name))
    return {split: name for split, (_, name) in chosen.items()}


def _pairs(path: Path, arrays: Arrays) -> dict[str, Pair]:
    X, y = (_by_split(path, arrays.names, words) for words in (_EXAMPLES, _LABELS))
    if not X and not y:
        raise _nothing(path, arrays)
    pairs = {split: Pair(X[split], y[split]) for split in X if split in y}
    for split in [*X, *y]:
        if split not in pairs and (not pairs or split in y or split == "train"):
            name, words = (X[split], _LABELS) if split in X else (y[split], _EXAMPLES)
            wanted = [_partner(name, word) for word in words]
            problem = f"there is no array {wanted[0]!r} for {shown(name)}"
            raise DataError(path, problem, f"looked for {', '.join(wanted)}")
    return pairs


def _partner(name: str, word: str) -> str:
    """Return a name with another word for what it holds."""
    found = _NAME.fullmatch(name)
    assert found is not None, "it was chosen by this pattern"
    return name[: found.start(2)] + word + name[found.end(2) :]


def _class_names(path: Path, arrays: Arrays) -> tuple[str, ...] | None:
    for name in arrays.names:
        if name.lower() == CLASS_NAMES:
            array, where = arrays.read(name), arrays.called(name)
            if array.ndim != 1 or array.dtype.kind not in "US":
                raise DataError(where, f"{array.dtype} {array.shape}, not a list of texts", "store texts")
            return decode_names(array.tolist(), where)
    if not path.is_dir():
        return None
    written = _inside(path) / f"{CLASS_NAMES}.txt"
    return read_names(written) if is_file(written) else None


def _examples(arrays: Arrays, name: str, train: str, floats: str) -> Examples:
    """Read examples; where it is not known how floats are read, as the training examples say, if there are some."""
    X = arrays.read(name)
    if floats in ("", IMAGES) and train not in ("", name) and X.dtype.kind == "f" and X.ndim > 2:
        of_train = floats_of(arrays.read(train))
        floats = floats if floats and of_train == FEATURES else of_train
    return examples(X, arrays.called(name), floats)


def _load(arrays: Arrays, pair: Pair, train: str, classes: tuple[str, ...] | None, floats: str) -> Dataset:
    images, beside = arrays.called(pair.X), arrays.called(pair.y)
    X, floats, remarks = _examples(arrays, pair.X, train, floats)
    y, names, more = labels(arrays.read(pair.y), classes, beside)
    if len(X) != len(y):
        raise DataError(beside, f"{len(y):,} labels, but {len(X):,} examples", "store one label per example")
    dataset = Dataset.of(X, y, names, remarks=(*remarks, *more), input_format=InputFormat(floats=floats))
    if X.ndim == 2:
        dataset.check_finite(images, "remove or replace them")
    return dataset


def _nothing(path: Path, arrays: Arrays) -> DataError:
    found = ", ".join(repr(name[:20]) for name in arrays.names[:6]) or "nothing"
    return DataError(path, f"holds {found}", "it must hold X and y, or x_train and y_train")
