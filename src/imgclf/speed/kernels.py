"""Kernels: implementations of the training gradient, by name."""

from collections.abc import Callable
from typing import TypeAlias

from imgclf.gradients import GradientFn, analytic_gradient
from imgclf.numerics.sums import Summation
from imgclf.speed.blocks import in_blocks
from imgclf.speed.compiled import compiled
from imgclf.speed.compiled.starting import begin
from imgclf.speed.folding import folded

Kernel: TypeAlias = Callable[[Summation], GradientFn]  # the Summation adds up the blocks of a batch


def plain(sum_blocks: Summation) -> GradientFn:
    """The textbook's lines, on the whole batch at once and on this thread."""
    return analytic_gradient


def blocks(sum_blocks: Summation) -> GradientFn:
    """The same in blocks, on the stored pixels if that is faster."""
    return folded(in_blocks(sum_blocks))


KERNELS: dict[str, Kernel] = {"plain": plain, "blocks": blocks, "compiled": compiled}


def kernel_named(name: str, dtype: str) -> Kernel:
    """Return a kernel; what it needs for weights of a dtype begins to load. Raises UsageError if that is missing."""
    if name == "compiled":
        begin(dtype)
    return KERNELS[name]
