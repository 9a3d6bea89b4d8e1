"""Results of a sweep: sweep.csv, and the best values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgclf.errors import RunError, excerpt
from imgclf.files.csv_text import Cell, csv_text
from imgclf.metrics import wilson_interval
from imgclf.run.run_dir import read_json, read_metrics, read_status, read_table
from imgclf.sweep.trials import Trial

FILE = "sweep.csv"
MEASURED = (
    "status", "epochs", "val/objective", "val/accuracy", "accuracy_low", "accuracy_high", "train/accuracy", "run",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a run reached; `objective` and accuracies are None if it diverged before its first epoch ended.

    status  finished, diverged, or paused: halving has not gone on with it
    n       the number of its validation images
    """

    trial: Trial
    status: str
    epochs: int
    objective: float | None
    accuracy: float | None
    train_accuracy: float | None
    n: int

    @property
    def correct(self) -> int:
        """The number of validation images that are right; 0 for a run that diverged."""
        return 0 if self.accuracy is None or self.status == "diverged" else round(self.accuracy * self.n)

    def cells(self) -> list[Cell]:
        """Return its row of sweep.csv."""
        interval = (None, None) if self.accuracy is None else wilson_interval(round(self.accuracy * self.n), self.n)
        values = [one if isinstance(one, int | float | str | None) else str(one) for one in self.trial.values.values()]
        measured = [self.status, self.epochs, self.objective, self.accuracy, *interval, self.train_accuracy]
        return [*values, self.trial.config.seed, self.trial.config.data.fold, *measured, self.trial.name]


def read_result(trial: Trial, directory: Path, epochs: int | None = None) -> Result:
    """Read what a run reached, in its first `epochs` or in all; raises RunError if its files are damaged."""
    try:
        return _read(trial, directory, epochs)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(directory, f"not the results of a run ({excerpt(error)})", "move it away, and resume") from error


def _read(trial: Trial, directory: Path, epochs: int | None) -> Result:
    status, n = read_status(directory), read_json(directory / "environment.json")["data_images"]["val"]
    table = read_table(directory / "metrics.csv")
    rows = list(zip(*(table[key] for key in ("val/loss", "val/accuracy", "train/accuracy")), strict=True))
    done = len(rows) if epochs is None else min(epochs, len(rows))
    if status == "finished" and done == len(rows):
        metrics = read_metrics(directory)
        val, train = metrics["val"], metrics["train"]
        measured = val["objective"], val["accuracy"], train["accuracy"]
    else:
        status = status if status == "diverged" else "paused"
        measured = rows[done - 1] if done else (None, None, None)
    result = Result(trial, status, done, *measured, n)
    result.cells()  # raises ValueError where they are no shares
    return result


@dataclass(frozen=True)
class Candidate:
    """Values that were tried, with the results of all their runs, and what these have in common.

    Folds are validated on different images, so these add up; another seed sees as many again, which tell no more.
    """

    results: tuple[Result, ...]

    @property
    def number(self) -> int:
        """Its number, from 0."""
        return self.results[0].trial.candidate

    @property
    def values(self) -> dict[str, Any]:
        """The values of the swept keys."""
        return self.results[0].trial.values

    @property
    def seeds(self) -> int:
        """The number of seeds of its runs."""
        return len({result.trial.config.seed for result in self.results})

    @property
    def correct(self) -> float:
        """The number of validation images that are right, on average over the seeds."""
        return sum(result.correct for result in self.results) / self.seeds

    @property
    def n(self) -> int:
        """The number of validation images of a seed."""
        return sum(result.n for result in self.results) // self.seeds

    @property
    def accuracy(self) -> float:
        """The share of validation images that are right."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the accuracy."""
        return wilson_interval(self.correct, self.n)

    @property
    def status(self) -> str:
        """Finished, if all of its runs are; else diverged or paused."""
        return min((result.status for result in self.results), key=("diverged", "paused", "finished").index)

    def score(self) -> tuple[float, ...]:
        """Return what sorts candidates, the best first: by accuracy, then by the loss on val."""
        losses = [result.objective for result in self.results if result.objective is not None]
        loss = sum(losses) / len(losses) if losses else math.inf
        return self.status == "diverged", -self.accuracy, loss, self.number


def ranked(results: Sequence[Result]) -> list[Candidate]:
    """Group results by their values; return the best first."""
    groups: dict[int, list[Result]] = {}
    for result in results:
        groups.setdefault(result.trial.candidate, []).append(result)
    return sorted((Candidate(tuple(group)) for group in groups.values()), key=Candidate.score)


def indistinguishable(finished: Sequence[Candidate]) -> int:
    """Count the candidates, the first and best included, whose accuracy lies within the interval of the best."""
    low, _ = finished[0].interval if finished else (0, 1)
    return sum(one.accuracy >= low for one in finished)


def sweep_csv(results: Sequence[Result]) -> str:
    """Return sweep.csv: a row for each run, in their order; no clock in it."""
    keys = list(results[0].trial.values)
    return csv_text([[*keys, "seed", "fold", *MEASURED], *(result.cells() for result in results)])
