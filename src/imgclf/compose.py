"""Where names become functions: from a config to the parts of a run."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.batches import batch_length, epoch_sampler, steps_per_epoch
from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess, fit_preprocess
from imgclf.data.sources import SOURCES, recognise
from imgclf.data.splits import limit, match_classes, split_off_validation
from imgclf.errors import DataError, UsageError
from imgclf.formats.images import conform
from imgclf.gradients import GRADIENTS, GradientFn, Objective
from imgclf.losses import LOSSES
from imgclf.model_file import Model
from imgclf.optimizers import OPTIMIZERS, Optimizer
from imgclf.schedules import SCHEDULES, Schedule, with_warmup
from imgclf.seeds import WEIGHTS, stream


@dataclass(frozen=True)
class Plan:
    """Everything that a run is made of, put together and not yet started."""

    config: Config
    train: Dataset
    val: Dataset | None
    preprocess: Preprocess
    objective: Objective
    evaluate_gradient: GradientFn
    optimizer: Optimizer
    step_size: Schedule
    sample: Callable[[int], Batch]
    weights: FloatArray  # (D+1, C), before the first step
    batch_size: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """The steps of the whole run."""
        return self.config.train.epochs * self.steps_per_epoch

    def batch_length(self, step: int) -> int:
        """Return how many examples batch number `step` has."""
        return batch_length(step, len(self.train), self.batch_size)

    def model(self, weights: FloatArray) -> Model:
        """Return the classifier with these weights."""
        names, loss = self.train.class_names, self.config.model.loss
        return Model(weights, self.preprocess, names, loss, self.objective.l2, self.objective.l1)


def make_plan(config: Config) -> Plan:
    """Load the data of a run and choose its functions. The test split is never opened."""
    train, val = load_training_data(config)
    check_early_stopping(config, val)
    preprocess = fit(config, train)
    size = len(train) if config.train.batch_size == "all" else min(config.train.batch_size, len(train))
    per_epoch = steps_per_epoch(len(train), size)
    return Plan(
        config=config,
        train=train,
        val=val,
        preprocess=preprocess,
        objective=make_objective(config),
        evaluate_gradient=GRADIENTS[config.train.gradient],
        optimizer=make_optimizer(config),
        step_size=make_schedule(config, per_epoch),
        sample=epoch_sampler(len(train), size, config.seed, preprocess.reader(train)),
        weights=initial_weights(config, preprocess.size, len(train.class_names)),
        batch_size=size,
        steps_per_epoch=per_epoch,
    )


def make_objective(config: Config, loss: str | None = None) -> Objective:
    """Return the config's objective, or the same with another loss."""
    penalty = config.regularization
    return Objective(LOSSES[loss or config.model.loss], penalty.l2, penalty.l1)


def make_optimizer(config: Config) -> Optimizer:
    """Return the config's optimizer."""
    return OPTIMIZERS[config.optimizer.name](**config.optimizer.model_dump(exclude={"name"}))


def make_schedule(config: Config, per_epoch: int) -> Schedule:
    """Return the config's schedule; what it counts in epochs becomes steps."""
    chosen = config.schedule.model_dump()
    name, warmup = chosen.pop("name"), round(chosen.pop("warmup_epochs") * per_epoch)
    if name in ("step", "exponential"):
        chosen["every"] = chosen.pop("every_epochs", 1) * per_epoch
    elif name in ("cosine", "linear"):
        chosen["steps"] = config.train.epochs * per_epoch
    return with_warmup(SCHEDULES[name](**chosen), warmup)


def initial_weights(config: Config, size: int, classes: int) -> FloatArray:
    """Return W normal with the config's standard deviation and b = 0, (D+1, C)."""
    weights = np.zeros((size + 1, classes), config.train.dtype)
    if config.model.init_scale:
        normal = np.random.Generator(stream(config.seed, WEIGHTS)).standard_normal((size, classes))
        weights[:-1] = config.model.init_scale * normal
    return weights


def fit(config: Config, train: Dataset) -> Preprocess:
    """Return the preprocessing that a config asks for, fitted on the training split."""
    chosen = config.preprocess
    return fit_preprocess(train, scale=chosen.scale, center=chosen.center, std=chosen.std, dtype=config.train.dtype)


