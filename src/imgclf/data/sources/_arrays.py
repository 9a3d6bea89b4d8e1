"""Turn arrays of NumPy into examples and labels.

X is one of
    uint8 (N, H, W) or (N, H, W, 1 or 3)   images; other integers and booleans too, if all are within 0..255
    float (N, H, W) or (N, H, W, 1 or 3)   images: of 0..1, -1..1 or 0..255 they become bytes; others, feature vectors
    float (N, D), (N, 1, D), (N, D, 1, 1)  feature vectors, kept as they are (float16, float32, float64)
    integers (N, D)                        feature vectors
y (N,) or (N, 1) are whole numbers, or text: then the classes are in natural order; or booleans, the classes False and
True; or (N, C), one-hot. Numbers that no label has are no classes.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.class_names import REGRESSION, check_names, decode_texts, first_few, first_no_class, natural_key
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError
from imgclf.files.npy import take_rows
from imgclf.files.reading import shown
from imgclf.machine.memory import require_memory
from imgclf.numerics.indices import slices

_MAX_CLASSES = 100_000
_AT_ONCE = 1 << 20  # bytes of X looked at at a time


class Range(NamedTuple):
    """A range of the values of images of floats, and how they become bytes.

    name     what models and packs call it
    formula  code of `convert`, for people
    whole    whether all values must be whole numbers
    """

    name: str
    low: float
    high: float
    formula: str
    convert: Callable[[NDArray[Any]], NDArray[Any]]
    whole: bool = False


_BYTES = Range("whole numbers of 0..255", 0, 255, "X", lambda X: X, whole=True)
RANGES = (
    _BYTES,
    Range("0..1", 0, 1, "(255 * X)", lambda X: 255 * X),
    Range("-1..1", -1, 1, "(127.5 * (X + 1))", lambda X: 127.5 * (X + 1)),
    Range("0..255", 0, 255, "X", lambda X: X),
)
FEATURES = "features"  # images of floats whose values are no pixels
IMAGES = "images"  # asks for a range, which their own values decide: never FEATURES


class Seen(NamedTuple):
    """The values of an array: the smallest, the largest, and whether all are whole numbers."""

    low: float
    high: float
    whole: bool

    def within(self, one: Range) -> bool:
        """Whether images of these values may be of a range."""
        return one.low <= self.low and self.high <= one.high and (self.whole or not one.whole)

    def fill(self, one: Range) -> bool:
        """Whether images of these values are plainly of a range: of far smaller ones, bytes would lose too much."""
        return self.within(one) and (one.whole or max(-self.low, self.high) >= one.high / 2)


class Examples(NamedTuple):
    """Examples that an array holds.

    X        (N, H, W, channels) uint8 images, or (N, D) float feature vectors
    floats   how images of floats were read: the name of a range, or FEATURES; "" for images of integers
    remarks  how they were read, where that is not plain
    """

    X: NDArray[Any]
    floats: str = ""
    remarks: tuple[str, ...] = ()


def floats_of(X: NDArray[Any]) -> str:
    """Return how images of floats are read beside these training examples: as what these are."""
    if X.ndim < 3:
        return FEATURES
    if X.dtype == np.uint8:
        return _BYTES.name
    found = _filled(_look(X))
    return found.name if found else FEATURES


def _filled(seen: Seen) -> Range | None:
    """Return the range that images of these values are plainly of, or None."""
    return next((one for one in RANGES if seen.fill(one)), None)


def examples(X: NDArray[Any], where: str, floats: str = "") -> Examples:
    """Return the examples of an array; `floats` says how images of floats are read, else their own values decide.

    With IMAGES their own values decide, too, but what is no image is refused.
    """
    if X.size == 0:
        raise DataError(where, f"of shape {X.shape}: nothing", "store at least one example")
    X = _without_single_axes(X)
    if X.ndim == 2:
        return _features(X, where)
    if X.ndim == 3:
        X = X[..., None]
    if X.ndim == 4 and X.shape[3] not in (1, 3) and X.shape[1] in (1, 3):
        raise DataError(where, f"channels first, {X.shape}", "store X.transpose(0, 2, 3, 1)")
    if X.ndim != 4 or X.shape[3] not in (1, 3):
        raise DataError(where, f"of shape {X.shape}", "store (N, H, W), (N, H, W, 1), (N, H, W, 3), or features (N, D)")
    if X.dtype.kind == "f" and floats == FEATURES:
        return _features(X.reshape(len(X), -1), where)
    if X.dtype.kind == "f":
        return _float_images(X, where, floats)
    if X.dtype.kind not in "iub":
        raise DataError(where, f"images of type {X.dtype}", "store pixels as uint8, 0..255")
    if X.dtype != np.uint8 and not (seen := _look(X)).within(_BYTES):
        low, high = int(seen.low), int(seen.high)
        remedy = f": (X >> {high.bit_length() - 8}).astype('uint8')" if low >= 0 else ", 0..255"
        raise DataError(where, f"pixels from {low} to {high}", f"store pixels as uint8{remedy}")
    return Examples(_rows_first(X, np.dtype(np.uint8), where))


def given_examples(X: NDArray[Any], where: str, floats: str = "") -> Examples:
    """Return the examples of an array in memory.

    As `examples`, but unless `floats` says how they are read, images of floats must be whole numbers of 0..255: a few
    cannot say how all are meant.
    """
    if _without_single_axes(X).ndim > 2 and X.dtype.kind == "f" and X.size and not floats:
        seen = _look(X)
        if not seen.within(_BYTES):
            check_finite(X, where)
            problem = f"images of {X.dtype} from {seen.low:g} to {seen.high:g}"
            meant = next((f", {one.formula}.round()" for one in RANGES if seen.within(one)), "")
            raise DataError(where, problem, f"give pixels of 0..255{meant}; or feature vectors, X.reshape(len(X), -1)")
        require_memory(X.size, where)
        return examples(X.astype(np.uint8), where)._replace(floats=_BYTES.name)
    return examples(X, where, floats)


def _without_single_axes(X: NDArray[Any]) -> NDArray[Any]:
    """Return floats in a row, (N, D, 1, 1) of a network for example, as (N, D); anything else as it is."""
    in_a_row = X.ndim > 2 and X.size and X.dtype.kind == "f" and X[0].size == max(X.shape[1:])
    return X.reshape(len(X), -1) if in_a_row else X


def _float_images(X: NDArray[Any], where: str, floats: str) -> Examples:
    seen = _look(X)
    if not np.isfinite((seen.low, seen.high)).all():
        check_finite(X, where)
    what = f"images of {X.dtype} from {seen.low:g} to {seen.high:g}"
    is_known = floats not in ("", IMAGES)
    found = next((one for one in RANGES if one.name == floats), None) if is_known else _filled(seen)
    if found is None and is_known:
        raise DataError(
            where, f"images of floats, {floats[:20]!r} in training", "use the version that trained the model"
        )
    if found is None and floats == IMAGES:
        why = "too dark to tell their range" if any(map(seen.within, RANGES)) else "no pixels"
        raise DataError(where, f"{what}: {why}", "store them like the training images, as uint8, 0..255")
    if found is None:
        remark = f"{where}: {what} are no pixels: read as feature vectors"
        return _features(X.reshape(len(X), -1), where)._replace(remarks=(remark,))
    if not seen.within(found):
        raise DataError(
            where, f"{what}, in training {found.name}", "store these like the training images, or all as uint8"
        )
    require_memory(X.size, where)
    images: ByteArray = np.empty(X.shape, np.uint8)
    for part, pixels in _parts(X):
        images[part] = found.convert(pixels).round()
    remarks: tuple[str, ...] = ()
    if not is_known:  # else it was said of the training images
        remarks = (f"{where}: {what}, read as bytes: {found.formula}.round().astype('uint8')",)
    elif found.low < 0 <= seen.low:  # every pixel at least half white
        problem = f"{what}, in training {found.name}: predictions may be wrong"
        remarks = (f"{where}: {problem} - if these are of 0..1, store 2 * X - 1",)
    return Examples(images, found.name, remarks)


def _features(X: NDArray[Any], where: str) -> Examples:
    if X.dtype.kind not in "fiub":
        raise DataError(where, f"features of type {X.dtype}", "store numbers")
    if X.dtype.kind != "f":
        # float16 holds all integers of 8 bits, float32 those of 16.
        remark = f"{where}: {X.dtype} (N, D), read as feature vectors; images are stored as (N, H, W)"
        return Examples(_rows_first(X, np.promote_types(X.dtype, np.float16), where), FEATURES, (remark,))
    with np.errstate(over="ignore"):  # overflow gives inf, which is refused below
        dtype = X.dtype if X.dtype.itemsize <= 8 else np.dtype(np.float32)
        return Examples(_rows_first(X, dtype, where), FEATURES)


def check_finite(X: NDArray[Any], where: str) -> None:
    """Raise DataError if an example (N, ...) of floats has a NaN or Inf."""
    rows = Dataset.of(X.reshape(len(X), -1), np.zeros(len(X), np.uint8), ("",))
    rows.check_finite(where, "remove or replace them")


def _look(X: NDArray[Any]) -> Seen:
    """Look at all values; a NaN makes the range NaN, which is in no other."""
    low, high, whole = np.inf, -np.inf, True
    for _, part in _parts(X):
        low, high = np.minimum(low, part.min()), np.maximum(high, part.max())
        whole = whole and (X.dtype.kind != "f" or bool((part == np.rint(part)).all()))
    return Seen(float(low), float(high), whole)


def _parts(X: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    for part in slices(len(X), max(1, _AT_ONCE // X[:1].nbytes)):
        yield part, take_rows(X, np.arange(part.start, part.stop))


def _rows_first(X: NDArray[Any], dtype: np.dtype[Any], where: str) -> NDArray[Any]:
    """Return X in this type, C-contiguous; X itself if nothing changes."""
    if X.dtype != dtype or not X.flags.c_contiguous:
        require_memory(X.size * dtype.itemsize, where)
    return np.ascontiguousarray(X, dtype)


def labels(
    y: NDArray[Any], classes: tuple[str, ...] | None, where: str
) -> tuple[IntArray, tuple[str, ...], tuple[str, ...]]:
    """Return labels (N,) from 0, the names of the classes, and remarks; the names are given, or follow from y."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    remarks: tuple[str, ...] = ()
    columns = 0
    if _is_one_hot(y):
        columns = y.shape[1]
        y, remarks = y.argmax(axis=1), (f"{where}: one-hot labels {y.shape}, read as y.argmax(axis=1)",)
    if y.ndim != 1 or y.size == 0:
        remedy = "store y.ravel()" if y.ndim == 2 and len(y) == 1 and y.dtype.kind in "iu" else _ONE_EACH
        raise DataError(where, f"of shape {y.shape}, not (N,)", remedy)
    if y.dtype.kind == "b":  # numbers where the classes have other names
        y = y.astype(str if classes is None or set(classes) == {"False", "True"} else np.uint8)
    if y.dtype.kind in "US":
        return (*_from_text(y, classes, where), remarks)
    if y.dtype.kind == "f" and not (whole := np.isfinite(y) & (y == np.rint(y))).all():
        row = int(whole.argmin())
        remedy = REGRESSION if np.isfinite(y[row]) else "a label is the number of a class"
        raise DataError(where, f"label {y[row]} in row {row} is not a whole number", remedy)
    low, high = int(y.min()), int(y.max())
    count = _MAX_CLASSES if classes is None else len(classes)
    if low < 0 or high >= count:
        row = int(np.argmin(y) if low < 0 else np.argmax(y))
        as_text = f", or store y{'.astype(int)' * (y.dtype.kind == 'f')}.astype(str)"
        remedy = "number classes from 0" + as_text * (classes is None)
        raise DataError(where, f"label {y[row]} in row {row}, not within 0..{count - 1}", remedy)
    y = y.astype(np.int64) if y.dtype.kind == "f" else y
    if classes is not None:
        return y.astype(np.min_scalar_type(count - 1)), classes, remarks
    found, names, more = numbered(y, where, columns)
    return found, names, remarks + more


