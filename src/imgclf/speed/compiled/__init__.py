"""The gradient by loops over images, classes and pixels, compiled by numba.

As in `speed.blocks`, the blocks of a batch are shared out and added in one fixed tree. Where examples lie in memory,
machine code does all of that, without Python's lock; else each block is a call of it.
"""

from functools import lru_cache, partial
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, FloatArray, IntArray, ReadFn
from imgclf.gradients import BatchGradient, GradientFn, Objective, count_correct
from imgclf.losses import LossFn
from imgclf.model import split
from imgclf.numerics.products import LINE, empty_on_lines, is_large, shared_out
from imgclf.numerics.sums import BLOCK, Summation, Sums
from imgclf.numerics.weighting import Weighted
from imgclf.speed.blocks import BlockReader
from imgclf.speed.compiled.examples import Placed, Stored, check_size, flat, placed, stored_by
from imgclf.speed.compiled.many_weights import ManyWeights
from imgclf.speed.compiled.starting import loops_for
from imgclf.speed.compiled.team import Team, has_threads, scratch
from imgclf.speed.ranks import sum_runs


def compiled(sum_blocks: Summation) -> GradientFn:
    """Return `analytic_gradient` by compiled loops, its sums over the examples taken block by block.

    A loss that has no loop of its own in `row_losses` is called between the scores and the gradient.
    """
    how_stored, read_block, memory = lru_cache(maxsize=2)(stored_by), BlockReader(), _Memory()
    many_weights, shares_out = ManyWeights(sum_blocks), has_threads(sum_blocks)

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        (D, C), N = split(weights)[0].shape, len(batch)
        if is_large(D, C):
            return many_weights(loops_for(np.dtype(np.uint8), weights.dtype), objective, batch, weights)
        stored = how_stored(batch.read, D, weights.dtype)
        loops = loops_for(stored.dtype, weights.dtype)
        loss_fn, class_weights = _parts(objective.loss_fn, C, weights.dtype)
        number, by_class, block = loops.NUMBERS.get(loss_fn), memory.by_class(weights), block_rows(N)
        examples = placed(stored, batch.rows)

        def sums(i: int) -> Sums:
            some = slice(i * block, (i + 1) * block)
            if examples:
                images, places, y = examples.images, examples.places[some], examples.y[some]
            else:
                images, places, y = memory.read(batch.read, batch.rows[some], stored, read_block)
            grad = empty_on_lines(by_class.shape, by_class.dtype)
            given = images, places, stored.center, stored.factor, by_class
            arrays = *memory.of(loops.HELD, D, by_class), grad
            if number is None:
                return *_with_loss(loops, objective.loss_fn, given, y, C, *arrays), grad
            return *loops.block(*given, y, class_weights[y], number, C, *arrays), grad

        blocks = -(-N // block)
        if examples and number is not None and shares_out:
            team = memory.team_for(sum_blocks, stored, by_class, C, N)
            add = partial(team.sum, number, class_weights[examples.y], examples, block)
            loss, correct, total = sum_runs(sum_blocks, add, blocks)
        else:
            loss, correct, total = sum_blocks(sums, blocks)
        found = np.empty((C, D + 1), weights.dtype)
        penalty = loops.finish(by_class, total, N, objective.l2, objective.l1, found)
        grad = found.T if weights.flags.f_contiguous else np.ascontiguousarray(found.T)
        return BatchGradient(loss / N + penalty, correct, grad)

    return evaluate


def block_rows(N: int) -> int:
    """Return the number of rows in a block of a batch of N: fewer where there would be few blocks."""
    return shared_out(BLOCK, N, BLOCK // 4)


def _with_loss(
    loops: Any,
    loss_fn: LossFn,
    given: tuple[NDArray[Any], ...],
    y: IntArray,
    C: int,
    X: FloatArray,
    scores: FloatArray,
    dscores: FloatArray,
    taken: IntArray,
    grad: FloatArray,
) -> tuple[float, int]:
    """Fill grad as the compiled `block` does, but call a loss in Python."""
    (images, places, *others), total, correct = given, 0.0, 0
    grad[:] = 0
    for start in range(0, len(y), loops.ROWS):
        right = y[start : start + loops.ROWS]
        n = len(right)
        loops.read_and_score(images, places[start:], *others, X, scores)
        s = scores[:n, :C]
        losses, dscores[:n, :C] = loss_fn(s, right)
        loops.add_gradient(X, dscores, n, taken, grad)
        total += float(losses.sum(dtype=np.float64))
        correct += count_correct(s, right)
    return total, correct


def _parts(loss_fn: LossFn, C: int, dtype: np.dtype[Any]) -> tuple[LossFn, FloatArray]:
    """Return a loss and its class weights (C,), of 1 where it has none."""
    if isinstance(loss_fn, Weighted):
        return loss_fn.loss_fn, loss_fn.class_weights.astype(dtype)
    return loss_fn, np.ones(C, dtype)


def _on_lines(rows: int, columns: int, dtype: np.dtype[Any]) -> FloatArray:
    """Return zeros (rows, columns or a few more), so that each row begins on a line of the cache."""
    numbers = LINE // dtype.itemsize
    zeros = empty_on_lines((rows, -(-columns // numbers) * numbers), dtype)
    zeros[:] = 0
    return zeros


class _Memory(local):
    """Arrays that each thread uses again and again."""

    def __init__(self) -> None:
        self.pixels: NDArray[Any] = np.empty((0, 0))
        self.team: Team | None = None
        self.shape: tuple[int, ...] = ()  # of the weights
        self.weights: FloatArray = np.empty((0, 0))
        self.of_scratch: tuple[Any, ...] = ()  # what it is for
        self.scratch = scratch(0, 0, self.weights)

    def by_class(self, weights: FloatArray) -> FloatArray:
        """Return a copy of weights (D+1, C) as (P, D+1), P even: the weights of each class together."""
        rows, C = weights.shape
        if self.shape != weights.shape or self.weights.dtype != weights.dtype:
            self.shape, self.weights = weights.shape, _on_lines(C + C % 2, rows, weights.dtype)
        self.weights[:C, :rows] = weights.T
        return self.weights

    def team_for(self, sum_blocks: Summation, stored: Stored, by_class: FloatArray, C: int, N: int) -> Team:
        """Return the team of these examples and weights, for batches of N."""
        if self.team is None or not self.team.fits(stored, by_class, N):
            self.team = Team(sum_blocks, stored, by_class, C, N)
        return self.team

    def of(self, rows: int, D: int, by_class: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """Return X, scores, dscores and taken for so many rows."""
        if self.of_scratch != (rows, D, by_class.shape, by_class.dtype):
            self.of_scratch = rows, D, by_class.shape, by_class.dtype
            self.scratch = scratch(rows, D, by_class)
        return self.scratch

    def read(self, read: ReadFn, rows: IntArray, stored: Stored, read_block: BlockReader) -> Placed:
        """Read examples into memory: valid until the next call."""
        places, dataset = np.arange(len(rows)), stored.dataset
        if dataset is None:
            X, y = read_block(read, rows)
            check_size(X.shape[1], len(stored.center))
            return Placed(flat(np.array(X, stored.dtype, order="C")), places, np.array(y, np.int64))
        if self.pixels.shape[1:] != dataset.example_shape or self.pixels.dtype != stored.dtype:
            self.pixels = np.empty((BLOCK, *dataset.example_shape), stored.dtype)
        pixels = dataset.pixels(rows, out=self.pixels[: len(rows)])
        return Placed(flat(pixels), places, dataset.y_of(rows))
