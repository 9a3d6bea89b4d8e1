"""Material of a lesson: the learner's config, and images in memory."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.data.batches import epoch_sampler, steps_per_epoch
from imgclf.data.dataset import Dataset
from imgclf.data.splits import limit
from imgclf.errors import DataError, DivergedError
from imgclf.gradcheck.points import stratified_images
from imgclf.gradients import BatchGradient, Objective, analytic_gradient, evaluate_loss
from imgclf.optimizers import Optimizer
from imgclf.schedules import Schedule, cosine
from imgclf.trainer import TrainState, descend, start
from imgclf.training.loading import where
from imgclf.training.plan import Plan

MOST = 6000  # images of a split
BYTES = 256 << 20  # of X
BATCH = 256


def lowest(losses: Sequence[float]) -> int:
    """Return the place of the lowest loss; one that is not finite is higher than all others."""
    return int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))


@dataclass(frozen=True)
class Material:
    """A plan, and at most some thousand of its images, preprocessed; the test split is never opened."""

    plan: Plan

    @property
    def objective(self) -> Objective:
        """The objective of the config."""
        return self.plan.objective

    @property
    def data_loss(self) -> Objective:
        """The same without its penalty."""
        return Objective(self.plan.objective.loss_fn)

    @property
    def weights(self) -> FloatArray:
        """The weights before the first step, (D+1, C): 0, unless the config says otherwise."""
        return self.plan.weights

    @property
    def step_size(self) -> float:
        """The step size of the config, at the beginning of its schedule."""
        return self.plan.config.schedule.step_size

    @cached_property
    def train(self) -> Batch:
        """The training images, stratified by class where there are more than some thousand."""
        return self._read(self._limited(self.plan.train))

    @cached_property
    def val(self) -> Batch:
        """The validation images; the training images where there are none."""
        return self.train if self.plan.val is None else self._read(self.val_images)

    @property
    def val_images(self) -> Dataset:
        """The images of `val`, as pixels."""
        return self._limited(self.plan.val or self.plan.train)

    @property
    def held_out(self) -> str:
        """What `val` holds: val, or train where there is no such split."""
        return "val" if self.plan.val is not None else "train"

    def few(self, n: int) -> Batch:
        """Return at most n training images in float64, stratified by class."""
        return Batch.of(*stratified_images(self.plan, n))

    def descend(
        self, optimizer: Optimizer, step_size: Schedule, batch_size: int, objective: Objective | None = None
    ) -> Iterator[tuple[BatchGradient, TrainState]]:
        """Train on mini-batches with the textbook's gradient, without end."""
        return descend(
            start(self.weights, optimizer),
            sample=epoch_sampler(len(self.train), batch_size, self.plan.config.seed, self.train.read),
            objective=objective or self.objective,
            evaluate_gradient=analytic_gradient,
            optimizer=optimizer,
            step_size=step_size,
        )

    def train_for(self, epochs: int, objective: Objective | None = None) -> Iterator[tuple[BatchGradient, TrainState]]:
        """Train so many epochs with the optimizer and step size of the config, which falls to 0 along a cosine."""
        steps = epochs * steps_per_epoch(len(self.train), BATCH)
        run = self.descend(self.plan.optimizer, cosine(self.step_size, steps=steps), BATCH, objective)
        for seen, state in islice(run, steps):
            if not (math.isfinite(seen.loss) and np.isfinite(state.weights).all()):
                problem, remedy = f"training diverges at step {state.step}", "try a smaller schedule.step_size"
                raise DivergedError(where(self.plan.config), problem, remedy)
            yield seen, state

    def accuracy(self, batch: Batch, weights: FloatArray) -> float:
        """Return the fraction of correct examples."""
        return evaluate_loss(self.data_loss, batch, weights)[1] / len(batch)

    def require_images(self, name: str) -> None:
        """Refuse feature vectors, where a lesson moves or shows images."""
        if not self.plan.preprocess.is_image:
            remedy = "give it images: -s data.source=folder -s data.path=PATH"
            raise DataError(where(self.plan.config), f"feature vectors; the lesson {name} is about images", remedy)

    def _limited(self, dataset: Dataset) -> Dataset:
        most = max(1, min(MOST, BYTES // (self.weights.itemsize * len(self.weights))))
        return limit(dataset, most, self.plan.config.seed)

    def _read(self, images: Dataset) -> Batch:
        return Batch.of(self.plan.preprocess.apply(images.pixels(slice(None))), images.y)
