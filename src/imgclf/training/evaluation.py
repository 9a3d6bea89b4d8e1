"""Evaluate a model on a split: loss, accuracy, confusion counts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.losses import LossFn, softmax
from imgclf.machine.progress import advancing
from imgclf.metrics import ClassMetrics, per_class
from imgclf.numerics.indices import row_indices
from imgclf.numerics.products import rows_at_once, slab_scores
from imgclf.numerics.sums import Summation, Sums, sum_over_blocks
from imgclf.speed.blocks import BlockReader
from imgclf.speed.judging import Judged, JudgeFn, Judging
from imgclf.training.classifier import Model

MAX_CONFUSION_CLASSES = 2000  # nobody can read a larger matrix, and one of 20,000 classes takes gigabytes
UNMERGED = 1 << 13  # pairs of examples kept one by one: to merge those of each block takes as long as its scores' loss


@dataclass(frozen=True)
class PairCounts:
    """Counts of the (true, predicted) pairs of classes that occur: a sparse confusion matrix.

    pairs   (P,) int64: true * C + predicted; once merged, each is there once, increasing
    counts  (P,) int64
    """

    pairs: IntArray
    counts: IntArray

    @classmethod
    def of(cls, y: IntArray, predicted: IntArray, classes: int) -> "PairCounts":
        """Count the pairs of n examples: y (n,) and predicted (n,), each 0..C-1."""
        return cls(y * classes + predicted, np.ones(len(y), np.int64))

    def __add__(self, other: "PairCounts") -> "PairCounts":
        pairs, counts = np.concatenate([self.pairs, other.pairs]), np.concatenate([self.counts, other.counts])
        both = PairCounts(pairs, counts)
        return both if len(pairs) <= UNMERGED else both.merged()

    def merged(self) -> "PairCounts":
        """Count each pair once, in increasing order."""
        pairs, places = np.unique(self.pairs, return_inverse=True)
        counts = np.zeros(len(pairs), np.int64)
        np.add.at(counts, places, self.counts)
        return PairCounts(pairs, counts)

    def matrix(self, classes: int) -> IntArray:
        """Return the confusion matrix, (C, C) int64: true classes on rows, predicted ones on columns."""
        matrix = np.zeros(classes**2, np.int64)
        np.add.at(matrix, self.pairs, self.counts)
        return matrix.reshape(classes, classes)

    def totals(self, classes: int) -> tuple[IntArray, IntArray, IntArray]:
        """Return the examples of each class that are correct, all, and those predicted to be of it; (C,) int64 each."""
        rows, columns = np.divmod(self.pairs, classes)
        right, support, predicted = np.zeros((3, classes), np.int64)
        on_diagonal = rows == columns
        np.add.at(right, rows[on_diagonal], self.counts[on_diagonal])
        np.add.at(support, rows, self.counts)
        np.add.at(predicted, columns, self.counts)
        return right, support, predicted


@dataclass(frozen=True)
class Evaluation:
    """The result of a model on a split.

    pairs  the confusion counts
    ranks  (C,) int: the number of examples whose right class has the highest score, the second highest, ...
    """

    data_loss: float
    penalty: float
    pairs: PairCounts
    ranks: IntArray

    @cached_property
    def confusion(self) -> IntArray | None:
        """The confusion matrix, (C, C) int: true classes on rows, predicted on columns; None if C is too large."""
        classes = len(self.ranks)
        return self.pairs.matrix(classes) if classes <= MAX_CONFUSION_CLASSES else None

    @cached_property
    def n(self) -> int:
        """The number of examples."""
        return int(self.ranks.sum())

    @property
    def objective(self) -> float:
        """Mean data loss plus penalty."""
        return self.data_loss + self.penalty

    @property
    def correct(self) -> int:
        """The number of correct examples."""
        return int(self.ranks[0])

    @property
    def accuracy(self) -> float:
        """The fraction of correct examples."""
        return self.correct / self.n

    def top_k(self, k: int) -> float:
        """Return the fraction of examples whose right class is among the k highest scores."""
        return int(self.ranks[:k].sum()) / self.n

    def per_class(self) -> list[ClassMetrics]:
        """Return precision, recall, F1 and support of each class, in class order."""
        return per_class(*self.pairs.totals(len(self.ranks)))

    def averages(self) -> dict[str, dict[str, float]]:
        """Return precision, recall and F1 as means over the classes (macro), and weighted by their examples.

        Over classes that have examples or were predicted, as in scikit-learn; where there is none of its own, 0 counts.
        """
        found = [one for one in self.per_class() if one.f1 is not None]
        weights = {"macro": [1] * len(found), "weighted": [one.support for one in found]}
        return {
            name: {
                key: sum(w * (getattr(one, key) or 0) for w, one in zip(those, found, strict=True)) / sum(those)
                for key in ("precision", "recall", "f1")
            }
            for name, those in weights.items()
        }

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples."""
        recalls = [one.recall for one in self.per_class() if one.recall is not None]
        return sum(recalls) / len(recalls)

    def most_confused(self, most: int) -> list[tuple[int, int, int]]:
        """Return the most frequent mistakes: the true class, the predicted one, and how often."""
        true, predicted = np.divmod(self.pairs.pairs, len(self.ranks))
        wrong = np.flatnonzero(true != predicted)
        order = wrong[np.argsort(-self.pairs.counts[wrong], kind="stable")[:most]]
        return [(int(true[i]), int(predicted[i]), int(self.pairs.counts[i])) for i in order]

    def summary(self) -> dict[str, float | int]:
        """Return the part of metrics.json for this split."""
        return {"objective": self.objective, "data_loss": self.data_loss, "accuracy": self.accuracy, "n": self.n}


