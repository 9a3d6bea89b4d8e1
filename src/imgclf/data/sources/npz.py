"""Source `npz`: NumPy arrays in one file.

The arrays are X and y, or x_train, y_train, x_val, y_val, x_test, y_test, and optionally class_names. Case does not
matter; val may be called valid, validation or dev. Other arrays are skipped, with a warning.

X is one of
    uint8 (N, H, W) or (N, H, W, 1 or 3)   images; other integers and booleans too, if all are within 0..255
    float (N, D)                           feature vectors, kept as they are (float32, float64)
y (N,) or (N, 1) are integers 0..C-1, or text: then the classes are in natural order.

Integers (N, D) are refused: they may be images or features, and a guess could be wrong. So are images of floats,
whose white may be 1 or 255, and labels that are not one class per example; the error gives the code to convert them.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.class_names import check_names, decode_names, decode_texts, first_few, natural_key
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError
from imgclf.files.npz import npz_names, read_npz
from imgclf.files.reading import is_file
from imgclf.machine.memory import require_memory

_KEYS = {split: (f"x_{split}", f"y_{split}") for split in ("train", "val", "test")}
_OTHER_VAL = re.compile(r"(?<=^[xy]_)(valid|validation|dev)$")
_MAX_CLASSES = 100_000
_RANGES = {(0, 1): "(255 * X)", (-1, 1): "(127.5 * (X + 1))", (0, 255): "X"}  # of floats -> 0..255


def load(path: Path, splits: Collection[str]) -> dict[str, Dataset]:
    """Load the splits whose arrays are there; only those asked for are read."""
    names = _by_usual_name(path)
    keys = _split_keys(path, names)
    wanted = {split: (names[x], names[y]) for split, (x, y) in keys.items() if split in splits}
    shared = [names["class_names"]] if wanted and "class_names" in names else []
    classes = _class_names(read_npz(path, shared), path)
    return {split: _load(path, x, y, classes) for split, (x, y) in wanted.items()}


def recognizes(path: Path) -> bool:
    """Whether a path is that of an .npz file."""
    return path.suffix.lower() == ".npz" and is_file(path)


def splits(path: Path) -> Collection[str]:
    """Return the splits whose arrays are there."""
    return _split_keys(path, _by_usual_name(path))


def warnings(path: Path) -> list[str]:
    """Return a warning about arrays that are not read."""
    names = _by_usual_name(path)
    read = {"class_names"}.union(*_split_keys(path, names).values())
    others = [repr(name[:40]) for key, name in names.items() if key not in read]
    return [f"{path}: passed over: {first_few(others)}"] if others else []


def _by_usual_name(file: Path) -> dict[str, str]:
    """Return the names of the arrays, by their documented name."""
    names: dict[str, str] = {}
    for name in npz_names(file):
        other = names.setdefault(_OTHER_VAL.sub("val", name.lower()), name)
        if other != name:
            raise DataError(file, f"both {other!r} and {name!r}", "keep one of them")
    return names


def _split_keys(file: Path, names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the keys of each split's X and y."""
    keys = {split: pair for split, pair in _KEYS.items() if set(pair) & set(names)}
    if {"x", "y"} & set(names):
        if "train" in keys:
            raise DataError(file, "both X, y and x_train, y_train", "keep one of the pairs")
        keys["train"] = ("x", "y")
    for pair in keys.values():
        if missing := set(pair) - set(names):
            raise DataError(file, f"there is no array {missing.pop()!r}", "images and labels come in pairs")
    if not keys:
        found = ", ".join(repr(name[:20]) for name in list(names)[:6]) or "nothing"
        raise DataError(file, f"holds {found}", "it must hold X and y, or x_train and y_train")
    return keys


def _class_names(arrays: dict[str, NDArray[Any]], file: Path) -> tuple[str, ...] | None:
    for array in arrays.values():
        if array.ndim != 1 or array.dtype.kind not in "US":
            raise DataError(f"{file}: class_names", f"{array.dtype} {array.shape}, not a list of texts", "store texts")
        return decode_names(array.tolist(), f"{file}: class_names")
    return None


def _load(file: Path, x_key: str, y_key: str, classes: tuple[str, ...] | None) -> Dataset:
    arrays = read_npz(file, [x_key, y_key])
    examples = _examples(arrays[x_key], f"{file}: {x_key}")
    labels, names = _labels(arrays[y_key], classes, f"{file}: {y_key}")
    if len(examples) != len(labels):
        problem = f"{len(labels):,} labels, but {len(examples):,} examples"
        raise DataError(f"{file}: {y_key}", problem, "store one label per example")
    return Dataset.of(examples, labels, names)


