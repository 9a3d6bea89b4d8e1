"""Fold the preprocessing into the weights, for a faster gradient.

A classifier of X = factor * (pixels - center) is one of the pixels themselves, with V = factor * W:

    X @ W + b = pixels @ V + (b - center @ V)

Its gradient comes back by the chain rule: dW = factor * (dV - outer(center, db)).
"""

from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.data.batches import Reader
from imgclf.data.preprocess import Preprocess
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.model import split

# Two passes over the pixels of a batch are saved, and some passes over the weights are added, by one thread.
PAYS = 16  # images a class
# What is subtracted later is rounded at the size of a pixel: it may not be much larger than what remains.
LARGEST_LOSS = 8  # times what remains, in the mean over some images
LOOKED_AT, AT_ONCE = 1024, 32  # images, and how many of them at a time


def folded(evaluate_gradient: GradientFn) -> GradientFn:
    """The same gradient, computed on the pixels of a batch as they are stored, where that is faster and exact enough.

    The batch's reader says how they are stored. A batch that reads in another way, such as one that mirrors X, is not
    folded: what it reads is what counts.
    """
    exactly = lru_cache(maxsize=2)(folds_exactly)

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        read = batch.read
        if not isinstance(read, Reader) or len(batch) < PAYS * weights.shape[1] or not exactly(read):
            return evaluate_gradient(objective, batch, weights)
        factor, center = 1.0 if read.preprocess.factor is None else read.preprocess.factor, _center(read.preprocess)
        moved = factor * weights  # V, and a in its last row
        V, a = split(moved)
        np.subtract(weights[-1], center @ V, out=a)
        seen = evaluate_gradient(Objective(objective.loss_fn), Batch(batch.rows, read.as_stored), moved)
        dV, db = split(seen.grad)
        dV.T[:] -= np.multiply.outer(db, center)
        dV *= factor
        seen.grad[:] += objective.penalty_gradient(weights)
        return seen._replace(loss=seen.loss + objective.penalty(weights))

    return evaluate


def folds_exactly(read: Reader) -> bool:
    """Whether little is lost where the mean image is subtracted from sums of pixels, and not from each pixel.

    Pixels and center are at most 255. Where a pixel is 254 or 255 in all images, next to nothing remains of it, and
    float32 has rounded that away: pixels that are bright and hardly change are not folded, nor are features.
    """
    preprocess, dataset = read.preprocess, read.dataset
    if not preprocess.is_image or preprocess.std is not None:
        return False
    rows = np.unique(np.linspace(0, len(dataset) - 1, LOOKED_AT).astype(np.int64))
    total, remains = np.zeros((2, preprocess.size))
    for start in range(0, len(rows), AT_ONCE):
        pixels = dataset.pixels(rows[start : start + AT_ONCE]).reshape(-1, preprocess.size)
        total += pixels.sum(axis=0, dtype=np.uint32)
        remains += np.abs(pixels - _center(preprocess)).sum(axis=0)
    return bool((total <= LARGEST_LOSS * remains).all())


def _center(preprocess: Preprocess) -> FloatArray:
    return np.zeros(preprocess.size, preprocess.dtype) if preprocess.center is None else preprocess.center
