"""Fold the preprocessing into the weights, for a faster gradient.

A linear classifier of X = factor * (pixels - center) is also one of the raw pixels, with V = factor * W:

    X @ W + b = pixels @ V + (b - center @ V)

The chain rule gives the gradient: dW = factor * (dV - outer(center, db)).
"""

from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.data.batches import Reader
from imgclf.data.preprocess import Preprocess
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.model import split

# Folding saves two passes over the pixels of a batch, and costs five passes over the weights.
MIN_IMAGES_PER_CLASS = 16
# Sums of raw pixels are rounded at their own size, which may not be much larger than the difference from the center.
MAX_CANCELLATION = 8  # mean pixel / mean distance from the center
SAMPLE, CHUNK = 1024, 32  # images examined, and how many at a time


def folded(evaluate_gradient: GradientFn) -> GradientFn:
    """Return the same gradient, computed on the stored pixels if that is faster and exact enough.

    Only a batch with a `Reader` is folded. Any other reader, such as one that mirrors images, is called as usual.
    """
    is_exact = lru_cache(maxsize=2)(folds_exactly)

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        read = batch.read
        if not isinstance(read, Reader) or len(batch) < MIN_IMAGES_PER_CLASS * weights.shape[1] or not is_exact(read):
            return evaluate_gradient(objective, batch, weights)
        factor, center = 1.0 if read.preprocess.factor is None else read.preprocess.factor, _center(read.preprocess)
        folded_weights = factor * weights
        V, a = split(folded_weights)
        np.subtract(weights[-1], center @ V, out=a)  # a = b - center @ V
        seen = evaluate_gradient(Objective(objective.loss_fn), Batch(batch.rows, read.as_stored), folded_weights)
        dV, db = split(seen.grad)
        dV.T[:] -= np.multiply.outer(db, center)
        dV *= factor
        seen.grad[:] += objective.penalty_gradient(weights)
        return seen._replace(loss=seen.loss + objective.penalty(weights))

    return evaluate


def folds_exactly(read: Reader) -> bool:
    """Whether float32 can subtract the center from sums of pixels instead of from each pixel.

    If a pixel is 254 or 255 in all images, subtracting 255 from its sum cancels almost all digits: images with bright
    pixels that hardly change are not folded. Nor are feature vectors, or pixels divided by a deviation or a norm.
    """
    preprocess, dataset = read.preprocess, read.dataset
    if not preprocess.is_image or preprocess.std is not None or preprocess.norm:
        return False
    rows = np.unique(np.linspace(0, len(dataset) - 1, SAMPLE).astype(np.int64))
    total, distance = np.zeros((2, preprocess.size))
    for start in range(0, len(rows), CHUNK):
        pixels = dataset.pixels(rows[start : start + CHUNK]).reshape(-1, preprocess.size)
        total += pixels.sum(axis=0, dtype=np.uint32)
        distance += np.abs(pixels - _center(preprocess)).sum(axis=0)
    return bool((total <= MAX_CANCELLATION * distance).all())


def _center(preprocess: Preprocess) -> FloatArray:
    return np.zeros(preprocess.size, preprocess.dtype) if preprocess.center is None else preprocess.center
