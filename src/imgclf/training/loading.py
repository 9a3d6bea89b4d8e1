"""Load the data of a config."""

import math
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from imgclf.arrays import ByteArray, IntArray
from imgclf.config import Config
from imgclf.config.schema import Data
from imgclf.data.dataset import UNKNOWN, Dataset, InputFormat, described
from imgclf.data.download.catalog import OFFICIAL, official_name
from imgclf.data.packs.cache import through_cache
from imgclf.data.sources import SOURCES, Source, recognize
from imgclf.data.sources._image_headers import Suggestion, what_they_need
from imgclf.data.split_names import SPLITS
from imgclf.data.splits import limit, match_classes, quoted, split_off_fold, split_off_test, split_off_validation
from imgclf.errors import DataError, UsageError
from imgclf.files.form import Form
from imgclf.files.reading import reading
from imgclf.machine.cores import available_cores
from imgclf.machine.memory import require_memory
from imgclf.machine.progress import advancing

if TYPE_CHECKING:
    from imgclf.data.sources._class_folders import Listing
    from imgclf.data.sources._tree import Tree

_Part = TypeVar("_Part", bound="Dataset | Listing")


def load_training_data(config: Config) -> tuple[Dataset, Dataset | None]:
    """Load train and val; val is the source's own, else split off train, else None.

    Images that `data.test_fraction` takes are left out first; where the source can list its images, without opening
    their files.
    """
    return training_splits(config, load_for_training(config))


def load_for_training(config: Config) -> dict[str, Dataset]:
    """Load the source's own train and val, as far as it has them."""
    return _load(config, ("train", "val"))


def load_training_and_test(config: Config) -> tuple[Dataset, Dataset | None, Dataset | None]:
    """Load train, val and test at once, for a test split that is taken from train."""
    found = _load(config, SPLITS)
    train, val = training_splits(config, found)
    return train, val, found.get("test")


def training_splits(config: Config, found: dict[str, Dataset]) -> tuple[Dataset, Dataset | None]:
    """Return train and val of loaded data: split off and limited as the config says."""
    if "train" not in found:
        raise _no_training_split(config)
    train, val = found["train"], found.get("val")
    train, val = _divided(config, train, None if val is None else match_classes(val, train.class_names, where(config)))
    if len(train) == 0:
        raise DataError(where(config), "there are no training images", "a classifier needs some")
    if val is not None and val.example_shape != train.example_shape:
        of_val, of_train = (f"{one.unit}s of {described(one.example_shape)}" for one in (val, train))
        problem = f"val has {of_val}, train {of_train}"
        raise DataError(where(config), problem, "make both alike; for images, set preprocess.image_size and color")
    if len(train.class_names) < 2:
        raise DataError(where(config), f"only one class, {train.class_names[0]!r}", "a classifier needs at least two")
    return train, val


def _divided(config: Config, train: Dataset, val: Dataset | None) -> tuple[Dataset, Dataset | None]:
    """Return the training and validation images: split off and limited as the config says."""
    folds, fold = config.data.folds, config.data.fold
    if fold > folds:
        raise UsageError("data.fold", f"there is no fold {fold} of {folds}", "count from 1, or set data.folds")
    if folds > 1:
        if val is not None:
            raise UsageError("data.folds", "the data has a validation split of its own", "leave folds at 1")
        train, val = split_off_fold(train, folds, fold, config.seed)
    elif val is None and config.data.val_fraction > 0:
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


def load_test(config: Config, class_names: tuple[str, ...], like: InputFormat = UNKNOWN) -> Dataset | None:
    """Load the test split with labels that index these classes; None if there is none.

    It is the source's own, or what `data.test_fraction` takes from train. `like` is that of the model.
    """
    test = _load(config, ("test",), like).get("test")
    return None if test is None else match_classes(test, class_names, where(config))


def has_test(config: Config) -> bool:
    """Whether there is a test split: the source's own, or the share of train that `data.test_fraction` takes."""
    return config.data.test_fraction > 0 or _source_has_test(config)


def takes_test(config: Config) -> bool:
    """Whether test images are taken from train: `data.test_fraction` is above 0, and the source has no test split."""
    return config.data.test_fraction > 0 and not _source_has_test(config)


def _source_has_test(config: Config) -> bool:
    source, (path, settings) = SOURCES[config.data.source], arguments(config)
    if source.splits is None:
        return "test" in source.load(path, ("test",), **settings)
    return "test" in source.splits(path, **config.data.options)


def _load(config: Config, splits: Collection[str], like: InputFormat = UNKNOWN) -> dict[str, Dataset]:
    """Load those splits: images that can be listed, without opening those of others."""

    def read(wanted: Collection[str]) -> "Mapping[str, Dataset | Listing]":
        return list_source(config, wanted, like) or load_source(config, wanted, like)

    parts, taken = _parts(config, splits, read)
    found = {split: part if isinstance(part, Dataset) else through_cache(part) for split, part in parts.items()}
    if "train" in found:
        found["train"] = replace(found["train"], set_aside=taken)
    return found


def _parts(
    config: Config, splits: Collection[str], read: Callable[[Collection[str]], Mapping[str, _Part]]
) -> tuple[dict[str, _Part], IntArray | None]:
    """Read those splits, and return how many of each class test took from train; None where it did not have to."""
    if not takes_test(config):
        return dict(read(splits)), None
    found, taken = dict(read({"train" if split == "test" else split for split in splits})), None
    if "train" in found:
        found["train"], found["test"] = split_off_test(found["train"], config.data.test_fraction, config.seed)
        taken = found["test"].class_counts()
    return {split: part for split, part in found.items() if split in splits and len(part)}, taken


