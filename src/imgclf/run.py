"""One training run: what happens between two steps of the loop, and what it leaves in its directory."""

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from imgclf import run_dir
from imgclf.arrays import FloatArray, SumFn
from imgclf.compose import Plan
from imgclf.early_stopping import Best, watch
from imgclf.errors import DivergedError
from imgclf.evaluate import Evaluation, evaluate
from imgclf.gradients import BatchGradient
from imgclf.model import split
from imgclf.model_file import Model, model_bytes
from imgclf.parallel import in_blocks
from imgclf.storage import write_whole
from imgclf.trainer import TrainState, descend, start


@dataclass(frozen=True)
class Step:
    """A step was made; `loss` is that of its batch before it."""

    step: int
    loss: float
    weights: FloatArray  # (D+1, C), after it


@dataclass(frozen=True)
class Epoch:
    """Every example was seen once more; `row` is that of metrics.csv."""

    row: run_dir.Row
    seconds: float
    images_per_second: float
    improved: bool | None  # None without early stopping

    def timing(self) -> run_dir.Row:
        """Return the row of timings.csv."""
        return {
            "epoch": self.row["epoch"],
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
        }


@dataclass(frozen=True)
class Finished:
    """The run is over; what full passes with the model's weights saw."""

    model: Model
    epochs: int
    steps: int
    best_epoch: int | None  # of early stopping: the model is that epoch's
    train: Evaluation
    val: Evaluation | None

    def metrics(self) -> dict[str, dict[str, float | int] | None]:
        """Return what metrics.json holds."""
        return {"train": self.train.summary(), "val": self.val.summary() if self.val else None}


Event: TypeAlias = Step | Epoch | Finished


def train(plan: Plan, sum_blocks: SumFn) -> Generator[Event, None, None]:
    """Train, and yield what happens as it happens; nothing is written."""
    state, epoch = start(plan.weights, plan.optimizer), 0
    best: Best | None = None
    previous_loss: float | None = None
    steps = descend(
        state,
        sample=plan.sample,
        objective=plan.objective,
        evaluate_gradient=in_blocks(plan.evaluate_gradient, sum_blocks),
        optimizer=plan.optimizer,
        step_size=plan.step_size,
    )
    while epoch < plan.config.train.epochs and not _patience_is_over(plan, best):
        epoch += 1
        tally = Tally()
        for _ in range(plan.steps_per_epoch):
            before = state
            seen, state = next(steps)
            _check_finite(plan, seen.loss, before.step, previous_loss)
            previous_loss = seen.loss
            tally.add(seen, plan.examples(before.step))
            yield Step(state.step, seen.loss, state.weights)
        seconds = tally.seconds()
        row = _row(plan, epoch, tally, before, state, sum_blocks)
        best = _watch(plan, best, row, state.weights)
        yield Epoch(row, seconds, len(plan.train) / seconds, best.improved if best else None)
    yield _finish(plan, epoch, state, best, sum_blocks)


def run(plan: Plan, directory: Path, sum_blocks: SumFn) -> Generator[Event, None, None]:
    """Train in a directory that holds the config already; yield what happens once it is written there."""
    run_dir.write_status(directory, "running")
    run_dir.start_table(directory / "metrics.csv", run_dir.METRICS)
    run_dir.start_table(directory / "timings.csv", run_dir.TIMINGS)
    weights = plan.weights
    try:
        for event in train(plan, sum_blocks):
            if isinstance(event, Finished):
                break
            if isinstance(event, Step):
                weights = event.weights
            else:
                run_dir.append_row(directory / "metrics.csv", run_dir.METRICS, event.row)
                run_dir.append_row(directory / "timings.csv", run_dir.TIMINGS, event.timing())
            yield event
    except DivergedError:
        run_dir.write_status(directory, "diverged")
        raise
    except BaseException:
        # Ctrl-C, a full disk, a bug: what was learned so far is kept, and the status tells the truth.
        write_whole(directory / "model.npz", model_bytes(plan.model(weights)))
        run_dir.write_status(directory, "interrupted")
        raise
    assert isinstance(event, Finished), "training ends with its results"
    write_whole(directory / "model.npz", model_bytes(event.model))
    run_dir.write_json(directory / "metrics.json", event.metrics())
    run_dir.write_status(directory, "finished")
    yield event


class Tally:
    """Adds up what the steps of one epoch saw, and the time they took."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._loss = self._correct = self._examples = 0.0

    def add(self, seen: BatchGradient, examples: int) -> None:
        """Count a batch of so many examples."""
        self._loss += seen.loss * examples
        self._correct += seen.correct
        self._examples += examples

    def seconds(self) -> float:
        """Return the time since the epoch began."""
        return time.perf_counter() - self._began

    @property
    def loss(self) -> float:
        """The mean over the examples, each as it was trained on."""
        return self._loss / self._examples

    @property
    def accuracy(self) -> float:
        """The share that was right when it was trained on."""
        return self._correct / self._examples


def _row(plan: Plan, epoch: int, tally: Tally, before: TrainState, state: TrainState, sum_blocks: SumFn) -> run_dir.Row:
    val = None if plan.val is None else evaluate(plan.model(state.weights), plan.val, sum_blocks)
    if val is not None:
        _check_finite(plan, val.objective, state.step, what="the loss on the validation split")
    W_before, W = (split(weights)[0].astype(np.float64) for weights in (before.weights, state.weights))
    length = float(np.linalg.norm(W))
    return {
        "epoch": epoch,
        "step": state.step,
        "step_size": plan.step_size(before.step),
        "train/loss": tally.loss,
        "train/accuracy": tally.accuracy,
        "val/loss": val.objective if val else None,
        "val/accuracy": val.accuracy if val else None,
        "update_ratio": float(np.linalg.norm(W - W_before)) / length if length else None,
    }


def _watch(plan: Plan, best: Best | None, row: run_dir.Row, weights: FloatArray) -> Best | None:
    watched = plan.config.early_stopping
    if watched is None:
        return None
    value = row[watched.monitor]
    assert value is not None, "a plan monitors only what there is"
    larger = watched.monitor.endswith("accuracy")
    return watch(best, int(row["epoch"] or 0), value, weights, larger_is_better=larger, min_delta=watched.min_delta)


def _patience_is_over(plan: Plan, best: Best | None) -> bool:
    watched = plan.config.early_stopping
    return watched is not None and best is not None and best.waited >= watched.patience


def _finish(plan: Plan, epochs: int, state: TrainState, best: Best | None, sum_blocks: SumFn) -> Finished:
    model = plan.model(best.weights if best else state.weights)
    train = evaluate(model, plan.train, sum_blocks)
    val = None if plan.val is None else evaluate(model, plan.val, sum_blocks)
    _check_finite(plan, train.objective, state.step)
    return Finished(model, epochs, state.step, best.epoch if best else None, train, val)


def _check_finite(
    plan: Plan, loss: float, steps: int, previous_loss: float | None = None, what: str = "the loss"
) -> None:
    """Stop at the first loss that is not a number, `steps` steps after the start, and say what to try."""
    if math.isfinite(loss):
        return
    size = f"after a step of size {plan.step_size(steps - 1):.6g}" if steps else "before the first step"
    was = "" if previous_loss is None else f"; it was {previous_loss:.6g} before"
    if plan.preprocess.is_picture and plan.preprocess.scale == 1:
        remedy = "pixels are 0..255: try preprocess.scale: 255"
    else:
        remedy = f"try a smaller schedule.step_size than {plan.config.schedule.step_size:g}"
    raise DivergedError(f"step {steps}", f"{what} is {loss} {size}{was}", remedy)
