"""Images that a model mistakes, of the fullest wrong cells."""

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.dataset import Dataset
from imgclf.numerics.indices import slices
from imgclf.training.classifier import Model
from imgclf.training.evaluation import score_images

LOOKED_THROUGH = 10_000  # images in which those of wrong cells are looked for
OF_A_CELL = 10  # images of a wrong cell


def mistakes(model: Model, dataset: Dataset, among: IntArray, n: int) -> IntArray:
    """Return the row indices, increasing, of at most n images that the model mistakes: of the fullest wrong cells.

    `among` are those to look through. A cell, a true and a predicted class, gives its most confident mistakes.
    """
    true, (predicted, margins) = dataset.y_of(among), predictions(model, dataset, among)
    wrong = np.flatnonzero(true != predicted)
    cells = true[wrong] * len(model.class_names) + predicted[wrong]
    _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
    order = np.lexsort((-margins[wrong], cell, -counts[cell]))  # the fullest cell first, in it the largest margin
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))  # in its cell
    return np.sort(among[wrong[order[place < OF_A_CELL][:n]]])


def predictions(model: Model, dataset: Dataset, rows: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the predicted classes (n,), and how much their scores are above those of the right classes (n,)."""
    predicted, margins = np.empty(len(rows), np.int64), np.empty(len(rows))
    for here in slices(len(rows), dataset.at_once):
        part = rows[here]
        s = score_images(model, dataset.pixels(part))
        predicted[here] = s.argmax(axis=1)
        each = np.arange(len(part))
        margins[here] = s[each, predicted[here]] - s[each, dataset.y_of(part)]
    return predicted, margins
