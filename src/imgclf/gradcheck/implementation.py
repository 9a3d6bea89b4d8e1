"""The implementation under check, right or with a planted mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradients import BatchGradient, GradientFn, Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES, LossFn
from imgclf.optimizers import Optimizer, sgd
from imgclf.schedules import Schedule, constant
from imgclf.speed.kernels import Kernel, plain
from imgclf.trainer import TrainState, descend
from imgclf.training.plan import Plan

ValueFn: TypeAlias = Callable[[Objective, Batch, FloatArray], tuple[float, int]]
DescendFn: TypeAlias = Callable[..., Iterator[tuple[BatchGradient, TrainState]]]


@dataclass(frozen=True)
class Implementation:
    """The functions under check, each with the type it has in training.

    `gradient` is that of X, by the book; `trains` the kernel that a run uses: the same, faster.
    """

    loss_fn: LossFn
    value: ValueFn
    gradient: GradientFn
    trains: Kernel
    optimizer: Optimizer
    step_size: Schedule
    descend: DescendFn

    @classmethod
    def of(cls, plan: Plan, loss: str) -> "Implementation":
        """Return what a run with this plan and loss would use."""
        trains, optimizer, step_size = plan.kernel, plan.optimizer, plan.step_size
        return replace(cls.of_loss(loss), trains=trains, optimizer=optimizer, step_size=step_size)

    @classmethod
    def of_loss(cls, loss: str) -> "Implementation":
        """Return the functions of a loss where no run is meant, with the plainest of steps."""
        return cls(LOSSES[loss], evaluate_loss, analytic_gradient, plain, sgd(), constant(1.0), descend)

    def objective(self, l2: float = 0.0, l1: float = 0.0) -> Objective:
        """Return the objective with this loss."""
        return Objective(self.loss_fn, l2, l1)

    def gradient_at(
        self, X: FloatArray, y: IntArray, weights: FloatArray, l2: float = 0.0, l1: float = 0.0
    ) -> FloatArray:
        """Return the gradient under check, (D+1, C); it gets a copy of the weights, to do to it what it likes.

        The copy has their order in memory, on which the last bits depend.
        """
        return self.gradient(self.objective(l2, l1), Batch.of(X, y), weights.copy(order="K")).grad
