"""Detect the floating-point precision of a learner's function."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray

COARSE = 1e-12  # noise relative to the terms of the loss; float64 has less, float32 more
BLURRED = 1e-5  # likewise; float32 has less
LARGEST_ROUNDED = 1e4  # a larger loss has few decimals anyway
# Rounding in units of that of float64, the finest first. longdouble is finer, but its results come as float64.
UNITS = {"longdouble": 1.0, "float64": 1.0, "float32": 2.0**29, "float16": 2.0**42}


class Precision(NamedTuple):
    """The precision in which a function computes."""

    name: str  # a key of UNITS; or the dtype of dW, if that is not a float
    noise: float = 0.0  # of the loss
    is_blurred: bool = False  # whether rounding hides more than in float32

    @property
    def unit(self) -> float:
        """Rounding in units of that of float64."""
        return UNITS.get(self.name, UNITS["float32"])

    @property
    def is_coarse(self) -> bool:
        """Whether rounding hides small mistakes."""
        return self.unit > 1


def precision_of(dtypes: set[str], noise: float, size: float, *, is_float32: bool) -> Precision:
    """Return the coarsest precision of the dtypes of dW and the noise of the loss; size: its `magnitude`."""
    names = {_name(dtype) for dtype in dtypes}
    if is_float32 or noise > COARSE * (size + 1):
        names.add("float32")
    unknown = sorted(names - UNITS.keys())
    name = unknown[0] if unknown else max(names, key=list(UNITS).index)
    return Precision(name, noise, bool(unknown) or name == "float16" or noise > BLURRED * (size + 1))


def is_single(value: float) -> bool:
    """Whether float32 holds a value exactly: by chance it holds one float64 value in 2**29."""
    return value != 0 and abs(value) < float(np.finfo(np.float32).max) and float(np.float32(value)) == value


def decimals_of(values: Sequence[float]) -> int | None:
    """Return how many decimals, at most 6, all values are rounded to; None if they are not: by chance none is."""
    if not all(0 < abs(value) < LARGEST_ROUNDED for value in values):
        return None
    return next((k for k in range(7) if all(round(value, k) == value for value in values)), None)


def magnitude(value: float, W: FloatArray, X: FloatArray) -> float:
    """Return the size of the terms of a loss: of the loss itself, plus the terms of a score."""
    return abs(value) + float((np.abs(X) @ np.abs(W)).max(axis=1).mean())


def _name(dtype: str) -> str:
    """Call float96 and float128 longdouble: its size depends on the machine."""
    return "longdouble" if dtype == str(np.dtype(np.longdouble)) and dtype != "float64" else dtype
