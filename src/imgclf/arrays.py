"""Shapes, array types, and batches of examples.

The alphabet of shapes, the same in every module:

    N  examples              D  numbers an example has (pixels times channels)
    C  classes               n  examples of one block, at most BLOCK

    X        (N, D) float    what the classifier sees of each example
    y        (N,) int        its class, 0..C-1
    weights  (D+1, C) float  W on top, the bias b in the last row
    scores   (N, C) float    X @ W + b
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.integer[Any]]
ByteArray: TypeAlias = NDArray[np.uint8]

BLOCK = 128  # rows that are read, scored and summed together: few enough for a processor's cache
LINE = 64  # bytes: what a processor's cache fetches at a time


def empty_on_lines(shape: tuple[int, ...], dtype: str) -> FloatArray:
    """Return an empty array that begins where a line of the cache does; NumPy's own begin at any 16 bytes.

    A processor with AVX-512 reads 64 bytes at a time: small products of such an array take two thirds of the time.
    """
    size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    flat = np.empty(size + LINE // itemsize, dtype)
    start = -flat.ctypes.data % LINE // itemsize
    return flat[start : start + size].reshape(shape)


def places(n: int) -> IntArray:
    """Return 0..n-1, (n,), as numbers of 4 bytes while those suffice: row numbers are what grows with a data set."""
    return np.arange(n, dtype=place_type(n))


def place_type(n: int) -> type[np.integer[Any]]:
    """Return the type that holds the places of n examples."""
    return np.uint32 if n <= 1 << 32 else np.int64


def slices(n: int, step: int = 1 << 16) -> Iterator[slice]:
    """Cut 0..n-1 into pieces, for what must not need memory for all examples at once."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


class Example(NamedTuple):
    """Rows of a batch, read: X (n, D) float and y (n,) int."""

    X: FloatArray
    y: IntArray


Sums: TypeAlias = tuple[Any, ...]  # numbers and arrays, added one by one
SumFn: TypeAlias = Callable[[Callable[[int], Sums], int], Sums]  # (term, n) -> the tree_sum of term(0), ..., term(n-1)


def sum_in_turn(term: Callable[[int], Sums], n: int) -> Sums:
    """Add up term(0), ..., term(n-1), computed one after the other."""
    return tree_sum(map(term, range(n)))


@dataclass(frozen=True)
class Batch:
    """Some examples, not yet pixels: their row numbers and how to read them.

    Blocks are gathered and cast where they are computed, so a batch of any size needs little memory.
    `sum_blocks` says who computes them: this thread, several, or several machines. All add in the same order.
    """

    rows: IntArray  # (N,)
    read: Callable[[IntArray], Example]
    sum_blocks: SumFn = sum_in_turn

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

    @property
    def blocks(self) -> int:
        """How many blocks there are; all but the last have BLOCK rows."""
        return -(-len(self.rows) // BLOCK)

    def block(self, i: int) -> Example:
        """Read block i: X (n, D) float and y (n,) int, n = BLOCK but for the last."""
        return self.read(self.rows[i * BLOCK : (i + 1) * BLOCK])

    def sum(self, function: Callable[[FloatArray, IntArray], Sums]) -> Sums:
        """Add up function(X, y) over the blocks, in one fixed binary tree whoever computes them."""
        return self.sum_blocks(lambda i: function(*self.block(i)), self.blocks)


def tree_sum(terms: Iterable[Sums]) -> Sums:
    """Add tuples elementwise as a binary tree: ((t0 + t1) + (t2 + t3)) + ((t4 + t5) + t6).

    The order of additions depends on the number of terms alone, and at most log2 of it are held at a time. Terms
    that are themselves sums, of 2**k terms each (the last may have fewer), give the same sum to the bit: so
    the work can be cut into such runs.
    """
    pending: list[tuple[int, Sums]] = []  # (height, sum of 2**height terms), heights falling
    for term in terms:
        height = 0
        while pending and pending[-1][0] == height:
            term = _add(pending.pop()[1], term)
            height += 1
        pending.append((height, term))
    if not pending:
        raise ValueError("nothing to add: the batch has no examples")
    total = pending.pop()[1]
    while pending:
        total = _add(pending.pop()[1], total)
    return total


def _add(left: Sums, right: Sums) -> Sums:
    return tuple(a + b for a, b in zip(left, right, strict=True))
