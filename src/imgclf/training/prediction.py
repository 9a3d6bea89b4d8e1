"""Predict the classes of examples without labels, in chunks."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgclf.data.unlabeled import Unlabeled
from imgclf.errors import RunError
from imgclf.losses import LOSSES
from imgclf.training.classifier import Model
from imgclf.training.evaluation import PROBABILITIES, score_images


class Prediction(NamedTuple):
    """The classes of one example, best first: scores, and probabilities if the loss has some."""

    image: str
    scores: dict[str, float]
    probabilities: dict[str, float] | None

    @property
    def best(self) -> str:
        """The predicted class."""
        return next(iter(self.scores))

    def probability(self, name: str) -> float | None:
        """Return the probability of a class, if there is one."""
        return None if self.probabilities is None else self.probabilities[name]


def predict(model: Model, examples: Unlabeled, where: object) -> Iterator[Prediction]:
    """Yield the prediction of each example; raises RunError if a score is not finite."""
    scores = score_images(model, examples.values)
    if not np.isfinite(scores).all():
        raise RunError(where, "its scores are not finite numbers: its weights are too large", "train again")
    believed = PROBABILITIES.get(LOSSES[model.loss])
    probabilities = believed(scores) if believed else None
    for row, name in enumerate(examples.names):
        order = np.argsort(-scores[row], kind="stable")
        names = [model.class_names[c] for c in order]
        yield Prediction(
            name,
            dict(zip(names, scores[row][order].tolist(), strict=True)),
            None if probabilities is None else dict(zip(names, probabilities[row][order].tolist(), strict=True)),
        )
