"""Predict the classes of examples, in chunks."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.data.class_names import as_text
from imgclf.data.dataset import Dataset, Unlabeled
from imgclf.errors import DataError, RunError
from imgclf.losses import LOSSES
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices
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

    def top(self, kept: int) -> "Prediction":
        """Return the prediction with only the best `kept` classes."""
        names = list(self.scores)[:kept]
        scores, probabilities = (None if each is None else {name: each[name] for name in names} for each in self[1:])
        return Prediction(self.image, scores or {}, probabilities)

    def probability(self, name: str) -> float | None:
        """Return the probability of a class, if there is one."""
        return None if self.probabilities is None else self.probabilities[name]


class Answer(NamedTuple):
    """The prediction of a labeled example: its path or row, and the predicted class with its score.

    margin       how much the score is above the second highest
    probability  of the predicted class, if the loss has some
    """

    example: str | int
    true: str
    predicted: str
    score: float
    margin: float
    probability: float | None


def predict(where: object, model: Model, examples: Unlabeled, kept: int) -> list[Prediction]:
    """Return the best `kept` classes of each example.

    If a score is not finite, raises DataError for a feature vector, and for an image RunError, about `where`.
    """
    scores = finite_scores(where, model, examples)
    probabilities = probabilities_of(model, scores)
    predictions = []
    for row, image in enumerate(examples.names):
        best = np.argsort(-scores[row], kind="stable")[:kept]
        names = [model.class_names[c] for c in best]
        seen = [None if each is None else dict(zip(names, each[row][best].tolist(), strict=True))
                for each in (scores, probabilities)]  # fmt: skip
        predictions.append(Prediction(image, seen[0] or {}, seen[1]))
    return predictions


def finite_scores(where: object, model: Model, examples: Unlabeled) -> FloatArray:
    """Return the scores (n, C) of examples, or raise the errors of `predict`."""
    scores = score_images(model, examples.examples)
    are_finite = np.isfinite(scores).all(axis=1)
    if not are_finite.all():
        if not model.input.is_image:
            name = examples.names[int(are_finite.argmin())]
            raise DataError(f"example {name}", "its values are far too large for the model", "correct or remove it")
        raise RunError(where, "its scores are not finite numbers: its weights are too large", "train again")
    return scores


def answers(model: Model, dataset: Dataset) -> Iterator[list[Answer]]:
    """Yield the predictions of a data set, chunk by chunk: each with the path of its file, or with its row."""
    paths = None if dataset.paths is None else [*dataset.paths()]
    advance = advancing("predicting", len(dataset), dataset.unit)
    for part in slices(len(dataset), dataset.at_once):
        rows = np.arange(part.start, part.stop)
        s, y = score_images(model, dataset.pixels(rows)), dataset.y_of(part)
        probabilities = probabilities_of(model, s)
        best = s.argmax(axis=1)
        second, first = np.partition(s, -2, axis=1)[:, -2:].T
        yield [
            Answer(
                place if paths is None else as_text(paths[place]),
                model.class_names[y[i]],
                model.class_names[best[i]],
                float(first[i]),
                float(first[i] - second[i]),
                None if probabilities is None else float(probabilities[i, best[i]]),
            )
            for i, place in enumerate(dataset.places[part].tolist())
        ]
        advance(len(rows))


def predicted_classes(model: Model, dataset: Dataset) -> IntArray:
    """Return the predicted class of each example, (N,)."""
    best = np.empty(len(dataset), np.int64)
    advance = advancing("predicting", len(dataset), dataset.unit)
    for part in slices(len(dataset), dataset.at_once):
        best[part] = score_images(model, dataset.pixels(part)).argmax(axis=1)
        advance(part.stop - part.start)
    return best


def probabilities_of(model: Model, s: FloatArray) -> FloatArray | None:
    """Return the probabilities of scores (n, C), if the loss has some."""
    believed = PROBABILITIES.get(LOSSES[model.loss])
    return None if believed is None else believed(s)
