"""Kernels: implementations of the training gradient, by name."""

from collections.abc import Callable
from typing import TypeAlias

from imgclf.errors import UsageError
from imgclf.gradients import GradientFn, analytic_gradient
from imgclf.machine.cores import helpful_threads
from imgclf.numerics.sums import Summation
from imgclf.speed.blocks import in_blocks
from imgclf.speed.compiled import compiled
from imgclf.speed.compiled.starting import begin
from imgclf.speed.folding import folded
from imgclf.speed.judging import DeviceKernel, Judging
from imgclf.speed.pytorch import load

Kernel: TypeAlias = Callable[[Summation], GradientFn]  # the Summation adds up the blocks of a batch


def plain(sum_blocks: Summation) -> GradientFn:
    """The textbook's lines, on the whole batch at once and on this thread."""
    return analytic_gradient


def blocks(sum_blocks: Summation) -> GradientFn:
    """The same in blocks, on the stored pixels if that is faster."""
    return folded(in_blocks(sum_blocks))


def by_torch(sum_blocks: Summation) -> GradientFn:
    """The same by PyTorch, on a graphics card if there is one."""
    return load("auto")(sum_blocks)


KERNELS: dict[str, Kernel] = {"plain": plain, "blocks": blocks, "compiled": compiled, "torch": by_torch}


def kernel_named(name: str, dtype: str, device: str = "auto") -> Kernel:
    """Return a kernel; what it needs for weights of a dtype begins to load. Raises UsageError if that is missing.

    device  of the torch kernel: auto, cpu or cuda
    """
    if name == "torch":
        return load(device)
    if device == "cuda":
        raise UsageError("train.device", f"the kernel {name} computes on the processor", "set train.kernel: torch")
    if name == "compiled":
        begin(dtype)
    return KERNELS[name]


def helpful_threads_of(kernel: Kernel, cores: int, rows: int, classes: int) -> int:
    """Return the number of threads that trains weights (D+1, C) fastest, at most so many cores."""
    # No thread of the compiled kernel waits for Python's lock, and only as many begin as there are blocks.
    return cores if kernel is compiled else min(cores, helpful_threads(rows, classes))


def judging_of(kernel: Kernel) -> Judging | None:
    """Return how a kernel judges examples on its device; None if it has none of its own."""
    return kernel.judging if isinstance(kernel, DeviceKernel) else None


def device_of(kernel: Kernel) -> str | None:
    """Return the device that a kernel computes on, such as `cuda: NVIDIA H200`; None if it has none of its own."""
    return kernel.describe() if isinstance(kernel, DeviceKernel) else None
