"""Kernels: the ways to compute the gradient that trains, by name."""

from collections.abc import Callable
from typing import TypeAlias

from imgclf.gradients import GradientFn, analytic_gradient
from imgclf.numerics.sums import SumFn
from imgclf.speed.blocks import in_blocks
from imgclf.speed.folding import folded

Kernel: TypeAlias = Callable[[SumFn], GradientFn]  # from who computes the blocks of a batch, if there are any


def plain(sum_blocks: SumFn) -> GradientFn:
    """The book's lines, on the whole batch at once, by this thread alone."""
    return analytic_gradient


def blocks(sum_blocks: SumFn) -> GradientFn:
    """The same in blocks, on pixels as they are stored where that is faster."""
    return folded(in_blocks(sum_blocks))


KERNELS: dict[str, Kernel] = {
    "plain": plain,
    "blocks": blocks,
}
