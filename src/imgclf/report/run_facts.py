"""Facts of a run, read from its directory for the diagnosis."""

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.errors import RunError, excerpt
from imgclf.run.learning import read_steps
from imgclf.run.model_file import load_model
from imgclf.run.opening import config_of_run
from imgclf.run.run_dir import read_file, read_json, read_metrics, read_status, read_table
from imgclf.training.class_weights import loss_at_zero
from imgclf.training.classifier import Model
from imgclf.training.epochs import LARGE_SPREAD
from imgclf.training.evaluation import Evaluation
from imgclf.training.plan import scale_problem

ROUNDING = 1e-5  # of a loss, in float32


class Split(NamedTuple):
    """The entry of a split in metrics.json."""

    objective: float
    data_loss: float
    accuracy: float
    n: int


class Counts(NamedTuple):
    """The examples of each class that are right, all of them, and those predicted to be of it; (C,) int64 each."""

    right: IntArray
    support: IntArray
    predicted: IntArray


@dataclass(frozen=True)
class RunFacts:
    """What a run directory holds.

    directory      as a command names it
    noun           what an example is called
    rows           the columns of metrics.csv, a number an epoch
    steps          the columns of steps.csv, as far as they are known; runs of earlier versions have none
    train, val     of metrics.json; None before the end of the run, and where there is no such split
    seen           the counts of the confusion matrix: of val, or of train where there is no val
    of_train       those of train, which no file has: known if the caller has evaluated it
    scale_problem  what is wrong with the scale of x, and the override that mends it; "" if nothing, or not known
    """

    directory: Path
    config: Config
    status: str
    class_names: tuple[str, ...]
    class_weights: FloatArray | None = None
    noun: str = "image"
    rows: dict[str, list[float | None]] = field(default_factory=dict)
    steps: tuple[IntArray, FloatArray] | None = None
    train: Split | None = None
    val: Split | None = None
    seen: Counts | None = None
    of_train: Counts | None = None
    scale_problem: tuple[str, str] = ("", "")

    def column(self, name: str) -> FloatArray:
        """Return a column of metrics.csv, (epochs,) float64; empty if a number is missing or not finite."""
        values = np.array([np.nan if value is None else value for value in self.rows.get(name, [])], np.float64)
        return values if np.isfinite(values).all() else values[:0]

    @property
    def epochs(self) -> int:
        """The number of complete epochs."""
        return len(self.rows.get("epoch", []))

    @property
    def guessing(self) -> float:
        """The loss of a model that knows nothing: all scores are 0. NaN if the classes are not known."""
        counts = self.of_train or self.seen
        support = np.ones(len(self.class_names), np.int64) if counts is None else counts.support
        return loss_at_zero(self.config.model.loss, support, self.class_weights) if len(support) else math.nan

    def is_above_guessing(self, loss: float) -> bool:
        """Whether a loss is above that of a model that knows nothing, by more than rounding."""
        return loss > self.guessing * (1 + ROUNDING)

    @property
    def learned(self) -> float:
        """How far the loss has fallen since W = 0; 0 before the end of the run."""
        return self.guessing - self.train.objective if self.train else 0.0

    @property
    def penalty(self) -> float:
        """The part of the loss that is the penalty on W; 0 before the end of the run."""
        return self.train.objective - self.train.data_loss if self.train else 0.0


def read_facts(
    directory: Path,
    *,
    model: Model | None = None,
    train: Evaluation | None = None,
    val: Evaluation | None = None,
    fitted: tuple[Preprocess, Dataset] | None = None,
) -> RunFacts:
    """Read what a run directory says; raises RunError if a file is damaged.

    model, train, val   the run's model and its evaluations, if the caller has them: files need not be read again, and
                        more is known than they say
    fitted              the run's preprocessing and its training images, if the caller has them: the scale is known
    """
    if model is None and (directory / "model.npz").exists():
        model = load_model(directory / "model.npz")
    environment = read_json(directory / "environment.json")
    names = model.class_names if model else _texts(environment.get("data_classes"))
    metrics = read_metrics(directory) if (directory / "metrics.json").exists() else {}
    evaluated = val or train
    return RunFacts(
        directory,
        config_of_run(directory),
        read_status(directory),
        names,
        class_weights=model.class_weights if model else None,
        noun="image" if model is None or model.preprocess.is_image else "example",
        rows=read_table(directory / "metrics.csv") if (directory / "metrics.csv").exists() else {},
        steps=read_steps(directory),
        train=_split(directory, metrics, "train"),
        val=_split(directory, metrics, "val"),
        seen=_counts(evaluated) if evaluated else _read_counts(directory / "confusion_matrix.csv", len(names)),
        of_train=_counts(train) if train else None,
        scale_problem=scale_problem(*fitted, LARGE_SPREAD) if fitted else ("", ""),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else ()


def _split(directory: Path, metrics: dict[str, Any], name: str) -> Split | None:
    if (entry := metrics.get(name)) is None:
        return None
    try:
        split = Split(float(entry["objective"]), float(entry["data_loss"]), float(entry["accuracy"]), int(entry["n"]))
        if not (0 <= split.accuracy <= 1 and split.n > 0):
            raise ValueError(f"an accuracy of {split.accuracy} of {split.n}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        problem = f"not the metrics of {name} ({excerpt(error)})"
        raise RunError(directory / "metrics.json", problem, "it is written by `imgclf train`") from error
    return split


def _counts(seen: Evaluation) -> Counts:
    return Counts(*seen.pairs.totals(len(seen.ranks)))


def _read_counts(path: Path, classes: int) -> Counts | None:
    if not path.exists():
        return None
    try:
        rows = list(csv.reader(read_file(path).decode("utf-8").splitlines()))[1:]
        matrix = np.array([[int(cell) for cell in row[1:]] for row in rows], np.int64)
        if matrix.shape != (classes, classes) or (matrix < 0).any() or not matrix.any():
            raise ValueError(f"{matrix.shape} numbers")
    except (ValueError, OverflowError, csv.Error) as error:
        problem = f"not the confusion matrix of {classes} classes ({excerpt(error)})"
        raise RunError(path, problem, "it is written by `imgclf train`") from error
    return Counts(matrix.diagonal().copy(), matrix.sum(axis=1), matrix.sum(axis=0))
