"""The gradient by loops over images, classes and pixels, compiled by numba.

As in `speed.blocks`, the blocks of a batch are shared out and added in one fixed tree. A block is one call of machine
code, which does not hold Python's lock.
"""

from functools import lru_cache
from threading import local
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.gradients import BatchGradient, GradientFn, Objective, count_correct
from imgclf.losses import LossFn
from imgclf.numerics.products import LINE, empty_on_lines
from imgclf.numerics.sums import Summation, Sums, sum_over_blocks
from imgclf.numerics.weighting import Weighted
from imgclf.speed.blocks import BlockReader
from imgclf.speed.compiled.starting import loops_for

BLOCK = 64  # rows: the gradients of smaller blocks take longer to add


class Stored(NamedTuple):
    """How examples lie in memory: X = (pixels - center) * factor."""

    dtype: np.dtype[Any]
    center: FloatArray  # (D,)
    factor: FloatArray  # (D,)


def compiled(sum_blocks: Summation) -> GradientFn:
    """Return `analytic_gradient` by compiled loops, its sums over the examples taken block by block.

    A loss that has no loop of its own in `row_losses` is called between the scores and the gradient.
    """
    stored_by, read_block, memory = lru_cache(maxsize=2)(_stored_by), BlockReader(), _Memory()

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        D, C = len(weights) - 1, weights.shape[1]
        stored = stored_by(batch.read, D, weights.dtype)
        loops = loops_for(stored.dtype, weights.dtype)
        loss_fn, class_weights = _parts(objective.loss_fn, C)
        number = loops.NUMBERS.get(loss_fn)
        by_class = _on_lines(C + C % 2, D + 1, weights.dtype)
        by_class[:C, : D + 1] = weights.T

        def sums(rows: IntArray) -> Sums:
            pixels, y = _read(batch.read, rows, stored, read_block)
            X, scores, dscores = memory.of(loops.ROWS + loops.GROUP, D, by_class)
            grad = _on_lines(len(by_class), D + 1, by_class.dtype)
            given = pixels, stored.center, stored.factor, by_class
            if number is None:
                return *_with_loss(loops, objective.loss_fn, given, y, C, X, scores, dscores, grad), grad
            return *loops.block(*given, y, number, class_weights, X, scores, dscores, grad), grad

        loss, correct, total = sum_over_blocks(sums, batch.rows, sum_blocks, BLOCK)
        penalty = loops.finish(by_class[:C], D, len(batch), objective.l2, objective.l1, total)
        grad = np.empty_like(weights)
        grad.T[:] = total[:C, : D + 1]
        return BatchGradient(loss / len(batch) + penalty, correct, grad)

    return evaluate


def _with_loss(
    loops: Any,
    loss_fn: LossFn,
    given: tuple[NDArray[Any], ...],
    y: IntArray,
    C: int,
    X: FloatArray,
    scores: FloatArray,
    dscores: FloatArray,
    grad: FloatArray,
) -> tuple[float, int]:
    """Add to grad as the compiled `block` does, but call a loss in Python."""
    (pixels, *others), total, correct = given, 0.0, 0
    for start in range(0, len(y), loops.ROWS):
        right = y[start : start + loops.ROWS]
        n = len(right)
        loops.read_and_score(pixels[start : start + n], *others, X, scores)
        s = scores[:n, :C]
        losses, dscores[:n, :C] = loss_fn(s, right)
        loops.add_gradient(X, pixels.shape[1], dscores, n, grad)
        total += float(losses.sum(dtype=np.float64))
        correct += count_correct(s, right)
    return total, correct


def _parts(loss_fn: LossFn, C: int) -> tuple[LossFn, FloatArray]:
    """Return a loss and its class weights (C,), of 1 where it has none."""
    return (loss_fn.loss_fn, loss_fn.class_weights) if isinstance(loss_fn, Weighted) else (loss_fn, np.ones(C))


def _stored_by(read: ReadFn, D: int, dtype: np.dtype[Any]) -> Stored:
    """Return how a reader's examples are stored if the loops can preprocess them; else as X, which is preprocessed."""
    there, center, factor = dtype, None, None
    if isinstance(read, Reader) and _reads_as_stored(read, dtype):
        there, center, factor = read.dataset.images.dtype, read.preprocess.center, read.preprocess.factor
    return Stored(
        there,
        np.zeros(D, dtype) if center is None else np.array(center),
        np.full(D, 1 if factor is None else factor, dtype),
    )


def _reads_as_stored(read: Reader, dtype: np.dtype[Any]) -> bool:
    there, preprocess = read.dataset.images.dtype, read.preprocess
    return there in (np.uint8, dtype) and preprocess.dtype == dtype and not preprocess.norm


def _read(read: ReadFn, rows: IntArray, stored: Stored, read_block: BlockReader) -> tuple[NDArray[Any], IntArray]:
    if isinstance(read, Reader) and _reads_as_stored(read, stored.center.dtype):
        return read.dataset.pixels(rows).reshape(len(rows), -1), read.dataset.y_of(rows)
    X, y = read_block(read, rows)
    return np.array(X, stored.dtype, order="C"), np.array(y, np.int64)


class _Memory(local):
    """Arrays that each thread uses again and again."""

    def of(self, rows: int, D: int, by_class: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return X, scores and dscores for so many rows."""
        if getattr(self, "fits", None) != (by_class.shape, by_class.dtype):
            self.fits = by_class.shape, by_class.dtype
            scores, dscores = np.zeros((2, rows, len(by_class)), by_class.dtype)
            self.arrays = _on_lines(rows, D, by_class.dtype), scores, dscores
        return self.arrays


def _on_lines(rows: int, columns: int, dtype: np.dtype[Any]) -> FloatArray:
    """Return zeros (rows, columns or a few more), so that each row begins on a line of the cache."""
    width = -(-columns // LINE) * LINE
    zeros = empty_on_lines((rows, width), dtype.name)
    zeros[:] = 0
    return zeros
