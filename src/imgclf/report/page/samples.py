"""Which images travel in the page: a stratified sample, and those of the fullest wrong cells."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.dataset import Dataset
from imgclf.training.classifier import Model
from imgclf.training.evaluation import score_images

LOOKED_THROUGH = 10_000  # images in which those of wrong cells are looked for


class Sample(NamedTuple):
    """Images of a split: their row indices in it, increasing; which of them are in the stratified sample."""

    rows: IntArray
    counted: NDArray[np.bool_]


def with_mistakes(counted: IntArray, mistakes: IntArray) -> Sample:
    """Return the images of a sample together with others, which are only shown."""
    rows = np.union1d(counted, mistakes)
    return Sample(rows, np.isin(rows, counted))


def mistakes(model: Model, dataset: Dataset, among: IntArray, n: int) -> IntArray:
    """Return the row indices of n images that the model mistakes, fullest wrong cells first.

    `among` are those to look through. Each cell gives an image in turn, its most confident mistake first.
    """
    if n == 0:
        return among[:0]
    true, predicted, margins = dataset.y_of(among), *predictions(model, dataset, among)
    wrong = np.flatnonzero(true != predicted)
    cells = true[wrong] * len(model.class_names) + predicted[wrong]
    _, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
    order = np.lexsort((among[wrong], -margins[wrong], cell))
    turn = np.empty(len(wrong), np.int64)
    turn[order] = np.arange(len(wrong)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = np.lexsort((among[wrong], cell, -counts[cell], turn))[:n]
    return np.sort(among[wrong[chosen]])


def predictions(model: Model, dataset: Dataset, rows: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the predicted classes (n,), and how much their scores are above those of the right classes (n,)."""
    predicted, margins = np.empty(len(rows), np.int64), np.empty(len(rows))
    for start in range(0, len(rows), dataset.at_once):
        part = rows[start : start + dataset.at_once]
        s, here = score_images(model, dataset.pixels(part)), slice(start, start + len(part))
        predicted[here] = s.argmax(axis=1)
        each = np.arange(len(part))
        margins[here] = s[each, predicted[here]] - s[each, dataset.y_of(part)]
    return predicted, margins
