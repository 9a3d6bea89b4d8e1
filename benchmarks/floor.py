"""The floor of an epoch: cast the pixels to floats and multiply twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgclf.arrays import ByteArray, FloatArray
from imgclf.numerics.products import backward, empty_on_lines, slab_scores
from imgclf.numerics.sums import BLOCK

Epoch = Callable[[], object]


def products(pixels: ByteArray, dscores: FloatArray, weights: FloatArray, threads: int) -> Epoch:
    """One cast of the pixels to float32 and imgclf's two products, block by block into the same buffers, in order.

    pixels (N, D), dscores (N, C) and weights (D+1, C) float32: of a trained classifier, so that they are no special
    numbers. Nothing is gathered, nothing is added up.
    """

    def share(thread: int) -> None:
        X, grad = empty_on_lines((BLOCK, pixels.shape[1]), "float32"), np.empty_like(weights)
        for rows in _blocks(len(pixels), thread, threads):
            n = len(pixels[rows])
            np.copyto(X[:n], pixels[rows])
            slab_scores(X[:n], weights)
            backward(X[:n], dscores[rows], out=grad)

    return _on_threads(share, threads)


def reading(pixels: ByteArray, threads: int) -> Epoch:
    """Copy the pixels (N, D) block by block into the same buffer."""

    def share(thread: int) -> None:
        buffer = np.empty((BLOCK, pixels.shape[1]), np.uint8)
        for rows in _blocks(len(pixels), thread, threads):
            block = pixels[rows]
            np.copyto(buffer[: len(block)], block)

    return _on_threads(share, threads)


def _blocks(n: int, thread: int, threads: int) -> list[slice]:
    return [slice(first, first + BLOCK) for first in range(thread * BLOCK, n, threads * BLOCK)]


def _on_threads(share: Callable[[int], None], threads: int) -> Epoch:
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(share, range(threads)))