def what_images_need(config: Config) -> Suggestion:
    """Return settings for training images that differ in size or color; images to test on are not opened."""
    listings = _parts(config, ("train", "val"), lambda wanted: list_source(config, wanted) or {})[0].values()
    files = chain.from_iterable(listing.files() for listing in listings)
    return what_they_need(files, sum(map(len, listings)), available_cores())


def load_all_splits(config: Config) -> dict[str, Dataset]:
    """Load every split of the data, for `imgclf data info`.

    Labels index the classes of train; a split with images of other classes keeps its own.
    """
    found = _load(config, SPLITS)
    if "train" in found:
        train, val = _divided(config, found["train"], found.get("val"))
        found |= {"train": train} | ({} if val is None else {"val": val})
        found = {split: _as_in(train, dataset) for split, dataset in found.items()}
    if not found:
        raise DataError(where(config), "there are no images", "name a data set that holds some")
    return {split: found[split] for split in SPLITS if split in found}


def _as_in(train: Dataset, other: Dataset) -> Dataset:
    try:
        return match_classes(other, train.class_names)
    except DataError:
        return other


def tree_of(config: Config) -> "Tree | None":
    """Return how the image folder of a config is read; None for other sources."""
    tree = SOURCES[config.data.source].tree
    return tree(arguments(config)[0]) if tree else None


def load_source(config: Config, splits: Collection[str], like: InputFormat = UNKNOWN) -> dict[str, Dataset]:
    """Load those splits that the config's source has, in the config's size and color."""
    path, settings = arguments(config, like)
    with _naming_source_of(path, config):
        found = SOURCES[config.data.source].load(path, splits, **settings)
    redraw = _redraw(config, [dataset.example_shape for dataset in found.values()])
    return {split: redrawn(dataset, redraw, where(config)) if redraw else dataset for split, dataset in found.items()}


def list_source(config: Config, splits: Collection[str], like: InputFormat = UNKNOWN) -> "dict[str, Listing] | None":
    """List the images of those splits without reading them; None if the source can only load."""
    listings = SOURCES[config.data.source].listings
    if listings is None:
        return None
    path, settings = arguments(config, like)
    with _naming_source_of(path, config):
        return listings(path, splits, **settings)


@contextmanager
def _naming_source_of(path: Path | None, config: Config) -> Iterator[None]:
    """Say which source reads a file that is not of the form that the source of the config reads."""
    try:
        yield
    except DataError as error:
        given, options = config.data.source, config.data.options
        recognizes = SOURCES[given].recognizes
        if path is None or not path.is_file() or (recognizes and recognizes(path, **options)):
            raise  # of a folder, the error says what was looked for
        try:
            found = recognize(path, options)
        except DataError:
            raise error from None
        raise DataError(path, f"not what data.source={given} reads", f"data.source={found} reads it") from error


def count_training_images(config: Config) -> int:
    """Count training and validation images, without reading them if the source can."""
    splits = ("train", "val")
    listings = list_source(config, splits)
    if listings is not None:
        return sum(map(len, listings.values()))
    path, settings = arguments(config)
    return sum(map(len, SOURCES[config.data.source].load(path, splits, **settings).values()))


def form_settings(config: Config) -> dict[str, Any]:
    """Return what the config says of the form of images, by its keys."""
    return {name: getattr(config.preprocess, name) for name in Form._fields}


def arguments(config: Config, like: InputFormat = UNKNOWN) -> tuple[Any, dict[str, object]]:
    """Return the path, or None, and the settings for the `load` of a config's source; `like` if something is known."""
    data, source = config.data, SOURCES[config.data.source]
    if data.options and not source.options:
        problem = f"only applies to data.source: {_names(lambda other: other.options)}"
        raise UsageError("data.options", problem, f"{data.source} has no options: leave it out")
    if data.labels != "fine" and not source.labels:
        remedy = f"coarse labels are for data.source: {_names(lambda other: bool(other.labels))}"
        raise UsageError("data.labels", f"{data.source} has only one kind of labels", remedy)
    chosen = {"seed": config.seed} | form_settings(config)
    settings: dict[str, object] = {name: chosen[name] for name in source.settings}
    for name in data.options.keys() & settings.keys():
        raise UsageError(f"data.options.{name}", f"the data uses the {name} of the run", f"set {name} instead")
    if source.labels:
        settings["labels"] = data.labels
    if source.like and (like.columns or like.floats):
        settings["like"] = like
    return _path(data, source), settings | data.options


def _names(has: Callable[[Source], bool]) -> str:
    return " or ".join(name for name, source in SOURCES.items() if has(source))


def _path(data: Data, source: Source) -> Path | None:
    """Return the path of a source's data; None if it reads no path."""
    if not source.path:
        if data.path is not None:
            train = f"`imgclf train {shlex.quote(data.path)}` finds its source"
            remedy = f"{train}; with `--print-config > my.yaml` it writes a config that other commands read"
            raise UsageError("data.path", f"{data.source} reads no path", remedy)
        return None
    of_source = {name: known for name, known in OFFICIAL.items() if known.source == data.source}
    named = [name for name in of_source if data.path and official_name(Path(data.path).name) == name]
    downloads = [f"`imgclf data download {name}`" for name in named or of_source]
    if data.path is None:
        remedy = "; ".join([f"set data.path to {source.path}", *(f"{command} downloads it" for command in downloads)])
        raise UsageError("data.path", "this source needs a path", remedy)
    path = Path(data.path)
    with reading(path):
        if not path.exists():
            raise DataError(path, "no such file or folder", ", or run ".join(["check the path", *downloads]))
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


def redrawn(dataset: Dataset, redraw: Callable[[ByteArray], ByteArray], called: object) -> Dataset:
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
