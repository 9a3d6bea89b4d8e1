"""Load the data of a config, or other data for a model."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.config import Config
from imgclf.data.class_names import natural_key
from imgclf.data.dataset import Dataset
from imgclf.data.sources import SOURCES, Tree, folder, npz, recognise
from imgclf.data.splits import limit, match_classes, present, quoted, split_off_validation
from imgclf.errors import DataError, UsageError
from imgclf.formats.images import conform
from imgclf.memory import require_memory
from imgclf.model_file import Model


def load_training_data(config: Config) -> tuple[Dataset, Dataset | None]:
    """Load train and val; val is the source's own, else taken from train, else there is none."""
    found = load_source(config, ("train", "val"))
    if "train" not in found:
        raise _no_training_split(config)
    train, val = found["train"], found.get("val")
    train, val = _divided(config, train, None if val is None else match_classes(val, train.class_names, where(config)))
    if len(train) == 0:
        raise DataError(where(config), "there are no training images", "a classifier needs some")
    if val is not None and val.example_shape != train.example_shape:
        problem = f"validation examples are {val.example_shape}, training examples {train.example_shape}"
        raise DataError(where(config), problem, "give both the same shape; of images, preprocess.image_size does")
    if len(train.class_names) < 2:
        raise DataError(where(config), f"only one class, {train.class_names[0]!r}", "a classifier needs at least two")
    return train, val


def _divided(config: Config, train: Dataset, val: Dataset | None) -> tuple[Dataset, Dataset | None]:
    """Return what of the images is for training, and what for validation, if anything."""
    if val is None and config.data.val_fraction > 0:
        train, val = split_off_validation(train, config.data.val_fraction, config.seed)
    if config.data.limit is not None:
        train = limit(train, config.data.limit, config.seed)
    return train, val if val is not None and len(val) else None


def _no_training_split(config: Config) -> DataError:
    tree = tree_of(config)
    if tree is None:
        return DataError(where(config), "there is no training split", "see `imgclf data info`")
    names = sorted({*tree.splits, *(one.place for one in tree.passed_over if not one.expected)})
    problem = f"there is no training split, only {', '.join(map(repr, names[:9]))}"
    return DataError(where(config), problem, "call the folder of the training images train")


def load_test(config: Config, class_names: tuple[str, ...]) -> Dataset | None:
    """Load the test split as a model with these classes sees it; None where the config's data has none."""
    test = load_source(config, ("test",)).get("test")
    return None if test is None else match_classes(test, class_names, where(config))


def load_all_splits(config: Config) -> dict[str, Dataset]:
    """Load every split there is, to look at; training opens only two of them.

    They are labelled by the classes of train, but one that has images of another class keeps its own.
    """
    found = load_source(config, ("train", "val", "test"))
    if "train" in found:
        train, val = _divided(config, found["train"], found.get("val"))
        found |= {"train": train} | ({} if val is None else {"val": val})
        found = {split: _as_in(train, dataset) for split, dataset in found.items()}
    if not found:
        raise DataError(where(config), "there are no images", "name a data set that holds some")
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def _as_in(train: Dataset, other: Dataset) -> Dataset:
    try:
        return match_classes(other, train.class_names)
    except DataError:
        return other


def tree_of(config: Config) -> Tree | None:
    """Say how the folder of images that a config names is read; None for data of another kind."""
    return folder.tree(_arguments(config)[0]) if config.data.source == "folder" else None


def remarks(config: Config, splits: Mapping[str, Dataset]) -> list[str]:
    """Return what a user may have meant otherwise: what was passed over, and classes that one split lacks."""
    lines, train = _passed_over(config.data.source, _arguments(config)[0]), splits.get("train")
    if train is None:
        return lines
    seen = set(present(train))
    if empty := [name for name in train.class_names if name not in seen]:
        hint = " - do the labels count from 1? Then subtract 1" if empty == ["0"] else ""
        lines.append(f"{where(config)}: no training images of {quoted(empty)}{hint}")
    for split, dataset in splits.items():
        if foreign := sorted(set(present(dataset)) - set(train.class_names), key=natural_key):
            lines.append(f"{where(config)}: {split} has images of {quoted(foreign)}, classes that train has not")
    return lines


def warnings_about(path: Path) -> list[str]:
    """Return what was passed over of the data at a path, which a user may have meant otherwise."""
    return _passed_over(recognise(path), path)


