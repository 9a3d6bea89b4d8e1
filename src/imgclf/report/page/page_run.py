"""Read a run for its page: directory, model and data."""

from dataclasses import dataclass
from pathlib import Path

from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError, RunError
from imgclf.machine.cores import helpful_threads
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.data_identity import check_data
from imgclf.run.learning import read_path
from imgclf.run.model_file import load_model
from imgclf.speed.threads import workers
from imgclf.training.classifier import Model
from imgclf.training.evaluation import Evaluation, evaluate
from imgclf.training.loading import load_training_data, where
from imgclf.training.plan import make_plan


@dataclass(frozen=True)
class PageRun:
    """What a page is made from.

    seen        the evaluation of the model on the split that is shown: val, or train if there is no val
    kept_epoch  the epoch whose weights early stopping kept
    """

    directory: Path
    config: Config
    model: Model
    train: Dataset
    val: Dataset | None
    seen: Evaluation
    kept_epoch: int | None = None

    @property
    def split(self) -> str:
        """The name of the split that is shown."""
        return "val" if self.val else "train"

    @property
    def shown(self) -> Dataset:
        """The split that is shown."""
        return self.val or self.train


def read_run(directory: Path, config: Config, remedy: str) -> PageRun:
    """Read a run from its directory and its data, finished or not.

    `config` says where the data is now. A diverged run has no model: its last weights that were finite take its place.
    """
    checkpoint, _ = load_checkpoint(directory)
    if (directory / "model.npz").exists():
        model = load_model(directory / "model.npz")
        train, val = load_training_data(config)
    elif (path := read_path(directory)) or checkpoint:
        plan = make_plan(config)
        train, val = plan.train, plan.val
        weights = path.weights[-1] if path else checkpoint.snapshot.state.weights if checkpoint else None
        if weights is None or weights.shape != plan.weights.shape:
            raise RunError(directory, "its weights do not fit its data", "restore the data, or train again")
        model = plan.model(weights)
    else:
        raise RunError(directory, "there is no model.npz, no path.npz and no checkpoint", "train again")
    check_data(train, val, directory, where(config), remedy)
    if train.example_shape != model.preprocess.example_shape or train.class_names != model.class_names:
        raise DataError(where(config), "other images or classes than the model's", remedy)
    with workers(helpful_threads(*model.weights.shape)) as sum_blocks:
        seen = evaluate(model, val or train, sum_blocks)
    best = checkpoint.snapshot.best if checkpoint else None
    return PageRun(directory, config, model, train, val, seen, best.epoch if best else None)
