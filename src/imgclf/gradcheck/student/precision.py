"""Detect the precision in which a learner's function computes."""

from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray

COARSE = 1e-12  # noise relative to the terms of the loss, between that of float64 and of float32
BLURRED = 1e-5  # the same, beyond that of float32
# How much coarser rounding is than in float64, the finest first. longdouble is finer, but its answers come as float64.
UNITS = {"longdouble": 1.0, "float64": 1.0, "float32": 2.0**29, "float16": 2.0**42}


class Precision(NamedTuple):
    """The precision in which a function computes."""

    name: str  # a key of UNITS; or the dtype of dW, where that is no float
    noise: float = 0.0  # of the loss
    is_blurred: bool = False  # whether rounding hides more than it does in float32

    @property
    def unit(self) -> float:
        """How much coarser than float64 rounding is."""
        return UNITS.get(self.name, UNITS["float32"])

    @property
    def is_coarse(self) -> bool:
        """Whether small mistakes are hidden by rounding."""
        return self.unit > 1


def precision_of(dtypes: set[str], noise: float, size: float, *, is_float32: bool) -> Precision:
    """Return the coarsest precision that shows in the dtypes of dW or the noise of the loss; size: its `magnitude`."""
    names = {_name(dtype) for dtype in dtypes}
    if is_float32 or noise > COARSE * (size + 1):
        names.add("float32")
    unknown = sorted(names - UNITS.keys())
    name = unknown[0] if unknown else max(names, key=list(UNITS).index)
    return Precision(name, noise, bool(unknown) or name == "float16" or noise > BLURRED * (size + 1))


def is_single(value: float) -> bool:
    """Whether float32 holds a value exactly: of values in float64, it holds one in 2**29."""
    return value != 0 and abs(value) < float(np.finfo(np.float32).max) and float(np.float32(value)) == value


def magnitude(value: float, W: FloatArray, X: FloatArray) -> float:
    """Return the size of the terms that a loss is summed from: of the loss itself, and of the terms of a score."""
    return abs(value) + float((np.abs(X) @ np.abs(W)).max(axis=1).mean())


def _name(dtype: str) -> str:
    """Call float96 and float128 longdouble: its size depends on the machine."""
    return "longdouble" if dtype == str(np.dtype(np.longdouble)) and dtype != "float64" else dtype