_ONE_EACH = "store one label per example: the number or the name of its class"


def _is_one_hot(y: NDArray[Any]) -> bool:
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "iufb":
        return False
    return bool(((y == 0) | (y == 1)).all() and (np.count_nonzero(y, axis=1) == 1).all())


def numbered(y: IntArray, where: str, least: int = 0) -> tuple[IntArray, tuple[str, ...], tuple[str, ...]]:
    """Return the labels of those classes that have one, their names, which stay the numbers, and remarks.

    Of the numbers below the largest label, or below `least`, those that no label has are named in a remark.
    """
    has_label = np.bincount(y.astype(np.int64, copy=False), minlength=least) > 0
    numbers = np.flatnonzero(has_label)
    new_label = np.cumsum(has_label, dtype=np.min_scalar_type(len(numbers))) - 1
    names = tuple(map(str, numbers.tolist()))
    missing = list(map(str, np.flatnonzero(~has_label).tolist()))
    remark = f"{where}: no label is {first_few(missing)}: the classes are {first_few(names)}"
    return new_label[y], check_names(names, where), (remark,) if missing else ()


def _from_text(y: NDArray[Any], classes: tuple[str, ...] | None, where: str) -> tuple[IntArray, tuple[str, ...]]:
    found, inverse = np.unique(y, return_inverse=True)
    texts = decode_texts(found.tolist(), where)  # one name may occur in two spellings
    if classes is None and (bad := first_no_class(texts)):
        row = int((inverse == texts.index(bad.label)).argmax())
        raise DataError(where, f"label {shown(bad.label)} in row {row} {bad.problem}", bad.remedy)
    names = classes or check_names(sorted(set(texts), key=natural_key), where)
    if unknown := set(texts) - set(names):
        numbers = all(text.isdecimal() for text in texts)
        remedy = "store numbers, y.astype(int)" if numbers else "add it there"
        raise DataError(where, f"label {shown(min(unknown))} is not among class_names", remedy)
    label_of = {name: label for label, name in enumerate(names)}
    return np.array([label_of[text] for text in texts], np.min_scalar_type(len(names) - 1))[inverse], names
