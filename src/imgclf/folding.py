"""Fold the preprocessing into the weights, for a faster gradient.

A classifier of X = factor * (pixels - centre) is one of the pixels themselves, with V = factor * W:

    X @ W + b = pixels @ V + (b - centre @ V)

Its gradient comes back by the chain rule: dW = factor * (dV - outer(centre, db)).
"""

from dataclasses import dataclass, replace

import numpy as np

from imgclf.arrays import Batch, Example, FloatArray, IntArray
from imgclf.batches import ReadFn, per_thread
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.model import split

# Two passes over the pixels of a batch are saved, and some passes over the weights are added, by one thread.
PAYS = 16  # images a class
# What is subtracted later is rounded at the size of a pixel: it may not be much larger than what remains.
LARGEST_LOSS = 8  # times what remains, in the mean over some images
LOOKED_AT, AT_ONCE = 1024, 32  # images, and how many of them at a time


@dataclass(frozen=True)
class FoldableReader:
    """Reads X, and tells how it is stored: X = factor * (pixels - centre), with `pixels` read by a reader of its own.

    A batch whose `read` is anything else, such as one that mirrors X, is not folded: what it reads is what counts.
    """

    read: ReadFn
    read_pixels: ReadFn  # (n, D) as they are stored, but for a cast
    factor: FloatArray | float  # one for all
    centre: FloatArray  # (D,)

    def __call__(self, rows: IntArray) -> Example:
        """Read X (n, D) and y (n,)."""
        return self.read(rows)


def reader(preprocess: Preprocess, dataset: Dataset) -> ReadFn:
    """Return a reader of X for any number of threads; one that can be folded, where that is exact enough."""
    read = per_thread(lambda: preprocess.reader(dataset))
    if not folds_exactly(preprocess, dataset):
        return read
    as_stored = replace(preprocess, scale=1.0, mean=None, std=None)
    factor = 1.0 if preprocess.factor is None else preprocess.factor
    return FoldableReader(read, per_thread(lambda: as_stored.reader(dataset)), factor, _centre(preprocess))


def folds_exactly(preprocess: Preprocess, dataset: Dataset) -> bool:
    """Whether little is lost where the mean image is subtracted from sums of pixels, and not from each pixel.

    Pixels and centre are at most 255. Where a pixel is 254 or 255 in all images, next to nothing remains of it, and
    float32 has rounded that away: pixels that are bright and hardly change are not folded, nor are features.
    """
    if not preprocess.is_picture or preprocess.std is not None:
        return False
    rows = np.unique(np.linspace(0, len(dataset) - 1, LOOKED_AT).astype(np.int64))
    total, remains = np.zeros((2, preprocess.size))
    for start in range(0, len(rows), AT_ONCE):
        pixels = dataset.pixels(rows[start : start + AT_ONCE]).reshape(-1, preprocess.size)
        total += pixels.sum(axis=0, dtype=np.uint32)
        remains += np.abs(pixels - _centre(preprocess)).sum(axis=0)
    return bool((total <= LARGEST_LOSS * remains).all())


def pays(batch_size: int, classes: int) -> bool:
    """Whether folding makes batches of this size faster."""
    return batch_size >= PAYS * classes


def folded(evaluate_gradient: GradientFn) -> GradientFn:
    """The same gradient, computed on the pixels of a batch as they are stored, where its reader can be folded."""

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        read = batch.read
        if not isinstance(read, FoldableReader):
            return evaluate_gradient(objective, batch, weights)
        moved = read.factor * weights  # V, and a in its last row
        V, a = split(moved)
        np.subtract(weights[-1], read.centre @ V, out=a)
        seen = evaluate_gradient(Objective(objective.loss_fn), replace(batch, read=read.read_pixels), moved)
        dV, db = split(seen.grad)
        dV.T[:] -= np.multiply.outer(db, read.centre)
        dV *= read.factor
        seen.grad[:] += objective.penalty_gradient(weights)
        return seen._replace(loss=seen.loss + objective.penalty(weights))

    return evaluate


def _centre(preprocess: Preprocess) -> FloatArray:
    return np.zeros(preprocess.size, preprocess.dtype) if preprocess.centre is None else preprocess.centre
