"""Size of a data set, from headers and file sizes."""

from collections.abc import Iterable
from typing import NamedTuple


class Extent(NamedTuple):
    """What sizes of files and headers say of a split.

    n              how many examples
    example_shape  (H, W, channels), or (D,) of feature vectors
    itemsize       bytes a number
    classes        how many
    held           bytes that stay in memory
    loading        bytes at most while it is read, those that stay among them
    mapped         bytes of files that are mapped: the system takes them back when it needs them
    reserved       bytes of address space at most, beside all that, which are filled only later
    estimated      whether n, and what follows from it, is a guess, never too low by much
    """

    n: int
    example_shape: tuple[int, ...]
    itemsize: int
    classes: int
    held: int
    loading: int
    mapped: int = 0
    reserved: int = 0
    estimated: bool = False


def in_turn(extents: Iterable[Extent]) -> Extent | None:
    """Return what splits take together that are read one after the other; None where there is none."""
    total: Extent | None = None
    for one in extents:
        if total is None:
            total = one
        else:
            total = total._replace(
                n=total.n + one.n,
                held=total.held + one.held,
                loading=max(total.loading, total.held + one.loading),
                mapped=total.mapped + one.mapped,
                reserved=max(total.reserved, one.reserved),
                estimated=total.estimated or one.estimated,
            )
    return total
