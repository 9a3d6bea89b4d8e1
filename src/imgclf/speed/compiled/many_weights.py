"""The gradient of many weights, by BLAS on all threads.

Where W does not fit a cache, what a step does to W costs as much as what it does to the examples. So where a batch has
few blocks, the threads share each of them: first its examples, for their scores and losses, then the rows of dW. No
thread has a gradient of its own that would have to be added to another's.
"""

from threading import local
from typing import Any

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradients import BatchGradient, Objective, count_correct
from imgclf.model import split
from imgclf.numerics.products import LARGE_BLOCK, PART, block_of, slab_of, slab_scores
from imgclf.numerics.sums import BLOCK, Summation, Sums, sum_over_blocks
from imgclf.speed.blocks import BlockReader, sums_of
from imgclf.speed.ranks import on_this_process, one_after_the_other

LARGE_BATCH = 1024  # examples of a batch; where there are as many, each thread takes a block of its own
STRIPS = 4  # of dW at least, of which each may have its thread; BLAS copies dscores for each


class ManyWeights:
    """Compute gradients of many weights; keeps the arrays of a block."""

    def __init__(self, sum_blocks: Summation) -> None:
        self._everywhere = sum_blocks
        self._on_threads, self._on_ranks = on_this_process(sum_blocks), one_after_the_other(sum_blocks)
        self._read_block, self._memory = BlockReader(), local()

    def __call__(self, loops: Any, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        """Return what `analytic_gradient` does."""
        D, C = split(weights)[0].shape
        flat, N = np.require(weights, requirements=["C", "W"]), len(batch)

        def on_all_threads(rows: IntArray) -> Sums:
            return self._block(objective, batch, flat, rows)

        def on_one_thread(rows: IntArray) -> Sums:
            return sums_of(objective.loss_fn, self._read_block(batch.read, rows), flat, block)

        block = block_of(D, C, N)
        if N < LARGE_BATCH:
            loss, correct, grad = sum_over_blocks(on_all_threads, batch.rows, self._on_ranks, slab_of(D, C))
        else:
            loss, correct, grad = sum_over_blocks(on_one_thread, batch.rows, self._everywhere, block)
        W, dW = (split(array)[0].reshape(-1) for array in (flat, grad))

        def penalize(i: int) -> Sums:
            part = slice(i * PART, (i + 1) * PART)
            return (loops.penalize(W[part], N, objective.l2, objective.l1, dW[part]),)

        (penalty,) = self._on_threads(penalize, -(-D * C // PART))
        grad[-1] /= N
        return BatchGradient(loss / N + penalty, correct, grad)

    def _block(self, objective: Objective, batch: Batch, weights: FloatArray, rows: IntArray) -> Sums:
        """Return the sums over a block of rows: losses, right answers, gradient."""
        (D, C), n = split(weights)[0].shape, len(rows)
        X, dscores = (array[:n] for array in self._arrays(D, C, weights.dtype))
        grad = np.empty_like(weights)
        dW, db = split(grad)
        strip = -(-D // STRIPS)

        def score(i: int) -> Sums:
            some = slice(i * BLOCK, (i + 1) * BLOCK)
            X[some], y = self._read_block(batch.read, rows[some])
            s = slab_scores(X[some], weights, BLOCK)
            losses, dscores[some] = objective.loss_fn(s, y)
            return float(losses.sum(dtype=np.float64)), count_correct(s, y)

        def multiply(i: int) -> Sums:
            some = slice(i * strip, (i + 1) * strip)
            np.matmul(X[:, some].T, dscores, out=dW[some])
            return ()

        loss, correct = self._on_threads(score, -(-n // BLOCK))
        self._on_threads(multiply, -(-D // strip))
        dscores.sum(axis=0, out=db)
        return loss, correct, grad

    def _arrays(self, D: int, C: int, dtype: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
        """Return X and dscores for a block."""
        found = getattr(self._memory, "arrays", None)
        if found is None or (found[0].shape[1], found[1].shape[1], found[0].dtype) != (D, C, dtype):
            found = self._memory.arrays = np.empty((LARGE_BLOCK, D), dtype), np.empty((LARGE_BLOCK, C), dtype)
        return found
