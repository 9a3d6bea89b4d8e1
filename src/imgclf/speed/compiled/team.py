"""The threads of the compiled kernel, and the arrays they work on."""

from concurrent.futures import Executor, Future

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.numerics.products import empty_on_lines
from imgclf.numerics.sums import Summation, Sums, serial_sum
from imgclf.speed.compiled.examples import Placed, Stored
from imgclf.speed.ranks import on_this_process
from imgclf.speed.threads import on_threads, runs

RUNS_PER_THREAD = 4  # of a batch per thread: enough that no thread waits long for the last one


def has_threads(sum_blocks: Summation) -> bool:
    """Whether it is known which threads a `Summation` uses here; one that is wrapped in another may do anything."""
    here = on_this_process(sum_blocks)
    return here is serial_sum or isinstance(here, on_threads)


def scratch(rows: int, D: int, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return X (rows, D), scores, dscores (rows, P) and taken (P/2, rows+1) of a thread for weights (P, D+1)."""
    X = empty_on_lines((rows, D), weights.dtype)
    X[:] = 0
    scores, dscores = np.zeros((2, rows, len(weights)), weights.dtype)
    return X, scores, dscores, np.empty((len(weights) // 2, rows + 1), np.int64)


class Team:
    """Add up blocks of examples that lie in memory: this thread leads, those of a `Summation` help."""

    def __init__(self, sum_blocks: Summation, stored: Stored, weights: FloatArray, C: int, N: int) -> None:
        """Make the arrays for these examples, weights (P, D+1) whose numbers will change, and batches of at most N."""
        from imgclf.speed.compiled import loops, sharing  # with numba, which is loaded by now

        assert stored.images is not None, "they lie in memory"
        here = on_this_process(sum_blocks)
        self._pool: Executor | None
        self._pool, threads = (here.pool, here.threads) if isinstance(here, on_threads) else (None, 1)
        self._sharing, self._stored, self._weights, self._most = sharing, stored, weights, N
        self._classes = C
        self._shares = RUNS_PER_THREAD * threads if threads > 1 else 1
        self._job = sharing.Job(
            turns=np.zeros(sharing.WORDS, np.int64),
            facts=np.zeros(sharing.FACTS, np.int64),
            images=stored.images,
            places=np.empty(N, np.int64),
            y=np.empty(N, np.int64),
            sample_weights=np.empty(N, weights.dtype),
            center=stored.center,
            factor=stored.factor,
            weights=weights,
            sums=np.empty((2 * self._shares, 2)),
            grads=self._gradients(2 * self._shares),
        )
        D, levels = len(stored.center), N.bit_length()
        self._desks = [
            sharing.Desk(*scratch(loops.HELD, D, weights), np.empty((levels + 1, 2)), self._gradients(levels))
            for _ in range(threads)
        ]
        self._helpers: list[Future[None] | None] = [None] * (threads - 1)

    def fits(self, stored: Stored, weights: FloatArray, N: int) -> bool:
        """Whether the arrays are right for these examples, this very array of weights, and a batch of N."""
        return self._stored is stored and self._weights is weights and self._most >= N

    def sum(self, number: int, sample_weights: FloatArray, examples: Placed, block: int, run: range) -> Sums:
        """Add up a run of blocks by a loss's number: losses, right answers, gradient (P, D+1), until the next call."""
        job, N, shares = self._job, len(examples.y), runs(len(run), self._shares)
        job.places[:N], job.y[:N], job.sample_weights[:N] = examples.places, examples.y, sample_weights
        job.facts[:] = number, self._classes, N, block, run.start, run.stop, len(shares[0]), 0, 0
        self._call_helpers(len(shares) - 1)
        self._sharing.take_turns(job, self._desks[0], len(shares))
        if len(shares) > 1:
            job.facts[self._sharing.ADDED] = len(shares)
            self._sharing.take_turns(job, self._desks[0], self._classes)
        loss, correct = job.sums[0].tolist()
        return loss, int(correct), job.grads[0]

    def _call_helpers(self, most: int) -> None:
        """Have some help, those who have gone, too."""
        for i, helper in enumerate(self._helpers[:most]):
            if helper is None or helper.done():
                if helper:
                    helper.result()
                assert self._pool is not None
                self._helpers[i] = self._pool.submit(self._sharing.take_turns, self._job, self._desks[i + 1], 0)

    def _gradients(self, n: int) -> FloatArray:
        return empty_on_lines((n, *self._weights.shape), self._weights.dtype)
