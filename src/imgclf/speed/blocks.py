"""The analytic gradient in blocks of rows that fit the processor's cache."""

from threading import local

import numpy as np

from imgclf.arrays import Batch, Examples, FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.gradients import BatchGradient, GradientFn, Objective, count_correct
from imgclf.losses import LossFn
from imgclf.model import split
from imgclf.numerics.products import backward, block_of, empty_on_lines, parts_of, slab_scores
from imgclf.numerics.sums import BLOCK, Summation, Sums, sum_over_blocks


class BlockReader(local):
    """Read blocks of examples; each thread has a buffer of its own and reuses it."""

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._most = 0

    def __call__(self, read: ReadFn, rows: IntArray) -> Examples:
        """Read the rows of a block as `read` does; the result of a `Reader` is valid until this thread's next call."""
        if not isinstance(read, Reader):
            return read(rows)
        dataset, preprocess = read.dataset, read.preprocess
        n = len(rows)
        if self._reader is not read or n > self._most:
            self._reader, self._most = read, max(n, BLOCK)
            self._pixels = np.empty((self._most, *dataset.example_shape), dataset.images.dtype)
            self._X = empty_on_lines((self._most, preprocess.size), preprocess.dtype)
        pixels = dataset.pixels(rows, out=self._pixels[:n])
        return Examples(preprocess.apply(pixels, out=self._X[:n]), dataset.y_of(rows))


def sums_of(loss_fn: LossFn, block: Examples, weights: FloatArray, slab: int) -> Sums:
    """Return the sums over a block of examples: losses, right answers, gradient without penalty (D+1, C).

    slab  the most rows that are scored at a time
    """
    X, y = block
    s = slab_scores(X, weights, slab)  # (n, C)
    losses, dscores = loss_fn(s, y)
    grad = np.empty_like(weights)
    backward(X, dscores, out=grad)
    return float(losses.sum(dtype=np.float64)), count_correct(s, y), grad


def in_blocks(sum_blocks: Summation) -> GradientFn:
    """Return `analytic_gradient` with its sums over the examples taken block by block.

    Each thread reads one block at a time, so a batch of any size needs little memory. `sum_blocks` distributes the
    blocks; 1/N and the penalty are applied once, after the last addition.
    """
    read_block = BlockReader()

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        D, C = split(weights)[0].shape
        block = block_of(D, C, len(batch))

        def sums(rows: IntArray) -> Sums:
            return sums_of(objective.loss_fn, read_block(batch.read, rows), weights, block)

        loss, correct, grad = sum_over_blocks(sums, batch.rows, sum_blocks, block)
        grad /= len(batch)
        penalty = 0.0
        for part in parts_of(D, C):
            grad[part] += objective.penalty_gradient(weights[part])
            penalty += objective.penalty(weights[part])
        return BatchGradient(loss / len(batch) + penalty, correct, grad)

    return evaluate
