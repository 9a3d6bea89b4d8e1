"""Split off validation and test examples, limit a data set, match classes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.class_names import first_few
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError
from imgclf.numerics.indices import slices
from imgclf.numerics.random_streams import FOLDS, LIMIT, TEST_SPLIT, VAL_SPLIT, shuffled

MaskArray: TypeAlias = NDArray[np.bool_]


class Labeled(Protocol):
    """Examples with labels: a `Dataset`, or images that are listed but not yet opened."""

    def y_of(self, rows: IntArray, /) -> IntArray:
        """Return the labels of examples by their row index."""

    def class_counts(self) -> IntArray:
        """Return the number of examples of each class, (C,)."""

    def subset(self, rows: IntArray, /) -> Self:
        """Keep only the examples at these row indices, which ascend."""


_Examples = TypeVar("_Examples", bound=Labeled)


def split_off_validation(examples: _Examples, fraction: float, seed: int) -> tuple[_Examples, _Examples]:
    """Return (train, val): val has round(fraction * N) examples, stratified by class; both keep their order.

    At least one example of every class stays in train, so val may be smaller or empty if classes are tiny.
    """
    return _divided(examples, fraction, seed, VAL_SPLIT)


def split_off_test(examples: _Examples, fraction: float, seed: int) -> tuple[_Examples, _Examples]:
    """Return (the rest, test): as `split_off_validation`, but drawn apart from it."""
    return _divided(examples, fraction, seed, TEST_SPLIT)


def _divided(examples: _Examples, fraction: float, seed: int, purpose: int) -> tuple[_Examples, _Examples]:
    counts = examples.class_counts()
    n = int(counts.sum())
    ties = shuffled(len(counts), seed, purpose, 1)
    wanted = apportion(int(n * fraction + 0.5), counts, np.maximum(counts - 1, 0), ties)
    chosen = _choose(examples.y_of, n, wanted, shuffled(n, seed, purpose))
    return examples.subset(np.flatnonzero(~chosen)), examples.subset(np.flatnonzero(chosen))


def split_off_fold(examples: _Examples, folds: int, fold: int, seed: int) -> tuple[_Examples, _Examples]:
    """Return (train, val): val is one of `folds` parts, stratified by class, that together are all; `fold` from 1.

    A class with a single example has it in train, whatever the fold.
    """
    counts = examples.class_counts()
    order = shuffled(int(counts.sum()), seed, FOLDS)
    y = examples.y_of(order)
    dealt = order[np.argsort(y, kind="stable")][np.repeat(counts, counts) > 1]  # class by class
    chosen = np.zeros(len(order), bool)
    chosen[dealt[fold - 1 :: folds]] = True
    return examples.subset(np.flatnonzero(~chosen)), examples.subset(np.flatnonzero(chosen))


def limit(dataset: Dataset, n: int, seed: int) -> Dataset:
    """Return n of the examples, stratified by class, in their order; all of them if there are no more."""
    return dataset if n >= len(dataset) else dataset.subset(stratified(dataset, n, seed, LIMIT))


def stratified(dataset: Dataset, n: int, seed: int, purpose: int) -> IntArray:
    """Return the row indices of at most n examples, stratified by class, increasing."""
    counts = dataset.class_counts()
    wanted = apportion(min(n, len(dataset)), counts, counts, shuffled(len(counts), seed, purpose, 1))
    return np.flatnonzero(_choose(dataset.y_of, len(dataset), wanted, shuffled(len(dataset), seed, purpose)))


def match_classes(dataset: Dataset, class_names: Sequence[str], where: object = "data") -> Dataset:
    """Return the same examples with labels that index `class_names`, matched by name.

    Classes without examples may be missing on either side; an example of an unknown class raises DataError.
    """
    names = tuple(class_names)
    if dataset.class_names == names:
        return dataset
    label_of = {name: label for label, name in enumerate(names)}
    if unknown := [name for name in present(dataset) if name not in label_of]:
        problem = f"{quoted(unknown)} not among the classes that were trained on, {quoted(names)}"
        raise DataError(where, problem, "the names must be the same, letter by letter")
    # A class that is missing in class_names has no example: its new label does not matter.
    new_label = np.array([label_of.get(name, 0) for name in dataset.class_names], np.min_scalar_type(len(names) - 1))
    return replace(dataset, labels=new_label[dataset.labels], class_names=names)


def present(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes that have an example."""
    return tuple(name for name, n in zip(dataset.class_names, dataset.class_counts(), strict=True) if n)


def apportion(
    total: int, shares: NDArray[np.number], most: IntArray | None = None, ties: IntArray | None = None
) -> IntArray:
    """Divide `total` things in proportion to `shares`, (C,) int: whole numbers, by the largest remainder.

    No part exceeds its number in `most`; the excess goes to the next largest remainders, and is dropped when all are
    full.
    """
    quota = total * np.asarray(shares, np.float64) / max(float(np.sum(shares)), 1e-300)
    ceiling = np.full(len(quota), total) if most is None else most
    given = np.minimum(np.floor(quota + 1e-9).astype(np.int64), ceiling)
    ties = np.arange(len(quota)) if ties is None else ties  # the order of equal remainders
    order = ties[np.argsort((given - quota)[ties], kind="stable")]
    left = min(total, int(np.sum(ceiling))) - int(given.sum())
    while left > 0:
        next_ones = order[given[order] < ceiling[order]][:left]
        given[next_ones] += 1
        left -= len(next_ones)
    return given


def _choose(labels_of: Callable[[IntArray], IntArray], n: int, wanted: IntArray, order: IntArray) -> MaskArray:
    """Mark wanted[c] examples of each class c, the first ones in the given order, (N,)."""
    chosen = np.zeros(n, bool)
    left = wanted.copy()
    for part in slices(n):  # takes 5 bytes per example instead of 50
        y = labels_of(order[part])
        counts = np.bincount(y, minlength=len(left))
        rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # the index within its class
        by_class = order[part][np.argsort(y, kind="stable")]
        chosen[by_class[rank < np.repeat(left, counts)]] = True
        left -= np.minimum(left, counts)
    return chosen


def quoted(names: Sequence[str]) -> str:
    """Quote the first names of a list, and add how many more there are."""
    return first_few([repr(name) for name in names])