def _passed_over(source: str, path: Path | None) -> list[str]:
    if source == "npz":
        return npz.warnings(path)
    return folder.tree(path).warnings() if source == "folder" else []


def load_for(model: Model, path: Path) -> Dataset:
    """Load other images for a model: their test split if they have splits, else all of them; classes by name."""
    preprocess = model.preprocess
    source = recognise(path)
    options: dict[str, object] = {}
    if source == "folder" and preprocess.is_picture:
        options = {"image_size": preprocess.example_shape[:2], "color": preprocess.color}
    elif source == "cifar100":
        options = {"labels": "coarse" if len(model.class_names) == 20 else "fine"}
    load = partial(SOURCES[source], path, **options)
    found = load(("test",)) or load(("train", "val"))
    if "val" in found:
        raise DataError(path, "no test split found", "give a data set with a test split or without splits")
    dataset = match_classes(found["test"] if "test" in found else found["train"], model.class_names, path)
    if preprocess.is_picture and len(dataset.example_shape) == 3:
        dataset = _redrawn(dataset, preprocess.picture, path)
    if dataset.example_shape != preprocess.example_shape:
        problem = f"examples are {dataset.example_shape}, the model's are {preprocess.example_shape}"
        raise DataError(path, problem, "name data like that of the training")
    return dataset


def load_source(config: Config, splits: Collection[str]) -> dict[str, Dataset]:
    """Load those of the splits that the config's source has, in the config's size and colour."""
    path, options = _arguments(config)
    found = SOURCES[config.data.source](path, splits, **options)
    redraw = _redraw(config, [dataset.example_shape for dataset in found.values()])
    return {split: _redrawn(dataset, redraw, where(config)) if redraw else dataset for split, dataset in found.items()}


def count_training_images(config: Config) -> int:
    """Count the images that a config's source has to train and validate on; those of a folder are not read."""
    path, options = _arguments(config)
    if config.data.source == "folder":
        return sum(sum(one.counts) for one in folder.list_splits(path, ("train", "val")).values())
    return sum(map(len, SOURCES[config.data.source](path, ("train", "val"), **options).values()))


def _arguments(config: Config) -> tuple[Path | None, dict[str, object]]:
    """Return what a config's source is asked for: path and options."""
    data, size, color = config.data, config.preprocess.image_size, config.preprocess.color
    if data.options and data.source != "synthetic":
        raise UsageError(
            "data.options", "only applies to data.source: synthetic", f"{data.source} has no options: leave it out"
        )
    if data.labels != "fine" and data.source != "cifar100":
        raise UsageError("data.labels", f"{data.source} has one kind", "coarse ones are for data.source: cifar100")
    options: dict[str, object] = {}
    if data.source == "cifar100":
        options = {"labels": data.labels}
    elif data.source == "folder":
        options = {"image_size": size, "color": color}
    elif data.source == "synthetic":
        if "seed" in data.options:
            raise UsageError("data.options.seed", "the data follows the seed of the run", "set seed instead")
        options = {"seed": config.seed, **data.options}
    return None if data.path is None else Path(data.path), options


def _redraw(config: Config, shapes: Collection[tuple[int, ...]]) -> Callable[[ByteArray], ByteArray] | None:
    """Return what gives examples of these shapes the config's size and colour; None where it names none."""
    size, color = config.preprocess.image_size, config.preprocess.color
    if size is None and color is None:
        return None
    if any(len(shape) == 1 for shape in shapes):
        raise UsageError("preprocess", "feature vectors have no size and no colour", "drop image_size and color")
    return partial(conform, size=None if size is None else (size, size), color=color)


def where(config: Config) -> str:
    """Return what to call a config's data in an error."""
    return config.data.path or config.data.source


def _redrawn(dataset: Dataset, redraw: Callable[[ByteArray], ByteArray], called: object) -> Dataset:
    """Put every picture through `redraw`, the way that files go too; nothing is copied where nothing changes."""
    if len(dataset.images) == 0 or redraw(dataset.images[0]).shape == dataset.example_shape:
        return dataset
    shape = (len(dataset.images), *redraw(dataset.images[0]).shape)
    require_memory(math.prod(shape), called)
    images = np.empty(shape, np.uint8)
    for row, image in enumerate(dataset.images):
        images[row] = redraw(image)
    return replace(dataset, images=images)
