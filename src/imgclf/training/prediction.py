"""Predict the classes of examples without labels, in chunks."""

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


def predict(where: object, model: Model, examples: Unlabeled, kept: int) -> list[Prediction]:
    """Return the best `kept` classes of each example; raises RunError, about `where`, if a score is not finite."""
    scores = score_images(model, examples.values)
    if not np.isfinite(scores).all():
        raise RunError(where, "its scores are not finite numbers: its weights are too large", "train again")
    believed = PROBABILITIES.get(LOSSES[model.loss])
    probabilities = believed(scores) if believed else None
    predictions = []
    for row, image in enumerate(examples.names):
        best = np.argsort(-scores[row], kind="stable")[:kept]
        names = [model.class_names[c] for c in best]
        seen = [None if each is None else dict(zip(names, each[row][best].tolist(), strict=True))
                for each in (scores, probabilities)]  # fmt: skip
        predictions.append(Prediction(image, seen[0] or {}, seen[1]))
    return predictions
