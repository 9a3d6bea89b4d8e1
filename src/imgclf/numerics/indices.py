"""Row indices of a data set, in few bytes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgclf.arrays import IntArray


def row_indices(n: int) -> IntArray:
    """Return 0..n-1, (n,), as uint32 while it fits: indices are the arrays that grow with a data set."""
    return np.arange(n, dtype=index_dtype(n))


def index_dtype(n: int) -> type[np.integer[Any]]:
    """Return the smallest of uint32 and int64 that holds the row indices of n examples."""
    return np.uint32 if n <= 1 << 32 else np.int64


def slices(n: int, step: int = 1 << 16) -> Iterator[slice]:
    """Cut 0..n-1 into slices, for work that must not need memory for all examples at once."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
