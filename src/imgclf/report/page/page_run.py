"""A run to make a page of: its directory, its model and its data."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.training.class_weights import weighted
from imgclf.training.classifier import Model
from imgclf.training.evaluation import Evaluation


@dataclass(frozen=True)
class PageRun:
    """What a page is made from.

    seen        the evaluation of the model on the split that is shown: val, or train if there is no val
    kept_epoch  the epoch whose weights early stopping kept
    """

    directory: Path
    config: Config
    model: Model
    train: Dataset
    val: Dataset | None
    seen: Evaluation
    kept_epoch: int | None = None

    @property
    def split(self) -> str:
        """The name of the split that is shown."""
        return "val" if self.val else "train"

    @property
    def shown(self) -> Dataset:
        """The split that is shown."""
        return self.val or self.train

    @cached_property
    def objective(self) -> Objective:
        """The training objective."""
        loss = weighted(LOSSES[self.model.loss], self.model.class_weights)
        return Objective(loss, self.model.l2, self.model.l1)

    @cached_property
    def loss_of_guessing(self) -> float:
        """The mean loss of the training images if all scores are equal, as for W = 0."""
        counts = self.train.class_counts()
        equal = np.zeros((len(counts), len(counts)))
        return float(self.objective.loss_fn(equal, np.arange(len(counts)))[0] @ counts) / len(self.train)
