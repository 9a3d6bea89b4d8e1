"""Loops over images, classes and pixels, compiled by numba.

Images are taken by GROUP, classes by two, and numbers of an image by CHUNK: so each number that is loaded is used
several times, and is in the processor's first cache when it is used again. P is C, or C + 1 where C is odd.

    pixels    (n, D)     of some examples, as they are stored
    X         (HELD, D)  the same, preprocessed
    weights   (P, D+1)   the weights of a class together, its bias last; zeros for a class that is not there
    grad      (P, D+1)   likewise
    scores    (HELD, P)
    dscores   (HELD, P)  0 for a class that is not there, and in the end beyond the examples
    taken     (P/2, HELD+1) int64: the examples whose dscores of two classes are not both 0, and last how many

Rows of weights and grad begin on lines of the cache, and are a little longer. Where fewer than four examples are left,
one of zeros stands for the others. No loop allocates memory: where that failed on a thread that helps, the one that
leads would wait for ever.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import config, njit
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.numerics.products import LINE
from imgclf.speed.compiled.instructions import prefetch
from imgclf.speed.compiled.row_losses import ROW_LOSSES

Function = TypeVar("Function", bound=Callable[..., Any])

ROWS = 32  # examples whose X stays in the second cache
GROUP = 4
CHUNK = 1024
HELD = ROWS + GROUP  # rows of X, scores and dscores


def compiling(**options: Any) -> Callable[[Function], Function]:
    """Return what compiles a loop."""
    # Sums may be added in any order, which is fixed when this is compiled; no number is taken to be finite.
    fastmath = {"reassoc", "contract", "nsz"}
    return njit(nogil=True, error_model="numpy", fastmath=fastmath, cache=bool(config.CACHE_DIR), **options)  # type: ignore[no-any-return]


loop, inlined = compiling(), compiling(forceinline=True)

NUMBERS = {loss_fn: number for number, loss_fn in enumerate(ROW_LOSSES)}
softmax, svm, svm_squared, svm_cs, logistic_ovr = map(loop, ROW_LOSSES.values())


@loop
def loss_of(number: int, scores: FloatArray, y: int, dscores: FloatArray) -> float:
    """Call the loss of this number for one example."""
    if number == 0:
        return softmax(scores, y, dscores)
    if number == 1:
        return svm(scores, y, dscores)
    if number == 2:
        return svm_squared(scores, y, dscores)
    if number == 3:
        return svm_cs(scores, y, dscores)
    return logistic_ovr(scores, y, dscores)


@loop
def losses_of(
    number: int, C: int, scores: FloatArray, y: IntArray, sample_weights: FloatArray, dscores: FloatArray
) -> tuple[float, int]:
    """Fill dscores; return the sum of the losses, and how many scores are highest at the right class."""
    total, correct = 0.0, 0
    for i in range(len(y)):
        s, d, w = scores[i, :C], dscores[i, :C], sample_weights[i]
        total += w * loss_of(number, s, y[i], d)
        first = 0  # of the highest
        for j in range(C):
            d[j] *= w
            if s[j] > s[first]:
                first = j
        correct += first == y[i]
    return total, correct


@loop
def prepare(pixels: NDArray[Any], center: FloatArray, factor: FloatArray, x: FloatArray) -> None:
    """Compute x = (pixels - center) * factor for a part of one example."""
    for d in range(len(pixels)):
        x[d] = (pixels[d] - center[d]) * factor[d]


@loop
def multiply(
    x0: FloatArray, x1: FloatArray, x2: FloatArray, x3: FloatArray,
    u: FloatArray, v: FloatArray, scores: FloatArray, c: int,
) -> None:  # fmt: skip
    """Add the products of a part of four examples with the weights of two classes to their scores."""
    s00 = s01 = s10 = s11 = s20 = s21 = s30 = s31 = scores.dtype.type(0)
    for d in range(len(u)):
        s00 += x0[d] * u[d]
        s01 += x0[d] * v[d]
        s10 += x1[d] * u[d]
        s11 += x1[d] * v[d]
        s20 += x2[d] * u[d]
        s21 += x2[d] * v[d]
        s30 += x3[d] * u[d]
        s31 += x3[d] * v[d]
    scores[0, c] += s00
    scores[0, c + 1] += s01
    scores[1, c] += s10
    scores[1, c + 1] += s11
    scores[2, c] += s20
    scores[2, c + 1] += s21
    scores[3, c] += s30
    scores[3, c + 1] += s31


@loop
def read_and_score(
    images: NDArray[Any], rows: IntArray,
    center: FloatArray, factor: FloatArray, weights: FloatArray, X: FloatArray, scores: FloatArray,
) -> None:  # fmt: skip
    """Fill X and scores with those of the first rows; the last one stands for those that are missing in a group.

    Images lie anywhere in memory: a line of the next group is asked for now and then, while this one is multiplied.
    """
    n, D = min(ROWS, len(rows)), images.shape[1]
    classes = len(weights)
    line = LINE // images.itemsize
    for start in range(0, D, CHUNK):
        stop = min(start + CHUNK, D)
        for i in range(0, n, GROUP):
            for k in range(i, i + GROUP):
                pixels = images[rows[min(k, n - 1)]]
                prepare(pixels[start:stop], center[start:stop], factor[start:stop], X[k, start:stop])
                if start == 0:
                    for c in range(classes):
                        scores[k, c] = weights[c, D]
            x0, x1, x2, x3 = X[i, start:stop], X[i + 1, start:stop], X[i + 2, start:stop], X[i + 3, start:stop]
            for c in range(0, classes, 2):
                multiply(x0, x1, x2, x3, weights[c, start:stop], weights[c + 1, start:stop], scores[i : i + GROUP], c)
                for k in range(i + GROUP, min(i + 2 * GROUP, len(rows))):
                    ahead = images[rows[k]]
                    for d in range(start + c // 2 * line, stop, classes // 2 * line):
                        prefetch(ahead, d)


@inlined
def add_two(
    x0: FloatArray, x1: FloatArray, x2: FloatArray, x3: FloatArray,
    a0: float, a1: float, a2: float, a3: float, u: FloatArray,
    b0: float, b1: float, b2: float, b3: float, v: FloatArray,
) -> None:  # fmt: skip
    """Add the products of a part of four examples and their dscores to the gradients of two classes."""
    for d in range(len(u)):
        p = u[d] + x0[d] * a0 + x1[d] * a1 + x2[d] * a2 + x3[d] * a3
        q = v[d] + x0[d] * b0 + x1[d] * b1 + x2[d] * b2 + x3[d] * b3
        u[d] = p
        v[d] = q


@loop
def add_gradient(X: FloatArray, dscores: FloatArray, n: int, taken: IntArray, grad: FloatArray) -> None:
    """Add X.T @ dscores and sum(dscores) of n examples; those whose dscores of two classes are 0 are left out."""
    D, classes = X.shape[1], dscores.shape[1]
    X[n] = 0
    dscores[n : n + GROUP] = 0
    for c in range(0, classes, 2):
        at, k = taken[c // 2], 0
        for i in range(n):
            a, b = dscores[i, c], dscores[i, c + 1]
            grad[c, D] += a
            grad[c + 1, D] += b
            at[k] = i
            k += a != 0 or b != 0
        for i in range(GROUP):  # the last four may be fewer: then others are added 0 times
            at[k + i] = n
        at[HELD] = k
    for start in range(0, D, CHUNK):
        stop = min(start + CHUNK, D)
        for c in range(0, classes, 2):
            u, v = grad[c, start:stop], grad[c + 1, start:stop]
            at = taken[c // 2]
            for k in range(0, at[HELD], GROUP):
                i0, i1, i2, i3 = at[k : k + GROUP]
                add_two(
                    X[i0, start:stop], X[i1, start:stop], X[i2, start:stop], X[i3, start:stop],
                    dscores[i0, c], dscores[i1, c], dscores[i2, c], dscores[i3, c], u,
                    dscores[i0, c + 1], dscores[i1, c + 1], dscores[i2, c + 1], dscores[i3, c + 1], v,
                )  # fmt: skip


@loop
def block(
    images: NDArray[Any], rows: IntArray, center: FloatArray, factor: FloatArray, weights: FloatArray,
    y: IntArray, sample_weights: FloatArray, number: int, C: int,
    X: FloatArray, scores: FloatArray, dscores: FloatArray, taken: IntArray, grad: FloatArray,
) -> tuple[float, int]:  # fmt: skip
    """Fill grad with the gradient of a block of rows; return the sum of their losses, and how many are right."""
    total, correct = 0.0, 0
    grad[:] = 0
    for start in range(0, len(rows), ROWS):
        right = y[start : start + ROWS]
        read_and_score(images, rows[start:], center, factor, weights, X, scores)
        loss, found = losses_of(number, C, scores, right, sample_weights[start:], dscores)
        add_gradient(X, dscores, len(right), taken, grad)
        total += loss
        correct += found
    return total, correct


@loop
def penalize(w: FloatArray, N: int, l2: float, l1: float, g: FloatArray) -> float:
    """Divide the gradient of some weights by N, and add that of their penalty, which is returned."""
    squares, lengths = 0.0, 0.0
    a, b, share = g.dtype.type(l2), g.dtype.type(l1), g.dtype.type(N)
    for d in range(len(w)):
        squares += np.float64(w[d]) * np.float64(w[d])
        g[d] = g[d] / share + a * w[d]
    if l1:
        for d in range(len(w)):
            lengths += abs(w[d])
            g[d] += b if w[d] > 0 else -b if w[d] < 0 else 0 * b
    return l2 / 2 * squares + l1 * lengths


@loop
def finish(weights: FloatArray, total: FloatArray, N: int, l2: float, l1: float, grad: FloatArray) -> float:
    """Fill grad (C, D+1): the mean of the total of a batch of N, and the gradient of the penalty, which is returned."""
    penalty, D = 0.0, grad.shape[1] - 1
    for c in range(len(grad)):
        for d in range(D + 1):
            grad[c, d] = total[c, d]
        penalty += penalize(weights[c, :D], N, l2, l1, grad[c, :D])
        grad[c, D] /= N
    return penalty
