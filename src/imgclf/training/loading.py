"""Load the data of a config, or other data for a model."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.config import Config
from imgclf.config.schema import Data
from imgclf.data.class_names import natural_key
from imgclf.data.dataset import Dataset
from imgclf.data.download.catalog import OFFICIAL
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources import SOURCES, Source, recognize
from imgclf.data.sources._image_files import Suggestion, nearly_black, what_they_need
from imgclf.data.splits import MaskArray, limit, match_classes, present, quoted, rows_to_test_on, split_off_validation
from imgclf.errors import DataError, UsageError
from imgclf.files.images import Form
from imgclf.files.reading import reading
from imgclf.machine.cores import available_cores
from imgclf.machine.memory import require_memory
from imgclf.machine.progress import advancing
from imgclf.training.classifier import Model

if TYPE_CHECKING:
    from imgclf.data.sources._class_folders import Listing
    from imgclf.data.sources._tree import Tree

_LOOKED_AT = 16  # classes, of which the first image is opened


def load_training_data(config: Config) -> tuple[Dataset, Dataset | None]:
    """Load train and val; val is the source's own, else split off train, else None.

    Images that `data.test_fraction` takes are left out first; where the source can list its images, without opening
    their files.
    """
    found = _without_test(config, ("train", "val"))
    if "train" not in found:
        raise _no_training_split(config)
    train, val = found["train"], found.get("val")
    train, val = _divided(config, train, None if val is None else match_classes(val, train.class_names, where(config)))
    if len(train) == 0:
        raise DataError(where(config), "there are no training images", "a classifier needs some")
    if val is not None and val.example_shape != train.example_shape:
        problem = f"validation examples are {val.example_shape}, training examples {train.example_shape}"
        raise DataError(where(config), problem, "give both the same shape; for images, set preprocess.image_size")
    if len(train.class_names) < 2:
        raise DataError(where(config), f"only one class, {train.class_names[0]!r}", "a classifier needs at least two")
    return train, val


def _divided(config: Config, train: Dataset, val: Dataset | None) -> tuple[Dataset, Dataset | None]:
    """Return the training and validation images: split off and limited as the config says."""
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
    problem = f"there is no training split, only {quoted(names)}"
    return DataError(where(config), problem, "name the folder of the training images train")


def load_test(config: Config, class_names: tuple[str, ...]) -> Dataset | None:
    """Load the test split with labels that index these classes; None if there is none.

    It is the source's own, or what `data.test_fraction` takes from train.
    """
    test = _taken_test(config) if takes_test(config) else load_source(config, ("test",)).get("test")
    return None if test is None else match_classes(test, class_names, where(config))


def takes_test(config: Config) -> bool:
    """Whether test images are taken from train: `data.test_fraction` is above 0, and the source has no test split."""
    if config.data.test_fraction == 0:
        return False
    source, (path, settings) = SOURCES[config.data.source], _arguments(config)
    if source.splits is None:
        return "test" not in source.load(path, ("test",), **settings)
    return "test" not in source.splits(path, **config.data.options)


def _taken_test(config: Config) -> Dataset | None:
    """Return the images that `data.test_fraction` takes from train; None if there are none."""
    return _parts(config, ("train",), lambda taken: taken).get("train")


def _without_test(config: Config, splits: Collection[str]) -> dict[str, Dataset]:
    """Load those splits, without the images that `data.test_fraction` takes from train."""
    return _parts(config, splits, np.logical_not) if takes_test(config) else load_source(config, splits)


def _parts(config: Config, splits: Collection[str], keep: Callable[[MaskArray], MaskArray]) -> dict[str, Dataset]:
    """Load those splits, of train only the part that `keep` makes of the mask of test images."""
    listed = _listed_parts(config, splits, keep)
    if listed is not None:
        return {split: through_cache(listing) for split, listing in listed.items() if len(listing)}
    found = load_source(config, splits)
    if train := found.get("train"):
        test = _test_rows(config, train.y_of, train.class_counts())
        found["train"] = train.subset(np.flatnonzero(keep(test)))
    return {split: dataset for split, dataset in found.items() if len(dataset)}


def _listed_parts(
    config: Config, splits: Collection[str], keep: Callable[[MaskArray], MaskArray]
) -> "dict[str, Listing] | None":
    """List the images that `_parts` loads; None if the source can only load."""
    listed = list_source(config, splits)
    if listed and (listing := listed.get("train")):
        listed["train"] = listing.subset(keep(_test_rows(config, listing.labels_of, listing.kept_counts)))
    return listed


def what_images_need(config: Config) -> Suggestion:
    """Return settings for training images that differ in size or color; images to test on are not opened."""
    splits = ("train", "val")
    listed = _listed_parts(config, splits, np.logical_not) if takes_test(config) else list_source(config, splits)
    listings = (listed or {}).values()
    files = chain.from_iterable(listing.files() for listing in listings)
    return what_they_need(files, sum(map(len, listings)), available_cores())


def _test_rows(config: Config, labels_of: Callable[[IntArray], IntArray], counts: IntArray) -> MaskArray:
    return rows_to_test_on(labels_of, counts, config.data.test_fraction, config.seed)


def load_all_splits(config: Config) -> dict[str, Dataset]:
    """Load every split of the data, for `imgclf data info`.

    Labels index the classes of train; a split with images of other classes keeps its own.
    """
    found = _without_test(config, ("train", "val", "test"))
    if takes_test(config) and (taken := _taken_test(config)):
        found["test"] = taken
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


def tree_of(config: Config) -> "Tree | None":
    """Return how the image folder of a config is read; None for other sources."""
    tree = SOURCES[config.data.source].tree
    return tree(_arguments(config)[0]) if tree else None


def remarks(config: Config, splits: Mapping[str, Dataset]) -> list[str]:
    """Return warnings: skipped files, how data was read that is not plain, and classes that one split lacks."""
    lines = _passed_over(config.data.source, _arguments(config)[0], config.data.options)
    lines += dict.fromkeys(remark for dataset in splits.values() for remark in dataset.remarks)
    if config.data.test_fraction and not takes_test(config):
        lines.append("data.test_fraction: not used, because the data has a test split")
    train = splits.get("train")
    if train is None:
        return lines
    if file := nearly_black(islice(_first_of_each_class(train), _LOOKED_AT)):
        problem = "16 bits, but no value above 4,095, so it is read as 0 to 15, nearly black"
        lines.append(f"{file}: {problem}: if a camera made it with 12 bits, multiply its values by 16")
    seen = set(present(train))
    if empty := [name for name in train.class_names if name not in seen]:
        lines.append(f"{where(config)}: no training images of {quoted(empty)}")
    for split, dataset in splits.items():
        if foreign := sorted(set(present(dataset)) - set(train.class_names), key=natural_key):
            lines.append(f"{where(config)}: {split} has images of {quoted(foreign)}, classes that train lacks")
    return lines


def _first_of_each_class(train: Dataset) -> Iterator[Path]:
    """Yield the file of the first image of each class, if images have files of their own."""
    if train.paths is not None:
        wanted = set(train.rows[np.unique(train.y, return_index=True)[1]].tolist())
        yield from (file for row, file in enumerate(train.paths()) if row in wanted)


def warnings_about(path: Path, options: Mapping[str, Any]) -> list[str]:
    """Return warnings about skipped data at a path; `options` as for `load_for`."""
    return _passed_over(recognize(path), path, _options_there(path, options))


def _options_there(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that name columns, if there are tables at a path, and the table if it is there."""
    if recognize(path) != "csv":
        return {}
    return {name: value for name, value in options.items() if name != "labels_file" or (path / value).is_file()}


