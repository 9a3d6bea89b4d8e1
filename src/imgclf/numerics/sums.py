"""Sums over blocks of rows, added in one fixed binary tree.

A `Summation` computes the blocks on one thread, several threads or several machines; all add in the same order, so the
sums are the same to the bit.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray

BLOCK = 128  # rows read, scored and summed together: few enough for the processor's cache

Sums: TypeAlias = tuple[Any, ...]  # numbers and arrays, added elementwise
Summation: TypeAlias = Callable[[Callable[[int], Sums], int], Sums]  # (term, n) -> term(0) + ... + term(n-1)


def serial_sum(term: Callable[[int], Sums], n: int) -> Sums:
    """Add up term(0), ..., term(n-1), computed one after the other on this thread."""
    return tree_sum(map(term, range(n)))


def sum_over_blocks(
    function: Callable[[IntArray], Sums], rows: IntArray, sum_blocks: Summation, block: int = BLOCK
) -> Sums:
    """Add up function(rows of a block) over blocks of `rows` (N,): `block` rows each, except the last."""
    return sum_blocks(lambda i: function(rows[i * block : (i + 1) * block]), -(-len(rows) // block))


def tree_sum(terms: Iterable[Sums]) -> Sums:
    """Add tuples elementwise as a binary tree: ((t0 + t1) + (t2 + t3)) + ((t4 + t5) + t6).

    Arrays are added in place: each term must have its own, which nobody needs afterwards.

    The order of additions depends only on the number of terms n, and at most log2(n) sums are held at a time. If each
    term is itself the sum of a run of 2**k terms (the last may be shorter), the total is the same to the bit: so the
    work can be cut into such runs.
    """
    pending: list[tuple[int, Sums]] = []  # (height, sum of 2**height terms), highest first
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
    total = list(left)
    for i, part in enumerate(right):
        total[i] += part
    return tuple(total)


def all_finite(array: NDArray[Any]) -> bool:
    """Whether no number is NaN or Inf. If their squares add up to a finite number, so it is, and that is soon known."""
    flat = array.ravel("K")
    return bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(flat).all())
