"""A run as its pictures and its page show it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.config import Config
from imgclf.data.batches import steps_per_epoch
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError, RunError
from imgclf.machine.cores import helpful_threads
from imgclf.report.class_means import class_means
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.data_identity import check_data
from imgclf.run.learning import LearningPath, read_path
from imgclf.run.model_file import load_model
from imgclf.run.run_dir import read_status, read_table
from imgclf.speed.threads import workers
from imgclf.training.classifier import Model
from imgclf.training.evaluation import Evaluation, evaluate
from imgclf.training.features import featured_splits
from imgclf.training.loading import load_training_data, where
from imgclf.training.plan import make_plan

FINISHED = "finished"


@dataclass(frozen=True)
class ShownRun:
    """A run to show: a finished one, or one that was interrupted or diverged.

    model        with the weights of model.npz; of a run that diverged, with the last finite ones
    status       finished, interrupted or diverged
    kept_epoch   the epoch whose weights early stopping kept
    data         () -> the training images, and the validation images if there are some
    evaluate     () -> the evaluation of the split that is shown; None: the run is not finished

    Both functions are called by what needs them only.
    """

    directory: Path
    config: Config
    model: Model
    status: str
    kept_epoch: int | None
    data: Callable[[], tuple[Dataset, Dataset | None]]
    evaluate: Callable[[], Evaluation] | None = None

    @cached_property
    def splits(self) -> tuple[Dataset, Dataset | None]:
        """The training images, and the validation images if there are some."""
        return self.data()

    @property
    def train(self) -> Dataset:
        """The training images."""
        return self.splits[0]

    @property
    def val(self) -> Dataset | None:
        """The validation images."""
        return self.splits[1]

    @property
    def split(self) -> str:
        """The name of the split that is shown: val, or train if there is no val."""
        return "val" if self.val else "train"

    @property
    def shown(self) -> Dataset:
        """The split that is shown."""
        return self.val or self.train

    @cached_property
    def seen(self) -> Evaluation:
        """The evaluation of the split that is shown."""
        assert self.evaluate is not None, "only a finished run is evaluated"
        return self.evaluate()

    def prepare(self) -> None:
        """Load the data and evaluate the model, before several threads ask for them."""
        _ = self.splits, self.evaluate and self.seen

    @cached_property
    def class_means(self) -> list[ByteArray | None]:
        """The mean training image of each class."""
        return class_means(self.train)

    @cached_property
    def metrics(self) -> dict[str, list[float | None]]:
        """The columns of metrics.csv, a number an epoch."""
        return read_table(self.directory / "metrics.csv")

    @property
    def kept_step(self) -> int | None:
        """The number of steps after which early stopping kept the weights; None if it kept the last ones."""
        end = dict(zip(self.metrics["epoch"], self.metrics["step"], strict=True)).get(self.kept_epoch)
        return None if end is None or self.kept_epoch == self.metrics["epoch"][-1] else int(end)

    @cached_property
    def path(self) -> LearningPath | None:
        """The weights on the way, those that early stopping kept among them; None if the run has no path.npz."""
        path, step = read_path(self.directory), self.kept_step
        if path is None or step is None or step in path.steps:
            return path
        at = int(path.steps.searchsorted(step))
        return LearningPath(np.insert(path.steps, at, step), np.insert(path.weights, at, self.model.weights, axis=0))

    @property
    def kept_place(self) -> int | None:
        """The place of the kept weights in the path; None if they are the last."""
        if self.path is None or self.kept_step is None:
            return None
        return int(self.path.steps.searchsorted(self.kept_step))

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch: of the first one, or what the data will make it."""
        if ends := self.metrics["step"]:
            return int(ends[0] or 0)
        n, size = len(self.train), self.config.train.batch_size
        return steps_per_epoch(n, n if size == "all" else size)

    @property
    def title(self) -> str:
        """The name of the run, its loss, and how it ended if not well."""
        return f"{self.directory.name}: {self.model.loss}" + ("" if self.status == FINISHED else f", {self.status}")


def read_run(directory: Path, config: Config, remedy: str) -> ShownRun:
    """Read a run from its directory and its data, finished or not, and check that they belong together.

    `config` says where the data is now. A diverged run has no model: its last weights that were finite take its place.
    """
    checkpoint, _ = load_checkpoint(directory)
    if (directory / "model.npz").exists():
        model = load_model(directory / "model.npz")
        train, val = load_training_data(config)
    elif (path := read_path(directory)) or checkpoint:
        train, val = load_training_data(config)
        plan = make_plan(config, load=lambda _: (train, val))
        weights = path.weights[-1] if path else checkpoint.snapshot.state.weights if checkpoint else None
        if weights is None or weights.shape != plan.weights.shape:
            raise RunError(directory, "its weights do not fit its data", "restore the data, or train again")
        model = plan.model(weights)
    else:
        raise RunError(directory, "there is no model.npz, no path.npz and no checkpoint", "train again")
    check_data(train, val, directory, where(config), remedy)
    if train.example_shape != model.input.example_shape or train.class_names != model.class_names:
        raise DataError(where(config), "other images or classes than the model's", remedy)
    train, val = featured_splits(model.features, (train, val))
    status, best = read_status(directory), checkpoint.snapshot.best if checkpoint else None
    kept = best.epoch if best and status == FINISHED else None  # until then, model.npz has the last weights

    def data() -> tuple[Dataset, Dataset | None]:
        return train, val

    return ShownRun(directory, config, model, status, kept, data, partial(evaluate_shown, model, data))


def evaluate_shown(
    model: Model, data: Callable[[], tuple[Dataset, Dataset | None]], threads: int | None = None
) -> Evaluation:
    """Evaluate val, or train if there is no val; threads None: as many as help."""
    train, val = data()
    with workers(threads or helpful_threads(*model.weights.shape)) as sum_blocks:
        return evaluate(model, val or train, sum_blocks)
