"""The preprocessing moved out of the pixels into the weights: the same gradient, in fewer passes over the pixels.

A classifier of X = factor * (pixels - centre) is one of the pixels themselves, with V = factor * W:

    X @ W + b = pixels @ V + (b - centre @ V)

Its gradient comes back by the chain rule: dW = factor * (dV - outer(centre, db)).
"""

from dataclasses import replace

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.batches import per_thread
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.model import split

# Two passes over the pixels of a batch are saved, and some passes over the weights are added, by one thread.
PAYS = 16  # images a class


def folded_where_it_pays(
    evaluate_gradient: GradientFn, preprocess: Preprocess, dataset: Dataset, batch_size: int
) -> GradientFn:
    """The same gradient, folded if that is exact enough and faster for batches of this size, else as it is.

    Bytes are at most 255, and so is their centre: what is subtracted later is not much larger than what remains. It may
    be for features, and for pixels that are divided by deviations of their own.
    """
    is_exact = preprocess.is_picture and preprocess.std is None
    pays = batch_size >= PAYS * len(dataset.class_names)
    return folded(evaluate_gradient, preprocess, dataset) if is_exact and pays else evaluate_gradient


def folded(evaluate_gradient: GradientFn, preprocess: Preprocess, dataset: Dataset) -> GradientFn:
    """The same gradient, computed on the pixels of a data set as they are stored, but for a cast.

    `preprocess` must not divide by a std.
    """
    as_stored = replace(preprocess, scale=1.0, mean=None, std=None)
    read = per_thread(lambda: as_stored.reader(dataset))
    factor = 1 if preprocess.factor is None else preprocess.factor
    centre = np.zeros(preprocess.size, preprocess.dtype) if preprocess.centre is None else preprocess.centre

    def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        moved = factor * weights  # V, and a in its last row
        V, a = split(moved)
        np.subtract(weights[-1], centre @ V, out=a)
        seen = evaluate_gradient(Objective(objective.loss_fn), replace(batch, read=read), moved)
        dV, db = split(seen.grad)
        dV.T[:] -= np.multiply.outer(db, centre)
        dV *= factor
        seen.grad[:] += objective.penalty_gradient(weights)
        return seen._replace(loss=seen.loss + objective.penalty(weights))

    return evaluate
