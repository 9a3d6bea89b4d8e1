"""Matrix products of a block, cut into pieces that BLAS multiplies fastest.

On processors with AVX-512, OpenBLAS multiplies small matrices in place. It copies larger ones first, which for a dozen
classes takes longer than the product itself: so X is cut into slabs of rows, or strips of columns.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from imgclf.arrays import FloatArray
from imgclf.model import split
from imgclf.numerics.sums import BLOCK

SMALL = 10**6  # multiplications that OpenBLAS does without copies
SLAB, STRIP = 32, 256
LARGE = 500_000  # weights, more than a core's cache holds; CIFAR-100 has 307,200
LARGE_BLOCK = 512  # rows that share one way of that many weights through the cache
SCORES = 1 << 19  # of a large block at most: the losses make several arrays of that size
PART = 1 << 17  # of many weights, at a time: numbers that a core's cache holds, with those computed from them
FEW = 4  # blocks of a batch, of which each may have its thread
LINE = 64  # bytes of a cache line


def slab_scores(X: FloatArray, weights: FloatArray, most: int = LARGE_BLOCK) -> FloatArray:
    """Return X @ W + b as `model.scores` does, one slab of rows at a time.

    X (N, D), weights (D+1, C); returns (N, C), in the dtype of the weights. A slab has `most` rows at most.

    BLAS rounds differently for different numbers of rows. With a fixed number, the scores of an example do not depend
    on the examples beside it. With kernels for AVX2, their last bits depend on its position among them.
    """
    W, b = split(weights)
    (N, D), C = X.shape, W.shape[1]
    out = np.empty((N, C), weights.dtype)
    slab = min(slab_of(D, C), most)
    whole = N // slab
    cut = whole * slab
    np.matmul(X[:cut].reshape(whole, slab, D), W, out=out[:cut].reshape(whole, slab, C))
    if cut < N:
        padded = np.zeros((slab, D), X.dtype)
        padded[: N - cut] = X[cut:]
        out[cut:] = (padded @ W)[: N - cut]
    out += b
    return out


def is_large(D: int, C: int) -> bool:
    """Whether weights (D+1, C) are more than a core's cache holds."""
    return D * C > LARGE


def slab_of(D: int, C: int) -> int:
    """Return the number of rows of X multiplied at a time, which is fixed for a model."""
    if SLAB * D * C <= SMALL:
        return SLAB
    if not is_large(D, C):
        return BLOCK
    return max(BLOCK, min(LARGE_BLOCK, 1 << (SCORES // C).bit_length() - 1))


def rows_at_once(D: int, C: int) -> int:
    """Return the number of rows to read and score together, which is fixed for a model: some slabs, or one."""
    return max(BLOCK, slab_of(D, C))


def block_of(D: int, C: int, N: int) -> int:
    """Return the number of rows in a block of a batch of N: `rows_at_once`, or fewer if it had too few blocks."""
    return shared_out(rows_at_once(D, C), N, BLOCK)


def shared_out(rows: int, N: int, least: int) -> int:
    """Return rows, halved until a batch of N has blocks enough for some threads, or until there are `least`."""
    while rows > least and FEW * rows > N:
        rows //= 2
    return rows


def parts_of(D: int, C: int) -> list[slice]:
    """Return rows of weights (D+1, C) to penalize at a time: one part, or some if there are many weights.

    A part ends with the first row of the next, or b: its last row has no penalty, as in all weights.
    """
    rows = max(1, PART // C) if is_large(D, C) else D
    return [slice(start, start + rows + 1) for start in range(0, D, rows)]


def order_of(D: int, C: int) -> Literal["C", "F"]:
    """Return the order in memory in which weights (D+1, C) are multiplied fastest.

    F, the weights of a class together, suits small products. BLAS copies many weights faster from C: `slab_scores` of
    1,000 classes takes a tenth less time, and its bytes are the same.
    """
    return "C" if is_large(D, C) else "F"


def backward(X: FloatArray, dscores: FloatArray, out: FloatArray) -> None:
    """Compute dW = X.T @ dscores by strips of columns, and db = sum(dscores).

    X (N, D), dscores (N, C); `out` (D+1, C) is filled, with db in its last row.
    """
    dW, db = split(out)
    (N, D), C = X.shape, dW.shape[1]
    whole = D // STRIP if STRIP * N * C <= SMALL else 0
    cut = whole * STRIP
    strips = X[:, :cut].reshape(N, whole, STRIP).transpose(1, 2, 0)  # (whole, STRIP, N)
    multiply = np.multiply if N == 1 else np.matmul  # for a column times a row, matmul does not use BLAS and is slower
    multiply(strips, dscores, out=dW[:cut].reshape(whole, STRIP, C))
    multiply(X[:, cut:].T, dscores, out=dW[cut:])
    dscores.sum(axis=0, out=db)


def empty_on_lines(shape: tuple[int, ...], dtype: DTypeLike) -> FloatArray:
    """Return an empty array aligned to cache lines; NumPy aligns to 16 bytes only.

    A processor with AVX-512 reads 64 bytes at a time: small products of an aligned array take two thirds of the time.
    """
    size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    flat = np.empty(size + LINE // itemsize, dtype)
    start = -flat.ctypes.data % LINE // itemsize
    return flat[start : start + size].reshape(shape)
