"""Shapes, array types, and batches of examples.

The alphabet of shapes, the same in every module:

    N  examples              D  numbers per example (pixels times channels)
    C  classes               n  some of the examples

    X        (N, D) float    the examples, one per row
    y        (N,) int        their classes, 0..C-1
    weights  (D+1, C) float  W on top, the bias b in the last row
    scores   (N, C) float    X @ W + b
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]
ByteArray: TypeAlias = NDArray[np.uint8]


class Examples(NamedTuple):
    """Examples and their classes: X (n, D) float and y (n,) int."""

    X: FloatArray
    y: IntArray


ReadFn: TypeAlias = Callable[[IntArray], Examples]  # (rows (n,)) -> X (n, D) and y (n,) of those rows


@dataclass(frozen=True)
class Batch:
    """Examples of one step, by their row indices; `X, y = batch` reads them.

    Nothing is read before that, so a batch of the whole data set takes next to no memory.
    """

    rows: IntArray  # (N,)
    read: ReadFn

    @classmethod
    def of(cls, X: FloatArray, y: IntArray) -> "Batch":
        """Wrap arrays that are already in memory: X (N, D) float, y (N,) int."""
        if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
            raise ValueError(f"X is {X.shape} and y is {y.shape}, not (N, D) and (N,)")
        if y.dtype.kind not in "iu" or (len(y) and y.min() < 0):
            raise ValueError("y must hold integers from 0")
        return cls(np.arange(len(y)), lambda rows: Examples(X[rows], y[rows]))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read(self.rows))
