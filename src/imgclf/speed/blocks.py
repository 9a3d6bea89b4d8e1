"""The analytic gradient in blocks of rows that fit the processor's cache."""

from threading import local

import numpy as np

from imgclf.arrays import Batch, Example, FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.gradients import BatchGradient, GradientFn, Objective, count_correct
from imgclf.numerics.products import backward, empty_on_lines, slab_scores
from imgclf.numerics.sums import BLOCK, Summation, sum_over_blocks


class BlockReader(local):
    """Read blocks of examples; each thread has a buffer of its own and reuses it."""

    def __init__(self) -> None:
        self._reader: Reader | None = None

    def __call__(self, read: ReadFn, rows: IntArray) -> Example:
        """Read at most BLOCK rows as `read` does; the result of a `Reader` is valid until this thread's next call."""
        if not isinstance(read, Reader):
            return read(rows)
        dataset, preprocess = read.dataset, read.preprocess
        if self._reader is not read:
            self._reader = read
            self._pixels = np.empty((BLOCK, *dataset.example_shape), dataset.images.dtype)
            self._X = empty_on_lines((BLOCK, preprocess.size), preprocess.dtype)
        n = len(rows)
        pixels = dataset.pixels(rows, out=self._pixels[:n])
        return Example(preprocess.apply(pixels, out=self._X[:n]), dataset.y_of(rows))


def in_blocks(sum_blocks: Summation) -> GradientFn:
    """Return `analytic_gradient` with its sums over the examples taken block by block.

    Each thread reads one block at a time, so a batch of any size needs little memory. `sum_blocks` distributes the
    blocks; 1/N and the penalty are applied once, after the last addition.
    """
    read_block = BlockReader()

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        def sums(rows: IntArray) -> tuple[float, int, FloatArray]:
            X, y = read_block(batch.read, rows)
            s = slab_scores(X, weights)  # (n, C)
            losses, dscores = objective.loss_fn(s, y)
            grad = np.empty_like(weights)
            backward(X, dscores, out=grad)
            return float(losses.sum(dtype=np.float64)), count_correct(s, y), grad

        loss, correct, grad = sum_over_blocks(sums, batch.rows, sum_blocks)
        grad /= len(batch)
        grad += objective.penalty_gradient(weights)
        return BatchGradient(loss / len(batch) + objective.penalty(weights), correct, grad)

    return evaluate
