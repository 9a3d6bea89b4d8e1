"""Evaluate a model on a split: loss, accuracy, confusion counts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.gradients import Objective
from imgclf.losses import LOSSES, LossFn, softmax
from imgclf.metrics import ClassMetrics, per_class
from imgclf.numerics.indices import row_indices
from imgclf.numerics.products import slab_scores
from imgclf.numerics.sums import BLOCK, SumFn, Sums, sum_over_blocks
from imgclf.speed.blocks import BlockReader
from imgclf.training.classifier import Model

MOST_CLASSES = 2000  # of a confusion matrix: a larger one is no use to anybody, and takes gigabytes at 20,000


@dataclass(frozen=True)
class PairCounts:
    """How often each (true, predicted) pair of classes occurred; takes memory for those that did, not for C x C.

    pairs   (P,) int64: true * C + predicted, rising
    counts  (P,) int64
    """

    pairs: IntArray
    counts: IntArray

    @classmethod
    def of(cls, y: IntArray, predicted: IntArray, classes: int) -> "PairCounts":
        """Count the pairs of n examples: y (n,) and predicted (n,), each 0..C-1."""
        return cls(*np.unique(y * classes + predicted, return_counts=True))

    def __add__(self, other: "PairCounts") -> "PairCounts":
        pairs, places = np.unique(np.concatenate([self.pairs, other.pairs]), return_inverse=True)
        counts = np.zeros(len(pairs), np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return PairCounts(pairs, counts)

    def matrix(self, classes: int) -> IntArray:
        """Return the confusion matrix, (C, C) int64: true classes on rows, predicted ones on columns."""
        matrix = np.zeros(classes**2, np.int64)
        matrix[self.pairs] = self.counts
        return matrix.reshape(classes, classes)

    def totals(self, classes: int) -> tuple[IntArray, IntArray, IntArray]:
        """Return how many examples of each class were right, there, and predicted to be of it; (C,) int64 each."""
        rows, columns = np.divmod(self.pairs, classes)
        right, support, predicted = np.zeros((3, classes), np.int64)
        on_diagonal = rows == columns
        right[rows[on_diagonal]] = self.counts[on_diagonal]
        np.add.at(support, rows, self.counts)
        np.add.at(predicted, columns, self.counts)
        return right, support, predicted


@dataclass(frozen=True)
class Evaluation:
    """What a full pass saw.

    pairs  how often each class was taken for each
    ranks  (C,) int: at how many examples the right class had the highest score, the second, ...
    """

    data_loss: float
    penalty: float
    pairs: PairCounts
    ranks: IntArray

    @cached_property
    def confusion(self) -> IntArray | None:
        """The confusion matrix, (C, C) int: true classes on rows, predicted on columns; None of too many classes."""
        classes = len(self.ranks)
        return self.pairs.matrix(classes) if classes <= MOST_CLASSES else None

    @cached_property
    def n(self) -> int:
        """How many examples there were."""
        return int(self.ranks.sum())

    @property
    def objective(self) -> float:
        """Mean data loss plus penalty."""
        return self.data_loss + self.penalty

    @property
    def correct(self) -> int:
        """How many were right."""
        return int(self.ranks[0])

    @property
    def accuracy(self) -> float:
        """The share that was right."""
        return self.correct / self.n

    def top_k(self, k: int) -> float:
        """Return the share whose right class is among the k highest scores."""
        return int(self.ranks[:k].sum()) / self.n

    def per_class(self) -> list[ClassMetrics]:
        """Return precision, recall, F1 and support of every class, in their order."""
        return per_class(*self.pairs.totals(len(self.ranks)))

    def summary(self) -> dict[str, float | int]:
        """Return what metrics.json holds of a split."""
        return {
            "objective": self.objective,
            "data_loss": self.data_loss,
            "accuracy": self.accuracy,
            "n": self.n,
        }


def objective_of(model: Model) -> Objective:
    """Return the objective that a model was trained on."""
    return Objective(LOSSES[model.loss], model.l2, model.l1)


def evaluate(model: Model, dataset: Dataset, sum_blocks: SumFn) -> Evaluation:
    """Look at every example of a split once; memory does not grow with their number.

    `sum_blocks` comes from `parallel.workers`, which also keeps BLAS on one thread: no other has the promised bits.
    """
    objective = objective_of(model)
    classes = len(model.class_names)
    reader, read_block = Reader(model.preprocess, dataset), BlockReader()

    def sums(rows: IntArray) -> Sums:
        X, y = read_block(reader, rows)
        s = slab_scores(X, model.weights)
        losses, _ = objective.loss_fn(s, y)
        pairs = PairCounts.of(y, s.argmax(axis=1), classes)
        return losses.sum(dtype=np.float64), pairs, np.bincount(rank_of(s, y), minlength=classes)

    loss, pairs, ranks = sum_over_blocks(sums, row_indices(len(dataset)), sum_blocks)
    return Evaluation(float(loss) / len(dataset), objective.penalty(model.weights), pairs, ranks)


def score_pictures(model: Model, pictures: ByteArray) -> FloatArray:
    """Return the scores (n, C) of pictures (n, H, W, channels) that have the model's size and color.

    They are those of `evaluate`, but for the rounding of sums: see `slab_scores`.
    """
    blocks = [pictures[start : start + BLOCK] for start in range(0, len(pictures), BLOCK)]
    return np.concatenate([slab_scores(model.preprocess.apply(block), model.weights) for block in blocks])


def softmax_probabilities(s: FloatArray) -> FloatArray:
    """Return exp(s_j) / sum_k exp(s_k), (n, C) float64: what a softmax model believes."""
    exps = np.exp(s.astype(np.float64) - s.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True))


# Of the losses whose scores stand for probabilities: which ones.
PROBABILITIES: dict[LossFn, Callable[[FloatArray], FloatArray]] = {softmax: softmax_probabilities}


def rank_of(s: FloatArray, y: IntArray) -> IntArray:
    """Return how many classes come before the right one, (n,); of equal scores the first class comes first."""
    right = s[np.arange(len(y)), y][:, None]
    earlier = np.arange(s.shape[1]) < y[:, None]
    return np.asarray(((s > right) | ((s == right) & earlier)).sum(axis=1))
