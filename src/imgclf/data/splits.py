"""Split off validation examples, limit a data set, match classes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.class_names import first_few
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError
from imgclf.numerics.indices import slices
from imgclf.numerics.random_streams import LIMIT, VAL_SPLIT, shuffled


def split_off_validation(dataset: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Return (train, val): val has round(fraction * N) examples, of each class its share; both keep their order.

    Of every class at least one example stays in train, so val may be smaller where classes are tiny; it may be empty.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction is {fraction}, not within 0 <= fraction < 1")
    counts = dataset.class_counts()
    ties = shuffled(len(counts), seed, VAL_SPLIT, 1)
    wanted = apportion(int(len(dataset) * fraction + 0.5), counts, np.maximum(counts - 1, 0), ties)
    chosen = _choose(dataset, wanted, shuffled(len(dataset), seed, VAL_SPLIT))
    return dataset.subset(np.flatnonzero(~chosen)), dataset.subset(np.flatnonzero(chosen))


def limit(dataset: Dataset, n: int, seed: int) -> Dataset:
    """Return n of the examples, of each class its share, in their order; all of them where there are no more."""
    if n < 1:
        raise ValueError(f"n is {n}, not at least 1")
    if n >= len(dataset):
        return dataset
    counts = dataset.class_counts()
    wanted = apportion(n, counts, counts, shuffled(len(counts), seed, LIMIT, 1))
    chosen = _choose(dataset, wanted, shuffled(len(dataset), seed, LIMIT))
    return dataset.subset(np.flatnonzero(chosen))


def match_classes(dataset: Dataset, class_names: Sequence[str], where: object = "data") -> Dataset:
    """Return the same examples, labeled by the places of their classes' names in `class_names`.

    A class that has no example may be missing on either side; one that has some and no name raises DataError.
    """
    names = tuple(class_names)
    if dataset.class_names == names:
        return dataset
    place = {name: label for label, name in enumerate(names)}
    if unknown := [name for name in present(dataset) if name not in place]:
        raise DataError(
            where,
            f"{quoted(unknown)} not among the classes that were trained on, {quoted(names)}",
            "the names must be the same, letter by letter",
        )
    # A class without a name has no example either: any label will do for it.
    new_label = np.array([place.get(name, 0) for name in dataset.class_names], np.min_scalar_type(len(names) - 1))
    return replace(dataset, labels=new_label[dataset.labels], class_names=names)


def present(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes that have an example."""
    return tuple(name for name, n in zip(dataset.class_names, dataset.class_counts(), strict=True) if n)


def apportion(
    total: int, shares: NDArray[np.number], most: IntArray | None = None, ties: IntArray | None = None
) -> IntArray:
    """Divide `total` things in proportion to `shares`, (C,) int: whole numbers, by the largest remainder.

    None gets more than its number in `most`; what that leaves over goes to the next largest remainders, and is
    dropped where all are full.
    """
    quota = total * np.asarray(shares, np.float64) / max(float(np.sum(shares)), 1e-300)
    ceiling = np.full(len(quota), total) if most is None else most
    given = np.minimum(np.floor(quota + 1e-9).astype(np.int64), ceiling)
    ties = np.arange(len(quota)) if ties is None else ties  # who comes first of equal remainders
    order = ties[np.argsort((given - quota)[ties], kind="stable")]
    left = min(total, int(np.sum(ceiling))) - int(given.sum())
    while left > 0:
        next_ones = order[given[order] < ceiling[order]][:left]
        given[next_ones] += 1
        left -= len(next_ones)
    return given


def _choose(dataset: Dataset, wanted: IntArray, order: IntArray) -> NDArray[np.bool_]:
    """Mark wanted[c] examples of each class c, the first ones in the given order, (N,)."""
    chosen = np.zeros(len(dataset), bool)
    left = wanted.copy()
    for part in slices(len(dataset)):  # at the price of 5 bytes an example, not of 50
        y = dataset.y_of(order[part])
        counts = np.bincount(y, minlength=len(left))
        rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # the place within its class
        by_class = order[part][np.argsort(y, kind="stable")]
        chosen[by_class[rank < np.repeat(left, counts)]] = True
        left -= np.minimum(left, counts)
    return chosen


def quoted(names: Sequence[str]) -> str:
    """Quote the first names of a list, and say how many more there are."""
    return first_few([repr(name) for name in names])
