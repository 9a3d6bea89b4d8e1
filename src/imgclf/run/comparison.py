"""Compare runs on the images that they have in common."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.data.duplicates import digests
from imgclf.data.sources import SOURCES
from imgclf.data.splits import match_classes
from imgclf.errors import DataError, UsageError, plural
from imgclf.run.data_identity import check_data
from imgclf.run.opening import config_of_run, data_of_run, open_run
from imgclf.training.classifier import Model
from imgclf.training.features import featured
from imgclf.training.loading import load_training_data, where
from imgclf.training.other_data import load_own_test
from imgclf.training.prediction import predicted_classes

FEWEST = 100  # common images, where the splits differ: fewer say little
_OR_TEST = ", or compare on test images: --split test"
_RESTORE = "restore the data, or train again"


class ComparedRun(NamedTuple):
    """A run that has a model; `config` says where its data is now."""

    path: Path
    config: Config
    model: Model


@dataclass(frozen=True)
class Comparison:
    """What runs say of the images that they have in common.

    sizes      (R) the number of images in the split of each run
    images     the common ones, N, in the order and with the classes of the first run
    predicted  (R, N) the answers, as classes of the first run
    """

    split: str
    runs: tuple[ComparedRun, ...]
    sizes: tuple[int, ...]
    images: Dataset
    predicted: IntArray

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which of the images each run has right, (R, N)."""
        return np.asarray(self.predicted == self.images.y)

    @property
    def flipped(self) -> IntArray:
        """The rows of the images that not all runs call the same, increasing."""
        return np.flatnonzero((self.predicted != self.predicted[0]).any(axis=0))

    def recalls(self) -> NDArray[np.float64]:
        """Return the share of each class that each run has right, (R, C); NaN for a class without images."""
        counts = self.images.class_counts()
        found = [np.bincount(self.images.y[right], minlength=len(counts)) for right in self.right]
        with np.errstate(invalid="ignore"):
            return np.array(found) / counts


def open_runs(paths: Sequence[Path]) -> tuple[ComparedRun, ...]:
    """Open runs that tell the same classes apart."""
    runs = []
    for path in paths:
        _, model = open_run(path)
        if not path.is_dir():
            raise UsageError(path, "a model file does not say which images it was trained on", "name a run directory")
        config = data_of_run(config_of_run(path), path, None, "restore the data")
        runs.append(ComparedRun(path, config, model))
        if set(model.class_names) != set(runs[0].model.class_names):
            raise DataError(path, f"its classes are not those of {runs[0].path}", "compare runs of the same classes")
    return tuple(runs)


def compare(runs: tuple[ComparedRun, ...], split: str) -> Comparison:
    """Let runs answer the images of a split that they have in common.

    Raises DataError if these are few and the splits differ, if a run has no such split, or if its data has changed.
    """
    datasets = [*_splits(runs, split)]
    keys = _keys(runs, datasets)
    common = set(keys[0]).intersection(*keys[1:])
    if len(common) < max(map(len, datasets)) and len(common) < FEWEST:
        problem = f"only {plural(len(common), f'{split} image')} in common, too few to compare"
        remedy = f"train on the same data with the same seed and data.val_fraction{_OR_TEST if split == 'val' else ''}"
        raise DataError(" and ".join(str(run.path) for run in runs), problem, remedy)
    names, shown, predicted = runs[0].model.class_names, [], []
    for run, dataset, those in zip(runs, datasets, keys, strict=True):
        row_of = {key: row for row, key in enumerate(those)}
        shown.append(dataset.subset(np.array([row_of[key] for key in keys[0] if key in common], np.int64)))
        class_of = np.array([names.index(name) for name in run.model.class_names])
        predicted.append(class_of[predicted_classes(run.model, featured(run.model.features, shown[-1]))])
    images = match_classes(shown[0], names, where(runs[0].config))
    return Comparison(split, runs, tuple(map(len, datasets)), images, np.array(predicted))


def _splits(runs: Sequence[ComparedRun], split: str) -> list[Dataset]:
    """Load the split of each run; what several runs share is loaded once."""
    loaded: dict[str, tuple[Dataset, Dataset | None]] = {}
    found = []
    for run in runs:
        dataset: Dataset | None
        if split == "test":
            dataset = load_own_test(run.model, run.config)
        else:
            same = repr(run.config.model_dump(include={"data", "seed", "preprocess"}))
            if same not in loaded:
                loaded[same] = load_training_data(run.config)
            train, dataset = loaded[same]
            check_data(train, dataset, run.path, where(run.config), _RESTORE)
        if dataset is None:
            remedy = f"train with data.val_fraction above 0{_OR_TEST}" if split == "val" else "compare on val"
            raise DataError(where(run.config), f"there is no {split} split", remedy)
        run.model.input.check_shape(dataset, where(run.config), f"the data has changed since the run: {_RESTORE}")
        found.append(dataset)
    return found


def _keys(runs: Sequence[ComparedRun], datasets: Sequence[Dataset]) -> list[list[Hashable]]:
    """Return a key for each image of each data set, equal for the same image.

    Runs that read the same data may make another size or color of it: for them, it is the path of the image's file or
    its row. For others, it is what the image consists of.
    """
    if len({_what_is_read(run.config) for run in runs}) > 1:
        return [_contents(dataset) for dataset in datasets]
    return [[*(dataset.paths_of(np.arange(len(dataset))) or dataset.places.tolist())] for dataset in datasets]


def _what_is_read(config: Config) -> str:
    data = config.data.model_dump(include={"source", "path", "labels", "options"})
    return f"{data} {config.seed if 'seed' in SOURCES[config.data.source].settings else ''}"


def _contents(dataset: Dataset) -> list[Hashable]:
    """Return the digest of each image, its class, and how many equal ones come before it."""
    seen: Counter[tuple[bytes, str]] = Counter()
    keys: list[Hashable] = []
    for digest, label in zip(digests(dataset.pixels, len(dataset), dataset.at_once), dataset.y.tolist(), strict=True):
        key = digest, dataset.class_names[label]
        seen[key] += 1
        keys.append((*key, seen[key]))
    return keys