def evaluate(model: Model, dataset: Dataset, sum_blocks: Summation, judging: Judging | None = None) -> Evaluation:
    """Evaluate a model on each example of a split; the memory does not grow with their number.

    `sum_blocks` comes from `speed.threads.workers`, which keeps BLAS on one thread: only then are the bits promised.

    judging  how, if a kernel does it on its device; else in blocks
    """
    objective, classes = model.objective, len(model.class_names)
    reader, judge = Reader(model.preprocess, dataset), (judging or judging_in_blocks)(objective.loss_fn, model.weights)
    advance = advancing("evaluating", len(dataset), dataset.unit)

    def sums(rows: IntArray) -> Sums:
        loss, y, predicted, ranks = judge(reader, rows)
        advance(len(y))
        return loss, PairCounts.of(y, predicted, classes), np.bincount(ranks, minlength=classes)

    block = rows_at_once(model.preprocess.size, classes)
    loss, pairs, ranks = sum_over_blocks(sums, row_indices(len(dataset)), sum_blocks, block)
    return Evaluation(float(loss) / len(dataset), objective.penalty(model.weights), pairs.merged(), ranks)


def judging_in_blocks(loss_fn: LossFn, weights: FloatArray) -> JudgeFn:
    """Return how to judge the examples of a block, by its matrix product."""
    read_block = BlockReader()

    def judge(read: ReadFn, rows: IntArray) -> Judged:
        X, y = read_block(read, rows)
        s = slab_scores(X, weights)
        losses, _ = loss_fn(s, y)
        return Judged(losses.sum(dtype=np.float64), y, s.argmax(axis=1), rank_of(s, y))

    return judge


def score_images(model: Model, images: NDArray[Any]) -> FloatArray:
    """Return the scores (n, C) of images (n, H, W, channels) of the model's size and color.

    Or of their features (n, D). They equal those of `evaluate` up to the rounding of sums: see `slab_scores`.
    """
    rows = rows_at_once(model.preprocess.size, len(model.class_names))
    blocks = (model.vectors(images[start : start + rows]) for start in range(0, len(images), rows))
    return np.concatenate([slab_scores(model.preprocess.apply(block), model.weights) for block in blocks])


def softmax_probabilities(s: FloatArray) -> FloatArray:
    """Return p_j = exp(s_j) / sum_k exp(s_k), (n, C) float64."""
    exps = np.exp(s.astype(np.float64) - s.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True))


# The probabilities of the losses whose scores have some.
PROBABILITIES: dict[LossFn, Callable[[FloatArray], FloatArray]] = {softmax: softmax_probabilities}


def rank_of(s: FloatArray, y: IntArray) -> IntArray:
    """Return the rank of the right class by its score, from 0, (n,); of equal scores the first class comes first."""
    right = s[np.arange(len(y)), y][:, None]
    ranks = (s > right).sum(axis=1, dtype=np.int32)  # in half the time of int64
    equal = s == right
    if np.count_nonzero(equal) > len(y):  # not only with itself
        earlier = np.arange(s.shape[1]) < y[:, None]
        ranks += (equal & earlier).sum(axis=1, dtype=np.int32)
    return np.asarray(ranks)
