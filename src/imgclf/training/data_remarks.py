"""Collect warnings about data."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.config import Config
from imgclf.data.class_names import natural_key
from imgclf.data.dataset import Dataset, described
from imgclf.data.sources import SOURCES
from imgclf.data.sources._image_files import NEARLY_BLACK
from imgclf.data.sources._image_headers import nearly_black
from imgclf.data.splits import present, quoted
from imgclf.errors import plural
from imgclf.training.loading import arguments, takes_test, where

_LOOKED_AT = 16  # classes, of which the first image is opened


def remarks(config: Config, splits: Mapping[str, Dataset]) -> list[str]:
    """Return warnings: skipped files, how data was read that is not plain, and what is odd about the examples."""
    lines = passed_over(config.data.source, arguments(config)[0], config.data.options)
    return [*lines, *how_read(splits), *of_examples(config, splits)]


def how_read(splits: Mapping[str, Dataset]) -> list[str]:
    """Return how data was read where that is not plain."""
    return [*dict.fromkeys(remark for dataset in splits.values() for remark in dataset.remarks)]


def of_examples(config: Config, splits: Mapping[str, Dataset]) -> list[str]:
    """Return warnings about small classes, classes that one split lacks, and images of another form or depth."""
    lines = []
    if config.data.test_fraction and not takes_test(config):
        lines.append("data.test_fraction: not used, because the data has a test split")
    train = splits.get("train")
    if train is None:
        return lines
    lines += _of_small_classes(config, train)
    lines += about_depth(train)
    seen = set(present(train))
    if empty := [name for name in train.class_names if name not in seen]:
        lines.append(f"{where(config)}: no training images of {quoted(empty)}")
    for split, dataset in splits.items():
        if foreign := sorted(set(present(dataset)) - set(train.class_names), key=natural_key):
            lines.append(f"{where(config)}: {split} has images of {quoted(foreign)}, classes that train lacks")
        if dataset.example_shape != train.example_shape:
            of_split, of_train = (f"{one.unit}s of {described(one.example_shape)}" for one in (dataset, train))
            lines.append(f"{where(config)}: {split} has {of_split}, train {of_train}")
    return lines


def _of_small_classes(config: Config, train: Dataset) -> Iterator[str]:
    """Yield warnings about classes that are too small for test images, or to learn from."""
    counts, taken = train.class_counts(), train.set_aside
    if taken is not None and not taken.any():
        problem = f"data.test_fraction: {config.data.test_fraction:g} takes no {train.unit} for test"
        why = "it is rounded, and one of each class stays in train"
        yield f"{where(config)}: {problem}: {why} - add {train.unit}s, or raise it"
    elif taken is not None and (untested := np.flatnonzero((taken == 0) & (counts > 0))).size:
        names = quoted([train.class_names[label] for label in untested])
        yield f"{where(config)}: no test {train.unit}s of {names} - add {train.unit}s, or raise data.test_fraction"
    of_data = counts if taken is None else counts + taken
    single = int((of_data == 1).sum())
    if config.data.limit is None and 2 * single > np.count_nonzero(counts):
        few = f"{single:,} of {plural(len(counts), 'class', 'classes')} have a single training {train.unit}"
        yield f"{where(config)}: {few} - check that the labels are classes, or add {train.unit}s"


def about_depth(dataset: Dataset) -> list[str]:
    """Return a warning if one of the first images of some classes is nearly black, as it may have 12 bits of 16."""
    first = np.array(sorted(dataset.first_of_classes().values()), np.int64)
    file = nearly_black(dataset.paths_of(first[:_LOOKED_AT]) or [])
    return [f"{file}: {NEARLY_BLACK}"] if file else []


def passed_over(source: str, path: Path, options: Mapping[str, Any]) -> list[str]:
    """Return warnings about skipped data at a path."""
    warnings = SOURCES[source].warnings
    return warnings(path, **options) if warnings else []