def load_training_data(config: Config) -> tuple[Dataset, Dataset | None]:
    """Load train and val; val is the source's own, else taken from train, else there is none."""
    found = load_source(config, ("train", "val"))
    if "train" not in found:
        raise DataError(config.data.path or config.data.source, "there is no training split", "see `imgclf data info`")
    train, val = found["train"], found.get("val")
    if val is not None:
        val = match_classes(val, train.class_names)
    elif config.data.val_fraction > 0:
        train, val = split_off_validation(train, config.data.val_fraction, config.seed)
    if config.data.limit is not None:
        train = limit(train, config.data.limit, config.seed)
    if len(train) == 0 or len(train.class_names) < 2:
        raise DataError(
            config.data.path or config.data.source,
            f"{len(train)} training images of {len(train.class_names)} classes",
            "a classifier needs at least 2 classes and an image",
        )
    return train, val if val is not None and len(val) else None


def load_split(config: Config, split: str, class_names: tuple[str, ...]) -> Dataset | None:
    """Load one split as a model with these classes sees it; None where the config's data has none."""
    if split == "test":
        test = load_source(config, ("test",)).get("test")
        return None if test is None else match_classes(test, class_names)
    train, val = load_training_data(config)
    chosen = train if split == "train" else val
    return None if chosen is None else match_classes(chosen, class_names)


def load_all_splits(config: Config) -> dict[str, Dataset]:
    """Load every split there is, to look at; training opens only two of them."""
    train, val = load_training_data(config)
    splits = {"train": train, "val": val, "test": load_split(config, "test", train.class_names)}
    return {name: dataset for name, dataset in splits.items() if dataset is not None}


def load_source(config: Config, splits: Collection[str]) -> dict[str, Dataset]:
    """Load those of the splits that the config's source has, in the config's size and colour."""
    data, chosen = config.data, config.preprocess
    options: dict[str, object] = {}
    if data.source == "cifar100":
        options = {"labels": data.labels}
    elif data.source == "folder":
        options = {"image_size": chosen.image_size, "color": chosen.color}
    elif data.source == "synthetic":
        options = {"seed": config.seed, **data.options}
    found = SOURCES[data.source](None if data.path is None else Path(data.path), splits, **options)
    return {split: _resize(dataset, chosen.image_size, chosen.color) for split, dataset in found.items()}


def load_from(path: Path, model: Model) -> Dataset:
    """Load another data set for a model: its test split if it has splits, else all of it; classes by name."""
    source = recognise(path)
    shape = model.preprocess.example_shape
    options: dict[str, object] = {}
    if source == "folder" and len(shape) == 3:
        options = {"image_size": shape[:2], "color": "gray" if shape[2] == 1 else "rgb"}
    found = SOURCES[source](path, ("test",), **options) or SOURCES[source](path, ("train", "val"), **options)
    dataset = match_classes(found.get("test") or found.get("val") or found["train"], model.class_names)
    if len(shape) == 3 and len(dataset.example_shape) == 3:
        gray = shape[2] == 1
        dataset = _conform(dataset, (shape[0], shape[1]), "gray" if gray else "rgb")
    if dataset.example_shape != shape:
        raise DataError(path, f"examples are {dataset.example_shape}, the model's are {shape}", "name other data")
    return dataset


def check_early_stopping(config: Config, val: Dataset | None) -> None:
    """Refuse to watch a split that is not there."""
    watched = config.early_stopping
    if watched is not None and watched.monitor.startswith("val/") and val is None:
        raise UsageError(
            "early_stopping.monitor",
            f"{watched.monitor} needs a validation split",
            "set data.val_fraction above 0, or monitor train/loss",
        )


def _resize(dataset: Dataset, image_size: int | None, color: str | None) -> Dataset:
    if image_size is None and color is None:
        return dataset
    if len(dataset.example_shape) == 1:
        raise UsageError("preprocess", "feature vectors have no size and no colour", "drop image_size and color")
    return _conform(dataset, None if image_size is None else (image_size, image_size), color)


def _conform(dataset: Dataset, size: tuple[int, int] | None, color: str | None) -> Dataset:
    """Give every picture this size and colour, by the function that reads image files."""
    first = conform(dataset.images[0], size, color) if len(dataset.images) else None
    if first is None or first is dataset.images[0] or first.shape == dataset.example_shape:
        return dataset
    images = np.empty((len(dataset.images), *first.shape), np.uint8)
    for row, image in enumerate(dataset.images):
        images[row] = conform(image, size, color)
    return replace(dataset, images=images)
