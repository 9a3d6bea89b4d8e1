"""Judge examples by their scores, in blocks or on a device."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from imgclf.arrays import FloatArray, IntArray, ReadFn
from imgclf.gradients import GradientFn
from imgclf.losses import LossFn
from imgclf.numerics.sums import Summation


class Judged(NamedTuple):
    """Some examples, judged.

    loss       the sum of their losses
    y          (n,) their classes
    predicted  (n,) the classes of their highest scores
    ranks      (n,) of their classes by the scores, from 0; of equal scores the first class comes first
    """

    loss: float
    y: IntArray
    predicted: IntArray
    ranks: IntArray


JudgeFn: TypeAlias = Callable[[ReadFn, IntArray], Judged]  # (read, rows (n,)) -> those rows, judged
Judging: TypeAlias = Callable[[LossFn, FloatArray], JudgeFn]  # (loss, weights (D+1, C)) -> ...


@runtime_checkable
class DeviceKernel(Protocol):
    """A kernel that computes on a device, where it can evaluate, too."""

    def __call__(self, sum_blocks: Summation) -> GradientFn:
        """Return the gradient, as every kernel does."""

    def judging(self, loss_fn: LossFn, weights: FloatArray) -> JudgeFn:
        """Return how to judge examples on the device."""

    def describe(self) -> str:
        """Return the kind of the device, and its name if it has one."""
