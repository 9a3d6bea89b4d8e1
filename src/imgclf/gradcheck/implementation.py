"""The implementation under check, right or with a planted mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradients import BatchGradient, GradientFn, Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES, LossFn
from imgclf.optimizers import Optimizer, sgd
from imgclf.schedules import Schedule, constant
from imgclf.speed.kernels import Kernel, plain
from imgclf.trainer import TrainState, descend
from imgclf.training.class_weights import weighted
from imgclf.training.plan import Plan

WeighFn: TypeAlias = Callable[[LossFn, FloatArray | None], LossFn]
ValueFn: TypeAlias = Callable[[Objective, Batch, FloatArray], tuple[float, int]]
DescendFn: TypeAlias = Callable[..., Iterator[tuple[BatchGradient, TrainState]]]


@dataclass(frozen=True)
class Implementation:
    """The functions under check, with the types that they have in training.

    `gradient` is the textbook's; `kernel` is the one that a run uses: the same gradient, faster.
    """

    loss_fn: LossFn
    value: ValueFn
    gradient: GradientFn
    kernel: Kernel
    optimizer: Optimizer
    step_size: Schedule
    descend: DescendFn
    weigh: WeighFn = weighted
    class_weights: FloatArray | None = None  # (C,)

    @classmethod
    def of(cls, plan: Plan, loss: str) -> "Implementation":
        """Return the functions of a run with this plan and loss."""
        kernel, optimizer, step_size = plan.kernel, plan.optimizer, plan.step_size
        code = cls.of_loss(loss).with_class_weights(plan.class_weights)
        return replace(code, kernel=kernel, optimizer=optimizer, step_size=step_size)

    @classmethod
    def of_loss(cls, loss: str) -> "Implementation":
        """Return the functions of a loss outside a run, with plain SGD."""
        return cls(LOSSES[loss], evaluate_loss, analytic_gradient, plain, sgd(), constant(1.0), descend)

    def with_class_weights(self, class_weights: FloatArray | None) -> "Implementation":
        """Return the same functions with other class weights, (C,)."""
        return replace(self, class_weights=class_weights)

    @cached_property
    def weighted_loss(self) -> LossFn:
        """The loss of each example, times the weight of its class."""
        return self.weigh(self.loss_fn, self.class_weights)

    def objective(self, l2: float = 0.0, l1: float = 0.0) -> Objective:
        """Return the objective with this loss."""
        return Objective(self.weighted_loss, l2, l1)

    def gradient_at(
        self, X: FloatArray, y: IntArray, weights: FloatArray, l2: float = 0.0, l1: float = 0.0
    ) -> FloatArray:
        """Return the gradient under check, (D+1, C).

        It gets a copy of the weights, which it may change, in the same memory order, on which the last bits depend.
        """
        return self.gradient(self.objective(l2, l1), Batch.of(X, y), weights.copy(order="K")).grad