def _examples(X: NDArray[Any], where: str) -> NDArray[Any]:
    if X.size == 0:
        raise DataError(where, f"of shape {X.shape}: nothing", "store at least one example")
    if X.ndim == 2:
        return _features(X, where)
    if X.ndim == 3:
        X = X[..., None]
    if X.ndim == 4 and X.shape[3] not in (1, 3) and X.shape[1] in (1, 3):
        raise DataError(where, f"channels first, {X.shape}", "store X.transpose(0, 2, 3, 1)")
    if X.ndim != 4 or X.shape[3] not in (1, 3):
        raise DataError(where, f"of shape {X.shape}", "store (N, H, W), (N, H, W, 1), (N, H, W, 3), or features (N, D)")
    if X.dtype.kind not in "iub":
        raise DataError(where, f"images of type {X.dtype}", _as_bytes(X))
    if X.dtype != np.uint8 and (X.min() < 0 or X.max() > 255):
        low, high = int(X.min()), int(X.max())
        remedy = f": (X >> {high.bit_length() - 8}).astype('uint8')" if low >= 0 else ", 0..255"
        raise DataError(where, f"pixels from {low} to {high}", f"store pixels as uint8{remedy}")
    return _rows_first(X, np.dtype(np.uint8), where)


def _as_bytes(X: NDArray[Any]) -> str:
    """Return code that converts images of floats, for three common ranges."""
    if X.dtype.kind == "f":
        low, high = X.min(), X.max()
        for (black, white), formula in _RANGES.items():
            if black <= low and high <= white:
                return f"store pixels as uint8: {formula}.round().astype('uint8')"
    return "store pixels as uint8, 0..255, or feature vectors as X.reshape(len(X), -1)"


def _features(X: NDArray[Any], where: str) -> NDArray[Any]:
    if X.dtype.kind != "f":
        remedy = "store images as (N, H, W), feature vectors as X.astype('float32')"
        raise DataError(where, f"of type {X.dtype} and shape {X.shape}: images or features?", remedy)
    with np.errstate(over="ignore"):  # overflow gives inf, which is refused below
        X = _rows_first(X, X.dtype if X.dtype in (np.float32, np.float64) else np.dtype(np.float32), where)
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        rows = np.flatnonzero(~finite)
        more = f" and {len(rows) - 1:,} more rows" if len(rows) > 1 else ""
        raise DataError(where, f"NaN or Inf in row {rows[0]}{more}", "remove or replace them")
    return X


def _rows_first(X: NDArray[Any], dtype: np.dtype[Any], where: str) -> NDArray[Any]:
    """Return X in this type, C-contiguous; X itself if nothing changes."""
    if X.dtype != dtype or not X.flags.c_contiguous:
        require_memory(X.size * dtype.itemsize, where)
    return np.ascontiguousarray(X, dtype)


def _labels(y: NDArray[Any], classes: tuple[str, ...] | None, where: str) -> tuple[IntArray, tuple[str, ...]]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.size == 0:
        raise DataError(where, f"of shape {y.shape}, not (N,)", _one_label_each(y))
    if y.dtype.kind in "US":
        return _from_text(y, classes, where)
    if y.dtype.kind == "f" and not (whole := np.isfinite(y) & (y == np.rint(y))).all():
        row = int(whole.argmin())
        raise DataError(where, f"label {y[row]} in row {row}, not a whole number", "a label is the number of a class")
    if y.dtype.kind not in "iu":
        raise DataError(where, f"labels of type {y.dtype}", "store integers, y.astype(int), or the names of classes")
    low, high = int(y.min()), int(y.max())
    count = _MAX_CLASSES if classes is None else len(classes)
    if low < 0 or high >= count:
        row = int(np.argmin(y) if low < 0 else np.argmax(y))
        raise DataError(where, f"label {y[row]} in row {row}, not within 0..{count - 1}", "number classes from 0")
    return y.astype(np.int64), classes or check_names(map(str, range(high + 1)), where)


def _one_label_each(y: NDArray[Any]) -> str:
    """Return a remedy for labels of another shape than (N,)."""
    if y.ndim == 2 and y.size and y.dtype.kind in "iufb":
        if ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
            return "these are one-hot: store y.argmax(axis=1)"
        if len(y) == 1:
            return "store y.ravel()"
    return "store one label per example: the number or the name of its class"


def _from_text(y: NDArray[Any], classes: tuple[str, ...] | None, where: str) -> tuple[IntArray, tuple[str, ...]]:
    found, inverse = np.unique(y, return_inverse=True)
    texts = decode_texts(found.tolist(), where)  # one name may occur in two spellings
    names = classes or check_names(sorted(set(texts), key=natural_key), where)
    if unknown := set(texts) - set(names):
        numbers = all(text.isdecimal() for text in texts)
        remedy = "store numbers, y.astype(int)" if numbers else "add it there"
        raise DataError(where, f"label {min(unknown)[:40]!r} is not among class_names", remedy)
    label_of = {name: label for label, name in enumerate(names)}
    return np.array([label_of[text] for text in texts])[inverse], names