def _passed_over(source: str, path: Path, options: Mapping[str, Any]) -> list[str]:
    warnings = SOURCES[source].warnings
    return warnings(path, **options) if warnings else []


def load_for(model: Model, path: Path, options: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """Load other data for a model: its test split, or all of it without splits; classes by name.

    `options` are the `data.options` for tables.
    """
    preprocess = model.preprocess
    source = SOURCES[recognize(path)]
    settings = _options_there(path, options)
    if preprocess.is_image:
        settings |= {name: value for name, value in preprocess.form._asdict().items() if name in source.settings}
    for kind, classes in source.labels.items():
        if classes == len(model.class_names):
            settings["labels"] = kind
    load = partial(source.load, path, **settings)
    found = load(("test",)) or load(("train", "val"))
    if "val" in found:
        raise DataError(path, "no test split found", "give a data set with a test split or without splits")
    dataset = match_classes(found["test"] if "test" in found else found["train"], model.class_names, path)
    if preprocess.is_image and len(dataset.example_shape) == 3:
        dataset = _redrawn(dataset, preprocess.conform, path)
    if dataset.example_shape != preprocess.example_shape:
        problem = f"examples are {dataset.example_shape}, the model's are {preprocess.example_shape}"
        raise DataError(path, problem, "name data like the training data")
    return dataset


def load_source(config: Config, splits: Collection[str]) -> dict[str, Dataset]:
    """Load those splits that the config's source has, in the config's size and color."""
    path, settings = _arguments(config)
    found = SOURCES[config.data.source].load(path, splits, **settings)
    redraw = _redraw(config, [dataset.example_shape for dataset in found.values()])
    return {split: _redrawn(dataset, redraw, where(config)) if redraw else dataset for split, dataset in found.items()}


def list_source(config: Config, splits: Collection[str]) -> "dict[str, Listing] | None":
    """List the images of those splits without reading them; None if the source can only load."""
    listings = SOURCES[config.data.source].listings
    if listings is None:
        return None
    path, settings = _arguments(config)
    return listings(path, splits, **settings)


def count_training_images(config: Config) -> int:
    """Count training and validation images, without reading them if the source can."""
    splits = ("train", "val")
    listings = list_source(config, splits)
    if listings is not None:
        return sum(map(len, listings.values()))
    path, settings = _arguments(config)
    return sum(map(len, SOURCES[config.data.source].load(path, splits, **settings).values()))


def _arguments(config: Config) -> tuple[Any, dict[str, object]]:
    """Return the path, or None, and the settings for the `load` of a config's source."""
    data, source = config.data, SOURCES[config.data.source]
    if data.options and not source.options:
        problem = f"only applies to data.source: {_names(lambda other: other.options)}"
        raise UsageError("data.options", problem, f"{data.source} has no options: leave it out")
    if data.labels != "fine" and not source.labels:
        remedy = f"coarse labels are for data.source: {_names(lambda other: bool(other.labels))}"
        raise UsageError("data.labels", f"{data.source} has only one kind of labels", remedy)
    chosen = {"seed": config.seed, **config.preprocess.model_dump(include={"image_size", "color", "resize"})}
    settings: dict[str, object] = {name: chosen[name] for name in source.settings}
    for name in data.options.keys() & settings.keys():
        raise UsageError(f"data.options.{name}", f"the data uses the {name} of the run", f"set {name} instead")
    if source.labels:
        settings["labels"] = data.labels
    return _path(data, source), settings | data.options


def _names(has: Callable[[Source], bool]) -> str:
    return " or ".join(name for name, source in SOURCES.items() if has(source))


def _path(data: Data, source: Source) -> Path | None:
    """Return the path of a source's data; None if it reads no path."""
    if not source.path:
        if data.path is not None:
            problem, remedy = "this source reads no path", "set data.path to null, or data.source to another"
            raise UsageError("data.path", problem, remedy)
        return None
    downloads = [f"`imgclf data download {name}`" for name, known in OFFICIAL.items() if known.source == data.source]
    if data.path is None:
        remedy = "; ".join([f"set data.path to {source.path}", *(f"{command} downloads it" for command in downloads)])
        raise UsageError("data.path", "this source needs a path", remedy)
    path = Path(data.path)
    with reading(path):
        if not path.exists():
            raise DataError(path, "no such file or folder", ", or see ".join(["check the path", *downloads]))
    return path


def _redraw(config: Config, shapes: Collection[tuple[int, ...]]) -> Callable[[ByteArray], ByteArray] | None:
    """Return a function that gives images the config's size and color; None if the config sets neither."""
    size, color = config.preprocess.image_size, config.preprocess.color
    if size is None and color is None:
        return None
    if any(len(shape) == 1 for shape in shapes):
        raise UsageError("preprocess", "feature vectors have no size and no color", "drop image_size and color")
    return Form.of(size, color, config.preprocess.resize).conform


def where(config: Config) -> str:
    """Return the name of a config's data for an error."""
    return config.data.path or config.data.source


def _redrawn(dataset: Dataset, redraw: Callable[[ByteArray], ByteArray], called: object) -> Dataset:
    """Apply `redraw` to every image, as to image files; without a change nothing is copied."""
    if len(dataset.images) == 0 or redraw(dataset.images[0]).shape == dataset.example_shape:
        return dataset
    shape = (len(dataset.images), *redraw(dataset.images[0]).shape)
    require_memory(math.prod(shape), called)
    images = np.empty(shape, np.uint8)
    advance = advancing("resizing", len(images))
    for row, image in enumerate(dataset.images):
        images[row] = redraw(image)
        advance(1)
    return replace(dataset, images=images)
