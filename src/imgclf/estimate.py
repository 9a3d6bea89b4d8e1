"""Estimate the memory of a run before loading its data.

Counted is what grows with the data, the weights and the threads; the constants were measured on Linux, Python 3.11.
"""

import math
from dataclasses import dataclass

import numpy as np

from imgclf import memory
from imgclf.compose import make_optimizer
from imgclf.config import Config
from imgclf.data.dataset import AT_ONCE
from imgclf.data.extent import Extent
from imgclf.errors import StorageError
from imgclf.loading import measure_training_data, where
from imgclf.numerics.sums import BLOCK
from imgclf.parallel import SHARES, runs

PROGRAM = 58 << 20  # Python, NumPy, and what else is there before the data
_DRAWING = 82 << 20  # Matplotlib, and a picture
_AN_EXAMPLE = 32  # bytes: its label, its place, its turn in the last two epochs, and what an order is made of
# Of address space only: what malloc and the stack set aside for a thread beside the first, and BLAS for each.
_A_THREAD, _A_PRODUCT = 72 << 20, 32 << 20


@dataclass(frozen=True)
class Estimate:
    """The bytes that a run takes beside `PROGRAM`.

    held     for the examples, as long as it lasts
    phases   beside them, at most: while reading, training, drawing; the largest one counts
    mapped   of files: they need address space, but the system takes the memory back when it needs it
    aside    of address space that is reserved and perhaps never filled
    """

    held: int
    phases: dict[str, int]
    mapped: int
    aside: int

    @property
    def needed(self) -> int:
        """Return what the program has yet to get."""
        return self.held + max(self.phases.values())

    @property
    def total(self) -> int:
        """Return what the process will have at most."""
        return PROGRAM + self.needed

    @property
    def phase(self) -> str:
        """Return when that is."""
        return max(self.phases, key=lambda phase: self.phases[phase])


def estimate(config: Config, threads: int, *, draw: bool) -> Estimate:
    """Say what a run takes, from the sizes of files and their headers."""
    extent = measure_training_data(config) or Extent(0, (1,), 1, 1, 0, 0)
    phases = {"reading": extent.loading - extent.held, "training": _training(config, extent, threads)}
    if draw:
        phases["drawing"] = _DRAWING
    # Reading has three more threads, too.
    aside = extent.reserved + max(3, threads - 1) * _A_THREAD + threads * _A_PRODUCT
    return Estimate(extent.held + _AN_EXAMPLE * extent.n, phases, extent.mapped, aside)


def check_memory(config: Config, needs: Estimate) -> None:
    """Raise StorageError if there is less than a run needs, as far as the system tells."""
    addresses = needs.needed + needs.mapped + needs.aside
    for needed, room in ((addresses, memory.address_space()), (needs.needed, memory.memory())):
        if room is not None and needed > room.nbytes:
            problem = f"not enough memory: needs about {size(needed)}, {size(room.nbytes)} is {room.called}"
            raise StorageError(where(config), problem, _remedy(config, needs))


def size(nbytes: int) -> str:
    """Write a number of bytes as people read it."""
    return f"{nbytes / 1e9:,.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:,.0f} MB"


def _training(config: Config, extent: Extent, threads: int) -> int:
    """Return what training takes at most, beside the examples."""
    D, C, n = math.prod(extent.example_shape), extent.classes, max(1, extent.n)
    itemsize = np.dtype(config.train.dtype).itemsize
    weights = (D + 1) * C * itemsize
    memories = [part for part in make_optimizer(config).init(np.zeros((1, 1))).values() if part.ndim]
    batch = n if config.train.batch_size == "all" else min(n, config.train.batch_size)
    in_batch, in_pass = -(-batch // BLOCK), -(-n // BLOCK)
    reader = BLOCK * D * (extent.itemsize + itemsize)
    # The states before and after the last step, that of the checkpoint, the gradient, the direction.
    kept = 5 * weights + 3.5 * len(memories) * weights + min(threads, in_batch) * reader
    at_most = max(
        (_sums(in_batch, threads) + 2) * weights,  # with the preprocessing folded into them, and taken out
        _sums(in_pass, threads) * 8 * C + 3 * 8 * min(n, C**2) + min(threads, in_pass) * reader,  # counts
        3 * 8 * (D + 1) * C,  # an epoch's row compares the weights in float64
        2 * (1 + len(memories)) * weights,  # a checkpoint, before it is written
    )
    return int(kept + at_most) + min(AT_ONCE, extent.n * D * extent.itemsize)


def _sums(blocks: int, threads: int) -> int:
    """Return how many sums are there at most while blocks are added up."""
    if threads == 1:
        return blocks.bit_length() + 1
    shares = runs(blocks, SHARES * threads)
    return len(shares) + threads * (len(shares[0]).bit_length() + 1)


def _remedy(config: Config, needs: Estimate) -> str:
    """Return what makes the largest part smaller."""
    if needs.phases[needs.phase] > needs.held and needs.phase != "reading":
        return "try --no-plots" if needs.phase == "drawing" else "try fewer --threads, or smaller images"
    if config.data.source in ("pack", "synthetic"):
        return "try smaller images, or fewer"
    if config.data.source == "folder":
        return "pack the images with `imgclf data pack`: a pack is mapped"
    return "train on a pack, which is mapped: `imgclf data pack` makes it, where there is more"
