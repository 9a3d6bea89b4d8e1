"""Shapes, array types, and batches of examples.

The alphabet of shapes, the same in every module:

    N  examples              D  numbers an example has (pixels times channels)
    C  classes               n  some of the examples

    X        (N, D) float    what the classifier sees of each example
    y        (N,) int        its class, 0..C-1
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


class Example(NamedTuple):
    """Examples as the classifier sees them: X (n, D) float and y (n,) int."""

    X: FloatArray
    y: IntArray


ReadFn: TypeAlias = Callable[[IntArray], Example]  # (rows (n,)) -> X (n, D) and y (n,), of those rows


@dataclass(frozen=True)
class Batch:
    """Some examples, by their row numbers; `X, y = batch` reads them.

    Only what is read becomes float: a batch of all the data takes no memory before.
    """

    rows: IntArray  # (N,)
    read: ReadFn

    @classmethod
    def of(cls, X: FloatArray, y: IntArray) -> "Batch":
        """Wrap arrays that are already in memory: X (N, D) float, y (N,) int."""
        if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
            raise ValueError(f"X is {X.shape} and y is {y.shape}, not (N, D) and (N,)")
        if y.dtype.kind not in "iu" or (len(y) and y.min() < 0):
            raise ValueError("y is not whole numbers from 0")
        return cls(np.arange(len(y)), lambda rows: Example(X[rows], y[rows]))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read(self.rows))
